/*
 * The ledger on a disk that fails and forgets: at every call of every kind,
 * and after every power cut (tests/procs/disk.h, disk_cut.h).
 *
 * One story is lived again and again: a new ledger, batches of all kinds with
 * keys that are erased, a copy, a restart, an end. In each life one call
 * fails, once or from then on, until no call is left to fail; or the power
 * goes, and the ledger is opened from what the disk would have kept. What was
 * said to be done is there, each batch whole and none after a hole: it equals
 * the twin in memory that took the same batches. After a fault the story goes
 * on to its end, as soon as the disk is well.
 */
#include "ledger_kit.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "procs/disk.h"
#include "procs/disk_cut.h"

#define BATCHES 26u
#define RESTART 14u /* after this batch it is closed and opened */
#define COPY 20u    /* after this one it is copied */
#define LOOK 9u     /* and after this one it is read */

static char *after[BATCHES + 1]; /* what the twin shows, by batches taken */

/* What is synced is what disk.h was told; the machine's disk is left alone. */
int fsync(int fd)
{
    return fd < 0 ? -1 : 0;
}

/* ---- the story ----------------------------------------------------------- */

static const uint8_t bytes[3000] = {7, 1};

static void put_file(struct kit *k, uint32_t i)
{
    struct ol_put *put = kit_put(k, OL_PUT_FILE, OL_OWN, OL_ROUTINE, 0);

    put->state = OL_FILE_WHOLE;
    put->number = 3 * OL_PIECE;
    memset(put->leaf, (int)(i / 9), sizeof(put->leaf));
    put = kit_put(k, OL_PUT_PIECE, OL_OWN, 0, i / 3 % 3);
    put->bytes = kit_keep(k, bytes, sizeof(bytes) - i);
    memset(put->leaf, (int)(i / 9), sizeof(put->leaf));
}

/* Batch i: what a line writes as it talks. */
static void fill(struct kit *k, uint32_t i)
{
    struct ol_put *put;

    k->at_ms = KIT_AT + i;
    kit_row_of(k, i);
    kit_event(k, OL_WHAT_DELIVERED, OL_ROUTINE, i, 1);
    if (i % 2 == 0)
        kit_put(k, OL_PUT_ACK, OL_OWN, OL_ROUTINE, i - 1);
    if (i % 3 == 0) {
        kit_record(k, OL_PEER, OL_FLASH, i / 3);
        kit_head(k, OL_PEER, OL_FLASH, i / 3);
        put_file(k, i);
    }
    if (i % 4 == 1)
        kit_part(k, OL_PRIORITY, 2, i / 4, i / 4 + 1);
    if (i % 5 == 2) {
        put = kit_put(k, OL_PUT_SENT, OL_OWN, OL_ROUTINE, i);
        put->channel = (uint16_t)(i % 3);
        put->count = 1;
    }
    put = kit_put(k, OL_PUT_STATE, 0, 0, 0);
    put->bytes = kit_keep(k, bytes, 700 + i);
    put->erase = i % 6 == 0;
}

static int tell_the_story(void **state)
{
    static bool begun;
    struct kit *k = kit_open(KIT_MEM);

    (void)state;
    for (uint32_t i = 0; i <= BATCHES; i++) {
        if (i > 0) {
            fill(k, i);
            kit_sure(k);
        }
        after[i] = kit_dump(k, 1);
    }
    kit_free(k);
    if (!begun)
        disk_begin(disk_keep, false, NULL);
    begun = true;
    return 0;
}

/* Then SQLite writes more into its log, and in another order. */
static int tell_of_another_disk(void **state)
{
    disk_harms(true);
    return tell_the_story(state);
}

static int forget_the_story(void **state)
{
    (void)state;
    for (uint32_t i = 0; i <= BATCHES; i++)
        free(after[i]);
    disk_forget();
    return 0;
}

static uint32_t taken(struct kit *k)
{
    uint32_t last = 0;
    size_t n = sizeof(last);
    enum ol_err err = k->l->ops->meta(k->l, k->line, "last", (uint8_t *)&last,
                                      &n);

    assert_true(err == OL_OK || err == OL_ERR_MISSING);
    return last;
}

/* It holds a whole number of batches, and these. */
static uint32_t must_hold(struct kit *k)
{
    uint32_t n;
    char *now;

    disk_spare(true);
    n = taken(k);
    now = kit_dump(k, 1);
    disk_spare(false);
    assert_true(n <= BATCHES);
    if (strcmp(now, after[n]) != 0)
        fail_msg("after %u batches the ledger is another one", n);
    free(now);
    return n;
}

