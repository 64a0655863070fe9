/* Deadlines: what is taken, what is refused, and their clock against ours. */
#include "station/deadline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/units.h"

/* 2026-11-23T10:00:00Z */
#define NOW UINT64_C(1795428000000)
#define HOUR UINT64_C(3600000)

static void taken(void **state)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {
        {"90m", NOW + 90 * 60000},
        {"250ms", NOW + 250},
        {"3d", NOW + 72 * HOUR},
        {"18:00Z", NOW + 8 * HOUR},
        {"09:59Z", NOW + 24 * HOUR - 60000}, /* the next such */
        {"231001Z NOV 26", NOW + 60000},
        {"2026-11-23T12:00:00+01:00", NOW + HOUR},
    };
    char why[OL_WHY_MAX];
    uint64_t ms;

    (void)state;
    for (size_t k = 0; k < OL_LEN(good); k++) {
        assert_int_equal(ol_deadline_parse(good[k].text, NOW, &ms, why), 0);
        if (ms != good[k].ms)
            fail_msg("%s: %llu", good[k].text, (unsigned long long)ms);
    }
}

static void refused(void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "is no time to do something by"},
        {"soon", "is no time to do something by"},
        {"-5m", "is no time to do something by"},
        {"31 NOV", "is no time to do something by"},
        {"0s", "is past, for it is 2026-11-23T10:00:00.000Z"},
        {"10:00Z", "is past"}, /* now is too late */
        {"230959Z NOV 26", "is past"},
        {"2026-11-23T10:00:00Z", "is past"},
        {"1999-01-01T00:00:00Z", "is past"},
        {"2126-01-01T00:00:00Z", "more than ten years"},
    };
    char why[OL_WHY_MAX];
    uint64_t ms;

    (void)state;
    for (size_t k = 0; k < OL_LEN(bad); k++) {
        assert_int_equal(ol_deadline_parse(bad[k].text, NOW, &ms, why), 2);
        if (strstr(why, bad[k].says) == NULL)
            fail_msg("%s: said %s", bad[k].text, why);
    }
}

static void clocks_agree(void **state)
{
    struct ol_skew s = {0};

    (void)state;
    assert_int_equal(ol_skew_ms(&s), 0);
    /* However long it was under way, ours need not be moved. */
    ol_skew_arrived(&s, NOW, NOW + 4 * 24 * HOUR);
    assert_int_equal(ol_skew_ms(&s), 0);
    ol_skew_answered(&s, NOW + HOUR, NOW);
    assert_int_equal(ol_skew_ms(&s), 0);
}

static void clocks_differ(void **state)
{
    struct ol_skew ahead = {0}, behind = {0};

    (void)state;
    /* It says that it was written after it arrived. */
    ol_skew_arrived(&ahead, NOW + HOUR, NOW);
    ol_skew_arrived(&ahead, NOW + HOUR, NOW + 5);
    assert_int_equal(ol_skew_ms(&ahead), HOUR);
    ol_skew_answered(&ahead, NOW + HOUR + 60, NOW);
    assert_int_equal(ol_skew_ms(&ahead), HOUR);
    /* A receipt that was written before its message was taken. */
    ol_skew_answered(&behind, NOW - HOUR, NOW);
    assert_int_equal(ol_skew_ms(&behind), -(int64_t)HOUR);
}

static void a_clock_is_set(void **state)
{
    struct ol_skew s = {0};

    (void)state;
    ol_skew_arrived(&s, NOW, NOW + 20);
    ol_skew_answered(&s, NOW + 20, NOW);
    assert_int_equal(ol_skew_ms(&s), 0);
    /* Theirs goes back a day: the receipt says so, and what was is gone. */
    ol_skew_arrived(&s, NOW - 24 * HOUR, NOW + 40);
    assert_int_equal(ol_skew_ms(&s), 0);
    ol_skew_answered(&s, NOW - 24 * HOUR, NOW + 20);
    assert_int_equal(ol_skew_ms(&s), -(int64_t)(24 * HOUR) - 20);
    /* And forward again. */
    ol_skew_arrived(&s, NOW + 60, NOW + 80);
    assert_int_equal(ol_skew_ms(&s), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken),         cmocka_unit_test(refused),
        cmocka_unit_test(clocks_agree),  cmocka_unit_test(clocks_differ),
        cmocka_unit_test(a_clock_is_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
