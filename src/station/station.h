/*
 * The running station, for the files of this folder.
 *
 *   run.c       start, signals, stop
 *   loop.c      the loop: clock, one timer, and what is done once a turn
 *   station.c   the bridge: events into a line's step, effects out of it
 *   line.c      a line's life: made, drained, made anew, gone
 *   bearers.c   listeners and dialled channels
 *   standing.c  how all lines stand, for the service manager; warnings
 *   dark.h      blackouts, noted; history.h how channels were
 *   disk.c      commits that came back, failures, room
 *   facts.c     what the station notes for its own use
 *   alarms.h    what somebody must do something about
 *   reflex.c    what the station answers by itself
 *   checks.c    line checks
 *   exercise.c  what is refused, in and out of an exercise
 *   submit.c    what waits to be taken
 *   waiting.c   what has no number yet, on disk
 *   files.h     attachments, both ways
 *   courier.c   pouch files in and out
 *   control.c   the socket; methods*.c what it answers; events.c watchers
 *   reload.c    the configuration, read again
 *   guard.c     is this directory a restored copy
 *
 * Everything runs on one thread. Steps of a line never nest: bearers speak
 * from the loop only, and whatever a person asks waits for the end of the
 * turn.
 */
#ifndef OL_STATION_STATION_H
#define OL_STATION_STATION_H

#include <jansson.h>
#include <uv.h>

#include <openline/line.h>

#include "port/channel.h"
#include "port/ledger.h"
#include "station/attend.h"
#include "station/checks.h"
#include "station/conf.h"
#include "station/control.h"
#include "station/dark.h"
#include "station/dir.h"
#include "station/effective_load.h"
#include "station/exercise.h"
#include "station/file.h"
#include "station/files.h"
#include "station/guard.h"
#include "station/history.h"
#include "station/hooks.h"
#include "station/later.h"
#include "station/networks.h"
#include "station/pair.h"
#include "station/reflex.h"
#include "station/stance.h"
#include "station/text.h"
#include "station/waiting.h"
#include "wire/frame.h"

#define OL_HEARD_MAX 32u  /* listener addresses a line is told the end of */
#define OL_FIFO_MAX OL_LEDGER_QUEUE
/* Of the places in the ledger's queue, those that all may take, and those that
 * are left alone by what the station only notes. What remains is the lines':
 * their cores are bounded, so none ever meets a full queue. */
#define OL_FIFO_NOTES 256u
#define OL_FIFO_ASKED 512u
#define OL_SUBMITS_MAX 256u
#define OL_WAITS_MAX 256u
#define OL_WATCHERS_MAX 32u
#define OL_MIN_FREE (UINT64_C(16) * 1024 * 1024)

struct ol_station;
struct ol_asks;
struct ol_station_line;
struct ol_alarms;

/* A bearer of ours and whose it is. */
struct ol_port {
    struct ol_station *st;
    struct ol_station_line *line; /* NULL: a listener */
    uint8_t number;               /* its slot, or its channel */
    struct ol_bearer *bearer;     /* NULL: not open */
    struct ol_chan chan;          /* as last told of the empty address */
    bool told;
    char url[OL_URL_MAX + 1];
    uint64_t strangers; /* knocks that no line claims */
    /* a courier's file under way */
    uint64_t file;
    unsigned queued; /* bundles of it that wait here */
    bool skip;       /* it is not released: the courier gives it again */
    bool trying, imported;
};

enum ol_phase {
    OL_PHASE_UNPAIRED, /* no peer's card: why says so */
    OL_PHASE_RUN,
    OL_PHASE_DRAIN, /* to be made anew: only COMMITTED goes in */
    OL_PHASE_DOOMED, /* a commit failed: nothing goes in */
    OL_PHASE_WAIT,   /* no core; to be made at retry_ns */
};

