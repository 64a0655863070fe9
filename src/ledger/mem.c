/*
 * The ledger in memory: the SQLite ledger's twin for tests and simulations.
 *
 * Happy path: commit copies a batch into the queue, ol_mem_step applies it
 * whole (mem_write.c) and its token comes out of done. Reads (mem_read.c)
 * see what was applied. Nothing happens unless the owner steps, so a crash
 * can fall between any two commits, and the same calls give the same bytes.
 *
 * How it fails: as told by ol_mem_fail, or with OL_ERR_CORRUPT for a batch
 * that contradicts what is there; then every later batch fails with the same
 * error until reset. Out of memory is an assertion.
 */
#include "ledger/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

void ol_mem_room(void *array, uint32_t n, uint32_t *cap, size_t size)
{
    uint32_t more = *cap ? *cap * 2 : 4;
    void *v;

    if (n < *cap)
        return;
    memcpy(&v, array, sizeof(v));
    /* cppcheck-suppress memleakOnRealloc ; without memory we end here */
    v = realloc(v, more * size);
    OL_CHECK(v);
    memcpy(array, &v, sizeof(v));
    *cap = more;
}

struct mem_record *ol_mem_find(const struct mem_log *log, uint32_t index,
                               uint32_t *at)
{
    uint32_t lo = 0, hi = log->n;

    /* Most calls ask for the end; most logs have no gaps. */
    if (hi > 0 && log->v[hi - 1]->index < index) {
        *at = hi;
        return NULL;
    }
    if (index > 0 && index <= hi && log->v[index - 1]->index == index) {
        *at = index - 1;
        return log->v[index - 1];
    }
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (log->v[mid]->index < index)
            lo = mid + 1;
        else
            hi = mid;
    }
    *at = lo;
    return lo < log->n && log->v[lo]->index == index ? log->v[lo] : NULL;
}

struct mem_meta **ol_mem_meta(const struct mem *m, uint32_t line,
                              const char *key)
{
    for (uint32_t k = 0; k < m->n_metas; k++) {
        if (m->metas[k]->line == line && strcmp(m->metas[k]->key, key) == 0)
            return &m->metas[k];
    }
    return NULL;
}

uint64_t ol_mem_seq(const struct mem *m)
{
    const struct mem_event *last;

    if (m->n_events == 0)
        return 0;
    last = &m->events[m->n_events - 1];
    return last->seq + last->count - 1;
}

static struct mem *mem_of(struct ol_ledger *l)
{
    return (struct mem *)l;
}

static enum ol_err line(struct ol_ledger *l, const uint8_t line_id[32],
                        const char *peer, uint32_t *number)
{
    struct mem *m = mem_of(l);
    struct mem_line *made;

    (void)peer;
    for (uint32_t k = 0; k < m->n_lines; k++) {
        if (memcmp(m->lines[k]->id, line_id, 32) == 0) {
            *number = k + 1;
            return OL_OK;
        }
    }
    made = calloc(1, sizeof(*made));
    OL_CHECK(made);
    memcpy(made->id, line_id, 32);
    ol_mem_room(&m->lines, m->n_lines, &m->cap_lines, sizeof(*m->lines));
    m->lines[m->n_lines++] = made;
    *number = m->n_lines;
    return OL_OK;
}

static enum ol_err commit(struct ol_ledger *l, const struct ol_batch *batch)
{
    struct mem *m = mem_of(l);
    struct ol_held *held;
    enum ol_err err;

    OL_CHECK(batch->line <= m->n_lines);
    if (m->queued + m->n_dones >= OL_LEDGER_QUEUE)
        return OL_ERR_AGAIN;
    err = ol_held_copy(&held, batch);
    if (err)
        return err;
    if (m->last)
        m->last->next = held;
    else
        m->first = held;
    m->last = held;
    m->queued++;
    return OL_OK;
}

static struct ol_held *dequeue(struct mem *m)
{
    struct ol_held *held = m->first;

    m->first = held->next;
    if (!m->first)
        m->last = NULL;
    m->queued--;
    return held;
}

