/*
 * doctor: the disk under a station, and who may do what with its files.
 *
 * Room, read-only, what the ledger said when a commit was refused, how long
 * something takes to become durable, a write-ahead log that does not shrink,
 * who else has the ledger open; then every file's owner and mode. Nothing is
 * opened that the ledger has open: closing it would let its locks go.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "station/clock.h"
#include "station/doctor.h"

#define SLOW_NS OL_NS_PER_S
/* The log usually has 4 MiB; files under way make it larger for a moment. */
#define LOG_MAX (UINT64_C(16) * 1024 * 1024)
#define LOG_END (UINT64_C(64) * 1024 * 1024)
#define FILES_MAX 4096u /* looked at per folder */

/* Another process that holds a lock on one of the ledger's files; false:
 * none that this one can see. From /proc/locks, a line a lock:
 * "3: POSIX  ADVISORY  READ 1234 08:01:5678 128 128". */
static bool holder(const char *dir, char who[64])
{
    static const char *const files[] = {"ledger.db", "ledger.db-shm"};
    FILE *locks = fopen("/proc/locks", "re");
    char text[160], path[OL_PATH_MAX], name[32], comm[24] = "";
    struct stat st[2];
    int pid = 0, found = 0;

    for (unsigned k = 0; k < 2; k++)
        if (!ol_path(path, dir, files[k], NULL) || stat(path, &st[k]) != 0)
            memset(&st[k], 0, sizeof(st[k]));
    while (locks != NULL && found == 0 &&
           fgets(text, sizeof(text), locks) != NULL) {
        unsigned major, minor;
        unsigned long long inode;

        /* The kernel wrote it. NOLINTNEXTLINE(cert-err34-c) */
        if (sscanf(text, "%*s %*s %*s %*s %d %x:%x:%llu", &pid, &major,
                   &minor, &inode) != 4 || pid <= 0 || pid == getpid())
            continue;
        for (unsigned k = 0; k < 2; k++)
            if (st[k].st_ino == inode && major(st[k].st_dev) == major &&
                minor(st[k].st_dev) == minor)
                found = pid;
    }
    if (locks != NULL)
        fclose(locks);
    if (found == 0)
        return false;
    snprintf(name, sizeof(name), "/proc/%d/comm", found);
    locks = fopen(name, "re");
    if (locks != NULL && fgets(comm, sizeof(comm), locks) != NULL)
        comm[strcspn(comm, "\n")] = '\0';
    if (locks != NULL)
        fclose(locks);
    ol_text_put(who, 64, "%s (pid %d)", comm[0] ? comm : "a program", found);
    return true;
}

static void room(struct ol_findings *f, const char *dir, uint64_t min_free)
{
    unsigned long long mib, min = min_free >> 20;
    struct statvfs v;

    if (statvfs(dir, &v) != 0) {
        ol_finding(f, NULL, NULL, OL_FINDING_FAULT, "%s cannot be looked at: "
                   "%s|check the disk", dir, strerror(errno));
        return;
    }
    mib = (unsigned long long)((uint64_t)v.f_bavail * v.f_frsize >> 20);
    if (v.f_flag & ST_RDONLY)
        ol_finding(f, NULL, NULL, OL_FINDING_FAULT, "%s is mounted "
                   "read-only: nothing can be taken or acknowledged|see "
                   "'dmesg' for why, repair that disk and mount it writable",
                   dir);
    else if ((uint64_t)v.f_bavail * v.f_frsize < min_free)
        ol_finding(f, NULL, NULL, OL_FINDING_FAULT, "the disk is full: %llu "
                   "MiB are free in %s|make room: below %llu MiB nothing new "
                   "is taken", mib, dir, min);
    else
        ol_finding(f, NULL, NULL, OL_FINDING_OK, "%llu MiB are free|", mib);
}

/* What a commit met. */
static void refusal(struct ol_findings *f, const struct ol_station *st)
{
    char who[64];

    if (st->disk_err == OL_ERR_LOCKED && holder(st->dir, who))
        ol_finding(f, NULL, NULL, OL_FINDING_FAULT, "the ledger is locked by "
                   "%s: nothing can be taken or acknowledged|end that "
                   "program; the line then goes on by itself", who);
    else if (st->disk_err != OL_OK && st->disk_why[0] != '\0')
        ol_finding_why(f, NULL, st->disk_why);
}

static void slow(struct ol_findings *f, uint64_t ns)
{
    unsigned long long ms = ns / OL_NS_PER_MS;

    if (ns >= SLOW_NS)
        ol_finding(f, NULL, NULL, OL_FINDING_NOTE, "the disk is slow: it "
                   "took %llu ms to make something durable|messages and "
                   "acknowledgements wait for it: look at what else uses "
                   "that disk, or move the station to a faster one", ms);
    else if (ns > 0)
        ol_finding(f, NULL, NULL, OL_FINDING_OK, "the disk takes %llu ms to "
                   "make something durable|", ms);
}

/* Without a station that runs it is tried, on a file without a name. */
static void try_sync(struct ol_findings *f, const char *dir)
{
    int fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    static const char page[4096];
    uint64_t began = ol_clock_ns();
    char why[OL_WHY_MAX];

    if (fd < 0)
        return; /* a file system without such files; permissions tell */
    if (write(fd, page, sizeof(page)) == (ssize_t)sizeof(page) &&
        fsync(fd) == 0) {
        slow(f, OL_MAX(ol_clock_ns() - began, UINT64_C(1)));
    } else {
        ol_text_put(why, sizeof(why), "%s cannot be written: %s: %s", dir,
                    strerror(errno), errno == ENOSPC
                                         ? "make room on that disk"
                                         : "see 'dmesg', and check that disk");
        ol_finding_why(f, NULL, why);
    }
    close(fd);
}

