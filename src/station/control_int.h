/*
 * What control.c and answer.c share: the clients and their buffers.
 */
#ifndef OL_STATION_CONTROL_INT_H
#define OL_STATION_CONTROL_INT_H

#include <uv.h>

#include "station/control.h"
#include "station/rpc.h"

struct ol_buffer {
    char *p;
    size_t n, cap;
};

/* A descriptor that came with a request, until the request is taken. */
struct ol_passed {
    int fd;
    size_t at; /* of `in`: a byte of its line */
};

struct ol_client {
    uv_poll_t poll; /* first */
    int fd;
    int watched; /* what poll waits for: UV_READABLE, UV_WRITABLE */
    struct ol_client *next;
    struct ol_station *st;
    struct ol_buffer in, out, behind; /* behind: waits for a stream's end */
    struct ol_passed passed[OL_REQUEST_FDS];
    unsigned n_passed;
    struct ol_request *requests;
    unsigned pending;
    struct ol_request *stream;
    bool reading, eof, closing;
    bool last; /* closes once all is written */
    bool due;  /* to be flushed at the end of the turn */
    char officer[65];
};

struct ol_control {
    uv_poll_t poll; /* first */
    int fd;
    struct ol_client *clients;
    unsigned n_clients;
    bool stopped;
    bool resting; /* this process has no descriptor left: swept awake */
};

/* Room for `more` bytes behind n; false: no memory. */
bool ol_buffer_grow(struct ol_buffer *b, size_t more);
void ol_buffer_empty(struct ol_buffer *b);

/* Its requests live on without it. */
void ol_client_hang_up(struct ol_client *c);
/* Writes what waits as far as the socket takes it; hangs up when all is
 * written and it is to go. */
void ol_client_flush(struct ol_client *c);
/* Waits for what it is to wait for: bytes to read, room to write. */
void ol_client_watch(struct ol_client *c);
void ol_client_ready(uv_poll_t *handle, int status, int events);
/* A whole line: rq's answer, or (NULL) behind whatever is streamed. Its bytes
 * are freed. */
void ol_client_line(struct ol_client *c, const struct ol_request *rq,
                    struct ol_out *line);
/* Takes call->whole over, and the first n of the client's descriptors. NULL:
 * no memory. */
struct ol_request *ol_request_new(struct ol_client *c,
                                  struct ol_rpc_call *call, unsigned n);

#endif
