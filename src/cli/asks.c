/*
 * ask and announce: what wants an answer by a time, and what will be done by
 * one. asks: those that are open.
 */
#include "cli/cli.h"

#include <string.h>

int ol_verb_ask(struct ol_args *args)
{
    if (!ol_args_has(args, OL_OPT_BY))
        return ol_cli_usage(args, "by when is it to be answered");
    return ol_verb_say(args);
}

/* "overdue for 5 min", "in 2 h 3 min"; by the clock that decides, as far as
 * the station knows it. */
static enum ol_tint due(const json_t *ask, char out[64])
{
    const json_t *overdue = json_object_get(ask, "overdue");
    int64_t offset = json_integer_value(json_object_get(ask,
                                                        "clock_offset_ms"));
    char span[OL_WHEN_TEXT];
    int64_t ms, left;

    if (!ol_when_time(ol_cli_str(ask, "deadline", ""), 0, &ms)) {
        snprintf(out, 64, "no deadline");
        return OL_PLAIN;
    }
    left = ms - ol_when_now_ms() - offset;
    ol_when_span(left < 0 ? -left : left, span);
    if (json_is_true(overdue))
        snprintf(out, 64, "overdue for %s", span);
    else if (json_is_false(overdue))
        snprintf(out, 64, "in %s", span);
    else
        snprintf(out, 64, "not known yet");
    return json_is_true(overdue) ? OL_BAD : OL_PLAIN;
}

/* Below an ask: what its station did about it. */
static void escalation(const json_t *ask)
{
    const json_t *list = json_object_get(ask, "escalation"), *one;
    const char *name = ol_cli_str(ask, "name", "?");
    size_t i;

    json_array_foreach(list, i, one) {
        const char *reminder = ol_cli_str(one, "reminder", NULL);
        char at[OL_CLI_TIME];

        ol_cli_ago(one, "at", "", at);
        ol_out_tinted(OL_FAINT, "  %s: %s%s%s, %s", name,
                      ol_cli_str(one, "step", "?"), reminder ? " as " : "",
                      reminder ? reminder : "", at);
    }
}

int ol_verb_asks(struct ol_args *args)
{
    static const char *const head[] = {"ask", "precedence", "whose", "wanted",
                                       "by", "rung", "subject"};
    struct ol_table t;
    struct ol_doc doc;
    json_t *ask;
    size_t i;
    int status = ol_cli_ask(args, "asks",
                            ol_cli_params("peer", args->word[0], NULL), &doc);

    if (status != OL_EXIT_DONE)
        return status;
    if (ol_cli_json(args, &doc)) {
        ol_doc_free(&doc);
        return OL_EXIT_DONE;
    }
    if (json_array_size(doc.value) == 0)
        ol_out_line("%s", "Nothing is open.");
    ol_table_init(&t, 7);
    if (json_array_size(doc.value) > 0)
        ol_table_head(&t, head);
    json_array_foreach(doc.value, i, ask) {
        bool theirs = strcmp(ol_cli_str(ask, "author", ""),
                             ol_cli_str(ask, "line", "?")) == 0;
        bool told = strcmp(ol_cli_str(ask, "kind", ""), "ask") != 0;
        char upper[32], when[64], by[OL_WHEN_TEXT] = "";
        enum ol_tint tint = due(ask, when);
        int64_t ms;

        ol_cli_upper(ol_cli_str(ask, "precedence", "?"), upper);
        if (ol_when_time(ol_cli_str(ask, "deadline", ""), 0, &ms))
            ol_when_group(ms, by);
        ol_table_cell(&t, OL_STRONG, "%s", ol_cli_str(ask, "name", "?"));
        ol_table_cell(&t, OL_PLAIN, "%s", upper);
        ol_table_cell(&t, OL_PLAIN, "%s%s", theirs ? "theirs" : "ours",
                      told ? ", announced" : "");
        ol_table_cell(&t, tint, "%s", when);
        ol_table_cell(&t, OL_PLAIN, "%s by %s's clock", by,
                      ol_cli_str(ask, "clock", "?"));
        ol_table_cell(&t, OL_PLAIN, "%s", ol_cli_str(ask, "rung", "?"));
        ol_table_cell(&t, OL_PLAIN, "%s", ol_cli_str(ask, "subject", ""));
    }
    ol_table_print(&t, 0);
    json_array_foreach(doc.value, i, ask)
        escalation(ask);
    ol_doc_free(&doc);
    return OL_EXIT_DONE;
}

int ol_verb_announce(struct ol_args *args)
{
    if (!ol_args_has(args, OL_OPT_BY))
        return ol_cli_usage(args, "by when is it to be done");
    return ol_verb_say(args);
}
