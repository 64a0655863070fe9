"""A station under test: its directory, its daemon, its commands.

    north = Station(lab, "a", "north")
    south = Station(lab, "b", "south")
    pair(north, south, three_channels(lab))
    north.start(), south.start()
    north.ready(), south.ready()
    north.cli("send", "south", "hello")
    north.call("status")

Only the outside contract is used: the command line, its JSON, and the control
socket. Nothing here looks into the ledger or parses the log of a daemon.
"""

import json
import os
import socket
import subprocess
import time

from lab import OPENLINE, PATIENCE_S, Failed, expect, say, wait_for

PORT = 4430
LOG_LINES_SHOWN = 15


class Refused(Exception):
    """The station answered with an error; code is the exit status."""

    def __init__(self, error):
        super().__init__(error.get("message"))
        self.code = error.get("code")


class Control:
    """One connection to a control socket.

    An OSError from call() means that the station went away half-way: what was
    asked may or may not have been done.
    """

    def __init__(self, path):
        self.number = 0
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE_S)
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise
        self.lines = self.socket.makefile("rb")

    def call(self, method, **params):
        self.say(method, **params)
        return self.heard(self.number)

    def say(self, method, **params):
        """A request whose answer is heard() later."""
        self.number += 1
        request = {"jsonrpc": "2.0", "id": self.number, "method": method,
                   "params": params}
        self.socket.sendall(json.dumps(request).encode() + b"\n")

    def heard(self, number=None):
        """The next answer; to that request, if it is given."""
        line = self.lines.readline()
        if not line.endswith(b"\n"):
            raise ConnectionResetError("the station went away half-way")
        answer = json.loads(line)
        if number not in (None, answer.get("id")):
            raise Failed(f"control: request {number}: {answer!r:.200}")
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    def close(self):
        self.lines.close()
        self.socket.close()


class Station:
    def __init__(self, lab, side, name):
        if not os.access(OPENLINE, os.X_OK):
            raise Failed(f"{OPENLINE} is not built (or set OPENLINE_BIN)")
        self.lab = lab
        self.side = side
        self.name = name
        self.dir = os.path.join(lab.dir, name)
        self.log = os.path.join(lab.dir, name + ".log")
        self.process = None
        self.control = None
        lab.stations.append(self)
        os.environ["XDG_STATE_HOME"] = os.path.join(lab.dir, "state")
        self.cli("init", self.dir, "--name", name, at_home=False)

    # Commands

    def cli(self, *args, status=0, timeout=PATIENCE_S, at_home=True, **more):
        """Runs a verb in the station's namespace and returns what it did.

        `status` is what it must exit with; None accepts anything.
        """
        command = self.lab.inside(self.side, OPENLINE, *args)
        if at_home:
            command += ["-d", self.dir]
        try:
            done = subprocess.run(command, capture_output=True, text=True,
                                  timeout=timeout, check=False, **more)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name}: {' '.join(args)!r:.200} took more "
                         f"than {timeout} s") from None
        if status is not None and done.returncode != status:
            raise Failed(f"{self.name}: {' '.join(args)!r:.200}: exit status "
                         f"{done.returncode}, not {status}: "
                         f"{(done.stderr or done.stdout).strip():.600}")
        return done

    def json(self, *args, **more):
        out = self.cli(*args, "--json", **more).stdout
        try:
            return json.loads(out)
        except ValueError as e:
            raise Failed(f"{self.name}: {' '.join(args)} --json printed no "
                         f"JSON ({e}): {out:.200}") from None

    # Configuration

    def configure(self, listen):
        lines = ["[station]", f"name = {self.name}"]
        lines += [f"listen = {url}" for url in listen]
        self.write("station.conf", lines)

    def set_line(self, peer, channels, **settings):
        """Rewrites lines.d/PEER.conf; only its card stays."""
        file = os.path.join("lines.d", peer + ".conf")
        with open(os.path.join(self.dir, file), encoding="utf-8") as f:
            lines = [line.strip() for line in f]
        cards = [line for line in lines if line.startswith("card")]
        expect(len(cards) == 1, f"{file} has {len(cards)} lines `card =`")
        lines = ["[line]", cards[0]]
        lines += [f"channel = {c}" for c in channels]
        lines += [f"{key} = {value}" for key, value in settings.items()]
        self.write(file, lines)

    def write(self, file, lines):
        with open(os.path.join(self.dir, file), "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")

    # The daemon

    def start(self):
        expect(not self.alive(), f"{self.name} runs already")
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                self.lab.inside(self.side, OPENLINE, "run", "-d", self.dir),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def ready(self, seconds=20):
        """Waits until the daemon answers."""
        def answers():
            expect(self.alive(), f"{self.name} ended by itself with status "
                   f"{self.process.returncode}; its log: {self.last_words()}")
            return self.call("status")
        wait_for(f"{self.name} to answer", seconds, answers)

    def kill(self):
        """kill -9: no goodbye, nothing flushed."""
        expect(self.alive(), f"{self.name} had ended before it was killed; "
               f"its log: {self.last_words()}")
        self.process.kill()
        self.process.wait()
        self.hang_up()

    def stop(self, seconds=PATIENCE_S):
        """SIGTERM; it must end by itself with status 0."""
        self.process.terminate()
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} ignored SIGTERM for {seconds} s") \
                from None
        self.hang_up()
        expect(status == 0, f"{self.name} stopped with status {status}; its "
               f"log: {self.last_words()}")

    def close(self):
        self.hang_up()
        if self.alive():
            self.process.kill()
            self.process.wait()

    def rss_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as f:
            for line in f:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1])
        return 0

    # The control socket

    def connect(self):
        """A connection of its own, for a thread of its own."""
        return Control(os.path.join(self.dir, "control.sock"))

    def call(self, method, **params):
        """Calls on a connection that is kept; for the main thread only."""
        if not self.control:
            self.control = self.connect()
        try:
            return self.control.call(method, **params)
        except OSError:
            self.hang_up()
            raise

    def hang_up(self):
        if self.control:
            self.control.close()
            self.control = None

    def line(self, peer):
        """The line to a peer as `status` shows it."""
        for line in self.call("status")["lines"]:
            if line["peer"] == peer:
                return line
        raise Failed(f"{self.name}: status shows no line to {peer}")

    def state(self, peer):
        return self.line(peer)["state"]

    def channels(self, peer):
        """{channel: state}"""
        return {c["name"]: c["state"] for c in self.line(peer)["channels"]}

    # What it said

    def last_words(self, lines=3):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                return " | ".join(f.read().splitlines()[-lines:])
        except OSError:
            return "(none)"

    def show_log(self):
        for line in self.last_words(LOG_LINES_SHOWN).split(" | "):
            say(f"{self.name}: {line:.200}")


