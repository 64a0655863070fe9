/*
 * What was said: inbox, read, understood, log.
 *
 * Happy path: ask, show. Only `read` shows the text of what arrived, and with
 * that gives the receipt; `inbox` and `log` give none. Texts of the other
 * side stand behind two blanks and without control characters.
 */
#include "cli/cli.h"
#include "cli/files.h"

#include <string.h>

/* The colour of a precedence; FLASH is to be seen across the room. */
static enum ol_tint urgency(const char *precedence)
{
    if (strcmp(precedence, "flash") == 0)
        return OL_BAD;
    return strcmp(precedence, "immediate") == 0 ? OL_WARN : OL_PLAIN;
}

/* Name, or id while there is no name. */
static const char *called(const json_t *m)
{
    return ol_cli_str(m, "name", ol_cli_str(m, "id", "?"));
}

/* "EXERCISE" where it is not meant in earnest, else nothing. */
static void marking(const json_t *m, char out[32])
{
    const char *word = ol_cli_str(m, "marking", "actual");

    ol_cli_upper(strcmp(word, "actual") == 0 ? "" : word, out);
}

/* "answers south:north/4", the first reference; or nothing. */
static void reference(const json_t *m, char out[128])
{
    const json_t *ref = json_array_get(json_object_get(m, "refs"), 0);

    out[0] = '\0';
    if (ref != NULL)
        snprintf(out, 128, "%s %s", ol_cli_str(ref, "rel", "?"),
                 ol_cli_str(ref, "name", "?"));
}

int ol_verb_inbox(struct ol_args *args)
{
    static const char *const head[] = {"NAME", "PRECEDENCE", "MARKING",
                                       "ARRIVED", "", "RUNG", "FILES",
                                       "SUBJECT"};
    json_t *params = ol_cli_params("peer", args->word[0], NULL), *m;
    struct ol_table t;
    struct ol_doc doc;
    size_t i;
    int status;

    if (ol_args_has(args, OL_OPT_ALL))
        json_object_set_new(params, "all", json_true());
    status = ol_cli_ask(args, "inbox", params, &doc);
    if (status != OL_EXIT_DONE)
        return status;
    if (ol_cli_json(args, &doc)) {
        ol_doc_free(&doc);
        return OL_EXIT_DONE;
    }
    if (json_array_size(doc.value) == 0)
        ol_out_line("%s", ol_args_has(args, OL_OPT_ALL)
                              ? "Nothing has arrived."
                              : "Nothing is waiting: all that arrived is "
                                "understood.");
    ol_table_init(&t, 8);
    if (json_array_size(doc.value) > 0)
        ol_table_head(&t, head);
    json_array_foreach(doc.value, i, m) {
        const char *precedence = ol_cli_str(m, "precedence", "?");
        char upper[32], mark[32], group[OL_WHEN_TEXT] = "";
        const char *arrived = ol_cli_str(m, "arrived", "");
        char files[OL_FILES_TEXT];
        int64_t ms;

        ol_cli_upper(precedence, upper);
        marking(m, mark);
        if (ol_when_time(arrived, 0, &ms))
            ol_when_group(ms, group);
        ol_table_cell(&t, OL_STRONG, "%s", called(m));
        ol_table_cell(&t, urgency(precedence), "%s", upper);
        ol_table_cell(&t, OL_WARN, "%s", mark);
        ol_table_cell(&t, OL_PLAIN, "%s", group);
        ol_table_cell(&t, OL_FAINT, "%s", arrived);
        ol_files_sum(m, files);
        ol_table_cell(&t, OL_PLAIN, "%s", ol_cli_str(m, "rung", "?"));
        ol_table_cell(&t, OL_PLAIN, "%s", files);
        ol_table_cell(&t, OL_PLAIN, "%s", ol_cli_str(m, "subject", ""));
    }
    ol_table_print(&t, 0);
    ol_doc_free(&doc);
    return OL_EXIT_DONE;
}

/* One line of a message's head, when it says anything. */
static void fact(struct ol_table *t, const char *name, const char *value)
{
    if (value == NULL || *value == '\0')
        return;
    ol_table_cell(t, OL_FAINT, "%s", name);
    ol_table_cell(t, OL_PLAIN, "%s", value);
}

static void head_of(const json_t *m)
{
    const char *precedence = ol_cli_str(m, "precedence", "?");
    char upper[32], mark[32], ref[128], time[OL_CLI_TIME];
    struct ol_table t;

    ol_cli_upper(precedence, upper);
    marking(m, mark);
    if (mark[0] != '\0')
        ol_out_tinted(OL_WARN, "%s %s %s", mark, mark, mark);
    ol_out_tinted(urgency(precedence), "%s  %s", called(m), upper);
    ol_table_init(&t, 2);
    fact(&t, "kind", ol_cli_str(m, "kind", ""));
    fact(&t, "from", ol_cli_str(m, "author", ""));
    fact(&t, "role", ol_cli_str(m, "originator", ""));
    fact(&t, "to", ol_cli_str(m, "to", ""));
    ol_cli_time(m, "written", "", time);
    fact(&t, "written", time);
    ol_cli_time(m, "arrived", "", time);
    fact(&t, "arrived", time);
    ol_cli_time(m, "deadline", "", time);
    fact(&t, "answer by", time);
    fact(&t, "language", ol_cli_str(m, "lang", ""));
    reference(m, ref);
    fact(&t, "refers to", ref);
    fact(&t, "subject", ol_cli_str(m, "subject", ""));
    fact(&t, "rung", ol_cli_str(m, "rung", ""));
    fact(&t, "outcome", ol_cli_str(m, "outcome", ""));
    ol_table_print(&t, 0);
}

