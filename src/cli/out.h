/*
 * What a person sees: lines, tables, colour, and no control character.
 *
 * Texts of the other side may hold anything. Whatever is printed for people
 * goes through ol_out_clean, so a terminal never obeys a peer. Formats here
 * hold no newline; each call prints one line.
 */
#ifndef OL_CLI_OUT_H
#define OL_CLI_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define OL_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define OL_COLUMNS_MAX 12u

enum ol_tint { OL_PLAIN, OL_GOOD, OL_WARN, OL_BAD, OL_FAINT, OL_STRONG };

/*
 * Copies n bytes of text to `to` with everything that could move a cursor,
 * reorder or hide text made visible: \n, \x1b, \u202e, and \xff for bytes that
 * are not UTF-8. Ordinary letters of all scripts pass. Returns the columns a
 * terminal needs for it.
 */
size_t ol_out_clean(FILE *to, const char *text, size_t n);
/* The length of the first letter of n > 0 bytes; 0: they are not UTF-8.
 * *shows: it is one that passes. */
size_t ol_out_letter(const char *text, size_t n, bool *shows);
/* The same as ol_out_clean into memory; the caller frees. */
char *ol_out_cleaned(const char *text, size_t *columns);

/* One line to stdout. */
void ol_out_line(const char *format, ...) OL_PRINTF(1, 2);
void ol_out_tinted(enum ol_tint tint, const char *format, ...)
    OL_PRINTF(2, 3);
/* A text of several lines, every one behind two blanks, so that no line of it
 * can pass for one of ours. */
void ol_out_body(const char *text);
/* One line to stderr: "openline: WHAT: WHAT TO DO". */
void ol_out_fault(const char *format, ...) OL_PRINTF(1, 2);
/* "1.5 MiB"; at most 15 letters. */
void ol_out_bytes(uint64_t bytes, char out[16]);
/* A line on stderr that the next one takes the place of, if that is a
 * terminal; rate: bytes a second, 0: unknown. Gone with ol_out_progress_end,
 * which comes before anything else is printed. */
void ol_out_progress(const char *doing, const char *file, uint64_t have,
                     uint64_t size, uint64_t rate);
void ol_out_progress_end(void);
/* A JSON document as it came, on one line. Control characters that JSON
 * allows in a string are written as escapes: the same document. */
void ol_out_json(const char *raw, size_t n);
/* The bell, where somebody sits at a terminal. */
void ol_out_bell(void);
/* Results that could not be written are a failure: false, and said. */
bool ol_out_finish(void);

/* Cells in rows, printed with aligned columns. Zeroed: empty, see init. */
struct ol_table {
    unsigned columns;
    size_t n, cap;
    struct ol_cell {
        char *text;
        size_t width;
        enum ol_tint tint;
    } *cell;
};

void ol_table_init(struct ol_table *t, unsigned columns);
/* The next cell of the row; a row is full when all its columns are. */
void ol_table_cell(struct ol_table *t, enum ol_tint tint, const char *format,
                   ...) OL_PRINTF(3, 4);
/* Heads of all columns, the first row. */
void ol_table_head(struct ol_table *t, const char *const *names);
/* Prints all behind `indent` blanks, frees all. */
void ol_table_print(struct ol_table *t, unsigned indent);

#endif
