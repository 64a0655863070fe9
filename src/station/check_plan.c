/*
 * Line checks: when they are due, and what they say. See check_plan.h.
 */
#include "station/check_plan.h"

#include <string.h>

#include <openline/record.h>

#include "base/units.h"
#include "station/text.h"

#define DAY_MS UINT64_C(86400000)
#define MINUTE_MS UINT64_C(60000)

/* "09:00Z" in minutes; false: it is none. */
static bool minute_of(const char *at, size_t n, uint16_t *out)
{
    unsigned v[4];

    if (n != 6 || at[2] != ':' || at[5] != 'Z')
        return false;
    for (unsigned k = 0; k < 4; k++) {
        char c = at[k < 2 ? k : k + 1];

        if (c < '0' || c > '9')
            return false;
        v[k] = (unsigned)(c - '0');
    }
    if (v[0] * 10 + v[1] > 23 || v[2] > 5)
        return false;
    *out = (uint16_t)((v[0] * 10 + v[1]) * 60 + v[2] * 10 + v[3]);
    return true;
}

/* Into its place; one that is there already is there once. */
static void insert(struct ol_check_plan *p, uint16_t minute)
{
    unsigned k = 0;

    while (k < p->n && p->minute[k] < minute)
        k++;
    if (k < p->n && p->minute[k] == minute)
        return;
    memmove(&p->minute[k + 1], &p->minute[k],
            (p->n - k) * sizeof(p->minute[0]));
    p->minute[k] = minute;
    p->n++;
}

bool ol_check_plan_parse(const char *text, struct ol_check_plan *out,
                         const char **why)
{
    const char *at = text;
    uint64_t ns;

    *out = (struct ol_check_plan){0};
    *why = "a duration as 1h, or up to 8 times of the day as 09:00Z 17:00Z";
    if (ol_text_duration(text, &ns)) {
        out->every_ms = ns / OL_NS_PER_MS;
        *why = "at least 10s, so that the other side can answer each";
        return out->every_ms >= 2 * OL_CHECK_LEAST_MS;
    }
    for (;;) {
        size_t n;
        uint16_t minute;

        at += strspn(at, " \t");
        n = strcspn(at, " \t");
        if (n == 0)
            return out->n > 0;
        if (out->n == OL_CHECK_TIMES || !minute_of(at, n, &minute))
            return false;
        insert(out, minute);
        at += n;
    }
}

uint64_t ol_check_next(const struct ol_check_plan *plan, uint64_t after_ms)
{
    uint64_t day = after_ms - after_ms % DAY_MS;

    if (plan->every_ms > 0)
        return after_ms + plan->every_ms;
    if (plan->n == 0)
        return UINT64_MAX;
    for (unsigned k = 0; k < plan->n; k++)
        if (day + plan->minute[k] * MINUTE_MS > after_ms)
            return day + plan->minute[k] * MINUTE_MS;
    return day + DAY_MS + plan->minute[0] * MINUTE_MS;
}

/* The next line, without its blanks; false: the end. */
static bool next_line(struct ol_span *rest, struct ol_span *line)
{
    size_t n = 0;

    if (rest->n == 0)
        return false;
    while (n < rest->n && rest->p[n] != '\n')
        n++;
    *line = OL_SPAN(rest->p, n);
    n += n < rest->n;
    *rest = OL_SPAN(rest->p + n, rest->n - n);
    while (line->n > 0 && (line->p[0] == ' ' || line->p[0] == '\t'))
        *line = OL_SPAN(line->p + 1, line->n - 1);
    while (line->n > 0 && (line->p[line->n - 1] == ' ' ||
                           line->p[line->n - 1] == '\t' ||
                           line->p[line->n - 1] == '\r'))
        line->n--;
    return true;
}

static bool fits(struct ol_span line)
{
    return line.n > 0 && line.n <= OL_TEXT_MAX && ol_span_utf8(line);
}

bool ol_check_text(struct ol_span file, uint64_t n, struct ol_span *out)
{
    struct ol_span rest = file, line;
    uint64_t count = 0, at;

    *out = ol_span_str("");
    while (next_line(&rest, &line))
        count += fits(line);
    if (count == 0 || n == 0)
        return false;
    at = (n - 1) % count;
    rest = file;
    while (next_line(&rest, &line)) {
        if (fits(line) && at-- == 0) {
            *out = line;
            return true;
        }
    }
    return false;
}

bool ol_check_is(const struct ol_record *rec, uint64_t *n)
{
    struct ol_span f = rec->form_fields;

    *n = 0;
    if (rec->kind != OL_KIND_MESSAGE || rec->marking != OL_TEST ||
        rec->prec != OL_FLASH ||
        !ol_span_eq(rec->form_id, ol_span_str(OL_CHECK_FORM)) || f.n == 0 ||
        f.n > 15 || f.p[0] == '0')
        return false;
    for (size_t k = 0; k < f.n; k++) {
        if (f.p[k] < '0' || f.p[k] > '9')
            return false;
        *n = *n * 10 + (uint64_t)(f.p[k] - '0');
    }
    return true;
}
