/*
 * A message as a document.
 *
 * Everything comes from the ledger at the moment of asking; nothing is kept.
 * The text of what the officer has not read stays where it is.
 */
#include "station/json.h"
#include "station/progress.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "station/alarm_json.h"
#include "station/check_plan.h"
#include "station/control.h"
#include "station/dark.h"
#include "station/names.h"
#include "station/presence.h"

static const char *const precs[] = {"flash", "immediate", "priority",
                                    "routine"};
static const char *const markings[] = {"actual", "exercise", "test"};
static const char *const rungs[] = {"draft",     "queued", "sent",
                                    "delivered", "read",   "understood",
                                    "answered"};
static const char *const kinds[] = {
    [OL_KIND_MESSAGE] = "message",   [OL_KIND_RECEIPT] = "receipt",
    [OL_KIND_ASK] = "ask",           [OL_KIND_ANSWER] = "answer",
    [OL_KIND_DECLINE] = "decline",   [OL_KIND_CANCEL] = "cancel",
    [OL_KIND_STANCE] = "stance",     [OL_KIND_CLOSING] = "closing",
    [OL_KIND_RULE] = "rule",         [OL_KIND_NOTIFICATION] = "notification",
    [OL_KIND_RETURNED] = "returned",
};
static const char *const rels[] = {
    [OL_REL_ANSWERS] = "answers",       [OL_REL_SUPERSEDES] = "supersedes",
    [OL_REL_CANCELS] = "cancels",       [OL_REL_TRANSLATES] = "translates",
    [OL_REL_READ] = "read",             [OL_REL_UNDERSTOOD] = "understood",
    [OL_REL_DECLINES] = "declines",     [OL_REL_RESTS_ON] = "rests-on",
    [OL_REL_DISTRIBUTED] = "distributed", [OL_REL_CHECKED] = "checked",
    [OL_REL_FULFILS] = "fulfils",       [OL_REL_REMINDS] = "reminds",
};

static int find(const char *const *names, size_t n, const char *name)
{
    for (size_t k = 0; k < n; k++)
        if (strcmp(names[k], name) == 0)
            return (int)k;
    return -1;
}

const char *ol_json_prec(unsigned prec)
{
    return prec < OL_LEN(precs) ? precs[prec] : NULL;
}

const char *ol_json_marking(unsigned marking)
{
    return marking < OL_LEN(markings) ? markings[marking] : NULL;
}

const char *ol_json_rung(unsigned rung)
{
    return rung < OL_LEN(rungs) ? rungs[rung] : NULL;
}

int ol_json_prec_of(const char *name)
{
    return find(precs, OL_LEN(precs), name);
}

int ol_json_marking_of(const char *name)
{
    return find(markings, OL_LEN(markings), name);
}

int ol_json_rung_of(const char *name)
{
    return find(rungs, OL_LEN(rungs), name);
}

/* Small values. */

/* Name of a known value, "unknown:N" for one of a newer version. */
static void put_word(struct ol_out *o, const char *key,
                     const char *const *names, size_t n, unsigned v)
{
    char text[24];

    if (v < n && names[v] != NULL) {
        ol_out_word(o, key, names[v]);
        return;
    }
    ol_text_put(text, sizeof(text), "unknown:%u", v);
    ol_out_word(o, key, text);
}

/* 0: null. */
static void put_number(struct ol_out *o, const char *key, uint64_t v)
{
    if (v == 0)
        ol_out_null(o, key);
    else
        ol_out_int(o, key, (int64_t)v);
}

/* Names of both sides, seen from a record's author. */
static const char *author_of(const struct ol_entry *e, bool same)
{
    bool own = (e->row.author == OL_OWN) == same;

    return own ? e->line->st->conf.name : e->line->conf.peer;
}

void ol_json_name(struct ol_out *o, const char *key, const struct ol_entry *e,
                  bool own, uint64_t number)
{
    char text[OL_MESSAGE_NAME];

    if (number > 0)
        ol_name_put(text, author_of(e, own), author_of(e, !own), number);
    ol_out_word(o, key, number > 0 ? text : NULL);
}

/* Lists. */

static void put_refs(struct ol_out *o, const struct ol_entry *e)
{
    ol_out_open(o, "refs", '[');
    for (unsigned k = 0; k < e->rec.n_refs; k++) {
        const struct ol_ref *ref = &e->rec.refs[k];

        ol_out_open(o, NULL, '{');
        put_word(o, "rel", rels, OL_LEN(rels), ref->rel);
        ol_json_name(o, "name", e, ref->own, ref->number);
        ol_out_close(o, '}');
    }
    ol_out_close(o, ']');
}

