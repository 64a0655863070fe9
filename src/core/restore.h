/*
 * What a station does that lost records of its own, and what the other side
 * does for it.
 *
 *   scan.c      a log's tree as it was at an earlier size
 *   restore.c   ours is an old copy: ask, compare, cut
 *   takeback.c  what comes back: from RETURN to our own log on disk
 *   giveback.c  the other's is: find where the logs part, give it all back
 *
 * A log of ours and its way back:
 *
 *   SOUND --HELD is beyond it, or of another root; or restored--> ASK
 *   ASK --LOST .. FOUND--> JUDGE --not ours from there on--> CUT --> TAKE
 *                             +--ours, and maybe shorter-----------> TAKE
 *   TAKE --all that the peer holds is on our disk--> SOUND
 *
 * While a log is not SOUND nothing of it is sent or numbered.
 * Source: doc/protocol.md 5.9.
 */
#ifndef OL_CORE_RESTORE_H
#define OL_CORE_RESTORE_H

#include "core/line_int.h"

/* A peer moves our count no further than this: there is always a next number,
 * however often it says one that is not true. */
#define OL_NUMBER_BACK (OL_NUMBER_MAX / 2)

/* ---- scan.c ------------------------------------------------------------- */

void ol_scan_begin(struct ol_scan *s, enum ol_author author, unsigned prec,
                   uint32_t end);
bool ol_scan_done(const struct ol_scan *s);
/* Asks for the next page. */
void ol_scan_pump(struct ol_line *l, struct ol_scan *s);
/* A page, if it is this scan's; each (or NULL) after every leaf. */
bool ol_scan_loaded(struct ol_line *l, struct ol_scan *s,
                    const struct ol_event *ev,
                    void (*each)(struct ol_line *, struct ol_scan *));

/* ---- restore.c ---------------------------------------------------------- */

/* Begins as restored, if it is. */
void ol_restore_init(struct ol_line *l, bool restored);
/* This log is not what the peer holds of it. */
void ol_restore_begin(struct ol_line *l, unsigned p);
/* A new epoch, or a peer that started anew: ask again. */
void ol_restore_again(struct ol_line *l);
/* May nothing be numbered in this log now. */
bool ol_restore_mute(const struct ol_line *l, unsigned p);
/* Is any log not SOUND. */
bool ol_restore_any(const struct ol_line *l);
enum ol_err ol_restore_found(struct ol_line *l, const struct ol_found *f,
                             bool current);
bool ol_restore_loaded(struct ol_line *l, const struct ol_event *ev);
void ol_restore_pump(struct ol_line *l);
/* LOST for the logs that ask, into a bundle. */
void ol_restore_write(struct ol_line *l, struct ol_writer *w);
/* LOST in frames on this channel, where one is due. */
void ol_restore_frames(struct ol_line *l, unsigned c);
/* Something came: the question is repeated so much later. */
void ol_restore_heard(struct ol_line *l, struct ol_back *b);
/* All that is to come back of a log is on our disk. */
void ol_restore_end(struct ol_line *l, unsigned p);

/* ---- takeback.c --------------------------------------------------------- */

enum ol_err ol_take_return(struct ol_line *l, const struct ol_segment *g);
/* Puts what stands in order; fills places that nobody holds. */
void ol_take_pump(struct ol_line *l, unsigned p);
/* Says in the log itself what of it is the peer's word alone, and signs. False:
 * there is no room for that now. */
bool ol_take_disown(struct ol_line *l, unsigned p);
/* The next one of a log that comes back is here and to be put. */
bool ol_take_waits(const struct ol_line *l);
/* The window as a LOST says it: what of next + 1 + k is here. */
uint64_t ol_take_map(struct ol_line *l, unsigned p);
void ol_take_clear(struct ol_line *l, unsigned p);

/* ---- giveback.c --------------------------------------------------------- */

/* c: the channel or OL_CHANNEL_FILE; live: it came in a frame. */
enum ol_err ol_give_lost(struct ol_line *l, const struct ol_lost *c,
                         bool live);
bool ol_give_loaded(struct ol_line *l, const struct ol_event *ev);
void ol_give_pump(struct ol_line *l);
/* FOUND and RETURN in frames, on the best channel. */
void ol_give_frames(struct ol_line *l, unsigned c);
/* A new epoch: what was on its way is given up. */
void ol_give_again(struct ol_line *l);
/* FOUND into a bundle, for logs that were asked for in one. */
void ol_give_write(struct ol_line *l, struct ol_writer *w);
/* Is a log's return due in a bundle: then from where on, and to where. */
bool ol_give_due(struct ol_line *l, unsigned p, uint32_t *from,
                 uint32_t *end);
void ol_give_bundled(struct ol_line *l, unsigned p);

#endif
