/*
 * The one parser of options, driven by one table.
 *
 * Happy path: every argument is an option that the verb takes, the value of
 * the option before it, the verb, or one of the verb's words. It fails with a
 * sentence that names the argument; the caller adds the verb's usage. An
 * option of a value is checked here, so that no verb has to.
 */
#include "cli/args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openline/span.h>

#include "cli/when.h"

#define EVERYBODY                                                              \
    (OL_TAKES(DIR) | OL_TAKES(JSON) | OL_TAKES(HELP) | OL_TAKES(VERSION))

/* BY: a duration or a time, which the station reads by its own clock. */
enum kind { FLAG, TEXT, CHOICE, LANG, DURATION, TIME, BY, COUNT, PATHS,
            PHRASES };

static const char *const precedences[] = {"flash", "immediate", "priority",
                                          "routine", NULL};
static const char *const markings[] = {"actual", "exercise", "test", NULL};
static const char *const rungs[] = {"queued", "sent", "delivered", "read",
                                    "understood", "answered", NULL};

static const struct row {
    const char *name;
    enum kind kind;
    size_t max; /* bytes of a TEXT */
    const char *const *choices;
} rows[OL_OPTS] = {
    [OL_OPT_DIR] = {"-d", TEXT, OL_DIR_MAX - 1, NULL},
    [OL_OPT_JSON] = {"--json", FLAG, 0, NULL},
    [OL_OPT_HELP] = {"--help", FLAG, 0, NULL},
    [OL_OPT_VERSION] = {"--version", FLAG, 0, NULL},
    [OL_OPT_NAME] = {"--name", TEXT, 32, NULL},
    [OL_OPT_RENEW] = {"--renew", FLAG, 0, NULL},
    [OL_OPT_CONFIRM] = {"--confirm", FLAG, 0, NULL},
    [OL_OPT_CHECK_CONFIG] = {"--check-config", FLAG, 0, NULL},
    [OL_OPT_CHECK] = {"--check", FLAG, 0, NULL},
    [OL_OPT_SENTENCE] = {"--sentence", FLAG, 0, NULL},
    [OL_OPT_SUBJECT] = {"--subject", TEXT, 256, NULL},
    [OL_OPT_PRECEDENCE] = {"--precedence", CHOICE, 0, precedences},
    [OL_OPT_LANG] = {"--lang", LANG, 35, NULL},
    [OL_OPT_MARKING] = {"--marking", CHOICE, 0, markings},
    [OL_OPT_FILE] = {"--file", PATHS, OL_DIR_MAX - 1, NULL},
    [OL_OPT_ROLE] = {"--to", TEXT, 64, NULL},
    [OL_OPT_WAIT] = {"--wait", CHOICE, 0, rungs},
    [OL_OPT_TIMEOUT] = {"--timeout", DURATION, 0, NULL},
    [OL_OPT_ALL] = {"--all", FLAG, 0, NULL},
    [OL_OPT_READBACK] = {"--readback", TEXT, 4096, NULL},
    [OL_OPT_FROM] = {"--from", TIME, 0, NULL},
    [OL_OPT_UNTIL] = {"--to", TIME, 0, NULL},
    [OL_OPT_AFTER] = {"--after", COUNT, 0, NULL},
    [OL_OPT_YES] = {"--yes", FLAG, 0, NULL},
    [OL_OPT_PASSPHRASE] = {"--passphrase", FLAG, 0, NULL},
    [OL_OPT_PASSPHRASE_FD] = {"--passphrase-fd", COUNT, 0, NULL},
    [OL_OPT_NEW_PASSPHRASE_FD] = {"--new-passphrase-fd", COUNT, 0, NULL},
    [OL_OPT_REMOVE] = {"--remove", FLAG, 0, NULL},
    [OL_OPT_IDENTITY] = {"--identity", TEXT, OL_DIR_MAX - 1, NULL},
    [OL_OPT_OUT] = {"--out", TEXT, OL_DIR_MAX - 1, NULL},
    [OL_OPT_STOP] = {"--stop", FLAG, 0, NULL},
    [OL_OPT_BY] = {"--by", BY, 0, NULL},
    [OL_OPT_FOR] = {"--for", DURATION, 0, NULL},
    [OL_OPT_EXERCISE] = {"--exercise", FLAG, 0, NULL},
    [OL_OPT_HEARD] = {"--wait", FLAG, 0, NULL},
    [OL_OPT_CHANNEL] = {"--channel", TEXT, 16, NULL},
    [OL_OPT_HTML] = {"--html", TEXT, OL_DIR_MAX - 1, NULL},
    [OL_OPT_EXPIRES] = {"--expires", BY, 0, NULL},
    [OL_OPT_FULFILS] = {"--fulfils", TEXT, 128, NULL},
    [OL_OPT_CRITICAL] = {"--critical", PHRASES, 128, NULL},
    [OL_OPT_REASON] = {"--reason", TEXT, 4096, NULL},
    [OL_OPT_ANSWER] = {"--answer", TEXT, 16, NULL},
};

