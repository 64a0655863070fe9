/*
 * Two real lines and their ledgers.
 *
 * Happy path: an event goes into a line; its puts go to the ledger's twin and
 * are on disk a millisecond later, its loads are answered at once, its packets
 * go the way the target chose. Then the earliest of what waits happens.
 * What must hold of the honest line is checked after every step: the ledger
 * takes what it puts, what it keeps has bounds, it does not wake without end.
 */
#include "bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"

#define TURNS 4000u /* of one bed_pass: else somebody wakes without end */

/* ---- what waits --------------------------------------------------------- */

static void put(struct bed *b, struct bed_entry e)
{
    /* More loads and commits than a station could have waiting is a fault;
     * packets that have no room are lost. */
    if (b->n_queue == BED_QUEUE) {
        OL_CHECK(e.kind == BED_PACKET);
        free(e.bytes);
        return;
    }
    b->queue[b->n_queue++] = e;
}

/* The earliest, the first of those of one time. */
static bool take(struct bed *b, uint64_t until_ns, struct bed_entry *out)
{
    unsigned first = 0;

    for (unsigned k = 1; k < b->n_queue; k++)
        if (b->queue[k].at_ns < b->queue[first].at_ns)
            first = k;
    if (b->n_queue == 0 || b->queue[first].at_ns > until_ns)
        return false;
    *out = b->queue[first];
    b->n_queue--;
    memmove(&b->queue[first], &b->queue[first + 1],
            (b->n_queue - first) * sizeof(b->queue[0]));
    return true;
}

void bed_deliver(struct bed *b, unsigned st, uint16_t channel,
                 struct ol_span packet)
{
    struct bed_entry e = {.kind = BED_PACKET, .st = (uint8_t)st,
                          .channel = channel,
                          .at_ns = b->now_ns + 10 * OL_NS_PER_MS,
                          .n = packet.n};

    e.bytes = malloc(packet.n + 1);
    OL_CHECK(e.bytes != NULL);
    if (packet.n > 0)
        memcpy(e.bytes, packet.p, packet.n);
    put(b, e);
}

/* ---- a step ------------------------------------------------------------- */

static void commit(struct bed *b, unsigned st)
{
    static struct ol_put puts[OL_FX_MAX];
    char names[BED_CHANNELS][17];
    struct ol_effects *eff = &b->eff[st];
    struct ol_batch batch = {.line = b->line_no[st], .token = eff->batch,
                             .at_ms = b->now_ns / OL_NS_PER_MS, .puts = puts,
                             .channels = (const char (*)[17])names};
    struct ol_ledger *lg = b->ledger[st];
    struct ol_ledger_done done;

    for (unsigned c = 0; c < BED_CHANNELS; c++)
        memcpy(names[c], b->conf[st][c].name, 17);
    for (unsigned k = 0; k < eff->count; k++)
        if (eff->v[k].kind == OL_FX_PUT)
            puts[batch.n_puts++] = eff->v[k].put;
    OL_CHECK((batch.n_puts > 0) == (batch.token != 0));
    if (batch.token == 0)
        return;
    OL_CHECK(lg->ops->commit(lg, &batch) == OL_OK);
    (void)ol_mem_step(lg, 64);
    while (lg->ops->done(lg, &done)) {
        /* Whatever was said to it, its own ledger takes what it makes of it. */
        OL_CHECK(done.err == OL_OK);
        put(b, (struct bed_entry){.kind = BED_COMMIT, .st = (uint8_t)st,
                                  .token = done.token,
                                  .at_ns = b->now_ns + OL_NS_PER_MS});
    }
}

