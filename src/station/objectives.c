/*
 * Messages that nobody reads: the objective of reading, by precedence.
 *
 * Within a log all have the same objective, so what came first is due first,
 * and a log needs no more than two places: below one all were read in time or
 * said to be late, below the other all are read. Ours count from when they
 * were taken, theirs from when they arrived: what nobody could have done is
 * nobody's fault. Durations run on the clock that never jumps; only for what
 * came before the start the wall clock is asked.
 *
 * Happy path: a message is read before its time, and the place moves on.
 * Else one alarm stands for all late ones of its log, until the last is read.
 * The places are kept as a station value; they are a hint: what is judged
 * again is judged the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "station/alarms.h"
#include "station/asks.h"
#include "station/clock.h"
#include "station/json.h"
#include "station/names.h"
#include "station/progress.h"

#define KEY "objectives"
#define KEEP_NS (10 * OL_NS_PER_S)
#define LOGS (2 * OL_PRECS)
#define TEXT (LOGS * 22 + 1)

void ol_objectives_text(char out[32], uint64_t ns)
{
    unsigned long long s = ns / OL_NS_PER_S;

    if (s % 3600 == 0)
        ol_text_put(out, 32, "%llu h", s / 3600);
    else if (s % 60 == 0)
        ol_text_put(out, 32, "%llu min", s / 60);
    else
        ol_text_put(out, 32, "%llu s", s);
}

/* "JUDGED LATE ..." of each log; false: it is none, and nothing was set. */
static bool parse(struct ol_asks *a, char *text)
{
    struct ol_log_objective logs[LOGS] = {0};
    char *rest = text;

    for (unsigned k = 0; k < LOGS; k++) {
        unsigned long judged = strtoul(rest, &rest, 10);
        unsigned long late = strtoul(rest, &rest, 10);

        if (late == 0 || late > judged || judged > UINT32_MAX)
            return false;
        logs[k].judged = (uint32_t)judged;
        logs[k].late = (uint32_t)late;
    }
    memcpy(a->logs, logs, sizeof(a->logs));
    return true;
}

void ol_objectives_start(struct ol_station_line *line)
{
    struct ol_ledger *lg = line->st->ledger;
    struct ol_asks *a = line->asks;
    uint8_t text[TEXT];
    size_t n = sizeof(text) - 1;
    bool known = lg->ops->meta(lg, line->ledger_id, KEY, text, &n) == OL_OK;

    text[known ? n : 0] = '\0';
    known = known && parse(a, (char *)text);
    a->kept = known;
    for (unsigned k = 0; k < LOGS; k++) {
        struct ol_log_objective *o = &a->logs[k / OL_PRECS][k % OL_PRECS];
        uint32_t size = a->next[k / OL_PRECS][k % OL_PRECS] - 1;

        /* Of what an older version let pass nothing is said now; and records
         * may have been taken back. */
        o->judged = known ? OL_MIN(o->judged, size + 1) : size + 1;
        o->late = known ? OL_MIN(o->late, o->judged) : size + 1;
        ol_ages_note(&o->ages, size, 0);
    }
}

static void keep(struct ol_station_line *line, uint64_t now_ns)
{
    struct ol_asks *a = line->asks;
    char text[TEXT];
    struct ol_ledger_meta meta = {.key = KEY};
    struct ol_batch batch = {.metas = &meta, .n_metas = 1};
    size_t n = 0;

    for (unsigned k = 0; k < LOGS; k++) {
        const struct ol_log_objective *o =
            &a->logs[k / OL_PRECS][k % OL_PRECS];

        n += (size_t)snprintf(text + n, sizeof(text) - n, "%u %u ", o->judged,
                              o->late);
    }
    meta.value = OL_SPAN(text, n);
    a->keep_ns = now_ns + KEEP_NS;
    a->kept = ol_disk_note(line->st, line, &batch) == OL_OK;
}

/* Is nobody to read it, or has somebody. */
static bool passed(const struct ol_entry *e)
{
    static struct ol_progress p; /* large; one thread */

    if (!ol_query_readable(e) || e->rec.marking == OL_TEST ||
        ol_query_progress(e, &p) != OL_OK || p.rung >= OL_RUNG_READ)
        return true;
    /* Taken back, or replaced, before anybody read it. */
    for (uint32_t k = 0; k < p.n_marks; k++)
        if (p.marks[k].by == e->row.author &&
            (p.marks[k].rel == OL_REL_CANCELS ||
             p.marks[k].rel == OL_REL_SUPERSEDES))
            return true;
    return false;
}

/* When this one is late. */
static uint64_t late_at(const struct ol_log_objective *o,
                        const struct ol_entry *e, uint64_t read_ns,
                        uint64_t now_ns)
{
    uint64_t wall_ms = ol_clock_wall_ms(), came_ns, age_ns;

    if (ol_ages_find(&o->ages, e->row.index, &came_ns))
        return came_ns + read_ns;
    age_ns = (wall_ms - OL_MIN(e->row.at_ms, wall_ms)) * OL_NS_PER_MS;
    return now_ns + read_ns - OL_MIN(age_ns, read_ns);
}

