/*
 * A connection to SQLite: pragmas, statements, and what its errors mean.
 *
 * Happy path: open, prepare, then take, bind, step, give. How it fails: every
 * result code of SQLite becomes one of ours, with words that name the file,
 * what was tried and what the operating system said. A failed fsync is marked
 * for good: what SQLite reads back afterwards may never have been written.
 *
 * Why these pragmas: FULL, because a commit asserts that a power cut loses
 * nothing; secure_delete, because a replaced state held keys; a small cache
 * and no mapping, because a station may be a small machine; temp_store, so
 * that nothing is written beside the ledger.
 */
#include "ledger/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "ledger/gather.h"

static enum ol_err meaning(int code, int os)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
        return OL_ERR_FULL;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        /* Write errors that mean no room, which SQLite does not tell apart. */
        return os == ENOSPC || os == EDQUOT || os == EFBIG ? OL_ERR_FULL
                                                           : OL_ERR_IO;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_ERROR: /* a table or a column is not there */
        return OL_ERR_CORRUPT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return OL_ERR_LOCKED;
    default:
        return OL_ERR_IO;
    }
}

/* What to do about it; os: what the operating system said, 0: nothing. */
static const char *advice(enum ol_err err, int code, int os)
{
    if (os == EROFS || (code & 0xff) == SQLITE_READONLY)
        return "it is read-only: see 'dmesg', repair that disk and mount it "
               "writable";
    switch (err) {
    case OL_ERR_FULL:
        return "free some room on that disk";
    case OL_ERR_CORRUPT:
        return "it is damaged: keep it as it is, and 'openline restore' a "
               "backup or 'openline init --identity' a new directory";
    case OL_ERR_LOCKED:
        return "another program has it open: end that one";
    default:
        return os == EIO ? "the disk fails: see 'dmesg', and replace it"
                         : "check the disk and the file's owner and mode";
    }
}

enum ol_err ol_sql_error(struct ol_sql *sql, const char *doing)
{
    /* sqlite3_system_errno is not set by a COMMIT that fails, and never
     * cleared; errno was 0 when the failing call began. */
    int os = errno;
    int code = sql->db ? sqlite3_extended_errcode(sql->db) : SQLITE_NOMEM;
    enum ol_err err = meaning(code, os);
    const char *said = sql->db ? sqlite3_errmsg(sql->db) : "no memory";
    char text[64];

    if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC)
        sql->sync_failed = true;
    if ((code & 0xff) != SQLITE_IOERR && (code & 0xff) != SQLITE_CANTOPEN)
        os = 0; /* left over from something that did not matter */
    else if (os != 0)
        said = strerror_r(os, text, sizeof(text));
    snprintf(sql->why, sizeof(sql->why), "%s: cannot %s: %s: %s", sql->path,
             doing, said, advice(err, code, os));
    return err;
}

enum ol_err ol_sql_damaged(struct ol_sql *sql, const char *what)
{
    snprintf(sql->why, sizeof(sql->why), "%s: %s does not hold: %s", sql->path,
             what, advice(OL_ERR_CORRUPT, 0, 0));
    return OL_ERR_CORRUPT;
}

enum ol_err ol_sql_exec(struct ol_sql *sql, const char *text,
                        const char *doing)
{
    errno = 0;
    if (sqlite3_exec(sql->db, text, NULL, NULL, NULL) != SQLITE_OK)
        return ol_sql_error(sql, doing);
    return OL_OK;
}

enum ol_err ol_sql_number(struct ol_sql *sql, const char *text, int64_t *v)
{
    sqlite3_stmt *s = NULL;
    enum ol_err err = OL_OK;
    int rc;

    errno = 0;
    rc = sqlite3_prepare_v2(sql->db, text, -1, &s, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        *v = sqlite3_column_int64(s, 0);
    else if (rc != SQLITE_DONE)
        err = ol_sql_error(sql, "read");
    sqlite3_finalize(s);
    return err;
}

/* What the check has found. It does nothing but read, and puts what it could
 * not read into its words as if that were damage: `os`, the errno of its
 * step, tells the two apart. */
static enum ol_err judged(struct ol_sql *sql, const char *said, int os)
{
    char text[64];

