/*
 * What schedule.c and copies.c share: the order of channels, and a segment
 * into a frame.
 */
#ifndef OL_CORE_SCHEDULE_H
#define OL_CORE_SCHEDULE_H

#include "core/frames.h"

struct ol_order { /* usable channels, the one that completes first in front */
    unsigned n;
    uint8_t c[OL_CHANNELS_MAX];
    uint64_t cost_ns[OL_CHANNELS_MAX];
};

/* As much as fits of a record's `want` units from the lowest on: one segment.
 * false: nothing fitted. */
bool ol_schedule_segment(struct ol_line *l, struct ol_out_frame *f,
                         unsigned prec, struct ol_out_slot *s,
                         uint64_t *want);
/* A record segment goes in the epoch that we send under. */
void ol_schedule_began(struct ol_line *l);

/* ---- copies.c ----------------------------------------------------------- */

/* FLASH on every usable channel, IMMEDIATE on two. */
void ol_copies_pump(struct ol_line *l, const struct ol_order *o);
/* Small urgent records that no word has come of go again. */
void ol_repeats_pump(struct ol_line *l, const struct ol_order *o);

#endif
