/*
 * The care of a line: doctor, channel, courier, audit.
 *
 * Happy path: ask, show; the exit status says yes or no where the verb is a
 * question. A courier file's path is made absolute here, because the station
 * has another working directory.
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FINDINGS_MAX (512u * 1024)

static enum ol_tint severity_tint(const char *severity)
{
    if (strcmp(severity, "fault") == 0)
        return OL_BAD;
    return strcmp(severity, "note") == 0 ? OL_WARN : OL_GOOD;
}

/* "fault  south cable: what" and, below it, what to do. */
static void show_finding(const json_t *f)
{
    const char *severity = ol_cli_str(f, "severity", "note");
    const char *peer = ol_cli_str(f, "peer", "");
    const char *channel = ol_cli_str(f, "channel", "");
    const char *todo = ol_cli_str(f, "do", "");

    ol_out_tinted(severity_tint(severity), "%-5s  %s%s%s%s%s", severity, peer,
                  *peer && *channel ? " " : "", channel,
                  *peer || *channel ? ": " : "", ol_cli_str(f, "what", "?"));
    if (*todo != '\0')
        ol_out_line("       do: %s", todo);
}

static void show_findings(const json_t *list)
{
    const json_t *f;
    size_t i, faults = 0, notes = 0;

    json_array_foreach(list, i, f) {
        const char *severity = ol_cli_str(f, "severity", "note");

        show_finding(f);
        faults += strcmp(severity, "fault") == 0;
        notes += strcmp(severity, "note") == 0;
    }
    if (faults > 0)
        ol_out_tinted(OL_BAD, "%zu fault%s, %zu note%s.", faults,
                      faults == 1 ? "" : "s", notes, notes == 1 ? "" : "s");
    else
        ol_out_tinted(OL_GOOD, "Nothing is at fault, %zu note%s.", notes,
                      notes == 1 ? "" : "s");
}

int ol_verb_doctor(struct ol_args *args)
{
    char why[OL_WHY_MAX] = "";
    struct ol_writer json;
    json_t *list = NULL;
    char *buf;
    int status = ol_cli_station(args);

    if (status != OL_EXIT_DONE)
        return status;
    buf = malloc(FINDINGS_MAX);
    if (buf == NULL)
        abort();
    ol_writer_init(&json, buf, FINDINGS_MAX);
    status = ol_station_doctor(args->dir, args->word[0], &json, why);
    if (json.n > 0)
        list = json_loadb(buf, json.n, 0, NULL);
    if (list == NULL) {
        status = ol_cli_fail(status ? status : OL_EXIT_FAILED,
                             *why ? why : "the doctor gave no findings: "
                                          "look at the station's log");
    } else if (ol_args_has(args, OL_OPT_JSON)) {
        ol_out_json(buf, json.n);
    } else {
        show_findings(list);
    }
    json_decref(list);
    free(buf);
    return status;
}

static void show_channels(const json_t *list)
{
    static const char *const head[] = {"CHANNEL", "BEARER", "STATE",
                                       "PEER SEES", "FATE"};
    const json_t *c;
    struct ol_table t;
    size_t i;

    ol_table_init(&t, 5);
    ol_table_head(&t, head);
    json_array_foreach(list, i, c) {
        const json_t *sees = json_object_get(c, "peer_sees");

        ol_table_cell(&t, OL_STRONG, "%s", ol_cli_str(c, "name", "?"));
        ol_table_cell(&t, OL_PLAIN, "%s", ol_cli_str(c, "bearer", "?"));
        ol_table_cell(&t, OL_PLAIN, "%s", ol_cli_str(c, "state", "?"));
        ol_table_cell(&t, OL_PLAIN, "%s",
                      ol_cli_str(sees, "state", "unknown"));
        ol_table_cell(&t, OL_PLAIN, "%s", ol_cli_str(c, "fate", "-"));
    }
    ol_table_print(&t, 0);
}

int ol_verb_channel(struct ol_args *args)
{
    const char *action = args->n_words > 1 ? args->word[1] : "list";
    struct ol_doc doc;
    json_t *params;
    int status;

    if (args->n_words == 2)
        return ol_cli_usage(args, "channel needs the channel's name");
    if (args->n_words == 3 && strcmp(action, "disable") != 0 &&
        strcmp(action, "enable") != 0)
        return ol_cli_usage(args, "a channel is disabled or enabled");
    params = ol_cli_params("peer", args->word[0], "name", args->word[2],
                           "action", action, NULL);
    if (ol_args_has(args, OL_OPT_YES))
        json_object_set_new(params, "yes", json_true());
    status = ol_cli_ask(args, "channel", params, &doc);
    if (status != OL_EXIT_DONE)
        return status;
    if (!ol_cli_json(args, &doc))
        show_channels(doc.value);
    ol_doc_free(&doc);
    return OL_EXIT_DONE;
}

