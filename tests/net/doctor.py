#!/usr/bin/env python3
"""What doctor says of a network, with each thing really broken: routes, a
host that is off, a port that refuses, firewalls that drop in silence in one
direction or both. What a machine alone can break is in tests/cli/doctor."""

import json
import sys

from lab import Lab, Failed, expect, main, run, wait_for
from station import PORT, Station, await_state, channel, pair
from talk import keep_evidence

QUICK = {"probe": "1s", "hold": "4s"}


def findings(station):
    done = station.cli("doctor", "--json", status=None)
    expect(done.returncode in (0, 1), f"doctor: {done.stderr}")
    return json.loads(done.stdout)


def told(station, name, *words):
    """Does doctor say these words of this channel, and what to do."""
    return [f for f in findings(station) if f["channel"] == name and f["do"]
            and all(w in f"{f['what']} {f['do']}" for w in words)]


def comes_to_tell(station, name, *words, seconds=30):
    try:
        wait_for("", seconds, lambda: told(station, name, *words))
    except Failed:
        raise Failed(f"{station.name}'s doctor does not say {words} of "
                     f"{name}: {findings(station)}") from None
    expect(station.cli("doctor", status=None).returncode == 1,
           "doctor found a fault and exited 0")


def two(lab, channels=None, other=None):
    """north at a and south at b, cable (tcp) and radio (udp)."""
    north, south = Station(lab, "a", "north"), Station(lab, "b", "south")
    pair(north, south,
         channels or [channel(lab, "cable", "tcp", 1, "b"),
                      channel(lab, "radio", "udp", 2, "b")],
         other or [channel(lab, "cable", "tcp", 1, "a"),
                   channel(lab, "radio", "udp", 2, "a")], **QUICK)
    return north, south


def started(*stations):
    for station in stations:
        station.start()
    for station in stations:
        station.ready()


def one_way():
    """A firewall between them drops what one side sends; each side names the
    direction. Both channels, and then the other direction."""
    with Lab(paths=2) as lab:
        north, south = two(lab)
        try:
            started(north, south)
            await_state((north, south), ("open",), 20)
            for dropped, hears, deaf in (("ab", north, south),
                                         ("ba", south, north)):
                lab.wire.tell(f"path 2 cut {dropped}")
                comes_to_tell(hears, "radio", "one-way",
                              f"we hear {deaf.name}", "firewall")
                comes_to_tell(deaf, "radio", "one-way",
                              f"{hears.name} hears us", "firewall")
                lab.wire.tell("path 2 up")
                await_state((north, south), ("open",), 30)
        except BaseException:
            keep_evidence(lab, north, south)
            raise


def silent_firewall():
    """Dropped in both directions, without a word: knocks are sent and none is
    answered; who listens says that nobody has called; and without a daemon
    the port is named."""
    with Lab(paths=2) as lab:
        north, south = two(lab, other=["cable accept=tcp",
                                       "radio accept=udp"])
        lab.wire.tell("path all cut")
        started(north, south)
        comes_to_tell(north, "cable", "no answer from",
                      f"{lab.address(1, 'b')}:{PORT}", "firewall drops it",
                      seconds=60)
        comes_to_tell(north, "radio", "knocks sent on radio, none answered")
        for name in ("cable", "radio"):
            comes_to_tell(south, name, f"nobody has called on {name}",
                          "firewall or NAT")
        lab.wire.tell("path all up")
        await_state((north, south), ("open",), 60)


def no_route():
    """No network leads there; a router says it cannot; ours forbids it."""
    with Lab(paths=1) as lab:
        far = ("192.0.2.1", "198.51.100.1", "203.0.113.1", "203.0.113.2")
        north, south = two(lab, [f"{name} {kind}://{host}:{PORT}"
                                 for name, kind, host in zip(
                                     ("none", "broken", "shut", "radio"),
                                     ("tcp", "tcp", "tcp", "udp"), far)])
        ip = ("ip", "-n", lab.names["a"], "route", "add")
        run(*ip, "unreachable", far[1])
        run(*ip, "prohibit", far[2])
        expect(south is not None, "")
        for state in ("away", "running"):
            if state == "running":
                started(north)
            comes_to_tell(north, "none", "no route to", "no network that "
                          "leads there")
            comes_to_tell(north, "broken", "cannot reach", "the way there is "
                          "broken")
            comes_to_tell(north, "shut", "not allowed to reach", "firewall")
            comes_to_tell(north, "radio", "no route to", "no network")


def refused():
    """The host is there and nothing listens; then something else does."""
    with Lab(paths=2) as lab:
        north, south = two(lab)
        expect(south is not None, "")
        comes_to_tell(north, "cable", "refused by", "nothing listens there")
        started(north)
        comes_to_tell(north, "cable", "refused by", "nothing listens there")
        comes_to_tell(north, "radio", "refused by", "nothing listens there")


def silent_again():
    """It worked and is silent now: said as that, and not as a mistake of the
    configuration."""
    with Lab(paths=2) as lab:
        north, south = two(lab)
        started(north, south)
        await_state((north, south), ("open",), 20)
        lab.wire.tell("path 2 cut")
        comes_to_tell(north, "radio", "worked and is silent now")
        lab.wire.tell("path 2 up")
        await_state((north, south), ("open",), 30)
        expect(not told(north, "radio", "silent"), "it is up again")


if __name__ == "__main__":
    sys.exit(main({"doctor_" + f.__name__: f for f in (
        one_way, silent_firewall, no_route, refused, silent_again)}))
