/*
 * Pouch files: whole or not there, and never trusted when read.
 */
#include "channel/pouch_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/dice.h"

static char dir[64];

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/openline-pouch-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static void path_of(const char *name, char out[320])
{
    snprintf(out, 320, "%s/%s", dir, name);
}

/* All files, hidden ones too; remove: and they go. */
static unsigned walk(bool remove)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    unsigned n = 0;

    while (d && (entry = readdir(d))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        n++;
        if (remove)
            (void)unlinkat(dirfd(d), entry->d_name, 0);
    }
    if (d)
        closedir(d);
    return n;
}

static unsigned count_files(void)
{
    return walk(false);
}

static int teardown(void **state)
{
    (void)state;
    (void)walk(true);
    return rmdir(dir);
}

static bool has_file(const char *name)
{
    char path[320];
    struct stat st;

    path_of(name, path);
    return lstat(path, &st) == 0;
}

static void put_file(const char *name, const void *bytes, size_t n)
{
    char path[320];
    int fd;

    path_of(name, path);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), n);
    close(fd);
}

struct collected {
    unsigned n, stop;
    size_t bytes;
};

static bool collect(void *arg, struct ol_span bundle)
{
    struct collected *c = arg;

    c->n++;
    c->bytes += bundle.n;
    return c->n != c->stop;
}

static void test_pouch_file(void **state)
{
    static uint8_t big[OL_BUNDLE_MAX + 1];
    struct collected c = {0};
    struct ol_pouch_file *file;
    char path[320];

    (void)state;
    path_of("x.pouch", path);
    assert_int_equal(ol_pouch_create(&file, path), OL_OK);
    assert_false(has_file("x.pouch"));
    assert_int_equal(ol_pouch_add(file, OL_SPAN(big, 1)), OL_OK);
    assert_int_equal(ol_pouch_add(file, OL_SPAN(big, 0)), OL_ERR_INPUT);
    assert_int_equal(ol_pouch_add(file, OL_SPAN(big, sizeof(big))),
                     OL_ERR_LONG);
    assert_int_equal(ol_pouch_add(file, OL_SPAN(big, OL_BUNDLE_MAX)), OL_OK);
    assert_int_equal(ol_pouch_finish(file, true), OL_OK);
    assert_int_equal(count_files(), 1);
    assert_int_equal(ol_pouch_read(path, collect, &c), OL_OK);
    assert_int_equal(c.n, 2);
    assert_int_equal(c.bytes, 1 + OL_BUNDLE_MAX);
    c = (struct collected){.stop = 1};
    assert_int_equal(ol_pouch_read(path, collect, &c), OL_OK);
    assert_int_equal(c.n, 1);

    /* Never over another file, whether it was there before or came since. */
    assert_int_equal(ol_pouch_create(&file, path), OL_ERR_EXISTS);
    path_of("y.pouch", path);
    assert_int_equal(ol_pouch_create(&file, path), OL_OK);
    put_file("y.pouch", "mine", 4);
    assert_int_equal(ol_pouch_finish(file, true), OL_ERR_EXISTS);
    assert_int_equal(ol_pouch_read(path, collect, &c), OL_ERR_MALFORMED);
    path_of("z.pouch", path);
    assert_int_equal(ol_pouch_create(&file, path), OL_OK);
    assert_int_equal(ol_pouch_finish(file, false), OL_OK);
    assert_int_equal(count_files(), 2);
    assert_int_equal(ol_pouch_read(path, collect, &c), OL_ERR_MISSING);
    assert_int_equal(ol_pouch_create(&file, "/nowhere/x"), OL_ERR_MISSING);
    assert_int_equal(ol_pouch_create(&file, dir), OL_ERR_EXISTS);
    assert_int_equal(ol_pouch_read(dir, collect, &c), OL_ERR_MALFORMED);
    assert_int_equal(ol_pouch_read("/dev/zero", collect, &c),
                     OL_ERR_MALFORMED);
}

/* Cut anywhere, a file gives exactly the bundles that are whole in it. */
static void test_pouch_cut(void **state)
{
    static const uint8_t bundle[100];
    const size_t whole = 4 + 5 * 102;
    struct ol_pouch_file *file;
    char path[320];

    (void)state;
    path_of("x.pouch", path);
    assert_int_equal(ol_pouch_create(&file, path), OL_OK);
    for (unsigned k = 0; k < 5; k++)
        assert_int_equal(ol_pouch_add(file, OL_SPAN_ARRAY(bundle)), OL_OK);
    assert_int_equal(ol_pouch_finish(file, true), OL_OK);
    for (size_t n = whole; n-- > 0;) {
        struct collected c = {0};
        enum ol_err err;

        assert_int_equal(truncate(path, (off_t)n), 0);
        err = ol_pouch_read(path, collect, &c);
        assert_int_equal(c.n, n < 4 ? 0 : (n - 4) / 102);
        assert_int_equal(err, n >= 4 && (n - 4) % 102 == 0
                                  ? OL_OK
                                  : OL_ERR_MALFORMED);
    }
}

/* Any bytes at all: never more is given than lies in the file. */
static void test_pouch_garbage(void **state)
{
    struct dice d = dice_init(11);
    char path[320];

    (void)state;
    path_of("x.pouch", path);
    for (unsigned k = dice_rounds(300); k > 0; k--) {
        uint8_t bytes[600] = "OLB1";
        size_t n = (size_t)dice_edge(&d, 0, sizeof(bytes));
        struct collected c = {0};

        dice_fill(&d, bytes + 4, sizeof(bytes) - 4);
        for (size_t i = 4; i < sizeof(bytes); i += 2)
            bytes[i] = 0;
        put_file("x.pouch", bytes, n);
        (void)!ol_pouch_read(path, collect, &c);
        assert_true(c.n == 0 || 4 + 2 * c.n + c.bytes <= n);
    }
}

/* The disk ends in the middle of a bundle: those before it are kept. */
static void test_pouch_full(void **state)
{
    static const uint8_t bundle[100];
    struct rlimit limit, old;
    struct collected c = {0};
    struct ol_pouch_file *file;
    enum ol_err err = OL_OK;
    unsigned added = 0;
    char path[320];

    (void)state;
    path_of("x.pouch", path);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    limit.rlim_cur = 1000;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(ol_pouch_create(&file, path), OL_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    while (added < 100 && !(err = ol_pouch_add(file, OL_SPAN_ARRAY(bundle))))
        added++;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(err, OL_ERR_IO);
    assert_int_equal(added, (1000 - 4) / 102);
    assert_int_equal(ol_pouch_add(file, OL_SPAN(bundle, 7)), OL_OK);
    assert_int_equal(ol_pouch_finish(file, true), OL_OK);
    assert_int_equal(ol_pouch_read(path, collect, &c), OL_OK);
    assert_int_equal(c.n, added + 1);
    assert_int_equal(c.bytes, 100 * added + 7);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(test_pouch_file),
        T(test_pouch_full),
        T(test_pouch_cut),
        T(test_pouch_garbage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
