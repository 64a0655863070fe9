/*
 * blackouts and history: what was noted, a page per turn of the loop.
 *
 * blackouts gives one entry per blackout, and per time in which this station
 * did not run, oldest first. history gives rows of one length: minutes for up
 * to two hours, hours for up to a fortnight, else days; and what they add up
 * to. Both read facts in the order of their times, and remember where they
 * were by that time alone: within one kind and line no two are equal but by
 * a clock set back to the millisecond, and then one is shown for both.
 */
#include <stdlib.h>
#include <string.h>

#include "station/clock.h"
#include "station/dark_fold.h"
#include "station/json_set.h"
#include "station/methods.h"

#define PAGE 64u
#define MINUTE_MS UINT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

/* ---- blackouts ---------------------------------------------------------- */

struct dark_job {
    struct ol_job job; /* first */
    struct ol_station_line *only;
    uint64_t from_ms, to_ms;
    unsigned at; /* line */
    uint64_t next_ms;
    unsigned n; /* facts of this page */
    struct ol_dark_fold fold;
};

static void dark_drop(struct ol_job *job)
{
    struct dark_job *j = (struct dark_job *)job;

    ol_dark_entry_clear(&j->fold.now);
    free(j);
}

static struct ol_station_line *dark_line(const struct dark_job *j)
{
    struct ol_station *st = j->job.rq->st;

    if (j->only != NULL)
        return j->at == 0 ? j->only : NULL;
    return j->at < st->n_lines ? st->lines[j->at] : NULL;
}

static void dark_show(struct dark_job *j, struct ol_dark_entry *e)
{
    uint64_t now_ms = ol_clock_wall_ms();
    uint64_t end_ms = e->over ? OL_MAX(e->end_ms, e->detected_ms) : now_ms;

    if (e->since_ms <= j->to_ms && end_ms >= j->from_ms)
        ol_stream_item(j->job.rq,
                       ol_dark_entry_json(e, dark_line(j)->conf.peer,
                                          now_ms));
    ol_dark_entry_clear(e);
}

static bool dark_fact(void *arg, const struct ol_row_fact *fact,
                      const json_t *doc)
{
    struct dark_job *j = arg;
    struct ol_dark_entry e;

    j->next_ms = fact->at_ms + 1;
    j->n++;
    if (ol_dark_fold(&j->fold, doc, &e))
        dark_show(j, &e);
    return true;
}

static bool dark_step(struct ol_job *job)
{
    struct dark_job *j = (struct dark_job *)job;
    struct ol_station_line *line = dark_line(j);
    const struct ol_facts_of of = {.from_ms = j->next_ms,
                                   .to_ms = UINT64_MAX, .max = PAGE};
    struct ol_dark_entry e;

    if (line == NULL) {
        ol_stream_end(job->rq);
        return false;
    }
    j->n = 0;
    if (ol_fact_read(job->rq->st, line, OL_FACT_DARK, &of, dark_fact, j) !=
        OL_OK) {
        ol_stream_break(job->rq);
        return false;
    }
    if (j->n == PAGE)
        return true;
    if (ol_dark_fold_end(&j->fold, &e))
        dark_show(j, &e);
    j->at++;
    j->next_ms = 0;
    return true;
}

void ol_method_blackouts(struct ol_request *rq)
{
    struct ol_station_line *line;
    uint64_t from_ms = 0, to_ms = UINT64_MAX;
    struct dark_job *j;

    if (!ol_method_peer(rq, &line) ||
        !ol_method_time(rq, "from", &from_ms) ||
        !ol_method_time(rq, "to", &to_ms))
        return;
    j = calloc(1, sizeof(*j));
    if (j == NULL) {
        ol_refuse(rq, OL_EXIT_FAILED, "no memory: ask again");
        return;
    }
    j->job = (struct ol_job){.rq = rq, .step = dark_step, .drop = dark_drop};
    j->only = line;
    j->from_ms = from_ms;
    j->to_ms = to_ms;
    ol_job_start(&j->job);
}

/* ---- history ------------------------------------------------------------ */

struct past_job {
    struct ol_job job; /* first */
    struct ol_station_line *line;
    char channel[OL_NAME_MAX + 1]; /* empty: all */
    uint64_t from_ms, to_ms, step_ms;
    bool minutes; /* the hours have been read */
    uint64_t next_ms;
    unsigned n; /* facts of this page */
    json_t *rows;
    struct ol_quality_row row, sum, one;
};

static void past_drop(struct ol_job *job)
{
    struct past_job *j = (struct past_job *)job;

    json_decref(j->rows);
    free(j);
}

static void only(struct ol_quality_row *row, const char *channel)
{
    unsigned n = 0;

    for (unsigned k = 0; k < row->n; k++)
        if (channel[0] == '\0' || strcmp(row->ch[k].name, channel) == 0)
            row->ch[n++] = row->ch[k];
    row->n = n;
}

static void past_flush(struct past_job *j)
{
    if (j->row.ms > 0 && j->rows != NULL)
        json_array_append_new(j->rows, ol_quality_json(&j->row));
    memset(&j->row, 0, sizeof(j->row));
}

