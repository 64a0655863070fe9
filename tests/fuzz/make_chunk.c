/*
 * Chunks of the fuzzer's, near what a line has.
 *
 * One function a type, in a table by type; each fills the structure within
 * the bounds of its encoder, which calls a breach our own bug.
 */
#include "make.h"

#include <openline/file.h>

#include "base/check.h"
#include "base/window.h"
#include "codec/codec.h"
#include "wire/short.h"

/* An index near where the line's log stands. */
static uint32_t near(struct script *s, uint32_t at, uint32_t least)
{
    uint32_t v;

    if (script_u8(s) % 8 == 0)
        return (uint32_t)script_edge(s, least, UINT32_MAX);
    v = at + script_below(s, 6) - 2;
    return v < least || v > at + 6 ? least : v;
}

static void make_probe(struct script *s, struct ol_line *l,
                       struct ol_writer *w)
{
    struct ol_probe p = {.id = script_u32(s), .alone = script_below(s, 2)};

    (void)l;
    p.id += p.id == 0;
    (void)ol_probe_encode(w, &p);
}

static void make_echo(struct script *s, struct ol_line *l,
                      struct ol_writer *w)
{
    unsigned c = script_below(s, OL_CHAN_MAX);
    struct ol_probe p = {.id = script_u32(s),
                         .delay_100us = (uint16_t)script_u32(s)};

    if (l != NULL && c < l->n_ch)
        p.id = l->ch[c].probe_id + (p.id & 1);
    p.id += p.id == 0;
    (void)ol_echo_encode(w, &p);
}

static void make_view(struct script *s, struct ol_line *l,
                      struct ol_writer *w)
{
    struct ol_view v = {.serial = script_u32(s)};
    uint32_t tag = 0;

    v.attendance = (uint8_t)script_below(s, OL_ATT_UNATTENDED + 1);
    v.line = (uint8_t)script_below(s, OL_LINE_UNKNOWN);
    v.count = (uint8_t)script_below(s, OL_CHANNELS_MAX + 1);
    for (unsigned k = 0; k < v.count; k++) {
        tag += 1 + (script_u32(s) & 0x7ffffff);
        v.v[k].tag = tag;
        v.v[k].state = (uint8_t)script_below(s, OL_CHAN_UNKNOWN);
    }
    if (l != NULL && v.count == 1)
        v.v[0].tag = l->ch[script_below(s, l->n_ch)].tag;
    (void)ol_view_encode(w, &v);
}

static void make_ack(struct script *s, struct ol_line *l,
                     struct ol_writer *w)
{
    struct ol_ack a = {.index = script_u32(s),
                       .high = (uint32_t)script_edge(s, 0, UINT32_MAX),
                       .delay_100us = script_u16(s)};
    unsigned wanted = 1 + script_below(s, OL_ACK_RANGES);
    uint32_t at;

    if (l != NULL && l->sending >= 0) {
        const struct ol_epoch *e = &l->epoch[l->sending];
        unsigned c = script_below(s, l->n_ch);

        a.index = e->ch[c].tx.index;
        a.high = near(s, e->ch[c].counter, 0);
    }
    at = a.high;
    while (a.count < wanted) {
        uint32_t run = (uint32_t)script_edge(s, 0, 300), lo;
        uint32_t gap = 2 + script_below(s, 100);

        lo = at - OL_MIN(at, run);
        if (a.high - lo >= OL_WINDOW_BITS)
            lo = at;
        a.v[a.count].hi = at;
        a.v[a.count++].lo = lo;
        if (lo < gap || a.high - (lo - gap) >= OL_WINDOW_BITS)
            break;
        at = lo - gap;
    }
    (void)ol_ack_encode(w, &a);
}

/* What our own log has there, if it is at hand. */
static void root_of(struct ol_line *l, unsigned p, uint32_t index,
                    uint8_t out[OL_ROOT])
{
    struct ol_out_slot *slot = ol_window_slot(l, p, index);
    uint8_t root[OL_HASH];

    if (slot != NULL) {
        memcpy(out, slot->root, OL_ROOT);
    } else if (index == l->out[p].size) {
        ol_tree_root(&l->out[p].tree, root);
        memcpy(out, root, OL_ROOT);
    }
}

