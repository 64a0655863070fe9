/*
 * What only the ledger on disk has: files, locks, versions, a full disk, a
 * disk that fails. Damage and sudden death are in ledger_harm.c.
 */
#include "ledger_kit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

static void all_is_there_after_closing(void **state)
{
    struct kit *k = *state;
    char *before;

    for (uint32_t n = 1; n <= 30; n++) {
        kit_record(k, OL_OWN, OL_ROUTINE, n);
        kit_head(k, OL_OWN, OL_ROUTINE, n);
        kit_record(k, OL_PEER, OL_FLASH, n + n / 7);
        kit_put(k, OL_PUT_ACK, OL_OWN, OL_ROUTINE, n - 1);
        kit_event(k, OL_WHAT_ARRIVED, OL_FLASH, n, 2);
        kit_part(k, OL_PRIORITY, n, 0, 1 + n % 5);
        kit_meta(k, "a", &n, sizeof(n));
        kit_commit(k);
    }
    kit_settle(k, OL_OK);
    before = kit_dump(k, 1);
    kit_reopen(k);
    kit_same(before, kit_dump(k, 1));
}

static void what_waits_is_committed_by_close(void **state)
{
    struct kit *k = *state;

    for (uint32_t n = 1; n <= 60; n++) {
        kit_record(k, OL_OWN, OL_ROUTINE, n);
        kit_commit(k);
    }
    kit_reopen(k);
    assert_int_equal(kit_log(k, OL_OWN, OL_ROUTINE).n, 60);
}

