#!/usr/bin/env python3
"""Networks that come and go while the station runs, and how many seconds pass
until it speaks again: a link that goes down and up, a start before there is
any network, a process that stands still, a name that gets another address."""

import os
import signal
import sys
import time

from lab import Lab, Skip, expect, main, run, say, wait_for
from station import PORT, Station, pair
from talk import Talk, audit, keep_evidence

SLOW = {"probe": "20s", "hold": "30s"}
QUICK = {"probe": "1s", "hold": "3s"}
# It takes 0 to 2 s; without the mechanism the next probe, 25 s. What lies
# between is for a busy machine.
SOON_S = 10


def ip(lab, side, *command):
    run("ip", "-n", lab.names[side], *command)


def up(stations, channels, seconds=20):
    for me, peer in (stations, stations[::-1]):
        wait_for(f"{channels} to be up at {me.name}", seconds,
                 lambda m=me, p=peer: all(m.channels(p.name).get(c) == "up"
                                          for c in channels))


def speaks(speaker, listener, tag, what, bound):
    """One message; says how long it took from now."""
    started = time.monotonic()
    talks = [Talk(speaker, listener, f"{tag} {speaker.lab.seed}")]
    for talk in talks:
        talk.prefix += tag + "-"
        talk.burst(1, size=200)
    for talk in talks:
        talk.settle(100, every=0.05)
    took = time.monotonic() - started
    say(f"{what}: a message of {speaker.name}'s after {took:.2f} s")
    if not os.environ.get("OPENLINE_MEASURE"):
        expect(took < bound, f"{what}: {took:.1f} s, more than {bound}")


def two(lab, to_south, to_north, listen=None, **settings):
    north, south = Station(lab, "a", "north"), Station(lab, "b", "south")
    pair(north, south, to_south, to_north, listen=listen, **settings)
    return north, south


def scene(lab, stations, play):
    try:
        play()
        audit(*stations)
    except BaseException:
        keep_evidence(lab, *stations)
        raise


def link():
    """The cable of north is pulled and plugged in; its address changes."""
    with Lab(paths=1) as lab:
        stations = two(lab, [f"cable tcp://10.1.0.2:{PORT}",
                             f"radio udp://10.1.0.2:{PORT}"],
                       ["cable accept=tcp", "radio accept=udp"], **SLOW)

        def play():
            for station in stations:
                station.start()
            for station in stations:
                station.ready()
            up(stations, ("cable", "radio"))
            ip(lab, "a", "link", "set", "path1", "down")
            time.sleep(4)
            ip(lab, "a", "link", "set", "path1", "up")
            speaks(*stations[::-1], "plug", "the link was down for 4 s", SOON_S)
            up(stations, ("cable", "radio"), 60)
            ip(lab, "a", "-4", "addr", "flush", "dev", "path1")
            ip(lab, "a", "addr", "add", "10.1.0.9/24", "dev", "path1")
            # South cannot call north: it depends on north to say so.
            speaks(*stations[::-1], "addr", "north has another address",
                   SOON_S)
            up(stations, ("cable", "radio"), 90)
        scene(lab, stations, play)


def flood():
    """More changes at once than the kernel keeps for north; then one more."""
    with Lab(paths=1) as lab:
        stations = two(lab, [f"cable tcp://10.1.0.2:{PORT}",
                             f"radio udp://10.1.0.2:{PORT}"],
                       ["cable accept=tcp", "radio accept=udp"], **SLOW)
        north = stations[0]
        batch = os.path.join(lab.dir, "flood")
        with open(batch, "w", encoding="ascii") as f:
            for n in range(2000):
                f.write(f"addr add 10.9.{n // 250}.{n % 250 + 1}/32 dev lo\n")
                f.write(f"addr del 10.9.{n // 250}.{n % 250 + 1}/32 dev lo\n")

        def play():
            for station in stations:
                station.start()
            for station in stations:
                station.ready()
            up(stations, ("cable", "radio"))
            north.process.send_signal(signal.SIGSTOP)
            ip(lab, "a", "-batch", batch)
            north.process.send_signal(signal.SIGCONT)
            up(stations, ("cable", "radio"))
            time.sleep(3)
            ip(lab, "a", "-4", "addr", "flush", "dev", "path1")
            ip(lab, "a", "addr", "add", "10.1.0.9/24", "dev", "path1")
            speaks(*stations[::-1], "flood", "north has another address, "
                   "after messages of the kernel were lost", SOON_S)
        scene(lab, stations, play)


