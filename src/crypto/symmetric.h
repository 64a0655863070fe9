/*
 * Noise rev 34, section 5.1 and 5.2: CipherState and SymmetricState in one,
 * for this folder alone. Names are the specification's, so that noise.c can
 * be read beside it. The state is the ck, h, k, n of struct ol_noise.
 */
#ifndef OL_CRYPTO_SYMMETRIC_H
#define OL_CRYPTO_SYMMETRIC_H

#include "crypto/noise.h"

#define OL_NOISE_MESSAGE_MAX 65535u

/* InitializeSymmetric. name: at most OL_NOISE_HASH bytes. */
void ol_sym_init(struct ol_noise *ns, const char *name);
void ol_sym_mix_hash(struct ol_noise *ns, struct ol_span data);
void ol_sym_mix_key(struct ol_noise *ns, const uint8_t input[32]);
void ol_sym_mix_key_and_hash(struct ol_noise *ns, const uint8_t input[32]);
/* out: plain.n + OL_AEAD_TAG bytes. A key has been mixed before. */
void ol_sym_encrypt_and_hash(struct ol_noise *ns, struct ol_span plain,
                             uint8_t *out);
/* out: sealed.n - OL_AEAD_TAG bytes, apart from sealed. OL_ERR_SHORT,
 * OL_ERR_AUTH. */
OL_MUST_USE enum ol_err ol_sym_decrypt_and_hash(struct ol_noise *ns,
                                                struct ol_span sealed,
                                                uint8_t *out);
void ol_sym_split(const struct ol_noise *ns, struct ol_noise_keys *keys);

#endif
