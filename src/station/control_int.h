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

struct ol_client {
    uv_pipe_t pipe; /* first */
    struct ol_client *next;
    struct ol_station *st;
    struct ol_buffer in, out, behind; /* behind: waits for a stream's end */
    uv_write_t write;
    char *writing; /* libuv's until written */
    size_t n_writing;
    struct ol_request *requests;
    unsigned pending;
    struct ol_request *stream;
    bool reading, eof, closing;
    bool last; /* closes once all is written */
    char officer[65];
};

struct ol_control {
    uv_pipe_t pipe; /* first */
    struct ol_client *clients;
    unsigned n_clients;
    bool stopped;
};

/* Room for `more` bytes behind n; false: no memory. */
bool ol_buffer_grow(struct ol_buffer *b, size_t more);
void ol_buffer_empty(struct ol_buffer *b);

/* Its requests live on without it. */
void ol_client_hang_up(struct ol_client *c);
/* Writes what waits; hangs up when all is written and it is to go. */
void ol_client_flush(struct ol_client *c);
/* A whole line: rq's answer, or (NULL) behind whatever is streamed. */
void ol_client_line(struct ol_client *c, const struct ol_request *rq,
                    const char *text);
/* Takes call->whole over. NULL: no memory. */
struct ol_request *ol_request_new(struct ol_client *c,
                                  struct ol_rpc_call *call);

#endif