static void carry_out(struct bed *b, unsigned st)
{
    struct ol_effects *eff = &b->eff[st];

    OL_CHECK(eff->count <= OL_FX_MAX);
    commit(b, st);
    for (unsigned k = 0; k < eff->count; k++) {
        const struct ol_effect *e = &eff->v[k];

        if (e->kind == OL_FX_NOTE) {
            OL_CHECK(e->note.kind < OL_NOTE_KINDS);
            b->notes[e->note.kind] += st == 0;
        } else if (e->kind == OL_FX_LOAD) {
            put(b, (struct bed_entry){.kind = BED_LOAD, .st = (uint8_t)st,
                                      .load = e->load,
                                      .at_ns = b->now_ns + OL_NS_PER_US});
        } else if (e->kind == OL_FX_SEND) {
            OL_CHECK(e->send.bytes.n <= OL_PACKET_MAX);
            b->sends += st == 0;
            if (b->way != NULL)
                b->way(b, st, &e->send);
        }
    }
}

enum ol_err bed_step(struct bed *b, unsigned st, struct ol_event *ev)
{
    const struct ol_line *l = b->line[st];
    struct ol_event tick = {.kind = OL_EV_TICK};
    enum ol_err err = ol_line_step(b->line[st], ev, b->now_ns, &b->eff[st]);

    b->steps++;
    carry_out(b, st);
    for (unsigned n = 0; b->eff[st].more; n++) {
        OL_CHECK(n < TURNS);
        (void)!ol_line_step(b->line[st], &tick, b->now_ns, &b->eff[st]);
        b->steps++;
        carry_out(b, st);
    }
    b->wake_ns[st] = b->eff[st].wake_ns;
    OL_CHECK(l->refs_used <= OL_REFS && l->kept.n_boots <= OL_BOOTS_MAX &&
             l->kept.n_prekeys <= OL_PREKEYS_MAX);
    for (unsigned p = 0; p < OL_PRECS; p++)
        OL_CHECK(l->out[p].acked <= l->out[p].durable &&
                 l->out[p].durable <= l->out[p].size &&
                 l->in[p].durable <= l->in[p].upto);
    return err;
}

enum ol_err bed_packet(struct bed *b, unsigned st, uint16_t channel,
                       struct ol_span packet)
{
    struct ol_event ev = {.kind = OL_EV_FRAME, .channel = channel,
                          .bytes = packet};

    return bed_step(b, st, &ev);
}

/* ---- loads -------------------------------------------------------------- */

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
    OL_CHECK(row->bytes.n <= sizeof(c->bytes) - c->n_bytes);
    memcpy(c->bytes + c->n_bytes, row->bytes.p, row->bytes.n);
    l->bytes = OL_SPAN(c->bytes + c->n_bytes, row->bytes.n);
    c->n_bytes += row->bytes.n;
    return ++c->n < OL_LOAD_MAX;
}

static uint64_t file_size(unsigned k)
{
    return (k + 1) * 3 * OL_PIECE + 7;
}

static void load(struct bed *b, unsigned st, const struct ol_load *want)
{
    static struct page c;
    static uint8_t piece[OL_PIECE];
    struct ol_ledger *lg = b->ledger[st];
    struct ol_event ev = {.token = want->token};
    struct ol_file file = {.size = 0};

    if (want->kind == OL_LOAD_RECORDS) {
        c.n_bytes = c.n = 0;
        OL_CHECK(lg->ops->log(lg, b->line_no[st], want->author, want->prec,
                              want->index, want->max_records, want->max_bytes,
                              collect, &c) == OL_OK);
        ev.kind = OL_EV_LOADED;
        ev.loaded = c.v;
        ev.n_loaded = c.n;
    } else if (want->kind == OL_LOAD_PIECE) {
        ev.kind = OL_EV_PIECE;
        for (unsigned k = 0; k < BED_FILES; k++)
            if (memcmp(want->hash, b->hash[k], 32) == 0 &&
                want->size == file_size(k) &&
                want->index < ol_file_pieces(want->size))
                ev.bytes = OL_SPAN(piece, ol_file_piece_size(want->size,
                                                             want->index));
    } else {
        ev.kind = OL_EV_FILE;
        if (st == 0 && want->after < BED_FILES) {
            memcpy(file.hash, b->hash[want->after], 32);
            file.size = file_size((unsigned)want->after);
            file.order = want->after + 1;
            ev.file = &file;
        }
    }
    (void)!bed_step(b, st, &ev);
}

