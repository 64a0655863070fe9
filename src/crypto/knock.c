/*
 * The wrapper around knocks, behinds and envelopes, and the keys of frames.
 *
 * A packet comes in: its short hash tells the line (ours) or an echo of what
 * we sent (mine), without a secret; then open tells whether the sender has
 * our PSK. All of that before any Diffie-Hellman. Failures say nothing to
 * anybody but the caller.
 */
#include "crypto/knock.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"
#include "crypto/aead.h"

#define NONCE_AT 1u /* nonce and short stand together: XChaCha20's 24 bytes */
#define SHORT_AT 17u
#define SEALED_AT 25u
#define WRAP_OVER (SEALED_AT + OL_AEAD_TAG)

static void direction_make(uint8_t key[OL_KEY], uint8_t short_key[16],
                           const struct ol_shared *shared, uint8_t direction)
{
    uint8_t h[32];
    struct ol_span id = OL_SPAN_ARRAY(shared->line_id);

    ol_hash(key, shared->psk, "openline wrap 1", id, OL_SPAN(&direction, 1));
    ol_hash(h, NULL, "openline short 1", id, OL_SPAN(&direction, 1));
    memcpy(short_key, h, 16);
    ol_wipe(h, sizeof(h));
}

void ol_wrap_keys_make(struct ol_wrap_keys *keys,
                       const struct ol_shared *shared)
{
    direction_make(keys->send, keys->short_send, shared,
                   shared->lower ? 1 : 2);
    direction_make(keys->receive, keys->short_receive, shared,
                   shared->lower ? 2 : 1);
}

static void short_of(uint8_t out[8], const uint8_t nonce[16],
                     const uint8_t key[16])
{
    int rc = crypto_shorthash_siphash24(out, nonce, 16, key);
    OL_CHECK(rc == 0);
}

static bool is_short(struct ol_span packet, const uint8_t key[16])
{
    uint8_t h[8];

    if (packet.n < SEALED_AT)
        return false;
    short_of(h, packet.p + NONCE_AT, key);
    return ol_same(h, packet.p + SHORT_AT, sizeof(h));
}

bool ol_wrap_ours(const struct ol_wrap_keys *keys, struct ol_span packet)
{
    return is_short(packet, keys->short_receive);
}

bool ol_wrap_mine(const struct ol_wrap_keys *keys, struct ol_span packet)
{
    return is_short(packet, keys->short_send);
}

void ol_wrap_seal(uint8_t *out, const struct ol_wrap_keys *keys, uint8_t type,
                  const uint8_t nonce[16], struct ol_span plain)
{
    out[0] = type;
    memcpy(out + NONCE_AT, nonce, 16);
    short_of(out + SHORT_AT, nonce, keys->short_send);
    int rc = crypto_aead_xchacha20poly1305_ietf_encrypt(
        out + SEALED_AT, NULL, plain.p, plain.n, out, 1, NULL, out + NONCE_AT,
        keys->send);
    OL_CHECK(rc == 0);
}

enum ol_err ol_wrap_open(uint8_t *plain, const struct ol_wrap_keys *keys,
                         struct ol_span packet)
{
    if (packet.n < WRAP_OVER)
        return OL_ERR_SHORT;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            plain, NULL, NULL, packet.p + SEALED_AT, packet.n - SEALED_AT,
            packet.p, 1, packet.p + NONCE_AT, keys->receive) != 0)
        return OL_ERR_AUTH;
    return OL_OK;
}

void ol_frame_key_make(struct ol_frame_key *fk, const uint8_t session[OL_KEY],
                       struct ol_span name)
{
    static const char label[] = "openline frame 1";
    crypto_generichash_state st;
    uint8_t h[OL_KEY + 4];

    int rc = crypto_generichash_init(&st, session, OL_KEY, sizeof(h));
    rc |= crypto_generichash_update(&st, (const uint8_t *)label,
                                    sizeof(label) - 1);
    rc |= crypto_generichash_update(&st, name.p, name.n);
    rc |= crypto_generichash_final(&st, h, sizeof(h));
    OL_CHECK(rc == 0);
    memcpy(fk->key, h, OL_KEY);
    fk->index = (uint32_t)h[32] << 24 | (uint32_t)h[33] << 16 |
                (uint32_t)h[34] << 8 | h[35];
    ol_wipe(h, sizeof(h));
    ol_wipe(&st, sizeof(st));
}

void ol_frame_seal(const struct ol_frame_key *fk, uint32_t counter,
                   struct ol_span ad, uint8_t *data, size_t n)
{
    ol_chachapoly_seal(data, fk->key, counter, ad, OL_SPAN(data, n));
}

enum ol_err ol_frame_open(uint8_t *out, const struct ol_frame_key *fk,
                          uint32_t counter, struct ol_span ad,
                          struct ol_span in)
{
    return ol_chachapoly_open(out, fk->key, counter, ad, in);
}
