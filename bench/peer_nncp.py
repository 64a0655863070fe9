"""NNCP behind the calls of bench/peers.py: files that are handed on.

    with peer_nncp.nncp(world, [1, 2]) as peer: ...         as in peers.py

Each message is a file, queued by `nncp-file`, which syncs it in the sender's
spool; `nncp-caller` at a stays connected to `nncp-daemon` at b. A message
counts as committed when its packet is whole in the receiver's spool (to toss
it from there into a file that can be read would take longer), and as
acknowledged when the sender's packet is gone. The kernel tells of both
(inotify).
"""

import ctypes
import json
import os
import re
import struct
import subprocess
import threading
import time

import measure
import peers
from measure import net

PORT = 5400
STAY_S = 3600
FIRST_S = 30
PACKET = re.compile(r"[A-Z2-7]{52}\Z") # the hash of a whole one is its name
NODE = re.compile(r"^\s+(id|\w+p(?:ub|rv)): (\w+)$", re.M)
PUBLIC = ("id", "exchpub", "signpub", "noisepub")
IN_MOVED_TO, IN_DELETE, IN_CREATE = 0x80, 0x200, 0x100
libc = ctypes.CDLL(None, use_errno=True)


class Folders:
    """Tells what becomes of packets: told(folder, kind, name, when)."""

    def __init__(self, folders, told):
        self.fd, self.told, self.folders = libc.inotify_init1(0), told, {}
        net.expect(self.fd >= 0, "no inotify")
        for folder in folders:
            os.makedirs(folder)
            self.folders[libc.inotify_add_watch(
                self.fd, folder.encode(), IN_MOVED_TO | IN_DELETE |
                IN_CREATE)] = folder
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            data, at = os.read(self.fd, 1 << 16), 0
            now = time.monotonic()
            while at < len(data):
                watch, mask, _, size = struct.unpack_from("iIII", data, at)
                name = data[at + 16:at + 16 + size].rstrip(b"\0").decode()
                at += 16 + size
                if PACKET.match(name):
                    self.told(self.folders[watch], mask & IN_DELETE, name, now)


class Said:
    """One command: so many files one after the other, every gap_s or with at
    most `window` outstanding."""

    def __init__(self, peer, count, size, gap_s=0, window=0):
        self.peer, self.size, self.at = peer, size, []
        self.stopped = False
        self.first = len(peer.queued)
        self.thread = threading.Thread(target=self.say, daemon=True,
                                       args=(count, gap_s, window))
        self.thread.start()

    def say(self, count, gap_s, window):
        begin = time.monotonic()
        for k in range(count):
            time.sleep(max(0, begin + k * gap_s - time.monotonic()))
            while window and not self.stopped and self.open() >= window:
                time.sleep(0.001)
            if self.stopped:
                return
            self.at.append(time.monotonic())
            self.peer.queue(self.size)

    def open(self):
        """How many are not acknowledged."""
        return len(self.at) - sum(name in self.peer.gone for name in
                                  self.peer.queued[self.first:])

    def wait(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and (self.thread.is_alive() or
                                          self.open()):
            time.sleep(0.005)
        self.stopped = True
        self.thread.join(net.PATIENCE_S)
        names = self.peer.queued[self.first:]
        return [peers.Sent(at, self.peer.came.get(name),
                           self.peer.gone.get(name))
                for at, name in zip(self.at, names)]


def new_node():
    """{name: key} of a node, by its own tool."""
    return dict(NODE.findall(net.run(peers.program("nncp-cfgnew"),
                                     "-nocomments")))


class Nncp(peers.Peer):
    outstanding_most = 256 # more would be minutes of starting nncp-file

    def __init__(self, world, paths):
        super().__init__(
            world, "NNCP", "nncp", paths, encrypted="yes, also at rest",
            durable="yes: each packet is a file, synced in both spools",
            settings=f"nncp-caller, who stays {STAY_S} s, every address of the "
            "daemon; no padding; a file a message, counted when its packet is "
            "whole in the receiver's spool")
        self.queued, self.came, self.gone = [], {}, {}
        self.tx = self.rx = None

    def conf(self, side):
        return f"{self.file}-{side}.json"

    def told(self, folder, deleted, name, when):
        if folder == self.rx and not deleted:
            self.came.setdefault(name, when)
        elif folder == self.tx and deleted:
            self.gone.setdefault(name, when)
        elif folder == self.tx:
            self.queued.append(name)

    def talk(self):
        nodes = {side: new_node() for side in net.SIDES}
        spools = {side: f"{self.file}-spool-{side}" for side in net.SIDES}
        for side, other in zip("ab", "ba"):
            neighbour = {k: nodes[other][k] for k in PUBLIC}
            if side == "a":
                neighbour["addrs"] = {f"way{k}": f"{address}:{PORT}" for
                                      k, address in enumerate(self.addresses)}
                neighbour["calls"] = [{"cron": "* * * * * * *",
                                       "onlinedeadline": STAY_S}]
            conf = {"spool": spools[side], "log": f"{self.file}-{side}.log",
                    "self": nodes[side], "neigh":
                    {"self": {k: nodes[side][k] for k in PUBLIC},
                     "other": neighbour}}
            with open(self.conf(side), "w", encoding="utf-8") as f:
                json.dump(conf, f)
        self.tx = os.path.join(spools["a"], nodes["b"]["id"], "tx")
        self.rx = os.path.join(spools["b"], nodes["a"]["id"], "rx")
        Folders((self.tx, self.rx), self.told)
        self.launch("b", peers.program("nncp-daemon"), "-quiet", "-cfg",
                    self.conf("b"), "-bind", f"{self.ear()}:{PORT}",
                    talks=False)
        peers.await_port(self, PORT)
        self.launch("a", peers.program("nncp-caller"), "-quiet", "-cfg",
                    self.conf("a"), talks=False)
        first, = self.paced(1, 0, 200).wait(FIRST_S) # the call is made
        net.expect(first.acked, "NNCP's first packet did not arrive")

    def queue(self, size):
        subprocess.run([peers.program("nncp-file"), "-quiet", "-noprogress",
                        "-minsize", "0", "-cfg", self.conf("a"), "-",
                        "other:m"], input=bytes(size), check=True,
                       timeout=net.PATIENCE_S, capture_output=True)

    def paced(self, count, gap_s, size):
        return Said(self, count, size, gap_s=gap_s)

    def flood(self, count, window, size, seconds=120):
        return peers.rate(Said(self, count, size, window=window).wait(seconds),
                          count)

    def pace(self, window, size, seconds):
        return self.flood(max(3, window), window, size)


def nncp(world, paths):
    peers.tuned(world)
    return peers.opened(Nncp(world, paths))
