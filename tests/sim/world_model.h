/*
 * What is on a station's disk, as the world counts it: the measure that the
 * core's words are held against.
 *
 * Whatever a core hands to its ledger is written down here as well (handed),
 * and counts once the ledger says that it is on disk (done); a crash takes
 * back what was not (drop). So it follows neither from the core's memory nor
 * from the ledger's; with each start the two are compared (same), and after a
 * restore it begins anew from the old copy (load).
 *
 * `count` is how many batches a disk has ever taken; a row's `since` is the
 * count with which it came, so that what a packet says can be held against
 * the disk as it was when that packet left.
 */
#ifndef OL_SIM_WORLD_MODEL_H
#define OL_SIM_WORLD_MODEL_H

#include "world.h"

struct sim_row { /* one record */
    uint8_t leaf[32], root[8], id[16];
    uint64_t since, headed; /* headed: no gap below it any more; 0: not yet */
    uint64_t number, ref;   /* ref: the message that it speaks of, 0: none */
    uint8_t kind, rel;      /* rel: and what it says of it */
    bool own;               /* the message is its author's own */
    uint8_t proof;
};

struct sim_log {
    struct sim_row *v; /* [index - 1] */
    uint32_t cap, size, high;
};

struct sim_units { /* of a record that is not whole */
    uint8_t prec;
    uint32_t index;
    uint64_t mask, since;
};

struct sim_fact { /* one put, without its bytes */
    uint8_t kind, author, prec, what, by;
    struct sim_row row; /* RECORD; leaf: CHECKPOINT's root too */
    uint32_t index, count;
    uint64_t mask;
};

struct sim_handed { /* one batch */
    uint64_t token;
    uint16_t n;
    struct sim_handed *next;
    struct sim_fact v[];
};

struct sim_model {
    struct sim_log log[2][OL_PRECS]; /* [enum ol_author] */
    uint32_t acked[OL_PRECS];
    uint64_t count;
    struct sim_set marks; /* by what is said, of which message, and where */
    struct sim_units *units;
    uint32_t n_units, cap_units;
    struct sim_set said;  /* own records that ever were on this disk */
    struct sim_set taken; /* and the peer's: by place and leaf */
    struct sim_set ids;   /* the peer's records that are there now, by id */
    struct sim_handed *first, *last;
    uint32_t queued;
};

/* A mark, by the record that it comes from. */
uint64_t mark_key(uint8_t by, uint8_t prec, uint32_t index,
                  const struct sim_row *row);

bool set_has(const struct sim_set *s, uint64_t key);
/* false: it was there. */
bool set_add(struct sim_set *s, uint64_t key);
void set_free(struct sim_set *s);

/* A record of that leaf in that place. */
uint64_t place_key(uint8_t prec, uint32_t index, const uint8_t leaf[32]);
uint64_t id_key(const uint8_t id[16]);
/* NULL: it is not there. */
const struct sim_row *row_at(const struct world *w, unsigned st,
                             uint8_t author, uint8_t prec, uint32_t index);

void model_open(struct world *w, unsigned st);
void model_close(struct world *w, unsigned st);
void model_handed(struct world *w, unsigned st, const struct ol_batch *b);
void model_done(struct world *w, unsigned st, uint64_t token, bool good);
void model_drop(struct world *w, unsigned st);
void model_load(struct world *w, unsigned st);
void model_same(struct world *w, unsigned st);

/* world_asserts.c: what a batch says is held against both disks, when it is
 * handed in and when it is on disk. */
void check_handed(struct world *w, unsigned st, const struct sim_fact *f);
/* A bundle is done with: where nothing else comes in, all that it brought is
 * on this disk. */
void check_imported(struct world *w, unsigned st);
void check_applied(struct world *w, unsigned st, const struct sim_handed *h);

#endif
