/*
 * send with files: from a client's descriptors to pieces on our disk.
 *
 *   READ   each file once, for its hash and size
 *   STORE  once more, in pieces that are sealed and committed as they come;
 *          not if this line has the same content already
 *   then the next file; after the last the record is submitted
 *
 * Reading is done on libuv's threads, a slice at a time, because a stick or a
 * share may be slow; everything else on the loop. A file that is another the
 * second time, a full disk, a client that goes away: the request is refused,
 * no record was made, and what was stored is swept. A crash leaves the same to
 * the next start.
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
#include "station/names.h"
#include "station/query.h"
#include "wire/record.h"

#define COMMITS 4u /* batches of one send in the ledger's queue */
#define TELL_NS (250 * OL_NS_PER_MS)
#define OVER 512u /* what a piece costs on disk beside its bytes */

/* One file of the message; in the request's memory, as the record's texts. */
struct one {
    int fd;
    char name[OL_FILE_NAME_MAX + 1];
    uint8_t hash[OL_HASH];
    uint64_t size;
};

enum step { READ, LOOK, STORE, FINISH };

struct ol_taking {
    struct ol_taking *next;
    struct ol_station *st;
    struct ol_station_line *line; /* NULL: gone */
    struct ol_request *rq;
    struct ol_record rec; /* texts: in the request */
    uint8_t id[OL_ID_SIZE];
    unsigned n, at;
    struct one *file; /* n of them; the request's */
    enum step step;
    struct ol_digest *digest;
    uint64_t offset; /* bytes of this file that were read, this time */
    uint64_t tell_ns;
    unsigned commits; /* under way */
    bool refused;     /* one of them failed */
    bool owns;        /* it is this send that stores the file */
    bool working;     /* the next ones are the thread's, and file[at] */
    uv_work_t work;
    ssize_t got;
    int error;
    bool odd;         /* no regular file, or too large for one */
    bool eof;         /* the slice was the last of this file */
    bool full;        /* buf holds what is to be stored */
    char why[OL_WHY_MAX]; /* not empty: it ends so */
    uint8_t *buf;     /* OL_SLICE */
};

static void end(struct ol_taking *t, const char *why)
{
    if (t->why[0] == '\0')
        ol_text_put(t->why, sizeof(t->why), "%s", why);
    ol_loop_again(t->st);
}

static void changed(struct ol_taking *t)
{
    char why[OL_WHY_MAX];

    ol_text_put(why, sizeof(why), "%s changed while it was read: nothing was "
                "sent; send it when nobody writes it", t->file[t->at].name);
    end(t, why);
}

/* Reading, on a thread: a share that hangs hangs there. */

/* The size that it has now; false: nothing of it is read. */
static bool measure(struct ol_taking *t)
{
    struct one *f = &t->file[t->at];
    struct stat st;

    if (fstat(f->fd, &st) != 0) {
        t->error = errno;
        return false;
    }
    t->odd = !S_ISREG(st.st_mode) || (uint64_t)st.st_size > OL_FILE_MAX;
    f->size = t->odd ? 0 : (uint64_t)st.st_size;
    return !t->odd;
}

static void read_slice(uv_work_t *work)
{
    struct ol_taking *t = work->data;
    size_t n = 0;
    ssize_t got = 1;

    t->error = 0;
    t->odd = false;
    if (t->step == READ && t->offset == 0 && !measure(t))
        got = 0;
    while (n < OL_SLICE && got > 0) {
        got = pread(t->file[t->at].fd, t->buf + n, OL_SLICE - n,
                    (off_t)(t->offset + n));
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got < 0)
            t->error = errno;
        else
            n += (size_t)got;
    }
    ol_digest_add(t->digest, OL_SPAN(t->buf, n));
    t->got = (ssize_t)n;
}

/* The progress of one file, to the client that waits. */
static void tell(struct ol_taking *t)
{
    uint64_t now_ns = ol_clock_ns();
    struct one *f = &t->file[t->at];
    struct ol_client *client = t->rq->client;

    if (now_ns < t->tell_ns || client == NULL || !ol_client_room(client))
        return;
    t->tell_ns = now_ns + TELL_NS;
    ol_client_push(client,
                   json_pack("{s:s,s:s,s:{s:s,s:s,s:I,s:I}}", "jsonrpc",
                             "2.0", "method", "progress", "params", "doing",
                             t->step == READ ? "reading" : "storing", "file",
                             f->name, "have", (json_int_t)t->offset, "size",
                             (json_int_t)f->size));
}

