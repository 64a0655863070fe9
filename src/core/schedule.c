/*
 * The schedule: which bytes go on which channel, and the frames themselves.
 *
 * In: find the epoch and channel by index, open, check the replay window,
 * only then believe anything (the channel is heard, chunks are taken).
 * Out, per step: echoes, acks, HELD and views first, because they are small
 * and others wait for them; then FLASH copies on every usable channel and
 * IMMEDIATE on two; then what is owed, by precedence, on the channel that
 * completes it first, with one frame in twenty for what waits below the top.
 * A channel in doubt gets copies, not originals, while another is up.
 * Source: doc/protocol.md 4, 5, 8.
 */
#include "core/line_int.h"

#include <string.h>

#define HELD_GAP_NS (5 * OL_NS_PER_MS)
#define SHARE 20u /* one frame in so many is for lower precedences */

/* ---- in ----------------------------------------------------------------- */

static void want_ack(struct ol_line *l, struct ol_epoch_chan *ec, bool newest)
{
    if (newest)
        ec->high_ns = l->now_ns;
    ec->owed_acks++;
    if (ec->owed_acks >= OL_ACK_EVERY)
        ec->ack_due_ns = l->now_ns;
    else
        ec->ack_due_ns = OL_MIN(ec->ack_due_ns,
                                l->now_ns + OL_ACK_DELAY_MS * OL_NS_PER_MS);
}

static enum ol_err opened(struct ol_line *l, const struct ol_event *ev,
                          unsigned c, struct ol_epoch *e, uint32_t counter)
{
    struct ol_epoch_chan *ec = &e->ch[c];
    struct ol_lchan *ch = &l->ch[c];
    struct ol_where at = {.c = (uint16_t)c, .from = &ev->from, .epoch = e};
    bool asks = false, newest = !ec->seen.any || counter > ec->seen.high;
    enum ol_err err;

    ol_window_mark(&ec->seen, counter);
    ch->frames_received++;
    ch->bytes_received += ev->bytes.n;
    if (e->state == OL_EP_UNCONFIRMED)
        ol_epoch_confirm(l, e);
    at.current = e == ol_epoch_sending(l);
    ol_probe_heard(l, c, &ev->from);
    err = ol_chunks_take(l, OL_SPAN(l->plain, ev->bytes.n - OL_FRAME_OVER),
                         OL_IN_FRAME, &at, &asks);
    if (asks)
        want_ack(l, ec, newest);
    return err;
}

enum ol_err ol_frame_packet(struct ol_line *l, const struct ol_event *ev)
{
    struct ol_frame_head head;
    uint8_t ep[4], cs[4];
    enum ol_err err = ol_frame_decode(ev->bytes, &head);
    unsigned n;

    if (err != OL_OK)
        return err;
    n = ol_epoch_find(l, head.index, ep, cs);
    err = OL_ERR_STRANGER;
    for (unsigned i = 0; i < n; i++) {
        struct ol_epoch *e = &l->epoch[ep[i]];
        struct ol_epoch_chan *ec = &e->ch[cs[i]];
        if (l->ch[cs[i]].disabled ||
            (ev->channel != OL_CHANNEL_ANY && ev->channel != cs[i])) {
            err = OL_ERR_DENIED;
            continue;
        }
        if (!ol_window_fresh(&ec->seen, head.counter)) {
            l->ch[cs[i]].dropped++;
            err = OL_ERR_REPLAY;
            continue;
        }
        err = ol_frame_open(l->plain, &ec->rx, head.counter,
                            OL_SPAN(ev->bytes.p, OL_FRAME_HEAD),
                            OL_SPAN(ev->bytes.p + OL_FRAME_HEAD,
                                    ev->bytes.n - OL_FRAME_HEAD));
        if (err == OL_OK)
            return opened(l, ev, cs[i], e, head.counter);
        l->ch[cs[i]].dropped++;
    }
    return err;
}

