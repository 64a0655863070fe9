/*
 * What is owed to the peer, and what it holds of ours.
 *
 *   owed --went--> in flight --acked--> (nothing) --HELD--> gone
 *     ^-- lost, in doubt ---'              |
 *     ^-- never held, after a while -------'
 *
 * Each record is a mask of 128-byte units: a segment in flight clears its
 * bits, a lost one sets them again. FRAMES-ACK moves nothing but congestion;
 * only HELD, whose root must be ours, ends the matter. A root that is not ours
 * begins a return (restore.c): our own ledger may be an old copy.
 */
#include "core/restore.h"

#include <string.h>

#define RETRY_NS (2 * OL_NS_PER_S)
#define RETRY_MOST 6u /* doublings */
#define FALL_NS (100 * OL_NS_PER_MS)

/* ---- owing -------------------------------------------------------------- */

void ol_send_owe(struct ol_line *l, uint8_t prec, uint32_t index,
                 uint64_t mask, unsigned c)
{
    struct ol_out_slot *s = ol_window_slot(l, prec, index);

    /* Its repeats take care of it while any of its frames is under way, and
     * once one got there HELD is on its way back. */
    if (s == NULL || (s->quick && (s->arrived || s->flights > 0)))
        return;
    s->copies_on &= (uint16_t)~(1u << c);
    ol_window_owe(&l->out[prec], s, s->owed | (mask & ~s->held));
}

void ol_send_landed(struct ol_line *l, const struct ol_carried *what,
                    bool acked)
{
    struct ol_out_slot *s = ol_window_slot(l, what->prec, what->index);

    if (s == NULL)
        return;
    if (s->flights > 0)
        s->flights--;
    if (acked && (what->mask | s->held) == ol_units_of(s->size))
        s->arrived = true;
}

bool ol_owed_quick(const struct ol_out_slot *s)
{
    return s->quick && !s->arrived && s->owed == 0 &&
           s->held != ol_units_of(s->size);
}

void ol_send_owe_all(struct ol_line *l)
{
    for (unsigned p = 0; p < OL_PRECS; p++) {
        struct ol_out_log *o = &l->out[p];
        for (uint32_t i = o->acked + 1; i <= o->loaded; i++) {
            struct ol_out_slot *s = ol_window_slot(l, p, i);
            if (s == NULL || i > o->durable)
                continue;
            s->flights = s->copies_on = s->copied_on = s->went_on = 0;
            s->quick = s->arrived = false;
            ol_window_owe(o, s, ol_units_of(s->size) & ~s->held);
        }
        if (o->cp_durable > 0)
            o->cp_dirty = true;
        o->retry_ns = OL_NEVER_NS;
        o->retries = 0;
    }
    ol_restore_again(l);
    ol_give_again(l);
}

struct ol_out_slot *ol_send_next(struct ol_line *l, unsigned prec)
{
    struct ol_out_log *o = &l->out[prec];
    uint32_t last = OL_MIN(OL_MIN(o->loaded, o->limit), o->durable);

    if (o->owing == 0 || o->stopped || o->back.state != OL_BACK_SOUND)
        return NULL;
    for (; o->hint <= last; o->hint++) {
        struct ol_out_slot *s = ol_window_slot(l, prec, o->hint);
        if (s != NULL && s->owed != 0)
            return s;
    }
    return NULL;
}

void ol_send_went(struct ol_line *l, unsigned prec, struct ol_out_slot *s,
                  uint64_t mask, unsigned c)
{
    s->flights++;
    s->went_on |= (uint16_t)(1u << c);
    s->quick = s->quick || (prec < OL_ROUTINE && s->size <= OL_REPEAT_MAX &&
                            ol_path_repeats(&l->ch[c]));
    if (!s->quick || mask != (ol_units_of(s->size) & ~s->held)) {
        s->quick = false;
    } else {
        s->went_ns = l->now_ns;
        l->out[prec].repeat_ns = 0;
    }
    ol_window_owe(&l->out[prec], s, s->owed & ~mask);
    if (s->owed == 0 && !(s->copies_on & (1u << c))) {
        s->copies_on |= (uint16_t)(1u << c);
        ol_fx_sent(l, (uint16_t)c, (uint8_t)prec, s->index);
    }
}

