/*
 * The ledger in memory, writing: one batch, whole or not at all.
 *
 * Happy path: heads are compared, records are put in, and then everything
 * else, which cannot fail. How it fails: a head that goes down, or another
 * leaf where a record stands, is OL_ERR_CORRUPT; records of the same batch
 * are taken out again, and nothing else has been touched yet.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "ledger/mem.h"

/* Opens a gap of one element at `at` in an array with room for it. */
static void *insert(void *v, uint32_t n, uint32_t at, size_t size)
{
    uint8_t *p = (uint8_t *)v + at * size;

    memmove(p + size, p, (n - at) * size);
    return p;
}

static enum ol_err refuse(struct mem *m, const struct ol_put *put,
                          const char *what)
{
    snprintf(m->ledger.why, sizeof(m->ledger.why),
             "author %u, precedence %u, index %u: %s",
             (unsigned)put->author, (unsigned)put->prec, (unsigned)put->index,
             what);
    return OL_ERR_CORRUPT;
}

/* Sizes only rise, also within the batch. */
static enum ol_err check_heads(struct mem *m, const struct mem_line *line,
                               const struct ol_batch *batch)
{
    uint32_t size[2][OL_PRECS] = {0};

    for (uint16_t k = 0; k < batch->n_puts; k++) {
        const struct ol_put *put = &batch->puts[k];
        uint32_t *low;

        if (put->kind != OL_PUT_HEAD)
            continue;
        OL_CHECK(line);
        low = &size[put->author][put->prec];
        *low = OL_MAX(*low, line->log[put->author][put->prec].size);
        if (put->index < *low)
            return refuse(m, put, "the head would go down");
        *low = put->index;
    }
    return OL_OK;
}

static enum ol_err put_record(struct mem *m, struct mem_log *log,
                              const struct ol_batch *batch,
                              const struct ol_put *put)
{
    uint32_t at;
    struct mem_record *r = ol_mem_find(log, put->index, &at);

    if (r) {
        if (memcmp(r->leaf, put->leaf, sizeof(r->leaf)) != 0)
            return refuse(m, put, "another record stands there");
        return OL_OK;
    }
    r = malloc(sizeof(*r) + put->bytes.n);
    OL_CHECK(r);
    r->index = put->index;
    r->n = (uint16_t)put->bytes.n;
    r->kind = put->rec_kind;
    r->id_state = 0;
    r->proof = put->proof;
    r->serial = m->serial;
    r->number = put->number;
    r->at_ms = batch->at_ms;
    memcpy(r->leaf, put->leaf, sizeof(r->leaf));
    memcpy(r->root, put->root, sizeof(r->root));
    memcpy(r->bytes, put->bytes.p, put->bytes.n);
    ol_mem_room(&log->v, log->n, &log->cap, sizeof(struct mem_record *));
    *(struct mem_record **)insert(log->v, log->n++, at, sizeof(r)) = r;
    return OL_OK;
}

/* Takes out what this batch put in, among its first n puts. */
static void take_back(struct mem *m, struct mem_line *line,
                      const struct ol_put *puts, uint16_t n)
{
    for (uint16_t k = 0; k < n; k++) {
        struct mem_log *log = &line->log[puts[k].author][puts[k].prec];
        struct mem_record *r;
        uint32_t at;

        if (puts[k].kind != OL_PUT_RECORD)
            continue;
        r = ol_mem_find(log, puts[k].index, &at);
        if (!r || r->serial != m->serial)
            continue;
        memmove(&log->v[at], &log->v[at + 1],
                (log->n - at - 1) * sizeof(struct mem_record *));
        log->n--;
        free(r);
    }
}

/* Where the part stands or would; true when it does. */
static bool find_part(const struct mem_line *line, const struct ol_put *put,
                      uint32_t *at)
{
    uint32_t k = 0;

    while (k < line->n_parts &&
           (line->parts[k].prec < put->prec ||
            (line->parts[k].prec == put->prec &&
             line->parts[k].index < put->index)))
        k++;
    *at = k;
    return k < line->n_parts && line->parts[k].prec == put->prec &&
           line->parts[k].index == put->index;
}

