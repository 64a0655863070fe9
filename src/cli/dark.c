/*
 * blackouts, history: how it was.
 *
 * Happy path: ask, show a table; times as date-time groups, spans in words a
 * tired officer reads at once. What is not known is a dash.
 */
#include "cli/cli.h"

#include <string.h>

static long long number(const json_t *doc, const char *key)
{
    return (long long)json_integer_value(json_object_get(doc, key));
}

static const char *span_of(const json_t *doc, const char *key,
                           char out[OL_WHEN_TEXT])
{
    if (json_is_integer(json_object_get(doc, key)))
        ol_when_span(number(doc, key), out);
    else
        snprintf(out, OL_WHEN_TEXT, "-");
    return out;
}

/* "flash 1, routine 450"; false: there is nothing, or nobody knows. */
bool ol_cli_counts(const json_t *counts, char out[128])
{
    static const char *const precs[] = {"flash", "immediate", "priority",
                                        "routine"};
    size_t n = 0;

    out[0] = '\0';
    for (unsigned p = 0; p < 4; p++) {
        long long v = number(counts, precs[p]);

        if (v > 0 && n < 100)
            n += (size_t)snprintf(out + n, 128 - n, "%s%s %lld",
                                  n > 0 ? ", " : "", precs[p], v);
    }
    return n > 0;
}

static void counts_line(const json_t *doc, const char *key, const char *says)
{
    char text[128];

    if (ol_cli_counts(json_object_get(doc, key), text))
        ol_out_line("    %s: %s", says, text);
}

static void show_offs(const json_t *list)
{
    char from[OL_CLI_TIME], to[OL_CLI_TIME];
    const json_t *off;
    size_t k;

    json_array_foreach(list, k, off) {
        ol_cli_time(off, "from", "-", from);
        ol_cli_time(off, "to", "-", to);
        ol_out_line("    this station was not running (%s): %s to %s",
                    ol_cli_str(off, "why", "?"), from, to);
    }
}

static void show_blackout(const json_t *e)
{
    bool dark = strcmp(ol_cli_str(e, "kind", ""), "dark") == 0;
    bool over = json_is_true(json_object_get(e, "over"));
    char since[OL_CLI_TIME], end[OL_CLI_TIME], span[OL_WHEN_TEXT];
    const char *by = ol_cli_str(e, "back_by", "");
    const json_t *caught = json_object_get(e, "caught_up");

    ol_cli_time(e, "since", "(unknown)", since);
    ol_cli_time(e, "end", over ? "(unknown)" : "now", end);
    (void)span_of(e, "lasted_ms", span);
    ol_out_tinted(over ? OL_PLAIN : OL_BAD, "%s: %s since %s, until %s (%s)",
                  ol_cli_str(e, "line", "?"),
                  dark ? "dark" : "this station was not running", since,
                  end, span);
    if (over && *by)
        ol_out_line("    back by %s", by);
    if (dark)
        ol_out_line("    %s", ol_cli_str(e, "reason", "why is not known"));
    ol_cli_time(e, "detected", "", since);
    if (*since != '\0')
        ol_out_line("    detected: %s", since);
    if (dark)
        show_offs(json_object_get(e, "not_running"));
    counts_line(e, "went", "went meanwhile, by courier");
    counts_line(e, "came", "came meanwhile, by courier");
    counts_line(e, "waited", "waited at the return");
    if (json_is_object(caught)) {
        ol_cli_time(caught, "at", "?", end);
        ol_out_line("    all that waited had gone: %s", end);
    }
}

int ol_verb_blackouts(struct ol_args *args)
{
    json_t *params = ol_cli_params("peer", args->word[0], NULL);
    struct ol_doc doc;
    const json_t *e;
    size_t k;
    int status;

    ol_cli_time_param(params, "from", args->opt[OL_OPT_FROM]);
    ol_cli_time_param(params, "to", args->opt[OL_OPT_UNTIL]);
    status = ol_cli_ask(args, "blackouts", params, &doc);
    if (status != OL_EXIT_DONE)
        return status;
    if (!ol_cli_json(args, &doc)) {
        json_array_foreach(doc.value, k, e) show_blackout(e);
        if (json_array_size(doc.value) == 0)
            ol_out_line("No blackout is noted.");
    }
    ol_doc_free(&doc);
    return OL_EXIT_DONE;
}

/* ---- history ------------------------------------------------------------ */

