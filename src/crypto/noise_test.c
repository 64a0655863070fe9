/*
 * The handshakes between two of our own: what both get, what each refuses,
 * and that a refusal leaves the state that waits as it was. That the bytes
 * are the right ones is for tests/vectors.
 */
#include "crypto/noise.h"
#include "crypto/symmetric.h"
#include "crypto/trial.h"

#define PAYLOAD 37u
#define IK1 (PAYLOAD + 96u)
#define IK2 (PAYLOAD + 48u)
#define K (PAYLOAD + 48u)

struct two {
    struct ol_identity a, b;
    uint8_t a_e[32], b_e[32], psk[32], payload[PAYLOAD];
    struct ol_noise init, resp;
};

static const char prologue[] = "openline";

static void init(struct two *t)
{
    ol_noise_ik_init(&t->init, true, OL_SPAN_ARRAY(prologue), t->a.x_sk,
                     t->a.x_pk, t->b.x_pk, t->psk, t->a_e);
    ol_noise_ik_init(&t->resp, false, OL_SPAN_ARRAY(prologue), t->b.x_sk,
                     t->b.x_pk, t->a.x_pk, t->psk, t->b_e);
}

static void make_two(struct two *t)
{
    trial_identity(&t->a, 1);
    trial_identity(&t->b, 2);
    trial_ramp(t->a_e, 32, 10);
    trial_ramp(t->b_e, 32, 60);
    trial_ramp(t->psk, 32, 110);
    trial_ramp(t->payload, PAYLOAD, 160);
    init(t);
}

static struct ol_span payload_of(const struct two *t)
{
    return OL_SPAN_ARRAY(t->payload);
}

static void both_get_the_same_keys(void **state)
{
    struct two t;
    struct ol_noise_keys a, b;
    struct ol_noise zero = {.n = 0};
    uint8_t one[IK1], two[IK2], out[PAYLOAD];

    (void)state;
    make_two(&t);
    ol_noise_ik1_create(&t.init, payload_of(&t), one);
    assert_int_equal(ol_noise_ik1_consume(&t.resp, OL_SPAN_ARRAY(one), out),
                     OL_OK);
    assert_memory_equal(out, t.payload, PAYLOAD);
    ol_noise_ik2_create(&t.resp, payload_of(&t), two, &b);
    memset(out, 0, sizeof(out));
    assert_int_equal(
        ol_noise_ik2_consume(&t.init, OL_SPAN_ARRAY(two), out, &a), OL_OK);
    assert_memory_equal(out, t.payload, PAYLOAD);
    assert_memory_equal(&a, &b, sizeof(a));
    assert_memory_not_equal(a.from_initiator, a.to_initiator, OL_KEY);

    /* Nothing stays that could compute them again. */
    assert_true(ol_same(&t.init, &zero, sizeof(zero)));
    assert_true(ol_same(&t.resp, &zero, sizeof(zero)));
}

static void empty_payloads(void **state)
{
    struct two t;
    struct ol_noise_keys a, b;
    struct ol_span none = OL_SPAN(NULL, 0);
    uint8_t one[96], two[48];

    (void)state;
    make_two(&t);
    ol_noise_ik1_create(&t.init, none, one);
    assert_int_equal(ol_noise_ik1_consume(&t.resp, OL_SPAN_ARRAY(one), NULL),
                     OL_OK);
    ol_noise_ik2_create(&t.resp, none, two, &b);
    two[40] ^= 1;
    assert_int_equal(
        ol_noise_ik2_consume(&t.init, OL_SPAN_ARRAY(two), NULL, &a),
        OL_ERR_AUTH);
    two[40] ^= 1;
    assert_int_equal(
        ol_noise_ik2_consume(&t.init, OL_SPAN_ARRAY(two), NULL, &a), OL_OK);
    assert_memory_equal(&a, &b, sizeof(a));
}

/* What every refused message has to leave behind: nothing. */
static void refuse1(struct two *t, struct ol_span msg, enum ol_err err)
{
    static uint8_t zeros[65536], out[65536];
    struct ol_noise before = t->resp;

    memset(out, 0, sizeof(out));
    assert_int_equal(ol_noise_ik1_consume(&t->resp, msg, out), err);
    assert_true(ol_same(&t->resp, &before, sizeof(before)));
    assert_true(ol_same(out, zeros, sizeof(out)));
}

