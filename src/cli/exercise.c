/*
 * exercise: what is declared on our side; and cancel, of one message or of all
 * that an exercise has left open.
 *
 * Happy path: ask, show. To cancel all, the open ones are asked for and taken
 * back one by one, each durable before it is printed; what could not be taken
 * back is named, and the same command again goes on from there.
 */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

static json_t *open_ones(struct ol_rpc *rpc, const char *peer,
                         struct ol_doc *doc, int *status,
                         char why[OL_WHY_MAX])
{
    rpc->timeout_ms = OL_RPC_FOR_EVER; /* a long log takes its time */
    *status = ol_rpc_call(rpc, "exercise",
                          ol_cli_params("peer", peer, "action", "open", NULL),
                          doc, why);
    return *status == OL_EXIT_DONE ? doc->value : NULL;
}

static void show(const json_t *doc)
{
    const char *peer = ol_cli_str(doc, "peer", "?");
    const char *refuse = ol_cli_str(doc, "refuse", "none");
    const json_t *x = json_object_get(doc, "exercise");
    char since[OL_CLI_TIME];

    ol_cli_ago(x, "since", "?", since);
    if (json_is_object(x))
        ol_out_tinted(OL_WARN, "EXERCISE EXERCISE EXERCISE: declared with %s "
                      "since %s, by %s.", peer, since,
                      ol_cli_str(x, "by", "?"));
    else
        ol_out_line("No exercise with %s is declared.", peer);
    if (strcmp(refuse, "actual") == 0 || strcmp(refuse, "both") == 0)
        ol_out_line("ACTUAL is refused during one.");
    if (strcmp(refuse, "exercise") == 0 || strcmp(refuse, "both") == 0)
        ol_out_line("EXERCISE is refused outside of one.");
}

/* What an exercise that is over has left. */
static void left_open(struct ol_args *args, const char *peer)
{
    char why[OL_WHY_MAX] = "";
    struct ol_rpc rpc;
    struct ol_doc doc;
    int status = ol_rpc_open(&rpc, args->dir, why);
    size_t n;

    if (status != OL_EXIT_DONE)
        return;
    n = json_array_size(open_ones(&rpc, peer, &doc, &status, why));
    ol_rpc_close(&rpc);
    if (status != OL_EXIT_DONE)
        return;
    ol_doc_free(&doc);
    if (n > 0)
        ol_out_tinted(OL_WARN, "%zu exercise message%s of ours %s still open: "
                      "'openline cancel --exercise %s' takes %s back", n,
                      n == 1 ? "" : "s", n == 1 ? "is" : "are", peer,
                      n == 1 ? "it" : "them");
}

int ol_verb_exercise(struct ol_args *args)
{
    const char *action = args->word[1];
    struct ol_doc doc;
    int status;

    if (action != NULL && strcmp(action, "begin") != 0 &&
        strcmp(action, "end") != 0)
        return ol_cli_usage(args, "an exercise begins or ends");
    status = ol_cli_ask(args, "exercise",
                        ol_cli_params("peer", args->word[0], "action", action,
                                      NULL), &doc);
    if (status != OL_EXIT_DONE)
        return status;
    if (!ol_cli_json(args, &doc)) {
        show(doc.value);
        if (action != NULL && strcmp(action, "end") == 0)
            left_open(args, args->word[0]);
    }
    ol_doc_free(&doc);
    return OL_EXIT_DONE;
}

/* One of them; with --json its cancel goes into out. */
static int cancel_one(struct ol_args *args, struct ol_rpc *rpc,
                      const json_t *m, json_t *out)
{
    const char *name = ol_cli_str(m, "name", ol_cli_str(m, "id", "?"));
    const char *id = ol_cli_str(m, "id", name);
    char why[OL_WHY_MAX] = "";
    struct ol_doc doc;
    int status = ol_rpc_call(rpc, "cancel",
                             ol_cli_params("name", id, "reason",
                                           args->word[1], NULL), &doc, why);

    if (status != OL_EXIT_DONE) {
        ol_out_fault("%s is not cancelled: %s", name, why);
        return status;
    }
    if (ol_args_has(args, OL_OPT_JSON))
        json_array_append(out, doc.value);
    else
        ol_out_line("%s is cancelled by %s", name,
                    ol_cli_str(doc.value, "name",
                               ol_cli_str(doc.value, "id", "?")));
    ol_doc_free(&doc);
    return OL_EXIT_DONE;
}

static void print(json_t *list)
{
    char *text = json_dumps(list, JSON_COMPACT);

    if (text != NULL)
        ol_out_json(text, strlen(text));
    free(text);
}

static int cancel_all(struct ol_args *args, struct ol_rpc *rpc)
{
    json_t *list, *m, *out = json_array();
    char why[OL_WHY_MAX] = "";
    struct ol_doc doc;
    size_t i, n = 0;
    int status, last = OL_EXIT_DONE;

    list = open_ones(rpc, args->word[0], &doc, &status, why);
    if (list == NULL) {
        json_decref(out);
        return ol_cli_fail(status, why);
    }
    json_array_foreach(list, i, m) {
        status = cancel_one(args, rpc, m, out);
        if (status != OL_EXIT_DONE)
            last = OL_EXIT_FAILED;
        else
            n++;
        if (status == OL_EXIT_DOWN)
            break;
    }
    if (ol_args_has(args, OL_OPT_JSON))
        print(out);
    else if (json_array_size(list) == 0)
        ol_out_line("No exercise message to %s is open.", args->word[0]);
    else
        ol_out_line("%zu of %zu cancelled.", n, json_array_size(list));
    ol_doc_free(&doc);
    json_decref(out);
    return last;
}

int ol_verb_cancel(struct ol_args *args)
{
    char why[OL_WHY_MAX] = "";
    struct ol_rpc rpc;
    int status;

    if (!ol_args_has(args, OL_OPT_EXERCISE))
        return ol_verb_say(args);
    status = ol_cli_station(args);
    if (status != OL_EXIT_DONE)
        return status;
    status = ol_rpc_open(&rpc, args->dir, why);
    if (status != OL_EXIT_DONE)
        return ol_cli_fail(status, why);
    status = cancel_all(args, &rpc);
    ol_rpc_close(&rpc);
    return status;
}
