#!/usr/bin/env python3
"""One station moves to another address every ten seconds; the other is only
reachable through a SOCKS5 proxy. The same over udp, every five seconds.

         namespace a                           namespace b
    north, tcp through the proxy ==path 1==> 10.1.0.2:1080, the proxy
    10.1.0.10, .11, .12 ...                       |
                                              [::1]:4430, south

1,000 messages, exactly once, in order; no name server is ever asked for the
name that only the proxy knows; the seconds of each outage are printed.
"""

import os
import socket
import subprocess
import sys
import threading
import time

from lab import HERE, PATIENCE_S, Lab, Namespace, expect, main, run, say, \
    wait_for
from station import PORT, Station, pair
from talk import Talk, audit, keep_evidence, sender

MESSAGES = 500  # each way
MOVES = 3
NAME = "south.onion.invalid"
LOGIN = "north:s3cret"


class Proxy:
    def __init__(self, lab, port=1080):
        self.lab = lab
        self.log = os.path.join(lab.dir, "proxy.log")
        self.at = f"{LOGIN}@{lab.address(1, 'b')}:{port}"
        self.process = None
        self.start()

    def start(self):
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            self.lab.inside("b", sys.executable, os.path.join(HERE, "socks.py"),
                            self.at, f"[::1]:{PORT}"),
            stdin=subprocess.PIPE, text=True,
            stdout=open(self.log, "a", encoding="utf-8"))
        wait_for("the proxy", 10, lambda: "ready" in self.words())

    def words(self):
        with open(self.log, encoding="utf-8") as f:
            return f.read()

    def stop(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE_S)


class NameServer:
    """Counts what is asked of the name server of a namespace."""

    def __init__(self, lab, side):
        with Namespace(lab.names[side]):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        self.socket.setblocking(False)

    def asked(self):
        queries = []
        while True:
            try:
                queries.append(self.socket.recv(512))
            except BlockingIOError:
                return queries


def move(lab, side, k, n):
    """Another address on a path, and the old one is gone."""
    ip = ("ip", "-n", lab.names[side])
    run(*ip, "-4", "addr", "flush", "dev", f"path{k}")
    run(*ip, "addr", "add", f"10.{k}.0.{n}/24", "dev", f"path{k}")


def roam(lab, stations, k, move_s):
    """Moves north MOVES times while both talk; returns the talks."""
    north, south = stations
    talks = [Talk(north, south, lab.seed), Talk(south, north, lab.seed)]
    stop = threading.Event()
    gap = (MOVES + 0.4) * move_s / MESSAGES
    threads = [threading.Thread(target=sender, args=(t, MESSAGES, gap, stop))
               for t in talks]
    for t in threads:
        t.start()
    try:
        for n in range(MOVES):
            time.sleep(move_s)  # the story itself
            move(lab, "a", k, 10 + n)
            moved = time.monotonic()
            probe = Talk(south, north, f"{lab.seed} probe {n}")
            probe.prefix = f"probe{n}-"
            probe.burst(1, size=100, precedence="flash")
            probe.settle(10, every=0.05)
            say(f"move {n + 1}: a message of south's was there after "
                f"{time.monotonic() - moved:.2f} s")
    finally:
        for t in threads:
            t.join(PATIENCE_S)
        stop.set()
    return talks


def check(talks, stations):
    started = time.monotonic()
    for talk in talks:
        expect(len(talk.said) == MESSAGES, f"{len(talk.said)} were said")
        talk.settle(20)
    say(f"{2 * MESSAGES} messages, all there {time.monotonic() - started:.2f} "
        f"s after the last")
    for talk in talks:
        talk.check()
    audit(*stations)


def on_proxy(lab, north, south, proxy):
    servers = NameServer(lab, "a")
    for station in (north, south):
        station.start()
    for me, peer in ((north, south), (south, north)):
        me.ready()
        wait_for(f"cable to be up at {me.name}", 20, lambda m=me, p=peer:
                 m.channels(p.name).get("cable") == "up")
    talks = roam(lab, (north, south), 1, 10)
    check(talks, (north, south))
    expect(proxy.words().count(f"asked {NAME} {PORT}") > MOVES,
           f"the proxy was asked: {proxy.words()}")
    expect(not servers.asked(), "a name server was asked for a name")
    with open(north.log, encoding="utf-8") as f:
        expect("s3cret" not in f.read(), "the log shows the password")
    proxy.stop()
    wait_for("doctor to name the proxy", 20, lambda: "refused by the proxy" in
             north.cli("doctor", status=None).stdout)
    told = north.cli("doctor", status=1).stdout + str(north.call("status"))
    expect("s3cret" not in told, "the password is shown")


def proxied():
    with Lab(paths=1) as lab:
        proxy = Proxy(lab)
        north, south = Station(lab, "a", "north"), Station(lab, "b", "south")
        pair(north, south,
             [f"cable tcp://{NAME}:{PORT} proxy=socks5://{proxy.at}"],
             ["cable accept=tcp"], probe="1s", hold="5s")
        south.configure([f"tcp://[::1]:{PORT}"])
        try:
            on_proxy(lab, north, south, proxy)
        except BaseException:
            keep_evidence(lab, north, south)
            raise
        finally:
            if proxy.process.poll() is None:
                proxy.stop()


def udp():
    """Without a proxy, over udp; south only accepts."""
    with Lab(paths=1) as lab:
        north, south = Station(lab, "a", "north"), Station(lab, "b", "south")
        pair(north, south, [f"radio udp://10.1.0.2:{PORT}"],
             ["radio accept=udp"], probe="5s", hold="15s")
        lab.wire.tell("path 1 delay 30")
        try:
            for station in (north, south):
                station.start()
            for me, peer in ((north, south), (south, north)):
                me.ready()
                wait_for(f"radio to be up at {me.name}", 20,
                         lambda m=me, p=peer:
                         m.channels(p.name).get("radio") == "up")
            check(roam(lab, (north, south), 1, 5), (north, south))
        except BaseException:
            keep_evidence(lab, north, south)
            raise


if __name__ == "__main__":
    sys.exit(main({"proxy_roaming": proxied, "udp_roaming": udp}))
