/* CBOR: the examples of RFC 8949 A that are ours, and all that is not. */
#include "wire/cbor.h"

#include "base/dice.h"
#include "base/units.h"
#include "wire/bend.h"

static uint8_t buf[4096], bytes[4096];

static void unsigned_integers(void **state)
{
    static const struct {
        uint64_t v;
        const char *hex;
    } v[] = {
        {0, "00"},
        {1, "01"},
        {10, "0a"},
        {23, "17"},
        {24, "18 18"},
        {25, "18 19"},
        {100, "18 64"},
        {255, "18 ff"},
        {256, "19 0100"},
        {1000, "19 03e8"},
        {65535, "19 ffff"},
        {65536, "1a 00010000"},
        {1000000, "1a 000f4240"},
        {UINT32_MAX, "1a ffffffff"},
        {UINT32_MAX + UINT64_C(1), "1b 0000000100000000"},
        {UINT64_C(1000000000000), "1b 000000e8d4a51000"},
        {UINT64_MAX, "1b ffffffffffffffff"},
    };

    (void)state;
    for (size_t k = 0; k < OL_LEN(v); k++) {
        struct ol_span want = bend_hex(v[k].hex, bytes);
        struct ol_writer w;
        struct ol_cbor c;

        ol_writer_init(&w, buf, want.n);
        ol_cbor_put_uint(&w, v[k].v);
        assert_true(!w.failed && ol_span_eq(ol_writer_span(&w), want));
        ol_cbor_init(&c, want);
        assert_true(ol_cbor_uint(&c, v[k].v) == v[k].v);
        assert_true(ol_cbor_done(&c));
        if (v[k].v > 0) { /* one above the maximum */
            ol_cbor_init(&c, want);
            assert_true(ol_cbor_uint(&c, v[k].v - 1) == 0);
            assert_true(ol_cbor_failed(&c));
        }
        for (size_t n = 0; n < want.n; n++) {
            ol_cbor_init(&c, OL_SPAN(bytes, n));
            assert_true(ol_cbor_uint(&c, UINT64_MAX) == 0);
            assert_true(ol_cbor_failed(&c));
            ol_writer_init(&w, buf, n);
            ol_cbor_put_uint(&w, v[k].v);
            assert_true(w.failed);
        }
    }
}

/* What each call makes of an item: true if it takes it whole. */
static bool takes(unsigned call, struct ol_span item)
{
    struct ol_cbor c;

    ol_cbor_init(&c, item);
    switch (call) {
    case 0:
        ol_cbor_uint(&c, UINT64_MAX);
        break;
    case 1:
        ol_cbor_bool(&c);
        break;
    case 2:
        ol_cbor_bytes(&c, SIZE_MAX);
        break;
    case 3:
        ol_cbor_text(&c, SIZE_MAX);
        break;
    case 4:
        ol_cbor_array(&c, UINT32_MAX);
        break;
    default:
        ol_cbor_map(&c, UINT32_MAX);
        break;
    }
    return ol_cbor_done(&c);
}

static void every_item_has_one_caller(void **state)
{
    static const struct {
        const char *hex;
        int call; /* -1: none takes it */
    } v[] = {
        {"00", 0},
        {"f4", 1},
        {"f5", 1},
        {"40", 2},
        {"44 01020304", 2},
        {"60", 3},
        {"62 c3bc", 3},
        {"64 f0908591", 3},
        {"80", 4},
        {"98 19", 4},
        {"a0", 5},
        {"b8 18", 5},
        {"9a ffffffff", 4},
        {"ba ffffffff", 5},
        {"1800", -1}, /* heads that could be shorter */
        {"1817", -1},
        {"1900ff", -1},
        {"1a0000ffff", -1},
        {"1b00000000ffffffff", -1},
        {"5800", -1},
        {"780161", -1},
        {"9817", -1},
        {"b800", -1},
        {"1c", -1}, /* reserved */
        {"1d", -1},
        {"1e", -1},
        {"1f", -1},
        {"5f4100ff", -1}, /* indefinite */
        {"7f6161ff", -1},
        {"9fff", -1},
        {"bfff", -1},
        {"ff", -1},
        {"20", -1}, /* negative */
        {"3903e7", -1},
        {"c074323031332d30332d32315432303a30343a30305a", -1}, /* tagged */
        {"d74401020304", -1},
        {"f6", -1}, /* null, undefined, simple, floats */
        {"f7", -1},
        {"f0", -1},
        {"f8ff", -1},
        {"f815", -1},
        {"f93c00", -1},
        {"fa47c35000", -1},
        {"fb3ff199999999999a", -1},
        {"61ff", -1}, /* not UTF-8 */
        {"6100", -1}, /* NUL */
        {"63eda080", -1},
        {"62c3", -1}, /* cut */
        {"5affffffff00", -1},
        {"5bffffffffffffffff00", -1},
        {"7bffffffffffffffff61", -1},
        {"9bffffffffffffffff", -1},
        {"9b0000000100000000", -1}, /* above 32 bits */
        {"", -1},
    };

    (void)state;
    for (size_t k = 0; k < OL_LEN(v); k++) {
        struct ol_span item = bend_hex(v[k].hex, bytes);

        for (unsigned call = 0; call < 6; call++) {
            if (takes(call, item) != ((int)call == v[k].call))
                fail_msg("item %zu, call %u", k, call);
        }
    }
}