struct ol_station_line {
    struct ol_station *st;
    struct ol_conf_line conf;
    struct ol_pair pair;
    enum ol_phase phase;
    char why[OL_WHY_MAX]; /* not RUN: why, for people */
    uint32_t ledger_id;   /* 0: none yet */
    bool restored;        /* the directory was, since this line last knew */
    struct ol_line *core; /* NULL: none */
    void *mem;
    uint64_t wake_ns;
    uint64_t retry_ns;
    bool more;
    unsigned *submitted; /* where the next step's count of records goes */
    uint64_t handed;      /* batches, ever */
    uint32_t outstanding; /* batches in the ledger's queue */
    struct ol_port ports[OL_CHAN_MAX];
    bool disabled[OL_CHAN_MAX];
    char names[OL_CHAN_MAX][OL_NAME_MAX + 1];
    struct ol_load loads[OL_FX_MAX];
    unsigned n_loads;
    struct ol_addr heard[OL_HEARD_MAX]; /* of listeners, a ring */
    unsigned heard_next;
    uint32_t inbox_from[OL_PRECS]; /* all before it is understood */
    struct ol_line_stance stance;
    enum ol_attendance shown; /* what the core tells of our officer */
    struct ol_export *export;
    struct ol_bundle *bundles; /* from couriers, to be taken */
    unsigned n_bundles;
    uint64_t courier_ns; /* try again; OL_NEVER_NS: nothing waits */
    uint64_t stuck_ns;   /* since when the first cannot be taken, 0: it can */
    struct ol_line_files files;
    struct ol_waiting waiting;
    struct ol_effective_asks effective;
    struct ol_asks *asks; /* NULL: no core, or no memory */
    struct ol_reflex reflex;
    struct ol_checks checks;
    struct ol_exercise exercise;
    /* reload: what it becomes when it is drained */
    struct ol_conf_line *next_conf; /* or NULL, and it is going */
    bool going;
    uint64_t said_share_ns, said_identity_ns, said_bundle_ns, said_disk_ns;
    uint64_t said_second_ns;
    uint64_t said_note_ns[OL_NOTE_KINDS][OL_PRECS];
    uint64_t said_prekey_ns;
    uint64_t booted_ns;
    bool was_open; /* since then */
    uint8_t warned; /* which alarms of standing.c hold */
    struct ol_dark dark;
    struct ol_history *history; /* NULL: it never ran, or no memory */
};

struct ol_fifo_entry {
    struct ol_station_line *line; /* NULL: the station itself */
    uint64_t token;
    void *arg; /* of `then`, which hears what became of the batch */
    void (*then)(void *arg, enum ol_err err); /* NULL: it is the core's */
    uint64_t at_ns; /* when it was handed in */
};

/* A copy of the ledger in the making, or made: methods_backup.c. */
struct ol_copy {
    uv_work_t work;
    bool busy, done;
    enum ol_err err;
    char from[OL_PATH_MAX], to[OL_PATH_MAX], why[256];
};

struct ol_station {
    char dir[OL_PATH_MAX];
    struct ol_conf_station conf;
    struct ol_keys *keys;
    int lock_fd;
    struct ol_guard guard;

    uv_loop_t loop;
    uv_prepare_t turn;
    uv_idle_t busy; /* active: do not wait, there is more to do */
    uv_poll_t committed;
    uv_signal_t term, intr, hup;
    uv_poll_t timer;
    int timer_fd, wake_fd;
    uint64_t armed_ns;
    uint64_t started_ns, fresh_ns, disk_ns, watchdog_ns, watchdog_next_ns;

    struct ol_networks networks;
    uint64_t listen_ns; /* try again to listen; OL_NEVER_NS: all do */
    uint64_t said_listen_ns;

    struct ol_ledger *ledger;
    struct ol_fifo_entry fifo[OL_FIFO_MAX];
    unsigned fifo_head, fifo_n;
    uint64_t next_token;
    bool ledger_failed; /* until the queue is drained and reset */
    bool disk_full;        /* nothing new is taken */
    enum ol_err disk_err;  /* why: FULL, LOCKED, IO; OL_OK: it is taken */
    char disk_why[256];    /* what the ledger said; empty: nothing */
    uint64_t min_free;
    enum ol_err refused_err;   /* of the last commit that was refused */
    uint64_t refused_until_ns;
    uint64_t slowest_ns[2]; /* commits of this minute and of the last */
    uint64_t slow_turn_ns;
    struct ol_later *later; /* notes that are not on disk yet (later.h) */
    unsigned n_later;
    uint64_t later_lost, said_later_ns;

