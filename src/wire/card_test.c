/* Cards: a body by hand, every bound, and armour that has been in a mail. */
#include "wire/card.h"

#include "base/dice.h"
#include "base/units.h"
#include "wire/bend.h"

#define BEGIN "-----BEGIN OPENLINE CARD-----"
#define END "-----END OPENLINE CARD-----"
#define ONES "1111111111111111111111111111111111111111111111111111111111111111"
#define TWOS "2222222222222222222222222222222222222222222222222222222222222222"
#define FFS "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

static uint8_t buf[20000], bytes[20000];

static struct ol_card north_card(void)
{
    struct ol_card card = {.name = "north",
                           .addressee = "south",
                           .n_channels = 2,
                           .channels = {{"cable", "tcp://192.0.2.7:4430"},
                                        {"pouch", "courier:///p"}}};

    memset(card.ed_pk, 0x11, 32);
    memset(card.x_pk, 0x22, 32);
    memset(card.share, 0xff, 32);
    return card;
}

#define CARD_HEX                                                               \
    "a7 00 01 01 65 6e6f727468 02 65 736f757468"                               \
    "03 5820" ONES "04 5820" TWOS "05 5820" FFS "06 82"                        \
    "82 65 6361626c65 74 7463703a2f2f3139322e302e322e373a34343330"             \
    "82 65 706f756368 6c 636f75726965723a2f2f2f70"

static bool card_again(struct ol_span in, struct ol_writer *out)
{
    struct ol_card card;

    if (ol_card_decode(in, &card))
        return false;
    assert_int_equal(ol_card_encode(out, &card), OL_OK);
    return true;
}

static void a_body_by_hand(void **state)
{
    struct ol_card card = north_card(), back;
    struct ol_span want = bend_hex(CARD_HEX, bytes);
    struct ol_writer w;

    (void)state;
    ol_writer_init(&w, buf, sizeof(buf));
    assert_int_equal(ol_card_encode(&w, &card), OL_OK);
    assert_int_equal(w.n, want.n);
    assert_memory_equal(buf, want.p, want.n);
    assert_int_equal(ol_card_decode(want, &back), OL_OK);
    assert_memory_equal(&back, &card, sizeof(card));
    bend_all(want, card_again);
    for (size_t n = 0; n < want.n; n++)
        assert_int_equal(ol_card_decode(OL_SPAN(bytes, n), &back),
                         OL_ERR_MALFORMED);
}

