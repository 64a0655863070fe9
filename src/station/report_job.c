/*
 * report: what a period was like. See report_job.h.
 *
 * Happy path: per line every log is walked over to its head, each message with
 * what was said of it; then what has no number yet, then the facts of
 * blackouts and channels; then the line's document goes out and the next line
 * begins. A page of a few records per turn, so that the line never waits for
 * a report. The room does not grow with the ledger. How it fails: what cannot
 * be read ends the answer half-way, for half a report would look like a
 * whole one.
 */
#include "station/report_job.h"

#include <stdlib.h>
#include <string.h>

#include "station/clock.h"
#include "station/methods.h"

#define PAGE 32u
#define JOBS_MAX 4u /* each holds some megabytes */
#define DAY_MS (UINT64_C(24) * 3600 * 1000)

enum part { LOGS, WAITING, DARK, PATHS, DONE };

struct job {
    struct ol_job job; /* first */
    struct ol_station_line *only;
    unsigned at; /* the line */
    bool begun;
    uint64_t from_ms, to_ms, window_ms;
    struct ol_report_line l;
    enum part part;
    unsigned log;   /* author and precedence */
    uint32_t index; /* of the next record */
    uint64_t next;  /* of waiting rows, or of facts */
    struct ol_entry e;
    struct ol_progress p;
};

static unsigned running;

/* ---- one message -------------------------------------------------------- */

static void earliest(uint64_t *ms, uint64_t at_ms)
{
    if (*ms == 0 || at_ms < *ms)
        *ms = at_ms;
}

static void said(const struct ol_progress *p, struct ol_report_message *m)
{
    for (uint32_t k = 0; k < p->n_marks; k++) {
        const struct ol_row_mark *mark = &p->marks[k];

        switch (mark->rel) {
        case OL_REL_READ:
            earliest(&m->at_ms[OL_REPORT_READ], mark->at_ms);
            break;
        case OL_REL_ANSWERS:
            earliest(&m->at_ms[OL_REPORT_ANSWERED], mark->at_ms);
            break;
        case OL_REL_DECLINES:
            earliest(&m->declined_ms, mark->at_ms);
            break;
        case OL_REL_CANCELS:
        case OL_REL_SUPERSEDES:
            earliest(&m->withdrawn_ms, mark->at_ms);
            break;
        default:
            break;
        }
    }
}

static void describe(const struct ol_entry *e, const struct ol_progress *p,
                     struct ol_report_message *m)
{
    memset(m, 0, sizeof(*m));
    m->theirs = e->row.author == OL_PEER;
    m->actual = e->rec.marking == OL_ACTUAL;
    m->ask = e->rec.kind == OL_KIND_ASK;
    m->prec = e->row.prec;
    m->taken_ms = e->row.at_ms;
    m->deadline_ms = m->ask ? ol_effective_due(e) : 0;
    for (uint32_t k = 0; k < p->n_attempts; k++) {
        earliest(&m->sent_ms, p->attempts[k].at_ms);
        m->attempts += p->attempts[k].count;
    }
    m->at_ms[OL_REPORT_DELIVERED] = p->delivered_ms;
    m->at_ms[OL_REPORT_UNDERSTOOD] = p->understood_ms;
    said(p, m);
}

/* ---- the effective window ----------------------------------------------- */

static int newest_first(const void *a, const void *b)
{
    const struct ol_effective_ask *x = a, *y = b;

    return x->asked_ms < y->asked_ms ? 1 : x->asked_ms > y->asked_ms ? -1 : 0;
}

static int oldest_first(const void *a, const void *b)
{
    return newest_first(b, a);
}

void ol_report_window_trim(struct ol_report_window *w)
{
    if (w->n > 1)
        qsort(w->v, w->n, sizeof(*w->v), newest_first);
    w->n = OL_MIN(w->n, (size_t)OL_EFFECTIVE_MAX);
}