/* ---- one frame out ------------------------------------------------------ */

struct frame {
    unsigned c;
    const struct ol_addr *to;
    struct ol_writer w; /* the plaintext, in the arena */
    bool asks;          /* wants an ack: it becomes a flight */
    uint8_t flags, held_logs, cp_logs;
    uint32_t held_serial;
    unsigned n_refs;
    struct {
        uint8_t prec;
        uint32_t index;
        uint64_t mask;
    } refs[OL_FRAME_REFS];
};

static const struct ol_addr *addr_of(const struct ol_lchan *ch)
{
    static const struct ol_addr own;

    return ch->has_addr ? &ch->addr : &own;
}

static bool begin(struct ol_line *l, struct frame *f, unsigned c,
                  const struct ol_addr *to)
{
    size_t most = OL_MIN(l->ch[c].conf.mtu, l->frame_max);
    struct ol_epoch *e = ol_epoch_sending(l);

    if (e == NULL || !ol_fx_room(l, 1, OL_FRAME_MAX) ||
        !ol_path_room(&l->ch[c].path) ||
        e->ch[c].counter == OL_EPOCH_FRAMES)
        return false;
    memset(f, 0, offsetof(struct frame, refs));
    f->c = c;
    f->to = to != NULL ? to : addr_of(&l->ch[c]);
    ol_writer_init(&f->w, l->arena + l->arena_n + OL_FRAME_HEAD,
                   most - OL_FRAME_OVER);
    return true;
}

static void finish(struct ol_line *l, struct frame *f)
{
    struct ol_lchan *ch = &l->ch[f->c];
    struct ol_epoch *e = ol_epoch_sending(l);
    struct ol_epoch_chan *ec = &e->ch[f->c];
    struct ol_frame_head head = {ec->tx.index, ec->counter};
    size_t n = f->w.n + OL_FRAME_OVER;
    struct ol_writer hw;
    struct ol_send *s;
    uint8_t *out;

    if (f->w.n == 0)
        return;
    out = ol_fx_bytes(l, n);
    ol_writer_init(&hw, out, OL_FRAME_HEAD);
    ol_frame_encode(&hw, &head);
    ol_frame_seal(&ec->tx, ec->counter, OL_SPAN(out, OL_FRAME_HEAD),
                  out + OL_FRAME_HEAD, f->w.n);
    if (f->asks) {
        struct ol_flight *fl = ol_path_sent(l, f->c, ec->counter, n);
        fl->flags = f->flags;
        fl->held_logs = f->held_logs;
        fl->cp_logs = f->cp_logs;
        fl->held_serial = f->held_serial;
        for (unsigned i = 0; i < f->n_refs; i++)
            OL_CHECK(ol_path_ref(l, fl, f->refs[i].prec, f->refs[i].index,
                                 f->refs[i].mask));
    }
    ec->counter++;
    ch->frames_sent++;
    ch->bytes_sent += n;
    ch->spent += (uint32_t)n;
    s = &ol_fx_add(l, OL_FX_SEND)->send;
    s->channel = (uint16_t)f->c;
    s->to = *f->to;
    s->bytes = OL_SPAN(out, n);
}

/* ---- control chunks ----------------------------------------------------- */

static void add_ack(struct ol_line *l, struct frame *f,
                    struct ol_epoch_chan *e)
{
    struct ol_ack a = {.index = e->rx.index, .high = e->seen.high};
    uint64_t late = (l->now_ns - e->high_ns) / (100 * OL_NS_PER_US);
    uint32_t from = e->seen.high, hi, lo;

    a.delay_100us = (uint16_t)OL_MIN(late, UINT16_MAX);
    while (a.count < OL_ACK_RANGES &&
           ol_window_run(&e->seen, from, &hi, &lo)) {
        /* Run and gap are 16 bits on the wire; the window is far below. */
        a.v[a.count].hi = hi;
        a.v[a.count++].lo = lo;
        if (lo == 0)
            break;
        from = lo - 1;
    }
    if (!ol_ack_encode(&f->w, &a))
        return;
    e->owed_acks = 0;
    e->ack_due_ns = OL_NEVER_NS;
}

