/*
 * status: what is known of the lines, for people, for scripts, in a sentence.
 *
 * Happy path: ask once, show. Everything shown is a fact of the answer; what
 * is not known is said to be unknown. --check answers with its exit status
 * whether every line asked for is open.
 */
#include "cli/cli.h"
#include "cli/files.h"
#include "cli/who.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static enum ol_tint line_tint(const char *state)
{
    if (strcmp(state, "open") == 0)
        return OL_GOOD;
    if (strcmp(state, "last-channel") == 0 ||
        strcmp(state, "pouch-only") == 0)
        return OL_WARN;
    return strcmp(state, "unpaired") == 0 ? OL_PLAIN : OL_BAD;
}

static enum ol_tint channel_tint(const char *state)
{
    if (strcmp(state, "up") == 0)
        return OL_GOOD;
    if (strcmp(state, "one-way") == 0 || strcmp(state, "doubtful") == 0)
        return OL_WARN;
    return strcmp(state, "down") == 0 ? OL_BAD : OL_PLAIN;
}

/* What else a line's state word says to someone who does not know it. */
static const char *meaning(const char *state)
{
    static const char *const words[][2] = {
        {"unpaired", "no card of the peer was taken yet"},
        {"open", "two or more channels are up"},
        {"last-channel", "only one channel is up"},
        {"pouch-only", "no channel is up; bundles can still be carried"},
        {"dark", "no channel is up"},
        {"closed-by-us", "this side has closed it"},
        {"closed-by-them", "the other side has closed it"},
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i][0], state) == 0)
            return words[i][1];
    }
    return "a state that this version does not know";
}

static void fact(struct ol_table *t, enum ol_tint tint, const char *name,
                 const char *format, ...) OL_PRINTF(4, 5);

static void fact(struct ol_table *t, enum ol_tint tint, const char *name,
                 const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    ol_table_cell(t, OL_FAINT, "%s", name);
    ol_table_cell(t, tint, "%s", text);
}

/* "open, 231000Z NOV 26, 2 s ago", or "unknown". */
static void view(const json_t *sees, char out[160])
{
    char ago[OL_CLI_TIME];
    const char *state = ol_cli_str(sees, "state", "unknown");

    ol_cli_ago(sees, "at", "", ago);
    snprintf(out, 160, "%.60s%s%s", state, ago[0] ? ", " : "", ago);
}

static void number(const json_t *object, const char *key, const char *format,
                   double scale, char out[32])
{
    const json_t *v = json_object_get(object, key);

    if (json_is_number(v) && json_number_value(v) >= 0)
        snprintf(out, 32, format, json_number_value(v) * scale);
    else
        snprintf(out, 32, "-");
}

static void channels(const json_t *list)
{
    static const char *const head[] = {"CHANNEL", "BEARER", "STATE",
                                       "PEER SEES", "RTT", "LOSS",
                                       "LAST HEARD", "FATE"};
    const json_t *c;
    struct ol_table t;
    size_t i;

    if (json_array_size(list) == 0)
        return;
    ol_table_init(&t, 8);
    ol_table_head(&t, head);
    json_array_foreach(list, i, c) {
        const char *state = ol_cli_str(c, "state", "?");
        const json_t *sees = json_object_get(c, "peer_sees");
        char rtt[32], loss[32], heard[OL_CLI_TIME];

        number(c, "rtt_ms", "%.1f ms", 1, rtt);
        number(c, "loss", "%.1f %%", 100, loss);
        ol_cli_ago(c, "last_heard", "never", heard);
        ol_table_cell(&t, OL_STRONG, "%s", ol_cli_str(c, "name", "?"));
        ol_table_cell(&t, OL_PLAIN, "%s", ol_cli_str(c, "bearer", "?"));
        ol_table_cell(&t, channel_tint(state), "%s", state);
        ol_table_cell(&t, channel_tint(ol_cli_str(sees, "state", "")), "%s",
                      ol_cli_str(sees, "state", "unknown"));
        ol_table_cell(&t, OL_PLAIN, "%s", rtt);
        ol_table_cell(&t, OL_PLAIN, "%s", loss);
        ol_table_cell(&t, OL_PLAIN, "%s", heard);
        ol_table_cell(&t, OL_PLAIN, "%s", ol_cli_str(c, "fate", "-"));
    }
    ol_table_print(&t, 2);
}

