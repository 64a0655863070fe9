/*
 * exercise: what is declared, begin, end, and which messages of ours marked
 * EXERCISE are still open.
 *
 * The declaration is kept in the ledger first and holds once it is there.
 */
#include <stdlib.h>
#include <string.h>

#include "station/clock.h"
#include "station/exercise.h"
#include "station/json.h"
#include "station/methods.h"
#include "station/progress.h"

#define PAGE 16u

static void show(struct ol_request *rq, const struct ol_station_line *line)
{
    ol_reply(rq, json_pack("{s:s,s:o,s:s}", "peer", line->conf.peer,
                           "exercise", ol_json_exercise(line), "refuse",
                           ol_refuse_name(line->conf.refuse)));
}

/* Begin and end. */

struct change {
    struct ol_request *rq;
    struct ol_exercise next;
    char peer[OL_STATION_MAX + 1];
};

static void changed(void *arg, enum ol_err err)
{
    struct change *c = arg;
    struct ol_station_line *line = ol_line_named(c->rq->st, c->peer);

    if (line != NULL)
        line->exercise.busy = false;
    if (line == NULL) {
        ol_refuse(c->rq, OL_EXIT_MISSING, "the line is gone");
    } else if (err != OL_OK) {
        ol_refuse(c->rq, OL_EXIT_FAILED, "the disk refused (%s): nothing has "
                  "changed", ol_err_info(err)->text);
    } else {
        c->next.alarmed = line->exercise.alarmed;
        line->exercise = c->next;
        show(c->rq, line);
    }
    free(c);
}

static void keep(struct ol_station_line *line, struct change *c)
{
    json_t *doc = json_pack("{s:b,s:I,s:s}", "on", c->next.on, "at",
                            (json_int_t)c->next.at_ms, "by", c->next.by);
    char *text = json_dumps(doc, JSON_COMPACT);
    struct ol_ledger_meta meta = {.key = "exercise",
                                  .value = ol_span_str(text)};
    struct ol_put put = {.kind = OL_PUT_EVENT, .what = OL_WHAT_EXERCISE,
                         .channel = OL_CHANNEL_ANY,
                         .detail = c->next.on ? "declared" : "over"};
    struct ol_batch batch = {.puts = &put, .n_puts = 1, .metas = &meta,
                             .n_metas = 1};
    enum ol_err err = OL_ERR_AGAIN;

    line->exercise.busy = true;
    if (text != NULL)
        err = ol_disk_commit(line, &batch, c, changed);
    if (err != OL_OK)
        changed(c, err);
    json_decref(doc);
    free(text);
}

static void declare(struct ol_request *rq, struct ol_station_line *line,
                    bool on)
{
    struct change *c;

    if (line->exercise.on == on || line->exercise.busy) {
        ol_refuse(rq, OL_EXIT_FAILED, "%s", line->exercise.busy
                  ? "another officer declares something just now: ask again"
                  : on ? "an exercise is declared already: 'openline exercise "
                         "PEER' says since when"
                       : "no exercise is declared");
        return;
    }
    c = line->ledger_id != 0 ? calloc(1, sizeof(*c)) : NULL;
    if (c == NULL) {
        ol_refuse(rq, OL_EXIT_FAILED, "the line does not run yet: try again");
        return;
    }
    c->rq = rq;
    c->next.on = on;
    c->next.at_ms = ol_clock_wall_ms();
    ol_text_put(c->next.by, sizeof(c->next.by), "%s", ol_request_officer(rq));
    ol_text_put(c->peer, sizeof(c->peer), "%s", line->conf.peer);
    keep(line, c);
}

/* Which are open. */

struct scan {
    struct ol_job job; /* first */
    struct ol_entry e;
    char peer[OL_STATION_MAX + 1];
    unsigned prec;
    uint32_t index;
    uint64_t after; /* of those that wait for a number */
};

static void drop(struct ol_job *job)
{
    free(job);
}

/* An exercise message of ours that its end has to take back. */
static bool is_open(const struct ol_entry *e)
{
    struct ol_progress p;

    if (!e->decoded || e->rec.marking != OL_EXERCISE ||
        (e->rec.kind != OL_KIND_MESSAGE && e->rec.kind != OL_KIND_ASK &&
         e->rec.kind != OL_KIND_NOTIFICATION))
        return false;
    return ol_query_progress(e, &p) == OL_OK && ol_progress_open(&p);
}

/* The next of ours; false: there is none, or *broken. */
static bool next(struct scan *s, struct ol_station_line *line, bool *broken)
{
    enum ol_err err = OL_ERR_MISSING;

    while (s->prec < OL_PRECS) {
        err = ol_query_from(line, OL_OWN, s->prec, s->index, &s->e);
        if (err != OL_ERR_MISSING)
            break;
        s->prec++;
        s->index = 1;
    }
    if (s->prec < OL_PRECS)
        s->index = s->e.row.index + 1;
    else
        err = ol_query_waiting(line, &s->after, &s->e);
    *broken = err != OL_OK && err != OL_ERR_MISSING;
    return err == OL_OK;
}

static bool step(struct ol_job *job)
{
    struct scan *s = (struct scan *)job;
    struct ol_station_line *line = ol_line_named(job->rq->st, s->peer);
    bool broken = line == NULL;

    for (unsigned k = 0; k < PAGE && !broken; k++) {
        if (next(s, line, &broken)) {
            if (is_open(&s->e))
                ol_json_stream(job->rq, &s->e, OL_SHOW_HEADERS);
        } else if (!broken) {
            ol_stream_end(job->rq);
            return false;
        }
    }
    if (broken)
        ol_stream_break(job->rq);
    return !broken;
}

static void list_open(struct ol_request *rq, struct ol_station_line *line)
{
    struct scan *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        ol_refuse(rq, OL_EXIT_FAILED, "no memory: ask again");
        return;
    }
    s->job.rq = rq;
    s->job.step = step;
    s->job.drop = drop;
    s->index = 1;
    ol_text_put(s->peer, sizeof(s->peer), "%s", line->conf.peer);
    ol_job_start(&s->job);
}

void ol_method_exercise(struct ol_request *rq)
{
    const char *action = ol_param(rq, "action");
    struct ol_station_line *line = ol_method_paired(rq);

    if (line == NULL)
        return;
    if (action == NULL || strcmp(action, "show") == 0)
        show(rq, line);
    else if (strcmp(action, "begin") == 0 || strcmp(action, "end") == 0)
        declare(rq, line, *action == 'b');
    else if (strcmp(action, "open") == 0)
        list_open(rq, line);
    else
        ol_refuse(rq, OL_EXIT_USAGE, "no action \"%.32s\": allowed are show, "
                  "begin, end, open", action);
}
