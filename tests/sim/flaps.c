/*
 * Channels that come and go, 10,000 times, and what both sides show meanwhile.
 *
 *        station 0 ---- cable (stream) ---- station 1     each direction of
 *                  ---- radio (datagram) --               each is cut and made
 *                  ---- sat   (datagram) --               whole by the seed
 *
 * The truth is this file's own: since when each direction of each channel
 * passes, or does not. Four times a second it is held against what each side
 * shows. Nothing is asked of a state within the time that protocol.md 9 leaves
 * for it; behind that there is one right answer:
 *
 *   not false   what does not pass is not up, behind the hold time; a line is
 *               not dark while a channel passes both ways, nor when one has
 *               failed for shorter than the hold time less a probe
 *   not missed  a line is dark on both sides, behind the hold time, while
 *               nothing passes; one direction is one-way, both are down
 *   in time     doubt within 3 PTO of what is not answered
 *   both views  each side shows what the other shows
 *
 * World by world: the first is wild, the second mostly whole, the third mostly
 * cut; and so on. How it fails: as a seed of the simulation does, with the
 * command that repeats it.
 */
#include <stdlib.h>
#include <string.h>

#include "core/line_int.h"
#include "story.h"
#include "world_int.h"

#define CH 3u
#define HOLD (30 * S)
#define PROBE (23 * S + 500 * MS) /* as the higher station waits */
#define BOUND (HOLD + 20 * S)     /* for one-way, on both sides */
#define WAY (400 * MS)            /* the longest, there and back */
#define READY (10 * S)            /* a probe, knocks, a stream anew */
#define STREAM (6 * S)            /* until both ends know of a cut */
#define STEADY (8 * HOLD + READY) /* the longest trial is over */
#define SAME (8 * S)              /* a view has been told by then */
#define AGREE (2 * S)
#define SAMPLE (250 * MS)
#define FLAPS 200u /* a world */

struct way { /* one direction of a channel */
    bool cut;
    uint64_t since_ns;
};

struct seen { /* what a station has shown, as sampled */
    uint8_t ch[CH], line;
    uint64_t same_ns; /* since when all of it */
    uint64_t agreed_ns; /* the other's view was known then */
    uint32_t tail[CH]; /* frames that asked for an answer */
    uint64_t asked_ns[CH]; /* the first that got none, 0: none */
};

static struct {
    struct way way[CH][2]; /* [from] */
    struct seen seen[2];
    struct rnd rnd;
    uint64_t darks, samples, flips;
} t;

static bool stream(unsigned c)
{
    return w.ch[c].conf[0].kind == OL_CHAN_STREAM;
}

/* A stream needs both ways for one. */
static bool passes(unsigned c, unsigned from, uint64_t ns)
{
    const struct way *a = &t.way[c][from], *b = &t.way[c][1 - from];

    if (a->cut || (stream(c) && b->cut))
        return false;
    return w.now_ns - a->since_ns >= ns + (stream(c) ? STREAM : 0) &&
           (!stream(c) || w.now_ns - b->since_ns >= ns + STREAM);
}

static bool blocked(unsigned c, unsigned from, uint64_t ns)
{
    const struct way *a = &t.way[c][from], *b = &t.way[c][1 - from];

    if (stream(c) && b->cut && w.now_ns - b->since_ns >= ns + STREAM)
        return true;
    return a->cut && w.now_ns - a->since_ns >= ns + (stream(c) ? STREAM : 0);
}

static bool both(unsigned c, uint64_t ns)
{
    return passes(c, 0, ns) && passes(c, 1, ns);
}

static bool of_use(uint8_t state)
{
    return state == OL_CHAN_UP || state == OL_CHAN_DOUBTFUL;
}

static void shown(bool right, unsigned st, unsigned c, uint8_t state,
                  const char *truth)
{
    if (!right)
        world_fail(&w, "station %u shows %s as %s, and %s", st,
                   w.ch[c].conf[st].name,
                   ol_chan_state_name((enum ol_chan_state)state), truth);
}

/* Has a station had keys, for long enough, of what the other sends. One that
 * never heard of the newest epoch goes on in the one before, whose keys end
 * after three minutes (protocol 2.6): then nothing that passes is a frame to
 * this one. */
