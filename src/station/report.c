/*
 * Counting the messages of a period. See report.h.
 *
 * Happy path: what lies behind the period's end is taken for not having
 * happened, then each message adds to one cell. How it fails: a clock that
 * was set back makes a word older than what it is about; the rung counts, the
 * time does not.
 */
#include "station/report.h"

#include "base/units.h"

#define EXACT 128u   /* values below it have a step each */
#define OCTAVE 64u   /* steps to a doubling */
#define EXACT_BITS 7u
#define OCTAVE_BITS 6u

static unsigned step_of(uint64_t ms)
{
    unsigned high, shift;

    if (ms < EXACT)
        return (unsigned)ms;
    high = 63u - (unsigned)__builtin_clzll(ms);
    shift = high - OCTAVE_BITS;
    return OL_MIN(EXACT + (high - EXACT_BITS) * OCTAVE +
                      (unsigned)(ms >> shift) - OCTAVE,
                  OL_REPORT_STEPS - 1);
}

/* The middle of what a step holds. */
static uint64_t of_step(unsigned step)
{
    unsigned octave, shift;

    if (step < EXACT)
        return step;
    octave = (step - EXACT) / OCTAVE;
    shift = octave + EXACT_BITS - OCTAVE_BITS;
    return ((uint64_t)(OCTAVE + (step - EXACT) % OCTAVE) << shift) +
           ((UINT64_C(1) << shift) - 1) / 2;
}

void ol_report_time(struct ol_report_times *t, uint64_t ms)
{
    t->least_ms = t->n == 0 ? ms : OL_MIN(t->least_ms, ms);
    t->worst_ms = OL_MAX(t->worst_ms, ms);
    t->n++;
    t->step[step_of(ms)]++;
}

void ol_report_merge(struct ol_report_times *into,
                     const struct ol_report_times *from)
{
    if (from->n == 0)
        return;
    into->least_ms = into->n == 0 ? from->least_ms
                                  : OL_MIN(into->least_ms, from->least_ms);
    into->worst_ms = OL_MAX(into->worst_ms, from->worst_ms);
    into->n += from->n;
    for (unsigned k = 0; k < OL_REPORT_STEPS; k++)
        into->step[k] += from->step[k];
}

/* The time at a place in their order, from 0. */
static uint64_t at(const struct ol_report_times *t, uint64_t place)
{
    uint64_t before = 0, ms = t->worst_ms;

    for (unsigned k = 0; k < OL_REPORT_STEPS; k++) {
        before += t->step[k];
        if (before > place) {
            ms = of_step(k);
            break;
        }
    }
    return OL_MAX(t->least_ms, OL_MIN(t->worst_ms, ms));
}

uint64_t ol_report_median(const struct ol_report_times *t)
{
    uint64_t low, high;

    if (t->n == 0)
        return 0;
    low = at(t, (t->n - 1) / 2);
    high = at(t, t->n / 2);
    return low + (high - low) / 2;
}

void ol_report_add_cell(struct ol_report_cell *into,
                        const struct ol_report_cell *from)
{
    into->messages += from->messages;
    into->attempts += from->attempts;
    into->sent += from->sent;
    into->declined += from->declined;
    for (unsigned k = 0; k < OL_REPORT_RUNGS; k++) {
        into->reached[k] += from->reached[k];
        ol_report_merge(&into->times[k], &from->times[k]);
    }
}

static bool by(const struct ol_report *r, uint64_t ms)
{
    return ms != 0 && ms < r->to_ms;
}

static void take_ask(struct ol_report *r, const struct ol_report_message *m)
{
    struct ol_report_asks *a = &r->asks[m->theirs];

    a->asked++;
    if (by(r, m->at_ms[OL_REPORT_ANSWERED])) {
        a->answered++;
    } else if (by(r, m->withdrawn_ms)) {
        a->withdrawn++;
    } else if (by(r, m->declined_ms)) {
        a->declined++;
    } else if (by(r, m->at_ms[OL_REPORT_UNDERSTOOD])) {
        a->understood++;
    } else {
        a->open++;
        a->overdue += by(r, m->deadline_ms);
    }
}

void ol_report_take(struct ol_report *r, const struct ol_report_message *m)
{
    struct ol_report_cell *c = &r->cell[m->theirs][m->prec % OL_PRECS];

    if (m->taken_ms < r->from_ms || m->taken_ms >= r->to_ms)
        return;
    if (!m->actual) {
        r->not_actual[m->theirs]++;
        return;
    }
    c->messages++;
    if (by(r, m->sent_ms)) {
        c->sent++;
        c->attempts += m->attempts;
    }
    for (unsigned k = 0; k < OL_REPORT_RUNGS; k++) {
        if (!by(r, m->at_ms[k]))
            continue;
        c->reached[k]++;
        if (m->at_ms[k] >= m->taken_ms)
            ol_report_time(&c->times[k], m->at_ms[k] - m->taken_ms);
    }
    c->declined += by(r, m->declined_ms);
    if (m->ask)
        take_ask(r, m);
}