static void put_releases(struct ol_out *o, const struct ol_entry *e)
{
    ol_out_open(o, "releases", '[');
    for (unsigned k = 0; k < e->rec.n_releases; k++) {
        ol_out_open(o, NULL, '{');
        ol_out_text(o, "by", e->rec.releases[k].by);
        ol_out_close(o, '}');
    }
    ol_out_close(o, ']');
}

static void put_attempts(struct ol_out *o, const struct ol_progress *p)
{
    ol_out_open(o, "attempts", '[');
    for (uint32_t k = 0; k < p->n_attempts; k++) {
        ol_out_open(o, NULL, '{');
        ol_out_word(o, "channel", p->attempts[k].channel);
        ol_out_time(o, "at", p->attempts[k].at_ms);
        ol_out_int(o, "count", p->attempts[k].count);
        ol_out_close(o, '}');
    }
    ol_out_close(o, ']');
}

static void put_delivered(struct ol_out *o, const struct ol_progress *p)
{
    if (p->rung < OL_RUNG_DELIVERED) {
        ol_out_null(o, "delivered");
        return;
    }
    ol_out_open(o, "delivered", '{');
    ol_out_time(o, "at", p->delivered_ms);
    ol_out_word(o, "proof", "session");
    ol_out_close(o, '}');
}

/* The message. */

static bool shows_text(const struct ol_entry *e, const struct ol_progress *p,
                       enum ol_show show)
{
    if (show == OL_SHOW_HEADERS)
        return false;
    /* What nobody reads needs no reading first. */
    return show == OL_SHOW_TEXT || e->row.author == OL_OWN ||
           p->rung >= OL_RUNG_READ || e->rec.kind == OL_KIND_RECEIPT ||
           e->rec.kind == OL_KIND_RETURNED || e->rec.kind == OL_KIND_STANCE;
}

static void put_record(struct ol_out *o, const struct ol_entry *e, bool text)
{
    const struct ol_record *r = &e->rec;
    uint64_t check;

    put_word(o, "kind", kinds, OL_LEN(kinds), r->kind);
    ol_out_word(o, "precedence", ol_json_prec(r->prec));
    put_number(o, "index", r->index);
    put_word(o, "marking", markings, OL_LEN(markings), r->marking);
    ol_out_time(o, "written", r->written_ms);
    ol_out_time(o, "arrived", e->row.author == OL_PEER ? e->row.at_ms : 0);
    ol_out_text(o, "lang", r->lang);
    ol_out_text(o, "subject", r->subject);
    ol_out_text(o, "originator", r->originator);
    ol_out_text(o, "to", r->to);
    ol_out_text(o, "text", text ? r->text : OL_SPAN(NULL, 0));
    put_refs(o, e);
    ol_out_time(o, "deadline", r->deadline_ms);
    ol_json_attachments(o, e);
    put_releases(o, e);
    if (ol_check_is(r, &check))
        ol_out_int(o, "check", (int64_t)check);
    else
        ol_out_null(o, "check");
}

static void put_message(struct ol_out *o, const struct ol_entry *e,
                        enum ol_show show)
{
    struct ol_progress p;
    bool text;

    if (ol_query_progress(e, &p) != OL_OK) {
        o->failed = true;
        return;
    }
    text = shows_text(e, &p, show) && e->rec.id.n > 0;
    ol_json_name(o, "name", e, true, e->row.number);
    if (e->rec.id.n > 0)
        ol_out_hex(o, "id", e->rec.id);
    else
        ol_out_null(o, "id");
    ol_out_word(o, "line", e->line->conf.peer);
    ol_out_word(o, "author", author_of(e, true));
    put_number(o, "number", e->row.number);
    put_record(o, e, text);
    if (text)
        ol_json_critical(o, e);
    else
        ol_out_null(o, "critical");
    if (e->rec.kind == OL_KIND_STANCE)
        ol_json_declared(o, &e->rec);
    ol_out_open(o, "translations", '[');
    ol_out_close(o, ']');
    put_delivered(o, &p);
    put_attempts(o, &p);
    ol_json_ladder(o, e, &p, show != OL_SHOW_HEADERS);
    if (e->waiting)
        ol_out_null(o, "leaf");
    else
        ol_out_hex(o, "leaf", OL_SPAN_ARRAY(e->row.leaf));
    ol_out_word(o, "returned",
                e->row.proof == OL_PROOF_PROVED     ? "proved"
                : e->row.proof == OL_PROOF_UNPROVED ? "unproved"
                                                    : NULL);
}

