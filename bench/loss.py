#!/usr/bin/env python3
"""A path that loses 10, 30 and 50 %: urgent messages, beside the peers.

One udp path of 100 ms there and back, 200 bytes every 200 ms. The peers have
their turn in the same run (beside.py), all at once on such paths of their own.
Bytes are what entered the wire for one message, both ways, IP heads counted.
"""

import statistics
import sys
import time

import beside
import measure
import urgent_lib as urgent
from measure import net
from station import channel

RUNS = measure.RUNS
PERCENTS = (10, 30, 50)
OURS = {"priority": "openline PRIORITY", "flash": "openline FLASH"}
GOALS = {(30, "p50", "priority"): 60, (30, "p99", "priority"): 350,
         (30, "p99", "flash"): 150, (50, "last", "priority"): 10,
         (50, "last", "flash"): 10}
OF_TCP = {(10, "p99", "priority"): 0.5, (10, "bytes", "priority"): 3,
          (30, "bytes", "priority"): 3, (50, "bytes", "priority"): 3,
          (10, "bytes", "flash"): 3, (30, "bytes", "flash"): 3,
          (50, "bytes", "flash"): 3}
PARTS = {"p50": ("p50", "ms"), "p99": ("p99", "ms"),
         "bytes": ("bytes a message", "B"),
         "last": ("the last, after it was said", "s")}


def measured(world, one, come, count):
    """(milliseconds each took, bytes a message, seconds of the last)"""
    before = urgent.wire_bytes(world)
    times, last = urgent.say(one, come, count, 0.2)
    time.sleep(3)
    return times, (urgent.wire_bytes(world) - before) / count, last


def ours(percent, runs, count):
    seen = {what: [] for what in OURS}
    for _ in range(runs):
        with net.Lab(paths=1) as world:
            measure.on_disk(world.dir)
            world.wire.tell("path 1 delay 50")
            north, south = measure.line(
                world, [channel(world, "way", "udp", 1, "b")],
                ["way accept=udp"])
            come = urgent.Come()
            urgent.watch(south, come)
            world.wire.tell(f"path 1 loss {percent}")
            for what, runs_seen in seen.items():
                one = urgent.speaker(north, what)
                urgent.say(one, come, 20, 0.2)
                runs_seen.append(measured(world, one, come, count))
    return seen


def values(got):
    """{part: value} of the runs of one."""
    times = [t for run in got for t in run[0]]
    return {"p50": measure.quantile(times, .5),
            "p99": measure.quantile(times, .99),
            "bytes": statistics.median(run[1] for run in got),
            "last": max(run[2] for run in got)}


def tell(percent, seen):
    found = {what: values(got) for what, got in seen.items()}
    known = found.get("TCP", {})
    for part, (words, unit) in PARTS.items():
        for what, value in found.items():
            key = (percent, part, what)
            goal = GOALS.get(key)
            if key in OF_TCP and known.get(part):
                goal = round(OF_TCP[key] * known[part])
            measure.figure("loss", OURS.get(what, what), value[part], unit,
                           goal=goal and f"<= {goal}",
                           of="TCP" if what in OURS else None,
                           part=f"{percent} % lost: {words}")


def loss(runs=RUNS, count=60):
    theirs = beside.loss(runs, count, PERCENTS)
    for percent in PERCENTS:
        tell(percent, {**ours(percent, runs, count), **theirs[percent]})
    print(f"one path of 100 ms, {runs} runs of {count} messages each")


if __name__ == "__main__":
    sys.exit(urgent.main(measure, loss))
