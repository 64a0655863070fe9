/*
 * Where a failed assertion ends: noted for the core dump, told to the hook,
 * then abort. There is no happy path, and it never returns.
 */
#include "base/check.h"

#include <stddef.h>
#include <stdlib.h>

void (*ol_check_hook)(const char *expr, const char *file, int line);
struct ol_check_failed ol_check_failed;

void ol_check_fail(const char *expr, const char *file, int line)
{
    void (*hook)(const char *, const char *, int) = ol_check_hook;

    ol_check_failed.expr = expr;
    ol_check_failed.file = file;
    ol_check_failed.line = line;
    /* A check that fails inside the hook must not call the hook again. */
    ol_check_hook = NULL;
    if (hook)
        hook(expr, file, line);
    abort();
}
