/*
 * The ledger in memory, reading: what has been committed, copied or lent.
 *
 * Happy path: each operation walks the arrays and hands out rows in order.
 * How it fails: a line number that was never given out, or a single thing
 * that is not there, is OL_ERR_MISSING; a list of nothing is OL_OK.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "ledger/mem.h"
#include "ledger/snapshot.h"
#include "wire/record.h"

static const struct mem *mem_of(struct ol_ledger *l)
{
    return (const struct mem *)l;
}

static const struct mem_line *line_of(struct ol_ledger *l, uint32_t line)
{
    return line > 0 && line <= mem_of(l)->n_lines ? mem_of(l)->lines[line - 1]
                                                  : NULL;
}

static enum ol_err snapshot_log(const struct mem_line *line, uint8_t author,
                                uint8_t prec, struct ol_snapshot *snap)
{
    const struct mem_log *log = &line->log[author][prec];
    enum ol_err err = OL_OK;
    uint32_t at;

    ol_snapshot_head(snap, author, prec, log->size,
                     OL_SPAN(log->frontier, log->frontier_n));
    if (author == OL_OWN)
        return OL_OK;
    if (ol_mem_find(log, log->size, &at))
        at++;
    for (; at < log->n && !err; at++)
        err = ol_snapshot_beyond(snap, prec, log->v[at]->index,
                                 log->v[at]->leaf);
    return err;
}

static enum ol_err snapshot(struct ol_ledger *l, uint32_t number,
                            struct ol_snapshot *snap)
{
    const struct mem_line *line = line_of(l, number);
    uint8_t *state;

    memset(snap, 0, sizeof(*snap));
    if (!line)
        return OL_ERR_MISSING;
    OL_CHECK(ol_snapshot_begin(snap) == OL_OK);
    for (unsigned k = 0; k < 2 * OL_PRECS; k++)
        OL_CHECK(snapshot_log(line, k / OL_PRECS, k % OL_PRECS, snap) ==
                 OL_OK);
    snap->number = line->number[OL_OWN];
    snap->peer_number = line->number[OL_PEER];
    for (int k = 0; k < OL_PRECS; k++) {
        const struct mem_checkpoint *c = line->log[OL_PEER][k].checkpoint;
        struct ol_signed *to = &snap->signed_by_peer[k];

        if (!c)
            continue;
        to->size = c->size;
        memcpy(to->root, c->root, sizeof(to->root));
        memcpy(to->sig, c->sig, sizeof(to->sig));
    }
    for (int k = 0; k < OL_PRECS; k++) {
        uint32_t n = line->n_acks[k];

        snap->acked[k] = n ? line->acks[k][n - 1].upto : 0;
    }
    state = ol_snapshot_state(snap, line->state_n);
    OL_CHECK(state);
    if (line->state_n > 0)
        memcpy(state, line->state, line->state_n);
    for (uint32_t k = 0; k < line->n_parts; k++) {
        const struct mem_part *from = &line->parts[k];
        struct ol_part part = {
            .prec = from->prec,
            .index = from->index,
            .mask = from->image->mask,
            .size = from->image->size,
            .bytes = OL_SPAN(from->image->bytes, from->image->n),
        };

        OL_CHECK(ol_snapshot_part(snap, &part) == OL_OK);
    }
    return OL_OK;
}

static void snapshot_free(struct ol_ledger *l, struct ol_snapshot *snap)
{
    (void)l;
    ol_snapshot_end(snap);
}

/* One record as a row; false when the reader wants no more. */
static bool give(const struct mem_record *r, struct ol_row *row, ol_row_fn fn,
                 void *arg)
{
    row->kind = r->kind;
    row->proof = r->proof;
    row->index = r->index;
    row->number = r->number;
    row->at_ms = r->at_ms;
    memcpy(row->leaf, r->leaf, sizeof(row->leaf));
    memcpy(row->root, r->root, sizeof(row->root));
    row->bytes = OL_SPAN(r->bytes, r->n);
    return fn(arg, row);
}

static enum ol_err read_log(struct ol_ledger *l, uint32_t line, uint8_t author,
                            uint8_t prec, uint32_t from, uint32_t max_records,
                            uint32_t max_bytes, ol_row_fn fn, void *arg)
{
    const struct mem_line *in = line_of(l, line);
    struct ol_row row = {.line = line, .author = author, .prec = prec};
    const struct mem_log *log;
    uint64_t bytes = 0;
    uint32_t at, n;

    if (!in)
        return OL_ERR_MISSING;
    log = &in->log[author][prec];
    ol_mem_find(log, from, &at);
    for (n = 0; at < log->n && n < max_records; at++, n++) {
        bytes += log->v[at]->n;
        if (n > 0 && max_bytes > 0 && bytes > max_bytes)
            break;
        if (!give(log->v[at], &row, fn, arg))
            break;
    }
    return OL_OK;
}

