"""Files with messages: there and back, and all that can go wrong between.

Part of tests/cli/run. Contents are random, so that nothing passes for another,
and compared byte for byte at the end of every way.
"""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import threading
import time

from bed import ENVIRONMENT, OPENLINE, Bed, Station, expect, wait_for
from lab import Failed, Skip

MIB = 1 << 20
FAULT = os.path.join(os.path.dirname(OPENLINE), "tests/net/libfault.so")


def make(bed, name, size, folder=None):
    """A file of random bytes in a folder of its own; its path."""
    folder = folder or os.path.join(bed.dir, f"src{len(os.listdir(bed.dir))}")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    with open(path, "wb") as f:
        while size > 0:
            f.write(os.urandom(min(size, MIB)))
            size -= min(size, MIB)
    return path


def same(one, other):
    with open(one, "rb") as a, open(other, "rb") as b:
        expect(a.read() == b.read(), f"{one} and {other} differ")


def attachments(station, name):
    """Those of a message, out of the log."""
    for m in station.json("log"):
        if m["name"] == name:
            return m["attachments"]
    return []


def states(station, name):
    return [a["state"] for a in attachments(station, name)]


def arrives(station, name, n=1, seconds=30):
    wait_for(f"{name} whole at {station.name}", seconds,
             lambda: states(station, name) == ["whole"] * n)


def send(station, peer, *words, **more):
    return station.ok("send", peer.name, *words, **more).out.strip()


def save(station, name, *more):
    """Saves into a new folder; {name: path}."""
    out = os.path.join(station.bed.dir,
                       f"out{len(os.listdir(station.bed.dir))}")
    os.mkdir(out)
    done = station.ok("save", name, "--out", out, *more)
    paths = done.out.splitlines()
    expect(sorted(paths) == sorted(os.path.join(out, f)
                                   for f in os.listdir(out)),
           f"save printed {paths}, and there are {os.listdir(out)}")
    return {os.path.basename(p): p for p in paths}


def ledger(station):
    return contextlib.closing(sqlite3.connect(
        os.path.join(station.dir, "ledger.db"), isolation_level=None))


def pieces(station):
    """Rows of pieces in a station's ledger, whoever's."""
    with ledger(station) as db:
        return db.execute("SELECT count(*) FROM piece").fetchone()[0]


def slow(one, other, rate="40M"):
    """Both ends of a line, narrow enough to be caught half-way: udp, since
    only that is paced to a declared rate."""
    for me, peer in ((one, other), (other, one)):
        me.channels(peer.name,
                    f"cable udp://127.0.0.1:{peer.port} rate={rate}",
                    f"radio udp://127.0.0.1:{peer.port} rate={rate}")


def far(station, peer, way="receiving"):
    """Bytes of the first file under way; -1: none is known to be."""
    files = station.line(peer.name)["attachments"][way]
    return files[0]["have"] if files and files[0]["have"] is not None else -1


