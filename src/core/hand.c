/*
 * The handshake of a line: attempts, knocks, responses.
 *
 *   initiator                                responder
 *   reserve an opening number on disk
 *   create message 1, once
 *   knock on every channel    ----------->   unwrap, number, consume, DH
 *                                            reserve the number on disk
 *   consume: the epoch is     <-----------   response there and everywhere
 *   confirmed; a probe in it  ----------->   a frame in it confirms
 *
 * Strangers get no answer: what does not unwrap ends here. An equal number
 * gets the kept response again without a Diffie-Hellman; a lower one, once a
 * second, a sealed BEHIND. A knock that is ours by its short hash and does not
 * open is a wrong share, or damage, and is told to our own side only.
 *
 * Each number belongs to one message 1, and a station knows which it made. Two
 * messages of one number, or a number that its station did not make (payloads
 * say which were made and seen), come from two copies of a station, or from an
 * old copy put back: both sides are told, and the copy that is answered in the
 * other's place takes a higher number. So a copy that somebody stole can
 * neither keep the station out nor speak unnoticed. Source: doc/protocol.md 2.
 */
#include "core/address.h"
#include "core/brief.h"
#include "core/pack.h"

#include <string.h>

#define OL_WRAP_OVER (OL_SEALED_HEAD + OL_TAG)

/* The opening number is in it, so that no recorded message 1 can be sent again
 * under another one. */
static size_t prologue(const struct ol_line *l, uint64_t opening,
                       uint8_t out[56])
{
    struct ol_writer w;

    ol_writer_init(&w, out, 56);
    ol_write_bytes(&w, ol_span_str(OL_PROTOCOL_NAME));
    ol_write_u8(&w, OL_PROTOCOL_VERSION);
    ol_write_bytes(&w, OL_SPAN_ARRAY(l->shared.line_id));
    ol_write_u64(&w, opening);
    OL_CHECK(!w.failed);
    return w.n;
}

static void noise_init(struct ol_line *l, struct ol_noise *ns, bool initiator,
                       uint64_t opening)
{
    uint8_t pro[56], e_sk[32];
    size_t n = prologue(l, opening, pro);

    ol_rng_fill(&l->rng, e_sk, sizeof(e_sk));
    ol_noise_ik_init(ns, initiator, OL_SPAN(pro, n), l->id.x_sk, l->id.x_pk,
                     l->peer.x_pk, l->shared.psk, e_sk);
    ol_wipe(e_sk, sizeof(e_sk));
}

/* What both sides say of themselves, and of the knocks before; the responder
 * adds what it holds. Who was put back from a copy does not know what it made,
 * and is no news. */
static size_t payload(struct ol_line *l, bool with_held, uint8_t *out)
{
    struct ol_openings o = {.made = with_held ? l->kept.open_sent
                                              : l->attempt.before,
                            .seen = l->verified};
    struct ol_hello hello = {.version_min = OL_PROTOCOL_VERSION,
                             .version_max = OL_PROTOCOL_VERSION,
                             .frame_max = OL_FRAME_MAX};
    struct ol_held held;
    struct ol_writer w;

    ol_writer_init(&w, out, OL_PAYLOAD_SAID);
    OL_CHECK(ol_hello_encode(&w, &hello));
    if (!l->kept.uncounted)
        OL_CHECK(ol_openings_encode(&w, &o));
    if (with_held) {
        ol_recv_holding(l, ol_brief_line(l) ? OL_HELD_ALL & ~OL_HELD_OURS
                                            : OL_HELD_ALL, &held);
        (void)ol_held_encode(&w, &held);
        for (unsigned p = 0; p < OL_PRECS; p++) {
            l->response.held[p] = held.log[p].upto;
            l->response.limit[p] = held.log[p].limit;
        }
    }
    return w.n;
}

