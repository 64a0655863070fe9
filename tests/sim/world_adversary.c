/*
 * The adversary, who owns the paths: he keeps what passes, and gives it back
 * when, where and in whatever shape he likes.
 *
 *   replay    an old packet again, where it was going
 *   cross     on another channel of the line
 *   reflect   back to the station that sent it
 *   flip      with bits changed
 *   splice    the head of one with the tail of another
 *   resize    cut short, or longer
 *   noise     random bytes
 *   guise     random bytes behind a head that is real
 *   flood     two hundred of the last two at once
 *   hold      all of a path is kept for a while, and let go at once
 *   relay     all of a path comes from somewhere else for a while
 *
 * He has no key. Whatever he does costs time and nothing else: the checks of
 * world_tap.c say so.
 */
#include "world_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "wire/messages.h"

enum act {
    REPLAY, CROSS, REFLECT, FLIP, SPLICE, RESIZE, NOISE, GUISE, FLOOD, HOLD,
    RELAY, ACTS
};

static const char *const act_name[ACTS] = {
    "replays", "moves to another channel", "reflects", "damages", "splices",
    "cuts or lengthens", "sends noise in place of", "imitates",
    "floods with imitations of", "withholds all of", "relays all of"};

const char *evil_name(uint64_t arg)
{
    return act_name[arg % ACTS];
}

uint64_t evil_draw(struct rnd *r)
{
    return rnd_u64(r) / ACTS * ACTS + rnd_below(r, ACTS);
}

void evil_keep(struct world *w, unsigned ch, unsigned from, struct ol_span b)
{
    uint32_t i = w->n_seen++;
    struct sim_seen *s;

    if (!w->evil || b.n > OL_FRAME_MAX)
        return;
    if (w->seen == NULL) {
        w->seen = calloc(SIM_SEEN, sizeof(*w->seen));
        OL_CHECK(w->seen != NULL);
    }
    /* Most of what he has is new; some of it is old. */
    s = &w->seen[i % 8 == 0 ? SIM_SEEN / 2 + i / 8 % (SIM_SEEN / 2)
                            : i % (SIM_SEEN / 2)];
    if (i % 8 == 0 && i / 8 >= SIM_SEEN / 2 && i % 64 != 0)
        return;
    memcpy(s->bytes, b.p, b.n);
    s->n = (uint16_t)b.n;
    s->ch = (uint8_t)ch;
    s->from = (uint8_t)from;
}

static const struct sim_seen *pick(struct world *w, struct rnd *r)
{
    const struct sim_seen *s = NULL;

    for (unsigned k = 0; k < 8 && w->seen != NULL; k++) {
        s = &w->seen[rnd_below(r, SIM_SEEN)];
        if (s->n > 0)
            return s;
    }
    return NULL;
}

static void inject(struct world *w, struct rnd *r, const struct sim_seen *s,
                   bool elsewhere)
{
    struct entry e = {.at_ns = w->now_ns + rnd_below(r, 2 * OL_NS_PER_S),
                      .what = W_PACKET,
                      .st = (uint8_t)(1 - s->from),
                      .ch = s->ch,
                      .arg = w->ch[s->ch].generation,
                      .n = s->n};

    if (s->n == 0 || w->ch[s->ch].conf[0].kind == OL_CHAN_POUCH)
        return;
    if (elsewhere)
        e.from = &w->elsewhere[rnd_below(r, SIM_ELSEWHERE)];
    e.bytes = malloc(s->n);
    OL_CHECK(e.bytes != NULL);
    memcpy(e.bytes, s->bytes, s->n);
    w->injected++;
    push(w, e);
}

static void noise(struct rnd *r, struct sim_seen *s, uint32_t from)
{
    for (uint32_t i = from; i < s->n; i++)
        s->bytes[i] = (uint8_t)rnd_u64(r);
}

/* Its head is real: the short hash of a knock, the index of a frame. */
static void guise(struct rnd *r, struct sim_seen *s)
{
    uint32_t head = s->bytes[0] == OL_PACKET_FRAME ? 5 : OL_SEALED_HEAD;

    s->n = (uint16_t)(OL_FRAME_OVER + rnd_below(r, 700));
    noise(r, s, OL_MIN(head, s->n));
}

static void splice(struct rnd *r, struct sim_seen *s,
                   const struct sim_seen *tail)
{
    uint32_t at = (uint32_t)rnd_below(r, OL_MIN(s->n, tail->n));

    /* One time in four just the frame's counter is another's. */
    if (rnd_chance(r, 0.25) && s->n >= 9 && tail->n >= 9)
        memcpy(s->bytes + 5, tail->bytes + 5, 4);
    else
        memcpy(s->bytes + at, tail->bytes + at, tail->n - at);
    if (s->n < tail->n)
        s->n = tail->n;
}

static void resize(struct rnd *r, struct sim_seen *s)
{
    uint16_t n = (uint16_t)(1 + rnd_below(r, OL_FRAME_MAX));

    if (n > s->n)
        noise(r, s, s->n);
    s->n = rnd_chance(r, 0.5) ? (uint16_t)(1 + rnd_below(r, s->n)) : n;
}

static void one(struct world *w, struct rnd *r, enum act act)
{
    const struct sim_seen *from = pick(w, r), *tail = pick(w, r);
    struct sim_seen s;

    if (from == NULL || tail == NULL)
        return;
    s = *from;
    if (act == FLOOD)
        act = rnd_chance(r, 0.3) ? NOISE : GUISE;
    if (act == CROSS)
        s.ch = (uint8_t)rnd_below(r, w->n_ch);
    else if (act == REFLECT)
        s.from = 1 - s.from;
    else if (act == SPLICE)
        splice(r, &s, tail);
    else if (act == RESIZE)
        resize(r, &s);
    else if (act == NOISE)
        noise(r, &s, (uint32_t)rnd_below(r, 2));
    else if (act == GUISE)
        guise(r, &s);
    for (unsigned k = 0; act == FLIP && k <= rnd_below(r, 3); k++)
        s.bytes[rnd_below(r, s.n)] ^= (uint8_t)(1u << rnd_below(r, 8));
    inject(w, r, &s, rnd_chance(r, 0.3));
}

void evil(struct world *w, const struct entry *e)
{
    struct rnd r = {w->seed ^ e->arg * 0x9e3779b97f4a7c15u};
    enum act act = (enum act)(e->arg % ACTS);
    struct sim_path *p = &w->ch[e->ch].path[e->st];
    unsigned times = act == FLOOD ? 200 : 1 + (unsigned)rnd_below(&r, 6);

    if (act == HOLD) {
        p->hold_ns = w->now_ns + rnd_below(&r, 90 * OL_NS_PER_S);
        return;
    }
    if (act == RELAY) {
        p->relay_ns = w->now_ns + rnd_below(&r, 60 * OL_NS_PER_S);
        p->relay = &w->elsewhere[rnd_below(&r, SIM_ELSEWHERE)];
        return;
    }
    while (times-- > 0)
        one(w, &r, act);
}
