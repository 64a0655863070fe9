/*
 * The ledger on SQLite: opening, closing, and the caller's side of the queue.
 *
 * Happy path: ol_sqlite_open takes the lock, makes the file and its tables
 * when they are missing, reads the line ids and starts the commit thread
 * (thread.c). commit hands a copy of a batch over; done gives its token back
 * once it is on disk. Reads (read.c, recall.c, reload.c) run on the caller's
 * thread.
 *
 * How it fails: opening says in words what to do. A batch that cannot be
 * committed comes out of done with its error, and so do all behind it until
 * reset; after a failed fsync there is no reset, because what SQLite reads
 * back may never have been written, so the process must end.
 *
 * The lock is flock on a file of its own: it ends with the process whatever
 * kills it, and it also keeps a second ledger in this process out, which
 * fcntl locks would let in.
 */
#include "ledger/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "ledger/schema.h"

static struct ol_sqlite *self(struct ol_ledger *l)
{
    return (struct ol_sqlite *)l;
}

enum ol_err ol_sqlite_room(struct ol_sqlite *l)
{
    uint32_t cap = l->cap_lines ? l->cap_lines * 2 : 16;
    void *more;

    if (l->n_lines < l->cap_lines)
        return OL_OK;
    more = realloc(l->lines, cap * sizeof(*l->lines));
    if (!more)
        return OL_ERR_IO;
    l->lines = more;
    l->cap_lines = cap;
    return OL_OK;
}

static enum ol_err line(struct ol_ledger *base, const uint8_t line_id[32],
                        const char *peer, uint32_t *number)
{
    struct ol_sqlite *l = self(base);
    struct ol_line_request request = {.line_id = line_id, .peer = peer};

    for (uint32_t k = 0; k < l->n_lines; k++) {
        if (memcmp(l->lines[k], line_id, 32) == 0) {
            *number = k + 1;
            return OL_OK;
        }
    }
    pthread_mutex_lock(&l->mutex);
    l->request = &request;
    pthread_cond_signal(&l->work);
    while (!request.answered)
        pthread_cond_wait(&l->answer, &l->mutex);
    if (request.err)
        memcpy(base->why, l->why, sizeof(base->why));
    else
        *number = l->n_lines;
    pthread_mutex_unlock(&l->mutex);
    return request.err;
}

static enum ol_err commit(struct ol_ledger *base, const struct ol_batch *batch)
{
    struct ol_sqlite *l = self(base);
    struct ol_held *held;
    enum ol_err err;

    OL_CHECK(batch->line <= l->n_lines);
    err = ol_held_copy(&held, batch);
    if (err)
        return err;
    pthread_mutex_lock(&l->mutex);
    if (l->outstanding >= OL_LEDGER_QUEUE) {
        pthread_mutex_unlock(&l->mutex);
        ol_held_free(held);
        return OL_ERR_AGAIN;
    }
    if (l->last)
        l->last->next = held;
    else
        l->first = held;
    l->last = held;
    l->outstanding++;
    pthread_mutex_unlock(&l->mutex);
    /* Not before: the thread would wake only to wait for the mutex. */
    pthread_cond_signal(&l->work);
    ol_recent_given(l->recent, batch);
    return OL_OK;
}

static bool done(struct ol_ledger *base, struct ol_ledger_done *out)
{
    struct ol_sqlite *l = self(base);
    struct ol_held *held = NULL;
    bool any;

    pthread_mutex_lock(&l->mutex);
    any = l->n_dones > 0;
    if (any) {
        *out = l->dones[l->done_first];
        held = l->done_held[l->done_first];
        l->done_first = (l->done_first + 1) % OL_LEDGER_QUEUE;
        l->n_dones--;
        l->outstanding--;
        if (out->err)
            memcpy(base->why, l->why, sizeof(base->why));
    }
    pthread_mutex_unlock(&l->mutex);
    if (any)
        ol_recent_done(l->recent, held, out->err == OL_OK);
    ol_held_free(held);
    return any;
}

static enum ol_err reset(struct ol_ledger *base)
{
    struct ol_sqlite *l = self(base);
    enum ol_err err = OL_OK;

    pthread_mutex_lock(&l->mutex);
    if (l->sync_failed)
        err = OL_ERR_IO;
    else if (l->outstanding > 0)
        err = OL_ERR_AGAIN;
    else
        l->failed = OL_OK;
    pthread_mutex_unlock(&l->mutex);
    return err;
}

