/*
 * Records that go more than once: copies of FLASH and IMMEDIATE on several
 * channels, and repeats of what is small and urgent on datagram channels.
 *
 *   went --no word for a turn--> again --...--> HELD, or its frame acked
 *
 * A loss that nothing follows shows only after a probe timeout, and the next
 * one after twice that; a crisis has no time for either. So a small record
 * that is urgent goes again as soon as a word of it would have come, then at
 * short intervals; FLASH on a lossy channel before that, as often as the
 * measured loss asks for. The first repeat is the first doubt: it goes on
 * another channel as well, of another fate if there is one.
 * It fails by waiting: repeats live on an allowance of each channel, not above
 * what the least window would carry; without it the record is owed, and goes
 * when the window lets it. Source: doc/protocol.md 8.1.
 */
#include "core/restore.h"
#include "core/schedule.h"
#include "core/size.h"

#define BLIND_PART 5u  /* FLASH: so many repeats in a round trip */
#define BLIND_MOST 4u  /* and so many in a row without waiting for a word */
#define MUCH_LOST 0.42 /* from there on, what more would cost is too much: */
#define MUCH_BLIND 1u  /* FLASH repeats that do not wait, */
#define STEP_LEAST_NS (15 * OL_NS_PER_MS)
#define STEP_MOST_NS (2 * OL_NS_PER_S)
#define STEPS_EVEN 6u  /* then each waits twice as long as the one before */
#define DOUBLED_MOST 20u

/* Can all frames of a record go on a channel in this step: half a record would
 * be sent in vain, for a copy starts at its beginning. */
static bool fits(struct ol_line *l, unsigned c, const struct ol_out_slot *s)
{
    const struct ol_lchan *ch = &l->ch[c];
    uint32_t frame = ol_size_frame(l, c);
    uint32_t units = (frame - OL_FRAME_OVER - OL_CHUNK_HEAD -
                      OL_SEGMENT_HEAD) / OL_UNIT;
    uint32_t frames = (s->size + units * OL_UNIT - 1) / (units * OL_UNIT);

    return ol_chan_room(ch, s->size + frames * OL_FRAME_OVER + frame) &&
           l->refs_used + frames + OL_FRAME_REFS <= OL_REFS &&
           ch->path.tail - ch->path.head + frames <= OL_INFLIGHT_MAX &&
           ol_fx_room(l, frames, (size_t)frames * OL_FRAME_MAX);
}

/* A whole record on one channel, whatever else is in flight there. */
static void copy(struct ol_line *l, unsigned c, unsigned prec,
                 struct ol_out_slot *s)
{
    uint64_t want = ol_units_of(s->size) & ~s->held;
    struct ol_lchan *ch = &l->ch[c];
    bool again = s->copied_on & (1u << c);
    struct ol_out_frame f;

    /* Copies do not ask the window; those that are lost time and again must
     * not fill the channel, so they go once a round trip. */
    if (again && l->now_ns != ch->recopy_ns &&
        l->now_ns - ch->recopy_ns < ch->path.srtt_ns) {
        ol_wake(l, ch->recopy_ns + ch->path.srtt_ns);
        return;
    }
    if (!fits(l, c, s))
        return;
    if (again)
        ch->recopy_ns = l->now_ns;
    s->copied_on |= (uint16_t)(1u << c);
    while (want != 0) {
        if (!ol_frame_begin(l, &f, c, NULL) ||
            !ol_schedule_segment(l, &f, prec, s, &want))
            return;
        ol_frame_add_acks(l, &f);
        ol_frame_add_checkpoints(l, &f);
        ol_schedule_began(l);
        ol_path_paced(l, c, f.w.n + OL_FRAME_OVER);
        ol_frame_finish(l, &f);
    }
    if (!(s->copies_on & (1u << c))) {
        s->copies_on |= (uint16_t)(1u << c);
        ol_fx_sent(l, (uint16_t)c, (uint8_t)prec, s->index);
    }
}

/* The channel for a second copy: of another fate than the first, if any is. */
static unsigned second(const struct ol_line *l, const struct ol_order *o,
                       unsigned first)
{
    uint32_t fate = l->ch[first].conf.fate;
    unsigned other = first;

    for (unsigned k = o->n; k-- > 0;)
        if (o->c[k] != first &&
            (other == first || fate == 0 ||
             l->ch[o->c[k]].conf.fate != fate ||
             l->ch[other].conf.fate == fate))
            other = o->c[k];
    return other;
}

/* FLASH on every usable channel, IMMEDIATE on the first two. */
static void copies(struct ol_line *l, const struct ol_order *o, unsigned prec)
{
    struct ol_out_log *log = &l->out[prec];
    uint32_t last = OL_MIN(OL_MIN(log->loaded, log->limit), log->durable);

    if (log->stopped || log->back.state != OL_BACK_SOUND)
        return;
    for (uint32_t i = log->acked + 1; i <= last; i++) {
        struct ol_out_slot *s = ol_out_slot(l, prec, i);
        if (s->index != i)
            continue;
        for (unsigned c = 0; prec == OL_FLASH && c < l->n_ch; c++)
            if (ol_chan_usable(&l->ch[c]) && !(s->copies_on & (1u << c)))
                copy(l, c, prec, s);
        for (unsigned k = 0; prec == OL_IMMEDIATE && k < OL_MIN(o->n, 2); k++) {
            unsigned c = k == 0 ? o->c[0] : second(l, o, o->c[0]);
            if (!(s->copies_on & (1u << c)))
                copy(l, c, prec, s);
        }
    }
}

void ol_copies_pump(struct ol_line *l, const struct ol_order *o)
{
    copies(l, o, OL_FLASH);
    copies(l, o, OL_IMMEDIATE);
}

