/*
 * The SOCKS5 client, byte by byte: what it says, what it takes, that every
 * refusal has words, and that no proxy makes it read or write out of bounds.
 */
#include "channel/socks5.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/dice.h"
#include "base/units.h"

#define BYTES(s) OL_SPAN(s, sizeof(s) - 1)

static struct ol_proxy proxy;
static struct ol_url to;
static struct ol_socks5 s;
static uint8_t out[OL_SOCKS5_OUT];
static size_t n_out;

static void begin(const char *p, const char *url)
{
    char why[160];

    assert_int_equal(ol_proxy_parse(p, &proxy, why), OL_OK);
    assert_int_equal(ol_url_parse(url, &to, why), OL_OK);
    n_out = ol_socks5_start(&s, &proxy, &to, out);
}

static void said(struct ol_span bytes)
{
    assert_int_equal(n_out, bytes.n);
    assert_memory_equal(out, bytes.p, bytes.n);
}

/* One byte at a time; nothing is said before the last one. */
static void hear(struct ol_span bytes)
{
    for (size_t k = 0; k < bytes.n; k++) {
        assert_true(s.state < OL_SOCKS5_OPEN);
        assert_int_equal(
            ol_socks5_take(&s, OL_SPAN(bytes.p + k, 1), out, &n_out), 1);
        if (k + 1 < bytes.n)
            assert_int_equal(n_out, 0);
    }
}

static void test_name(void **state)
{
    (void)state;
    begin("socks5://127.0.0.1:9050", "tcp://abc.onion:4430");
    said(BYTES("\5\1\0"));
    hear(BYTES("\5\0"));
    said(BYTES("\5\1\0\3\x09" "abc.onion\x11\x4e"));
    hear(BYTES("\5\0\0\1\0\0\0\0\0\0"));
    assert_int_equal(s.state, OL_SOCKS5_OPEN);
    assert_int_equal(n_out, 0);
}

static void test_addresses(void **state)
{
    (void)state;
    begin("socks5://proxy.example:1080", "tcp://192.0.2.7:4430");
    hear(BYTES("\5\0"));
    said(BYTES("\5\1\0\1\xc0\0\2\7\x11\x4e"));
    hear(BYTES("\5\0\0\4" "0123456789abcdef" "\0\1"));
    assert_int_equal(s.state, OL_SOCKS5_OPEN);
    begin("socks5://[::1]:1080", "tcp://[2001:db8::9]:4430");
    hear(BYTES("\5\0"));
    said(BYTES("\5\1\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09\x11\x4e"));
    hear(BYTES("\5\0\0\3\4host\0\1"));
    assert_int_equal(s.state, OL_SOCKS5_OPEN);
    begin("socks5://[::1]:1080", "tcp://h:1");
    hear(BYTES("\5\0"));
    hear(BYTES("\5\0\0\3\0\0\1"));
    assert_int_equal(s.state, OL_SOCKS5_OPEN);
}

static void test_login(void **state)
{
    (void)state;
    begin("socks5://me:a%3ab%40c@127.0.0.1:9050", "tcp://h:1");
    said(BYTES("\5\2\0\2"));
    hear(BYTES("\5\2"));
    said(BYTES("\1\2me\5a:b@c"));
    hear(BYTES("\1\0"));
    said(BYTES("\5\1\0\3\1h\0\1"));
    /* A proxy that wants none is told none. */
    begin("socks5://me:secret@127.0.0.1:9050", "tcp://h:1");
    hear(BYTES("\5\0"));
    said(BYTES("\5\1\0\3\1h\0\1"));
}

/* What comes behind the answer belongs to the other end. */
static void test_what_follows(void **state)
{
    uint8_t flood[400];

    (void)state;
    memset(flood, 7, sizeof(flood));
    memcpy(flood, "\5\0\0\1\0\0\0\0\0\0", 10);
    begin("socks5://127.0.0.1:9050", "tcp://h:1");
    hear(BYTES("\5\0"));
    assert_int_equal(
        ol_socks5_take(&s, OL_SPAN(flood, sizeof(flood)), out, &n_out), 10);
    assert_int_equal(s.state, OL_SOCKS5_OPEN);
}