/* What waits is committed first; nobody is woken for it any more. */
static void close_sqlite(struct ol_ledger *base)
{
    struct ol_sqlite *l = self(base);

    if (l->running) {
        pthread_mutex_lock(&l->mutex);
        l->stop = true;
        l->wake = NULL;
        pthread_cond_signal(&l->work);
        pthread_mutex_unlock(&l->mutex);
        pthread_join(l->thread, NULL);
    }
    for (uint32_t k = 0; k < l->n_dones; k++)
        ol_held_free(l->done_held[(l->done_first + k) % OL_LEDGER_QUEUE]);
    ol_recent_free(l->recent);
    /* The writer last: it copies the log back and removes it. */
    ol_sql_close(&l->reader);
    ol_sql_close(&l->writer);
    if (l->lock_fd >= 0)
        close(l->lock_fd);
    pthread_cond_destroy(&l->answer);
    pthread_cond_destroy(&l->work);
    pthread_mutex_destroy(&l->mutex);
    free(l->lines);
    free(l->path);
    ol_wipe(l, sizeof(*l));
    free(l);
}

/* An error of the operating system while opening. */
static enum ol_err refused(struct ol_sqlite *l, const char *doing)
{
    int os = errno;
    char text[64];

    snprintf(l->writer.why, sizeof(l->writer.why),
             "%s: cannot %s: %s: %s", l->path, doing,
             strerror_r(os, text, sizeof(text)),
             os == ENOSPC || os == EDQUOT
                 ? "free some room on that disk"
                 : "check the folder's owner, mode and disk");
    return os == ENOSPC || os == EDQUOT ? OL_ERR_FULL : OL_ERR_IO;
}

static enum ol_err take_lock(struct ol_sqlite *l)
{
    char name[4096];

