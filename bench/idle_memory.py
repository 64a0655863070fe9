#!/usr/bin/env python3
"""Resident memory of a station that has nothing to do.

    bench/idle_memory.py

A station without a line, and one whose line over three channels is open and
quiet; VmRSS of /proc/PID/status, of which RssAnon is its own and not shared
with the libraries' files. Then the same line after a thousand messages.
"""

import sys
import time

import measure
from measure import net
from station import Station, three_channels
from talk import Talk

QUIET_S = 10
MESSAGES = 1000


def memory(station):
    with open(f"/proc/{station.process.pid}/status", encoding="utf-8") as f:
        found = dict(line.split(":", 1) for line in f)
    return [int(found[k].split()[0]) for k in ("VmRSS", "RssAnon")]


def row(name, station, base):
    rss, anon = memory(station)
    return [name, rss, anon, f"{rss / (base or rss):.2f}"]


def run():
    with net.Lab(paths=3) as world:
        alone = Station(world, "a", "alone")
        alone.configure(["tcp://[::]:4431"])
        alone.start()
        alone.ready()
        time.sleep(QUIET_S)
        rows = [["station", "VmRSS KiB", "RssAnon KiB", "ratio"],
                row("without a line", alone, None)]
        base = rows[1][1]
        alone.stop()
        north, south = measure.line(world, three_channels(world, "b"),
                                    three_channels(world, "a"))
        time.sleep(QUIET_S)
        rows.append(row("a line of 3 channels, open, idle", north, base))
        talk = Talk(north, south, world.seed)
        talk.burst(MESSAGES, size=200)
        talk.settle(60)
        time.sleep(QUIET_S)
        rows.append(row(f"the same after {MESSAGES} messages sent", north,
                        base))
        rows.append(row("and the other side, received", south, base))
        print("resident memory")
        measure.table(rows)


if __name__ == "__main__":
    sys.exit(measure.main(run))
