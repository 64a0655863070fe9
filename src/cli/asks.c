/*
 * ask: a message that wants an answer by a time.
 */
#include "cli/cli.h"

int ol_verb_ask(struct ol_args *args)
{
    if (!ol_args_has(args, OL_OPT_BY))
        return ol_cli_usage(args, "by when is it to be answered");
    return ol_verb_say(args);
}