    struct ol_port listeners[OL_LISTEN_MAX];
    struct ol_station_line *lines[OL_LINES_MAX];
    unsigned n_lines;
    struct ol_effects fx; /* of the step under way */
    struct ol_put puts[OL_FX_MAX];

    struct ol_alarms *alarms; /* alarm_list.h; NULL: not open */
    uint64_t alarms_ns;       /* something of them is due */
    uint64_t alarms_tidied_ms;
    struct ol_hooks hooks;
    bool metrics_busy;        /* a thread writes them */
    uint64_t metrics_ns, said_metrics_ns;
    char metrics_path[OL_PATH_MAX]; /* where they were written last */
    uint64_t disk_bad_ms; /* Unix time since when it takes nothing, or 0 */

    struct ol_control *control;
    struct ol_submit *submits, **submits_end; /* NULL: no one yet */
    uint64_t misread_seq; /* events up to it were looked at */
    uint32_t misread_due; /* of those behind it so many may tell of one */
    unsigned n_submits;
    bool submits_pumped; /* in this turn: what comes now waits for another */
    struct ol_wait *waits;
    unsigned n_waits;
    struct ol_watch *watches;
    unsigned n_watches;
    struct ol_job *jobs;
    struct ol_taking *takings; /* send with files */
    unsigned n_takings;
    struct ol_saving *savings; /* save */
    unsigned n_savings;
    unsigned works; /* on libuv's threads */
    struct ol_closing *closings; /* the first is on one of them */
    struct ol_import *import;
    struct ol_copy copy;
    struct ol_attend attend;
    char attended_by[65]; /* the officer who answered last */
    bool attend_unsaid;   /* a fact of it is not handed over yet */
    struct ol_request *reloading; /* who asked for it, if anybody */
    bool reload_changed, reload_again;
    bool check_only;
    bool poke_events, poke_waits;
    int alive_fd;
    uint64_t alive_ns, seen_ms, started_ms; /* dark_boot.c */
    uint64_t history_ns, history_seen_ns, minute_ns, hour; /* history.c */
    uint64_t standing_ns; /* then all lines are looked at */
    char standing[528];   /* as the service manager was told */

    bool stopping, stopped;
    uint64_t stop_ns;
    int status; /* the exit status */
};

/* ---- places.c ---- */

/* Allots descriptors anew, by the configuration that holds now. */
void ol_station_places(struct ol_station *st);

/* ---- closing.c ---- */

/* Closes a client's descriptor, without waiting for whatever it waits for. */
void ol_close_away(struct ol_station *st, int fd);

/* ---- station.c ---- */

/* One event into a line that runs, all its effects carried out, whatever it
 * then wants too. Returns what the step said of the event. */
enum ol_err ol_station_step(struct ol_station_line *line,
                            struct ol_event *ev);
/* A SUBMIT; *n: how many of its records were taken. */
enum ol_err ol_station_submit(struct ol_station_line *line,
                              struct ol_event *ev, unsigned *n);
/* TICK, for what is due. */
void ol_station_tick(struct ol_station_line *line, const uint8_t *fresh);

/* ---- line.c ---- */

/* A line from its configuration: paired or not; not started. NULL: no memory.
 */
struct ol_station_line *ol_line_make(struct ol_station *st,
                                     const struct ol_conf_line *conf);
/* Another configuration for a line without a core. */
void ol_line_adopt(struct ol_station_line *line,
                   const struct ol_conf_line *conf);
/* Ledger, core, bearers, START. On failure the line waits, with why. */
void ol_line_boot(struct ol_station_line *line);
/* Takes the core away (the bearers stay). */
void ol_line_halt(struct ol_station_line *line);
/* Halts, closes the bearers, answers whoever waits, frees. Nothing of it may
 * be in the ledger's queue. */
