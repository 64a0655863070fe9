/*
 * Faults as they come to pass: what each kind of deed does to a world.
 *
 * Happy path: a deed's time comes, and here it happens, unless the world has
 * healed meanwhile. Whatever lasts has its end written down beside it, so
 * that two faults of one kind overlap without an end in the middle.
 */
#include "world_int.h"
#include "world_model.h"

#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "core/line_int.h"

static void cut_for(struct world *w, unsigned ch, unsigned from, uint64_t ns)
{
    struct sim_path *p = &w->ch[ch].path[from];

    p->cut_ns = OL_MAX(p->cut_ns, w->now_ns + ns);
    stream_is_cut(w, ch);
}

/* Every live channel, both ways. */
static void part(struct world *w, uint64_t ns)
{
    for (unsigned c = 0; c < w->n_ch; c++)
        for (unsigned f = 0; f < 2; f++)
            if (w->ch[c].conf[0].kind != OL_CHAN_POUCH)
                cut_for(w, c, f, ns);
}

static struct ol_addr moved_to(const struct entry *e)
{
    struct ol_addr to = {.len = 4, .b = {10, e->ch}};

    to.b[2] = (uint8_t)(e->arg >> 8);
    to.b[3] = (uint8_t)e->arg;
    return e->arg != 0 ? to : (struct ol_addr){0};
}

/* arg: commit in ms | full << 15 | ms that it lasts << 16 */
static void disk(struct world *w, const struct entry *e)
{
    disk_is(w, e->st, (e->arg & 0x7fff) * OL_NS_PER_MS + 1,
            e->arg >> 15 & 1, (e->arg >> 16) * OL_NS_PER_MS);
}

/* arg: effects until then | committed << 8 | ns until it starts << 9 */
static void die(struct world *w, const struct entry *e)
{
    struct sim_station *s = &w->st[e->st];

    if (!s->alive)
        return;
    s->die_in = (uint32_t)(e->arg & 0xff) + 1;
    s->die_late = e->arg >> 8 & 1;
    s->die_ns = e->arg >> 9;
}

/* arg: how many commits from now | full << 8 */
static void fail(struct world *w, const struct entry *e)
{
    w->may_fail = true;
    ol_mem_fail(w->st[e->st].ledger, (uint32_t)(e->arg & 0xff) + 1,
                e->arg >> 8 & 1 ? OL_ERR_FULL : OL_ERR_IO);
}

/* Its counters come to where a new epoch is called for, or to their very end;
 * arg: the counter | both << 32. */
static void wear(struct world *w, unsigned st, uint32_t counter)
{
    struct ol_line *l = w->st[st].line;
    struct ol_event tick = {.kind = OL_EV_TICK};
    struct ol_epoch *e;

    if (!w->st[st].alive || l->sending < 0)
        return;
    e = &l->epoch[l->sending];
    for (unsigned c = 0; c < l->n_ch; c++)
        e->ch[c].counter = OL_MAX(e->ch[c].counter, counter);
    (void)!world_step(w, st, &tick);
}

/* The officer's switch; arg: ns until it is on again. */
static void turn(struct world *w, const struct entry *e, bool on)
{
    struct ol_event ev = {.kind = OL_EV_ENABLE, .channel = e->ch, .on = on};
    struct entry again = {.at_ns = w->now_ns + e->arg,
                          .what = W_SWITCH_ON,
                          .st = e->st,
                          .ch = e->ch,
                          .boot = w->st[e->st].boot};

    (void)!world_step(w, e->st, &ev);
    if (!on)
        push(w, again);
}

static void on_path(struct world *w, const struct entry *e)
{
    struct sim_path *p = &w->ch[e->ch].path[e->st];
    uint64_t until = w->now_ns + (e->arg >> 16) * OL_NS_PER_MS;

    switch (e->what) {
    case W_CUT:
        cut_for(w, e->ch, e->st, e->arg);
        break;
    case W_BREAK:
        connection(w, e->ch, false);
        push(w, (struct entry){.at_ns = w->now_ns + OL_NS_PER_S / 4,
                               .what = W_UP,
                               .ch = e->ch});
        break;
    case W_SLOW: /* arg: ms more | ms that it lasts << 16 */
        p->slow_ns = (e->arg & 0xffff) * OL_NS_PER_MS;
        p->slow_until_ns = until;
        break;
    case W_HOLE: /* arg: bytes that pass | ms that it lasts << 16 */
        p->hole = (uint32_t)(e->arg & 0xffff);
        p->hole_until_ns = until;
        break;
    case W_MOVE:
        w->from[1 - e->st][e->ch] = moved_to(e);
        break;
    case W_EVIL:
        evil(w, e);
        break;
    default:
        break;
    }
}

/* The other side must never know anything else of it. */
void world_attend(struct world *w, unsigned st, enum ol_attendance state,
                  enum ol_share_rule share)
{
    struct sim_station *s = &w->st[st];
    struct ol_event ev = {.kind = OL_EV_ATTEND};

    if (!s->alive)
        return;
    s->shown = (uint8_t)ol_attend_shown(state, share);
    if (share == OL_SHARE_YES ||
        (share == OL_SHARE_COARSE && state == OL_ATT_ATTENDED))
        s->allowed |= (uint8_t)(1u << state);
    ev.attendance = s->shown;
    if (world_step(w, st, &ev) != OL_OK)
        world_fail(w, "station %u takes no word of its officer", st);
}

void fault(struct world *w, const struct entry *e)
{
    if (e->what == W_WELL)
        disk_is_well(w, e->st);
    if (e->what == W_SWITCH_ON && e->boot == w->st[e->st].boot)
        turn(w, e, true);
    if (w->healed)
        return;
    switch (e->what) {
    case W_CRASH:
        world_crash(w, e->st, e->arg);
        break;
    case W_BOTH:
        world_crash(w, 0, e->arg);
        world_crash(w, 1, e->arg);
        break;
    case W_DIE:
        die(w, e);
        break;
    case W_FAIL:
        fail(w, e);
        break;
    case W_PART:
        part(w, e->arg);
        break;
    case W_DISK:
        disk(w, e);
        break;
    case W_WALL:
        w->st[e->st].wall_ms = (int64_t)e->arg;
        break;
    case W_WEAR:
        wear(w, e->st, (uint32_t)e->arg);
        if (e->arg >> 32)
            wear(w, 1 - e->st, (uint32_t)e->arg);
        break;
    case W_SWITCH:
        turn(w, e, false);
        break;
    case W_ATTEND:
        world_attend(w, e->st, (enum ol_attendance)(e->arg & 3),
                     (enum ol_share_rule)(e->arg >> 8));
        break;
    default:
        on_path(w, e);
    }
}
