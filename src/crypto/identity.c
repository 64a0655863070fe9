/*
 * A station's own keys, and signatures with them.
 *
 * An identity is made once and checked each time it is loaded: halves that do
 * not belong together are OL_ERR_CORRUPT, so that a damaged key file does not
 * become signatures that nobody can verify. libsodium refuses signatures that
 * are not canonical and keys of small order: OL_ERR_AUTH.
 */
#include "crypto/crypto.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"

void ol_identity_make(struct ol_identity *id, struct ol_rng *rng)
{
    uint8_t seed[crypto_sign_SEEDBYTES];

    ol_rng_fill(rng, seed, sizeof(seed));
    int rc = crypto_sign_seed_keypair(id->ed_pk, id->ed_sk, seed);
    ol_rng_fill(rng, id->x_sk, sizeof(id->x_sk));
    rc |= crypto_scalarmult_base(id->x_pk, id->x_sk);
    OL_CHECK(rc == 0);
    ol_wipe(seed, sizeof(seed));
}

void ol_x25519_public(uint8_t pk[32], const uint8_t sk[32])
{
    int rc = crypto_scalarmult_base(pk, sk);
    OL_CHECK(rc == 0);
}

bool ol_x25519_weak(const uint8_t pk[32])
{
    /* Any scalar tells: clamped, it is a multiple of the small orders. */
    static const uint8_t one[32] = {1};
    uint8_t shared[32];

    return crypto_scalarmult(shared, one, pk) != 0;
}

enum ol_err ol_identity_check(const struct ol_identity *id)
{
    struct ol_identity same;

    /* The seed is the first half of libsodium's secret key. */
    int rc = crypto_sign_seed_keypair(same.ed_pk, same.ed_sk, id->ed_sk);
    memcpy(same.x_sk, id->x_sk, sizeof(same.x_sk));
    rc |= crypto_scalarmult_base(same.x_pk, id->x_sk);
    bool holds = rc == 0 &&
                 ol_same(same.ed_pk, id->ed_pk, sizeof(same.ed_pk)) &&
                 ol_same(same.ed_sk, id->ed_sk, sizeof(same.ed_sk)) &&
                 ol_same(same.x_pk, id->x_pk, sizeof(same.x_pk));
    ol_wipe(&same, sizeof(same));
    return holds ? OL_OK : OL_ERR_CORRUPT;
}

/*
 * prefix | body in one piece, for libsodium signs only what is in one piece.
 * Returns its length; 0 when it is longer than OL_SIGN_MAX.
 */
static size_t join(uint8_t text[OL_SIGN_MAX], const char *prefix,
                   struct ol_span body)
{
    size_t head = strlen(prefix);

    if (head > OL_SIGN_MAX || body.n > OL_SIGN_MAX - head ||
        head + body.n == 0)
        return 0;
    memcpy(text, prefix, head);
    if (body.n > 0)
        memcpy(text + head, body.p, body.n);
    return head + body.n;
}

void ol_sign(uint8_t sig[OL_SIG], const struct ol_identity *id,
             const char *prefix, struct ol_span body)
{
    uint8_t text[OL_SIGN_MAX];
    size_t n = join(text, prefix, body);

    OL_CHECK(n > 0);
    int rc = crypto_sign_detached(sig, NULL, text, n, id->ed_sk);
    OL_CHECK(rc == 0);
    ol_wipe(text, n);
}

enum ol_err ol_sign_check(const uint8_t sig[OL_SIG], const uint8_t ed_pk[32],
                          const char *prefix, struct ol_span body)
{
    uint8_t text[OL_SIGN_MAX];
    size_t n = join(text, prefix, body);

    if (n == 0)
        return OL_ERR_LONG;
    int rc = crypto_sign_verify_detached(sig, text, n, ed_pk);
    ol_wipe(text, n);
    return rc == 0 ? OL_OK : OL_ERR_AUTH;
}
