#!/usr/bin/env python3
"""How long a FLASH takes beside an attachment of 100 MB.

    bench/flash.py [--rounds N] [--rtt MS] [BEARER...]

Two stations in two namespaces, joined by one path of the userspace wire: 10
Mbit/s, a round trip of 40 ms, and a queue of one product of the two. 50 FLASH
messages go alone, then 50 while the attachment is under way, each from its
submission to the sender until the receiver shows it, which it does once it is
on its disk. The worst of all rounds is shown, and the goal: two idle round
trips and 50 ms, for 99 of 100.
"""

import argparse
import os
import statistics
import sys
import time

import measure
from measure import net
from station import Refused, channel

SIZE = 100_000_000
MBIT = 10
COUNT = 50


def flash(north, south, k):
    def arrived():
        try:
            return south.call("show", name=name)
        except Refused:
            return False # not there yet
    at = time.monotonic()
    name = north.call("send", peer="south", text=f"flash {k}",
                      precedence="flash")["name"]
    net.wait_for("a FLASH", 60, arrived, 0.001)
    return (time.monotonic() - at) * 1000


def flashes(north, south):
    took = []
    for k in range(COUNT):
        took.append(flash(north, south, k))
        time.sleep(0.2) # so that each meets the queue of another moment
    return took


def have(south, name):
    try:
        return south.call("show", name=name)["attachments"][0]["have"] or 0
    except Refused:
        return 0


def one(bearer, rtt):
    with net.Lab(paths=1) as world:
        world.wire.tell(f"path 1 rate {MBIT * 1000000}",
                        f"path 1 delay {rtt / 2}",
                        f"path 1 queue {MBIT * rtt * 1000 // 8}")
        north, south = measure.line(
            world, [channel(world, "way", bearer, 1, "b")],
            [channel(world, "way", bearer, 1, "a")], attachments="auto:4GiB")
        alone = flashes(north, south)
        path = os.path.join(world.dir, "file")
        with open(path, "wb") as f:
            for _ in range(SIZE // 1_000_000):
                f.write(world.random.randbytes(1_000_000))
        name = north.json("send", "south", "a file", "--file", path,
                          timeout=300)["name"]
        net.wait_for("its first MB", 60, lambda: have(south, name) > 1e6)
        at, before = time.monotonic(), have(south, name)
        beside = flashes(north, south)
        rate = (have(south, name) - before) * 8e-6 / (time.monotonic() - at)
        net.expect(have(south, name) < SIZE, "the file was there too soon")
        return alone, beside, rate


def beside(bearers, rtt, rounds):
    rows = [["bearer", "alone", "worst", "beside", "worst", "goal", "",
             "Mbit/s"]]
    goal = 2 * rtt + 50
    for bearer in bearers:
        seen = [one(bearer, rtt) for _ in range(rounds)]
        alone, both = (sorted(ms for run in seen for ms in run[k])
                       for k in (0, 1))
        worst = both[len(both) * 99 // 100]
        rows.append([bearer, f"{statistics.median(alone):.0f} ms",
                     f"{alone[-1]:.0f} ms",
                     f"{statistics.median(both):.0f} ms", f"{both[-1]:.0f} ms",
                     f"{goal} ms", "met" if worst <= goal else
                     f"missed by {worst - goal:.0f} ms",
                     f"{statistics.median(run[2] for run in seen):.1f}"])
    measure.table(rows)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bearers", nargs="*", metavar="BEARER")
    parser.add_argument("--rtt", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    return measure.main(lambda: beside(given.bearers or ["udp", "tcp"],
                                       given.rtt, given.rounds))


if __name__ == "__main__":
    sys.exit(main())
