/*
 * Names of files that come from the other side, made fit for a folder here.
 *
 * Every letter is looked at once; what may not stand becomes `_`, so that two
 * bad names stay two names more often than not. What is too long loses letters
 * before its ending. It cannot fail.
 */
#include "cli/safe.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/out.h"

#define ENDING_MAX 16u /* ".docx", its dot included */

/* Means something to a shell, a path or another system's files. */
static bool special(char c)
{
    return strchr("/\\:*?\"<>|", c) != NULL;
}

/* At most max bytes of clean letters; its length. */
static size_t letters(const char *name, size_t n, char *out, size_t max)
{
    size_t used = 0;

    for (size_t i = 0, len; i < n; i += len) {
        bool shows;

        len = ol_out_letter(name + i, n - i, &shows);
        if (len == 0 || !shows || special(name[i])) {
            len = len ? len : 1;
            if (used + 1 > max)
                break;
            out[used++] = '_';
        } else {
            if (used + len > max)
                break;
            memcpy(out + used, name + i, len);
            used += len;
        }
    }
    return used;
}

/* Where its ending begins; n: it has none. A name is not all ending. */
static size_t ending(const char *name, size_t n)
{
    for (size_t i = n; i > 1 && n - i < ENDING_MAX; i--)
        if (name[i - 1] == '.')
            return i - 1;
    return n;
}

/* A device on systems whose users may get the file next: "con.txt". */
static bool device(const char *name)
{
    static const char *const names[] = {"con", "prn", "aux", "nul"};
    size_t n = strcspn(name, ". ");

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (n == 3 && strncasecmp(name, names[i], 3) == 0)
            return true;
    return n == 4 && name[3] >= '0' && name[3] <= '9' &&
           (strncasecmp(name, "com", 3) == 0 ||
            strncasecmp(name, "lpt", 3) == 0);
}

/* Dots and blanks at the end are lost on other systems. */
static void trim(char *name)
{
    size_t n = strlen(name);

    while (n > 0 && (name[n - 1] == '.' || name[n - 1] == ' '))
        n--;
    name[n] = '\0';
}

void ol_safe_name(const char *name, unsigned n, char out[OL_SAFE_NAME])
{
    char stem[OL_SAFE_MAX + 2], tail[ENDING_MAX + 1], count[16] = "";
    size_t all = strlen(name), dot = ending(name, all), used;

    used = letters(name + dot, all - dot, tail, ENDING_MAX);
    tail[used] = '\0';
    trim(tail);
    used = letters(name, dot, stem + 1, OL_SAFE_MAX - 1 - strlen(tail));
    stem[used + 1] = '\0';
    if (tail[0] == '\0')
        trim(stem + 1);
    /* Hidden files, options, home folders. */
    if (strchr(".-~ ", stem[1]) != NULL && stem[1] != '\0')
        stem[1] = '_';
    stem[0] = '_';
    if (n > 1)
        snprintf(count, sizeof(count), " (%u)", n);
    snprintf(out, OL_SAFE_NAME, "%s%s%s",
             stem[1] == '\0'   ? "file"
             : device(stem + 1) ? stem
                                : stem + 1,
             count, tail);
}
