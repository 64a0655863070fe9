/*
 * Figures for a monitoring system.
 *
 * Happy path: the state of all lines is taken once; each family of the table
 * then writes its samples. How it fails: without memory there is no answer,
 * never a half.
 *
 * Source: prometheus.io/docs/instrumenting/exposition_formats. Units are
 * seconds, bytes and ratios; names do not change once they are here.
 */
#include "station/metrics.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "station/alarm_list.h"
#include "station/asks.h"
#include "station/clock.h"
#include "station/json.h"
#include "station/methods.h"

struct snap {
    struct ol_station_line *line;
    bool runs; /* s says something */
    struct ol_line_status s;
};

struct sheet {
    struct ol_station *st;
    struct snap *v;
    unsigned n;
    uint64_t now_ns;
};

/* The format. */

static void escaped(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\' || *text == '"')
            fputc('\\', out);
        if (*text == '\n')
            fputs("\\n", out);
        else
            fputc(*text, out);
    }
}

void ol_metric_put(struct ol_metric *m, double value, ...)
{
    const char *name;
    char sign = '{';
    va_list pairs;

    if (!m->begun)
        fprintf(m->out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help,
                m->name, m->type);
    m->begun = true;
    fputs(m->name, m->out);
    va_start(pairs, value);
    while ((name = va_arg(pairs, const char *)) != NULL) {
        fprintf(m->out, "%c%s=\"", sign, name);
        escaped(m->out, va_arg(pairs, const char *));
        fputc('"', m->out);
        sign = ',';
    }
    va_end(pairs);
    fputs(sign == ',' ? "} " : " ", m->out);
    if (value == floor(value) && fabs(value) < 1e15)
        fprintf(m->out, "%.0f\n", value);
    else
        fprintf(m->out, "%.15g\n", value);
}

static double wall_s(uint64_t ns)
{
    return (double)ol_clock_wall_of(ns) / 1e3;
}

/* The station. */

static void put_info(struct ol_metric *m, const struct sheet *sh)
{
    ol_metric_put(m, 1, "station", sh->st->conf.name, "version",
                  OL_VERSION_TEXT, NULL);
}

static void put_start(struct ol_metric *m, const struct sheet *sh)
{
    ol_metric_put(m, wall_s(sh->st->started_ns), NULL);
}

static void put_free(struct ol_metric *m, const struct sheet *sh)
{
    struct statvfs v;

    if (statvfs(sh->st->dir, &v) == 0)
        ol_metric_put(m, (double)v.f_bavail * (double)v.f_frsize, NULL);
}

static void put_size(struct ol_metric *m, const struct sheet *sh)
{
    static const char *const names[] = {"ledger.db", "ledger.db-wal"};
    char path[OL_PATH_MAX];
    struct stat file;
    double all = 0;

    for (unsigned k = 0; k < OL_LEN(names); k++) {
        if (!ol_path(path, sh->st->dir, names[k], NULL))
            return;
        if (stat(path, &file) == 0)
            all += (double)file.st_size;
        else if (k == 0)
            return;
    }
    ol_metric_put(m, all, NULL);
}

static void put_takes(struct ol_metric *m, const struct sheet *sh)
{
    ol_metric_put(m, sh->st->disk_full ? 0 : 1, NULL);
}

static void put_slowest(struct ol_metric *m, const struct sheet *sh)
{
    uint64_t ns = ol_disk_slowest_ns(sh->st);

    if (ns > 0)
        ol_metric_put(m, (double)ns / 1e9, NULL);
}

static void put_strangers(struct ol_metric *m, const struct sheet *sh)
{
    for (unsigned k = 0; k < OL_LISTEN_MAX; k++)
        if (sh->st->listeners[k].bearer != NULL)
            ol_metric_put(m, (double)sh->st->listeners[k].strangers,
                          "listener", sh->st->listeners[k].url, NULL);
}

