"""The words of the protocols that bench/peer_talk.py speaks.

Each kind makes a socket, greets, puts a message into bytes and finds
acknowledgements in what comes. Only what is needed to send small messages with
an acknowledgement each, as fast as the other side can: a message is its index
and padding.

    line, mptcp   ours: 4 bytes length, 8 bytes index; the answer is the number
                  of messages that are committed
    mqtt          MQTT 3.1.1, QoS 2, a session that outlives the connection
    nats          NATS with JetStream: a publication is acknowledged to its
                  reply subject; its id makes a second copy harmless
"""

import contextlib
import json
import re
import socket
import struct

IPPROTO_MPTCP = 262
CONGESTION = b"cubic" # reno and bbr got less of two paths, or no more


def body(index, size):
    return struct.pack(">Q", index) + b"x" * max(0, size - 8)


class Line:
    name, port, proto = "line", 7100, 0

    def __init__(self):
        self.buffer, self.known = bytearray(), 0

    def socket(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, self.proto)
        # A namespace may not choose what the kernel's list does not offer to
        # all; a socket of root's may.
        with contextlib.suppress(OSError):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, CONGESTION)
        return s

    @classmethod
    def congestion(cls):
        """What its connections got, in a word."""
        with cls().socket() as s:
            return s.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION,
                                16).split(b"\0")[0].decode()

    def greet(self, link):
        self.buffer = bytearray()

    def message(self, index, size):
        return struct.pack(">I", max(0, size - 8)) + body(index, size)

    again = message

    def heard(self, data, unacked):
        self.buffer += data
        whole = len(self.buffer) // 8 * 8
        if not whole:
            return b"", []
        until = struct.unpack_from(">Q", self.buffer, whole - 8)[0]
        del self.buffer[:whole]
        done = range(self.known, until)
        self.known = max(self.known, until)
        return b"", done


class Mptcp(Line):
    name, port, proto = "mptcp", 7101, IPPROTO_MPTCP


def mqtt_packet(kind, payload):
    size, length = bytearray(), len(payload)
    while True:
        length, digit = length >> 7, length & 127
        size.append(digit | (128 if length else 0))
        if not length:
            return bytes([kind]) + bytes(size) + payload


def mqtt_text(words):
    return struct.pack(">H", len(words)) + words


class Mqtt:
    name, port = "mqtt", 1883
    CONNACK, PUBLISH, PUBREC, PUBREL, PUBCOMP = 0x20, 0x30, 0x50, 0x62, 0x70
    IDS = 65535

    def __init__(self):
        self.buffer, self.released, self.by_id = bytearray(), {}, {}
        self.client = b"say"

    def socket(self):
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    def greet(self, link):
        self.buffer = bytearray()
        link.sendall(mqtt_packet(0x10, mqtt_text(b"MQTT") +
                                 bytes([4, 0, 0, 0]) +
                                 mqtt_text(self.client)))
        while True:
            data = link.recv(4096)
            if not data:
                raise OSError("the broker hung up")
            self.buffer += data
            if any(kind & 0xf0 == self.CONNACK for kind, _ in self.packets()):
                return

    def listen(self, link):
        link.sendall(mqtt_packet(0x82, struct.pack(">H", 1) +
                                 mqtt_text(b"m") + b"\x02"))
        link.recv(4096)

    def publish(self, index, size, again):
        number = index % self.IDS + 1
        self.by_id[number] = index
        return mqtt_packet(0x34 | (8 if again else 0), mqtt_text(b"m") +
                           struct.pack(">H", number) + body(index, size))

    def message(self, index, size):
        return self.publish(index, size, False)

    def again(self, index, size):
        if index in self.released:
            return mqtt_packet(self.PUBREL,
                               struct.pack(">H", index % self.IDS + 1))
        return self.publish(index, size, True)

    def packets(self):
        """The whole packets that have come, as (kind, what is in it)."""
        buffer, at = self.buffer, 0
        try:
            while at + 2 <= len(buffer):
                length, shift, k = 0, 0, at + 1
                while k < len(buffer):
                    length |= (buffer[k] & 127) << shift
                    k, shift = k + 1, shift + 7
                    if not buffer[k - 1] & 128:
                        break
                else:
                    return
                if k + length > len(buffer):
                    return
                kind, payload = buffer[at], bytes(buffer[k:k + length])
                at = k + length
                yield kind, payload
        finally:
            del buffer[:at]

    def heard(self, data, unacked):
        self.buffer += data
        answers, done = bytearray(), []
        for kind, payload in self.packets():
            index = self.by_id.get(struct.unpack_from(">H", payload)[0]) \
                if len(payload) >= 2 else None
            if kind & 0xf0 == self.PUBREC:
                answers += mqtt_packet(self.PUBREL, payload[:2])
                self.released[index] = True
            elif kind & 0xf0 == self.PUBCOMP:
                self.released.pop(index, None)
                done.append(index)
        return bytes(answers), done

    def delivered(self, data):
        self.buffer += data
        answers, indices = bytearray(), []
        for kind, payload in self.packets():
            if kind & 0xf0 == self.PUBLISH:
                at = 2 + struct.unpack_from(">H", payload)[0]
                answers += mqtt_packet(self.PUBREC, payload[at:at + 2])
                indices.append(struct.unpack_from(">Q", payload, at + 2)[0])
            elif kind & 0xf0 == 0x60:
                answers += mqtt_packet(self.PUBCOMP, payload[:2])
        return bytes(answers), indices


