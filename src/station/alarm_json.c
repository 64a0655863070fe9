/*
 * Alarms as documents, there and back.
 *
 * One form for all: what a face is shown is what the ledger keeps. A document
 * of a newer program may hold more; one that misses what is needed is none.
 */
#include "station/alarm_json.h"

#include <stdlib.h>
#include <string.h>

#include "station/json_set.h"

static json_t *moment(uint64_t ms)
{
    char text[OL_TIME_TEXT];

    if (ms == 0)
        return json_null();
    ol_text_time(text, ms);
    return json_string(text);
}

static json_t *text_or_null(const char *text)
{
    return text[0] != '\0' ? json_string(text) : json_null();
}

json_t *ol_alarm_doc(const struct ol_alarm *a)
{
    json_t *doc = json_object();

    set(&doc, "n", json_integer(a->n));
    set(&doc, "line", text_or_null(a->line));
    set(&doc, "key", json_string(a->key));
    set(&doc, "priority", json_string(ol_priority_name(a->priority)));
    set(&doc, "state", json_string(ol_alarm_state(a)));
    set(&doc, "active", json_boolean(a->active));
    set(&doc, "acknowledged", json_boolean(a->acked));
    set(&doc, "flood", json_boolean(a->flood));
    set(&doc, "what", json_string(a->what));
    set(&doc, "do", json_string(a->act));
    set(&doc, "count", json_integer(a->count));
    set(&doc, "raised", moment(a->raised_ms));
    set(&doc, "last", moment(a->last_ms));
    set(&doc, "returned", moment(a->cleared_ms));
    set(&doc, "acknowledged_at", moment(a->acked_ms));
    set(&doc, "shelved_at", moment(a->shelved_ms));
    set(&doc, "shelved_until", moment(a->shelved_until_ms));
    set(&doc, "by", text_or_null(a->by));
    return doc;
}

static bool text(const json_t *doc, const char *key, char *out, size_t room)
{
    const char *value = json_string_value(json_object_get(doc, key));

    return ol_text_put(out, room, "%s", value ? value : "") && value != NULL;
}

static uint64_t time_of(const json_t *doc, const char *key)
{
    const char *value = json_string_value(json_object_get(doc, key));
    uint64_t ms = 0;

    return value != NULL && ol_text_time_parse(value, 0, &ms) ? ms : 0;
}

bool ol_alarm_of_doc(const json_t *doc, struct ol_alarm *out)
{
    json_int_t n = json_integer_value(json_object_get(doc, "n"));
    json_int_t count = json_integer_value(json_object_get(doc, "count"));
    const char *words = json_string_value(json_object_get(doc, "priority"));
    int priority = ol_priority_of(words);

    memset(out, 0, sizeof(*out));
    if (n <= 0 || n > UINT32_MAX || count < 0 || count > UINT32_MAX ||
        priority < 0 || !text(doc, "key", out->key, sizeof(out->key)) ||
        !text(doc, "what", out->what, sizeof(out->what)) ||
        !text(doc, "do", out->act, sizeof(out->act)))
        return false;
    (void)text(doc, "line", out->line, sizeof(out->line));
    (void)text(doc, "by", out->by, sizeof(out->by));
    out->n = (uint32_t)n;
    out->count = (uint32_t)count;
    out->priority = (uint8_t)priority;
    out->active = json_is_true(json_object_get(doc, "active"));
    out->acked = json_is_true(json_object_get(doc, "acknowledged"));
    out->flood = json_is_true(json_object_get(doc, "flood"));
    out->raised_ms = time_of(doc, "raised");
    out->last_ms = time_of(doc, "last");
    out->cleared_ms = time_of(doc, "returned");
    out->acked_ms = time_of(doc, "acknowledged_at");
    out->shelved_ms = time_of(doc, "shelved_at");
    out->shelved_until_ms = time_of(doc, "shelved_until");
    return true;
}

/* words: cut behind some byte, and then mended. */
static bool begins(const char *what, const char *words)
{
    size_t n = strlen(words);

    for (unsigned cut = 0; cut < 3 && n > 0 && words[n - 1] == '?'; cut++)
        n--;
    return strncmp(what, words, n) == 0;
}

void ol_alarm_event(struct ol_out *o, struct ol_station *st,
                    const struct ol_row_event *ev)
{
    char *words, text[2 * OL_ALARM_WORDS + 4];
    unsigned long n = strtoul(ev->detail + 1, &words, 10);
    const struct ol_alarm *a = st->alarms
                                   ? ol_alarms_find(st->alarms, (uint32_t)n)
                                   : NULL;

    words += strspn(words, " ");
    ol_out_int(o, "alarm", (int64_t)n);
    /* Of an alarm that says something else by now, or has the number of one
     * that is long forgotten, nothing is told as if it had been said then. */
    if (a == NULL || !begins(a->what, words)) {
        ol_out_word(o, "detail", words);
        return;
    }
    ol_text_put(text, sizeof(text), "%s: %s", a->what, a->act);
    ol_out_word(o, "priority", ol_priority_name(a->priority));
    ol_out_word(o, "detail", text);
}

json_t *ol_alarm_summary(const struct ol_alarms *l)
{
    unsigned unacked = 0, standing = 0;
    int worst = -1;

    for (unsigned k = 0; k < l->n; k++) {
        const struct ol_alarm *a = &l->v[k];

        if (ol_alarm_shelved(a))
            continue;
        standing += a->active;
        unacked += !a->acked;
        if (!a->acked && a->priority > worst)
            worst = a->priority;
    }
    return json_pack("{s:i,s:i,s:o}", "unacknowledged", (int)unacked,
                     "standing", (int)standing, "worst",
                     worst >= 0 ? json_string(ol_priority_name(
                                      (unsigned)worst))
                                : json_null());
}
