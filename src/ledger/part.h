/*
 * A peer's record that is not whole yet, as both ledgers keep it.
 *
 * What a PUT PART covers it replaces, units and bytes; what lies outside its
 * range stays. So a core may put each range as it comes or, as the newest
 * word, all it has; and a record that was begun anew keeps nothing of the old.
 */
#ifndef OL_LEDGER_PART_H
#define OL_LEDGER_PART_H

#include <openline/line.h>

struct ol_part_image {
    uint64_t mask;  /* units present */
    uint16_t size;  /* canonical size, 0: not known */
    uint16_t n;     /* bytes up to the end of the last unit present */
    uint8_t bytes[OL_RECORD_MAX]; /* zero where nothing is present */
};

/* Does the put cover the whole record, so that what was does not matter. */
bool ol_part_whole(const struct ol_put *put);
/* Nothing present afterwards (n is 0): the part is to go. */
void ol_part_merge(struct ol_part_image *image, const struct ol_put *put);

#endif
