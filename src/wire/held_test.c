/* HELD: by hand, at random, what does not fit, every bound. */
#include "wire/chunk.h"

#include <openline/record.h>

#include "base/check.h"
#include "base/dice.h"
#include "base/units.h"
#include "wire/bend.h"

#define BOOT "0102030405060708"
#define NO_ROOT "0000000000000000"
#define ROOT "1112131415161718"
#define KEY "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"

static uint8_t buf[1024], bytes[1024];

static bool held_again(struct ol_span in, struct ol_writer *out)
{
    uint8_t chunk[1024];
    struct ol_held held;
    struct ol_writer w;

    if (ol_held_decode(in, &held))
        return false;
    ol_writer_init(&w, chunk, sizeof(chunk));
    assert_true(ol_held_encode(&w, &held));
    ol_write_bytes(out, OL_SPAN(chunk + 3, w.n - 3));
    return true;
}

static void the_least_by_hand(void **state)
{
    struct ol_held held = {.boot = {1, 2, 3, 4, 5, 6, 7, 8}, .serial = 9};
    struct ol_writer w;

    (void)state;
    ol_writer_init(&w, buf, sizeof(buf));
    assert_true(ol_held_encode(&w, &held));
    assert_true(ol_span_eq(ol_writer_span(&w),
                           bend_hex("05 000d" BOOT "00000009 00", bytes)));
    bend_all(OL_SPAN(buf + 3, 13), held_again);
}

/* A log that would stand for its parts alone, and they do not fit: then it is
 * one of the rest. */
static void without_its_parts_it_is_the_rest(void **state)
{
    struct ol_held held = {.serial = 9, .logs = (1u << OL_PRECS) - 1,
                           .rest = true}, back;
    struct ol_writer w;

    (void)state;
    held.log[OL_FLASH].limit = OL_WINDOW_FLASH;
    held.log[OL_IMMEDIATE].limit = OL_WINDOW_IMMEDIATE;
    held.log[OL_PRIORITY].limit = OL_WINDOW_PRIORITY;
    held.log[OL_ROUTINE].limit = OL_WINDOW_ROUTINE;
    held.log[OL_PRIORITY].n_parts = 1;
    held.log[OL_PRIORITY].parts[0].index = 2;
    held.log[OL_PRIORITY].parts[0].mask = 1;
    for (size_t room = 1; room < 80; room++) {
        ol_writer_init(&w, buf, room);
        if (!ol_held_encode(&w, &held) && w.n == 0)
            continue;
        assert_int_equal(ol_held_decode(OL_SPAN(buf + 3, w.n - 3), &back),
                         OL_OK);
        assert_true(back.rest);
        assert_int_equal(back.logs, held.logs);
        assert_int_equal(back.log[OL_PRIORITY].limit, OL_WINDOW_PRIORITY);
    }
    assert_int_equal(back.log[OL_PRIORITY].n_parts, 1);
}

static void a_full_one_by_hand(void **state)
{
    static const char hex[] =
        "05 006f" BOOT "00000009 01 00000003" KEY
        "00 00000000" NO_ROOT "00000040 00 00"
        "03 00000005" ROOT "00000805 02 01"
        "00000007 0001 0000000a ffff 00000006 8000000000000001";
    struct ol_held held = {.boot = {1, 2, 3, 4, 5, 6, 7, 8},
                           .serial = 9,
                           .has_prekey = true,
                           .prekey_id = 3,
                           .logs = 1u << OL_FLASH | 1u << OL_ROUTINE};
    struct ol_held_log *routine = &held.log[OL_ROUTINE];
    struct ol_span want = bend_hex(hex, bytes);
    struct ol_held back;
    struct ol_writer w;

    (void)state;
    for (unsigned k = 0; k < 32; k++)
        held.prekey[k] = (uint8_t)(0x20 + k);
    held.log[OL_FLASH].limit = 64;
    *routine = (struct ol_held_log){
        5, {0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18}, 2053, 2,
        {{7, 1}, {10, 65535}}, 1, {{6, UINT64_C(0x8000000000000001)}}};
    ol_writer_init(&w, buf, sizeof(buf));
    assert_true(ol_held_encode(&w, &held));
    assert_int_equal(w.n, want.n);
    assert_memory_equal(buf, want.p, want.n);
    assert_int_equal(ol_held_decode(OL_SPAN(buf + 3, w.n - 3), &back), OL_OK);
    assert_true(back.has_prekey && back.prekey_id == 3);
    assert_memory_equal(back.boot, held.boot, 8);
    assert_memory_equal(back.prekey, held.prekey, 32);
    assert_int_equal(back.logs, 9);
    assert_int_equal(back.log[OL_FLASH].limit, 64);
    assert_memory_equal(&back.log[OL_ROUTINE].root, routine->root, 8);
    assert_true(back.log[OL_ROUTINE].ranges[1].first == 10 &&
                back.log[OL_ROUTINE].ranges[1].count == 65535 &&
                back.log[OL_ROUTINE].parts[0].index == 6 &&
                back.log[OL_ROUTINE].parts[0].mask ==
                    UINT64_C(0x8000000000000001));
    bend_all(OL_SPAN(buf + 3, w.n - 3), held_again);
}