    if (snprintf(name, sizeof(name), "%s.lock", l->path) >=
        (int)sizeof(name)) {
        errno = ENAMETOOLONG;
        return refused(l, "lock");
    }
    l->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (l->lock_fd < 0)
        return refused(l, "make the lock file");
    if (flock(l->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return OL_OK;
    if (errno != EWOULDBLOCK)
        return refused(l, "lock");
    snprintf(l->writer.why, sizeof(l->writer.why),
             "%s: another openline has this ledger open: end that one, or "
             "talk to it", l->path);
    return OL_ERR_LOCKED;
}

static uint64_t size_of(const char *path, const char *end)
{
    struct stat st;
    char name[4096];
    int n = snprintf(name, sizeof(name), "%s%s", path, end);

    return n < (int)sizeof(name) && stat(name, &st) == 0 && st.st_size > 0
               ? (uint64_t)st.st_size : 0;
}

/* An empty ledger where there was one is no new ledger: SQLite would throw
 * its log away, and the station would give its numbers twice. That one was
 * made here is written into the lock file, which nobody copies or empties. */
static enum ol_err still_there(struct ol_sql *sql)
{
    if (size_of(sql->path, "") > 0 ||
        (size_of(sql->path, ".lock") == 0 && size_of(sql->path, "-wal") == 0))
        return OL_OK;
    snprintf(sql->why, sizeof(sql->why),
             "%s: it is %s, and there was a ledger here: bring it back, or "
             "'openline restore' a backup, or 'openline init --identity' a "
             "new directory; nothing was touched", sql->path,
             access(sql->path, F_OK) == 0 ? "empty" : "gone");
    return OL_ERR_CORRUPT;
}

static enum ol_err note_made(struct ol_sqlite *l)
{
    static const char word[] = "made\n";

    if (size_of(l->path, ".lock") > 0)
        return OL_OK;
    if (pwrite(l->lock_fd, word, 5, 0) == 5 && fsync(l->lock_fd) == 0)
        return OL_OK;
    return refused(l, "write the lock file");
}

/* SQLite would make the file readable for others; its log and its index take
 * the file's mode. */
static enum ol_err make_file(struct ol_sqlite *l)
{
    int fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return refused(l, "open");
    close(fd);
    return OL_OK;
}

/* No signal is handled on the commit thread. */
static enum ol_err start(struct ol_sqlite *l)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    errno = pthread_create(&l->thread, NULL, ol_sqlite_thread, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (errno != 0)
        return refused(l, "start the commit thread");
    l->running = true;
    return OL_OK;
}

static enum ol_err open_all(struct ol_sqlite *l)
{
    int64_t seq = 0;
    enum ol_err err = take_lock(l);

    l->writer.path = l->path;
    if (!err)
        err = still_there(&l->writer);
    if (!err)
        err = make_file(l);
    if (!err)
        err = ol_sql_open(&l->writer, l->path, true);
    if (!err)
        err = ol_schema_ready(&l->writer);
    if (!err && size_of(l->path, "") <= OL_CHECK_MAX)
        err = ol_sql_whole(&l->writer, false);
    if (!err)
        err = ol_sql_sync_log(&l->writer);
    if (!err)
        err = ol_sql_sync_folder(&l->writer);
    if (!err)
        err = note_made(l);
    if (!err)
        err = ol_write_prepare(l);
    if (!err)
        err = ol_sql_number(&l->writer,
                            "SELECT seq + n - 1 FROM event "
                            "ORDER BY seq DESC LIMIT 1", &seq);
    l->seq = (uint64_t)seq;
    if (err)
        return err;
    err = ol_sql_open(&l->reader, l->path, false);
    if (!err)
        err = ol_read_prepare(l);
    if (!err)
        err = ol_read_lines(l);
    if (err)
        memcpy(l->writer.why, l->reader.why, sizeof(l->writer.why));
    return err ? err : start(l);
}

static void fill_ops(struct ol_sqlite *l)
{
    l->ops.close = close_sqlite;
    l->ops.line = line;
    l->ops.commit = commit;
    l->ops.done = done;
    l->ops.reset = reset;
    ol_read_ops(&l->ops);
    ol_read_file_ops(&l->ops);
    ol_recall_ops(&l->ops);
    ol_notes_ops(&l->ops);
    ol_reload_ops(&l->ops);
    l->ledger.ops = &l->ops;
}

enum ol_err ol_sqlite_check(const char *path, uint64_t *newest_ms,
                            char why[256])
{
    struct ol_sql sql = {.path = path};
    int64_t version = 0, newest = 0;
    enum ol_err err = still_there(&sql);

    if (!err)
        err = ol_sql_open(&sql, path, false);
    if (!err) /* the last one to close would copy the log back */
        sqlite3_db_config(sql.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (!err)
        err = ol_schema_version(&sql, &version);
    if (!err)
        err = ol_sql_whole(&sql, true);
    if (!err && newest_ms)
        err = ol_sql_number(&sql,
                            "SELECT max(at) FROM (SELECT at FROM event"
                            " ORDER BY seq DESC LIMIT 1000)", &newest);
    if (err)
        memcpy(why, sql.why, 256);
    else if (newest_ms)
        *newest_ms = (uint64_t)newest;
    ol_sql_close(&sql);
    return err;
}

enum ol_err ol_sqlite_open(struct ol_ledger **out, const char *path,
                           const uint8_t key[32], ol_ledger_wake wake,
                           void *arg, char why[256])
{
    struct ol_sqlite *l = calloc(1, sizeof(*l));
    uint8_t seed[OL_KEY];
    struct ol_rng rng;
    enum ol_err err;

    *out = NULL;
    /* Nobody asks SQLite what it has allocated: it counts under a mutex. Once
     * it works, this is refused, and then it counts. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    if (l) {
        l->path = strdup(path);
        l->recent = ol_recent_make();
    }
    if (!l || !l->path || !l->recent) {
        snprintf(why, 256, "%s: no memory", path);
        if (l) {
            ol_recent_free(l->recent);
            free(l->path);
        }
        free(l);
        return OL_ERR_IO;
    }
    l->lock_fd = -1;
    l->parts = l->waits = true; /* until the first commit has looked */
    l->wake = wake;
    l->wake_arg = arg;
    memcpy(l->key, key, sizeof(l->key));
    ol_os_random(seed, sizeof(seed));
    ol_rng_init(&rng, seed);
    ol_atrest_init(&l->atrest, key, &rng);
    ol_wipe(seed, sizeof(seed));
    ol_wipe(&rng, sizeof(rng));
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->work, NULL);
    pthread_cond_init(&l->answer, NULL);
    fill_ops(l);
    err = open_all(l);
    if (err) {
        memcpy(why, l->writer.why, 256);
        close_sqlite(&l->ledger);
        return err;
    }
    *out = &l->ledger;
    return OL_OK;
}
