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
#include "station/progress.h"
#include "station/readback.h"

/* What a mark's record says; one at a time, for one thread. */
static struct ol_entry said;

static bool look(const struct ol_entry *e, const struct ol_row_mark *mark)
{
    return ol_progress_record(e, mark, &said) == OL_OK;
}

void ol_json_critical(struct ol_out *o, const struct ol_entry *e)
{
    struct ol_phrases p = {.n = 0};

    if (e->decoded)
        p = ol_critical(&e->rec);
    ol_out_open(o, "critical", '[');
    for (unsigned k = 0; k < p.n; k++)
        ol_out_text(o, NULL, p.v[k]);
    ol_out_close(o, ']');
}

/* A readback that differs gives no rung. */
static void put_receipt(struct ol_out *o, const struct ol_entry *e,
                        const struct ol_row_mark *mark)
{
    const struct ol_span none = {NULL, 0};
    struct ol_phrases phrases = {.n = 0};
    bool there = look(e, mark), holds = true;
    bool read = there && mark->rel == OL_REL_UNDERSTOOD;

    if (e->decoded && mark->rel == OL_REL_UNDERSTOOD)
        phrases = ol_critical(&e->rec);
    if (phrases.n > 0)
        holds = there && ol_readback_holds(&phrases, said.rec.text, NULL);
    ol_out_open(o, NULL, '{');
    ol_out_word(o, "rung", holds ? ol_json_rung(ol_progress_rung(mark))
                                 : NULL);
    ol_out_time(o, "at", mark->at_ms);
    ol_out_text(o, "by", there ? said.rec.originator : none);
    ol_json_name(o, "name", &said, true, there ? said.row.number : 0);
    ol_out_text(o, "readback", read ? said.rec.text : none);
    if (phrases.n > 0)
        ol_out_bool(o, "holds", holds);
    else
        ol_out_null(o, "holds");
    ol_out_close(o, '}');
}

static void put_receipts(struct ol_out *o, const struct ol_entry *e,
                         const struct ol_progress *p)
{
    ol_out_open(o, "distributed", '[');
    for (uint32_t k = 0; k < p->n_marks; k++) {
        const struct ol_row_mark *mark = &p->marks[k];

        if (mark->rel != OL_REL_DISTRIBUTED || !look(e, mark))
            continue;
        ol_out_open(o, NULL, '{');
        ol_out_text(o, "to", said.rec.text);
        ol_out_time(o, "at", mark->at_ms);
        ol_out_text(o, "by", said.rec.originator);
        ol_out_close(o, '}');
    }
    ol_out_close(o, ']');
    ol_out_open(o, "receipts", '[');
    for (uint32_t k = 0; k < p->n_marks; k++)
        if (ol_progress_rung(&p->marks[k]) != OL_RUNG_DRAFT)
            put_receipt(o, e, &p->marks[k]);
    ol_out_close(o, ']');
}

/* Another message in few words; null: it is not here. */
static void put_brief(struct ol_out *o, const char *key,
                      const struct ol_entry *other, bool text)
{
    struct ol_progress p;

    if (other == NULL || ol_query_progress(other, &p) != OL_OK) {
        ol_out_null(o, key);
        return;
    }
    text = text && (other->row.author == OL_OWN || p.rung >= OL_RUNG_READ);
    ol_out_open(o, key, '{');
    ol_json_name(o, "name", other, true, other->row.number);
    ol_out_word(o, "rung", ol_json_rung(p.rung));
    ol_out_text(o, "text", text ? other->rec.text : OL_SPAN(NULL, 0));
    ol_out_close(o, '}');
}

/* What e replaces, and has not been said by its marks but by itself; NULL:
 * nothing that is here. */