/* What is whole is not a part any more. */
static void end_part(struct mem_line *line, const struct ol_put *put)
{
    uint32_t at;

    if (!find_part(line, put, &at))
        return;
    free(line->parts[at].image);
    line->n_parts--;
    memmove(&line->parts[at], &line->parts[at + 1],
            (line->n_parts - at) * sizeof(line->parts[0]));
}

static void put_head(struct mem_line *line, const struct ol_put *put)
{
    struct mem_log *log = &line->log[put->author][put->prec];

    if (put->index == log->size)
        return;
    log->size = put->index;
    if (log->frontier_n != put->bytes.n) {
        free(log->frontier);
        log->frontier = malloc(put->bytes.n);
        OL_CHECK(log->frontier);
        log->frontier_n = put->bytes.n;
    }
    memcpy(log->frontier, put->bytes.p, put->bytes.n);
}

static void put_ack(struct mem_line *line, const struct ol_batch *batch,
                    const struct ol_put *put)
{
    uint32_t n = line->n_acks[put->prec];

    if (put->index <= (n ? line->acks[put->prec][n - 1].upto : 0))
        return;
    ol_mem_room(&line->acks[put->prec], n, &line->cap_acks[put->prec],
                sizeof(struct mem_ack));
    line->acks[put->prec][n] = (struct mem_ack){put->index, batch->at_ms};
    line->n_acks[put->prec]++;
}

static void put_part(struct mem_line *line, const struct ol_put *put)
{
    struct mem_part *part;
    uint32_t at;

    if (ol_mem_find(&line->log[OL_PEER][put->prec], put->index, &at))
        return;
    if (find_part(line, put, &at)) {
        part = &line->parts[at];
    } else {
        ol_mem_room(&line->parts, line->n_parts, &line->cap_parts,
                    sizeof(*part));
        part = insert(line->parts, line->n_parts++, at, sizeof(*part));
        *part = (struct mem_part){.prec = put->prec, .index = put->index};
        part->image = calloc(1, sizeof(*part->image));
        OL_CHECK(part->image);
    }
    ol_part_merge(part->image, put);
    if (part->image->n == 0)
        end_part(line, put);
}

static void put_sent(struct mem_line *line, const struct ol_batch *batch,
                     const struct ol_put *put)
{
    uint32_t n = line->n_attempts[put->prec]++;
    struct mem_attempt *a;

    ol_mem_room(&line->attempts[put->prec], n, &line->cap_attempts[put->prec],
                sizeof(*a));
    a = &line->attempts[put->prec][n];
    a->lo = put->index;
    a->hi = put->index + put->count - 1;
    a->at_ms = batch->at_ms;
    snprintf(a->channel, sizeof(a->channel), "%s",
             ol_batch_channel(batch, put->channel));
}

static void put_state(struct mem_line *line, const struct ol_put *put)
{
    line->state = realloc(line->state, OL_MAX(put->bytes.n, 1));
    OL_CHECK(line->state);
    if (put->bytes.n > 0)
        memcpy(line->state, put->bytes.p, put->bytes.n);
    line->state_n = put->bytes.n;
}

static void put_checkpoint(struct mem_line *line, const struct ol_put *put)
{
    struct mem_log *log = &line->log[put->author][put->prec];

    if (!log->checkpoint)
        log->checkpoint = malloc(sizeof(*log->checkpoint));
    OL_CHECK(log->checkpoint);
    log->checkpoint->size = put->index;
    memcpy(log->checkpoint->root, put->leaf, 32);
    memcpy(log->checkpoint->sig, put->bytes.p, 64);
}

