/*
 * Primitives and keys: the only folder that includes sodium.h.
 *
 * Hashes, the seeded generator, authenticated encryption, signatures, and the
 * derivations of doc/protocol.md 1. Nothing here reads a clock, a file or the
 * system's randomness: the caller hands in seeds. ol_crypto_init must have
 * returned OL_OK once in the process before anything else is called.
 */
#ifndef OL_CRYPTO_CRYPTO_H
#define OL_CRYPTO_CRYPTO_H

#include <openline/err.h>
#include <openline/span.h>

#define OL_KEY 32u
#define OL_AEAD_TAG 16u
#define OL_SIG 64u
#define OL_HASH 32u /* SHA-256: trees; BLAKE2b-256: contents */

/* sodium_init. OL_ERR_IO when the library cannot start. */
OL_MUST_USE enum ol_err ol_crypto_init(void);

void ol_wipe(void *p, size_t n);
/* Constant time. */
bool ol_same(const void *a, const void *b, size_t n);
/* Fills from the operating system: for the station (F5), never the core. */
void ol_os_random(void *p, size_t n);

/* A seeded generator: ChaCha20 with fast key erasure. The same seed and the
 * same calls give the same bytes; other cuts of the same length do not. */
struct ol_rng {
    uint8_t key[OL_KEY];
};

void ol_rng_init(struct ol_rng *rng, const uint8_t seed[OL_KEY]);
/* Mixes 32 fresh bytes in; what was unknown before stays so. */
void ol_rng_mix(struct ol_rng *rng, const uint8_t fresh[OL_KEY]);
void ol_rng_fill(struct ol_rng *rng, void *p, size_t n);
uint32_t ol_rng_u32(struct ol_rng *rng);

/* An own identity. ed_sk in libsodium's form (seed | public key). Wipe. */
struct ol_identity {
    uint8_t ed_pk[32], ed_sk[64];
    uint8_t x_pk[32], x_sk[32];
};

void ol_identity_make(struct ol_identity *id, struct ol_rng *rng);
/* Recomputes the public halves and compares. OL_ERR_CORRUPT. */
OL_MUST_USE enum ol_err ol_identity_check(const struct ol_identity *id);

/* The public half of an X25519 key. */
void ol_x25519_public(uint8_t pk[32], const uint8_t sk[32]);
/* Could a Diffie-Hellman with it fail: it is of small order. */
bool ol_x25519_weak(const uint8_t pk[32]);

/* The public half of a peer, as on its card. */
struct ol_peer_keys {
    uint8_t ed_pk[32], x_pk[32];
};

/* Ed25519 over prefix | body, so that no signature serves two purposes:
 * prefix is a constant string of this project; none but the empty one of a
 * checkpoint's text may begin with "openline/". prefix | body: 1 to
 * OL_SIGN_MAX bytes. Errors of check: OL_ERR_AUTH, OL_ERR_LONG. */
#define OL_SIGN_MAX 16384u
void ol_sign(uint8_t sig[OL_SIG], const struct ol_identity *id,
             const char *prefix, struct ol_span body);
OL_MUST_USE enum ol_err ol_sign_check(const uint8_t sig[OL_SIG],
                                      const uint8_t ed_pk[32],
                                      const char *prefix, struct ol_span body);

/* BLAKE2b-256 over label | a | b, unkeyed when key is NULL. Nothing stands
 * between the parts: at most one of them may vary in length under a label. */
void ol_hash(uint8_t out[32], const uint8_t key[OL_KEY], const char *label,
             struct ol_span a, struct ol_span b);

/* BLAKE2b-256 of a content that comes in parts, unkeyed and without a label:
 * what `b2sum -l 256` says. The state is libsodium's, as plain bytes: it may
 * lie anywhere, and be copied. */
#define OL_DIGEST_STATE 384u
struct ol_digest {
    uint8_t state[OL_DIGEST_STATE];
};

void ol_digest_init(struct ol_digest *d);
void ol_digest_add(struct ol_digest *d, struct ol_span part);
void ol_digest_end(struct ol_digest *d, uint8_t out[OL_HASH]); /* wipes */

/*
 * What two stations share.
 * line id = BLAKE2b-256("openline line id 1" | ed_low | x_low | ed_high |
 *           x_high), low: the lower Ed25519 key.
 * psk     = BLAKE2b-256 keyed with nothing over "openline psk 1" | line id |
 *           share_low | share_high. Never zero.
 * safety number = 60 digits: BLAKE2b-512 iterated 5,200 times over
 *           "openline safety 1" | line id | BLAKE2b-256(psk), each later time
 *           over the 64 bytes before; twelve groups of 5 digits, each from 5
 *           bytes big-endian modulo 100,000.
 */
struct ol_shared {
    uint8_t line_id[32];
    uint8_t psk[32];
    bool lower; /* is our Ed25519 key the lower one */
};

/* OL_ERR_FOREIGN when the peer's keys are our own; OL_ERR_INPUT for a key of
 * small order or a zero share. */
OL_MUST_USE enum ol_err ol_shared_make(struct ol_shared *shared,
                                       const struct ol_identity *own,
                                       const struct ol_peer_keys *peer,
                                       const uint8_t own_share[32],
                                       const uint8_t peer_share[32]);
/* "12345 12345 ..." twelve groups, NUL-terminated, 72 bytes. */
void ol_safety_number(char out[72], const struct ol_shared *shared);
/* 4 bytes that name a channel of this line in knocks and VIEW: the first of
 * BLAKE2b-256("openline channel 1" | line id | name), big-endian. */
uint32_t ol_channel_tag(const uint8_t line_id[32], struct ol_span name);

/*
 * At rest: XChaCha20-Poly1305, random nonce in front (24), tag behind (16).
 * out holds in.n + OL_ATREST_OVER bytes. Errors of open: OL_ERR_CORRUPT.
 */
#define OL_ATREST_OVER 40u
void ol_atrest_seal(uint8_t *out, const uint8_t key[OL_KEY], struct ol_span ad,
                    struct ol_span in, struct ol_rng *rng);
OL_MUST_USE enum ol_err ol_atrest_open(uint8_t *out, const uint8_t key[OL_KEY],
                                       struct ol_span ad, struct ol_span in);

/*
 * For many seals under one key, which ol_atrest_open opens as any other: the
 * nonce is 16 bytes drawn once, and a count behind them, so that what
 * XChaCha20 makes of the key and those 16 bytes is made once. Not to be
 * copied: the copy would give the same nonces. It holds a key, and its owner
 * wipes it. out holds in.n + OL_ATREST_OVER bytes.
 */
struct ol_atrest {
    uint8_t key[OL_KEY]; /* HChaCha20 of the key and start */
    uint8_t start[16];
    uint64_t count;
};

void ol_atrest_init(struct ol_atrest *a, const uint8_t key[OL_KEY],
                    struct ol_rng *rng);
void ol_atrest_next(struct ol_atrest *a, uint8_t *out, struct ol_span ad,
                    struct ol_span in);

#endif
