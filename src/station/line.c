/*
 * A line's life in the station.
 *
 *   UNPAIRED --cards--> WAIT --boot--> RUN --reload--> DRAIN --> WAIT, or gone
 *                        ^              |
 *                        +-- DOOMED <---+ a commit failed
 *
 * Booting reads the ledger's snapshot into a new core; that is also how a line
 * comes back after a failed commit. The struct stays where it is through all
 * of it, so that whoever waits for something of the line may hold on to it.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "crypto/crypto.h"
#include "station/asks.h"
#include "station/clock.h"
#include "station/log.h"
#include "station/station.h"

#define RETRY_NS (5 * OL_NS_PER_S)

struct ol_station_line *ol_line_named(struct ol_station *st, const char *peer)
{
    for (unsigned k = 0; k < st->n_lines; k++)
        if (strcmp(st->lines[k]->conf.peer, peer) == 0)
            return st->lines[k];
    return NULL;
}

struct ol_station_line *ol_line_of(struct ol_station *st, uint32_t ledger_id)
{
    for (unsigned k = 0; k < st->n_lines && ledger_id != 0; k++)
        if (st->lines[k]->ledger_id == ledger_id)
            return st->lines[k];
    return NULL;
}

int ol_line_channel(const struct ol_station_line *line, const char *name)
{
    for (unsigned k = 0; k < line->conf.n_channels; k++)
        if (strcmp(line->conf.channels[k].name, name) == 0)
            return (int)k;
    return -1;
}

void ol_line_adopt(struct ol_station_line *line,
                   const struct ol_conf_line *conf)
{
    struct ol_station *st = line->st;
    uint8_t before[32];

    memcpy(before, line->pair.shared.line_id, sizeof(before));
    line->conf = *conf;
    line->why[0] = '\0';
    line->phase = OL_PHASE_WAIT;
    line->retry_ns = 0;
    memset(line->names, 0, sizeof(line->names));
    for (unsigned k = 0; k < conf->n_channels; k++)
        ol_text_put(line->names[k], sizeof(line->names[k]), "%s",
                    conf->channels[k].name);
    if (conf->card[0] == '\0') {
        ol_fail(line->why, 0, "no card of %s was taken yet: 'openline pair "
                "CARD' with the card that %s made for %s", conf->peer,
                conf->peer, st->conf.name);
        line->phase = OL_PHASE_UNPAIRED;
    } else if (ol_pair_load(st->dir, st->keys, &st->conf, conf,
                            &line->pair, line->why) != OL_EXIT_OK) {
        line->phase = OL_PHASE_UNPAIRED;
    }
    if (line->phase == OL_PHASE_UNPAIRED) {
        ol_wipe(&line->pair, sizeof(line->pair));
        ol_log(OL_LOG_NOTE, "line %s: unpaired: %s", conf->peer, line->why);
    }
    if (memcmp(before, line->pair.shared.line_id, sizeof(before)) != 0) {
        line->ledger_id = 0;
        memset(line->inbox_from, 0, sizeof(line->inbox_from));
    }
}

struct ol_station_line *ol_line_make(struct ol_station *st,
                                     const struct ol_conf_line *conf)
{
    struct ol_station_line *line = calloc(1, sizeof(*line));

    if (line == NULL)
        return NULL;
    line->st = st;
    line->wake_ns = line->courier_ns = OL_NEVER_NS;
    ol_line_adopt(line, conf);
    return line;
}

/* Booting. */

/* Fates as numbers: equal names, equal numbers. */
static uint32_t fate_of(const struct ol_conf_line *conf, unsigned k)
{
    if (conf->channels[k].fate[0] == '\0')
        return 0;
    for (unsigned j = 0; j < k; j++)
        if (strcmp(conf->channels[j].fate, conf->channels[k].fate) == 0)
            return j + 1;
    return k + 1;
}

static bool is_disabled(struct ol_station_line *line, unsigned k)
{
    struct ol_ledger *lg = line->st->ledger;
    char key[64];
    uint8_t value[8];
    size_t n = sizeof(value);

    ol_text_put(key, sizeof(key), "disabled/%s",
                line->conf.channels[k].name);
    return lg->ops->meta(lg, line->ledger_id, key, value, &n) == OL_OK;
}

static void fill_conf(struct ol_station_line *line, struct ol_conf *out)
{
    const struct ol_conf_line *conf = &line->conf;

    out->restored = line->restored;
    out->identity = &line->st->keys->id;
    memcpy(out->peer_ed_pk, line->pair.peer.ed_pk, 32);
    memcpy(out->peer_x_pk, line->pair.peer.x_pk, 32);
    memcpy(out->own_share, line->pair.own_share, 32);
    memcpy(out->peer_share, line->pair.peer.share, 32);
    ol_os_random(out->boot, sizeof(out->boot));
    ol_os_random(out->seed, sizeof(out->seed));
    out->probe_ns = conf->probe_ns;
    out->hold_ns = conf->hold_ns;
    out->n_channels = (uint16_t)conf->n_channels;
    for (unsigned k = 0; k < conf->n_channels; k++) {
        const struct ol_conf_channel *in = &conf->channels[k];
        struct ol_chan_conf *ch = &out->channels[k];

        ol_text_put(ch->name, sizeof(ch->name), "%s", in->name);
        ch->kind = ol_conf_kind(in->scheme);
        ch->dials = in->url[0] != '\0';
        ch->mtu = ol_conf_mtu(in);
        ch->rate_bps = in->rate_bps;
        ch->hold_ns = in->hold_ns;
        ch->fate = fate_of(conf, k);
        ch->disabled = line->disabled[k] = is_disabled(line, k);
    }
}

