/*
 * Files that hold secrets, at rest.
 *
 * Happy path: passphrase.key is read and checked, argon2id makes a key of the
 * passphrase, that key opens the one that seals the files. Every write is a
 * whole new file in the old one's place (file.c), so each file is either
 * plain or sealed, at any moment; settling goes over all of them.
 *
 * How it fails: a wrong passphrase costs what argon2id costs and opens
 * nothing. What a rename replaced may stay on the disk's blocks for a while:
 * only a station made with a passphrase never wrote its keys in the clear.
 */
#include "station/vault.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/units.h"
#include "station/text.h"
#include "wire/messages.h"

#define NAME "passphrase.key"
#define PASS_MAGIC "OLPASS01"
#define SEALED_MAGIC "OLSEALED"
#define MAGIC 8u
#define HEAD (MAGIC + 8 + OL_KDF_SALT)
#define WRAPPED (OL_KEY + OL_ATREST_OVER)
#define CHECK 8u
#define WHOLE (HEAD + WRAPPED + CHECK)
#define FILE_MAX (65536u + 4096) /* what is sealed is longer than it was */

/* passphrase.key. */

bool ol_vault_there(const char *dir)
{
    char path[OL_PATH_MAX];

    return ol_path(path, dir, NAME, NULL) && ol_file_exists(path);
}

static void check_of(uint8_t out[32], const uint8_t *bytes)
{
    ol_hash(out, NULL, "openline passphrase 1", OL_SPAN(bytes, HEAD + WRAPPED),
            OL_SPAN(NULL, 0));
}

static int key_of(uint8_t key[OL_KEY], const struct ol_kdf *kdf,
                  const struct ol_secret *secret, char why[OL_WHY_MAX])
{
    if (ol_kdf_key(key, OL_KEY, kdf, ol_secret_span(secret)) == OL_OK)
        return OL_EXIT_OK;
    return ol_fail(why, OL_EXIT_FAILED, "a passphrase needs %u MiB of memory "
                   "for a moment, and there is not so much: free some",
                   kdf->mem_kib / 1024);
}

/* Its parts; false when it is not whole. */
static bool parse(struct ol_span s, struct ol_kdf *kdf)
{
    struct ol_reader r;
    uint8_t check[32];

    ol_reader_init(&r, s);
    if (s.n != WHOLE ||
        memcmp(ol_read_bytes(&r, MAGIC).p, PASS_MAGIC, MAGIC) != 0)
        return false;
    kdf->ops = ol_read_u32(&r);
    kdf->mem_kib = ol_read_u32(&r);
    ol_read_copy(&r, kdf->salt, sizeof(kdf->salt));
    check_of(check, s.p);
    return memcmp(check, s.p + HEAD + WRAPPED, CHECK) == 0 && ol_kdf_ok(kdf);
}

int ol_vault_open(const char *dir, const struct ol_secret *secret,
                  struct ol_vault *v, char why[OL_WHY_MAX])
{
    char path[OL_PATH_MAX], *text;
    uint8_t key[OL_KEY];
    struct ol_kdf kdf;
    struct stat st;
    enum ol_err err;
    int status;
    size_t n;

    if (!ol_path(path, dir, NAME, NULL))
        return ol_fail(why, OL_EXIT_FAILED, "%s: the path is too long", dir);
    if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
        return ol_fail(why, OL_EXIT_FAILED, "%s can be read by others, who "
                       "may then guess the passphrase: 'chmod 600 %s', and "
                       "'openline passphrase' for another one", path, path);
    err = ol_file_read(path, FILE_MAX, &text, &n);
    if (err != OL_OK && err != OL_ERR_LONG)
        return ol_fail_sys(why, "read", path);
    if (err == OL_ERR_LONG || !parse(OL_SPAN(text, n), &kdf)) {
        if (err == OL_OK)
            free(text);
        return ol_fail(why, OL_EXIT_FAILED, "%s is damaged: bring it back "
                       "from a copy, or restore the station from a backup",
                       path);
    }
    status = key_of(key, &kdf, secret, why);
    if (status == OL_EXIT_OK &&
        ol_atrest_open(v->key, key, OL_SPAN(text, HEAD),
                       OL_SPAN(text + HEAD, WRAPPED)) != OL_OK)
        status = ol_fail(why, OL_EXIT_FAILED, "the passphrase for %s is "
                         "wrong: nothing was opened", dir);
    v->sealed = status == OL_EXIT_OK;
    ol_wipe(key, sizeof(key));
    free(text);
    return status;
}

