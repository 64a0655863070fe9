/*
 * openline: the command.
 *
 * Happy path: read the command line against the table of verbs (help.c), run
 * the verb, make sure that what it printed was written. A verb of a later
 * version is refused; what does not fit is told with the verb's usage.
 */
#include <openline/station.h>

#include <limits.h>
#include <stdlib.h>

#include "cli/cli.h"

/* What is no descriptor is not open either, and is told so when it is read. */
static int descriptor(const struct ol_args *args, enum ol_opt opt)
{
    unsigned long v;

    if (!ol_args_has(args, opt))
        return -1;
    v = strtoul(args->opt[opt], NULL, 10);
    return v < INT_MAX ? (int)v : INT_MAX;
}

int main(int argc, char **argv)
{
    static struct ol_args args;
    char why[1024] = "";
    int status = OL_EXIT_DONE;

    (void)argc;
    if (ol_args_parse(&args, ol_verbs, argv, why) != OL_EXIT_DONE)
        return ol_cli_usage(&args, why);
    if (ol_args_has(&args, OL_OPT_VERSION)) {
        ol_out_line("openline %s", OL_VERSION_TEXT);
    } else if (args.verb == NULL && !ol_args_has(&args, OL_OPT_HELP)) {
        return ol_cli_usage(&args, "no verb was given");
    } else if (args.verb == NULL) {
        ol_help_all();
    } else if (args.verb->run == NULL) {
        ol_out_fault("%s: not in this version yet: 'openline --help' lists "
                     "what is", args.verb->name);
        return OL_EXIT_USAGE;
    } else if (ol_args_has(&args, OL_OPT_HELP)) {
        ol_help_verb(args.verb);
    } else {
        ol_station_passphrase(descriptor(&args, OL_OPT_PASSPHRASE_FD),
                              descriptor(&args, OL_OPT_NEW_PASSPHRASE_FD));
        status = args.verb->run(&args);
    }
    if (!ol_out_finish() && status == OL_EXIT_DONE)
        status = OL_EXIT_FAILED;
    return status;
}
