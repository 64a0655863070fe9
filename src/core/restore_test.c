/*
 * What a hostile peer says of our own records moves our count, but not to its
 * end: a record without a number could never be written again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/restore.h"

static void no_peer_ends_our_numbers(void **state)
{
    static struct ol_effects fx;
    struct ol_line *l = calloc(1, sizeof(*l));
    struct ol_found f = {.prec = OL_ROUTINE, .ask = 9};

    (void)state;
    assert_non_null(l);
    l->fx = &fx;
    l->out[OL_ROUTINE].back.state = OL_BACK_TAKE;
    l->out[OL_ROUTINE].back.ask = 9;
    l->number = 5;
    f.number = 4000;
    assert_int_equal(ol_restore_found(l, &f, true), OL_OK);
    assert_true(l->number == 4000);
    l->number = OL_NUMBER_MAX / 2 - 3;
    f.number = l->number + UINT32_MAX;
    assert_int_equal(ol_restore_found(l, &f, true), OL_OK);
    assert_true(l->number == OL_NUMBER_MAX / 2 - 3);
    free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_peer_ends_our_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
