/*
 * report: what a period was like, for a terminal, as JSON, or as a page.
 *
 * Happy path: ask once, show. The station computes; here is only how it is
 * shown. What is not known is said so. The page goes into a new file, whole or
 * not at all: nothing that is there is overwritten.
 */
#include "cli/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const ol_report_prec[OL_REPORT_PRECS] = {
    "flash", "immediate", "priority", "routine", "all"};
const char *const ol_report_rungs[] = {"delivered", "read", "understood",
                                       "answered", NULL};
const char *const ol_report_asks[] = {"asked", "answered", "declined",
                                      "understood", "withdrawn", "open",
                                      "overdue", NULL};

/* ---- parts of the document ---------------------------------------------- */

void ol_report_number(const json_t *object, const char *key,
                      char out[OL_REPORT_TEXT])
{
    const json_t *v = json_object_get(object, key);

    if (json_is_integer(v))
        snprintf(out, OL_REPORT_TEXT, "%lld",
                 (long long)json_integer_value(v));
    else
        snprintf(out, OL_REPORT_TEXT, "-");
}

void ol_report_times(const json_t *cell, const char *rung,
                     char out[OL_REPORT_TEXT])
{
    const json_t *t = json_object_get(json_object_get(cell, "times"), rung);
    char median[OL_WHEN_TEXT], worst[OL_WHEN_TEXT];

    snprintf(out, OL_REPORT_TEXT, "-");
    if (ol_cli_count(t, "n") == 0)
        return;
    ol_when_span((int64_t)ol_cli_count(t, "median_ms"), median);
    ol_when_span((int64_t)ol_cli_count(t, "worst_ms"), worst);
    snprintf(out, OL_REPORT_TEXT, "%.28s / %.28s", median, worst);
}

void ol_report_share(const json_t *object, const char *key,
                     char out[OL_REPORT_TEXT])
{
    const json_t *v = json_object_get(object, key);
    long hundredths = (long)(json_number_value(v) * 10000 + 1e-6);

    if (json_is_number(v))
        snprintf(out, OL_REPORT_TEXT, "%ld.%02ld %%", hundredths / 100,
                 hundredths % 100);
    else
        snprintf(out, OL_REPORT_TEXT, "not known");
}

void ol_report_span(const json_t *object, const char *key,
                    char out[OL_REPORT_TEXT])
{
    const json_t *v = json_object_get(object, key);

    if (json_is_integer(v))
        ol_when_span(json_integer_value(v), out);
    else
        snprintf(out, OL_REPORT_TEXT, "not known");
}

bool ol_report_moment(const json_t *object, const char *key, int64_t *ms)
{
    const char *text = ol_cli_str(object, key, NULL);

    return text != NULL && ol_when_time(text, 0, ms);
}

void ol_report_dark(const json_t *line, char out[256])
{
    const json_t *d = json_object_get(line, "darkness");
    char total[OL_REPORT_TEXT], longest[OL_REPORT_TEXT];
    char off[OL_REPORT_TEXT];
    long long n = json_integer_value(json_object_get(d, "count"));

    ol_report_span(d, "total_ms", total);
    ol_report_span(d, "longest_ms", longest);
    ol_report_span(d, "not_running_ms", off);
    if (!json_is_integer(json_object_get(d, "count")))
        snprintf(out, 256, "whether the line was dark is not known: nothing "
                 "was measured");
    else if (n == 0)
        snprintf(out, 256, "the line was never dark while this station ran");
    else
        snprintf(out, 256, "dark %lld time%s, %s in all, the longest %s", n,
                 n == 1 ? "" : "s", total, longest);
    if (ol_cli_count(d, "not_running_ms") > 0)
        snprintf(out + strlen(out), 256 - strlen(out),
                 "; this station did not run for %s, and what was then is "
                 "not known", off);
}

void ol_report_attended(const json_t *line, char out[160])
{
    const json_t *a = json_object_get(line, "attended");
    char there[OL_REPORT_TEXT], away[OL_REPORT_TEXT], not[OL_REPORT_TEXT];
    char share[OL_REPORT_TEXT];

    ol_report_share(a, "share", share);
    ol_report_span(a, "attended_ms", there);
    ol_report_span(a, "unattended_ms", away);
    ol_report_span(a, "unknown_ms", not);
    if (json_is_number(json_object_get(a, "share")))
        snprintf(out, 160, "%.16s of what is known: attended %.28s, "
                 "unattended %.28s, not known %.28s", share, there, away, not);
    else
        snprintf(out, 160, "not known: no officer was asked to confirm that "
                 "he is there");
}

/* ---- for a terminal ----------------------------------------------------- */

static void head(struct ol_table *t, const char *first,
                 const char *const *names)
{
    char upper[32];

    ol_table_cell(t, OL_FAINT, "%s", first);
    for (unsigned k = 0; names[k] != NULL; k++) {
        ol_cli_upper(names[k], upper);
        ol_table_cell(t, OL_FAINT, "%s", upper);
    }
}

