/*
 * The verbs that say something: send, and what answers, declines, replaces or
 * takes back.
 *
 * Happy path: check the text, open the files, give the record an id, ask the
 * station, print its name, and with --wait wait for a rung. The id is made
 * here, so that a station that ends half-way leaves something to look for: the
 * message may have been taken. Texts that no record can hold are refused before
 * that.
 */
#include "base/id.h"
#include "cli/attach.h"
#include "cli/cli.h"
#include "cli/when.h"

#include <openline/record.h>

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define ID_TEXT (2 * OL_ID_SIZE + 1)

/* What a verb's two words are to the station. */
static const struct manner {
    const char *verb, *to, *text;
    bool bare; /* also without a text */
} manners[] = {
    {"send", "peer", "text", false},
    {"ask", "peer", "text", false},
    {"announce", "peer", "text", false},
    {"answer", "name", "text", false},
    {"decline", "name", "reason", false},
    {"supersede", "name", "text", false},
    {"cancel", "name", "reason", true},
};

static const struct manner *manner_of(const char *verb)
{
    const struct manner *m = manners;

    while (strcmp(m->verb, verb) != 0)
        m++;
    return m;
}

/* stdin, whole; a newline at its end is the shell's, not the message's. */
static int from_stdin(char *text, size_t max, size_t *n)
{
    *n = fread(text, 1, max, stdin);
    if (ferror(stdin)) {
        ol_out_fault("cannot read the text from stdin: is it a file?");
        return OL_EXIT_FAILED;
    }
    if (*n > 0 && *n < max && text[*n - 1] == '\n')
        --*n;
    return OL_EXIT_DONE;
}

/* What a record can hold: 1 to 4,096 bytes of UTF-8. */
static int check_text(const char *text, size_t n, bool files)
{
    if (n == 0 && !files) {
        ol_out_fault("the text is empty: give it in quotes, or - to read it "
                     "from stdin");
        return OL_EXIT_USAGE;
    }
    if (n > OL_TEXT_MAX) {
        ol_out_fault("the text is longer than %u bytes: send it as a file, "
                     "with --file", OL_TEXT_MAX);
        return OL_EXIT_USAGE;
    }
    if (!ol_span_utf8(OL_SPAN(text, n))) {
        ol_out_fault("the text is not UTF-8: convert it, for example with "
                     "'iconv -f LATIN1 -t UTF-8', and send it again");
        return OL_EXIT_USAGE;
    }
    return OL_EXIT_DONE;
}

/* The text of the command line or of stdin, checked, into text. */
static int take_text(const struct ol_args *args, bool bare, char *text,
                     size_t max)
{
    const char *given = args->word[1];
    size_t n;
    int status;

    text[0] = '\0';
    if (given == NULL && (args->n_files > 0 || bare))
        return OL_EXIT_DONE;
    if (given == NULL)
        return ol_cli_usage(args, "there is no text: give it in quotes, or - "
                                  "to read it from stdin");
    if (strcmp(given, "-") == 0) {
        status = from_stdin(text, max - 1, &n);
        if (status != OL_EXIT_DONE)
            return status;
    } else {
        n = strnlen(given, max - 1);
        memcpy(text, given, n);
    }
    text[n] = '\0';
    return check_text(text, n, args->n_files > 0);
}

/* Given with the message, so that the same command again is no second one. */
static void new_id(char out[ID_TEXT])
{
    uint8_t id[OL_ID_SIZE];

    if (getrandom(id, sizeof(id), 0) != (ssize_t)sizeof(id))
        abort();
    ol_id_stamp(id, (uint64_t)ol_when_now_ms());
    for (size_t i = 0; i < sizeof(id); i++)
        snprintf(out + 2 * i, 3, "%02x", id[i]);
}

/* The message's name, or its id while it has no number. */
static const char *name_of(const struct ol_doc *doc, const char *id)
{
    const char *name = ol_cli_str(doc->value, "name", NULL);

    return name ? name : ol_cli_str(doc->value, "id", id);
}

/* Waits for the rung; doc becomes what the station says then. */
static int wait_rung(struct ol_args *args, struct ol_rpc *rpc,
                     struct ol_doc *doc, char why[OL_WHY_MAX])
{
    const char *name = ol_cli_str(doc->value, "id", NULL);
    json_t *params = ol_cli_params("name", name, "rung",
                                   args->opt[OL_OPT_WAIT], NULL);
    struct ol_doc after;
    int64_t ms;
    int status;

