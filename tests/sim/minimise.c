/*
 * The fewest deeds of a seed that still end the same way, and their story.
 *
 * Happy path: the life fails again when it is lived alone; then deeds are
 * switched off, whole kinds first, then halves, quarters, and so on to single
 * ones, and stay off if the same check fails without them. What is left is
 * lived once more and told. It ends when no single deed can be left out, or
 * after so many lives or seconds; then what is left is only not the fewest.
 * The adversary's and the paths' chance is drawn as things happen, so leaving
 * one deed out may change what follows: each trial is judged by its own end.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/units.h"
#include "campaign.h"

#define LIVES_MOST 300u
#define SECONDS_MOST 60

struct search {
    struct sim_life life;
    struct outcome *o;
    char check[160]; /* as it failed first */
    uint32_t n;      /* deeds */
    uint32_t lives;
    time_t end;
    uint8_t off[OUTCOME_DEEDS / 8];
};

static bool is_off(const struct search *s, uint32_t n)
{
    return s->off[n / 8] >> (n % 8) & 1;
}

static void set(uint8_t *off, uint32_t n)
{
    off[n / 8] |= (uint8_t)(1u << (n % 8));
}

static bool spent(const struct search *s)
{
    return s->lives >= LIVES_MOST || time(NULL) >= s->end;
}

/* Does it fail the same way with more of them off; if so they stay off. */
static bool without(struct search *s, const uint8_t *more)
{
    uint8_t before[sizeof(s->off)];
    bool any = false;

    if (spent(s))
        return false;
    memcpy(before, s->off, sizeof(before));
    for (uint32_t i = 0; i < sizeof(before); i++) {
        s->off[i] |= more[i];
        any |= s->off[i] != before[i];
    }
    if (!any)
        return true;
    s->lives++;
    outcome_of(s->o, &s->life, false);
    if (!s->o->ended && strcmp(s->o->check, s->check) == 0)
        return true;
    memcpy(s->off, before, sizeof(before));
    return false;
}

/* What was to come later than the end of this life, or is of one kind. */
static void whole_kinds(struct search *s)
{
    static uint8_t more[sizeof(s->off)];
    uint64_t end_ns = s->o->w.now_ns;

    memset(more, 0, sizeof(more));
    for (uint32_t i = 0; i < s->n; i++)
        if (s->o->at_ns[i] > end_ns)
            set(more, i);
    (void)without(s, more);
    for (unsigned kind = 0; kind < 256; kind++) {
        memset(more, 0, sizeof(more));
        for (uint32_t i = 0; i < s->n; i++)
            if (s->o->kind[i] == kind)
                set(more, i);
        (void)without(s, more);
    }
}

static uint32_t on(const struct search *s, uint32_t *v)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < s->n; i++)
        if (!is_off(s, i))
            v[n++] = i;
    return n;
}

/* Parts of that many deeds, each tried alone; was any left out. */
static bool parts(struct search *s, uint32_t size)
{
    static uint8_t more[sizeof(s->off)];
    static uint32_t v[OUTCOME_DEEDS];
    uint32_t n = on(s, v);
    bool any = false;

    for (uint32_t from = 0; from < n && !spent(s); from += size) {
        memset(more, 0, sizeof(more));
        for (uint32_t i = from; i < OL_MIN(from + size, n); i++)
            set(more, v[i]);
        any |= without(s, more);
    }
    return any;
}

static void search(struct search *s)
{
    static uint32_t v[OUTCOME_DEEDS];

    whole_kinds(s);
    for (uint32_t size = on(s, v) / 2; size > 1; size /= 2)
        (void)parts(s, size);
    while (parts(s, 1) && !spent(s))
        ;
}

/* "3,7-12": what is on. */
static void list(const struct search *s)
{
    bool first = true;

    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t to = i;
        if (is_off(s, i))
            continue;
        while (to + 1 < s->n && !is_off(s, to + 1))
            to++;
        printf(to > i ? "%s%u-%u" : "%s%u", first ? "" : ",", i, to);
        first = false;
        i = to;
    }
    if (first)
        printf("none");
}

static void say(struct search *s, const char *program)
{
    static const char *const plants[] = {
        [PLANT_DISK_LIES] = " --plant disk-lies",
    };
    static uint32_t v[OUTCOME_DEEDS];

    printf("It needs %u of the %u things that happen in this seed (found in "
           "%u tries%s).\n"
           "Again with: %s --seed %llu%s%s --only ",
           on(s, v), s->n, s->lives, spent(s) ? ", not to the end" : "",
           program, (unsigned long long)s->life.seed,
           s->life.restores ? " --restores" : "",
           s->life.plant ? plants[s->life.plant] : "");
    list(s);
    printf("\n");
    s->life.tell = stdout;
    outcome_of(s->o, &s->life, true);
}

void minimise(const struct sim_life *life, const char *program)
{
    static struct search s;

    s = (struct search){.life = *life, .end = time(NULL) + SECONDS_MOST};
    s.o = outcome_new();
    outcome_of(s.o, &s.life, false);
    if (s.o->ended) {
        printf("FAIL seed %llu: only once, it depends on more than its seed\n",
               (unsigned long long)life->seed);
        return;
    }
    printf("FAIL seed %llu: %s\n", (unsigned long long)life->seed, s.o->what);
    snprintf(s.check, sizeof(s.check), "%s", s.o->check);
    s.n = OL_MIN(s.o->n_deeds, OUTCOME_DEEDS);
    if (life->off == NULL) {
        s.life.off = s.off;
        s.life.n_off = s.n;
        search(&s);
    } else {
        memcpy(s.off, life->off, OL_MIN(sizeof(s.off), life->n_off / 8));
    }
    say(&s, program);
}
