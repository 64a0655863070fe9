#!/usr/bin/env python3
"""What a message costs as a station's lines and records grow.

    bench/growth.py [--rounds N] [--lines N,N,...] [--records N,N,...]

The figure is processor time a message, of the sender and of the receiver
together where there is one receiver, and of the sender alone where there are
many: other programs on the machine hardly touch it, as they do rates.
Messages of 200 bytes go with 256 under way (bench/load.c).

Lines: a station with so many, each open to a station of its own over tcp on
the loopback. `one line`: all messages go to one of the peers. `all lines`: to
all in turn, four under way to each. Records: two stations whose ledgers hold
so many already (bench/fill.c). The sizes take turns in each round; a size
without a past grows by a few thousand records while it is measured.
"""

import argparse
import os
import sys

import durable
import measure
import past
from measure import net
from flooding import cpu_s
from station import Station, pair

GOAL = 1.25 # of the cost at the least size: what counts as flat
COUNT = 2048
EACH = 4 # under way to each of many peers
BASE = 4801


def cost(stations, to, count, outstanding):
    """Processor microseconds a message, of all of them together."""
    before = [cpu_s(s) for s in stations]
    durable.asked(durable.program("load"),
                  os.path.join(stations[0].dir, "control.sock"),
                  ",".join(to), str(count), str(outstanding))
    return sum(cpu_s(s) - was for s, was in zip(stations, before)) \
        / count * 1e6


def up(stations):
    """Starts them; until all their lines are open, and know what was asked in
    the past: what that takes is no message's cost."""
    for station in stations:
        station.start()
    for station in stations:
        station.ready()
        net.wait_for(f"the lines of {station.name}", 60, lambda s=station: all(
            line["state"] in ("open", "last-channel") and
            line["effective"]["asked"] is not None
            for line in s.call("status")["lines"]))


def quiet(stations):
    """Until they have nothing to do. A ledger of bench/fill.c was never a
    station's: at their first start they look through it for files, once."""
    took = [float("-inf")]

    def rests():
        took.append(sum(cpu_s(s) for s in stations))
        return took[-1] - took[-2] < 0.005

    net.wait_for("the stations to have nothing to do", 120, rests, every=0.5)


def down(stations):
    for station in stations:
        station.stop()


# Lines

def star(folder, lines):
    """A station and its peers."""
    inner = past.Inner(folder, f"lines-{lines}")
    north = Station(inner, "a", "north")
    peers = [Station(inner, "b", f"peer-{k}") for k in range(lines)]
    for k, peer in enumerate(peers):
        pair(north, peer, [f"cable tcp://127.0.0.1:{BASE + k}"], [])
        peer.configure([f"tcp://127.0.0.1:{BASE + k}"])
        peer.set_line("north", [f"cable tcp://127.0.0.1:{BASE - 1}"])
    north.configure([f"tcp://127.0.0.1:{BASE - 1}"])
    return north, peers


def lines(folder, sizes, rounds):
    stars = {n: star(folder, n) for n in sizes}
    one, all_ = ({n: [] for n in sizes} for _ in range(2))
    for _ in range(rounds):
        for n, (north, peers) in stars.items():
            names = [p.name for p in peers]
            up([north] + peers)
            cost([north], names, 2 * n, n)
            one[n].append(cost([north], names[:1], COUNT, 256))
            all_[n].append(cost([north], names, COUNT - COUNT % n, EACH * n))
            down([north] + peers)
    show("lines", {"one line": one, "all lines": all_})


# Records

def records(folder, sizes, rounds):
    pairs = {}
    for k, n in enumerate(sizes):
        first = past.PORT + 100 + 2 * k
        channels = [[f"cable tcp://127.0.0.1:{port}"]
                    for port in (first + 1, first)]
        pairs[n] = past.stations(folder, n, None, *channels)
        for number, station in enumerate(pairs[n]):
            station.configure([f"tcp://127.0.0.1:{first + number}"])
        # Once: what follows a start would be counted for messages.
        up(pairs[n])
        quiet(pairs[n])
        cost(pairs[n], ["south"], 512, 256)
    seen = {n: [] for n in sizes}
    for _ in range(rounds):
        for n, both in pairs.items():
            seen[n].append(cost(both, ["south"], COUNT, 256))
    for both in pairs.values():
        down(both)
    show("records", {"both stations": seen})


def show(axis, series):
    """Tables, a plot, and how the ends of each series compare."""
    part = f"processor time a message, by {axis}"
    for label, seen in series.items():
        for n, values in seen.items():
            what = axis if n > 1 else axis[:-1]
            measure.medians("growth", f"{n:,} {what}, {label}", values, "us",
                            part=part)
    measure.plot("growth", axis, axis, "us a message",
                 {label: [(n, measure.quantile(values, 0.5))
                          for n, values in seen.items()]
                  for label, seen in series.items()}, log="x")
    for label, seen in series.items():
        least, most = min(seen), max(seen)
        ratios = [b / a for a, b in zip(seen[least], seen[most])]
        measure.medians("growth", f"{most:,} {axis} to {least:,}, {label}",
                        ratios, "", goal=f"<= {GOAL}", part="flat")


def growth(line_sizes, record_sizes, rounds):
    with past.Folder() as folder:
        measure.on_disk(folder.dir)
        if line_sizes:
            lines(folder, line_sizes, rounds)
        if record_sizes:
            records(folder, record_sizes, rounds)


def whole(text):
    return [int(n) for n in text.split(",") if n]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=measure.RUNS)
    parser.add_argument("--lines", type=whole, default=[1, 4, 16, 64])
    parser.add_argument("--records", type=whole,
                        default=[1000, 10000, 100000, 1000000])
    given = parser.parse_args()
    return measure.main(lambda: growth(given.lines, given.records,
                                       given.rounds))


if __name__ == "__main__":
    sys.exit(main())
