/* The wrapper: whose packet it is, and that nothing bent gets through. */
#include "crypto/knock.h"
#include "crypto/trial.h"

#define PLAIN 60u
#define OVER 41u

struct two {
    struct ol_shared a_shared, b_shared;
    struct ol_wrap_keys a, b;
};

static void make_two(struct two *t, uint8_t line)
{
    /* cppcheck-suppress uninitvar ; an array that is filled here */
    trial_ramp(t->a_shared.line_id, 32, line);
    trial_ramp(t->a_shared.psk, 32, (uint8_t)(line + 50));
    t->a_shared.lower = true;
    t->b_shared = t->a_shared;
    t->b_shared.lower = false;
    ol_wrap_keys_make(&t->a, &t->a_shared);
    ol_wrap_keys_make(&t->b, &t->b_shared);
}

static struct ol_span seal(uint8_t packet[PLAIN + OVER],
                           const struct ol_wrap_keys *keys)
{
    uint8_t nonce[16], plain[PLAIN];

    trial_ramp(nonce, sizeof(nonce), 0);
    trial_ramp(plain, sizeof(plain), 3);
    ol_wrap_seal(packet, keys, 1, nonce, OL_SPAN_ARRAY(plain));
    return OL_SPAN(packet, PLAIN + OVER);
}

static void goes_across(void **state)
{
    struct two t;
    uint8_t packet[PLAIN + OVER], plain[PLAIN];
    struct ol_span p;

    (void)state;
    make_two(&t, 1);
    p = seal(packet, &t.a);
    assert_true(ol_wrap_ours(&t.b, p));
    assert_false(ol_wrap_mine(&t.b, p));
    assert_int_equal(ol_wrap_open(plain, &t.b, p), OL_OK);
    for (uint8_t i = 0; i < PLAIN; i++)
        assert_int_equal(plain[i], i + 3);

    /* Back at its sender it is a reflection, and does not open. */
    assert_true(ol_wrap_mine(&t.a, p));
    assert_false(ol_wrap_ours(&t.a, p));
    assert_int_equal(ol_wrap_open(plain, &t.a, p), OL_ERR_AUTH);
}

static void empty_is_authentic_too(void **state)
{
    struct two t;
    uint8_t packet[OVER], nonce[16] = {1};

    (void)state;
    make_two(&t, 1);
    ol_wrap_seal(packet, &t.b, 3, nonce, OL_SPAN(NULL, 0));
    assert_int_equal(ol_wrap_open(NULL, &t.a, OL_SPAN_ARRAY(packet)), OL_OK);
    packet[OVER - 1] ^= 1;
    assert_int_equal(ol_wrap_open(NULL, &t.a, OL_SPAN_ARRAY(packet)),
                     OL_ERR_AUTH);
}

