"""A stranger's flood: what tests/net/flood.py and bench/flood.py share.

    recorded = Recorded(lab)             # before the stations start
    with Flood(lab, kind, recorded, rate) as flood: ...

`Flood` is a process of its own at side b. It sends `rate` packets a second to
north's udp port from many sockets, or opens as many connections a second as it
can, up to `rate`, to its tcp port; it counts every byte that comes back.
"""

import multiprocessing
import os
import random
import select
import socket
import time

from lab import Namespace, expect, say, wait_for
from pcap import UDP, payloads
from station import PORT

SOCKETS = 64
ABREAST = 50 # requests of one client without an answer yet
STEP_S = 0.002
KNOCK, RESPONSE, BEHIND, FRAME = 1, 2, 3, 4

DATAGRAMS = ("random", "frames", "knocks", "forged", "replays")
STREAMS = ("connections", "talkers")
KINDS = DATAGRAMS + STREAMS
WORDS = {
    "random": "random bytes",
    "frames": "frames of a known index, with a random counter and tag",
    "knocks": "knocks of no line",
    "forged": "knocks with a real short hash and a broken seal",
    "replays": "real knocks and frames, recorded and sent again",
    "connections": "connections that say nothing",
    "talkers": "connections that send forged and recorded packets",
}


class Recorded:
    """What a tap on path k saw from south to north, as a thief would."""

    def __init__(self, lab, k=2):
        self.lab, self.k = lab, k
        self.file = os.path.join(lab.dir, "recorded.pcap")
        lab.wire.tell(f"path {k} tap {self.file} ba")

    def seen(self, packet):
        return [d for _, d in payloads(self.file, UDP, PORT)
                if d and d[0] == packet]

    def await_knock(self):
        wait_for("a knock on the tap", 20, lambda: self.seen(KNOCK))

    def stop(self):
        self.lab.wire.tell(f"path {self.k} untap ba")
        self.knocks, self.frames = self.seen(KNOCK), self.seen(FRAME)
        expect(self.knocks and self.frames,
               f"recorded {len(self.knocks)} knocks, {len(self.frames)} "
               "frames: not both")

    def packets(self, kind, rng, count=2000):
        """What a flood of this kind sends."""
        def broken(packet):
            at = rng.randrange(25, len(packet))
            return packet[:at] + bytes([packet[at] ^ 1]) + packet[at + 1:]
        make = {
            "random": lambda: rng.randbytes(rng.randrange(1, 1200)),
            "frames": lambda: rng.choice(self.frames)[:5] +
            rng.randbytes(rng.randrange(20, 1190)),
            "knocks": lambda: bytes([KNOCK]) +
            rng.randbytes(rng.randrange(100, 400)),
            "forged": lambda: broken(rng.choice(self.knocks)),
            "replays": lambda: rng.choice(
                self.knocks if rng.random() < 0.5 else self.frames),
        }
        return [make[kind]() for _ in range(count)]


def pour(sockets, packets, rate, stop, counts):
    """Datagrams at a pace; a late step is made up for, a lost second not."""
    begin, sent = time.monotonic(), 0
    while not stop.is_set():
        due = int((time.monotonic() - begin) * rate) - sent
        if due > rate:
            sent += due - rate # the machine was elsewhere
            due = rate
        for _ in range(due):
            try:
                sockets[sent % SOCKETS].send(packets[sent % len(packets)])
                counts[0] += 1
            except OSError:
                pass
            sent += 1
        collect(sockets, 0, counts)
        time.sleep(STEP_S)
    collect(sockets, 0.3, counts)


def collect(sockets, seconds, counts):
    """What came back."""
    while ready := select.select(sockets, [], [], seconds)[0]:
        for s in ready:
            try:
                note(counts, s.recv(65535))
            except OSError:
                pass


def note(counts, answer):
    """Bytes, and which: responses, behinds, anything else."""
    counts[1] += len(answer)
    what = answer[:1]
    counts[2 if what == bytes([RESPONSE]) else
           3 if what == bytes([BEHIND]) else 4] += bool(answer)


def besiege(enter, to, say_what, rate, stop, counts):
    """Connections, each as short as it can be; 200 are kept open."""
    begin, open_now, made = time.monotonic(), [], 0
    rng = random.Random(1)
    with enter:
        while not stop.is_set():
            if made > (time.monotonic() - begin) * rate:
                time.sleep(STEP_S)
                continue
            made += 1
            s = socket.socket()
            s.setblocking(False)
            try:
                s.connect(to)
            except BlockingIOError:
                pass
            except OSError:
                s.close()
                continue
            counts[0] += 1
            open_now.append(s)
            if len(open_now) > 200:
                end(open_now.pop(0), say_what, rng, counts)
        for s in open_now:
            end(s, say_what, rng, counts)


