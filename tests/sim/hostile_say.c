/*
 * What a hostile peer says: chunks that every decoder accepts, of values near
 * what the line has, so that they reach what lies behind the decoders.
 */
#include "hostile.h"

/* Id 0 ends the packet: chunk_test.c. Here what is behind it is to be read. */
static uint32_t some_id(uint32_t id)
{
    return id != 0 ? id : 1;
}

static void say_probe(struct play *p, unsigned c, unsigned from,
                      struct ol_writer *w)
{
    struct ol_probe pr = {.id = some_id((uint32_t)rnd_u64(&p->r)),
                          .alone = chance(p, 0.5)};

    (void)c;
    (void)from;
    (void)ol_probe_encode(w, &pr);
}

/* It reads what came to itself; what went elsewhere it can but guess. */
static void say_echo(struct play *p, unsigned c, unsigned from,
                     struct ol_writer *w)
{
    struct ol_probe pr = {.id = some_id(p->probe[c])};

    if (from > 1 || chance(p, 0.2))
        pr.id = some_id(pr.id + below(p, 6));
    if (chance(p, 0.2))
        pr.delay_100us = (uint16_t)rnd_u64(&p->r);
    (void)ol_echo_encode(w, &pr);
}

static void say_view(struct play *p, unsigned c, unsigned from,
                     struct ol_writer *w)
{
    struct ol_view v = {.serial = below(p, 100), .count = 1};

    (void)from;
    v.v[0].tag = p->line->ch[c].tag;
    v.v[0].state = (uint8_t)below(p, OL_CHAN_STATES - 1);
    (void)ol_view_encode(w, &v);
}

static void say_ack(struct play *p, unsigned c, unsigned from,
                    struct ol_writer *w)
{
    const struct keys *k = &p->keys[below(p, KEYS)];
    unsigned on = below(p, POUCH);
    struct ol_ack a = {.index = k->ch[on].rx.index,
                       .delay_100us = (uint16_t)below(p, 1000)};
    uint32_t at = k->high[on] + (chance(p, 0.1) ? below(p, 3) : 0);

    (void)c;
    (void)from;
    a.high = at;
    while (a.count < OL_ACK_RANGES) {
        uint32_t run = below(p, 20), lo = at - OL_MIN(at, run);
        a.v[a.count].hi = at;
        a.v[a.count++].lo = lo;
        if (lo < 30 || a.high - lo > 3000 || chance(p, 0.3))
            break;
        at = lo - 2 - below(p, 5);
    }
    (void)ol_ack_encode(w, &a);
}

static void say_log(struct play *p, unsigned prec, struct ol_held_log *h)
{
    uint32_t next, more = below(p, 200);

    h->upto = p->line->out[prec].acked + below(p, 4);
    if (chance(p, 0.2))
        h->upto = below(p, p->size[prec] + 1);
    if (chance(p, 0.001))
        h->upto = (uint32_t)rnd_u64(&p->r);
    if (h->upto > p->size[prec] && !chance(p, 0.002))
        h->upto = p->size[prec];
    if (h->upto > 0 && h->upto <= p->size[prec] && !chance(p, 0.002)) {
        memcpy(h->root, p->roots[prec][h->upto % SAID_MAX], OL_ROOT);
        p->said[prec] = OL_MAX(p->said[prec], h->upto);
    } else if (h->upto > 0) {
        any(p, h->root, OL_ROOT);
    }
    h->limit = h->upto + OL_MIN(more, UINT32_MAX - h->upto);
    if (chance(p, 0.1))
        h->limit = UINT32_MAX;
    next = h->upto + 2;
    while (h->n_ranges < OL_HELD_RANGES && next > h->upto &&
           next < UINT32_MAX - 70000 && chance(p, 0.4)) {
        uint16_t count = (uint16_t)(1 + below(p, chance(p, 0.1) ? 65535 : 4));
        h->ranges[h->n_ranges].first = next;
        h->ranges[h->n_ranges++].count = count;
        next += count + 1 + below(p, 3);
    }
    next = h->upto + 1;
    while (h->n_parts < OL_HELD_PARTS && next > h->upto && chance(p, 0.4)) {
        h->parts[h->n_parts].index = next;
        h->parts[h->n_parts++].mask = rnd_u64(&p->r) | 1;
        next += 1 + below(p, 3);
    }
}

