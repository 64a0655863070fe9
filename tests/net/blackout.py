#!/usr/bin/env python3
"""The blackout: all paths are cut for a minute while 500 messages wait.

The line keeps its default probe (25 s) and hold (30 s) times. Both sides must
say `dark` within the hold time of the cut, a dark_since that is no later than
they said so, and everything must be delivered within 5 s of the return of the
first path; the other two stay cut until then. Afterwards both sides must have
the blackout noted as it was: its beginning, detection, end and reasons, what
waited, and that it went. The figures are printed.
"""

import os
import sys
import time
from datetime import datetime

from lab import Lab, expect, main, say
from station import await_state, two_stations
from talk import Talk, audit, keep_evidence

BLACKOUT_S = 60
HOLD_S = 30
TOLERANCE_S = 1
RETURN_S = 5
WAITING = (450, 50) # north's and south's; 500 in all
IDLE_RSS_KIB = 12 << 10


def check_idle_memory(stations):
    for station in stations:
        kib = station.rss_kib()
        say(f"{station.name}: {kib} KiB resident while idle")
        # A sanitizer's build is another program.
        if "OPENLINE_BIN" not in os.environ:
            expect(kib < IDLE_RSS_KIB, f"{station.name}: {kib} KiB resident")


def go_dark(lab, stations):
    """Cuts everything; returns when it was cut."""
    cut = time.monotonic()
    lab.wire.tell("path all cut")
    took = await_state(stations, ("dark",), HOLD_S + TOLERANCE_S, True)
    for name, seconds in took.items():
        say(f"{name} knew that the line is dark after {seconds:.1f} s")
    for me, peer in (stations, stations[::-1]):
        line = me.line(peer.name)
        expect(line["dark_since"] and line["dark_detected"],
               f"{me.name}: dark, but since and detected are "
               f"{line['dark_since']} and {line['dark_detected']}")
        # RFC 3339 in UTC with milliseconds sorts as text.
        expect(line["dark_since"] <= line["dark_detected"],
               f"{me.name}: detected before it began")
        expect(line["peer_sees"]["state"] != "dark",
               f"{me.name} claims to know what the peer sees in the dark")
    return cut


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def check_noted(me, peer, cut, back, waited):
    """cut, back: wall clock; waited: records that this side said meanwhile."""
    entries = me.json("blackouts", peer.name)
    expect(len(entries) == 1, f"{me.name} tells {len(entries)} blackouts")
    entry = entries[0]
    since, detected, end = (moment(entry[key])
                            for key in ("since", "detected", "end"))
    expect(entry["kind"] == "dark" and entry["over"], f"{me.name}: {entry}")
    expect(cut - HOLD_S <= since <= cut + 0.1 and
           detected - cut <= HOLD_S + TOLERANCE_S and
           back <= end <= back + RETURN_S,
           f"{me.name}: cut {cut}, back {back}: {entry}")
    expect(abs((end - since) * 1000 - entry["lasted_ms"]) < 100,
           f"{me.name}: it lasted {entry['lasted_ms']} ms, not {end - since} s")
    # A cut way and a station that is off look alike.
    expect(entry["cause"] == "silent", f"{me.name}: why: {entry['cause']}")
    for channel in ("cable", "radio", "sat"):
        expect(f"{channel}: " in entry["reason"],
               f"{me.name}: no word on {channel}: {entry['reason']}")
    expect(sum(entry["waited"].values()) == waited and
           sum(entry["went"].values()) == sum(entry["came"].values()) == 0 and
           sum(entry["caught_up"]["went"].values()) == waited and
           moment(entry["caught_up"]["at"]) <= back + RETURN_S + 1,
           f"{me.name}: what waited and went: {entry}")
    say(f"{me.name} noted: {entry['lasted_ms']} ms, {entry['reason']:.150}")


def blackout_on(lab, stations):
    north, south = stations
    talks = [Talk(north, south, lab.seed), Talk(south, north, lab.seed)]
    await_state(stations, ("open",), 20)
    for talk in talks:
        talk.burst(1)
        talk.settle(10)
    check_idle_memory(stations)
    cut_at = time.time()
    cut = go_dark(lab, stations)
    for talk, count in zip(talks, WAITING):
        talk.burst(count, size=200)
        waiting = sum(talk.source.line(talk.sink.name)["queue"].values())
        expect(waiting == count, f"{talk.source.name} shows a queue of "
               f"{waiting}, not {count}")
    time.sleep(max(0, cut + BLACKOUT_S - time.monotonic()))
    back, back_at = time.monotonic(), time.time()
    lab.wire.tell("path 1 up")
    for talk in talks:
        talk.settle(back + RETURN_S - time.monotonic(), every=0.1,
                    promised=True)
    say(f"all {sum(WAITING)} delivered {time.monotonic() - back:.2f} s after "
        f"the first path's return ({BLACKOUT_S} s of blackout)")
    lab.wire.tell("path all up")
    took = await_state(stations, ("open",), 20)
    say(f"open again: {took}")
    for me, peer in (stations, stations[::-1]):
        expect(me.line(peer.name)["dark_since"] is None,
               f"{me.name}: dark_since outlives the dark")
    for me, peer, count in zip(stations, stations[::-1], WAITING):
        check_noted(me, peer, cut_at, back_at, count)
    for talk in talks:
        talk.check()
    audit(north, south)


def blackout():
    with Lab(paths=3) as lab:
        for k, rtt_ms in enumerate((20, 60, 200), 1):
            lab.wire.tell(f"path {k} delay {rtt_ms / 2}")
        stations = two_stations(lab)
        try:
            blackout_on(lab, stations)
        except BaseException:
            keep_evidence(lab, *stations)
            raise


if __name__ == "__main__":
    sys.exit(main({"blackout": blackout}))