static enum ol_err by_number(struct ol_ledger *l, uint32_t line,
                             uint8_t author, uint64_t number, ol_row_fn fn,
                             void *arg)
{
    const struct mem_line *in = line_of(l, line);
    enum ol_err err = OL_ERR_MISSING;

    if (!in)
        return OL_ERR_MISSING;
    for (uint8_t prec = 0; prec < OL_PRECS; prec++) {
        const struct mem_log *log = &in->log[author][prec];
        struct ol_row row = {.line = line, .author = author, .prec = prec};

        for (uint32_t k = 0; k < log->n; k++) {
            if (log->v[k]->number != number)
                continue;
            err = OL_OK;
            if (!give(log->v[k], &row, fn, arg))
                return OL_OK;
        }
    }
    return err;
}

/* The records of a kind and a number (fn NULL: none of them); *next: the lowest
 * number of that kind above it, 0: none. False when the reader wants no more.
 */
static bool give_kind(const struct mem_line *in, struct ol_row *row,
                      uint64_t number, uint64_t *next, ol_row_fn fn, void *arg)
{
    uint8_t kind = row->kind;

    *next = 0;
    for (uint8_t prec = 0; prec < OL_PRECS; prec++) {
        const struct mem_log *log = &in->log[row->author][prec];

        row->prec = prec;
        for (uint32_t k = 0; k < log->n; k++) {
            const struct mem_record *r = log->v[k];

            if (r->kind != kind)
                continue;
            if (r->number == number && fn != NULL && !give(r, row, fn, arg))
                return false;
            if (r->number > number && (*next == 0 || r->number < *next))
                *next = r->number;
        }
    }
    return true;
}

static enum ol_err by_kind(struct ol_ledger *l, uint32_t line, uint8_t author,
                           uint8_t kind, uint64_t after, ol_row_fn fn,
                           void *arg)
{
    const struct mem_line *in = line_of(l, line);
    struct ol_row row = {.line = line, .author = author, .kind = kind};
    uint64_t next;

    if (!in)
        return OL_ERR_MISSING;
    if (kind != OL_KIND_ASK && kind != OL_KIND_STANCE &&
        kind != OL_KIND_NOTIFICATION)
        return OL_OK;
    (void)give_kind(in, &row, after, &next, NULL, NULL);
    while (next != 0 && give_kind(in, &row, next, &next, fn, arg))
        ;
    return OL_OK;
}

/* The id is looked for once, and only when somebody asks by id. */
static bool has_id(struct mem_record *r, const uint8_t id[OL_ID_SIZE])
{
    if (r->id_state == 0)
        r->id_state = ol_record_id(OL_SPAN(r->bytes, r->n), r->id) ? 1 : 2;
    return r->id_state == 1 && memcmp(r->id, id, OL_ID_SIZE) == 0;
}

static enum ol_err by_id(struct ol_ledger *l, const uint8_t id[16],
                         ol_row_fn fn, void *arg)
{
    const struct mem *m = mem_of(l);
    enum ol_err err = OL_ERR_MISSING;

    for (uint32_t k = 0; k < m->n_lines * 2 * OL_PRECS; k++) {
        uint8_t author = k / OL_PRECS % 2, prec = k % OL_PRECS;
        uint32_t line = k / OL_PRECS / 2;
        const struct mem_log *log = &m->lines[line]->log[author][prec];
        struct ol_row row = {.line = line + 1, .author = author, .prec = prec};

        for (uint32_t r = 0; r < log->n; r++) {
            if (!has_id(log->v[r], id))
                continue;
            err = OL_OK;
            if (!give(log->v[r], &row, fn, arg))
                return OL_OK;
        }
    }
    return err;
}

static enum ol_err head(struct ol_ledger *l, uint32_t line, uint8_t author,
                        uint8_t prec, uint32_t *size, uint8_t *frontier,
                        size_t *n)
{
    const struct mem_line *in = line_of(l, line);

    if (!in)
        return OL_ERR_MISSING;
    *size = in->log[author][prec].size;
    if (frontier == NULL)
        return OL_OK;
    *n = in->log[author][prec].frontier_n;
    if (*n > 0)
        memcpy(frontier, in->log[author][prec].frontier, *n);
    return OL_OK;
}

static bool reached(struct ol_ledger *l, uint32_t line, uint8_t author,
                    uint8_t prec, uint32_t *size)
{
    return head(l, line, author, prec, size, NULL, NULL) == OL_OK;
}