static void refuse2(struct two *t, struct ol_span msg, enum ol_err err)
{
    static uint8_t zeros[65536], out[65536];
    struct ol_noise before = t->init;
    struct ol_noise_keys keys = {.to_initiator = {0}};

    memset(out, 0, sizeof(out));
    assert_int_equal(ol_noise_ik2_consume(&t->init, msg, out, &keys), err);
    assert_true(ol_same(&t->init, &before, sizeof(before)));
    assert_true(ol_same(out, zeros, sizeof(out)));
    assert_true(ol_same(&keys, zeros, sizeof(keys)));
}

static void every_byte_of_the_first_counts(void **state)
{
    static const uint8_t long_one[65536];
    struct two t;
    uint8_t one[IK1], out[PAYLOAD];

    (void)state;
    make_two(&t);
    ol_noise_ik1_create(&t.init, payload_of(&t), one);
    for (size_t i = 0; i < sizeof(one); i++) {
        one[i] ^= 0x80; /* X25519 ignores this bit of e's last byte */
        refuse1(&t, OL_SPAN_ARRAY(one), OL_ERR_AUTH);
        one[i] ^= 0x80;
    }
    for (size_t n = 0; n < sizeof(one); n++)
        refuse1(&t, OL_SPAN(one, n), n < 96 ? OL_ERR_SHORT : OL_ERR_AUTH);
    refuse1(&t, OL_SPAN_ARRAY(long_one), OL_ERR_LONG);
    /* After all that the true one is still welcome; once. */
    assert_int_equal(ol_noise_ik1_consume(&t.resp, OL_SPAN_ARRAY(one), out),
                     OL_OK);
    refuse1(&t, OL_SPAN_ARRAY(one), OL_ERR_DENIED);
}

static void every_byte_of_the_second_counts(void **state)
{
    static const uint8_t long_one[65536];
    struct two t;
    struct ol_noise_keys a, b;
    uint8_t one[IK1], two[IK2], out[PAYLOAD];

    (void)state;
    make_two(&t);
    refuse2(&t, OL_SPAN_ARRAY(two), OL_ERR_DENIED); /* nothing was asked */
    ol_noise_ik1_create(&t.init, payload_of(&t), one);
    assert_int_equal(ol_noise_ik1_consume(&t.resp, OL_SPAN_ARRAY(one), out),
                     OL_OK);
    ol_noise_ik2_create(&t.resp, payload_of(&t), two, &b);
    for (size_t i = 0; i < sizeof(two); i++) {
        two[i] ^= 0x80;
        refuse2(&t, OL_SPAN_ARRAY(two), OL_ERR_AUTH);
        two[i] ^= 0x80;
    }
    for (size_t n = 0; n < sizeof(two); n++)
        refuse2(&t, OL_SPAN(two, n), n < 48 ? OL_ERR_SHORT : OL_ERR_AUTH);
    refuse2(&t, OL_SPAN_ARRAY(long_one), OL_ERR_LONG);
    assert_int_equal(
        ol_noise_ik2_consume(&t.init, OL_SPAN_ARRAY(two), out, &a), OL_OK);
    assert_memory_equal(&a, &b, sizeof(a));
    refuse2(&t, OL_SPAN_ARRAY(two), OL_ERR_DENIED);
}

/* The initiator's static key is authentic, and another than the line's. */
static void a_wrong_peer_is_foreign(void **state)
{
    struct two t;
    struct ol_identity other;
    uint8_t one[IK1];

    (void)state;
    make_two(&t);
    trial_identity(&other, 3);
    ol_noise_ik_init(&t.init, true, OL_SPAN_ARRAY(prologue), other.x_sk,
                     other.x_pk, t.b.x_pk, t.psk, t.a_e);
    ol_noise_ik1_create(&t.init, payload_of(&t), one);
    refuse1(&t, OL_SPAN_ARRAY(one), OL_ERR_FOREIGN);

    /* Claiming the right key without its secret does not help: ss. */
    ol_noise_ik_init(&t.init, true, OL_SPAN_ARRAY(prologue), other.x_sk,
                     t.a.x_pk, t.b.x_pk, t.psk, t.a_e);
    ol_noise_ik1_create(&t.init, payload_of(&t), one);
    refuse1(&t, OL_SPAN_ARRAY(one), OL_ERR_AUTH);

    /* And what is meant for another responder does not open. */
    ol_noise_ik_init(&t.init, true, OL_SPAN_ARRAY(prologue), t.a.x_sk,
                     t.a.x_pk, other.x_pk, t.psk, t.a_e);
    ol_noise_ik1_create(&t.init, payload_of(&t), one);
    refuse1(&t, OL_SPAN_ARRAY(one), OL_ERR_AUTH);
}

