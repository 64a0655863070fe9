/*
 * Reading records, on the caller's thread.
 *
 * Happy path: one statement, its rows opened one by one and lent to the
 * caller. How it fails: a row that does not open, or has other shapes than
 * the schema says, is OL_ERR_CORRUPT with its place in words; rows before it
 * were given. A callback may read again: each call has a statement and a
 * buffer of its own.
 */
#include "ledger/sqlite.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "ledger/read.h"

#define ROW "SELECT line, author, prec, idx, number, kind, at, leaf, root," \
            " sealed, proof FROM record WHERE "
#define FILES "SELECT n, hash, size, author, prec, state, have, at FROM file"  \
              " WHERE "
#define FACTS "SELECT n, at, key, sealed FROM fact"                            \
              " WHERE line=?1 AND kind=?2 AND at>=?3 AND at<=?4 "
#define PLACE "line=?1 AND author=?2 AND prec=?3"

static const char *const texts[READ_TEXTS] = {
    [READ_LINES] = "SELECT line, id FROM line ORDER BY line",
    [READ_LOG] = ROW PLACE " AND idx>=?4 ORDER BY idx LIMIT ?5",
    /* With the plus, because SQLite would else walk the whole log in its order
     * to be spared the sorting of one row. */
    [READ_BY_NUMBER] = ROW "line=?1 AND author=?2 AND number=?3"
                           " ORDER BY +prec, +idx",
    [READ_BY_ID] = ROW "id=?1 ORDER BY +line, +author, +prec, +idx",
    [READ_HEADS] = "SELECT author, prec, size, frontier FROM head"
                   " WHERE line=?1",
    [READ_HEAD] = "SELECT size, frontier FROM head WHERE " PLACE,
    [READ_BEYOND] = "SELECT idx, leaf FROM record"
                    " WHERE line=?1 AND author=1 AND prec=?2 AND idx>?3"
                    " ORDER BY idx",
    [READ_NUMBER] = "SELECT (SELECT max(number) FROM record"
                    "  WHERE line=?1 AND author=0),"
                    " (SELECT max(number) FROM record"
                    "  WHERE line=?1 AND author=1)",
    [READ_UPTO] = "SELECT max(upto) FROM ack WHERE line=?1 AND prec=?2",
    [READ_ACKED] = "SELECT at FROM ack WHERE line=?1 AND prec=?2 AND upto>=?3"
                   " ORDER BY upto LIMIT 1",
    [READ_STATE] = "SELECT sealed FROM state WHERE line=?1",
    [READ_PARTS] = "SELECT prec, idx, mask, size, sealed FROM part"
                   " WHERE line=?1 ORDER BY prec, idx",
    [READ_MARKS] = "SELECT rel, by, prec, idx, at FROM mark"
                   " WHERE line=?1 AND author=?2 AND number=?3"
                   " AND (rel, by)>=(?4, ?5)"
                   " ORDER BY rel, by, prec, idx",
    [READ_FACTS] = FACTS "ORDER BY at, n LIMIT ?5",
    [READ_FACTS_BACK] = FACTS "ORDER BY at DESC, n DESC LIMIT ?5",
    /* Word for word what the index says, so that it is used. */
    [READ_KIND] = ROW "line=?1 AND author=?2 AND kind=?3 AND number>?4"
                      " AND (kind=3 OR kind=7 OR kind=10)"
                      " ORDER BY number, +prec, +idx",
    [READ_ATTEMPTS] = "SELECT channel, at, count(*), min(n) FROM attempt"
                      " WHERE line=?1 AND prec=?2 AND lo<=?3 AND lo>?4"
                      " AND hi>=?3"
                      " GROUP BY channel ORDER BY min(n) LIMIT ?5",
    [READ_CHECKPOINT] = "SELECT size, root, sig FROM checkpoint"
                        " WHERE " PLACE,
    [READ_EVENTS] = "SELECT seq, n, at, what, line, author, prec, lo,"
                    " channel, detail FROM event WHERE seq>="
                    "coalesce((SELECT max(seq) FROM event WHERE seq<=?1), 0)"
                    " ORDER BY seq",
    [READ_SEQ] = "SELECT seq + n - 1 FROM event ORDER BY seq DESC LIMIT 1",
    [READ_WAITING] = "SELECT n, id, at, proof, sealed FROM waiting"
                     " WHERE line=?1 AND n>?2 ORDER BY n",
    [READ_SIGNED] = "SELECT prec, size, root, sig FROM checkpoint"
                    " WHERE line=?1 AND author=1",
    [READ_META] = "SELECT value FROM meta WHERE line=?1 AND key=?2",
    [READ_FILE] = FILES "line=?1 AND author=?2 AND hash=?3",
    [READ_FILES] = FILES "line=?1 AND author=?2 AND state=?3 AND n>?4"
                         " ORDER BY n",
    [READ_PIECES] = "SELECT idx FROM piece WHERE file=?1 AND idx>=?2"
                    " ORDER BY idx LIMIT 128",
    [READ_PIECE] = "SELECT sealed FROM piece WHERE idx=?4 AND file="
                   "(SELECT n FROM file WHERE line=?1 AND author=?2"
                   " AND hash=?3)",
};

