/*
 * Cards: what a person was handed, or found in a mail.
 *
 * The first byte picks the play.
 *   body     bytes are accepted if and only if libcbor reads them, they are in
 *            the subset and doc/protocol.md 1.2 allows them; then encoding
 *            gives the same bytes
 *   text     any text: what opens is sealed by who is on it, and seals again
 *            to a text that opens as the same
 *   signed   the fuzzer's body under a true signature, so that it gets behind
 *            it; with what a mail puts around
 *   made     a card within all bounds seals, opens, and is the same
 * A card that does not open is all zeros: nothing of a share stays.
 */
#include "make.h"
#include "other_cbor.h"

#include "base/check.h"
#include "core/card.h"
#include "crypto/crypto.h"

static struct ol_identity me;

/* ---- the description ---------------------------------------------------- */

static bool name(const cbor_item_t *it, size_t most)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    struct ol_span s;

    if (!other_text(it, 1, most))
        return false;
    s = other_span(it);
    for (size_t k = 0; k < s.n; k++)
        if (memchr(allowed, s.p[k], k == 0 ? 26 : 37) == NULL)
            return false;
    return true;
}

static bool url(const cbor_item_t *it)
{
    struct ol_span s;

    if (!other_text(it, 1, 255))
        return false;
    s = other_span(it);
    for (size_t k = 0; k < s.n; k++)
        if (s.p[k] < '!' || s.p[k] > '~')
            return false;
    return true;
}

static bool channels(const cbor_item_t *it)
{
    cbor_item_t **v;

    if (!cbor_isa_array(it) || cbor_array_size(it) > 16)
        return false;
    v = cbor_array_handle(it);
    for (size_t k = 0; k < cbor_array_size(it); k++) {
        if (!cbor_isa_array(v[k]) || cbor_array_size(v[k]) != 2 ||
            !name(cbor_array_handle(v[k])[0], 16) ||
            !url(cbor_array_handle(v[k])[1]))
            return false;
        for (size_t j = 0; j < k; j++)
            if (ol_span_eq(other_span(cbor_array_handle(v[j])[0]),
                           other_span(cbor_array_handle(v[k])[0])))
                return false;
    }
    return true;
}

static bool allowed(const cbor_item_t *tree, struct ol_span in)
{
    const struct cbor_pair *v;

    if (in.n > 8192 - 64 || other_reason(tree, in) != NULL ||
        !cbor_isa_map(tree) || cbor_map_size(tree) != 7)
        return false;
    v = cbor_map_handle(tree);
    for (unsigned k = 0; k < 7; k++)
        if (cbor_get_int(v[k].key) != k)
            return false;
    return other_uint(v[0].value, 1, 1) && name(v[1].value, 32) &&
           name(v[2].value, 32) && other_bytes(v[3].value, 32, 32) &&
           other_bytes(v[4].value, 32, 32) &&
           other_bytes(v[5].value, 32, 32) && channels(v[6].value);
}

/* ---- the plays ---------------------------------------------------------- */

static void zeros(const struct ol_card *card)
{
    const uint8_t *p = (const uint8_t *)card;

    for (size_t k = 0; k < sizeof(*card); k++)
        OL_CHECK(p[k] == 0);
}

static bool body(struct ol_span in)
{
    static uint8_t out[OL_CARD_MAX];
    static struct ol_card card;
    bool ours = ol_card_decode(in, &card) == OL_OK;
    cbor_item_t *tree = in.n <= OL_CARD_MAX ? other_load(in) : NULL;
    struct ol_writer w;

    OL_CHECK(ours == (tree != NULL && allowed(tree, in)));
    if (tree != NULL)
        cbor_decref(&tree);
    if (!ours) {
        zeros(&card);
        return false;
    }
    ol_writer_init(&w, out, sizeof(out));
    OL_CHECK(ol_card_encode(&w, &card) == OL_OK);
    OL_CHECK(ol_span_eq(in, ol_writer_span(&w)));
    return true;
}

static enum ol_err text(struct ol_span in)
{
    static uint8_t bin[OL_CARD_MAX], again[OL_CARD_TEXT];
    static struct ol_card card;
    enum ol_err err = ol_card_open(in, &card);
    struct ol_writer w, t;

