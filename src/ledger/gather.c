/*
 * The write-ahead log, written in few calls.
 *
 * SQLite writes each page of a commit into its log as two: 24 bytes that say
 * which page it is, and the page. All lie one behind the other, and nobody
 * looks at them before the sync at their end, for only after it does the index
 * of the log name them. So what is written is gathered here and goes down as
 * one, when the log is synced, or read, or cut, or when there is no more room.
 *
 * Happy path: write, write, ..., sync. How it fails: a write that fails is
 * told by the call that made it happen, at the latest by the sync, which then
 * has synced nothing: the commit fails as if its own write had. What was
 * gathered is gone then; SQLite writes it anew, at the same place. Closing
 * writes nothing: what no sync asked for belongs to no commit.
 *
 * Only a log is opened so; every other file is the system's own. Nor is one
 * gathered that lies where a write may harm what lies beside it.
 */
#include "ledger/gather.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ROOM (64u * 1024) /* bytes that are gathered: some 15 pages */

struct gathered {
    sqlite3_file base; /* first */
    uint8_t *bytes;    /* ROOM; NULL: it is written as it comes */
    sqlite3_int64 at;  /* where they belong */
    unsigned n;
    /* The system's own lies behind it. */
};

static sqlite3_vfs vfs, *under;

#define REAL(f) ((sqlite3_file *)((struct gathered *)(f) + 1))

_Static_assert(sizeof(struct gathered) % sizeof(void *) == 0, "aligned");

static int write_down(sqlite3_file *f)
{
    struct gathered *g = (struct gathered *)f;
    unsigned n = g->n;

    g->n = 0;
    return n == 0 ? SQLITE_OK
                  : REAL(f)->pMethods->xWrite(REAL(f), g->bytes, (int)n,
                                              g->at);
}

static int write_file(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    struct gathered *g = (struct gathered *)f;
    int rc = SQLITE_OK;

    if (g->n > 0 && (at != g->at + g->n || (unsigned)n > ROOM - g->n))
        rc = write_down(f);
    if (rc != SQLITE_OK)
        return rc;
    if (g->bytes == NULL || (unsigned)n > ROOM)
        return REAL(f)->pMethods->xWrite(REAL(f), p, n, at);
    if (g->n == 0)
        g->at = at;
    memcpy(g->bytes + g->n, p, (size_t)n);
    g->n += (unsigned)n;
    return SQLITE_OK;
}

static int read_file(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    int rc = write_down(f);

    return rc ? rc : REAL(f)->pMethods->xRead(REAL(f), p, n, at);
}

static int cut_file(sqlite3_file *f, sqlite3_int64 size)
{
    int rc = write_down(f);

    return rc ? rc : REAL(f)->pMethods->xTruncate(REAL(f), size);
}

static int sync_file(sqlite3_file *f, int flags)
{
    int rc = write_down(f);

    return rc ? rc : REAL(f)->pMethods->xSync(REAL(f), flags);
}

static int size_file(sqlite3_file *f, sqlite3_int64 *size)
{
    int rc = write_down(f);

    return rc ? rc : REAL(f)->pMethods->xFileSize(REAL(f), size);
}

static int close_file(sqlite3_file *f)
{
    struct gathered *g = (struct gathered *)f;

    free(g->bytes);
    g->bytes = NULL;
    return REAL(f)->pMethods->xClose(REAL(f));
}

static int lock_file(sqlite3_file *f, int how)
{
    return REAL(f)->pMethods->xLock(REAL(f), how);
}

static int unlock_file(sqlite3_file *f, int how)
{
    return REAL(f)->pMethods->xUnlock(REAL(f), how);
}

static int reserved_file(sqlite3_file *f, int *out)
{
    return REAL(f)->pMethods->xCheckReservedLock(REAL(f), out);
}

static int control_file(sqlite3_file *f, int what, void *arg)
{
    return REAL(f)->pMethods->xFileControl(REAL(f), what, arg);
}

static int sector_file(sqlite3_file *f)
{
    return REAL(f)->pMethods->xSectorSize(REAL(f));
}

static int traits_file(sqlite3_file *f)
{
    return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f));
}

/* A log is locked and mapped through the file that it belongs to. */
static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = close_file,
    .xRead = read_file,
    .xWrite = write_file,
    .xTruncate = cut_file,
    .xSync = sync_file,
    .xFileSize = size_file,
    .xLock = lock_file,
    .xUnlock = unlock_file,
    .xCheckReservedLock = reserved_file,
    .xFileControl = control_file,
    .xSectorSize = sector_file,
    .xDeviceCharacteristics = traits_file,
};

/* Where a write may harm its neighbours SQLite fills a commit up behind its
 * sync, and those pages are looked at as soon as that is done. */
static bool last_is_sync(sqlite3_file *real)
{
    return (real->pMethods->xDeviceCharacteristics(real) &
            SQLITE_IOCAP_POWERSAFE_OVERWRITE) != 0;
}

static int open_file(sqlite3_vfs *v, const char *name, sqlite3_file *f,
                     int flags, int *out)
{
    struct gathered *g = (struct gathered *)f;
    int rc;

    (void)v;
    if ((flags & SQLITE_OPEN_WAL) == 0)
        return under->xOpen(under, name, f, flags, out);
    memset(g, 0, sizeof(*g));
    rc = under->xOpen(under, name, REAL(f), flags, out);
    if (rc != SQLITE_OK)
        return rc;
    g->base.pMethods = &methods;
    if (last_is_sync(REAL(f)))
        g->bytes = malloc(ROOM); /* without, it is slower and no worse */
    return SQLITE_OK;
}

const char *ol_gather(void)
{
    sqlite3_vfs *now = sqlite3_vfs_find(NULL);

    if (now == NULL || now == under)
        return now ? vfs.zName : NULL;
    if (under != NULL)
        sqlite3_vfs_unregister(&vfs);
    under = now;
    vfs = *under;
    vfs.pNext = NULL;
    vfs.zName = "openline";
    vfs.szOsFile = (int)sizeof(struct gathered) + under->szOsFile;
    vfs.xOpen = open_file;
    return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK ? vfs.zName : NULL;
}
