/*
 * What udp promises beyond the suite, and what all network bearers do about
 * names, and ports that others have.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/units.h"
#include "channel_fixture.h"

static struct ch fixture;

static int setup(void **state)
{
    (void)state;
    ch_init(&fixture);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ch_fini(&fixture);
    return 0;
}

static void test_port_in_use(void **state)
{
    static const char *const pairs[][2] = {
        {"tcp://127.0.0.1:0", "tcp://127.0.0.1:%u"},
        {"udp://127.0.0.1:0", "udp://127.0.0.1:%u"},
    };
    struct ch *f = &fixture;

    (void)state;
    for (size_t k = 0; k < OL_LEN(pairs); k++) {
        char why[160] = "";

        ch_listen(f, pairs[k][0]);
        assert_int_equal(ch_try_listen(f, &f->a, pairs[k][1], why),
                         OL_ERR_EXISTS);
        assert_null(f->a.b);
        assert_non_null(strstr(why, "is in use"));
        ch_close(&f->b);
        ch_settle(f);
    }
}

static void test_listen_words(void **state)
{
    static const struct {
        const char *url, *words;
        enum ol_err err;
    } v[] = {
        {"tcp://192.0.2.1:4430", "no such address", OL_ERR_DOWN},
        {"udp://192.0.2.1:4430", "no such address", OL_ERR_DOWN},
        {"tcp://north.example:4430", "is a name", OL_ERR_INPUT},
        {"udp://north.example:4430", "is a name", OL_ERR_INPUT},
        {"courier:///tmp", "no listener", OL_ERR_INPUT},
        {"tcp://127.0.0.1", "has no port", OL_ERR_INPUT},
    };
    struct ch *f = &fixture;

    (void)state;
    for (size_t k = 0; k < OL_LEN(v); k++) {
        char why[160] = "";

        assert_int_equal(ch_try_listen(f, &f->b, v[k].url, why), v[k].err);
        assert_null(f->b.b);
        if (!strstr(why, v[k].words))
            fail_msg("%s: %s", v[k].url, why);
    }
}

/* A label of 64 letters is refused by the resolver itself: no name server is
 * asked, so the test needs no network and does not wait for one. */
#define NO_NAME                                                                \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                                         \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.invalid"

static void test_no_name(void **state)
{
    struct ch *f = &fixture;
    struct ol_bearer_status status;

    (void)state;
    ch_dial(&f->a, "tcp://" NO_NAME ":4430");
    ch_dial(&f->b, "udp://" NO_NAME ":4430");
    CH_UNTIL(f, ch_state_has(&f->a, "cannot resolve aaaa"));
    CH_UNTIL(f, ch_state_has(&f->b, "cannot resolve aaaa"));
    assert_int_equal(ch_send(&f->a, &ch_default, 9, 1, false), OL_ERR_DOWN);
    assert_int_equal(ch_send(&f->b, &ch_default, 9, 1, false), OL_ERR_DOWN);
    ch_status(&f->a, &status);
    assert_int_equal(status.last_err, OL_ERR_DOWN);
    assert_int_equal(f->a.ups + f->b.ups, 0);
}

/* Closed while the resolver is still at work. */
struct gate {
    uv_work_t work;
    uv_sem_t *open;
};

static void wait_at_gate(uv_work_t *work)
{
    struct gate *gate = work->data;

    uv_sem_wait(gate->open);
}

static void test_close_resolving(void **state)
{
    struct ch *f = &fixture;
    struct gate gate[4]; /* as many as libuv has threads */
    uv_sem_t open;

    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(uv_sem_init(&open, 0), 0);
        for (unsigned k = 0; k < OL_LEN(gate); k++) {
            gate[k].work.data = &gate[k];
            gate[k].open = &open;
            assert_int_equal(
                uv_queue_work(&f->loop, &gate[k].work, wait_at_gate, NULL),
                0);
        }
        ch_dial(&f->a, "tcp://localhost:4430");
        ch_dial(&f->b, "udp://localhost:4430");
        CH_UNTIL(f, ch_state_has(&f->a, "resolving localhost") &&
                        ch_state_has(&f->b, "resolving localhost"));
        if (round == 0) {
            ch_close(&f->a);
            ch_close(&f->b);
            ch_settle(f);
        }
        for (unsigned k = 0; k < OL_LEN(gate); k++)
            uv_sem_post(&open);
        if (round == 1) {
            /* The names are being resolved now, or were just. */
            ch_close(&f->a);
            ch_close(&f->b);
        }
        CH_UNTIL(f, f->loop.active_reqs.count == 0);
        uv_sem_destroy(&open);
    }
}

