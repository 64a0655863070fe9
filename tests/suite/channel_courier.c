/*
 * What only the courier promises: nothing is read before it is whole, what is
 * not ours stays where it is, and the folder may come and go.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/units.h"
#include "channel/courier.h"
#include "channel_fixture.h"

static struct ch fixture;

static int setup(void **state)
{
    (void)state;
    ch_init(&fixture);
    ch_make_dir(&fixture);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ch_fini(&fixture);
    return 0;
}

static void path_of(const char *name, char out[320])
{
    snprintf(out, 320, "%s/%s", fixture.dir, name);
}

/* Whatever lies there has been looked at: a good file made after it arrives,
 * and the courier takes the older one first. */
static void probe(struct ch *f, const char *name)
{
    size_t before = f->b.n_got;
    unsigned tag = 5000 + (unsigned)before;

    ch_put_pouch(f, name, tag, 1);
    CH_UNTIL(f, f->b.n_got > before);
    assert_int_equal(f->b.n_got, before + 1);
    assert_true(ch_is(&f->b.got[before], 100, tag));
    CH_UNTIL(f, !ch_has_file(f, name));
}

static void test_whole_files(void **state)
{
    struct ch *f = &fixture;

    (void)state;
    ch_courier(&f->a);
    CH_UNTIL(f, f->a.chan.up);
    for (unsigned k = 0; k < 10; k++)
        ch_must_send(&f->a, &ch_default, 100, k, k == 9);
    /* One file with a name that says nothing, and nothing hidden is left. */
    CH_UNTIL(f, ch_count_files(f) == 1 && f->a.frees > 0);
    ch_settle(f);
    assert_int_equal(f->a.n_got, 0); /* its own */
    ch_courier(&f->b);
    CH_UNTIL(f, f->b.n_got == 10);
    CH_UNTIL(f, ch_count_files(f) == 0);
    for (unsigned k = 0; k < 10; k++)
        assert_true(ch_is(&f->b.got[k], 100, k));
    assert_true(f->b.got[0].file > 0);
    assert_int_equal(f->b.got[0].file, f->b.got[9].file);
}

/* Bundles whose last never came are whole all the same: closing keeps them. */
static void test_closed_before_last(void **state)
{
    struct ch *f = &fixture;

    (void)state;
    ch_courier(&f->a);
    CH_UNTIL(f, f->a.chan.up);
    ch_must_send(&f->a, &ch_default, 100, 1, false);
    ch_close(&f->a);
    ch_courier(&f->b);
    CH_UNTIL(f, f->b.n_got == 1);
    assert_true(ch_is(&f->b.got[0], 100, 1));
}

static void test_damaged(void **state)
{
    static const uint8_t junk[] = {0, 0, 1, 2, 3};
    struct ch *f = &fixture;
    char path[320];
    int fd;

    (void)state;
    ch_put_pouch(f, "a.pouch", 0, 3);
    path_of("a.pouch", path);
    fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, junk, sizeof(junk)), sizeof(junk));
    ch_courier(&f->b);
    CH_UNTIL(f, f->b.n_got == 3);
    probe(f, "b.pouch");
    assert_int_equal(f->b.n_got, 4);
    assert_true(ch_has_file(f, "a.pouch"));
    /* It is looked at again once it changes. */
    assert_int_equal(ftruncate(fd, 4 + 3 * 102), 0);
    close(fd);
    CH_UNTIL(f, f->b.n_got == 7);
    CH_UNTIL(f, ch_count_files(f) == 0);
}

static void test_foreign(void **state)
{
    struct ch *f = &fixture;

    (void)state;
    f->b.keep = true;
    ch_put_pouch(f, "a.pouch", 0, 2);
    ch_courier(&f->b);
    CH_UNTIL(f, f->b.n_got == 2);
    f->b.keep = false;
    probe(f, "b.pouch");
    probe(f, "c.pouch");
    assert_int_equal(f->b.n_got, 4); /* the foreign one was read once */
    assert_true(ch_has_file(f, "a.pouch"));
}

/* A file that arrives piece by piece is not touched until it rests. */
static void test_in_halves(void **state)
{
    struct ch *f = &fixture;
    uint8_t bytes[4 + 2 * 102];
    char path[320];
    int fd;

    (void)state;
    ch_put_pouch(f, "whole", 40, 2);
    path_of("whole", path);
    fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, bytes, sizeof(bytes)), sizeof(bytes));
    close(fd);
    ch_courier(&f->b);
    CH_UNTIL(f, f->b.chan.up);
    path_of("a.pouch", path);
    fd = open(path, O_WRONLY | O_CREAT, 0644);
    for (size_t k = 0; k < sizeof(bytes); k++) {
        assert_int_equal(write(fd, bytes + k, 1), 1);
        uv_run(&f->loop, UV_RUN_NOWAIT);
        /* Whatever is seen of it so far is a beginning, or damaged. */
        assert_true(f->b.n_got <= 2);
        assert_true(ch_has_file(f, "a.pouch") || f->b.n_got == 2);
    }
    close(fd);
    CH_UNTIL(f, f->b.n_got > 0 && ch_is(&f->b.got[f->b.n_got - 1], 100, 41));
    CH_UNTIL(f, !ch_has_file(f, "a.pouch"));
    assert_true(ch_has_file(f, "whole")); /* no pouch by its name */
}

