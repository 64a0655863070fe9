/*
 * Frames in flight: what goes again where.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/line_int.h"

enum { SLOW, QUICK };

/* Frames first to last come to be acked, and all before them did not come. */
static void acked(struct ol_line *l, uint32_t first, uint32_t last)
{
    struct ol_ack a = {.high = last, .count = 1, .v = {{last, first}}};

    ol_path_acked(l, SLOW, &a, SLOW);
}

/* Late frames undo the halving that they were the reason for, and not the next
 * one, whose frames are lost. */
static void late_frames_undo_their_own_halving(void **state)
{
    static struct ol_effects fx;
    struct ol_line *l = calloc(1, sizeof(*l));
    struct ol_path *p;
    uint32_t halved;

    (void)state;
    assert_non_null(l);
    l->fx = &fx;
    l->now_ns = 1000 * OL_NS_PER_S;
    l->n_ch = 1;
    l->epoch[0].state = OL_EP_CONFIRMED;
    l->epoch[0].ch[SLOW].counter = 1000;
    l->ch[SLOW].conf.kind = OL_CHAN_DATAGRAM;
    l->ch[SLOW].conf.mtu = OL_FRAME_UDP;
    ol_path_init(&l->ch[SLOW].path, &l->ch[SLOW].conf);
    ol_path_begin(l, SLOW);
    p = &l->ch[SLOW].path;
    for (uint32_t twice = 0; twice < 2; twice++) {
        for (uint32_t n = 0; n < 10; n++)
            (void)ol_path_sent(l, SLOW, twice * 10 + n, 1000);
        l->now_ns += (100 - 20 * twice) * OL_NS_PER_MS;
        halved = p->cwnd;
        acked(l, twice * 10 + 9, twice * 10 + 9);
        assert_true(p->cwnd < halved);
        halved = p->ssthresh;
        l->now_ns++;
    }
    acked(l, 0, 9);
    assert_int_equal(p->ssthresh, halved);
    acked(l, 10, 19);
    assert_true(p->ssthresh > halved);
    free(l);
}

static struct ol_line *one_channel(struct ol_effects *fx, uint8_t kind,
                                   uint64_t rate_bps)
{
    struct ol_line *l = calloc(1, sizeof(*l));

    assert_non_null(l);
    l->fx = fx;
    l->now_ns = 1000 * OL_NS_PER_S;
    l->n_ch = 1;
    l->epoch[0].state = OL_EP_CONFIRMED;
    l->epoch[0].ch[SLOW].counter = 10000;
    l->ch[SLOW].conf.kind = kind;
    l->ch[SLOW].conf.mtu = OL_FRAME_UDP;
    l->ch[SLOW].conf.rate_bps = rate_bps;
    ol_path_init(&l->ch[SLOW].path, &l->ch[SLOW].conf);
    ol_path_begin(l, SLOW);
    return l;
}

/* Ten frames go, the last is acknowledged first; the others are lost, or come
 * late. */
static void ten(struct ol_line *l, uint32_t first, bool late)
{
    for (uint32_t n = 0; n < 10; n++)
        (void)ol_path_sent(l, SLOW, first + n, 1000);
    l->now_ns += 50 * OL_NS_PER_MS;
    acked(l, first + 9, first + 9);
    l->now_ns++;
    if (late)
        acked(l, first, first + 9);
    l->now_ns += OL_NS_PER_S;
}

/* A path that changed the order of frames may be another one tomorrow: when
 * nothing came late for 16 halvings, three are enough again to call it lost. */
static void an_order_that_is_kept_again_is_believed(void **state)
{
    static struct ol_effects fx;
    struct ol_line *l = one_channel(&fx, OL_CHAN_DATAGRAM, 0);
    const struct ol_path *p = &l->ch[SLOW].path;
    uint32_t n = 0;

    (void)state;
    for (unsigned times = 0; times < 2; times++) {
        ten(l, 10 * n++, true);
        assert_int_equal(p->apart, 10);
        for (unsigned k = 0; k < 15; k++)
            ten(l, 10 * n++, false);
        assert_int_equal(p->apart, 10);
    }
    ten(l, 10 * n++, true); /* it is remembered from here on */
    for (unsigned k = 0; k < 16; k++)
        ten(l, 10 * n++, false);
    assert_int_equal(p->apart, 3);
    free(l);
}

