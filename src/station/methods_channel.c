/*
 * channel: what there is, and the officer's switch.
 *
 * The switch is kept in the ledger first and turned once it is there, so that
 * a channel that was disabled stays so over a crash.
 */
#include <stdlib.h>
#include <string.h>

#include "station/json.h"
#include "station/methods.h"

struct turn { /* kept in the request while the ledger writes */
    struct ol_station_line *line;
    unsigned channel;
    bool on;
};

/* Which channel is to be turned: the request says it again. */
static bool turn_of(const struct ol_request *rq, struct turn *t)
{
    int k;

    t->line = ol_line_named(rq->st, ol_param(rq, "peer"));
    if (t->line == NULL)
        return false;
    k = ol_line_channel(t->line, ol_param(rq, "name"));
    t->channel = (unsigned)k;
    t->on = strcmp(ol_param(rq, "action"), "enable") == 0;
    return k >= 0;
}

static void turned(void *arg, enum ol_err err)
{
    struct ol_request *rq = arg;
    struct ol_event ev = {.kind = OL_EV_ENABLE};
    struct turn t;

    if (err != OL_OK) {
        ol_refuse(rq, OL_EXIT_FAILED, "the disk refused (%s): the channel is "
                  "as it was", ol_err_info(err)->text);
        return;
    }
    if (!turn_of(rq, &t)) {
        ol_refuse(rq, OL_EXIT_MISSING, "the channel is gone");
        return;
    }
    t.line->disabled[t.channel] = !t.on;
    ev.channel = (uint16_t)t.channel;
    ev.on = t.on;
    (void)ol_station_step(t.line, &ev);
    ol_reply(rq, ol_json_channels(t.line));
}

static bool works(const struct ol_chan_status *s)
{
    return s->state == OL_CHAN_UP || s->state == OL_CHAN_ONE_WAY ||
           s->state == OL_CHAN_DOUBTFUL || s->state == OL_CHAN_IDLE;
}

/* Would nothing be left that works. */
static bool is_last(const struct turn *t)
{
    struct ol_line_status s;

    if (t->line->core == NULL)
        return false;
    ol_line_status(t->line->core, 0, &s);
    if (!works(&s.ch[t->channel]))
        return false;
    for (unsigned k = 0; k < s.n_channels; k++)
        if (k != t->channel && works(&s.ch[k]))
            return false;
    return true;
}

static void keep(struct ol_request *rq, const struct turn *t)
{
    char key[64];
    struct ol_ledger_meta meta = {.key = key};
    struct ol_batch batch = {.metas = &meta, .n_metas = 1};
    enum ol_err err;

    ol_text_put(key, sizeof(key), "disabled/%s",
                t->line->conf.channels[t->channel].name);
    if (!t->on)
        meta.value = ol_span_str("1");
    err = ol_disk_commit(t->line, &batch, rq, turned);
    if (err != OL_OK)
        turned(rq, err);
}

void ol_method_channel(struct ol_request *rq)
{
    const char *action = ol_param(rq, "action"), *name = ol_param(rq, "name");
    struct ol_station_line *line = ol_method_line(rq);
    struct turn t;

    if (line == NULL)
        return;
    if (action == NULL || strcmp(action, "list") == 0) {
        ol_reply(rq, ol_json_channels(line));
        return;
    }
    if (strcmp(action, "disable") != 0 && strcmp(action, "enable") != 0) {
        ol_refuse(rq, OL_EXIT_USAGE, "no action \"%.32s\": allowed are list, "
                  "disable, enable", action);
        return;
    }
    if (name == NULL) {
        ol_refuse(rq, OL_EXIT_USAGE, "the channel's name is missing");
        return;
    }
    if (!turn_of(rq, &t)) {
        ol_refuse(rq, OL_EXIT_MISSING, "the line with %s has no channel "
                  "%.32s: 'openline channel %s' lists them", line->conf.peer,
                  name, line->conf.peer);
        return;
    }
    if (line->ledger_id == 0) {
        ol_refuse(rq, OL_EXIT_FAILED, "the line with %s is not paired",
                  line->conf.peer);
        return;
    }
    if (!t.on && !ol_param_true(rq, "yes") && is_last(&t)) {
        ol_refuse(rq, OL_EXIT_FAILED, "%s is the last channel to %s that "
                  "works, without it the line is dark: add --yes to disable "
                  "it all the same", name, line->conf.peer);
        return;
    }
    keep(rq, &t);
}
