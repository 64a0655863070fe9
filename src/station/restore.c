/*
 * restore, and init --identity: a station from a sealed file.
 *
 * Everything goes into a folder beside the directory, DIR.restoring, and is
 * checked there: the whole file opened, the keys fit, the configuration holds,
 * the ledger opens. Then the folder takes the directory's name, in one rename.
 * Whatever fails, nothing is left; what a kill leaves the next restore of DIR
 * takes away, under a lock on that folder. No marker is made: the first start
 * finds that this is a restored copy (marker.c).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/units.h"
#include "port/ledger.h"
#include "station/archive.h"
#include "station/conf.h"
#include "station/dir.h"
#include "station/text.h"

#define ENTRIES_MAX (8 * OL_LINES_MAX + 16)

struct unpacking {
    struct ol_archive *a;
    char tmp[OL_PATH_MAX];
    struct ol_keys *keys;
    struct ol_secret *secret;
    bool locked; /* the station had a passphrase */
    bool identity, storage, ledger;
};

/* Folders. */

static bool is_empty(const char *dir)
{
    struct dirent *e;
    DIR *d = opendir(dir);
    bool empty = true;

    if (d == NULL)
        return errno == ENOENT;
    while (empty && (e = readdir(d)) != NULL)
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    closedir(d);
    return empty;
}

/* All files of a folder that we have made. */
static void clear_files(const char *folder)
{
    char path[OL_PATH_MAX];
    struct dirent *e;
    DIR *d = opendir(folder);

    while (d != NULL && (e = readdir(d)) != NULL)
        if (ol_path(path, folder, e->d_name, NULL))
            (void)unlink(path);
    if (d != NULL)
        closedir(d);
}

/* All that is in our folder; it stays. */
static void clear(const char *tmp)
{
    static const char *const folders[] = {"cards", "lines.d"};
    char path[OL_PATH_MAX];

    for (size_t k = 0; k < OL_LEN(folders); k++) {
        if (!ol_path(path, tmp, folders[k], NULL))
            continue;
        clear_files(path);
        (void)rmdir(path);
    }
    clear_files(tmp);
}

/* Is this open folder what stands there, and ours alone. */
static bool is_ours(int fd, const char *tmp)
{
    struct stat st, there;

    return fstat(fd, &st) == 0 && lstat(tmp, &there) == 0 &&
           st.st_dev == there.st_dev && st.st_ino == there.st_ino &&
           st.st_uid == geteuid() && (st.st_mode & 077) == 0;
}

/* The folder, empty, and held against another restore of the same directory:
 * one that was killed has let go. *fd: the lock. */
static int hold_folder(const char *tmp, int *fd, char why[OL_WHY_MAX])
{
    if (mkdir(tmp, 0700) != 0 && errno != EEXIST)
        return ol_fail_sys(why, "make", tmp);
    *fd = open(tmp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*fd >= 0 && flock(*fd, LOCK_EX | LOCK_NB) != 0)
        return ol_fail(why, OL_EXIT_FAILED, "another restore is at work in "
                       "%s: wait until it is done", tmp);
    if (*fd < 0 || !is_ours(*fd, tmp))
        return ol_fail(why, OL_EXIT_FAILED, "%s is in the way: remove it",
                       tmp);
    clear(tmp);
    return OL_EXIT_OK;
}

/* Entries. */

static int take_key(struct unpacking *u, const struct ol_archive_entry *e,
                    bool storage, char why[OL_WHY_MAX])
{
    bool *seen = storage ? &u->storage : &u->identity;
    uint8_t bytes[512];
    int status;

    if (e->size > sizeof(bytes) || *seen)
        return ol_fail(why, OL_EXIT_FAILED, "the file's %s does not hold: "
                       "take another copy of it", e->name);
    status = ol_archive_take(u->a, bytes, (size_t)e->size, why);
    if (status == OL_EXIT_OK)
        status = ol_keys_take(u->keys, storage, OL_SPAN(bytes, e->size),
                              e->name, why);
    *seen = true;
    ol_wipe(bytes, sizeof(bytes));
    return status;
}

