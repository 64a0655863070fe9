#!/usr/bin/env python3
"""Bytes on the wire for one message and its acknowledgement.

    bench/wire_bytes.py [udp] [tcp] [courier]

A line of one channel, warm: messages have gone before, nothing else is under
way, no probe is due. One ROUTINE message with a text of 200 bytes is sent;
both directions are tapped until all is quiet again. Done nine times; the
round of the median is shown, and how far the others were from it.

What a frame holds is sealed. It is told by its length: an acknowledgement of
frames, a HELD, a BRIEF and a checkpoint are always equally long
(src/wire/messages.h). For the courier the sizes of the two files are shown that carry the message
there and the acknowledgement back.
"""

import os
import statistics
import struct
import sys
import time

import measure
from measure import net
from station import PORT, Station, channel, pair

TEXT_BYTES = 200
WARM_UP, ROUNDS = 5, 9
QUIET_S = 1.5
FRAME_OVER = 25
# With their heads.
ACK, HELD, CHECKPOINT, SEGMENT_HEAD, BRIEF = 16, 35, 104, 10, 25
SMALL = {ACK: "ack of frames", HELD: "HELD", ACK + HELD: "HELD and ack",
         CHECKPOINT: "checkpoint", CHECKPOINT + ACK: "checkpoint and ack",
         BRIEF: "BRIEF"}
IP6_MORE = 20 # an IPv6 head is that much longer
WAYS = {"ab": "there", "ba": "back"}


def packets(file):
    """[(bytes of the IP packet, payload)] of a tap."""
    with open(file, "rb") as f:
        data = f.read()
    at, found = 24, []
    while at + 16 <= len(data):
        size = struct.unpack_from("=I", data, at + 8)[0]
        packet = data[at + 16:at + 16 + size]
        at += 16 + size
        head = (packet[0] & 15) * 4
        head += 8 if packet[9] == 17 else (packet[head + 12] >> 4) * 4
        found.append((size, packet[head:]))
    return found


def frames(payload, stream):
    """Lengths of the frames in a packet; in a stream 2 bytes stand before
    each. A clean wire neither splits nor mixes our small writes."""
    if not stream:
        return [(len(payload), 0)]
    found, at = [], 0
    while at + 2 <= len(payload):
        n = int.from_bytes(payload[at:at + 2], "big")
        found.append((n, 2))
        at += 2 + n
    net.expect(at == len(payload), "a frame lies in two TCP segments")
    return found


def what(length):
    plain = length - FRAME_OVER
    if plain > TEXT_BYTES:
        return "data frame"
    return SMALL.get(plain, "probing")


def tally(files, stream):
    """[[what, way, packets, frame bytes, bytes with heads]], in order of
    size; TCP's own packets without payload last."""
    rows = {}
    for way, file in files.items():
        for size, payload in packets(file):
            inside = frames(payload, stream) if payload else []
            name = " + ".join(what(n) for n, _ in inside) or "TCP's own acks"
            row = rows.setdefault((name, way), [name, WAYS[way], 0, 0, 0])
            row[2] += 1
            row[3] += sum(n + more for n, more in inside)
            row[4] += size
    return sorted(rows.values(), key=lambda r: -r[3])


def one_round(world, north, stream, k):
    files = {way: os.path.join(world.dir, f"{k}-{way}") for way in WAYS}
    for way, file in files.items():
        world.wire.tell(f"path 1 tap {file} {way}")
    north.cli("send", "south", "x" * TEXT_BYTES, "--wait", "delivered")
    time.sleep(QUIET_S)
    world.wire.tell("path 1 untap")
    return tally(files, stream)


def total(rows):
    return ["all", "both"] + [sum(r[k] for r in rows) for k in (2, 3, 4)]


def show(kind, rounds):
    rounds.sort(key=lambda rows: total(rows)[4])
    rows = rounds[len(rounds) // 2]
    both = total(rows)
    table = [["what", "way", "packets", "bytes", "with IPv4 heads",
              "with IPv6 heads"]]
    table += [row + [row[4] + IP6_MORE * row[2]] for row in rows + [both]]
    print(f"{kind}: one ROUTINE message of {TEXT_BYTES} bytes, warm line, "
          f"port {PORT}")
    measure.table(table)
    others = [total(r)[4] for r in rounds]
    print(f"  for each byte of text: {both[3] / TEXT_BYTES:.2f} bytes, with "
          f"IPv4 heads {both[4] / TEXT_BYTES:.2f}; {ROUNDS} rounds between "
          f"{others[0]} and {others[-1]}")
    data = max(r[3] for r in rows) - (2 if kind == "tcp" else 0)
    record = data - FRAME_OVER - SEGMENT_HEAD - CHECKPOINT
    print(f"  the data frame: record {record} (text {TEXT_BYTES}), segment "
          f"head {SEGMENT_HEAD}, signed checkpoint {CHECKPOINT}, frame "
          f"{FRAME_OVER}")


def live(kind):
    with net.Lab(paths=1) as world:
        # No idle probe within the measurement; hold must be the longer.
        north, _ = measure.line(
            world, [channel(world, "way", kind, 1, "b")],
            [f"way accept={kind}"], probe="1h", hold="2h")
        for _ in range(WARM_UP):
            north.cli("send", "south", "w" * TEXT_BYTES, "--wait",
                      "delivered")
        time.sleep(QUIET_S)
        show(kind, [one_round(world, north, kind == "tcp", k)
                    for k in range(ROUNDS)])


def courier():
    """By files alone: a line that has no channel."""
    with net.Lab(paths=1) as world:
        north, south = Station(world, "a", "north"), Station(world, "b",
                                                             "south")
        pair(north, south, [])
        for station in (north, south):
            station.start()
        for station in (north, south):
            station.ready()
        sizes = []
        for k in range(1, ROUNDS + 1):
            north.cli("send", "south", "x" * TEXT_BYTES)
            trip = []
            for me, peer in ((north, south), (south, north)):
                file = os.path.join(world.dir, f"{me.name}-{k}")
                me.cli("courier", "export", peer.name, file)
                peer.cli("courier", "import", file)
                trip.append(os.path.getsize(file))
            sizes.append(trip)
        net.expect(north.line("south")["queue"]["routine"] == 0,
                   "the bundles did not acknowledge")
        there, back = (int(statistics.median(s)) for s in zip(*sizes))
        print(f"courier: one ROUTINE message of {TEXT_BYTES} bytes, by file")
        measure.table([["what", "way", "bytes"],
                       ["file with the message", "there", there],
                       ["file with the acknowledgement", "back", back],
                       ["all", "both", there + back]])
        print(f"  for each byte of text: "
              f"{(there + back) / TEXT_BYTES:.2f} bytes")


def main():
    kinds = {"udp": lambda: live("udp"), "tcp": lambda: live("tcp"),
             "courier": courier}
    chosen = sys.argv[1:] or list(kinds)
    unknown = [k for k in chosen if k not in kinds]
    if unknown:
        sys.exit(f"no bearer {unknown[0]}; there are {', '.join(kinds)}")
    return max(measure.main(kinds[k]) for k in chosen)


if __name__ == "__main__":
    sys.exit(main())
