#!/usr/bin/env python3
"""What a quiet channel costs an hour, and for how early a word of its end.

    bench/idle_bytes.py [SECONDS]      900 (180 a run); OPENLINE_LONG=1: 3,600

Both directions, IP heads included, as the userspace wire counts them. Beside
each other, each on a path of its own: lines of one channel with the default
probe interval and with a shorter one, a TCP connection whose kernel keeps it
alive, and an MQTT client at its broker. All notice a dead peer within 30 s.
What was counted in the time is set in relation to an hour; how many exchanges
that were is said, for the first and the last make the error.
"""

import os
import shutil
import socket
import subprocess
import sys
import time

import measure
from measure import net
from station import PORT, Station, pair

BOUND_S = 30
PROBE_S, SHORT_S = 25, 20
OURS = [(scheme, probe) for scheme in ("udp", "tcp")
        for probe in (PROBE_S, SHORT_S)]
GOAL_KB = 30
IDLE_S, TRIES, GAP_S = 20, 2, 5 # the kernel: 20 s of silence, twice 5 s
SETTLE_S = 15
MQTT_PORT = 1883


def openline(world, k, scheme, probe):
    """A pair of stations with one channel on path k."""
    stations = [Station(world, side, f"s{k}{side}") for side in "ab"]
    north, south = stations
    port = PORT + k
    pair(north, south,
         [f"way {scheme}://{world.address(k, 'b')}:{port}"],
         [f"way accept={scheme}"],
         listen=[f"{scheme}://[::]:{port}"], probe=f"{probe}s",
         hold=f"{BOUND_S}s")
    for station in stations:
        station.start()
    for station in stations:
        station.ready()
    for me, peer in ((north, south), (south, north)):
        net.wait_for(f"{me.name}'s channel", 30, lambda m=me, p=peer:
                     m.channels(p.name)["way"] == "up")


def kept_alive(world, k):
    """One connection; only the dialling kernel asks."""
    server = world.socket("b", socket.SOCK_STREAM)
    server.bind((world.address(k, "b"), 9))
    server.listen()
    client = world.socket("a", socket.SOCK_STREAM)
    for option, value in ((socket.TCP_KEEPIDLE, IDLE_S),
                          (socket.TCP_KEEPINTVL, GAP_S),
                          (socket.TCP_KEEPCNT, TRIES)):
        client.setsockopt(socket.IPPROTO_TCP, option, value)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    client.connect((world.address(k, "b"), 9))
    return [server, client, server.accept()[0]]


def mqtt(world, k):
    """Mosquitto and one subscriber; None if they are not here. A broker drops
    who was silent for one and a half times the client's interval."""
    broker = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    client = shutil.which("mosquitto_sub")
    if not client or not os.access(broker, os.X_OK):
        return None
    conf = os.path.join(world.dir, "mosquitto.conf")
    with open(conf, "w", encoding="utf-8") as f:
        f.write(f"listener {MQTT_PORT} {world.address(k, 'b')}\n"
                "allow_anonymous true\n")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = [subprocess.Popen(world.inside("b", broker, "-c", conf),
                                **quiet)]
    time.sleep(2)
    started.append(subprocess.Popen(
        world.inside("a", client, "-h", world.address(k, "b"), "-p",
                     str(MQTT_PORT), "-t", "quiet", "-k",
                     str(BOUND_S * 2 // 3)), **quiet))
    time.sleep(1)
    if any(p.poll() is not None for p in started):
        for p in started:
            p.kill()
        return None
    return started


def counted(world, k):
    stats = world.wire.stats()
    return [sum(stats[(k, way)][what] for way in ("ab", "ba"))
            for what in ("bytes", "packets")]


def lines_of(openlines):
    """[(whose, who then knows what works)] in the order of their paths."""
    return [(f"openline {scheme}, asks after {probe} s",
             "both sides, both directions") for scheme, probe in openlines] + [
        ("TCP keepalive", "the asking side, its own ask"),
        ("Mosquitto", "the broker, its client")]


def hours(world, seconds):
    """What each path would carry in an hour: [(bytes, packets)], and whether
    the broker is among them."""
    for k, (scheme, probe) in enumerate(OURS, 1):
        openline(world, k, scheme, probe)
    last = len(OURS)
    kept = kept_alive(world, last + 1)
    broker = mqtt(world, last + 2)
    paths = range(1, last + 3)
    time.sleep(SETTLE_S)
    before = [counted(world, k) for k in paths]
    started = time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - started
    after = [counted(world, k) for k in paths]
    for thing in kept:
        thing.close()
    for process in broker or []:
        process.terminate()
        process.wait()
    return [[(b - a) * 3600 / took for a, b in zip(*pair_of)]
            for pair_of in zip(before, after)], broker is not None


def told(seen, seconds, broker):
    part = f"kB an hour, a dead peer noticed within {BOUND_S} s"
    for (what, who), (size, packets) in zip(lines_of(OURS), seen):
        if what == "Mosquitto" and not broker:
            continue
        measure.figure(
            "idle", what, size / 1000, "kB", part=part,
            goal=f"<= {GOAL_KB}" if what == lines_of(OURS)[0][0] else None,
            of="TCP keepalive" if what.startswith("openline") else None,
            note=f"{packets:.0f} packets; who knows what works: {who}")
    measure.peer("idle", "TCP keepalive", f"TCP_KEEPIDLE {IDLE_S} s, then "
                 f"{TRIES} asks {GAP_S} s apart, on the dialling side only",
                 "nothing is said", "no")
    if broker:
        measure.peer("idle", "Mosquitto", "one subscriber, keepalive "
                     f"{BOUND_S * 2 // 3} s, which the broker waits for one "
                     "and a half times", "nothing is said", "no")


def idle():
    seconds = 3600 if os.environ.get("OPENLINE_LONG") else 180 * measure.RUNS
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else seconds
    with net.Lab(paths=len(OURS) + 2) as world:
        world.wire.tell("path all delay 10")
        seen, broker = hours(world, seconds)
    told(seen, seconds, broker)
    print(f"{seconds} s counted, IPv4 heads included; an exchange more or less "
          f"is {100 * PROBE_S / seconds:.0f} %")
    if not broker:
        print("  Mosquitto not measured: mosquitto and mosquitto-clients are "
              "not installed")


if __name__ == "__main__":
    sys.exit(measure.main(idle))