static int take_ledger(struct unpacking *u, const struct ol_archive_entry *e,
                       char why[OL_WHY_MAX])
{
    char path[OL_PATH_MAX];
    uint64_t left = e->size;
    int fd, status = OL_EXIT_OK;
    uint8_t bytes[16384];

    if (!ol_path(path, u->tmp, "ledger.db", NULL))
        return ol_fail(why, OL_EXIT_FAILED, "the path is too long");
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return ol_fail_sys(why, "write", path);
    while (left > 0 && status == OL_EXIT_OK) {
        size_t n = OL_MIN(left, sizeof(bytes)), done = 0;

        status = ol_archive_take(u->a, bytes, n, why);
        while (status == OL_EXIT_OK && done < n) {
            ssize_t w = write(fd, bytes + done, n - done);

            if (w < 0 && errno != EINTR)
                status = ol_fail_sys(why, "write", path);
            done += w > 0 ? (size_t)w : 0;
        }
        left -= n;
    }
    if (status == OL_EXIT_OK && fsync(fd) != 0)
        status = ol_fail_sys(why, "write", path);
    close(fd);
    u->ledger = true;
    return status;
}

static bool ends(const char *name, const char *tail)
{
    size_t n = strlen(name), m = strlen(tail);

    return n > m && strcmp(name + n - m, tail) == 0;
}

/* A file of ours: where it goes, and whether it holds a secret. */
static bool place(const char *name, const char **folder, const char **file,
                  bool *secret)
{
    *folder = NULL;
    *file = name;
    *secret = ends(name, ".card");
    if (strcmp(name, "station.conf") == 0)
        return true;
    *folder = strncmp(name, "cards/", 6) == 0     ? "cards"
              : strncmp(name, "lines.d/", 8) == 0 ? "lines.d"
                                                  : NULL;
    *file = strchr(name, '/');
    if (*folder == NULL || strchr(++*file, '/') != NULL)
        return false;
    return *secret || (**folder == 'l' && (ends(name, ".conf") ||
                                           ends(name, ".verified")));
}

static int take_file(struct unpacking *u, const struct ol_archive_entry *e,
                     char why[OL_WHY_MAX])
{
    static const struct ol_vault plain;
    const char *folder, *file;
    enum ol_err err;
    bool secret;
    char *text;
    int status;

    if (!place(e->name, &folder, &file, &secret) ||
        e->size > OL_ARCHIVE_SMALL)
        return ol_fail(why, OL_EXIT_FAILED, "the file holds %s, which this "
                       "version does not know: update this program", e->name);
    text = malloc((size_t)e->size + 1);
    if (text == NULL)
        return ol_fail(why, OL_EXIT_FAILED, "no memory");
    status = ol_archive_take(u->a, text, (size_t)e->size, why);
    err = status == OL_EXIT_OK
              ? ol_vault_keep(u->tmp, folder, file,
                              secret ? &u->keys->vault : &plain, OL_FILE_NEW,
                              OL_SPAN(text, e->size))
              : OL_OK;
    ol_wipe(text, (size_t)e->size);
    free(text);
    return err == OL_OK ? status : ol_fail_sys(why, "write", u->tmp);
}

static int take_all(struct unpacking *u, char why[OL_WHY_MAX])
{
    struct ol_archive_entry e;
    int status = OL_EXIT_OK;
    bool more = true;

    for (unsigned k = 0; status == OL_EXIT_OK; k++) {
        status = ol_archive_next(u->a, &e, &more, why);
        if (status != OL_EXIT_OK || !more)
            return status;
        if (k == ENTRIES_MAX)
            return ol_fail(why, OL_EXIT_FAILED, "the file holds too much");
        if (strcmp(e.name, "identity.key") == 0)
            status = take_key(u, &e, false, why);
        else if (strcmp(e.name, "storage.key") == 0)
            status = take_key(u, &e, true, why);
        else if (strcmp(e.name, "ledger.db") == 0)
            status = take_ledger(u, &e, why);
        else
            status = take_file(u, &e, why);
    }
    return status;
}

/* All of it is there: does it make a station. */
static int judge(struct unpacking *u, const char *name, char out[33],
                 char why[OL_WHY_MAX])
{
    char path[OL_PATH_MAX], lock[OL_PATH_MAX], words[256] = "";
    struct ol_conf_station conf;
    struct ol_ledger *lg;
    int status;

    if (!u->identity || !u->storage)
        return ol_fail(why, OL_EXIT_FAILED, "the file holds no whole "
                       "identity: take another copy of it");
    status = ol_keys_keep(u->tmp, u->keys, why);
    if (status == OL_EXIT_OK)
        status = ol_conf_station_read(u->tmp, &conf, why);
    if (status == OL_EXIT_OK && name != NULL && strcmp(name, conf.name) != 0)
        status = ol_fail(why, OL_EXIT_FAILED, "the file holds the station "
                         "%s, not %s: leave --name out", conf.name, name);
    if (status != OL_EXIT_OK)
        return status;
    ol_text_put(out, 33, "%s", conf.name);
    if (!u->ledger)
        return OL_EXIT_OK;
    if (!ol_path(path, u->tmp, "ledger.db", NULL) ||
        !ol_path(lock, u->tmp, "ledger.db.lock", NULL))
        return ol_fail(why, OL_EXIT_FAILED, "the path is too long");
    if (ol_sqlite_check(path, NULL, words) != OL_OK)
        return ol_fail(why, OL_EXIT_FAILED, "the ledger in the file does not "
                       "hold: %s", words);
    if (ol_sqlite_open(&lg, path, u->keys->storage, NULL, NULL, words) !=
        OL_OK)
        return ol_fail(why, OL_EXIT_FAILED, "the ledger in the file does not "
                       "open: %s", words);
    lg->ops->close(lg);
    (void)unlink(lock);
    return OL_EXIT_OK;
}

