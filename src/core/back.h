/*
 * The state of returns: of our own records from the peer, and of the peer's
 * from us. restore.h says what is done with it.
 */
#ifndef OL_CORE_BACK_H
#define OL_CORE_BACK_H

#include "crypto/tree.h"
#include "wire/chunk.h"

struct ol_scan { /* scan.c: a log read from its beginning */
    bool on;
    uint8_t author, prec;
    uint32_t end;
    struct ol_tree tree;
    uint64_t load; /* the page under way, 0: none */
    uint64_t not_before_ns;
};

enum ol_back_state {
    OL_BACK_SOUND, /* nothing is known that it lacks */
    OL_BACK_ASK,   /* LOST goes out once its steps are laid */
    OL_BACK_JUDGE, /* FOUND came: is our own root the same */
    OL_BACK_CUT,   /* no: the tree is walked to where it is */
    OL_BACK_TAKE,  /* what is behind comes back */
};

struct ol_back { /* restore.c, takeback.c: one log of ours */
    uint8_t state;  /* enum ol_back_state */
    uint8_t rounds; /* begun since a root agreed */
    uint64_t begin_ns; /* nothing is done before */
    bool laid, ready; /* the steps are known; and so are their roots */
    bool due, repeat; /* LOST */
    uint8_t n_steps, step_at; /* roots are there below step_at */
    struct ol_lost_step step[OL_LOST_STEPS];
    uint8_t tries;
    uint64_t ask;      /* as LOST says it */
    uint64_t ask_ns;   /* when to repeat it */
    uint32_t asked_upto;
    uint64_t load, pause_ns;
    struct ol_found found;
    bool has_cp;       /* in it, and it is our signature */
    bool compared, differs; /* with that: our own root, and it is not */
    uint32_t judge;    /* the place whose root is loaded */
    uint64_t aside;    /* the batch of the cut */
    uint32_t high;     /* the last that comes back */
    bool prove;        /* look at the signature once, before anything comes */
    uint64_t written_ms; /* of the newest that came */
};

struct ol_give { /* giveback.c: one log of the peer's */
    bool asked;
    bool judged; /* match stands */
    uint64_t ask;
    uint32_t match;
    uint8_t n_steps;
    struct ol_lost_step step[OL_LOST_STEPS];
    /* live */
    uint8_t asks;    /* 1: once, 2: more often */
    bool answer;   /* FOUND is due */
    bool sending;  /* the window is on its way */
    uint32_t next, sent;
    uint64_t map;
    /* in bundles */
    bool bundle, told;
    uint32_t bundle_next, bundled_next;
    uint64_t bundled_ns;
};

#endif
