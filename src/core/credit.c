/*
 * Credit: what we say that we take, when there was no room.
 *
 *   room --a segment is dropped--> short --HELD said so, room again--> room
 *
 * The peer sends a window at most, so there is room; but what is urgent may
 * have filled the pool since the window was given. A segment that is dropped
 * then was acknowledged as a frame, and the peer could not know. So HELD stops
 * right below it, once at least, and goes on from there when some of what is
 * here has been put. Source: doc/protocol.md 5.6.
 * When that HELD is lost, and the next one gave credit again, the peer still
 * knows of nothing: then it is said once more, until one has arrived. A full
 * disk is told in the same way.
 */
#include "core/line_int.h"

#define ROOM_AGAIN (OL_POOL_BLOCKS / 8) /* blocks; a few more come too late */

void ol_credit_short(struct ol_line *l, unsigned p, uint32_t index)
{
    struct ol_in_log *in = &l->in[p];

    if (in->short_of != 0 && index >= in->short_of)
        return;
    in->short_of = index;
    in->short_serial = l->held_serial;
    in->dirty = true;
}

uint32_t ol_credit_limit(const struct ol_line *l, unsigned p)
{
    const struct ol_in_log *in = &l->in[p];
    uint32_t limit = in->durable + ol_window_of[p];

    if (l->full)
        return in->durable;
    if (in->short_of > in->durable)
        limit = OL_MIN(limit, in->short_of - 1);
    return limit;
}

void ol_credit_said(struct ol_line *l, unsigned p, uint32_t serial)
{
    struct ol_in_log *in = &l->in[p];
    uint32_t below = l->full ? in->durable + 1 : in->short_of;

    if (below == 0 || (in->cut != 0 && below > in->cut))
        return;
    if (below != in->cut)
        in->cut_first = serial;
    in->cut = below;
    in->cut_last = serial;
}

void ol_credit_came(struct ol_line *l, unsigned p, uint32_t serial, bool lost)
{
    struct ol_in_log *in = &l->in[p];
    uint32_t below = in->cut;

    if (below == 0 || serial < in->cut_first || serial > in->cut_last)
        return;
    /* While there is none yet, HELD as such is repeated, and says so. */
    if (lost && (l->full || in->short_of != 0))
        return;
    in->cut = 0;
    if (lost && below > in->upto)
        ol_credit_short(l, p, below);
}

/* For some records, or for the next one, which may have what there is. */
static bool room(const struct ol_line *l, unsigned p)
{
    uint32_t want = ol_pool_floor(p) + ROOM_AGAIN;

    if (l->in[p].short_of == l->in[p].upto + 1)
        want = OL_RECORD_MAX / OL_BLOCK;
    return l->in_pool.left >= want;
}

void ol_credit_pump(struct ol_line *l, unsigned p)
{
    struct ol_in_log *in = &l->in[p];
    bool told = in->told > in->short_serial;

    if (in->short_of == 0 ||
        (in->short_of > in->upto && !(told && room(l, p))))
        return;
    in->short_of = 0;
    in->dirty = true;
}
