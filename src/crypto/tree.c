/*
 * The tree of one log, kept as its frontier.
 *
 * Appending a leaf is adding one to a binary number whose digits are full
 * subtrees: each carry joins two of equal size. The root joins what is left
 * from the smallest up, which is RFC 6962's split at the largest power of two
 * below the size. Only a frontier of another length is refused, as
 * OL_ERR_CORRUPT; whether its hashes are the right ones, a root tells.
 */
#include "crypto/tree.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"

static void join(uint8_t out[OL_HASH], const uint8_t left[OL_HASH],
                 const uint8_t right[OL_HASH])
{
    static const uint8_t mark = 0x01;
    crypto_hash_sha256_state st;

    crypto_hash_sha256_init(&st);
    crypto_hash_sha256_update(&st, &mark, 1);
    crypto_hash_sha256_update(&st, left, OL_HASH);
    crypto_hash_sha256_update(&st, right, OL_HASH);
    crypto_hash_sha256_final(&st, out);
}

void ol_tree_init(struct ol_tree *t)
{
    memset(t, 0, sizeof(*t));
}

void ol_leaf_stem_make(struct ol_leaf_stem *stem, const uint8_t line_id[32],
                       const uint8_t author_pk[32])
{
    static const uint8_t mark = 0x00;
    crypto_hash_sha256_state st;

    _Static_assert(sizeof(st) <= sizeof(stem->state), "a state fits");
    memset(stem, 0, sizeof(*stem));
    crypto_hash_sha256_init(&st);
    crypto_hash_sha256_update(&st, &mark, 1);
    crypto_hash_sha256_update(&st, line_id, 32);
    crypto_hash_sha256_update(&st, author_pk, 32);
    memcpy(stem->state, &st, sizeof(st));
}

void ol_leaf_make(uint8_t leaf[OL_HASH], const struct ol_leaf_stem *stem,
                  struct ol_span canonical)
{
    crypto_hash_sha256_state st;

    memcpy(&st, stem->state, sizeof(st));
    crypto_hash_sha256_update(&st, canonical.p, canonical.n);
    crypto_hash_sha256_final(&st, leaf);
}

void ol_tree_leaf(uint8_t leaf[OL_HASH], const uint8_t line_id[32],
                  const uint8_t author_pk[32], struct ol_span canonical)
{
    struct ol_leaf_stem stem;

    ol_leaf_stem_make(&stem, line_id, author_pk);
    ol_leaf_make(leaf, &stem, canonical);
}

void ol_tree_append(struct ol_tree *t, const uint8_t leaf[OL_HASH])
{
    uint8_t carry[OL_HASH];
    unsigned level = 0;

    OL_CHECK(t->size < UINT32_MAX);
    memcpy(carry, leaf, OL_HASH);
    for (; t->size >> level & 1; level++) {
        join(carry, t->node[level], carry);
        memset(t->node[level], 0, OL_HASH);
    }
    memcpy(t->node[level], carry, OL_HASH);
    t->size++;
}

void ol_tree_root(const struct ol_tree *t, uint8_t root[OL_HASH])
{
    bool any = false;

    for (unsigned level = 0; level < OL_TREE_LEVELS; level++) {
        if (!(t->size >> level & 1))
            continue;
        if (any)
            join(root, t->node[level], root);
        else
            memcpy(root, t->node[level], OL_HASH);
        any = true;
    }
    if (!any)
        crypto_hash_sha256(root, NULL, 0);
}

size_t ol_tree_save(const struct ol_tree *t,
                    uint8_t out[OL_TREE_LEVELS * OL_HASH])
{
    size_t n = 0;

    for (unsigned level = OL_TREE_LEVELS; level-- > 0;) {
        if (!(t->size >> level & 1))
            continue;
        memcpy(out + n, t->node[level], OL_HASH);
        n += OL_HASH;
    }
    return n;
}

enum ol_err ol_tree_load(struct ol_tree *t, uint32_t size,
                         struct ol_span frontier)
{
    const uint8_t *at = frontier.p;

    if (frontier.n != (size_t)__builtin_popcount(size) * OL_HASH)
        return OL_ERR_CORRUPT;
    ol_tree_init(t);
    t->size = size;
    for (unsigned level = OL_TREE_LEVELS; level-- > 0;) {
        if (!(size >> level & 1))
            continue;
        memcpy(t->node[level], at, OL_HASH);
        at += OL_HASH;
    }
    return OL_OK;
}
