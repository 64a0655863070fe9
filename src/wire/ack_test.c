/* ACK: by hand, from windows, what does not fit, every bound. */
#include "wire/chunk.h"

#include "base/check.h"
#include "base/dice.h"
#include "base/units.h"
#include "base/window.h"
#include "wire/bend.h"

static uint8_t buf[512], bytes[512];

static bool ack_again(struct ol_span in, struct ol_writer *out)
{
    uint8_t chunk[512];
    struct ol_ack ack;
    struct ol_writer w;

    if (ol_ack_decode(in, &ack))
        return false;
    ol_writer_init(&w, chunk, sizeof(chunk));
    assert_true(ol_ack_encode(&w, &ack));
    ol_write_bytes(out, OL_SPAN(chunk + 3, w.n - 3));
    return true;
}

static void an_ack_by_hand(void **state)
{
    /* 1000..998, 995, 993..983 of index 7, the newest 25.6 ms ago. */
    static const char hex[] = "04 0015 00000007 000003e8 0100 02 0002"
                              "0001 0000  0000 000a";
    struct ol_ack ack = {7, 1000, 256, 3,
                         {{1000, 998}, {995, 995}, {993, 983}}};
    struct ol_span want = bend_hex(hex, bytes);
    struct ol_ack back;
    struct ol_writer w;

    (void)state;
    ol_writer_init(&w, buf, sizeof(buf));
    assert_true(ol_ack_encode(&w, &ack));
    assert_true(ol_span_eq(ol_writer_span(&w), want));
    assert_int_equal(ol_ack_decode(OL_SPAN(buf + 3, w.n - 3), &back), OL_OK);
    assert_int_equal(back.index, 7);
    assert_int_equal(back.high, 1000);
    assert_int_equal(back.delay_100us, 256);
    assert_int_equal(back.count, 3);
    assert_memory_equal(back.v, ack.v, 3 * sizeof(ack.v[0]));
    bend_all(OL_SPAN(buf + 3, w.n - 3), ack_again);
}

static void an_ack_has_bounds(void **state)
{
    static const struct {
        const char *body;
        enum ol_err err;
    } v[] = {
        {"00000000 00000000 0000 00 0000", OL_OK},
        {"00000000 00000000 0000 00 0001", OL_ERR_MALFORMED}, /* below 0 */
        {"00000000 00000005 0000 00 0005", OL_OK},
        {"00000000 00000005 0000 00 0006", OL_ERR_MALFORMED},
        {"00000000 ffffffff 0000 00 0fff", OL_OK}, /* the whole window */
        {"00000000 ffffffff 0000 00 1000", OL_ERR_MALFORMED},
        {"00000000 00000002 0000 01 0000 0000 0000", OL_OK},
        {"00000000 00000001 0000 01 0000 0000 0000", OL_ERR_MALFORMED},
        {"00000000 00000002 0000 01 0000 0001 0000", OL_ERR_MALFORMED},
        {"00000000 00000002 0000 01 0000 0000 0001", OL_ERR_MALFORMED},
        {"00000000 ffffffff 0000 01 0000 0ffd 0000", OL_OK},
        {"00000000 ffffffff 0000 01 0000 0ffe 0000", OL_ERR_MALFORMED},
        {"00000000 ffffffff 0000 01 0000 0ffd 0001", OL_ERR_MALFORMED},
        {"00000000 ffffffff 0000 01 0000 ffff ffff", OL_ERR_MALFORMED},
        {"00000000 ffffffff 0000 01 0000", OL_ERR_SHORT},
        {"00000000 ffffffff 0000 01 0000 0000", OL_ERR_SHORT},
        {"00000000 ffffffff 0000 00 0000 0000 0000", OL_ERR_LONG},
        {"00000000 ffffffff 0000 20 0000", OL_ERR_MALFORMED},
        {"00000000 ffffffff 0000 ff 0000", OL_ERR_MALFORMED},
        {"00000000 ffffffff 0000 00 00", OL_ERR_SHORT},
    };
    struct ol_ack ack;

    (void)state;
    for (size_t k = 0; k < OL_LEN(v); k++) {
        struct ol_span x = bend_hex(v[k].body, bytes);

        if (ol_ack_decode(x, &ack) != v[k].err)
            fail_msg("ack %zu", k);
        bend_one(x, ack_again);
    }
}

/* What a window holds, as the sender of an ack takes it. */
static struct ol_ack ack_of(const struct ol_window *w)
{
    struct ol_ack ack = {.index = 9, .high = w->high};
    uint32_t from = w->high;

