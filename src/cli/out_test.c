/*
 * What a terminal gets: no control character of a peer's, letters of all
 * scripts, and the columns they take.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/out.h"

static void cleaned(void **state)
{
    static const struct {
        const char *text, *shown;
        size_t columns;
    } all[] = {
        {"", "", 0},
        {"plain", "plain", 5},
        {"a\nb\tc", "a\\nb\\tc", 7},
        {"\x1b[31mred", "\\x1b[31mred", 11},
        {"bell\x07 del\x7f", "bell\\x07 del\\x7f", 16},
        {"\xc2\x9b" "1m", "\\u009b1m", 8},         /* C1: CSI */
        {"\xe2\x80\xae" "olleh", "\\u202eolleh", 11}, /* right to left */
        {"\xf3\xa0\x81\x81", "\\ue0041", 7},       /* a tag */
        {"\xe2\x80\xa8", "\\u2028", 6},            /* line separator */
        {"caf\xc3\xa9", "caf\xc3\xa9", 4},
        {"cafe\xcc\x81", "cafe\xcc\x81", 4},
        {"\xd0\x9c\xd0\xb8\xd1\x80", "\xd0\x9c\xd0\xb8\xd1\x80", 3},
        {"\xed\x8f\x89\xed\x99\x94", "\xed\x8f\x89\xed\x99\x94", 4},
        {"\xff\xc3", "\\xff\\xc3", 8},
        {"\xc0\x80", "\\xc0\\x80", 8},             /* overlong */
        {"\xed\xa0\x80", "\\xed\\xa0\\x80", 12},   /* surrogate */
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", 16},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        size_t columns;
        char *shown = ol_out_cleaned(all[i].text, &columns);

        assert_string_equal(shown, all[i].shown);
        assert_int_equal(columns, all[i].columns);
        free(shown);
    }
}

/* Whatever bytes come in, none that a terminal obeys goes out. */
static void never_a_control(void **state)
{
    char text[4] = {0};

    (void)state;
    for (unsigned a = 1; a < 256; a++) {
        for (unsigned b = 1; b < 256; b++) {
            size_t columns;
            char *shown;

            text[0] = (char)a;
            text[1] = (char)b;
            shown = ol_out_cleaned(text, &columns);
            for (const uint8_t *p = (const uint8_t *)shown; *p; p++) {
                assert_true(*p >= 0x20 && *p != 0x7f);
                assert_false(*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0);
            }
            free(shown);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cleaned),
        cmocka_unit_test(never_a_control),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
