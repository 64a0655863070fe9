/*
 * The configuration, read at the start and again on SIGHUP or `reload`.
 *
 * All of it is read and checked before anything is changed; one fault and
 * everything stays as it was. Then listeners are opened and closed, lines
 * that are new are made, lines whose configuration or cards have changed are
 * drained (what is in the ledger's queue comes back first) and made anew in
 * place, lines that are gone are drained and dropped.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "station/alarms.h"
#include "station/log.h"
#include "station/notify.h"
#include "station/station.h"

struct plan {
    struct ol_conf_station conf;
    unsigned n;
    struct ol_conf_line lines[OL_LINES_MAX];
};

/* Reading. */

static struct ol_conf_line *planned(struct plan *p, const char *peer)
{
    for (unsigned k = 0; k < p->n; k++)
        if (strcmp(p->lines[k].peer, peer) == 0)
            return &p->lines[k];
    return NULL;
}

static int read_lines(const char *dir, struct plan *p, char why[OL_WHY_MAX])
{
    char path[OL_PATH_MAX], names[OL_LINES_MAX + 1][33];
    int n, status;

    if (!ol_path(path, dir, "lines.d", NULL))
        return ol_fail(why, OL_EXIT_FAILED, "%s: the path is too long", dir);
    n = ol_folder_list(path, ".conf", names, OL_LINES_MAX + 1);
    if (n < 0)
        return ol_fail_sys(why, "read", path);
    if (n > (int)OL_LINES_MAX)
        return ol_fail(why, OL_EXIT_FAILED, "more than %u lines in lines.d: "
                       "remove some", OL_LINES_MAX);
    for (int k = 0; k < n; k++) {
        if (!ol_station_name_ok(ol_span_str(names[k])) ||
            strcmp(names[k], p->conf.name) == 0)
            return ol_fail(why, OL_EXIT_FAILED, "lines.d/%s.conf: the file "
                           "must be named after the peer, as south.conf",
                           names[k]);
        status = ol_conf_line_read(dir, names[k], &p->lines[p->n], why);
        if (status != OL_EXIT_OK)
            return OL_EXIT_FAILED;
        p->n++;
    }
    return OL_EXIT_OK;
}

/* Whom we made a card for and who has given us none yet. */
static void add_unpaired(const char *dir, struct plan *p)
{
    char path[OL_PATH_MAX], names[OL_LINES_MAX][33];
    int n = ol_path(path, dir, "cards", NULL)
                ? ol_folder_list(path, ".card", names, OL_LINES_MAX)
                : 0;

    for (int k = 0; k < n && p->n < OL_LINES_MAX; k++) {
        if (!ol_station_name_ok(ol_span_str(names[k])) ||
            planned(p, names[k]) != NULL)
            continue;
        memset(&p->lines[p->n], 0, sizeof(p->lines[0]));
        ol_text_put(p->lines[p->n].peer, sizeof(p->lines[0].peer), "%s",
                    names[k]);
        p->n++;
    }
}

static struct plan *read_plan(const char *dir, char why[OL_WHY_MAX])
{
    struct plan *p = calloc(1, sizeof(*p));
    int status;

    if (p == NULL) {
        ol_fail(why, OL_EXIT_FAILED, "no memory");
        return NULL;
    }
    status = ol_conf_station_read(dir, &p->conf, why);
    if (status == OL_EXIT_OK)
        status = read_lines(dir, p, why);
    if (status != OL_EXIT_OK) {
        free(p);
        return NULL;
    }
    add_unpaired(dir, p);
    return p;
}

/* Applying. */

/* A channel that waits for calls that nothing takes. */
static void warn_deaf(const struct ol_station *st,
                      const struct ol_conf_line *conf)
{
    for (unsigned k = 0; k < conf->n_channels; k++) {
        const struct ol_conf_channel *ch = &conf->channels[k];

        if (ch->url[0] == '\0' && !ol_bearers_listening(st, ch->scheme))
            ol_log(OL_LOG_FAULT, "line %s: channel %s waits to be called over "
                   "%s, but station.conf has no listen = %s://...",
                   conf->peer, ch->name, ch->scheme, ch->scheme);
    }
}

static bool add_line(struct ol_station *st, const struct ol_conf_line *conf)
{
    struct ol_station_line *line = NULL;

    if (st->n_lines < OL_LINES_MAX)
        line = ol_line_make(st, conf);
    if (line == NULL)
        return false;
    st->lines[st->n_lines++] = line;
    warn_deaf(st, conf);
    ol_line_boot(line);
    return true;
}

/* Do the cards on disk make another line than the one that runs. */
static bool cards_changed(struct ol_station_line *line,
                          const struct ol_conf_line *conf)
{
    struct ol_pair pair = {0};
    char why[OL_WHY_MAX];
    bool unpaired = conf->card[0] == '\0' ||
                    ol_pair_load(line->st->dir, line->st->keys,
                                 &line->st->conf, conf, &pair, why) !=
                        OL_EXIT_OK;
    bool changed = unpaired != (line->phase == OL_PHASE_UNPAIRED);

    if (!changed && !unpaired) {
        changed = !ol_same(&pair.shared, &line->pair.shared,
                           sizeof(pair.shared));
        memcpy(line->pair.verified, pair.verified, sizeof(pair.verified));
    }
    ol_wipe(&pair, sizeof(pair));
    return changed;
}

