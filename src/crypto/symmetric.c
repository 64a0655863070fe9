/*
 * Noise rev 34, sections 5.1 and 5.2, for ChaChaPoly and BLAKE2b.
 *
 * Everything said so far is in h, everything agreed so far in ck and k. A
 * decryption that fails leaves the state as it was; the others cannot fail.
 */
#include "crypto/symmetric.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"
#include "crypto/aead.h"
#include "crypto/hkdf.h"

static void initialize_key(struct ol_noise *ns, const uint8_t key[OL_KEY])
{
    memcpy(ns->k, key, OL_KEY);
    ns->n = 0;
    ns->has_key = true;
}

void ol_sym_init(struct ol_noise *ns, const char *name)
{
    size_t n = strlen(name);

    OL_CHECK(n <= OL_NOISE_HASH); /* a longer one would have to be hashed */
    memset(ns->h, 0, sizeof(ns->h));
    memcpy(ns->h, name, n);
    memcpy(ns->ck, ns->h, sizeof(ns->ck));
    ns->has_key = false;
}

void ol_sym_mix_hash(struct ol_noise *ns, struct ol_span data)
{
    crypto_generichash_state st;
    int rc = crypto_generichash_init(&st, NULL, 0, OL_NOISE_HASH);

    rc |= crypto_generichash_update(&st, ns->h, OL_NOISE_HASH);
    rc |= crypto_generichash_update(&st, data.p, data.n);
    rc |= crypto_generichash_final(&st, ns->h, OL_NOISE_HASH);
    OL_CHECK(rc == 0);
    ol_wipe(&st, sizeof(st));
}

void ol_sym_mix_key(struct ol_noise *ns, const uint8_t input[32])
{
    uint8_t temp_k[OL_HMAC];

    ol_hkdf(ns->ck, temp_k, NULL, ns->ck, OL_SPAN(input, 32));
    initialize_key(ns, temp_k); /* its first 32 bytes */
    ol_wipe(temp_k, sizeof(temp_k));
}

void ol_sym_mix_key_and_hash(struct ol_noise *ns, const uint8_t input[32])
{
    uint8_t temp_h[OL_HMAC], temp_k[OL_HMAC];

    ol_hkdf(ns->ck, temp_h, temp_k, ns->ck, OL_SPAN(input, 32));
    ol_sym_mix_hash(ns, OL_SPAN_ARRAY(temp_h));
    initialize_key(ns, temp_k);
    ol_wipe(temp_h, sizeof(temp_h));
    ol_wipe(temp_k, sizeof(temp_k));
}

void ol_sym_encrypt_and_hash(struct ol_noise *ns, struct ol_span plain,
                             uint8_t *out)
{
    OL_CHECK(ns->has_key);
    ol_chachapoly_seal(out, ns->k, ns->n, OL_SPAN_ARRAY(ns->h), plain);
    ns->n++;
    ol_sym_mix_hash(ns, OL_SPAN(out, plain.n + OL_AEAD_TAG));
}

enum ol_err ol_sym_decrypt_and_hash(struct ol_noise *ns, struct ol_span sealed,
                                    uint8_t *out)
{
    OL_CHECK(ns->has_key);
    enum ol_err err = ol_chachapoly_open(out, ns->k, ns->n,
                                         OL_SPAN_ARRAY(ns->h), sealed);
    if (err)
        return err;
    ns->n++;
    ol_sym_mix_hash(ns, sealed);
    return OL_OK;
}

void ol_sym_split(const struct ol_noise *ns, struct ol_noise_keys *keys)
{
    uint8_t temp_k1[OL_HMAC], temp_k2[OL_HMAC];

    ol_hkdf(temp_k1, temp_k2, NULL, ns->ck, OL_SPAN(NULL, 0));
    memcpy(keys->from_initiator, temp_k1, OL_KEY);
    memcpy(keys->to_initiator, temp_k2, OL_KEY);
    ol_wipe(temp_k1, sizeof(temp_k1));
    ol_wipe(temp_k2, sizeof(temp_k2));
}
