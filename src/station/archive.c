/*
 * A sealed archive.
 *
 * Happy path of writing: head, blocks, the last one, fsync, rename to a name
 * that is free, fsync of the folder. Of reading: the head's parameters are
 * checked, argon2id makes the key, check tells a wrong passphrase, then block
 * after block is opened; nothing of a block is handed out before all of it is
 * authentic. A file that ends early, goes on, or was altered anywhere is
 * refused with the place; whoever reads has put nothing in its place until the
 * end was seen.
 */
#include "station/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/units.h"
#include "station/text.h"

#define MAGIC "OLSAFE01"
#define CHECKED 33u /* magic, kind, parameters, salt */
#define CHECK 16u
#define HEAD (CHECKED + CHECK + OL_STREAM_HEAD)
#define BLOCK 65536u

struct ol_archive {
    int fd;
    char path[OL_PATH_MAX], tmp[OL_PATH_MAX];
    struct ol_stream stream;
    uint8_t head[HEAD];
    bool first, last; /* the first block is to come; the last was opened */
    uint64_t at;      /* blocks so far */
    size_t n, taken;  /* of plain */
    uint64_t left;    /* of the entry that is being taken */
    uint8_t plain[BLOCK], sealed[BLOCK + OL_STREAM_OVER];
};

static struct ol_archive *make(const char *path, char why[OL_WHY_MAX])
{
    struct ol_archive *a = ol_locked_alloc(sizeof(*a));

    if (a == NULL || !ol_text_put(a->path, sizeof(a->path), "%s", path)) {
        ol_locked_free(a, sizeof(*a));
        ol_fail(why, OL_EXIT_FAILED, "%s: no memory, or the path is too long",
                path);
        return NULL;
    }
    a->fd = -1;
    a->first = true;
    return a;
}