/* Acks of channel c are told on c; when c's return is dead, on the best. */
static bool ack_here(const struct ol_line *l, unsigned c, unsigned on)
{
    int best = ol_chan_best(l);

    if (ol_chan_usable(&l->ch[c]) || best < 0)
        return c == on;
    return (int)on == best;
}

static void add_acks(struct ol_line *l, struct frame *f)
{
    for (unsigned i = 0; i < OL_EPOCHS_MAX; i++) {
        struct ol_epoch *e = &l->epoch[i];
        if (e->state == OL_EP_FREE)
            continue;
        for (unsigned c = 0; c < l->n_ch; c++)
            if (e->ch[c].owed_acks > 0 && ack_here(l, c, f->c))
                add_ack(l, f, &e->ch[c]);
    }
}

static uint8_t dirty_logs(const struct ol_line *l)
{
    uint8_t logs = 0;

    for (unsigned p = 0; p < OL_PRECS; p++)
        if (l->in[p].dirty)
            logs |= (uint8_t)(1u << p);
    return logs;
}

/* How soon another HELD may follow on a channel: each says all that the one
 * before said, so a few in a round trip are enough; one, when it is full. */
static uint64_t held_gap(const struct ol_path *p)
{
    uint64_t gap = p->bytes >= p->cwnd ? p->srtt_ns : p->srtt_ns / 8;

    return OL_MAX(gap, HELD_GAP_NS);
}

static void add_held(struct ol_line *l, struct frame *f, bool keep)
{
    uint8_t logs = dirty_logs(l);
    size_t before = f->w.n;
    struct ol_held h;

    if (logs == 0)
        return;
    ol_recv_holding(l, logs, &h);
    /* Without its last ranges it is still true; not begun, it is not said. */
    if (!ol_held_encode(&f->w, &h) && f->w.n == before)
        return;
    f->asks = true;
    f->flags |= OL_FLIGHT_HELD;
    f->held_logs = logs;
    f->held_serial = h.serial;
    for (unsigned p = 0; p < OL_PRECS; p++)
        if (logs & (1u << p))
            l->in[p].told = h.serial;
    l->ch[f->c].held_ns = l->now_ns + held_gap(&l->ch[f->c].path);
    if (keep)
        return;
    for (unsigned p = 0; p < OL_PRECS; p++)
        l->in[p].dirty = l->in[p].urgent = false;
}

static void add_view(struct ol_line *l, struct frame *f)
{
    struct ol_view v;

    l->view_serial++;
    ol_probe_view(l, &v);
    if (ol_view_encode(&f->w, &v))
        l->view_dirty = l->view_dirty && !ol_chan_usable(&l->ch[f->c]);
}

static void add_checkpoints(struct ol_line *l, struct frame *f)
{
    for (unsigned p = 0; p < OL_PRECS; p++) {
        struct ol_out_log *o = &l->out[p];
        if (!o->cp_dirty || o->cp_durable != o->cp.size ||
            !ol_checkpoint_encode(&f->w, OL_CHUNK_CHECKPOINT, &o->cp))
            continue;
        o->cp_dirty = false;
        f->asks = true;
        f->flags |= OL_FLIGHT_CP;
        f->cp_logs |= (uint8_t)(1u << p);
    }
}

void ol_schedule_probe(struct ol_line *l, unsigned c, const struct ol_addr *to,
                       uint32_t id)
{
    struct ol_probe p = {.id = id, .sent_us = l->now_ns / OL_NS_PER_US};
    struct frame f;

    if (!begin(l, &f, c, to))
        return;
    (void)ol_probe_encode(&f.w, &p);
    f.asks = true;
    add_acks(l, &f);
    add_held(l, &f, true);
    add_view(l, &f);
    finish(l, &f);
}

