/*
 * What waits to be taken: from a request to a record on disk.
 *
 *   queued --SUBMIT--> given --TAKEN--> answered with the message
 *     ^   |               |
 *     +AGAIN              +-- the commit failed: refused, nothing was taken
 *     +UNPROVED --> kept on disk without a number, answered (waiting.c)
 *
 * Those of one line and precedence that stand behind each other go into the
 * core together, so that they share a batch and a signature. The core takes
 * what fits its open batches and says AGAIN for the rest; they wait here in
 * order, at most 256 of them. The record's texts stay in the
 * request until it is answered.
 */
#include <stdlib.h>
#include <string.h>

#include "station/clock.h"
#include "station/json.h"
#include "station/methods.h"
#include "station/names.h"
#include "station/presence.h"
#include "station/station.h"
#include "wire/record.h"

#define TOGETHER 64u

struct ol_submit {
    struct ol_submit *next;
    struct ol_station_line *line;
    struct ol_request *rq;
    uint64_t token;
    bool given;
    struct ol_record rec; /* texts: in the request */
    uint8_t id[OL_ID_SIZE];
};

void ol_submit(struct ol_station_line *line, struct ol_request *rq,
               const struct ol_record *rec, const uint8_t id[OL_ID_SIZE])
{
    struct ol_station *st = line->st;
    struct ol_submit *s;

    if (st->disk_err != OL_OK && st->disk_err != OL_ERR_FULL) {
        ol_refuse(rq, OL_EXIT_FAILED, "the disk refuses, nothing was taken: "
                  "%s", st->disk_why);
        return;
    }
    if (st->disk_full) {
        ol_refuse(rq, OL_EXIT_FAILED, "the disk is full: nothing was taken; "
                  "make room in %s and send it again", st->dir);
        return;
    }
    s = st->n_submits < OL_SUBMITS_MAX ? calloc(1, sizeof(*s)) : NULL;
    if (s == NULL) {
        ol_refuse(rq, OL_EXIT_FAILED, "busy: %u messages wait for the disk; "
                  "nothing was taken, send it again", st->n_submits);
        return;
    }
    ol_presence_deed(st);
    s->line = line;
    s->rq = rq;
    s->rec = *rec;
    s->rec.written_ms = ol_clock_wall_ms();
    if (id != NULL)
        memcpy(s->id, id, sizeof(s->id));
    else
        ol_id_new(s->id, s->rec.written_ms);
    s->rec.id = OL_SPAN(s->id, sizeof(s->id));
    *(st->submits_end ? st->submits_end : &st->submits) = s;
    st->submits_end = &s->next;
    st->n_submits++;
    if (st->submits_pumped) /* else this turn, or the one it began, does it */
        ol_loop_again(st);
}

/* Takes it out of the list, hands the request to the caller. */
static struct ol_request *finish(struct ol_station *st, struct ol_submit **at)
{
    struct ol_submit *s = *at;
    struct ol_request *rq = s->rq;

    *at = s->next;
    if (s->next == NULL)
        st->submits_end = at;
    st->n_submits--;
    /* If it became no message its files are of no use. */
    if (s->rec.n_attachments > 0)
        ol_sweep_again(s->line);
    free(s);
    return rq;
}

static void refuse(struct ol_request *rq, enum ol_err err)
{
    if (err == OL_ERR_FULL)
        ol_refuse(rq, OL_EXIT_FAILED, "the disk is full: nothing was taken; "
                  "make room and send it again");
    else if (err == OL_ERR_TOO_LONG)
        ol_refuse(rq, OL_EXIT_USAGE, "the message is too long as a whole: "
                  "shorten it, or send it as a file");
    else
        ol_refuse(rq, OL_EXIT_USAGE, "the message cannot be written (%s): "
                  "check its texts", ol_err_info(err)->text);
}

/* What is being kept without a number: who asked, and for what. */
struct keeping {
    struct ol_station_line *line;
    struct ol_request *rq;
    uint64_t receipt_of;
    uint8_t rel;
    struct ol_span text; /* of a receipt; in the request */
    uint8_t id[OL_ID_SIZE];
};