void ol_archive_close(struct ol_archive *a)
{
    if (a != NULL && a->fd >= 0)
        close(a->fd);
    ol_locked_free(a, a != NULL ? sizeof(*a) : 0);
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

static void check_of(uint8_t out[32], const uint8_t key[OL_KEY],
                     const uint8_t head[HEAD])
{
    ol_hash(out, key, "openline safe 1", OL_SPAN(head, CHECKED),
            OL_SPAN(NULL, 0));
}

static struct ol_span bound(const struct ol_archive *a)
{
    return a->first ? OL_SPAN(a->head, HEAD) : OL_SPAN("", 0);
}

/* Writing. */

static int put(struct ol_archive *a, const uint8_t *p, size_t n,
               char why[OL_WHY_MAX])
{
    while (n > 0) {
        ssize_t w = write(a->fd, p, n);

        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return ol_fail_sys(why, "write", a->path);
        p += w;
        n -= (size_t)w;
    }
    return OL_EXIT_OK;
}

static int put_block(struct ol_archive *a, bool last, char why[OL_WHY_MAX])
{
    size_t n = a->n;

    ol_stream_seal(&a->stream, a->sealed, bound(a), OL_SPAN(a->plain, n),
                   last);
    a->first = false;
    a->n = 0;
    return put(a, a->sealed, n + OL_STREAM_OVER, why);
}

static int add(struct ol_archive *a, struct ol_span s, char why[OL_WHY_MAX])
{
    int status = OL_EXIT_OK;

    while (s.n > 0 && status == OL_EXIT_OK) {
        size_t n = OL_MIN(s.n, BLOCK - a->n);

        /* A full block waits for what follows: it may be the last. */
        if (n == 0) {
            status = put_block(a, false, why);
            continue;
        }
        memcpy(a->plain + a->n, s.p, n);
        a->n += n;
        s.p += n;
        s.n -= n;
    }
    return status;
}

static int put_head(struct ol_archive *a, enum ol_archive_kind kind,
                    const struct ol_secret *secret, char why[OL_WHY_MAX])
{
    struct ol_kdf kdf = {.ops = OL_KDF_OPS, .mem_kib = OL_KDF_MEM_KIB};
    uint8_t key[OL_KEY], check[32];
    struct ol_writer w;
    int status;

    ol_os_random(kdf.salt, sizeof(kdf.salt));
    status = key_of(key, &kdf, secret, why);
    if (status != OL_EXIT_OK)
        return status;
    ol_writer_init(&w, a->head, sizeof(a->head));
    ol_write_bytes(&w, ol_span_str(MAGIC));
    ol_write_u8(&w, (uint8_t)kind);
    ol_write_u32(&w, kdf.ops);
    ol_write_u32(&w, kdf.mem_kib);
    ol_write_bytes(&w, OL_SPAN_ARRAY(kdf.salt));
    check_of(check, key, a->head);
    ol_write_bytes(&w, OL_SPAN(check, CHECK));
    ol_stream_seal_start(&a->stream, ol_write_hole(&w, OL_STREAM_HEAD), key);
    ol_wipe(key, sizeof(key));
    return put(a, a->head, HEAD, why);
}

int ol_archive_create(struct ol_archive **out, const char *path,
                      enum ol_archive_kind kind,
                      const struct ol_secret *secret, bool locked,
                      char why[OL_WHY_MAX])
{
    struct ol_archive *a = make(path, why);
    const uint8_t start[] = {1, locked ? 1 : 0};
    int status = OL_EXIT_OK;

    if (a == NULL)
        return OL_EXIT_FAILED;
    if (ol_text_put(a->tmp, sizeof(a->tmp), "%s.XXXXXX", path))
        a->fd = mkostemp(a->tmp, O_CLOEXEC); /* 0600 */
    if (a->fd < 0) {
        status = ol_fail_sys(why, "write beside", path);
        ol_archive_close(a);
        return status;
    }
    status = put_head(a, kind, secret, why);
    if (status == OL_EXIT_OK)
        status = add(a, OL_SPAN_ARRAY(start), why);
    if (status == OL_EXIT_OK)
        *out = a;
    else
        (void)ol_archive_finish(a, false, NULL);
    return status;
}

static int add_head(struct ol_archive *a, const char *name, uint64_t size,
                    char why[OL_WHY_MAX])
{
    uint8_t bytes[2 + OL_ARCHIVE_NAME + 8];
    struct ol_writer w;

    ol_writer_init(&w, bytes, sizeof(bytes));
    ol_write_u8(&w, 1);
    ol_write_u8(&w, (uint8_t)strlen(name));
    ol_write_bytes(&w, ol_span_str(name));
    ol_write_u64(&w, size);
    return w.failed ? ol_fail(why, OL_EXIT_FAILED, "%s: the name is too long",
                              name)
                    : add(a, ol_writer_span(&w), why);
}

int ol_archive_add(struct ol_archive *a, const char *name,
                   struct ol_span bytes, char why[OL_WHY_MAX])
{
    int status = add_head(a, name, bytes.n, why);

    return status == OL_EXIT_OK ? add(a, bytes, why) : status;
}

int ol_archive_add_file(struct ol_archive *a, const char *name,
                        const char *path, char why[OL_WHY_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), status;
    uint8_t bytes[16384];
    struct stat st;
    uint64_t left;

    if (fd < 0 || fstat(fd, &st) != 0) {
        status = ol_fail_sys(why, "read", path);
        if (fd >= 0)
            close(fd);
        return status;
    }
    left = (uint64_t)st.st_size;
    status = add_head(a, name, left, why);
    while (status == OL_EXIT_OK && left > 0) {
        ssize_t n = read(fd, bytes, OL_MIN(left, sizeof(bytes)));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            status = ol_fail_sys(why, "read", path);
        else if (n == 0)
            status = ol_fail(why, OL_EXIT_FAILED, "%s became shorter while "
                             "it was read: try again", path);
        else
            status = add(a, OL_SPAN(bytes, n), why);
        left -= n > 0 ? (uint64_t)n : 0;
    }
    close(fd);
    return status;
}

int ol_archive_finish(struct ol_archive *a, bool commit,
                      char why[OL_WHY_MAX])
{
    static const uint8_t end[] = {0};
    int status = OL_EXIT_OK;

    if (commit)
        status = add(a, OL_SPAN_ARRAY(end), why);
    if (commit && status == OL_EXIT_OK)
        status = put_block(a, true, why);
    if (commit && status == OL_EXIT_OK && fsync(a->fd) != 0)
        status = ol_fail_sys(why, "write", a->path);
    if (commit && status == OL_EXIT_OK &&
        ol_file_place(a->tmp, a->path) != 0)
        status = errno == EEXIST
                     ? ol_fail(why, OL_EXIT_FAILED, "%s is there already: "
                               "choose another name", a->path)
                     : ol_fail_sys(why, "write", a->path);
    if (!commit || status != OL_EXIT_OK)
        (void)unlink(a->tmp);
    if (commit && status == OL_EXIT_OK && ol_folder_sync(a->path) != 0)
        status = ol_fail_sys(why, "write", a->path);
    ol_archive_close(a);
    return status;
}

/* Reading. */

static int damaged(const struct ol_archive *a, char why[OL_WHY_MAX])
{
    return ol_fail(why, OL_EXIT_FAILED, "%s is damaged, altered or cut off at "
                   "block %llu: nothing was put in place; take another copy "
                   "of it", a->path, (unsigned long long)a->at);
}

/* Up to n bytes; fewer only at the end of the file. */
static ssize_t get(const struct ol_archive *a, uint8_t *out, size_t n)
{
    size_t got = 0;

    while (got < n) {
        ssize_t r = read(a->fd, out + got, n - got);

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return -1;
        if (r == 0)
            break;
        got += (size_t)r;
    }
    return (ssize_t)got;
}

static int get_block(struct ol_archive *a, char why[OL_WHY_MAX])
{
    uint8_t more;
    ssize_t n = a->last ? 0 : get(a, a->sealed, sizeof(a->sealed));

    if (n < 0)
        return ol_fail_sys(why, "read", a->path);
    if (ol_stream_open(&a->stream, a->plain, bound(a),
                       OL_SPAN(a->sealed, n), &a->last) != OL_OK)
        return damaged(a, why);
    /* All but the last are whole, and nothing stands behind that. */
    if (a->last ? get(a, &more, 1) != 0 : (size_t)n != sizeof(a->sealed))
        return damaged(a, why);
    a->n = (size_t)n - OL_STREAM_OVER;
    a->taken = 0;
    a->first = false;
    a->at++;
    return OL_EXIT_OK;
}

static int take(struct ol_archive *a, void *out, size_t n,
                char why[OL_WHY_MAX])
{
    uint8_t *to = out;

    while (n > 0) {
        size_t some = OL_MIN(n, a->n - a->taken);
        int status = some > 0 ? OL_EXIT_OK : get_block(a, why);

        if (status != OL_EXIT_OK)
            return status;
        memcpy(to, a->plain + a->taken, some);
        a->taken += some;
        to += some;
        n -= some;
    }
    return OL_EXIT_OK;
}

int ol_archive_take(struct ol_archive *a, void *out, size_t n,
                    char why[OL_WHY_MAX])
{
    if (n > a->left)
        return damaged(a, why);
    a->left -= n;
    return take(a, out, n, why);
}

/* Names of ours only: whoever made it may wish for others. */
static bool name_ok(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-/";

    return name[0] != '\0' && name[0] != '.' && name[0] != '/' &&
           strspn(name, allowed) == strlen(name) &&
           strstr(name, "..") == NULL && strstr(name, "/.") == NULL;
}

int ol_archive_next(struct ol_archive *a, struct ol_archive_entry *e,
                    bool *more, char why[OL_WHY_MAX])
{
    uint8_t mark = 0, n = 0, size[8];
    int status = a->left > 0 ? damaged(a, why) : take(a, &mark, 1, why);

    *more = mark == 1;
    if (status != OL_EXIT_OK)
        return status;
    if (mark == 0 && a->taken == a->n && a->last)
        return OL_EXIT_OK;
    if (mark != 1)
        return damaged(a, why);
    memset(e, 0, sizeof(*e));
    status = take(a, &n, 1, why);
    if (status == OL_EXIT_OK && n > OL_ARCHIVE_NAME)
        status = damaged(a, why);
    if (status == OL_EXIT_OK)
        status = take(a, e->name, n, why);
    if (status == OL_EXIT_OK)
        status = take(a, size, sizeof(size), why);
    if (status == OL_EXIT_OK && (strlen(e->name) != n || !name_ok(e->name)))
        status = damaged(a, why);
    for (size_t k = 0; k < 8 && status == OL_EXIT_OK; k++)
        e->size = e->size << 8 | size[k];
    a->left = status == OL_EXIT_OK ? e->size : 0;
    return status;
}

/* The head: what it is, and whose passphrase it wants. */
static int get_head(struct ol_archive *a, enum ol_archive_kind kind,
                    struct ol_kdf *kdf, char why[OL_WHY_MAX])
{
    struct ol_reader r;
    uint8_t is;

    if (get(a, a->head, HEAD) != (ssize_t)HEAD ||
        memcmp(a->head, MAGIC, 8) != 0)
        return ol_fail(why, OL_EXIT_FAILED, "%s was not made by 'openline "
                       "backup' or 'openline identity', or is damaged: take "
                       "the right file", a->path);
    ol_reader_init(&r, OL_SPAN(a->head + 8, CHECKED - 8));
    is = ol_read_u8(&r);
    kdf->ops = ol_read_u32(&r);
    kdf->mem_kib = ol_read_u32(&r);
    ol_read_copy(&r, kdf->salt, sizeof(kdf->salt));
    if (is == kind && ol_kdf_ok(kdf))
        return OL_EXIT_OK;
    if (is == OL_ARCHIVE_BACKUP && ol_kdf_ok(kdf))
        return ol_fail(why, OL_EXIT_FAILED, "%s is a backup: 'openline "
                       "restore %s DIR'", a->path, a->path);
    if (is == OL_ARCHIVE_IDENTITY && ol_kdf_ok(kdf))
        return ol_fail(why, OL_EXIT_FAILED, "%s holds an identity: 'openline "
                       "init DIR --identity %s'", a->path, a->path);
    return damaged(a, why);
}

static int unlock(struct ol_archive *a, const struct ol_kdf *kdf,
                  const struct ol_secret *secret, char why[OL_WHY_MAX])
{
    uint8_t key[OL_KEY], check[32];
    int status = key_of(key, kdf, secret, why);

    if (status != OL_EXIT_OK)
        return status;
    check_of(check, key, a->head);
    if (!ol_same(check, a->head + CHECKED, CHECK))
        status = ol_fail(why, OL_EXIT_FAILED, "the passphrase for %s is "
                         "wrong, or its first bytes are damaged: nothing was "
                         "opened", a->path);
    else
        ol_stream_open_start(&a->stream, a->head + CHECKED + CHECK, key);
    ol_wipe(key, sizeof(key));
    return status;
}

int ol_archive_open(struct ol_archive **out, const char *path,
                    enum ol_archive_kind kind, struct ol_secret **secret,
                    bool *locked, char why[OL_WHY_MAX])
{
    struct ol_archive *a = make(path, why);
    struct ol_kdf kdf = {0};
    uint8_t start[2] = {0};
    int status = OL_EXIT_FAILED;

    *secret = NULL;
    if (a == NULL)
        return status;
    a->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    status = a->fd < 0 ? ol_fail_sys(why, "read", path)
                       : get_head(a, kind, &kdf, why);
    if (status == OL_EXIT_OK)
        status = ol_secret_get(secret, path, why);
    if (status == OL_EXIT_OK)
        status = unlock(a, &kdf, *secret, why);
    if (status == OL_EXIT_OK)
        status = take(a, start, sizeof(start), why);
    if (status == OL_EXIT_OK && (start[0] != 1 || start[1] > 1))
        status = ol_fail(why, OL_EXIT_FAILED, "%s was made by a newer "
                         "version: update this program", path);
    *locked = start[1] == 1;
    if (status == OL_EXIT_OK) {
        *out = a;
        return OL_EXIT_OK;
    }
    ol_secret_free(*secret);
    *secret = NULL;
    ol_archive_close(a);
    return status;
}
