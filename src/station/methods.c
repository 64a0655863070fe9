/*
 * What the control socket answers: the table, and the short ones.
 *
 * A row says what parameters a method takes; whatever does not fit is refused
 * before the method is called.
 */
#include "station/methods.h"

#include <stdlib.h>
#include <string.h>

#include "station/clock.h"
#include "station/events.h"
#include "station/json.h"
#include "station/rpc.h"
#include "station/speech.h"

bool ol_method_peer(struct ol_request *rq, struct ol_station_line **line)
{
    const char *peer = ol_param(rq, "peer");

    *line = peer ? ol_line_named(rq->st, peer) : NULL;
    if (peer == NULL || *line != NULL)
        return true;
    ol_refuse(rq, OL_EXIT_MISSING, "no line with %.64s: 'openline status' "
              "lists the lines, 'openline pair CARD' makes one", peer);
    return false;
}

struct ol_station_line *ol_method_line(struct ol_request *rq)
{
    struct ol_station_line *line;

    return ol_method_peer(rq, &line) ? line : NULL;
}

struct ol_station_line *ol_method_paired(struct ol_request *rq)
{
    struct ol_station_line *line = ol_method_line(rq);

    if (line == NULL || line->phase != OL_PHASE_UNPAIRED)
        return line;
    ol_refuse(rq, OL_EXIT_FAILED, "%s is not paired: %s", line->conf.peer,
              line->why);
    return NULL;
}

static void method_status(struct ol_request *rq)
{
    struct ol_station_line *line;

    if (ol_method_peer(rq, &line))
        ol_reply(rq, ol_json_status(rq->st, ol_param(rq, "peer")));
}

static void method_safety(struct ol_request *rq)
{
    struct ol_station_line *line = ol_method_paired(rq);
    char why[OL_WHY_MAX];

    if (line == NULL)
        return;
    if (ol_param_true(rq, "confirm") &&
        ol_pair_confirm(rq->st->dir, line->conf.peer, &line->pair, why) !=
            OL_EXIT_OK) {
        ol_refuse(rq, OL_EXIT_FAILED, "%s", why);
        return;
    }
    ol_reply(rq, json_pack("{s:s,s:s,s:o}", "peer", line->conf.peer,
                           "safety_number", line->pair.safety, "verified",
                           line->pair.verified[0]
                               ? json_string(line->pair.verified)
                               : json_null()));
}

uint64_t ol_method_until_ns(const struct ol_request *rq)
{
    json_t *timeout = json_object_get(rq->params, "timeout_ms");
    uint64_t ms = timeout ? (uint64_t)json_integer_value(timeout) : 0;

    if (timeout == NULL)
        return OL_NEVER_NS;
    return ol_clock_ns() +
           OL_MIN(ms, UINT64_MAX / 4 / OL_NS_PER_MS) * OL_NS_PER_MS;
}

bool ol_method_time(struct ol_request *rq, const char *name, uint64_t *ms)
{
    const char *text = ol_param(rq, name);

    if (text == NULL || ol_text_time_parse(text, ol_clock_wall_ms(), ms))
        return true;
    ol_refuse(rq, OL_EXIT_USAGE, "%s: \"%.40s\" is no time: write it as "
              "2026-11-23T18:00:00Z, 18:00Z or 231800Z NOV 26", name, text);
    return false;
}

static void method_wait(struct ol_request *rq)
{
    int rung = ol_json_rung_of(ol_param(rq, "rung"));
    static struct ol_entry e;
    char why[OL_WHY_MAX];
    int status;

    if (rung < OL_RUNG_QUEUED) {
        ol_refuse(rq, OL_EXIT_USAGE, "no rung \"%.32s\" to wait for: allowed "
                  "are queued, sent, delivered, read, understood, answered",
                  ol_param(rq, "rung"));
        return;
    }
    status = ol_query_name(rq->st, ol_param(rq, "name"), OL_WHOSE_ANY, &e,
                           why);
    if (status != OL_EXIT_OK) {
        ol_refuse(rq, status, "%s", why);
        return;
    }
    ol_waits_add(rq, &e, (enum ol_rung)rung, ol_method_until_ns(rq));
}

