/* The least round trip, and what may be under way: by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/units.h"
#include "core/path.h"
#include "core/rate.h"

#define MS OL_NS_PER_MS

static const struct ol_flight clear = {.flags = OL_FLIGHT_CLEAR}, queued;

/* Of a path of 10 Mbit/s that was filled, measured at 0. */
static struct ol_rate filled(uint64_t min_ns, bool stream)
{
    return (struct ol_rate){.best = 1250000, .full = true, .stream = stream,
                            .min_rtt_ns = min_ns};
}

static void one_late_answer_does_not_lengthen_a_path(void **state)
{
    struct ol_rate r = filled(40 * MS, true);
    uint64_t now = 11 * OL_NS_PER_S;

    (void)state;
    ol_rate_rtt(&r, &queued, 42 * MS, false, now); /* it met a queue */
    assert_true(r.min_rtt_ns == 40 * MS);
    ol_rate_rtt(&r, &clear, 64 * MS, false, now);
    ol_rate_rtt(&r, &clear, 90 * MS, false, now);
    assert_true(r.min_rtt_ns == 40 * MS);
    ol_rate_rtt(&r, &clear, 44 * MS, false, now); /* this one says what it is */
    assert_true(r.min_rtt_ns == 44 * MS);
    assert_true(r.min_ns == now);
    /* Not before it is old again. */
    ol_rate_rtt(&r, &clear, 45 * MS, false, now + OL_NS_PER_S);
    assert_true(r.min_rtt_ns == 44 * MS);
}

static void a_path_that_is_longer_is_believed(void **state)
{
    struct ol_rate r = filled(40 * MS, true);
    uint64_t now = 11 * OL_NS_PER_S;

    (void)state;
    for (unsigned k = 0; k < 3; k++) {
        ol_rate_rtt(&r, &clear, (310 - k) * MS, false, now);
        assert_true(r.min_rtt_ns == 40 * MS);
    }
    ol_rate_rtt(&r, &clear, 330 * MS, false, now);
    assert_true(r.min_rtt_ns == 308 * MS);
    /* A shorter one at once. */
    ol_rate_rtt(&r, &queued, 20 * MS, false, now + MS);
    assert_true(r.min_rtt_ns == 20 * MS);
}

static void a_stream_keeps_a_shorter_queue(void **state)
{
    static const struct {
        uint64_t min_ms;
        bool stream;
        uint32_t window; /* at 1,250 bytes a ms */
    } v[] = {
        {40, false, 87500}, {40, true, 75000},
        {10, true, 31250}, /* 15 ms at least */
        {300, true, 412500}, {300, false, 412500},
    };

    (void)state;
    for (size_t k = 0; k < OL_LEN(v); k++) {
        struct ol_rate r = filled(v[k].min_ms * MS, v[k].stream);

        assert_int_equal(ol_rate_window(&r, OL_NS_PER_S), v[k].window);
        ol_rate_forget(&r);
        assert_true(r.stream == v[k].stream);
    }
}

static void another_way_back_is_another_round_trip(void **state)
{
    struct ol_rate r = {.stream = true};
    uint64_t now = 11 * OL_NS_PER_S;

    (void)state;
    /* 30 ms there, and back by a way of 10. */
    ol_rate_rtt(&r, &queued, 40 * MS, true, now);
    assert_true(r.min_rtt_ns == 40 * MS);
    ol_rate_rtt(&r, &queued, 60 * MS, false, now);
    assert_true(r.min_rtt_ns == 60 * MS && r.rtt_ns == 60 * MS);
    ol_rate_rtt(&r, &queued, 40 * MS, true, now);
    assert_true(r.min_rtt_ns == 60 * MS && r.rtt_ns == 60 * MS);
    /* Its own way back is silent. */
    now += 11 * OL_NS_PER_S;
    ol_rate_rtt(&r, &queued, 40 * MS, true, now);
    assert_true(r.min_rtt_ns == 40 * MS && r.min_ns == now);
}

static void a_full_path_comes_back_without_its_queue(void **state)
{
    struct ol_rate r = filled(40 * MS, true);
    uint64_t now = 11 * OL_NS_PER_S;

    (void)state;
    r.aside = true;
    r.min_ns = now;
    assert_int_equal(ol_rate_window(&r, now), 75000);
    ol_rate_rtt(&r, &queued, 100 * MS, false, now);
    assert_true(r.min_rtt_ns == 40 * MS);
    assert_int_equal(ol_rate_window(&r, now), 25000); /* half of 40 ms */
    ol_rate_rtt(&r, &clear, 60 * MS, false, now);
    assert_true(r.min_rtt_ns == 60 * MS);
    assert_int_equal(ol_rate_window(&r, now), 112500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_late_answer_does_not_lengthen_a_path),
        cmocka_unit_test(a_path_that_is_longer_is_believed),
        cmocka_unit_test(a_stream_keeps_a_shorter_queue),
        cmocka_unit_test(another_way_back_is_another_round_trip),
        cmocka_unit_test(a_full_path_comes_back_without_its_queue),
    };

    return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
