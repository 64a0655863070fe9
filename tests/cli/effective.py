"""Whether effective communication is occurring, over the course of a day.

Part of tests/cli/run; what the words mean is told in doc/effective.md. The
wall clock of both stations is moved, so that deadlines pass (libfault.so).
"""

import os
import re
import time

from asks import DAY, movable, move
from bed import Bed, expect, wait_for
from station import Control


def state(station):
    peer = "south" if station.name == "north" else "north"
    return station.line(peer)["effective"]


def is_(stations, want, why):
    for s in stations:
        wait_for(f"{s.name} to say {want}", 60,
                 lambda s=s: state(s)["state"] == want and
                 re.search(why, state(s)["why"]))


def there(station, name):
    wait_for(f"{name} at {station.name}", 60,
             lambda: name in [m["name"] for m in station.json("log")])


def effective():
    """Nothing asked; asked; answered in time; overdue; answered late; and in
    time again: both sides say the same."""
    with Bed() as bed:
        north, south = both = bed.pair("north", "south", start=False)
        clocks = [movable(bed, s) for s in both]
        for s in both:
            s.start()
        bed.open(*both)
        is_(both, "unknown", "nothing was asked")

        first = north.json("ask", "south", "How many ships?", "--by", "1h",
                           "--subject", "ships")["name"]
        there(south, first)
        is_(both, "unknown", "none due yet")
        said = north.ok("status", "--sentence").out
        expect(re.fullmatch(
            r"Two channels open; one ask on ships, not answered since "
            r"\d\d:\d\dZ; whether effective communication is occurring is "
            r"not known\.\n", said), said)

        south.ok("read", first)
        south.json("answer", first, "Four.")
        is_(both, "yes", "was answered at .*, in time")
        expect(state(north)["answered"] == state(south)["answered"] == 1,
               f"{state(north)}")
        drill = north.json("ask", "south", "A drill?", "--by", "1h",
                           "--marking", "exercise")["name"]
        there(south, drill)
        expect(state(north)["asked"] == 1, "an exercise counts")

        second = south.json("ask", "north", "Who speaks?", "--by", "1h",
                            "--subject", "voices")["name"]
        there(north, second)
        for clock in clocks:
            move(clock, DAY // 2)
        is_(both, "no", "1 overdue; ask .* was due by")
        subjects = {s["subject"]: s["state"]
                    for s in state(north)["subjects"]}
        expect(subjects == {"ships": "yes", "voices": "no"}, f"{subjects}")
        said = south.ok("status", "--sentence").out
        expect("two asks, one answered, one overdue; effective communication "
               "is not occurring." in said, said)

        north.ok("read", second)
        north.json("answer", second, "The minister.")
        is_(both, "no", "answered at .*, due by")
        third = north.json("ask", "south", "Still there?", "--by",
                           "1h")["name"]
        there(south, third)
        south.ok("read", third)
        south.json("decline", third, "not on this line")
        is_(both, "yes", "declined at .*, in time")
        since = state(north)["since"]
        expect(since is not None, "since when is not said")

        for c in ("cable", "radio"):
            north.ok("channel", "south", "disable", c, "--yes")
        wait_for("the line to be dark", 120, lambda:
                 north.line("south")["state"] in ("dark", "pouch-only"))
        if north.line("south")["state"] == "dark":
            is_((north,), "no", "dark")
            said = north.ok("status", "--sentence").out
            expect(said.startswith("No channel open since") and
                   "is not occurring" in said, said)


def processor_s(station):
    """Its processor's clock: clock_getcpuclockid(3)."""
    return time.clock_gettime(~station.process.pid << 3 | 2)


def cost(station, talk, before=None):
    """Processor seconds of a status, the least of five; before: what is
    committed each time before it."""
    took = []
    for _ in range(5):
        if before is not None:
            said = talk.call("send", peer="south", text=before)
            talk.call("wait", name=said["name"], rung="delivered")
        was = processor_s(station)
        talk.call("status")
        took.append(processor_s(station) - was)
    return min(took)


def same_after_a_start(station):
    """What was kept up is what the ledger says."""
    kept = state(station)
    station.stop()
    station.start()
    wait_for("it to be known again", 20,
             lambda: state(station)["asked"] is not None)
    expect(state(station) == kept, f"{kept}, and anew {state(station)}")


def effective_of_many():
    """With a thousand asks in the window a status is not dear because a
    message went; and what each of them becomes is seen at once."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        talk = Control(os.path.join(north.dir, "control.sock"))
        names = []
        for k in range(1000):
            talk.say("ask", peer="south", text=f"ask {k}", by="1h")
            if k >= 50:
                names.append(talk.heard()["name"])
        names += [talk.heard()["name"] for _ in range(50)]
        wait_for("all of them to be counted", 60,
                 lambda: state(north)["asked"] == 1000)
        there(south, names[-1])
        quiet, after = cost(north, talk), cost(north, talk, "no ask")
        expect(after < 3 * quiet + 0.002, f"a status took {quiet * 1e3:.1f} "
               f"ms, and {after * 1e3:.1f} ms after a message")

        for k in (3, 5, 9):
            south.ok("read", names[k])
        south.json("answer", names[3], "Three.")
        south.json("decline", names[5], "not on this line")
        north.ok("cancel", names[7], "seen")
        south.ok("understood", names[9])
        back = south.json("ask", "north", "And you?", "--by", "1h")["name"]
        for s in (north, south):
            wait_for(f"{s.name} to have seen it all", 30, lambda s=s: [
                state(s)[k] for k in ("asked", "answered", "declined", "open")
            ] == [1000, 1, 1, 997])
        north.ok("read", back)
        north.json("answer", back, "So do we.")
        for s in (north, south):
            wait_for(f"{s.name} to see the answer", 30,
                     lambda s=s: state(s)["answered"] == 2)
            expect(state(s)["last_understood"] is not None, f"{state(s)}")
        talk.close()
        for s in (north, south):
            same_after_a_start(s)


TESTS = (effective, effective_of_many)