static void log_size(struct ol_findings *f, const char *dir,
                     const struct ol_station *st)
{
    char path[OL_PATH_MAX], who[64];
    struct stat wal;
    long long mib;

    if (!ol_path(path, dir, "ledger.db-wal", NULL) || stat(path, &wal) != 0 ||
        (uint64_t)wal.st_size <= LOG_MAX)
        return;
    mib = (long long)wal.st_size >> 20;
    if (holder(dir, who))
        ol_finding(f, NULL, NULL, OL_FINDING_FAULT, "the write-ahead log has "
                   "grown to %lld MiB, because %s reads the ledger and does "
                   "not stop|end that program", mib, who);
    else if ((uint64_t)wal.st_size > LOG_END ||
             (st != NULL && __atomic_load_n(&st->ledger->copy_failed,
                                            __ATOMIC_RELAXED)))
        ol_finding(f, NULL, NULL, OL_FINDING_FAULT, "the write-ahead log has "
                   "grown to %lld MiB: it cannot be copied back into the "
                   "ledger|check that %s/ledger.db can be written and may "
                   "grow; see the station's log", mib, dir);
}

/* Nobody but the station has anything to do with it. */
static void company(struct ol_findings *f, const char *dir)
{
    char who[64];

    if (holder(dir, who))
        ol_finding(f, NULL, NULL, OL_FINDING_NOTE, "%s has the ledger open|"
                   "end that program: one that reads for long keeps the "
                   "ledger's log from shrinking, one that writes stops the "
                   "station", who);
}

void ol_doctor_disk(struct ol_findings *f, const char *dir,
                    const struct ol_station *st)
{
    room(f, dir, st != NULL ? st->min_free : ol_disk_min_free());
    if (st != NULL) {
        refusal(f, st);
        slow(f, ol_disk_slowest_ns(st));
    } else {
        try_sync(f, dir);
    }
    company(f, dir);
    log_size(f, dir, st);
}

/* Owners and modes. */

static bool secret(const char *name)
{
    const char *dot = strrchr(name, '.');

    return strncmp(name, "ledger.db", 9) == 0 ||
           (dot != NULL && strcmp(dot, ".key") == 0);
}

static void one_file(struct ol_findings *f, const char *path,
                     const char *name, const struct stat *st, uid_t owner)
{
    bool dir = S_ISDIR(st->st_mode);

    if (st->st_uid != owner)
        ol_finding(f, NULL, NULL, OL_FINDING_FAULT, "%s belongs to user %u, "
                   "the station to user %u|'chown %u %s'", path,
                   (unsigned)st->st_uid, (unsigned)owner, (unsigned)owner,
                   path);
    if (!dir && secret(name) && (st->st_mode & 077) != 0)
        ol_finding(f, NULL, NULL, OL_FINDING_FAULT, "%s can be read by "
                   "others|'chmod 600 %s', and make a new station if anybody "
                   "else used this machine", path, path);
    else if ((st->st_mode & 022) != 0)
        ol_finding(f, NULL, NULL, OL_FINDING_FAULT, "others can write %s %s|"
                   "'chmod go-w %s'", dir ? "in" : "to", path, path);
    if (access(path, dir ? R_OK | X_OK : R_OK) != 0)
        ol_finding(f, NULL, NULL, OL_FINDING_FAULT, "%s cannot be read: %s|"
                   "run this as user %u, and check its owner and mode", path,
                   strerror(errno), (unsigned)owner);
    else if (access(path, W_OK) != 0 && errno == EACCES &&
             (dir || strncmp(name, "ledger.db", 9) == 0))
        ol_finding(f, NULL, NULL, OL_FINDING_FAULT, "%s cannot be written: "
                   "%s|run this as user %u, and check its owner and mode",
                   path, strerror(errno), (unsigned)owner);
}

static void one_folder(struct ol_findings *f, const char *dir,
                       const char *name, uid_t owner)
{
    char folder[OL_PATH_MAX], path[OL_PATH_MAX];
    struct dirent *e;
    struct stat st;
    DIR *d;

    if (name == NULL)
        ol_text_put(folder, sizeof(folder), "%s", dir);
    else if (!ol_path(folder, dir, name, NULL))
        return;
    d = opendir(folder);
    if (d == NULL)
        return;
    for (unsigned k = 0; k < FILES_MAX && (e = readdir(d)) != NULL; k++)
        if (ol_path(path, folder, e->d_name, NULL) &&
            lstat(path, &st) == 0 && S_ISREG(st.st_mode))
            one_file(f, path, e->d_name, &st, owner);
    closedir(d);
}

void ol_doctor_files(struct ol_findings *f, const char *dir)
{
    static const char *const folders[] = {"lines.d", "cards"};
    char path[OL_PATH_MAX];
    struct stat st;
    uid_t owner;

    if (stat(dir, &st) != 0) {
        ol_finding(f, NULL, NULL, OL_FINDING_FAULT, "%s cannot be looked at: "
                   "%s|check the disk, and run this as its owner", dir,
                   strerror(errno));
        return;
    }
    owner = st.st_uid;
    one_file(f, dir, "", &st, owner);
    if (geteuid() == 0 && owner != 0)
        ol_finding(f, NULL, NULL, OL_FINDING_NOTE, "you are root and the "
                   "station belongs to user %u|run openline as that user, "
                   "else files become root's", (unsigned)owner);
    one_folder(f, dir, NULL, owner);
    for (unsigned k = 0; k < OL_LEN(folders); k++) {
        if (!ol_path(path, dir, folders[k], NULL) || lstat(path, &st) != 0)
            continue;
        one_file(f, path, folders[k], &st, owner);
        one_folder(f, dir, folders[k], owner);
    }
}
