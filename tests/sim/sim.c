/*
 * Seeded worlds: what a seed's life is, and the arguments.
 *
 * Each seed: two stations talk through a storm of faults, mostly for half an
 * hour of virtual time; then the world heals, and everything that was taken
 * must be delivered within world_bound, and every attachment be whole within
 * FILES_S. What fails is told (campaign.h).
 */
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "campaign.h"

#define FILES_S 3600u
#define OFFICERS_S 60u

/* A line that only a pouch carries is healed at a pouch's pace. */
static void heal(struct world *w, const struct sim_plan *plan)
{
    uint64_t step = plan->live == 0 ? 600 * OL_NS_PER_S : OL_NS_PER_S;
    uint64_t until = w->now_ns + world_bound(w, plan);

    while (w->now_ns < until && !world_at_rest(w, plan))
        world_run(w, w->now_ns + step);
}

/* Each knows of the other's officer what it may, as it is now. */
static bool officers_known(const struct world *w)
{
    for (unsigned st = 0; st < 2; st++) {
        struct ol_line_status s;
        ol_line_status(w->st[st].line, w->now_ns, &s);
        if (s.theirs != w->st[1 - st].shown)
            return false;
    }
    return true;
}

/* Everything that was said and wanted is there, within the time for it. */
static void demand(struct world *w, const struct sim_plan *plan)
{
    uint64_t healed = w->now_ns, until;

    heal(w, plan);
    if (!world_at_rest(w, plan))
        world_fail(w, "not everything was delivered %.0f s after healing",
                   (double)(w->now_ns - healed) / 1e9);
    world_end(w, plan);
    until = w->now_ns + OFFICERS_S * OL_NS_PER_S;
    while (plan->live > 0 && w->now_ns < until && !officers_known(w))
        world_run(w, w->now_ns + OL_NS_PER_S);
    if (plan->live > 0 && !officers_known(w))
        world_fail(w, "what is shown of an officer did not come %u s after "
                   "healing", OFFICERS_S);
    /* Attachments may be long, and the channels that are left slow. */
    until = w->now_ns + FILES_S * OL_NS_PER_S;
    if (plan->files > 0)
        world_run(w, w->now_ns + 61 * OL_NS_PER_S); /* all are wanted */
    while (w->now_ns < until && !world_files_settled(w))
        world_run(w, w->now_ns + OL_NS_PER_S);
    if (!world_files_settled(w))
        world_fail(w, "not every attachment is whole %u s after healing",
                   FILES_S);
    for (uint32_t i = 0; i < w->n_files; i++)
        if (w->file[i].times != 1)
            world_fail(w, "attachment %u came whole %u times", i,
                       w->file[i].times);
}

uint64_t sim_live(struct world *w, const struct sim_life *life)
{
    struct sim_plan plan;
    uint64_t hash;

    world_plan(&plan, life->seed);
    plan.restores |= life->restores;
    plan.files = plan.restores ? 0 : plan.files;
    plan.off = life->off;
    plan.n_off = life->n_off;
    world_init(w, life->seed, &plan);
    w->plant = life->plant;
    world_storm(w, &plan);
    if (life->begun != NULL)
        life->begun(w);
    if (life->tell != NULL)
        tale_begin(w, life->tell);
    world_run(w, w->now_ns + plan.run_ns);
    world_heal(w);
    demand(w, &plan);
    hash = w->hash;
    world_fini(w);
    return hash;
}

/* ---- arguments ---------------------------------------------------------- */

static const char usage[] =
    "usage: sim [--seed N | --from N --seeds N] [--restores] [--jobs N]\n"
    "           [--hashes] [--first] [--only LIST] [--plant disk-lies]\n"
    "       sim --seed N [--only LIST] --trace    tells what happens\n"
    "       sim --day                             what a busy day costs\n";

/* "3,7-12": only these deeds happen; all others are off. */
static bool only(struct sim_life *life, const char *list)
{
    static uint8_t off[OUTCOME_DEEDS / 8];
    char *end;

    memset(off, 0xff, sizeof(off));
    life->off = off;
    life->n_off = OUTCOME_DEEDS;
    if (strcmp(list, "none") == 0)
        return true;
    for (const char *at = list;; at = end + 1) {
        unsigned long from = strtoul(at, &end, 10), to = from;
        if (end == at)
            return false;
        if (*end == '-')
            to = strtoul(end + 1, &end, 10);
        for (; from <= to && from < OUTCOME_DEEDS; from++)
            off[from / 8] &= (uint8_t)~(1u << (from % 8));
        if (*end != ',')
            return *end == '\0';
    }
}

static uint64_t number(const char *s)
{
    char *end;
    uint64_t n = strtoull(s, &end, 10);

    if (end == s || *end != '\0') {
        fprintf(stderr, "sim: not a number: %s\n", s);
        exit(2);
    }
    return n;
}

static bool flag(struct campaign *c, const char *arg)
{
    if (strcmp(arg, "--restores") == 0)
        c->life.restores = true;
    else if (strcmp(arg, "--hashes") == 0)
        c->hashes = true;
    else if (strcmp(arg, "--first") == 0)
        c->first = true;
    else if (strcmp(arg, "--day") == 0)
        c->n = 0;
    else if (strcmp(arg, "--trace") == 0)
        c->life.tell = stdout;
    else
        return false;
    return true;
}

static bool option(struct campaign *c, const char *arg, const char *value)
{
    if (strcmp(arg, "--seed") == 0)
        c->from = number(value), c->n = 1;
    else if (strcmp(arg, "--seeds") == 0)
        c->n = number(value);
    else if (strcmp(arg, "--from") == 0)
        c->from = number(value);
    else if (strcmp(arg, "--jobs") == 0)
        c->jobs = (unsigned)OL_MAX(number(value), 1);
    else if (strcmp(arg, "--only") == 0)
        return only(&c->life, value);
    else if (strcmp(arg, "--plant") == 0 && strcmp(value, "disk-lies") == 0)
        c->life.plant = PLANT_DISK_LIES;
    else
        return false;
    return true;
}

/* As many as ./test lives, or as many as it was told to. */
static uint64_t seeds(void)
{
    const char *told = getenv("OPENLINE_SEEDS");

    if (told != NULL)
        return number(told);
#ifdef __SANITIZE_ADDRESS__
    return 200;
#else
    return 2000;
#endif
}

int main(int argc, char **argv)
{
    struct campaign c = {
        .from = 1, .n = seeds(), .jobs = 1, .program = argv[0]};

    for (int i = 1; i < argc; i++) {
        if (flag(&c, argv[i]) ||
            (i + 1 < argc && option(&c, argv[i], argv[i + 1]) && ++i))
            continue;
        fputs(usage, stderr);
        return 2;
    }
    if (ol_crypto_init() != OL_OK)
        return 1;
    if (c.n == 0)
        return sim_day();
    return campaign(&c);
}
