"""Stations that have a past, for the benchmarks that need one.

    with past.Folder() as folder:
        north, south = past.stations(folder, 1000000)

Two paired stations whose ledgers hold that many records each, written by
bench/fill.c through the real core and the real ledger. They lie on a real file
system, run without namespaces and talk over 127.0.0.1, if at all.
"""

import os
import shutil
import subprocess
import tempfile
import time

import measure
from measure import net
from station import PORT, Station, pair

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FILL = os.path.join(ROOT, "build", "bench", "fill")


class Folder:
    """What Station asks of a lab, without a network."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="openline-bench-",
                                    dir=os.environ.get("OPENLINE_BENCH_DIR",
                                                       "/var/tmp"))
        self.stations = []
        kind = subprocess.run(["stat", "-f", "-c", "%T", self.dir],
                              capture_output=True, text=True,
                              check=True).stdout.strip()
        if kind in ("tmpfs", "ramfs"):
            raise net.Skip(f"{self.dir} is in memory: set OPENLINE_BENCH_DIR "
                           "to a folder on a disk")

    def inside(self, _side, *command):
        return list(command)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for station in self.stations:
            station.close()
        shutil.rmtree(self.dir, ignore_errors=True)


class Inner:
    """A folder in a folder, so that several pairs may have the same names."""

    def __init__(self, folder, name):
        self.dir = os.path.join(folder.dir, name)
        os.mkdir(self.dir)
        self.stations = folder.stations
        self.inside = folder.inside


def built():
    """The program that fills; built when it is not there."""
    done = subprocess.run(["ninja", "-C", os.path.join(ROOT, "build"),
                           "bench/fill"], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise net.Failed(f"bench/fill cannot be built: {done.stdout[-500:]}")
    return FILL


def stations(folder, records, name=None, north_channels=(),
             south_channels=()):
    """north and south with that many records each, 0: none; not started."""
    inner = Inner(folder, name or f"past-{records}")
    north, south = (Station(inner, "a", "north"), Station(inner, "b", "south"))
    pair(north, south, list(north_channels), list(south_channels))
    for number, station in enumerate((north, south)):
        station.configure([f"udp://127.0.0.1:{PORT + 100 + number}",
                           f"tcp://127.0.0.1:{PORT + 100 + number}"])
    if records:
        subprocess.run([built(), north.dir, south.dir, str(records)],
                       check=True, stdout=subprocess.DEVNULL)
    return north, south


def forget(station):
    """Nothing of its ledger stays in the system's memory."""
    for name in os.listdir(station.dir):
        if name.startswith("ledger.db"):
            fd = os.open(os.path.join(station.dir, name), os.O_RDONLY)
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)


def until(seconds, probe):
    """The monotonic time at which probe() was true first; Failed after so
    many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if probe():
            return time.monotonic()
        time.sleep(0.002)
    raise net.Failed(f"not within {seconds} s")