static const struct ol_entry *replaced(const struct ol_entry *e)
{
    const struct ol_ref *ref = NULL;

    for (unsigned k = 0; e->decoded && k < e->rec.n_refs && !ref; k++)
        if (e->rec.refs[k].rel == OL_REL_SUPERSEDES && e->rec.refs[k].own)
            ref = &e->rec.refs[k];
    if (ref == NULL ||
        ol_query_number(e->line, (enum ol_author)e->row.author, ref->number,
                        &said) != OL_OK)
        return NULL;
    return &said;
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

static void put_outcome(struct ol_out *o, const struct ol_entry *e,
                        const struct ol_progress *p)
{
    bool there = p->outcome != OL_OUTCOME_NONE &&
                 p->outcome != OL_OUTCOME_EXPIRED && look(e, &p->cause);
    /* Of what replaces it the text is a message's own, to be read. */
    bool why = there && p->outcome != OL_OUTCOME_SUPERSEDED;

    ol_out_word(o, "outcome", ol_json_outcome(p->outcome));
    ol_out_text(o, "reason", why ? said.rec.text : OL_SPAN(NULL, 0));
    ol_json_name(o, "outcome_by", &said, true, there ? said.row.number : 0);
}

void ol_json_ladder(struct ol_out *o, const struct ol_entry *e,
                    const struct ol_progress *p, bool text)
{
    const struct ol_row_mark *next = ol_progress_mark(p, OL_REL_SUPERSEDES);
    const struct ol_row_mark *done = ol_progress_mark(p, OL_REL_FULFILS);

    ol_out_word(o, "rung", ol_json_rung(p->rung));
    put_outcome(o, e, p);
    put_receipts(o, e, p);
    ol_out_bool(o, "misread", p->misread);
    put_brief(o, "supersedes", replaced(e), text);
    put_brief(o, "superseded_by", next != NULL && look(e, next) ? &said : NULL,
              text);
    ol_json_name(o, "fulfilled_by", &said, true,
                 done != NULL && look(e, done) ? said.row.number : 0);
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

/* The first message that e refers to so; NULL: none. */
static const struct ol_ref *ref_of(const struct ol_entry *e, uint8_t rel)
{
    for (unsigned k = 0; rel != 0 && e->decoded && k < e->rec.n_refs; k++)
        if (e->rec.refs[k].rel == rel)
            return &e->rec.refs[k];
    return NULL;
}

/* A readback that differs is told as what it is, and where. */
static void find_misread(const struct ol_entry *e, struct ol_said *out)
{
    const struct ol_phrases p = ol_critical(&out->message.rec);
    unsigned at;

    out->misread = p.n > 0 && !ol_readback_holds(&p, e->rec.text, &at);
    if (!out->misread)
        return;
    out->said = at < p.n ? p.v[at] : OL_SPAN(NULL, 0);
    out->back = ol_readback_at(e->rec.text, at);
}

void ol_said_find(unsigned what, const struct ol_entry *e,
                  struct ol_said *out)
{
    const struct ol_ref *ref = ref_of(e, rel_of(what));
    enum ol_author author = (enum ol_author)e->row.author;

    out->meant = ref != NULL;
    out->there = out->misread = false;
    if (ref == NULL)
        return;
    if (!ref->own)
        author = author == OL_OWN ? OL_PEER : OL_OWN;
    out->there = ol_query_number(e->line, author, ref->number,
                                 &out->message) == OL_OK;
    if (what == OL_WHAT_UNDERSTOOD && out->there && out->message.decoded)
        find_misread(e, out);
}

/* Who had read what was replaced. */
static void put_readers(struct ol_out *o, const struct ol_entry *message)
{
    struct ol_progress p;
    const struct ol_row_mark *read = NULL;

    if (ol_query_progress(message, &p) == OL_OK)
        read = ol_progress_mark(&p, OL_REL_READ);
    ol_out_bool(o, "read", read != NULL);
    ol_out_text(o, "read_by", read != NULL && look(message, read)
                                  ? said.rec.originator
                                  : OL_SPAN(NULL, 0));
}

void ol_json_said(struct ol_out *o, unsigned what, const struct ol_entry *e,
                  const struct ol_said *of)
{
    ol_out_text(o, "by", e->rec.originator);
    ol_json_name(o, "record", e, true, e->row.number);
    if (what == OL_WHAT_DECLINED || what == OL_WHAT_CANCELLED)
        ol_out_text(o, "reason", e->rec.text);
    if (what == OL_WHAT_DISTRIBUTED)
        ol_out_text(o, "to", e->rec.text);
    if (of->misread) {
        ol_out_text(o, "said", of->said);
        ol_out_text(o, "readback", of->back);
    }
    if (what == OL_WHAT_SUPERSEDED && of->there)
        put_readers(o, &of->message);
}