/* As of the period's end. */
static uint64_t by(const struct job *j, uint64_t ms)
{
    return ms < j->to_ms ? ms : 0;
}

static void keep(struct job *j, const struct ol_report_message *m)
{
    struct ol_report_window *w = &j->l.window;
    const struct ol_span *subject = &j->e.rec.subject;
    uint64_t declined_ms = by(j, m->declined_ms);
    struct ol_effective_ask *a;

    if (!m->ask || !m->actual || m->taken_ms < j->window_ms ||
        m->taken_ms >= j->to_ms || by(j, m->withdrawn_ms) != 0)
        return;
    if (w->n == 2 * OL_EFFECTIVE_MAX)
        ol_report_window_trim(w);
    a = &w->v[w->n++];
    memset(a, 0, sizeof(*a));
    a->ours = !m->theirs;
    a->number = j->e.row.number;
    a->asked_ms = m->taken_ms;
    a->deadline_ms = m->deadline_ms;
    a->answered_ms = by(j, m->at_ms[OL_REPORT_ANSWERED]);
    a->understood_ms = by(j, m->at_ms[OL_REPORT_UNDERSTOOD]);
    a->answered = a->answered_ms != 0;
    a->understood = a->understood_ms != 0;
    a->declined = declined_ms != 0;
    if (a->answered)
        earliest(&a->settled_ms, a->answered_ms);
    if (a->understood)
        earliest(&a->settled_ms, a->understood_ms);
    if (a->declined)
        earliest(&a->settled_ms, declined_ms);
    if (subject->n > 0)
        memcpy(a->subject, subject->p,
               OL_MIN(subject->n, (size_t)OL_SUBJECT_MAX));
}

/* ---- walking over a line ------------------------------------------------ */

/* The record in j->e. False: the ledger fails. */
static bool take(struct job *j)
{
    struct ol_report_message m;

    if (!ol_query_readable(&j->e) || j->e.row.at_ms >= j->to_ms ||
        j->e.row.at_ms < OL_MIN(j->from_ms, j->window_ms))
        return true;
    if (ol_query_progress(&j->e, &j->p) != OL_OK)
        return false;
    describe(&j->e, &j->p, &m);
    ol_report_take(&j->l.r, &m);
    keep(j, &m);
    return true;
}

static bool next_record(struct job *j)
{
    enum ol_author author = j->log < OL_PRECS ? OL_OWN : OL_PEER;
    enum ol_err err = ol_query_from(j->l.line, author, j->log % OL_PRECS,
                                    j->index, &j->e);

    if (err == OL_ERR_MISSING) {
        j->index = 1;
        if (++j->log == 2 * OL_PRECS)
            j->part = WAITING;
        return true;
    }
    if (err != OL_OK)
        return false;
    j->index = j->e.row.index + 1;
    return take(j);
}

static bool next_waiting(struct job *j)
{
    enum ol_err err = ol_query_waiting(j->l.line, &j->next, &j->e);

    if (err == OL_ERR_MISSING) {
        j->part = DARK;
        j->next = 0;
        return true;
    }
    return err == OL_OK && take(j);
}

static bool next_facts(struct job *j)
{
    int more = j->part == DARK ? ol_report_dark_page(&j->l, &j->next)
                               : ol_report_path_page(&j->l, &j->next);

    if (more == 0 && j->part == DARK)
        ol_report_path_begin(&j->l, &j->next);
    j->part += more == 0;
    return more >= 0;
}

static struct ol_station_line *line_of(const struct job *j)
{
    struct ol_station *st = j->job.rq->st;

    if (j->only != NULL)
        return j->at == 0 ? j->only : NULL;
    return j->at < st->n_lines ? st->lines[j->at] : NULL;
}

static void forget(struct ol_report_line *l)
{
    json_decref(l->past.rows);
    json_decref(l->past.blackouts);
    ol_dark_entry_clear(&l->past.fold.now);
    memset(&l->past, 0, sizeof(l->past));
}

