/* Counting a period: medians, and what its ends cut. */
#include "station/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/units.h"

static struct ol_report r; /* large */

static void medians(void **state)
{
    static const struct {
        uint64_t v[6];
        unsigned n;
        uint64_t median, worst;
    } t[] = {
        {{0}, 0, 0, 0},
        {{0}, 1, 0, 0},
        {{5}, 1, 5, 5},
        {{9, 1}, 2, 5, 9},
        {{9, 1, 4}, 3, 4, 9},
        {{100, 1, 1, 100}, 4, 50, 100},
        {{127, 127, 127}, 3, 127, 127},
        {{86400000}, 1, 86400000, 86400000},
        {{UINT64_MAX}, 1, UINT64_MAX, UINT64_MAX},
        {{1, 2, 3, 4, 5, 86400000}, 6, 3, 86400000},
    };

    (void)state;
    for (size_t k = 0; k < OL_LEN(t); k++) {
        static struct ol_report_times times;

        memset(&times, 0, sizeof(times));
        for (unsigned i = 0; i < t[k].n; i++)
            ol_report_time(&times, t[k].v[i]);
        assert_int_equal(times.n, t[k].n);
        assert_int_equal(ol_report_median(&times), t[k].median);
        assert_int_equal(times.worst_ms, t[k].worst);
    }
}

/* Every value lands where it is told again within 1 part in 100. */
static void near_enough(void **state)
{
    (void)state;
    for (uint64_t v = 1; v < UINT64_C(1) << 41; v += v / 7 + 1) {
        static struct ol_report_times t, half;
        uint64_t m;

        memset(&t, 0, sizeof(t));
        memset(&half, 0, sizeof(half));
        ol_report_time(&t, v);
        ol_report_time(&t, 0);
        ol_report_time(&half, 2 * v);
        ol_report_merge(&t, &half); /* 0, v, 2v */
        m = ol_report_median(&t);
        assert_true(m >= v - v / 100 && m <= v + v / 100);
        assert_int_equal(t.n, 3);
        assert_int_equal(t.least_ms, 0);
        assert_int_equal(t.worst_ms, 2 * v);
    }
}

/* The period is from 100 on and before 200. */
static void ends(void **state)
{
    static const struct {
        uint64_t taken, delivered, read;
        unsigned messages, n_delivered, n_read;
    } t[] = {
        {99, 150, 160, 0, 0, 0},   {100, 100, 199, 1, 1, 1},
        {199, 200, 201, 1, 0, 0},  {200, 201, 202, 0, 0, 0},
        {150, 199, 200, 1, 1, 0},  {150, 0, 0, 1, 0, 0},
        {150, 140, 149, 1, 1, 1}, /* a clock set back: no time is known */
    };

    (void)state;
    for (size_t k = 0; k < OL_LEN(t); k++) {
        struct ol_report_message m = {.actual = true, .prec = OL_PRIORITY,
                                      .taken_ms = t[k].taken};
        const struct ol_report_cell *c = &r.cell[0][OL_PRIORITY];

        memset(&r, 0, sizeof(r));
        r.from_ms = 100;
        r.to_ms = 200;
        m.at_ms[OL_REPORT_DELIVERED] = t[k].delivered;
        m.at_ms[OL_REPORT_READ] = t[k].read;
        ol_report_take(&r, &m);
        assert_int_equal(c->messages, t[k].messages);
        assert_int_equal(c->reached[OL_REPORT_DELIVERED], t[k].n_delivered);
        assert_int_equal(c->reached[OL_REPORT_READ], t[k].n_read);
        assert_int_equal(c->times[OL_REPORT_READ].n,
                         t[k].read < t[k].taken ? 0 : t[k].n_read);
    }
}

/* Each ask is one of: answered, withdrawn, declined, understood, open. */
static void asks(void **state)
{
    static const struct {
        uint64_t answered, withdrawn, declined, understood, deadline;
        const char *is;
    } t[] = {
        {150, 0, 0, 0, 140, "answered"}, {150, 150, 150, 150, 0, "answered"},
        {200, 0, 0, 0, 200, "open"},     {200, 0, 0, 0, 199, "overdue"},
        {0, 150, 149, 0, 120, "withdrawn"}, {0, 0, 150, 149, 0, "declined"},
        {0, 0, 0, 150, 0, "understood"}, {0, 200, 200, 200, 300, "open"},
        {0, 0, 0, 0, 0, "open"},
    };

    (void)state;
    for (size_t k = 0; k < OL_LEN(t); k++) {
        struct ol_report_message m = {
            .theirs = true, .actual = true, .ask = true, .taken_ms = 110,
            .withdrawn_ms = t[k].withdrawn, .declined_ms = t[k].declined,
            .deadline_ms = t[k].deadline};
        const struct ol_report_asks *a = &r.asks[1];

        memset(&r, 0, sizeof(r));
        r.from_ms = 100;
        r.to_ms = 200;
        m.at_ms[OL_REPORT_ANSWERED] = t[k].answered;
        m.at_ms[OL_REPORT_UNDERSTOOD] = t[k].understood;
        ol_report_take(&r, &m);
        assert_int_equal(r.asks[0].asked, 0);
        assert_int_equal(a->asked, 1);
        assert_int_equal(a->answered, strcmp(t[k].is, "answered") == 0);
        assert_int_equal(a->withdrawn, strcmp(t[k].is, "withdrawn") == 0);
        assert_int_equal(a->declined, strcmp(t[k].is, "declined") == 0);
        assert_int_equal(a->understood, strcmp(t[k].is, "understood") == 0);
        assert_int_equal(a->overdue, strcmp(t[k].is, "overdue") == 0);
        assert_int_equal(a->open, strcmp(t[k].is, "open") == 0 || a->overdue);
    }
}

static void exercises(void **state)
{
    struct ol_report_message m = {.ask = true, .taken_ms = 1};

    (void)state;
    memset(&r, 0, sizeof(r));
    r.to_ms = 2;
    ol_report_take(&r, &m);
    assert_int_equal(r.not_actual[0], 1);
    assert_int_equal(r.cell[0][0].messages, 0);
    assert_int_equal(r.asks[0].asked, 0);
}

static void sums(void **state)
{
    static struct ol_report_cell all;
    struct ol_report_message m = {.actual = true, .taken_ms = 1, .sent_ms = 2,
                                  .attempts = 3};

    (void)state;
    memset(&r, 0, sizeof(r));
    memset(&all, 0, sizeof(all));
    r.to_ms = 1000;
    for (uint8_t p = 0; p < OL_PRECS; p++) {
        m.prec = p;
        m.at_ms[OL_REPORT_DELIVERED] = 11u + 10u * p;
        ol_report_take(&r, &m);
        ol_report_add_cell(&all, &r.cell[0][p]);
    }
    assert_int_equal(all.messages, 4);
    assert_int_equal(all.sent, 4);
    assert_int_equal(all.attempts, 12);
    assert_int_equal(ol_report_median(&all.times[OL_REPORT_DELIVERED]), 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(medians),   cmocka_unit_test(near_enough),
        cmocka_unit_test(ends),      cmocka_unit_test(asks),
        cmocka_unit_test(exercises), cmocka_unit_test(sums),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
