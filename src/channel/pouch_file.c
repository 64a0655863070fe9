/*
 * Pouch files: "OLB1" | (length 2 | bundle)*.
 *
 * Happy path out: a hidden file with a random name in the target's folder,
 * bundles appended, the file synced, renamed to the target, the folder synced.
 * Whoever sees the target sees a whole file. Happy path in: the magic, then
 * bundle after bundle until the file ends exactly behind one.
 *
 * It fails with FULL or IO (errno tells) and leaves no target behind; a bundle
 * that did not fit is taken back, so that those before it can still go. What
 * is read was written by others: every length is checked against the file.
 */
#include "channel/pouch_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <uv.h>

#include "base/check.h"

#define NAME_BYTES 256
#define PART_BYTES 32

struct ol_pouch_file {
    int fd, dir;
    uint32_t count;
    uint64_t size;
    char name[NAME_BYTES];
    char part[PART_BYTES];
};

enum ol_err ol_pouch_errno(int sys)
{
    switch (sys) {
    case ENOSPC:
    case EDQUOT:
        return OL_ERR_FULL;
    case EEXIST:
        return OL_ERR_EXISTS;
    case ENOENT:
    case ENOTDIR:
        return OL_ERR_MISSING;
    default:
        return OL_ERR_IO;
    }
}

