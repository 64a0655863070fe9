/*
 * alarms: the list, acknowledged and shelved by number.
 *
 * Happy path: the list changes, what changed is written, the answer follows.
 * How it fails: what cannot be written is refused in words, though it holds
 * for now.
 */
#include <stdlib.h>
#include <string.h>

#include "station/alarm_json.h"
#include "station/clock.h"
#include "station/methods.h"

#define HISTORY 4096u /* facts that --all looks at */
#define SHOWN 500u    /* alarms of the past that it shows */

static void push(json_t **list, json_t *value)
{
    if (json_array_append_new(*list, value) == 0)
        return;
    json_decref(*list);
    *list = NULL;
}

/* The most pressing first. */
static json_t *standing(const struct ol_alarms *l)
{
    struct ol_alarm *v = malloc((l->n + 1) * sizeof(*v));
    json_t *list = v ? json_array() : NULL;

    if (v == NULL)
        return NULL;
    memcpy(v, l->v, l->n * sizeof(*v));
    qsort(v, l->n, sizeof(*v), ol_alarm_order);
    for (unsigned k = 0; k < l->n; k++)
        push(&list, ol_alarm_doc(&v[k]));
    free(v);
    return list;
}

struct past {
    struct ol_alarms *l;
    json_t *list;
    uint32_t seen[SHOWN];
    unsigned n;
};

static bool gone(void *arg, const struct ol_row_fact *fact, const json_t *doc)
{
    struct past *p = arg;
    struct ol_alarm a;

    (void)fact;
    if (!ol_alarm_of_doc(doc, &a) || ol_alarms_find(p->l, a.n) != NULL)
        return true;
    for (unsigned k = 0; k < p->n; k++)
        if (p->seen[k] == a.n)
            return true; /* an older word of the same */
    p->seen[p->n++] = a.n;
    push(&p->list, ol_alarm_doc(&a));
    return p->n < SHOWN && p->list != NULL;
}

static void list(struct ol_request *rq)
{
    struct ol_station *st = rq->st;
    struct past p = {.l = st->alarms, .list = standing(st->alarms)};

    if (ol_param_true(rq, "all") && p.list != NULL &&
        ol_alarms_history(st, HISTORY, gone, &p) != OL_OK) {
        json_decref(p.list);
        ol_refuse(rq, OL_EXIT_FAILED, "the ledger cannot be read (%s): run "
                  "'openline audit'", st->ledger->why);
        return;
    }
    ol_reply(rq, p.list);
}

static void none(struct ol_request *rq, json_int_t n)
{
    ol_refuse(rq, OL_EXIT_MISSING, "no alarm %" JSON_INTEGER_FORMAT " is on "
              "the list: 'openline alarms' shows it, with --all those of the "
              "past too", n);
}

struct asked {
    struct ol_request *rq;
    json_t *doc;
};

static void unwritten(struct ol_request *rq)
{
    ol_refuse(rq, OL_EXIT_FAILED, "the disk refuses: it is so now, but may "
              "not be after a restart; see 'openline doctor'");
}

/* Said only once it is durable: a restart must not forget it. */
static void kept(void *arg, enum ol_err err)
{
    struct asked *a = arg;

    if (err == OL_OK) {
        ol_reply(a->rq, a->doc);
    } else {
        unwritten(a->rq);
        json_decref(a->doc);
    }
    free(a);
}

static void answer(struct ol_request *rq, uint32_t n, unsigned done)
{
    const struct ol_alarm *a = ol_alarms_find(rq->st->alarms, n);
    struct asked *asked = malloc(sizeof(*asked));
    enum ol_err err;

    if (asked == NULL) {
        ol_reply(rq, NULL);
        return;
    }
    asked->rq = rq;
    asked->doc = json_pack("{s:I,s:s,s:i}", "n", (json_int_t)n, "state",
                           a ? ol_alarm_state(a) : "gone", "done", (int)done);
    err = ol_disk_after(rq->st, asked, kept);
    if (err != OL_OK)
        kept(asked, err);
}

static void ack(struct ol_request *rq, uint32_t n, const struct ol_now *now)
{
    struct ol_alarms *l = rq->st->alarms;
    const struct ol_alarm *a;
    unsigned done;

    switch (ol_alarms_ack(l, n, ol_request_officer(rq), now, &done)) {
    case OL_ALARM_DONE:
        answer(rq, n, done);
        break;
    case OL_ALARM_UNWRITTEN:
        unwritten(rq);
        break;
    case OL_ALARM_ALREADY:
        a = ol_alarms_find(l, n);
        ol_refuse(rq, OL_EXIT_FAILED, "alarm %u is acknowledged already, by "
                  "%s: it leaves the list when what caused it has passed", n,
                  a->by);
        break;
    default:
        none(rq, n);
        break;
    }
}

static void shelve(struct ol_request *rq, uint32_t n,
                   const struct ol_now *now)
{
    json_t *given = json_object_get(rq->params, "for_ms");
    json_int_t ms = json_integer_value(given);

    if (given == NULL || ms < 1000 || ms > (json_int_t)OL_SHELVE_MS) {
        ol_refuse(rq, OL_EXIT_USAGE, "an alarm is shelved for 1s to 24h: say "
                  "for how long");
        return;
    }
    switch (ol_alarms_shelve(rq->st->alarms, n, (uint64_t)ms,
                             ol_request_officer(rq), now)) {
    case OL_ALARM_DONE:
        answer(rq, n, 1);
        break;
    case OL_ALARM_UNWRITTEN:
        unwritten(rq);
        break;
    default:
        none(rq, n);
        break;
    }
}

void ol_method_alarms(struct ol_request *rq)
{
    const char *action = ol_param(rq, "action");
    json_t *given = json_object_get(rq->params, "n");
    json_int_t n = json_integer_value(given);
    struct ol_now now = {ol_clock_ns() / OL_NS_PER_MS, ol_clock_wall_ms()};

    rq->st->alarms_ns = 0; /* looked at in this turn */
    ol_loop_again(rq->st);
    if (action == NULL || strcmp(action, "list") == 0)
        list(rq);
    else if (strcmp(action, "ack") != 0 && strcmp(action, "shelve") != 0)
        ol_refuse(rq, OL_EXIT_USAGE, "no action \"%.32s\": allowed are list, "
                  "ack and shelve", action);
    else if (given == NULL)
        ol_refuse(rq, OL_EXIT_USAGE, "%s which alarm? give its number",
                  action);
    else if (n <= 0 || n > UINT32_MAX)
        none(rq, n);
    else if (strcmp(action, "ack") == 0)
        ack(rq, (uint32_t)n, &now);
    else
        shelve(rq, (uint32_t)n, &now);
}
