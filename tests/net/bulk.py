#!/usr/bin/env python3
"""A big file over two paths, 50 and 20 Mbit/s, through all that can happen.

    north --- radio: udp, path 1, 50 Mbit/s, 30 ms there and back --- south
          '-- cable: tcp, path 2, 20 Mbit/s, 60 ms --'

While the file is under way the faster path dies and comes back, both stations
are killed and started again, and messages of all precedences pass. It must
arrive once and whole, every message exactly once, and no station may ever have
had more than 48 MiB in memory. How fast it goes over both paths and over one,
how long a FLASH takes beside it, and how much was sent again, is printed.

64 MiB; with OPENLINE_LONG=1 1 GiB.
"""

import hashlib
import os
import sys
import threading
import time

from lab import Lab, expect, main, say, wait_for
from station import Refused, Station, await_state, channel, pair
from talk import Talk

MIB = 1 << 20
LONG = os.environ.get("OPENLINE_LONG") == "1"
SIZE = 1024 * MIB if LONG else 64 * MIB
MEMORY_KIB = 48 << 10
RATES = (50, 20) # Mbit/s
GIVE_UP_S = 1500 if LONG else 240


def shape(lab):
    lab.wire.tell(f"path 1 rate {RATES[0] * 1000000}", "path 1 delay 15",
                  f"path 2 rate {RATES[1] * 1000000}", "path 2 delay 30")


def stations_of(lab):
    north, south = Station(lab, "a", "north"), Station(lab, "b", "south")
    pair(north, south,
         [channel(lab, "radio", "udp", 1, "b"),
          channel(lab, "cable", "tcp", 2, "b")],
         [channel(lab, "radio", "udp", 1, "a"),
          channel(lab, "cable", "tcp", 2, "a")],
         probe="1s", hold="5s", attachments="auto:4GiB")
    for station in (north, south):
        station.start()
    for station in (north, south):
        station.ready()
    return north, south


