/*
 * Reading what is known about records: acks, attempts, checkpoints,
 * events, station values.
 *
 * Happy path: one statement, its columns copied out. How it fails: a single
 * thing that is not there is OL_ERR_MISSING, a list of nothing is OL_OK, and
 * a row of other shapes than the schema says is OL_ERR_CORRUPT.
 */
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "ledger/read.h"

static void copy_text(char *out, size_t size, sqlite3_stmt *s, int column)
{
    const unsigned char *text = sqlite3_column_text(s, column);

    snprintf(out, size, "%s", text ? (const char *)text : "");
}

/* Steps a bound statement that yields one row at most. */
static enum ol_err one(struct ol_sqlite *l, sqlite3_stmt *s)
{
    bool row;
    enum ol_err err = ol_sql_step(&l->reader, s, &row);

    return err || row ? err : OL_ERR_MISSING;
}

/* Gives the statement back; not being there is no failure to tell of. */
static enum ol_err end(struct ol_sqlite *l, unsigned id, sqlite3_stmt *s,
                       enum ol_err err)
{
    ol_sql_give(&l->reader, id, s);
    return err == OL_ERR_MISSING ? err : ol_read_failed(l, err);
}

static enum ol_err head(struct ol_ledger *base, uint32_t line, uint8_t author,
                        uint8_t prec, uint32_t *size, uint8_t *frontier,
                        size_t *n)
{
    struct ol_sqlite *l = ol_read_start(base, line);
    sqlite3_stmt *s;
    enum ol_err err;

    *size = 0;
    if (frontier != NULL)
        *n = 0;
    if (!l)
        return OL_ERR_MISSING;
    if (frontier == NULL &&
        ol_recent_head(l->recent, line, author, prec, size))
        return OL_OK;
    s = ol_sql_take(&l->reader, READ_HEAD);
    OL_SQL_INTS(s, line, author, prec);
    err = one(l, s);
    if (!err) {
        struct ol_span nodes = ol_sql_bytes(s, 1);
        uint32_t found = (uint32_t)sqlite3_column_int64(s, 0);

        if (nodes.n != (size_t)__builtin_popcount(found) * OL_HASH) {
            err = ol_sql_damaged(&l->reader, "the head of a log");
        } else {
            *size = found;
            if (frontier != NULL) {
                *n = nodes.n;
                if (nodes.n > 0)
                    memcpy(frontier, nodes.p, nodes.n);
            }
        }
    }
    err = end(l, READ_HEAD, s, err);
    if (err == OL_OK || err == OL_ERR_MISSING)
        ol_recent_note(l->recent, line, author, prec, *size);
    return err == OL_ERR_MISSING ? OL_OK : err;
}

static bool reached(struct ol_ledger *base, uint32_t line, uint8_t author,
                    uint8_t prec, uint32_t *size)
{
    struct ol_sqlite *l = ol_read_start(base, line);

    return l && ol_recent_reached(l->recent, line, author, prec, size);
}

static enum ol_err acked(struct ol_ledger *base, uint32_t line, uint8_t prec,
                         uint32_t index, uint32_t *upto, uint64_t *at_ms)
{
    struct ol_sqlite *l = ol_read_start(base, line);
    sqlite3_stmt *s;
    enum ol_err err;

    *upto = 0;
    *at_ms = 0;
    if (!l)
        return OL_ERR_MISSING;
    s = ol_sql_take(&l->reader, READ_UPTO);
    OL_SQL_INTS(s, line, prec);
    err = one(l, s);
    if (!err)
        *upto = (uint32_t)sqlite3_column_int64(s, 0);
    err = end(l, READ_UPTO, s, err);
    if (err)
        return err;
    s = ol_sql_take(&l->reader, READ_ACKED);
    OL_SQL_INTS(s, line, prec, index);
    err = one(l, s);
    if (!err)
        *at_ms = (uint64_t)sqlite3_column_int64(s, 0);
    err = end(l, READ_ACKED, s, err);
    return err == OL_ERR_MISSING ? OL_OK : err;
}

