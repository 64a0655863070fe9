/*
 * The replay window of one key: which counters have been accepted.
 *
 * After RFC 6479: a ring of 64-bit words, so that sliding clears words and
 * never shifts bits. The same bits are the source of the ranges in a
 * FRAMES-ACK: what was accepted is what is acknowledged.
 * Test and mark are two calls, because a counter is marked only after the
 * frame that carries it has authenticated.
 */
#ifndef OL_BASE_WINDOW_H
#define OL_BASE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define OL_WINDOW_BITS 4096u /* counters that may still arrive late */

struct ol_window {
    bool any;      /* at least one counter is marked */
    uint32_t high; /* the highest marked; meaningless unless any */
    uint32_t run;  /* from here to high all are, as far as the window goes */
    uint64_t word[OL_WINDOW_BITS / 64 + 1];
};

void ol_window_init(struct ol_window *w);
/* May this counter still be accepted: not marked and not too old. */
bool ol_window_fresh(const struct ol_window *w, uint32_t counter);
/* Marks it. The caller has checked ol_window_fresh. */
void ol_window_mark(struct ol_window *w, uint32_t counter);
/* Is it marked, and still within the window. */
bool ol_window_has(const struct ol_window *w, uint32_t counter);

/*
 * The next run of marked counters at or below `from`, going down:
 * *hi .. *lo inclusive. false when there is none within the window.
 */
bool ol_window_run(const struct ol_window *w, uint32_t from, uint32_t *hi,
                   uint32_t *lo);

#endif
