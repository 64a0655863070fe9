/*
 * Facts of darkness, folded into entries.
 *
 *               off                    begin
 *   (nothing) -------> not running ------------> DARK --- end ---> over
 *        |                  |     if it began     ^|                |
 *        |                  |     before that     |'- off: in it    |
 *        '---- begin -------+---------------------'                 |
 *                                            caught-up: belongs to it
 *
 * Whatever does not fit completes what is under way and stands for itself: an
 * end without a beginning is a blackout that an older program told of.
 */
#include "station/dark_fold.h"

#include <string.h>

#include "base/units.h"
#include "station/dark_why.h"
#include "station/json.h"
#include "station/json_set.h"
#include "station/text.h"

static uint64_t number(const json_t *doc, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(doc, key));

    return v > 0 ? (uint64_t)v : 0;
}

static const char *word(const json_t *doc, const char *key)
{
    const char *text = json_string_value(json_object_get(doc, key));

    return text != NULL ? text : "";
}

void ol_dark_entry_clear(struct ol_dark_entry *e)
{
    json_decref(e->begin);
    json_decref(e->end);
    json_decref(e->caught_up);
    memset(e, 0, sizeof(*e));
}

static bool complete(struct ol_dark_fold *f, struct ol_dark_entry *done)
{
    bool any = f->any;

    if (any)
        *done = f->now;
    memset(f, 0, sizeof(*f));
    return any;
}

/* Another one begins: whatever was under way is over, nobody knows when. */
static bool replaced(struct ol_dark_fold *f, struct ol_dark_entry *done)
{
    f->now.over = true;
    return complete(f, done);
}

static void add_off(struct ol_dark_entry *e, const json_t *fact)
{
    struct ol_dark_off off = {.from_ms = number(fact, "from"),
                              .to_ms = number(fact, "to")};

    if (off.to_ms <= off.from_ms)
        return;
    (void)ol_text_put(off.why, sizeof(off.why), "%s", word(fact, "why"));
    e->off_ms += off.to_ms - off.from_ms;
    if (e->n_off < OL_DARK_OFFS)
        e->off[e->n_off++] = off;
}

static bool on_off(struct ol_dark_fold *f, const json_t *fact,
                   struct ol_dark_entry *done)
{
    bool was = false;

    if (!f->any || f->now.over) {
        was = complete(f, done);
        f->any = f->now.over = true;
        f->now.since_ms = number(fact, "from");
        f->now.end_ms = number(fact, "to");
        f->now.lasted_ms = f->now.end_ms - OL_MIN(f->now.since_ms,
                                                  f->now.end_ms);
    }
    add_off(&f->now, fact);
    return was;
}

static bool on_begin(struct ol_dark_fold *f, json_t *fact,
                     struct ol_dark_entry *done)
{
    uint64_t since = number(fact, "since");
    bool was = false;

    /* It was dark before this station was back: that is part of it. */
    if (f->any && !f->now.dark && since <= f->now.since_ms)
        f->now.over = false;
    else
        was = replaced(f, done);
    f->any = f->now.dark = true;
    f->now.since_ms = since;
    f->now.detected_ms = number(fact, "detected");
    f->now.end_ms = f->now.lasted_ms = 0;
    f->now.begin = json_incref(fact);
    return was;
}

static bool on_end(struct ol_dark_fold *f, json_t *fact,
                   struct ol_dark_entry *done)
{
    struct ol_dark_entry *e = &f->now;
    bool was = false;

    if (!f->any || !e->dark || e->over) {
        was = replaced(f, done);
        f->any = e->dark = true;
    }
    e->over = true;
    e->end_ms = number(fact, "at");
    e->lasted_ms = number(fact, "lasted_ms");
    if (e->lasted_ms == 0 && e->since_ms > 0 && e->end_ms > e->since_ms)
        e->lasted_ms = e->end_ms - e->since_ms;
    e->end = json_incref(fact);
    return was;
}

bool ol_dark_fold(struct ol_dark_fold *f, const json_t *fact,
                  struct ol_dark_entry *done)
{
    const char *what = word(fact, "what");
    /* Nothing but its count of references is changed, and jansson takes no
     * const for that. NOLINTNEXTLINE(performance-no-int-to-ptr) */
    json_t *own = (json_t *)(uintptr_t)fact;

    if (strcmp(what, "off") == 0)
        return on_off(f, fact, done);
    if (strcmp(what, "begin") == 0)
        return on_begin(f, own, done);
    if (strcmp(what, "end") == 0)
        return on_end(f, own, done);
    if (strcmp(what, "caught-up") == 0 && f->any && f->now.end != NULL &&
        f->now.caught_up == NULL)
        f->now.caught_up = json_incref(own);
    return false;
}

bool ol_dark_fold_end(struct ol_dark_fold *f, struct ol_dark_entry *done)
{
    return complete(f, done);
}

/* ---- documents ---- */