static void begin(struct job *j, struct ol_station_line *line)
{
    struct ol_report_line *l = &j->l;

    forget(l);
    l->line = line;
    memset(&l->r, 0, sizeof(l->r));
    l->r.from_ms = j->from_ms;
    l->r.to_ms = j->to_ms;
    l->window.n = 0;
    l->past.rows = json_array();
    l->past.blackouts = json_array();
    j->begun = true;
    j->part = line->ledger_id == 0 ? DONE : LOGS;
    j->log = 0;
    j->index = 1;
    j->next = 0;
}

/* A piece of work. False: the ledger fails. */
static bool go_on(struct job *j)
{
    switch (j->part) {
    case LOGS:
        return next_record(j);
    case WAITING:
        return next_waiting(j);
    case DARK:
    case PATHS:
        return next_facts(j);
    case DONE:
        break;
    }
    ol_report_window_trim(&j->l.window);
    if (j->l.window.n > 1) /* as they were asked, for whoever reads them */
        qsort(j->l.window.v, j->l.window.n, sizeof(*j->l.window.v),
              oldest_first);
    ol_stream_item(j->job.rq, ol_report_json(&j->l));
    j->begun = false;
    j->at++;
    return true;
}

static bool step(struct ol_job *job)
{
    struct job *j = (struct job *)job;

    for (unsigned k = 0; k < PAGE; k++) {
        struct ol_station_line *line = line_of(j);
        enum part before = j->part;

        if (line == NULL) {
            ol_stream_end(job->rq);
            return false;
        }
        if (!j->begun)
            begin(j, line);
        if (!go_on(j)) {
            ol_stream_break(job->rq);
            return false;
        }
        if (before >= DARK) /* a page of facts is enough for a turn */
            break;
    }
    return true;
}

static void drop(struct ol_job *job)
{
    struct job *j = (struct job *)job;

    forget(&j->l);
    free(j->l.window.v);
    free(j);
    running--;
}

/* ---- the question ------------------------------------------------------- */

static bool period(struct ol_request *rq, struct job *j)
{
    uint64_t now_ms = ol_clock_wall_ms();

    j->l.now_ms = now_ms;
    j->to_ms = now_ms;
    if (!ol_method_time(rq, "to", &j->to_ms))
        return false;
    j->l.to_now = j->to_ms >= now_ms;
    j->to_ms = OL_MIN(j->to_ms, now_ms);
    j->from_ms = j->to_ms - OL_MIN(j->to_ms, DAY_MS);
    if (!ol_method_time(rq, "from", &j->from_ms))
        return false;
    if (j->from_ms >= j->to_ms) {
        ol_refuse(rq, OL_EXIT_USAGE, "the period ends before it begins, or "
                  "lies ahead: give a time that has been as from, and a "
                  "later one as to");
        return false;
    }
    j->window_ms = j->to_ms - OL_MIN(j->to_ms, OL_EFFECTIVE_DAYS * DAY_MS);
    return true;
}

void ol_method_report(struct ol_request *rq)
{
    struct ol_station_line *line;
    struct job *j;

    if (!ol_method_peer(rq, &line))
        return;
    if (running == JOBS_MAX) {
        ol_refuse(rq, OL_EXIT_FAILED, "busy: %u reports are being made: ask "
                  "again when one of them is done", JOBS_MAX);
        return;
    }
    j = calloc(1, sizeof(*j));
    if (j == NULL ||
        (j->l.window.v = calloc(2 * (size_t)OL_EFFECTIVE_MAX,
                                sizeof(*j->l.window.v))) == NULL) {
        free(j);
        ol_refuse(rq, OL_EXIT_FAILED, "no memory: ask again");
        return;
    }
    j->job = (struct ol_job){.rq = rq, .step = step, .drop = drop};
    j->only = line;
    running++;
    if (period(rq, j))
        ol_job_start(&j->job);
    else
        drop(&j->job);
}
