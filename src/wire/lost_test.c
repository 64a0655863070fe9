/* LOST and FOUND: by hand, every bound, one encoding, our own bugs. */
#include "wire/chunk.h"

#include <openline/record.h>

#include "base/check.h"
#include "base/dice.h"
#include "base/units.h"
#include "wire/bend.h"

static uint8_t bytes[1024], buf[1024];

static bool lost_again(struct ol_span in, struct ol_writer *out)
{
    struct ol_lost c;
    uint8_t chunk[512];
    struct ol_writer w;

    if (ol_lost_decode(in, &c))
        return false;
    ol_writer_init(&w, chunk, sizeof(chunk));
    assert_true(ol_lost_encode(&w, &c));
    ol_write_bytes(out, OL_SPAN(chunk + 3, w.n - 3));
    return true;
}

static bool found_again(struct ol_span in, struct ol_writer *out)
{
    struct ol_found c;
    uint8_t chunk[512];
    struct ol_writer w;

    if (ol_found_decode(in, &c))
        return false;
    ol_writer_init(&w, chunk, sizeof(chunk));
    assert_true(ol_found_encode(&w, &c));
    ol_write_bytes(out, OL_SPAN(chunk + 3, w.n - 3));
    return true;
}

static void a_lost_by_hand(void **state)
{
    struct ol_lost c = {.prec = 3,
                        .repeat = true,
                        .ask = 0x0102,
                        .next = 9,
                        .map = 0x80,
                        .n_steps = 2,
                        .step = {{10, "abcdefgh"}, {7, "ABCDEFGH"}}};
    struct ol_span hex = bend_hex(
        "0c 002f 03 01 0000000000000102 00000009 0000000000000080 02"
        "0000000a 6162636465666768 00000007 4142434445464748", bytes);
    struct ol_writer w;

    (void)state;
    for (size_t cap = 0; cap < hex.n; cap++) {
        ol_writer_init(&w, buf, cap);
        assert_false(ol_lost_encode(&w, &c));
        assert_int_equal(w.n, 0);
    }
    ol_writer_init(&w, buf, sizeof(buf));
    assert_true(ol_lost_encode(&w, &c));
    assert_true(ol_span_eq(ol_writer_span(&w), hex));
    bend_all(OL_SPAN(bytes + 3, hex.n - 3), lost_again);
}

static enum ol_err lost_of(const char *hex)
{
    struct ol_lost c;

    return ol_lost_decode(bend_hex(hex, bytes), &c);
}

static void a_lost_has_bounds(void **state)
{
#define HEAD "0000000000000001 00000000 0000000000000000"
#define STEP(i) #i "0000000000000000"
    (void)state;
    assert_int_equal(lost_of("00 00" HEAD "00"), OL_OK);
    assert_int_equal(lost_of("04 00" HEAD "00"), OL_ERR_MALFORMED);
    assert_int_equal(lost_of("00 02" HEAD "00"), OL_ERR_MALFORMED);
    assert_int_equal(lost_of("00 00 0000000000000000 00000000"
                             "0000000000000000 00"), OL_ERR_MALFORMED);
    assert_int_equal(lost_of("00 00" HEAD "01"), OL_ERR_SHORT);
    assert_int_equal(lost_of("00 00" HEAD "23"), OL_ERR_MALFORMED);
    assert_int_equal(lost_of("00 00" HEAD "01" STEP(00000001)), OL_OK);
    assert_int_equal(lost_of("00 00" HEAD "01" STEP(00000000)),
                     OL_ERR_MALFORMED);
    assert_int_equal(lost_of("00 00" HEAD "00" STEP(00000001)), OL_ERR_LONG);
    assert_int_equal(lost_of("00 00" HEAD "02" STEP(00000002)
                             STEP(00000001)), OL_OK);
    assert_int_equal(lost_of("00 00" HEAD "02" STEP(00000002)
                             STEP(00000002)), OL_ERR_MALFORMED);
}

