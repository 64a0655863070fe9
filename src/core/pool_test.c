/* The block pool against its promise: nothing lost, nothing shared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/pool.h"

static struct ol_pool *made(void)
{
    struct ol_pool *p = calloc(1, sizeof(*p));

    assert_non_null(p);
    ol_pool_init(p);
    return p;
}

static void bytes_come_back(void **state)
{
    struct ol_pool *p = made();
    uint8_t in[8192], out[8192];
    uint16_t a, b;

    (void)state;
    for (unsigned i = 0; i < sizeof(in); i++)
        in[i] = (uint8_t)(i * 31 + i / 512);
    a = ol_pool_take(p, 8192);
    b = ol_pool_take(p, 1);
    assert_int_not_equal(a, OL_NO_BLOCK);
    assert_int_not_equal(b, OL_NO_BLOCK);
    ol_pool_write(p, a, 0, OL_SPAN(in, 700));
    ol_pool_write(p, a, 700, OL_SPAN(in + 700, sizeof(in) - 700));
    ol_pool_write(p, b, 0, OL_SPAN("x", 1));
    ol_pool_read(p, a, 0, out, sizeof(out));
    assert_memory_equal(in, out, sizeof(in));
    ol_pool_read(p, a, 511, out, 1030);
    assert_memory_equal(in + 511, out, 1030);
    free(p);
}

static void it_is_bounded_and_gives_all_back(void **state)
{
    struct ol_pool *p = made();
    uint16_t chain[OL_POOL_BLOCKS];
    unsigned n = 0;

    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        while ((chain[n] = ol_pool_take(p, 3 * OL_BLOCK)) != OL_NO_BLOCK)
            n++;
        assert_int_equal(n, OL_POOL_BLOCKS / 3);
        assert_int_equal(p->left, OL_POOL_BLOCKS % 3);
        while (n > 0)
            ol_pool_give(p, chain[--n]);
        assert_int_equal(p->left, OL_POOL_BLOCKS);
    }
    ol_pool_give(p, OL_NO_BLOCK);
    assert_int_equal(p->left, OL_POOL_BLOCKS);
    free(p);
}

/* What lay in a block is of another record: it must not show through. */
static void blocks_come_clean(void **state)
{
    struct ol_pool *p = made();
    uint8_t in[512], out[512], zero[512] = {0};
    uint16_t a;

    (void)state;
    memset(in, 0xaa, sizeof(in));
    a = ol_pool_take(p, 512);
    ol_pool_write(p, a, 0, OL_SPAN_ARRAY(in));
    ol_pool_give(p, a);
    a = ol_pool_take(p, 512);
    ol_pool_read(p, a, 0, out, sizeof(out));
    assert_memory_equal(out, zero, sizeof(out));
    free(p);
}

/* A chain that grows holds what it held, and takes what it needs. */
static void a_chain_grows(void **state)
{
    struct ol_pool *p = made();
    uint8_t in[8192], out[8192];
    uint16_t a = OL_NO_BLOCK, rest;

    (void)state;
    memset(in, 0x5a, sizeof(in));
    assert_true(ol_pool_reach(p, &a, 128, 0));
    assert_int_equal(p->left, OL_POOL_BLOCKS - 1);
    ol_pool_write(p, a, 0, OL_SPAN(in, 512));
    assert_true(ol_pool_reach(p, &a, 512, 0));
    assert_int_equal(p->left, OL_POOL_BLOCKS - 1);
    assert_true(ol_pool_reach(p, &a, 8192, 0));
    assert_int_equal(p->left, OL_POOL_BLOCKS - 16);
    ol_pool_read(p, a, 0, out, sizeof(out));
    assert_memory_equal(out, in, 512);
    for (unsigned i = 512; i < sizeof(out); i++)
        assert_int_equal(out[i], 0);
    ol_pool_give(p, a);
    assert_int_equal(p->left, OL_POOL_BLOCKS);

    /* Without room it stays as it was. */
    a = OL_NO_BLOCK;
    assert_true(ol_pool_reach(p, &a, 512, 0));
    rest = ol_pool_take(p, (OL_POOL_BLOCKS - 2) * (size_t)OL_BLOCK);
    assert_int_not_equal(rest, OL_NO_BLOCK);
    assert_false(ol_pool_reach(p, &a, 3 * OL_BLOCK, 0));
    assert_int_equal(p->left, 1);
    assert_false(ol_pool_reach(p, &a, 2 * OL_BLOCK, 1));
    assert_true(ol_pool_reach(p, &a, 2 * OL_BLOCK, 0));
    ol_pool_give(p, a);
    ol_pool_give(p, rest);
    assert_int_equal(p->left, OL_POOL_BLOCKS);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_back),
        cmocka_unit_test(it_is_bounded_and_gives_all_back),
        cmocka_unit_test(blocks_come_clean),
        cmocka_unit_test(a_chain_grows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
