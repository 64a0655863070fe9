#!/usr/bin/env python3
"""How much of two unlike paths an attachment of 20 MB gets.

    bench/bulk.py [--rounds N] [BEARER...]

Two stations in two namespaces, joined by two paths of the userspace wire: 20
Mbit/s with a round trip of 20 ms, and 10 Mbit/s with 60 ms, each with a queue
of one product of the two. Both channels are of one bearer (udp, then tcp).
The share counts from when the sender's command ended (the message and its file
are on its disk) until all pieces are on the receiver's disk and the hash was
compared; the seconds are from when the command began. It is of the 30 Mbit/s
that both paths carry together, headers of all layers counted against us.
"""

import os
import sys
import time

import beside
import measure
from measure import net
from station import Refused, channel

PATHS = ((20, 20), (10, 60)) # Mbit/s, ms there and back
SIZE = 20_000_000
GOAL = 0.93


def shape(world):
    for k, (rate, rtt) in enumerate(PATHS, 1):
        world.wire.tell(f"path {k} rate {rate * 1000000}",
                        f"path {k} delay {rtt / 2}",
                        f"path {k} queue {rate * rtt * 1000 // 8}")


def state(station, name):
    try:
        return station.call("show", name=name)["attachments"][0]["state"]
    except (OSError, Refused): # the message has not arrived yet
        return "unknown"


def one(world, north, south, k):
    path = os.path.join(world.dir, f"file{k}")
    with open(path, "wb") as f:
        f.write(world.random.randbytes(SIZE))
    began = time.monotonic()
    name = north.json("send", "south", "a file", "--file", path,
                      timeout=120)["name"]
    taken = time.monotonic()
    net.wait_for("the file", 120, lambda: state(south, name) == "whole", 0.005)
    now = time.monotonic()
    os.unlink(path)
    return now - taken, now - began


def bulk(bearers, rounds):
    most = sum(rate for rate, _ in PATHS) * 1e6
    part = f"share of {most / 1e6:.0f} Mbit/s"
    for bearer in bearers:
        with net.Lab(paths=2) as world:
            measure.on_disk(world.dir)
            shape(world)
            ends = [[channel(world, f"way{k}", bearer, k, side)
                     for k in (1, 2)] for side in ("b", "a")]
            north, south = measure.line(world, *ends,
                                        attachments="auto:4GiB")
            took, whole = zip(*(one(world, north, south, k)
                                for k in range(rounds)))
        measure.medians("bulk", f"openline {bearer}",
                        [SIZE * 8 / t / most for t in took], "",
                        goal=f">= {GOAL}", of="MPTCP", part=part)
        measure.medians("bulk", f"openline {bearer}", whole, "s",
                        part="seconds, from the command on")
    beside.bulk(rounds, PATHS, SIZE, part)


if __name__ == "__main__":
    sys.exit(measure.by_bearer(bulk))
