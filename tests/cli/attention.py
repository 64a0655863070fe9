"""Getting attention: alarms, hooks, figures for a monitor.

Part of tests/cli/run. Whatever a hook does, the line must not feel it.
"""

import json
import os
import re
import shutil
import sqlite3
import stat
import time

from asks import move, movable
from bed import Bed, Station, expect, wait_for
from lab import ROOT

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


def alarm_clock():
    """What was done while the clock was right is done, though it is written
    with an earlier time than what was said before it was set back."""
    with Bed() as bed:
        north = Station(bed, "north")
        clock = movable(bed, north)
        north.env.update(FULL)
        move(clock, 86400)
        north.start()
        n = str(alarm(north, "disk")["n"])
        north.kill()
        move(clock, 0)
        north.start()
        north.ok("alarms", "ack", n)
        north.kill() # at once: what was confirmed is on disk
        north.start()
        a = alarm(north, "disk")
        expect(a["state"] == "acknowledged" and str(a["n"]) == n,
               f"acknowledged, and asked for again: {a}")


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
        expect(figure("asks_overdue", south_line, ("author", "ours")) == 0,
               "overdue")
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


# Hooks


def hook(station, name, text, mode=0o700):
    """A hook of that shell text, from now on."""
    folder = os.path.join(station.dir, "hooks.d")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    path = os.path.join(folder, name)
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\n" + text)
    os.chmod(path + ".new", mode)
    os.rename(path + ".new", path)
    return path


def told(path):
    """The events that a hook has written down, one a line."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.endswith("\n")]


def alive(path):
    """Is the process whose number stands in that file."""
    with open(path, encoding="utf-8") as f:
        pid = int(f.read())
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def zombies(station):
    """Children of the station that have ended, and that nobody waited for."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                state, parent = f.read().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state == "Z" and int(parent) == station.process.pid:
            found.append(pid)
    return found


def settled(station, name):
    """The hook is known, and begins with what comes."""
    key = f"hook/{name}"
    wait_for(f"{name} to be seen", 20, lambda: sqlite3.connect(
        f"file:{station.dir}/ledger.db?mode=ro", uri=True).execute(
            "select count(*) from meta where key = ?", (key,)).fetchone()[0])


def hooks():
    """Each event once, in order, clean surroundings, over a kill too."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        log, around = bed.path("log"), bed.path("around")
        hook(south, "all", f"cat >>{log}\n")
        hook(south, "alarms", f"test -e {around} && exit; env >{around}; "
             f"ls -l /proc/self/fd "
             f">>{around}; pwd >>{around}; cat >>{around}; echo said >&2\n")
        hook(south, "notes.conf", "exit 1\n")
        south.configure("hook = alarms arrived\n")
        south.env = {"OPENLINE_SECRET": "x"}
        south.hangup()
        settled(south, "all")
        settled(south, "alarms")
        names = [north.delivers(south, f"text {k}") for k in range(5)]
        arrived = lambda: [e["name"] for e in told(log)
                           if e["event"] == "arrived"]
        wait_for("five events", 20, lambda: arrived() == names)
        expect(all(e["station"] == "south" and e["hook"] == "all" and
                   e["line"] == "north" for e in told(log)), told(log)[:1])
        seqs = [e["seq"] for e in told(log)]
        expect(seqs == sorted(set(seqs)), f"not in order: {seqs}")
        wait_for("its words in the log", 20,
                 lambda: "hook alarms: said" in south.said())
        with open(around, encoding="utf-8") as f:
            text = f.read()
        expect(f"OPENLINE_DIR={os.path.realpath(south.dir)}\n" in text and
               "OPENLINE_EVENT=arrived\n" in text and
               "OPENLINE_LINE=north\n" in text and
               "OPENLINE_SUMMARY=south: line north: arrived north:south/1, "
               "routine\n" in text, text)
        expect("SECRET" not in text and "XDG" not in text, text)
        expect(f"{os.path.realpath(south.dir)}/hooks.d\n" in text, text)
        open_ones = [w for w in text.splitlines() if " -> " in w]
        expect(len(open_ones) <= 4, f"descriptors of the station: {text}")

        # What happens while it is away comes when it is back.
        south.kill()
        name = north.ok("send", "south", "waits").out.strip()
        south.start()
        wait_for("the event after the restart", 30,
                 lambda: arrived()[-1:] == [name])
        expect(sorted(set(arrived())) == sorted(names + [name]),
               f"left out: {arrived()}")
        south.ok("doctor")
        expect(all(a["key"] != "hook/all" for a in south.json("alarms")),
               "an alarm of a hook that works")


def hook_that_hangs():
    """It and its children are ended, it is said, the line feels nothing."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        mark, log = bed.path("mark"), bed.path("log")
        hook(south, "hangs", f"sleep 1000 & echo $! >{mark}; cat; "
             "trap '' TERM; sleep 1000\n")
        hook(south, "works", f"cat >>{log}\n")
        settled(south, "hangs")
        settled(south, "works")
        began = time.monotonic()
        name = north.delivers(south)
        wait_for("the other hook", 20, lambda: any(
            e.get("name") == name for e in told(log)))
        wait_for("it to hang", 20, lambda: os.path.exists(mark))
        for k in range(20):
            north.delivers(south, f"while it hangs {k}")
        wait_for("it to be ended", 40, lambda: "took more than 10 s and was "
                 "ended" in south.said())
        expect(time.monotonic() - began < 40, "it had more than its time")
        wait_for("its child to go with it", 5, lambda: not alive(mark))
        wait_for("it to be gone itself", 5, lambda: not zombies(south))
        south.run("doctor")
        expect("the hook hangs took more than" in south.run("doctor").out,
               "doctor does not tell")
        south.stop() # also while one hangs