/* The choices as people read them: "flash, immediate, priority or routine". */
static void list(const char *const *choices, char out[128])
{
    size_t n = 0;

    for (size_t i = 0; choices[i] != NULL && n < 120; i++)
        n += (size_t)snprintf(out + n, 128 - n, "%s%s",
                              i == 0                   ? ""
                              : choices[i + 1] == NULL ? " or "
                                                       : ", ",
                              choices[i]);
}

static bool choose(const struct row *row, const char **value, char why[1024])
{
    char all[128];

    for (const char *const *c = row->choices; *c != NULL; c++) {
        if (strcasecmp(*c, *value) == 0) {
            *value = *c;
            return true;
        }
    }
    list(row->choices, all);
    snprintf(why, 1024, "%s is %s, not \"%.40s\"", row->name, all, *value);
    return false;
}

static bool short_text(const struct row *row, const char *value,
                       char why[1024])
{
    size_t n = strlen(value);

    if (n == 0)
        snprintf(why, 1024, "%s is empty", row->name);
    else if (n > row->max)
        snprintf(why, 1024, "%s is %zu bytes long, %zu are allowed",
                 row->name, n, row->max);
    else if (row->max < OL_DIR_MAX - 1 && !ol_span_utf8(ol_span_str(value)))
        snprintf(why, 1024, "%s is not UTF-8", row->name);
    else
        return true;
    return false;
}

/* The form of a BCP 47 tag; whether the tag is registered is not our word. */
static bool lang(const struct row *row, const char *value, char why[1024])
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    size_t n = strlen(value);

    if (n >= 2 && n <= row->max && strspn(value, allowed) == n &&
        value[0] != '-' && value[n - 1] != '-')
        return true;
    snprintf(why, 1024,
             "--lang is a language tag such as en or pt-BR, not \"%.40s\"",
             value);
    return false;
}

static bool when(const struct row *row, const char *value, char why[1024])
{
    int64_t ms;

    if (row->kind != TIME && ol_when_duration(value, &ms))
        return true;
    if (row->kind != DURATION && ol_when_time(value, ol_when_now_ms(), &ms))
        return true;
    snprintf(why, 1024, "%s is %s%s%s, not \"%.40s\"", row->name,
             row->kind == TIME
                 ? ""
                 : "a duration such as 250ms, 10s, 5m, 12h or 3d",
             row->kind == BY ? ", or " : "",
             row->kind == DURATION
                 ? ""
                 : "a time such as 2026-11-23T10:00:00Z, 18:00Z or "
                   "\"231000Z NOV 26\"",
             value);
    return false;
}

static bool count(const struct row *row, const char *value, char why[1024])
{
    size_t n = strlen(value);

    if (n >= 1 && n <= 18 && strspn(value, "0123456789") == n)
        return true;
    snprintf(why, 1024, "%s is a number of at least 0, not \"%.40s\"",
             row->name, value);
    return false;
}

static bool check(const struct row *row, const char **value, char why[1024])
{
    switch (row->kind) {
    case FLAG:
        return true;
    case TEXT:
    case PATHS:
    case PHRASES:
        return short_text(row, *value, why);
    case CHOICE:
        return choose(row, value, why);
    case LANG:
        return lang(row, *value, why);
    case DURATION:
    case TIME:
    case BY:
        return when(row, *value, why);
    case COUNT:
        return count(row, *value, why);
    }
    return false;
}

/* The row of the option that `arg` names among those taken; *value is what
 * stands behind its `=`. */
static const struct row *find(const char *arg, uint64_t takes,
                              const char **value)
{
    size_t n = strcspn(arg, "=");

    if (strcmp(arg, "-h") == 0)
        return &rows[OL_OPT_HELP];
    for (int i = 0; i < OL_OPTS; i++) {
        const char *name = rows[i].name;

        if ((takes >> i & 1) == 0 || strncmp(name, arg, n) != 0 ||
            name[n] != '\0')
            continue;
        *value = arg[n] == '=' ? arg + n + 1 : NULL;
        return &rows[i];
    }
    return NULL;
}

