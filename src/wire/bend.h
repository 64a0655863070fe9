/*
 * For the tests of layouts: one accepted encoding only.
 *
 * `again` decodes and, if that is accepted, encodes what it got; bend_all
 * holds it against the encoding itself, against every byte of it changed,
 * every length it can be cut to, and bytes added. Whatever is accepted must
 * encode to exactly the bytes that were accepted. Every input lies in a block
 * of its own length, so that a sanitizer sees the first byte read too far.
 */
#ifndef OL_WIRE_BEND_H
#define OL_WIRE_BEND_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openline/span.h>

#define BEND_MAX 70000u

/* false: refused. Whoever accepts writes the encoding to out. */
typedef bool bend_again(struct ol_span in, struct ol_writer *out);

/* Was it accepted? Fails the test if accepted bytes are not the encoding. */
static inline bool bend_one(struct ol_span in, bend_again *again)
{
    static uint8_t buf[BEND_MAX];
    struct ol_writer w;
    bool accepted;

    ol_writer_init(&w, buf, sizeof(buf));
    accepted = again(in, &w);
    if (accepted) {
        assert_false(w.failed);
        assert_int_equal(w.n, in.n);
        assert_memory_equal(buf, in.p, in.n);
    }
    return accepted;
}

static inline void bend_bytes(struct ol_span x, bend_again *again)
{
    uint8_t *copy = malloc(x.n ? x.n : 1);
    /* All 255 other values where that is quick, else each bit alone. */
    unsigned step = x.n <= 256 ? 1 : 0;

    memcpy(copy, x.p, x.n);
    for (size_t k = 0; k < x.n; k++) {
        for (unsigned flip = 1; flip < 256; flip += step ? step : flip) {
            copy[k] = (uint8_t)(x.p[k] ^ flip);
            bend_one(OL_SPAN(copy, x.n), again);
        }
        copy[k] = x.p[k];
    }
    free(copy);
}

/* x is a whole valid encoding. */
static inline void bend_all(struct ol_span x, bend_again *again)
{
    assert_true(bend_one(x, again));
    bend_bytes(x, again);
    for (size_t n = 0; n < x.n; n++) {
        uint8_t *cut = malloc(n ? n : 1);

        memcpy(cut, x.p, n);
        bend_one(OL_SPAN(cut, n), again);
        free(cut);
    }
    for (size_t more = 1; more <= 3; more++) {
        uint8_t *longer = calloc(1, x.n + more);

        memcpy(longer, x.p, x.n);
        bend_one(OL_SPAN(longer, x.n + more), again);
        longer[x.n] = 1;
        bend_one(OL_SPAN(longer, x.n + more), again);
        free(longer);
    }
}

/* "01 0a ff" to bytes; for vectors written by hand. */
static inline struct ol_span bend_hex(const char *hex, uint8_t *out)
{
    size_t n = 0;

    for (const char *p = hex; *p; p++) {
        const char digits[] = "0123456789abcdef";
        const char *d = strchr(digits, *p);

        if (*p == ' ')
            continue;
        assert_non_null(d);
        if (n % 2 == 0)
            out[n / 2] = 0;
        out[n / 2] = (uint8_t)(out[n / 2] << 4 | (d - digits));
        n++;
    }
    assert_int_equal(n % 2, 0);
    return OL_SPAN(out, n / 2);
}

#endif
