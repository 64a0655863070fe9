/*
 * answer, decline, supersede, cancel: what is said of a message.
 *
 * Happy path: the message is found, what was not given is taken from it, and a
 * record goes out that names it. The rules here are for people: what makes no
 * sense is refused with words before anything is taken. What the other side
 * says against them stands all the same, and is shown as it is.
 */
#include <string.h>

#include "station/clock.h"
#include "station/json.h"
#include "station/methods.h"
#include "station/names.h"
#include "station/readback.h"
#include "station/speech.h"

/* The message's name, for complaints. */
static const char *called(const struct ol_request *rq)
{
    return ol_param(rq, "name");
}

/* Precedence and marking are those of the message; the first can be given
 * otherwise, the second cannot: a drill stays one. */
static bool like(struct ol_request *rq, const struct ol_entry *e)
{
    const char *marking = ol_json_marking(e->rec.marking);
    const char *given = ol_param(rq, "marking");

    ol_speech_inherit(rq, "precedence",
                      ol_span_str(ol_json_prec(e->row.prec)));
    ol_speech_inherit(rq, "marking", ol_span_str(marking));
    if (given == NULL || marking == NULL || strcmp(given, marking) == 0)
        return true;
    ol_refuse(rq, OL_EXIT_USAGE, "%.64s is marked %s, and so is all that is "
              "said of it: leave --marking away", called(rq), marking);
    return false;
}

/* The name of the record that ended it. */
static void ended_by(const struct ol_entry *e, const struct ol_progress *p,
                     char name[OL_MESSAGE_NAME])
{
    static struct ol_entry by;
    const char *own = e->line->st->conf.name, *peer = e->line->conf.peer;
    bool ours = p->cause.by == OL_OWN;

    ol_text_put(name, OL_MESSAGE_NAME, "a later message");
    if (ol_progress_record(e, &p->cause, &by) == OL_OK)
        ol_name_put(name, ours ? own : peer, ours ? peer : own,
                    by.row.number);
}

/* Its author has not ended it; what: what was to be done with it. */
static bool stands(struct ol_request *rq, const struct ol_entry *e,
                   const struct ol_progress *p, const char *what)
{
    char by[OL_MESSAGE_NAME];

    if (p->outcome == OL_OUTCOME_SUPERSEDED) {
        ended_by(e, p, by);
        ol_refuse(rq, OL_EXIT_FAILED, "%.64s was superseded by %s: %s that "
                  "one", called(rq), by, what);
    } else if (p->outcome == OL_OUTCOME_CANCELLED ||
               p->outcome == OL_OUTCOME_WITHDRAWN) {
        ended_by(e, p, by);
        ol_refuse(rq, OL_EXIT_FAILED, "%.64s was %s by %s: there is nothing "
                  "to %s any more", called(rq),
                  p->outcome == OL_OUTCOME_CANCELLED ? "cancelled"
                                                     : "withdrawn", by, what);
    } else {
        return true;
    }
    return false;
}

/* Theirs, and read here. */
static bool was_read(struct ol_request *rq, const struct ol_progress *p)
{
    if (ol_progress_mark(p, OL_REL_READ) != NULL)
        return true;
    ol_refuse(rq, OL_EXIT_FAILED, "%.64s was not read yet: read it first",
              called(rq));
    return false;
}

static bool may_answer(struct ol_request *rq, const struct ol_entry *e,
                       const struct ol_progress *p)
{
    if (!e->decoded || e->rec.kind != OL_KIND_ASK)
        ol_refuse(rq, OL_EXIT_FAILED, "%.64s asks nothing: 'openline send %s' "
                  "says something of its own", called(rq),
                  e->line->conf.peer);
    else if (!was_read(rq, p) || !stands(rq, e, p, "answer"))
        return false;
    else if (p->rung < OL_RUNG_UNDERSTOOD && ol_critical(&e->rec).n > 0)
        ol_refuse(rq, OL_EXIT_FAILED, "the critical phrases of %.64s were not "
                  "read back yet: 'openline understood' first", called(rq));
    else
        return true;
    return false;
}

void ol_method_answer(struct ol_request *rq)
{
    static struct ol_entry e;
    struct ol_progress p;
    struct ol_speech s = {.rec.kind = OL_KIND_ANSWER};

    if (ol_method_theirs(rq, &e, &p) && like(rq, &e) &&
        ol_speech_take(rq, e.line, &s) && may_answer(rq, &e, &p) &&
        ol_speech_refer(rq, &s, OL_REL_ANSWERS, &e))
        ol_speech_say(rq, e.line, &s);
}

static bool may_decline(struct ol_request *rq, const struct ol_entry *e,
                        const struct ol_progress *p)
{
    const struct ol_row_mark *m = ol_progress_mark(p, OL_REL_DECLINES);
    static struct ol_entry by;
    bool known = m != NULL && ol_progress_record(e, m, &by) == OL_OK;

    if (!ol_query_readable(e) || e->rec.kind == OL_KIND_DECLINE ||
        e->rec.kind == OL_KIND_CANCEL)
        ol_refuse(rq, OL_EXIT_FAILED, "%.64s wants nothing that could be "
                  "declined", called(rq));
    else if (p->rung >= OL_RUNG_ANSWERED)
        ol_refuse(rq, OL_EXIT_FAILED, "%.64s was answered already: answer it "
                  "once more to say otherwise", called(rq));
    else if (m != NULL)
        ol_refuse(rq, OL_EXIT_FAILED, "%.64s was declined already%s%.*s: "
                  "'openline answer' can still answer it", called(rq),
                  known ? ", " : "",
                  known ? (int)OL_MIN(by.rec.text.n, 128u) : 0,
                  (const char *)by.rec.text.p);
    else
        return was_read(rq, p) && stands(rq, e, p, "decline");
    return false;
}

