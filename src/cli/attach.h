/*
 * The files that go with a message: opened here, read by the station.
 */
#ifndef OL_CLI_ATTACH_H
#define OL_CLI_ATTACH_H

#include <jansson.h>

#include "cli/args.h"

struct ol_attach {
    int fds[OL_FILES_MAX];
    unsigned n;
};

/* Opens those of --file; their names into params, as "files". An exit status,
 * said. In any case ol_attach_close. */
int ol_attach_open(struct ol_attach *a, const struct ol_args *args,
                   json_t *params);
void ol_attach_close(struct ol_attach *a);

#endif
