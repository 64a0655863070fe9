/*
 * How a world begins and ends: its channels, its two stations, their starts.
 *
 * Happy path: world_init draws channels and habits from the seed, founds two
 * stations that know each other's cards, and starts both; world_fini leaves
 * nothing behind.
 */
#include "world_int.h"
#include "world_model.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"
#include "base/units.h"
#include "wire/messages.h"

/* As the kernel gives it to a new process: zeros, and no page before it is
 * touched. What the boot before left there is gone with its pages. */
static void fresh_memory(struct sim_station *s)
{
    if (s->mem != NULL)
        OL_CHECK(munmap(s->mem, ol_line_size()) == 0);
    s->mem = mmap(NULL, ol_line_size(), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    OL_CHECK(s->mem != MAP_FAILED);
}

void world_boot(struct world *w, unsigned st)
{
    struct sim_station *s = &w->st[st], *o = &w->st[1 - st];
    struct ol_conf conf;
    struct ol_event ev = {.kind = OL_EV_START};
    struct rnd *r = &s->rnd;

    memset(&conf, 0, sizeof(conf));
    conf.identity = &s->id;
    memcpy(conf.peer_ed_pk, o->id.ed_pk, 32);
    memcpy(conf.peer_x_pk, o->id.x_pk, 32);
    memcpy(conf.own_share, s->share, 32);
    memcpy(conf.peer_share, o->share, 32);
    for (unsigned i = 0; i < 8; i++)
        conf.boot[i] = (uint8_t)rnd_u64(r);
    for (unsigned i = 0; i < 32; i++)
        conf.seed[i] = (uint8_t)rnd_u64(r);
    conf.n_channels = (uint16_t)w->n_ch;
    conf.probe_ns = OL_PROBE_MS * OL_NS_PER_MS;
    conf.hold_ns = 30 * OL_NS_PER_S;
    conf.restored = s->restored;
    for (unsigned i = 0; i < w->n_ch; i++)
        conf.channels[i] = w->ch[i].conf[st];
    if (s->ledger->ops->snapshot(s->ledger, s->line_no, &conf.snapshot) !=
        OL_OK)
        world_fail(w, "no snapshot");
    fresh_memory(s);
    if (ol_line_init(&s->line, s->mem, &conf) != OL_OK)
        world_fail(w, "the line does not load from its own ledger");
    s->ledger->ops->snapshot_free(s->ledger, &conf.snapshot);
    model_same(w, st);
    s->alive = true;
    s->shown = OL_ATT_UNKNOWN;
    s->reading = false;
    s->loads = 0;
    s->wake_ns = 0;
    s->file_n = 0;
    (void)!world_step(w, st, &ev);
    for (unsigned i = 0; i < w->n_ch; i++)
        if (w->ch[i].conf[st].kind != OL_CHAN_STREAM || w->ch[i].up)
            transport(w, st, i, true);
    world_files_start(w, st);
}

/* Draws all, whichever of them are off. A path is from 1 ms to 4 s long. */
static void habits(struct world *w, unsigned ch, unsigned from,
                   const struct sim_plan *plan)
{
    struct sim_path *p = &w->ch[ch].path[from];
    struct rnd *r = &w->rnd;
    bool any = plan->habits;
    uint64_t loss = rnd_below(r, 20) * 10000, dup = rnd_below(r, 10) * 10000;
    uint64_t flip = rnd_below(r, 3) * 10000, jitter;
    uint64_t rate = rnd_chance(r, 0.3) ? 20000 + rnd_below(r, 2000000) : 0;

    if (w->ch[ch].conf[0].kind == OL_CHAN_POUCH)
        rate = 0;
    if (w->ch[ch].conf[0].rate_bps != 0)
        rate = w->ch[ch].conf[0].rate_bps;
    jitter = rnd_below(r, p->delay_ns) + 1;
    p->jitter_ns = 1;
    if (habit(w, W_LOSS, ch, from, any ? loss : 0))
        p->loss = (double)loss / 1e6;
    if (habit(w, W_DUP, ch, from, any ? dup : 0))
        p->dup = (double)dup / 1e6;
    if (habit(w, W_FLIP, ch, from, any ? flip : 0))
        p->flip = (double)flip / 1e6;
    if (habit(w, W_RATE, ch, from, any ? rate : w->ch[ch].conf[0].rate_bps))
        p->rate_bps = rate;
    if (habit(w, W_JITTER, ch, from, jitter))
        p->jitter_ns = jitter;
}

static void name_channel(struct world *w, unsigned i, const char *name,
                         enum ol_chan_kind kind)
{
    struct sim_channel *c = &w->ch[i];

    for (unsigned st = 0; st < 2; st++) {
        struct ol_chan_conf *cc = &c->conf[st];
        snprintf(cc->name, sizeof(cc->name), "%s", name);
        cc->kind = kind;
        cc->dials = true;
        cc->mtu = kind == OL_CHAN_STREAM     ? OL_FRAME_MAX
                  : kind == OL_CHAN_DATAGRAM ? OL_FRAME_UDP
                                             : OL_BUNDLE_MAX;
        c->path[st].rnd = rnd_of(w, 16 + 2 * i + st);
    }
    c->up = kind == OL_CHAN_STREAM;
}

/* 1200 bit/s, or a little more: a frame takes a second. */
static void narrow(struct world *w, struct sim_channel *c)
{
    uint64_t rate = 1200u << rnd_below(&w->rnd, 4);

    for (unsigned st = 0; st < 2; st++) {
        c->conf[st].rate_bps = rate;
        c->conf[st].mtu = OL_FRAME_MIN + 64;
        c->conf[st].hold_ns = 180 * OL_NS_PER_S;
    }
}

static void make_channel(struct world *w, const char *name,
                         enum ol_chan_kind kind, const struct sim_plan *plan)
{
    struct sim_channel *c = &w->ch[w->n_ch];
    struct rnd *r = &w->rnd;

    name_channel(w, w->n_ch, name, kind);
    if (name[0] == 'h')
        narrow(w, c);
    for (unsigned st = 0; st < 2; st++) {
        struct sim_path *p = &c->path[st];
        if (kind != OL_CHAN_POUCH)
            p->delay_ns = (1 + rnd_below(r, 1u << rnd_below(r, 13))) *
                          OL_NS_PER_MS;
        else if (plan->live > 0)
            p->delay_ns = (1 + rnd_below(r, 600)) * OL_NS_PER_S;
        else /* up to thirty days, and files overtake each other */
            p->delay_ns = 3600 * (1 + rnd_below(r, 1u << rnd_below(r, 10)) %
                                          720) * OL_NS_PER_S;
        habits(w, w->n_ch, st, plan);
    }
    w->n_ch++;
}

/* Two to six, unlike each other. */
static void channels(struct world *w, const struct sim_plan *plan)
{
    static const struct {
        const char *name;
        enum ol_chan_kind kind;
    } all[] = {{"cable", OL_CHAN_STREAM},   {"radio", OL_CHAN_DATAGRAM},
               {"sat", OL_CHAN_DATAGRAM},   {"fibre", OL_CHAN_STREAM},
               {"hf", OL_CHAN_DATAGRAM}};
    unsigned first = (unsigned)rnd_below(&w->rnd, 4);

    if (plan->narrow)
        first = 4;
    for (unsigned k = 0; k < plan->live; k++)
        make_channel(w, all[(first + k) % OL_LEN(all)].name,
                     all[(first + k) % OL_LEN(all)].kind, plan);
    if (plan->pouch)
        make_channel(w, "pouch", OL_CHAN_POUCH, plan);
}

static void found(struct world *w, uint64_t seed)
{
    struct ol_rng rng;
    uint8_t key[32] = {0};
    struct ol_shared shared;
    struct ol_peer_keys peer;

    memset(w, 0, sizeof(*w));
    w->seed = seed;
    w->rnd.s = seed;
    w->now_ns = OL_NS_PER_S;
    w->patience_ns = OL_NS_PER_S;
    w->load_ns = 100 * OL_NS_PER_US;
    w->room = 1u << 20;
    for (unsigned k = 0; k < SIM_ELSEWHERE; k++)
        w->elsewhere[k] = (struct ol_addr){.len = 4,
                                           .b = {192, 0, 2, (uint8_t)k}};
    memcpy(key, &seed, sizeof(seed));
    ol_rng_init(&rng, key);
    for (unsigned i = 0; i < 2; i++) {
        struct sim_station *s = &w->st[i];
        ol_identity_make(&s->id, &rng);
        ol_rng_fill(&rng, s->share, sizeof(s->share));
        s->commit_ns = 5 * OL_NS_PER_MS;
        OL_CHECK(ol_mem_open(&s->ledger) == OL_OK);
        s->rnd = rnd_of(w, 1 + i);
        model_open(w, i);
    }
    memcpy(peer.ed_pk, w->st[1].id.ed_pk, 32);
    memcpy(peer.x_pk, w->st[1].id.x_pk, 32);
    OL_CHECK(ol_shared_make(&shared, &w->st[0].id, &peer, w->st[0].share,
                            w->st[1].share) == OL_OK);
    for (unsigned i = 0; i < 2; i++)
        OL_CHECK(w->st[i].ledger->ops->line(w->st[i].ledger, shared.line_id,
                                            i ? "north" : "south",
                                            &w->st[i].line_no) == OL_OK);
}

void world_init(struct world *w, uint64_t seed, const struct sim_plan *plan)
{
    found(w, seed);
    w->off = plan->off;
    w->n_off = plan->n_off;
    channels(w, plan);
    w->together = true;
    if (plan->live == 0)
        w->patience_ns = 600 * OL_NS_PER_S;
    world_boot(w, 0);
    world_boot(w, 1);
}

void world_init_calm(struct world *w, uint64_t seed, unsigned channels,
                     bool pouch)
{
    static const char *const name[] = {"cable", "radio", "sat"};

    OL_CHECK(channels <= OL_LEN(name));
    found(w, seed);
    for (unsigned i = 0; i < channels; i++)
        name_channel(w, w->n_ch++, name[i],
                     i == 0 ? OL_CHAN_STREAM : OL_CHAN_DATAGRAM);
    if (pouch)
        name_channel(w, w->n_ch++, "pouch", OL_CHAN_POUCH);
    for (unsigned c = 0; c < w->n_ch; c++)
        for (unsigned f = 0; f < 2; f++) {
            w->ch[c].path[f].delay_ns = 10 * OL_NS_PER_MS;
            w->ch[c].path[f].jitter_ns = 1;
        }
    world_boot(w, 0);
    world_boot(w, 1);
}

void world_reboot(struct world *w)
{
    for (unsigned st = 0; st < 2; st++) {
        w->st[st].boot++;
        ol_mem_crash(w->st[st].ledger);
        model_drop(w, st);
        world_boot(w, st);
    }
}

void world_fini(struct world *w)
{
    for (unsigned i = 0; i < 2; i++) {
        struct sim_station *s = &w->st[i];
        s->ledger->ops->close(s->ledger);
        model_close(w, i);
        if (s->copy != NULL)
            s->copy->ops->close(s->copy);
        if (s->older != NULL)
            s->older->ops->close(s->older);
        (void)munmap(s->mem, ol_line_size());
        free(s->said);
        free(s->file);
    }
    for (uint32_t i = 0; i < w->n_heap; i++)
        free(w->heap[i].bytes);
    free(w->heap);
    free(w->deed);
    free(w->seen);
    set_free(&w->nonces);
    free(w->origin);
}
