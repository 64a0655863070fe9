/*
 * run: from a directory to a station that runs, and back.
 *
 * Happy path: lock, keys, ledger, restore marker, configuration, loop,
 * listeners, lines, the control socket, READY; then the loop until a signal;
 * then what is in the ledger's queue is written, everything is closed.
 * Whatever fails before READY ends it with one sentence and leaves nothing
 * behind but the lock file.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "station/alarms.h"
#include "station/clock.h"
#include "station/log.h"
#include "station/metrics.h"
#include "station/notify.h"
#include "station/presence.h"
#include "station/station.h"

static void on_wake(void *arg)
{
    struct ol_station *st = arg;

    /* From the commit thread; safe as long as the ledger is open. */
    ol_loop_wake(st);
}

static int open_ledger(struct ol_station *st, char why[OL_WHY_MAX])
{
    char path[OL_PATH_MAX], words[256] = "";
    enum ol_err err;

    if (!ol_path(path, st->dir, "ledger.db", NULL))
        return ol_fail(why, OL_EXIT_FAILED, "%s: the path is too long",
                       st->dir);
    err = ol_sqlite_open(&st->ledger, path, st->keys->storage, on_wake, st,
                         words);
    if (err == OL_OK) {
        /* What came before was looked at when it came. */
        (void)!st->ledger->ops->last_seq(st->ledger, &st->misread_seq);
        return OL_EXIT_OK;
    }
    st->ledger = NULL;
    if (err == OL_ERR_NEWER)
        return ol_fail(why, OL_EXIT_FAILED, "%s was written by a newer "
                       "version: update this program", path);
    if (words[0] != '\0') /* it says what to do itself */
        return ol_fail(why, OL_EXIT_FAILED, "the ledger: %s", words);
    return ol_fail(why, OL_EXIT_FAILED, "cannot open %s: %s: bring it back "
                   "from a copy if it stays so", path,
                   ol_err_info(err)->text);
}

static void ignore_pipes(void)
{
    struct sigaction sa = {0};

    sa.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &sa, NULL);
}

/* Everything up to READY. */
static int start(struct ol_station *st, char why[OL_WHY_MAX])
{
    int status = ol_dir_lock(st->dir, &st->lock_fd, why);

    if (status == OL_EXIT_OK) /* behind it nobody takes other ones */
        status = ol_keys_open(st->dir, &st->keys, why);
    if (status == OL_EXIT_OK)
        status = ol_loop_open(st, why);
    if (status == OL_EXIT_OK)
        status = open_ledger(st, why);
    if (status == OL_EXIT_OK && st->keys->vault.sealed) /* an interrupted */
        status = ol_vault_settle(st->dir, &st->keys->vault, false, why);
    if (status == OL_EXIT_OK && !ol_alarms_open(st))
        status = ol_fail(why, OL_EXIT_FAILED, "the alarms cannot be read from "
                         "the ledger (%s): run 'openline doctor'",
                         st->ledger->why);
    if (status == OL_EXIT_OK)
        ol_dir_copy_sweep(st->dir);
    if (status == OL_EXIT_OK)
        ol_dark_start(st);
    if (status == OL_EXIT_OK)
        ol_guard_start(st);
    if (status == OL_EXIT_OK)
        ol_disk_pump(st); /* is there room */
    if (status == OL_EXIT_OK)
        status = ol_reload_first(st, why);
    if (status == OL_EXIT_OK)
        ol_presence_start(st);
    if (status == OL_EXIT_OK)
        status = ol_control_open(st, why);
    return status;
}

/* Answers still go out, then clients are let go. */
static void last_words(struct ol_station *st)
{
    uint64_t until_ns = ol_clock_ns() + 200 * OL_NS_PER_MS;

    ol_submit_fail(st, NULL, "the station stops: nothing was taken; send it "
                             "again when it runs");
    if (st->turn.data != NULL)
        ol_files_stop(st);
    while (st->control != NULL && ol_control_busy(st) &&
           ol_clock_ns() < until_ns) {
        /* There is no turn any more that would. */
        ol_control_flush(st);
        (void)uv_run(&st->loop, UV_RUN_NOWAIT);
    }
    ol_control_close(st);
}

static void finish(struct ol_station *st)
{
    if (st->turn.data != NULL)
        (void)uv_prepare_stop(&st->turn);
    last_words(st);
    while (st->n_lines > 0)
        ol_line_drop(st->lines[st->n_lines - 1]);
    ol_bearers_close(st);
    ol_metrics_stop(st);
    ol_alarms_close(st);
    if (st->ledger != NULL)
        st->ledger->ops->close(st->ledger);
    st->ledger = NULL;
    ol_later_forget(st, NULL);
    ol_backup_stop(st);
    ol_guard_stop(st);
    if (st->turn.data != NULL)
        ol_loop_close(st);
    ol_keys_close(st->keys);
    ol_dark_stop(st);
    if (st->lock_fd >= 0)
        close(st->lock_fd);
}

static int check_only(const char *dir, char why[OL_WHY_MAX])
{
    struct ol_station *st = calloc(1, sizeof(*st));
    int status;

    if (st == NULL)
        return ol_fail(why, OL_EXIT_FAILED, "no memory");
    st->check_only = true;
    ol_text_put(st->dir, sizeof(st->dir), "%s", dir);
    status = ol_keys_open(dir, &st->keys, why);
    if (status == OL_EXIT_OK)
        status = ol_reload_first(st, why);
    ol_keys_close(st->keys);
    free(st);
    return status == OL_EXIT_OK ? OL_EXIT_OK : OL_EXIT_FAILED;
}

int ol_station_run(const struct ol_run_opts *opts, char why[OL_WHY_MAX])
{
    struct ol_station *st;
    int status;

    if (opts->check_config)
        return check_only(opts->dir, why);
    st = calloc(1, sizeof(*st));
    if (st == NULL)
        return ol_fail(why, OL_EXIT_FAILED, "no memory");
    st->lock_fd = st->timer_fd = st->wake_fd = st->alive_fd = -1;
    ol_text_put(st->dir, sizeof(st->dir), "%s", opts->dir);
    ignore_pipes();
    st->min_free = ol_disk_min_free();
    status = start(st, why);
    if (status == OL_EXIT_OK) {
        ol_log(OL_LOG_NOTE, "station %s runs in %s: %u line%s",
               st->conf.name, st->dir, st->n_lines,
               st->n_lines == 1 ? "" : "s");
        ol_notify("READY=1");
        ol_loop_run(st);
    }
    finish(st);
    if (status == OL_EXIT_OK)
        ol_log(OL_LOG_NOTE, "stopped");
    /* A thread hangs on somebody's share and has st still; exit() would wait
     * for it (libuv joins its threads there), with the lock. */
    if (st->works > 0 || st->closings != NULL)
        _exit(status == OL_EXIT_OK ? OL_EXIT_OK : OL_EXIT_FAILED);
    free(st);
    return status == OL_EXIT_OK ? OL_EXIT_OK : OL_EXIT_FAILED;
}
