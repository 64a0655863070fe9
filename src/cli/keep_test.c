/* A saved file appears whole or not at all, and never in another's place. */
#include "cli/keep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/args.h"

static char dir[] = "/tmp/ol-keep-XXXXXX";
static int folder;
static char why[OL_WHY_MAX];

static int setup(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(dir));
    folder = ol_keep_folder(dir, why);
    assert_true(folder >= 0);
    return 0;
}

static int teardown(void **state)
{
    DIR *d = opendir(dir);
    struct dirent *e;

    (void)state;
    assert_non_null(d);
    while ((e = readdir(d)) != NULL)
        (void)unlinkat(folder, e->d_name, 0);
    closedir(d);
    close(folder);
    return rmdir(dir);
}

static unsigned entries(void)
{
    DIR *d = opendir(dir);
    unsigned n = 0;

    assert_non_null(d);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n - 2;
}

static void holds(const char *name, const char *text)
{
    char got[64] = "";
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW);

    assert_true(fd >= 0);
    assert_true(read(fd, got, sizeof(got) - 1) >= 0);
    close(fd);
    assert_string_equal(got, text);
}

/* Saves text; named: as on file systems without O_TMPFILE. */
static void save(const char *name, const char *text, bool named,
                 const char *as)
{
    struct ol_keep k;
    char out[OL_SAFE_NAME];

    assert_int_equal(ol_keep_open(&k, folder, why), OL_EXIT_DONE);
    if (named && k.temp[0] == '\0') {
        close(k.fd);
        strcpy(k.temp, ".openline-test.part");
        k.fd = openat(folder, k.temp, O_CREAT | O_EXCL | O_RDWR, 0600);
        assert_true(k.fd >= 0);
    }
    assert_int_equal(write(k.fd, text, strlen(text)), strlen(text));
    assert_int_equal(ol_keep_name(&k, name, out, why), OL_EXIT_DONE);
    ol_keep_close(&k);
    assert_string_equal(out, as);
    holds(as, text);
}

static void never_over(void **state)
{
    (void)state;
    for (unsigned named = 0; named < 2; named++) {
        const char *a = named ? "b.txt" : "a.txt";
        char twin[2][16];

        snprintf(twin[0], sizeof(twin[0]), "%c (2).txt", a[0]);
        snprintf(twin[1], sizeof(twin[1]), "%c (3).txt", a[0]);
        save(a, "first", named, a);
        save(a, "second", named, twin[0]);
        /* A link that leads nowhere is somebody's too. */
        assert_int_equal(symlinkat("/nowhere/at/all", folder, twin[1]), 0);
        snprintf(twin[1], sizeof(twin[1]), "%c (4).txt", a[0]);
        save(a, "third", named, twin[1]);
        holds(a, "first");
        holds(twin[0], "second");
    }
    assert_int_equal(mkdirat(folder, "dir", 0700), 0);
    save("dir", "not in it", false, "dir (2)");
    assert_int_equal(unlinkat(folder, "dir", AT_REMOVEDIR), 0);
}

static void given_up(void **state)
{
    unsigned before = entries();
    struct ol_keep k;

    (void)state;
    assert_int_equal(ol_keep_open(&k, folder, why), OL_EXIT_DONE);
    assert_int_equal(write(k.fd, "half", 4), 4);
    ol_keep_close(&k);
    assert_int_equal(entries(), before);
    assert_int_equal(ol_keep_open(&k, folder, why), OL_EXIT_DONE);
    close(k.fd);
    strcpy(k.temp, ".openline-test.part");
    k.fd = openat(folder, k.temp, O_CREAT | O_EXCL | O_RDWR, 0600);
    ol_keep_close(&k);
    assert_int_equal(entries(), before);
}

static void no_folder(void **state)
{
    (void)state;
    assert_int_equal(ol_keep_folder("/nowhere/at/all", why), -1);
    assert_non_null(strstr(why, "/nowhere/at/all"));
    assert_int_equal(ol_keep_folder("/etc/passwd", why), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_over),
        cmocka_unit_test(given_up),
        cmocka_unit_test(no_folder),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
