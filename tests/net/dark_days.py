#!/usr/bin/env python3
"""Four days dark, then a courier.

All paths are cut. Days pass on every clock of both stations (clock.c); one is
stopped for one of them. What is said meanwhile waits; a bundle that is carried
by hand brings it over, another brings back that it arrived. The line stays
dark all that time, for a courier proves nothing about now, and both sides say
since when. Then a path returns. Both must tell the same blackout: as long as
it was, what went in it, that nothing waited at its end, and in which time a
station did not run, or stood still.
"""

import os
import struct
import sys
import time
from datetime import datetime

from lab import OPENLINE, Lab, expect, main, say, wait_for
from station import await_state, two_stations
from talk import audit, keep_evidence

DAY_S = 86400
CLOCK = os.path.join(os.path.dirname(OPENLINE), "tests", "net", "libclock.so")


class Clock:
    """The clocks of every process that is started from here on."""

    def __init__(self, folder):
        expect(os.path.exists(CLOCK), f"{CLOCK} is not built")
        self.path = os.path.join(folder, "clock")
        self.ns = 0
        self.write()
        os.environ["OPENLINE_CLOCK_FILE"] = self.path
        os.environ["LD_PRELOAD"] = CLOCK

    def write(self):
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.pwrite(fd, struct.pack("=q", self.ns), 0)
        os.close(fd)

    def days(self, n):
        self.ns += n * DAY_S * 10 ** 9
        self.write()

    def close(self):
        del os.environ["LD_PRELOAD"], os.environ["OPENLINE_CLOCK_FILE"]


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def blackout(me, peer):
    entries = [e for e in me.json("blackouts", peer.name)
               if e["kind"] == "dark"]
    expect(len(entries) == 1, f"{me.name} tells {len(entries)} blackouts")
    return entries[0]


def dark_for(me, peer, days):
    """Both ways to ask say the same time, and that it lasts."""
    entry, line = blackout(me, peer), me.line(peer.name)
    expect(line["state"] == "dark" and not entry["over"] and
           entry["end"] is None and entry["went"] is None,
           f"{me.name}: {line['state']}, {entry}")
    expect(line["dark_since"] == entry["since"],
           f"{me.name}: dark since {line['dark_since']}, and {entry['since']}")
    expect(0 <= entry["lasted_ms"] / 1000 - days * DAY_S < 120,
           f"{me.name}: {entry['lasted_ms']} ms are not {days} days")
    return entry["since"]


def carry(lab, me, peer, name):
    """By hand, from one to the other."""
    path = os.path.join(lab.dir, name)
    me.cli("courier", "export", peer.name, path)
    peer.cli("courier", "import", path)


def asleep(entry):
    return [off["why"] for off in entry["not_running"]]


def days_pass(clock, awake, n):
    """awake: pairs of who runs meanwhile, and its peer."""
    before = [len(asleep(blackout(me, peer))) for me, peer in awake]
    clock.days(n)
    for (me, peer), had in zip(awake, before):
        wait_for(f"{me.name} to see that time has passed", 20,
                 lambda m=me, p=peer, h=had: len(asleep(blackout(m, p))) > h)


