/*
 * The courier: a folder that something or somebody carries between the
 * stations, watched both ways.
 *
 * Happy path: the folder is looked at every second, and sooner when libuv
 * tells that something happened in it. What goes out is in courier_out.c, what
 * comes in in courier_in.c.
 *
 * The folder may be missing for days (the stick is elsewhere): then the
 * channel is down and says so. Name a folder ON the stick, not the one it is
 * mounted at, or bundles land under it while it is away. Looking and reading
 * happen on the loop, so a folder on a network share that hangs would hang the
 * station with it: let something else fetch from there.
 */
#include "channel/courier.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/check.h"
#include "base/units.h"

int ol_courier_folder(const struct ol_courier *c)
{
    return open(c->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void say(struct ol_courier *c)
{
    const char *where = c->path;

    if (!c->there || c->unwritten)
        return;
    if (!c->writable)
        ol_base_say(&c->base, "reading %.60s, but it cannot be written to: "
                    "check its protection and rights", where);
    else if (!c->roomy)
        ol_base_say(&c->base, "%.60s is full: make room", where);
    else if (c->memory.overflowed)
        ol_base_say(&c->base, "%.60s holds more than %u files: remove those "
                    "for others", where, OL_COURIER_FILES);
    else
        ol_base_say(&c->base, "watching %.100s", where);
}

static void say_missing(struct ol_courier *c, int sys)
{
    char text[OL_SYS_TEXT];

    ol_base_failed(&c->base, OL_ERR_DOWN, sys);
    if (sys == ENOENT || sys == ENOTDIR)
        ol_base_say(&c->base, "%.60s is not there: insert the medium, or make "
                    "the folder", c->path);
    else
        ol_base_say(&c->base, "cannot open %.60s: %.50s", c->path,
                    ol_sys_text(sys, text));
}

/* False: the owner has closed it. */
static bool tell(struct ol_courier *c)
{
    bool up = c->there && c->writable;
    bool roomy = up && c->roomy && ol_courier_takes(c);
    const struct ol_chan chan = {
        .up = up,
        .room_bytes = roomy ? OL_POUCH_BYTES : 0,
    };

    if (c->told && c->told_up == up && c->told_roomy == roomy)
        return true;
    c->told = true;
    c->told_up = up;
    c->told_roomy = roomy;
    return ol_base_changed(&c->base, NULL, &chan);
}

static void on_turn(uv_idle_t *turn);

void ol_courier_wake(struct ol_courier *c)
{
    if (!c->base.closed)
        (void)uv_idle_start(&c->turn, on_turn);
}

static void on_hint(uv_timer_t *timer)
{
    ol_courier_wake(timer->data);
}

/* A copy into the folder hints a thousand times; one look does for all. */
static void on_event(uv_fs_event_t *event, const char *name, int events,
                     int sys)
{
    struct ol_courier *c = event->data;

    (void)name;
    (void)events;
    (void)sys;
    if (!c->base.closed && !uv_is_active((uv_handle_t *)&c->hint))
        uv_timer_start(&c->hint, on_hint, OL_COURIER_HINT_MS, 0);
}

/* What is there now: the same folder, another one, or none. */
static void look(struct ol_courier *c, int dir, int sys)
{
    struct statvfs fs;
    struct stat st;

    if (dir >= 0 && fstat(dir, &st)) {
        sys = errno;
        dir = -1;
    }
    if (c->there && (dir < 0 || st.st_dev != c->dev || st.st_ino != c->ino)) {
        (void)uv_fs_event_stop(&c->event);
        ol_courier_land(c);
        /* What could not be read from a dying stick is tried anew. */
        ol_memory_clear(&c->memory);
        c->unwritten = false;
        c->there = false;
    }
    if (dir < 0) {
        say_missing(c, sys);
        return;
    }
    if (!c->there) {
        c->dev = st.st_dev;
        c->ino = st.st_ino;
        c->there = true;
        c->base.status.connects++;
        (void)uv_fs_event_start(&c->event, on_event, c->path, 0);
    }
    c->writable = faccessat(dir, ".", W_OK | X_OK, 0) == 0;
    c->roomy = fstatvfs(dir, &fs) || fs.f_bavail >= OL_COURIER_LOW /
               OL_MAX(fs.f_frsize, 1u);
    say(c);
}

/* One look at the folder: its state, then its files. */
static void step(struct ol_courier *c)
{
    uint64_t now_ms = uv_now(c->base.loop);
    int dir = ol_courier_folder(c);

    look(c, dir, errno);
    if (tell(c) && c->there) {
        if (c->flight.token && !ol_courier_can_read(c) &&
            now_ms - c->flight.given_ms >= OL_COURIER_RELEASE_MS)
            ol_courier_land(c);
        ol_courier_scan(c, dir);
    }
    if (dir >= 0)
        close(dir);
}

static void on_poll(uv_timer_t *timer)
{
    struct ol_courier *c = timer->data;

    c->base.status.attempts++;
    step(c);
}

static void on_turn(uv_idle_t *turn)
{
    struct ol_courier *c = turn->data;

    uv_idle_stop(turn);
    if (ol_courier_can_read(c))
        ol_courier_read(c);
    else
        step(c);
}

static void courier_close(struct ol_bearer *b)
{
    struct ol_courier *c = (struct ol_courier *)b;

    ol_base_silence(&c->base);
    ol_courier_let_go(c);
    ol_courier_land(c);
    ol_base_close_handle(&c->base, (uv_handle_t *)&c->poll);
    ol_base_close_handle(&c->base, (uv_handle_t *)&c->hint);
    ol_base_close_handle(&c->base, (uv_handle_t *)&c->turn);
    ol_base_close_handle(&c->base, (uv_handle_t *)&c->event);
}

static const struct ol_bearer_ops courier_ops = {
    .scheme = "courier",
    .kind = OL_CHAN_POUCH,
    .mtu = OL_BUNDLE_MAX,
    .close = courier_close,
    .send = ol_courier_send,
    .release = ol_courier_release,
    .status = ol_base_status,
};

void ol_courier_pace(struct ol_bearer *courier, uint64_t ms)
{
    struct ol_courier *c = (struct ol_courier *)courier;

    OL_CHECK(courier->ops == &courier_ops);
    c->pace_ms = ms;
    uv_timer_start(&c->poll, on_poll, 0, ms);
}

enum ol_err ol_courier_open(struct ol_bearer **out, const struct ol_opening *o)
{
    struct ol_courier *c = ol_base_create(sizeof(*c), &courier_ops, o->loop,
                                          o->events, o->arg);

    if (!c || uv_fs_event_init(o->loop, &c->event)) {
        free(c);
        ol_why(o->why, "out of memory");
        return OL_ERR_IO;
    }
    memcpy(c->path, o->url->path, sizeof(c->path));
    c->flight.reader.fd = -1;
    c->pace_ms = OL_COURIER_POLL_MS;
    ol_base_count(&c->base, (uv_handle_t *)&c->event);
    ol_base_timer(&c->base, &c->poll);
    ol_base_timer(&c->base, &c->hint);
    ol_base_turn(&c->base, &c->turn);
    ol_base_say(&c->base, "starting");
    uv_timer_start(&c->poll, on_poll, 0, c->pace_ms);
    *out = &c->base.pub;
    return OL_OK;
}
