/* The restore marker: what agrees, what is a copy, crashes in between. */
#include "base/units.h"
#include "crypto/crypto.h"
#include "station/bed.h"
#include "station/marker.h"

static struct bed bed;
static char dir[64], outside[200];
static const uint8_t pk[32] = {7};

/* A shell's script: $D is the directory, $X what is given. */
static void sh(const char *script, const char *x)
{
    setenv("D", dir, 1);
    setenv("X", x, 1);
    /* Our own scripts. NOLINTNEXTLINE(cert-env33-c) */
    assert_int_equal(system(script), 0);
}

/* A new station that has run once and ended in order. */
static int setup(void **state)
{
    struct ol_marker m;
    char why[OL_WHY_MAX];

    (void)state;
    assert_int_equal(ol_crypto_init(), OL_OK);
    bed_open(&bed);
    snprintf(dir, sizeof(dir), "%s/north", bed.base);
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(ol_marker_make(dir, pk, why), 0);
    assert_string_equal(why, "");
    ol_marker_boot(&m, dir, pk);
    assert_false(m.found);
    assert_false(m.unguarded);
    assert_true(ol_text_put(outside, sizeof(outside), "%s", m.place));
    assert_int_equal(ol_marker_renew(&m, true), OL_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bed_close(&bed);
    return 0;
}

static void copy(const char *name)
{
    sh("rm -rf $D.$X && cp -a $D $D.$X", name);
}

/* Put back as people do: away with the one, the other in its place. */
static void put_back(const char *name)
{
    sh("rm -rf $D && cp -a $D.$X $D", name);
}

static void boots(bool found, const char *words)
{
    struct ol_marker m;

    ol_marker_boot(&m, dir, pk);
    if (m.found != found || (found && strstr(m.why, words) == NULL))
        fail_msg("found %d: %s", m.found, m.why);
    assert_int_equal(m.restored[0] != '\0', found);
}

static void a_fresh_one_agrees(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 3; k++)
        boots(false, ""); /* each time as after a crash */
}

static void the_outside_is_outside(void **state)
{
    struct ol_marker m;

    (void)state;
    assert_null(strstr(outside, "/north/"));
    /* Even when the user's state lies in the station's directory. */
    setenv("XDG_STATE_HOME", dir, 1);
    setenv("HOME", dir, 1);
    sh("rm -rf $X", outside);
    sh("rmdir $(dirname $X)", outside);
    ol_marker_boot(&m, dir, pk);
    assert_true(m.found);
    assert_null(strstr(m.place, "/north/"));
    if (m.place[0] != '\0') /* root has a place of its own */
        assert_int_equal(unlink(m.place), 0);
    (void)!rmdir("/var/lib/openline-marker"); /* stays, if it is in use */
}

static void an_old_copy_is_found(void **state)
{
    (void)state;
    copy("old");
    boots(false, "");
    put_back("old");
    boots(true, "has run since");
}

/* Overwritten in place, file by file, with what another start left. */
static void an_overwritten_one_is_found(void **state)
{
    (void)state;
    boots(false, "");
    copy("old");
    boots(false, "");
    sh("cp -a $D.old/. $D/", "");
    boots(true, "has run since");
}

/* No start lies between the copy and its return, only an hour or an end. */
static void a_copy_of_a_running_one(void **state)
{
    struct ol_marker m;

    (void)state;
    ol_marker_boot(&m, dir, pk);
    bed_pause(20); /* a file's birth is told to a few milliseconds */
    copy("running");
    put_back("running"); /* it was killed, and nothing was renewed */
    boots(true, "was running");
    ol_marker_look(&m, dir, pk);
    ol_marker_boot(&m, dir, pk);
    copy("hour");
    assert_int_equal(ol_marker_renew(&m, false), OL_OK);
    sh("cp -a $D.hour/. $D/", "");
    boots(true, "has run since");
    ol_marker_boot(&m, dir, pk);
    copy("end");
    assert_int_equal(ol_marker_renew(&m, true), OL_OK);
    put_back("end");
    boots(true, "has run since");
}

/* A station that has ended may be moved as one likes. */
static void a_moved_one_agrees(void **state)
{
    (void)state;
    copy("moved");
    sh("rm -rf $D && mv $D.moved $D", "");
    boots(false, "");
}

static void elsewhere_it_is_a_copy(void **state)
{
    (void)state;
    sh("rm $X", outside);
    boots(true, "is missing: this machine");
}

static void what_is_spoilt_is_a_copy(void **state)
{
    static const char *const bad[] = {
        "", "openline marker 1\n", "openline marker 2\nvalue x\n",
        "openline marker 1\nvalue 00\nrestored -\nplace -\n",
        "openline marker 1\nvalue 0123456789abcdef0123456789abcdef\n"
        "restored -\nplace /tmp/x",
        "openline marker 1\nvalue 0123456789abcdef0123456789abcdef\n"
        "restored -\nplace /tmp/x\nmore\n"};

    (void)state;
    for (unsigned k = 0; k < OL_LEN(bad); k++) {
        bed_write(dir, "marker", bad[k]);
        boots(true, "is damaged");
    }
    sh("rm $D/marker", "");
    boots(true, "is missing");
    bed_write("/", outside + 1, "rubbish\n");
    boots(true, "is damaged");
}

