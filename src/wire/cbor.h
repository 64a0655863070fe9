/*
 * A strict subset of deterministic CBOR (RFC 8949 4.2.1).
 *
 * Unsigned integers, byte strings, text strings (UTF-8), arrays, maps with
 * unsigned keys in ascending order, false and true. Definite lengths and
 * shortest heads only. No tags, floats, negative numbers or null. The reader
 * never recurses and never allocates: a schema-driven caller asks for what it
 * expects, and anything else fails. Sticky failure as in span.h.
 */
#ifndef OL_WIRE_CBOR_H
#define OL_WIRE_CBOR_H

#include <openline/err.h>
#include <openline/span.h>

struct ol_cbor {
    struct ol_reader r;
};

void ol_cbor_init(struct ol_cbor *c, struct ol_span s);
uint64_t ol_cbor_uint(struct ol_cbor *c, uint64_t max);
bool ol_cbor_bool(struct ol_cbor *c);
/* Borrowed; fails above max bytes. */
struct ol_span ol_cbor_bytes(struct ol_cbor *c, size_t max);
struct ol_span ol_cbor_text(struct ol_cbor *c, size_t max);
/* A text, not yet looked at for UTF-8: the caller does. */
struct ol_span ol_cbor_unread(struct ol_cbor *c, size_t max);
/* Number of elements or pairs; fails above max. */
uint32_t ol_cbor_array(struct ol_cbor *c, uint32_t max);
uint32_t ol_cbor_map(struct ol_cbor *c, uint32_t max);
/* Nothing failed and nothing is left. */
bool ol_cbor_done(const struct ol_cbor *c);
bool ol_cbor_failed(const struct ol_cbor *c);
void ol_cbor_fail(struct ol_cbor *c);

void ol_cbor_put_uint(struct ol_writer *w, uint64_t v);
void ol_cbor_put_bool(struct ol_writer *w, bool v);
void ol_cbor_put_bytes(struct ol_writer *w, struct ol_span s);
void ol_cbor_put_text(struct ol_writer *w, struct ol_span s);
void ol_cbor_put_array(struct ol_writer *w, uint32_t n);
void ol_cbor_put_map(struct ol_writer *w, uint32_t n);

#endif
