/* Brotli within fixed memory: what goes in comes out, and nothing that a peer
 * may say writes beyond the caller's room. That no stream takes more memory
 * than the bound lies in the allocator, which has no more to give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/dice.h"
#include "base/units.h"
#include "codec/codec.h"

static struct dice dice = {1};

static uint32_t any(uint32_t below)
{
    return (uint32_t)dice_in(&dice, 0, below - 1);
}

static const char text[] =
    "A fire has broken out at the power station and smoke drifts towards "
    "your side of the river. Our crews cross the bridge at noon with pumps. "
    "We request that your patrols hold their fire and let them pass by.";

static uint8_t in[OL_CODEC_IN_MAX], out[OL_CODEC_IN_MAX],
    packed[2 * OL_CODEC_IN_MAX];

/* Of five kinds: text, noise, one letter, half and half, few letters. */
static void fill(unsigned kind, size_t n)
{
    for (size_t k = 0; k < n; k++)
        switch (kind) {
        case 0:
            in[k] = (uint8_t)text[k % (sizeof(text) - 1)];
            break;
        case 1:
            in[k] = (uint8_t)any(256);
            break;
        case 2:
            in[k] = 'a';
            break;
        case 3:
            in[k] = (uint8_t)(k < n / 2 ? any(256) : 'a' + k % 26);
            break;
        default:
            in[k] = (uint8_t)("etaoin shrdlu"[any(13)]);
        }
}

static void comes_back(void **state)
{
    static const size_t sizes[] = {1, 2, 127, 128, 200, 1000, 4096, 8192};
    size_t n, got;

    (void)state;
    for (unsigned kind = 0; kind < 5; kind++)
        for (size_t k = 0; k < OL_LEN(sizes); k++) {
            fill(kind, sizes[k]);
            n = ol_codec_pack(packed, sizeof(packed), OL_SPAN(in, sizes[k]));
            assert_in_range(n, 1, sizes[k] + 16);
            assert_int_equal(ol_codec_unpack(out, sizeof(out), &got,
                                             OL_SPAN(packed, n)), OL_OK);
            assert_int_equal(got, sizes[k]);
            assert_memory_equal(in, out, got);
        }
    /* There is room to spare for what another library version wants. */
    assert_in_range(ol_codec_most(), 1, OL_CODEC_PACK_BYTES * 15 / 16);
}

static void texts_shrink(void **state)
{
    size_t n = ol_codec_pack(packed, sizeof(packed),
                             OL_SPAN(text, sizeof(text) - 1));

    (void)state;
    assert_in_range(n, 1, 128); /* of 205 */
    assert_int_equal(ol_codec_pack(packed, n - 1,
                                   OL_SPAN(text, sizeof(text) - 1)), 0);
    assert_int_equal(ol_codec_pack(packed, n,
                                   OL_SPAN(text, sizeof(text) - 1)), n);
}

static void damage_is_refused(void **state)
{
    size_t n = ol_codec_pack(packed, sizeof(packed),
                             OL_SPAN(text, sizeof(text) - 1)), got;

    (void)state;
    for (size_t k = 0; k < n; k++)
        assert_int_equal(ol_codec_unpack(out, sizeof(out), &got,
                                         OL_SPAN(packed, k)), OL_ERR_SHORT);
    packed[n] = 0;
    assert_int_equal(ol_codec_unpack(out, sizeof(out), &got,
                                     OL_SPAN(packed, n + 1)),
                     OL_ERR_MALFORMED);
    assert_int_equal(ol_codec_unpack(out, sizeof(text) - 2, &got,
                                     OL_SPAN(packed, n)), OL_ERR_LONG);
    assert_int_equal(ol_codec_unpack(out, sizeof(text) - 1, &got,
                                     OL_SPAN(packed, n)), OL_OK);
}

/* 8 KiB of one letter take 13 bytes; a stream of a gigabyte takes as few, and
 * is cut where the caller's room ends. */
static void bombs_are_cut(void **state)
{
    size_t n, got;

    (void)state;
    fill(2, OL_CODEC_IN_MAX);
    n = ol_codec_pack(packed, sizeof(packed), OL_SPAN(in, OL_CODEC_IN_MAX));
    assert_in_range(n, 1, 16);
    assert_int_equal(ol_codec_unpack(out, OL_CODEC_IN_MAX - 1, &got,
                                     OL_SPAN(packed, n)), OL_ERR_LONG);
    assert_int_equal(got, OL_CODEC_IN_MAX - 1);
}

/* Streams of noise, and good ones that were bent: whatever becomes of them, no
 * byte behind the room is touched. */
static void nothing_writes_more(void **state)
{
    size_t n = 0, got, of, room, good = 0;

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        if (round % 2 == 0) {
            n = 1 + any(64);
            for (size_t k = 0; k < n; k++)
                packed[k] = (uint8_t)any(256);
        } else {
            of = 1 + any(300);
            fill(round % 10 / 2, of);
            n = round % 50 == 1 || round < 100
                    ? ol_codec_pack(packed, sizeof(packed), OL_SPAN(in, of))
                    : n;
            packed[any((uint32_t)n)] ^= (uint8_t)(1u << any(8));
        }
        got = sizeof(out);
        room = any(sizeof(out) - 1);
        out[room] = (uint8_t)round;
        good += ol_codec_unpack(out, room, &got, OL_SPAN(packed, n)) == OL_OK;
        assert_in_range(got, 0, room);
        assert_int_equal(out[room], (uint8_t)round);
    }
    assert_in_range(good, 100, 19000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(texts_shrink),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(bombs_are_cut),
        cmocka_unit_test(nothing_writes_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
