/* Own keys that hold together, and signatures with them. */
#include "crypto/trial.h"

static void made_from_a_seed(void **state)
{
    struct ol_identity a, b, c;

    (void)state;
    trial_identity(&a, 1);
    trial_identity(&b, 1);
    trial_identity(&c, 2);
    assert_memory_equal(&a, &b, sizeof(a));
    assert_memory_not_equal(a.ed_pk, c.ed_pk, 32);
    assert_memory_not_equal(a.x_pk, c.x_pk, 32);
    assert_memory_not_equal(a.ed_sk, a.x_sk, 32);
    assert_int_equal(ol_identity_check(&a), OL_OK);
}

static void damage_is_found(void **state)
{
    struct ol_identity id;
    uint8_t *byte = (uint8_t *)&id;

    (void)state;
    trial_identity(&id, 1);
    for (size_t i = 0; i < sizeof(id); i++) {
        byte[i] ^= 0xff; /* X25519 ignores five bits of its secret key */
        assert_int_equal(ol_identity_check(&id), OL_ERR_CORRUPT);
        byte[i] ^= 0xff;
    }
    assert_int_equal(ol_identity_check(&id), OL_OK);
}

/* RFC 8032, 7.1, test 3: the message af82, cut into prefix and body. */
static void rfc_8032(void **state)
{
    struct ol_identity id = {.x_sk = {0}};
    uint8_t sig[OL_SIG];

    (void)state;
    trial_hex(id.ed_sk, sizeof(id.ed_sk),
              "c5aa8df43f9f837bedb7442f31dcb7b1"
              "66d38535076f094b85ce3a2e0b4458f7"
              "fc51cd8e6218a1a38da47ed00230f058"
              "0816ed13ba3303ac5deb911548908025");
    memcpy(id.ed_pk, id.ed_sk + 32, 32);
    ol_sign(sig, &id, "\xaf", OL_SPAN("\x82", 1));
    trial_equal_hex(
        sig, OL_SIG,
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a");
    assert_int_equal(ol_sign_check(sig, id.ed_pk, "", OL_SPAN("\xaf\x82", 2)),
                     OL_OK);
}

static void signatures_refuse(void **state)
{
    struct ol_identity id, other;
    uint8_t sig[OL_SIG], body[50];
    struct ol_span b = OL_SPAN_ARRAY(body);

    (void)state;
    trial_identity(&id, 1);
    trial_identity(&other, 2);
    trial_ramp(body, sizeof(body), 0);
    ol_sign(sig, &id, "openline card 1", b);
    for (size_t i = 0; i < 8 * OL_SIG; i++) {
        sig[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(ol_sign_check(sig, id.ed_pk, "openline card 1", b),
                         OL_ERR_AUTH);
        sig[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t i = 0; i < sizeof(body); i++) {
        body[i] ^= 1;
        assert_int_equal(ol_sign_check(sig, id.ed_pk, "openline card 1", b),
                         OL_ERR_AUTH);
        body[i] ^= 1;
    }
    assert_int_equal(ol_sign_check(sig, id.ed_pk, "openline card 2", b),
                     OL_ERR_AUTH);
    assert_int_equal(ol_sign_check(sig, other.ed_pk, "openline card 1", b),
                     OL_ERR_AUTH);
    assert_int_equal(ol_sign_check(sig, id.ed_pk, "openline card 1", b),
                     OL_OK);
}

/* The identity element as a key verifies anything where that is allowed. */
static void a_key_of_small_order_signs_nothing(void **state)
{
    static const uint8_t pk[32] = {1}, sig[OL_SIG] = {1};

    (void)state;
    assert_int_equal(ol_sign_check(sig, pk, "any", OL_SPAN("thing", 5)),
                     OL_ERR_AUTH);
}

/* What a peer announces is tried once, before anything is sealed to it. */
static void weak_keys_are_known(void **state)
{
    struct ol_identity id;
    uint8_t pk[32];

    (void)state;
    for (size_t i = 0; i < TRIAL_SMALL_ORDER; i++) {
        trial_hex(pk, 32, trial_small_order[i]);
        assert_true(ol_x25519_weak(pk));
    }
    for (uint8_t i = 0; i < 20; i++) {
        trial_identity(&id, i);
        ol_x25519_public(pk, id.x_sk);
        assert_memory_equal(pk, id.x_pk, 32);
        assert_false(ol_x25519_weak(pk));
    }
}

static void the_longest(void **state)
{
    static uint8_t body[OL_SIGN_MAX + 1];
    struct ol_identity id;
    uint8_t sig[OL_SIG];

    (void)state;
    trial_identity(&id, 1);
    ol_sign(sig, &id, "prefix", OL_SPAN(body, OL_SIGN_MAX - 6));
    assert_int_equal(ol_sign_check(sig, id.ed_pk, "prefix",
                                   OL_SPAN(body, OL_SIGN_MAX - 6)),
                     OL_OK);
    assert_int_equal(ol_sign_check(sig, id.ed_pk, "prefix",
                                   OL_SPAN(body, OL_SIGN_MAX - 5)),
                     OL_ERR_LONG);
    assert_int_equal(ol_sign_check(sig, id.ed_pk, "", OL_SPAN_ARRAY(body)),
                     OL_ERR_LONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_from_a_seed),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(rfc_8032),
        cmocka_unit_test(signatures_refuse),
        cmocka_unit_test(a_key_of_small_order_signs_nothing),
        cmocka_unit_test(weak_keys_are_known),
        cmocka_unit_test(the_longest),
    };

    return TRIAL_RUN(tests);
}
