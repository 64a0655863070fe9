/*
 * identity and backup: what is needed to come back, in one sealed file.
 *
 * An identity is the keys, the configuration and the cards; a backup has the
 * ledger too. The keys and cards lie in it in the clear, under its own
 * passphrase alone, so that one passphrase brings everything back; unless
 * another is given it is the station's. A station that runs makes the copy of
 * its ledger itself, on a thread; else the lock is taken.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "port/ledger.h"
#include "station/archive.h"
#include "station/client.h"
#include "station/dir.h"
#include "station/text.h"
#include "wire/messages.h"

#define POLL_NS 100000000L

/* What goes in. */

static int add_keys(struct ol_archive *a, const struct ol_keys *keys,
                    char why[OL_WHY_MAX])
{
    uint8_t bytes[512];
    size_t n = ol_keys_text(keys, false, bytes);
    int status = ol_archive_add(a, "identity.key", OL_SPAN(bytes, n), why);

    n = ol_keys_text(keys, true, bytes);
    if (status == OL_EXIT_OK)
        status = ol_archive_add(a, "storage.key", OL_SPAN(bytes, n), why);
    ol_wipe(bytes, sizeof(bytes));
    return status;
}

static int add_one(struct ol_archive *a, const char *dir, const char *folder,
                   const char *file, const struct ol_keys *keys,
                   char why[OL_WHY_MAX])
{
    char name[OL_ARCHIVE_NAME + 1], *text;
    int status;
    size_t n;

    ol_text_put(name, sizeof(name), "%s%s%s", folder ? folder : "",
                folder ? "/" : "", file);
    if (ol_vault_read(dir, folder, file, &keys->vault, &text, &n) != OL_OK)
        return ol_fail(why, OL_EXIT_FAILED, "cannot read %s/%s, or it is "
                       "damaged: run 'openline doctor'", dir, name);
    status = ol_archive_add(a, name, OL_SPAN(text, n), why);
    ol_wipe(text, n);
    free(text);
    return status;
}

static int add_folder(struct ol_archive *a, const char *dir,
                      const char *folder, const char *suffix,
                      const struct ol_keys *keys, char why[OL_WHY_MAX])
{
    char names[2 * OL_LINES_MAX][33], path[OL_PATH_MAX], file[48];
    int status = OL_EXIT_OK, n;

    if (!ol_path(path, dir, folder, NULL))
        return ol_fail(why, OL_EXIT_FAILED, "%s: the path is too long", dir);
    n = ol_folder_list(path, suffix, names, 2 * OL_LINES_MAX);
    if (n < 0)
        return ol_fail_sys(why, "read", path);
    if (n == 2 * OL_LINES_MAX)
        return ol_fail(why, OL_EXIT_FAILED, "%s holds more than %d files: "
                       "move away those that no line needs", path, n - 1);
    for (int k = 0; k < n && status == OL_EXIT_OK; k++) {
        ol_text_put(file, sizeof(file), "%s%s", names[k], suffix);
        status = add_one(a, dir, folder, file, keys, why);
    }
    return status;
}

static int add_all(struct ol_archive *a, const char *dir,
                   const struct ol_keys *keys, const char *ledger,
                   char why[OL_WHY_MAX])
{
    static const char *const folders[][2] = {{"cards", ".card"},
                                             {"lines.d", ".card"},
                                             {"lines.d", ".conf"},
                                             {"lines.d", ".verified"}};
    int status = add_keys(a, keys, why);

    if (status == OL_EXIT_OK)
        status = add_one(a, dir, NULL, "station.conf", keys, why);
    for (size_t k = 0; k < 4 && status == OL_EXIT_OK; k++)
        status = add_folder(a, dir, folders[k][0], folders[k][1], keys, why);
    if (status == OL_EXIT_OK && ledger[0] != '\0')
        status = ol_archive_add_file(a, "ledger.db", ledger, why);
    return status;
}

/* The ledger's copy. */

static const char *text(const json_t *doc, const char *key)
{
    const char *value = json_string_value(json_object_get(doc, key));

    return value != NULL ? value : "";
}

/* The station that runs has been asked to begin `file`; 1 while it is at
 * it. */
