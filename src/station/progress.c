/*
 * How far a message came, and what became of it. See progress.h.
 *
 * Happy path: what we did and what the other side acknowledged give the first
 * rungs, marks the others; a receipt of a message with critical phrases counts
 * as `understood` only if its readback holds. Of what was said of a message
 * its author's word comes before the other side's, and an answer before a
 * decline, so that both stations come to the same outcome whatever arrived
 * first. It fails only where the ledger does.
 */
#include "station/progress.h"

#include <string.h>

#include "station/clock.h"
#include "station/readback.h"

enum ol_rung ol_progress_rung(const struct ol_row_mark *mark)
{
    switch (mark->rel) {
    case OL_REL_READ:
        return OL_RUNG_READ;
    case OL_REL_UNDERSTOOD:
        return OL_RUNG_UNDERSTOOD;
    case OL_REL_ANSWERS:
        return OL_RUNG_ANSWERED;
    default:
        return OL_RUNG_DRAFT;
    }
}

const struct ol_row_mark *ol_progress_mark(const struct ol_progress *p,
                                           uint8_t rel)
{
    for (uint32_t k = 0; k < p->n_marks; k++)
        if (p->marks[k].rel == rel)
            return &p->marks[k];
    return NULL;
}

enum ol_err ol_progress_record(const struct ol_entry *e,
                               const struct ol_row_mark *mark,
                               struct ol_entry *out)
{
    enum ol_err err = ol_query_at(e->line, (enum ol_author)mark->by,
                                  mark->prec, mark->index, out);

    if (err != OL_OK)
        return err;
    for (unsigned k = 0; out->decoded && k < out->rec.n_refs; k++)
        if (out->rec.refs[k].rel == mark->rel &&
            out->rec.refs[k].number == e->row.number &&
            out->rec.refs[k].own == (mark->by == e->row.author))
            return OL_OK;
    return OL_ERR_MISSING; /* after a restore it may stand elsewhere */
}

bool ol_progress_wants(const struct ol_record *rec)
{
    return rec->kind == OL_KIND_ASK ||
           (rec->kind == OL_KIND_NOTIFICATION && rec->deadline_ms != 0);
}

bool ol_progress_open(const struct ol_progress *p)
{
    return p->rung < OL_RUNG_ANSWERED &&
           (p->outcome == OL_OUTCOME_NONE ||
            p->outcome == OL_OUTCOME_EXPIRED ||
            p->outcome == OL_OUTCOME_DECLINED);
}

/* What we did with ours, and what came back for it. */
static enum ol_err own_rungs(const struct ol_entry *e, struct ol_progress *p)
{
    struct ol_ledger *lg = e->line->st->ledger;
    uint32_t upto = 0;
    enum ol_err err;

    p->rung = OL_RUNG_QUEUED;
    p->delivered_ms = 0;
    err = lg->ops->attempts(lg, e->row.line, e->row.prec, e->row.index,
                            p->attempts, OL_ATTEMPT_ROWS, &p->n_attempts);
    if (err == OL_OK)
        err = lg->ops->acked(lg, e->row.line, e->row.prec, e->row.index,
                             &upto, &p->delivered_ms);
    if (err != OL_OK)
        return err;
    if (p->n_attempts > 0)
        p->rung = OL_RUNG_SENT;
    if (upto >= e->row.index)
        p->rung = OL_RUNG_DELIVERED;
    return OL_OK;
}

/* Does this receipt say that it was understood. */
static bool understood(const struct ol_entry *e, const struct ol_row_mark *m,
                       const struct ol_phrases *phrases)
{
    static struct ol_entry receipt; /* one thread; large */

    return phrases->n == 0 ||
           (ol_progress_record(e, m, &receipt) == OL_OK &&
            ol_readback_holds(phrases, receipt.rec.text, NULL));
}

static void marked_rungs(const struct ol_entry *e, struct ol_progress *p)
{
    struct ol_phrases phrases = {.n = 0};
    bool differs = false;

    if (e->decoded)
        phrases = ol_critical(&e->rec);
    for (uint32_t k = 0; k < p->n_marks; k++) {
        const struct ol_row_mark *m = &p->marks[k];

        if (m->rel == OL_REL_UNDERSTOOD && !understood(e, m, &phrases)) {
            differs = true;
            continue;
        }
        if (m->rel == OL_REL_UNDERSTOOD &&
            (p->understood_ms == 0 || m->at_ms < p->understood_ms))
            p->understood_ms = m->at_ms;
        p->rung = OL_MAX(p->rung, ol_progress_rung(m));
    }
    p->misread = differs && p->understood_ms == 0;
}

/* Nobody had read it when its time was over. */
static bool expired(const struct ol_entry *e, const struct ol_progress *p)
{
    const struct ol_row_mark *read = ol_progress_mark(p, OL_REL_READ);

    if (!e->decoded || e->rec.kind != OL_KIND_MESSAGE ||
        e->rec.deadline_ms == 0)
        return false;
    return (read ? read->at_ms : ol_clock_wall_ms()) > e->rec.deadline_ms;
}

static void end(struct ol_progress *p, enum ol_outcome outcome,
                const struct ol_row_mark *cause)
{
    p->outcome = outcome;
    if (cause != NULL)
        p->cause = *cause;
}

static void find_outcome(const struct ol_entry *e, struct ol_progress *p)
{
    const struct ol_row_mark *m;

    if ((m = ol_progress_mark(p, OL_REL_CANCELS)) != NULL)
        end(p, e->decoded && ol_progress_wants(&e->rec)
                   ? OL_OUTCOME_WITHDRAWN
                   : OL_OUTCOME_CANCELLED, m);
    else if ((m = ol_progress_mark(p, OL_REL_SUPERSEDES)) != NULL)
        end(p, OL_OUTCOME_SUPERSEDED, m);
    else if (p->rung < OL_RUNG_ANSWERED &&
             (m = ol_progress_mark(p, OL_REL_DECLINES)) != NULL)
        end(p, OL_OUTCOME_DECLINED, m);
    else if (expired(e, p))
        end(p, OL_OUTCOME_EXPIRED, NULL);
}

/* The other side's rungs of ours begin with what we did; ours of theirs with
 * its having arrived. The ledger is not asked about what it took just now:
 * that costs more than taking it did. */
enum ol_err ol_query_progress(const struct ol_entry *e,
                              struct ol_progress *p)
{
    struct ol_ledger *lg = e->line->st->ledger;
    enum ol_err err = OL_OK;

    memset(p, 0, sizeof(*p));
    p->rung = OL_RUNG_QUEUED;
    if (!e->waiting && !e->fresh) {
        p->rung = OL_RUNG_DELIVERED;
        p->delivered_ms = e->row.at_ms;
        if (e->row.author == OL_OWN)
            err = own_rungs(e, p);
        if (err == OL_OK)
            err = lg->ops->marks(lg, e->row.line, e->row.author,
                                 e->row.number, p->marks, OL_MARK_ROWS,
                                 &p->n_marks);
    }
    if (err != OL_OK)
        return err;
    marked_rungs(e, p);
    find_outcome(e, p);
    return OL_OK;
}
