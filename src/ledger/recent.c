/*
 * See recent.h. A record has one place by its place in its log, and one of
 * ours another by its number; what comes to a place that is taken takes it.
 */
#include "ledger/recent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "crypto/crypto.h"

#define ROWS 2048u /* a power of two */
#define NOWHERE ROWS
#define BYTES 512u /* of one record; a longer one is read from the file */
#define LINES 64u  /* whose heads are here; of others the file is asked */
#define EVENTS 512u /* rows; a power of two */

struct head {
    uint32_t size;
    uint16_t coming; /* batches under way that may change it */
    uint16_t aside;  /* of these, that may make it shorter */
    bool reached;    /* it is at least size, */
    bool exact;      /* and no more */
};

struct events { /* one row: n events, of records one behind the other */
    struct ol_row_event first;
    uint32_t n;
};

struct ol_recent {
    struct head head[LINES][2][OL_PRECS];
    struct ol_row row[ROWS + 1]; /* index 0: none, as the one NOWHERE */
    uint16_t numbered[ROWS];     /* which row, of ours */
    uint8_t bytes[ROWS][BYTES];
    struct events event[EVENTS]; /* a ring, without a gap */
    unsigned event_at, n_events;
    uint64_t event_end; /* the last one that is here */
};

struct ol_recent *ol_recent_make(void)
{
    return calloc(1, sizeof(struct ol_recent));
}

void ol_recent_forget(struct ol_recent *r)
{
    memset(r->row, 0, sizeof(r->row));
    ol_wipe(r->bytes, sizeof(r->bytes));
    r->n_events = 0;
}

void ol_recent_free(struct ol_recent *r)
{
    if (r == NULL)
        return;
    ol_recent_forget(r);
    free(r);
}

/* Logs begin at unlike places, so that two that grow do not meet. */
static unsigned place_of(uint32_t line, uint8_t author, uint8_t prec,
                         uint32_t index)
{
    return (index + (line * 8 + author * 4u + prec) * 331u) % ROWS;
}

static unsigned place_of_number(uint32_t line, uint64_t number)
{
    return (unsigned)((number + line * UINT64_C(331)) % ROWS);
}

/* Did it do more to records than to add some: then what is here may not be
 * what stands in the file. */
static bool changes_rows(const struct ol_held *held)
{
    if (held->stood)
        return true;
    for (uint16_t k = 0; k < held->batch.n_puts; k++)
        if (held->batch.puts[k].kind == OL_PUT_ASIDE ||
            held->batch.puts[k].kind == OL_PUT_PROVED)
            return true;
    return false;
}

static void keep(struct ol_recent *r, const struct ol_batch *b,
                 const struct ol_put *put)
{
    unsigned at = place_of(b->line, put->author, put->prec, put->index);
    uint16_t *numbered = &r->numbered[place_of_number(b->line, put->number)];
    struct ol_row *row = &r->row[at];

    /* What came back may bear a number that a copy, which could not know, has
     * given again: of such a one the file is asked, for both. */
    if (put->author == OL_OWN && put->proof != OL_PROOF_OWN)
        *numbered = NOWHERE;
    if (put->bytes.n > BYTES) {
        row->index = 0;
        return;
    }
    memset(row, 0, sizeof(*row));
    row->line = b->line;
    row->author = put->author;
    row->prec = put->prec;
    row->kind = put->rec_kind;
    row->proof = put->proof;
    row->index = put->index;
    row->number = put->number;
    row->at_ms = b->at_ms;
    memcpy(row->leaf, put->leaf, sizeof(row->leaf));
    memcpy(row->root, put->root, sizeof(row->root));
    memcpy(r->bytes[at], put->bytes.p, put->bytes.n);
    row->bytes = OL_SPAN(r->bytes[at], put->bytes.n);
    if (put->author == OL_OWN && put->proof == OL_PROOF_OWN)
        *numbered = (uint16_t)at;
}

static void keep_event(struct ol_recent *r, const struct ol_batch *b,
                       const struct ol_put *put)
{
    struct events *e = &r->event[(r->event_at + r->n_events) % EVENTS];

    if (r->n_events == EVENTS)
        r->event_at = (r->event_at + 1) % EVENTS;
    else
        r->n_events++;
    e->n = ol_put_events(put);
    e->first = (struct ol_row_event){
        .seq = r->event_end + 1, .at_ms = b->at_ms, .line = b->line,
        .what = put->what, .author = put->author, .prec = put->prec,
        .index = put->index};
    snprintf(e->first.channel, sizeof(e->first.channel), "%s",
             ol_batch_channel(b, put->channel));
    snprintf(e->first.detail, sizeof(e->first.detail), "%s",
             put->detail ? put->detail : "");
    r->event_end += e->n;
}

/* The row of the event behind `after`, counted from the oldest; n_events: none
 * is here. */
static unsigned event_behind(const struct ol_recent *r, uint64_t after)
{
    unsigned k = r->n_events;

    while (k > 0 &&
           r->event[(r->event_at + k - 1) % EVENTS].first.seq > after)
        k--;
    /* That before it may stand for some on either side. */
    if (k > 0) {
        const struct events *e = &r->event[(r->event_at + k - 1) % EVENTS];

        k -= e->first.seq + e->n - 1 > after;
    }
    return k;
}

