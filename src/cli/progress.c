/*
 * How far a file is: one line on a terminal's stderr that is written over, and
 * nothing where nobody would see it as one.
 */
#include "cli/out.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool shown;

void ol_out_bytes(uint64_t bytes, char out[16])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
    double v = (double)bytes;
    size_t u = 0;

    if (bytes < 1024) {
        snprintf(out, 16, "%u B", (unsigned)bytes);
        return;
    }
    for (v /= 1024; v >= 1024 && u < 4; u++)
        v /= 1024;
    snprintf(out, 16, v < 10 ? "%.1f %s" : "%.0f %s", v, units[u]);
}

void ol_out_progress(const char *doing, const char *file, uint64_t have,
                     uint64_t size, uint64_t rate)
{
    char so_far[16], all[16], fast[16];
    size_t columns;
    char *clean;

    if (!isatty(STDERR_FILENO))
        return;
    clean = ol_out_cleaned(file, &columns);
    ol_out_bytes(have, so_far);
    ol_out_bytes(size, all);
    ol_out_bytes(rate, fast);
    fprintf(stderr, "\r\033[K%s %.40s: %u %%, %s of %s%s%s%s", doing, clean,
            size > 0 ? (unsigned)((double)have * 100 / (double)size) : 100,
            so_far, all, rate > 0 ? ", " : "", rate > 0 ? fast : "",
            rate > 0 ? "/s" : "");
    fflush(stderr);
    free(clean);
    shown = true;
}

void ol_out_progress_end(void)
{
    if (shown)
        fputs("\r\033[K", stderr);
    shown = false;
}
