/* Line checks: schedules, texts, and what is one. */
#include "station/check_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openline/record.h>

#include "base/units.h"

/* 2026-11-23T10:00:00Z */
#define NOW UINT64_C(1795428000000)
#define HOUR UINT64_C(3600000)

static struct ol_check_plan plan_of(const char *text)
{
    struct ol_check_plan p;
    const char *why;

    if (!ol_check_plan_parse(text, &p, &why))
        fail_msg("%s: %s", text, why);
    return p;
}

static void plans(void **state)
{
    struct ol_check_plan p = plan_of("1h");

    (void)state;
    assert_int_equal(ol_check_next(&p, NOW + 7), NOW + HOUR + 7);
    p = plan_of("17:00Z  09:00Z 17:00Z");
    assert_int_equal(p.n, 2);
    assert_int_equal(ol_check_next(&p, NOW), NOW + 7 * HOUR);
    assert_int_equal(ol_check_next(&p, NOW + 7 * HOUR - 1), NOW + 7 * HOUR);
    /* Not the same one again, and over midnight. */
    assert_int_equal(ol_check_next(&p, NOW + 7 * HOUR), NOW + 23 * HOUR);
    p = (struct ol_check_plan){0};
    assert_true(ol_check_next(&p, NOW) == UINT64_MAX);
}

static void bad_plans(void **state)
{
    static const char *const bad[] = {
        "", "often", "9:00Z", "09:00", "24:00Z", "09:60Z", "09:00Z x",
        "9s", "100ms", "1h 09:00Z", "0a:00Z",
        "01:00Z 02:00Z 03:00Z 04:00Z 05:00Z 06:00Z 07:00Z 08:00Z 09:00Z"};
    struct ol_check_plan p;
    const char *why;

    (void)state;
    for (size_t k = 0; k < OL_LEN(bad); k++)
        if (ol_check_plan_parse(bad[k], &p, &why))
            fail_msg("\"%s\" was taken", bad[k]);
}

static void says(const char *file, uint64_t n, const char *text)
{
    struct ol_span out;

    assert_int_equal(ol_check_text(ol_span_str(file), n, &out),
                     text[0] != '\0');
    assert_true(ol_span_eq(out, ol_span_str(text)));
}

static void texts(void **state)
{
    static const char three[] = "one\r\n\n   \n\t two \n\xff\xfe\nthree";
    static char large[OL_TEXT_MAX + 3];

    (void)state;
    says(three, 1, "one");
    says(three, 2, "two");
    says(three, 3, "three");
    says(three, 4, "one");
    says(three, UINT64_C(300000000000002), "two");
    says("", 1, "");
    says(" \n\n", 1, "");
    memset(large, 'x', OL_TEXT_MAX + 1);
    says(large, 1, "");
    large[OL_TEXT_MAX] = '\n';
    large[OL_TEXT_MAX + 1] = 'y';
    says(large, 2, "y");
}

static void is_one(void **state)
{
    static const char *const bad[] = {"", "0", "07", "1 ", "-1", "x",
                                      "1234567890123456"};
    struct ol_record rec = {.kind = OL_KIND_MESSAGE, .marking = OL_TEST,
                            .prec = OL_FLASH,
                            .form_id = ol_span_str(OL_CHECK_FORM),
                            .form_fields = ol_span_str("170")};
    uint64_t n;

    (void)state;
    assert_true(ol_check_is(&rec, &n));
    assert_int_equal(n, 170);
    for (size_t k = 0; k < OL_LEN(bad); k++) {
        struct ol_record other = rec;

        other.form_fields = ol_span_str(bad[k]);
        assert_false(ol_check_is(&other, &n));
    }
    for (unsigned k = 0; k < 5; k++) {
        struct ol_record other = rec;

        if (k == 0)
            other.marking = OL_ACTUAL;
        else if (k == 1)
            other.marking = OL_EXERCISE;
        else if (k == 2)
            other.kind = OL_KIND_ASK;
        else if (k == 3)
            other.prec = OL_ROUTINE;
        else
            other.form_id = ol_span_str("openline/checks");
        assert_false(ol_check_is(&other, &n));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans),
        cmocka_unit_test(bad_plans),
        cmocka_unit_test(texts),
        cmocka_unit_test(is_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
