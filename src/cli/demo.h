/*
 * The demonstration's world: two stations on this machine, and what the check
 * does with them.
 *
 *   ROOT/north  ROOT/south   the stations' directories
 *   ROOT/pouch               the courier's folder
 */
#ifndef OL_CLI_DEMO_H
#define OL_CLI_DEMO_H

#include <signal.h>
#include <sys/types.h>

#include "cli/cli.h"

#define OL_DEMO_PATH 2048u
#define OL_DEMO_HOLD_MS 5000

struct ol_demo_side {
    const char *name, *peer;
    char dir[OL_DEMO_PATH];
    int tcp, udp; /* loopback ports */
    pid_t pid;    /* 0: not running */
    char end[32]; /* how it ended by itself: "exit status 1" */
    struct ol_rpc rpc;
};

struct ol_demo {
    char root[OL_DEMO_PATH];
    bool own_root; /* made by us, so removed by us */
    struct ol_demo_side side[2];
};

/* Set by SIGINT, SIGTERM and SIGHUP: everything that waits gives up. */
extern volatile sig_atomic_t ol_demo_ended;

/* demo_world.c: each an exit status, and why. */

/* Directories, stations, cards, pairing, configuration. */
int ol_demo_make(struct ol_demo *d, char why[OL_WHY_MAX]);
/* Ends the daemons and removes what was made. Also for half a world. */
void ol_demo_end(struct ol_demo *d);
/* One question to one side. */
int ol_demo_ask(struct ol_demo_side *side, const char *method,
                json_t *params, struct ol_doc *out, char why[OL_WHY_MAX]);
/* The state of a side's line: "open"; "unknown" if it does not answer. */
void ol_demo_state(struct ol_demo_side *side, char out[32]);
/* Sleeps; shorter when a signal comes. */
void ol_demo_nap(int ms);

/* A sentence into why; OL_EXIT_FAILED. */
int ol_demo_fail(char why[OL_WHY_MAX], const char *format, ...)
    OL_PRINTF(2, 3);
/* DIR/NAME into out, and out. */
char *ol_demo_join(char out[OL_DEMO_PATH], const char *dir,
                   const char *name);

/* demo_child.c */

/* Both daemons, as children of this process, and connections to them. */
int ol_demo_start(struct ol_demo *d, char why[OL_WHY_MAX]);
/* A child that has ended, or NULL. */
struct ol_demo_side *ol_demo_dead(struct ol_demo *d);
/* Waits until it has ended, which it was asked for; kills it if it must. */
void ol_demo_stop(struct ol_demo_side *side);
/* The last lines of both daemons' logs, to stdout. */
void ol_demo_logs(const struct ol_demo *d);

/* demo_check.c: every step, a line each; an exit status. */
int ol_demo_check(struct ol_demo *d);

/* demo_compare.c */

extern const char *const ol_demo_precedences[4];

struct ol_demo_sent {
    int side; /* who sent it */
    char id[48], text[64];
    bool delivered;
};

/* demo_files.c: s->side sends a file with s->text, the other side saves it and
 * has the same bytes. An exit status; s->id is set. */
int ol_demo_file(struct ol_demo *d, struct ol_demo_sent *s,
                 char why[OL_WHY_MAX]);

/* What is compared: both sides' logs, and what was sent. */
struct ol_demo_record {
    const struct ol_demo *d;
    json_t *const *log; /* of both sides */
    const struct ol_demo_sent *sent;
    unsigned n_sent;
};

/* The same records on both sides without a gap, every message once and in the
 * order of sending within its precedence. False, and why. */
bool ol_demo_compare(const struct ol_demo_record *r, char why[OL_WHY_MAX]);

#endif
