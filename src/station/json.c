/*
 * A message as a document.
 *
 * Everything comes from the ledger at the moment of asking; nothing is kept.
 * The text of what the officer has not read stays where it is.
 */
#include "station/json.h"
#include "station/json_values.h"
#include "station/progress.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "station/alarm_json.h"
#include "station/check_plan.h"
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

static json_t *hex_of(const void *p, size_t n)
{
    char text[2 * OL_HASH + 1];

    if (n > OL_HASH)
        return json_null();
    ol_text_hex(text, p, n);
    return json_string(text);
}

/* Name of a known value, "unknown:N" for one of a newer version. */
static json_t *word_of(const char *const *names, size_t n, unsigned v)
{
    char text[24];

    if (v < n && names[v] != NULL)
        return json_string(names[v]);
    ol_text_put(text, sizeof(text), "unknown:%u", v);
    return json_string(text);
}

/* Names of both sides, seen from a record's author. */
static const char *author_of(const struct ol_entry *e, bool same)
{
    bool own = (e->row.author == OL_OWN) == same;

    return own ? e->line->st->conf.name : e->line->conf.peer;
}

json_t *ol_json_name(const struct ol_entry *e, bool own, uint64_t number)
{
    char text[OL_MESSAGE_NAME];

    if (number == 0)
        return json_null();
    ol_name_put(text, author_of(e, own), author_of(e, !own), number);
    return json_string(text);
}

/* Lists. */

static json_t *refs_of(const struct ol_entry *e)
{
    json_t *list = json_array();

    for (unsigned k = 0; k < e->rec.n_refs; k++) {
        const struct ol_ref *ref = &e->rec.refs[k];
        json_t *one = json_object();

        set(&one, "rel", word_of(rels, OL_LEN(rels), ref->rel));
        set(&one, "name", ol_json_name(e, ref->own, ref->number));
        push(&list, one);
    }
    return list;
}

static json_t *releases_of(const struct ol_entry *e)
{
    json_t *list = json_array();

    for (unsigned k = 0; k < e->rec.n_releases; k++) {
        json_t *one = json_object();

        set(&one, "by", text_of(e->rec.releases[k].by));
        push(&list, one);
    }
    return list;
}

static json_t *attempts_of(const struct ol_progress *p)
{
    json_t *list = json_array();

    for (uint32_t k = 0; k < p->n_attempts; k++) {
        json_t *one = json_object();

        set(&one, "channel", json_string(p->attempts[k].channel));
        set(&one, "at", time_of(p->attempts[k].at_ms));
        set(&one, "count", json_integer(p->attempts[k].count));
        push(&list, one);
    }
    return list;
}

