/* The core's own state: one encoding, and nothing else comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/line_int.h"

static void it_comes_back(void **state)
{
    struct ol_kept in, out;
    uint8_t buf[512];
    size_t n;

    (void)state;
    memset(&in, 0, sizeof(in));
    in.open_sent = 7;
    in.open_seen = UINT64_MAX - 3;
    in.bundle_reserved = 1024;
    in.bundle_seen = 9;
    in.dark = true;
    for (in.n_boots = 0; in.n_boots <= OL_BOOTS_MAX; in.n_boots++) {
        if (in.n_boots > 0)
            memset(in.boots[in.n_boots - 1], in.n_boots, 8);
        n = ol_kept_encode(&in, buf, sizeof(buf));
        assert_int_equal(ol_kept_decode(OL_SPAN(buf, n), &out), OL_OK);
        assert_memory_equal(&in, &out, sizeof(in));
        if (in.n_boots == OL_BOOTS_MAX)
            break;
    }
}

static void damage_is_told(void **state)
{
    struct ol_kept k = {.open_sent = 1, .n_boots = 2}, out;
    uint8_t buf[512];
    size_t n = ol_kept_encode(&k, buf, sizeof(buf));

    (void)state;
    for (size_t i = 1; i < n; i++)
        assert_int_equal(ol_kept_decode(OL_SPAN(buf, i), &out),
                         OL_ERR_CORRUPT);
    assert_int_equal(ol_kept_decode(OL_SPAN(buf, n + 1), &out),
                     OL_ERR_CORRUPT);
    buf[0]++;
    assert_int_equal(ol_kept_decode(OL_SPAN(buf, n), &out), OL_ERR_CORRUPT);
    /* A ledger that holds none yet is a new station. */
    assert_int_equal(ol_kept_decode(OL_SPAN(NULL, 0), &out), OL_OK);
    assert_int_equal(out.open_sent, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_comes_back),
        cmocka_unit_test(damage_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
