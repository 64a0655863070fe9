/*
 * demo --check: what a person would do, without one, with a stopwatch.
 *
 * Happy path: each step of the table does something to the line, waits for
 * what must follow, and prints one line with the seconds it took. The first
 * step that does not hold ends the check with status 1 and says why. Every
 * wait has an end. At the last both ledgers are compared, record by record:
 * the same, in the same order, without a gap, and every message once.
 */
#include "cli/demo.h"

#include <stdarg.h>
#include <string.h>

#define SENT_MAX 64u
#define LIVE_MS 10000  /* for a message over a live channel */
#define POUCH_MS 20000 /* and by bundles */
#define OPEN_MS 20000

/* What the watchers were told: whatever it was; that one blackout began; that
 * it ended too. */
enum { ANY, BEGUN, ENDED };

struct check {
    struct ol_demo *d;
    struct ol_rpc events[2];
    unsigned blackouts[2], restored[2]; /* events since step_dark began */
    struct ol_demo_sent sent[SENT_MAX];
    unsigned n_sent;
    char why[OL_WHY_MAX];
};

static __attribute__((format(printf, 2, 3))) bool
no(struct check *c, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(c->why, sizeof(c->why), format, args);
    va_end(args);
    return false;
}

/* One question to a side; false, with c->why naming the side. */
static bool ask(struct check *c, int side, const char *method, json_t *params,
                struct ol_doc *out)
{
    struct ol_demo_side *s = &c->d->side[side], *dead;
    char why[OL_WHY_MAX] = "";

    if (ol_demo_ask(s, method, params, out, why) == OL_EXIT_DONE)
        return true;
    dead = ol_demo_dead(c->d);
    if (dead != NULL)
        return no(c, "station %s has ended: %s", dead->name, dead->end);
    return no(c, "%s at %s: %.900s", method, s->name, why);
}

static bool tell(struct check *c, int side, const char *method,
                 json_t *params)
{
    struct ol_doc doc;

    if (!ask(c, side, method, params, &doc))
        return false;
    ol_doc_free(&doc);
    return true;
}

static bool channel(struct check *c, int side, const char *action,
                    const char *name)
{
    json_t *params = ol_cli_params("peer", c->d->side[side].peer, "action",
                                   action, "name", name, NULL);

    json_object_set_new(params, "yes", json_true());
    return tell(c, side, "channel", params);
}

static bool send_one(struct check *c, int side, const char *step,
                     const char *precedence)
{
    struct ol_demo_sent *s = &c->sent[c->n_sent];
    struct ol_doc doc;

    if (c->n_sent == SENT_MAX)
        return no(c, "the check sends more than it can count");
    s->side = side;
    s->delivered = false;
    snprintf(s->text, sizeof(s->text), "%s %u, %.30s",
             c->d->side[side].name, c->n_sent + 1, step);
    if (!ask(c, side, "send",
             ol_cli_params("peer", c->d->side[side].peer, "text", s->text,
                           "precedence", precedence, "marking", "test", NULL),
             &doc))
        return false;
    snprintf(s->id, sizeof(s->id), "%s", ol_cli_str(doc.value, "id", ""));
    ol_doc_free(&doc);
    c->n_sent++;
    return true;
}

/* n messages each way, in turn, of changing precedence. */
static bool send_both(struct check *c, const char *step, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        for (int side = 0; side < 2; side++) {
            const char *precedence =
                ol_demo_precedences[(c->n_sent / 2) % 4];

            if (!send_one(c, side, step, precedence))
                return false;
        }
    }
    return true;
}

static bool wait_rung(struct check *c, const struct ol_demo_sent *s,
                      const char *rung, int64_t until_ms)
{
    int64_t left = until_ms - ol_when_tick_ms();
    json_t *params = ol_cli_params("name", s->id, "rung", rung, NULL);

    json_object_set_new(params, "timeout_ms",
                        json_integer(left > 0 ? left : 0));
    if (tell(c, s->side, "wait", params))
        return true;
    return no(c, "message \"%s\" is not %s", s->text, rung);
}