def make_file(lab):
    """Random bytes, so that nothing along the way can make it smaller."""
    path = os.path.join(lab.dir, "big.bin")
    digest = hashlib.sha256()
    with open(path, "wb") as f:
        for _ in range(SIZE // MIB):
            block = lab.random.randbytes(MIB)
            digest.update(block)
            f.write(block)
    return path, digest.hexdigest()


def digest_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        while block := f.read(MIB):
            digest.update(block)
    return digest.hexdigest()


class Memory:
    """The most that any of the two ever had, over all their lives; and the
    longest that a ledger's log of writes ever was."""

    def __init__(self):
        self.kib = {}
        self.wal = 0

    def look(self, station):
        try:
            self.wal = max(self.wal, os.path.getsize(
                os.path.join(station.dir, "ledger.db-wal")))
        except FileNotFoundError:
            pass
        with open(f"/proc/{station.process.pid}/status",
                  encoding="utf-8") as f:
            for line in f:
                if line.startswith("VmHWM:"):
                    kib = int(line.split()[1])
                    self.kib[station.name] = max(
                        kib, self.kib.get(station.name, 0))

    def check(self):
        say(f"a ledger's log of writes: at most {self.wal / MIB:.1f} MiB")
        expect(self.wal < 64 * MIB, f"a log of {self.wal} bytes")
        for name, kib in self.kib.items():
            say(f"{name}: at most {kib / 1024:.1f} MiB in memory")
            # A sanitizer's build is another program.
            if "OPENLINE_BIN" not in os.environ:
                expect(kib < MEMORY_KIB, f"{name} had {kib} KiB")


def attachment(station, name):
    return station.call("show", name=name)["attachments"][0]


def progress(station, name):
    """(bytes on the receiver's disk, state)"""
    try:
        a = attachment(station, name)
        return a["have"] or 0, a["state"]
    except (OSError, Refused): # it is dead, or its message is not there yet
        return 0, "unknown"


def reach(station, name, share, memory, stations):
    """Waits until so much of the file is on its disk."""
    def there():
        for s in stations:
            if s.alive():
                memory.look(s)
        return progress(station, name)[0] >= share * SIZE
    wait_for(f"{share:.0%} of the file", GIVE_UP_S, there, 0.02)


def rate(station, name, seconds):
    """Mbit/s of content onto the receiver's disk."""
    at, have = time.monotonic(), progress(station, name)[0]
    time.sleep(seconds) # the length of what is measured
    return ((progress(station, name)[0] - have) * 8 / 1e6 /
            (time.monotonic() - at))


def flash_ms(source, sink, count):
    """From its submission until it is on the sink's disk: median and worst."""
    took = []
    for k in range(count):
        at = time.monotonic()
        name = source.call("send", peer=sink.name, text=f"flash {k}",
                           precedence="flash")["name"]

        def arrived():
            try:
                return sink.call("show", name=name)
            except Refused:
                return False # not there yet
        wait_for("a FLASH", 10, arrived, 0.001)
        took.append((time.monotonic() - at) * 1000)
    return sorted(took)[count // 2], max(took)


class Chatter:
    """Messages of all precedences while the stations are up."""

    def __init__(self, talk):
        self.talk = talk
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        connection = None
        while not self.stop.wait(0.2):
            try:
                connection = connection or self.talk.source.connect()
                self.talk.say(connection)
            except OSError:
                connection = None # it is dead just now

    def end(self):
        self.stop.set()
        self.thread.join(10)


def sent_bytes(station, peer):
    return sum(c["bytes_sent"] for c in station.line(peer)["channels"])


def bulk():
    with Lab(paths=2) as lab:
        shape(lab)
        north, south = stations_of(lab)
        await_state((north, south), ("open",), 20)
        median, worst = flash_ms(north, south, 15)
        say(f"FLASH alone: {median:.0f} ms, worst {worst:.0f} ms")
        path, digest = make_file(lab)
        memory = Memory()
        at = time.monotonic()
        sent = north.json("send", "south", "the file", "--file", path,
                          timeout=GIVE_UP_S)
        say(f"{SIZE // MIB} MiB taken in {time.monotonic() - at:.1f} s")
        name = sent["name"]
        carry(lab, north, south, name, memory)
        memory.check()
        save(lab, south, name, digest)


def carry(lab, north, south, name, memory):
    both = (north, south)
    talks = [Talk(north, south, lab.seed), Talk(south, north, lab.seed)]
    chatter = [Chatter(talk) for talk in talks]
    began = time.monotonic()
    reach(south, name, 0.05, memory, both)
    say(f"over both paths: {rate(south, name, 20 if LONG else 3):.1f} Mbit/s "
        f"of {sum(RATES)}")
    median, worst = flash_ms(north, south, 15)
    say(f"FLASH beside it: {median:.0f} ms, worst {worst:.0f} ms")
    expect(worst < 2000, f"a FLASH took {worst:.0f} ms")
    lab.wire.tell("path 1 cut")
    time.sleep(2) # the dead path is known by now
    say(f"over the slower one alone: "
        f"{rate(south, name, 20 if LONG else 3):.1f} Mbit/s of {RATES[1]}")
    lab.wire.tell("path 1 up")
    reach(south, name, 0.5, memory, both)
    have = progress(south, name)[0]
    north.kill()
    north.start()
    north.ready()
    reach(south, name, 0.65, memory, both)
    have = progress(south, name)[0]
    south.kill()
    south.start()
    south.ready()
    again = progress(south, name)[0]
    expect(again >= have - MIB // 16 * 8,
           f"south had {have} bytes and has {again} after its restart")
    wait_for("the file to be whole", GIVE_UP_S, lambda: whole(
        south, name, memory, both), 0.1)
    say(f"whole after {time.monotonic() - began:.1f} s of all that")
    wait_for("north to know it", 60,
             lambda: progress(north, name)[1] == "held", 0.1)
    for c in chatter:
        c.end()
    for talk in talks:
        talk.settle(60)
        talk.check()
    say(f"{sum(len(t.said) for t in talks)} messages passed it")


def whole(station, name, memory, stations):
    for s in stations:
        memory.look(s)
    have, state = progress(station, name)
    expect(state in ("wanted", "whole", "unknown"), f"it is {state}")
    return state == "whole" and have == SIZE


def save(lab, south, name, digest):
    out = os.path.join(lab.dir, "saved")
    os.mkdir(out)
    south.cli("save", name, "--out", out, timeout=GIVE_UP_S)
    files = os.listdir(out)
    expect(files == ["big.bin"], f"save wrote {files}")
    expect(digest_of(os.path.join(out, "big.bin")) == digest,
           "the file differs")


if __name__ == "__main__":
    sys.exit(main({"bulk": bulk}))