class Nats:
    name, port = "nats", 4222
    WORDS = re.compile(rb"\A(MSG|HMSG|PING|PONG|\+OK|INFO|-ERR)([^\r\n]*)\r\n")
    STREAM = {"name": "S", "subjects": ["m"], "storage": "file",
              "retention": "limits", "discard": "old", "num_replicas": 1,
              "max_msgs": -1, "max_bytes": -1, "max_age": 0,
              "duplicate_window": 120000000000}
    CONSUMER = {"stream_name": "S", "config": {
        "deliver_subject": "d", "ack_policy": "none", "deliver_policy": "all",
        "replay_policy": "instant"}}

    def __init__(self):
        self.buffer = bytearray()

    def socket(self):
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    def greet(self, link):
        self.buffer = bytearray()
        link.sendall(b'CONNECT {"verbose":false,"pedantic":false,'
                     b'"headers":true}\r\nSUB r.* 1\r\nPING\r\n')
        self.await_words(link, b"PONG")

    def await_words(self, link, wanted):
        while True:
            data = link.recv(1 << 16)
            if not data:
                raise OSError("the server hung up")
            self.buffer += data
            for word, subject, payload in self.packets():
                if word == wanted or subject == wanted:
                    return payload

    def ask(self, link, method, document):
        text = json.dumps(document).encode()
        link.sendall(b"PUB $JS.API.%s r.api %d\r\n%s\r\n" %
                     (method, len(text), text))
        answer = json.loads(self.await_words(link, b"r.api"))
        if "error" in answer:
            raise OSError(answer["error"])

    def listen(self, link):
        self.ask(link, b"STREAM.CREATE.S", self.STREAM)
        link.sendall(b"SUB d 2\r\n")
        self.ask(link, b"CONSUMER.CREATE.S", self.CONSUMER)
        link.sendall(b"UNSUB 1\r\n") # the acknowledgements of others

    def message(self, index, size):
        head = b"NATS/1.0\r\nNats-Msg-Id: %d\r\n\r\n" % index
        text = body(index, size)
        return b"HPUB m r.%d %d %d\r\n%s%s\r\n" % (
            index, len(head), len(head) + len(text), head, text)

    again = message

    def packets(self):
        """The whole words that have come: (word, subject, payload)."""
        buffer, at = self.buffer, 0
        try:
            while (end := buffer.find(b"\r\n", at)) >= 0:
                match = self.WORDS.match(bytes(buffer[at:end + 2]))
                if not match:
                    raise OSError(f"no word of NATS: {buffer[at:end]!r:.80}")
                word, rest = match[1], match[2].split()
                if word not in (b"MSG", b"HMSG"):
                    at = end + 2
                    yield word, b"", b""
                    continue
                size = int(rest[-1])
                skip = int(rest[-2]) if word == b"HMSG" else 0
                if end + 4 + size > len(buffer):
                    return
                payload = bytes(buffer[end + 2 + skip:end + 2 + size])
                at = end + 4 + size
                yield word, rest[0], payload
        finally:
            del buffer[:at]

    def heard(self, data, unacked):
        self.buffer += data
        answers, done = b"", []
        for word, subject, _ in self.packets():
            if word == b"PING":
                answers += b"PONG\r\n"
            elif subject.startswith(b"r.") and subject != b"r.api":
                done.append(int(subject[2:]))
        return answers, done

    def delivered(self, data):
        self.buffer += data
        answers, indices = b"", []
        for word, subject, payload in self.packets():
            if word == b"PING":
                answers += b"PONG\r\n"
            elif subject == b"m":
                indices.append(struct.unpack_from(">Q", payload)[0])
        return answers, indices


KINDS = {kind.name: kind for kind in (Line, Mptcp, Mqtt, Nats)}