/* ---- a life in which one call fails -------------------------------------- */

struct life {
    struct kit *k;
    enum disk_op op; /* what fails in it */
    bool hit;
    struct dice dice;
};

static void well(struct life *life)
{
    life->hit |= disk_fired();
    disk_order(&(struct disk_order){0});
}

static bool is_about_the_disk(enum ol_err err, const char *why)
{
    return (err == OL_ERR_IO || err == OL_ERR_FULL) && strlen(why) > 20;
}

static void clear(const char *dir, bool all)
{
    DIR *d = opendir(dir);
    struct dirent *e;

    assert_non_null(d);
    while ((e = readdir(d)))
        if (e->d_name[0] != '.' && (all || !strstr(e->d_name, ".lock")))
            assert_int_equal(unlinkat(dirfd(d), e->d_name, 0), 0);
    closedir(d);
}

/* After a sync that failed: the process ends, and what comes after it finds
 * what the disk has kept. */
static void cut_power(struct life *life)
{
    char folder[80];

    kit_shut(life->k);
    well(life);
    clear(life->k->dir, false);
    snprintf(folder, sizeof(folder), "%s/", life->k->dir);
    disk_leave(folder, life->k->dir, disk_deeds(), &life->dice);
}

static enum ol_err try_to_rise(struct kit *k, char why[256])
{
    static const uint8_t line_id[32] = "the line of the ledger's suite";
    enum ol_err err = kit_try(k, why);

    if (!err)
        err = k->l->ops->line(k->l, line_id, "south", &k->line);
    if (err && k->l)
        memcpy(why, k->l->why, 256);
    k->outstanding = 0;
    return err;
}

/* Opens it; if the disk refuses, once more when it is well. */
static void rise(struct life *life)
{
    char why[256] = "";
    enum ol_err err = try_to_rise(life->k, why);

    if (!err)
        return;
    if (!disk_fired() || !is_about_the_disk(err, why))
        fail_msg("refused to open as %s: %s", ol_err_info(err)->name, why);
    kit_shut(life->k);
    well(life);
    if (life->op == DISK_SYNC)
        cut_power(life);
    err = try_to_rise(life->k, why);
    if (err)
        fail_msg("does not open on a disk that is well again: %s", why);
}

/* Batch i was refused. */
static void was_refused(struct life *life, uint32_t i, enum ol_err err)
{
    struct kit *k = life->k;
    enum ol_err again;
    uint32_t n;

    assert_true(disk_fired());
    if (!is_about_the_disk(err, k->l->why))
        fail_msg("refused as %s: %s", ol_err_info(err)->name, k->l->why);
    again = k->l->ops->reset(k->l);
    well(life);
    if (life->op != DISK_SYNC) {
        if (again) fail_msg("%s %s", ol_err_info(err)->name, k->l->why);
        if (again)
            fail_msg("after a call of kind %d it accepts no more: %s: %s",
                     life->op, ol_err_info(err)->name, k->l->why);
        assert_int_equal(must_hold(k), i - 1);
        return;
    }
    /* A sync is not tried again: nothing is taken any more, well as the disk
     * is now. */
    assert_int_equal(again, OL_ERR_IO);
    fill(k, i);
    kit_commit(k);
    assert_int_equal(kit_done(k).err, err);
    assert_int_equal(k->l->ops->reset(k->l), OL_ERR_IO);
    cut_power(life);
    rise(life);
    n = must_hold(k);
    assert_true(n == i - 1 || n == i);
}

static void copy_it(struct life *life)
{
    struct kit *k = life->k;
    char to[128], why[256] = "";
    enum ol_err err;

    snprintf(to, sizeof(to), "%s/copy.db", k->dir);
    err = ol_sqlite_copy(k->path, to, why);
    if (err) {
        if (!disk_fired() || !is_about_the_disk(err, why))
            fail_msg("cannot copy: %s: %s", ol_err_info(err)->name, why);
        assert_int_equal(access(to, F_OK), -1);
        well(life);
        return;
    }
    disk_spare(true);
    assert_int_equal(ol_sqlite_check(to, NULL, why), OL_OK);
    disk_spare(false);
    assert_int_equal(unlink(to), 0);
}

