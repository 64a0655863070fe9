/*
 * A line's snapshot, for the core to start from.
 *
 * Happy path: one read transaction, so that heads, acks and parts are of the
 * same moment; everything is copied. How it fails: a row that does not hold
 * is OL_ERR_CORRUPT with its table in words; the snapshot is then empty.
 */
#include <string.h>

#include "base/units.h"
#include "ledger/read.h"
#include "ledger/snapshot.h"

static enum ol_err add_head(struct ol_sqlite *l, sqlite3_stmt *s,
                            uint32_t line, struct ol_snapshot *snap)
{
    int64_t author = sqlite3_column_int64(s, 0);
    int64_t prec = sqlite3_column_int64(s, 1);
    int64_t size = sqlite3_column_int64(s, 2);
    struct ol_span frontier = ol_sql_bytes(s, 3);

    (void)line;
    if (author < 0 || author > OL_PEER || prec < 0 || prec >= OL_PRECS ||
        size < 0 || size > UINT32_MAX ||
        frontier.n != (size_t)__builtin_popcountll((uint64_t)size) * OL_HASH)
        return ol_sql_damaged(&l->reader, "the head of a log");
    ol_snapshot_head(snap, (uint8_t)author, (uint8_t)prec, (uint32_t)size,
                     frontier);
    return OL_OK;
}

static enum ol_err add_state(struct ol_sqlite *l, sqlite3_stmt *s,
                             uint32_t line, struct ol_snapshot *snap)
{
    const struct ol_place place = {
        .table = "state",
        .line_id = l->lines[line - 1],
    };
    struct ol_span sealed = ol_sql_bytes(s, 0);
    uint8_t *state = ol_snapshot_state(snap, sealed.n);
    size_t n;

    if (!state)
        return OL_ERR_IO;
    if (ol_place_open(&place, state, sealed.n, &n, l->key, sealed) != OL_OK)
        return ol_sql_damaged(&l->reader, "the state of a line");
    snap->state.n = n;
    return OL_OK;
}

static enum ol_err add_part(struct ol_sqlite *l, sqlite3_stmt *s,
                            uint32_t line, struct ol_snapshot *snap)
{
    uint8_t buf[OL_RECORD_MAX];
    struct ol_place place = {
        .table = "part",
        .line_id = l->lines[line - 1],
        .author = OL_PEER,
        .prec = (uint8_t)sqlite3_column_int64(s, 0),
        .index = (uint32_t)sqlite3_column_int64(s, 1),
    };
    struct ol_part part = {
        .prec = place.prec,
        .index = place.index,
        .mask = (uint64_t)sqlite3_column_int64(s, 2),
        .size = (uint16_t)sqlite3_column_int64(s, 3),
    };
    size_t n;
    enum ol_err err;

    if (place.prec >= OL_PRECS ||
        ol_place_open(&place, buf, sizeof(buf), &n, l->key,
                      ol_sql_bytes(s, 4)) != OL_OK ||
        part.size > OL_RECORD_MAX)
        return ol_sql_damaged(&l->reader, "a part of a record");
    part.bytes = OL_SPAN(buf, n);
    err = ol_snapshot_part(snap, &part);
    ol_wipe(buf, sizeof(buf));
    return err;
}

static enum ol_err add_number(struct ol_sqlite *l, sqlite3_stmt *s,
                              uint32_t line, struct ol_snapshot *snap)
{
    (void)l;
    (void)line;
    snap->number = (uint64_t)sqlite3_column_int64(s, 0);
    snap->peer_number = (uint64_t)sqlite3_column_int64(s, 1);
    return OL_OK;
}

