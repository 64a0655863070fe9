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
#include "station/json.h"

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
        ol_reply(rq, ol_json_message(&e, OL_SHOW_TEXT));
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
    if (rec->text.n == 0 && rq->n_fds == 0) {
        ol_refuse(rq, OL_EXIT_USAGE, "the message has no text and no file: "
                  "write some");
        return false;
    }
    has_id = id_param(rq, line, s->id);
    s->has_id = has_id > 0;
    return has_id >= 0;
}

void ol_speech_say(struct ol_request *rq, struct ol_station_line *line,
                   const struct ol_speech *s)
{
    const uint8_t *id = s->has_id ? s->id : NULL;

    if (rq->n_fds > 0 || json_object_get(rq->params, "files") != NULL)
        ol_taking_start(line, rq, &s->rec, id);
    else
        ol_submit(line, rq, &s->rec, id);
}
