/*
 * Names of files that come from the other side, made fit for a folder here.
 */
#ifndef OL_CLI_SAFE_H
#define OL_CLI_SAFE_H

#define OL_SAFE_MAX 200u /* bytes; the rest up to 255 is for " (2)" */
#define OL_SAFE_NAME (OL_SAFE_MAX + 16u)

/*
 * The name as a file of any usual file system can bear it, and as no person
 * or program takes it for something else: no folder, no control character,
 * nothing invisible or that turns the order of letters, no leading dot, dash
 * or blank, no device of other systems, at most OL_SAFE_MAX bytes with the
 * ending kept, never empty. What is not allowed becomes `_`. n > 1: "name
 * (2).ext", for one that is there already.
 */
void ol_safe_name(const char *name, unsigned n, char out[OL_SAFE_NAME]);

#endif
