/*
 * What leaves and what is believed: every packet is known by all its bytes.
 *
 *   a nonce is used once    by key and counter; a bundle by its ephemeral key
 *   nothing is forged       what a line takes is, byte for byte, what the
 *                           other sent, on that channel, and it is taken once
 *   nothing is said early   what its plaintext asserts was on its sender's
 *                           disk when it left: HELD, SEGMENT, RETURN,
 *                           CHECKPOINT, FOUND
 *   credit is kept          no SEGMENT beyond the window behind what is held
 *
 * The plaintext is read from the receiver, who has just opened it.
 */
#include "world_int.h"
#include "world_model.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "core/line_int.h"
#include "wire/chunk.h"

/* ---- packets by their bytes --------------------------------------------- */

static uint64_t hash_of(struct ol_span b)
{
    uint64_t h = b.n * 0x9e3779b97f4a7c15u, v;
    size_t at = 0;

    for (; at + 8 <= b.n; at += 8) {
        memcpy(&v, b.p + at, 8);
        h = (h ^ v) * 0xbf58476d1ce4e5b9u;
        h ^= h >> 29;
    }
    if (at < b.n) {
        v = 0;
        memcpy(&v, b.p + at, b.n - at);
        h = (h ^ v) * 0x94d049bb133111ebu;
        h ^= h >> 31;
    }
    return h | 1;
}

static struct sim_origin *origin_at(struct world *w, uint64_t key)
{
    uint32_t i = (uint32_t)(key >> 32) & (w->cap_origins - 1);

    while (w->origin[i].key != 0 && w->origin[i].key != key)
        i = (i + 1) & (w->cap_origins - 1);
    return &w->origin[i];
}

static void room_for_origin(struct world *w)
{
    struct sim_origin *old = w->origin;
    uint32_t n = w->cap_origins;

    if (2 * w->n_origins < n)
        return;
    w->cap_origins = n ? 2 * n : 8192;
    w->origin = calloc(w->cap_origins, sizeof(*w->origin));
    OL_CHECK(w->origin != NULL);
    for (uint32_t i = 0; i < n; i++)
        if (old[i].key != 0)
            *origin_at(w, old[i].key) = old[i];
    free(old);
}

/* By the key itself: another epoch may come to the same index. */
static void check_nonce(struct world *w, unsigned st, const struct ol_send *s)
{
    const struct ol_line *l = w->st[st].line;
    const struct ol_epoch *e = l->sending < 0 ? NULL : &l->epoch[l->sending];
    uint64_t key = 0, counter = 0;

    if (e == NULL)
        world_fail(w, "station %u sends a frame in no epoch", st);
    for (unsigned i = 5; i < 9; i++)
        counter = counter << 8 | s->bytes.p[i];
    memcpy(&key, &e->ch[s->channel].tx, sizeof(key));
    key = (key ^ counter * 0x9e3779b97f4a7c15u) | 1;
    if (!set_add(&w->nonces, key))
        world_fail(w, "station %u used a nonce twice", st);
}

static uint64_t eight(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return v | 1;
}

/* The keys of a bundle follow from its ephemeral key, and its envelope is
 * sealed under a random nonce: neither comes twice. Eight bytes tell. */
static void check_random(struct world *w, unsigned st, struct ol_span b)
{
    bool bundle = b.p[0] == OL_PACKET_BUNDLE;

    if (b.n < (bundle ? OL_BUNDLE_OVER : OL_SEALED_HEAD))
        world_fail(w, "a packet of %zu bytes", b.n);
    if (!set_add(&w->nonces, eight(b.p + 1)))
        world_fail(w, "station %u used a wrapper's nonce twice", st);
    if (bundle && !set_add(&w->nonces, eight(b.p + OL_ENVELOPE)))
        world_fail(w, "station %u used an ephemeral key twice", st);
}

void check_sent(struct world *w, unsigned st, const struct ol_send *s)
{
    struct sim_station *f = &w->st[st];
    struct sim_origin *o;

    if (s->channel >= w->n_ch)
        world_fail(w, "a packet for no channel");
    check_heard(w, st, s);
    if (s->bytes.n > w->ch[s->channel].conf[st].mtu &&
        s->bytes.p[0] == OL_PACKET_FRAME)
        world_fail(w, "a frame of %zu bytes is too long", s->bytes.n);
    if (s->bytes.p[0] == OL_PACKET_FRAME)
        check_nonce(w, st, s);
    else
        check_random(w, st, s->bytes);
    room_for_origin(w);
    o = origin_at(w, hash_of(s->bytes));
    if (o->key == 0)
        w->n_origins++;
    *o = (struct sim_origin){.key = hash_of(s->bytes),
                             .count = f->model->count,
                             .sent_ns = w->now_ns,
                             .life = f->life,
                             .from = (uint8_t)st,
                             .ch = (uint8_t)s->channel};
}

