/*
 * A file of keys and values, read against a table of what is allowed.
 *
 * Every key is one row: what it takes, whether it may stand more than once.
 * An unknown key, a bad value or a line that is neither is a fault with its
 * line; the first one counts, and the file as a whole is then refused.
 */
#ifndef OL_STATION_CONF_INI_H
#define OL_STATION_CONF_INI_H

#include <stdbool.h>
#include <stdint.h>

#include <openline/station.h>

#define OL_INI_LINE 1024u /* bytes of a line, with its NUL */

struct ol_ini;

/* Takes a value into ini->out; false with ol_ini_fault called. */
typedef bool (*ol_ini_take)(struct ol_ini *ini, const char *value);

struct ol_ini_row {
    const char *key;
    bool repeat, required;
    ol_ini_take take;
};

struct ol_ini_schema {
    const char *section;
    const char *keys; /* for people */
    const struct ol_ini_row *rows;
    unsigned n; /* at most 64 */
};

struct ol_ini {
    const char *file; /* its name in messages */
    const struct ol_ini_schema *schema;
    void *out;
    const char *rest; /* what the reader has not given yet */
    unsigned line;    /* the one that was given last */
    uint64_t seen;    /* rows that stood already */
    unsigned fault_line;
    char fault[OL_WHY_MAX];
};

/* Keeps the first fault, at the line under way. Returns false. */
bool ol_ini_fault(struct ol_ini *ini, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Cuts the first word off *rest; NULL when there is none. */
char *ol_ini_word(char **rest);
/* Rows of conf_check.c: line checks, exercises. */
bool ol_conf_take_refuse(struct ol_ini *ini, const char *value);
bool ol_conf_take_check(struct ol_ini *ini, const char *value);
bool ol_conf_take_check_texts(struct ol_ini *ini, const char *value);

/* Reads the text; file, schema and out are set, all else zero. An exit
 * status. */
int ol_ini_run(struct ol_ini *ini, const char *text, char why[OL_WHY_MAX]);

#endif
