/*
 * What only the network bearers promise: strangers cost bounded work and get
 * no answer, an old address reaches nobody, and people read what is wrong.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/dice.h"
#include "base/units.h"
#include "channel/tcp.h"
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

static bool no_answer(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static void say_packet(int fd, uint8_t byte)
{
    const uint8_t packet[4] = {0, 2, byte, byte};

    assert_int_equal(send(fd, packet, sizeof(packet), MSG_NOSIGNAL),
                     sizeof(packet));
}

/* The 65th stranger puts the oldest out; those who are trusted stay. */
static void test_eviction(void **state)
{
    struct ch *f = &fixture;
    int fd[OL_TCP_STRANGERS], known, late;
    struct ol_addr known_addr;

    (void)state;
    ch_listen(f, "tcp://127.0.0.1:0");
    known = ch_raw(f, SOCK_STREAM);
    say_packet(known, 1);
    CH_UNTIL(f, f->b.n_got == 1);
    known_addr = f->b.peer;
    ch_trust(&f->b, &known_addr);
    for (unsigned k = 0; k < OL_TCP_STRANGERS; k++)
        fd[k] = ch_raw(f, SOCK_STREAM);
    CH_UNTIL(f, ch_state_has(&f->b, "65 connected, 64 of them unknown"));
    late = ch_raw(f, SOCK_STREAM);
    ch_until_cut(f, fd[0]);
    for (unsigned k = 1; k < OL_TCP_STRANGERS; k++)
        assert_true(no_answer(fd[k]));
    assert_int_equal(f->b.gones, 0); /* a silent stranger is no news */
    say_packet(late, 2);
    CH_UNTIL(f, f->b.n_got == 2);
    say_packet(known, 3);
    CH_UNTIL(f, f->b.n_got == 3);
    assert_int_equal(ch_send(&f->b, &known_addr, 10, 1, false), OL_OK);
    for (unsigned k = 0; k < OL_TCP_STRANGERS; k++)
        close(fd[k]);
    close(known);
    close(late);
    CH_UNTIL(f, ch_state_has(&f->b, ": 0 connected"));
    assert_int_equal(f->b.gones, 2);
}

/* A stranger's time ends, also if it keeps talking; trust stops the clock. */
static void test_patience(void **state)
{
    struct ch *f = &fixture;
    int known, stranger;

    (void)state;
    ch_listen(f, "tcp://127.0.0.1:0");
    ol_tcp_listen_patience(f->b.b, 60);
    known = ch_raw(f, SOCK_STREAM);
    say_packet(known, 1);
    CH_UNTIL(f, f->b.n_got == 1);
    ch_trust(&f->b, &f->b.peer);
    stranger = ch_raw(f, SOCK_STREAM);
    say_packet(stranger, 2);
    CH_UNTIL(f, f->b.n_got == 2);
    CH_UNTIL(f, f->b.gones == 1);
    assert_memory_equal(&f->b.gone, &f->b.got[1].from, sizeof(f->b.gone));
    ch_until_cut(f, stranger);
    assert_true(no_answer(known));
    say_packet(known, 3);
    CH_UNTIL(f, f->b.n_got == 3);
    close(known);
    close(stranger);
}

/* An address outlives its connection, but reaches nobody after it. */
static void test_stale_address(void **state)
{
    struct ch *f = &fixture;
    struct ol_addr old;
    int fd;

    (void)state;
    ch_listen(f, "tcp://127.0.0.1:0");
    for (unsigned round = 0; round < 10; round++) {
        fd = ch_raw(f, SOCK_STREAM);
        say_packet(fd, 1);
        CH_UNTIL(f, f->b.n_got == 2 * round + 1);
        old = f->b.peer;
        close(fd);
        CH_UNTIL(f, f->b.gones == 2 * round + 1);
        assert_memory_equal(&f->b.gone, &old, sizeof(old));
        fd = ch_raw(f, SOCK_STREAM);
        say_packet(fd, 2);
        CH_UNTIL(f, f->b.n_got == 2 * round + 2);
        assert_memory_not_equal(&f->b.peer, &old, sizeof(old));
        assert_int_equal(ch_send(&f->b, &old, 30, 1, false), OL_ERR_DOWN);
        ch_trust(&f->b, &old);
        assert_true(ch_state_has(&f->b, "1 connected, 1 of them unknown"));
        ch_settle(f);
        assert_true(no_answer(fd));
        close(fd);
        CH_UNTIL(f, f->b.gones == 2 * round + 2);
    }
}