static void say_held(struct play *p, unsigned c, unsigned from,
                     struct ol_writer *w)
{
    struct ol_held h = {.serial = ++p->serial};

    (void)c;
    (void)from;
    if (chance(p, 0.1))
        h.serial = (uint32_t)rnd_u64(&p->r);
    if (chance(p, 0.03))
        any(p, p->peer_boot, 8);
    memcpy(h.boot, p->peer_boot, 8);
    if (chance(p, 0.02))
        any(p, h.boot, 8);
    h.has_prekey = chance(p, 0.3);
    h.prekey_id = 1 + below(p, 5);
    if (chance(p, 0.7))
        any(p, h.prekey, sizeof(h.prekey));
    if (!h.has_prekey) {
        h.prekey_id = 0;
        memset(h.prekey, 0, sizeof(h.prekey));
    }
    for (unsigned i = 0; i < OL_PRECS; i++)
        if (chance(p, 0.5)) {
            h.logs |= (uint8_t)(1u << i);
            say_log(p, i, &h.log[i]);
        }
    (void)ol_held_encode(w, &h);
}

static size_t a_record(struct play *p, uint8_t prec, uint32_t index,
                       uint8_t *out)
{
    static uint8_t text[OL_TEXT_MAX];
    uint64_t seed = index * 4 + prec + (chance(p, 0.01) ? 1000000 : 0);
    uint8_t id[16] = {0};
    struct ol_record rec = {.prec = prec, .index = index,
                            .number = seed, .kind = OL_KIND_MESSAGE};
    struct ol_writer w;

    memcpy(id, &seed, sizeof(seed));
    rec.id = OL_SPAN_ARRAY(id);
    memset(text, 'x', sizeof(text));
    rec.text = OL_SPAN(text, 1 + seed * 7919 % 3000);
    ol_writer_init(&w, out, OL_RECORD_MAX);
    OL_CHECK(ol_record_encode(&w, &rec) == OL_OK);
    return w.n;
}

static void say_segment(struct play *p, unsigned c, unsigned from,
                        struct ol_writer *w)
{
    static uint8_t bytes[OL_RECORD_MAX];
    uint8_t prec = (uint8_t)below(p, OL_PRECS);
    struct ol_segment s = {.prec = prec, .last = true,
                           .index = p->line->in[prec].upto + below(p, 4)};
    size_t n, first, end;

    (void)c;
    (void)from;
    if (chance(p, 0.1))
        s.index = p->line->in[prec].upto + below(p, 3000);
    if (chance(p, 0.01))
        s.index = (uint32_t)rnd_u64(&p->r);
    s.index = OL_MAX(s.index, 1);
    n = a_record(p, prec, s.index, bytes);
    if (chance(p, 0.02))
        n = 1 + below(p, OL_RECORD_MAX);
    first = chance(p, 0.8) ? 0 : below(p, (uint32_t)n) / OL_UNIT * OL_UNIT;
    end = n;
    if (chance(p, 0.2) && n - first > OL_UNIT) {
        end = first + OL_UNIT * (1 + below(p, (uint32_t)(n - first) / OL_UNIT));
        s.last = end >= n;
        end = OL_MIN(end, n);
    }
    while (end - first + 16 > w->cap - w->n && end - first > OL_UNIT) {
        end = first + ((end - first - 1) / OL_UNIT) * OL_UNIT;
        s.last = false;
    }
    s.offset = (uint16_t)first;
    s.bytes = OL_SPAN(bytes + first, end - first);
    if (!s.last && end >= OL_RECORD_MAX)
        return;
    (void)ol_segment_encode(w, &s);
}