static void prologue_and_psk_are_bound(void **state)
{
    struct two t;
    struct ol_noise_keys b;
    uint8_t one[IK1], two[IK2], out[PAYLOAD];

    (void)state;
    make_two(&t);
    ol_noise_ik_init(&t.init, true, OL_SPAN("other", 5), t.a.x_sk, t.a.x_pk,
                     t.b.x_pk, t.psk, t.a_e);
    ol_noise_ik1_create(&t.init, payload_of(&t), one);
    refuse1(&t, OL_SPAN_ARRAY(one), OL_ERR_AUTH);

    /* psk2: the responder cannot tell yet, the initiator can. */
    make_two(&t);
    t.psk[0] ^= 1;
    ol_noise_ik_init(&t.init, true, OL_SPAN_ARRAY(prologue), t.a.x_sk,
                     t.a.x_pk, t.b.x_pk, t.psk, t.a_e);
    ol_noise_ik1_create(&t.init, payload_of(&t), one);
    assert_int_equal(ol_noise_ik1_consume(&t.resp, OL_SPAN_ARRAY(one), out),
                     OL_OK);
    ol_noise_ik2_create(&t.resp, payload_of(&t), two, &b);
    refuse2(&t, OL_SPAN_ARRAY(two), OL_ERR_AUTH);
}

/* A message that is right in all but its e, whose Diffie-Hellman results are
 * zero: it opens unless those are refused. */
static void forge_e(struct ol_noise *ns, const char *hex, uint8_t e[32])
{
    trial_hex(e, 32, hex);
    ol_sym_mix_hash(ns, OL_SPAN(e, 32));
    ol_sym_mix_key(ns, e);
}

static void mix_ss(struct ol_noise *ns)
{
    uint8_t ss[32];

    assert_int_equal(crypto_scalarmult(ss, ns->s_sk, ns->rs), 0);
    ol_sym_mix_key(ns, ss);
}

static void ephemeral_keys_without_a_secret(void **state)
{
    static const uint8_t zero[32];
    struct two t;
    struct ol_noise resp;
    uint8_t one[IK1], two[IK2], out[PAYLOAD];

    (void)state;
    for (size_t i = 0; i < TRIAL_SMALL_ORDER; i++) {
        make_two(&t);
        forge_e(&t.init, trial_small_order[i], one);
        ol_sym_mix_key(&t.init, zero); /* es */
        ol_sym_encrypt_and_hash(&t.init, OL_SPAN_ARRAY(t.init.s_pk),
                                one + 32);
        mix_ss(&t.init);
        ol_sym_encrypt_and_hash(&t.init, payload_of(&t), one + 80);
        refuse1(&t, OL_SPAN_ARRAY(one), OL_ERR_AUTH);

        make_two(&t);
        ol_noise_ik1_create(&t.init, payload_of(&t), one);
        assert_int_equal(
            ol_noise_ik1_consume(&t.resp, OL_SPAN_ARRAY(one), out), OL_OK);
        resp = t.resp;
        forge_e(&resp, trial_small_order[i], two);
        ol_sym_mix_key(&resp, zero); /* ee */
        ol_sym_mix_key(&resp, zero); /* se */
        ol_sym_mix_key_and_hash(&resp, t.psk);
        ol_sym_encrypt_and_hash(&resp, payload_of(&t), two + 32);
        refuse2(&t, OL_SPAN_ARRAY(two), OL_ERR_AUTH);
    }
}

static enum ol_err k_seal(const struct two *t, const uint8_t rs[32],
                          uint8_t msg[K])
{
    return ol_noise_k_seal(OL_SPAN_ARRAY(prologue), t->a.x_sk, t->a.x_pk, rs,
                           t->psk, t->a_e, payload_of(t), msg);
}

static enum ol_err k_open(const struct two *t, struct ol_span msg,
                          uint8_t *out)
{
    return ol_noise_k_open(OL_SPAN_ARRAY(prologue), t->b.x_sk, t->b.x_pk,
                           t->a.x_pk, t->psk, msg, out);
}

static void every_byte_of_a_bundle_counts(void **state)
{
    static uint8_t long_one[65536];
    struct two t;
    uint8_t msg[K], out[PAYLOAD], zeros[PAYLOAD] = {0};

    (void)state;
    make_two(&t);
    assert_int_equal(k_seal(&t, t.b.x_pk, msg), OL_OK);
    for (size_t i = 0; i < sizeof(msg); i++) {
        msg[i] ^= 0x80;
        memset(out, 0, sizeof(out));
        assert_int_equal(k_open(&t, OL_SPAN_ARRAY(msg), out), OL_ERR_AUTH);
        assert_memory_equal(out, zeros, sizeof(out));
        msg[i] ^= 0x80;
    }
    for (size_t n = 0; n < sizeof(msg); n++)
        assert_int_equal(k_open(&t, OL_SPAN(msg, n), out),
                         n < 48 ? OL_ERR_SHORT : OL_ERR_AUTH);
    assert_int_equal(k_open(&t, OL_SPAN_ARRAY(long_one), out), OL_ERR_LONG);
    assert_int_equal(k_open(&t, OL_SPAN_ARRAY(msg), out), OL_OK);
    assert_memory_equal(out, t.payload, PAYLOAD);
}