/* ---- time --------------------------------------------------------------- */

static void happen(struct bed *b, struct bed_entry *e)
{
    struct ol_event ev = {.kind = OL_EV_COMMITTED, .token = e->token};

    if (e->kind == BED_LOAD)
        load(b, e->st, &e->load);
    else if (e->kind == BED_COMMIT)
        (void)!bed_step(b, e->st, &ev);
    else if (e->st == 0 || !b->still)
        (void)!bed_packet(b, e->st, e->channel, OL_SPAN(e->bytes, e->n));
    free(e->bytes);
}

void bed_pass(struct bed *b, uint64_t ns)
{
    uint64_t until_ns = b->now_ns + ns;
    unsigned turns = 0;

    for (;;) {
        unsigned st = !b->still && b->wake_ns[1] < b->wake_ns[0];
        uint64_t wake_ns = b->wake_ns[st];
        struct ol_event tick = {.kind = OL_EV_TICK};
        struct bed_entry e;

        /* It may be woken every 100 us of the time that passes; an input has
         * so much life and no more, and the rest of its time is a long wait. */
        OL_CHECK(turns++ < TURNS + ns / (100 * OL_NS_PER_US));
        if (b->steps > b->most_steps)
            break;
        if (take(b, OL_MIN(until_ns, wake_ns), &e)) {
            b->now_ns = OL_MAX(b->now_ns, e.at_ns);
            happen(b, &e);
        } else if (wake_ns <= until_ns) {
            b->now_ns = OL_MAX(b->now_ns + OL_NS_PER_US, wake_ns);
            (void)!bed_step(b, st, &tick);
        } else {
            break;
        }
    }
    b->now_ns = OL_MAX(b->now_ns, until_ns);
}

/* ---- what the target says ----------------------------------------------- */

enum ol_err bed_say(struct bed *b, unsigned st, uint8_t prec, uint16_t size)
{
    static uint8_t text[OL_TEXT_MAX];
    uint8_t id[OL_ID_SIZE] = {0};
    struct ol_record rec = {.prec = prec, .kind = OL_KIND_MESSAGE};
    struct ol_event ev = {.kind = OL_EV_SUBMIT, .record = &rec,
                          .token = ++b->token};

    memcpy(id, &b->token, sizeof(b->token));
    id[15] = (uint8_t)(st + 1);
    memset(text, 'a' + (int)(b->token % 26), sizeof(text));
    rec.id = OL_SPAN_ARRAY(id);
    rec.text = OL_SPAN(text, OL_MIN(OL_MAX(size, 1), OL_TEXT_MAX));
    return bed_step(b, st, &ev);
}

/* The newest epoch that station 1 can send in, as it knows it. */
static struct ol_epoch *epoch_of(struct bed *b)
{
    return ol_epoch_sending(b->line[1]);
}

bool bed_frame(struct bed *b, unsigned c, struct ol_span plain, uint32_t skip,
               enum ol_err *err)
{
    static uint8_t out[OL_FRAME_MAX];
    struct ol_epoch *e = epoch_of(b);
    struct ol_frame_head head;
    struct ol_epoch_chan *ec;
    struct ol_writer w;

    OL_CHECK(plain.n <= OL_FRAME_MAX - OL_FRAME_OVER);
    if (e == NULL)
        return false;
    ec = &e->ch[c];
    ec->counter += skip;
    head = (struct ol_frame_head){ec->tx.index, ec->counter++};
    ol_writer_init(&w, out, OL_FRAME_HEAD);
    ol_frame_encode(&w, &head);
    if (plain.n > 0)
        memcpy(out + OL_FRAME_HEAD, plain.p, plain.n);
    ol_frame_seal(&ec->tx, head.counter, OL_SPAN(out, OL_FRAME_HEAD),
                  out + OL_FRAME_HEAD, plain.n);
    *err = bed_packet(b, 0, (uint16_t)c,
                      OL_SPAN(out, plain.n + OL_FRAME_OVER));
    return true;
}

