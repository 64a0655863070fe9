/*
 * A new file of a folder that has its name only once it is whole.
 *
 * Happy path: O_TMPFILE, bytes, fsync, linkat, which never replaces; then the
 * folder's fsync. File systems without one or the other get a file of a
 * random name and renameat2 with RENAME_NOREPLACE. Taken names are counted
 * up: "map (2).png".
 */
#include "cli/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/args.h"

#define TWINS_MAX 1000u

static int fail(char why[OL_WHY_MAX], const char *what, int error)
{
    snprintf(why, OL_WHY_MAX, "%s: %s%s", what, strerror(error),
             error == ENOSPC || error == EDQUOT ? ": make room" : "");
    return OL_EXIT_FAILED;
}

int ol_keep_folder(const char *path, char why[OL_WHY_MAX])
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        snprintf(why, OL_WHY_MAX, "cannot open the folder %s: %s: give one "
                 "that is there, with --out DIR", path, strerror(errno));
    return fd;
}

int ol_keep_open(struct ol_keep *k, int folder, char why[OL_WHY_MAX])
{
    uint64_t random;

    memset(k, 0, sizeof(*k));
    k->folder = folder;
    k->fd = openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    if (k->fd >= 0)
        return OL_EXIT_DONE;
    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return fail(why, "no random name", errno);
    snprintf(k->temp, sizeof(k->temp), ".openline-%016" PRIx64 ".part",
             random);
    k->fd = openat(folder, k->temp,
                   O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC, 0666);
    if (k->fd >= 0)
        return OL_EXIT_DONE;
    k->temp[0] = '\0';
    return fail(why, "cannot write in that folder", errno);
}

/* 0, or errno; EEXIST: the name is taken. */
static int give_name(const struct ol_keep *k, const char *name)
{
    char self[40];

    snprintf(self, sizeof(self), "/proc/self/fd/%d", k->fd);
    if (k->temp[0] == '\0')
        return linkat(AT_FDCWD, self, k->folder, name, AT_SYMLINK_FOLLOW)
                   ? errno
                   : 0;
    if (renameat2(k->folder, k->temp, k->folder, name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    /* Not every file system can rename so; some of these can link. */
    if (linkat(k->folder, k->temp, k->folder, name, 0) != 0)
        return errno;
    (void)unlinkat(k->folder, k->temp, 0);
    return 0;
}

int ol_keep_name(struct ol_keep *k, const char *name,
                 char out[OL_SAFE_NAME], char why[OL_WHY_MAX])
{
    int error = EEXIST;

    if (fsync(k->fd) != 0)
        return fail(why, "it does not come to the disk", errno);
    for (unsigned n = 1; n <= TWINS_MAX && error == EEXIST; n++) {
        ol_safe_name(name, n, out);
        error = give_name(k, out);
    }
    if (error != 0)
        return fail(why, "it cannot be given its name", error);
    k->temp[0] = '\0'; /* it has one now */
    /* Folders of some file systems have no fsync: then it is as it is. */
    if (fsync(k->folder) != 0 && errno == EIO)
        return fail(why, "its folder does not come to the disk", errno);
    return OL_EXIT_DONE;
}

void ol_keep_close(struct ol_keep *k)
{
    if (k->fd >= 0)
        close(k->fd);
    if (k->temp[0] != '\0')
        (void)unlinkat(k->folder, k->temp, 0);
    k->fd = -1;
    k->temp[0] = '\0';
}
