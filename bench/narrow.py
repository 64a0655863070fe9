#!/usr/bin/env python3
"""A text of 200 bytes over a narrow channel: how long, how many bytes.

    bench/narrow.py [--rounds N] [RATE...]       1200 and 300 bit/s, five rounds

One udp channel with a declared rate and 500 ms of delay each way. *Cold*: both
stations know each other's card and nothing more; the time counts from before
north's process starts until the record is on south's disk. *Second*: the same
again some time later. Bytes are of both directions until north has the
acknowledgement, IP heads included; *later* is what the message causes once
nobody talks (a signed checkpoint, views). Beside it one TCP connection by hand:
a length, the text, a file that is synced, four bytes back; not encrypted.
Every round has a text of its own.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time

import measure
from measure import net
from station import Station, channel, pair

ROUNDS = measure.RUNS
TEXTS = [
    "At 0412 our northern radar lost contact with a transport aircraft near "
    "the border. We ask you to confirm whether your air defence has engaged "
    "anything in that sector. Our forces stay at their posts now.",
    "The launch planned for tomorrow morning is a test of a weather rocket "
    "from the eastern range. It will fall into the sea within our waters. "
    "There is no change to the readiness of our forces. Please say so.",
    "A fire has broken out at the power station and smoke drifts towards your "
    "side of the river. Our crews cross the bridge at noon with pumps. We "
    "request that your patrols hold their fire and let them pass by.",
    "We have received reports of shots fired close to the village at the "
    "crossing. Two of our soldiers are wounded and one is missing. Please "
    "order your units to stop and tell us what your commander has seen.",
    "Our submarine has had an accident with its reactor and is surfacing in "
    "the strait. The crew of ninety needs help at once. No weapons are in "
    "danger. Please keep your ships five miles away and answer soon.",
    "The exercise will end on Friday at 1800 as agreed. All troops will "
    "return to their barracks by rail over the weekend. If you see a convoy "
    "on the coast road, it carries only food and tents, nothing more.",
]
TEXTS = [text[:200] for text in TEXTS]
QUIET_S = 25
PATIENCE_S = 120
WHAT = [("second, committed", "s"), ("second, known", "s"),
        ("second, bytes", "B"), ("second, later", "B"),
        ("cold, committed", "s"), ("cold, known", "s"), ("cold, bytes", "B"),
        ("cold, later", "B")]
GOALS = {(1200, "second, committed"): "<= 2", (1200, "second, bytes"): "<= 300",
         (1200, "cold, bytes"): "<= 800", (300, "cold, committed"): "<= 17"}

TCP = r"""
import os, socket, sys, time
port, texts = 4700, sys.argv[3:]
def read(s, n):
    b = b""
    while len(b) < n:
        b += s.recv(n - len(b)) or sys.exit("it closed")
    return b
