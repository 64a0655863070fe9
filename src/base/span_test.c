/*
 * Spans, reader and writer: big-endian vectors, sticky failure at every
 * length, and UTF-8 against a second decoder that computes code points.
 */
#include <openline/span.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/dice.h"
#include "base/units.h"

static void strings_become_spans(void **state)
{
    (void)state;
    assert_int_equal(ol_span_str(NULL).n, 0);
    assert_int_equal(ol_span_str("").n, 0);
    assert_int_equal(ol_span_str("abc").n, 3);
    assert_true(ol_span_eq(ol_span_str("abc"), OL_SPAN("abcd", 3)));
    assert_false(ol_span_eq(ol_span_str("abc"), ol_span_str("abcd")));
    assert_false(ol_span_eq(ol_span_str("abc"), ol_span_str("abd")));
    assert_true(ol_span_eq(OL_SPAN(NULL, 0), ol_span_str("")));
}

static void numbers_are_big_endian(void **state)
{
    static const uint8_t want[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab,
                                   0xcd, 0xfe, 0xdc, 0xba, 0x98, 0x76,
                                   0x54, 0x32, 0x10, 0x61, 0x62};
    uint8_t buf[sizeof(want)];
    char copy[3] = "??";
    struct ol_span one;
    struct ol_writer w;
    struct ol_reader r;

    (void)state;
    ol_writer_init(&w, buf, sizeof(buf));
    ol_write_u8(&w, 0x01);
    ol_write_u16(&w, 0x2345);
    ol_write_u32(&w, 0x6789abcd);
    ol_write_u64(&w, UINT64_C(0xfedcba9876543210));
    ol_write_bytes(&w, ol_span_str("a"));
    ol_write_bytes(&w, ol_span_str("b"));
    assert_false(w.failed);
    assert_true(ol_span_eq(ol_writer_span(&w), OL_SPAN_ARRAY(want)));

    ol_reader_init(&r, OL_SPAN_ARRAY(want));
    assert_int_equal(ol_read_u8(&r), 0x01);
    assert_int_equal(ol_read_u16(&r), 0x2345);
    assert_int_equal(ol_read_u32(&r), 0x6789abcd);
    assert_true(ol_read_u64(&r) == UINT64_C(0xfedcba9876543210));
    assert_false(ol_reader_done(&r));
    one = ol_read_bytes(&r, 1);
    assert_true(one.n == 1 && one.p == want + 15);
    ol_read_copy(&r, copy, 1);
    assert_string_equal(copy, "b?");
    assert_true(ol_reader_done(&r));
}

static void a_failed_reader_yields_nothing(void **state)
{
    static const uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct ol_reader r;
    uint8_t copy[4];

    (void)state;
    for (size_t n = 0; n < 8; n++) {
        ol_reader_init(&r, OL_SPAN(bytes, n));
        assert_int_equal(ol_read_u64(&r), 0);
        assert_true(r.failed);
        assert_false(ol_reader_done(&r));
        /* What would have fitted does not come after a failure either. */
        assert_int_equal(r.n, 0);
        assert_int_equal(ol_read_u8(&r), 0);
        assert_int_equal(ol_read_bytes(&r, 1).n, 0);
        assert_int_equal(ol_read_bytes(&r, 0).n, 0);
        memset(copy, 0xaa, sizeof(copy));
        ol_read_copy(&r, copy, sizeof(copy));
        assert_memory_equal(copy, "\0\0\0\0", 4);
    }
    ol_reader_init(&r, OL_SPAN_ARRAY(bytes));
    assert_int_equal(ol_read_bytes(&r, SIZE_MAX).n, 0);
    assert_true(r.failed);
}

