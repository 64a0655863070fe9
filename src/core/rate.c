/*
 * How fast a path delivers, and how short it is.
 *
 * Each frame notes what was delivered when it left; its ack tells how much was
 * since, in which time: a sample, taken over the longer of the time in which
 * these bytes were sent and that in which they were acked, so that acks which
 * come in a bunch do not look like a fast path. Samples of times when there
 * was not enough to send can only raise the rate. The highest of the last
 * rounds counts, a round being what is under way.
 *
 * The least round trip must be one without our own queue in it, or the queue
 * counts as part of the path and grows: after MIN_FOR_NS without one as short,
 * ol_rate_window falls to half of what fills the path until a frame has gone
 * that met no queue; its round trip is the least from then on. It costs half a
 * round trip in ten seconds.
 *
 * It fails by being wrong for a while: a path that becomes slower holds a
 * queue for some rounds, two if that is long.
 */
#include "core/rate.h"

#include <string.h>

#include "core/line_int.h"

#define QUEUE_NS (30 * OL_NS_PER_MS)
#define STREAM_QUEUE_NS (15 * OL_NS_PER_MS) /* at least */
#define MIN_FOR_NS (10 * OL_NS_PER_S)
#define RISE_NS (2 * OL_NS_PER_MS)
#define RISES 4u
#define KEEP_ROUNDS 8u
#define FLAT_ROUNDS 3u
#define ENOUGH 7360u /* half a first window */

void ol_rate_forget(struct ol_rate *r)
{
    uint64_t declared = r->declared;
    bool stream = r->stream;

    memset(r, 0, sizeof(*r));
    r->declared = declared;
    r->stream = stream;
}

static uint64_t bytes_in(uint64_t rate, uint64_t ns)
{
    return rate / 1000 * (ns / OL_NS_PER_US) / 1000;
}

static bool stale(const struct ol_rate *r, uint64_t now_ns)
{
    return now_ns - r->min_ns >= MIN_FOR_NS;
}

/* So little is under way that a frame meets no queue of ours. */
static uint32_t clear_bytes(const struct ol_rate *r)
{
    return (uint32_t)OL_MIN(bytes_in(r->best, r->min_rtt_ns / 2),
                            UINT32_MAX);
}

/* So long a queue of ours may be. A stream that loses a segment to a queue that
 * is full holds up all behind it, so there it stays below half of what a usual
 * queue takes: a round trip's worth. */
static uint64_t queue_ns(const struct ol_rate *r)
{
    return r->stream ? OL_MIN(OL_MAX(r->min_rtt_ns / 2, STREAM_QUEUE_NS),
                              QUEUE_NS)
                     : QUEUE_NS;
}

uint32_t ol_rate_window(const struct ol_rate *r, uint64_t now_ns)
{
    uint64_t best = r->best;

    if (!r->full || best == 0)
        return UINT32_MAX;
    if (r->declared > 0)
        best = OL_MIN(best, r->declared);
    if (stale(r, now_ns))
        best = clear_bytes(r);
    else
        best = bytes_in(best, r->min_rtt_ns + queue_ns(r));
    return (uint32_t)OL_MIN(OL_MAX(best, OL_FRAME_BASE), UINT32_MAX);
}

uint32_t ol_rate_product(const struct ol_rate *r)
{
    return (uint32_t)OL_MIN(bytes_in(r->best, r->min_rtt_ns), UINT32_MAX / 2);
}

static uint32_t us(uint64_t ns)
{
    return (uint32_t)OL_MIN(ns / OL_NS_PER_US, UINT32_MAX);
}

void ol_rate_sent(struct ol_path *p, struct ol_flight *f, uint64_t now_ns)
{
    struct ol_rate *r = &p->rate;

    if (p->open == 0)
        r->first_ns = r->delivered_ns = now_ns;
    f->delivered = r->delivered;
    f->sending_us = us(now_ns - r->first_ns);
    f->since_us = us(now_ns - r->delivered_ns);
    if (r->limited)
        f->flags |= OL_FLIGHT_LIMITED;
    if (p->open == 0 || (r->full && p->bytes <= clear_bytes(r)))
        f->flags |= OL_FLIGHT_CLEAR;
}

void ol_rate_acked(struct ol_rate *r, const struct ol_flight *f,
                   uint64_t now_ns)
{
    r->delivered += f->bytes;
    r->delivered_ns = now_ns;
    if (r->any && (int32_t)(f->delivered - r->from) < 0)
        return;
    r->any = true;
    r->any_limited = f->flags & OL_FLIGHT_LIMITED;
    r->from = f->delivered;
    r->from_ns = f->sent_ns - f->since_us * OL_NS_PER_US;
    r->sending_ns = f->sending_us * OL_NS_PER_US;
    r->first_ns = f->sent_ns;
}

