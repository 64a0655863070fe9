/*
 * Rows of quality: adding, folding, and their two forms as documents.
 *
 * Happy path: samples go into a row, a row into a document of the ledger, and
 * back; rows of an hour fold into one. A document that is not one of ours is
 * refused whole, so a damaged row counts as time that nobody measured.
 */
#include "station/quality.h"

#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "station/json_set.h"
#include "station/text.h"

struct ol_quality *ol_quality_channel(struct ol_quality_row *row,
                                      const char *name)
{
    for (unsigned k = 0; k < row->n; k++)
        if (strcmp(row->ch[k].name, name) == 0)
            return &row->ch[k];
    if (row->n == OL_QUALITY_CHANNELS)
        return NULL;
    memset(&row->ch[row->n], 0, sizeof(row->ch[0]));
    ol_text_put(row->ch[row->n].name, sizeof(row->ch[0].name), "%s", name);
    return &row->ch[row->n++];
}

static void keep(struct ol_quality *q, double ms)
{
    if (q->n_rtt < OL_QUALITY_RTTS)
        q->rtt_ms[q->n_rtt++] = ms;
}

static void extremes(struct ol_quality *q, double min_ms, double max_ms)
{
    if (min_ms > 0 && (q->min_ms <= 0 || min_ms < q->min_ms))
        q->min_ms = min_ms;
    if (max_ms > q->max_ms)
        q->max_ms = max_ms;
}

