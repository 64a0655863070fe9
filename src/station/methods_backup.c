/*
 * backup: a copy of the ledger, made on a thread while the station runs.
 *
 * The copy lies in the directory, sealed as the ledger is, for the command
 * that asked; it seals it into its file and removes it. One that was left
 * behind goes with the next, or at the next start.
 */
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "station/methods.h"

static void copy(uv_work_t *work)
{
    struct ol_copy *c = work->data;

    c->err = ol_sqlite_copy(c->from, c->to, c->why);
}

static void copied(uv_work_t *work, int status)
{
    struct ol_copy *c = work->data;

    c->busy = false;
    c->done = true;
    if (status != 0) {
        c->err = OL_ERR_IO;
        ol_text_put(c->why, sizeof(c->why), "the station stops");
    }
}

/* Is there room for another ledger, and for what must be written meanwhile. */
static bool has_room(const struct ol_station *st, const char *path,
                     uint64_t *needs)
{
    struct statvfs v;
    struct stat file;

    if (stat(path, &file) != 0 || statvfs(st->dir, &v) != 0)
        return true; /* the copy says what is wrong */
    *needs = (uint64_t)file.st_size + st->min_free;
    return (uint64_t)v.f_bavail * v.f_frsize >= *needs;
}

/* file: the copy's whole path; another one is of another backup. */
static json_t *answer(const struct ol_copy *c, const char *state)
{
    return json_pack("{s:s,s:s}", "state", state, "file", c->to);
}

static void begin(struct ol_request *rq)
{
    struct ol_station *st = rq->st;
    struct ol_copy *c = &st->copy;
    char why[OL_WHY_MAX];
    uint64_t needs = 0;

    if (c->busy || st->stopping) {
        ol_refuse(rq, OL_EXIT_FAILED, "another backup is under way: try "
                  "again when it is done");
        return;
    }
    if (!ol_path(c->from, st->dir, "ledger.db", NULL) ||
        ol_dir_copy_name(st->dir, c->to, why) != OL_EXIT_OK) {
        ol_refuse(rq, OL_EXIT_FAILED, "the path is too long");
        return;
    }
    ol_dir_copy_sweep(st->dir);
    if (!has_room(st, c->from, &needs)) {
        ol_refuse(rq, OL_EXIT_FAILED, "the copy of the ledger needs %llu MiB "
                  "in %s: make room",
                  (unsigned long long)(needs >> 20), st->dir);
        return;
    }
    c->work.data = c;
    c->done = false;
    c->busy = uv_queue_work(&st->loop, &c->work, copy, copied) == 0;
    if (!c->busy)
        ol_refuse(rq, OL_EXIT_FAILED, "no thread for the copy: try again");
    else
        ol_reply(rq, answer(c, "running"));
}

void ol_method_backup(struct ol_request *rq)
{
    const struct ol_copy *c = &rq->st->copy;
    const char *action = ol_param(rq, "action");

    if (strcmp(action, "begin") == 0)
        begin(rq);
    else if (strcmp(action, "state") != 0)
        ol_refuse(rq, OL_EXIT_USAGE, "no action \"%.32s\": allowed are begin "
                  "and state", action);
    else if (c->busy || !c->done || c->err == OL_OK)
        ol_reply(rq, answer(c, c->busy   ? "running"
                               : c->done ? "done"
                                         : "none"));
    else
        ol_reply(rq, json_pack("{s:s,s:s}", "state", "failed", "why",
                               c->why));
}

void ol_backup_stop(struct ol_station *st)
{
    while (st->copy.busy)
        (void)uv_run(&st->loop, UV_RUN_ONCE);
}
