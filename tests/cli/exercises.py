"""Exercises: their marking on every screen, what is refused in and out of one,
and the one command that takes a whole exercise back.

Part of tests/cli/run.
"""

import os
import re
import subprocess
import time

from bed import ENVIRONMENT, OPENLINE, Bed, expect, wait_for

MARK = "EXERCISE EXERCISE EXERCISE"


def drill(station, verb, *words):
    return station.ok(verb, *words, "--marking", "exercise").out.strip()


def of(station, name):
    return [m for m in station.json("log") if m["name"] == name][0]


def exercise_marking():
    """On every screen and in JSON; what is said of a drill is one too."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        name = drill(north, "send", "south", "missile inbound", "--subject",
                     "alert")
        wait_for("it to arrive", 20, lambda: south.json("inbox"))
        expect(south.json("inbox")[0]["marking"] == "exercise", "no marking")
        expect(MARK in south.ok("inbox").out, "not in the inbox")
        told = south.ok("read", name).out
        text = told.index("missile inbound")
        expect(told.find(MARK) in range(0, text) and
               told.find(MARK, text) > text, f"not around the text: {told}")
        line = [x for x in north.ok("log").out.splitlines()
                if "missile" in x][0]
        expect(MARK in line, f"not in the log: {line}")
        ask = drill(north, "ask", "south", "are you ready?", "--by", "1h")
        wait_for("the ask to arrive", 20, lambda: len(
            south.json("inbox")) == 2)
        south.ok("read", ask)
        south.no(2, "answer", ask, "yes", "--marking", "actual",
                 words=("marked exercise",))
        south.ok("answer", ask, "yes")
        south.ok("decline", name, "not now")
        wait_for("the answer", 20, lambda: of(north, ask)["rung"] ==
                 "answered")
        wait_for("the decline", 20, lambda: of(north, name)["outcome"] ==
                 "declined")
        for station in (north, south):
            expect({m["marking"] for m in station.json("log")} ==
                   {"exercise"}, f"{station.name} took a marking off")
        # An exercise says nothing of communication.
        e = north.line("south")["effective"]
        expect(e["state"] == "unknown" and e["asked"] == 0, f"{e}")
        # watch: in words and in JSON.
        out = watched(south, "arrived")
        expect(all(MARK in x for x in out if "message" in x or " ask " in x),
               f"{out}")


def watched(station, until):
    """What `watch` shows of everything so far."""
    path = os.path.join(station.bed.dir, "watch")
    with open(path, "w", encoding="utf-8") as f:
        p = subprocess.Popen([OPENLINE, "watch", "-d", station.dir, "--after",
                              "0"], stdout=f, stderr=subprocess.STDOUT,
                             env=ENVIRONMENT)
    try:
        def shown():
            with open(path, encoding="utf-8") as f:
                return f.read()
        wait_for("watch to come so far", 20, lambda: until in shown())
        time.sleep(0.5)
        return shown().splitlines()
    finally:
        p.kill()
        p.wait()


def rule(station, peer, word):
    path = f"lines.d/{peer}.conf"
    station.write(path, re.sub(r"refuse = .*\n", "", station.read(path)) +
                  f"refuse = {word}\n")
    station.hangup()
    wait_for("the rule to hold", 20,
             lambda: station.line(peer)["refuse"] == word)


def exercise_refused():
    """ACTUAL during one, EXERCISE outside of one: ours with words, theirs
    declined by the station; kept and shown, over a restart too."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        path = "lines.d/south.conf"
        good = north.read(path)
        north.write(path, good + "refuse = drills\n")
        north.no(1, "run", "--check-config", words=("refuse", "both"))
        north.write(path, good)
        expect(south.json("exercise", "north") == {
            "peer": "north", "exercise": None, "refuse": "none"}, "a default")
        south.no(2, "exercise", "north", "pause", words=("begins or ends",))
        south.no(1, "exercise", "north", "end", words=("no exercise",))
        south.no(3, "exercise", "west", "begin", words=("no line",))
        rule(south, "north", "both")
        bed.open(north, south)

        # Outside of one: ACTUAL passes, EXERCISE does not.
        south.ok("send", "north", "this is real")
        south.no(1, "send", "north", "a drill", "--marking", "exercise",
                 words=("no exercise with north is declared", "begin"))
        south.no(1, "ask", "north", "a drill?", "--by", "1h", "--marking",
                 "exercise", words=("no exercise",))
        real = north.delivers(south, "this is real")
        name = drill(north, "ask", "south", "ready?", "--by", "1h")
        wait_for("the station's refusal", 20,
                 lambda: of(north, name)["outcome"] == "declined")
        m = of(north, name)
        expect("no exercise is declared" in m["reason"] and
               m["rung"] == "delivered", f"{m}")
        expect(of(north, real)["outcome"] is None, "a real one was refused")
        # It is not dropped: it stands in the inbox and can be read.
        expect(name in [x["name"] for x in south.json("inbox")], "dropped")
        expect("ready?" in south.ok("read", name).out, "not shown")

        # During one, the reverse; also after a restart.
        x = south.json("exercise", "north", "begin")["exercise"]
        expect(x["since"] and x["by"], f"{x}")
        south.no(1, "exercise", "north", "begin", words=("already",))
        south.kill()
        south.start()
        bed.open(north, south)
        expect(south.line("north")["exercise"] == x, "a restart ended it")
        expect(MARK in south.ok("status").out, "status says nothing")
        south.no(1, "send", "north", "this is real",
                 words=("an exercise with north is declared", "end"))
        ours = drill(south, "send", "north", "a drill")
        name = drill(north, "send", "south", "a drill")
        real = north.delivers(south, "this is real")
        wait_for("the refusal of what is real", 20,
                 lambda: of(north, real)["outcome"] == "declined")
        expect("while an exercise is declared" in of(north, real)["reason"],
               f"{of(north, real)}")
        expect(of(north, name)["outcome"] is None, "a drill was refused")
        # TEST is neither.
        north.delivers(south, "a test")
        south.ok("send", "north", "a test", "--marking", "test")
        # What is said of a real one goes through: it is no new one.
        south.ok("read", real)
        south.ok("understood", real)

        # Each was refused once, whatever restarts.
        south.kill()
        south.start()
        bed.open(north, south)
        time.sleep(2)
        declines = [m for m in south.json("log") if m["kind"] == "decline" and
                    m["author"] == "south"]
        names = [m["refs"][0]["name"] for m in declines]
        expect(len(names) == len(set(names)), f"twice: {names}")
        expect(all(m["originator"] is None for m in declines), "an officer?")
        expect({m["marking"] for m in declines} == {"actual", "exercise"},
               "a decline is not marked as what it is of")

        told = south.ok("exercise", "north", "end").out
        expect("1 exercise message of ours is still open" in told, told)
        told = "\n".join(watched(south, "is over"))
        expect("EXERCISE: one is declared" in told, told)
        south.ok("cancel", "--exercise", "north")
        expect(of(south, ours)["outcome"] == "cancelled", "not taken back")