static void show_counts(const json_t *side)
{
    static const char *const names[] = {
        "messages", "attempts", "delivered", "read", "understood",
        "answered", "declined", NULL};
    char text[OL_REPORT_TEXT];
    struct ol_table t;

    ol_table_init(&t, 8);
    head(&t, "", names);
    for (unsigned p = 0; p < OL_REPORT_PRECS; p++) {
        ol_table_cell(&t, OL_PLAIN, "%s", ol_report_prec[p]);
        for (unsigned k = 0; names[k] != NULL; k++) {
            ol_report_number(json_object_get(side, ol_report_prec[p]),
                             names[k], text);
            ol_table_cell(&t, OL_PLAIN, "%s", text);
        }
    }
    ol_table_print(&t, 2);
}

static void show_times(const json_t *side)
{
    char text[OL_REPORT_TEXT];
    struct ol_table t;

    ol_table_init(&t, 5);
    head(&t, "median / worst", ol_report_rungs);
    for (unsigned p = 0; p < OL_REPORT_PRECS; p++) {
        ol_table_cell(&t, OL_PLAIN, "%s", ol_report_prec[p]);
        for (unsigned k = 0; ol_report_rungs[k] != NULL; k++) {
            ol_report_times(json_object_get(side, ol_report_prec[p]),
                            ol_report_rungs[k], text);
            ol_table_cell(&t, OL_PLAIN, "%s", text);
        }
    }
    ol_table_print(&t, 2);
}

static void show_side(const json_t *line, const char *side, const char *title)
{
    const json_t *s = json_object_get(json_object_get(line, "messages"), side);
    unsigned long long apart = ol_cli_count(s, "not_actual");

    ol_out_line("%s", "");
    ol_out_tinted(OL_STRONG, "%s", title);
    show_counts(s);
    ol_out_line("%s", "");
    show_times(s);
    if (apart > 0)
        ol_out_line("  %llu more of exercises and tests, not counted above",
                    apart);
}

static void show_asks(const json_t *line)
{
    static const char *const sides[] = {"ours", "theirs"};
    char text[OL_REPORT_TEXT];
    struct ol_table t;

    ol_out_line("%s", "");
    ol_out_tinted(OL_STRONG, "Asks");
    ol_table_init(&t, 8);
    head(&t, "", ol_report_asks);
    for (unsigned s = 0; s < 2; s++) {
        ol_table_cell(&t, OL_PLAIN, "%s", sides[s]);
        for (unsigned k = 0; ol_report_asks[k] != NULL; k++) {
            ol_report_number(json_object_get(json_object_get(line, "asks"),
                                             sides[s]),
                             ol_report_asks[k], text);
            ol_table_cell(&t, OL_PLAIN, "%s", text);
        }
    }
    ol_table_print(&t, 2);
}

static void show_blackouts(const json_t *line)
{
    const json_t *list = json_object_get(line, "blackouts"), *b;
    char since[OL_CLI_TIME], end[OL_CLI_TIME];
    size_t i;

    json_array_foreach(list, i, b) {
        ol_cli_time(b, "since", "not known", since);
        ol_cli_time(b, "end",
                    json_is_false(json_object_get(b, "over")) ? "it lasts"
                                                              : "not known",
                    end);
        ol_out_line("  %s: %.15s to %.15s: %s", ol_cli_str(b, "kind", "?"),
                    since, end, ol_cli_str(b, "reason", "reason not known"));
    }
    if (ol_cli_count(line, "blackouts_left_out") > 0)
        ol_out_line("  and %llu before these",
                    (unsigned long long)ol_cli_count(line,
                                                     "blackouts_left_out"));
}

static void show_channels(const json_t *line)
{
    static const char *const names[] = {"available", "round trip", "loss",
                                        NULL};
    const json_t *all = json_object_get(line, "channels"), *c;
    char dark[256], share[OL_REPORT_TEXT], span[OL_REPORT_TEXT];
    const json_t *list = json_object_get(all, "channels");
    struct ol_table t;
    size_t i;

    ol_out_line("%s", "");
    ol_out_tinted(OL_STRONG, "The line");
    ol_report_dark(line, dark);
    ol_out_line("  darkness: %s", dark);
    show_blackouts(line);
    ol_report_share(all, "availability", share);
    ol_report_span(all, "measured_ms", span);
    ol_out_line("  available: %s; measured for %s", share, span);
    ol_report_attended(line, dark);
    ol_out_line("  attended here: %s", dark);
    if (json_array_size(list) == 0)
        return;
    ol_table_init(&t, 4);
    head(&t, "CHANNEL", names);
    json_array_foreach(list, i, c) {
        const json_t *rtt = json_object_get(c, "rtt_ms");

        ol_table_cell(&t, OL_PLAIN, "%s", ol_cli_str(c, "name", "?"));
        ol_report_share(c, "availability", share);
        ol_table_cell(&t, OL_PLAIN, "%s", share);
        if (json_is_object(rtt))
            ol_table_cell(&t, OL_PLAIN, "%.0f ms, at most %.0f ms",
                          json_number_value(json_object_get(rtt, "median")),
                          json_number_value(json_object_get(rtt, "max")));
        else
            ol_table_cell(&t, OL_PLAIN, "-");
        ol_report_share(c, "loss", share);
        ol_table_cell(&t, OL_PLAIN, "%s", share);
    }
    ol_table_print(&t, 2);
}