static void a_bundle_is_bound_to_both(void **state)
{
    struct two t, other;
    uint8_t msg[K], out[PAYLOAD];

    (void)state;
    make_two(&t);
    assert_int_equal(k_seal(&t, t.b.x_pk, msg), OL_OK);
    other = t;
    other.psk[5] ^= 1;
    assert_int_equal(k_open(&other, OL_SPAN_ARRAY(msg), out), OL_ERR_AUTH);
    other = t;
    trial_identity(&other.a, 3); /* from somebody else */
    assert_int_equal(k_open(&other, OL_SPAN_ARRAY(msg), out), OL_ERR_AUTH);
    other = t;
    trial_identity(&other.b, 3); /* to another prekey */
    assert_int_equal(k_open(&other, OL_SPAN_ARRAY(msg), out), OL_ERR_AUTH);
    assert_int_equal(k_open(&t, OL_SPAN_ARRAY(msg), out), OL_OK);
}

static void bundles_without_a_secret(void **state)
{
    static const uint8_t zero[32];
    struct two t;
    uint8_t msg[K], out[PAYLOAD], rs[32];

    (void)state;
    for (size_t i = 0; i < TRIAL_SMALL_ORDER; i++) {
        make_two(&t);
        ol_sym_init(&t.init, "Noise_Kpsk0_25519_ChaChaPoly_BLAKE2b");
        ol_sym_mix_hash(&t.init, OL_SPAN_ARRAY(prologue));
        ol_sym_mix_hash(&t.init, OL_SPAN_ARRAY(t.a.x_pk));
        ol_sym_mix_hash(&t.init, OL_SPAN_ARRAY(t.b.x_pk));
        ol_sym_mix_key_and_hash(&t.init, t.psk);
        forge_e(&t.init, trial_small_order[i], msg);
        ol_sym_mix_key(&t.init, zero); /* es */
        mix_ss(&t.init);
        ol_sym_encrypt_and_hash(&t.init, payload_of(&t), msg + 32);
        assert_int_equal(k_open(&t, OL_SPAN_ARRAY(msg), out), OL_ERR_AUTH);

        /* and a peer's prekey that would make such a bundle of ours */
        trial_hex(rs, 32, trial_small_order[i]);
        assert_int_equal(k_seal(&t, rs, msg), OL_ERR_AUTH);
    }
}

static void the_longest_bundle(void **state)
{
    static uint8_t plain[65535 - 47], msg[65535], out[65535 - 48];
    struct two t;
    struct ol_span fits = OL_SPAN(plain, sizeof(plain) - 1);

    (void)state;
    make_two(&t);
    trial_ramp(plain, sizeof(plain), 1);
    assert_int_equal(ol_noise_k_seal(OL_SPAN_ARRAY(prologue), t.a.x_sk,
                                     t.a.x_pk, t.b.x_pk, t.psk, t.a_e,
                                     OL_SPAN_ARRAY(plain), msg),
                     OL_ERR_LONG);
    assert_int_equal(ol_noise_k_seal(OL_SPAN_ARRAY(prologue), t.a.x_sk,
                                     t.a.x_pk, t.b.x_pk, t.psk, t.a_e, fits,
                                     msg),
                     OL_OK);
    assert_int_equal(k_open(&t, OL_SPAN_ARRAY(msg), out), OL_OK);
    assert_memory_equal(out, plain, sizeof(out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_get_the_same_keys),
        cmocka_unit_test(empty_payloads),
        cmocka_unit_test(every_byte_of_the_first_counts),
        cmocka_unit_test(every_byte_of_the_second_counts),
        cmocka_unit_test(a_wrong_peer_is_foreign),
        cmocka_unit_test(prologue_and_psk_are_bound),
        cmocka_unit_test(ephemeral_keys_without_a_secret),
        cmocka_unit_test(every_byte_of_a_bundle_counts),
        cmocka_unit_test(a_bundle_is_bound_to_both),
        cmocka_unit_test(bundles_without_a_secret),
        cmocka_unit_test(the_longest_bundle),
    };

    return TRIAL_RUN(tests);
}
