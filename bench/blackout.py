#!/usr/bin/env python3
"""A path is cut for a minute; a message is said in the dark, or 500 are.

    bench/blackout.py [RUNS]           5 runs of three minutes

Real daemons; lines of one udp channel, of one tcp channel and of both, each
with paths of its own (RTT 20 ms), cut and given back together. Measured is when
the sender's status shows doubt after the first message behind the cut, when it
shows the line dark, and when all is delivered after the return: HELD arrived.
A status is asked for every 20 ms, which is in the figures. The peers have two
paths each in the same lab, and say theirs a second after the cut.
"""

import sys
import threading
import time

import beside
import measure
from measure import net
from station import PORT, Station, pair
from talk import Talk

BLACKOUT_S, HOLD_S = 60, 30
LINES = (("udp", ("udp",)), ("tcp", ("tcp",)), ("both", ("udp", "tcp")))


def make(world, k, name, schemes):
    north, south = (Station(world, side, f"{name}{side}") for side in "ab")
    ports = {s: PORT + 10 * k + i for i, s in enumerate(schemes)}
    pair(north, south,
         [f"{s} {s}://{world.address(k, 'b')}:{ports[s]}" for s in schemes],
         [f"{s} accept={s}" for s in schemes],
         listen=[f"{s}://[::]:{ports[s]}" for s in schemes])
    return north, south


def live(world, stations, count, gone, back, seen):
    """One line through the blackout; fills seen."""
    north, south = stations
    talk = Talk(north, south, world.seed)
    gone.wait()
    cut = time.monotonic()
    talk.burst(1, size=200)
    while any(s == "up" for s in north.channels(south.name).values()):
        time.sleep(0.02)
    seen["doubt"] = time.monotonic() - cut
    while north.line(south.name)["state"] != "dark":
        time.sleep(0.02)
    seen["dark"] = time.monotonic() - cut
    if count > 1:
        talk.burst(count - 1, size=200)
    back.wait()
    began = time.monotonic()
    talk.settle(60, every=0.02)
    seen["delivered"] = time.monotonic() - began


def once(count):
    """({line: {what: seconds}}, {peer: seconds}) of one blackout."""
    result = {name: {} for name, _ in LINES}
    ours = len(LINES)
    with net.Lab(paths=ours + len(beside.DARK) * beside.DARK_PATHS) as world, \
            beside.Blackout(world, ours + 1, count) as others:
        measure.on_disk(world.dir)
        world.wire.tell("path all delay 10")
        pairs = [make(world, k, name, schemes)
                 for k, (name, schemes) in enumerate(LINES, 1)]
        for stations in pairs:
            for s in stations:
                s.start()
        for stations in pairs:
            for s in stations:
                s.ready()
        for (north, south), (_, schemes) in zip(pairs, LINES):
            net.wait_for("all channels", 30, lambda n=north, s=south, w=schemes:
                         list(n.channels(s.name).values()).count("up") ==
                         len(w))
        gone, back = threading.Event(), threading.Event()
        threads = [threading.Thread(target=live, daemon=True, args=(
            world, stations, count, gone, back, result[name]))
            for stations, (name, _) in zip(pairs, LINES)]
        for t in threads:
            t.start()
        time.sleep(2)
        world.wire.tell("path all cut")
        gone.set()
        time.sleep(1)
        others.say()
        time.sleep(BLACKOUT_S - 1)
        world.wire.tell("path all up")
        back.set()
        theirs = others.delivered(time.monotonic())
        for t in threads:
            t.join(90)
    return result, theirs


GOALS = {"doubt": 1, "dark": HOLD_S, "delivered": {"udp": 0.5, "tcp": 3,
                                                   "both": 0.5}}


def blackout():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else measure.RUNS
    for count, words in ((1, "one message"), (500, "500 messages")):
        seen, theirs = zip(*(once(count) for _ in range(runs)))
        for what in ("doubt", "dark", "delivered"):
            for name, _ in LINES:
                goal = GOALS[what]
                if what == "delivered":
                    goal = goal[name] if count == 1 else 5
                measure.medians("blackout", f"openline {name}",
                                [r[name].get(what) for r in seen], "s",
                                goal=f"<= {goal}", part=f"{words}: {what}")
        for what in theirs[0]:
            measure.medians("blackout", what, [t.get(what) for t in theirs],
                            "s", part=f"{words}: delivered")


if __name__ == "__main__":
    sys.exit(measure.main(blackout))