static void make_log(struct script *s, struct ol_line *l, unsigned p,
                     struct ol_held_log *h)
{
    uint32_t at = l != NULL ? l->out[p].acked : 0, next;

    h->upto = near(s, at, 0);
    if (h->upto > 0)
        script_fill(s, h->root, OL_ROOT);
    if (l != NULL && h->upto > 0 && script_u8(s) % 4 != 0)
        root_of(l, p, h->upto, h->root);
    h->limit = (uint32_t)script_edge(s, h->upto, UINT32_MAX);
    next = h->upto + 2;
    for (unsigned n = script_below(s, OL_HELD_RANGES + 1); n > 0; n--) {
        uint16_t count = (uint16_t)script_edge(s, 1, UINT16_MAX);

        if (next < 2 || next > UINT32_MAX - 70000)
            break;
        h->ranges[h->n_ranges].first = next;
        h->ranges[h->n_ranges++].count = count;
        next += count + 1u + script_below(s, 3);
    }
    next = h->upto + 1;
    for (unsigned n = script_below(s, OL_HELD_PARTS + 1); n > 0; n--) {
        if (next == 0 || next > UINT32_MAX - 4)
            break;
        h->parts[h->n_parts].index = next;
        h->parts[h->n_parts++].mask = script_u64(s) | 1;
        next += 1 + script_below(s, 3);
    }
}

static void make_held(struct script *s, struct ol_line *l,
                      struct ol_writer *w)
{
    struct ol_held h = {.serial = script_u32(s)};

    script_fill(s, h.boot, sizeof(h.boot));
    if (l != NULL && script_u8(s) % 8 != 0)
        memcpy(h.boot, l->peer_boot, sizeof(h.boot));
    h.logs = script_u8(s) % (1u << OL_PRECS);
    h.has_prekey = script_u8(s) & 1;
    if (h.has_prekey) {
        h.prekey_id = (uint32_t)script_edge(s, 1, UINT32_MAX);
        script_fill(s, h.prekey, sizeof(h.prekey));
    }
    for (unsigned p = 0; p < OL_PRECS; p++)
        if (h.logs >> p & 1)
            make_log(s, l, p, &h.log[p]);
    (void)ol_held_encode(w, &h);
}

/* A piece of a record: the fuzzer's bytes, or a record that decodes. */
static void make_piece(struct script *s, uint32_t index,
                       struct ol_segment *g)
{
    static uint8_t bytes[OL_RECORD_MAX];
    struct ol_record rec;
    struct ol_writer w;
    size_t n = (size_t)script_edge(s, 1, OL_RECORD_MAX), first, end;

    g->prec = (uint8_t)script_below(s, OL_PRECS);
    g->index = index;
    memset(bytes, script_u8(s), n);
    if (script_u8(s) % 4 != 0) {
        make_record(s, &rec);
        rec.prec = g->prec;
        rec.index = g->index;
        ol_writer_init(&w, bytes, sizeof(bytes));
        n = ol_record_encode(&w, &rec) == OL_OK ? w.n : n;
    }
    first = script_u8(s) % 4 ? 0 : script_below(s, 64) * OL_UNIT;
    first = first < n ? first : 0;
    end = script_u8(s) % 4 ? n : first + OL_UNIT * (1 + script_below(s, 64));
    end = OL_MIN(end, n);
    g->last = end == n;
    g->offset = (uint16_t)first;
    g->bytes = OL_SPAN(bytes + first, end - first);
}

/* The same packed, if it is short enough for that to take no time; or what
 * never was a stream. */