static void test_refusals(void **state)
{
    const struct {
        const char *proxy;
        struct ol_span first, second;
        const char *words;
    } v[] = {
        {"x", BYTES("\4"), BYTES("\0"), "no SOCKS5 proxy"},
        {"x", BYTES("H"), BYTES("T"), "no SOCKS5 proxy"},
        {"x", BYTES("\5\377"), {0}, "it wants a login"},
        {"x", BYTES("\5\2"), {0}, "it wants a login"},
        {"x", BYTES("\5\1"), {0}, "it wants a login"},
        {"me:pw1234@x", BYTES("\5\377"), {0}, "neither"},
        {"me:pw1234@x", BYTES("\5\2"), BYTES("\1\1"), "check proxy="},
        {"me:pw1234@x", BYTES("\5\2"), BYTES("\5\0"), "no SOCKS5 proxy"},
        {"x", BYTES("\5\0"), BYTES("\4\0"), "no SOCKS5 proxy"},
        {"x", BYTES("\5\0"), BYTES("\5\0\1\1\0\0\0\0\0\0"), "no SOCKS5"},
        {"x", BYTES("\5\0"), BYTES("\5\0\0\2\0"), "no SOCKS5 proxy"},
        {"x", BYTES("\5\0"), BYTES("\5\1"), "without saying why"},
        {"x", BYTES("\5\0"), BYTES("\5\2"), "not allowed by its rules"},
        {"x", BYTES("\5\0"), BYTES("\5\3"), "no network leads there"},
        {"x", BYTES("\5\0"), BYTES("\5\4"), "cannot find or reach"},
        {"x", BYTES("\5\0"), BYTES("\5\5"), "refuses on that port"},
        {"x", BYTES("\5\0"), BYTES("\5\6"), "no answer from the host"},
        {"x", BYTES("\5\0"), BYTES("\5\7"), "does not make connections"},
        {"x", BYTES("\5\0"), BYTES("\5\10"), "that kind of address"},
        {"x", BYTES("\5\0"), BYTES("\5\11"), "code 9"},
        {"x", BYTES("\5\0"), BYTES("\5\360"), "onion service"},
        {"x", BYTES("\5\0"), BYTES("\5\366"), "no onion address"},
        {"x", BYTES("\5\0"), BYTES("\5\377"), "code 255"},
    };

    (void)state;
    for (size_t k = 0; k < OL_LEN(v); k++) {
        char text[64] = "socks5://", words[160];

        strcat(strcat(text, v[k].proxy), ":1080");
        begin(text, "tcp://south.example:4430");
        for (size_t i = 0; i < v[k].first.n && s.state < OL_SOCKS5_OPEN; i++)
            hear(OL_SPAN(v[k].first.p + i, 1));
        for (size_t i = 0; i < v[k].second.n && s.state < OL_SOCKS5_OPEN; i++)
            hear(OL_SPAN(v[k].second.p + i, 1));
        assert_int_equal(s.state, OL_SOCKS5_REFUSED);
        ol_socks5_words(&s, "the proxy 192.0.2.1:1080", words, sizeof(words));
        if (!strstr(words, v[k].words) || strstr(words, "pw1234"))
            fail_msg("row %zu: %s", k, words);
    }
}

/* The longest of everything. */
static void test_bounds(void **state)
{
    char text[256] = "socks5://", host[260] = "tcp://";
    uint8_t reply[OL_SOCKS5_IN] = "\5\0\0\3\377";

    (void)state;
    memset(text + 9, 'u', 118);
    strcpy(text + 9 + 118, ":");
    memset(text + 128, 'p', 118);
    strcpy(text + 246, "@h:65535");
    assert_int_equal(strlen(text), 254);
    memset(host + 6, 'h', 244);
    strcpy(host + 250, ":1");
    begin(text, host);
    hear(BYTES("\5\2"));
    assert_int_equal(n_out, 3 + 118 + 118);
    hear(BYTES("\1\0"));
    assert_int_equal(n_out, 5 + 244 + 2);
    hear(OL_SPAN(reply, sizeof(reply)));
    assert_int_equal(s.state, OL_SOCKS5_OPEN);
}

/* Whatever a proxy says, in whatever pieces, it comes to an end in bounds. */
static void test_fuzz(void **state)
{
    struct dice d = dice_init(5);
    char words[160];

    (void)state;
    for (unsigned round = 0; round < dice_rounds(20000); round++) {
        uint8_t in[600], *p = in;
        size_t n = dice_in(&d, 1, sizeof(in)), left = n;

        begin(round & 1 ? "socks5://me:pw@h:1" : "socks5://h:1", "tcp://h:1");
        dice_fill(&d, in, n);
        /* Mostly plausible, so that the later states are reached. */
        for (size_t k = 0; k < n && dice_in(&d, 0, 9) > 0; k++)
            in[k] = (uint8_t)(in[k] % 2 ? 5 : in[k] % 5);
        in[0] = (uint8_t)(dice_in(&d, 0, 9) ? 5 : in[0]);
        while (left > 0 && s.state < OL_SOCKS5_OPEN) {
            size_t piece = dice_in(&d, 1, left);
            size_t took = ol_socks5_take(&s, OL_SPAN(p, piece), out, &n_out);

            assert_true(took >= 1 && took <= piece);
            assert_true(n_out <= sizeof(out));
            p += took;
            left -= took;
        }
        if (s.state == OL_SOCKS5_REFUSED)
            ol_socks5_words(&s, "the proxy h:1", words, sizeof(words));
    }
}

static void test_proxies(void **state)
{
    static const char *const bad[] = {
        "", "socks5://", "socks4://h:1", "http://h:1", "h:1", "socks5://h",
        "socks5://h:0", "socks5://h:65536", "socks5://me@h:1",
        "socks5://:pw@h:1", "socks5://me:@h:1", "socks5://me:p:w@h:1",
        "socks5://me:p w@h:1", "socks5://me:%0@h:1", "socks5://me:%00@h:1",
        "socks5://me:pw@", "socks5://m/e:pw@h:1", "socks5://h:1/",
    };
    char why[160];

    (void)state;
    for (size_t k = 0; k < OL_LEN(bad); k++) {
        if (ol_proxy_parse(bad[k], &proxy, why) != OL_ERR_INPUT)
            fail_msg("took %s", bad[k]);
        assert_null(strstr(why, "pw"));
        assert_non_null(strstr(why, "socks5://HOST:PORT"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name),      cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_login),     cmocka_unit_test(test_what_follows),
        cmocka_unit_test(test_refusals),  cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_fuzz),      cmocka_unit_test(test_proxies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
