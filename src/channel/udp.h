/*
 * One UDP socket: packets in by the batch, packets out one by one.
 *
 * Shared by the dialled channel and the listener. Neither queues: what the
 * kernel does not take is dropped, and room is told when it returns.
 */
#ifndef OL_CHANNEL_UDP_H
#define OL_CHANNEL_UDP_H

#include "channel/bearer.h"
#include "channel/sock.h"
#include "wire/messages.h"

#define OL_UDP_BATCH 16u    /* packets of one system call */
#define OL_UDP_BATCHES 4u   /* of one turn of the loop */
#define OL_UDP_LOCALS 32u   /* own addresses remembered for answers */
#define OL_UDP_ROOM (64u * 1024) /* told while the kernel takes packets */
#define OL_UDP_AGAIN_MS 30000u   /* silent for so long: resolve again */
#define OL_UDP_RETRY_MS 2000u    /* no address at all, or one that fails */

struct ol_udp_ops {
    void (*packet)(struct ol_base *, const union ol_sock *from, uint8_t local,
                   struct ol_span);
    void (*room)(struct ol_base *); /* from the loop: it returned */
    /* The network refused an earlier packet to `to`; from the loop or from
     * within a send. */
    void (*refused)(struct ol_base *, const union ol_sock *to, int sys);
};

struct ol_udp {
    uv_poll_t *poll; /* on its own: a socket can be replaced by another */
    int fd;          /* -1: none */
    int family;
    struct ol_base *base;
    const struct ol_udp_ops *ops;
    bool full; /* the kernel took no more */
    bool wildcard;
    unsigned n_locals;
    union ol_sock local[OL_UDP_LOCALS]; /* number n is at [n - 1] */
    struct ol_udp_batch *batch;         /* made on first need */
};

/* A socket bound to `sock`. errors: wants to hear of ICMP errors. 0 or an
 * errno; nothing stays open after an error. */
int ol_udp_open(struct ol_udp *u, const union ol_sock *sock, bool errors);
/* Closes the socket if there is one; its batch stays for the next one. */
void ol_udp_close(struct ol_udp *u);
void ol_udp_fini(struct ol_udp *u);
/* local: as it came with a packet, 0: the kernel chooses our address. OK,
 * OL_ERR_AGAIN (no room), OL_ERR_IO with *sys. Counts what it sent. */
enum ol_err ol_udp_send(struct ol_udp *u, const union ol_sock *to,
                        uint8_t local, struct ol_span packet, int *sys);
/* Where it is bound. */
int ol_udp_bound(const struct ol_udp *u, union ol_sock *sock);

#endif