    if (said != NULL && strcmp(said, "ok") == 0)
        return OL_OK;
    if (os == 0)
        return ol_sql_damaged(sql, said ? said : "the file");
    snprintf(sql->why, sizeof(sql->why), "%s: cannot check the file: %s: %s",
             sql->path, strerror_r(os, text, sizeof(text)),
             advice(OL_ERR_IO, 0, os));
    return OL_ERR_IO;
}

enum ol_err ol_sql_whole(struct ol_sql *sql, bool thorough)
{
    const char *said = NULL;
    sqlite3_stmt *s = NULL;
    enum ol_err err = OL_OK;
    int rc, os;

    errno = 0;
    rc = sqlite3_prepare_v2(sql->db, thorough ? "PRAGMA integrity_check(1)"
                                              : "PRAGMA quick_check(1)",
                            -1, &s, NULL);
    if (rc == SQLITE_OK) {
        errno = 0;
        rc = sqlite3_step(s);
    }
    os = errno;
    if (rc == SQLITE_ROW)
        said = (const char *)sqlite3_column_text(s, 0);
    if (rc == SQLITE_ROW)
        err = judged(sql, said, os);
    else
        err = ol_sql_error(sql, "check the file");
    sqlite3_finalize(s);
    return err;
}

/* Writes what stands there over itself: after a sync that failed the system
 * takes pages that never reached the disk for written, and syncs them no more;
 * whoever came before us may have ended over that. */
static int rewrite(sqlite3_file *log)
{
    uint8_t part[16384];
    sqlite3_int64 size = 0, at;
    int rc = log->pMethods->xFileSize(log, &size), n;

    for (at = 0; rc == SQLITE_OK && at < size; at += n) {
        n = (int)OL_MIN(size - at, (sqlite3_int64)sizeof(part));
        rc = log->pMethods->xRead(log, part, n, at);
        if (rc == SQLITE_OK)
            rc = log->pMethods->xWrite(log, part, n, at);
    }
    return rc;
}

enum ol_err ol_sql_sync_log(struct ol_sql *sql)
{
    sqlite3_file *log = NULL;
    enum ol_err err;
    char text[64];
    int rc, os;

    rc = sqlite3_file_control(sql->db, "main", SQLITE_FCNTL_JOURNAL_POINTER,
                              &log);
    errno = 0;
    if (rc == SQLITE_OK && log != NULL && log->pMethods != NULL) {
        rc = rewrite(log);
        if (rc == SQLITE_OK)
            rc = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
    }
    os = errno;
    if (rc == SQLITE_OK)
        return OL_OK;
    err = meaning(rc, os);
    snprintf(sql->why, sizeof(sql->why), "%s: cannot sync the log: %s: %s",
             sql->path, os != 0 ? strerror_r(os, text, sizeof(text))
                                : sqlite3_errstr(rc), advice(err, rc, os));
    return err;
}

enum ol_err ol_sql_sync_folder(struct ol_sql *sql)
{
    char name[4096] = ".", text[64];
    const char *slash = strrchr(sql->path, '/');
    int fd;

    if (slash)
        snprintf(name, sizeof(name), "%.*s",
                 slash == sql->path ? 1 : (int)(slash - sql->path),
                 sql->path);
    fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && fsync(fd) == 0) {
        close(fd);
        return OL_OK;
    }
    snprintf(sql->why, sizeof(sql->why), "%s: cannot sync the folder: %s: %s",
             name, strerror_r(errno, text, sizeof(text)),
             advice(OL_ERR_IO, 0, errno));
    if (fd >= 0)
        close(fd);
    return OL_ERR_IO;
}

/* Write-ahead logging stays on in the file; ask whether it is. */
static enum ol_err log_ahead(struct ol_sql *sql)
{
    sqlite3_stmt *s = NULL;
    const char *mode = NULL;
    enum ol_err err = OL_OK;
    int rc;

    errno = 0;
    rc = sqlite3_prepare_v2(sql->db, "PRAGMA journal_mode=WAL", -1, &s, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        mode = (const char *)sqlite3_column_text(s, 0);
    if (rc != SQLITE_ROW) {
        err = ol_sql_error(sql, "turn the write-ahead log on");
    } else if (!mode || strcmp(mode, "wal") != 0) {
        snprintf(sql->why, sizeof(sql->why),
                 "%s: this file system keeps no write-ahead log: use a local "
                 "disk", sql->path);
        err = OL_ERR_IO;
    }
    sqlite3_finalize(s);
    return err;
}

enum ol_err ol_sql_open(struct ol_sql *sql, const char *path, bool write)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
    /* Who reads writes no log. */
    const char *vfs = write ? ol_gather() : NULL;
    enum ol_err err;

