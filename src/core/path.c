/*
 * One channel's path: frames in flight, round trip, loss, congestion.
 *
 * After RFC 9002 (the section is named where it is followed). A datagram
 * channel loses frames by the packet and time thresholds; a stream loses them
 * with its connection, and before it, when its transport had no room: then a
 * later one is acked and a probe timeout has passed. NewReno with pacing bounds
 * what is in flight, and one more rule holds everywhere: it stays below what
 * the path delivers in its least round trip and a little more (rate.c), so that
 * a FLASH meets at most a small queue, in a kernel's socket too.
 * What a lost frame carried is owed again (ol_send_owe); FRAMES-ACK is never
 * evidence that a record arrived, so nothing here touches HELD.
 */
#include "core/line_int.h"
#include "core/size.h"

#include <string.h>

#define GRANULARITY_NS (1 * OL_NS_PER_MS)
#define ACK_DELAY_NS (OL_ACK_DELAY_MS * OL_NS_PER_MS)
#define INITIAL_RTT_NS (333 * OL_NS_PER_MS) /* RFC 9002 6.2.2 */
#define PACKET_THRESHOLD 3u                 /* 6.1.1 */
#define APART_MOST 64u /* on a path that changes the order of frames */
#define APART_HALVINGS 16u /* RFC 8985 6.2: so long that is remembered */
#define PTO_BACKOFF_MAX 6u
#define PTO_FRAMES 2u /* 6.2.4: so many go on the first, what waits in them */
#define TURN_MORE_NS (8 * OL_NS_PER_MS) /* a disk is not always as quick */
#define REPEATS_FROM_BPS 64000u
#define ALLOWED_FRAMES 4u
#define BURST_FRAMES 10u
#define LOSS_OF 64u /* the measured loss is of so many frames, about; */
#define LOSS_FEW 8u /* of a new path as if so many had come before */
#define CONTROL_ROOM 64u /* of the ring, kept for frames without data */
#define BULK_ROOM 256u   /* of the ring, kept for frames without attachments */
#define BURST_NS (2 * OL_NS_PER_MS) /* a timer may be so late */
/* RFC 9002 7.2 */
#define INITIAL_WINDOW(mtu) OL_MIN(10 * (mtu), OL_MAX(14720u, 2 * (mtu)))

void ol_path_init(struct ol_path *p, const struct ol_chan_conf *conf)
{
    p->cwnd = INITIAL_WINDOW(conf->mtu);
    p->rate.declared = conf->rate_bps / 8;
    p->rate.stream = conf->kind == OL_CHAN_STREAM;
    p->ssthresh = UINT32_MAX;
    p->loss_ns = p->pto_ns = OL_NEVER_NS;
    p->apart = PACKET_THRESHOLD;
    p->loss = -1;
    /* A small frame's round trip tells little of a large one's. */
    if (conf->rate_bps > 0 && conf->rate_bps < OL_NARROW_BPS)
        p->slow_ns = (uint64_t)conf->mtu * 8 * OL_NS_PER_S / conf->rate_bps;
    ol_size_init(p, conf);
}

static struct ol_flight *at(struct ol_path *p, uint32_t i)
{
    return &p->flight[i % OL_INFLIGHT_MAX];
}

static bool stream(const struct ol_line *l, unsigned c)
{
    return l->ch[c].conf.kind == OL_CHAN_STREAM;
}

uint64_t ol_path_pto(const struct ol_path *p)
{
    if (p->srtt_ns == 0)
        return 2 * (INITIAL_RTT_NS + p->slow_ns);
    return p->srtt_ns + OL_MAX(4 * p->rttvar_ns, GRANULARITY_NS) +
           ACK_DELAY_NS + p->slow_ns;
}

uint64_t ol_path_turn(const struct ol_path *p)
{
    if (p->turn_ns == 0)
        return ol_path_pto(p);
    return p->turn_ns + OL_MAX(4 * p->turnvar_ns, TURN_MORE_NS);
}

bool ol_path_repeats(const struct ol_lchan *ch)
{
    return ch->conf.kind == OL_CHAN_DATAGRAM &&
           (ch->conf.rate_bps == 0 || ch->conf.rate_bps >= REPEATS_FROM_BPS);
}

