/* What is due, when, and what a clock that is set does to it. */
#include "station/due.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/units.h"

#define S OL_NS_PER_S
#define NS (1000 * S)
#define WALL UINT64_C(1795428000000)
#define DAY UINT64_C(86400000)

static const struct ol_conf_step steps[] = {
    {.after_ns = 300 * S, .what = OL_STEP_DEPUTY, .arg = "minister"},
    {.after_ns = 0, .what = OL_STEP_RAISE, .prec = OL_FLASH, .arg = "flash"},
};

static struct ol_due ask(uint32_t index, uint64_t deadline_ms)
{
    struct ol_due d = {.prec = OL_FLASH, .index = index,
                       .deadline_ms = deadline_ms, .answer_ns = OL_NEVER_NS};

    return d;
}

static struct ol_due_now now_is(uint64_t ns, uint64_t wall_ms)
{
    struct ol_due_now now = {ns, wall_ms, steps, OL_LEN(steps)};

    return now;
}

static void deadlines(void **state)
{
    struct ol_due d = ask(1, WALL + 60000);
    struct ol_due_now now = now_is(NS, WALL);
    enum ol_due_what what;
    unsigned step;

    (void)state;
    assert_int_equal(ol_due_at(&d, &now, &what, &step), NS + 60 * S);
    assert_int_equal(what, OL_DUE_BY);
    assert_false(ol_due_overdue(&d, WALL + 59999));
    assert_true(ol_due_overdue(&d, WALL + 60000));
    now = now_is(NS, WALL + 60000);
    assert_int_equal(ol_due_at(&d, &now, &what, &step), NS);
    /* The clock goes back a day: it is a day away again; forward: now. */
    now = now_is(NS, WALL - DAY);
    assert_int_equal(ol_due_at(&d, &now, &what, &step),
                     NS + (DAY / 1000 + 60) * S);
    now = now_is(NS, WALL + DAY);
    assert_int_equal(ol_due_at(&d, &now, &what, &step), NS);
    /* The end of time is never; no deadline is never. */
    d.deadline_ms = UINT64_MAX;
    assert_int_equal(ol_due_at(&d, &now, &what, &step), OL_NEVER_NS);
    d.deadline_ms = 0;
    assert_int_equal(ol_due_at(&d, &now, &what, &step), OL_NEVER_NS);
    assert_int_equal(what, OL_DUE_NONE);
    assert_false(ol_due_overdue(&d, UINT64_MAX));
}

static void objectives(void **state)
{
    struct ol_due d = ask(1, WALL + 60000);
    struct ol_due_now now = now_is(NS, WALL);
    enum ol_due_what what;
    unsigned step;

    (void)state;
    d.answer_ns = NS + 10 * S;
    assert_int_equal(ol_due_at(&d, &now, &what, &step), NS + 10 * S);
    assert_int_equal(what, OL_DUE_ANSWER);
    /* No wall clock moves it. */
    now = now_is(NS, WALL - DAY);
    assert_int_equal(ol_due_at(&d, &now, &what, &step), NS + 10 * S);
    d.said_answer = true;
    now = now_is(NS, WALL);
    assert_int_equal(ol_due_at(&d, &now, &what, &step), NS + 60 * S);
    assert_int_equal(what, OL_DUE_BY);
    /* What is overdue is not slow as well; announcements are not answered. */
    d.said_answer = false;
    d.said_by = true;
    d.steps = 3;
    assert_int_equal(ol_due_at(&d, &now, &what, &step), OL_NEVER_NS);
    d.said_by = false;
    d.announced = true;
    assert_int_equal(ol_due_at(&d, &now, &what, &step), NS + 60 * S);
    assert_int_equal(what, OL_DUE_BY);
}

