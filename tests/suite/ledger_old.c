/*
 * Ledgers that older programs made: carried forward, and the old file kept.
 *
 * old/ledger-v1.db was made by the program of schema 1, as `suite-ledger-old
 * FILE` makes one of today's: what `fill` puts there. So a ledger that was
 * carried forward must read as one that was filled now.
 */
#include "ledger_kit.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINES 2u

/* No file of this process may grow beyond n bytes: as good as a full disk. */
static void limit_files(rlim_t n)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = n;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* One of everything that schema 1 knows, some of it behind gaps. */
static void fill_log(struct kit *k, uint8_t author, uint8_t prec)
{
    uint32_t size = 2 + prec / 2;
    struct ol_put *put;
    uint8_t sig[64];

    for (uint32_t n = 1; n <= size; n++)
        kit_record(k, author, prec, n);
    kit_head(k, author, prec, size);
    memset(sig, 0x40 + prec, sizeof(sig));
    put = kit_put(k, OL_PUT_CHECKPOINT, author, prec, size);
    memset(put->leaf, 0x20 + prec, sizeof(put->leaf));
    put->bytes = kit_keep(k, sig, sizeof(sig));
    if (author == OL_PEER) {
        kit_record(k, author, prec, size + 3);
        kit_part(k, prec, size + 1, 0, 2);
        kit_part(k, prec, size + 2, 3, 5);
        kit_event(k, OL_WHAT_ARRIVED, prec, 1, size);
    } else {
        kit_put(k, OL_PUT_ACK, OL_OWN, prec, 1);
        put = kit_put(k, OL_PUT_SENT, OL_OWN, prec, 1);
        put->channel = prec % 3;
        put->count = size;
        put = kit_put(k, OL_PUT_MARK, OL_OWN, prec, 1);
        put->number = kit_number(prec, 1);
        put->rel = OL_REL_READ;
        put->by = OL_PEER;
    }
}

static void fill(struct kit *k)
{
    static const uint8_t other[32] = "another line of an old ledger";
    uint32_t first = k->line;

    for (uint32_t line = 1; line <= LINES; line++) {
        if (line != first)
            assert_int_equal(k->l->ops->line(k->l, other, "west", &k->line),
                             OL_OK);
        assert_int_equal(k->line, line);
        for (unsigned n = 0; n < 2 * OL_PRECS; n += line) {
            fill_log(k, n / OL_PRECS, n % OL_PRECS);
            kit_sure(k);
            k->at_ms += 1000;
        }
        kit_put(k, OL_PUT_STATE, 0, 0, 0)->bytes = kit_keep(k, "kept", 4);
        kit_put(k, OL_PUT_ACK, OL_OWN, OL_FLASH, 2);
        kit_event(k, OL_WHAT_LINE, 0, 0, 1)->detail = "open";
        kit_meta(k, "verified", "2026-11-26", 10);
        kit_meta(k, "a", "station", 7);
        kit_sure(k);
    }
    k->line = first;
}


/* Puts the old program's file in place of the kit's. */
static void bring_old(struct kit *k)
{
    static uint8_t bytes[1 << 20];
    int from = open(OLD_LEDGER, O_RDONLY), to;
    ssize_t n = read(from, bytes, sizeof(bytes));

    assert_true(n > 4096 && n < (ssize_t)sizeof(bytes));
    close(from);
    kit_shut(k);
    to = open(k->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(to, bytes, (size_t)n), n);
    close(to);
}

/* A statement's one text, of any file. */
static void ask(const char *path, const char *sql, char out[8192])
{
    sqlite3_stmt *s = NULL;
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK ||
        sqlite3_step(s) != SQLITE_ROW)
        fail_msg("%s: %s: %s", path, sql, sqlite3_errmsg(db));
    snprintf(out, 8192, "%s", (const char *)sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    sqlite3_close(db);
}

static void says(const char *path, const char *sql, const char *want)
{
    char out[8192];

    ask(path, sql, out);
    assert_string_equal(out, want);
}

