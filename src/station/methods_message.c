/*
 * send, ask, show, save, read, understood: what a person says and answers for.
 *
 * read and understood give a receipt: a record of our own, of the message's
 * precedence, with the officer's name. A second read gives no second receipt.
 */
#include <string.h>

#include "station/json.h"
#include "station/methods.h"
#include "station/speech.h"

void ol_method_send(struct ol_request *rq)
{
    struct ol_station_line *line = ol_method_paired(rq);
    struct ol_speech s = {.rec.kind = OL_KIND_MESSAGE};

    if (line != NULL && ol_speech_take(rq, line, &s))
        ol_speech_say(rq, line, &s);
}

/* It is open until it is answered, declined or withdrawn: asks.c. */
void ol_method_ask(struct ol_request *rq)
{
    struct ol_station_line *line = ol_method_paired(rq);
    struct ol_speech s = {.rec.kind = OL_KIND_ASK};

    if (line != NULL &&
        ol_speech_deadline(rq, "by", &s.rec.deadline_ms) &&
        ol_speech_take(rq, line, &s))
        ol_speech_say(rq, line, &s);
}

/* Receipts. */

static bool find(struct ol_request *rq, struct ol_entry *e,
                 enum ol_whose whose)
{
    char why[OL_WHY_MAX];
    int status = ol_query_name(rq->st, ol_param(rq, "name"), whose, e, why);

    if (status == OL_EXIT_OK)
        return true;
    ol_refuse(rq, status, "%s", why);
    return false;
}

void ol_method_show(struct ol_request *rq)
{
    static struct ol_entry e;

    if (find(rq, &e, ol_param_true(rq, "theirs") ? OL_WHOSE_PEERS
                                                 : OL_WHOSE_ANY))
        ol_reply(rq, ol_json_message(&e, OL_SHOW_LOG));
}

/* save with stop: the files are not wanted any more. */
static void stopped(void *arg, enum ol_err err)
{
    struct ol_request *rq = arg;
    static struct ol_entry e;

    if (!find(rq, &e, OL_WHOSE_PEERS))
        return;
    e.line->files.choose = e.line->files.tell = true;
    e.line->files.changes++;
    ol_sweep_again(e.line);
    if (err != OL_OK)
        ol_refuse(rq, OL_EXIT_FAILED, "the disk refused (%s): nothing has "
                  "changed", ol_err_info(err)->text);
    else
        ol_reply(rq, ol_json_message(&e, OL_SHOW_LOG));
}

static void stop(struct ol_request *rq, const struct ol_entry *e)
{
    enum ol_err err = OL_ERR_MISSING;

    if (e->row.author == OL_PEER)
        err = ol_found_decline(e->line, e, rq, stopped);
    if (err == OL_ERR_MISSING)
        ol_refuse(rq, OL_EXIT_FAILED, "%.64s has no file that is still to "
                  "come", ol_param(rq, "name"));
    else if (err != OL_OK)
        stopped(rq, err);
}

void ol_method_save(struct ol_request *rq)
{
    json_t *file = json_object_get(rq->params, "file");
    json_int_t place = file ? json_integer_value(file) : 0;
    static struct ol_entry e;

    if (!find(rq, &e, OL_WHOSE_PEERS))
        return;
    if (!e.decoded || place >= e.rec.n_attachments) {
        ol_refuse(rq, OL_EXIT_MISSING, "%.64s has %s: 'openline read' shows "
                  "what it has", ol_param(rq, "name"),
                  e.decoded && e.rec.n_attachments > 0 ? "not so many files"
                                                       : "no file");
        return;
    }
    if (ol_param_true(rq, "stop")) {
        stop(rq, &e);
        return;
    }
    ol_saving_start(rq, &e, (unsigned)place, ol_method_until_ns(rq));
}

static void give(struct ol_request *rq, const struct ol_entry *e,
                 enum ol_rel rel, struct ol_span readback)
{
    struct ol_record rec = {.kind = OL_KIND_RECEIPT, .prec = e->row.prec,
                            .marking = e->rec.marking, .text = readback,
                            .n_refs = 1};

    rec.refs[0].rel = (uint8_t)rel;
    rec.refs[0].number = e->row.number;
    rec.originator = ol_span_str(ol_request_officer(rq));
    if (ol_submit_pending(e->line, (uint8_t)rel, e->row.number))
        ol_refuse(rq, OL_EXIT_FAILED, "another officer is at this message "
                  "just now: ask again");
    else
        ol_submit(e->line, rq, &rec, NULL);
}

/* The message, and how far it came; false: refused. */
static bool pick(struct ol_request *rq, struct ol_entry *e,
                 struct ol_progress *p)
{
    if (!find(rq, e, OL_WHOSE_PEERS))
        return false;
    if (e->row.author == OL_OWN) {
        ol_refuse(rq, OL_EXIT_FAILED, "%.64s is our own message: 'openline "
                  "log' shows it", ol_param(rq, "name"));
        return false;
    }
    if (ol_query_progress(e, p) == OL_OK)
        return true;
    ol_refuse(rq, OL_EXIT_FAILED, "the ledger cannot be read: run 'openline "
              "audit'");
    return false;
}

void ol_method_read(struct ol_request *rq)
{
    static struct ol_entry e;
    struct ol_progress p;

    if (!pick(rq, &e, &p))
        return;
    if (p.rung >= OL_RUNG_READ || !ol_query_readable(&e))
        ol_reply(rq, ol_json_message(&e, OL_SHOW_TEXT));
    else
        give(rq, &e, OL_REL_READ, ol_span_str(NULL));
}

void ol_method_understood(struct ol_request *rq)
{
    static struct ol_entry e;
    struct ol_progress p;
    struct ol_span readback;

    if (!ol_speech_text(rq, "readback", OL_TEXT_MAX, ": shorten it",
                        &readback) ||
        !pick(rq, &e, &p))
        return;
    if (p.rung >= OL_RUNG_UNDERSTOOD)
        ol_reply(rq, ol_json_message(&e, OL_SHOW_TEXT));
    else if (!ol_query_readable(&e))
        ol_refuse(rq, OL_EXIT_FAILED, "%.64s is no message that is read and "
                  "understood", ol_param(rq, "name"));
    else if (p.rung < OL_RUNG_READ)
        ol_refuse(rq, OL_EXIT_FAILED, "%.64s was not read yet: read it first",
                  ol_param(rq, "name"));
    else
        give(rq, &e, OL_REL_UNDERSTOOD, readback);
}