def pair(one, other, channels, channels_other=None, listen=None, **settings):
    """Exchanges the cards by hand and writes both lines.

    `channels` are lines of one.conf; `channels_other` those of the other side
    (the same if not given). `settings` such as probe="1s" go to both.
    """
    listen = listen or [f"{kind}://[::]:{PORT}" for kind in ("tcp", "udp")]
    for me, peer in ((one, other), (other, one)):
        me.configure(listen)
        card = os.path.join(me.lab.dir, f"{me.name}-for-{peer.name}.card")
        with open(card, "w", encoding="utf-8") as f:
            f.write(me.cli("card", peer.name).stdout)
    for me, peer, mine in ((one, other, channels),
                           (other, one, channels_other or channels)):
        me.cli("pair",
               os.path.join(me.lab.dir, f"{peer.name}-for-{me.name}.card"))
        me.set_line(peer.name, mine, **settings)


def channel(lab, name, scheme, k, toward, version=4, more=""):
    """`cable tcp://10.1.0.2:4430`: a channel that dials side `toward`."""
    host = lab.address(k, toward, version)
    host = f"[{host}]" if version == 6 else host
    return f"{name} {scheme}://{host}:{PORT} {more}".strip()


def three_channels(lab, toward, sat="udp"):
    """One channel per path: cable (tcp), radio (udp), sat."""
    return [channel(lab, "cable", "tcp", 1, toward),
            channel(lab, "radio", "udp", 2, toward),
            channel(lab, "sat", sat, 3, toward)]


def two_paired(lab, **settings):
    """north at a and south at b on three paths; neither runs."""
    north, south = Station(lab, "a", "north"), Station(lab, "b", "south")
    pair(north, south, three_channels(lab, "b"), three_channels(lab, "a"),
         **settings)
    return north, south


def two_stations(lab, **settings):
    """The same, running."""
    stations = two_paired(lab, **settings)
    for station in stations:
        station.start()
    for station in stations:
        station.ready()
    return stations


def await_state(stations, wanted, seconds, promised=False):
    """Waits until every station shows its line to the other in a state of
    `wanted`; returns how long each took. `seconds` as for wait_for."""
    started = time.monotonic()
    took = {}

    def all_there():
        for me, peer in (stations, stations[::-1]):
            if me.name not in took and me.state(peer.name) in wanted:
                took[me.name] = time.monotonic() - started
        return len(took) == 2
    try:
        wait_for("", seconds, all_there, promised=promised)
    except Failed:
        seen = {me.name: me.line(peer.name)["state"]
                for me, peer in (stations, stations[::-1])}
        raise Failed(f"lines not {'/'.join(wanted)} after "
                     f"{time.monotonic() - started:.0f} s: {seen}") from None
    return took
