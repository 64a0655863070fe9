/*
 * Hooks: programs of this station's folder hooks.d that are run for events.
 *
 *   hooks.c       the folder, who is run when, what was done (a cursor)
 *   hook_queue.h  what waits for one of them
 *   hook_run.c    one run: a process group, its words, its end
 *   hook_doc.c    what it is told
 *
 * A hook gets an event as JSON on its standard input and ends with 0 when it
 * has dealt with it. Events lie in the ledger, and so does how far each hook
 * has come: a restart skips none, and the one under way may come twice.
 * Nothing that a hook does or fails to do reaches the line: it has 10 seconds,
 * its output has an end, four run at once, and what waits is bounded.
 */
#ifndef OL_STATION_HOOKS_H
#define OL_STATION_HOOKS_H

#include <jansson.h>
#include <uv.h>

#include "station/conf.h"
#include "station/hook_queue.h"
#include "station/text.h"

#define OL_HOOKS_AT_ONCE 4u
#define OL_HOOK_LIMIT_NS UINT64_C(10000000000)
#define OL_HOOK_OUTPUT 65536u /* bytes; one that writes more is ended */
#define OL_HOOK_WORDS 768u    /* of its output, kept for the log */
#define OL_HOOK_FAILS 3u      /* in a row: an alarm, and what waits is one */

struct ol_station;
struct ol_findings;
struct ol_hook_run;

struct ol_hook {
    struct ol_station *st;
    char name[OL_HOOK_NAME + 1];
    char fault[160]; /* "what|what to do": why it is not run; empty: it is */
    bool present;    /* in the folder */
    uint64_t wants;  /* events, 1 << enum ol_what */
    bool cursor;     /* the two below are known */
    uint64_t scanned; /* events up to it are in the queue, or done */
    uint64_t saved;   /* what the ledger was told is done */
    struct ol_hook_queue queue;
    struct ol_hook_run *run; /* NULL: none */
    unsigned fails;          /* in a row */
    uint64_t retry_ns;       /* not before */
    uint64_t good, bad;      /* runs since the start */
    uint64_t good_ms;        /* Unix time of the newest good one */
    char last[256];          /* what befell the newest bad one */
};

struct ol_hooks {
    struct ol_hook v[OL_HOOKS_MAX];
    unsigned n, running, turn;
    char fault[160]; /* of the folder: none is run */
    bool crowded;    /* there are more than OL_HOOKS_MAX */
    bool poke;       /* there may be new events */
    uint64_t look_ns; /* at the folder */
};

void ol_hooks_pump(struct ol_station *st, uint64_t now_ns);
uint64_t ol_hooks_next_ns(const struct ol_station *st);
/* Ends those under way, now. */
void ol_hooks_stop(struct ol_station *st);
/* Name and rights of a program in that folder: false with fault, which is
 * "what|what to do". ol_hook_folder_ok: of the folder itself. */
bool ol_hook_file_ok(const char *dir, const char *name, char fault[160]);
bool ol_hook_folder_ok(const char *dir, char fault[160]);
/* Could a file of that name be a hook: a-z 0-9 - _, no dot. */
bool ol_hook_name_ok(const char *name);

/* doctor_hooks.c. st NULL: none runs. */
void ol_doctor_hooks(struct ol_findings *f, const char *dir,
                     const struct ol_station *st);

/* hook_doc.c: a new reference; NULL: no memory, or nothing waits. */
json_t *ol_hook_doc(struct ol_hook *hook);
/* The same in a line, for people: "north: line south: blackout". */
void ol_hook_summary(const json_t *doc, char out[512]);

/* hook_run.c */

struct ol_hook_end {
    bool good;
    char why[128];              /* not good: a part of a sentence */
    char words[OL_HOOK_WORDS];  /* the begin of what it wrote */
};
/* Called once, later: also when it could not be started. */
typedef void (*ol_hook_done)(struct ol_hook *hook,
                             const struct ol_hook_end *end);
/* Starts it with that document, which it takes over. NULL: no memory. */
struct ol_hook_run *ol_hook_start(struct ol_hook *hook, json_t *doc,
                                  ol_hook_done done);
/* What is due for it. */
void ol_hook_run_tick(struct ol_hook_run *run, uint64_t now_ns);
/* When it is over at the latest. */
uint64_t ol_hook_run_until(const struct ol_hook_run *run);
/* Ends it without a word to anybody. */
void ol_hook_run_end(struct ol_hook_run *run);

#endif
