/*
 * Chance, and the faults that it brings: what a seed does to a world.
 */
#include "world_int.h"
#include "world_model.h"

#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "core/line_int.h"

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

/* Another stream for each use: what is switched off leaves the rest as it
 * was. */
struct rnd rnd_of(const struct world *w, uint64_t what)
{
    struct rnd r = {w->seed * 0x9e3779b97f4a7c15u ^ what << 40};

    r.s = rnd_u64(&r);
    return r;
}

/* ---- faults ------------------------------------------------------------- */

void stream_is_cut(struct world *w, unsigned ch)
{
    struct sim_channel *c = &w->ch[ch];

    if (c->conf[0].kind != OL_CHAN_STREAM)
        return;
    /* A hole would break the order. The kernel gives the connection up after
     * a while. */
    c->generation++;
    push(w, (struct entry){.at_ns = w->now_ns + 3 * OL_NS_PER_S,
                           .what = W_UP,
                           .ch = (uint8_t)ch});
}

void world_cut(struct world *w, unsigned ch, unsigned from, bool cut)
{
    struct sim_channel *c = &w->ch[ch];

    c->path[from].cut = cut;
    if (cut)
        stream_is_cut(w, ch);
    else if (c->conf[0].kind == OL_CHAN_STREAM)
        push(w, (struct entry){.at_ns = w->now_ns + 3 * OL_NS_PER_S,
                               .what = W_UP,
                               .ch = (uint8_t)ch});
}

void world_crash(struct world *w, unsigned st, uint64_t restart_ns)
{
    struct sim_station *s = &w->st[st];

    if (!s->alive) {
        lost_power(w, st);
        return;
    }
    w->crashes++;
    if (w->trace)
        printf("%12.2f h: %u stops for %.2f h\n", (double)w->now_ns / 3600e9,
               st, (double)restart_ns / 3600e9);
    s->alive = false;
    s->given = 0;
    s->die_in = 0;
    s->boot++;
    lost_power(w, st);
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
    model_load(w, st);
    s->life++;
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

static void heal_path(struct world *w, unsigned ch, unsigned from)
{
    struct sim_path *p = &w->ch[ch].path[from];

    p->loss = OL_MIN(p->loss, 0.02);
    p->flip = p->dup = 0;
    p->cut = false;
    p->cut_ns = p->slow_until_ns = p->hole_until_ns = 0;
    p->hold_ns = p->relay_ns = 0;
    if (w->ch[ch].conf[0].kind != OL_CHAN_POUCH)
        return;
    p->delay_ns = OL_MIN(p->delay_ns, 6 * 3600 * OL_NS_PER_S);
    p->jitter_ns = OL_MIN(p->jitter_ns, 6 * 3600 * OL_NS_PER_S);
}

static void heal_station(struct world *w, unsigned st)
{
    struct sim_station *s = &w->st[st];

    s->full_ns = 0;
    s->die_in = 0;
    disk_is_well(w, st);
    for (unsigned c = 0; c < w->n_ch; c++) {
        struct ol_event on = {.kind = OL_EV_ENABLE,
                              .channel = (uint16_t)c,
                              .on = true};
        if (s->alive && s->line->ch[c].disabled)
            (void)!world_step(w, st, &on);
    }
    if (!s->alive)
        push(w, (struct entry){.at_ns = w->now_ns,
                               .what = W_RESTART,
                               .st = (uint8_t)st,
                               .boot = s->boot});
}

void world_heal(struct world *w)
{
    tale(w, "all faults end");
    w->healed = true;
    memset(w->from, 0, sizeof(w->from));
    for (unsigned c = 0; c < w->n_ch; c++)
        for (unsigned f = 0; f < 2; f++)
            heal_path(w, c, f);
    for (unsigned c = 0; c < w->n_ch; c++)
        if (!w->ch[c].up)
            push(w, (struct entry){.at_ns = w->now_ns + OL_NS_PER_S,
                                   .what = W_UP,
                                   .ch = (uint8_t)c});
    for (unsigned s = 0; s < 2; s++) {
        ol_mem_fail(w->st[s].ledger, 0, OL_ERR_IO);
        heal_station(w, s);
    }
}

