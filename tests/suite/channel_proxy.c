/*
 * A tcp channel through a proxy, and one whose name has several addresses:
 * packets pass whole however the proxy cuts its answers, the name goes to the
 * proxy as it is, a proxy that lies or refuses is told in words, and a
 * password is not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/units.h"
#include "channel/tcp.h"
#include "channel_fixture.h"

static struct ch fixture;
static int listener = -1, conn = -1;
static char proxy[80];

static int setup(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t n = sizeof(at);

    (void)state;
    ch_init(&fixture);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &n), 0);
    snprintf(proxy, sizeof(proxy), "socks5://me:s3cret@127.0.0.1:%u",
             ntohs(at.sin_port));
    fixture.a.proxy = proxy;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (conn >= 0)
        close(conn);
    if (listener >= 0)
        close(listener);
    conn = listener = -1;
    fixture.a.proxy = NULL;
    ch_fini(&fixture);
    return 0;
}

static bool called(void)
{
    conn = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return conn >= 0;
}

static bool heard_all(uint8_t *got, size_t *n, size_t want)
{
    ssize_t k = recv(conn, got + *n, want - *n, 0);

    *n += k > 0 ? (size_t)k : 0;
    return *n == want;
}

/* The channel says exactly this, and the proxy answers. */
static void expect_and_say(const void *heard, size_t n_heard, const void *say,
                           size_t n_say)
{
    struct ch *f = &fixture;
    uint8_t got[600];
    size_t n = 0;

    CH_UNTIL(f, heard_all(got, &n, n_heard));
    assert_memory_equal(got, heard, n_heard);
    assert_int_equal(send(conn, say, n_say, MSG_NOSIGNAL), n_say);
}

#define TALK(heard, say)                                                       \
    expect_and_say(heard, sizeof(heard) - 1, say, sizeof(say) - 1)

static void begin(const char *url)
{
    struct ch *f = &fixture;

    ch_dial(&f->a, url);
    CH_UNTIL(f, called());
}

/* No name server is asked for a name that only the proxy can know: were one
 * asked, the channel would never come up. */
static void test_name_goes_to_the_proxy(void **state)
{
    static const uint8_t reply[] = {5, 0, 0, 3, 2, 'a', 'b', 0, 1,
                                    0, 3, 'x', 'y', 'z'};
    struct ch *f = &fixture;
    uint8_t packet[2 + 10];

    (void)state;
    begin("tcp://south.invalid:4430");
    TALK("\5\2\0\2", "\5\2");
    TALK("\1\2me\6s3cret", "\1\0");
    expect_and_say("\5\1\0\3\015south.invalid\x11\x4e", 20, reply, 4);
    ch_settle(f);
    assert_int_equal(f->a.ups, 0);
    /* The rest of the answer, and a packet of the other end with it. */
    assert_int_equal(send(conn, reply + 4, sizeof(reply) - 4, MSG_NOSIGNAL),
                     sizeof(reply) - 4);
    CH_UNTIL(f, f->a.ups == 1 && f->a.n_got == 1);
    assert_int_equal(f->a.got[0].n, 3);
    assert_memory_equal(f->a.got[0].bytes, "xyz", 3);
    assert_true(ch_state_has(&f->a, "connected to south.invalid by the proxy"));
    assert_false(ch_state_has(&f->a, "s3cret"));
    assert_int_equal(ch_send(&f->a, &ch_default, 10, 1, false), OL_OK);
    CH_UNTIL(f, recv(conn, packet, sizeof(packet), MSG_PEEK) ==
                    (ssize_t)sizeof(packet));
    /* It ends, and is dialled again. */
    close(conn);
    CH_UNTIL(f, f->a.downs == 1 && called());
}

static void test_refusals(void **state)
{
    static const struct {
        const char *say;
        size_t n;
        const char *words;
    } v[] = {
        {"\5\4", 2, "the way to south.invalid fails: it cannot find"},
        {"\5\5\0\1\0\0\0\0\0\0", 10, "the host refuses on that port"},
        {"HTTP/1.1 400 Bad Request\r\n", 26, "is no SOCKS5 proxy"},
    };
    struct ch *f = &fixture;

    (void)state;
    begin("tcp://south.invalid:4430");
    for (size_t k = 0; k < OL_LEN(v); k++) {
        TALK("\5\2\0\2", "\5\0");
        expect_and_say("\5\1\0\3\015south.invalid\x11\x4e", 20, v[k].say,
                       v[k].n);
        CH_UNTIL(f, ch_state_has(&f->a, v[k].words));
        assert_false(ch_state_has(&f->a, "s3cret"));
        close(conn);
        CH_UNTIL(f, called());
    }
    /* It hangs up without a word. */
    close(conn);
    conn = -1;
    CH_UNTIL(f, ch_state_has(&f->a, "by the proxy"));
    assert_int_equal(f->a.ups, 0);
}

/* One that says a byte now and then does not hold us for ever. */
static void test_slow_proxy(void **state)
{
    struct ch *f = &fixture;

    (void)state;
    ch_dial(&f->a, "tcp://south.invalid:4430");
    ol_tcp_dial_patience(f->a.b, 300);
    CH_UNTIL(f, called());
    TALK("\5\2\0\2", "\5");
    ch_settle(f);
    assert_int_equal(send(conn, "\0", 1, MSG_NOSIGNAL), 1);
    TALK("\5\1\0\3\015south.invalid\x11\x4e", "\5\0\0");
    CH_UNTIL(f, ch_state_has(&f->a, "no answer from the proxy 127.0.0.1"));
    ch_until_cut(f, conn);
    assert_int_equal(f->a.ups, 0);
}

static void test_no_proxy_there(void **state)
{
    struct ch *f = &fixture;

    (void)state;
    close(listener);
    listener = -1;
    ch_dial(&f->a, "tcp://south.invalid:4430");
    CH_UNTIL(f, ch_state_has(&f->a, "refused by the proxy 127.0.0.1"));
}

/* Told to try now, it does not wait out its pause. */
static void test_again(void **state)
{
    struct ch *f = &fixture;
    struct ol_bearer_status before, after;

    (void)state;
    f->a.proxy = NULL;
    ch_free_port(f, "tcp://127.0.0.1:0");
    ch_dial(&f->a, "tcp://127.0.0.1:%u");
    do { /* until it waits longest */
        CH_UNTIL(f, ch_state_has(&f->a, "refused by"));
        ch_status(&f->a, &before);
        ch_turn(f, "attempts", __FILE__, __LINE__);
    } while (before.attempts < 4);
    ch_settle(f);
    ch_status(&f->a, &before);
    for (unsigned k = 1; k <= 3; k++) {
        f->in_call++;
        f->a.b->ops->again(f->a.b, false);
        f->in_call--;
        do {
            ch_turn(f, "another attempt", __FILE__, __LINE__);
            ch_status(&f->a, &after);
        } while (after.attempts < before.attempts + k);
    }
    assert_true(after.attempts <= before.attempts + 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_name_goes_to_the_proxy, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slow_proxy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_proxy_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_again, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
