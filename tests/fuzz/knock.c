/*
 * The handshake of a real line against strangers, and against a peer that
 * wraps whatever it likes.
 *
 * The input is a row of turns. A stranger's bytes must end before any answer
 * and before any asymmetric work. Behind the wrapper: the fuzzer's plaintext
 * sealed under the true keys; knocks with a true Noise message 1 around its
 * payload, of the peer or of somebody else's identity; responses to the line's
 * own knocks, with its payload; behinds; what the line itself sent, thrown
 * back. What must hold: only what opened is answered; another identity gets
 * no epoch; opening numbers only rise, and by no more than their bound; not
 * more Diffie-Hellmans than their bucket; the ledger takes what it puts, and
 * the line loads from it.
 */
#include "bed.h"
#include "make.h"

#include "base/check.h"

#define TURNS 24u
#define EVIL 0xee

static struct bed bed;
static struct ol_identity other; /* not on the card */
static uint8_t kept[4][OL_KNOCK_MAX]; /* what the line sent last */
static size_t kept_n[4];
static bool opened; /* what is answered now */

static void watch(struct bed *b, unsigned st, const struct ol_send *s)
{
    unsigned type = s->bytes.p[0];

    (void)b;
    (void)st;
    /* The sender's address is the stranger's: who did not open gets nothing. */
    if (s->to.len == 4 && s->to.b[0] == EVIL)
        OL_CHECK(opened);
    if (type > OL_PACKET_BEHIND)
        return;
    memcpy(kept[type], s->bytes.p, s->bytes.n);
    kept_n[type] = s->bytes.n;
}

/* From the evil address, on a channel or a listener. */
static enum ol_err give(struct bed *b, struct script *s, struct ol_span packet,
                        bool ours)
{
    const struct ol_line *l = b->line[0];
    uint64_t seen = l->kept.open_seen, strangers = l->wrong_share;
    struct ol_event ev = {.kind = OL_EV_FRAME, .bytes = packet,
                          .from = {.len = 4, .b = {EVIL, 1, 2, 3}}};
    uint64_t top = OL_MAX(seen, l->kept.open_sent);
    enum ol_err err;

    ev.channel = (uint16_t)script_below(s, BED_CHANNELS + 1);
    if (ev.channel == BED_CHANNELS)
        ev.channel = OL_CHANNEL_ANY;
    opened = ours;
    err = bed_step(b, 0, &ev);
    opened = true; /* the line may answer later what it answers now */
    OL_CHECK(ours || (err != OL_OK && l->wrong_share <= strangers + 1));
    OL_CHECK(l->kept.open_seen >= seen);
    OL_CHECK(l->kept.open_seen <= top + OL_OPENING_JUMP);
    OL_CHECK(l->dh_left <= OL_DH_PER_S);
    return err;
}

static void stranger(struct bed *b, struct script *s)
{
    static uint8_t out[OL_FRAME_MAX];
    struct ol_span in = script_span(s, OL_FRAME_MAX);
    uint8_t how = script_u8(s);

    memcpy(out, in.p, in.n);
    if (how & 1 && in.n > 0) /* a true short hash at least */
        out[0] = 1 + how % 3;
    if (how & 2 && in.n >= OL_SEALED_HEAD && kept_n[1] >= OL_SEALED_HEAD)
        memcpy(out, kept[1], OL_SEALED_HEAD);
    (void)!give(b, s, OL_SPAN(out, in.n), false);
}

/* The peer's wrapper around any plaintext. */
static enum ol_err wrapped(struct bed *b, struct script *s, uint8_t type,
                           struct ol_span plain)
{
    static uint8_t out[2 * OL_KNOCK_MAX];
    uint8_t nonce[OL_SEALED_NONCE];

    script_fill(s, nonce, sizeof(nonce));
    ol_wrap_seal(out, &b->line[1]->wrap, type, nonce, plain);
    return give(b, s, OL_SPAN(out, plain.n + OL_SEALED_HEAD + OL_TAG), true);
}

