/*
 * The asks of a line's window. See effective_load.h.
 *
 * Happy path: the numbers of the asks by kind, newest last; each is then asked
 * for with what was said of it, and again when something more is said. How it
 * fails: what cannot be read is not judged, and the status says unknown with
 * that reason.
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

static uint64_t on_ours(const struct ol_station_line *line,
                        enum ol_author author, uint64_t at)
{
    uint64_t ours = ol_asks_wall_ms(line, OL_OWN);
    uint64_t theirs = ol_asks_wall_ms(line, author);

    if (at == 0 || theirs <= ours)
        return at == 0 ? 0 : at + (ours - theirs);
    return at > theirs - ours ? at - (theirs - ours) : 1;
}

uint64_t ol_effective_due(const struct ol_entry *e)
{
    return on_ours(e->line, (enum ol_author)e->row.author,
                   e->rec.deadline_ms);
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
    a->by_ms = e->rec.deadline_ms;
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

/* What there is under a number. */
enum seen {
    NONE,   /* no ask that counts */
    COUNTS, /* one that does */
    BEHIND, /* the peer's, and what precedes it is not here yet */
    UNREAD  /* it cannot be told */
};

static enum seen one(struct ol_station_line *line, enum ol_author author,
                     uint64_t number, struct ol_effective_ask *out)
{
    static struct ol_entry e; /* large; one thread */
    static struct ol_progress p;
    enum ol_err err = ol_query_number(line, author, number, &e);

    if (err == OL_ERR_MISSING)
        return e.row.index != 0 ? BEHIND : NONE;
    if (err != OL_OK)
        return UNREAD;
    if (!e.decoded || e.rec.kind != OL_KIND_ASK)
        return NONE;
    if (ol_query_progress(&e, &p) != OL_OK)
        return UNREAD;
    return judge(&e, &p, out) ? COUNTS : NONE;
}

/* Where it is in the list of those that are touched, or its end. */
static struct ol_touched *in_touched(struct ol_effective_asks *e,
                                     uint8_t author, uint64_t number)
{
    struct ol_touched *t = e->touched;

    while (t < e->touched + e->n_touched &&
           (t->author != author || t->number != number))
        t++;
    return t;
}

/* It is read again until what is handed in next is on disk. */
static void touch(struct ol_station_line *line, uint8_t author,
                  uint64_t number)
{
    struct ol_effective_asks *e = &line->effective;
    struct ol_touched *t = in_touched(e, author, number);

    if (t == e->touched + OL_EFFECTIVE_TOUCHED) {
        e->all_serial = line->handed + 1;
        return;
    }
    e->n_touched += t == e->touched + e->n_touched;
    *t = (struct ol_touched){author, number, line->handed + 1};
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
    for (size_t k = 0; k < count; k++) {
        uint64_t number = f->v[(first + k) % OL_EFFECTIVE_MAX];
        enum seen seen = one(line, author, number, &(*v)[*n]);

        if (seen == UNREAD)
            return false;
        if (seen == BEHIND)
            touch(line, (uint8_t)author, number);
        *n += seen == COUNTS;
    }
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

/* ---- what is touched meanwhile ------------------------------------------ */

/* Where it stands, or would: ours first, each side by its numbers. */
static size_t place_of(const struct ol_effective_asks *e, uint8_t author,
                       uint64_t number, bool *there)
{
    bool ours = author == OL_OWN;
    size_t lo = 0, hi = e->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const struct ol_effective_ask *a = &e->v[mid];

        if (a->ours == ours ? a->number < number : a->ours)
            lo = mid + 1;
        else
            hi = mid;
    }
    *there = lo < e->n && e->v[lo].ours == ours && e->v[lo].number == number;
    return lo;
}

/* Can this be an ask of the window. While all are to be read again, more are
 * in it than are known here. */
static bool may_be_ask(struct ol_effective_asks *e, const struct ol_put *put)
{
    bool there;

    (void)place_of(e, put->author, put->number, &there);
    return there || e->all_serial != 0 ||
           in_touched(e, put->author, put->number) <
               e->touched + e->n_touched;
}

