/* Rows of quality: shares, folding, and documents that come back. */
#include "station/quality.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct ol_quality_row minute(uint64_t at_ms, const char *name,
                                    enum ol_chan_state state, double rtt)
{
    struct ol_quality_row row = {.at_ms = at_ms, .ms = 60000};
    struct ol_quality *q = ol_quality_channel(&row, name);

    row.line_ms[state == OL_CHAN_UP ? OL_LINE_LAST_CHANNEL : OL_LINE_DARK] =
        60000;
    q->state_ms[state] = 60000;
    q->sent = 3;
    q->acked = state == OL_CHAN_UP ? 3 : 0;
    q->lost = state == OL_CHAN_UP ? 0 : 1;
    ol_quality_rtt(q, rtt);
    return row;
}

static void medians(void **state)
{
    struct ol_quality q = {.n_rtt = 0};

    (void)state;
    assert_true(ol_quality_median(&q) <= 0);
    ol_quality_rtt(&q, 0); /* not measured */
    assert_int_equal(q.n_rtt, 0);
    ol_quality_rtt(&q, 30);
    assert_float_equal(ol_quality_median(&q), 30, 1e-9);
    ol_quality_rtt(&q, 10);
    assert_float_equal(ol_quality_median(&q), 20, 1e-9);
    ol_quality_rtt(&q, 11);
    assert_float_equal(ol_quality_median(&q), 11, 1e-9);
    assert_float_equal(q.min_ms, 10, 1e-9);
    assert_float_equal(q.max_ms, 30, 1e-9);
    for (unsigned k = 0; k < 2 * OL_QUALITY_RTTS; k++)
        ol_quality_rtt(&q, 500 + k);
    assert_int_equal(q.n_rtt, OL_QUALITY_RTTS);
    assert_float_equal(q.max_ms, 500 + 2 * OL_QUALITY_RTTS - 1, 1e-9);
}

/* 59 good minutes of 10 ms and a dark one: the hour says both. */
static void an_hour(void **state)
{
    static struct ol_quality_row hour;
    struct ol_quality *q;
    struct ol_share s;

    (void)state;
    memset(&hour, 0, sizeof(hour));
    for (unsigned k = 0; k < 60; k++) {
        struct ol_quality_row row =
            minute(1000 + k * 60000, "cable",
                   k == 30 ? OL_CHAN_DOWN : OL_CHAN_UP, k == 30 ? 0 : 10 + k);
        ol_quality_fold(&hour, &row);
    }
    assert_int_equal(hour.at_ms, 1000);
    assert_int_equal(hour.ms, 3600000);
    assert_int_equal(hour.n, 1);
    q = ol_quality_channel(&hour, "cable");
    s = ol_quality_channel_share(q);
    assert_int_equal(s.ms, 59 * 60000);
    assert_int_equal(s.of_ms, 3600000);
    s = ol_quality_line_share(&hour);
    assert_int_equal(s.ms, 59 * 60000);
    assert_int_equal(q->sent, 180);
    assert_int_equal(q->acked, 177);
    assert_int_equal(q->lost, 1);
    assert_float_equal(q->min_ms, 10, 1e-9);
    assert_float_equal(q->max_ms, 69, 1e-9);
    assert_float_equal(ol_quality_median(q), 39, 1.1);
}

/* The officer's switch and a pouch are nobody's failure; what was never
 * measured is not known. */
static void what_counts(void **state)
{
    struct ol_quality_row row = {.ms = 100};
    struct ol_quality *q = ol_quality_channel(&row, "radio");
    json_t *none;

    (void)state;
    q->state_ms[OL_CHAN_DISABLED] = 60;
    assert_int_equal(ol_quality_channel_share(q).of_ms, 0);
    none = ol_quality_share_json(ol_quality_channel_share(q));
    assert_true(json_is_null(none));
    json_decref(none);
    q->state_ms[OL_CHAN_DOUBTFUL] = 10;
    q->state_ms[OL_CHAN_ONE_WAY] = 30;
    assert_int_equal(ol_quality_channel_share(q).ms, 10);
    assert_int_equal(ol_quality_channel_share(q).of_ms, 40);
    assert_int_equal(ol_quality_line_share(&row).of_ms, 0);
}

