#!/usr/bin/env python3
"""The storm: everything goes wrong at once, and nothing is lost or doubled.

    north ==== cable tcp   20 ms RTT ==== south      each path loses 5 %
          ==== radio udp   60 ms RTT ====
          ==== sat   udp  200 ms RTT ====

Both sides say 1,000 messages of mixed precedence and size while paths are cut
(one way or both) and restored at random, and one station or the other is
killed with kill -9, ten times in all. Then the paths are whole again, though
still lossy, and everything must come to rest within a bound: every message
exactly once, in order within its precedence, both logs alike, both records
sound, every receipt home. OPENLINE_LONG=1 makes the storm longer.
"""

import os
import sys
import threading
import time

from lab import Lab, main, say, wait_for
from station import Station, pair, three_channels
from talk import Talk, audit, keep_evidence, sender

MESSAGES = 1000
KILLS = 10
STORM_S = 300 if os.environ.get("OPENLINE_LONG") else 60
SETTLE_S = 120
PATHS_RTT_MS = (20, 60, 200)


def weather(rng):
    """What happens when: [(seconds, (kind, detail))], in order of time."""
    plan = [(STORM_S * (i + rng.random()) / KILLS,
             ("kill", (rng.randrange(2), rng.uniform(0, 1.5))))
            for i in range(KILLS)]
    at = 0
    while at < STORM_S:
        at += rng.uniform(0.2, 2)
        # As many ways up as down, so that now and then all three are cut.
        what = rng.choice(("up", "up", "up", "cut", "cut ab", "cut ba"))
        plan.append((at, ("path", f"path {rng.randint(1, 3)} {what}")))
    return sorted(plan)


def rage(lab, stations, talks):
    started = time.monotonic()
    kills = cuts = 0
    for at, (kind, detail) in weather(lab.random):
        time.sleep(max(0, started + at - time.monotonic()))
        if kind == "path":
            lab.wire.tell(detail)
            cuts += "cut" in detail
            for talk in talks:
                talk.observe()
        else:
            victim = stations[detail[0]]
            victim.ready()
            victim.kill()
            kills += 1
            time.sleep(detail[1])
            victim.start()
    lab.wire.tell("path all up")
    say(f"{kills} kills, {cuts} cuts in {time.monotonic() - started:.0f} s")


def in_thread(function, *args):
    """Starts it; returns join, which raises what the function raised."""
    raised = []

    def run():
        try:
            function(*args)
        except BaseException as e: # brought to the main thread
            raised.append(e)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def join(seconds):
        thread.join(seconds)
        if raised:
            raise raised[0]
        return not thread.is_alive()
    return join


def storm_on(lab, sat):
    north, south = Station(lab, "a", "north"), Station(lab, "b", "south")
    pair(north, south, three_channels(lab, "b", sat),
         three_channels(lab, "a", sat), probe="1s", hold="5s")
    for k, rtt_ms in enumerate(PATHS_RTT_MS, 1):
        lab.wire.tell(f"path {k} delay {rtt_ms / 2}", f"path {k} loss 5")
    for station in (north, south):
        station.start()
    talks = [Talk(north, south, lab.seed), Talk(south, north, lab.seed)]
    stop = threading.Event()
    gap_s = STORM_S * 0.9 / MESSAGES
    joins = [in_thread(sender, t, MESSAGES, gap_s, stop) for t in talks]
    try:
        rage(lab, (north, south), talks)
        for station in (north, south):
            station.ready()
        for join in joins:
            wait_for("the senders to finish", SETTLE_S, lambda j=join: j(1),
                     moves=lambda: [len(t.said) for t in talks])
        healed = time.monotonic()
        for talk in talks:
            talk.settle(SETTLE_S)
        say(f"all at rest {time.monotonic() - healed:.1f} s later; unsure: "
            f"{sum(not m.sure for t in talks for m in t.said)}")
        for talk in talks:
            talk.check()
            talk.check_texts()
        for talk in talks:
            talk.await_read(SETTLE_S)
            talk.check()
        audit(north, south)
        for station in (north, south):
            station.stop()
    except BaseException:
        stop.set()
        keep_evidence(lab, north, south)
        raise


def storm():
    with Lab(paths=3) as lab:
        storm_on(lab, "udp")


def storm_tcp():
    """The same with a stream on the long path; long campaign only."""
    with Lab(paths=3) as lab:
        storm_on(lab, "tcp")


if __name__ == "__main__":
    scenarios = {"storm": storm}
    if os.environ.get("OPENLINE_LONG") or sys.argv[1:]:
        scenarios["storm_tcp"] = storm_tcp
    sys.exit(main(scenarios))
