/*
 * What the disk and SQLite alone do, on the file system of a folder.
 *
 *     raw FOLDER SECONDS
 *
 * Prints one JSON object, each figure a rate a second:
 *   append     4 KiB behind the end of a file, and fdatasync: one after the
 *              other, as a log that grows
 *   overwrite  the same into a file that is long enough already
 *   rows       of SQLite (WAL, synchronous=FULL): 200 bytes under a whole
 *              number, 256 rows a transaction, one statement kept
 *   rows_one   the same, a transaction a row
 * and `file_system`, by its number in hex (statfs). It removes what it made.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 4096
#define BLOCKS 256 /* of the file that is overwritten */
#define ROW 200

static void die(const char *what, const char *more)
{
    fprintf(stderr, "raw: %s: %s\n", what, more);
    exit(1);
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double syncs(double seconds, bool again)
{
    static char block[BLOCK];
    int fd = open("raw.file", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    double began, took;
    unsigned n = 0;

    if (fd < 0)
        die("raw.file", strerror(errno));
    memset(block, 'x', sizeof(block));
    for (unsigned k = 0; again && k < BLOCKS; k++)
        if (pwrite(fd, block, BLOCK, (off_t)k * BLOCK) != BLOCK)
            die("raw.file", strerror(errno));
    if (fsync(fd) != 0)
        die("raw.file", strerror(errno));
    began = now_s();
    do {
        off_t at = (off_t)(again ? n % BLOCKS : n) * BLOCK;

        if (pwrite(fd, block, BLOCK, at) != BLOCK || fdatasync(fd) != 0)
            die("raw.file", strerror(errno));
        n++;
        took = now_s() - began;
    } while (took < seconds);
    close(fd);
    unlink("raw.file");
    return n / took;
}

static void exec(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        die(sql, sqlite3_errmsg(db));
}

static void unlink_all(void)
{
    unlink("raw.db");
    unlink("raw.db-wal");
    unlink("raw.db-shm");
}

static double rows(double seconds, unsigned each)
{
    static char row[ROW];
    double began, took;
    sqlite3_stmt *s;
    unsigned n = 0;
    sqlite3 *db;

    unlink_all();
    if (sqlite3_open("raw.db", &db) != SQLITE_OK)
        die("raw.db", sqlite3_errmsg(db));
    exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
             "CREATE TABLE t(n INTEGER PRIMARY KEY, bytes BLOB NOT NULL)");
    if (sqlite3_prepare_v2(db, "INSERT INTO t(bytes) VALUES(?1)", -1, &s,
                           NULL) != SQLITE_OK)
        die("raw.db", sqlite3_errmsg(db));
    began = now_s();
    do {
        exec(db, "BEGIN");
        for (unsigned k = 0; k < each; k++, n++) {
            memcpy(row, &n, sizeof(n));
            sqlite3_bind_blob(s, 1, row, sizeof(row), SQLITE_STATIC);
            if (sqlite3_step(s) != SQLITE_DONE)
                die("raw.db", sqlite3_errmsg(db));
            sqlite3_reset(s);
        }
        exec(db, "COMMIT");
        took = now_s() - began;
    } while (took < seconds);
    sqlite3_finalize(s);
    sqlite3_close(db);
    unlink_all();
    return n / took;
}

int main(int argc, char **argv)
{
    double seconds = argc == 3 ? strtod(argv[2], NULL) : 0;
    double append, overwrite, by_256, by_one;
    struct statfs fs;

    if (seconds <= 0) {
        fprintf(stderr, "usage: raw FOLDER SECONDS\n");
        return 2;
    }
    if (chdir(argv[1]) != 0 || statfs(".", &fs) != 0)
        die(argv[1], strerror(errno));
    append = syncs(seconds, false);
    overwrite = syncs(seconds, true);
    by_256 = rows(seconds, 256);
    by_one = rows(seconds, 1);
    printf("{\"file_system\":\"%lx\",\"append\":%.1f,\"overwrite\":%.1f,"
           "\"rows\":%.1f,\"rows_one\":%.1f}\n",
           (unsigned long)fs.f_type, append, overwrite, by_256, by_one);
    return 0;
}