/* Wraps a Noise message for one channel and sends it. */
static void send_wrapped(struct ol_line *l, enum ol_packet type, unsigned c,
                         const struct ol_addr *to, struct ol_span noise,
                         uint64_t opening)
{
    uint8_t plain[OL_KNOCK_MAX], nonce[OL_SEALED_NONCE];
    struct ol_knock k = {
        .opening = opening, .tag = l->ch[c].tag, .noise = noise};
    struct ol_writer w;
    struct ol_send *s;
    uint8_t *out;

    if (!ol_fx_room(l, 1, OL_KNOCK_MAX))
        return;
    ol_writer_init(&w, plain, sizeof(plain));
    ol_knock_encode(&w, &k);
    OL_CHECK(!w.failed);
    ol_rng_fill(&l->rng, nonce, sizeof(nonce));
    if (type == OL_PACKET_KNOCK)
        memcpy(l->nonces[l->n_nonces++ % OL_NONCES], nonce, sizeof(nonce));
    out = ol_fx_bytes(l, w.n + OL_WRAP_OVER);
    ol_wrap_seal(out, &l->wrap, (uint8_t)type, nonce, OL_SPAN(plain, w.n));
    s = &ol_fx_add(l, OL_FX_SEND)->send;
    s->channel = (uint16_t)c;
    s->to = *to;
    s->bytes = OL_SPAN(out, w.n + OL_WRAP_OVER);
    l->ch[c].bytes_sent += s->bytes.n;
    ol_addr_spend(&l->ch[c], to, s->bytes.n);
}

/* ---- initiator ---------------------------------------------------------- */

static void begin(struct ol_line *l)
{
    struct ol_attempt *a = &l->attempt;
    uint64_t number = OL_MAX(l->kept.open_sent, l->kept.open_seen) + 1;
    uint64_t before = l->kept.open_sent;

    l->kept.open_sent = number;
    a->batch = ol_fx_keep(l);
    if (a->batch == 0) {
        l->kept.open_sent = before;
        return;
    }
    ol_noise_fini(&a->noise);
    memset(a, 0, offsetof(struct ol_attempt, noise));
    /* Our past life may have made any number. */
    a->before = l->kept.uncounted ? number : before;
    a->batch = l->given;
    a->active = true;
    a->opening = number;
    a->started_ns = l->now_ns;
    a->sent = a->on = 0;
    memset(a->next_ns, 0, sizeof(a->next_ns));
}

static void make(struct ol_line *l)
{
    struct ol_attempt *a = &l->attempt;
    uint8_t text[OL_PAYLOAD_MAX];
    size_t n;

    noise_init(l, &a->noise, true, a->opening);
    n = payload(l, false, text);
    ol_noise_ik1_create(&a->noise, OL_SPAN(text, n), a->msg);
    a->msg_n = (uint16_t)(n + OL_NOISE_IK1_OVER);
    a->made = true;
}

/* When the same knock goes again on a channel, after so many without a
 * response: twice the round trip that is expected of it, at least a second; of
 * a declared rate a tenth in the end, and more before, so that one that is lost
 * costs little more than the time in which it could have been answered. */
static uint64_t again(const struct ol_line *l, unsigned c, uint64_t knocks)
{
    const struct ol_lchan *ch = &l->ch[c];
    uint64_t ns = OL_KNOCK_MIN_MS * OL_NS_PER_MS;
    unsigned times = knocks == 1 ? 4 : knocks == 2 ? 8 : 10;

    ns = OL_MAX(ns, 2 * ch->path.srtt_ns);
    if (l->attempt.sent > 10 * l->n_ch && !ol_send_owes(l))
        ns = OL_MAX(ns, OL_PROBE_DOUBT_MS * OL_NS_PER_MS);
    if (l->now_ns - l->attempt.started_ns >
        OL_PROBE_LATE_AFTER_S * OL_NS_PER_S)
        ns = OL_PROBE_LATE_MS * OL_NS_PER_MS;
    if (ch->conf.rate_bps > 0)
        ns = OL_MAX(ns, times * OL_KNOCK_COSTS * 8 * OL_NS_PER_S /
                            ch->conf.rate_bps);
    return ns;
}

