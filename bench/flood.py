#!/usr/bin/env python3
"""What strangers' floods cost a station and its line.

    bench/flood.py [KIND...] [--rate N] [--seconds N] [--rounds N]

Two stations talk over three channels in two namespaces; a stranger at south's
end sends N packets a second (10,000) to north's udp port, or opens N / 20
connections a second to its tcp port. For each kind of flood: the share of a
core that north's process takes, what it takes for the same talk without a
flood, how long a message of 200 bytes takes until it is known to be delivered
(they go one after the other, both ways in turn), how many a second are
delivered of 150 each way sent at once, and the bytes that strangers got back.
`x` is the ratio to the same without a flood. With and without take turns, and
the medians of the rounds are shown: what other programs do meanwhile counts in
both. The flood, both stations and the wire share this machine's cores.
"""

import argparse
import statistics
import sys

import measure
from measure import net
import flooding
from flooding import (KINDS, STREAMS, WORDS, Flood, Pace, Recorded, cpu_s,
                      middle)
from station import await_state, two_stations

BURST = 150


def figures(north, pace, seconds):
    """North's share of a core, milliseconds to delivered in the middle and
    of the slowest twentieth, messages a second."""
    before = cpu_s(north)
    taken = pace.latencies(seconds)
    share = (cpu_s(north) - before) / sum(taken)
    return (share, middle(taken) * 1000,
            taken[len(taken) * 95 // 100] * 1000, pace.throughput(BURST))


def medians(rounds):
    return [statistics.median(column) for column in zip(*rounds)]


def row(kind, floods, was, now):
    was, now = medians(was), medians(now)
    rate = sum(f.sent for f in floods) / sum(f.seconds for f in floods)
    return [kind, f"{rate:,.0f}", f"{now[0]:.0%}", f"{was[0]:.0%}",
            f"{now[1]:.1f} ms", f"{now[1] / was[1]:.1f}x",
            f"{now[2]:.0f} ms", f"{now[3]:,.0f}",
            f"{now[3] / was[3]:.2f}x", str(sum(f.answered for f in floods))]


def flood(kinds, rate, seconds, rounds):
    with net.Lab(paths=3) as lab:
        recorded = Recorded(lab)
        north, south = two_stations(lab)
        await_state((north, south), ("open",), 20)
        pace = Pace(north, south)
        pace.throughput(BURST)
        recorded.stop()
        rows = [["flood", "a second", "core", "without", "delivered", "", "95 %",
                 "messages/s", "", "answered"]]
        for kind in kinds:
            was, now, floods = [], [], []
            for _ in range(rounds):
                was.append(figures(north, pace, seconds))
                floods.append(Flood(lab, kind, recorded, rate // 20
                                    if kind in STREAMS else rate))
                with floods[-1]:
                    now.append(figures(north, pace, seconds))
            rows.append(row(kind, floods, was, now))
            net.expect(north.state("south") == "open",
                       f"{kind}: the line is {north.state('south')}")
        pace.close()
        measure.table(rows)
        for kind in kinds:
            print(f"  {kind}: {WORDS[kind]}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    parser.add_argument("--rate", type=int, default=10000)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=measure.RUNS)
    given = parser.parse_args()
    for kind in given.kinds:
        if kind not in KINDS:
            parser.error(f"no flood {kind}; there are {', '.join(KINDS)}")
    flooding.say = net.say
    return measure.main(lambda: flood(given.kinds or KINDS, given.rate,
                                      given.seconds, given.rounds))


if __name__ == "__main__":
    sys.exit(main())