/* What the network says of a datagram is shown, and changes nothing. */
static void test_udp_refused(void **state)
{
    struct ch *f = &fixture;
    char words[64];

    (void)state;
    snprintf(words, sizeof(words), "refused by 127.0.0.1:%u: nothing",
             ch_free_port(f, "udp://127.0.0.1:0"));
    ch_dial(&f->a, "udp://127.0.0.1:%u");
    CH_UNTIL(f, f->a.chan.up);
    assert_true(ch_state_has(&f->a, "nothing received yet"));
    ch_must_send(&f->a, &ch_default, 30, 1, false);
    CH_UNTIL(f, ch_state_has(&f->a, words));
    assert_int_equal(f->a.downs, 0);
    ch_listen(f, "udp://127.0.0.1:%u");
    ch_must_send(&f->a, &ch_default, 30, 2, false);
    CH_UNTIL(f, f->b.n_got == 1);
    ch_must_send(&f->b, &f->b.peer, 30, 3, false);
    CH_UNTIL(f, f->a.n_got == 1);
    assert_int_equal(f->a.got[0].from.len, 0);
    assert_true(ch_state_has(&f->a, "receiving from 127.0.0.1"));
}

/* A dialled end hears others too, and can answer them. */
static void test_udp_from_elsewhere(void **state)
{
    struct ch *f = &fixture;
    struct ch_end c = {.f = f};
    struct ol_addr addr;
    char why[160];

    (void)state;
    ch_listen(f, "udp://127.0.0.1:0");
    ch_dial(&f->a, "udp://127.0.0.1:%u");
    CH_UNTIL(f, f->a.chan.up);
    ch_must_send(&f->a, &ch_default, 20, 1, false);
    CH_UNTIL(f, f->b.n_got == 1);
    addr = f->b.peer; /* where a is, as b sees it */
    assert_int_equal(ch_try_listen(f, &c, "udp://127.0.0.1:0", why), OL_OK);
    ch_must_send(&c, &addr, 20, 2, false);
    CH_UNTIL(f, f->a.n_got == 1);
    assert_true(f->a.got[0].from.len > 0);
    ch_must_send(&f->a, &f->a.got[0].from, 20, 3, false);
    CH_UNTIL(f, c.n_got == 1);
    assert_true(ch_is(&c.got[0], 20, 3));
    assert_int_equal(f->b.n_got, 1);
    ch_close(&c);
    ch_settle(f);
    free(c.got[0].bytes);
    free(c.got);
}

/* An answer leaves from the address that was asked, or no firewall between
 * would let it through. A connected socket is such a firewall. */
static void answer_from(const char *listen, const char *own)
{
    struct ch *f = &fixture;
    struct sockaddr_in to = {.sin_family = AF_INET};
    uint8_t bytes[64];
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    ch_listen(f, listen);
    to.sin_port = htons((uint16_t)f->port);
    assert_int_equal(uv_inet_pton(AF_INET, own, &to.sin_addr), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(send(fd, "0123456789", 10, 0), 10);
    CH_UNTIL(f, f->b.n_got > 0);
    ch_must_send(&f->b, &f->b.peer, 33, 1, false);
    CH_UNTIL(f, recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) == 33);
    close(fd);
    ch_close(&f->b);
    ch_settle(f);
    free(f->b.got[0].bytes);
    f->b.n_got = 0;
}

static void test_udp_answers_from_where_asked(void **state)
{
    (void)state;
    answer_from("udp://0.0.0.0:0", "127.0.0.1");
    answer_from("udp://0.0.0.0:0", "127.0.0.2");
    answer_from("udp://[::]:0", "127.0.0.1");
    answer_from("udp://[::]:0", "127.0.0.3");
}

#define T(name, test)                                                          \
    {                                                                          \
        name, test, setup, teardown, NULL                                      \
    }

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T("udp-refused", test_udp_refused),
        T("udp-from-elsewhere", test_udp_from_elsewhere),
        T("udp-answers-from-where-asked", test_udp_answers_from_where_asked),
        T("port-in-use", test_port_in_use),
        T("listen-words", test_listen_words),
        T("name-that-does-not-resolve", test_no_name),
        T("close-while-resolving", test_close_resolving),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
