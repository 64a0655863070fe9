#!/usr/bin/env python3
"""A path that loses 10, 30 and 50 %: urgent messages beside kernel TCP.

One udp path of 100 ms there and back, 200 bytes every 200 ms. TCP (Nagle off,
not encrypted) is under a small program that syncs each message on both sides;
it has its turn in the same run. Bytes are what entered the wire, both ways, IP
heads counted.
"""

import os
import socket
import statistics
import sys
import tempfile
import threading
import time

import beside
import measure
import urgent_lib as urgent
from measure import net
from station import channel

RUNS = measure.RUNS
TCP_PORT = 4999
NAMES = {"priority": "openline PRIORITY", "flash": "openline FLASH",
         "tcp": "TCP"}
GOALS = {(30, "priority"): "<= 350", (30, "flash"): "<= 150"}


def exactly(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def tcp(world, come):
    """say_one over kernel TCP; each side syncs before it goes on."""
    server = world.socket("b", socket.SOCK_STREAM)
    server.bind((world.address(1, "b"), TCP_PORT))
    server.listen(1)
    client = world.socket("a", socket.SOCK_STREAM)
    client.connect((world.address(1, "b"), TCP_PORT))
    peer = server.accept()[0]
    for sock in (client, peer):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    files = [tempfile.TemporaryFile(dir=world.dir) for _ in "ab"]

    def keep(file, data):
        file.write(data)
        file.flush()
        os.fdatasync(file.fileno())

    def read():
        try:
            while True:
                keep(files[1], exactly(peer, 204))
                come.one(time.monotonic())
                peer.sendall(b"held")
        except (EOFError, OSError):
            pass

    def drain():
        try:
            while client.recv(4096):
                pass
        except OSError:
            pass
    for work in (read, drain):
        threading.Thread(target=work, daemon=True).start()

    def one():
        keep(files[0], b"0200" + urgent.TEXT.encode())
        client.sendall(b"0200" + urgent.TEXT.encode())
    return one, (client, peer, server)


def at99(times):
    return urgent.at(times, 0.99)


def measured(world, one, come, count, must=True):
    before = urgent.wire_bytes(world)
    times, last = urgent.say(one, come, count, 0.2, must=must)
    time.sleep(3)
    return times, (urgent.wire_bytes(world) - before) / count, last


def loss(runs=RUNS, count=60):
    rows = [["loss", "what", "p50 ms", "p99 ms", "last after s",
             "bytes each"]]
    for percent in (10, 30, 50):
        seen = {}
        for _ in range(runs):
            with net.Lab(paths=1) as world:
                world.wire.tell("path 1 delay 50")
                north, south = measure.line(
                    world, [channel(world, "way", "udp", 1, "b")],
                    ["way accept=udp"])
                come = urgent.Come()
                urgent.watch(south, come)
                plain = urgent.Come()
                one_tcp, sockets = tcp(world, plain)
                world.wire.tell(f"path 1 loss {percent}")
                for what in ("priority", "flash"):
                    one = urgent.speaker(north, what)
                    urgent.say(one, come, 20, 0.2)
                    seen.setdefault(what, []).append(
                        measured(world, one, come, count))
                for station in (north, south):
                    station.stop()
                seen.setdefault("tcp", []).append(
                    measured(world, one_tcp, plain, count, must=False))
                for sock in sockets:
                    sock.close()
        for what, got in seen.items():
            times = sum((g[0] for g in got), [])
            rows.append([f"{percent} %", what, f"{urgent.at(times, .5):.0f}",
                         f"{urgent.at(times, .99):.0f}",
                         f"{max(g[2] for g in got):.1f}",
                         f"{statistics.median(g[1] for g in got):.0f}"])
            part = f"{percent} % lost"
            measure.figure("loss", NAMES[what], at99(times), "ms",
                           GOALS.get((percent, what)), part=part + ", p99")
            measure.figure("loss", NAMES[what], statistics.median(
                g[1] for g in got), "B", part=part + ", bytes each")
    beside.loss(runs, count, (10, 30, 50), "{} % lost, p99".format)
    print(f"one path of 100 ms, {runs} runs of {count} messages each")
    measure.table(rows)


if __name__ == "__main__":
    sys.exit(urgent.main(measure, loss))
