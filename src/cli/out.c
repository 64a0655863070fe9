/*
 * What a person sees: lines, tables, colour, and no control character.
 *
 * Happy path: format, make harmless, print. Colour only on a terminal, without
 * NO_COLOR and not on a dumb one. No memory for a line of output ends the
 * program: there is nothing better to say it with. A stdout that cannot be
 * written is found by ol_out_finish.
 */
#include "cli/out.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const tints[] = {
    [OL_PLAIN] = "",        [OL_GOOD] = "\033[32m", [OL_WARN] = "\033[33m",
    [OL_BAD] = "\033[31m", [OL_FAINT] = "\033[2m", [OL_STRONG] = "\033[1m",
};

/* Invisible, or changes the order or the place of what is shown. */
static const uint32_t hidden[][2] = {
    {0x0000, 0x001f},   {0x007f, 0x009f},   {0x00ad, 0x00ad},
    {0x061c, 0x061c},   {0x180e, 0x180e},   {0x200b, 0x200b},
    {0x2028, 0x202e},   {0x2060, 0x206f},   {0xfeff, 0xfeff},
    {0xfff9, 0xfffb},   {0xe0000, 0xe0fff}, {0xf0000, 0x10ffff},
};

/* Takes no column of its own: marks that combine with the letter before. */
static const uint32_t combining[][2] = {
    {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a},
    {0x064b, 0x065f}, {0x0900, 0x0902}, {0x093a, 0x093a}, {0x093c, 0x093c},
    {0x0941, 0x0948}, {0x094d, 0x094d}, {0x0e31, 0x0e31}, {0x0e34, 0x0e3a},
    {0x0e47, 0x0e4e}, {0x1160, 0x11ff}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
    {0x200c, 0x200f}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
};

/* Takes two columns: East Asian, and pictures. */
static const uint32_t wide[][2] = {
    {0x1100, 0x115f}, {0x2e80, 0x303e},   {0x3041, 0xa4cf},
    {0xa960, 0xa97f}, {0xac00, 0xd7a3},   {0xf900, 0xfaff},
    {0xfe30, 0xfe6f}, {0xff01, 0xff60},   {0xffe0, 0xffe6},
    {0x1f300, 0x1faff}, {0x20000, 0x3fffd},
};

#define IN(table, c) within(table, sizeof(table) / sizeof((table)[0]), c)

static bool within(const uint32_t (*table)[2], size_t n, uint32_t c)
{
    for (size_t i = 0; i < n; i++) {
        if (c >= table[i][0] && c <= table[i][1])
            return true;
    }
    return false;
}

/* The character at p and its length; 0: these bytes are not UTF-8. */
static size_t decode(const uint8_t *p, size_t n, uint32_t *c)
{
    size_t len = p[0] < 0x80   ? 1
                 : p[0] < 0xc2 ? 0
                 : p[0] < 0xe0 ? 2
                 : p[0] < 0xf0 ? 3
                 : p[0] < 0xf5 ? 4
                               : 0;

    if (len == 0 || len > n)
        return 0;
    *c = len == 1 ? p[0] : p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        *c = *c << 6 | (p[i] & 0x3f);
    }
    if ((len == 3 && *c < 0x800) || (len == 4 && *c < 0x10000) ||
        *c > 0x10ffff || (*c >= 0xd800 && *c <= 0xdfff))
        return 0;
    return len;
}

size_t ol_out_letter(const char *text, size_t n, bool *shows)
{
    uint32_t c = 0;
    size_t len = decode((const uint8_t *)text, n, &c);

    *shows = len > 0 && !IN(hidden, c);
    return len;
}

static size_t visible(FILE *to, uint32_t c)
{
    int n;

    if (c == '\n' || c == '\t')
        n = fprintf(to, "\\%c", c == '\n' ? 'n' : 't');
    else
        n = fprintf(to, c < 0x80 ? "\\x%02x" : "\\u%04x", (unsigned)c);
    return n > 0 ? (size_t)n : 0;
}

size_t ol_out_clean(FILE *to, const char *text, size_t n)
{
    const uint8_t *p = (const uint8_t *)text;
    size_t columns = 0;

    for (size_t i = 0, len; i < n; i += len) {
        uint32_t c = 0;

        len = decode(p + i, n - i, &c);
        if (len == 0) {
            fprintf(to, "\\x%02x", p[i]);
            columns += 4;
            len = 1;
        } else if (IN(hidden, c)) {
            columns += visible(to, c);
        } else {
            fwrite(p + i, 1, len, to);
            columns += IN(combining, c) ? 0 : IN(wide, c) ? 2 : 1;
        }
    }
    return columns;
}

static FILE *memory(char **text, size_t *n)
{
    FILE *f = open_memstream(text, n);

    if (f == NULL)
        abort();
    return f;
}

