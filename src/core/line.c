/*
 * The line's dispatcher: one event in, its effects out.
 *
 * Happy path: the event goes to the file that owns what it speaks of; then
 * everything that is due, whatever the event was, is done in one fixed order
 * (pump), so that no handler needs to know what its news sets off. A step
 * that runs out of effects says `more` and the next TICK goes on.
 * Nothing here fails: the returned error speaks of the event's own bytes.
 */
#include "core/restore.h"

#include <string.h>

#define MAGIC UINT64_C(0x6f6c2d6c696e6531)

const char *ol_what_name(enum ol_what what)
{
    static const char *const name[] = {
        "arrived",  "delivered", "read",     "understood",
        "answered", "declined",  "overdue",  "channel",
        "line",     "blackout",  "restored", "alarm",
        "attachment", "cancelled", "superseded", "distributed",
        "checked",    "fulfilled", "stance", "caught-up", "escalated",
        "attendance", "exercise"};

    return (unsigned)what < OL_LEN(name) ? name[what] : "unknown";
}

size_t ol_line_size(void)
{
    return sizeof(struct ol_line);
}

static enum ol_err init_channel(struct ol_line *l, unsigned c,
                                const struct ol_conf *conf)
{
    struct ol_lchan *ch = &l->ch[c];
    const struct ol_chan_conf *cc = &conf->channels[c];

    ch->conf = *cc;
    if (!ol_channel_name_ok(ol_span_str(cc->name)) ||
        cc->mtu < OL_FRAME_MIN)
        return OL_ERR_INPUT;
    /* Of two names with one tag the peer could mean either. */
    ch->tag = ol_channel_tag(l->shared.line_id, ol_span_str(cc->name));
    for (unsigned i = 0; i < c; i++)
        if (l->ch[i].tag == ch->tag)
            return OL_ERR_EXISTS;
    ch->conf.mtu = OL_MIN(cc->mtu, OL_FRAME_MAX);
    ch->hold_ns = cc->hold_ns != 0 ? cc->hold_ns : conf->hold_ns;
    ch->disabled = cc->disabled;
    ch->state = ch->told = OL_CHAN_FRESH;
    if (cc->kind == OL_CHAN_POUCH)
        ch->state = ch->told = OL_CHAN_IDLE;
    if (cc->disabled)
        ch->state = ch->told = OL_CHAN_DISABLED;
    ch->peer_state = OL_CHAN_UNKNOWN;
    ol_path_init(&ch->path, &ch->conf);
    return OL_OK;
}

enum ol_err ol_line_init(struct ol_line **line, void *mem,
                         const struct ol_conf *conf)
{
    struct ol_line *l = mem;
    enum ol_err err;

    if (conf->n_channels > OL_CHANNELS_MAX || conf->probe_ns == 0 ||
        conf->hold_ns < conf->probe_ns)
        return OL_ERR_INPUT;
    l->id = *conf->identity;
    memcpy(l->peer.ed_pk, conf->peer_ed_pk, 32);
    memcpy(l->peer.x_pk, conf->peer_x_pk, 32);
    err = ol_shared_make(&l->shared, &l->id, &l->peer, conf->own_share,
                         conf->peer_share);
    if (err != OL_OK)
        return err;
    ol_wrap_keys_make(&l->wrap, &l->shared);
    ol_leaf_stem_make(&l->stem[OL_OWN], l->shared.line_id, l->id.ed_pk);
    ol_leaf_stem_make(&l->stem[OL_PEER], l->shared.line_id, l->peer.ed_pk);
    ol_rng_init(&l->rng, conf->seed);
    memcpy(l->boot, conf->boot, sizeof(l->boot));
    l->probe_ns = conf->probe_ns;
    l->hold_ns = conf->hold_ns;
    l->n_ch = conf->n_channels;
    l->sending = -1;
    l->frame_max = OL_FRAME_MAX;
    l->ref_free = OL_NO_REF;
    l->lazy_ns = l->push.retry_ns = OL_NEVER_NS;
    l->state = l->told = OL_LINE_UNKNOWN;
    l->peer_line = OL_LINE_UNKNOWN;
    for (unsigned c = 0; c < l->n_ch; c++) {
        err = init_channel(l, c, conf);
        if (err != OL_OK)
            return err;
    }
    err = ol_kept_decode(conf->snapshot.state, &l->kept);
    l->ran_s = l->kept.ran_s;
    if (err == OL_OK)
        err = ol_send_init(l, &conf->snapshot);
    if (err == OL_OK)
        err = ol_recv_init(l, &conf->snapshot);
    if (err != OL_OK)
        return err;
    ol_restore_init(l, conf->restored);
    /* A new boot has something to say if it holds anything. */
    for (unsigned p = 0; p < OL_PRECS; p++)
        if (l->in[p].durable > 0)
            ol_pouch_changed(l);
    l->magic = MAGIC;
    *line = l;
    return OL_OK;
}

