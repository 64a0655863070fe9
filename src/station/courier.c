/*
 * Bundles from a courier's folder, and when their file may go.
 *
 * Happy path: a bundle is copied into the line's queue, taken by the core,
 * and once NOTE_IMPORTED says that all of them are on disk and none of the
 * file waits any more, the file is released to be removed. A bundle that does
 * not open keeps its file. One that cannot be taken now (no room, something
 * before it is missing) is tried again; in the end its file is not released
 * at all, and the courier brings it again later.
 */
#include <stdlib.h>
#include <string.h>

#include "station/clock.h"
#include "station/station.h"

#define QUEUE_MAX 64u /* bundles of a line, at most 4 MiB */
#define AGAIN_NS (100 * OL_NS_PER_MS)
#define STUCK_NS (3 * OL_NS_PER_S)

struct ol_bundle {
    struct ol_bundle *next;
    struct ol_port *port;
    uint64_t file;
    size_t n;
    uint8_t bytes[];
};

/* Forgets what waits of a port (NULL: of all). */
static void forget(struct ol_station_line *line, const struct ol_port *port)
{
    struct ol_bundle **at = &line->bundles;

    while (*at != NULL) {
        struct ol_bundle *b = *at;

        if (port != NULL && b->port != port) {
            at = &b->next;
            continue;
        }
        *at = b->next;
        b->port->queued--;
        line->n_bundles--;
        free(b);
    }
}

void ol_courier_reset(struct ol_station_line *line)
{
    forget(line, NULL);
    line->courier_ns = OL_NEVER_NS;
    line->stuck_ns = 0;
    for (unsigned k = 0; k < OL_CHAN_MAX; k++)
        line->ports[k].skip = true;
}

void ol_courier_packet(struct ol_port *port, struct ol_span bundle,
                       uint64_t file)
{
    struct ol_station_line *line = port->line;
    struct ol_bundle *b, **at = &line->bundles;

    if (file != port->file) {
        forget(line, port);
        port->file = file;
        port->skip = false;
    }
    if (port->skip)
        return;
    b = line->n_bundles < QUEUE_MAX ? malloc(sizeof(*b) + bundle.n) : NULL;
    if (b == NULL) {
        port->skip = true;
        return;
    }
    b->next = NULL;
    b->port = port;
    b->file = file;
    b->n = bundle.n;
    memcpy(b->bytes, bundle.p, bundle.n);
    while (*at != NULL)
        at = &(*at)->next;
    *at = b;
    port->queued++;
    line->n_bundles++;
    line->courier_ns = 0;
    ol_loop_again(line->st);
}

static void release(struct ol_port *port, bool remove)
{
    if (!port->skip && port->bearer != NULL)
        port->bearer->ops->release(port->bearer, port->file, remove);
}

/* Gives one bundle to the core. */
static enum ol_err try(struct ol_station_line *line, struct ol_bundle *b)
{
    struct ol_event ev = {.kind = OL_EV_FRAME, .channel = b->port->number,
                          .bytes = OL_SPAN(b->bytes, b->n)};
    enum ol_err err;

    b->port->trying = true;
    b->port->imported = false;
    err = ol_station_step(line, &ev);
    b->port->trying = false;
    return err;
}

/* False: not now. */
static bool take(struct ol_station_line *line, struct ol_bundle *b)
{
    struct ol_port *port = b->port;

    switch (try(line, b)) {
    case OL_OK:
    case OL_ERR_REPLAY:
    case OL_ERR_STALE:
        port->queued--;
        if (port->imported && port->queued == 0)
            release(port, true);
        return true;
    case OL_ERR_AGAIN:
    case OL_ERR_DOWN:
        return false;
    default:
        port->queued--;
        release(port, false);
        return true;
    }
}

/* The first bundle cannot be taken: wait, and in the end let it be. */
static void stuck(struct ol_station_line *line)
{
    uint64_t now_ns = ol_clock_ns();

    line->courier_ns = now_ns + AGAIN_NS;
    if (line->outstanding > 0)
        return; /* room comes with the commits */
    if (line->stuck_ns == 0)
        line->stuck_ns = now_ns;
    if (now_ns - line->stuck_ns < STUCK_NS)
        return;
    line->stuck_ns = 0;
    line->bundles->port->skip = true;
    forget(line, line->bundles->port);
}

void ol_courier_pump(struct ol_station_line *line)
{
    if (line->phase != OL_PHASE_RUN || ol_clock_ns() < line->courier_ns)
        return;
    while (line->bundles != NULL) {
        struct ol_bundle *b = line->bundles;

        if (!take(line, b)) {
            if (line->bundles != NULL)
                stuck(line);
            return;
        }
        /* A failed commit may have emptied the queue meanwhile. */
        if (line->bundles != b)
            return;
        line->bundles = b->next;
        line->n_bundles--;
        line->stuck_ns = 0;
        free(b);
    }
    line->courier_ns = OL_NEVER_NS;
}

void ol_courier_imported(struct ol_station_line *line,
                         const struct ol_note *note)
{
    struct ol_port *port;

    if (note->channel == OL_CHANNEL_FILE) {
        ol_import_imported(line);
        return;
    }
    if (note->channel >= line->conf.n_channels)
        return;
    port = &line->ports[note->channel];
    port->imported = true;
    /* While one is being tried its own fate is still open. */
    if (!port->trying && port->queued == 0)
        release(port, true);
}