bool ol_path_allow(struct ol_line *l, unsigned c, size_t n)
{
    struct ol_path *p = &l->ch[c].path;
    uint32_t most = ALLOWED_FRAMES * l->ch[c].conf.mtu;
    uint64_t rtt = OL_MAX(p->srtt_ns, GRANULARITY_NS);
    uint64_t since = OL_MIN(l->now_ns - p->allowed_ns, OL_NS_PER_S);
    uint64_t more = 2 * l->ch[c].conf.mtu * since / rtt;

    if (l->ch[c].conf.rate_bps > 0)
        more = OL_MIN(more, l->ch[c].conf.rate_bps / 80 * since / OL_NS_PER_S);
    /* What is less than a byte is not forgotten. */
    if (more > 0) {
        p->allowed = (uint32_t)OL_MIN(p->allowed + more, most);
        p->allowed_ns = l->now_ns;
    }
    if (p->allowed < n)
        return false;
    p->allowed -= (uint32_t)n;
    return true;
}

bool ol_path_room(const struct ol_path *p)
{
    return p->tail - p->head < OL_INFLIGHT_MAX;
}

uint64_t ol_path_oldest(const struct ol_path *p, uint64_t after_ns)
{
    uint32_t lo = p->head, hi = p->tail;

    /* In order of counters is in order of time, and there may be many. */
    while (lo != hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (p->flight[mid % OL_INFLIGHT_MAX].sent_ns > after_ns)
            hi = mid;
        else
            lo = mid + 1;
    }
    for (; lo != p->tail; lo++)
        if (p->flight[lo % OL_INFLIGHT_MAX].open)
            return p->flight[lo % OL_INFLIGHT_MAX].sent_ns;
    return OL_NEVER_NS;
}

static void arm_pto(struct ol_line *l, struct ol_path *p)
{
    uint64_t pto = ol_path_pto(p) << OL_MIN(p->pto_count, PTO_BACKOFF_MAX);

    p->pto_ns = p->open > 0 ? l->now_ns + pto : OL_NEVER_NS;
}

struct ol_flight *ol_path_sent(struct ol_line *l, unsigned c,
                               uint32_t counter, size_t bytes)
{
    struct ol_path *p = &l->ch[c].path;
    struct ol_flight *f;

    OL_CHECK(ol_path_room(p));
    f = at(p, p->tail++);
    memset(f, 0, sizeof(*f));
    f->counter = counter;
    f->bytes = (uint16_t)bytes;
    f->ref = OL_NO_REF;
    f->open = true;
    f->sent_ns = l->now_ns;
    ol_rate_sent(p, f, l->now_ns);
    p->open++;
    p->bytes += (uint32_t)bytes;
    if (p->pto_ns == OL_NEVER_NS)
        arm_pto(l, p);
    ol_wake(l, p->pto_ns);
    return f;
}

bool ol_path_ref_left(const struct ol_line *l)
{
    return l->refs_used + OL_FRAME_REFS <= OL_REFS;
}

bool ol_path_ref(struct ol_line *l, struct ol_flight *f,
                 const struct ol_carried *what)
{
    uint16_t r = l->ref_free;

    if (r == OL_NO_REF && l->ref_fresh == OL_REFS)
        return false;
    l->refs_used++;
    if (r != OL_NO_REF)
        l->ref_free = l->ref[r].next;
    else
        r = l->ref_fresh++;
    l->ref[r] = *what;
    l->ref[r].next = f->ref;
    f->ref = r;
    return true;
}

void ol_path_forget_blobs(struct ol_line *l)
{
    for (unsigned c = 0; c < l->n_ch; c++) {
        struct ol_path *p = &l->ch[c].path;
        for (uint32_t i = p->head; i != p->tail; i++)
            for (uint16_t r = at(p, i)->ref; r != OL_NO_REF;
                 r = l->ref[r].next)
                if (l->ref[r].prec == OL_REF_BLOB)
                    l->ref[r].prec = OL_REF_NONE;
    }
}

/* What was in flight on c is owed again: lost, or in doubt. */
static void owe(struct ol_line *l, const struct ol_carried *r, unsigned c)
{
    if (r->prec < OL_PRECS)
        ol_send_owe(l, r->prec, r->index, r->mask, c);
    else if (r->prec == OL_REF_BLOB)
        ol_push_owe(l, r->index, r->word, r->mask);
}

/* The HELD in it did not arrive: say it again, unless a newer one has been
 * said since, which has a flight of its own. */