static void show(const json_t *line)
{
    const json_t *e = json_object_get(line, "effective");
    const char *state = ol_cli_str(e, "state", "unknown");
    char from[OL_CLI_TIME], to[OL_CLI_TIME], since[OL_CLI_TIME];

    ol_cli_time(line, "from", "?", from);
    ol_cli_time(line, "to", "?", to);
    ol_cli_time(e, "since", "", since);
    ol_out_tinted(OL_STRONG, "Report of %s on the line with %s",
                  ol_cli_str(line, "station", "?"),
                  ol_cli_str(line, "peer", "?"));
    ol_out_line("  from %s", from);
    ol_out_line("  to   %s", to);
    ol_out_line("%s", "");
    ol_out_tinted(strcmp(state, "no") == 0 ? OL_BAD : OL_STRONG,
                  "Effective communication at the end: %s%s%s", state,
                  since[0] ? ", since " : "", since);
    ol_out_line("  why: %s", ol_cli_str(e, "why", "not known"));
    ol_out_line("  %s", ol_cli_str(line, "sentence", ""));
    show_side(line, "ours", "Messages of ours, times from taken to their "
                            "word");
    show_side(line, "theirs", "Messages of theirs, times from arrival to our "
                              "word");
    show_asks(line);
    show_channels(line);
}

/* ---- a page ------------------------------------------------------------- */

static bool put_all(int fd, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t k = write(fd, text, n);

        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return false;
        text += k;
        n -= (size_t)k;
    }
    return fsync(fd) == 0;
}

static int put_file(const char *path, const char *text, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int error = errno;
    bool good;

    if (fd < 0) {
        if (error == EEXIST)
            ol_out_fault("%s is there already and nothing is overwritten: "
                         "name another file", path);
        else
            ol_out_fault("cannot make %s: %s: name a file that can be made",
                         path, strerror(error));
        return OL_EXIT_FAILED;
    }
    good = put_all(fd, text, n);
    error = errno;
    if (close(fd) == 0 && good)
        return OL_EXIT_DONE;
    (void)unlink(path); /* ours, and half of it */
    ol_out_fault("cannot write %s: %s: is there room?", path,
                 strerror(error));
    return OL_EXIT_FAILED;
}

static int make_page(const char *path, const json_t *lines)
{
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    int status = OL_EXIT_FAILED;

    if (to != NULL) {
        ol_report_page(to, lines);
        if (fclose(to) == 0)
            status = put_file(path, text, n);
        else
            ol_out_fault("no memory for the page: ask for one line");
    }
    free(text);
    return status;
}

/* ---- the verb ----------------------------------------------------------- */

/* A year of a busy line takes a while to count. */
static int ask(struct ol_args *args, json_t *params, struct ol_doc *doc)
{
    char why[OL_WHY_MAX] = "";
    struct ol_rpc rpc;
    int status = ol_cli_station(args);

    if (status != OL_EXIT_DONE) {
        json_decref(params);
        return status;
    }
    status = ol_rpc_open(&rpc, args->dir, why);
    rpc.timeout_ms = OL_RPC_FOR_EVER;
    if (status == OL_EXIT_DONE)
        status = ol_rpc_call(&rpc, "report", params, doc, why);
    else
        json_decref(params);
    ol_rpc_close(&rpc);
    return ol_cli_fail(status, why);
}

int ol_verb_report(struct ol_args *args)
{
    json_t *params = ol_cli_params("peer", args->word[0], NULL), *line;
    const char *path = args->opt[OL_OPT_HTML];
    struct ol_doc doc;
    int status;
    size_t i;

    ol_cli_time_param(params, "from", args->opt[OL_OPT_FROM]);
    ol_cli_time_param(params, "to", args->opt[OL_OPT_UNTIL]);
    status = ask(args, params, &doc);
    if (status != OL_EXIT_DONE)
        return status;
    if (path != NULL)
        status = make_page(path, doc.value);
    if (ol_cli_json(args, &doc)) {
        /* all is said */
    } else if (path != NULL) {
        if (status == OL_EXIT_DONE)
            ol_out_line("%s", path);
    } else {
        if (json_array_size(doc.value) == 0)
            ol_out_line("There is no line to report of.");
        json_array_foreach(doc.value, i, line) {
            if (i > 0)
                ol_out_line("%s", "");
            show(line);
        }
    }
    ol_doc_free(&doc);
    return status;
}
