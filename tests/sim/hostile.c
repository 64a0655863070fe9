/*
 * A real line against a peer that holds every key and says anything.
 *
 *   hostile --frames, bundles: well-formed chunks, any value, any order--> line
 *           <-- what the line sends: read for probes and counters --
 *
 * The peer's handshake is a real line's, so that the session keys are true;
 * its frames are made here. Chance comes from the seed. What must hold after
 * every step: no abort, no batch that the ledger refuses, no waking without
 * end, nothing called delivered whose root was never said, and no more to an
 * address that cannot answer than doc/protocol.md 9.4 allows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostile.h"

static void fail(struct play *p, const char *what)
{
    (void)fprintf(stderr, "hostile: seed %llu, %llu ms: %s\n",
                  (unsigned long long)p->seed,
                  (unsigned long long)(p->now_ns / OL_NS_PER_MS), what);
    abort();
}

/* ---- what the line does ------------------------------------------------- */

static void learn_keys(struct play *p)
{
    for (unsigned i = 0; i < OL_EPOCHS_MAX; i++) {
        const struct ol_epoch *e = &p->peer->epoch[i];
        bool known = e->state == OL_EP_FREE;
        struct keys *k = &p->keys[p->n_keys % KEYS];
        for (unsigned n = 0; n < KEYS; n++)
            known |= p->keys[n].opening == e->opening &&
                     p->keys[n].initiator == e->initiator;
        if (known)
            continue;
        memset(k, 0, sizeof(*k));
        k->opening = e->opening;
        k->initiator = e->initiator;
        memcpy(k->ch, e->ch, sizeof(k->ch));
        p->n_keys++;
    }
}

/* What waits for the line: answers of its station, packets of the peer. */
static struct input *push_input(struct play *p, enum input_kind kind)
{
    struct input *in = &p->in[p->in_tail++ % INPUTS];

    if (p->in_tail - p->in_head > INPUTS)
        fail(p, "more loads and answers than a station could have waiting");
    in->kind = kind;
    in->boot = p->boot;
    return in;
}

/* The peer's real line: for handshakes only; nothing fails on its disk. */
static void peer_step(struct play *p, struct ol_event *ev)
{
    struct ol_event next;

    for (unsigned round = 0; round < 64; round++) {
        (void)!ol_line_step(p->peer, ev, p->now_ns, &p->peer_eff);
        for (unsigned i = 0; i < p->peer_eff.count; i++) {
            const struct ol_effect *e = &p->peer_eff.v[i];
            struct input *in;
            if (e->kind != OL_FX_SEND || e->send.channel >= POUCH ||
                e->send.bytes.p[0] >= OL_PACKET_FRAME)
                continue;
            in = push_input(p, IN_PACKET);
            in->channel = e->send.channel;
            in->n = e->send.bytes.n;
            memcpy(in->bytes, e->send.bytes.p, in->n);
        }
        learn_keys(p);
        next = (struct ol_event){.kind = OL_EV_TICK};
        if (p->peer_eff.batch != 0) {
            next.kind = OL_EV_COMMITTED;
            next.token = p->peer_eff.batch;
        } else if (!p->peer_eff.more) {
            return;
        }
        ev = &next;
    }
}

