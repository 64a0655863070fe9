/*
 * What both ledgers share: a batch as it waits, and how it is read.
 *
 * A held batch is one allocation with everything its puts point to, so that
 * the owner's memory is free again when commit returns.
 */
#ifndef OL_LEDGER_BATCH_H
#define OL_LEDGER_BATCH_H

#include "port/ledger.h"

#define OL_LEDGER_STATE_MAX (64u * 1024) /* bytes of a PUT STATE */
#define OL_LEDGER_KEY_MAX 64u            /* bytes of a meta key */
#define OL_LEDGER_VALUE_MAX 4096u        /* bytes of a meta value */
#define OL_LEDGER_DETAIL_MAX 63u         /* bytes of an event's detail */
#define OL_LEDGER_FRONTIER_MAX 1024u     /* 32 nodes */

struct ol_held {
    struct ol_held *next; /* the owner's */
    struct ol_batch batch; /* all it points to lies behind this structure */
    size_t size;           /* of the whole allocation */
    bool stood; /* one of its records was there before, of an earlier time */
    uint64_t seq; /* of the event before its first, once it is written */
};

/*
 * A copy of the batch, to be freed by ol_held_free. Puts outside their limits
 * are our own bug: an assertion. OL_ERR_TOO_LONG: a meta key or value above
 * its limit; OL_ERR_IO: no memory.
 */
OL_MUST_USE enum ol_err ol_held_copy(struct ol_held **out,
                                     const struct ol_batch *batch);
/* Wipes, because the batch holds what is sealed on disk. NULL is allowed. */
void ol_held_free(struct ol_held *held);

/* The name of a put's channel: "" for none, "file" for a single bundle file.
 * Borrowed from the batch. */
const char *ol_batch_channel(const struct ol_batch *batch, uint16_t channel);
/* How many sequence numbers an event takes: one per record it names. */
uint32_t ol_put_events(const struct ol_put *put);

#endif