void ol_send_forget(struct ol_line *l)
{
    for (unsigned p = 0; p < OL_PRECS; p++)
        for (uint32_t i = l->out[p].acked + 1; i <= l->out[p].loaded; i++)
            if (ol_window_slot(l, p, i) != NULL)
                ol_window_slot(l, p, i)->held = 0;
    ol_push_forget(l);
    ol_send_owe_all(l);
}

bool ol_send_owes(const struct ol_line *l)
{
    for (unsigned p = 0; p < OL_PRECS; p++)
        if (l->out[p].durable > l->out[p].acked)
            return true;
    return (l->pull.on && l->pull.upto < l->pull.pieces) ||
           (l->push.on && l->push.owing > 0);
}

/* It did not get there, whatever its frames did. */
static void owe_again(struct ol_out_log *o, struct ol_out_slot *s)
{
    s->copies_on = 0;
    s->repeats = 0;
    s->quick = s->arrived = false;
    ol_window_owe(o, s, ol_units_of(s->size) & ~s->held);
}

/* What was acked as frames and never held: the peer dropped it, so it goes
 * again, ever more slowly. The first record behind what is held tells: it
 * neither waits to go nor is it under way. */
void ol_owed_retry(struct ol_line *l, unsigned p)
{
    struct ol_out_log *o = &l->out[p];
    uint64_t gap = RETRY_NS << OL_MIN(o->retries, RETRY_MOST);
    uint32_t last = OL_MIN(OL_MIN(o->loaded, o->limit), o->durable);
    struct ol_out_slot *first = ol_window_slot(l, p, o->acked + 1);

    if (first == NULL || first->index > last || first->owed != 0 ||
        first->flights > 0) {
        o->retry_ns = OL_NEVER_NS;
        return;
    }
    if (o->retry_ns == OL_NEVER_NS)
        o->retry_ns = l->now_ns + gap;
    if (l->now_ns < o->retry_ns) {
        ol_wake(l, o->retry_ns);
        return;
    }
    o->retry_ns = OL_NEVER_NS;
    o->retries++;
    for (uint32_t i = o->acked + 1; i <= last; i++) {
        struct ol_out_slot *s = ol_window_slot(l, p, i);
        if (s != NULL && s->flights == 0)
            owe_again(o, s);
    }
}

/* ---- what the peer holds ------------------------------------------------ */

static void advance(struct ol_line *l, unsigned p, uint32_t upto)
{
    struct ol_out_log *o = &l->out[p];

    for (uint32_t i = o->acked + 1; i <= upto; i++) {
        struct ol_out_slot *s = ol_window_slot(l, p, i);
        if (s != NULL)
            ol_window_free(l, p, s);
    }
    o->acked = upto;
    o->hint = OL_MAX(o->hint, upto + 1);
    o->retries = 0;
    o->retry_ns = OL_NEVER_NS;
    o->back.rounds = 0;
}

static void hold_units(struct ol_line *l, unsigned p, uint32_t index,
                       uint64_t mask)
{
    struct ol_out_slot *s = ol_window_slot(l, p, index);

    if (s == NULL)
        return;
    s->held |= mask & ol_units_of(s->size);
    ol_window_owe(&l->out[p], s, s->owed & ~s->held);
}

void ol_owed_stop(struct ol_line *l, unsigned p, uint32_t index)
{
    l->out[p].stopped = true;
    ol_fx_alarm(l, "the peer's record of our messages is not ours");
    ol_fx_note(l, OL_NOTE_ROOT, OL_CHANNEL_ANY, (uint8_t)p, index);
}

/* What a root is awaited for: it is compared with ours at upto. */
static void await_root(struct ol_out_log *o, const struct ol_held_log *h,
                       bool current)
{
    o->behind = h->upto;
    o->behind_limit = current ? h->limit : 0;
    memcpy(o->behind_root, h->root, OL_ROOT);
}

/* The log is on its way back: what the peer holds is compared at the end. */
static void returning(struct ol_line *l, unsigned p,
                      const struct ol_held_log *h, bool current)
{
    struct ol_out_log *o = &l->out[p];
    struct ol_back *b = &o->back;

    if (!current)
        return;
    await_root(o, h, true);
    o->limit = h->limit;
    if (b->state == OL_BACK_TAKE && h->upto > b->found.upto) {
        b->found.upto = h->upto;
        memcpy(b->found.root, h->root, OL_ROOT);
        b->high = OL_MAX(b->high, h->upto);
    }
    (void)l;
}