static void on_read(uv_work_t *work, int status)
{
    struct ol_taking *t = work->data;
    struct one *f = &t->file[t->at];
    char why[OL_WHY_MAX];

    (void)status;
    t->working = false;
    t->st->works--;
    t->offset += (uint64_t)t->got;
    t->eof = t->got < (ssize_t)OL_SLICE;
    if (t->error != 0) {
        ol_text_put(why, sizeof(why), "cannot read %s: %s: nothing was sent",
                    f->name, strerror(t->error));
        end(t, why);
    } else if (t->odd) {
        ol_text_put(why, sizeof(why), "%s is no regular file, or too large: "
                    "it cannot be sent", f->name);
        end(t, why);
    } else if (t->offset > f->size || (t->eof && t->offset < f->size)) {
        changed(t);
    }
    t->full = t->step == STORE && t->got > 0;
    tell(t);
    ol_loop_again(t->st);
}

static void start_read(struct ol_taking *t)
{
    if (t->st->works >= OL_WORKS_MAX)
        return; /* another's end wakes us */
    t->work.data = t;
    t->working = true;
    t->st->works++;
    OL_CHECK(uv_queue_work(&t->st->loop, &t->work, read_slice,
                           on_read) == 0);
}

/* Storing. */

static void stored(void *arg, enum ol_err err)
{
    struct ol_taking *t = arg;

    t->commits--;
    t->refused = t->refused || err != OL_OK;
    ol_loop_again(t->st);
}

/* The slice in buf as pieces; the file's row with the first. */
static void store(struct ol_taking *t)
{
    struct one *f = &t->file[t->at];
    uint64_t from = t->offset - (uint64_t)t->got;
    struct ol_put *put;

    ol_files_begin(t->line);
    if (from == 0) {
        put = ol_files_put(OL_PUT_FILE, OL_OWN, f->hash);
        put->state = OL_FILE_TAKING;
        put->number = f->size;
        put->prec = t->rec.prec;
    }
    for (size_t at = 0; at < (size_t)t->got; at += OL_PIECE) {
        put = ol_files_put(OL_PUT_PIECE, OL_OWN, f->hash);
        put->index = (uint32_t)((from + at) / OL_PIECE);
        put->bytes = OL_SPAN(t->buf + at,
                             OL_MIN((size_t)t->got - at, OL_PIECE));
    }
    if (ol_files_commit(t, stored) != OL_OK)
        return; /* the queue is full: again in a later turn */
    t->commits++;
    t->full = false;
}

/* The next pass over a file, or over the next file. */
static void rewind_to(struct ol_taking *t, enum step step)
{
    ol_digest_init(t->digest);
    t->step = step;
    t->offset = 0;
    t->eof = false;
}

/* All its pieces are on disk, or were: from here on it may be served, and the
 * message that is to come names it. */
static void finish_file(struct ol_taking *t)
{
    struct one *f = &t->file[t->at];
    struct ol_file_ref ref = {.place = (uint8_t)t->at};
    struct ol_row_file row;
    struct ol_put *put;
    enum ol_err err = ol_files_row(t->line, OL_OWN, f->hash, &row);

    if (err != OL_OK && err != OL_ERR_MISSING) {
        end(t, "the ledger cannot be read: run 'openline audit'");
        return;
    }
    memcpy(ref.id, t->id, sizeof(ref.id));
    ol_files_begin(t->line);
    ol_files_refer(OL_OWN, f->hash, &ref);
    /* Of one that goes already nothing is put: that the peer holds it may be
     * on its way to the disk, and would be taken back for good. */
    if (err != OL_OK ||
        (row.state != OL_FILE_SENDING && row.state != OL_FILE_HELD)) {
        put = ol_files_put(OL_PUT_FILE, OL_OWN, f->hash);
        put->state = OL_FILE_SENDING;
        put->number = f->size;
        put->prec = t->rec.prec;
    }
    if (ol_files_commit(t, stored) != OL_OK)
        return;
    t->commits++;
    t->at++;
    rewind_to(t, READ);
}

/* Steps. */

static void after_read(struct ol_taking *t)
{
    ol_digest_end(t->digest, t->file[t->at].hash);
    rewind_to(t, LOOK);
}

/* Does another send store the same content for the same line. */
static bool another(const struct ol_taking *me)
{
    for (const struct ol_taking *t = me->st->takings; t != NULL; t = t->next)
        if (t != me && t->line == me->line && t->owns && t->at < t->n &&
            memcmp(t->file[t->at].hash, me->file[me->at].hash, OL_HASH) == 0)
            return true;
    return false;
}