/* What may go in a second, where each timer is late by 1 ms; bytes. */
static uint64_t passes(uint64_t rate_bps)
{
    static struct ol_effects fx;
    struct ol_line *l = one_channel(&fx, OL_CHAN_DATAGRAM, rate_bps);
    uint64_t end = l->now_ns + OL_NS_PER_S, bytes = 0;

    while (l->now_ns < end) {
        fx.wake_ns = OL_NEVER_NS;
        if (ol_path_bulk_budget(l, SLOW) == 0) {
            l->now_ns = fx.wake_ns + OL_NS_PER_MS;
            continue;
        }
        bytes += 1000;
        ol_path_paced(l, SLOW, 1000);
    }
    free(l);
    return bytes;
}

/* A fast rate that is declared is reached though timers are late; where it is
 * slow, a pause lets no more go at once, for a radio's queue is short. */
static void a_declared_rate_is_reached(void **state)
{
    static struct ol_effects fx;
    struct ol_line *l = one_channel(&fx, OL_CHAN_DATAGRAM, 64000);

    (void)state;
    assert_in_range(passes(100000000), 12250000, 12550000);
    assert_in_range(passes(20000000), 2450000, 2510000);
    ol_path_paced(l, SLOW, 1000);
    l->now_ns += 60 * OL_NS_PER_S;
    ol_path_paced(l, SLOW, 1000);
    assert_int_equal(ol_path_bulk_budget(l, SLOW), 0);
    free(l);
}

/* A FLASH that is no small one is under way on the slow channel, and a quick
 * one comes up: it goes there, and not once more on the slow one. */
static void what_is_overtaken_does_not_go_there_again(void **state)
{
    static struct ol_effects fx;
    static const uint8_t bytes[1000], root[OL_ROOT];
    struct ol_line *l = calloc(1, sizeof(*l));
    struct ol_carried ref = {.prec = OL_FLASH, .index = 1};
    struct ol_out_slot *s;

    (void)state;
    assert_non_null(l);
    l->fx = &fx;
    l->now_ns = 1000 * OL_NS_PER_S;
    l->n_ch = 2;
    l->ref_free = OL_NO_REF;
    ol_pool_init(&l->out_pool);
    l->out[OL_FLASH].durable = 1;
    assert_true(ol_window_load(l, OL_FLASH, 1, OL_SPAN(bytes, sizeof(bytes)),
                               root));
    s = ol_window_slot(l, OL_FLASH, 1);
    ref.mask = s->owed;
    l->ch[SLOW].conf.mtu = l->ch[QUICK].conf.mtu = OL_FRAME_UDP;
    ol_path_begin(l, SLOW);
    l->ch[SLOW].path.srtt_ns = 2 * OL_NS_PER_S;
    assert_true(ol_path_ref(l, ol_path_sent(l, SLOW, 0, 1100), &ref));
    ol_send_went(l, OL_FLASH, s, ref.mask, SLOW);
    assert_int_equal(s->owed, 0);
    assert_int_equal(s->copies_on, 1u << SLOW);
    ol_path_overtake(l, SLOW, l->now_ns + OL_NS_PER_MS);
    assert_true(s->owed == ref.mask);
    assert_int_equal(s->copies_on, 1u << SLOW);
    /* Lost there, it is to go there too. */
    ol_path_drop(l, SLOW);
    assert_int_equal(s->copies_on, 0);
    free(l);
}

/* Of the first 24 frames of a path two in three are lost: that is known then,
 * and not only 60 frames later. */
static void the_loss_of_a_new_path_is_known_soon(void **state)
{
    static struct ol_effects fx;
    struct ol_line *l = one_channel(&fx, OL_CHAN_DATAGRAM, 0);
    const struct ol_path *p = &l->ch[SLOW].path;

    (void)state;
    for (uint32_t n = 0; n < 24; n++) {
        (void)ol_path_sent(l, SLOW, n, 300);
        l->now_ns += 50 * OL_NS_PER_MS;
        if (n % 3 == 2)
            acked(l, n, n);
    }
    l->now_ns += OL_NS_PER_S;
    ol_path_pump(l, SLOW);
    assert_int_equal(p->acked_n, 8);
    assert_int_equal(p->lost_n, 16);
    assert_true(p->loss > 0.42 && p->loss < 0.67);
    free(l);
}

/* A probe timeout is no loss: what is urgent in flight is owed again, once, and
 * of what can wait two frames. All of it is when a second one follows. */