static void make_packed(struct script *s, struct ol_segment *g)
{
    static uint8_t out[OL_RECORD_MAX], text[OL_RECORD_MAX];
    unsigned how = script_below(s, 8);
    struct ol_writer head, body;
    size_t n;

    ol_writer_init(&head, out, sizeof(out));
    if (how == 0) {
        struct ol_span any = script_span(s, 600);

        g->codec = g->offset == 0 && g->last ? OL_CODEC_SHORT
                                             : OL_CODEC_BROTLI;
        ol_write_bytes(&head, any);
    } else if (how < 4 && g->offset == 0 && g->last && g->bytes.n < 600) {
        ol_writer_init(&body, text, sizeof(text));
        if (!ol_short_split(&head, &body, g->bytes))
            return;
        g->codec = OL_CODEC_SHORT;
        if (body.n > 0)
            head.n += ol_codec_pack(out + head.n, sizeof(out) - head.n,
                                    ol_writer_span(&body));
    } else if (how < 6 && g->bytes.n < 600) {
        n = ol_codec_pack(out, sizeof(out), g->bytes);
        g->codec = OL_CODEC_BROTLI;
        head.n = n;
    }
    if (head.n > 0)
        g->bytes = ol_writer_span(&head);
    else
        g->codec = OL_CODEC_RAW;
    if (g->codec != OL_CODEC_RAW && script_u8(s) % 4 == 0)
        out[script_u16(s) % head.n] ^= (uint8_t)(1 << script_below(s, 8));
}

static void make_segment(struct script *s, struct ol_line *l,
                         struct ol_writer *w)
{
    struct ol_segment g = {.index = 1};
    unsigned p = script_below(s, OL_PRECS);

    make_piece(s, near(s, l != NULL ? l->in[p].upto : 0, 1), &g);
    make_packed(s, &g);
    (void)ol_segment_encode(w, &g);
}

static void make_return(struct script *s, struct ol_line *l,
                        struct ol_writer *w)
{
    struct ol_segment g = {.index = 1};
    unsigned p = script_below(s, OL_PRECS);

    make_piece(s, near(s, l != NULL ? l->out[p].size : 0, 1), &g);
    (void)ol_return_encode(w, &g);
}

static void make_blob(struct script *s, struct ol_line *l,
                      struct ol_writer *w)
{
    static uint8_t bytes[OL_PIECE];
    struct ol_blob b;
    size_t room = w->cap - w->n, most;

    if (room < OL_CHUNK_HEAD + OL_BLOB_HEAD + OL_BLOB_UNIT)
        return;
    script_fill(s, b.hash, sizeof(b.hash));
    b.offset = script_edge(s, 0, OL_FILE_MAX - 1) / OL_BLOB_UNIT *
               OL_BLOB_UNIT;
    if (l != NULL && l->pull.on) {
        memcpy(b.hash, l->pull.hash, 32);
        b.offset = ((uint64_t)l->pull.upto + script_below(s, 3)) * OL_PIECE +
                   OL_BLOB_UNIT * script_below(s, OL_PIECE_UNITS);
    }
    room -= OL_CHUNK_HEAD;
    most = OL_MIN(OL_MIN(room, ol_chunk_rule(OL_CHUNK_BLOB)->most) -
                      OL_BLOB_HEAD,
                  OL_PIECE - b.offset % OL_PIECE);
    b.bytes = OL_SPAN(bytes, script_edge(s, 1, most));
    if (b.bytes.n > OL_BLOB_UNIT && script_u8(s) % 4)
        b.bytes.n -= b.bytes.n % OL_BLOB_UNIT;
    (void)ol_blob_encode(w, &b);
}

static void make_units(struct script *s, struct ol_line *l,
                       struct ol_writer *w)
{
    static uint8_t bytes[OL_FRAME_MAX];
    struct ol_units u = {.serial = script_u32(s)};
    size_t room = w->cap - w->n, most;

    if (room < OL_CHUNK_HEAD + OL_UNITS_HEAD + OL_BLOB_UNIT)
        return;
    u.piece = (uint32_t)script_edge(s, 0, UINT32_MAX - 2);
    u.first = (uint16_t)script_below(s, OL_PIECE_UNITS);
    if (l != NULL && l->pull.on) {
        u.serial = l->pull.serial - u.serial % 8 / 7;
        u.piece = l->pull.upto + script_below(s, 3);
    }
    room -= OL_CHUNK_HEAD + OL_UNITS_HEAD;
    most = ol_chunk_rule(OL_CHUNK_UNITS)->most - OL_UNITS_HEAD;
    most = OL_MIN(OL_MIN(room, most),
                  OL_PIECE - (size_t)u.first * OL_BLOB_UNIT);
    u.bytes = OL_SPAN(bytes, script_edge(s, 1, most));
    if (u.bytes.n > OL_BLOB_UNIT && script_u8(s) % 4)
        u.bytes.n -= u.bytes.n % OL_BLOB_UNIT;
    (void)ol_units_encode(w, &u);
}

