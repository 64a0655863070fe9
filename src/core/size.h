/*
 * How large a frame may be on a datagram channel, for path.c and those who
 * make frames. Source: RFC 8899; doc/protocol.md 7.1.
 */
#ifndef OL_CORE_SIZE_H
#define OL_CORE_SIZE_H

#include "core/line_int.h"

void ol_size_init(struct ol_path *p, const struct ol_chan_conf *conf);
/* The largest frame that goes on a channel now. */
uint32_t ol_size_frame(const struct ol_line *l, unsigned c);
void ol_size_lost(struct ol_line *l, unsigned c, const struct ol_flight *f);
void ol_size_acked(struct ol_line *l, unsigned c, const struct ol_flight *f);
void ol_size_epoch(struct ol_path *p); /* counters begin anew */
void ol_size_moved(struct ol_line *l, unsigned c); /* another address */
void ol_size_hint(struct ol_line *l, unsigned c); /* too large, says somebody */
void ol_size_pump(struct ol_line *l, unsigned c);

#endif
