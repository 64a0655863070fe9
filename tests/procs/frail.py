"""A station on a disk that fails and forgets.

    south = Frail(bed, "south")
    south.order("write", "full", 3, on=True)    # the third from now, and on
    south.well()
    south.cut_power(chance)                     # when it is dead

See disk.h and disk_load.c for what is preloaded, disk_cut.h for what a power
cut may leave: here the same for the files of a daemon, over all its lives
since the last cut.
"""

import mmap
import os
import struct

from mortal import OPENLINE, Mortal, Skip, expect

DISK = os.path.join(os.path.dirname(OPENLINE), "tests/net/libdisk.so")
OPS = ("write", "sync", "cut", "open", "delete", "map", "read")
HOWS = ("io", "full", "torn")
STATE = struct.Struct("=13I")
ROW = struct.Struct("=IIQ32s")
SECTOR = 512
MOST_AT_ONCE = 65536 # bytes of one write


class File:
    """As the machine sees it, and as the disk has it."""

    def __init__(self, synced=b"", named=False):
        self.synced = bytearray(synced)
        self.loose = [] # (at, bytes), or (size, None) for a cut
        self.named = named
        self.there = True
        self.lingers = False

    def left(self, chance):
        """What a power cut leaves of it."""
        fate = chance.choice(("gone", "done", "any", "sectors", "upto"))
        n = chance.randint(0, len(self.loose)) if fate == "upto" \
            else len(self.loose)
        data = bytearray(self.synced)
        for at, new in self.loose[:n]:
            if fate == "gone" or (fate == "any" and chance.random() < 0.5):
                continue
            if new is not None and fate == "sectors":
                change(data, at, new, chance)
            elif new is not None or fate in ("done", "upto") or \
                    chance.random() < 0.5:
                change(data, at, new)
        if fate == "upto" and n < len(self.loose) and self.loose[n][1]:
            change(data, *self.loose[n], chance) # torn
        return bytes(data)

    def machine(self):
        """As the machine sees it."""
        data = bytearray(self.synced)
        for at, new in self.loose:
            change(data, at, new)
        return bytes(data)

    def sync(self):
        for at, new in self.loose:
            change(self.synced, at, new)
        self.loose = []


def change(data, at, new, chance=None):
    """A write, or a cut; with chance only some sectors of it."""
    if new is None:
        data[at:] = bytes(max(0, at - len(data)))
        return
    step = len(new) if chance is None else SECTOR
    k = 0
    while k < len(new):
        n = step if chance is None else SECTOR - (at + k) % SECTOR
        if chance is None or chance.random() < 0.5:
            piece = new[k:k + n]
            if len(data) < at + k + len(piece):
                data += bytes(at + k + len(piece) - len(data))
            data[at + k:at + k + len(piece)] = piece
        k += n