static void knock(struct ol_line *l)
{
    struct ol_attempt *a = &l->attempt;

    for (unsigned c = 0; c < l->n_ch; c++) {
        struct ol_lchan *ch = &l->ch[c];
        if (ch->conf.kind == OL_CHAN_POUCH || !ol_chan_reachable(ch))
            continue;
        if (l->now_ns < a->next_ns[c]) {
            ol_wake(l, a->next_ns[c]);
            continue;
        }
        if (!ol_fx_room(l, 1, OL_KNOCK_MAX))
            return;
        send_wrapped(l, OL_PACKET_KNOCK, c, ol_addr_of(ch),
                     OL_SPAN(a->msg, a->msg_n), a->opening);
        if (a->sent++ == 0)
            a->first_ns = l->now_ns;
        a->on |= (uint16_t)(1u << c);
        ch->knocks_sent++;
        a->next_ns[c] = l->now_ns + again(l, c, ch->knocks_sent);
        ol_wake(l, a->next_ns[c]);
    }
}

/* The epoch we send under has had time to show whether frames of it pass. */
static bool had_time(struct ol_line *l, const struct ol_epoch *e)
{
    uint64_t at = OL_NEVER_NS;

    for (unsigned c = 0; c < l->n_ch; c++)
        if (l->ch[c].conf.kind != OL_CHAN_POUCH &&
            ol_chan_reachable(&l->ch[c]))
            at = OL_MIN(at, again(l, c, UINT64_MAX));
    at = OL_MAX(at + e->confirmed_ns, e->settle_ns);
    if (l->now_ns >= at)
        return true;
    ol_wake(l, at);
    return false;
}

static bool wanted(struct ol_line *l)
{
    const struct ol_epoch *e = ol_epoch_sending(l);
    bool any = false;

    for (unsigned c = 0; c < l->n_ch; c++)
        any |= l->ch[c].conf.kind != OL_CHAN_POUCH &&
               ol_chan_reachable(&l->ch[c]);
    if (!any)
        return false;
    /* Not live: the peer may have lost its epochs with a reboot. */
    return e == NULL || ol_epoch_stale(l) ||
           (!ol_line_live(l) && had_time(l, e));
}

void ol_hand_confirmed(struct ol_line *l, const struct ol_epoch *e)
{
    struct ol_attempt *a = &l->attempt;

    if (!a->active || e->opening < a->opening)
        return;
    a->active = false;
    ol_noise_fini(&a->noise);
}

void ol_hand_heard(struct ol_line *l, const struct ol_epoch *e)
{
    if (e->opening >= l->response.opening)
        l->response.heard = true;
}

void ol_hand_proved(struct ol_line *l, const struct ol_epoch *e, unsigned c,
                    const struct ol_addr *from)
{
    const struct ol_response *r = &l->response;
    struct ol_lchan *ch = &l->ch[c];

    if (e->initiator || e->opening != r->opening || r->on != 1u << c ||
        !ol_chan_narrow(ch))
        return;
    ol_probe_answered(l, c, r->sent_ns);
    if (ch->has_addr && ol_addr_is(ch, from) && from->len == r->to.len &&
        memcmp(from->b, r->to.b, from->len) == 0)
        ch->proved = true;
}

bool ol_hand_told(const struct ol_line *l, const struct ol_epoch *e,
                  unsigned prec)
{
    const struct ol_response *r = &l->response;

    return ol_brief_line(l) && !e->initiator && r->valid && !l->full &&
           e->opening == r->opening && r->held[prec] == l->in[prec].durable &&
           l->in[prec].short_of == 0 &&
           r->limit[prec] == ol_credit_limit(l, prec);
}

void ol_hand_hurry(struct ol_line *l, uint16_t channel)
{
    l->attempt.next_ns[channel] = 0;
}

/* ---- two copies of a station -------------------------------------------- */

/* Somebody else has our keys, or the directory that we run from is old. */
static void second(struct ol_line *l, unsigned c)
{
    if (l->second++ == 0)
        ol_fx_alarm(l, "somebody else knocks with this station's keys, or "
                       "this is an old copy of it");
    ol_fx_note(l, OL_NOTE_SECOND, (uint16_t)c, 0, 0);
}

static void peer_second(struct ol_line *l, unsigned c)
{
    if (l->peer_second++ == 0)
        ol_fx_alarm(l, "two copies of the peer's station knock, or an old "
                       "one was put back");
    ol_fx_note(l, OL_NOTE_PEER_SECOND, (uint16_t)c, 0, 0);
}

