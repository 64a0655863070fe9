/*
 * Putting an ol_snapshot together, the same way for both ledgers.
 *
 * begin, then any of the others, then free: what is pointed to belongs to the
 * snapshot. All frontiers lie in one block that starts with the first log's,
 * so that an empty snapshot can be freed too. Errors: OL_ERR_IO (no memory).
 */
#ifndef OL_LEDGER_SNAPSHOT_H
#define OL_LEDGER_SNAPSHOT_H

#include <openline/line.h>

OL_MUST_USE enum ol_err ol_snapshot_begin(struct ol_snapshot *snap);
/* frontier: at most OL_LEDGER_FRONTIER_MAX bytes, copied. */
void ol_snapshot_head(struct ol_snapshot *snap, uint8_t author, uint8_t prec,
                      uint32_t size, struct ol_span frontier);
OL_MUST_USE enum ol_err ol_snapshot_beyond(struct ol_snapshot *snap,
                                           uint8_t prec, uint32_t index,
                                           const uint8_t leaf[32]);
/* Copies the part and its bytes. */
OL_MUST_USE enum ol_err ol_snapshot_part(struct ol_snapshot *snap,
                                         const struct ol_part *part);
/* Room for n bytes of state; NULL when there is no memory. */
uint8_t *ol_snapshot_state(struct ol_snapshot *snap, size_t n);
/* Wipes and frees, and leaves zeros: a second time does nothing. */
void ol_snapshot_end(struct ol_snapshot *snap);

#endif
