/*
 * courier import: one file, whose bundles find their line themselves.
 *
 *   reader thread          loop
 *   bundle --------------> the line that claims it, FRAME
 *          <-- go on ----- once NOTE_IMPORTED says that it is on disk
 *
 * A file may be large and lie on a slow stick, so it is read on a thread of
 * its own, one bundle ahead. The answer comes when all of it is on disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "station/clock.h"
#include "station/methods.h"

#define STUCK_NS (3 * OL_NS_PER_S)

struct ol_import {
    struct ol_station *st;
    struct ol_request *rq;
    uv_thread_t thread;
    uv_async_t wake;
    uv_mutex_t mutex; /* guards the five below */
    uv_cond_t cond;
    bool full; /* bundle is the loop's */
    bool ended, stop;
    enum ol_err result;
    size_t n;
    uint8_t bundle[OL_BUNDLE_MAX];
    /* the loop's alone */
    struct ol_station_line *waits_for; /* its NOTE_IMPORTED */
    bool trying;                       /* the step is not over */
    struct ol_station_line *lines[OL_LINES_MAX];
    unsigned n_lines;
    unsigned bundles, opened, unopened;
    uint64_t stuck_ns;
    char path[OL_PATH_MAX];
};

/* The reader. */

static bool hand_over(void *arg, struct ol_span bundle)
{
    struct ol_import *im = arg;
    bool go;

    uv_mutex_lock(&im->mutex);
    if (bundle.n <= sizeof(im->bundle)) {
        memcpy(im->bundle, bundle.p, bundle.n);
        im->n = bundle.n;
        im->full = true;
        uv_async_send(&im->wake);
    }
    while (im->full && !im->stop)
        uv_cond_wait(&im->cond, &im->mutex);
    go = !im->stop;
    uv_mutex_unlock(&im->mutex);
    return go;
}

static void read_file(void *arg)
{
    struct ol_import *im = arg;
    enum ol_err err = ol_pouch_read(im->path, hand_over, im);

    uv_mutex_lock(&im->mutex);
    im->result = err;
    im->ended = true;
    uv_async_send(&im->wake);
    uv_mutex_unlock(&im->mutex);
}

static void on_wake(uv_async_t *handle)
{
    (void)handle; /* the end of the turn looks */
}

/* The end. */

static void on_closed(uv_handle_t *handle)
{
    struct ol_import *im = (struct ol_import *)((char *)handle -
                               offsetof(struct ol_import, wake));

    free(im);
}

/* The request, for the last word. */
static struct ol_request *finish(struct ol_import *im)
{
    struct ol_request *rq = im->rq;

    uv_mutex_lock(&im->mutex);
    im->stop = true;
    uv_cond_signal(&im->cond);
    uv_mutex_unlock(&im->mutex);
    OL_CHECK(uv_thread_join(&im->thread) == 0);
    uv_mutex_destroy(&im->mutex);
    uv_cond_destroy(&im->cond);
    im->st->import = NULL;
    uv_close((uv_handle_t *)&im->wake, on_closed);
    return rq;
}

static void report(struct ol_import *im)
{
    json_t *lines = json_array(), *doc;
    struct ol_request *rq;

    for (unsigned k = 0; k < im->n_lines; k++)
        json_array_append_new(lines, json_string(im->lines[k]->conf.peer));
    if (im->result != OL_OK)
        im->unopened++; /* what stands behind the damage */
    doc = json_pack("{s:s,s:i,s:i,s:i,s:o}", "file", im->path, "bundles",
                    (int)im->bundles, "opened", (int)im->opened, "unopened",
                    (int)im->unopened, "lines", lines);
    rq = finish(im);
    ol_reply(rq, doc);
}

static void over(struct ol_import *im)
{
    char path[OL_PATH_MAX];
    enum ol_err err = im->result;

    if (err == OL_OK && im->bundles == 0)
        err = OL_ERR_SHORT;
    if (err == OL_OK || (err == OL_ERR_MALFORMED && im->bundles > 0)) {
        report(im);
        return;
    }
    memcpy(path, im->path, sizeof(path));
    if (err == OL_ERR_SHORT)
        ol_refuse(finish(im), OL_EXIT_FAILED, "%s holds no bundle", path);
    else if (err == OL_ERR_MALFORMED)
        ol_refuse(finish(im), OL_EXIT_FAILED, "%s is no pouch file, or its "
                  "beginning is damaged: ask for another", path);
    else
        ol_refuse(finish(im), OL_EXIT_FAILED, "cannot read %s whole (%s): "
                  "import it again", path, ol_err_info(err)->text);
}

/* Bundles. */

static void next(struct ol_import *im)
{
    im->waits_for = NULL;
    im->stuck_ns = 0;
    uv_mutex_lock(&im->mutex);
    im->full = false;
    uv_cond_signal(&im->cond);
    uv_mutex_unlock(&im->mutex);
}

static void is_for(struct ol_import *im, struct ol_station_line *line)
{
    for (unsigned k = 0; k < im->n_lines; k++)
        if (im->lines[k] == line)
            return;
    im->lines[im->n_lines++] = line;
}

