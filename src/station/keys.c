/*
 * A station's own keys.
 *
 * A key file is a word that names it and the bytes of the key, 0600, sealed
 * as a whole when there is a passphrase (vault.c).
 */
#include "station/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "station/text.h"

#define MAGIC 8u

static const struct kind {
    const char *file, *magic;
} kinds[] = {{"identity.key", "OLIDENT1"}, {"storage.key", "OLSTORE1"}};

static struct ol_span part(const struct ol_keys *keys, bool storage)
{
    return storage ? OL_SPAN_ARRAY(keys->storage)
                   : OL_SPAN(&keys->id, sizeof(keys->id));
}

size_t ol_keys_text(const struct ol_keys *keys, bool storage, uint8_t *out)
{
    struct ol_span key = part(keys, storage);

    memcpy(out, kinds[storage].magic, MAGIC);
    memcpy(out + MAGIC, key.p, key.n);
    return MAGIC + key.n;
}

int ol_keys_take(struct ol_keys *keys, bool storage, struct ol_span text,
                 const char *path, char why[OL_WHY_MAX])
{
    struct ol_span key = part(keys, storage);

    if (text.n != MAGIC + key.n ||
        memcmp(text.p, kinds[storage].magic, MAGIC) != 0)
        return ol_fail(why, OL_EXIT_FAILED, "%s is damaged: bring it back "
                       "from a copy", path);
    memcpy(storage ? (void *)keys->storage : (void *)&keys->id,
           text.p + MAGIC, key.n);
    if (!storage && ol_identity_check(&keys->id) != OL_OK)
        return ol_fail(why, OL_EXIT_FAILED, "%s is damaged: bring it back "
                       "from a copy", path);
    return OL_EXIT_OK;
}

static int read_key(const char *dir, struct ol_keys *keys, bool storage,
                    char why[OL_WHY_MAX])
{
    char path[OL_PATH_MAX], *text;
    struct stat st;
    enum ol_err err;
    int status;
    size_t n;

    if (!ol_path(path, dir, kinds[storage].file, NULL))
        return ol_fail(why, OL_EXIT_FAILED, "%s: the path is too long", dir);
    if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
        return ol_fail(why, OL_EXIT_FAILED,
                       "%s can be read by others: 'chmod 600 %s', and make "
                       "a new station if anybody else used this machine",
                       path, path);
    err = ol_vault_read(dir, NULL, kinds[storage].file, &keys->vault, &text,
                        &n);
    if (err == OL_ERR_DENIED)
        return ol_fail(why, OL_EXIT_FAILED, "%s is sealed, and %s/"
                       "passphrase.key is missing: bring it back from a copy",
                       path, dir);
    if (err == OL_ERR_MISSING || err == OL_ERR_IO)
        return ol_fail(why, OL_EXIT_FAILED,
                       "cannot read %s: %s: bring the file back from a copy; "
                       "without it this station is lost", path,
                       strerror(errno));
    if (err != OL_OK)
        return ol_fail(why, OL_EXIT_FAILED, "%s is damaged: bring it back "
                       "from a copy", path);
    status = ol_keys_take(keys, storage, OL_SPAN(text, n), path, why);
    ol_wipe(text, n);
    free(text);
    return status;
}

/* NULL: there is none, and `why` says so. */
static struct ol_keys *make_room(char why[OL_WHY_MAX])
{
    struct ol_keys *keys;

    if (ol_crypto_init() != OL_OK) {
        ol_fail(why, OL_EXIT_FAILED, "libsodium does not start: is "
                "/dev/urandom there?");
        return NULL;
    }
    keys = ol_locked_alloc(sizeof(*keys));
    if (keys == NULL)
        ol_fail(why, OL_EXIT_FAILED, "no memory for keys: free some");
    else
        keys->lock_fd = -1;
    return keys;
}

/* Whoever has the keys open shares a lock on the directory: a file that was
 * sealed with what is no longer written anywhere would be lost. */
static int hold(const char *dir, struct ol_keys *keys, char why[OL_WHY_MAX])
{
    keys->lock_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (keys->lock_fd >= 0 && flock(keys->lock_fd, LOCK_SH | LOCK_NB) == 0)
        return OL_EXIT_OK;
    if (keys->lock_fd >= 0 && errno == EWOULDBLOCK)
        return ol_fail(why, OL_EXIT_FAILED, "the passphrase of %s is being "
                       "changed by another command: let that one end first",
                       dir);
    return ol_fail_sys(why, "lock", dir);
}