static void failed(struct ol_station_line *line, enum ol_err err,
                   const char *what)
{
    const char *said = line->st->ledger->why;

    ol_text_put(line->why, sizeof(line->why), "%s: %s", what,
                said[0] ? said : ol_err_info(err)->text);
    ol_log_rarely(&line->said_disk_ns, 60 * OL_NS_PER_S, "line %s: %s",
                  line->conf.peer, line->why);
    ol_line_halt(line);
    line->phase = OL_PHASE_WAIT;
    line->retry_ns = ol_clock_ns() + RETRY_NS;
}

static enum ol_err make_core(struct ol_station_line *line)
{
    struct ol_ledger *lg = line->st->ledger;
    struct ol_conf conf = {0};
    enum ol_err err;

    fill_conf(line, &conf);
    err = lg->ops->snapshot(lg, line->ledger_id, &conf.snapshot);
    if (err != OL_OK)
        goto out;
    line->mem = mmap(NULL, ol_line_size(), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (line->mem == MAP_FAILED) {
        line->mem = NULL;
        err = OL_ERR_IO;
    } else {
        /* Keys and texts lie in it, keys in front. As much as may be locked is
         * kept out of swap, when it comes to be used. */
        (void)madvise(line->mem, ol_line_size(), MADV_DONTDUMP);
        for (size_t n = ol_line_size();
             n > 0 && mlock2(line->mem, n, MLOCK_ONFAULT) != 0;)
            n /= 2;
        err = ol_line_init(&line->core, line->mem, &conf);
    }
    lg->ops->snapshot_free(lg, &conf.snapshot);
out:
    if (err != OL_OK)
        line->core = NULL;
    ol_wipe(&conf, sizeof(conf));
    return err;
}

static bool dialled(const struct ol_station_line *line)
{
    for (unsigned k = 0; k < line->conf.n_channels; k++)
        if (line->ports[k].line == line)
            return true;
    return line->conf.n_channels == 0;
}

void ol_line_boot(struct ol_station_line *line)
{
    struct ol_ledger *lg = line->st->ledger;
    uint8_t fresh[32];
    struct ol_event ev = {.kind = OL_EV_START, .fresh = fresh};
    enum ol_err err = OL_OK;

    if (line->phase == OL_PHASE_UNPAIRED)
        return;
    if (line->ledger_id == 0)
        err = lg->ops->line(lg, line->pair.shared.line_id, line->conf.peer,
                            &line->ledger_id);
    if (err != OL_OK) {
        failed(line, err, "the ledger has no place for it");
        return;
    }
    line->restored = ol_guard_restored(line);
    err = make_core(line);
    if (err != OL_OK) {
        failed(line, err, "it cannot be read from the ledger");
        return;
    }
    line->why[0] = '\0';
    line->n_loads = 0;
    line->phase = OL_PHASE_RUN;
    line->shown = OL_ATT_UNKNOWN;
    ol_stance_boot(line);
    line->booted_ns = ol_clock_ns();
    line->was_open = false;
    line->warned = 0;
    ol_dark_boot(line);
    ol_os_random(fresh, sizeof(fresh));
    if (!dialled(line))
        ol_bearers_dial(line);
    ol_history_boot(line);
    (void)ol_station_step(line, &ev);
    ol_wipe(fresh, sizeof(fresh));
    if (line->restored)
        ol_guard_told(line);
    ol_waiting_start(line);
    ol_files_boot(line);
    ol_bearers_tell(line);
    ol_asks_start(line);
    ol_exercise_start(line);
    ol_reflex_start(line);
    ol_checks_start(line);
}

/* The end. */

void ol_line_halt(struct ol_station_line *line)
{
    if (line->core != NULL)
        ol_line_fini(line->core);
    line->core = NULL;
    if (line->mem != NULL)
        munmap(line->mem, ol_line_size());
    line->mem = NULL;
    ol_files_halt(line);
    ol_asks_stop(line);
    ol_checks_stop(line, "the line is made anew: 'openline checks' tells what "
                         "became of it");
    line->n_loads = 0;
    line->more = false;
    line->wake_ns = OL_NEVER_NS;
    memset(line->heard, 0, sizeof(line->heard));
    ol_courier_reset(line);
    ol_import_lost(line);
    ol_export_fail(line, "the line was made anew: export again");
}

void ol_line_drop(struct ol_station_line *line)
{
    struct ol_station *st = line->st;

    ol_line_halt(line);
    ol_bearers_hang_up(line);
    ol_submit_fail(st, line, "the line is gone: nothing was taken");
    ol_taking_drop(line);
    ol_saving_drop(line);
    ol_serve_drop(line);
    ol_waits_fail(st, line);
    ol_effective_free(line);
    ol_later_forget(st, line);
    for (unsigned k = 0; k < st->n_lines; k++) {
        if (st->lines[k] != line)
            continue;
        st->n_lines--;
        memmove(&st->lines[k], &st->lines[k + 1],
                (st->n_lines - k) * sizeof(st->lines[0]));
        break;
    }
    free(line->next_conf);
    ol_dark_handed(line);
    free(line->history);
    ol_wipe(line, sizeof(*line));
    free(line);
}
