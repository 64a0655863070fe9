#!/usr/bin/env python3
"""Nothing but a courier, and a bad one.

    north/pouch  --- carrier: late, twice, damaged, out of order -->  pouch
    pouch  <------------------------------------------------------  south/pouch

Each side has a folder of its own; no path joins the stations. The carrier is
this test: whatever file appears that it did not put there itself is taken
away, and copies of it come out at the other side. Some damaged copies come
before the good one, under the same name or another; some files come twice;
all come late and shuffled. Both sides must converge all the same; each also
sends a file, which must be whole over there, and known to be.
"""

import os
import random
import sys
import threading
import time

from lab import Lab, expect, main, say, wait_for
from station import Station, pair
from talk import Talk, audit, keep_evidence

MESSAGES = 30
# A changed acknowledgement is bundled at most once a minute (protocol.md 3),
# and a damaged or late one may have to be waited for again.
CONVERGE_S = 600
LATE_S = 2
FILE_BYTES = 5_000_000


class Carrier(threading.Thread):
    """Moves files between two folders until it is told to stop."""

    def __init__(self, folders, rng):
        super().__init__(daemon=True)
        self.folders = folders
        self.random = rng
        self.placed = {}    # file: what we put there ourselves
        self.due = []       # (when, folder, name, bytes)
        self.count = {"carried": 0, "damaged": 0, "twice": 0}
        self.stopped = threading.Event()
        self.error = None

    def run(self):
        try:
            while not self.stopped.wait(0.1):
                for here, there in (self.folders, self.folders[::-1]):
                    self.collect(here, there)
                self.place()
        except Exception as e: # shown by stop()
            self.error = e

    def stop(self):
        self.stopped.set()
        self.join(5)
        if self.error:
            raise self.error

    def collect(self, here, there):
        for folder, _, files in os.walk(here):
            for name in files:
                file = os.path.join(folder, name)
                if name.startswith("."):
                    continue
                try:
                    with open(file, "rb") as f:
                        data = f.read()
                    if self.placed.get(file) == data:
                        continue
                    os.unlink(file)
                except FileNotFoundError:
                    continue # taken just now, or a name that was temporary
                self.plan(os.path.join(there, os.path.relpath(file, here)),
                          data)

    def plan(self, target, data):
        """One to four copies of a file, each at its own late time."""
        def late():
            return time.monotonic() + self.random.uniform(0, LATE_S)
        good_at = late()
        self.due.append((good_at, target, data))
        self.count["carried"] += 1
        if self.random.random() < 0.5: # a damaged copy, first or last
            early = self.random.random() < 0.7
            when = good_at - 0.5 if early else late()
            # Under the good one's name only before it: after it, it could
            # replace what was not read yet, and that bundle would be gone.
            name = target if early and self.random.random() < 0.7 else \
                self.beside(target, "damaged")
            self.due.append((when, name, self.damage(data)))
            self.count["damaged"] += 1
        if self.random.random() < 0.5:
            self.due.append((late(), self.beside(target, "again"), data))
            self.count["twice"] += 1

    @staticmethod
    def beside(target, word):
        """Another name that ends alike, for a suffix may mean something."""
        folder, name = os.path.split(target)
        return os.path.join(folder, f"{word}-{name}")

    def damage(self, data):
        """One bit, or everything after some point; at least one byte goes."""
        where = self.random.randrange(len(data))
        if self.random.random() < 0.3:
            return data[:where]
        return data[:where] + bytes([data[where] ^ 1 <<
                                     self.random.randrange(8)]) + \
            data[where + 1:]

    def place(self):
        now = time.monotonic()
        ready = [d for d in self.due if d[0] <= now]
        self.due = [d for d in self.due if d[0] > now]
        self.random.shuffle(ready)
        for _, target, data in ready:
            self.placed[target] = data
            os.makedirs(os.path.dirname(target), exist_ok=True)
            hidden = os.path.join(os.path.dirname(target), ".carrier")
            with open(hidden, "wb") as f:
                f.write(data)
            os.rename(hidden, target) # whole or not there


def send_file(lab, me, peer):
    path = os.path.join(lab.dir, f"file-of-{me.name}")
    with open(path, "wb") as f:
        f.write(lab.random.randbytes(FILE_BYTES))
    return me.json("send", peer.name, "a file", "--file", path)["name"]


def state_of(station, name):
    return station.call("show", name=name)["attachments"][0]["state"]


def check_file(lab, me, peer, name):
    """Byte for byte, as the other side saves it."""
    peer.cli("save", name, "--out", lab.dir)
    file = f"file-of-{me.name}"
    with open(os.path.join(lab.dir, file), "rb") as f:
        sent = f.read()
    with open(os.path.join(lab.dir, f"{file} (2)"), "rb") as f:
        expect(f.read() == sent, f"the file of {me.name} differs")


def courier_on(lab, stations, carrier):
    north, south = stations
    for me, peer in (stations, stations[::-1]):
        state = me.state(peer.name)
        expect(state == "pouch-only", f"{me.name}: {state}, not pouch-only")
        shown = me.channels(peer.name)
        expect(shown == {"pouch": "idle"}, f"{me.name}: channels {shown}")
    talks = [Talk(north, south, lab.seed), Talk(south, north, lab.seed)]
    started = time.monotonic()
    for _ in range(MESSAGES):
        for talk in talks:
            talk.burst(1)
        time.sleep(0.2) # so that there are many bundles, not one
    # Amid a gap of the record: pieces may overtake what names them, and are
    # then passed over, until a wish brings them again (doc/protocol.md 5.8).
    names = {me: send_file(lab, me, peer)
             for me, peer in (stations, stations[::-1])}
    for talk in talks:
        talk.settle(CONVERGE_S, every=0.5)
    for me, peer in (stations, stations[::-1]):
        wait_for(f"{me.name}'s file to be held", CONVERGE_S, lambda m=me:
                 state_of(m, names[m]) == "held", 0.5)
        check_file(lab, me, peer, names[me])
    carrier.stop()
    say(f"{2 * MESSAGES} messages converged in "
        f"{time.monotonic() - started:.1f} s by {carrier.count}")
    expect(carrier.count["damaged"] > 0, "the carrier damaged nothing")
    for me, peer in (stations, stations[::-1]):
        expect(me.line(peer.name)["forward_secrecy"] is True,
               f"{me.name}: bundles do not go to a prekey of {peer.name}")
        expect("forward secrecy  yes" in me.cli("status", peer.name).stdout,
               f"{me.name}: the status for people says something else")
    for talk in talks:
        talk.check()
        talk.check_texts()
    audit(north, south)


def courier_only():
    with Lab(paths=1) as lab:
        lab.wire.tell("path 1 cut")
        north, south = Station(lab, "a", "north"), Station(lab, "b", "south")
        folders = [os.path.join(lab.dir, s.name + "-pouch")
                   for s in (north, south)]
        for folder in folders:
            os.mkdir(folder)
        pair(north, south, [f"pouch courier://{folders[0]}"],
             [f"pouch courier://{folders[1]}"])
        carrier = Carrier(folders, random.Random(lab.seed))
        carrier.start()
        try:
            for station in (north, south):
                station.start()
            for station in (north, south):
                station.ready()
            courier_on(lab, (north, south), carrier)
        except BaseException:
            carrier.stopped.set()
            keep_evidence(lab, north, south)
            raise


if __name__ == "__main__":
    sys.exit(main({"courier_only": courier_only}))