def events(station, state, count, seconds=20):
    """Events of files up to the count-th that says `state`, from the
    beginning."""
    watching = subprocess.Popen(
        [OPENLINE, "watch", "--after", "0", "--json", "-d", station.dir],
        stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    late = threading.Timer(seconds, watching.kill)
    late.start()
    found = []
    try:
        for one in watching.stdout:
            ev = json.loads(one)
            if ev["event"] == "attachment":
                found.append(ev)
            if sum(e["state"] == state for e in found) == count:
                break
    finally:
        late.cancel()
        watching.kill()
        watching.communicate()
    return found


def files_there_and_back():
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        report = make(bed, "report.pdf", 3 * MIB + 77)
        empty = make(bed, "empty.txt", 0)
        one = make(bed, "one piece", 65536)
        name = send(north, south, "the report", "--file", report, "--file",
                    empty, "--file", one)
        arrives(south, name, 3)
        got = save(south, name)
        for path in (report, empty, one):
            same(path, got[os.path.basename(path)])
        listed = attachments(south, name)
        expect([(a["name"], a["size"], a["type"], a["have"])
                for a in listed] ==
               [("report.pdf", 3 * MIB + 77, "application/pdf",
                 3 * MIB + 77), ("empty.txt", 0, "text/plain", 0),
                ("one piece", 65536, "application/octet-stream", 65536)],
               f"{listed}")
        done = subprocess.run(["b2sum", "-l", "256", report],
                              capture_output=True, text=True, check=True)
        expect(listed[0]["hash"] == done.stdout.split()[0],
               "the hash is not BLAKE2b-256 of the content")
        wait_for("north to know", 10, lambda: states(north, name) ==
                 ["held"] * 3)
        # A reader finds them; the other way, and without a text.
        out = south.ok("read", name).out
        expect("report.pdf" in out and "3.0 MiB" in out, out)
        expect("3 files" in south.ok("inbox").out, "inbox says nothing")
        expect("[3 files]" in south.ok("log").out, "log says nothing")
        back = send(south, north, "--file", report)
        arrives(north, back)
        same(report, save(north, back)["report.pdf"])
        # Once more is not sent once more.
        before = pieces(south)
        again = send(north, south, "again", "--file", report)
        arrives(south, again)
        expect(pieces(south) == before, "a content that is here came again")
        for station, state in ((south, "whole"), (north, "held")):
            seen = events(station, state, 3)
            ends = [e for e in seen if e["state"] == state]
            expect(sorted(e["hash"] for e in ends) ==
                   sorted(a["hash"] for a in listed) and
                   all(e["name"] == name and e["have"] == e["size"]
                       for e in ends), f"{station.name}: {ends}")
            steps = [e["have"] for e in seen if e["file"] == "report.pdf"]
            expect(steps and steps == sorted(steps), f"{steps}")
        # What lies in a restarted station lies there still.
        for station in (north, south):
            station.stop()
            station.start()
        same(report, save(south, name)["report.pdf"])
        same(report, save(north, name)["report.pdf"])  # our own
        for station in (north, south):
            station.ok("audit")


def files_of_one_name():
    """Names meet in the folder; nothing that is there is touched."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        maps = [make(bed, "map.png", 1000 + i) for i in range(2)]
        name = send(north, south, "two", *(w for m in maps
                                           for w in ("--file", m)))
        arrives(south, name, 2)
        got = save(south, name)
        same(maps[0], got["map.png"])
        same(maps[1], got["map (2).png"])
        out = bed.path("taken")
        os.mkdir(out)
        with open(os.path.join(out, "map.png"), "w", encoding="ascii") as f:
            f.write("mine")
        os.symlink(os.path.join(bed.dir, "nowhere"),
                   os.path.join(out, "map (2).png"))
        south.ok("save", name, "--out", out)
        same(maps[0], os.path.join(out, "map (3).png"))
        same(maps[1], os.path.join(out, "map (4).png"))
        with open(os.path.join(out, "map.png"), encoding="ascii") as f:
            expect(f.read() == "mine", "a file was overwritten")
        expect(not os.path.exists(bed.path("nowhere")),
               "a link was followed")
        told = south.json("save", name, "--out", out)
        expect([os.path.basename(t["path"]) for t in told] ==
               ["map (5).png", "map (6).png"] and
               told[0]["size"] == 1000, f"{told}")
        south.no(1, "save", name, "--out", bed.path("none"),
                 words=("none", "--out"))
        south.no(3, "save", "99", words=("no message",))
        bare = send(north, south, "no file")
        wait_for("it to arrive", 10, lambda: bare in [
            m["name"] for m in south.json("inbox")])
        south.no(3, "save", bare, words=("no files",))


def files_nasty_names():
    """A name from the other side is nothing but a name."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        for name, safe in (("-rf", "_rf"), (".bashrc", "_bashrc"),
                           ("..\\..\\boot.ini", "_._.._boot.ini"),
                           ("invoice\u202efdp.exe", "invoice_fdp.exe"),
                           ("x" * 250 + ".pdf", None), ("con.txt",
                                                        "_con.txt")):
            path = make(bed, name, 10)
            sent = send(north, south, "n", "--file", path)
            arrives(south, sent)
            got = save(south, sent)
            expect(len(got) == 1 and (safe is None or safe in got),
                   f"{name!r} became {list(got)}")
            same(path, next(iter(got.values())))
            south.ok("read", sent)  # and no control character in it
        north.no(1, "send", "south", "x", "--file", make(bed, "a\nb", 1),
                 words=("control characters", "rename"))
        bad = os.path.join(os.fsencode(bed.dir), b"\xff\xfe")
        with open(bad, "wb"):
            pass
        north.no(1, "send", "south", "x", "--file", bad,
                 words=("not UTF-8", "rename"))


