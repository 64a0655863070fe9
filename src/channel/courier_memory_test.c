/*
 * The courier's memory of the files it saw.
 */
#include "channel/courier.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Every file it takes is remembered, what has gone is forgotten, and the one
 * too many is not looked at. */
static void test_memory(void **state)
{
    static struct ol_memory m;
    struct ol_file_id id = {0};

    (void)state;
    for (unsigned round = 0; round < 4; round++) {
        ol_memory_begin(&m);
        for (unsigned k = 0; k < OL_COURIER_FILES; k++) {
            const struct ol_seen *seen;

            id.ino = k;
            seen = ol_memory_see(&m, &id, 10 + round);
            assert_non_null(seen);
            assert_int_equal(seen->since_ms, round == 3 ? 13 : 10);
            assert_int_equal(seen->left, round == 2 && k % 2);
        }
        assert_false(m.overflowed);
        id.ino = OL_COURIER_FILES;
        assert_null(ol_memory_see(&m, &id, 10));
        assert_true(m.overflowed);
        ol_memory_end(&m);
        for (unsigned k = 1; round == 1 && k < OL_COURIER_FILES; k += 2) {
            id.ino = k;
            ol_memory_leave(&m, &id, 10);
        }
        if (round == 2) {
            ol_memory_begin(&m);
            ol_memory_end(&m);
        }
    }
    ol_memory_clear(&m);
}

/* Any difference makes another file. */
static void test_identity(void **state)
{
    static struct ol_memory m;
    struct stat st = {.st_dev = 1, .st_ino = 2, .st_size = 3};
    struct ol_file_id id[7];

    (void)state;
    for (unsigned k = 0; k < 7; k++) {
        struct stat other = st;

        other.st_dev += k == 1;
        other.st_ino += k == 2;
        other.st_size += k == 3;
        other.st_mtim.tv_nsec += k == 4;
        other.st_ctim.tv_nsec += k == 5;
        ol_file_id(&id[k], k == 6 ? "b" : "a", &other);
        for (unsigned i = 0; i < k; i++)
            assert_false(ol_file_id_eq(&id[i], &id[k]));
        assert_true(ol_file_id_eq(&id[k], &id[k]));
    }
    ol_memory_begin(&m);
    for (unsigned k = 0; k < 7; k++)
        assert_int_equal(ol_memory_see(&m, &id[k], k)->since_ms, k);
    ol_memory_end(&m);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_identity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