static enum ol_err acked(struct ol_ledger *l, uint32_t line, uint8_t prec,
                         uint32_t index, uint32_t *upto, uint64_t *at_ms)
{
    const struct mem_line *in = line_of(l, line);
    uint32_t lo = 0, hi;

    if (!in)
        return OL_ERR_MISSING;
    hi = in->n_acks[prec];
    *upto = hi ? in->acks[prec][hi - 1].upto : 0;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (in->acks[prec][mid].upto < index)
            lo = mid + 1;
        else
            hi = mid;
    }
    *at_ms = lo < in->n_acks[prec] ? in->acks[prec][lo].at_ms : 0;
    return OL_OK;
}

static enum ol_err attempts(struct ol_ledger *l, uint32_t line, uint8_t prec,
                            uint32_t index, struct ol_row_attempt *out,
                            uint32_t max, uint32_t *n)
{
    const struct mem_line *in = line_of(l, line);

    *n = 0;
    if (!in)
        return OL_ERR_MISSING;
    for (uint32_t k = 0; k < in->n_attempts[prec]; k++) {
        const struct mem_attempt *a = &in->attempts[prec][k];
        uint32_t seen = 0;

        if (index < a->lo || index > a->hi)
            continue;
        while (seen < *n && strcmp(out[seen].channel, a->channel) != 0)
            seen++;
        if (seen == max)
            continue;
        if (seen == *n) {
            out[(*n)++] = (struct ol_row_attempt){.at_ms = a->at_ms};
            memcpy(out[seen].channel, a->channel, sizeof(a->channel));
        }
        out[seen].count++;
    }
    return OL_OK;
}

static enum ol_err checkpoint(struct ol_ledger *l, uint32_t line,
                              uint8_t author, uint8_t prec, uint32_t *size,
                              uint8_t root[32], uint8_t sig[64])
{
    const struct mem_line *in = line_of(l, line);
    const struct mem_checkpoint *c;

    if (!in || !in->log[author][prec].checkpoint)
        return OL_ERR_MISSING;
    c = in->log[author][prec].checkpoint;
    *size = c->size;
    memcpy(root, c->root, sizeof(c->root));
    memcpy(sig, c->sig, sizeof(c->sig));
    return OL_OK;
}

static enum ol_err events(struct ol_ledger *l, uint64_t after, uint32_t max,
                          ol_row_event_fn fn, void *arg)
{
    const struct mem *m = mem_of(l);
    uint32_t lo = 0, hi = m->n_events, n = 0;

    /* The first row that ends above `after`. */
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (m->events[mid].seq + m->events[mid].count - 1 <= after)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; lo < m->n_events; lo++) {
        const struct mem_event *e = &m->events[lo];
        uint64_t skip = after >= e->seq ? after - e->seq + 1 : 0;

        for (; skip < e->count; skip++) {
            struct ol_row_event row = e->row;

            if (n++ == max)
                return OL_OK;
            row.seq = e->seq + skip;
            row.index += (uint32_t)skip;
            if (!fn(arg, &row))
                return OL_OK;
        }
    }
    return OL_OK;
}

static enum ol_err last_seq(struct ol_ledger *l, uint64_t *seq)
{
    *seq = ol_mem_seq(mem_of(l));
    return OL_OK;
}

static enum ol_err waiting(struct ol_ledger *l, uint32_t line, uint64_t after,
                           ol_row_waiting_fn fn, void *arg)
{
    const struct mem_line *in = line_of(l, line);

    if (!in)
        return OL_ERR_MISSING;
    for (uint32_t k = 0; k < in->n_waiting; k++) {
        const struct mem_waiting *w = &in->waiting[k];
        struct ol_row_waiting row = {.n = w->n,
                                     .line = line,
                                     .proof = w->proof,
                                     .at_ms = w->at_ms,
                                     .bytes = OL_SPAN(w->bytes, w->size)};

        memcpy(row.id, w->id, sizeof(row.id));
        if (w->n > after && !fn(arg, &row))
            break;
    }
    return OL_OK;
}

static enum ol_err meta(struct ol_ledger *l, uint32_t line, const char *key,
                        uint8_t *value, size_t *n)
{
    const struct mem *m = mem_of(l);
    struct mem_meta **found = ol_mem_meta(m, line, key);
    size_t room = *n;

    if (!found)
        return OL_ERR_MISSING;
    *n = (*found)->n;
    if (room < *n)
        return OL_ERR_TOO_LONG;
    memcpy(value, (*found)->value, *n);
    return OL_OK;
}

/* It has no disk. */
static void afresh(struct ol_ledger *base)
{
    (void)base;
}

void ol_mem_read_ops(struct ol_ledger_ops *ops)
{
    ops->afresh = afresh;
    ops->snapshot = snapshot;
    ops->snapshot_free = snapshot_free;
    ops->log = read_log;
    ops->by_number = by_number;
    ops->by_id = by_id;
    ops->by_kind = by_kind;
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