    while (ack.count < OL_ACK_RANGES &&
           ol_window_run(w, from, &ack.v[ack.count].hi,
                         &ack.v[ack.count].lo)) {
        from = ack.v[ack.count++].lo;
        if (from-- == 0)
            break;
    }
    return ack;
}

static void random_window(struct dice *d, struct ol_window *w)
{
    uint32_t at = (uint32_t)dice_edge(d, 0, UINT32_MAX);
    unsigned loss = (unsigned)dice_in(d, 1, 300);

    ol_window_init(w);
    for (unsigned k = 0; k < 5000 && at < UINT32_MAX; k++) {
        if (dice_u64(d) % loss)
            ol_window_mark(w, at);
        at += dice_u64(d) % 1000 ? 1 : (uint32_t)dice_in(d, 0, 3000);
        if (w->any && at <= w->high)
            break;
    }
    if (!w->any)
        ol_window_mark(w, at);
}

static void windows_go_round(void **state)
{
    struct dice d = dice_init(31);

    (void)state;
    for (unsigned round = 0; round < dice_rounds(300); round++) {
        struct ol_window window;
        struct ol_ack x, back = {0};
        struct ol_writer w;

        random_window(&d, &window);
        x = ack_of(&window);
        ol_writer_init(&w, buf, sizeof(buf));
        assert_true(ol_ack_encode(&w, &x));
        assert_int_equal(w.n, 3 + 13 + 4 * (x.count - 1));
        assert_int_equal(ol_ack_decode(OL_SPAN(buf + 3, w.n - 3), &back),
                         OL_OK);
        assert_int_equal(back.count, x.count);
        assert_memory_equal(back.v, x.v, x.count * sizeof(x.v[0]));
        for (unsigned k = 0; k < back.count; k++) {
            for (uint64_t c = back.v[k].lo; c <= back.v[k].hi; c++)
                assert_true(ol_window_has(&window, (uint32_t)c));
        }
        if (round < 10)
            bend_all(OL_SPAN(buf + 3, w.n - 3), ack_again);
    }
}

/* With less room the lowest runs stay away, and nothing else changes. */
static void what_does_not_fit_is_left_out(void **state)
{
    struct ol_ack ack = {1, 4000, 2, OL_ACK_RANGES, {{0, 0}}}, back;

    (void)state;
    for (uint32_t k = 0; k < OL_ACK_RANGES; k++) {
        ack.v[k].hi = 4000 - 10 * k;
        ack.v[k].lo = ack.v[k].hi - k % 5;
    }
    for (size_t cap = 0; cap <= 200; cap++) {
        unsigned want = cap < 16 ? 0 : 1 + (unsigned)((cap - 16) / 4);
        struct ol_writer w;

        want = OL_MIN(want, OL_ACK_RANGES);
        ol_writer_init(&w, buf, cap);
        assert_int_equal(ol_ack_encode(&w, &ack), want > 0);
        assert_false(w.failed);
        if (want == 0) {
            assert_int_equal(w.n, 0);
            continue;
        }
        assert_int_equal(ol_ack_decode(OL_SPAN(buf + 3, w.n - 3), &back),
                         OL_OK);
        assert_int_equal(back.count, want);
        assert_memory_equal(back.v, ack.v, want * sizeof(ack.v[0]));
    }
}

static jmp_buf caught;

static void catch(const char *expr, const char *file, int line)
{
    (void)expr;
    (void)file;
    (void)line;
    longjmp(caught, 1);
}

static void what_decode_refuses_is_our_own_bug(void **state)
{
    static const struct ol_ack bad[] = {
        {0, 10, 0, 0, {{10, 10}}},
        {0, 10, 0, 33, {{10, 10}}},
        {0, 10, 0, 1, {{9, 9}}},
        {0, 10, 0, 1, {{10, 11}}},
        {0, 10, 0, 2, {{10, 9}, {8, 8}}},
        {0, 10, 0, 2, {{10, 9}, {9, 9}}},
        {0, 10, 0, 2, {{10, 0}, {9, 9}}},
        {0, 5000, 0, 1, {{5000, 904}}},
    };

    (void)state;
    for (volatile size_t k = 0; k < OL_LEN(bad); k++) {
        struct ol_writer w;

        ol_writer_init(&w, buf, sizeof(buf));
        ol_check_hook = catch;
        if (setjmp(caught) == 0) {
            (void)ol_ack_encode(&w, &bad[k]);
            fail_msg("ack %zu", k);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ack_by_hand),
        cmocka_unit_test(an_ack_has_bounds),
        cmocka_unit_test(windows_go_round),
        cmocka_unit_test(what_does_not_fit_is_left_out),
        cmocka_unit_test(what_decode_refuses_is_our_own_bug),
    };

    return cmocka_run_group_tests_name("ack", tests, NULL, NULL);
}
