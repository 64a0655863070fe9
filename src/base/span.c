/*
 * Spans, the bounded reader and the bounded writer.
 *
 * Happy path: init, then a straight run of reads or writes, then one look at
 * `failed`. The first access that does not fit sets `failed`; from then on a
 * reader has nothing left and yields zeros, and a writer stays as it is.
 */
#include <openline/span.h>

#include <string.h>

struct ol_span ol_span_str(const char *s)
{
    return OL_SPAN(s, s ? strlen(s) : 0);
}

bool ol_span_eq(struct ol_span a, struct ol_span b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/*
 * The length of the sequence that starts with `lead`, and the range of its
 * second byte, in which all that RFC 3629 forbids shows: overlong forms
 * (E0, F0), surrogates (ED) and what lies beyond U+10FFFF (F4). 0: none, as of
 * a zero byte.
 */
static size_t utf8_sequence(uint8_t lead, uint8_t *lo, uint8_t *hi)
{
    *lo = 0x80;
    *hi = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if (lead >= 0xe0 && lead <= 0xef) {
        if (lead == 0xe0)
            *lo = 0xa0;
        if (lead == 0xed)
            *hi = 0x9f;
        return 3;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        if (lead == 0xf0)
            *lo = 0x90;
        if (lead == 0xf4)
            *hi = 0x8f;
        return 4;
    }
    return 0;
}

/* How many of the first bytes are ASCII and not zero, in steps of sixteen. */
static size_t plain(const uint8_t *p, size_t n)
{
    typedef int8_t step __attribute__((vector_size(16)));
    size_t at = 0;
    uint64_t half[2];
    step v;

    for (; n - at >= sizeof(v); at += sizeof(v)) {
        memcpy(&v, p + at, sizeof(v));
        v = (step)(v <= 0); /* ASCII is above */
        memcpy(half, &v, sizeof(half));
        if ((half[0] | half[1]) != 0)
            break;
    }
    while (at < n && p[at] > 0 && p[at] < 0x80)
        at++;
    return at;
}

bool ol_span_utf8(struct ol_span s)
{
    size_t at = 0;

    while (at < s.n) {
        uint8_t lo, hi;
        size_t len;

        at += plain(s.p + at, s.n - at);
        if (at == s.n)
            break;
        len = utf8_sequence(s.p[at], &lo, &hi);
        if (len == 0 || len > s.n - at)
            return false;
        if (s.p[at + 1] < lo || s.p[at + 1] > hi)
            return false;
        for (size_t k = 2; k < len; k++) {
            if ((s.p[at + k] & 0xc0) != 0x80)
                return false;
        }
        at += len;
    }
    return true;
}

void ol_reader_init(struct ol_reader *r, struct ol_span s)
{
    r->p = s.p;
    r->n = s.n;
    r->failed = false;
}

/* The next n >= 1 bytes, or NULL. A failed reader has nothing left, so that a
 * loop over `n` ends. */
static const uint8_t *take(struct ol_reader *r, size_t n)
{
    const uint8_t *p = r->p;

    if (r->failed || n > r->n) {
        r->failed = true;
        r->n = 0;
        return NULL;
    }
    r->p += n;
    r->n -= n;
    return p;
}

static uint64_t read_big_endian(struct ol_reader *r, size_t n)
{
    const uint8_t *p = take(r, n);
    uint64_t v = 0;

    for (size_t k = 0; p && k < n; k++)
        v = v << 8 | p[k];
    return v;
}

uint8_t ol_read_u8(struct ol_reader *r)
{
    const uint8_t *p = take(r, 1);

    return p ? *p : 0;
}

uint16_t ol_read_u16(struct ol_reader *r)
{
    return (uint16_t)read_big_endian(r, 2);
}

uint32_t ol_read_u32(struct ol_reader *r)
{
    return (uint32_t)read_big_endian(r, 4);
}

uint64_t ol_read_u64(struct ol_reader *r)
{
    return read_big_endian(r, 8);
}

struct ol_span ol_read_bytes(struct ol_reader *r, size_t n)
{
    const uint8_t *p;

    /* No arithmetic on the NULL that an empty span may hold. */
    if (n == 0)
        return OL_SPAN(r->failed ? NULL : r->p, 0);
    p = take(r, n);
    return OL_SPAN(p, p ? n : 0);
}

void ol_read_copy(struct ol_reader *r, void *out, size_t n)
{
    const uint8_t *p;

    if (n == 0)
        return;
    p = take(r, n);
    if (p)
        memcpy(out, p, n);
    else
        memset(out, 0, n);
}

bool ol_reader_done(const struct ol_reader *r)
{
    return !r->failed && r->n == 0;
}

void ol_writer_init(struct ol_writer *w, void *buf, size_t cap)
{
    w->p = buf;
    w->n = 0;
    w->cap = cap;
    w->failed = false;
}

uint8_t *ol_write_hole(struct ol_writer *w, size_t n)
{
    uint8_t *p;

    if (w->failed || n > w->cap - w->n) {
        w->failed = true;
        return NULL;
    }
    p = w->p ? w->p + w->n : NULL;
    w->n += n;
    return p;
}

static void write_big_endian(struct ol_writer *w, uint64_t v, size_t n)
{
    uint8_t *p = ol_write_hole(w, n);

    for (size_t k = 0; p && k < n; k++)
        p[k] = (uint8_t)(v >> 8 * (n - 1 - k));
}

void ol_write_u8(struct ol_writer *w, uint8_t v)
{
    write_big_endian(w, v, 1);
}

void ol_write_u16(struct ol_writer *w, uint16_t v)
{
    write_big_endian(w, v, 2);
}

void ol_write_u32(struct ol_writer *w, uint32_t v)
{
    write_big_endian(w, v, 4);
}

void ol_write_u64(struct ol_writer *w, uint64_t v)
{
    write_big_endian(w, v, 8);
}

void ol_write_bytes(struct ol_writer *w, struct ol_span s)
{
    uint8_t *p = ol_write_hole(w, s.n);

    if (p && s.n > 0)
        memcpy(p, s.p, s.n);
}

struct ol_span ol_writer_span(const struct ol_writer *w)
{
    return OL_SPAN(w->p, w->n);
}
