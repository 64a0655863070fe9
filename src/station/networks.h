/*
 * The networks of this machine: when they change, or the machine slept, every
 * channel tries at once instead of waiting out its pause.
 *
 * The kernel tells of links, addresses and routes over a netlink socket
 * (rtnetlink(7)); without one (a sandbox may forbid it) the station works, and
 * channels come back at their own pace. What is told is gathered for a moment,
 * because a network that comes up brings a dozen messages, and what changes
 * nothing (an address whose lifetime is renewed) is passed over.
 */
#ifndef OL_STATION_NETWORKS_H
#define OL_STATION_NETWORKS_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

struct ol_station;

struct ol_networks {
    uv_poll_t poll;
    int fd;              /* -1: none */
    bool changed;        /* a route; else only if `print` is another */
    uint64_t due_ns;     /* look then; OL_NEVER_NS: nothing was told */
    uint64_t first_ns;   /* the first message that is not dealt with */
    uint64_t last_ns, gap_ns; /* told channels then; not sooner again */
    uint64_t said_ns;
    unsigned tries; /* without a quiet minute between */
    uint64_t print;      /* of all addresses */
    uint64_t asleep_ns;  /* one clock's lead over the other */
};

void ol_networks_open(struct ol_station *st);
void ol_networks_close(struct ol_station *st);
/* Once a turn. */
void ol_networks_pump(struct ol_station *st, uint64_t now_ns);
/* The loop's timer fired, armed for then: very late means that this process
 * stood still (stopped, or its machine was). */
void ol_networks_late(struct ol_station *st, uint64_t armed_ns);

/* Did the machine sleep since the last call: one clock ran on, the other did
 * not. *asleep_ns is kept between calls, 0 at first. */
bool ol_networks_slept(uint64_t *asleep_ns, uint64_t now_ns,
                       uint64_t awake_ns);
/* Does one netlink message tell of a change; *route: of routes. */
bool ol_networks_speaks(const void *msg, bool *route);

#endif