static void answer(struct keeping *k)
{
    static struct ol_entry e;

    if ((k->receipt_of ? ol_query_number(k->line, OL_PEER, k->receipt_of, &e)
                       : ol_query_id(k->line->st, k->id, &e)) == OL_OK)
        ol_receipt_given(k->rq, &e, k->rel, k->text);
    else
        ol_refuse(k->rq, OL_EXIT_FAILED, "it is kept, but the ledger cannot "
                  "show it: run 'openline audit'");
}

static void kept(void *arg, enum ol_err err)
{
    struct keeping *k = arg;

    k->line->waiting.putting--;
    if (err == OL_OK)
        answer(k);
    else
        ol_refuse(k->rq, OL_EXIT_FAILED, "the disk refused: nothing was "
                  "taken; make room and send it again");
    ol_loop_again(k->line->st);
    free(k);
}

/* Nothing can be numbered now: the record waits on disk. Index and number are
 * given when it is said; in what waits they stand for nothing. */
static void keep(struct ol_station *st, struct ol_submit **at)
{
    static uint8_t bytes[OL_RECORD_MAX];
    struct ol_submit *s = *at;
    struct ol_station_line *line = s->line;
    struct ol_put put = {.kind = OL_PUT_WAITING};
    struct ol_batch batch = {.puts = &put, .n_puts = 1};
    struct keeping *k = calloc(1, sizeof(*k));
    struct ol_writer w;
    enum ol_err err;

    s->rec.index = 1;
    s->rec.number = 1;
    ol_writer_init(&w, bytes, sizeof(bytes));
    err = ol_record_encode(&w, &s->rec);
    put.bytes = ol_writer_span(&w);
    if (k == NULL)
        err = OL_ERR_AGAIN;
    if (err == OL_OK) {
        *k = (struct keeping){.line = line, .rq = s->rq};
        memcpy(k->id, s->id, sizeof(k->id));
        if (s->rec.kind == OL_KIND_RECEIPT) {
            k->receipt_of = s->rec.refs[0].number;
            k->rel = s->rec.refs[0].rel;
            k->text = s->rec.text;
        }
        err = ol_disk_commit(line, &batch, k, kept);
    }
    if (err != OL_OK) {
        free(k);
        refuse(finish(st, at), err);
        return;
    }
    line->waiting.any = true;
    line->waiting.putting++;
    (void)finish(st, at);
}

bool ol_submit_pending(struct ol_station_line *line, uint8_t rel,
                       uint64_t number)
{
    if (ol_waiting_has(line, rel, number))
        return true;
    for (const struct ol_submit *s = line->st->submits; s; s = s->next)
        if (s->line == line && s->rec.n_refs > 0 &&
            s->rec.refs[0].rel == rel && s->rec.refs[0].number == number)
            return true;
    return false;
}

bool ol_submit_has_id(const struct ol_station *st,
                      const uint8_t id[OL_ID_SIZE])
{
    for (const struct ol_submit *s = st->submits; s != NULL; s = s->next)
        if (memcmp(s->id, id, OL_ID_SIZE) == 0)
            return true;
    return false;
}

enum fate {
    STAYS, /* in the list; the core has it, or it was not its turn */
    WAITS, /* in the list; its line takes no more now */
    OUT,   /* of the list */
};

/* Those behind it that go with it, in order. */
static unsigned together(struct ol_submit *first,
                         struct ol_submit *out[TOGETHER])
{
    unsigned n = 0;

    for (struct ol_submit *s = first->next; s != NULL && n < TOGETHER;
         s = s->next) {
        if (s->line != first->line)
            continue;
        if (s->given || s->rec.prec != first->rec.prec)
            break;
        out[n++] = s;
    }
    return n;
}

/* Into the core, with those that go along. */
static enum ol_err give(struct ol_station *st, struct ol_submit *s)
{
    const struct ol_record *more[TOGETHER];
    struct ol_submit *with[TOGETHER];
    struct ol_event ev = {.kind = OL_EV_SUBMIT, .record = &s->rec,
                          .more = more, .n_more = together(s, with)};
    unsigned n = ev.n_more;
    enum ol_err err;

