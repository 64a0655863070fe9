#!/usr/bin/env python3
"""Strangers who flood a station's ports while two stations talk.

    north 10.2.0.1 ===== wire with a tap ===== 10.2.0.2 south
                                               10.2.0.2 the flood

Seven kinds, one after the other, each for a second or two: 10,000 datagrams a
second of random bytes, of what looks like frames and knocks, of real packets
recorded and sent again; and connections. Under each of them messages pass
both ways, no channel goes down, and nobody gets a byte of answer. Two things
may be answered (doc/protocol.md 2.5), both only to a real knock sent again:
the knock of an epoch before by a behind, once a second, and the one which was
said before north ran, whose first time it is, by one response. South starts
first, so that there is such a knock. bench/flood.py measures what it costs.
"""

import sys

from flooding import (KINDS, STREAMS, Flood, Pace, Recorded, cpu_s, middle,
                      show)
from lab import Lab, expect, main, say
from station import await_state, two_paired
from talk import audit

RATE = 10000
CONNECTS = 500
SECONDS = 1.5
SLOWEST_S = 10


def under(lab, stations, pace, recorded, kind):
    north, south = stations
    rate = CONNECTS if kind in STREAMS else RATE
    with Flood(lab, kind, recorded, rate) as flood:
        before = cpu_s(north)
        taken = pace.latencies(SECONDS)
        share = (cpu_s(north) - before) / SECONDS
        states = {**north.channels("south"), **south.channels("north")}
    show(kind, flood, share)
    expect(flood.sent > rate * SECONDS / 4,
           f"{kind}: only {flood.sent} were sent: no flood")
    responses, behinds, others = flood.answers
    expect(not others and (not responses and not behinds or
                           kind in ("replays", "talkers")) and
           behinds <= int(flood.seconds) + 2,
           f"{kind}: {responses} responses, {behinds} behinds and {others} "
           "others were answered to strangers")
    expect("down" not in states.values(), f"{kind}: {states}")
    expect(taken[-1] < SLOWEST_S,
           f"{kind}: a message took {taken[-1]:.1f} s")
    say(f"{kind}: delivered within {middle(taken) * 1000:.0f} ms, at most "
        f"{taken[-1] * 1000:.0f} ms, of {len(taken)}")
    return responses


def flood():
    with Lab(paths=3) as lab:
        recorded = Recorded(lab)
        stations = two_paired(lab, probe="1s", hold="5s")
        north, south = stations
        south.start()
        recorded.await_knock()
        north.start()
        for station in stations:
            station.ready()
        await_state(stations, ("open",), 20)
        pace = Pace(*stations)
        pace.throughput(20)
        recorded.stop()
        responses = sum(under(lab, stations, pace, recorded, kind)
                        for kind in KINDS)
        expect(responses <= 1, f"{responses} responses to replayed knocks")
        await_state(stations, ("open",), 10)
        pace.throughput(20)
        pace.close()
        audit(*stations)


if __name__ == "__main__":
    sys.exit(main({"flood": flood}))
