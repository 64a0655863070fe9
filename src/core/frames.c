/*
 * Frames: in, out, and the small chunks that ride in them.
 *
 * In: find the epoch and channel by index, open, check the replay window, and
 * only then believe anything: the channel is heard, chunks are taken.
 * Out: begin a frame in the arena, add chunks while they fit, finish: it is
 * sealed under the next counter and, if it asks for an ack, becomes a flight.
 * A frame that is begun and gets nothing costs nothing.
 */
#include "core/address.h"
#include "core/brief.h"
#include "core/pack.h"
#include "core/size.h"

#include <string.h>

#define HELD_GAP_NS (5 * OL_NS_PER_MS)
#define ALONG_NS (250 * OL_NS_PER_MS) /* with a record it goes so early */

/* ---- in ----------------------------------------------------------------- */

static void want_ack(struct ol_line *l, unsigned c, struct ol_epoch_chan *ec,
                     bool newest)
{
    bool narrow = ol_chan_narrow(&l->ch[c]);
    uint64_t delay = narrow ? OL_ACK_NARROW_MS : OL_ACK_DELAY_MS;

    if (newest)
        ec->high_ns = l->now_ns;
    ec->owed_acks++;
    if (ec->owed_acks >= OL_ACK_EVERY && !narrow)
        ec->ack_due_ns = l->now_ns;
    else
        ec->ack_due_ns = OL_MIN(ec->ack_due_ns,
                                l->now_ns + delay * OL_NS_PER_MS);
}

static enum ol_err opened(struct ol_line *l, const struct ol_event *ev,
                          unsigned c, struct ol_epoch *e, uint32_t counter)
{
    struct ol_epoch_chan *ec = &e->ch[c];
    struct ol_lchan *ch = &l->ch[c];
    struct ol_where at = {.c = (uint16_t)c, .from = &ev->from, .epoch = e};
    bool newest = !ec->seen.any || counter > ec->seen.high;
    bool asks = false, first = false;
    enum ol_err err;

    ol_window_mark(&ec->seen, counter);
    ch->frames_received++;
    ch->bytes_received += ev->bytes.n;
    if (e->state == OL_EP_UNCONFIRMED) {
        ol_epoch_confirm(l, e);
        first = true;
    }
    ol_hand_heard(l, e);
    at.current = e == ol_epoch_sending(l);
    ol_probe_heard(l, c, &ev->from, ev->bytes.n);
    if (first)
        ol_hand_proved(l, e, c, &ev->from);
    err = ol_chunks_take(l, OL_SPAN(l->plain, ev->bytes.n - OL_FRAME_OVER),
                         OL_IN_FRAME, &at, &asks);
    if (asks)
        want_ack(l, c, ec, newest);
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

bool ol_frame_begin(struct ol_line *l, struct ol_out_frame *f, unsigned c,
                  const struct ol_addr *to)
{
    size_t most = ol_size_frame(l, c);
    struct ol_epoch *e = ol_epoch_sending(l);

    /* A whole window could go in one step to who has proved nothing. */
    if (to == NULL && !ol_addr_open(&l->ch[c]))
        return false;
    if (e == NULL || !ol_fx_room(l, 1, OL_FRAME_MAX) ||
        !ol_path_room(&l->ch[c].path) ||
        e->ch[c].counter == OL_EPOCH_FRAMES)
        return false;
    memset(f, 0, offsetof(struct ol_out_frame, refs));
    f->c = c;
    f->to = to != NULL ? to : ol_addr_of(&l->ch[c]);
    ol_writer_init(&f->w, l->arena + l->arena_n + OL_FRAME_HEAD,
                   most - OL_FRAME_OVER);
    return true;
}

void ol_frame_pad(const struct ol_line *l, struct ol_out_frame *f,
                  uint32_t size)
{
    size = OL_MIN(size, OL_MIN(l->ch[f->c].conf.mtu, l->frame_max));
    if (size < OL_FRAME_OVER + f->w.n)
        return;
    memset(f->w.p + f->w.n, 0, size - OL_FRAME_OVER - f->w.n);
    f->w.n = size - OL_FRAME_OVER;
}

void ol_frame_finish(struct ol_line *l, struct ol_out_frame *f)
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
    if (f->packed) {
        n = OL_MIN((n + OL_NARROW_PAD - 1) / OL_NARROW_PAD * OL_NARROW_PAD,
                   f->w.cap + OL_FRAME_OVER);
        ol_frame_pad(l, f, (uint32_t)n);
    }
    out = ol_fx_bytes(l, n);
    ol_writer_init(&hw, out, OL_FRAME_HEAD);
    ol_frame_encode(&hw, &head);
    ol_frame_seal(&ec->tx, ec->counter, OL_SPAN(out, OL_FRAME_HEAD),
                  out + OL_FRAME_HEAD, f->w.n);
    if (f->asks) {
        struct ol_flight *fl = ol_path_sent(l, f->c, ec->counter, n);
        fl->flags |= f->flags;
        fl->held_logs = f->held_logs;
        fl->cp_logs = f->cp_logs;
        fl->held_serial = f->held_serial;
        if (f->flags & OL_FLIGHT_PROBE)
            fl->probe_id = f->probe_id;
        else
            fl->want_serial = f->want_serial;
        fl->view_serial = l->view_serial;
        for (unsigned i = 0; i < f->n_refs; i++)
            OL_CHECK(ol_path_ref(l, fl, &f->refs[i]));
    }
    ec->counter++;
    ch->frames_sent++;
    ch->bytes_sent += n;
    ch->spent += (uint32_t)n;
    ol_addr_spend(ch, f->to, n);
    s = &ol_fx_add(l, OL_FX_SEND)->send;
    s->channel = (uint16_t)f->c;
    s->to = *f->to;
    s->bytes = OL_SPAN(out, n);
}

