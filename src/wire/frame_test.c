/* Heads and plaintexts: vectors by hand, round trips, every bound. */
#include "wire/frame.h"

#include "base/dice.h"
#include "base/units.h"
#include "wire/bend.h"

static void a_frame_head_by_hand(void **state)
{
    struct ol_frame_head head = {0x01020304, 0xfffefdfc}, back;
    uint8_t want[64], packet[OL_FRAME_MAX + 1] = {0};
    struct ol_span x = bend_hex("04 01020304 fffefdfc", want);
    struct ol_writer w;

    (void)state;
    ol_writer_init(&w, packet, sizeof(packet));
    ol_frame_encode(&w, &head);
    assert_int_equal(w.n, OL_FRAME_HEAD);
    assert_true(ol_span_eq(ol_writer_span(&w), x));
    for (size_t n = 0; n <= sizeof(packet); n++) {
        enum ol_err want_err = n < 25      ? OL_ERR_SHORT
                               : n <= 4096 ? OL_OK
                                           : OL_ERR_LONG;

        memset(&back, 0, sizeof(back));
        assert_int_equal(ol_frame_decode(OL_SPAN(packet, n), &back), want_err);
        if (!want_err)
            assert_memory_equal(&back, &head, sizeof(head));
    }
    for (unsigned type = 0; type < 256; type++) {
        packet[0] = (uint8_t)type;
        assert_int_equal(ol_frame_decode(OL_SPAN(packet, 25), &back),
                         type == OL_PACKET_FRAME ? OL_OK : OL_ERR_MALFORMED);
    }
}

static void names(void **state)
{
    static const struct {
        const char *name;
        bool channel, station;
    } v[] = {
        {"", false, false},
        {"a", true, true},
        {"z9-", true, true},
        {"-a", false, false},
        {"9a", false, false},
        {"A", false, false},
        {"aB", false, false},
        {"a_b", false, false},
        {"`", false, false},
        {"{", false, false},
        {"a`", false, false},
        {"a{", false, false},
        {"a/", false, false},
        {"a:", false, false},
        {"a b", false, false},
        {"a.", false, false},
        {"a\xc3\xa9", false, false},
        {"sixteen-letters1", true, true},
        {"sixteen-letters12", false, true},
        {"thirty-two-letters-are-the-most1", false, true},
        {"thirty-two-letters-are-the-most12", false, false},
    };

    (void)state;
    for (size_t k = 0; k < OL_LEN(v); k++) {
        struct ol_span s = ol_span_str(v[k].name);

        if (ol_channel_name_ok(s) != v[k].channel ||
            ol_station_name_ok(s) != v[k].station)
            fail_msg("name %s", v[k].name);
    }
    assert_false(ol_channel_name_ok(OL_SPAN("a\0b", 3)));
    assert_false(ol_channel_name_ok(OL_SPAN(NULL, 0)));
}

static bool knock_again(struct ol_span in, struct ol_writer *out)
{
    struct ol_knock knock;

    if (ol_knock_decode(in, &knock))
        return false;
    ol_knock_encode(out, &knock);
    return true;
}

static void a_knock_by_hand(void **state)
{
    uint8_t noise[OL_NOISE_IK2_OVER], want[256], buf[256];
    struct ol_knock knock = {UINT64_C(0x0102030405060708), 0xa1a2a3a4, {0}};
    struct ol_knock back;
    struct ol_span head = bend_hex("0102030405060708 a1a2a3a4", want);
    struct ol_writer w;

    (void)state;
    memset(noise, 0xee, sizeof(noise));
    memset(want + head.n, 0xee, sizeof(noise));
    knock.noise = OL_SPAN_ARRAY(noise);
    ol_writer_init(&w, buf, sizeof(buf));
    ol_knock_encode(&w, &knock);
    assert_int_equal(head.n, OL_KNOCK_PLAIN_HEAD);
    assert_true(ol_span_eq(ol_writer_span(&w),
                           OL_SPAN(want, head.n + sizeof(noise))));
    assert_int_equal(ol_knock_decode(ol_writer_span(&w), &back), OL_OK);
    assert_true(back.opening == knock.opening);
    assert_true(back.tag == knock.tag);
    assert_ptr_equal(back.noise.p, buf + OL_KNOCK_PLAIN_HEAD);
    bend_all(ol_writer_span(&w), knock_again);
}

