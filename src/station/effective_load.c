/*
 * The asks of a line's window. See effective_load.h.
 *
 * Happy path: the numbers of the asks by kind, newest last; each is then asked
 * for with what was said of it. How it fails: what cannot be read is not
 * judged, and the status says unknown with that reason.
 */
#include "station/effective_load.h"

#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "station/asks.h"
#include "station/clock.h"
#include "station/json.h"
#include "station/json_set.h"
#include "station/json_values.h"
#include "station/progress.h"

#define DAY_MS (UINT64_C(24) * 3600 * 1000)
#define AGAIN_MS UINT64_C(600000) /* the window moves */
#define SUBJECTS_MAX 16u

/* Numbers of asks, a ring of the newest. */
struct found {
    uint64_t from_ms, to_ms;
    uint64_t before; /* the last number that is too old */
    uint64_t v[OL_EFFECTIVE_MAX];
    size_t n;
};

static bool find(void *arg, const struct ol_row *row)
{
    struct found *f = arg;

    if (row->at_ms < f->from_ms && f->n == 0)
        f->before = row->number;
    if (row->at_ms >= f->from_ms && row->at_ms < f->to_ms)
        f->v[f->n++ % OL_EFFECTIVE_MAX] = row->number;
    return true;
}

static void earliest(uint64_t *ms, uint64_t at_ms)
{
    if (*ms == 0 || at_ms < *ms)
        *ms = at_ms;
}

uint64_t ol_effective_due(const struct ol_entry *e)
{
    uint64_t ours = ol_asks_wall_ms(e->line, OL_OWN);
    uint64_t theirs = ol_asks_wall_ms(e->line, (enum ol_author)e->row.author);
    uint64_t at = e->rec.deadline_ms;

    if (at == 0 || theirs <= ours)
        return at == 0 ? 0 : at + (ours - theirs);
    return at > theirs - ours ? at - (theirs - ours) : 1;
}

/* What was said of it. False: it does not count. */
static bool judge(const struct ol_entry *e, const struct ol_progress *p,
                  struct ol_effective_ask *a)
{
    uint64_t declined_ms = 0;

    memset(a, 0, sizeof(*a));
    a->ours = e->row.author == OL_OWN;
    a->number = e->row.number;
    a->asked_ms = e->row.at_ms;
    a->deadline_ms = ol_effective_due(e);
    if (e->rec.subject.n > 0)
        memcpy(a->subject, e->rec.subject.p, e->rec.subject.n);
    if (e->rec.marking != OL_ACTUAL)
        return false;
    for (uint32_t k = 0; k < p->n_marks; k++) {
        const struct ol_row_mark *m = &p->marks[k];

        if (m->rel == OL_REL_CANCELS || m->rel == OL_REL_SUPERSEDES)
            return false;
        if (m->rel == OL_REL_ANSWERS)
            earliest(&a->answered_ms, m->at_ms);
        if (m->rel == OL_REL_DECLINES)
            earliest(&declined_ms, m->at_ms);
    }
    a->understood_ms = p->understood_ms;
    a->answered = a->answered_ms != 0;
    a->declined = declined_ms != 0;
    a->understood = a->understood_ms != 0;
    if (a->answered)
        earliest(&a->settled_ms, a->answered_ms);
    if (a->declined)
        earliest(&a->settled_ms, declined_ms);
    if (a->understood)
        earliest(&a->settled_ms, a->understood_ms);
    return true;
}

static bool one(struct ol_station_line *line, enum ol_author author,
                uint64_t number, struct ol_effective_ask *out)
{
    static struct ol_entry e; /* large; one thread */
    static struct ol_progress p;

    return ol_query_number(line, author, number, &e) == OL_OK && e.decoded &&
           e.rec.kind == OL_KIND_ASK && ol_query_progress(&e, &p) == OL_OK &&
           judge(&e, &p, out);
}

