/*
 * The ladder of a message as a document: rung, outcome, receipts, the list of
 * those who got it, and what stands in its place.
 *
 * A mark names the record that says so; its words are read from there. The
 * text of another message is shown as the log would show it: ours, or what an
 * officer has read. A reason is no message but the why of an outcome, and
 * stands beside it at once.
 */
#include <string.h>

#include "station/json.h"
#include "station/json_values.h"
#include "station/progress.h"
#include "station/readback.h"
#include "wire/record.h"

/* What a mark's record says; one at a time, for one thread. */
static struct ol_entry said;

static bool look(const struct ol_entry *e, const struct ol_row_mark *mark)
{
    return ol_progress_record(e, mark, &said) == OL_OK;
}

static json_t *name_of_mark(const struct ol_entry *e,
                            const struct ol_row_mark *mark)
{
    return look(e, mark) ? ol_json_name(&said, true, said.row.number)
                         : json_null();
}

static json_t *officer(const struct ol_entry *e,
                       const struct ol_row_mark *mark)
{
    return look(e, mark) ? text_of(said.rec.originator) : json_null();
}

json_t *ol_json_critical(const struct ol_entry *e)
{
    json_t *list = json_array();

    if (e->decoded) {
        const struct ol_phrases p = ol_critical(&e->rec);

        for (unsigned k = 0; k < p.n; k++)
            push(&list, text_of(p.v[k]));
    }
    return list;
}

/* A readback that differs gives no rung. */
static json_t *receipt_of(const struct ol_entry *e,
                          const struct ol_row_mark *mark)
{
    struct ol_phrases phrases = {.n = 0};
    bool there = look(e, mark), holds = true;
    json_t *one = json_object();

    if (e->decoded && mark->rel == OL_REL_UNDERSTOOD)
        phrases = ol_critical(&e->rec);
    if (phrases.n > 0)
        holds = there && ol_readback_holds(&phrases, said.rec.text, NULL);
    set(&one, "rung", holds ? json_string(ol_json_rung(
                                  ol_progress_rung(mark)))
                            : json_null());
    set(&one, "at", time_of(mark->at_ms));
    set(&one, "by", there ? text_of(said.rec.originator) : json_null());
    set(&one, "name", there ? ol_json_name(&said, true, said.row.number)
                            : json_null());
    set(&one, "readback", there && mark->rel == OL_REL_UNDERSTOOD
                              ? text_of(said.rec.text)
                              : json_null());
    set(&one, "holds", phrases.n > 0 ? json_boolean(holds) : json_null());
    return one;
}

static void set_receipts(json_t **doc, const struct ol_entry *e,
                         const struct ol_progress *p)
{
    json_t *receipts = json_array(), *distributed = json_array();

    for (uint32_t k = 0; k < p->n_marks; k++) {
        const struct ol_row_mark *mark = &p->marks[k];
        json_t *one;

        if (ol_progress_rung(mark) != OL_RUNG_DRAFT) {
            push(&receipts, receipt_of(e, mark));
        } else if (mark->rel == OL_REL_DISTRIBUTED && look(e, mark)) {
            one = json_object();
            set(&one, "to", text_of(said.rec.text));
            set(&one, "at", time_of(mark->at_ms));
            set(&one, "by", text_of(said.rec.originator));
            push(&distributed, one);
        }
    }
    set(doc, "distributed", distributed);
    set(doc, "receipts", receipts);
}

/* Another message in few words; null: it is not here. */
static json_t *brief(const struct ol_entry *other, bool text)
{
    struct ol_progress p;
    json_t *one = json_object();

    if (ol_query_progress(other, &p) != OL_OK) {
        json_decref(one);
        return json_null();
    }
    set(&one, "name", ol_json_name(other, true, other->row.number));
    set(&one, "rung", json_string(ol_json_rung(p.rung)));
    set(&one, "text", text && (other->row.author == OL_OWN ||
                               p.rung >= OL_RUNG_READ)
                          ? text_of(other->rec.text)
                          : json_null());
    return one;
}

/* What e replaces, and has not been said by its marks but by itself. */
static json_t *replaced(const struct ol_entry *e, bool text)
{
    const struct ol_ref *ref = NULL;

    for (unsigned k = 0; e->decoded && k < e->rec.n_refs && !ref; k++)
        if (e->rec.refs[k].rel == OL_REL_SUPERSEDES && e->rec.refs[k].own)
            ref = &e->rec.refs[k];
    if (ref == NULL ||
        ol_query_number(e->line, (enum ol_author)e->row.author, ref->number,
                        &said) != OL_OK)
        return json_null();
    return brief(&said, text);
}

const char *ol_json_outcome(unsigned outcome)
{
    static const char *const outcomes[OL_OUTCOMES] = {
        [OL_OUTCOME_DECLINED] = "declined",
        [OL_OUTCOME_EXPIRED] = "expired",
        [OL_OUTCOME_CANCELLED] = "cancelled",
        [OL_OUTCOME_SUPERSEDED] = "superseded",
        [OL_OUTCOME_WITHDRAWN] = "withdrawn",
    };

    return outcome < OL_OUTCOMES ? outcomes[outcome] : NULL;
}

