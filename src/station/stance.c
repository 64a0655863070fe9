/*
 * Stances of both sides: which one counts.
 *
 * Happy path: at a line's start all records of stances are read, later those
 * that have come since, in the order of their log. What counts is kept in
 * memory, what was said about it (its reason) in the ledger. How it fails: a
 * ledger that cannot be read is read again when the next one comes; a peer
 * with more subjects than there is room for loses its oldest, and never the
 * word on the whole line.
 */
#include "station/stance.h"

#include <string.h>

#include "base/units.h"
#include "crypto/tree.h"
#include "station/station.h"
#include "wire/record.h"

static const char *const words[OL_STANCE_WORDS] = {
    [OL_STANCE_READY] = "ready",
    [OL_STANCE_LISTENING] = "listening",
    [OL_STANCE_CLOSED] = "closed",
};

const char *ol_stance_name(enum ol_stance stance)
{
    return (unsigned)stance < OL_STANCE_WORDS ? words[stance] : NULL;
}

static bool same(struct ol_span a, struct ol_span b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

enum ol_stance ol_stance_of(struct ol_span word)
{
    for (unsigned k = OL_STANCE_READY; k < OL_STANCE_WORDS; k++)
        if (same(word, ol_span_str(words[k])))
            return (enum ol_stance)k;
    return OL_STANCE_NONE;
}

enum ol_stance ol_stance_of_record(const struct ol_record *rec)
{
    if (rec->kind != OL_KIND_STANCE || rec->prec != OL_FLASH ||
        !same(rec->form_id, ol_span_str(OL_STANCE_FORM)))
        return OL_STANCE_NONE;
    return ol_stance_of(rec->form_fields);
}

static struct ol_span subject_of(const struct ol_stance_row *row)
{
    return OL_SPAN((const uint8_t *)row->subject, row->subject_n);
}

static struct ol_stance_row *exactly(struct ol_stances *s,
                                     struct ol_span subject)
{
    for (unsigned k = 0; k < s->n; k++)
        if (same(subject_of(&s->v[k]), subject))
            return &s->v[k];
    return NULL;
}

/* Room for another subject. */
static struct ol_stance_row *room(struct ol_stances *s, bool whole)
{
    struct ol_stance_row *oldest = NULL;
    unsigned most = OL_STANCES_MAX;

    /* One is kept for the whole line. */
    if (!whole && exactly(s, OL_SPAN(NULL, 0)) == NULL)
        most--;
    if (s->n < most)
        return &s->v[s->n++];
    for (unsigned k = 0; k < s->n; k++)
        if (s->v[k].subject_n > 0 &&
            (oldest == NULL || s->v[k].index < oldest->index))
            oldest = &s->v[k];
    return oldest;
}

void ol_stances_note(struct ol_stances *s, enum ol_stance stance,
                     struct ol_span subject, uint32_t index)
{
    struct ol_stance_row *row = exactly(s, subject);

    if (row != NULL && index <= row->index)
        return;
    if (row == NULL)
        row = room(s, subject.n == 0);
    row->index = index;
    row->stance = (uint8_t)stance;
    row->subject_n = (uint16_t)subject.n;
    if (subject.n > 0)
        memcpy(row->subject, subject.p, subject.n);
}

const struct ol_stance_row *ol_stances_find(const struct ol_stances *s,
                                            struct ol_span subject)
{
    const struct ol_stance_row *whole = NULL;

    for (unsigned k = 0; k < s->n; k++) {
        if (same(subject_of(&s->v[k]), subject))
            return &s->v[k];
        if (s->v[k].subject_n == 0)
            whole = &s->v[k];
    }
    return whole;
}

/* ---- of a line ---------------------------------------------------------- */

struct walk {
    struct ol_station_line *line;
    uint8_t author;
    uint32_t head;
};

static void tell_own(struct ol_station_line *line, uint32_t index)
{
    struct ol_put put = {.kind = OL_PUT_EVENT, .what = OL_WHAT_STANCE,
                         .author = OL_OWN, .prec = OL_FLASH, .index = index,
                         .count = 1, .channel = OL_CHANNEL_ANY};

    ol_later_event(line->st, line, &put);
}

static bool take(void *arg, const struct ol_row *row)
{
    struct walk *w = arg;
    struct ol_record rec;
    enum ol_stance stance;

    if (row->kind != OL_KIND_STANCE || row->prec != OL_FLASH ||
        row->index > w->head || ol_record_decode(row->bytes, &rec) != OL_OK)
        return true;
    stance = ol_stance_of_record(&rec);
    if (stance == OL_STANCE_NONE)
        return true;
    ol_stances_note(&w->line->stance.by[w->author], stance, rec.subject,
                    row->index);
    return true;
}

/* Looks at what has come in order since it last did. */
static bool walk(struct ol_station_line *line, uint8_t author, bool all)
{
    struct ol_ledger *lg = line->st->ledger;
    struct ol_line_stance *ls = &line->stance;
    struct walk w = {.line = line, .author = author};
    uint8_t frontier[OL_TREE_LEVELS * OL_HASH];
    size_t n = sizeof(frontier);
    enum ol_err err;

    err = lg->ops->head(lg, line->ledger_id, author, OL_FLASH, &w.head,
                        frontier, &n);
    if (err == OL_OK && all) {
        ls->by[author].n = 0;
        err = lg->ops->by_kind(lg, line->ledger_id, author, OL_KIND_STANCE, 0,
                               take, &w);
    } else if (err == OL_OK && w.head > ls->seen[author]) {
        err = lg->ops->log(lg, line->ledger_id, author, OL_FLASH,
                           ls->seen[author] + 1, w.head - ls->seen[author],
                           0, take, &w);
    }
    if (err == OL_OK)
        ls->seen[author] = w.head;
    return err == OL_OK;
}

static enum ol_line_state closed(const struct ol_station_line *line)
{
    const struct ol_span whole = OL_SPAN(NULL, 0);

    for (unsigned by = OL_OWN; by <= OL_PEER; by++) {
        const struct ol_stance_row *row =
            ol_stances_find(&line->stance.by[by], whole);

        if (row != NULL && row->stance == OL_STANCE_CLOSED)
            return by == OL_OWN ? OL_LINE_CLOSED_BY_US
                                : OL_LINE_CLOSED_BY_THEM;
    }
    return OL_LINE_OPEN;
}

void ol_stance_boot(struct ol_station_line *line)
{
    struct ol_line_stance *ls = &line->stance;

    ls->batch = 0;
    ls->look = false;
    ls->again = !walk(line, OL_OWN, true) || !walk(line, OL_PEER, true);
    ls->told = closed(line);
}

void ol_stance_put(struct ol_station_line *line, const struct ol_put *put,
                   uint64_t batch)
{
    bool own = put->kind == OL_PUT_RECORD && put->author == OL_OWN &&
               put->rec_kind == OL_KIND_STANCE;
    bool peers = put->kind == OL_PUT_EVENT && put->what == OL_WHAT_STANCE;
    bool moved = put->kind == OL_PUT_ASIDE && put->prec == OL_FLASH;

    if (own || peers || moved)
        line->stance.batch = batch;
    line->stance.again |= moved;
}

void ol_stance_committed(struct ol_station_line *line, uint64_t token)
{
    struct ol_line_stance *ls = &line->stance;

    if (ls->batch == 0 || token < ls->batch)
        return;
    ls->batch = 0;
    ls->look = true;
}

/* Own ones above `from`, newest of each subject: watchers hear of them. */
static void tell_new(struct ol_station_line *line, uint32_t from)
{
    const struct ol_stances *own = &line->stance.by[OL_OWN];

    for (unsigned k = 0; k < own->n; k++)
        if (own->v[k].index > from)
            tell_own(line, own->v[k].index);
}

void ol_stance_pump(struct ol_station_line *line)
{
    struct ol_line_stance *ls = &line->stance;
    uint32_t from = ls->seen[OL_OWN];
    struct ol_line_status s;
    enum ol_line_state now;

    if (!ls->look || line->core == NULL || line->phase != OL_PHASE_RUN)
        return;
    ls->look = false;
    if (!walk(line, OL_OWN, ls->again) || !walk(line, OL_PEER, ls->again))
        return;
    if (!ls->again)
        tell_new(line, from);
    ls->again = false;
    now = closed(line);
    if (now == ls->told)
        return;
    ls->told = now;
    ol_line_status(line->core, 0, &s);
    /* What is dark is told as dark; it says the rest when it is back. */
    if (s.state == OL_LINE_OPEN || s.state == OL_LINE_LAST_CHANNEL)
        ol_station_tell(line, OL_WHAT_LINE,
                        ol_line_state_name(ol_stance_over(line, s.state)));
}

enum ol_line_state ol_stance_over(const struct ol_station_line *line,
                                  enum ol_line_state state)
{
    enum ol_line_state over = closed(line);

    if ((state != OL_LINE_OPEN && state != OL_LINE_LAST_CHANNEL) ||
        over == OL_LINE_OPEN)
        return state;
    return over;
}