/* ---- control chunks ----------------------------------------------------- */

void ol_frame_ack_said(struct ol_epoch_chan *ec)
{
    ec->owed_acks = 0;
    ec->owed_logs = 0;
    ec->ack_due_ns = OL_NEVER_NS;
}

/* Of a log that a record came of since, another word follows anyhow. */
void ol_frame_unsure(struct ol_line *l, struct ol_epoch_chan *ec)
{
    uint8_t logs = ec->brief_logs & (uint8_t)~ec->owed_logs;

    ec->brief_logs = 0;
    if (l->now_ns >= ec->brief_ns)
        return;
    for (unsigned p = 0; p < OL_PRECS; p++)
        if (logs >> p & 1) {
            l->in[p].dirty = true;
            ol_wake(l, l->now_ns);
        }
}

bool ol_frame_add_ack(struct ol_line *l, struct ol_out_frame *f,
                      struct ol_epoch_chan *e)
{
    struct ol_ack a = {.index = e->rx.index, .high = e->seen.high};
    uint64_t late = (l->now_ns - e->high_ns) / (100 * OL_NS_PER_US);
    uint32_t from = e->seen.high, named = 0, hi, lo;

    a.delay_100us = (uint16_t)OL_MIN(late, UINT16_MAX);
    /* Of frames that came together each may be a run of its own. */
    while ((a.count < OL_ACK_SAID || named < e->owed_acks) &&
           a.count < OL_ACK_RANGES &&
           ol_window_run(&e->seen, from, &hi, &lo)) {
        named += hi - lo + 1;
        /* Run and gap are 16 bits on the wire; the window is far below. */
        a.v[a.count].hi = hi;
        a.v[a.count++].lo = lo;
        if (lo == 0)
            break;
        from = lo - 1;
    }
    if (!ol_ack_encode(&f->w, &a))
        return false;
    ol_frame_unsure(l, e);
    ol_frame_ack_said(e);
    return true;
}

/* Acks of channel c are told on c; when c's return is dead, on the best. An
 * answer that is late may mean that, and is no reason to be late ourselves. */
