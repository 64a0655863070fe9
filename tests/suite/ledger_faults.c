/*
 * Disks that fail and files that were changed, for the ledger's suite.
 *
 * fsync and fdatasync are this program's own, also for SQLite's library, so
 * that a test can count them, slow them down and let them fail. So is pwrite,
 * that a process can die in the middle of one.
 */
#include "ledger_kit.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sqlite3.h>
#include <sys/syscall.h>
#include <unistd.h>

unsigned kit_writes, kit_syncs, kit_sync_ms, kit_die_at;
unsigned kit_fail_writes_from;
int kit_fail_writes_with;
static unsigned writes;
enum kit_fail kit_fail_syncs;

/* Is this the database itself, not its log or its folder. */
static bool is_database(int fd)
{
    char name[64], path[256] = "";
    ssize_t n;

    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    n = readlink(name, path, sizeof(path) - 1);
    return n > 3 && strcmp(path + n - 3, ".db") == 0;
}

/* The n-th write or sync from here is the last thing this process does. */
static bool dies_now(void)
{
    return kit_die_at > 0 && --kit_die_at == 0;
}

static int sync_or_fail(long call, int fd)
{
    enum kit_fail fail_now = __atomic_load_n(&kit_fail_syncs,
                                             __ATOMIC_RELAXED);

    if (dies_now())
        raise(SIGKILL);
    __atomic_add_fetch(&kit_syncs, 1, __ATOMIC_RELAXED);
    poll(NULL, 0, (int)__atomic_load_n(&kit_sync_ms, __ATOMIC_RELAXED));
    if (fail_now == KIT_FAIL_ALL ||
        (fail_now == KIT_FAIL_DATABASE && is_database(fd))) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(call, fd);
}

int fsync(int fd)
{
    return sync_or_fail(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return sync_or_fail(SYS_fdatasync, fd);
}

/* The order may change while the commit thread writes. */
static int write_fails(void)
{
    unsigned from = __atomic_load_n(&kit_fail_writes_from, __ATOMIC_ACQUIRE);

    if (from == 0) {
        writes = 0;
        return 0;
    }
    return ++writes < from ? 0 : kit_fail_writes_with;
}

ssize_t pwrite64(int fd, const void *p, size_t n, off_t at)
{
    int fails = write_fails();

    __atomic_add_fetch(&kit_writes, 1, __ATOMIC_RELAXED);
    if (fails) {
        errno = fails;
        return -1;
    }
    if (dies_now()) {
        syscall(SYS_pwrite64, fd, p, n / 2, at); /* torn */
        raise(SIGKILL);
    }
    return syscall(SYS_pwrite64, fd, p, n, at);
}

void kit_tamper(struct kit *k, const char *sql)
{
    sqlite3 *db;

    kit_shut(k);
    assert_int_equal(sqlite3_open(k->path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}
