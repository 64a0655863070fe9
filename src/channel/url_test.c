/*
 * Urls: what is taken, and that everything else is refused with words.
 */
#include "channel/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/units.h"
#include "port/channel.h"

static void test_urls(void **state)
{
    static const struct {
        const char *url, *scheme; /* NULL: refused */
    } v[] = {
        {"tcp://192.0.2.1:4430", "tcp"},
        {"tcp://[2001:db8::1]:1", "tcp"},
        {"tcp://[fe80::1%lo]:65535", "tcp"},
        {"udp://north.example:4430", "udp"},
        {"udp://north_1.example.:4430", "udp"},
        {"courier:///media/pouch", "courier"},
        {"courier:///media/usb%20stick/p/", "courier"},
        {"courier:///media/..pouch/a..", "courier"},
        {"", NULL},
        {"tcp", NULL},
        {"tcp://", NULL},
        {"tcp:192.0.2.1:4430", NULL},
        {"TCP://192.0.2.1:4430", NULL},
        {"http://192.0.2.1:80", NULL},
        {"tcp://192.0.2.1", NULL},
        {"tcp://192.0.2.1:", NULL},
        {"tcp://192.0.2.1:0", NULL},
        {"tcp://192.0.2.1:65536", NULL},
        {"tcp://192.0.2.1:99999999999999999999", NULL},
        {"tcp://192.0.2.1:4430/", NULL},
        {"tcp://192.0.2.1:4430x", NULL},
        {"tcp://192.0.2.1:-1", NULL},
        {"tcp://192.0.2:4430", NULL},
        {"tcp://192.0.2.256:4430", NULL},
        {"tcp://:4430", NULL},
        {"tcp://a b:4430", NULL},
        {"tcp://user@host:4430", NULL},
        {"tcp://2001:db8::1:4430", NULL},
        {"tcp://[2001:db8::1:4430", NULL},
        {"tcp://[2001:db8::1]4430", NULL},
        {"tcp://[north]:4430", NULL},
        {"tcp://[]:4430", NULL},
        {"courier://media/pouch", NULL},
        {"courier:///", NULL},
        {"courier:////", NULL},
        {"courier:///media/../etc", NULL},
        {"courier:///media/..", NULL},
        {"courier:///media/%2e%2e/etc", NULL},
        {"courier:///media/%00", NULL},
        {"courier:///media/%0a", NULL},
        {"courier:///media/%2", NULL},
        {"courier:///media/%zz", NULL},
    };
    static char longest[300];
    char why[160];

    (void)state;
    for (size_t k = 0; k < OL_LEN(v); k++) {
        const char *scheme = NULL;
        enum ol_err err = ol_url_check(v[k].url, &scheme, why);

        if ((err == OL_OK) != (v[k].scheme != NULL))
            fail_msg("'%s': %d %s", v[k].url, err, why);
        if (err) {
            assert_int_equal(err, OL_ERR_INPUT);
            assert_true(strlen(why) > 10);
        } else {
            assert_string_equal(scheme, v[k].scheme);
        }
    }
    memset(longest, 'a', sizeof(longest) - 1);
    memcpy(longest, "courier:///", 11);
    assert_int_equal(ol_url_check(longest, NULL, why), OL_ERR_INPUT);
    longest[255] = 0;
    assert_int_equal(ol_url_check(longest, NULL, why), OL_OK);
}

/* The parts, as the bearers use them. */
static void test_parts(void **state)
{
    struct ol_url url;
    char why[160];

    (void)state;
    assert_int_equal(ol_url_parse("tcp://[fe80::1%lo]:4430", &url, why), 0);
    assert_int_equal(url.scheme, OL_SCHEME_TCP);
    assert_string_equal(url.host, "fe80::1%lo");
    assert_int_equal(url.port, 4430);
    assert_int_equal(ol_url_parse("udp://north.example:0", &url, why), 0);
    assert_string_equal(url.host, "north.example");
    assert_int_equal(url.port, 0); /* for a listener */
    assert_int_equal(ol_url_parse("courier:///a%20b//c//", &url, why), 0);
    assert_string_equal(url.path, "/a b//c");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