/* Whoever reads is told that the disk refuses, and not what is not so. */
static void look(struct life *life)
{
    struct kit *k = life->k;
    struct ol_snapshot s;
    struct seen seen = {0};
    enum ol_err err = k->l->ops->snapshot(k->l, k->line, &s);

    if (err) {
        assert_true(disk_fired() && is_about_the_disk(err, k->l->why));
        well(life);
    }
    k->l->ops->snapshot_free(k->l, &s);
    err = k->l->ops->log(k->l, k->line, OL_OWN, OL_ROUTINE, 1, 99, 0, kit_see,
                         &seen);
    if (!err)
        assert_int_equal(seen.n, LOOK);
    if (err) {
        assert_true(disk_fired() && is_about_the_disk(err, k->l->why));
        well(life);
    }
}

/* said(i): batch i was said to be done. */
static void live(struct life *life, void (*said)(uint32_t i))
{
    struct kit *k = life->k;

    rise(life);
    said(0);
    for (uint32_t i = 1; i <= BATCHES; i++) {
        enum ol_err err;

        fill(k, i);
        kit_commit(k);
        err = kit_done(k).err;
        if (err) {
            was_refused(life, i, err);
            i = must_hold(k);
        } else {
            said(i);
        }
        if (i == RESTART) {
            kit_shut(k);
            rise(life);
            assert_int_equal(must_hold(k), i);
        }
        if (i == LOOK)
            look(life);
        if (i == COPY)
            copy_it(life);
    }
    kit_shut(k);
    well(life);
    rise(life);
    assert_int_equal(must_hold(k), BATCHES);
}

static void new_life(struct life *life, enum disk_op op)
{
    *life = (struct life){.k = kit_open(KIT_SQLITE), .op = op,
                          .dice = dice_init(op)};
    kit_shut(life->k);
    clear(life->k->dir, true);
    disk_forget();
}

static void nobody_hears(uint32_t i)
{
    (void)i;
}

/* Lives with the n-th call of a kind failing, until none is hit. Outside of
 * the long campaign only some of them, and always the first ones. */
static void each_call(enum disk_op op, enum disk_how how, bool on)
{
    uint32_t step = dice_rounds(1) > 1 ? 1 : op == DISK_READ ? 9 : 83;
    uint32_t lives = 0;
    bool hit = true;

    for (uint32_t nth = 1; hit; nth += nth < 4 ? 1 : step) {
        struct disk_order order = {op, how, nth, on};
        struct life life;

        new_life(&life, op);
        disk_order(&order);
        live(&life, nobody_hears);
        hit = life.hit;
        lives += hit;
        kit_free(life.k);
    }
    print_message("%u lives, each with one fault\n", lives);
    assert_true(lives > 1);
}

static void any_write_may_fail(void **state)
{
    (void)state;
    each_call(DISK_WRITE, DISK_IO, false);
    each_call(DISK_WRITE, DISK_FULL, true);
    each_call(DISK_WRITE, DISK_TORN, true);
}

static void any_sync_may_fail(void **state)
{
    (void)state;
    each_call(DISK_SYNC, DISK_IO, false);
    each_call(DISK_SYNC, DISK_FULL, true);
}

static void any_name_may_be_refused(void **state)
{
    (void)state;
    each_call(DISK_OPEN, DISK_IO, false);
    each_call(DISK_OPEN, DISK_FULL, true);
    each_call(DISK_DELETE, DISK_IO, true);
    each_call(DISK_CUT, DISK_IO, false);
    each_call(DISK_MAP, DISK_FULL, true);
}

static void any_read_may_fail(void **state)
{
    (void)state;
    each_call(DISK_READ, DISK_IO, false);
}

/* ---- the power goes ------------------------------------------------------ */

static uint32_t said_at[BATCHES + 1]; /* how many deeds there were then */

static void keep_when(uint32_t i)
{
    said_at[i] = disk_deeds();
}

/* What is left after the first n deeds opens, and holds what was said. */
static void judge_cut(const char *from, uint32_t n, struct dice *d)
{
    struct life life;
    uint32_t there, sure = 0;

    disk_pause(true);
    life = (struct life){.k = kit_open(KIT_SQLITE), .dice = *d};
    kit_shut(life.k);
    clear(life.k->dir, n < said_at[0]);
    disk_leave(from, life.k->dir, n, d);
    rise(&life);
    while (sure < BATCHES && said_at[sure + 1] <= n)
        sure++;
    there = must_hold(life.k);
    if (there < sure || there > sure + 1)
        fail_msg("after deed %u %u batches are there and %u were said", n,
                 there, sure);
    if (there < BATCHES && dice_in(d, 0, 7) == 0) { /* and it goes on */
        fill(life.k, there + 1);
        kit_sure(life.k);
        assert_int_equal(must_hold(life.k), there + 1);
    }
    kit_free(life.k);
    disk_pause(false);
}

