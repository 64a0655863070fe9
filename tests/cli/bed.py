"""Stations on this machine's loopback, for tests of the command.

    with Bed() as bed:
        north, south = bed.pair("north", "south")
        north.ok("send", "south", "hello")

Only the outside contract is used: the command line, its JSON, exit statuses
and words. What a bed made goes at its end, whatever happened; it is kept if
the test failed or OPENLINE_KEEP is set.
"""

import atexit
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "net"))

from lab import OPENLINE, PATIENCE_S, Failed, expect, say, wait_for  # noqa: E402

# What a test must not inherit from whoever runs it.
ENVIRONMENT = {k: v for k, v in os.environ.items()
               if not k.startswith("OPENLINE_") and k != "NOTIFY_SOCKET"}
# Restore markers lie outside of the stations: they go with the test.
ENVIRONMENT["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="olstate-")
atexit.register(shutil.rmtree, ENVIRONMENT["XDG_STATE_HOME"],
                ignore_errors=True)
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


def openline(*args, env=None, text=None, timeout=PATIENCE_S, **more):
    """Runs the command; bytes and texts alike as arguments."""
    done = subprocess.run([OPENLINE, *args], capture_output=True,
                          input=text, timeout=timeout, check=False, **more,
                          env={**ENVIRONMENT, **(env or {})})
    done.out = done.stdout.decode(errors="surrogateescape")
    done.err = done.stderr.decode(errors="surrogateescape")
    return done


def judge(done, status, *words):
    """Exit status, and words that its complaint (or answer) must hold. A
    complaint is one line and begins with our name."""
    what = f"{' '.join(map(str, done.args[1:]))!r:.120}"
    expect(done.returncode == status,
           f"{what}: exit status {done.returncode}, not {status}: "
           f"{(done.err or done.out).strip():.500}")
    for word in words:
        expect(word.lower() in (done.err + done.out).lower(),
               f"{what}: no word of \"{word}\" in: "
               f"{(done.err or done.out).strip():.500}")
    if status in (2, 3, 4, 5):
        lines = done.err.splitlines()
        expect(len(lines) == 1 and lines[0].startswith("openline: "),
               f"{what}: not one line of complaint: {done.err!r:.500}")
    expect(not CONTROL.search(done.out + done.err),
           f"{what}: control characters: {done.out + done.err!r:.500}")
    return done


# Ports that were given out; nobody listens on them yet.
given = set()


def free_port():
    """A port that is free on 127.0.0.1 for tcp and udp, and stays so: it lies
    below those from which the kernel takes one for a call to elsewhere."""
    while True:
        port = random.SystemRandom().randrange(10000, 32000)
        if port in given:
            continue
        with socket.socket() as s, \
                socket.socket(type=socket.SOCK_DGRAM) as u:
            try:
                for kind in (s, u):
                    kind.bind(("127.0.0.1", port))
            except OSError:
                continue
            given.add(port)
            return port


class Station:
    def __init__(self, bed, name, folder=None, options=(), text=None):
        self.bed = bed
        self.name = name
        self.dir = os.path.join(folder or bed.dir, name)
        self.log = os.path.join(bed.dir, name + ".log")
        self.port = free_port()
        self.process = None
        self.env = {}
        bed.stations.append(self)
        judge(openline("init", self.dir, "--name", name, *options,
                       text=text), 0)
        self.configure()

    def write(self, file, text):
        with open(os.path.join(self.dir, file), "w", encoding="utf-8") as f:
            f.write(text)

    def read(self, file):
        with open(os.path.join(self.dir, file), encoding="utf-8") as f:
            return f.read()

    def configure(self, more=""):
        self.write("station.conf", f"[station]\nname = {self.name}\n"
                   f"listen = tcp://127.0.0.1:{self.port}\n"
                   f"listen = udp://127.0.0.1:{self.port}\n{more}")

    def channels(self, peer, *channels, card=None):
        """lines.d/PEER.conf; quick, so that tests are."""
        self.write(f"lines.d/{peer}.conf", "\n".join(
            ["[line]", f"card = {card or peer + '.card'}"] +
            [f"channel = {c}" for c in channels] +
            ["probe = 1s", "hold = 3s", ""]))

    def card(self, peer, *more):
        """The file with this station's card for peer."""
        path = os.path.join(self.bed.dir, f"{self.name}-for-{peer}.card")
        with open(path, "w", encoding="utf-8") as f:
            f.write(self.ok("card", peer, *more).out)
        return path

    # Commands

    def run(self, *args, **more):
        return openline(*args[:1], "-d", self.dir, *args[1:], **more)

    def ok(self, *args, **more):
        return judge(self.run(*args, **more), 0)

    def no(self, status, *args, words=(), **more):
        return judge(self.run(*args, **more), status, *words)

    def json(self, *args, status=0, **more):
        out = judge(self.run(*args, "--json", **more), status).out
        try:
            return json.loads(out)
        except ValueError as e:
            raise Failed(f"{args}: no JSON ({e}): {out!r:.200}") from None

    def line(self, peer):
        lines = self.json("status", peer)["lines"]
        expect(len(lines) == 1, f"status {peer}: {len(lines)} lines")
        return lines[0]

    def state(self, peer):
        return self.line(peer)["state"]

    # The daemon

    def start(self, ready=True, secret=None, files=None):
        """secret: the passphrase, handed over by --passphrase-fd. files: how
        many it may have open."""
        more = ["--passphrase-fd", "0"] if secret is not None else []
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [OPENLINE, "run", "-d", self.dir, *more],
                stdin=subprocess.PIPE if more else subprocess.DEVNULL,
                stdout=log, stderr=log, env={**ENVIRONMENT, **self.env},
                preexec_fn=None if files is None else lambda:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files)))
        if more:
            self.process.stdin.write(secret.encode() + b"\n")
            self.process.stdin.close()
        if ready:
            wait_for(f"{self.name} to answer", 20, self.answers)

    def answers(self):
        expect(self.process.poll() is None, f"{self.name} ended with status "
               f"{self.process.returncode}: {self.said()[-500:]}")
        return self.run("status").returncode == 0

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def hangup(self):
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            status = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failed(f"{self.name} ignored SIGTERM for "
                         f"{PATIENCE_S} s") from None
        self.process = None
        expect(status == 0, f"{self.name} stopped with status {status}: "
               f"{self.said()[-500:]}")

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    # What passes over the line

    def delivers(self, peer, text="are you there?"):
        """Sends and waits until the other side has it; its name."""
        return self.ok("send", peer.name, text, "--wait", "delivered",
                       "--timeout", f"{PATIENCE_S}s").out.strip()