static json_t *delivered_of(const struct ol_progress *p)
{
    json_t *one;

    if (p->rung < OL_RUNG_DELIVERED)
        return json_null();
    one = json_object();
    set(&one, "at", time_of(p->delivered_ms));
    set(&one, "proof", json_string("session"));
    return one;
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

static void set_record(json_t **doc, const struct ol_entry *e, bool text)
{
    const struct ol_record *r = &e->rec;
    uint64_t check;

    set(doc, "kind", word_of(kinds, OL_LEN(kinds), r->kind));
    set(doc, "precedence", json_string(ol_json_prec(r->prec)));
    set(doc, "index", r->index ? json_integer(r->index) : json_null());
    set(doc, "marking", word_of(markings, OL_LEN(markings), r->marking));
    set(doc, "written", time_of(r->written_ms));
    set(doc, "arrived", e->row.author == OL_PEER ? time_of(e->row.at_ms)
                                                 : json_null());
    set(doc, "lang", text_of(r->lang));
    set(doc, "subject", text_of(r->subject));
    set(doc, "originator", text_of(r->originator));
    set(doc, "to", text_of(r->to));
    set(doc, "text", text ? text_of(r->text) : json_null());
    set(doc, "refs", refs_of(e));
    set(doc, "deadline", time_of(r->deadline_ms));
    set(doc, "attachments", ol_json_attachments(e));
    set(doc, "releases", releases_of(e));
    set(doc, "check", ol_check_is(r, &check) ? json_integer((json_int_t)check)
                                             : json_null());
}

json_t *ol_json_message(const struct ol_entry *e, enum ol_show show)
{
    struct ol_entry plain;
    struct ol_progress p;
    json_t *doc = json_object();
    bool text;

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
    if (ol_query_progress(e, &p) != OL_OK) {
        json_decref(doc);
        return NULL;
    }
    set(&doc, "name", ol_json_name(e, true, e->row.number));
    set(&doc, "id", e->rec.id.n ? hex_of(e->rec.id.p, e->rec.id.n)
                                : json_null());
    set(&doc, "line", json_string(e->line->conf.peer));
    set(&doc, "author", json_string(author_of(e, true)));
    set(&doc, "number", e->row.number
                            ? json_integer((json_int_t)e->row.number)
                            : json_null());
    text = shows_text(e, &p, show) && e->rec.id.n > 0;
    set_record(&doc, e, text);
    set(&doc, "critical", text ? ol_json_critical(e) : json_null());
    if (e->rec.kind == OL_KIND_STANCE)
        ol_json_declared(&doc, &e->rec);
    set(&doc, "translations", json_array());
    set(&doc, "delivered", delivered_of(&p));
    set(&doc, "attempts", attempts_of(&p));
    ol_json_ladder(&doc, e, &p, show != OL_SHOW_HEADERS);
    set(&doc, "leaf", e->waiting ? json_null()
                                 : hex_of(e->row.leaf, sizeof(e->row.leaf)));
    set(&doc, "returned", e->row.proof == OL_PROOF_PROVED
                              ? json_string("proved")
                          : e->row.proof == OL_PROOF_UNPROVED
                              ? json_string("unproved")
                              : json_null());
    return doc;
}

/* An event. */

static void set_message(json_t **doc, struct ol_station_line *line,
                        const struct ol_row_event *ev)
{
    static struct ol_entry e;
    enum ol_author author = ev->author == OL_OWN ? OL_OWN : OL_PEER;

    if (ol_query_at(line, author, ev->prec, ev->index, &e) != OL_OK)
        return;
    /* `read`, `declined` and their like name the record that says so; people
     * want the message. One that arrived or was delivered is meant itself. */
    if (!ol_json_said(doc, ev->what, &e))
        return;
    set(doc, "name", ol_json_name(&e, true, e.row.number));
    set(doc, "author", json_string(author_of(&e, true)));
    set(doc, "number", json_integer((json_int_t)e.row.number));
    set(doc, "precedence", json_string(ol_json_prec(e.row.prec)));
    set(doc, "kind", word_of(kinds, OL_LEN(kinds), e.row.kind));
    if (ev->what == OL_WHAT_STANCE && e.decoded) {
        ol_json_declared(doc, &e.rec);
        set(doc, "subject", text_of(e.rec.subject));
        set(doc, "reason", text_of(e.rec.text));
    }
    if (e.decoded)
        set(doc, "marking",
            word_of(markings, OL_LEN(markings), e.rec.marking));
    if (ev->what == OL_WHAT_ATTACHMENT)
        ol_json_file_event(doc, &e, ev->detail);
}

json_t *ol_json_event(struct ol_station *st, const struct ol_row_event *ev)
{
    struct ol_station_line *line = ol_line_of(st, ev->line);
    json_t *doc = json_object();

    set(&doc, "seq", json_integer((json_int_t)ev->seq));
    set(&doc, "at", time_of(ev->at_ms));
    set(&doc, "event", json_string(ol_what_name(ev->what)));
    set(&doc, "line", line ? json_string(line->conf.peer) : json_null());
    if (line != NULL && ev->index > 0)
        set_message(&doc, line, ev);
    if (ev->channel[0] != '\0')
        set(&doc, "channel", json_string(ev->channel));
    if (ev->what == OL_WHAT_ALARM && ev->detail[0] == '#')
        ol_alarm_event(&doc, st, ev);
    else if (ev->what == OL_WHAT_RESTORED || ev->what == OL_WHAT_CAUGHT_UP)
        ol_dark_detail_json(&doc, ev->detail);
    else if (ev->what == OL_WHAT_ATTENDANCE)
        ol_json_attended(&doc, ev);
    else if (ev->detail[0] != '\0' && ev->what != OL_WHAT_ATTACHMENT)
        set(&doc, ev->what == OL_WHAT_ALARM ? "detail" : "state",
            json_string(ev->detail));
    return doc;
}
