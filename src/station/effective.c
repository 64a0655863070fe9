/*
 * Is effective communication occurring. See effective.h.
 *
 * Happy path: each ask is at most two moments, that at which it becomes
 * overdue and that at which it is settled; walked over in their order they
 * give the state at each moment, and the last change of it. How it fails: it
 * does not; more asks than the window holds are left out by the caller.
 */
#include "station/effective.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "station/text.h"

#define DAY_MS (UINT64_C(24) * 3600 * 1000)

/* ---- judging ------------------------------------------------------------ */

struct moment {
    uint64_t at_ms;
    bool settles;
    const struct ol_effective_ask *ask;
};

static bool late(const struct ol_effective_ask *a)
{
    return a->deadline_ms != 0 && a->settled_ms > a->deadline_ms;
}

/* Of two at once the settling one is first: in time is in time. */
static int in_order(const void *a, const void *b)
{
    const struct moment *x = a, *y = b;

    if (x->at_ms != y->at_ms)
        return x->at_ms < y->at_ms ? -1 : 1;
    if (x->settles != y->settles)
        return x->settles ? -1 : 1;
    return x->ask->number < y->ask->number ? -1
                                           : x->ask->number > y->ask->number;
}

static void count(const struct ol_effective_ask *a, uint64_t now_ms,
                  struct ol_effective *e)
{
    e->asked++;
    e->answered += a->answered;
    e->declined += a->declined && !a->answered;
    e->open += a->settled_ms == 0;
    e->overdue += a->settled_ms == 0 && a->deadline_ms != 0 &&
                  a->deadline_ms < now_ms;
    e->last_understood_ms = OL_MAX(e->last_understood_ms, a->understood_ms);
    e->last_answered_ms = OL_MAX(e->last_answered_ms, a->answered_ms);
}

static size_t moments_of(const struct ol_effective_ask *a, uint64_t now_ms,
                         struct moment *out)
{
    bool due = a->deadline_ms != 0 && a->deadline_ms < now_ms &&
               (a->settled_ms == 0 || late(a));
    size_t n = 0;

    if (due)
        out[n++] = (struct moment){a->deadline_ms, false, a};
    if (a->settled_ms != 0)
        out[n++] = (struct moment){a->settled_ms, true, a};
    return n;
}

/* The state between two moments. */
struct walk {
    unsigned overdue;
    const struct ol_effective_ask *first;   /* overdue now, the first of them */
    const struct ol_effective_ask *settled; /* the last */
};

static enum ol_effective_state state_of(const struct walk *w)
{
    if (w->overdue > 0)
        return OL_EFFECTIVE_NO;
    if (w->settled == NULL)
        return OL_EFFECTIVE_UNKNOWN;
    return late(w->settled) ? OL_EFFECTIVE_NO : OL_EFFECTIVE_YES;
}

static void step(struct walk *w, const struct moment *m)
{
    if (!m->settles) {
        if (w->overdue++ == 0)
            w->first = m->ask;
        return;
    }
    if (late(m->ask)) {
        w->overdue--;
        w->first = w->overdue == 0 ? NULL : w->first;
    }
    w->settled = m->ask;
}

static void conclude(const struct walk *w, struct ol_effective *e)
{
    e->state = state_of(w);
    if (w->overdue > 0) {
        e->why = OL_WHY_OVERDUE;
        e->about = w->first;
    } else if (w->settled != NULL) {
        e->why = late(w->settled) ? OL_WHY_LATE : OL_WHY_IN_TIME;
        e->about = w->settled;
    } else {
        e->why = e->asked > 0 ? OL_WHY_WAITING : OL_WHY_NOTHING;
    }
}

static void walk_over(struct moment *v, size_t n, struct ol_effective *e)
{
    struct walk w = {0};

    qsort(v, n, sizeof(*v), in_order);
    for (size_t k = 0; k < n; k++) {
        enum ol_effective_state before = state_of(&w);

        step(&w, &v[k]);
        if (state_of(&w) != before)
            e->since_ms = v[k].at_ms;
    }
    conclude(&w, e);
}

