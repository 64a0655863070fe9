/*
 * The files that go with a message: opened here, read by the station.
 *
 * So the caller's rights count, not the station's. Only regular files are
 * sent: a device or a pipe has no end that could be promised. What a record
 * cannot hold as a name is refused before the station is asked.
 */
#include "cli/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openline/record.h>
#include <openline/span.h>

#include "cli/out.h"

static int fault(const char *path, const char *what)
{
    ol_out_fault("cannot send %s: %s", path, what);
    return OL_EXIT_FAILED;
}

static const char *kind_of(mode_t mode)
{
    return S_ISDIR(mode)   ? "it is a folder: pack it into one file first"
           : S_ISFIFO(mode) ? "it is a pipe: write it into a file first"
           : S_ISSOCK(mode) ? "it is a socket: only files are sent"
                            : "it is a device: only files are sent";
}

/* The last part of the path, as the other side will see it. */
static int name_of(const char *path, const char **name)
{
    const char *slash = strrchr(path, '/');
    size_t n;

    *name = slash ? slash + 1 : path;
    n = strlen(*name);
    for (size_t k = 0; k < n; k++)
        if ((unsigned char)(*name)[k] < 0x20 || (*name)[k] == 0x7f ||
            ((unsigned char)(*name)[k] == 0xc2 &&
             (unsigned char)(*name)[k + 1] < 0xa0))
            return fault(path, "its name holds control characters: rename "
                               "it");
    if (!ol_span_utf8(ol_span_str(*name)))
        return fault(path, "its name is not UTF-8: rename it");
    if (n == 0 || n > OL_FILE_NAME_MAX)
        return fault(path, "it has no name, or a longer one than 255 bytes: "
                           "rename it");
    return OL_EXIT_DONE;
}

/* Closed there, it would take the locks from the ledger's own files (fcntl
 * locks are so), and another program might change them meanwhile. */
static bool is_ledger(const struct stat *file, const char *dir)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char path[4096];
    struct stat st;

    for (unsigned k = 0; k < 3; k++) {
        int n = snprintf(path, sizeof(path), "%s/ledger.db%s", dir, ends[k]);

        if (n > 0 && (size_t)n < sizeof(path) && stat(path, &st) == 0 &&
            st.st_dev == file->st_dev && st.st_ino == file->st_ino)
            return true;
    }
    return false;
}

static int open_one(struct ol_attach *a, const char *path, const char *dir,
                    json_t *names)
{
    const char *name;
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    int error = errno;

    if (fd < 0 && (stat(path, &st) != 0 || S_ISREG(st.st_mode)))
        return fault(path, strerror(error));
    if (fd >= 0) {
        a->fds[a->n++] = fd;
        if (fstat(fd, &st) != 0)
            return fault(path, strerror(errno));
    }
    if (!S_ISREG(st.st_mode))
        return fault(path, kind_of(st.st_mode));
    if (is_ledger(&st, dir))
        return fault(path, "the station works with it: 'openline backup "
                           "FILE' makes a sealed copy");
    if (name_of(path, &name) != OL_EXIT_DONE)
        return OL_EXIT_FAILED;
    json_array_append_new(names, json_string(name));
    return OL_EXIT_DONE;
}

int ol_attach_open(struct ol_attach *a, const struct ol_args *args,
                   json_t *params)
{
    json_t *names;
    int status = OL_EXIT_DONE;

    a->n = 0;
    if (args->n_files == 0)
        return OL_EXIT_DONE;
    names = json_array();
    for (unsigned k = 0; k < args->n_files && status == OL_EXIT_DONE; k++)
        status = open_one(a, args->file[k], args->dir, names);
    json_object_set_new(params, "files", names);
    return status;
}

void ol_attach_close(struct ol_attach *a)
{
    while (a->n > 0)
        close(a->fds[--a->n]);
}