/* Those who are trusted are bounded too: the one silent for longest goes. */
static void test_trusted_bound(void **state)
{
    static int fd[OL_TCP_TRUSTED + 1];
    struct rlimit limit;
    struct ch *f = &fixture;
    struct ol_addr first;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < 4 * OL_TCP_TRUSTED)
        skip();
    limit.rlim_cur = 4 * OL_TCP_TRUSTED;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ch_listen(f, "tcp://127.0.0.1:0");
    for (unsigned k = 0; k <= OL_TCP_TRUSTED; k++) {
        fd[k] = ch_raw(f, SOCK_STREAM);
        say_packet(fd[k], 1);
        CH_UNTIL(f, f->b.n_got == k + 1);
        if (k < OL_TCP_TRUSTED)
            ch_trust(&f->b, &f->b.peer);
    }
    first = f->b.got[0].from;
    uv_update_time(&f->loop);
    say_packet(fd[0], 2);
    CH_UNTIL(f, f->b.n_got == OL_TCP_TRUSTED + 2);
    assert_int_equal(f->b.gones, 0);
    ch_trust(&f->b, &f->b.got[OL_TCP_TRUSTED].from);
    assert_int_equal(f->b.gones, 0);
    CH_UNTIL(f, f->b.gones == 1);
    assert_memory_not_equal(&f->b.gone, &first, sizeof(first));
    assert_true(no_answer(fd[0]) && no_answer(fd[OL_TCP_TRUSTED]));
    assert_true(ch_state_has(&f->b, "1024 connected, 0 of them unknown"));
    for (unsigned k = 0; k <= OL_TCP_TRUSTED; k++)
        close(fd[k]);
    CH_UNTIL(f, ch_state_has(&f->b, ": 0 connected"));
}