static void method_reload(struct ol_request *rq)
{
    ol_reload(rq->st, rq);
}

static const struct {
    const char *name;
    const char *params; /* as ol_rpc_check reads it */
    void (*call)(struct ol_request *rq);
    unsigned fds; /* descriptors it takes, at most */
} table[] = {
    {"status", "peer:s", method_status, 0},
    {"doctor", "peer:s", ol_method_doctor, 0},
    {"safety", "peer:s! confirm:b", method_safety, 0},
    {"send", "peer:s! expires:s fulfils:s" OL_SPEECH_PARAMS, ol_method_send,
     OL_REQUEST_FDS},
    {"ask", "peer:s! by:s!" OL_SPEECH_PARAMS, ol_method_ask, OL_REQUEST_FDS},
    {"asks", "peer:s", ol_method_asks, 0},
    {"announce", "peer:s! by:s!" OL_SPEECH_PARAMS, ol_method_announce,
     OL_REQUEST_FDS},
    {"answer", "name:s!" OL_SPEECH_PARAMS, ol_method_answer, OL_REQUEST_FDS},
    {"decline", "name:s! reason:s! id:s", ol_method_decline, 0},
    {"supersede", "name:s! by:s expires:s" OL_SPEECH_PARAMS,
     ol_method_supersede, OL_REQUEST_FDS},
    {"cancel", "name:s! reason:s id:s", ol_method_cancel, 0},
    {"save", "name:s! file:u timeout_ms:u stop:b", ol_method_save, 1},
    {"wait", "name:s! rung:s! timeout_ms:u", method_wait, 0},
    {"inbox", "peer:s all:b", ol_method_inbox, 0},
    {"show", "name:s! theirs:b", ol_method_show, 0},
    {"read", "name:s!", ol_method_read, 0},
    {"understood", "name:s! readback:s", ol_method_understood, 0},
    {"distributed", "name:s! to:s!", ol_method_distributed, 0},
    {"log", "peer:s from:s to:s", ol_method_log, 0},
    {"blackouts", "peer:s from:s to:s", ol_method_blackouts, 0},
    {"history", "peer:s! channel:s from:s to:s", ol_method_history, 0},
    {"subscribe", "peer:s after:u", ol_events_subscribe, 0},
    {"watch", "peer:s after:u", ol_events_subscribe, 0},
    {"channel", "peer:s! action:s name:s yes:b", ol_method_channel, 0},
    {"courier", "action:s! peer:s file:s!", ol_method_courier, 0},
    {"audit", "peer:s", ol_method_audit, 0},
    {"report", "peer:s from:s to:s", ol_method_report, 0},
    {"backup", "action:s!", ol_method_backup, 0},
    {"alarms", "action:s n:u all:b for_ms:u", ol_method_alarms, 0},
    {"check", "peer:s! wait:b", ol_method_check, 0},
    {"checks", "peer:s", ol_method_checks, 0},
    {"exercise", "peer:s! action:s", ol_method_exercise, 0},
    {"metrics", "", ol_method_metrics, 0},
    {"stance", "peer:s! stance:s subject:s reason:s", ol_method_stance, 0},
    {"attend", "answer:s", ol_method_attend, 0},
    {"reload", "", method_reload, 0},
};

void ol_methods_call(struct ol_request *rq, const char *method)
{
    char why[OL_WHY_MAX];

    for (size_t k = 0; k < OL_LEN(table); k++) {
        if (strcmp(table[k].name, method) != 0)
            continue;
        if (ol_rpc_check(rq->params, table[k].params, why) != OL_EXIT_OK)
            ol_refuse(rq, OL_EXIT_USAGE, "%s: %s", method, why);
        else if (rq->n_fds > table[k].fds)
            ol_refuse(rq, OL_EXIT_USAGE, "%s takes no file descriptor%s",
                      method, table[k].fds > 0 ? " more" : "");
        else
            table[k].call(rq);
        return;
    }
    ol_refuse(rq, OL_EXIT_USAGE, "no method \"%.32s\": see doc/control.md",
              method);
}