    if (args->opt[OL_OPT_TIMEOUT] != NULL &&
        ol_when_duration(args->opt[OL_OPT_TIMEOUT], &ms))
        json_object_set_new(params, "timeout_ms", json_integer(ms));
    rpc->timeout_ms = OL_RPC_FOR_EVER;
    status = ol_rpc_call(rpc, "wait", params, &after, why);
    if (status != OL_EXIT_DONE)
        return status;
    if (json_object_get(after.value, "rung") != NULL) {
        ol_doc_free(doc);
        *doc = after;
    } else {
        ol_doc_free(&after);
    }
    return OL_EXIT_DONE;
}

static void on_notice(void *arg, const char *method, const json_t *params)
{
    (void)arg;
    if (strcmp(method, "progress") == 0)
        ol_cli_progress(params);
}

static int send_it(struct ol_args *args, struct ol_rpc *rpc, json_t *params,
                   const char *id)
{
    char why[OL_WHY_MAX] = "";
    bool json = ol_args_has(args, OL_OPT_JSON);
    struct ol_doc doc;
    int status = ol_rpc_call(rpc, args->verb->name, params, &doc, why);

    ol_out_progress_end();
    if (status == OL_EXIT_DOWN) {
        ol_out_fault("the station ended half-way: message %s may have been "
                     "taken: start the station and look for it in its log "
                     "before you send it again", id);
        return OL_EXIT_FAILED;
    }
    if (status != OL_EXIT_DONE)
        return ol_cli_fail(status, why);
    if (!json) {
        ol_out_line("%s", name_of(&doc, id));
        fflush(stdout);
    }
    if (ol_args_has(args, OL_OPT_WAIT))
        status = wait_rung(args, rpc, &doc, why);
    ol_out_progress_end();
    if (json)
        ol_cli_json(args, &doc);
    ol_doc_free(&doc);
    /* It was running, and it has the message. */
    return ol_cli_fail(status == OL_EXIT_DOWN ? OL_EXIT_FAILED : status, why);
}

static json_t *params_of(const struct ol_args *args, const struct manner *m,
                         const char *text, const char *id)
{
    json_t *params = ol_cli_params(
        m->to, args->word[0], m->text, *text || !m->bare ? text : NULL,
        "subject", args->opt[OL_OPT_SUBJECT], "precedence",
        args->opt[OL_OPT_PRECEDENCE], "lang", args->opt[OL_OPT_LANG],
        "marking", args->opt[OL_OPT_MARKING], "to", args->opt[OL_OPT_ROLE],
        "by", args->opt[OL_OPT_BY], "expires", args->opt[OL_OPT_EXPIRES],
        "fulfils", args->opt[OL_OPT_FULFILS], "id", id, NULL);

    for (unsigned k = 0; k < args->n_phrases; k++) {
        if (k == 0)
            json_object_set_new(params, "critical", json_array());
        json_array_append_new(json_object_get(params, "critical"),
                              json_string(args->phrase[k]));
    }
    return params;
}

int ol_verb_say(struct ol_args *args)
{
    static char text[OL_TEXT_MAX + 3];
    const struct manner *m = manner_of(args->verb->name);
    char why[OL_WHY_MAX] = "", id[ID_TEXT];
    struct ol_attach files = {.n = 0};
    struct ol_rpc rpc;
    json_t *params;
    int status;

    if (ol_args_has(args, OL_OPT_TIMEOUT) && !ol_args_has(args, OL_OPT_WAIT))
        return ol_cli_usage(args, "--timeout is for --wait RUNG");
    status = take_text(args, m->bare, text, sizeof(text));
    if (status != OL_EXIT_DONE)
        return status;
    if (!ol_span_utf8(ol_span_str(args->word[0])))
        return ol_cli_usage(args, strcmp(m->to, "peer") == 0
                                      ? "PEER is not UTF-8"
                                      : "NAME is not UTF-8");
    status = ol_cli_station(args);
    if (status != OL_EXIT_DONE)
        return status;
    status = ol_rpc_open(&rpc, args->dir, why);
    if (status != OL_EXIT_DONE)
        return ol_cli_fail(status, why);
    new_id(id);
    params = params_of(args, m, text, id);
    status = ol_attach_open(&files, args, params);
    rpc.fds = files.fds;
    rpc.n_fds = files.n;
    rpc.notice = on_notice;
    if (files.n > 0)
        rpc.timeout_ms = OL_RPC_FOR_EVER; /* they may be large */
    if (status == OL_EXIT_DONE)
        status = send_it(args, &rpc, params, id);
    else
        json_decref(params);
    ol_attach_close(&files);
    ol_rpc_close(&rpc);
    return status;
}
