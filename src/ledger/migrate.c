/*
 * Carrying an older ledger forward, with the old file kept.
 *
 * Happy path: the old ledger is read through, copied as it stands (its log
 * included) into ledger.db.vN.part, that copy is synced and gets its name
 * ledger.db.vN, and only then are the tables changed, in one transaction. So
 * whatever ends the process, the ledger is the old one or the new one, whole,
 * and at most a .part is left over, which the next start makes anew.
 *
 * How it fails: a damaged ledger is not carried forward; without room for the
 * copy nothing is changed and the old program still runs on the old file. An
 * earlier copy is never written over: the next one is ledger.db.vN-2, -3 and
 * on, and after COPIES of them somebody has to look.
 */
#include "ledger/migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/schema.h"

#define COPIES 9u

static enum ol_err refused(struct ol_sql *sql, int os)
{
    bool full = os == ENOSPC || os == EDQUOT || os == EFBIG;
    struct stat st = {0};
    char text[64];

    (void)stat(sql->path, &st);
    snprintf(sql->why, sizeof(sql->why),
             "%s: cannot keep the old ledger beside it: %s: %s; nothing was "
             "changed, the older openline still reads it (%lld KiB)",
             sql->path, strerror_r(os, text, sizeof(text)),
             full ? "make room for another one like it"
                  : "check that folder and disk",
             (long long)st.st_size / 1024);
    return full ? OL_ERR_FULL : OL_ERR_IO;
}

/* ledger.db.v1, then ledger.db.v1-2 and on; 0: the one in the making. */
static bool copy_name(char *out, size_t room, const char *path, int64_t from,
                      unsigned nth)
{
    char end[16] = "";
    int n;

    if (nth != 1)
        snprintf(end, sizeof(end), nth ? "-%u" : ".part", nth);
    n = snprintf(out, room, "%s.v%lld%s", path, (long long)from, end);
    return n > 0 && (size_t)n < room;
}

static bool same_bytes(int a, int b)
{
    uint8_t x[4096], y[4096];
    off_t at = 0;

    for (;;) {
        ssize_t n = pread(a, x, sizeof(x), at);

        if (n < 0 || pread(b, y, sizeof(y), at) != n ||
            memcmp(x, y, (size_t)n) != 0)
            return false;
        if (n == 0)
            return true;
        at += n;
    }
}

/* Gives the synced copy a name that nothing has; an equal one does as well,
 * so that a start that is tried again does not fill the disk. */
static enum ol_err settle(struct ol_sql *sql, const char *part, int fd,
                          int64_t from)
{
    char name[4096];

    for (unsigned nth = 1; nth <= COPIES; nth++) {
        int old;
        bool same;

        if (!copy_name(name, sizeof(name), sql->path, from, nth))
            return refused(sql, ENAMETOOLONG);
        if (link(part, name) == 0)
            return OL_OK;
        if (errno != EEXIST)
            return refused(sql, errno);
        old = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        same = old >= 0 && same_bytes(old, fd);
        if (old >= 0)
            close(old);
        if (same)
            return OL_OK;
    }
    return refused(sql, EEXIST);
}

/* The ledger as it stands, its log included, into an empty file. */
static enum ol_err copy_pages(struct ol_sql *sql, const char *part)
{
    struct ol_sql to = {.path = part};
    sqlite3_backup *backup;
    enum ol_err err = OL_OK;

    errno = 0;
    if (sqlite3_open_v2(part, &to.db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                            SQLITE_OPEN_EXRESCODE, NULL) != SQLITE_OK)
        err = ol_sql_error(&to, "open");
    /* Half a copy is made anew: it needs no journal, and we sync it. */
    if (!err)
        err = ol_sql_exec(&to, "PRAGMA journal_mode=OFF;"
                               "PRAGMA synchronous=OFF", "open");
    if (!err) {
        errno = 0;
        backup = sqlite3_backup_init(to.db, "main", sql->db, "main");
        if (backup != NULL)
            (void)sqlite3_backup_step(backup, -1);
        if (backup == NULL || sqlite3_backup_finish(backup) != SQLITE_OK)
            err = ol_sql_error(&to, "copy the old ledger");
    }
    sqlite3_close(to.db);
    if (err)
        memcpy(sql->why, to.why, sizeof(sql->why));
    return err;
}

static enum ol_err keep(struct ol_sql *sql, int64_t from)
{
    char part[4096];
    enum ol_err err;
    int fd;

    if (!copy_name(part, sizeof(part), sql->path, from, 0))
        return refused(sql, ENAMETOOLONG);
    if (unlink(part) != 0 && errno != ENOENT)
        return refused(sql, errno);
    fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return refused(sql, errno);
    err = copy_pages(sql, part);
    if (!err && fsync(fd) != 0)
        err = refused(sql, errno);
    if (!err)
        err = settle(sql, part, fd, from);
    close(fd);
    (void)unlink(part);
    return err;
}

enum ol_err ol_migrate(struct ol_sql *writer, int64_t from)
{
    enum ol_err err = ol_sql_whole(writer, true);

    if (!err)
        err = keep(writer, from);
    if (!err)
        err = ol_sql_sync_folder(writer);
    return err ? err : ol_schema_build(writer, from);
}
