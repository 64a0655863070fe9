/*
 * The fuzzer's bytes as a row of choices.
 *
 * Each call takes some bytes off the front; when none are left every choice
 * is 0, so any input is a whole play and a longer one only goes on. The same
 * bytes are the same choices: what a find did, its file does again.
 */
#ifndef OL_FUZZ_SCRIPT_H
#define OL_FUZZ_SCRIPT_H

#include <string.h>

#include <openline/span.h>

#include "base/units.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct script {
    const uint8_t *p;
    size_t n; /* what is left */
};

static inline uint8_t script_u8(struct script *s)
{
    if (s->n == 0)
        return 0;
    s->n--;
    return *s->p++;
}

static inline uint16_t script_u16(struct script *s)
{
    uint16_t high = script_u8(s);

    return (uint16_t)(high << 8 | script_u8(s));
}

static inline uint32_t script_u32(struct script *s)
{
    uint32_t high = script_u16(s);

    return high << 16 | script_u16(s);
}

static inline uint64_t script_u64(struct script *s)
{
    uint64_t high = script_u32(s);

    return high << 32 | script_u32(s);
}

/* 0 .. n - 1, of one byte where that tells them apart. */
static inline uint32_t script_below(struct script *s, uint32_t n)
{
    return (n <= 256 ? script_u8(s) : script_u32(s)) % n;
}

/* least .. most, an end of it more often than not: errors live there. */
static inline uint64_t script_edge(struct script *s, uint64_t least,
                                   uint64_t most)
{
    uint64_t more = most - least;

    switch (script_u8(s) % 8) {
    case 0:
        return least;
    case 1:
        return most;
    case 2:
        return least + (more > 0);
    case 3:
        return most - (more > 0);
    case 4:
        return least + (more < 256 ? script_u8(s) % (more + 1)
                                   : script_u8(s));
    default:
        return more == UINT64_MAX ? script_u64(s)
                                  : least + script_u64(s) % (more + 1);
    }
}

/* Up to `most` bytes, as they stand. */
static inline struct ol_span script_span(struct script *s, size_t most)
{
    size_t n = most < 256 ? script_u8(s) : script_u16(s);
    struct ol_span out;

    n = OL_MIN(OL_MIN(n, most), s->n);
    out = OL_SPAN(s->p, n);
    s->p += n;
    s->n -= n;
    return out;
}

/* Exactly n bytes into out; zeros behind the end. */
static inline void script_fill(struct script *s, void *out, size_t n)
{
    size_t some = OL_MIN(n, s->n);

    memset(out, 0, n);
    if (some > 0)
        memcpy(out, s->p, some);
    s->p += some;
    s->n -= some;
}

static inline struct ol_span script_rest(struct script *s)
{
    struct ol_span out = OL_SPAN(s->p, s->n);

    s->n = 0;
    return out;
}

#endif