    for (unsigned k = 0; k < n; k++)
        more[k] = &with[k]->rec;
    /* Each has a token of its own, one behind the other. */
    s->token = ev.token = st->next_token + 1;
    st->next_token += 1 + n;
    err = ol_station_submit(s->line, &ev, &n);
    if (err != OL_OK)
        return err;
    s->given = true;
    for (unsigned k = 0; k + 1 < n; k++) {
        with[k]->given = true;
        with[k]->token = s->token + 1 + k;
    }
    return OL_OK;
}

/* One that is new, into the core. */
static enum fate offer(struct ol_station *st, struct ol_submit **at)
{
    struct ol_submit *s = *at;
    enum ol_waiting_turn turn = ol_waiting_turn(s->line);
    enum ol_err err = turn == OL_WAITING_MUTE ? OL_ERR_UNPROVED
                      : turn == OL_WAITING_BUSY
                          ? OL_ERR_AGAIN
                          : give(st, s);

    if (err == OL_OK)
        return STAYS;
    if (err == OL_ERR_AGAIN || err == OL_ERR_DOWN)
        return WAITS;
    if (err == OL_ERR_UNPROVED)
        keep(st, at);
    else
        refuse(finish(st, at), err);
    return OUT;
}

void ol_submit_pump(struct ol_station *st)
{
    const struct ol_station_line *busy[OL_LINES_MAX];
    unsigned n_busy = 0;
    struct ol_submit **at = &st->submits;

    for (unsigned k = 0; k < st->n_lines; k++)
        (void)ol_waiting_turn(st->lines[k]);
    while (*at != NULL) {
        struct ol_submit *s = *at;
        struct ol_station_line *line = s->line;
        bool skip = s->given || line->phase != OL_PHASE_RUN;
        enum fate fate = STAYS;

        /* In order: behind one that waits, all of its line wait. */
        for (unsigned k = 0; k < n_busy; k++)
            skip = skip || busy[k] == line;
        if (!skip)
            fate = offer(st, at);
        if (fate == WAITS && n_busy < OL_LINES_MAX)
            busy[n_busy++] = line;
        if (fate != OUT)
            at = &s->next;
    }
}

static void taken(struct ol_station_line *line, uint64_t token,
                  uint64_t number)
{
    struct ol_station *st = line->st;
    struct ol_submit **at = &st->submits;
    static struct ol_entry e;
    struct ol_request *rq;
    struct ol_span text = {NULL, 0};
    uint64_t receipt_of = 0;
    uint8_t rel = 0;

    while (*at != NULL && (!(*at)->given || (*at)->token != token))
        at = &(*at)->next;
    if (*at == NULL)
        return;
    if ((*at)->rec.kind == OL_KIND_RECEIPT) {
        receipt_of = (*at)->rec.refs[0].number;
        rel = (*at)->rec.refs[0].rel;
        text = (*at)->rec.text; /* in the request */
    }
    rq = finish(st, at);
    /* A receipt is answered with the message that it is of. */
    if ((receipt_of ? ol_query_number(line, OL_PEER, receipt_of, &e)
                    : ol_query_number(line, OL_OWN, number, &e)) !=
        OL_OK) {
        ol_refuse(rq, OL_EXIT_FAILED, "it was taken as number %llu, but the "
                  "ledger cannot show it: run 'openline audit'",
                  (unsigned long long)number);
        return;
    }
    e.fresh = receipt_of == 0;
    ol_receipt_given(rq, &e, rel, text);
}

void ol_submit_taken(struct ol_station_line *line, const struct ol_note *note)
{
    if (ol_waiting_taken(line, note->token))
        return;
    for (uint32_t k = 0; k < note->count; k++)
        taken(line, note->token + k, note->number + k);
}

void ol_submit_fail(struct ol_station *st, const struct ol_station_line *line,
                    const char *why)
{
    struct ol_submit **at = &st->submits;

    while (*at != NULL) {
        /* What the core has may be on the disk by the time it answers. */
        const char *said = (*at)->given
                               ? "the disk has not answered, so it is not "
                                 "known whether it was taken: look with "
                                 "'openline log' before you send it again"
                               : why;
        if (line != NULL && (*at)->line != line)
            at = &(*at)->next;
        else
            ol_refuse(finish(st, at), OL_EXIT_FAILED, "%s", said);
    }
}
