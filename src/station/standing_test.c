/* The sentence for the service manager: dark lines first, and within room. */
#include "station/standing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <openline/line.h>

static void sentences(void **state)
{
    static const struct ol_standing v[] = {
        {"south", OL_LINE_OPEN, 0},
        {"east", OL_LINE_DARK, 1500},
        {"west", OL_LINE_LAST_CHANNEL, 0},
        {"far", OL_LINE_POUCH_ONLY, 0},
    };
    char out[512];

    (void)state;
    (void)ol_standing_text(v, 0, out, sizeof(out));
    assert_string_equal(out, "0 of 0 lines open");
    (void)ol_standing_text(v, 1, out, sizeof(out));
    assert_string_equal(out, "1 of 1 line open");
    (void)ol_standing_text(v, 4, out, sizeof(out));
    assert_string_equal(out, "2 of 4 lines open; DARK: east since "
                             "1970-01-01T00:00:01.500Z, far; last channel: "
                             "west");
}

static void many(void **state)
{
    static struct ol_standing v[64];
    char out[200];

    (void)state;
    for (unsigned k = 0; k < 64; k++)
        v[k] = (struct ol_standing){"a-name-of-some-length", OL_LINE_DARK, 1};
    assert_true(ol_standing_text(v, 64, out, sizeof(out)) < sizeof(out));
    assert_non_null(strstr(out, "0 of 64 lines open; DARK: a-name"));
    assert_non_null(strstr(out, ", and 62 more"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences),
        cmocka_unit_test(many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
