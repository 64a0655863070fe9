/*
 * What the ledger holds of asks: all of them at a start, and each new record
 * once.
 *
 * At a start what was open is known (asks_keep.c), or else the ledger's index
 * of kinds gives asks and announcements by their numbers, a page a turn; then
 * the facts say what was said of them. What comes after that is looked at in
 * the order of its log, and what is over goes with the record that ends it. A
 * row is copied out before anything else is asked.
 */
#include "station/asks.h"

#include <string.h>

#include "station/clock.h"
#include "station/progress.h"
#include "station/conf_asks.h"
#include "station/log.h"
#include "station/waiting.h"
#include "wire/record.h"

static const uint8_t kinds[] = {OL_KIND_ASK, OL_KIND_NOTIFICATION};

bool ol_asks_head(struct ol_station_line *line, enum ol_author author,
                  unsigned prec, uint32_t *size)
{
    struct ol_ledger *lg = line->st->ledger;

    return lg->ops->head(lg, line->ledger_id, (uint8_t)author, (uint8_t)prec,
                         size, NULL, NULL) == OL_OK;
}

/* Does this end it. by: is the author of the mark that of the record. */
static bool ends(const struct ol_due *d, const struct ol_row_mark *m, bool own)
{
    if (own)
        return m->rel == OL_REL_CANCELS || m->rel == OL_REL_SUPERSEDES ||
               (d->announced && m->rel == OL_REL_FULFILS);
    return !d->announced &&
           (m->rel == OL_REL_ANSWERS || m->rel == OL_REL_DECLINES);
}

bool ol_asks_over(struct ol_station_line *line, enum ol_author author,
                  const struct ol_due *d)
{
    static struct ol_row_mark marks[OL_MARK_ROWS];
    struct ol_ledger *lg = line->st->ledger;
    uint32_t n = 0;

    if (lg->ops->marks(lg, line->ledger_id, (uint8_t)author, d->number, marks,
                       OL_MARK_ROWS, &n) != OL_OK)
        return false;
    for (uint32_t k = 0; k < n; k++)
        if (ends(d, &marks[k], marks[k].by == author))
            return true;
    return false;
}

/* An ask or an announcement as what is due; false: it is neither. */
static bool due_of(struct ol_station_line *line, const struct ol_row *row,
                   const struct ol_record *rec, struct ol_due *d)
{
    uint64_t answer = line->st->conf.objectives[row->prec].answer_ns;

    *d = (struct ol_due){.prec = row->prec, .index = row->index,
                         .number = row->number,
                         .announced = rec->kind == OL_KIND_NOTIFICATION,
                         .deadline_ms = rec->deadline_ms,
                         .answer_ns = OL_NEVER_NS};
    if (rec->id.n == sizeof(d->id))
        memcpy(d->id, rec->id.p, sizeof(d->id));
    /* Since it was taken or came; what a clock says of a time to come is a
     * clock that was set. */
    if (answer > 0) {
        uint64_t wall_ms = ol_clock_wall_ms();
        uint64_t age = wall_ms - OL_MIN(row->at_ms, wall_ms);

        age = OL_MIN(age, answer / OL_NS_PER_MS) * OL_NS_PER_MS;
        d->answer_ns = ol_clock_ns() + answer - age;
    }
    /* What is marked TEST asks for nothing: doc/protocol.md 6.5. */
    return rec->marking != OL_TEST &&
           (rec->kind == OL_KIND_ASK ||
            (d->announced && rec->deadline_ms != 0));
}

static void add(struct ol_station_line *line, enum ol_author author,
                const struct ol_due *d)
{
    struct ol_dues *t = &line->asks->dues[author];
    bool before = t->left_out;

    if (ol_dues_find(t, d->prec, d->index) != NULL ||
        ol_asks_over(line, author, d))
        return;
    line->asks->moved |= ol_dues_add(t, d) || !before;
    line->asks->dues_ns[author] = 0;
    if (t->left_out && !before)
        ol_log(OL_LOG_FAULT, "line %s: more than %u asks of %s are open: only "
               "those due first are watched; answer or decline some",
               line->conf.peer, OL_DUES_MAX,
               author == OL_OWN ? "ours" : "theirs");
}

/* At a start. */

struct page {
    struct ol_station_line *line;
    struct ol_due v[OL_PAGE_ASKS];
    unsigned n, rows;
    uint64_t after;
    uint64_t from_ms, before; /* as in effective_load.c */
};