static void echo(struct ol_line *l, unsigned c)
{
    struct ol_lchan *ch = &l->ch[c];
    struct ol_probe p = ch->echo;
    struct frame f;

    if (!ch->echo_due || !begin(l, &f, c, &ch->echo_to))
        return;
    ch->echo_due = false;
    p.delay_us = (uint32_t)((l->now_ns - ch->echo_heard_ns) / OL_NS_PER_US);
    (void)ol_echo_encode(&f.w, &p);
    f.asks = true;
    add_acks(l, &f);
    add_held(l, &f, true);
    add_view(l, &f);
    finish(l, &f);
}

static uint64_t ack_due(const struct ol_line *l, unsigned on)
{
    uint64_t due = OL_NEVER_NS;

    for (unsigned i = 0; i < OL_EPOCHS_MAX; i++) {
        const struct ol_epoch *e = &l->epoch[i];
        if (e->state == OL_EP_FREE)
            continue;
        for (unsigned c = 0; c < l->n_ch; c++)
            if (e->ch[c].owed_acks > 0 && ack_here(l, c, on))
                due = OL_MIN(due, e->ch[c].ack_due_ns);
    }
    return due;
}

static bool urgent(const struct ol_line *l)
{
    return l->in[OL_FLASH].urgent;
}

/* A frame of small things on one channel, when one of them is due there. */
static void control(struct ol_line *l, unsigned c, bool best, bool all)
{
    uint64_t due = ack_due(l, c);
    bool acks = l->now_ns >= due;
    bool held = dirty_logs(l) != 0 && (best || all) &&
                (urgent(l) || l->now_ns >= l->ch[c].held_ns);
    bool view = l->view_dirty && best;
    struct frame f;

    if (!acks)
        ol_wake(l, due);
    if (dirty_logs(l) != 0 && best && !held)
        ol_wake(l, l->ch[c].held_ns);
    if (!(acks || held || view) || !begin(l, &f, c, NULL))
        return;
    add_acks(l, &f);
    if (held)
        add_held(l, &f, all && !best);
    if (view)
        add_view(l, &f);
    finish(l, &f);
}

/* ---- data --------------------------------------------------------------- */

/* As much as fits of a record's `want` units from the lowest on: one segment.
 * false: nothing fitted. */
static bool add_segment(struct ol_line *l, struct frame *f, unsigned prec,
                        struct ol_out_slot *s, uint64_t *want)
{
    struct ol_segment g = {.prec = (uint8_t)prec,
                           .codec = OL_CODEC_RAW,
                           .index = s->index};
    size_t room = f->w.cap - f->w.n, n;
    unsigned first = (unsigned)__builtin_ctzll(*want), units = 0;
    uint8_t bytes[OL_RECORD_MAX];
    uint64_t mask = 0;

    if (f->n_refs == OL_FRAME_REFS ||
        room < OL_CHUNK_HEAD + OL_SEGMENT_HEAD + 1)
        return false;
    room -= OL_CHUNK_HEAD + OL_SEGMENT_HEAD;
    g.offset = (uint16_t)(first * OL_UNIT);
    while (first + units < 64 && (*want >> (first + units) & 1)) {
        size_t end = OL_MIN((first + units + 1) * OL_UNIT, s->size);
        if (end - g.offset > room)
            break;
        mask |= UINT64_C(1) << (first + units++);
    }
    if (units == 0)
        return false;
    n = OL_MIN((first + units) * OL_UNIT, s->size) - g.offset;
    g.last = g.offset + n == s->size;
    ol_pool_read(&l->out_pool, s->block, g.offset, bytes, n);
    g.bytes = OL_SPAN(bytes, n);
    if (!ol_segment_encode(&f->w, &g))
        return false;
    f->refs[f->n_refs].prec = (uint8_t)prec;
    f->refs[f->n_refs].index = s->index;
    f->refs[f->n_refs++].mask = mask;
    f->asks = true;
    *want &= ~mask;
    ol_send_went(l, prec, s, mask, f->c);
    return true;
}

