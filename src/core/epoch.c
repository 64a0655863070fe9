/*
 * Epochs: generations of session keys.
 *
 *                 frame of it authenticates
 *   FREE --make--> UNCONFIRMED --confirm--> CONFIRMED --dies--> FREE
 *        (responder)                 ^
 *        make + confirm at once -----'  (initiator: the response is proof)
 *
 * At most four are receivable. We send under the confirmed one of the highest
 * opening number; of equal ones, under that which the station of the lower
 * key initiated, so that both sides choose alike. When the choice moves, all
 * that was in flight is owed again: the new epoch starts from what the peer's
 * HELD says. Older ones stay receivable for a while, because frames on slow
 * channels are still under way. Source: doc/protocol.md 2.
 */
#include "core/line_int.h"
#include "core/size.h"

#include <string.h>

#define UNCONFIRMED_NS (60 * OL_NS_PER_S)

static void end(struct ol_line *l, struct ol_epoch *e)
{
    if (l->sending >= 0 && e == &l->epoch[l->sending])
        l->sending = -1;
    ol_wipe(e, sizeof(*e));
}

/* The freest slot: a free one, else the oldest that we do not send under. */
static struct ol_epoch *slot(struct ol_line *l)
{
    struct ol_epoch *best = NULL;

    for (int i = 0; i < (int)OL_EPOCHS_MAX; i++) {
        struct ol_epoch *e = &l->epoch[i];
        if (e->state == OL_EP_FREE)
            return e;
        if (i != l->sending && (best == NULL || e->made_ns < best->made_ns))
            best = e;
    }
    OL_CHECK(best != NULL); /* we send under one at most */
    end(l, best);
    return best;
}

struct ol_epoch *ol_epoch_make(struct ol_line *l, uint64_t opening,
                               bool initiator,
                               const struct ol_noise_keys *keys)
{
    struct ol_epoch *e = slot(l);
    const uint8_t *tx = initiator ? keys->from_initiator : keys->to_initiator;
    const uint8_t *rx = initiator ? keys->to_initiator : keys->from_initiator;

    e->state = OL_EP_UNCONFIRMED;
    e->initiator = initiator;
    e->told = !initiator; /* by the response, which whoever speaks in it has */
    e->opening = opening;
    e->made_ns = l->now_ns;
    e->dies_ns = l->now_ns + UNCONFIRMED_NS;
    for (unsigned c = 0; c < l->n_ch; c++) {
        struct ol_span name = ol_span_str(l->ch[c].conf.name);
        ol_frame_key_make(&e->ch[c].tx, tx, name);
        ol_frame_key_make(&e->ch[c].rx, rx, name);
        ol_window_init(&e->ch[c].seen);
        e->ch[c].ack_due_ns = OL_NEVER_NS;
    }
    return e;
}

/* Did the station of the lower key initiate it. */
static bool by_lower(const struct ol_line *l, const struct ol_epoch *e)
{
    return e->initiator == l->shared.lower;
}

/* Is a sent under rather than b. */
static bool rather(const struct ol_line *l, const struct ol_epoch *a,
                   const struct ol_epoch *b)
{
    return a->opening > b->opening ||
           (a->opening == b->opening && by_lower(l, a));
}

static void choose(struct ol_line *l)
{
    int best = -1;

    for (int i = 0; i < (int)OL_EPOCHS_MAX; i++) {
        const struct ol_epoch *e = &l->epoch[i], *b;
        if (e->state != OL_EP_CONFIRMED)
            continue;
        b = best < 0 ? NULL : &l->epoch[best];
        if (b == NULL || rather(l, e, b))
            best = i;
    }
    if (best == l->sending)
        return;
    l->sending = (int8_t)best;
    if (best < 0)
        return;
    for (unsigned c = 0; c < l->n_ch; c++) {
        ol_path_begin(l, c);
        ol_size_epoch(&l->ch[c].path);
    }
    ol_send_owe_all(l);
    ol_push_epoch(l);
    ol_pull_epoch(l);
    l->peer_view_serial = 0;
    l->view_dirty = l->view_soon = true;
    l->view_acked_ns = 0;
    l->prekey_news = true;
    for (unsigned p = 0; p < OL_PRECS; p++) {
        l->in[p].dirty = l->in[p].urgent =
            !ol_hand_told(l, &l->epoch[best], p);
    }
    ol_fx_note(l, OL_NOTE_EPOCH, OL_CHANNEL_ANY, 0, 0);
}

