/*
 * save: the files of a message, into a folder.
 *
 * Happy path: ask what the message has, and for each file open one without a
 * name in the folder, have the station copy into it, sync it, give it a safe
 * name that nothing has yet, print its path. What is not here yet is fetched
 * first, and progress is shown on a terminal. A file that cannot be had does
 * not keep the others; what is printed is on disk.
 */
#include "cli/cli.h"

#include <string.h>
#include <unistd.h>

#include "cli/keep.h"

static void on_notice(void *arg, const char *method, const json_t *params)
{
    (void)arg;
    if (strcmp(method, "progress") == 0)
        ol_cli_progress(params);
}

struct job {
    struct ol_rpc rpc;
    const char *name, *out;
    const char *id; /* of the message */
    int folder;
    int64_t until_ms; /* -1: for ever */
    json_t *saved;    /* with --json: what was written */
};

/* One file; an exit status. */
static int save_one(struct job *job, size_t k, const json_t *file)
{
    json_t *params = ol_cli_params("name", job->id, NULL);
    const char *called = ol_cli_str(file, "name", "file");
    char why[OL_WHY_MAX] = "", name[OL_SAFE_NAME];
    struct ol_keep keep;
    struct ol_doc doc;
    int status = ol_keep_open(&keep, job->folder, why);

    json_object_set_new(params, "file", json_integer((json_int_t)k));
    if (job->until_ms >= 0) {
        int64_t left = job->until_ms - ol_when_tick_ms();

        json_object_set_new(params, "timeout_ms",
                            json_integer(left > 0 ? left : 0));
    }
    if (status == OL_EXIT_DONE) {
        job->rpc.fds = &keep.fd;
        job->rpc.n_fds = 1;
        status = ol_rpc_call(&job->rpc, "save", params, &doc, why);
    } else {
        json_decref(params);
    }
    ol_out_progress_end();
    if (status == OL_EXIT_DONE) {
        ol_doc_free(&doc);
        status = ol_keep_name(&keep, called, name, why);
    }
    ol_keep_close(&keep);
    if (status != OL_EXIT_DONE) {
        ol_out_fault("%s was not saved: %s", called, why);
        return status;
    }
    if (job->saved != NULL)
        json_array_append_new(
            job->saved, json_pack("{s:s,s:s++,s:O?,s:O?}", "name", called,
                                  "path", job->out, "/", name, "size",
                                  json_object_get(file, "size"), "hash",
                                  json_object_get(file, "hash")));
    else
        ol_out_line("%s/%s", job->out, name);
    fflush(stdout);
    return OL_EXIT_DONE;
}

static int save_all(struct job *job, const json_t *message)
{
    const json_t *files = json_object_get(message, "attachments"), *file;
    int status = OL_EXIT_DONE;
    size_t k;

    job->id = ol_cli_str(message, "id", job->name);
    if (json_array_size(files) == 0) {
        ol_out_fault("%s has no files: 'openline read' shows its text",
                     job->name);
        return OL_EXIT_MISSING;
    }
    json_array_foreach(files, k, file) {
        int one = save_one(job, k, file);

        if (one == OL_EXIT_DOWN)
            return OL_EXIT_FAILED; /* it was running */
        if (status == OL_EXIT_DONE)
            status = one;
    }
    return status;
}

static json_t *which(const char *name)
{
    json_t *params = ol_cli_params("name", name, NULL);

    json_object_set_new(params, "theirs", json_true());
    return params;
}

static int stop(struct ol_args *args)
{
    json_t *params = ol_cli_params("name", args->word[0], NULL);
    struct ol_doc doc;
    int status;

    if (ol_args_has(args, OL_OPT_OUT) || ol_args_has(args, OL_OPT_TIMEOUT)) {
        json_decref(params);
        return ol_cli_usage(args, "--stop saves nothing");
    }
    json_object_set_new(params, "stop", json_true());
    status = ol_cli_ask(args, "save", params, &doc);
    if (status != OL_EXIT_DONE)
        return status;
    if (!ol_cli_json(args, &doc))
        ol_out_line("What has not come of %s is not wanted any more; its "
                    "author is told.",
                    ol_cli_str(doc.value, "name", args->word[0]));
    ol_doc_free(&doc);
    return OL_EXIT_DONE;
}

int ol_verb_save(struct ol_args *args)
{
    struct job job = {.name = args->word[0],
                      .out = ol_args_has(args, OL_OPT_OUT)
                                 ? args->opt[OL_OPT_OUT]
                                 : ".",
                      .until_ms = -1};
    char why[OL_WHY_MAX] = "";
    struct ol_doc doc;
    int64_t ms;
    int status;

    if (ol_args_has(args, OL_OPT_STOP))
        return stop(args);
    status = ol_cli_station(args);
    if (status != OL_EXIT_DONE)
        return status;
    job.folder = ol_keep_folder(job.out, why);
    if (job.folder < 0)
        return ol_cli_fail(OL_EXIT_FAILED, why);
    if (ol_args_has(args, OL_OPT_TIMEOUT) &&
        ol_when_duration(args->opt[OL_OPT_TIMEOUT], &ms))
        job.until_ms = ol_when_tick_ms() + ms;
    if (ol_args_has(args, OL_OPT_JSON))
        job.saved = json_array();
    status = ol_rpc_open(&job.rpc, args->dir, why);
    if (status == OL_EXIT_DONE)
        status = ol_rpc_call(&job.rpc, "show", which(job.name), &doc, why);
    (void)ol_cli_fail(status, why);
    if (status == OL_EXIT_DONE) {
        job.rpc.timeout_ms = OL_RPC_FOR_EVER;
        job.rpc.notice = on_notice;
        status = save_all(&job, doc.value);
        ol_doc_free(&doc);
    }
    if (job.saved != NULL && json_array_size(job.saved) > 0) {
        char *text = json_dumps(job.saved, JSON_COMPACT);

        if (text != NULL)
            ol_out_json(text, strlen(text));
        free(text);
    }
    json_decref(job.saved);
    ol_rpc_close(&job.rpc);
    close(job.folder);
    return status;
}
