/*
 * What the files of the world share: an entry of its queue, and who does what.
 *
 *   world.c        the queue, a station's step, what happens
 *   world_make.c   channels and stations, how they begin and end
 *   world_paths.c  packets and files on their way
 *   world_storm.c  faults and what is said, by seed
 *   world_deeds.c  these as a numbered list, and in words
 *   world_files.c  attachments: what a station does beside its line
 *   world_check.c  what must hold
 *   world_trace.c  the number that stands for all of it
 *   world_tale.c   the same in sentences
 *   world_restore.c  stations that are put back, and what waits for them
 */
#ifndef OL_SIM_WORLD_INT_H
#define OL_SIM_WORLD_INT_H

#include "world.h"

enum what {
    W_TICK,
    W_PACKET,
    W_COMMIT,
    W_LOADED,
    W_SAY,
    W_UP,
    W_CUT,
    W_HEALCUT,
    W_CRASH,
    W_RESTART,
    W_DISK,
    W_REPLAY,
    W_MOVE, /* a station sends from another address now */
    W_BACKUP,
    W_RESTORE,
    W_GIVE,
    W_FILE,  /* ch: the note's kind, arg: the file */
    W_OFFER, /* arg: the size */
    W_WANT,  /* arg: the file */
    /* Habits of a path, from the start on; arg: the value. */
    W_LOSS,   /* of a million packets */
    W_DUP,
    W_FLIP,
    W_JITTER, /* ns; never off, but without jitter then */
    W_RATE,   /* bit/s */
};


struct entry {
    uint64_t at_ns, serial;
    enum what what;
    uint8_t st;
    uint8_t ch;
    uint32_t boot;
    uint32_t deed; /* 1 + its number; 0: it follows from others */
    uint64_t arg;
    const struct ol_addr *from; /* PACKET; NULL: as w->from says then */
    struct ol_load load;
    uint8_t *bytes;
    size_t n;
};

void push(struct world *w, struct entry e);
/* The next deed of the world: pushed, unless it is off. */
void deed(struct world *w, struct entry e);
/* A habit is a deed too: false when it is off. */
bool habit(struct world *w, enum what what, unsigned ch, unsigned from,
           uint64_t value);
/* Backups and restores for the length of the plan. */
void world_restore_storm(struct world *w, const struct sim_plan *plan);
/* W_BACKUP, W_RESTORE, W_GIVE. */
void world_put(struct world *w, const struct entry *e);
/* world_trace.c: all that happens goes into w->hash, by value. */
void mix(struct world *w, uint64_t v);
void trace_entry(struct world *w, const struct entry *e);
void trace_event(struct world *w, unsigned st, const struct ol_event *ev);
void trace_effects(struct world *w, unsigned st); /* of its last step */
/* world_tale.c: a sentence with its time, when somebody listens; and what
 * there is to say of an entry, of a step's effects, of a disk. */
__attribute__((format(printf, 2, 3))) void tale(struct world *w,
                                                const char *fmt, ...);
void tale_entry(struct world *w, const struct entry *e);
void tale_effects(struct world *w, unsigned st);
void tale_disk(struct world *w, unsigned st);
/* A packet leaves `from` on a channel; a bundle joins its pouch file. */
void travel(struct world *w, unsigned ch, unsigned from, struct ol_span b);
/* The same packet by another way, twice as fast, with another sender. */
void travel_from(struct world *w, unsigned ch, unsigned from, struct ol_span b,
                 const struct ol_addr *sender);
void add_bundle(struct world *w, unsigned st, unsigned ch,
                const struct ol_send *e);
/* A stream connects or breaks, and both stations hear of it. */
void connection(struct world *w, unsigned ch, bool up);
void transport(struct world *w, unsigned st, unsigned ch, bool up);
void transport_is(struct world *w, unsigned st, unsigned ch,
                  const struct ol_chan *c);

/* It starts, from its ledger and what the world has of it. */
void world_boot(struct world *w, unsigned st);
/* One event for a station's line, and all that it sets off. */
enum ol_err world_step(struct world *w, unsigned st, struct ol_event *ev);
/* What its ledger has done is told to its line. */
void world_committed(struct world *w, unsigned st);

#define SIM_OWN_TOKEN (UINT64_C(1) << 62) /* a batch of the station's own */
void world_file_note(struct world *w, unsigned st, const struct ol_note *n);
void world_file_turn(struct world *w, const struct entry *e);
void world_files_start(struct world *w, unsigned st);
void world_file_loaded(struct world *w, unsigned st, const struct ol_load *l);

#endif
