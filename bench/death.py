#!/usr/bin/env python3
"""The best of two paths dies in silence: the worst urgent message.

Two udp paths of 20 and 60 ms there and back, 200 bytes every 100 ms; the
better path is cut at a random moment. The worst message of all runs counts.
"""

import random
import statistics
import sys

import beside
import measure
import urgent_lib as urgent
from measure import net
from station import channel

RUNS = measure.RUNS


def death(runs=RUNS):
    rows = [["precedence", "runs", "p50 ms", "worst ms of all runs", "goal"]]
    syncs = []
    for precedence in ("flash", "priority"):
        times = []
        for _ in range(runs):
            with net.Lab(paths=2) as world:
                measure.on_disk(world.dir)
                world.wire.tell("path 1 delay 10", "path 2 delay 30")
                north, south = measure.line(
                    world, [channel(world, "near", "udp", 1, "b"),
                            channel(world, "far", "udp", 2, "b")],
                    ["near accept=udp", "far accept=udp"])
                come = urgent.Come()
                urgent.watch(south, come)
                one = urgent.speaker(north, precedence)
                urgent.say(one, come, 10, 0.1)
                syncs.append(urgent.fdatasync_ms(world.dir))
                times += urgent.say(one, come, 40, 0.1, (
                    20, random.uniform(0, 0.09),
                    lambda w=world: w.wire.tell("path 1 cut")))[0]
        goal = 110 if precedence == "priority" else \
            35 + 2.5 * statistics.median(syncs)
        rows.append([precedence, runs, f"{urgent.at(times, .5):.1f}",
                     f"{max(times):.1f}", f"{goal:.0f}: " + (
                         "met" if max(times) <= goal else
                         f"missed by {max(times) - goal:.1f} ms")])
        measure.figure("death", "openline", max(times), "ms",
                       f"<= {goal:.0f}",
                       part=f"{precedence.upper()}, worst of all runs")
    beside.death(runs, [f"{p}, worst of all runs"
                        for p in ("FLASH", "PRIORITY")])
    print("silent death of the best of two paths; median fdatasync "
          f"{statistics.median(syncs):.2f} ms")
    measure.table(rows)


if __name__ == "__main__":
    sys.exit(urgent.main(measure, death))