/* A reason is a text, and its officer is told. */
static bool take_reason(struct ol_request *rq, const struct ol_entry *e,
                        struct ol_speech *s)
{
    ol_speech_inherit(rq, "text", ol_span_str(ol_param(rq, "reason")));
    s->rec.originator = ol_span_str(ol_request_officer(rq));
    return like(rq, e) && ol_speech_take(rq, e->line, s);
}

void ol_method_decline(struct ol_request *rq)
{
    static struct ol_entry e;
    struct ol_progress p;
    struct ol_speech s = {.rec.kind = OL_KIND_DECLINE};

    if (ol_method_theirs(rq, &e, &p) && take_reason(rq, &e, &s) &&
        may_decline(rq, &e, &p) &&
        ol_speech_refer(rq, &s, OL_REL_DECLINES, &e))
        ol_speech_say(rq, e.line, &s);
}

/* Ours, and how far it came; false: refused. */
static bool find_ours(struct ol_request *rq, struct ol_entry *e,
                      struct ol_progress *p)
{
    if (!ol_method_message(rq, OL_WHOSE_ANY, e))
        return false;
    if (e->row.author != OL_OWN)
        ol_refuse(rq, OL_EXIT_FAILED, "%.64s is %s's message: only %s can "
                  "take it back; 'openline decline' refuses it", called(rq),
                  e->line->conf.peer, e->line->conf.peer);
    else if (ol_query_progress(e, p) != OL_OK)
        ol_refuse(rq, OL_EXIT_FAILED, "the ledger cannot be read: run "
                  "'openline audit'");
    else
        return true;
    return false;
}

/* It is a message of ours that still stands. */
static bool may_end(struct ol_request *rq, const struct ol_entry *e,
                    const struct ol_progress *p, const char *what)
{
    if (!e->decoded || (e->rec.kind != OL_KIND_MESSAGE &&
                        e->rec.kind != OL_KIND_ASK &&
                        e->rec.kind != OL_KIND_NOTIFICATION))
        ol_refuse(rq, OL_EXIT_FAILED, "%.64s cannot be taken back: what was "
                  "read, answered or declined stays said; say so in a new "
                  "message", called(rq));
    else if (e->waiting)
        ol_refuse(rq, OL_EXIT_FAILED, "%.64s has no number yet, so nothing "
                  "can name it: try again when it has one", called(rq));
    else if (p->rung >= OL_RUNG_ANSWERED)
        ol_refuse(rq, OL_EXIT_FAILED, "%.64s is answered: say what is new in "
                  "a message of its own", called(rq));
    else
        return stands(rq, e, p, what);
    return false;
}

/* Its time, unless another one was given; false: it is over, refused. */
static bool keep_time(struct ol_request *rq, const struct ol_entry *e,
                      struct ol_speech *s)
{
    const char *name = e->rec.kind == OL_KIND_MESSAGE ? "expires" : "by";
    const char *other = e->rec.kind == OL_KIND_MESSAGE ? "by" : "expires";

    if (ol_param(rq, other) != NULL) {
        ol_refuse(rq, OL_EXIT_USAGE, "--%s does not fit %.64s: --%s does",
                  other, called(rq), name);
        return false;
    }
    if (!ol_speech_deadline(rq, name, &s->rec.deadline_ms))
        return false;
    if (s->rec.deadline_ms == 0)
        s->rec.deadline_ms = e->rec.deadline_ms;
    if (s->rec.deadline_ms == 0 ||
        s->rec.deadline_ms > ol_clock_wall_ms())
        return true;
    ol_refuse(rq, OL_EXIT_USAGE, "the time of %.64s is over: give another "
              "with --%s", called(rq), name);
    return false;
}

void ol_method_supersede(struct ol_request *rq)
{
    static struct ol_entry e;
    struct ol_progress p;
    struct ol_speech s = {.has_id = false};

    if (!find_ours(rq, &e, &p) || !like(rq, &e))
        return;
    ol_speech_inherit(rq, "subject", e.rec.subject);
    ol_speech_inherit(rq, "to", e.rec.to);
    ol_speech_inherit(rq, "lang", e.rec.lang);
    s.rec.kind = e.row.kind;
    if (ol_speech_take(rq, e.line, &s) && may_end(rq, &e, &p, "supersede") &&
        keep_time(rq, &e, &s) &&
        ol_speech_refer(rq, &s, OL_REL_SUPERSEDES, &e))
        ol_speech_say(rq, e.line, &s);
}

void ol_method_cancel(struct ol_request *rq)
{
    static struct ol_entry e;
    struct ol_progress p;
    struct ol_speech s = {.rec.kind = OL_KIND_CANCEL, .bare = true};

    if (find_ours(rq, &e, &p) && take_reason(rq, &e, &s) &&
        may_end(rq, &e, &p, "cancel") &&
        ol_speech_refer(rq, &s, OL_REL_CANCELS, &e))
        ol_speech_say(rq, e.line, &s);
}