static void one_encoding_only(void **state)
{
#define KEYS_HEX "03 5820" ONES "04 5820" TWOS "05 5820" FFS
    static const struct {
        const char *hex;
        enum ol_err err;
    } v[] = {
        {"a7 00 01 01 61 61 02 61 62" KEYS_HEX "06 80", OL_OK},
        {"a7 00 02", OL_ERR_VERSION},
        {"a8 00 02 01 61 61", OL_ERR_VERSION},
        {"a0 00 01", OL_ERR_MALFORMED},
        {"a6 00 01 01 61 61 02 61 62" KEYS_HEX, OL_ERR_MALFORMED},
        {"a6 00 01 01 61 61 02 61 62" KEYS_HEX "06 80", OL_ERR_MALFORMED},
        {"a8 00 01 01 61 61 02 61 62" KEYS_HEX "06 80 07 00",
         OL_ERR_MALFORMED},
        {"a7 00 01 02 61 62 01 61 61" KEYS_HEX "06 80", OL_ERR_MALFORMED},
        {"a7 00 01 01 61 41 02 61 62" KEYS_HEX "06 80", OL_ERR_MALFORMED},
        {"a7 00 01 01 60 02 61 62" KEYS_HEX "06 80", OL_ERR_MALFORMED},
        {"a7 00 01 01 61 61 02 61 20" KEYS_HEX "06 80", OL_ERR_MALFORMED},
        {"a7 00 01 01 61 61 02 61 62" KEYS_HEX "06 81 82 61 61 61 21",
         OL_OK},
        {"a7 00 01 01 61 61 02 61 62" KEYS_HEX "06 81 82 61 61 61 20",
         OL_ERR_MALFORMED},
        {"a7 00 01 01 61 61 02 61 62" KEYS_HEX "06 81 82 61 61 61 7f",
         OL_ERR_MALFORMED},
        {"a7 00 01 01 61 61 02 61 62" KEYS_HEX "06 81 82 61 61 60",
         OL_ERR_MALFORMED},
        {"a7 00 01 01 61 61 02 61 62" KEYS_HEX "06 81 82 61 2d 61 21",
         OL_ERR_MALFORMED},
        {"a7 00 01 01 61 61 02 61 62" KEYS_HEX "06 81 81 61 61",
         OL_ERR_MALFORMED},
        {"a7 00 01 01 61 61 02 61 62" KEYS_HEX "06 81 83 61 61 61 21 61 21",
         OL_ERR_MALFORMED},
        {"a7 00 01 01 61 61 02 61 62" KEYS_HEX
         "06 82 82 61 61 61 21 82 61 62 61 21", OL_OK},
        {"a7 00 01 01 61 61 02 61 62" KEYS_HEX
         "06 82 82 61 61 61 21 82 61 61 61 22", OL_ERR_MALFORMED},
    };
    static const struct ol_card zero;
    struct ol_card card;

    (void)state;
    for (size_t k = 0; k < OL_LEN(v); k++) {
        struct ol_span x = bend_hex(v[k].hex, bytes);

        memset(&card, 0xaa, sizeof(card));
        if (ol_card_decode(x, &card) != v[k].err)
            fail_msg("card %zu", k);
        if (v[k].err) /* no half of a share stays */
            assert_memory_equal(&card, &zero, sizeof(card));
        bend_one(x, card_again);
    }
    memset(bytes, 0, sizeof(bytes));
    bend_hex("a7 00 02", bytes);
    assert_int_equal(ol_card_decode(OL_SPAN(bytes, 8128), &card),
                     OL_ERR_VERSION);
    assert_int_equal(ol_card_decode(OL_SPAN(bytes, 8129), &card),
                     OL_ERR_MALFORMED);
}

/* What encode refuses leaves the writer as it was. */
static enum ol_err encode(const struct ol_card *card)
{
    struct ol_card back;
    struct ol_writer w;
    enum ol_err err;

    ol_writer_init(&w, buf, sizeof(buf));
    ol_write_u8(&w, 0xee);
    err = ol_card_encode(&w, card);
    assert_false(w.failed);
    if (err) {
        assert_int_equal(w.n, 1);
        return err;
    }
    assert_int_equal(ol_card_decode(OL_SPAN(buf + 1, w.n - 1), &back), OL_OK);
    assert_string_equal(back.name, card->name);
    assert_string_equal(back.addressee, card->addressee);
    assert_int_equal(back.n_channels, card->n_channels);
    for (unsigned k = 0; k < card->n_channels; k++) {
        assert_string_equal(back.channels[k].name, card->channels[k].name);
        assert_string_equal(back.channels[k].url, card->channels[k].url);
    }
    assert_memory_equal(back.ed_pk, card->ed_pk, 32);
    assert_memory_equal(back.x_pk, card->x_pk, 32);
    assert_memory_equal(back.share, card->share, 32);
    return OL_OK;
}

#define EXPECT(change, err)                                                    \
    do {                                                                       \
        struct ol_card c = north_card();                                       \
        change;                                                                \
        assert_int_equal(encode(&c), err);                                     \
    } while (0)

