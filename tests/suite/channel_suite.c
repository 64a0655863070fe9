/*
 * One behaviour, every bearer.
 *
 * Each row of `bearers` passes each row of `tests`. A new bearer is one more
 * row of the first, a new promise of port/channel.h one more of the second.
 * What only one bearer can do is in channel_tcp.c, channel_net.c and
 * channel_courier.c.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/dice.h"
#include "base/units.h"
#include "channel_fixture.h"

enum trait {
    ORDERED = 1,   /* packets arrive in the order they were sent */
    SURE = 2,      /* what was taken arrives, while both ends live */
    FILLS = 4,     /* refuses with AGAIN when nobody reads */
    RETURNS = 8,   /* an end can vanish and come back */
    NOTICES = 16,  /* and the other end is told when it vanishes */
    GREETS = 32,   /* b can answer only whom it has heard */
    FILES = 64,    /* packets lie in files */
    STRANGERS = 128, /* others can bring bytes to b */
};

struct bearer {
    const char *name;
    unsigned traits;
    const char *listen, *dial;
    void (*open)(struct ch *);   /* where no urls are: both ends */
    void (*reopen)(struct ch *); /* b again */
    void (*garbage)(struct ch *); /* at b; NULL: there is none */
};

static struct ch fixture;

static void wait_up(struct ch *f)
{
    CH_UNTIL(f, f->a.chan.up);
    assert_true(f->a.chan.room_bytes > 0);
}

static void open_both(const struct bearer *bearer)
{
    struct ch *f = &fixture;

    if (bearer->open) {
        bearer->open(f);
    } else {
        ch_listen(f, bearer->listen);
        ch_dial(&f->a, bearer->dial);
    }
    wait_up(f);
}

/* So that b knows where a is. */
static void greet(struct ch *f)
{
    ch_must_send(&f->a, &ch_default, 9, 9, true);
    CH_UNTIL(f, f->b.n_got == 1);
    assert_true(ch_is(&f->b.got[0], 9, 9));
}

static const size_t sizes[] = {1,    2,    3,    25,   191,   192,  193,
                               1199, 1200, 4095, 4096, 65534, 65535};

/* Every size the bearer takes, from one end to the other. */
static void all_sizes(struct ch_end *from, struct ch_end *to)
{
    uint32_t mtu = from->b->ops->mtu;
    size_t before = to->n_got, n = 1; /* every bearer takes one byte */
    bool seen[OL_LEN(sizes)] = {0};
    struct ol_addr dest = from->n_got ? from->peer : ch_default;

    while (n < OL_LEN(sizes) && sizes[n] <= mtu)
        n++;
    for (size_t k = 0; k < n; k++)
        ch_must_send(from, &dest, sizes[k], k, k + 1 == n);
    assert_int_equal(sizes[n - 1], mtu);
    CH_UNTIL(from->f, to->n_got == before + n);
    for (size_t k = 0; k < n; k++) {
        for (size_t i = 0; i < n; i++)
            seen[k] |= ch_is(&to->got[before + i], sizes[k], k);
        assert_true(seen[k]);
    }
}

static void test_whole(void **state)
{
    struct ch *f = &fixture;

    open_both(*state);
    all_sizes(&f->a, &f->b);
    all_sizes(&f->b, &f->a);
    all_sizes(&f->a, &f->b);
}

static void test_order(void **state)
{
    const struct bearer *bearer = *state;
    struct ch *f = &fixture;
    const unsigned count = 300;

    open_both(bearer);
    for (unsigned k = 0; k < count; k++)
        ch_must_send(&f->a, &ch_default, 40, k, k + 1 == count);
    CH_UNTIL(f, f->b.n_got == count);
    for (unsigned k = 0; bearer->traits & ORDERED && k < count; k++)
        assert_true(ch_is(&f->b.got[k], 40, k));
}

