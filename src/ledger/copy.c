/*
 * A consistent copy of a ledger, also while another connection writes in it.
 *
 * SQLite's own backup, all pages in one read transaction, on a connection of
 * its own: the commit thread goes on meanwhile, and its log grows for so
 * long. Whatever fails, the copy is removed.
 */
#include "ledger/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "port/ledger.h"

#define FLAGS                                                                  \
    (SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE)

static enum ol_err open_one(struct ol_sql *sql)
{
    errno = 0;
    return sqlite3_open_v2(sql->path, &sql->db, FLAGS, NULL) == SQLITE_OK
               ? OL_OK
               : ol_sql_error(sql, "open");
}

static enum ol_err copy(struct ol_sql *from, struct ol_sql *to)
{
    sqlite3_backup *backup;
    enum ol_err err = open_one(from);

    if (err) {
        memcpy(to->why, from->why, sizeof(to->why));
        return err;
    }
    err = open_one(to);
    /* Half a copy is made anew: it needs no journal, and we sync it. */
    if (!err)
        err = ol_sql_exec(to, "PRAGMA journal_mode=OFF;"
                              "PRAGMA synchronous=OFF", "open");
    if (err)
        return err;
    errno = 0;
    backup = sqlite3_backup_init(to->db, "main", from->db, "main");
    if (backup != NULL)
        (void)sqlite3_backup_step(backup, -1);
    if (backup == NULL || sqlite3_backup_finish(backup) != SQLITE_OK)
        return ol_sql_error(to, "copy the ledger");
    return OL_OK;
}

enum ol_err ol_sqlite_copy(const char *path, const char *to_path,
                           char why[256])
{
    struct ol_sql from = {.path = path}, to = {.path = to_path};
    int fd = open(to_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    enum ol_err err;

    if (fd < 0) {
        snprintf(why, 256, "%.128s: cannot make it: %s", to_path,
                 strerror(errno));
        return errno == ENOSPC ? OL_ERR_FULL : OL_ERR_IO;
    }
    err = copy(&from, &to);
    snprintf(why, 256, "%s", to.why);
    sqlite3_close(to.db);
    sqlite3_close(from.db);
    if (!err && fsync(fd) != 0) {
        snprintf(why, 256, "%.128s: cannot sync: %s", to_path,
                 strerror(errno));
        err = OL_ERR_IO;
    }
    close(fd);
    if (err)
        (void)unlink(to_path);
    return err;
}