static void put_alarms(struct ol_metric *m, const struct sheet *sh)
{
    static const char *const states[] = {"unacknowledged", "acknowledged",
                                         "returned", "shelved"};
    const struct ol_alarms *l = sh->st->alarms;

    for (unsigned p = 0; l != NULL && p <= OL_PRIORITY_HIGH; p++) {
        for (unsigned s = 0; s < OL_LEN(states); s++) {
            unsigned n = 0;

            for (unsigned k = 0; k < l->n; k++)
                n += l->v[k].priority == p &&
                     strcmp(ol_alarm_state(&l->v[k]), states[s]) == 0;
            ol_metric_put(m, n, "priority", ol_priority_name(p), "state",
                          states[s], NULL);
        }
    }
}

/* x and c are names that these declare: they stand without parentheses.
 * NOLINTBEGIN(bugprone-macro-parentheses) */

#define EACH_LINE(sh, x)                                                       \
    for (const struct snap *x = (sh)->v; x < (sh)->v + (sh)->n; x++)

#define EACH_CHANNEL(sh, x, c)                                                 \
    EACH_LINE(sh, x)                                                           \
        for (unsigned c = 0; x->runs && c < x->line->conf.n_channels; c++)

/* NOLINTEND(bugprone-macro-parentheses) */

/* Lines. */

static void put_state(struct ol_metric *m, const struct sheet *sh)
{
    EACH_LINE(sh, x)
        ol_metric_put(m, 1, "line", x->line->conf.peer, "state",
                      ol_line_state_name(x->s.state), NULL);
}

static void put_dark(struct ol_metric *m, const struct sheet *sh)
{
    EACH_LINE(sh, x) {
        bool dark = x->s.state == OL_LINE_DARK ||
                    x->s.state == OL_LINE_POUCH_ONLY;

        if (!x->runs || x->s.state == OL_LINE_UNKNOWN ||
            (dark && x->s.dark_since_ns == 0))
            continue;
        ol_metric_put(m, !dark || x->s.dark_since_ns > sh->now_ns
                             ? 0
                             : (double)(sh->now_ns - x->s.dark_since_ns) /
                                   1e9,
                      "line", x->line->conf.peer, NULL);
    }
}

static void put_heard(struct ol_metric *m, const struct sheet *sh)
{
    EACH_LINE(sh, x)
        if (x->s.last_heard_ns != 0)
            ol_metric_put(m, wall_s(x->s.last_heard_ns), "line",
                          x->line->conf.peer, NULL);
}

static void put_queue(struct ol_metric *m, const struct sheet *sh)
{
    EACH_LINE(sh, x)
        for (unsigned p = 0; x->runs && p < OL_PRECS; p++)
            ol_metric_put(m, x->s.queue[p], "line", x->line->conf.peer,
                          "precedence", ol_json_prec(p), NULL);
}

static void put_verified(struct ol_metric *m, const struct sheet *sh)
{
    EACH_LINE(sh, x)
        if (x->line->phase != OL_PHASE_UNPAIRED)
            ol_metric_put(m, x->line->pair.verified[0] != '\0', "line",
                          x->line->conf.peer, NULL);
}

/* Ours are those that we have asked. */
static void put_overdue(struct ol_metric *m, const struct sheet *sh)
{
    EACH_LINE(sh, x) {
        if (!x->runs || x->line->asks == NULL || !ol_asks_settled(x->line))
            continue;
        ol_metric_put(m, ol_asks_count(x->line, OL_OWN).overdue, "line",
                      x->line->conf.peer, "author", "ours", NULL);
        ol_metric_put(m, ol_asks_count(x->line, OL_PEER).overdue, "line",
                      x->line->conf.peer, "author", "theirs", NULL);
    }
}

static void put_attended(struct ol_metric *m, const struct sheet *sh)
{
    EACH_LINE(sh, x)
        if (x->s.theirs != OL_ATT_UNKNOWN)
            ol_metric_put(m, x->s.theirs == OL_ATT_ATTENDED, "line",
                          x->line->conf.peer, "side", "theirs", NULL);
}

