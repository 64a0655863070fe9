/*
 * One day of a busy line, to be measured: 10,000 messages each of which both
 * stations number, sign, seal, open, check and keep, as they always do.
 *
 * Two ways that lose one packet in a hundred. In bursts, as stations speak when
 * something happens: 200 times a day 50 messages within a tenth of a second;
 * or spread evenly, one each 8.6 s, when each has a signature, a check of it
 * and an acknowledgement of its own: these alone are 105 us of a processor of
 * 2.6 GHz, which is a second for 10,000.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "base/units.h"
#include "campaign.h"

#define DAY_S 86400u
#define MESSAGES 10000u

static double processor_s(void)
{
    struct timespec t;

    (void)!clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void say_one(struct world *w, uint64_t at_ns)
{
    world_run(w, at_ns);
    world_say(w, (unsigned)rnd_below(&w->rnd, 2),
              (uint8_t)rnd_below(&w->rnd, OL_PRECS),
              (uint16_t)rnd_below(&w->rnd, 600));
}

static void live(struct world *w, unsigned bursts)
{
    uint64_t day = DAY_S * OL_NS_PER_S, start = w->now_ns;
    unsigned each = MESSAGES / bursts;

    for (unsigned b = 0; b < bursts; b++)
        for (unsigned k = 0; k < each; k++)
            say_one(w, start + b * (day / bursts) +
                           (each > 1 ? k * OL_NS_PER_S / 10 / each : 0));
    world_run(w, start + day);
}

static bool day(unsigned bursts, const char *how)
{
    static struct world w;
    double began = processor_s(), took;
    bool good;

    world_init_calm(&w, 1, 2, false);
    for (unsigned c = 0; c < w.n_ch; c++)
        for (unsigned f = 0; f < 2; f++) {
            w.ch[c].path[f].delay_ns = (20 + 30 * c) * OL_NS_PER_MS;
            w.ch[c].path[f].jitter_ns = 5 * OL_NS_PER_MS;
            w.ch[c].path[f].loss = 0.01;
        }
    live(&w, bursts);
    took = processor_s() - began;
    good = world_settled(&w);
    if (good)
        check_end(&w);
    printf("a day with %u messages %s: %.2f s of processor, %llu packets, "
           "%llu commits, %llu epochs%s\n",
           w.st[0].n_said + w.st[1].n_said, how, took,
           (unsigned long long)w.packets, (unsigned long long)w.puts,
           (unsigned long long)w.st[0].notes[OL_NOTE_EPOCH],
           good ? "" : ", and not all of them delivered");
    world_fini(&w);
    return good;
}

int sim_day(void)
{
    bool good = day(200, "in bursts of 50");

    good &= day(MESSAGES, "evenly spread");
    return good ? 0 : 1;
}
