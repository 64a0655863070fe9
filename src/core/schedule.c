/*
 * The schedule: which bytes go on which channel.
 *
 * Per step: echoes, acks, HELD and views first, because they are small
 * and others wait for them; then FLASH copies on every usable channel and
 * IMMEDIATE on two; then what is owed, by precedence, on the channel that
 * completes it first, with one frame in twenty for what waits below the top;
 * and attachments in what is left.
 * A channel in doubt gets copies, not originals, while another is up.
 * Source: doc/protocol.md 4, 5, 8.
 */
#include "core/address.h"
#include "core/brief.h"
#include "core/frames.h"
#include "core/pack.h"
#include "core/restore.h"
#include "core/schedule.h"
#include "core/size.h"

#include <string.h>

#define SHARE 20u /* one frame in so many is for lower precedences */

/* While nothing else is in flight its echo says all that an ack would; else the
 * acks of the rest may be what was lost, and are to be said again. */
static bool begin_probe(struct ol_line *l, struct ol_out_frame *f, unsigned c,
                        const struct ol_addr *to, uint32_t id)
{
    struct ol_probe p = {.id = id, .alone = l->ch[c].path.open == 0};

    if (!ol_frame_begin(l, f, c, to))
        return false;
    (void)ol_probe_encode(&f->w, &p);
    f->asks = true;
    if (p.alone) {
        f->flags |= OL_FLIGHT_PROBE;
        f->probe_id = id;
    }
    return true;
}

void ol_schedule_probe(struct ol_line *l, unsigned c, const struct ol_addr *to,
                       uint32_t id)
{
    struct ol_out_frame f;

    if (!begin_probe(l, &f, c, to, id))
        return;
    ol_frame_add_acks(l, &f);
    ol_frame_add_held(l, &f, true);
    if (!ol_probe_view_told(l))
        ol_frame_add_view(l, &f);
    ol_frame_finish(l, &f);
}

void ol_schedule_ask(struct ol_line *l, unsigned c, const struct ol_addr *to,
                     uint32_t id, uint32_t size)
{
    struct ol_out_frame f;

    if (!begin_probe(l, &f, c, to, id))
        return;
    ol_frame_pad(l, &f, size);
    ol_frame_finish(l, &f);
}

static void echo(struct ol_line *l, unsigned c)
{
    struct ol_lchan *ch = &l->ch[c];
    struct ol_probe p = ch->echo;
    uint64_t late = (l->now_ns - ch->echo_heard_ns) / (100 * OL_NS_PER_US);
    struct ol_out_frame f;

    if (!ch->echo_due || !ol_frame_begin(l, &f, c, &ch->echo_to))
        return;
    ch->echo_due = false;
    p.delay_100us = (uint16_t)OL_MIN(late, UINT16_MAX);
    (void)ol_echo_encode(&f.w, &p);
    f.asks = true;
    /* An address that is not in use, or has had its share, gets what it asked
     * for and no more. */
    if (ol_addr_is(ch, &ch->echo_to) && ol_addr_open(ch)) {
        if (p.alone)
            (void)ol_frame_echo_acks(l, c);
        ol_frame_add_acks(l, &f);
        ol_frame_add_held(l, &f, true);
        if (!ol_probe_view_told(l))
            ol_frame_add_view(l, &f);
    }
    ol_frame_finish(l, &f);
}

static uint64_t ack_due(const struct ol_line *l, unsigned on)
{
    uint64_t due = OL_NEVER_NS;

    for (unsigned i = 0; i < OL_EPOCHS_MAX; i++) {
        const struct ol_epoch *e = &l->epoch[i];
        if (e->state == OL_EP_FREE)
            continue;
        for (unsigned c = 0; c < l->n_ch; c++)
            if (e->ch[c].owed_acks > 0 && ol_frame_ack_here(l, c, on))
                due = OL_MIN(due, e->ch[c].ack_due_ns);
    }
    return due;
}

static bool urgent(const struct ol_line *l)
{
    return l->in[OL_FLASH].urgent;
}

/* Is HELD due there. */
static bool says_held(struct ol_line *l, unsigned c, bool here, bool unsure)
{
    if (unsure)
        ol_frame_unsure(l, &ol_epoch_sending(l)->ch[c]);
    return ol_frame_dirty_logs(l) != 0 && here &&
           (urgent(l) || l->now_ns >= ol_frame_held_ns(l, c));
}