/* Channels. */

static void direction(struct ol_metric *m, const struct snap *x, unsigned c,
                      bool in, bool out)
{
    ol_metric_put(m, in, "line", x->line->conf.peer, "channel",
                  x->line->names[c], "direction", "in", NULL);
    ol_metric_put(m, out, "line", x->line->conf.peer, "channel",
                  x->line->names[c], "direction", "out", NULL);
}

/* Of a courier nobody knows before a file comes, nor of a channel that has
 * only been tried for a moment. */
static void put_up(struct ol_metric *m, const struct sheet *sh)
{
    EACH_CHANNEL(sh, x, c) {
        const struct ol_chan_status *ch = &x->s.ch[c];
        bool hears = ch->last_heard_ns >= ch->answered_ns;

        if (ch->state == OL_CHAN_UP || ch->state == OL_CHAN_DOUBTFUL)
            direction(m, x, c, true, true);
        else if (ch->state == OL_CHAN_ONE_WAY)
            direction(m, x, c, hears, !hears);
        else if (ch->state == OL_CHAN_DOWN || ch->state == OL_CHAN_DISABLED)
            direction(m, x, c, false, false);
    }
}

static void put_channel(struct ol_metric *m, const struct sheet *sh)
{
    EACH_CHANNEL(sh, x, c)
        ol_metric_put(m, 1, "line", x->line->conf.peer, "channel",
                      x->line->names[c], "state",
                      ol_chan_state_name(x->s.ch[c].state), NULL);
}

static void put_channel_heard(struct ol_metric *m, const struct sheet *sh)
{
    EACH_CHANNEL(sh, x, c)
        if (x->s.ch[c].last_heard_ns != 0)
            ol_metric_put(m, wall_s(x->s.ch[c].last_heard_ns), "line",
                          x->line->conf.peer, "channel", x->line->names[c],
                          NULL);
}

static void put_rtt(struct ol_metric *m, const struct sheet *sh)
{
    EACH_CHANNEL(sh, x, c)
        if (x->s.ch[c].rtt_ns != 0)
            ol_metric_put(m, (double)x->s.ch[c].rtt_ns / 1e9, "line",
                          x->line->conf.peer, "channel", x->line->names[c],
                          NULL);
}

static void put_loss(struct ol_metric *m, const struct sheet *sh)
{
    EACH_CHANNEL(sh, x, c)
        if (x->s.ch[c].loss >= 0)
            ol_metric_put(m, x->s.ch[c].loss, "line", x->line->conf.peer,
                          "channel", x->line->names[c], NULL);
}

static void both_ways(struct ol_metric *m, const struct snap *x, unsigned c,
                      uint64_t in, uint64_t out)
{
    ol_metric_put(m, (double)in, "line", x->line->conf.peer, "channel",
                  x->line->names[c], "direction", "in", NULL);
    ol_metric_put(m, (double)out, "line", x->line->conf.peer, "channel",
                  x->line->names[c], "direction", "out", NULL);
}

static void put_frames(struct ol_metric *m, const struct sheet *sh)
{
    EACH_CHANNEL(sh, x, c)
        both_ways(m, x, c, x->s.ch[c].frames_received,
                  x->s.ch[c].frames_sent);
}

static void put_bytes(struct ol_metric *m, const struct sheet *sh)
{
    EACH_CHANNEL(sh, x, c)
        both_ways(m, x, c, x->s.ch[c].bytes_received, x->s.ch[c].bytes_sent);
}

