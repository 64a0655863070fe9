/*
 * The running station and its restore marker.
 *
 * A restore has a random name (marker.c). A line whose ledger does not hold
 * that name yet starts as restored; the name is handed to the ledger behind
 * whatever the core keeps of it, so that no crash lets it forget. That also
 * holds for a line that is made later: its peer may know the identity.
 *
 * Renewing is done on a thread of libuv's, because a slow disk must not hold
 * up probes. It fails: the station runs on, and status says what that means.
 */
#include <string.h>

#include "station/clock.h"
#include "station/log.h"
#include "station/station.h"

#define KEY "restore"

void ol_guard_start(struct ol_station *st)
{
    struct ol_marker *m = &st->guard.marker;

    ol_marker_boot(m, st->dir, st->keys->id.ed_pk);
    st->guard.at_ns = ol_clock_ns() + OL_MARKER_RENEW_NS;
    if (m->found)
        ol_log(OL_LOG_FAULT, "this directory is a restored copy: %s: what "
               "was said since the copy was made comes back from the peers; "
               "make sure that no other copy of it runs", m->why);
    else if (m->unguarded)
        ol_log(OL_LOG_NOTE, "%s: a restored copy would not be noticed at its "
               "start", m->why);
}

static void renew(uv_work_t *work)
{
    struct ol_station *st = work->data;

    st->guard.next_err = ol_marker_renew(&st->guard.next, false);
}

static void renewed(uv_work_t *work, int status)
{
    struct ol_station *st = work->data;
    struct ol_guard *g = &st->guard;

    g->busy = false;
    if (status != 0)
        return;
    if (g->next_err == OL_ERR_FOREIGN && !g->copied)
        ol_log(OL_LOG_FAULT, "another copy of %s has been started, or this "
               "one was overwritten: stop one of the two now, both speak as "
               "%s", st->dir, st->conf.name);
    g->copied = g->next_err == OL_ERR_FOREIGN;
    if (g->next_err == OL_ERR_IO || g->next_err == OL_ERR_FULL)
        ol_log(OL_LOG_NOTE, "the restore marker cannot be renewed (%s): a "
               "copy of this directory is not told from it until it can",
               ol_err_info(g->next_err)->text);
    g->marker = g->next;
}

void ol_guard_pump(struct ol_station *st, uint64_t now_ns)
{
    struct ol_guard *g = &st->guard;

    if (now_ns < g->at_ns || g->busy || st->stopping)
        return;
    g->at_ns = now_ns + OL_MARKER_RENEW_NS;
    g->next = g->marker;
    g->work.data = st;
    g->busy = uv_queue_work(&st->loop, &g->work, renew, renewed) == 0;
}

void ol_guard_stop(struct ol_station *st)
{
    struct ol_guard *g = &st->guard;

    while (g->busy)
        (void)uv_run(&st->loop, UV_RUN_ONCE);
    if (g->marker.key[0] != '\0' &&
        ol_marker_renew(&g->marker, true) == OL_ERR_FOREIGN)
        ol_log(OL_LOG_FAULT, "another copy of %s has been started, or this "
               "one was overwritten: never run both", st->dir);
}

bool ol_guard_restored(const struct ol_station_line *line)
{
    struct ol_ledger *lg = line->st->ledger;
    const char *name = line->st->guard.marker.restored;
    uint8_t value[OL_MARKER_HEX];
    size_t n = sizeof(value);

    if (name[0] == '\0')
        return false;
    return lg->ops->meta(lg, line->ledger_id, KEY, value, &n) != OL_OK ||
           n != strlen(name) || memcmp(value, name, n) != 0;
}

/* A failure dooms the line as any does: it is told again. */
static void kept(void *arg, enum ol_err err)
{
    (void)arg;
    (void)err;
}

void ol_guard_told(struct ol_station_line *line)
{
    struct ol_ledger_meta meta = {.key = KEY};
    struct ol_batch batch = {.metas = &meta, .n_metas = 1};

    meta.value = ol_span_str(line->st->guard.marker.restored);
    (void)ol_disk_commit(line, &batch, NULL, kept);
}