static void test_too_long(void **state)
{
    struct ch *f = &fixture;
    struct ol_bearer_status status;
    uint32_t mtu;

    open_both(*state);
    mtu = f->a.b->ops->mtu;
    assert_int_equal(ch_send(&f->a, &ch_default, mtu + 1, 1, false),
                     OL_ERR_LONG);
    assert_int_equal(ch_send(&f->a, &ch_default, 0, 1, false), OL_ERR_INPUT);
    greet(f);
    assert_int_equal(
        ch_send(&f->b, &f->b.peer, f->b.b->ops->mtu + 1, 1, false),
        OL_ERR_LONG);
    ch_status(&f->a, &status);
    assert_int_equal(status.dropped, 2);
    assert_int_equal(status.packets_out, 1);
    assert_int_equal(status.bytes_out, 9);
    ch_status(&f->b, &status);
    assert_int_equal(status.packets_in, 1);
    assert_int_equal(status.bytes_in, 9);
}

/* Nothing is reached through an address that the bearer did not make. */
static void test_wrong_address(void **state)
{
    struct ch *f = &fixture;
    struct ol_addr wrong = {.len = OL_ADDR_MAX};

    open_both(*state);
    for (unsigned n = 1; n <= OL_ADDR_MAX; n++) {
        wrong.len = (uint8_t)n;
        memset(wrong.b, 0xff, sizeof(wrong.b));
        assert_int_not_equal(ch_send(&f->a, &wrong, 40, 1, true), OL_OK);
        assert_int_not_equal(ch_send(&f->b, &wrong, 40, 1, true), OL_OK);
        if (f->b.b->ops->trust)
            ch_trust(&f->b, &wrong);
        memset(wrong.b, 0, sizeof(wrong.b));
        assert_int_not_equal(ch_send(&f->a, &wrong, 40, 1, true), OL_OK);
        assert_int_not_equal(ch_send(&f->b, &wrong, 40, 1, true), OL_OK);
        if (f->b.b->ops->trust)
            ch_trust(&f->b, &wrong);
    }
    ch_release(&f->a, 17, true);
    ch_release(&f->b, 17, false);
    greet(f);
}

static void test_close_while_sending(void **state)
{
    struct ch *f = &fixture;

    open_both(*state);
    for (unsigned k = 0; k < 200; k++) {
        if (ch_send(&f->a, &ch_default, f->a.b->ops->mtu, k, k % 3 == 0))
            break;
    }
    ch_close(&f->a);
    ch_settle(f);
    for (size_t k = 0; k < f->b.n_got; k++)
        assert_int_equal(f->b.got[k].n, f->b.b->ops->mtu);
    ch_close(&f->b);
    ch_settle(f);
}

static void close_here(struct ch_end *e)
{
    ch_close(e);
}

static void test_close_in_packet(void **state)
{
    struct ch *f = &fixture;

    open_both(*state);
    f->b.on_packet = close_here;
    for (unsigned k = 0; k < 20; k++)
        ch_must_send(&f->a, &ch_default, 100, k, k == 19);
    CH_UNTIL(f, !f->b.b);
    assert_int_equal(f->b.n_got, 1);
    ch_settle(f);
    assert_int_equal(f->b.n_got, 1);
}

static void close_when_changed(struct ch_end *e, const struct ol_chan *chan)
{
    (void)chan;
    ch_close(e);
}

static void test_close_in_changed(void **state)
{
    const struct bearer *bearer = *state;
    struct ch *f = &fixture;

    f->a.on_changed = close_when_changed;
    if (bearer->open) {
        bearer->open(f);
    } else {
        ch_listen(f, bearer->listen);
        ch_dial(&f->a, bearer->dial);
    }
    CH_UNTIL(f, !f->a.b);
    ch_settle(f);
}

static void test_vanish(void **state)
{
    const struct bearer *bearer = *state;
    struct ch *f = &fixture;
    size_t before;
    bool arrived = false;

    open_both(bearer);
    greet(f);
    ch_close(&f->b);
    if (bearer->traits & NOTICES) {
        CH_UNTIL(f, f->a.downs == 1);
        assert_int_equal(ch_send(&f->a, &ch_default, 40, 1, true),
                         OL_ERR_DOWN);
    }
    ch_settle(f);
    before = f->b.n_got;
    bearer->reopen(f);
    if (bearer->traits & NOTICES)
        CH_UNTIL(f, f->a.ups == 2);
    ch_begin(f);
    while (!arrived) {
        (void)!ch_send(&f->a, &ch_default, 50, 2, true);
        ch_turn(f, "a packet after the return", __FILE__, __LINE__);
        for (size_t k = before; k < f->b.n_got; k++)
            arrived |= ch_is(&f->b.got[k], 50, 2);
    }
    all_sizes(&f->b, &f->a);
}