static enum ol_err attempts(struct ol_ledger *base, uint32_t line,
                            uint8_t prec, uint32_t index,
                            struct ol_row_attempt *out, uint32_t max,
                            uint32_t *n)
{
    struct ol_sqlite *l = ol_read_start(base, line);
    sqlite3_stmt *s;
    enum ol_err err;
    bool row;

    *n = 0;
    if (!l)
        return OL_ERR_MISSING;
    s = ol_sql_take(&l->reader, READ_ATTEMPTS);
    OL_SQL_INTS(s, line, prec, index, (int64_t)index - OL_SENT_SPAN, max);
    while (!(err = ol_sql_step(&l->reader, s, &row)) && row && *n < max) {
        struct ol_row_attempt *a = &out[(*n)++];

        copy_text(a->channel, sizeof(a->channel), s, 0);
        a->at_ms = (uint64_t)sqlite3_column_int64(s, 1);
        a->count = (uint32_t)sqlite3_column_int64(s, 2);
    }
    return end(l, READ_ATTEMPTS, s, err);
}

static enum ol_err checkpoint(struct ol_ledger *base, uint32_t line,
                              uint8_t author, uint8_t prec, uint32_t *size,
                              uint8_t root[32], uint8_t sig[64])
{
    struct ol_sqlite *l = ol_read_start(base, line);
    sqlite3_stmt *s;
    enum ol_err err;

    if (!l)
        return OL_ERR_MISSING;
    s = ol_sql_take(&l->reader, READ_CHECKPOINT);
    OL_SQL_INTS(s, line, author, prec);
    err = one(l, s);
    if (!err) {
        struct ol_span r = ol_sql_bytes(s, 1), g = ol_sql_bytes(s, 2);

        *size = (uint32_t)sqlite3_column_int64(s, 0);
        if (r.n == OL_HASH && g.n == OL_SIG) {
            memcpy(root, r.p, OL_HASH);
            memcpy(sig, g.p, OL_SIG);
        } else {
            err = ol_sql_damaged(&l->reader, "a checkpoint");
        }
    }
    return end(l, READ_CHECKPOINT, s, err);
}

static void fill_event(sqlite3_stmt *s, struct ol_row_event *ev)
{
    memset(ev, 0, sizeof(*ev));
    ev->seq = (uint64_t)sqlite3_column_int64(s, 0);
    ev->at_ms = (uint64_t)sqlite3_column_int64(s, 2);
    ev->what = (uint8_t)sqlite3_column_int64(s, 3);
    ev->line = (uint32_t)sqlite3_column_int64(s, 4);
    ev->author = (uint8_t)sqlite3_column_int64(s, 5);
    ev->prec = (uint8_t)sqlite3_column_int64(s, 6);
    ev->index = (uint32_t)sqlite3_column_int64(s, 7);
    copy_text(ev->channel, sizeof(ev->channel), s, 8);
    copy_text(ev->detail, sizeof(ev->detail), s, 9);
}

/* One row's events above `after`; false when there have been enough. */
static bool give_events(sqlite3_stmt *s, uint64_t after, uint32_t *left,
                        ol_row_event_fn fn, void *arg)
{
    struct ol_row_event ev;
    uint64_t end_seq;

    fill_event(s, &ev);
    end_seq = ev.seq + (uint64_t)sqlite3_column_int64(s, 1);
    for (; ev.seq < end_seq; ev.seq++, ev.index++) {
        struct ol_row_event given = ev;

        if (ev.seq <= after) {
            uint64_t skip = OL_MIN(after, end_seq - 1) - ev.seq;

            ev.seq += skip;
            ev.index += (uint32_t)skip;
            continue;
        }
        if (*left == 0)
            return false;
        --*left;
        if (!fn(arg, &given))
            return false;
    }
    return true;
}

