"""Getting attention: alarms, hooks, figures for a monitor.

Part of tests/cli/run. Whatever a hook does, the line must not feel it.
"""

import os
import re
import stat
import time

from bed import Bed, Station, expect, wait_for
from lab import Failed

FULL = {"OPENLINE_MIN_FREE": str(1 << 60)}


# Alarms


def alarm(station, key, *more):
    """The alarm with that key; None: there is none on the list."""
    found = [a for a in station.json("alarms", *more) if a["key"] == key]
    expect(len(found) <= 1, f"{key} stands twice: {found}")
    return found[0] if found else None


def alarms():
    """One alarm's life: raised, acknowledged, over; kept through a kill."""
    with Bed() as bed:
        north = Station(bed, "north")
        north.start()
        expect(north.json("alarms") == [], "alarms of nothing")
        expect("No alarm" in north.ok("alarms").out, "no word on no alarm")
        for words in (("ack",), ("ack", "x"), ("ack", "0"), ("shelve", "1"),
                      ("shelve", "1", "--for", "1"), ("drop", "1"),
                      ("ack", "1", "--for", "1h"), ("ack", "1", "--all")):
            north.no(2, "alarms", *words, words=("usage: openline alarms",))
        north.no(3, "alarms", "ack", "1", words=("no alarm 1",))
        north.no(2, "alarms", "shelve", "1", "--for", "25h", words=("24h",))
        north.stop()

        north.env = FULL
        north.start()
        a = alarm(north, "disk")
        expect(a and a["state"] == "unacknowledged" and a["active"] and
               a["priority"] == "high" and a["line"] is None and a["do"] and
               "disk is full" in a["what"], f"no alarm of a full disk: {a}")
        n = str(a["n"])
        told = north.ok("alarms").out
        expect("HIGH" in told and a["do"] in told, told)
        expect("alarm nobody has acknowledged" in north.ok("status").out,
               "status says nothing of it")
        north.ok("alarms", "ack", n)
        north.no(1, "alarms", "ack", n, words=("already", "by"))
        a = alarm(north, "disk")
        expect(a["state"] == "acknowledged" and a["by"], f"{a}")
        expect(north.json("status")["alarms"] ==
               {"unacknowledged": 0, "standing": 1, "worst": None},
               north.json("status")["alarms"])
        north.kill()
        north.start()
        b = alarm(north, "disk")
        expect(b and b["n"] == a["n"] and b["state"] == "acknowledged" and
               b["count"] == 1 and b["by"] == a["by"],
               f"a restart made it another: {a}, {b}")

        # With room it is over: acknowledged, it goes by itself.
        north.kill()
        north.env = {}
        north.start()
        wait_for("the alarm to pass", 10,
                 lambda: alarm(north, "disk") is None, every=1)
        a = alarm(north, "disk", "--all")
        expect(a and a["state"] == "gone" and a["returned"], f"{a}")


def alarm_shelved():
    with Bed() as bed:
        north = Station(bed, "north")
        north.env = FULL
        north.start()
        n = str(alarm(north, "disk")["n"])
        north.ok("alarms", "shelve", n, "--for", "2s")
        a = alarm(north, "disk")
        expect(a["state"] == "shelved" and a["shelved_until"], f"{a}")
        expect(north.json("status")["alarms"]["standing"] == 0,
               "a shelved alarm counts")
        wait_for("it to be an alarm again", 20,
                 lambda: alarm(north, "disk")["state"] == "unacknowledged")
        events = [line for line in north.said().splitlines()
                  if f"alarm {n} (high)" in line]
        expect(len(events) == 2, f"told {len(events)} times, not twice")
        north.ok("alarms", "shelve", n, "--for", "1h")
        north.kill()
        north.start()
        expect(alarm(north, "disk")["state"] == "shelved",
               "a restart has forgotten it")


# Metrics

LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(" + LABEL + r"(?:," +
                    LABEL + r")*)\})? (-?[0-9.]+(?:e[+-]?[0-9]+)?|NaN)")


def parse(text):
    """{(name, labels): value}, strictly by the exposition format."""
    found, family, done, kind = {}, None, set(), None
    expect(text.endswith("\n"), "no newline at the end")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split(" ", 3)[2]
            expect(family not in done, f"{family} stands twice")
            done.add(family)
            kind = None
        elif line.startswith("# TYPE "):
            word = line.split(" ")
            expect(word[2] == family and len(word) == 4, line)
            kind = word[3]
            expect(kind in ("gauge", "counter"), line)
            expect((kind == "counter") == family.endswith("_total"), line)
        else:
            m = SAMPLE.fullmatch(line)
            expect(m and m[1] == family and kind, f"no sample: {line!r}")
            labels = tuple(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"',
                                      m[2] or ""))
            expect((m[1], labels) not in found, f"twice: {line}")
            found[m[1], labels] = float(m[3])
    return found


def metrics():
    """What is known, as figures; what is not has none."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        told = parse(north.ok("metrics").out)
        south_line = ("line", "south")

        def figure(name, *labels):
            return told.get((f"openline_{name}", labels))

        for channel in ("cable", "radio"):
            for direction in ("in", "out"):
                expect(figure("channel_up", south_line, ("channel", channel),
                              ("direction", direction)) == 1,
                       f"{channel} {direction}")
        expect(figure("line_dark_seconds", south_line) == 0, "dark")
        age = time.time() - figure("last_heard_timestamp_seconds", south_line)
        expect(-1 < age < 30, f"heard {age} s ago")
        expect(figure("queue_messages", south_line,
                      ("precedence", "flash")) == 0, "queue")
        free = os.statvfs(north.dir)
        expect(abs(figure("ledger_free_bytes") -
                   free.f_bavail * free.f_frsize) < 1 << 30, "free bytes")
        expect(figure("line_verified", south_line) == 0, "verified")
        expect(not any(name == "openline_attended" for name, _ in told),
               "it knows who is there, and nobody said")

        # Into a file, which everybody may read and which goes with it.
        path = bed.path("openline.prom")
        north.configure(f"metrics = {path}\n")
        north.hangup()
        wait_for("the file", 20, lambda: os.path.exists(path))
        with open(path, encoding="utf-8") as f:
            parse(f.read())
        expect(stat.S_IMODE(os.stat(path).st_mode) == 0o644, "its mode")
        south.stop()
        wait_for("the line to be dark and its channels down", 20,
                 lambda: north.state("south") == "dark" and
                 all(c["state"] == "down"
                     for c in north.line("south")["channels"]))
        north.ok("send", "south", "waits", "--precedence", "flash")
        told = parse(north.ok("metrics").out)
        dark = figure("line_dark_seconds", south_line)
        expect(dark is not None and 0 < dark < 60, f"dark for {dark}")
        expect(figure("queue_messages", south_line,
                      ("precedence", "flash")) == 1, "queue")
        expect(figure("channel_up", south_line, ("channel", "cable"),
                      ("direction", "in")) == 0, "cable")
        wait_for("the file to say so", 40, lambda: parse(
            open(path, encoding="utf-8").read())[
                "openline_line_state", (south_line, ("state", "dark"))] == 1
            if 'state="dark"' in open(path, encoding="utf-8").read()
            else False, every=1)
        expect([f for f in os.listdir(bed.dir) if "prom.new-" in f] == [],
               "something was left behind")
        north.stop()
        expect(not os.path.exists(path), "a stopped station has figures")
        for value in ("x.prom", "/tmp/x", "/.prom", ""):
            north.configure(f"metrics = {value}\n")
            north.no(1, "run", "--check-config", words=("metrics",))


def status_check():
    """For scripts: a line each, and 0 only if all are open."""
    with Bed() as bed:
        north, south = bed.pair("north", "south", start=False)
        north.no(5, "status", "--check")
        north.start()
        north.no(3, "status", "west", "--check", words=("no line",))
        told = north.no(1, "status", "--check").out
        expect("south: " in told and "the peer sees unknown" in told, told)
        south.start()
        bed.open(north, south)
        done = north.ok("status", "--check")
        expect("south: open; cable up, radio up; the peer sees" in done.out and
               "0 alarms are not acknowledged" in done.out, done.out)
        expect(north.json("status", "--check")["lines"], "no document")
        lone = Station(bed, "lone")
        lone.start()
        lone.no(1, "status", "--check", words=("no line",))


TESTS = [alarms, alarm_shelved, metrics, status_check]
