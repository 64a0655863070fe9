/* A marking is in what its author signs: whoever turns a drill into a real
 * order on the way, or the reverse, has another record, which no signature of
 * the author covers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/tree.h"
#include "wire/record.h"

static struct ol_identity north;
static uint8_t line_id[32] = {7};

static struct ol_span encode(uint8_t bytes[OL_RECORD_MAX], uint8_t marking)
{
    static const uint8_t id[OL_ID_SIZE] = {3};
    struct ol_record rec = {.kind = OL_KIND_MESSAGE, .prec = OL_FLASH,
                            .index = 1, .number = 1, .marking = marking,
                            .id = OL_SPAN_ARRAY(id), .written_ms = 1000,
                            .text = ol_span_str("launch detected")};
    struct ol_writer w;

    ol_writer_init(&w, bytes, OL_RECORD_MAX);
    assert_int_equal(ol_record_encode(&w, &rec), OL_OK);
    return ol_writer_span(&w);
}

static void root_of(struct ol_span bytes, uint8_t root[OL_HASH])
{
    uint8_t leaf[OL_HASH];
    struct ol_tree t;

    ol_tree_init(&t);
    ol_tree_leaf(leaf, line_id, north.ed_pk, bytes);
    ol_tree_append(&t, leaf);
    ol_tree_root(&t, root);
}

static void flipped(void **state)
{
    static uint8_t a[OL_RECORD_MAX], b[OL_RECORD_MAX];
    uint8_t root[OL_HASH], sig[OL_SIG], seed[32] = {1};
    struct ol_span signed_one, other;
    struct ol_record rec;
    struct ol_rng rng;
    size_t at = 0, differ = 0;

    (void)state;
    assert_int_equal(ol_crypto_init(), OL_OK);
    ol_rng_init(&rng, seed);
    ol_identity_make(&north, &rng);
    signed_one = encode(a, OL_EXERCISE);
    other = encode(b, OL_ACTUAL);
    root_of(signed_one, root);
    ol_checkpoint_sign(sig, &north, line_id, OL_FLASH, 1, root);
    assert_int_equal(ol_checkpoint_check(sig, line_id, north.ed_pk, OL_FLASH,
                                         1, root), OL_OK);

    /* It is one byte of the record, and that byte is all that differs. */
    assert_int_equal(signed_one.n, other.n);
    for (size_t k = 0; k < other.n; k++) {
        if (a[k] == b[k])
            continue;
        at = k;
        differ++;
    }
    assert_int_equal(differ, 1);

    /* Flipped, it is a record like any other; but not one that was signed. */
    a[at] = b[at];
    assert_int_equal(ol_record_decode(signed_one, &rec), OL_OK);
    assert_int_equal(rec.marking, OL_ACTUAL);
    root_of(signed_one, root);
    assert_int_not_equal(ol_checkpoint_check(sig, line_id, north.ed_pk,
                                             OL_FLASH, 1, root), OL_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flipped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
