#!/usr/bin/env python3
"""A world without IPv4, loopback included: literal addresses, names, and a
link-local address with its interface."""

import sys

from addresses import meet
from lab import Lab, Skip, expect, main, run
from station import PORT, channel


def no_ipv4(lab):
    for name in lab.names.values():
        for dev in ("lo", "path1", "path2", "path3"):
            run("ip", "-n", name, "-4", "addr", "flush", "dev", dev)
        left = run("ip", "-n", name, "-4", "addr").strip()
        expect(not left, f"{name} still has {left}")


def link_local(lab):
    for n, name in enumerate(lab.names.values(), 1):
        run("ip", "-n", name, "-6", "addr", "add", f"fe80::{n}/64", "dev",
            "path3", "nodad")


def ipv6_only():
    with Lab(paths=3) as lab:
        if not lab.has_ipv6():
            raise Skip("this kernel has no IPv6")
        no_ipv4(lab)
        link_local(lab)
        sides = {"a": ("north", 1), "b": ("south", 2)}
        for side, (name, _) in sides.items():
            for at in sides:
                lab.hosts(at, {"radio.north.example": lab.address(2, "a", 6),
                               "radio.south.example": lab.address(2, "b", 6)},
                          ipv4=False)
        to_south, to_north = (
            [channel(lab, "cable", "tcp", 1, side, 6),
             f"radio udp://radio.{name}.example:{PORT}",
             f"near udp://[fe80::{n}%path3]:{PORT}"]
            for side, (name, n) in (("b", sides["b"]), ("a", sides["a"])))
        north, south = meet(lab, to_south, to_north,
                            ("cable", "radio", "near"))
        for me, peer in ((north, south), (south, north)):
            for c in me.line(peer.name)["channels"]:
                expect("10." not in c["transport"], f"IPv4 in {c}")
        told = north.cli("doctor", status=None).stdout
        expect("cable is up" in told, f"doctor: {told:.400}")


if __name__ == "__main__":
    sys.exit(main({"ipv6_only": ipv6_only}))
