/*
 * Two copies of one station beside each other: a thief runs what he stole.
 *
 *    north ---.                     north and the thief hold the same keys and
 *              >--- cable, radio --- south        the same count of openings;
 *    thief ---'                     south dials north's address
 *
 *   copies [--seeds N] [--first N]
 *
 * A world of its own, for the big one has two stations. Each seed draws the
 * moments, delays and losses, and what all three knew when the directory was
 * copied. Both sides must be told within a bound, whoever has the line then;
 * and nobody is told anything while there is one of each. Fails with the seed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "crypto/crypto.h"
#include "wire/messages.h"
#include "port/ledger.h"
#include "world.h"

#define NORTH 0
#define THIEF 1
#define SOUTH 2
#define PENDING 4096
/* The true station misses the other one a hold time after the thief came, and
 * knocks; the rest is for what is lost on the way and for the wrong moment. */
#define BOUND_HOLDS 6
#define MS OL_NS_PER_MS
#define S OL_NS_PER_S

enum what { COMMIT, PACKET };

struct thing {
    uint64_t at_ns, serial;
    enum what what;
    uint8_t to, ch, boot;
    struct ol_addr from;
    size_t n;
    uint8_t *bytes;
};

struct place {
    const struct ol_identity *id;
    const uint8_t *share;
    struct ol_ledger *ledger;
    struct ol_line *line;
    void *mem;
    struct ol_effects eff;
    uint64_t wake_ns;
    uint32_t line_no;
    uint8_t boot;
    bool alive;
};

static struct {
    uint64_t seed, now_ns, serial;
    struct rnd rnd;
    struct ol_identity id[2];
    uint8_t share[2][32];
    struct place at[3];
    struct thing thing[PENDING];
    unsigned n;
    double loss;
    uint64_t delay_ns, probe_ns, hold_ns;
    bool marked; /* the thief's own marker tells his copy from a station */
} c;

__attribute__((noreturn)) static void fail(const char *why)
{
    printf("FAIL copies: %s, seed %llu, after %.3f s\n"
           "  copies --first %llu --seeds 1\n",
           why, (unsigned long long)c.seed, (double)c.now_ns / 1e9,
           (unsigned long long)c.seed);
    exit(1);
}

static void push(struct thing t)
{
    OL_CHECK(c.n < PENDING);
    t.serial = c.serial++;
    c.thing[c.n++] = t;
}

/* The empty address leads from north and the thief to south, and from south to
 * north. Who is reached from elsewhere answers to an address. */
static void leave(unsigned st, const struct ol_send *s)
{
    struct thing t = {.what = PACKET, .ch = (uint8_t)s->channel,
                      .n = s->bytes.n};
    struct place *p;

    if (s->to.len == 0) {
        t.to = st == SOUTH ? NORTH : SOUTH;
        t.from.len = 1;
        t.from.b[0] = (uint8_t)st;
    } else {
        t.to = s->to.b[0];
    }
    p = &c.at[t.to];
    if (!p->alive || rnd_chance(&c.rnd, c.loss))
        return;
    t.boot = p->boot;
    t.at_ns = c.now_ns + c.delay_ns + rnd_below(&c.rnd, c.delay_ns);
    t.bytes = malloc(s->bytes.n);
    OL_CHECK(t.bytes != NULL);
    memcpy(t.bytes, s->bytes.p, s->bytes.n);
    push(t);
}

static void step(unsigned st, struct ol_event *ev)
{
    struct place *p = &c.at[st];

    do {
        struct ol_put puts[OL_FX_MAX];
        char names[2][17] = {"cable", "radio"};
        struct ol_batch b = {.line = p->line_no, .puts = puts,
                             .channels = (const char (*)[17])names};
        (void)!ol_line_step(p->line, ev, c.now_ns, &p->eff);
        b.token = p->eff.batch;
        for (unsigned i = 0; i < p->eff.count; i++) {
            const struct ol_effect *e = &p->eff.v[i];
            if (e->kind == OL_FX_PUT)
                puts[b.n_puts++] = e->put;
            if (e->kind == OL_FX_SEND)
                leave(st, &e->send);
        }
        if (b.token != 0) {
            OL_CHECK(p->ledger->ops->commit(p->ledger, &b) == OL_OK);
            push((struct thing){.what = COMMIT, .to = (uint8_t)st,
                                .boot = p->boot,
                                .at_ns = c.now_ns + 100 * OL_NS_PER_US +
                                         rnd_below(&c.rnd, 5 * MS)});
        }
        p->wake_ns = p->eff.wake_ns;
        *ev = (struct ol_event){.kind = OL_EV_TICK};
    } while (p->eff.more);
}