void ol_effective_judge(const struct ol_effective_ask *asks, size_t n,
                        const char *subject, uint64_t dark_ms,
                        uint64_t now_ms, struct ol_effective *out)
{
    static struct moment v[4 * OL_EFFECTIVE_MAX]; /* two each, both sides */
    size_t n_v = 0;

    memset(out, 0, sizeof(*out));
    n = OL_MIN(n, (size_t)2 * OL_EFFECTIVE_MAX);
    for (size_t k = 0; k < n; k++) {
        if (subject != NULL && strcmp(subject, asks[k].subject) != 0)
            continue;
        count(&asks[k], now_ms, out);
        n_v += moments_of(&asks[k], now_ms, &v[n_v]);
    }
    for (size_t k = 0; k < n; k++) {
        const struct ol_effective_ask *a = &asks[k];

        if ((subject != NULL && strcmp(subject, a->subject) != 0) ||
            a->answered || a->asked_ms <= out->last_answered_ms)
            continue;
        if (out->first_unanswered_ms == 0 ||
            a->asked_ms < out->first_unanswered_ms)
            out->first_unanswered_ms = a->asked_ms;
    }
    walk_over(v, n_v, out);
    if (dark_ms == 0 || out->state == OL_EFFECTIVE_NO)
        return;
    out->state = OL_EFFECTIVE_NO;
    out->why = OL_WHY_DARK;
    out->since_ms = OL_MAX(dark_ms, out->since_ms);
    out->about = NULL;
}

/* ---- words -------------------------------------------------------------- */

const char *ol_effective_word(enum ol_effective_state s)
{
    return s == OL_EFFECTIVE_YES ? "yes"
           : s == OL_EFFECTIVE_NO ? "no" : "unknown";
}

