/*
 * Lines and channels as documents: what the core says now, times turned into
 * the wall clock's, and what only the station knows (cards, disk, bearers).
 */
#include <string.h>

#include "station/alarm_json.h"
#include "station/clock.h"
#include "station/effective_load.h"
#include "station/json.h"
#include "station/json_set.h"
#include "station/presence.h"

static json_t *wall(uint64_t ms)
{
    char text[OL_TIME_TEXT];

    if (ms == 0)
        return json_null();
    ol_text_time(text, ms);
    return json_string(text);
}

static json_t *moment(uint64_t ns)
{
    return wall(ol_clock_wall_of(ns));
}

/* Some of it tells of names that the system gave, in whatever letters. */
static json_t *text_or_null(const char *text)
{
    char whole[OL_WHY_MAX];

    ol_text_put(whole, sizeof(whole), "%s", text);
    ol_text_mend(whole);
    return whole[0] != '\0' ? json_string(whole) : json_null();
}

static json_t *count(uint64_t v)
{
    return json_integer((json_int_t)v);
}

/* Three digits behind the point are more than anybody measures. */
static json_t *rounded(double v)
{
    return json_real((double)(int64_t)(v * 1000 + 0.5) / 1000);
}

static json_t *peer_sees(const char *state, uint64_t at_ns)
{
    json_t *doc = json_object();

    set(&doc, "state", json_string(at_ns ? state : "unknown"));
    set(&doc, "at", moment(at_ns));
    return doc;
}

static json_t *transport(struct ol_port *port)
{
    struct ol_bearer_status b;

    if (port->bearer == NULL)
        return json_null();
    port->bearer->ops->status(port->bearer, &b);
    return text_or_null(b.state);
}

static json_t *channel(struct ol_station_line *line, unsigned k,
                       const struct ol_chan_status *s)
{
    const struct ol_conf_channel *conf = &line->conf.channels[k];
    json_t *doc = json_object(), *knocks = json_object();

    set(&doc, "name", json_string(conf->name));
    set(&doc, "bearer", json_string(conf->scheme));
    set(&doc, "state", json_string(ol_chan_state_name(s->state)));
    set(&doc, "peer_sees", peer_sees(ol_chan_state_name(s->peer_sees),
                                     s->peer_sees_ns));
    set(&doc, "rtt_ms", s->rtt_ns ? rounded((double)s->rtt_ns / 1e6)
                                  : json_null());
    set(&doc, "loss", s->loss >= 0 ? rounded(s->loss) : json_null());
    set(&doc, "last_heard", moment(s->last_heard_ns));
    set(&doc, "last_answered", moment(s->answered_ns));
    set(&doc, "trial", json_boolean(s->trial));
    set(&doc, "fate", text_or_null(conf->fate));
    set(&doc, "frames_sent", count(s->frames_sent));
    set(&doc, "frames_received", count(s->frames_received));
    set(&doc, "bytes_sent", count(s->bytes_sent));
    set(&doc, "bytes_received", count(s->bytes_received));
    set(&doc, "frame_bytes", s->frame_bytes ? count(s->frame_bytes)
                                            : json_null());
    set(&doc, "dials", json_boolean(conf->url[0] != '\0'));
    set(&doc, "transport", transport(&line->ports[k]));
    set(&knocks, "sent", count(s->knocks_sent));
    set(&knocks, "answered", count(s->knocks_answered));
    set(&doc, "knocks", knocks);
    return doc;
}

/* What the core says; without a core, what that means. */
static void ask(struct ol_station_line *line, struct ol_line_status *s)
{
    memset(s, 0, sizeof(*s));
    if (line->core != NULL) {
        ol_line_status(line->core, ol_clock_ns(), s);
        return;
    }
    s->state = line->phase == OL_PHASE_UNPAIRED ? OL_LINE_UNPAIRED
                                                : OL_LINE_DARK;
    s->peer_sees = OL_LINE_UNKNOWN;
    s->n_channels = (uint16_t)line->conf.n_channels;
    for (unsigned k = 0; k < s->n_channels; k++) {
        s->ch[k].state = line->disabled[k] ? OL_CHAN_DISABLED
                                           : OL_CHAN_DOWN;
        s->ch[k].peer_sees = OL_CHAN_UNKNOWN;
        s->ch[k].loss = -1;
    }
}

