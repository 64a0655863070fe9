"""Urgent messages said at even intervals, for death.py and loss.py.

A message has come when the receiver's watcher is told, which is after the
commit. The clock is one: everything is on this machine.
"""

import os
import statistics
import tempfile
import threading
import time

from measure import net
from station import Control

TEXT = "x" * 200


class Come:
    """When the k-th message came."""

    def __init__(self):
        self.at = []
        self.more = threading.Condition()

    def one(self, when):
        with self.more:
            self.at.append(when)
            self.more.notify()

    def wait(self, count, seconds):
        end = time.monotonic() + seconds
        with self.more:
            while len(self.at) < count and time.monotonic() < end:
                self.more.wait(0.1)
            return len(self.at) >= count


def watch(station, come):
    control = Control(os.path.join(station.dir, "control.sock"))
    control.socket.settimeout(None)
    control.call("subscribe")

    def read():
        for line in control.lines:
            now = time.monotonic()
            if b'"arrived"' in line:
                come.one(now)
    threading.Thread(target=read, daemon=True).start()
    return control


def say(say_one, come, count, every, event=None):
    """Milliseconds each took, and seconds the last; `event` is (message,
    moment, what)."""
    base, said = len(come.at), []
    start = time.monotonic()
    for k in range(count):
        time.sleep(max(0, start + k * every - time.monotonic()))
        said.append(time.monotonic())
        say_one()
        if event and event[0] == k:
            time.sleep(event[1])
            event[2]()
    net.expect(come.wait(base + count, 60), "messages did not come in 60 s")
    came = come.at[base:base + count]
    return [1000 * (b - a) for a, b in zip(said, came)], came[-1] - said[-1]


def wire_bytes(world):
    return sum(flow["bytes"] for flow in world.wire.stats().values())


def speaker(north, precedence):
    control = Control(os.path.join(north.dir, "control.sock"))
    return lambda: control.call("send", peer="south", text=TEXT,
                                precedence=precedence)


def fdatasync_ms(folder):
    took = []
    with tempfile.TemporaryFile(dir=folder) as f:
        for _ in range(50):
            f.write(b"x" * 4096)
            f.flush()
            start = time.monotonic()
            os.fdatasync(f.fileno())
            took.append(1000 * (time.monotonic() - start))
    return statistics.median(took)


def at(times, share):
    times = sorted(times)
    return times[min(len(times) - 1, int(len(times) * share))]


def main(measure, kind):
    os.environ.setdefault("TMPDIR",
                          os.environ.get("OPENLINE_BENCH_DIR", "/var/tmp"))
    return measure.main(kind)
