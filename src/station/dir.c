/*
 * A station's directory: finding it, making it, its keys and its lock.
 *
 * Making writes station.conf last, so that a directory with one is whole. A
 * key file is a word that names it and the bytes of the key, 0600.
 */
#include "station/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "station/file.h"
#include "station/marker.h"
#include "station/text.h"
#include "wire/frame.h"

#define MAGIC 8u
#define ID_MAGIC "OLIDENT1"
#define STORAGE_MAGIC "OLSTORE1"
#define INSTALLED "/var/lib/openline"

/* Finding. */

static bool is_station(const char *dir)
{
    char path[OL_PATH_MAX];

    return ol_path(path, dir, "station.conf", NULL) && ol_file_exists(path);
}

static int settle(const char *dir, char *out, char why[OL_WHY_MAX])
{
    char real[PATH_MAX];

    if (!is_station(dir))
        return ol_fail(why, OL_EXIT_MISSING,
                       "no station in %s: make one with 'openline init %s "
                       "--name NAME', or name another directory with -d",
                       dir, dir);
    if (realpath(dir, real) == NULL)
        return ol_fail_sys(why, "find", dir);
    ol_text_put(out, OL_PATH_MAX, "%s", real);
    return OL_EXIT_OK;
}

/* The one station under /var/lib/openline; 0 when it is exactly one. */
static int installed(char *out)
{
    char names[3][33], path[OL_PATH_MAX];
    int n = ol_folder_list(INSTALLED, "", names, 3), found = 0;

    for (int k = 0; k < n; k++) {
        if (!ol_path(path, INSTALLED, names[k], NULL) || !is_station(path))
            continue;
        found++;
        ol_text_put(out, OL_PATH_MAX, "%s", path);
    }
    return found;
}

int ol_station_find(const char *flag, char *out, char why[OL_WHY_MAX])
{
    const char *env = getenv("OPENLINE_DIR"), *home = getenv("HOME");
    char path[OL_PATH_MAX];
    int found;

    if (flag != NULL)
        return settle(flag, out, why);
    if (env != NULL && env[0] != '\0')
        return settle(env, out, why);
    if (home != NULL && ol_path(path, home, ".openline", NULL) &&
        is_station(path))
        return settle(path, out, why);
    found = installed(path);
    if (found == 1)
        return settle(path, out, why);
    if (found > 1)
        return ol_fail(why, OL_EXIT_MISSING,
                       "several stations are under " INSTALLED ": say which "
                       "with -d DIR");
    return ol_fail(why, OL_EXIT_MISSING,
                   "no station here: name its directory with -d DIR or "
                   "OPENLINE_DIR, or make one with 'openline init'");
}

/* Keys. */

static int read_key(const char *dir, const char *name, const char *magic,
                    void *key, size_t n, char why[OL_WHY_MAX])
{
    char path[OL_PATH_MAX], bytes[512];
    struct stat st;
    ssize_t got;
    int fd;

    if (!ol_path(path, dir, name, NULL))
        return ol_fail(why, OL_EXIT_FAILED, "%s: the path is too long", dir);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return ol_fail(why, OL_EXIT_FAILED,
                       "cannot read %s: %s: bring the file back from a copy; "
                       "without it this station is lost", path,
                       strerror(errno));
    got = fstat(fd, &st) == 0 ? read(fd, bytes, sizeof(bytes)) : -1;
    close(fd);
    if (got >= 0 && (st.st_mode & 077) != 0)
        return ol_fail(why, OL_EXIT_FAILED,
                       "%s can be read by others: 'chmod 600 %s', and make "
                       "a new station if anybody else used this machine",
                       path, path);
    if (got != (ssize_t)(MAGIC + n) || memcmp(bytes, magic, MAGIC) != 0) {
        ol_wipe(bytes, sizeof(bytes));
        return ol_fail(why, OL_EXIT_FAILED,
                       "%s is damaged: bring it back from a copy", path);
    }
    memcpy(key, bytes + MAGIC, n);
    ol_wipe(bytes, sizeof(bytes));
    return OL_EXIT_OK;
}