static bool of_author(struct ol_station_line *line, enum ol_author author,
                      struct found *f, struct ol_effective_ask **v,
                      size_t *n)
{
    struct ol_ledger *lg = line->st->ledger;
    size_t first, count;
    void *more;

    if (lg->ops->by_kind(lg, line->ledger_id, (uint8_t)author, OL_KIND_ASK,
                         f->before, find, f) != OL_OK)
        return false;
    count = OL_MIN(f->n, (size_t)OL_EFFECTIVE_MAX);
    first = f->n > count ? f->n % OL_EFFECTIVE_MAX : 0;
    if (f->n > count) /* what was dropped is not looked at again */
        f->before = f->v[first] - 1;
    more = realloc(*v, (*n + count + 1) * sizeof(**v));
    if (more == NULL)
        return false;
    *v = more;
    for (size_t k = 0; k < count; k++)
        *n += one(line, author, f->v[(first + k) % OL_EFFECTIVE_MAX],
                  &(*v)[*n]);
    return true;
}

bool ol_effective_gather(struct ol_station_line *line, uint64_t from_ms,
                         uint64_t to_ms, struct ol_effective_ask **v,
                         size_t *n, uint64_t before[2])
{
    static struct found f;
    bool done = true;

    *v = NULL;
    *n = 0;
    for (unsigned a = 0; a < 2 && done && line->ledger_id != 0; a++) {
        f.from_ms = from_ms;
        f.to_ms = to_ms;
        f.before = before ? before[a] : 0;
        f.n = 0;
        done = of_author(line, (enum ol_author)a, &f, v, n);
        if (before != NULL)
            before[a] = f.before;
    }
    if (!done) {
        free(*v);
        *v = NULL;
        *n = 0;
    }
    return done;
}

static uint64_t window_ms(uint64_t now_ms)
{
    return now_ms - OL_MIN(now_ms, OL_EFFECTIVE_DAYS * DAY_MS);
}

uint64_t ol_effective_from(const struct ol_station_line *line,
                           enum ol_author author)
{
    const struct ol_effective_asks *e = &line->effective;

    return e->read || e->passed[author] ? 0 : window_ms(ol_clock_wall_ms());
}

void ol_effective_passed(struct ol_station_line *line, enum ol_author author,
                         uint64_t before, bool end)
{
    struct ol_effective_asks *e = &line->effective;

    if (e->read || e->passed[author])
        return;
    e->before[author] = OL_MAX(e->before[author], before);
    e->passed[author] = end;
    e->read_ms = ol_clock_wall_ms();
}

bool ol_effective_read(struct ol_station_line *line)
{
    struct ol_effective_asks *e = &line->effective;
    struct ol_ledger *lg = line->st->ledger;
    uint64_t now_ms = ol_clock_wall_ms(), seq = 0;
    uint64_t from_ms = window_ms(now_ms);

    if (lg->ops->last_seq(lg, &seq) != OL_OK)
        return false;
    if (e->read && e->seq == seq && now_ms >= e->read_ms &&
        now_ms - e->read_ms < AGAIN_MS)
        return true;
    if (now_ms < e->read_ms) /* the clock went back, and the window with it */
        memset(e->before, 0, sizeof(e->before));
    free(e->v);
    e->read = ol_effective_gather(line, from_ms, UINT64_MAX, &e->v, &e->n,
                                  e->before);
    e->seq = seq;
    e->read_ms = now_ms;
    return e->read;
}

void ol_effective_free(struct ol_station_line *line)
{
    free(line->effective.v);
    memset(&line->effective, 0, sizeof(line->effective));
}

/* ---- documents ---------------------------------------------------------- */

