/*
 * Where a channel sends, for probe.c and those who send. Source:
 * doc/protocol.md 9.4.
 */
#ifndef OL_CORE_ADDRESS_H
#define OL_CORE_ADDRESS_H

#include "core/line_int.h"

/* Where a channel sends; the empty one: its own destination. */
const struct ol_addr *ol_addr_of(const struct ol_lchan *ch);
/* May anything go there now. */
bool ol_addr_open(const struct ol_lchan *ch);
/* n bytes went to this address. */
void ol_addr_spend(struct ol_lchan *ch, const struct ol_addr *to, size_t n);
/* An authentic frame of so many bytes came from there. */
void ol_addr_heard(struct ol_line *l, unsigned c, const struct ol_addr *from,
                   size_t bytes);
void ol_addr_echoed(struct ol_line *l, unsigned c, uint32_t id,
                    const struct ol_addr *from);
void ol_addr_pump(struct ol_line *l, unsigned c);
/* Its connection ended; true: it was the one in use. */
bool ol_addr_gone(struct ol_line *l, unsigned c, const struct ol_addr *from);
bool ol_addr_in_use(const struct ol_lchan *ch, const struct ol_addr *from);
/* The same, and our own destination counts. */
bool ol_addr_is(const struct ol_lchan *ch, const struct ol_addr *a);
/* Back to our own destination, if there is one. */
void ol_addr_home(struct ol_line *l, unsigned c);

#endif