/* A frame of the line's: what a peer learns of it. */
static void overhear(struct play *p, unsigned c, struct ol_span b)
{
    static uint8_t plain[OL_FRAME_MAX];
    struct ol_frame_head head;

    if (ol_frame_decode(b, &head) != OL_OK)
        return;
    for (unsigned i = 0; i < KEYS; i++) {
        struct keys *k = &p->keys[i];
        struct ol_chunk ch;
        struct ol_reader r;
        if (k->opening == 0 || k->ch[c].rx.index != head.index ||
            ol_frame_open(plain, &k->ch[c].rx, head.counter,
                          OL_SPAN(b.p, OL_FRAME_HEAD),
                          OL_SPAN(b.p + OL_FRAME_HEAD,
                                  b.n - OL_FRAME_HEAD)) != OL_OK)
            continue;
        k->high[c] = k->any[c] ? OL_MAX(k->high[c], head.counter)
                               : head.counter;
        k->any[c] = true;
        ol_reader_init(&r, OL_SPAN(plain, b.n - OL_FRAME_OVER));
        while (ol_chunk_next(&r, OL_IN_FRAME, &ch) == OL_OK &&
               ch.type != OL_CHUNK_PAD) {
            struct ol_probe pr;
            if (ch.type == OL_CHUNK_PROBE &&
                ol_probe_decode(ch.body, &pr) == OL_OK)
                p->probe[c] = pr.id;
        }
        return;
    }
}

static void owe(struct play *p, enum ol_ev ev, const struct ol_note *n,
                bool on)
{
    struct input *in = push_input(p, IN_FILE);

    memset(&in->file, 0, sizeof(in->file));
    memcpy(in->file.hash, n->hash, 32);
    in->file.size = n->size;
    in->ev = ev;
    in->on = on;
}

static void noted(struct play *p, const struct ol_note *n)
{
    struct ol_note some = *n;

    some.size = n->size != 0 ? n->size : 1 + below(p, 4 * OL_PIECE);
    switch (n->kind) {
    case OL_NOTE_OFFERED:
        if (chance(p, 0.8))
            owe(p, chance(p, 0.5) ? OL_EV_WANT : OL_EV_PASS, &some, true);
        break;
    case OL_NOTE_PULLED:
        owe(p, OL_EV_DONE, n, true);
        break;
    case OL_NOTE_SERVED:
        if (n->done || n->declined)
            owe(p, OL_EV_NOTED, n, n->done);
        break;
    default:
        break;
    }
}

struct page {
    struct ol_loaded v[OL_LOAD_MAX];
    uint8_t bytes[OL_LOAD_BYTES + OL_RECORD_MAX];
    size_t n_bytes;
    uint32_t n;
};

static bool collect(void *arg, const struct ol_row *row)
{
    struct page *c = arg;
    struct ol_loaded *l = &c->v[c->n];

    l->index = row->index;
    memcpy(l->leaf, row->leaf, 32);
    memcpy(l->root, row->root, 8);
    memcpy(c->bytes + c->n_bytes, row->bytes.p, row->bytes.n);
    l->bytes = OL_SPAN(c->bytes + c->n_bytes, row->bytes.n);
    c->n_bytes += row->bytes.n;
    return ++c->n < OL_LOAD_MAX;
}

static void step(struct play *p, struct ol_event *ev);

static void load(struct play *p, const struct ol_load *l)
{
    static struct page c;
    static uint8_t piece[OL_PIECE];
    static struct ol_file file;
    struct ol_event ev = {.token = l->token};

    if (l->kind == OL_LOAD_RECORDS) {
        c.n_bytes = c.n = 0;
        OL_CHECK(p->ledger->ops->log(p->ledger, p->line_no, l->author,
                                     l->prec, l->index, l->max_records,
                                     l->max_bytes, collect, &c) == OL_OK);
        ev.kind = OL_EV_LOADED;
        ev.loaded = c.v;
        ev.n_loaded = c.n;
    } else if (l->kind == OL_LOAD_PIECE) {
        ev.kind = OL_EV_PIECE;
        for (unsigned i = 0; i < FILES; i++)
            if (memcmp(l->hash, p->hash[i], 32) == 0 &&
                l->size == (i + 1) * 40 * OL_PIECE + 7)
                ev.bytes = OL_SPAN(piece,
                                   ol_file_piece_size(l->size, l->index));
    } else {
        ev.kind = OL_EV_FILE;
        if (l->after < FILES) {
            memcpy(file.hash, p->hash[l->after], 32);
            file.size = (l->after + 1) * 40 * OL_PIECE + 7;
            file.order = l->after + 1;
            ev.file = &file;
        }
    }
    step(p, &ev);
}