static const struct family {
    const char *name, *type, *help;
    void (*put)(struct ol_metric *m, const struct sheet *sh);
} families[] = {
    {"info", "gauge", "The station and its version; always 1.", put_info},
    {"start_timestamp_seconds", "gauge", "When the station started.",
     put_start},
    {"line_state", "gauge", "1 for the state that a line is in.", put_state},
    {"line_dark_seconds", "gauge",
     "For how long no channel of the line has been heard; 0: it is not dark.",
     put_dark},
    {"last_heard_timestamp_seconds", "gauge",
     "When the peer was heard last, on any channel, since the start.",
     put_heard},
    {"line_verified", "gauge", "1 if the safety number was compared by voice.",
     put_verified},
    {"attended", "gauge",
     "1 if an officer is there, 0 if none is; no sample where that is not "
     "known.", put_attended},
    {"asks_overdue", "gauge",
     "Asks that had no answer in time, by their author's clock; ours are "
     "those that we asked.", put_overdue},
    {"queue_messages", "gauge",
     "Our records that the peer does not hold yet.", put_queue},
    {"channel_up", "gauge",
     "1 if frames pass in that direction, as we know it.", put_up},
    {"channel_state", "gauge", "1 for the state that a channel is in.",
     put_channel},
    {"channel_last_heard_timestamp_seconds", "gauge",
     "When the peer was heard last on this channel, since the start.",
     put_channel_heard},
    {"channel_rtt_seconds", "gauge", "Round trip, smoothed.", put_rtt},
    {"channel_loss_ratio", "gauge", "Share of recent frames that was lost.",
     put_loss},
    {"channel_frames_total", "counter", "Frames since the line was made.",
     put_frames},
    {"channel_bytes_total", "counter", "Bytes since the line was made.",
     put_bytes},
    {"alarms", "gauge", "Alarms on the list.", put_alarms},
    {"ledger_free_bytes", "gauge", "Room left on the ledger's disk.",
     put_free},
    {"ledger_bytes", "gauge", "Size of the ledger's files.", put_size},
    {"disk_takes", "gauge",
     "0 while nothing new is taken, for want of room or because the disk "
     "refuses.", put_takes},
    {"disk_commit_slowest_seconds", "gauge",
     "The longest that a commit took in the last minute or two.",
     put_slowest},
    {"strangers_total", "counter",
     "Knocks that belong to no line, since the start.", put_strangers},
};

static void take(struct sheet *sh)
{
    for (unsigned k = 0; k < sh->n; k++) {
        struct ol_station_line *line = sh->st->lines[k];

        sh->v[k].line = line;
        sh->v[k].runs = line->core != NULL;
        if (line->core != NULL)
            ol_line_status(line->core, sh->now_ns, &sh->v[k].s);
        else
            sh->v[k].s.state = line->phase == OL_PHASE_UNPAIRED
                                   ? OL_LINE_UNPAIRED
                                   : OL_LINE_DARK;
    }
}

char *ol_metrics_text(struct ol_station *st)
{
    struct sheet sh = {.st = st, .n = st->n_lines, .now_ns = ol_clock_ns()};
    char *text = NULL, name[80];
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    bool good;

    sh.v = calloc(sh.n + 1, sizeof(*sh.v));
    if (sh.v == NULL || out == NULL) {
        if (out != NULL)
            (void)fclose(out);
        free(text);
        free(sh.v);
        return NULL;
    }
    take(&sh);
    for (unsigned k = 0; k < OL_LEN(families); k++) {
        struct ol_metric m = {.out = out, .name = name,
                              .help = families[k].help,
                              .type = families[k].type};

        ol_text_put(name, sizeof(name), "openline_%s", families[k].name);
        families[k].put(&m, &sh);
    }
    good = !ferror(out);
    good = fclose(out) == 0 && good;
    free(sh.v);
    if (good)
        return text;
    free(text);
    return NULL;
}

void ol_method_metrics(struct ol_request *rq)
{
    char *text = ol_metrics_text(rq->st);
    json_t *doc = text ? json_pack("{s:s,s:s}", "content_type",
                                   "text/plain; version=0.0.4", "text", text)
                       : NULL;

    free(text);
    ol_reply(rq, doc);
}
