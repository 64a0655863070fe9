/*
 * What two stations share: line id, PSK, safety number, channel tags.
 *
 * Both sides order their parts by the Ed25519 keys, the lower first, and so
 * come to the same bytes without agreeing on who is who. A peer's key that
 * would void a Diffie-Hellman, or a share that is no secret, is refused here,
 * once; after that a handshake with these keys cannot meet a zero result.
 */
#include "crypto/crypto.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"

#define SAFETY_ROUNDS 5200u
#define SAFETY_GROUPS 12u

/* Both signing keys and Diffie-Hellman keys have to be points that a secret
 * can hide in. */
static bool keys_ok(const struct ol_identity *own,
                    const struct ol_peer_keys *peer)
{
    uint8_t dh[crypto_scalarmult_BYTES];

    /* -1 is a result of zero: the key is of small order. */
    bool ok = crypto_scalarmult(dh, own->x_sk, peer->x_pk) == 0;
    ol_wipe(dh, sizeof(dh));
    return ok && crypto_core_ed25519_is_valid_point(peer->ed_pk) == 1;
}

static void pair(uint8_t out[64], const uint8_t a[32], const uint8_t b[32])
{
    memcpy(out, a, 32);
    memcpy(out + 32, b, 32);
}

enum ol_err ol_shared_make(struct ol_shared *shared,
                           const struct ol_identity *own,
                           const struct ol_peer_keys *peer,
                           const uint8_t own_share[32],
                           const uint8_t peer_share[32])
{
    uint8_t mine[64], theirs[64], salted[64];

    if (ol_same(own->ed_pk, peer->ed_pk, 32) ||
        ol_same(own->x_pk, peer->x_pk, 32))
        return OL_ERR_FOREIGN;
    if (sodium_is_zero(own_share, 32) || sodium_is_zero(peer_share, 32) ||
        !keys_ok(own, peer))
        return OL_ERR_INPUT;

    bool lower = memcmp(own->ed_pk, peer->ed_pk, 32) < 0;
    pair(mine, own->ed_pk, own->x_pk);
    pair(theirs, peer->ed_pk, peer->x_pk);
    shared->lower = lower;
    ol_hash(shared->line_id, NULL, "openline line id 1",
            OL_SPAN(lower ? mine : theirs, 64),
            OL_SPAN(lower ? theirs : mine, 64));

    pair(salted, shared->line_id, lower ? own_share : peer_share);
    ol_hash(shared->psk, NULL, "openline psk 1", OL_SPAN_ARRAY(salted),
            OL_SPAN(lower ? peer_share : own_share, 32));
    OL_CHECK(!sodium_is_zero(shared->psk, 32));
    ol_wipe(salted, sizeof(salted));
    return OL_OK;
}

void ol_safety_number(char out[72], const struct ol_shared *shared)
{
    static const char label[] = "openline safety 1";
    uint8_t text[sizeof(label) - 1 + 64], h[64];
    uint8_t *at = text + sizeof(label) - 1;

    memcpy(text, label, sizeof(label) - 1);
    memcpy(at, shared->line_id, 32);
    /* The number is read aloud: it holds a hash of the PSK, never more. */
    int rc = crypto_generichash(at + 32, 32, shared->psk, 32, NULL, 0);
    rc |= crypto_generichash(h, sizeof(h), text, sizeof(text), NULL, 0);
    /* The rounds make it dear to search for keys with a similar number. */
    for (unsigned i = 1; i < SAFETY_ROUNDS; i++) {
        uint8_t before[64];

        memcpy(before, h, sizeof(h));
        rc |= crypto_generichash(h, sizeof(h), before, sizeof(h), NULL, 0);
    }
    OL_CHECK(rc == 0);

    for (unsigned g = 0; g < SAFETY_GROUPS; g++) {
        uint64_t v = 0;

        for (unsigned i = 0; i < 5; i++)
            v = v << 8 | h[5 * g + i];
        v %= 100000;
        for (unsigned i = 5; i-- > 0; v /= 10)
            out[6 * g + i] = (char)('0' + v % 10);
        out[6 * g + 5] = g + 1 < SAFETY_GROUPS ? ' ' : '\0';
    }
    ol_wipe(text, sizeof(text));
    ol_wipe(h, sizeof(h));
}

uint32_t ol_channel_tag(const uint8_t line_id[32], struct ol_span name)
{
    uint8_t h[32];

    ol_hash(h, NULL, "openline channel 1", OL_SPAN(line_id, 32), name);
    return (uint32_t)h[0] << 24 | (uint32_t)h[1] << 16 | (uint32_t)h[2] << 8 |
           h[3];
}