/* What the peer saw was ours only if we made that number: all that we made are
 * on our disk, and none lies between the last two. */
static void judge_seen(struct ol_line *l, const struct ol_openings *o)
{
    const struct ol_attempt *a = &l->attempt;

    if (l->kept.uncounted)
        return;
    if (o->seen > l->kept.open_sent ||
        (o->seen > a->before && o->seen < a->opening))
        second(l, OL_CHANNEL_ANY);
}

/* A knock of the peer says what its station made before: that is less than a
 * number which was made with the peer's keys. */
static void judge_made(struct ol_line *l, const struct ol_openings *o)
{
    if (o->made < l->verified)
        peer_second(l, OL_CHANNEL_ANY);
}

/* A handshake after we were put back from a copy: all that the peer saw of us
 * counts as made here. An honest one saw less than the number of this one. */
static void count_on(struct ol_line *l, uint64_t seen, uint64_t opening)
{
    if (!l->kept.uncounted)
        return;
    l->kept.open_sent = OL_MAX(l->kept.open_sent, OL_MIN(seen, opening - 1));
    l->kept.uncounted = false;
    l->kept_dirty = true;
}

/* ---- responder ---------------------------------------------------------- */

static bool dh_allowed(struct ol_line *l)
{
    uint64_t gap = OL_NS_PER_S / OL_DH_PER_S;

    if (l->now_ns - l->dh_ns > OL_NS_PER_S) {
        l->dh_left = OL_DH_PER_S;
        l->dh_ns = l->now_ns;
    }
    while (l->dh_left < OL_DH_PER_S && l->now_ns - l->dh_ns >= gap) {
        l->dh_left++;
        l->dh_ns += gap;
    }
    if (l->dh_left == 0)
        return false;
    l->dh_left--;
    return true;
}

/* The payload of either message: HELLO once and first, with versions and
 * limits; openings (as the caller judges them); perhaps HELD. */
static enum ol_err greet(struct ol_line *l, struct ol_span text,
                         struct ol_openings *o, struct ol_epoch *e)
{
    struct ol_reader r;
    struct ol_chunk ch;
    struct ol_hello hello;
    struct ol_held held;
    enum ol_err err;

    ol_reader_init(&r, text);
    for (bool first = true;; first = false) {
        err = ol_chunk_next(&r, OL_IN_HANDSHAKE, &ch);
        if (err != OL_OK)
            return err;
        if (first != (ch.type == OL_CHUNK_HELLO))
            return OL_ERR_MALFORMED;
        if (ch.type == OL_CHUNK_PAD)
            return OL_OK;
        if (ch.type == OL_CHUNK_HELLO) {
            err = ol_hello_decode(ch.body, &hello);
            if (err != OL_OK)
                return err;
            if (hello.version_min > OL_PROTOCOL_VERSION ||
                hello.version_max < OL_PROTOCOL_VERSION)
                return OL_ERR_VERSION;
            if (hello.frame_max >= OL_FRAME_MIN)
                l->frame_max = OL_MIN(hello.frame_max, OL_FRAME_MAX);
        } else if (ch.type == OL_CHUNK_OPENINGS && o != NULL) {
            err = ol_openings_decode(ch.body, o);
            if (err != OL_OK)
                return err;
        } else if (ch.type == OL_CHUNK_HELD && e != NULL) {
            err = ol_held_decode(ch.body, &held);
            if (err != OL_OK)
                return err;
            (void)ol_recv_boot_fits(e, held.boot);
            ol_recv_held(l, &held, e == ol_epoch_sending(l) ? OL_HELD_LIVE
                                                            : OL_HELD_LATE);
        }
    }
}

