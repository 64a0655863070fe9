/*
 * Brotli within fixed memory.
 *
 * Happy path: both directions run the library once over the whole input, with
 * an allocator that only moves on in one static scratch; then what was used of
 * it is wiped, because it held the text. Nothing is allocated elsewhere: not by
 * the size that a peer chose, and not by ours. Pack looks whether its own
 * result unpacks to what went in, so no fault of a library reaches a record.
 * It fails by saying so: a stream that wants more memory than the bound, more
 * room than the caller has, or that is not Brotli, is an error; what does not
 * pack goes unpacked.
 */
#include "codec/codec.h"

#include <brotli/decode.h>
#include <brotli/encode.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"

#define ALIGN 64u
#define WINDOW_BITS 14 /* 16 KiB: more than a record has */

static _Alignas(64) uint8_t scratch[OL_CODEC_PACK_BYTES];
static uint8_t again[OL_CODEC_IN_MAX];
static size_t used, bound, most;
static bool busy;

static void *take(void *unused, size_t n)
{
    void *p = scratch + used;

    (void)unused;
    if (n > bound - used)
        return NULL;
    used += OL_MIN((n + ALIGN - 1) / ALIGN * ALIGN, bound - used);
    most = OL_MAX(most, used);
    return p;
}

static void give(void *unused, void *p)
{
    (void)unused;
    (void)p;
}

static void begin(size_t bytes)
{
    OL_CHECK(!__atomic_test_and_set(&busy, __ATOMIC_ACQUIRE));
    used = 0;
    bound = bytes;
}

static void finish(void)
{
    explicit_bzero(scratch, used);
    __atomic_clear(&busy, __ATOMIC_RELEASE);
}

size_t ol_codec_most(void)
{
    return most;
}

static bool set(BrotliEncoderState *s, BrotliEncoderParameter p, uint32_t v)
{
    return BrotliEncoderSetParameter(s, p, v) == BROTLI_TRUE;
}

static size_t pack(uint8_t *out, size_t cap, struct ol_span in)
{
    BrotliEncoderState *s = BrotliEncoderCreateInstance(take, give, NULL);
    size_t left = in.n, room = cap;

    if (s == NULL || !set(s, BROTLI_PARAM_QUALITY, BROTLI_MAX_QUALITY) ||
        !set(s, BROTLI_PARAM_LGWIN, WINDOW_BITS) ||
        !set(s, BROTLI_PARAM_SIZE_HINT, (uint32_t)in.n) ||
        BrotliEncoderCompressStream(s, BROTLI_OPERATION_FINISH, &left, &in.p,
                                    &room, &out, NULL) != BROTLI_TRUE ||
        BrotliEncoderIsFinished(s) != BROTLI_TRUE)
        return 0;
    /* Its memory is the scratch: there is nothing to destroy. */
    return cap - room;
}

size_t ol_codec_pack(uint8_t *out, size_t cap, struct ol_span in)
{
    size_t n, back;

    OL_CHECK(in.n > 0 && in.n <= OL_CODEC_IN_MAX);
    begin(sizeof(scratch));
    n = pack(out, cap, in);
    finish();
    if (n == 0)
        return 0;
    if (ol_codec_unpack(again, sizeof(again), &back, OL_SPAN(out, n)) ||
        back != in.n || memcmp(again, in.p, back) != 0)
        n = 0;
    explicit_bzero(again, in.n);
    return n;
}

static enum ol_err unpack(uint8_t *out, size_t cap, size_t *n,
                          struct ol_span in)
{
    BrotliDecoderState *s = BrotliDecoderCreateInstance(take, give, NULL);
    size_t room = cap;
    BrotliDecoderResult r;

    if (s == NULL)
        return OL_ERR_MALFORMED;
    r = BrotliDecoderDecompressStream(s, &in.n, &in.p, &room, &out, NULL);
    *n = cap - room;
    if (r == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT)
        return OL_ERR_SHORT;
    if (r == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT)
        return OL_ERR_LONG;
    return r == BROTLI_DECODER_RESULT_SUCCESS && in.n == 0
               ? OL_OK
               : OL_ERR_MALFORMED;
}

enum ol_err ol_codec_unpack(uint8_t *out, size_t cap, size_t *n,
                            struct ol_span in)
{
    enum ol_err err;

    begin(OL_CODEC_UNPACK_BYTES);
    err = unpack(out, cap, n, in);
    finish();
    return err;
}
