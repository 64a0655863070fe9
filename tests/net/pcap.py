"""What a wire's tap recorded: `path K tap FILE ab` writes raw IP as pcap."""

import struct

HEAD_BYTES = 24
PACKET = struct.Struct("=IIII")
TCP, UDP = 6, 17


def packets(file):
    """The IP packets of a tap, in order."""
    with open(file, "rb") as f:
        data = f.read()
    at = HEAD_BYTES
    while at + PACKET.size <= len(data):
        size = PACKET.unpack_from(data, at)[2]
        at += PACKET.size
        yield data[at:at + size]
        at += size


def payloads(file, proto, port):
    """[(order, bytes)] of what went to or from a port over IPv4.

    The order is the TCP sequence number, or 0 for UDP.
    """
    for p in packets(file):
        if p[0] >> 4 != 4 or p[9] != proto:
            continue
        if int.from_bytes(p[6:8], "big") & 0x3fff: # a fragment
            continue
        t = p[(p[0] & 15) * 4:int.from_bytes(p[2:4], "big")]
        if port not in struct.unpack_from("!HH", t):
            continue
        if proto == UDP:
            yield 0, t[8:]
        elif len(t) > (t[12] >> 4) * 4:
            yield int.from_bytes(t[4:8], "big"), t[(t[12] >> 4) * 4:]