static bool drain(struct ol_station_line *line,
                  const struct ol_conf_line *conf)
{
    line->next_conf = NULL;
    line->going = conf == NULL;
    if (conf != NULL) {
        line->next_conf = malloc(sizeof(*conf));
        if (line->next_conf == NULL)
            return false;
        *line->next_conf = *conf;
    }
    if (line->phase == OL_PHASE_RUN)
        line->phase = OL_PHASE_DRAIN;
    return true;
}

/* True when anything changes. */
static bool apply_lines(struct ol_station *st, struct plan *p)
{
    unsigned before = st->n_lines;
    bool any = false;

    for (unsigned k = 0; k < before; k++) {
        struct ol_station_line *line = st->lines[k];
        struct ol_conf_line *conf = planned(p, line->conf.peer);

        /* Unlike padding would restart a line in vain, no more.
         * NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-*) */
        if (conf != NULL && memcmp(conf, &line->conf, sizeof(*conf)) == 0 &&
            !cards_changed(line, conf))
            continue;
        any = drain(line, conf) || any;
    }
    for (unsigned k = 0; k < p->n; k++)
        if (ol_line_named(st, p->lines[k].peer) == NULL)
            any = add_line(st, &p->lines[k]) || any;
    return any;
}

static int apply_station(struct ol_station *st,
                         const struct ol_conf_station *conf,
                         char why[OL_WHY_MAX])
{
    struct ol_conf_station before = st->conf;
    char words[OL_WHY_MAX];

    if (strcmp(conf->name, st->conf.name) != 0)
        return ol_fail(why, OL_EXIT_FAILED, "station.conf: the name %s "
                       "cannot become %s: cards carry it; put it back",
                       st->conf.name, conf->name);
    st->conf = *conf;
    if (ol_bearers_listen(st, why) == OL_EXIT_OK)
        return OL_EXIT_OK;
    st->conf = before;
    if (ol_bearers_listen(st, words) != OL_EXIT_OK)
        ol_log(OL_LOG_FAULT, "%s", words);
    return OL_EXIT_FAILED;
}

static void finish(struct ol_station *st, bool changed)
{
    struct ol_request *rq = st->reloading;

    st->reloading = NULL;
    if (rq != NULL)
        ol_reply(rq, json_pack("{s:b}", "changed", (int)changed));
    ol_notify("READY=1");
}

static bool draining(const struct ol_station *st)
{
    for (unsigned k = 0; k < st->n_lines; k++)
        if (st->lines[k]->next_conf != NULL || st->lines[k]->going)
            return true;
    return false;
}

void ol_reload(struct ol_station *st, struct ol_request *rq)
{
    char why[OL_WHY_MAX];
    struct plan *p;
    bool changed;

    if (st->reloading != NULL || draining(st) || st->stopping) {
        if (rq != NULL)
            ol_refuse(rq, OL_EXIT_FAILED, "the configuration is being read "
                      "already: ask again");
        st->reload_again = !st->stopping;
        return;
    }
    ol_notify_reloading();
    p = read_plan(st->dir, why);
    if (p == NULL || apply_station(st, &p->conf, why) != OL_EXIT_OK) {
        free(p);
        ol_log(OL_LOG_FAULT, "the configuration stays as it was: %s", why);
        if (rq != NULL)
            ol_refuse(rq, OL_EXIT_FAILED, "the configuration stays as it "
                      "was: %s", why);
        ol_notify("READY=1");
        return;
    }
    changed = apply_lines(st, p);
    free(p);
    ol_station_places(st);
    ol_log(OL_LOG_NOTE, "configuration read: %u line%s", st->n_lines,
           st->n_lines == 1 ? "" : "s");
    st->reloading = rq;
    st->reload_changed = changed;
    if (!draining(st))
        finish(st, changed);
}

static void remake(struct ol_station_line *line)
{
    struct ol_conf_line *conf = line->next_conf;

    line->next_conf = NULL;
    ol_line_halt(line);
    ol_bearers_hang_up(line);
    memset(line->ports, 0, sizeof(line->ports));
    ol_line_adopt(line, conf);
    free(conf);
    warn_deaf(line->st, &line->conf);
    ol_line_boot(line);
}

void ol_reload_pump(struct ol_station *st)
{
    bool was = draining(st);

    for (unsigned k = 0; k < st->n_lines;) {
        struct ol_station_line *line = st->lines[k];

        if (line->outstanding > 0 || (!line->going && !line->next_conf)) {
            k++;
        } else if (line->going) {
            ol_jobs_stop(st); /* they walk over the lines */
            ol_alarm_line_gone(line);
            ol_line_drop(line);
        } else {
            remake(line);
            k++;
        }
    }
    if (was && !draining(st))
        finish(st, st->reload_changed);
    if (st->reload_again && !draining(st)) {
        st->reload_again = false;
        ol_reload(st, NULL);
    }
}

int ol_reload_first(struct ol_station *st, char why[OL_WHY_MAX])
{
    struct plan *p = read_plan(st->dir, why);
    int status;

    if (p == NULL)
        return OL_EXIT_FAILED;
    st->conf = p->conf;
    status = st->check_only ? OL_EXIT_OK : ol_bearers_listen(st, why);
    for (unsigned k = 0; k < p->n && status == OL_EXIT_OK &&
                         !st->check_only; k++)
        (void)add_line(st, &p->lines[k]);
    free(p);
    if (!st->check_only)
        ol_station_places(st);
    return status;
}
