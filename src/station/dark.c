/*
 * Blackouts as they happen.
 *
 *   BLACKOUT ----> begin: since, why, what the peer holds
 *   RESTORED ----> end: how long, what waited, went and came
 *   all that waited is acknowledged ----> caught-up, and its event
 *
 * What waited, went and came is counted in records, as `queue` is, from the
 * heads and acknowledgements in the ledger: so a stop in between loses
 * nothing. How it fails: a fact is in the core's own batch, and if the disk
 * refuses, the line is made anew and the core says it again.
 */
#include "station/dark.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "station/clock.h"
#include "station/dark_fold.h"
#include "station/json_set.h"
#include "station/log.h"
#include "station/station.h"

#define LOOK_NS (250 * OL_NS_PER_MS)

/* ---- facts -------------------------------------------------------------- */

/* The next fact, with a time behind the last one's: their order is kept also
 * when the clock is set back. Its documents say the times as they were. */
static bool prepare(struct ol_station_line *line, json_t *doc)
{
    struct ol_dark *d = &line->dark;

    free(d->value);
    /* It is in the core's own batch, which must not fail for many words. */
    if (json_dumpb(doc, NULL, 0, JSON_COMPACT) > OL_QUALITY_BYTES)
        json_object_del(doc, "channels");
    d->value = json_dumps(doc, JSON_COMPACT);
    json_decref(doc);
    if (d->value == NULL)
        return false;
    d->noted_ms = OL_MAX(ol_clock_wall_ms(), d->noted_ms + 1);
    d->fact = (struct ol_fact){.kind = OL_FACT_DARK, .key = "",
                               .at_ms = d->noted_ms,
                               .value = ol_span_str(d->value)};
    return true;
}

void ol_dark_handed(struct ol_station_line *line)
{
    free(line->dark.value);
    line->dark.value = NULL;
}

void ol_dark_owe(struct ol_station_line *line, json_t *doc)
{
    if (prepare(line, doc))
        ol_later_fact(line->st, line, &line->dark.fact);
    ol_dark_handed(line);
}

bool ol_dark_note(struct ol_station_line *line, json_t *doc,
                  const struct ol_put *put)
{
    struct ol_batch batch = {.facts = &line->dark.fact, .n_facts = 1,
                             .puts = put, .n_puts = put != NULL};
    bool taken = prepare(line, doc) &&
                 ol_disk_note(line->st, line, &batch) == OL_OK;

    ol_dark_handed(line);
    return taken;
}

static json_t *number(uint64_t v)
{
    return v > 0 ? json_integer((json_int_t)v) : json_null();
}

static json_t *document(const char *what)
{
    json_t *doc = json_object();

    set(&doc, "what", json_string(what));
    return doc;
}

/* ---- what waits --------------------------------------------------------- */

struct counts { /* records, as the ledger holds them */
    uint64_t own[OL_PRECS], acked[OL_PRECS], peer[OL_PRECS];
};

static bool count(struct ol_station_line *line, struct counts *c)
{
    struct ol_ledger *lg = line->st->ledger;
    enum ol_err err = OL_OK;
    uint8_t frontier[1024];
    uint64_t at_ms;

    for (unsigned p = 0; p < OL_PRECS && err == OL_OK; p++) {
        uint32_t own = 0, acked = 0, peer = 0;
        size_t n;

        err = lg->ops->head(lg, line->ledger_id, OL_OWN, (uint8_t)p, &own,
                            frontier, &n);
        if (err == OL_OK)
            err = lg->ops->head(lg, line->ledger_id, OL_PEER, (uint8_t)p,
                                &peer, frontier, &n);
        if (err == OL_OK)
            err = lg->ops->acked(lg, line->ledger_id, (uint8_t)p, 0, &acked,
                                 &at_ms);
        c->own[p] = own;
        c->acked[p] = OL_MIN(acked, own);
        c->peer[p] = peer;
    }
    return err == OL_OK;
}

