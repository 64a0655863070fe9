/*
 * watch: what happens, as it happens.
 *
 * Happy path: subscribe, print every event until somebody ends it. With
 * --after nothing is missed between two runs. It ends with status 5 when the
 * station does; what was printed is flushed line by line, so a reader behind a
 * pipe is never late.
 */
#include "cli/cli.h"
#include "cli/files.h"
#include "cli/who.h"

#include <string.h>

#define RING_MS 60000

/* How an event sounds to a duty officer; colours only for what needs eyes. */
static const struct phrase {
    const char *event;
    enum ol_tint tint;
    const char *says;
    bool rings; /* somebody must look now */
} phrases[] = {
    {"arrived", OL_STRONG, "arrived", false},
    {"delivered", OL_PLAIN, "is delivered", false},
    {"read", OL_PLAIN, "was read", false},
    {"understood", OL_GOOD, "was understood", false},
    {"answered", OL_GOOD, "was answered", false},
    {"declined", OL_WARN, "was declined", false},
    {"misread", OL_BAD, "was read back WRONGLY", true},
    {"cancelled", OL_WARN, "was cancelled", false},
    {"superseded", OL_WARN, "was superseded", false},
    {"distributed", OL_PLAIN, "was handed on", false},
    {"fulfilled", OL_GOOD, "was done as announced", false},
    {"checked", OL_GOOD, "reached their station", false},
    {"overdue", OL_BAD, "is overdue: no answer came in time", true},
    {"channel", OL_PLAIN, "channel", false},
    {"line", OL_PLAIN, "line", false},
    {"caught-up", OL_GOOD, "all that waited has gone", false},
    {"blackout", OL_BAD, "BLACKOUT: no channel is up", true},
    {"restored", OL_GOOD, "the line is back", false},
    {"alarm", OL_BAD, "ALARM", true},
    {"exercise", OL_WARN, "EXERCISE: one", false},
    {"attachment", OL_PLAIN, "file", false},
    {"stance", OL_STRONG, "declares", false},
};

static const struct phrase *phrase_of(const char *event)
{
    static const struct phrase other = {"", OL_PLAIN, "", false};

    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
        if (strcmp(phrases[i].event, event) == 0)
            return &phrases[i];
    }
    return &other;
}

/* "waited routine 450; went flash 1": what the return of a line says. */
static bool returned(const json_t *ev, char *out, size_t room)
{
    static const char *const names[] = {"waited", "went", "came"};
    char counts[128];
    size_t n = 0;

    for (size_t k = 0; k < sizeof(names) / sizeof(names[0]) && n < room; k++)
        if (ol_cli_counts(json_object_get(ev, names[k]), counts))
            n += (size_t)snprintf(out + n, room - n, "%s%s %s",
                                  n > 0 ? "; " : "", names[k], counts);
    return n > 0;
}

/* What happened while nobody watched rings no more. */
static void ring(const struct phrase *phrase, const json_t *ev)
{
    int64_t at_ms;

    if (phrase->rings && ol_when_time(ol_cli_str(ev, "at", ""), 0, &at_ms) &&
        ol_when_now_ms() - at_ms < RING_MS)
        ol_out_bell();
}

/* By which record, to whom, why, and what was read back. */
static void said(const json_t *ev, char *out, size_t room)
{
    const char *event = ol_cli_str(ev, "event", "");
    const char *record = ol_cli_str(ev, "record", "?");
    const char *why = ol_cli_str(ev, "reason", NULL);

    if (strcmp(event, "superseded") == 0)
        snprintf(out, room, "by %s, which replaces it as a whole%s", record,
                 json_is_true(json_object_get(ev, "read"))
                     ? "; it was read here: read the new one"
                     : "");
    else if (strcmp(event, "answered") == 0)
        snprintf(out, room, "by %s", record);
    else if (strcmp(event, "declined") == 0 || strcmp(event, "cancelled") == 0)
        snprintf(out, room, "by %s%s%s", record, why ? ", " : "",
                 why ? why : "");
    else if (strcmp(event, "distributed") == 0)
        snprintf(out, room, "to %s", ol_cli_str(ev, "to", "?"));
    else if (strcmp(event, "misread") == 0)
        snprintf(out, room, "\"%s\" was said, \"%s\" was read back",
                 ol_cli_str(ev, "said", ""), ol_cli_str(ev, "readback", ""));
}