static void held_again(struct ol_line *l, const struct ol_flight *f)
{
    for (unsigned q = 0; q < OL_PRECS; q++)
        if ((f->flags & OL_FLIGHT_HELD) && (f->held_logs & (1u << q)) &&
            f->held_serial == l->in[q].told)
            l->in[q].dirty = true;
    if ((f->flags & OL_FLIGHT_HELD) && (f->held_logs & OL_HELD_OURS) &&
        f->held_serial == l->prekey_told)
        l->prekey_news = true;
    if (f->flags & OL_FLIGHT_WANT)
        ol_pull_lost(l, f->want_serial);
}

static void view_arrived(struct ol_line *l, const struct ol_flight *f)
{
    if (!(f->flags & OL_FLIGHT_VIEW) || f->view_serial < l->view_acked)
        return;
    l->view_acked = f->view_serial;
    l->view_acked_ns = f->sent_ns;
}

/* Ends a flight. lost: what it carried is owed again. */
static void close_flight(struct ol_line *l, unsigned c, struct ol_flight *f,
                         bool lost)
{
    struct ol_path *p = &l->ch[c].path;
    uint16_t r = f->ref;

    f->open = false;
    p->open--;
    p->bytes -= f->bytes;
    while (r != OL_NO_REF) {
        struct ol_carried *ref = &l->ref[r];
        uint16_t next = ref->next;
        if (ref->prec < OL_PRECS)
            ol_send_landed(l, ref, !lost);
        else if (ref->prec == OL_REF_BLOB)
            ol_push_landed(l, ref->index);
        if (lost)
            owe(l, ref, c);
        ref->next = l->ref_free;
        l->ref_free = r;
        l->refs_used--;
        r = next;
    }
    f->ref = OL_NO_REF;
    for (unsigned q = 0; q < OL_PRECS; q++)
        if ((f->flags & OL_FLIGHT_HELD) && (f->held_logs & (1u << q)))
            ol_credit_came(l, q, f->held_serial, lost);
    if (!lost) {
        view_arrived(l, f);
        if ((f->flags & OL_FLIGHT_HELD) && l->sending >= 0)
            ol_epoch_sending(l)->told = true;
        return;
    }
    held_again(l, f);
    for (unsigned q = 0; q < OL_PRECS; q++) {
        if ((f->flags & OL_FLIGHT_CP) && (f->cp_logs & (1u << q)))
            l->out[q].cp_dirty = true;
    }
}

/* What was declared lost stays for two round trips after it was sent: it may
 * only be late. */
static void trim(const struct ol_line *l, struct ol_path *p)
{
    while (p->head != p->tail && !at(p, p->head)->open) {
        const struct ol_flight *f = at(p, p->head);
        if (f->lost && f->sent_ns + 2 * p->srtt_ns > l->now_ns &&
            p->tail - p->head < OL_INFLIGHT_MAX / 2)
            break;
        p->head++;
    }
}

static void give_up(struct ol_line *l, unsigned c)
{
    struct ol_path *p = &l->ch[c].path;

    for (uint32_t i = p->head; i != p->tail; i++)
        if (at(p, i)->open)
            close_flight(l, c, at(p, i), true);
    trim(l, p);
    p->loss_ns = p->pto_ns = OL_NEVER_NS;
    p->pto_count = 0;
}

void ol_path_begin(struct ol_line *l, unsigned c)
{
    struct ol_path *p = &l->ch[c].path;

    give_up(l, c);
    p->high_any = false;
    p->head = p->tail = 0;
}

void ol_path_drop(struct ol_line *l, unsigned c)
{
    struct ol_path *p = &l->ch[c].path;

    give_up(l, c);
    p->cwnd = OL_MAX(p->cwnd / 2, INITIAL_WINDOW(l->ch[c].conf.mtu));
    p->ssthresh = UINT32_MAX;
    p->apart = PACKET_THRESHOLD;
    p->undo_lost = 0;
    ol_rate_forget(&p->rate);
}

/* What is in flight is owed again, once: all that is urgent; of what can wait
 * until it is lost, ROUTINE and attachments, so many frames, oldest first. */
