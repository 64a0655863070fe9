/*
 * The seeded generator: ChaCha20 with fast key erasure.
 *
 * Each draw runs the keystream of the current key; its first 32 bytes become
 * the next key and the rest goes out, so that whoever reads the memory later
 * cannot compute what was drawn before. The same seed and the same sequence
 * of calls give the same bytes: that is what lets a simulation be replayed.
 * It cannot fail; how good it is depends on the seed alone.
 */
#include "crypto/crypto.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"

#define DRAW 480u /* bytes out of one keystream, at most */

void ol_rng_init(struct ol_rng *rng, const uint8_t seed[OL_KEY])
{
    ol_hash(rng->key, NULL, "openline rng 1", OL_SPAN(seed, OL_KEY),
            OL_SPAN(NULL, 0));
}

void ol_rng_mix(struct ol_rng *rng, const uint8_t fresh[OL_KEY])
{
    uint8_t key[OL_KEY];

    /* Keyed with the old state: neither half alone tells the new one. */
    ol_hash(key, rng->key, "openline rng mix 1", OL_SPAN(fresh, OL_KEY),
            OL_SPAN(NULL, 0));
    memcpy(rng->key, key, OL_KEY);
    ol_wipe(key, sizeof(key));
}

void ol_rng_fill(struct ol_rng *rng, void *p, size_t n)
{
    static const uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES];
    uint8_t stream[OL_KEY + DRAW];
    uint8_t *out = p;

    while (n > 0) {
        size_t take = n < DRAW ? n : DRAW;
        int rc = crypto_stream_chacha20_ietf(stream, OL_KEY + take, nonce,
                                             rng->key);
        OL_CHECK(rc == 0);
        memcpy(rng->key, stream, OL_KEY);
        memcpy(out, stream + OL_KEY, take);
        out += take;
        n -= take;
    }
    ol_wipe(stream, sizeof(stream));
}

uint32_t ol_rng_u32(struct ol_rng *rng)
{
    uint8_t b[4];

    ol_rng_fill(rng, b, sizeof(b));
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 |
           b[3];
}