/* Is it here already; if not, is there room. */
static void look(struct ol_taking *t)
{
    struct one *f = &t->file[t->at];
    uint64_t need = (uint64_t)ol_file_pieces(f->size) * (OL_PIECE + OVER);
    uint64_t room = ol_files_room(t->st);
    struct ol_row_file row;
    char why[OL_WHY_MAX];
    enum ol_err err = ol_files_row(t->line, OL_OWN, f->hash, &row);

    /* What stores or removes the same goes first. */
    if (another(t) || ol_sweeps(t->line, OL_OWN, f->hash))
        return;
    if (err == OL_OK && row.state != OL_FILE_TAKING) {
        t->step = FINISH;
        return;
    }
    if (err != OL_OK && err != OL_ERR_MISSING) {
        end(t, "the ledger cannot be read: run 'openline audit'");
    } else if (need > room) {
        ol_text_put(why, sizeof(why), "%s does not fit on the disk: it needs "
                    "%llu MiB, %llu are free for it; nothing was sent",
                    f->name, (unsigned long long)(need >> 20) + 1,
                    (unsigned long long)(room >> 20));
        end(t, why);
    } else {
        t->owns = true;
        t->step = STORE;
        ol_loop_again(t->st);
    }
}

static void after_store(struct ol_taking *t)
{
    uint8_t hash[OL_HASH];

    if (t->commits > 0)
        return;
    ol_digest_end(t->digest, hash);
    if (memcmp(hash, t->file[t->at].hash, sizeof(hash)) != 0)
        changed(t);
    rewind_to(t, FINISH);
}

/* Each pass reads up to the end, so that a file that grows is found. An empty
 * file has no piece to come with its row: FINISH makes it. */
static void go_on(struct ol_taking *t)
{
    if (t->full)
        store(t);
    if (t->full || t->commits >= COMMITS)
        return;
    if (t->step == READ && t->eof)
        after_read(t);
    if (t->step == LOOK)
        look(t);
    if (t->step == STORE && t->eof)
        after_store(t);
    if (t->why[0] != '\0' || t->step == LOOK)
        return;
    if (t->step == FINISH && t->commits == 0)
        finish_file(t);
    else if (t->step != FINISH && !t->eof)
        start_read(t);
}

/* The message, once all its files are on disk. */
static void submit(struct ol_taking *t)
{
    t->rec.n_attachments = (uint8_t)t->n;
    for (unsigned k = 0; k < t->n; k++) {
        struct ol_attachment *a = &t->rec.attachments[k];

        a->hash = OL_SPAN(t->file[k].hash, OL_HASH);
        a->size = t->file[k].size;
        a->name = ol_span_str(t->file[k].name);
        a->type = ol_span_str(ol_media_type(t->file[k].name));
    }
    ol_submit(t->line, t->rq, &t->rec, t->id);
    ol_sweep_again(t->line); /* it may have been refused */
}

/* In words, when the disk takes nothing now. */
static void check_disk(struct ol_taking *t)
{
    char why[OL_WHY_MAX];

    if (!t->refused && !t->st->disk_full)
        return;
    ol_text_put(why, sizeof(why), "the disk %s: nothing was sent; %s",
                t->st->disk_err == OL_ERR_FULL || !t->st->disk_full
                    ? "is full"
                    : "refuses",
                t->st->disk_err == OL_ERR_FULL || !t->st->disk_full
                    ? "make room and send it again"
                    : t->st->disk_why);
    end(t, why);
}

static void free_taking(struct ol_taking *t)
{
    t->st->n_takings--;
    free(t->digest);
    if (t->buf != NULL)
        ol_wipe(t->buf, OL_SLICE);
    free(t->buf);
    free(t);
}

/* True: it is over, and was answered or handed on. */
static bool one_turn(struct ol_taking *t)
{
    struct ol_station_line *line = t->line;

    if (t->working)
        return false;
    if (t->rq->client == NULL)
        end(t, "gone");
    if (line == NULL)
        end(t, "the line is gone: nothing was sent");
    check_disk(t);
    if (t->why[0] != '\0') {
        if (t->commits > 0)
            return false;
        ol_refuse(t->rq, OL_EXIT_FAILED, "%s", t->why);
        if (line != NULL)
            ol_sweep_again(line);
        return true;
    }
    OL_CHECK(line != NULL); /* without one it has ended above */
    if (line->phase != OL_PHASE_RUN)
        return false;
    if (t->at < t->n)
        go_on(t);
    if (t->at < t->n || t->commits > 0)
        return false;
    submit(t);
    return true;
}

