/*
 * Assertions that stay in release builds.
 *
 * For our own bugs only, never on a byte from a peer, a person or the ledger.
 * The core has no I/O, so a failed check aborts; the expression, the file and
 * the line stay readable in the core dump through ol_check_failed.
 */
#ifndef OL_BASE_CHECK_H
#define OL_BASE_CHECK_H

#define OL_CHECK(expr)                                                         \
    ((expr) ? (void)0 : ol_check_fail(#expr, __FILE__, __LINE__))

__attribute__((noreturn, cold)) void ol_check_fail(const char *expr,
                                                   const char *file, int line);

/* The check that failed, for whoever reads the core dump. */
extern struct ol_check_failed {
    const char *expr, *file;
    int line;
} ol_check_failed;

/* Called once, when set, with a one-line account before the abort. */
extern void (*ol_check_hook)(const char *expr, const char *file, int line);

#endif
