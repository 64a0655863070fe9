/*
 * Chance, and the faults that it brings: what a seed does to a world.
 */
#include "world_int.h"

#include <string.h>

#include "base/check.h"
#include "base/units.h"

/* ---- chance ------------------------------------------------------------- */

uint64_t rnd_u64(struct rnd *r) /* splitmix64 */
{
    uint64_t z = (r->s += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t rnd_below(struct rnd *r, uint64_t n)
{
    return n == 0 ? 0 : rnd_u64(r) % n;
}

bool rnd_chance(struct rnd *r, double p)
{
    return (double)(rnd_u64(r) >> 11) < p * 9007199254740992.0;
}

/* ---- faults ------------------------------------------------------------- */

void world_cut(struct world *w, unsigned ch, unsigned from, bool cut)
{
    struct sim_channel *c = &w->ch[ch];

    c->path[from].cut = cut;
    if (c->conf[0].kind != OL_CHAN_STREAM)
        return;
    /* What was under way on a stream that was cut never comes: a hole would
     * break the order. The kernel gives the connection up after a while. */
    if (cut)
        c->generation++;
    push(w, (struct entry){.at_ns = w->now_ns + 3 * OL_NS_PER_S,
                           .what = W_UP,
                           .ch = (uint8_t)ch});
}

void world_crash(struct world *w, unsigned st, uint64_t restart_ns)
{
    struct sim_station *s = &w->st[st];

    if (!s->alive)
        return;
    w->crashes++;
    if (w->trace)
        printf("%12.2f h: %u stops for %.2f h\n", (double)w->now_ns / 3600e9,
               st, (double)restart_ns / 3600e9);
    s->alive = false;
    s->given = 0;
    s->boot++;
    ol_mem_crash(s->ledger);
    if (s->older != NULL) {
        s->ledger->ops->close(s->ledger);
        s->ledger = s->older;
        s->older = NULL;
    }
    for (uint32_t i = 0; i < s->n_said; i++)
        if (!s->said[i].taken)
            s->said[i].lost = true;
    for (unsigned c = 0; c < w->n_ch; c++) {
        connection(w, c, false);
        push(w, (struct entry){
                    .at_ns = w->now_ns + restart_ns + OL_NS_PER_S,
                    .what = W_UP,
                    .ch = (uint8_t)c});
    }
    push(w, (struct entry){.at_ns = w->now_ns + restart_ns,
                           .what = W_RESTART,
                           .st = (uint8_t)st,
                           .boot = s->boot});
}

void world_back_up(struct world *w, unsigned st)
{
    struct sim_station *s = &w->st[st];

    if (s->copy != NULL)
        s->copy->ops->close(s->copy);
    ol_mem_copy(&s->copy, s->ledger);
}

void world_put_back(struct world *w, unsigned st, uint64_t restart_ns)
{
    struct sim_station *s = &w->st[st];

    OL_CHECK(s->copy != NULL);
    s->put_back = true;
    world_crash(w, st, restart_ns);
    s->ledger->ops->close(s->ledger);
    ol_mem_copy(&s->ledger, s->copy);
    for (uint32_t i = 0; i < s->n_said; i++) {
        struct sim_message *m = &s->said[i];
        uint8_t frontier[1024];
        uint32_t size = 0;
        size_t n = sizeof(frontier);
        (void)!s->ledger->ops->head(s->ledger, s->line_no, OL_OWN, m->prec,
                                    &size, frontier, &n);
        if (m->taken && m->index > size) {
            m->taken = false;
            m->lost = true;
        }
    }
}

void world_heal(struct world *w)
{
    tale(w, "all faults end");
    w->healed = true;
    memset(w->from, 0, sizeof(w->from));
    for (unsigned c = 0; c < w->n_ch; c++)
        for (unsigned f = 0; f < 2; f++) {
            struct sim_path *p = &w->ch[c].path[f];
            p->loss = OL_MIN(p->loss, 0.02);
            p->flip = p->dup = 0;
            p->cut = false;
        }
    for (unsigned c = 0; c < w->n_ch; c++)
        if (!w->ch[c].up)
            push(w, (struct entry){.at_ns = w->now_ns + OL_NS_PER_S,
                                   .what = W_UP,
                                   .ch = (uint8_t)c});
    for (unsigned s = 0; s < 2; s++) {
        w->st[s].commit_ns = 5 * OL_NS_PER_MS;
        w->st[s].full = false;
        if (!w->st[s].alive)
            push(w, (struct entry){.at_ns = w->now_ns,
                                   .what = W_RESTART,
                                   .st = (uint8_t)s,
                                   .boot = w->st[s].boot});
    }
}

/* Every ten seconds or so a station moves, one time in four back home. */
static void roam(struct world *w, uint64_t run_ns)
{
    struct rnd *r = &w->rnd;

    for (uint64_t at = 0; at < run_ns; at += rnd_below(r, 20 * OL_NS_PER_S)) {
        unsigned c = (unsigned)rnd_below(r, w->n_ch);
        if (w->ch[c].conf[0].kind == OL_CHAN_DATAGRAM)
            deed(w, (struct entry){.at_ns = w->now_ns + at,
                                   .what = W_MOVE,
                                   .st = (uint8_t)rnd_below(r, 2),
                                   .ch = (uint8_t)c,
                                   .arg = rnd_chance(r, 0.25)
                                              ? 0
                                              : 1 + rnd_below(r, 60000)});
    }
}

void world_storm(struct world *w, const struct sim_plan *plan)
{
    struct rnd *r = &w->rnd;
    uint64_t t = w->now_ns, end = w->now_ns + plan->run_ns;

    for (uint32_t i = 0; i < 2 * plan->messages; i++) {
        uint64_t size = rnd_chance(r, 0.1) && plan->big
                            ? rnd_below(r, OL_TEXT_MAX)
                            : rnd_below(r, 300);
        /* In bursts, so that there are gaps to lose. */
        uint64_t at = rnd_below(r, plan->run_ns);
        if (plan->bursts)
            at -= at % (30 * OL_NS_PER_S) - rnd_below(r, 50 * OL_NS_PER_MS);
        deed(w, (struct entry){.at_ns = t + at,
                               .what = W_SAY,
                               .st = (uint8_t)(i & 1),
                               .ch = (uint8_t)rnd_below(r, OL_PRECS),
                               .arg = size});
    }
    w->roams = plan->roams;
    if (plan->roams)
        roam(w, plan->run_ns);
    for (uint32_t i = 0; i < plan->files; i++) {
        static const uint64_t edge[] = {0,     1,     63,     64,    255,
                                        256,   65535, 65536,  65537, 131072,
                                        300000};
        deed(w, (struct entry){.at_ns = t + rnd_below(r, plan->run_ns),
                               .what = W_OFFER,
                               .st = (uint8_t)rnd_below(r, 2),
                               .ch = (uint8_t)rnd_below(r, 60),
                               .arg = edge[rnd_below(r, OL_LEN(edge))]});
    }
    if (plan->files > 0 && plan->big)
        deed(w, (struct entry){.at_ns = t + rnd_below(r, plan->run_ns / 2),
                               .what = W_OFFER,
                               .st = (uint8_t)rnd_below(r, 2),
                               .arg = 1 + rnd_below(r, 6u << 20)});
    if (plan->restores)
        world_restore_storm(w, plan);
    while (t < end && !plan->pouch_only) {
        t += rnd_below(r, 40 * OL_NS_PER_S);
        if (plan->cuts) {
            struct entry e = {.at_ns = t,
                              .what = W_CUT,
                              .st = (uint8_t)rnd_below(r, 2),
                              .ch = (uint8_t)rnd_below(r, w->n_ch)};
            e.arg = rnd_below(r, 60 * OL_NS_PER_S);
            deed(w, e);
        }
        if (plan->crashes && rnd_chance(r, 0.3))
            deed(w, (struct entry){.at_ns = t + rnd_below(r, OL_NS_PER_S),
                                   .what = W_CRASH,
                                   .st = (uint8_t)rnd_below(r, 2),
                                   .arg = rnd_below(r, 20 * OL_NS_PER_S)});
        if (rnd_chance(r, 0.2))
            deed(w, (struct entry){.at_ns = t,
                                   .what = W_DISK,
                                   .st = (uint8_t)rnd_below(r, 2)});
        for (unsigned i = 0; plan->adversary && i < 5; i++)
            deed(w, (struct entry){
                        .at_ns = t + rnd_below(r, 10 * OL_NS_PER_S),
                        .what = W_REPLAY});
    }
}
