/*
 * A line's report as a document: doc/control.md. What is not known is null.
 */
#include "station/report_job.h"

#include <string.h>

#include "base/units.h"
#include "station/clock.h"
#include "station/effective_load.h"
#include "station/json.h"
#include "station/json_set.h"
#include "station/presence.h"

static json_t *count(uint64_t v)
{
    return json_integer((json_int_t)OL_MIN(v, (uint64_t)INT64_MAX));
}

static json_t *moment(uint64_t ms)
{
    char text[OL_TIME_TEXT];

    ol_text_time(text, ms);
    return json_string(text);
}

/* ---- messages ----------------------------------------------------------- */

static const char *const rung[OL_REPORT_RUNGS] = {"delivered", "read",
                                                  "understood", "answered"};

static json_t *time_json(const struct ol_report_times *t)
{
    json_t *doc = json_object();

    set(&doc, "n", count(t->n));
    set(&doc, "median_ms", t->n ? count(ol_report_median(t)) : json_null());
    set(&doc, "worst_ms", t->n ? count(t->worst_ms) : json_null());
    return doc;
}

/* Of theirs nobody here knows how often they were sent, and all that is here
 * was delivered. */
static json_t *cell_json(const struct ol_report_cell *c, bool theirs)
{
    json_t *doc = json_object(), *times = json_object();

    set(&doc, "messages", count(c->messages));
    set(&doc, "attempts", theirs ? json_null() : count(c->attempts));
    set(&doc, "sent", theirs ? json_null() : count(c->sent));
    for (unsigned k = 0; k < OL_REPORT_RUNGS; k++)
        set(&doc, rung[k], count(c->reached[k]));
    set(&doc, "declined", count(c->declined));
    for (unsigned k = theirs; k < OL_REPORT_RUNGS; k++)
        set(&times, rung[k], time_json(&c->times[k]));
    set(&doc, "times", times);
    return doc;
}

static json_t *side_json(const struct ol_report *r, bool theirs)
{
    static struct ol_report_cell all; /* large; one thread */
    json_t *doc = json_object();

    memset(&all, 0, sizeof(all));
    for (unsigned p = 0; p < OL_PRECS; p++) {
        ol_report_add_cell(&all, &r->cell[theirs][p]);
        set(&doc, ol_json_prec(p), cell_json(&r->cell[theirs][p], theirs));
    }
    set(&doc, "all", cell_json(&all, theirs));
    set(&doc, "not_actual", count(r->not_actual[theirs]));
    return doc;
}

static json_t *asks_json(const struct ol_report_asks *a)
{
    json_t *doc = json_object();

    set(&doc, "asked", count(a->asked));
    set(&doc, "answered", count(a->answered));
    set(&doc, "withdrawn", count(a->withdrawn));
    set(&doc, "declined", count(a->declined));
    set(&doc, "understood", count(a->understood));
    set(&doc, "open", count(a->open));
    set(&doc, "overdue", count(a->overdue));
    return doc;
}

static json_t *both(json_t *ours, json_t *theirs)
{
    json_t *doc = json_object();

    set(&doc, "ours", ours);
    set(&doc, "theirs", theirs);
    return doc;
}

/* ---- the line ----------------------------------------------------------- */

/* Where nothing was measured and nothing noted, nobody knows. */
static json_t *darkness(const struct ol_report_past *p)
{
    const struct ol_dark_total *t = &p->total;
    bool known = p->sum.ms > 0 || t->count > 0;
    json_t *doc = json_object();

    set(&doc, "count", known ? count(t->count) : json_null());
    set(&doc, "total_ms", known ? count(t->total_ms) : json_null());
    set(&doc, "longest_ms", known ? count(t->longest_ms) : json_null());
    set(&doc, "not_running_ms", known || t->not_running_ms > 0
                                    ? count(t->not_running_ms)
                                    : json_null());
    return doc;
}