def files_refused():
    """What is no file is not sent, in words; and nothing is."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        fifo = bed.path("fifo")
        os.mkfifo(fifo)
        for path, word in ((bed.dir, "folder"), ("/dev/null", "device"),
                           (fifo, "pipe"), ("/proc/cpuinfo", "changed"),
                           (os.path.join(north.dir, "control.sock"),
                            "socket"), (bed.path("none"), "No such file"),
                           (os.path.join(north.dir, "ledger.db"), "backup")):
            north.no(1, "send", "south", "x", "--file", path, words=(word,))
        many = make(bed, "many", 10)
        north.no(2, "send", "south", "x", *["--file", many] * 9,
                 words=("at most 8",))
        expect(north.json("log") == [], "something was said all the same")
        name = send(north, south, "x", *["--file", many] * 8)
        arrives(south, name, 8)
        expect(len(save(south, name)) == 8, "not all 8 were saved")


def files_changing():
    """A file that somebody writes is refused; one that ends early too; a
    sender that goes away leaves nothing."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        path = make(bed, "log.txt", 64 * MIB)
        stop = threading.Event()

        def write():
            with open(path, "r+b") as f:
                while not stop.is_set():
                    f.seek(8 * MIB)
                    f.write(os.urandom(4096))
                    f.flush()
                    f.seek(60 * MIB)
                    f.write(os.urandom(4096))
                    f.flush()
        writer = threading.Thread(target=write)
        writer.start()
        try:
            north.no(1, "send", "south", "x", "--file", path,
                     words=("log.txt changed while it was read",))
        finally:
            stop.set()
            writer.join()
        client = subprocess.Popen(
            [OPENLINE, "send", "-d", north.dir, "south", "x", "--file",
             path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=ENVIRONMENT)
        wait_for("pieces in the ledger", 20, lambda: pieces(north) > 8 or
                 client.poll() is not None)
        client.kill()
        client.wait()
        if north.json("log") == []:  # else it was faster than we
            wait_for("the pieces to go", 30, lambda: pieces(north) == 0)
        # Killed in the middle: the next start finds them.
        client = subprocess.Popen(
            [OPENLINE, "send", "-d", north.dir, "south", "x", "--file",
             make(bed, "other.bin", 64 * MIB)], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env=ENVIRONMENT)
        wait_for("pieces in the ledger", 20, lambda: pieces(north) > 8)
        north.kill()
        expect(client.wait() == 1, "the client knows nothing of it")
        had = pieces(north)
        north.start()
        if north.json("log") == []:
            wait_for("the pieces to go", 30, lambda: pieces(north) == 0)
        expect(had > 0, "nothing was there to be removed")
        small = make(bed, "small", 100)
        name = send(north, south, "after", "--file", small)
        arrives(south, name)
        same(small, save(south, name)["small"])
        north.ok("audit")


def files_policy():
    """ask: nothing comes until an officer saves it; auto: up to a size."""
    with Bed() as bed:
        north, south = bed.pair("north", "south", start=False)
        path = os.path.join("lines.d", "north.conf")
        south.write(path, south.read(path) + "attachments = ask\n")
        for station in (north, south):
            station.start()
        bed.open(north, south)
        big = make(bed, "big.bin", 2 * MIB + 1)
        small = make(bed, "small.bin", 2 * MIB)
        name = send(north, south, "ask", "--file", big, "--wait",
                    "delivered", "--timeout", "120s")
        time.sleep(1)
        expect(attachments(south, name)[0]["state"] == "none" and
               pieces(south) == 0, "it came without being asked for")
        expect("not fetched" in south.ok("read", name).out, "read")
        same(big, save(south, name)["big.bin"])
        wait_for("north to know", 10,
                 lambda: states(north, name) == ["held"])
        south.write(path, south.read(path).replace("= ask", "= auto:2MiB"))
        south.hangup()
        wait_for("the reload", 10, lambda: south.line("north")
                 ["attachments"]["auto_max"] == 2 * MIB)
        bed.open(north, south)
        other = make(bed, "other.bin", 2 * MIB + 1)
        name = send(north, south, "auto", "--file", small, "--file", other)
        wait_for("the small one", 20, lambda: states(south, name) ==
                 ["whole", "none"])
        same(other, save(south, name)["other.bin"])
        south.write(path, south.read(path) + "attachments = ask\n")
        south.no(1, "run", "--check-config",
                 words=("north.conf", "attachments"))


def files_killed():
    """Either side dies half-way, with kill -9: it goes on where it was."""
    with Bed() as bed:
        north, south = bed.pair("north", "south", start=False)
        slow(north, south)
        path = os.path.join("lines.d", "north.conf")
        south.write(path, south.read(path) + "attachments = auto:1GiB\n")
        for station in (north, south):
            station.start()
        bed.open(north, south)
        file = make(bed, "film.mkv", 24 * MIB)
        name = send(north, south, "a film", "--file", file)
        for who in (south, north, south):
            before = max(far(south, north), 0)
            wait_for("some more of it", 30, lambda b=before: (
                far(south, north) >= b + 3 * MIB))
            # Words pass it, both ways.
            north.delivers(south, "meanwhile")
            south.delivers(north, "meanwhile")
            who.kill()
            had = pieces(south)
            who.start()
            bed.open(north, south)
            expect(pieces(south) >= had, "what was on disk is gone")
        arrives(south, name, seconds=60)
        same(file, save(south, name)["film.mkv"])
        wait_for("north to know", 20,
                 lambda: states(north, name) == ["held"])
        expect(pieces(south) == 24 * MIB // 65536, "pieces came twice")
        for station, state in ((south, "whole"), (north, "held")):
            steps = [e["have"] for e in events(station, state, 1)]
            expect(len(steps) > 5 and steps[-1] == 24 * MIB,
                   f"{station.name} was told of {steps}")
            station.ok("audit")


def files_damaged():
    """A piece rots on the receiver's disk: it is found, told, and the file
    can be had again."""
    with Bed() as bed:
        north, south = bed.pair("north", "south", start=False)
        slow(north, south, "20M")
        for station in (north, south):
            station.start()
        bed.open(north, south)
        file = make(bed, "plan.pdf", 6 * MIB)
        name = send(north, south, "a plan", "--file", file)
        wait_for("some of it", 30, lambda: far(south, north) > MIB)
        south.kill()
        with ledger(south) as db:
            row, sealed = db.execute("SELECT rowid, sealed FROM piece "
                                     "WHERE idx = 3").fetchone()
            rotten = bytearray(sealed)
            rotten[1000] ^= 1
            db.execute("UPDATE piece SET sealed = ? WHERE rowid = ?",
                       (bytes(rotten), row))
        south.start()
        wait_for("south to find it", 30,
                 lambda: states(south, name) == ["damaged"])
        wait_for("the pieces to go", 20, lambda: pieces(south) == 0)
        expect("DAMAGED" in south.ok("read", name).out, "read says nothing")
        with open(south.log, encoding="utf-8") as f:
            expect("damaged on this disk" in f.read(),
                   "the other side is blamed")
        bed.open(north, south)
        same(file, save(south, name)["plan.pdf"])


def files_by_courier():
    """No channel at all: the file goes in the bag."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        for station, peer in ((north, south), (south, north)):
            for c in ("cable", "radio"):
                station.ok("channel", peer.name, "disable", c, "--yes")
        files = [make(bed, f"annex{i}.pdf", MIB + i) for i in range(2)]
        name = send(north, south, "by hand", *(w for f in files
                                               for w in ("--file", f)))
        out, back = bed.path("out.olb"), bed.path("back.olb")
        north.ok("courier", "export", "south", out)
        south.ok("courier", "import", out)
        arrives(south, name, 2)
        got = save(south, name)
        for f in files:
            same(f, got[os.path.basename(f)])
        # Its own way back: that it is there.
        south.ok("courier", "export", "north", back)
        north.ok("courier", "import", back)
        wait_for("north to know", 10, lambda: states(north, name) ==
                 ["held"] * 2)
        expect(os.path.getsize(back) < MIB, "the way back is too heavy")


def files_in_two_bags():
    """What the policy leaves out is passed over, and the rest behind it is
    taken; the next bag brings it, and nothing else a second time."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        for c in ("cable", "radio"):
            north.ok("channel", "south", "disable", c, "--yes")
        film = send(north, south, "later", "--file",
                    make(bed, "film", 11 * MIB))
        # More small ones in one bundle than the core remembers as passed.
        small = [make(bed, f"note{i}", 40 + i) for i in range(24)]
        names = [send(north, south, "by hand", *(
            w for f in small[i:i + 8] for w in ("--file", f)))
            for i in range(0, 24, 8)]
        empty = send(north, south, "nothing", "--file", make(bed, "empty", 0))
        bags = [bed.path(f"bag{i}") for i in range(3)]
        north.ok("courier", "export", "south", bags[0])
        expect(os.path.getsize(bags[0]) > 11 * MIB, "the film is not in it")
        south.ok("courier", "import", bags[0])
        for name in names:
            arrives(south, name, 8)
        arrives(south, empty)
        expect(states(south, film) == ["none"], "the film came unasked")
        # Asked for, it is not here; the other side hears of both.
        south.no(4, "save", film, "--out", bed.dir, "--timeout", "1s")
        south.ok("courier", "export", "north", bags[1])
        north.ok("courier", "import", bags[1])
        for name in names:
            wait_for("north to know", 10, lambda n=name: states(north, n) ==
                     ["held"] * 8)
        north.ok("courier", "export", "south", bags[2])
        expect(11 * MIB < os.path.getsize(bags[2]) < 12 * MIB,
               "more than the film, or less, is in the second bag")
        south.ok("courier", "import", bags[2])
        arrives(south, film)


def small_disk(bed, run):
    if os.geteuid() != 0:
        raise Skip("mounting a small tmpfs needs root")
    small = bed.path("small")
    os.mkdir(small)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs",
                       small], capture_output=True,
                      check=False).returncode != 0:
        raise Skip("this machine does not let us mount a tmpfs")
    try:
        run(small)
    finally:
        for station in bed.stations:
            station.kill()
        subprocess.run(["umount", small], check=False)


