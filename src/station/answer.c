/*
 * Answers: what goes out to a client, one line after the other.
 *
 * Happy path: an answer becomes a line in the client's buffer, the request is
 * freed, and at the end of the turn the socket takes all lines at once, as it
 * can. While an array is streamed to a
 * client, other answers to it wait behind. A client that does not read is
 * given nothing more to make, and is cut off when even so too much waits for
 * it.
 */
#include "station/control_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "station/log.h"
#include "station/station.h"

#define FIRST 32768u /* 64 requests, or a turn of answers */
#define WRITE_AT (OL_BACKLOG / 2) /* more than this goes at once */
#define SPARE 8192u /* bytes of a line that are kept for the next */

/* Buffers. */

bool ol_buffer_grow(struct ol_buffer *b, size_t more)
{
    size_t cap = b->cap ? b->cap : FIRST;
    char *p;

    while (cap - b->n < more)
        cap *= 2;
    if (cap == b->cap)
        return true;
    p = realloc(b->p, cap);
    if (p == NULL)
        return false;
    b->p = p;
    b->cap = cap;
    return true;
}

void ol_buffer_empty(struct ol_buffer *b)
{
    free(b->p);
    memset(b, 0, sizeof(*b));
}

/* A client's end. */

static void on_closed(uv_handle_t *handle)
{
    struct ol_client *c = (struct ol_client *)handle;

    ol_buffer_empty(&c->in);
    ol_buffer_empty(&c->out);
    ol_buffer_empty(&c->behind);
    free(c);
}

void ol_client_hang_up(struct ol_client *c)
{
    struct ol_control *ctl = c->st->control;

    if (c->closing)
        return;
    c->closing = true;
    for (struct ol_client **at = &ctl->clients; *at; at = &(*at)->next) {
        if (*at == c) {
            *at = c->next;
            ctl->n_clients--;
            break;
        }
    }
    /* Whoever works on a request finds that nobody waits for it. */
    while (c->requests != NULL) {
        struct ol_request *rq = c->requests;

        c->requests = rq->next;
        rq->client = NULL;
        rq->self = NULL;
        rq->next = NULL;
    }
    ol_events_forget(c->st, c);
    while (c->n_passed > 0)
        ol_close_away(c->st, c->passed[--c->n_passed].fd);
    uv_close((uv_handle_t *)&c->poll, on_closed);
    close(c->fd);
}

void ol_client_watch(struct ol_client *c)
{
    /* What is due is written in this turn; watched is what that leaves. */
    int want = (c->reading ? UV_READABLE : 0) |
               (c->out.n > 0 && !c->due ? UV_WRITABLE : 0);

    if (c->closing || want == c->watched)
        return;
    c->watched = want;
    if (want == 0)
        OL_CHECK(uv_poll_stop(&c->poll) == 0);
    else
        OL_CHECK(uv_poll_start(&c->poll, want, ol_client_ready) == 0);
}

/* Writing. */

static void append(struct ol_client *c, struct ol_buffer *b, const char *text,
                   size_t n)
{
    if (c->closing)
        return;
    if (b->n + n > OL_BACKLOG_MAX || !ol_buffer_grow(b, n)) {
        ol_log(OL_LOG_NOTE, "a client of the control socket does not read: "
               "it was cut off");
        ol_client_hang_up(c);
        return;
    }
    memcpy(b->p + b->n, text, n);
    b->n += n;
}

void ol_client_flush(struct ol_client *c)
{
    c->due = false;
    while (!c->closing && c->out.n > 0) {
        ssize_t n = send(c->fd, c->out.p, c->out.n,
                         MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0 && errno != EINTR)
            ol_client_hang_up(c);
        if (n <= 0)
            continue;
        c->out.n -= (size_t)n;
        memmove(c->out.p, c->out.p + n, c->out.n);
    }
    if (c->closing)
        return;
    if (c->out.n == 0)
        ol_buffer_empty(&c->out);
    if (c->out.n == 0 && c->behind.n == 0 && c->pending == 0 &&
        (c->last || c->eof))
        ol_client_hang_up(c);
    else
        ol_client_watch(c);
}

/* Now if it is much: who asks for room is to be told what the socket takes. */
static void flush_soon(struct ol_client *c)
{
    c->due = true;
    if (c->out.n >= WRITE_AT)
        ol_client_flush(c);
}

void ol_control_flush(struct ol_station *st)
{
    struct ol_client *next;

    if (st->control == NULL)
        return;
    for (struct ol_client *c = st->control->clients; c != NULL; c = next) {
        next = c->next;
        if (c->due)
            ol_client_flush(c);
    }
}

static struct ol_out spare; /* the room of the last line; one thread */

void ol_client_begin(struct ol_out *o)
{
    *o = (struct ol_out){.p = spare.p, .cap = spare.cap};
    memset(&spare, 0, sizeof(spare));
}

static void line_end(struct ol_out *o)
{
    if (spare.p == NULL && o->cap <= SPARE) {
        spare = *o;
        memset(o, 0, sizeof(*o));
    }
    ol_out_free(o);
}

void ol_client_line(struct ol_client *c, const struct ol_request *rq,
                    struct ol_out *line)
{
    bool behind = c->stream != NULL && c->stream != rq;

    ol_out_raw(line, "\n", 1);
    if (line->failed)
        ol_client_hang_up(c); /* no memory: better no answer than half */
    else
        append(c, behind ? &c->behind : &c->out, line->p, line->n);
    line_end(line);
    flush_soon(c);
}

bool ol_client_room(const struct ol_client *c)
{
    return c->stream == NULL && c->out.n < OL_BACKLOG;
}

void ol_client_say(struct ol_client *c, struct ol_out *o)
{
    ol_client_line(c, NULL, o);
}

