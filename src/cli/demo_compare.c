/*
 * What both ledgers of the demonstration hold, held against each other and
 * against what was sent.
 *
 * Happy path: every message is in the other side's log once; its index is
 * above that of the message sent before it in the same precedence; and record
 * by record both sides hold the same. The first difference is named.
 */
#include "cli/demo.h"

#include <stdarg.h>
#include <string.h>

const char *const ol_demo_precedences[4] = {"routine", "priority",
                                            "immediate", "flash"};

static __attribute__((format(printf, 2, 3))) bool
no(char why[OL_WHY_MAX], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why, OL_WHY_MAX, format, args);
    va_end(args);
    return false;
}

static bool is(const json_t *m, const char *key, const char *value)
{
    return strcmp(ol_cli_str(m, key, ""), value) == 0;
}

/* How many records of a log have this id, and the last of them. */
static unsigned find(const json_t *log, const char *id, const json_t **found)
{
    const json_t *m;
    unsigned n = 0;
    size_t i;

    json_array_foreach(log, i, m) {
        if (is(m, "id", id)) {
            *found = m;
            n++;
        }
    }
    return n;
}

static size_t precedence_of(const json_t *m)
{
    for (size_t p = 0; p < 3; p++) {
        if (is(m, "precedence", ol_demo_precedences[p]))
            return p;
    }
    return 3;
}

/* All that one side sent, in the log of the other. */
static bool once_in_order(const struct ol_demo_record *r, int side,
                          char why[OL_WHY_MAX])
{
    const json_t *log = r->log[1 - side], *m = NULL;
    json_int_t last[4] = {0, 0, 0, 0}, index;
    unsigned sent = 0, there = 0;
    size_t k;

    for (unsigned i = 0; i < r->n_sent; i++) {
        const struct ol_demo_sent *s = &r->sent[i];
        unsigned n;

        if (s->side != side)
            continue;
        sent++;
        n = find(log, s->id, &m);
        if (n != 1)
            return no(why, "message \"%s\" arrived %u times", s->text, n);
        if (!is(m, "text", s->text))
            return no(why, "message \"%s\" arrived with another text",
                      s->text);
        index = json_integer_value(json_object_get(m, "index"));
        if (index <= last[precedence_of(m)])
            return no(why, "message \"%s\" is out of order", s->text);
        last[precedence_of(m)] = index;
    }
    json_array_foreach(log, k, m) there +=
        is(m, "author", r->d->side[side].name) && is(m, "kind", "message");
    if (there == sent)
        return true;
    return no(why, "%s sent %u messages, and the other side has %u",
              r->d->side[side].name, sent, there);
}

/* The n-th record of an author in one precedence; NULL: there are fewer. */
static const json_t *nth(const json_t *log, const char *author,
                         const char *precedence, json_int_t n)
{
    const json_t *m;
    size_t i;

    json_array_foreach(log, i, m) {
        if (is(m, "author", author) && is(m, "precedence", precedence) &&
            n-- == 1)
            return m;
    }
    return NULL;
}

/* One of the eight logs, as both sides hold it. */
static bool compare_log(const struct ol_demo_record *r, const char *author,
                        const char *precedence, char why[OL_WHY_MAX])
{
    static const char *const keys[] = {"name", "id", "number", "index",
                                       "kind", "text", "written", "marking"};

    for (json_int_t n = 1;; n++) {
        const json_t *a = nth(r->log[0], author, precedence, n);
        const json_t *b = nth(r->log[1], author, precedence, n);

        if (a == NULL && b == NULL)
            return true;
        if (a == NULL || b == NULL)
            return no(why, "%s has record %lld of %s, %s, and %s has not",
                      a ? "north" : "south", (long long)n, author,
                      precedence, a ? "south" : "north");
        if (json_integer_value(json_object_get(a, "index")) != n)
            return no(why, "record %lld of %s, %s, has another index",
                      (long long)n, author, precedence);
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
            if (!json_equal(json_object_get(a, keys[i]),
                            json_object_get(b, keys[i])))
                return no(why, "record %lld of %s, %s, has another %s at "
                          "north than at south", (long long)n, author,
                          precedence, keys[i]);
        }
    }
}

bool ol_demo_compare(const struct ol_demo_record *r, char why[OL_WHY_MAX])
{
    for (int side = 0; side < 2; side++) {
        if (!once_in_order(r, side, why))
            return false;
        for (size_t p = 0; p < 4; p++) {
            if (!compare_log(r, r->d->side[side].name,
                             ol_demo_precedences[p], why))
                return false;
        }
    }
    return true;
}