static void test_folder_vanishes(void **state)
{
    struct ch *f = &fixture;
    char away[80];

    (void)state;
    snprintf(away, sizeof(away), "%s.away", f->dir);
    ch_courier(&f->b);
    CH_UNTIL(f, f->b.ups == 1);
    for (unsigned round = 1; round <= 3; round++) {
        assert_int_equal(rename(f->dir, away), 0);
        CH_UNTIL(f, f->b.downs == round);
        assert_true(ch_state_has(&f->b, "is not there: insert the medium"));
        assert_int_equal(ch_send(&f->b, &ch_default, 100, 1, true),
                         OL_ERR_DOWN);
        assert_int_equal(rename(away, f->dir), 0);
        CH_UNTIL(f, f->b.ups == round + 1);
        assert_true(ch_state_has(&f->b, "watching /tmp/"));
        probe(f, "a.pouch");
    }
}

/* What was left alone is tried again with the next insertion: the stick may
 * have been dying, and a copy of it may be whole. */
static void test_tried_again(void **state)
{
    struct ch *f = &fixture;
    char away[80];

    (void)state;
    snprintf(away, sizeof(away), "%s.away", f->dir);
    f->b.keep = true;
    ch_put_pouch(f, "a.pouch", 0, 2);
    ch_courier(&f->b);
    CH_UNTIL(f, f->b.n_got == 2);
    assert_int_equal(rename(f->dir, away), 0);
    CH_UNTIL(f, f->b.downs == 1);
    assert_int_equal(rename(away, f->dir), 0);
    CH_UNTIL(f, f->b.n_got == 4);
    assert_true(ch_has_file(f, "a.pouch"));
}

/* It vanishes while a file of it is under way, and while one is written. */
static void test_vanishes_midway(void **state)
{
    struct ch *f = &fixture;
    char away[80];

    (void)state;
    snprintf(away, sizeof(away), "%s.away", f->dir);
    ch_put_pouch(f, "a.pouch", 0, 40);
    f->b.hold = true;
    ch_courier(&f->b);
    ch_courier(&f->a);
    f->a.hold = true;
    CH_UNTIL(f, f->b.n_got >= 3 && f->a.chan.up);
    ch_must_send(&f->a, &ch_default, 100, 77, false);
    assert_int_equal(rename(f->dir, away), 0);
    CH_UNTIL(f, f->b.downs == 1 && f->a.downs == 1);
    assert_int_equal(rename(away, f->dir), 0);
    CH_UNTIL(f, f->b.ups == 2);
    /* Too late for that token: the file is given anew, from its start. */
    ch_release(&f->b, f->b.got[0].file, true);
    assert_true(ch_has_file(f, "a.pouch"));
    ch_close(&f->a);
    f->b.hold = false;
    ch_forget(&f->b);
    CH_UNTIL(f, ch_count_files(f) == 0);
    assert_int_equal(f->b.n_got, 41);
    assert_true(ch_is(&f->b.got[0], 100, 0));
    assert_true(ch_is(&f->b.got[39], 100, 39));
    assert_true(ch_is(&f->b.got[40], 100, 77));
}

static void test_odd_names(void **state)
{
    static const char *const odd[] = {
        "..pouch",     "...pouch",  ".pouch",         ".hidden.pouch",
        "pouch",       "a.pouch.",  "a.pouch~",       "a.pouch.part",
        ".0123.part",  "a.pouches", "\x01\xff.pouchx", "-rf",
    };
    struct ch *f = &fixture;
    char path[320], secret[320];

    (void)state;
    for (size_t k = 0; k < OL_LEN(odd); k++)
        ch_put_file(f, odd[k], "OLB1\0\1x", 7);
    ch_put_pouch(f, "secret", 900, 1);
    path_of("secret", secret);
    path_of("link.pouch", path);
    assert_int_equal(symlink(secret, path), 0);
    path_of("dangling.pouch", path);
    assert_int_equal(symlink("/nowhere", path), 0);
    path_of("device.pouch", path);
    assert_int_equal(symlink("/dev/zero", path), 0);
    path_of("folder.pouch", path);
    assert_int_equal(mkdir(path, 0755), 0);
    path_of("pipe.pouch", path);
    assert_int_equal(mkfifo(path, 0644), 0);
    ch_courier(&f->b);
    probe(f, "good \x01 \xff -rf ;.pouch");
    probe(f, "UPPER.POUCH");
    assert_int_equal(ch_count_files(f), OL_LEN(odd) + 6);
}

