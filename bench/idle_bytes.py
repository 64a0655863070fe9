#!/usr/bin/env python3
"""What a quiet channel costs an hour, and for how early a word of its end.

    bench/idle_bytes.py [SECONDS]      240; OPENLINE_LONG=1: 3,600

Both directions, IP heads included, as the userspace wire counts them. Beside
each other, each on a path of its own: lines of one channel with the default
probe interval and with a longer one, a TCP connection whose kernel keeps it
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
PROBE_S, LEAN_S = 25, 20
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


def rows(world, seconds):
    lines = [("openline udp", "udp", PROBE_S), ("openline udp", "udp", LEAN_S),
             ("openline tcp", "tcp", PROBE_S), ("openline tcp", "tcp", LEAN_S)]
    for k in range(1, 7):
        world.wire.tell(f"path {k} delay 10")
    for k, (_, scheme, probe) in enumerate(lines, 1):
        openline(world, k, scheme, probe)
    kept = kept_alive(world, 5)
    broker = mqtt(world, 6)
    time.sleep(SETTLE_S)
    before = {k: counted(world, k) for k in range(1, 7)}
    started = time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - started
    after = {k: counted(world, k) for k in range(1, 7)}
    for thing in kept:
        thing.close()
    for process in broker or []:
        process.terminate()
        process.wait()
    hour = [[(b - a) * 3600 / took for a, b in zip(before[k], after[k])]
            for k in range(1, 7)]
    named = [(name, f"{probe} s", "both directions, both sides")
             for name, _, probe in lines]
    named += [("TCP keepalive", f"{IDLE_S} s", "the asking side, its own ask"),
              ("MQTT (Mosquitto)", f"{BOUND_S * 2 // 3} s",
               "the broker, its client")]
    table = [["what", "asks after", "kB an hour", "packets an hour",
              "who then knows what works"]]
    for (name, asks, who), (size, packets) in zip(named, hour):
        if name.startswith("MQTT") and broker is None:
            continue
        table.append([name, asks, f"{size / 1000:.1f}", f"{packets:.0f}", who])
    return table, broker is None


def idle():
    seconds = 3600 if os.environ.get("OPENLINE_LONG") else 240
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else seconds
    with net.Lab(paths=6) as world:
        table, skipped = rows(world, seconds)
    print(f"a quiet channel, {BOUND_S} s until a dead peer is noticed, IPv4 "
          f"heads included; {seconds} s counted, an hour said, so that one "
          f"exchange more or less is {100 * PROBE_S / seconds:.0f} %")
    measure.table(table)
    if skipped:
        print("  MQTT not measured: mosquitto and mosquitto-clients are not "
              "installed")


if __name__ == "__main__":
    sys.exit(measure.main(idle))
