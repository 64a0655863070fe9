/* Small words about files: types by their endings, events read back. */
#include "station/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/units.h"

static void types(void **state)
{
    static const struct {
        const char *name, *type;
    } all[] = {
        {"report.pdf", "application/pdf"},
        {"REPORT.PDF", "application/pdf"},
        {"a.b.txt", "text/plain"},
        {"map.png", "image/png"},
        {"archive.tar.gz", "application/gzip"},
        {"noend", "application/octet-stream"},
        {"odd.", "application/octet-stream"},
        {".pdf", "application/pdf"},
        {"x.pdff", "application/octet-stream"},
        {"", "application/octet-stream"},
    };

    (void)state;
    for (size_t k = 0; k < OL_LEN(all); k++)
        assert_string_equal(ol_media_type(all[k].name), all[k].type);
}

static void told(void **state)
{
    enum ol_file_state s = OL_FILE_GONE;
    unsigned place = 99, tenths = 99;

    (void)state;
    assert_true(ol_files_told("0 wanted 3", &place, &s, &tenths));
    assert_int_equal(place, 0);
    assert_int_equal(s, OL_FILE_WANTED);
    assert_int_equal(tenths, 3);
    assert_true(ol_files_told("7 held 10", &place, &s, &tenths));
    assert_int_equal(place, 7);
    assert_int_equal(s, OL_FILE_HELD);
    assert_int_equal(tenths, 10);
    assert_false(ol_files_told("", &place, &s, &tenths));
    assert_false(ol_files_told("8 held 10", &place, &s, &tenths));
    assert_false(ol_files_told("1 held", &place, &s, &tenths));
    assert_false(ol_files_told("1 lost 2", &place, &s, &tenths));
    assert_false(ol_files_told("1 held 11", &place, &s, &tenths));
    assert_false(ol_files_told("the line is dark", &place, &s, &tenths));
}

static void how_far(void **state)
{
    struct ol_flow f = {.size = 10 * OL_PIECE};

    (void)state;
    for (f.pieces = 0; f.pieces <= 10; f.pieces++)
        assert_int_equal(ol_flow_tenths(&f), f.pieces);
    f.size = 1;
    f.pieces = 0;
    assert_int_equal(ol_flow_tenths(&f), 0);
    f.pieces = 1;
    assert_int_equal(ol_flow_tenths(&f), 10);
    f.size = 0;
    f.pieces = 0;
    assert_int_equal(ol_flow_tenths(&f), 10);
    f.size = OL_FILE_MAX;
    f.pieces = UINT32_MAX - 1;
    assert_int_equal(ol_flow_tenths(&f), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types),
        cmocka_unit_test(told),
        cmocka_unit_test(how_far),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
