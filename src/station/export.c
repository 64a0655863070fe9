/*
 * courier export: all that the peer does not hold, into one file.
 *
 * The file is written beside its name and takes it only when it is whole. The
 * core is asked when it has no other file in the making; its bundles come as
 * sends with our token, the last note says how many. It is synced and renamed
 * on a thread, for a stick can take long for that.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "station/clock.h"
#include "station/methods.h"

struct ol_export {
    struct ol_request *rq;
    struct ol_pouch_file *file;
    uint64_t token;
    uint64_t retry_ns;
    bool asked; /* the core has the EXPORT */
    char path[OL_PATH_MAX];
    /* its end, when the line has let go of it */
    uv_work_t work;
    struct ol_station *st;
    char peer[OL_NAME_MAX + 1];
    uint64_t bundles, left;
    enum ol_err err;
    int sys;
};

void ol_export_start(struct ol_request *rq, struct ol_station_line *line,
                     const char *file)
{
    struct ol_export *x;
    enum ol_err err;

    if (line->export != NULL || line->core == NULL) {
        ol_refuse(rq, OL_EXIT_FAILED, line->export
                      ? "another export to %s is under way: ask again"
                      : "the line with %s does not run: see 'openline "
                        "status'", line->conf.peer);
        return;
    }
    x = calloc(1, sizeof(*x));
    if (x == NULL || !ol_text_put(x->path, sizeof(x->path), "%s", file)) {
        free(x);
        ol_refuse(rq, OL_EXIT_FAILED, "the path is too long");
        return;
    }
    err = ol_pouch_create(&x->file, file);
    if (err != OL_OK) {
        ol_refuse(rq, OL_EXIT_FAILED, "cannot write %s: %s", file,
                  err == OL_ERR_EXISTS ? "it is there already: choose another "
                                         "name"
                                       : strerror(errno));
        free(x);
        return;
    }
    x->rq = rq;
    x->token = ++line->st->next_token;
    line->export = x;
    ol_loop_again(line->st);
}

void ol_export_pump(struct ol_station_line *line)
{
    struct ol_export *x = line->export;
    struct ol_event ev = {.kind = OL_EV_EXPORT};
    enum ol_err err;

    if (x == NULL || x->asked)
        return;
    ev.token = x->token;
    x->asked = true; /* it may be answered at once */
    err = ol_station_step(line, &ev);
    if (line->export != x)
        return;
    if (err == OL_ERR_AGAIN || err == OL_ERR_DOWN) {
        x->asked = false; /* asked again when the line next moves */
        line->courier_ns = OL_MIN(line->courier_ns,
                                  ol_clock_ns() + 100 * OL_NS_PER_MS);
    } else if (err != OL_OK) {
        ol_export_fail(line, ol_err_info(err)->text);
    }
}

void ol_export_fail(struct ol_station_line *line, const char *why)
{
    struct ol_export *x = line->export;

    if (x == NULL)
        return;
    line->export = NULL;
    (void)!ol_pouch_finish(x->file, false);
    ol_refuse(x->rq, OL_EXIT_FAILED, "nothing was exported: %s", why);
    free(x);
}

void ol_export_bundle(struct ol_station_line *line,
                      const struct ol_send *send)
{
    struct ol_export *x = line->export;
    enum ol_err err;

    if (x == NULL || send->token != x->token)
        return;
    err = ol_pouch_add(x->file, send->bytes);
    if (err != OL_OK)
        ol_export_fail(line, err == OL_ERR_FULL ? "the disk is full: make room"
                             : err == OL_ERR_TOO_LONG
                                 ? "more waits than the 1 GiB that one file "
                                   "holds: give the line a courier's folder"
                                 : strerror(errno));
}

static void on_thread(uv_work_t *work)
{
    struct ol_export *x = work->data;

    x->err = ol_pouch_finish(x->file, true);
    x->sys = x->err == OL_OK ? 0 : errno;
}

static void ended(uv_work_t *work, int status)
{
    struct ol_export *x = work->data;

    (void)status; /* works are waited for, not cancelled */
    x->st->works--;
    if (x->err == OL_OK)
        ol_reply(x->rq, json_pack("{s:s,s:s,s:I,s:I}", "peer", x->peer,
                                  "file", x->path, "bundles",
                                  (json_int_t)x->bundles, "left",
                                  (json_int_t)x->left));
    else
        ol_refuse(x->rq, OL_EXIT_FAILED, "cannot write %s: %s", x->path,
                  x->err == OL_ERR_EXISTS
                      ? "it is there already: choose another name"
                      : strerror(x->sys));
    free(x);
}

void ol_export_done(struct ol_station_line *line, const struct ol_note *note)
{
    struct ol_export *x = line->export;

    if (x == NULL || note->token != x->token)
        return;
    x->st = line->st;
    ol_text_put(x->peer, sizeof(x->peer), "%s", line->conf.peer);
    x->bundles = note->index;
    x->left = note->size;
    x->work.data = x;
    if (uv_queue_work(&x->st->loop, &x->work, on_thread, ended) != 0) {
        ol_export_fail(line, "no thread can be had: end other programs of "
                             "this machine");
        return;
    }
    x->st->works++;
    line->export = NULL;
}