#define FOUND "03 00 0000000000000102 00000003 00000005 6162636465666768"     \
              "0000000000000011"

static void a_found_by_hand(void **state)
{
    struct ol_found c = {.prec = 3,
                         .ask = 0x0102,
                         .match = 3,
                         .upto = 5,
                         .root = "abcdefgh",
                         .number = 17,
                         .n_ranges = 2,
                         .ranges = {{7, 1}, {9, 2}}};
    struct ol_span hex = bend_hex(
        "0d 002f" FOUND "02 00000007 0001 00000009 0002", bytes);
    struct ol_writer w;

    (void)state;
    ol_writer_init(&w, buf, sizeof(buf));
    assert_true(ol_found_encode(&w, &c));
    assert_true(ol_span_eq(ol_writer_span(&w), hex));
    bend_all(OL_SPAN(bytes + 3, hex.n - 3), found_again);
    /* Ranges are left out from the last; without the rest nothing is said. */
    ol_writer_init(&w, buf, hex.n - 1);
    assert_true(ol_found_encode(&w, &c));
    assert_int_equal(w.n, hex.n - OL_HELD_RANGE);
    for (size_t cap = 0; cap < hex.n - 2 * OL_HELD_RANGE; cap++) {
        ol_writer_init(&w, buf, cap);
        assert_false(ol_found_encode(&w, &c));
        assert_int_equal(w.n, 0);
    }
    c.has_cp = true;
    c.cp.prec = 3;
    c.cp.size = 4;
    memset(c.cp.root, 1, sizeof(c.cp.root));
    memset(c.cp.sig, 2, sizeof(c.cp.sig));
    ol_writer_init(&w, buf, sizeof(buf));
    assert_true(ol_found_encode(&w, &c));
    assert_int_equal(w.n, hex.n + OL_FOUND_CHECKPOINT);
    bend_all(OL_SPAN(buf + 3, w.n - 3), found_again);
}

static enum ol_err found_of(const char *hex)
{
    struct ol_found c;

    return ol_found_decode(bend_hex(hex, bytes), &c);
}

static void a_found_has_bounds(void **state)
{
    (void)state;
    assert_int_equal(found_of(FOUND "00"), OL_OK);
    assert_int_equal(found_of(FOUND "01"), OL_ERR_SHORT);
    assert_int_equal(found_of(FOUND "11"), OL_ERR_MALFORMED);
    /* The match is in what is held; nothing has no root. */
    assert_int_equal(found_of("00 00 0000000000000001 00000006 00000005"
                              "6162636465666768 0000000000000000 00"),
                     OL_ERR_MALFORMED);
    assert_int_equal(found_of("00 00 0000000000000001 00000000 00000000"
                              "6162636465666768 0000000000000000 00"),
                     OL_ERR_MALFORMED);
    assert_int_equal(found_of("00 00 0000000000000001 00000000 00000000"
                              "0000000000000000 8000000000000000 00"),
                     OL_ERR_MALFORMED);
    assert_int_equal(found_of("00 02 0000000000000001 00000000 00000000"
                              "0000000000000000 0000000000000000 00"),
                     OL_ERR_MALFORMED);
    assert_int_equal(found_of(FOUND "01 00000006 0001"), OL_ERR_MALFORMED);
    assert_int_equal(found_of(FOUND "01 00000007 0000"), OL_ERR_MALFORMED);
    assert_int_equal(found_of(FOUND "01 ffffffff 0001"), OL_OK);
    assert_int_equal(found_of(FOUND "01 ffffffff 0002"), OL_ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_by_hand),
        cmocka_unit_test(a_lost_has_bounds),
        cmocka_unit_test(a_found_by_hand),
        cmocka_unit_test(a_found_has_bounds),
    };

    return cmocka_run_group_tests_name("lost", tests, NULL, NULL);
}