def files_full_disk():
    """Too large for the receiver: it waits, words pass, it comes when there
    is room. Too large for the sender: refused in words, nothing stays."""
    with Bed() as bed:
        small_disk(bed, lambda small: files_full_disk_of(bed, small))


def files_full_disk_of(bed, small):
    north, south = Station(bed, "north"), Station(bed, "south", small)
    bed.join(north, south)
    path = os.path.join("lines.d", "north.conf")
    south.write(path, south.read(path) + "attachments = auto:1GiB\n")
    for station in (north, south):
        station.start()
    bed.open(north, south)
    ballast = os.path.join(small, "ballast")
    with open(ballast, "wb") as f:
        f.write(bytes(29 * MIB))
    file = make(bed, "large.iso", 20 * MIB)
    name = send(north, south, "large", "--file", file)
    wait_for("south to say that there is no room", 20,
             lambda: south.line("north")["attachments"]["no_room"])
    expect("does not fit" in south.ok("status").out, "status says nothing")
    north.delivers(south, "meanwhile")
    south.delivers(north, "meanwhile")
    south.no(1, "send", "north", "x", "--file", make(bed, "60", 60 * MIB),
             words=("60 does not fit on the disk", "MiB"))
    expect(pieces(south) == 0, "pieces of what was refused")
    os.unlink(ballast)
    arrives(south, name, seconds=60)
    same(file, save(south, name)["large.iso"])
    # Full in the middle of taking one.
    with open(ballast, "wb") as f:
        while shutil.disk_usage(small).free > 28 * MIB:
            f.write(bytes(256 << 10))
            f.flush()
    filling = make(bed, "filling", 8 * MIB)
    done = south.run("send", "north", "x", "--file", filling)
    expect(done.returncode in (0, 1), f"{done}")
    os.unlink(ballast)
    wait_for("south to take again", 20, lambda: south.run(
        "send", "north", "x").returncode == 0)
    south.delivers(north, "after")
    south.ok("audit")