static void respond(struct ol_line *l)
{
    struct ol_response *r = &l->response;
    struct ol_span msg = OL_SPAN(r->msg, r->msg_n);

    send_wrapped(l, OL_PACKET_RESPONSE, r->channel, &r->to, msg, r->opening);
    r->on = (uint16_t)(1u << r->channel);
    for (unsigned c = 0; c < l->n_ch; c++)
        if (c != r->channel && l->ch[c].conf.kind != OL_CHAN_POUCH &&
            ol_chan_reachable(&l->ch[c])) {
            send_wrapped(l, OL_PACKET_RESPONSE, c, ol_addr_of(&l->ch[c]), msg,
                         r->opening);
            r->on |= (uint16_t)(1u << c);
        }
    r->sent_ns = l->ch[r->channel].response_ns = l->now_ns;
    r->due = false;
}

/* The epoch that a response made has not ended meanwhile. */
static bool still_there(const struct ol_line *l, uint64_t opening)
{
    for (unsigned i = 0; i < OL_EPOCHS_MAX; i++)
        if (l->epoch[i].state != OL_EP_FREE && !l->epoch[i].initiator &&
            l->epoch[i].opening == opening)
            return true;
    return false;
}

/* Does a knock with the number of our newest response say the same as the one
 * that was answered. If not, our own side is told. */
static bool check_same(struct ol_line *l, unsigned c, const struct ol_knock *k)
{
    if (k->noise.n >= sizeof(l->response.e) &&
        memcmp(k->noise.p, l->response.e, sizeof(l->response.e)) == 0)
        return true;
    peer_second(l, c);
    return false;
}

/* A number that is not new: the response again, or BEHIND, or silence. */
static enum ol_err old_number(struct ol_line *l, const struct ol_event *ev,
                              unsigned c, const struct ol_knock *k)
{
    struct ol_response *r = &l->response;
    struct ol_behind b;
    struct ol_writer w;
    uint8_t plain[OL_BEHIND_PLAIN], nonce[OL_SEALED_NONCE];
    struct ol_send *s;
    uint8_t *out;

    /* Whoever made it has the answer: this is a copy that was late, or what
     * a thief recorded, and he gets nothing for it. */
    if (r->valid && k->opening == r->opening && check_same(l, c, k) &&
        r->heard)
        return OL_ERR_STALE;
    if (r->valid && k->opening == r->opening && still_there(l, r->opening)) {
        if (!r->due && l->now_ns - l->ch[c].response_ns >=
                           OL_NS_PER_S / OL_DH_PER_S) {
            l->ch[c].response_ns = l->now_ns;
            r->on |= (uint16_t)(1u << c);
            send_wrapped(l, OL_PACKET_RESPONSE, c, &ev->from,
                         OL_SPAN(r->msg, r->msg_n), r->opening);
        }
        return OL_OK;
    }
    if (!ol_fx_room(l, 1, OL_KNOCK_MAX) ||
        (l->behind_ns != 0 && l->now_ns - l->behind_ns <
                                  OL_BEHIND_MIN_MS * OL_NS_PER_MS))
        return OL_ERR_STALE;
    l->behind_ns = l->now_ns;
    b.opening = OL_MAX(l->kept.open_seen, l->kept.open_sent);
    memcpy(b.nonce, ev->bytes.p + 1, sizeof(b.nonce));
    ol_writer_init(&w, plain, sizeof(plain));
    ol_behind_encode(&w, &b);
    ol_rng_fill(&l->rng, nonce, sizeof(nonce));
    out = ol_fx_bytes(l, w.n + OL_WRAP_OVER);
    ol_wrap_seal(out, &l->wrap, OL_PACKET_BEHIND, nonce, ol_writer_span(&w));
    s = &ol_fx_add(l, OL_FX_SEND)->send;
    s->channel = (uint16_t)c;
    s->to = ev->from;
    s->bytes = OL_SPAN(out, w.n + OL_WRAP_OVER);
    return OL_ERR_STALE;
}