/* One more of what may be given several times. */
static bool more(struct ol_args *args, const struct row *row,
                 const char *value, char why[1024])
{
    bool files = row->kind == PATHS;
    unsigned *n = files ? &args->n_files : &args->n_phrases;
    /* They happen to be equal. NOLINTNEXTLINE(bugprone-branch-clone) */
    unsigned most = files ? OL_FILES_MAX : OL_PHRASES_MAX;

    if (*n == most) {
        snprintf(why, 1024, "%s: a message takes at most %u", row->name,
                 most);
        return false;
    }
    (files ? args->file : args->phrase)[(*n)++] = value;
    return true;
}

/* One option, at argv[*i]; advances *i over its value. */
static bool option(struct ol_args *args, char *const *argv, int *i,
                   char why[1024])
{
    uint64_t takes = EVERYBODY | (args->verb ? args->verb->takes : 0);
    const char *value = NULL;
    const struct row *row = find(argv[*i], takes, &value);

    if (row == NULL) {
        snprintf(why, 1024, "%s%sno option %.60s%s",
                 args->verb ? args->verb->name : "",
                 args->verb ? " has " : "there is ", argv[*i],
                 args->verb && args->verb->max_words > 1
                     ? " (a text that begins with - goes after --)"
                     : "");
        return false;
    }
    if (row->kind == FLAG && value != NULL) {
        snprintf(why, 1024, "%s takes no value", row->name);
        return false;
    }
    if (row->kind == FLAG)
        value = "";
    else if (value == NULL)
        value = argv[*i + 1] ? argv[++*i] : NULL;
    if (value == NULL) {
        snprintf(why, 1024, "%s needs a value", row->name);
        return false;
    }
    if (!check(row, &value, why))
        return false;
    if (row->kind == PATHS || row->kind == PHRASES) {
        if (!more(args, row, value, why))
            return false;
    } else if (row->kind != FLAG && args->opt[row - rows] != NULL) {
        snprintf(why, 1024, "%s was given twice", row->name);
        return false;
    }
    args->opt[row - rows] = value;
    return true;
}

static bool word(struct ol_args *args, const struct ol_verb *verbs,
                 const char *text, char why[1024])
{
    if (args->verb != NULL && args->verb->run == NULL)
        return true;
    if (args->verb != NULL) {
        if (args->n_words == args->verb->max_words) {
            snprintf(why, 1024,
                     "\"%.60s\" is one word too many (a text of several "
                     "words goes in quotes)",
                     text);
            return false;
        }
        args->word[args->n_words++] = text;
        return true;
    }
    for (; verbs->name != NULL; verbs++) {
        if (strcmp(verbs->name, text) == 0) {
            args->verb = verbs;
            return true;
        }
    }
    snprintf(why, 1024, "there is no verb \"%.60s\"", text);
    return false;
}

int ol_args_parse(struct ol_args *args, const struct ol_verb *verbs,
                  char *const *argv, char why[1024])
{
    bool options = true;

    memset(args, 0, sizeof(*args));
    for (int i = 1; argv[i] != NULL; i++) {
        const char *arg = argv[i];
        bool fits;

        /* What a later version takes is not ours to judge. */
        if (args->verb != NULL && args->verb->run == NULL)
            break;
        if (options && strcmp(arg, "--") == 0) {
            options = false;
            continue;
        }
        if (options && arg[0] == '-' && arg[1] != '\0')
            fits = option(args, argv, &i, why);
        else
            fits = word(args, verbs, arg, why);
        if (!fits)
            return OL_EXIT_USAGE;
    }
    if (ol_args_has(args, OL_OPT_HELP) || ol_args_has(args, OL_OPT_VERSION) ||
        args->verb == NULL || args->verb->run == NULL)
        return OL_EXIT_DONE;
    if (args->n_words < args->verb->min_words) {
        snprintf(why, 1024, "%s needs more words", args->verb->name);
        return OL_EXIT_USAGE;
    }
    return OL_EXIT_DONE;
}

void ol_args_usage(const struct ol_verb *verb, char out[1024])
{
    size_t n = (size_t)snprintf(out, 1024, "openline %s", verb->name);
    bool blank = false;

    if (verb->words[0] != '\0')
        out[n++] = ' ';
    /* One line: what is broken over several for --help is joined. */
    for (const char *p = verb->words; *p != '\0' && n < 1023; p++) {
        bool is_blank = *p == ' ' || *p == '\n';

        if (!is_blank || !blank)
            out[n++] = (char)(is_blank ? ' ' : *p);
        blank = is_blank;
    }
    out[n] = '\0';
}
