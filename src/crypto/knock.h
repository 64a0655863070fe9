/*
 * The wrapper of knocks, behinds and bundle envelopes; frame keys and frames.
 *
 *   type 1 | nonce 16 | short 8 | ciphertext | tag 16
 *
 * XChaCha20-Poly1305; its 24-byte nonce is nonce | short; associated data is
 * the type byte. key = BLAKE2b-256 keyed with the PSK over "openline wrap 1" |
 * line id | direction (1: from the lower Ed25519 key, 2: from the higher).
 * short = SipHash-2-4 of nonce under the first 16 bytes of BLAKE2b-256 over
 * "openline short 1" | line id | direction: it needs no secret share, so that
 * a line is found by one short hash and a known line with a wrong share can
 * be told from a stranger. Source: doc/protocol.md 2, 4.
 */
#ifndef OL_CRYPTO_KNOCK_H
#define OL_CRYPTO_KNOCK_H

#include "crypto/crypto.h"

struct ol_wrap_keys {
    uint8_t send[OL_KEY], receive[OL_KEY];
    uint8_t short_send[16], short_receive[16];
};

void ol_wrap_keys_make(struct ol_wrap_keys *keys,
                       const struct ol_shared *shared);

/* Is this packet's short hash one of this line, towards us. packet: at least
 * 25 bytes, else false. */
bool ol_wrap_ours(const struct ol_wrap_keys *keys, struct ol_span packet);
/* Is it one of this line from us: our own bundle, or a reflection. */
bool ol_wrap_mine(const struct ol_wrap_keys *keys, struct ol_span packet);

/* out: plain.n + 41 bytes. */
void ol_wrap_seal(uint8_t *out, const struct ol_wrap_keys *keys, uint8_t type,
                  const uint8_t nonce[16], struct ol_span plain);
/* plain: packet.n - 41 bytes. The caller has checked ol_wrap_ours.
 * OL_ERR_SHORT; OL_ERR_AUTH: for a packet that is ours this means a wrong
 * share, or damage. */
OL_MUST_USE enum ol_err ol_wrap_open(uint8_t *plain,
                                     const struct ol_wrap_keys *keys,
                                     struct ol_span packet);

/* Keys of one channel in one epoch, one direction: from the direction's
 * session key and the channel's name, so that flows cannot be matched.
 * BLAKE2b (36 bytes) keyed with the session key over "openline frame 1" |
 * name: key 32 | index 4, big-endian. */
struct ol_frame_key {
    uint8_t key[OL_KEY];
    uint32_t index;
};

void ol_frame_key_make(struct ol_frame_key *fk, const uint8_t session[OL_KEY],
                       struct ol_span name);

/* ChaCha20-Poly1305 (IETF), nonce = 4 zero bytes | counter, 8 bytes little-
 * endian (as Noise does), ad = the frame's head. Sealing is in place: data
 * holds n plaintext bytes and room for 16 more. */
void ol_frame_seal(const struct ol_frame_key *fk, uint32_t counter,
                   struct ol_span ad, uint8_t *data, size_t n);
/* out: in.n - 16 bytes. OL_ERR_SHORT, OL_ERR_AUTH. */
OL_MUST_USE enum ol_err ol_frame_open(uint8_t *out,
                                      const struct ol_frame_key *fk,
                                      uint32_t counter, struct ol_span ad,
                                      struct ol_span in);

#endif
