/*
 * How large a frame may be on a channel: black holes of large datagrams.
 *
 *   FULL --- four large ones lost in a row, smaller ones acked ---> BASE
 *    ^                                                               |
 *    +--- a padded probe of that size was acked <-- search upwards --+
 *
 * Happy path: frames of the channel's full size pass, and nothing is done. On
 * a path that swallows them in silence the loss of several in a row, while
 * smaller frames sent later are acked, makes the size fall to OL_FRAME_BASE;
 * what was lost is owed again and goes in smaller frames. Then padded probes
 * look for the largest size that passes, halving what is unknown; some time
 * after they have found it they look again from the top, ever more rarely.
 * The same is done on a hint of the transport, which anybody may have forged:
 * it costs no more than smaller frames for a while. Datagram channels only;
 * each side judges its own direction. Source: RFC 8899; doc/protocol.md 7.1.
 */
#include "core/address.h"
#include "core/line_int.h"
#include "core/size.h"

#define BLACK_HOLE 4u    /* large frames lost in a row */
#define ASK_TIMES 2u     /* a size is given up after so many */
#define FRAME_MS 30u     /* what a frame of a stream takes at most */
#define STEP_MIN 64u     /* bytes that are not worth a search */
#define AGAIN_MIN_NS (10 * OL_NS_PER_S)
#define AGAIN_MAX_NS (600 * OL_NS_PER_S)

void ol_size_init(struct ol_path *p, const struct ol_chan_conf *conf)
{
    p->frame = conf->mtu;
    p->ask_ns = OL_NEVER_NS;
    p->again_ns = AGAIN_MIN_NS;
}

uint32_t ol_size_frame(const struct ol_line *l, unsigned c)
{
    const struct ol_lchan *ch = &l->ch[c];
    const struct ol_rate *r = &ch->path.rate;
    uint32_t most = OL_MIN(ch->path.frame, l->frame_max);

    /* A stream takes any size: one that does not take long. */
    if (ch->conf.kind == OL_CHAN_STREAM && r->full)
        most = (uint32_t)OL_MIN(most, OL_MAX(r->best * FRAME_MS / 1000,
                                             OL_FRAME_BASE));
    return most;
}

/* Looks from the top again, after a while. */
static void look_later(struct ol_line *l, struct ol_path *p)
{
    p->top = 0;
    p->asked = 0;
    p->ask_ns = l->now_ns + p->again_ns;
    p->again_ns = OL_MIN(2 * p->again_ns, AGAIN_MAX_NS);
}

static void fall(struct ol_line *l, unsigned c)
{
    struct ol_path *p = &l->ch[c].path;

    p->large_lost = p->most_acked = 0;
    if (p->frame <= OL_FRAME_BASE)
        return;
    p->frame = OL_FRAME_BASE;
    look_later(l, p);
}

void ol_size_hint(struct ol_line *l, unsigned c)
{
    if (l->ch[c].conf.kind == OL_CHAN_DATAGRAM)
        fall(l, c);
}

void ol_size_moved(struct ol_line *l, unsigned c)
{
    struct ol_path *p = &l->ch[c].path;

    p->large_lost = 0;
    if (p->frame >= l->ch[c].conf.mtu)
        return;
    /* Another way may be wider. */
    p->again_ns = AGAIN_MIN_NS;
    p->ask_ns = l->now_ns + OL_NS_PER_S;
    p->top = p->asked = 0;
}

void ol_size_lost(struct ol_line *l, unsigned c, const struct ol_flight *f)
{
    struct ol_path *p = &l->ch[c].path;

    if (l->ch[c].conf.kind != OL_CHAN_DATAGRAM || f->bytes <= OL_FRAME_BASE)
        return;
    if (f->bytes > p->frame) {
        if (f->bytes != p->asked || ++p->asks < ASK_TIMES)
            return;
        p->top = p->asked;
        p->asked = 0;
        if (p->top - p->frame <= STEP_MIN)
            look_later(l, p);
        return;
    }
    /* One that was acked after it says that such frames pass. */
    if (f->bytes <= p->most_acked && f->counter < p->acked_at)
        return;
    if (p->large_lost == 0 || f->bytes < p->least_lost)
        p->least_lost = f->bytes;
    if (++p->large_lost >= BLACK_HOLE)
        fall(l, c);
}

void ol_size_acked(struct ol_line *l, unsigned c, const struct ol_flight *f)
{
    struct ol_path *p = &l->ch[c].path;

    if (f->bytes <= OL_FRAME_BASE)
        return;
    if (f->bytes >= p->most_acked) {
        p->most_acked = f->bytes;
        p->acked_at = OL_MAX(p->acked_at, f->counter);
    }
    /* A smaller one says nothing of those. */
    if (f->bytes >= p->least_lost)
        p->large_lost = 0;
    if (f->bytes <= p->frame || f->bytes > l->ch[c].conf.mtu)
        return;
    p->frame = f->bytes;
    p->asked = 0;
    /* What was lost before was no bound. */
    if (p->top <= p->frame)
        p->top = 0;
    p->ask_ns = l->now_ns;
    if (p->frame >= OL_MIN(l->ch[c].conf.mtu, l->frame_max)) {
        p->again_ns = AGAIN_MIN_NS;
        p->ask_ns = OL_NEVER_NS;
    } else if (p->top != 0 && p->top - p->frame <= STEP_MIN) {
        look_later(l, p);
    }
}

void ol_size_epoch(struct ol_path *p)
{
    p->most_acked = p->acked_at = p->large_lost = 0;
    p->asks = 0;
}

/* A padded probe when one is due, on a channel that works. */
void ol_size_pump(struct ol_line *l, unsigned c)
{
    struct ol_lchan *ch = &l->ch[c];
    struct ol_path *p = &ch->path;
    uint32_t most = OL_MIN(ch->conf.mtu, l->frame_max);

    if (p->ask_ns == OL_NEVER_NS || p->frame >= most ||
        ch->state != OL_CHAN_UP || !ol_chan_reachable(ch) ||
        ol_epoch_sending(l) == NULL)
        return;
    if (l->now_ns < p->ask_ns) {
        ol_wake(l, p->ask_ns);
        return;
    }
    if (!ol_fx_room(l, 1, OL_FRAME_MAX))
        return;
    if (p->asked == 0) {
        p->asked = p->top == 0 ? most : (p->frame + p->top) / 2;
        p->asks = 0;
    }
    ol_schedule_ask(l, c, ol_addr_of(ch), ol_probe_new_id(l), p->asked);
    /* A small one behind it, whose answer tells when this one is lost. */
    ch->ask = true;
    p->ask_ns = l->now_ns + 4 * ol_path_pto(p);
    ol_wake(l, p->ask_ns);
}