/* Room comes with the commits; without any under way, it does not come. */
static void stuck(struct ol_import *im, struct ol_station_line *line)
{
    uint64_t now_ns = ol_clock_ns();
    struct ol_station *st = im->st;

    line->courier_ns = OL_MIN(line->courier_ns, now_ns + 50 * OL_NS_PER_MS);
    if (im->stuck_ns == 0 || line->outstanding > 0)
        im->stuck_ns = now_ns;
    if (now_ns - im->stuck_ns < STUCK_NS)
        return;
    ol_refuse(finish(im), OL_EXIT_FAILED, st->disk_full
                  ? "the disk is full: make room and import it again"
                  : "it was taken in part: something before it is missing; "
                    "import the earlier file first, then this one again");
}

static enum ol_err try(struct ol_import *im, struct ol_station_line **whose)
{
    struct ol_event ev = {.kind = OL_EV_FRAME,
                          .bytes = OL_SPAN(im->bundle, im->n)};
    struct ol_station *st = im->st;
    enum ol_err err = OL_ERR_STRANGER;
    uint16_t channel;

    for (unsigned k = 0; k < st->n_lines; k++) {
        struct ol_station_line *line = st->lines[k];

        if (line->core == NULL || line->phase != OL_PHASE_RUN ||
            !ol_line_claims(line->core, ev.bytes, &channel))
            continue;
        ev.channel = OL_CHANNEL_FILE;
        *whose = im->waits_for = line;
        im->trying = true;
        err = ol_station_step(line, &ev);
        if (st->import != im)
            return err;
        im->trying = false;
        if (err == OL_OK || err == OL_ERR_AGAIN)
            return err;
    }
    return err;
}

/* A line that has no core just now: the bundle may be its. */
static const struct ol_station_line *away(const struct ol_station *st)
{
    for (unsigned k = 0; k < st->n_lines; k++)
        if (st->lines[k]->phase != OL_PHASE_RUN &&
            st->lines[k]->phase != OL_PHASE_UNPAIRED)
            return st->lines[k];
    return NULL;
}

static void take(struct ol_import *im)
{
    struct ol_station_line *line = NULL;
    const struct ol_station_line *gone;
    struct ol_station *st = im->st;
    enum ol_err err = try(im, &line);

    if (st->import != im)
        return; /* the line's core went away under it */
    gone = line == NULL ? away(st) : NULL;
    if (gone != NULL) {
        ol_refuse(finish(im), OL_EXIT_FAILED, "the line to %s does not run "
                  "just now, and the bundle may be for it: import the file "
                  "again when it does%s%s", gone->conf.peer,
                  gone->why[0] != '\0' ? "; " : "", gone->why);
        return;
    }
    if (err == OL_ERR_AGAIN || err == OL_ERR_DOWN) {
        im->waits_for = NULL;
        stuck(im, line);
        return;
    }
    im->bundles++;
    if (err == OL_OK || err == OL_ERR_REPLAY || err == OL_ERR_STALE) {
        im->opened++;
        is_for(im, line);
        /* waits_for is empty if it was told at once. */
        if (im->waits_for == NULL)
            next(im);
    } else {
        im->unopened++;
        next(im);
    }
}

void ol_import_pump(struct ol_station *st)
{
    struct ol_import *im = st->import;
    bool full, ended;

    if (im == NULL || im->waits_for != NULL)
        return;
    uv_mutex_lock(&im->mutex);
    full = im->full;
    ended = im->ended;
    uv_mutex_unlock(&im->mutex);
    if (full)
        take(im);
    else if (ended)
        over(im);
}

void ol_import_imported(struct ol_station_line *line)
{
    struct ol_import *im = line->st->import;

    if (im == NULL || im->waits_for != line)
        return;
    im->waits_for = NULL;
    if (!im->trying)
        next(im);
}

void ol_import_lost(struct ol_station_line *line)
{
    struct ol_import *im = line->st->import;
    bool touched = im != NULL && im->waits_for == line;

    for (unsigned k = 0; im != NULL && k < im->n_lines; k++)
        touched = touched || im->lines[k] == line;
    if (touched)
        ol_refuse(finish(im), OL_EXIT_FAILED, "the line was made anew "
                  "meanwhile: import it again");
}

void ol_import_stop(struct ol_station *st)
{
    if (st->import != NULL)
        ol_refuse(finish(st->import), OL_EXIT_FAILED, "the station stops: "
                  "import it again when it runs");
}

static bool readable(struct ol_request *rq, const char *file)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        ol_refuse(rq, errno == ENOENT ? OL_EXIT_MISSING : OL_EXIT_FAILED,
                  "cannot read %s: %s", file, strerror(errno));
        return false;
    }
    close(fd);
    return true;
}

void ol_import_start(struct ol_request *rq, const char *file)
{
    struct ol_station *st = rq->st;
    struct ol_import *im;

    if (st->import != NULL) {
        ol_refuse(rq, OL_EXIT_FAILED, "another import is under way: ask "
                  "again");
        return;
    }
    if (!readable(rq, file))
        return;
    im = calloc(1, sizeof(*im));
    if (im == NULL || !ol_text_put(im->path, sizeof(im->path), "%s", file)) {
        free(im);
        ol_refuse(rq, OL_EXIT_FAILED, "the path is too long");
        return;
    }
    im->st = st;
    im->rq = rq;
    OL_CHECK(uv_mutex_init(&im->mutex) == 0 && uv_cond_init(&im->cond) == 0);
    OL_CHECK(uv_async_init(&st->loop, &im->wake, on_wake) == 0);
    st->import = im;
    OL_CHECK(uv_thread_create(&im->thread, read_file, im) == 0);
}
