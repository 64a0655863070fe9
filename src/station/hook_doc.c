/*
 * What a hook is told: one event, or a fold of many, and the same in a line
 * for people.
 */
#include <string.h>

#include "station/clock.h"
#include "station/hooks.h"
#include "station/json.h"
#include "station/json_set.h"
#include "station/station.h"

static json_t *event(struct ol_hook *hook, const struct ol_row_event *ev)
{
    struct ol_out o = {0};

    ol_json_event(&o, hook->st, ev);
    return ol_out_read(&o);
}

static json_t *fold(struct ol_hook *hook)
{
    const struct ol_hook_queue *q = &hook->queue;
    json_t *doc = json_object(), *counts = json_object();
    json_t *events = json_array();
    char since[OL_TIME_TEXT], at[OL_TIME_TEXT];

    ol_text_time(since, q->first_ms);
    ol_text_time(at, ol_clock_wall_ms());
    for (unsigned k = 0; k < OL_WHATS; k++)
        if (q->counts[k] > 0)
            set(&counts, ol_what_name((enum ol_what)k),
                json_integer(q->counts[k]));
    for (unsigned k = 0; k < q->n_kept; k++)
        (void)json_array_append_new(events,
                                    event(hook, &q->kept[k]));
    set(&doc, "event", json_string("folded"));
    set(&doc, "at", json_string(at));
    set(&doc, "since", json_string(since));
    set(&doc, "first", json_integer((json_int_t)q->first));
    set(&doc, "last", json_integer((json_int_t)q->last));
    set(&doc, "count", json_integer(q->folded));
    set(&doc, "counts", counts);
    set(&doc, "events", events);
    return doc;
}

json_t *ol_hook_doc(struct ol_hook *hook)
{
    json_t *doc;

    if (hook->queue.folded > 0)
        doc = fold(hook);
    else if (hook->queue.n > 0)
        doc = event(hook, &hook->queue.v[0]);
    else
        return NULL;
    set(&doc, "station", json_string(hook->st->conf.name));
    set(&doc, "hook", json_string(hook->name));
    return doc;
}

static const char *member(const json_t *doc, const char *key)
{
    const char *text = json_string_value(json_object_get(doc, key));

    return text ? text : "";
}

/* "120 events, 3 alarm, 117 delivered" */
static void say_counts(const json_t *doc, char *out, size_t room)
{
    json_t *counts = json_object_get(doc, "counts"), *n;
    size_t used;
    const char *what;

    ol_text_put(out, room, "%lld events",
                (long long)json_integer_value(json_object_get(doc,
                                                              "count")));
    json_object_foreach(counts, what, n) {
        used = strlen(out);
        ol_text_put(out + used, room - used, ", %lld %s",
                    (long long)json_integer_value(n), what);
    }
}

void ol_hook_summary(const json_t *doc, char out[512])
{
    const char *line = member(doc, "line"), *name = member(doc, "name");
    const char *detail = member(doc, "detail"), *state = member(doc, "state");
    const char *event = member(doc, "event"), *by = member(doc, "channel");
    char counts[256] = "";

    if (strcmp(event, "folded") == 0)
        say_counts(doc, counts, sizeof(counts));
    ol_text_put(out, 512, "%s: %s%s%s%s%s%s%s%s%s%s%s%s%s", member(doc,
                "station"), *line ? "line " : "", line, *line ? ": " : "",
                counts[0] ? counts : event, *name ? " " : "", name,
                *by ? " " : "", by, *state ? " is " : "", state,
                *member(doc, "precedence") ? ", " : "",
                member(doc, "precedence"), *detail ? ": " : "");
    if (*detail != '\0')
        ol_text_put(out + strlen(out), 512 - strlen(out), "%s", detail);
    ol_text_mend(out);
    for (char *c = out; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
}