int ol_vault_write(const char *dir, const struct ol_secret *secret,
                   const struct ol_vault *v, char why[OL_WHY_MAX])
{
    struct ol_kdf kdf = {.ops = OL_KDF_OPS, .mem_kib = OL_KDF_MEM_KIB};
    uint8_t bytes[WHOLE], key[OL_KEY], check[32], seed[OL_KEY];
    char path[OL_PATH_MAX];
    struct ol_writer w;
    struct ol_rng rng;
    int status;

    ol_os_random(kdf.salt, sizeof(kdf.salt));
    ol_os_random(seed, sizeof(seed));
    ol_rng_init(&rng, seed);
    ol_wipe(seed, sizeof(seed));
    status = key_of(key, &kdf, secret, why);
    if (status != OL_EXIT_OK)
        return status;
    ol_writer_init(&w, bytes, sizeof(bytes));
    ol_write_bytes(&w, ol_span_str(PASS_MAGIC));
    ol_write_u32(&w, kdf.ops);
    ol_write_u32(&w, kdf.mem_kib);
    ol_write_bytes(&w, OL_SPAN_ARRAY(kdf.salt));
    ol_atrest_seal(ol_write_hole(&w, WRAPPED), key, OL_SPAN(bytes, HEAD),
                   OL_SPAN_ARRAY(v->key), &rng);
    check_of(check, bytes);
    ol_write_bytes(&w, OL_SPAN(check, CHECK));
    ol_wipe(key, sizeof(key));
    ol_wipe(&rng, sizeof(rng));
    if (!ol_path(path, dir, NAME, NULL) ||
        ol_file_write(path, 0600, OL_FILE_REPLACE, ol_writer_span(&w)) !=
            OL_OK)
        return ol_fail_sys(why, "write", path);
    return OL_EXIT_OK;
}

/* Files. */

static bool is_sealed(const char *text, size_t n)
{
    return n >= MAGIC && memcmp(text, SEALED_MAGIC, MAGIC) == 0;
}

static bool names(char ad[128], char path[OL_PATH_MAX], const char *dir,
                  const char *folder, const char *file)
{
    return ol_text_put(ad, 128, "%s%s%s", folder ? folder : "",
                       folder ? "/" : "", file) &&
           ol_path(path, dir, ad, NULL);
}

enum ol_err ol_vault_read(const char *dir, const char *folder,
                          const char *file, const struct ol_vault *v,
                          char **text, size_t *n)
{
    char path[OL_PATH_MAX], ad[128], *raw;
    enum ol_err err;
    size_t len;

    if (!names(ad, path, dir, folder, file))
        return OL_ERR_LONG;
    err = ol_file_read(path, FILE_MAX, &raw, &len);
    if (err != OL_OK)
        return err;
    *text = raw;
    *n = len;
    if (!is_sealed(raw, len))
        return OL_OK;
    err = v->sealed ? OL_ERR_CORRUPT : OL_ERR_DENIED;
    *text = v->sealed && len >= MAGIC + OL_ATREST_OVER
                ? malloc(len - MAGIC - OL_ATREST_OVER + 1)
                : NULL;
    if (*text != NULL) {
        *n = len - MAGIC - OL_ATREST_OVER;
        err = ol_atrest_open((uint8_t *)*text, v->key, ol_span_str(ad),
                             OL_SPAN(raw + MAGIC, len - MAGIC));
        (*text)[*n] = '\0';
    }
    free(raw);
    if (err != OL_OK)
        free(*text);
    return err;
}

enum ol_err ol_vault_keep(const char *dir, const char *folder,
                          const char *file, const struct ol_vault *v,
                          enum ol_file_how how, struct ol_span bytes)
{
    char path[OL_PATH_MAX], ad[128];
    size_t n = MAGIC + bytes.n + OL_ATREST_OVER;
    uint8_t seed[OL_KEY], *sealed;
    struct ol_rng rng;
    enum ol_err err;

    if (!names(ad, path, dir, folder, file)) {
        errno = ENAMETOOLONG;
        return OL_ERR_IO;
    }
    if (!v->sealed)
        return ol_file_write(path, 0600, how, bytes);
    sealed = malloc(n);
    if (sealed == NULL)
        return OL_ERR_IO;
    ol_os_random(seed, sizeof(seed));
    ol_rng_init(&rng, seed);
    memcpy(sealed, SEALED_MAGIC, MAGIC);
    ol_atrest_seal(sealed + MAGIC, v->key, ol_span_str(ad), bytes, &rng);
    err = ol_file_write(path, 0600, how, OL_SPAN(sealed, n));
    ol_wipe(seed, sizeof(seed));
    ol_wipe(&rng, sizeof(rng));
    free(sealed);
    return err;
}