/* What has been added; logs grow, but for those of a restored copy. */
static void since(const uint64_t now[OL_PRECS], const uint64_t then[OL_PRECS],
                  uint64_t out[OL_PRECS])
{
    for (unsigned p = 0; p < OL_PRECS; p++)
        out[p] = now[p] - OL_MIN(now[p], then[p]);
}

static json_t *list(const uint64_t v[OL_PRECS])
{
    return json_pack("[I,I,I,I]", (json_int_t)v[0], (json_int_t)v[1],
                     (json_int_t)v[2], (json_int_t)v[3]);
}

/* "w1,0,2,450;g0,0,0,12;c0,0,0,3": what cannot be said in the room of an
 * event's detail stands in the fact. */
static void detail_add(char out[64], char what, const uint64_t v[OL_PRECS])
{
    size_t n = strlen(out);

    if (!ol_text_put(out + n, 64 - n, "%s%c%llu,%llu,%llu,%llu",
                     n > 0 ? ";" : "", what, (unsigned long long)v[0],
                     (unsigned long long)v[1], (unsigned long long)v[2],
                     (unsigned long long)v[3]))
        out[n] = '\0';
}

void ol_dark_detail_json(struct ol_out *o, const char *detail)
{
    static const char *const names[] = {"waited", "went", "came"};

    while (*detail != '\0') {
        const char *what = *detail == 'w'   ? names[0]
                           : *detail == 'g' ? names[1]
                                            : names[2];
        uint64_t v[OL_PRECS];
        json_t *counts;
        char *end;

        for (unsigned p = 0; p < OL_PRECS; p++, detail = end)
            v[p] = strtoull(detail + 1, &end, 10);
        counts = ol_dark_counts(v);
        ol_out_tree(o, what, counts);
        json_decref(counts);
        detail = *detail == ';' ? detail + 1 : "";
    }
}

static unsigned long long sum(const uint64_t v[OL_PRECS])
{
    return v[0] + v[1] + v[2] + v[3];
}

/* ---- why ---------------------------------------------------------------- */

static void channel_of(struct ol_station_line *line, unsigned k,
                       const struct ol_chan_status *s,
                       struct ol_bearer_status *b, struct ol_dark_channel *c)
{
    struct ol_port *port = &line->ports[k];
    uint64_t now_ns = ol_clock_ns(), failed_ms;

    *c = (struct ol_dark_channel){
        .name = line->names[k],
        .kind = ol_conf_kind(line->conf.channels[k].scheme),
        .state = s->state,
        .dials = line->conf.channels[k].url[0] != '\0',
        .heard_ms = ol_clock_wall_of(s->last_heard_ns),
        .answered_ms = ol_clock_wall_of(s->answered_ns),
        .heard_lately = s->last_heard_ns > 0 &&
                        now_ns - s->last_heard_ns <
                            (line->conf.hold_ns -
                             OL_MIN(line->conf.probe_ns,
                                    line->conf.hold_ns)) / 2};
    if (port->bearer == NULL)
        return;
    memset(b, 0, sizeof(*b));
    port->bearer->ops->status(port->bearer, b);
    c->transport = b->state;
    c->sys = b->last_errno;
    failed_ms = uv_now(&line->st->loop) -
                OL_MIN(b->failed_ms, uv_now(&line->st->loop));
    /* A failure that a frame has followed says nothing of now. */
    c->failed = b->last_err != OL_OK &&
                failed_ms < (now_ns - s->last_heard_ns) / OL_NS_PER_MS;
}