static void a_card_has_bounds(void **state)
{
    (void)state;
    EXPECT(c.n_channels = 0, OL_OK);
    EXPECT(c.n_channels = 17, OL_ERR_INPUT);
    EXPECT(c.name[0] = 'N', OL_ERR_INPUT);
    EXPECT(c.name[0] = '\0', OL_ERR_INPUT);
    EXPECT(memset(c.name, 'a', 32), OL_OK);
    EXPECT(memset(c.name, 'a', 33), OL_ERR_INPUT);
    EXPECT(memset(c.addressee, 'a', 33), OL_ERR_INPUT);
    EXPECT(c.addressee[1] = ' ', OL_ERR_INPUT);
    EXPECT(memset(c.channels[1].name, 'a', 16), OL_OK);
    EXPECT(memset(c.channels[1].name, 'a', 17), OL_ERR_INPUT);
    EXPECT(strcpy(c.channels[1].name, "cable"), OL_ERR_INPUT);
    EXPECT(memset(c.channels[1].url, 'a', 255), OL_OK);
    EXPECT(memset(c.channels[1].url, 'a', 256), OL_ERR_INPUT);
    EXPECT(c.channels[1].url[0] = '\0', OL_ERR_INPUT);
    EXPECT(strcpy(c.channels[1].url, "!~"), OL_OK);
    EXPECT(strcpy(c.channels[1].url, "\x7f"), OL_ERR_INPUT);
    EXPECT(strcpy(c.channels[1].url, "tcp://a proxy=b"), OL_ERR_INPUT);
    EXPECT(strcpy(c.channels[1].url, "tcp://a\n[line]"), OL_ERR_INPUT);
    EXPECT(strcpy(c.channels[1].url, "tcp://\xc3\xa9"), OL_ERR_INPUT);
}

/* The largest card, and every writer that is too small for one. */
static void the_whole_has_a_bound(void **state)
{
    struct ol_card card = north_card();
    struct ol_writer w;

    (void)state;
    memset(card.name, 'n', 32);
    memset(card.addressee, 's', 32);
    card.n_channels = OL_CARD_CHANNELS_MAX;
    for (unsigned k = 0; k < card.n_channels; k++) {
        memset(card.channels[k].name, 'a' + (int)k, OL_NAME_MAX);
        memset(card.channels[k].url, 'u', OL_URL_MAX);
    }
    assert_int_equal(encode(&card), OL_OK);

    card = north_card();
    for (size_t cap = 0; cap < 199; cap++) {
        memset(buf, 0, 256);
        ol_writer_init(&w, buf, cap);
        if (!ol_card_encode(&w, &card))
            break;
        assert_false(w.failed);
        assert_int_equal(w.n, 0);
        for (size_t k = 0; k < 256; k++)
            assert_int_equal(buf[k], 0); /* no share is left lying about */
    }
    assert_int_equal(w.n, bend_hex(CARD_HEX, bytes).n);
}

