/*
 * The verbs that keep a station safe: passphrase, identity, backup, restore.
 *
 * Happy path: the library does the work (openline/station.h), these say what
 * was done and what comes next.
 */
#include "cli/cli.h"

#include <openline/station.h>

#include <stdlib.h>
#include <string.h>

int ol_verb_passphrase(struct ol_args *args)
{
    bool remove = ol_args_has(args, OL_OPT_REMOVE);
    char why[OL_WHY_MAX] = "";
    int status;

    if (remove && ol_args_has(args, OL_OPT_NEW_PASSPHRASE_FD))
        return ol_cli_usage(args, "--remove takes no new passphrase");
    status = ol_cli_station(args);
    if (status == OL_EXIT_DONE)
        status = ol_cli_fail(ol_station_change(args->dir, remove, why), why);
    if (status != OL_EXIT_DONE)
        return status;
    if (ol_args_has(args, OL_OPT_JSON)) {
        ol_out_line("{\"at_rest\":\"%s\"}", remove ? "file-mode"
                                                   : "passphrase");
    } else if (remove) {
        ol_out_line("The keys in %s lie beside the data now: a stolen disk is "
                    "a stolen station.", args->dir);
    } else {
        ol_out_line("The passphrase of %s is set. Without it this station "
                    "cannot be started: keep it safe, apart from the machine.",
                    args->dir);
        ol_out_line("What was on the disk before it was sealed, and copies "
                    "from then, are not protected by it.");
    }
    return OL_EXIT_DONE;
}

/* {"file", "station" or "dir"}: two facts. */
static void facts(const char *key, const char *value, const char *key2,
                  const char *value2)
{
    json_t *doc = json_pack("{s:s, s:s}", key, value, key2, value2);
    char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;

    if (text != NULL)
        ol_out_json(text, strlen(text));
    free(text);
    json_decref(doc);
}

int ol_verb_identity(struct ol_args *args)
{
    const char *file = args->word[0];
    char why[OL_WHY_MAX] = "";
    int status = ol_cli_station(args);

    if (status == OL_EXIT_DONE)
        status = ol_cli_fail(ol_station_identity(args->dir, file, why), why);
    if (status != OL_EXIT_DONE)
        return status;
    if (ol_args_has(args, OL_OPT_JSON)) {
        facts("file", file, "dir", args->dir);
        return OL_EXIT_DONE;
    }
    ol_out_line("The identity is in %s, sealed: keep it and its passphrase "
                "apart from this machine.", file);
    ol_out_line("If all is lost: openline init DIR --identity %s", file);
    ol_out_line("Its peers then send back what was said. Make it anew after "
                "each new card, 'pair' and change of the configuration.");
    return OL_EXIT_DONE;
}

int ol_verb_backup(struct ol_args *args)
{
    const char *file = args->word[0];
    char why[OL_WHY_MAX] = "";
    int status = ol_cli_station(args);

    if (status == OL_EXIT_DONE)
        status = ol_cli_fail(ol_station_backup(args->dir, file, why), why);
    if (status != OL_EXIT_DONE)
        return status;
    if (ol_args_has(args, OL_OPT_JSON)) {
        facts("file", file, "dir", args->dir);
        return OL_EXIT_DONE;
    }
    ol_out_line("The station is in %s as it was a moment ago, sealed: keep it "
                "and its passphrase apart from this machine.", file);
    ol_out_line("To bring it back: openline restore %s DIR", file);
    ol_out_line("Never run both: one identity in two places breaks its "
                "lines.");
    return OL_EXIT_DONE;
}

void ol_cli_revived(const char *name, const char *dir)
{
    ol_out_line("Station %s is in %s. It knows that it is a restored copy: "
                "what was said since comes back from its peers, and what is "
                "new waits for them.", name, dir);
    ol_out_line("First make sure that the original is stopped, and never "
                "runs again: one identity in two places breaks its lines.");
    ol_out_line("Then: openline -d %s run", dir);
}

int ol_verb_restore(struct ol_args *args)
{
    const char *file = args->word[0], *dir = args->word[1];
    char why[OL_WHY_MAX] = "", name[33] = "";
    int status;

    if (ol_args_has(args, OL_OPT_DIR))
        return ol_cli_usage(args, "DIR is the second word, without -d");
    status = ol_cli_fail(ol_station_restore(file, dir, name, why), why);
    if (status == OL_EXIT_DONE && ol_args_has(args, OL_OPT_JSON))
        facts("station", name, "dir", dir);
    else if (status == OL_EXIT_DONE)
        ol_cli_revived(name, dir);
    return status;
}
