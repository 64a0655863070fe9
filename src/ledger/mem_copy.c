/*
 * The ledger in memory, copied: what a backup of its file would hold.
 *
 * Happy path: everything that is committed comes out as a ledger of its own,
 * which shares nothing with the first; what waits in the queue does not. A
 * station that is handed the copy some time later is one that was put back.
 * Every array of mem.h is copied here; one that is added there is added here.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "ledger/mem.h"
#include "ledger/part.h"

/* A copy of n bytes, or NULL for none. */
static void *twin(const void *from, size_t n)
{
    void *p;

    if (from == NULL || n == 0)
        return NULL;
    p = malloc(n);
    OL_CHECK(p);
    return memcpy(p, from, n);
}

static void copy_log(struct mem_log *to, const struct mem_log *from)
{
    *to = *from;
    to->cap = from->n;
    to->v = twin(from->v, from->n * sizeof(*from->v));
    OL_CHECK(to->v || to->n == 0);
    for (uint32_t k = 0; k < from->n; k++)
        to->v[k] = twin(from->v[k], sizeof(*from->v[k]) + from->v[k]->n);
    to->frontier = twin(from->frontier, from->frontier_n);
    to->checkpoint = twin(from->checkpoint, sizeof(*from->checkpoint));
}

static void copy_file(struct mem_file *to, const struct mem_file *from)
{
    *to = *from;
    to->cap = from->n;
    to->v = twin(from->v, from->n * sizeof(*from->v));
    for (uint32_t k = 0; k < from->n; k++)
        to->v[k].bytes = twin(from->v[k].bytes, from->v[k].n);
}

static struct mem_line *copy_line(const struct mem_line *from)
{
    struct mem_line *to = twin(from, sizeof(*from));

    for (int k = 0; k < 2 * OL_PRECS; k++)
        copy_log(&to->log[k / OL_PRECS][k % OL_PRECS],
                 &from->log[k / OL_PRECS][k % OL_PRECS]);
    for (int k = 0; k < OL_PRECS; k++) {
        to->cap_acks[k] = from->n_acks[k];
        to->acks[k] = twin(from->acks[k],
                           from->n_acks[k] * sizeof(*from->acks[k]));
        to->cap_attempts[k] = from->n_attempts[k];
        to->attempts[k] =
            twin(from->attempts[k],
                 from->n_attempts[k] * sizeof(*from->attempts[k]));
    }
    to->cap_files = from->n_files;
    to->files = twin(from->files, from->n_files * sizeof(*from->files));
    for (uint32_t k = 0; k < from->n_files; k++)
        copy_file(&to->files[k], &from->files[k]);
    to->cap_waiting = from->n_waiting;
    to->waiting = twin(from->waiting,
                       from->n_waiting * sizeof(*from->waiting));
    for (uint32_t k = 0; k < from->n_waiting; k++)
        to->waiting[k].bytes = twin(from->waiting[k].bytes,
                                    from->waiting[k].size);
    to->cap_parts = from->n_parts;
    to->parts = twin(from->parts, from->n_parts * sizeof(*from->parts));
    for (uint32_t k = 0; k < from->n_parts; k++)
        to->parts[k].image =
            twin(from->parts[k].image, sizeof(*from->parts[k].image));
    to->cap_marks = from->n_marks;
    to->marks = twin(from->marks, from->n_marks * sizeof(*from->marks));
    to->state = twin(from->state, from->state_n);
    return to;
}

void ol_mem_copy(struct ol_ledger **out, const struct ol_ledger *l)
{
    const struct mem *from = (const struct mem *)l;
    struct mem *to;

    OL_CHECK(ol_mem_open(out) == OL_OK);
    to = (struct mem *)*out;
    to->serial = from->serial;
    to->order = from->order;
    to->n_lines = to->cap_lines = from->n_lines;
    to->lines = twin(from->lines, from->n_lines * sizeof(*from->lines));
    for (uint32_t k = 0; k < from->n_lines; k++)
        to->lines[k] = copy_line(from->lines[k]);
    to->n_events = to->cap_events = from->n_events;
    to->events = twin(from->events, from->n_events * sizeof(*from->events));
    to->n_facts = to->cap_facts = from->n_facts;
    to->facts = twin(from->facts, from->n_facts * sizeof(*from->facts));
    for (uint32_t k = 0; k < from->n_facts; k++)
        to->facts[k].value = twin(from->facts[k].value, from->facts[k].size);
    to->n_metas = to->cap_metas = from->n_metas;
    to->metas = twin(from->metas, from->n_metas * sizeof(*from->metas));
    for (uint32_t k = 0; k < from->n_metas; k++)
        to->metas[k] = twin(from->metas[k],
                            sizeof(*from->metas[k]) + from->metas[k]->n);
}