static void every_bit_counts(void **state)
{
    struct two t;
    uint8_t packet[PLAIN + OVER], plain[PLAIN];
    struct ol_span p;

    (void)state;
    make_two(&t, 1);
    p = seal(packet, &t.a);
    for (size_t bit = 0; bit < 8 * sizeof(packet); bit++) {
        bool head = bit >= 8 && bit < 8 * 25u;

        packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
        /* nonce and short tell the line; type and body do not */
        assert_int_equal(ol_wrap_ours(&t.b, p), !head);
        assert_int_equal(ol_wrap_open(plain, &t.b, p), OL_ERR_AUTH);
        packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (p.n = 0; p.n < sizeof(packet); p.n++) {
        assert_int_equal(ol_wrap_ours(&t.b, p), p.n >= 25);
        assert_int_equal(ol_wrap_open(plain, &t.b, p),
                         p.n < OVER ? OL_ERR_SHORT : OL_ERR_AUTH);
    }
}

static void a_wrong_share_is_known(void **state)
{
    struct two t, other;
    uint8_t packet[PLAIN + OVER], plain[PLAIN];
    struct ol_span p;

    (void)state;
    make_two(&t, 1);
    p = seal(packet, &t.a);
    t.b_shared.psk[0] ^= 1;
    ol_wrap_keys_make(&t.b, &t.b_shared);
    assert_true(ol_wrap_ours(&t.b, p));
    assert_int_equal(ol_wrap_open(plain, &t.b, p), OL_ERR_AUTH);

    /* A stranger's line is not even that. */
    make_two(&other, 9);
    assert_false(ol_wrap_ours(&other.b, p));
    assert_false(ol_wrap_mine(&other.b, p));
}

/* The first 16-byte value of the SipHash-2-4 reference: key and message
 * 00 01 02 ... 0f. */
static void the_short_is_siphash(void **state)
{
    struct ol_wrap_keys keys = {.send = {0}};
    uint8_t packet[25];

    (void)state;
    trial_ramp(keys.short_receive, 16, 0);
    trial_ramp(packet + 1, 16, 0);
    packet[0] = 1;
    trial_hex(packet + 17, 8, "db9bc2577fcc2a3f");
    assert_true(ol_wrap_ours(&keys, OL_SPAN_ARRAY(packet)));
}

static void frame_keys_differ(void **state)
{
    struct ol_frame_key a, b;
    uint8_t session[OL_KEY];

    (void)state;
    trial_ramp(session, sizeof(session), 1);
    ol_frame_key_make(&a, session, OL_SPAN("tcp", 3));
    ol_frame_key_make(&b, session, OL_SPAN("tcp", 3));
    assert_memory_equal(a.key, b.key, OL_KEY);
    assert_int_equal(a.index, b.index);
    ol_frame_key_make(&b, session, OL_SPAN("udp", 3));
    assert_memory_not_equal(a.key, b.key, OL_KEY);
    assert_int_not_equal(a.index, b.index);
    session[31] ^= 1;
    ol_frame_key_make(&b, session, OL_SPAN("tcp", 3));
    assert_memory_not_equal(a.key, b.key, OL_KEY);
    assert_int_not_equal(a.index, b.index);
}

static void every_bit_of_a_frame_counts(void **state)
{
    struct ol_frame_key fk;
    uint8_t session[OL_KEY], head[9], data[50 + OL_AEAD_TAG], out[50];
    struct ol_span ad = OL_SPAN_ARRAY(head), in = OL_SPAN_ARRAY(data);

    (void)state;
    trial_ramp(session, sizeof(session), 1);
    trial_ramp(head, sizeof(head), 2);
    trial_ramp(data, 50, 3);
    ol_frame_key_make(&fk, session, OL_SPAN("tcp", 3));
    ol_frame_seal(&fk, UINT32_MAX, ad, data, 50);
    for (size_t bit = 0; bit < 8 * sizeof(data); bit++) {
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(ol_frame_open(out, &fk, UINT32_MAX, ad, in),
                         OL_ERR_AUTH);
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * sizeof(head); bit++) {
        head[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(ol_frame_open(out, &fk, UINT32_MAX, ad, in),
                         OL_ERR_AUTH);
        head[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (unsigned bit = 0; bit < 32; bit++)
        assert_int_equal(
            ol_frame_open(out, &fk, UINT32_MAX ^ (1u << bit), ad, in),
            OL_ERR_AUTH);
    for (size_t n = 0; n < sizeof(data); n++)
        assert_int_equal(
            ol_frame_open(out, &fk, UINT32_MAX, ad, OL_SPAN(data, n)),
            n < OL_AEAD_TAG ? OL_ERR_SHORT : OL_ERR_AUTH);
    assert_int_equal(ol_frame_open(out, &fk, UINT32_MAX, ad, in), OL_OK);
    for (uint8_t i = 0; i < 50; i++)
        assert_int_equal(out[i], i + 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_across),
        cmocka_unit_test(empty_is_authentic_too),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(a_wrong_share_is_known),
        cmocka_unit_test(the_short_is_siphash),
        cmocka_unit_test(frame_keys_differ),
        cmocka_unit_test(every_bit_of_a_frame_counts),
    };

    return TRIAL_RUN(tests);
}
