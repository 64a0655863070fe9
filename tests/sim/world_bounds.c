/*
 * A look into each line after each of its steps: what it believes, what it
 * shows, and how full its queues are.
 *
 *   belief    what it takes for durable is on its disk, what it takes for
 *             delivered is on the other's
 *   channels  up only within the hold time of a frame that the other took,
 *             and of one that came; the line's state follows from them
 *   queues    no named maximum is passed: batches, loads, flights, segments,
 *             windows, pools, epochs, boots, prekeys
 *   rest      a step ends, and a moment has an end
 */
#include "world_int.h"
#include "world_model.h"

#include "base/units.h"
#include "core/line_int.h"

#define MOMENT_STEPS 20000u /* at one instant, of one station */
#define LOADS_MAX (2u * OL_PRECS + 4u) /* own and peer's pages, and others */

static void check_belief(struct world *w, unsigned st)
{
    struct sim_station *s = &w->st[st];
    const struct ol_line *l = s->line;

    for (uint8_t p = 0; p < OL_PRECS; p++) {
        if (l->in[p].durable > s->model->log[OL_PEER][p].size)
            world_fail(w, "station %u believes %u/%u of the other's on disk",
                       st, p, l->in[p].durable);
        if (l->out[p].durable > s->model->log[OL_OWN][p].size)
            world_fail(w, "station %u believes its %u/%u on disk", st, p,
                       l->out[p].durable);
        if (l->out[p].acked != s->checked[p])
            check_delivered(w, st, p, l->out[p].acked);
    }
}

static void check_channels(struct world *w, unsigned st)
{
    const struct ol_line *l = w->st[st].line;
    enum ol_line_state want = OL_LINE_DARK;
    unsigned up = 0, steady = 0;
    bool pouch = false;

    for (unsigned c = 0; c < l->n_ch; c++) {
        const struct ol_lchan *ch = &l->ch[c];
        pouch |= ch->conf.kind == OL_CHAN_POUCH && !ch->disabled;
        if (ch->conf.kind == OL_CHAN_POUCH ||
            (ch->state != OL_CHAN_UP && ch->state != OL_CHAN_DOUBTFUL))
            continue;
        up++;
        steady += ch->state == OL_CHAN_UP || !ch->trial;
        if (w->proof_ns[st][c] + ch->hold_ns < w->now_ns)
            world_fail(w, "station %u shows %s as %s, and nothing it sent for "
                       "%.1f s came through", st, ch->conf.name,
                       ol_chan_state_name((enum ol_chan_state)ch->state),
                       (double)(w->now_ns - w->proof_ns[st][c]) / 1e9);
        if (w->heard_ns[st][c] + ch->hold_ns < w->now_ns)
            world_fail(w, "station %u shows %s as %s, and heard nothing for "
                       "%.1f s", st, ch->conf.name,
                       ol_chan_state_name((enum ol_chan_state)ch->state),
                       (double)(w->now_ns - w->heard_ns[st][c]) / 1e9);
    }
    if (up > 0) /* what is on trial is no second one */
        want = steady > 1 ? OL_LINE_OPEN : OL_LINE_LAST_CHANNEL;
    else if (pouch)
        want = OL_LINE_POUCH_ONLY;
    if (l->state != want)
        world_fail(w, "station %u shows its line as %s, with %u channels up",
                   st, ol_line_state_name((enum ol_line_state)l->state), up);
}

static void within(struct world *w, unsigned st, const char *what,
                   uint64_t is, uint64_t most)
{
    if (is > most)
        world_fail(w, "station %u has %llu %s, and %llu are the most", st,
                   (unsigned long long)is, what, (unsigned long long)most);
}

static void check_queues(struct world *w, unsigned st)
{
    const struct sim_station *s = &w->st[st];
    const struct ol_line *l = s->line;

    within(w, st, "batches open", s->model->queued, OL_BATCHES_MAX);
    within(w, st, "loads under way", s->loads, LOADS_MAX);
    within(w, st, "segments in flight", l->refs_used, OL_REFS);
    within(w, st, "blocks to send", OL_POOL_BLOCKS - l->out_pool.left,
           OL_POOL_BLOCKS);
    within(w, st, "blocks received", OL_POOL_BLOCKS - l->in_pool.left,
           OL_POOL_BLOCKS);
    within(w, st, "boots of the other", l->kept.n_boots, OL_BOOTS_MAX);
    within(w, st, "prekeys", l->kept.n_prekeys, OL_PREKEYS_MAX);
    within(w, st, "bytes of effects", l->arena_n, OL_ARENA);
    for (unsigned c = 0; c < l->n_ch; c++)
        within(w, st, "frames in flight on a channel",
               l->ch[c].path.tail - l->ch[c].path.head, OL_INFLIGHT_MAX);
    for (unsigned p = 0; p < OL_PRECS; p++) {
        within(w, st, "records loaded", l->out[p].loaded - l->out[p].acked,
               ol_window_of[p]);
        within(w, st, "records behind a gap",
               l->in[p].high - OL_MIN(l->in[p].upto, l->in[p].high),
               ol_window_of[p]);
    }
}

/* Of the other's officer: what the rule there has ever let it say. */
static void check_officer(struct world *w, unsigned st)
{
    struct ol_line_status s;

    ol_line_status(w->st[st].line, w->now_ns, &s);
    if (s.said != OL_ATT_UNKNOWN &&
        !(w->st[1 - st].allowed >> s.said & 1))
        world_fail(w, "station %u knows more of the other's officer than it "
                   "may", st);
    if (s.theirs != OL_ATT_UNKNOWN && s.theirs != s.said)
        world_fail(w, "station %u makes up what the other said", st);
}

void check_line(struct world *w, unsigned st)
{
    struct sim_station *s = &w->st[st];

    if (s->moment_ns != w->now_ns) {
        s->moment_ns = w->now_ns;
        s->moment_steps = 0;
    }
    if (++s->moment_steps > MOMENT_STEPS)
        world_fail(w, "station %u does not come to rest", st);
    if (!w->lies)
        check_belief(w, st);
    check_channels(w, st);
    if (!w->lies)
        check_officer(w, st);
    check_queues(w, st);
}
