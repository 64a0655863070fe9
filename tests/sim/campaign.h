/*
 * Many seeds, and what is said of one that fails.
 *
 *   sim.c       what a seed's life is, and the arguments
 *   campaign.c  seeds shared out among processes
 *   outcome.c   one life in a process of its own: how did it end
 *   minimise.c  fewer and fewer deeds, as long as it ends the same way
 *   day.c       what a busy day costs
 */
#ifndef OL_SIM_CAMPAIGN_H
#define OL_SIM_CAMPAIGN_H

#include "world.h"

struct sim_life { /* how a seed is lived */
    uint64_t seed;
    bool restores; /* stations are put back from old copies */
    enum sim_plant plant;
    const uint8_t *off; /* deeds that do not happen, as in struct sim_plan */
    uint32_t n_off;
    FILE *tell; /* sentences go there; NULL: none */
    void (*begun)(struct world *w); /* NULL, or: the deeds are drawn now */
};

/* Lives it in w, from world_init to world_fini; a check that fails goes the
 * way that w->failed says. Returns the trace. (sim.c) */
uint64_t sim_live(struct world *w, const struct sim_life *life);

#define OUTCOME_DEEDS 65536u

/* How a life ended. In memory that a child shares with its parent. */
struct outcome {
    bool ended;     /* it reached its end, no check failed */
    uint64_t trace; /* then */
    char check[160]; /* which check failed: its words without its numbers */
    char what[400]; /* and with them */
    uint32_t n_deeds;
    uint64_t at_ns[OUTCOME_DEEDS]; /* of the deeds, */
    uint8_t kind[OUTCOME_DEEDS];   /* and what they are */
    struct world w; /* as it was left: only what lies in it counts */
};

struct outcome *outcome_new(void);
/* Lives it in a child, whose errors on stderr are passed on only if `loud`. */
void outcome_of(struct outcome *o, const struct sim_life *life, bool loud);
/* In the process that lives: what fails is written there, and ends it. */
void outcome_here(struct outcome *o);

/* Says how it ends; then, of the fewest deeds with which it ends the same way
 * (or of those that life->off leaves, if it is set): the command that lives
 * them again, and their story. */
void minimise(const struct sim_life *life, const char *program);

struct campaign {
    uint64_t from, n;
    unsigned jobs;
    bool hashes; /* print each seed's */
    bool first;  /* end at the first that fails, and tell no story */
    struct sim_life life; /* seed aside */
    const char *program;
};

/* Prints what a day with 10,000 messages costs. Exit status. (day.c) */
int sim_day(void);

/* Exit status: 0, or 1 if any seed failed. */
int campaign(const struct campaign *c);

#endif
