/*
 * Pouch-only lines: pouch-seeds [--seed N] [--seeds N] [--from N] [--trace].
 *
 * Each seed: for some months of virtual time bundles are lost, late by days,
 * doubled, damaged and out of order; stations crash, and are put back from
 * copies of any age, alone and both. Then the faults end, either with all that
 * was under way lost or with it still to come; one side says something, and
 * after one round of bundles beyond the normal one both agree again and what
 * they say opens at once. On the way: no ephemeral key twice (world_check.c),
 * never more prekeys than may be kept, and what a damaged or late bundle does
 * to a line that nobody put back: no fall back.
 */
#include <stdlib.h>
#include <string.h>

#include "pouch_kit.h"

static struct rnd r;

static void weather(void)
{
    for (unsigned f = 0; f < 2; f++) {
        struct sim_path *p = &w.ch[w.n_ch - 1].path[f];
        p->delay_ns = (1 + rnd_below(&r, 30)) * H;
        p->jitter_ns = 1 + rnd_below(&r, 4) * DAY;
        p->loss = (double)rnd_below(&r, 6) / 10;
        p->dup = (double)rnd_below(&r, 4) / 10;
        p->flip = (double)rnd_below(&r, 3) / 10;
    }
}

static void put_back(unsigned st)
{
    if (w.st[st].copy != NULL && w.st[st].alive)
        world_put_back(&w, st, (1 + rnd_below(&r, 7200)) * S);
}

/* A live channel that is whole now and then; the line is dark most days. */
static void cable(void)
{
    bool cut = rnd_chance(&r, 0.8);

    if (w.n_ch > 1)
        for (unsigned f = 0; f < 2; f++)
            world_cut(&w, 0, f, cut);
}

static void happen(bool copies)
{
    unsigned st = (unsigned)rnd_below(&r, 2);

    switch (rnd_below(&r, 24)) {
    case 0:
        world_crash(&w, st, rnd_below(&r, 3600) * S);
        break;
    case 1:
    case 2:
        if (w.st[st].alive)
            world_back_up(&w, st);
        break;
    case 3:
        if (copies && rnd_chance(&r, 0.5))
            put_back(st);
        break;
    case 4:
        if (copies && rnd_chance(&r, 0.2)) {
            put_back(0);
            put_back(1);
        }
        break;
    case 5:
        weather();
        break;
    case 6:
        cable();
        break;
    default:
        if (rnd_chance(&r, 0.6))
            kit_say(st);
    }
    for (unsigned i = 0; i < 2; i++)
        EXPECT(!w.st[i].alive ||
               w.st[i].line->kept.n_prekeys < OL_PREKEYS_MAX);
}

/* The world is whole from here on, and its courier needs an hour. */
static void heal(bool spill)
{
    world_heal(&w);
    for (unsigned f = 0; f < 2; f++) {
        struct sim_path *p = &w.ch[w.n_ch - 1].path[f];
        if (w.n_ch > 1)
            world_cut(&w, 0, f, true);
        p->delay_ns = H;
        p->jitter_ns = 1;
        p->loss = 0;
    }
    if (spill)
        world_spill(&w);
    kit_run(spill ? 120 * S : 6 * DAY);
}

static bool trace;

static void run(uint64_t seed)
{
    uint64_t until;
    bool copies = seed % 4 != 0;

    r.s = seed * 77;
    world_init_calm(&w, seed, seed % 5 == 0 ? 1 : 0, true);
    kit_watch();
    w.trace = trace;
    kit_run(60 * S);
    weather();
    until = w.now_ns + (10 + rnd_below(&r, 80)) * DAY;
    while (w.now_ns < until) {
        kit_run(rnd_below(&r, 48) * H / 2 + 1);
        happen(copies);
    }
    /* The last blow, and how the faults end. */
    if (copies && rnd_chance(&r, 0.7))
        put_back((unsigned)rnd_below(&r, 2));
    if (copies && rnd_chance(&r, 0.4))
        put_back((unsigned)rnd_below(&r, 2));
    kit_run(3 * H);
    heal(rnd_chance(&r, 0.7));
    if (!copies)
        EXPECT(w.st[0].notes[OL_NOTE_CARD_ONLY] +
                   w.st[1].notes[OL_NOTE_CARD_ONLY] ==
               0);
    kit_goes_on((unsigned)rnd_below(&r, 2), 4);
    world_fini(&w);
}

int main(int argc, char **argv)
{
    uint64_t from = 1, n = 200;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            from = strtoull(argv[++i], NULL, 10);
            n = 1;
        } else if (strcmp(argv[i], "--seeds") == 0 && i + 1 < argc) {
            n = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--from") == 0 && i + 1 < argc) {
            from = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--trace") == 0) {
            trace = true;
        } else {
            fprintf(stderr,
                    "usage: pouch-seeds [--seed N] [--seeds N] [--from N] "
                    "[--trace]\n");
            return 2;
        }
    }
    if (ol_crypto_init() != OL_OK)
        return 1;
    if (trace)
        setvbuf(stdout, NULL, _IOLBF, 0);
    for (uint64_t s = from; s < from + n; s++)
        run(s);
    printf("PASS %llu seeds from %llu\n", (unsigned long long)n,
           (unsigned long long)from);
    return 0;
}
