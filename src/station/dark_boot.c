/*
 * What a start, a stop and a sleep of this station mean for its blackouts.
 *
 * Happy path: while it runs the file `alive` is touched every 10 s, and with
 * each row of the history every line keeps when it ran and was last answered
 * (meta "ran"). A line that starts reads what was noted last: a blackout that
 * had not ended goes on, and the time in which this station did not run is
 * noted as such. Nothing is noted that is shorter than the hold time, for then
 * nobody could have called it dark. How it fails: without the file a stop is
 * known to the minute; without either nothing is claimed.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "station/clock.h"
#include "station/dark.h"
#include "station/json_set.h"
#include "station/station.h"

#define ALIVE_NS (10 * OL_NS_PER_S)
#define UNSURE_MS 60000u /* "ran" is written once a minute */
#define RAN_MAX 256u

static json_t *number(uint64_t v)
{
    return v > 0 ? json_integer((json_int_t)v) : json_null();
}

static json_t *document(const char *what)
{
    json_t *doc = json_object();

    set(&doc, "what", json_string(what));
    return doc;
}

static uint64_t number_of(const json_t *doc, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(doc, key));

    return v > 0 ? (uint64_t)v : 0;
}

static void list_of(const json_t *doc, const char *key, uint64_t v[OL_PRECS])
{
    const json_t *at = json_object_get(doc, key);

    for (unsigned p = 0; p < OL_PRECS; p++) {
        json_int_t n = json_integer_value(json_array_get(at, p));
        v[p] = n > 0 ? (uint64_t)n : 0;
    }
}

/* ---- is this station running -------------------------------------------- */

