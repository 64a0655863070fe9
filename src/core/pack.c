/*
 * Segments on narrow channels.
 *
 * A record that fits into one frame goes in its short form (wire/short.h), the
 * head as it is and the body as Brotli; of a longer one each segment is packed
 * by itself, so that any of them may be lost. A record is never compressed
 * with another: the length tells nothing but of what is in it, and the frame
 * is padded (ol_frame_finish).
 * It fails by not packing: what does not become shorter, and what the peer
 * seems to drop although it was acknowledged, goes as it is.
 */
#include "core/pack.h"

#include "codec/codec.h"
#include "wire/short.h"

#define TRIES 4u

static bool whole(struct ol_line *l, struct ol_packing *p,
                  struct ol_segment *g)
{
    const struct ol_out_slot *s = p->slot;
    uint8_t canonical[OL_RECORD_MAX], text[OL_RECORD_MAX];
    struct ol_writer head, body;
    size_t n = 0;

    ol_pool_read(&l->out_pool, s->block, 0, canonical, s->size);
    ol_writer_init(&head, p->bytes, OL_MIN(p->room, sizeof(p->bytes)));
    ol_writer_init(&body, text, sizeof(text));
    if (!ol_short_split(&head, &body, OL_SPAN(canonical, s->size)))
        return false;
    if (body.n > 0) {
        n = ol_codec_pack(p->bytes + head.n, head.cap - head.n,
                          ol_writer_span(&body));
        if (n == 0)
            return false;
    }
    if (head.n + n >= s->size)
        return false;
    g->codec = OL_CODEC_SHORT;
    g->offset = 0;
    g->last = true;
    g->bytes = OL_SPAN(p->bytes, head.n + n);
    p->mask = p->want;
    return true;
}

/* As many units of the first run as fit when packed, by a few guesses. */
static bool part(struct ol_line *l, struct ol_packing *p,
                 struct ol_segment *g)
{
    const struct ol_out_slot *s = p->slot;
    unsigned first = (unsigned)__builtin_ctzll(p->want), run = 0, n;
    uint8_t raw[OL_RECORD_MAX];
    size_t cap = OL_MIN(p->room, sizeof(p->bytes)), bytes, packed;

    while (first + run < 64 && (p->want >> (first + run) & 1))
        run++;
    n = OL_MIN(run, (unsigned)(cap * 5 / 2 / OL_UNIT));
    for (unsigned k = 0; k < TRIES && n * OL_UNIT > cap; k++) {
        bytes = OL_MIN((first + n) * OL_UNIT, s->size) - first * OL_UNIT;
        ol_pool_read(&l->out_pool, s->block, first * OL_UNIT, raw, bytes);
        packed = ol_codec_pack(p->bytes, cap, OL_SPAN(raw, bytes));
        if (packed > 0 && packed < bytes) {
            g->codec = OL_CODEC_BROTLI;
            g->offset = (uint16_t)(first * OL_UNIT);
            g->last = g->offset + bytes == s->size;
            g->bytes = OL_SPAN(p->bytes, packed);
            p->mask = (n < 64 ? (UINT64_C(1) << n) - 1 : UINT64_MAX) << first;
            return true;
        }
        n = n * 4 / 5;
    }
    return false;
}

bool ol_pack_segment(struct ol_line *l, struct ol_packing *p,
                     struct ol_segment *g)
{
    if (l->out[g->prec].retries > 0)
        return false;
    return (p->want == ol_units_of(p->slot->size) && whole(l, p, g)) ||
           part(l, p, g);
}

static enum ol_err open_whole(struct ol_segment *g,
                              uint8_t bytes[OL_RECORD_MAX])
{
    uint8_t text[OL_RECORD_MAX];
    struct ol_short s;
    struct ol_reader r;
    struct ol_writer w;
    size_t n = 0;
    enum ol_err err;

    ol_reader_init(&r, g->bytes);
    err = ol_short_head(&r, &s);
    if (err == OL_OK && r.n > 0)
        err = ol_codec_unpack(text, sizeof(text), &n, OL_SPAN(r.p, r.n));
    if (err != OL_OK)
        return err;
    s.rec.prec = g->prec;
    s.rec.index = g->index;
    ol_writer_init(&w, bytes, OL_RECORD_MAX);
    err = ol_short_join(&w, &s, OL_SPAN(text, n));
    g->bytes = ol_writer_span(&w);
    return err;
}

enum ol_err ol_pack_open(struct ol_segment *g, uint8_t bytes[OL_RECORD_MAX])
{
    enum ol_err err = OL_OK;
    size_t n;

    if (g->codec == OL_CODEC_SHORT) {
        err = open_whole(g, bytes);
    } else if (g->codec == OL_CODEC_BROTLI) {
        err = ol_codec_unpack(bytes, OL_RECORD_MAX - g->offset, &n, g->bytes);
        g->bytes = OL_SPAN(bytes, n);
    }
    g->codec = OL_CODEC_RAW;
    return err == OL_OK && !ol_segment_ok(g) ? OL_ERR_MALFORMED : err;
}
