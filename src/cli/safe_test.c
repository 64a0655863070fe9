/* Names that mean harm, and what becomes of them. */
#include "cli/safe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/dice.h"
#include "cli/out.h"

static void nasty(void **state)
{
    static const struct {
        const char *name, *safe;
    } all[] = {
        {"report.pdf", "report.pdf"},
        {"Bericht für Süd.pdf", "Bericht für Süd.pdf"},
        {"서울.txt", "서울.txt"},
        {"archive.tar.gz", "archive.tar.gz"},
        /* Folders. */
        {"../../etc/passwd", "_._.._etc_passwd"},
        {"/etc/passwd", "_etc_passwd"},
        {"..\\..\\boot.ini", "_._.._boot.ini"},
        {"c:\\autoexec.bat", "c__autoexec.bat"},
        {".", "file"},
        {"..", "file"},
        {"...", "file"},
        {"", "file"},
        {" ", "file"},
        /* Hidden, an option, somebody's home. */
        {".bashrc", "_bashrc"},
        {".ssh", "_ssh"},
        {"-rf", "_rf"},
        {"--json", "_-json"},
        {"~root", "_root"},
        {" blank", "_blank"},
        /* What a terminal or an eye obeys. */
        {"a\nb", "a_b"},
        {"\x1b[2Jcls", "_[2Jcls"},
        {"tab\there\x7f", "tab_here_"},
        {"c1\xc2\x9b" "31m", "c1_31m"},
        {"invoice\xe2\x80\xae" "fdp.exe", "invoice_fdp.exe"},
        {"zero\xe2\x80\x8bwidth", "zero_width"},
        {"bom\xef\xbb\xbf", "bom_"},
        {"iso\xe2\x81\xa6late", "iso_late"},
        {"tag\xf3\xa0\x81\x81", "tag_"},
        {"soft\xc2\xadhyphen", "soft_hyphen"},
        /* Not UTF-8. */
        {"bad\xff\xfe.txt", "bad__.txt"},
        {"cut\xe2\x80", "cut__"},
        {"surrogate\xed\xa0\x80", "surrogate___"},
        {"over\xc0\xaflong", "over__long"},
        /* Other systems. */
        {"CON", "_CON"},
        {"nul.txt", "_nul.txt"},
        {"aux.tar.gz", "_aux.tar.gz"},
        {"com1", "_com1"},
        {"LPT9.log", "_LPT9.log"},
        {"console.txt", "console.txt"},
        {"a<b>c|d?e*f\"g", "a_b_c_d_e_f_g"},
        {"dots...", "dots"},
        {"dot. ", "dot"},
        {"blank .txt", "blank .txt"},
        {"stream.txt:hidden", "stream.txt_hidden"},
    };
    char out[OL_SAFE_NAME];

    (void)state;
    for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
        ol_safe_name(all[k].name, 1, out);
        if (strcmp(out, all[k].safe) != 0)
            fail_msg("%zu: \"%s\" became \"%s\"", k, all[k].name, out);
    }
}

static void long_ones(void **state)
{
    char name[1001], out[OL_SAFE_NAME];

    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    name[1000] = '\0';
    ol_safe_name(name, 1, out);
    assert_in_range(strlen(out), OL_SAFE_MAX - 1, OL_SAFE_MAX);
    /* The ending says what it is; it stays. */
    memcpy(name + 995, ".docx", 6);
    ol_safe_name(name, 1, out);
    assert_in_range(strlen(out), 100, OL_SAFE_MAX);
    assert_string_equal(out + strlen(out) - 5, ".docx");
    /* Never in the middle of a letter. */
    for (size_t k = 0; k < 332; k++)
        memcpy(name + 3 * k, "\xec\x84\x9c", 3);
    ol_safe_name(name, 1, out);
    for (size_t k = 0; k < strlen(out);) {
        bool shows;
        size_t len = ol_out_letter(out + k, strlen(out) - k, &shows);

        assert_true(len > 0 && shows);
        k += len;
    }
}

static void twins(void **state)
{
    char out[OL_SAFE_NAME];

    (void)state;
    ol_safe_name("map.png", 2, out);
    assert_string_equal(out, "map (2).png");
    ol_safe_name("map", 17, out);
    assert_string_equal(out, "map (17)");
    ol_safe_name("..", 3, out);
    assert_string_equal(out, "file (3)");
    ol_safe_name(".profile", 2, out);
    assert_string_equal(out, "_profile (2)");
}

/* Whatever bytes come: a name that is one. */
static void noise(void **state)
{
    struct dice d = dice_init(0x53414645);
    char name[300], out[OL_SAFE_NAME];

    (void)state;
    for (unsigned k = 0; k < dice_rounds(20000); k++) {
        size_t n = dice_in(&d, 0, sizeof(name) - 1);

        for (size_t i = 0; i < n; i++)
            name[i] = (char)dice_in(&d, 1, 255);
        name[n] = '\0';
        ol_safe_name(name, (unsigned)dice_in(&d, 1, 9999), out);
        assert_in_range(strlen(out), 1, 255);
        assert_null(strchr(out, '/'));
        assert_null(strchr(".-~ ", out[0]));
        for (size_t i = 0, len; out[i] != '\0'; i += len) {
            bool shows;

            len = ol_out_letter(out + i, strlen(out) - i, &shows);
            assert_true(len > 0 && shows);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nasty),
        cmocka_unit_test(long_ones),
        cmocka_unit_test(twins),
        cmocka_unit_test(noise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
