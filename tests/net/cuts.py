#!/usr/bin/env python3
"""Every way in which three channels can be cut, and what both sides show.

    cable   tcp, dialled by north        each whole, cut towards north,
    fibre   tcp, dialled by south        cut towards south, or cut both ways:
    radio   udp, both dial               4 x 4 x 4 = 64 combinations

From a whole line to a combination, in a new life of both stations each time (a
channel that fell twice is on trial for a while), LABS networks at once. Within the bound (hold plus one probe interval, and SLACK_S for a busy
machine) both sides must show each channel as it is, the line as it follows
from them, and what the other side sees as far as any way leads back.

What is right: tcp needs both directions, so a stream that is cut in one is
down. Over udp a side that hears shows one-way; the other is told of it over
any channel that is whole, and shows one-way too. Where nothing leads back to
it, it hears nothing and cannot tell: down. Then it must not claim to know
anything newer of the other side than the cut.

A state is right once it is seen; it has to be so still a probe interval later.
"""

import itertools
import os
import sys
import time

from lab import Failed, Lab, expect, main, say, wait_for
from station import Station, channel, pair

PROBE_S, HOLD_S = 1, 2
SLACK_S = 1
BOUND_S = HOLD_S + PROBE_S + SLACK_S
BACK_S = 20       # streams are dialled anew, and what flapped is on trial
LABS = 4 # cable is whole in the first of them, cut to north in the second
NAMES = ("cable", "fibre", "radio")
WHOLE, TO_NORTH, TO_SOUTH, BOTH = "whole", "to north", "to south", "both"
CUTS = (WHOLE, TO_NORTH, TO_SOUTH, BOTH)
COMBINATIONS = list(itertools.product(CUTS, repeat=3))


def passes(name, cut, me):
    """Does what that station says on that channel get through?"""
    if name != "radio":
        return cut == WHOLE
    return cut in (WHOLE, TO_NORTH if me == "north" else TO_SOUTH)


def expected(cuts):
    """{station: {channel: state}} once the bound has passed."""
    ways = list(zip(NAMES, cuts))
    back = any(passes(n, c, "north") and passes(n, c, "south")
               for n, c in ways)
    states = {"north": {}, "south": {}}
    for me, peer in (("north", "south"), ("south", "north")):
        for name, cut_is in ways:
            out, comes = (passes(name, cut_is, who) for who in (me, peer))
            if out and comes:
                state = "up"
            elif comes or (out and back):
                state = "one-way"
            else:
                state = "down"
            states[me][name] = state
    return states


def line_state(states):
    up = list(states.values()).count("up")
    return "dark" if up == 0 else "last-channel" if up == 1 else "open"


def right(station, peer, wanted):
    """None, or the first thing that is shown and is not so."""
    line = station.line(peer)
    shown = {c["name"]: c for c in line["channels"]}
    for name, state in wanted[station.name].items():
        if shown[name]["state"] != state:
            return f"{station.name} shows {name} {shown[name]['state']}, " \
                   f"not {state}"
    state = line_state(wanted[station.name])
    if line["state"] != state:
        return f"{station.name} shows the line {line['state']}, not {state}"
    # Both ways, or what the other sees may be what it saw before.
    if "up" not in wanted[station.name].values():
        return None
    for name, state in wanted[peer].items():
        if shown[name]["peer_sees"]["state"] != state:
            return f"{station.name} shows that {peer} sees {name} " \
                   f"{shown[name]['peer_sees']['state']}, not {state}"
    state = line_state(wanted[peer])
    if line["peer_sees"]["state"] != state:
        return f"{station.name} shows that {peer} sees the line " \
               f"{line['peer_sees']['state']}, not {state}"
    return None


def reach(stations, wanted, seconds, what):
    """Waits until both show what they must; how long that took."""
    started = time.monotonic()
    wrong = ""

    def all_right():
        nonlocal wrong
        wrong = next(filter(None, (right(me, peer.name, wanted) for me, peer
                                   in (stations, stations[::-1]))), None)
        return wrong is None
    try:
        wait_for("", seconds, all_right, promised=True)
    except Failed:
        raise Failed(f"{what}: after {time.monotonic() - started:.1f} s "
                     f"{wrong}") from None
    return time.monotonic() - started


def cut(lab, cuts):
    ways = {WHOLE: (), TO_NORTH: ("ba",), TO_SOUTH: ("ab",),
            BOTH: ("ab", "ba")}
    for k, way in enumerate(cuts, 1):
        for direction in ways[way]:
            lab.wire.tell(f"path {k} cut {direction}")


def not_newer(stations):
    """Nobody claims to know more of the other than was heard of it."""
    for me, peer in (stations, stations[::-1]):
        line = me.line(peer.name)
        at = line["peer_sees"]["at"]
        expect(at is None or at <= line["last_heard"],
               f"{me.name} heard {peer.name} last at {line['last_heard']}, "
               f"and claims to know what it sees at {at}")


def combination(lab, stations, cuts):
    what = ", ".join(f"{n} {c}" for n, c in zip(NAMES, cuts))
    wanted = expected(cuts)
    cut(lab, cuts)
    took = reach(stations, wanted, BOUND_S, what)
    time.sleep(PROBE_S)
    for me, peer in (stations, stations[::-1]):
        wrong = right(me, peer.name, wanted)
        expect(wrong is None, f"{what}: it did not last: {wrong}")
    not_newer(stations)
    lab.wire.tell("path all up")
    return took


def one_lab(mine):
    """A share of the combinations, in a network of its own."""
    with Lab(paths=3) as lab:
        for k, ms in enumerate((5, 10, 20), 1):
            lab.wire.tell(f"path {k} delay {ms}")
        north = Station(lab, "a", "north")
        south = Station(lab, "b", "south")
        pair(north, south,
             [channel(lab, "cable", "tcp", 1, "b"), "fibre accept=tcp",
              channel(lab, "radio", "udp", 3, "b")],
             ["cable accept=tcp", channel(lab, "fibre", "tcp", 2, "a"),
              channel(lab, "radio", "udp", 3, "a")],
             probe=f"{PROBE_S}s", hold=f"{HOLD_S}s")
        whole = expected((WHOLE,) * 3)
        worst = 0
        for k, cuts in enumerate(mine):
            for station in (north, south):
                station.start()
            for station in (north, south):
                station.ready()
            reach((north, south), whole, BACK_S, "at first")
            worst = max(worst, combination(lab, (north, south), cuts))
            for station in (north, south):
                station.stop()
        say(f"{len(mine)} combinations; the slowest was shown as it is after "
            f"{worst:.1f} s, {HOLD_S + PROBE_S} s are promised")


def share(k):
    return lambda: one_lab(COMBINATIONS[k * 16:k * 16 + 16])


SCENARIOS = {f"cuts-{k + 1}": share(k) for k in range(LABS)}

if __name__ == "__main__":
    os.environ.setdefault("OPENLINE_JOBS", str(LABS))
    sys.exit(main(SCENARIOS))