/* "99.93 %": cut, never rounded up to all. */
static void share(const json_t *v, char out[16])
{
    if (json_is_real(v) || json_is_integer(v))
        snprintf(out, 16, "%.2f %%",
                 (double)(long long)(json_number_value(v) * 10000) / 100);
    else
        snprintf(out, 16, "-");
}

static void rtt(const json_t *v, char out[48])
{
    if (json_is_object(v))
        snprintf(out, 48, "%.1f/%.1f/%.1f ms",
                 json_number_value(json_object_get(v, "min")),
                 json_number_value(json_object_get(v, "median")),
                 json_number_value(json_object_get(v, "max")));
    else
        snprintf(out, 48, "-");
}

/* What was not up, as "down 30 s, one-way 12 s". */
static void troubles(const json_t *states, char out[160])
{
    static const char *const names[] = {"one-way", "doubtful", "down",
                                        "fresh",   "disabled", "idle"};
    size_t n = 0;

    snprintf(out, 160, "-");
    for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
        long long ms = number(states, names[k]);
        char span[OL_WHEN_TEXT];

        if (ms <= 0 || n > 110)
            continue;
        ol_when_span(ms, span);
        n += (size_t)snprintf(out + n, 160 - n, "%s%s %s", n > 0 ? ", " : "",
                              names[k], span);
    }
}

static void row_cells(struct ol_table *t, const json_t *row, const char *at)
{
    const json_t *c;
    char text[16], loss[16], times[48], rest[160];
    size_t k;

    json_array_foreach(json_object_get(row, "channels"), k, c) {
        share(json_object_get(c, "availability"), text);
        share(json_object_get(c, "loss"), loss);
        rtt(json_object_get(c, "rtt_ms"), times);
        troubles(json_object_get(c, "states_ms"), rest);
        ol_table_cell(t, OL_PLAIN, "%s", k == 0 ? at : "");
        ol_table_cell(t, OL_STRONG, "%s", ol_cli_str(c, "name", "?"));
        ol_table_cell(t, OL_PLAIN, "%s", text);
        ol_table_cell(t, OL_PLAIN, "%s", rest);
        ol_table_cell(t, OL_PLAIN, "%s", times);
        ol_table_cell(t, OL_PLAIN, "%s", loss);
        ol_table_cell(t, OL_PLAIN, "%lld/%lld", number(c, "frames_sent"),
                      number(c, "frames_received"));
    }
}

static void show_history(const json_t *doc)
{
    static const char *const head[] = {"FROM", "CHANNEL", "OPEN", "NOT UP",
                                       "ROUND TRIP", "LOSS", "FRAMES"};
    const json_t *total = json_object_get(doc, "total"), *row;
    char from[OL_CLI_TIME], to[OL_CLI_TIME], text[16], span[OL_WHEN_TEXT];
    struct ol_table t;
    size_t k;

    ol_cli_time(doc, "from", "?", from);
    ol_cli_time(doc, "to", "?", to);
    share(json_object_get(total, "availability"), text);
    ol_out_line("%s, %s to %s, by the %s", ol_cli_str(doc, "line", "?"), from,
                to, ol_cli_str(doc, "step", "?"));
    ol_out_line("Measured for %s of it; open for %s of that.",
                span_of(total, "measured_ms", span), text);
    ol_table_init(&t, 7);
    ol_table_head(&t, head);
    json_array_foreach(json_object_get(doc, "rows"), k, row) {
        char at[OL_CLI_TIME];

        ol_cli_time(row, "at", "?", at);
        at[14] = '\0'; /* the group alone: "231000Z NOV 26" */
        row_cells(&t, row, at);
    }
    row_cells(&t, total, "all");
    ol_table_print(&t, 0);
}

int ol_verb_history(struct ol_args *args)
{
    json_t *params = ol_cli_params("peer", args->word[0], "channel",
                                   args->opt[OL_OPT_CHANNEL], NULL);
    struct ol_doc doc;
    int status;

    ol_cli_time_param(params, "from", args->opt[OL_OPT_FROM]);
    ol_cli_time_param(params, "to", args->opt[OL_OPT_UNTIL]);
    status = ol_cli_ask(args, "history", params, &doc);
    if (status != OL_EXIT_DONE)
        return status;
    if (!ol_cli_json(args, &doc))
        show_history(doc.value);
    ol_doc_free(&doc);
    return OL_EXIT_DONE;
}