static void test_changed(void **state)
{
    const struct bearer *bearer = *state;
    struct ch *f = &fixture;

    open_both(bearer);
    greet(f);
    ch_settle(f);
    assert_int_equal(f->a.ups, 1);
    assert_int_equal(f->a.downs, 0);
    assert_int_equal(f->a.fulls, 0);
    ch_close(&f->b);
    if (bearer->traits & NOTICES) {
        CH_UNTIL(f, f->a.downs == 1);
        assert_int_equal(f->a.chan.room_bytes, 0);
    }
}

static void test_gone(void **state)
{
    const struct bearer *bearer = *state;
    struct ch *f = &fixture;
    struct ol_addr peer;

    open_both(bearer);
    greet(f);
    peer = f->b.peer;
    assert_int_equal(ch_send(&f->b, &ch_default, 40, 1, true), OL_ERR_DOWN);
    ch_close(&f->a);
    CH_UNTIL(f, f->b.gones == 1);
    assert_memory_equal(&f->b.gone, &peer, sizeof(peer));
    assert_int_equal(ch_send(&f->b, &peer, 40, 1, true), OL_ERR_DOWN);
}

static void test_burst(void **state)
{
    const struct bearer *bearer = *state;
    struct ch *f = &fixture;
    enum ol_err err = OL_OK;
    uint32_t mtu;
    unsigned sent = 0;

    open_both(bearer);
    mtu = f->a.b->ops->mtu;
    while (sent < 20000 && !err) {
        err = ch_send(&f->a, &ch_default, mtu, sent, true);
        sent += err == OL_OK;
        if (!(bearer->traits & FILLS) && sent == 2000)
            break;
    }
    if (bearer->traits & FILLS) {
        assert_int_equal(err, OL_ERR_AGAIN);
        CH_UNTIL(f, f->a.fulls > 0 && f->a.frees > 1);
        assert_true(f->a.chan.up && f->a.chan.room_bytes >= mtu);
    }
    if (bearer->traits & SURE)
        CH_UNTIL(f, f->b.n_got == sent);
    for (unsigned k = 0; bearer->traits & SURE && k < sent; k++)
        assert_true(bearer->traits & FILES ? f->b.got[k].n == mtu
                                           : ch_is(&f->b.got[k], mtu, k));
    ch_settle(f);
    sent = (unsigned)f->b.n_got;
    ch_must_send(&f->a, &ch_default, 77, 7, true);
    CH_UNTIL(f, f->b.n_got == sent + 1);
    assert_true(ch_is(&f->b.got[sent], 77, 7));
}

/* Long traffic of every size against an end that is always nearly full. */
static void test_flow(void **state)
{
    const struct bearer *bearer = *state;
    struct ch *f = &fixture;
    const unsigned count = bearer->traits & FILES ? 200 : 2000;
    struct dice d = dice_init(3);
    unsigned sent = 0;

    open_both(bearer);
    for (; sent < count; sent++) {
        size_t n = (size_t)dice_edge(&d, 1, OL_FRAME_MAX);
        enum ol_err err;

        /* Refused: one turn only, so that what waits never runs empty. */
        ch_begin(f);
        while ((err = ch_send(&f->a, &ch_default, n, n, sent % 16 == 15)) ==
               OL_ERR_AGAIN)
            ch_turn(f, "room", __FILE__, __LINE__);
        assert_int_equal(err, OL_OK);
    }
    ch_must_send(&f->a, &ch_default, 1, 1, true);
    CH_UNTIL(f, f->b.n_got == count + 1);
    d = dice_init(3);
    for (unsigned k = 0; k < count; k++) {
        size_t n = (size_t)dice_edge(&d, 1, OL_FRAME_MAX);

        /* Files overtake each other while they are synced. */
        n = bearer->traits & FILES ? f->b.got[k].n : n;
        assert_true(ch_is(&f->b.got[k], n, n));
    }
}