/* ---- beginning ---------------------------------------------------------- */

void bed_conf(const struct bed *b, unsigned st, struct ol_conf *conf)
{
    memset(conf, 0, sizeof(*conf));
    conf->identity = &b->id[st];
    memcpy(conf->peer_ed_pk, b->id[!st].ed_pk, 32);
    memcpy(conf->peer_x_pk, b->id[!st].x_pk, 32);
    memcpy(conf->own_share, b->share[st], 32);
    memcpy(conf->peer_share, b->share[!st], 32);
    memset(conf->boot, 0x10 + (int)st, sizeof(conf->boot));
    memset(conf->seed, 0x20 + (int)st, sizeof(conf->seed));
    conf->n_channels = BED_CHANNELS;
    conf->probe_ns = 20 * OL_NS_PER_S;
    conf->hold_ns = 30 * OL_NS_PER_S;
    memcpy(conf->channels, b->conf[st], sizeof(b->conf[st]));
}

void bed_load(struct bed *b)
{
    struct ol_ledger *lg = b->ledger[0];
    struct ol_conf conf;
    struct ol_line *line;

    bed_conf(b, 0, &conf);
    OL_CHECK(lg->ops->snapshot(lg, b->line_no[0], &conf.snapshot) == OL_OK);
    keep_forget(&b->spare);
    OL_CHECK(ol_line_init(&line, b->spare.p, &conf) == OL_OK);
    lg->ops->snapshot_free(lg, &conf.snapshot);
}

static void start(struct bed *b, unsigned st)
{
    struct ol_ledger *lg = b->ledger[st];
    struct ol_event ev = {.kind = OL_EV_START};
    struct ol_conf conf;

    bed_conf(b, st, &conf);
    conf.boot[0] = ++b->boots;
    OL_CHECK(lg->ops->snapshot(lg, b->line_no[st], &conf.snapshot) == OL_OK);
    OL_CHECK(ol_line_init(&b->line[st], b->mem[st].p, &conf) == OL_OK);
    lg->ops->snapshot_free(lg, &conf.snapshot);
    (void)!bed_step(b, st, &ev);
}

static void up(struct bed *b, unsigned st)
{
    for (uint16_t c = 0; c < BED_CHANNELS; c++) {
        struct ol_chan chan = {.up = true, .room_bytes = 1u << 20};
        struct ol_event ev = {.kind = OL_EV_CHANNEL, .channel = c,
                              .chan = &chan};

        (void)!bed_step(b, st, &ev);
    }
}

void bed_reboot(struct bed *b, unsigned st)
{
    unsigned n = 0;

    for (unsigned k = 0; k < b->n_queue; k++) {
        if (b->queue[k].st != st || b->queue[k].kind == BED_PACKET)
            b->queue[n++] = b->queue[k];
    }
    b->n_queue = n;
    ol_line_fini(b->line[st]);
    memset(b->mem[st].p, 0, b->mem[st].n);
    start(b, st);
    up(b, st);
}

static void channels(struct bed *b)
{
    static const char *const name[] = {"dial", "wire", "bag"};
    static const enum ol_chan_kind kind[] = {OL_CHAN_DATAGRAM, OL_CHAN_STREAM,
                                             OL_CHAN_POUCH};
    static const uint32_t mtu[] = {OL_FRAME_UDP, OL_FRAME_MAX, OL_BUNDLE_MAX};

    for (unsigned st = 0; st < 2; st++)
        for (unsigned c = 0; c < BED_CHANNELS; c++) {
            struct ol_chan_conf *cc = &b->conf[st][c];

            (void)snprintf(cc->name, sizeof(cc->name), "%s", name[c]);
            cc->kind = kind[c];
            cc->mtu = mtu[c];
            cc->dials = true;
        }
}