/* What is said in a new epoch has to come back before it can be told from one
 * that the peer has lost. Another epoch meanwhile would throw the answer away,
 * and on a slow path so would each that follows: so each one that follows
 * unanswered has twice as long. */
static uint64_t settles(struct ol_line *l)
{
    uint64_t ns = OL_SETTLE_MS * OL_NS_PER_MS << l->unsettled;
    uint64_t most = l->hold_ns;

    for (unsigned c = 0; c < l->n_ch; c++)
        most = OL_MAX(most, l->ch[c].hold_ns);
    l->unsettled = ol_line_live(l) ? 0 : OL_MIN(l->unsettled + 1, 16);
    return l->now_ns + OL_MIN(ns, most);
}

void ol_epoch_confirm(struct ol_line *l, struct ol_epoch *e)
{
    uint64_t keep = OL_EPOCH_KEEP_S * OL_NS_PER_S;

    OL_CHECK(e->state == OL_EP_UNCONFIRMED);
    e->state = OL_EP_CONFIRMED;
    e->confirmed_ns = l->now_ns;
    e->settle_ns = settles(l);
    e->dies_ns = l->now_ns + OL_EPOCH_END_S * OL_NS_PER_S;
    for (unsigned c = 0; c < l->n_ch; c++) {
        uint64_t rate = l->ch[c].conf.rate_bps;
        /* Four frames of the slowest channel must still find their keys. */
        if (rate > 0 && l->ch[c].conf.kind != OL_CHAN_POUCH)
            keep = OL_MAX(keep, 4 * (uint64_t)l->ch[c].conf.mtu * 8 *
                                    OL_NS_PER_S / rate);
    }
    /* Of two, the one that neither side sends under ends, on both sides the
     * same, whichever was confirmed last here. */
    for (unsigned i = 0; i < OL_EPOCHS_MAX; i++) {
        struct ol_epoch *o = &l->epoch[i], *old = rather(l, e, o) ? o : e;
        if (o != e && o->state == OL_EP_CONFIRMED)
            old->dies_ns = OL_MIN(old->dies_ns, l->now_ns + keep);
    }
    choose(l);
    ol_hand_confirmed(l, e);
}

void ol_epoch_pump(struct ol_line *l)
{
    for (unsigned i = 0; i < OL_EPOCHS_MAX; i++) {
        struct ol_epoch *e = &l->epoch[i];
        if (e->state == OL_EP_FREE)
            continue;
        if (l->now_ns >= e->dies_ns) {
            end(l, e);
            choose(l);
        } else {
            ol_wake(l, e->dies_ns);
        }
    }
}

unsigned ol_epoch_find(const struct ol_line *l, uint32_t index,
                       uint8_t epochs[4], uint8_t channels[4])
{
    unsigned n = 0;

    for (unsigned i = 0; i < OL_EPOCHS_MAX; i++) {
        const struct ol_epoch *e = &l->epoch[i];
        if (e->state == OL_EP_FREE)
            continue;
        for (unsigned c = 0; c < l->n_ch; c++) {
            if (e->ch[c].rx.index != index ||
                l->ch[c].conf.kind == OL_CHAN_POUCH)
                continue;
            epochs[n] = (uint8_t)i;
            channels[n] = (uint8_t)c;
            if (++n == 4)
                return n;
        }
    }
    return n;
}

bool ol_epoch_stale(struct ol_line *l)
{
    const struct ol_epoch *e = &l->epoch[l->sending < 0 ? 0 : l->sending];
    uint64_t grace = e->initiator ? 0 : OL_REKEY_TAKEOVER_S * OL_NS_PER_S;
    uint64_t at;

    if (l->sending < 0)
        return true;
    at = e->confirmed_ns + OL_REKEY_DAILY_S * OL_NS_PER_S;
    if (e->segment_ns != 0)
        at = OL_MIN(at, e->segment_ns + OL_REKEY_AFTER_S * OL_NS_PER_S);
    at += grace;
    for (unsigned c = 0; c < l->n_ch; c++)
        if (e->ch[c].counter > OL_EPOCH_FRAMES / 2)
            at = 0;
    if (l->now_ns >= at)
        return true;
    ol_wake(l, at);
    return false;
}