json_t *ol_dark_reasons(struct ol_station_line *line, enum ol_dark_cause *cause)
{
    static struct ol_bearer_status b[OL_CHAN_MAX];
    struct ol_dark_channel c[OL_CHAN_MAX];
    struct ol_line_status s;
    json_t *channels = json_array();
    unsigned n = 0;

    if (line->core != NULL)
        ol_line_status(line->core, ol_clock_ns(), &s);
    for (; line->core != NULL && n < s.n_channels; n++) {
        char why[OL_DARK_WHY];
        json_t *doc = json_object();

        channel_of(line, n, &s.ch[n], &b[n], &c[n]);
        ol_dark_why(&c[n], why);
        set(&doc, "name", json_string(c[n].name));
        set(&doc, "state", json_string(ol_chan_state_name(c[n].state)));
        set(&doc, "why", json_string(why));
        if (json_array_append_new(channels, doc) != 0)
            break;
    }
    *cause = ol_dark_cause(c, n);
    return channels;
}

uint64_t ol_dark_since_ms(const struct ol_station_line *line,
                          const struct ol_line_status *s)
{
    const struct ol_dark *d = &line->dark;
    uint64_t answered_ns = 0;

    for (unsigned k = 0; k < s->n_channels; k++)
        answered_ns = OL_MAX(answered_ns, s->ch[k].answered_ns);
    if (d->open)
        return d->since_ms;
    return answered_ns == 0 && d->answered_ms > 0
               ? d->answered_ms
               : ol_clock_wall_of(s->dark_since_ns);
}

/* ---- begin and end ------------------------------------------------------ */

/* The last proof that the line was not dark: an answer in this life of the
 * line, or in the one before. Without any, when it was first to be heard. */
static void since_when(struct ol_station_line *line, bool *heard)
{
    struct ol_dark *d = &line->dark;
    struct ol_line_status s;
    uint64_t answered_ns = 0;

    ol_line_status(line->core, ol_clock_ns(), &s);
    for (unsigned k = 0; k < s.n_channels; k++)
        answered_ns = OL_MAX(answered_ns, s.ch[k].answered_ns);
    *heard = answered_ns > 0 || d->answered_ms > 0;
    d->since_ns = 0;
    if (answered_ns > 0 || d->answered_ms == 0) {
        d->since_ns = s.dark_since_ns;
        d->since_ms = ol_clock_wall_of(s.dark_since_ns);
    } else {
        d->since_ms = d->answered_ms;
    }
    d->detected_ms = OL_MAX(ol_clock_wall_ms(), d->since_ms);
}

static void begin(struct ol_station_line *line, struct ol_batch *batch)
{
    struct ol_dark *d = &line->dark;
    json_t *doc = document("begin"), *channels;
    struct counts now;
    bool heard;

    since_when(line, &heard);
    channels = ol_dark_reasons(line, &d->cause);
    d->open = true;
    d->behind = false;
    memset(&now, 0, sizeof(now));
    d->counted = count(line, &now);
    memcpy(d->acked, now.acked, sizeof(d->acked));
    memcpy(d->peer, now.peer, sizeof(d->peer));
    set(&doc, "since", number(d->since_ms));
    set(&doc, "detected", number(d->detected_ms));
    set(&doc, "heard", json_boolean(heard));
    set(&doc, "cause", json_string(ol_dark_cause_name(d->cause)));
    set(&doc, "words", json_string(ol_dark_cause_words(d->cause)));
    set(&doc, "channels", channels);
    if (d->counted) {
        set(&doc, "acked", list(d->acked));
        set(&doc, "peer", list(d->peer));
    }
    if (!prepare(line, doc))
        return;
    batch->facts = &d->fact;
    batch->n_facts = 1;
}

static const char *first_up(const struct ol_station_line *line)
{
    struct ol_line_status s;

    ol_line_status(line->core, ol_clock_ns(), &s);
    for (unsigned k = 0; k < s.n_channels; k++)
        if (s.ch[k].state == OL_CHAN_UP)
            return line->names[k];
    return NULL;
}

static uint64_t lasted_ms(const struct ol_dark *d)
{
    uint64_t now_ms = ol_clock_wall_ms();

    if (d->since_ns > 0)
        return (ol_clock_ns() - d->since_ns) / OL_NS_PER_MS;
    return d->since_ms > 0 && now_ms > d->since_ms ? now_ms - d->since_ms : 0;
}