/* Writes all of it; false with errno. */
static bool write_all(int fd, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;

    while (n > 0) {
        ssize_t done = write(fd, p, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

static bool exists(int dir, const char *name)
{
    struct stat st;

    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool make_part(struct ol_pouch_file *f)
{
    uint64_t chance = 0;

    if (exists(f->dir, f->name)) {
        errno = EEXIST;
        return false;
    }
    if (uv_random(NULL, NULL, &chance, sizeof(chance), 0, NULL)) {
        errno = EIO;
        return false;
    }
    snprintf(f->part, sizeof(f->part), ".%016llx.part",
             (unsigned long long)chance);
    f->fd = openat(f->dir, f->part,
                   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    return f->fd >= 0;
}

/* Closes and frees; errno stays. */
static void let_go(struct ol_pouch_file *f, bool unlink_part)
{
    int sys = errno;

    if (unlink_part && f->fd >= 0)
        (void)unlinkat(f->dir, f->part, 0);
    if (f->fd >= 0)
        (void)close(f->fd);
    (void)close(f->dir);
    free(f);
    errno = sys;
}

enum ol_err ol_pouch_create_at(struct ol_pouch_file **out, int dir,
                               const char *name)
{
    struct ol_pouch_file *f = calloc(1, sizeof(*f));
    enum ol_err err;

    *out = NULL;
    if (!f) {
        close(dir);
        errno = ENOMEM;
        return OL_ERR_IO;
    }
    f->dir = dir;
    f->fd = -1;
    f->size = OL_POUCH_HEAD;
    if (name[0] == 0 || strlen(name) >= sizeof(f->name)) {
        let_go(f, false);
        return OL_ERR_INPUT;
    }
    memcpy(f->name, name, strlen(name) + 1);
    if (!make_part(f) || !write_all(f->fd, OL_BUNDLE_MAGIC, OL_POUCH_HEAD)) {
        err = ol_pouch_errno(errno);
        let_go(f, true);
        return err;
    }
    *out = f;
    return OL_OK;
}

enum ol_err ol_pouch_create(struct ol_pouch_file **out, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder;
    int dir;

    *out = NULL;
    folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (!folder) {
        errno = ENOMEM;
        return OL_ERR_IO;
    }
    dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (dir < 0)
        return ol_pouch_errno(errno);
    return ol_pouch_create_at(out, dir, slash ? slash + 1 : path);
}

uint32_t ol_pouch_count(const struct ol_pouch_file *f)
{
    return f->count;
}

enum ol_err ol_pouch_add(struct ol_pouch_file *f, struct ol_span bundle)
{
    uint8_t head[2] = {(uint8_t)(bundle.n >> 8), (uint8_t)bundle.n};
    enum ol_err err;

    if (bundle.n == 0)
        return OL_ERR_INPUT;
    if (bundle.n > OL_BUNDLE_MAX)
        return OL_ERR_LONG;
    if (f->size + sizeof(head) + bundle.n > OL_POUCH_BYTES)
        return OL_ERR_TOO_LONG;
    if (write_all(f->fd, head, sizeof(head)) &&
        write_all(f->fd, bundle.p, bundle.n)) {
        f->size += sizeof(head) + bundle.n;
        f->count++;
        return OL_OK;
    }
    err = ol_pouch_errno(errno);
    /* Half a bundle is taken back; if even that fails the file is damaged
     * behind the last whole bundle, which a reader survives. */
    if (ftruncate(f->fd, (off_t)f->size) == 0)
        (void)lseek(f->fd, (off_t)f->size, SEEK_SET);
    return err;
}

/* Never over a file that is there. Not every file system can promise that by
 * itself; the check before it is then the best there is. */
static bool rename_new(struct ol_pouch_file *f)
{
    if (renameat2(f->dir, f->part, f->dir, f->name, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
        return false;
    if (exists(f->dir, f->name)) {
        errno = EEXIST;
        return false;
    }
    return renameat(f->dir, f->part, f->dir, f->name) == 0;
}

enum ol_err ol_pouch_finish(struct ol_pouch_file *f, bool commit)
{
    enum ol_err err;

    if (!commit) {
        let_go(f, true);
        return OL_OK;
    }
    if (fsync(f->fd) || !rename_new(f)) {
        err = ol_pouch_errno(errno);
        let_go(f, true);
        return err;
    }
    /* Some network folders cannot sync a directory; the file itself is safe
     * and its name as safe as that file system makes it. */
    if (fsync(f->dir) && errno != EINVAL && errno != ENOTSUP) {
        err = ol_pouch_errno(errno);
        let_go(f, false);
        return err;
    }
    let_go(f, false);
    return OL_OK;
}

/* n bytes or the end of the file; -1 with errno. */
static ssize_t read_full(int fd, void *out, size_t n)
{
    uint8_t *p = out;
    size_t done = 0;

    while (done < n) {
        ssize_t k = read(fd, p + done, n - done);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -1;
        if (k == 0)
            break;
        done += (size_t)k;
    }
    return (ssize_t)done;
}

static enum ol_err read_exactly(struct ol_pouch_reader *r, void *out, size_t n)
{
    ssize_t k = read_full(r->fd, out, n);

    if (k < 0)
        return OL_ERR_IO;
    r->at += (size_t)k;
    return (size_t)k == n ? OL_OK : OL_ERR_MALFORMED;
}

enum ol_err ol_pouch_reader_init(struct ol_pouch_reader *r, int fd)
{
    char magic[OL_POUCH_HEAD];
    enum ol_err err = OL_OK;
    struct stat st;

    *r = (struct ol_pouch_reader){.fd = fd};
    if (fstat(fd, &st))
        err = OL_ERR_IO;
    else if (!S_ISREG(st.st_mode))
        err = OL_ERR_MALFORMED;
    else if ((uint64_t)st.st_size > OL_POUCH_BYTES)
        err = OL_ERR_LONG;
    else
        err = read_exactly(r, magic, sizeof(magic));
    /* cppcheck-suppress uninitvar ; read, or there is an error */
    if (!err && memcmp(magic, OL_BUNDLE_MAGIC, sizeof(magic)))
        err = OL_ERR_MALFORMED;
    if (err)
        ol_pouch_reader_fini(r);
    else
        r->size = (uint64_t)st.st_size;
    return err;
}

bool ol_pouch_reader_ended(const struct ol_pouch_reader *r)
{
    return r->at >= r->size;
}

enum ol_err ol_pouch_reader_next(struct ol_pouch_reader *r,
                                 uint8_t buf[OL_BUNDLE_MAX], size_t *n)
{
    uint8_t head[2];
    enum ol_err err;

    *n = 0;
    if (ol_pouch_reader_ended(r))
        return OL_OK;
    err = read_exactly(r, head, sizeof(head));
    if (err)
        return err;
    *n = (size_t)head[0] << 8 | head[1];
    if (*n == 0 || *n > r->size - r->at)
        return OL_ERR_MALFORMED;
    return read_exactly(r, buf, *n);
}

void ol_pouch_reader_fini(struct ol_pouch_reader *r)
{
    int sys = errno;

    if (r->fd >= 0)
        (void)close(r->fd);
    r->fd = -1;
    errno = sys;
}

static enum ol_err read_all(struct ol_pouch_reader *r, uint8_t *buf,
                            bool (*fn)(void *arg, struct ol_span bundle),
                            void *arg)
{
    for (;;) {
        size_t n;
        enum ol_err err = ol_pouch_reader_next(r, buf, &n);

        if (err || n == 0)
            return err;
        if (!fn(arg, OL_SPAN(buf, n)))
            return OL_OK;
    }
}

enum ol_err ol_pouch_read(const char *path,
                          bool (*fn)(void *arg, struct ol_span bundle),
                          void *arg)
{
    /* Non-blocking: a pipe of that name must not hold the station up. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct ol_pouch_reader r;
    uint8_t *buf;
    enum ol_err err;

    if (fd < 0)
        return ol_pouch_errno(errno);
    err = ol_pouch_reader_init(&r, fd);
    if (err)
        return err;
    buf = malloc(OL_BUNDLE_MAX);
    err = buf ? read_all(&r, buf, fn, arg) : OL_ERR_IO;
    free(buf);
    ol_pouch_reader_fini(&r);
    return err;
}
