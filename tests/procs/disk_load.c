/*
 * The disk that fails and forgets (disk.h), for a real daemon:
 *
 *     LD_PRELOAD=libdisk.so OPENLINE_DISK=PAGE OPENLINE_DEEDS=LIST \
 *         openline run ...
 *
 * PAGE is a file of 4,096 bytes that begins with a struct disk_state, mapped
 * by the test as well. LIST grows by a row per deed, and by its bytes; a row
 * is there before the daemon hears that the deed was done.
 */
#include "disk.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct row {
    uint32_t op, n;
    uint64_t at;
    char name[32]; /* without its folder */
};

static int list = -1;

static void keep(const struct disk_deed *deed)
{
    struct row row = {.op = deed->op, .n = (uint32_t)deed->n, .at = deed->at};
    const char *slash = strrchr(deed->name, '/');
    struct iovec v[2] = {{&row, sizeof(row)}, {(void *)deed->bytes, deed->n}};

    snprintf(row.name, sizeof(row.name), "%s", slash ? slash + 1 : deed->name);
    /* Not through what another library may have put in our way. */
    if (syscall(SYS_writev, list, v, 2) != (long)(sizeof(row) + deed->n))
        abort();
}

__attribute__((constructor)) static void begin(void)
{
    const char *page = getenv("OPENLINE_DISK");
    const char *deeds = getenv("OPENLINE_DEEDS");
    int fd = page ? open(page, O_RDWR | O_CLOEXEC) : -1;
    void *at;

    if (fd < 0)
        return;
    at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at == MAP_FAILED)
        abort();
    if (deeds)
        list = open(deeds, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    disk_begin(list >= 0 ? keep : NULL, true, at);
}
