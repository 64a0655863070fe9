/* Sealed archives: every cut between blocks, and what a hostile one holds. */
#include "base/units.h"
#include "station/archive.h"
#include "station/bed.h"

static struct bed bed;
static char path[64];
static uint8_t bytes[200000];

/* The passphrase of this file, as --passphrase-fd gives it. */
static void say(const char *word)
{
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], word, strlen(word)), strlen(word));
    close(fds[1]);
    assert_true(dup2(fds[0], 100) == 100);
    close(fds[0]);
    ol_station_passphrase(100, -1);
}

static int setup(void **state)
{
    (void)state;
    assert_int_equal(ol_crypto_init(), OL_OK);
    bed_open(&bed);
    snprintf(path, sizeof(path), "%s/x.safe", bed.base);
    for (size_t k = 0; k < sizeof(bytes); k++)
        bytes[k] = (uint8_t)(k * 7 + k / 256);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ol_station_passphrase(-1, -1);
    bed_close(&bed);
    return 0;
}

static struct ol_archive *create(void)
{
    struct ol_secret secret = {.n = 1, .text = "w"};
    struct ol_archive *a = NULL;
    char why[OL_WHY_MAX];

    (void)unlink(path);
    if (ol_archive_create(&a, path, OL_ARCHIVE_IDENTITY, &secret, true, why))
        fail_msg("%s", why);
    return a;
}

static struct ol_archive *open_it(void)
{
    struct ol_secret *secret;
    struct ol_archive *a = NULL;
    char why[OL_WHY_MAX];
    bool locked;

    say("w");
    if (ol_archive_open(&a, path, OL_ARCHIVE_IDENTITY, &secret, &locked, why))
        fail_msg("%s", why);
    assert_true(locked);
    ol_secret_free(secret);
    return a;
}

/* Entries of lengths around that of a block come back, in order. */
static void blocks(void **state)
{
    static const size_t lengths[] = {0, 1, 65521, 65522, 65536, 65537, 131072,
                                     0, 200000, 3};
    static uint8_t back[sizeof(bytes)];
    struct ol_archive *a = create();
    struct ol_archive_entry e;
    char why[OL_WHY_MAX];
    bool more;

    (void)state;
    for (size_t k = 0; k < OL_LEN(lengths); k++)
        assert_int_equal(ol_archive_add(a, "cards/a.card",
                                        OL_SPAN(bytes, lengths[k]), why), 0);
    assert_int_equal(ol_archive_finish(a, true, why), 0);
    a = open_it();
    for (size_t k = 0; k < OL_LEN(lengths); k++) {
        assert_int_equal(ol_archive_next(a, &e, &more, why), 0);
        assert_true(more);
        assert_string_equal(e.name, "cards/a.card");
        assert_int_equal(e.size, lengths[k]);
        assert_int_equal(ol_archive_take(a, back, lengths[k], why), 0);
        assert_memory_equal(back, bytes, lengths[k]);
        assert_int_equal(ol_archive_take(a, back, 1, why), 1);
    }
    assert_int_equal(ol_archive_next(a, &e, &more, why), 0);
    assert_false(more);
    ol_archive_close(a);
}

/* A last block that is full, and one that is empty but for the end. */
static void full_blocks(void **state)
{
    static uint8_t back[65536];
    struct ol_archive_entry e;
    char why[OL_WHY_MAX];
    bool more;

    (void)state;
    /* version and flags 2, head of the entry 1 + 1 + 1 + 8, end 1 */
    for (size_t n = 65536 - 15; n <= 65536 - 12; n++) {
        struct ol_archive *a = create();

        assert_int_equal(ol_archive_add(a, "a", OL_SPAN(bytes, n), why), 0);
        assert_int_equal(ol_archive_finish(a, true, why), 0);
        a = open_it();
        assert_int_equal(ol_archive_next(a, &e, &more, why), 0);
        assert_int_equal(ol_archive_take(a, back, n, why), 0);
        assert_int_equal(ol_archive_next(a, &e, &more, why), 0);
        assert_false(more);
        ol_archive_close(a);
    }
}

/* Names that lead out of the folder, or hide, are never handed out. */
static void names(void **state)
{
    static const char *const bad[] = {
        "../x", "/etc/x", "a/../b", ".x", "a/.b", "", "a b", "a\nb", "a\\b",
        "lines.d/..", "\x80"};
    struct ol_archive_entry e;
    char why[OL_WHY_MAX];
    bool more;

    (void)state;
    for (size_t k = 0; k < OL_LEN(bad); k++) {
        struct ol_archive *a = create();

        assert_int_equal(ol_archive_add(a, bad[k], OL_SPAN("x", 1), why), 0);
        assert_int_equal(ol_archive_finish(a, true, why), 0);
        a = open_it();
        assert_int_equal(ol_archive_next(a, &e, &more, why), 1);
        assert_non_null(strstr(why, "damaged"));
        ol_archive_close(a);
    }
}

/* A name that is taken meanwhile is left as it is, and so is a broken-off
 * one: nothing beside it stays. */
static void nothing_over_anything(void **state)
{
    struct ol_archive *a = create();
    char why[OL_WHY_MAX], list[8][33];
    char *text;
    size_t n;

    (void)state;
    bed_write(bed.base, "x.safe", "mine");
    assert_int_equal(ol_archive_add(a, "a", OL_SPAN("x", 1), why), 0);
    assert_int_equal(ol_archive_finish(a, true, why), 1);
    assert_non_null(strstr(why, "already"));
    assert_int_equal(ol_file_read(path, 100, &text, &n), OL_OK);
    assert_string_equal(text, "mine");
    free(text);
    assert_int_equal(ol_archive_finish(create(), false, why), 0);
    assert_int_equal(ol_folder_list(bed.base, "", list, 8), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(full_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(names, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_over_anything, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