static void a_timeout_owes_what_cannot_wait(void **state)
{
    static struct ol_effects fx;
    static const uint8_t bytes[100], root[OL_ROOT];
    struct ol_line *l = one_channel(&fx, OL_CHAN_DATAGRAM, 0);
    struct ol_path *p = &l->ch[SLOW].path;

    (void)state;
    l->ref_free = OL_NO_REF;
    ol_pool_init(&l->out_pool);
    for (uint32_t i = 1; i <= 5; i++) {
        struct ol_flight *f = ol_path_sent(l, SLOW, i, 300);
        for (uint8_t prec = OL_PRIORITY; prec <= OL_ROUTINE; prec++) {
            struct ol_carried ref = {.prec = prec, .index = i, .mask = 1};
            l->out[prec].durable = i;
            assert_true(ol_window_load(l, prec, i,
                                       OL_SPAN(bytes, sizeof(bytes)), root));
            assert_true(ol_path_ref(l, f, &ref));
            ol_window_owe(&l->out[prec], ol_window_slot(l, prec, i), 0);
        }
    }
    l->now_ns = p->pto_ns;
    ol_path_pump(l, SLOW);
    assert_int_equal(l->out[OL_PRIORITY].owing, 5);
    assert_int_equal(l->out[OL_ROUTINE].owing, 2);
    assert_true(ol_window_slot(l, OL_ROUTINE, 1)->owed != 0);
    for (uint32_t i = 1; i <= 5; i++)
        ol_window_owe(&l->out[OL_PRIORITY], ol_window_slot(l, OL_PRIORITY, i),
                      0);
    l->now_ns = p->pto_ns;
    ol_path_pump(l, SLOW);
    assert_int_equal(l->out[OL_PRIORITY].owing, 0);
    assert_int_equal(l->out[OL_ROUTINE].owing, 5);
    assert_int_equal(p->open, 5);
    assert_int_equal(p->lost_n, 0);
    free(l);
}

/* Attachments do not fill a stream's window at once; a record does not wait. */
static void attachments_are_paced_on_a_stream(void **state)
{
    static struct ol_effects fx;
    struct ol_line *l = calloc(1, sizeof(*l));
    struct ol_path *p;
    uint64_t began;
    unsigned sent = 0;

    (void)state;
    assert_non_null(l);
    l->fx = &fx;
    began = l->now_ns = 1000 * OL_NS_PER_S;
    l->n_ch = 1;
    l->ch[SLOW].conf.kind = OL_CHAN_STREAM;
    l->ch[SLOW].conf.mtu = OL_FRAME_MAX;
    l->ch[SLOW].own_room = 1u << 20;
    ol_path_init(&l->ch[SLOW].path, &l->ch[SLOW].conf);
    ol_path_begin(l, SLOW);
    p = &l->ch[SLOW].path;
    p->srtt_ns = 60 * OL_NS_PER_MS;
    p->cwnd = 60000;
    while (p->bytes < p->cwnd && l->now_ns < began + p->srtt_ns) {
        fx.wake_ns = OL_NEVER_NS;
        if (ol_path_bulk_budget(l, SLOW) == 0) {
            assert_true(ol_path_budget(l, SLOW) > 0);
            assert_true(fx.wake_ns > l->now_ns);
            l->now_ns = fx.wake_ns;
            continue;
        }
        (void)ol_path_sent(l, SLOW, sent++, 4000);
        ol_path_bulk_paced(l, SLOW, 4000);
    }
    /* Two windows a round trip before the path was filled. */
    assert_int_equal(sent, 15);
    fx.wake_ns = OL_NEVER_NS;
    assert_true(p->pace_ns > l->now_ns); /* but only an ACK makes room */
    assert_int_equal(ol_path_bulk_budget(l, SLOW), 0);
    assert_true(fx.wake_ns == OL_NEVER_NS);
    assert_in_range(l->now_ns - began, 24 * OL_NS_PER_MS, 30 * OL_NS_PER_MS);
    /* And then by the rate that was measured, whatever the round trip holds. */
    p->rate.full = true;
    p->rate.best = 1250000;
    p->srtt_ns = OL_NS_PER_S;
    l->now_ns += OL_NS_PER_S;
    ol_path_bulk_paced(l, SLOW, 4000);
    began = p->pace_ns;
    ol_path_bulk_paced(l, SLOW, 4000);
    assert_int_equal(p->pace_ns - began, 2560 * OL_NS_PER_US);
    free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(late_frames_undo_their_own_halving),
        cmocka_unit_test(an_order_that_is_kept_again_is_believed),
        cmocka_unit_test(a_declared_rate_is_reached),
        cmocka_unit_test(what_is_overtaken_does_not_go_there_again),
        cmocka_unit_test(the_loss_of_a_new_path_is_known_soon),
        cmocka_unit_test(a_timeout_owes_what_cannot_wait),
        cmocka_unit_test(attachments_are_paced_on_a_stream),
    };

    return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