/* Behind boot and serial. */
static const struct {
    const char *rest;
    enum ol_err err;
} bounds[] = {
    {"00", OL_OK},
    {"", OL_ERR_SHORT},
    {"02", OL_OK}, /* nothing of any log */
    {"04", OL_ERR_MALFORMED},
    {"80", OL_ERR_MALFORMED},
    {"01 00000001" KEY, OL_OK},
    {"01 00000000" KEY, OL_ERR_MALFORMED},
    {"01 00000001", OL_ERR_SHORT},
    /* the log's name: known, once, ascending */
    {"00 00 00000000" NO_ROOT "00000000 00 00", OL_OK},
    {"00 03 00000000" NO_ROOT "00000000 00 00", OL_OK},
    {"00 04 00000000" NO_ROOT "00000000 00 00", OL_ERR_MALFORMED},
    {"00 00 00000000" NO_ROOT "00000000 00 00"
     "00 00000000" NO_ROOT "00000000 00 00", OL_ERR_MALFORMED},
    {"00 01 00000000" NO_ROOT "00000000 00 00"
     "00 00000000" NO_ROOT "00000000 00 00", OL_ERR_MALFORMED},
    {"00 00 00000000" NO_ROOT "00000000 00 00"
     "01 00000000" NO_ROOT "00000000 00 00", OL_OK},
    {"00 00 00000000" NO_ROOT "00000000 00", OL_ERR_SHORT},
    {"00 00", OL_ERR_SHORT},
    /* root and credit */
    {"00 00 00000000" ROOT "00000000 00 00", OL_ERR_MALFORMED},
    {"00 00 00000001" NO_ROOT "00000001 00 00", OL_OK},
    {"00 00 00000002" ROOT "00000001 00 00", OL_ERR_MALFORMED},
    {"00 00 ffffffff" ROOT "ffffffff 00 00", OL_OK},
    /* ranges: behind a gap, none empty, none that touch */
    {"00 00 00000001" ROOT "00000001 01 00 00000003 0001", OL_OK},
    {"00 00 00000001" ROOT "00000001 01 00 00000002 0001", OL_ERR_MALFORMED},
    {"00 00 00000001" ROOT "00000001 01 00 00000000 0001", OL_ERR_MALFORMED},
    {"00 00 00000001" ROOT "00000001 01 00 00000003 0000", OL_ERR_MALFORMED},
    {"00 00 00000001" ROOT "00000001 01 00 ffffffff 0001", OL_OK},
    {"00 00 00000001" ROOT "00000001 01 00 ffffffff 0002", OL_ERR_MALFORMED},
    {"00 00 00000001" ROOT "00000001 02 00 00000003 0002 00000006 0001",
     OL_OK},
    {"00 00 00000001" ROOT "00000001 02 00 00000003 0002 00000005 0001",
     OL_ERR_MALFORMED},
    {"00 00 00000001" ROOT "00000001 02 00 00000003 0002 00000004 0001",
     OL_ERR_MALFORMED},
    {"00 00 00000001" ROOT "00000001 02 00 ffffff00 0100 00000004 0001",
     OL_ERR_MALFORMED},
    {"00 00 ffffffff" ROOT "ffffffff 01 00 00000003 0001", OL_ERR_MALFORMED},
    {"00 00 00000001" ROOT "00000001 11 00", OL_ERR_MALFORMED},
    {"00 00 00000001" ROOT "00000001 01 00 00000003 00", OL_ERR_SHORT},
    /* parts: not held, ascending, not empty */
    {"00 00 00000001" ROOT "00000001 00 01 00000002 0000000000000001", OL_OK},
    {"00 00 00000001" ROOT "00000001 00 01 ffffffff ffffffffffffffff", OL_OK},
    {"00 00 00000001" ROOT "00000001 00 01 00000001 0000000000000001",
     OL_ERR_MALFORMED},
    {"00 00 00000001" ROOT "00000001 00 01 00000002 0000000000000000",
     OL_ERR_MALFORMED},
    {"00 00 00000001" ROOT "00000001 00 02 00000002 0000000000000001"
     "00000003 0000000000000001", OL_OK},
    {"00 00 00000001" ROOT "00000001 00 02 00000002 0000000000000001"
     "00000002 0000000000000001", OL_ERR_MALFORMED},
    {"00 00 00000001" ROOT "00000001 00 09", OL_ERR_MALFORMED},
    {"00 00 00000001" ROOT "00000001 00 01 00000002 00000000000000",
     OL_ERR_SHORT},
};