static void make_want(struct script *s, struct ol_line *l,
                      struct ol_writer *w)
{
    struct ol_want v = {.serial = script_u32(s)};
    uint32_t pieces, beyond;

    memset(v.hash, script_u8(s), sizeof(v.hash));
    v.size = script_edge(s, 1, OL_FILE_MAX) >> script_below(s, 34);
    v.size = OL_MAX(v.size, 1);
    if (l != NULL && script_u8(s) % 4 != 0) { /* that it serves */
        unsigned k = script_below(s, MAKE_FILES);

        memset(v.hash, 0xa0 + (int)k, sizeof(v.hash));
        v.size = make_file_size(k);
        v.serial = l->push.serial + script_below(s, 4);
    }
    if (script_u8(s) % 4 == 0) {
        v.flags = script_u8(s) & 1 ? OL_WANT_DONE : OL_WANT_DECLINED;
        v.flags |= script_u8(s) & 1 ? OL_WANT_NOTED : 0;
        (void)ol_want_encode(w, &v);
        return;
    }
    pieces = ol_file_pieces(v.size);
    v.upto = (uint32_t)script_edge(s, 0, pieces);
    v.limit = (uint32_t)script_edge(s, v.upto, pieces);
    beyond = pieces - v.upto;
    v.map = script_u64(s);
    if (beyond <= 64)
        v.map &= (UINT64_C(1) << (beyond == 0 ? 0 : beyond - 1)) - 1;
    (void)ol_want_encode(w, &v);
}

static void make_checkpoint(struct script *s, struct ol_line *l,
                            struct ol_writer *w)
{
    struct ol_checkpoint cp = {.prec = (uint8_t)script_below(s, OL_PRECS)};

    cp.size = near(s, l != NULL ? l->in[cp.prec].upto : 0, 1);
    script_fill(s, cp.root, sizeof(cp.root));
    script_fill(s, cp.sig, sizeof(cp.sig));
    (void)ol_checkpoint_encode(w, script_u8(s) % 8 ? OL_CHUNK_CHECKPOINT
                                                   : OL_CHUNK_COSIGNATURE,
                               &cp);
}

static void make_lost(struct script *s, struct ol_line *l,
                      struct ol_writer *w)
{
    struct ol_lost o = {.prec = (uint8_t)script_below(s, OL_PRECS)};
    uint32_t at = l != NULL ? l->in[o.prec].upto : 0;

    o.repeat = script_u8(s) & 1;
    o.ask = script_edge(s, 1, UINT64_MAX);
    o.next = script_u8(s) & 1 ? near(s, at, 0) : 0;
    o.map = script_u64(s);
    at = near(s, at, 1);
    for (unsigned n = script_below(s, OL_LOST_STEPS + 1); n > 0; n--) {
        o.step[o.n_steps].index = at;
        script_fill(s, o.step[o.n_steps].root, OL_ROOT);
        if (l != NULL && at == l->in[o.prec].durable)
            memcpy(o.step[o.n_steps].root, l->in[o.prec].durable_root,
                   OL_ROOT);
        o.n_steps++;
        if (at < 2)
            break;
        at -= 1 + script_u8(s) % OL_MIN(at - 1, 256u);
    }
    (void)ol_lost_encode(w, &o);
}

static void make_found(struct script *s, struct ol_line *l,
                       struct ol_writer *w)
{
    struct ol_found f = {.prec = (uint8_t)script_below(s, OL_PRECS)};
    uint32_t at = l != NULL ? l->out[f.prec].size : 0, next;

