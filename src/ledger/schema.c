/*
 * The ledger's tables, as the steps that made them.
 *
 * Step n makes schema n out of schema n - 1. A new file goes through all of
 * them and an old one through those that it lacks, so both end with the same
 * tables. A step that was released is never changed: what comes later is a
 * step of its own.
 *
 * Happy path: an empty file gets everything in one transaction; a file of
 * this schema is taken as it is; an older one is carried forward, and kept
 * (migrate.c). How it fails: a newer user_version is OL_ERR_NEWER and nothing
 * is touched; a database of somebody else is OL_ERR_CORRUPT.
 *
 * Keys are composite and begin with the line. Rows of records, acks, marks,
 * attempts, events and facts are never rewritten. `record` and `piece` keep a
 * rowid, because their rows are long and a tree of short keys beside them is
 * shallower; all else lies in its key. `sealed` holds nonce, ciphertext and
 * tag (seal.c); an id is random and says nothing. peer is not written yet.
 */
#include "ledger/schema.h"

#include <stdio.h>

#include "base/units.h"
#include "ledger/migrate.h"

#define STR(x) #x
#define XSTR(x) STR(x)

static const char step_1[] =
    "CREATE TABLE line("
    " line INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, peer TEXT NOT NULL"
    ") STRICT;"
    "CREATE TABLE head("
    " line INTEGER NOT NULL, author INTEGER NOT NULL, prec INTEGER NOT NULL,"
    " size INTEGER NOT NULL, frontier BLOB NOT NULL,"
    " PRIMARY KEY(line, author, prec)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE record("
    " line INTEGER NOT NULL, author INTEGER NOT NULL, prec INTEGER NOT NULL,"
    " idx INTEGER NOT NULL, number INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " at INTEGER NOT NULL, id BLOB, leaf BLOB NOT NULL, root BLOB NOT NULL,"
    " sealed BLOB NOT NULL,"
    " PRIMARY KEY(line, author, prec, idx)"
    ") STRICT;"
    "CREATE INDEX record_number ON record(line, author, number);"
    "CREATE INDEX record_id ON record(id) WHERE id IS NOT NULL;"
    /* One row per watermark, so that each record's own time can be told. */
    "CREATE TABLE ack("
    " line INTEGER NOT NULL, prec INTEGER NOT NULL, upto INTEGER NOT NULL,"
    " at INTEGER NOT NULL,"
    " PRIMARY KEY(line, prec, upto)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE rung("
    " line INTEGER NOT NULL, author INTEGER NOT NULL, number INTEGER NOT NULL,"
    " rung INTEGER NOT NULL, at INTEGER NOT NULL, prec INTEGER NOT NULL,"
    " idx INTEGER NOT NULL,"
    " PRIMARY KEY(line, author, number, rung)"
    ") STRICT, WITHOUT ROWID;"
    /* A peer's record that is not whole yet; goes when it is. */
    "CREATE TABLE part("
    " line INTEGER NOT NULL, prec INTEGER NOT NULL, idx INTEGER NOT NULL,"
    " mask INTEGER NOT NULL, size INTEGER NOT NULL, sealed BLOB NOT NULL,"
    " PRIMARY KEY(line, prec, idx)"
    ") STRICT, WITHOUT ROWID;"
    /* lo to hi were sent on that channel; at most OL_SENT_SPAN of them. */
    "CREATE TABLE attempt("
    " n INTEGER PRIMARY KEY, line INTEGER NOT NULL, prec INTEGER NOT NULL,"
    " lo INTEGER NOT NULL, hi INTEGER NOT NULL, channel TEXT NOT NULL,"
    " at INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX attempt_lo ON attempt(line, prec, lo);"
    "CREATE TABLE checkpoint("
    " line INTEGER NOT NULL, author INTEGER NOT NULL, prec INTEGER NOT NULL,"
    " size INTEGER NOT NULL, root BLOB NOT NULL, sig BLOB NOT NULL,"
    " PRIMARY KEY(line, author, prec)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE state("
    " line INTEGER PRIMARY KEY, sealed BLOB NOT NULL"
    ") STRICT;"
    "CREATE TABLE meta("
    " line INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,"
    " PRIMARY KEY(line, key)"
    ") STRICT, WITHOUT ROWID;"
    /* A row stands for n events, seq to seq + n - 1, of records lo and on. */
    "CREATE TABLE event("
    " seq INTEGER PRIMARY KEY, n INTEGER NOT NULL, at INTEGER NOT NULL,"
    " what INTEGER NOT NULL, line INTEGER NOT NULL, author INTEGER NOT NULL,"
    " prec INTEGER NOT NULL, lo INTEGER NOT NULL, channel TEXT NOT NULL,"
    " detail TEXT NOT NULL"
    ") STRICT;"
    "CREATE TABLE blob("
    " hash BLOB NOT NULL, n INTEGER NOT NULL, bytes BLOB NOT NULL,"
    " PRIMARY KEY(hash, n)"
    ") STRICT;"
    "CREATE TABLE peer("
    " line INTEGER NOT NULL, at INTEGER NOT NULL, card BLOB NOT NULL,"
    " PRIMARY KEY(line, at)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE path_minute("
    " line INTEGER NOT NULL, channel TEXT NOT NULL, minute INTEGER NOT NULL,"
    " state INTEGER NOT NULL, rtt_us INTEGER, sent INTEGER NOT NULL,"
    " lost INTEGER NOT NULL, received INTEGER NOT NULL,"
    " PRIMARY KEY(line, channel, minute)"
    ") STRICT, WITHOUT ROWID;";

