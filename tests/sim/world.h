/*
 * A seeded world for two lines: virtual time, unlike channels, faults.
 *
 *        station 0  (core + ledger twin)
 *          |   |   |      fast: stream     slow: datagram    pouch: files
 *          |   |   |      each with delay, jitter, loss, duplication,
 *          |   |   |      cuts one way or both, and for files: late, twice,
 *          |   |   |      damaged, out of order
 *        station 1  (core + ledger twin)
 *
 * Everything that happens is an entry of one queue ordered by (time, number);
 * all chance comes from the seed; so the same seed is the same world, and its
 * trace hash says so. Checks run after every step (world_check.c): nothing
 * asserted that is not on the other disk, no nonce twice, order, exactly once.
 * A failed check prints the seed, the time and what was violated, and aborts
 * the run.
 */
#ifndef OL_SIM_WORLD_H
#define OL_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <openline/line.h>

#include "crypto/crypto.h"
#include "port/ledger.h"
#include "station/attend.h"

#define SIM_CHANNELS 6
#define SIM_AT_ONCE 8
#define SIM_FILES 64
#define SIM_SEEN 256     /* packets that the adversary has at a time */
#define SIM_ELSEWHERE 8u /* addresses that are nobody's */
#define SIM_EPOCH_MS UINT64_C(1795000000000) /* the wall clocks at first */

struct rnd {
    uint64_t s;
};

uint64_t rnd_u64(struct rnd *r);
/* 0 .. n - 1 */
uint64_t rnd_below(struct rnd *r, uint64_t n);
bool rnd_chance(struct rnd *r, double p);

struct sim_path { /* one channel, one direction */
    uint64_t delay_ns, jitter_ns;
    double loss, dup, flip;
    uint64_t rate_bps;  /* 0: unlimited */
    uint64_t queue_ns;  /* of datagrams before the rate; 0: half a second */
    uint64_t busy_ns;   /* the sender's queue is empty then */
    uint64_t last_ns;   /* streams keep order */
    bool cut;
    uint64_t cut_ns;    /* cut until then, too */
    uint64_t slow_ns, slow_until_ns; /* so much slower, until then */
    uint64_t hole_until_ns;
    uint32_t hole;      /* until then nothing larger passes */
    uint64_t hold_ns;   /* all of it is withheld until then */
    uint64_t relay_ns;  /* all comes from there until then */
    const struct ol_addr *relay;
    struct rnd rnd;
};

struct sim_channel {
    struct ol_chan_conf conf[2];
    struct sim_path path[2]; /* [from station] */
    bool up;                 /* streams: connected */
    uint32_t generation;     /* of the connection */
};

/* What a seed brings to a world is a numbered list: lasting habits of paths,
 * faults that have a time, and what is said. The numbers follow from the seed
 * and the plan alone. A deed that is off does not happen, and the chance of
 * all others is what it was: whoever tells the story of a failure switches
 * them off one by one. */
struct sim_deed {
    uint64_t at_ns;
    uint8_t what; /* enum what, in world_int.h */
    uint8_t st, ch;
    uint64_t arg;
    bool done; /* it came to pass */
};

struct sim_set { /* of 64-bit keys, none of them 0 */
    uint64_t *v;
    uint32_t n, cap;
};

struct sim_origin { /* a packet that left, by all its bytes */
    uint64_t key;     /* their hash; 0: free */
    uint64_t count;   /* of its sender's disk then: world_model.h */
    uint64_t sent_ns;
    uint32_t life;    /* of its sender */
    uint8_t from, ch;
    bool taken;
};

struct sim_seen { /* what the adversary kept of what passed */
    uint16_t n;
    uint8_t ch, from;
    uint8_t bytes[4096];
};

struct sim_message { /* what a station was given to say */
    uint64_t token;
    uint8_t prec;
    bool taken;     /* the line said it is on disk */
    bool lost;      /* the station died before it said so */
    uint32_t index; /* once taken */
    uint64_t number;
    uint64_t at_ns, taken_ns, arrived_ns, delivered_ns;
    uint16_t size; /* of its text */
    uint8_t id[16];
    bool must;  /* some disk held it at every restore */
    bool moved; /* it waited, or was taken out of its log: its place is new */
};

