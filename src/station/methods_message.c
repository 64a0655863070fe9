/*
 * send, ask, announce, show, save: what a person says, and looks at.
 */
#include <string.h>

#include "station/json.h"
#include "station/methods.h"
#include "station/speech.h"

/* What was announced, and is done with this. */
static bool fulfils(struct ol_request *rq, const struct ol_station_line *line,
                    struct ol_speech *s)
{
    const char *name = ol_param(rq, "fulfils");
    static struct ol_entry e;
    char why[OL_WHY_MAX];
    int status;

    if (name == NULL)
        return true;
    status = ol_query_name(rq->st, name, OL_WHOSE_ANY, &e, why);
    if (status != OL_EXIT_OK)
        ol_refuse(rq, status, "fulfils: %s", why);
    else if (e.line != line || e.row.author != OL_OWN || !e.decoded ||
             e.waiting || e.rec.kind != OL_KIND_NOTIFICATION ||
             !ol_progress_wants(&e.rec))
        ol_refuse(rq, OL_EXIT_FAILED, "fulfils: %.64s announced nothing to "
                  "%s: 'openline announce' does", name, line->conf.peer);
    else
        return ol_speech_refer(rq, s, OL_REL_FULFILS, &e);
    return false;
}

void ol_method_send(struct ol_request *rq)
{
    struct ol_station_line *line = ol_method_paired(rq);
    struct ol_speech s = {.rec.kind = OL_KIND_MESSAGE};

    if (line != NULL &&
        ol_speech_deadline(rq, "expires", &s.rec.deadline_ms) &&
        ol_speech_take(rq, line, &s) && fulfils(rq, line, &s))
        ol_speech_say(rq, line, &s);
}

/* Something that we shall do by a time. */
void ol_method_announce(struct ol_request *rq)
{
    struct ol_station_line *line = ol_method_paired(rq);
    struct ol_speech s = {.rec.kind = OL_KIND_NOTIFICATION};

    if (line != NULL &&
        ol_speech_deadline(rq, "by", &s.rec.deadline_ms) &&
        ol_speech_take(rq, line, &s))
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

bool ol_method_message(struct ol_request *rq, enum ol_whose whose,
                       struct ol_entry *e)
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

    if (ol_method_message(rq, ol_param_true(rq, "theirs") ? OL_WHOSE_PEERS
                                                          : OL_WHOSE_ANY,
                          &e))
        ol_json_reply(rq, &e, OL_SHOW_LOG);
}

/* save with stop: the files are not wanted any more. */
static void stopped(void *arg, enum ol_err err)
{
    struct ol_request *rq = arg;
    static struct ol_entry e;

    if (!ol_method_message(rq, OL_WHOSE_PEERS, &e))
        return;
    e.line->files.choose = e.line->files.tell = true;
    e.line->files.changes++;
    ol_sweep_again(e.line);
    if (err != OL_OK)
        ol_refuse(rq, OL_EXIT_FAILED, "the disk refused (%s): nothing has "
                  "changed", ol_err_info(err)->text);
    else
        ol_json_reply(rq, &e, OL_SHOW_LOG);
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

    if (!ol_method_message(rq, OL_WHOSE_PEERS, &e))
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