/* What was asked long ago is not asked any more. */
static void show_officer(const json_t *ev)
{
    struct phrase phrase = {"attendance", OL_PLAIN, "", false};
    char at[OL_CLI_TIME], words[160];

    phrase.rings = ol_who_event(ev, words, sizeof(words), &phrase.tint);
    ol_cli_time(ev, "at", "", at);
    ol_out_tinted(phrase.tint, "%s  %s  %s", at, ol_cli_str(ev, "line", "-"),
                  words);
    ring(&phrase, ev);
}

/* "231000Z NOV 26  ...  south  north:south/17 is delivered" */
static void show(const json_t *ev)
{
    const char *event = ol_cli_str(ev, "event", "?");
    const struct phrase *phrase = phrase_of(event);
    const char *name = ol_cli_str(ev, "name", "");
    const char *kind = ol_cli_str(ev, "kind", "");
    const char *channel = ol_cli_str(ev, "channel", "");
    const char *state = ol_cli_str(ev, "state", "");
    const char *detail = ol_cli_str(ev, "detail", "");
    char at[OL_CLI_TIME], prec[32], file[512] = "", more[4352] = "";
    char mark[OL_CLI_MARK];

    if (strcmp(event, "attendance") == 0) {
        show_officer(ev);
        return;
    }
    ol_cli_time(ev, "at", "", at);
    ol_cli_upper(ol_cli_str(ev, "precedence", ""), prec);
    if (returned(ev, file, sizeof(file)))
        detail = file;
    if (strcmp(event, "stance") == 0) {
        ol_who_declared(ev, file, sizeof(file));
        detail = file;
    }
    if (strcmp(event, "attachment") == 0) {
        ol_files_event(ev, file, sizeof(file));
        detail = file;
        state = "";
    }
    said(ev, more, sizeof(more));
    if (more[0] != '\0')
        detail = more;
    ol_cli_mark(ev, mark);
    ol_out_tinted(phrase->tint, "%s  %s  %s%s%s%s%s%s%s%s%s%s%s%s%s%s%s", at,
                  ol_cli_str(ev, "line", "-"), mark, *mark ? "  " : "", prec,
                  *prec ? " " : "",
                  kind, *kind ? " " : "", name, *name ? " " : "",
                  *phrase->says ? phrase->says : event, *channel ? " " : "",
                  channel, *state ? " is " : "", state, *detail ? ": " : "",
                  detail);
    ring(phrase, ev);
}

static int subscribe(struct ol_args *args, struct ol_rpc *rpc,
                     char why[OL_WHY_MAX])
{
    const char *after = args->opt[OL_OPT_AFTER];
    json_t *params = ol_cli_params("peer", args->word[0], NULL);
    struct ol_doc doc;
    int status;

    if (after != NULL) {
        json_int_t seq = 0;

        for (; *after != '\0'; after++)
            seq = seq * 10 + (*after - '0');
        json_object_set_new(params, "after", json_integer(seq));
    }
    status = ol_rpc_call(rpc, "subscribe", params, &doc, why);
    if (status == OL_EXIT_DONE)
        ol_doc_free(&doc);
    return status;
}

int ol_verb_watch(struct ol_args *args)
{
    char why[OL_WHY_MAX] = "";
    struct ol_rpc rpc;
    struct ol_doc doc;
    int status = ol_cli_station(args);

    if (status != OL_EXIT_DONE)
        return status;
    status = ol_rpc_open(&rpc, args->dir, why);
    if (status == OL_EXIT_DONE)
        status = subscribe(args, &rpc, why);
    while (status == OL_EXIT_DONE) {
        status = ol_rpc_next(&rpc, OL_RPC_FOR_EVER, &doc, why);
        if (status != OL_EXIT_DONE)
            break;
        if (!ol_cli_json(args, &doc))
            show(doc.value);
        ol_doc_free(&doc);
        if (!ol_out_finish())
            status = OL_EXIT_FAILED;
    }
    ol_rpc_close(&rpc);
    return ol_cli_fail(status, why);
}