static void put_event(struct mem *m, const struct ol_batch *batch,
                      const struct ol_put *put)
{
    struct mem_event *e;
    uint64_t seq = ol_mem_seq(m) + 1;

    ol_mem_room(&m->events, m->n_events, &m->cap_events, sizeof(*e));
    e = &m->events[m->n_events++];
    memset(e, 0, sizeof(*e));
    e->seq = seq;
    e->count = ol_put_events(put);
    e->row.at_ms = batch->at_ms;
    e->row.line = batch->line;
    e->row.what = put->what;
    e->row.author = put->author;
    e->row.prec = put->prec;
    e->row.index = put->index;
    snprintf(e->row.channel, sizeof(e->row.channel), "%s",
             ol_batch_channel(batch, put->channel));
    snprintf(e->row.detail, sizeof(e->row.detail), "%s",
             put->detail ? put->detail : "");
}

static void put_rest(struct mem *m, struct mem_line *line,
                     const struct ol_batch *batch, const struct ol_put *put)
{
    if (put->kind == OL_PUT_EVENT) {
        put_event(m, batch, put);
        return;
    }
    OL_CHECK(line); /* only events are of no line */
    switch (put->kind) {
    case OL_PUT_RECORD:
        line->number[put->author] = OL_MAX(line->number[put->author],
                                           put->number);
        if (put->author == OL_OWN)
            ol_mem_said(line, put);
        else
            end_part(line, put);
        return;
    case OL_PUT_HEAD:
        put_head(line, put);
        return;
    case OL_PUT_ACK:
        put_ack(line, batch, put);
        return;
    case OL_PUT_MARK:
        ol_mem_put_mark(line, batch, put);
        return;
    case OL_PUT_PART:
        put_part(line, put);
        return;
    case OL_PUT_SENT:
        put_sent(line, batch, put);
        return;
    case OL_PUT_STATE:
        put_state(line, put);
        return;
    case OL_PUT_CHECKPOINT:
        put_checkpoint(line, put);
        return;
    case OL_PUT_EVENT:
        return; /* see above */
    case OL_PUT_FILE:
    case OL_PUT_PIECE:
    case OL_PUT_DROP:
        ol_mem_put_file(m, line, batch, put);
        return;
    case OL_PUT_ASIDE:
        ol_mem_aside(line, put);
        return;
    case OL_PUT_PROVED:
        ol_mem_proved(line, put);
        return;
    case OL_PUT_WAITING:
        ol_mem_waiting(line, batch, put);
        return;
    }
}

static void put_meta(struct mem *m, uint32_t line,
                     const struct ol_ledger_meta *meta)
{
    struct mem_meta **old = ol_mem_meta(m, line, meta->key);
    struct mem_meta *made;

    if (old) {
        free(*old);
        *old = m->metas[--m->n_metas];
    }
    if (meta->value.n == 0)
        return;
    made = malloc(sizeof(*made) + meta->value.n);
    OL_CHECK(made);
    made->line = line;
    snprintf(made->key, sizeof(made->key), "%s", meta->key);
    made->n = (uint16_t)meta->value.n;
    memcpy(made->value, meta->value.p, meta->value.n);
    ol_mem_room(&m->metas, m->n_metas, &m->cap_metas, sizeof(made));
    m->metas[m->n_metas++] = made;
}

enum ol_err ol_mem_apply(struct mem *m, const struct ol_batch *batch)
{
    struct mem_line *line = batch->line ? m->lines[batch->line - 1] : NULL;
    enum ol_err err = check_heads(m, line, batch);

    if (err)
        return err;
    m->serial++;
    for (uint16_t k = 0; k < batch->n_puts; k++) {
        const struct ol_put *put = &batch->puts[k];

        if (put->kind != OL_PUT_RECORD)
            continue;
        OL_CHECK(line);
        err = put_record(m, &line->log[put->author][put->prec], batch, put);
        if (err) {
            take_back(m, line, batch->puts, k);
            return err;
        }
    }
    for (uint16_t k = 0; k < batch->n_puts; k++)
        put_rest(m, line, batch, &batch->puts[k]);
    for (uint16_t k = 0; k < batch->n_metas; k++)
        put_meta(m, batch->line, &batch->metas[k]);
    for (uint16_t k = 0; k < batch->n_facts; k++)
        ol_mem_put_fact(m, batch->line, &batch->facts[k]);
    return OL_OK;
}