/* A frame of small things on one channel, when one of them is due there. */
static void control(struct ol_line *l, unsigned c, bool best, bool all)
{
    uint64_t due = ack_due(l, c);
    bool acks = l->now_ns >= due;
    bool unsure = best && (acks || ol_frame_dirty_logs(l) != 0);
    bool held = says_held(l, c, best || all, unsure);
    bool wants = (best || (c == l->pull.data_ch &&
                           ol_chan_usable(&l->ch[c]))) && ol_pull_due(l, c);
    bool view = best && ol_probe_view_due(l) && ol_brief_quiet(l, c);
    struct ol_out_frame f;

    if (!acks)
        ol_wake(l, due);
    if (ol_frame_dirty_logs(l) != 0 && best && !held)
        ol_wake(l, ol_frame_held_ns(l, c));
    if (held && !wants && ol_brief_send(l, c)) {
        /* It asks for nothing, so no timer would bring what else is due. */
        held = false;
        view = view && ol_brief_quiet(l, c);
        acks = l->now_ns >= ack_due(l, c);
    }
    if ((held || view) && best && ol_brief_first(l, c))
        held = view = false;
    if (l->prekey_news)
        (void)ol_brief_quiet(l, c);
    if (!(acks || held || wants || view) || !ol_frame_begin(l, &f, c, NULL))
        return;
    ol_frame_add_acks(l, &f);
    if (held)
        ol_frame_add_held(l, &f, all && !best);
    if (wants)
        ol_frame_add_wants(l, &f, !best);
    /* While data is all the probing there is, it goes along here. */
    if (view || (best && !ol_probe_view_told(l) && !ol_brief_talks(l) &&
                 l->now_ns - l->view_ns >= OL_NS_PER_S))
        ol_frame_add_view(l, &f);
    ol_frame_finish(l, &f);
}

/* ---- data --------------------------------------------------------------- */

/* As much as fits of the units that are wanted, from the lowest on, as it is.
 * false: nothing fits. */
static bool raw_segment(struct ol_line *l, struct ol_packing *p,
                        struct ol_segment *g)
{
    unsigned first = (unsigned)__builtin_ctzll(p->want), units = 0;
    size_t n;

    g->offset = (uint16_t)(first * OL_UNIT);
    while (first + units < 64 && (p->want >> (first + units) & 1)) {
        size_t end = OL_MIN((first + units + 1) * OL_UNIT, p->slot->size);
        if (end - g->offset > p->room)
            break;
        p->mask |= UINT64_C(1) << (first + units++);
    }
    if (units == 0)
        return false;
    n = OL_MIN((first + units) * OL_UNIT, p->slot->size) - g->offset;
    g->last = g->offset + n == p->slot->size;
    ol_pool_read(&l->out_pool, p->slot->block, g->offset, p->bytes, n);
    g->bytes = OL_SPAN(p->bytes, n);
    return true;
}

bool ol_schedule_segment(struct ol_line *l, struct ol_out_frame *f,
                         unsigned prec, struct ol_out_slot *s, uint64_t *want)
{
    struct ol_segment g = {.prec = (uint8_t)prec, .index = s->index};
    struct ol_packing p = {.slot = s, .want = *want};

    p.room = f->w.cap - f->w.n;
    if (f->n_refs == OL_FRAME_REFS ||
        p.room < OL_CHUNK_HEAD + OL_SEGMENT_HEAD + 1)
        return false;
    p.room -= OL_CHUNK_HEAD + OL_SEGMENT_HEAD;
    if (ol_chan_narrow(&l->ch[f->c]) && ol_pack_segment(l, &p, &g))
        f->packed = true;
    else if (!raw_segment(l, &p, &g))
        return false;
    if (!ol_segment_encode(&f->w, &g))
        return false;
    f->refs[f->n_refs++] = (struct ol_carried){
        .prec = (uint8_t)prec, .index = s->index, .mask = p.mask};
    f->asks = true;
    *want &= ~p.mask;
    ol_send_went(l, prec, s, p.mask, f->c);
    return true;
}

void ol_schedule_began(struct ol_line *l)
{
    struct ol_epoch *e = ol_epoch_sending(l);

    if (e->segment_ns == 0)
        e->segment_ns = l->now_ns;
}

/* What fell silent may have taken with it what shares its fate. */
static bool suspect(const struct ol_line *l, unsigned c)
{
    uint32_t fate = l->ch[c].conf.fate;
    bool any = false;

    for (unsigned d = 0; d < l->n_ch && fate != 0; d++)
        any |= l->ch[d].conf.fate == fate && ol_chan_usable(&l->ch[d]) &&
               l->ch[d].path.pto_count > 0;
    return any;
}

/* Usable channels, the one that completes first in front; those in doubt
 * only while no other is up. */
static void rank(const struct ol_line *l, struct ol_order *o)
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
        if (!ol_chan_room(ch, ch->conf.mtu) || suspect(l, c))
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

/* A channel came up: what is under way on a slower one, and would be there
 * sooner by this one, goes on it too. */