static void nothing_reads_as_nothing(void **state)
{
    struct ol_reader r;

    (void)state;
    ol_reader_init(&r, OL_SPAN(NULL, 0));
    assert_true(ol_reader_done(&r));
    assert_int_equal(ol_read_bytes(&r, 0).n, 0);
    ol_read_copy(&r, NULL, 0);
    assert_true(ol_reader_done(&r));
    assert_int_equal(ol_read_u8(&r), 0);
    assert_true(r.failed);
}

static void a_failed_writer_stays_as_it_is(void **state)
{
    uint8_t buf[8];
    struct ol_writer w;

    (void)state;
    for (size_t cap = 0; cap < 8; cap++) {
        memset(buf, 0xaa, sizeof(buf));
        ol_writer_init(&w, buf, cap);
        ol_write_u64(&w, 0);
        assert_true(w.failed);
        ol_write_u8(&w, 1);
        ol_write_bytes(&w, ol_span_str("x"));
        assert_null(ol_write_hole(&w, 1));
        assert_int_equal(ol_writer_span(&w).n, 0);
        assert_memory_equal(buf, "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa", 8);
    }
    ol_writer_init(&w, buf, 8);
    ol_write_u8(&w, 7);
    assert_null(ol_write_hole(&w, SIZE_MAX));
    assert_true(w.failed);
    assert_int_equal(w.n, 1);
}

static void holes_are_filled_later(void **state)
{
    uint8_t buf[4];
    struct ol_writer w;
    uint8_t *hole;

    (void)state;
    ol_writer_init(&w, buf, sizeof(buf));
    hole = ol_write_hole(&w, 2);
    ol_write_u16(&w, 0x0304);
    assert_ptr_equal(hole, buf);
    memcpy(hole, "\x01\x02", 2);
    assert_memory_equal(buf, "\x01\x02\x03\x04", 4);
    ol_write_bytes(&w, OL_SPAN(NULL, 0));
    assert_false(w.failed);
}

static void utf8_edges(void **state)
{
    static const struct {
        const char *bytes;
        bool ok;
    } v[] = {
        {"", true},
        {"plain", true},
        {"\x7f", true},
        {"\x80", false},             /* a lone continuation */
        {"\xbf", false},
        {"\xc0\x80", false},         /* NUL, overlong */
        {"\xc1\xbf", false},         /* overlong */
        {"\xc2\x80", true},          /* U+0080 */
        {"\xc2", false},
        {"\xc2\x7f", false},
        {"\xc2\xc0", false},
        {"\xdf\xbf", true},          /* U+07FF */
        {"\xe0\x9f\xbf", false},     /* overlong */
        {"\xe0\xa0\x80", true},      /* U+0800 */
        {"\xe0\xa0", false},
        {"\xe0", false},
        {"\xed\x9f\xbf", true},      /* U+D7FF */
        {"\xed\xa0\x80", false},     /* a surrogate */
        {"\xed\xbf\xbf", false},     /* a surrogate */
        {"\xee\x80\x80", true},      /* U+E000 */
        {"\xef\xbb\xbf", true},      /* U+FEFF: a byte order mark is text */
        {"\xef\xbf\xbf", true},      /* U+FFFF: a noncharacter is text */
        {"\xef\xbf\x7f", false},
        {"\xf0\x8f\xbf\xbf", false}, /* overlong */
        {"\xf0\x90\x80\x80", true},  /* U+10000 */
        {"\xf0\x90\x80", false},
        {"\xf4\x8f\xbf\xbf", true},  /* U+10FFFF */
        {"\xf4\x90\x80\x80", false}, /* beyond */
        {"\xf5\x80\x80\x80", false},
        {"\xf8\x88\x80\x80\x80", false},
        {"\xfe", false},
        {"\xff", false},
        {"a\xc2\x80z", true},
        {"\xd1\x84\xea\xb0\x80", true}, /* Cyrillic, Hangul */
    };

    (void)state;
    for (size_t k = 0; k < OL_LEN(v); k++) {
        if (ol_span_utf8(ol_span_str(v[k].bytes)) != v[k].ok)
            fail_msg("UTF-8 case %zu", k);
    }
    assert_false(ol_span_utf8(OL_SPAN("\0", 1)));
    assert_false(ol_span_utf8(OL_SPAN("a\0b", 3)));
}

