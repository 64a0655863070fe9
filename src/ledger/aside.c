/*
 * Own records without a number: said while none may be given, or taken out of
 * their log by a return.
 *
 * Happy path: a WAITING put becomes a row behind those that wait; ASIDE moves
 * the end of a log there, in its order, and takes the log's head, acks,
 * attempts and checkpoint down with it, and takes back what those records said
 * of our own messages: their numbers may be others' now. What they said of the
 * other side's stays, for its numbers stand and a rung never falls. An own
 * record of the same id, however it comes, ends the waiting in its own
 * transaction, so that nothing is said twice. How it fails: a row that does
 * not open is OL_ERR_CORRUPT, and the batch is taken back.
 */
#include <string.h>

#include "ledger/write.h"
#include "wire/record.h"

enum ol_err ol_write_said(struct ol_sqlite *l, uint32_t line,
                          const uint8_t id[OL_ID_SIZE])
{
    sqlite3_stmt *s;

    if (!l->waits)
        return OL_OK;
    s = ol_sql_take(&l->writer, OL_WRITE_SAID);
    OL_SQL_INTS(s, line);
    ol_sql_blob(s, 2, OL_SPAN(id, OL_ID_SIZE));
    return ol_write_run(l, OL_WRITE_SAID, s);
}

struct one {
    uint64_t at_ms;
    uint8_t proof;
    const uint8_t *id;
    struct ol_span bytes;
};

static enum ol_err wait_for(struct ol_sqlite *l, uint32_t line,
                            const struct one *one)
{
    sqlite3_stmt *s = ol_sql_take(&l->writer, OL_WRITE_WAITING_N);
    struct ol_place place = {.table = "waiting",
                             .line_id = l->lines[line - 1]};
    enum ol_err err;
    bool row;

    OL_SQL_INTS(s, line);
    err = ol_sql_step(&l->writer, s, &row);
    if (!err)
        place.index = (uint32_t)sqlite3_column_int64(s, 0);
    ol_sql_give(&l->writer, OL_WRITE_WAITING_N, s);
    if (err)
        return err;
    l->waits = true;
    s = ol_sql_take(&l->writer, OL_WRITE_WAITING);
    OL_SQL_INTS(s, line, place.index);
    ol_sql_blob(s, 3, OL_SPAN(one->id, OL_ID_SIZE));
    sqlite3_bind_int64(s, 4, (int64_t)one->at_ms);
    sqlite3_bind_int64(s, 5, one->proof);
    ol_sql_blob(s, 6, ol_place_seal(&place, l->sealed, &l->atrest,
                                    one->bytes));
    return ol_write_run(l, OL_WRITE_WAITING, s);
}

enum ol_err ol_write_waiting(struct ol_sqlite *l, const struct ol_batch *b,
                             const struct ol_put *put)
{
    uint8_t id[OL_ID_SIZE];
    struct one one = {b->at_ms, OL_PROOF_OWN, id, put->bytes};

    /* Without an id nothing could ever end its waiting. */
    if (!ol_record_id(put->bytes, id))
        return ol_sql_damaged(&l->writer, "a record to wait has no id");
    return wait_for(l, b->line, &one);
}

/* Run once with line, precedence and index bound. */
static enum ol_err cut(struct ol_sqlite *l, uint32_t line,
                       const struct ol_put *put, unsigned id)
{
    sqlite3_stmt *s = ol_sql_take(&l->writer, id);

    OL_SQL_INTS(s, line, put->prec, put->index);
    return ol_write_run(l, id, s);
}

/* The record of this row out of the log, and among those that wait. */
static enum ol_err move_row(struct ol_sqlite *l, const struct ol_batch *b,
                            const struct ol_put *put, sqlite3_stmt *row)
{
    uint8_t bytes[OL_RECORD_MAX], id[OL_ID_SIZE];
    struct ol_place place = {.table = "record",
                             .line_id = l->lines[b->line - 1],
                             .author = OL_OWN,
                             .prec = put->prec,
                             .index = (uint32_t)sqlite3_column_int64(row, 0)};
    struct one one = {.at_ms = (uint64_t)sqlite3_column_int64(row, 2),
                      .proof = (uint8_t)sqlite3_column_int64(row, 3),
                      .id = id};
    struct ol_put gone = {.prec = put->prec, .index = place.index};
    struct ol_span found = ol_sql_bytes(row, 4);
    enum ol_err err;
    size_t n;

    if (ol_place_open(&place, bytes, sizeof(bytes), &n, l->key,
                      ol_sql_bytes(row, 5)) != OL_OK || found.n != sizeof(id))
        return ol_sql_damaged(&l->writer, "a record of ours");
    memcpy(id, found.p, sizeof(id));
    one.bytes = OL_SPAN(bytes, n);
    err = cut(l, b->line, &gone, OL_WRITE_ASIDE_RECORD);
    if (!err && sqlite3_column_int64(row, 1) != OL_KIND_RETURNED)
        err = wait_for(l, b->line, &one);
    ol_wipe(bytes, sizeof(bytes));
    return err;
}

static enum ol_err head_down(struct ol_sqlite *l, const struct ol_batch *b,
                             const struct ol_put *put)
{
    sqlite3_stmt *s = ol_sql_take(&l->writer, OL_WRITE_ASIDE_HEAD);

    OL_SQL_INTS(s, b->line, put->prec, (int64_t)put->index - 1);
    ol_sql_blob(s, 4, put->bytes);
    return ol_write_run(l, OL_WRITE_ASIDE_HEAD, s);
}

enum ol_err ol_write_aside(struct ol_sqlite *l, const struct ol_batch *b,
                           const struct ol_put *put)
{
    static const unsigned cuts[] = {
        OL_WRITE_ASIDE_ACK, OL_WRITE_ASIDE_SENT, OL_WRITE_ASIDE_HI,
        OL_WRITE_ASIDE_CHECKPOINT, OL_WRITE_ASIDE_MARK};
    sqlite3_stmt *s = ol_sql_take(&l->writer, OL_WRITE_ASIDE_ROWS);
    enum ol_err err;
    bool row = true;

    /* The sort makes SQLite read all rows before the first is given, or they
     * come by their key; either way a row that was given may be deleted. */
    OL_SQL_INTS(s, b->line, put->prec, put->index);
    while (!(err = ol_sql_step(&l->writer, s, &row)) && row)
        if ((err = move_row(l, b, put, s)) != OL_OK)
            break;
    ol_sql_give(&l->writer, OL_WRITE_ASIDE_ROWS, s);
    for (unsigned k = 0; k < sizeof(cuts) / sizeof(cuts[0]) && !err; k++)
        err = cut(l, b->line, put, cuts[k]);
    return err ? err : head_down(l, b, put);
}

enum ol_err ol_write_proved(struct ol_sqlite *l, const struct ol_batch *b,
                            const struct ol_put *put)
{
    return cut(l, b->line, put, OL_WRITE_PROVED);
}
