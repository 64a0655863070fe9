#!/usr/bin/env python3
"""Where a channel may lead: IPv4, IPv6, names, and only one side that dials;
and what is said when it leads nowhere."""

import socket
import sys

from lab import Lab, Skip, expect, main, wait_for
from station import PORT, Station, await_state, channel, pair
from talk import Talk, keep_evidence

QUICK = {"probe": "1s", "hold": "5s"}


def meet(lab, channels, channels_other, up):
    """Pairs and starts two stations, waits until the channels `up` are up on
    both sides, and sends a message each way."""
    north, south = Station(lab, "a", "north"), Station(lab, "b", "south")
    pair(north, south, channels, channels_other, **QUICK)
    try:
        for station in (north, south):
            station.start()
        for me, peer in ((north, south), (south, north)):
            me.ready()
            wait_for(f"{up} to be up at {me.name}", 20, lambda m=me, p=peer:
                     all(m.channels(p.name).get(c) == "up" for c in up))
        for me, peer in ((north, south), (south, north)):
            talk = Talk(me, peer, lab.seed)
            talk.burst(1)
            talk.settle(10)
            talk.check()
    except BaseException:
        keep_evidence(lab, north, south)
        raise
    return north, south


def both_kinds(lab, toward, version):
    return [channel(lab, "cable", "tcp", 1, toward, version),
            channel(lab, "radio", "udp", 2, toward, version)]


def ipv4():
    with Lab(paths=2) as lab:
        meet(lab, both_kinds(lab, "b", 4), both_kinds(lab, "a", 4),
             ("cable", "radio"))


def ipv6():
    with Lab(paths=2) as lab:
        if not lab.has_ipv6():
            raise Skip("this kernel has no IPv6")
        meet(lab, both_kinds(lab, "b", 6), both_kinds(lab, "a", 6),
             ("cable", "radio"))


def names():
    with Lab(paths=2) as lab:
        lab.hosts("a", {"cable.south.example": lab.address(1, "b"),
                        "radio.south.example": lab.address(2, "b")})
        lab.hosts("b", {"cable.north.example": lab.address(1, "a"),
                        "radio.north.example": lab.address(2, "a")})
        meet(lab, *([f"cable tcp://cable.{peer}.example:{PORT}",
                     f"radio udp://radio.{peer}.example:{PORT}"]
                    for peer in ("south", "north")), ("cable", "radio"))


def accept_only():
    """North cannot dial, as if south sat behind a NAT."""
    with Lab(paths=2) as lab:
        meet(lab, ["cable accept=tcp", "radio accept=udp"],
             both_kinds(lab, "a", 4), ("cable", "radio"))


def port_in_use():
    with Lab(paths=1) as lab:
        north, south = Station(lab, "a", "north"), Station(lab, "b", "south")
        pair(north, south, *([channel(lab, "cable", "tcp", 1, side)]
                             for side in ("b", "a")), **QUICK)
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with lab.socket("a", kind) as taken:
                taken.bind(("0.0.0.0", PORT))
                if kind == socket.SOCK_STREAM:
                    taken.listen()
                north.start()
                wait_for(f"north to refuse the used port ({kind.name})", 10,
                         lambda: not north.alive())
                expect(north.process.returncode == 1,
                       f"exit status {north.process.returncode}, not 1")
                expect(f"{PORT}" in north.last_words() and
                       "in use" in north.last_words(),
                       f"the error does not say so: {north.last_words()}")
        north.start()
        north.ready()
        north.stop()


def unreachable():
    """A name that does not exist is named by doctor; the rest goes on."""
    with Lab(paths=2) as lab:
        lost = f"cable tcp://nowhere.invalid:{PORT}"
        north, south = meet(
            lab, [lost, channel(lab, "radio", "udp", 2, "b")],
            ["cable accept=tcp", channel(lab, "radio", "udp", 2, "a")],
            ("radio",))
        await_state((north, south), ("last-channel",), 20)
        told = north.cli("doctor", status=1).stdout
        expect("nowhere.invalid" in told, f"doctor: {told:.600}")
        # Nobody at home: the host is there, the station is not.
        south.stop()
        wait_for("north to be dark", 10,
                 lambda: north.state("south") == "dark")
        told = north.cli("doctor", status=1).stdout
        expect("radio" in told, f"doctor is silent on radio: {told:.600}")
        north.stop()
        told = north.cli("doctor", status=1).stdout
        expect("nowhere.invalid" in told,
               f"doctor without a daemon: {told:.600}")


if __name__ == "__main__":
    sys.exit(main({"addresses_" + f.__name__: f for f in (
        ipv4, ipv6, names, accept_only, port_in_use, unreachable)}))
