/*
 * demo: two stations and three channels, here and now.
 *
 * Happy path: make a world, start it, wait until the line is open, show the
 * status and say what to type next, wait for Ctrl-C, clear up. With --check
 * demo_check.c takes the person's place. Anything that goes wrong ends with
 * both daemons' last words.
 */
#include "cli/demo.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define OPEN_MS 20000

static void on_signal(int number)
{
    (void)number;
    ol_demo_ended = 1;
}

static void listen_to_signals(void)
{
    static const int all[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    struct sigaction act;

    memset(&act, 0, sizeof(act));
    act.sa_handler = on_signal;
    sigemptyset(&act.sa_mask);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        sigaction(all[i], &act, NULL);
}

/* Both sides say that the line is open. */
static bool wait_open(struct ol_demo *d, char why[OL_WHY_MAX])
{
    int64_t until_ms = ol_when_tick_ms() + OPEN_MS;
    char state[2][32];

    for (;;) {
        struct ol_demo_side *dead = ol_demo_dead(d);

        for (int i = 0; i < 2; i++)
            ol_demo_state(&d->side[i], state[i]);
        if (strcmp(state[0], "open") == 0 && strcmp(state[1], "open") == 0)
            return true;
        if (dead != NULL) {
            snprintf(why, OL_WHY_MAX, "station %s has ended (%s): its log "
                     "says why", dead->name, dead->end);
            return false;
        }
        if (ol_demo_ended)
            return false;
        if (ol_when_tick_ms() > until_ms) {
            snprintf(why, OL_WHY_MAX, "the line did not open: north says %s, "
                     "south says %s", state[0], state[1]);
            return false;
        }
        ol_demo_nap(50);
    }
}

static void show_next(const struct ol_demo *d)
{
    static const struct {
        int side;
        const char *words, *what;
    } next[] = {
        {1, "watch", "south's events, in a terminal of their own"},
        {0, "send south \"Are you there?\" --precedence flash --wait "
            "delivered", "say something"},
        {1, "inbox", "what has arrived"},
        {1, "read north/1", "read it; north is told"},
        {1, "understood north/1", "and understood it; north is told"},
        {0, "log", "north's whole record, with how far each came"},
        {0, "channel south disable cable", "cut the cable"},
        {0, "channel south disable radio --yes", "and the radio: only the "
                                                 "pouch is left"},
        {0, "status --sentence", "how it stands, in one sentence"},
        {0, "channel south enable cable", "and so on"},
        {0, "doctor", "what is wrong, and what to do"},
    };
    char self[1024];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    self[n > 0 ? n : 0] = '\0';
    ol_out_line("%s", "");
    ol_out_line("North and south run on this machine. In another terminal:");
    for (size_t i = 0; i < sizeof(next) / sizeof(next[0]); i++) {
        ol_out_line("%s", "");
        ol_out_tinted(OL_FAINT, "  # %s", next[i].what);
        ol_out_line("  %s -d %s %s", n > 0 ? self : "openline",
                    d->side[next[i].side].dir, next[i].words);
    }
    ol_out_line("%s", "");
    ol_out_line("Ctrl-C ends both stations and removes %s.", d->root);
    fflush(stdout);
}

/* Until somebody ends it, or a station does. */
static int stay(struct ol_demo *d, struct ol_args *args,
                const struct ol_verb *verb, char why[OL_WHY_MAX])
{
    struct ol_args ask = {.verb = verb};

    ask.opt[OL_OPT_DIR] = d->side[0].dir;
    ask.opt[OL_OPT_JSON] = args->opt[OL_OPT_JSON];
    if (ol_verb_status(&ask) != OL_EXIT_DONE)
        return OL_EXIT_FAILED;
    if (!ol_args_has(args, OL_OPT_JSON))
        show_next(d);
    fflush(stdout);
    while (!ol_demo_ended) {
        struct ol_demo_side *dead = ol_demo_dead(d);

        if (dead != NULL) {
            snprintf(why, OL_WHY_MAX, "station %s has ended (%s): its log "
                     "says why", dead->name, dead->end);
            return OL_EXIT_FAILED;
        }
        ol_demo_nap(500);
    }
    ol_out_line("%s", "");
    return OL_EXIT_DONE;
}

int ol_verb_demo(struct ol_args *args)
{
    static struct ol_demo demo;
    char why[OL_WHY_MAX] = "";
    bool check = ol_args_has(args, OL_OPT_CHECK);
    int status;

    if (ol_args_has(args, OL_OPT_DIR))
        return ol_cli_usage(args, "demo takes no -d: OPENLINE_DEMO_DIR names "
                                  "its directory");
    listen_to_signals();
    status = ol_demo_make(&demo, why);
    if (status == OL_EXIT_DONE)
        status = ol_demo_start(&demo, why);
    if (status == OL_EXIT_DONE)
        why[0] = '\0'; /* of the first knocks on a door not open yet */
    if (status == OL_EXIT_DONE && check)
        status = ol_demo_check(&demo);
    else if (status == OL_EXIT_DONE && wait_open(&demo, why))
        status = stay(&demo, args, args->verb, why);
    else if (status == OL_EXIT_DONE)
        status = OL_EXIT_FAILED;
    if (status != OL_EXIT_DONE && !ol_demo_ended) {
        if (*why != '\0')
            ol_out_fault("%s", why);
        ol_demo_logs(&demo);
    }
    ol_demo_end(&demo);
    return ol_demo_ended && !check ? OL_EXIT_DONE : status;
}
