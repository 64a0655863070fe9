/* An assertion tells the hook what failed, once, and then aborts. */
#include "base/check.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static jmp_buf caught;
static int calls;

static void note(const char *expr, const char *file, int line)
{
    calls++;
    assert_string_equal(expr, "one == 2");
    assert_non_null(strstr(file, "check_test.c"));
    assert_true(line > 0);
    longjmp(caught, 1);
}

static void a_true_check_is_silent(void **state)
{
    int one = 1;

    (void)state;
    ol_check_hook = note;
    OL_CHECK(one == 1);
    assert_int_equal(calls, 0);
    assert_null(ol_check_failed.expr);
    ol_check_hook = NULL;
}

static void a_false_check_tells_the_hook(void **state)
{
    int one = 1;

    (void)state;
    ol_check_hook = note;
    if (setjmp(caught) == 0) {
        OL_CHECK(one == 2);
        fail();
    }
    assert_int_equal(calls, 1);
    assert_string_equal(ol_check_failed.expr, "one == 2");
    assert_true(ol_check_failed.line > 0);
    /* Disarmed, or a hook with a bug of its own would never come back. */
    assert_null(ol_check_hook);
}

static void failing_hook(const char *expr, const char *file, int line)
{
    (void)expr;
    (void)file;
    OL_CHECK(line < 0);
}

/* How a child ends that fails a check under this hook. */
static int end_of_child(void (*hook)(const char *, const char *, int))
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        ol_check_hook = hook;
        OL_CHECK(hook == note);
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void a_false_check_aborts(void **state)
{
    (void)state;
    assert_int_equal(end_of_child(NULL), SIGABRT);
    assert_int_equal(end_of_child(failing_hook), SIGABRT);
    assert_int_equal(end_of_child(note), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_true_check_is_silent),
        cmocka_unit_test(a_false_check_tells_the_hook),
        cmocka_unit_test(a_false_check_aborts),
    };

    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
