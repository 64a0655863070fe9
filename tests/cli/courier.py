"""What is carried by hand, and how much memory that takes.

Part of tests/cli/run.
"""

import fcntl
import json
import os
import socket
import struct
import subprocess
import termios

from bed import ENVIRONMENT, OPENLINE, Bed, Station, expect, wait_for
from lab import PATIENCE_S
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


CLOCK = os.path.join(os.path.dirname(OPENLINE), "tests", "net", "libclock.so")
DAY_NS = 86400 * 10 ** 9


def unread(talk):
    return struct.unpack("i", fcntl.ioctl(talk, termios.TIOCOUTQ, b"1234"))[0]


def a_day_of_work(station, door, clock, *words):
    """A command whose answer begins a day later, and ends after a while."""
    os.pwrite(clock.fileno(), struct.pack("=q", 0), 0)
    with subprocess.Popen(
            [OPENLINE, *words, "-d", station.dir, "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**ENVIRONMENT, "LD_PRELOAD": CLOCK,
                 "OPENLINE_CLOCK_FILE": clock.name}) as process:
        talk = door.accept()[0]
        talk.settimeout(PATIENCE_S)
        with talk, talk.makefile("rb") as asked:
            number = json.loads(asked.readline())["id"]
            answer = json.dumps({"jsonrpc": "2.0", "id": number, "result": {
                "ok": True, "bundles": 1, "opened": 1, "unopened": 0,
                "left": 0, "lines": []}}).encode() + b"\n"
            os.pwrite(clock.fileno(), struct.pack("=q", DAY_NS), 0)
            talk.send(answer[:20])
            wait_for("half of the answer to be read", 20,
                     lambda: unread(talk) == 0)
            try:
                process.wait(0.5) # who counts the time gives up at once
            except subprocess.TimeoutExpired:
                talk.send(answer[20:])
        out, err = process.communicate(timeout=PATIENCE_S)
        expect(process.returncode == 0, f"{words}: {process.returncode}: "
               f"{out!r:.200} {err!r:.200}")


def long_work():
    """What takes as long as the file or the record is large is waited for,
    on a slow disk or stick too: nobody is told that the station does not
    answer while it works."""
    with Bed() as bed, open(bed.path("clock"), "w+b") as clock:
        north = Station(bed, "north")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
            door.bind(os.path.join(north.dir, "control.sock"))
            door.listen()
            door.settimeout(PATIENCE_S)
            for words in (("courier", "import", bed.path("x")),
                          ("courier", "export", "south", bed.path("x")),
                          ("audit",)):
                a_day_of_work(north, door, clock, *words)


TESTS = (courier_many, long_work)
