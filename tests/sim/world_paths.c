/*
 * Packets on their way: delay, jitter, loss, duplication, rate, cuts; pouch
 * files late, twice, damaged; and the adversary who keeps some of it.
 */
#include "world_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"

/* ---- channels ----------------------------------------------------------- */

static void deliver(struct world *w, unsigned ch, unsigned from,
                    struct ol_span b, uint64_t at)
{
    struct sim_path *p = &w->ch[ch].path[from];
    struct entry e = {.at_ns = at,
                      .what = W_PACKET,
                      .st = (uint8_t)(1 - from),
                      .ch = (uint8_t)ch,
                      .arg = w->ch[ch].generation,
                      .n = b.n};

    e.bytes = malloc(b.n);
    OL_CHECK(e.bytes != NULL);
    memcpy(e.bytes, b.p, b.n);
    if (!w->healed && rnd_chance(&p->rnd, p->flip))
        e.bytes[rnd_below(&p->rnd, b.n)] ^=
            (uint8_t)(1u << rnd_below(&p->rnd, 8));
    if (w->now_ns < p->relay_ns)
        e.from = p->relay;
    push(w, e);
}

bool is_cut(const struct world *w, const struct sim_path *p)
{
    return p->cut || w->now_ns < p->cut_ns;
}

/* How much later the path's queue, its pace and whoever sits on it make it;
 * false: it is lost. */
static bool delayed(struct world *w, struct sim_channel *c, unsigned from,
                    size_t n, uint64_t *at)
{
    struct sim_path *p = &c->path[from];
    bool stream = c->conf[0].kind == OL_CHAN_STREAM;

    if (!stream && w->now_ns < p->hole_until_ns && n > p->hole)
        return false;
    if (w->now_ns < p->slow_until_ns)
        *at += p->slow_ns;
    if (p->rate_bps > 0) {
        uint64_t start = OL_MAX(p->busy_ns, w->now_ns);
        uint64_t most = 4 * c->conf[0].mtu * 8 * OL_NS_PER_S / p->rate_bps;
        most = OL_MAX(500 * OL_NS_PER_MS, most);
        if (!stream &&
            start - w->now_ns > (p->queue_ns > 0 ? p->queue_ns : most))
            return false; /* the queue is full */
        p->busy_ns = start + n * 8 * OL_NS_PER_S / p->rate_bps;
        *at += p->busy_ns - w->now_ns;
    }
    if (w->now_ns < p->hold_ns)
        *at = OL_MAX(*at, p->hold_ns + rnd_below(&p->rnd, OL_NS_PER_MS));
    return true;
}

void travel(struct world *w, unsigned ch, unsigned from, struct ol_span b)
{
    struct sim_channel *c = &w->ch[ch];
    struct sim_path *p = &c->path[from];
    uint64_t at = w->now_ns + p->delay_ns + rnd_below(&p->rnd, p->jitter_ns);
    bool stream = c->conf[0].kind == OL_CHAN_STREAM;

    w->packets++;
    evil_keep(w, ch, from, b);
    if ((stream && !c->up) || !delayed(w, c, from, b.n, &at))
        return;
    if (stream) {
        /* TCP retransmits: loss is delay, a cut holds it all back. */
        while (rnd_chance(&p->rnd, p->loss))
            at += 200 * OL_NS_PER_MS;
        if (is_cut(w, p))
            return;
        at = OL_MAX(at, p->last_ns + 1);
        p->last_ns = at;
    } else if (is_cut(w, p) || rnd_chance(&p->rnd, p->loss)) {
        return;
    }
    deliver(w, ch, from, b, at);
    if (!stream && rnd_chance(&p->rnd, p->dup))
        deliver(w, ch, from, b, at + rnd_below(&p->rnd, p->delay_ns + 1));
}

void travel_from(struct world *w, unsigned ch, unsigned from, struct ol_span b,
                 const struct ol_addr *sender)
{
    struct entry e = {.at_ns = w->now_ns + w->ch[ch].path[from].delay_ns / 2,
                      .what = W_PACKET,
                      .st = (uint8_t)(1 - from),
                      .ch = (uint8_t)ch,
                      .arg = w->ch[ch].generation,
                      .from = sender,
                      .n = b.n};

    e.bytes = malloc(b.n);
    OL_CHECK(e.bytes != NULL);
    memcpy(e.bytes, b.p, b.n);
    push(w, e);
}

/* A pouch file is on its way: late, twice, damaged, out of order. */
static void carry(struct world *w, unsigned ch, unsigned from)
{
    struct sim_station *s = &w->st[from];
    struct sim_path *p = &w->ch[ch].path[from];
    struct ol_span b = OL_SPAN(s->file, s->file_n);
    unsigned times = rnd_chance(&p->rnd, p->dup) ? 2 : 1;

    if (rnd_chance(&p->rnd, p->loss))
        times = 0;
    while (times-- > 0)
        deliver(w, ch, from, b,
                w->now_ns + p->delay_ns + rnd_below(&p->rnd, p->jitter_ns));
    s->file_n = 0;
}

void add_bundle(struct world *w, unsigned st, unsigned ch,
                       const struct ol_send *e)
{
    struct sim_station *s = &w->st[st];

    s->file = realloc(s->file, s->file_n + 4 + e->bytes.n);
    OL_CHECK(s->file != NULL);
    for (unsigned i = 0; i < 4; i++)
        s->file[s->file_n++] = (uint8_t)(e->bytes.n >> (24 - 8 * i));
    memcpy(s->file + s->file_n, e->bytes.p, e->bytes.n);
    s->file_n += e->bytes.n;
    if (e->last)
        carry(w, ch, st);
}

void connection(struct world *w, unsigned ch, bool up)
{
    struct sim_channel *c = &w->ch[ch];

    if (c->conf[0].kind != OL_CHAN_STREAM || c->up == up)
        return;
    c->up = up;
    c->generation++;
    c->path[0].last_ns = c->path[1].last_ns = 0;
    transport(w, 0, ch, up);
    transport(w, 1, ch, up);
}
