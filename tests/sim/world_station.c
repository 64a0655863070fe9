/*
 * A station in the world: one event for its line, and all that it sets off.
 *
 * Happy path: the line makes a step; its effects are carried out in order:
 * the batch goes to the twin, packets leave, loads and commits come back as
 * entries of the queue. The station may be told to die at any of them. A
 * commit that fails dooms the line: it is made anew from its ledger, as a
 * daemon would.
 */
#include "world_int.h"
#include "world_model.h"

#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "core/line_int.h"

/* What its wall clock says: it jumps, and nothing may depend on it. */
uint64_t wall_ms(const struct world *w, unsigned st)
{
    return (uint64_t)((int64_t)(SIM_EPOCH_MS + w->now_ns / OL_NS_PER_MS) +
                      w->st[st].wall_ms);
}

static void put_all(struct world *w, unsigned st)
{
    struct sim_station *s = &w->st[st];
    struct ol_put puts[OL_FX_MAX];
    char names[SIM_CHANNELS][17];
    struct ol_batch b = {.line = s->line_no,
                         .token = s->eff.batch,
                         .at_ms = wall_ms(w, st),
                         .puts = puts,
                         .channels = (const char (*)[17])names};

    for (unsigned i = 0; i < w->n_ch; i++)
        memcpy(names[i], w->ch[i].conf[0].name, 17);
    for (unsigned i = 0; i < s->eff.count; i++)
        if (s->eff.v[i].kind == OL_FX_PUT)
            puts[b.n_puts++] = s->eff.v[i].put;
    if ((b.n_puts > 0) != (b.token != 0))
        world_fail(w, "puts without a batch, or a batch without puts");
    if (b.token == 0)
        return;
    w->puts++;
    if (s->ledger->ops->commit(s->ledger, &b) != OL_OK)
        world_fail(w, "the twin refused a batch: %s", s->ledger->why);
    model_handed(w, st, &b);
    push(w, (struct entry){.at_ns = w->now_ns + 50000 +
                                    rnd_below(&s->rnd, s->commit_ns),
                           .what = W_COMMIT,
                           .st = (uint8_t)st,
                           .boot = s->boot});
}

/* The k-th record of a SUBMIT. */
static void taken(struct world *w, unsigned st, const struct ol_note *n,
                  uint32_t k)
{
    struct sim_station *s = &w->st[st];

    if (n->token + k == s->given)
        s->given = 0;
    for (uint32_t i = s->n_said; i-- > 0;) {
        struct sim_message *m = &s->said[i];
        if (m->token != n->token + k)
            continue;
        m->taken = true;
        m->index = n->index + k;
        m->number = n->number + k;
        m->taken_ns = w->now_ns;
        return;
    }
    if (!w->foreign_tokens)
        world_fail(w, "a message was taken that nobody said");
}

static void note(struct world *w, unsigned st, const struct ol_note *n)
{
    struct sim_station *s = &w->st[st];

    s->notes[n->kind % 32]++;
    if (n->kind == OL_NOTE_IMPORTED)
        check_imported(w, st);
    if (n->kind >= OL_NOTE_PULL && n->kind <= OL_NOTE_SERVED)
        world_file_note(w, st, n);
    if (n->kind != OL_NOTE_TAKEN)
        return;
    for (uint32_t k = 0; k < n->count; k++)
        taken(w, st, n, k);
}

/* A station that has moved is where its packets come from. Where it is dialled
 * it is only as long as it has not, or is at home again. */
static bool reaches(const struct world *w, unsigned st,
                    const struct ol_send *s)
{
    const struct ol_addr *at = &w->from[st][s->channel];

    /* Whoever relays what the peer sends sends on what goes back. */
    for (unsigned k = 0; k < SIM_ELSEWHERE; k++)
        if (memcmp(&s->to, &w->elsewhere[k], sizeof(s->to)) == 0)
            return w->now_ns < w->ch[s->channel].path[1 - st].relay_ns;
    return s->to.len == at->len && memcmp(s->to.b, at->b, at->len) == 0;
}

static void leave(struct world *w, unsigned st, const struct ol_send *s)
{
    if (w->sent_bytes != NULL && s->to.len == w->sent_to.len &&
        memcmp(s->to.b, w->sent_to.b, s->to.len) == 0)
        *w->sent_bytes += s->bytes.n;
    if (w->roams && !reaches(w, st, s))
        return;
    if (w->lose == NULL || !w->lose(w, s->channel, st, s))
        travel(w, s->channel, st, s->bytes);
}

