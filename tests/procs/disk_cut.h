/*
 * What a power cut leaves: every deed on a disk is kept (disk.h), and files
 * are made as they could have been found after any of them.
 *
 * What was synced is there. Of what was written since, nothing, everything,
 * some writes, some sectors of some writes, or all up to a torn one: a dice
 * says. A name that no sync of its folder has covered may be gone, or may
 * still be there.
 */
#ifndef TESTS_PROCS_DISK_CUT_H
#define TESTS_PROCS_DISK_CUT_H

#include <stdint.h>

#include "base/dice.h"
#include "disk.h"

/* The disk_seen of disk_begin. */
void disk_keep(const struct disk_deed *deed);
void disk_forget(void); /* what was kept so far; frees it */
uint32_t disk_deeds(void); /* how many are kept; from any thread */
enum disk_op disk_deed_op(uint32_t n); /* of deed n, 0 is the first */
void disk_pause(bool on); /* keep nothing meanwhile */
/* The files of `folder` after the first n deeds, into `to`, which is there and
 * holds none of them. */
void disk_leave(const char *folder, const char *to, uint32_t n,
                struct dice *d);
/* The same after a kill -9: all that was written is there, synced or not. */
void disk_leave_all(const char *folder, const char *to, uint32_t n);
/* Deed n, a sync, failed: what it was to bring to the disk the machine still
 * shows, and no later sync brings it there (so does Linux). */
void disk_fail_sync(uint32_t n);
void disk_cut(uint32_t n); /* only the first n deeds were done */

#endif
