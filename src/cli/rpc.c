/*
 * The client of the control socket: JSON-RPC 2.0, one object a line.
 *
 * Happy path: connect, write one line, read lines until the one with our id,
 * hand out its result. It fails when nobody listens (the station is not
 * running), when the station ends half-way, when it does not answer in time,
 * or with the station's own words. A socket's path that is longer than an
 * address holds is reached through a descriptor of its directory.
 */
#include "cli/rpc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/when.h"

#define SOCKET_NAME "control.sock"
#define TIMEOUT_MS 60000
#define BLOCK (64u * 1024)

static __attribute__((format(printf, 3, 4))) int
fail(char why[OL_WHY_MAX], int status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why, OL_WHY_MAX, format, args);
    va_end(args);
    return status;
}

static int refused(const char *dir, int error, char why[OL_WHY_MAX])
{
    if (error == EACCES || error == EPERM)
        return fail(why, OL_EXIT_FAILED,
                    "this user may not speak with the station in %s: run the "
                    "command as the station's user or group", dir);
    if (error == ENOENT || error == ECONNREFUSED)
        return fail(why, OL_EXIT_DOWN,
                    "the station in %s is not running: start it with "
                    "'openline -d %s run'", dir, dir);
    return fail(why, OL_EXIT_FAILED,
                "cannot reach the station in %s: %s: see 'openline -d %s "
                "doctor'", dir, strerror(error), dir);
}

int ol_rpc_open(struct ol_rpc *rpc, const char *dir, char why[OL_WHY_MAX])
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = strlen(dir);
    int folder, error = 0;

    memset(rpc, 0, sizeof(*rpc));
    rpc->dir = dir;
    rpc->timeout_ms = TIMEOUT_MS;
    rpc->fd = -1;
    folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return refused(dir, errno, why);
    if (n + sizeof(SOCKET_NAME) < sizeof(to.sun_path))
        snprintf(to.sun_path, sizeof(to.sun_path), "%.*s/" SOCKET_NAME,
                 (int)n, dir);
    else
        snprintf(to.sun_path, sizeof(to.sun_path),
                 "/proc/self/fd/%d/" SOCKET_NAME, folder);
    rpc->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (rpc->fd < 0 ||
        connect(rpc->fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
        error = errno;
    close(folder);
    if (error == 0)
        return OL_EXIT_DONE;
    ol_rpc_close(rpc);
    return refused(dir, error, why);
}

void ol_rpc_close(struct ol_rpc *rpc)
{
    if (rpc->fd >= 0)
        close(rpc->fd);
    free(rpc->buf);
    rpc->fd = -1;
    rpc->buf = NULL;
    rpc->n = rpc->used = rpc->cap = 0;
}

/* Descriptors go with the first byte. */
static bool write_all(struct ol_rpc *rpc, const char *p, size_t n)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(OL_RPC_FDS * sizeof(int))];
    } control = {0};
    size_t room = rpc->n_fds * sizeof(int);
    struct iovec io;
    struct msghdr msg = {.msg_iov = &io, .msg_iovlen = 1};

    if (rpc->n_fds > 0) {
        struct cmsghdr *h = &control.align;

        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(room);
        memcpy(CMSG_DATA(h), rpc->fds, room);
        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE(room);
    }
    rpc->n_fds = 0;
    while (n > 0) {
        ssize_t w;

        io.iov_base = (char *)p;
        io.iov_len = n;
        w = sendmsg(rpc->fd, &msg, MSG_NOSIGNAL);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return false;
        msg.msg_control = NULL;
        msg.msg_controllen = 0;
        p += w;
        n -= (size_t)w;
    }
    return true;
}

static int ended(const struct ol_rpc *rpc, char why[OL_WHY_MAX])
{
    return fail(why, OL_EXIT_DOWN,
                "the station in %s ended: start it again with 'openline -d "
                "%s run'", rpc->dir, rpc->dir);
}

