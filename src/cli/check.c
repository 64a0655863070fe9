/*
 * check, checks: a line check now, and what became of those before.
 *
 * Happy path: the station sends a numbered text through every channel; with
 * --wait the answer of the other one is shown, or exit status 4 says that none
 * came in time.
 */
#include "cli/cli.h"

#include <string.h>

/* "0.34 s" or "never". */
static void after(const json_t *doc, char out[32])
{
    const json_t *ms = json_object_get(doc, "after_ms");

    if (json_is_integer(ms))
        snprintf(out, 32, "%.2f s", (double)json_integer_value(ms) / 1000);
    else
        snprintf(out, 32, "-");
}

/* "cable radio(unheard)": what it went by, as far as the other side said that
 * it hears us there. */
static void channels(const json_t *check, char out[256])
{
    const json_t *one;
    size_t i, n = 0;

    out[0] = '\0';
    json_array_foreach(json_object_get(check, "channels"), i, one) {
        const char *sees = ol_cli_str(one, "peer_sees", "unknown");
        bool up = strcmp(sees, "up") == 0;

        if (n >= 256)
            break;
        n += (size_t)snprintf(out + n, 256 - n, "%s%s%s%s%s", n ? " " : "",
                              ol_cli_str(one, "name", "?"), up ? "" : " (",
                              up ? "" : sees, up ? "" : ")");
    }
}

static enum ol_tint tint_of(const char *state)
{
    if (strcmp(state, "answered") == 0)
        return OL_GOOD;
    return strcmp(state, "missed") == 0 ? OL_BAD : OL_WARN;
}

/* Their officer's word, the furthest. */
static void officer(const json_t *check, char out[64])
{
    const json_t *word = json_object_get(check, "understood");
    const char *did = "understood";
    char time[32];

    if (!json_is_object(word)) {
        word = json_object_get(check, "read");
        did = "read";
    }
    after(word, time);
    if (json_is_object(word))
        snprintf(out, 64, "%s, %s", did, time);
    else
        snprintf(out, 64, "-");
}

static void table(const json_t *list)
{
    static const char *const head[] = {"CHECK", "LINE", "AT", "STATE",
                                       "STATION", "OFFICER", "WENT BY"};
    const json_t *c;
    struct ol_table t;
    size_t i;

    if (json_array_size(list) == 0) {
        ol_out_line("No line check was made yet.");
        return;
    }
    ol_table_init(&t, 7);
    ol_table_head(&t, head);
    json_array_foreach(list, i, c) {
        const char *state = ol_cli_str(c, "state", "?");
        const char *why = ol_cli_str(c, "why", "");
        char time[OL_CLI_TIME], station[32], man[64], by[256];

        ol_cli_ago(c, "at", "-", time);
        after(c, station);
        officer(c, man);
        channels(c, by);
        if (json_is_integer(json_object_get(c, "check")))
            ol_table_cell(&t, OL_STRONG, "%llu",
                          (unsigned long long)ol_cli_count(c, "check"));
        else
            ol_table_cell(&t, OL_STRONG, "-");
        ol_table_cell(&t, OL_PLAIN, "%s", ol_cli_str(c, "line", "?"));
        ol_table_cell(&t, OL_PLAIN, "%s", time);
        ol_table_cell(&t, tint_of(state), "%s%s%s", state, *why ? ": " : "",
                      why);
        ol_table_cell(&t, OL_PLAIN, "%s", station);
        ol_table_cell(&t, OL_PLAIN, "%s", man);
        ol_table_cell(&t, OL_PLAIN, "%s", by);
    }
    ol_table_print(&t, 0);
}

static void show(const json_t *c, const char *peer)
{
    unsigned long long n = ol_cli_count(c, "check");
    char time[32], by[256];

    if (strcmp(ol_cli_str(c, "state", ""), "waiting") == 0) {
        ol_out_line("Line check %llu to %s is under way as %s: 'openline "
                    "checks %s' tells what became of it.", n, peer,
                    ol_cli_str(c, "name", "a message"), peer);
        return;
    }
    after(c, time);
    channels(c, by);
    ol_out_tinted(OL_GOOD, "Line check %llu: the station of %s answered after "
                  "%s.", n, peer, time);
    if (*by != '\0')
        ol_out_line("It went by: %s.", by);
}

int ol_verb_check(struct ol_args *args)
{
    json_t *params = ol_cli_params("peer", args->word[0], NULL);
    char why[OL_WHY_MAX] = "";
    struct ol_rpc rpc;
    struct ol_doc doc;
    int status = ol_cli_station(args);

    if (status == OL_EXIT_DONE)
        status = ol_rpc_open(&rpc, args->dir, why);
    if (status != OL_EXIT_DONE) {
        json_decref(params);
        return ol_cli_fail(status, why);
    }
    if (ol_args_has(args, OL_OPT_HEARD)) {
        json_object_set_new(params, "wait", json_true());
        rpc.timeout_ms = OL_RPC_FOR_EVER;
    }
    status = ol_rpc_call(&rpc, "check", params, &doc, why);
    ol_rpc_close(&rpc);
    if (status != OL_EXIT_DONE)
        return ol_cli_fail(status, why);
    if (!ol_cli_json(args, &doc))
        show(doc.value, args->word[0]);
    ol_doc_free(&doc);
    return OL_EXIT_DONE;
}

int ol_verb_checks(struct ol_args *args)
{
    struct ol_doc doc;
    int status = ol_cli_ask(args, "checks",
                            ol_cli_params("peer", args->word[0], NULL), &doc);

    if (status != OL_EXIT_DONE)
        return status;
    if (!ol_cli_json(args, &doc))
        table(doc.value);
    ol_doc_free(&doc);
    return OL_EXIT_DONE;
}
