/*
 * Segments on narrow channels: packed when that is shorter, and back.
 */
#ifndef OL_CORE_PACK_H
#define OL_CORE_PACK_H

#include "core/line_int.h"

struct ol_packing {
    const struct ol_out_slot *slot;
    uint64_t want; /* units, from the lowest on */
    size_t room;   /* for the segment's bytes */
    uint64_t mask; /* of the units that are in it */
    uint8_t bytes[OL_FRAME_MAX];
};

/* Is its declared rate below OL_NARROW_BPS. */
static inline bool ol_chan_narrow(const struct ol_lchan *ch)
{
    return ch->conf.rate_bps > 0 && ch->conf.rate_bps < OL_NARROW_BPS;
}

/* Fills in offset, codec, last and bytes (which lie in p) of a segment for a
 * narrow channel; false: it is as short as it is. */
bool ol_pack_segment(struct ol_line *l, struct ol_packing *p,
                     struct ol_segment *g);
/* The segment as it was before it was packed; its bytes are then `bytes`.
 * Errors: of the codec, of the short form, OL_ERR_MALFORMED. */
OL_MUST_USE enum ol_err ol_pack_open(struct ol_segment *g,
                                     uint8_t bytes[OL_RECORD_MAX]);

#endif