    f.ask = script_edge(s, 1, UINT64_MAX);
    if (l != NULL && l->out[f.prec].back.ask != 0 && script_u8(s) % 8)
        f.ask = l->out[f.prec].back.ask;
    f.upto = near(s, at, 0);
    f.match = script_below(s, 4);
    f.match = f.upto - OL_MIN(f.upto, f.match);
    if (f.upto > 0)
        script_fill(s, f.root, OL_ROOT);
    if (l != NULL && f.upto > 0 && script_u8(s) % 4 != 0)
        root_of(l, f.prec, f.upto, f.root);
    f.number = script_edge(s, 0, OL_NUMBER_MAX);
    f.has_cp = script_u8(s) & 1;
    if (f.has_cp) {
        f.cp.prec = f.prec;
        f.cp.size = near(s, f.upto, 1);
        script_fill(s, f.cp.root, sizeof(f.cp.root));
        script_fill(s, f.cp.sig, sizeof(f.cp.sig));
    }
    next = f.upto + 2;
    for (unsigned n = script_below(s, OL_HELD_RANGES + 1); n > 0; n--) {
        uint16_t count = (uint16_t)script_edge(s, 1, UINT16_MAX);

        if (next < 2 || next > UINT32_MAX - 70000)
            break;
        f.ranges[f.n_ranges].first = next;
        f.ranges[f.n_ranges++].count = count;
        next += count + 1u + script_below(s, 3);
    }
    (void)ol_found_encode(w, &f);
}

static void make_hello(struct script *s, struct ol_line *l,
                       struct ol_writer *w)
{
    struct ol_hello h = {.version_min = (uint8_t)script_edge(s, 1, 255)};

    (void)l;
    h.version_max = (uint8_t)script_edge(s, h.version_min, 255);
    h.frame_max = (uint16_t)script_edge(s, OL_FRAME_MIN, UINT16_MAX);
    (void)ol_hello_encode(w, &h);
}

static void make_openings(struct script *s, struct ol_line *l,
                          struct ol_writer *w)
{
    struct ol_openings o = {.made = script_edge(s, 0, INT64_MAX),
                            .seen = script_edge(s, 0, INT64_MAX)};

    if (script_u8(s) % 4 != 0) { /* as they are while nobody pushes them */
        o.made &= UINT32_MAX;
        o.seen &= UINT32_MAX;
    }
    if (l != NULL && script_u8(s) % 2)
        o.seen = l->kept.open_sent + script_below(s, 3);
    if (l != NULL && script_u8(s) % 2)
        o.made = l->verified + script_below(s, 3);
    o.made &= INT64_MAX;
    o.seen &= INT64_MAX;
    (void)ol_openings_encode(w, &o);
}

static void make_brief(struct script *s, struct ol_line *l,
                       struct ol_writer *w)
{
    struct ol_brief b = {.prec = (uint8_t)script_below(s, OL_PRECS),
                         .serial = script_u32(s), .first = script_u8(s)};

    b.upto = near(s, l != NULL ? l->out[b.prec].acked : 0, 1);
    script_fill(s, b.root, OL_ROOT);
    if (l != NULL && script_u8(s) % 4 != 0)
        root_of(l, b.prec, b.upto, b.root);
    b.high = (uint32_t)script_edge(s, 0, UINT32_MAX);
    if (l != NULL && l->sending >= 0)
        b.high = near(s, l->epoch[l->sending]
                             .ch[script_below(s, l->n_ch)].counter, 0);
    b.first = (uint8_t)OL_MIN(b.first, b.high);
    (void)ol_brief_encode(w, &b);
}

void make_chunk(struct script *s, struct ol_line *l,
                struct ol_writer *w)
{
    static void (*const make[])(struct script *, struct ol_line *,
                                struct ol_writer *) = {
        make_probe,  make_echo,   make_view,       make_ack,  make_held,
        make_segment, make_blob,  make_return,     make_checkpoint,
        make_lost,   make_found,  make_want,       make_hello,
        make_segment, make_held,  make_ack,        make_units,
        make_brief,   make_openings};

    make[script_below(s, OL_LEN(make))](s, l, w);
}