static void sent(struct play *p, const struct ol_send *s)
{
    if (s->channel >= CHANNELS || s->bytes.p[0] == OL_PACKET_BUNDLE)
        return;
    for (unsigned a = 0; a < ADDRS; a++)
        if (p->addr[a].len == s->to.len &&
            memcmp(p->addr[a].b, s->to.b, s->to.len) == 0) {
            p->sent[s->channel][a] += s->bytes.n;
            if (a < 2)
                overhear(p, s->channel, s->bytes);
        }
}

static void commit(struct play *p)
{
    struct ol_put puts[OL_FX_MAX];
    char names[CHANNELS][17];
    struct ol_batch b = {.line = p->line_no,
                         .token = p->eff.batch,
                         .at_ms = p->now_ns / OL_NS_PER_MS,
                         .puts = puts,
                         .channels = (const char (*)[17])names};

    for (unsigned i = 0; i < CHANNELS; i++)
        memcpy(names[i], p->conf[0][i].name, 17);
    for (unsigned i = 0; i < p->eff.count; i++) {
        const struct ol_put *put = &p->eff.v[i].put;
        if (p->eff.v[i].kind != OL_FX_PUT)
            continue;
        puts[b.n_puts++] = *put;
        p->pieces += put->kind == OL_PUT_PIECE;
        if (put->kind != OL_PUT_RECORD || put->author != OL_OWN)
            continue;
        p->size[put->prec] = put->index;
        memcpy(p->roots[put->prec][put->index % SAID_MAX], put->root, OL_ROOT);
    }
    if (b.token == 0)
        return;
    if (p->ledger->ops->commit(p->ledger, &b) != OL_OK)
        fail(p, p->ledger->why);
}

static void check(struct play *p)
{
    const struct ol_line *l = p->line;
    uint64_t ran = p->now_ns - p->start_ns;

    for (unsigned i = 0; i < OL_PRECS; i++)
        if (l->out[i].acked > p->said[i])
            fail(p, "delivered, and the peer never said so");
    if (l->refs_used > OL_REFS || l->push.owing > 32 * OL_PIECE_UNITS)
        fail(p, "more than there can be");
    for (unsigned c = 0; c < 2; c++) /* datagrams: echoes, and bare probes */
        for (unsigned a = 2; a < ADDRS; a++)
            if (p->sent[c][a] > 4 * p->got[c][a] + OL_FRAME_UDP +
                                    200 * (5 * ran / OL_NS_PER_S + 1))
                fail(p, "a flood to an address that proved nothing");
}

static void step(struct play *p, struct ol_event *ev)
{
    ev->full = p->full;
    if (ol_line_step(p->line, ev, p->now_ns, &p->eff) != OL_OK)
        p->refused++;
    p->wake_ns = p->eff.more ? p->now_ns : p->eff.wake_ns;
    p->ticks++;
    p->live += ol_line_live(p->line);
    commit(p);
    check(p);
    for (unsigned i = 0; i < p->eff.count; i++) {
        const struct ol_effect *e = &p->eff.v[i];
        struct input *in;
        if (e->kind == OL_FX_NOTE)
            noted(p, &e->note);
        if (e->kind == OL_FX_LOAD)
            push_input(p, IN_LOAD)->load = e->load;
        if (e->kind != OL_FX_SEND)
            continue;
        sent(p, &e->send);
        if (e->send.bytes.p[0] >= OL_PACKET_FRAME || chance(p, 0.5))
            continue;
        in = push_input(p, IN_PEER);
        in->channel = e->send.channel;
        in->n = e->send.bytes.n;
        memcpy(in->bytes, e->send.bytes.p, in->n);
    }
}