static void segment_began(struct ol_line *l)
{
    struct ol_epoch *e = ol_epoch_sending(l);

    if (e->segment_ns == 0)
        e->segment_ns = l->now_ns;
}

/* A whole record on one channel, whatever else is in flight there. */
static bool copy(struct ol_line *l, unsigned c, unsigned prec,
                 struct ol_out_slot *s)
{
    uint64_t want = ol_units_of(s->size) & ~s->held;
    struct ol_lchan *ch = &l->ch[c];
    struct frame f;

    if (!ol_chan_room(ch, s->size + OL_FRAME_MAX))
        return false;
    while (want != 0) {
        if (!ol_path_ref_left(l) || !begin(l, &f, c, NULL))
            return false;
        if (!add_segment(l, &f, prec, s, &want))
            return false;
        segment_began(l);
        ol_path_paced(l, c, f.w.n + OL_FRAME_OVER);
        finish(l, &f);
    }
    if (!(s->copies_on & (1u << c))) {
        s->copies_on |= (uint16_t)(1u << c);
        ol_fx_sent(l, (uint16_t)c, (uint8_t)prec, s->index);
    }
    return true;
}

struct order {
    unsigned n;
    uint8_t c[OL_CHANNELS_MAX];
    uint64_t cost_ns[OL_CHANNELS_MAX];
};

/* Usable channels, the one that completes first in front; those in doubt
 * only while no other is up. */
static void rank(const struct ol_line *l, struct order *o)
{
    bool sound = false;

    o->n = 0;
    for (unsigned c = 0; c < l->n_ch; c++)
        sound |= ol_chan_usable(&l->ch[c]) && l->ch[c].state == OL_CHAN_UP &&
                 l->ch[c].path.pto_count == 0;
    for (unsigned c = 0; c < l->n_ch; c++) {
        const struct ol_lchan *ch = &l->ch[c];
        uint64_t cost = ch->path.srtt_ns;
        unsigned i;
        /* A stream that takes nothing now may be dead in its kernel. */
        if (!ol_chan_room(ch, ch->conf.mtu))
            cost += OL_NS_PER_S;
        if (!ol_chan_usable(ch) ||
            (sound && (ch->state != OL_CHAN_UP || ch->path.pto_count > 0)))
            continue;
        for (i = o->n++; i > 0 && o->cost_ns[i - 1] > cost; i--) {
            o->c[i] = o->c[i - 1];
            o->cost_ns[i] = o->cost_ns[i - 1];
        }
        o->c[i] = (uint8_t)c;
        o->cost_ns[i] = cost;
    }
}

/* FLASH on every usable channel, IMMEDIATE on the first two. */
static void copies(struct ol_line *l, const struct order *o, unsigned prec)
{
    struct ol_out_log *log = &l->out[prec];
    uint32_t last = OL_MIN(OL_MIN(log->loaded, log->limit), log->durable);

    if (log->stopped)
        return;
    for (uint32_t i = log->acked + 1; i <= last; i++) {
        struct ol_out_slot *s = ol_out_slot(l, prec, i);
        if (s->index != i)
            continue;
        for (unsigned c = 0; prec == OL_FLASH && c < l->n_ch; c++)
            if (ol_chan_usable(&l->ch[c]) && !(s->copies_on & (1u << c)))
                (void)copy(l, c, prec, s);
        for (unsigned k = 0; prec == OL_IMMEDIATE && k < OL_MIN(o->n, 2); k++)
            if (!(s->copies_on & (1u << o->c[k])))
                (void)copy(l, o->c[k], prec, s);
    }
}