static bool opens(unsigned st)
{
    const struct ol_line *me = w.st[st].line, *peer = w.st[1 - st].line;

    if (peer->sending < 0)
        return false;
    for (unsigned i = 0; i < OL_EPOCHS_MAX; i++)
        if (me->epoch[i].state != OL_EP_FREE &&
            me->epoch[i].opening == peer->epoch[peer->sending].opening &&
            w.now_ns - me->epoch[i].made_ns > BOUND + WAY)
            return true;
    return false;
}

/* ---- one channel --------------------------------------------------------- */

static void check_channel(unsigned st, unsigned c, uint8_t state)
{
    bool back = false, mute = true;

    for (unsigned k = 0; k < CH; k++) {
        back |= passes(k, 1 - st, BOUND + WAY);
        mute &= blocked(k, 1 - st, HOLD + WAY);
    }
    if (blocked(c, 1 - st, HOLD + WAY) || blocked(c, st, HOLD + WAY))
        shown(!of_use(state), st, c, state, "it has not passed for the hold "
              "time");
    if (both(c, READY))
        shown(of_use(state), st, c, state, "it passes both ways");
    if (both(c, STEADY))
        shown(state == OL_CHAN_UP || t.seen[st].asked_ns[c] != 0, st, c,
              state, "it has passed both ways all along");
    if (blocked(c, st, HOLD + WAY) && passes(c, 1 - st, BOUND + WAY) &&
        opens(st))
        shown(state == OL_CHAN_ONE_WAY, st, c, state, "it hears only");
    if (blocked(c, 1 - st, BOUND + WAY) && passes(c, st, BOUND + WAY) && back)
        shown(state == OL_CHAN_ONE_WAY, st, c, state, "it is heard only");
    if (blocked(c, 1 - st, BOUND + WAY) &&
        (blocked(c, st, BOUND + WAY) || mute))
        shown(state == OL_CHAN_DOWN, st, c, state, "nothing of it passes");
}

/* What was asked since a cut gets no answer: doubt is due 3 PTO later. */
static void check_doubt(unsigned st, unsigned c, uint8_t state)
{
    const struct ol_path *p = &w.st[st].line->ch[c].path;
    struct seen *s = &t.seen[st];
    bool cut = t.way[c][st].cut;

    if (!cut || p->tail < s->tail[c])
        s->asked_ns[c] = 0;
    else if (p->tail != s->tail[c] && s->asked_ns[c] == 0)
        s->asked_ns[c] = w.now_ns;
    s->tail[c] = p->tail;
    if (cut && s->asked_ns[c] != 0 &&
        w.now_ns - s->asked_ns[c] > 3 * ol_path_pto(p) + WAY)
        shown(state != OL_CHAN_UP, st, c, state,
              "what it asked was not answered for 3 PTO");
}

/* ---- a line -------------------------------------------------------------- */

static void check_line_state(unsigned st, const struct ol_line_status *s)
{
    unsigned whole = 0, steady = 0, may = 0;

    for (unsigned c = 0; c < CH; c++) {
        whole += both(c, READY);
        steady += both(c, STEADY);
        may += !blocked(c, 0, HOLD + WAY) && !blocked(c, 1, HOLD + WAY);
    }
    if (whole > 0 && s->state == OL_LINE_DARK)
        world_fail(&w, "station %u is falsely dark", st);
    if (may == 0 && s->state != OL_LINE_DARK)
        world_fail(&w, "station %u misses that it is dark: %s", st,
                   ol_line_state_name(s->state));
    if (steady > 1 && s->state != OL_LINE_OPEN)
        world_fail(&w, "station %u shows %s, and two channels are steady", st,
                   ol_line_state_name(s->state));
    if (may < 2 && s->state == OL_LINE_OPEN)
        world_fail(&w, "station %u is open, with %u channels", st, may);
    if (s->state == OL_LINE_DARK && s->dark_since_ns > s->dark_detected_ns)
        world_fail(&w, "station %u knew of the dark before it began", st);
}

static void remember(unsigned st, const struct ol_line_status *s)
{
    struct seen *seen = &t.seen[st];
    bool same = seen->line == s->state;

    t.flips += !same;
    t.darks += !same && s->state == OL_LINE_DARK;
    for (unsigned c = 0; c < CH; c++) {
        same &= seen->ch[c] == s->ch[c].state;
        seen->ch[c] = s->ch[c].state;
    }
    seen->line = s->state;
    if (!same)
        seen->same_ns = w.now_ns;
}

