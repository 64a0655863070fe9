/* Is effective communication occurring: what each course of things means, and
 * how it is said. */
#include "station/effective.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/units.h"

#define H UINT64_C(3600000)
#define D (24 * H)
/* 2026-11-23T10:00:00Z */
#define NOW UINT64_C(1795428000000)

static struct ol_effective_ask asks[8];
static size_t n_asks;

/* Hours from NOW; settled 0: not. how: 'a'nswered, 'd'eclined,
 * 'u'nderstood. */
static struct ol_effective_ask *ask(int64_t asked, int64_t due,
                                    int64_t settled, char how)
{
    struct ol_effective_ask *a = &asks[n_asks++];

    memset(a, 0, sizeof(*a));
    a->ours = true;
    a->number = n_asks;
    a->asked_ms = NOW + (uint64_t)(asked * (int64_t)H);
    a->deadline_ms = due ? NOW + (uint64_t)(due * (int64_t)H) : 0;
    if (settled != 0)
        a->settled_ms = NOW + (uint64_t)(settled * (int64_t)H);
    a->answered = how == 'a';
    a->declined = how == 'd';
    a->understood = how == 'u';
    if (a->answered)
        a->answered_ms = a->settled_ms;
    if (a->understood)
        a->understood_ms = a->settled_ms;
    return a;
}

static struct ol_effective judge(uint64_t dark_ms)
{
    struct ol_effective e;

    ol_effective_judge(asks, n_asks, NULL, dark_ms, NOW, &e);
    return e;
}

static int clear(void **state)
{
    (void)state;
    n_asks = 0;
    return 0;
}