static void take(struct play *p, struct input *in)
{
    struct ol_event ev = {.kind = OL_EV_FRAME,
                          .channel = in->channel,
                          .from = p->addr[1],
                          .bytes = OL_SPAN(in->bytes, in->n)};

    switch (in->kind) {
    case IN_PEER:
        peer_step(p, &ev);
        return;
    case IN_PACKET:
        if (p->conf[0][in->channel].dials)
            ev.from = p->addr[0];
        step(p, &ev);
        return;
    case IN_LOAD:
        if (in->boot == p->boot)
            load(p, &in->load);
        return;
    default:
        ev = (struct ol_event){.kind = in->ev, .on = in->on,
                               .file = &in->file};
        if (in->boot == p->boot)
            step(p, &ev);
        return;
    }
}

/* One event, and all that it sets off at this time. */
static void give(struct play *p, struct ol_event *ev)
{
    struct ol_event tick;

    step(p, ev);
    for (unsigned n = 0;; n++) {
        if (n > 5000)
            fail(p, "the line wakes without end");
        tick = (struct ol_event){.kind = OL_EV_TICK};
        if (p->eff.more || p->in_head == p->in_tail) {
            if (p->wake_ns > p->now_ns)
                return;
            step(p, &tick);
            continue;
        }
        take(p, &p->in[p->in_head++ % INPUTS]);
    }
}

static void settle(struct play *p, uint32_t most)
{
    struct ol_ledger_done d;

    (void)ol_mem_step(p->ledger, most);
    while (p->ledger->ops->done(p->ledger, &d)) {
        struct ol_event ev = {.kind = OL_EV_COMMITTED, .token = d.token};
        if (d.err != OL_OK)
            fail(p, "the ledger refuses what the line made of a peer's words");
        if (d.token != OWN_TOKEN)
            give(p, &ev);
    }
}

/* Time passes; the line is woken when it asks. */
static void pass(struct play *p, uint64_t ns)
{
    uint64_t until = p->now_ns + ns;

    for (unsigned n = 0; p->wake_ns <= until; n++) {
        struct ol_event tick = {.kind = OL_EV_TICK};
        if (n > 2000 + ns / (100 * OL_NS_PER_US))
            fail(p, "it wakes again and again, and nothing happens");
        p->now_ns = OL_MAX(p->wake_ns, p->now_ns + OL_NS_PER_US);
        give(p, &tick);
        settle(p, 8);
    }
    p->now_ns = OL_MAX(p->now_ns, until);
}

/* ---- what the peer says ------------------------------------------------- */

static void hostile_frame(struct play *p)
{
    static uint8_t out[OL_FRAME_MAX];
    unsigned c = below(p, POUCH);
    unsigned from = chance(p, 0.7) ? !p->conf[0][c].dials : below(p, ADDRS);
    struct keys *k = &p->keys[(p->n_keys - 1 - (chance(p, 0.1) ? 1 : 0)) %
                              KEYS];
    struct ol_event ev = {.kind = OL_EV_FRAME, .channel = (uint16_t)c};
    struct ol_frame_head head;
    struct ol_writer w, hw;

    if (p->n_keys == 0 || k->opening == 0)
        return;
    head = (struct ol_frame_head){k->ch[c].tx.index, k->ch[c].counter};
    if (chance(p, 0.05))
        head.counter += below(p, 5000);
    ol_writer_init(&w, out + OL_FRAME_HEAD,
                   (c == 2 ? OL_FRAME_MAX : OL_FRAME_UDP) - OL_FRAME_OVER);
    if (c < 2 && chance(p, 0.3))
        w.cap = 40; /* little, so that what it draws would be much */
    hostile_chunks(p, c, from, &w, false);
    if (w.n == 0)
        return;
    ol_writer_init(&hw, out, OL_FRAME_HEAD);
    ol_frame_encode(&hw, &head);
    ol_frame_seal(&k->ch[c].tx, head.counter, OL_SPAN(out, OL_FRAME_HEAD),
                  out + OL_FRAME_HEAD, w.n);
    k->ch[c].counter = OL_MAX(k->ch[c].counter, head.counter) + 1;
    ev.from = p->addr[from];
    ev.bytes = OL_SPAN(out, w.n + OL_FRAME_OVER);
    p->got[c][from] += ev.bytes.n;
    p->frames++;
    give(p, &ev);
}

