/*
 * How a world begins and ends: its channels, its two stations, their starts.
 *
 * Happy path: world_init draws channels and habits from the seed, founds two
 * stations that know each other's cards, and starts both; world_fini leaves
 * nothing behind.
 */
#include "world_int.h"

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
    struct rnd *r = &w->rnd;

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
    conf.probe_ns = 20 * OL_NS_PER_S;
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
    s->alive = true;
    s->reading = false;
    s->wake_ns = 0;
    s->file_n = 0;
    (void)!world_step(w, st, &ev);
    for (unsigned i = 0; i < w->n_ch; i++)
        if (w->ch[i].conf[st].kind != OL_CHAN_STREAM || w->ch[i].up)
            transport(w, st, i, true);
    world_files_start(w, st);
}

/* Draws all, whichever of them are off. */
static void habits(struct world *w, unsigned ch, unsigned from)
{
    struct sim_path *p = &w->ch[ch].path[from];
    uint64_t loss = rnd_below(&w->rnd, 20) * 10000;
    uint64_t dup = rnd_below(&w->rnd, 10) * 10000;
    uint64_t flip = rnd_below(&w->rnd, 3) * 10000;
    uint64_t rate = rnd_chance(&w->rnd, 0.3)
                        ? 20000 + rnd_below(&w->rnd, 2000000)
                        : 0;

    p->loss = habit(w, W_LOSS, ch, from, loss) ? (double)loss / 1e6 : 0;
    p->dup = habit(w, W_DUP, ch, from, dup) ? (double)dup / 1e6 : 0;
    p->flip = habit(w, W_FLIP, ch, from, flip) ? (double)flip / 1e6 : 0;
    if (habit(w, W_RATE, ch, from, rate))
        p->rate_bps = rate;
    if (!habit(w, W_JITTER, ch, from, p->jitter_ns))
        p->jitter_ns = 1;
}

static void make_channel(struct world *w, unsigned i, const char *name,
                         enum ol_chan_kind kind)
{
    struct sim_channel *c = &w->ch[i];
    struct rnd *r = &w->rnd;

    for (unsigned st = 0; st < 2; st++) {
        struct ol_chan_conf *cc = &c->conf[st];
        struct sim_path *p = &c->path[st];
        snprintf(cc->name, sizeof(cc->name), "%s", name);
        cc->kind = kind;
        cc->dials = true;
        cc->mtu = kind == OL_CHAN_STREAM ? OL_FRAME_MAX : OL_FRAME_UDP;
        p->delay_ns = (1 + rnd_below(r, 150)) * OL_NS_PER_MS;
        p->jitter_ns = rnd_below(r, p->delay_ns) + 1;
        habits(w, i, st);
    }
    if (kind == OL_CHAN_POUCH)
        for (unsigned st = 0; st < 2; st++) {
            c->path[st].delay_ns = (1 + rnd_below(r, 60)) * OL_NS_PER_S;
            c->path[st].jitter_ns = rnd_below(r, 600) * OL_NS_PER_S + 1;
            c->path[st].rate_bps = 0;
            c->conf[st].mtu = OL_BUNDLE_MAX;
        }
    c->up = kind == OL_CHAN_STREAM;
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
    w->load_ns = 100 * OL_NS_PER_US;
    w->room = 1u << 20;
    memcpy(key, &seed, sizeof(seed));
    ol_rng_init(&rng, key);
    for (unsigned i = 0; i < 2; i++) {
        struct sim_station *s = &w->st[i];
        ol_identity_make(&s->id, &rng);
        ol_rng_fill(&rng, s->share, sizeof(s->share));
        s->commit_ns = 5 * OL_NS_PER_MS;
        OL_CHECK(ol_mem_open(&s->ledger) == OL_OK);
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
    if (plan->pouch_only) {
        make_channel(w, w->n_ch++, "pouch", OL_CHAN_POUCH);
        for (unsigned f = 0; f < 2; f++) {
            struct sim_path *p = &w->ch[0].path[f];
            p->delay_ns = rnd_below(&w->rnd, 3600) * OL_NS_PER_S + 1;
            p->jitter_ns = rnd_below(&w->rnd, 7200) * OL_NS_PER_S + 1;
        }
        world_boot(w, 0);
        world_boot(w, 1);
        return;
    }
    w->n_ch = 2;
    make_channel(w, 0, "cable", OL_CHAN_STREAM);
    make_channel(w, 1, "radio", OL_CHAN_DATAGRAM);
    if (rnd_chance(&w->rnd, 0.5))
        make_channel(w, w->n_ch++, "sat", OL_CHAN_DATAGRAM);
    if (plan->pouch)
        make_channel(w, w->n_ch++, "pouch", OL_CHAN_POUCH);
    world_boot(w, 0);
    world_boot(w, 1);
}

void world_init_calm(struct world *w, uint64_t seed, unsigned channels,
                     bool pouch)
{
    static const char *const name[] = {"cable", "radio", "sat"};

    found(w, seed);
    for (unsigned i = 0; i < channels; i++)
        make_channel(w, w->n_ch++, name[i],
                     i == 0 ? OL_CHAN_STREAM : OL_CHAN_DATAGRAM);
    if (pouch)
        make_channel(w, w->n_ch++, "pouch", OL_CHAN_POUCH);
    for (unsigned c = 0; c < w->n_ch; c++)
        for (unsigned f = 0; f < 2; f++) {
            struct sim_path *p = &w->ch[c].path[f];
            p->delay_ns = 10 * OL_NS_PER_MS;
            p->jitter_ns = 1;
            p->loss = p->dup = p->flip = 0;
            p->rate_bps = 0;
        }
    world_boot(w, 0);
    world_boot(w, 1);
}

void world_reboot(struct world *w)
{
    for (unsigned st = 0; st < 2; st++) {
        w->st[st].boot++;
        ol_mem_crash(w->st[st].ledger);
        world_boot(w, st);
    }
}

void world_fini(struct world *w)
{
    for (unsigned i = 0; i < 2; i++) {
        struct sim_station *s = &w->st[i];
        s->ledger->ops->close(s->ledger);
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
    for (uint32_t i = 0; i < w->n_kept; i++)
        free(w->kept[i]);
    free(w->heap);
    free(w->deed);
    free(w->nonces);
}
