/*
 * A disk under SQLite that fails and forgets: a VFS around the one of the
 * system, which becomes the default of this process.
 *
 * Orders say which call fails, and how; they may lie in memory that another
 * process maps as well. Whoever wants a record of what was done to which file
 * is told of every write, cut, deletion and sync, in their order, before the
 * call returns: so a test can build what a power cut would have left
 * (disk_cut.c), or keep it beside a daemon (disk_load.c).
 */
#ifndef TESTS_PROCS_DISK_H
#define TESTS_PROCS_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum disk_op {
    DISK_WRITE, DISK_SYNC, DISK_CUT, DISK_OPEN, DISK_DELETE, DISK_MAP,
    DISK_READ, DISK_OPS
};

enum disk_how {
    DISK_IO,   /* EIO */
    DISK_FULL, /* ENOSPC */
    DISK_TORN, /* half of a write is done, then EIO */
};

/* The nth call of op from now fails (1 is the next; 0: none), and with `on`
 * all that follow. Any thread may be in a call meanwhile. */
struct disk_order {
    enum disk_op op;
    enum disk_how how;
    uint32_t nth;
    bool on;
};

/* One thing done. name: of the file; borrowed, as are the bytes. A sync that
 * was told to fail is not told of; what a torn write did is. */
struct disk_deed {
    enum disk_op op;
    const char *name;
    uint64_t at; /* offset; CUT: the new size */
    const uint8_t *bytes;
    size_t n;
};

/* Where the order stands, and what came of it; frail.py knows this layout. An
 * order of another process is written before its nth. */
struct disk_state {
    uint32_t op, how, on, nth;
    uint32_t fired, spared;
    uint32_t calls[DISK_OPS]; /* so far, of each */
};

typedef void (*disk_seen)(const struct disk_deed *deed);

/* seen: may be NULL; one call at a time. real_syncs: whether the machine's own
 * disk is asked to sync too. state: NULL, or where it is to be, for good. */
void disk_begin(disk_seen seen, bool real_syncs, struct disk_state *state);
void disk_order(const struct disk_order *order);
void disk_spare(bool on); /* meanwhile no call fails or counts */
/* May a write harm what lies beside it in its sector. It may not, unless this
 * says so: Linux promises that, and SQLite asks. For files opened from now. */
void disk_harms(bool neighbours);
bool disk_fired(void); /* has the order hit since it was given */

#endif
