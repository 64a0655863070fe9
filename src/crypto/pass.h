/*
 * From a passphrase to a key, and long texts sealed in pieces.
 *
 * Argon2id (RFC 9106, version 1.3, one lane) through libsodium. Its
 * parameters stand beside what was sealed, in the clear, so they come from
 * whoever wrote the file: they have upper bounds here.
 */
#ifndef OL_CRYPTO_PASS_H
#define OL_CRYPTO_PASS_H

#include "crypto/crypto.h"

#define OL_KDF_SALT 16u
#define OL_KDF_OPS 3u                  /* passes over the memory */
#define OL_KDF_MEM_KIB (256u * 1024)   /* for the time of one call */
#define OL_KDF_OPS_MAX 8u
#define OL_KDF_MEM_KIB_MIN 8u
#define OL_KDF_MEM_KIB_MAX (1024u * 1024)
#define OL_PASSPHRASE_MAX 1024u        /* bytes */
#define OL_PASSPHRASE_MIN 8u           /* characters of a new one */

struct ol_kdf {
    uint32_t ops, mem_kib;
    uint8_t salt[OL_KDF_SALT]; /* random for each key */
};

/* Parameters that a file may ask for. */
bool ol_kdf_ok(const struct ol_kdf *kdf);
/* n: 16 to 256 bytes of key. OL_ERR_INPUT: parameters out of bounds, an empty
 * passphrase or one above OL_PASSPHRASE_MAX; OL_ERR_IO: no memory. */
OL_MUST_USE enum ol_err ol_kdf_key(void *out, size_t n,
                                   const struct ol_kdf *kdf,
                                   struct ol_span passphrase);

/*
 * A long text in pieces (libsodium's secretstream, XChaCha20-Poly1305): each
 * opens only in its place, and the last one says that it is the last. ad is
 * bound to its piece. Wipe the stream at the end.
 */
#define OL_STREAM_HEAD 24u
#define OL_STREAM_OVER 17u
struct ol_stream {
    _Alignas(8) uint8_t state[64];
};

/* head: made here, to be stored in front. */
void ol_stream_seal_start(struct ol_stream *s, uint8_t head[OL_STREAM_HEAD],
                          const uint8_t key[OL_KEY]);
/* out: in.n + OL_STREAM_OVER bytes, apart from in. */
void ol_stream_seal(struct ol_stream *s, uint8_t *out, struct ol_span ad,
                    struct ol_span in, bool last);
void ol_stream_open_start(struct ol_stream *s,
                          const uint8_t head[OL_STREAM_HEAD],
                          const uint8_t key[OL_KEY]);
/* out: in.n - OL_STREAM_OVER bytes, apart from in. OL_ERR_CORRUPT. */
OL_MUST_USE enum ol_err ol_stream_open(struct ol_stream *s, uint8_t *out,
                                       struct ol_span ad, struct ol_span in,
                                       bool *last);

#endif
