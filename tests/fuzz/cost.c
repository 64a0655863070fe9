/*
 * What decoding costs: reads of memory, and allocations.
 *
 * The decoders are compiled a second time, with each read of memory counted
 * (clang's trace-loads), and what the C library reads for them is added by its
 * length; no clock is asked. The first byte picks a decoder, the rest is its
 * input. What must hold: reads are at most so many a byte and so many in all,
 * for any input the fuzzer finds; decoders of packets allocate nothing, those
 * of text no more than their bound, and give all of it back. At the start,
 * families of inputs that are bad for a careless decoder are doubled up to
 * their decoder's limit, and what they cost may no more than double.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sanitizer/allocator_interface.h>

#include "script.h"

#include "base/check.h"
#include "channel/socks5.h"
#include "channel/url.h"
#include "station/conf.h"
#include "wire/card.h"
#include "wire/chunk.h"
#include "wire/frame.h"
#include "wire/record.h"

#define PER_BYTE 12u
#define AT_MOST 10000u /* beside: tables, 16 names against each other */
#define INPUT_MAX 65536u

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* ---- the meter ---------------------------------------------------------- */

/* The fuzzer has a thread that watches memory, and it allocates as well: each
   thread counts for itself. */
static _Thread_local uint64_t reads;
static _Thread_local bool metering;
static _Thread_local uint64_t allocs, alloc_bytes, frees;

#define METER(size)                                                            \
    void __sanitizer_cov_load##size(const void *p);                            \
    void __sanitizer_cov_load##size(const void *p)                             \
    {                                                                          \
        (void)p;                                                               \
        reads++;                                                               \
    }
METER(1)
METER(2)
METER(4)
METER(8)
METER(16)

/* What the library reads; the linker puts these in front (--wrap). */
void *__real_memmem(const void *, size_t, const void *, size_t);
void *__wrap_memmem(const void *, size_t, const void *, size_t);
int __real_memcmp(const void *, const void *, size_t);
int __wrap_memcmp(const void *, const void *, size_t);
void *__real_memchr(const void *, int, size_t);
void *__wrap_memchr(const void *, int, size_t);
void *__real___asan_memcpy(void *, const void *, size_t);
void *__wrap___asan_memcpy(void *, const void *, size_t);
void *__real___asan_memset(void *, int, size_t);
void *__wrap___asan_memset(void *, int, size_t);
void *__real___asan_memmove(void *, const void *, size_t);
void *__wrap___asan_memmove(void *, const void *, size_t);
size_t __real_strlen(const char *);
size_t __wrap_strlen(const char *);

/* Both its halves are linear. */
void *__wrap_memmem(const void *a, size_t n, const void *b, size_t m)
{
    reads += n + m;
    return __real_memmem(a, n, b, m);
}

int __wrap_memcmp(const void *a, const void *b, size_t n)
{
    reads += n;
    return __real_memcmp(a, b, n);
}

void *__wrap_memchr(const void *a, int c, size_t n)
{
    void *found = __real_memchr(a, c, n);

    reads += found != NULL ? (size_t)((char *)found - (const char *)a) : n;
    return found;
}

/* By words: a structure that is copied or cleared is no loop over input. */
void *__wrap___asan_memcpy(void *a, const void *b, size_t n)
{
    reads += 1 + n / 8;
    return __real___asan_memcpy(a, b, n);
}

void *__wrap___asan_memset(void *a, int c, size_t n)
{
    reads += 1 + n / 64;
    return __real___asan_memset(a, c, n);
}

void *__wrap___asan_memmove(void *a, const void *b, size_t n)
{
    reads += 1 + n / 8;
    return __real___asan_memmove(a, b, n);
}

size_t __wrap_strlen(const char *s)
{
    size_t n = __real_strlen(s);

    reads += n;
    return n;
}

static void on_malloc(const volatile void *p, size_t n)
{
    (void)p;
    allocs += metering;
    alloc_bytes += metering ? n : 0;
}

