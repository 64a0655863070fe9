/*
 * What is due, as plain data.
 *
 * A table is walked whole each time: it is small, and asked only when
 * something has come or the moment named last has passed. It fails by leaving
 * out what is due last, and says so.
 */
#include "station/due.h"

#include <string.h>

#include "base/units.h"

bool ol_due_overdue(const struct ol_due *d, uint64_t wall_ms)
{
    return d->deadline_ms != 0 && wall_ms >= d->deadline_ms;
}

/* A moment of a wall clock on the other one; what has passed is now. */
static uint64_t moment(uint64_t ms, const struct ol_due_now *now)
{
    uint64_t left_ms = ms > now->wall_ms ? ms - now->wall_ms : 0;

    return left_ms > (OL_NEVER_NS - now->ns) / OL_NS_PER_MS - 1
               ? OL_NEVER_NS
               : now->ns + left_ms * OL_NS_PER_MS;
}

/* The step that is due first of those that are not done. */
static uint64_t step_at(const struct ol_due *d, const struct ol_due_now *now,
                        unsigned *step)
{
    uint64_t best = OL_NEVER_NS;

    for (unsigned k = 0; k < now->n_steps && !d->announced; k++) {
        int64_t at = d->said_by_ns + (int64_t)now->steps[k].after_ns;
        uint64_t ns = at < 0 ? 0 : (uint64_t)at;

        if (d->steps >> k & 1 || ns >= best)
            continue;
        best = ns;
        *step = k;
    }
    return best == OL_NEVER_NS ? best
                               : OL_MAX(OL_MAX(best, d->again_ns), now->ns);
}

uint64_t ol_due_at(const struct ol_due *d, const struct ol_due_now *now,
                   enum ol_due_what *what, unsigned *step)
{
    uint64_t at = OL_NEVER_NS, ns;

    *what = OL_DUE_NONE;
    if (!d->said_by && d->deadline_ms != 0) {
        at = moment(d->deadline_ms, now);
        *what = OL_DUE_BY;
    } else if (d->said_by) {
        /* A clock that was set back since: then as it says now. */
        ns = moment(d->deadline_ms, now);
        at = OL_MAX(step_at(d, now, step), ns);
        *what = OL_DUE_STEP;
    }
    /* Who is overdue need not be told that he is slow. */
    ns = d->said_answer || d->said_by || d->announced
             ? OL_NEVER_NS
             : OL_MAX(d->answer_ns, now->ns);
    if (ns < at) {
        at = ns;
        *what = OL_DUE_ANSWER;
    }
    if (at == OL_NEVER_NS)
        *what = OL_DUE_NONE;
    return at;
}

struct ol_due *ol_dues_find(struct ol_dues *t, unsigned prec, uint32_t index)
{
    for (unsigned k = 0; k < t->n; k++)
        if (t->v[k].prec == prec && t->v[k].index == index)
            return &t->v[k];
    return NULL;
}

struct ol_due *ol_dues_numbered(struct ol_dues *t, uint64_t number)
{
    for (unsigned k = 0; k < t->n; k++)
        if (t->v[k].number == number)
            return &t->v[k];
    return NULL;
}

/* What is kept rather: the earlier deadline; none at all is the last. */
static bool before(const struct ol_due *a, const struct ol_due *b)
{
    return a->deadline_ms - 1 < b->deadline_ms - 1;
}

bool ol_dues_add(struct ol_dues *t, const struct ol_due *d)
{
    unsigned last = 0;

    if (t->n < OL_DUES_MAX) {
        t->v[t->n++] = *d;
        return true;
    }
    t->left_out = true;
    for (unsigned k = 1; k < t->n; k++)
        if (before(&t->v[last], &t->v[k]))
            last = k;
    if (!before(d, &t->v[last]))
        return false;
    t->v[last] = *d;
    return true;
}

void ol_dues_remove(struct ol_dues *t, struct ol_due *d)
{
    *d = t->v[--t->n];
}

void ol_ages_note(struct ol_ages *a, uint32_t upto, uint64_t ns)
{
    if (a->n > 0 && a->v[a->n - 1].upto >= upto)
        return;
    if (a->n == OL_AGES_MAX)
        a->n--; /* the newest two become one, with the later time */
    a->v[a->n].upto = upto;
    a->v[a->n++].ns = ns;
}

bool ol_ages_find(const struct ol_ages *a, uint32_t index, uint64_t *ns)
{
    for (unsigned k = 0; k < a->n; k++) {
        if (a->v[k].upto < index)
            continue;
        *ns = a->v[k].ns;
        return *ns != 0;
    }
    return false;
}

void ol_ages_forget(struct ol_ages *a, uint32_t upto)
{
    unsigned k = 0;

    while (k < a->n && a->v[k].upto <= upto)
        k++;
    a->n -= k;
    memmove(a->v, a->v + k, a->n * sizeof(a->v[0]));
}