static void owe_open(struct ol_line *l, unsigned c, uint32_t waiting)
{
    struct ol_path *p = &l->ch[c].path;

    for (uint32_t i = p->head; i != p->tail; i++) {
        struct ol_flight *f = at(p, i);
        bool first = !(f->flags & OL_FLIGHT_URGED), waits = false;
        if (!f->open || (f->flags & OL_FLIGHT_OWED))
            continue;
        for (uint16_t r = f->ref; r != OL_NO_REF; r = l->ref[r].next) {
            bool can = l->ref[r].prec >= OL_ROUTINE;
            if (can ? waiting > 0 : first)
                owe(l, &l->ref[r], c);
            waits |= can;
        }
        if (first)
            held_again(l, f);
        f->flags |= OL_FLIGHT_URGED;
        if (!waits || waiting > 0)
            f->flags |= OL_FLIGHT_OWED;
        waiting -= waits && waiting > 0;
    }
}

void ol_path_doubt(struct ol_line *l, unsigned c)
{
    owe_open(l, c, OL_INFLIGHT_MAX);
}

/* It is not lost there: a copy that went need not go again. A small urgent
 * record has its repeats (copies.c), which are due then. */
static void overtake(struct ol_line *l, const struct ol_carried *r, unsigned c)
{
    struct ol_out_slot *s = r->prec < OL_PRECS
                                ? ol_window_slot(l, r->prec, r->index)
                                : NULL;
    uint16_t on = s != NULL ? s->copies_on : 0;

    owe(l, r, c);
    if (s == NULL)
        return;
    s->copies_on = on;
    if (!s->quick)
        return;
    s->went_ns = 0;
    l->out[r->prec].repeat_ns = 0;
}

void ol_path_overtake(struct ol_line *l, unsigned c, uint64_t by_ns)
{
    struct ol_path *p = &l->ch[c].path;

    for (uint32_t i = p->head; i != p->tail; i++) {
        struct ol_flight *f = at(p, i);
        if (!f->open || (f->flags & OL_FLIGHT_OWED) || f->ref == OL_NO_REF ||
            f->sent_ns + p->srtt_ns / 2 <= by_ns)
            continue;
        f->flags |= OL_FLIGHT_OWED;
        for (uint16_t r = f->ref; r != OL_NO_REF; r = l->ref[r].next)
            overtake(l, &l->ref[r], c);
    }
}

/* RFC 9002 5.3, with the ack delay that the peer names. */
static void rtt_sample(struct ol_path *p, uint64_t rtt, uint64_t delay)
{
    uint64_t var;

    if (p->srtt_ns == 0) {
        p->srtt_ns = rtt;
        p->rttvar_ns = rtt / 2;
        return;
    }
    if (rtt >= p->rate.min_rtt_ns + delay)
        rtt -= delay;
    var = p->srtt_ns > rtt ? p->srtt_ns - rtt : rtt - p->srtt_ns;
    p->rttvar_ns = (3 * p->rttvar_ns + var) / 4;
    p->srtt_ns = (7 * p->srtt_ns + rtt) / 8;
}

/* As it came, with all that the peer's disk and its patience took. */
static void turn_sample(struct ol_path *p, uint64_t turn)
{
    uint64_t var;

    if (p->turn_ns == 0) {
        p->turn_ns = turn;
        p->turnvar_ns = turn / 4;
        return;
    }
    var = p->turn_ns > turn ? p->turn_ns - turn : turn - p->turn_ns;
    p->turnvar_ns = (3 * p->turnvar_ns + var) / 4;
    p->turn_ns = (7 * p->turn_ns + turn) / 8;
}

uint32_t ol_path_window(const struct ol_path *p, uint64_t now_ns)
{
    return OL_MIN(p->cwnd, ol_rate_window(&p->rate, now_ns));
}

/* NewReno's halving, once per round trip (RFC 9002 7.3.2); of what was under
 * way, for the window may be far above that. Not below what the path has
 * delivered in a round trip without a queue: to halve is to empty the queue. */
static void congested(struct ol_line *l, unsigned c, uint64_t lost_sent_ns,
                      uint32_t flew)
{
    struct ol_path *p = &l->ch[c].path;

    if (lost_sent_ns <= p->recovery_ns)
        return;
    /* Nothing has come late for long: the path may be another one. */
    if (p->apart_left > 0 && --p->apart_left == 0)
        p->apart = PACKET_THRESHOLD;
    p->undo_after_ns = p->recovery_ns;
    p->recovery_ns = l->now_ns;
    p->undo_cwnd = p->cwnd;
    p->undo_ssthresh = p->ssthresh;
    p->undo_lost = 0;
    p->cwnd = OL_MAX(OL_MIN(p->cwnd, flew) / 2, 2 * l->ch[c].conf.mtu);
    p->cwnd = OL_MAX(p->cwnd, ol_rate_product(&p->rate));
    p->ssthresh = p->cwnd;
}