static void on_free(const volatile void *p)
{
    frees += metering && p != NULL;
}

/* ---- the decoders ------------------------------------------------------- */

static void record(struct ol_span in)
{
    struct ol_record r;

    (void)!ol_record_decode(in, &r);
}

static void card(struct ol_span in)
{
    static struct ol_card c;

    (void)!ol_card_decode(in, &c);
}

static void armour(struct ol_span in)
{
    static uint8_t out[OL_CARD_MAX];
    struct ol_writer w;

    ol_writer_init(&w, out, sizeof(out));
    (void)!ol_card_dearmour(in, &w);
}

/* Everything that a decoder of its type makes of each. */
static void chunks(struct ol_span in, uint8_t where)
{
    static union {
        struct ol_probe probe;
        struct ol_view view;
        struct ol_ack ack;
        struct ol_held held;
        struct ol_segment seg;
        struct ol_blob blob;
        struct ol_units units;
        struct ol_want want;
        struct ol_lost lost;
        struct ol_found found;
        struct ol_checkpoint cp;
        struct ol_hello hello;
    } v;
    struct ol_reader r;
    struct ol_chunk ch;

    ol_reader_init(&r, in);
    while (ol_chunk_next(&r, where, &ch) == OL_OK &&
           ch.type != OL_CHUNK_PAD) {
        (void)!ol_probe_decode(ch.body, &v.probe);
        (void)!ol_echo_decode(ch.body, &v.probe);
        (void)!ol_view_decode(ch.body, &v.view);
        (void)!ol_ack_decode(ch.body, &v.ack);
        if (ch.type == OL_CHUNK_HELD)
            (void)!ol_held_decode(ch.body, &v.held);
        (void)!ol_segment_decode(ch.body, &v.seg);
        (void)!ol_blob_decode(ch.body, &v.blob);
        (void)!ol_units_decode(ch.body, &v.units);
        (void)!ol_want_decode(ch.body, &v.want);
        (void)!ol_lost_decode(ch.body, &v.lost);
        if (ch.type == OL_CHUNK_FOUND)
            (void)!ol_found_decode(ch.body, &v.found);
        (void)!ol_checkpoint_decode(ch.body, &v.cp);
        (void)!ol_hello_decode(ch.body, &v.hello);
    }
}

static void in_frame(struct ol_span in)
{
    chunks(in, OL_IN_FRAME);
}

static void in_bundle(struct ol_span in)
{
    chunks(in, OL_IN_BUNDLE);
}

static void in_handshake(struct ol_span in)
{
    chunks(in, OL_IN_HANDSHAKE);
}

static void heads(struct ol_span in)
{
    struct ol_frame_head head;
    struct ol_knock knock;
    struct ol_behind behind;
    struct ol_envelope env;

    (void)!ol_frame_decode(in, &head);
    (void)!ol_knock_decode(in, &knock);
    (void)!ol_behind_decode(in, &behind);
    (void)!ol_envelope_decode(in, &env);
}

/* A text that the file's reader would have handed on. */
static const char *text_of(struct ol_span in)
{
    static char text[INPUT_MAX + 1];
    bool was = metering;

    metering = false;
    if (in.n > 0)
        memcpy(text, in.p, in.n);
    text[in.n] = '\0';
    reads = 0;
    metering = was;
    return text;
}

static void conf(struct ol_span in)
{
    static struct ol_conf_line line;
    char why[1024];

    (void)!ol_conf_line_parse("x.conf", "x", text_of(in), &line, why);
}

static void url(struct ol_span in)
{
    static struct ol_url u;
    char why[160];

    (void)!ol_url_parse(text_of(in), &u, why);
}

static const struct decoder {
    const char *name;
    void (*decode)(struct ol_span in);
    unsigned allocs; /* at most */
    size_t bytes;
} decoders[] = {
    {"record", record, 0, 0},
    {"card", card, 0, 0},
    {"armour", armour, 0, 0},
    {"frame", in_frame, 0, 0},
    {"bundle", in_bundle, 0, 0},
    {"handshake", in_handshake, 0, 0},
    {"heads", heads, 0, 0},
    {"conf", conf, 8, 65536}, /* inih's line */
    {"url", url, 0, 0},
};