static void any_plain(struct bed *b, struct script *s)
{
    uint8_t type = (uint8_t)(1 + script_below(s, 3));

    (void)!wrapped(b, s, type, script_span(s, OL_KNOCK_MAX));
}

static uint64_t opening_of(struct bed *b, struct script *s)
{
    const struct ol_kept *k = &b->line[0]->kept;
    uint64_t top = OL_MAX(k->open_seen, k->open_sent);

    switch (script_below(s, 8)) {
    default:
        return top + 1;
    case 4:
        return top;
    case 5:
        return top + OL_OPENING_JUMP + script_below(s, 3);
    case 6:
        return k->open_seen - script_below(s, 3);
    case 7:
        return script_u64(s);
    }
}

/* HELLO and more, or any bytes. */
static struct ol_span payload(struct bed *b, struct script *s)
{
    static uint8_t out[OL_PAYLOAD_MAX];
    struct ol_hello hello = {1, 1, OL_FRAME_MAX};
    struct ol_writer w;

    if (script_u8(s) % 4 == 0)
        return script_span(s, OL_PAYLOAD_MAX);
    ol_writer_init(&w, out, sizeof(out));
    if (script_u8(s) % 8)
        (void)ol_hello_encode(&w, &hello);
    for (unsigned n = script_below(s, 4); n > 0; n--)
        make_chunk(s, b->line[0], &w);
    return ol_writer_span(&w);
}

static void noise_of(struct bed *b, struct ol_noise *ns, bool initiator,
                     const struct ol_identity *who, uint64_t opening,
                     const uint8_t e_sk[32])
{
    uint8_t pro[49];
    struct ol_writer w;

    ol_writer_init(&w, pro, sizeof(pro));
    ol_write_bytes(&w, ol_span_str(OL_PROTOCOL_NAME));
    ol_write_u8(&w, OL_PROTOCOL_VERSION);
    ol_write_bytes(&w, OL_SPAN_ARRAY(b->line[1]->shared.line_id));
    ol_write_u64(&w, opening);
    ol_noise_ik_init(ns, initiator, ol_writer_span(&w), who->x_sk, who->x_pk,
                     b->id[0].x_pk, b->line[1]->shared.psk, e_sk);
}

static struct ol_span in_knock(struct bed *b, struct script *s,
                               uint64_t opening, struct ol_span noise)
{
    static uint8_t out[OL_KNOCK_MAX];
    struct ol_knock k = {.opening = opening, .noise = noise};
    struct ol_writer w;

    k.tag = b->line[0]->ch[script_below(s, BED_CHANNELS)].tag;
    ol_writer_init(&w, out, sizeof(out));
    ol_knock_encode(&w, &k);
    OL_CHECK(!w.failed);
    return ol_writer_span(&w);
}

static void knock(struct bed *b, struct script *s)
{
    static uint8_t msg[OL_NOISE_IK1_OVER + OL_PAYLOAD_MAX];
    bool mine = script_u8(s) % 4 != 0;
    uint64_t opening = opening_of(b, s);
    uint64_t wrong = b->line[0]->wrong_identity;
    uint8_t e_sk[32];
    struct ol_span text = payload(b, s);
    struct ol_noise ns;
    enum ol_err err;

    memset(e_sk, script_u8(s), sizeof(e_sk));
    e_sk[0] = 8;
    noise_of(b, &ns, true, mine ? &b->id[1] : &other, opening, e_sk);
    ol_noise_ik1_create(&ns, text, msg);
    ol_noise_fini(&ns);
    err = wrapped(b, s, OL_PACKET_KNOCK,
                  in_knock(b, s, opening,
                           OL_SPAN(msg, text.n + OL_NOISE_IK1_OVER)));
    OL_CHECK(mine || err != OL_OK || b->line[0]->peer_second > 0 ||
             opening <= b->line[0]->kept.open_seen);
    OL_CHECK(!mine || b->line[0]->wrong_identity == wrong);
}