def files_in_vain():
    """The time is over before it came: 4, nothing half; it goes on."""
    with Bed() as bed:
        north, south = bed.pair("north", "south", start=False)
        slow(north, south, "10M")
        for station in (north, south):
            station.start()
        bed.open(north, south)
        file = make(bed, "slow.bin", 8 * MIB)
        name = send(north, south, "slow", "--file", file)
        wait_for("it to begin", 20, lambda: far(south, north) >= 0)
        out = bed.path("vain")
        os.mkdir(out)
        south.no(4, "save", name, "--out", out, "--timeout", "300ms",
                 words=("slow.bin", "goes on"))
        expect(os.listdir(out) == [], f"left behind: {os.listdir(out)}")
        line = south.line("north")["attachments"]["receiving"]
        expect(line and line[0]["name"] == name and
               line[0]["file"] == "slow.bin", f"{line}")
        wait_for("a rate", 20, lambda: any(
            f["rate"] for f in south.line("north")["attachments"]
            ["receiving"]))
        same(file, save(south, name)["slow.bin"])


def files_on_a_dead_share():
    """A share that hangs when its file is looked at, read or closed: words
    pass, and the station can be stopped."""
    for op in ("close", "read", "stat"):
        on_a_dead_share(op)


def hangs_at(bed, station, op, name):
    """From its next start on, it will hang when it does that to the file; the
    path of what is there once it does."""
    order = bed.path(f"order-{op}")
    with open(order, "w", encoding="ascii") as f:
        f.write(f"{op} {name} hang 1\n")
    station.env = {"LD_PRELOAD": FAULT, "OPENLINE_FAULT": order}
    return order + ".hung"


