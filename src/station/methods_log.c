/*
 * log and inbox: arrays of any length, a page per turn of the loop.
 *
 * log merges all logs of its lines by the time at which a record was taken or
 * arrived; within one log the order is always the index, also when the clock
 * was set back meanwhile. inbox walks over the peers' logs, FLASH first, and
 * remembers below which index everything is understood.
 */
#include <stdlib.h>
#include <string.h>

#include "station/check_plan.h"
#include "station/clock.h"
#include "station/json.h"
#include "station/progress.h"
#include "station/methods.h"

#define PAGE 16u

/* One log, and the record of it that comes next. */
struct cursor {
    struct ol_station_line *line;
    uint8_t author, prec;
    bool ended;
    uint32_t index;
    uint64_t at_ms;
};

struct scan {
    struct ol_job job; /* first */
    struct ol_entry e;
    uint64_t from_ms, to_ms;
    unsigned waiting; /* the line whose waiting records come next */
    uint64_t after;   /* and behind which of them */
    struct ol_station_line *only;
    bool all;
    unsigned n, at;
    struct cursor v[];
};

static void drop(struct ol_job *job)
{
    free(job);
}

/* The first record at or behind c->index; false: the ledger fails. */
static bool look(struct scan *s, struct cursor *c)
{
    enum ol_err err = ol_query_from(c->line, c->author, c->prec, c->index,
                                    &s->e);

    c->ended = err == OL_ERR_MISSING;
    if (err != OL_OK)
        return c->ended;
    c->index = s->e.row.index;
    c->at_ms = s->e.row.at_ms;
    return true;
}

/* Cursors over the logs of a line, or of all. */
static struct scan *scan_new(struct ol_request *rq,
                             struct ol_station_line *only, bool peers_only)
{
    unsigned lines = only ? 1 : rq->st->n_lines;
    struct scan *s = calloc(1, sizeof(*s) +
                                   lines * 2 * OL_PRECS * sizeof(s->v[0]));

    if (s == NULL) {
        ol_refuse(rq, OL_EXIT_FAILED, "no memory: ask for one line");
        return NULL;
    }
    s->job.rq = rq;
    s->job.drop = drop;
    s->only = only;
    for (unsigned k = 0; k < lines; k++) {
        for (unsigned a = peers_only ? OL_PEER : OL_OWN; a <= OL_PEER; a++) {
            for (unsigned p = 0; p < OL_PRECS; p++) {
                struct cursor *c = &s->v[s->n++];

                c->line = only ? only : rq->st->lines[k];
                c->author = (uint8_t)a;
                c->prec = (uint8_t)p;
                c->index = 1;
            }
        }
    }
    return s;
}

static bool broken(struct scan *s)
{
    ol_stream_break(s->job.rq);
    return false;
}

/* log */

static struct cursor *oldest(struct scan *s)
{
    struct cursor *best = NULL;

    for (unsigned k = 0; k < s->n; k++)
        if (!s->v[k].ended && (best == NULL || s->v[k].at_ms < best->at_ms))
            best = &s->v[k];
    return best;
}

/* What has no place yet stands behind all that has; false: the end. */
static bool log_waiting(struct scan *s)
{
    struct ol_station *st = s->job.rq->st;

    while (s->waiting < (s->only ? 1 : st->n_lines)) {
        struct ol_station_line *line = s->only ? s->only
                                               : st->lines[s->waiting];

        if (ol_query_waiting(line, &s->after, &s->e) != OL_OK) {
            s->waiting++;
            s->after = 0;
            continue;
        }
        if (s->e.row.at_ms >= s->from_ms && s->e.row.at_ms <= s->to_ms)
            ol_json_stream(s->job.rq, &s->e, OL_SHOW_LOG);
        return true;
    }
    return false;
}

static bool log_step(struct ol_job *job)
{
    struct scan *s = (struct scan *)job;

    for (unsigned k = 0; k < PAGE; k++) {
        struct cursor *c = oldest(s);

        if (c == NULL && log_waiting(s))
            continue;
        if (c == NULL) {
            ol_stream_end(job->rq);
            return false;
        }
        if (c->at_ms >= s->from_ms && c->at_ms <= s->to_ms) {
            if (ol_query_at(c->line, c->author, c->prec, c->index, &s->e) !=
                OL_OK)
                return broken(s);
            ol_json_stream(job->rq, &s->e, OL_SHOW_LOG);
        }
        c->index++;
        if (!look(s, c))
            return broken(s);
    }
    return true;
}

void ol_method_log(struct ol_request *rq)
{
    struct ol_station_line *line;
    uint64_t from_ms = 0, to_ms = UINT64_MAX;
    struct scan *s;

    if (!ol_method_peer(rq, &line) || !ol_method_time(rq, "from", &from_ms) ||
        !ol_method_time(rq, "to", &to_ms))
        return;
    s = scan_new(rq, line, false);
    if (s == NULL)
        return;
    s->from_ms = from_ms;
    s->to_ms = to_ms;
    s->job.step = log_step;
    for (unsigned k = 0; k < s->n; k++) {
        if (look(s, &s->v[k]))
            continue;
        ol_refuse(rq, OL_EXIT_FAILED, "the ledger cannot be read (%s): run "
                  "'openline audit'", rq->st->ledger->why);
        free(s);
        return;
    }
    ol_job_start(&s->job);
}

/* inbox */

/* A later line check is there: who waits for one confirms that. */
static bool old_check(const struct scan *s, const struct cursor *c)
{
    uint64_t n;

    return c->prec == OL_FLASH && c->index < c->line->reflex.newest &&
           s->e.decoded && ol_check_is(&s->e.rec, &n);
}

/* Shows the record; false: the ledger fails. */
static bool inbox_one(struct scan *s, struct cursor *c)
{
    uint32_t *from = &c->line->inbox_from[c->prec];
    struct ol_progress p = {0};
    bool done;

    if (c->ended)
        return true;
    if (ol_query_progress(&s->e, &p) != OL_OK)
        return false;
    /* What nobody has to understand is never in the way. */
    done = s->e.rec.kind == OL_KIND_RECEIPT ||
           s->e.rec.kind == OL_KIND_RETURNED ||
           s->e.rec.kind == OL_KIND_STANCE ||
           old_check(s, c) ||
           p.rung >= OL_RUNG_UNDERSTOOD;
    if (!done || (s->all && s->e.rec.kind != OL_KIND_RECEIPT))
        ol_json_stream(s->job.rq, &s->e, OL_SHOW_HEADERS);
    if (done && (c->index == *from || (*from == 0 && c->index == 1)))
        *from = c->index + 1;
    c->index++;
    return true;
}

static bool inbox_step(struct ol_job *job)
{
    struct scan *s = (struct scan *)job;

    for (unsigned k = 0; k < PAGE; k++) {
        struct cursor *c = &s->v[s->at];

        if (s->at == s->n) {
            ol_stream_end(job->rq);
            return false;
        }
        if (!look(s, c) || !inbox_one(s, c))
            return broken(s);
        if (c->ended)
            s->at++;
    }
    return true;
}

void ol_method_inbox(struct ol_request *rq)
{
    struct ol_station_line *line;
    struct scan *s;

    if (!ol_method_peer(rq, &line))
        return;
    s = scan_new(rq, line, true);
    if (s == NULL)
        return;
    s->all = ol_param_true(rq, "all");
    s->job.step = inbox_step;
    for (unsigned k = 0; k < s->n && !s->all; k++) {
        uint32_t from = s->v[k].line->inbox_from[s->v[k].prec];

        s->v[k].index = from ? from : 1;
    }
    ol_job_start(&s->job);
}