static void say(struct ol_station_line *line, enum ol_author author,
                const struct ol_entry *e)
{
    uint64_t ns = line->st->conf.objectives[e->row.prec].read_ns;
    const char *own = line->st->conf.name, *peer = line->conf.peer;
    const char *prec = ol_json_prec(e->row.prec);
    char key[OL_ALARM_KEY], name[OL_MESSAGE_NAME], within[32];
    enum ol_priority priority =
        e->row.prec <= OL_IMMEDIATE  ? OL_PRIORITY_HIGH
        : e->row.prec == OL_PRIORITY ? OL_PRIORITY_MEDIUM
                                     : OL_PRIORITY_LOW;

    line->asks->logs[author][e->row.prec].raised = true;
    ol_objectives_text(within, ns);
    ol_name_put(name, author == OL_OWN ? own : peer,
                author == OL_OWN ? peer : own, e->row.number);
    ol_text_put(key, sizeof(key), "unread/%s/%s",
                author == OL_OWN ? "ours" : "theirs", prec);
    if (author == OL_OWN)
        ol_alarm_raise(line, key, priority, "%s has not read the %s message "
                       "%s within %s|see how far it came with 'openline log "
                       "%s', and call by another way", peer, prec, name,
                       within, peer);
    else
        ol_alarm_raise(line, key, priority, "the %s message %s is not read "
                       "within %s|'openline read %s'", prec, name, within,
                       name);
}

/* Moves `late` up to the first that nobody has read. True: there is one, and
 * it is in e. */
static bool still_late(struct ol_station_line *line, enum ol_author author,
                       unsigned prec, struct ol_entry *e)
{
    struct ol_log_objective *o = &line->asks->logs[author][prec];

    for (unsigned room = OL_PAGE_ASKS; o->late < o->judged && room > 0;
         room--) {
        if (ol_query_at(line, author, prec, o->late, e) == OL_OK &&
            !passed(e))
            return true;
        o->late++;
        line->asks->kept = false;
    }
    line->asks->look = line->asks->look || o->late < o->judged;
    return false;
}

void ol_objectives_look(struct ol_station_line *line)
{
    static struct ol_entry e; /* large; one thread */

    for (unsigned k = 0; k < LOGS; k++) {
        enum ol_author author = (enum ol_author)(k / OL_PRECS);
        unsigned prec = k % OL_PRECS;
        char key[OL_ALARM_KEY];

        if (still_late(line, author, prec, &e)) {
            if (!line->asks->logs[author][prec].raised)
                say(line, author, &e);
            continue;
        }
        line->asks->logs[author][prec].raised = false;
        ol_text_put(key, sizeof(key), "unread/%s/%s",
                    author == OL_OWN ? "ours" : "theirs",
                    ol_json_prec(prec));
        ol_alarm_clear(line, key);
    }
}

/* One log; the moment at which its next one is late. */
static uint64_t judge(struct ol_station_line *line, enum ol_author author,
                      unsigned prec, uint64_t now_ns)
{
    static struct ol_entry e; /* large; one thread */
    struct ol_asks *a = line->asks;
    struct ol_log_objective *o = &a->logs[author][prec];
    uint64_t read_ns = line->st->conf.objectives[prec].read_ns;
    uint32_t end = a->next[author][prec];

    /* It may be read by now, and then the next one is first: that is seen in
     * time, and not with each commit. */
    if (o->first == o->judged && now_ns < OL_MIN(o->again_ns, o->late_ns))
        return OL_MIN(o->again_ns, o->late_ns);
    for (unsigned room = OL_PAGE_ASKS; o->judged < end; room--) {
        bool over = read_ns == 0 ||
                    ol_query_at(line, author, prec, o->judged, &e) !=
                        OL_OK || passed(&e);
        uint64_t at = over ? 0 : late_at(o, &e, read_ns, now_ns);

        if (room == 0)
            return 0;
        if (at > now_ns) {
            o->first = o->judged;
            o->late_ns = at;
            o->again_ns = now_ns + OL_NS_PER_S;
            return at;
        }
        if (over && o->late == o->judged)
            o->late++;
        o->judged++;
        a->kept = false;
        if (!over)
            say(line, author, &e);
    }
    return OL_NEVER_NS;
}

uint64_t ol_objectives_pump(struct ol_station_line *line, uint64_t now_ns)
{
    struct ol_asks *a = line->asks;
    uint64_t next = OL_NEVER_NS;

    for (unsigned k = 0; k < LOGS; k++) {
        enum ol_author author = (enum ol_author)(k / OL_PRECS);
        uint64_t at = judge(line, author, k % OL_PRECS, now_ns);

        next = OL_MIN(next, at);
        if (a->logs[author][k % OL_PRECS].judged > 0)
            ol_ages_forget(&a->logs[author][k % OL_PRECS].ages,
                           a->logs[author][k % OL_PRECS].judged - 1);
    }
    if (!a->kept && now_ns >= a->keep_ns)
        keep(line, now_ns);
    return a->kept ? next : OL_MIN(next, a->keep_ns);
}
