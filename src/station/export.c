/*
 * courier export: all that the peer does not hold, into one file.
 *
 * The file is written beside its name and takes it only when it is whole. The
 * core is asked when it has no other file in the making; its bundles come as
 * sends with our token, the last note says how many.
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

/* Takes it off the line. */
static struct ol_request *finish(struct ol_station_line *line, bool commit,
                                 enum ol_err *err)
{
    struct ol_export *x = line->export;
    struct ol_request *rq = x->rq;

    line->export = NULL;
    *err = ol_pouch_finish(x->file, commit);
    free(x);
    return rq;
}

void ol_export_fail(struct ol_station_line *line, const char *why)
{
    enum ol_err err;

    if (line->export != NULL)
        ol_refuse(finish(line, false, &err), OL_EXIT_FAILED, "nothing was "
                  "exported: %s", why);
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
        ol_export_fail(line, err == OL_ERR_FULL
                                 ? "the disk is full: make room"
                                 : strerror(errno));
}

void ol_export_done(struct ol_station_line *line, const struct ol_note *note)
{
    struct ol_export *x = line->export;
    struct ol_request *rq;
    json_t *path;
    enum ol_err err;

    if (x == NULL || note->token != x->token)
        return;
    path = json_string(x->path);
    rq = finish(line, true, &err);
    if (err != OL_OK) {
        ol_refuse(rq, OL_EXIT_FAILED, "cannot write %s: %s",
                  path ? json_string_value(path) : "it",
                  err == OL_ERR_EXISTS ? "it is there already: choose another "
                                         "name"
                                       : strerror(errno));
        json_decref(path);
        return;
    }
    ol_reply(rq, json_pack("{s:s,s:o,s:I,s:I}", "peer", line->conf.peer,
                           "file", path, "bundles", (json_int_t)note->index,
                           "left", (json_int_t)note->size));
}