static void a_hash(struct play *p, uint8_t hash[32])
{
    if (chance(p, 0.7))
        memcpy(hash, p->hash[below(p, FILES)], 32);
    else
        memset(hash, 1 + (int)below(p, 200), 32);
}

static void say_units(struct play *p, unsigned c, unsigned from,
                      struct ol_writer *w)
{
    static uint8_t bytes[OL_PIECE];
    const struct ol_pull *pull = &p->line->pull;
    struct ol_units u = {.serial = pull->serial,
                         .piece = pull->upto + below(p, 34)};
    size_t room = w->cap - w->n, most;
    uint64_t at;

    (void)c;
    (void)from;
    if (room < 512)
        return;
    if (chance(p, 0.2))
        u.serial += below(p, 40) - 20;
    if (chance(p, 0.02))
        u.piece = (uint32_t)(rnd_u64(&p->r) % (UINT32_MAX - 1));
    if (chance(p, 0.7))
        u.first = (uint16_t)below(p, OL_PIECE_UNITS);
    at = (uint64_t)u.piece * OL_PIECE + u.first * OL_BLOB_UNIT;
    most = OL_MIN(room - 64, OL_PIECE - at % OL_PIECE);
    u.bytes = OL_SPAN(bytes, most / OL_BLOB_UNIT * OL_BLOB_UNIT);
    if (chance(p, 0.1))
        u.bytes.n = 1 + below(p, (uint32_t)most);
    if (pull->on && at < pull->size)
        u.bytes.n = OL_MIN(u.bytes.n, pull->size - at);
    if (at < OL_FILE_MAX && u.bytes.n > 0)
        (void)ol_units_encode(w, &u);
}

static void say_blob(struct play *p, unsigned c, unsigned from,
                     struct ol_writer *w)
{
    static uint8_t bytes[OL_PIECE];
    struct ol_blob b;
    size_t room = w->cap - w->n, most;

    (void)c;
    (void)from;
    if (room < 512)
        return;
    a_hash(p, b.hash);
    if (p->line->pull.on && chance(p, 0.8))
        memcpy(b.hash, p->line->pull.hash, 32);
    b.offset = (uint64_t)(p->line->pull.upto + below(p, 34)) * OL_PIECE +
               OL_BLOB_UNIT * below(p, OL_PIECE_UNITS);
    if (chance(p, 0.3))
        b.offset = b.offset / OL_PIECE * OL_PIECE;
    if (chance(p, 0.02))
        b.offset = rnd_u64(&p->r) % OL_FILE_MAX / OL_BLOB_UNIT * OL_BLOB_UNIT;
    most = OL_MIN(room - 64, OL_PIECE - b.offset % OL_PIECE);
    b.bytes = OL_SPAN(bytes, most / OL_BLOB_UNIT * OL_BLOB_UNIT);
    if (chance(p, 0.1))
        b.bytes.n = 1 + below(p, (uint32_t)most);
    if (p->line->pull.on && b.offset < p->line->pull.size)
        b.bytes.n = OL_MIN(b.bytes.n, p->line->pull.size - b.offset);
    if (b.offset < OL_FILE_MAX && b.bytes.n > 0)
        (void)ol_blob_encode(w, &b);
}

static void say_want(struct play *p, unsigned c, unsigned from,
                     struct ol_writer *w)
{
    struct ol_want v = {.serial = ++p->serial};
    unsigned i = below(p, FILES);
    uint32_t pieces, more = below(p, 60);

