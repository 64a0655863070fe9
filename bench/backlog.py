#!/usr/bin/env python3
"""100,000 messages wait for a line that is dark, then it comes back.

    bench/backlog.py [--messages N] [--runs N]

Two stations on the loopback, joined by a tcp channel, and in turn by a udp
channel. First the durable rate of this very run: 2,048 messages of 200 bytes
under way (bench/load.c). Then south stops, north is given the messages over its
control socket, and south starts again.

`drained`: messages a second from when the first of them is known to be
delivered until the last is. `pause`: the longest time in between in which none
was, as status shows it every 20 ms. `resident`: the most that a station ever
had (VmHWM), dark and draining.
"""

import argparse
import os
import statistics
import sys
import time

import durable
import measure
from measure import net
from flooding import cpu_s
from past import Folder

SCHEMES = ("tcp", "udp")
AHEAD = 60 # requests of one connection
LANES = 4
LOOK_S = 0.02
PATIENCE_S = 600
TEXT = "The convoy waits at the northern crossing. " * 5


def most_mib(station):
    with open(f"/proc/{station.process.pid}/status", encoding="utf-8") as f:
        found = dict(line.split(":", 1) for line in f)
    return int(found["VmHWM"].split()[0]) / 1024


def queue(station):
    return sum(station.line("south")["queue"].values())


def give(north, count):
    """All of them, pipelined."""
    lanes = [north.connect() for _ in range(LANES)]
    waits = [0] * LANES
    for k in range(count):
        lane = lanes[k % LANES]
        if waits[k % LANES] == AHEAD:
            lane.heard()
            waits[k % LANES] -= 1
        lane.say("send", peer="south", text=TEXT[:200], precedence="routine")
        waits[k % LANES] += 1
    for lane, left in zip(lanes, waits):
        for _ in range(left):
            lane.heard()
        lane.close()


class Drain:
    """From the first that is delivered until the last."""

    def __init__(self, north, south, count):
        spent = cpu_s(north)
        south.start()
        seen = self.look(north, count)
        self.rate = seen[0][1] / (seen[-1][0] - seen[0][0])
        self.pause_ms = 1000 * max(b[0] - a[0] for a, b in zip(seen, seen[1:]))
        self.north_us = 1e6 * (cpu_s(north) - spent) / count
        self.south_us = 1e6 * cpu_s(south) / count

    @staticmethod
    def look(north, count):
        """(when, how many wait), each time that fewer do."""
        end = time.monotonic() + PATIENCE_S
        seen, left = [], count
        while left > 0:
            now, before, left = time.monotonic(), left, queue(north)
            net.expect(now < end, f"{left} of {count} still wait")
            if left < before:
                seen.append((now, left))
            time.sleep(LOOK_S)
        net.expect(len(seen) > 1, f"{count} are too few to see them go")
        return seen


def one(scheme, count):
    with Folder() as folder:
        measure.on_disk(folder.dir)
        north, south = durable.two_on(folder, scheme)
        durable.said((north, south), 2048, 4096)
        rate = durable.said((north, south), 2048, 20000)["rate"]
        south.stop()
        give(north, count)
        drain = Drain(north, south, count)
        return rate, drain, most_mib(north), most_mib(south)


def show(scheme, seen):
    rate, drain, north, south = zip(*seen)
    part = f"drained over {scheme}"
    measure.medians("backlog", "openline", [d.rate for d in drain],
                    "messages/s", of="2,048 under way", part=part,
                    note="processor time a message: sender "
                    f"{statistics.median(d.north_us for d in drain):.0f} us, "
                    "receiver "
                    f"{statistics.median(d.south_us for d in drain):.0f} us")
    measure.medians("backlog", "2,048 under way", rate, "messages/s",
                    part=part)
    measure.medians("backlog", scheme,
                    [d.rate / r for d, r in zip(drain, rate)], "",
                    goal=">= 0.8", part="drained, of the durable rate")
    measure.medians("backlog", scheme, [d.pause_ms for d in drain], "ms",
                    part="longest pause while it drains")
    for name, most in (("sender", north), ("receiver", south)):
        measure.medians("backlog", f"{name}, {scheme}", most, "MiB",
                        goal="<= 64", part="resident, at most")


def run(count, runs):
    seen = {scheme: [] for scheme in SCHEMES}
    for _ in range(runs):
        for scheme, rows in seen.items():
            rows.append(one(scheme, count))
    for scheme, rows in seen.items():
        show(scheme, rows)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=int(
        os.environ.get("OPENLINE_BACKLOG", "100000")))
    parser.add_argument("--runs", type=int, default=measure.RUNS)
    given = parser.parse_args()
    return measure.main(lambda: run(given.messages, given.runs))


if __name__ == "__main__":
    sys.exit(main())