/* The record that goes next: by precedence, with a share for what waits. */
static struct ol_out_slot *next_record(struct ol_line *l, unsigned *prec)
{
    struct ol_out_slot *s;
    unsigned skip = ++l->turn % SHARE == 0;

    for (unsigned round = 0; round < 2; round++) {
        unsigned passed = 0;
        for (unsigned p = 0; p < OL_PRECS; p++) {
            s = ol_send_next(l, p);
            if (s == NULL || passed++ < skip)
                continue;
            *prec = p;
            return s;
        }
        skip = 0;
    }
    return NULL;
}

/* One data frame on c; false: nothing is owed, or nothing can go. */
static bool data_frame(struct ol_line *l, unsigned c, size_t *budget)
{
    struct ol_out_slot *s;
    struct frame f;
    unsigned prec;

    if (*budget == 0 || (s = next_record(l, &prec)) == NULL ||
        !begin(l, &f, c, NULL))
        return false;
    add_acks(l, &f);
    while (s != NULL) {
        uint64_t want = s->owed;
        if (!add_segment(l, &f, prec, s, &want))
            break;
        l->turn--;
        s = next_record(l, &prec);
    }
    if (f.n_refs == 0) {
        finish(l, &f); /* the acks, which are no longer owed */
        return false;
    }
    add_checkpoints(l, &f);
    segment_began(l);
    ol_path_paced(l, c, f.w.n + OL_FRAME_OVER);
    *budget -= OL_MIN(*budget, f.w.n + OL_FRAME_OVER);
    finish(l, &f);
    return true;
}

static uint64_t backlog_bytes(const struct ol_line *l)
{
    uint64_t n = 0;

    for (unsigned p = 0; p < OL_PRECS; p++)
        n += (uint64_t)l->out[p].owing * 256;
    return n;
}

static void data(struct ol_line *l, const struct order *o)
{
    copies(l, o, OL_FLASH);
    copies(l, o, OL_IMMEDIATE);
    for (unsigned k = 0; k < o->n; k++) {
        unsigned c = o->c[k];
        const struct ol_path *first = &l->ch[o->c[0]].path;
        size_t budget;
        /* A slower channel helps only if waiting for the first takes longer
         * than its own round trip. */
        if (k > 0 && o->cost_ns[0] + backlog_bytes(l) * first->srtt_ns /
                                         first->cwnd <
                         o->cost_ns[k])
            break;
        for (;;) {
            budget = ol_path_budget(l, c);
            if (!data_frame(l, c, &budget))
                break;
        }
    }
}

/* Checkpoints that no data frame took along. */
static void checkpoints(struct ol_line *l, unsigned c)
{
    struct frame f;
    bool any = false;

    for (unsigned p = 0; p < OL_PRECS; p++)
        any |= l->out[p].cp_dirty && l->out[p].cp_durable == l->out[p].cp.size;
    if (!any || !begin(l, &f, c, NULL))
        return;
    add_checkpoints(l, &f);
    finish(l, &f);
}

void ol_schedule_pump(struct ol_line *l)
{
    struct ol_epoch *e = ol_epoch_sending(l);
    struct order o;
    int best;
    bool all;

    if (e == NULL)
        return;
    for (unsigned c = 0; c < l->n_ch; c++)
        if (ol_chan_reachable(&l->ch[c]) || l->ch[c].echo_due)
            echo(l, c);
    best = ol_chan_best(l);
    all = urgent(l);
    for (unsigned c = 0; c < l->n_ch; c++)
        if ((int)c != best && l->ch[c].conf.kind != OL_CHAN_POUCH &&
            ol_chan_reachable(&l->ch[c]))
            control(l, c, false,
                    (all || c == l->data_ch) && ol_chan_usable(&l->ch[c]));
    if (best >= 0)
        control(l, (unsigned)best, true, all);
    if (!e->held_seen || best < 0)
        return;
    rank(l, &o);
    data(l, &o);
    checkpoints(l, (unsigned)best);
}
