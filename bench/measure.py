"""What the benchmarks share: a lab, a line of some channels, figures.

    def death():
        with net.Lab(paths=2) as world:
            measure.on_disk(world.dir)
            ...
            measure.figure("death", "openline", 33.1, "ms", part="FLASH, worst",
                           goal="<= 36.5", of="MPTCP")

    sys.exit(measure.main(death))

Everything is measured from outside: bytes by the taps of the userspace wire
(tests/net/wire.c), memory from /proc, times by CLOCK_MONOTONIC of this one
machine. Nothing is judged but in words; what cannot be measured here is said
and skipped. At the end the figures are shown as tables, and appended as lines
of JSON to the file $OPENLINE_BENCH_OUT if it is set, from which bench/page.py
makes doc/performance.md.
"""

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "tests", "net"))

import lab as net  # noqa: E402
from station import Station, pair  # noqa: E402

MEMORY = ("tmpfs", "ramfs", "devtmpfs")
SYNCS = 200
RUNS = int(os.environ.get("OPENLINE_BENCH_RUNS", "5")) # of each load
said = [] # what figure(), plot() and peer() were told, in order
disk = {} # what on_disk() found


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


# Figures

def figure(load, what, value, unit, goal=None, of=None, note="", part="",
           spread=None):
    """One figure of a load.

    load    a name of bench/run: "death", "loss", ...
    what    whose: "openline", "TCP", "MPTCP", ...; within a part unlike
    value   a number; None, or infinite: it never came
    unit    "ms", "kB", "messages/s", ...; "" for a share
    goal    "<= 110" or ">= 0.93", in the same unit
    of      the `what` of the same part that this is set in relation to
    part    what is compared: "FLASH, worst"; one table and one plot each
    spread  (least, most) of the runs of which value is the median
    """
    if value == float("inf"):
        value = None
    said.append({"kind": "figure", "load": load, "part": part, "what": what,
                 "value": value, "unit": unit, "goal": goal, "of": of,
                 "note": note, "spread": spread})


def medians(load, what, values, unit, **more):
    """The same for the values of some runs: their median, and the range."""
    known = [v for v in values if v is not None]
    if len(known) <= len(values) // 2: # most never came
        return figure(load, what, None, unit, **more)
    far = [float("inf") if v is None else v for v in values]
    return figure(load, what, statistics.median_high(far), unit,
                  spread=(min(known), max(known)), **more)


def plot(load, name, x, y, series, log=""):
    """Lines over an axis: {label: [(x, y), ...]}; name is of a file, x and y
    are words with units, log is "", "x", "y" or "xy"."""
    said.append({"kind": "plot", "load": load, "name": name, "x": x, "y": y,
                 "series": series, "log": log})


def peer(load, what, settings, durable, encrypted):
    """How a peer was set for a load: in words; durable before it acknowledges,
    and encrypted, in words too ("yes", "no", "no: sync_interval 2 min")."""
    entry = {"kind": "peer", "load": load, "what": what, "settings": settings,
             "durable": durable, "encrypted": encrypted}
    if entry not in said:
        said.append(entry)