static bool queued(const struct ol_rate *r)
{
    return r->rtt_ns > r->min_rtt_ns + QUEUE_NS / 2;
}

/* Three rounds without a quarter more: what was sent filled the path, so its
 * rate is known. Twice as much, and it did not: a machine was busy for a
 * moment, which looks like a queue, or the path has become faster. */
static void filled(struct ol_rate *r)
{
    uint64_t more = r->full ? r->flat_rate : r->flat_rate / 4;

    if (r->best < r->flat_rate + more) {
        r->flat = (uint8_t)OL_MIN(r->flat + 1u, FLAT_ROUNDS);
        r->full |= r->flat == FLAT_ROUNDS;
    } else if (!r->full || !queued(r)) {
        r->flat_rate = r->best;
        r->flat = 0;
        r->full = false;
    }
}

static void take(struct ol_path *p, uint64_t rate, bool limited, bool round)
{
    struct ol_rate *r = &p->rate;
    unsigned keep = KEEP_ROUNDS;

    /* The path became slower, or the queue would not be as long. */
    if (p->srtt_ns > 2 * (r->min_rtt_ns + QUEUE_NS))
        keep = 2;
    if (limited && rate <= r->best)
        return;
    r->newer = OL_MAX(r->newer, rate);
    r->best = OL_MAX(r->best, rate);
    if (limited || !round)
        return;
    if (++r->rounds >= keep) {
        r->best = r->newer;
        r->newer = rate;
        r->rounds = 0;
    }
    filled(r);
}

void ol_rate_done(struct ol_path *p, uint64_t now_ns)
{
    struct ol_rate *r = &p->rate;
    uint64_t over = OL_MAX(r->sending_ns, now_ns - r->from_ns);
    uint64_t n = r->delivered - r->from;
    bool round = (int32_t)(r->from - r->round_end) >= 0;

    if (!r->any)
        return;
    r->any = false;
    if (r->limited && (int32_t)(r->delivered - r->limited_end) > 0)
        r->limited = false;
    if (round)
        r->round_end = r->delivered;
    /* Shorter than a round trip: not all of it was acked for what was sent. */
    if (over < r->min_rtt_ns || over == 0)
        return;
    /* A queue behind enough of them is one, also after a pause. */
    if (n >= ENOUGH && queued(r)) {
        if (!r->full)
            r->best = r->flat_rate = n * OL_NS_PER_S / over;
        r->full = true;
    }
    take(p, n * OL_NS_PER_S / over, r->any_limited, round);
}

/* An ACK that came by another channel makes a round trip of two paths: longer
 * than this one's, or shorter, and then the rest would look like a queue. It
 * counts only while this path's own return gives none, and is replaced by the
 * first that it gives, or, where the path is full, by the first without a
 * queue: ol_rate_window makes room for one. */
static bool replaces(struct ol_rate *r, const struct ol_flight *f,
                     uint64_t now_ns)
{
    if (r->full && !(f->flags & OL_FLIGHT_CLEAR)) {
        r->min_ns = now_ns - OL_MIN(now_ns, MIN_FOR_NS);
        return false;
    }
    r->min_rtt_ns = 0;
    return true;
}

void ol_rate_rtt(struct ol_rate *r, const struct ol_flight *f, uint64_t rtt_ns,
                 bool aside, uint64_t now_ns)
{
    uint64_t much = r->min_rtt_ns + r->min_rtt_ns / 8 + RISE_NS;

    if (r->min_rtt_ns != 0 && r->aside != aside &&
        (aside ? !stale(r, now_ns) : !replaces(r, f, now_ns)))
        return;
    r->rtt_ns = rtt_ns;
    if (r->min_rtt_ns != 0 && rtt_ns > r->min_rtt_ns) {
        if (!stale(r, now_ns) || !(f->flags & OL_FLIGHT_CLEAR))
            return;
        r->risen_ns = r->risen == 0 ? rtt_ns : OL_MIN(r->risen_ns, rtt_ns);
        /* One that is far longer may be of a stream that repeats a segment,
         * or whose kernel was busy. */
        if (++r->risen < RISES && r->stream && rtt_ns > much)
            return;
        rtt_ns = r->risen_ns;
    }
    r->risen = 0;
    r->aside = aside;
    r->min_rtt_ns = rtt_ns;
    r->min_ns = now_ns;
}

void ol_rate_limited(struct ol_path *p)
{
    p->rate.limited = true;
    p->rate.limited_end = p->rate.delivered + p->bytes;
}
