"""Asks: by when, who is told when nothing comes, and what is done about it.

Part of tests/cli/run. Nothing waits for hours: durations are short, or a
station's wall clock is moved (libfault.so). The first clock of a station, for
which everything else waits, stays as it is.
"""

import json
import os
import subprocess
import threading
import time

from bed import ENVIRONMENT, OPENLINE, Bed, expect, wait_for
from files import FAULT
from station import Control

DAY = 86400


def watched(station, peer=None):
    """All events of a station so far, from the beginning."""
    last = {}
    watching = subprocess.Popen(
        [OPENLINE, "watch", "--after", "0", "--json", "-d", station.dir],
        stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    # The end is where nothing comes for a while: a message of ours marks it.
    mark = station.ok("send", peer or other(station), "mark").out.strip()
    late = threading.Timer(30, watching.kill)
    late.start()
    found = []
    try:
        for one in watching.stdout:
            event = json.loads(one)
            found.append(event)
            if event["event"] == "delivered" and event.get("name") == mark:
                break
    finally:
        late.cancel()
        watching.kill()
        watching.communicate()
    expect(found and last is not None, "no events")
    return found


def other(station):
    return "south" if station.name == "north" else "north"


def of(events, what, name=None):
    return [e for e in events if e["event"] == what and
            (name is None or e.get("name") == name)]


def asks(station):
    return station.json("asks")


def ask_of(station, name):
    found = [a for a in asks(station) if a["name"] == name]
    return found[0] if found else None


def overdue(station, name):
    found = ask_of(station, name)
    return found["overdue"] if found else None


def escalates(station, peer, *steps):
    """Adds steps to its line, before it starts."""
    file = f"lines.d/{peer.name}.conf"
    station.write(file, station.read(file) +
                  "".join(f"escalate = {s}\n" for s in steps))


def pair(bed, objectives="", steps=()):
    """Two stations with short objectives, and steps at north."""
    north, south = bed.pair("north", "south", start=False)
    for station in (north, south):
        station.configure(objectives)
    escalates(north, south, *steps)
    for station in (north, south):
        station.start()
    bed.open(north, south)
    return north, south


def movable(bed, station):
    """Its wall clock is moved by what is written into the file."""
    path = bed.path(station.name + ".clock")
    station.env["LD_PRELOAD"] = FAULT
    station.env["OPENLINE_CLOCK"] = "@" + path
    move(path, 0)
    return path


def move(path, seconds):
    with open(path + ".new", "w", encoding="ascii") as f:
        f.write(str(seconds))
    os.rename(path + ".new", path)


def asks_bad():
    """What is no deadline is refused, and nothing is taken."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        for by, word in (("18:00", "18:00"), ("soon", "soon"),
                         ("0s", "past"), ("2020-01-01T00:00:00Z", "past"),
                         ("010000Z JAN 26", "past"),
                         ("2126-01-01T00:00:00Z", "ten years")):
            north.no(2, "ask", "south", "why?", "--by", by, words=(word,))
        north.no(2, "ask", "south", "why?", words=("by when",))
        north.no(2, "ask", "south", "--by", "5m", words=("text",))
        north.no(3, "ask", "west", "why?", "--by", "5m")
        north.no(3, "asks", "west")
        expect(asks(north) == [] and asks(south) == [], "something was taken")
        expect("Nothing is open" in north.ok("asks").out, "no word of it")
        for more, word in (("objective = flash read=0s", "none"),
                           ("objective = urgent read=2m", "PRECEDENCE"),
                           ("objective = flash fast=2m", "read=TIME")):
            north.configure(more + "\n")
            north.no(1, "run", "--check-config", words=(word,))
        north.configure()
        conf = north.read("lines.d/south.conf")
        for more, word in (("5m shout", "raise PRECEDENCE"),
                           ("soon hook", "AFTER"), ("5m raise high", "high"),
                           ("5m channel satellite", "satellite"),
                           ("5m deputy", "ROLE"), ("5m hook x", "hook")):
            north.write("lines.d/south.conf", f"{conf}escalate = {more}\n")
            north.no(1, "run", "--check-config", words=(word,))


def asks_overdue():
    """Nobody answers: both are told, it goes to a deputy, each once."""
    with Bed() as bed:
        north, south = pair(bed, steps=(
            "0s raise flash", "0s hook", "0s channel radio",
            "1s deputy vice minister"))
        north.ok("channel", "south", "disable", "radio")
        name = north.ok("ask", "south", "where is the convoy?", "--by", "3s",
                        "--precedence", "priority", "--subject", "convoy",
                        "--to", "minister", "--wait", "delivered").out.strip()
        open_one = ask_of(north, name)
        expect(open_one["overdue"] is False and open_one["clock"] == "north" and
               open_one["escalation"] == [], f"{open_one}")
        there = ask_of(south, name)
        expect(there["overdue"] is False and there["clock"] == "north" and
               there["text"] is None, f"{there}")
        for station in (north, south):
            wait_for(f"{station.name} to call it overdue", 30,
                     lambda s=station: overdue(s, name))
        wait_for("the deputy's reminder", 30,
                 lambda: len(ask_of(north, name)["escalation"]) == 4)
        steps = {s["step"]: s["reminder"]
                 for s in ask_of(north, name)["escalation"]}
        expect(set(steps) == {"raise flash", "hook", "channel radio",
                              "deputy vice minister"}, f"{steps}")
        expect(north.line("south")["channels"][1]["state"] != "disabled",
               "the channel is still disabled")
        wait_for("both reminders to arrive", 30, lambda: {
            steps["raise flash"], steps["deputy vice minister"]} <= {
                m["name"] for m in south.json("inbox")})
        inbox = {m["name"]: m for m in south.json("inbox")}
        raised, deputy = (inbox[steps[s]] for s in (
            "raise flash", "deputy vice minister"))
        expect(raised["precedence"] == "flash" and raised["to"] == "minister"
               and raised["refs"] == [{"rel": "reminds", "name": name}] and
               raised["subject"] == "convoy", f"{raised}")
        expect(deputy["precedence"] == "priority" and
               deputy["to"] == "vice minister" and
               deputy["refs"] == raised["refs"], f"{deputy}")
        out = north.ok("asks").out
        expect("overdue for" in out and "deputy vice minister" in out and
               "by north's clock" in out, out)
        # A restart says nothing twice, a second and a third time.
        for station in (north, south):
            station.stop()
            station.start()
        bed.open(north, south)
        for station in (north, south):
            wait_for("it to be overdue still", 30,
                     lambda s=station: overdue(s, name))
        time.sleep(2)
        for station in (north, south):
            events = watched(station)
            expect(len(of(events, "overdue", name)) == 1,
                   f"{station.name}: {of(events, 'overdue')}")
            steps_told = [e["state"] for e in of(events, "escalated", name)]
            expect(sorted(steps_told) == (sorted(steps) if station is north
                                          else []), f"{steps_told}")
            expect(of(events, "alarm"), f"{station.name} was not alarmed")
        expect(sum(m["refs"] == raised["refs"] for m in north.json("log"))
               == 2, "a reminder was said twice")
        for station in (north, south):
            station.ok("audit")


def asks_clock():
    """A clock that is set, either way, on one side."""
    with Bed() as bed:
        north, south = bed.pair("north", "south", start=False)
        escalates(north, south, "0s hook")
        ours, theirs = (movable(bed, s) for s in (north, south))
        for station in (north, south):
            station.start()
        bed.open(north, south)
        name = north.ok("ask", "south", "why?", "--by", "10h", "--wait",
                        "delivered").out.strip()
        # South's clock goes a day ahead: by its own it would be overdue. Once
        # it has written anything that north acknowledged by its own clock, it
        # knows; before that it says whose clock it is.
        move(theirs, DAY)
        wait_for("south to have seen its clock", 30,
                 lambda: overdue(south, name))
        north.delivers(south, "one")
        back = south.delivers(north, "two")
        north.ok("read", back)
        wait_for("south to know how far the clocks differ", 30, lambda:
                 ask_of(south, name)["clock_offset_ms"] < -(DAY - 600) * 1000)
        expect(overdue(south, name) is False, "by a clock that is not north's")
        expect(overdue(north, name) is False, "north is not concerned")
        # Back to where it was.
        move(theirs, 0)
        wait_for("south to have seen its clock again", 30,
                 lambda: ask_of(south, name)["clock_offset_ms"] == 0)
        expect(overdue(south, name) is False, "long before its time")
        # North's goes on a day, and the ask is overdue by the asker's clock.
        move(ours, DAY)
        wait_for("north to call it overdue", 30, lambda: overdue(north, name))
        wait_for("the escalation", 30,
                 lambda: ask_of(north, name)["escalation"])
        # A message of north's, and south knows it too.
        north.delivers(south, "three")
        wait_for("south to call it overdue", 30, lambda: overdue(south, name))
        # A day back: it is not, and a day on, again: nothing is said twice.
        move(ours, 0)
        wait_for("north to have seen its clock", 30,
                 lambda: overdue(north, name) is False)
        expect(len(ask_of(north, name)["escalation"]) == 1, "escalated again")
        move(ours, DAY)
        wait_for("north to call it overdue again", 30,
                 lambda: overdue(north, name))
        time.sleep(2)
        events = watched(north)
        expect(len(of(events, "overdue", name)) == 1 and
               len(of(events, "escalated", name)) == 1,
               f"{of(events, 'overdue')} {of(events, 'escalated')}")


def asks_objectives():
    """Nobody reads, nobody answers: both sides are alarmed, once."""
    with Bed() as bed:
        north, south = pair(bed, "objective = flash read=2s answer=4s\n"
                                 "objective = routine read=none\n")
        calm = north.delivers(south, "no hurry")
        name = north.ok("ask", "south", "now?", "--by", "1h", "--precedence",
                        "flash", "--wait", "delivered").out.strip()
        number = name.split("/")[1]
        for station in (north, south):
            wait_for(f"{station.name} to say that it is not answered", 30,
                     lambda s=station: f"{name} is not answered within 4 s" in
                     s.said() or f"ask {name} within 4 s" in s.said())
            said = station.said()
            expect(f"{name} within 2 s" in said or
                   f"{name} is not read within 2 s" in said, said[-800:])
            expect(calm + " " not in said, "a message without an objective")
            expect(said.count("within 2 s") == 1 and
                   said.count("within 4 s") == 1, said[-800:])
        expect(overdue(north, name) is False, "its deadline is in an hour")
        south.ok("read", number)
        for station in (north, south):
            station.stop()
            station.start()
        bed.open(north, south)
        time.sleep(2)
        for station in (north, south):
            expect(station.said().count("within 2 s") == 1,
                   "what is read was said again")
            expect(not of(watched(station), "overdue"), "it is not overdue")


def asks_answered_late():
    """What is answered, declined or withdrawn late is over on both sides."""
    with Bed() as bed:
        north, south = pair(bed)
        names = [north.ok("ask", "south", text, "--by", "2s", "--wait",
                          "delivered").out.strip()
                 for text in ("one?", "two?", "three?")]
        later = north.ok("ask", "south", "four?", "--by", "3d").out.strip()
        for station in (north, south):
            wait_for(f"{station.name} to call all three overdue", 30,
                     lambda s=station: all(overdue(s, n) for n in names))
        expect([a["name"] for a in asks(north)] == [*names, later],
               "overdue ones do not stand first")
        figures = south.ok("metrics").out
        expect('asks_overdue{line="north",author="theirs"} 3' in figures and
               'asks_overdue{line="north",author="ours"} 0' in figures,
               figures)
        south.ok("read", names[0])
        south.ok("answer", names[0], "at the bridge")
        south.ok("read", names[1])
        south.ok("decline", names[1], "not ours to say")
        north.ok("cancel", names[2], "not needed any more")
        for station in (north, south):
            wait_for(f"{station.name} to have one left", 30,
                     lambda s=station: [a["name"] for a in asks(s)] ==
                     [later])
            wait_for(f"{station.name}'s alarms to pass", 30,
                     lambda s=station: not [
                         a for a in s.json("alarms")
                         if a["key"].startswith("overdue") and a["active"]])
        # A deadline that comes after the answer says nothing.
        south.ok("read", later)
        south.ok("answer", later, "in time")
        for station in (north, south):
            wait_for(f"{station.name} to have none left", 30,
                     lambda s=station: asks(s) == [])
            expect(len(of(watched(station), "overdue")) == 3, "not three")


def asks_restored():
    """A copy that was put back says nothing of what was answered meanwhile,
    and no reminder twice."""
    with Bed() as bed:
        north, south = pair(bed, steps=("0s raise flash",))
        name = north.ok("ask", "south", "why?", "--by", "15s", "--wait",
                        "delivered").out.strip()
        still = north.ok("ask", "south", "where?", "--by", "15s", "--wait",
                         "delivered").out.strip()
        north.stop()
        copy = bed.path("copy")
        subprocess.run(["cp", "-a", north.dir, copy], check=True)
        north.start()
        bed.open(north, south)
        south.ok("read", name)
        south.ok("answer", name, "because")
        wait_for("the reminder", 30, lambda: ask_of(north, still) and
                 ask_of(north, still)["escalation"])
        wait_for("the answer", 30, lambda: ask_of(north, name) is None)
        reminder = ask_of(north, still)["escalation"][0]["reminder"]
        wait_for("the reminder at south", 30, lambda: reminder in
                 [m["name"] for m in south.json("inbox")])
        wait_for("north's signature", 30, lambda: south.json(
            "audit")["lines"][0]["unsigned"] == 0)
        for station in (north, south):
            station.stop()
        os.rename(north.dir, north.dir + ".lost")
        os.rename(copy, north.dir)
        north.start()
        # Alone it does not know: of what was asked nothing is said.
        wait_for("north to list them", 30,
                 lambda: {a["name"] for a in asks(north)} == {name, still})
        time.sleep(2)
        expect([a["overdue"] for a in asks(north)] == [None, None],
               f"{asks(north)}")
        south.start()
        bed.open(north, south)
        wait_for("north to know again", 60, lambda: ask_of(north, still) and
                 ask_of(north, still)["overdue"] is not None, promised=True)
        wait_for("the step to be known", 30,
                 lambda: ask_of(north, still)["escalation"])
        expect(ask_of(north, name) is None, "it was answered")
        expect(not of(watched(north), "overdue", name), "it was in time")
        reminders = [m["name"] for m in north.json("log") if
                     any(r["rel"] == "reminds" for r in m["refs"])]
        expect(len(reminders) == 1, f"{reminders}")


def asks_many_due():
    """Many are due at one moment, while the disk is slow: what is noted of
    them leaves room in its queue for what people say."""
    with Bed() as bed:
        north, south = bed.pair("north", "south", start=False)
        orders = bed.path("north.fault")
        north.env = {"LD_PRELOAD": FAULT, "OPENLINE_FAULT": orders}
        north.start()
        by = time.time() + 6
        text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(by))
        talk = Control(os.path.join(north.dir, "control.sock"))
        for k in range(400):
            talk.say("ask", peer=south.name, text=f"ask {k}", by=text)
            if k >= 50:
                talk.heard()
        for _ in range(50):
            talk.heard()
        talk.close()
        expect(time.time() < by, "too slow a machine: they are due already")
        with open(orders, "w", encoding="utf-8") as f:
            f.write("sync any slow:3000 1")
        wait_for("them to be due", 20, lambda: time.time() > int(by) + 1)
        north.ok("send", "south", "said meanwhile")
        os.unlink(orders)
        wait_for("all to be overdue", 30, lambda: sum(
            a["overdue"] for a in asks(north)) == 400)
        expect("starts anew" not in north.said(), north.said()[-500:])


TESTS = (asks_restored, asks_answered_late, asks_overdue,
         asks_many_due, asks_clock, asks_objectives, asks_bad)