void ol_json_message(struct ol_out *o, const struct ol_entry *e,
                     enum ol_show show)
{
    struct ol_entry plain;

    if (!e->decoded) {
        /* A record that this version cannot read still has its place. */
        plain.line = e->line;
        plain.row = e->row;
        plain.waiting = plain.fresh = false;
        plain.decoded = false;
        memset(&plain.rec, 0, sizeof(plain.rec));
        plain.rec.prec = e->row.prec;
        plain.rec.index = e->row.index;
        plain.rec.kind = e->row.kind;
        e = &plain;
    }
    ol_out_open(o, NULL, '{');
    put_message(o, e, show);
    ol_out_close(o, '}');
}

void ol_json_reply(struct ol_request *rq, const struct ol_entry *e,
                   enum ol_show show)
{
    struct ol_out o;

    ol_reply_begin(rq, &o);
    ol_json_message(&o, e, show);
    ol_reply_end(rq, &o);
}

void ol_json_stream(struct ol_request *rq, const struct ol_entry *e,
                    enum ol_show show)
{
    struct ol_out o = {0};

    ol_stream_begin(rq, &o);
    ol_json_message(&o, e, show);
    ol_stream_put(rq, &o);
}

/* An event. */

/* `read`, `declined` and their like name the record that says so; people want
 * the message. One that arrived or was delivered is meant itself. */
static void put_meant(struct ol_out *o, const struct ol_row_event *ev,
                      const struct ol_entry *e, const struct ol_said *said)
{
    if (said->meant) {
        ol_json_said(o, ev->what, e, said);
        if (!said->there)
            return;
        e = &said->message;
    }
    ol_json_name(o, "name", e, true, e->row.number);
    ol_out_word(o, "author", author_of(e, true));
    ol_out_int(o, "number", (int64_t)e->row.number);
    ol_out_word(o, "precedence", ol_json_prec(e->row.prec));
    put_word(o, "kind", kinds, OL_LEN(kinds), e->row.kind);
    if (ev->what == OL_WHAT_STANCE && e->decoded) {
        ol_json_declared(o, &e->rec);
        ol_out_text(o, "subject", e->rec.subject);
        ol_out_text(o, "reason", e->rec.text);
    }
    if (e->decoded)
        put_word(o, "marking", markings, OL_LEN(markings), e->rec.marking);
    if (ev->what == OL_WHAT_ATTACHMENT)
        ol_json_file_event(o, e, ev->detail);
}

static void put_detail(struct ol_out *o, struct ol_station *st,
                       const struct ol_row_event *ev)
{
    if (ev->what == OL_WHAT_ALARM && ev->detail[0] == '#')
        ol_alarm_event(o, st, ev);
    else if (ev->what == OL_WHAT_RESTORED || ev->what == OL_WHAT_CAUGHT_UP)
        ol_dark_detail_json(o, ev->detail);
    else if (ev->what == OL_WHAT_ATTENDANCE)
        ol_json_attended(o, ev);
    else if (ev->detail[0] != '\0' && ev->what != OL_WHAT_ATTACHMENT)
        ol_out_word(o, ev->what == OL_WHAT_ALARM ? "detail" : "state",
                    ev->detail);
}

void ol_json_event(struct ol_out *o, struct ol_station *st,
                   const struct ol_row_event *ev)
{
    struct ol_station_line *line = ol_line_of(st, ev->line);
    enum ol_author author = ev->author == OL_OWN ? OL_OWN : OL_PEER;
    static struct ol_entry e; /* large; one thread */
    static struct ol_said said;
    bool there = line != NULL && ev->index > 0 &&
                 ol_query_at(line, author, ev->prec, ev->index, &e) == OL_OK;

    said.misread = false;
    if (there)
        ol_said_find(ev->what, &e, &said);
    ol_out_open(o, NULL, '{');
    ol_out_int(o, "seq", (int64_t)ev->seq);
    ol_out_time(o, "at", ev->at_ms);
    ol_out_word(o, "event", there && said.misread ? "misread"
                                                  : ol_what_name(ev->what));
    ol_out_word(o, "line", line ? line->conf.peer : NULL);
    if (there)
        put_meant(o, ev, &e, &said);
    if (ev->channel[0] != '\0')
        ol_out_word(o, "channel", ev->channel);
    put_detail(o, st, ev);
    ol_out_close(o, '}');
}
