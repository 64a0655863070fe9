"""Blackouts and the history: noted, told, and true across stops."""

import json
import os
import pty
import signal
import subprocess
import threading
import time

from bed import ENVIRONMENT, OPENLINE, Bed, expect, wait_for
from lab import PATIENCE_S

HOLD_S = 3


def blackouts(station, peer, kind=None):
    return [e for e in station.json("blackouts", peer)
            if kind in (None, e["kind"])]


def one(station, peer, kind="dark"):
    """The one entry of that kind."""
    all_of = blackouts(station, peer, kind)
    expect(len(all_of) == 1, f"{station.name}: {len(all_of)} entries of kind "
           f"{kind}: {all_of}")
    return all_of[0]


def go_dark(station, peer):
    wait_for(f"{station.name} to be dark", HOLD_S + 5,
             lambda: station.state(peer) == "dark")
    wait_for("the blackout to be noted", 5,
             lambda: blackouts(station, peer, "dark"))


class Watcher:
    """`watch` on a terminal, all that it shows."""

    def __init__(self, station):
        master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [OPENLINE, "watch", "-d", station.dir], stdout=slave,
            stderr=slave, env={**ENVIRONMENT, "NO_COLOR": "1"})
        os.close(slave)
        self.master = master
        self.seen = b""
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while True:
            try:
                data = os.read(self.master, 4096)
            except OSError:
                return
            if not data:
                return
            self.seen += data

    def close(self):
        # SIGINT is ignored by whatever a shell started in the background.
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        os.close(self.master)


def events(station, until):
    """All so far, by `watch --json`, up to the first of that name."""
    process = subprocess.Popen(
        [OPENLINE, "watch", "-d", station.dir, "--json", "--after", "0"],
        stdout=subprocess.PIPE, env=ENVIRONMENT)
    timer = threading.Timer(PATIENCE_S, process.kill)
    timer.start()
    seen = []
    for line in process.stdout:
        seen.append(json.loads(line))
        if seen[-1]["event"] == until:
            break
    process.kill()
    process.wait()
    timer.cancel()
    expect(seen and seen[-1]["event"] == until, f"no {until}: {seen}")
    return seen


def blackout_told():
    """The other side's station stops for a while: one blackout here, a time
    of not running there, and what waited is counted on its way."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        north.delivers(south, "before")
        expect(not blackouts(north, "south"), "a blackout before there is any")
        watcher = Watcher(north)
        south.stop()
        go_dark(north, "south")
        entry = one(north, "south")
        expect(not entry["over"] and entry["end"] is None and
               entry["since"] < entry["detected"] and entry["heard"],
               f"not as it began: {entry}")
        expect(entry["cause"] == "refused" and
               "cable: refused by 127.0.0.1" in entry["reason"],
               f"not why: {entry['cause']}: {entry['reason']}")
        expect(entry["waited"] is None and entry["caught_up"] is None,
               f"more than is known: {entry}")
        line = north.line("south")
        expect(line["dark_since"] == entry["since"] and
               line["dark_cause"] == "refused", f"status says {line}")
        expect("dark since" in north.ok("blackouts").out.lower(),
               "no word of it for people")
        north.ok("send", "south", "now", "--precedence", "flash")
        for k in range(3):
            north.ok("send", "south", f"later {k}")
        south.start()
        bed.open(north, south)
        entry = wait_for("what waited to go", 20, lambda: one(
            north, "south")["caught_up"] and one(north, "south"))
        expect(entry["over"] and entry["detected"] < entry["end"] and
               entry["back_by"] in ("cable", "radio"), f"its end: {entry}")
        expect(entry["waited"]["flash"] == 1 and
               entry["waited"]["routine"] == 3 and
               entry["went"]["routine"] == 0 and
               entry["caught_up"]["went"]["flash"] == 1 and
               entry["caught_up"]["went"]["routine"] == 3,
               f"not what waited and went: {entry}")
        expect(north.line("south")["dark_since"] is None and
               north.line("south")["dark_cause"] is None, "it outlives itself")
        told = events(north, "caught-up")
        back = [e for e in told if e["event"] == "restored"]
        expect(len(back) == 1 and back[0]["waited"]["flash"] == 1 and
               back[0]["went"]["flash"] == 0, f"restored: {back}")
        expect(told[-1]["went"]["routine"] == 3, f"caught-up: {told[-1]}")
        wait_for("watch to say so", 5,
                 lambda: b"waited flash 1, routine 3" in watcher.seen)
        watcher.close()
        expect(b"\a" in watcher.seen and b"BLACKOUT" in watcher.seen,
               f"no bell: {watcher.seen!r}")
        # There nobody listened: that is not called dark.
        entry = one(south, "north", "not-running")
        expect(not blackouts(south, "north", "dark"), "south calls it dark")
        expect(entry["over"] and entry["lasted_ms"] >= HOLD_S * 1000 and
               entry["not_running"][0]["why"] == "stopped",
               f"its own stop: {entry}")


def dark_over_stops():
    """A station that is stopped, and killed, while dark: one blackout, from
    the last proof on, and both times in it."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        north.delivers(south, "before")
        south.stop()
        go_dark(north, "south")
        first = one(north, "south")
        north.stop()
        time.sleep(HOLD_S + 1) # this is what is measured
        north.start()
        expect(one(north, "south")["since"] == first["since"] and
               north.line("south")["dark_since"] == first["since"] and
               north.line("south")["dark_detected"] == first["detected"],
               f"it begins anew: {one(north, 'south')}")
        north.kill()
        time.sleep(HOLD_S + 1)
        north.start()
        expect(not blackouts(north, "south", "not-running"),
               "a stop in the dark stands for itself")
        south.start()
        bed.open(north, south)
        entry = wait_for("the end", 10, lambda: one(north, "south")["over"] and
                         one(north, "south"))
        whys = [off["why"] for off in entry["not_running"]]
        expect(whys == ["stopped", "ended"], f"its stops: {whys}")
        expect(2 * HOLD_S * 1000 <= entry["not_running_ms"] <
               entry["lasted_ms"], f"its times: {entry}")
        expect(entry["since"] == first["since"], f"since: {entry}")


