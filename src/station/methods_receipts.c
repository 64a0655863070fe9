/*
 * read, understood, distributed: what a person says of a message of theirs.
 *
 * Each gives a receipt: a record of our own, of the message's precedence and
 * marking, with the officer's name. A second of the same gives none, but for a
 * readback that did not hold: that is said to both sides and tried again.
 */
#include <string.h>

#include "station/json.h"
#include "station/methods.h"
#include "station/misread.h"
#include "station/readback.h"
#include "station/speech.h"

/* Readbacks of one message that may differ: then it is time to speak. Below
 * OL_MARKS_EACH, so that one that holds is always seen. */
#define READBACKS_MAX 16u

bool ol_method_theirs(struct ol_request *rq, struct ol_entry *e,
                      struct ol_progress *p)
{
    const char *name = ol_param(rq, "name");

    if (!ol_method_message(rq, OL_WHOSE_PEERS, e))
        return false;
    if (e->row.author == OL_OWN)
        ol_refuse(rq, OL_EXIT_FAILED, "%.64s is our own message: only %s can "
                  "say that of it; 'openline log' shows it", name,
                  e->line->conf.peer);
    else if (ol_query_progress(e, p) != OL_OK)
        ol_refuse(rq, OL_EXIT_FAILED, "the ledger cannot be read: run "
                  "'openline audit'");
    else
        return true;
    return false;
}

static void give(struct ol_request *rq, const struct ol_entry *e,
                 enum ol_rel rel, struct ol_span text)
{
    struct ol_record rec = {.kind = OL_KIND_RECEIPT, .prec = e->row.prec,
                            .marking = e->rec.marking, .text = text,
                            .n_refs = 1};

    rec.refs[0].rel = (uint8_t)rel;
    rec.refs[0].number = e->row.number;
    rec.originator = ol_span_str(ol_request_officer(rq));
    if (rel != OL_REL_DISTRIBUTED &&
        ol_submit_pending(e->line, (uint8_t)rel, e->row.number))
        ol_refuse(rq, OL_EXIT_FAILED, "another officer is at this message "
                  "just now: ask again");
    else
        ol_submit(e->line, rq, &rec, NULL);
}

void ol_method_read(struct ol_request *rq)
{
    static struct ol_entry e;
    struct ol_progress p;

    if (!ol_method_theirs(rq, &e, &p))
        return;
    if (p.rung >= OL_RUNG_READ || !ol_query_readable(&e))
        ol_json_reply(rq, &e, OL_SHOW_TEXT);
    else
        give(rq, &e, OL_REL_READ, ol_span_str(NULL));
}

/* It is a message, and somebody here has read it. */
static bool was_read(struct ol_request *rq, const struct ol_entry *e,
                     const struct ol_progress *p)
{
    const char *name = ol_param(rq, "name");

    if (!ol_query_readable(e))
        ol_refuse(rq, OL_EXIT_FAILED, "%.64s is no message that is read and "
                  "understood", name);
    else if (ol_progress_mark(p, OL_REL_READ) == NULL)
        ol_refuse(rq, OL_EXIT_FAILED, "%.64s was not read yet: read it first",
                  name);
    else
        return true;
    return false;
}

static unsigned count(const struct ol_progress *p, uint8_t rel)
{
    unsigned n = 0;

    for (uint32_t k = 0; k < p->n_marks; k++)
        n += p->marks[k].rel == rel;
    return n;
}

/* What must not be mistaken is read back, and not for ever. */
static bool may_read_back(struct ol_request *rq, const struct ol_entry *e,
                          const struct ol_progress *p, struct ol_span given)
{
    const char *name = ol_param(rq, "name");
    const struct ol_phrases phrases = ol_critical(&e->rec);

    if (phrases.n == 0)
        return true;
    if (given.n == 0)
        ol_refuse(rq, OL_EXIT_FAILED, "%.64s has %u critical phrase%s to be "
                  "read back: 'openline understood NAME --readback \"FIRST; "
                  "SECOND\"', as 'openline read' shows them", name, phrases.n,
                  phrases.n == 1 ? "" : "s");
    else if (count(p, OL_REL_UNDERSTOOD) >= READBACKS_MAX)
        ol_refuse(rq, OL_EXIT_FAILED, "%.64s was read back wrongly %u times: "
                  "speak with %s, who can send it again", name,
                  count(p, OL_REL_UNDERSTOOD), e->line->conf.peer);
    else
        return true;
    return false;
}

void ol_method_understood(struct ol_request *rq)
{
    static struct ol_entry e;
    struct ol_progress p;
    struct ol_span readback;

    if (!ol_speech_text(rq, "readback", OL_TEXT_MAX, ": shorten it",
                        &readback) ||
        !ol_method_theirs(rq, &e, &p))
        return;
    if (p.rung >= OL_RUNG_UNDERSTOOD)
        ol_json_reply(rq, &e, OL_SHOW_TEXT);
    else if (was_read(rq, &e, &p) && may_read_back(rq, &e, &p, readback))
        give(rq, &e, OL_REL_UNDERSTOOD, readback);
}

/* Is WHO on its list. */
static bool is_listed(const struct ol_entry *e, const struct ol_progress *p,
                      struct ol_span who)
{
    static struct ol_entry receipt;

    for (uint32_t k = 0; k < p->n_marks; k++)
        if (p->marks[k].rel == OL_REL_DISTRIBUTED &&
            ol_progress_record(e, &p->marks[k], &receipt) == OL_OK &&
            ol_span_eq(receipt.rec.text, who))
            return true;
    return false;
}

void ol_method_distributed(struct ol_request *rq)
{
    static struct ol_entry e;
    struct ol_progress p;
    struct ol_span who;

    if (!ol_speech_text(rq, "to", OL_ROLE_MAX, ": name one role or person",
                        &who) ||
        !ol_method_theirs(rq, &e, &p) || !was_read(rq, &e, &p))
        return;
    if (who.n == 0)
        ol_refuse(rq, OL_EXIT_USAGE, "to is empty: name who got it");
    else if (is_listed(&e, &p, who))
        ol_json_reply(rq, &e, OL_SHOW_TEXT);
    else if (count(&p, OL_REL_DISTRIBUTED) >= OL_MARKS_EACH)
        ol_refuse(rq, OL_EXIT_FAILED, "%.64s was handed on to %u already, and "
                  "the list holds no more: name a group",
                  ol_param(rq, "name"), OL_MARKS_EACH);
    else
        give(rq, &e, OL_REL_DISTRIBUTED, who);
}

void ol_receipt_given(struct ol_request *rq, const struct ol_entry *e,
                      uint8_t rel, struct ol_span text)
{
    char why[OL_WHY_MAX];

    if (rel == OL_REL_UNDERSTOOD && ol_misread(e, text, why))
        ol_refuse(rq, OL_EXIT_FAILED, "%s: this and %s's station were told; "
                  "read it again and read it back", why, e->line->conf.peer);
    else
        ol_json_reply(rq, e, OL_SHOW_TEXT);
}
