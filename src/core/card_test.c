/* Cards, signed: whole, altered, cut, under another hand. */
#include "core/card.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/dice.h"

static struct ol_identity north, east;

static int setup(void **state)
{
    struct ol_rng rng;
    uint8_t seed[32] = {1};

    (void)state;
    assert_int_equal(ol_crypto_init(), OL_OK);
    ol_rng_init(&rng, seed);
    ol_identity_make(&north, &rng);
    ol_identity_make(&east, &rng);
    return 0;
}

static size_t seal(char text[OL_CARD_TEXT])
{
    struct ol_card card = {.name = "north", .addressee = "south",
                           .n_channels = 1,
                           .channels = {{"cable", "tcp://192.0.2.7:4430"}}};
    struct ol_writer w;

    memset(card.share, 7, sizeof(card.share));
    ol_writer_init(&w, text, OL_CARD_TEXT);
    assert_int_equal(ol_card_seal(&w, &card, &north), OL_OK);
    return w.n;
}

static void whole(void **state)
{
    char text[OL_CARD_TEXT];
    size_t n = seal(text);
    struct ol_card card;

    (void)state;
    assert_int_equal(ol_card_open(OL_SPAN(text, n), &card), OL_OK);
    assert_string_equal(card.name, "north");
    assert_string_equal(card.addressee, "south");
    assert_memory_equal(card.ed_pk, north.ed_pk, 32);
    assert_memory_equal(card.x_pk, north.x_pk, 32);
    assert_int_equal(card.share[31], 7);
    assert_string_equal(card.channels[0].url, "tcp://192.0.2.7:4430");
}

/* Someone else's keys or addressee in the same armour do not verify. */
static void another_hand(void **state)
{
    char text[OL_CARD_TEXT], forged[OL_CARD_TEXT];
    uint8_t bin[OL_CARD_MAX], body[OL_CARD_MAX];
    size_t n = seal(text);
    struct ol_writer w, b, out;
    struct ol_card card;

    (void)state;
    assert_int_equal(ol_card_open(OL_SPAN(text, n), &card), OL_OK);
    ol_writer_init(&w, bin, sizeof(bin));
    assert_int_equal(ol_card_dearmour(OL_SPAN(text, n), &w), OL_OK);
    memcpy(card.ed_pk, east.ed_pk, 32);
    for (unsigned k = 0; k < 2; k++) {
        ol_writer_init(&b, body, sizeof(body));
        assert_int_equal(ol_card_encode(&b, &card), OL_OK);
        ol_write_bytes(&b, OL_SPAN(bin + w.n - OL_CARD_SIG, OL_CARD_SIG));
        ol_writer_init(&out, forged, sizeof(forged));
        assert_int_equal(ol_card_armour(&out, ol_writer_span(&b)), OL_OK);
        assert_int_equal(ol_card_open(ol_writer_span(&out), &card),
                         OL_ERR_AUTH);
        /* What did not verify is gone. */
        assert_int_equal(card.name[0], 0);
        memset(&card, 0, sizeof(card));
        assert_int_equal(ol_card_open(OL_SPAN(text, n), &card), OL_OK);
        memcpy(card.addressee, "west", 5);
    }
}

static void none(void **state)
{
    struct ol_card card;

    (void)state;
    assert_int_equal(ol_card_open(ol_span_str(""), &card), OL_ERR_MISSING);
    assert_int_equal(ol_card_open(ol_span_str("dear south"), &card),
                     OL_ERR_MISSING);
    assert_int_equal(
        ol_card_open(ol_span_str("-----BEGIN OPENLINE CARD-----\nAAAA\n"
                                 "-----END OPENLINE CARD-----\n"), &card),
        OL_ERR_MALFORMED);
}

/* No bit of it may be turned. */
static void damage(void **state)
{
    char text[OL_CARD_TEXT];
    size_t n = seal(text);
    struct dice d = dice_init(0x43415244);
    struct ol_card card, good;

    (void)state;
    assert_int_equal(ol_card_open(OL_SPAN(text, n), &good), OL_OK);
    for (unsigned k = 0; k < dice_rounds(2000); k++) {
        size_t at = (size_t)dice_in(&d, 0, n - 1);
        char was = text[at];

        text[at] = (char)dice_u64(&d);
        /* White space and what is around the armour may change. */
        if (ol_card_open(OL_SPAN(text, n), &card) == OL_OK)
            assert_memory_equal(&card, &good, sizeof(card));
        text[at] = was;
    }
    for (size_t cut = 0; cut < n - 1; cut++)
        assert_int_not_equal(ol_card_open(OL_SPAN(text, cut), &card), OL_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole),
        cmocka_unit_test(another_hand),
        cmocka_unit_test(none),
        cmocka_unit_test(damage),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