void ol_effective_put(struct ol_station_line *line, const struct ol_put *put)
{
    struct ol_effective_asks *e = &line->effective;

    if (!e->read)
        return;
    if (put->kind == OL_PUT_ASIDE)
        e->all_serial = line->handed + 1;
    else if ((put->kind == OL_PUT_MARK && may_be_ask(e, put)) ||
             (put->kind == OL_PUT_RECORD && put->rec_kind == OL_KIND_ASK))
        touch(line, put->author, put->number);
}

static void remove_at(struct ol_effective_asks *e, size_t at)
{
    memmove(&e->v[at], &e->v[at + 1], (--e->n - at) * sizeof(*e->v));
}

/* A side that has too many loses its oldest. */
static void trim(struct ol_effective_asks *e, bool ours)
{
    size_t first = 0, count = 0;

    for (size_t k = e->n; k-- > 0;)
        if (e->v[k].ours == ours) {
            first = k;
            count++;
        }
    if (count > OL_EFFECTIVE_MAX)
        remove_at(e, first);
}

/* False: no memory. */
static bool insert_at(struct ol_effective_asks *e, size_t at,
                      const struct ol_effective_ask *a)
{
    void *more = realloc(e->v, (e->n + 1) * sizeof(*e->v));

    if (more == NULL)
        return false;
    e->v = more;
    memmove(&e->v[at + 1], &e->v[at], (e->n++ - at) * sizeof(*e->v));
    e->v[at] = *a;
    trim(e, a->ours);
    return true;
}

/* One that was touched, as the ledger has it now. What stands behind a gap
 * stays touched: nothing else tells when the gap closes. False: no memory, or
 * it cannot be read. */
static bool renew(struct ol_station_line *line, struct ol_touched *t)
{
    struct ol_effective_asks *e = &line->effective;
    struct ol_effective_ask a;
    enum seen seen = one(line, (enum ol_author)t->author, t->number, &a);
    bool there;
    size_t at = place_of(e, t->author, t->number, &there);

    if (seen == UNREAD)
        return false;
    if (seen == BEHIND)
        t->serial = line->handed + 1;
    if (seen == COUNTS && !there)
        return insert_at(e, at, &a);
    if (seen == COUNTS)
        e->v[at] = a;
    else if (there)
        remove_at(e, at);
    return true;
}

/* Forgets what is on disk by now, for it has been read. */
static void settle(struct ol_station_line *line)
{
    struct ol_effective_asks *e = &line->effective;
    uint64_t done = line->handed - line->outstanding;
    unsigned n = 0;

    for (unsigned k = 0; k < e->n_touched; k++)
        if (e->touched[k].serial > done)
            e->touched[n++] = e->touched[k];
    e->n_touched = n;
    if (e->all_serial <= done)
        e->all_serial = 0;
}

static bool renew_all(struct ol_station_line *line)
{
    struct ol_effective_asks *e = &line->effective;

    for (unsigned k = 0; k < e->n_touched; k++)
        if (!renew(line, &e->touched[k]))
            return false;
    for (size_t k = 0; k < e->n; k++) /* their clock may be known better */
        e->v[k].deadline_ms = on_ours(line, e->v[k].ours ? OL_OWN : OL_PEER,
                                      e->v[k].by_ms);
    settle(line);
    return true;
}

bool ol_effective_read(struct ol_station_line *line)
{
    struct ol_effective_asks *e = &line->effective;
    uint64_t now_ms = ol_clock_wall_ms();

    if (e->read && e->all_serial == 0 && now_ms >= e->read_ms &&
        now_ms - e->read_ms < AGAIN_MS && renew_all(line))
        return true;
    if (now_ms < e->read_ms) /* the clock went back, and the window with it */
        memset(e->before, 0, sizeof(e->before));
    if (!e->read) /* what was put meanwhile was not remembered */
        e->all_serial = line->handed;
    free(e->v);
    e->read = ol_effective_gather(line, window_ms(now_ms), UINT64_MAX, &e->v,
                                  &e->n, e->before);
    e->read_ms = now_ms;
    settle(line);
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