/* It was declared lost and came: the path changes the order of frames by so
 * many. When all came that a halving was for, it was for nothing. */
static void spurious(struct ol_path *p, struct ol_flight *f, uint32_t high)
{
    f->lost = false;
    p->lost_n--;
    p->acked_n++;
    p->apart = OL_MAX(p->apart, OL_MIN(high - f->counter + 1, APART_MOST));
    p->apart_left = APART_HALVINGS;
    if (f->sent_ns <= p->undo_after_ns || /* the reason for one before */
        p->undo_lost == 0 || --p->undo_lost > 0)
        return;
    p->cwnd = OL_MAX(p->cwnd, p->undo_cwnd);
    p->ssthresh = p->undo_ssthresh;
}

static void grow(struct ol_line *l, unsigned c, const struct ol_flight *f)
{
    struct ol_path *p = &l->ch[c].path;
    uint32_t mtu = l->ch[c].conf.mtu;

    if (f->sent_ns <= p->recovery_ns)
        return;
    /* Only a window that was in use proves that more would fit; and where
     * the path's rate bounds it, it is large enough. */
    if (p->bytes + f->bytes + 2 * mtu < p->cwnd / 2 ||
        ol_rate_window(&p->rate, l->now_ns) < p->cwnd)
        return;
    if (p->cwnd < p->ssthresh)
        p->cwnd += f->bytes;
    else
        p->cwnd += OL_MAX(mtu * f->bytes / p->cwnd, 1);
    p->cwnd = OL_MIN(p->cwnd, 64u * 1024 * 1024);
}

/* The share that is lost of the newest frames; of all, while they are few: a
 * crisis may be the first that a line sees. */
static void measure(struct ol_path *p, double lost)
{
    uint64_t n = LOSS_FEW + p->acked_n + p->lost_n;

    p->loss = OL_MAX(p->loss, 0);
    p->loss += (lost - p->loss) / (double)OL_MIN(n, LOSS_OF);
}

static void detect_lost(struct ol_line *l, unsigned c)
{
    struct ol_path *p = &l->ch[c].path;
    uint64_t wait = OL_MAX(p->srtt_ns + p->srtt_ns / 8, GRANULARITY_NS);
    uint64_t newest = 0;
    uint32_t flew = p->bytes, lost = 0, anew = 0; /* of this halving, of one */

    p->loss_ns = OL_NEVER_NS;
    if (!p->high_any)
        return;
    /* A stream keeps order, so what is missing below the highest was dropped
     * before it got in; a probe timeout allows for a change of connection. */
    if (stream(l, c))
        wait = ol_path_pto(p);
    for (uint32_t i = p->head; i != p->tail; i++) {
        struct ol_flight *f = at(p, i);
        if (f->counter >= p->high)
            break;
        if (!f->open)
            continue;
        if ((p->high - f->counter >= p->apart && !stream(l, c)) ||
            f->sent_ns + wait <= l->now_ns) {
            /* A probe for a larger size is meant to get lost. */
            if (f->bytes <= p->frame) {
                newest = f->sent_ns;
                measure(p, 1);
                p->lost_n++;
                f->lost = !stream(l, c);
                lost += f->sent_ns > p->undo_after_ns;
                anew += f->sent_ns > p->recovery_ns;
            }
            ol_size_lost(l, c, f);
            close_flight(l, c, f, true);
        } else {
            p->loss_ns = OL_MIN(p->loss_ns, f->sent_ns + wait);
        }
    }
    if (newest != 0 && !stream(l, c))
        congested(l, c, newest, flew);
    p->undo_lost += anew > 0 ? anew : lost;
}

static bool in_ranges(const struct ol_ack *ack, uint32_t counter)
{
    for (unsigned i = 0; i < ack->count; i++)
        if (counter >= ack->v[i].lo)
            return counter <= ack->v[i].hi;
    return false;
}

