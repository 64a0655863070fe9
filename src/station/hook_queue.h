/*
 * What waits for one hook, within bounds: up to 32 events one by one; more
 * than that become one, which says how many of which kind there were and holds
 * the newest of those that press.
 *
 * Pure. The events themselves stay in the ledger; this is what was read of
 * them and not done yet.
 */
#ifndef OL_STATION_HOOK_QUEUE_H
#define OL_STATION_HOOK_QUEUE_H

#include "port/ledger.h"

#define OL_HOOK_QUEUE 32u
#define OL_HOOK_KEPT 16u

struct ol_hook_queue {
    struct ol_row_event v[OL_HOOK_QUEUE]; /* ascending, the oldest first */
    unsigned n;
    /* The fold: all of it is older than v[0]. */
    uint32_t folded; /* how many; 0: there is none */
    uint64_t first, last; /* sequence numbers */
    uint64_t first_ms;    /* Unix time */
    uint32_t counts[OL_WHATS];
    struct ol_row_event kept[OL_HOOK_KEPT]; /* ascending */
    unsigned n_kept;
};

/* One more, newer than all before. */
void ol_hook_queue_put(struct ol_hook_queue *q,
                       const struct ol_row_event *ev);
/* All that waits becomes one. */
void ol_hook_queue_fold(struct ol_hook_queue *q);
/* The fold, or else the first, is done. */
void ol_hook_queue_pop(struct ol_hook_queue *q);
/* The newest of what pop would take; 0: nothing waits. */
uint64_t ol_hook_queue_seq(const struct ol_hook_queue *q);

#endif