static void start(unsigned st)
{
    static const char *const name[] = {"cable", "radio"};
    struct place *p = &c.at[st];
    unsigned me = st == SOUTH;
    struct ol_conf conf;
    struct ol_event ev = {.kind = OL_EV_START};
    struct ol_chan up = {.up = true, .room_bytes = 1 << 20};

    memset(&conf, 0, sizeof(conf));
    conf.identity = &c.id[me];
    memcpy(conf.peer_ed_pk, c.id[!me].ed_pk, 32);
    memcpy(conf.peer_x_pk, c.id[!me].x_pk, 32);
    memcpy(conf.own_share, c.share[me], 32);
    memcpy(conf.peer_share, c.share[!me], 32);
    for (unsigned i = 0; i < 8; i++)
        conf.boot[i] = (uint8_t)rnd_u64(&c.rnd);
    for (unsigned i = 0; i < 32; i++)
        conf.seed[i] = (uint8_t)rnd_u64(&c.rnd);
    conf.n_channels = 2;
    conf.restored = st == THIEF && c.marked;
    conf.probe_ns = c.probe_ns;
    conf.hold_ns = c.hold_ns;
    for (unsigned i = 0; i < 2; i++) {
        struct ol_chan_conf *cc = &conf.channels[i];
        snprintf(cc->name, sizeof(cc->name), "%s", name[i]);
        cc->kind = i ? OL_CHAN_DATAGRAM : OL_CHAN_STREAM;
        cc->dials = true;
        cc->mtu = i ? OL_FRAME_UDP : OL_FRAME_MAX;
    }
    OL_CHECK(p->ledger->ops->snapshot(p->ledger, p->line_no,
                                      &conf.snapshot) == OL_OK);
    p->mem = aligned_alloc(64, (ol_line_size() + 63) / 64 * 64);
    OL_CHECK(p->mem != NULL);
    memset(p->mem, 0, ol_line_size());
    OL_CHECK(ol_line_init(&p->line, p->mem, &conf) == OL_OK);
    p->ledger->ops->snapshot_free(p->ledger, &conf.snapshot);
    p->alive = true;
    step(st, &ev);
    for (uint16_t i = 0; i < 2; i++) {
        ev = (struct ol_event){.kind = OL_EV_CHANNEL, .channel = i,
                               .chan = &up};
        step(st, &ev);
    }
}

static void stop(unsigned st)
{
    struct place *p = &c.at[st];

    if (!p->alive)
        return;
    p->alive = false;
    p->boot++;
    ol_mem_crash(p->ledger);
    ol_line_fini(p->line);
    free(p->mem);
}

static void happens(const struct thing *t)
{
    struct place *p = &c.at[t->to];
    struct ol_event ev = {.kind = OL_EV_FRAME, .from = t->from,
                          .channel = t->from.len ? OL_CHANNEL_ANY : t->ch,
                          .bytes = OL_SPAN(t->bytes, t->n)};
    struct ol_ledger_done done;

    if (p->alive && p->boot == t->boot) {
        if (t->what == PACKET) {
            uint16_t ch = OL_CHANNEL_ANY;
            if (ev.channel != OL_CHANNEL_ANY ||
                ol_line_claims(p->line, ev.bytes, &ch)) {
                if (ev.channel == OL_CHANNEL_ANY)
                    ev.channel = ch;
                step(t->to, &ev);
            }
        } else {
            (void)ol_mem_step(p->ledger, 1);
            while (p->ledger->ops->done(p->ledger, &done)) {
                ev = (struct ol_event){.kind = OL_EV_COMMITTED,
                                       .token = done.token};
                OL_CHECK(done.err == OL_OK);
                step(t->to, &ev);
            }
        }
    }
    free(t->bytes);
}

/* Until then, or until it is so. */
static bool run(uint64_t until_ns, bool (*so)(void))
{
    for (;;) {
        unsigned best = 0, who = 3;
        uint64_t at = until_ns;
        if (so != NULL && so())
            return true;
        for (unsigned i = 0; i < 3; i++)
            if (c.at[i].alive && c.at[i].wake_ns < at) {
                who = i;
                at = c.at[i].wake_ns;
            }
        for (unsigned i = 1; i < c.n; i++)
            if (c.thing[i].at_ns < c.thing[best].at_ns ||
                (c.thing[i].at_ns == c.thing[best].at_ns &&
                 c.thing[i].serial < c.thing[best].serial))
                best = i;
        if (c.n > 0 && c.thing[best].at_ns <= at) {
            struct thing t = c.thing[best];
            c.thing[best] = c.thing[--c.n];
            c.now_ns = OL_MAX(c.now_ns, t.at_ns);
            happens(&t);
        } else if (who < 3) {
            struct ol_event tick = {.kind = OL_EV_TICK};
            c.now_ns = OL_MAX(c.now_ns + 1000, at);
            step(who, &tick);
        } else {
            c.now_ns = until_ns;
            return false;
        }
    }
}

static struct ol_line_status status(unsigned st)
{
    struct ol_line_status s;

