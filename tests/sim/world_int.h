/*
 * What the files of the world share: an entry of its queue, and who does what.
 *
 *   world.c        the queue, and what happens
 *   world_station.c  a station's step, its effects, its disk
 *   world_speak.c  what stations say
 *   world_make.c   channels and stations, how they begin and end
 *   world_paths.c  packets and files on their way
 *   world_plan.c, world_storm.c  what a seed brings
 *   world_faults.c, world_adversary.c  what that does
 *   world_deeds.c  these as a numbered list, and in words
 *   world_files.c  attachments: what a station does beside its line
 *   world_model.c  what is on each disk, as the world counts it
 *   world_asserts.c, world_tap.c, world_bounds.c  what must hold: on disk, on
 *                  the wire, inside a line
 *   world_check.c  what must hold in the end
 *   world_shown.c  in which order watchers hear of it
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
    W_UP,
    W_RESTART,
    W_GIVE,
    W_FILE, /* ch: the note's kind, arg: the file */
    W_WANT, /* arg: the file */
    W_WELL,      /* the disk is as it was */
    W_SWITCH_ON,
    /* Deeds from here on; world_faults.c says what their arg holds. */
    W_SAY,
    W_OFFER, /* arg: the size */
    W_BACKUP,
    W_RESTORE,
    W_CRASH, /* arg: ns until it starts again, as of BOTH */
    W_BOTH,
    W_DIE,
    W_FAIL,
    W_DISK,
    W_WALL,
    W_WEAR,
    W_ATTEND, /* arg: what is known of an officer | enum ol_share_rule << 8 */
    W_CUT, /* arg: ns, as of PART */
    W_PART,
    W_BREAK,
    W_SLOW,
    W_HOLE,
    W_SWITCH, /* arg: ns */
    W_MOVE, /* a station sends from another address now */
    W_EVIL,
    /* Habits of a path, from the start on; arg: the value. */
    W_LOSS,   /* of a million packets */
    W_DUP,
    W_FLIP,
    W_JITTER, /* ns */
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
/* A stream whose path was cut: what was under way never comes. */
void stream_is_cut(struct world *w, unsigned ch);
bool is_cut(const struct world *w, const struct sim_path *p);
/* Another stream of chance for each that needs one. */
struct rnd rnd_of(const struct world *w, uint64_t what);
uint64_t speak_draw(struct rnd *r, uint64_t size, bool kinds);
uint64_t wall_ms(const struct world *w, unsigned st);
void fault(struct world *w, const struct entry *e);
void commits(struct world *w, unsigned st);
/* What waits for the disk is lost, or was taken and nobody heard. */
void lost_power(struct world *w, unsigned st);
void disk_is(struct world *w, unsigned st, uint64_t commit_ns, bool full,
             uint64_t for_ns);
void disk_is_well(struct world *w, unsigned st);
/* world_adversary.c */
void evil(struct world *w, const struct entry *e);
void evil_keep(struct world *w, unsigned ch, unsigned from, struct ol_span b);
uint64_t evil_draw(struct rnd *r);
const char *evil_name(uint64_t arg);
/* W_BACKUP, W_RESTORE, W_GIVE. */
void world_put(struct world *w, const struct entry *e);
/* Called at the end, when both hold the same. */
void check_shown(struct world *w, unsigned st);
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
