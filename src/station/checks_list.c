/*
 * Line checks as documents: what was noted of each, and what the marks of its
 * record say.
 *
 * Facts of one check are folded by the id of its record; its officer's word
 * comes from the ledger each time. How it fails: a fact that is no document of
 * ours is passed over; a record that is not here leaves null what only it
 * could tell.
 */
#include <stdlib.h>
#include <string.h>

#include "station/checks.h"
#include "station/json.h"
#include "station/json_set.h"
#include "station/json_values.h"
#include "station/names.h"
#include "station/progress.h"

#define FACTS_EACH 3u /* of one check: began, missed, answered late */

struct fold {
    struct ol_station_line *line;
    const char *only; /* an id, or NULL */
    unsigned max, n;
    struct folded {
        char key[2 * OL_ID_SIZE + 1];
        json_t *began, *ended, *late; /* documents */
        uint64_t began_ms, ended_ms;
    } v[OL_CHECKS_SHOWN];
};

static struct folded *find(struct fold *f, const char *key)
{
    for (unsigned k = 0; k < f->n; k++)
        if (strcmp(f->v[k].key, key) == 0)
            return &f->v[k];
    if (f->n == f->max)
        return NULL;
    memset(&f->v[f->n], 0, sizeof(f->v[0]));
    ol_text_put(f->v[f->n].key, sizeof(f->v[0].key), "%s", key);
    return &f->v[f->n++];
}

/* Newest first: what ended it comes before what began it. */
static bool fold_one(void *arg, const struct ol_row_fact *fact,
                     const json_t *doc)
{
    struct fold *f = arg;
    const char *did = json_string_value(json_object_get(doc, "did"));
    struct folded *one;

    if (did == NULL || strlen(fact->key) != 2 * OL_ID_SIZE ||
        (f->only != NULL && strcmp(f->only, fact->key) != 0))
        return true;
    one = find(f, fact->key);
    if (one == NULL)
        return true; /* older ones; what is shown may still lack its begin */
    if (strcmp(did, "began") == 0) {
        one->began = json_deep_copy(doc);
        one->began_ms = fact->at_ms;
    } else if (one->ended == NULL) {
        one->ended = json_deep_copy(doc);
        one->ended_ms = fact->at_ms;
    } else {
        one->late = one->ended;
        one->ended = json_deep_copy(doc);
    }
    return true;
}

static json_t *copy_of(const json_t *doc, const char *key)
{
    json_t *v = json_object_get(doc, key);

    return v != NULL ? json_incref(v) : json_null();
}

/* Their officer's word: when, who, after how long by our clock. */
static json_t *word_of(const struct ol_entry *e, const struct ol_progress *p,
                       uint8_t rel, uint64_t sent_ms)
{
    static struct ol_entry by; /* large; one thread */

    for (uint32_t k = 0; k < p->n_marks; k++) {
        const struct ol_row_mark *m = &p->marks[k];
        json_t *doc;

        if (m->rel != rel || m->by != OL_PEER)
            continue;
        doc = json_object();
        set(&doc, "at", time_of(m->at_ms));
        set(&doc, "after_ms",
            json_integer((json_int_t)(m->at_ms - OL_MIN(m->at_ms, sent_ms))));
        set(&doc, "by",
            ol_query_at(e->line, OL_PEER, m->prec, m->index, &by) == OL_OK &&
                    by.decoded && by.rec.originator.n > 0
                ? json_stringn((const char *)by.rec.originator.p,
                               by.rec.originator.n)
                : json_null());
        return doc;
    }
    return json_null();
}

/* What only the record tells. */
static void set_record(json_t **doc, struct ol_station_line *line,
                       const struct folded *f)
{
    static struct ol_entry e;
    struct ol_progress p;
    uint8_t id[OL_ID_SIZE];
    char name[OL_MESSAGE_NAME];
    bool here = ol_text_unhex(id, sizeof(id), f->key) &&
                ol_query_id(line->st, id, &e) == OL_OK && e.line == line &&
                !e.waiting && ol_query_progress(&e, &p) == OL_OK;

    if (here)
        ol_name_put(name, line->st->conf.name, line->conf.peer,
                    e.row.number);
    set(doc, "name", here ? json_string(name) : json_null());
    set(doc, "rung", here ? json_string(ol_json_rung(p.rung)) : json_null());
    set(doc, "read", here ? word_of(&e, &p, OL_REL_READ, f->began_ms)
                          : json_null());
    set(doc, "understood", here ? word_of(&e, &p, OL_REL_UNDERSTOOD,
                                          f->began_ms)
                                : json_null());
}

static const char *state_of(const struct folded *f)
{
    const char *did = json_string_value(json_object_get(f->ended, "did"));

    if (f->late != NULL)
        return "late";
    return did != NULL ? did : "waiting";
}

static json_t *doc_of(struct ol_station_line *line, const struct folded *f)
{
    const json_t *first = f->began ? f->began : f->ended;
    const json_t *last = f->late ? f->late : f->ended;
    json_t *doc = json_object();

    set(&doc, "line", json_string(line->conf.peer));
    set(&doc, "check", copy_of(first, "n"));
    set(&doc, "id", json_string(f->key));
    set(&doc, "by", copy_of(first, "by"));
    set(&doc, "at", time_of(f->began_ms ? f->began_ms : f->ended_ms));
    set(&doc, "state", json_string(state_of(f)));
    set(&doc, "why", copy_of(last, "why"));
    set(&doc, "after_ms", strcmp(state_of(f), "answered") == 0 || f->late
                              ? copy_of(last, "after_ms")
                              : json_null());
    set_record(&doc, line, f);
    set(&doc, "channels", copy_of(last, "channels"));
    return doc;
}

static void drop(struct fold *f)
{
    for (unsigned k = 0; k < f->n; k++) {
        json_decref(f->v[k].began);
        json_decref(f->v[k].ended);
        json_decref(f->v[k].late);
    }
    free(f);
}

static struct fold *fold(struct ol_station_line *line, unsigned max,
                         const char *only)
{
    struct ol_facts_of of = {.to_ms = UINT64_MAX, .max = FACTS_EACH * max,
                             .newest_first = true};
    struct fold *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return NULL;
    f->line = line;
    f->only = only;
    f->max = max;
    if (ol_fact_read(line->st, line, OL_FACT_CHECK, &of, fold_one, f) ==
        OL_OK)
        return f;
    drop(f);
    return NULL;
}

bool ol_checks_list(struct ol_station_line *line, unsigned max, json_t *list)
{
    struct fold *f = fold(line, OL_MIN(max, OL_CHECKS_SHOWN), NULL);

    for (unsigned k = 0; f != NULL && k < f->n; k++)
        json_array_append_new(list, doc_of(line, &f->v[k]));
    if (f == NULL)
        return false;
    drop(f);
    return true;
}

json_t *ol_checks_one(struct ol_station_line *line,
                      const uint8_t id[OL_ID_SIZE])
{
    char key[2 * OL_ID_SIZE + 1];
    struct fold *f;
    json_t *doc = NULL;

    ol_text_hex(key, id, OL_ID_SIZE);
    f = fold(line, 8, key);
    if (f == NULL)
        return NULL;
    if (f->n > 0)
        doc = doc_of(line, &f->v[0]);
    drop(f);
    return doc;
}
