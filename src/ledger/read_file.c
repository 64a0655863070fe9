/*
 * Reading attachments: their rows, which pieces are here, one piece.
 *
 * How it fails: what is not there is OL_ERR_MISSING; a row of other shapes
 * than the schema says, or a piece that does not open, is OL_ERR_CORRUPT.
 */
#include <string.h>

#include "base/units.h"
#include "ledger/read.h"

static enum ol_err fill(struct ol_sqlite *l, sqlite3_stmt *s,
                        struct ol_row_file *f)
{
    struct ol_span hash = ol_sql_bytes(s, 1);
    int64_t size = sqlite3_column_int64(s, 2);
    int64_t have = sqlite3_column_int64(s, 6);

    memset(f, 0, sizeof(*f));
    f->order = (uint64_t)sqlite3_column_int64(s, 0);
    f->author = (uint8_t)sqlite3_column_int64(s, 3);
    f->prec = (uint8_t)sqlite3_column_int64(s, 4);
    f->state = (uint8_t)sqlite3_column_int64(s, 5);
    f->at_ms = (uint64_t)sqlite3_column_int64(s, 7);
    if (hash.n != sizeof(f->hash) || size < 0 ||
        (uint64_t)size > OL_FILE_MAX || have < 0 ||
        have > ol_file_pieces((uint64_t)size) || f->author > OL_PEER ||
        f->prec >= OL_PRECS || f->state >= OL_FILE_GONE)
        return ol_sql_damaged(&l->reader, "the row of an attachment");
    memcpy(f->hash, hash.p, sizeof(f->hash));
    f->size = (uint64_t)size;
    f->have = (uint32_t)have;
    return OL_OK;
}

static enum ol_err file(struct ol_ledger *base, uint32_t line, uint8_t author,
                        const uint8_t hash[32], struct ol_row_file *out)
{
    struct ol_sqlite *l = ol_read_start(base, line);
    sqlite3_stmt *s;
    enum ol_err err;
    bool row;

    if (!l)
        return OL_ERR_MISSING;
    s = ol_sql_take(&l->reader, READ_FILE);
    OL_SQL_INTS(s, line, author);
    ol_sql_blob(s, 3, OL_SPAN(hash, 32));
    err = ol_sql_step(&l->reader, s, &row);
    if (!err)
        err = row ? fill(l, s, out) : OL_ERR_MISSING;
    ol_sql_give(&l->reader, READ_FILE, s);
    return err == OL_ERR_MISSING ? err : ol_read_failed(l, err);
}

static enum ol_err files(struct ol_ledger *base, uint32_t line,
                         uint8_t author, uint8_t state, uint64_t after,
                         ol_row_file_fn fn, void *arg)
{
    struct ol_sqlite *l = ol_read_start(base, line);
    struct ol_row_file f;
    sqlite3_stmt *s;
    enum ol_err err;
    bool row;

    if (!l)
        return OL_ERR_MISSING;
    s = ol_sql_take(&l->reader, READ_FILES);
    OL_SQL_INTS(s, line, author, state, (int64_t)after);
    while (!(err = ol_sql_step(&l->reader, s, &row)) && row) {
        err = fill(l, s, &f);
        if (err || !fn(arg, &f))
            break;
    }
    ol_sql_give(&l->reader, READ_FILES, s);
    return ol_read_failed(l, err);
}

static enum ol_err pieces(struct ol_ledger *base, uint32_t line,
                          uint8_t author, const uint8_t hash[32],
                          uint32_t *upto, uint64_t *map)
{
    struct ol_sqlite *l = (struct ol_sqlite *)base;
    struct ol_row_file f = {0};
    enum ol_err err = file(base, line, author, hash, &f);
    sqlite3_stmt *s;
    bool row;

    *upto = 0;
    *map = 0;
    if (err)
        return err;
    /* Whatever is missing lies within the window of what is here. */
    *upto = f.have > OL_PULL_WINDOW ? f.have - OL_PULL_WINDOW : 0;
    s = ol_sql_take(&l->reader, READ_PIECES);
    OL_SQL_INTS(s, (int64_t)f.order, *upto);
    while (!(err = ol_sql_step(&l->reader, s, &row)) && row) {
        uint32_t n = (uint32_t)sqlite3_column_int64(s, 0);

        if (n == *upto)
            ++*upto;
        else if (n - *upto - 1 < 64)
            *map |= UINT64_C(1) << (n - *upto - 1);
    }
    ol_sql_give(&l->reader, READ_PIECES, s);
    return ol_read_failed(l, err);
}

static enum ol_err piece(struct ol_ledger *base, uint32_t line,
                         uint8_t author, const uint8_t hash[32],
                         uint32_t index, uint8_t *out, size_t *n)
{
    struct ol_sqlite *l = ol_read_start(base, line);
    struct ol_place place = {
        .table = "piece", .author = author, .index = index, .hash = hash};
    sqlite3_stmt *s;
    enum ol_err err;
    bool row;

    *n = 0;
    if (!l)
        return OL_ERR_MISSING;
    place.line_id = l->lines[line - 1];
    s = ol_sql_take(&l->reader, READ_PIECE);
    OL_SQL_INTS(s, line, author);
    ol_sql_blob(s, 3, OL_SPAN(hash, 32));
    sqlite3_bind_int64(s, 4, index);
    err = ol_sql_step(&l->reader, s, &row);
    if (!err && !row)
        err = OL_ERR_MISSING;
    if (!err && ol_place_open(&place, out, OL_PIECE, n, l->key,
                              ol_sql_bytes(s, 0)) != OL_OK)
        err = ol_sql_damaged(&l->reader, "a piece of an attachment");
    ol_sql_give(&l->reader, READ_PIECE, s);
    return err == OL_ERR_MISSING ? err : ol_read_failed(l, err);
}

void ol_read_file_ops(struct ol_ledger_ops *ops)
{
    ops->file = file;
    ops->files = files;
    ops->pieces = pieces;
    ops->piece = piece;
}
