/*
 * Who is there, in words: for status and watch.
 */
#ifndef OL_CLI_WHO_H
#define OL_CLI_WHO_H

#include "cli/cli.h"

/* An event of attendance as a sentence. True: somebody has to answer now. */
bool ol_who_event(const json_t *ev, char *out, size_t max,
                  enum ol_tint *tint);
/* An event of a stance: "closed on prisoners: not today". */
void ol_who_declared(const json_t *ev, char *out, size_t max);
/* The four facts of the other side, and of ours what there is to know, of a
 * line of the status. Return out. */
const char *ol_who_presence(const json_t *line, char *out, size_t max);
const char *ol_who_ours(const json_t *line, char *out, size_t max);

#endif
