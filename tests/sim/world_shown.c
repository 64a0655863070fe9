/*
 * What a watcher is shown: each record of the peer's once, in the order of its
 * log, and none before those in front of it. Receipts are not shown; they
 * take effect.
 */
#include "world_int.h"

#include "base/check.h"
#include "wire/messages.h"
#include "wire/record.h"

struct shown {
    struct world *w;
    unsigned st;
    uint32_t last[OL_PRECS], n[OL_PRECS]; /* events */
    uint32_t size, receipts;              /* of one log */
};

static bool one_event(void *arg, const struct ol_row_event *ev)
{
    struct shown *s = arg;

    if (ev->what != OL_WHAT_ARRIVED || ev->author != OL_PEER)
        return true;
    OL_CHECK(ev->prec < OL_PRECS);
    if (ev->index <= s->last[ev->prec])
        world_fail(s->w, "station %u shows %u/%u behind %u/%u", s->st,
                   ev->prec, ev->index, ev->prec, s->last[ev->prec]);
    s->last[ev->prec] = ev->index;
    s->n[ev->prec]++;
    return true;
}

static bool one_row(void *arg, const struct ol_row *row)
{
    struct shown *s = arg;

    s->size++;
    s->receipts += row->kind == OL_KIND_RECEIPT;
    return true;
}

void check_shown(struct world *w, unsigned st)
{
    struct sim_station *s = &w->st[st];
    struct shown v = {.w = w, .st = st};

    if (w->forged)
        return;
    OL_CHECK(s->ledger->ops->events(s->ledger, 0, UINT32_MAX, one_event,
                                    &v) == OL_OK);
    for (uint8_t p = 0; p < OL_PRECS; p++) {
        v.size = v.receipts = 0;
        OL_CHECK(s->ledger->ops->log(s->ledger, s->line_no, OL_PEER, p, 1,
                                     UINT32_MAX, 0, one_row, &v) == OL_OK);
        if (v.n[p] + v.receipts != v.size)
            world_fail(w, "station %u shows %u of %u records of log %u", st,
                       v.n[p], v.size - v.receipts, p);
    }
}
