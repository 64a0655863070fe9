/* BLOB, UNITS and WANT: by hand, every bound, one encoding, our own bugs. */
#include "wire/chunk.h"

#include <openline/file.h>

#include "base/check.h"
#include "base/dice.h"
#include "base/units.h"
#include "wire/bend.h"

#define HASH_HEX                                                               \
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* Bytes of the largest BLOB, alone in the largest bundle. */
#define MOST                                                                   \
    (OL_BUNDLE_MAX - OL_BUNDLE_OVER - OL_CHUNK_HEAD - OL_BLOB_HEAD)

static uint8_t buf[70000], bytes[70000];

static bool blob_again(struct ol_span in, struct ol_writer *out)
{
    static uint8_t chunk[70000];
    struct ol_blob blob;
    struct ol_writer w;

    if (ol_blob_decode(in, &blob))
        return false;
    ol_writer_init(&w, chunk, sizeof(chunk));
    assert_true(ol_blob_encode(&w, &blob));
    ol_write_bytes(out, OL_SPAN(chunk + 3, w.n - 3));
    return true;
}

static bool units_again(struct ol_span in, struct ol_writer *out)
{
    uint8_t chunk[OL_FRAME_MAX];
    struct ol_units units;
    struct ol_writer w;

    if (ol_units_decode(in, &units))
        return false;
    ol_writer_init(&w, chunk, sizeof(chunk));
    assert_true(ol_units_encode(&w, &units));
    ol_write_bytes(out, OL_SPAN(chunk + 3, w.n - 3));
    return true;
}

static bool want_again(struct ol_span in, struct ol_writer *out)
{
    uint8_t chunk[100];
    struct ol_want want;
    struct ol_writer w;

    if (ol_want_decode(in, &want))
        return false;
    ol_writer_init(&w, chunk, sizeof(chunk));
    assert_true(ol_want_encode(&w, &want));
    ol_write_bytes(out, OL_SPAN(chunk + 3, w.n - 3));
    return true;
}

static void a_blob_by_hand(void **state)
{
    struct ol_blob blob = {{0}, UINT64_C(0x10000), OL_SPAN("\xff", 1)}, back;
    struct ol_span hex =
        bend_hex("07 0029" HASH_HEX "0000000000010000 ff", bytes);
    struct ol_writer w;

    (void)state;
    for (unsigned k = 0; k < 32; k++)
        blob.hash[k] = (uint8_t)k;
    for (size_t cap = 0; cap < hex.n; cap++) {
        ol_writer_init(&w, buf, cap);
        assert_false(ol_blob_encode(&w, &blob));
        assert_int_equal(w.n, 0);
    }
    ol_writer_init(&w, buf, hex.n);
    assert_true(ol_blob_encode(&w, &blob));
    assert_true(ol_span_eq(ol_writer_span(&w), hex));
    assert_int_equal(ol_blob_decode(OL_SPAN(bytes + 3, hex.n - 3), &back),
                     OL_OK);
    assert_memory_equal(back.hash, blob.hash, 32);
    assert_true(back.offset == 0x10000);
    assert_true(ol_span_eq(back.bytes, blob.bytes));
    bend_all(OL_SPAN(bytes + 3, hex.n - 3), blob_again);
}

/* The body of n bytes at that offset, decoded. */
static enum ol_err blob_at(uint64_t offset, size_t n)
{
    uint8_t *body = calloc(1, n); /* its own length: a sanitizer sees */
    struct ol_blob blob;
    enum ol_err err;

    for (unsigned k = 0; k < 8; k++)
        body[32 + k] = (uint8_t)(offset >> (56 - 8 * k));
    err = ol_blob_decode(OL_SPAN(body, n), &blob);
    free(body);
    return err;
}

static void a_blob_has_bounds(void **state)
{
    static const struct {
        uint64_t offset;
        size_t n; /* of bytes */
        enum ol_err err;
    } v[] = {
        {0, 0, OL_ERR_SHORT},
        {0, 1, OL_OK},
        {0, MOST, OL_OK},
        {0, MOST + 1, OL_ERR_LONG},
        {1, 1, OL_ERR_MALFORMED},
        {63, 1, OL_ERR_MALFORMED},
        {64, 1, OL_OK},
        {65472, 64, OL_OK},
        {65472, 65, OL_ERR_MALFORMED}, /* into the next piece */
        {65536, MOST, OL_OK},
        {65536 + 192, 65344, OL_OK},
        {65536 + 192, 65345, OL_ERR_MALFORMED},
        {OL_FILE_MAX - 64, 64, OL_OK},
        {OL_FILE_MAX - 64, 65, OL_ERR_MALFORMED},
        {OL_FILE_MAX, 1, OL_ERR_MALFORMED},
        {UINT64_MAX - 63, 1, OL_ERR_MALFORMED},
        {UINT64_MAX, 1, OL_ERR_MALFORMED},
    };

    (void)state;
    for (size_t k = 0; k < OL_LEN(v); k++) {
        if (blob_at(v[k].offset, 40 + v[k].n) != v[k].err)
            fail_msg("blob %zu", k);
    }
}