struct sim_file { /* an attachment */
    uint8_t from, prec;
    uint64_t size, seed;
    uint8_t hash[32];
    bool wanted;
    uint32_t progress, served; /* pieces: as told to receiver and sender */
    uint32_t times; /* that it was called whole */
    uint64_t at_ns, whole_ns, done_ns;
};

struct sim_hear { /* what a station has said before: world_hear.c */
    uint64_t opening;    /* of its newest knock */
    uint8_t e[32];       /* and the key in it */
    uint64_t bundle;     /* the newest number */
    uint64_t behind_ns;
    uint32_t boot;       /* that said it */
};

struct sim_station {
    struct ol_identity id;
    uint8_t share[32];
    struct ol_line *line;
    void *mem;
    bool alive;
    struct ol_ledger *ledger;
    struct ol_ledger *copy; /* a backup of it, or NULL */
    struct ol_ledger *older; /* before the last commit, for a plant */
    struct sim_model *model; /* what is on its disk: world_model.h */
    uint32_t life;    /* another one since records left its logs */
    uint64_t numbers; /* the highest own one that ever was on its disk */
    bool restored;  /* the marker says so, until the core has it on disk */
    uint64_t given; /* the token of what waited and is submitted, 0: none */
    bool giving;    /* a W_GIVE is in the queue */
    bool unnoticed; /* it ever ran on from a copy without knowing */
    bool put_back;  /* ever: what it held once it may hold no more */
    uint32_t line_no;
    struct ol_effects eff;
    uint64_t wake_ns, wake_id;
    uint32_t boot; /* events of an earlier boot are void */
    uint32_t committing;
    bool full;              /* its disk takes nothing more */
    uint64_t full_ns;       /* until then, if a fault of the seed says so */
    uint64_t commit_ns;     /* how long a commit takes at most */
    bool own_failed;        /* a batch of the station's own was refused */
    uint32_t die_in;        /* it dies before that effect; 0: no */
    bool die_late;          /* and its disk has taken what it was given */
    uint64_t die_ns;
    int64_t wall_ms;        /* its wall clock is off by so much */
    uint8_t shown;   /* of its officer; enum ol_attendance */
    uint8_t allowed; /* bit n: its rule ever let it show n */
    struct rnd rnd;
    struct sim_message *said;
    uint32_t n_said, cap_said;
    uint32_t again; /* submits refused for now */
    unsigned took;  /* records of the last event: eff.taken, then */
    uint32_t checked[OL_PRECS]; /* acked by the peer and compared */
    uint32_t loads;             /* under way */
    uint64_t moment_ns;         /* steps at one instant */
    uint32_t moment_steps;
    uint8_t *file; /* the pouch file in the making */
    size_t file_n;
    uint64_t notes[32];
    struct sim_hear hear;
    bool reading; /* a pouch file waits for room in the middle */
    uint8_t pulling[32]; /* the hash that its line pulls, or zeros */
};

struct entry;

enum sim_plant { /* faults that the checks must find, to try the telling */
    PLANT_NONE,
    PLANT_DISK_LIES, /* south's last commit before a stop is gone after it */
};

struct sim_tale { /* world_tale.c: what happens, in sentences */
    FILE *to; /* NULL: nobody listens */
    uint32_t lines;
    uint32_t own[2][OL_PRECS], peer[2][OL_PRECS], acked[2][OL_PRECS];
};

struct world;

/* A story's own fault: true loses the packet. */
typedef bool (*sim_lose)(struct world *w, unsigned ch, unsigned from,
                         const struct ol_send *s);

/* A story looks on while a bundle is put into a file. */
typedef void (*sim_bundle)(struct world *w, unsigned from, struct ol_span b);

