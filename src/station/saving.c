/*
 * save: one file of a message, from its pieces into a client's descriptor.
 *
 *   WAIT   until it is whole here; what nobody wanted yet is wanted now
 *   COPY   pieces out of the ledger, written by one of libuv's threads, since
 *          a stick or a share may be slow; hashed once more on the way
 *
 * The client made the file, syncs it and gives it its name: the station needs
 * no right to any folder. It fails when the time is over (4), when the file is
 * not what its message says, when the disk or the descriptor refuses, and when
 * the client goes away.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/units.h"
#include "station/clock.h"
#include "station/query.h"

#define TELL_NS (250 * OL_NS_PER_MS)

struct ol_saving {
    struct ol_saving *next;
    struct ol_station *st;
    struct ol_station_line *line; /* NULL: gone */
    struct ol_request *rq;
    uint8_t author;
    uint8_t id[OL_ID_SIZE];
    uint8_t hash[OL_HASH];
    unsigned place;
    uint64_t size, until_ns, tell_ns;
    uint64_t changes; /* of the line's files, when it last looked */
    bool looked, asked, copying;
    struct ol_digest *digest;
    uint32_t next_piece;
    uint64_t offset; /* bytes written */
    bool working;    /* the next are the thread's */
    uv_work_t work;
    int fd, error;
    size_t n;
    uint8_t *buf; /* OL_SLICE */
    char name[OL_FILE_NAME_MAX + 1];
};

/* Progress to the client. */
static void tell(struct ol_saving *s)
{
    struct ol_flow *flow = s->copying || s->author == OL_OWN
                               ? NULL
                               : ol_flow_find(s->line, OL_PEER, s->hash);
    struct ol_client *client = s->rq->client;
    uint64_t now_ns = ol_clock_ns(), have = s->offset;
    double rate = flow ? ol_flow_rate(flow) : 0;

    if (now_ns < s->tell_ns || client == NULL || !ol_client_room(client))
        return;
    s->tell_ns = now_ns + TELL_NS;
    if (flow != NULL)
        have = OL_MIN((uint64_t)flow->pieces * OL_PIECE, s->size);
    ol_client_push(
        client, json_pack("{s:s,s:s,s:{s:s,s:s,s:I,s:I,s:o}}", "jsonrpc",
                          "2.0", "method", "progress", "params", "doing",
                          s->copying ? "saving" : "receiving", "file",
                          s->name, "have", (json_int_t)have, "size",
                          (json_int_t)s->size, "rate",
                          rate > 0 ? json_integer((json_int_t)rate)
                                   : json_null()));
}

/* Writing, on a thread: a share that hangs hangs there. */

static int no_file(int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return errno;
    return S_ISREG(st.st_mode) ? 0 : ESPIPE;
}

static void write_slice(uv_work_t *work)
{
    struct ol_saving *s = work->data;
    size_t done = 0;

    s->error = s->offset == 0 ? no_file(s->fd) : 0;
    ol_digest_add(s->digest, OL_SPAN(s->buf, s->n));
    while (done < s->n && s->error == 0) {
        ssize_t w = pwrite(s->fd, s->buf + done, s->n - done,
                           (off_t)(s->offset + done));

        if (w > 0)
            done += (size_t)w;
        else if (w == 0 || errno != EINTR)
            s->error = w == 0 ? EIO : errno;
    }
}

static void on_written(uv_work_t *work, int status)
{
    struct ol_saving *s = work->data;

    (void)status;
    s->working = false;
    s->st->works--;
    s->offset += s->n;
    if (s->line != NULL)
        tell(s);
    ol_loop_again(s->st);
}

/* Ends. */

static bool refuse(struct ol_saving *s, int status, const char *why)
{
    ol_refuse(s->rq, status, "%s", why);
    return true;
}

static bool in_vain(struct ol_saving *s)
{
    struct ol_row_file row;
    uint64_t have = 0;

    if (ol_files_row(s->line, OL_PEER, s->hash, &row) == OL_OK)
        have = OL_MIN((uint64_t)row.have * OL_PIECE, s->size);
    ol_refuse(s->rq, OL_EXIT_TIMEOUT, "%llu of %llu bytes of %s are here: it "
              "goes on coming; save it again later",
              (unsigned long long)have, (unsigned long long)s->size, s->name);
    return true;
}