/* A millisecond in a year is not rounded away. */
static void never_whole(void **state)
{
    json_t *v = ol_quality_share_json(
        (struct ol_share){UINT64_C(31536000000) - 1, UINT64_C(31536000000)});

    (void)state;
    assert_true(json_real_value(v) < 1);
    json_decref(v);
}

static void there_and_back(void **state)
{
    static struct ol_quality_row row, back;
    json_t *doc;

    (void)state;
    row = minute(5, "cable", OL_CHAN_UP, 20.125);
    (void)ol_quality_channel(&row, "pouch");
    row.ch[1].state_ms[OL_CHAN_IDLE] = 60000;
    doc = ol_quality_pack(&row);
    assert_non_null(doc);
    assert_true(ol_quality_unpack(doc, &back));
    back.at_ms = row.at_ms;
    assert_memory_equal(&row, &back, sizeof(row));
    json_decref(doc);
}

static void too_much(void **state)
{
    static struct ol_quality_row row, back;
    json_t *doc;
    char name[17];

    (void)state;
    memset(&row, 0, sizeof(row));
    for (unsigned k = 0; k <= OL_QUALITY_CHANNELS; k++) {
        struct ol_quality *q;
        snprintf(name, sizeof(name), "channel-name-%u", k + 10);
        q = ol_quality_channel(&row, name);
        if (k == OL_QUALITY_CHANNELS) {
            assert_null(q);
            break;
        }
        for (unsigned s = 0; s < OL_CHAN_STATES; s++)
            q->state_ms[s] = UINT64_C(31622400000) / (k + 1);
        q->sent = q->received = q->acked = q->lost = UINT32_MAX;
        ol_quality_rtt(q, 123456.789);
    }
    doc = ol_quality_pack(&row);
    assert_non_null(doc);
    assert_true(json_dumpb(doc, NULL, 0, JSON_COMPACT) <= OL_QUALITY_BYTES);
    assert_true(ol_quality_unpack(doc, &back));
    assert_in_range(back.n, 8, OL_QUALITY_CHANNELS - 1);
    /* Those that were measured most are still there. */
    assert_string_equal(back.ch[0].name, "channel-name-10");
    json_decref(doc);
}

static void no_row(void **state)
{
    static const char *const bad[] = {
        "[]", "{}", "1", "{\"line\":{},\"channels\":[]}",
        "{\"ms\":-1,\"line\":{},\"channels\":{}}",
        "{\"ms\":\"1\",\"line\":{},\"channels\":{}}",
        "{\"line\":{\"open\":1.5},\"channels\":{}}",
        "{\"line\":{},\"channels\":{\"x\":3}}",
        "{\"line\":{},\"channels\":{\"x\":{\"up\":-3}}}",
        "{\"line\":{},\"channels\":{\"x\":{\"rtt_us\":[1,2]}}}",
        "{\"line\":{},\"channels\":{\"x\":{\"rtt_us\":[1,2,-3]}}}",
        "{\"line\":{},\"channels\":{\"seventeen-letters\":{}}}",
    };
    static struct ol_quality_row row;

    (void)state;
    for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
        json_t *doc = json_loads(bad[k], JSON_DECODE_ANY, NULL);
        assert_non_null(doc);
        assert_false(ol_quality_unpack(doc, &row));
        json_decref(doc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(medians),     cmocka_unit_test(an_hour),
        cmocka_unit_test(what_counts), cmocka_unit_test(never_whole),
        cmocka_unit_test(there_and_back), cmocka_unit_test(too_much),
        cmocka_unit_test(no_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
