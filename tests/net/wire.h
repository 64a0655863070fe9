/*
 * The parts of the userspace wire: wire.c owns the devices and the loop,
 * wire_path.c decides what becomes of a packet, wire_ctl.c takes commands.
 * Times are CLOCK_MONOTONIC nanoseconds; a probability is a threshold on 32
 * random bits, so 0 is never and 2^32 is always.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define WIRE_PATHS_MAX 16
#define WIRE_PACKET_MAX 9216
#define WIRE_PENDING_MAX 65536
#define WIRE_PENDING_BYTES_MAX (256u << 20)
#define WIRE_QUEUE_BYTES (1u << 20) /* of a flow with a rate, unless told */
#define WIRE_CHANCE_ONE ((uint64_t)1 << 32)
#define WIRE_NS_PER_MS 1000000.0

enum wire_dir { WIRE_AB, WIRE_BA, WIRE_DIRS };

/* What one direction of a path does to packets. */
struct wire_shape {
    uint64_t delay_ns;    /* one way */
    uint64_t jitter_ns;   /* 0 .. jitter is added; it may reorder */
    uint64_t loss;        /* chances */
    uint64_t dup;
    uint64_t corrupt;
    uint64_t rate_bps;    /* 0: as fast as it comes */
    uint64_t queue_bytes; /* what may wait for the rate */
    uint64_t most_bytes;  /* larger packets vanish in silence; 0: none do */
    bool cut;
};

/* Every packet that entered is in exactly one of the later counts or still
 * pending; a duplicate adds one to duplicated and one to those. */
struct wire_counts {
    uint64_t packets, bytes;
    uint64_t delivered_packets, delivered_bytes;
    uint64_t lost;       /* by chance */
    uint64_t cut;        /* entered, or was under way, when the path was cut */
    uint64_t overflowed; /* the queue, or the wire's own limit, was full */
    uint64_t too_big;    /* larger than the path takes */
    uint64_t refused;    /* the device at the far end did not take it */
    uint64_t duplicated, corrupted;
    uint64_t late_ns_max; /* how far the wire itself missed a due time */
};

/* One direction of one path. */
struct wire_flow {
    int to_fd;
    struct wire_shape shape;
    struct wire_counts n;
    uint64_t rng;
    uint64_t busy_until_ns; /* when the last accepted bit has left */
    uint64_t cuts;          /* a packet of an earlier cut count is gone */
    FILE *tap;              /* pcap, LINKTYPE_RAW; NULL: not tapped */
};

struct wire_packet {
    uint64_t due_ns;
    uint64_t order; /* breaks ties: first in, first out */
    uint64_t cuts;
    struct wire_flow *flow;
    uint32_t size;
    uint8_t bytes[];
};

struct wire_path {
    int fd[WIRE_DIRS]; /* the TUN at a, the TUN at b */
    struct wire_flow flow[WIRE_DIRS];
};

struct wire {
    unsigned paths;
    uint64_t order;
    size_t pending;
    size_t pending_bytes;
    struct wire_path path[WIRE_PATHS_MAX];
    struct wire_packet *heap[WIRE_PENDING_MAX]; /* the earliest first */
};

/* wire_path.c */

/* Gives each flow its own random stream, so that what one path carries does
 * not change what happens to another. */
void wire_seed(struct wire *w, uint64_t seed);

/* A packet enters a flow: it is delivered, queued or dropped, and counted. */
void wire_enter(struct wire *w, struct wire_flow *f, const uint8_t *bytes,
                size_t size, uint64_t now_ns);

/* Delivers what is due; returns the next due time, 0 for none. */
uint64_t wire_deliver(struct wire *w, uint64_t now_ns);

/* Loses what is under way, and with `cut` all that comes until it is up. */
void wire_cut(struct wire_flow *f, bool cut);

/* Starts a tap into a new file; false with errno when it cannot be made. */
bool wire_tap(struct wire_flow *f, const char *file);
void wire_untap(struct wire_flow *f);
void wire_tap_put(struct wire_flow *f, const uint8_t *bytes, size_t size);

/* Sends a tap's packets again; returns how many, -1 when it is no tap. */
long wire_replay(struct wire *w, struct wire_flow *f, const char *file);

/* wire_ctl.c */

/* Obeys one line and prints one line: `ok`, JSON, or `error: why`. Returns
 * false when the line was `quit`. */
bool wire_command(struct wire *w, char *line);

/* wire.c */
uint64_t wire_now_ns(void);

#endif
