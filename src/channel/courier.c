/*
 * The courier: a folder that something or somebody carries between the
 * stations, watched both ways.
 *
 * Happy path out: bundles are collected in a hidden file; the last one ends
 * it, and it is synced and renamed on a thread of its own, since a stick can
 * take seconds for that. Its name is random and says nothing. Happy path in:
 * courier_in.c. The folder is looked at every second; what libuv tells of it
 * only makes that sooner.
 *
 * The folder may be missing for days (the stick is elsewhere): then the
 * channel is down and says so. Name a folder ON the stick, not the one it is
 * mounted at, or bundles land under it while it is away. A bundle that cannot
 * be written is dropped and counted; those before it in its file still go.
 * Looking and reading happen on the loop, so a folder on a network share that
 * hangs would hang the station with it: let something else fetch from there.
 */
#include "channel/courier.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/check.h"
#include "base/units.h"

/* A file that is being synced and renamed, by a thread. */
struct ol_finishing {
    uv_work_t work;
    struct ol_courier *courier; /* NULL: closed meanwhile */
    struct ol_pouch_file *file;
    enum ol_err err;
    int sys;
};

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
        ol_base_say(&c->base, "%.60s holds more than %u files for others: "
                    "clear it", where, OL_COURIER_MEMORY);
    else
        ol_base_say(&c->base, "watching %.100s", where);
}

static void say_missing(struct ol_courier *c, int sys)
{
    ol_base_failed(&c->base, OL_ERR_DOWN, sys);
    if (sys == ENOENT || sys == ENOTDIR)
        ol_base_say(&c->base, "%.60s is not there: insert the medium, or make "
                    "the folder", c->path);
    else
        ol_base_say(&c->base, "cannot open %.60s: %.50s", c->path,
                    uv_strerror(-sys));
}

static struct ol_finishing **free_place(struct ol_courier *c)
{
    for (unsigned k = 0; k < OL_COURIER_FINISHING; k++) {
        if (!c->finishing[k])
            return &c->finishing[k];
    }
    return NULL;
}

