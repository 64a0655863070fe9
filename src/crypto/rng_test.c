/* The generator: replayed from its seed, by its definition, never backwards. */
#include "crypto/trial.h"

static void seeded(struct ol_rng *rng, uint8_t number)
{
    uint8_t seed[OL_KEY];

    memset(seed, number, sizeof(seed));
    ol_rng_init(rng, seed);
}

static void same_seed_same_bytes(void **state)
{
    struct ol_rng a, b, c;
    uint8_t x[2000], y[2000], z[2000];

    (void)state;
    seeded(&a, 1);
    seeded(&b, 1);
    seeded(&c, 2);
    for (size_t n = 1; n <= sizeof(x); n = n * 3 / 2 + 1) {
        ol_rng_fill(&a, x, n);
        ol_rng_fill(&b, y, n);
        ol_rng_fill(&c, z, n);
        assert_memory_equal(x, y, n);
        if (n >= 16)
            assert_memory_not_equal(x, z, n);
    }
    assert_memory_equal(&a, &b, sizeof(a));
}

static void by_definition(void **state)
{
    static const uint8_t nonce[12];
    struct ol_rng rng;
    uint8_t seed[OL_KEY], key[OL_KEY], stream[OL_KEY + 480], out[500];

    (void)state;
    trial_ramp(seed, sizeof(seed), 7);
    ol_rng_init(&rng, seed);
    ol_hash(key, NULL, "openline rng 1", OL_SPAN_ARRAY(seed),
            OL_SPAN(NULL, 0));
    assert_memory_equal(rng.key, key, OL_KEY);

    /* 500 bytes are a draw of 480 and one of 20. */
    ol_rng_fill(&rng, out, sizeof(out));
    assert_int_equal(
        crypto_stream_chacha20_ietf(stream, sizeof(stream), nonce, key), 0);
    assert_memory_equal(out, stream + OL_KEY, 480);
    assert_int_equal(
        crypto_stream_chacha20_ietf(stream, OL_KEY + 20, nonce, stream), 0);
    assert_memory_equal(out + 480, stream + OL_KEY, 20);
    assert_memory_equal(rng.key, stream, OL_KEY);
}

static void erases_its_key(void **state)
{
    struct ol_rng rng;
    uint8_t before[OL_KEY], out[OL_KEY];

    (void)state;
    seeded(&rng, 3);
    for (unsigned i = 0; i < 100; i++) {
        memcpy(before, rng.key, OL_KEY);
        ol_rng_fill(&rng, out, sizeof(out));
        assert_memory_not_equal(before, rng.key, OL_KEY);
        assert_memory_not_equal(out, rng.key, OL_KEY);
    }
    memcpy(before, rng.key, OL_KEY);
    ol_rng_fill(&rng, NULL, 0);
    assert_memory_equal(before, rng.key, OL_KEY);
}

static void mixing_needs_both(void **state)
{
    struct ol_rng a, b, c;
    uint8_t fresh[OL_KEY];

    (void)state;
    seeded(&a, 1);
    seeded(&b, 1);
    seeded(&c, 2);
    trial_ramp(fresh, sizeof(fresh), 9);
    ol_rng_mix(&a, fresh);
    ol_rng_mix(&c, fresh);
    assert_memory_not_equal(&a, &b, sizeof(a)); /* fresh bytes count */
    assert_memory_not_equal(&a, &c, sizeof(a)); /* and so does the state */
    ol_rng_mix(&b, fresh);
    assert_memory_equal(&a, &b, sizeof(a));
}

static void numbers_are_big_endian(void **state)
{
    struct ol_rng a, b;
    uint8_t x[4];

    (void)state;
    seeded(&a, 1);
    seeded(&b, 1);
    for (unsigned i = 0; i < 20; i++) {
        ol_rng_fill(&a, x, sizeof(x));
        assert_int_equal(ol_rng_u32(&b), (uint32_t)x[0] << 24 | x[1] << 16 |
                                             x[2] << 8 | x[3]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_bytes),
        cmocka_unit_test(by_definition),
        cmocka_unit_test(erases_its_key),
        cmocka_unit_test(mixing_needs_both),
        cmocka_unit_test(numbers_are_big_endian),
    };

    return TRIAL_RUN(tests);
}