static bool same_view(const struct ol_line_status *s, const struct seen *peer)
{
    for (unsigned c = 0; c < CH; c++)
        if (s->ch[c].peer_sees != peer->ch[c])
            return false;
    return s->peer_sees == peer->line;
}

/* Over a channel that is whole each hears what the other sees. Between two
 * samples it may have seen something else for a moment, and the word of that
 * is under way. */
static void check_views(unsigned st, const struct ol_line_status *s)
{
    const struct seen *peer = &t.seen[1 - st];
    bool heard = false;

    for (unsigned c = 0; c < CH; c++)
        heard |= both(c, HOLD);
    if (!heard || w.now_ns - peer->same_ns < SAME || same_view(s, peer)) {
        t.seen[st].agreed_ns = w.now_ns;
        if (heard && w.now_ns - s->peer_sees_ns > 6 * PROBE)
            world_fail(&w, "station %u was told %.0f s ago what the other "
                       "sees", st,
                       (double)(w.now_ns - s->peer_sees_ns) / 1e9);
        return;
    }
    if (w.now_ns - t.seen[st].agreed_ns < AGREE)
        return;
    for (unsigned c = 0; c < CH; c++)
        if (s->ch[c].peer_sees != peer->ch[c])
            world_fail(&w, "station %u shows that the other sees %s %s; it "
                       "sees it %s", st, w.ch[c].conf[st].name,
                       ol_chan_state_name(s->ch[c].peer_sees),
                       ol_chan_state_name(peer->ch[c]));
    world_fail(&w, "station %u shows that the other is %s; it is %s", st,
               ol_line_state_name(s->peer_sees),
               ol_line_state_name(peer->line));
}

static void sample(void)
{
    struct ol_line_status s[2];

    t.samples++;
    for (unsigned st = 0; st < 2; st++) {
        s[st] = status(st);
        remember(st, &s[st]);
    }
    for (unsigned st = 0; st < 2; st++) {
        for (unsigned c = 0; c < CH; c++) {
            check_doubt(st, c, s[st].ch[c].state);
            check_channel(st, c, s[st].ch[c].state);
        }
        check_line_state(st, &s[st]);
        check_views(st, &s[st]);
    }
}

static void watch(uint64_t ns)
{
    uint64_t until = w.now_ns + ns;

    while (w.now_ns < until) {
        run_for(OL_MIN(SAMPLE, until - w.now_ns));
        sample();
    }
}

/* ---- flaps --------------------------------------------------------------- */

static void set_way(unsigned c, unsigned from, bool cut)
{
    if (t.way[c][from].cut == cut)
        return;
    t.way[c][from] = (struct way){.cut = cut, .since_ns = w.now_ns};
    world_cut(&w, c, from, cut);
}

/* Mostly one direction or both of one channel; now and then of all. */
static void flap(double cuts)
{
    unsigned c = (unsigned)rnd_below(&t.rnd, CH);
    unsigned ways = 1 + (unsigned)rnd_below(&t.rnd, 3);
    bool all = rnd_chance(&t.rnd, 0.05), cut = rnd_chance(&t.rnd, cuts);

    for (unsigned k = 0; k < CH; k++)
        for (unsigned from = 0; from < 2; from++)
            if ((all || k == c) && (ways & 1u << from))
                set_way(k, from, cut);
}

static uint64_t pause(void)
{
    static const uint64_t most_s[] = {1, 5, 5, 10, 40, 40, 60, 400};

    return MS + rnd_below(&t.rnd, most_s[rnd_below(&t.rnd, 8)] * S);
}

