/*
 * The verbs, and what they share: finding the station, asking it, showing
 * what it says.
 *
 * A verb gets its parsed arguments, prints results to stdout and faults to
 * stderr, and returns the exit status.
 */
#ifndef OL_CLI_CLI_H
#define OL_CLI_CLI_H

#include <jansson.h>

#include "cli/args.h"
#include "cli/out.h"
#include "cli/rpc.h"
#include "cli/when.h"

/* setup.c: what works without a running station. */
int ol_verb_init(struct ol_args *args);
int ol_verb_card(struct ol_args *args);
int ol_verb_pair(struct ol_args *args);
int ol_verb_safety(struct ol_args *args);
int ol_verb_run(struct ol_args *args);
/* safekeep.c */
int ol_verb_passphrase(struct ol_args *args);
int ol_verb_identity(struct ol_args *args);
int ol_verb_backup(struct ol_args *args);
int ol_verb_restore(struct ol_args *args);
/* status.c, send.c, asks.c, read.c, save.c, watch.c, line.c, demo.c */
int ol_verb_status(struct ol_args *args);
int ol_verb_say(struct ol_args *args);
int ol_verb_ask(struct ol_args *args);
int ol_verb_asks(struct ol_args *args);
int ol_verb_announce(struct ol_args *args);
int ol_verb_inbox(struct ol_args *args);
int ol_verb_read(struct ol_args *args);
int ol_verb_save(struct ol_args *args);
int ol_verb_understood(struct ol_args *args);
int ol_verb_distributed(struct ol_args *args);
int ol_verb_log(struct ol_args *args);
int ol_verb_watch(struct ol_args *args);
/* status_check.c: what --check answers; silent: and says nothing. */
int ol_status_check(const json_t *status, bool silent);
/* exercise.c */
int ol_verb_exercise(struct ol_args *args);
int ol_verb_cancel(struct ol_args *args);
/* check.c */
int ol_verb_check(struct ol_args *args);
int ol_verb_checks(struct ol_args *args);
/* alarms.c */
int ol_verb_alarms(struct ol_args *args);
int ol_verb_metrics(struct ol_args *args);
/* who.c */
int ol_verb_attend(struct ol_args *args);
int ol_verb_stance(struct ol_args *args);
int ol_verb_doctor(struct ol_args *args);
int ol_verb_channel(struct ol_args *args);
int ol_verb_courier(struct ol_args *args);
int ol_verb_blackouts(struct ol_args *args);
int ol_verb_history(struct ol_args *args);
int ol_verb_audit(struct ol_args *args);
int ol_verb_report(struct ol_args *args); /* report.c */
int ol_verb_demo(struct ol_args *args);

/* help.c: every verb, in the order of a station's life; ends with NULL. */
extern const struct ol_verb ol_verbs[];
void ol_help_all(void);
void ol_help_verb(const struct ol_verb *verb);

/* safekeep.c: what to do with a station that came back. */
void ol_cli_revived(const char *name, const char *dir);

/* cli.c */

/* Fills args->dir, or says why there is none; an exit status. */
int ol_cli_station(struct ol_args *args);
/* Prints `why` as a fault and returns the status; nothing when 0. */
int ol_cli_fail(int status, const char *why);
/* A fault of the command line: the sentence and the verb's usage. */
int ol_cli_usage(const struct ol_args *args, const char *why);
/* Finds the station, asks one thing, says what went wrong. */
int ol_cli_ask(struct ol_args *args, const char *method, json_t *params,
               struct ol_doc *out);
/* The same of what grows with the file or the record that it is done to: it is
 * waited for as long as the station lives. */
int ol_cli_ask_long(struct ol_args *args, const char *method, json_t *params,
                    struct ol_doc *out);
/* With --json the document, and true: all is printed. */
bool ol_cli_json(const struct ol_args *args, const struct ol_doc *doc);

/* A new object with those of the given pairs whose value is not NULL; ends
 * with a NULL key. */
json_t *ol_cli_params(const char *key, ...) __attribute__((sentinel));
/* A file, or stdin for "-", as a text of at most max - 1 bytes, NUL added.
 * *n: its length. False, and said: unreadable or longer. */
bool ol_cli_slurp(const char *path, char *buf, size_t max, size_t *n);

/* A "progress" notification, on a terminal. */
void ol_cli_progress(const json_t *params);
/* A member as a number of bytes or of things; 0 when it is not one. */
uint64_t ol_cli_count(const json_t *object, const char *key);
/* A member as a string; `none` when it is absent, null or of another type. */
const char *ol_cli_str(const json_t *object, const char *key,
                       const char *none);
/* "231000Z NOV 26  2026-11-23T10:00:00.000Z", or `none`. */
#define OL_CLI_TIME (2 * OL_WHEN_TEXT + 16)
void ol_cli_time(const json_t *object, const char *key, const char *none,
                 char out[OL_CLI_TIME]);
/* An option that is a time, as the parameter `key` of that name: `18:00Z` is
 * today's. Nothing when it is not given. */
void ol_cli_time_param(json_t *params, const char *key, const char *text);
/* "231000Z NOV 26, 12 s ago", or `none`. */
void ol_cli_ago(const json_t *object, const char *key, const char *none,
                char out[OL_CLI_TIME]);
/* "flash 1, routine 450" of four counts; false: none, or nobody knows. */
bool ol_cli_counts(const json_t *counts, char out[128]);
/* "EXERCISE EXERCISE EXERCISE" where it is not meant in earnest, else
 * nothing. */
#define OL_CLI_MARK 100u
void ol_cli_mark(const json_t *object, char out[OL_CLI_MARK]);
/* "FLASH" for "flash"; at most 31 letters. */
void ol_cli_upper(const char *text, char out[32]);

#endif
