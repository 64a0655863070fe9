"""What is carried by hand, and how much memory that takes.

Part of tests/cli/run.
"""

import os

from bed import Bed, expect
from station import Control

MESSAGES = 20000 # about 5 MiB of bundles
TEXT = "The convoy waits at the northern crossing. " * 5
AHEAD = 60 # requests of one client that wait
KIB = 1024 # more than this is not flat


def most_kib(station):
    """The most that it had in memory since it was last told to forget."""
    with open(f"/proc/{station.process.pid}/status", encoding="utf-8") as f:
        found = dict(line.split(":", 1) for line in f)
    return int(found["VmHWM"].split()[0])


def forget(station):
    with open(f"/proc/{station.process.pid}/clear_refs", "w",
              encoding="utf-8") as f:
        f.write("5")


def say_many(station, peer):
    talk = Control(os.path.join(station.dir, "control.sock"))
    for k in range(MESSAGES):
        if k >= AHEAD:
            talk.heard()
        talk.say("send", peer=peer.name, text=TEXT[:200])
    for _ in range(AHEAD):
        talk.heard()
    talk.close()


def grows(station, *words):
    """By how many KiB at most while it does something."""
    forget(station)
    before = most_kib(station)
    station.ok(*words)
    return most_kib(station) - before


def courier_many():
    """However much waits, it streams from the ledger into the file, and from
    the file into the other ledger."""
    with Bed() as bed:
        north, south = bed.pair("north", "south", start=False)
        north.start()
        say_many(north, south)
        north.stop()
        north.start()
        path = bed.path("many.pouch")
        more = grows(north, "courier", "export", "south", path)
        size = os.path.getsize(path) // 1024
        expect(size > 4 * KIB, f"a file of {size} KiB")
        expect(more < KIB, f"an export of {size} KiB took {more} KiB more")
        north.stop()
        south.start()
        more = grows(south, "courier", "import", path)
        expect(more < 4 * KIB, f"an import of {size} KiB took {more} KiB more")
        expect(len(south.json("log")) == MESSAGES, "not all came")


TESTS = (courier_many,)