def exercise_cancelled():
    """One command: all that is ours, marked so and open; nothing else."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        north.no(3, "cancel", "--exercise", "west", words=("no line",))
        expect("No exercise message" in
               north.ok("cancel", "--exercise", "south").out, "of nothing")
        real = north.delivers(south, "this is real")
        north.ok("exercise", "south", "begin")
        drills = [drill(north, "send", "south", f"drill {n}") for n in
                  range(3)]
        ask = drill(north, "ask", "south", "ready?", "--by", "1h")
        flash = drill(north, "send", "south", "flash", "--precedence",
                      "flash")
        over = drill(north, "send", "south", "taken back before")
        north.ok("cancel", over, "wrong")
        answered = drill(north, "ask", "south", "who?", "--by", "1h")
        theirs = drill(south, "send", "north", "their own drill")
        wait_for("the ask to arrive", 20, lambda: answered in [
            m["name"] for m in south.json("inbox")])
        south.ok("read", answered)
        south.ok("answer", answered, "we")
        south.ok("read", drills[0])
        south.ok("understood", drills[0])
        wait_for("the answer", 20, lambda: of(north, answered)["rung"] ==
                 "answered")
        n = 5
        told = north.ok("exercise", "south", "end").out
        expect(f"{n} exercise messages of ours are still open" in told, told)
        told = north.ok("cancel", "--exercise", "south", "endex").out
        expect(f"{n} of {n} cancelled." in told, told)
        for name in (*drills, ask, flash):
            expect(name in told, f"{name} is not named")
            want = "withdrawn" if name == ask else "cancelled"
            wait_for(f"{name} to be {want} there", 20,
                     lambda x=name, w=want: of(south, x)["outcome"] == w)
            expect(of(south, name)["reason"] == "endex" and
                   of(south, name)["marking"] == "exercise", "how")
        for name in (real, answered):
            expect(of(north, name)["outcome"] is None, f"{name} as well")
        expect(of(north, theirs)["outcome"] is None, "theirs as well")
        expect(of(north, over)["reason"] == "wrong", "twice")
        cancels = [m for m in north.json("log") if m["kind"] == "cancel"]
        expect(len(cancels) == n + 1 and
               {m["marking"] for m in cancels} == {"exercise"}, f"{cancels}")
        expect(north.json("cancel", "--exercise", "south") == [], "again")


TESTS = (exercise_marking, exercise_refused, exercise_cancelled)
