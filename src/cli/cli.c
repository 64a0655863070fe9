/*
 * What the verbs share.
 *
 * Happy path: find the station's directory, connect, ask, show the answer. All
 * faults of these steps are printed here, once, with what to do, and come back
 * as an exit status.
 */
#include "cli/cli.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int ol_cli_fail(int status, const char *why)
{
    if (status != OL_EXIT_DONE)
        ol_out_fault("%s", why);
    return status;
}

int ol_cli_usage(const struct ol_args *args, const char *why)
{
    char usage[1024];

    if (args->verb == NULL) {
        ol_out_fault("%s: usage: openline VERB [...]: see 'openline --help'",
                     why);
    } else {
        ol_args_usage(args->verb, usage);
        ol_out_fault("%s: usage: %s", why, usage);
    }
    return OL_EXIT_USAGE;
}

int ol_cli_station(struct ol_args *args)
{
    char why[OL_WHY_MAX] = "";

    return ol_cli_fail(
        ol_station_find(args->opt[OL_OPT_DIR], args->dir, why), why);
}

static int ask(struct ol_args *args, const char *method, json_t *params,
               bool for_ever, struct ol_doc *out)
{
    char why[OL_WHY_MAX] = "";
    struct ol_rpc rpc;
    int status = ol_cli_station(args);

    if (status != OL_EXIT_DONE) {
        json_decref(params);
        return status;
    }
    status = ol_rpc_open(&rpc, args->dir, why);
    if (for_ever)
        rpc.timeout_ms = OL_RPC_FOR_EVER;
    if (status == OL_EXIT_DONE)
        status = ol_rpc_call(&rpc, method, params, out, why);
    else
        json_decref(params);
    ol_rpc_close(&rpc);
    return ol_cli_fail(status, why);
}

int ol_cli_ask(struct ol_args *args, const char *method, json_t *params,
               struct ol_doc *out)
{
    return ask(args, method, params, false, out);
}

int ol_cli_ask_long(struct ol_args *args, const char *method, json_t *params,
                    struct ol_doc *out)
{
    return ask(args, method, params, true, out);
}

bool ol_cli_json(const struct ol_args *args, const struct ol_doc *doc)
{
    if (!ol_args_has(args, OL_OPT_JSON))
        return false;
    ol_out_json(doc->raw, doc->raw_n);
    return true;
}

json_t *ol_cli_params(const char *key, ...)
{
    json_t *params = json_object();
    va_list pairs;

    va_start(pairs, key);
    for (; key != NULL; key = va_arg(pairs, const char *)) {
        const char *value = va_arg(pairs, const char *);
        json_t *text = value ? json_string(value) : NULL;

        /* A word that is not UTF-8 names nothing; the station says so. */
        if (value != NULL && text == NULL) {
            size_t columns;
            char *clean = ol_out_cleaned(value, &columns);

            text = json_string(clean);
            free(clean);
        }
        if (text != NULL)
            json_object_set_new(params, key, text);
    }
    va_end(pairs);
    return params;
}

bool ol_cli_slurp(const char *path, char *buf, size_t max, size_t *n)
{
    bool is_stdin = strcmp(path, "-") == 0, good;
    FILE *f = is_stdin ? stdin : fopen(path, "re");
    int error;

    if (f == NULL) {
        ol_out_fault("cannot open %s: %s: check its name", path,
                     strerror(errno));
        return false;
    }
    errno = 0;
    *n = fread(buf, 1, max, f);
    error = errno;
    good = !ferror(f);
    if (!is_stdin)
        fclose(f);
    if (!good)
        ol_out_fault("cannot read %s: %s: is it a file?", path,
                     strerror(error));
    else if (*n < max)
        buf[*n] = '\0';
    else
        ol_out_fault("%s is larger than %zu bytes: is it the right file?",
                     path, max - 1);
    return good && *n < max;
}

uint64_t ol_cli_count(const json_t *object, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(object, key));

    return v > 0 ? (uint64_t)v : 0;
}

void ol_cli_progress(const json_t *params)
{
    ol_out_progress(ol_cli_str(params, "doing", "moving"),
                    ol_cli_str(params, "file", "a file"),
                    ol_cli_count(params, "have"),
                    ol_cli_count(params, "size"),
                    ol_cli_count(params, "rate"));
}

const char *ol_cli_str(const json_t *object, const char *key,
                       const char *none)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : none;
}

void ol_cli_time(const json_t *object, const char *key, const char *none,
                 char out[OL_CLI_TIME])
{
    const char *text = ol_cli_str(object, key, NULL);
    char group[OL_WHEN_TEXT];
    int64_t ms;

    if (text == NULL || !ol_when_time(text, 0, &ms)) {
        snprintf(out, OL_CLI_TIME, "%s", text ? text : none);
        return;
    }
    ol_when_group(ms, group);
    snprintf(out, OL_CLI_TIME, "%s  %s", group, text);
}

void ol_cli_time_param(json_t *params, const char *key, const char *value)
{
    char text[OL_WHEN_TEXT];
    int64_t ms;

    if (value == NULL || !ol_when_time(value, ol_when_now_ms(), &ms))
        return;
    ol_when_rfc3339(ms, text);
    json_object_set_new(params, key, json_string(text));
}

void ol_cli_ago(const json_t *object, const char *key, const char *none,
                char out[OL_CLI_TIME])
{
    const char *text = ol_cli_str(object, key, NULL);
    char group[OL_WHEN_TEXT], span[OL_WHEN_TEXT];
    int64_t ms;

    if (text == NULL || !ol_when_time(text, 0, &ms)) {
        snprintf(out, OL_CLI_TIME, "%s", text ? text : none);
        return;
    }
    ol_when_group(ms, group);
    ol_when_span(ol_when_now_ms() - ms, span);
    snprintf(out, OL_CLI_TIME, "%s, %s ago", group, span);
}

void ol_cli_mark(const json_t *object, char out[OL_CLI_MARK])
{
    const char *word = ol_cli_str(object, "marking", "actual");
    char upper[32];

    ol_cli_upper(strcmp(word, "actual") == 0 ? "" : word, upper);
    out[0] = '\0';
    if (upper[0] != '\0')
        snprintf(out, OL_CLI_MARK, "%s %s %s", upper, upper, upper);
}

void ol_cli_upper(const char *text, char out[32])
{
    size_t i;

    for (i = 0; i < 31 && text[i] != '\0'; i++)
        out[i] = (char)toupper((unsigned char)text[i]);
    out[i] = '\0';
}
