/*
 * The ledger in memory: own records that wait, and logs that are cut.
 *
 * The same facts as aside.c, in arrays. It cannot fail: what could was
 * checked before the batch began.
 */
#include "ledger/mem.h"
#include "wire/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"

static bool waits(const struct mem_line *line, const uint8_t id[OL_ID_SIZE],
                  uint32_t *at)
{
    for (*at = 0; *at < line->n_waiting; ++*at)
        if (memcmp(line->waiting[*at].id, id, OL_ID_SIZE) == 0)
            return true;
    return false;
}

static bool said(const struct mem_line *line, const uint8_t id[OL_ID_SIZE])
{
    uint8_t own[OL_ID_SIZE];

    for (unsigned p = 0; p < OL_PRECS; p++)
        for (uint32_t k = 0; k < line->log[OL_OWN][p].n; k++) {
            const struct mem_record *r = line->log[OL_OWN][p].v[k];

            if (ol_record_id(OL_SPAN(r->bytes, r->n), own) &&
                memcmp(own, id, OL_ID_SIZE) == 0)
                return true;
        }
    return false;
}

static void add(struct mem_line *line, struct ol_span bytes, uint8_t proof,
                uint64_t at_ms)
{
    struct mem_waiting *w;
    uint8_t id[OL_ID_SIZE];
    uint32_t at;

    OL_CHECK(ol_record_id(bytes, id));
    if (waits(line, id, &at) || said(line, id))
        return;
    ol_mem_room(&line->waiting, line->n_waiting, &line->cap_waiting,
                sizeof(*line->waiting));
    w = &line->waiting[line->n_waiting];
    w->n = line->n_waiting ? line->waiting[line->n_waiting - 1].n + 1 : 1;
    w->at_ms = at_ms;
    w->proof = proof;
    memcpy(w->id, id, sizeof(w->id));
    w->size = (uint16_t)bytes.n;
    w->bytes = malloc(bytes.n);
    OL_CHECK(w->bytes);
    memcpy(w->bytes, bytes.p, bytes.n);
    line->n_waiting++;
}

void ol_mem_waiting(struct mem_line *line, const struct ol_batch *batch,
                    const struct ol_put *put)
{
    add(line, put->bytes, OL_PROOF_OWN, batch->at_ms);
}

void ol_mem_said(struct mem_line *line, const struct ol_put *put)
{
    uint8_t id[OL_ID_SIZE];
    uint32_t at;

    if (line->n_waiting == 0 || !ol_record_id(put->bytes, id) ||
        !waits(line, id, &at))
        return;
    free(line->waiting[at].bytes);
    line->n_waiting--;
    memmove(&line->waiting[at], &line->waiting[at + 1],
            (line->n_waiting - at) * sizeof(*line->waiting));
}

void ol_mem_proved(struct mem_line *line, const struct ol_put *put)
{
    struct mem_log *log = &line->log[OL_OWN][put->prec];

    for (uint32_t k = 0; k < log->n && log->v[k]->index <= put->index; k++)
        if (log->v[k]->proof == OL_PROOF_UNPROVED)
            log->v[k]->proof = OL_PROOF_PROVED;
}

/* What is known of records by their place, from index on, and what they said
 * of our own messages. */
static void forget(struct mem_line *line, unsigned prec, uint32_t index)
{
    struct mem_attempt *a = line->attempts[prec];
    uint32_t kept = 0;

    while (line->n_acks[prec] > 0 &&
           line->acks[prec][line->n_acks[prec] - 1].upto >= index)
        line->n_acks[prec]--;
    for (uint32_t k = 0; k < line->n_attempts[prec]; k++) {
        if (a[k].lo >= index)
            continue;
        a[k].hi = OL_MIN(a[k].hi, index - 1);
        a[kept++] = a[k];
    }
    line->n_attempts[prec] = kept;
    kept = 0;
    for (uint32_t k = 0; k < line->n_marks; k++) {
        const struct mem_mark *m = &line->marks[k];

        if (m->author != OL_OWN || m->row.by != OL_OWN ||
            m->row.prec != prec || m->row.index < index)
            line->marks[kept++] = *m;
    }
    line->n_marks = kept;
}

void ol_mem_aside(struct mem_line *line, const struct ol_put *put)
{
    struct mem_log *log = &line->log[OL_OWN][put->prec];
    uint32_t at, end = log->n;

    (void)ol_mem_find(log, put->index, &at);
    log->n = at; /* out of the log first: what waits is not said */
    for (uint32_t k = at; k < end; k++) {
        struct mem_record *r = log->v[k];

        if (r->kind != OL_KIND_RETURNED)
            add(line, OL_SPAN(r->bytes, r->n), r->proof, r->at_ms);
        free(r);
    }
    forget(line, put->prec, put->index);
    if (log->checkpoint && log->checkpoint->size >= put->index) {
        free(log->checkpoint);
        log->checkpoint = NULL;
    }
    log->size = put->index - 1;
    log->frontier_n = put->bytes.n;
    log->frontier = realloc(log->frontier, OL_MAX(put->bytes.n, 1));
    OL_CHECK(log->frontier);
    if (put->bytes.n > 0)
        memcpy(log->frontier, put->bytes.p, put->bytes.n);
    line->number[OL_OWN] = 0;
    for (unsigned p = 0; p < OL_PRECS; p++)
        for (uint32_t k = 0; k < line->log[OL_OWN][p].n; k++)
            line->number[OL_OWN] = OL_MAX(line->number[OL_OWN],
                                          line->log[OL_OWN][p].v[k]->number);
}

void ol_mem_waiting_free(struct mem_line *line)
{
    for (uint32_t k = 0; k < line->n_waiting; k++)
        free(line->waiting[k].bytes);
    free(line->waiting);
}
