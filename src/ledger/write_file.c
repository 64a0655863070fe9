/*
 * Writing attachments: a row for each, its state, its pieces.
 *
 * Happy path: the file's row is made or changes its state; a piece is sealed
 * and put beside it, and the row counts it. How it fails: only as the disk
 * does. A piece of a file that is not there, or that is there already, is
 * taken in silence: the station may have dropped the file meanwhile.
 */
#include "ledger/write.h"

enum ol_err ol_write_file(struct ol_sqlite *l, const struct ol_batch *b,
                          const struct ol_put *put)
{
    unsigned id = put->state == OL_FILE_GONE ? OL_WRITE_FILE_GONE
                                             : OL_WRITE_FILE;
    sqlite3_stmt *s = ol_sql_take(&l->writer, id);

    OL_SQL_INTS(s, b->line, put->author);
    ol_sql_blob(s, 3, OL_SPAN_ARRAY(put->leaf));
    if (id == OL_WRITE_FILE) {
        sqlite3_bind_int64(s, 4, (int64_t)put->number);
        sqlite3_bind_int64(s, 5, put->prec);
        sqlite3_bind_int64(s, 6, put->state);
        sqlite3_bind_int64(s, 7, (int64_t)b->at_ms);
    }
    return ol_write_run(l, id, s);
}

/* *n: the file's row, 0 when there is none. */
static enum ol_err find(struct ol_sqlite *l, uint32_t line,
                        const struct ol_put *put, int64_t *n)
{
    sqlite3_stmt *s = ol_sql_take(&l->writer, OL_WRITE_FILE_ROW);
    enum ol_err err;
    bool row;

    OL_SQL_INTS(s, line, put->author);
    ol_sql_blob(s, 3, OL_SPAN_ARRAY(put->leaf));
    err = ol_sql_step(&l->writer, s, &row);
    *n = !err && row ? sqlite3_column_int64(s, 0) : 0;
    ol_sql_give(&l->writer, OL_WRITE_FILE_ROW, s);
    return err;
}

static enum ol_err count(struct ol_sqlite *l, int64_t file, int64_t more)
{
    sqlite3_stmt *s;

    if (more == 0)
        return OL_OK;
    s = ol_sql_take(&l->writer, OL_WRITE_HAVE);
    OL_SQL_INTS(s, file, more);
    return ol_write_run(l, OL_WRITE_HAVE, s);
}

enum ol_err ol_write_piece(struct ol_sqlite *l, const struct ol_batch *b,
                           const struct ol_put *put)
{
    const struct ol_place place = {
        .table = "piece",
        .line_id = l->lines[b->line - 1],
        .author = put->author,
        .index = put->index,
        .hash = put->leaf,
    };
    int64_t file;
    enum ol_err err = find(l, b->line, put, &file);
    sqlite3_stmt *s;

    if (err || file == 0)
        return err;
    s = ol_sql_take(&l->writer, OL_WRITE_PIECE);
    OL_SQL_INTS(s, file, put->index);
    ol_sql_blob(s, 3, ol_place_seal(&place, l->sealed, &l->atrest,
                                    put->bytes));
    err = ol_write_run(l, OL_WRITE_PIECE, s);
    return err ? err : count(l, file, sqlite3_changes(l->writer.db));
}

enum ol_err ol_write_drop(struct ol_sqlite *l, const struct ol_batch *b,
                          const struct ol_put *put)
{
    int64_t file;
    enum ol_err err = find(l, b->line, put, &file);
    sqlite3_stmt *s;

    if (err || file == 0)
        return err;
    s = ol_sql_take(&l->writer, OL_WRITE_DROP);
    OL_SQL_INTS(s, file, put->index, (int64_t)put->index + put->count);
    err = ol_write_run(l, OL_WRITE_DROP, s);
    return err ? err : count(l, file, -(int64_t)sqlite3_changes(l->writer.db));
}
