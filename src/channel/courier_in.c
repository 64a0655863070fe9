/*
 * What the courier brings.
 *
 * Happy path: a scan finds the oldest file that has not changed for one whole
 * poll (until then it may still be on its way into the folder), its bundles go
 * to the owner a few per turn of the loop, and when the owner releases the
 * file it is removed. One file is under way at a time, one bundle in memory,
 * and no more than 32 bundles ahead of what the owner has released: it has to
 * bring them to disk, which is slower than reading.
 *
 * A file that is not ours or damaged is left alone until it changes; of a
 * damaged one the bundles before the damage were given. Links, pipes and
 * folders are passed over, hidden files and our own too. An owner that never
 * releases gets the file again: what a bundle holds can be taken twice.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/units.h"
#include "channel/courier.h"

/* The best file so far in a scan. */
struct candidate {
    bool any;
    struct ol_file_id id;
    char name[sizeof(((struct dirent *)NULL)->d_name)];
};

static bool is_pouch(const char *name)
{
    size_t n = strlen(name);
    size_t suffix = sizeof(OL_COURIER_SUFFIX) - 1;

    return name[0] != '.' && n > suffix &&
           strcasecmp(name + n - suffix, OL_COURIER_SUFFIX) == 0;
}

static bool identify(int dir, const char *name, struct ol_file_id *id)
{
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
        return false;
    ol_file_id(id, name, &st);
    return true;
}

/* The older one first; names decide between equals. */
static bool is_before(const struct ol_file_id *id, const char *name,
                      const struct candidate *best)
{
    if (!best->any || id->mtime_ns != best->id.mtime_ns)
        return !best->any || id->mtime_ns < best->id.mtime_ns;
    return strcmp(name, best->name) < 0;
}

static void consider(struct ol_courier *c, int dir, const char *name,
                     struct candidate *best)
{
    uint64_t now_ms = uv_now(c->base.loop);
    struct ol_file_id id;
    const struct ol_seen *seen;

    if (!is_pouch(name) || ol_courier_is_own(c, name) ||
        !identify(dir, name, &id))
        return;
    seen = ol_memory_see(&c->memory, &id, now_ms);
    if (!seen || seen->left || now_ms - seen->since_ms < c->pace_ms ||
        !is_before(&id, name, best))
        return;
    best->any = true;
    best->id = id;
    memcpy(best->name, name, strlen(name) + 1);
}

static void take_off(struct ol_courier *c, int dir,
                     const struct candidate *best)
{
    struct ol_flight *f = &c->flight;
    struct ol_file_id id;
    struct stat st;
    enum ol_err err;
    int fd = openat(dir, best->name,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st)) {
        ol_base_failed(&c->base, OL_ERR_IO, errno);
        ol_memory_leave(&c->memory, &best->id, uv_now(c->base.loop));
        if (fd >= 0)
            close(fd);
        return;
    }
    ol_file_id(&id, best->name, &st);
    if (!S_ISREG(st.st_mode) || !ol_file_id_eq(&id, &best->id)) {
        /* Changed since the scan: the next one sees it as new. */
        close(fd);
        return;
    }
    err = ol_pouch_reader_init(&f->reader, fd);
    if (err) {
        ol_base_failed(&c->base, err, 0);
        c->base.status.dropped++;
        ol_memory_leave(&c->memory, &id, uv_now(c->base.loop));
        ol_courier_wake(c);
        return;
    }
    f->token = ++c->token;
    f->reading = true;
    f->remove = true;
    f->ahead = 0;
    f->id = id;
    memcpy(f->name, best->name, sizeof(f->name));
    ol_courier_wake(c);
}

void ol_courier_scan(struct ol_courier *c, int dir)
{
    struct candidate best = {0};
    struct dirent *entry;
    unsigned n = 0;
    DIR *d;
    int fd;

    if (c->flight.token)
        return;
    fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        if (fd >= 0)
            close(fd);
        return;
    }
    ol_memory_begin(&c->memory);
    while (n++ < OL_COURIER_ENTRIES && (entry = readdir(d)))
        consider(c, dir, entry->d_name, &best);
    ol_memory_end(&c->memory);
    closedir(d);
    if (best.any)
        take_off(c, dir, &best);
}

/* The file is done with; the next one follows at once. */
static void land(struct ol_courier *c)
{
    ol_pouch_reader_fini(&c->flight.reader);
    c->flight.token = 0;
    c->flight.reading = false;
    ol_courier_wake(c);
}

void ol_courier_land(struct ol_courier *c)
{
    if (c->flight.token)
        land(c);
}

static void leave(struct ol_courier *c)
{
    ol_memory_leave(&c->memory, &c->flight.id, uv_now(c->base.loop));
    land(c);
}

bool ol_courier_can_read(const struct ol_courier *c)
{
    return c->flight.reading && c->flight.ahead < OL_COURIER_AHEAD;
}

void ol_courier_read(struct ol_courier *c)
{
    struct ol_flight *f = &c->flight;

    for (unsigned k = 0; k < OL_COURIER_PER_TURN && ol_courier_can_read(c);
         k++) {
        uint64_t token = f->token;
        enum ol_err err;
        size_t n;

        err = ol_pouch_reader_next(&f->reader, c->bundle, &n);
        if (err || n == 0) {
            /* Damaged, unreadable or empty: nobody will release it. */
            if (err) {
                c->base.status.dropped++;
                ol_base_failed(&c->base, err, err == OL_ERR_IO ? errno : 0);
            }
            leave(c);
            return;
        }
        if (ol_pouch_reader_ended(&f->reader)) {
            /* Closed before the owner knows: it may release at once. */
            ol_pouch_reader_fini(&f->reader);
            f->reading = false;
        }
        f->ahead++;
        f->given_ms = uv_now(c->base.loop);
        if (!ol_base_packet(&c->base, NULL, OL_SPAN(c->bundle, n), token) ||
            f->token != token)
            return;
    }
    if (ol_courier_can_read(c))
        ol_courier_wake(c);
}

void ol_courier_release(struct ol_bearer *b, uint64_t file, bool remove)
{
    struct ol_courier *c = (struct ol_courier *)b;
    struct ol_flight *f = &c->flight;
    struct ol_file_id now;
    int dir;

    if (file == 0 || file != f->token)
        return;
    f->remove = f->remove && remove;
    f->ahead = 0;
    if (f->reading) {
        /* Early: the owner releases again after the last bundle. */
        ol_courier_wake(c);
        return;
    }
    dir = ol_courier_folder(c);
    if (dir < 0 || !identify(dir, f->name, &now) ||
        !ol_file_id_eq(&now, &f->id)) { /* NOLINT(bugprone-branch-clone) */
        land(c); /* gone, or changed meanwhile: then it is read again */
    } else if (f->remove && unlinkat(dir, f->name, 0) == 0) {
        land(c);
    } else {
        if (f->remove)
            ol_base_failed(&c->base, OL_ERR_IO, errno);
        leave(c);
    }
    if (dir >= 0)
        close(dir);
}
