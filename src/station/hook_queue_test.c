/* What waits for a hook: one by one, or as one, and never lost. */
#include "station/hook_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void put(struct ol_hook_queue *q, uint64_t seq, enum ol_what what)
{
    struct ol_row_event ev = {.seq = seq, .what = (uint8_t)what,
                              .at_ms = 1000 + seq};

    ol_hook_queue_put(q, &ev);
}

static void one_by_one(void **state)
{
    struct ol_hook_queue q = {0};

    (void)state;
    assert_int_equal(ol_hook_queue_seq(&q), 0);
    for (uint64_t k = 1; k <= OL_HOOK_QUEUE; k++)
        put(&q, k, OL_WHAT_ARRIVED);
    for (uint64_t k = 1; k <= OL_HOOK_QUEUE; k++) {
        assert_int_equal(ol_hook_queue_seq(&q), k);
        ol_hook_queue_pop(&q);
    }
    assert_int_equal(ol_hook_queue_seq(&q), 0);
    ol_hook_queue_pop(&q); /* nothing */
}

static void a_flood(void **state)
{
    struct ol_hook_queue q = {0};

    (void)state;
    for (uint64_t k = 1; k <= 10000; k++)
        put(&q, k, k % 100 == 0 ? OL_WHAT_ALARM : OL_WHAT_DELIVERED);
    assert_int_equal(q.n, 0);
    assert_int_equal(q.folded, 10000);
    assert_int_equal(q.first, 1);
    assert_int_equal(q.first_ms, 1001);
    assert_int_equal(ol_hook_queue_seq(&q), 10000);
    assert_int_equal(q.counts[OL_WHAT_ALARM], 100);
    assert_int_equal(q.counts[OL_WHAT_DELIVERED], 9900);
    assert_int_equal(q.n_kept, OL_HOOK_KEPT);
    assert_int_equal(q.kept[0].seq, 8500);
    assert_int_equal(q.kept[OL_HOOK_KEPT - 1].seq, 10000);
    ol_hook_queue_pop(&q);
    assert_int_equal(ol_hook_queue_seq(&q), 0);
    put(&q, 10001, OL_WHAT_ALARM); /* alone again, and counted anew */
    assert_int_equal(q.n, 1);
    ol_hook_queue_fold(&q);
    assert_int_equal(q.folded, 1);
    assert_int_equal(q.n_kept, 1);
    assert_int_equal(q.counts[OL_WHAT_DELIVERED], 0);
    put(&q, 10002, OL_WHAT_LINE);
    assert_int_equal(q.folded, 2);
    assert_int_equal(ol_hook_queue_seq(&q), 10002);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_by_one),
                                       cmocka_unit_test(a_flood)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