static void end(struct ol_station_line *line, struct ol_put *put,
                struct ol_batch *batch)
{
    struct ol_dark *d = &line->dark;
    uint64_t waited[OL_PRECS], went[OL_PRECS], came[OL_PRECS];
    const char *by = first_up(line);
    json_t *doc = document("end");
    struct counts now;

    memset(&now, 0, sizeof(now));
    (void)count(line, &now);
    since(now.own, now.acked, waited);
    since(now.acked, d->acked, went);
    since(now.peer, d->peer, came);
    set(&doc, "at", number(ol_clock_wall_ms()));
    set(&doc, "lasted_ms", number(lasted_ms(d)));
    set(&doc, "by", by ? json_string(by) : json_null());
    set(&doc, "waited", ol_dark_counts(waited));
    set(&doc, "acked", list(now.acked));
    set(&doc, "upto", list(now.own));
    set(&doc, "peer", list(now.peer));
    d->counted = d->counted && d->open;
    if (d->counted) { /* else nobody knows what was before */
        set(&doc, "went", ol_dark_counts(went));
        set(&doc, "came", ol_dark_counts(came));
    }
    d->detail[0] = '\0';
    detail_add(d->detail, 'w', waited);
    if (d->counted) {
        detail_add(d->detail, 'g', went);
        detail_add(d->detail, 'c', came);
    }
    put->detail = d->detail;
    ol_log(OL_LOG_NOTE, "line %s: the blackout is over: %llu waited, %llu went "
           "and %llu came meanwhile", line->conf.peer, sum(waited),
           d->counted ? sum(went) : 0, d->counted ? sum(came) : 0);
    d->open = false;
    d->behind = sum(waited) > 0;
    d->look_ns = ol_clock_ns() + LOOK_NS;
    memcpy(d->upto, now.own, sizeof(d->upto));
    memcpy(d->acked, now.acked, sizeof(d->acked));
    memcpy(d->peer, now.peer, sizeof(d->peer));
    if (!prepare(line, doc))
        return;
    batch->facts = &d->fact;
    batch->n_facts = 1;
}

void ol_dark_event(struct ol_station_line *line, struct ol_put *put,
                   struct ol_batch *batch)
{
    if (put->what == OL_WHAT_BLACKOUT)
        begin(line, batch);
    else if (put->what == OL_WHAT_RESTORED)
        end(line, put, batch);
}

/* What waited at the return has gone. */
static void catch_up(struct ol_station_line *line, uint64_t now_ns)
{
    struct ol_dark *d = &line->dark;
    struct ol_put put = {.kind = OL_PUT_EVENT, .what = OL_WHAT_CAUGHT_UP,
                         .channel = OL_CHANNEL_ANY, .detail = d->detail};
    uint64_t went[OL_PRECS], came[OL_PRECS];
    struct counts now;
    json_t *doc;

    d->look_ns = now_ns + LOOK_NS;
    if (!count(line, &now))
        return;
    for (unsigned p = 0; p < OL_PRECS; p++)
        if (now.acked[p] < OL_MIN(d->upto[p], now.own[p]))
            return;
    since(now.acked, d->acked, went);
    since(now.peer, d->peer, came);
    doc = document("caught-up");
    set(&doc, "at", number(ol_clock_wall_ms()));
    set(&doc, "went", ol_dark_counts(went));
    set(&doc, "came", ol_dark_counts(came));
    d->detail[0] = '\0';
    detail_add(d->detail, 'g', went);
    detail_add(d->detail, 'c', came);
    d->behind = !ol_dark_note(line, doc, &put);
}

void ol_dark_look(struct ol_station_line *line, uint64_t now_ns)
{
    if (line->dark.behind && now_ns >= line->dark.look_ns)
        catch_up(line, now_ns);
}
