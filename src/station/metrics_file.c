/*
 * The figures as a file, for a collector that reads files.
 *
 * Happy path: every 15 s all of it is written to a file beside, on a thread,
 * for the disk may be slow, and renamed over the last. How it fails: what could
 * not be written is logged, now and then, and tried again; the thread that
 * hangs on a dead share is the only one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "station/clock.h"
#include "station/log.h"
#include "station/metrics.h"

#define EVERY_NS (15 * OL_NS_PER_S)
#define RARELY_NS (600 * OL_NS_PER_S)

struct ol_metrics_file {
    uv_work_t work;
    struct ol_station *st;
    char path[OL_PATH_MAX], *text;
    int error; /* errno */
};

/* Nothing is synced: after a power cut there is no station, and no figure. */
static int write_all(const char *path, const char *text)
{
    char tmp[OL_PATH_MAX + 16];
    size_t n = strlen(text), at = 0;
    int fd, error = 0;

    ol_text_put(tmp, sizeof(tmp), "%s" OL_FILE_TMP "XXXXXX", path);
    fd = mkostemp(tmp, O_CLOEXEC);
    if (fd < 0)
        return errno;
    while (at < n && error == 0) {
        ssize_t did = write(fd, text + at, n - at);

        if (did >= 0)
            at += (size_t)did;
        else if (errno != EINTR)
            error = errno;
    }
    /* The collector is another user. */
    if (error == 0 && fchmod(fd, 0644) != 0)
        error = errno;
    if (close(fd) != 0 && error == 0)
        error = errno;
    if (error == 0 && rename(tmp, path) != 0)
        error = errno;
    if (error != 0)
        (void)unlink(tmp);
    return error;
}

static void on_thread(uv_work_t *work)
{
    struct ol_metrics_file *f = work->data;

    f->error = write_all(f->path, f->text);
}

static void done(uv_work_t *work, int status)
{
    struct ol_metrics_file *f = work->data;
    struct ol_station *st = f->st;

    st->works--;
    st->metrics_busy = false;
    if (status == 0 && f->error != 0)
        ol_log_rarely(&st->said_metrics_ns, RARELY_NS, "the metrics cannot be "
                      "written to %s: %s: see metrics in station.conf",
                      f->path, strerror(f->error));
    free(f->text);
    free(f);
}

static void begin(struct ol_station *st)
{
    struct ol_metrics_file *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return;
    f->st = st;
    f->work.data = f;
    f->text = ol_metrics_text(st);
    ol_text_put(f->path, sizeof(f->path), "%s", st->conf.metrics);
    if (f->text == NULL ||
        uv_queue_work(&st->loop, &f->work, on_thread, done) != 0) {
        free(f->text);
        free(f);
        return;
    }
    st->works++;
    st->metrics_busy = true;
    ol_text_put(st->metrics_path, sizeof(st->metrics_path), "%s", f->path);
}

/* Whatever was written where the configuration says no more. */
static void remove_old(struct ol_station *st)
{
    if (st->metrics_path[0] != '\0')
        (void)unlink(st->metrics_path);
    st->metrics_path[0] = '\0';
}

void ol_metrics_pump(struct ol_station *st, uint64_t now_ns)
{
    if (st->metrics_busy || st->stopping || now_ns < st->metrics_ns)
        return;
    if (strcmp(st->metrics_path, st->conf.metrics) != 0)
        remove_old(st);
    st->metrics_ns = now_ns + EVERY_NS;
    if (st->conf.metrics[0] != '\0')
        begin(st);
}

void ol_metrics_stop(struct ol_station *st)
{
    if (!st->metrics_busy)
        remove_old(st);
}
