/*
 * courier import: one file, whose bundles find their line themselves.
 *
 *   reader thread          loop
 *   bundle --------------> the line that claims it, FRAME
 *          <-- go on ----- once NOTE_IMPORTED says that it is on disk
 *
 * A file may be large and lie on a slow stick, or on a share that hangs, so
 * everything that is done to it is done on a thread of its own, one bundle
 * ahead, and the loop never waits for that thread: what is given up is left to
 * it. The answer comes when all of it is on disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "station/clock.h"
#include "station/methods.h"

#define STUCK_NS (3 * OL_NS_PER_S)
#define HUNG_NS (10 * OL_NS_PER_S) /* then another import may begin */
#define THREADS_MAX 4u /* readers, those that hang among them */

static atomic_uint threads;

struct ol_import {
    struct ol_station *st;
    struct ol_request *rq;
    uv_async_t wake;
    uv_mutex_t mutex; /* guards those up to bundle */
    uv_cond_t cond;
    unsigned holders; /* the loop and the reader: the last one frees */
    bool full; /* bundle is the loop's */
    bool ended, stop;
    bool own; /* it is a file of the ledger */
    int sys;  /* it does not open, and why */
    enum ol_err result;
    size_t n;
    uint8_t bundle[OL_BUNDLE_MAX];
    /* the loop's alone */
    struct ol_station_line *waits_for; /* its NOTE_IMPORTED */
    bool trying;                       /* the step is not over */
    struct ol_station_line *lines[OL_LINES_MAX];
    unsigned n_lines;
    unsigned bundles, opened, unopened;
    uint64_t stuck_ns, moved_ns;
    /* nobody's: they stay */
    char dir[OL_PATH_MAX], path[OL_PATH_MAX];
};

static void let_go(struct ol_import *im)
{
    bool last;

    uv_mutex_lock(&im->mutex);
    last = --im->holders == 0;
    uv_mutex_unlock(&im->mutex);
    if (!last)
        return;
    uv_mutex_destroy(&im->mutex);
    uv_cond_destroy(&im->cond);
    free(im);
}

/* The reader. */

static bool hand_over(void *arg, struct ol_span bundle)
{
    struct ol_import *im = arg;
    bool go;

    uv_mutex_lock(&im->mutex);
    if (bundle.n <= sizeof(im->bundle) && !im->stop) {
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

/* Whoever opens and closes one of these in our process ends SQLite's locks on
 * it (fcntl(2)), so it is not even opened. */
static bool is_ledger(const struct ol_import *im)
{
    static const char *const names[] = {"ledger.db", "ledger.db-wal",
                                        "ledger.db-shm"};
    struct stat file, own;
    char path[OL_PATH_MAX];

    if (stat(im->path, &file) != 0)
        return false;
    for (unsigned k = 0; k < OL_LEN(names); k++)
        if (ol_path(path, im->dir, names[k], NULL) && stat(path, &own) == 0 &&
            own.st_dev == file.st_dev && own.st_ino == file.st_ino)
            return true;
    return false;
}

static void *read_file(void *arg)
{
    struct ol_import *im = arg;
    enum ol_err err = OL_ERR_INPUT;
    bool own = is_ledger(im);
    int fd = own ? -1
                 : open(im->path,
                        O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int sys = own || fd >= 0 ? 0 : errno;

    if (fd >= 0) {
        (void)close(fd);
        err = ol_pouch_read(im->path, hand_over, im);
    }
    uv_mutex_lock(&im->mutex);
    im->result = err;
    im->own = own;
    im->sys = sys;
    im->ended = true;
    if (!im->stop)
        uv_async_send(&im->wake);
    uv_mutex_unlock(&im->mutex);
    let_go(im);
    atomic_fetch_sub(&threads, 1);
    return NULL;
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

    let_go(im);
}

/* The request, for the last word. The reader may hang: it is not waited for,
 * and after stop it touches neither the loop nor the station. */
static struct ol_request *finish(struct ol_import *im)
{
    struct ol_request *rq = im->rq;

    uv_mutex_lock(&im->mutex);
    im->stop = true;
    uv_cond_signal(&im->cond);
    uv_mutex_unlock(&im->mutex);
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

static void cannot_read(struct ol_import *im, const char *path)
{
    int sys = im->sys;

    ol_refuse(finish(im), sys == ENOENT ? OL_EXIT_MISSING : OL_EXIT_FAILED,
              "cannot read %s: %s", path, strerror(sys));
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
    if (im->own)
        ol_refuse(finish(im), OL_EXIT_FAILED, "%s is this station's ledger "
                  "and no bundle: name the file that came", path);
    else if (im->sys != 0)
        cannot_read(im, path);
    else if (err == OL_ERR_SHORT)
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
    im->moved_ns = ol_clock_ns();
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
    OL_CHECK(line != NULL || err == OL_ERR_STRANGER);
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

/* The reader has had the turn for long, and nothing came. */
static bool hangs(struct ol_import *im)
{
    bool waits;

    uv_mutex_lock(&im->mutex);
    waits = !im->full && !im->ended;
    uv_mutex_unlock(&im->mutex);
    return waits && ol_clock_ns() - im->moved_ns >= HUNG_NS;
}

static bool free_to_begin(struct ol_request *rq)
{
    struct ol_import *im = rq->st->import;

    if (im != NULL && hangs(im))
        ol_refuse(finish(im), OL_EXIT_FAILED, "%s cannot be read: where it "
                  "lies gives no answer", im->path);
    else if (im != NULL) {
        ol_refuse(rq, OL_EXIT_FAILED, "another import is under way: ask "
                  "again");
        return false;
    }
    if (atomic_load(&threads) < THREADS_MAX)
        return true;
    ol_refuse(rq, OL_EXIT_FAILED, "%u files that were to be imported hang: "
              "mend or unmount where they lie", THREADS_MAX);
    return false;
}

static bool begin(struct ol_import *im)
{
    pthread_t thread;

    OL_CHECK(uv_mutex_init(&im->mutex) == 0 && uv_cond_init(&im->cond) == 0);
    OL_CHECK(uv_async_init(&im->st->loop, &im->wake, on_wake) == 0);
    im->holders = 2;
    im->moved_ns = ol_clock_ns();
    im->st->import = im;
    atomic_fetch_add(&threads, 1);
    if (pthread_create(&thread, NULL, read_file, im) == 0)
        return pthread_detach(thread) == 0;
    atomic_fetch_sub(&threads, 1);
    im->holders = 1;
    return false;
}

void ol_import_start(struct ol_request *rq, const char *file)
{
    struct ol_station *st = rq->st;
    struct ol_import *im;

    if (!free_to_begin(rq))
        return;
    im = calloc(1, sizeof(*im));
    if (im == NULL ||
        !ol_text_put(im->dir, sizeof(im->dir), "%s", st->dir) ||
        !ol_text_put(im->path, sizeof(im->path), "%s", file)) {
        free(im);
        ol_refuse(rq, OL_EXIT_FAILED, "the path is too long");
        return;
    }
    im->st = st;
    im->rq = rq;
    if (!begin(im))
        ol_refuse(finish(im), OL_EXIT_FAILED, "no thread can be had: end "
                  "other programs of this machine");
}