struct world {
    uint64_t seed;
    uint64_t now_ns;
    struct rnd rnd;
    struct sim_station st[2];
    struct sim_channel ch[SIM_CHANNELS];
    unsigned n_ch;
    struct entry *heap;
    uint32_t n_heap, cap_heap;
    uint64_t serial;
    uint64_t hash; /* of the trace */
    bool healed;   /* no more faults */
    bool together; /* frames are said to come with others, mostly in vain */
    bool trace;
    sim_lose lose;
    sim_bundle bundle;
    uint64_t load_ns;  /* how long a LOAD takes */
    uint64_t patience_ns; /* before what waits is submitted again */
    uint32_t room;     /* what a stream says it takes */
    struct ol_addr from[2][SIM_CHANNELS]; /* where packets come from */
    bool foreign_tokens; /* a story submits records of its own */
    bool forged; /* a story put onto a disk what nobody said */
    bool roams; /* some of them move: what goes elsewhere is lost */
    bool lies;  /* a story makes station 1 say what is not so */
    struct ol_addr sent_to; /* what goes there is added up, if asked for */
    uint64_t *sent_bytes;
    uint64_t steps, packets, crashes;
    uint64_t puts; /* batches handed to a ledger */
    struct sim_set nonces; /* keys and counters that sealed something */
    struct sim_origin *origin; /* all that left, open addressing */
    uint32_t n_origins, cap_origins;
    /* [station]: what it sent last that the other took; when it last took. */
    uint64_t proof_ns[2][SIM_CHANNELS], heard_ns[2][SIM_CHANNELS];
    uint64_t deaths, refusals, injected; /* at an effect; commits; packets */
    bool may_fail; /* commits do, by the seed */
    bool evil;     /* there is an adversary */
    struct sim_seen *seen;
    uint32_t n_seen;
    struct ol_addr elsewhere[SIM_ELSEWHERE];
    struct sim_file file[SIM_FILES];
    uint32_t n_files;
    uint64_t records_loaded, pieces_loaded; /* from a ledger */
    uint64_t foreign; /* notes of no file */
    struct sim_deed *deed; /* in the order in which they were drawn */
    uint32_t n_deeds, cap_deeds;
    const uint8_t *off; /* as the plan says */
    uint32_t n_off;
    struct sim_tale tale;
    enum sim_plant plant;
};

struct sim_plan { /* what kind of world a seed makes */
    uint64_t run_ns;   /* with faults */
    uint32_t messages; /* each way */
    uint32_t files;    /* both ways together */
    uint8_t live;      /* channels but the pouch, 0 to 5 */
    bool pouch, narrow; /* narrow: its live channel carries 1200 bit/s */
    bool big, bursts, kinds; /* of what is said */
    bool habits;       /* paths lose, double, damage, and some are slow */
    /* Which kinds of faults there are. */
    bool crashes, deaths, both, disks, fails, walls, wear;
    bool cuts, parts, slow, holes, roams, switches, adversary, restores;
    /* Bit n (of byte n / 8): deed n is off. Borrowed while the world lives;
     * n_off: how many bits there are, all deeds behind them happen. */
    const uint8_t *off;
    uint32_t n_off;
};

/* world_plan.c: of every seed another one. */
void world_plan(struct sim_plan *plan, uint64_t seed);
/* How long a healed world may take until all is delivered, and why:
 *   120 s  stations start, streams connect (2 s), knocks and probes go (2 s,
 *          10 s after a long time), a return asks again (48 s), what was
 *          acknowledged and is not held goes again (128 s at most, from 2 s)
 *   + three times what the backlog takes on the fastest live channel
 *   + 60 s where that is narrow: a tenth of it is left for knocks
 *   + 200 s where stations are put back: four logs return, one behind the
 *          other where receipts wait for it, and each asks again after 48 s at
 *          most if an answer is lost
 *   20 days where only a pouch goes: files take up to twelve hours then, and
 *          what was lost goes again after a day, a return in windows. */
uint64_t world_bound(const struct world *w, const struct sim_plan *plan);
/* Everything is where it belongs; world_end checks that it is. */
bool world_at_rest(struct world *w, const struct sim_plan *plan);
void world_end(struct world *w, const struct sim_plan *plan);
void world_init(struct world *w, uint64_t seed, const struct sim_plan *plan);
/* The same without chance: the first of cable, radio, sat, and a pouch, each
 * 10 ms away, without faults. */
void world_init_calm(struct world *w, uint64_t seed, unsigned channels,
                     bool pouch);
/* Both stations start anew at once, with the channels as they are now. */
void world_reboot(struct world *w);
/* Runs until then; a check that fails ends the process. */
void world_run(struct world *w, uint64_t until_ns);
void world_fini(struct world *w);