static void straight(struct bed *b, unsigned st, const struct ol_send *s)
{
    if (s->channel < BED_POUCH)
        bed_deliver(b, !st, s->channel, s->bytes);
}

/* A file of the peer's that station 0 pulls. */
static void pull(struct bed *b)
{
    struct ol_file file = {.size = 5 * OL_PIECE + 100};
    struct ol_event ev = {.kind = OL_EV_WANT, .file = &file};

    memset(file.hash, 0xb0, sizeof(file.hash));
    (void)!bed_step(b, 0, &ev);
}

/* So many records of each precedence, and all on its own disk. */
static void talk(struct bed *b, unsigned st, unsigned records)
{
    for (uint8_t p = 0; p < OL_PRECS; p++)
        for (unsigned n = 0; n < records; n++) {
            OL_CHECK(bed_say(b, st, p, (uint16_t)(20 + 300 * n)) == OL_OK);
            bed_pass(b, 3 * OL_NS_PER_MS);
        }
}

void bed_open(struct bed *b, uint64_t dark_ns)
{
    struct ol_rng rng;
    uint8_t seed[32] = {7};

    OL_CHECK(ol_crypto_init() == OL_OK);
    memset(b, 0, sizeof(*b));
    b->most_steps = UINT32_MAX;
    b->now_ns = 1000 * OL_NS_PER_S;
    ol_rng_init(&rng, seed);
    channels(b);
    for (unsigned k = 0; k < BED_FILES; k++)
        memset(b->hash[k], 0xa0 + (int)k, 32);
    keep_alloc(&b->spare, ol_line_size());
    for (unsigned st = 0; st < 2; st++) {
        ol_identity_make(&b->id[st], &rng);
        ol_rng_fill(&rng, b->share[st], 32);
        keep_alloc(&b->mem[st], ol_line_size());
        OL_CHECK(ol_mem_open(&b->ledger[st]) == OL_OK);
        OL_CHECK(b->ledger[st]->ops->line(b->ledger[st], seed,
                                          st ? "north" : "south",
                                          &b->line_no[st]) == OL_OK);
    }
    b->way = straight;
    start(b, 0);
    start(b, 1);
    up(b, 0);
    up(b, 1);
    bed_pass(b, OL_NS_PER_S);
    for (unsigned st = 0; st < 2; st++)
        talk(b, st, 3);
    bed_pass(b, OL_NS_PER_S);
    OL_CHECK(ol_line_live(b->line[0]) && ol_line_live(b->line[1]));
    OL_CHECK(b->line[0]->out[3].acked == 3 && b->line[0]->in[3].durable == 3);
    pull(b);
    b->way = NULL; /* what it says now nobody hears */
    talk(b, 0, 2);
    bed_pass(b, dark_ns);
    while (b->n_queue > 0)
        free(b->queue[--b->n_queue].bytes);
    for (unsigned st = 0; st < 2; st++) {
        keep_save(&b->mem[st]);
        b->base[st] = b->ledger[st];
        b->ledger[st] = NULL;
        b->saved_wake_ns[st] = b->wake_ns[st];
    }
    b->saved_ns = b->now_ns;
    b->way = NULL;
}

void bed_begin(struct bed *b)
{
    for (unsigned st = 0; st < 2; st++) {
        keep_forget(&b->mem[st]);
        ol_mem_copy(&b->ledger[st], b->base[st]);
        b->wake_ns[st] = b->saved_wake_ns[st];
    }
    memset(b->notes, 0, sizeof(b->notes));
    b->now_ns = b->saved_ns;
    b->way = NULL;
    b->still = false;
    b->most_steps = BED_STEPS;
    b->token = 1000;
    b->steps = 0;
    b->sends = 0;
}

void bed_end(struct bed *b)
{
    while (b->n_queue > 0)
        free(b->queue[--b->n_queue].bytes);
    for (unsigned st = 0; st < 2; st++) {
        b->ledger[st]->ops->close(b->ledger[st]);
        b->ledger[st] = NULL;
    }
}