int ol_keys_open(const char *dir, struct ol_keys **out, char why[OL_WHY_MAX])
{
    struct ol_keys *keys;
    int status;

    if (ol_crypto_init() != OL_OK)
        return ol_fail(why, OL_EXIT_FAILED, "libsodium does not start: is "
                       "/dev/urandom there?");
    keys = mmap(NULL, sizeof(*keys), PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (keys == MAP_FAILED)
        return ol_fail(why, OL_EXIT_FAILED, "no memory for keys: free some");
    /* Best effort: a small RLIMIT_MEMLOCK is no reason to be dark. */
    (void)mlock(keys, sizeof(*keys));
    (void)madvise(keys, sizeof(*keys), MADV_DONTDUMP);
    status = read_key(dir, "identity.key", ID_MAGIC, &keys->id,
                      sizeof(keys->id), why);
    if (status == OL_EXIT_OK)
        status = read_key(dir, "storage.key", STORAGE_MAGIC, keys->storage,
                          sizeof(keys->storage), why);
    if (status == OL_EXIT_OK && ol_identity_check(&keys->id) != OL_OK)
        status = ol_fail(why, OL_EXIT_FAILED, "%s/identity.key is damaged: "
                         "bring it back from a copy", dir);
    if (status != OL_EXIT_OK) {
        ol_keys_close(keys);
        return status;
    }
    *out = keys;
    return OL_EXIT_OK;
}

void ol_keys_close(struct ol_keys *keys)
{
    if (keys == NULL)
        return;
    ol_wipe(keys, sizeof(*keys));
    munmap(keys, sizeof(*keys));
}

/* Making. */

static int write_new(const char *dir, const char *name, struct ol_span bytes,
                     char why[OL_WHY_MAX])
{
    char path[OL_PATH_MAX];

    if (!ol_path(path, dir, name, NULL))
        return ol_fail(why, OL_EXIT_FAILED, "%s: the path is too long", dir);
    switch (ol_file_write(path, 0600, OL_FILE_NEW, bytes)) {
    case OL_OK:
        return OL_EXIT_OK;
    case OL_ERR_EXISTS:
        return ol_fail(why, OL_EXIT_FAILED,
                       "%s is there already: take another directory, or "
                       "move the old station away", path);
    default:
        return ol_fail_sys(why, "write", path);
    }
}

static int write_key(const char *dir, const char *name, const char *magic,
                     struct ol_span key, char why[OL_WHY_MAX])
{
    uint8_t bytes[512];
    struct ol_writer w;
    int status;

    ol_writer_init(&w, bytes, sizeof(bytes));
    ol_write_bytes(&w, OL_SPAN(magic, MAGIC));
    ol_write_bytes(&w, key);
    status = write_new(dir, name, ol_writer_span(&w), why);
    ol_wipe(bytes, sizeof(bytes));
    return status;
}

static int make_keys(const char *dir, char why[OL_WHY_MAX])
{
    uint8_t seed[OL_KEY], storage[OL_KEY];
    struct ol_identity id;
    struct ol_rng rng;
    int status;

    ol_os_random(seed, sizeof(seed));
    ol_os_random(storage, sizeof(storage));
    ol_rng_init(&rng, seed);
    ol_identity_make(&id, &rng);
    status = write_key(dir, "identity.key", ID_MAGIC, OL_SPAN(&id, sizeof(id)),
                       why);
    if (status == OL_EXIT_OK)
        status = write_key(dir, "storage.key", STORAGE_MAGIC,
                           OL_SPAN_ARRAY(storage), why);
    if (status == OL_EXIT_OK)
        status = ol_marker_make(dir, id.ed_pk, why);
    ol_wipe(seed, sizeof(seed));
    ol_wipe(storage, sizeof(storage));
    ol_wipe(&id, sizeof(id));
    ol_wipe(&rng, sizeof(rng));
    return status;
}

static const char conf_text[] =
    "# The station. `openline run --check-config` reads it without running.\n"
    "[station]\n"
    "name = %s\n"
    "\n"
    "# Where other stations may call, one line each. [::] is every address of\n"
    "# this machine, IPv4 too.\n"
    "#listen = tcp://[::]:4430\n"
    "#listen = udp://[::]:4430\n"
    "\n"
    "# What our cards carry: how a peer reaches us, under the name that the\n"
    "# channel has on both sides. Without it they carry the listen lines,\n"
    "# as channels named tcp and udp.\n"
    "#reach = cable tcp://203.0.113.7:4430\n"
    "#reach = radio udp://203.0.113.7:4430\n";

int ol_station_init(const char *dir, const char *name, char why[OL_WHY_MAX])
{
    char path[OL_PATH_MAX], text[sizeof(conf_text) + OL_STATION_MAX];
    int status;

    if (!ol_station_name_ok(ol_span_str(name)))
        return ol_fail(why, OL_EXIT_USAGE,
                       "\"%s\" is no station name: 1 to %u of a-z, 0-9 and "
                       "-, first a letter", name, OL_STATION_MAX);
    if (ol_crypto_init() != OL_OK)
        return ol_fail(why, OL_EXIT_FAILED, "libsodium does not start: is "
                       "/dev/urandom there?");
    if (is_station(dir))
        return ol_fail(why, OL_EXIT_FAILED,
                       "there is a station in %s already: take another "
                       "directory", dir);
    if (ol_folder_make(dir, 0700) != OL_OK)
        return ol_fail_sys(why, "make", dir);
    if (!ol_path(path, dir, "lines.d", NULL) ||
        ol_folder_make(path, 0700) != OL_OK ||
        !ol_path(path, dir, "cards", NULL) ||
        ol_folder_make(path, 0700) != OL_OK)
        return ol_fail_sys(why, "make", path);
    status = make_keys(dir, why);
    if (status != OL_EXIT_OK)
        return status;
    ol_text_put(text, sizeof(text), conf_text, name);
    return write_new(dir, "station.conf", ol_span_str(text), why);
}

/* The lock. */

static int lock_open(const char *dir)
{
    char path[OL_PATH_MAX];

    if (!ol_path(path, dir, "lock", NULL)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int ol_dir_lock(const char *dir, int *out, char why[OL_WHY_MAX])
{
    char pid[24] = "";
    int fd = lock_open(dir);
    ssize_t n;

    if (fd < 0)
        return ol_fail_sys(why, "open", dir);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        n = pread(fd, pid, sizeof(pid) - 1, 0);
        close(fd);
        pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
        return ol_fail(why, OL_EXIT_FAILED,
                       "the station in %s is running already (pid %s): stop "
                       "that one first, or use it", dir,
                       pid[0] ? pid : "unknown");
    }
    ol_text_put(pid, sizeof(pid), "%d\n", (int)getpid());
    if (ftruncate(fd, 0) != 0 ||
        pwrite(fd, pid, strlen(pid), 0) != (ssize_t)strlen(pid)) {
        /* The pid is only a courtesy to people; the lock holds. */
    }
    *out = fd;
    return OL_EXIT_OK;
}