/* Faults; world_storm schedules them by seed for the length of the plan. */
void world_storm(struct world *w, const struct sim_plan *plan);
/* One deed in words, without its time: "cable from 0 is cut for 3.2 s". */
void world_deed(const struct world *w, uint32_t n, char *out, size_t cap);
void world_cut(struct world *w, unsigned ch, unsigned from, bool cut);
/* A backup of the ledger as it is on disk now; the one before is gone. */
void world_back_up(struct world *w, unsigned st);
/* The station stops and runs on from its backup, after restart_ns. What it
 * took since is not in its ledger any more, and no longer counts as taken. */
void world_put_back(struct world *w, unsigned st, uint64_t restart_ns);
/* world_restore.c. The station stops and runs on from its backup (or, without
 * one or with `bare`, from its identity alone). What was on no disk is lost
 * and allowed to be. */
void world_restore(struct world *w, unsigned st, bool bare, bool noticed,
                   uint64_t restart_ns);
/* It cannot be numbered now: it waits, on disk. */
void world_wait(struct world *w, unsigned st, struct sim_message *m,
                const struct ol_record *rec);
void world_give(struct world *w, unsigned st);
void world_waits(struct world *w, unsigned st, uint64_t token); /* on disk */
bool world_is_waiting(struct world *w, unsigned st);
/* Both ledgers hold the same, and nothing waits or comes back. */
bool world_same(struct world *w);
/* As `openline audit` does; and that each message stands where it may. */
void check_audit(struct world *w);
void check_restored(struct world *w);
void world_crash(struct world *w, unsigned st, uint64_t restart_ns);
/* All paths whole, both stations alive, no more faults. */
void world_heal(struct world *w);
/* Whatever is on its way is lost. */
void world_spill(struct world *w);
void world_say(struct world *w, unsigned st, uint8_t prec, uint16_t size);
/* A record of any kind; arg: speak_draw. */
void world_speak(struct world *w, unsigned st, uint8_t prec, uint64_t arg);
/* The same for so many (at most SIM_AT_ONCE) in one SUBMIT. */
void world_speak_many(struct world *w, unsigned st, uint8_t prec, uint64_t arg,
                      unsigned count);
/* What is known of an officer there, and what the other side may know. */
void world_attend(struct world *w, unsigned st, enum ol_attendance state,
                  enum ol_share_rule share);
/* A station looks at what is due now. */
void world_tick(struct world *w, unsigned st);
/* Everything taken is delivered, by both ledgers. */
bool world_settled(struct world *w);

/* An attachment of that many bytes in a station's ledger; and the other side
 * wants it. */
struct sim_file *world_offer(struct world *w, unsigned from, uint64_t size,
                             uint64_t seed);
void world_want(struct world *w, struct sim_file *f);
void world_unwant(struct world *w, struct sim_file *f);
/* All that is wanted is whole there, and both know it. */
bool world_files_settled(struct world *w);
/* Bytes of the content that `seed` stands for; at: a multiple of 8. */
void sim_content(uint64_t seed, uint64_t at, uint8_t *out, size_t n);

/* world_tap.c: a packet leaves; a line took this one. */
void check_sent(struct world *w, unsigned st, const struct ol_send *s);
void check_greeted(struct world *w, unsigned st, unsigned ch,
                   struct ol_span b);
void check_taken(struct world *w, unsigned st, unsigned ch, struct ol_span b);
/* world_asserts.c: own records up to there are on the other's disk. */
void check_delivered(struct world *w, unsigned st, uint8_t prec,
                     uint32_t upto);
/* world_bounds.c: after each step of a station that lives. */
void check_line(struct world *w, unsigned st);
/* world_hear.c: what is in it is true. */
void check_heard(struct world *w, unsigned st, const struct ol_send *s);
/* world_check.c */
void check_end(struct world *w);
/* A check has failed: says so and aborts. */
__attribute__((noreturn, format(printf, 2, 3))) void
world_fail(struct world *w, const char *fmt, ...);
/* Who is told instead, if set; does not return. check: the words of the check
 * without the numbers of this life. */
extern void (*sim_failed)(const char *check, const char *what);
/* From now on what happens is told there; how the paths are, at once. */
void tale_begin(struct world *w, FILE *to);
/* north or south */
const char *sim_name(unsigned st);

#endif
