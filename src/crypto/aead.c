/*
 * Authenticated encryption: ChaChaPoly for what travels in a session, and
 * XChaCha20-Poly1305 for what lies at rest.
 *
 * A seal cannot fail. An open that fails leaves zeros where the plaintext
 * would stand, so that a caller that forgets the result forgets into nothing.
 */
#include "crypto/aead.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"

#define NONCE crypto_aead_chacha20poly1305_ietf_NPUBBYTES
#define XNONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES

static void nonce_of(uint8_t nonce[NONCE], uint64_t n)
{
    memset(nonce, 0, NONCE);
    for (unsigned i = 0; i < 8; i++)
        nonce[4 + i] = (uint8_t)(n >> (8 * i));
}

void ol_chachapoly_seal(uint8_t *out, const uint8_t key[OL_KEY], uint64_t n,
                        struct ol_span ad, struct ol_span in)
{
    uint8_t nonce[NONCE];

    nonce_of(nonce, n);
    int rc = crypto_aead_chacha20poly1305_ietf_encrypt(
        out, NULL, in.p, in.n, ad.p, ad.n, NULL, nonce, key);
    OL_CHECK(rc == 0);
}

enum ol_err ol_chachapoly_open(uint8_t *out, const uint8_t key[OL_KEY],
                               uint64_t n, struct ol_span ad,
                               struct ol_span in)
{
    uint8_t nonce[NONCE];

    if (in.n < OL_AEAD_TAG)
        return OL_ERR_SHORT;
    nonce_of(nonce, n);
    if (crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, in.p, in.n,
                                                  ad.p, ad.n, nonce, key) != 0)
        return OL_ERR_AUTH;
    return OL_OK;
}

void ol_atrest_seal(uint8_t *out, const uint8_t key[OL_KEY], struct ol_span ad,
                    struct ol_span in, struct ol_rng *rng)
{
    ol_rng_fill(rng, out, XNONCE);
    int rc = crypto_aead_xchacha20poly1305_ietf_encrypt(
        out + XNONCE, NULL, in.p, in.n, ad.p, ad.n, NULL, out, key);
    OL_CHECK(rc == 0);
}

void ol_atrest_init(struct ol_atrest *a, const uint8_t key[OL_KEY],
                    struct ol_rng *rng)
{
    ol_rng_fill(rng, a->start, sizeof(a->start));
    a->count = 0;
    int rc = crypto_core_hchacha20(a->key, a->start, key, NULL);
    OL_CHECK(rc == 0);
}

void ol_atrest_next(struct ol_atrest *a, uint8_t *out, struct ol_span ad,
                    struct ol_span in)
{
    uint8_t nonce[NONCE];

    nonce_of(nonce, a->count);
    memcpy(out, a->start, sizeof(a->start));
    memcpy(out + sizeof(a->start), nonce + NONCE - 8, 8);
    ol_chachapoly_seal(out + XNONCE, a->key, a->count++, ad, in);
}

enum ol_err ol_atrest_open(uint8_t *out, const uint8_t key[OL_KEY],
                           struct ol_span ad, struct ol_span in)
{
    if (in.n < OL_ATREST_OVER)
        return OL_ERR_CORRUPT;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            out, NULL, NULL, in.p + XNONCE, in.n - XNONCE, ad.p, ad.n, in.p,
            key) != 0)
        return OL_ERR_CORRUPT;
    return OL_OK;
}