def four_days(lab, stations, clock):
    north, south = stations
    await_state(stations, ("open",), 20)
    # A refusal that has passed is no reason for what follows. (Whether it is the
    # last thing the transport said when the line gets dark is a matter of luck.)
    south.stop()
    wait_for("north to be refused", 20, lambda: any(
        "refused" in c["transport"] for c in north.line("south")["channels"]))
    south.start()
    south.ready()
    for me, peer in (stations, stations[::-1]):
        wait_for(f"all channels of {me.name}", 20, lambda m=me, p=peer: set(
            m.channels(p.name).values()) == {"up"})
    north.cli("send", "south", "before", "--wait", "delivered")
    lab.wire.tell("path all cut")
    await_state(stations, ("dark",), 10)
    north.cli("send", "south", "this cannot wait", "--precedence", "flash")
    since = {me.name: dark_for(me, peer, 0)
             for me, peer in (stations, stations[::-1])}
    days_pass(clock, ((north, south), (south, north)), 1)
    north.cli("send", "south", "a day later")
    south.stop()
    days_pass(clock, ((north, south),), 1)
    south.start()
    south.ready()
    days_pass(clock, ((north, south), (south, north)), 2)
    for me, peer in (stations, stations[::-1]):
        expect(dark_for(me, peer, 4) == since[me.name],
               f"{me.name}: it began anew")
    say("dark for four days on both sides, by every clock and over a stop")

    carry(lab, north, south, "there")
    texts = {m["name"] for m in south.json("inbox", "north")}
    expect({"north:south/2", "north:south/3"} <= texts,
           f"the courier brought {texts}")
    expect(north.json("log", "south")[-1]["rung"] in ("queued", "sent"),
           "north knows what nobody has told it")
    carry(lab, south, north, "back")
    rungs = {m["name"]: m["rung"] for m in north.json("log", "south")}
    expect(rungs["north:south/2"] == rungs["north:south/3"] == "delivered",
           f"the courier's way back: {rungs}")
    for me, peer in (stations, stations[::-1]):
        dark_for(me, peer, 4) # and a courier ends no blackout

    lab.wire.tell("path 1 up")
    await_state(stations, ("open", "last-channel"), 30)
    for me, peer in (stations, stations[::-1]):
        wait_for("the end to be on disk", 5,
                 lambda me=me, peer=peer: blackout(me, peer)["over"])
    check_end(north, blackout(north, south), since, {"went": (1, 1)})
    check_end(south, blackout(south, north), since, {"came": (1, 1)})
    entry = blackout(south, north)
    expect("stopped" in asleep(entry) and
           entry["not_running_ms"] > DAY_S * 1000,
           f"south's stop: {entry['not_running']}")
    expect("stopped" not in asleep(blackout(north, south)),
           "north did not stop")
    check_history(north, south)
    audit(north, south)


def check_end(me, entry, since, counts):
    expect(entry["over"] and entry["since"] == since[me.name] and
           4 * DAY_S <= entry["lasted_ms"] / 1000 < 4 * DAY_S + 300,
           f"{me.name}: its length: {entry}")
    expect(abs(moment(entry["end"]) - moment(entry["since"]) -
               entry["lasted_ms"] / 1000) < 2,
           f"{me.name}: its ends and its length differ: {entry}")
    expect(entry["cause"] in ("silent", "our-network") and
           "no answer to what was sent since" in entry["reason"],
           f"{me.name}: why: {entry['cause']}: {entry['reason']}")
    expect(sum(entry["waited"].values()) == 0,
           f"{me.name}: waited: {entry['waited']}")
    for key, (flash, routine) in counts.items():
        expect((entry[key]["flash"], entry[key]["routine"]) ==
               (flash, routine), f"{me.name}: {key}: {entry[key]}")


def check_history(me, peer):
    """Nothing is claimed of days in which nobody measured, and minutes older
    than a day have become hours."""
    begin = time.strftime("%Y-%m-%dT%H:%M:%SZ",
                          time.gmtime(time.time() - DAY_S))
    doc = wait_for("the hours", 20, lambda: me.json(
        "history", peer.name, "--from", begin))
    expect(doc["step"] == "hour", f"by the {doc['step']}")
    # Minutes are gone by now: what is told of the first day are its hours.
    expect(moment(doc["rows"][0]["at"]) < moment(
        blackout(me, peer)["since"]) + 3600, f"from {doc['rows'][0]['at']}")
    total = doc["total"]
    expect(0 < total["measured_ms"] < 600_000,
           f"{total['measured_ms']} ms were measured of four days")
    expect(total["states_ms"].get("dark", 0) > 0 and
           total["availability"] < 1, f"no dark in {total}")


def dark_days():
    with Lab(paths=3) as lab:
        clock = Clock(lab.dir)
        try:
            stations = two_stations(lab, probe="1s", hold="3s")
            try:
                four_days(lab, stations, clock)
            except BaseException:
                keep_evidence(lab, *stations)
                raise
        finally:
            clock.close()


if __name__ == "__main__":
    sys.exit(main({"dark_days": dark_days}))