int ol_verb_read(struct ol_args *args)
{
    struct ol_doc doc;
    int status = ol_cli_ask(args, "read",
                            ol_cli_params("name", args->word[0], NULL), &doc);
    const char *author, *line;

    if (status != OL_EXIT_DONE)
        return status;
    if (!ol_cli_json(args, &doc)) {
        author = ol_cli_str(doc.value, "author", "");
        line = ol_cli_str(doc.value, "line", "");
        head_of(doc.value);
        ol_out_line("%s", "");
        ol_out_body(ol_cli_str(doc.value, "text", ""));
        ol_out_line("%s", "");
        ol_files_show(doc.value);
        if (json_array_size(json_object_get(doc.value, "attachments")) > 0)
            ol_out_tinted(OL_FAINT, "Its files into a folder: openline -d %s "
                          "save %s --out DIR", args->dir, called(doc.value));
        if (strcmp(author, line) == 0)
            ol_out_tinted(OL_FAINT,
                          "%s is told that you read it. When it is understood:"
                          " openline -d %s understood %s",
                          author, args->dir, called(doc.value));
    }
    ol_doc_free(&doc);
    return OL_EXIT_DONE;
}

int ol_verb_understood(struct ol_args *args)
{
    struct ol_doc doc;
    int status = ol_cli_ask(args, "understood",
                            ol_cli_params("name", args->word[0], "readback",
                                          args->opt[OL_OPT_READBACK], NULL),
                            &doc);

    if (status != OL_EXIT_DONE)
        return status;
    if (!ol_cli_json(args, &doc))
        ol_out_line("%s is understood; its author is told.",
                    ol_cli_str(doc.value, "name", args->word[0]));
    ol_doc_free(&doc);
    return OL_EXIT_DONE;
}

/* What a line of the log says: how many files, subject and the first line of
 * the text, as far as they fit, or what it refers to. */
static void gist(const json_t *m, char out[160])
{
    const char *subject = ol_cli_str(m, "subject", "");
    const char *text = ol_cli_str(m, "text", "");
    size_t n_files = json_array_size(json_object_get(m, "attachments"));
    char ref[128], files[32] = "", whole[512];
    size_t n;

    reference(m, ref);
    if (n_files > 0)
        snprintf(files, sizeof(files), "[%zu file%s]%s", n_files,
                 n_files == 1 ? "" : "s", *subject || *text ? " " : "");
    snprintf(whole, sizeof(whole), "%s%s%s%s%s%.*s", ref,
             *ref && (*subject || *text) ? ": " : "", files, subject,
             *subject && *text ? ": " : "", (int)strcspn(text, "\n"), text);
    n = strlen(whole);
    if (n > 159) {
        for (n = 159; n > 0 && ((unsigned char)whole[n] & 0xc0) == 0x80;)
            n--; /* not in the middle of a letter */
    }
    memcpy(out, whole, n);
    out[n] = '\0';
}

static void log_row(struct ol_table *t, const json_t *m)
{
    const char *precedence = ol_cli_str(m, "precedence", "?");
    const char *at = ol_cli_str(m, "arrived", ol_cli_str(m, "written", ""));
    char upper[32], mark[32], text[160], group[OL_WHEN_TEXT] = "";
    int64_t ms;

    ol_cli_upper(precedence, upper);
    marking(m, mark);
    gist(m, text);
    if (ol_when_time(at, 0, &ms))
        ol_when_group(ms, group);
    ol_table_cell(t, OL_STRONG, "%s", called(m));
    ol_table_cell(t, OL_PLAIN, "%s", ol_cli_str(m, "kind", "?"));
    ol_table_cell(t, urgency(precedence), "%s", upper);
    ol_table_cell(t, OL_PLAIN, "%lld",
                  (long long)json_integer_value(json_object_get(m, "index")));
    ol_table_cell(t, OL_PLAIN, "%s", group);
    ol_table_cell(t, OL_FAINT, "%s", at);
    ol_table_cell(t, OL_PLAIN, "%s",
                  ol_cli_str(m, "outcome", ol_cli_str(m, "rung", "?")));
    ol_table_cell(t, OL_PLAIN, "%s%s%s", mark, mark[0] ? " " : "", text);
}

int ol_verb_log(struct ol_args *args)
{
    static const char *const head[] = {"NAME", "KIND", "PRECEDENCE", "INDEX",
                                       "TIME", "", "RUNG", "SAYS"};
    json_t *params = ol_cli_params("peer", args->word[0], NULL), *m;
    struct ol_table t;
    struct ol_doc doc;
    size_t i;
    int status;

    ol_cli_time_param(params, "from", args->opt[OL_OPT_FROM]);
    ol_cli_time_param(params, "to", args->opt[OL_OPT_UNTIL]);
    status = ol_cli_ask(args, "log", params, &doc);
    if (status != OL_EXIT_DONE)
        return status;
    if (!ol_cli_json(args, &doc)) {
        if (json_array_size(doc.value) == 0)
            ol_out_line("Nothing was said.");
        ol_table_init(&t, 8);
        if (json_array_size(doc.value) > 0)
            ol_table_head(&t, head);
        json_array_foreach(doc.value, i, m) log_row(&t, m);
        ol_table_print(&t, 0);
    }
    ol_doc_free(&doc);
    return OL_EXIT_DONE;
}
