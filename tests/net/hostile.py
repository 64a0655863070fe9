#!/usr/bin/env python3
"""A stranger who floods, and one who has recorded the line and replays it.

    north 10.K.0.1 ===== wire with taps ===== 10.K.0.2 south
                                              10.K.0.2 the stranger's sockets

While the two stations talk, a stranger at south's end sends garbage to
north's ports, damaged and truncated copies of real packets, holds hundreds of
idle connections, and replays what the taps recorded: from its own sockets, and
by the wire as if south had sent it. Garbage gets not one byte of answer. A
replayed knock may get the cached response (protocol.md 2), so a replay gets at
most as many bytes as it cost. The line goes on throughout, nothing is doubled.
"""

import os
import select
import socket
import sys
import threading
import time

from lab import PATIENCE_S, Lab, expect, main, say, wait_for
from pcap import TCP, UDP, payloads
from station import PORT, await_state, two_stations
from storm import in_thread
from talk import Talk, audit, keep_evidence, sender

MESSAGES = 200
GARBAGE_DATAGRAMS = 20000
GARBAGE_STREAMS = 100
IDLE_STREAMS = 200
LISTEN_S = 1 # how long a stranger waits for an answer
SETTLE_S = 30


class Stranger:
    """Sockets at south's end that belong to no station."""

    def __init__(self, lab, k):
        self.lab = lab
        self.to = (lab.address(k, "a"), PORT)
        self.udp = lab.socket("b", socket.SOCK_DGRAM)
        self.udp.connect(self.to)
        self.udp.setblocking(False)
        self.sent = self.answered = 0

    def reset(self):
        self.sent = self.answered = 0

    def throw(self, data):
        """One datagram; collects what has come back meanwhile."""
        try:
            self.sent += self.udp.send(data)
        except (BlockingIOError, ConnectionRefusedError):
            pass
        self.collect(0)

    def collect(self, seconds):
        while select.select([self.udp], [], [], seconds)[0]:
            try:
                self.answered += len(self.udp.recv(65535))
            except ConnectionRefusedError:
                pass

    def stream(self):
        s = self.lab.socket("b", socket.SOCK_STREAM)
        s.settimeout(PATIENCE_S)
        s.connect(self.to)
        return s

    def pour(self, data):
        """A connection of its own; reads until it is closed or silent."""
        with self.stream() as s:
            s.settimeout(LISTEN_S)
            try:
                s.sendall(data)
                self.sent += len(data)
                while got := s.recv(65535):
                    self.answered += len(got)
            except OSError: # a timeout, or it hung up on us, as it may
                pass


def recorded_streams(file):
    """The byte streams of a tap's TCP connections, as well as they can be
    put together: segments by sequence number, each byte once."""
    parts = sorted(set(payloads(file, TCP, PORT)))
    stream, upto = b"", None
    for at, data in parts:
        if upto is None or at > upto: # a gap: another connection
            if stream:
                yield stream
            stream, upto = b"", at
        stream += data[upto - at:]
        upto = max(upto, at + len(data))
    if stream:
        yield stream


def record(lab, talks):
    """Has all be said over the first path, then over the second, while their
    taps run."""
    for k in (1, 2):
        lab.wire.tell("path all cut", f"path {k} up")
        for talk in talks:
            talk.burst(20)
        for talk in talks:
            talk.settle(SETTLE_S)
    lab.wire.tell("path all up", "path 1 untap ba", "path 2 untap ba")


def throw_garbage(lab, stranger, files):
    rng = lab.random
    real = [data for _, data in payloads(files["udp"], UDP, PORT)]
    expect(real, "the tap recorded no datagram")
    for i in range(GARBAGE_DATAGRAMS):
        data = bytearray(rng.choice(real))
        if i % 3 == 0:
            data = rng.randbytes(rng.randrange(1400))
        elif i % 3 == 1:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        else:
            del data[rng.randrange(len(data)):]
        stranger.throw(data)
        if i % 100 == 0:
            time.sleep(0.01) # a flood, yet not only of the socket buffer
    stranger.collect(LISTEN_S)
    streams = list(recorded_streams(files["tcp"]))
    expect(streams, "the tap recorded no stream")

    threads = []
    for i in range(GARBAGE_STREAMS):
        data = rng.randbytes(rng.randrange(1, 20000))
        if i % 3 == 1: # a good length in front of garbage
            data = (200).to_bytes(2, "big") + data
        if i % 3 == 2: # a real stream with a wrong byte in each frame
            data = bytearray(rng.choice(streams))
            for at in range(10, len(data), 25):
                data[at] ^= 0x5a
        threads.append(threading.Thread(target=stranger.pour,
                                        args=(bytes(data),), daemon=True))
    for t in threads:
        t.start()
    for t in threads:
        t.join(PATIENCE_S)
    say(f"garbage: {stranger.sent} bytes sent, {stranger.answered} answered")
    expect(stranger.answered == 0,
           f"a stranger's garbage got {stranger.answered} bytes of answer")


def replay(lab, stranger, files):
    stranger.reset()
    for _, data in payloads(files["udp"], UDP, PORT):
        stranger.throw(data)
    stranger.collect(LISTEN_S)
    for stream in recorded_streams(files["tcp"]):
        stranger.pour(stream)
    say(f"replay: {stranger.sent} bytes sent, {stranger.answered} answered")
    expect(stranger.answered <= stranger.sent,
           "a replay is answered with more bytes than it cost")
    for _ in range(3):
        lab.wire.tell(f"path 2 replay {files['udp']} ba")


def hold_idle(lab, stations, stranger):
    """Silent connections must not keep a station from coming back."""
    idle = [stranger.stream() for _ in range(IDLE_STREAMS)]
    south = stations[1]
    south.kill()
    south.start()
    south.ready()
    wait_for("all channels up beside idle strangers", 30, lambda:
             set(stations[0].channels("south").values()) == {"up"} and
             set(south.channels("north").values()) == {"up"}, 0.2)
    for s in idle:
        s.close()


def hostile_on(lab, stations, files):
    north, south = stations
    talks = [Talk(north, south, lab.seed), Talk(south, north, lab.seed)]
    record(lab, talks)
    await_state(stations, ("open",), 20)
    stop = threading.Event()
    joins = [in_thread(sender, t, MESSAGES, 0.05, stop) for t in talks]
    stranger = Stranger(lab, 1)
    try:
        throw_garbage(lab, stranger, files)
        replay(lab, stranger, files)
        hold_idle(lab, stations, stranger)
    except BaseException:
        stop.set()
        raise
    for join in joins:
        wait_for("the senders to finish", 60, lambda j=join: j(1))
    for talk in talks:
        talk.settle(SETTLE_S)
        talk.check()
        talk.check_texts()
    audit(north, south)


def hostile():
    with Lab(paths=3) as lab:
        files = {kind: os.path.join(lab.dir, kind + ".pcap")
                 for kind in ("tcp", "udp")}
        lab.wire.tell(f"path 1 tap {files['tcp']} ba",
                      f"path 2 tap {files['udp']} ba", "path all delay 5")
        stations = two_stations(lab, probe="1s", hold="5s")
        try:
            hostile_on(lab, stations, files)
        except BaseException:
            keep_evidence(lab, *stations)
            raise


if __name__ == "__main__":
    sys.exit(main({"hostile": hostile}))
