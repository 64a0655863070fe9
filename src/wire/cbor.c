/*
 * A strict subset of deterministic CBOR.
 *
 * Happy path: the caller asks for what its schema expects, straight through,
 * and looks once at the end whether all of it was there. Any other type, a
 * head longer than its value needs, a value above the caller's maximum or
 * text that is not UTF-8 fails the reader for good. A writer fails as in
 * span.h, when there is no room.
 */
#include "wire/cbor.h"

/* Major types and simple values of RFC 8949 3. */
enum major { UINT = 0, BYTES = 2, TEXT = 3, ARRAY = 4, MAP = 5 };

#define FALSE_BYTE 0xf4u
#define TRUE_BYTE 0xf5u

/* Additional information: the value itself, or the bytes that hold it. */
#define IN_8 24u
#define IN_16 25u
#define IN_32 26u
#define IN_64 27u

void ol_cbor_init(struct ol_cbor *c, struct ol_span s)
{
    ol_reader_init(&c->r, s);
}

void ol_cbor_fail(struct ol_cbor *c)
{
    c->r.failed = true;
    c->r.n = 0;
}

bool ol_cbor_failed(const struct ol_cbor *c)
{
    return c->r.failed;
}

bool ol_cbor_done(const struct ol_cbor *c)
{
    return ol_reader_done(&c->r);
}

/* The value of a head of this major type, at most max; 0 on failure. */
static uint64_t head(struct ol_cbor *c, enum major major, uint64_t max)
{
    uint8_t first = ol_read_u8(&c->r);
    uint8_t info = first & 0x1f;
    uint64_t v = info;
    uint64_t least = 0; /* a smaller value has a shorter head */

    if (first >> 5 == major && info < IN_8 && info <= max)
        return info; /* nearly all; behind a failure a zero */
    switch (info) {
    case IN_8:
        v = ol_read_u8(&c->r);
        least = IN_8;
        break;
    case IN_16:
        v = ol_read_u16(&c->r);
        least = UINT8_MAX + 1u;
        break;
    case IN_32:
        v = ol_read_u32(&c->r);
        least = UINT16_MAX + 1u;
        break;
    case IN_64:
        v = ol_read_u64(&c->r);
        least = UINT64_C(1) << 32;
        break;
    default:
        if (info > IN_64) /* reserved, or an indefinite length */
            ol_cbor_fail(c);
        break;
    }
    if (first >> 5 != major || v < least || v > max)
        ol_cbor_fail(c);
    return c->r.failed ? 0 : v;
}

uint64_t ol_cbor_uint(struct ol_cbor *c, uint64_t max)
{
    return head(c, UINT, max);
}

bool ol_cbor_bool(struct ol_cbor *c)
{
    uint8_t b = ol_read_u8(&c->r);

    if (b != FALSE_BYTE && b != TRUE_BYTE)
        ol_cbor_fail(c);
    return !c->r.failed && b == TRUE_BYTE;
}

struct ol_span ol_cbor_bytes(struct ol_cbor *c, size_t max)
{
    return ol_read_bytes(&c->r, (size_t)head(c, BYTES, max));
}

struct ol_span ol_cbor_unread(struct ol_cbor *c, size_t max)
{
    return ol_read_bytes(&c->r, (size_t)head(c, TEXT, max));
}

struct ol_span ol_cbor_text(struct ol_cbor *c, size_t max)
{
    struct ol_span s = ol_cbor_unread(c, max);

    if (ol_span_utf8(s))
        return s;
    ol_cbor_fail(c);
    return OL_SPAN(NULL, 0);
}

uint32_t ol_cbor_array(struct ol_cbor *c, uint32_t max)
{
    return (uint32_t)head(c, ARRAY, max);
}

uint32_t ol_cbor_map(struct ol_cbor *c, uint32_t max)
{
    return (uint32_t)head(c, MAP, max);
}

static void put_head(struct ol_writer *w, enum major major, uint64_t v)
{
    uint8_t first = (uint8_t)(major << 5);

    if (v < IN_8) {
        ol_write_u8(w, (uint8_t)(first | v));
    } else if (v <= UINT8_MAX) {
        ol_write_u8(w, first | IN_8);
        ol_write_u8(w, (uint8_t)v);
    } else if (v <= UINT16_MAX) {
        ol_write_u8(w, first | IN_16);
        ol_write_u16(w, (uint16_t)v);
    } else if (v <= UINT32_MAX) {
        ol_write_u8(w, first | IN_32);
        ol_write_u32(w, (uint32_t)v);
    } else {
        ol_write_u8(w, first | IN_64);
        ol_write_u64(w, v);
    }
}

void ol_cbor_put_uint(struct ol_writer *w, uint64_t v)
{
    put_head(w, UINT, v);
}

void ol_cbor_put_bool(struct ol_writer *w, bool v)
{
    ol_write_u8(w, v ? TRUE_BYTE : FALSE_BYTE);
}

void ol_cbor_put_bytes(struct ol_writer *w, struct ol_span s)
{
    put_head(w, BYTES, s.n);
    ol_write_bytes(w, s);
}

void ol_cbor_put_text(struct ol_writer *w, struct ol_span s)
{
    put_head(w, TEXT, s.n);
    ol_write_bytes(w, s);
}

void ol_cbor_put_array(struct ol_writer *w, uint32_t n)
{
    put_head(w, ARRAY, n);
}

void ol_cbor_put_map(struct ol_writer *w, uint32_t n)
{
    put_head(w, MAP, n);
}