static void the_power_may_go_at_any_call(void **state)
{
    struct dice d = dice_init(31);
    uint32_t images = 0;
    struct life life;
    char from[80];

    (void)state;
    new_life(&life, DISK_OPS);
    live(&life, keep_when);
    snprintf(from, sizeof(from), "%s/", life.k->dir);
    for (uint32_t n = 0; n <= disk_deeds(); n++) {
        bool at_sync = n > 0 && disk_deed_op(n - 1) == DISK_SYNC;
        bool at_all = dice_rounds(1) > 1 || n % 37 == 0;

        if (at_sync || at_all) {
            judge_cut(from, n, &d);
            images++;
        }
    }
    kit_free(life.k);
    print_message("%u power cuts\n", images);
}

/* Killed after the first n deeds, it comes up on what was written, synced or
 * not, and says what it has. Then the power goes. */
static void kill_and_cut(const struct life *life, const char *from, uint32_t n,
                         bool failed)
{
    struct life again = {.k = life->k, .op = DISK_OPS, .dice = dice_init(n)};
    uint32_t said;

    if (failed)
        disk_fail_sync(n);
    disk_cut(n);
    clear(life->k->dir, false);
    disk_leave_all(from, life->k->dir, n);
    rise(&again);
    said = must_hold(again.k);
    /* The log is not copied back: it dies as it is. */
    n = disk_deeds();
    for (unsigned k = 0; k < 3; k++) {
        struct life last = {.k = kit_open(KIT_SQLITE), .op = DISK_OPS};

        kit_shut(last.k);
        clear(last.k->dir, false);
        disk_leave(from, last.k->dir, n, &again.dice);
        rise(&last);
        if (must_hold(last.k) < said)
            fail_msg("it said that it had %u batches and has %u", said,
                     taken(last.k));
        kit_free(last.k);
    }
    kit_shut(again.k);
}

/* In a process of its own, for it forgets what came after. */
static void apart(const struct life *life, const char *from, uint32_t n,
                  bool failed)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        kill_and_cut(life, from, n, failed);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status != 0)
        fail_msg("killed after deed %u: status %d", n, status);
}

static void a_kill_and_then_a_power_cut(void **state)
{
    uint32_t step = dice_rounds(1) > 1 ? 1 : 23, tries = 0;
    struct life life;
    char from[80];

    (void)state;
    new_life(&life, DISK_OPS);
    live(&life, keep_when);
    kit_shut(life.k);
    snprintf(from, sizeof(from), "%s/", life.k->dir);
    for (uint32_t n = said_at[0]; n <= disk_deeds(); n++)
        /* Just before a sync there is most to lose. */
        if (n % step == 0 || (n < disk_deeds() && n % 3 == 0 &&
                              disk_deed_op(n) == DISK_SYNC)) {
            apart(&life, from, n, false);
            tries++;
        }
    kit_free(life.k);
    print_message("%u kills, each with three power cuts\n", tries);
}

/* A sync fails, so the process ends; the next one finds in the machine's memory
 * what no sync will ever bring to the disk, and says that it has it. */
static void a_failed_sync_and_then_a_power_cut(void **state)
{
    uint32_t step = dice_rounds(1) > 1 ? 1 : 5, tries = 0;
    struct life life;
    char from[80];

    (void)state;
    new_life(&life, DISK_OPS);
    live(&life, keep_when);
    kit_shut(life.k);
    snprintf(from, sizeof(from), "%s/", life.k->dir);
    for (uint32_t n = said_at[0]; n < disk_deeds(); n++)
        if (disk_deed_op(n) == DISK_SYNC && n % step == 0) {
            apart(&life, from, n, true);
            tries++;
        }
    kit_free(life.k);
    assert_true(tries > 3);
    print_message("%u failed syncs, each with three power cuts\n", tries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_write_may_fail),
        cmocka_unit_test(any_sync_may_fail),
        cmocka_unit_test(any_name_may_be_refused),
        cmocka_unit_test(any_read_may_fail),
        cmocka_unit_test(the_power_may_go_at_any_call),
        cmocka_unit_test(a_kill_and_then_a_power_cut),
        cmocka_unit_test(a_failed_sync_and_then_a_power_cut),
    };

    const struct CMUnitTest power[] = {
        cmocka_unit_test(the_power_may_go_at_any_call),
        cmocka_unit_test(a_kill_and_then_a_power_cut),
    };

    return cmocka_run_group_tests(tests, tell_the_story, forget_the_story) +
           cmocka_run_group_tests(power, tell_of_another_disk,
                                  forget_the_story);
}