/* Commits one batch, unless something is in the way. */
static enum ol_err settle(struct mem *m, const struct ol_batch *batch)
{
    if (m->failed)
        return m->failed;
    if (m->fail_after > 0 && --m->fail_after == 0) {
        m->failed = m->fail_err;
        snprintf(m->ledger.why, sizeof(m->ledger.why),
                 "the commit failed as it was told to: %s",
                 ol_err_info(m->failed)->text);
        return m->failed;
    }
    m->failed = ol_mem_apply(m, batch);
    return m->failed;
}

uint32_t ol_mem_step(struct ol_ledger *l, uint32_t max)
{
    struct mem *m = mem_of(l);
    uint32_t n = 0;

    while (m->first && n < max) {
        struct ol_held *held = dequeue(m);
        uint32_t at = (m->done_first + m->n_dones++) % OL_LEDGER_QUEUE;

        m->dones[at] = (struct ol_ledger_done){
            .line = held->batch.line,
            .token = held->batch.token,
            .err = settle(m, &held->batch),
        };
        ol_held_free(held);
        n++;
    }
    return n;
}

static bool done(struct ol_ledger *l, struct ol_ledger_done *out)
{
    struct mem *m = mem_of(l);

    if (m->n_dones == 0)
        return false;
    *out = m->dones[m->done_first];
    m->done_first = (m->done_first + 1) % OL_LEDGER_QUEUE;
    m->n_dones--;
    return true;
}

static enum ol_err reset(struct ol_ledger *l)
{
    struct mem *m = mem_of(l);

    if (m->queued + m->n_dones > 0)
        return OL_ERR_AGAIN;
    m->failed = OL_OK;
    return OL_OK;
}

void ol_mem_crash(struct ol_ledger *l)
{
    struct mem *m = mem_of(l);

    while (m->first)
        ol_held_free(dequeue(m));
    m->n_dones = 0;
    m->failed = OL_OK;
    m->fail_after = 0;
}

void ol_mem_fail(struct ol_ledger *l, uint32_t nth, enum ol_err err)
{
    struct mem *m = mem_of(l);

    OL_CHECK(err != OL_OK);
    m->fail_after = nth;
    m->fail_err = err;
}

static void free_line(struct mem_line *gone)
{
    for (int k = 0; k < 2 * OL_PRECS; k++) {
        struct mem_log *log = &gone->log[k / OL_PRECS][k % OL_PRECS];

        for (uint32_t r = 0; r < log->n; r++)
            free(log->v[r]);
        free(log->v);
        free(log->frontier);
        free(log->checkpoint);
    }
    for (int k = 0; k < OL_PRECS; k++) {
        free(gone->acks[k]);
        free(gone->attempts[k]);
    }
    for (uint32_t k = 0; k < gone->n_parts; k++)
        free(gone->parts[k].image);
    ol_mem_free_files(gone);
    ol_mem_waiting_free(gone);
    free(gone->parts);
    free(gone->marks);
    free(gone->state);
    free(gone);
}

static void close_mem(struct ol_ledger *l)
{
    struct mem *m = mem_of(l);

    ol_mem_crash(l);
    for (uint32_t k = 0; k < m->n_lines; k++)
        free_line(m->lines[k]);
    for (uint32_t k = 0; k < m->n_metas; k++)
        free(m->metas[k]);
    ol_mem_free_facts(m);
    free(m->lines);
    free(m->metas);
    free(m->events);
    free(m);
}

enum ol_err ol_mem_open(struct ol_ledger **out)
{
    struct mem *m = calloc(1, sizeof(*m));

    OL_CHECK(m);
    m->ops.close = close_mem;
    m->ops.line = line;
    m->ops.commit = commit;
    m->ops.done = done;
    m->ops.reset = reset;
    ol_mem_read_ops(&m->ops);
    ol_mem_file_ops(&m->ops);
    ol_mem_notes_ops(&m->ops);
    m->ledger.ops = &m->ops;
    *out = &m->ledger;
    return OL_OK;
}
