/*
 * A disk that fails, for a real daemon: preloaded into it by a test.
 *
 *     LD_PRELOAD=libfault.so OPENLINE_FAULT=FILE openline run ...
 *
 * FILE holds one line, `OP TARGET WHAT FROM`, and is read anew at every call,
 * so that a test can break the disk and mend it while the daemon runs:
 *
 *     OP      write, sync, or any of these two; open, read, stat, close,
 *             link, rename (that does not replace): of whatever file; fsync:
 *             of one that is not the ledger's (only hang)
 *     TARGET  the end of the name of the file: ledger.db, ledger.db-wal; or
 *             any, for every file of the ledger
 *     WHAT    EIO, ENOSPC, EROFS, EPERM, EINVAL; kill: the process dies
 *             half-way through a write; slow:MS: a sync takes so long; hang:
 *             the call never ends, and FILE.hung is there (a sync ends when
 *             FILE says something else)
 *     FROM    the first call that fails, counted from when the line was
 *             written; all later ones fail as well
 *
 * OPENLINE_CLOCK, in seconds, is added to its wall clock; @FILE: what FILE
 * says now, so that a test can set the clock while the daemon runs.
 *
 * Whatever is said to be durable is kept beside its file as FILE.synced: a
 * test that kills the daemon and puts those in place has cut the power, and
 * lost everything that was written and never synced.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* A slow sync is slow for its own thread: nobody else who asks what the order
 * is may wait for it. */
static pthread_mutex_t syncing = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char last_order[128];
static unsigned calls;

static int ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

/* The name behind a descriptor. */
static void file_of(int fd, char path[4096])
{
    char name[64];
    ssize_t n;

    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    n = readlink(name, path, 4095);
    path[n > 0 ? n : 0] = '\0';
}

/* The same, and whether it is one of the ledger's files. */
static int ledger_file(int fd, char path[4096])
{
    file_of(fd, path);
    return ends_with(path, "/ledger.db") || ends_with(path, "/ledger.db-wal");
}

static int number_of(const char *what)
{
    static const struct {
        const char *name;
        int number;
    } names[] = {{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EROFS", EROFS},
                 {"EPERM", EPERM}, {"EINVAL", EINVAL}};

    for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
        if (strcmp(names[k].name, what) == 0)
            return names[k].number;
    return 0;
}

/* What FILE says now; false: there is none. */
static int read_order(char order[128])
{
    const char *file = getenv("OPENLINE_FAULT");
    int fd = file ? (int)syscall(SYS_openat, AT_FDCWD, file, O_RDONLY) : -1;
    ssize_t n;

    if (fd < 0)
        return 0;
    n = syscall(SYS_read, fd, order, 127);
    order[n > 0 ? n : 0] = '\0';
    syscall(SYS_close, fd);
    return 1;
}

/* A handler of signals reads and writes as well (libuv's does): it must not
 * find its own thread with the mutex held, and wait for itself. */
static void lock(sigset_t *was)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, was);
    pthread_mutex_lock(&mutex);
}

static void unlock(const sigset_t *was)
{
    pthread_mutex_unlock(&mutex);
    pthread_sigmask(SIG_SETMASK, was, NULL);
}

/* With the mutex held: what the order says of this call, "" for nothing. */
static void look_up(const char *op, const char *path, char what[16])
{
    char order[128], its_op[16], target[32];
    unsigned from;
    int of_ledger = strcmp(op, "write") == 0 || strcmp(op, "sync") == 0;

    what[0] = '\0';
    if (!read_order(order))
        return;
    if (strcmp(order, last_order) != 0) {
        strcpy(last_order, order);
        calls = 0;
    }
    if (sscanf(order, "%15s %31s %15s %u", its_op, target, what, &from) != 4 ||
        ((strcmp(its_op, "any") != 0 || !of_ledger) &&
         strcmp(its_op, op) != 0) ||
        (strcmp(target, "any") != 0 && !ends_with(path, target)) ||
        ++calls < from)
        what[0] = '\0';
}

