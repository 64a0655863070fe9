/*
 * The verbs that keep a station safe: passphrase.
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