bool ol_recent_events(const struct ol_recent *r, uint64_t after, uint32_t max,
                      ol_row_event_fn fn, void *arg)
{
    if (r->n_events == 0 || after + 1 < r->event[r->event_at].first.seq)
        return false;
    for (unsigned k = event_behind(r, after); k < r->n_events; k++) {
        const struct events *e = &r->event[(r->event_at + k) % EVENTS];
        uint32_t from = e->first.seq > after
                            ? 0
                            : (uint32_t)(after - e->first.seq + 1);

        for (; from < e->n; from++) {
            struct ol_row_event given = e->first;

            given.seq += from;
            given.index += from;
            if (max-- == 0 || !fn(arg, &given))
                return true;
        }
    }
    return true;
}

static struct head *head_of(struct ol_recent *r, uint32_t line, uint8_t author,
                            uint8_t prec)
{
    return line > 0 && line <= LINES ? &r->head[line - 1][author][prec] : NULL;
}

static void count_heads(struct ol_recent *r, const struct ol_batch *b,
                        bool coming)
{
    for (uint16_t k = 0; k < b->n_puts; k++) {
        const struct ol_put *put = &b->puts[k];
        struct head *h = head_of(r, b->line, put->author, put->prec);
        int by = coming ? 1 : -1;

        if (h == NULL ||
            (put->kind != OL_PUT_HEAD && put->kind != OL_PUT_ASIDE))
            continue;
        h->exact = false;
        h->coming = (uint16_t)(h->coming + by);
        if (put->kind != OL_PUT_ASIDE)
            continue;
        h->reached = false;
        h->aside = (uint16_t)(h->aside + by);
    }
}

static void reach(struct head *h, uint32_t size)
{
    if (h->aside > 0)
        return;
    h->size = h->reached ? OL_MAX(h->size, size) : size;
    h->reached = true;
}

/* Heads only rise, but by an ASIDE: a lower one was left out. */
static void reach_heads(struct ol_recent *r, const struct ol_batch *b)
{
    for (uint16_t k = 0; k < b->n_puts; k++) {
        const struct ol_put *put = &b->puts[k];
        struct head *h = head_of(r, b->line, put->author, put->prec);

        if (h != NULL && put->kind == OL_PUT_HEAD)
            reach(h, put->index);
    }
}

void ol_recent_given(struct ol_recent *r, const struct ol_batch *batch)
{
    count_heads(r, batch, true);
}

bool ol_recent_head(const struct ol_recent *r, uint32_t line, uint8_t author,
                    uint8_t prec, uint32_t *size)
{
    const struct head *h = head_of((struct ol_recent *)r, line, author, prec);

    if (h == NULL || !h->exact)
        return false;
    *size = h->size;
    return true;
}

bool ol_recent_reached(const struct ol_recent *r, uint32_t line,
                       uint8_t author, uint8_t prec, uint32_t *size)
{
    const struct head *h = head_of((struct ol_recent *)r, line, author, prec);

    if (h == NULL || !h->reached)
        return false;
    *size = h->size;
    return true;
}

void ol_recent_note(struct ol_recent *r, uint32_t line, uint8_t author,
                    uint8_t prec, uint32_t size)
{
    struct head *h = head_of(r, line, author, prec);

    if (h == NULL || h->coming > 0)
        return;
    reach(h, size);
    h->exact = true;
}

void ol_recent_done(struct ol_recent *r, const struct ol_held *held, bool well)
{
    count_heads(r, &held->batch, false);
    if (!well)
        return;
    reach_heads(r, &held->batch);
    if (changes_rows(held)) {
        ol_recent_forget(r);
        return;
    }
    if (r->n_events == 0 || held->seq != r->event_end) {
        r->n_events = 0;
        r->event_end = held->seq;
    }
    for (uint16_t k = 0; k < held->batch.n_puts; k++) {
        const struct ol_put *put = &held->batch.puts[k];

        if (put->kind == OL_PUT_RECORD)
            keep(r, &held->batch, put);
        else if (put->kind == OL_PUT_EVENT)
            keep_event(r, &held->batch, put);
        else if (put->kind == OL_PUT_HEAD)
            ol_recent_note(r, held->batch.line, put->author, put->prec,
                           put->index);
    }
}

const struct ol_row *ol_recent_at(const struct ol_recent *r, uint32_t line,
                                  uint8_t author, uint8_t prec,
                                  uint32_t index)
{
    const struct ol_row *row = &r->row[place_of(line, author, prec, index)];

    return index > 0 && row->index == index && row->line == line &&
                   row->author == author && row->prec == prec
               ? row
               : NULL;
}

const struct ol_row *ol_recent_number(const struct ol_recent *r, uint32_t line,
                                      uint64_t number)
{
    const struct ol_row *row =
        &r->row[r->numbered[place_of_number(line, number)]];

    return row->index > 0 && row->number == number && row->line == line &&
                   row->author == OL_OWN
               ? row
               : NULL;
}
