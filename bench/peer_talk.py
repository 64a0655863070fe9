"""What a peer says and hears, in a process of its own (bench/peers.py).

    peer_talk.py hear line|mptcp|mqtt|nats FILE ADDRESS...
    peer_talk.py say  line|mptcp|mqtt|nats FILE SILENCE_S ADDRESS...

`hear` waits for messages and writes `index time` for each into FILE: for line
and mptcp when it has synced it, before it acknowledges it; for the brokers
when the broker hands it over. `say` keeps what it says by line and mptcp in
FILE, synced before it is sent, and reads commands from its standard input:

    paced COUNT GAP_S SIZE      one message every GAP_S
    flood COUNT WINDOW SIZE     so many unacknowledged at any time
    stop                        no more of this; tell what was seen

and answers each with one line of JSON when all is acknowledged, or when it is
stopped: when each was said and when it was acknowledged. What
was silent for SILENCE_S with something unacknowledged is dialled anew, at the
next address, and what was not acknowledged is said again; 0 waits for ever, as
is best if there is one address. Times are CLOCK_MONOTONIC seconds.
"""

import json
import os
import select
import signal
import socket
import struct
import sys
import time

import peer_words

RECEIVE_BYTES = 1 << 18
PORT = 7100


def dial(words, address, timeout):
    """A connection that has been greeted, or None."""
    s = words.socket()
    s.settimeout(timeout or None)
    try:
        s.connect((address, words.port))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        words.greet(s)
    except OSError:
        s.close()
        return None
    s.setblocking(False)
    return s


def store(file):
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


class Sayer:
    def __init__(self, words, file, silence_s, addresses):
        self.words, self.silence_s, self.addresses = (words, silence_s,
                                                      addresses)
        # The clients of brokers keep nothing on a disk of their own.
        self.store = store(file) if words.name in ("line", "mptcp") else None
        self.fresh = bytearray()
        self.turn, self.out, self.link = 0, bytearray(), None
        self.unacked, self.next = {}, 0
        self.heard = time.monotonic()
        self.connect()

    def connect(self):
        """Dials the addresses in turn until one answers, and says again what
        is not acknowledged."""
        while self.link is None:
            self.link = dial(self.words, self.addresses[self.turn],
                             self.silence_s)
            if self.link is None:
                self.turn = (self.turn + 1) % len(self.addresses)
                time.sleep(0.01)
        self.heard = time.monotonic()
        self.out = bytearray()
        for index, size in self.unacked.items():
            self.out += self.words.again(index, size)
        self.flush()

    def lost(self):
        self.link.close()
        self.link = None
        self.turn = (self.turn + 1) % len(self.addresses)
        self.connect()

    def flush(self):
        """All that was put since is synced at once, and sent."""
        if self.fresh and self.store is not None:
            os.write(self.store, self.fresh)
            os.fdatasync(self.store)
        self.fresh = bytearray()
        try:
            while self.out:
                n = self.link.send(memoryview(self.out)[:1 << 20])
                del self.out[:n]
        except BlockingIOError:
            pass
        except OSError:
            self.lost()

    def put(self, size):
        index, self.next = self.next, self.next + 1
        if not self.unacked:
            self.heard = time.monotonic()
        self.unacked[index] = size
        message = self.words.message(index, size)
        self.fresh += message
        self.out += message
        return index

    def hear(self, acked):
        """What has come; notes when each message was acknowledged."""
        try:
            data = self.link.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.lost()
            return
        self.heard = now = time.monotonic()
        answers, done = self.words.heard(data, self.unacked)
        self.out += answers
        for index in done:
            if self.unacked.pop(index, None) is not None:
                acked[index] = now

    def step(self, until, acked):
        """Waits for something to do; True if a command came."""
        silent = self.silence_s and self.unacked
        if silent:
            until = min(until, self.heard + self.silence_s)
        wait = max(0, until - time.monotonic())
        r, w, _ = select.select([self.link, sys.stdin],
                                [self.link] if self.out else [], [], wait)
        if self.link in r:
            self.hear(acked)
        if self.out:
            self.flush()
        if silent and self.unacked and \
                time.monotonic() > self.heard + self.silence_s:
            self.lost()
        return sys.stdin in r


