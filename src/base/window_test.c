/*
 * The replay window against a naive model: a plain set of counters that
 * remembers everything and is asked only about the last OL_WINDOW_BITS.
 */
#include "base/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/dice.h"
#include "base/units.h"

#define SPAN_OF_MODEL 40000u

/* Counters base .. base + SPAN_OF_MODEL - 1, one byte each. */
struct model {
    uint32_t base;
    bool any;
    uint32_t high;
    uint8_t seen[SPAN_OF_MODEL];
};

static bool in_window(const struct model *m, uint32_t counter)
{
    return (uint64_t)counter + OL_WINDOW_BITS > m->high;
}

static bool seen(const struct model *m, uint32_t counter)
{
    return m->any && counter >= m->base && counter <= m->high &&
           m->seen[counter - m->base];
}

static void compare_one(const struct ol_window *w, const struct model *m,
                        uint32_t c)
{
    bool has = seen(m, c) && in_window(m, c);
    bool fresh = !m->any || (in_window(m, c) && !seen(m, c));

    if (ol_window_has(w, c) != has || ol_window_fresh(w, c) != fresh)
        fail_msg("counter %u, high %u", c, m->high);
}

/* All runs from `from` down, each against the model, bit by bit. */
static unsigned compare_runs(const struct ol_window *w, const struct model *m,
                             uint32_t from)
{
    uint64_t at = (uint64_t)OL_MIN(from, m->high) + 1;
    uint32_t hi = 0, lo = 0;
    unsigned runs = 0;

    while (at > 0 && ol_window_run(w, (uint32_t)(at - 1), &hi, &lo)) {
        assert_true(hi < at && lo <= hi);
        for (uint64_t c = at - 1; c > hi; c--)
            assert_false(seen(m, (uint32_t)c));
        for (uint64_t c = lo; c <= hi; c++)
            assert_true(seen(m, (uint32_t)c));
        at = lo;
        runs++;
        if (at > 0 && in_window(m, (uint32_t)at - 1))
            assert_false(seen(m, (uint32_t)at - 1));
        else
            break;
    }
    while (at > 0 && in_window(m, (uint32_t)--at))
        assert_false(seen(m, (uint32_t)at));
    return runs;
}

/* One random story: mostly forward, with late ones, repeats and jumps. */
static void story(struct dice *d, uint32_t base, uint32_t jump)
{
    static struct model m;
    struct ol_window w;
    uint32_t next = base;

    memset(&m, 0, sizeof(m));
    m.base = base;
    ol_window_init(&w);
    for (unsigned step = 0; step < 3000; step++) {
        uint32_t c;

        if (!m.any || dice_u64(d) % 4)
            next += (uint32_t)dice_in(d, 0, jump);
        c = next;
        if (m.any && dice_u64(d) % 3 == 0)
            c = m.high - (uint32_t)dice_edge(
                             d, 0, OL_MIN(m.high - base, OL_WINDOW_BITS + 70));
        if (c - base >= SPAN_OF_MODEL || c < base)
            break;
        compare_one(&w, &m, c);
        if (ol_window_fresh(&w, c)) {
            ol_window_mark(&w, c);
            m.high = m.any ? OL_MAX(m.high, c) : c;
            m.any = true;
            m.seen[c - base] = 1;
        }
        compare_one(&w, &m, c);
        if (step % 97 == 0) {
            compare_runs(&w, &m, UINT32_MAX);
            compare_runs(&w, &m, c);
        }
    }
    for (uint64_t c = base; c < (uint64_t)base + SPAN_OF_MODEL; c++) {
        if (c <= UINT32_MAX)
            compare_one(&w, &m, (uint32_t)c);
    }
    compare_runs(&w, &m, UINT32_MAX);
}

static void agrees_with_the_model(void **state)
{
    static const uint32_t bases[] = {0, 1, 63, 64, 4095, 1000000, 0x7fffff00};
    static const uint32_t jumps[] = {1, 2, 3, 64, 700, 5000};
    struct dice d = dice_init(2);

    (void)state;
    for (unsigned round = 0; round < dice_rounds(3); round++)
        for (size_t b = 0; b < OL_LEN(bases); b++)
            for (size_t j = 0; j < OL_LEN(jumps); j++)
                story(&d, bases[b], jumps[j]);
}

/* The last counters of an epoch: nothing wraps, nothing overflows. */
static void agrees_up_to_the_last_counter(void **state)
{
    struct dice d = dice_init(3);

    (void)state;
    for (unsigned round = 0; round < dice_rounds(20); round++) {
        uint32_t back = (uint32_t)dice_edge(&d, 0, SPAN_OF_MODEL - 1);

        story(&d, UINT32_MAX - back, (uint32_t)dice_in(&d, 1, 300));
    }
}

