/*
 * What waits for one hook. A fold is never taken apart again; once it is done,
 * what came after it waits one by one.
 */
#include "station/hook_queue.h"

#include <string.h>

/* What a person must not miss, though it came in a flood. */
static bool presses(const struct ol_row_event *ev)
{
    return ev->what == OL_WHAT_ALARM || ev->what == OL_WHAT_OVERDUE ||
           ev->what == OL_WHAT_BLACKOUT || ev->what == OL_WHAT_RESTORED;
}

static void fold_one(struct ol_hook_queue *q, const struct ol_row_event *ev)
{
    if (q->folded == 0) {
        q->first = ev->seq;
        q->first_ms = ev->at_ms;
    }
    q->folded++;
    q->last = ev->seq;
    if (ev->what < OL_WHATS)
        q->counts[ev->what]++;
    if (!presses(ev))
        return;
    if (q->n_kept == OL_HOOK_KEPT)
        memmove(q->kept, q->kept + 1, --q->n_kept * sizeof(q->kept[0]));
    q->kept[q->n_kept++] = *ev;
}

void ol_hook_queue_fold(struct ol_hook_queue *q)
{
    for (unsigned k = 0; k < q->n; k++)
        fold_one(q, &q->v[k]);
    q->n = 0;
}

void ol_hook_queue_put(struct ol_hook_queue *q, const struct ol_row_event *ev)
{
    if (q->n == OL_HOOK_QUEUE)
        ol_hook_queue_fold(q);
    if (q->folded > 0)
        fold_one(q, ev);
    else
        q->v[q->n++] = *ev;
}

void ol_hook_queue_pop(struct ol_hook_queue *q)
{
    if (q->folded > 0) {
        q->folded = 0;
        q->n_kept = 0;
        memset(q->counts, 0, sizeof(q->counts));
    } else if (q->n > 0) {
        memmove(q->v, q->v + 1, --q->n * sizeof(q->v[0]));
    }
}

uint64_t ol_hook_queue_seq(const struct ol_hook_queue *q)
{
    return q->folded > 0 ? q->last : q->n > 0 ? q->v[0].seq : 0;
}