static json_t *judged(const struct ol_effective_asks *asks,
                      const char *subject, uint64_t dark_ms, uint64_t now_ms)
{
    struct ol_effective e;
    char why[160];
    json_t *doc = json_object();

    ol_effective_judge(asks->v, asks->n, subject, dark_ms, now_ms, &e);
    ol_effective_why_text(&e, now_ms, why, sizeof(why));
    if (subject != NULL)
        set(&doc, "subject", json_string(subject));
    set(&doc, "state", json_string(ol_effective_word(e.state)));
    set(&doc, "since", time_of(e.since_ms));
    set(&doc, "why", json_string(why));
    set(&doc, "asked", json_integer(e.asked));
    set(&doc, "answered", json_integer(e.answered));
    set(&doc, "declined", json_integer(e.declined));
    set(&doc, "open", json_integer(e.open));
    set(&doc, "overdue", json_integer(e.overdue));
    set(&doc, "last_understood", time_of(e.last_understood_ms));
    set(&doc, "last_answered", time_of(e.last_answered_ms));
    return doc;
}

/* The newest SUBJECTS_MAX subjects that something was asked about. */
static size_t subjects(const struct ol_effective_asks *asks,
                       const char *out[SUBJECTS_MAX])
{
    size_t n = 0;

    for (size_t k = asks->n; k > 0 && n < SUBJECTS_MAX; k--) {
        const char *s = asks->v[k - 1].subject;
        bool known = *s == '\0';

        for (size_t i = 0; i < n; i++)
            known |= strcmp(out[i], s) == 0;
        if (!known)
            out[n++] = s;
    }
    return n;
}

static json_t *not_known(const char *why)
{
    return json_pack("{s:s,s:n,s:s,s:n,s:n,s:n,s:n,s:n,s:n,s:n,s:[]}", "state",
                     "unknown", "since", "why", why, "asked", "answered",
                     "declined", "open", "overdue", "last_understood",
                     "last_answered", "subjects");
}

json_t *ol_json_effective_of(const struct ol_effective_asks *asks,
                             uint64_t dark_ms, uint64_t now_ms)
{
    const char *about[SUBJECTS_MAX];
    json_t *doc = judged(asks, NULL, dark_ms, now_ms), *list = json_array();
    size_t n = subjects(asks, about);

    for (size_t k = 0; k < n; k++)
        json_array_append_new(list,
                              judged(asks, about[k], dark_ms, now_ms));
    set(&doc, "subjects", list);
    return doc;
}

bool ol_effective_told(const struct ol_station_line *line)
{
    return line->core == NULL || ol_asks_settled(line);
}

json_t *ol_json_effective(struct ol_station_line *line, uint64_t dark_ms)
{
    if (!ol_effective_told(line))
        return not_known("what was asked is not known yet: it is read, or "
                         "comes back after a restore");
    if (!ol_effective_read(line))
        return not_known("the ledger cannot be read now");
    return ol_json_effective_of(&line->effective, dark_ms,
                                ol_clock_wall_ms());
}

/* The subject that all of them are about; NULL: there is none. */
static const char *the_subject(const struct ol_effective_asks *asks)
{
    for (size_t k = 1; k < asks->n; k++)
        if (strcmp(asks->v[k].subject, asks->v[0].subject) != 0)
            return NULL;
    return asks->n > 0 ? asks->v[0].subject : NULL;
}

json_t *ol_json_sentence_of(const struct ol_effective_asks *asks,
                            const struct ol_effective_line *how,
                            uint64_t now_ms)
{
    struct ol_effective e;
    char text[OL_SUBJECT_MAX + 320];

    /* Where a courier comes, asks can be answered. */
    ol_effective_judge(asks->v, asks->n, NULL,
                       how->pouch ? 0 : how->dark_ms, now_ms, &e);
    ol_effective_sentence(how, &e, the_subject(asks), now_ms, text,
                          sizeof(text));
    ol_text_mend(text);
    return json_string(text);
}

json_t *ol_json_sentence(struct ol_station_line *line,
                         const struct ol_effective_line *how)
{
    if (!ol_effective_told(line) || !ol_effective_read(line))
        return json_string("What was asked cannot be told now; whether "
                           "effective communication is occurring is not "
                           "known.");
    return ol_json_sentence_of(&line->effective, how, ol_clock_wall_ms());
}