/* More bytes into the buffer, within the time that is left. */
static int fill(struct ol_rpc *rpc, int64_t until_ms, char why[OL_WHY_MAX])
{
    struct pollfd p = {.fd = rpc->fd, .events = POLLIN};
    ssize_t got;
    int ready;

    if (rpc->cap - rpc->n < BLOCK) {
        size_t cap = rpc->cap ? 2 * rpc->cap : 2 * BLOCK;
        char *buf = cap > OL_RPC_BYTES_MAX ? NULL : realloc(rpc->buf, cap);

        if (buf == NULL)
            return fail(why, OL_EXIT_FAILED,
                        "the station's answer is too large: ask for less, "
                        "for example with --from");
        rpc->buf = buf;
        rpc->cap = cap;
    }
    for (;;) {
        int64_t left = until_ms - ol_when_tick_ms();

        if (until_ms == INT64_MAX)
            left = -1;
        else if (left < 0)
            left = 0;
        ready = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);
        if (ready > 0 || (ready < 0 && errno != EINTR) ||
            (ready == 0 && left <= INT_MAX))
            break;
    }
    if (ready == 0)
        return fail(why, OL_EXIT_VAIN,
                    "the station in %s does not answer: look at its log",
                    rpc->dir);
    do
        got = recv(rpc->fd, rpc->buf + rpc->n, rpc->cap - rpc->n, 0);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return ended(rpc, why);
    rpc->n += (size_t)got;
    return OL_EXIT_DONE;
}

/* The next line, without its newline; valid until the next call. */
static int next_line(struct ol_rpc *rpc, int timeout_ms, char **text,
                     size_t *len, char why[OL_WHY_MAX])
{
    int64_t until_ms =
        timeout_ms < 0 ? INT64_MAX : ol_when_tick_ms() + timeout_ms;
    size_t seen;
    char *end;
    int status;

    if (rpc->used > 0) {
        memmove(rpc->buf, rpc->buf + rpc->used, rpc->n - rpc->used);
        rpc->n -= rpc->used;
        rpc->used = 0;
    }
    for (seen = 0;;) {
        end = rpc->n > seen ? memchr(rpc->buf + seen, '\n', rpc->n - seen)
                            : NULL;
        if (end != NULL)
            break;
        seen = rpc->n;
        status = fill(rpc, until_ms, why);
        if (status != OL_EXIT_DONE)
            return status;
    }
    *text = rpc->buf;
    *len = (size_t)(end - rpc->buf);
    rpc->used = *len + 1;
    return OL_EXIT_DONE;
}

/* The end of the JSON value that starts at p. */
static const char *skip(const char *p, const char *end)
{
    unsigned depth = 0;

    for (; p < end; p++) {
        if (*p == '"') {
            for (p++; p < end && *p != '"'; p++)
                p += *p == '\\';
        } else if (*p == '{' || *p == '[') {
            depth++;
        } else if (*p == '}' || *p == ']') {
            if (depth == 0)
                return p;
            depth--;
        } else if (*p == ',' && depth == 0) {
            return p;
        }
    }
    return end;
}

static const char *blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
        p++;
    return p;
}

const char *ol_rpc_member(const char *text, size_t n, const char *name,
                          size_t *len)
{
    const char *end = text + n, *p = blanks(text, end);
    size_t want = strlen(name);

    if (p >= end || *p != '{')
        return NULL;
    do {
        const char *key, *value, *stop;

        key = blanks(p + 1, end);
        if (key >= end || *key != '"')
            return NULL;
        p = memchr(key + 1, '"', (size_t)(end - key - 1));
        if (p == NULL)
            return NULL;
        value = blanks(p + 1, end);
        if (value >= end || *value != ':')
            return NULL;
        value = blanks(value + 1, end);
        stop = skip(value, end);
        if ((size_t)(p - key - 1) == want &&
            memcmp(key + 1, name, want) == 0) {
            *len = (size_t)(stop - value);
            while (*len > 0 && value[*len - 1] == ' ')
                --*len;
            return value;
        }
        p = stop;
    } while (p < end && *p == ',');
    return NULL;
}

void ol_doc_free(struct ol_doc *doc)
{
    json_decref(doc->value);
    free(doc->raw);
    memset(doc, 0, sizeof(*doc));
}

/* Hands out one member of an envelope, parsed and as it stood. */
static int give(json_t *envelope, const char *name, const char *line,
                size_t len, struct ol_doc *out)
{
    const char *raw = ol_rpc_member(line, len, name, &out->raw_n);

    out->value = json_incref(json_object_get(envelope, name));
    if (out->value == NULL || raw == NULL) {
        out->value = json_null();
        raw = "null";
        out->raw_n = 4;
    }
    out->raw = strndup(raw, out->raw_n);
    if (out->raw == NULL)
        abort();
    json_decref(envelope);
    return OL_EXIT_DONE;
}

