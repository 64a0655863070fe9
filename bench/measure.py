"""What the benchmarks share: a lab, a line of some channels, a table.

Everything is measured from outside: bytes by the taps of the userspace wire
(tests/net/wire.c), memory from /proc. Nothing is judged; what cannot be
measured here is said and skipped.
"""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "tests", "net"))

import lab as net  # noqa: E402
from station import Station, pair  # noqa: E402


def aside(text):
    """What a lab says while it works; nothing here depends on its seed."""
    if not text.startswith("seed "):
        print(text, file=sys.stderr, flush=True)


net.say = aside


def line(world, channels, channels_other, **settings):
    """north and south, paired and started; waits until both are up when they
    have channels."""
    north, south = Station(world, "a", "north"), Station(world, "b", "south")
    pair(north, south, channels, channels_other, **settings)
    for station in (north, south):
        station.start()
    for station in (north, south):
        station.ready()
    wanted = len([c for c in channels if "courier:" not in c])
    for me, peer in ((north, south), (south, north)):
        net.wait_for(f"{me.name}'s channels", 30, lambda m=me, p=peer:
                     list(m.channels(p.name).values()).count("up") == wanted)
    return north, south


def table(rows):
    """Rows of cells: what is a number stands on the right."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    for row in rows:
        cells = [cell.rjust(w) if cell[:1].isdigit() else cell.ljust(w)
                 for cell, w in zip(row, widths)]
        print("  " + "  ".join(cells).rstrip())


def main(measure):
    """Runs it within a lab's life; 0 done, 1 failed, and says why."""
    for s in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, lambda number, _: sys.exit(128 + number))
    try:
        measure()
    except net.Skip as e:
        print(f"not measured: {e}")
    except net.Failed as e:
        print(f"not measured: {e}", file=sys.stderr)
        return 1
    finally:
        for world in net.live_labs():
            world.close()
    return 0
