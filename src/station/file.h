/*
 * Small files of a station's directory: read whole, written whole.
 *
 * A write goes to a new file beside the target, is synced and renamed over
 * it, so a reader sees the old text or the new one and a crash leaves one of
 * them.
 */
#ifndef OL_STATION_FILE_H
#define OL_STATION_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <openline/err.h>
#include <openline/span.h>

#define OL_PATH_MAX 4096u

/* dir/a, or dir/a/b when b is given. False when it does not fit. */
bool ol_path(char out[OL_PATH_MAX], const char *dir, const char *a,
             const char *b);
bool ol_file_exists(const char *path);

/* Reads a whole regular file of at most max bytes into a buffer that the
 * caller frees; a NUL stands behind it. OL_ERR_MISSING, OL_ERR_LONG,
 * OL_ERR_IO (errno tells). */
OL_MUST_USE enum ol_err ol_file_read(const char *path, size_t max,
                                     char **out, size_t *n);

enum ol_file_how { OL_FILE_NEW, OL_FILE_REPLACE };

/* What stands between a file's name and six letters while it is written: a
 * crash leaves such a file, and nobody else makes one. */
#define OL_FILE_TMP ".new-"

/* NEW: OL_ERR_EXISTS when there is one. OL_ERR_FULL, OL_ERR_IO. */
OL_MUST_USE enum ol_err ol_file_write(const char *path, mode_t mode,
                                      enum ol_file_how how,
                                      struct ol_span bytes);

/* Removes it, durably. OL_ERR_IO. */
OL_MUST_USE enum ol_err ol_file_remove(const char *path);

/* What is in the folder of `path` is there also after a power cut. 0, or -1
 * (errno). */
int ol_folder_sync(const char *path);

/* Gives the file tmp, of the same folder, the name path, which nothing has.
 * 0, or -1 (errno, EEXIST) and tmp is as it was. */
int ol_file_place(const char *tmp, const char *path);

/* Makes a folder and those above it. OL_ERR_IO. */
OL_MUST_USE enum ol_err ol_folder_make(const char *path, mode_t mode);

/* Names in a folder that end with `suffix`, without it, sorted; at most max.
 * A missing folder has none. Returns how many, -1 on error (errno). */
int ol_folder_list(const char *path, const char *suffix, char (*names)[33],
                   int max);

#endif