static void a_held_has_bounds(void **state)
{
    struct ol_held held;

    (void)state;
    for (size_t k = 0; k < OL_LEN(bounds); k++) {
        size_t n = bend_hex(BOOT "00000001", bytes).n;

        n += bend_hex(bounds[k].rest, bytes + n).n;
        if (ol_held_decode(OL_SPAN(bytes, n), &held) != bounds[k].err)
            fail_msg("held %zu", k);
        bend_one(OL_SPAN(bytes, n), held_again);
    }
    memset(bytes, 0, sizeof(bytes));
    assert_int_equal(ol_held_decode(OL_SPAN(bytes, 894), &held), OL_ERR_LONG);
}

static void random_log(struct dice *d, struct ol_held_log *log)
{
    uint64_t at;
    uint32_t step = (uint32_t)dice_edge(d, 3, UINT32_MAX / 64);

    log->upto = (uint32_t)dice_edge(d, 0, UINT32_MAX);
    if (log->upto)
        dice_fill(d, log->root, sizeof(log->root));
    log->limit = (uint32_t)dice_edge(d, log->upto, UINT32_MAX);
    at = (uint64_t)log->upto + 1;
    for (unsigned k = 0; k < OL_HELD_RANGES; k++) {
        uint64_t first = at + dice_edge(d, 1, step);
        uint16_t count = (uint16_t)dice_edge(d, 1, UINT16_MAX);

        if (first + count > UINT32_MAX || dice_u64(d) % 20 == 0)
            break;
        log->ranges[log->n_ranges].first = (uint32_t)first;
        log->ranges[log->n_ranges++].count = count;
        at = first + count;
    }
    at = log->upto;
    for (unsigned k = 0; k < OL_HELD_PARTS; k++) {
        at += dice_edge(d, 1, step);
        if (at > UINT32_MAX || dice_u64(d) % 20 == 0)
            break;
        log->parts[log->n_parts].index = (uint32_t)at;
        log->parts[log->n_parts++].mask = dice_edge(d, 1, UINT64_MAX);
    }
}

static void random_held(struct dice *d, struct ol_held *held)
{
    memset(held, 0, sizeof(*held));
    dice_fill(d, held->boot, sizeof(held->boot));
    held->serial = (uint32_t)dice_u64(d);
    held->has_prekey = dice_u64(d) & 1;
    if (held->has_prekey) {
        held->prekey_id = (uint32_t)dice_edge(d, 1, UINT32_MAX);
        dice_fill(d, held->prekey, sizeof(held->prekey));
    }
    held->logs = (uint8_t)dice_edge(d, 0, 15);
    for (unsigned p = 0; p < OL_PRECS; p++) {
        if (held->logs >> p & 1)
            random_log(d, &held->log[p]);
    }
}

static void they_go_round(void **state)
{
    struct dice d = dice_init(41);

    (void)state;
    for (unsigned round = 0; round < dice_rounds(2000); round++) {
        struct ol_held x, back;
        struct ol_writer w;

        random_held(&d, &x);
        ol_writer_init(&w, buf, sizeof(buf));
        assert_true(ol_held_encode(&w, &x));
        memset(&back, 0xaa, sizeof(back));
        assert_int_equal(ol_held_decode(OL_SPAN(buf + 3, w.n - 3), &back),
                         OL_OK);
        /* Padding too: both sides start from zeros. */
        assert_memory_equal(&back, &x, sizeof(x));
        if (round < 25)
            bend_all(OL_SPAN(buf + 3, w.n - 3), held_again);
    }
}