void ol_line_drop(struct ol_station_line *line);
struct ol_station_line *ol_line_named(struct ol_station *st,
                                      const char *peer);
struct ol_station_line *ol_line_of(struct ol_station *st, uint32_t ledger_id);
/* Channel number, or -1. */
int ol_line_channel(const struct ol_station_line *line, const char *name);

/* ---- bearers.c ---- */

/* Opens the listeners of st->conf that are not open and closes those that are
 * not in it. 1 with why: none was changed that worked before. */
int ol_bearers_listen(struct ol_station *st, char why[OL_WHY_MAX]);
void ol_bearers_dial(struct ol_station_line *line);
/* The core gives this transport up: a new one. */
void ol_bearers_redial(struct ol_station_line *line, unsigned channel);
void ol_bearers_hang_up(struct ol_station_line *line);
void ol_bearers_close(struct ol_station *st);
/* Tells a new core how its transports stand. */
void ol_bearers_tell(struct ol_station_line *line);
/* The networks of this machine have changed, or it slept: every channel of
 * every line tries now. */
void ol_bearers_again(struct ol_station *st);
/* The core got no answer on a channel: its transport tries something else. */
void ol_bearers_doubt(struct ol_station_line *line, unsigned channel);
/* Listens where it could not. */
void ol_bearers_pump(struct ol_station *st);
/* OL_FX_SEND of a channel. */
void ol_bearers_send(struct ol_station_line *line, const struct ol_send *send);
/* Is there a listener of this scheme. */
bool ol_bearers_listening(const struct ol_station *st, const char *scheme);

/* ---- facts.c ---- */

/* Notes a fact of a line, or of the station (NULL), now, durably with the next
 * commit: a document, which it takes over. key: borrowed; NULL: "". False: it
 * could not be taken (no room, no line in the ledger yet); nothing is lost by
 * saying it again. */
bool ol_fact_note(struct ol_station *st, struct ol_station_line *line,
                  enum ol_fact_kind kind, const char *key, json_t *doc);
/* The same of what a person waits for, in the places of those who ask. */
bool ol_fact_keep(struct ol_station *st, struct ol_station_line *line,
                  enum ol_fact_kind kind, const char *key, json_t *doc);
/* Facts of that kind from before before_ms go. */
bool ol_fact_drop(struct ol_station *st, struct ol_station_line *line,
                  enum ol_fact_kind kind, uint64_t before_ms);
/* Those of a line (NULL: the station), as documents; fn returns false to stop
 * and may note nothing. */
typedef bool (*ol_fact_fn)(void *arg, const struct ol_row_fact *fact,
                           const json_t *doc);
enum ol_err ol_fact_read(struct ol_station *st,
                         const struct ol_station_line *line,
                         enum ol_fact_kind kind, const struct ol_facts_of *of,
                         ol_fact_fn fn, void *arg);
/* An event of the station's own making. detail: as in struct ol_put. */
void ol_station_tell(struct ol_station_line *line, enum ol_what what,
                     const char *detail);

/* ---- disk.c ---- */

/* Hands a line's puts, or metas, to the ledger. then: NULL for the core's own
 * batches, else called with what became of it. */
enum ol_err ol_disk_commit(struct ol_station_line *line,
                           struct ol_batch *batch, void *arg,
                           void (*then)(void *arg, enum ol_err err));
/* Facts and events that nobody waits for; line NULL: of the station itself. */
enum ol_err ol_disk_note(struct ol_station *st, struct ol_station_line *line,
                         struct ol_batch *batch);
/* The same, and `then` is called with what became of it. */
enum ol_err ol_disk_note_then(struct ol_station *st,
                              struct ol_station_line *line,
                              struct ol_batch *batch, void *arg,
                              void (*then)(void *arg, enum ol_err err));
/* The same of what a person waits for, in the places of those who ask. */
enum ol_err ol_disk_keep(struct ol_station *st, struct ol_station_line *line,
                         struct ol_batch *batch);