#define IS(e, s, w) \
    do { \
        assert_int_equal((e).state, OL_EFFECTIVE_##s); \
        assert_int_equal((e).why, OL_WHY_##w); \
    } while (0)

static void nothing_asked_is_not_known(void **state)
{
    struct ol_effective e = judge(0);

    (void)state;
    IS(e, UNKNOWN, NOTHING);
    assert_int_equal(e.since_ms, 0);
    ask(-2, 3, 0, 0); /* asked, and there is time yet */
    e = judge(0);
    IS(e, UNKNOWN, WAITING);
    assert_int_equal(e.open, 1);
    assert_int_equal(e.overdue, 0);
}

static void an_overdue_ask_is_no(void **state)
{
    struct ol_effective e;

    (void)state;
    ask(-30, -20, -25, 'a');
    ask(-10, -5, 0, 0);
    ask(-9, -3, 0, 0);
    ask(-8, 2, -7, 'a'); /* that another was answered since is no excuse */
    e = judge(0);
    IS(e, NO, OVERDUE);
    assert_int_equal(e.since_ms, NOW - 5 * H);
    assert_int_equal(e.about->number, 2);
    assert_int_equal(e.overdue, 2);
    assert_int_equal(e.asked, 4);
    assert_int_equal(e.answered, 2);
    assert_int_equal(e.last_answered_ms, NOW - 7 * H);
    assert_int_equal(e.first_unanswered_ms, 0);
}

static void settled_in_time_is_yes(void **state)
{
    static const char how[] = "adu";
    struct ol_effective e;

    (void)state;
    for (unsigned k = 0; k < 3; k++) {
        n_asks = 0;
        ask(-10, -5, -6, how[k]);
        ask(-2, 5, 0, 0); /* one that is not due changes nothing */
        e = judge(0);
        IS(e, YES, IN_TIME);
        assert_int_equal(e.since_ms, NOW - 6 * H);
        assert_int_equal(e.about->number, 1);
    }
    n_asks = 0;
    ask(-10, 0, -6, 'a')->deadline_ms = 0; /* without a deadline */
    IS(judge(0), YES, IN_TIME);
    n_asks = 0;
    ask(-10, -5, -5, 'a'); /* at the very moment */
    IS(judge(0), YES, IN_TIME);
}

static void late_is_no_until_one_is_in_time(void **state)
{
    struct ol_effective e;

    (void)state;
    ask(-30, -20, -10, 'a');
    e = judge(0);
    IS(e, NO, LATE);
    assert_int_equal(e.since_ms, NOW - 20 * H); /* from its deadline on */
    assert_int_equal(e.overdue, 0);
    ask(-9, -3, -4, 'u');
    e = judge(0);
    IS(e, YES, IN_TIME);
    assert_int_equal(e.since_ms, NOW - 4 * H);
}

static void dark_is_no(void **state)
{
    struct ol_effective e;

    (void)state;
    ask(-10, -5, -6, 'a');
    e = judge(NOW - 2 * H);
    IS(e, NO, DARK);
    assert_int_equal(e.since_ms, NOW - 2 * H);
    ask(-10, -5, 0, 0); /* what is overdue is the older reason */
    e = judge(NOW - 2 * H);
    IS(e, NO, OVERDUE);
    assert_int_equal(e.since_ms, NOW - 5 * H);
}

static void each_subject_by_itself(void **state)
{
    struct ol_effective e;

    (void)state;
    strcpy(ask(-10, -5, 0, 0)->subject, "grid");
    strcpy(ask(-10, -5, -6, 'a')->subject, "pilots");
    ol_effective_judge(asks, n_asks, "pilots", 0, NOW, &e);
    IS(e, YES, IN_TIME);
    assert_int_equal(e.asked, 1);
    ol_effective_judge(asks, n_asks, "grid", 0, NOW, &e);
    IS(e, NO, OVERDUE);
    ol_effective_judge(asks, n_asks, "tea", 0, NOW, &e);
    IS(e, UNKNOWN, NOTHING);
}

static void says(const struct ol_effective_line *line, const char *subject,
                 const char *want)
{
    struct ol_effective e = judge(line->dark_ms);
    char text[512], cut[40];

    ol_effective_sentence(line, &e, subject, NOW, text, sizeof(text));
    assert_string_equal(text, want);
    ol_effective_sentence(line, &e, subject, NOW, cut, sizeof(cut));
    assert_memory_equal(cut, want, strlen(cut));
}

static void fit_to_be_read_aloud(void **state)
{
    struct ol_effective_line three = {.up = 3}, dark = {.dark_ms = NOW - D * 4};

    (void)state;
    says(&three, NULL, "Three channels open; no asks in 30 days; whether "
         "effective communication is occurring is not known.");
    for (int k = 0; k < 4; k++)
        ask(-24 * 54 + k, -24 * 50, 0, 0);
    says(&three, "denuclearization", "Three channels open; four asks on "
         "denuclearization, none answered since 30 Sep, four overdue; "
         "effective communication is not occurring.");
    n_asks = 0;
    ask(-3, -1, -2, 'a');
    three.up = 1;
    says(&three, "", "One channel open; one ask, answered; effective "
         "communication is occurring.");
    ask(-3, 1, -1, 'd');
    three.closed_by_them = true;
    says(&three, "", "One channel open, the line closed by them; two asks, "
         "one answered, one declined; effective communication is occurring.");
    dark.pouch = true;
    says(&dark, "", "No channel open since 19 Nov, by courier only; two asks, "
         "one answered, one declined; effective communication is not "
         "occurring.");
    n_asks = 0;
    ask(-3, 1, 0, 0);
    three = (struct ol_effective_line){.up = 14};
    says(&three, "", "14 channels open; one ask, not answered since 07:00Z; "
         "whether effective communication is occurring is not known.");
}

static void why_in_words(void **state)
{
    struct ol_effective e;
    char text[160];

    (void)state;
    ask(-30, -20, -10, 'a');
    e = judge(0);
    ol_effective_why_text(&e, NOW, text, sizeof(text));
    assert_string_equal(text, "ask 1 of ours was answered at 00:00Z, due by "
                              "14:00Z");
    ask(-10, -5, 0, 0)->ours = false;
    e = judge(0);
    ol_effective_why_text(&e, NOW, text, sizeof(text));
    assert_string_equal(text, "1 overdue; ask 2 of theirs was due by 05:00Z");
    assert_string_equal(ol_effective_word(e.state), "no");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_asked_is_not_known, clear),
        cmocka_unit_test_setup(an_overdue_ask_is_no, clear),
        cmocka_unit_test_setup(settled_in_time_is_yes, clear),
        cmocka_unit_test_setup(late_is_no_until_one_is_in_time, clear),
        cmocka_unit_test_setup(dark_is_no, clear),
        cmocka_unit_test_setup(each_subject_by_itself, clear),
        cmocka_unit_test_setup(fit_to_be_read_aloud, clear),
        cmocka_unit_test_setup(why_in_words, clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
