/*
 * Alarms of the running station: the list (alarm_list.c) beside its ledger,
 * the log and those who watch.
 *
 * Happy path: what becomes news is written as a fact, and an event tells of it;
 * at a start the list is made again from the facts. How it fails: while the
 * disk takes nothing, or has too much before it, the list is in memory alone,
 * and what came meanwhile is told once the disk takes again.
 */
#include "station/alarms.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "station/alarm_json.h"
#include "station/clock.h"
#include "station/log.h"
#include "station/station.h"

#define KEEP_MS (90 * UINT64_C(86400000)) /* history */
#define READ_MAX 8192u /* facts that are looked at, newest first */
#define TIDY_MS UINT64_C(3600000)

static struct ol_now now(void)
{
    return (struct ol_now){ol_clock_ns() / OL_NS_PER_MS, ol_clock_wall_ms()};
}

/* Its number stands in front, so that the words can be found. */
static bool event(struct ol_station *st, const struct ol_alarm *a)
{
    struct ol_station_line *line = ol_line_named(st, a->line);
    char detail[64];
    struct ol_put put = {.kind = OL_PUT_EVENT, .what = OL_WHAT_ALARM,
                         .channel = OL_CHANNEL_ANY, .detail = detail};
    struct ol_batch batch = {.puts = &put, .n_puts = 1};

    ol_text_put(detail, sizeof(detail), "#%u %s", a->n, a->what);
    ol_text_mend(detail);
    if (line != NULL && line->ledger_id == 0)
        line = NULL;
    return ol_disk_note(st, line, &batch) == OL_OK;
}

/* The log hears of it at once; those who watch, with what was written. */
static bool news(void *arg, const struct ol_alarm *a, enum ol_alarm_news what)
{
    struct ol_station *st = arg;

    if (what == OL_ALARM_ASKED)
        return ol_fact_keep(st, NULL, OL_FACT_ALARM, a->key, ol_alarm_doc(a));
    if (what == OL_ALARM_SAYS && !a->unsaid)
        ol_log(OL_LOG_FAULT, "%s%s%salarm %u (%s): %s: %s",
               a->line[0] ? "line " : "", a->line, a->line[0] ? ": " : "",
               a->n, ol_priority_name(a->priority), a->what, a->act);
    return ol_fact_note(st, NULL, OL_FACT_ALARM, a->key, ol_alarm_doc(a)) &&
           (what != OL_ALARM_SAYS || event(st, a));
}

static void said(struct ol_station *st, const char *line, const char *key,
                 enum ol_priority priority, const char *text)
{
    struct ol_now t = now();

    if (st->alarms == NULL)
        return; /* it has stopped, or only looks at its configuration */
    ol_alarms_raise(st->alarms, line, key, priority, text, &t);
    st->alarms_ns = 0; /* looked at in this turn */
    ol_loop_again(st);
}

void ol_alarm_raise(struct ol_station_line *line, const char *key,
                    enum ol_priority priority, const char *fmt, ...)
{
    char text[OL_WHY_MAX];
    va_list ap;

    OL_CHECK(strchr(fmt, '|') != NULL); /* it says what to do */
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    said(line->st, line->conf.peer, key, priority, text);
}

void ol_alarm_raise_own(struct ol_station *st, const char *key,
                        enum ol_priority priority, const char *fmt, ...)
{
    char text[OL_WHY_MAX];
    va_list ap;

    OL_CHECK(strchr(fmt, '|') != NULL);
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    said(st, "", key, priority, text);
}

static void cleared(struct ol_station *st, const char *line, const char *key)
{
    struct ol_now t = now();

    if (st->alarms == NULL)
        return;
    ol_alarms_clear(st->alarms, line, key, &t);
    st->alarms_ns = 0;
}

void ol_alarm_clear(struct ol_station_line *line, const char *key)
{
    cleared(line->st, line->conf.peer, key);
}

void ol_alarm_clear_own(struct ol_station *st, const char *key)
{
    cleared(st, "", key);
}

void ol_alarm_line_gone(struct ol_station_line *line)
{
    struct ol_now t = now();

    ol_alarms_clear_line(line->st->alarms, line->conf.peer, &t);
    line->st->alarms_ns = 0;
}

/* What the core says happened, and what to do then. None of it passes: the
 * first stays, the others are over when they are said. */
void ol_alarm_core(struct ol_station_line *line, const char *text)
{
    static const struct {
        const char *begins, *key, *act;
    } known[] = {
        {"the peer's record of our", "record-differs",
         "keep both ledgers, run 'openline audit' on both sides, and settle "
         "it by voice"},
        {"this record is an old copy", "old-copy",
         "make sure that no other copy of this station runs; 'openline "
         "doctor' tells when all has come back"},
        {"what the peer gives back", "returned-wrong",
         "keep both ledgers and run 'openline audit' on both sides"},
        {"the peer signed a record", "signed-otherwise",
         "keep this ledger, run 'openline audit', and ask the peer by voice"},
        {"somebody else knocks", "second-copy",
         "end the other copy of this station; if there is none of yours, the "
         "keys are stolen: tell the peer by voice"},
        {"two copies of the peer", "peer-second-copy",
         "ask the peer by voice which station is theirs"},
    };
    const char *key = "core", *act = "run 'openline doctor'";
    bool stays = false;

    for (size_t k = 0; k < OL_LEN(known); k++) {
        if (strncmp(text, known[k].begins, strlen(known[k].begins)) != 0)
            continue;
        key = known[k].key;
        act = known[k].act;
        stays = k == 0;
    }
    ol_alarm_raise(line, key, OL_PRIORITY_HIGH, "%s|%s", text, act);
    if (!stays)
        ol_alarm_clear(line, key);
}

