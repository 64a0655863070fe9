"""Whether effective communication is occurring, over the course of a day.

Part of tests/cli/run; what the words mean is told in doc/effective.md. The
wall clock of both stations is moved, so that deadlines pass (libfault.so).
"""

import re

from asks import DAY, movable, move
from bed import Bed, expect, wait_for


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


TESTS = (effective,)
