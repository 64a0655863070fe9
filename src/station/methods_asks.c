/*
 * asks: what is open, overdue first.
 *
 * What is watched is copied once, sorted by when it is due, and made into
 * documents a page a turn; whatever is over by then is passed over. What was
 * done about them is read in one pass over the facts, however many are open.
 */
#include <stdlib.h>
#include <string.h>

#include "station/asks.h"
#include "station/json.h"
#include "station/json_set.h"
#include "station/json_values.h"
#include "station/methods.h"

#define PAGE 16u

struct open_ask {
    struct ol_station_line *line;
    enum ol_author author;
    uint64_t due_ms; /* by our clock, for the order; 0: no deadline */
    struct ol_due due;
    json_t *steps; /* NULL: none was taken */
};

struct listing {
    struct ol_job job; /* first */
    unsigned n, at;
    bool told;   /* steps are known */
    bool unread; /* or cannot be */
    struct open_ask v[];
};

static void drop(struct ol_job *job)
{
    struct listing *l = (struct listing *)job;

    for (unsigned k = 0; k < l->n; k++)
        json_decref(l->v[k].steps);
    free(l);
}

struct telling {
    struct listing *l;
    const struct ol_station_line *line;
};

static struct open_ask *ask_with(const struct telling *t, const char *key)
{
    enum ol_author author;
    uint8_t id[OL_ID_SIZE];

    if (!ol_asks_key_parse(key, &author, id) || author != OL_OWN)
        return NULL;
    for (unsigned k = 0; k < t->l->n; k++) {
        struct open_ask *o = &t->l->v[k];

        if (o->line == t->line && o->author == OL_OWN && o->due.said_by &&
            memcmp(o->due.id, id, sizeof(id)) == 0)
            return o;
    }
    return NULL;
}

static bool on_fact(void *arg, const struct ol_row_fact *fact,
                    const json_t *doc)
{
    json_t *step = json_object_get(doc, "step"), *one;
    json_t *name = json_object_get(doc, "name");
    struct open_ask *o = step ? ask_with(arg, fact->key) : NULL;

    if (o == NULL)
        return true;
    if (o->steps == NULL)
        o->steps = json_array();
    one = json_object();
    set(&one, "step", json_incref(step));
    set(&one, "at", time_of(fact->at_ms));
    set(&one, "reminder", name ? json_incref(name) : json_null());
    return json_array_append_new(o->steps, one) == 0;
}

/* What was done about each. */
static void tell_steps(struct listing *l)
{
    struct ol_facts_of all = {.to_ms = INT64_MAX};
    struct ol_station *st = l->job.rq->st;

    l->told = true;
    for (unsigned k = 0; k < st->n_lines; k++) {
        struct telling t = {l, st->lines[k]};

        l->unread |= ol_fact_read(st, st->lines[k], OL_FACT_ASK, &all,
                                  on_fact, &t) != OL_OK;
    }
}

static json_t *escalation_of(const struct listing *l, const struct open_ask *o)
{
    if (l->unread && o->due.said_by && o->author == OL_OWN)
        return json_null();
    return o->steps ? json_incref(o->steps) : json_array();
}

static json_t *ask_of(const struct listing *l, const struct open_ask *o)
{
    static struct ol_entry e; /* large; one thread */
    const char *own = o->line->st->conf.name, *peer = o->line->conf.peer;
    bool known = ol_asks_settled(o->line);
    struct ol_out message = {0};
    json_t *doc;

    if (ol_query_at(o->line, o->author, o->due.prec, o->due.index, &e) !=
        OL_OK)
        return NULL;
    ol_json_message(&message, &e, OL_SHOW_LOG);
    doc = ol_out_read(&message);
    set(&doc, "clock", json_string(o->author == OL_OWN ? own : peer));
    set(&doc, "clock_offset_ms",
        o->author == OL_OWN ? json_integer(0)
                            : json_integer(ol_skew_ms(&o->line->asks->skew)));
    set(&doc, "overdue",
        known ? json_boolean(ol_due_overdue(
                    &o->due, ol_asks_wall_ms(o->line, o->author)))
              : json_null());
    set(&doc, "overdue_said", time_of(o->due.said_by_ms));
    set(&doc, "escalation", escalation_of(l, o));
    return doc;
}

static bool step(struct ol_job *job)
{
    struct listing *l = (struct listing *)job;

    if (!l->told)
        tell_steps(l);
    for (unsigned room = PAGE; l->at < l->n && room > 0; l->at++) {
        const struct open_ask *o = &l->v[l->at];
        json_t *doc;

        if (o->line->asks == NULL ||
            ol_asks_over(o->line, o->author, &o->due))
            continue;
        doc = ask_of(l, o);
        if (doc == NULL)
            continue;
        ol_stream_item(job->rq, doc);
        room--;
    }
    if (l->at < l->n)
        return true;
    ol_stream_end(job->rq);
    return false;
}

static int by_due(const void *one, const void *other)
{
    const struct open_ask *a = one, *b = other;
    uint64_t x = a->due_ms - 1, y = b->due_ms - 1; /* none: last */

    return x < y ? -1 : x > y;
}

static unsigned count(const struct ol_station *st,
                      const struct ol_station_line *only)
{
    unsigned n = 0;

    for (unsigned k = 0; k < st->n_lines; k++) {
        const struct ol_asks *a = st->lines[k]->asks;

        if (a != NULL && (only == NULL || st->lines[k] == only))
            n += a->dues[OL_OWN].n + a->dues[OL_PEER].n;
    }
    return n;
}

static void gather(struct listing *l, struct ol_station_line *line,
                   enum ol_author author)
{
    const struct ol_dues *t = &line->asks->dues[author];
    int64_t skew = author == OL_PEER ? ol_skew_ms(&line->asks->skew) : 0;

    for (unsigned k = 0; k < t->n; k++) {
        struct open_ask *o = &l->v[l->n++];

        o->line = line;
        o->author = author;
        o->due = t->v[k];
        o->due_ms = o->due.deadline_ms == 0
                        ? 0
                        : o->due.deadline_ms - (uint64_t)skew;
    }
}

void ol_method_asks(struct ol_request *rq)
{
    struct ol_station *st = rq->st;
    struct ol_station_line *only;
    struct listing *l;

    if (!ol_method_peer(rq, &only))
        return;
    /* Just started: what lies in the ledger was not looked at yet. */
    for (unsigned k = 0; k < st->n_lines; k++)
        if (st->lines[k]->asks != NULL && st->lines[k]->asks->loading) {
            ol_refuse(rq, OL_EXIT_FAILED, "the record of %s is still being "
                      "looked through: ask again", st->lines[k]->conf.peer);
            return;
        }
    l = calloc(1, sizeof(*l) + count(st, only) * sizeof(l->v[0]));
    if (l == NULL) {
        ol_refuse(rq, OL_EXIT_FAILED, "no memory: ask for one line");
        return;
    }
    for (unsigned k = 0; k < st->n_lines; k++) {
        struct ol_station_line *line = st->lines[k];

        if (line->asks == NULL || (only != NULL && line != only))
            continue;
        gather(l, line, OL_OWN);
        gather(l, line, OL_PEER);
    }
    qsort(l->v, l->n, sizeof(l->v[0]), by_due);
    l->job.rq = rq;
    l->job.step = step;
    l->job.drop = drop;
    ol_job_start(&l->job);
}