/* A new number: consume message 1, create message 2, both or neither. */
static enum ol_err accept_knock(struct ol_line *l, const struct ol_event *ev,
                                unsigned c, const struct ol_knock *k)
{
    struct ol_response *r = &l->response;
    struct ol_noise ns;
    struct ol_noise_keys keys;
    struct ol_openings o = {.made = UINT64_MAX};
    uint8_t text[OL_PAYLOAD_MAX];
    uint64_t before = l->kept.open_seen;
    enum ol_err err;
    size_t n;

    if (k->noise.n < OL_NOISE_IK1_OVER ||
        k->noise.n > OL_NOISE_IK1_OVER + OL_PAYLOAD_MAX)
        return OL_ERR_MALFORMED;
    if (!dh_allowed(l) || !ol_fx_can_put(l))
        return OL_ERR_DENIED;
    noise_init(l, &ns, false, k->opening);
    err = ol_noise_ik1_consume(&ns, k->noise, text);
    if (err != OL_OK) {
        if (err == OL_ERR_FOREIGN || err == OL_ERR_AUTH) {
            l->wrong_identity++;
            ol_fx_note(l, OL_NOTE_WRONG_IDENTITY, (uint16_t)c, 0, 0);
        }
        goto out;
    }
    err = greet(l, OL_SPAN(text, k->noise.n - OL_NOISE_IK1_OVER), &o, NULL);
    if (err != OL_OK)
        goto out;
    l->kept.open_seen = k->opening;
    r->batch = ol_fx_keep(l);
    if (r->batch == 0) {
        l->kept.open_seen = before;
        err = OL_ERR_DENIED;
        goto out;
    }
    judge_made(l, &o);
    judge_seen(l, &o);
    if (o.made != UINT64_MAX) /* it said so */
        count_on(l, o.seen, k->opening);
    n = payload(l, true, text);
    l->verified = k->opening;
    ol_noise_ik2_create(&ns, OL_SPAN(text, n), r->msg, &keys);
    r->msg_n = (uint16_t)(n + OL_NOISE_IK2_OVER);
    r->valid = r->due = true;
    r->heard = false;
    r->opening = k->opening;
    memcpy(r->e, k->noise.p, sizeof(r->e));
    r->channel = (uint16_t)c;
    r->to = ev->from;
    (void)ol_epoch_make(l, k->opening, false, &keys);
out:
    ol_noise_fini(&ns);
    ol_wipe(&keys, sizeof(keys));
    return err;
}

/* ---- what arrives ------------------------------------------------------- */

/* Authentic by its wrapper, with our number, and not for our message 1. The
 * next attempt begins a second after this one at the earliest. */
static void answered_another(struct ol_line *l, unsigned c)
{
    struct ol_attempt *a = &l->attempt;

    second(l, c);
    if (l->now_ns - a->started_ns >= OL_KNOCK_MIN_MS * OL_NS_PER_MS)
        a->active = false;
}

static enum ol_err take_response(struct ol_line *l, unsigned c,
                                 const struct ol_knock *k)
{
    struct ol_attempt *a = &l->attempt;
    struct ol_noise_keys keys;
    struct ol_openings o = {0};
    uint8_t text[OL_PAYLOAD_MAX];
    struct ol_epoch *e;
    enum ol_err err;

    if (!a->active || !a->made || k->opening != a->opening)
        return OL_ERR_STALE;
    if (k->noise.n < OL_NOISE_IK2_OVER ||
        k->noise.n > OL_NOISE_IK2_OVER + OL_PAYLOAD_MAX)
        return OL_ERR_MALFORMED;
    err = ol_noise_ik2_consume(&a->noise, k->noise, text, &keys);
    if (err != OL_OK) {
        answered_another(l, c);
        goto out;
    }
    /* Versions first: an epoch that cannot be spoken in is none. */
    a->active = false; /* message 2 is read: this attempt is over */
    err = greet(l, OL_SPAN(text, k->noise.n - OL_NOISE_IK2_OVER), &o, NULL);
    if (err != OL_OK)
        goto out;
    judge_seen(l, &o);
    count_on(l, 0, k->opening); /* our number is above all that it saw */
    for (unsigned i = 0; i < l->n_ch; i++) {
        if (l->ch[i].knocks_sent > 0)
            l->ch[i].probe_next_ns = 0;
        l->ch[i].knocks_sent = 0;
    }
    l->ch[c].knocks_answered++;
    e = ol_epoch_make(l, k->opening, true, &keys);
    ol_epoch_confirm(l, e);
    err = greet(l, OL_SPAN(text, k->noise.n - OL_NOISE_IK2_OVER), NULL, e);
    /* Both halves have passed, if there was no other way to knock on. */
    if (err == OL_OK && a->on == 1u << c && ol_chan_narrow(&l->ch[c])) {
        l->ch[c].heard_ns = l->last_heard_ns = l->now_ns;
        ol_probe_answered(l, c, a->first_ns);
    }
out:
    ol_wipe(&keys, sizeof(keys));
    return err;
}

