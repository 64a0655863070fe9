/*
 * The loop: libuv's, with one timer on a clock that runs through a suspend.
 *
 * Callbacks of the loop hand packets and news to the lines; once a turn,
 * before it waits, everything else is done in one fixed order (on_turn), and
 * the timer is set to the earliest moment at which anything is due.
 */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/check.h"
#include "crypto/crypto.h"
#include "station/alarms.h"
#include "station/asks.h"
#include "station/clock.h"
#include "station/log.h"
#include "station/metrics.h"
#include "station/notify.h"
#include "station/presence.h"
#include "station/standing.h"
#include "station/station.h"

#define FRESH_NS (60 * OL_NS_PER_S)
#define STOP_NS (1500 * OL_NS_PER_MS)

static void nothing(uv_idle_t *handle)
{
    (void)handle;
}

void ol_loop_again(struct ol_station *st)
{
    (void)uv_idle_start(&st->busy, nothing);
}

static void tick_lines(struct ol_station *st, uint64_t now_ns)
{
    bool fresh = now_ns - st->fresh_ns >= FRESH_NS;
    uint8_t seed[32];

    if (fresh)
        st->fresh_ns = now_ns;
    for (unsigned k = 0; k < st->n_lines; k++) {
        struct ol_station_line *line = st->lines[k];

        if (!fresh && line->wake_ns > now_ns)
            continue;
        if (fresh)
            ol_os_random(seed, sizeof(seed));
        ol_station_tick(line, fresh ? seed : NULL);
    }
    ol_wipe(seed, sizeof(seed));
}

static uint64_t earliest(const struct ol_station *st)
{
    uint64_t at = OL_MIN(st->disk_ns, ol_waits_next_ns(st));

    at = OL_MIN(at, OL_MIN(ol_saving_next_ns(st), st->alarms_ns));
    at = OL_MIN(at, ol_asks_next_ns(st));
    if (!st->metrics_busy && st->conf.metrics[0] != '\0')
        at = OL_MIN(at, st->metrics_ns);
    at = OL_MIN(at, ol_presence_next_ns(st));
    at = OL_MIN(at, OL_MIN(ol_checks_next_ns(st), ol_reflex_next_ns(st)));
    at = OL_MIN(at, OL_MIN(st->listen_ns, st->networks.due_ns));
    at = OL_MIN(at, st->watchdog_next_ns);
    at = OL_MIN(at, OL_MIN(st->history_ns, ol_dark_next_ns(st)));
    at = OL_MIN(at, st->fresh_ns + FRESH_NS);
    at = OL_MIN(at, ol_hooks_next_ns(st));
    if (!st->guard.busy)
        at = OL_MIN(at, st->guard.at_ns);
    if (st->stopping)
        at = OL_MIN(at, st->stop_ns + STOP_NS);
    for (unsigned k = 0; k < st->n_lines; k++) {
        const struct ol_station_line *line = st->lines[k];

        if (line->phase == OL_PHASE_RUN)
            at = OL_MIN(at, OL_MIN(line->wake_ns, line->courier_ns));
        else if (line->phase == OL_PHASE_WAIT)
            at = OL_MIN(at, line->retry_ns);
    }
    return at;
}

static void arm(struct ol_station *st)
{
    uint64_t at = earliest(st), now_ns = ol_clock_ns();
    struct itimerspec t = {0};

    if (at <= now_ns) {
        ol_loop_again(st);
        return;
    }
    /* What was put off costs one turn for nothing when it would have come, and
     * no call with each message, whose timers come and go. */
    if (at >= st->armed_ns)
        return;
    t.it_value.tv_sec = (time_t)(at / OL_NS_PER_S);
    t.it_value.tv_nsec = (long)(at % OL_NS_PER_S);
    OL_CHECK(timerfd_settime(st->timer_fd, TFD_TIMER_ABSTIME, &t, NULL) == 0);
    st->armed_ns = at;
}

/* All that was handed in is on disk, or it takes too long. */
static void wind_down(struct ol_station *st, uint64_t now_ns)
{
    if (st->stopped || (st->fifo_n > 0 && now_ns < st->stop_ns + STOP_NS))
        return;
    st->stopped = true;
    uv_stop(&st->loop);
}

static void on_turn(uv_prepare_t *handle)
{
    struct ol_station *st = handle->data;
    uint64_t now_ns = ol_clock_ns();

    (void)uv_idle_stop(&st->busy);
    ol_networks_pump(st, now_ns);
    ol_bearers_pump(st);
    ol_control_pump(st);
    ol_reload_pump(st);
    ol_disk_pump(st);
    ol_files_pump(st);
    ol_import_pump(st);
    for (unsigned k = 0; k < st->n_lines; k++) {
        ol_courier_pump(st->lines[k]);
        ol_export_pump(st->lines[k]);
    }
    ol_submit_pump(st);
    st->submits_pumped = true;
    ol_asks_pump(st);
    ol_exercise_pump(st);
    ol_reflex_pump(st);
    ol_checks_pump(st);
    tick_lines(st, now_ns);
    ol_alarms_pump(st, now_ns);
    ol_metrics_pump(st, now_ns);
    ol_hooks_pump(st, now_ns);
    ol_jobs_pump(st);
    for (unsigned k = 0; k < st->n_lines; k++)
        ol_stance_pump(st->lines[k]);
    ol_presence_pump(st, now_ns);
    ol_events_pump(st);
    ol_waits_pump(st);
    ol_guard_pump(st, now_ns);
    ol_dark_pump(st, now_ns);
    ol_history_pump(st, now_ns);
    ol_standing_pump(st, now_ns);
    ol_control_flush(st);
    if (now_ns >= st->watchdog_next_ns) {
        ol_notify("WATCHDOG=1");
        st->watchdog_next_ns = now_ns + st->watchdog_ns;
    }
    if (st->stopping)
        wind_down(st, now_ns);
    st->submits_pumped = false;
    arm(st);
}