static int error_of(json_t *envelope, char why[OL_WHY_MAX])
{
    json_t *error = json_object_get(envelope, "error");
    json_int_t code = json_integer_value(json_object_get(error, "code"));
    const char *text = json_string_value(json_object_get(error, "message"));

    snprintf(why, OL_WHY_MAX, "%s",
             text ? text : "the station gave no reason: look at its log");
    json_decref(envelope);
    return code >= OL_EXIT_FAILED && code <= OL_EXIT_DOWN ? (int)code
                                                          : OL_EXIT_FAILED;
}

static int garbled(const struct ol_rpc *rpc, char why[OL_WHY_MAX])
{
    return fail(why, OL_EXIT_FAILED,
                "the station in %s gave an answer that is not JSON-RPC: is "
                "it of the same version as this command?", rpc->dir);
}

static json_t *parse(const char *text, size_t len)
{
    json_t *v = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

    if (v != NULL && !json_is_object(v)) {
        json_decref(v);
        return NULL;
    }
    return v;
}

static int ask(struct ol_rpc *rpc, const char *method, json_t *params,
               char why[OL_WHY_MAX])
{
    json_t *question = json_pack("{s:s, s:I, s:s, s:o*}", "jsonrpc", "2.0",
                                 "id", (json_int_t)++rpc->id, "method",
                                 method, "params", params);
    char *text = question ? json_dumps(question, JSON_COMPACT) : NULL;
    size_t n;
    bool sent;

    json_decref(question);
    if (text == NULL)
        return fail(why, OL_EXIT_FAILED,
                    "the question \"%s\" cannot be written as JSON: check "
                    "that all words are UTF-8", method);
    n = strlen(text);
    text[n] = '\n'; /* in place of the NUL: one question, one write */
    sent = write_all(rpc, text, n + 1);
    free(text);
    return sent ? OL_EXIT_DONE : ended(rpc, why);
}

static void tell(const struct ol_rpc *rpc, const json_t *envelope)
{
    const char *method =
        json_string_value(json_object_get(envelope, "method"));

    if (rpc->notice != NULL && method != NULL)
        rpc->notice(rpc->notice_arg, method,
                    json_object_get(envelope, "params"));
}

int ol_rpc_call(struct ol_rpc *rpc, const char *method, json_t *params,
                struct ol_doc *out, char why[OL_WHY_MAX])
{
    int status = ask(rpc, method, params, why);

    while (status == OL_EXIT_DONE) {
        json_t *envelope, *id;
        char *text;
        size_t len;

        status = next_line(rpc, rpc->timeout_ms, &text, &len, why);
        if (status != OL_EXIT_DONE)
            break;
        envelope = parse(text, len);
        if (envelope == NULL)
            return garbled(rpc, why);
        id = json_object_get(envelope, "id");
        if (json_object_get(envelope, "error") != NULL)
            return error_of(envelope, why);
        if (json_integer_value(id) == (json_int_t)rpc->id)
            return give(envelope, "result", text, len, out);
        tell(rpc, envelope);
        json_decref(envelope); /* a notification, or an answer given up */
    }
    /* No answer in time is a failure; 4 is what the station says of waits. */
    return status == OL_EXIT_VAIN ? OL_EXIT_FAILED : status;
}

int ol_rpc_next(struct ol_rpc *rpc, int timeout_ms, struct ol_doc *out,
                char why[OL_WHY_MAX])
{
    int64_t until_ms = ol_when_tick_ms() + timeout_ms;

    for (;;) {
        int64_t left = until_ms - ol_when_tick_ms();
        json_t *envelope;
        char *text;
        size_t len;
        int status;

        if (timeout_ms < 0)
            left = OL_RPC_FOR_EVER;
        else if (left < 0)
            left = 0;
        status = next_line(rpc, (int)left, &text, &len, why);
        if (status != OL_EXIT_DONE)
            return status;
        envelope = parse(text, len);
        if (envelope == NULL)
            return garbled(rpc, why);
        if (json_object_get(envelope, "method") != NULL)
            return give(envelope, "params", text, len, out);
        json_decref(envelope);
    }
}