/* False: the owner has closed it. */
static bool tell(struct ol_courier *c)
{
    bool up = c->there && c->writable;
    bool roomy = up && c->roomy && (c->out || free_place(c));
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

static void on_turn(uv_timer_t *timer);

void ol_courier_wake(struct ol_courier *c)
{
    if (!c->base.closed)
        uv_timer_start(&c->turn, on_turn, 0, 0);
}

/* A copy into the folder hints a thousand times; one look does for all. */
static void on_event(uv_fs_event_t *event, const char *name, int events,
                     int sys)
{
    struct ol_courier *c = event->data;

    (void)name;
    (void)events;
    (void)sys;
    if (!c->base.closed && !uv_is_active((uv_handle_t *)&c->turn))
        uv_timer_start(&c->turn, on_turn, OL_COURIER_HINT_MS, 0);
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
        if (c->flight.token && !c->flight.reading &&
            now_ms - c->flight.done_ms >= OL_COURIER_RELEASE_MS)
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

static void on_turn(uv_timer_t *timer)
{
    struct ol_courier *c = timer->data;

    if (c->flight.reading)
        ol_courier_read(c);
    else
        step(c);
}

static int hex(char ch)
{
    if (ch >= '0' && ch <= '9')
        return ch - '0';
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

bool ol_courier_is_own(const struct ol_courier *c, const char *name)
{
    uint64_t number = 0;

    for (unsigned k = 0; k < 16; k++) {
        int digit = hex(name[k]);

        if (digit < 0)
            return false;
        number = number << 4 | (unsigned)digit;
    }
    if (number == 0 || strcmp(name + 16, OL_COURIER_SUFFIX))
        return false;
    for (unsigned k = 0; k < OL_COURIER_MEMORY; k++) {
        if (c->own[k] == number)
            return true;
    }
    return false;
}

/* A new file, its name known before it can be seen. */
static enum ol_err begin_file(struct ol_courier *c)
{
    char name[16 + sizeof(OL_COURIER_SUFFIX)];
    uint64_t number = 0;
    int dir;

    if (uv_random(NULL, NULL, &number, sizeof(number), 0, NULL)) {
        errno = EIO;
        return OL_ERR_IO;
    }
    dir = ol_courier_folder(c);
    if (dir < 0)
        return OL_ERR_DOWN;
    c->own[c->n_own++ % OL_COURIER_MEMORY] = number;
    snprintf(name, sizeof(name), "%016llx" OL_COURIER_SUFFIX,
             (unsigned long long)number);
    return ol_pouch_create_at(&c->out, dir, name);
}

static void finish_work(uv_work_t *work)
{
    struct ol_finishing *f = work->data;

    f->err = ol_pouch_finish(f->file, true);
    f->sys = f->err ? errno : 0;
}

static void say_unwritten(struct ol_courier *c, enum ol_err err, int sys)
{
    ol_base_failed(&c->base, err, sys);
    c->unwritten = true;
    ol_base_say(&c->base, "cannot write to %.60s: %.60s", c->path,
                err == OL_ERR_FULL ? "it is full" : uv_strerror(-sys));
}

static void finish_done(uv_work_t *work, int sys)
{
    struct ol_finishing *f = work->data;
    struct ol_courier *c = f->courier;

    (void)sys;
    for (unsigned k = 0; c && k < OL_COURIER_FINISHING; k++) {
        if (c->finishing[k] == f)
            c->finishing[k] = NULL;
    }
    if (c)
        c->unwritten = false;
    if (c && f->err) {
        c->base.status.dropped++;
        say_unwritten(c, f->err, f->sys);
    }
    if (c)
        ol_courier_wake(c); /* there is room again */
    free(f);
}

/* Hands the collected file to a thread, or throws an empty one away. */
static void finish_file(struct ol_courier *c)
{
    struct ol_finishing **place = free_place(c);
    struct ol_finishing *f = place ? calloc(1, sizeof(*f)) : NULL;

    if (!f || ol_pouch_count(c->out) == 0) {
        (void)!ol_pouch_finish(c->out, false);
        free(f);
    } else {
        f->work.data = f;
        f->courier = c;
        f->file = c->out;
        if (uv_queue_work(c->base.loop, &f->work, finish_work, finish_done)) {
            (void)!ol_pouch_finish(f->file, false);
            free(f);
        } else {
            *place = f;
        }
    }
    c->out = NULL;
}

static enum ol_err add(struct ol_courier *c, struct ol_span packet)
{
    enum ol_err err = OL_OK;

    /* A place is needed when the file ends: no file begins without one. */
    if (!c->out && !free_place(c))
        return OL_ERR_AGAIN;
    if (!c->out)
        err = begin_file(c);
    if (!err)
        err = ol_pouch_add(c->out, packet);
    if (err == OL_ERR_TOO_LONG) {
        finish_file(c);
        err = free_place(c) ? begin_file(c) : OL_ERR_AGAIN;
        if (!err)
            err = ol_pouch_add(c->out, packet);
    }
    if (err == OL_OK || err == OL_ERR_AGAIN)
        return err;
    say_unwritten(c, err, errno);
    return err == OL_ERR_FULL ? OL_ERR_AGAIN : OL_ERR_IO;
}

static enum ol_err courier_send(struct ol_bearer *b, const struct ol_addr *to,
                                struct ol_span packet, bool last)
{
    struct ol_courier *c = (struct ol_courier *)b;
    enum ol_err err = OL_OK;

    if (packet.n > OL_BUNDLE_MAX)
        err = OL_ERR_LONG;
    else if (packet.n == 0)
        err = OL_ERR_INPUT;
    else if (to->len > 0 || !c->there || !c->writable)
        err = OL_ERR_DOWN;
    else
        err = add(c, packet);
    if (last && c->out)
        finish_file(c);
    if (!c->out && !free_place(c))
        ol_courier_wake(c); /* to tell that the room has ended */
    if (err)
        return ol_base_dropped(&c->base, err);
    ol_base_sent(&c->base, packet.n);
    return OL_OK;
}

static void courier_close(struct ol_bearer *b)
{
    struct ol_courier *c = (struct ol_courier *)b;

    ol_base_silence(&c->base);
    if (c->out)
        finish_file(c); /* each bundle in it is whole */
    for (unsigned k = 0; k < OL_COURIER_FINISHING; k++) {
        if (c->finishing[k])
            c->finishing[k]->courier = NULL;
    }
    ol_courier_land(c);
    ol_base_close_handle(&c->base, (uv_handle_t *)&c->poll);
    ol_base_close_handle(&c->base, (uv_handle_t *)&c->turn);
    ol_base_close_handle(&c->base, (uv_handle_t *)&c->event);
}

static const struct ol_bearer_ops courier_ops = {
    .scheme = "courier",
    .kind = OL_CHAN_POUCH,
    .mtu = OL_BUNDLE_MAX,
    .close = courier_close,
    .send = courier_send,
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
    ol_base_timer(&c->base, &c->turn);
    ol_base_say(&c->base, "starting");
    uv_timer_start(&c->poll, on_poll, 0, c->pace_ms);
    *out = &c->base.pub;
    return OL_OK;
}
