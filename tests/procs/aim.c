/*
 * Where kill -9 hits: a library preloaded into a daemon that dies at the n-th
 * call of a kind, and keeps a list of all that was sealed.
 *
 *     LD_PRELOAD=libaim.so OPENLINE_AIM=PAGE OPENLINE_SEALS=LIST openline run
 *
 * PAGE is a file of 4,096 bytes that the test maps as well: it writes n and
 * the order (kind, before or half-way or after) and reads how many calls of
 * each kind there were, so that it can aim a little ahead. A call that is hit
 * half-way has done half of its bytes.
 *
 * LIST grows by a row per sealed text: what key and nonce it was sealed under,
 * and what it was, both hashed. A row is written before the bytes are handed
 * out, so no kill hides one. Two rows of one key and nonce and of different
 * texts are a nonce used twice; two knocks of one opening number and of
 * different Noise messages are an opening number used twice; and a bundle's
 * number is sealed once.
 *
 * The daemon also dies with the test that started it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* The same order as in life.py. */
enum kind {
    NOTHING, LOG_WRITE, LEDGER_WRITE, LOG_SYNC, LEDGER_SYNC, CUT, FILE_WRITE,
    FILE_SYNC, NAMED, MADE, DATAGRAM, STREAM, ANSWER, SEAL, KINDS,
    ANY = KINDS
};

enum moment { BEFORE, HALF, AFTER };

struct page {
    uint32_t n;     /* dies at the n-th call from when this was written */
    uint32_t order; /* kind | moment << 8; 0: nothing */
    uint32_t count[KINDS];
};

struct row {
    uint8_t under[8], text[8], noise[8];
    uint64_t number;          /* of an opening or a bundle */
    uint8_t wrapped, pad[7];  /* the type byte of a wrapped packet */
};

static struct page nobody, *page = &nobody;
static int seals = -1;

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("OPENLINE_AIM"), *list = getenv("OPENLINE_SEALS");
    int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    struct stat st;
    void *at = fd < 0 ? MAP_FAILED
                      : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
                             fd, 0);

    if (fd >= 0)
        syscall(SYS_close, fd);
    if (at != MAP_FAILED)
        page = at;
    if (list)
        seals = open(list, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    /* The kill before may have torn a row; what it is of was never handed
     * out. */
    if (seals >= 0 && fstat(seals, &st) == 0 &&
        syscall(SYS_ftruncate, seals,
                st.st_size - st.st_size % (off_t)sizeof(struct row)) != 0)
        abort();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Is this the call: then its moment, else -1. BEFORE dies here. */
static int hit(enum kind kind)
{
    uint32_t order;

    if (kind == NOTHING)
        return -1;
    __atomic_add_fetch(&page->count[kind], 1, __ATOMIC_RELAXED);
    order = __atomic_load_n(&page->order, __ATOMIC_ACQUIRE);
    if (((order & 0xff) != kind && (order & 0xff) != ANY) ||
        __atomic_sub_fetch(&page->n, 1, __ATOMIC_ACQ_REL) != 0)
        return -1;
    if (order >> 8 == BEFORE)
        raise(SIGKILL);
    return (int)(order >> 8);
}

static void die_if(int moment)
{
    if (moment >= 0)
        raise(SIGKILL);
}

static int ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

/* The kind of a write or a sync of this descriptor; errno stays. */
static enum kind kind_of(int fd, int sync)
{
    char name[64], path[4096];
    int saved = errno, domain = 0, type = 0;
    socklen_t n = sizeof(int);
    enum kind kind = NOTHING;
    struct stat st;

    if (fstat(fd, &st) != 0) {
        kind = NOTHING;
    } else if (S_ISSOCK(st.st_mode)) {
        getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n);
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n);
        kind = domain == AF_UNIX     ? ANSWER
               : type == SOCK_DGRAM  ? DATAGRAM
                                     : STREAM;
    } else if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) {
        snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
        ssize_t got = readlink(name, path, sizeof(path) - 1);

        path[got > 0 ? got : 0] = '\0';
        if (ends_with(path, "/ledger.db-wal"))
            kind = sync ? LOG_SYNC : LOG_WRITE;
        else if (ends_with(path, "/ledger.db"))
            kind = sync ? LEDGER_SYNC : LEDGER_WRITE;
        else if (!ends_with(path, ".log")) /* not what it tells us */
            kind = sync ? FILE_SYNC : FILE_WRITE;
    }
    errno = saved;
    return kind;
}

/* Writes. */

ssize_t pwrite64(int fd, const void *p, size_t n, off_t at)
{
    int moment = hit(kind_of(fd, 0));
    ssize_t done = syscall(SYS_pwrite64, fd, p, moment == HALF ? n / 2 : n,
                           at);

    die_if(moment);
    return done;
}