void ol_path_acked(struct ol_line *l, unsigned c, const struct ol_ack *ack,
                   unsigned on)
{
    struct ol_path *p = &l->ch[c].path;
    struct ol_epoch *e = ol_epoch_sending(l);
    uint64_t newest = 0;

    /* An ack for what was never sent is a lie: drop it whole. */
    if (ack->high >= e->ch[c].counter)
        return;
    for (uint32_t i = p->head; i != p->tail; i++) {
        struct ol_flight *f = at(p, i);
        if (f->counter > ack->high)
            break;
        if (!(f->open || f->lost) || !in_ranges(ack, f->counter))
            continue;
        if (f->lost) {
            spurious(p, f, OL_MAX(p->high, ack->high));
            continue;
        }
        if (f->counter == ack->high) {
            uint64_t rtt = OL_MAX(l->now_ns - f->sent_ns, 1);
            uint64_t late = OL_MIN(ack->delay_100us * 100 * OL_NS_PER_US,
                                   ACK_DELAY_NS);
            /* In a least round trip that is old already the peer's wait for a
             * second frame would stay. */
            ol_rate_rtt(&p->rate, f, rtt > late ? rtt - late : rtt, on != c,
                        l->now_ns);
            rtt_sample(p, rtt, late);
            if (f->ref != OL_NO_REF && l->ref[f->ref].prec < OL_PRECS)
                turn_sample(p, rtt);
        }
        newest = OL_MAX(newest, f->sent_ns);
        measure(p, 0);
        p->acked_n++;
        ol_rate_acked(&p->rate, f, l->now_ns);
        close_flight(l, c, f, false);
        ol_size_acked(l, c, f);
        grow(l, c, f);
    }
    if (newest == 0)
        return;
    ol_rate_done(p, l->now_ns);
    if (!p->high_any || ack->high > p->high) {
        p->high = ack->high;
        p->high_any = true;
    }
    p->pto_count = 0;
    detect_lost(l, c);
    trim(l, p);
    arm_pto(l, p);
    ol_probe_answered(l, c, newest);
}

bool ol_path_echoed(struct ol_line *l, unsigned c, const struct ol_probe *echo)
{
    struct ol_path *p = &l->ch[c].path;

    for (uint32_t i = p->head; i != p->tail; i++) {
        const struct ol_flight *f = at(p, i);
        if (f->open && (f->flags & OL_FLIGHT_PROBE) &&
            f->probe_id == echo->id) {
            struct ol_ack one = {.high = f->counter,
                                 .delay_100us = echo->delay_100us,
                                 .count = 1,
                                 .v = {{.hi = f->counter, .lo = f->counter}}};
            ol_path_acked(l, c, &one, c);
            return true;
        }
    }
    return false;
}

/* A record has just gone there, and asks for an ack as a probe would. */
static bool asks(const struct ol_line *l, const struct ol_lchan *ch)
{
    const struct ol_path *p = &ch->path;
    const struct ol_flight *f = &p->flight[(p->tail - 1) % OL_INFLIGHT_MAX];

    return ch->state == OL_CHAN_UP && p->pto_count == 1 && p->tail != p->head &&
           f->ref != OL_NO_REF && f->sent_ns + p->srtt_ns > l->now_ns;
}

/* RFC 9002 6.2: an expired probe timeout declares nothing lost; it asks, and
 * owes what is urgent in flight to whichever channel is faster. The rest waits
 * for a loss or, if nothing tells of one, for the second timeout in a row: as
 * long as a persistent congestion takes (7.6.1), or doubt (probe.c). */
static void expired(struct ol_line *l, unsigned c)
{
    struct ol_path *p = &l->ch[c].path;
    struct ol_lchan *ch = &l->ch[c];

    p->pto_count++;
    arm_pto(l, p);
    owe_open(l, c, p->pto_count == 1 ? PTO_FRAMES : OL_INFLIGHT_MAX);
    if (asks(l, ch))
        ch->probe_next_ns = OL_MAX(ch->probe_next_ns, p->pto_ns);
    else if (ch->probe_next_ns > l->now_ns && p->pto_count <= 3)
        ch->probe_next_ns = l->now_ns;
    /* Long silence: what lies here will not be acked; the ring must not
     * fill with it. */
    if (p->pto_count > PTO_BACKOFF_MAX && !stream(l, c))
        ol_path_drop(l, c);
}