static void strings_and_counts_keep_their_maximum(void **state)
{
    struct ol_cbor c;
    struct ol_span s;

    (void)state;
    ol_cbor_init(&c, bend_hex("43 010203 63 616263 83 a2", bytes));
    s = ol_cbor_bytes(&c, 3);
    assert_true(s.n == 3 && s.p == bytes + 1); /* borrowed */
    s = ol_cbor_text(&c, 3);
    assert_true(s.n == 3 && s.p == bytes + 5);
    assert_int_equal(ol_cbor_array(&c, 3), 3);
    assert_int_equal(ol_cbor_map(&c, 2), 2);
    assert_true(ol_cbor_done(&c));

    ol_cbor_init(&c, bend_hex("43 010203", bytes));
    assert_int_equal(ol_cbor_bytes(&c, 2).n, 0);
    assert_true(ol_cbor_failed(&c));
    ol_cbor_init(&c, bend_hex("63 616263", bytes));
    assert_int_equal(ol_cbor_text(&c, 2).n, 0);
    assert_true(ol_cbor_failed(&c));
    ol_cbor_init(&c, bend_hex("61 ff", bytes));
    assert_int_equal(ol_cbor_text(&c, 1).n, 0);
    assert_true(ol_cbor_failed(&c));
    ol_cbor_init(&c, bend_hex("83 00 00 00", bytes));
    assert_int_equal(ol_cbor_array(&c, 2), 0);
    assert_true(ol_cbor_failed(&c));
    ol_cbor_init(&c, bend_hex("a2 00 00 01 00", bytes));
    assert_int_equal(ol_cbor_map(&c, 1), 0);
    assert_true(ol_cbor_failed(&c));
}

static void failure_stays(void **state)
{
    struct ol_cbor c;

    (void)state;
    ol_cbor_init(&c, bend_hex("f6 01 f5 41ff 6161 81 a1", bytes));
    assert_false(ol_cbor_bool(&c));
    assert_true(ol_cbor_failed(&c));
    assert_true(ol_cbor_uint(&c, UINT64_MAX) == 0);
    assert_false(ol_cbor_bool(&c));
    assert_int_equal(ol_cbor_bytes(&c, 9).n, 0);
    assert_int_equal(ol_cbor_text(&c, 9).n, 0);
    assert_int_equal(ol_cbor_array(&c, 9), 0);
    assert_int_equal(ol_cbor_map(&c, 9), 0);
    assert_false(ol_cbor_done(&c));

    ol_cbor_init(&c, bend_hex("01", bytes));
    ol_cbor_fail(&c);
    assert_true(ol_cbor_failed(&c));
    assert_true(ol_cbor_uint(&c, 9) == 0);
    assert_false(ol_cbor_done(&c));
}

/* A random run of items, written and asked for in the same order. */
static void runs_go_round(void **state)
{
    static const uint8_t letters[] = "abcdefghijklmnopqrstuvwxyz";
    struct dice d = dice_init(51);

    (void)state;
    for (unsigned round = 0; round < dice_rounds(500); round++) {
        struct {
            unsigned call;
            uint64_t v;
        } item[20];
        struct ol_writer w;
        struct ol_cbor c;

        ol_writer_init(&w, buf, sizeof(buf));
        for (size_t k = 0; k < OL_LEN(item); k++) {
            uint64_t v = dice_u64(&d) >> dice_in(&d, 0, 63);
            unsigned call = (unsigned)dice_in(&d, 0, 5);

            v = call == 0   ? v
                : call == 1 ? v & 1
                : call < 4  ? v % 27
                            : v & UINT32_MAX;
            item[k].call = call;
            item[k].v = v;
            if (call == 0)
                ol_cbor_put_uint(&w, v);
            else if (call == 1)
                ol_cbor_put_bool(&w, v);
            else if (call == 2)
                ol_cbor_put_bytes(&w, OL_SPAN(letters, v));
            else if (call == 3)
                ol_cbor_put_text(&w, OL_SPAN(letters, v));
            else if (call == 4)
                ol_cbor_put_array(&w, (uint32_t)v);
            else
                ol_cbor_put_map(&w, (uint32_t)v);
        }
        assert_false(w.failed);
        ol_cbor_init(&c, ol_writer_span(&w));
        for (size_t k = 0; k < OL_LEN(item); k++) {
            unsigned call = item[k].call;
            uint64_t v = item[k].v;

            assert_true(call == 0   ? ol_cbor_uint(&c, v) == v
                        : call == 1 ? ol_cbor_bool(&c) == v
                        : call == 2 ? ol_cbor_bytes(&c, v).n == v
                        : call == 3 ? ol_cbor_text(&c, v).n == v
                        : call == 4 ? ol_cbor_array(&c, (uint32_t)v) == v
                                    : ol_cbor_map(&c, (uint32_t)v) == v);
            assert_false(ol_cbor_failed(&c));
        }
        assert_true(ol_cbor_done(&c));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unsigned_integers),
        cmocka_unit_test(every_item_has_one_caller),
        cmocka_unit_test(strings_and_counts_keep_their_maximum),
        cmocka_unit_test(failure_stays),
        cmocka_unit_test(runs_go_round),
    };

    return cmocka_run_group_tests_name("cbor", tests, NULL, NULL);
}
