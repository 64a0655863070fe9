/*
 * Spans: borrowed bytes, a bounded reader and a bounded writer.
 *
 * Neither allocates. Both keep a sticky failure so that a decoder reads
 * straight through and checks once; after a failure a reader yields zeros and
 * empty spans and a writer writes nothing. All numbers are big-endian.
 */
#ifndef OPENLINE_SPAN_H
#define OPENLINE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes: whoever hands one out says until when they stay. */
struct ol_span {
    const uint8_t *p;
    size_t n;
};

#define OL_SPAN(ptr, len)                                                      \
    ((struct ol_span){(const uint8_t *)(ptr), (size_t)(len)})
#define OL_SPAN_ARRAY(a) OL_SPAN((a), sizeof(a))

/* The bytes of a C string without its NUL; s may be NULL (empty). */
struct ol_span ol_span_str(const char *s);
/* Same length and bytes. Not constant time: never for secrets. */
bool ol_span_eq(struct ol_span a, struct ol_span b);
/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong), no NUL. */
bool ol_span_utf8(struct ol_span s);

struct ol_reader {
    const uint8_t *p;
    size_t n; /* what is left */
    bool failed;
};

void ol_reader_init(struct ol_reader *r, struct ol_span s);
uint8_t ol_read_u8(struct ol_reader *r);
uint16_t ol_read_u16(struct ol_reader *r);
uint32_t ol_read_u32(struct ol_reader *r);
uint64_t ol_read_u64(struct ol_reader *r);
/* The next n bytes, borrowed from the reader's span. */
struct ol_span ol_read_bytes(struct ol_reader *r, size_t n);
/* Copies the next n bytes to out; zeros on failure. */
void ol_read_copy(struct ol_reader *r, void *out, size_t n);
/* Nothing failed and nothing is left. */
bool ol_reader_done(const struct ol_reader *r);

struct ol_writer {
    uint8_t *p; /* the caller's buffer */
    size_t n;   /* written so far */
    size_t cap;
    bool failed;
};

void ol_writer_init(struct ol_writer *w, void *buf, size_t cap);
void ol_write_u8(struct ol_writer *w, uint8_t v);
void ol_write_u16(struct ol_writer *w, uint16_t v);
void ol_write_u32(struct ol_writer *w, uint32_t v);
void ol_write_u64(struct ol_writer *w, uint64_t v);
void ol_write_bytes(struct ol_writer *w, struct ol_span s);
/* Reserves n bytes to be filled later; NULL when there is no room. */
uint8_t *ol_write_hole(struct ol_writer *w, size_t n);
/* What was written so far, borrowed from the buffer. */
struct ol_span ol_writer_span(const struct ol_writer *w);

#endif