static int unpack(struct unpacking *u, const char *name, char out[33],
                  char why[OL_WHY_MAX])
{
    int status = ol_dir_fresh(u->tmp, why);

    if (status == OL_EXIT_OK && u->locked) {
        ol_os_random(u->keys->vault.key, sizeof(u->keys->vault.key));
        u->keys->vault.sealed = true;
        status = ol_vault_write(u->tmp, u->secret, &u->keys->vault, why);
    }
    if (status == OL_EXIT_OK)
        status = take_all(u, why);
    if (status == OL_EXIT_OK)
        status = judge(u, name, out, why);
    return status;
}

static int settle(const char *tmp, const char *dir, char why[OL_WHY_MAX])
{
    char path[OL_PATH_MAX];

    if (!ol_path(path, tmp, "cards", "x") || ol_folder_sync(path) != 0 ||
        !ol_path(path, tmp, "lines.d", "x") || ol_folder_sync(path) != 0 ||
        !ol_path(path, tmp, "x", NULL) || ol_folder_sync(path) != 0 ||
        rename(tmp, dir) != 0 || ol_folder_sync(dir) != 0)
        return ol_fail_sys(why, "put in place", dir);
    return OL_EXIT_OK;
}

/* The file is open: all of it into dir, or nothing. */
static int put_in_place(struct unpacking *u, const char *dir,
                        const char *name, char out[33], char why[OL_WHY_MAX])
{
    bool was = ol_file_exists(dir), held = false;
    int fd = -1, status;

    status = ol_folder_make(dir, 0700) == OL_OK
                 ? hold_folder(u->tmp, &fd, why)
                 : ol_fail_sys(why, "make", dir);
    held = status == OL_EXIT_OK;
    if (held)
        status = unpack(u, name, out, why);
    if (status == OL_EXIT_OK)
        status = settle(u->tmp, dir, why);
    if (status != OL_EXIT_OK && held) {
        clear(u->tmp);
        (void)rmdir(u->tmp);
    }
    if (status != OL_EXIT_OK && !was)
        (void)rmdir(dir);
    if (fd >= 0)
        close(fd);
    return status;
}

/* Whoever is asked for a passphrase may go away: no folder is made before. */
static int restore(const char *file, const char *dir_given,
                   enum ol_archive_kind kind, const char *name, char out[33],
                   char why[OL_WHY_MAX])
{
    struct unpacking u = {0};
    char dir[OL_PATH_MAX];
    size_t n = strlen(dir_given);
    int status;

    while (n > 1 && dir_given[n - 1] == '/')
        n--;
    if (!ol_text_put(dir, sizeof(dir), "%.*s", (int)n, dir_given) ||
        !ol_text_put(u.tmp, sizeof(u.tmp), "%s.restoring", dir))
        return ol_fail(why, OL_EXIT_FAILED, "the path is too long");
    if (!is_empty(dir))
        return ol_fail(why, OL_EXIT_FAILED, "%s is not an empty directory: "
                       "nothing is restored over anything; name a new one",
                       dir);
    status = ol_keys_make(&u.keys, why);
    if (status == OL_EXIT_OK)
        status = ol_archive_open(&u.a, file, kind, &u.secret, &u.locked, why);
    if (status == OL_EXIT_OK)
        status = put_in_place(&u, dir, name, out, why);
    ol_secret_free(u.secret);
    ol_archive_close(u.a);
    ol_keys_close(u.keys);
    return status;
}

int ol_station_restore(const char *file, const char *dir, char name[33],
                       char why[OL_WHY_MAX])
{
    return restore(file, dir, OL_ARCHIVE_BACKUP, NULL, name, why);
}

int ol_station_revive(const char *file, const char *dir, const char *expected,
                      char name[33], char why[OL_WHY_MAX])
{
    return restore(file, dir, OL_ARCHIVE_IDENTITY, expected, name, why);
}