bool ol_frame_ack_here(const struct ol_line *l, unsigned c, unsigned on)
{
    int best = ol_chan_best(l);

    if (best < 0 || (ol_chan_usable(&l->ch[c]) &&
                     (!ol_chan_late(&l->ch[c]) || ol_chan_late(&l->ch[best]))))
        return c == on;
    return (int)on == best;
}

bool ol_frame_echo_acks(struct ol_line *l, unsigned c)
{
    struct ol_epoch_chan *ec = &ol_epoch_sending(l)->ch[c];

    /* Where no channel is of use its ack is to go on the others too. */
    if (ec->owed_acks != 1 || ol_chan_best(l) < 0 ||
        !ol_frame_ack_here(l, c, c))
        return false;
    ol_frame_ack_said(ec);
    return true;
}

/* Every other live channel: where none is of use, one of them may be the half
 * that leads back. */
static uint16_t all_others(const struct ol_line *l, unsigned on)
{
    uint16_t mask = 0;

    for (unsigned c = 0; c < l->n_ch; c++)
        if (c != on && l->ch[c].conf.kind != OL_CHAN_POUCH)
            mask |= (uint16_t)(1u << c);
    return mask;
}

static void add_acks_of(struct ol_line *l, struct ol_out_frame *f, unsigned c,
                        struct ol_epoch_chan *e)
{
    uint16_t here = (uint16_t)(1u << f->c);

    if (e->owed_acks == 0 && e->ack_also == 0)
        return;
    if (ol_chan_best(l) >= 0)
        e->ack_also = 0;
    if (e->owed_acks > 0 && ol_frame_ack_here(l, c, f->c)) {
        if (ol_frame_add_ack(l, f, e) && ol_chan_best(l) < 0)
            e->ack_also = all_others(l, f->c);
    } else if ((e->ack_also & here) && ol_frame_add_ack(l, f, e)) {
        e->ack_also &= (uint16_t)~here;
    }
}

void ol_frame_add_acks(struct ol_line *l, struct ol_out_frame *f)
{
    for (unsigned i = 0; i < OL_EPOCHS_MAX; i++) {
        struct ol_epoch *e = &l->epoch[i];
        if (e->state == OL_EP_FREE)
            continue;
        for (unsigned c = 0; c < l->n_ch; c++)
            add_acks_of(l, f, c, &e->ch[c]);
    }
}

uint8_t ol_frame_dirty_logs(const struct ol_line *l)
{
    uint8_t logs = 0;

    for (unsigned p = 0; p < OL_PRECS; p++)
        if (l->in[p].dirty)
            logs |= (uint8_t)(1u << p);
    if (l->prekey_news && ol_prekey_own(l) != NULL && !ol_brief_talks(l))
        logs |= OL_HELD_OURS;
    return logs;
}

/* How soon another HELD may follow on a channel: each says all that the one
 * before said, so a few in a round trip are enough; one, when it is full. And
 * while more is on its way to the disk, one can say that too. */
uint64_t ol_frame_held_ns(const struct ol_line *l, unsigned c)
{
    const struct ol_path *p = &l->ch[c].path;
    uint64_t gap = p->srtt_ns;

    if (p->bytes < ol_path_window(p, l->now_ns))
        gap /= 8;
    if (ol_recv_coming(l))
        gap = OL_MAX(gap, HELD_GAP_NS);
    return l->ch[c].held_ns + gap;
}

