/*
 * Credit at its edges: what is next in a log has room whatever else came, and
 * what a hostile peer says of its own room costs us little.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/line_int.h"
#include "core/restore.h"

#define ALL_UNITS (OL_RECORD_MAX / OL_UNIT - 1) /* of a record but its last */

static struct ol_effects fx;

/* A line with one usable channel. */
static struct ol_line *line(void)
{
    struct ol_line *l = calloc(1, sizeof(*l));

    assert_non_null(l);
    l->fx = &fx;
    fx.wake_ns = OL_NEVER_NS;
    l->now_ns = 1000 * OL_NS_PER_S;
    l->n_ch = 1;
    l->ch[0].conf.kind = OL_CHAN_DATAGRAM;
    l->ch[0].conf.dials = l->ch[0].up = true;
    l->ch[0].state = OL_CHAN_UP;
    ol_pool_init(&l->in_pool);
    ol_pool_init(&l->out_pool);
    return l;
}

/* Units of a record that does not end with them. */
static enum ol_err part(struct ol_line *l, unsigned prec, uint32_t index,
                        unsigned first, unsigned n)
{
    static const uint8_t bytes[OL_RECORD_MAX];
    struct ol_segment g = {.prec = (uint8_t)prec, .index = index,
                           .offset = (uint16_t)(first * OL_UNIT),
                           .bytes = OL_SPAN(bytes, (size_t)n * OL_UNIT)};

    return ol_recv_segment(l, &g);
}

/* All but the first record of each log came in part, as many as there was room
 * for, from what waits longest to what is urgent; nothing of that can end
 * before the four first ones have come, and they come bit by bit. */
static void there_is_room_for_the_next_of_each_log(void **state)
{
    struct ol_line *l = line();

    (void)state;
    for (unsigned p = OL_PRECS; p-- > 0;)
        for (uint32_t i = 2; i <= ol_window_of[p]; i++)
            if (part(l, p, i, 0, ALL_UNITS) == OL_ERR_AGAIN)
                break;
    for (unsigned u = 0; u < ALL_UNITS; u++)
        for (unsigned p = 0; p < OL_PRECS; p++)
            assert_int_equal(part(l, p, 1, u, 1), OL_OK);
    free(l);
}

/* How many records of a log are owed; they go at once. */
static unsigned go(struct ol_line *l, unsigned prec)
{
    struct ol_out_log *o = &l->out[prec];
    unsigned n = o->owing;

    for (uint32_t i = 1; i <= o->loaded; i++)
        ol_window_owe(o, ol_window_slot(l, prec, i), 0);
    return n;
}

/* The peer says in turn that it takes nothing and all: what went is owed again
 * so many times a second, however often it says so. */
static void a_credit_that_flaps_costs_little(void **state)
{
    static const uint8_t bytes[100], root[OL_ROOT];
    struct ol_line *l = line();
    struct ol_held h = {.serial = 1};
    struct ol_out_log *o = &l->out[OL_FLASH];
    unsigned again = 0;

    (void)state;
    l->peer_any = true;
    o->durable = o->limit = OL_WINDOW_FLASH;
    for (uint32_t i = 1; i <= OL_WINDOW_FLASH; i++)
        assert_true(ol_window_load(l, OL_FLASH, i,
                                   OL_SPAN(bytes, sizeof(bytes)), root));
    assert_int_equal(go(l, OL_FLASH), OL_WINDOW_FLASH);
    ol_window_slot(l, OL_FLASH, 1)->repeats = 9;
    for (unsigned ms = 0; ms < 1000; ms++) {
        h.log[OL_FLASH].limit = 0;
        ol_send_held(l, &h, 1u << OL_FLASH, true);
        assert_int_equal(o->limit, 0);
        h.log[OL_FLASH].limit = OL_WINDOW_FLASH;
        ol_send_held(l, &h, 1u << OL_FLASH, true);
        again += go(l, OL_FLASH);
        l->now_ns += OL_NS_PER_MS;
    }
    assert_in_range(again, 2 * OL_WINDOW_FLASH, 10 * OL_WINDOW_FLASH);
    assert_int_equal(ol_window_slot(l, OL_FLASH, 1)->repeats, 0);
    /* On a slow channel, once a round trip. */
    l->ch[0].path.srtt_ns = OL_NS_PER_S;
    l->now_ns += OL_NS_PER_S;
    again = 0;
    for (unsigned ms = 0; ms < 900; ms++) {
        h.log[OL_FLASH].limit = ms % 2 ? OL_WINDOW_FLASH : 0;
        ol_send_held(l, &h, 1u << OL_FLASH, true);
        again += go(l, OL_FLASH);
        l->now_ns += OL_NS_PER_MS;
    }
    assert_int_equal(again, OL_WINDOW_FLASH);
    free(l);
}