/* Does the peer hold records of ours that we do not have. */
static bool holds_more(const struct ol_out_log *o,
                       const struct ol_held_log *h, bool current)
{
    for (unsigned i = 0; current && i < h->n_ranges; i++)
        if (h->ranges[i].first + (h->ranges[i].count - 1u) > o->size)
            return true;
    return h->upto > o->durable;
}

static void part(struct ol_line *l, unsigned p, const struct ol_held_log *h,
                 bool current)
{
    ol_restore_begin(l, p);
    if (current && !l->out[p].stopped)
        await_root(&l->out[p], h, true);
}

/* Of a boot that we knew when we started it was told then; or what came is old,
 * and only our memory of its serial is gone. */
void ol_send_rolled_back(struct ol_line *l, unsigned p, uint32_t upto)
{
    if (l->peer_new)
        ol_fx_note(l, OL_NOTE_ROLLED_BACK, OL_CHANNEL_ANY, (uint8_t)p, upto);
}

/* Does a credit fall now. A peer could let it fall with each HELD, and a window
 * be sent each time; what it drops in between is for ol_owed_retry. */
static bool falls(struct ol_line *l, struct ol_out_log *o, uint32_t limit,
                  uint32_t last)
{
    int best = ol_chan_best(l);
    uint64_t srtt = best < 0 ? 0 : l->ch[best].path.srtt_ns;

    if (limit >= last || l->now_ns < o->fall_ns)
        return false;
    o->fall_ns = l->now_ns + OL_MAX(srtt, FALL_NS);
    return true;
}

/* What went above a credit that fell was dropped, or will be: it goes again
 * when there is room. */
static void credit(struct ol_line *l, unsigned p, uint32_t limit)
{
    struct ol_out_log *o = &l->out[p];
    uint32_t last = OL_MIN(OL_MIN(o->loaded, o->limit), o->durable);
    /* A limit may be any number, the highest of all as well. */
    uint32_t i = OL_MAX(OL_MIN(limit, last), o->acked);

    if (!falls(l, o, limit, last))
        i = last;
    while (i < last) {
        struct ol_out_slot *s = ol_window_slot(l, p, ++i);
        if (s != NULL)
            owe_again(o, s);
    }
    o->limit = limit;
}

static void held_log(struct ol_line *l, unsigned p,
                     const struct ol_held_log *h, bool current)
{
    struct ol_out_log *o = &l->out[p];

    if (o->stopped)
        return;
    if (o->back.state != OL_BACK_SOUND) {
        returning(l, p, h, current);
        return;
    }
    if (current)
        o->behind = 0;
    if (holds_more(o, h, current)) {
        part(l, p, h, current);
        return;
    }
    if (h->upto < o->acked && !current)
        return;
    if (h->upto < o->acked && h->upto == 0) {
        ol_send_rolled_back(l, p, 0);
        ol_window_rewind(l, p, 0);
        ol_pouch_again(l);
    }
    if (h->upto > o->loaded || h->upto < o->acked) {
        await_root(o, h, current);
        return;
    }
    if (h->upto > o->acked) {
        struct ol_out_slot *s = ol_window_slot(l, p, h->upto);
        OL_CHECK(s != NULL);
        if (memcmp(s->root, h->root, OL_ROOT) != 0) {
            part(l, p, h, current);
            return;
        }
        o->compared = h->upto;
        memcpy(o->compared_root, s->root, OL_ROOT);
        advance(l, p, h->upto);
    }
    if (!current)
        return;
    if (h->upto > 0 && o->compared != h->upto) {
        await_root(o, h, true); /* what was compared before our start */
    } else if (h->upto > 0 &&
               memcmp(o->compared_root, h->root, OL_ROOT) != 0) {
        part(l, p, h, true); /* as many, and not the same: it was put back */
        return;
    }
    credit(l, p, h->limit);
    for (unsigned i = 0; i < h->n_ranges; i++)
        for (uint32_t k = 0; k < h->ranges[i].count; k++) {
            if (h->ranges[i].first + k > o->loaded)
                break;
            hold_units(l, p, h->ranges[i].first + k, UINT64_MAX);
        }
    for (unsigned i = 0; i < h->n_parts; i++)
        hold_units(l, p, h->parts[i].index, h->parts[i].mask);
}

void ol_send_held(struct ol_line *l, const struct ol_held *h, uint8_t logs,
                  bool current)
{
    for (unsigned p = 0; p < OL_PRECS; p++)
        if (logs & (1u << p))
            held_log(l, p, &h->log[p], current);
}