def end(s, say_what, rng, counts):
    """Says something if this kind does, and listens for what came back."""
    try:
        if say_what:
            packet = rng.choice(say_what)
            s.send(len(packet).to_bytes(2, "big") + packet)
        note(counts, s.recv(65535)[2:]) # behind its length
    except OSError:
        pass
    s.close()


class Flood:
    def __init__(self, lab, kind, recorded, rate, k=2):
        self.stop = multiprocessing.Event()
        self.counts = multiprocessing.Array("q", 5, lock=False)
        to = (lab.address(k, "a"), PORT)
        rng = random.Random(f"{lab.seed} {kind}")
        if kind in DATAGRAMS:
            sockets = [lab.socket("b", socket.SOCK_DGRAM)
                       for _ in range(SOCKETS)]
            for s in sockets:
                s.connect(to)
                s.setblocking(False)
            self.mine = sockets
            work = (pour, sockets, recorded.packets(kind, rng), rate)
        else:
            self.mine = []
            work = (besiege, Namespace(lab.names["b"]), to, None if
                    kind == "connections" else
                    recorded.packets("replays", rng, 500) +
                    recorded.packets("forged", rng, 500), rate)
        self.process = multiprocessing.Process(
            target=work[0], args=(*work[1:], self.stop, self.counts),
            daemon=True)

    def __enter__(self):
        self.process.start()
        self.began = time.monotonic()
        wait_for("the flood to begin", 5, lambda: self.counts[0] > 0, 0.01)
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.began
        self.stop.set()
        self.process.join(10)
        if self.process.is_alive():
            self.process.kill()
        for s in self.mine:
            s.close()

    @property
    def sent(self):
        return self.counts[0]

    @property
    def answered(self):
        return self.counts[1]

    @property
    def answers(self):
        """How many responses, behinds, and anything else."""
        return tuple(self.counts[2:])


def cpu_s(station):
    """Processor seconds that the daemon has used: the clock that
    clock_getcpuclockid(3) names, to the nanosecond."""
    return time.clock_gettime(~station.process.pid << 3 | 2)


class Pace:
    """How the line goes: messages one after the other, and many at once."""

    def __init__(self, north, south):
        self.ways = [(me, me.connect(), peer.name)
                     for me, peer in ((north, south), (south, north))]

    def one(self, way, precedence="routine"):
        """Seconds from send to delivered."""
        _, connection, peer = self.ways[way]
        begin = time.monotonic()
        taken = connection.call("send", peer=peer, text="x" * 200,
                                precedence=precedence)
        connection.call("wait", name=taken["id"], rung="delivered",
                        timeout_ms=30000)
        return time.monotonic() - begin

    def latencies(self, seconds):
        """Both ways in turn, each with a FLASH now and then."""
        end, taken, n = time.monotonic() + seconds, [], 0
        while time.monotonic() < end or n < 4:
            taken.append(self.one(n % 2, "flash" if n % 8 > 5 else
                                  "routine"))
            n += 1
        return sorted(taken)

    def throughput(self, count):
        """Messages a second, from both sides, until all are delivered."""
        begin, last = time.monotonic(), {}
        for at in range(0, count, ABREAST):
            n = min(ABREAST, count - at)
            for _, connection, peer in self.ways:
                for k in range(at, at + n):
                    connection.say("send", peer=peer,
                                   text=f"{k} " + "x" * 200)
            for way, (_, connection, _) in enumerate(self.ways):
                for _ in range(n):
                    last[way] = connection.heard()["id"]
        for way, (_, connection, _) in enumerate(self.ways):
            connection.call("wait", name=last[way], rung="delivered",
                            timeout_ms=60000)
        return 2 * count / (time.monotonic() - begin)

    def close(self):
        for _, connection, _ in self.ways:
            connection.close()


def middle(taken):
    return taken[len(taken) // 2]


def show(kind, flood, share):
    say(f"{kind}: {flood.sent / flood.seconds:,.0f} a second for "
        f"{flood.seconds:.1f} s, {flood.answered} bytes answered, "
        f"{share:.0%} of a core")
