"""A station that dies where it is aimed at, and a face that notes its word.

    north = Mortal(bed, "north")
    face = Face(north, heard)      # subscribes, sends, and reads what comes
    north.aim("log sync", 3, "after")

See aim.c for what is preloaded. The face speaks the control socket
(doc/control.md) without waiting for one answer before the next question, so
that many things are under way when the station dies.
"""

import json
import mmap
import os
import select
import signal
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "cli"))

# All that a test here needs comes from this one.
from bed import OPENLINE, Bed, Station, judge, openline  # noqa: E402, F401
from lab import Failed, Skip, expect, main, wait_for  # noqa: E402, F401

AIM = os.path.join(os.path.dirname(OPENLINE), "tests/net/libaim.so")
KINDS = ("nothing", "log write", "ledger write", "log sync", "ledger sync",
         "cut", "file write", "file sync", "name", "make", "datagram",
         "stream", "answer", "seal", "any") # the same order as in aim.c
MOMENTS = ("before", "half", "after")
WAIT_S = 120 # before a test gives up: the machine may be busy
ROW = struct.Struct("=8s8s8sQB7x")


class Gone(OSError):
    """The station went away."""


class Mortal(Station):
    def __init__(self, bed, name):
        if not os.path.exists(AIM):
            raise Skip("tests/net/libaim.so is not built")
        super().__init__(bed, name)
        self.seals = self.dir + ".seals"
        path = self.dir + ".aim"
        with open(path, "wb") as f:
            f.write(bytes(4096))
        with open(path, "r+b") as f:
            self.page = mmap.mmap(f.fileno(), 4096)
        self.env = {"LD_PRELOAD": AIM, "OPENLINE_AIM": path,
                    "OPENLINE_SEALS": self.seals}
        self.slowest_start_s = 0

    def aim(self, kind, n, moment):
        self.page[4:8] = bytes(4)
        self.page[0:4] = struct.pack("=I", n)
        self.page[4:8] = struct.pack("=I", KINDS.index(kind) |
                                     MOMENTS.index(moment) << 8)

    def spare(self):
        self.page[4:8] = bytes(4)

    def dead(self):
        return self.process is None or self.process.poll() is not None

    def came_up(self):
        """Waits until it answers; False if it was killed on the way."""
        begun = time.monotonic()
        while time.monotonic() < begun + WAIT_S:
            if self.dead():
                status = self.process.returncode
                expect(status == -signal.SIGKILL, f"{self.name} did not come "
                       f"up again: status {status}: {self.said()[-600:]}")
                return False
            try:
                if ask(self, "status"):
                    break
            except OSError:
                time.sleep(0.02)
        else:
            raise Failed(f"{self.name} does not answer {WAIT_S} s after its "
                         f"start: {self.said()[-600:]}")
        self.slowest_start_s = max(self.slowest_start_s,
                                   time.monotonic() - begun)
        return True

    def bury(self):
        """It is dead, or is killed now."""
        died_by_itself = self.dead()
        self.process.kill()
        status = self.process.wait()
        self.process = None
        expect(not died_by_itself or status in (-signal.SIGKILL, 0),
               f"{self.name} ended by itself with status {status}: "
               f"{self.said()[-600:]}")

    def rows(self):
        """What it sealed: (under, text, noise, number, type of packet)."""
        with open(self.seals, "rb") as f:
            data = f.read()
        return ROW.iter_unpack(data[:len(data) // ROW.size * ROW.size])


def sock_of(station):
    """A connection to its control socket; the path may be a long one."""
    s = socket.socket(socket.AF_UNIX)
    folder = os.open(station.dir, os.O_PATH)
    try:
        s.settimeout(WAIT_S)
        s.connect(f"/proc/self/fd/{folder}/control.sock")
    except OSError:
        s.close()
        raise
    finally:
        os.close(folder)
    return s


def ask(station, method, **params):
    """One question on a connection of its own; its result."""
    with sock_of(station) as s, s.makefile("rb") as lines:
        s.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method,
                              "params": params}).encode() + b"\n")
        try:
            line = lines.readline()
        except TimeoutError:
            raise Failed(f"{station.name}: no answer to {method} in "
                         f"{WAIT_S} s") from None
    if not line.endswith(b"\n"):
        raise Gone("half an answer")
    answer = json.loads(line)
    if "error" in answer:
        raise Failed(f"{station.name}: {method}: {answer['error']}")
    return answer["result"]


class Face:
    """A connection that asks without waiting. hear(event) gets every event
    after `seq`; each answer goes to the function that came with its question,
    as (result, None) or (None, error)."""

    def __init__(self, station, seq, hear):
        self.station = station
        self.hear = hear
        self.n = 0
        self.open = {}
        self.rest = b""
        self.sock = sock_of(station)
        self.ask("subscribe", lambda result, error: None, after=seq)

    def ask(self, method, answered, fds=(), **params):
        self.n += 1
        line = json.dumps({"jsonrpc": "2.0", "id": self.n, "method": method,
                           "params": params}).encode() + b"\n"
        self.open[self.n] = answered
        try:
            if fds:
                sent = socket.send_fds(self.sock, [line], fds)
                line = line[sent:]
            self.sock.sendall(line)
        except (BrokenPipeError, ConnectionResetError):
            raise Gone("while asking") from None

    def pump(self, seconds):
        """Takes what comes within that time, or what has come; Gone at the
        end, after all that was said before it."""
        end = time.monotonic() + seconds
        while select.select([self.sock], [], [],
                            max(0, end - time.monotonic()))[0]:
            try:
                data = self.sock.recv(1 << 18)
            except ConnectionResetError:
                data = b""
            if not data:
                raise Gone("the end")
            *lines, self.rest = (self.rest + data).split(b"\n")
            for line in lines:
                self.take(json.loads(line))

    def take(self, said):
        if said.get("method") == "progress":
            return
        if said.get("method") == "event":
            self.hear(said["params"])
        elif said.get("id") in self.open:
            self.open.pop(said["id"])(said.get("result"), said.get("error"))
        else:
            raise Failed(f"{self.station.name} says {said!r:.200}")

    def close(self):
        self.sock.close()