/* Everything that was sent so far, both ways. */
static bool all_delivered(struct check *c, int within_ms)
{
    int64_t until_ms = ol_when_tick_ms() + within_ms;

    for (unsigned i = 0; i < c->n_sent; i++) {
        struct ol_demo_sent *s = &c->sent[i];

        if (ol_demo_ended)
            return no(c, "it was interrupted");
        if (!s->delivered && !wait_rung(c, s, "delivered", until_ms))
            return false;
        s->delivered = true;
    }
    return true;
}

/* Everything that was sent so far is in the other side's log. By bundles
 * alone the receiver has it long before the sender may know: an
 * acknowledgement is worth a bundle of its own only once a minute. */
static bool all_arrived(struct check *c, int within_ms)
{
    int64_t until_ms = ol_when_tick_ms() + within_ms;
    char why[OL_WHY_MAX];
    struct ol_doc doc;

    for (unsigned i = 0; i < c->n_sent; i++) {
        const struct ol_demo_sent *s = &c->sent[i];

        while (ol_demo_ask(&c->d->side[1 - s->side], "show",
                           ol_cli_params("name", s->id, NULL), &doc, why) !=
               OL_EXIT_DONE) {
            if (ol_demo_ended)
                return no(c, "it was interrupted");
            if (ol_when_tick_ms() > until_ms)
                return no(c, "message \"%s\" did not arrive", s->text);
            ol_demo_nap(50);
        }
        ol_doc_free(&doc);
    }
    return true;
}

/* Counts the events that came since; never waits. */
static bool drain(struct check *c, int side)
{
    struct ol_doc doc;
    int status;

    while ((status = ol_rpc_next(&c->events[side], 0, &doc, c->why)) ==
           OL_EXIT_DONE) {
        const char *event = ol_cli_str(doc.value, "event", "");

        c->blackouts[side] += strcmp(event, "blackout") == 0;
        c->restored[side] += strcmp(event, "restored") == 0;
        ol_doc_free(&doc);
    }
    return status == OL_EXIT_VAIN;
}

/* Both sides say `state`, and their watchers were told of exactly the given
 * events. */
static bool both(struct check *c, const char *state, int events,
                 int within_ms)
{
    int64_t until_ms = ol_when_tick_ms() + within_ms;
    bool good[2] = {false, false};
    char now[2][32];

    for (;;) {
        for (int i = 0; i < 2; i++) {
            if (!drain(c, i))
                return no(c, "the events of %s stopped",
                          c->d->side[i].name);
            ol_demo_state(&c->d->side[i], now[i]);
            good[i] = strcmp(now[i], state) == 0 &&
                      (events == ANY ||
                       (c->blackouts[i] == 1 &&
                        c->restored[i] == (unsigned)(events == ENDED)));
        }
        if (good[0] && good[1])
            return true;
        if (ol_demo_ended)
            return no(c, "it was interrupted");
        if (ol_when_tick_ms() > until_ms)
            return no(c, "not both sides see %s within %.1f s: north says %s "
                      "after %u blackouts of which %u ended, south says %s "
                      "after %u of which %u ended", state, within_ms / 1e3,
                      now[0], c->blackouts[0], c->restored[0], now[1],
                      c->blackouts[1], c->restored[1]);
        ol_demo_nap(50);
    }
}

static bool step_open(struct check *c)
{
    return both(c, "open", ANY, OPEN_MS);
}

static bool step_precedences(struct check *c)
{
    return send_both(c, "all well", 4) && all_delivered(c, LIVE_MS);
}

/* South reads north's first message, and says that it understood. */
static bool step_rungs(struct check *c)
{
    int64_t until_ms = ol_when_tick_ms() + LIVE_MS;
    const struct ol_demo_sent *s = &c->sent[0];

    return tell(c, 1, "read", ol_cli_params("name", s->id, NULL)) &&
           wait_rung(c, s, "read", until_ms) &&
           tell(c, 1, "understood",
                ol_cli_params("name", s->id, "readback", "all well there",
                              NULL)) &&
           wait_rung(c, s, "understood", until_ms);
}

