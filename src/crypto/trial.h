/*
 * What the unit tests of this folder share; no part of the library.
 */
#ifndef OL_CRYPTO_TRIAL_H
#define OL_CRYPTO_TRIAL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <string.h>

#include "crypto/crypto.h"

/* Hexadecimal, blanks allowed, to bytes; the test fails on anything else. */
static inline struct ol_span trial_hex(uint8_t *out, size_t cap,
                                       const char *hex)
{
    const char *end;
    size_t n = 0;

    assert_int_equal(
        sodium_hex2bin(out, cap, hex, strlen(hex), " \n", &n, &end), 0);
    assert_int_equal(*end, '\0');
    return OL_SPAN(out, n);
}

static inline void trial_equal_hex(const void *bytes, size_t n,
                                   const char *hex)
{
    uint8_t want[1024];

    assert_int_equal(trial_hex(want, sizeof(want), hex).n, n);
    assert_memory_equal(bytes, want, n);
}

/* from, from + 1, ...: bytes that are easy to tell apart. */
static inline void trial_ramp(void *out, size_t n, uint8_t from)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)out)[i] = (uint8_t)(from + i);
}

/* Own keys from a seed of one number. */
static inline void trial_identity(struct ol_identity *id, uint8_t number)
{
    struct ol_rng rng;
    uint8_t seed[OL_KEY];

    memset(seed, number, sizeof(seed));
    ol_rng_init(&rng, seed);
    ol_identity_make(id, &rng);
}

static inline struct ol_peer_keys trial_card(const struct ol_identity *id)
{
    struct ol_peer_keys keys;

    memcpy(keys.ed_pk, id->ed_pk, 32);
    memcpy(keys.x_pk, id->x_pk, 32);
    return keys;
}

/* X25519 keys with which every result is zero. */
static const char *const trial_small_order[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};
#define TRIAL_SMALL_ORDER                                                      \
    (sizeof(trial_small_order) / sizeof(trial_small_order[0]))

static inline int trial_start(void **state)
{
    (void)state;
    (void)trial_small_order;
    return ol_crypto_init() == OL_OK ? 0 : -1;
}

#define TRIAL_RUN(tests)                                                       \
    cmocka_run_group_tests_name(__FILE__, (tests), trial_start, NULL)

#endif
