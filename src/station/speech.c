/*
 * What all that is said has in common: from a request to a record.
 *
 * Happy path: the method fills in the kind, its references and what else is
 * its own, and the texts, precedence, marking and files come out of the
 * parameters, checked here in words; the core checks the same bounds again.
 * It fails by refusing the request, before anything was taken.
 */
#include "station/speech.h"

#include <string.h>

#include "station/clock.h"
#include "station/deadline.h"
#include "station/exercise.h"
#include "station/json.h"
#include "station/readback.h"

bool ol_speech_text(struct ol_request *rq, const char *name, size_t max,
                    const char *advice, struct ol_span *out)
{
    const char *text = ol_param(rq, name);

    *out = ol_span_str(text);
    if (out->n <= max)
        return true;
    ol_refuse(rq, OL_EXIT_USAGE, "%s of %zu bytes: at most %zu%s", name,
              out->n, max, advice);
    return false;
}

/* A word parameter out of a list; false: refused. */
static bool word_param(struct ol_request *rq, const char *name,
                       int (*of)(const char *), int fallback, uint8_t *out)
{
    const char *word = ol_param(rq, name);
    int v = word ? of(word) : fallback;

    *out = (uint8_t)v;
    if (v >= 0)
        return true;
    ol_refuse(rq, OL_EXIT_USAGE, "no %s \"%.32s\": allowed are %s", name,
              word, of == ol_json_prec_of
                        ? "flash, immediate, priority, routine"
                        : "actual, exercise, test");
    return false;
}

static bool lang_ok(struct ol_request *rq, struct ol_span lang)
{
    for (size_t k = 0; k < lang.n; k++) {
        uint8_t c = lang.p[k];

        if (c == '-' || (c >= '0' && c <= '9') ||
            ((c | 32) >= 'a' && (c | 32) <= 'z'))
            continue;
        ol_refuse(rq, OL_EXIT_USAGE, "lang must be a language tag, as en or "
                  "zh-Hant");
        return false;
    }
    return true;
}

/* The caller's own id: 1 given, 0 none, -1 refused. An id that is there
 * already is answered with its message. */
static int id_param(struct ol_request *rq, const struct ol_station_line *line,
                    uint8_t id[OL_ID_SIZE])
{
    const char *text = ol_param(rq, "id");
    static struct ol_entry e;

    if (text == NULL)
        return 0;
    if (!ol_text_unhex(id, OL_ID_SIZE, text)) {
        ol_refuse(rq, OL_EXIT_USAGE, "id must be 32 hexadecimal digits");
        return -1;
    }
    if (ol_submit_has_id(rq->st, id) || ol_taking_has_id(rq->st, id)) {
        ol_refuse(rq, OL_EXIT_FAILED, "this id is being taken: ask again");
        return -1;
    }
    if (ol_query_id(rq->st, id, &e) != OL_OK)
        return 1;
    if (e.line == line && e.row.author == OL_OWN)
        ol_json_reply(rq, &e, OL_SHOW_TEXT);
    else
        ol_refuse(rq, OL_EXIT_FAILED, "this id belongs to another message: "
                  "choose another");
    return -1;
}

bool ol_speech_deadline(struct ol_request *rq, const char *name,
                        uint64_t *ms)
{
    const char *text = ol_param(rq, name);
    char why[OL_WHY_MAX];

    *ms = 0;
    if (text == NULL ||
        ol_deadline_parse(text, ol_clock_wall_ms(), ms, why) == OL_EXIT_OK)
        return true;
    ol_refuse(rq, OL_EXIT_USAGE, "%s: %s", name, why);
    return false;
}

/* Why a phrase cannot be marked, in words. */
static void refuse_phrase(struct ol_request *rq, const char *phrase,
                          enum ol_phrase_fault fault)
{
    static const char *const words[] = {
        [OL_PHRASE_GOOD] = "",
        [OL_PHRASE_EMPTY] = "it is empty: name what is to be read back",
        [OL_PHRASE_LONG] = "it is longer than 128 bytes: mark less",
        [OL_PHRASE_BROKEN] = "it holds a semicolon or a line's end: mark what "
                             "stands before and behind as two",
        [OL_PHRASE_FOREIGN] = "it does not stand in the text: mark it as it "
                              "is written there",
    };

    ol_refuse(rq, OL_EXIT_USAGE, "critical phrase \"%.130s\": %s", phrase,
              words[fault]);
}