/* The restore keeps its name over starts, until there is another restore. */
static void a_restore_is_remembered(void **state)
{
    struct ol_marker a, b, c;

    (void)state;
    sh("rm $D/marker", "");
    ol_marker_boot(&a, dir, pk);
    ol_marker_boot(&b, dir, pk);
    assert_true(a.found);
    assert_false(b.found);
    assert_string_equal(a.restored, b.restored);
    assert_int_equal(ol_marker_renew(&b, true), OL_OK);
    sh("rm $D/marker", "");
    ol_marker_boot(&c, dir, pk);
    assert_string_not_equal(a.restored, c.restored);
}

/* Cut between the writes of a renewal: outside is new, the directory old. */
static void a_crash_in_between_is_none(void **state)
{
    struct ol_marker m, after;
    char text[256], value[OL_MARKER_HEX];

    (void)state;
    ol_marker_boot(&m, dir, pk);
    memcpy(value, m.value, sizeof(value));
    snprintf(text, sizeof(text), "openline marker 1\nvalue %032d\nbefore "
             "%s\nmade -\n", 7, value);
    bed_write("/", outside + 1, text);
    ol_marker_look(&after, dir, pk);
    assert_false(after.found);
    /* It may be cut there again and again, and be renewed while it runs. */
    assert_int_equal(ol_marker_renew(&m, false), OL_OK);
    boots(false, "");
    /* All but the last write: the directory is new, and so is outside. */
    ol_marker_boot(&m, dir, pk);
    snprintf(text, sizeof(text), "openline marker 1\nvalue %s\nbefore "
             "%032d\nmade -\n", m.value, 7);
    bed_write("/", outside + 1, text);
    boots(false, "");
}

static void two_at_once_are_noticed(void **state)
{
    struct ol_marker one, two;
    char other[96];

    (void)state;
    ol_marker_boot(&one, dir, pk);
    copy("other");
    snprintf(other, sizeof(other), "%s.other", dir);
    ol_marker_boot(&two, other, pk);
    assert_true(two.found);
    assert_int_equal(ol_marker_renew(&one, false), OL_ERR_FOREIGN);
    assert_int_equal(ol_marker_renew(&one, true), OL_ERR_FOREIGN);
    assert_int_equal(ol_marker_renew(&two, false), OL_OK);
    /* And one that is overwritten under its feet. */
    sh("cp -a $D/marker $D.other/marker", "");
    assert_int_equal(ol_marker_renew(&two, false), OL_ERR_FOREIGN);
}

/* A disk that does not read now is no other copy. */
static void what_cannot_be_read_is_nobody(void **state)
{
    struct ol_marker m;

    (void)state;
    ol_marker_boot(&m, dir, pk);
    sh("mv $D/marker $D/kept && ln -s marker $D/marker", "");
    assert_int_equal(ol_marker_renew(&m, false), OL_ERR_IO);
    sh("mv $D/kept $D/marker", "");
    assert_int_equal(ol_marker_renew(&m, false), OL_OK);
}

/* Without a place there is no evidence: it is said, and nothing is claimed. */
static void without_a_place(void **state)
{
    struct ol_marker m;
    char why[OL_WHY_MAX];

    (void)state;
    if (geteuid() == 0) { /* root has a place of its own */
        sh("rm $D/marker && chown 65534 $X $D", bed.base);
        assert_int_equal(seteuid(65534), 0);
    }
    setenv("XDG_STATE_HOME", "/proc/none", 1);
    setenv("HOME", "/proc/none", 1);
    assert_int_equal(ol_marker_make(dir, pk, why), 0);
    assert_non_null(strstr(why, "will not be noticed"));
    ol_marker_boot(&m, dir, pk);
    assert_false(m.found);
    assert_true(m.unguarded);
    assert_int_equal(ol_marker_renew(&m, false), OL_OK);
    setenv("XDG_STATE_HOME", bed.base, 1);
    ol_marker_boot(&m, dir, pk);
    assert_false(m.found);
    assert_false(m.unguarded);
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_fresh_one_agrees, setup, teardown),
        cmocka_unit_test_setup_teardown(the_outside_is_outside, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_old_copy_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(an_overwritten_one_is_found, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_copy_of_a_running_one, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_moved_one_agrees, setup, teardown),
        cmocka_unit_test_setup_teardown(elsewhere_it_is_a_copy, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_spoilt_is_a_copy, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_restore_is_remembered, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_crash_in_between_is_none, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_nobody, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(two_at_once_are_noticed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(without_a_place, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