static bool gather(void *arg, const struct ol_row *row)
{
    struct page *p = arg;
    struct ol_record rec;

    p->after = row->number;
    p->rows++;
    if (row->kind == OL_KIND_ASK && row->at_ms < p->from_ms)
        p->before = row->number;
    else if (row->kind == OL_KIND_ASK)
        p->from_ms = 0;
    if (ol_record_decode(row->bytes, &rec) == OL_OK &&
        due_of(p->line, row, &rec, &p->v[p->n]))
        p->n++;
    return p->rows < OL_PAGE_ASKS;
}

static uint64_t ago_ns(uint64_t at_ms)
{
    uint64_t wall_ms = ol_clock_wall_ms();

    return (wall_ms - OL_MIN(at_ms, wall_ms)) * OL_NS_PER_MS;
}

/* What was said and done, from the facts. */
static void apply(struct ol_station_line *line, struct ol_due *d,
                  const struct ol_row_fact *fact, const json_t *doc)
{
    const char *did = json_string_value(json_object_get(doc, "did"));
    const char *step = json_string_value(json_object_get(doc, "step"));
    char text[OL_STEP_TEXT];

    if (did == NULL)
        return;
    if (strcmp(did, "slow") == 0)
        d->said_answer = true;
    if (strcmp(did, "overdue") == 0 && !d->said_by) {
        d->said_by = true;
        d->said_by_ms = fact->at_ms;
        d->said_by_ns = (int64_t)(ol_clock_ns() - ago_ns(fact->at_ms));
    }
    for (unsigned k = 0; k < line->conf.n_steps && step != NULL; k++) {
        ol_conf_step_text(text, &line->conf.steps[k]);
        if (strcmp(did, "step") == 0 && strcmp(step, text) == 0)
            d->steps |= UINT32_C(1) << k;
    }
}

static bool on_fact(void *arg, const struct ol_row_fact *fact,
                    const json_t *doc)
{
    struct ol_station_line *line = arg;
    enum ol_author author;
    uint8_t id[OL_ID_SIZE];
    struct ol_dues *t;

    if (!ol_asks_key_parse(fact->key, &author, id))
        return true;
    t = &line->asks->dues[author];
    for (unsigned k = 0; k < t->n; k++)
        if (memcmp(t->v[k].id, id, sizeof(id)) == 0)
            apply(line, &t->v[k], fact, doc);
    return true;
}

/* A page of what was open, then what came since. True: there is more. */
static bool load_known(struct ol_station_line *line)
{
    static struct ol_entry e; /* large; one thread */
    struct ol_asks *a = line->asks;
    struct ol_due d;

    for (unsigned room = OL_PAGE_ASKS; a->load < 2;
         a->load++, a->load_after = 0)
        for (; a->load_after < a->n_known[a->load]; a->load_after++) {
            uint64_t number = a->known[a->load][a->load_after];

            if (room-- == 0)
                return true;
            if (ol_query_number(line, (enum ol_author)a->load, number, &e) ==
                    OL_OK && e.decoded && due_of(line, &e.row, &e.rec, &d))
                add(line, (enum ol_author)a->load, &d);
        }
    return ol_asks_scan(line);
}

/* A page of all that there are. True: there is more. *failed: again. */
static bool load_kinds(struct ol_station_line *line, bool *failed)
{
    static struct page page;
    struct ol_asks *a = line->asks;
    struct ol_ledger *lg = line->st->ledger;
    enum ol_author author = (enum ol_author)(a->load / OL_LEN(kinds));
    uint32_t size[OL_PRECS] = {0};

    memset(&page, 0, sizeof(page));
    page.line = line;
    page.from_ms = ol_effective_from(line, author);
    *failed = lg->ops->by_kind(lg, line->ledger_id, (uint8_t)author,
                               kinds[a->load % OL_LEN(kinds)], a->load_after,
                               gather, &page) != OL_OK;
    if (*failed)
        return false;
    ol_effective_passed(line, author, page.before, page.from_ms == 0);
    for (unsigned p = 0; p < OL_PRECS; p++)
        (void)ol_asks_head(line, author, p, &size[p]);
    for (unsigned k = 0; k < page.n; k++)
        if (page.v[k].index <= size[page.v[k].prec])
            add(line, author, &page.v[k]);
    a->load_after = page.after;
    if (page.rows == OL_PAGE_ASKS)
        return true;
    a->load_after = 0;
    return ++a->load < 2 * OL_LEN(kinds);
}

bool ol_asks_load(struct ol_station_line *line)
{
    struct ol_asks *a = line->asks;
    struct ol_facts_of all = {.to_ms = INT64_MAX};
    bool failed = false;

    if (a->recalled ? load_known(line)
                    : a->load < 2 * OL_LEN(kinds) && load_kinds(line, &failed))
        return true;
    /* The next turn of the loop tries again. */
    if (failed || ol_fact_read(line->st, line, OL_FACT_ASK, &all, on_fact,
                               line) != OL_OK)
        return false;
    a->loading = false;
    return true;
}