/* Tells when all that was handed in before is on the disk. Not OL_OK: it never
 * will. */
enum ol_err ol_disk_after(struct ol_station *st, void *arg,
                          void (*then)(void *arg, enum ol_err err));
void ol_disk_done(struct ol_station *st); /* what has come back */
void ol_disk_pump(struct ol_station *st); /* drained lines, room, retries */
/* Below it nothing new is taken: OL_MIN_FREE, or OPENLINE_MIN_FREE's bytes. */
uint64_t ol_disk_min_free(void);
/* "ok", "full", "locked", "failing", as people and scripts are told. */
const char *ol_disk_state(const struct ol_station *st);
/* The longest that a commit took in the last minute or two, or takes now. */
uint64_t ol_disk_slowest_ns(const struct ol_station *st);

/* ---- loop.c ---- */

int ol_loop_open(struct ol_station *st, char why[OL_WHY_MAX]);
void ol_loop_run(struct ol_station *st); /* until stopped */
void ol_loop_close(struct ol_station *st);
/* What the ledger has done is to be taken; from any thread, until the close. */
void ol_loop_wake(struct ol_station *st);
/* Do not wait at the end of this turn. */
void ol_loop_again(struct ol_station *st);

/* ---- submit.c ---- */

/* Queues a record for the line; the request is answered with its message once
 * it is on disk. rec borrows from the request. Refuses by itself. */
void ol_submit(struct ol_station_line *line, struct ol_request *rq,
               const struct ol_record *rec, const uint8_t id[OL_ID_SIZE]);
/* Is a record that says this of that message under way. */
bool ol_submit_pending(struct ol_station_line *line, uint8_t rel,
                       uint64_t number);
bool ol_submit_has_id(const struct ol_station *st,
                      const uint8_t id[OL_ID_SIZE]);
void ol_submit_pump(struct ol_station *st);
void ol_submit_taken(struct ol_station_line *line,
                     const struct ol_note *note);
/* All of this line (NULL: all) are refused with these words. */
void ol_submit_fail(struct ol_station *st, const struct ol_station_line *line,
                    const char *why);

/* ---- methods_backup.c ---- */

/* Waits for a copy under way. */
void ol_backup_stop(struct ol_station *st);

/* ---- reload.c ---- */

/* Reads the configuration again; rq (may be NULL) is answered when the lines
 * have changed. */
void ol_reload(struct ol_station *st, struct ol_request *rq);
void ol_reload_pump(struct ol_station *st);
/* All lines of the directory, for the first time. 1 with why. */
int ol_reload_first(struct ol_station *st, char why[OL_WHY_MAX]);

/* ---- events.c ---- */

void ol_events_pump(struct ol_station *st);
void ol_events_forget(struct ol_station *st, const struct ol_client *client);
void ol_waits_pump(struct ol_station *st);
uint64_t ol_waits_next_ns(const struct ol_station *st);
void ol_waits_fail(struct ol_station *st, const struct ol_station_line *line);

/* ---- courier.c: folders; export.c, import.c: single files ---- */

/* A bundle that a courier found, to be released once it is on disk. */
void ol_courier_packet(struct ol_port *port, struct ol_span bundle,
                       uint64_t file);
void ol_courier_pump(struct ol_station_line *line);
void ol_courier_imported(struct ol_station_line *line,
                         const struct ol_note *note);
/* The core is gone: what waits is given again by the courier. */
void ol_courier_reset(struct ol_station_line *line);

void ol_export_pump(struct ol_station_line *line);
void ol_export_bundle(struct ol_station_line *line,
                      const struct ol_send *send);
void ol_export_done(struct ol_station_line *line, const struct ol_note *note);
void ol_export_fail(struct ol_station_line *line, const char *why);

void ol_import_pump(struct ol_station *st);
void ol_import_imported(struct ol_station_line *line);
void ol_import_lost(struct ol_station_line *line); /* its core is gone */
void ol_import_stop(struct ol_station *st);

#endif