/* FILE as the station sees it. */
static bool absolute(const char *file, char out[OL_DIR_MAX])
{
    char here[OL_DIR_MAX];
    int n;

    if (file[0] == '/') {
        n = snprintf(out, OL_DIR_MAX, "%s", file);
    } else if (getcwd(here, sizeof(here)) == NULL) {
        ol_out_fault("cannot tell the current directory: %s: give the whole "
                     "path of FILE", strerror(errno));
        return false;
    } else {
        n = snprintf(out, OL_DIR_MAX, "%s/%s", here, file);
    }
    if (n > 0 && n < (int)OL_DIR_MAX)
        return true;
    ol_out_fault("the path of FILE is too long: use a shorter one");
    return false;
}

static long long count(const struct ol_doc *doc, const char *key)
{
    return (long long)json_integer_value(json_object_get(doc->value, key));
}

static int export(struct ol_args *args, const char *path)
{
    struct ol_doc doc;
    char left[16];
    uint64_t bytes;
    int status = ol_cli_ask_long(args, "courier",
                                 ol_cli_params("action", "export", "peer",
                                               args->word[1], "file", path,
                                               NULL),
                                 &doc);

    if (status != OL_EXIT_DONE)
        return status;
    if (!ol_cli_json(args, &doc))
        ol_out_line("%lld bundle%s written to %s: carry it to %s; there: "
                    "openline courier import FILE", count(&doc, "bundles"),
                    count(&doc, "bundles") == 1 ? " is" : "s are",
                    args->word[2], args->word[1]);
    bytes = ol_cli_count(doc.value, "left");
    if (!ol_args_has(args, OL_OPT_JSON) && bytes > 0) {
        ol_out_bytes(bytes, left);
        ol_out_line("%s of files had no room in it: export again once %s "
                    "has answered.", left, args->word[1]);
    }
    ol_doc_free(&doc);
    return OL_EXIT_DONE;
}

/* 1 when anything in it did not open. */
static int import(struct ol_args *args, const char *path)
{
    struct ol_doc doc;
    long long opened, unopened;
    int status = ol_cli_ask_long(args, "courier",
                                 ol_cli_params("action", "import", "file",
                                               path, NULL),
                                 &doc);

    if (status != OL_EXIT_DONE)
        return status;
    opened = count(&doc, "opened");
    unopened = count(&doc, "unopened");
    if (!ol_cli_json(args, &doc) && unopened == 0)
        ol_out_line("%lld bundle%s opened: all that %s holds is taken.",
                    opened, opened == 1 ? "" : "s", args->word[1]);
    if (unopened > 0)
        ol_out_fault("%lld of %lld bundles in %s did not open: they are "
                     "damaged or for another station; ask the peer to export "
                     "again", unopened, count(&doc, "bundles"),
                     args->word[1]);
    ol_doc_free(&doc);
    return unopened > 0 ? OL_EXIT_FAILED : OL_EXIT_DONE;
}

int ol_verb_courier(struct ol_args *args)
{
    bool out = strcmp(args->word[0], "export") == 0;
    char path[OL_DIR_MAX];

    if (!out && strcmp(args->word[0], "import") != 0)
        return ol_cli_usage(args, "a courier's file is exported or imported");
    if (args->n_words != (out ? 3u : 2u))
        return ol_cli_usage(args, out ? "export needs PEER and FILE"
                                      : "import needs FILE alone");
    if (!absolute(args->word[out ? 2 : 1], path))
        return OL_EXIT_FAILED;
    return out ? export(args, path) : import(args, path);
}

static void show_audit(const json_t *result)
{
    const char *file = ol_cli_str(result, "file", "");
    const json_t *line;
    size_t i;

    if (*file != '\0')
        ol_out_tinted(OL_BAD, "THE LEDGER'S FILE DOES NOT HOLD: %s", file);
    json_array_foreach(json_object_get(result, "lines"), i, line) {
        const json_t *records = json_object_get(line, "records");
        const json_t *points = json_object_get(line, "checkpoints");
        bool ok = json_is_true(json_object_get(line, "ok"));

        ol_out_tinted(ok ? OL_GOOD : OL_BAD,
                      "%s: %s%lld records and %lld checkpoints%s%s",
                      ol_cli_str(line, "peer", "?"),
                      ok ? "the whole record holds: " : "DOES NOT HOLD: ",
                      (long long)json_integer_value(records),
                      (long long)json_integer_value(points), ok ? "" : ": ",
                      ok ? "" : ol_cli_str(line, "fault", "no reason given"));
        if (json_integer_value(json_object_get(line, "unsigned")) > 0)
            ol_out_line("  of these, %lld of the other side stand behind its "
                        "newest signed checkpoint: nobody else will believe "
                        "them",
                        (long long)json_integer_value(
                            json_object_get(line, "unsigned")));
    }
    if (i == 0)
        ol_out_line("There is no line, and so no record.");
}

int ol_verb_audit(struct ol_args *args)
{
    struct ol_doc doc;
    bool ok;
    int status = ol_cli_ask_long(args, "audit",
                                 ol_cli_params("peer", args->word[0], NULL),
                                 &doc);

    if (status != OL_EXIT_DONE)
        return status;
    ok = json_is_true(json_object_get(doc.value, "ok"));
    if (!ol_cli_json(args, &doc))
        show_audit(doc.value);
    ol_doc_free(&doc);
    return ok ? OL_EXIT_DONE : OL_EXIT_FAILED;
}
