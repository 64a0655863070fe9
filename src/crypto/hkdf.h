/*
 * HKDF of the Noise specification (4.3) over HMAC-BLAKE2b, for this folder
 * alone: libsodium's keyed BLAKE2b is not HMAC and cannot stand in for it.
 */
#ifndef OL_CRYPTO_HKDF_H
#define OL_CRYPTO_HKDF_H

#include "crypto/crypto.h"

#define OL_HMAC 64u
#define OL_HMAC_BLOCK 128u

/* RFC 2104 with BLAKE2b-512; key: at most OL_HMAC_BLOCK bytes. The message is
 * a | b; either may lie in out. */
void ol_hmac(uint8_t out[OL_HMAC], struct ol_span key, struct ol_span a,
             struct ol_span b);
/* Fills out1, out2 and, unless it is NULL, out3. ck may be out1. */
void ol_hkdf(uint8_t out1[OL_HMAC], uint8_t out2[OL_HMAC],
             uint8_t out3[OL_HMAC], const uint8_t ck[OL_HMAC],
             struct ol_span input);

#endif
