#!/usr/bin/env python3
"""How long a station takes to start, by how much its ledger holds.

    bench/start.py [--records N,N,...] [--runs N]

The ledger is filled by bench/fill.c and is not in the system's memory when the
station starts (posix_fadvise). `ready`: from exec until the control socket has
answered `status`. `knows`: until `status` also says how the line stands, which
needs every ask that may still be open to have been looked at. Medians of the
runs, and the worst.
"""

import argparse
import os
import sys
import time

import measure
import past
from measure import net
from flooding import cpu_s

GOAL_S, GOAL_RECORDS = 1.0, 1000000


def start(north):
    """Seconds until ready, until it knows, of processor, and KiB resident."""
    past.forget(north)
    began = time.monotonic()
    north.start()

    def answers():
        try:
            return bool(north.call("status"))
        except OSError:
            net.expect(north.alive(), north.last_words())
            return False

    def knows():
        line = north.line("south")
        return line["effective"]["asked"] is not None

    ready = past.until(60, answers) - began
    known = past.until(60, knows) - began
    cpu, rss = cpu_s(north), north.rss_kib()
    north.stop()
    return ready, known, cpu, rss


def show(size, disk, seen):
    part = f"{size:,} records"
    ready, knows, cpu, rss = zip(*seen)
    goal = f"<= {GOAL_S * 1000:.0f}" if size == GOAL_RECORDS else None
    for what, values, unit, goal in (
            ("ready", [t * 1000 for t in ready], "ms", goal),
            ("knows how the line stands", [t * 1000 for t in knows], "ms",
             None),
            ("processor time until then", [t * 1000 for t in cpu], "ms", None),
            ("resident", [kib / 1024 for kib in rss], "MiB", None)):
        measure.medians("start", what, values, unit, goal=goal, part=part,
                        note=f"ledger of {disk / 2**20:.0f} MiB"
                        if what == "ready" else "")


def run(sizes, runs):
    seen = {size: [] for size in sizes}
    disk = {}
    with past.Folder() as folder:
        measure.on_disk(folder.dir)
        for size in sizes:
            north, _ = past.stations(folder, size)
            disk[size] = os.path.getsize(os.path.join(north.dir, "ledger.db"))
            seen[size] = [start(north) for _ in range(runs)]
            show(size, disk[size], seen[size])
    measure.plot("start", "start", "records", "ms", {
        label: [(size, measure.quantile([s[k] * 1000 for s in seen[size]],
                                        0.5)) for size in sizes]
        for k, label in enumerate(("ready", "knows how the line stands"))},
        log="x")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", default="1000,10000,100000,1000000")
    parser.add_argument("--runs", type=int, default=measure.RUNS)
    given = parser.parse_args()
    sizes = [int(n) for n in given.records.split(",")]
    return measure.main(lambda: run(sizes, given.runs))


if __name__ == "__main__":
    sys.exit(main())
