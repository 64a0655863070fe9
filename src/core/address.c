/*
 * Where a channel sends: the address in use, the one that would take its
 * place, and what may go to one that has proved nothing.
 *
 *            frame from elsewhere            echo from there
 *   IN USE ----------------------> CANDIDATE ---------------> WAITS
 *      ^                               |                        |
 *      |          the address in use answers too               |
 *      +-------------------------------+------------------------+
 *      |          it does not, for a probe timeout             |
 *      +------------ the candidate is in use now <--------------+
 *
 * Happy path: a peer that moves sends from its new address; the frame is
 * authentic and new, so it is asked there, and the address in use is asked
 * too. It answers from the new one only, and that is used from then on. If
 * both answer, the peer has two ways, as when both sides dial, or somebody in
 * between sends on what it says: we stay. Whoever carries all that the peer
 * says faster than the way itself becomes the way; once that one stops, the
 * first frame of the peer begins the same again, the other way round, and a
 * channel in doubt asks the address before.
 *
 * To an address that has not echoed goes at most three times what came from
 * it, and one frame; a candidate gets nothing but bare probes. So a captured
 * frame with a forged sender makes no flood. Source: doc/protocol.md 9.4.
 */
#include "core/address.h"
#include "core/line_int.h"
#include "core/size.h"

#include <string.h>

#define ASK_SAME_NS (1 * OL_NS_PER_S)
#define ASK_TRIES 5 /* doublings of it */
#define ASK_KEPT_NS (300 * OL_NS_PER_S)
#define ASK_PREV_NS (2 * OL_NS_PER_S)
#define ASK_OTHER_NS (200 * OL_NS_PER_MS)
#define CREDIT_FACTOR 3
#define CREDIT_MAX (64 * 1024)

static const struct ol_addr own;

static bool same_addr(const struct ol_addr *a, const struct ol_addr *b)
{
    return a->len == b->len && memcmp(a->b, b->b, a->len) == 0;
}

const struct ol_addr *ol_addr_of(const struct ol_lchan *ch)
{
    return ch->has_addr ? &ch->addr : &own;
}

/* A connection is made by both ends; so is what we were told to dial. */
static bool proved(const struct ol_lchan *ch)
{
    return !ch->has_addr || ch->proved || ch->conf.kind == OL_CHAN_STREAM;
}

bool ol_addr_open(const struct ol_lchan *ch)
{
    return proved(ch) || ch->credit > 0;
}

void ol_addr_spend(struct ol_lchan *ch, const struct ol_addr *to, size_t n)
{
    if (!proved(ch) && same_addr(to, &ch->addr))
        ch->credit = OL_MAX(ch->credit - (int32_t)n, -(int32_t)OL_FRAME_MAX);
}

static void earn(struct ol_lchan *ch, size_t n)
{
    ch->credit = OL_MIN(ch->credit + CREDIT_FACTOR * (int32_t)n, CREDIT_MAX);
}

static void move_to(struct ol_line *l, unsigned c, const struct ol_addr *to)
{
    struct ol_lchan *ch = &l->ch[c];

    if (proved(ch) && (ch->has_addr || ch->conf.dials)) {
        ch->has_prev = true;
        ch->prev = *ol_addr_of(ch);
    }
    ch->has_addr = to->len > 0;
    ch->addr = *to;
    ch->addr_room = OL_STREAM_ROOM;
    ch->proved = false;
    ch->probe_id = 0; /* it went elsewhere: its echo proves nothing of this */
    /* What one address got too much, the next one waits for: else each move
     * would be worth a frame. */
    ch->credit = OL_MIN(ch->credit, 0);
    ch->has_cand = ch->cand_kept = false;
    ch->current_ns = 0;
    ol_size_moved(l, c);
}

static void ask(struct ol_line *l, unsigned c, const struct ol_addr *where)
{
    struct ol_lchan *ch = &l->ch[c];

    /* Each time anew it may take twice as long: a new question makes the
     * answer to the one before worthless. */
    ch->cand_tries = ch->has_cand && same_addr(&ch->cand, where) &&
                             !ch->cand_kept
                         ? (uint8_t)OL_MIN(ch->cand_tries + 1, ASK_TRIES)
                         : 0;
    ch->cand_ns = l->now_ns;
    ch->cand_move_ns = OL_NEVER_NS;
    ch->has_cand = true;
    ch->cand_kept = false;
    ch->cand = *where;
    ch->cand_probe = ol_probe_new_id(l);
    ch->guesses = 0;
    ol_schedule_ask(l, c, &ch->cand, ch->cand_probe, 0);
}