void ol_path_pump(struct ol_line *l, unsigned c)
{
    struct ol_path *p = &l->ch[c].path;

    if (l->now_ns >= p->loss_ns) {
        detect_lost(l, c);
        trim(l, p);
    }
    if (l->now_ns >= p->pto_ns) {
        if (p->open > 0)
            expired(l, c);
        else
            p->pto_ns = OL_NEVER_NS;
    }
    ol_wake(l, p->loss_ns);
    ol_wake(l, p->pto_ns);
}

static bool waits_for_pace(struct ol_line *l, const struct ol_path *p)
{
    if (p->pace_ns > l->now_ns)
        ol_wake(l, p->pace_ns);
    return p->pace_ns > l->now_ns;
}

size_t ol_path_budget(struct ol_line *l, unsigned c)
{
    struct ol_path *p = &l->ch[c].path;
    struct ol_lchan *ch = &l->ch[c];
    uint32_t window = ol_path_window(p, l->now_ns);

    if (p->tail - p->head >= OL_INFLIGHT_MAX - CONTROL_ROOM ||
        !ol_path_ref_left(l))
        return 0;
    if (!ol_chan_room(ch, ch->conf.mtu))
        return 0;
    /* One frame is always allowed, so that nothing starves. */
    if (p->bytes >= window && p->bytes > 0)
        return 0;
    if (!stream(l, c) && waits_for_pace(l, p))
        return 0;
    return p->bytes >= window ? ch->conf.mtu : window - p->bytes;
}

size_t ol_path_bulk_budget(struct ol_line *l, unsigned c)
{
    struct ol_path *p = &l->ch[c].path;
    size_t budget;

    if (p->tail - p->head >= OL_INFLIGHT_MAX - BULK_ROOM ||
        l->refs_used >= OL_REFS / 2 ||
        !ol_chan_room(&l->ch[c], l->ch[c].conf.mtu + OL_RECORD_MAX))
        return 0;
    /* Nobody is woken for a pace that the window would not let go. */
    budget = ol_path_budget(l, c);
    return budget > 0 && waits_for_pace(l, p) ? 0 : budget;
}

void ol_path_bulk_paced(struct ol_line *l, unsigned c, size_t bytes)
{
    struct ol_path *p = &l->ch[c].path;
    uint64_t rate = l->ch[c].conf.rate_bps / 8;
    uint64_t gap, burst;

    if (rate > 0) /* heads of IPv4 and UDP count where they weigh */
        gap = (bytes + (p->slow_ns > 0 ? 28 : 0)) * OL_NS_PER_S / rate;
    /* A stream's round trip holds what its kernels and a busy peer take, and
     * the window is no rate: this one was measured. */
    else if (stream(l, c) && p->rate.full && p->rate.best > 0)
        gap = bytes * OL_NS_PER_S / p->rate.best * 4 / 5;
    else if (p->srtt_ns > 0) /* 1.25 windows a round trip: 7.7 */
        gap = bytes * p->srtt_ns / ol_path_window(p, l->now_ns) * 4 / 5;
    else
        gap = bytes * INITIAL_RTT_NS / p->cwnd;
    /* Two in slow start, or the window could not double. */
    if (!p->rate.full && p->cwnd < p->ssthresh && rate == 0)
        gap = gap * 5 / 8;
    /* A burst may go at once after a pause; where the rate is declared only
     * what a late timer owes of a fast one: the queue of a radio is short. */
    burst = OL_MAX(BURST_FRAMES * gap, BURST_NS);
    if (rate > 0)
        burst = gap <= BURST_NS / 4 ? BURST_NS : 0;
    if (stream(l, c)) /* few frames are all that may be under way at first */
        burst = OL_MAX(gap, BURST_NS);
    if (p->pace_ns + burst < l->now_ns)
        p->pace_ns = l->now_ns - OL_MIN(burst, l->now_ns);
    p->pace_ns += gap;
}

void ol_path_paced(struct ol_line *l, unsigned c, size_t bytes)
{
    if (!stream(l, c))
        ol_path_bulk_paced(l, c, bytes);
}

/* Something waits and may not go now: then what goes tells the rate. */
void ol_path_idle(struct ol_line *l, unsigned c, bool waits)
{
    struct ol_path *p = &l->ch[c].path;

    if (p->bytes + ol_size_frame(l, c) <= ol_path_window(p, l->now_ns) &&
        ol_chan_room(&l->ch[c], l->ch[c].conf.mtu) &&
        (!waits || p->pace_ns <= l->now_ns))
        ol_rate_limited(p);
}