static void start(struct ol_line *l)
{
    l->start_ns = l->now_ns;
    for (unsigned c = 0; c < l->n_ch; c++)
        l->ch[c].born_ns = l->now_ns;
}

static enum ol_err packet(struct ol_line *l, const struct ol_event *ev)
{
    bool pouch = ev->channel == OL_CHANNEL_FILE;

    if (ev->bytes.n == 0)
        return OL_ERR_SHORT;
    if (ev->channel < l->n_ch) {
        if (l->ch[ev->channel].disabled)
            return OL_ERR_DENIED;
        pouch = l->ch[ev->channel].conf.kind == OL_CHAN_POUCH;
    } else if (ev->channel != OL_CHANNEL_ANY && !pouch) {
        return OL_ERR_INPUT;
    }
    /* A pouch takes bundles and nothing else; the others all but bundles. */
    if (pouch != (ev->bytes.p[0] == OL_PACKET_BUNDLE))
        return OL_ERR_DENIED;
    switch (ev->bytes.p[0]) {
    case OL_PACKET_KNOCK:
    case OL_PACKET_RESPONSE:
    case OL_PACKET_BEHIND:
        return ol_hand_packet(l, ev);
    case OL_PACKET_FRAME:
        return ol_frame_packet(l, ev);
    case OL_PACKET_BUNDLE:
        return ol_pouch_packet(l, ev);
    default:
        return OL_ERR_STRANGER;
    }
}

static enum ol_err attachment(struct ol_line *l, const struct ol_event *ev)
{
    switch (ev->kind) {
    case OL_EV_WANT:
        return ol_pull_want(l, ev);
    case OL_EV_PASS:
        ol_pull_pass(l, ev->file->hash);
        return OL_OK;
    case OL_EV_DONE:
        return ol_pull_say(l, ev, OL_WANT_DONE);
    case OL_EV_DECLINE:
        return ol_pull_say(l, ev, OL_WANT_DECLINED);
    case OL_EV_NOTED:
        return ol_push_note(l, ev);
    case OL_EV_PIECE:
        if (!ol_push_piece(l, ev))
            (void)ol_pouch_piece(l, ev);
        return OL_OK;
    case OL_EV_FILE:
        return ol_pouch_file(l, ev);
    default:
        return OL_ERR_INPUT;
    }
}

static enum ol_err dispatch(struct ol_line *l, const struct ol_event *ev)
{
    switch (ev->kind) {
    case OL_EV_START:
        start(l);
        return OL_OK;
    case OL_EV_FRAME:
        return packet(l, ev);
    case OL_EV_SUBMIT:
        return ol_send_submit(l, ev);
    case OL_EV_COMMITTED:
        ol_fx_committed(l, ev->token);
        return OL_OK;
    case OL_EV_LOADED:
        if (!ol_pouch_loaded(l, ev) && !ol_restore_loaded(l, ev) &&
            !ol_give_loaded(l, ev) && !ol_recv_loaded(l, ev))
            ol_send_loaded(l, ev);
        return OL_OK;
    case OL_EV_CHANNEL:
        if (ev->channel >= l->n_ch)
            return OL_ERR_MISSING;
        ol_probe_transport(l, ev->channel, &ev->from, ev->chan);
        return OL_OK;
    case OL_EV_ENABLE:
        if (ev->channel >= l->n_ch)
            return OL_ERR_MISSING;
        ol_probe_enable(l, ev->channel, ev->on);
        return OL_OK;
    case OL_EV_EXPORT:
        return ol_pouch_export(l, ev->token);
    case OL_EV_ATTEND:
        return ol_probe_attend(l, ev->attendance);
    case OL_EV_TICK:
        return OL_OK;
    default:
        return attachment(l, ev);
    }
}