    (void)c;
    (void)from;
    memcpy(v.hash, p->hash[i], 32);
    v.size = (i + 1) * 40 * OL_PIECE + 7;
    if (chance(p, 0.1)) {
        a_hash(p, v.hash);
        v.size = 1 + rnd_u64(&p->r) % OL_FILE_MAX;
    }
    if (chance(p, 0.2)) {
        v.flags = chance(p, 0.5) ? OL_WANT_DONE : OL_WANT_DECLINED;
        v.flags |= chance(p, 0.5) ? OL_WANT_NOTED : 0;
        (void)ol_want_encode(w, &v);
        return;
    }
    pieces = ol_file_pieces(v.size);
    v.upto = below(p, OL_MIN(pieces, 100) + 1);
    if (chance(p, 0.1))
        v.upto = pieces;
    v.limit = v.upto + OL_MIN(more, pieces - v.upto);
    if (chance(p, 0.5) && pieces - v.upto > 64)
        v.map = rnd_u64(&p->r);
    (void)ol_want_encode(w, &v);
}

static void say_checkpoint(struct play *p, unsigned c, unsigned from,
                           struct ol_writer *w)
{
    struct ol_checkpoint cp = {.prec = (uint8_t)below(p, OL_PRECS)};

    (void)c;
    (void)from;
    cp.size = p->line->in[cp.prec].upto + 1 + below(p, 3);
    any(p, cp.root, sizeof(cp.root));
    ol_checkpoint_sign(cp.sig, &p->id[1], p->line->shared.line_id, cp.prec,
                       cp.size, cp.root);
    (void)ol_checkpoint_encode(w, chance(p, 0.9) ? OL_CHUNK_CHECKPOINT
                                                 : OL_CHUNK_COSIGNATURE, &cp);
}

/* What keeps a channel alive. */
static void say_truth(struct play *p, unsigned c, unsigned from,
                      struct ol_writer *w)
{
    const struct keys *k = &p->keys[(p->n_keys - 1) % KEYS];
    struct ol_ack a = {.index = k->ch[c].rx.index, .high = k->high[c],
                       .count = 1};
    struct ol_probe pr = {.id = some_id(p->probe[c])};

    if (from > 1)
        return;
    a.v[0].hi = a.high;
    a.v[0].lo = a.high - OL_MIN(a.high, 60);
    if (k->any[c])
        (void)ol_ack_encode(w, &a);
    (void)ol_echo_encode(w, &pr);
}

/* The lowest that is missing of the piece that is wanted. */
static void say_next_units(struct play *p, bool bundle, struct ol_writer *w)
{
    static uint8_t bytes[OL_PIECE];
    const struct ol_pull *pull = &p->line->pull;
    const struct ol_pull_slot *s = &pull->slot[pull->upto % OL_PULL_WINDOW];
    struct ol_units next = {.serial = pull->serial, .piece = pull->upto};
    struct ol_blob b;
    unsigned u = 0;
    size_t room = w->cap - w->n;

    if (!pull->on || pull->upto == pull->pieces || room < 256)
        return;
    while (s->state == OL_PULL_PART && u < OL_PIECE_UNITS - 1 &&
           (s->have[u / 64] >> u % 64 & 1))
        u++;
    memcpy(b.hash, pull->hash, 32);
    b.offset = (uint64_t)pull->upto * OL_PIECE + u * OL_BLOB_UNIT;
    room = OL_MIN(room - 64, OL_PIECE - b.offset % OL_PIECE);
    b.bytes = OL_SPAN(bytes, room / OL_BLOB_UNIT * OL_BLOB_UNIT);
    b.bytes.n = OL_MIN(b.bytes.n, pull->size - OL_MIN(pull->size, b.offset));
    next.first = (uint16_t)u;
    next.bytes = b.bytes;
    if (b.bytes.n > 0)
        (void)(bundle ? ol_blob_encode(w, &b) : ol_units_encode(w, &next));
}

/* It asks for its own records back, or says what it holds of ours. */
static void say_lost(struct play *p, unsigned c, unsigned from,
                     struct ol_writer *w)
{
    uint8_t prec = (uint8_t)below(p, OL_PRECS);
    const struct ol_in_log *in = &p->line->in[prec];
    struct ol_lost o = {.prec = prec, .repeat = chance(p, 0.5),
                        .ask = 1 + below(p, 3),
                        .next = below(p, in->upto + 3)};
    uint32_t at = in->upto + 1 + below(p, 3);

