/*
 * The beginning of the two lines, and going back to it.
 *
 * Happy path: identities, ledgers and lines from a fixed seed, a conversation
 * over whole ways until both have said something and each knows it, then a
 * silence; what the lines' memory holds then is kept, and the ledgers are the
 * ones that copies are made of. What fails here is our own.
 */
#include "bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"

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
    for (unsigned k = 0; k < MAKE_FILES; k++)
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
        talk(b, st, BED_SAID);
    bed_pass(b, OL_NS_PER_S);
    OL_CHECK(ol_line_live(b->line[0]) && ol_line_live(b->line[1]));
    OL_CHECK(b->line[0]->out[3].acked == BED_SAID &&
             b->line[0]->in[3].durable == BED_SAID);
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
    b->from.len = 0;
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
