/* All chunks but ACK, HELD and those of attachments: by hand, round trips,
 * places, bounds. */
#include "wire/chunk.h"

#include <openline/line.h>
#include <openline/record.h>

#include "base/check.h"
#include "base/dice.h"
#include "base/units.h"
#include "wire/bend.h"

static uint8_t buf[70000], bytes[70000];

static void every_type_has_its_line(void **state)
{
    static const struct {
        uint16_t least, most;
        uint8_t where;
    } want[] = {
        {0, 0, 7},   {5, 5, 1},      {6, 6, 1},      {7, 87, 1},
        {13, 137, 1}, {13, 893, 7},  {8, 8199, 3},   {41, 65415, 2},
        {8, 8199, 3}, {101, 101, 3}, {101, 101, 3},  {4, 4, 4},
        {23, 431, 3}, {35, 231, 3},  {61, 61, 3},   {8, 16, 4}, {22, 22, 1},
        {11, 4068, 1},
    };

    (void)state;
    assert_int_equal(OL_LEN(want), OL_CHUNK_TYPES);
    for (unsigned t = 0; t < OL_CHUNK_TYPES; t++) {
        const struct ol_chunk_rule *rule = ol_chunk_rule((uint8_t)t);

        if (want[t].where == 0) {
            assert_null(rule);
            continue;
        }
        assert_non_null(rule);
        assert_non_null(rule->name);
        assert_int_equal(rule->least, want[t].least);
        assert_int_equal(rule->most, want[t].most);
        assert_int_equal(rule->where, want[t].where);
    }
    for (unsigned t = OL_CHUNK_TYPES; t < 256; t++)
        assert_null(ol_chunk_rule((uint8_t)t));
}

/* Everything of this plaintext at this place: how the walk ends, and what it
 * passed (types as digits of base 16). */
static enum ol_err walk(const char *hex, uint8_t where, uint64_t *types)
{
    size_t n = bend_hex(hex, bytes).n;
    uint8_t *exact = malloc(n ? n : 1);
    struct ol_chunk chunk;
    struct ol_reader r;
    enum ol_err err;

    memcpy(exact, bytes, n);
    ol_reader_init(&r, OL_SPAN(exact, n));
    *types = 0;
    do {
        err = ol_chunk_next(&r, where, &chunk);
        *types = *types << 4 | chunk.type;
    } while (!err && chunk.type != OL_CHUNK_PAD);
    assert_true(err || chunk.body.n == 0);
    /* Whatever the end was, there is nothing behind it, and it stays. */
    assert_int_equal(r.n, 0);
    assert_int_equal(ol_chunk_next(&r, where, &chunk),
                     err ? OL_ERR_SHORT : OL_OK);
    assert_int_equal(chunk.type, OL_CHUNK_PAD);
    free(exact);
    return err;
}

#define PROBE_HEX "01 0005 00000001 00"
#define HELLO_HEX "0b 0004 01 01 04b0"

static void a_plaintext_is_walked(void **state)
{
    uint64_t t;

    (void)state;
    assert_int_equal(walk("", OL_IN_FRAME, &t), OL_OK);
    assert_int_equal(walk("00", OL_IN_FRAME, &t), OL_OK);
    assert_int_equal(walk("0000", OL_IN_BUNDLE, &t), OL_OK);
    assert_int_equal(walk("000000000001", OL_IN_FRAME, &t), OL_ERR_MALFORMED);
    assert_int_equal(walk(PROBE_HEX, OL_IN_FRAME, &t), OL_OK);
    assert_int_equal(t, 0x10);
    assert_int_equal(walk(PROBE_HEX PROBE_HEX "0000", OL_IN_FRAME, &t),
                     OL_OK);
    assert_int_equal(t, 0x110);
    assert_int_equal(walk(PROBE_HEX "01", OL_IN_FRAME, &t), OL_ERR_SHORT);
    assert_int_equal(walk(PROBE_HEX "01 00", OL_IN_FRAME, &t), OL_ERR_SHORT);
    assert_int_equal(walk("01 0005 0000", OL_IN_FRAME, &t), OL_ERR_SHORT);
    assert_int_equal(walk("01 0004 00000001", OL_IN_FRAME, &t),
                     OL_ERR_SHORT);
    assert_int_equal(
        walk("01 0006 000000010000", OL_IN_FRAME, &t),
        OL_ERR_LONG);
    assert_int_equal(walk("01 0000", OL_IN_FRAME, &t), OL_ERR_SHORT);
}