/* Settling. */

/* One file into the form that it should have. */
static int settle_one(const char *dir, const char *folder, const char *file,
                      const struct ol_vault *v, bool open,
                      char why[OL_WHY_MAX])
{
    static const struct ol_vault plain;
    char path[OL_PATH_MAX], ad[128], *text;
    enum ol_err err;
    bool sealed;
    size_t n;

    if (!names(ad, path, dir, folder, file) ||
        ol_file_read(path, FILE_MAX, &text, &n) != OL_OK)
        return ol_fail_sys(why, "read", path);
    sealed = is_sealed(text, n);
    ol_wipe(text, n);
    free(text);
    if (sealed != open)
        return OL_EXIT_OK; /* as it should be */
    err = ol_vault_read(dir, folder, file, v, &text, &n);
    if (err != OL_OK)
        return ol_fail(why, OL_EXIT_FAILED, "%s is damaged: bring it back "
                       "from a copy", path);
    err = ol_vault_keep(dir, folder, file, open ? &plain : v, OL_FILE_REPLACE,
                        OL_SPAN(text, n));
    ol_wipe(text, n);
    free(text);
    return err == OL_OK ? OL_EXIT_OK : ol_fail_sys(why, "write", path);
}

static bool ends(const char *name, size_t n, const char *tail)
{
    return n >= strlen(tail) &&
           memcmp(name + n - strlen(tail), tail, strlen(tail)) == 0;
}

/* Is it what a write of a key or a card leaves that was cut off. */
static bool is_left_over(const char *name)
{
    size_t n = strlen(name), tail = strlen(OL_FILE_TMP) + 6;

    if (n <= tail || memcmp(name + n - tail, OL_FILE_TMP,
                            strlen(OL_FILE_TMP)) != 0)
        return false;
    return ends(name, n - tail, ".key") || ends(name, n - tail, ".card");
}

/* It may hold a secret. */
static void sweep(const char *dir, const char *folder)
{
    char path[OL_PATH_MAX], name[300];
    struct dirent *entry;
    DIR *d;

    if (!ol_path(path, dir, folder ? folder : ".", NULL))
        return;
    d = opendir(path);
    while (d != NULL && (entry = readdir(d)) != NULL) {
        if (!is_left_over(entry->d_name))
            continue;
        ol_text_put(name, sizeof(name), "%s", entry->d_name);
        if (ol_path(path, dir, folder ? folder : ".", name))
            (void)unlink(path);
    }
    if (d != NULL)
        closedir(d);
}

static int settle_folder(const char *dir, const char *folder,
                         const struct ol_vault *v, bool open,
                         char why[OL_WHY_MAX])
{
    char list[2 * OL_LINES_MAX][33], path[OL_PATH_MAX], file[48];
    int status = OL_EXIT_OK, n;

    if (!ol_path(path, dir, folder, NULL))
        return ol_fail(why, OL_EXIT_FAILED, "%s: the path is too long", dir);
    sweep(dir, folder);
    n = ol_folder_list(path, ".card", list, 2 * OL_LINES_MAX);
    /* What is not gone over must not lose its key. */
    if (n < 0)
        return ol_fail_sys(why, "read", path);
    if (n == 2 * OL_LINES_MAX)
        return ol_fail(why, OL_EXIT_FAILED, "%s holds more than %d cards: "
                       "move away those that no line needs", path, n - 1);
    for (int k = 0; k < n && status == OL_EXIT_OK; k++) {
        ol_text_put(file, sizeof(file), "%s.card", list[k]);
        status = settle_one(dir, folder, file, v, open, why);
    }
    return status;
}

int ol_vault_settle(const char *dir, const struct ol_vault *v, bool open,
                    char why[OL_WHY_MAX])
{
    char path[OL_PATH_MAX];
    int status;

    sweep(dir, NULL);
    status = settle_one(dir, NULL, "identity.key", v, open, why);
    if (status == OL_EXIT_OK)
        status = settle_one(dir, NULL, "storage.key", v, open, why);
    if (status == OL_EXIT_OK)
        status = settle_folder(dir, "cards", v, open, why);
    if (status == OL_EXIT_OK)
        status = settle_folder(dir, "lines.d", v, open, why);
    if (status != OL_EXIT_OK || !open)
        return status;
    if (!ol_path(path, dir, NAME, NULL) || ol_file_remove(path) != OL_OK)
        return ol_fail_sys(why, "remove", path);
    return OL_EXIT_OK;
}
