/*
 * ChaChaPoly as the Noise specification (12.3) has it, for this folder alone.
 *
 * ChaCha20-Poly1305 of RFC 8439 under the nonce 4 zero bytes | n, 8 bytes
 * little-endian. Handshakes and frames share it, so that the nonce is laid
 * out in one place. Pairing a key with an n twice is the caller's ruin.
 */
#ifndef OL_CRYPTO_AEAD_H
#define OL_CRYPTO_AEAD_H

#include "crypto/crypto.h"

/* out: in.n + OL_AEAD_TAG bytes; out may be in.p itself, else no overlap. */
void ol_chachapoly_seal(uint8_t *out, const uint8_t key[OL_KEY], uint64_t n,
                        struct ol_span ad, struct ol_span in);
/* out: in.n - OL_AEAD_TAG bytes, zeros after OL_ERR_AUTH. OL_ERR_SHORT. */
OL_MUST_USE enum ol_err ol_chachapoly_open(uint8_t *out,
                                           const uint8_t key[OL_KEY],
                                           uint64_t n, struct ol_span ad,
                                           struct ol_span in);

#endif
