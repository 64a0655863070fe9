/*
 * The ledger on disk under harm: rows and files that were changed, and a
 * process that is killed while it commits.
 *
 * Damage is an error with words, never a crash; what was said to be done
 * outlives the process, and batches stay whole.
 */
#include "ledger_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static uint32_t n_read;

static enum ol_err read_log(struct kit *k)
{
    struct seen seen = {0};
    enum ol_err err = k->l->ops->log(k->l, k->line, OL_OWN, OL_ROUTINE, 1, 99,
                                     0, kit_see, &seen);

    n_read = seen.n;
    return err;
}

static void a_damaged_row_is_corrupt_and_no_crash(void **state)
{
    static const char *const harm[] = {
        "UPDATE part SET sealed=x''; ",
        "DELETE FROM part; UPDATE state SET sealed=zeroblob(100)",
        "DELETE FROM state; UPDATE head SET frontier=x'00' WHERE author=0",
        "UPDATE head SET prec=77",
    };
    struct kit *k = *state;
    struct ol_snapshot s;
    char why[256];

    for (uint32_t n = 1; n <= 9; n++) {
        kit_row_of(k, n);
        kit_sure(k);
    }
    kit_part(k, OL_FLASH, 1, 0, 3);
    kit_put(k, OL_PUT_STATE, 0, 0, 0)->bytes = kit_keep(k, "state", 5);
    kit_sure(k);
    /* One byte becomes another one, whatever it was. */
    kit_tamper(k, "UPDATE record SET sealed=CAST(substr(sealed,1,70)||CASE "
              "substr(sealed,71,1) WHEN x'00' THEN x'01' ELSE x'00' END||"
              "substr(sealed,72) AS BLOB) WHERE idx=5");
    assert_int_equal(kit_try(k, why), OL_OK);
    assert_int_equal(read_log(k), OL_ERR_CORRUPT);
    assert_int_equal(n_read, 4);
    assert_non_null(strstr(k->l->why, "record 5"));
    /* A sealed row in another's place. */
    kit_tamper(k, "UPDATE record SET sealed=(SELECT sealed FROM record "
              "WHERE idx=3) WHERE idx=2");
    assert_int_equal(kit_try(k, why), OL_OK);
    assert_int_equal(read_log(k), OL_ERR_CORRUPT);
    assert_int_equal(n_read, 1);
    kit_tamper(k, "UPDATE record SET sealed=x'0102' WHERE idx=1");
    assert_int_equal(kit_try(k, why), OL_OK);
    assert_int_equal(read_log(k), OL_ERR_CORRUPT);
    assert_int_equal(k->l->ops->snapshot(k->l, k->line, &s), OL_OK);
    k->l->ops->snapshot_free(k->l, &s);
    for (size_t n = 0; n < OL_LEN(harm); n++) {
        kit_tamper(k, harm[n]);
        assert_int_equal(kit_try(k, why), OL_OK);
        assert_int_equal(k->l->ops->snapshot(k->l, k->line, &s),
                         OL_ERR_CORRUPT);
        assert_int_equal(s.n_parts, 0);
        k->l->ops->snapshot_free(k->l, &s); /* allowed */
    }
}