void ol_quality_rtt(struct ol_quality *q, double ms)
{
    if (ms <= 0)
        return;
    keep(q, ms);
    extremes(q, ms, ms);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

double ol_quality_median(const struct ol_quality *q)
{
    double v[OL_QUALITY_RTTS];
    unsigned n = q->n_rtt;

    if (n == 0)
        return 0;
    memcpy(v, q->rtt_ms, n * sizeof(v[0]));
    qsort(v, n, sizeof(v[0]), ascending);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

void ol_quality_fold(struct ol_quality_row *into,
                     const struct ol_quality_row *from)
{
    if (into->ms == 0 && into->n == 0)
        into->at_ms = from->at_ms;
    into->ms += from->ms;
    for (unsigned s = 0; s < OL_LINE_STATES; s++)
        into->line_ms[s] += from->line_ms[s];
    for (unsigned k = 0; k < from->n; k++) {
        const struct ol_quality *f = &from->ch[k];
        struct ol_quality *q = ol_quality_channel(into, f->name);
        if (q == NULL)
            continue;
        for (unsigned s = 0; s < OL_CHAN_STATES; s++)
            q->state_ms[s] += f->state_ms[s];
        q->sent += f->sent;
        q->received += f->received;
        q->acked += f->acked;
        q->lost += f->lost;
        extremes(q, f->min_ms, f->max_ms);
        if (f->n_rtt > 0)
            keep(q, ol_quality_median(f));
    }
}

static uint64_t measured(const struct ol_quality *q)
{
    uint64_t ms = 0;

    for (unsigned s = 0; s < OL_CHAN_STATES; s++)
        ms += q->state_ms[s];
    return ms;
}

struct ol_share ol_quality_channel_share(const struct ol_quality *q)
{
    return (struct ol_share){
        .ms = q->state_ms[OL_CHAN_UP] + q->state_ms[OL_CHAN_DOUBTFUL],
        .of_ms = measured(q) - q->state_ms[OL_CHAN_DISABLED] -
                 q->state_ms[OL_CHAN_IDLE]};
}

struct ol_share ol_quality_line_share(const struct ol_quality_row *row)
{
    struct ol_share s = {.ms = row->line_ms[OL_LINE_OPEN] +
                               row->line_ms[OL_LINE_LAST_CHANNEL]};

    for (unsigned k = 0; k < OL_LINE_STATES; k++)
        s.of_ms += row->line_ms[k];
    return s;
}

/* Documents. */

/* What is 0 is left out. */
static void set_count(json_t **doc, const char *key, uint64_t v)
{
    if (v != 0)
        set(doc, key, json_integer((json_int_t)v));
}

/* Microseconds are exact enough, and whole numbers are short. */
static uint64_t us_of(double ms)
{
    return OL_MAX((uint64_t)(ms * 1000 + 0.5), 1u);
}

static json_t *pack_channel(const struct ol_quality *q)
{
    json_t *doc = json_object();

    for (unsigned s = 0; s < OL_CHAN_STATES; s++)
        set_count(&doc, ol_chan_state_name(s), q->state_ms[s]);
    set_count(&doc, "sent", q->sent);
    set_count(&doc, "received", q->received);
    set_count(&doc, "acked", q->acked);
    set_count(&doc, "lost", q->lost);
    if (q->n_rtt > 0)
        set(&doc, "rtt_us",
            json_pack("[I,I,I]", (json_int_t)us_of(q->min_ms),
                      (json_int_t)us_of(ol_quality_median(q)),
                      (json_int_t)us_of(q->max_ms)));
    return doc;
}

static json_t *line_states(const struct ol_quality_row *row)
{
    json_t *doc = json_object();

    for (unsigned s = 0; s < OL_LINE_STATES; s++)
        set_count(&doc, ol_line_state_name(s), row->line_ms[s]);
    return doc;
}

static size_t length(const json_t *doc)
{
    return json_dumpb(doc, NULL, 0, JSON_COMPACT);
}

/* Takes out the channel that was measured least. */
static void shorten(json_t *channels, const struct ol_quality_row *row)
{
    const struct ol_quality *least = NULL;

    for (unsigned k = 0; k < row->n; k++)
        if (json_object_get(channels, row->ch[k].name) != NULL &&
            (least == NULL || measured(&row->ch[k]) < measured(least)))
            least = &row->ch[k];
    if (least != NULL)
        json_object_del(channels, least->name);
}

json_t *ol_quality_pack(const struct ol_quality_row *row)
{
    json_t *doc = json_object(), *channels = json_object();

    for (unsigned k = 0; k < row->n; k++)
        set(&channels, row->ch[k].name, pack_channel(&row->ch[k]));
    set_count(&doc, "ms", row->ms);
    set(&doc, "line", line_states(row));
    set(&doc, "channels", channels);
    while (doc != NULL && length(doc) > OL_QUALITY_BYTES &&
           json_object_size(channels) > 0)
        shorten(channels, row);
    return doc;
}

static bool count_of(const json_t *doc, const char *key, uint64_t *v)
{
    const json_t *value = json_object_get(doc, key);

    *v = 0;
    if (value == NULL)
        return true;
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *v = (uint64_t)json_integer_value(value);
    return true;
}

static bool unpack_rtt(const json_t *rtt, struct ol_quality *q)
{
    double ms[3];

    if (rtt == NULL)
        return true;
    if (!json_is_array(rtt) || json_array_size(rtt) != 3)
        return false;
    for (size_t k = 0; k < 3; k++) {
        json_int_t us = json_integer_value(json_array_get(rtt, k));
        if (us <= 0)
            return false;
        ms[k] = (double)us / 1000;
    }
    q->n_rtt = 1;
    q->min_ms = ms[0];
    q->rtt_ms[0] = ms[1];
    q->max_ms = ms[2];
    return true;
}

static bool unpack_channel(const json_t *doc, struct ol_quality *q)
{
    bool good = json_is_object(doc);

    for (unsigned s = 0; s < OL_CHAN_STATES && good; s++)
        good = count_of(doc, ol_chan_state_name(s), &q->state_ms[s]);
    return good && count_of(doc, "sent", &q->sent) &&
           count_of(doc, "received", &q->received) &&
           count_of(doc, "acked", &q->acked) &&
           count_of(doc, "lost", &q->lost) &&
           unpack_rtt(json_object_get(doc, "rtt_us"), q);
}

bool ol_quality_unpack(const json_t *doc, struct ol_quality_row *row)
{
    const json_t *line = json_object_get(doc, "line"), *value;
    json_t *channels = json_object_get(doc, "channels");
    const char *name;

    memset(row, 0, sizeof(*row));
    if (!json_is_object(line) || !json_is_object(channels) ||
        !count_of(doc, "ms", &row->ms))
        return false;
    for (unsigned s = 0; s < OL_LINE_STATES; s++)
        if (!count_of(line, ol_line_state_name(s), &row->line_ms[s]))
            return false;
    json_object_foreach(channels, name, value) {
        struct ol_quality *q = strlen(name) < sizeof(q->name)
                                   ? ol_quality_channel(row, name)
                                   : NULL;
        if (q == NULL || !unpack_channel(value, q))
            return false;
    }
    return true;
}

/* For people. */

static json_t *rounded(double v)
{
    return json_real((double)(int64_t)(v * 1000 + 0.5) / 1000);
}

json_t *ol_quality_share_json(struct ol_share s)
{
    double v = s.of_ms ? (double)s.ms / (double)s.of_ms : 0;

    /* Never 1 for what was not all the time: cut, not rounded. */
    return s.of_ms ? json_real((double)(int64_t)(v * 1e6) / 1e6)
                   : json_null();
}

static json_t *rtt_json(const struct ol_quality *q)
{
    json_t *doc = json_object();

    if (q->n_rtt == 0) {
        json_decref(doc);
        return json_null();
    }
    set(&doc, "min", rounded(q->min_ms));
    set(&doc, "median", rounded(ol_quality_median(q)));
    set(&doc, "max", rounded(q->max_ms));
    return doc;
}

static json_t *channel_json(const struct ol_quality *q)
{
    struct ol_share loss = {q->lost, q->lost + q->acked};
    json_t *doc = json_object(), *states = json_object();

    for (unsigned s = 0; s < OL_CHAN_STATES; s++)
        set_count(&states, ol_chan_state_name(s), q->state_ms[s]);
    set(&doc, "name", json_string(q->name));
    set(&doc, "availability",
        ol_quality_share_json(ol_quality_channel_share(q)));
    set(&doc, "states_ms", states);
    set(&doc, "rtt_ms", rtt_json(q));
    set(&doc, "loss", ol_quality_share_json(loss));
    set(&doc, "frames_sent", json_integer((json_int_t)q->sent));
    set(&doc, "frames_received", json_integer((json_int_t)q->received));
    return doc;
}

json_t *ol_quality_json(const struct ol_quality_row *row)
{
    json_t *doc = json_object(), *channels = json_array();
    char at[OL_TIME_TEXT];

    ol_text_time(at, row->at_ms);
    for (unsigned k = 0; k < row->n && channels != NULL; k++) {
        if (json_array_append_new(channels, channel_json(&row->ch[k])) == 0)
            continue;
        json_decref(channels);
        channels = NULL;
    }
    set(&doc, "at", json_string(at));
    set(&doc, "measured_ms", json_integer((json_int_t)row->ms));
    set(&doc, "availability",
        ol_quality_share_json(ol_quality_line_share(row)));
    set(&doc, "states_ms", line_states(row));
    set(&doc, "channels", channels);
    return doc;
}