static void bundle(struct world *w, unsigned st, const struct ol_send *s)
{
    if (w->bundle != NULL)
        w->bundle(w, st, s->bytes);
    add_bundle(w, st, s->channel, s);
}

/* Power fails before this effect is carried out: what the disk was given it
 * may have taken, though nobody heard of it, or may not have. */
static bool dies(struct world *w, unsigned st)
{
    struct sim_station *s = &w->st[st];

    if (s->die_in == 0 || --s->die_in > 0)
        return false;
    if (s->die_late)
        (void)ol_mem_step(s->ledger, UINT32_MAX);
    w->deaths++;
    tale(w, "%s dies in the middle of what it does", sim_name(st));
    world_crash(w, st, s->die_ns);
    return true;
}

/* false: it died at one of them. */
static bool carry_out(struct world *w, unsigned st)
{
    struct sim_station *s = &w->st[st];

    trace_effects(w, st);
    if (w->tale.to != NULL)
        tale_effects(w, st);
    if (s->eff.batch != 0 && dies(w, st))
        return false;
    put_all(w, st);
    for (unsigned i = 0; i < s->eff.count; i++) {
        const struct ol_effect *e = &s->eff.v[i];
        if (e->kind != OL_FX_PUT && dies(w, st))
            return false;
        if (e->kind == OL_FX_NOTE) {
            note(w, st, &e->note);
        } else if (e->kind == OL_FX_LOAD) {
            s->loads++;
            push(w, (struct entry){.at_ns = w->now_ns + w->load_ns,
                                   .what = W_LOADED,
                                   .st = (uint8_t)st,
                                   .boot = s->boot,
                                   .load = e->load});
        } else if (e->kind == OL_FX_SEND) {
            check_sent(w, st, &e->send);
            if (w->ch[e->send.channel].conf[0].kind == OL_CHAN_POUCH)
                bundle(w, st, &e->send);
            else
                leave(w, st, &e->send);
        }
    }
    return true;
}

/* How many packets this line has taken where an event's packet came. */
static uint64_t taken_on(const struct sim_station *s,
                         const struct ol_event *ev)
{
    return ev->kind == OL_EV_FRAME && ev->channel < s->line->n_ch
               ? s->line->ch[ev->channel].frames_received
               : 0;
}

static void wake_at(struct world *w, unsigned st, uint64_t wake)
{
    struct sim_station *s = &w->st[st];

    if (wake == s->wake_ns)
        return;
    s->wake_ns = wake;
    s->wake_id++;
    if (wake != OL_NEVER_NS)
        push(w, (struct entry){.at_ns = OL_MAX(wake, w->now_ns + 1000),
                               .what = W_TICK,
                               .st = (uint8_t)st,
                               .boot = s->boot,
                               .arg = s->wake_id});
}

enum ol_err world_step(struct world *w, unsigned st, struct ol_event *ev)
{
    struct sim_station *s = &w->st[st];
    uint64_t wake, taken;
    enum ol_err err;

    if (!s->alive)
        return OL_ERR_AGAIN;
    taken = taken_on(s, ev);
    w->steps++;
    ev->full = s->full;
    trace_event(w, st, ev);
    err = ol_line_step(s->line, ev, w->now_ns, &s->eff);
    s->took = s->eff.taken; /* what is left to do may say no more of it */
    if (taken_on(s, ev) != taken)
        check_taken(w, st, ev->channel, ev->bytes);
    else if (ev->kind == OL_EV_FRAME && err == OL_OK)
        check_greeted(w, st, ev->channel, ev->bytes);
    wake = OL_MAX(s->eff.wake_ns, w->now_ns);
    if (!carry_out(w, st))
        return err;
    while (s->eff.more) {
        struct ol_event tick = {.kind = OL_EV_TICK, .full = s->full};
        w->steps++;
        (void)!ol_line_step(s->line, &tick, w->now_ns, &s->eff);
        wake = s->eff.wake_ns;
        if (!carry_out(w, st))
            return err;
    }
    check_line(w, st);
    wake_at(w, st, wake);
    return err;
}

void transport_is(struct world *w, unsigned st, unsigned ch,
                  const struct ol_chan *c)
{
    struct ol_event ev = {
        .kind = OL_EV_CHANNEL, .channel = (uint16_t)ch, .chan = c};

    (void)!world_step(w, st, &ev);
}