static enum ol_err events(struct ol_ledger *base, uint64_t after, uint32_t max,
                          ol_row_event_fn fn, void *arg)
{
    struct ol_sqlite *l = (struct ol_sqlite *)base;
    sqlite3_stmt *s;
    enum ol_err err;
    bool row;

    if (ol_recent_events(l->recent, after, max, fn, arg))
        return OL_OK;
    s = ol_sql_take(&l->reader, READ_EVENTS);
    OL_SQL_INTS(s, (int64_t)OL_MIN(after, (uint64_t)INT64_MAX));
    while (!(err = ol_sql_step(&l->reader, s, &row)) && row)
        if (!give_events(s, after, &max, fn, arg) || max == 0)
            break;
    return end(l, READ_EVENTS, s, err);
}

static enum ol_err last_seq(struct ol_ledger *base, uint64_t *seq)
{
    struct ol_sqlite *l = (struct ol_sqlite *)base;
    sqlite3_stmt *s = ol_sql_take(&l->reader, READ_SEQ);
    enum ol_err err = one(l, s);

    *seq = err ? 0 : (uint64_t)sqlite3_column_int64(s, 0);
    err = end(l, READ_SEQ, s, err);
    return err == OL_ERR_MISSING ? OL_OK : err;
}

static enum ol_err meta(struct ol_ledger *base, uint32_t line, const char *key,
                        uint8_t *value, size_t *n)
{
    struct ol_sqlite *l = (struct ol_sqlite *)base;
    sqlite3_stmt *s = ol_sql_take(&l->reader, READ_META);
    struct ol_span found;
    size_t room = *n;
    enum ol_err err;

    OL_SQL_INTS(s, line);
    ol_sql_text(s, 2, key);
    err = one(l, s);
    if (!err) {
        found = ol_sql_bytes(s, 0);
        *n = found.n;
        if (found.n <= room)
            memcpy(value, found.p, found.n);
    }
    err = end(l, READ_META, s, err);
    return !err && *n > room ? OL_ERR_TOO_LONG : err;
}

static enum ol_err fill_waiting(struct ol_sqlite *l, sqlite3_stmt *s,
                                struct ol_row_waiting *row, uint8_t *buf)
{
    struct ol_place place = {.table = "waiting",
                             .line_id = l->lines[row->line - 1]};
    struct ol_span id = ol_sql_bytes(s, 1);
    size_t n;

    row->n = (uint64_t)sqlite3_column_int64(s, 0);
    row->at_ms = (uint64_t)sqlite3_column_int64(s, 2);
    row->proof = (uint8_t)sqlite3_column_int64(s, 3);
    place.index = (uint32_t)row->n;
    if (id.n != sizeof(row->id) || row->proof >= OL_PROOFS ||
        ol_place_open(&place, buf, OL_RECORD_MAX, &n, l->key,
                      ol_sql_bytes(s, 4)) != OL_OK)
        return ol_sql_damaged(&l->reader, "a record that waits");
    memcpy(row->id, id.p, id.n);
    row->bytes = OL_SPAN(buf, n);
    return OL_OK;
}

static enum ol_err waiting(struct ol_ledger *base, uint32_t line,
                           uint64_t after, ol_row_waiting_fn fn, void *arg)
{
    struct ol_sqlite *l = ol_read_start(base, line);
    struct ol_row_waiting row = {.line = line};
    uint8_t buf[OL_RECORD_MAX];
    sqlite3_stmt *s;
    enum ol_err err;
    bool any;

    if (!l)
        return OL_ERR_MISSING;
    s = ol_sql_take(&l->reader, READ_WAITING);
    OL_SQL_INTS(s, line, (int64_t)after);
    while (!(err = ol_sql_step(&l->reader, s, &any)) && any) {
        err = fill_waiting(l, s, &row, buf);
        if (err || !fn(arg, &row))
            break;
    }
    ol_wipe(buf, sizeof(buf));
    return end(l, READ_WAITING, s, err);
}

void ol_recall_ops(struct ol_ledger_ops *ops)
{
    ops->head = head;
    ops->reached = reached;
    ops->acked = acked;
    ops->attempts = attempts;
    ops->checkpoint = checkpoint;
    ops->events = events;
    ops->last_seq = last_seq;
    ops->waiting = waiting;
    ops->meta = meta;
}
