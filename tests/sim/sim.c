/*
 * Runs seeded worlds: sim [--seed N] [--seeds N] [--from N] [--trace]
 * [--restores].
 *
 * Each seed: two stations talk through a storm of faults for some minutes of
 * virtual time; then the world heals, and everything that was taken must be
 * delivered within HEAL_S, and every attachment be whole within FILES_S.
 * Every run is done twice for one seed in ten, and both must leave the same
 * trace hash. Prints PASS or fails with the seed.
 */
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "world.h"

#define HEAL_S 120u
#define FILES_S 3600u

static struct sim_plan plan_of(uint64_t seed)
{
    return (struct sim_plan){
        .run_ns = 1800 * OL_NS_PER_S,
        .messages = seed % 6 == 1 ? 600 : 60,
        .crashes = seed % 3 != 0,
        .cuts = seed % 4 != 0,
        .pouch = seed % 2 == 0,
        .adversary = seed % 5 != 0,
        .big = seed % 7 == 0,
        .bursts = seed % 6 == 1,
        .files = seed % 5 < 3 ? 8 : 0,
        .roams = seed % 7 < 3,
    };
}

/* Stations are put back from old copies, or from their identity alone, alone
 * and both at once; noticed by the marker and not; on live lines and where
 * only a pouch goes. */
static struct sim_plan restores_of(uint64_t seed)
{
    bool pouch_only = seed % 3 == 0;

    return (struct sim_plan){
        .run_ns = pouch_only ? 240 * 3600 * OL_NS_PER_S : 300 * OL_NS_PER_S,
        .messages = 60,
        .crashes = seed % 4 == 1,
        .cuts = seed % 4 != 2,
        .pouch = seed % 2 == 0,
        .adversary = seed % 5 != 0,
        .restores = true,
        .pouch_only = pouch_only,
    };
}

/* A line that only a pouch carries is healed at a pouch's pace: what is lost
 * goes again after a day. */
static void heal(struct world *w, const struct sim_plan *plan)
{
    uint64_t step = plan->pouch_only ? 600 * OL_NS_PER_S : OL_NS_PER_S;
    uint64_t until = w->now_ns + (plan->pouch_only ? 20 * 24 * 3600 : HEAL_S) *
                                     OL_NS_PER_S;

    while (w->now_ns < until && (!w->st[0].alive || !w->st[1].alive ||
                                 !(plan->restores ? world_same(w)
                                                  : world_settled(w))))
        world_run(w, w->now_ns + step);
}

static uint64_t run(uint64_t seed, bool trace, bool restores)
{
    static struct world w;
    struct sim_plan plan = restores ? restores_of(seed) : plan_of(seed);
    uint64_t hash, healed, until;

    world_init(&w, seed, &plan);
    w.trace = trace;
    world_storm(&w, &plan);
    world_run(&w, w.now_ns + plan.run_ns);
    world_heal(&w);
    healed = w.now_ns;
    heal(&w, &plan);
    if (!(restores ? world_same(&w) : world_settled(&w)))
        world_fail(&w, "not everything was delivered %.0f s after healing",
                   (double)(w.now_ns - healed) / 1e9);
    if (restores)
        check_restored(&w);
    else
        check_end(&w);
    /* Attachments may be long, and the channels that are left slow. */
    until = w.now_ns + FILES_S * OL_NS_PER_S;
    if (plan.files > 0)
        world_run(&w, w.now_ns + 61 * OL_NS_PER_S); /* all are wanted */
    while (w.now_ns < until && !world_files_settled(&w))
        world_run(&w, w.now_ns + OL_NS_PER_S);
    if (!world_files_settled(&w))
        world_fail(&w, "not every attachment is whole %u s after healing",
                   FILES_S);
    for (uint32_t i = 0; i < w.n_files; i++)
        if (w.file[i].times != 1)
            world_fail(&w, "attachment %u came whole %u times", i,
                       w.file[i].times);
    if (trace)
        printf("seed %llu: %u + %u said, %llu steps, %llu packets, "
               "%llu crashes, %llu replays, settled %.0f s after healing, "
               "trace %016llx\n",
               (unsigned long long)seed, w.st[0].n_said, w.st[1].n_said,
               (unsigned long long)w.steps, (unsigned long long)w.packets,
               (unsigned long long)w.crashes, (unsigned long long)w.replays,
               (double)(w.now_ns - healed) / 1e9,
               (unsigned long long)w.hash);
    hash = w.hash;
    world_fini(&w);
    return hash;
}

int main(int argc, char **argv)
{
    uint64_t from = 1, n = 200;
    bool trace = false, restores = false;

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
        } else if (strcmp(argv[i], "--restores") == 0) {
            restores = true;
        } else {
            fprintf(stderr, "usage: sim [--seed N] [--seeds N] [--from N] "
                            "[--restores] [--trace]\n");
            return 2;
        }
    }
    if (ol_crypto_init() != OL_OK)
        return 1;
    for (uint64_t s = from; s < from + n; s++) {
        uint64_t hash = run(s, trace, restores);
        if (s % 10 == 0 && run(s, false, restores) != hash) {
            fprintf(stderr, "seed %llu: two runs, two traces\n",
                    (unsigned long long)s);
            return 1;
        }
    }
    printf("PASS %llu seeds from %llu\n", (unsigned long long)n,
           (unsigned long long)from);
    return 0;
}