/* Everything since the version that was first used. */
static const char step_2[] =
    "DROP TABLE blob;"
    /* An attachment; have counts its rows of piece. n is never given twice. */
    "CREATE TABLE file("
    " n INTEGER PRIMARY KEY AUTOINCREMENT, line INTEGER NOT NULL,"
    " author INTEGER NOT NULL,"
    " hash BLOB NOT NULL, size INTEGER NOT NULL, prec INTEGER NOT NULL,"
    " state INTEGER NOT NULL, have INTEGER NOT NULL, at INTEGER NOT NULL,"
    " UNIQUE(line, author, hash)"
    ") STRICT;"
    "CREATE INDEX file_state ON file(line, author, state);"
    "CREATE TABLE piece("
    " file INTEGER NOT NULL, idx INTEGER NOT NULL, sealed BLOB NOT NULL,"
    " PRIMARY KEY(file, idx)"
    ") STRICT;"
    /* enum ol_proof. */
    "ALTER TABLE record ADD COLUMN proof INTEGER NOT NULL DEFAULT 0;"
    /* Own records without a number: said while none may be given, or taken
     * out of a log by a return. */
    "CREATE TABLE waiting("
    " line INTEGER NOT NULL, n INTEGER NOT NULL, id BLOB NOT NULL,"
    " at INTEGER NOT NULL, proof INTEGER NOT NULL, sealed BLOB NOT NULL,"
    " PRIMARY KEY(line, n)"
    ") STRICT;"
    "CREATE UNIQUE INDEX waiting_id ON waiting(line, id);";

/* What records say of messages, what the station notes, and where the records
 * of a kind are. */
static const char step_3[] =
    "CREATE TABLE mark("
    " line INTEGER NOT NULL, author INTEGER NOT NULL, number INTEGER NOT NULL,"
    " rel INTEGER NOT NULL, by INTEGER NOT NULL, prec INTEGER NOT NULL,"
    " idx INTEGER NOT NULL, at INTEGER NOT NULL,"
    " PRIMARY KEY(line, author, number, rel, by, prec, idx)"
    ") STRICT, WITHOUT ROWID;"
    /* Rungs 4 and 5 were what rels 5 and 6 say. */
    "INSERT INTO mark(line, author, number, rel, by, prec, idx, at)"
    " SELECT line, author, number, rung + 1, 1 - author, prec, idx, at"
    " FROM rung WHERE rung IN (4, 5);"
    "DROP TABLE rung;"
    "DROP TABLE path_minute;"
    "CREATE TABLE fact("
    " n INTEGER PRIMARY KEY, line INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " at INTEGER NOT NULL, key TEXT NOT NULL, sealed BLOB NOT NULL"
    ") STRICT;"
    "CREATE INDEX fact_at ON fact(line, kind, at);"
    "CREATE INDEX record_kind ON record(line, author, kind, number)"
    " WHERE kind IN (3, 7, 10);";

/* The same index with OR: for IN with three values SQLite makes a table in
 * memory, anew for each record that is put. */
static const char step_4[] =
    "DROP INDEX record_kind;"
    "CREATE INDEX record_kind ON record(line, author, kind, number)"
    " WHERE kind=3 OR kind=7 OR kind=10;";

static const char *const steps[] = {step_1, step_2, step_3, step_4};
_Static_assert(OL_LEN(steps) == OL_SCHEMA_VERSION, "a step a version");

enum ol_err ol_schema_build(struct ol_sql *writer, int64_t from)
{
    enum ol_err err = ol_sql_exec(writer, "BEGIN IMMEDIATE", "begin");

    if (err)
        return err;
    for (int64_t n = from; n < OL_SCHEMA_VERSION && !err; n++)
        err = ol_sql_exec(writer, steps[n], "make the tables");
    if (!err)
        err = ol_sql_exec(
            writer,
            "PRAGMA application_id=" XSTR(OL_SCHEMA_APPLICATION) ";"
            "PRAGMA user_version=" XSTR(OL_SCHEMA_VERSION) ";"
            "COMMIT",
            "make the tables");
    /* Some errors have ended the transaction already. */
    if (err && !sqlite3_get_autocommit(writer->db))
        sqlite3_exec(writer->db, "ROLLBACK", NULL, NULL, NULL);
    return err;
}

enum ol_err ol_schema_version(struct ol_sql *sql, int64_t *version)
{
    int64_t application = 0, made = 0;
    enum ol_err err = ol_sql_number(sql, "PRAGMA application_id",
                                    &application);

    *version = 0;
    if (!err)
        err = ol_sql_number(sql, "PRAGMA user_version", version);
    if (!err)
        err = ol_sql_number(sql, "SELECT count(*) FROM sqlite_schema", &made);
    if (err || (application == 0 && *version == 0 && made == 0))
        return err;
    if (application != OL_SCHEMA_APPLICATION) {
        snprintf(sql->why, sizeof(sql->why),
                 "%s: this is not an Openline ledger: give another directory",
                 sql->path);
        return OL_ERR_CORRUPT;
    }
    if (*version > OL_SCHEMA_VERSION) {
        snprintf(sql->why, sizeof(sql->why),
                 "%s: schema %lld, and this program knows %d: use the newer "
                 "openline that made it", sql->path, (long long)*version,
                 OL_SCHEMA_VERSION);
        return OL_ERR_NEWER;
    }
    return *version < 1 ? ol_sql_damaged(sql, "the schema's version")
                        : OL_OK;
}

enum ol_err ol_schema_ready(struct ol_sql *writer)
{
    int64_t version;
    enum ol_err err = ol_schema_version(writer, &version);

    if (err || version == OL_SCHEMA_VERSION)
        return err;
    return version == 0 ? ol_schema_build(writer, 0)
                        : ol_migrate(writer, version);
}
