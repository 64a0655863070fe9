/*
 * stance: what this side declares, and what both have declared.
 *
 * A declaration is a record as a message is: signed, in order, delivered by
 * whatever channel. Closed wants a reason; nothing else changes by it.
 */
#include <string.h>

#include "station/clock.h"
#include "station/json.h"
#include "station/json_set.h"
#include "station/methods.h"
#include "station/names.h"
#include "station/speech.h"
#include "station/stance.h"

static json_t *words_of(struct ol_span s)
{
    return s.n > 0 ? json_stringn((const char *)s.p, s.n) : json_null();
}

static json_t *word_of(const struct ol_stances *s)
{
    const struct ol_stance_row *row = ol_stances_find(s, OL_SPAN(NULL, 0));

    return row != NULL
               ? json_string(ol_stance_name((enum ol_stance)row->stance))
               : json_null();
}

void ol_json_declared(struct ol_out *o, const struct ol_record *rec)
{
    enum ol_stance stance = ol_stance_of_record(rec);

    ol_out_word(o, "stance", stance != OL_STANCE_NONE ? ol_stance_name(stance)
                                                      : NULL);
}

/* One that counts, with what its record says beside it. */
static json_t *declared(struct ol_station_line *line, unsigned by,
                        const struct ol_stance_row *row)
{
    static struct ol_entry e;
    const char *own = line->st->conf.name, *peer = line->conf.peer;
    json_t *doc = json_object();
    char name[OL_MESSAGE_NAME], at[OL_TIME_TEXT];
    bool here = ol_query_at(line, (enum ol_author)by, OL_FLASH, row->index,
                            &e) == OL_OK &&
                e.decoded;

    set(&doc, "by", json_string(by == OL_OWN ? own : peer));
    set(&doc, "subject",
        words_of(OL_SPAN((const uint8_t *)row->subject, row->subject_n)));
    set(&doc, "stance",
        json_string(ol_stance_name((enum ol_stance)row->stance)));
    set(&doc, "reason", here ? words_of(e.rec.text) : json_null());
    if (here) {
        ol_name_put(name, by == OL_OWN ? own : peer,
                    by == OL_OWN ? peer : own, e.row.number);
        ol_text_time(at, e.row.at_ms);
    }
    set(&doc, "name", here ? json_string(name) : json_null());
    set(&doc, "at", here ? json_string(at) : json_null());
    return doc;
}

json_t *ol_json_stance(struct ol_station_line *line)
{
    const struct ol_line_stance *ls = &line->stance;
    json_t *doc = json_object(), *list = json_array();

    for (unsigned by = OL_OWN; by <= OL_PEER; by++)
        for (unsigned k = 0; k < ls->by[by].n; k++)
            (void)json_array_append_new(list, declared(line, by,
                                                       &ls->by[by].v[k]));
    set(&doc, "ours", word_of(&ls->by[OL_OWN]));
    set(&doc, "theirs", word_of(&ls->by[OL_PEER]));
    set(&doc, "declared", list);
    return doc;
}

/* Another subject of ours, and no room for it. */
static bool full(const struct ol_station_line *line, struct ol_span subject)
{
    const struct ol_stances *own = &line->stance.by[OL_OWN];
    const struct ol_stance_row *row = ol_stances_find(own, subject);
    bool known = row != NULL && row->subject_n == subject.n;

    return subject.n > 0 && !known && own->n >= OL_STANCES_MAX - 1;
}

static void declare(struct ol_request *rq, struct ol_station_line *line,
                    const char *word)
{
    struct ol_record rec = {.kind = OL_KIND_STANCE, .prec = OL_FLASH};
    enum ol_stance stance = ol_stance_of(ol_span_str(word));

    if (stance == OL_STANCE_NONE) {
        ol_refuse(rq, OL_EXIT_USAGE, "no stance \"%.32s\": allowed are ready, "
                  "listening, closed", word);
        return;
    }
    if (!ol_speech_text(rq, "subject", OL_SUBJECT_MAX, ": shorten it",
                        &rec.subject) ||
        !ol_speech_text(rq, "reason", OL_TEXT_MAX, ": shorten it", &rec.text))
        return;
    if (stance == OL_STANCE_CLOSED && rec.text.n == 0) {
        ol_refuse(rq, OL_EXIT_USAGE, "closed needs a reason, which the other "
                  "side reads: --reason TEXT");
        return;
    }
    if (full(line, rec.subject)) {
        ol_refuse(rq, OL_EXIT_FAILED, "%u subjects have a stance already: "
                  "take one of them, or the whole line", OL_STANCES_MAX - 1);
        return;
    }
    rec.form_id = ol_span_str(OL_STANCE_FORM);
    rec.form_fields = ol_span_str(ol_stance_name(stance));
    rec.originator = ol_span_str(ol_request_officer(rq));
    ol_submit(line, rq, &rec, NULL);
}

void ol_method_stance(struct ol_request *rq)
{
    struct ol_station_line *line = ol_method_paired(rq);
    const char *word = ol_param(rq, "stance");

    if (line == NULL)
        return;
    if (word != NULL)
        declare(rq, line, word);
    else if (ol_param(rq, "subject") != NULL || ol_param(rq, "reason") != NULL)
        ol_refuse(rq, OL_EXIT_USAGE, "a subject or a reason needs a stance: "
                  "ready, listening or closed");
    else
        ol_reply(rq, ol_json_stance(line));
}
