/*
 * The commit thread: group commit.
 *
 * Happy path: everything that waits, up to OL_GROUP_MAX batches, is written
 * in one transaction; its COMMIT is one fsync for all of them; then their
 * tokens are done and the owner is woken. What came in meanwhile is the next
 * group. When the write-ahead log has grown, it is copied back after the
 * owner was told, so that nobody waits for that; when something was erased,
 * at once, and the log is emptied, for the old page stands in it.
 *
 * How it fails: any statement's error takes the whole group back, and the
 * group and all that follow are done with that error until reset. A failed
 * fsync, also one while the log is copied back, is for good.
 */
#include "ledger/sqlite.h"

#include <errno.h>
#include <string.h>

/* With the mutex held: up to OL_GROUP_MAX batches out of the queue. */
static struct ol_held *take_group(struct ol_sqlite *l)
{
    struct ol_held *group = l->first, *end = group;

    for (uint32_t n = 1; n < OL_GROUP_MAX && end->next; n++)
        end = end->next;
    l->first = end->next;
    if (!l->first)
        l->last = NULL;
    end->next = NULL;
    return group;
}

static enum ol_err commit_group(struct ol_sqlite *l, struct ol_held *group)
{
    uint64_t seq = l->seq;
    enum ol_err err = ol_write_begin(l);

    if (!err)
        err = ol_write_loose(l);
    for (; group && !err; group = group->next) {
        l->stood = false;
        group->seq = l->seq;
        err = ol_write_batch(l, &group->batch);
        group->stood = l->stood;
    }
    if (!err)
        err = ol_write_commit(l);
    if (!err)
        return OL_OK;
    /* Some errors have ended the transaction already. */
    if (!sqlite3_get_autocommit(l->writer.db))
        sqlite3_exec(l->writer.db, "ROLLBACK", NULL, NULL, NULL);
    l->seq = seq;
    return err;
}

/* With the mutex held: what befell the writer is everybody's to know. */
static void note_failure(struct ol_sqlite *l, enum ol_err err)
{
    l->failed = err;
    l->sync_failed = l->writer.sync_failed;
    memcpy(l->why, l->writer.why, sizeof(l->why));
}

/* With the mutex held: the group's tokens are done, and its batches whose. */
static void report(struct ol_sqlite *l, struct ol_held *group, enum ol_err err)
{
    for (; group; group = group->next) {
        uint32_t at = (l->done_first + l->n_dones++) % OL_LEDGER_QUEUE;

        l->done_held[at] = group;
        l->dones[at] = (struct ol_ledger_done){
            .line = group->batch.line,
            .token = group->batch.token,
            .err = err,
        };
    }
}

static bool erases(const struct ol_held *group)
{
    for (; group; group = group->next)
        for (uint16_t k = 0; k < group->batch.n_puts; k++)
            if (group->batch.puts[k].kind == OL_PUT_STATE &&
                group->batch.puts[k].erase)
                return true;
    return false;
}

/* Copies the log back into the file. What fails here stays in the log, which
 * is on disk, and is tried again after the next commit; but a failed fsync
 * leaves nothing to rely on. */
static void copy_back(struct ol_sqlite *l)
{
    int rc;

    if (l->wal_pages < OL_WAL_PAGES && !l->erasing)
        return;
    errno = 0;
    /* Whoever reads keeps the log as it is. Commits do not wait for him: the
     * next one tries again. */
    sqlite3_busy_timeout(l->writer.db, 0);
    rc = sqlite3_wal_checkpoint_v2(l->writer.db, NULL,
                                   l->erasing ? SQLITE_CHECKPOINT_TRUNCATE
                                              : SQLITE_CHECKPOINT_PASSIVE,
                                   NULL, NULL);
    sqlite3_busy_timeout(l->writer.db, OL_SQL_BUSY_MS);
    if (rc == SQLITE_BUSY)
        return;
    __atomic_store_n(&l->ledger.copy_failed, rc != SQLITE_OK,
                     __ATOMIC_RELAXED);
    if (rc == SQLITE_OK) {
        l->wal_pages = 0;
        l->erasing = false;
    } else if (rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC) {
        enum ol_err err = ol_sql_error(&l->writer, "sync the file");

        pthread_mutex_lock(&l->mutex);
        note_failure(l, err);
        pthread_mutex_unlock(&l->mutex);
    }
}

static int count_pages(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct ol_sqlite *l = arg;

    (void)db;
    (void)name;
    l->wal_pages = pages;
    return SQLITE_OK;
}

/* With the mutex held, which is let go while the disk works. */
static void serve_group(struct ol_sqlite *l)
{
    struct ol_held *group = take_group(l);
    enum ol_err err = l->failed;
    bool stuck = err != OL_OK, erased = erases(group);
    ol_ledger_wake wake;

    pthread_mutex_unlock(&l->mutex);
    if (!stuck)
        err = commit_group(l, group);
    pthread_mutex_lock(&l->mutex);
    if (err && !stuck)
        note_failure(l, err);
    report(l, group, err);
    wake = l->wake;
    pthread_mutex_unlock(&l->mutex);
    l->erasing |= err == OL_OK && erased;
    if (wake)
        wake(l->wake_arg);
    copy_back(l);
    pthread_mutex_lock(&l->mutex);
}

/* With the mutex held throughout: the caller waits anyway. */
static void serve_request(struct ol_sqlite *l)
{
    struct ol_line_request *request = l->request;

    request->err = l->sync_failed
                       ? OL_ERR_IO
                       : ol_write_line(l, request->line_id, request->peer);
    if (request->err && !l->sync_failed) {
        l->sync_failed = l->writer.sync_failed;
        if (l->sync_failed)
            l->failed = OL_ERR_IO;
        memcpy(l->why, l->writer.why, sizeof(l->why));
    }
    l->request = NULL;
    request->answered = true;
    pthread_cond_signal(&l->answer);
}

void *ol_sqlite_thread(void *arg)
{
    struct ol_sqlite *l = arg;

    sqlite3_wal_hook(l->writer.db, count_pages, l);
    pthread_mutex_lock(&l->mutex);
    for (;;) {
        if (l->request)
            serve_request(l);
        else if (l->first)
            serve_group(l);
        else if (l->stop)
            break;
        else
            pthread_cond_wait(&l->work, &l->mutex);
    }
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}
