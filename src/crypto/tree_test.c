/* The frontier against RFC 6962's recursive definition and known roots. */
#include "crypto/tree.h"
#include "crypto/trial.h"

#define LEAVES 300u

static void hash(uint8_t out[OL_HASH], uint8_t mark, struct ol_span a,
                 struct ol_span b)
{
    crypto_hash_sha256_state st;

    crypto_hash_sha256_init(&st);
    crypto_hash_sha256_update(&st, &mark, 1);
    crypto_hash_sha256_update(&st, a.p, a.n);
    crypto_hash_sha256_update(&st, b.p, b.n);
    crypto_hash_sha256_final(&st, out);
}

/* MTH of RFC 6962, 2.1, over leaves that are hashed already; as it stands
 * there. NOLINTNEXTLINE(misc-no-recursion) */
static void recursive(uint8_t out[OL_HASH], uint8_t (*leaf)[OL_HASH],
                      size_t n)
{
    uint8_t left[OL_HASH], right[OL_HASH];
    size_t k = 1;

    if (n == 0) {
        crypto_hash_sha256(out, NULL, 0);
        return;
    }
    if (n == 1) {
        memcpy(out, leaf[0], OL_HASH);
        return;
    }
    while (2 * k < n)
        k *= 2;
    recursive(left, leaf, k);
    recursive(right, leaf + k, n - k);
    hash(out, 1, OL_SPAN_ARRAY(left), OL_SPAN_ARRAY(right));
}

/* The inputs and roots that Certificate Transparency tests itself with. */
static void known_roots(void **state)
{
    static const char *const inputs[] = {
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    };
    static const char *const roots[] = {
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    };
    struct ol_tree t;
    uint8_t leaf[OL_HASH], root[OL_HASH], bytes[32];

    (void)state;
    ol_tree_init(&t);
    for (size_t i = 0;; i++) {
        ol_tree_root(&t, root);
        trial_equal_hex(root, OL_HASH, roots[i]);
        if (i == sizeof(inputs) / sizeof(inputs[0]))
            break;
        hash(leaf, 0, trial_hex(bytes, sizeof(bytes), inputs[i]),
             OL_SPAN(NULL, 0));
        ol_tree_append(&t, leaf);
    }
    assert_int_equal(t.size, 8);
}

static void a_leaf_names_line_and_author(void **state)
{
    uint8_t line[32], author[32], body[70], both[64];
    uint8_t leaf[OL_HASH], want[OL_HASH];

    (void)state;
    trial_ramp(line, 32, 1);
    trial_ramp(author, 32, 40);
    trial_ramp(body, sizeof(body), 80);
    memcpy(both, line, 32);
    memcpy(both + 32, author, 32);
    hash(want, 0, OL_SPAN_ARRAY(both), OL_SPAN_ARRAY(body));
    ol_tree_leaf(leaf, line, author, OL_SPAN_ARRAY(body));
    assert_memory_equal(leaf, want, OL_HASH);
    ol_tree_leaf(leaf, author, line, OL_SPAN_ARRAY(body));
    assert_memory_not_equal(leaf, want, OL_HASH);
}

/* Every size up to LEAVES; from each, saved and loaded, the log goes on. */
static void frontier_is_the_recursion(void **state)
{
    static uint8_t leaf[LEAVES][OL_HASH];
    uint8_t root[OL_HASH], want[OL_HASH], saved[OL_TREE_LEVELS * OL_HASH];
    struct ol_tree t, loaded;

    (void)state;
    ol_tree_init(&t);
    for (uint32_t n = 0; n < LEAVES; n++) {
        size_t bytes = ol_tree_save(&t, saved);

        assert_int_equal(bytes, (size_t)__builtin_popcount(n) * OL_HASH);
        memset(&loaded, 0xee, sizeof(loaded));
        assert_int_equal(ol_tree_load(&loaded, n, OL_SPAN(saved, bytes)),
                         OL_OK);
        assert_memory_equal(&loaded, &t, sizeof(t));
        ol_tree_root(&loaded, root);
        recursive(want, leaf, n);
        assert_memory_equal(root, want, OL_HASH);

        hash(leaf[n], 0, OL_SPAN(&n, sizeof(n)), OL_SPAN(NULL, 0));
        ol_tree_append(&t, leaf[n]);
        assert_int_equal(t.size, n + 1);
    }
}

static void load_refuses_other_lengths(void **state)
{
    static const uint8_t bytes[(OL_TREE_LEVELS + 1) * OL_HASH];
    static const uint32_t sizes[] = {0, 1, 2, 3, 255, 256, UINT32_MAX};
    struct ol_tree t;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t right = (size_t)__builtin_popcount(sizes[i]) * OL_HASH;

        for (size_t n = 0; n <= sizeof(bytes); n++)
            assert_int_equal(ol_tree_load(&t, sizes[i], OL_SPAN(bytes, n)),
                             n == right ? OL_OK : OL_ERR_CORRUPT);
    }
}

/* At 2^31 - 1 a leaf carries through every level; from 2^32 - 2 it makes the
 * largest size there is. */
static void the_largest(void **state)
{
    uint8_t node[OL_TREE_LEVELS][OL_HASH], saved[OL_TREE_LEVELS * OL_HASH];
    uint8_t leaf[OL_HASH], root[OL_HASH], want[OL_HASH];
    struct ol_tree t;

    (void)state;
    for (uint8_t i = 0; i < OL_TREE_LEVELS; i++)
        trial_ramp(node[i], OL_HASH, i);
    trial_ramp(leaf, OL_HASH, 200);

    assert_int_equal(ol_tree_load(&t, INT32_MAX, OL_SPAN(node, 31 * OL_HASH)),
                     OL_OK);
    ol_tree_append(&t, leaf);
    memcpy(want, leaf, OL_HASH);
    for (unsigned i = 31; i-- > 0;)
        hash(want, 1, OL_SPAN_ARRAY(node[i]), OL_SPAN_ARRAY(want));
    assert_int_equal(t.size, 0x80000000u);
    assert_int_equal(ol_tree_save(&t, saved), OL_HASH);
    assert_memory_equal(saved, want, OL_HASH);
    ol_tree_root(&t, root);
    assert_memory_equal(root, want, OL_HASH);

    assert_int_equal(
        ol_tree_load(&t, UINT32_MAX - 1, OL_SPAN(node, 31 * OL_HASH)), OL_OK);
    ol_tree_append(&t, leaf);
    ol_tree_root(&t, root);
    assert_int_equal(t.size, UINT32_MAX);
    /* node[0] is the largest subtree; the new leaf stands at its end: the
     * same hashes in the same order as above. */
    assert_memory_equal(root, want, OL_HASH);
    assert_int_equal(ol_tree_save(&t, saved), sizeof(saved));
    assert_memory_equal(saved, node, 31 * OL_HASH);
    assert_memory_equal(saved + 31 * OL_HASH, leaf, OL_HASH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_roots),
        cmocka_unit_test(a_leaf_names_line_and_author),
        cmocka_unit_test(frontier_is_the_recursion),
        cmocka_unit_test(load_refuses_other_lengths),
        cmocka_unit_test(the_largest),
    };

    return TRIAL_RUN(tests);
}