/* The other direction: a connection of a listener tells of its room too. */
static void test_burst_back(void **state)
{
    const struct bearer *bearer = *state;
    struct ch *f = &fixture;
    enum ol_err err = OL_OK;
    unsigned sent = 0;
    uint32_t mtu;

    open_both(bearer);
    greet(f);
    mtu = f->b.b->ops->mtu;
    while (sent < 20000 && !err) {
        err = ch_send(&f->b, &f->b.peer, mtu, sent, true);
        sent += err == OL_OK;
    }
    assert_int_equal(err, OL_ERR_AGAIN);
    CH_UNTIL(f, f->b.fulls > 0 && f->b.frees > 0 && f->a.n_got == sent);
    ch_must_send(&f->b, &f->b.peer, 77, 7, true);
    CH_UNTIL(f, f->a.n_got == sent + 1);
    assert_true(ch_is(&f->a.got[sent], 77, 7));
}

static void test_garbage(void **state)
{
    const struct bearer *bearer = *state;
    struct ch *f = &fixture;

    open_both(bearer);
    greet(f);
    bearer->garbage(f);
    ch_must_send(&f->a, &ch_default, 60, 6, true);
    CH_UNTIL(f, f->b.n_got == 2);
    assert_true(ch_is(&f->b.got[1], 60, 6));
    all_sizes(&f->b, &f->a);
}

static void again_tcp4(struct ch *f)
{
    ch_listen(f, "tcp://127.0.0.1:%u");
}

static void again_tcp6(struct ch *f)
{
    ch_listen(f, "tcp://[::1]:%u");
}

static void again_udp4(struct ch *f)
{
    ch_listen(f, "udp://127.0.0.1:%u");
}

static void again_udp6(struct ch *f)
{
    ch_listen(f, "udp://[::1]:%u");
}

static void again_tcp_all(struct ch *f)
{
    ch_listen(f, "tcp://[::]:%u");
}

static void again_udp_all(struct ch *f)
{
    ch_listen(f, "udp://[::]:%u");
}

static void open_courier(struct ch *f)
{
    ch_make_dir(f);
    ch_courier(&f->a);
    ch_courier(&f->b);
    CH_UNTIL(f, f->b.chan.up);
}

static void again_courier(struct ch *f)
{
    ch_courier(&f->b);
}

/* Lengths that no packet has: 0, one too many, and the greatest. */
static void garbage_tcp(struct ch *f)
{
    static const uint8_t heads[][3] = {{0, 0, 9}, {0x10, 1, 9}, {255, 255, 9}};

    for (size_t k = 0; k < OL_LEN(heads); k++) {
        int fd = ch_raw(f, SOCK_STREAM);

        assert_int_equal(send(fd, heads[k], 3, MSG_NOSIGNAL), 3);
        ch_until_cut(f, fd);
        close(fd);
        /* The same in two pieces. */
        fd = ch_raw(f, SOCK_STREAM);
        assert_int_equal(send(fd, heads[k], 1, MSG_NOSIGNAL), 1);
        CH_UNTIL(f, ch_state_has(&f->b, "2 connected"));
        ch_settle(f);
        assert_int_equal(send(fd, heads[k] + 1, 2, MSG_NOSIGNAL), 2);
        ch_until_cut(f, fd);
        close(fd);
    }
}