def dark_at_the_start():
    """Stopped while the line was open, and nobody there at the return: dark
    since the last answer, not since the start."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        north.delivers(south, "before")
        north.stop()
        south.stop()
        stopped = north.read("alive") # it is there, and empty
        expect(stopped == "", "something in it")
        time.sleep(HOLD_S + 1)
        north.start()
        started = time.time()
        expect(one(north, "south", "not-running"), "no word of the stop")
        go_dark(north, "south")
        entry = one(north, "south")
        expect(not blackouts(north, "south", "not-running"),
               "the stop is told twice")
        expect(entry["not_running"][0]["why"] == "stopped" and
               entry["since"] <= entry["not_running"][0]["from"],
               f"not since the last answer: {entry}")
        expect(entry["lasted_ms"] > (HOLD_S + time.time() - started) * 1000,
               f"too short: {entry}")


def history():
    """A minute and its states, round trips and frames; and what is refused."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        north.delivers(south, "hello")
        north.no(3, "history", "east", words=["east"])
        north.no(2, "history", "south", "--from", "2099-01-01T00:00:00Z",
                 words=["from is not before to"])
        north.no(2, "history", "south", "--from", "tuesday")
        north.ok("channel", "south", "disable", "radio")
        north.delivers(south, "without radio") # which takes milliseconds
        north.stop() # writes what was measured
        north.start()
        doc = north.json("history", "south")
        total = {c["name"]: c for c in doc["total"]["channels"]}
        expect(doc["line"] == "south" and doc["step"] == "hour" and
               doc["rows"], f"no rows: {doc}")
        cable, radio = total["cable"], total["radio"]
        expect(cable["availability"] > 0 and cable["states_ms"]["up"] > 0 and
               cable["frames_sent"] > 0 and cable["rtt_ms"]["median"] > 0,
               f"cable: {cable}")
        expect(cable["loss"] is not None and 0 <= cable["loss"] <= 1,
               f"loss: {cable}")
        expect(radio["states_ms"].get("disabled", 0) > 0 and
               sum(radio["states_ms"].values()) <=
               doc["total"]["measured_ms"] + 1, f"radio: {radio}")
        expect(sum(doc["total"]["states_ms"].values()) ==
               doc["total"]["measured_ms"], f"the line: {doc['total']}")
        hour = json.loads(json.dumps(doc["from"]))
        expect(hour < doc["rows"][0]["at"], "rows before the period")
        alone = north.json("history", "south", "--channel", "radio")
        expect([c["name"] for c in alone["total"]["channels"]] == ["radio"],
               f"more than radio: {alone['total']}")
        recent = time.strftime("%Y-%m-%dT%H:%M:%SZ",
                               time.gmtime(time.time() - 600))
        expect(north.json("history", "south", "--from", recent)["step"] ==
               "minute", "ten minutes are not by the minute")
        out = north.ok("history", "south").out
        for word in ("CHANNEL", "cable", "radio", "Measured for", "disabled"):
            expect(word in out, f"no {word} in: {out}")


def status_line():
    """What the service manager is told."""
    import socket
    with Bed() as bed:
        path = bed.path("notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(path)
            s.settimeout(PATIENCE_S)
            north, south = bed.pair("north", "south", start=False)
            north.env["NOTIFY_SOCKET"] = path
            north.start()
            south.start()

            def told(words):
                while True:
                    said = s.recv(4096).decode()
                    if said.startswith("STATUS=") and words in said:
                        return said
            told("1 of 1 line open")
            south.stop()
            expect("0 of 1 line open; DARK: south since 20" in told("DARK"),
                   "no word of the dark")
            south.start()
            told("1 of 1 line open")


TESTS = (blackout_told, dark_over_stops, dark_at_the_start, history,
         status_line)