/* ---- what it said ------------------------------------------------------- */

struct tap {
    struct world *w;
    unsigned from; /* who said it */
    const struct sim_origin *o;
    bool certain; /* its sender still is who it was then: not restored */
};

static bool was_there(const struct tap *t, const struct sim_row *r)
{
    return r != NULL && r->since <= t->o->count;
}

static bool was_headed(const struct tap *t, const struct sim_row *r)
{
    return was_there(t, r) && r->headed != 0 && r->headed <= t->o->count;
}

static bool units_there(const struct tap *t, uint8_t prec, uint32_t index,
                        uint64_t mask)
{
    const struct sim_model *m = t->w->st[t->from].model;

    if (was_there(t, row_at(t->w, t->from, OL_PEER, prec, index)))
        return true;
    for (uint32_t k = 0; k < m->n_units; k++)
        if (m->units[k].prec == prec && m->units[k].index == index &&
            m->units[k].since <= t->o->count)
            mask &= ~m->units[k].mask;
    return mask == 0;
}

static void tap_log(const struct tap *t, uint8_t p,
                    const struct ol_held_log *h)
{
    struct world *w = t->w;
    const struct sim_row *mine;

    if (h->upto > 0 &&
        !was_headed(t, row_at(w, t->from, OL_PEER, p, h->upto)))
        world_fail(w, "station %u said that it holds %u/%u, and did not",
                   t->from, p, h->upto);
    if (h->limit - h->upto > ol_window_of[p])
        world_fail(w, "station %u gives credit for %u records", t->from,
                   h->limit - h->upto);
    mine = row_at(w, 1 - t->from, OL_OWN, p, h->upto);
    if (mine != NULL && !w->st[0].put_back && !w->st[1].put_back &&
        memcmp(mine->root, h->root, OL_ROOT) != 0)
        world_fail(w, "station %u said another root of %u/%u", t->from, p,
                   h->upto);
    for (unsigned k = 0; k < h->n_ranges; k++)
        for (uint32_t i = 0; i < h->ranges[k].count; i++)
            if (!was_there(t, row_at(w, t->from, OL_PEER, p,
                                     h->ranges[k].first + i)))
                world_fail(w, "station %u said that it holds %u/%u behind a "
                           "gap, and did not", t->from, p,
                           h->ranges[k].first + i);
    for (unsigned k = 0; k < h->n_parts; k++)
        if (!units_there(t, p, h->parts[k].index, h->parts[k].mask))
            world_fail(w, "station %u said that it holds parts of %u/%u, and "
                       "did not", t->from, p, h->parts[k].index);
}

static void tap_held(const struct tap *t, struct ol_span body)
{
    struct ol_held h;

    if (ol_held_decode(body, &h) != OL_OK)
        world_fail(t->w, "station %u said a HELD that is none", t->from);
    for (uint8_t p = 0; p < OL_PRECS; p++)
        if (h.logs & (1u << p))
            tap_log(t, p, &h.log[p]);
}

static void tap_brief(const struct tap *t, struct ol_span body)
{
    struct ol_held_log log = {0};
    struct ol_brief b;

    if (ol_brief_decode(body, &b) != OL_OK)
        world_fail(t->w, "station %u said a BRIEF that is none", t->from);
    log.upto = b.upto;
    memcpy(log.root, b.root, OL_ROOT);
    log.limit = b.upto + ol_window_of[b.prec];
    tap_log(t, b.prec, &log);
}

static void tap_segment(const struct tap *t, struct ol_span body,
                        enum ol_author author)
{
    struct world *w = t->w;
    const struct sim_log *log;
    struct ol_segment s;

    if (ol_segment_decode(body, &s) != OL_OK)
        world_fail(w, "station %u said a segment that is none", t->from);
    if (!was_there(t, row_at(w, t->from, (uint8_t)author, s.prec, s.index)))
        world_fail(w, "station %u sent %u/%u before it was on its disk",
                   t->from, s.prec, s.index);
    log = &w->st[1 - t->from].model->log[OL_PEER][s.prec];
    if (author == OL_OWN && w->ch[t->o->ch].conf[0].kind != OL_CHAN_POUCH &&
        !w->st[1 - t->from].put_back &&
        s.index > log->size + ol_window_of[s.prec])
        world_fail(w, "station %u sent %u/%u beyond the window behind %u",
                   t->from, s.prec, s.index, log->size);
}

