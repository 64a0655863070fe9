/*
 * What is due, and the turn of the loop in which it is done.
 *
 *   start --> loading --> watching --+--> (due, and still open) say it
 *               ^                    |
 *               +---- a return ------+
 *
 * Happy path: records are looked at once, as they come; whatever is open has a
 * moment at which something is due. When it has come the ledger is asked
 * whether it is still open, and only then anything is said. How it fails: what
 * cannot be noted now is tried again; a ledger that cannot be read says
 * nothing; a restored copy says nothing until it is whole again.
 */
#include "station/asks.h"

#include <stdlib.h>
#include <string.h>

#include "station/alarms.h"
#include "station/clock.h"
#include "station/log.h"

#define AGAIN_NS OL_NS_PER_S
#define LOOK_NS (10 * OL_NS_PER_S) /* a wall clock may be set at any time */
#define SET_MS 500 /* a clock that goes astray by more was set */
/* After a restored copy was proved: what the other side had said meanwhile
 * comes at once, and is not missed before. */
#define SETTLE_NS (20 * OL_NS_PER_S)

static void start(struct ol_station_line *line, bool recall)
{
    struct ol_asks *a = line->asks;

    if (a == NULL)
        a = calloc(1, sizeof(*a));
    else
        memset(a, 0, sizeof(*a));
    line->asks = a;
    if (a == NULL) {
        ol_log(OL_LOG_FAULT, "line %s: no memory: nobody will be told of asks "
               "that are overdue", line->conf.peer);
        return;
    }
    a->offset_ms = (int64_t)ol_clock_wall_ms() -
                   (int64_t)(ol_clock_ns() / OL_NS_PER_MS);
    a->loading = a->poke = a->look = true;
    for (unsigned k = 0; k < 2 * OL_PRECS; k++) {
        uint32_t size = 0;

        (void)ol_asks_head(line, (enum ol_author)(k / OL_PRECS),
                           k % OL_PRECS, &size);
        a->next[k / OL_PRECS][k % OL_PRECS] = size + 1;
    }
    ol_objectives_start(line);
    a->recalled = recall && ol_asks_recall(line);
}

void ol_asks_start(struct ol_station_line *line)
{
    start(line, true);
}

void ol_asks_again(struct ol_station_line *line)
{
    ol_effective_free(line);
    start(line, false);
}

void ol_asks_stop(struct ol_station_line *line)
{
    free(line->asks);
    line->asks = NULL;
}

void ol_asks_poke(struct ol_station_line *line)
{
    if (line->asks != NULL)
        line->asks->poke = line->asks->look = true;
}

static bool watches(const struct ol_station_line *line)
{
    return line->asks != NULL && line->core != NULL &&
           line->phase == OL_PHASE_RUN;
}

bool ol_asks_settled(const struct ol_station_line *line)
{
    const struct ol_asks *a = line->asks;

    return watches(line) && !a->loading && a->settled_ns != OL_NEVER_NS &&
           ol_clock_ns() >= a->settled_ns;
}

uint64_t ol_asks_wall_ms(const struct ol_station_line *line,
                         enum ol_author author)
{
    uint64_t ms = ol_clock_wall_ms();
    int64_t skew = author == OL_PEER && line->asks != NULL
                       ? ol_skew_ms(&line->asks->skew)
                       : 0;

    return skew < 0 ? ms - OL_MIN(ms, (uint64_t)-skew) : ms + (uint64_t)skew;
}

/* Moves settled_ns along with what the core knows of a restore. */
static void settle(struct ol_station_line *line, uint64_t now_ns)
{
    struct ol_asks *a = line->asks;
    struct ol_line_status s;

    ol_line_status(line->core, now_ns, &s);
    if (s.restored || s.returning)
        a->settled_ns = OL_NEVER_NS;
    else if (a->settled_ns == OL_NEVER_NS)
        a->settled_ns = now_ns + SETTLE_NS;
}

/* What the wall clock says of the past holds no longer. */
static void watch_clock(struct ol_asks *a, uint64_t now_ns)
{
    uint64_t wall_ms = ol_clock_wall_ms();
    int64_t offset_ms = (int64_t)wall_ms - (int64_t)(now_ns / OL_NS_PER_MS);
    int64_t by = offset_ms - a->offset_ms;

    if (by > -SET_MS && by < SET_MS)
        return;
    a->offset_ms = offset_ms;
    a->set_ms = wall_ms;
    a->skew = (struct ol_skew){0};
    a->poke = a->look = true;
    memset(a->dues_ns, 0, sizeof(a->dues_ns));
}

static struct ol_due_now due_now(const struct ol_station_line *line,
                                 enum ol_author author, uint64_t now_ns)
{
    struct ol_due_now now = {.ns = now_ns,
                             .wall_ms = ol_asks_wall_ms(line, author)};

    if (author == OL_OWN) {
        now.steps = line->conf.steps;
        now.n_steps = line->conf.n_steps;
    }
    return now;
}

/* What was said of one that is over now, is over too; and by a clock that was
 * set, one may be overdue no longer. */