static void units_by_hand(void **state)
{
    struct ol_units units = {7, 0x10203, 0x3fe, OL_SPAN("\xff\xee", 2)}, back;
    struct ol_span hex =
        bend_hex("11 000c 00000007 00010203 03fe ffee", bytes);
    struct ol_writer w;

    (void)state;
    for (size_t cap = 0; cap < hex.n; cap++) {
        ol_writer_init(&w, buf, cap);
        assert_false(ol_units_encode(&w, &units));
        assert_int_equal(w.n, 0);
    }
    ol_writer_init(&w, buf, hex.n);
    assert_true(ol_units_encode(&w, &units));
    assert_true(ol_span_eq(ol_writer_span(&w), hex));
    assert_int_equal(ol_units_decode(OL_SPAN(bytes + 3, hex.n - 3), &back),
                     OL_OK);
    assert_int_equal(back.serial, 7);
    assert_int_equal(back.piece, 0x10203);
    assert_int_equal(back.first, 0x3fe);
    assert_true(ol_span_eq(back.bytes, units.bytes));
    bend_all(OL_SPAN(bytes + 3, hex.n - 3), units_again);
}

static void units_have_bounds(void **state)
{
    static const struct {
        uint32_t piece;
        uint16_t first;
        size_t n; /* of bytes */
        enum ol_err err;
    } v[] = {
        {0, 0, 0, OL_ERR_SHORT},
        {0, 0, 1, OL_OK},
        {0, 0, 4058, OL_OK},
        {0, 0, 4059, OL_ERR_LONG},
        {0, 1023, 64, OL_OK},
        {0, 1023, 65, OL_ERR_MALFORMED}, /* into the next piece */
        {0, 1024, 1, OL_ERR_MALFORMED},
        {0, UINT16_MAX, 1, OL_ERR_MALFORMED},
        {UINT32_MAX - 2, 1023, 64, OL_OK},
        {UINT32_MAX - 1, 0, 1, OL_ERR_MALFORMED},
        {UINT32_MAX, 0, 1, OL_ERR_MALFORMED},
    };

    (void)state;
    for (size_t k = 0; k < OL_LEN(v); k++) {
        size_t n = OL_UNITS_HEAD + v[k].n;
        uint8_t *body = calloc(1, n); /* its own length: a sanitizer sees */
        struct ol_units units;
        struct ol_writer w;

        OL_CHECK(body);
        ol_writer_init(&w, body, n);
        ol_write_u32(&w, 1);
        ol_write_u32(&w, v[k].piece);
        ol_write_u16(&w, v[k].first);
        if (ol_units_decode(OL_SPAN(body, n), &units) != v[k].err)
            fail_msg("units %zu", k);
        free(body);
    }
}

static void a_want_by_hand(void **state)
{
    struct ol_want want = {.serial = 7,
                           .size = 0x100001,
                           .upto = 3,
                           .limit = 17,
                           .map = 0x1000},
                   back;
    struct ol_span hex = bend_hex("0e 003d 00000007 00" HASH_HEX
                                  "0000000000100001 00000003 00000011"
                                  "0000000000001000", bytes);
    struct ol_writer w;

    (void)state;
    memset(&back, 0, sizeof(back)); /* its padding, too, is compared */
    for (unsigned k = 0; k < 32; k++)
        want.hash[k] = (uint8_t)k;
    for (size_t cap = 0; cap < hex.n; cap++) {
        ol_writer_init(&w, buf, cap);
        assert_false(ol_want_encode(&w, &want));
        assert_int_equal(w.n, 0);
    }
    ol_writer_init(&w, buf, hex.n);
    assert_true(ol_want_encode(&w, &want));
    assert_true(ol_span_eq(ol_writer_span(&w), hex));
    assert_int_equal(ol_want_decode(OL_SPAN(bytes + 3, hex.n - 3), &back),
                     OL_OK);
    assert_memory_equal(&back, &want, sizeof(back));
    bend_all(OL_SPAN(bytes + 3, hex.n - 3), want_again);
}

