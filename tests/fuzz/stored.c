/*
 * What a station reads back: its own rows, pouch files, backups.
 *
 * The first byte picks the play.
 *   state    the core's own state of any bytes is refused, or encodes again to
 *            the same (version 2)
 *   tree     a frontier loads if and only if it has the size's length, and is
 *            saved as the same
 *   snapshot a line made from rows of any content is refused, or runs: a bad
 *            row is never our own bug
 *   pouch    a file of any bytes yields bundles within their bounds, and ends
 *   written  a file as doc/protocol.md 3.5 has it is read to its last bundle
 *   backup   an archive's blocks, sealed here so that the fuzzer stands behind
 *            the passphrase: entries with allowed names, or a sentence
 *   head     the first bytes of one: refused before the passphrase costs
 *            anything
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bed.h"
#include "make.h"

#include "base/check.h"
#include "channel/pouch_file.h"
#include "crypto/pass.h"
#include "station/archive.h"
#include "station/text.h"

#define CHECKED 33u
#define HEAD (CHECKED + 16u + OL_STREAM_HEAD)
#define BLOCK 65536u

static struct bed bed;

/* A file of these bytes that nobody else sees. */
static int file_of(struct ol_span in)
{
    int fd = memfd_create("stored", MFD_CLOEXEC);

    OL_CHECK(fd >= 0);
    OL_CHECK(in.n == 0 || write(fd, in.p, in.n) == (ssize_t)in.n);
    OL_CHECK(lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

static void state(struct ol_span in)
{
    static struct ol_kept k;
    uint8_t out[OL_KEPT_MAX];
    size_t n;

    if (ol_kept_decode(in, &k) != OL_OK || in.n == 0 || in.p[0] != 2)
        return;
    OL_CHECK(k.n_boots <= OL_BOOTS_MAX && k.n_prekeys <= OL_PREKEYS_MAX);
    n = ol_kept_encode(&k, out, sizeof(out));
    OL_CHECK(ol_span_eq(in, OL_SPAN(out, n)));
}

static void tree(struct script *s)
{
    uint8_t out[OL_TREE_LEVELS * OL_HASH];
    uint32_t size = script_u32(s) >> script_below(s, 32);
    struct ol_span in = script_rest(s);
    struct ol_tree t;
    size_t n = 0;

    for (uint32_t k = size; k != 0; k &= k - 1)
        n += OL_HASH;
    OL_CHECK((ol_tree_load(&t, size, in) == OL_OK) == (in.n == n));
    if (in.n != n)
        return;
    n = ol_tree_save(&t, out);
    OL_CHECK(ol_span_eq(in, OL_SPAN(out, n)));
}

static void a_log(struct script *s, struct ol_log_head *log)
{
    static const uint8_t nodes[OL_TREE_LEVELS * OL_HASH];
    size_t n = 0;

    if (script_u8(s) & 1)
        return;
    log->size = script_u32(s) >> script_below(s, 32);
    for (uint32_t k = log->size; k != 0; k &= k - 1)
        n += OL_HASH;
    if (script_u8(s) % 8 == 0)
        n = script_below(s, sizeof(nodes));
    log->frontier = OL_SPAN(nodes, n);
}

static void beyond_of(struct script *s, struct ol_snapshot *snap)
{
    static struct ol_beyond beyond[16];
    static struct ol_part parts[16];
    static uint8_t bytes[OL_RECORD_MAX];

    snap->beyond = beyond;
    snap->parts = parts;
    snap->n_beyond = script_below(s, 17);
    for (unsigned k = 0; k < snap->n_beyond; k++) {
        beyond[k].prec = (uint8_t)script_below(s, 6);
        beyond[k].index = script_u32(s) >> script_below(s, 32);
    }
    snap->n_parts = script_below(s, 17);
    for (unsigned k = 0; k < snap->n_parts; k++) {
        parts[k].prec = (uint8_t)script_below(s, 6);
        parts[k].index = script_u32(s) >> script_below(s, 32);
        parts[k].mask = script_u64(s);
        parts[k].size = script_u16(s);
        parts[k].bytes = OL_SPAN(bytes, script_edge(s, 0, sizeof(bytes)));
    }
}

/* Rows as a disk might give them; then some seconds of its life. */
static void snapshot(struct script *s)
{
    struct ol_event ev = {.kind = OL_EV_START};
    struct ol_conf conf;
    struct ol_line *line;

    if (bed.mem[0].p == NULL)
        bed_open(&bed, 0);
    bed_conf(&bed, 0, &conf);
    for (unsigned a = 0; a < 2; a++)
        for (unsigned p = 0; p < OL_PRECS; p++)
            a_log(s, &conf.snapshot.log[a][p]);
    for (unsigned p = 0; p < OL_PRECS; p++) {
        conf.snapshot.signed_by_peer[p].size = script_u8(s);
        conf.snapshot.acked[p] = script_u32(s) >> script_below(s, 32);
    }
    conf.snapshot.number = script_edge(s, 0, UINT64_MAX);
    conf.snapshot.peer_number = script_edge(s, 0, UINT64_MAX);
    conf.restored = script_u8(s) & 1;
    beyond_of(s, &conf.snapshot);
    conf.snapshot.state = script_rest(s);
    keep_forget(&bed.spare);
    if (ol_line_init(&line, bed.spare.p, &conf) != OL_OK)
        return;
    for (unsigned n = 0; n < 30; n++) {
        (void)!ol_line_step(line, &ev, (n + 1) * OL_NS_PER_S, &bed.eff[0]);
        ev.kind = OL_EV_TICK;
    }
}

static enum ol_err pouch(struct ol_span in)
{
    static uint8_t buf[OL_BUNDLE_MAX];
    struct ol_pouch_reader r;
    size_t n, all = OL_POUCH_HEAD;
    enum ol_err err = ol_pouch_reader_init(&r, file_of(in));

    while (err == OL_OK) {
        err = ol_pouch_reader_next(&r, buf, &n);
        if (err != OL_OK || n == 0)
            break;
        OL_CHECK(n <= OL_BUNDLE_MAX && in.n - all >= 2 + n);
        OL_CHECK(memcmp(in.p + all + 2, buf, n) == 0);
        all += 2 + n;
    }
    OL_CHECK(err != OL_OK || all == in.n);
    ol_pouch_reader_fini(&r);
    return err;
}

static void written(struct script *s)
{
    static uint8_t out[1u << 18];
    struct ol_writer w;
    unsigned n = script_below(s, 4);

    ol_writer_init(&w, out, sizeof(out));
    ol_write_bytes(&w, ol_span_str(OL_BUNDLE_MAGIC));
    while (n-- > 0) {
        size_t size = (size_t)script_edge(s, 1, OL_BUNDLE_MAX);
        uint8_t *at;

        ol_write_u16(&w, (uint16_t)size);
        at = ol_write_hole(&w, size);
        memset(at, script_u8(s), size);
    }
    OL_CHECK(!w.failed && pouch(ol_writer_span(&w)) == OL_OK);
}

/* ---- backups ------------------------------------------------------------ */

static int words = -1; /* the passphrase, a line */

static void archive(int fd, enum ol_archive_kind kind)
{
    struct ol_archive_entry e;
    struct ol_secret *secret = NULL;
    struct ol_archive *a = NULL;
    char path[64], why[OL_WHY_MAX] = "";
    uint8_t some[512];
    bool locked, more = true;
    int status;

    if (words < 0)
        words = file_of(ol_span_str("correct horse\n"));
    OL_CHECK(lseek(words, 0, SEEK_SET) == 0);
    ol_station_passphrase(words, -1);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    status = ol_archive_open(&a, path, kind, &secret, &locked, why);
    for (unsigned n = 0; status == OL_EXIT_OK && more && n < 1000; n++) {
        status = ol_archive_next(a, &e, &more, why);
        if (status != OL_EXIT_OK || !more)
            break;
        OL_CHECK(e.name[0] != '/' && e.name[0] != '.' &&
                 e.name[0] != '\0' && strstr(e.name, "..") == NULL &&
                 strlen(e.name) <= OL_ARCHIVE_NAME);
        for (uint64_t left = e.size; left > 0 && status == OL_EXIT_OK;) {
            size_t take = (size_t)OL_MIN(left, sizeof(some));

            status = ol_archive_take(a, some, take, why);
            left -= take;
        }
    }
    OL_CHECK(status == OL_EXIT_OK || strchr(why, ':') != NULL);
    if (a != NULL) {
        ol_archive_close(a);
        ol_secret_free(secret);
    }
    close(fd);
}

static void head_of(struct ol_writer *w, struct ol_stream *stream,
                    uint8_t kind)
{
    static const struct ol_kdf kdf = {.ops = 1, .mem_kib = OL_KDF_MEM_KIB_MIN};
    uint8_t key[OL_KEY], check[32];

    OL_CHECK(ol_kdf_key(key, sizeof(key), &kdf,
                        ol_span_str("correct horse")) == OL_OK);
    ol_write_bytes(w, ol_span_str("OLSAFE01"));
    ol_write_u8(w, kind);
    ol_write_u32(w, kdf.ops);
    ol_write_u32(w, kdf.mem_kib);
    ol_write_bytes(w, OL_SPAN_ARRAY(kdf.salt));
    ol_hash(check, key, "openline safe 1", OL_SPAN(w->p, CHECKED),
            OL_SPAN(NULL, 0));
    ol_write_bytes(w, OL_SPAN(check, 16));
    ol_stream_seal_start(stream, ol_write_hole(w, OL_STREAM_HEAD), key);
}

/* One block or two, of the fuzzer's plaintext; the stream itself is sound but
 * for what it changes. */
static void backup(struct script *s)
{
    static uint8_t out[4 * BLOCK], plain[BLOCK];
    struct ol_stream stream;
    struct ol_writer w;
    uint8_t how = script_u8(s), kind = 1 + (how & 1);
    size_t n = 0;

    ol_writer_init(&w, out, sizeof(out));
    head_of(&w, &stream, kind);
    if (how & 2) { /* a first, full block of nothing but one entry */
        static const uint8_t begin[] = {1, 0, 1, 4, 'a', '/', 'b', 'c', 0, 0,
                                        0, 0, 0, 0, 0xff, 0xf1};

        memset(plain, how, sizeof(plain));
        memcpy(plain, begin, sizeof(begin));
        n = script_u8(s) % 16 ? BLOCK : script_u16(s);
        ol_stream_seal(&stream, ol_write_hole(&w, n + OL_STREAM_OVER),
                       OL_SPAN(out, HEAD), OL_SPAN(plain, n), how & 4);
    }
    if (how & 8)
        ol_write_u8(&w, how);
    if (script_u8(s) % 16)
        (void)script_fill(s, plain, n = OL_MIN(s->n, BLOCK));
    ol_stream_seal(&stream, ol_write_hole(&w, n + OL_STREAM_OVER),
                   how & 2 ? OL_SPAN("", 0) : OL_SPAN(out, HEAD),
                   OL_SPAN(plain, n), !(how & 16));
    OL_CHECK(!w.failed);
    archive(file_of(OL_SPAN(out, how & 32 ? w.n - how % 8 : w.n)), kind);
}

/* A head that is well made would cost what it asks for: not here. */
static void head(struct ol_span in)
{
    if (in.n > CHECKED && memcmp(in.p, "OLSAFE01", 8) == 0 &&
        in.p[8] - 1 < 2)
        return;
    archive(file_of(in), OL_ARCHIVE_BACKUP);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script s = {data, size};

    OL_CHECK(ol_crypto_init() == OL_OK);
    switch (script_below(&s, 7)) {
    case 0:
        state(script_rest(&s));
        break;
    case 1:
        tree(&s);
        break;
    case 2:
        snapshot(&s);
        break;
    case 3:
        (void)!pouch(script_rest(&s));
        break;
    case 4:
        written(&s);
        break;
    case 5:
        backup(&s);
        break;
    default:
        head(script_rest(&s));
        break;
    }
    return 0;
}