def hook_that_floods():
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        hook(south, "floods", "cat >/dev/null; yes\n")
        settled(south, "floods")
        began = time.monotonic()
        north.delivers(south)
        wait_for("it to be ended", 20, lambda: "wrote more than 64 KiB and "
                 "was ended" in south.said())
        expect(time.monotonic() - began < 30, "only its time has ended it")
        wait_for("it to be gone itself", 5, lambda: not zombies(south))
        said = [w for w in south.said().splitlines() if "hook floods: " in w]
        expect(0 < len(said) <= 12, f"{len(said)} lines of its words")
        north.delivers(south)


def hook_that_fails():
    """Told again; then an alarm; and when it works, of all at once."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        works, log = bed.path("works"), bed.path("log")
        hook(south, "pager", f"test -e {works} || exit 3; cat >>{log}\n")
        south.configure("hook = pager arrived alarm\n")
        south.hangup()
        settled(south, "pager")
        sent = [north.delivers(south, f"text {k}") for k in range(40)]
        wait_for("an alarm", 60, lambda: alarm(south, "hook/pager"))
        a = alarm(south, "hook/pager")
        expect("ended with status 3, 3 times" in a["what"] and a["do"] and
               a["priority"] == "medium", f"{a}")
        south.no(1, "doctor", words=("the hook pager ended with status 3",))
        with open(works, "w", encoding="utf-8"):
            pass
        wait_for("all that waited", 90, lambda: told(log))
        first = told(log)[0]
        expect(first["event"] == "folded" and
               first["counts"]["arrived"] == len(sent) and
               first["counts"]["alarm"] == 1 and
               first["events"][-1]["event"] == "alarm", f"{first}")
        wait_for("the alarm to pass", 20, lambda:
                 alarm(south, "hook/pager")["state"] == "returned")
        name = north.delivers(south)
        wait_for("the next alone", 20, lambda:
                 told(log)[-1].get("name") == name)


def hook_rights():
    """Nobody else may write a hook, nor its folder."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        log = bed.path("log")
        path = hook(south, "open", f"cat >>{log}\n", 0o722)
        wait_for("an alarm", 20, lambda: alarm(south, "hook/open"))
        expect("others may write to it" in alarm(south, "hook/open")["what"],
               f"{alarm(south, 'hook/open')}")
        south.no(1, "doctor", words=("the hook open is not run", "chmod"))
        north.delivers(south)
        expect(not os.path.exists(log), "it was run")
        os.chmod(path, 0o700)
        settled(south, "open")
        name = north.delivers(south)
        wait_for("it to be run", 20, lambda: any(
            e.get("name") == name for e in told(log)))
        os.chmod(os.path.dirname(path), 0o777)
        wait_for("an alarm", 20, lambda: alarm(south, "hooks"))
        os.chmod(os.path.dirname(path), 0o700)
        wait_for("it to pass", 20, lambda:
                 alarm(south, "hooks")["state"] == "returned")
        for words in ("pager", "pager alarm shout", "a.b alarm", "",
                      "pager alarm\nhook = pager line"):
            south.configure(f"hook = {words}\n")
            south.no(1, "run", "--check-config", words=("hook",))


def alarm_flood():
    """Twelve hooks fail: ten alarms, and one of the flood."""
    with Bed() as bed:
        north = Station(bed, "north")
        north.start()
        for k in range(12):
            hook(north, f"h{k}", "exit 0\n", 0o722)
        wait_for("the flood", 30, lambda: alarm(north, "flood"))
        a = alarm(north, "flood")
        expect("12 since it began" in a["what"], f"{a}")
        all_of = north.json("alarms")
        expect(len(all_of) == 13, f"{len(all_of)} on the list")
        said = [w for w in north.said().splitlines() if ": alarm " in w]
        expect(len(said) == 11, f"{len(said)} were told")
        north.ok("alarms", "ack", str(a["n"]))
        left = north.json("status")["alarms"]["unacknowledged"]
        expect(left == 10, f"{left} are not acknowledged")


def ready_hooks():
    """The ones that come with the source do what they say."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        folder = os.path.join(south.dir, "hooks.d")
        os.mkdir(folder, 0o700)
        for name in ("mail", "pager"):
            shutil.copy(os.path.join(ROOT, "hooks", name), folder)
            os.chmod(os.path.join(folder, name), 0o700)
        paged, mailed = bed.path("paged"), bed.path("mailed")
        for name, text in (("page", f'echo "$1" >>{paged}'),
                           ("sendmail", f"cat >>{mailed}")):
            with open(bed.path(name), "w", encoding="utf-8") as f:
                f.write(f"#!/bin/sh\n{text}\n")
            os.chmod(bed.path(name), 0o755)
        south.write("hooks.d/pager.conf", f"COMMAND={bed.path('page')}\n")
        south.write("hooks.d/mail.conf", "TO=duty@example.org\n"
                    f"SENDMAIL={bed.path('sendmail')}\n")
        south.configure("hook = mail arrived\nhook = pager arrived\n")
        south.hangup()
        settled(south, "mail")
        settled(south, "pager")
        name = north.delivers(south)
        wait_for("a page", 20, lambda: os.path.exists(paged) and
                 f"arrived {name}" in open(paged, encoding="utf-8").read())
        wait_for("a mail", 20, lambda: os.path.exists(mailed) and
                 name in open(mailed, encoding="utf-8").read())
        mail = open(mailed, encoding="utf-8").read()
        expect(mail.startswith("To: duty@example.org\nSubject: openline: "
                               "arrived: line north\n"), mail)


TESTS = [alarms, alarm_clock, alarm_shelved, alarm_flood, metrics, status_check, hooks,
         hook_that_hangs, hook_that_floods, hook_that_fails, hook_rights,
         ready_hooks]