void transport(struct world *w, unsigned st, unsigned ch, bool up)
{
    struct ol_chan c = {.up = up, .room_bytes = w->room};

    transport_is(w, st, ch, &c);
}

/* ---- commits ------------------------------------------------------------ */

/* What the disk has taken it has, whether anybody heard of it or not. */
void lost_power(struct world *w, unsigned st)
{
    struct ol_ledger *l = w->st[st].ledger;
    struct ol_ledger_done d;

    while (l->ops->done(l, &d))
        model_done(w, st, d.token, d.err == OL_OK);
    ol_mem_crash(l);
    model_drop(w, st);
}

/* The disk refused a batch: what was behind it is refused as well, and the
 * line starts anew from what is there. A disk that is full says so. */
static void refused(struct world *w, unsigned st, enum ol_err err)
{
    struct sim_station *s = &w->st[st];
    struct ol_ledger_done d;

    (void)ol_mem_step(s->ledger, UINT32_MAX);
    while (s->ledger->ops->done(s->ledger, &d)) {
        if (d.err == OL_OK)
            world_fail(w, "station %u: a batch overtook one that failed", st);
        s->own_failed |= d.token == SIM_OWN_TOKEN;
        model_done(w, st, d.token, false);
    }
    OL_CHECK(s->ledger->ops->reset(s->ledger) == OL_OK);
    w->refusals++;
    tale(w, "the disk of %s refuses; its line is made anew", sim_name(st));
    if (err == OL_ERR_FULL)
        disk_is(w, st, s->commit_ns, true, 5 * OL_NS_PER_S);
    world_crash(w, st, OL_NS_PER_S + rnd_below(&s->rnd, 5 * OL_NS_PER_S));
}

void world_committed(struct world *w, unsigned st)
{
    struct sim_station *s = &w->st[st];
    struct ol_ledger_done d;

    while (s->ledger->ops->done(s->ledger, &d)) {
        struct ol_event ev = {.kind = OL_EV_COMMITTED, .token = d.token};
        model_done(w, st, d.token, d.err == OL_OK);
        if (d.err != OL_OK) {
            if (!w->may_fail)
                world_fail(w, "a commit failed unasked: %s", s->ledger->why);
            s->own_failed |= d.token == SIM_OWN_TOKEN;
            refused(w, st, d.err);
            return;
        }
        if (d.token == SIM_OWN_TOKEN || !s->alive)
            continue;
        if (w->tale.to != NULL)
            tale_disk(w, st);
        s->restored = false;
        if (d.token >> 63)
            world_waits(w, st, d.token);
        else
            (void)!world_step(w, st, &ev);
    }
    world_give(w, st);
}

/* A disk that lies: what it called durable may not be there after a stop. */
static void remember_older(struct sim_station *s)
{
    if (s->older != NULL)
        s->older->ops->close(s->older);
    ol_mem_copy(&s->older, s->ledger);
}

void commits(struct world *w, unsigned st)
{
    struct sim_station *s = &w->st[st];

    if (w->plant == PLANT_DISK_LIES && st == 1)
        remember_older(s);
    (void)ol_mem_step(s->ledger, 1 + (uint32_t)rnd_below(&s->rnd, 4));
    world_committed(w, st);
}

static void full_again(struct world *w, unsigned st, bool full)
{
    struct ol_event tick = {.kind = OL_EV_TICK};

    if (w->st[st].full == full)
        return;
    w->st[st].full = full;
    (void)!world_step(w, st, &tick); /* credit changes */
}

void disk_is(struct world *w, unsigned st, uint64_t commit_ns, bool full,
             uint64_t for_ns)
{
    w->st[st].commit_ns = commit_ns;
    w->st[st].full_ns = OL_MAX(w->st[st].full_ns,
                               full ? w->now_ns + for_ns : 0);
    full_again(w, st, w->st[st].full || full);
    push(w, (struct entry){.at_ns = w->now_ns + for_ns,
                           .what = W_WELL,
                           .st = (uint8_t)st});
}

void disk_is_well(struct world *w, unsigned st)
{
    w->st[st].commit_ns = 5 * OL_NS_PER_MS;
    if (w->now_ns >= w->st[st].full_ns)
        full_again(w, st, false);
}