if sys.argv[1] == "take":
    s = socket.create_server(("", port))
    print("there", flush=True)
    c, _ = s.accept()
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    f = os.open(sys.argv[2], os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    while True:
        os.write(f, read(c, int.from_bytes(read(c, 2), "big")))
        os.fdatasync(f)
        print(time.monotonic(), flush=True)
        c.sendall(b"held")
else:
    began, s = time.monotonic(), None
    for text in texts:
        s = s or socket.create_connection((sys.argv[2], port))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.sendall(len(text).to_bytes(2, "big") + text.encode())
        read(s, 4)
        print(began, time.monotonic(), flush=True)
        sys.stdin.readline()
        began = time.monotonic()
"""


class Tap:
    """What passes on the path, both ways, since the last take()."""

    def __init__(self, world):
        self.world, self.n = world, 0
        self.begin()

    def begin(self):
        self.n += 1
        self.files = [os.path.join(self.world.dir, f"tap-{self.n}-{w}")
                      for w in ("ab", "ba")]
        for file, way in zip(self.files, ("ab", "ba")):
            self.world.wire.tell(f"path 1 tap {file} {way}")

    def take(self):
        """The sizes of the packets; a tap's file is whole once it ends."""
        self.world.wire.tell("path 1 untap")
        found = []
        for file in self.files:
            with open(file, "rb") as f:
                data = f.read()
            at = 24
            while at + 16 <= len(data):
                n = int.from_bytes(data[at + 8:at + 12], sys.byteorder)
                found.append(n)
                at += 16 + n
        self.begin()
        return found


class Watch(threading.Thread):
    """Events of a station, each with the time at which it was told."""

    def __init__(self, station):
        super().__init__(daemon=True)
        self.control = station.connect()
        self.control.socket.settimeout(None)
        self.control.call("subscribe")
        self.seen, self.news = [], threading.Condition()
        self.start()

    def run(self):
        for line in self.control.lines:
            event = json.loads(line).get("params", {})
            with self.news:
                self.seen.append((time.monotonic(), event.get("event")))
                self.news.notify()

    def wait(self, event, count):
        end = time.monotonic() + PATIENCE_S
        with self.news:
            while True:
                at = [t for t, e in self.seen if e == event]
                if len(at) >= count:
                    return at[count - 1]
                net.expect(time.monotonic() < end, f"no {event} in time")
                self.news.wait(1)


def shape(world, rate):
    world.wire.tell(f"path 1 rate {rate}", "path 1 delay 500")


def openline(rate, text):
    with net.Lab(paths=1) as world:
        measure.on_disk(world.dir)
        shape(world, rate)
        north, south = Station(world, "a", "north"), Station(world, "b",
                                                             "south")
        pair(north, south,
             [channel(world, "radio", "udp", 1, "b", more=f"rate={rate}")],
             [f"radio accept=udp rate={rate}"], probe="1h", hold="2h")
        south.start()
        south.ready()
        there = Watch(south)
        seen, tap = {}, Tap(world)
        began = time.monotonic()
        north.start()
        north.ready()
        here = Watch(north)
        for k, what in enumerate(("cold", "second"), 1):
            if k > 1:
                time.sleep(QUIET_S)
                seen["cold, later"] = sum(tap.take())
                began = time.monotonic()
            north.call("send", peer="south", text=text[k - 1])
            seen[what + ", committed"] = there.wait("arrived", k) - began
            seen[what + ", known"] = here.wait("delivered", k) - began
            seen[what + ", packets"] = tap.take()
            seen[what + ", bytes"] = sum(seen[what + ", packets"])
        time.sleep(QUIET_S)
        seen["second, later"] = sum(tap.take())
        return seen


def tcp(rate, text):
    with net.Lab(paths=1) as world:
        shape(world, rate)
        file = os.path.join(world.dir, "taken")
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        take = subprocess.Popen(world.inside(
            "b", sys.executable, "-c", TCP, "take", file), **pipes)
        give = None
        try:
            take.stdout.readline()
            seen, tap = {}, Tap(world)
            give = subprocess.Popen(world.inside(
                "a", sys.executable, "-c", TCP, "give", world.address(1, "b"),
                *text), **pipes)
            for what in ("cold", "second"):
                began, known = map(float, give.stdout.readline().split())
                seen[what + ", bytes"] = sum(tap.take())
                seen[what + ", known"] = known - began
                seen[what + ", committed"] = (float(take.stdout.readline()) -
                                              began)
                time.sleep(5)
                seen[what + ", later"] = sum(tap.take())
                if what == "cold":
                    # The next one is timed from when it is asked for.
                    give.stdin.write("\n")
                    give.stdin.flush()
            return seen
        finally:
            for process in (give, take):
                if process is not None:
                    process.kill()
                    process.wait()


def tell(rate, ours, theirs):
    for what, unit in WHAT:
        part = f"{rate} bit/s: {what}"
        of = "TCP by hand"
        measure.medians("narrow", of, [r[what] for r in theirs], unit,
                        part=part)
        measure.medians("narrow", "openline", [r[what] for r in ours], unit,
                        goal=GOALS.get((rate, what)), of=of, part=part)
    print(f"  {rate} bit/s, packets with IP heads, first round: cold",
          ours[0]["cold, packets"], "second", ours[0]["second, packets"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("rates", type=int, nargs="*", metavar="RATE")
    given = parser.parse_args()

    def work():
        measure.peer("narrow", "TCP by hand", "one connection, TCP_NODELAY; a "
                     "length, the text, four bytes back", "yes", "no")
        for rate in given.rates or (1200, 300):
            texts = [(TEXTS[k % len(TEXTS)], TEXTS[(k + 1) % len(TEXTS)])
                     for k in range(given.rounds)]
            tell(rate, [openline(rate, t) for t in texts],
                 [tcp(rate, t) for t in texts])
    return measure.main(work)


if __name__ == "__main__":
    sys.exit(main())
