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

/* "9 was declined: WHY", what became of it; or nothing. */
static void outcome(const json_t *m, char *out, size_t room)
{
    const char *what = ol_cli_str(m, "outcome", NULL);
    const char *by = ol_cli_str(m, "outcome_by", NULL);
    const char *why = ol_cli_str(m, "reason", NULL);

    out[0] = '\0';
    if (what != NULL)
        snprintf(out, room, "%s%s%s%s%s", what, by ? " by " : "",
                 by ? by : "", why ? ": " : "", why ? why : "");
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

/* "read", "superseded", or that it was read back wrongly. */
static void rung(struct ol_table *t, const json_t *m)
{
    const char *how = ol_cli_str(m, "outcome", NULL);

    if (json_is_true(json_object_get(m, "misread")))
        ol_table_cell(t, OL_BAD, "MISREAD");
    else if (how != NULL)
        ol_table_cell(t, OL_WARN, "%s", how);
    else
        ol_table_cell(t, OL_PLAIN, "%s", ol_cli_str(m, "rung", "?"));
}

/* The subject, and what it stands for: "replaces north:south/4, which was
 * read". */
static void about(const json_t *m, char *out, size_t room)
{
    const json_t *before = json_object_get(m, "supersedes");
    const json_t *next = json_object_get(m, "superseded_by");
    const char *subject = ol_cli_str(m, "subject", "");
    const char *was = ol_cli_str(before, "rung", "");
    char ref[128];

    reference(m, ref);
    if (json_is_object(before))
        snprintf(out, room, "%s%sreplaces %s%s", subject, *subject ? ": " : "",
                 ol_cli_str(before, "name", "?"),
                 strcmp(was, "delivered") == 0 ? "" : ", which was read");
    else if (json_is_object(next))
        snprintf(out, room, "%s%ssee %s", subject, *subject ? ": " : "",
                 ol_cli_str(next, "name", "?"));
    else
        snprintf(out, room, "%s%s%s", subject, *subject && *ref ? ": " : "",
                 ref);
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
        char upper[32], mark[OL_CLI_MARK], group[OL_WHEN_TEXT] = "";
        const char *arrived = ol_cli_str(m, "arrived", "");
        char files[OL_FILES_TEXT], said[512];
        int64_t ms;

        ol_cli_upper(precedence, upper);
        ol_cli_mark(m, mark);
        if (ol_when_time(arrived, 0, &ms))
            ol_when_group(ms, group);
        ol_table_cell(&t, OL_STRONG, "%s", called(m));
        ol_table_cell(&t, urgency(precedence), "%s", upper);
        ol_table_cell(&t, OL_WARN, "%s", mark);
        ol_table_cell(&t, OL_PLAIN, "%s", group);
        ol_table_cell(&t, OL_FAINT, "%s", arrived);
        ol_files_sum(m, files);
        rung(&t, m);
        ol_table_cell(&t, OL_PLAIN, "%s", files);
        about(m, said, sizeof(said));
        ol_table_cell(&t, OL_PLAIN, "%s", said);
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
    char upper[32], mark[OL_CLI_MARK], ref[128], time[OL_CLI_TIME], ended[4352];
    bool ask = strcmp(ol_cli_str(m, "kind", ""), "ask") == 0;
    struct ol_table t;
    const json_t *one;
    size_t i;

    ol_cli_upper(precedence, upper);
    ol_cli_mark(m, mark);
    if (mark[0] != '\0')
        ol_out_tinted(OL_WARN, "%s", mark);
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
    fact(&t, ask ? "answer by" : "by", time);
    fact(&t, "language", ol_cli_str(m, "lang", ""));
    reference(m, ref);
    fact(&t, "refers to", ref);
    fact(&t, "subject", ol_cli_str(m, "subject", ""));
    fact(&t, "rung", ol_cli_str(m, "rung", ""));
    outcome(m, ended, sizeof(ended));
    fact(&t, "outcome", ended);
    json_array_foreach(json_object_get(m, "distributed"), i, one)
        fact(&t, i == 0 ? "handed on" : " ", ol_cli_str(one, "to", "?"));
    ol_table_print(&t, 0);
}

/* The other text, of what stands before or behind this one. */
static void other(const json_t *m, const char *key, const char *says,
                  const char *unread)
{
    const json_t *one = json_object_get(m, key);
    const char *text = ol_cli_str(one, "text", NULL);

    if (!json_is_object(one))
        return;
    ol_out_tinted(OL_WARN, "%s %s%s", says, ol_cli_str(one, "name", "?"),
                  text ? ":" : unread);
    if (text != NULL)
        ol_out_body(text);
    ol_out_line("%s", "");
}

/* What must be read back, and how. */
static void critical(const struct ol_args *args, const json_t *m)
{
    const json_t *list = json_object_get(m, "critical"), *one;
    size_t i;

    if (json_array_size(list) == 0)
        return;
    ol_out_tinted(OL_WARN, "Critical, to be read back in this order:");
    json_array_foreach(list, i, one) ol_out_body(json_string_value(one));
    if (json_is_true(json_object_get(m, "misread")))
        ol_out_tinted(OL_BAD, "It was read back wrongly, and not rightly yet.");
    ol_out_tinted(OL_FAINT, "When you have: openline -d %s understood %s "
                  "--readback \"%s\"", args->dir, called(m),
                  json_array_size(list) > 1 ? "FIRST; SECOND" : "PHRASE");
    ol_out_line("%s", "");
}

/* What a duty officer does next. */
static void advice(const struct ol_args *args, const json_t *m)
{
    const char *author = ol_cli_str(m, "author", "");
    bool ask = strcmp(ol_cli_str(m, "kind", ""), "ask") == 0;

    if (json_array_size(json_object_get(m, "attachments")) > 0)
        ol_out_tinted(OL_FAINT, "Its files into a folder: openline -d %s "
                      "save %s --out DIR", args->dir, called(m));
    if (json_array_size(json_object_get(m, "critical")) == 0)
        ol_out_tinted(OL_FAINT,
                      "%s is told that you read it. When it is understood:"
                      " openline -d %s understood %s",
                      author, args->dir, called(m));
    if (ask)
        ol_out_tinted(OL_FAINT, "To answer: openline -d %s answer %s TEXT; or "
                      "decline %s REASON", args->dir, called(m), called(m));
}

/* The marking stands before and behind the text: whoever sees one end of it
 * sees that it is no real one. */
static void marked_text(const json_t *m)
{
    char mark[OL_CLI_MARK];

    ol_cli_mark(m, mark);
    ol_out_line("%s", "");
    ol_out_body(ol_cli_str(m, "text", ""));
    if (mark[0] != '\0')
        ol_out_tinted(OL_WARN, "%s", mark);
    ol_out_line("%s", "");
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
        marked_text(doc.value);
        other(doc.value, "supersedes", "It replaces as a whole", ", which "
              "you have not read.");
        other(doc.value, "superseded_by", "SUPERSEDED as a whole by", ": read "
              "that one.");
        ol_files_show(doc.value);
        critical(args, doc.value);
        if (strcmp(author, line) == 0)
            advice(args, doc.value);
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

int ol_verb_distributed(struct ol_args *args)
{
    struct ol_doc doc;
    int status;

    if (!ol_args_has(args, OL_OPT_ROLE))
        return ol_cli_usage(args, "to whom was it handed on");
    status = ol_cli_ask(args, "distributed",
                        ol_cli_params("name", args->word[0], "to",
                                      args->opt[OL_OPT_ROLE], NULL), &doc);
    if (status != OL_EXIT_DONE)
        return status;
    if (!ol_cli_json(args, &doc))
        ol_out_line("%s was handed on to %s; its author is told.",
                    ol_cli_str(doc.value, "name", args->word[0]),
                    args->opt[OL_OPT_ROLE]);
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
    char ref[128], files[32] = "", ended[256], whole[768];
    size_t n;

    reference(m, ref);
    outcome(m, ended, sizeof(ended));
    if (n_files > 0)
        snprintf(files, sizeof(files), "[%zu file%s]%s", n_files,
                 n_files == 1 ? "" : "s", *subject || *text ? " " : "");
    snprintf(whole, sizeof(whole), "%s%s%s%s%s%s%s%.*s", ended,
             *ended ? " | " : "", ref, *ref && (*subject || *text) ? ": " : "",
             files, subject, *subject && *text ? ": " : "",
             (int)strcspn(text, "\n"), text);
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
    char upper[32], mark[OL_CLI_MARK], text[160], group[OL_WHEN_TEXT] = "";
    int64_t ms;

    ol_cli_upper(precedence, upper);
    ol_cli_mark(m, mark);
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
    rung(t, m);
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