ssize_t write(int fd, const void *p, size_t n)
{
    int moment = hit(kind_of(fd, 0));
    ssize_t done = syscall(SYS_write, fd, p, moment == HALF ? n / 2 : n);

    die_if(moment);
    return done;
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
    int moment = hit(kind_of(fd, 0));
    ssize_t done = syscall(SYS_writev, fd, v, moment == HALF ? n / 2 : n);

    die_if(moment);
    return done;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
    int moment = hit(kind_of(fd, 0));
    ssize_t done = syscall(SYS_sendmsg, fd, msg, flags);

    die_if(moment);
    return done;
}

static int sync_of(long call, int fd)
{
    int moment = hit(kind_of(fd, 1)), rc = (int)syscall(call, fd);

    die_if(moment);
    return rc;
}

int fsync(int fd)
{
    return sync_of(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return sync_of(SYS_fdatasync, fd);
}

int ftruncate64(int fd, off_t size)
{
    int moment = hit(CUT), rc = (int)syscall(SYS_ftruncate, fd, size);

    die_if(moment);
    return rc;
}

/* Names. */

static int named(long rc, int moment)
{
    die_if(moment);
    return (int)rc;
}

int rename(const char *from, const char *to)
{
    int moment = hit(NAMED);

    return named(syscall(SYS_rename, from, to), moment);
}

int renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
    int moment = hit(NAMED);

    return named(syscall(SYS_renameat2, a, from, b, to, flags), moment);
}

int link(const char *from, const char *to)
{
    int moment = hit(NAMED);

    return named(syscall(SYS_link, from, to), moment);
}

int unlink(const char *path)
{
    int moment = hit(NAMED);

    return named(syscall(SYS_unlink, path), moment);
}

int mkdir(const char *path, mode_t mode)
{
    int moment = hit(NAMED);

    return named(syscall(SYS_mkdir, path, mode), moment);
}

/* The symbol is open64: all of ours, and SQLite, are built for large files. */
int open(const char *path, int flags, ...)
{
    int moment = flags & O_CREAT ? hit(MADE) : -1, fd;
    mode_t mode = 0;
    va_list more;

    va_start(more, flags);
    if (flags & (O_CREAT | O_TMPFILE))
        mode = va_arg(more, mode_t);
    va_end(more);
    fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    die_if(moment);
    return fd;
}

/* Seals. */

static void hash(uint8_t out[8], const void *a, size_t n, const void *b,
                 size_t m)
{
    crypto_generichash_state st;
    uint8_t h[32];

    crypto_generichash_init(&st, NULL, 0, sizeof(h));
    crypto_generichash_update(&st, a, n);
    crypto_generichash_update(&st, b, m);
    crypto_generichash_final(&st, h, sizeof(h));
    memcpy(out, h, 8);
}

static void note(const uint8_t *key, const uint8_t *nonce, size_t n_nonce,
                 struct iovec ad, struct iovec in)
{
    struct row row = {0};
    const uint8_t *p = in.iov_base;
    int moment = hit(SEAL);

    hash(row.under, key, 32, nonce, n_nonce);
    hash(row.text, ad.iov_base, ad.iov_len, p, in.iov_len);
    /* A wrapped packet (protocol.md 2.1): its associated data is its type. */
    if (n_nonce == 24 && ad.iov_len == 1 && in.iov_len >= 8) {
        row.wrapped = *(const uint8_t *)ad.iov_base;
        for (unsigned k = 0; k < 8; k++)
            row.number = row.number << 8 | p[k];
        if (in.iov_len > 24) /* behind the name of the channel */
            hash(row.noise, p + 24, in.iov_len - 24, NULL, 0);
    }
    if (seals >= 0 && syscall(SYS_write, seals, &row, sizeof(row)) < 0)
        abort();
    die_if(moment);
}

/* The library's own, as src/crypto calls them, by their detached forms. */
int crypto_aead_chacha20poly1305_ietf_encrypt(
    unsigned char *c, unsigned long long *n_c, const unsigned char *m,
    unsigned long long n, const unsigned char *ad, unsigned long long n_ad,
    const unsigned char *nsec, const unsigned char *nonce,
    const unsigned char *key)
{
    note(key, nonce, 12, (struct iovec){(void *)ad, n_ad},
         (struct iovec){(void *)m, n});
    if (n_c)
        *n_c = n + 16;
    return crypto_aead_chacha20poly1305_ietf_encrypt_detached(
        c, c + n, NULL, m, n, ad, n_ad, nsec, nonce, key);
}

int crypto_aead_xchacha20poly1305_ietf_encrypt(
    unsigned char *c, unsigned long long *n_c, const unsigned char *m,
    unsigned long long n, const unsigned char *ad, unsigned long long n_ad,
    const unsigned char *nsec, const unsigned char *nonce,
    const unsigned char *key)
{
    note(key, nonce, 24, (struct iovec){(void *)ad, n_ad},
         (struct iovec){(void *)m, n});
    if (n_c)
        *n_c = n + 16;
    return crypto_aead_xchacha20poly1305_ietf_encrypt_detached(
        c, c + n, NULL, m, n, ad, n_ad, nsec, nonce, key);
}