/* Everything that is due, in one order: what moves states first, then what
 * goes to disk, then what goes out. */
static void pump(struct ol_line *l)
{
    for (unsigned c = 0; c < l->n_ch; c++)
        ol_path_pump(l, c);
    ol_epoch_pump(l);
    ol_probe_pump(l);
    ol_restore_pump(l);
    ol_give_pump(l);
    ol_recv_pump(l);
    ol_send_pump(l);
    ol_pull_pump(l);
    ol_push_pump(l);
    ol_hand_pump(l);
    ol_prekey_pump(l);
    ol_pouch_pump(l);
    ol_schedule_pump(l);
    ol_fx_flush(l);
    ol_imported_pump(l);
    ol_fx_close(l);
}

/* Of frames that came together only the last sets off what is due: one ACK, one
 * batch, one look at all timers. An ECHO does not wait, for the next probe
 * would take its place; nor does what has effects already. */
static bool put_off(struct ol_line *l, const struct ol_event *ev)
{
    bool waits = ev->kind == OL_EV_FRAME && ev->follows && ev->bytes.n > 0 &&
                 ev->bytes.p[0] == OL_PACKET_FRAME &&
                 l->put_off < OL_TOGETHER && l->cur == NULL &&
                 l->fx->count == 0;

    for (unsigned c = 0; c < l->n_ch; c++)
        waits &= !l->ch[c].echo_due;
    l->put_off = waits ? l->put_off + 1 : 0;
    return waits;
}

enum ol_err ol_line_step(struct ol_line *l, const struct ol_event *ev,
                         uint64_t now_ns, struct ol_effects *eff)
{
    enum ol_err err;

    OL_CHECK(l->magic == MAGIC);
    /* Time does not run backwards; a caller's clock that does stands. */
    l->now_ns = OL_MAX(l->now_ns, now_ns);
    l->fx = eff;
    ol_fx_wipe(l);
    l->arena_n = 0;
    /* Between steps the transport has spoken, if it was full. */
    for (unsigned c = 0; c < l->n_ch && !l->going_on; c++)
        l->ch[c].spent = 0;
    l->full = ev->full;
    eff->batch = 0;
    eff->wake_ns = OL_NEVER_NS;
    eff->more = false;
    eff->count = eff->taken = 0;
    if (ev->fresh != NULL)
        ol_rng_mix(&l->rng, ev->fresh);
    err = dispatch(l, ev);
    if (put_off(l, ev))
        eff->wake_ns = l->now_ns;
    else
        pump(l);
    if (eff->more)
        eff->wake_ns = l->now_ns;
    l->going_on = eff->more;
    l->fx = NULL;
    return err;
}

void ol_line_fini(struct ol_line *l)
{
    if (l != NULL)
        ol_wipe(l, sizeof(*l));
}

bool ol_line_claims(const struct ol_line *l, struct ol_span p,
                    uint16_t *channel)
{
    struct ol_frame_head head;
    uint8_t ep[4], cs[4];

    *channel = OL_CHANNEL_ANY;
    if (p.n == 0)
        return false;
    if (p.p[0] == OL_PACKET_FRAME) {
        if (ol_frame_decode(p, &head) != OL_OK)
            return false;
        switch (ol_epoch_find(l, head.index, ep, cs)) {
        case 0:
            return false;
        case 1:
            *channel = cs[0];
            return true;
        default:
            return true;
        }
    }
    return ol_wrap_ours(&l->wrap, p);
}