static bool past_fact(void *arg, const struct ol_row_fact *fact,
                      const json_t *doc)
{
    struct past_job *j = arg;
    uint64_t at_ms = fact->at_ms - fact->at_ms % j->step_ms;

    j->next_ms = fact->at_ms + 1;
    j->n++;
    if (!ol_quality_unpack(doc, &j->one))
        return true;
    only(&j->one, j->channel);
    if (j->row.ms > 0 && j->row.at_ms != at_ms)
        past_flush(j);
    j->one.at_ms = at_ms;
    ol_quality_fold(&j->row, &j->one);
    ol_quality_fold(&j->sum, &j->one);
    return true;
}

static const char *step_name(uint64_t ms)
{
    return ms == MINUTE_MS ? "minute" : ms == HOUR_MS ? "hour" : "day";
}

static void past_reply(struct past_job *j)
{
    json_t *doc = json_object(), *total;
    char text[OL_TIME_TEXT];

    past_flush(j);
    j->sum.at_ms = j->from_ms;
    total = ol_quality_json(&j->sum);
    set(&doc, "line", json_string(j->line->conf.peer));
    ol_text_time(text, j->from_ms);
    set(&doc, "from", json_string(text));
    ol_text_time(text, j->to_ms);
    set(&doc, "to", json_string(text));
    set(&doc, "step", json_string(step_name(j->step_ms)));
    set(&doc, "total", total);
    set(&doc, "rows", j->rows);
    j->rows = NULL;
    ol_reply(j->job.rq, doc);
}

/* Hours first; what is not folded yet follows in minutes. */
static bool past_step(struct ol_job *job)
{
    struct past_job *j = (struct past_job *)job;
    const struct ol_facts_of of = {.from_ms = j->next_ms,
                                   .to_ms = j->to_ms, .max = PAGE};

    j->n = 0;
    if (ol_fact_read(job->rq->st, j->line,
                     j->minutes ? OL_FACT_PATH_MINUTE : OL_FACT_PATH_HOUR,
                     &of, past_fact, j) != OL_OK) {
        ol_refuse(job->rq, OL_EXIT_FAILED, "the ledger cannot be read (%s): "
                  "run 'openline audit'", job->rq->st->ledger->why);
        return false;
    }
    if (j->n == PAGE)
        return true;
    if (!j->minutes) {
        j->minutes = true;
        if (j->sum.ms > 0 || j->sum.n > 0) /* behind the last hour */
            j->next_ms = j->next_ms - 1 + HOUR_MS;
        return true;
    }
    past_reply(j);
    return false;
}

static bool past_range(struct ol_request *rq, struct past_job *j)
{
    uint64_t now_ms = ol_clock_wall_ms();

    j->to_ms = now_ms;
    if (!ol_method_time(rq, "to", &j->to_ms))
        return false;
    j->to_ms = OL_MIN(j->to_ms, now_ms);
    j->from_ms = j->to_ms - OL_MIN(j->to_ms, DAY_MS);
    if (!ol_method_time(rq, "from", &j->from_ms))
        return false;
    if (j->from_ms >= j->to_ms) {
        ol_refuse(rq, OL_EXIT_USAGE, "from is not before to, or lies ahead: "
                  "give a time that has been");
        return false;
    }
    j->from_ms = OL_MAX(j->from_ms, now_ms -
                                        OL_MIN(now_ms, OL_HISTORY_HOURS_MS));
    j->step_ms = j->to_ms - j->from_ms <= 2 * HOUR_MS ? MINUTE_MS
                 : j->to_ms - j->from_ms <= 14 * DAY_MS ? HOUR_MS
                                                        : DAY_MS;
    /* Minutes are kept for a day. */
    if (j->step_ms == MINUTE_MS && now_ms - j->from_ms > DAY_MS)
        j->step_ms = HOUR_MS;
    j->minutes = j->step_ms == MINUTE_MS;
    j->next_ms = j->from_ms - j->from_ms % j->step_ms;
    return true;
}

void ol_method_history(struct ol_request *rq)
{
    struct ol_station_line *line = ol_method_paired(rq);
    const char *channel = ol_param(rq, "channel");
    struct past_job *j;

    if (line == NULL)
        return;
    j = calloc(1, sizeof(*j));
    if (j == NULL || (j->rows = json_array()) == NULL) {
        free(j);
        ol_refuse(rq, OL_EXIT_FAILED, "no memory: ask again");
        return;
    }
    j->job = (struct ol_job){.rq = rq, .step = past_step, .drop = past_drop};
    j->line = line;
    if (!past_range(rq, j)) {
        past_drop(&j->job);
        return;
    }
    /* One that was taken out of the configuration has its history too. */
    if (channel != NULL &&
        !ol_text_put(j->channel, sizeof(j->channel), "%s", channel)) {
        past_drop(&j->job);
        ol_refuse(rq, OL_EXIT_MISSING, "no channel %.32s: 'openline channel "
                  "%s' lists them", channel, line->conf.peer);
        return;
    }
    ol_history_look(line);
    ol_job_start(&j->job);
}