static enum ol_err take_behind(struct ol_line *l, struct ol_span plain)
{
    struct ol_behind b;
    enum ol_err err = ol_behind_decode(plain, &b);
    bool ours = false;

    if (err != OL_OK)
        return err;
    for (unsigned i = 0; i < OL_MIN(l->n_nonces, OL_NONCES); i++)
        ours |= memcmp(l->nonces[i], b.nonce, sizeof(b.nonce)) == 0;
    if (!ours || !l->attempt.active || b.opening < l->attempt.opening)
        return OL_ERR_STALE;
    if (b.opening - l->attempt.opening > OL_OPENING_JUMP)
        return OL_ERR_DENIED;
    l->kept.open_seen = OL_MAX(l->kept.open_seen, b.opening);
    l->attempt.active = false;
    ol_fx_note(l, OL_NOTE_BEHIND, OL_CHANNEL_ANY, 0, 0);
    return OL_OK;
}

static int channel_named(const struct ol_line *l, uint32_t tag)
{
    for (unsigned c = 0; c < l->n_ch; c++)
        if (l->ch[c].tag == tag)
            return (int)c;
    return -1;
}

enum ol_err ol_hand_packet(struct ol_line *l, const struct ol_event *ev)
{
    uint8_t plain[OL_KNOCK_MAX];
    uint8_t type = ev->bytes.p[0];
    uint64_t top;
    struct ol_knock k;
    enum ol_err err;
    size_t n;
    int c;

    if (ev->bytes.n < OL_WRAP_OVER)
        return OL_ERR_SHORT;
    if (ev->bytes.n > sizeof(plain))
        return OL_ERR_LONG;
    if (!ol_wrap_ours(&l->wrap, ev->bytes))
        return OL_ERR_STRANGER;
    err = ol_wrap_open(plain, &l->wrap, ev->bytes);
    if (err != OL_OK) {
        l->wrong_share++;
        ol_fx_note(l, OL_NOTE_WRONG_SHARE, ev->channel, 0, 0);
        return err;
    }
    n = ev->bytes.n - OL_WRAP_OVER;
    if (type == OL_PACKET_BEHIND)
        return take_behind(l, OL_SPAN(plain, n));
    err = ol_knock_decode(OL_SPAN(plain, n), &k);
    if (err != OL_OK)
        return err;
    c = channel_named(l, k.tag);
    if (c < 0 || l->ch[c].disabled || l->ch[c].conf.kind == OL_CHAN_POUCH ||
        (ev->channel != OL_CHANNEL_ANY && ev->channel != c))
        return OL_ERR_DENIED;
    l->ch[c].bytes_received += ev->bytes.n;
    if (type == OL_PACKET_RESPONSE)
        return take_response(l, (unsigned)c, &k);
    if (k.opening <= l->kept.open_seen)
        return old_number(l, ev, (unsigned)c, &k);
    /* Nobody can push the count to its end. */
    top = OL_MAX(l->kept.open_seen, l->kept.open_sent);
    if (k.opening > top && k.opening - top > OL_OPENING_JUMP)
        return OL_ERR_DENIED;
    return accept_knock(l, ev, (unsigned)c, &k);
}

void ol_hand_pump(struct ol_line *l)
{
    struct ol_attempt *a = &l->attempt;

    if (l->response.due && l->response.batch <= l->committed &&
        ol_fx_room(l, OL_CHANNELS_MAX, OL_CHANNELS_MAX * OL_KNOCK_MAX))
        respond(l);
    if (!a->active && wanted(l) && ol_fx_can_put(l))
        begin(l);
    if (a->active && !a->made && a->batch <= l->committed)
        make(l);
    if (a->active && a->made && wanted(l))
        knock(l);
}