static void on_timer(uv_poll_t *handle, int status, int events)
{
    struct ol_station *st = handle->data;
    uint64_t n;

    (void)status;
    (void)events;
    ol_networks_late(st, st->armed_ns);
    /* Only to be woken; what is due, the end of the turn finds. */
    if (read(st->timer_fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
        ol_log(OL_LOG_DEBUG, "timer: %s", strerror(errno));
    st->armed_ns = OL_NEVER_NS;
}

/* No uv_async: that has the loop spin until who woke it has returned, who on
 * the same processor waits for the loop. */
void ol_loop_wake(struct ol_station *st)
{
    const uint64_t one = 1;

    /* It fails only where 2^64 - 2 wakes wait already. */
    if (write(st->wake_fd, &one, sizeof(one)) < 0)
        return;
}

static void on_committed(uv_poll_t *handle, int status, int events)
{
    struct ol_station *st = handle->data;
    uint64_t n;

    (void)status;
    (void)events;
    if (read(st->wake_fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
        ol_log(OL_LOG_DEBUG, "wake: %s", strerror(errno));
    ol_disk_done(st);
}

static void on_stop(uv_signal_t *handle, int signum)
{
    struct ol_station *st = handle->data;

    (void)signum;
    if (st->stopping)
        return;
    ol_log(OL_LOG_NOTE, "stopping");
    ol_notify("STOPPING=1");
    st->stopping = true;
    st->stop_ns = ol_clock_ns();
    ol_control_stop(st);
    ol_jobs_stop(st);
    ol_hooks_stop(st);
    ol_import_stop(st);
    ol_taking_fail(st, NULL, "the station stops: nothing was sent; send it "
                             "again when it runs");
    ol_waits_fail(st, NULL);
    ol_history_stop(st);
    for (unsigned k = 0; k < st->n_lines; k++)
        ol_checks_stop(st->lines[k], "the station stops: 'openline checks' "
                                     "tells what became of it");
    for (unsigned k = 0; k < st->n_lines; k++)
        if (st->lines[k]->phase == OL_PHASE_RUN)
            st->lines[k]->phase = OL_PHASE_DRAIN;
}

static void on_reload(uv_signal_t *handle, int signum)
{
    (void)signum;
    ol_reload(handle->data, NULL);
}

int ol_loop_open(struct ol_station *st, char why[OL_WHY_MAX])
{
    int rc = uv_loop_init(&st->loop);

    if (rc != 0)
        return ol_fail(why, OL_EXIT_FAILED, "no event loop: %s",
                       uv_strerror(rc));
    st->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (st->timer_fd < 0)
        return ol_fail(why, OL_EXIT_FAILED, "no timer: %s", strerror(errno));
    OL_CHECK(uv_prepare_init(&st->loop, &st->turn) == 0);
    OL_CHECK(uv_idle_init(&st->loop, &st->busy) == 0);
    OL_CHECK(uv_signal_init(&st->loop, &st->term) == 0);
    OL_CHECK(uv_signal_init(&st->loop, &st->intr) == 0);
    OL_CHECK(uv_signal_init(&st->loop, &st->hup) == 0);
    st->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (st->wake_fd < 0)
        return ol_fail(why, OL_EXIT_FAILED, "no wake: %s", strerror(errno));
    rc = uv_poll_init(&st->loop, &st->committed, st->wake_fd);
    if (rc == 0)
        rc = uv_poll_start(&st->committed, UV_READABLE, on_committed);
    if (rc == 0)
        rc = uv_poll_init(&st->loop, &st->timer, st->timer_fd);
    if (rc != 0)
        return ol_fail(why, OL_EXIT_FAILED, "no event loop: %s",
                       uv_strerror(rc));
    st->turn.data = st->busy.data = st->term.data = st->intr.data =
        st->hup.data = st->committed.data = st->timer.data = st;
    ol_networks_open(st);
    st->armed_ns = st->listen_ns = OL_NEVER_NS;
    st->started_ns = st->fresh_ns = ol_clock_ns();
    st->watchdog_ns = ol_notify_watchdog_ns();
    st->watchdog_next_ns = st->watchdog_ns ? 0 : OL_NEVER_NS;
    return OL_EXIT_OK;
}

void ol_loop_run(struct ol_station *st)
{
    OL_CHECK(uv_prepare_start(&st->turn, on_turn) == 0);
    OL_CHECK(uv_poll_start(&st->timer, UV_READABLE, on_timer) == 0);
    OL_CHECK(uv_signal_start(&st->term, on_stop, SIGTERM) == 0);
    OL_CHECK(uv_signal_start(&st->intr, on_stop, SIGINT) == 0);
    OL_CHECK(uv_signal_start(&st->hup, on_reload, SIGHUP) == 0);
    (void)uv_run(&st->loop, UV_RUN_DEFAULT);
}

static void close_one(uv_handle_t *handle, void *arg)
{
    struct ol_station *st = arg;

    /* Bearers and clients close their own; these are the loop's. */
    if (handle->data == st && !uv_is_closing(handle))
        uv_close(handle, NULL);
}

void ol_loop_close(struct ol_station *st)
{
    uv_walk(&st->loop, close_one, st);
    ol_networks_close(st);
    /* Whatever is closing gets its turns to do so. */
    for (unsigned k = 0; k < 1000 && uv_loop_close(&st->loop) == UV_EBUSY;
         k++)
        (void)uv_run(&st->loop, UV_RUN_NOWAIT);
    if (st->timer_fd >= 0)
        close(st->timer_fd);
    if (st->wake_fd >= 0)
        close(st->wake_fd);
}