/* For the ear: the hour of what was within a day, else the day. */
static const char *when(uint64_t ms, uint64_t now_ms, char out[32])
{
    static const char month[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char text[OL_TIME_TEXT];
    unsigned m;

    ol_text_time(text, ms); /* 2026-11-23T10:00:00.000Z */
    m = (unsigned)strtoul(text + 5, NULL, 10);
    if (now_ms < ms + DAY_MS && ms < now_ms + DAY_MS)
        snprintf(out, 32, "%.5sZ", text + 11);
    else if (now_ms < ms + 300 * DAY_MS)
        snprintf(out, 32, "%lu %s", strtoul(text + 8, NULL, 10),
                 month[(m + 11) % 12]);
    else
        snprintf(out, 32, "%lu %s %.4s", strtoul(text + 8, NULL, 10),
                 month[(m + 11) % 12], text);
    return out;
}

/* "three"; what is more than twelve in digits. */
static const char *number(unsigned n, bool first, char out[16])
{
    static const char *const word[] = {
        "no",  "one",   "two",   "three", "four", "five",  "six",
        "seven", "eight", "nine", "ten",   "eleven", "twelve"};

    if (n < OL_LEN(word))
        snprintf(out, 16, "%s", word[n]);
    else
        snprintf(out, 16, "%u", n);
    if (first && out[0] >= 'a')
        out[0] = (char)(out[0] - 'a' + 'A');
    return out;
}

void ol_effective_why_text(const struct ol_effective *e, uint64_t now_ms,
                           char *out, size_t room)
{
    const struct ol_effective_ask *a = e->about;
    char t[32], u[32];

    switch (e->why) {
    case OL_WHY_NOTHING:
        snprintf(out, room, "nothing was asked in %u days",
                 OL_EFFECTIVE_DAYS);
        return;
    case OL_WHY_WAITING:
        snprintf(out, room, "%u asked, none due yet and none settled",
                 e->asked);
        return;
    case OL_WHY_DARK:
        snprintf(out, room, "the line is dark");
        return;
    case OL_WHY_OVERDUE:
        snprintf(out, room, "%u overdue; ask %llu of %s was due by %s",
                 e->overdue, (unsigned long long)a->number,
                 a->ours ? "ours" : "theirs", when(a->deadline_ms, now_ms, t));
        return;
    case OL_WHY_IN_TIME:
    case OL_WHY_LATE:
        break;
    }
    snprintf(out, room, "ask %llu of %s was %s at %s%s%s",
             (unsigned long long)a->number, a->ours ? "ours" : "theirs",
             a->answered   ? "answered"
             : a->declined ? "declined"
                           : "understood", when(a->settled_ms, now_ms, t),
             e->why == OL_WHY_LATE ? ", due by " : ", in time",
             e->why == OL_WHY_LATE ? when(a->deadline_ms, now_ms, u) : "");
}

/* Adds to a text; what does not fit is left out. */
struct text {
    char *p;
    size_t room;
};

__attribute__((format(printf, 2, 3)))
static void add(struct text *t, const char *format, ...)
{
    va_list more;
    int n;

    va_start(more, format);
    n = vsnprintf(t->p, t->room, format, more);
    va_end(more);
    if (n <= 0)
        return;
    n = (int)OL_MIN((size_t)n, t->room - 1);
    t->p += n;
    t->room -= (size_t)n;
}

static void channels(struct text *t, const struct ol_effective_line *l,
                     uint64_t now_ms)
{
    char n[16], at[32], day[32];

    if (l->past)
        add(t, "As of %s on %s%s", when(now_ms, now_ms, at),
            when(now_ms, now_ms + 2 * DAY_MS, day),
            l->dark_ms != 0 ? ", the line dark" : "");
    else if (l->up > 0)
        add(t, "%s channel%s open%s", number(l->up, true, n),
            l->up == 1 ? "" : "s",
            l->closed_by_us     ? ", the line closed by us"
            : l->closed_by_them ? ", the line closed by them"
                                : "");
    else
        add(t, "No channel open");
    if (l->up == 0 && l->dark_ms != 0)
        add(t, " since %s", when(l->dark_ms, now_ms, at));
    if (!l->past && l->up == 0 && l->pouch)
        add(t, ", by courier only");
}

static void asks(struct text *t, const struct ol_effective *e,
                 const char *subject, uint64_t now_ms)
{
    char n[16], at[32];

    add(t, "%s ask%s", number(e->asked, false, n), e->asked == 1 ? "" : "s");
    if (subject != NULL && *subject != '\0')
        add(t, " on %s", subject);
    if (e->asked == 0) {
        add(t, " in %u days", OL_EFFECTIVE_DAYS);
        return;
    }
    if (e->answered == 0)
        add(t, ", %s since %s", e->asked == 1 ? "not answered"
                                              : "none answered",
            when(e->first_unanswered_ms, now_ms, at));
    else if (e->answered == e->asked)
        add(t, ", %sanswered", e->asked == 1 ? "" : "all ");
    else
        add(t, ", %s answered", number(e->answered, false, n));
    if (e->declined > 0)
        add(t, ", %s declined", number(e->declined, false, n));
    if (e->overdue > 0)
        add(t, ", %s overdue", number(e->overdue, false, n));
}

void ol_effective_sentence(const struct ol_effective_line *line,
                           const struct ol_effective *e, const char *subject,
                           uint64_t now_ms, char *out, size_t room)
{
    struct text t = {out, room};

    channels(&t, line, now_ms);
    add(&t, "; ");
    asks(&t, e, subject, now_ms);
    add(&t, "; %s.",
        e->state == OL_EFFECTIVE_YES ? "effective communication is occurring"
        : e->state == OL_EFFECTIVE_NO
            ? "effective communication is not occurring"
            : "whether effective communication is occurring is not known");
}