    if (err != OL_OK) {
        zeros(&card);
        return err;
    }
    /* The armour has one form for the card in it. */
    ol_writer_init(&w, bin, sizeof(bin));
    OL_CHECK(ol_card_dearmour(in, &w) == OL_OK);
    OL_CHECK(body(OL_SPAN(bin, w.n - OL_CARD_SIG)));
    ol_writer_init(&t, again, sizeof(again));
    OL_CHECK(ol_card_armour(&t, ol_writer_span(&w)) == OL_OK);
    OL_CHECK(ol_card_open(ol_writer_span(&t), &card) == OL_OK);
    return OL_OK;
}

/* In a mail: words before, lines that end otherwise, words behind. */
static void mailed(struct script *s, struct ol_span card, bool opens)
{
    static uint8_t mail[4 * OL_CARD_TEXT];
    uint8_t how = script_u8(s);
    struct ol_writer w;

    ol_writer_init(&w, mail, sizeof(mail));
    if (how & 1)
        ol_write_bytes(&w, ol_span_str("-----BEGIN OPENLINE\n> hello\n"));
    for (size_t k = 0; k < card.n; k++) {
        if (card.p[k] == '\n' && how & 2)
            ol_write_u8(&w, '\r');
        ol_write_u8(&w, card.p[k]);
        if (card.p[k] == '\n' && how & 4)
            ol_write_bytes(&w, ol_span_str(" \t"));
    }
    if (how & 8)
        ol_write_bytes(&w, script_rest(s));
    OL_CHECK(!w.failed);
    /* Blanks within the begin line are not the armour's. */
    OL_CHECK((text(ol_writer_span(&w)) == OL_OK) == opens);
}

static void sealed(struct script *s)
{
    static uint8_t bin[OL_CARD_MAX], out[OL_CARD_TEXT];
    uint8_t how = script_u8(s);
    struct ol_span in = script_span(s, OL_CARD_MAX - OL_CARD_SIG);
    struct ol_card card;
    struct ol_writer w, t;
    bool good = ol_card_decode(in, &card) == OL_OK;

    ol_writer_init(&w, bin, sizeof(bin));
    ol_write_bytes(&w, in);
    ol_sign(ol_write_hole(&w, OL_CARD_SIG), &me, "openline card 1\n", in);
    if (how & 1) /* one bit of it is not so */
        bin[script_u16(s) % w.n] ^= (uint8_t)(1u << script_below(s, 8));
    ol_writer_init(&t, out, sizeof(out));
    OL_CHECK(ol_card_armour(&t, ol_writer_span(&w)) == OL_OK);
    /* It opens if it was signed by the key that stands on it. */
    good = good && !(how & 1) &&
           ol_same(card.ed_pk, me.ed_pk, sizeof(me.ed_pk));
    mailed(s, ol_writer_span(&t), good);
}

static void made(struct script *s)
{
    static uint8_t out[OL_CARD_TEXT];
    static struct ol_card card, again;
    struct ol_writer w;

    make_card(s, &card);
    memcpy(card.ed_pk, me.ed_pk, 32);
    memcpy(card.x_pk, me.x_pk, 32);
    ol_writer_init(&w, out, sizeof(out));
    OL_CHECK(ol_card_seal(&w, &card, &me) == OL_OK);
    OL_CHECK(ol_card_open(ol_writer_span(&w), &again) == OL_OK);
    OL_CHECK(memcmp(&card, &again, sizeof(card)) == 0);
    mailed(s, ol_writer_span(&w), true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script s = {data, size};
    struct ol_rng rng;
    uint8_t seed[32] = {1};

    if (me.ed_pk[0] == 0 && me.ed_pk[1] == 0) {
        OL_CHECK(ol_crypto_init() == OL_OK);
        ol_rng_init(&rng, seed);
        ol_identity_make(&me, &rng);
    }
    switch (script_below(&s, 4)) {
    case 0:
        (void)body(script_rest(&s));
        break;
    case 1:
        (void)!text(script_rest(&s));
        break;
    case 2:
        sealed(&s);
        break;
    default:
        made(&s);
        break;
    }
    return 0;
}