static void every_type_stands_in_its_place_only(void **state)
{
    uint64_t t;

    (void)state;
    for (unsigned type = 1; type < 256; type++) {
        const struct ol_chunk_rule *rule = ol_chunk_rule((uint8_t)type);
        uint16_t n = rule ? rule->least : 9;

        for (uint8_t where = 1; where <= 4; where <<= 1) {
            struct ol_chunk chunk;
            struct ol_reader r;
            struct ol_writer w;
            enum ol_err want = rule && rule->where & where ? OL_OK
                               : !rule && where == OL_IN_HANDSHAKE
                                   ? OL_OK
                                   : OL_ERR_MALFORMED;

            memset(buf, 0, 300);
            ol_writer_init(&w, buf, sizeof(buf));
            ol_write_u8(&w, (uint8_t)type);
            ol_write_u16(&w, n);
            assert_non_null(ol_write_hole(&w, n));
            ol_reader_init(&r, ol_writer_span(&w));
            assert_int_equal(ol_chunk_next(&r, where, &chunk), want);
            if (!want && rule) {
                assert_int_equal(chunk.type, type);
                assert_int_equal(chunk.body.n, n);
                assert_ptr_equal(chunk.body.p, buf + 3);
            } else if (!want) {
                assert_int_equal(chunk.type, OL_CHUNK_PAD);
            }
        }
    }
    /* What a newer version says in a handshake is passed over. */
    assert_int_equal(
        walk("12 0000 ff 0003 010203" HELLO_HEX "fe 0001 00 00",
             OL_IN_HANDSHAKE, &t),
        OL_OK);
    assert_int_equal(t, 0xb0);
    assert_int_equal(walk("12 0000" PROBE_HEX, OL_IN_HANDSHAKE, &t),
                     OL_ERR_MALFORMED);
    assert_int_equal(walk("0c 0001", OL_IN_HANDSHAKE, &t), OL_ERR_SHORT);
}

/* The one chunk that the writer holds, as a body for a decoder. */
static struct ol_span body_of(struct ol_span chunk, uint8_t type)
{
    struct ol_chunk got;
    struct ol_reader r;

    ol_reader_init(&r, chunk);
    assert_int_equal(
        ol_chunk_next(&r, ol_chunk_rule(type)->where & 3 ? OL_IN_FRAME
                                                         : OL_IN_HANDSHAKE,
                      &got),
        OL_OK);
    assert_int_equal(got.type, type);
    assert_int_equal(r.n, 0);
    return got.body;
}

/* The body of a chunk written by hand, head included. */
static struct ol_span by_hand(const char *hex, uint8_t type)
{
    return body_of(bend_hex(hex, bytes), type);
}

/* Defines NAME_again (body to body) for bend_all, and NAME_hand, which holds
 * a chunk written by hand against decoder and encoder. */
