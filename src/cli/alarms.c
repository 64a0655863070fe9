/*
 * alarms and metrics: what somebody must do something about, for people and
 * for machines.
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static enum ol_tint tint_of(const json_t *a)
{
    const char *state = ol_cli_str(a, "state", "");

    if (strcmp(state, "unacknowledged") != 0)
        return strcmp(state, "returned") == 0 ? OL_WARN : OL_FAINT;
    return strcmp(ol_cli_str(a, "priority", ""), "high") == 0 ? OL_BAD
                                                              : OL_WARN;
}

/* "3 HIGH  south  unacknowledged  231000Z NOV 26, 12 s ago (4 times)", and
 * below it what to do. */
static void show(const json_t *a)
{
    const char *state = ol_cli_str(a, "state", "?");
    const char *act = ol_cli_str(a, "do", "");
    uint64_t times = ol_cli_count(a, "count");
    char priority[32], at[OL_CLI_TIME], until[OL_CLI_TIME], more[64] = "";

    ol_cli_upper(ol_cli_str(a, "priority", ""), priority);
    ol_cli_ago(a, "last", "?", at);
    ol_cli_time(a, "shelved_until", "", until);
    if (times > 1)
        snprintf(more, sizeof(more), " (%llu times)",
                 (unsigned long long)times);
    ol_out_tinted(tint_of(a), "%llu %s  %s  %s%s%s%s%s  %s%s",
                  (unsigned long long)ol_cli_count(a, "n"), priority,
                  ol_cli_str(a, "line", "this station"), state,
                  strcmp(state, "acknowledged") == 0 ? " by " : "",
                  strcmp(state, "acknowledged") == 0 ? ol_cli_str(a, "by", "?")
                                                     : "",
                  *until ? " until " : "", until, at, more);
    ol_out_line("    %s%s%s", ol_cli_str(a, "what", "?"), *act ? ": " : "",
                act);
}

static int list(struct ol_args *args)
{
    json_t *params = json_object();
    const json_t *a;
    struct ol_doc doc;
    size_t i;
    int status;

    if (ol_args_has(args, OL_OPT_ALL))
        json_object_set_new(params, "all", json_true());
    status = ol_cli_ask(args, "alarms", params, &doc);
    if (status != OL_EXIT_DONE)
        return status;
    if (!ol_cli_json(args, &doc)) {
        json_array_foreach(doc.value, i, a) show(a);
        if (json_array_size(doc.value) == 0)
            ol_out_line("No alarm");
    }
    ol_doc_free(&doc);
    return OL_EXIT_DONE;
}

static int act(struct ol_args *args, json_int_t n)
{
    const char *action = args->word[0], *length = args->opt[OL_OPT_FOR];
    json_t *params = ol_cli_params("action", action, NULL);
    struct ol_doc doc;
    int64_t ms = 0;
    int status;

    json_object_set_new(params, "n", json_integer(n));
    if (length != NULL && ol_when_duration(length, &ms))
        json_object_set_new(params, "for_ms", json_integer(ms));
    status = ol_cli_ask(args, "alarms", params, &doc);
    if (status != OL_EXIT_DONE)
        return status;
    if (!ol_cli_json(args, &doc)) {
        uint64_t done = ol_cli_count(doc.value, "done");

        if (done > 1)
            ol_out_line("%llu alarms are acknowledged",
                        (unsigned long long)done);
        else
            ol_out_line("alarm %" JSON_INTEGER_FORMAT " is %s", n,
                        ol_cli_str(doc.value, "state", "?"));
    }
    ol_doc_free(&doc);
    return OL_EXIT_DONE;
}

int ol_verb_alarms(struct ol_args *args)
{
    const char *action = args->word[0], *number = args->word[1];
    bool acks = action && strcmp(action, "ack") == 0;
    bool shelves = action && strcmp(action, "shelve") == 0;
    char *end = NULL;
    json_int_t n;

    if (action != NULL && !acks && !shelves)
        return ol_cli_usage(args, "ack or shelve an alarm, by its number");
    if (shelves != ol_args_has(args, OL_OPT_FOR))
        return ol_cli_usage(args, shelves ? "shelve needs --for DURATION"
                                          : "--for goes with shelve");
    if (action != NULL && ol_args_has(args, OL_OPT_ALL))
        return ol_cli_usage(args, "--all goes with the list");
    if (action == NULL)
        return list(args);
    errno = 0;
    n = number ? strtoll(number, &end, 10) : 0;
    if (number == NULL || number[0] < '1' || number[0] > '9' ||
        *end != '\0' || errno != 0)
        return ol_cli_usage(args, "the number of an alarm is missing, or is "
                            "none");
    return act(args, n);
}

int ol_verb_metrics(struct ol_args *args)
{
    struct ol_doc doc;
    int status = ol_cli_ask(args, "metrics", json_object(), &doc);

    if (status != OL_EXIT_DONE)
        return status;
    if (!ol_cli_json(args, &doc))
        fputs(ol_cli_str(doc.value, "text", ""), stdout);
    ol_doc_free(&doc);
    return OL_EXIT_DONE;
}
