/*
 * A period's darkness and channels, from what the station noted.
 *
 * Happy path: facts of blackouts fold into entries, each of which adds what of
 * it lies in the period; rows of minutes and hours add to a sum and to the
 * timeline's row under way. A row counts in the period in which it begins, so
 * what is told of a period is exact to its step: a minute where the period is
 * short and of today, else an hour. How it fails: a ledger that cannot be
 * read ends the report; a row that is none is time that nobody measured.
 */
#include "station/report_job.h"

#include <string.h>

#include "base/units.h"
#include "station/json_set.h"

#define PAGE 64u
#define MINUTE_MS UINT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

struct page {
    struct ol_report_line *l;
    uint64_t *next_ms;
    unsigned n;
};

/* ---- blackouts ---------------------------------------------------------- */

static void dark_entry(struct ol_report_line *l, struct ol_dark_entry *e)
{
    struct ol_report_past *p = &l->past;
    const struct ol_report *r = &l->r;
    uint64_t since_ms = e->since_ms;
    uint64_t begin_ms = since_ms ? since_ms : e->detected_ms;
    uint64_t end_ms = e->over ? OL_MAX(e->end_ms, e->detected_ms)
                              : UINT64_MAX;

    e->since_ms = begin_ms; /* at the latest then */
    ol_dark_total_add(&p->total, e, r->from_ms, r->to_ms, l->now_ms);
    e->since_ms = since_ms;
    if (begin_ms < r->to_ms && end_ms > r->from_ms) {
        if (e->dark && end_ms >= r->to_ms)
            p->dark_ms = begin_ms;
        json_array_append_new(p->blackouts,
                              ol_dark_entry_json(e, l->line->conf.peer,
                                                 l->now_ms));
        if (json_array_size(p->blackouts) > OL_REPORT_BLACKOUTS) {
            json_array_remove(p->blackouts, 0);
            p->left_out++;
        }
    }
    ol_dark_entry_clear(e);
}

static bool dark_fact(void *arg, const struct ol_row_fact *fact,
                      const json_t *doc)
{
    struct page *p = arg;
    struct ol_dark_entry e;

    *p->next_ms = fact->at_ms + 1;
    p->n++;
    if (ol_dark_fold(&p->l->past.fold, doc, &e))
        dark_entry(p->l, &e);
    return true;
}

int ol_report_dark_page(struct ol_report_line *l, uint64_t *next_ms)
{
    const struct ol_facts_of of = {.from_ms = *next_ms, .to_ms = UINT64_MAX,
                                   .max = PAGE};
    struct page p = {.l = l, .next_ms = next_ms};
    struct ol_dark_entry e;

    if (ol_fact_read(l->line->st, l->line, OL_FACT_DARK, &of, dark_fact,
                     &p) != OL_OK)
        return -1;
    if (p.n == PAGE)
        return 1;
    if (ol_dark_fold_end(&l->past.fold, &e))
        dark_entry(l, &e);
    return 0;
}

/* ---- channels ----------------------------------------------------------- */

/* The states of one channel in one row, by their names. */
static json_t *states(const struct ol_quality *q)
{
    json_t *doc = json_object();

    for (unsigned s = 0; s < OL_CHAN_STATES; s++)
        if (q->state_ms[s] > 0)
            set(&doc, ol_chan_state_name(s),
                json_integer((json_int_t)q->state_ms[s]));
    return doc;
}

static void flush(struct ol_report_past *p)
{
    json_t *doc = json_object(), *channels = json_object();
    char at[OL_TIME_TEXT];

    ol_text_time(at, p->row.at_ms);
    for (unsigned k = 0; k < p->row.n; k++)
        set(&channels, p->row.ch[k].name, states(&p->row.ch[k]));
    set(&doc, "at", json_string(at));
    set(&doc, "measured_ms", json_integer((json_int_t)p->row.ms));
    set(&doc, "availability",
        ol_quality_share_json(ol_quality_line_share(&p->row)));
    set(&doc, "channels", channels);
    if (p->row.ms > 0)
        json_array_append_new(p->rows, doc);
    else
        json_decref(doc);
    memset(&p->row, 0, sizeof(p->row));
}

static bool path_fact(void *arg, const struct ol_row_fact *fact,
                      const json_t *doc)
{
    struct page *g = arg;
    struct ol_report_past *p = &g->l->past;
    uint64_t at_ms = fact->at_ms - fact->at_ms % p->step_ms;

    *g->next_ms = fact->at_ms + 1;
    g->n++;
    if (!ol_quality_unpack(doc, &p->one))
        return true;
    if (p->row.ms > 0 && p->row.at_ms != at_ms)
        flush(p);
    p->pouch = p->one.line_ms[OL_LINE_POUCH_ONLY] >
               p->one.line_ms[OL_LINE_DARK];
    p->one.at_ms = at_ms;
    ol_quality_fold(&p->row, &p->one);
    ol_quality_fold(&p->sum, &p->one);
    return true;
}

void ol_report_path_begin(struct ol_report_line *l, uint64_t *next_ms)
{
    struct ol_report_past *p = &l->past;
    uint64_t ms = l->r.to_ms - l->r.from_ms;
    uint64_t base_ms = HOUR_MS;

    /* Minutes are kept for a day. */
    if (ms <= 2 * HOUR_MS && l->now_ms - l->r.from_ms < DAY_MS)
        base_ms = MINUTE_MS;
    p->minutes = base_ms == MINUTE_MS;
    p->step_ms = base_ms * ((ms / base_ms + OL_REPORT_ROWS - 1) /
                            OL_REPORT_ROWS);
    p->step_ms = OL_MAX(p->step_ms, base_ms);
    *next_ms = l->r.from_ms - l->r.from_ms % base_ms;
}

int ol_report_path_page(struct ol_report_line *l, uint64_t *next_ms)
{
    struct ol_report_past *p = &l->past;
    const struct ol_facts_of of = {.from_ms = *next_ms,
                                   .to_ms = l->r.to_ms - 1, .max = PAGE};
    struct page g = {.l = l, .next_ms = next_ms};

    if (ol_fact_read(l->line->st, l->line,
                     p->minutes ? OL_FACT_PATH_MINUTE : OL_FACT_PATH_HOUR,
                     &of, path_fact, &g) != OL_OK)
        return -1;
    if (g.n == PAGE)
        return 1;
    if (!p->minutes) { /* what is not folded yet follows in minutes */
        p->minutes = true;
        if (p->sum.ms > 0)
            *next_ms = *next_ms - 1 + HOUR_MS;
        return 1;
    }
    flush(p);
    return 0;
}