class Bed:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="olcli-")
        self.stations = []

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for station in self.stations:
            station.kill()
        if kind is not None or os.environ.get("OPENLINE_KEEP"):
            say(f"kept: {self.dir}")
            for station in self.stations:
                if os.path.exists(station.log):
                    for text in station.said().splitlines()[-8:]:
                        say(f"{station.name}: {text:.200}")
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def join(self, one, other, more=(), more_other=()):
        """Exchanges cards by hand; cable and radio, and further channels."""
        for me, peer in ((one, other), (other, one)):
            me.ok("pair", peer.card(me.name))
        for me, peer, channels in ((one, other, more),
                                   (other, one, more_other or more)):
            me.channels(peer.name,
                        f"cable tcp://127.0.0.1:{peer.port}",
                        f"radio udp://127.0.0.1:{peer.port}", *channels)

    def pair(self, *names, start=True, more=()):
        """Two stations that have each other's card, and run."""
        one, other = (Station(self, name) for name in names)
        self.join(one, other, more)
        if start:
            for station in (one, other):
                station.start()
            self.open(one, other)
        return one, other

    def open(self, one, other, states=("open",), seconds=20):
        for me, peer in ((one, other), (other, one)):
            wait_for(f"{me.name} to see {'/'.join(states)}", seconds,
                     lambda m=me, p=peer: m.state(p.name) in states)