#define AGAIN(name, type, structure, encode)                                   \
    static bool name##_again(struct ol_span in, struct ol_writer *out)         \
    {                                                                          \
        static uint8_t chunk[70000];                                           \
        struct structure v;                                                    \
        struct ol_writer w;                                                    \
                                                                               \
        if (ol_##name##_decode(in, &v))                                        \
            return false;                                                      \
        ol_writer_init(&w, chunk, sizeof(chunk));                              \
        assert_true(encode);                                                   \
        ol_write_bytes(out, body_of(ol_writer_span(&w), type));                \
        return true;                                                           \
    }                                                                          \
    static void name##_hand(const char *hex, const struct structure *value)    \
    {                                                                          \
        const struct structure v = *value;                                     \
        struct ol_span whole = bend_hex(hex, bytes);                           \
        struct ol_writer w;                                                    \
                                                                               \
        for (size_t cap = 0; cap < whole.n; cap++) {                           \
            ol_writer_init(&w, buf, cap);                                      \
            assert_false(encode);                                              \
            assert_false(w.failed);                                            \
            assert_int_equal(w.n, 0);                                          \
        }                                                                      \
        ol_writer_init(&w, buf, whole.n);                                      \
        assert_true(encode);                                                   \
        assert_int_equal(w.n, whole.n);                                        \
        assert_memory_equal(buf, whole.p, whole.n);                            \
        assert_false(encode);                                                  \
        assert_false(w.failed);                                                \
        w.failed = true;                                                       \
        w.n = 0;                                                               \
        assert_false(encode);                                                  \
        bend_all(body_of(whole, type), name##_again);                          \
    }

AGAIN(probe, OL_CHUNK_PROBE, ol_probe, ol_probe_encode(&w, &v))
AGAIN(echo, OL_CHUNK_ECHO, ol_probe, ol_echo_encode(&w, &v))
AGAIN(view, OL_CHUNK_VIEW, ol_view, ol_view_encode(&w, &v))
AGAIN(segment, OL_CHUNK_SEGMENT, ol_segment, ol_segment_encode(&w, &v))
AGAIN(checkpoint, OL_CHUNK_CHECKPOINT, ol_checkpoint,
      ol_checkpoint_encode(&w, OL_CHUNK_CHECKPOINT, &v))
AGAIN(hello, OL_CHUNK_HELLO, ol_hello, ol_hello_encode(&w, &v))
AGAIN(brief, OL_CHUNK_BRIEF, ol_brief, ol_brief_encode(&w, &v))
AGAIN(openings, OL_CHUNK_OPENINGS, ol_openings, ol_openings_encode(&w, &v))

static void probes_by_hand(void **state)
{
    struct ol_probe probe = {.id = 0xfffffffe, .alone = true};
    struct ol_probe echo = {.id = 1, .delay_100us = 3}, back;

    (void)state;
    probe_hand("01 0005 fffffffe 01", &probe);
    assert_int_equal(ol_probe_decode(by_hand("01 0005 fffffffe 01", 1), &back),
                     OL_OK);
    assert_memory_equal(&back.id, &probe.id, 4);
    assert_true(back.alone && back.delay_100us == 0);
    probe.alone = false;
    probe_hand("01 0005 fffffffe 00", &probe);

    echo_hand("02 0006 00000001 0003", &echo);
    assert_int_equal(ol_echo_decode(by_hand("02 0006 00000001 0003", 2), &back),
                     OL_OK);
    assert_true(back.id == 1 && !back.alone && back.delay_100us == 3);

    /* Id 0 names no probe, and there are no other flags. */
    assert_int_equal(ol_probe_decode(by_hand("01 0005 00000000 00", 1), &back),
                     OL_ERR_MALFORMED);
    assert_int_equal(ol_probe_decode(by_hand("01 0005 00000001 02", 1), &back),
                     OL_ERR_MALFORMED);
    assert_int_equal(ol_echo_decode(by_hand("02 0006 00000000 0003", 2), &back),
                     OL_ERR_MALFORMED);
}

#define VIEW_HEX "03 0011 00000009 01 02 02 0000000a 06 fffffff0 00"

static void a_view_by_hand(void **state)
{
    struct ol_view view = {9, OL_ATT_ATTENDED, OL_LINE_LAST_CHANNEL, 2,
                           {{10, OL_CHAN_IDLE}, {0xfffffff0, 0}}};
    struct ol_view back;

    (void)state;
    view_hand(VIEW_HEX, &view);
    assert_int_equal(ol_view_decode(by_hand(VIEW_HEX, 3), &back), OL_OK);
    assert_int_equal(back.serial, 9);
    assert_int_equal(back.attendance, OL_ATT_ATTENDED);
    assert_int_equal(back.line, OL_LINE_LAST_CHANNEL);
    assert_int_equal(back.count, 2);
    assert_int_equal(back.v[0].tag, 10);
    assert_int_equal(back.v[0].state, OL_CHAN_IDLE);
    assert_true(back.v[1].tag == 0xfffffff0);
}

static void a_view_has_bounds(void **state)
{
    static const struct {
        const char *body;
        enum ol_err err;
    } v[] = {
        {"00000000 00 00 00", OL_OK},
        {"00000000 02 06 00", OL_OK},
        {"00000000 03 00 00", OL_ERR_MALFORMED},
        {"00000000 00 07 00", OL_ERR_MALFORMED},
        {"00000000 00 00 01 00000000 06", OL_OK},
        {"00000000 00 00 01 00000000 07", OL_ERR_MALFORMED},
        {"00000000 00 00 01", OL_ERR_SHORT},
        {"00000000 00 00 00 00000000 00", OL_ERR_LONG},
        {"00000000 00 00 11", OL_ERR_MALFORMED},
        {"00000000 00 00 02 00000001 00 00000001 00", OL_ERR_MALFORMED},
        {"00000000 00 00 02 00000002 00 00000001 00", OL_ERR_MALFORMED},
    };
    struct ol_view view;

    (void)state;
    for (size_t k = 0; k < OL_LEN(v); k++) {
        if (ol_view_decode(bend_hex(v[k].body, bytes), &view) != v[k].err)
            fail_msg("view %zu", k);
    }
}

static void views_go_round(void **state)
{
    struct dice d = dice_init(21);

    (void)state;
    for (unsigned round = 0; round < dice_rounds(200); round++) {
        struct ol_view x = {0}, back = {0};
        struct ol_writer w;
        uint32_t tag = 0;

        x.serial = (uint32_t)dice_u64(&d);
        x.attendance = (uint8_t)dice_edge(&d, 0, 2);
        x.line = (uint8_t)dice_edge(&d, 0, 6);
        x.count = (uint8_t)dice_edge(&d, 0, 16);
        for (unsigned k = 0; k < x.count; k++) {
            tag += (uint32_t)dice_edge(&d, 1, UINT32_MAX / 17);
            x.v[k].tag = tag;
            x.v[k].state = (uint8_t)dice_edge(&d, 0, 6);
        }
        ol_writer_init(&w, buf, sizeof(buf));
        assert_true(ol_view_encode(&w, &x));
        assert_int_equal(
            ol_view_decode(body_of(ol_writer_span(&w), 3), &back), OL_OK);
        assert_memory_equal(&back, &x, sizeof(x));
        if (round < 20)
            bend_all(body_of(ol_writer_span(&w), 3), view_again);
    }
}

static void a_segment_by_hand(void **state)
{
    struct ol_segment s = {OL_ROUTINE, OL_CODEC_RAW, true, 5, 256,
                           OL_SPAN("abc", 3)};
    struct ol_segment back;
    struct ol_writer w;

    (void)state;
    segment_hand("06 000a 13 00000005 0100 616263", &s);
    assert_int_equal(
        ol_segment_decode(by_hand("06 000a 13 00000005 0100 616263", 6),
                          &back),
        OL_OK);
    assert_int_equal(back.prec, OL_ROUTINE);
    assert_true(back.last && back.codec == OL_CODEC_RAW);
    assert_true(back.index == 5 && back.offset == 256);
    assert_true(ol_span_eq(back.bytes, s.bytes));

    /* A RETURN differs in its type only. */
    ol_writer_init(&w, buf, 13);
    assert_true(ol_return_encode(&w, &s));
    assert_memory_equal(buf, "\x08\0\x0a\x13\0\0\0\x05\x01\0abc", 13);
    ol_writer_init(&w, buf, 12);
    assert_false(ol_return_encode(&w, &s));
    assert_int_equal(w.n, 0);
}

static void a_segment_has_bounds(void **state)
{
    static const struct {
        uint8_t what;
        uint32_t index;
        uint16_t offset;
        size_t n;
        enum ol_err err;
    } v[] = {
        {0x10, 1, 0, 0, OL_ERR_SHORT},
        {0x10, 1, 0, 1, OL_OK},
        {0x10, 0, 0, 1, OL_ERR_MALFORMED},
        {0x10, UINT32_MAX, 0, 1, OL_OK},
        {0x00, 1, 0, 1, OL_ERR_MALFORMED}, /* not whole, not last */
        {0x00, 1, 0, 127, OL_ERR_MALFORMED},
        {0x00, 1, 0, 128, OL_OK},
        {0x00, 1, 0, 129, OL_ERR_MALFORMED},
        {0x03, 1, 0, 128, OL_OK},
        {0x04, 1, 0, 128, OL_ERR_MALFORMED}, /* a short form is whole */
        {0x14, 1, 128, 128, OL_ERR_MALFORMED},
        {0x14, 1, 0, 1, OL_OK},
        {0x08, 1, 0, 1, OL_OK}, /* packed: what it is comes out later */
        {0x18, 1, 128, 77, OL_OK},
        {0x18, 1, 129, 77, OL_ERR_MALFORMED},
        {0x18, 1, 8064, 8192, OL_OK},
        {0x18, 1, 8192, 1, OL_ERR_MALFORMED},
        {0x0c, 1, 0, 128, OL_ERR_MALFORMED},
        {0x20, 1, 0, 128, OL_ERR_MALFORMED},
        {0x40, 1, 0, 128, OL_ERR_MALFORMED},
        {0x80, 1, 0, 128, OL_ERR_MALFORMED},
        {0x10, 1, 1, 128, OL_ERR_MALFORMED},
        {0x10, 1, 128, 128, OL_OK},
        {0x10, 1, 8064, 128, OL_OK},
        {0x10, 1, 8064, 129, OL_ERR_MALFORMED},
        {0x10, 1, 8192, 1, OL_ERR_MALFORMED},
        {0x10, 1, 65408, 128, OL_ERR_MALFORMED},
        {0x00, 1, 8064, 128, OL_ERR_MALFORMED}, /* full, and not last */
        {0x00, 1, 7936, 128, OL_OK},
        {0x10, 1, 0, 8192, OL_OK},
        {0x00, 1, 0, 8064, OL_OK},
        {0x10, 1, 0, 8193, OL_ERR_LONG},
    };
    struct ol_segment s;

    (void)state;
    memset(bytes, 7, sizeof(bytes));
    for (size_t k = 0; k < OL_LEN(v); k++) {
        struct ol_writer w;

        ol_writer_init(&w, buf, sizeof(buf));
        ol_write_u8(&w, v[k].what);
        ol_write_u32(&w, v[k].index);
        ol_write_u16(&w, v[k].offset);
        ol_write_bytes(&w, OL_SPAN(bytes, v[k].n));
        if (ol_segment_decode(ol_writer_span(&w), &s) != v[k].err)
            fail_msg("segment %zu", k);
    }
}

static void segments_go_round(void **state)
{
    struct dice d = dice_init(22);

    (void)state;
    for (unsigned round = 0; round < dice_rounds(300); round++) {
        struct ol_segment x = {0}, back;
        struct ol_writer w;
        struct ol_span body;
        unsigned unit = (unsigned)dice_edge(&d, 0, 62);
        unsigned units = (unsigned)dice_edge(&d, 1, 63 - unit);

        dice_fill(&d, bytes, 8192);
        x.prec = (uint8_t)dice_in(&d, 0, 3);
        x.last = dice_u64(&d) & 1;
        x.index = (uint32_t)dice_edge(&d, 1, UINT32_MAX);
        x.offset = (uint16_t)(unit * OL_UNIT);
        x.bytes = OL_SPAN(bytes, units * OL_UNIT);
        if (x.last)
            x.bytes.n = dice_edge(&d, 1, 8192 - x.offset);
        ol_writer_init(&w, buf, sizeof(buf));
        assert_true(ol_segment_encode(&w, &x));
        body = body_of(ol_writer_span(&w), 6);
        assert_int_equal(ol_segment_decode(body, &back), OL_OK);
        assert_true(back.prec == x.prec && back.last == x.last &&
                    back.codec == x.codec && back.index == x.index &&
                    back.offset == x.offset);
        assert_true(ol_span_eq(back.bytes, x.bytes));
        if (body.n < 600)
            bend_all(body, segment_again);
    }
}

#define HASH_HEX                                                               \
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static void a_checkpoint_by_hand(void **state)
{
    struct ol_checkpoint c = {OL_PRIORITY, 0x01020304, {0}, {0}}, back;
    struct ol_writer w;
    uint8_t body[101];

    (void)state;
    for (unsigned k = 0; k < 32; k++)
        c.root[k] = c.sig[k] = c.sig[k + 32] = (uint8_t)k;
    checkpoint_hand("09 0065 02 01020304" HASH_HEX HASH_HEX HASH_HEX, &c);
    memcpy(body, buf + 3, sizeof(body));
    assert_int_equal(ol_checkpoint_decode(OL_SPAN_ARRAY(body), &back), OL_OK);
    assert_true(back.prec == c.prec && back.size == c.size);
    assert_memory_equal(back.root, c.root, 32);
    assert_memory_equal(back.sig, c.sig, 64);

    ol_writer_init(&w, buf, sizeof(buf));
    assert_true(ol_checkpoint_encode(&w, OL_CHUNK_COSIGNATURE, &c));
    assert_int_equal(buf[0], OL_CHUNK_COSIGNATURE);
    assert_memory_equal(buf + 3, body, sizeof(body));

    body[0] = 4;
    assert_int_equal(ol_checkpoint_decode(OL_SPAN_ARRAY(body), &back),
                     OL_ERR_MALFORMED);
    body[0] = 0;
    memset(body + 1, 0, 4); /* nothing is nothing to sign */
    assert_int_equal(ol_checkpoint_decode(OL_SPAN_ARRAY(body), &back),
                     OL_ERR_MALFORMED);
    body[4] = 1;
    assert_true(bend_one(OL_SPAN_ARRAY(body), checkpoint_again));
    assert_int_equal(ol_checkpoint_decode(OL_SPAN(body, 100), &back),
                     OL_ERR_SHORT);
    assert_int_equal(ol_checkpoint_decode(OL_SPAN(buf, 102), &back),
                     OL_ERR_LONG);
}

static void a_hello_by_hand(void **state)
{
    static const struct {
        const char *body;
        enum ol_err err;
    } v[] = {
        {"01 01 04b0", OL_OK},
        {"01 ff ffff", OL_OK},
        {"05 05 00c0", OL_OK},
        {"00 01 04b0", OL_ERR_MALFORMED},
        {"02 01 04b0", OL_ERR_MALFORMED},
        {"01 01 00bf", OL_ERR_MALFORMED},
        {"01 01 04", OL_ERR_SHORT},
        {"01 01 04b0 00", OL_ERR_LONG},
    };
    struct ol_hello hello = {1, 3, 1200};

    (void)state;
    hello_hand("0b 0004 01 03 04b0", &hello);
    for (size_t k = 0; k < OL_LEN(v); k++) {
        if (ol_hello_decode(bend_hex(v[k].body, bytes), &hello) != v[k].err)
            fail_msg("hello %zu", k);
    }
}

static void openings_by_hand(void **state)
{
    static const struct {
        const char *body;
        enum ol_err err;
    } v[] = {
        {"00000000 00000000", OL_OK},
        {"ffffffff ffffffff", OL_OK},
        {"7fffffffffffffff 0000000000000000", OL_OK},
        {"0000000000000000 0000000100000000", OL_OK},
        /* what 4 bytes each can say */
        {"00000000ffffffff 00000000ffffffff", OL_ERR_MALFORMED},
        {"00000001 00000001 01", OL_ERR_MALFORMED},
        {"0000000100000000 00000000000000", OL_ERR_MALFORMED},
        {"8000000000000000 0000000000000000", OL_ERR_MALFORMED},
        {"0000000000000001 8000000000000000", OL_ERR_MALFORMED},
        {"00000001 000000", OL_ERR_SHORT},
        {"0000000000000001 0000000000000001 00", OL_ERR_LONG},
    };
    struct ol_openings o = {5, 1025}, wide = {1ull << 32, 1025};

    (void)state;
    openings_hand("0f 0008 00000005 00000401", &o);
    openings_hand("0f 0010 0000000100000000 0000000000000401", &wide);
    for (size_t k = 0; k < OL_LEN(v); k++) {
        if (ol_openings_decode(bend_hex(v[k].body, bytes), &o) != v[k].err)
            fail_msg("openings %zu", k);
    }
}

static void a_brief_by_hand(void **state)
{
    static const struct ol_brief b = {
        3, 9, 258, {1, 2, 3, 4, 5, 6, 7, 8}, 513, 2};
    static const char *const bad[] = {
        "04 00000009 00000102 0102030405060708 00000201 02",
        "03 00000009 00000000 0102030405060708 00000201 02",
        "03 00000009 00000102 0102030405060708 00000001 02"};
    struct ol_brief got;

    (void)state;
    brief_hand("10 0016 03 00000009 00000102 0102030405060708 00000201 02",
               &b);
    for (size_t k = 0; k < OL_LEN(bad); k++)
        assert_int_equal(ol_brief_decode(bend_hex(bad[k], bytes), &got),
                         OL_ERR_MALFORMED);
}

/* Any bytes at all: every decoder ends, and keeps to one encoding. */
static void noise_is_refused_or_goes_round(void **state)
{
    static bend_again *const all[] = {probe_again, echo_again, view_again,
                                      segment_again, checkpoint_again,
                                      hello_again, openings_again,
                                      brief_again};
    struct dice d = dice_init(23);

    (void)state;
    for (unsigned round = 0; round < dice_rounds(20000); round++) {
        size_t n = (size_t)dice_edge(&d, 0, 120);
        uint8_t *x = malloc(n ? n : 1);

        OL_CHECK(x);
        dice_fill(&d, x, n);
        if (n > 6 && dice_u64(&d) % 2)
            memset(x, 0, 6);
        for (size_t k = 0; k < OL_LEN(all); k++)
            bend_one(OL_SPAN(x, n), all[k]);
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

/* Encodes the k-th of what no decoder would take; false: no such. */
static bool encode_bad(unsigned k, struct ol_writer *w)
{
    static const struct ol_view views[] = {
        {.attendance = 3},
        {.line = OL_LINE_UNKNOWN},
        {.count = 1, .v = {{1, OL_CHAN_UNKNOWN}}},
        {.count = 2, .v = {{1, 0}, {1, 0}}},
    };
    static const struct ol_segment segments[] = {
        {4, 0, true, 1, 0, {bytes, 1}},    {0, 1, false, 1, 0, {bytes, 1}},
        {0, 0, true, 0, 0, {bytes, 1}},    {0, 0, true, 1, 1, {bytes, 1}},
        {0, 0, true, 1, 0, {bytes, 0}},    {0, 0, false, 1, 0, {bytes, 1}},
        {0, 0, true, 1, 8192, {bytes, 1}}, {0, 0, true, 1, 0, {bytes, 8193}},
    };
    static const struct ol_checkpoint checkpoints[] = {{4, 1, {0}, {0}},
                                                       {0, 0, {0}, {0}}};
    static const struct ol_hello hellos[] = {
        {0, 1, 192}, {2, 1, 192}, {1, 1, 191}};
    static const struct ol_openings openings[] = {{1ull << 63, 0},
                                                  {0, 1ull << 63}};

    if (k < OL_LEN(views))
        return ol_view_encode(w, &views[k]), true;
    k -= OL_LEN(views);
    if (k < OL_LEN(segments))
        return ol_segment_encode(w, &segments[k]), true;
    k -= OL_LEN(segments);
    if (k < OL_LEN(checkpoints))
        return ol_checkpoint_encode(w, OL_CHUNK_CHECKPOINT, &checkpoints[k]),
               true;
    k -= OL_LEN(checkpoints);
    if (k < OL_LEN(hellos))
        return ol_hello_encode(w, &hellos[k]), true;
    k -= OL_LEN(hellos);
    if (k < OL_LEN(openings))
        return ol_openings_encode(w, &openings[k]), true;
    return false;
}

static void what_decode_refuses_is_our_own_bug(void **state)
{
    struct ol_checkpoint good = {0, 1, {0}, {0}};
    struct ol_writer w;

    (void)state;
    ol_writer_init(&w, buf, sizeof(buf));
    for (volatile unsigned k = 0;; k++) {
        ol_check_hook = catch;
        if (setjmp(caught) == 0) {
            if (!encode_bad(k, &w))
                break;
            fail_msg("encoded %u", k);
        }
        assert_int_equal(w.n, 0);
    }
    if (setjmp(caught) == 0) {
        ol_checkpoint_encode(&w, OL_CHUNK_BLOB, &good);
        fail();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_its_line),
        cmocka_unit_test(a_plaintext_is_walked),
        cmocka_unit_test(every_type_stands_in_its_place_only),
        cmocka_unit_test(probes_by_hand),
        cmocka_unit_test(a_view_by_hand),
        cmocka_unit_test(a_view_has_bounds),
        cmocka_unit_test(views_go_round),
        cmocka_unit_test(a_brief_by_hand),
        cmocka_unit_test(a_segment_by_hand),
        cmocka_unit_test(a_segment_has_bounds),
        cmocka_unit_test(segments_go_round),
        cmocka_unit_test(a_checkpoint_by_hand),
        cmocka_unit_test(a_hello_by_hand),
        cmocka_unit_test(openings_by_hand),
        cmocka_unit_test(noise_is_refused_or_goes_round),
        cmocka_unit_test(what_decode_refuses_is_our_own_bug),
    };

    return cmocka_run_group_tests_name("chunk", tests, NULL, NULL);
}