static json_t *channels(struct ol_station_line *line,
                        const struct ol_line_status *s)
{
    json_t *list = json_array();

    for (unsigned k = 0; k < line->conf.n_channels && list; k++) {
        if (json_array_append_new(list, channel(line, k, &s->ch[k])) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

json_t *ol_json_channels(struct ol_station_line *line)
{
    struct ol_line_status s;

    ask(line, &s);
    return channels(line, &s);
}

/* Those that are neither disabled nor a pouch. */
static unsigned live_channels(const struct ol_line_status *s)
{
    unsigned n = 0;

    for (unsigned k = 0; k < s->n_channels; k++)
        n += s->ch[k].state != OL_CHAN_IDLE &&
             s->ch[k].state != OL_CHAN_DISABLED;
    return n;
}

static json_t *warnings(const struct ol_station_line *line,
                        const struct ol_line_status *s)
{
    json_t *list = json_array();

    if (s->state == OL_LINE_LAST_CHANNEL && live_channels(s) > 1)
        json_array_append_new(list, json_string("last-channel"));
    if (s->shared_fate)
        json_array_append_new(list, json_string("shared-fate"));
    if (line->phase != OL_PHASE_UNPAIRED && line->pair.verified[0] == '\0')
        json_array_append_new(list, json_string("unverified"));
    if (line->st->disk_full)
        json_array_append_new(list,
                              json_string(line->st->disk_err == OL_ERR_FULL
                                              ? "disk-full"
                                              : "disk-refuses"));
    if (s->wrong_share > 0)
        json_array_append_new(list, json_string("wrong-card"));
    if (s->second > 0)
        json_array_append_new(list, json_string("second-copy"));
    if (s->peer_second > 0)
        json_array_append_new(list, json_string("peer-second-copy"));
    if (s->stopped)
        json_array_append_new(list, json_string("record-differs"));
    if (s->restored || s->returning)
        json_array_append_new(list, json_string("restored"));
    return list;
}

static bool is_dark(const struct ol_line_status *s)
{
    return s->state == OL_LINE_DARK || s->state == OL_LINE_POUCH_ONLY;
}

static void set_effective(json_t **doc, struct ol_station_line *line,
                          const struct ol_line_status *s)
{
    struct ol_effective_line how = {
        .pouch = s->state == OL_LINE_POUCH_ONLY,
        .closed_by_us = s->state == OL_LINE_CLOSED_BY_US,
        .closed_by_them = s->state == OL_LINE_CLOSED_BY_THEM,
    };

    for (unsigned k = 0; k < s->n_channels; k++)
        how.up += s->ch[k].state == OL_CHAN_UP ||
                  s->ch[k].state == OL_CHAN_DOUBTFUL;
    if (is_dark(s))
        how.dark_ms = ol_dark_since_ms(line, s);
    set(doc, "effective",
        ol_json_effective(line, s->state == OL_LINE_DARK ? how.dark_ms : 0));
    set(doc, "sentence", ol_json_sentence(line, &how));
}

/* A blackout that began before this start is told from its beginning. */
static void darkness(json_t **doc, struct ol_station_line *line,
                     const struct ol_line_status *s)
{
    const struct ol_dark *d = &line->dark;
    enum ol_dark_cause cause;
    bool dark = is_dark(s);
    json_t *reasons;

    dark = dark && line->core != NULL;
    set(doc, "dark_since", wall(dark ? ol_dark_since_ms(line, s) : 0));
    if (dark && d->open)
        set(doc, "dark_detected", wall(d->detected_ms));
    else
        set(doc, "dark_detected", moment(dark ? s->dark_detected_ns : 0));
    if (!dark) {
        set(doc, "dark_cause", json_null());
        return;
    }
    reasons = ol_dark_reasons(line, &cause);
    json_decref(reasons);
    set(doc, "dark_cause", json_string(ol_dark_cause_name(cause)));
}

json_t *ol_json_line(struct ol_station_line *line)
{
    struct ol_line_status s;
    json_t *doc = json_object(), *queue = json_object();
    bool paired = line->phase != OL_PHASE_UNPAIRED;

    ask(line, &s);
    s.state = ol_stance_over(line, s.state);
    set(&doc, "peer", json_string(line->conf.peer));
    set(&doc, "alias", text_or_null(line->conf.alias));
    set(&doc, "state", json_string(ol_line_state_name(s.state)));
    set(&doc, "why", text_or_null(line->why));
    darkness(&doc, line, &s);
    set(&doc, "last_heard", moment(s.last_heard_ns));
    set(&doc, "peer_sees", peer_sees(ol_line_state_name(s.peer_sees),
                                     s.peer_sees_ns));
    set(&doc, "warnings", warnings(line, &s));
    set(&doc, "safety_number", paired ? json_string(line->pair.safety)
                                      : json_null());
    set(&doc, "verified", text_or_null(line->pair.verified));
    set(&doc, "forward_secrecy", line->core ? json_boolean(s.forward_secrecy)
                                            : json_null());
    for (unsigned p = 0; p < OL_PRECS; p++)
        set(&queue, ol_json_prec(p), line->core ? count(s.queue[p])
                                                : json_null());
    set(&doc, "queue", queue);
    set(&doc, "channels", channels(line, &s));
    set(&doc, "attachments", ol_json_transfers(line));
    set_effective(&doc, line, &s);
    set(&doc, "attendance", ol_json_attendance(line, &s));
    set(&doc, "presence", ol_json_presence(line, &s));
    set(&doc, "stance", ol_json_stance(line));
    set(&doc, "exercise", ol_json_exercise(line));
    set(&doc, "refuse", json_string(ol_refuse_name(line->conf.refuse)));
    set(&doc, "knocks", json_pack("{s:I,s:I}", "wrong_share",
                                  (json_int_t)s.wrong_share,
                                  "wrong_identity",
                                  (json_int_t)s.wrong_identity));
    return doc;
}

/* What the restore marker says of this directory. */
static json_t *marker(const struct ol_guard *g)
{
    return json_string(g->copied             ? "copied"
                       : g->marker.found     ? "restored"
                       : g->marker.unguarded ? "unguarded"
                                             : "holds");
}

static json_t *disk(const struct ol_station *st)
{
    json_t *doc = json_object();

    set(&doc, "state", json_string(ol_disk_state(st)));
    set(&doc, "why", text_or_null(st->disk_why));
    set(&doc, "slowest_ms", count(ol_disk_slowest_ns(st) / 1000000));
    return doc;
}

/* What protects the keys on the disk, and who gave the passphrase. */
static void at_rest(json_t **doc, const struct ol_keys *keys)
{
    static const char *const from[] = {
        [OL_SECRET_NONE] = NULL, [OL_SECRET_FD] = "descriptor",
        [OL_SECRET_CREDENTIAL] = "credential",
        [OL_SECRET_TERMINAL] = "terminal"};
    const char *by = from[keys->from];

    set(doc, "at_rest", json_string(keys->vault.sealed ? "passphrase"
                                                       : "file-mode"));
    set(doc, "unlocked_by", by != NULL ? json_string(by) : json_null());
}

json_t *ol_json_status(struct ol_station *st, const char *peer)
{
    json_t *doc = json_object(), *lines = json_array();

    for (unsigned k = 0; k < st->n_lines && lines; k++) {
        if (peer != NULL && strcmp(st->lines[k]->conf.peer, peer) != 0)
            continue;
        if (json_array_append_new(lines, ol_json_line(st->lines[k])) != 0) {
            json_decref(lines);
            lines = NULL;
        }
    }
    set(&doc, "station", json_string(st->conf.name));
    set(&doc, "version", json_string(OL_VERSION_TEXT));
    set(&doc, "lines", lines);
    set(&doc, "disk_full", json_boolean(st->disk_full));
    set(&doc, "marker", marker(&st->guard));
    set(&doc, "disk", disk(st));
    set(&doc, "alarms", st->alarms ? ol_alarm_summary(st->alarms)
                                   : json_null());
    at_rest(&doc, st->keys);
    return doc;
}