static void nobody_else_may_read_the_files(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    struct kit *k = *state;
    char name[128];
    struct stat st;

    kit_record(k, OL_OWN, OL_FLASH, 1);
    kit_sure(k);
    for (size_t n = 0; n < OL_LEN(ends); n++) {
        snprintf(name, sizeof(name), "%s%s", k->path, ends[n]);
        assert_int_equal(stat(name, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
}

static void texts_are_not_in_the_files(void **state)
{
    static const char *const ends[] = {"", "-wal"};
    struct kit *k = *state;
    static uint8_t file[1 << 20];
    char name[128];

    kit_record(k, OL_OWN, OL_FLASH, 2); /* 700 times the letter c */
    kit_part(k, OL_FLASH, 2, 0, 5);
    kit_put(k, OL_PUT_STATE, 0, 0, 0)->bytes =
        kit_keep(k, "cccccccccccccccccccc", 20);
    kit_sure(k);
    for (size_t n = 0; n < OL_LEN(ends); n++) {
        ssize_t got;
        int fd;

        snprintf(name, sizeof(name), "%s%s", k->path, ends[n]);
        fd = open(name, O_RDONLY);
        assert_true(fd >= 0);
        got = read(fd, file, sizeof(file));
        assert_true(got > 0);
        close(fd);
        assert_null(memmem(file, (size_t)got, "cccccccc", 8));
    }
}

/* The core's own state as it lies in its row: nonce, ciphertext, tag. */
static size_t sealed_state(struct kit *k, uint8_t out[4096])
{
    sqlite3_stmt *s;
    sqlite3 *db;
    size_t n;

    assert_int_equal(sqlite3_open_v2(k->path, &db, SQLITE_OPEN_READONLY, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT sealed FROM state", -1, &s,
                                        NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    n = (size_t)sqlite3_column_bytes(s, 0);
    assert_true(n <= 4096);
    memcpy(out, sqlite3_column_blob(s, 0), n);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return n;
}

/* Do any 16 bytes in a row of it stand in the files, behind the nonce, which
 * begins as that of every other row. */
static bool on_disk(struct kit *k, const uint8_t *sealed, size_t n)
{
    static const char *const ends[] = {"", "-wal"};
    static uint8_t file[1 << 20];
    bool found = false;
    char name[128];

    for (size_t e = 0; e < OL_LEN(ends); e++) {
        ssize_t got;
        int fd;

        snprintf(name, sizeof(name), "%s%s", k->path, ends[e]);
        fd = open(name, O_RDONLY);
        assert_true(fd >= 0);
        got = read(fd, file, sizeof(file));
        assert_true(got >= 0 && got < (ssize_t)sizeof(file));
        close(fd);
        for (size_t at = 24; at + 16 <= n && got > 0; at += 16)
            found |= memmem(file, (size_t)got, sealed + at, 16) != NULL;
    }
    return found;
}

static void put_state(struct kit *k, size_t n, bool erase)
{
    static const uint8_t bytes[3000];
    struct ol_put *put = kit_put(k, OL_PUT_STATE, 0, 0, 0);

    put->bytes = kit_keep(k, bytes, n);
    put->erase = erase;
    kit_sure(k);
    /* What the commit thread does behind a commit it does before the next. */
    kit_meta(k, "next", &n, sizeof(n));
    kit_sure(k);
}

/* What the core erases stands neither in the file nor in its log. */
static void what_is_erased_is_not_in_the_files(void **state)
{
    struct kit *k = *state;
    uint8_t first[4096], second[4096];
    size_t n, m;

    for (uint32_t i = 1; i <= 20; i++) {
        kit_record(k, OL_OWN, OL_FLASH, i);
        kit_sure(k);
    }
    put_state(k, 2400, false);
    n = sealed_state(k, first);
    /* Overwritten only: the page before still stands in the log. */
    put_state(k, 2347, false);
    m = sealed_state(k, second);
    assert_true(on_disk(k, first, n));
    put_state(k, 2294, true);
    assert_false(on_disk(k, first, n));
    assert_false(on_disk(k, second, m));
    n = sealed_state(k, first);
    assert_true(on_disk(k, first, n));
}

static void a_second_one_finds_it_locked(void **state)
{
    struct kit *k = *state;
    struct ol_ledger *mine = k->l;
    char why[256] = "";
    int status;
    pid_t child;

    assert_int_equal(kit_try(k, why), OL_ERR_LOCKED);
    assert_non_null(strstr(why, "another openline"));
    k->l = mine;
    kit_record(k, OL_OWN, OL_FLASH, 1);
    kit_sure(k);
    child = fork();
    if (child == 0)
        _exit(kit_try(k, why) == OL_ERR_LOCKED ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    kit_record(k, OL_OWN, OL_FLASH, 2);
    kit_sure(k);
}

static void a_newer_schema_is_left_alone(void **state)
{
    struct kit *k = *state;
    char why[256];

    kit_tamper(k, "PRAGMA user_version=5");
    assert_int_equal(kit_try(k, why), OL_ERR_NEWER);
    assert_non_null(strstr(why, "newer"));
    assert_non_null(strstr(why, k->path));
    kit_tamper(k, "PRAGMA user_version=4");
    assert_int_equal(kit_try(k, why), OL_OK);
}

static void other_files_are_refused(void **state)
{
    struct kit *k = *state;
    char why[256];
    int fd;

    kit_tamper(k, "PRAGMA application_id=7");
    assert_int_equal(kit_try(k, why), OL_ERR_CORRUPT);
    assert_non_null(strstr(why, "not an Openline ledger"));
    assert_int_equal(unlink(k->path), 0);
    kit_tamper(k, "CREATE TABLE other(x)");
    assert_int_equal(kit_try(k, why), OL_ERR_CORRUPT);
    fd = open(k->path, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, "no database at all, only words\n", 31), 31);
    close(fd);
    assert_int_equal(kit_try(k, why), OL_ERR_CORRUPT);
    snprintf(k->path, sizeof(k->path), "%s/none/ledger.db", k->dir);
    assert_int_equal(kit_try(k, why), OL_ERR_IO);
    assert_non_null(strstr(why, "No such file"));
}

/* SQLite takes an empty file for a new ledger, and throws its log away. */
static void an_empty_file_is_no_new_ledger(void **state)
{
    struct kit *k = *state;
    char why[256], wal[128], lock[128];
    static uint8_t file[1 << 20];
    ssize_t n;
    int fd;

    kit_row_of(k, 1);
    kit_sure(k);
    kit_shut(k);
    fd = open(k->path, O_RDONLY);
    n = read(fd, file, sizeof(file));
    close(fd);
    assert_int_equal(truncate(k->path, 0), 0);
    assert_int_equal(kit_try(k, why), OL_ERR_CORRUPT);
    assert_non_null(strstr(why, "empty"));
    assert_int_equal(unlink(k->path), 0);
    assert_int_equal(kit_try(k, why), OL_ERR_CORRUPT);
    assert_non_null(strstr(why, "gone"));
    assert_int_equal(access(k->path, F_OK), -1);
    /* Also without the mark, if there is a log of it. */
    snprintf(lock, sizeof(lock), "%s.lock", k->path);
    snprintf(wal, sizeof(wal), "%s-wal", k->path);
    assert_int_equal(truncate(lock, 0), 0);
    fd = open(wal, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "frames", 6), 6);
    close(fd);
    assert_int_equal(kit_try(k, why), OL_ERR_CORRUPT);
    fd = open(wal, O_RDONLY);
    assert_int_equal(read(fd, file + n, 9), 6);
    close(fd);
    assert_int_equal(unlink(wal), 0);
    fd = open(k->path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, file, (size_t)n), n);
    close(fd);
    kit_reopen(k);
    assert_int_equal(kit_head_size(k), 1);
}

/* ---- disks that refuse --------------------------------------------------- */

/* No file of this process may grow beyond n bytes: as good as a full disk. */
static void limit_files(rlim_t n)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = n;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_is_told_and_outlived(void **state)
{
    struct kit *k = *state;
    uint32_t index = 0, there;
    enum ol_err err = OL_OK;
    struct stat st;
    char name[128];

    signal(SIGXFSZ, SIG_IGN);
    snprintf(name, sizeof(name), "%s-wal", k->path);
    while (index < 10) {
        kit_row_of(k, ++index);
        kit_sure(k);
    }
    assert_int_equal(stat(name, &st), 0);
    limit_files((rlim_t)st.st_size + 128 * 1024);
    while (!err && index < 1000) {
        kit_row_of(k, ++index);
        kit_commit(k);
        err = kit_done(k).err;
    }
    assert_int_equal(err, OL_ERR_FULL);
    assert_non_null(strstr(k->l->why, "room"));
    there = kit_head_size(k);
    assert_int_equal(there, index - 1);
    assert_int_equal(kit_log(k, OL_OWN, OL_ROUTINE).n, there);
    kit_row_of(k, index + 1);
    kit_commit(k);
    kit_settle(k, OL_ERR_FULL);
    assert_int_equal(k->l->ops->reset(k->l), OL_OK);
    kit_row_of(k, index); /* still full */
    kit_commit(k);
    kit_settle(k, OL_ERR_FULL);
    limit_files(RLIM_INFINITY);
    assert_int_equal(k->l->ops->reset(k->l), OL_OK);
    kit_row_of(k, index);
    kit_sure(k);
    assert_int_equal(kit_head_size(k), index);
    kit_reopen(k);
    assert_int_equal(kit_log(k, OL_OWN, OL_ROUTINE).n, index);
}

static void fail_syncs(enum kit_fail how)
{
    __atomic_store_n(&kit_fail_syncs, how, __ATOMIC_RELAXED);
}

static void a_failed_fsync_is_for_good(void **state)
{
    struct kit *k = *state;
    uint32_t number;
    uint8_t id[32] = "a line that comes too late";

    kit_row_of(k, 1);
    kit_sure(k);
    fail_syncs(KIT_FAIL_ALL);
    kit_row_of(k, 2);
    kit_commit(k);
    kit_settle(k, OL_ERR_IO);
    fail_syncs(KIT_FAIL_NONE);
    assert_int_equal(k->l->ops->reset(k->l), OL_ERR_IO);
    kit_row_of(k, 3);
    kit_commit(k);
    kit_settle(k, OL_ERR_IO);
    assert_int_equal(k->l->ops->line(k->l, id, "x", &number), OL_ERR_IO);
}

/* While the log is copied back nobody waits: the next commit must tell. */
static void a_failed_fsync_of_the_copy_is_told_too(void **state)
{
    struct kit *k = *state;
    enum ol_err err = OL_OK;
    uint32_t index = 0;

    fail_syncs(KIT_FAIL_DATABASE);
    while (!err && index < 3000) {
        kit_row_of(k, ++index);
        kit_commit(k);
        err = kit_done(k).err;
    }
    fail_syncs(KIT_FAIL_NONE);
    assert_int_equal(err, OL_ERR_IO);
    assert_true(index > 50);
    assert_non_null(strstr(k->l->why, "sync"));
    assert_int_equal(k->l->ops->reset(k->l), OL_ERR_IO);
    kit_reopen(k); /* as a new process would: the log was on disk */
    assert_int_equal(kit_head_size(k), index - 1);
}

static unsigned syncs(void)
{
    return __atomic_load_n(&kit_syncs, __ATOMIC_RELAXED);
}

static void many_commits_share_an_fsync(void **state)
{
    struct kit *k = *state;
    unsigned before;

    kit_row_of(k, 1);
    kit_sure(k);
    before = syncs();
    __atomic_store_n(&kit_sync_ms, 100, __ATOMIC_RELAXED);
    for (uint32_t n = 2; n <= 257; n++) {
        kit_record(k, OL_OWN, OL_ROUTINE, n);
        kit_commit(k);
    }
    kit_settle(k, OL_OK);
    __atomic_store_n(&kit_sync_ms, 0, __ATOMIC_RELAXED);
    assert_true(syncs() - before >= 256 / 64);
    assert_true(syncs() - before < 256 / 8);
}

/* Of some 15 pages, each of which SQLite writes in two parts. */
static void a_commit_is_one_write(void **state)
{
    struct kit *k = *state;
    unsigned before;

    kit_row_of(k, 1);
    kit_sure(k);
    before = __atomic_load_n(&kit_writes, __ATOMIC_RELAXED);
    for (uint32_t n = 2; n <= 20; n++)
        kit_record(k, OL_OWN, OL_ROUTINE, 5 * n + 1); /* short ones */
    kit_sure(k);
    assert_int_equal(__atomic_load_n(&kit_writes, __ATOMIC_RELAXED),
                     before + 1);
}

static void the_log_does_not_grow_for_ever(void **state)
{
    struct kit *k = *state;
    struct stat st;
    char name[128];
    off_t most = 0;

    snprintf(name, sizeof(name), "%s-wal", k->path);
    for (uint32_t n = 1; n <= 4000; n++) {
        kit_record(k, OL_OWN, OL_ROUTINE, n);
        if (n % 50 != 0) {
            kit_commit(k);
            continue;
        }
        kit_sure(k);
        assert_int_equal(kit_head_size(k), 0); /* readers come and go */
        assert_int_equal(stat(name, &st), 0);
        most = OL_MAX(most, st.st_size);
    }
    assert_int_equal(stat(k->path, &st), 0);
    assert_true(st.st_size > 3 * 1024 * 1024);
    assert_true(most < 8 * 1024 * 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_SQLITE_TEST(all_is_there_after_closing)
        KIT_SQLITE_TEST(what_waits_is_committed_by_close)
        KIT_SQLITE_TEST(nobody_else_may_read_the_files)
        KIT_SQLITE_TEST(texts_are_not_in_the_files)
        KIT_SQLITE_TEST(what_is_erased_is_not_in_the_files)
        KIT_SQLITE_TEST(a_second_one_finds_it_locked)
        KIT_SQLITE_TEST(a_newer_schema_is_left_alone)
        KIT_SQLITE_TEST(other_files_are_refused)
        KIT_SQLITE_TEST(an_empty_file_is_no_new_ledger)
        KIT_SQLITE_TEST(a_full_disk_is_told_and_outlived)
        KIT_SQLITE_TEST(a_failed_fsync_is_for_good)
        KIT_SQLITE_TEST(a_failed_fsync_of_the_copy_is_told_too)
        KIT_SQLITE_TEST(many_commits_share_an_fsync)
        KIT_SQLITE_TEST(a_commit_is_one_write)
        KIT_SQLITE_TEST(the_log_does_not_grow_for_ever)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
