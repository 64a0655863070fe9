#!/usr/bin/env python3
"""Durable messages a second, station to station on one machine.

    bench/durable.py [--rounds N] [--seconds S] [OUTSTANDING...]

Two stations, joined by a tcp channel on the loopback, say messages of 200
bytes one way with so many of them under way (1, 256 and 2,048): bench/load.c,
through the control socket, until each is told to be delivered, which is when
it is synced on both disks. In the same rounds, in turn, what the disk and
SQLite alone do (bench/raw.c): fdatasyncs one after the other, and rows of 200
bytes, 256 a transaction. Each figure is the median of the rounds; `of raw` is
the median of their ratios, each within one round. Everything shares this
machine's cores and its disk.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

import beside
import measure
from measure import net
from flooding import cpu_s
from past import Folder
from station import Station, await_state, pair

PORTS = (4741, 4742)
# What is under way, of what the rate is a share, and the share that is wanted.
LOADS = {1: ("append", 0.3), 256: ("rows", 0.10), 2048: ("rows", 0.20)}
WORDS = {"append": "appends with fdatasync",
         "rows": "SQLite rows, 256 a transaction"}


def program(name):
    built = os.path.join(net.ROOT, "build", "bench", name)
    net.expect(os.access(built, os.X_OK), f"{built} is not built: bench/run "
               "builds it")
    return built


def asked(*command):
    """Runs a program that prints one JSON object."""
    done = subprocess.run(command, capture_output=True, text=True,
                          timeout=300, check=False)
    net.expect(done.returncode == 0, f"{command[0]}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def two_on(host, scheme="tcp"):
    north, south = Station(host, "a", "north"), Station(host, "b", "south")
    channels = [[f"cable {scheme}://127.0.0.1:{port}"] for port in PORTS]
    pair(north, south, channels[1], channels[0])
    for station, port in zip((north, south), PORTS):
        station.configure([f"{scheme}://127.0.0.1:{port}"])
        station.start()
    for station in (north, south):
        station.ready()
    await_state((north, south), ("open", "last-channel"), 20)
    return north, south


def said(stations, outstanding, count):
    """What the loader saw, and the cores that both stations took."""
    before = [cpu_s(s) for s in stations]
    seen = asked(program("load"), os.path.join(stations[0].dir,
                                               "control.sock"),
                 "south", str(count), str(outstanding))
    for station, was, name in zip(stations, before, ("sender", "receiver")):
        seen[name] = (cpu_s(station) - was) / count * 1e6
    return seen


def durable(loads, rounds, seconds):
    with Folder() as host:
        measure.on_disk(host.dir)
        stations = two_on(host)
        rates = {k: said(stations, k, 50 * min(k, 256))["rate"]
                 for k in loads}
        raws, seen = [], {k: [] for k in loads}
        for _ in range(rounds):
            raws.append(asked(program("raw"), host.dir, str(seconds / 4)))
            for k in loads:
                count = max(200, int(rates[k] * seconds))
                seen[k].append(said(stations, k, count))
                rates[k] = seen[k][-1]["rate"]
        show(raws, seen)
    beside.durable(rounds, loads, "{} outstanding".format, seconds / 2)


def show(raws, seen):
    for k, rows in seen.items():
        part = f"{k} outstanding"
        base, goal = LOADS.get(k, ("rows", None))
        shares = [row["rate"] / raw[base] for row, raw in zip(rows, raws)]
        measure.medians("durable", "openline", [r["rate"] for r in rows],
                        "/s", part=part, of=WORDS[base],
                        note="processor time a message: sender "
                        f"{middle(rows, 'sender'):.0f} us, receiver "
                        f"{middle(rows, 'receiver'):.0f} us")
        measure.medians("durable", WORDS[base], [r[base] for r in raws],
                        "/s", part=part)
        measure.medians("durable", f"{part}, of {WORDS[base]}", shares, "",
                        goal=goal and f">= {goal}", part="share of raw")
        for what in ("p50", "p99"):
            measure.medians("durable", f"{part}, {what}",
                            [r[what + "_ms"] for r in rows], "ms",
                            part="said to delivered")


def middle(rows, key):
    return statistics.median(row[key] for row in rows)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("loads", nargs="*", type=int, metavar="OUTSTANDING")
    parser.add_argument("--rounds", type=int, default=measure.RUNS)
    parser.add_argument("--seconds", type=float, default=2)
    given = parser.parse_args()
    return measure.main(lambda: durable(given.loads or list(LOADS),
                                        given.rounds, given.seconds))


if __name__ == "__main__":
    sys.exit(main())
