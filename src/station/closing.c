/*
 * Descriptors of clients are closed on a thread.
 *
 * close() writes out what a share or a stick has not got yet, and waits for
 * one that is dead: never on the loop. One at a time, so that of libuv's
 * threads at most one is lost to it. What is not closed when the process ends
 * is closed by that.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "channel/places.h"
#include "station/station.h"

struct ol_closing {
    struct ol_closing *next;
    struct ol_station *st;
    uv_work_t work;
    int fd;
};

static void close_it(uv_work_t *work)
{
    close(((struct ol_closing *)work->data)->fd);
}

static void begin(struct ol_closing *c);

static void closed(uv_work_t *work, int status)
{
    struct ol_closing *c = work->data;

    (void)status;
    ol_places_gave(OL_PLACE_FILE);
    c->st->closings = c->next;
    if (c->next != NULL)
        begin(c->next);
    free(c);
}

static void begin(struct ol_closing *c)
{
    c->work.data = c;
    OL_CHECK(uv_queue_work(&c->st->loop, &c->work, close_it, closed) == 0);
}

void ol_close_away(struct ol_station *st, int fd)
{
    struct ol_closing *c = calloc(1, sizeof(*c)), **at = &st->closings;

    if (c == NULL) {
        close(fd);
        ol_places_gave(OL_PLACE_FILE);
        return;
    }
    c->st = st;
    c->fd = fd;
    while (*at != NULL)
        at = &(*at)->next;
    *at = c;
    if (st->closings == c)
        begin(c);
}