static bool finish(struct ol_saving *s)
{
    char hex[2 * OL_HASH + 1];
    uint8_t hash[OL_HASH];

    ol_digest_end(s->digest, hash);
    if (memcmp(hash, s->hash, sizeof(hash)) != 0)
        return refuse(s, OL_EXIT_FAILED, "the file is damaged in the ledger: "
                      "run 'openline audit'");
    ol_text_hex(hex, hash, sizeof(hash));
    ol_reply(s->rq, json_pack("{s:s,s:I,s:s}", "name", s->name, "size",
                              (json_int_t)s->size, "hash", hex));
    return true;
}

/* Copying; true: it is over and was answered. */

static bool read_slice(struct ol_saving *s)
{
    struct ol_ledger *lg = s->st->ledger;
    uint32_t all = ol_file_pieces(s->size);

    s->n = 0;
    while (s->next_piece < all && s->n + OL_PIECE <= OL_SLICE) {
        size_t n = 0;

        if (lg->ops->piece(lg, s->line->ledger_id, s->author, s->hash,
                           s->next_piece, s->buf + s->n, &n) != OL_OK ||
            n != ol_file_piece_size(s->size, s->next_piece))
            return false;
        s->n += n;
        s->next_piece++;
    }
    return true;
}

static bool copy(struct ol_saving *s)
{
    char why[OL_WHY_MAX];

    if (s->error != 0) {
        ol_text_put(why, sizeof(why), "cannot write %s: %s%s", s->name,
                    strerror(s->error),
                    s->error == ENOSPC || s->error == EDQUOT
                        ? ": make room where it is saved"
                        : "");
        return refuse(s, OL_EXIT_FAILED, why);
    }
    if (s->offset == s->size)
        return finish(s);
    if (s->st->works >= OL_WORKS_MAX)
        return false; /* another's end wakes us */
    if (!read_slice(s))
        return refuse(s, OL_EXIT_FAILED, "the file cannot be read from the "
                      "ledger: run 'openline audit'");
    s->work.data = s;
    s->working = true;
    s->st->works++;
    OL_CHECK(uv_queue_work(&s->st->loop, &s->work, write_slice,
                           on_written) == 0);
    return false;
}

/* Waiting. */

static bool want(struct ol_saving *s)
{
    static struct ol_entry e;
    enum ol_err err = ol_query_id(s->st, s->id, &e);

    if (err == OL_OK)
        err = ol_found_want(s->line, &e, s->place);
    if (err == OL_OK || err == OL_ERR_AGAIN) {
        s->asked = err == OL_OK;
        return false;
    }
    return refuse(s, OL_EXIT_FAILED,
                  err == OL_ERR_CORRUPT
                      ? "two messages say different sizes of this file: ask "
                        "the other side which is right"
                  : err == OL_ERR_TOO_LONG
                      ? "no station can send a file of that size: ask the "
                        "other side"
                      : ol_err_info(err)->text);
}

static bool wait_for(struct ol_saving *s)
{
    struct ol_row_file row;
    enum ol_err err = ol_files_row(s->line, s->author, s->hash, &row);
    bool whole = err == OL_OK && row.size == s->size &&
                 (s->author == OL_OWN ? row.state != OL_FILE_TAKING
                                      : row.state == OL_FILE_WHOLE ||
                                            row.state == OL_FILE_WHOLE_NOTED);

    if (whole) {
        s->copying = true;
        return copy(s);
    }
    if (err != OL_OK && err != OL_ERR_MISSING)
        return refuse(s, OL_EXIT_FAILED, "the ledger cannot be read: run "
                      "'openline audit'");
    if (s->author == OL_OWN)
        return refuse(s, OL_EXIT_FAILED, "our own file is not here any more: "
                      "this station was restored from a copy");
    if (err == OL_OK && s->asked && row.state == OL_FILE_DAMAGED)
        return refuse(s, OL_EXIT_FAILED, "the file that came is not what the "
                      "message says: it was removed; ask the other side, "
                      "then save it again");
    if (err == OL_OK && row.state == OL_FILE_WANTED)
        s->asked = true;
    return s->asked && err == OL_OK ? false : want(s);
}

