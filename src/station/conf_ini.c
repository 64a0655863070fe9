/*
 * A file of keys and values, read against a table.
 *
 * inih splits the lines; our reader hands them over one by one, so that we
 * know the number of each. The handler looks a key up in the table and lets
 * the row's function take the value.
 */
#include "station/conf_ini.h"

#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "station/text.h"

char *ol_ini_word(char **rest)
{
    char *at = *rest + strspn(*rest, " \t");
    size_t n = strcspn(at, " \t");

    if (n == 0)
        return NULL;
    *rest = at + n;
    if (**rest != '\0')
        *(*rest)++ = '\0';
    return at;
}

bool ol_ini_fault(struct ol_ini *p, const char *fmt, ...)
{
    va_list ap;
    char text[OL_WHY_MAX];

    if (p->fault_line != 0)
        return false;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    p->fault_line = p->line;
    ol_text_put(p->fault, sizeof(p->fault), "%s:%u: %s", p->file, p->line,
                text);
    return false;
}

static int handle(void *arg, const char *section, const char *key,
                  const char *value)
{
    struct ol_ini *p = arg;
    const struct ol_ini_schema *s = p->schema;

    if (strcmp(section, s->section) != 0)
        return ol_ini_fault(p, "section [%s]: allowed is [%s]", section,
                            s->section);
    for (unsigned k = 0; k < s->n; k++) {
        if (strcmp(s->rows[k].key, key) != 0)
            continue;
        if (p->seen >> k & 1 && !s->rows[k].repeat)
            return ol_ini_fault(p, "%s stands twice: remove one", key);
        p->seen |= UINT64_C(1) << k;
        return s->rows[k].take(p, value);
    }
    return ol_ini_fault(p, "unknown key \"%s\": allowed are %s", key, s->keys);
}

/* inih tells of a section only with its first key; a lone one is wrong too.
 * Without a ] it is inih's to refuse. */
static void check_section(struct ol_ini *p, const char *from, size_t n)
{
    const char *end = memchr(from, ']', n);
    size_t len = end ? (size_t)(end - from) - 1 : 0;

    if (end != NULL && (len != strlen(p->schema->section) ||
                        memcmp(from + 1, p->schema->section, len) != 0))
        ol_ini_fault(p, "section [%.*s]: allowed is [%s]", (int)len, from + 1,
                     p->schema->section);
}

/* One line to inih, without the blanks in front that it would take for the
 * continuation of a value. */
static char *next_line(char *out, int room, void *arg)
{
    struct ol_ini *p = arg;
    const char *end = strchr(p->rest, '\n');
    size_t n = end ? (size_t)(end - p->rest) : strlen(p->rest);
    const char *from = p->rest;

    if (*p->rest == '\0')
        return NULL;
    p->line++;
    p->rest += end ? n + 1 : n;
    while (n > 0 && (*from == ' ' || *from == '\t')) {
        from++;
        n--;
    }
    if (n + 2 > (size_t)room || n >= OL_INI_LINE) {
        ol_ini_fault(p, "a line of %zu bytes: at most %u", n, OL_INI_LINE - 2);
        n = 0;
    }
    if (n > 0 && *from == '[')
        check_section(p, from, n);
    memcpy(out, from, n);
    out[n] = '\n';
    out[n + 1] = '\0';
    return out;
}

int ol_ini_run(struct ol_ini *p, const char *text, char why[OL_WHY_MAX])
{
    int line;

    /* inih's defaults would cut lines at 200 bytes. */
    ini_use_stack = false;
    ini_max_line = OL_INI_LINE + 2;
    ini_initial_alloc = OL_INI_LINE + 2;
    ini_allow_multiline = false;
    p->rest = text;
    line = ini_parse_stream(next_line, p, handle, p);
    if (line < 0)
        return ol_fail(why, OL_EXIT_FAILED, "%s: no memory", p->file);
    if (line > 0 && (p->fault_line == 0 || (unsigned)line < p->fault_line))
        return ol_fail(why, OL_EXIT_FAILED,
                       "%s:%d: neither a key nor a section: write KEY = "
                       "VALUE, [%s], or # in front of a comment", p->file,
                       line, p->schema->section);
    if (p->fault_line != 0)
        return ol_fail(why, OL_EXIT_FAILED, "%s", p->fault);
    for (unsigned k = 0; k < p->schema->n; k++)
        if (p->schema->rows[k].required && !(p->seen >> k & 1))
            return ol_fail(why, OL_EXIT_FAILED,
                           "%s: %s is missing: add it under [%s]", p->file,
                           p->schema->rows[k].key, p->schema->section);
    return OL_EXIT_OK;
}