static void look_again(struct ol_station_line *line, enum ol_author author)
{
    struct ol_dues *t = &line->asks->dues[author];

    for (unsigned k = t->n; k-- > 0;) {
        struct ol_due *d = &t->v[k];

        if (!d->said_by && !d->said_answer)
            continue;
        if (ol_asks_over(line, author, d)) {
            ol_asks_quiet(line, author, d);
            ol_dues_remove(t, d);
            line->asks->moved = true;
        } else {
            ol_asks_alarm(line, author, d);
        }
    }
}

static bool act(struct ol_station_line *line, enum ol_author author,
                struct ol_due *d, enum ol_due_what what, unsigned step)
{
    switch (what) {
    case OL_DUE_BY:
        return ol_asks_say_overdue(line, author, d);
    case OL_DUE_ANSWER:
        return ol_asks_say_slow(line, author, d);
    case OL_DUE_STEP:
        return ol_asks_step(line, d, step);
    case OL_DUE_NONE:
        break;
    }
    return true;
}

/* All that is due of an author; the moment at which something is next. What
 * is committed changes that only by ol_asks_add and by the peer's clock. */
static uint64_t do_dues(struct ol_station_line *line, enum ol_author author,
                        uint64_t now_ns)
{
    struct ol_dues *t = &line->asks->dues[author];
    struct ol_due_now now = due_now(line, author, now_ns);
    uint64_t next = t->n > 0 ? now_ns + LOOK_NS : OL_NEVER_NS;

    if (now_ns < line->asks->dues_ns[author])
        return line->asks->dues_ns[author];
    for (unsigned k = 0; k < t->n;) {
        struct ol_due *d = &t->v[k];
        enum ol_due_what what;
        unsigned step = 0;
        uint64_t at = ol_due_at(d, &now, &what, &step);

        if (at > now_ns) {
            next = OL_MIN(next, at);
            k++;
        } else if (ol_asks_over(line, author, d)) {
            if (d->said_by || d->said_answer)
                ol_asks_quiet(line, author, d);
            ol_dues_remove(t, d);
            line->asks->moved = true;
        } else if (!act(line, author, d, what, step)) {
            next = OL_MIN(next, now_ns + AGAIN_NS);
            k++;
        } else {
            at = ol_due_at(d, &now, &what, &step);
            if (at <= now_ns)
                continue; /* more is due of the same */
            next = OL_MIN(next, at);
            k++;
        }
    }
    line->asks->dues_ns[author] = next;
    return next;
}

static uint64_t pump(struct ol_station_line *line, uint64_t now_ns)
{
    struct ol_asks *a = line->asks;
    uint64_t next;

    a->poke = false;
    if (a->loading ? ol_asks_load(line) : ol_asks_scan(line))
        return 0;
    settle(line, now_ns);
    if (!ol_asks_settled(line))
        return now_ns + AGAIN_NS;
    if (a->look && now_ns >= a->look_ns) {
        a->look = false;
        a->look_ns = now_ns + AGAIN_NS;
        look_again(line, OL_OWN);
        look_again(line, OL_PEER);
        ol_objectives_look(line);
    }
    next = ol_objectives_pump(line, now_ns);
    next = OL_MIN(next, do_dues(line, OL_OWN, now_ns));
    next = OL_MIN(next, do_dues(line, OL_PEER, now_ns));
    /* Places that were taken may be free by now. */
    if ((a->dues[OL_OWN].left_out && a->dues[OL_OWN].n < OL_DUES_MAX / 2) ||
        (a->dues[OL_PEER].left_out && a->dues[OL_PEER].n < OL_DUES_MAX / 2)) {
        ol_asks_again(line);
        return 0;
    }
    next = OL_MIN(next, ol_asks_keep(line, now_ns));
    return a->look ? OL_MIN(next, a->look_ns) : next;
}

void ol_asks_pump(struct ol_station *st)
{
    uint64_t now_ns = ol_clock_ns();

    for (unsigned k = 0; k < st->n_lines; k++) {
        struct ol_station_line *line = st->lines[k];

        if (!watches(line))
            continue;
        watch_clock(line->asks, now_ns);
        if (line->asks->poke || now_ns >= line->asks->next_ns)
            line->asks->next_ns = pump(line, now_ns);
    }
}

uint64_t ol_asks_next_ns(const struct ol_station *st)
{
    uint64_t at = OL_NEVER_NS;

    for (unsigned k = 0; k < st->n_lines; k++)
        if (watches(st->lines[k]))
            at = OL_MIN(at, st->lines[k]->asks->poke
                                ? 0
                                : st->lines[k]->asks->next_ns);
    return at;
}

struct ol_asks_count ol_asks_count(struct ol_station_line *line,
                                   enum ol_author author)
{
    struct ol_asks_count n = {0};
    uint64_t wall_ms = ol_asks_wall_ms(line, author);

    if (!ol_asks_settled(line))
        return n;
    for (unsigned k = 0; k < line->asks->dues[author].n; k++) {
        const struct ol_due *d = &line->asks->dues[author].v[k];

        if (d->announced || ol_asks_over(line, author, d))
            continue;
        n.open++;
        n.overdue += ol_due_overdue(d, wall_ms);
    }
    return n;
}