    ol_line_status(c.at[st].line, c.now_ns, &s);
    return s;
}

static bool both_open(void)
{
    return status(NORTH).state == OL_LINE_OPEN &&
           status(SOUTH).state == OL_LINE_OPEN;
}

static bool told(void)
{
    return status(NORTH).second > 0 && status(SOUTH).peer_second > 0;
}

static void found(uint64_t seed)
{
    struct ol_rng rng;
    uint8_t key[32] = {0};
    struct ol_shared shared;
    struct ol_peer_keys peer;

    memset(&c, 0, sizeof(c));
    c.seed = c.rnd.s = seed;
    c.now_ns = S;
    memcpy(key, &seed, sizeof(seed));
    ol_rng_init(&rng, key);
    for (unsigned i = 0; i < 2; i++) {
        ol_identity_make(&c.id[i], &rng);
        ol_rng_fill(&rng, c.share[i], 32);
    }
    memcpy(peer.ed_pk, c.id[1].ed_pk, 32);
    memcpy(peer.x_pk, c.id[1].x_pk, 32);
    OL_CHECK(ol_shared_make(&shared, &c.id[0], &peer, c.share[0],
                            c.share[1]) == OL_OK);
    for (unsigned i = 0; i < 3; i += 2) {
        OL_CHECK(ol_mem_open(&c.at[i].ledger) == OL_OK);
        OL_CHECK(c.at[i].ledger->ops->line(c.at[i].ledger, shared.line_id,
                                           "peer", &c.at[i].line_no) == OL_OK);
    }
    c.at[THIEF].line_no = c.at[NORTH].line_no;
    c.delay_ns = (1 + rnd_below(&c.rnd, 100)) * MS / 2;
    c.loss = (double)rnd_below(&c.rnd, 4) / 20;
    c.marked = rnd_chance(&c.rnd, 0.5);
    c.probe_ns = S;
    c.hold_ns = 3 * S;
    if (rnd_chance(&c.rnd, 0.2)) {
        c.probe_ns = 20 * S;
        c.hold_ns = 30 * S;
    }
}

/* One of each, with all that ends an epoch: nobody may be told anything. */
static void live(void)
{
    start(SOUTH);
    run(c.now_ns + rnd_below(&c.rnd, 2 * S), NULL);
    start(NORTH);
    run(c.now_ns + 600 * S, both_open);
    for (uint64_t i = rnd_below(&c.rnd, 4); i-- > 0;) {
        unsigned who = rnd_chance(&c.rnd, 0.5) ? NORTH : SOUTH;
        stop(who);
        run(c.now_ns + rnd_below(&c.rnd, 10 * S), NULL);
        start(who);
        run(c.now_ns + rnd_below(&c.rnd, 60 * S), NULL);
    }
    for (unsigned i = 0; i < 3; i += 2)
        if (status(i).second > 0 || status(i).peer_second > 0)
            fail("somebody is told of a copy before there is one");
}

/* How long it took until both sides knew, in hold times. */
static double steal(void)
{
    uint64_t began, bound = BOUND_HOLDS * c.hold_ns;

    ol_mem_copy(&c.at[THIEF].ledger, c.at[NORTH].ledger);
    run(c.now_ns + rnd_below(&c.rnd, 30 * S), NULL);
    /* What happens to the station itself between is all the same. */
    if (rnd_chance(&c.rnd, 0.3)) {
        stop(NORTH);
        run(c.now_ns + rnd_below(&c.rnd, 10 * S), NULL);
        start(NORTH);
        run(c.now_ns + rnd_below(&c.rnd, 10 * S), NULL);
    }
    began = c.now_ns;
    start(THIEF);
    if (!run(began + bound, told))
        fail(status(NORTH).second ? "south is not told" : "north is not told");
    return (double)(c.now_ns - began) / (double)c.hold_ns;
}

static double tell(uint64_t seed)
{
    double holds;

    found(seed);
    live();
    holds = steal();
    for (unsigned i = 0; i < 3; i++) {
        stop(i);
        c.at[i].ledger->ops->close(c.at[i].ledger);
    }
    while (c.n > 0)
        free(c.thing[--c.n].bytes);
    return holds;
}

int main(int argc, char **argv)
{
    uint64_t first = 1, seeds = 100;
    double sum = 0, worst = 0;

    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t *to = strcmp(argv[i], "--seeds") == 0 ? &seeds : &first;
        *to = strtoull(argv[i + 1], NULL, 10);
    }
    if (ol_crypto_init() != OL_OK)
        return 1;
    for (uint64_t s = first; s < first + seeds; s++) {
        double holds = tell(s);
        sum += holds;
        worst = OL_MAX(worst, holds);
    }
    printf("%llu thieves: both sides told after %.2f hold times, at most "
           "%.2f\nPASS copies\n", (unsigned long long)seeds,
           sum / (double)OL_MAX(seeds, 1), worst);
    return 0;
}
