/*
 * A new file of a folder that has its name only once it is whole.
 *
 * Nothing that is there is ever overwritten or followed, whoever else works
 * in the folder. Until it is named it has no name where the file system can
 * do that, else one that begins with ".openline-".
 */
#ifndef OL_CLI_KEEP_H
#define OL_CLI_KEEP_H

#include <openline/station.h>

#include "cli/safe.h"

struct ol_keep {
    int folder; /* borrowed */
    int fd;     /* -1: not open */
    char temp[40]; /* "": it has no name */
};

/* A descriptor of a folder, or -1 with why. */
int ol_keep_folder(const char *path, char why[OL_WHY_MAX]);

/* OL_EXIT_FAILED with why. In any case ol_keep_close. */
int ol_keep_open(struct ol_keep *k, int folder, char why[OL_WHY_MAX]);
/* To disk, then under a safe form of `name`, which is told. */
int ol_keep_name(struct ol_keep *k, const char *name,
                 char out[OL_SAFE_NAME], char why[OL_WHY_MAX]);
/* What has no name goes. */
void ol_keep_close(struct ol_keep *k);

#endif
