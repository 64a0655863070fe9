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

    if (st == 0)
        ev.from = b->from;
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
        for (unsigned k = 0; k < MAKE_FILES; k++)
            if (memcmp(want->hash, b->hash[k], 32) == 0 &&
                want->size == make_file_size(k) &&
                want->index < ol_file_pieces(want->size))
                ev.bytes = OL_SPAN(piece, ol_file_piece_size(want->size,
                                                             want->index));
    } else {
        ev.kind = OL_EV_FILE;
        if (st == 0 && want->after < MAKE_FILES) {
            memcpy(file.hash, b->hash[want->after], 32);
            file.size = make_file_size((unsigned)want->after);
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