void ol_dark_start(struct ol_station *st)
{
    char path[OL_PATH_MAX];
    struct stat s;

    st->started_ms = ol_clock_wall_ms();
    st->alive_fd = -1;
    if (!ol_path(path, st->dir, "alive", NULL))
        return;
    if (stat(path, &s) == 0 && s.st_mtim.tv_sec > 0)
        st->seen_ms = (uint64_t)s.st_mtim.tv_sec * 1000 +
                      (uint64_t)s.st_mtim.tv_nsec / OL_NS_PER_MS;
    st->alive_fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static void touch(struct ol_station *st)
{
    uint64_t ms = ol_clock_wall_ms();
    struct timespec t[2] = {{.tv_nsec = UTIME_OMIT},
                            {.tv_sec = (time_t)(ms / 1000),
                             .tv_nsec = (long)(ms % 1000 * OL_NS_PER_MS)}};

    /* Without it a stop is known to the minute all the same. */
    if (st->alive_fd >= 0)
        (void)futimens(st->alive_fd, t);
}

void ol_dark_stop(struct ol_station *st)
{
    touch(st);
    if (st->alive_fd >= 0)
        close(st->alive_fd);
    st->alive_fd = -1;
}

void ol_dark_pump(struct ol_station *st, uint64_t now_ns)
{
    for (unsigned k = 0; k < st->n_lines; k++) {
        struct ol_station_line *line = st->lines[k];

        if (line->phase == OL_PHASE_RUN)
            ol_dark_look(line, now_ns);
    }
    if (now_ns < st->alive_ns)
        return;
    st->alive_ns = now_ns + ALIVE_NS;
    touch(st);
    for (unsigned k = 0; k < st->n_lines; k++)
        if (st->lines[k]->phase == OL_PHASE_RUN)
            st->lines[k]->dark.ran_ms = ol_clock_wall_ms();
}

uint64_t ol_dark_next_ns(const struct ol_station *st)
{
    uint64_t at = st->alive_ns;

    for (unsigned k = 0; k < st->n_lines; k++)
        if (st->lines[k]->phase == OL_PHASE_RUN && st->lines[k]->dark.behind)
            at = OL_MIN(at, st->lines[k]->dark.look_ns);
    return at;
}

/* ---- boot --------------------------------------------------------------- */

/* From the newest on, up to the beginning or the end of the newest. */
static bool recall(void *arg, const struct ol_row_fact *fact,
                   const json_t *doc)
{
    struct ol_station_line *line = arg;
    struct ol_dark *d = &line->dark;
    const char *what = json_string_value(json_object_get(doc, "what"));
    bool begins = what != NULL && strcmp(what, "begin") == 0;
    bool ends = what != NULL && strcmp(what, "end") == 0;

    d->noted_ms = OL_MAX(d->noted_ms, fact->at_ms);
    if (what != NULL && strcmp(what, "caught-up") == 0)
        return false;
    if (!begins && !ends)
        return true;
    d->open = begins;
    d->counted = json_object_get(doc, "acked") != NULL;
    list_of(doc, "acked", d->acked);
    list_of(doc, "peer", d->peer);
    if (begins) {
        d->since_ms = number_of(doc, "since");
        d->detected_ms = number_of(doc, "detected");
        d->cause = ol_dark_cause_of(
            json_string_value(json_object_get(doc, "cause")));
    } else {
        list_of(doc, "upto", d->upto);
        d->behind = true;
    }
    return false;
}

struct ran {
    uint64_t at_ms, answered_ms;
    bool stopped;
};

static bool read_ran(struct ol_station_line *line, struct ran *r)
{
    struct ol_ledger *lg = line->st->ledger;
    uint8_t value[RAN_MAX];
    size_t n = sizeof(value);
    json_t *doc;

    memset(r, 0, sizeof(*r));
    if (lg->ops->meta(lg, line->ledger_id, "ran", value, &n) != OL_OK)
        return false;
    doc = json_loadb((const char *)value, n, 0, NULL);
    r->at_ms = number_of(doc, "at");
    r->answered_ms = number_of(doc, "answered");
    r->stopped = json_is_true(json_object_get(doc, "stopped"));
    json_decref(doc);
    return r->at_ms > 0;
}

char *ol_dark_ran(struct ol_station_line *line, bool stopping)
{
    struct ol_line_status s;
    uint64_t answered_ns = 0, answered_ms = line->dark.answered_ms;
    json_t *doc = json_object();
    char *text;

    ol_line_status(line->core, ol_clock_ns(), &s);
    for (unsigned k = 0; k < s.n_channels; k++)
        answered_ns = OL_MAX(answered_ns, s.ch[k].answered_ns);
    if (answered_ns > 0)
        answered_ms = ol_clock_wall_of(answered_ns);
    set(&doc, "at", number(ol_clock_wall_ms()));
    set(&doc, "answered", number(answered_ms));
    set(&doc, "stopped", json_boolean(stopping));
    text = json_dumps(doc, JSON_COMPACT);
    json_decref(doc);
    return text;
}

/* Nothing of the line was to be heard from here then. */
static void was_off(struct ol_station_line *line, uint64_t from_ms,
                    uint64_t to_ms, const char *why)
{
    json_t *doc = document("off");

    set(&doc, "from", number(from_ms));
    set(&doc, "to", number(to_ms));
    set(&doc, "why", json_string(why));
    ol_dark_owe(line, doc);
}

/* How long it did not run, and why; a line that runs again within its hold
 * time was not missed by anybody. */
static void off_since(struct ol_station_line *line, const struct ran *r)
{
    struct ol_station *st = line->st;
    uint64_t now_ms = ol_clock_wall_ms(), from_ms = r->at_ms, sure_ms = 0;
    const char *why;

    if (line->dark.ran_ms > 0) { /* in this very process */
        from_ms = line->dark.ran_ms;
        why = "halted";
    } else if (r->at_ms >= st->started_ms) {
        why = "halted";
        sure_ms = UNSURE_MS;
    } else if (st->guard.copied || line->restored) {
        why = "restored";
    } else if (r->stopped) {
        why = "stopped";
    } else {
        why = "ended"; /* killed, or the machine was */
        from_ms = OL_MAX(from_ms, st->seen_ms);
        if (st->seen_ms < r->at_ms)
            sure_ms = UNSURE_MS;
    }
    if (now_ms > from_ms + line->conf.hold_ns / OL_NS_PER_MS + sure_ms)
        was_off(line, from_ms, now_ms, why);
}

/* It runs, and has not stopped: said at once, and again with each minute, also
 * when the ledger takes nothing now. */
static void starts(struct ol_station_line *line)
{
    char *ran = ol_dark_ran(line, false);
    struct ol_ledger_meta meta = {.key = "ran", .value = ol_span_str(ran)};
    struct ol_batch batch = {.metas = &meta, .n_metas = 1};

    if (ran != NULL)
        (void)ol_disk_note(line->st, line, &batch);
    free(ran);
}

void ol_dark_boot(struct ol_station_line *line)
{
    const struct ol_facts_of newest = {.to_ms = UINT64_MAX,
                                       .newest_first = true};
    struct ol_dark *d = &line->dark;
    uint64_t ran_ms = d->ran_ms;
    struct ran r;

    ol_dark_handed(line);
    memset(d, 0, sizeof(*d));
    d->ran_ms = ran_ms;
    if (ol_fact_read(line->st, line, OL_FACT_DARK, &newest, recall, line) !=
        OL_OK)
        return; /* the snapshot fails next, and says why */
    if (read_ran(line, &r)) {
        d->answered_ms = r.answered_ms;
        off_since(line, &r);
    }
    d->ran_ms = ol_clock_wall_ms();
    starts(line);
}

void ol_dark_slept(struct ol_station *st, uint64_t from_ms, uint64_t to_ms)
{
    for (unsigned k = 0; k < st->n_lines; k++)
        if (st->lines[k]->phase == OL_PHASE_RUN &&
            to_ms > from_ms + st->lines[k]->conf.hold_ns / OL_NS_PER_MS)
            was_off(st->lines[k], from_ms, to_ms, "asleep");
}