def bundles_on_a_dead_share():
    """A bundle on a share that hangs: words pass, the station can be stopped,
    and another import need not wait for ever."""
    for op in ("stat", "open", "read"):
        with Bed() as bed:
            north, south = bed.pair("north", "south", start=False)
            hung = hangs_at(bed, north, op, "dead.bundle")
            for station in (north, south):
                station.start()
            bed.open(north, south)
            south.ok("courier", "export", "north", bed.path("good.bundle"))
            shutil.copy(bed.path("good.bundle"), bed.path("dead.bundle"))
            with subprocess.Popen(
                    [OPENLINE, "-d", north.dir, "courier", "import",
                     bed.path("dead.bundle")], env=ENVIRONMENT,
                    stderr=subprocess.PIPE) as client:
                wait_for("the import to hang", 10,
                         lambda h=hung: os.path.exists(h))
                north.delivers(south, "words pass it")
                expect(client.poll() is None, "the import does not wait")
                if op == "read":
                    north.no(1, "courier", "import", bed.path("good.bundle"),
                             words=("another import",))
                    wait_for("another import", 11, lambda: north.run(
                        "courier", "import",
                        bed.path("good.bundle")).returncode == 0, 0.5)
                north.stop()
                expect(client.wait() == 1, "the client is told otherwise")
                said = client.stderr.read().decode()
                expect(("no answer" if op == "read" else "stops") in said,
                       f"the client is told: {said}")


