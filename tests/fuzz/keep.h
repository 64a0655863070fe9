/*
 * Memory that forgets: a line is set up once and is as it was before each
 * input.
 *
 * keep_alloc gives zeroed pages. keep_save remembers what they hold now;
 * keep_forget brings that back. What is remembered lies in a file in memory,
 * mapped privately, so that only pages that were written to cost anything.
 * Nothing in them may point to elsewhere that changes.
 */
#ifndef OL_FUZZ_KEEP_H
#define OL_FUZZ_KEEP_H

#include <stddef.h>

struct keep {
    void *p;
    size_t n; /* whole pages */
};

void keep_alloc(struct keep *k, size_t n);
void keep_save(struct keep *k);
void keep_forget(struct keep *k);

#endif
