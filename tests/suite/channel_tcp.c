/*
 * What only tcp promises: strangers cost bounded work and get no answer, an
 * old address reaches nobody, and people read what is wrong.
 */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/dice.h"
#include "base/units.h"
#include "channel/places.h"
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

/* With few descriptors the bounds come sooner. Strangers then put out each
 * other and never who is trusted; one that becomes so puts out the one silent
 * for longest, and all that were taken are given back. */
static void test_few_places(void **state)
{
    struct ch *f = &fixture;
    int known[4], late[3];

    (void)state;
    ol_places_set(OL_PLACE_GUEST, 4);
    ch_listen(f, "tcp://127.0.0.1:0");
    for (unsigned k = 0; k < 4; k++) {
        known[k] = ch_raw(f, SOCK_STREAM);
        say_packet(known[k], 1);
        CH_UNTIL(f, f->b.n_got == k + 1);
        ch_trust(&f->b, &f->b.peer);
    }
    assert_int_equal(ol_places_left(OL_PLACE_GUEST), 0);
    for (unsigned k = 0; k < 3; k++) {
        late[k] = ch_raw(f, SOCK_STREAM);
        if (k > 0)
            ch_until_cut(f, late[k - 1]);
        CH_UNTIL(f, ch_state_has(&f->b, "5 connected, 1 of them unknown"));
    }
    say_packet(late[2], 2);
    CH_UNTIL(f, f->b.n_got == 5);
    ch_trust(&f->b, &f->b.peer);
    ch_until_cut(f, known[0]);
    CH_UNTIL(f, ch_state_has(&f->b, "4 connected, 0 of them unknown"));
    for (unsigned k = 1; k < 4; k++) {
        assert_true(no_answer(known[k]));
        close(known[k]);
    }
    close(late[2]);
    CH_UNTIL(f, ch_state_has(&f->b, ": 0 connected"));
    assert_int_equal(ol_places_left(OL_PLACE_GUEST), 4);
    ol_places_set(OL_PLACE_GUEST, UINT_MAX);
    close(known[0]);
    close(late[0]);
    close(late[1]);
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

/* Is Reno what answers losses on it; false: it is no connection. */
static bool is_reno(int fd)
{
    char name[16] = "";
    struct sockaddr_storage sa;
    socklen_t n = sizeof(sa);

    if (getpeername(fd, (struct sockaddr *)&sa, &n) ||
        (sa.ss_family != AF_INET && sa.ss_family != AF_INET6))
        return false;
    n = sizeof(name) - 1;
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &n), 0);
    assert_string_equal(name, "reno");
    return true;
}

/* Both ends choose what does not measure the path itself, whatever this
 * machine's own choice is. */
static void test_congestion(void **state)
{
    struct ch *f = &fixture;
    int probe = socket(AF_INET, SOCK_STREAM, 0);
    unsigned found = 0;
    bool may = setsockopt(probe, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) == 0;

    (void)state;
    close(probe);
    if (!may)
        skip(); /* an administrator took it away */
    ch_listen(f, "tcp://127.0.0.1:0");
    ch_dial(&f->a, "tcp://127.0.0.1:%u");
    CH_UNTIL(f, f->a.chan.up && ch_state_has(&f->b, ": 1 connected"));
    for (int fd = 0; fd < 256; fd++)
        found += is_reno(fd);
    assert_int_equal(found, 2);
}

static void test_refused(void **state)
{
    struct ch *f = &fixture;
    struct ol_bearer_status status;
    char words[64];

    (void)state;
    snprintf(words, sizeof(words), "refused by 127.0.0.1:%u: nothing",
             ch_free_port(f, "tcp://127.0.0.1:0"));
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
        T("evicts-the-oldest-stranger", test_eviction),
        T("few-descriptors", test_few_places),
        T("strangers-time-ends", test_patience),
        T("old-address-reaches-nobody", test_stale_address),
        T("bounds-the-trusted", test_trusted_bound),
        T("peer-that-does-not-read", test_no_reader),
        T("garbage-flood", test_garbage_flood),
        T("one-byte-at-a-time", test_bytewise),
        T("kernel-answers-losses-only", test_congestion),
        T("refused", test_refused),
        T("wrong-server", test_wrong_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
