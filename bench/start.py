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
import statistics
import sys
import time

import measure
import past
from measure import net
from flooding import cpu_s

GOAL_S = 1.0


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


def run(sizes, runs):
    rows = [["records", "ledger MiB", "ready ms", "worst", "knows ms", "worst",
             "processor ms", "resident MiB"]]
    last = None
    with past.Folder() as folder:
        for size in sizes:
            north, _ = past.stations(folder, size)
            disk = os.path.getsize(os.path.join(north.dir, "ledger.db"))
            seen = [start(north) for _ in range(runs)]
            ready, known, cpu, rss = zip(*seen)
            last = max(ready)
            rows.append([f"{size:,}", f"{disk / 2**20:.0f}",
                         f"{statistics.median(ready) * 1000:.0f}",
                         f"{max(ready) * 1000:.0f}",
                         f"{statistics.median(known) * 1000:.0f}",
                         f"{max(known) * 1000:.0f}",
                         f"{statistics.median(cpu) * 1000:.0f}",
                         f"{max(rss) / 1024:.1f}"])
    print("cold start")
    measure.table(rows)
    print(f"  goal: ready within {GOAL_S:.0f} s; "
          f"{'met' if last <= GOAL_S else f'missed: {last:.2f} s'}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", default="1000,10000,100000,1000000")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    sizes = [int(n) for n in given.records.split(",")]
    return measure.main(lambda: run(sizes, given.runs))


if __name__ == "__main__":
    sys.exit(main())