class Frail(Mortal):
    def __init__(self, bed, name):
        super().__init__(bed, name)
        if not os.path.exists(DISK):
            raise Skip("tests/net/libdisk.so is not built")
        self.deeds = self.dir + ".deeds"
        path = self.dir + ".disk"
        with open(path, "wb") as f:
            f.write(bytes(4096))
        with open(path, "r+b") as f:
            self.disk = mmap.mmap(f.fileno(), 4096)
        self.env["LD_PRELOAD"] += ":" + DISK
        self.env["OPENLINE_DISK"] = path
        self.env["OPENLINE_DEEDS"] = self.deeds
        self.base = {} # as the last power cut left the ledger's files

    def order(self, op, how, nth, on):
        self.well()
        self.disk[16:20] = bytes(4) # fired
        self.disk[0:12] = struct.pack("=3I", OPS.index(op), HOWS.index(how),
                                      on)
        self.disk[12:16] = struct.pack("=I", nth)

    def well(self):
        self.disk[12:16] = bytes(4)
        self.disk[8:12] = bytes(4)
        self.disk[12:16] = bytes(4)

    def fired(self):
        return STATE.unpack_from(self.disk)[4]


    def rows_of_deeds(self):
        """(op, name, where, bytes, end of the row) of each deed told of."""
        with open(self.deeds, "rb") as f:
            data = f.read()
        at = 0
        while at + ROW.size <= len(data):
            op, n, where, name = ROW.unpack_from(data, at)
            at += ROW.size + n
            if at > len(data):
                return # it died while it told of this one
            yield (OPS[op], name.rstrip(b"\0").decode(), where,
                   data[at - n:at], at)

    def files(self):
        """The ledger's files after all that was done to them."""
        files = {name: File(data, True) for name, data in self.base.items()}
        for op, name, where, data, _ in self.rows_of_deeds():
            if name.startswith("ledger.db"):
                follow(files, op, name, where, data)
        return files

    def tear(self, n):
        """The kill hit while a deed was told of: some of its row is there."""
        row = ROW.pack(OPS.index("write"), 4096, 0, b"ledger.db-wal")
        with open(self.deeds, "ab") as f:
            f.write((row + bytes(4096))[:37 * n])

    def catch_up(self):
        """It died, and its machine lives on: what it had done and had not told
        of yet stands in the files. The next life builds on that, so it belongs
        to the deeds."""
        end = 0
        for *_, end in self.rows_of_deeds():
            pass
        os.truncate(self.deeds, end)
        files = self.files()
        with open(self.deeds, "ab") as deeds:
            for suffix in ("", "-wal", "-journal"):
                name = "ledger.db" + suffix
                for deed in untold(files.get(name), os.path.join(
                        self.dir, name)):
                    op, where, data = deed
                    deeds.write(ROW.pack(OPS.index(op), len(data), where,
                                         name.encode()) + data)

    def cut_power(self, chance):
        """All of the ledger that was never synced is gone, or some of it."""
        left = {}
        for name, file in self.files().items():
            if (file.there and (file.named or chance.random() < 0.5)) or \
                    (file.lingers and chance.random() < 0.5):
                left[name] = file.left(chance)
        for end in ("", "-wal", "-journal", "-shm"):
            path = os.path.join(self.dir, "ledger.db" + end)
            if os.path.exists(path):
                os.unlink(path)
            if "ledger.db" + end in left:
                with open(path, "wb", opener=private) as f:
                    f.write(left["ledger.db" + end])
        self.base = left
        os.unlink(self.deeds)


def untold(file, path):
    """What makes of a file as it was told of the one that is there."""
    was = file.machine() if file and file.there else None
    try:
        with open(path, "rb") as f:
            now = f.read()
    except FileNotFoundError:
        if was is not None:
            yield "delete", 0, b""
        return
    if was is None:
        yield "open", 0, b""
        was = b""
    if len(now) < len(was):
        yield "cut", len(now), b""
        was = was[:len(now)]
    was += bytes(len(now) - len(was))
    differ = [at for at in range(0, len(now), SECTOR)
              if now[at:at + SECTOR] != was[at:at + SECTOR]]
    # One call of one thread was under way.
    expect(not differ or differ[-1] - differ[0] <= MOST_AT_ONCE,
           f"{path} is another one than was told of, from {differ[:1]} to "
           f"{differ[-1:]}")
    if differ:
        yield "write", differ[0], now[differ[0]:differ[-1] + SECTOR]


def private(path, flags):
    return os.open(path, flags, 0o600)


def follow(files, op, name, at, data):
    file = files.get(name)
    if op == "open":
        if file is None or not file.there:
            files[name] = File()
    elif op == "write":
        file.loose.append((at, data))
    elif op == "cut":
        file.loose.append((at, None))
    elif op == "sync":
        file.sync()
        # The first sync of a log syncs its folder too.
        if not file.named and not name.endswith(".db"):
            folder_synced(files)
    elif op == "delete" and file is not None:
        file.there, file.lingers = False, file.named
        if at:
            folder_synced(files)


def folder_synced(files):
    for file in files.values():
        file.named, file.lingers = file.there, False
