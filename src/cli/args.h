/*
 * The command line: verbs, their words and their options.
 *
 * Every option of every verb is one row of one table (args.c); a verb names
 * those it takes. Options may stand anywhere, as `--name value` or
 * `--name=value`; `--` ends them.
 */
#ifndef OL_CLI_ARGS_H
#define OL_CLI_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#define OL_WORDS_MAX 4u
#define OL_FILES_MAX 8u
#define OL_PHRASES_MAX 8u
#define OL_DIR_MAX 4096u

/* Exit statuses of the contract. */
enum ol_exit {
    OL_EXIT_DONE,
    OL_EXIT_FAILED,
    OL_EXIT_USAGE,
    OL_EXIT_MISSING, /* no such station, line, message or channel */
    OL_EXIT_VAIN,    /* waited in vain */
    OL_EXIT_DOWN,    /* the station is not running */
};

enum ol_opt {
    OL_OPT_DIR, /* these four are everybody's */
    OL_OPT_JSON,
    OL_OPT_HELP,
    OL_OPT_VERSION,
    OL_OPT_NAME,
    OL_OPT_RENEW,
    OL_OPT_CONFIRM,
    OL_OPT_CHECK_CONFIG,
    OL_OPT_CHECK,
    OL_OPT_SENTENCE,
    OL_OPT_SUBJECT,
    OL_OPT_PRECEDENCE,
    OL_OPT_LANG,
    OL_OPT_MARKING,
    OL_OPT_FILE,
    OL_OPT_ROLE, /* --to of send */
    OL_OPT_WAIT,
    OL_OPT_TIMEOUT,
    OL_OPT_ALL,
    OL_OPT_READBACK,
    OL_OPT_FROM,
    OL_OPT_UNTIL, /* --to of log */
    OL_OPT_AFTER,
    OL_OPT_YES,
    OL_OPT_PASSPHRASE,
    OL_OPT_PASSPHRASE_FD,
    OL_OPT_NEW_PASSPHRASE_FD,
    OL_OPT_REMOVE,
    OL_OPT_IDENTITY,
    OL_OPT_OUT,
    OL_OPT_STOP,
    OL_OPT_BY,
    OL_OPT_FOR,
    OL_OPT_EXERCISE,
    OL_OPT_HEARD, /* --wait of check */
    OL_OPT_CHANNEL,
    OL_OPT_HTML,
    OL_OPT_EXPIRES,
    OL_OPT_FULFILS,
    OL_OPT_CRITICAL,
    OL_OPT_ANSWER,
    OL_OPT_REASON,
    OL_OPTS
};

#define OL_TAKES(name) (UINT64_C(1) << OL_OPT_##name)

struct ol_args;

struct ol_verb {
    const char *name;
    const char *words; /* its usage after the name; may hold newlines */
    const char *what;  /* one line for the list of verbs */
    const char *help;  /* paragraphs; ends with a newline */
    uint64_t takes;    /* OL_TAKES of its own options */
    unsigned min_words, max_words;
    int (*run)(struct ol_args *); /* NULL: not in this version yet */
};

struct ol_args {
    const struct ol_verb *verb; /* NULL: none was given */
    const char *opt[OL_OPTS];   /* its value, "" for a flag, NULL: absent */
    const char *word[OL_WORDS_MAX];
    unsigned n_words;
    const char *file[OL_FILES_MAX]; /* of --file, which may be repeated */
    unsigned n_files;
    const char *phrase[OL_PHRASES_MAX]; /* of --critical, the same */
    unsigned n_phrases;
    char dir[OL_DIR_MAX]; /* the station's, once ol_cli_station found it */
};

/*
 * Reads argv against the table of verbs (which ends with a NULL name).
 * OL_EXIT_USAGE and a sentence in `why` for whatever does not fit; values are
 * checked as far as that needs no station. --help, --version and a verb
 * without run are no errors here. Texts are borrowed from argv.
 */
int ol_args_parse(struct ol_args *args, const struct ol_verb *verbs,
                  char *const *argv, char why[1024]);

/* The usage of a verb in one line, without a newline. */
void ol_args_usage(const struct ol_verb *verb, char out[1024]);

static inline bool ol_args_has(const struct ol_args *args, enum ol_opt opt)
{
    return args->opt[opt] != 0;
}

#endif
