/*
 * What comes packed on a narrow channel: Brotli, and the short form.
 *
 * The first byte picks the play. Bytes: any segment of codec 1 or 2; what
 * opens is a segment within its rules, a whole record of codec 1 is one that
 * decodes and is what the segment says, and packing it again and opening that
 * gives the same bytes. Records: what the fuzzer makes splits into head and
 * body and joins to the same bytes, packed or not; a head that is cut joins to
 * none.
 */
#include "make.h"

#include "base/check.h"
#include "codec/codec.h"
#include "core/pack.h"
#include "wire/short.h"

#define SLOW 1500u /* bytes that are packed with all of Brotli's care */

static uint8_t head[OL_SHORT_HEAD_MAX + OL_RECORD_MAX], body[OL_RECORD_MAX],
    opened[OL_RECORD_MAX], packed[2 * OL_RECORD_MAX];

/* The record goes the whole way once more. */
static void whole(const struct ol_segment *g)
{
    struct ol_segment again = *g;
    uint8_t bytes[OL_RECORD_MAX];
    struct ol_record rec;
    struct ol_writer h, b;
    size_t n = 0;

    OL_CHECK(g->offset == 0 && g->last);
    OL_CHECK(ol_record_decode(g->bytes, &rec) == OL_OK);
    OL_CHECK(rec.prec == g->prec && rec.index == g->index);
    if (g->bytes.n > SLOW)
        return;
    ol_writer_init(&h, head, sizeof(head));
    ol_writer_init(&b, body, sizeof(body));
    OL_CHECK(ol_short_split(&h, &b, g->bytes));
    if (b.n > 0) {
        n = ol_codec_pack(head + h.n, sizeof(head) - h.n, ol_writer_span(&b));
        OL_CHECK(n > 0);
    }
    again.codec = OL_CODEC_SHORT;
    again.bytes = OL_SPAN(head, h.n + n);
    OL_CHECK(ol_pack_open(&again, bytes) == OL_OK);
    OL_CHECK(ol_span_eq(again.bytes, g->bytes));
}

static void any(struct script *s)
{
    struct ol_segment g = {.index = 1};
    size_t n;

    g.prec = (uint8_t)script_below(s, OL_PRECS);
    g.codec = (uint8_t)(1 + script_below(s, 2));
    g.last = g.codec == OL_CODEC_SHORT || script_below(s, 2);
    if (g.codec == OL_CODEC_BROTLI)
        g.offset = (uint16_t)(script_below(s, 64) * OL_UNIT);
    else
        g.index = 1 + script_below(s, 3);
    g.bytes = script_rest(s);
    if (!ol_segment_ok(&g))
        return;
    if (ol_pack_open(&g, opened) != OL_OK)
        return;
    OL_CHECK(g.codec == OL_CODEC_RAW && ol_segment_ok(&g));
    if (g.bytes.p == opened && g.offset == 0 && g.last && g.bytes.n <= SLOW) {
        n = ol_codec_pack(packed, sizeof(packed), g.bytes);
        OL_CHECK(n > 0);
        OL_CHECK(ol_codec_unpack(body, sizeof(body), &n,
                                 OL_SPAN(packed, n)) == OL_OK);
        OL_CHECK(ol_span_eq(OL_SPAN(body, n), g.bytes));
    }
}

static void any_whole(struct script *s)
{
    struct ol_segment g = {.codec = OL_CODEC_SHORT, .last = true};

    g.prec = (uint8_t)script_below(s, OL_PRECS);
    g.index = 1 + script_below(s, 3);
    g.bytes = script_rest(s);
    if (ol_segment_ok(&g) && ol_pack_open(&g, opened) == OL_OK)
        whole(&g);
}

/* Head and body, neither of them packed. */
static enum ol_err join(const struct ol_record *rec, struct ol_span h,
                        struct ol_span b, struct ol_writer *out)
{
    struct ol_reader r;
    struct ol_short form;
    enum ol_err err;

    ol_reader_init(&r, h);
    err = ol_short_head(&r, &form);
    if (err != OL_OK)
        return err;
    OL_CHECK(r.n == 0);
    form.rec.prec = rec->prec;
    form.rec.index = rec->index;
    ol_writer_init(out, opened, sizeof(opened));
    return ol_short_join(out, &form, b);
}

static void records(struct script *s)
{
    static uint8_t canonical[OL_RECORD_MAX];
    struct ol_segment g = {.last = true};
    struct ol_record rec;
    struct ol_writer w, h, b, back;
    size_t cut;

    make_record(s, &rec);
    ol_writer_init(&w, canonical, sizeof(canonical));
    if (ol_record_encode(&w, &rec) != OL_OK)
        return;
    ol_writer_init(&h, head, sizeof(head));
    ol_writer_init(&b, body, sizeof(body));
    if (!ol_short_split(&h, &b, ol_writer_span(&w)))
        return;
    OL_CHECK(join(&rec, ol_writer_span(&h), ol_writer_span(&b), &back) ==
             OL_OK);
    OL_CHECK(ol_span_eq(ol_writer_span(&back), ol_writer_span(&w)));
    /* A head that ends early is none. */
    cut = script_u16(s) % h.n;
    OL_CHECK(join(&rec, OL_SPAN(head, cut), ol_writer_span(&b), &back) !=
             OL_OK);
    g.prec = rec.prec;
    g.index = rec.index;
    g.bytes = ol_writer_span(&w);
    whole(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script s = {data, size};

    switch (script_below(&s, 3)) {
    case 0:
        any(&s);
        break;
    case 1:
        any_whole(&s);
        break;
    default:
        records(&s);
        break;
    }
    return 0;
}
