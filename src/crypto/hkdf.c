/*
 * HMAC-BLAKE2b and the HKDF that Noise builds from it.
 *
 * A key goes in, two or three keys come out; every intermediate is wiped. It
 * cannot fail.
 */
#include "crypto/hkdf.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"

/* One BLAKE2b-512 over the padded key, a and b. */
static void padded(uint8_t out[OL_HMAC], const uint8_t pad[OL_HMAC_BLOCK],
                   struct ol_span a, struct ol_span b)
{
    crypto_generichash_state st;
    int rc = crypto_generichash_init(&st, NULL, 0, OL_HMAC);

    rc |= crypto_generichash_update(&st, pad, OL_HMAC_BLOCK);
    rc |= crypto_generichash_update(&st, a.p, a.n);
    rc |= crypto_generichash_update(&st, b.p, b.n);
    rc |= crypto_generichash_final(&st, out, OL_HMAC);
    OL_CHECK(rc == 0);
    ol_wipe(&st, sizeof(st));
}

void ol_hmac(uint8_t out[OL_HMAC], struct ol_span key, struct ol_span a,
             struct ol_span b)
{
    uint8_t inner[OL_HMAC_BLOCK] = {0}, outer[OL_HMAC_BLOCK];
    uint8_t h[OL_HMAC];

    OL_CHECK(key.n <= OL_HMAC_BLOCK);
    if (key.n > 0)
        memcpy(inner, key.p, key.n);
    for (unsigned i = 0; i < OL_HMAC_BLOCK; i++) {
        outer[i] = inner[i] ^ 0x5c;
        inner[i] ^= 0x36;
    }
    padded(h, inner, a, b);
    padded(out, outer, OL_SPAN_ARRAY(h), OL_SPAN(NULL, 0));
    ol_wipe(inner, sizeof(inner));
    ol_wipe(outer, sizeof(outer));
    ol_wipe(h, sizeof(h));
}

void ol_hkdf(uint8_t out1[OL_HMAC], uint8_t out2[OL_HMAC],
             uint8_t out3[OL_HMAC], const uint8_t ck[OL_HMAC],
             struct ol_span input)
{
    static const uint8_t one = 1, two = 2, three = 3;
    uint8_t temp[OL_HMAC];
    struct ol_span none = OL_SPAN(NULL, 0), key = OL_SPAN_ARRAY(temp);

    ol_hmac(temp, OL_SPAN(ck, OL_HMAC), input, none);
    ol_hmac(out1, key, OL_SPAN(&one, 1), none);
    ol_hmac(out2, key, OL_SPAN(out1, OL_HMAC), OL_SPAN(&two, 1));
    if (out3)
        ol_hmac(out3, key, OL_SPAN(out2, OL_HMAC), OL_SPAN(&three, 1));
    ol_wipe(temp, sizeof(temp));
}
