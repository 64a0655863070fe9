/*
 * Marks: what a record says of a message.
 *
 * Happy path: of a record's references the first that stands in the table
 * below with its kind and its author takes effect; it becomes one PUT beside
 * the record's own, or when the head passes it, and a word for watchers.
 * How it fails: a reference that the table does not know, to the wrong side's
 * message, or of one's own to what was not said before, is kept as a part of
 * the record and has no effect.
 */
#include "core/marks.h"

static const struct {
    uint32_t kinds; /* bit of enum ol_kind */
    bool own;       /* of the author's own message */
    uint8_t what;   /* enum ol_what; OL_WHATS: none */
} law[OL_RELS] = {
#define KIND(k) (UINT32_C(1) << OL_KIND_##k)
    [OL_REL_ANSWERS] = {KIND(ANSWER), false, OL_WHAT_ANSWERED},
    [OL_REL_SUPERSEDES] = {KIND(MESSAGE) | KIND(ASK) | KIND(NOTIFICATION),
                           true, OL_WHAT_SUPERSEDED},
    [OL_REL_CANCELS] = {KIND(CANCEL), true, OL_WHAT_CANCELLED},
    [OL_REL_READ] = {KIND(RECEIPT), false, OL_WHAT_READ},
    [OL_REL_UNDERSTOOD] = {KIND(RECEIPT), false, OL_WHAT_UNDERSTOOD},
    [OL_REL_DECLINES] = {KIND(DECLINE), false, OL_WHAT_DECLINED},
    [OL_REL_DISTRIBUTED] = {KIND(RECEIPT), false, OL_WHAT_DISTRIBUTED},
    [OL_REL_CHECKED] = {KIND(RECEIPT), false, OL_WHAT_CHECKED},
    [OL_REL_FULFILS] = {KIND(MESSAGE) | KIND(ANSWER), true,
                        OL_WHAT_FULFILLED},
    [OL_REL_REMINDS] = {KIND(MESSAGE), true, OL_WHATS},
#undef KIND
};

static bool takes_effect(const struct ol_record *rec,
                         const struct ol_ref *ref)
{
    if (rec->kind >= 32 || ref->rel >= OL_RELS ||
        (law[ref->rel].kinds >> rec->kind & 1) == 0 ||
        ref->own != law[ref->rel].own)
        return false;
    return !ref->own || ref->number < rec->number;
}

struct ol_mark ol_mark_of(const struct ol_record *rec)
{
    for (unsigned k = 0; k < rec->n_refs; k++)
        if (takes_effect(rec, &rec->refs[k]))
            return (struct ol_mark){rec->refs[k].rel, rec->refs[k].number};
    return (struct ol_mark){0, 0};
}

enum ol_author ol_mark_whose(uint8_t rel, enum ol_author by)
{
    OL_CHECK(rel < OL_RELS);
    if (law[rel].own)
        return by;
    return by == OL_OWN ? OL_PEER : OL_OWN;
}

void ol_mark_put(struct ol_line *l, enum ol_author by, unsigned prec,
                 uint32_t index, struct ol_mark mark)
{
    struct ol_put *put;

    if (mark.rel == 0)
        return;
    put = ol_fx_put(l, OL_PUT_MARK);
    put->author = (uint8_t)ol_mark_whose(mark.rel, by);
    put->number = mark.number;
    put->rel = mark.rel;
    put->by = (uint8_t)by;
    put->prec = (uint8_t)prec;
    put->index = index;
}

enum ol_what ol_mark_what(uint8_t kind, uint8_t rel)
{
    OL_CHECK(rel < OL_RELS);
    if (rel != 0)
        return (enum ol_what)law[rel].what;
    return kind == OL_KIND_STANCE ? OL_WHAT_STANCE : OL_WHATS;
}
