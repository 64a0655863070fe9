/*
 * What a seed brings: the kind of its world, and every deed in it.
 *
 * Happy path: world_plan draws which kinds of faults there are, so that some
 * seeds are wild and some suffer from one thing alone; world_storm draws the
 * deeds, each with its time, all before the first of them happens. A world
 * that has healed is asked whether all is where it belongs.
 */
#include "world_int.h"
#include "world_model.h"

#include "base/units.h"
#include "wire/messages.h"

#define DAY_NS (86400 * OL_NS_PER_S)

void world_plan(struct sim_plan *plan, uint64_t seed)
{
    struct rnd r = {seed * 0x9e3779b97f4a7c15u};
    bool wild = rnd_chance(&r, 0.2);
    double p = wild ? 0.9 : 0.4;

    *plan = (struct sim_plan){
        .run_ns = 1800 * OL_NS_PER_S,
        .messages = rnd_chance(&r, 0.1) ? 600 : 60,
        .live = (uint8_t)(1 + rnd_below(&r, 5)),
        .pouch = rnd_chance(&r, 0.5),
        .narrow = rnd_chance(&r, 0.04),
        .big = rnd_chance(&r, 0.2),
        .bursts = rnd_chance(&r, 0.2),
        .kinds = rnd_chance(&r, 0.8),
        .habits = rnd_chance(&r, 0.8),
        .crashes = rnd_chance(&r, p), .deaths = rnd_chance(&r, p),
        .both = rnd_chance(&r, p), .disks = rnd_chance(&r, p),
        .fails = rnd_chance(&r, p), .walls = rnd_chance(&r, p),
        .wear = rnd_chance(&r, p), .cuts = rnd_chance(&r, p),
        .parts = rnd_chance(&r, p), .slow = rnd_chance(&r, p),
        .holes = rnd_chance(&r, p), .roams = rnd_chance(&r, p),
        .switches = rnd_chance(&r, p), .adversary = rnd_chance(&r, 0.7),
        .restores = rnd_chance(&r, 0.2),
        .files = rnd_chance(&r, 0.3) ? 6 : 0,
    };
    plan->pouch |= plan->live == 1;
    if (plan->narrow || plan->restores)
        plan->files = 0;
    if (plan->narrow) {
        plan->live = 1;
        plan->messages = 20;
        plan->big = false;
    }
    /* Some lines are a courier's alone, and a courier may take a month. */
    if (rnd_chance(&r, 0.05)) {
        plan->live = 0;
        plan->messages = 60;
        plan->pouch = true;
        plan->files = 0;
        plan->run_ns = (10 + rnd_below(&r, 50)) * DAY_NS;
    }
}

/* ---- deeds -------------------------------------------------------------- */

struct brew {
    struct world *w;
    const struct sim_plan *plan;
    struct rnd *r;
};

static uint64_t ns_below(struct rnd *r, uint64_t s)
{
    return rnd_below(r, s * OL_NS_PER_S);
}

/* Up to `most` of them, anywhere, anytime. */
static struct entry some(const struct brew *b, enum what what)
{
    return (struct entry){.at_ns = b->w->now_ns +
                                   rnd_below(b->r, b->plan->run_ns),
                          .what = what,
                          .st = (uint8_t)rnd_below(b->r, 2),
                          .ch = (uint8_t)rnd_below(b->r, b->w->n_ch)};
}

static uint64_t arg_of(const struct brew *b, enum what what)
{
    struct rnd *r = b->r;
    uint64_t ms = rnd_below(r, 60000);

    switch (what) {
    case W_CRASH:
    case W_BOTH:
        return ns_below(r, 20);
    case W_DIE:
        return rnd_below(r, 40) | rnd_below(r, 2) << 8 | ns_below(r, 5) << 9;
    case W_FAIL:
        return rnd_below(r, 20) | rnd_below(r, 2) << 8;
    case W_DISK: /* seconds at worst */
        return rnd_below(r, rnd_chance(r, 0.3) ? 10000 : 800) |
               rnd_below(r, 2) << 15 | ms << 16;
    case W_WALL: /* within ten years, either way */
        return rnd_below(r, 631152000000u) - 315576000000u;
    case W_WEAR:
        return (rnd_chance(r, 0.5) ? OL_EPOCH_FRAMES / 2 + rnd_below(r, 2)
                                   : OL_EPOCH_FRAMES - rnd_below(r, 40)) |
               rnd_below(r, 2) << 32;
    case W_SLOW:
        return rnd_below(r, 8000) | ms << 16;
    case W_HOLE:
        return 192 + rnd_below(r, 1000) + (ms << 16);
    case W_SWITCH:
        return ns_below(r, 90);
    case W_ATTEND:
        return rnd_below(r, 3) | rnd_below(r, OL_SHARES) << 8;
    case W_MOVE:
        return rnd_chance(r, 0.25) ? 0 : 1 + rnd_below(r, 60000);
    case W_EVIL:
        return evil_draw(r);
    default: /* cuts: mostly short, some longer than the hold time */
        return ns_below(r, rnd_chance(r, 0.3) ? 300 : 30);
    }
}