def say(sayer, kind, count, how, size):
    """One command; what it saw."""
    first, at, acked = sayer.next, {}, {}
    begin = time.monotonic()
    while len(acked) < count:
        now, until = time.monotonic(), time.monotonic() + 1
        if kind == "paced":
            due = begin + len(at) * how
            if len(at) < count and now >= due:
                at[sayer.put(size)] = now
                sayer.flush()
                due += how
            if len(at) < count:
                until = due
        else:
            while len(at) < count and len(sayer.unacked) < how:
                at[sayer.put(size)] = now
            sayer.flush()
        if sayer.step(until, acked):
            sys.stdin.readline() # stop, or the end
            break
    sayer.unacked = {} if len(acked) < count else sayer.unacked
    return {"first": first, "at": [at[k] for k in sorted(at)],
            "acked": [acked.get(k) for k in sorted(at)]}


def say_all(words, file, silence_s, addresses):
    sayer = Sayer(words, file, float(silence_s), addresses)
    print("ready", flush=True)
    while True:
        command = sys.stdin.readline().split()
        if not command:
            return
        if command[0] == "stop":
            continue
        kind, count, how, size = command
        how = float(how) if kind == "paced" else int(how)
        print(json.dumps(say(sayer, kind, int(count), how, int(size))),
              flush=True)


class Hearer:
    """The receiver of line and mptcp: commits, then acknowledges."""

    def __init__(self, words, file, addresses):
        self.file = open(file, "w", encoding="utf-8")
        self.store = store(file + ".store")
        self.poll, self.buffers, self.next = select.poll(), {}, 0
        self.socks = {}
        self.ears = {}
        # A subflow to another address finds only a socket bound to all.
        for address in ["0.0.0.0"] if words.name == "mptcp" else addresses:
            s = words.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((address, words.port))
            s.listen()
            self.ears[s.fileno()] = s
            self.poll.register(s, select.POLLIN)

    def take(self, fd):
        """Bytes of one connection; the messages that are whole."""
        try:
            data = self.socks[fd].recv(RECEIVE_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self.poll.unregister(fd)
            self.socks.pop(fd).close()
            del self.buffers[fd]
            return []
        buffer = self.buffers[fd]
        buffer += data
        found, at = [], 0
        while at + 12 <= len(buffer):
            size, index = struct.unpack_from(">IQ", buffer, at)
            if at + 12 + size > len(buffer):
                break
            found.append((index, bytes(buffer[at:at + 12 + size])))
            at += 12 + size
        del buffer[:at]
        return found

    def round(self):
        """All that came meanwhile is synced at once, and acknowledged."""
        heard, fresh = set(), []
        for fd, _ in self.poll.poll():
            if fd in self.ears:
                s, _ = self.ears[fd].accept()
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                s.setblocking(False)
                self.socks[s.fileno()] = s
                self.buffers[s.fileno()] = bytearray()
                self.poll.register(s, select.POLLIN)
                continue
            for index, message in self.take(fd):
                heard.add(fd)
                if index == self.next: # again: it is here already
                    self.next += 1
                    fresh.append((index, message))
        if fresh:
            os.write(self.store, b"".join(m for _, m in fresh))
            os.fdatasync(self.store)
            now = time.monotonic()
            self.file.write("".join(f"{k} {now}\n" for k, _ in fresh))
            self.file.flush()
        for fd in heard:
            try:
                self.socks[fd].send(struct.pack(">Q", self.next))
            except (KeyError, OSError):
                pass


def hear_line(words, file, addresses):
    hearer = Hearer(words, file, addresses)
    print("ready", flush=True)
    while True:
        hearer.round()


def hear_broker(words, file, addresses):
    """Takes what a broker hands over."""
    words.client = b"hear" # for a broker that knows clients by name
    link = dial(words, addresses[0], 5)
    if link is None:
        sys.exit("no broker")
    link.setblocking(True)
    words.listen(link)
    with open(file, "w", encoding="utf-8") as out:
        print("ready", flush=True)
        while True:
            data = link.recv(RECEIVE_BYTES)
            if not data:
                return
            now = time.monotonic()
            answers, indices = words.delivered(data)
            out.write("".join(f"{k} {now}\n" for k in indices))
            out.flush()
            link.sendall(answers)


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    role, name, file, *addresses = sys.argv[1:]
    words = peer_words.KINDS[name]()
    if role == "say":
        say_all(words, file, addresses[0], addresses[1:])
    elif name in ("line", "mptcp"):
        hear_line(words, file, addresses)
    else:
        hear_broker(words, file, addresses)


if __name__ == "__main__":
    main()
