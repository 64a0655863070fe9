/*
 * passphrase: setting, changing and removing it.
 *
 * A change writes passphrase.key alone, over the old one: one rename, also
 * while the station runs. Setting and removing go over every file with a
 * secret, so they want the station stopped; cut half-way they leave files of
 * both kinds, which open all the same, and the next start seals the rest.
 *
 * Meanwhile nobody else may have the keys open: a card, or a changed
 * passphrase.key, that was begun before and is written after would be sealed
 * with a key that is gone.
 */
#include <unistd.h>

#include "station/dir.h"
#include "station/text.h"

static int set_first(const char *dir, char why[OL_WHY_MAX])
{
    struct ol_secret *secret = NULL;
    struct ol_keys *keys = NULL;
    int lock = -1, status = ol_keys_open(dir, &keys, why);

    if (status == OL_EXIT_OK)
        status = ol_dir_lock(dir, &lock, why);
    if (status == OL_EXIT_OK)
        status = ol_keys_alone(dir, keys, why);
    if (status == OL_EXIT_OK && keys->vault.sealed)
        status = ol_fail(why, OL_EXIT_FAILED, "the station in %s has got a "
                         "passphrase just now: try again to change it", dir);
    if (status == OL_EXIT_OK)
        status = ol_secret_new(&secret, dir, false, why);
    if (status == OL_EXIT_OK) {
        ol_os_random(keys->vault.key, sizeof(keys->vault.key));
        keys->vault.sealed = true;
        status = ol_vault_write(dir, secret, &keys->vault, why);
    }
    if (status == OL_EXIT_OK)
        status = ol_vault_settle(dir, &keys->vault, false, why);
    ol_secret_free(secret);
    ol_keys_close(keys);
    if (lock >= 0)
        close(lock);
    return status;
}

static int take_away(const char *dir, struct ol_keys *keys,
                     char why[OL_WHY_MAX])
{
    int lock, status = ol_dir_lock(dir, &lock, why);

    if (status != OL_EXIT_OK)
        return status;
    status = ol_keys_alone(dir, keys, why);
    if (status == OL_EXIT_OK)
        status = ol_vault_settle(dir, &keys->vault, true, why);
    close(lock);
    return status;
}

static int another(const char *dir, const struct ol_keys *keys,
                   char why[OL_WHY_MAX])
{
    struct ol_secret *secret;
    int status = ol_secret_new(&secret, dir, true, why);

    if (status == OL_EXIT_OK)
        status = ol_vault_write(dir, secret, &keys->vault, why);
    ol_secret_free(secret);
    return status;
}

int ol_station_change(const char *dir, bool remove, char why[OL_WHY_MAX])
{
    struct ol_keys *keys;
    int status;

    if (!ol_vault_there(dir))
        return remove ? ol_fail(why, OL_EXIT_FAILED, "the station in %s has "
                                "no passphrase: nothing to remove", dir)
                      : set_first(dir, why);
    status = ol_keys_open(dir, &keys, why);
    if (status != OL_EXIT_OK)
        return status;
    status = remove ? take_away(dir, keys, why) : another(dir, keys, why);
    ol_keys_close(keys);
    return status;
}