int ol_keys_alone(const char *dir, struct ol_keys *keys, char why[OL_WHY_MAX])
{
    if (flock(keys->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return OL_EXIT_OK;
    return ol_fail(why, OL_EXIT_FAILED, "another command works with the keys "
                   "in %s: let that one end first", dir);
}

static int unlock(const char *dir, struct ol_keys *keys,
                  struct ol_secret **secret, char why[OL_WHY_MAX])
{
    int status;

    if (!ol_vault_there(dir))
        return OL_EXIT_OK;
    status = ol_secret_get(secret, dir, why);
    if (status != OL_EXIT_OK)
        return status;
    keys->from = (*secret)->from;
    return ol_vault_open(dir, *secret, &keys->vault, why);
}

int ol_keys_unlock(const char *dir, struct ol_keys **out,
                   struct ol_secret **secret, char why[OL_WHY_MAX])
{
    struct ol_keys *keys = make_room(why);
    int status;

    *secret = NULL;
    if (keys == NULL)
        return OL_EXIT_FAILED;
    status = hold(dir, keys, why);
    if (status == OL_EXIT_OK)
        status = unlock(dir, keys, secret, why);
    if (status == OL_EXIT_OK)
        status = read_key(dir, keys, false, why);
    if (status == OL_EXIT_OK)
        status = read_key(dir, keys, true, why);
    if (status == OL_EXIT_OK) {
        *out = keys;
        return OL_EXIT_OK;
    }
    ol_secret_free(*secret);
    *secret = NULL;
    ol_keys_close(keys);
    return status;
}

int ol_keys_open(const char *dir, struct ol_keys **out, char why[OL_WHY_MAX])
{
    struct ol_secret *secret;
    int status = ol_keys_unlock(dir, out, &secret, why);

    ol_secret_free(secret);
    return status;
}

int ol_keys_check(const char *dir, const struct ol_keys *keys,
                  char why[OL_WHY_MAX])
{
    struct ol_keys *now = make_room(why);
    int status;

    if (now == NULL)
        return OL_EXIT_FAILED;
    now->vault = keys->vault;
    status = read_key(dir, now, false, why);
    if (status == OL_EXIT_OK)
        status = read_key(dir, now, true, why);
    if (status == OL_EXIT_OK &&
        (!ol_same(now->id.ed_pk, keys->id.ed_pk, sizeof(keys->id.ed_pk)) ||
         !ol_same(now->storage, keys->storage, sizeof(keys->storage))))
        status = ol_fail(why, OL_EXIT_FAILED, "%s holds other keys than the "
                         "station that runs: was it overwritten?", dir);
    ol_keys_close(now);
    return status;
}

void ol_keys_close(struct ol_keys *keys)
{
    if (keys != NULL && keys->lock_fd >= 0)
        close(keys->lock_fd);
    ol_locked_free(keys, sizeof(*keys));
}

int ol_keys_make(struct ol_keys **out, char why[OL_WHY_MAX])
{
    uint8_t seed[OL_KEY];
    struct ol_rng rng;

    *out = make_room(why);
    if (*out == NULL)
        return OL_EXIT_FAILED;
    ol_os_random(seed, sizeof(seed));
    ol_os_random((*out)->storage, sizeof((*out)->storage));
    ol_rng_init(&rng, seed);
    ol_identity_make(&(*out)->id, &rng);
    ol_wipe(seed, sizeof(seed));
    ol_wipe(&rng, sizeof(rng));
    return OL_EXIT_OK;
}

int ol_keys_keep(const char *dir, const struct ol_keys *keys,
                 char why[OL_WHY_MAX])
{
    uint8_t bytes[512];
    enum ol_err err = OL_OK;

    for (unsigned k = 0; k < 2 && err == OL_OK; k++) {
        size_t n = ol_keys_text(keys, k == 1, bytes);

        err = ol_vault_keep(dir, NULL, kinds[k].file, &keys->vault,
                            OL_FILE_NEW, OL_SPAN(bytes, n));
        if (err == OL_ERR_EXISTS)
            ol_fail(why, OL_EXIT_FAILED, "%s/%s is there already: take "
                    "another directory, or move the old station away", dir,
                    kinds[k].file);
        else if (err != OL_OK)
            ol_fail_sys(why, "write the keys in", dir);
    }
    ol_wipe(bytes, sizeof(bytes));
    return err == OL_OK ? OL_EXIT_OK : OL_EXIT_FAILED;
}