/* What HELD says of the credit of FLASH now. */
static uint32_t says(struct ol_line *l, uint32_t serial)
{
    struct ol_in_log *in = &l->in[OL_FLASH];

    l->held_serial = in->told = serial;
    in->dirty = false;
    ol_credit_said(l, OL_FLASH, serial);
    return ol_credit_limit(l, OL_FLASH);
}

/* A credit that was cut is said again when the HELD that did is lost, though
 * the next one gave it again; once for each loss, and not when one arrived. */
static void a_cut_that_was_lost_is_said_again(void **state)
{
    struct ol_line *l = line();
    struct ol_in_log *in = &l->in[OL_FLASH];

    (void)state;
    ol_credit_short(l, OL_FLASH, 7);
    assert_int_equal(says(l, 1), 6);
    assert_int_equal(says(l, 2), 6);
    ol_credit_pump(l, OL_FLASH);
    assert_int_equal(says(l, 3), OL_WINDOW_FLASH);
    ol_credit_came(l, OL_FLASH, 3, true);
    assert_false(in->dirty);
    ol_credit_came(l, OL_FLASH, 1, true);
    assert_true(in->dirty);
    assert_int_equal(says(l, 4), 6);
    ol_credit_pump(l, OL_FLASH);
    assert_int_equal(says(l, 5), OL_WINDOW_FLASH);
    ol_credit_came(l, OL_FLASH, 2, true);
    assert_false(in->dirty);
    ol_credit_came(l, OL_FLASH, 4, false);
    ol_credit_came(l, OL_FLASH, 4, true);
    assert_false(in->dirty);
    /* So it is with a full disk; and what came meanwhile needs no word. */
    l->full = true;
    assert_int_equal(says(l, 6), 0);
    l->full = false;
    ol_credit_came(l, OL_FLASH, 6, true);
    assert_int_equal(says(l, 7), 0);
    in->upto = in->durable = 1;
    ol_credit_pump(l, OL_FLASH);
    ol_credit_came(l, OL_FLASH, 7, true);
    assert_int_equal(says(l, 8), 1 + OL_WINDOW_FLASH);
    free(l);
}

/* A narrow line whose response has said what we hold: that is enough, but only
 * if it also gave the credit that we give. */
static void a_response_tells_of_credit_too(void **state)
{
    struct ol_line *l = line();
    struct ol_epoch e = {.opening = 3};
    struct ol_in_log *in = &l->in[OL_FLASH];

    (void)state;
    l->ch[0].conf.rate_bps = 1200;
    in->upto = in->durable = 5;
    l->response.valid = true;
    l->response.opening = 3;
    l->response.held[OL_FLASH] = 5;
    l->response.limit[OL_FLASH] = ol_credit_limit(l, OL_FLASH);
    assert_true(ol_hand_told(l, &e, OL_FLASH));
    /* No HELD has said yet that there is no room, and none would say that there
     * is some again. */
    ol_credit_short(l, OL_FLASH, 7);
    assert_false(ol_hand_told(l, &e, OL_FLASH));
    l->response.limit[OL_FLASH] = ol_credit_limit(l, OL_FLASH);
    assert_false(ol_hand_told(l, &e, OL_FLASH));
    /* There is room by now, but the response was without. */
    in->short_of = 0;
    assert_false(ol_hand_told(l, &e, OL_FLASH));
    l->full = true;
    l->response.limit[OL_FLASH] = ol_credit_limit(l, OL_FLASH);
    l->full = false;
    assert_false(ol_hand_told(l, &e, OL_FLASH));
    l->response.limit[OL_FLASH] = ol_credit_limit(l, OL_FLASH);
    assert_true(ol_hand_told(l, &e, OL_FLASH));
    free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_room_for_the_next_of_each_log),
        cmocka_unit_test(a_credit_that_flaps_costs_little),
        cmocka_unit_test(a_cut_that_was_lost_is_said_again),
        cmocka_unit_test(a_response_tells_of_credit_too),
    };

    return cmocka_run_group_tests_name("credit", tests, NULL, NULL);
}
