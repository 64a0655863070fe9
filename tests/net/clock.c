/*
 * Clocks that a test moves while the daemon runs: preloaded into it.
 *
 *     LD_PRELOAD=libclock.so OPENLINE_CLOCK_FILE=FILE openline run ...
 *
 * FILE holds 8 bytes, a signed number of nanoseconds of this machine's byte
 * order; it is added to the wall clock and to the clocks that do not jump, for
 * the time that passes is the same for all of them. A test that writes four
 * days there has made four days pass in one moment: to the daemon, its machine
 * stood still for so long. A timer that was armed before fires when it would
 * have without that; the station's is never further away than 5 s. Without
 * FILE nothing is moved.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NS INT64_C(1000000000)

static const int64_t *moved; /* the file, as it is now */

__attribute__((constructor)) static void open_file(void)
{
    const char *path = getenv("OPENLINE_CLOCK_FILE");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at;

    if (fd < 0)
        return;
    at = mmap(NULL, sizeof(*moved), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (at != MAP_FAILED)
        moved = at;
}

static int64_t offset(void)
{
    return moved != NULL ? __atomic_load_n(moved, __ATOMIC_RELAXED) : 0;
}

static struct timespec add(struct timespec t, int64_t ns)
{
    int64_t all = (int64_t)t.tv_sec * NS + t.tv_nsec + ns;

    if (all < 1)
        all = 1; /* 0 would disarm a timer */
    return (struct timespec){.tv_sec = all / NS, .tv_nsec = all % NS};
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    long rc = syscall(SYS_clock_gettime, id, t);

    if (rc == 0 && id != CLOCK_PROCESS_CPUTIME_ID &&
        id != CLOCK_THREAD_CPUTIME_ID)
        *t = add(*t, offset());
    return (int)rc;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    struct timespec t;

    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    tv->tv_sec = t.tv_sec;
    tv->tv_usec = t.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_REALTIME, &t);
    if (out != NULL)
        *out = t.tv_sec;
    return t.tv_sec;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *to,
                    struct itimerspec *was)
{
    struct itimerspec t = *to;

    if ((flags & TFD_TIMER_ABSTIME) &&
        (t.it_value.tv_sec != 0 || t.it_value.tv_nsec != 0))
        t.it_value = add(t.it_value, -offset());
    return (int)syscall(SYS_timerfd_settime, fd, flags, &t, was);
}