static void overtake(struct ol_line *l)
{
    for (unsigned c = 0; c < l->n_ch; c++) {
        struct ol_lchan *ch = &l->ch[c];
        bool up = ch->state == OL_CHAN_UP && ch->path.pto_count == 0;
        for (unsigned d = 0; d < l->n_ch && up && !ch->overtook &&
                             ch->path.srtt_ns > 0; d++)
            if (d != c)
                ol_path_overtake(l, d, l->now_ns + ch->path.srtt_ns / 2);
        ch->overtook = up;
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
    struct ol_out_frame f;
    unsigned prec;

    if (*budget == 0 || (s = next_record(l, &prec)) == NULL ||
        !ol_frame_begin(l, &f, c, NULL))
        return false;
    ol_frame_add_acks(l, &f);
    while (s != NULL) {
        uint64_t want = s->owed;
        if (!ol_schedule_segment(l, &f, prec, s, &want))
            break;
        l->turn--;
        s = next_record(l, &prec);
    }
    if (f.n_refs == 0) {
        ol_frame_finish(l, &f); /* the acks, which are no longer owed */
        return false;
    }
    ol_frame_add_checkpoints(l, &f);
    ol_schedule_began(l);
    ol_path_paced(l, c, f.w.n + OL_FRAME_OVER);
    *budget -= OL_MIN(*budget, f.w.n + OL_FRAME_OVER);
    ol_frame_finish(l, &f);
    return true;
}

static uint64_t backlog_bytes(const struct ol_line *l)
{
    uint64_t n = 0;

    for (unsigned p = 0; p < OL_PRECS; p++)
        n += (uint64_t)l->out[p].owing * 256;
    return n;
}

/* Is the backlog on the first channel done later than a frame on that one. */
static bool helps(const struct ol_line *l, const struct ol_order *o, unsigned k,
                  uint64_t backlog)
{
    const struct ol_path *first = &l->ch[o->c[0]].path;
    uint64_t takes = backlog * first->srtt_ns /
                     OL_MAX(ol_path_window(first, l->now_ns), 1);

    return o->cost_ns[0] + takes >= o->cost_ns[k];
}

static void data(struct ol_line *l, const struct ol_order *o)
{
    if (backlog_bytes(l) == 0)
        return;
    for (unsigned k = 0; k < o->n; k++) {
        unsigned c = o->c[k];
        size_t budget;
        /* A slower channel helps only if waiting for the first takes longer
         * than its own round trip. */
        if (k > 0 && !helps(l, o, k, backlog_bytes(l)))
            break;
        for (;;) {
            budget = ol_path_budget(l, c);
            if (!data_frame(l, c, &budget))
                break;
        }
    }
}

/* ---- attachments -------------------------------------------------------- */

static bool bulk_frame(struct ol_line *l, unsigned c)
{
    struct ol_out_frame f;

    if (ol_path_bulk_budget(l, c) == 0 || !ol_frame_begin(l, &f, c, NULL))
        return false;
    ol_frame_add_acks(l, &f);
    if (!ol_push_fill(l, &f)) {
        ol_frame_finish(l, &f); /* the acks, which are no longer owed */
        return false;
    }
    ol_schedule_began(l);
    ol_path_bulk_paced(l, c, f.w.n + OL_FRAME_OVER);
    ol_frame_finish(l, &f);
    return true;
}

/* What no record wants of the channels' windows. */
static void bulk(struct ol_line *l, const struct ol_order *o)
{
    for (unsigned k = 0; k < o->n && ol_push_owes(l) > 0; k++) {
        /* As for records: a slower one only if it helps. */
        if (k > 0 && !helps(l, o, k, ol_push_owes(l)))
            break;
        while (bulk_frame(l, o->c[k]))
            ;
    }
}

/* Checkpoints that no data frame took along. */
static void checkpoints(struct ol_line *l, unsigned c)
{
    struct ol_out_frame f;
    bool any = false;

    for (unsigned p = 0; p < OL_PRECS; p++)
        any |= ol_frame_checkpoint_due(l, p, false);
    if (!any || !ol_frame_begin(l, &f, c, NULL))
        return;
    ol_frame_add_checkpoints(l, &f);
    ol_frame_finish(l, &f);
}

void ol_schedule_pump(struct ol_line *l)
{
    struct ol_epoch *e = ol_epoch_sending(l);
    struct ol_order o;
    int best;
    bool all, waits;

    if (e == NULL)
        return;
    if (l->view_dirty)
        l->view_changed = l->view_serial;
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
    if (best >= 0)
        ol_restore_frames(l, (unsigned)best);
    if (!e->held_seen || best < 0)
        return;
    rank(l, &o);
    /* What went just now may have been the last that may go there. */
    if (o.n == 0)
        return;
    overtake(l);
    ol_copies_pump(l, &o);
    /* Before what can wait: until it is back the other side is mute. */
    ol_give_frames(l, (unsigned)best);
    data(l, &o);
    ol_repeats_pump(l, &o);
    bulk(l, &o);
    checkpoints(l, (unsigned)best);
    waits = backlog_bytes(l) + ol_push_owes(l) > 0;
    for (unsigned c = 0; c < l->n_ch; c++)
        ol_path_idle(l, c, waits);
}