/* The line's newest knock, answered. */
static void response(struct bed *b, struct script *s)
{
    static uint8_t plain[OL_KNOCK_MAX], text[OL_PAYLOAD_MAX];
    static uint8_t msg[OL_NOISE_IK2_OVER + OL_PAYLOAD_MAX];
    struct ol_span said = payload(b, s);
    struct ol_noise_keys keys;
    struct ol_noise ns;
    struct ol_knock k;
    uint8_t e_sk[32];

    if (kept_n[1] == 0 ||
        ol_wrap_open(plain, &b->line[1]->wrap,
                     OL_SPAN(kept[1], kept_n[1])) != OL_OK)
        return;
    OL_CHECK(ol_knock_decode(OL_SPAN(plain, kept_n[1] - OL_SEALED_HEAD -
                                                OL_TAG), &k) == OL_OK);
    memset(e_sk, script_u8(s), sizeof(e_sk));
    noise_of(b, &ns, false, &b->id[1], k.opening, e_sk);
    OL_CHECK(ol_noise_ik1_consume(&ns, k.noise, text) == OL_OK);
    ol_noise_ik2_create(&ns, said, msg, &keys);
    ol_noise_fini(&ns);
    if (script_u8(s) % 16 == 0)
        k.opening += script_u8(s);
    (void)!wrapped(b, s, OL_PACKET_RESPONSE,
                   in_knock(b, s, k.opening,
                            OL_SPAN(msg, said.n + OL_NOISE_IK2_OVER)));
}

static void behind(struct bed *b, struct script *s)
{
    struct ol_behind v = {.opening = opening_of(b, s)};
    uint8_t out[OL_BEHIND_PLAIN];
    struct ol_writer w;

    memcpy(v.nonce, kept[1] + 1, sizeof(v.nonce));
    if (script_u8(s) % 8 == 0)
        v.nonce[0] ^= 1;
    ol_writer_init(&w, out, sizeof(out));
    ol_behind_encode(&w, &v);
    (void)!wrapped(b, s, OL_PACKET_BEHIND, ol_writer_span(&w));
}

static void thrown_back(struct bed *b, struct script *s)
{
    unsigned type = 1 + script_below(s, 3);

    (void)!give(b, s, OL_SPAN(kept[type], kept_n[type]), false);
}

static void turn(struct bed *b, struct script *s)
{
    switch (script_below(s, 12)) {
    case 0: case 1:
        stranger(b, s);
        break;
    case 2: case 3:
        any_plain(b, s);
        break;
    case 4: case 5: case 6:
        knock(b, s);
        break;
    case 7: case 8:
        response(b, s);
        break;
    case 9:
        behind(b, s);
        break;
    case 10:
        thrown_back(b, s);
        break;
    default:
        bed_pass(b, script_below(s, 48) * OL_NS_PER_S);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script s = {data, size};
    struct ol_rng rng;
    uint8_t seed[32] = {9};

    if (bed.mem[0].p == NULL) {
        bed_open(&bed, 40 * OL_NS_PER_S);
        ol_rng_init(&rng, seed);
        ol_identity_make(&other, &rng);
    }
    bed_begin(&bed);
    bed.still = true;
    bed.way = watch;
    opened = true;
    memset(kept_n, 0, sizeof(kept_n));
    bed_pass(&bed, 3 * OL_NS_PER_S); /* it knocks */
    for (unsigned n = 0; n < TURNS && s.n > 0; n++) {
        turn(&bed, &s);
        bed_pass(&bed, 2 * OL_NS_PER_MS);
    }
    bed_pass(&bed, OL_NS_PER_S);
    bed_load(&bed);
    bed_end(&bed);
    return 0;
}