def quantile(values, share):
    """The value that a share of all does not exceed; None (never) counts as
    the longest."""
    ordered = sorted(float("inf") if v is None else v for v in values)
    at = min(len(ordered) - 1, max(0, -(-len(ordered) * share // 1) - 1))
    found = ordered[int(at)]
    return None if found == float("inf") else found


def word(value, unit=""):
    """A number as people write it, with its unit."""
    if value is None:
        return "never"
    for least, digits in ((1000, 0), (100, 0), (10, 1), (1, 2)):
        if abs(value) >= least:
            return f"{value:,.{digits}f} {unit}".strip()
    return f"{value:.3g} {unit}".strip()


def verdict(entry):
    """("met", "missed by 12 %", "" without a goal)"""
    goal, value = entry["goal"], entry["value"]
    if not goal:
        return ""
    kind, bound = goal.split()
    bound = float(bound)
    if value is None:
        return "missed: never"
    if value <= bound if kind == "<=" else value >= bound:
        return "met"
    return f"missed by {abs(value - bound) / (bound or 1):.0%}".replace("%",
                                                                        " %")


def goal_word(entry):
    if not entry["goal"]:
        return ""
    kind, bound = entry["goal"].split()
    return (("at most " if kind == "<=" else "at least ") +
            word(float(bound), entry["unit"]))


def ratio(entry, others):
    """"0.31 x MPTCP", if it is set in relation to something there."""
    for other in others:
        if other["what"] == entry["of"] and other["part"] == entry["part"] \
                and other["value"] and entry["value"] is not None:
            return f"{entry['value'] / other['value']:.2f} x {other['what']}"
    return ""


def rows(entries):
    """Those of one part as a table, the head first."""
    table_rows = [["what", "seen", "runs", "ratio", "goal", "", "note"]]
    for e in entries:
        spread = e["spread"]
        runs = f"{word(spread[0])} to {word(spread[1])}" if spread else ""
        table_rows.append([e["what"], word(e["value"], e["unit"]), runs,
                           ratio(e, entries), goal_word(e), verdict(e),
                           e["note"]])
    used = [k for k in range(len(table_rows[0]))
            if k < 2 or any(row[k] for row in table_rows[1:])]
    return [[row[k] for k in used] for row in table_rows]


def table(rows_given):
    """Rows of cells: what is a number stands on the right."""
    cells_all = [[str(cell) for cell in row] for row in rows_given]
    widths = [max(len(row[k]) for row in cells_all)
              for k in range(len(cells_all[0]))]
    for row in cells_all:
        cells = [cell.rjust(w) if cell[:1].isdigit() else cell.ljust(w)
                 for cell, w in zip(row, widths)]
        print("  " + "  ".join(cells).rstrip())


def parts(entries):
    """[(load, part, its figures)] in the order they were told."""
    found = {}
    for e in entries:
        if e["kind"] == "figure":
            found.setdefault((e["load"], e["part"]), []).append(e)
    return [(*key, some) for key, some in found.items()]


# The disk and the machine

def on_disk(folder):
    """Finds out on what the ledgers are and how long it takes to sync there;
    in memory nothing durable can be measured, which skips the benchmark."""
    found = subprocess.run(
        ["findmnt", "-n", "-o", "FSTYPE,SOURCE", "-T", folder], text=True,
        capture_output=True, check=False).stdout.split()
    kind, source = (found + ["unknown", "unknown"])[:2]
    if kind in MEMORY:
        raise net.Skip(f"{folder} is in memory ({kind}): set TMPDIR to a "
                       "directory on a disk")
    disk.update(kind=kind, source=source,
                fdatasync_ms=fdatasync_ms(folder))
    return disk


def fdatasync_ms(folder, count=SYNCS, size=200):
    """The median milliseconds to append 200 bytes to a file and sync it."""
    path = os.path.join(folder, "fdatasync")
    took = []
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for _ in range(count):
            began = time.monotonic()
            os.write(fd, b"x" * size)
            os.fdatasync(fd)
            took.append((time.monotonic() - began) * 1000)
    finally:
        os.close(fd)
        os.unlink(path)
    return statistics.median(took)


def machine():
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for entry in f:
            if entry.startswith("model name"):
                model = entry.split(":", 1)[1].strip()
                break
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"cpu": model, "cores": os.cpu_count(),
            "memory_gib": round(memory / (1 << 30)),
            "kernel": f"{platform.system()} {platform.release()}"}


def head():
    """The line before the figures of one run."""
    commit = subprocess.run(
        ["git", "-C", net.ROOT, "rev-parse", "--short", "HEAD"], text=True,
        capture_output=True, check=False).stdout.strip() or "unknown"
    return {"kind": "run", "loads": sorted({e["load"] for e in said}),
            "date": time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime()),
            "commit": commit, "machine": machine(), "disk": disk}


def report():
    """Shows the figures, and keeps them for the page."""
    for load, part, entries in parts(said):
        print(f"{load}: {part}" if part else load)
        table(rows(entries))
    if disk:
        print(f"  disk: {disk['kind']} on {disk['source']}, fdatasync "
              f"{word(disk['fdatasync_ms'], 'ms')} in the middle")
    out = os.environ.get("OPENLINE_BENCH_OUT")
    if out and said:
        lines = "".join(json.dumps(e) + "\n" for e in [head()] + said)
        # One write: others may be at work beside this, and do the same.
        with open(out, "ab", buffering=0) as f:
            f.write(lines.encode())
    said.clear()


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
    report()
    return 0


def by_bearer(measure):
    """The same for one that takes [--rounds N] [BEARER...]."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bearers", nargs="*", metavar="BEARER")
    parser.add_argument("--rounds", type=int, default=RUNS)
    given = parser.parse_args()
    return main(lambda: measure(given.bearers or ["udp", "tcp"],
                                given.rounds))
