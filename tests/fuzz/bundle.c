/*
 * Bundles for a real line: from strangers, and from a peer that seals
 * whatever it likes.
 *
 * The input is a row of turns, most of them one bundle, from a folder or a
 * single file: any bytes; or sealed here, with the peer's identity, to the
 * card's key or a prekey of the line, around an envelope and a plaintext of
 * the fuzzer's. Others lose time, ask for an export, say something. What must
 * hold: no abort; nothing that did not open changes what was held of the
 * peer; a number counts once as news; the ledger takes what the line makes of
 * it, and the line loads from it.
 */
#include "bed.h"
#include "make.h"

#include "base/check.h"

#define TURNS 20u

static struct bed bed;

static enum ol_err give(struct bed *b, uint8_t how, struct ol_span bundle)
{
    enum ol_err err = OL_ERR_AGAIN;

    for (unsigned n = 0; n < 8 && err == OL_ERR_AGAIN; n++) {
        err = bed_packet(b, 0, how & 1 ? OL_CHANNEL_FILE : BED_POUCH, bundle);
        if (err == OL_ERR_AGAIN)
            bed_pass(b, 5 * OL_NS_PER_MS); /* it is offered again */
    }
    return err;
}

static void stranger(struct bed *b, struct script *s)
{
    static uint8_t out[OL_BUNDLE_MAX];
    uint8_t how = script_u8(s);
    struct ol_span in = script_span(s, 4096);
    uint64_t seen = b->line[0]->kept.bundle_seen;

    memcpy(out, in.p, in.n);
    if (in.n > 0 && how & 2)
        out[0] = OL_PACKET_BUNDLE;
    OL_CHECK(give(b, how, OL_SPAN(out, in.n)) != OL_OK);
    OL_CHECK(b->line[0]->kept.bundle_seen == seen);
}

static void envelope_of(struct bed *b, struct script *s,
                        struct ol_envelope *env, const uint8_t **pk)
{
    const struct ol_kept *k = &b->line[0]->kept;

    *pk = b->id[0].x_pk;
    env->number = k->bundle_seen + script_below(s, 4);
    if (script_u8(s) % 16 == 0)
        env->number = script_u64(s);
    env->seen = k->bundle_reserved - script_below(s, 3);
    if (script_u8(s) % 8 == 0)
        env->seen = k->bundle_reserved + script_u32(s);
    if (script_u8(s) % 16 == 0)
        env->seen = script_u64(s);
    memcpy(env->heard, b->line[0]->boot, sizeof(env->heard));
    if (script_u8(s) % 4 == 0)
        script_fill(s, env->heard, sizeof(env->heard));
    if (k->n_prekeys > 0 && script_u8(s) & 1) {
        const struct ol_prekey *p = &k->prekeys[script_u8(s) % k->n_prekeys];

        env->prekey = p->id;
        *pk = p->pk;
    }
    if (script_u8(s) % 16 == 0)
        env->prekey = script_u32(s);
}

/* Sealed as the peer seals; bad: one bit of it is not so. */
static void sealed(struct bed *b, struct script *s, struct ol_span plain)
{
    static uint8_t out[OL_BUNDLE_MAX];
    uint8_t env_plain[OL_ENVELOPE_PLAIN], pro[80], e_sk[32], nonce[16];
    struct ol_envelope env = {.number = 0};
    struct ol_writer w, pw;
    const uint8_t *pk;
    uint8_t how = script_u8(s);
    bool bad = script_u8(s) % 16 == 0;
    size_t n = OL_BUNDLE_OVER + plain.n;

    envelope_of(b, s, &env, &pk);
    script_fill(s, nonce, sizeof(nonce));
    memset(e_sk, how, sizeof(e_sk));
    ol_writer_init(&w, env_plain, sizeof(env_plain));
    ol_envelope_encode(&w, &env);
    if (how & 4) /* an envelope of any bytes */
        script_fill(s, env_plain, sizeof(env_plain));
    ol_wrap_seal(out, &b->line[1]->wrap, OL_PACKET_BUNDLE, nonce,
                 OL_SPAN_ARRAY(env_plain));
    ol_writer_init(&pw, pro, sizeof(pro));
    ol_write_bytes(&pw, ol_span_str("openline pouch 1"));
    ol_write_bytes(&pw, OL_SPAN_ARRAY(b->line[0]->shared.line_id));
    ol_write_bytes(&pw, OL_SPAN_ARRAY(env_plain));
    OL_CHECK(ol_noise_k_seal(ol_writer_span(&pw), b->id[1].x_sk,
                             b->id[1].x_pk, pk, b->line[0]->shared.psk, e_sk,
                             plain, out + OL_ENVELOPE) == OL_OK);
    if (bad) {
        uint64_t seen = b->line[0]->kept.bundle_seen;

        out[script_u16(s) % n] ^= (uint8_t)(1u << script_below(s, 8));
        OL_CHECK(give(b, how, OL_SPAN(out, n)) != OL_OK);
        OL_CHECK(b->line[0]->kept.bundle_seen == seen);
        return;
    }
    (void)!give(b, how, OL_SPAN(out, n));
    if (how & 8) /* once more: it says nothing new */
        (void)!give(b, how, OL_SPAN(out, n));
}

static void chunks(struct bed *b, struct script *s)
{
    static uint8_t out[OL_PLAIN_MAX];
    unsigned n = 1 + script_below(s, 8);
    struct ol_writer w;

    ol_writer_init(&w, out, sizeof(out));
    while (n-- > 0)
        make_chunk(s, b->line[0], &w);
    sealed(b, s, ol_writer_span(&w));
}

static void turn(struct bed *b, struct script *s)
{
    struct ol_event ev = {.kind = OL_EV_EXPORT, .token = ++b->token};
    struct ol_file file = {.size = 1};

    switch (script_below(s, 16)) {
    default:
        chunks(b, s);
        break;
    case 8: case 9:
        sealed(b, s, script_span(s, 4096));
        break;
    case 10:
        stranger(b, s);
        break;
    case 11:
        bed_pass(b, script_below(s, 64) * OL_NS_PER_S);
        break;
    case 12:
        (void)!bed_step(b, 0, &ev);
        break;
    case 13:
        (void)!bed_say(b, 0, (uint8_t)script_below(s, OL_PRECS),
                       script_u16(s));
        break;
    case 14: /* the one that bundles bring */
        memset(file.hash, script_u8(s), sizeof(file.hash));
        file.size += script_u32(s);
        ev = (struct ol_event){.kind = script_u8(s) & 1 ? OL_EV_WANT
                                                        : OL_EV_PASS,
                               .file = &file};
        (void)!bed_step(b, 0, &ev);
        break;
    case 15:
        bed_pass(b, (uint64_t)script_u8(s) * 1800 * OL_NS_PER_S);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script s = {data, size};
    uint8_t how;

    if (bed.mem[0].p == NULL)
        bed_open(&bed, 0);
    bed_begin(&bed);
    bed.still = true;
    how = script_u8(&s);
    /* Most of the time the live channels are off: bundles speak of today. */
    for (uint16_t c = 0; c < BED_POUCH && how % 4 != 0; c++) {
        struct ol_event ev = {.kind = OL_EV_ENABLE, .channel = c};

        (void)!bed_step(&bed, 0, &ev);
    }
    for (unsigned n = 0; n < TURNS && s.n > 0; n++) {
        turn(&bed, &s);
        bed_pass(&bed, 2 * OL_NS_PER_MS);
    }
    bed_pass(&bed, OL_NS_PER_S);
    bed_load(&bed);
    bed_end(&bed);
    return 0;
}
