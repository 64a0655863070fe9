#!/usr/bin/env python3
"""Paths that swallow large datagrams in silence: udp finds what passes, in
each direction for itself, and takes the full size again when it does."""

import sys

from lab import Lab, expect, main, run, say, wait_for
from station import PORT, Station, channel, pair
from talk import Talk, audit, keep_evidence

IP_AND_UDP = 28


def frame(me, peer):
    return me.line(peer.name)["channels"][0]["frame_bytes"]


def start(lab):
    north, south = Station(lab, "a", "north"), Station(lab, "b", "south")
    pair(north, south, [channel(lab, "radio", "udp", 1, "b")],
         [channel(lab, "radio", "udp", 1, "a")], probe="5s", hold="15s")
    for station in (north, south):
        station.start()
    for me, peer in ((north, south), (south, north)):
        me.ready()
        wait_for(f"radio to be up at {me.name}", 20, lambda m=me, p=peer:
                 m.channels(p.name).get("radio") == "up")
    return north, south


def speak(stations, tag, seconds):
    for me, peer in (stations, stations[::-1]):
        talk = Talk(me, peer, f"{me.lab.seed} {tag}")
        talk.prefix += tag + "-"
        talk.burst(20, size=4000)
        talk.settle(seconds, every=0.05)
        talk.check()


def hole_on(lab, north, south):
    lab.wire.tell("path 1 delay 20", "path 1 most 1000 ab")
    speak((north, south), "hole", 10)
    swallowed = lab.wire.stats()[1, "ab"]["too_big"]
    expect(swallowed > 0, "the wire swallowed nothing")
    expect(frame(north, south) <= 1000 - IP_AND_UDP,
           f"north: {frame(north, south)}")
    expect(frame(south, north) == 1200, f"south: {frame(south, north)}")
    say(f"{swallowed} packets swallowed, then frames of "
        f"{frame(north, south)} bytes")
    wait_for("north to find what passes", 30, lambda:
             1000 - IP_AND_UDP - 64 <= frame(north, south) <=
             1000 - IP_AND_UDP)
    say(f"found: {frame(north, south)} bytes")
    lab.wire.tell("path 1 clean", "path 1 delay 20")
    wait_for("north to use the full size again", 45,
             lambda: frame(north, south) == 1200)
    speak((north, south), "whole", 10)
    expect(north.line("south")["channels"][0]["state"] == "up", "not up")


def hole():
    with Lab(paths=1) as lab:
        stations = start(lab)
        try:
            hole_on(lab, *stations)
            audit(*stations)
        except BaseException:
            keep_evidence(lab, *stations)
            raise


def interface():
    """The kernel says it: this machine's own link is narrow."""
    with Lab(paths=1) as lab:
        stations = start(lab)
        try:
            run("ip", "-n", lab.names["a"], "link", "set", "path1", "mtu",
                "700")
            speak(stations, "narrow", 10)
            expect(frame(*stations) <= 700 - IP_AND_UDP,
                   f"north: {frame(*stations)}")
        except BaseException:
            keep_evidence(lab, *stations)
            raise


if __name__ == "__main__":
    sys.exit(main({"pmtu_hole": hole, "pmtu_interface": interface}))