static long long count(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

/* Words for a warning; unknown ones stand for themselves. */
static const char *warning(const char *word)
{
    if (strcmp(word, "last-channel") == 0)
        return "last-channel: one channel is left of several: when it goes, "
               "the line is dark";
    if (strcmp(word, "shared-fate") == 0)
        return "shared-fate: all that is open shares one fate: what takes "
               "one channel takes all";
    if (strcmp(word, "unverified") == 0)
        return "unverified: the safety number was not compared by voice yet";
    if (strcmp(word, "disk-full") == 0)
        return "disk-full: nothing is taken until there is room on the disk";
    if (strcmp(word, "disk-refuses") == 0)
        return "disk-refuses: nothing is taken until the disk is well: see "
               "'openline doctor'";
    if (strcmp(word, "wrong-card") == 0)
        return "wrong-card: the peer calls with another share than its card "
               "here, or somebody garbles its calls: ask it by voice before "
               "you exchange cards";
    if (strcmp(word, "second-copy") == 0)
        return "second-copy: another with this station's keys was answered in "
               "its place: a second copy of it runs, this is an old one, or "
               "the keys are stolen; see 'openline doctor'";
    if (strcmp(word, "peer-second-copy") == 0)
        return "peer-second-copy: two copies of the peer's station call: ask "
               "by voice which one is theirs; the other may be stolen";
    if (strcmp(word, "record-differs") == 0)
        return "record-differs: the peer holds records that this station does "
               "not have: was this station restored from a copy? Nothing is "
               "sent in that precedence until it is settled; see 'openline "
               "doctor'";
    return word;
}

static void facts_safety(struct ol_table *t, const json_t *line)
{
    const char *digits = ol_cli_str(line, "safety_number", "unknown");
    const json_t *fs = json_object_get(line, "forward_secrecy");
    char at[OL_CLI_TIME];

    ol_cli_time(line, "verified", "", at);
    fact(t, OL_PLAIN, "safety number", "%s", digits);
    if (at[0] != '\0' || json_is_true(json_object_get(line, "verified")))
        fact(t, OL_GOOD, "verified", "%s",
             at[0] ? at : "yes, compared by voice");
    else
        fact(t, OL_WARN, "verified",
             "no: compare the number by voice, then 'openline safety %s "
             "--confirm'", ol_cli_str(line, "peer", "PEER"));
    fact(t, json_is_false(fs) ? OL_WARN : OL_PLAIN, "forward secrecy", "%s",
         json_is_true(fs)    ? "yes"
         : json_is_false(fs) ? "no: the next bundle goes to the key on its card"
                             : "unknown");
}

static void facts_people(struct ol_table *t, const json_t *line)
{
    const json_t *e = json_object_get(line, "effective");
    char words[320];
    const json_t *s = json_object_get(line, "stance"), *d;
    size_t i;
    const char *state = ol_cli_str(e, "state", "unknown");
    const char *why = ol_cli_str(e, "why", "");

    fact(t, strcmp(state, "no") == 0 ? OL_BAD : OL_PLAIN, "effective",
         "%s%s%s", state, *why ? ": " : "", why);
    if (count(e, "asked") > 0)
        fact(t, OL_PLAIN, "asks", "%lld asked, %lld answered, %lld overdue",
             count(e, "asked"), count(e, "answered"), count(e, "overdue"));
    fact(t, OL_PLAIN, "who is there", "%s",
         ol_who_presence(line, words, sizeof(words)));
    fact(t, OL_PLAIN, "who is here", "%s",
         ol_who_ours(line, words, sizeof(words)));
    fact(t, OL_PLAIN, "stance", "ours %s, theirs %s",
         ol_cli_str(s, "ours", "not declared"),
         ol_cli_str(s, "theirs", "not declared"));
    json_array_foreach(json_object_get(s, "declared"), i, d) {
        if (strcmp(ol_cli_str(d, "stance", ""), "closed") != 0)
            continue;
        ol_who_declared(d, words, sizeof(words));
        fact(t, OL_WARN, "declared", "%s: %s", ol_cli_str(d, "by", "?"),
             words);
    }
}

/* Is this directory what it should be: only said when it is not. */
static void show_marker(const char *marker)
{
    if (strcmp(marker, "restored") == 0)
        ol_out_tinted(OL_WARN, "warning: this directory is a restored copy: "
                      "what was said since comes back from the peers; never "
                      "run another copy of it");
    else if (strcmp(marker, "copied") == 0)
        ol_out_tinted(OL_BAD, "warning: another copy of this directory has "
                      "been started: stop one of the two now");
    else if (strcmp(marker, "unguarded") == 0)
        ol_out_tinted(OL_WARN, "warning: a restored copy of this directory "
                      "would not be noticed at its start: 'openline doctor' "
                      "says why");
}

static void show_at_rest(const json_t *status)
{
    const char *by = ol_cli_str(status, "unlocked_by", "");
    bool credential = strcmp(by, "credential") == 0;

    if (strcmp(ol_cli_str(status, "at_rest", ""), "passphrase") != 0)
        ol_out_line("At rest: the keys lie beside the data, and only the "
                    "files' mode protects them: a stolen disk is a stolen "
                    "station");
    else
        ol_out_line("At rest: a passphrase protects the keys and the ledger%s",
                    credential ? "; systemd gave it as a credential, which "
                                 "is as safe as the place where that lies"
                               : "");
}

static void show_line(const json_t *line)
{
    const char *state = ol_cli_str(line, "state", "unknown");
    const char *alias = ol_cli_str(line, "alias", "");
    const char *why = ol_cli_str(line, "why", "");
    const json_t *queue = json_object_get(line, "queue"), *w;
    char text[160], time[OL_CLI_TIME], dark[OL_CLI_TIME];
    struct ol_table t;
    size_t i;

    ol_out_line("%s", "");
    ol_out_tinted(line_tint(state), "%s%s%s%s: %s (%s)",
                  ol_cli_str(line, "peer", "?"), *alias ? " (" : "", alias,
                  *alias ? ")" : "", state, meaning(state));
    if (*why != '\0')
        ol_out_tinted(OL_WARN, "  why: %s", why);
    if (json_is_object(json_object_get(line, "exercise"))) {
        ol_cli_ago(json_object_get(line, "exercise"), "since", "?", time);
        ol_out_tinted(OL_WARN, "  EXERCISE EXERCISE EXERCISE: declared since "
                      "%s", time);
    }
    json_array_foreach(json_object_get(line, "warnings"), i, w)
        ol_out_tinted(OL_WARN, "  warning: %s",
                      warning(json_string_value(w) ? json_string_value(w)
                                                   : "?"));
    channels(json_object_get(line, "channels"));
    ol_table_init(&t, 2);
    ol_cli_time(line, "dark_since", "", dark);
    if (dark[0] != '\0') {
        fact(&t, OL_BAD, "dark since", "%s", dark);
        ol_cli_time(line, "dark_detected", "unknown", time);
        fact(&t, OL_PLAIN, "detected", "%s", time);
    }
    ol_cli_ago(line, "last_heard", "never", time);
    fact(&t, OL_PLAIN, "last heard", "%s", time);
    view(json_object_get(line, "peer_sees"), text);
    fact(&t, OL_PLAIN, "peer sees", "%s", text);
    if (!json_is_integer(json_object_get(queue, "flash")))
        fact(&t, OL_PLAIN, "queue", "-"); /* nobody knows: it does not run */
    else
        fact(&t, OL_PLAIN, "queue",
             "flash %lld, immediate %lld, priority %lld, routine %lld",
             count(queue, "flash"), count(queue, "immediate"),
             count(queue, "priority"), count(queue, "routine"));
    facts_safety(&t, line);
    facts_people(&t, line);
    ol_table_print(&t, 2);
    ol_files_moving(line);
}

/* One line of text, whatever the number of lines: the sentences, each with its
 * full stop, are the station's. */
static void show_sentence(const json_t *status)
{
    const json_t *lines = json_object_get(status, "lines"), *line;
    size_t i, n = 0, all = json_array_size(lines);
    char *text = NULL;
    FILE *to = open_memstream(&text, &n);

    if (to == NULL)
        return;
    if (all == 0)
        fprintf(to, "There is no line.");
    json_array_foreach(lines, i, line)
        fprintf(to, "%s%s%s%s", i > 0 ? " " : "",
                all > 1 ? ol_cli_str(line, "peer", "?") : "",
                all > 1 ? ": " : "",
                ol_cli_str(line, "sentence", "Nothing is known."));
    if (fclose(to) == 0)
        ol_out_line("%s", text);
    free(text);
}

/* Said only when something is to be said. */
static void show_disk(const json_t *disk)
{
    const char *state = ol_cli_str(disk, "state", "ok");
    const char *why = ol_cli_str(disk, "why", "");
    long long ms = count(disk, "slowest_ms");

    if (strcmp(state, "ok") != 0)
        ol_out_tinted(OL_BAD, "The disk is %s, nothing new is taken%s%s",
                      state, *why ? ": " : "", why);
    else if (ms >= 1000)
        ol_out_tinted(OL_WARN, "The disk is slow: up to %lld ms until "
                      "something is durable", ms);
}

static void show_alarms(const json_t *alarms)
{
    unsigned long long n = ol_cli_count(alarms, "unacknowledged");

    if (n > 0)
        ol_out_tinted(OL_BAD, "%llu alarm%s nobody has acknowledged: "
                      "'openline alarms'", n, n == 1 ? "" : "s");
}

int ol_verb_status(struct ol_args *args)
{
    json_t *params = ol_cli_params("peer", args->word[0], NULL);
    const json_t *lines, *line;
    struct ol_doc doc;
    int status = ol_cli_ask(args, "status", params, &doc);
    size_t i;

    if (status != OL_EXIT_DONE)
        return status;
    lines = json_object_get(doc.value, "lines");
    if (ol_cli_json(args, &doc)) {
        /* all is said */
    } else if (ol_args_has(args, OL_OPT_SENTENCE)) {
        show_sentence(doc.value);
    } else if (!ol_args_has(args, OL_OPT_CHECK)) {
        ol_out_line("Station %s, openline %s, in %s",
                    ol_cli_str(doc.value, "station", "?"),
                    ol_cli_str(doc.value, "version", "?"), args->dir);
        show_marker(ol_cli_str(doc.value, "marker", ""));
        show_at_rest(doc.value);
        show_disk(json_object_get(doc.value, "disk"));
        show_alarms(json_object_get(doc.value, "alarms"));
        json_array_foreach(lines, i, line) show_line(line);
        if (json_array_size(lines) == 0)
            ol_out_line("No line yet: make a card for a peer and take theirs: "
                        "'openline card --help'");
    }
    if (ol_args_has(args, OL_OPT_CHECK))
        status = ol_status_check(doc.value,
                                 ol_args_has(args, OL_OPT_JSON) ||
                                     ol_args_has(args, OL_OPT_SENTENCE));
    ol_doc_free(&doc);
    return status;
}