static void test_oldest_first(void **state)
{
    struct ch *f = &fixture;

    (void)state;
    for (unsigned k = 0; k < 6; k++) {
        struct timespec times[2] = {{.tv_sec = 1000 + k / 2},
                                    {.tv_sec = 1000 + k / 2}};
        char name[16], path[320];

        /* Pairs of equal age: 1, 0, 3, 2, 5, 4 by name. */
        snprintf(name, sizeof(name), "%u.pouch", 8 + (k ^ 1));
        ch_put_pouch(f, name, 8 + (k ^ 1), 1);
        path_of(name, path);
        assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    }
    ch_courier(&f->b);
    CH_UNTIL(f, f->b.n_got == 6);
    assert_true(ch_is(&f->b.got[0], 100, 8));
    assert_true(ch_is(&f->b.got[1], 100, 9));
    /* "10" to "13" come after "8" and "9" by age, not by name. */
    for (unsigned k = 2; k < 6; k++)
        assert_true(ch_is(&f->b.got[k], 100, 8 + k));
}

/* A release before the last bundle is early; a wish to keep outweighs. */
static void test_release(void **state)
{
    struct ch *f = &fixture;
    uint64_t file;

    (void)state;
    f->b.hold = true;
    ch_put_pouch(f, "a.pouch", 0, 30);
    ch_courier(&f->b);
    CH_UNTIL(f, f->b.n_got > 0);
    file = f->b.got[0].file;
    ch_release(&f->b, file, true);
    ch_release(&f->b, file + 1, true);
    CH_UNTIL(f, f->b.n_got == 30);
    ch_settle(f);
    assert_true(ch_has_file(f, "a.pouch"));
    ch_release(&f->b, file, true);
    assert_false(ch_has_file(f, "a.pouch"));

    ch_put_pouch(f, "b.pouch", 0, 30);
    CH_UNTIL(f, f->b.n_got > 30);
    file = f->b.got[30].file;
    ch_release(&f->b, file, false);
    CH_UNTIL(f, f->b.n_got == 60);
    ch_release(&f->b, file, true);
    assert_true(ch_has_file(f, "b.pouch"));
    f->b.hold = false;
    probe(f, "c.pouch");
}

/* An owner that does not release is not flooded. */
static void test_ahead(void **state)
{
    struct ch *f = &fixture;

    (void)state;
    f->b.hold = true;
    ch_put_pouch(f, "a.pouch", 0, 70);
    ch_courier(&f->b);
    for (unsigned given = OL_COURIER_AHEAD; given < 70;
         given += OL_COURIER_AHEAD) {
        CH_UNTIL(f, f->b.n_got == given);
        ch_settle(f);
        assert_int_equal(f->b.n_got, given);
        ch_release(&f->b, f->b.got[0].file, true);
    }
    CH_UNTIL(f, f->b.n_got == 70);
    assert_true(ch_has_file(f, "a.pouch"));
    ch_release(&f->b, f->b.got[0].file, true);
    assert_false(ch_has_file(f, "a.pouch"));
    for (unsigned k = 0; k < 70; k++)
        assert_true(ch_is(&f->b.got[k], 100, k));
}

/* Changed after it was read: it is neither removed nor forgotten. */
static void test_changed_under_way(void **state)
{
    struct ch *f = &fixture;
    char path[320];
    int fd;

    (void)state;
    f->b.hold = true;
    ch_put_pouch(f, "a.pouch", 0, 1);
    ch_courier(&f->b);
    CH_UNTIL(f, f->b.n_got == 1);
    path_of("a.pouch", path);
    fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "\0\1x", 3), 3);
    close(fd);
    f->b.hold = false;
    ch_release(&f->b, f->b.got[0].file, true);
    assert_true(ch_has_file(f, "a.pouch"));
    CH_UNTIL(f, f->b.n_got == 3);
    assert_int_equal(f->b.got[2].n, 1);
    CH_UNTIL(f, ch_count_files(f) == 0);
}

/* Many files for others are read once each; ours come through. */
static void test_many_foreign(void **state)
{
    struct ch *f = &fixture;
    const unsigned many = 150;
    char name[32];

    (void)state;
    for (unsigned k = 0; k < many; k++) {
        snprintf(name, sizeof(name), "%05u.pouch", k);
        ch_put_file(f, name, "OLB1\0\1x", 7);
    }
    f->b.keep = true;
    ch_courier(&f->b);
    CH_UNTIL(f, f->b.n_got == many);
    f->b.keep = false;
    probe(f, "zzz.pouch");
    probe(f, "000.pouch");
    assert_int_equal(f->b.n_got, many + 2);
    assert_int_equal(ch_count_files(f), many);
}

#define T(name, test)                                                          \
    {                                                                          \
        name, test, setup, teardown, NULL                                      \
    }

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T("whole-files", test_whole_files),
        T("closed-before-last", test_closed_before_last),
        T("damaged", test_damaged),
        T("foreign", test_foreign),
        T("in-halves", test_in_halves),
        T("folder-vanishes", test_folder_vanishes),
        T("tried-again", test_tried_again),
        T("vanishes-midway", test_vanishes_midway),
        T("odd-names", test_odd_names),
        T("oldest-first", test_oldest_first),
        T("release", test_release),
        T("not-too-far-ahead", test_ahead),
        T("changed-under-way", test_changed_under_way),
        T("many-foreign", test_many_foreign),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