    memset(sql, 0, sizeof(*sql));
    sql->path = path;
    errno = 0;
    if (sqlite3_open_v2(path, &sql->db, flags, vfs) != SQLITE_OK)
        return ol_sql_error(sql, "open");
    sqlite3_busy_timeout(sql->db, OL_SQL_BUSY_MS);
    sqlite3_db_config(sql->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(sql->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    err = ol_sql_exec(sql,
                      "PRAGMA cache_size=-1024;"
                      "PRAGMA mmap_size=0;"
                      "PRAGMA temp_store=MEMORY;"
                      "PRAGMA cell_size_check=ON;",
                      "open");
    if (!err && !write)
        return ol_sql_exec(sql, "PRAGMA query_only=ON", "open");
    if (!err)
        err = log_ahead(sql);
    if (err)
        return err;
    /* The thread copies the log back itself, so that it sees a failure. */
    return ol_sql_exec(sql,
                       "PRAGMA synchronous=FULL;"
                       "PRAGMA secure_delete=ON;"
                       "PRAGMA wal_autocheckpoint=0;"
                       "PRAGMA journal_size_limit=4194304;",
                       "open");
}

enum ol_err ol_sql_prepare(struct ol_sql *sql, const char *const *texts,
                           unsigned n)
{
    sql->texts = texts;
    sql->stmts = calloc(n, sizeof(sqlite3_stmt *));
    if (!sql->stmts) {
        snprintf(sql->why, sizeof(sql->why), "no memory");
        return OL_ERR_IO;
    }
    errno = 0;
    for (; sql->n < n; sql->n++) {
        if (sqlite3_prepare_v3(sql->db, texts[sql->n], -1,
                               SQLITE_PREPARE_PERSISTENT,
                               &sql->stmts[sql->n], NULL) != SQLITE_OK)
            return ol_sql_error(sql, "read the schema");
    }
    return OL_OK;
}

void ol_sql_close(struct ol_sql *sql)
{
    for (unsigned k = 0; k < sql->n; k++)
        sqlite3_finalize(sql->stmts[k]);
    free(sql->stmts);
    sqlite3_close(sql->db);
    sql->stmts = NULL;
    sql->db = NULL;
    sql->n = 0;
}

sqlite3_stmt *ol_sql_take(struct ol_sql *sql, unsigned id)
{
    sqlite3_stmt *s = NULL;

    if (!sqlite3_stmt_busy(sql->stmts[id]))
        return sql->stmts[id];
    /* A reader that asks the same again from within its callback. */
    sqlite3_prepare_v2(sql->db, sql->texts[id], -1, &s, NULL);
    return s;
}

void ol_sql_give(struct ol_sql *sql, unsigned id, sqlite3_stmt *s)
{
    if (s != sql->stmts[id]) {
        sqlite3_finalize(s);
        return;
    }
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
}

void ol_sql_ints(sqlite3_stmt *s, const int64_t *v, unsigned n)
{
    for (unsigned k = 0; k < n; k++)
        sqlite3_bind_int64(s, (int)k + 1, v[k]);
}

void ol_sql_blob(sqlite3_stmt *s, int at, struct ol_span bytes)
{
    /* A null pointer would bind NULL and not the empty blob. */
    sqlite3_bind_blob64(s, at, bytes.n ? (const void *)bytes.p : "", bytes.n,
                        SQLITE_STATIC);
}

void ol_sql_text(sqlite3_stmt *s, int at, const char *text)
{
    sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

enum ol_err ol_sql_step(struct ol_sql *sql, sqlite3_stmt *s, bool *row)
{
    int rc;

    errno = 0;
    rc = s ? sqlite3_step(s) : SQLITE_NOMEM;
    *row = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW || rc == SQLITE_DONE)
        return OL_OK;
    return ol_sql_error(sql, sqlite3_stmt_readonly(s) ? "read" : "write");
}

struct ol_span ol_sql_bytes(sqlite3_stmt *s, int column)
{
    const void *p = sqlite3_column_blob(s, column);

    return OL_SPAN(p, p ? (size_t)sqlite3_column_bytes(s, column) : 0);
}
