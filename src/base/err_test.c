/* The table of errors is complete, its names are stable words and unique. */
#include <openline/err.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void every_error_is_named(void **state)
{
    (void)state;
    for (int e = 0; e < OL_ERR_COUNT; e++) {
        const struct ol_err_info *info = ol_err_info((enum ol_err)e);

        assert_non_null(info);
        assert_non_null(info->name);
        assert_non_null(info->text);
        assert_true(strlen(info->name) > 0);
        assert_int_equal(strspn(info->name,
                                "abcdefghijklmnopqrstuvwxyz0123456789-"),
                         strlen(info->name));
        assert_true(strlen(info->text) > 5);
        for (int f = 0; f < e; f++)
            assert_string_not_equal(info->name,
                                    ol_err_info((enum ol_err)f)->name);
    }
}

static void every_fault_has_its_owner(void **state)
{
    (void)state;
    for (int e = 0; e < OL_ERR_COUNT; e++) {
        enum ol_fault want = e == OL_OK          ? OL_FAULT_NONE
                             : e < OL_ERR_INPUT  ? OL_FAULT_PEER
                             : e < OL_ERR_AGAIN  ? OL_FAULT_CALLER
                                                 : OL_FAULT_ENV;

        assert_int_equal(ol_err_info((enum ol_err)e)->fault, want);
    }
}

static void only_the_environment_changes_by_itself(void **state)
{
    (void)state;
    for (int e = 0; e < OL_ERR_AGAIN; e++)
        assert_false(ol_err_info((enum ol_err)e)->retry);
    assert_true(ol_err_info(OL_ERR_AGAIN)->retry);
    assert_true(ol_err_info(OL_ERR_DOWN)->retry);
    assert_false(ol_err_info(OL_ERR_CORRUPT)->retry);
    assert_false(ol_err_info(OL_ERR_NEWER)->retry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_is_named),
        cmocka_unit_test(every_fault_has_its_owner),
        cmocka_unit_test(only_the_environment_changes_by_itself),
    };

    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