char *ol_out_cleaned(const char *text, size_t *columns)
{
    char *clean;
    size_t n;
    FILE *f = memory(&clean, &n);

    *columns = ol_out_clean(f, text, strlen(text));
    if (fclose(f) != 0)
        abort();
    return clean;
}

/* Formats and makes harmless; the caller frees. */
static char *format_clean(const char *format, va_list args, size_t *columns)
{
    char *text, *clean;
    size_t n;
    FILE *f = memory(&text, &n);

    vfprintf(f, format, args);
    if (fclose(f) != 0)
        abort();
    clean = ol_out_cleaned(text, columns);
    free(text);
    return clean;
}

static bool colour(void)
{
    static int known = -1;

    if (known < 0) {
        const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

        known = isatty(STDOUT_FILENO) && (no == NULL || *no == '\0') &&
                term != NULL && strcmp(term, "dumb") != 0;
    }
    return known == 1;
}

static void put(enum ol_tint tint, const char *text)
{
    if (tint != OL_PLAIN && colour())
        printf("%s%s\033[0m", tints[tint], text);
    else
        fputs(text, stdout);
}

static void line(enum ol_tint tint, const char *format, va_list args)
{
    size_t columns;
    char *text = format_clean(format, args, &columns);

    put(tint, text);
    fputc('\n', stdout);
    free(text);
}

void ol_out_line(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    line(OL_PLAIN, format, args);
    va_end(args);
}

void ol_out_tinted(enum ol_tint tint, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    line(tint, format, args);
    va_end(args);
}

void ol_out_body(const char *text)
{
    while (*text != '\0') {
        size_t n = strcspn(text, "\n");

        fputs("  ", stdout);
        ol_out_clean(stdout, text, n);
        fputc('\n', stdout);
        text += n + (text[n] == '\n');
    }
}

void ol_out_fault(const char *format, ...)
{
    va_list args;
    size_t columns;
    char *text;

    va_start(args, format);
    text = format_clean(format, args, &columns);
    va_end(args);
    fflush(stdout);
    fprintf(stderr, "openline: %s\n", text);
    free(text);
}

void ol_out_json(const char *raw, size_t n)
{
    const uint8_t *p = (const uint8_t *)raw;

    for (size_t i = 0, len; i < n; i += len) {
        uint32_t c = 0;

        len = decode(p + i, n - i, &c);
        if (len == 0) {
            len = 1; /* jansson has refused such bytes already */
        } else if (c >= 0x7f && c < 0x10000 && IN(hidden, c)) {
            printf("\\u%04x", (unsigned)c);
        } else {
            fwrite(p + i, 1, len, stdout);
        }
    }
    fputc('\n', stdout);
}

void ol_out_bell(void)
{
    if (isatty(STDOUT_FILENO))
        (void)putchar('\a');
}

bool ol_out_finish(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    ol_out_fault("cannot write the results: %s: look at where they go",
                 strerror(errno));
    return false;
}

void ol_table_init(struct ol_table *t, unsigned columns)
{
    memset(t, 0, sizeof(*t));
    t->columns = columns < OL_COLUMNS_MAX ? columns : OL_COLUMNS_MAX;
}

void ol_table_cell(struct ol_table *t, enum ol_tint tint, const char *format,
                   ...)
{
    struct ol_cell *cell;
    va_list args;

    if (t->n == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 64;
        t->cell = reallocarray(t->cell, t->cap, sizeof(*t->cell));
        if (t->cell == NULL)
            abort();
    }
    cell = &t->cell[t->n++];
    cell->tint = tint;
    va_start(args, format);
    cell->text = format_clean(format, args, &cell->width);
    va_end(args);
}

void ol_table_head(struct ol_table *t, const char *const *names)
{
    for (unsigned i = 0; i < t->columns; i++)
        ol_table_cell(t, OL_FAINT, "%s", names[i]);
}

void ol_table_print(struct ol_table *t, unsigned indent)
{
    size_t width[OL_COLUMNS_MAX] = {0};

    for (size_t i = 0; i < t->n; i++) {
        size_t *w = &width[i % t->columns];

        *w = t->cell[i].width > *w ? t->cell[i].width : *w;
    }
    for (size_t i = 0; i < t->n; i++) {
        const struct ol_cell *cell = &t->cell[i];
        unsigned column = (unsigned)(i % t->columns);

        if (column == 0)
            printf("%*s", (int)indent, "");
        put(cell->tint, cell->text);
        if (column + 1 == t->columns || i + 1 == t->n)
            fputc('\n', stdout);
        else
            printf("%*s", (int)(width[column] - cell->width + 2), "");
        free(cell->text);
    }
    free(t->cell);
    ol_table_init(t, t->columns);
}