/* How the line is now. */
static void live(struct ol_station_line *line, struct ol_effective_line *how,
                 uint64_t *dark_ms)
{
    struct ol_line_status s;

    ol_line_status(line->core, ol_clock_ns(), &s);
    how->pouch = s.state == OL_LINE_POUCH_ONLY;
    how->closed_by_us = s.state == OL_LINE_CLOSED_BY_US;
    how->closed_by_them = s.state == OL_LINE_CLOSED_BY_THEM;
    for (unsigned k = 0; k < s.n_channels; k++)
        how->up += s.ch[k].state == OL_CHAN_UP ||
                   s.ch[k].state == OL_CHAN_DOUBTFUL;
    if (s.state == OL_LINE_DARK || s.state == OL_LINE_POUCH_ONLY)
        how->dark_ms = ol_clock_wall_of(s.dark_since_ns);
    *dark_ms = s.state == OL_LINE_DARK ? how->dark_ms : 0;
}

static void set_effective(json_t **doc, struct ol_report_line *l)
{
    const struct ol_effective_asks asks = {.v = l->window.v,
                                           .n = l->window.n};
    struct ol_effective_line how = {0};
    uint64_t dark_ms = l->past.dark_ms;

    if (!ol_effective_told(l->line)) { /* then these say so */
        set(doc, "effective", ol_json_effective(l->line, 0));
        set(doc, "sentence", ol_json_sentence(l->line, &how));
        return;
    }
    if (l->to_now && l->line->core != NULL) {
        live(l->line, &how, &dark_ms);
    } else {
        how.past = true;
        how.pouch = l->past.pouch;
        how.dark_ms = dark_ms;
        dark_ms = how.pouch ? 0 : dark_ms;
    }
    set(doc, "effective", ol_json_effective_of(&asks, dark_ms, l->r.to_ms));
    set(doc, "sentence", ol_json_sentence_of(&asks, &how, l->r.to_ms));
}

/* Of this station, whatever the line. */
static json_t *attended(const struct ol_report_line *l)
{
    struct ol_attended_share a;
    json_t *doc = json_object();
    struct ol_share share;

    if (ol_presence_share(l->line->st, l->r.from_ms, l->r.to_ms, &a) != OL_OK)
        memset(&a, 0, sizeof(a));
    share = (struct ol_share){a.attended_ms, a.attended_ms + a.unattended_ms};
    set(&doc, "share", ol_quality_share_json(share));
    set(&doc, "attended_ms", count(a.attended_ms));
    set(&doc, "unattended_ms", count(a.unattended_ms));
    set(&doc, "unknown_ms", count(a.unknown_ms));
    return doc;
}

static json_t *timeline(struct ol_report_past *p)
{
    json_t *doc = json_object();

    set(&doc, "step_ms", count(p->step_ms));
    set(&doc, "rows", json_incref(p->rows));
    return doc;
}

json_t *ol_report_json(struct ol_report_line *l)
{
    struct ol_report_past *p = &l->past;
    const struct ol_report *r = &l->r;
    const struct ol_station_line *line = l->line;
    json_t *doc = json_object();

    p->sum.at_ms = r->from_ms;
    set(&doc, "station", json_string(line->st->conf.name));
    set(&doc, "peer", json_string(line->conf.peer));
    set(&doc, "made", moment(l->now_ms));
    set(&doc, "from", moment(r->from_ms));
    set(&doc, "to", moment(r->to_ms));
    set_effective(&doc, l);
    set(&doc, "messages", both(side_json(r, false), side_json(r, true)));
    set(&doc, "asks", both(asks_json(&r->asks[0]), asks_json(&r->asks[1])));
    set(&doc, "darkness", darkness(p));
    set(&doc, "blackouts", json_incref(p->blackouts));
    set(&doc, "blackouts_left_out", count(p->left_out));
    set(&doc, "channels", ol_quality_json(&p->sum));
    set(&doc, "attended", attended(l));
    set(&doc, "timeline", timeline(p));
    return doc;
}