static void armour_by_hand(void **state)
{
    /* RFC 4648 10, and the two letters that differ between alphabets. */
    static const struct {
        const char *bytes, *letters;
    } v[] = {
        {"f", "Zg=="},         {"fo", "Zm8="},
        {"foo", "Zm9v"},       {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"},
        {"\xfb\xff\xbf", "+/+/"},
    };
    struct ol_writer w;

    (void)state;
    for (size_t k = 0; k < OL_LEN(v); k++) {
        struct ol_span want = ol_span_str(v[k].letters), got;

        ol_writer_init(&w, buf, sizeof(buf));
        assert_int_equal(ol_card_armour(&w, ol_span_str(v[k].bytes)), OL_OK);
        got = ol_writer_span(&w);
        assert_int_equal(got.n, strlen(BEGIN "\n\n" END "\n") + want.n);
        assert_memory_equal(got.p, BEGIN "\n", 30);
        assert_memory_equal(got.p + 30, want.p, want.n);
        assert_memory_equal(got.p + 30 + want.n, "\n" END "\n", 29);

        ol_writer_init(&w, bytes, sizeof(bytes));
        assert_int_equal(ol_card_dearmour(got, &w), OL_OK);
        assert_true(
            ol_span_eq(ol_writer_span(&w), ol_span_str(v[k].bytes)));
    }
    /* 48 bytes are a line of 64 letters; the 49th begins the next. */
    memset(bytes, 0, 49);
    ol_writer_init(&w, buf, sizeof(buf));
    assert_int_equal(ol_card_armour(&w, OL_SPAN(bytes, 49)), OL_OK);
    assert_int_equal(w.n, 30 + 65 + 5 + 28);
    assert_memory_equal(buf + 30 + 62, "AA\nAA==\n-----END", 16);
    ol_writer_init(&w, buf, sizeof(buf));
    assert_int_equal(ol_card_armour(&w, OL_SPAN(bytes, 48)), OL_OK);
    assert_int_equal(w.n, 30 + 65 + 28);
}

/* What a text becomes: the error, or the bytes as a string. */
static const char *opened(const char *text)
{
    static char out[100];
    struct ol_writer w;
    enum ol_err err;

    ol_writer_init(&w, out, sizeof(out) - 1);
    err = ol_card_dearmour(ol_span_str(text), &w);
    assert_false(w.failed);
    if (err) {
        assert_int_equal(w.n, 0);
        return ol_err_info(err)->name;
    }
    out[w.n] = '\0';
    return out;
}

static void armour_that_was_in_a_mail(void **state)
{
    (void)state;
    assert_string_equal(opened(BEGIN "\nZm9vYg==\n" END "\n"), "foob");
    assert_string_equal(opened(BEGIN "Zm9vYg==" END), "foob");
    assert_string_equal(
        opened("Dear all,\r\n\r\n" BEGIN "\r\nZm9v\r\n\r\n\tYg=\r\n = \r\n" END
               "\r\n-- \r\nMail\r\n"),
        "foob");
    assert_string_equal(opened("-----BEGIN OPENLINE\n" BEGIN "Zg==" END
                               BEGIN "Zm8=" END),
                        "f"); /* the first whole one */
    assert_string_equal(opened(""), "missing");
    assert_string_equal(opened("Zm9vYg=="), "missing");
    assert_string_equal(opened("-----begin openline card-----Zg==" END),
                        "missing");
    assert_string_equal(opened(END "Zg==" BEGIN), "malformed");
    assert_string_equal(opened(BEGIN "Zg=="), "malformed");
    assert_string_equal(opened(BEGIN), "malformed");
    assert_string_equal(opened(BEGIN END), "malformed");
    assert_string_equal(opened(BEGIN "\n" END), "malformed");
    assert_string_equal(opened(BEGIN BEGIN "Zg==" END), "malformed");
    assert_string_equal(opened(BEGIN "Zg" END), "malformed");
    assert_string_equal(opened(BEGIN "Zg=" END), "malformed");
    assert_string_equal(opened(BEGIN "Zg===" END), "malformed");
    assert_string_equal(opened(BEGIN "Zg==Zg==" END), "malformed");
    assert_string_equal(opened(BEGIN "Zh==" END), "malformed"); /* a bit */
    assert_string_equal(opened(BEGIN "Zm9=" END), "malformed");
    assert_string_equal(opened(BEGIN "Z===" END), "malformed");
    assert_string_equal(opened(BEGIN "Z" END), "malformed");
    assert_string_equal(opened(BEGIN "====" END), "malformed");
    assert_string_equal(opened(BEGIN "==" END), "malformed");
    assert_string_equal(opened(BEGIN "Zm9v====" END), "malformed");
    assert_string_equal(opened(BEGIN "Zm-v" END), "malformed");
    assert_string_equal(opened(BEGIN "> Zm9v" END), "malformed");
    assert_string_equal(opened(BEGIN "Zm\f9v" END), "malformed");
    assert_string_equal(opened(BEGIN "Zm9v\xc2\xa0" END), "malformed");
}

static void armour_goes_round(void **state)
{
    struct dice d = dice_init(71);

    (void)state;
    for (unsigned round = 0; round < dice_rounds(400); round++) {
        static uint8_t card[OL_CARD_MAX + 1], back[OL_CARD_MAX + 1];
        size_t n = (size_t)(round < 200 ? round + 1
                                        : dice_edge(&d, 1, OL_CARD_MAX));
        struct ol_writer w, out;

        dice_fill(&d, card, n);
        ol_writer_init(&w, buf, OL_CARD_TEXT);
        assert_int_equal(ol_card_armour(&w, OL_SPAN(card, n)), OL_OK);
        ol_writer_init(&out, back, n);
        assert_int_equal(ol_card_dearmour(ol_writer_span(&w), &out), OL_OK);
        assert_true(ol_span_eq(ol_writer_span(&out), OL_SPAN(card, n)));

        /* One byte less of room, on either way, is refused whole. */
        memset(back, 0, n);
        ol_writer_init(&out, back, n - 1);
        assert_int_equal(ol_card_dearmour(ol_writer_span(&w), &out),
                         OL_ERR_LONG);
        assert_true(out.n == 0 && !out.failed);
        for (size_t k = 0; k < n; k++)
            assert_int_equal(back[k], 0);
        ol_writer_init(&out, bytes, w.n - 1);
        assert_int_equal(ol_card_armour(&out, OL_SPAN(card, n)),
                         OL_ERR_TOO_LONG);
        assert_true(out.n == 0 && !out.failed);
    }
}

static void armour_has_bounds(void **state)
{
    struct ol_writer w, out;

    (void)state;
    memset(bytes, 0, sizeof(bytes));
    ol_writer_init(&w, buf, sizeof(buf));
    assert_int_equal(ol_card_armour(&w, OL_SPAN(bytes, 0)), OL_ERR_INPUT);
    assert_int_equal(ol_card_armour(&w, OL_SPAN(bytes, OL_CARD_MAX + 1)),
                     OL_ERR_TOO_LONG);
    assert_int_equal(w.n, 0);
    assert_int_equal(ol_card_armour(&w, OL_SPAN(bytes, OL_CARD_MAX)), OL_OK);
    assert_true(w.n <= OL_CARD_TEXT);
    /* Four letters more are more than any card. */
    memmove(buf + 34, buf + 30, w.n - 30);
    memcpy(buf + 30, "AAAA", 4);
    ol_writer_init(&out, bytes, sizeof(bytes));
    assert_int_equal(ol_card_dearmour(OL_SPAN(buf, w.n + 4), &out),
                     OL_ERR_LONG);
}

/* Any text at all ends, in or out. */
static void noise_in_armour(void **state)
{
    static const char few[] = "AZaz09+/== \r\n-";
    struct dice d = dice_init(72);

    (void)state;
    for (unsigned round = 0; round < dice_rounds(3000); round++) {
        size_t n = (size_t)dice_in(&d, 0, 40), cap = dice_in(&d, 0, 40);
        char *text = malloc(29 + n + 27);
        uint8_t *out = malloc(cap ? cap : 1);
        struct ol_writer w, again;

        memcpy(text, BEGIN, 29);
        for (size_t k = 0; k < n; k++)
            text[29 + k] = few[dice_in(&d, 0, sizeof(few) - 2)];
        memcpy(text + 29 + n, END, 27);
        ol_writer_init(&w, out, cap);
        if (!ol_card_dearmour(OL_SPAN(text, 29 + n + 27), &w)) {
            /* The letters that were taken are the letters of the bytes. */
            ol_writer_init(&again, buf, sizeof(buf));
            assert_int_equal(ol_card_armour(&again, ol_writer_span(&w)),
                             OL_OK);
            for (size_t k = 0, at = 30; k < n; k++) {
                if (strchr(" \r\n", text[29 + k]))
                    continue;
                at += buf[at] == '\n';
                assert_int_equal(buf[at++], text[29 + k]);
            }
        }
        free(text);
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_by_hand),
        cmocka_unit_test(one_encoding_only),
        cmocka_unit_test(a_card_has_bounds),
        cmocka_unit_test(the_whole_has_a_bound),
        cmocka_unit_test(armour_by_hand),
        cmocka_unit_test(armour_that_was_in_a_mail),
        cmocka_unit_test(armour_goes_round),
        cmocka_unit_test(armour_has_bounds),
        cmocka_unit_test(noise_in_armour),
    };

    return cmocka_run_group_tests_name("card", tests, NULL, NULL);
}