/* Decodes by arithmetic, to stand against the ranges in span.c. */
/* Long plain texts are looked at in steps: one odd byte at each place. */
static void utf8_in_long_texts(void **state)
{
    static const char odd[] = {0, '\x80', '\xff', '\x01', '\x7f'};
    char text[40];

    (void)state;
    for (size_t n = 1; n <= sizeof(text); n++) {
        memset(text, 'a', n);
        assert_true(ol_span_utf8(OL_SPAN(text, n)));
        for (size_t at = 0; at < n; at++) {
            for (size_t k = 0; k < sizeof(odd); k++) {
                text[at] = odd[k];
                assert_int_equal(ol_span_utf8(OL_SPAN(text, n)), k > 2);
            }
            text[at] = 'a';
        }
        if (n < 2)
            continue;
        memcpy(text + n - 2, "\xc3\xa9", 2);
        assert_true(ol_span_utf8(OL_SPAN(text, n)));
        assert_false(ol_span_utf8(OL_SPAN(text, n - 1)));
    }
}

static bool utf8_by_code_points(const uint8_t *p, size_t n)
{
    static const uint32_t least[] = {1, 0x80, 0x800, 0x10000};

    for (size_t at = 0; at < n;) {
        uint8_t c = p[at++];
        unsigned more = c < 0x80             ? 0
                        : (c & 0xe0) == 0xc0 ? 1
                        : (c & 0xf0) == 0xe0 ? 2
                        : (c & 0xf8) == 0xf0 ? 3
                                             : 9;
        uint32_t point = more ? c & (0x3fu >> more) : c;

        if (more == 9 || more > n - at)
            return false;
        for (unsigned k = 0; k < more; k++, at++) {
            if (p[at] >> 6 != 2)
                return false;
            point = point << 6 | (p[at] & 0x3fu);
        }
        if (point < least[more] || point > 0x10ffff ||
            (point >= 0xd800 && point <= 0xdfff))
            return false;
    }
    return true;
}

static void utf8_agrees_with_code_points(void **state)
{
    struct dice d = dice_init(1);

    (void)state;
    /* All of one, two and three bytes, then four at random. */
    for (uint32_t v = 0; v < 1u << 24; v++) {
        uint8_t b[3] = {(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
        size_t from = v < 1u << 8 ? 2 : v < 1u << 16 ? 1 : 0;

        if (ol_span_utf8(OL_SPAN(b + from, 3 - from)) !=
            utf8_by_code_points(b + from, 3 - from))
            fail_msg("bytes %06x", v);
    }
    for (unsigned k = 0; k < dice_rounds(500000); k++) {
        uint8_t b[6];

        dice_fill(&d, b, sizeof(b));
        b[0] |= 0xf0;
        for (size_t i = 1; i < 4; i++)
            b[i] = (uint8_t)((b[i] & 0x3f) | 0x80);
        b[4] &= 0x7f;
        if (k % 7 == 0)
            dice_fill(&d, b + 1, 3);
        if (ol_span_utf8(OL_SPAN(b, 5)) != utf8_by_code_points(b, 5))
            fail_msg("round %u", k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_become_spans),
        cmocka_unit_test(numbers_are_big_endian),
        cmocka_unit_test(a_failed_reader_yields_nothing),
        cmocka_unit_test(nothing_reads_as_nothing),
        cmocka_unit_test(a_failed_writer_stays_as_it_is),
        cmocka_unit_test(holes_are_filled_later),
        cmocka_unit_test(utf8_edges),
        cmocka_unit_test(utf8_in_long_texts),
        cmocka_unit_test(utf8_agrees_with_code_points),
    };

    return cmocka_run_group_tests_name("span", tests, NULL, NULL);
}
