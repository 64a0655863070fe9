/*
 * Memory that forgets. Nothing here fails but for want of memory, which ends
 * the program.
 */
#include "keep.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"

#define PAGE 4096u

void keep_alloc(struct keep *k, size_t n)
{
    k->n = (n + PAGE - 1) / PAGE * PAGE;
    k->p = mmap(NULL, k->n, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    OL_CHECK(k->p != MAP_FAILED);
}

/* Pages of zeros stay holes in the file. */
void keep_save(struct keep *k)
{
    static const uint8_t zeros[PAGE];
    int fd = memfd_create("keep", MFD_CLOEXEC);

    OL_CHECK(fd >= 0 && ftruncate(fd, (off_t)k->n) == 0);
    for (size_t at = 0; at < k->n; at += PAGE) {
        const uint8_t *page = (const uint8_t *)k->p + at;

        if (memcmp(page, zeros, PAGE) != 0)
            OL_CHECK(pwrite(fd, page, PAGE, (off_t)at) == PAGE);
    }
    OL_CHECK(mmap(k->p, k->n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
                  fd, 0) == k->p);
    close(fd);
}

void keep_forget(struct keep *k)
{
    OL_CHECK(madvise(k->p, k->n, MADV_DONTNEED) == 0);
}
