/*
 * Small files, read whole and written whole.
 *
 * Happy path of a write: temporary name, write, fsync, rename (which may
 * refuse to replace), fsync of the folder. Whatever fails, the temporary
 * file goes and the target is as it was.
 */
#include "station/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/units.h"
#include "station/text.h"

bool ol_path(char out[OL_PATH_MAX], const char *dir, const char *a,
             const char *b)
{
    return b != NULL ? ol_text_put(out, OL_PATH_MAX, "%s/%s/%s", dir, a, b)
                     : ol_text_put(out, OL_PATH_MAX, "%s/%s", dir, a);
}

bool ol_file_exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

static enum ol_err read_fd(int fd, size_t max, char **out, size_t *n)
{
    struct stat st;
    size_t got = 0;
    ssize_t r = 0;
    char *p;

    if (fstat(fd, &st) != 0)
        return OL_ERR_IO;
    if (!S_ISREG(st.st_mode)) {
        errno = EINVAL;
        return OL_ERR_IO;
    }
    if ((uint64_t)st.st_size > max)
        return OL_ERR_LONG;
    p = malloc((size_t)st.st_size + 1);
    if (p == NULL)
        return OL_ERR_IO;
    while (got < (size_t)st.st_size) {
        r = read(fd, p + got, (size_t)st.st_size - got);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            break;
        got += (size_t)r;
    }
    if (r < 0) {
        free(p);
        return OL_ERR_IO;
    }
    p[got] = '\0';
    *out = p;
    *n = got;
    return OL_OK;
}

enum ol_err ol_file_read(const char *path, size_t max, char **out, size_t *n)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    enum ol_err err;
    int saved;

    if (fd < 0)
        return errno == ENOENT ? OL_ERR_MISSING : OL_ERR_IO;
    err = read_fd(fd, max, out, n);
    saved = errno;
    close(fd);
    errno = saved;
    return err;
}

/* What is in the folder of `path` is there also after a power cut. */
int ol_folder_sync(const char *path)
{
    char folder[OL_PATH_MAX];
    const char *slash = strrchr(path, '/');
    int fd, rc;

    if (!ol_text_put(folder, sizeof(folder), "%.*s",
                     slash ? (int)(slash - path) : 1, slash ? path : "."))
        return -1;
    fd = open(folder[0] ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    rc = fsync(fd);
    close(fd);
    return rc;
}

static int write_all(int fd, struct ol_span s)
{
    while (s.n > 0) {
        ssize_t w = write(fd, s.p, s.n);

        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return -1;
        s.p += w;
        s.n -= (size_t)w;
    }
    return 0;
}

int ol_file_place(const char *tmp, const char *path)
{
    /* Sticks (FAT) have no links, some shares no such rename. */
    if (renameat2(AT_FDCWD, tmp, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    return link(tmp, path) == 0 ? unlink(tmp) : -1;
}

/* The temporary file takes the target's place. */
static int settle(const char *tmp, const char *path, enum ol_file_how how)
{
    return how == OL_FILE_REPLACE ? rename(tmp, path)
                                  : ol_file_place(tmp, path);
}

enum ol_err ol_file_write(const char *path, mode_t mode, enum ol_file_how how,
                          struct ol_span bytes)
{
    char tmp[OL_PATH_MAX];
    int fd, saved;
    bool made = false;

    if (!ol_text_put(tmp, sizeof(tmp), "%s" OL_FILE_TMP "XXXXXX", path)) {
        errno = ENAMETOOLONG;
        return OL_ERR_IO;
    }
    fd = mkostemp(tmp, O_CLOEXEC);
    if (fd < 0)
        goto failed;
    made = true;
    if (fchmod(fd, mode) != 0 || write_all(fd, bytes) != 0 || fsync(fd) != 0)
        goto failed;
    if (close(fd) != 0) {
        fd = -1;
        goto failed;
    }
    fd = -1;
    if (settle(tmp, path, how) != 0 || ol_folder_sync(path) != 0)
        goto failed;
    return OL_OK;
failed:
    saved = errno;
    if (fd >= 0)
        close(fd);
    if (made)
        unlink(tmp);
    errno = saved;
    if (saved == EEXIST)
        return OL_ERR_EXISTS;
    return saved == ENOSPC || saved == EDQUOT ? OL_ERR_FULL : OL_ERR_IO;
}

enum ol_err ol_file_remove(const char *path)
{
    return unlink(path) == 0 && ol_folder_sync(path) == 0 ? OL_OK : OL_ERR_IO;
}

enum ol_err ol_folder_make(const char *path, mode_t mode)
{
    char part[OL_PATH_MAX];
    size_t n = strnlen(path, OL_PATH_MAX);
    struct stat st;

    if (n == 0 || n >= OL_PATH_MAX) {
        errno = n ? ENAMETOOLONG : ENOENT;
        return OL_ERR_IO;
    }
    for (size_t k = 1; k <= n; k++) {
        if (path[k] != '/' && path[k] != '\0')
            continue;
        memcpy(part, path, k);
        part[k] = '\0';
        /* Folders above the last are other people's: the usual mode. */
        if (mkdir(part, k == n ? mode : 0755) != 0 && errno != EEXIST)
            return OL_ERR_IO;
    }
    if (stat(path, &st) != 0)
        return OL_ERR_IO;
    if (!S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return OL_ERR_IO;
    }
    return OL_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

int ol_folder_list(const char *path, const char *suffix, char (*names)[33],
                   int max)
{
    size_t tail = strlen(suffix);
    struct dirent *entry;
    DIR *d = opendir(path);
    int n = 0;

    if (d == NULL)
        return errno == ENOENT ? 0 : -1;
    while (n < max && (entry = readdir(d)) != NULL) {
        size_t len = strlen(entry->d_name);

        if (len <= tail || len - tail > 32 || entry->d_name[0] == '.' ||
            strcmp(entry->d_name + len - tail, suffix) != 0)
            continue;
        memcpy(names[n], entry->d_name, len - tail);
        names[n++][len - tail] = '\0';
    }
    closedir(d);
    qsort(names, (size_t)n, sizeof(names[0]), by_name);
    return n;
}