static enum ol_err add_signed(struct ol_sqlite *l, sqlite3_stmt *s,
                              uint32_t line, struct ol_snapshot *snap)
{
    int64_t prec = sqlite3_column_int64(s, 0);
    struct ol_span root = ol_sql_bytes(s, 2), sig = ol_sql_bytes(s, 3);
    struct ol_signed *to;

    (void)line;
    if (prec < 0 || prec >= OL_PRECS || root.n != sizeof(to->root) ||
        sig.n != sizeof(to->sig))
        return ol_sql_damaged(&l->reader, "a checkpoint");
    to = &snap->signed_by_peer[prec];
    to->size = (uint32_t)sqlite3_column_int64(s, 1);
    memcpy(to->root, root.p, root.n);
    memcpy(to->sig, sig.p, sig.n);
    return OL_OK;
}

/* Every row of a statement whose first parameter is the line. */
static enum ol_err each(struct ol_sqlite *l, uint32_t line, unsigned id,
                        enum ol_err (*add)(struct ol_sqlite *, sqlite3_stmt *,
                                           uint32_t, struct ol_snapshot *),
                        struct ol_snapshot *snap)
{
    sqlite3_stmt *s = ol_sql_take(&l->reader, id);
    enum ol_err err = OL_OK;
    bool row = true;

    OL_SQL_INTS(s, line);
    while (!err && row) {
        err = ol_sql_step(&l->reader, s, &row);
        if (!err && row)
            err = add(l, s, line, snap);
    }
    ol_sql_give(&l->reader, id, s);
    return err;
}

/* What of one precedence is acked, and what lies beyond a gap. */
static enum ol_err add_log(struct ol_sqlite *l, uint32_t line, uint8_t prec,
                           struct ol_snapshot *snap)
{
    sqlite3_stmt *s = ol_sql_take(&l->reader, READ_UPTO);
    bool row;
    enum ol_err err;

    OL_SQL_INTS(s, line, prec);
    err = ol_sql_step(&l->reader, s, &row);
    if (!err && row)
        snap->acked[prec] = (uint32_t)sqlite3_column_int64(s, 0);
    ol_sql_give(&l->reader, READ_UPTO, s);
    s = ol_sql_take(&l->reader, READ_BEYOND);
    OL_SQL_INTS(s, line, prec, snap->log[OL_PEER][prec].size);
    while (!err && !(err = ol_sql_step(&l->reader, s, &row)) && row) {
        struct ol_span leaf = ol_sql_bytes(s, 1);
        uint32_t index = (uint32_t)sqlite3_column_int64(s, 0);

        if (leaf.n != OL_HASH)
            err = ol_sql_damaged(&l->reader, "the leaf of a record");
        else
            err = ol_snapshot_beyond(snap, prec, index, leaf.p);
    }
    ol_sql_give(&l->reader, READ_BEYOND, s);
    return err;
}

static enum ol_err snapshot(struct ol_ledger *base, uint32_t line,
                            struct ol_snapshot *snap)
{
    struct ol_sqlite *l = ol_read_start(base, line);
    enum ol_err err;

    memset(snap, 0, sizeof(*snap));
    if (!l)
        return OL_ERR_MISSING;
    err = ol_snapshot_begin(snap);
    if (!err)
        err = ol_sql_exec(&l->reader, "BEGIN", "read");
    if (!err)
        err = each(l, line, READ_HEADS, add_head, snap);
    if (!err)
        err = each(l, line, READ_STATE, add_state, snap);
    if (!err)
        err = each(l, line, READ_PARTS, add_part, snap);
    if (!err)
        err = each(l, line, READ_NUMBER, add_number, snap);
    if (!err)
        err = each(l, line, READ_SIGNED, add_signed, snap);
    for (uint8_t prec = 0; prec < OL_PRECS && !err; prec++)
        err = add_log(l, line, prec, snap);
    if (!sqlite3_get_autocommit(l->reader.db))
        sqlite3_exec(l->reader.db, "COMMIT", NULL, NULL, NULL);
    if (err)
        ol_snapshot_end(snap);
    return ol_read_failed(l, err);
}

static void snapshot_free(struct ol_ledger *base, struct ol_snapshot *snap)
{
    (void)base;
    ol_snapshot_end(snap);
}

void ol_reload_ops(struct ol_ledger_ops *ops)
{
    ops->snapshot = snapshot;
    ops->snapshot_free = snapshot_free;
}