/* The ledger. */

/* The last word of each alarm: by its place in the ledger, for the wall clock
 * may have been set back between two of them. */
struct found {
    struct ol_alarms *list;
    struct ol_now now;
    struct {
        uint32_t n;
        uint64_t fact;
    } *last;
    unsigned n;
};

static bool look_for(void *arg, const struct ol_row_fact *fact,
                     const json_t *doc)
{
    json_int_t n = json_integer_value(json_object_get(doc, "n"));
    struct found *f = arg;
    unsigned k = 0;

    while (k < f->n && f->last[k].n != n)
        k++;
    if (n <= 0 || n > UINT32_MAX || k == READ_MAX)
        return k < READ_MAX;
    if (k == f->n)
        f->n++;
    f->last[k].n = (uint32_t)n;
    f->last[k].fact = OL_MAX(f->last[k].fact, fact->n);
    return true;
}

static bool take(void *arg, const struct ol_row_fact *fact, const json_t *doc)
{
    struct found *f = arg;
    struct ol_alarm a;
    unsigned k = 0;

    if (!ol_alarm_of_doc(doc, &a))
        return true;
    while (k < f->n && f->last[k].n != a.n)
        k++;
    if (k < f->n && f->last[k].fact == fact->n)
        ol_alarms_load(f->list, &a, &f->now);
    return true;
}

enum ol_err ol_alarms_history(struct ol_station *st, unsigned max,
                              ol_fact_fn fn, void *arg)
{
    struct ol_facts_of of = {.to_ms = UINT64_MAX / 2, .max = max,
                             .newest_first = true};

    return ol_fact_read(st, NULL, OL_FACT_ALARM, &of, fn, arg);
}

bool ol_alarms_open(struct ol_station *st)
{
    struct found f = {.now = now()};

    f.list = calloc(1, sizeof(*f.list));
    f.last = calloc(READ_MAX, sizeof(*f.last));
    if (f.list != NULL && f.last != NULL &&
        ol_alarms_history(st, READ_MAX, look_for, &f) == OL_OK &&
        ol_alarms_history(st, READ_MAX, take, &f) == OL_OK) {
        f.list->started_ms = f.now.ms;
        f.list->tell = news;
        f.list->arg = st;
        st->alarms = f.list;
    } else {
        free(f.list);
    }
    free(f.last);
    return st->alarms != NULL;
}

void ol_alarms_close(struct ol_station *st)
{
    free(st->alarms);
    st->alarms = NULL;
}

/* Old history goes; what stands is written anew before its last word is old. */
static void tidy(struct ol_station *st, const struct ol_now *t)
{
    st->alarms_tidied_ms = t->ms;
    if (t->wall_ms < KEEP_MS)
        return;
    for (unsigned k = 0; k < st->alarms->n; k++)
        if (t->ms - st->alarms->v[k].saved_ms > KEEP_MS / 3)
            st->alarms->v[k].dirty = true;
    (void)ol_fact_drop(st, NULL, OL_FACT_ALARM, t->wall_ms - KEEP_MS);
}

void ol_alarms_pump(struct ol_station *st, uint64_t now_ns)
{
    struct ol_now t = now();
    uint64_t due_ms;

    if (now_ns < st->alarms_ns || st->alarms == NULL)
        return;
    if (st->alarms_tidied_ms == 0 || t.ms - st->alarms_tidied_ms > TIDY_MS)
        tidy(st, &t);
    due_ms = ol_alarms_tick(st->alarms, &t);
    due_ms = OL_MIN(due_ms, st->alarms_tidied_ms + TIDY_MS + 1);
    st->alarms_ns = due_ms * OL_NS_PER_MS;
}

static uint64_t changed_ms(const struct ol_alarm *a)
{
    return OL_MAX(OL_MAX(a->last_ms, a->cleared_ms),
                  OL_MAX(a->acked_ms, a->shelved_ms));
}

/* What became news since then may have been lost on its way to the disk. */
void ol_alarms_again(struct ol_station *st, uint64_t since_ms)
{
    for (unsigned k = 0; st->alarms != NULL && k < st->alarms->n; k++) {
        struct ol_alarm *a = &st->alarms->v[k];

        if (changed_ms(a) < since_ms)
            continue;
        a->dirty = a->owed = true;
        a->unsaid = a->unsaid || (a->raised_ms >= since_ms && !a->flood);
    }
    st->alarms_ns = 0; /* looked at in this turn */
}
