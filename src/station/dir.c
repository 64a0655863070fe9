/*
 * A station's directory: finding it, making it, its lock.
 *
 * Making writes station.conf last, so that a directory with one is whole.
 */
#include "station/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/units.h"
#include "station/file.h"
#include "station/marker.h"
#include "station/text.h"
#include "wire/frame.h"

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

/* Nothing of a station may be here yet, half-made ones included. */
static int nothing_there(const char *dir, char why[OL_WHY_MAX])
{
    static const char *const files[] = {"identity.key", "storage.key",
                                        "passphrase.key", "ledger.db"};
    char path[OL_PATH_MAX];

    if (is_station(dir))
        return ol_fail(why, OL_EXIT_FAILED,
                       "there is a station in %s already: take another "
                       "directory", dir);
    for (size_t k = 0; k < OL_LEN(files); k++)
        if (ol_path(path, dir, files[k], NULL) && ol_file_exists(path))
            return ol_fail(why, OL_EXIT_FAILED,
                           "%s is there already: take another directory, or "
                           "move the old station away", path);
    return OL_EXIT_OK;
}

int ol_dir_fresh(const char *dir, char why[OL_WHY_MAX])
{
    char path[OL_PATH_MAX];

    if (ol_crypto_init() != OL_OK)
        return ol_fail(why, OL_EXIT_FAILED, "libsodium does not start: is "
                       "/dev/urandom there?");
    if (nothing_there(dir, why) != OL_EXIT_OK)
        return OL_EXIT_FAILED;
    if (ol_folder_make(dir, 0700) != OL_OK)
        return ol_fail_sys(why, "make", dir);
    if (!ol_path(path, dir, "lines.d", NULL) ||
        ol_folder_make(path, 0700) != OL_OK ||
        !ol_path(path, dir, "cards", NULL) ||
        ol_folder_make(path, 0700) != OL_OK)
        return ol_fail_sys(why, "make", path);
    return OL_EXIT_OK;
}

/* Keys, what seals them, the marker, and last what makes it a station. */
static int fill(const struct ol_init_opts *opts, struct ol_keys *keys,
                const struct ol_secret *secret, char why[OL_WHY_MAX])
{
    char text[sizeof(conf_text) + OL_STATION_MAX];
    const char *dir = opts->dir;
    int status = ol_dir_fresh(dir, why);

    keys->vault.sealed = secret != NULL;
    ol_os_random(keys->vault.key, sizeof(keys->vault.key));
    if (status == OL_EXIT_OK && secret != NULL)
        status = ol_vault_write(dir, secret, &keys->vault, why);
    if (status == OL_EXIT_OK)
        status = ol_keys_keep(dir, keys, why);
    if (status == OL_EXIT_OK)
        status = ol_marker_make(dir, keys->id.ed_pk, why);
    ol_text_put(text, sizeof(text), conf_text, opts->name);
    return status == OL_EXIT_OK
               ? write_new(dir, "station.conf", ol_span_str(text), why)
               : status;
}

int ol_station_make(const struct ol_init_opts *opts, char why[OL_WHY_MAX])
{
    struct ol_secret *secret = NULL;
    struct ol_keys *keys = NULL;
    int status;

    if (!ol_station_name_ok(ol_span_str(opts->name)))
        return ol_fail(why, OL_EXIT_USAGE,
                       "\"%s\" is no station name: 1 to %u of a-z, 0-9 and "
                       "-, first a letter", opts->name, OL_STATION_MAX);
    status = nothing_there(opts->dir, why);
    if (status == OL_EXIT_OK && opts->passphrase)
        status = ol_secret_new(&secret, opts->name, false, why);
    if (status == OL_EXIT_OK)
        status = ol_keys_make(&keys, why);
    if (status == OL_EXIT_OK)
        status = fill(opts, keys, secret, why);
    ol_secret_free(secret);
    ol_keys_close(keys);
    return status;
}

int ol_station_init(const char *dir, const char *name, char why[OL_WHY_MAX])
{
    const struct ol_init_opts opts = {.dir = dir, .name = name};

    return ol_station_make(&opts, why);
}

/* Copies of the ledger. */

#define COPY "ledger.copy."

int ol_dir_copy_name(const char *dir, char out[OL_PATH_MAX],
                     char why[OL_WHY_MAX])
{
    char name[64] = COPY;
    uint8_t random[8];

    ol_os_random(random, sizeof(random));
    ol_text_hex(name + strlen(COPY), random, sizeof(random));
    return ol_path(out, dir, name, NULL)
               ? OL_EXIT_OK
               : ol_fail(why, OL_EXIT_FAILED, "%s: the path is too long", dir);
}

void ol_dir_copy_sweep(const char *dir)
{
    char path[OL_PATH_MAX];
    struct dirent *e;
    DIR *d = opendir(dir);

    while (d != NULL && (e = readdir(d)) != NULL)
        if (strncmp(e->d_name, COPY, strlen(COPY)) == 0 &&
            ol_path(path, dir, e->d_name, NULL))
            (void)unlink(path);
    if (d != NULL)
        closedir(d);
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