static void escalation(void **state)
{
    struct ol_due d = ask(1, WALL - 1);
    struct ol_due_now now = now_is(NS, WALL);
    enum ol_due_what what;
    unsigned step = 9;

    (void)state;
    d.said_by = true;
    d.said_by_ns = (int64_t)(NS - 10 * S);
    assert_int_equal(ol_due_at(&d, &now, &what, &step), NS);
    assert_int_equal(what, OL_DUE_STEP);
    assert_int_equal(step, 1); /* by their times, not by their places */
    d.again_ns = NS + S;       /* it could not be done now */
    assert_int_equal(ol_due_at(&d, &now, &what, &step), NS + S);
    d.again_ns = 0;
    d.steps = 1 << 1;
    assert_int_equal(ol_due_at(&d, &now, &what, &step), NS + 290 * S);
    assert_int_equal(step, 0);
    /* As the clock says now; each once, whatever it says then. */
    now = now_is(NS, WALL - 1 - DAY);
    assert_int_equal(ol_due_at(&d, &now, &what, &step),
                     NS + DAY / 1000 * S);
    now = now_is(NS, WALL);
    d.said_by_ns = -(int64_t)(5000 * S); /* said long before this boot */
    assert_int_equal(ol_due_at(&d, &now, &what, &step), NS);
    d.announced = true;
    assert_int_equal(ol_due_at(&d, &now, &what, &step), OL_NEVER_NS);
    d.announced = false;
    d.steps = 3;
    assert_int_equal(ol_due_at(&d, &now, &what, &step), OL_NEVER_NS);
}

static void a_full_table(void **state)
{
    struct ol_dues *t = calloc(1, sizeof(*t));
    struct ol_due d;

    (void)state;
    assert_non_null(t);
    for (uint32_t k = 1; k <= OL_DUES_MAX; k++) {
        d = ask(k, k == 7 ? 0 : WALL + k);
        assert_true(ol_dues_add(t, &d));
    }
    assert_false(t->left_out);
    /* Whoever has no deadline goes first, then the latest. */
    d = ask(9001, WALL + 9000);
    assert_true(ol_dues_add(t, &d));
    assert_true(t->left_out);
    assert_null(ol_dues_find(t, OL_FLASH, 7));
    d = ask(9002, WALL + 9001);
    assert_false(ol_dues_add(t, &d));
    d = ask(9003, WALL);
    assert_true(ol_dues_add(t, &d));
    assert_null(ol_dues_find(t, OL_FLASH, 9001));
    assert_non_null(ol_dues_find(t, OL_FLASH, 9003));
    assert_null(ol_dues_find(t, OL_ROUTINE, 9003));
    ol_dues_remove(t, ol_dues_find(t, OL_FLASH, 1));
    assert_null(ol_dues_find(t, OL_FLASH, 1));
    assert_int_equal(t->n, OL_DUES_MAX - 1);
    free(t);
}

static void ages(void **state)
{
    struct ol_ages a = {.n = 0};
    uint64_t ns;

    (void)state;
    assert_false(ol_ages_find(&a, 1, &ns));
    ol_ages_note(&a, 10, 0); /* what lay there at the start */
    assert_false(ol_ages_find(&a, 10, &ns));
    assert_false(ol_ages_find(&a, 11, &ns));
    ol_ages_note(&a, 12, NS);
    ol_ages_note(&a, 12, NS + 5);
    assert_true(ol_ages_find(&a, 11, &ns));
    assert_int_equal(ns, NS);
    for (uint32_t k = 0; k < 3 * OL_AGES_MAX; k++)
        ol_ages_note(&a, 13 + k, NS + 10 + k);
    /* Later than it was, never earlier. */
    for (uint32_t k = 0; k < 3 * OL_AGES_MAX; k++) {
        assert_true(ol_ages_find(&a, 13 + k, &ns));
        assert_true(ns >= NS + 10 + k);
    }
    assert_true(ol_ages_find(&a, 11, &ns));
    assert_int_equal(ns, NS);
    ol_ages_forget(&a, 12);
    assert_true(ol_ages_find(&a, 13, &ns));
    assert_int_equal(ns, NS + 10);
    assert_true(a.n < OL_AGES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deadlines),    cmocka_unit_test(objectives),
        cmocka_unit_test(escalation),   cmocka_unit_test(a_full_table),
        cmocka_unit_test(ages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
