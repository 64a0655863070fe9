/* A disk under SQLite that fails and forgets. See disk.h. */
#include "disk.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

struct file {
    sqlite3_file base;
    const char *name; /* SQLite's own; lives as long as the file */
    sqlite3_file *real;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct disk_state own, *state = &own;
static bool syncing, harms;
static disk_seen seen;
static sqlite3_vfs vfs, *under;

void disk_order(const struct disk_order *o)
{
    pthread_mutex_lock(&mutex);
    state->op = o->op;
    state->how = o->how;
    state->on = o->on;
    state->nth = o->nth;
    state->fired = 0;
    pthread_mutex_unlock(&mutex);
}

void disk_spare(bool on)
{
    pthread_mutex_lock(&mutex);
    state->spared = on;
    pthread_mutex_unlock(&mutex);
}

void disk_harms(bool neighbours)
{
    harms = neighbours;
}

bool disk_fired(void)
{
    bool hit;

    pthread_mutex_lock(&mutex);
    hit = state->fired != 0;
    pthread_mutex_unlock(&mutex);
    return hit;
}

/* SQLITE_OK, or how this call fails; *torn: after half of it. */
static int fails(enum disk_op op, bool *torn)
{
    static const int codes[DISK_OPS] = {
        SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC, SQLITE_IOERR_TRUNCATE,
        SQLITE_CANTOPEN, SQLITE_IOERR_DELETE, SQLITE_IOERR_SHMMAP,
        SQLITE_IOERR_READ,
    };
    int code = SQLITE_OK, os = EIO;

    pthread_mutex_lock(&mutex);
    state->calls[op]++;
    if (state->spared || state->nth == 0 || state->op != op) {
        code = SQLITE_OK;
    } else if (state->nth > 1) {
        state->nth--;
    } else {
        code = codes[op];
        *torn = state->how == DISK_TORN;
        if (state->how == DISK_FULL) {
            os = ENOSPC;
            if (op == DISK_WRITE)
                code = SQLITE_FULL;
        }
        state->fired++;
        state->nth = state->on;
    }
    pthread_mutex_unlock(&mutex);
    if (code != SQLITE_OK)
        errno = os;
    return code;
}

static void tell(enum disk_op op, const char *name, uint64_t at,
                 const void *bytes, size_t n)
{
    struct disk_deed deed = {op, name, at, bytes, n};

    if (seen == NULL)
        return;
    pthread_mutex_lock(&mutex);
    seen(&deed);
    pthread_mutex_unlock(&mutex);
}

/* Files. */

#define REAL(f) (((struct file *)(f))->real)
#define NAME(f) (((struct file *)(f))->name)

static int close_file(sqlite3_file *f)
{
    int rc = REAL(f)->pMethods->xClose(REAL(f));

    free(REAL(f));
    return rc;
}

static int read_file(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    bool torn = false;
    int rc = fails(DISK_READ, &torn);

    return rc ? rc : REAL(f)->pMethods->xRead(REAL(f), p, n, at);
}

static int write_file(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    bool torn = false;
    int rc = fails(DISK_WRITE, &torn), os = errno, real;

    if (rc && !torn)
        return rc;
    n = torn ? n / 2 : n;
    real = REAL(f)->pMethods->xWrite(REAL(f), p, n, at);
    if (real == SQLITE_OK)
        tell(DISK_WRITE, NAME(f), (uint64_t)at, p, (size_t)n);
    if (rc)
        errno = os;
    return rc ? rc : real;
}

static int cut_file(sqlite3_file *f, sqlite3_int64 size)
{
    bool torn = false;
    int rc = fails(DISK_CUT, &torn);

    if (!rc)
        rc = REAL(f)->pMethods->xTruncate(REAL(f), size);
    if (!rc)
        tell(DISK_CUT, NAME(f), (uint64_t)size, NULL, 0);
    return rc;
}

static int sync_file(sqlite3_file *f, int flags)
{
    bool torn = false;
    int rc = fails(DISK_SYNC, &torn);

    if (!rc && syncing)
        rc = REAL(f)->pMethods->xSync(REAL(f), flags);
    if (!rc)
        tell(DISK_SYNC, NAME(f), 0, NULL, 0);
    return rc;
}

static int size_file(sqlite3_file *f, sqlite3_int64 *size)
{
    return REAL(f)->pMethods->xFileSize(REAL(f), size);
}

static int lock_file(sqlite3_file *f, int level)
{
    return REAL(f)->pMethods->xLock(REAL(f), level);
}

static int unlock_file(sqlite3_file *f, int level)
{
    return REAL(f)->pMethods->xUnlock(REAL(f), level);
}

static int reserved_file(sqlite3_file *f, int *out)
{
    return REAL(f)->pMethods->xCheckReservedLock(REAL(f), out);
}

static int control_file(sqlite3_file *f, int op, void *arg)
{
    return REAL(f)->pMethods->xFileControl(REAL(f), op, arg);
}

/* A disk with sectors that promises no safe append and no order. */
static int sector_file(sqlite3_file *f)
{
    (void)f;
    return 512;
}

static int traits_file(sqlite3_file *f)
{
    (void)f;
    return harms ? 0 : SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int map_file(sqlite3_file *f, int page, int size, int extend,
                    void volatile **out)
{
    bool torn = false;
    int rc = fails(DISK_MAP, &torn);

    return rc ? rc : REAL(f)->pMethods->xShmMap(REAL(f), page, size, extend,
                                                 out);
}

static int map_lock(sqlite3_file *f, int at, int n, int flags)
{
    return REAL(f)->pMethods->xShmLock(REAL(f), at, n, flags);
}

static void map_barrier(sqlite3_file *f)
{
    REAL(f)->pMethods->xShmBarrier(REAL(f));
}

static int map_end(sqlite3_file *f, int gone)
{
    return REAL(f)->pMethods->xShmUnmap(REAL(f), gone);
}

static const sqlite3_io_methods methods = {
    2, close_file, read_file, write_file, cut_file, sync_file, size_file,
    lock_file, unlock_file, reserved_file, control_file, sector_file,
    traits_file, map_file, map_lock, map_barrier, map_end, NULL, NULL,
};

/* Names. */

static int open_file(sqlite3_vfs *v, const char *name, sqlite3_file *f,
                     int flags, int *out)
{
    struct file *mine = (struct file *)f;
    bool torn = false;
    int rc = fails(DISK_OPEN, &torn);

    (void)v;
    memset(mine, 0, sizeof(*mine));
    if (rc)
        return rc;
    mine->real = calloc(1, (size_t)under->szOsFile);
    if (mine->real == NULL)
        return SQLITE_NOMEM;
    rc = under->xOpen(under, name, mine->real, flags, out);
    if (rc != SQLITE_OK) {
        free(mine->real);
        return rc;
    }
    mine->name = name ? name : "";
    mine->base.pMethods = &methods;
    tell(DISK_OPEN, mine->name, 0, NULL, 0);
    return SQLITE_OK;
}

static int delete_name(sqlite3_vfs *v, const char *name, int folder)
{
    bool torn = false;
    int rc = fails(DISK_DELETE, &torn);

    (void)v;
    if (!rc)
        rc = under->xDelete(under, name, syncing ? folder : 0);
    if (!rc)
        tell(DISK_DELETE, name, folder ? 1 : 0, NULL, 0);
    return rc;
}

void disk_begin(disk_seen to, bool real_syncs, struct disk_state *where)
{
    if (where != NULL)
        state = where;
    seen = to;
    syncing = real_syncs;
    under = sqlite3_vfs_find(NULL);
    vfs = *under;
    vfs.zName = "disk";
    vfs.szOsFile = sizeof(struct file);
    vfs.xOpen = open_file;
    vfs.xDelete = delete_name;
    if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
        abort();
}