void ol_frame_add_held(struct ol_line *l, struct ol_out_frame *f, bool keep)
{
    uint8_t logs = ol_frame_dirty_logs(l);
    size_t before = f->w.n;
    struct ol_held h;

    if (logs == 0)
        return;
    ol_recv_holding(l, logs, &h);
    /* Without its last ranges it is still true; not begun, it is not said. The
     * prekey can wait for a frame with more room. */
    if (!ol_held_encode(&f->w, &h) && f->w.n == before) {
        logs &= (uint8_t)~OL_HELD_OURS;
        h.has_prekey = false;
        if (logs == 0 || (!ol_held_encode(&f->w, &h) && f->w.n == before))
            return;
    }
    f->asks = true;
    f->flags |= OL_FLIGHT_HELD;
    f->held_logs = logs;
    f->held_serial = h.serial;
    for (unsigned p = 0; p < OL_PRECS; p++)
        if (logs & (1u << p)) {
            l->in[p].told = h.serial;
            ol_credit_said(l, p, h.serial);
        }
    if (logs & OL_HELD_OURS)
        l->prekey_told = h.serial;
    l->ch[f->c].held_ns = l->now_ns;
    ol_epoch_sending(l)->ch[f->c].brief_logs &= (uint8_t)~logs;
    if (keep)
        return;
    for (unsigned p = 0; p < OL_PRECS; p++)
        l->in[p].dirty = l->in[p].urgent = false;
    if (logs & OL_HELD_OURS)
        l->prekey_news = false;
}

void ol_frame_add_wants(struct ol_line *l, struct ol_out_frame *f, bool keep)
{
    size_t before = f->w.n;
    uint32_t serial;

    ol_pull_ask(l, &f->w, false, &serial);
    ol_pull_tell(l, &f->w, false);
    ol_push_answers(l, &f->w);
    f->asks |= f->w.n > before;
    if (serial == 0)
        return;
    f->flags |= OL_FLIGHT_WANT;
    f->want_serial = l->pull.told = serial;
    l->ch[f->c].want_ns = l->now_ns + OL_MAX(l->ch[f->c].path.srtt_ns / 8,
                                             HELD_GAP_NS);
    l->pull.dirty = keep;
}

void ol_frame_add_view(struct ol_line *l, struct ol_out_frame *f)
{
    struct ol_view v;

    l->view_serial++;
    ol_probe_view(l, &v);
    if (!ol_view_encode(&f->w, &v))
        return;
    f->asks = true;
    f->flags |= OL_FLIGHT_VIEW;
    /* On a channel in doubt it may be about that channel, and be lost. */
    if ((int)f->c != ol_chan_best(l))
        return;
    l->view_dirty = l->view_soon = false;
    l->view_ns = l->now_ns;
}

/* Each costs the peer as much time as fifty frames do, and only the newest is
 * worth it: a log in full flow sends one a second. */
bool ol_frame_checkpoint_due(struct ol_line *l, unsigned p, bool along)
{
    const struct ol_out_log *o = &l->out[p];
    int best;

    if (!o->cp_dirty || o->cp_durable != o->cp.size ||
        o->back.state != OL_BACK_SOUND)
        return false;
    best = ol_chan_best(l);
    if (best >= 0 && !ol_brief_quiet(l, (unsigned)best))
        return false;
    if (l->now_ns + (along ? ALONG_NS : 0) >= o->cp_ns)
        return true;
    ol_wake(l, o->cp_ns);
    return false;
}

void ol_frame_add_checkpoints(struct ol_line *l, struct ol_out_frame *f)
{
    /* On a narrow channel it costs half of what a text does. */
    if (f->n_refs > 0 && ol_chan_narrow(&l->ch[f->c])) {
        ol_brief_busy(l, f->c);
        return;
    }
    for (unsigned p = 0; p < OL_PRECS; p++) {
        struct ol_out_log *o = &l->out[p];
        if (!ol_frame_checkpoint_due(l, p, f->n_refs > 0) ||
            !ol_checkpoint_encode(&f->w, OL_CHUNK_CHECKPOINT, &o->cp))
            continue;
        o->cp_dirty = false;
        o->cp_ns = l->now_ns + OL_CHECKPOINT_MIN_MS * OL_NS_PER_MS;
        f->asks = true;
        f->flags |= OL_FLIGHT_CP;
        f->cp_logs |= (uint8_t)(1u << p);
    }
}