static void brew(const struct brew *b, bool wanted, enum what what,
                 unsigned most)
{
    unsigned n = 1 + (unsigned)rnd_below(b->r, most);

    while (wanted && n-- > 0) {
        struct entry e = some(b, what);
        enum ol_chan_kind kind = b->w->ch[e.ch].conf[0].kind;
        bool live = what >= W_CUT && what != W_PART && what != W_EVIL;
        e.arg = arg_of(b, what);
        if ((live && kind == OL_CHAN_POUCH) ||
            (what == W_BREAK && kind != OL_CHAN_STREAM) ||
            (what == W_MOVE && kind != OL_CHAN_DATAGRAM))
            continue;
        deed(b->w, e);
    }
}

static void sayings(const struct brew *b)
{
    const struct sim_plan *plan = b->plan;

    for (uint32_t i = 0; i < 2 * plan->messages; i++) {
        struct entry e = some(b, W_SAY);
        uint64_t size = rnd_chance(b->r, 0.1) && plan->big
                            ? rnd_below(b->r, OL_TEXT_MAX)
                            : rnd_below(b->r, 300);
        /* In bursts, so that there are gaps to lose. */
        if (plan->bursts)
            e.at_ns -= e.at_ns % (60 * OL_NS_PER_S) -
                       rnd_below(b->r, 50 * OL_NS_PER_MS);
        e.st = (uint8_t)(i & 1);
        e.ch = (uint8_t)rnd_below(b->r, OL_PRECS);
        e.arg = speak_draw(b->r, size, plan->kinds);
        if (e.at_ns >= b->w->now_ns)
            deed(b->w, e);
    }
}

static void offers(const struct brew *b)
{
    static const uint64_t edge[] = {0,     1,     63,    64,     255,   256,
                                    65535, 65536, 65537, 131072, 300000};

    for (uint32_t i = 0; i < b->plan->files; i++) {
        struct entry e = some(b, W_OFFER);
        e.ch = (uint8_t)rnd_below(b->r, 60);
        e.arg = edge[rnd_below(b->r, OL_LEN(edge))];
        deed(b->w, e);
    }
}

static void restores(const struct brew *b)
{
    if (!b->plan->restores)
        return;
    for (unsigned i = 0; i < 6; i++) {
        deed(b->w, some(b, W_BACKUP));
        if (rnd_chance(b->r, 0.4)) {
            struct entry e = some(b, W_RESTORE);
            e.arg = rnd_below(b->r, 8) | ns_below(b->r, 5) << 8;
            deed(b->w, e);
        }
    }
}

void world_storm(struct world *w, const struct sim_plan *plan)
{
    struct brew b = {w, plan, &w->rnd};

    w->roams = plan->roams;
    w->evil = plan->adversary;
    sayings(&b);
    offers(&b);
    restores(&b);
    brew(&b, plan->crashes, W_CRASH, 12);
    brew(&b, plan->deaths, W_DIE, 16);
    brew(&b, plan->both, W_BOTH, 3);
    brew(&b, plan->fails, W_FAIL, 6);
    brew(&b, plan->disks, W_DISK, 12);
    brew(&b, plan->walls, W_WALL, 4);
    brew(&b, plan->wear, W_WEAR, 8);
    brew(&b, plan->cuts, W_CUT, 60);
    brew(&b, plan->parts, W_PART, 4);
    brew(&b, plan->cuts, W_BREAK, 10);
    brew(&b, plan->slow, W_SLOW, 12);
    brew(&b, plan->holes, W_HOLE, 6);
    brew(&b, plan->switches, W_SWITCH, 6);
    brew(&b, plan->roams, W_MOVE, 40);
    brew(&b, plan->adversary, W_EVIL, 80);
    brew(&b, true, W_ATTEND, 20);
}

/* ---- the end ------------------------------------------------------------ */

uint64_t world_bound(const struct world *w, const struct sim_plan *plan)
{
    uint64_t bytes = 0, rate = 0;

    if (plan->live == 0)
        return 20 * DAY_NS;
    for (unsigned st = 0; st < 2; st++)
        for (uint32_t i = 0; i < w->st[st].n_said; i++)
            bytes += w->st[st].said[i].size + 200u;
    for (unsigned c = 0; c < w->n_ch; c++) {
        uint64_t a = w->ch[c].path[0].rate_bps, b = w->ch[c].path[1].rate_bps;
        if (w->ch[c].conf[0].kind != OL_CHAN_POUCH)
            rate = OL_MAX(rate, OL_MIN(a ? a : 1000000, b ? b : 1000000));
    }
    return (plan->narrow ? 180 : plan->restores ? 320 : 120) * OL_NS_PER_S +
           3 * bytes * 8 * OL_NS_PER_S / OL_MAX(rate, 1000);
}

bool world_at_rest(struct world *w, const struct sim_plan *plan)
{
    return w->st[0].alive && w->st[1].alive &&
           (plan->restores ? world_same(w) : world_settled(w));
}

void world_end(struct world *w, const struct sim_plan *plan)
{
    if (plan->restores) {
        check_restored(w);
        return;
    }
    check_audit(w);
    check_end(w);
}