def no_bundle_at_all():
    """The station's own ledger is refused without being opened: its locks
    stay; and what is no regular file is no bundle."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")

        def locks():
            with open("/proc/locks", encoding="ascii") as f:
                return sorted(line.split()[1:] for line in f
                              if " POSIX " in line and
                              f" {north.process.pid} " in line)
        before = locks()
        expect(before, "the ledger is not locked at all")
        own = os.path.join(north.dir, "ledger.db")
        os.link(own, bed.path("hard"))
        os.symlink(own, bed.path("soft"))
        for file in (own, own + "-wal", own + "-shm", bed.path("hard"),
                     bed.path("soft")):
            north.no(1, "courier", "import", file, words=("ledger", file))
        expect(locks() == before, f"locks went: {before}, {locks()}")
        os.mkfifo(bed.path("fifo"))
        for file in (bed.path("fifo"), "/dev/zero", bed.dir):
            north.no(1, "courier", "import", file, words=("no pouch file",))
        north.delivers(south)


def on_a_dead_share(op):
    with Bed() as bed:
        north, south = bed.pair("north", "south", start=False)
        hung = hangs_at(bed, north, op, "dead.bin")
        for station in (north, south):
            station.start()
        bed.open(north, south)
        with subprocess.Popen(
                [OPENLINE, "-d", north.dir, "send", "south", "a file",
                 "--file", make(bed, "dead.bin", 100)], env=ENVIRONMENT,
                stderr=subprocess.PIPE) as client:
            wait_for("the share to hang", 10, lambda: os.path.exists(hung))
            north.delivers(south, "words pass it")
            north.stop() # which waits in vain if the share holds it
            expect(client.wait() == (op != "close"), "the client is not told")
        north.env = {}
        north.start()
        expect(("a file" in north.ok("log").out) == (op == "close"),
               "what the client was told is not so")


def files_stopped():
    """Not wanted any more: it ends, leaves nothing, north knows; and it can
    be had all the same, later."""
    with Bed() as bed:
        north, south = bed.pair("north", "south", start=False)
        slow(north, south, "10M")
        for station in (north, south):
            station.start()
        bed.open(north, south)
        file = make(bed, "long.bin", 8 * MIB)
        name = send(north, south, "long", "--file", file)
        wait_for("some of it", 20, lambda: far(south, north) > MIB)
        south.no(2, "save", name, "--stop", "--out", bed.dir,
                 words=("--stop",))
        south.ok("save", name, "--stop")
        expect(states(south, name) == ["declined"], states(south, name))
        wait_for("the pieces to go", 20, lambda: pieces(south) == 0)
        wait_for("north to know", 20,
                 lambda: states(north, name) == ["declined"])
        south.no(1, "save", name, "--stop", words=("no file",))
        for station in (north, south):
            station.stop()
            station.start()
        bed.open(north, south)
        time.sleep(1)
        expect(pieces(south) == 0, "it came all the same")
        same(file, save(south, name)["long.bin"])
        wait_for("north to know", 20,
                 lambda: states(north, name) == ["held"])


def files_late_ask():
    """A bag that was packed while the file was under way comes when it is
    long there: held stays held, for done is said once."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        bag = bed.path("late.bag")
        # It is fetched in about a second: who looks too late tries again.
        for k in range(1, 9):
            file = make(bed, f"late{k}.bin", 32 * MIB)
            name = send(north, south, "late", "--file", file)
            saving = subprocess.Popen(
                [OPENLINE, "save", name, "-d", south.dir, "--out", bed.dir],
                env=ENVIRONMENT, stdout=subprocess.DEVNULL)
            while saving.poll() is None and far(south, north) <= 0:
                pass
            south.ok("courier", "export", "north", bag)
            if saving.poll() is None:
                break
            os.unlink(bag)
        expect(os.path.exists(bag), "never seen under way")
        expect(saving.wait(120) == 0, "it was not saved")
        wait_for("north to know", 120,
                 lambda: states(north, name) == ["held"])
        south.stop()
        north.stop()
        north.start()
        north.ok("courier", "import", bag)
        expect(states(north, name) == ["held"], states(north, name))
        south.start()
        bed.open(north, south)
        south.delivers(north)
        expect(states(north, name) == ["held"], states(north, name))


TESTS = (files_there_and_back, files_of_one_name, files_nasty_names,
         files_refused, files_changing, files_policy, files_killed,
         files_damaged, files_by_courier, files_in_two_bags, files_full_disk,
         files_in_vain, files_on_a_dead_share, files_stopped, files_late_ask,
         bundles_on_a_dead_share, no_bundle_at_all)
