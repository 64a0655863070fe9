#!/usr/bin/env python3
"""How long a FLASH takes beside an attachment of 100 MB.

    bench/flash.py [--rounds N] [BEARER...]

Two stations in two namespaces, joined by one path of the userspace wire: 10
Mbit/s, a round trip of 40 ms, and a queue of one product of the two. 50 FLASH
messages go alone, then 50 while the attachment is under way, each from its
submission to the sender until the receiver's watcher is told, which is after
the commit. Of 50 the 99th percentile is the worst one.
"""

import os
import sys
import time

import measure
import urgent_lib as urgent
from measure import net
from station import Refused, channel

SIZE = 100_000_000
MBIT = 10
RTT_MS = 40
COUNT = 50
GAP_S = 0.213 # each meets the queue of another moment


def have(south, name):
    try:
        return south.call("show", name=name)["attachments"][0]["have"] or 0
    except Refused:
        return 0


def one(bearer):
    with net.Lab(paths=1) as world:
        measure.on_disk(world.dir)
        world.wire.tell(f"path 1 rate {MBIT * 1000000}",
                        f"path 1 delay {RTT_MS / 2}",
                        f"path 1 queue {MBIT * RTT_MS * 1000 // 8}")
        north, south = measure.line(
            world, [channel(world, "way", bearer, 1, "b")],
            [channel(world, "way", bearer, 1, "a")], attachments="auto:4GiB")
        come = urgent.Come()
        urgent.watch(south, come)
        say = urgent.speaker(north, "flash")
        alone, _ = urgent.say(say, come, COUNT, GAP_S)
        path = os.path.join(world.dir, "file")
        with open(path, "wb") as f:
            for _ in range(SIZE // 1_000_000):
                f.write(world.random.randbytes(1_000_000))
        name = north.json("send", "south", "a file", "--file", path,
                          timeout=300)["name"]
        net.wait_for("its first MB", 60, lambda: have(south, name) > 1e6)
        # The message that bears it is not one of those that are timed.
        net.expect(come.wait(COUNT + 1, 10), "its message did not come")
        at, before = time.monotonic(), have(south, name)
        beside, _ = urgent.say(say, come, COUNT, GAP_S)
        rate = (have(south, name) - before) * 8e-6 / (time.monotonic() - at)
        net.expect(have(south, name) < SIZE, "the file was there too soon")
        return alone, beside, rate


def flash(bearers, rounds):
    goal = 2 * RTT_MS + 50
    for bearer in bearers:
        alone, beside, rates = zip(*(one(bearer) for _ in range(rounds)))
        what = f"openline {bearer}"
        for words, runs, more in (
                ("alone", alone, {}),
                ("beside 100 MB", beside, {"goal": f"<= {goal}"})):
            measure.medians("flash", what,
                            [measure.quantile(run, .5) for run in runs], "ms",
                            part=f"{words}, p50")
            measure.medians("flash", what,
                            [measure.quantile(run, .99) for run in runs], "ms",
                            part=f"{words}, p99 of 50", **more)
        measure.medians("flash", what, [rate / MBIT for rate in rates], "",
                        part="share of the path that the attachment gets")


if __name__ == "__main__":
    sys.exit(measure.by_bearer(flash))
