/*
 * Facts of a line for people: copied out, nothing computed that a step would
 * not know. What is not known stays zero, negative or UNKNOWN.
 */
#include "core/restore.h"

#include <string.h>

static void channel(const struct ol_lchan *ch, struct ol_chan_status *o)
{
    o->state = ch->state;
    o->peer_sees = ch->peer_state_ns != 0 ? ch->peer_state : OL_CHAN_UNKNOWN;
    o->peer_sees_ns = ch->peer_state_ns;
    o->last_heard_ns = ch->heard_ns;
    o->answered_ns = ch->answered_ns;
    o->trial = ch->trial;
    o->rtt_ns = ch->path.srtt_ns;
    o->loss = ch->path.loss;
    o->frames_sent = ch->frames_sent;
    o->frames_received = ch->frames_received;
    o->frames_acked = ch->path.acked_n;
    o->frames_lost = ch->path.lost_n;
    o->bytes_sent = ch->bytes_sent;
    o->bytes_received = ch->bytes_received;
    o->knocks_sent = ch->knocks_sent;
    o->knocks_answered = ch->knocks_answered;
    o->dropped = ch->dropped;
    o->frame_bytes = ch->path.frame;
    o->transport_up = ch->up || ch->has_addr;
}

/* All channels that carry the line now share one declared fate. */
static bool shared_fate(const struct ol_line *l)
{
    uint32_t fate = 0;
    unsigned n = 0;

    for (unsigned c = 0; c < l->n_ch; c++) {
        const struct ol_lchan *ch = &l->ch[c];
        if (!ol_chan_usable(ch) && ch->state != OL_CHAN_IDLE)
            continue;
        if (ch->conf.fate == 0 || (n > 0 && ch->conf.fate != fate))
            return false;
        fate = ch->conf.fate;
        n++;
    }
    return n > 0;
}

void ol_line_status(const struct ol_line *l, uint64_t now_ns,
                    struct ol_line_status *o)
{
    const uint8_t *pk;

    (void)now_ns;
    memset(o, 0, sizeof(*o));
    o->state = l->state == OL_LINE_UNKNOWN ? OL_LINE_DARK : l->state;
    o->peer_sees = l->peer_line_ns != 0 ? l->peer_line : OL_LINE_UNKNOWN;
    o->peer_sees_ns = l->peer_line_ns;
    o->dark_since_ns = l->dark_since_ns;
    o->dark_detected_ns = l->dark_detected_ns;
    o->last_heard_ns = l->last_heard_ns;
    o->shared_fate = shared_fate(l);
    o->live = l->sending >= 0;
    for (unsigned p = 0; p < OL_PRECS; p++)
        o->stopped |= l->out[p].stopped;
    o->restored = l->kept.unproved;
    o->returning = ol_restore_any(l);
    memcpy(o->returned, l->kept.returned, sizeof(o->returned));
    /* Without a live channel, what leaves leaves in a bundle. */
    o->forward_secrecy = ol_line_live(l) || ol_prekey_to(l, &pk) != 0;
    o->shown = l->shown;
    o->said = l->peer_line_ns != 0 ? l->peer_attendance : OL_ATT_UNKNOWN;
    o->theirs = ol_probe_theirs(l);
    for (unsigned p = 0; p < OL_PRECS; p++)
        o->queue[p] = l->out[p].size - l->out[p].acked;
    o->wrong_share = l->wrong_share;
    o->wrong_identity = l->wrong_identity;
    o->second = l->second;
    o->peer_second = l->peer_second;
    o->epoch = l->sending < 0 ? 0 : l->epoch[l->sending].opening;
    o->n_channels = l->n_ch;
    for (unsigned c = 0; c < l->n_ch; c++)
        channel(&l->ch[c], &o->ch[c]);
}