/* In doubt, the address that was in use before may do: whoever led us away
 * has gone, or a NAT has found its old ways again. */
static void ask_previous(struct ol_line *l, unsigned c)
{
    struct ol_lchan *ch = &l->ch[c];
    struct ol_addr prev = ch->prev;

    if (!ol_chan_late(ch) || !ch->has_prev ||
        ol_addr_is(ch, &prev) || ol_epoch_sending(l) == NULL)
        return;
    if (l->now_ns - ch->cand_ns < ASK_PREV_NS) {
        ol_wake(l, ch->cand_ns + ASK_PREV_NS);
        return;
    }
    ask(l, c, &prev);
}

void ol_addr_heard(struct ol_line *l, unsigned c, const struct ol_addr *from,
                   size_t bytes)
{
    struct ol_lchan *ch = &l->ch[c];
    bool working = ol_chan_usable(ch);
    uint64_t gap = ASK_OTHER_NS;

    if (same_addr(ol_addr_of(ch), from) && (from->len > 0 || ch->conf.dials)) {
        if (!proved(ch))
            earn(ch, bytes);
        return;
    }
    if (!working) {
        move_to(l, c, from);
        earn(ch, bytes);
        ch->probe_next_ns = l->now_ns;
        return;
    }
    if (same_addr(&ch->cand, from))
        gap = ch->cand_kept && ch->state == OL_CHAN_UP
                  ? ASK_KEPT_NS
                  : ASK_SAME_NS << ch->cand_tries;
    if (ch->cand_ns != 0 && l->now_ns - ch->cand_ns < gap)
        return;
    ask(l, c, from);
    ch->ask = true;
}

void ol_addr_echoed(struct ol_line *l, unsigned c, uint32_t id,
                    const struct ol_addr *from)
{
    struct ol_lchan *ch = &l->ch[c];

    if (id == ch->probe_id && ol_addr_is(ch, from)) {
        ch->proved = true;
        ch->credit = 0;
        ch->current_ns = l->now_ns;
    }
    if (ch->has_cand && id == ch->cand_probe && same_addr(from, &ch->cand))
        ch->cand_move_ns = ch->cand_ns + ol_path_pto(&ch->path);
}

void ol_addr_pump(struct ol_line *l, unsigned c)
{
    struct ol_lchan *ch = &l->ch[c];
    struct ol_addr to;

    /* It brought us away, did not answer, and may get no more: a forged
     * sender must not keep us from what we are to dial. */
    if (!ol_addr_open(ch))
        ol_addr_home(l, c);
    if (!ch->has_cand || ch->cand_move_ns == OL_NEVER_NS) {
        ask_previous(l, c);
        return;
    }
    if (l->now_ns < ch->cand_move_ns) {
        ol_wake(l, ch->cand_move_ns);
        return;
    }
    ch->has_cand = false;
    ch->cand_kept = ch->current_ns > ch->cand_ns;
    if (ch->cand_kept)
        return;
    to = ch->cand;
    move_to(l, c, &to);
    ch->proved = true;
    ch->credit = 0;
    /* What went to the old address since is lost; do not wait to notice. */
    ol_path_doubt(l, c);
}

bool ol_addr_gone(struct ol_line *l, unsigned c, const struct ol_addr *from)
{
    struct ol_lchan *ch = &l->ch[c];

    if (same_addr(&ch->cand, from))
        ch->has_cand = false;
    if (same_addr(&ch->prev, from))
        ch->has_prev = false;
    if (!ch->has_addr || !same_addr(&ch->addr, from))
        return false;
    move_to(l, c, &own);
    ch->has_prev = false; /* nobody is there to be asked again */
    return true;
}

bool ol_addr_in_use(const struct ol_lchan *ch, const struct ol_addr *from)
{
    return ch->has_addr && same_addr(&ch->addr, from);
}

bool ol_addr_is(const struct ol_lchan *ch, const struct ol_addr *a)
{
    return same_addr(ol_addr_of(ch), a);
}

void ol_addr_home(struct ol_line *l, unsigned c)
{
    /* An address that was followed and is silent gives way to our own
     * destination. */
    l->ch[c].has_cand = false;
    if (l->ch[c].conf.dials && l->ch[c].has_addr)
        move_to(l, c, &own);
}
