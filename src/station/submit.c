/*
 * What waits to be taken: from a request to a record on disk.
 *
 *   queued --SUBMIT--> given --TAKEN--> answered with the message
 *     ^   |               |
 *     +AGAIN              +-- the commit failed: refused, nothing was taken
 *
 * The core takes what fits its open batches and says AGAIN for the rest; they
 * wait here in order, at most 256 of them. The record's texts stay in the
 * request until it is answered.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "station/clock.h"
#include "station/json.h"
#include "station/station.h"

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
    struct ol_submit *s, **at = &st->submits;

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
    s->line = line;
    s->rq = rq;
    s->token = ++st->next_token;
    s->rec = *rec;
    if (id != NULL)
        memcpy(s->id, id, sizeof(s->id));
    else
        ol_os_random(s->id, sizeof(s->id));
    s->rec.id = OL_SPAN(s->id, sizeof(s->id));
    s->rec.written_ms = ol_clock_wall_ms();
    while (*at != NULL)
        at = &(*at)->next;
    *at = s;
    st->n_submits++;
    ol_loop_again(st);
}

bool ol_submit_pending(const struct ol_station_line *line, uint8_t rel,
                       uint64_t number)
{
    for (const struct ol_submit *s = line->st->submits; s; s = s->next)
        if (s->line == line && s->rec.kind == OL_KIND_RECEIPT &&
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

/* Takes it out of the list, hands the request to the caller. */
static struct ol_request *finish(struct ol_station *st, struct ol_submit **at)
{
    struct ol_submit *s = *at;
    struct ol_request *rq = s->rq;

    *at = s->next;
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

void ol_submit_pump(struct ol_station *st)
{
    const struct ol_station_line *busy[OL_LINES_MAX];
    unsigned n_busy = 0;
    struct ol_submit **at = &st->submits;

    while (*at != NULL) {
        struct ol_submit *s = *at;
        struct ol_event ev = {.kind = OL_EV_SUBMIT, .token = s->token,
                              .record = &s->rec};
        bool skip = s->given || s->line->phase != OL_PHASE_RUN;
        enum ol_err err;

        /* In order: behind one that waits, all of its line wait. */
        for (unsigned k = 0; k < n_busy; k++)
            skip = skip || busy[k] == s->line;
        if (skip) {
            at = &s->next;
            continue;
        }
        err = ol_station_step(s->line, &ev);
        if (err == OL_OK) {
            s->given = true;
        } else if (err == OL_ERR_AGAIN || err == OL_ERR_DOWN) {
            if (n_busy < OL_LINES_MAX)
                busy[n_busy++] = s->line;
        } else {
            refuse(finish(st, at), err);
            continue;
        }
        at = &s->next;
    }
}

void ol_submit_taken(struct ol_station_line *line, const struct ol_note *note)
{
    struct ol_station *st = line->st;
    struct ol_submit **at = &st->submits;
    static struct ol_entry e;
    struct ol_request *rq;
    uint64_t receipt_of = 0;

    while (*at != NULL && (*at)->token != note->token)
        at = &(*at)->next;
    if (*at == NULL)
        return;
    if ((*at)->rec.kind == OL_KIND_RECEIPT)
        receipt_of = (*at)->rec.refs[0].number;
    rq = finish(st, at);
    /* A receipt is answered with the message that it is of. */
    if ((receipt_of ? ol_query_number(line, OL_PEER, receipt_of, &e)
                    : ol_query_number(line, OL_OWN, note->number, &e)) !=
        OL_OK)
        ol_refuse(rq, OL_EXIT_FAILED, "it was taken as number %llu, but the "
                  "ledger cannot show it: run 'openline audit'",
                  (unsigned long long)note->number);
    else
        ol_reply(rq, ol_json_message(&e, OL_SHOW_TEXT));
}

void ol_submit_fail(struct ol_station *st, const struct ol_station_line *line,
                    const char *why)
{
    struct ol_submit **at = &st->submits;

    while (*at != NULL) {
        if (line != NULL && (*at)->line != line)
            at = &(*at)->next;
        else
            ol_refuse(finish(st, at), OL_EXIT_FAILED, "%s", why);
    }
}
