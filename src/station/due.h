/*
 * What is due: open asks and announcements, and when something must be done
 * about each. Pure: no ledger, no clock of its own.
 *
 * Durations run on the clock that never jumps. A deadline is a moment of a
 * wall clock, and is compared with that clock each time anybody asks, so that
 * a clock that is set, either way, counts at once and nothing is remembered of
 * what it said before.
 */
#ifndef OL_STATION_DUE_H
#define OL_STATION_DUE_H

#include <stdbool.h>
#include <stdint.h>

#include "station/conf.h"

#define OL_DUES_MAX 512u /* of a line and author: those due first */
#define OL_AGES_MAX 16u

enum ol_due_what {
    OL_DUE_NONE,
    OL_DUE_ANSWER, /* the objective of its precedence has passed */
    OL_DUE_BY,     /* its deadline has */
    OL_DUE_STEP,   /* the next step of its escalation */
};

struct ol_due {
    uint8_t prec;
    bool announced;   /* not an ask */
    bool said_answer; /* that the objective has passed */
    bool said_by;     /* that it is overdue */
    bool raised_by, raised_slow; /* the alarms, since the start */
    uint32_t index;
    uint64_t number;
    uint32_t steps;       /* bits: those that are done */
    uint32_t given;       /* and those that are on their way to the disk */
    uint64_t deadline_ms; /* by its author's clock; 0: none */
    uint64_t answer_ns;   /* OL_NEVER_NS: no objective */
    uint64_t said_by_ms;  /* when it was said, for people */
    int64_t said_by_ns;   /* since when steps count; before the boot, too */
    uint64_t again_ns;    /* a step that was tried: not before */
    uint8_t id[16];
};

struct ol_dues {
    struct ol_due v[OL_DUES_MAX];
    unsigned n;
    bool left_out; /* one that is open is not among them */
};

struct ol_due_now {
    uint64_t ns;
    uint64_t wall_ms; /* by the clock of the author whose dues they are */
    const struct ol_conf_step *steps; /* none: nothing escalates */
    unsigned n_steps;
};

/* When this one is due next, and what; OL_NEVER_NS, NONE: never. What has
 * passed is due now (now->ns). *step: which, of a STEP. */
uint64_t ol_due_at(const struct ol_due *d, const struct ol_due_now *now,
                   enum ol_due_what *what, unsigned *step);
/* By its deadline, as its author's clock stands. */
bool ol_due_overdue(const struct ol_due *d, uint64_t wall_ms);
struct ol_due *ol_dues_find(struct ol_dues *t, unsigned prec, uint32_t index);
struct ol_due *ol_dues_numbered(struct ol_dues *t, uint64_t number);
/* Adds it; when all places are taken, the one whose deadline is last is left
 * out. False: this one was. */
bool ol_dues_add(struct ol_dues *t, const struct ol_due *d);
void ol_dues_remove(struct ol_dues *t, struct ol_due *d);

/* When the records of a log came, on the clock that never jumps: as far as it
 * matters, and rather later than earlier. */
struct ol_ages {
    struct {
        uint32_t upto;
        uint64_t ns;
    } v[OL_AGES_MAX];
    unsigned n;
};

/* The log holds records up to this now. ns 0: from before anybody looked. */
void ol_ages_note(struct ol_ages *a, uint32_t upto, uint64_t ns);
/* When it came; false: before anybody looked. */
bool ol_ages_find(const struct ol_ages *a, uint32_t index, uint64_t *ns);
/* Nobody asks for those up to this one any more. */
void ol_ages_forget(struct ol_ages *a, uint32_t upto);

#endif