/* What came just now is answered from memory; who audits asks the disk. */
static void read_afresh_is_read_from_the_disk(void **state)
{
    struct kit *k = *state;
    sqlite3 *other;

    for (uint32_t n = 1; n <= 9; n++) {
        kit_row_of(k, n);
        kit_sure(k);
    }
    assert_int_equal(sqlite3_open(k->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "UPDATE record SET sealed=x'0102' "
                                         "WHERE idx=1", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    assert_int_equal(read_log(k), OL_OK);
    assert_int_equal(n_read, 9);
    k->l->ops->afresh(k->l);
    assert_int_equal(read_log(k), OL_ERR_CORRUPT);
    assert_int_equal(n_read, 0);
}

/* While it is open, by a check; afterwards, by opening it. */
static void a_damaged_page_is_told(void **state)
{
    struct kit *k = *state;
    static uint8_t page[4096];
    char why[256];
    int fd;

    for (uint32_t n = 1; n <= 9; n++) {
        kit_row_of(k, n);
        kit_sure(k);
    }
    kit_reopen(k);
    memset(page, 0xff, sizeof(page));
    fd = open(k->path, O_WRONLY);
    for (off_t at = 2; at < 60; at++)
        assert_int_equal(pwrite(fd, page, 4096, at * 4096), 4096);
    close(fd);
    assert_int_equal(ol_sqlite_check(k->path, NULL, why), OL_ERR_CORRUPT);
    assert_non_null(strstr(why, "it is damaged: keep it as it is"));
    kit_shut(k);
    assert_int_equal(kit_try(k, why), OL_ERR_CORRUPT);
    assert_non_null(strstr(why, "it is damaged: keep it as it is"));
}

static bool any_row(void *arg, const struct ol_row *row)
{
    (void)arg;
    return row->bytes.n > 0;
}

static bool any_event(void *arg, const struct ol_row_event *ev)
{
    (void)arg;
    return ev->seq > 0;
}

/* Reads and writes whatever still can be; only a crash would be wrong. */
static void use_what_is_left(struct kit *k)
{
    const struct ol_ledger_ops *ops = k->l->ops;
    struct ol_row_attempt attempts[4];
    struct ol_ledger_done done;
    struct ol_snapshot s;
    uint8_t id[32] = {0};
    uint32_t n;

    kit_id(id, OL_OWN, OL_ROUTINE, 3);
    if (ops->snapshot(k->l, 1, &s) == OL_OK)
        ops->snapshot_free(k->l, &s);
    (void)ops->log(k->l, 1, OL_OWN, OL_ROUTINE, 0, 99, 0, any_row, NULL);
    (void)ops->by_id(k->l, id, any_row, NULL);
    (void)ops->by_number(k->l, 1, OL_OWN, 12, any_row, NULL);
    (void)ops->events(k->l, 0, 1000, any_event, NULL);
    (void)ops->attempts(k->l, 1, OL_ROUTINE, 3, attempts, 4, &n);
    if (ops->line(k->l, id, "x", &n) != OL_OK)
        return;
    kit_record(k, OL_OWN, OL_ROUTINE, 50);
    kit_commit(k);
    while (!ops->done(k->l, &done))
        poll(NULL, 0, 1);
    k->outstanding = 0;
}

static void random_damage_never_crashes(void **state)
{
    struct kit *k = *state;
    struct dice d = dice_init(86920);
    static uint8_t good[1 << 20], bad[1 << 20];
    ssize_t n;
    int fd;

    for (uint32_t index = 1; index <= 20; index++) {
        kit_row_of(k, index);
        kit_event(k, OL_WHAT_ARRIVED, OL_ROUTINE, index, 3);
        kit_part(k, OL_FLASH, index, 0, 3);
        kit_put(k, OL_PUT_SENT, 0, OL_ROUTINE, index)->channel = 0;
        k->puts[k->n_puts - 1].count = 1;
        kit_sure(k);
    }
    kit_shut(k);
    fd = open(k->path, O_RDONLY);
    n = read(fd, good, sizeof(good));
    close(fd);
    assert_true(n > 4096 && n < (ssize_t)sizeof(good));
    for (unsigned round = 0; round < dice_rounds(60); round++) {
        char why[256] = "", name[128];

        memcpy(bad, good, (size_t)n);
        for (uint64_t hits = dice_in(&d, 1, 200); hits > 0; hits--)
            bad[dice_in(&d, 100, (uint64_t)n - 1)] = (uint8_t)dice_u64(&d);
        fd = open(k->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        assert_int_equal(write(fd, bad, (size_t)n), n);
        close(fd);
        if (kit_try(k, why) == OL_OK) {
            k->line = 1;
            use_what_is_left(k);
        } else {
            assert_true(strlen(why) > 10);
        }
        kit_shut(k);
        snprintf(name, sizeof(name), "%s-wal", k->path);
        unlink(name);
    }
}

/* ---- kill -9 ------------------------------------------------------------- */

/* Commits record after record, several batches open, and writes the index of
 * each that is done to the pipe, until it is killed. */
static void commit_for_ever(struct kit *k, int fd)
{
    char why[256];
    uint32_t index;

    if (kit_try(k, why) != OL_OK)
        _exit(1);
    index = kit_head_size(k);
    k->token = k->taken = index;
    for (;;) {
        while (k->outstanding < 8) {
            kit_row_of(k, ++index);
            kit_commit(k);
        }
        uint32_t done = (uint32_t)kit_done(k).token;

        if (write(fd, &done, sizeof(done)) != sizeof(done))
            _exit(1);
    }
}

static bool next_in_line(void *arg, const struct ol_row *row)
{
    uint32_t *n = arg;
    uint8_t leaf[32];

    assert_int_equal(row->index, ++*n);
    kit_leaf(leaf, OL_OWN, OL_ROUTINE, row->index);
    assert_memory_equal(row->leaf, leaf, sizeof(leaf));
    return true;
}

/* What was said to be done is there, and every batch is there whole. */
static void check_after_kill(struct kit *k, uint32_t said)
{
    uint32_t n = 0, last = 0, size;
    size_t room = sizeof(last);
    enum ol_err err;

    kit_reopen(k);
    size = kit_head_size(k);
    assert_true(size >= said);
    assert_int_equal(k->l->ops->log(k->l, k->line, OL_OWN, OL_ROUTINE, 1,
                                    UINT32_MAX, 0, next_in_line, &n), OL_OK);
    assert_int_equal(n, size);
    err = k->l->ops->meta(k->l, k->line, "last", (uint8_t *)&last, &room);
    assert_int_equal(err, size > 0 ? OL_OK : OL_ERR_MISSING);
    assert_int_equal(last, size);
}

/* The n-th write fails, and all after it, until the disk is mended: what was
 * done stays done, what was not is taken again. */
static void any_write_may_fail(void **state)
{
    static const int with[] = {EIO, ENOSPC, EROFS, EDQUOT};
    struct kit *k = *state;
    uint32_t index = 0, failures = 0;

    kit_row_of(k, ++index);
    kit_sure(k);
    for (unsigned nth = 1; nth <= 48; nth++) {
        enum ol_err err = OL_OK;

        kit_fail_writes_with = with[nth % OL_LEN(with)];
        __atomic_store_n(&kit_fail_writes_from, nth, __ATOMIC_RELEASE);
        while (!err) {
            kit_row_of(k, ++index);
            kit_commit(k);
            err = kit_done(k).err;
        }
        failures++;
        if (kit_fail_writes_with == EIO || kit_fail_writes_with == EROFS)
            assert_int_equal(err, OL_ERR_IO);
        else
            assert_int_equal(err, OL_ERR_FULL);
        assert_int_equal(kit_head_size(k), index - 1);
        __atomic_store_n(&kit_fail_writes_from, 0, __ATOMIC_RELEASE);
        assert_int_equal(k->l->ops->reset(k->l), OL_OK);
        index--;
    }
    kit_row_of(k, ++index);
    kit_sure(k);
    kit_reopen(k);
    assert_int_equal(failures, 48);
    assert_int_equal(kit_head_size(k), index);
    check_after_kill(k, index);
}

static void kill_twenty_times(struct kit *k, struct dice *d)
{
    uint32_t said = 0;

    for (unsigned round = 0; round < 20; round++) {
        int fds[2], status;
        struct pollfd p;
        uint32_t before = said;
        pid_t child;

        kit_shut(k);
        assert_int_equal(pipe(fds), 0);
        child = fork();
        if (child == 0) {
            close(fds[0]);
            commit_for_ever(k, fds[1]);
        }
        close(fds[1]);
        /* At least one is done, then some moment. */
        assert_int_equal(read(fds[0], &said, sizeof(said)), sizeof(said));
        poll(NULL, 0, (int)dice_in(d, 0, 40));
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        p = (struct pollfd){.fd = fds[0], .events = POLLIN};
        while (poll(&p, 1, 0) == 1 && (p.revents & POLLIN) &&
               read(fds[0], &said, sizeof(said)) == sizeof(said))
            ;
        close(fds[0]);
        assert_true(said > before);
        check_after_kill(k, said);
        said = kit_head_size(k);
    }
}

static void what_was_done_outlives_a_kill(void **state)
{
    struct dice d = dice_init(9);

    (void)state;
    for (unsigned n = 0; n < dice_rounds(1); n++) {
        struct kit *k = kit_open(KIT_SQLITE);

        kill_twenty_times(k, &d);
        kit_free(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_SQLITE_TEST(a_damaged_row_is_corrupt_and_no_crash)
        KIT_SQLITE_TEST(read_afresh_is_read_from_the_disk)
        KIT_SQLITE_TEST(a_damaged_page_is_told)
        KIT_SQLITE_TEST(random_damage_never_crashes)
        KIT_SQLITE_TEST(any_write_may_fail)
        cmocka_unit_test(what_was_done_outlives_a_kill),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