static json_t *time_json(uint64_t ms)
{
    char text[OL_TIME_TEXT];

    if (ms == 0)
        return json_null();
    ol_text_time(text, ms);
    return json_string(text);
}

static json_t *count_json(uint64_t v)
{
    return json_integer((json_int_t)v);
}

json_t *ol_dark_counts(const uint64_t counts[4])
{
    json_t *doc = json_object();

    for (unsigned p = 0; p < OL_PRECS; p++)
        set(&doc, ol_json_prec(p), count_json(counts[p]));
    return doc;
}

/* A member of a fact, as it was noted. */
static json_t *noted(const json_t *fact, const char *key)
{
    json_t *v = json_object_get(fact, key);

    return v != NULL ? json_incref(v) : json_null();
}

static json_t *offs_json(const struct ol_dark_entry *e)
{
    json_t *list = json_array();

    for (unsigned k = 0; k < e->n_off && list != NULL; k++) {
        json_t *doc = json_object();

        set(&doc, "from", time_json(e->off[k].from_ms));
        set(&doc, "to", time_json(e->off[k].to_ms));
        set(&doc, "why", json_string(e->off[k].why));
        if (json_array_append_new(list, doc) == 0)
            continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

/* "cable: refused by ...; radio: no answer since ..." behind the cause. */
static json_t *reason(const struct ol_dark_entry *e)
{
    const char *cause = word(e->begin, "words");
    char text[2048];
    size_t k, n = 0;
    const json_t *c;

    if (!e->dark)
        return json_string(ol_dark_cause_words(OL_DARK_NOT_RUNNING));
    if (e->begin == NULL)
        return json_null();
    n = (size_t)snprintf(text, sizeof(text), "%s", cause);
    json_array_foreach(json_object_get(e->begin, "channels"), k, c) {
        int more;

        if (n >= sizeof(text) - 1 || *word(c, "why") == '\0')
            continue;
        more = snprintf(text + n, sizeof(text) - n, "%s%s: %s",
                        k == 0 ? ": " : "; ", word(c, "name"),
                        word(c, "why"));
        n += more > 0 ? (size_t)more : 0;
    }
    ol_text_mend(text);
    return json_string(text);
}

static json_t *caught_json(const json_t *fact)
{
    json_t *doc = json_object();

    if (fact == NULL) {
        json_decref(doc);
        return json_null();
    }
    set(&doc, "at", time_json(number(fact, "at")));
    set(&doc, "went", noted(fact, "went"));
    set(&doc, "came", noted(fact, "came"));
    return doc;
}

static uint64_t lasted(const struct ol_dark_entry *e, uint64_t now_ms)
{
    if (e->over)
        return e->lasted_ms;
    return e->since_ms > 0 && now_ms > e->since_ms ? now_ms - e->since_ms : 0;
}

json_t *ol_dark_entry_json(const struct ol_dark_entry *e, const char *peer,
                           uint64_t now_ms)
{
    uint64_t ms = lasted(e, now_ms);
    json_t *doc = json_object();

    set(&doc, "line", json_string(peer));
    set(&doc, "kind", json_string(e->dark ? "dark" : "not-running"));
    set(&doc, "since", time_json(e->since_ms));
    set(&doc, "detected", time_json(e->detected_ms));
    set(&doc, "end", time_json(e->over ? e->end_ms : 0));
    set(&doc, "over", json_boolean(e->over));
    set(&doc, "lasted_ms", ms > 0 ? count_json(ms) : json_null());
    set(&doc, "cause", e->dark ? noted(e->begin, "cause")
                               : json_string("not-running"));
    set(&doc, "reason", reason(e));
    set(&doc, "heard", noted(e->begin, "heard"));
    set(&doc, "channels", noted(e->begin, "channels"));
    set(&doc, "not_running_ms", count_json(e->off_ms));
    set(&doc, "not_running", offs_json(e));
    set(&doc, "back_by", noted(e->end, "by"));
    set(&doc, "waited", noted(e->end, "waited"));
    set(&doc, "went", noted(e->end, "went"));
    set(&doc, "came", noted(e->end, "came"));
    set(&doc, "caught_up", caught_json(e->caught_up));
    return doc;
}

void ol_dark_total_add(struct ol_dark_total *t, const struct ol_dark_entry *e,
                       uint64_t from_ms, uint64_t to_ms, uint64_t now_ms)
{
    uint64_t begin = OL_MAX(e->since_ms, from_ms);
    uint64_t end = e->over ? OL_MAX(e->end_ms, e->detected_ms) : now_ms;

    end = OL_MIN(end, to_ms);
    if (e->since_ms == 0 || end <= begin)
        return;
    if (!e->dark) {
        t->not_running_ms += end - begin;
        return;
    }
    t->count++;
    t->total_ms += end - begin;
    t->longest_ms = OL_MAX(t->longest_ms, end - begin);
}