enum ol_err ol_read_prepare(struct ol_sqlite *l)
{
    return ol_sql_prepare(&l->reader, texts, READ_TEXTS);
}

struct ol_sqlite *ol_read_start(struct ol_ledger *base, uint32_t line)
{
    struct ol_sqlite *l = (struct ol_sqlite *)base;

    return line > 0 && line <= l->n_lines ? l : NULL;
}

enum ol_err ol_read_failed(struct ol_sqlite *l, enum ol_err err)
{
    if (err)
        memcpy(l->ledger.why, l->reader.why, sizeof(l->ledger.why));
    return err;
}

enum ol_err ol_read_lines(struct ol_sqlite *l)
{
    sqlite3_stmt *s = ol_sql_take(&l->reader, READ_LINES);
    enum ol_err err;
    bool row;

    while (!(err = ol_sql_step(&l->reader, s, &row)) && row) {
        struct ol_span id = ol_sql_bytes(s, 1);

        /* Lines are numbered from 1 without a gap and are never taken out. */
        if (sqlite3_column_int64(s, 0) != l->n_lines + 1 || id.n != 32)
            err = ol_sql_damaged(&l->reader, "the list of lines");
        else
            err = ol_sqlite_room(l);
        if (err)
            break;
        memcpy(l->lines[l->n_lines++], id.p, 32);
    }
    ol_sql_give(&l->reader, READ_LINES, s);
    return err;
}

static enum ol_err damaged(struct ol_sqlite *l, const struct ol_row *row)
{
    char what[96];

    snprintf(what, sizeof(what),
             "line %u, author %u, precedence %u: record %u", row->line,
             row->author, row->prec, row->index);
    return ol_sql_damaged(&l->reader, what);
}

/* The row as it stands, its bytes opened into buf (OL_RECORD_MAX). */
static enum ol_err fill_row(struct ol_sqlite *l, sqlite3_stmt *s,
                            struct ol_row *row, uint8_t *buf)
{
    struct ol_span leaf = ol_sql_bytes(s, 7), root = ol_sql_bytes(s, 8);
    struct ol_place place = {.table = "record"};
    size_t n;

    memset(row, 0, sizeof(*row));
    row->line = (uint32_t)sqlite3_column_int64(s, 0);
    row->author = (uint8_t)sqlite3_column_int64(s, 1);
    row->prec = (uint8_t)sqlite3_column_int64(s, 2);
    row->index = (uint32_t)sqlite3_column_int64(s, 3);
    row->number = (uint64_t)sqlite3_column_int64(s, 4);
    row->kind = (uint8_t)sqlite3_column_int64(s, 5);
    row->at_ms = (uint64_t)sqlite3_column_int64(s, 6);
    row->proof = (uint8_t)sqlite3_column_int64(s, 10);
    if (row->line == 0 || row->line > l->n_lines || row->author > OL_PEER ||
        row->prec >= OL_PRECS || row->proof >= OL_PROOFS ||
        leaf.n != sizeof(row->leaf) ||
        root.n != sizeof(row->root))
        return damaged(l, row);
    memcpy(row->leaf, leaf.p, sizeof(row->leaf));
    memcpy(row->root, root.p, sizeof(row->root));
    place.line_id = l->lines[row->line - 1];
    place.author = row->author;
    place.prec = row->prec;
    place.index = row->index;
    if (ol_place_open(&place, buf, OL_RECORD_MAX, &n, l->key,
                      ol_sql_bytes(s, 9)) != OL_OK)
        return damaged(l, row);
    row->bytes = OL_SPAN(buf, n);
    return OL_OK;
}

