/*
 * A connection to SQLite with its prepared statements, for one thread.
 *
 * Two of them make a ledger: the writer belongs to the commit thread, the
 * reader to the caller's. A statement is taken, bound, stepped and given back
 * within one call, so that no reader keeps the write-ahead log from being
 * reused.
 */
#ifndef OL_LEDGER_SQL_H
#define OL_LEDGER_SQL_H

#include <sqlite3.h>

#include <openline/err.h>
#include <openline/span.h>

#define OL_SQL_WHY 256u

#define OL_SQL_BUSY_MS 10000 /* somebody looks at the file with a tool */

struct ol_sql {
    sqlite3 *db;
    const char *path; /* borrowed: for words */
    const char *const *texts;
    sqlite3_stmt **stmts; /* [n], as texts */
    unsigned n;
    bool sync_failed; /* an fsync failed on this connection */
    char why[OL_SQL_WHY]; /* the last error in words */
};

/*
 * Opens the file and sets the connection up. `write` also turns the
 * write-ahead log on. Statements come later (ol_sql_prepare), because they
 * need the schema. After a failure why is set; close in any case.
 */
OL_MUST_USE enum ol_err ol_sql_open(struct ol_sql *sql, const char *path,
                                    bool write);
/* texts: n statements, static storage. */
OL_MUST_USE enum ol_err ol_sql_prepare(struct ol_sql *sql,
                                       const char *const *texts, unsigned n);
void ol_sql_close(struct ol_sql *sql);

/* Runs statements without parameters or results. `doing` is for why: "cannot
 * <doing>". */
OL_MUST_USE enum ol_err ol_sql_exec(struct ol_sql *sql, const char *text,
                                    const char *doing);
/* The one number that a statement yields; *v stays when it yields none. */
OL_MUST_USE enum ol_err ol_sql_number(struct ol_sql *sql, const char *text,
                                      int64_t *v);

/* Is the whole file sound: every page, and with `thorough` every index too.
 * OL_ERR_CORRUPT: why says what is not. */
OL_MUST_USE enum ol_err ol_sql_whole(struct ol_sql *sql, bool thorough);
/* What stands in the log is on disk: a process that was killed, or ended over a
 * sync that failed, has not brought there what is read as committed from here
 * on. It is written anew, and synced. After a first read. */
OL_MUST_USE enum ol_err ol_sql_sync_log(struct ol_sql *sql);
/* The names of new files are in the folder, which must be on disk too. */
OL_MUST_USE enum ol_err ol_sql_sync_folder(struct ol_sql *sql);

/* A statement to bind and step; a second one of its kind while the first is
 * in use. NULL: no memory. Give it back. */
sqlite3_stmt *ol_sql_take(struct ol_sql *sql, unsigned id);
void ol_sql_give(struct ol_sql *sql, unsigned id, sqlite3_stmt *s);
/* Binds parameters 1 to n. */
void ol_sql_ints(sqlite3_stmt *s, const int64_t *v, unsigned n);
/* Binds bytes, which stay the caller's until the statement is given back. */
void ol_sql_blob(sqlite3_stmt *s, int at, struct ol_span bytes);
void ol_sql_text(sqlite3_stmt *s, int at, const char *text);
/* Steps to the next row: *row, or the end. */
OL_MUST_USE enum ol_err ol_sql_step(struct ol_sql *sql, sqlite3_stmt *s,
                                    bool *row);
/* A column as bytes, borrowed until the next step. */
struct ol_span ol_sql_bytes(sqlite3_stmt *s, int column);

/* What the connection's last result means; sets why. errno was cleared before
 * the call that failed. */
OL_MUST_USE enum ol_err ol_sql_error(struct ol_sql *sql, const char *doing);
/* A row that does not hold: OL_ERR_CORRUPT; sets why. */
OL_MUST_USE enum ol_err ol_sql_damaged(struct ol_sql *sql, const char *what);

#define OL_SQL_INTS(s, ...)                                                    \
    ol_sql_ints((s), (const int64_t[]){__VA_ARGS__},                           \
                sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

#endif
