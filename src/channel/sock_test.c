/*
 * Socket addresses: there and back again, and words that fit.
 */
#include "channel/sock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/dice.h"
#include "base/units.h"

static void parse(const char *text, uint16_t port, union ol_sock *sock)
{
    struct ol_url url = {.port = port};

    memcpy(url.host, text, strlen(text) + 1);
    assert_true(ol_sock_literal(&url, sock));
}

static void test_round_trip(void **state)
{
    static const struct {
        const char *text, *name;
    } v[] = {
        {"192.0.2.1", "192.0.2.1:4430"},
        {"255.255.255.255", "255.255.255.255:4430"},
        {"2001:db8::1", "[2001:db8::1]:4430"},
        {"::", "[::]:4430"},
        {"fe80::1%lo", "[fe80::1%lo]:4430"},
    };

    (void)state;
    for (size_t k = 0; k < OL_LEN(v); k++) {
        union ol_sock in, out;
        char name[OL_SOCK_NAME];
        struct ol_addr addr;
        uint8_t local;

        parse(v[k].text, 4430, &in);
        ol_sock_encode(&in, 7, &addr);
        assert_true(addr.len <= OL_BEARER_ADDR_MAX);
        assert_true(ol_sock_decode(&addr, &out, &local));
        assert_int_equal(local, 7);
        assert_true(ol_sock_eq(&in, &out));
        ol_sock_name(&out, name);
        assert_string_equal(name, v[k].name);
        /* One byte less or more is no address. */
        addr.len--;
        assert_false(ol_sock_decode(&addr, &out, &local));
        addr.len += 2;
        assert_false(ol_sock_decode(&addr, &out, &local));
    }
}

/* One peer has one address, however the kernel puts it. */
static void test_same(void **state)
{
    union ol_sock v4, v6, mapped, other;

    (void)state;
    parse("192.0.2.1", 4430, &v4);
    parse("::ffff:192.0.2.1", 4430, &mapped);
    ol_sock_from(&v6, &mapped.sa);
    assert_true(ol_sock_eq(&v4, &v6));
    ol_sock_map(&v6);
    assert_memory_equal(&v6.v6.sin6_addr, &mapped.v6.sin6_addr, 16);
    assert_int_equal(v6.v6.sin6_port, mapped.v6.sin6_port);

    parse("2001:db8::1", 4430, &v6);
    mapped = v6;
    mapped.v6.sin6_scope_id = 3;
    mapped.v6.sin6_flowinfo = 5;
    ol_sock_from(&other, &mapped.sa);
    assert_true(ol_sock_eq(&v6, &other));
    parse("fe80::1%lo", 4430, &v6);
    other = v6;
    other.v6.sin6_scope_id++;
    assert_false(ol_sock_eq(&v6, &other));
    parse("2001:db8::1", 4431, &other);
    assert_false(ol_sock_eq(&v6, &other));
}

static void test_any_bytes(void **state)
{
    struct dice d = dice_init(5);

    (void)state;
    for (unsigned k = dice_rounds(20000); k > 0; k--) {
        struct ol_addr addr, again;
        union ol_sock sock;
        uint8_t local;

        dice_fill(&d, &addr, sizeof(addr));
        addr.len %= 40; /* some longer than there is room for */
        addr.b[0] %= 8;
        if (!ol_sock_decode(&addr, &sock, &local))
            continue;
        ol_sock_encode(&sock, local, &again);
        assert_true(again.len <= addr.len);
    }
}

static void test_words(void **state)
{
    static const int sys[] = {UV_ECONNREFUSED, UV_ETIMEDOUT, UV_EOF,
                              UV_EPROTO,       UV_ENOTCONN,  -12345};
    static const char longest[] = "[2001:db8:1111:2222:3333:4444:5555:6666%"
                                  "abcdefghijklmno]:65535";
    char out[OL_WHY];

    (void)state;
    for (size_t k = 0; k < OL_LEN(sys); k++) {
        ol_sock_words(sys[k], longest, out, sizeof(out));
        assert_non_null(strstr(out, longest));
        assert_true(strlen(out) < sizeof(out) - 1); /* nothing was cut */
    }
    ol_sock_words(UV_ECONNREFUSED, "192.0.2.1:4430", out, sizeof(out));
    assert_string_equal(out, "refused by 192.0.2.1:4430: nothing listens "
                             "there, or a firewall refuses");
    ol_sock_no_name(UV_EAI_NONAME, "x", out, sizeof(out));
    assert_string_equal(out, "cannot resolve x: there is no such name; check "
                             "how it is written");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
