/*
 * Records that came to the disk just now, as rows, on the caller's thread.
 *
 * Whoever answers for a record, tells of it or looks what it wants does so
 * right after its commit, and each would have it read and opened again. So the
 * newest rows stay here until others take their places: short ones, at most
 * 2,048. They say what the file says: nothing is kept of a batch that is not
 * committed, and all are forgotten by one that may have changed a row.
 *
 * The newest events stay in the same way, at most 512 rows: whoever tells of
 * them asks after each commit what is new.
 *
 * And how long each log is: as it was read, or as the last batch left it, while
 * no batch that could change it is under way; and at any time how long the
 * batches that are done made it, unless one that may cut it is under way.
 */
#ifndef OL_LEDGER_RECENT_H
#define OL_LEDGER_RECENT_H

#include "ledger/batch.h"

struct ol_recent;

/* NULL: no memory. */
struct ol_recent *ol_recent_make(void);
/* All rows: who asks next has the file read. */
void ol_recent_forget(struct ol_recent *r);
/* Wipes. NULL is allowed. */
void ol_recent_free(struct ol_recent *r);
/* A batch that was handed in; the same when it is done, well or not. */
void ol_recent_given(struct ol_recent *r, const struct ol_batch *batch);
void ol_recent_done(struct ol_recent *r, const struct ol_held *held, bool well);
/* The size of a log's head; false: the file is to be asked, and then noted. */
bool ol_recent_head(const struct ol_recent *r, uint32_t line, uint8_t author,
                    uint8_t prec, uint32_t *size);
/* What it has reached at least; false: not known. */
bool ol_recent_reached(const struct ol_recent *r, uint32_t line,
                       uint8_t author, uint8_t prec, uint32_t *size);
void ol_recent_note(struct ol_recent *r, uint32_t line, uint8_t author,
                    uint8_t prec, uint32_t size);
/* Events above `after`, as in the ledger's events; false: the file is to be
 * asked, nothing was given. */
bool ol_recent_events(const struct ol_recent *r, uint64_t after, uint32_t max,
                      ol_row_event_fn fn, void *arg);
/* NULL: not here; the file may have it. Rows stay until the next is done. */
const struct ol_row *ol_recent_at(const struct ol_recent *r, uint32_t line,
                                  uint8_t author, uint8_t prec,
                                  uint32_t index);
/* The newest of ours with that number. One that came back may share it until
 * it is proved, which forgets all. */
const struct ol_row *ol_recent_number(const struct ol_recent *r, uint32_t line,
                                      uint64_t number);

#endif