static void hostile_bundle(struct play *p)
{
    static uint8_t out[OL_BUNDLE_MAX], text[OL_PLAIN_MAX];
    struct ol_envelope env = {.number = p->bundle += below(p, 3)};
    const struct ol_kept *kept = &p->line->kept;
    uint8_t plain[OL_ENVELOPE_PLAIN], pro[80], e_sk[32], nonce[16];
    struct ol_event ev = {.kind = OL_EV_FRAME, .channel = POUCH};
    struct ol_writer w, ew, pw;
    const uint8_t *pk = p->id[0].x_pk;

    if (kept->n_prekeys > 0 && chance(p, 0.6)) {
        const struct ol_prekey *k = &kept->prekeys[below(p, kept->n_prekeys)];
        env.prekey = k->id;
        pk = k->pk;
    }
    if (chance(p, 0.05))
        env.prekey = (uint32_t)rnd_u64(&p->r);
    env.number += chance(p, 0.01) ? UINT32_MAX : 0;
    env.seen = kept->bundle_reserved + below(p, 3);
    if (chance(p, 0.02))
        env.seen = rnd_u64(&p->r);
    if (chance(p, 0.5))
        memcpy(env.heard, p->line->boot, 8);
    ol_writer_init(&w, text, below(p, 2) ? 2000 : sizeof(text));
    hostile_chunks(p, POUCH, 0, &w, true);
    ol_writer_init(&ew, plain, sizeof(plain));
    ol_envelope_encode(&ew, &env);
    any(p, nonce, sizeof(nonce));
    any(p, e_sk, sizeof(e_sk));
    ol_wrap_seal(out, &p->peer->wrap, OL_PACKET_BUNDLE, nonce,
                 ol_writer_span(&ew));
    ol_writer_init(&pw, pro, sizeof(pro));
    ol_write_bytes(&pw, ol_span_str("openline pouch 1"));
    ol_write_bytes(&pw, OL_SPAN_ARRAY(p->line->shared.line_id));
    ol_write_bytes(&pw, OL_SPAN_ARRAY(plain));
    OL_CHECK(ol_noise_k_seal(ol_writer_span(&pw), p->id[1].x_sk,
                             p->id[1].x_pk, pk, p->line->shared.psk, e_sk,
                             ol_writer_span(&w), out + OL_ENVELOPE) == OL_OK);
    ev.bytes = OL_SPAN(out, OL_BUNDLE_OVER + w.n);
    p->bundles++;
    give(p, &ev);
}

/* ---- our own side of it ------------------------------------------------- */

static void submit(struct play *p)
{
    static uint8_t text[OL_TEXT_MAX];
    uint8_t id[16];
    struct ol_record rec = {.prec = (uint8_t)below(p, OL_PRECS),
                            .kind = OL_KIND_MESSAGE};
    struct ol_event ev = {.kind = OL_EV_SUBMIT, .record = &rec,
                          .token = ++p->token};

    if (p->size[rec.prec] + 16 > SAID_MAX)
        return;
    any(p, id, sizeof(id));
    memset(text, 'y', sizeof(text));
    rec.id = OL_SPAN_ARRAY(id);
    rec.text = OL_SPAN(text, 1 + below(p, chance(p, 0.1) ? 4000 : 300));
    give(p, &ev);
}

/* The station turns to an attachment, to none, or says what it does not want.
 */