static void keep_synced(int fd, const char *path)
{
    static char bytes[1 << 16];
    char name[4096 + 16], done[4096 + 16];
    off_t at = 0;
    ssize_t n;
    int to;

    if (getenv("OPENLINE_FAULT") == NULL)
        return;
    snprintf(name, sizeof(name), "%s.new", path);
    snprintf(done, sizeof(done), "%s.synced", path);
    to = (int)syscall(SYS_openat, AT_FDCWD, name,
                      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    while (to >= 0 && (n = syscall(SYS_pread64, fd, bytes, sizeof(bytes),
                                   at)) > 0) {
        if (write(to, bytes, (size_t)n) != n)
            abort();
        at += n;
    }
    if (to < 0 || syscall(SYS_close, to) != 0 || rename(name, done) != 0)
        abort();
}

static void say_hung(void)
{
    char hung[4096];

    snprintf(hung, sizeof(hung), "%s.hung", getenv("OPENLINE_FAULT"));
    syscall(SYS_close, syscall(SYS_openat, AT_FDCWD, hung,
                               O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

/* Until the order is another. */
static void hang_on(void)
{
    char first[128], now[128];

    if (!read_order(first))
        return;
    say_hung();
    while (read_order(now) && strcmp(now, first) == 0)
        poll(NULL, 0, 10);
}

static int do_sync(long call, int fd)
{
    char path[4096], what[16];
    sigset_t was;
    int err, rc;

    if (!ledger_file(fd, path)) {
        lock(&was);
        look_up("fsync", path, what);
        unlock(&was);
        if (strcmp(what, "hang") == 0)
            hang_on();
        return (int)syscall(call, fd);
    }
    pthread_mutex_lock(&syncing);
    lock(&was);
    look_up("sync", path, what);
    unlock(&was);
    err = number_of(what);
    if (strncmp(what, "slow:", 5) == 0)
        poll(NULL, 0, atoi(what + 5));
    if (strcmp(what, "hang") == 0)
        hang_on();
    if (strcmp(what, "kill") == 0)
        raise(SIGKILL);
    rc = err ? -1 : (int)syscall(call, fd);
    if (rc == 0)
        keep_synced(fd, path);
    pthread_mutex_unlock(&syncing);
    if (err)
        errno = err;
    return rc;
}

int fsync(int fd)
{
    return do_sync(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return do_sync(SYS_fdatasync, fd);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off_t at)
{
    char path[4096], what[16];
    sigset_t was;
    int err;

    if (!ledger_file(fd, path))
        return syscall(SYS_pwrite64, fd, p, n, at);
    lock(&was);
    look_up("write", path, what);
    unlock(&was);
    err = number_of(what);
    if (strcmp(what, "kill") == 0) {
        syscall(SYS_pwrite64, fd, p, n / 2, at); /* torn */
        raise(SIGKILL);
    }
    if (err) {
        errno = err;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, p, n, at);
}

/* Does not come back if that is what the order says. */
static void may_hang(const char *op, const char *path)
{
    char what[16];
    sigset_t was;

    if (getenv("OPENLINE_FAULT") == NULL)
        return;
    lock(&was);
    look_up(op, path, what);
    unlock(&was);
    if (strcmp(what, "hang") != 0)
        return;
    say_hung();
    for (;;)
        pause();
}

static void may_hang_at(const char *op, int fd)
{
    char path[4096];

    if (getenv("OPENLINE_FAULT") == NULL)
        return;
    file_of(fd, path);
    may_hang(op, path);
}

/* With large files, open is open64: its name as the linker sees it. */
int open_of_any(const char *path, int flags, ...) __asm__("open64");

int open_of_any(const char *path, int flags, ...)
{
    va_list more;
    int mode;

    va_start(more, flags);
    mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, int) : 0;
    va_end(more);
    may_hang("open", path);
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int fstat(int fd, struct stat *st)
{
    may_hang_at("stat", fd);
    return fstatat(fd, "", st, AT_EMPTY_PATH);
}

int stat(const char *path, struct stat *st)
{
    may_hang("stat", path);
    return fstatat(AT_FDCWD, path, st, 0);
}

ssize_t read(int fd, void *p, size_t n)
{
    may_hang_at("read", fd);
    return syscall(SYS_read, fd, p, n);
}

ssize_t pread64(int fd, void *p, size_t n, off_t at)
{
    may_hang_at("read", fd);
    return syscall(SYS_pread64, fd, p, n, at);
}

int close(int fd)
{
    may_hang_at("close", fd);
    return (int)syscall(SYS_close, fd);
}

static int naming(const char *op, const char *to)
{
    char what[16];
    sigset_t was;

    lock(&was);
    look_up(op, to, what);
    unlock(&was);
    errno = number_of(what);
    return errno;
}

int link(const char *from, const char *to)
{
    return naming("link", to) ? -1 : (int)syscall(SYS_link, from, to);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to,
              unsigned flags)
{
    return naming("rename", to) ? -1
                                : (int)syscall(SYS_renameat2, from_dir, from,
                                               to_dir, to, flags);
}

static long from_file(const char *path)
{
    char text[32] = "";
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return 0;
    if (syscall(SYS_read, fd, text, sizeof(text) - 1) < 0)
        text[0] = '\0';
    (void)syscall(SYS_close, fd);
    return atol(text);
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    const char *wrong = getenv("OPENLINE_CLOCK");
    int rc = (int)syscall(SYS_clock_gettime, id, t);

    if (rc == 0 && id == CLOCK_REALTIME && wrong != NULL)
        t->tv_sec += *wrong == '@' ? from_file(wrong + 1) : atol(wrong);
    return rc;
}