/* Random bytes from everywhere: a good channel does not notice. */
static void test_garbage_flood(void **state)
{
    struct dice d = dice_init(7);
    struct ch *f = &fixture;
    unsigned rounds = dice_rounds(200);
    static uint8_t junk[8192];

    (void)state;
    ch_listen(f, "tcp://127.0.0.1:0");
    ch_dial(&f->a, "tcp://127.0.0.1:%u");
    CH_UNTIL(f, f->a.chan.up);
    ch_must_send(&f->a, &ch_default, 20, 0, false);
    CH_UNTIL(f, f->b.n_got == 1);
    ch_trust(&f->b, &f->b.peer);
    for (unsigned k = 1; k <= rounds; k++) {
        int fd = ch_raw(f, SOCK_STREAM);
        size_t n = (size_t)dice_edge(&d, 1, sizeof(junk));
        size_t before = f->b.n_got;
        bool arrived = false;

        dice_fill(&d, junk, n);
        (void)!send(fd, junk, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        ch_must_send(&f->a, &ch_default, 20, k, false);
        ch_begin(f);
        while (!arrived) {
            ch_turn(f, "a packet amid garbage", __FILE__, __LINE__);
            for (size_t i = before; i < f->b.n_got; i++)
                arrived |= ch_is(&f->b.got[i], 20, k);
        }
        close(fd);
    }
    assert_int_equal(f->a.downs, 0);
}

/* A stream is cut anywhere on its way: one byte at a time is a stream too. */
static void test_bytewise(void **state)
{
    struct ch *f = &fixture;
    uint8_t stream[600];
    size_t n = 0;
    int fd, on = 1;

    (void)state;
    ch_listen(f, "tcp://127.0.0.1:0");
    fd = ch_raw(f, SOCK_STREAM);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    for (unsigned len = 1; len <= 20; len++) {
        stream[n++] = 0;
        stream[n++] = (uint8_t)len;
        memset(stream + n, (int)len, len);
        n += len;
    }
    for (size_t k = 0; k < n; k++) {
        assert_int_equal(send(fd, stream + k, 1, MSG_NOSIGNAL), 1);
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    CH_UNTIL(f, f->b.n_got == 20);
    for (unsigned len = 1; len <= 20; len++) {
        assert_int_equal(f->b.got[len - 1].n, len);
        assert_int_equal(f->b.got[len - 1].bytes[len - 1], len);
    }
    close(fd);
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
        {"tcp://192.0.2.1:4430", "no such address", OL_ERR_IO},
        {"udp://192.0.2.1:4430", "no such address", OL_ERR_IO},
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

/* A port that nobody has: taken once, and given back. */
static unsigned free_port(struct ch *f, const char *url)
{
    unsigned port;

    ch_listen(f, url);
    port = f->port;
    ch_close(&f->b);
    ch_settle(f);
    return port;
}

static void test_refused(void **state)
{
    struct ch *f = &fixture;
    struct ol_bearer_status status;
    char words[64];

    (void)state;
    snprintf(words, sizeof(words), "refused by 127.0.0.1:%u: nothing",
             free_port(f, "tcp://127.0.0.1:0"));
    ch_dial(&f->a, "tcp://127.0.0.1:%u");
    CH_UNTIL(f, ch_state_has(&f->a, words));
    ch_status(&f->a, &status);
    assert_int_equal(status.last_errno, ECONNREFUSED);
    assert_int_equal(status.last_err, OL_ERR_DOWN);
    /* It tries again, and the words stay while it does. */
    ch_begin(f);
    while (status.attempts < 3) {
        ch_turn(f, "a third attempt", __FILE__, __LINE__);
        assert_true(ch_state_has(&f->a, words));
        ch_status(&f->a, &status);
    }
    assert_int_equal(status.connects, 0);
    assert_int_equal(f->a.ups + f->a.downs, 0);
}

/* What the network says of a datagram is shown, and changes nothing. */
static void test_udp_refused(void **state)
{
    struct ch *f = &fixture;
    char words[64];

    (void)state;
    snprintf(words, sizeof(words), "refused by 127.0.0.1:%u: nothing",
             free_port(f, "udp://127.0.0.1:0"));
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

/* A listening socket of the test's own, its port kept for ch_dial. */
static int raw_listener(struct ch *f)
{
    struct sockaddr_in own = {.sin_family = AF_INET,
                              .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof(own);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &n), 0);
    f->port = ntohs(own.sin_port);
    return fd;
}

/* It is told that the room has ended, though nothing moves; when the peer
 * reads after all, every packet that was taken is there, to the byte. */
static void test_no_reader(void **state)
{
    static uint8_t bytes[65536];
    struct ch *f = &fixture;
    int fd = raw_listener(f), peer;
    size_t taken = 0, got = 0;

    (void)state;
    ch_dial(&f->a, "tcp://127.0.0.1:%u");
    CH_UNTIL(f, f->a.ups == 1);
    peer = accept(fd, NULL, NULL);
    while (ch_send(&f->a, &ch_default, 1000, 1, false) == OL_OK)
        taken++;
    CH_UNTIL(f, f->a.fulls > 0);
    assert_int_equal(f->a.chan.room_bytes, 0);
    assert_true(f->a.chan.up);
    while (got < taken * 1002) {
        ssize_t n = recv(peer, bytes, sizeof(bytes), MSG_DONTWAIT);

        uv_run(&f->loop, UV_RUN_NOWAIT);
        got += n > 0 ? (size_t)n : 0;
        assert_true(n != 0);
    }
    assert_int_equal(got, taken * 1002);
    CH_UNTIL(f, f->a.chan.room_bytes >= OL_TCP_QUEUE / 2);
    close(peer);
    CH_UNTIL(f, f->a.downs == 1);
    close(fd);
}

/* The dialled end meets something that is not a station. */
static void test_wrong_server(void **state)
{
    static const char banner[] = "HTTP/1.1 400 Bad Request\r\n";
    struct ch *f = &fixture;
    int fd = raw_listener(f);

    (void)state;
    ch_dial(&f->a, "tcp://127.0.0.1:%u");
    CH_UNTIL(f, f->a.ups == 1);
    for (unsigned k = 1; k <= 3; k++) {
        int peer = accept(fd, NULL, NULL);

        assert_true(peer >= 0);
        assert_int_equal(send(peer, banner, sizeof(banner), MSG_NOSIGNAL),
                         sizeof(banner));
        CH_UNTIL(f, f->a.downs == k);
        assert_true(ch_state_has(&f->a, "is not a station"));
        close(peer);
        CH_UNTIL(f, f->a.ups == k + 1);
    }
    assert_int_equal(f->a.n_got, 0);
    close(fd);
}

#define T(name, test)                                                          \
    {                                                                          \
        name, test, setup, teardown, NULL                                      \
    }

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T("tcp-evicts-the-oldest-stranger", test_eviction),
        T("tcp-strangers-time-ends", test_patience),
        T("tcp-old-address-reaches-nobody", test_stale_address),
        T("tcp-bounds-the-trusted", test_trusted_bound),
        T("tcp-peer-that-does-not-read", test_no_reader),
        T("tcp-garbage-flood", test_garbage_flood),
        T("tcp-one-byte-at-a-time", test_bytewise),
        T("tcp-refused", test_refused),
        T("tcp-wrong-server", test_wrong_server),
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
