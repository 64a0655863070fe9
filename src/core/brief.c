/*
 * BRIEF, and quiet on narrow channels.
 *
 * Happy path: a record came on a datagram channel and is on disk; within the
 * delay of its ack one frame of 50 bytes says both. It asks for no ack itself:
 * if it is lost, the record comes again, and so does what is said of it.
 * What is signed or shown (checkpoints, views, prekeys) goes there when no
 * record has passed for a while.
 * It fails by saying it at length: with ranges, parts, a full disk, several
 * logs, when the record's frame was acked already, or before the peer knows
 * our boot.
 */
#include "core/brief.h"

#include <string.h>

#include "core/pack.h"

#define QUIET_MOST_NS (10 * OL_NS_PER_S)
#define SAID_AGAIN 16u /* frames below the newest, though they were named */

void ol_brief_busy(struct ol_line *l, unsigned c)
{
    struct ol_lchan *ch = &l->ch[c];
    uint64_t ns;

    if (!ol_chan_narrow(ch))
        return;
    /* What waits stays below a tenth of the rate, as probes do. */
    ns = OL_FRAME_MIN * 80 * OL_NS_PER_S / ch->conf.rate_bps;
    ch->quiet_ns = l->now_ns + OL_MIN(ns, QUIET_MOST_NS);
}

bool ol_brief_quiet(struct ol_line *l, unsigned c)
{
    if (!ol_chan_narrow(&l->ch[c]) || l->now_ns >= l->ch[c].quiet_ns)
        return true;
    ol_wake(l, l->ch[c].quiet_ns);
    return false;
}

bool ol_brief_line(const struct ol_line *l)
{
    unsigned narrow = 0;

    for (unsigned c = 0; c < l->n_ch; c++) {
        const struct ol_lchan *ch = &l->ch[c];
        if (ch->disabled || ch->conf.kind == OL_CHAN_POUCH)
            continue;
        if (!ol_chan_narrow(ch))
            return false;
        narrow++;
    }
    return narrow > 0;
}

bool ol_brief_talks(const struct ol_line *l)
{
    int best = ol_chan_best(l);

    return best >= 0 && ol_brief_line(l) && l->now_ns < l->ch[best].quiet_ns;
}

bool ol_brief_first(struct ol_line *l, unsigned c)
{
    const struct ol_epoch *e = ol_epoch_sending(l);
    bool owes = false;

    for (unsigned p = 0; p < OL_PRECS; p++)
        owes |= ol_send_next(l, p) != NULL;
    if (!owes || !ol_chan_narrow(&l->ch[c]) || !e->held_seen ||
        ol_path_budget(l, c) == 0)
        return false;
    ol_wake(l, l->now_ns + OL_NS_PER_MS);
    return true;
}

/* The newest run of frames. more: it takes an ACK as well to name all that are
 * to be acked, or that an answer named which may have been lost: what is not
 * named counts as lost, and FLASH goes as often as that loss asks for. */
static bool newest_run(struct ol_line *l, unsigned c, struct ol_brief *b,
                       bool *more)
{
    const struct ol_epoch_chan *ec = &ol_epoch_sending(l)->ch[c];
    uint32_t hi, lo, hi2, lo2;

    if (!ol_window_run(&ec->seen, ec->seen.high, &hi, &lo))
        return false;
    b->high = hi;
    b->first = (uint8_t)OL_MIN(hi - lo, UINT8_MAX);
    *more = lo > 0 && hi - lo < UINT8_MAX &&
            ol_window_run(&ec->seen, lo - 1, &hi2, &lo2) &&
            (ec->owed_acks > hi - lo + 1 ||
             (!ol_chan_narrow(&l->ch[c]) && hi - hi2 <= SAID_AGAIN));
    return true;
}

/* If it is lost the record has to come again: its frame waits for this ack,
 * and where frames are dear or records are repeated that is soon. */
static bool comes_again(struct ol_line *l, unsigned c, unsigned p)
{
    const struct ol_lchan *ch = &l->ch[c];

    return (ol_chan_narrow(ch) || ol_path_repeats(ch)) &&
           (ol_epoch_sending(l)->ch[c].owed_logs >> p & 1);
}

/* All that a HELD would say of log p stands in a BRIEF. */
static bool says_all(const struct ol_line *l, unsigned p)
{
    const struct ol_in_log *in = &l->in[p];

    return !l->full && in->short_of == 0 && in->durable > 0 &&
           in->high == in->durable;
}

bool ol_brief_send(struct ol_line *l, unsigned c)
{
    struct ol_epoch *e = ol_epoch_sending(l);
    uint8_t logs = ol_frame_dirty_logs(l) & (uint8_t)~OL_HELD_OURS;
    unsigned p = logs != 0 ? (unsigned)__builtin_ctz(logs) : 0;
    struct ol_brief b = {.prec = (uint8_t)p};
    struct ol_out_frame f;
    struct ol_held h;
    bool more = false;

    if ((int)c != ol_chan_best(l) || !e->told || logs != 1u << p ||
        !comes_again(l, c, p) || !says_all(l, p) ||
        !newest_run(l, c, &b, &more) || !ol_frame_begin(l, &f, c, NULL))
        return false;
    ol_recv_holding(l, logs, &h);
    b.serial = h.serial;
    b.upto = h.log[p].upto;
    memcpy(b.root, h.log[p].root, OL_ROOT);
    /* First: what the BRIEF alone leaves out would be taken for lost. */
    if ((more && !ol_frame_add_ack(l, &f, &e->ch[c])) ||
        !ol_brief_encode(&f.w, &b))
        return false;
    ol_frame_ack_said(&e->ch[c]);
    if (!ol_chan_narrow(&l->ch[c])) {
        e->ch[c].brief_logs = (uint8_t)(1u << p);
        e->ch[c].brief_ns = l->now_ns + 2 * ol_path_pto(&l->ch[c].path);
    }
    l->in[p].told = h.serial;
    l->in[p].dirty = l->in[p].urgent = false;
    ol_brief_busy(l, c);
    ol_frame_finish(l, &f);
    return true;
}

enum ol_err ol_brief_take(struct ol_line *l, const struct ol_where *at,
                          const struct ol_brief *b)
{
    struct ol_epoch *e = ol_epoch_sending(l);
    struct ol_held h = {.serial = b->serial, .logs = (uint8_t)(1u << b->prec)};
    struct ol_held_log *log = &h.log[b->prec];
    struct ol_ack ack = {.high = b->high, .count = 1};

    /* Whose boot it is the first HELD of the epoch said. */
    if (at->epoch == NULL || !at->epoch->held_seen)
        return OL_ERR_MALFORMED;
    memcpy(h.boot, at->epoch->boot, sizeof(h.boot));
    log->upto = b->upto;
    memcpy(log->root, b->root, OL_ROOT);
    log->limit = OL_MIN(UINT32_MAX - b->upto, ol_window_of[b->prec]) + b->upto;
    ol_recv_held(l, &h, at->current ? OL_HELD_LIVE : OL_HELD_LATE);
    if (at->epoch != e || e->ch[at->c].counter == 0)
        return OL_OK;
    ack.index = e->ch[at->c].tx.index;
    ack.v[0].hi = b->high;
    ack.v[0].lo = b->high - b->first;
    ol_path_acked(l, at->c, &ack, at->c);
    return OL_OK;
}
