/*
 * The library's start, memory that forgets, and the project's one hash.
 *
 * Everything here succeeds, but for a library that cannot start: that is
 * OL_ERR_IO, and the program ends before it has done anything.
 */
#include "crypto/crypto.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"

enum ol_err ol_crypto_init(void)
{
    /* 1 means that somebody else did it already. */
    return sodium_init() < 0 ? OL_ERR_IO : OL_OK;
}

void ol_wipe(void *p, size_t n)
{
    sodium_memzero(p, n);
}

bool ol_same(const void *a, const void *b, size_t n)
{
    return sodium_memcmp(a, b, n) == 0;
}

void ol_os_random(void *p, size_t n)
{
    randombytes_buf(p, n);
}

void ol_hash(uint8_t out[32], const uint8_t key[OL_KEY], const char *label,
             struct ol_span a, struct ol_span b)
{
    crypto_generichash_state st;
    int rc = crypto_generichash_init(&st, key, key ? OL_KEY : 0, 32);

    rc |= crypto_generichash_update(&st, (const uint8_t *)label,
                                    strlen(label));
    rc |= crypto_generichash_update(&st, a.p, a.n);
    rc |= crypto_generichash_update(&st, b.p, b.n);
    rc |= crypto_generichash_final(&st, out, 32);
    OL_CHECK(rc == 0);
    ol_wipe(&st, sizeof(st));
}

_Static_assert(sizeof(crypto_generichash_state) == OL_DIGEST_STATE,
               "libsodium's state is another one");

/* Libsodium wants its state aligned, so each call has one of its own. */
static void keep(struct ol_digest *d, crypto_generichash_state *st)
{
    memcpy(d->state, st, sizeof(d->state));
    ol_wipe(st, sizeof(*st));
}

void ol_digest_init(struct ol_digest *d)
{
    crypto_generichash_state st;

    OL_CHECK(crypto_generichash_init(&st, NULL, 0, OL_HASH) == 0);
    keep(d, &st);
}

void ol_digest_add(struct ol_digest *d, struct ol_span part)
{
    crypto_generichash_state st;

    memcpy(&st, d->state, sizeof(st));
    OL_CHECK(crypto_generichash_update(&st, part.p, part.n) == 0);
    keep(d, &st);
}

void ol_digest_end(struct ol_digest *d, uint8_t out[OL_HASH])
{
    crypto_generichash_state st;

    memcpy(&st, d->state, sizeof(st));
    OL_CHECK(crypto_generichash_final(&st, out, OL_HASH) == 0);
    ol_wipe(&st, sizeof(st));
    ol_wipe(d, sizeof(*d));
}
