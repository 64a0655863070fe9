/*
 * The ledger in memory: marks and facts.
 *
 * Happy path: marks stand in the order of their key, as in the other ledger's
 * table; facts in the order in which they came. How it fails: it does not;
 * without memory the test ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "ledger/mem.h"

static int order_of(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare(const struct mem_mark *a, const struct mem_mark *b)
{
    const uint64_t x[] = {a->author, a->number,   a->row.rel,
                          a->row.by, a->row.prec, a->row.index};
    const uint64_t y[] = {b->author, b->number,   b->row.rel,
                          b->row.by, b->row.prec, b->row.index};
    int order = 0;

    for (unsigned k = 0; k < OL_LEN(x) && order == 0; k++)
        order = order_of(x[k], y[k]);
    return order;
}

/* Where it stands, or would. */
static uint32_t place_of(const struct mem_line *line,
                         const struct mem_mark *mark, bool *there)
{
    uint32_t lo = 0, hi = line->n_marks;

    *there = false;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int order = compare(&line->marks[mid], mark);

        *there |= order == 0;
        if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

void ol_mem_put_mark(struct mem_line *line, const struct ol_batch *batch,
                     const struct ol_put *put)
{
    struct mem_mark mark = {
        .author = put->author,
        .number = put->number,
        .row = {put->rel, put->by, put->prec, put->index, batch->at_ms},
    };
    bool there;
    uint32_t at = place_of(line, &mark, &there);

    if (there)
        return;
    ol_mem_room(&line->marks, line->n_marks, &line->cap_marks, sizeof(mark));
    memmove(&line->marks[at + 1], &line->marks[at],
            (line->n_marks++ - at) * sizeof(mark));
    line->marks[at] = mark;
}

static enum ol_err marks(struct ol_ledger *l, uint32_t number_of_line,
                         uint8_t author, uint64_t number,
                         struct ol_row_mark *out, uint32_t max, uint32_t *n)
{
    const struct mem *m = (const struct mem *)l;
    struct mem_mark from = {.author = author, .number = number};
    const struct mem_line *line;
    uint32_t each = 0;
    bool there;

    *n = 0;
    if (number_of_line == 0 || number_of_line > m->n_lines)
        return OL_ERR_MISSING;
    line = m->lines[number_of_line - 1];
    for (uint32_t k = place_of(line, &from, &there);
         k < line->n_marks && *n < max; k++) {
        const struct mem_mark *mark = &line->marks[k];

        if (mark->author != author || mark->number != number)
            break;
        each = *n > 0 && out[*n - 1].rel == mark->row.rel &&
                       out[*n - 1].by == mark->row.by
                   ? each + 1
                   : 1;
        if (each <= OL_MARKS_EACH)
            out[(*n)++] = mark->row;
    }
    return OL_OK;
}

/* Facts. */

static void end_facts(struct mem *m, uint32_t line, const struct ol_fact *end)
{
    uint32_t kept = 0;

    for (uint32_t k = 0; k < m->n_facts; k++) {
        struct mem_fact *f = &m->facts[k];

        if (f->line == line && f->kind == end->kind &&
            f->at_ms < end->at_ms &&
            (end->key == NULL || strcmp(f->key, end->key) == 0))
            free(f->value);
        else
            m->facts[kept++] = *f;
    }
    m->n_facts = kept;
}

void ol_mem_put_fact(struct mem *m, uint32_t line, const struct ol_fact *fact)
{
    struct mem_fact *f;
    uint64_t n = m->n_facts ? m->facts[m->n_facts - 1].n + 1 : 1;

    if (fact->value.n == 0) {
        end_facts(m, line, fact);
        return;
    }
    ol_mem_room(&m->facts, m->n_facts, &m->cap_facts, sizeof(*f));
    f = &m->facts[m->n_facts++];
    *f = (struct mem_fact){.line = line, .kind = fact->kind, .n = n,
                           .at_ms = fact->at_ms, .size = fact->value.n};
    snprintf(f->key, sizeof(f->key), "%s", fact->key);
    f->value = malloc(f->size);
    OL_CHECK(f->value);
    memcpy(f->value, fact->value.p, f->size);
}

void ol_mem_free_facts(struct mem *m)
{
    for (uint32_t k = 0; k < m->n_facts; k++)
        free(m->facts[k].value);
    free(m->facts);
}

/* The next one behind `last` (0: the first) in the order that is asked for. */
static const struct mem_fact *next_fact(const struct mem *m, uint32_t line,
                                        uint8_t kind,
                                        const struct ol_facts_of *of,
                                        const struct mem_fact *last)
{
    const struct mem_fact *best = NULL;

    for (uint32_t k = 0; k < m->n_facts; k++) {
        const struct mem_fact *f = &m->facts[k];
        int sign = of->newest_first ? -1 : 1, order;

        if (f->line != line || f->kind != kind || f->at_ms < of->from_ms ||
            f->at_ms > of->to_ms)
            continue;
        if (last != NULL) {
            order = order_of(f->at_ms, last->at_ms);
            order = order ? order : order_of(f->n, last->n);
            if (sign * order <= 0)
                continue;
        }
        if (best != NULL) {
            order = order_of(f->at_ms, best->at_ms);
            order = order ? order : order_of(f->n, best->n);
            if (sign * order >= 0)
                continue;
        }
        best = f;
    }
    return best;
}

static enum ol_err facts(struct ol_ledger *l, uint32_t line, uint8_t kind,
                         const struct ol_facts_of *of, ol_row_fact_fn fn,
                         void *arg)
{
    const struct mem *m = (const struct mem *)l;
    const struct mem_fact *f = NULL;
    uint32_t n = 0;

    if (line > m->n_lines)
        return OL_ERR_MISSING;
    while ((of->max == 0 || n++ < of->max) &&
           (f = next_fact(m, line, kind, of, f)) != NULL) {
        struct ol_row_fact row = {.line = line, .kind = kind, .n = f->n,
                                  .at_ms = f->at_ms,
                                  .value = OL_SPAN(f->value, f->size)};

        snprintf(row.key, sizeof(row.key), "%s", f->key);
        if (!fn(arg, &row))
            break;
    }
    return OL_OK;
}

void ol_mem_notes_ops(struct ol_ledger_ops *ops)
{
    ops->marks = marks;
    ops->facts = facts;
}
