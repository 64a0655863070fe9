/*
 * Files of vectors: blocks of key=value lines with a blank line between them.
 *
 * A test opens one, takes block after block and asks for values by key. What
 * is not there or is not hexadecimal fails the test that asked; lines that
 * begin with # are skipped.
 */
#ifndef OL_TESTS_VECTORS_H
#define OL_TESTS_VECTORS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <openline/span.h>

#define VECTORS_FIELDS 48u
#define VECTORS_LINE 1024u
#define VECTORS_BYTES 512u

struct block {
    size_t n;
    char line[VECTORS_FIELDS][VECTORS_LINE]; /* key NUL value NUL */
    const char *value[VECTORS_FIELDS];
};

/* The next block of the file; false at its end. */
bool block_next(FILE *file, struct block *b);
/* NULL when the block has no such key. */
const char *block_find(const struct block *b, const char *key);
/* The same, and the test fails without it. */
const char *block_text(const struct block *b, const char *key);
uint32_t block_number(const struct block *b, const char *key);
/* The bytes of a hexadecimal value, in buf. */
struct ol_span block_bytes(const struct block *b, const char *key,
                           uint8_t buf[VECTORS_BYTES]);
/* A value of exactly n bytes, copied to out. */
void block_copy(const struct block *b, const char *key, void *out, size_t n);
/* Fails the test unless the value is these n bytes. */
void block_equal(const struct block *b, const char *key, const void *bytes,
                 size_t n);

#endif
