/*
 * BRIEF: HELD of one log and the ack of the frames that brought it, in one
 * small chunk; and what waits on narrow channels until nobody talks.
 */
#ifndef OL_CORE_BRIEF_H
#define OL_CORE_BRIEF_H

#include "core/frames.h"

/* Says it in a frame of its own, if a HELD of one log and the ack of what
 * brought it are due on c and BRIEF can say both; false: it cannot. */
bool ol_brief_send(struct ol_line *l, unsigned c);
OL_MUST_USE enum ol_err ol_brief_take(struct ol_line *l,
                                      const struct ol_where *at,
                                      const struct ol_brief *b);
/* Records pass on a narrow channel: what can wait does. */
void ol_brief_busy(struct ol_line *l, unsigned c);
/* Are all live channels of the line narrow. */
bool ol_brief_line(const struct ol_line *l);
/* And do records pass, so that what can wait does. */
bool ol_brief_talks(const struct ol_line *l);
/* Do records wait to go on narrow channel c now: then what the handshake has
 * to add waits for them. */
bool ol_brief_first(struct ol_line *l, unsigned c);
/* May what can wait go on c now; if not, it is waited for. */
bool ol_brief_quiet(struct ol_line *l, unsigned c);

#endif