    (void)c;
    (void)from;
    if (chance(p, 0.3))
        o.map = rnd_u64(&p->r);
    if (o.next == 0 || chance(p, 0.5)) {
        o.next = 0;
        o.map = 0;
    }
    while (o.next == 0 && o.n_steps < OL_LOST_STEPS && at > 0) {
        o.step[o.n_steps].index = at;
        if (at == in->durable)
            memcpy(o.step[o.n_steps].root, in->durable_root, OL_ROOT);
        o.n_steps++;
        at -= OL_MIN(at, 1u << o.n_steps / 2);
    }
    if (o.next != 0 || o.n_steps != 0)
        (void)ol_lost_encode(w, &o);
}

static void say_found(struct play *p, unsigned c, unsigned from,
                      struct ol_writer *w)
{
    uint8_t prec = (uint8_t)below(p, OL_PRECS);
    const struct ol_out_log *o = &p->line->out[prec];
    struct ol_found f = {.prec = prec, .ask = o->back.ask + below(p, 2),
                         .upto = o->size + below(p, 4),
                         .number = p->line->number + below(p, 3)};
    uint32_t next, less = chance(p, 0.5) ? 0 : 2;

    (void)c;
    (void)from;
    f.ask += f.ask == 0;
    f.upto = chance(p, 0.2) ? below(p, 5) : f.upto;
    f.match = f.upto - OL_MIN(f.upto, less);
    if (f.upto > 0)
        memcpy(f.root, p->roots[prec][f.upto % SAID_MAX], OL_ROOT);
    p->said[prec] = OL_MAX(p->said[prec], f.upto);
    next = f.upto + 2;
    while (f.n_ranges < OL_HELD_RANGES && chance(p, 0.4)) {
        f.ranges[f.n_ranges].first = next;
        f.ranges[f.n_ranges].count = 1;
        f.n_ranges++;
        next += 2;
    }
    (void)ol_found_encode(w, &f);
}

static void say_return(struct play *p, unsigned c, unsigned from,
                       struct ol_writer *w)
{
    static uint8_t bytes[OL_RECORD_MAX];
    uint8_t prec = (uint8_t)below(p, OL_PRECS);
    struct ol_segment s = {.prec = prec, .last = true,
                           .index = p->line->out[prec].size + below(p, 4)};

    (void)c;
    (void)from;
    s.index += s.index == 0;
    s.bytes = OL_SPAN(bytes, a_record(p, prec, s.index, bytes));
    (void)ol_return_encode(w, &s);
}

typedef void (*say_fn)(struct play *, unsigned, unsigned, struct ol_writer *);

void hostile_chunks(struct play *p, unsigned c, unsigned from,
                    struct ol_writer *w, bool bundle)
{
    static const say_fn packed[] = {say_segment, say_blob, say_want, say_held,
                                    say_checkpoint, say_segment, say_blob,
                                    say_want};
    static const say_fn live[] = {say_segment, say_units, say_want, say_held,
                                  say_checkpoint, say_segment, say_units,
                                  say_want, say_probe, say_echo, say_view,
                                  say_ack, say_ack, say_echo};
    static const say_fn back[] = {say_lost, say_found, say_return, say_return};
    unsigned n = 1 + below(p, bundle ? 30 : 5);

    if (!bundle && chance(p, 0.4))
        say_truth(p, c, from, w);
    if (chance(p, 0.3))
        say_next_units(p, bundle, w);
    if (chance(p, p->line->out[0].back.state != OL_BACK_SOUND ? 0.6 : 0.02))
        back[below(p, OL_LEN(back))](p, c, from, w);

    while (n-- > 0) {
        if (bundle)
            packed[below(p, OL_LEN(packed))](p, c, from, w);
        else
            live[below(p, OL_LEN(live))](p, c, from, w);
    }
    if (chance(p, 0.01))
        ol_write_u8(w, (uint8_t)below(p, 256));
    w->failed = false;
}