static bool one_turn(struct ol_saving *s, uint64_t now_ns)
{
    if (s->working)
        return false;
    if (s->rq->client == NULL || s->line == NULL || s->st->stopping)
        return refuse(s, OL_EXIT_FAILED, s->st->stopping
                          ? "the station stops: save it when it runs again"
                          : "the line is gone");
    if (s->copying)
        return copy(s);
    tell(s);
    if (now_ns >= s->until_ns)
        return in_vain(s);
    if (s->line->phase != OL_PHASE_RUN ||
        (s->looked && s->changes == s->line->files.changes))
        return false;
    s->looked = true;
    s->changes = s->line->files.changes;
    return wait_for(s);
}

static void free_saving(struct ol_saving *s)
{
    s->st->n_savings--;
    if (s->buf != NULL)
        ol_wipe(s->buf, OL_SLICE);
    free(s->buf);
    free(s->digest);
    free(s);
}

void ol_saving_pump(struct ol_station *st)
{
    struct ol_saving **at = &st->savings;
    uint64_t now_ns = ol_clock_ns();

    while (*at != NULL) {
        struct ol_saving *s = *at;

        if (!one_turn(s, now_ns)) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        free_saving(s);
    }
}

uint64_t ol_saving_next_ns(const struct ol_station *st)
{
    uint64_t at = OL_NEVER_NS;

    for (const struct ol_saving *s = st->savings; s != NULL; s = s->next)
        if (!s->copying)
            at = OL_MIN(at, OL_MIN(s->until_ns, s->tell_ns));
    return at;
}

void ol_saving_drop(struct ol_station_line *line)
{
    for (struct ol_saving *s = line->st->savings; s != NULL; s = s->next)
        if (s->line == line)
            s->line = NULL;
    ol_loop_again(line->st);
}

/* The request. */

static bool fd_ok(struct ol_request *rq)
{
    int flags = rq->n_fds == 1 ? fcntl(rq->fds[0], F_GETFL) : -1;

    if (flags >= 0 && (flags & O_PATH) == 0 &&
        (flags & O_ACCMODE) != O_RDONLY && (flags & O_APPEND) == 0)
        return true;
    ol_refuse(rq, OL_EXIT_USAGE, "save needs the descriptor of one regular "
              "file, open for writing, not for appending");
    return false;
}

static struct ol_saving *make(struct ol_request *rq)
{
    struct ol_station *st = rq->st;
    struct ol_saving *s = st->n_savings < OL_SAVINGS_MAX
                              ? calloc(1, sizeof(*s))
                              : NULL;

    if (s == NULL)
        return NULL;
    s->st = st;
    s->rq = rq;
    s->buf = malloc(OL_SLICE);
    s->digest = malloc(sizeof(*s->digest));
    st->n_savings++;
    if (s->buf != NULL && s->digest != NULL)
        return s;
    free_saving(s);
    return NULL;
}

void ol_saving_start(struct ol_request *rq, const struct ol_entry *e,
                     unsigned place, uint64_t until_ns)
{
    const struct ol_attachment *a = &e->rec.attachments[place];
    struct ol_station *st = rq->st;
    struct ol_saving *s;

    if (!fd_ok(rq))
        return;
    s = make(rq);
    if (s == NULL) {
        ol_refuse(rq, OL_EXIT_FAILED, "busy: %u others save files just now: "
                  "ask again", st->n_savings);
        return;
    }
    s->line = e->line;
    s->author = e->row.author;
    s->place = place;
    s->size = a->size;
    s->fd = rq->fds[0]; /* the request closes it */
    memcpy(s->id, e->rec.id.p, sizeof(s->id));
    memcpy(s->hash, a->hash.p, sizeof(s->hash));
    ol_text_put(s->name, sizeof(s->name), "%.*s", (int)a->name.n,
                (const char *)a->name.p);
    ol_digest_init(s->digest);
    s->until_ns = until_ns;
    s->next = st->savings;
    st->savings = s;
    ol_loop_again(st);
}
