/*
 * One TCP connection, dialled or accepted: framing, its bounds, its end.
 *
 * On the wire: length 2 | packet, length 1 to OL_FRAME_MAX. A length outside
 * that is no packet of ours and breaks the connection, since nothing after it
 * can be found. At most OL_TCP_QUEUE bytes wait unsent; what does not fit is
 * refused whole.
 */
#ifndef OL_CHANNEL_TCP_H
#define OL_CHANNEL_TCP_H

#include "channel/bearer.h"
#include "channel/sock.h"
#include "wire/messages.h"

#define OL_TCP_QUEUE (32u * 1024)
#define OL_TCP_HEAD 2u
#define OL_TCP_WHOLE (OL_TCP_HEAD + OL_FRAME_MAX) /* a packet, framed */
#define OL_TCP_READ (16u * 1024)
#define OL_TCP_STRANGERS 64u         /* connections nobody has vouched for */
#define OL_TCP_TRUSTED (64u * 16u)   /* a connection per line and channel */
#define OL_TCP_STRANGER_MS 30000u
#define OL_TCP_CONNECT_MS 3000u
#define OL_TCP_STAGGER_MS 250u /* then the next address is tried as well */
#define OL_TCP_TRIES 4u        /* addresses of a name that are tried at once */
#define OL_TCP_PROXY_MS 60000u /* a proxy may have to build a circuit first */
#define OL_TCP_BACKOFF_MIN_MS 250u
#define OL_TCP_BACKOFF_MAX_MS 2000u

struct ol_tcp_conn;

/* What a connection tells its owner; all but `wake` come from the loop. */
struct ol_tcp_conn_ops {
    void (*connected)(struct ol_tcp_conn *, int sys); /* the dialler's */
    void (*packet)(struct ol_tcp_conn *, struct ol_span);
    /* While c->raw: takes bytes as they come; returns how many, 0: none of
     * them makes sense. May end raw, and may close. */
    size_t (*raw)(struct ol_tcp_conn *, struct ol_span);
    /* It is of no use any more; close it. sys: a libuv error. */
    void (*broke)(struct ol_tcp_conn *, int sys);
    void (*room)(struct ol_tcp_conn *); /* ended or returned */
    /* From within a call: call ol_tcp_conn_turn from the loop soon. */
    void (*wake)(struct ol_tcp_conn *);
    /* A buffer of OL_TCP_READ bytes, used only until the read returns. */
    uint8_t *(*buffer)(struct ol_tcp_conn *);
};

struct ol_tcp_conn {
    uv_tcp_t tcp;
    uv_connect_t connect; /* the dialler's */
    uv_write_t write;
    const struct ol_tcp_conn_ops *ops;
    void *owner;
    uint8_t *in; /* OL_TCP_WHOLE: a packet in part, made on first need */
    size_t n_in;
    uint8_t *out; /* OL_TCP_QUEUE, a ring, made on first need */
    size_t out_at, n_out;
    size_t n_writing; /* at out_at, libuv's until written */
    int broken;       /* found by a send, to be told by turn */
    bool closing, full, told_full, turn;
    bool follows; /* behind the packet that is told another lies whole */
    bool raw; /* no packets yet: the proxy speaks */
};

/* A struct of `size` bytes that begins with struct ol_tcp_conn; it frees
 * itself after close. NULL: no memory, no descriptor. */
void *ol_tcp_conn_create(size_t size, uv_loop_t *loop,
                         const struct ol_tcp_conn_ops *ops, void *owner);
/* Begins to connect; `connected` tells. An error is libuv's, and then
 * nothing is told. */
int ol_tcp_conn_connect(struct ol_tcp_conn *c, const union ol_sock *to);
/* Connected or accepted: sets its options and begins to read. An error is
 * libuv's. */
int ol_tcp_conn_start(struct ol_tcp_conn *c);
/* OL_ERR_AGAIN: no room, nothing was taken. OL_ERR_DOWN: it is broken. */
enum ol_err ol_tcp_conn_send(struct ol_tcp_conn *c, struct ol_span packet);
/* The same for a few bytes that are no packet, on a connection that has sent
 * nothing else so far. */
enum ol_err ol_tcp_conn_say(struct ol_tcp_conn *c, struct ol_span bytes);
/* Tells what a send found out. */
void ol_tcp_conn_turn(struct ol_tcp_conn *c);
/* 0 while a packet of the greatest size might not be taken. */
uint32_t ol_tcp_conn_room(const struct ol_tcp_conn *c);
/* Silence at once; the memory goes when libuv lets go of it. */
void ol_tcp_conn_close(struct ol_tcp_conn *c);

/*
 * The addresses of one name, tried until one answers. The owner sets the
 * timer, both ops and itself once, and socks before each beginning.
 */
struct ol_tcp_tries;
struct ol_tcp_tries_ops { /* from the loop */
    void (*trying)(struct ol_tcp_tries *, const union ol_sock *to);
    void (*failed)(struct ol_tcp_tries *, const union ol_sock *to, int sys);
    /* It is over: the connection is the owner's, or there is none. */
    void (*won)(struct ol_tcp_tries *, struct ol_tcp_conn *,
                const union ol_sock *to);
    void (*none)(struct ol_tcp_tries *);
};

struct ol_tcp_try {
    struct ol_tcp_conn *conn; /* NULL: free */
    union ol_sock to;
    uint64_t until_ms;
};

struct ol_tcp_tries {
    uv_timer_t timer; /* first; the owner's bearer counts and closes it */
    const struct ol_tcp_tries_ops *ops;
    const struct ol_tcp_conn_ops *conn_ops; /* of the connections, and */
    void *owner;                            /* whose they are */
    struct ol_socks socks;
    unsigned at; /* the next of them */
    struct ol_tcp_try v[OL_TCP_TRIES];
};

void ol_tcp_tries_begin(struct ol_tcp_tries *t);
/* Hangs up; nothing is told. */
void ol_tcp_tries_end(struct ol_tcp_tries *t);
/* From the owner's `connected`. */
void ol_tcp_tries_connected(struct ol_tcp_tries *t, struct ol_tcp_conn *c,
                            int sys);

/* For tests: how long a listener keeps a connection nobody vouches for. */
void ol_tcp_listen_patience(struct ol_bearer *listener, uint64_t ms);
/* And how long a dialler waits for its proxy. */
void ol_tcp_dial_patience(struct ol_bearer *dialler, uint64_t ms);

#endif