static uint64_t cost(const struct decoder *d, struct ol_span in)
{
    uint64_t spent;

    reads = allocs = alloc_bytes = frees = 0;
    metering = true;
    d->decode(in);
    metering = false;
    spent = reads;
    if (spent > PER_BYTE * in.n + AT_MOST)
        (void)fprintf(stderr, "%s: %zu bytes cost %llu reads\n", d->name,
                      in.n, (unsigned long long)spent);
    OL_CHECK(spent <= PER_BYTE * in.n + AT_MOST);
    if (allocs > d->allocs || alloc_bytes > d->bytes || frees != allocs)
        (void)fprintf(stderr,
                      "%s: %zu bytes cost %llu allocations of %llu bytes, "
                      "%llu given back\n",
                      d->name, in.n, (unsigned long long)allocs,
                      (unsigned long long)alloc_bytes,
                      (unsigned long long)frees);
    OL_CHECK(allocs <= d->allocs && alloc_bytes <= d->bytes &&
             frees == allocs);
    return spent;
}

/* ---- doubled ------------------------------------------------------------ */

static const struct family {
    const char *name, *begin, *again, *end;
    size_t begin_n, again_n;
    unsigned decoder;
} families[] = {
    {"pad", "", "\0", "", 0, 1, 3},
    {"probes", "", "\1\0\14abcdefghijkl", "", 0, 15, 3},
    {"segments", "", "\6\0\10\x10\0\0\0\1\0\0x", "", 0, 11, 4},
    {"unknown", "", "\xc8\0\0", "", 0, 3, 5},
    {"blanks", "-----BEGIN OPENLINE CARD-----", "\n",
     "-----END OPENLINE CARD-----", 29, 1, 2},
    {"near begin", "", "-----BEGIN OPENLINE CARD----", "", 0, 28, 2},
    {"near end", "-----BEGIN OPENLINE CARD-----", "-----END OPENLINE CARD----",
     "", 29, 26, 2},
    {"letters", "-----BEGIN OPENLINE CARD-----", "AAAA",
     "-----END OPENLINE CARD-----", 29, 4, 2},
    {"lines", "[line]\n", "# a\n", "", 7, 4, 7},
    {"one line", "[line]\nalias = ", "a", "", 15, 1, 7},
    {"keys", "[line]\n", "channel = a tcp://h:1\n", "", 7, 22, 7},
    {"digits", "tcp://h:", "1", "", 8, 1, 8},
};

static struct ol_span member(const struct family *f, size_t n)
{
    static uint8_t out[INPUT_MAX];
    size_t end = strlen(f->end), at = f->begin_n;

    memcpy(out, f->begin, f->begin_n);
    for (; at + f->again_n + end <= n; at += f->again_n)
        memcpy(out + at, f->again, f->again_n);
    memcpy(out + at, f->end, end);
    return OL_SPAN(out, at + end);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    OL_CHECK(__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free));
    for (size_t k = 0; k < OL_LEN(families); k++) {
        const struct family *f = &families[k];
        uint64_t before = UINT64_MAX / 4;

        for (size_t n = 512; n <= INPUT_MAX; n *= 2) {
            uint64_t now = cost(&decoders[f->decoder], member(f, n));

            /* Twice, and what does not depend on the input. */
            if (now > 2 * before + 200)
                (void)fprintf(stderr, "%s: %llu reads, and %llu for %zu\n",
                              f->name, (unsigned long long)before,
                              (unsigned long long)now, n);
            OL_CHECK(now <= 2 * before + 200);
            before = now;
        }
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script s = {data, size};
    const struct decoder *d = &decoders[script_below(&s, OL_LEN(decoders))];
    struct ol_span in = script_rest(&s);

    in.n = OL_MIN(in.n, INPUT_MAX);
    (void)cost(d, in);
    return 0;
}