static void wish(struct play *p)
{
    struct ol_file f = {.size = 1 + below(p, 5 * OL_PIECE)};
    struct ol_event ev = {.kind = chance(p, 0.8) ? OL_EV_WANT
                                                 : OL_EV_DECLINE,
                          .file = &f};

    memset(f.hash, 1 + (int)below(p, 200), 32);
    if (ev.kind == OL_EV_WANT && chance(p, 0.1))
        ev.file = NULL;
    give(p, &ev);
}

static void transport(struct play *p)
{
    unsigned c = below(p, POUCH), a = below(p, ADDRS);
    struct ol_chan t = {.up = chance(p, 0.8),
                        .gone = c == 2 && a > 0 && chance(p, 0.3),
                        .news = chance(p, 0.2),
                        .too_big = chance(p, 0.1),
                        .room_bytes = below(p, 100000)};
    struct ol_event ev = {.kind = OL_EV_CHANNEL, .channel = (uint16_t)c,
                          .from = p->addr[a], .chan = &t};

    give(p, &ev);
}

static void start(struct play *p, unsigned who)
{
    struct ol_conf conf;
    struct ol_event ev = {.kind = OL_EV_START};
    struct ol_line **line = who == 0 ? &p->line : &p->peer;

    memset(&conf, 0, sizeof(conf));
    conf.identity = &p->id[who];
    memcpy(conf.peer_ed_pk, p->id[!who].ed_pk, 32);
    memcpy(conf.peer_x_pk, p->id[!who].x_pk, 32);
    memcpy(conf.own_share, p->share[who], 32);
    memcpy(conf.peer_share, p->share[!who], 32);
    any(p, conf.boot, 8);
    any(p, conf.seed, 32);
    conf.n_channels = CHANNELS;
    conf.probe_ns = OL_PROBE_MS * OL_NS_PER_MS;
    conf.hold_ns = 30 * OL_NS_PER_S;
    memcpy(conf.channels, p->conf[who], sizeof(p->conf[who]));
    if (who == 0)
        OL_CHECK(p->ledger->ops->snapshot(p->ledger, p->line_no,
                                          &conf.snapshot) == OL_OK);
    memset(p->mem[who], 0, ol_line_size());
    if (ol_line_init(line, p->mem[who], &conf) != OL_OK)
        fail(p, "the line does not load from its own ledger");
    if (who == 1) {
        peer_step(p, &ev);
    } else {
        p->ledger->ops->snapshot_free(p->ledger, &conf.snapshot);
        p->boot++;
        for (unsigned i = 0; i < OL_PRECS; i++)
            p->size[i] = p->line->out[i].size;
        give(p, &ev);
    }
    for (uint16_t c = 0; c < CHANNELS; c++) {
        struct ol_chan t = {.up = true, .room_bytes = 1u << 20};
        ev = (struct ol_event){.kind = OL_EV_CHANNEL, .channel = c,
                               .chan = &t};
        if (who == 1)
            peer_step(p, &ev);
        else
            give(p, &ev);
    }
}

static void found(struct play *p, uint64_t seed)
{
    static const char *const name[CHANNELS] = {"dial", "listen", "wire",
                                               "bag"};
    struct ol_rng rng;
    uint8_t key[32] = {0};

    memset(p, 0, sizeof(*p));
    p->seed = p->r.s = seed;
    p->now_ns = p->start_ns = 1000 * OL_NS_PER_S;
    memcpy(key, &seed, sizeof(seed));
    ol_rng_init(&rng, key);
    for (unsigned i = 0; i < 2; i++) {
        ol_identity_make(&p->id[i], &rng);
        any(p, p->share[i], 32);
        p->mem[i] = aligned_alloc(64, (ol_line_size() + 63) / 64 * 64);
        OL_CHECK(p->mem[i] != NULL);
        for (unsigned c = 0; c < CHANNELS; c++) {
            struct ol_chan_conf *cc = &p->conf[i][c];
            (void)snprintf(cc->name, sizeof(cc->name), "%s", name[c]);
            cc->kind = c == POUCH ? OL_CHAN_POUCH
                       : c == 2   ? OL_CHAN_STREAM
                                  : OL_CHAN_DATAGRAM;
            cc->mtu = c == POUCH ? OL_BUNDLE_MAX
                      : c == 2   ? OL_FRAME_MAX
                                 : OL_FRAME_UDP;
            cc->dials = i == 1 || c != 1;
        }
    }
    for (unsigned a = 1; a < ADDRS; a++) {
        p->addr[a].len = 6;
        memset(p->addr[a].b, (int)a, 6);
    }
    for (unsigned i = 0; i < FILES; i++)
        memset(p->hash[i], 0xa0 + (int)i, 32);
    OL_CHECK(ol_mem_open(&p->ledger) == OL_OK);
    any(p, key, sizeof(key));
    OL_CHECK(p->ledger->ops->line(p->ledger, key, "south", &p->line_no) ==
             OL_OK);
    start(p, 1);
    start(p, 0);
}