/* The critical phrases, one a line, as the form's fields. They take the
 * list's place in the request, which keeps them. */
static bool take_critical(struct ol_request *rq, struct ol_record *rec)
{
    json_t *list = json_object_get(rq->params, "critical"), *one;
    char fields[OL_CRITICAL_MAX * (OL_PHRASE_MAX + 1)] = "";
    size_t k;

    if (json_array_size(list) == 0)
        return true;
    if (json_array_size(list) > OL_CRITICAL_MAX) {
        ol_refuse(rq, OL_EXIT_USAGE, "%zu critical phrases: at most %u, those "
                  "that must not be mistaken", json_array_size(list),
                  OL_CRITICAL_MAX);
        return false;
    }
    json_array_foreach(list, k, one) {
        const char *phrase = json_string_value(one);
        enum ol_phrase_fault fault = ol_phrase_check(ol_span_str(phrase),
                                                     rec->text);
        size_t n = strlen(fields);

        if (fault != OL_PHRASE_GOOD) {
            refuse_phrase(rq, phrase ? phrase : "", fault);
            return false;
        }
        ol_text_put(fields + n, sizeof(fields) - n, "%s%s", k > 0 ? "\n" : "",
                    phrase);
    }
    one = json_string(fields);
    rec->form_id = ol_span_str(OL_CRITICAL_FORM);
    rec->form_fields = ol_span_str(json_string_value(one));
    if (one != NULL && json_object_set_new(rq->params, "critical", one) == 0)
        return true;
    ol_refuse(rq, OL_EXIT_FAILED, "no memory: nothing was taken");
    return false;
}

void ol_speech_inherit(struct ol_request *rq, const char *name,
                       struct ol_span text)
{
    if (text.n > 0 && json_object_get(rq->params, name) == NULL)
        (void)json_object_set_new(rq->params, name,
                                  json_stringn((const char *)text.p,
                                               text.n));
}

bool ol_speech_refer(struct ol_request *rq, struct ol_speech *s,
                     enum ol_rel rel, const struct ol_entry *e)
{
    struct ol_ref *ref = &s->rec.refs[s->rec.n_refs++];

    ref->rel = (uint8_t)rel;
    ref->own = e->row.author == OL_OWN;
    ref->number = e->row.number;
    /* These may be said more than once. */
    if (rel == OL_REL_ANSWERS || rel == OL_REL_FULFILS ||
        !ol_submit_pending(e->line, ref->rel, ref->number))
        return true;
    ol_refuse(rq, OL_EXIT_FAILED, "another officer is at this message just "
              "now: ask again");
    return false;
}

bool ol_speech_take(struct ol_request *rq, const struct ol_station_line *line,
                    struct ol_speech *s)
{
    struct ol_record *rec = &s->rec;
    int has_id;

    if (!ol_speech_text(rq, "text", OL_TEXT_MAX,
                        ": send longer text as a file", &rec->text) ||
        !ol_speech_text(rq, "subject", OL_SUBJECT_MAX, ": shorten it",
                        &rec->subject) ||
        !ol_speech_text(rq, "to", OL_ROLE_MAX, ": name one role",
                        &rec->to) ||
        !ol_speech_text(rq, "lang", OL_LANG_MAX, ": a tag as en or zh-Hant",
                        &rec->lang) ||
        !lang_ok(rq, rec->lang) ||
        !word_param(rq, "precedence", ol_json_prec_of, OL_ROUTINE,
                    &rec->prec) ||
        !word_param(rq, "marking", ol_json_marking_of, OL_ACTUAL,
                    &rec->marking))
        return false;
    if (rec->text.n == 0 && rq->n_fds == 0 && !s->bare) {
        ol_refuse(rq, OL_EXIT_USAGE, "the message has no text and no file: "
                  "write some");
        return false;
    }
    if (!take_critical(rq, rec))
        return false;
    has_id = id_param(rq, line, s->id);
    s->has_id = has_id > 0;
    return has_id >= 0;
}

void ol_speech_say(struct ol_request *rq, struct ol_station_line *line,
                   const struct ol_speech *s)
{
    const uint8_t *id = s->has_id ? s->id : NULL;

    if (!ol_exercise_lets(rq, line, s))
        return;
    if (rq->n_fds > 0 || json_object_get(rq->params, "files") != NULL)
        ol_taking_start(line, rq, &s->rec, id);
    else
        ol_submit(line, rq, &s->rec, id);
}
