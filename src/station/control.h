/*
 * The control socket: clients, their requests, and answers within bounds.
 *
 * A request is answered exactly once, now or later, by ol_reply, ol_refuse or
 * a stream; that frees it. Its client may be gone by then: the answer is then
 * thrown away. Bounds are in doc/control.md.
 */
#ifndef OL_STATION_CONTROL_H
#define OL_STATION_CONTROL_H

#include <jansson.h>
#include <stdbool.h>

#include <openline/station.h>

#define OL_CLIENTS_MAX 64u
#define OL_CLIENTS_SPARE 4u /* are only told that there are too many */
#define OL_REQUEST_MAX 65536u  /* bytes of a line */
#define OL_PENDING_MAX 64u     /* requests of one client under way */
#define OL_REQUEST_FDS 8u      /* descriptors with one request */
#define OL_BACKLOG (64u * 1024) /* bytes waiting, beyond which none is made */
#define OL_BACKLOG_MAX (16u * 1024 * 1024) /* the client is cut off */

struct ol_station;
struct ol_client;
struct ol_control;
struct ol_out;

struct ol_request {
    struct ol_request *next, **self; /* the client's list */
    struct ol_station *st;
    struct ol_client *client; /* NULL: gone */
    json_t *whole;            /* what id and params point into */
    json_t *id, *params;      /* params may be NULL */
    char officer[65];
    bool streaming, first;
    int fds[OL_REQUEST_FDS]; /* whoever takes one leaves -1; else closed */
    unsigned n_fds;
    void *held; /* what the record borrows besides; freed with it */
};

int ol_control_open(struct ol_station *st, char why[OL_WHY_MAX]);
/* No new client, no new request; who waits is told so. */
void ol_control_stop(struct ol_station *st);
void ol_control_close(struct ol_station *st);
/* Does an answer still wait to be written. */
bool ol_control_busy(const struct ol_station *st);
/* Reads on where there is room again. */
void ol_control_pump(struct ol_station *st);
/* What this turn answered and told goes out. */
void ol_control_flush(struct ol_station *st);
/* Half-closed clients that are gone by now. */
void ol_control_sweep(struct ol_station *st);

/* Answers. result is consumed; NULL: no memory, said so. Or written: between
 * begin and end one value, into an o that is empty from here on. */
void ol_reply(struct ol_request *rq, json_t *result);
void ol_reply_begin(struct ol_request *rq, struct ol_out *o);
void ol_reply_end(struct ol_request *rq, struct ol_out *o);
void ol_refuse(struct ol_request *rq, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* An array of any length: items, then the end, both only from a job's step,
 * which waits for room. Breaking one off cuts the client off: it must not
 * take a half for the whole. */
void ol_stream_item(struct ol_request *rq, json_t *item); /* consumed */
void ol_stream_begin(struct ol_request *rq, struct ol_out *o); /* a written */
void ol_stream_put(struct ol_request *rq, struct ol_out *o);   /* item */
void ol_stream_end(struct ol_request *rq);
void ol_stream_break(struct ol_request *rq);
/* May more be made for its client. A client that is gone takes everything. */
bool ol_request_room(const struct ol_request *rq);

/* A string parameter, or NULL. */
const char *ol_param(const struct ol_request *rq, const char *name);
bool ol_param_true(const struct ol_request *rq, const char *name);
/* The user at the other end, at most 64 bytes. */
const char *ol_request_officer(const struct ol_request *rq);

/* Notifications. False: not now, the client is busy with something else. */
bool ol_client_room(const struct ol_client *client);
void ol_client_push(struct ol_client *client, json_t *line); /* consumed */
/* One that is written, into an o that is empty from begin on and freed at the
 * end. */
void ol_client_begin(struct ol_out *o);
void ol_client_say(struct ol_client *client, struct ol_out *o);

/* Background work: step returns false when it is done and has answered. It
 * is called while the client has room, and never again once rq->client is
 * gone: then drop is. */
struct ol_job {
    struct ol_job *next;
    struct ol_request *rq;
    bool (*step)(struct ol_job *job);
    void (*drop)(struct ol_job *job); /* frees all but the request */
};
void ol_job_start(struct ol_job *job);
void ol_jobs_pump(struct ol_station *st);
/* Ends all, as when the lines they walk over change. */
void ol_jobs_stop(struct ol_station *st);

/* methods.c: finds, checks, calls. Answers in any case. */
void ol_methods_call(struct ol_request *rq, const char *method);

#endif
