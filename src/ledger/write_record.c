/*
 * Writing records: as many rows as there are with few statements.
 *
 * What a statement costs beside its rows, cursors that are opened and closed,
 * is as much as half a row. So records that stand behind each other in a batch
 * are put 16 with one statement, and what is left with those of 8, 4, 2 and 1.
 *
 * Happy path: all are sealed, one behind the other, bound and put; then each
 * ends what it was a part of, or what waited under its id. How it fails: an
 * error takes the whole group back, as with every put. A row that stands
 * already is left as it is, and must be the same one: OL_ERR_CORRUPT.
 */
#include "ledger/sqlite.h"

#include "ledger/write.h"
#include "wire/record.h"

#define ROWS 16u    /* of one statement, at most */
#define COLUMNS 12u /* of OL_WRITE_ROW, the id last */

static const uint8_t rows_of[] = {
    [0] = ROWS, [OL_WRITE_8 - OL_WRITE_16] = 8, [OL_WRITE_4 - OL_WRITE_16] = 4,
    [OL_WRITE_2 - OL_WRITE_16] = 2, [OL_WRITE_1 - OL_WRITE_16] = 1};

/* The record stands already: it must be the same one. */
static enum ol_err same_leaf(struct ol_sqlite *l, uint32_t line,
                             const struct ol_put *put)
{
    sqlite3_stmt *s = ol_sql_take(&l->writer, OL_WRITE_LEAF);
    struct ol_span leaf;
    bool row;
    enum ol_err err;

    OL_SQL_INTS(s, line, put->author, put->prec, put->index);
    err = ol_sql_step(&l->writer, s, &row);
    if (!err) {
        leaf = ol_sql_bytes(s, 0);
        if (!row || !ol_span_eq(leaf, OL_SPAN_ARRAY(put->leaf)))
            err = ol_sql_damaged(&l->writer,
                                 "another record for a place that is taken");
    }
    ol_sql_give(&l->writer, OL_WRITE_LEAF, s);
    return err;
}

enum ol_err ol_write_whole(struct ol_sqlite *l, uint32_t line,
                           const struct ol_put *put)
{
    sqlite3_stmt *s;

    if (!l->parts)
        return OL_OK;
    s = ol_sql_take(&l->writer, OL_WRITE_WHOLE);
    OL_SQL_INTS(s, line, put->prec, put->index);
    return ol_write_run(l, OL_WRITE_WHOLE, s);
}

/* Seals the record at `at` and binds it as the nth row; the room it took. */
static size_t bind_row(struct ol_sqlite *l, sqlite3_stmt *s, unsigned nth,
                       const struct ol_batch *b, const struct ol_put *put,
                       size_t at)
{
    const struct ol_place place = {
        .table = "record",
        .line_id = l->lines[b->line - 1],
        .author = put->author,
        .prec = put->prec,
        .index = put->index,
    };
    const int64_t v[] = {b->line, put->author, put->prec, put->index,
                         (int64_t)put->number, put->rec_kind,
                         (int64_t)b->at_ms, put->proof};
    struct ol_span sealed =
        ol_place_seal(&place, l->sealed + at, &l->atrest, put->bytes);
    int column = (int)(nth * COLUMNS);

    for (unsigned k = 0; k < sizeof(v) / sizeof(v[0]); k++)
        sqlite3_bind_int64(s, ++column, v[k]);
    ol_sql_blob(s, ++column, OL_SPAN_ARRAY(put->leaf));
    ol_sql_blob(s, ++column, OL_SPAN_ARRAY(put->root));
    ol_sql_blob(s, ++column, sealed);
    return sealed.n;
}

/* As many as the statement has rows. */
static enum ol_err put_rows(struct ol_sqlite *l, unsigned id,
                            const struct ol_batch *b,
                            const struct ol_put *puts)
{
    sqlite3_stmt *s = ol_sql_take(&l->writer, id);
    unsigned n = rows_of[id - OL_WRITE_16];
    uint8_t ids[ROWS][OL_ID_SIZE];
    bool has_id[ROWS];
    size_t at = 0;
    enum ol_err err;

    for (unsigned k = 0; k < n; k++) {
        at += bind_row(l, s, k, b, &puts[k], at);
        has_id[k] = ol_record_id(puts[k].bytes, ids[k]);
        if (has_id[k])
            ol_sql_blob(s, (int)((k + 1) * COLUMNS), OL_SPAN_ARRAY(ids[k]));
    }
    err = ol_write_run(l, id, s);
    if (!err && sqlite3_changes(l->writer.db) != (int)n) {
        l->stood = true;
        for (unsigned k = 0; k < n && !err; k++)
            err = same_leaf(l, b->line, &puts[k]);
    }
    for (unsigned k = 0; k < n && !err; k++)
        if (puts[k].author == OL_PEER)
            err = ol_write_whole(l, b->line, &puts[k]);
        else if (has_id[k])
            err = ol_write_said(l, b->line, ids[k]);
    return err;
}

/* How many of them are put at once: there is room for some long ones. */
static unsigned at_once(const struct ol_sqlite *l, const struct ol_put *puts,
                        uint16_t n)
{
    size_t size = 0;
    unsigned k = 0;

    for (; k < n && k < ROWS; k++) {
        size += puts[k].bytes.n + OL_ATREST_OVER;
        if (size > sizeof(l->sealed))
            break;
    }
    return k;
}

enum ol_err ol_write_records(struct ol_sqlite *l, const struct ol_batch *b,
                             const struct ol_put *puts, uint16_t n)
{
    enum ol_err err = OL_OK;

    while (n > 0 && !err) {
        unsigned most = at_once(l, puts, n), id = OL_WRITE_16;

        while (rows_of[id - OL_WRITE_16] > most)
            id++;
        err = put_rows(l, id, b, puts);
        puts += rows_of[id - OL_WRITE_16];
        n = (uint16_t)(n - rows_of[id - OL_WRITE_16]);
    }
    return err;
}