/* A file there and another one back. */
static bool step_files(struct check *c)
{
    for (int side = 0; side < 2; side++) {
        struct ol_demo_sent *s = &c->sent[c->n_sent];
        char why[OL_WHY_MAX] = "";

        if (c->n_sent == SENT_MAX)
            return no(c, "the check sends more than it can count");
        s->side = side;
        s->delivered = false;
        snprintf(s->text, sizeof(s->text), "%s %u, with a file",
                 c->d->side[side].name, c->n_sent + 1);
        if (ol_demo_file(c->d, s, why) != OL_EXIT_DONE)
            return no(c, "the file of %s: %.900s", c->d->side[side].name,
                      why);
        c->n_sent++;
    }
    return all_delivered(c, LIVE_MS);
}

static bool step_pouch_off(struct check *c)
{
    return channel(c, 0, "disable", "pouch") &&
           channel(c, 1, "disable", "pouch") &&
           send_both(c, "without pouch", 2) && all_delivered(c, LIVE_MS);
}

static bool step_radio_off(struct check *c)
{
    return channel(c, 0, "disable", "radio") &&
           send_both(c, "cable alone", 2) && all_delivered(c, LIVE_MS) &&
           channel(c, 0, "enable", "radio") && both(c, "open", ANY, OPEN_MS);
}

static bool step_cable_off(struct check *c)
{
    return channel(c, 0, "disable", "cable") &&
           send_both(c, "radio alone", 2) && all_delivered(c, LIVE_MS);
}

static bool step_dark(struct check *c)
{
    for (int i = 0; i < 2; i++) {
        if (!drain(c, i))
            return false;
        c->blackouts[i] = c->restored[i] = 0;
    }
    return channel(c, 0, "disable", "radio") && send_both(c, "dark", 2) &&
           both(c, "dark", BEGUN, OL_DEMO_HOLD_MS + 1000);
}

static bool step_pouch_on(struct check *c)
{
    return channel(c, 0, "enable", "pouch") &&
           channel(c, 1, "enable", "pouch") &&
           both(c, "pouch-only", BEGUN, OPEN_MS) &&
           send_both(c, "pouch alone", 1) && all_arrived(c, POUCH_MS);
}

static bool step_restored(struct check *c)
{
    return channel(c, 0, "enable", "cable") &&
           channel(c, 0, "enable", "radio") &&
           both(c, "open", ENDED, OPEN_MS) && send_both(c, "restored", 2) &&
           all_delivered(c, LIVE_MS);
}

/* Reads all that arrived at a side, so that its log shows every text. */
static bool read_all(struct check *c, int side)
{
    struct ol_doc doc;
    json_t *m;
    size_t i;
    bool good = true;

    if (!ask(c, side, "inbox", json_object(), &doc))
        return false;
    json_array_foreach(doc.value, i, m) {
        const char *name = ol_cli_str(m, "name", "");

        good = good && tell(c, side, "read",
                            ol_cli_params("name", name, NULL));
    }
    ol_doc_free(&doc);
    return good;
}

/* Nothing waits at a side: its peer has acknowledged all. */
static bool idle(struct check *c, int side)
{
    const json_t *line, *queue;
    const char *key;
    struct ol_doc doc;
    json_t *n;
    json_int_t sum = 0;

    if (!ask(c, side, "status",
             ol_cli_params("peer", c->d->side[side].peer, NULL), &doc))
        return false;
    line = json_array_get(json_object_get(doc.value, "lines"), 0);
    queue = json_object_get(line, "queue");
    json_object_foreach((json_t *)queue, key, n) sum += json_integer_value(n);
    ol_doc_free(&doc);
    return sum == 0 || no(c, "%s still has %lld records to deliver",
                          c->d->side[side].name, (long long)sum);
}

static bool step_read(struct check *c)
{
    int64_t until_ms = ol_when_tick_ms() + LIVE_MS;

    if (!read_all(c, 0) || !read_all(c, 1))
        return false;
    while (!idle(c, 0) || !idle(c, 1)) {
        if (ol_demo_ended || ol_when_tick_ms() > until_ms)
            return false;
        ol_demo_nap(50);
    }
    return true;
}