static void tap_checkpoint(const struct tap *t, struct ol_span body)
{
    struct ol_checkpoint cp;
    const struct sim_row *r;

    if (ol_checkpoint_decode(body, &cp) != OL_OK)
        world_fail(t->w, "station %u said a checkpoint that is none", t->from);
    r = row_at(t->w, t->from, OL_OWN, cp.prec, cp.size);
    if (!was_headed(t, r) || memcmp(r->root, cp.root, OL_ROOT) != 0)
        world_fail(t->w, "station %u signed %u/%u before it was on its disk",
                   t->from, cp.prec, cp.size);
}

static void tap_found(const struct tap *t, struct ol_span body)
{
    struct ol_found f;

    if (ol_found_decode(body, &f) != OL_OK)
        world_fail(t->w, "station %u said a FOUND that is none", t->from);
    if (f.upto > 0 &&
        !was_headed(t, row_at(t->w, t->from, OL_PEER, f.prec, f.upto)))
        world_fail(t->w, "station %u found %u/%u, and did not hold it",
                   t->from, f.prec, f.upto);
}

static void tap_plain(const struct tap *t, struct ol_span plain, uint8_t where)
{
    struct ol_reader r;
    struct ol_chunk c;

    ol_reader_init(&r, plain);
    for (;;) {
        if (ol_chunk_next(&r, where, &c) != OL_OK)
            world_fail(t->w, "station %u sent what no receiver takes",
                       t->from);
        if (c.type == OL_CHUNK_PAD)
            return;
        if (!t->certain)
            continue;
        if (c.type == OL_CHUNK_HELD)
            tap_held(t, c.body);
        else if (c.type == OL_CHUNK_BRIEF)
            tap_brief(t, c.body);
        else if (c.type == OL_CHUNK_SEGMENT)
            tap_segment(t, c.body, OL_OWN);
        else if (c.type == OL_CHUNK_RETURN)
            tap_segment(t, c.body, OL_PEER);
        else if (c.type == OL_CHUNK_CHECKPOINT)
            tap_checkpoint(t, c.body);
        else if (c.type == OL_CHUNK_FOUND)
            tap_found(t, c.body);
    }
}

/* A handshake that was taken has passed as a frame has. */
void check_greeted(struct world *w, unsigned st, unsigned ch, struct ol_span b)
{
    const struct sim_origin *o = w->cap_origins > 0 ? origin_at(w, hash_of(b))
                                                    : NULL;

    if (o == NULL || o->key == 0 || o->from == st || o->ch != ch)
        return;
    if (o->sent_ns > w->proof_ns[1 - st][ch])
        w->proof_ns[1 - st][ch] = o->sent_ns;
    w->heard_ns[st][ch] = w->now_ns;
}

void check_taken(struct world *w, unsigned st, unsigned ch, struct ol_span b)
{
    struct sim_origin *o = w->cap_origins > 0 ? origin_at(w, hash_of(b))
                                              : NULL;
    bool bundle = b.p[0] == OL_PACKET_BUNDLE;
    struct tap t = {.w = w, .from = 1 - st, .o = o};

    if ((o == NULL || o->key == 0) && w->forged)
        return;
    if (o == NULL || o->key == 0)
        world_fail(w, "station %u took a packet that nobody sent", st);
    if (o->from == st)
        world_fail(w, "station %u took its own packet", st);
    if (o->ch != ch)
        world_fail(w, "station %u took on %s what went out on %s", st,
                   w->ch[ch].conf[st].name, w->ch[o->ch].conf[st].name);
    if (o->taken && !bundle)
        world_fail(w, "station %u took a frame twice", st);
    o->taken = true;
    if (o->sent_ns > w->proof_ns[1 - st][ch])
        w->proof_ns[1 - st][ch] = o->sent_ns;
    w->heard_ns[st][ch] = w->now_ns;
    t.certain = o->life == w->st[1 - st].life && !w->lies;
    tap_plain(&t, OL_SPAN(w->st[st].line->plain,
                          b.n - (bundle ? OL_BUNDLE_OVER : OL_FRAME_OVER)),
              bundle ? OL_IN_BUNDLE : OL_IN_FRAME);
}