static void set_outcome(json_t **doc, const struct ol_entry *e,
                        const struct ol_progress *p)
{
    const char *outcome = ol_json_outcome(p->outcome);
    bool there = p->outcome != OL_OUTCOME_NONE &&
                 p->outcome != OL_OUTCOME_EXPIRED && look(e, &p->cause);
    /* Of what replaces it the text is a message's own, to be read. */
    bool why = there && p->outcome != OL_OUTCOME_SUPERSEDED;

    set(doc, "outcome", outcome ? json_string(outcome) : json_null());
    set(doc, "reason", why ? text_of(said.rec.text) : json_null());
    set(doc, "outcome_by", there ? ol_json_name(&said, true,
                                                said.row.number)
                                 : json_null());
}

void ol_json_ladder(json_t **doc, const struct ol_entry *e,
                    const struct ol_progress *p, bool text)
{
    const struct ol_row_mark *next = ol_progress_mark(p, OL_REL_SUPERSEDES);
    const struct ol_row_mark *done = ol_progress_mark(p, OL_REL_FULFILS);

    set(doc, "rung", json_string(ol_json_rung(p->rung)));
    set_outcome(doc, e, p);
    set_receipts(doc, e, p);
    set(doc, "misread", json_boolean(p->misread));
    set(doc, "supersedes", replaced(e, text));
    set(doc, "superseded_by", next != NULL && look(e, next)
                                  ? brief(&said, text)
                                  : json_null());
    set(doc, "fulfilled_by", done ? name_of_mark(e, done) : json_null());
}

/* Events. */

static uint8_t rel_of(unsigned what)
{
    switch (what) {
    case OL_WHAT_READ:
        return OL_REL_READ;
    case OL_WHAT_UNDERSTOOD:
        return OL_REL_UNDERSTOOD;
    case OL_WHAT_ANSWERED:
        return OL_REL_ANSWERS;
    case OL_WHAT_DECLINED:
        return OL_REL_DECLINES;
    case OL_WHAT_CANCELLED:
        return OL_REL_CANCELS;
    case OL_WHAT_SUPERSEDED:
        return OL_REL_SUPERSEDES;
    case OL_WHAT_DISTRIBUTED:
        return OL_REL_DISTRIBUTED;
    case OL_WHAT_CHECKED:
        return OL_REL_CHECKED;
    case OL_WHAT_FULFILLED:
        return OL_REL_FULFILS;
    default:
        return 0;
    }
}

/* A readback that differs is told as what it is, and where. */
static void set_readback(json_t **doc, const struct ol_entry *record,
                         const struct ol_entry *e)
{
    const struct ol_phrases p = ol_critical(&e->rec);
    unsigned at;

    if (p.n == 0 || ol_readback_holds(&p, record->rec.text, &at))
        return;
    set(doc, "event", json_string("misread"));
    set(doc, "said", at < p.n ? text_of(p.v[at]) : json_null());
    set(doc, "readback", text_of(ol_readback_at(record->rec.text, at)));
}

bool ol_json_said(json_t **doc, unsigned what, struct ol_entry *e)
{
    static struct ol_entry message;
    uint8_t rel = rel_of(what);
    const struct ol_ref *ref = NULL;
    enum ol_author author = (enum ol_author)e->row.author;

    for (unsigned k = 0; e->decoded && k < e->rec.n_refs && !ref; k++)
        if (rel != 0 && e->rec.refs[k].rel == rel)
            ref = &e->rec.refs[k];
    if (ref == NULL)
        return true;
    if (!ref->own)
        author = author == OL_OWN ? OL_PEER : OL_OWN;
    set(doc, "by", text_of(e->rec.originator));
    set(doc, "record", ol_json_name(e, true, e->row.number));
    if (what == OL_WHAT_DECLINED || what == OL_WHAT_CANCELLED)
        set(doc, "reason", text_of(e->rec.text));
    if (what == OL_WHAT_DISTRIBUTED)
        set(doc, "to", text_of(e->rec.text));
    if (ol_query_number(e->line, author, ref->number, &message) != OL_OK)
        return false;
    if (what == OL_WHAT_UNDERSTOOD && message.decoded)
        set_readback(doc, e, &message);
    if (what == OL_WHAT_SUPERSEDED) {
        struct ol_progress p;
        const struct ol_row_mark *read = NULL;

        if (ol_query_progress(&message, &p) == OL_OK)
            read = ol_progress_mark(&p, OL_REL_READ);
        set(doc, "read", json_boolean(read != NULL));
        set(doc, "read_by", read ? officer(&message, read) : json_null());
    }
    *e = message;
    e->row.bytes = OL_SPAN(e->bytes, message.row.bytes.n);
    e->decoded = message.decoded &&
                 ol_record_decode(e->row.bytes, &e->rec) == OL_OK;
    return true;
}