static bool step_compare(struct check *c)
{
    struct ol_doc doc[2];
    json_t *log[2];
    bool good;

    if (!ask(c, 0, "log", json_object(), &doc[0]))
        return false;
    if (!ask(c, 1, "log", json_object(), &doc[1])) {
        ol_doc_free(&doc[0]);
        return false;
    }
    for (int i = 0; i < 2; i++)
        log[i] = doc[i].value;
    good = ol_demo_compare(&(struct ol_demo_record){c->d, log, c->sent,
                                                    c->n_sent},
                           c->why);
    ol_doc_free(&doc[0]);
    ol_doc_free(&doc[1]);
    return good;
}

static bool step_audit(struct check *c)
{
    for (int side = 0; side < 2; side++) {
        struct ol_doc doc;
        bool ok;

        if (!ask(c, side, "audit", json_object(), &doc))
            return false;
        ok = json_is_true(json_object_get(doc.value, "ok"));
        if (!ok)
            no(c, "the record of %s does not hold: %.800s",
               c->d->side[side].name, doc.raw);
        ol_doc_free(&doc);
        if (!ok)
            return false;
    }
    return true;
}

static const struct step {
    bool (*run)(struct check *);
    const char *says;
} steps[] = {
    {step_open, "line open: cable, radio and pouch, both sides see it"},
    {step_precedences, "sent: 4 messages each way, one of each precedence"},
    {step_rungs, "rungs: one was read and understood, its author knows"},
    {step_files, "files: one of 1 MiB each way, saved and compared byte for "
                 "byte"},
    {step_pouch_off, "pouch disabled: 2 messages each way"},
    {step_radio_off, "radio disabled: 2 messages each way over cable"},
    {step_cable_off, "cable disabled: 2 messages each way over radio"},
    {step_dark, "all disabled: 2 messages each way wait, both sides saw the "
                "blackout"},
    {step_pouch_on, "pouch enabled: those and one more each way arrived by "
                    "bundles alone"},
    {step_restored, "all enabled: the blackout has ended for both, 2 messages "
                    "each way"},
    {step_read, "read: all that arrived, the receipts are delivered"},
    {step_compare, "compared: both records are the same, each message once "
                   "and in order"},
    {step_audit, "audit: both records hold"},
};

static bool subscribe(struct check *c, int side)
{
    struct ol_doc doc;

    if (ol_rpc_open(&c->events[side], c->d->side[side].dir, c->why) !=
            OL_EXIT_DONE ||
        ol_rpc_call(&c->events[side], "subscribe", json_object(), &doc,
                    c->why) != OL_EXIT_DONE)
        return false;
    ol_doc_free(&doc);
    return true;
}

int ol_demo_check(struct ol_demo *d)
{
    static struct check c;
    int64_t begin_ms = ol_when_tick_ms();
    bool good;

    memset(&c, 0, sizeof(c));
    c.d = d;
    c.events[0].fd = c.events[1].fd = -1;
    good = subscribe(&c, 0) && subscribe(&c, 1);
    if (!good)
        ol_out_tinted(OL_BAD, "FAIL cannot watch the stations: %s", c.why);
    for (size_t i = 0; good && i < sizeof(steps) / sizeof(steps[0]); i++) {
        int64_t start_ms = ol_when_tick_ms();
        double s;

        good = steps[i].run(&c);
        s = (double)(ol_when_tick_ms() - start_ms) / 1e3;
        if (good)
            ol_out_tinted(OL_GOOD, "ok   %s in %.1f s", steps[i].says, s);
        else
            ol_out_tinted(OL_BAD, "FAIL %s: %s, after %.1f s", steps[i].says,
                          c.why, s);
        fflush(stdout);
    }
    for (int i = 0; i < 2; i++)
        ol_rpc_close(&c.events[i]);
    if (good)
        ol_out_line("Everything was delivered once and in order, in %.1f s.",
                    (double)(ol_when_tick_ms() - begin_ms) / 1e3);
    return good ? OL_EXIT_DONE : OL_EXIT_FAILED;
}