/* ---- repeats ------------------------------------------------------------ */

/* How many FLASH copies on one channel leave less than 8 in 1,000 undelivered,
 * by the loss that was measured there. Where that takes more than the path is
 * to bear, a few go, and the rest as words of them ask. */
static unsigned blind(const struct ol_path *p)
{
    double left = p->loss;
    unsigned n = 0;

    if (p->loss < 0.01)
        return 0;
    if (p->loss > MUCH_LOST)
        return MUCH_BLIND;
    for (; left > 0.008 && n < BLIND_MOST; n++)
        left *= p->loss;
    return n;
}

/* How soon one repeat follows another: before a word of the one could be here,
 * unless so much is lost that they would cost more than they gain. */
static uint64_t step(const struct ol_path *p)
{
    if (p->loss > MUCH_LOST)
        return ol_path_turn(p);
    return OL_MAX(p->srtt_ns * 3 / 5, STEP_LEAST_NS);
}

/* When a record goes again if no word of it comes: by the quickest of the
 * channels that carry it. */
static uint64_t again_ns(const struct ol_line *l, unsigned prec,
                         const struct ol_out_slot *s)
{
    uint64_t least = STEP_MOST_NS;

    for (unsigned c = 0; c < l->n_ch; c++) {
        const struct ol_path *p = &l->ch[c].path;
        unsigned eager = prec == OL_FLASH ? blind(p) : 0, late;
        uint64_t gap;
        if (!(s->went_on & (1u << c)) || !ol_chan_usable(&l->ch[c]))
            continue;
        late = s->repeats - OL_MIN(s->repeats, eager);
        if (s->repeats < eager)
            gap = p->srtt_ns / BLIND_PART;
        else if (late == 0)
            gap = ol_path_turn(p);
        else
            gap = step(p) << OL_MIN(late - OL_MIN(late, STEPS_EVEN),
                                    DOUBLED_MOST);
        least = OL_MIN(least, gap);
    }
    return s->went_ns + least;
}

/* One more frame with it on a channel; false: not now. */
static bool repeat_on(struct ol_line *l, unsigned c, unsigned prec,
                      struct ol_out_slot *s)
{
    size_t n = s->size + OL_CHUNK_HEAD + OL_SEGMENT_HEAD + OL_FRAME_OVER;
    uint64_t want = ol_units_of(s->size) & ~s->held;
    struct ol_out_frame f;

    if (want == 0 || !ol_path_repeats(&l->ch[c]) ||
        n > ol_size_frame(l, c) || !fits(l, c, s) ||
        !ol_path_allow(l, c, n) || !ol_frame_begin(l, &f, c, NULL))
        return false;
    if (!ol_schedule_segment(l, &f, prec, s, &want))
        return false;
    ol_frame_add_acks(l, &f);
    ol_schedule_began(l);
    ol_path_paced(l, c, f.w.n + OL_FRAME_OVER);
    ol_frame_finish(l, &f);
    l->ch[c].path.repeats++;
    return true;
}

static void repeat(struct ol_line *l, const struct ol_order *o, unsigned prec,
                   struct ol_out_slot *s)
{
    unsigned first = o->c[0], also = second(l, o, first);
    bool went = false;

    for (unsigned c = 0; c < l->n_ch; c++) {
        bool here = prec == OL_FLASH ? (s->went_on & (1u << c)) != 0
                                     : c == first || c == also ||
                                       (s->went_on & (1u << c)) != 0;
        if (here && ol_chan_usable(&l->ch[c]))
            went |= repeat_on(l, c, prec, s);
    }
    s->repeats = (uint8_t)OL_MIN(s->repeats + 1u, UINT8_MAX);
    s->went_ns = l->now_ns;
    /* Without allowance anywhere it goes as the windows let it. */
    if (!went)
        ol_window_owe(&l->out[prec], s, ol_units_of(s->size) & ~s->held);
}

/* It is small and nowhere under way: no window had room for it. Losses alone
 * may have closed that; it is not to wait until one is known. */
static bool waits(const struct ol_line *l, unsigned c,
                  const struct ol_out_slot *s)
{
    return s->owed != 0 && s->flights == 0 && s->size <= OL_REPEAT_MAX &&
           ol_path_repeats(&l->ch[c]);
}

static void repeats(struct ol_line *l, const struct ol_order *o, unsigned prec)
{
    struct ol_out_log *log = &l->out[prec];
    uint32_t last = OL_MIN(OL_MIN(log->loaded, log->limit), log->durable);

    if (log->stopped || log->back.state != OL_BACK_SOUND)
        return;
    if (l->now_ns < log->repeat_ns) {
        ol_wake(l, log->repeat_ns);
        return;
    }
    log->repeat_ns = OL_NEVER_NS;
    for (uint32_t i = log->acked + 1; i <= last; i++) {
        struct ol_out_slot *s = ol_window_slot(l, prec, i);
        uint64_t at;
        if (s != NULL && waits(l, o->c[0], s) &&
            !repeat_on(l, o->c[0], prec, s))
            log->repeat_ns = OL_MIN(log->repeat_ns, l->now_ns + STEP_LEAST_NS);
        if (s == NULL || !ol_owed_quick(s))
            continue;
        at = again_ns(l, prec, s);
        if (l->now_ns >= at) {
            repeat(l, o, prec, s);
            at = again_ns(l, prec, s);
        }
        log->repeat_ns = OL_MIN(log->repeat_ns, at);
    }
    ol_wake(l, log->repeat_ns);
}

void ol_repeats_pump(struct ol_line *l, const struct ol_order *o)
{
    for (unsigned p = OL_FLASH; p < OL_ROUTINE; p++)
        repeats(l, o, p);
}