/* Since. */

/* What their clock is against ours, from what both wrote since ours was set. */
static void compare(struct ol_station_line *line, const struct ol_entry *e)
{
    static struct ol_entry own; /* large; one thread */
    struct ol_asks *a = line->asks;
    int64_t was_ms = ol_skew_ms(&a->skew);

    if (e->rec.written_ms == 0 || e->row.at_ms < a->set_ms)
        return;
    ol_skew_arrived(&a->skew, e->rec.written_ms, e->row.at_ms);
    if (e->rec.kind == OL_KIND_RECEIPT && e->rec.n_refs > 0 &&
        ol_query_number(line, OL_OWN, e->rec.refs[0].number, &own) ==
            OL_OK &&
        own.row.at_ms >= a->set_ms && own.row.at_ms <= e->row.at_ms)
        ol_skew_answered(&a->skew, e->rec.written_ms, own.row.at_ms);
    if (ol_skew_ms(&a->skew) != was_ms)
        a->dues_ns[OL_PEER] = 0;
}

/* What waited for a number, or was said again after a return, may have been
 * spoken of under its id before. */
#define WAITED_MS 1000

/* What it ends needs no place any more; what was said of it, ol_asks_pump
 * takes back. */
static void end_others(struct ol_station_line *line, enum ol_author author,
                       const struct ol_record *rec)
{
    for (unsigned k = 0; k < rec->n_refs; k++) {
        enum ol_author of = rec->refs[k].own ? author : !author;
        struct ol_dues *t = &line->asks->dues[of];
        struct ol_due *d = ol_dues_numbered(t, rec->refs[k].number);

        if (d == NULL || d->said_by || d->said_answer ||
            !ol_asks_over(line, of, d))
            continue;
        ol_dues_remove(t, d);
        line->asks->moved = true;
    }
}

static void look_at(struct ol_station_line *line, enum ol_author author,
                    const struct ol_entry *e)
{
    struct ol_facts_of all = {.to_ms = INT64_MAX};
    struct ol_due d;

    if (!e->decoded)
        return;
    if (author == OL_PEER)
        compare(line, e);
    end_others(line, author, &e->rec);
    if (!due_of(line, &e->row, &e->rec, &d))
        return;
    add(line, author, &d);
    if (author == OL_OWN && e->rec.written_ms + WAITED_MS < e->row.at_ms)
        (void)!ol_fact_read(line->st, line, OL_FACT_ASK, &all, on_fact, line);
}

static bool kind(void *arg, const struct ol_row *row)
{
    *(int *)arg = row->kind;
    return false;
}

/* Most of what we say is neither due nor ends anything: its kind says so, and
 * it is not read. */
static bool matters(struct ol_station_line *line, enum ol_author author,
                    unsigned prec, uint32_t index)
{
    const struct ol_asks *a = line->asks;
    struct ol_ledger *lg = line->st->ledger;
    int is = OL_KIND_ASK;

    if (author == OL_PEER || a->dues[OL_OWN].n + a->dues[OL_PEER].n > 0)
        return true;
    return lg->ops->log(lg, line->ledger_id, (uint8_t)author, (uint8_t)prec,
                        index, 1, 0, kind, &is) != OL_OK ||
           is == OL_KIND_ASK || is == OL_KIND_NOTIFICATION;
}

bool ol_asks_scan(struct ol_station_line *line)
{
    static struct ol_entry e; /* large; one thread */
    struct ol_asks *a = line->asks;
    unsigned room = OL_PAGE_ASKS;

    for (unsigned k = 0; k < 2 * OL_PRECS; k++) {
        enum ol_author author = (enum ol_author)(k / OL_PRECS);
        unsigned prec = k % OL_PRECS;
        uint32_t *next = &a->next[author][prec], size = 0;

        /* What is done is enough, unless that is less than was seen. */
        if ((!ol_query_reached(line, author, prec, &size) ||
             *next > size + 1) &&
            !ol_asks_head(line, author, prec, &size))
            continue;
        if (*next > size + 1) {
            ol_asks_again(line); /* records were taken back */
            return true;
        }
        ol_ages_note(&a->logs[author][prec].ages, size, ol_clock_ns());
        for (; *next <= size; ++*next) {
            if (room-- == 0)
                return true;
            if (matters(line, author, prec, *next) &&
                ol_query_at(line, author, prec, *next, &e) == OL_OK)
                look_at(line, author, &e);
            a->moved = true;
        }
    }
    return false;
}