static int copied_yet(const char *dir, const char *file, bool *yet,
                      char why[OL_WHY_MAX])
{
    json_t *result = NULL;
    int status = ol_client_call(dir, "backup",
                                json_pack("{s:s}", "action", "state"),
                                &result, why);

    if (status != OL_EXIT_OK)
        return status;
    *yet = strcmp(text(result, "state"), "running") != 0;
    if (strcmp(text(result, "state"), "failed") == 0)
        status = ol_fail(why, OL_EXIT_FAILED, "the copy of the ledger failed: "
                         "%s", text(result, "why"));
    else if (strcmp(text(result, "file"), file) != 0)
        status = ol_fail(why, OL_EXIT_FAILED, "another backup has begun: try "
                         "again when it is done");
    json_decref(result);
    return status;
}

/* Of a station that does not run. out "": it has no ledger yet. */
static int copy_stopped(const char *dir, char out[OL_PATH_MAX],
                        char why[OL_WHY_MAX])
{
    char path[OL_PATH_MAX], words[256] = "";
    int lock, status = ol_dir_lock(dir, &lock, why);

    if (status != OL_EXIT_OK)
        return status;
    if (!ol_path(path, dir, "ledger.db", NULL) || !ol_file_exists(path)) {
        close(lock);
        return OL_EXIT_OK;
    }
    ol_dir_copy_sweep(dir);
    status = ol_dir_copy_name(dir, out, why);
    if (status == OL_EXIT_OK && ol_sqlite_copy(path, out, words) != OL_OK)
        status = ol_fail(why, OL_EXIT_FAILED, "cannot copy the ledger: %s",
                         words);
    close(lock);
    return status;
}

static int copy_ledger(const char *dir, char out[OL_PATH_MAX],
                       char why[OL_WHY_MAX])
{
    const struct timespec nap = {.tv_nsec = POLL_NS};
    json_t *result = NULL;
    bool yet = false;
    int status = ol_client_call(dir, "backup",
                                json_pack("{s:s}", "action", "begin"),
                                &result, why);

    if (status == OL_EXIT_NOT_RUNNING)
        return copy_stopped(dir, out, why);
    if (status == OL_EXIT_OK)
        ol_text_put(out, OL_PATH_MAX, "%s", text(result, "file"));
    json_decref(result);
    while (status == OL_EXIT_OK && !yet) {
        nanosleep(&nap, NULL);
        status = copied_yet(dir, out, &yet, why);
    }
    return status;
}

/* The verbs. */

/* The passphrase of the file: another one, or the station's, or a first. */
static int seal_with(struct ol_secret **secret, const char *file,
                     char why[OL_WHY_MAX])
{
    struct ol_secret *own = *secret;
    int status;

    if (own != NULL && !ol_secret_has_new())
        return OL_EXIT_OK;
    status = ol_secret_new(secret, file, own != NULL, why);
    ol_secret_free(own);
    return status;
}

static int keep(const char *dir, const char *file, enum ol_archive_kind kind,
                char why[OL_WHY_MAX])
{
    char ledger[OL_PATH_MAX] = "";
    struct ol_secret *secret = NULL;
    struct ol_archive *a = NULL;
    struct ol_keys *keys = NULL;
    int status;

    if (ol_file_exists(file))
        return ol_fail(why, OL_EXIT_FAILED, "%s is there already: choose "
                       "another name", file);
    status = ol_keys_unlock(dir, &keys, &secret, why);
    if (status == OL_EXIT_OK)
        status = seal_with(&secret, file, why);
    if (status == OL_EXIT_OK && kind == OL_ARCHIVE_BACKUP)
        status = copy_ledger(dir, ledger, why);
    if (status == OL_EXIT_OK)
        status = ol_archive_create(&a, file, kind, secret, keys->vault.sealed,
                                   why);
    if (status == OL_EXIT_OK)
        status = add_all(a, dir, keys, ledger, why);
    if (a != NULL && status == OL_EXIT_OK)
        status = ol_archive_finish(a, true, why);
    else if (a != NULL)
        (void)ol_archive_finish(a, false, NULL);
    if (ledger[0] != '\0')
        (void)unlink(ledger);
    ol_secret_free(secret);
    ol_keys_close(keys);
    return status;
}

int ol_station_identity(const char *dir, const char *file,
                        char why[OL_WHY_MAX])
{
    return keep(dir, file, OL_ARCHIVE_IDENTITY, why);
}

int ol_station_backup(const char *dir, const char *file, char why[OL_WHY_MAX])
{
    return keep(dir, file, OL_ARCHIVE_BACKUP, why);
}
