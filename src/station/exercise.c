/*
 * Exercises. See exercise.h.
 *
 * Happy path: begin and end are values of the ledger, in one commit with the
 * event that tells of them. How it fails: what cannot be kept has not changed.
 */
#include "station/exercise.h"

#include <string.h>

#include "station/alarms.h"
#include "station/clock.h"
#include "station/json.h"
#include "station/json_values.h"
#include "station/methods.h"
#include "station/query.h"
#include "station/speech.h"

#define META "exercise"
#define LONG_MS UINT64_C(86400000)

static const char *const refusals[] = {"none", "actual", "exercise", "both"};

const char *ol_refuse_name(enum ol_conf_refuse refuse)
{
    return refusals[refuse];
}

json_t *ol_json_exercise(const struct ol_station_line *line)
{
    const struct ol_exercise *x = &line->exercise;

    if (!x->on)
        return json_null();
    return json_pack("{s:o,s:s}", "since", time_of(x->at_ms), "by", x->by);
}

void ol_exercise_start(struct ol_station_line *line)
{
    struct ol_ledger *lg = line->st->ledger;
    struct ol_exercise *x = &line->exercise;
    char text[256];
    size_t n = sizeof(text);
    const char *by;
    json_t *doc;

    memset(x, 0, sizeof(*x));
    if (lg->ops->meta(lg, line->ledger_id, META, (uint8_t *)text, &n) !=
        OL_OK)
        return;
    doc = json_loadb(text, n, 0, NULL);
    by = json_string_value(json_object_get(doc, "by"));
    x->on = json_is_true(json_object_get(doc, "on"));
    x->at_ms = (uint64_t)json_integer_value(json_object_get(doc, "at"));
    ol_text_put(x->by, sizeof(x->by), "%s", by != NULL ? by : "");
    json_decref(doc);
}

void ol_exercise_pump(struct ol_station *st)
{
    uint64_t now_ms = ol_clock_wall_ms();
    char since[OL_TIME_TEXT];

    for (unsigned k = 0; k < st->n_lines; k++) {
        struct ol_station_line *line = st->lines[k];
        struct ol_exercise *x = &line->exercise;
        bool lasts = x->on && now_ms > x->at_ms &&
                     now_ms - x->at_ms > LONG_MS;

        if (lasts && !x->alarmed) {
            ol_text_time(since, x->at_ms);
            ol_alarm_raise(line, "exercise", OL_PRIORITY_LOW, "an exercise "
                           "with %s is declared since %s|is it over? then "
                           "'openline exercise %s end'", line->conf.peer,
                           since, line->conf.peer);
        } else if (!lasts && x->alarmed) {
            ol_alarm_clear(line, "exercise");
        }
        x->alarmed = lasts;
    }
}

/* The rule. */

static bool refused(const struct ol_station_line *line, uint8_t marking,
                    bool during)
{
    enum ol_conf_refuse rule = line->conf.refuse;

    if (marking == OL_ACTUAL)
        return during && (rule == OL_REFUSE_ACTUAL || rule == OL_REFUSE_BOTH);
    if (marking == OL_EXERCISE)
        return !during &&
               (rule == OL_REFUSE_EXERCISE || rule == OL_REFUSE_BOTH);
    return false;
}

/* What begins something of its own; what is said of a message, or brings what
 * was announced, goes with that one. */
static bool begins(const struct ol_record *rec)
{
    return rec->n_refs == 0 &&
           (rec->kind == OL_KIND_MESSAGE || rec->kind == OL_KIND_ASK ||
            rec->kind == OL_KIND_NOTIFICATION);
}

/* Whether an exercise was declared when it arrived, as far as one change back
 * tells. If the clock was set back since that change nothing can be said of
 * before and after: then what holds now holds. */
static bool was_on(const struct ol_exercise *x, uint64_t at_ms)
{
    return at_ms >= x->at_ms || ol_clock_wall_ms() < x->at_ms ? x->on
                                                              : !x->on;
}

const char *ol_exercise_refuses(const struct ol_entry *e)
{
    const struct ol_exercise *x = &e->line->exercise;

    if (!begins(&e->rec) ||
        !refused(e->line, e->rec.marking, was_on(x, e->row.at_ms)))
        return NULL;
    return e->rec.marking == OL_ACTUAL
               ? "ACTUAL is refused here while an exercise is declared: say "
                 "it by another way, or when the exercise is over"
               : "EXERCISE is refused here: no exercise is declared";
}

bool ol_exercise_lets(struct ol_request *rq,
                      const struct ol_station_line *line,
                      const struct ol_speech *s)
{
    const struct ol_exercise *x = &line->exercise;
    const char *peer = line->conf.peer;

    if (!begins(&s->rec) || !refused(line, s->rec.marking, x->on))
        return true;
    if (s->rec.marking == OL_ACTUAL)
        ol_refuse(rq, OL_EXIT_FAILED, "an exercise with %s is declared, and "
                  "nothing ACTUAL is sent during one (refuse = %s): mark it "
                  "--marking exercise, or end the exercise first with "
                  "'openline exercise %s end'", peer,
                  ol_refuse_name(line->conf.refuse), peer);
    else
        ol_refuse(rq, OL_EXIT_FAILED, "no exercise with %s is declared, and "
                  "no EXERCISE is sent outside of one (refuse = %s): declare "
                  "it with 'openline exercise %s begin', or mark the message "
                  "--marking actual if it is meant", peer,
                  ol_refuse_name(line->conf.refuse), peer);
    return false;
}
