/*
 * Short texts on slow channels: Brotli (RFC 7932) within fixed memory.
 *
 * Both calls work in one scratch of this process and leave it wiped; they keep
 * nothing from call to call. They are not to be called by two threads at once:
 * that is an assertion. Source: doc/protocol.md 5.7.
 */
#ifndef OL_CODEC_CODEC_H
#define OL_CODEC_CODEC_H

#include <openline/err.h>
#include <openline/span.h>

#define OL_CODEC_IN_MAX 8192u /* bytes that are packed, or come out */
/* What a stream may ask of its receiver. What packs within this always
 * unpacks; a stranger's stream that wants more is refused. */
#define OL_CODEC_UNPACK_BYTES (128u * 1024)
#define OL_CODEC_PACK_BYTES (2u * 1024 * 1024)

/* Packs 1 to OL_CODEC_IN_MAX bytes; returns how many came out, or 0 when that
 * is more than cap, or when a receiver could not unpack it. */
size_t ol_codec_pack(uint8_t *out, size_t cap, struct ol_span in);

/* Unpacks one whole stream, of which nothing may be left, to *n bytes, at most
 * cap. Errors: OL_ERR_SHORT (it ends early), OL_ERR_LONG (more than cap comes
 * out), OL_ERR_MALFORMED; then what is in `out` means nothing. */
OL_MUST_USE enum ol_err ol_codec_unpack(uint8_t *out, size_t cap, size_t *n,
                                        struct ol_span in);

/* The most that any call since the start took of the scratch, for tests. */
size_t ol_codec_most(void);

#endif
