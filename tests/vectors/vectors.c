/* The reader of files of vectors; vectors.h says what it reads. */
#include "vectors.h"

#include <stdlib.h>
#include <string.h>

bool block_next(FILE *file, struct block *b)
{
    b->n = 0;
    for (;;) {
        char *line = b->line[b->n], *split;

        if (!fgets(line, VECTORS_LINE, file))
            return b->n > 0;
        /* A line that was cut would make two, one of them wrong. */
        if (!strchr(line, '\n') && !feof(file))
            fail_msg("a line of more than %u bytes", VECTORS_LINE - 2);
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] == '#')
            continue;
        if (line[0] == '\0') {
            if (b->n > 0)
                return true;
            continue;
        }
        split = strchr(line, '=');
        if (!split)
            fail_msg("no key=value: %s", line);
        *split = '\0';
        b->value[b->n] = split + 1;
        if (++b->n == VECTORS_FIELDS)
            fail_msg("a block of more than %u lines", VECTORS_FIELDS - 1);
    }
}

const char *block_find(const struct block *b, const char *key)
{
    for (size_t i = 0; i < b->n; i++) {
        if (strcmp(b->line[i], key) == 0)
            return b->value[i];
    }
    return NULL;
}

const char *block_text(const struct block *b, const char *key)
{
    const char *text = block_find(b, key);

    if (!text) {
        fail_msg("a block without %s", key);
        return ""; /* never: the test has ended */
    }
    return text;
}

uint32_t block_number(const struct block *b, const char *key)
{
    const char *text = block_text(b, key);
    char *end;
    unsigned long v = strtoul(text, &end, 10);

    if (*end != '\0' || end == text || v > UINT32_MAX)
        fail_msg("%s is no number: %s", key, text);
    return (uint32_t)v;
}

static unsigned digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (unsigned)(at - digits) : 16;
}

struct ol_span block_bytes(const struct block *b, const char *key,
                           uint8_t buf[VECTORS_BYTES])
{
    const char *hex = block_text(b, key);
    size_t n = strlen(hex);

    if (n % 2 != 0 || n / 2 > VECTORS_BYTES)
        fail_msg("%s: %zu digits", key, n);
    for (size_t i = 0; i < n; i += 2) {
        unsigned high = digit(hex[i]), low = digit(hex[i + 1]);

        if (high > 15 || low > 15)
            fail_msg("%s is not hexadecimal", key);
        buf[i / 2] = (uint8_t)(high << 4 | low);
    }
    return OL_SPAN(buf, n / 2);
}

void block_copy(const struct block *b, const char *key, void *out, size_t n)
{
    uint8_t buf[VECTORS_BYTES];
    struct ol_span bytes = block_bytes(b, key, buf);

    if (bytes.n != n)
        fail_msg("%s has %zu bytes, not %zu", key, bytes.n, n);
    memcpy(out, bytes.p, n);
}

void block_equal(const struct block *b, const char *key, const void *bytes,
                 size_t n)
{
    uint8_t buf[VECTORS_BYTES];
    struct ol_span want = block_bytes(b, key, buf);

    if (want.n != n || (n > 0 && memcmp(want.p, bytes, n) != 0))
        fail_msg("%s is another than ours", key);
}