void ol_taking_pump(struct ol_station *st)
{
    struct ol_taking **at = &st->takings;

    while (*at != NULL) {
        struct ol_taking *t = *at;

        if (!one_turn(t)) {
            at = &t->next;
            continue;
        }
        *at = t->next;
        free_taking(t);
    }
}

bool ol_taking_has_id(const struct ol_station *st,
                      const uint8_t id[OL_ID_SIZE])
{
    for (const struct ol_taking *t = st->takings; t != NULL; t = t->next)
        if (memcmp(t->id, id, OL_ID_SIZE) == 0)
            return true;
    return false;
}

bool ol_taking_now(const struct ol_station_line *line,
                   const uint8_t hash[OL_HASH])
{
    for (const struct ol_taking *t = line->st->takings; t != NULL;
         t = t->next) {
        unsigned n = t->at < t->n && t->step > LOOK ? t->at + 1 : t->at;

        for (unsigned k = 0; k < n && t->line == line; k++)
            if (memcmp(t->file[k].hash, hash, OL_HASH) == 0)
                return true;
    }
    return false;
}

void ol_taking_fail(struct ol_station *st, const struct ol_station_line *line,
                    const char *why)
{
    for (struct ol_taking *t = st->takings; t != NULL; t = t->next)
        if (line == NULL || t->line == line)
            end(t, why);
}

void ol_taking_drop(struct ol_station_line *line)
{
    for (struct ol_taking *t = line->st->takings; t != NULL; t = t->next) {
        if (t->line != line)
            continue;
        t->line = NULL; /* a thread may be at it: it ends by itself */
        t->commits = 0;
        end(t, "the line is gone: nothing was sent");
    }
}

/* Taking the request's descriptors. */

static bool take_one(struct ol_request *rq, unsigned k, struct one *f)
{
    json_t *names = json_object_get(rq->params, "files");
    const char *name = json_string_value(json_array_get(names, k));
    int flags = fcntl(rq->fds[k], F_GETFL);

    if (name == NULL || !ol_record_file_name_ok(ol_span_str(name))) {
        ol_refuse(rq, OL_EXIT_USAGE, "files must name each file: 1 to %u "
                  "bytes of text without / or control characters",
                  OL_FILE_NAME_MAX);
        return false;
    }
    if (flags < 0 ||
        (flags & O_ACCMODE) == O_WRONLY || (flags & O_PATH) != 0) {
        ol_refuse(rq, OL_EXIT_USAGE, "%s is no file that can be read: only "
                  "regular files are sent", name);
        return false;
    }
    f->fd = rq->fds[k]; /* the request closes it */
    ol_text_put(f->name, sizeof(f->name), "%s", name);
    return true;
}

static struct ol_taking *make(struct ol_station_line *line,
                              struct ol_request *rq)
{
    struct ol_station *st = line->st;
    struct ol_taking *t = st->n_takings < OL_TAKINGS_MAX
                              ? calloc(1, sizeof(*t))
                              : NULL;

    if (t == NULL)
        return NULL;
    t->n = rq->n_fds;
    t->buf = malloc(OL_SLICE);
    t->digest = malloc(sizeof(*t->digest));
    rq->held = t->file = calloc(t->n, sizeof(*t->file));
    t->st = st;
    t->line = line;
    t->rq = rq;
    st->n_takings++;
    if (t->buf != NULL && t->digest != NULL && t->file != NULL)
        return t;
    free_taking(t);
    return NULL;
}

void ol_taking_start(struct ol_station_line *line, struct ol_request *rq,
                     const struct ol_record *rec,
                     const uint8_t id[OL_ID_SIZE])
{
    struct ol_station *st = line->st;
    struct ol_taking *t;

    if (json_array_size(json_object_get(rq->params, "files")) != rq->n_fds) {
        ol_refuse(rq, OL_EXIT_USAGE, "files must name each of the %u file "
                  "descriptors, in their order", rq->n_fds);
        return;
    }
    t = make(line, rq);
    if (t == NULL) {
        ol_refuse(rq, OL_EXIT_FAILED, "busy: %u other sends with files are "
                  "under way; send it again", st->n_takings);
        return;
    }
    for (unsigned k = 0; k < t->n; k++) {
        if (!take_one(rq, k, &t->file[k])) {
            free_taking(t);
            return;
        }
    }
    ol_digest_init(t->digest);
    t->rec = *rec;
    if (id != NULL)
        memcpy(t->id, id, sizeof(t->id));
    else
        ol_id_new(t->id, ol_clock_wall_ms());
    t->next = st->takings;
    st->takings = t;
    ol_loop_again(st);
}
