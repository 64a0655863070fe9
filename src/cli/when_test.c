/*
 * Durations and times: what is understood, what is refused, and that what is
 * printed reads back as the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/when.h"

/* 2026-11-23T10:00:00Z, a Monday. */
#define MONDAY INT64_C(1795428000000)

static void durations(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"250ms", 250},     {"0s", 0},          {"10s", 10000},
                {"5m", 300000},     {"12h", 43200000},  {"3d", 259200000},
                {"007s", 7000},     {"3653d", 315619200000}};
    static const char *const bad[] = {
        "",   "s",    "10",  "-1s", "1.5s",  "10 s",
        "1w", "1s5m", "+3s", "1S",  "3654d", "99999999999999999999ms"};
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(ol_when_duration(good[i].text, &ms));
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(ol_when_duration(bad[i], &ms));
}

static void times(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"2026-11-23T10:00:00Z", MONDAY},
                {"2026-11-23T10:00:00.000Z", MONDAY},
                {"2026-11-23t10:00:00.5z", MONDAY + 500},
                {"2026-11-23 10:00:00.1239Z", MONDAY + 123},
                {"2026-11-23T12:30:00+02:30", MONDAY},
                {"2026-11-23T05:00:00-05:00", MONDAY},
                {"10:00Z", MONDAY},
                {"18:00Z", MONDAY + 8 * 3600000},
                {"231000Z NOV 26", MONDAY},
                {"231000ZNOV26", MONDAY},
                {"231000z nov 26", MONDAY}};
    static const char *const bad[] = {
        "",           "now",
        "18:00",      "24:00Z",
        "18:60Z",     "2026-11-23",
        "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
        "2026-11-23T10:00:00",  "2026-11-23T10:00:00.Z",
        "2026-11-23T10:00:00Z ", "2026-11-23T24:00:00Z",
        "310000Z FEB 26",       "231000Z NIX 26",
        "231000Z NOV",          "231000 NOV 26"};
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(ol_when_time(good[i].text, MONDAY + 1234, &ms));
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(ol_when_time(bad[i], MONDAY, &ms));
}

static void printed(void **state)
{
    char text[OL_WHEN_TEXT];
    int64_t ms;

    (void)state;
    ol_when_rfc3339(MONDAY + 42, text);
    assert_string_equal(text, "2026-11-23T10:00:00.042Z");
    assert_true(ol_when_time(text, 0, &ms));
    assert_int_equal(ms, MONDAY + 42);
    ol_when_rfc3339(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    ol_when_group(MONDAY, text);
    assert_string_equal(text, "231000Z NOV 26");
}

static void spans(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } all[] = {{-5, "0 ms"},          {999, "999 ms"},
               {1000, "1 s"},         {119999, "119 s"},
               {120000, "2 min"},     {7200000, "2 h 0 min"},
               {12060000, "3 h 21 min"}, {187200000, "2 d 4 h"}};
    char text[OL_WHEN_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        ol_when_span(all[i].ms, text);
        assert_string_equal(text, all[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations),
        cmocka_unit_test(times),
        cmocka_unit_test(printed),
        cmocka_unit_test(spans),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