static char *beside(struct kit *k, const char *end)
{
    static char name[128];

    snprintf(name, sizeof(name), "%s%s", k->path, end);
    return name;
}

static bool there(struct kit *k, const char *end)
{
    return access(beside(k, end), F_OK) == 0;
}

static void opens(struct kit *k)
{
    char why[256] = "";

    if (kit_try(k, why) != OL_OK)
        fail_msg("%s", why);
    k->line = 1;
}

static char *what_fill_makes(void)
{
    static char *dump;

    if (!dump) {
        struct kit *fresh = kit_open(KIT_SQLITE);

        fill(fresh);
        dump = kit_dump(fresh, LINES);
        kit_free(fresh);
    }
    return strdup(dump);
}

static void all_of_an_old_ledger_is_read(void **state)
{
    struct kit *k = *state;
    struct stat st;

    bring_old(k);
    opens(k);
    kit_same(what_fill_makes(), kit_dump(k, LINES));
    k->token = k->taken;
    kit_record(k, OL_OWN, OL_FLASH, 3); /* and it goes on */
    kit_sure(k);
    kit_shut(k);
    says(k->path, "PRAGMA user_version", "4");
    says(beside(k, ".v1"), "PRAGMA user_version", "1");
    says(beside(k, ".v1"), "PRAGMA integrity_check", "ok");
    says(beside(k, ".v1"), "SELECT count(*) FROM record", "36");
    assert_int_equal(stat(beside(k, ".v1"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_false(there(k, ".v1.part"));
    opens(k); /* once is enough */
    kit_shut(k);
    assert_false(there(k, ".v1-2"));
}

static void old_and_new_have_the_same_tables(void **state)
{
    static const char schema[] =
        "SELECT group_concat(type || name || tbl_name || sql) FROM"
        " (SELECT * FROM sqlite_schema ORDER BY name)";
    struct kit *k = *state;
    char new_one[8192];

    kit_shut(k);
    ask(k->path, schema, new_one);
    assert_non_null(strstr(new_one, "CREATE TABLE record"));
    bring_old(k);
    opens(k);
    kit_shut(k);
    says(k->path, schema, new_one);
}

/* The old program was killed: part of its ledger is in the log. */
static void a_log_left_behind_is_kept_too(void **state)
{
    struct kit *k = *state;
    int status;
    pid_t child;

    bring_old(k);
    child = fork();
    if (child == 0) {
        sqlite3 *db;

        if (sqlite3_open(k->path, &db) == SQLITE_OK &&
            sqlite3_exec(db, "INSERT INTO meta VALUES(0, 'late', x'01')",
                         NULL, NULL, NULL) == SQLITE_OK)
            _exit(0);
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(there(k, "-wal"));
    opens(k);
    kit_shut(k);
    says(k->path, "SELECT count(*) FROM meta WHERE key='late'", "1");
    says(beside(k, ".v1"), "SELECT count(*) FROM meta WHERE key='late'", "1");
}

static void an_earlier_copy_is_not_written_over(void **state)
{
    struct kit *k = *state;
    char why[256];

    bring_old(k);
    opens(k);
    bring_old(k); /* the same again: the copy there does */
    opens(k);
    kit_shut(k);
    assert_false(there(k, ".v1-2"));
    for (unsigned n = 2; n <= 9; n++) { /* another one each time */
        char end[16], sql[96];

        bring_old(k);
        snprintf(sql, sizeof(sql), "UPDATE line SET peer='p%u'", n);
        kit_tamper(k, sql);
        opens(k);
        kit_shut(k);
        snprintf(end, sizeof(end), ".v1-%u", n);
        snprintf(sql, sizeof(sql), "p%u", n);
        says(beside(k, end), "SELECT peer FROM line", sql);
    }
    says(beside(k, ".v1"), "SELECT peer FROM line", "south");
    bring_old(k);
    kit_tamper(k, "UPDATE line SET peer='q'");
    assert_int_equal(kit_try(k, why), OL_ERR_IO);
    assert_non_null(strstr(why, "File exists"));
    says(k->path, "PRAGMA user_version", "1");
}

/* From the first byte that has no room to the last. */
static void without_room_the_old_one_stays(void **state)
{
    struct kit *k = *state;
    char why[256] = "";
    rlim_t limit;
    enum ol_err err = OL_ERR_FULL;
    unsigned refusals = 0;

    signal(SIGXFSZ, SIG_IGN);
    bring_old(k);
    for (limit = 4096; err && limit < 1 << 20; limit += 4096) {
        limit_files(limit);
        err = kit_try(k, why);
        limit_files(RLIM_INFINITY);
        if (!err)
            break;
        refusals++;
        assert_int_equal(err, OL_ERR_FULL);
        if (!strstr(why, "room") && !strstr(why, "need"))
            fail_msg("%s", why);
        says(k->path, "PRAGMA user_version", "1");
        says(k->path, "PRAGMA integrity_check", "ok");
        says(k->path, "SELECT count(*) FROM record", "36");
    }
    assert_int_equal(err, OL_OK);
    assert_true(refusals >= 10);
    k->line = 1;
    kit_same(what_fill_makes(), kit_dump(k, LINES));
}

/* Killed at every write and sync of it, one after the other. */
static void a_crash_leaves_the_old_or_the_new(void **state)
{
    struct kit *k = *state;
    unsigned old = 0, deaths = 0;
    int status = -1;

    for (unsigned nth = 1; status != 0; nth++) {
        char version[8192];
        pid_t child;

        bring_old(k);
        unlink(beside(k, "-wal"));
        unlink(beside(k, "-shm"));
        unlink(beside(k, ".v1"));
        child = fork();
        if (child == 0) {
            char why[256];

            kit_die_at = nth;
            _exit(kit_try(k, why) == OL_OK ? 0 : 3);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        if (status == 0)
            break;
        assert_true(WIFSIGNALED(status));
        deaths++;
        ask(k->path, "PRAGMA user_version", version);
        old += strcmp(version, "1") == 0;
        says(k->path, "PRAGMA integrity_check", "ok");
        says(k->path, "SELECT count(*) FROM record", "36");
        if (strcmp(version, "1") != 0)
            says(beside(k, ".v1"), "SELECT count(*) FROM record", "36");
        opens(k);
        kit_same(what_fill_makes(), kit_dump(k, LINES));
        kit_shut(k);
        says(beside(k, ".v1"), "PRAGMA user_version", "1");
        assert_false(there(k, ".v1.part"));
    }
    assert_true(deaths > 30);
    assert_true(old > 20 && old < deaths);
}

static void a_damaged_one_is_not_carried_forward(void **state)
{
    struct kit *k = *state;
    char why[256], junk[64];
    int fd;

    bring_old(k);
    memset(junk, 0xff, sizeof(junk));
    fd = open(k->path, O_WRONLY);
    for (off_t page = 8; page < 20; page++)
        assert_int_equal(pwrite(fd, junk, sizeof(junk), page * 4096), 64);
    close(fd);
    assert_int_equal(kit_try(k, why), OL_ERR_CORRUPT);
    assert_non_null(strstr(why, "keep it as it is"));
    assert_false(there(k, ".v1"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        KIT_SQLITE_TEST(all_of_an_old_ledger_is_read)
        KIT_SQLITE_TEST(old_and_new_have_the_same_tables)
        KIT_SQLITE_TEST(a_log_left_behind_is_kept_too)
        KIT_SQLITE_TEST(an_earlier_copy_is_not_written_over)
        KIT_SQLITE_TEST(without_room_the_old_one_stays)
        KIT_SQLITE_TEST(a_crash_leaves_the_old_or_the_new)
        KIT_SQLITE_TEST(a_damaged_one_is_not_carried_forward)
    };

    if (argc == 2) {
        struct kit *k = kit_open(KIT_SQLITE);

        fill(k);
        kit_shut(k);
        if (rename(k->path, argv[1]) != 0)
            perror(argv[1]);
        kit_free(k);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