/* Is b what a begins with: same logs, and of each the first so many. */
static void assert_begins(const struct ol_held *a, const struct ol_held *b)
{
    bool ended = false; /* once something is missing, all later is */

    assert_int_equal(a->logs, b->logs);
    for (unsigned p = 0; p < OL_PRECS; p++) {
        const struct ol_held_log *x = &a->log[p], *y = &b->log[p];

        assert_true(x->upto == y->upto && x->limit == y->limit);
        assert_true(y->n_ranges <= x->n_ranges && y->n_parts <= x->n_parts);
        assert_true(!ended || y->n_ranges == 0);
        ended = ended || y->n_ranges < x->n_ranges;
        assert_true(!ended || y->n_parts == 0);
        ended = ended || y->n_parts < x->n_parts;
        assert_memory_equal(x->ranges, y->ranges,
                            y->n_ranges * sizeof(x->ranges[0]));
        assert_memory_equal(x->parts, y->parts,
                            y->n_parts * sizeof(x->parts[0]));
    }
}

static void what_does_not_fit_is_left_out(void **state)
{
    struct dice d = dice_init(42);

    (void)state;
    for (unsigned round = 0; round < dice_rounds(40); round++) {
        struct ol_held x, back;
        struct ol_writer w;
        size_t whole, least;

        random_held(&d, &x);
        ol_writer_init(&w, buf, sizeof(buf));
        assert_true(ol_held_encode(&w, &x));
        whole = w.n;
        least = 16 + (x.has_prekey ? 36 : 0) +
                19 * (size_t)__builtin_popcount(x.logs);
        for (size_t cap = 0; cap <= whole; cap++) {
            ol_writer_init(&w, buf, cap);
            assert_int_equal(ol_held_encode(&w, &x), cap == whole);
            assert_false(w.failed);
            if (cap < least) {
                assert_int_equal(w.n, 0);
                continue;
            }
            /* Not one more would have fitted. */
            assert_true(cap == whole || cap - w.n < 12);
            assert_int_equal(ol_held_decode(OL_SPAN(buf + 3, w.n - 3), &back),
                             OL_OK);
            assert_begins(&x, &back);
        }
    }
}

static void all_four_logs_fit_the_least_frame(void **state)
{
    struct ol_held held = {.has_prekey = true, .prekey_id = 1, .logs = 15};
    struct ol_writer w;

    (void)state;
    ol_writer_init(&w, buf, OL_FRAME_MIN - OL_FRAME_OVER);
    assert_true(ol_held_encode(&w, &held));
    assert_int_equal(w.n, 128);
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
    static const struct ol_held bad[] = {
        {.logs = 16},
        {.has_prekey = true},
        {.logs = 1, .log = {{.upto = 2, .limit = 1}}},
        {.logs = 1, .log = {{.root = {1}}}},
        {.logs = 1, .log = {{.n_ranges = 17}}},
        {.logs = 1, .log = {{.n_parts = 9}}},
        {.logs = 1, .log = {{.n_ranges = 1, .ranges = {{1, 1}}}}},
        {.logs = 1, .log = {{.n_parts = 1, .parts = {{1, 0}}}}},
    };

    (void)state;
    for (volatile size_t k = 0; k < OL_LEN(bad); k++) {
        struct ol_writer w;

        ol_writer_init(&w, buf, sizeof(buf));
        ol_check_hook = catch;
        if (setjmp(caught) == 0) {
            (void)ol_held_encode(&w, &bad[k]);
            fail_msg("held %zu", k);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_by_hand),
        cmocka_unit_test(a_full_one_by_hand),
        cmocka_unit_test(without_its_parts_it_is_the_rest),
        cmocka_unit_test(a_held_has_bounds),
        cmocka_unit_test(they_go_round),
        cmocka_unit_test(what_does_not_fit_is_left_out),
        cmocka_unit_test(all_four_logs_fit_the_least_frame),
        cmocka_unit_test(what_decode_refuses_is_our_own_bug),
    };

    return cmocka_run_group_tests_name("held", tests, NULL, NULL);
}
