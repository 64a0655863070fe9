/*
 * attend: is an officer there, and how that sounds in status and watch.
 *
 * Happy path: without --answer the station asks, and this says what to type;
 * with it the answer is the proof. Whoever types is known to the station by
 * the socket, not by what he says.
 */
#include "cli/who.h"

#include <string.h>

static void asked(const json_t *doc)
{
    char until[OL_CLI_TIME];

    ol_cli_time(doc, "until", "soon", until);
    ol_out_line("Are you there? Until %s, type:", until);
    ol_out_line("  openline attend --answer %s",
                ol_cli_str(doc, "answer", "?"));
}

int ol_verb_attend(struct ol_args *args)
{
    const char *answer = args->opt[OL_OPT_ANSWER];
    struct ol_doc doc;
    int status = ol_cli_ask(args, "attend",
                            ol_cli_params("answer", answer, NULL), &doc);
    char until[OL_CLI_TIME];

    if (status != OL_EXIT_DONE)
        return status;
    if (ol_cli_json(args, &doc)) {
        /* all is said */
    } else if (answer == NULL) {
        asked(doc.value);
    } else {
        ol_cli_time(doc.value, "until", "unknown", until);
        ol_out_line("%s is here; asked again before %s",
                    ol_cli_str(doc.value, "by", "?"), until);
    }
    ol_doc_free(&doc);
    return status;
}

/* "south is closed on prisoners since 231000Z NOV 26: not today" */
static void show_declared(const json_t *list)
{
    const json_t *d;
    size_t i;

    json_array_foreach(list, i, d) {
        const char *subject = ol_cli_str(d, "subject", "");
        const char *reason = ol_cli_str(d, "reason", "");
        char at[OL_CLI_TIME];

        ol_cli_time(d, "at", "an unknown time", at);
        ol_out_line("%s is %s%s%s since %s%s%s", ol_cli_str(d, "by", "?"),
                    ol_cli_str(d, "stance", "?"), *subject ? " on " : "",
                    subject, at, *reason ? ": " : "", reason);
    }
    if (json_array_size(list) == 0)
        ol_out_line("Neither side has declared anything");
}

int ol_verb_stance(struct ol_args *args)
{
    const char *word = args->word[1];
    json_t *params = ol_cli_params("peer", args->word[0], "stance", word,
                                   "subject", args->opt[OL_OPT_SUBJECT],
                                   "reason", args->opt[OL_OPT_REASON], NULL);
    struct ol_doc doc;
    int status = ol_cli_ask(args, "stance", params, &doc);

    if (status != OL_EXIT_DONE)
        return status;
    if (ol_cli_json(args, &doc)) {
        /* all is said */
    } else if (word == NULL) {
        show_declared(json_object_get(doc.value, "declared"));
    } else {
        ol_out_line("%s", ol_cli_str(doc.value, "name",
                                     ol_cli_str(doc.value, "id", "?")));
    }
    ol_doc_free(&doc);
    return status;
}

void ol_who_declared(const json_t *ev, char *out, size_t max)
{
    const char *subject = ol_cli_str(ev, "subject", "");
    const char *reason = ol_cli_str(ev, "reason", "");

    snprintf(out, max, "%.32s%s%.256s%s%.200s",
             ol_cli_str(ev, "stance", "no stance that counts"),
             *subject ? " on " : "", subject, *reason ? ": " : "", reason);
}

bool ol_who_event(const json_t *ev, char *out, size_t max,
                  enum ol_tint *tint)
{
    const char *state = ol_cli_str(ev, "state", "unknown");
    bool ours = strcmp(ol_cli_str(ev, "whose", ""), "ours") == 0;
    bool there = strcmp(state, "attended") == 0;

    *tint = OL_PLAIN;
    if (strcmp(state, "asked") == 0) {
        *tint = OL_WARN;
        snprintf(out, max, "ARE YOU THERE? type: openline attend --answer "
                           "%.16s", ol_cli_str(ev, "answer", "?"));
        return true;
    }
    if (strcmp(state, "unknown") == 0)
        snprintf(out, max, "%s: unknown whether an officer is there",
                 ours ? "this station" : "the other side");
    else if (ours)
        snprintf(out, max, there ? "this station is attended: %.64s is here"
                                 : "this station is unattended: nobody "
                                   "answered%.0s",
                 ol_cli_str(ev, "by", "somebody"));
    else
        snprintf(out, max, "the other side %s",
                 there ? "is attended: an officer is there"
                       : "is unattended: nobody is there");
    if (!there)
        *tint = OL_WARN;
    return false;
}

const char *ol_who_presence(const json_t *line, char *out, size_t max)
{
    const json_t *all = json_object_get(line, "presence");
    const json_t *p = json_object_get(all, "theirs");
    const json_t *a = json_object_get(line, "attendance");
    char ago[OL_CLI_TIME];
    const char *said = ol_cli_str(a, "theirs_said", "unknown");
    bool lost = strcmp(said, ol_cli_str(a, "theirs", "unknown")) != 0;

    ol_cli_ago(a, "theirs_at", "", ago);
    snprintf(out, max,
             "bearer %s, their station %.16s, their console %.16s, their "
             "officer %.16s%s%.16s%s%s",
             json_is_true(json_object_get(p, "bearer")) ? "up" : "down",
             ol_cli_str(p, "station", "unknown"),
             ol_cli_str(p, "console", "unknown"),
             ol_cli_str(p, "officer", "unknown"),
             lost ? " (last said " : "", lost ? said : "",
             lost && *ago ? ", " : "", lost ? ago : "");
    if (lost)
        snprintf(out + strlen(out), max - strlen(out), ")");
    return out;
}

const char *ol_who_ours(const json_t *line, char *out, size_t max)
{
    const json_t *all = json_object_get(line, "presence");
    const json_t *a = json_object_get(line, "attendance");
    const char *by = ol_cli_str(a, "ours_by", "");
    const char *ours = ol_cli_str(a, "ours", "unknown");
    const char *shown = ol_cli_str(a, "shown", "unknown");
    bool asked = json_is_string(json_object_get(a, "asked_until"));

    snprintf(out, max, "console %s, officer %.16s%s%.64s%s; %.64s is told "
                       "\"%.16s\" (share-attendance = %.16s)",
             json_is_true(json_object_get(json_object_get(all, "ours"),
                                          "console"))
                 ? "open"
                 : "closed",
             ours, *by ? ": " : "", by, asked ? ", asked now" : "",
             ol_cli_str(line, "peer", "the peer"), shown,
             ol_cli_str(a, "share", "?"));
    return out;
}
