/*
 * The record tree of one log: RFC 6962 over SHA-256, kept as a frontier.
 *
 * leaf = SHA-256(0x00 | line id | author Ed25519 key | canonical bytes).
 * The frontier holds the roots of the full subtrees of the current size, one
 * per set bit, largest first, so that appending costs amortised two hashes
 * and a root at most 32. Checkpoints are the author's signature over the C2SP
 * tlog-checkpoint text, whose origin is
 *   openline/<line id, 64 hex>/<author Ed25519 key, 64 hex>/<precedence>
 * with precedence in lower case; the signature has no prefix, so that other
 * people's tools verify it. Source: doc/protocol.md 10.
 */
#ifndef OL_CRYPTO_TREE_H
#define OL_CRYPTO_TREE_H

#include "crypto/crypto.h"

#define OL_TREE_LEVELS 32u
#define OL_CHECKPOINT_TEXT 256u

struct ol_tree {
    uint32_t size; /* leaves */
    uint8_t node[OL_TREE_LEVELS][OL_HASH]; /* node[k]: set when bit k is */
};

void ol_tree_init(struct ol_tree *t);

/* What all leaves of one author on one line begin with, hashed once: a fifth of
 * the work of a short record's leaf. Copied freely, holds no secret. */
struct ol_leaf_stem {
    uint64_t state[16];
};

void ol_leaf_stem_make(struct ol_leaf_stem *stem, const uint8_t line_id[32],
                       const uint8_t author_pk[32]);
void ol_leaf_make(uint8_t leaf[OL_HASH], const struct ol_leaf_stem *stem,
                  struct ol_span canonical);
/* The two in one, for who makes a single leaf. */
void ol_tree_leaf(uint8_t leaf[OL_HASH], const uint8_t line_id[32],
                  const uint8_t author_pk[32], struct ol_span canonical);
void ol_tree_append(struct ol_tree *t, const uint8_t leaf[OL_HASH]);
/* SHA-256 of nothing when the tree is empty. */
void ol_tree_root(const struct ol_tree *t, uint8_t root[OL_HASH]);

/* The frontier as bytes for the ledger: the set nodes, highest bit first:
 * popcount(size) * 32 bytes. load fails with OL_ERR_CORRUPT on another
 * length. */
size_t ol_tree_save(const struct ol_tree *t,
                    uint8_t out[OL_TREE_LEVELS * OL_HASH]);
OL_MUST_USE enum ol_err ol_tree_load(struct ol_tree *t, uint32_t size,
                                     struct ol_span frontier);

/* The text that a checkpoint signs: origin, size, base64 root, each with a
 * newline. Returns its length; out is not NUL-terminated. prec is below
 * OL_PRECS, as any decoded one; check alone refuses another, with
 * OL_ERR_MALFORMED. */
size_t ol_checkpoint_text(char out[OL_CHECKPOINT_TEXT],
                          const uint8_t line_id[32],
                          const uint8_t author_pk[32], uint8_t prec,
                          uint32_t size, const uint8_t root[OL_HASH]);
void ol_checkpoint_sign(uint8_t sig[OL_SIG], const struct ol_identity *id,
                        const uint8_t line_id[32], uint8_t prec, uint32_t size,
                        const uint8_t root[OL_HASH]);
OL_MUST_USE enum ol_err
ol_checkpoint_check(const uint8_t sig[OL_SIG], const uint8_t line_id[32],
                    const uint8_t author_pk[32], uint8_t prec, uint32_t size,
                    const uint8_t root[OL_HASH]);

#endif
