/* The hash by published values and by what separates its inputs; wiping. */
#include "crypto/trial.h"

static struct ol_span none(void)
{
    return OL_SPAN(NULL, 0);
}

static void starts_again(void **state)
{
    (void)state;
    assert_int_equal(ol_crypto_init(), OL_OK);
}

static void hash_is_blake2b(void **state)
{
    uint8_t a[32], b[32], key[32];

    (void)state;
    ol_hash(a, NULL, "abc", none(), none());
    trial_equal_hex(a, 32,
                    "bddd813c634239723171ef3fee98579b"
                    "94964e3bb1cb3e427262c8c068d52319");
    /* label | a | b, wherever the cuts are */
    ol_hash(b, NULL, "a", OL_SPAN("b", 1), OL_SPAN("c", 1));
    assert_memory_equal(a, b, 32);
    ol_hash(b, NULL, "", none(), OL_SPAN("abc", 3));
    assert_memory_equal(a, b, 32);

    trial_ramp(key, sizeof(key), 0);
    ol_hash(a, key, "abc", none(), none());
    assert_int_equal(
        crypto_generichash(b, 32, (const uint8_t *)"abc", 3, key, 32), 0);
    assert_memory_equal(a, b, 32);
}

/* Python: hashlib.blake2b(bytes(i % 256 for i in range(1000)),
 * digest_size=32) */
static void digest_in_parts(void **state)
{
    uint8_t whole[1000], a[OL_HASH];

    (void)state;
    for (size_t k = 0; k < sizeof(whole); k++)
        whole[k] = (uint8_t)k;
    for (size_t part = 1; part <= sizeof(whole); part = part * 3 + 1) {
        struct ol_digest d;

        ol_digest_init(&d);
        for (size_t k = 0; k < sizeof(whole); k += part)
            ol_digest_add(&d, OL_SPAN(whole + k,
                                      part < sizeof(whole) - k
                                          ? part
                                          : sizeof(whole) - k));
        ol_digest_end(&d, a);
        trial_equal_hex(a, 32, "c636324d47d89f2b2434dc2c99410066"
                               "3fbbaea880ff020fc5de89dd0f77a1ec");
    }
}

static void same_and_wipe(void **state)
{
    uint8_t a[33], b[33], zero[33] = {0};

    (void)state;
    trial_ramp(a, sizeof(a), 1);
    memcpy(b, a, sizeof(b));
    assert_true(ol_same(a, b, sizeof(a)));
    assert_true(ol_same(a, zero, 0));
    for (size_t i = 0; i < sizeof(a); i++) {
        b[i] ^= 0x80;
        assert_false(ol_same(a, b, sizeof(a)));
        assert_true(ol_same(a, b, i));
        b[i] ^= 0x80;
    }
    ol_wipe(a, 32);
    assert_memory_equal(a, zero, 32);
    assert_int_equal(a[32], 33);
}

static void the_system_is_random(void **state)
{
    uint8_t a[32], b[32];

    (void)state;
    ol_os_random(a, sizeof(a));
    ol_os_random(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_again),
        cmocka_unit_test(hash_is_blake2b),
        cmocka_unit_test(digest_in_parts),
        cmocka_unit_test(same_and_wipe),
        cmocka_unit_test(the_system_is_random),
    };

    return TRIAL_RUN(tests);
}