static void the_last_counter_itself(void **state)
{
    struct ol_window w;
    uint32_t hi, lo;

    (void)state;
    ol_window_init(&w);
    ol_window_mark(&w, UINT32_MAX - 1);
    ol_window_mark(&w, UINT32_MAX);
    assert_false(ol_window_fresh(&w, UINT32_MAX));
    assert_true(ol_window_fresh(&w, UINT32_MAX - OL_WINDOW_BITS + 1));
    assert_false(ol_window_fresh(&w, UINT32_MAX - OL_WINDOW_BITS));
    assert_false(ol_window_fresh(&w, 0));
    assert_true(ol_window_run(&w, UINT32_MAX, &hi, &lo));
    assert_int_equal(hi, UINT32_MAX);
    assert_int_equal(lo, UINT32_MAX - 1);
    assert_false(ol_window_run(&w, lo - 1, &hi, &lo));
}

static void an_empty_window_takes_everything(void **state)
{
    struct ol_window w;
    uint32_t hi, lo;

    (void)state;
    ol_window_init(&w);
    assert_true(ol_window_fresh(&w, 0));
    assert_true(ol_window_fresh(&w, UINT32_MAX));
    assert_false(ol_window_has(&w, 0));
    assert_false(ol_window_run(&w, UINT32_MAX, &hi, &lo));
    ol_window_mark(&w, 0);
    assert_true(ol_window_has(&w, 0));
    assert_false(ol_window_fresh(&w, 0));
    assert_true(ol_window_run(&w, UINT32_MAX, &hi, &lo));
    assert_int_equal(hi, 0);
    assert_int_equal(lo, 0);
}

static void the_window_is_exactly_as_long_as_said(void **state)
{
    struct ol_window w;
    uint32_t hi, lo;

    (void)state;
    ol_window_init(&w);
    for (uint32_t c = 0; c < OL_WINDOW_BITS; c++)
        ol_window_mark(&w, c);
    assert_true(ol_window_has(&w, 0));
    assert_true(ol_window_run(&w, OL_WINDOW_BITS, &hi, &lo));
    assert_int_equal(hi, OL_WINDOW_BITS - 1);
    assert_int_equal(lo, 0);
    ol_window_mark(&w, OL_WINDOW_BITS);
    assert_false(ol_window_has(&w, 0));
    assert_false(ol_window_fresh(&w, 0));
    assert_true(ol_window_has(&w, 1));
    assert_true(ol_window_run(&w, UINT32_MAX, &hi, &lo));
    assert_int_equal(hi, OL_WINDOW_BITS);
    assert_int_equal(lo, 1);
    assert_false(ol_window_run(&w, 0, &hi, &lo));
}

/* An old word must not come back as new when the ring has gone round. */
static void a_jump_of_any_length_leaves_nothing(void **state)
{
    (void)state;
    for (uint32_t jump = 1; jump < 3 * OL_WINDOW_BITS; jump += 13) {
        struct ol_window w;
        uint32_t high;

        ol_window_init(&w);
        for (uint32_t c = 0; c < 2 * OL_WINDOW_BITS; c += 3)
            ol_window_mark(&w, c);
        high = w.high + jump;
        ol_window_mark(&w, high);
        for (uint32_t c = w.high - OL_WINDOW_BITS + 1; c < high; c++)
            assert_int_equal(ol_window_has(&w, c),
                             c < 2 * OL_WINDOW_BITS && c % 3 == 0);
    }
}

static jmp_buf caught;

static void catch(const char *expr, const char *file, int line)
{
    (void)expr;
    (void)file;
    (void)line;
    longjmp(caught, 1);
}

static void marking_twice_is_our_own_bug(void **state)
{
    struct ol_window w;

    (void)state;
    ol_window_init(&w);
    ol_window_mark(&w, 5);
    ol_check_hook = catch;
    if (setjmp(caught) == 0) {
        ol_window_mark(&w, 5);
        fail();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_model),
        cmocka_unit_test(agrees_up_to_the_last_counter),
        cmocka_unit_test(the_last_counter_itself),
        cmocka_unit_test(an_empty_window_takes_everything),
        cmocka_unit_test(the_window_is_exactly_as_long_as_said),
        cmocka_unit_test(a_jump_of_any_length_leaves_nothing),
        cmocka_unit_test(marking_twice_is_our_own_bug),
    };

    return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
