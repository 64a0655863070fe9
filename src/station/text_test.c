/* Durations, times and hex: exactly the forms that are promised. */
#include "station/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/units.h"

static void durations(void **state)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } good[] = {
        {"250ms", 250 * OL_NS_PER_MS},    {"10s", 10 * OL_NS_PER_S},
        {"5m", 300 * OL_NS_PER_S},        {"12h", 43200 * OL_NS_PER_S},
        {"3d", 3 * 86400 * OL_NS_PER_S},  {"0s", 0},
        {"3650d", 3650 * 86400 * OL_NS_PER_S},
    };
    static const char *const bad[] = {
        "",     "s",  "10",   "10 s", "-1s",  "1.5s",
        "10sec", "1w", "+1s", "3651d", "99999999999999999999s", "1S", " 1s"};
    uint64_t ns;
    char text[24];

    (void)state;
    for (size_t k = 0; k < OL_LEN(good); k++) {
        assert_true(ol_text_duration(good[k].text, &ns));
        assert_int_equal(ns, good[k].ns);
        ol_text_duration_put(text, ns);
        assert_true(ol_text_duration(text, &ns));
        assert_int_equal(ns, good[k].ns);
    }
    for (size_t k = 0; k < OL_LEN(bad); k++)
        assert_false(ol_text_duration(bad[k], &ns));
}

static void times(void **state)
{
    static const uint64_t now = UINT64_C(1795428000123); /* 10:00 */
    static const struct {
        const char *text, *means;
    } good[] = {
        {"2026-11-23T10:00:00Z", "2026-11-23T10:00:00.000Z"},
        {"2026-11-23t10:00:00.25z", "2026-11-23T10:00:00.250Z"},
        {"2026-11-23T12:00:00+02:00", "2026-11-23T10:00:00.000Z"},
        {"2026-11-22T22:30:00-11:30", "2026-11-23T10:00:00.000Z"},
        {"18:00Z", "2026-11-23T18:00:00.000Z"},
        {"09:00Z", "2026-11-24T09:00:00.000Z"},
        {"231000Z NOV 26", "2026-11-23T10:00:00.000Z"},
        {"231000Z nov 26", "2026-11-23T10:00:00.000Z"},
    };
    static const char *const bad[] = {
        "",           "now",        "2026-11-23",     "2026-11-31T10:00:00Z",
        "2026-13-01T10:00:00Z",     "2026-11-23T24:00:00Z",
        "2026-11-23T10:00:00",      "2026-11-23T10:00:00Zx",
        "2026-11-23 10:00:00Z",     "25:00Z",         "18:60Z",
        "18:00",      "1800Z",      "311000Z NOV 26", "231000Z ZZZ 26",
        "231000Z NOV 2026",         "1969-12-31T00:00:00Z"};
    char text[OL_TIME_TEXT];
    uint64_t ms;

    (void)state;
    for (size_t k = 0; k < OL_LEN(good); k++) {
        assert_true(ol_text_time_parse(good[k].text, now, &ms));
        ol_text_time(text, ms);
        assert_string_equal(text, good[k].means);
    }
    for (size_t k = 0; k < OL_LEN(bad); k++)
        assert_false(ol_text_time_parse(bad[k], now, &ms));
    ol_text_time(text, UINT64_MAX); /* a peer's clock may say anything */
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

/* All days of four hundred years and more, and some of those to come. */
static void days(void **state)
{
    char text[OL_TIME_TEXT], as[64];
    struct tm tm;

    (void)state;
    for (uint64_t day = 0; day < 2932897; day += day < 160000 ? 1 : 97) {
        uint64_t second = day * 86400 + day * 7919 % 86400;
        time_t s = (time_t)second;

        assert_non_null(gmtime_r(&s, &tm));
        assert_true(strftime(as, sizeof(as), "%Y-%m-%dT%H:%M:%S.", &tm) > 0);
        ol_text_put(as + 20, sizeof(as) - 20, "%03uZ", (unsigned)(day % 1000));
        ol_text_time(text, second * 1000 + day % 1000);
        assert_string_equal(text, as);
    }
    ol_text_time(text, UINT64_C(253402300799999));
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

static void hex(void **state)
{
    uint8_t bytes[3] = {0x00, 0xab, 0xff}, back[3];
    char text[7];

    (void)state;
    ol_text_hex(text, bytes, 3);
    assert_string_equal(text, "00abff");
    assert_true(ol_text_unhex(back, 3, "00ABff"));
    assert_memory_equal(back, bytes, 3);
    assert_false(ol_text_unhex(back, 3, "00abf"));
    assert_false(ol_text_unhex(back, 3, "00abfff"));
    assert_false(ol_text_unhex(back, 3, "00abfg"));
}

static void reasons(void **state)
{
    char why[OL_WHY_MAX], long_text[2 * OL_WHY_MAX];

    (void)state;
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    assert_int_equal(ol_fail(why, 3, "%s", long_text), 3);
    assert_int_equal(strlen(why), OL_WHY_MAX - 1);
    assert_int_equal(ol_fail(NULL, 2, "nobody listens"), 2);
}

/* A sentence that quotes what a person wrote may be cut within a letter, and
 * what is not UTF-8 cannot be said in JSON at all. */
static void cut_letters(void **state)
{
    static const char *const pairs[][2] = {
        {"", ""}, {"plain", "plain"}, {"\xc3\xa9", "\xc3\xa9"},
        {"a\xc3", "a?"}, {"\xea\xb8", "??"}, {"\xea\xb8\xb4", "\xea\xb8\xb4"},
        {"\xf0\x9f\x95x", "???x"}, {"\xff\xc3\xa9\xa9", "?\xc3\xa9?"},
        {"\xed\xa0\x80", "???"}, {"\xc0\x80", "??"}};
    char text[16], why[OL_WHY_MAX];

    (void)state;
    for (size_t k = 0; k < OL_LEN(pairs); k++) {
        strcpy(text, pairs[k][0]);
        ol_text_mend(text);
        assert_string_equal(text, pairs[k][1]);
    }
    ol_fail(why, 1, "no rung \"%.3s\"", "\xc3\xa9\xc3\xa9");
    assert_string_equal(why, "no rung \"\xc3\xa9?\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations),
        cmocka_unit_test(times), cmocka_unit_test(days),
        cmocka_unit_test(hex),
        cmocka_unit_test(reasons),
        cmocka_unit_test(cut_letters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