static void crash(struct play *p)
{
    struct ol_ledger_done d;

    ol_mem_crash(p->ledger);
    while (p->ledger->ops->done(p->ledger, &d))
        ;
    p->in_head = p->in_tail;
    ol_line_fini(p->line);
    start(p, 0);
    /* What was said to a life before stands on its disk, or was not taken. */
}

static void turn(struct play *p)
{
    struct ol_event tick = {.kind = OL_EV_TICK};
    uint32_t dice = below(p, 1000);

    if (dice < 600)
        hostile_frame(p);
    else if (dice < 640)
        hostile_bundle(p);
    else if (dice < 682)
        submit(p);
    else if (dice < 690)
        wish(p);
    else if (dice < 700)
        transport(p);
    else if (dice < 703)
        p->full = chance(p, 0.3);
    else if (dice < 704)
        crash(p);
    else if (dice < 705)
        pass(p, (uint64_t)below(p, 100) * OL_NS_PER_S);
    else if (dice < 707) {
        peer_step(p, &tick);
        give(p, &tick);
    } else if (dice < 850) {
        settle(p, 1 + below(p, 4));
    } else {
        pass(p, (uint64_t)below(p, 30) * OL_NS_PER_MS);
    }
    if (dice % 7 == 0)
        settle(p, 256);
}

int main(int argc, char **argv)
{
    static struct play p;
    uint64_t first = 1, seeds = 20, turns = 3000;
    uint64_t frames = 0, bundles = 0, ticks = 0;
    uint64_t arrived = 0, delivered = 0, pieces = 0, live = 0;

    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t n = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--seeds") == 0)
            seeds = n;
        else if (strcmp(argv[i], "--first") == 0)
            first = n;
        else if (strcmp(argv[i], "--turns") == 0)
            turns = n;
    }
    OL_CHECK(ol_crypto_init() == OL_OK);
    for (uint64_t s = first; s < first + seeds; s++) {
        found(&p, s);
        for (uint64_t t = 0; t < turns; t++)
            turn(&p);
        for (unsigned i = 0; i < OL_PRECS; i++) {
            arrived += p.line->in[i].durable;
            delivered += p.line->out[i].acked;
        }
        pieces += p.pieces;
        live += p.live;
        frames += p.frames;
        bundles += p.bundles;
        ticks += p.ticks;
        ol_line_fini(p.line);
        ol_line_fini(p.peer);
        free(p.mem[0]);
        free(p.mem[1]);
        p.ledger->ops->close(p.ledger);
    }
    (void)printf("hostile: %llu seeds, %llu frames, %llu bundles, %llu steps, "
                 "%llu of them live\n",
                 (unsigned long long)seeds, (unsigned long long)frames,
                 (unsigned long long)bundles, (unsigned long long)ticks,
                 (unsigned long long)live);
    (void)printf("  %llu records arrived, %llu delivered, %llu pieces\n",
                 (unsigned long long)arrived, (unsigned long long)delivered,
                 (unsigned long long)pieces);
    return 0;
}