/* Gives the rows of a bound statement; *n: how many. */
static enum ol_err give_rows(struct ol_sqlite *l, unsigned id, sqlite3_stmt *s,
                             uint32_t max_bytes, uint32_t *n, ol_row_fn fn,
                             void *arg)
{
    uint8_t buf[OL_RECORD_MAX];
    struct ol_row row;
    uint64_t bytes = 0;
    enum ol_err err;
    bool any;

    *n = 0;
    while (!(err = ol_sql_step(&l->reader, s, &any)) && any) {
        err = fill_row(l, s, &row, buf);
        if (err)
            break;
        bytes += row.bytes.n;
        if (*n > 0 && max_bytes > 0 && bytes > max_bytes)
            break;
        ++*n;
        if (!fn(arg, &row))
            break;
    }
    ol_sql_give(&l->reader, id, s);
    ol_wipe(buf, sizeof(buf));
    return ol_read_failed(l, err);
}

static enum ol_err read_log(struct ol_ledger *base, uint32_t line,
                            uint8_t author, uint8_t prec, uint32_t from,
                            uint32_t max_records, uint32_t max_bytes,
                            ol_row_fn fn, void *arg)
{
    struct ol_sqlite *l = ol_read_start(base, line);
    const struct ol_row *row;
    sqlite3_stmt *s;
    uint32_t n;

    if (!l)
        return OL_ERR_MISSING;
    /* As many as came just now, without the file. */
    for (; max_bytes == 0 && max_records > 0 &&
           (row = ol_recent_at(l->recent, line, author, prec, from)) != NULL;
         from++, max_records--)
        if (!fn(arg, row))
            return OL_OK;
    if (max_records == 0)
        return OL_OK;
    s = ol_sql_take(&l->reader, READ_LOG);
    OL_SQL_INTS(s, line, author, prec, from, max_records);
    return give_rows(l, READ_LOG, s, max_bytes, &n, fn, arg);
}

static enum ol_err by_number(struct ol_ledger *base, uint32_t line,
                             uint8_t author, uint64_t number, ol_row_fn fn,
                             void *arg)
{
    struct ol_sqlite *l = ol_read_start(base, line);
    sqlite3_stmt *s;
    const struct ol_row *row;
    enum ol_err err;
    uint32_t n;

    if (!l)
        return OL_ERR_MISSING;
    row = author == OL_OWN ? ol_recent_number(l->recent, line, number) : NULL;
    if (row != NULL) {
        (void)fn(arg, row);
        return OL_OK;
    }
    s = ol_sql_take(&l->reader, READ_BY_NUMBER);
    OL_SQL_INTS(s, line, author, (int64_t)number);
    err = give_rows(l, READ_BY_NUMBER, s, 0, &n, fn, arg);
    return err || n > 0 ? err : OL_ERR_MISSING;
}

static enum ol_err by_id(struct ol_ledger *base, const uint8_t id[16],
                         ol_row_fn fn, void *arg)
{
    struct ol_sqlite *l = (struct ol_sqlite *)base;
    sqlite3_stmt *s = ol_sql_take(&l->reader, READ_BY_ID);
    enum ol_err err;
    uint32_t n;

    ol_sql_blob(s, 1, OL_SPAN(id, OL_ID_SIZE));
    err = give_rows(l, READ_BY_ID, s, 0, &n, fn, arg);
    return err || n > 0 ? err : OL_ERR_MISSING;
}

static enum ol_err by_kind(struct ol_ledger *base, uint32_t line,
                           uint8_t author, uint8_t kind, uint64_t after,
                           ol_row_fn fn, void *arg)
{
    struct ol_sqlite *l = ol_read_start(base, line);
    sqlite3_stmt *s;
    uint32_t n;

    if (!l)
        return OL_ERR_MISSING;
    s = ol_sql_take(&l->reader, READ_KIND);
    OL_SQL_INTS(s, line, author, kind,
                (int64_t)OL_MIN(after, (uint64_t)INT64_MAX));
    return give_rows(l, READ_KIND, s, 0, &n, fn, arg);
}

static void afresh(struct ol_ledger *base)
{
    ol_recent_forget(((struct ol_sqlite *)base)->recent);
}

void ol_read_ops(struct ol_ledger_ops *ops)
{
    ops->afresh = afresh;
    ops->log = read_log;
    ops->by_number = by_number;
    ops->by_id = by_id;
    ops->by_kind = by_kind;
}
