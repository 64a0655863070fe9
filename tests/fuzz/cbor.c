/*
 * The CBOR subset against libcbor.
 *
 * The first byte picks one of two plays. Bytes: a reader of any schema over
 * ol_cbor_*, at most 8 deep. What it accepts libcbor accepts, as the same
 * tree; what libcbor accepts and it refuses is outside the subset for a reason
 * of doc/protocol.md 6.1 that the tree, or the length of a head, shows. Trees:
 * what the fuzzer builds within the subset both libraries write as the same
 * bytes, and ours reads again. Neither play allocates anything of ours, and
 * libcbor stays below the cap (other_cbor.h).
 */
#include "other_cbor.h"
#include "script.h"

#include "base/check.h"
#include "wire/cbor.h"

#define INPUT_MAX 4096u
#define OUT_MAX (1u << 16)
#define TREE_ITEMS 512u

/* One item, and that the other tree says the same; it: NULL before there is
 * one. */
static void item(struct ol_cbor *c, const cbor_item_t *it, unsigned depth);

static void map(struct ol_cbor *c, const cbor_item_t *it, unsigned depth)
{
    uint32_t n = ol_cbor_map(c, UINT32_MAX);
    uint64_t key, before = 0;

    OL_CHECK(it == NULL || (cbor_isa_map(it) && cbor_map_size(it) == n));
    for (uint32_t k = 0; k < n && !ol_cbor_failed(c); k++) {
        const struct cbor_pair *pair = it ? &cbor_map_handle(it)[k] : NULL;

        key = ol_cbor_uint(c, UINT64_MAX);
        if (k > 0 && key <= before)
            ol_cbor_fail(c);
        before = key;
        OL_CHECK(it == NULL || (cbor_isa_uint(pair->key) &&
                                cbor_get_int(pair->key) == key));
        item(c, it ? pair->value : NULL, depth + 1);
    }
}

static void array(struct ol_cbor *c, const cbor_item_t *it, unsigned depth)
{
    uint32_t n = ol_cbor_array(c, UINT32_MAX);

    OL_CHECK(it == NULL || (cbor_isa_array(it) && cbor_array_size(it) == n));
    for (uint32_t k = 0; k < n && !ol_cbor_failed(c); k++)
        item(c, it ? cbor_array_handle(it)[k] : NULL, depth + 1);
}

static void item(struct ol_cbor *c, const cbor_item_t *it, unsigned depth)
{
    uint8_t major = c->r.n > 0 ? c->r.p[0] >> 5 : 0xff;
    struct ol_span s;
    uint64_t v;
    bool b;

    if (depth > OTHER_DEPTH)
        ol_cbor_fail(c);
    switch (major) {
    case 0:
        v = ol_cbor_uint(c, UINT64_MAX);
        OL_CHECK(it == NULL || (cbor_isa_uint(it) && cbor_get_int(it) == v));
        break;
    case 2:
        s = ol_cbor_bytes(c, SIZE_MAX);
        OL_CHECK(it == NULL || (cbor_isa_bytestring(it) &&
                                ol_span_eq(s, other_span(it))));
        break;
    case 3:
        s = ol_cbor_text(c, SIZE_MAX);
        OL_CHECK(it == NULL || (cbor_isa_string(it) &&
                                ol_span_eq(s, other_span(it))));
        break;
    case 4:
        array(c, it, depth);
        break;
    case 5:
        map(c, it, depth);
        break;
    case 7:
        b = ol_cbor_bool(c);
        OL_CHECK(it == NULL || (other_bool(it) && cbor_get_bool(it) == b));
        break;
    default:
        ol_cbor_fail(c);
        break;
    }
}

static bool accepts(struct ol_span in, const cbor_item_t *it)
{
    struct ol_cbor c;

    ol_cbor_init(&c, in);
    item(&c, it, 0);
    return ol_cbor_done(&c);
}

static void bytes(struct ol_span in)
{
    bool ours = accepts(in, NULL);
    cbor_item_t *tree = other_load(in);

    OL_CHECK(!ours || tree != NULL);
    if (ours) {
        OL_CHECK(accepts(in, tree));
        OL_CHECK(other_reason(tree, in) == NULL);
    } else if (tree != NULL) {
        OL_CHECK(other_reason(tree, in) != NULL);
    }
    if (tree != NULL)
        cbor_decref(&tree);
}

/* A tree of the fuzzer's, written by us while libcbor builds it. */
static cbor_item_t *grow(struct script *s, struct ol_writer *w, unsigned depth,
                         unsigned *left)
{
    uint32_t kind = script_below(s, depth < OTHER_DEPTH ? 8 : 5);
    uint32_t n = script_below(s, 40);
    cbor_item_t *it;
    struct ol_span b;
    uint64_t v, key = 0;

    n = OL_MIN(n, *left);
    switch (kind) {
    case 0:
    case 1:
        v = script_edge(s, 0, UINT64_MAX) >> script_below(s, 64);
        ol_cbor_put_uint(w, v);
        return cbor_build_uint64(v);
    case 2:
        b = script_span(s, 300);
        ol_cbor_put_bytes(w, b);
        return cbor_build_bytestring(b.p, b.n);
    case 3:
        b = script_span(s, 300);
        if (!ol_span_utf8(b))
            b.n = 0;
        ol_cbor_put_text(w, b);
        return cbor_build_stringn((const char *)b.p, b.n);
    case 4:
        ol_cbor_put_bool(w, n & 1);
        return cbor_build_bool(n & 1);
    case 5:
    case 6:
        *left -= n;
        ol_cbor_put_array(w, n);
        it = cbor_new_definite_array(n);
        for (uint32_t k = 0; k < n; k++)
            OL_CHECK(cbor_array_push(it,
                                     cbor_move(grow(s, w, depth + 1, left))));
        return it;
    default:
        *left -= n;
        ol_cbor_put_map(w, n);
        it = cbor_new_definite_map(n);
        for (uint32_t k = 0; k < n; k++) {
            struct cbor_pair pair;

            key += 1 + script_u8(s) * (script_u8(s) % 3 == 0 ? 70000u : 1u);
            ol_cbor_put_uint(w, key);
            pair.key = cbor_move(cbor_build_uint64(key));
            pair.value = cbor_move(grow(s, w, depth + 1, left));
            OL_CHECK(cbor_map_add(it, pair));
        }
        return it;
    }
}

static void trees(struct script *s)
{
    static uint8_t ours[OUT_MAX], theirs[OUT_MAX];
    unsigned left = TREE_ITEMS;
    struct ol_writer w;
    cbor_item_t *tree;
    size_t n;

    ol_writer_init(&w, ours, sizeof(ours));
    tree = grow(s, &w, 0, &left);
    n = other_encode(tree, theirs, sizeof(theirs));
    /* Both were full, or both say the same. */
    OL_CHECK(w.failed == (n == 0));
    if (!w.failed) {
        OL_CHECK(ol_span_eq(ol_writer_span(&w), OL_SPAN(theirs, n)));
        OL_CHECK(accepts(ol_writer_span(&w), tree));
    }
    cbor_decref(&tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script s = {data, OL_MIN(size, INPUT_MAX)};

    if (script_u8(&s) & 1)
        trees(&s);
    else
        bytes(script_rest(&s));
    return 0;
}