def late():
    """North starts without any network, and listens on an address to come."""
    with Lab(paths=1) as lab:
        stations = two(lab, [f"radio udp://10.1.0.2:{PORT}"],
                       [f"radio udp://10.1.0.1:{PORT}"],
                       listen=[f"udp://10.1.0.{n}:{PORT}" for n in (1, 2)],
                       **SLOW)
        for n, station in enumerate(stations, 1):
            station.configure([f"udp://10.1.0.{n}:{PORT}"])

        def play():
            ip(lab, "a", "link", "set", "lo", "down")
            ip(lab, "a", "link", "set", "path1", "down")
            ip(lab, "a", "-4", "addr", "flush", "dev", "path1")
            for station in stations:
                station.start()
            for station in stations:
                station.ready()
            told = stations[0].cli("doctor", status=None).stdout
            expect("does not have" in told, f"doctor: {told:.400}")
            stations[0].call("send", peer="south", text="before any network")
            time.sleep(2)
            ip(lab, "a", "link", "set", "path1", "up")
            ip(lab, "a", "addr", "add", "10.1.0.1/24", "dev", "path1")
            speaks(*stations[::-1], "late", "north was started before its "
                   "network", SOON_S)
            up(stations, ("radio",))
        scene(lab, stations, play)


def stopped():
    """North stands still for longer than the hold time, as if asleep."""
    with Lab(paths=1) as lab:
        stations = two(lab, [f"cable tcp://10.1.0.2:{PORT}",
                             f"radio udp://10.1.0.2:{PORT}"],
                       ["cable accept=tcp", "radio accept=udp"], **QUICK)
        north, south = stations

        def play():
            for station in stations:
                station.start()
            for station in stations:
                station.ready()
            up(stations, ("cable", "radio"))
            north.process.send_signal(signal.SIGSTOP)
            wait_for("south to be dark", 15,
                     lambda: south.state("north") == "dark")
            time.sleep(3)
            north.process.send_signal(signal.SIGCONT)
            speaks(*stations[::-1], "wake", "north stood still", SOON_S)
            up(stations, ("cable", "radio"))
        scene(lab, stations, play)


def name():
    """South moves, and its name with it; north only knows the name."""
    with Lab(paths=1) as lab:
        lab.hosts("a", {"south.example": "10.1.0.2"})
        stations = two(lab, [f"cable tcp://south.example:{PORT}",
                             f"radio udp://south.example:{PORT}"],
                       ["cable accept=tcp", "radio accept=udp"], **QUICK)

        def play():
            for station in stations:
                station.start()
            for station in stations:
                station.ready()
            up(stations, ("cable", "radio"))
            lab.hosts("a", {"south.example": "10.1.0.7"})
            ip(lab, "b", "-4", "addr", "flush", "dev", "path1")
            ip(lab, "b", "addr", "add", "10.1.0.7/24", "dev", "path1")
            speaks(*stations, "name", "south's name has another address",
                   30)
            up(stations, ("cable", "radio"), 60)
            # Gone from the name server for a while: told in words, no harm.
            lab.hosts("a", {})
            ip(lab, "b", "-4", "addr", "flush", "dev", "path1")
            ip(lab, "b", "addr", "add", "10.1.0.8/24", "dev", "path1")
            wait_for("status to say that the name does not resolve", 30,
                     lambda: any("cannot resolve south.example" in
                                 c["transport"] for c in
                                 stations[0].line("south")["channels"]))
            lab.hosts("a", {"south.example": "10.1.0.8"})
            speaks(*stations, "back", "the name is there again", 30)
        scene(lab, stations, play)


def kinds():
    """A name has an IPv6 address where nobody is, and one that works."""
    with Lab(paths=1) as lab:
        if not lab.has_ipv6():
            raise Skip("this kernel has no IPv6")
        lab.hosts("a", {"south.example": "fd01::99 10.1.0.2"})
        stations = two(lab, [f"cable tcp://south.example:{PORT}",
                             f"radio udp://south.example:{PORT}"],
                       ["cable accept=tcp", "radio accept=udp"], **SLOW)

        def play():
            for station in stations:
                station.start()
            started = time.monotonic()
            for station in stations:
                station.ready()
            for name, bound in (("cable", SOON_S), ("radio", 18)):
                up(stations, (name,))
                took = time.monotonic() - started
                say(f"{name} up after {took:.2f} s")
                expect(took < bound, f"{name}: {took:.1f} s")
        scene(lab, stations, play)


if __name__ == "__main__":
    sys.exit(main({"networks_" + f.__name__: f
                   for f in (link, flood, late, stopped, name, kinds)}))