/* flags, size, upto, limit, map: taken or not. */
static const struct {
    struct ol_want v;
    bool good;
} wants[] = {
    {{.size = 1, .limit = 1}, true},
    {{.size = 1, .upto = 1, .limit = 1}, true},
    {{.size = 0}, false}, /* nothing to ask for */
    {{.size = OL_FILE_MAX, .upto = UINT32_MAX - 2, .limit = UINT32_MAX - 1},
     true},
    {{.size = OL_FILE_MAX + 1, .limit = 1}, false},
    {{.size = UINT64_MAX, .limit = 1}, false},
    {{.size = 65537, .limit = 3}, false},
    {{.size = 65537, .limit = UINT32_MAX}, false},
    {{.size = 65537, .upto = 2, .limit = 1}, false},
    {{.size = 65537, .upto = UINT32_MAX, .limit = UINT32_MAX}, false},
    {{.size = 65537, .limit = 2, .map = 1}, true},
    {{.size = 65537, .limit = 2, .map = 2}, false},
    {{.size = 65537, .upto = 1, .limit = 2, .map = 1}, false},
    {{.size = 65537, .upto = 2, .limit = 2, .map = 1}, false},
    {{.size = 64 * OL_PIECE, .limit = 9, .map = UINT64_MAX / 2}, true},
    {{.size = 64 * OL_PIECE, .limit = 9, .map = UINT64_MAX}, false},
    {{.size = 65 * OL_PIECE, .limit = 9, .map = UINT64_MAX}, true},
    {{.flags = OL_WANT_DONE}, true},
    {{.flags = OL_WANT_DECLINED, .size = 5}, true},
    {{.flags = OL_WANT_DONE | OL_WANT_NOTED, .size = 5}, true},
    {{.flags = OL_WANT_NOTED, .size = 5}, false},
    {{.flags = OL_WANT_DONE | OL_WANT_DECLINED, .size = 5}, false},
    {{.flags = 8, .size = 5}, false},
    {{.flags = OL_WANT_DONE, .size = 5, .limit = 1}, false},
    {{.flags = OL_WANT_DONE, .size = 5, .upto = 1, .limit = 1}, false},
    {{.flags = OL_WANT_DONE, .size = 1u << 20, .map = 1}, false},
};

static void a_want_has_bounds(void **state)
{
    struct ol_want back;

    (void)state;
    for (size_t k = 0; k < OL_LEN(wants); k++) {
        const struct ol_want *v = &wants[k].v;
        struct ol_writer w;

        ol_writer_init(&w, buf, OL_WANT_BODY);
        ol_write_u32(&w, v->serial);
        ol_write_u8(&w, v->flags);
        ol_write_bytes(&w, OL_SPAN_ARRAY(v->hash));
        ol_write_u64(&w, v->size);
        ol_write_u32(&w, v->upto);
        ol_write_u32(&w, v->limit);
        ol_write_u64(&w, v->map);
        assert_false(w.failed);
        if ((ol_want_decode(ol_writer_span(&w), &back) == OL_OK) !=
            wants[k].good)
            fail_msg("want %zu", k);
    }
}

static void noise_is_refused_or_goes_round(void **state)
{
    struct dice d = dice_init(29);

    (void)state;
    for (unsigned round = 0; round < dice_rounds(20000); round++) {
        size_t n = (size_t)dice_edge(&d, 0, 120);
        uint8_t *x = malloc(n ? n : 1);

        OL_CHECK(x);
        dice_fill(&d, x, n);
        if (n > 48 && dice_u64(&d) % 2)
            memset(x + 32, 0, 7);
        bend_one(OL_SPAN(x, n), blob_again);
        bend_one(OL_SPAN(x, n), units_again);
        n = OL_MIN(n, OL_WANT_BODY);
        if (n > 48 && dice_u64(&d) % 2)
            memset(x + 37, 0, 5);
        if (n > 4)
            x[4] &= 7;
        bend_one(OL_SPAN(x, n), want_again);
        free(x);
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
    static const struct ol_blob blobs[] = {
        {{0}, 0, {bytes, 0}},
        {{0}, 1, {bytes, 1}},
        {{0}, 65472, {bytes, 65}},
        {{0}, OL_FILE_MAX, {bytes, 1}},
    };
    static const struct ol_units units[] = {
        {1, 0, 0, {bytes, 0}},
        {1, 0, 1023, {bytes, 65}},
        {1, 0, 1024, {bytes, 1}},
        {1, UINT32_MAX - 1, 0, {bytes, 1}},
    };
    struct ol_writer w;

    (void)state;
    ol_writer_init(&w, buf, sizeof(buf));
    for (volatile size_t k = 0; k < OL_LEN(blobs) + OL_LEN(wants); k++) {
        if (k >= OL_LEN(blobs) && wants[k - OL_LEN(blobs)].good)
            continue;
        ol_check_hook = catch;
        if (setjmp(caught) == 0) {
            if (k < OL_LEN(blobs))
                ol_blob_encode(&w, &blobs[k]);
            else
                ol_want_encode(&w, &wants[k - OL_LEN(blobs)].v);
            fail_msg("encoded %zu", k);
        }
        assert_int_equal(w.n, 0);
    }
    for (volatile size_t k = 0; k < OL_LEN(units); k++) {
        ol_check_hook = catch;
        if (setjmp(caught) == 0) {
            ol_units_encode(&w, &units[k]);
            fail_msg("encoded units %zu", k);
        }
        assert_int_equal(w.n, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blob_by_hand),
        cmocka_unit_test(a_blob_has_bounds),
        cmocka_unit_test(units_by_hand),
        cmocka_unit_test(units_have_bounds),
        cmocka_unit_test(a_want_by_hand),
        cmocka_unit_test(a_want_has_bounds),
        cmocka_unit_test(noise_is_refused_or_goes_round),
        cmocka_unit_test(what_decode_refuses_is_our_own_bug),
    };

    return cmocka_run_group_tests_name("want", tests, NULL, NULL);
}