void ol_client_push(struct ol_client *c, json_t *line)
{
    struct ol_out out;

    ol_client_begin(&out);
    ol_out_tree(&out, NULL, line);
    json_decref(line);
    ol_client_say(c, &out);
}

/* Requests. */

struct ol_request *ol_request_new(struct ol_client *c,
                                  struct ol_rpc_call *call, unsigned n)
{
    struct ol_request *rq = calloc(1, sizeof(*rq));

    if (rq == NULL)
        return NULL;
    rq->st = c->st;
    rq->client = c;
    memcpy(rq->officer, c->officer, sizeof(rq->officer));
    rq->whole = call->whole;
    rq->id = call->id;
    rq->params = call->params;
    rq->next = c->requests;
    rq->self = &c->requests;
    if (rq->next != NULL)
        rq->next->self = &rq->next;
    c->requests = rq;
    c->pending++;
    call->whole = NULL; /* the request's now */
    OL_CHECK(n <= c->n_passed);
    for (unsigned k = 0; k < n; k++)
        rq->fds[rq->n_fds++] = c->passed[k].fd;
    c->n_passed -= n;
    memmove(c->passed, c->passed + n, c->n_passed * sizeof(c->passed[0]));
    return rq;
}

static void request_free(struct ol_request *rq)
{
    if (rq->client != NULL) {
        *rq->self = rq->next;
        if (rq->next != NULL)
            rq->next->self = rq->self;
        rq->client->pending--;
    }
    for (unsigned k = 0; k < rq->n_fds; k++)
        if (rq->fds[k] >= 0)
            ol_close_away(rq->st, rq->fds[k]);
    json_decref(rq->whole);
    free(rq->held);
    free(rq);
}

static void answer(struct ol_request *rq, struct ol_out *line)
{
    struct ol_client *c = rq->client;

    if (c != NULL)
        ol_client_line(c, rq, line);
    ol_out_free(line);
    c = rq->client; /* it may have been cut off just now */
    request_free(rq);
    if (c != NULL)
        flush_soon(c);
}

void ol_reply_begin(struct ol_request *rq, struct ol_out *o)
{
    ol_client_begin(o);
    o->digits = 9;
    ol_rpc_begin(o, rq->id, "result");
}

void ol_reply_end(struct ol_request *rq, struct ol_out *o)
{
    ol_out_close(o, '}');
    if (!o->failed) {
        answer(rq, o);
        return;
    }
    ol_out_free(o);
    ol_refuse(rq, OL_EXIT_FAILED, "no memory: ask for less");
}

void ol_reply(struct ol_request *rq, json_t *result)
{
    struct ol_out out;

    ol_reply_begin(rq, &out);
    ol_out_tree(&out, NULL, result);
    json_decref(result);
    ol_reply_end(rq, &out);
}

void ol_refuse(struct ol_request *rq, int code, const char *fmt, ...)
{
    struct ol_out out = {0};
    char text[OL_WHY_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    ol_rpc_error(&out, rq->id, code, text);
    answer(rq, &out);
}

/* Streams. */

bool ol_request_room(const struct ol_request *rq)
{
    const struct ol_client *c = rq->client;

    return c == NULL || ((c->stream == NULL || c->stream == rq) &&
                         c->out.n < OL_BACKLOG);
}

/* What is to go out of it; a half of it cuts its client off. */
static void stream_part(struct ol_request *rq, struct ol_out *part)
{
    struct ol_client *c = rq->client;

    if (c != NULL && part->failed)
        ol_client_hang_up(c);
    else if (c != NULL)
        append(c, &c->out, part->p, part->n);
    ol_out_free(part);
}

/* Not before another stream to this client has ended: jobs ask for room. */
static void stream_head(struct ol_request *rq, struct ol_out *part)
{
    if (rq->streaming)
        return;
    rq->streaming = rq->first = true;
    if (rq->client != NULL)
        rq->client->stream = rq;
    ol_rpc_begin(part, rq->id, "result");
    ol_out_open(part, NULL, '[');
}

void ol_stream_begin(struct ol_request *rq, struct ol_out *o)
{
    stream_head(rq, o);
    if (!rq->first)
        ol_out_raw(o, ",", 1);
    rq->first = false;
}

void ol_stream_put(struct ol_request *rq, struct ol_out *o)
{
    stream_part(rq, o);
    if (rq->client != NULL)
        flush_soon(rq->client);
}

void ol_stream_item(struct ol_request *rq, json_t *item)
{
    struct ol_out part = {0};

    ol_stream_begin(rq, &part);
    ol_out_tree(&part, NULL, item);
    json_decref(item);
    ol_stream_put(rq, &part);
}

void ol_stream_end(struct ol_request *rq)
{
    struct ol_out part = {0};
    struct ol_client *c;

    stream_head(rq, &part);
    ol_out_raw(&part, "]}\n", 3);
    stream_part(rq, &part);
    c = rq->client;
    if (c != NULL) {
        c->stream = NULL;
        append(c, &c->out, c->behind.p ? c->behind.p : "", c->behind.n);
        ol_buffer_empty(&c->behind);
    }
    c = rq->client;
    request_free(rq);
    if (c != NULL)
        flush_soon(c);
}

void ol_stream_break(struct ol_request *rq)
{
    if (rq->client != NULL)
        ol_client_hang_up(rq->client);
    request_free(rq);
}

/* Parameters. */

const char *ol_param(const struct ol_request *rq, const char *name)
{
    return json_string_value(json_object_get(rq->params, name));
}

bool ol_param_true(const struct ol_request *rq, const char *name)
{
    return json_is_true(json_object_get(rq->params, name));
}

const char *ol_request_officer(const struct ol_request *rq)
{
    return rq->officer;
}