static void life(uint64_t seed)
{
    static const double cuts[] = {0.5, 0.25, 0.75};

    memset(&t, 0, sizeof(t));
    world_init_calm(&w, seed, CH, false);
    t.rnd = rnd_of(&w, 99);
    for (unsigned c = 0; c < CH; c++)
        for (unsigned from = 0; from < 2; from++) {
            w.ch[c].path[from].delay_ns = (1 + rnd_below(&t.rnd, 80)) * MS;
            w.ch[c].path[from].jitter_ns = 1 + rnd_below(&t.rnd, 20 * MS);
            t.way[c][from].since_ns = w.now_ns;
        }
    watch(60 * S);
    for (unsigned k = 0; k < FLAPS; k++) {
        flap(cuts[seed % 3]);
        if (rnd_chance(&t.rnd, 0.4))
            world_say(&w, (unsigned)rnd_below(&t.rnd, 2),
                      (uint8_t)rnd_below(&t.rnd, OL_PRECS), 200);
        watch(pause());
    }
    for (unsigned c = 0; c < CH; c++)
        for (unsigned from = 0; from < 2; from++)
            set_way(c, from, false);
    watch(STEADY + 2 * STREAM);
    EXPECT(world_settled(&w));
    for (unsigned st = 0; st < 2; st++)
        EXPECT(status(st).state == OL_LINE_OPEN);
}

/* Whole for 15 s, gone for 45 s, a hundred times, beside one that stays. */
static void one_flaps(void)
{
    uint64_t flips;

    memset(&t, 0, sizeof(t));
    world_init_calm(&w, 1, 2, false);
    run_for(60 * S);
    for (unsigned k = 0; k < 200; k++) {
        for (unsigned from = 0; from < 2; from++)
            world_cut(&w, 1, from, k % 2 == 0);
        for (unsigned i = 0; i < 3000; i++) {
            run_for(k % 2 == 0 ? 15 * MS : 5 * MS);
            for (unsigned st = 0; st < 2; st++) {
                struct ol_line_status s = status(st);
                shown(k % 2 == 0 || s.ch[1].state != OL_CHAN_ONE_WAY, st, 1,
                      s.ch[1].state, "it came both ways at once");
                EXPECT(s.state != OL_LINE_DARK);
                t.flips += s.state != t.seen[st].line;
                t.seen[st].line = s.state;
            }
        }
    }
    flips = t.flips - 2; /* from nothing to open */
    printf("  a channel came and went 100 times: its line changed %llu times "
           "on both sides together\n", (unsigned long long)flips);
    EXPECT(flips <= 10);
    world_fini(&w);
}

/* Where data goes and is answered, no probe does, but for a new epoch. */
static void data_probes(void)
{
    uint64_t at[2] = {0}, epochs;
    unsigned probes = 0;

    world_init_calm(&w, 1, 3, false);
    for (unsigned from = 0; from < 2; from++)
        w.ch[1].path[from].delay_ns = w.ch[2].path[from].delay_ns = 200 * MS;
    run_for(60 * S);
    for (unsigned k = 0; k < 240; k++) {
        world_say(&w, k % 2, OL_ROUTINE, 200);
        run_for(5 * S);
        for (unsigned st = 0; st < 2; st++) {
            uint64_t last = w.st[st].line->ch[0].probe_at_ns;
            probes += last != at[st];
            at[st] = last;
            EXPECT(status(st).ch[0].state == OL_CHAN_UP);
        }
    }
    epochs = w.st[0].notes[OL_NOTE_EPOCH] + w.st[1].notes[OL_NOTE_EPOCH];
    printf("  20 minutes of talk: %u probes beside it, in %llu epochs\n",
           probes, (unsigned long long)epochs / 2);
    EXPECT(probes <= epochs + 4);
    world_fini(&w);
}

int main(int argc, char **argv)
{
    uint64_t from = 1, seeds = 50, flaps = 0, darks = 0, flips = 0;
    double hours = 0;

    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t n = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--seed") == 0)
            from = n, seeds = 1;
        else if (strcmp(argv[i], "--seeds") == 0)
            seeds = n;
    }
    if (ol_crypto_init() != OL_OK)
        return 1;
    one_flaps();
    data_probes();
    for (uint64_t seed = from; seed < from + seeds; seed++) {
        life(seed);
        flaps += FLAPS;
        darks += t.darks;
        flips += t.flips;
        hours += (double)w.now_ns / 3600e9;
        world_fini(&w);
    }
    printf("%llu flaps in %.0f h: dark %llu times, both sides counted, none "
           "falsely, none missed; %llu changes of a line\n",
           (unsigned long long)flaps, hours, (unsigned long long)darks,
           (unsigned long long)flips);
    printf("PASS %llu seeds\n", (unsigned long long)seeds);
    return 0;
}