/* Datagrams with nothing in them, and with more than there may be. */
static void garbage_udp(struct ch *f)
{
    static const uint8_t bytes[OL_FRAME_UDP + 1];
    int fd = ch_raw(f, SOCK_DGRAM);

    assert_int_equal(send(fd, bytes, 0, 0), 0);
    assert_int_equal(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
    close(fd);
}

static void garbage_courier(struct ch *f)
{
    ch_put_file(f, "1.pouch", "", 0);
    ch_put_file(f, "2.pouch", "OLB", 3);
    ch_put_file(f, "3.pouch", "OLB1\0", 5);
    ch_put_file(f, "4.pouch", "OLB1\0\0", 6);
    ch_put_file(f, "5.pouch", "OLB1\xff\xff@", 7);
    ch_put_file(f, "6.pouch", "OLB2\0\1@", 7);
}

#define STREAM (ORDERED | SURE | FILLS | RETURNS | NOTICES | GREETS)
#define DATAGRAM (RETURNS | GREETS)

static const struct bearer bearers[] = {
    {.name = "tcp-v4",
     .traits = STREAM | STRANGERS,
     .listen = "tcp://127.0.0.1:0",
     .dial = "tcp://127.0.0.1:%u",
     .reopen = again_tcp4,
     .garbage = garbage_tcp},
    {.name = "tcp-v6",
     .traits = STREAM,
     .listen = "tcp://[::1]:0",
     .dial = "tcp://[::1]:%u",
     .reopen = again_tcp6},
    {.name = "tcp-name",
     .traits = STREAM | STRANGERS,
     .listen = "tcp://[::]:0",
     .dial = "tcp://localhost:%u",
     .reopen = again_tcp_all,
     .garbage = garbage_tcp},
    {.name = "udp-v4",
     .traits = DATAGRAM | STRANGERS,
     .listen = "udp://127.0.0.1:0",
     .dial = "udp://127.0.0.1:%u",
     .reopen = again_udp4,
     .garbage = garbage_udp},
    {.name = "udp-v6",
     .traits = DATAGRAM,
     .listen = "udp://[::1]:0",
     .dial = "udp://[::1]:%u",
     .reopen = again_udp6},
    {.name = "udp-name",
     .traits = DATAGRAM | STRANGERS,
     .listen = "udp://[::]:0",
     .dial = "udp://localhost:%u",
     .reopen = again_udp_all,
     .garbage = garbage_udp},
    {.name = "courier",
     .traits = ORDERED | SURE | FILLS | RETURNS | FILES | STRANGERS,
     .open = open_courier,
     .reopen = again_courier,
     .garbage = garbage_courier},
    {.name = "mem",
     .traits = ORDERED | SURE | FILLS | NOTICES,
     .open = ch_mem},
};

static const struct {
    const char *name;
    void (*run)(void **state);
    unsigned needs; /* traits without which there is nothing to test */
} tests[] = {
    {"whole", test_whole, 0},
    {"order", test_order, 0},
    {"too-long", test_too_long, 0},
    {"wrong-address", test_wrong_address, 0},
    {"close-while-sending", test_close_while_sending, 0},
    {"close-in-packet", test_close_in_packet, 0},
    {"close-in-changed", test_close_in_changed, 0},
    {"vanish-and-return", test_vanish, RETURNS},
    {"changed", test_changed, 0},
    {"gone", test_gone, GREETS | NOTICES},
    {"burst", test_burst, 0},
    {"flow", test_flow, SURE | FILLS},
    {"burst-back", test_burst_back, FILLS | SURE},
    {"garbage", test_garbage, STRANGERS},
};

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

static bool has_ipv6(void)
{
    struct sockaddr_in6 own = {.sin6_family = AF_INET6,
                               .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 &&
               bind(fd, (struct sockaddr *)&own, sizeof(own)) == 0;

    if (fd >= 0)
        close(fd);
    return has;
}

static void test_no_ipv6(void **state)
{
    (void)state;
    skip();
}

int main(void)
{
    enum { COUNT = OL_LEN(bearers) * OL_LEN(tests) };
    static struct CMUnitTest all[COUNT];
    static char name[COUNT][64];
    bool ipv6 = has_ipv6();
    size_t n = 0;

    for (size_t b = 0; b < OL_LEN(bearers); b++) {
        for (size_t t = 0; t < OL_LEN(tests); t++) {
            bool can = ipv6 || !strstr(bearers[b].name, "-v6");

            if (tests[t].needs & ~bearers[b].traits)
                continue;
            snprintf(name[n], sizeof(name[n]), "%s/%s", bearers[b].name,
                     tests[t].name);
            all[n] = (struct CMUnitTest){
                .name = name[n],
                .test_func = can ? tests[t].run : test_no_ipv6,
                .setup_func = setup,
                .teardown_func = teardown,
                .initial_state = (void *)&bearers[b],
            };
            n++;
        }
    }
    return _cmocka_run_group_tests("channel", all, n, NULL, NULL);
}
