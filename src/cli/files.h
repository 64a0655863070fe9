/*
 * The files of messages, for people.
 */
#ifndef OL_CLI_FILES_H
#define OL_CLI_FILES_H

#include <jansson.h>

#include <stddef.h>

/* A message's files, a row each; nothing when it has none. */
void ol_files_show(const json_t *message);
/* "2 files, 1.3 MiB, 40 % here"; "" when it has none. */
#define OL_FILES_TEXT 96u
void ol_files_sum(const json_t *message, char out[OL_FILES_TEXT]);
/* What is under way on a line, a row each; nothing when nothing is. */
void ol_files_moving(const json_t *line);
/* What an event of a file says behind its message's name. */
void ol_files_event(const json_t *event, char *out, size_t room);

#endif