static void knocks_go_round(void **state)
{
    static uint8_t noise[2000], buf[2000];
    struct dice d = dice_init(11);

    (void)state;
    for (unsigned k = 0; k < dice_rounds(300); k++) {
        struct ol_knock knock, back;
        struct ol_writer w;

        knock.opening = dice_u64(&d) >> dice_in(&d, 0, 63);
        knock.tag = (uint32_t)dice_u64(&d);
        knock.noise = OL_SPAN(noise, dice_edge(&d, 48, 96 + 512));
        dice_fill(&d, noise, sizeof(noise));
        ol_writer_init(&w, buf, sizeof(buf));
        ol_knock_encode(&w, &knock);
        assert_false(w.failed);
        assert_int_equal(ol_knock_decode(ol_writer_span(&w), &back), OL_OK);
        assert_true(back.opening == knock.opening);
        assert_true(back.tag == knock.tag);
        assert_true(ol_span_eq(back.noise, knock.noise));
        if (k < 10)
            bend_all(ol_writer_span(&w), knock_again);
    }
}

static void a_knock_has_bounds(void **state)
{
    uint8_t plain[12 + 96 + 512 + 1] = {0}, buf[1024];
    struct ol_knock knock = {1, 2, OL_SPAN(plain, 48)};
    struct ol_writer w;

    (void)state;
    for (size_t n = 0; n <= sizeof(plain); n++)
        assert_int_equal(ol_knock_decode(OL_SPAN(plain, n), &knock),
                         n < 12 + 48         ? OL_ERR_SHORT
                         : n <= 12 + 96 + 512 ? OL_OK
                                              : OL_ERR_LONG);
    knock.noise = OL_SPAN(plain, 48);
    ol_writer_init(&w, buf, 59);
    ol_knock_encode(&w, &knock);
    assert_true(w.failed);
    knock.noise.n = 47;
    ol_writer_init(&w, buf, sizeof(buf));
    ol_knock_encode(&w, &knock);
    assert_true(w.failed);
    assert_int_equal(w.n, 0);
}

static bool behind_again(struct ol_span in, struct ol_writer *out)
{
    struct ol_behind behind;

    if (ol_behind_decode(in, &behind))
        return false;
    ol_behind_encode(out, &behind);
    return true;
}

static bool envelope_again(struct ol_span in, struct ol_writer *out)
{
    struct ol_envelope env;

    if (ol_envelope_decode(in, &env))
        return false;
    ol_envelope_encode(out, &env);
    return true;
}

static void a_behind_by_hand(void **state)
{
    uint8_t bytes[64] = {0};
    struct ol_span x = bend_hex(
        "00000000000000ff 101112131415161718191a1b1c1d1e1f", bytes);
    struct ol_behind behind;

    (void)state;
    assert_int_equal(x.n, OL_BEHIND_PLAIN);
    assert_int_equal(ol_behind_decode(x, &behind), OL_OK);
    assert_true(behind.opening == 255);
    assert_memory_equal(behind.nonce, bytes + 8, 16);
    bend_all(x, behind_again);
    for (size_t n = 0; n < 40; n++)
        assert_int_equal(ol_behind_decode(OL_SPAN(bytes, n), &behind),
                         n < 24    ? OL_ERR_SHORT
                         : n == 24 ? OL_OK
                                   : OL_ERR_LONG);
}

static void an_envelope_by_hand(void **state)
{
    uint8_t bytes[64] = {0};
    struct ol_span x = bend_hex("0000000000000102 80000001 0000000000000304"
                                "a1a2a3a4a5a6a7a8",
                                bytes);
    struct ol_envelope env;

    (void)state;
    assert_int_equal(x.n, OL_ENVELOPE_PLAIN);
    assert_int_equal(ol_envelope_decode(x, &env), OL_OK);
    assert_true(env.number == 0x102);
    assert_true(env.prekey == 0x80000001);
    assert_true(env.seen == 0x304);
    assert_memory_equal(env.heard, bytes + 20, 8);
    bend_all(x, envelope_again);
    for (size_t n = 0; n < 40; n++)
        assert_int_equal(ol_envelope_decode(OL_SPAN(bytes, n), &env),
                         n < 28    ? OL_ERR_SHORT
                         : n == 28 ? OL_OK
                                   : OL_ERR_LONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_head_by_hand),
        cmocka_unit_test(names),
        cmocka_unit_test(a_knock_by_hand),
        cmocka_unit_test(knocks_go_round),
        cmocka_unit_test(a_knock_has_bounds),
        cmocka_unit_test(a_behind_by_hand),
        cmocka_unit_test(an_envelope_by_hand),
    };

    return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
