"""What a user would otherwise have, each behind the same few calls.

    with peers.mptcp(world, [1, 2]) as peer:
        run = peer.paced(100, 0.1, 200)         # returns at once
        world.wire.tell("path 1 cut")
        for message in run.wait(20): message.committed - message.at

The sender is at side a, the receiver at b, brokers beside the receiver; who
is named with several paths has an address on each. `available` says whether a
peer is installed; who is missing is said once.
"""

import collections
import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading

import measure
import peer_words
from measure import net

TALK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer_talk.py")
SILENCE_S = 1

# CLOCK_MONOTONIC seconds; None: never.
Sent = collections.namedtuple("Sent", "at committed acked")

# What the peers of the kernel share: on a path with few packets under way a
# lost one is repeated after a constant time, and sooner than by default.
TUNED = {"net.ipv4.tcp_thin_linear_timeouts": 1,
         "net.ipv4.tcp_rto_min_us": 50000,
         "net.ipv4.tcp_slow_start_after_idle": 0,
         "net.mptcp.enabled": 1, "net.mptcp.stale_loss_cnt": 1}
TCP_WORDS = ("TCP_NODELAY, thin linear timeouts, least timeout 50 ms, no slow "
             f"start after idle, {peer_words.Line.congestion()}")
SYNCED = "yes: append and fdatasync, at the sender too before it is sent"


def tuned(world):
    """Sets what this kernel knows of it in the namespaces."""
    for side in world.names:
        for key, value in TUNED.items():
            subprocess.run(world.inside(side, "sysctl", "-q", "-w",
                                        f"{key}={value}"),
                           capture_output=True, check=False)


def read_times(file):
    """{index: when it was first committed} of what a hearer wrote."""
    found = {}
    with open(file, encoding="utf-8") as f:
        for text in f:
            if text.endswith("\n"):
                index, when = text.split()
                found.setdefault(int(index), float(when))
    return found


class Run:
    """One command of a sender, under way."""

    def __init__(self, peer):
        self.peer, self.line = peer, None
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        self.line = self.peer.sayer.stdout.readline()

    def wait(self, seconds):
        """[Sent] once all is acknowledged, or of what is after so long."""
        self.thread.join(seconds)
        if self.line is None:
            self.peer.tell("stop")
            self.thread.join(net.PATIENCE_S)
        net.expect(self.line, f"the sender of {self.peer.what} died")
        seen = json.loads(self.line)
        there = read_times(self.peer.file)
        return [Sent(at, there.get(seen["first"] + k), acked)
                for k, (at, acked) in enumerate(zip(seen["at"],
                                                    seen["acked"]))]


def rate(seen, count):
    """Acknowledged messages a second, if all were."""
    acked = [m.acked for m in seen]
    if None in acked or len(acked) < count:
        return None
    return count / (max(acked) - seen[0].at)


class Peer:
    """A sender and a receiver that run until it is closed."""
    count = 0
    outstanding_most = 1 << 16

    def __init__(self, world, what, kind, paths, *, settings, durable,
                 encrypted="no"):
        Peer.count += 1
        self.world, self.what, self.kind, self.paths = world, what, kind, paths
        self.settings, self.durable = settings, durable
        self.encrypted = encrypted
        self.file = os.path.join(world.dir, f"{kind}-{Peer.count}")
        self.running, self.sayer = [], None
        self.addresses = [world.address(k, "b") for k in paths]

    def launch(self, side, *command, talks=True):
        with open(f"{self.file}-{len(self.running)}.log", "w",
                  encoding="utf-8") as log:
            process = subprocess.Popen(
                self.world.inside(side, *command), stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if talks else log, stderr=log,
                text=True)
        self.running.append(process)
        if talks:
            net.expect(process.stdout.readline() == "ready\n",
                       f"{self.what}: {' '.join(command[-6:])} did not start")
        return process

    def talk(self):
        hears = self.addresses if self.kind in ("line", "mptcp") else \
            self.addresses[:1]
        self.launch("b", sys.executable, TALK, "hear", self.kind, self.file,
                    *hears)
        dials = self.addresses[:1] if self.kind == "mptcp" else self.addresses
        silence = SILENCE_S if len(dials) > 1 else 0
        self.sayer = self.launch("a", sys.executable, TALK, "say", self.kind,
                                 self.file + ".said", str(silence), *dials)

    def ear(self):
        """What a server listens at that knows only one address or all."""
        return self.addresses[0] if len(self.addresses) == 1 else "0.0.0.0"

    def settle(self, load):
        """Says on the page how it was set."""
        measure.peer(load, self.what, self.settings, self.durable,
                     self.encrypted)

    def tell(self, text):
        self.sayer.stdin.write(text + "\n")
        self.sayer.stdin.flush()

    def paced(self, count, gap_s, size):
        self.tell(f"paced {count} {gap_s} {size}")
        return Run(self)

    def flood(self, count, window, size, seconds=120):
        """Acknowledged messages a second."""
        self.tell(f"flood {count} {window} {size}")
        return rate(Run(self).wait(seconds), count)

    def pace(self, window, size, seconds):
        """The same for about so many seconds."""
        rate_seen = self.flood(20 * min(window, 256), window, size) or 1
        return self.flood(max(50, int(rate_seen * seconds)), window, size)

    def bulk(self, size, seconds=120, piece=1 << 16):
        """Seconds until the receiver has committed so many bytes."""
        self.tell(f"flood {-(-size // piece)} 256 {piece}")
        seen = Run(self).wait(seconds)
        ends = [m.committed for m in seen]
        if None in ends or len(ends) * piece < size:
            return None
        return max(ends) - seen[0].at

    def close(self):
        for process in reversed(self.running):
            process.terminate()
        for process in self.running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    with contextlib.suppress(OSError):
                        pipe.close()


@contextlib.contextmanager
def opened(peer, *prepare):
    try:
        for step in prepare:
            step()
        peer.talk()
        yield peer
    finally:
        peer.close()


def failover(paths):
    return f"; silent for {SILENCE_S} s: dials the other address and says " \
        "again what is unacknowledged" if len(paths) > 1 else ""


def tcp(world, paths):
    """One connection by the first path; another by the next on silence."""
    tuned(world)
    return opened(Peer(world, "TCP", "line", paths,
                       settings=TCP_WORDS + failover(paths),
                       durable=SYNCED))


def mptcp(world, paths, backup=()):
    """One connection with a subflow by each path; those of `backup` are used
    when no other works."""
    tuned(world)
    for side in net.SIDES:
        name = world.names[side]
        net.run("ip", "-n", name, "mptcp", "limits", "set", "subflow", "8",
                "add_addr_accepted", "8")
        net.run("ip", "-n", name, "mptcp", "endpoint", "flush")
    for k in paths[1:]:
        net.run("ip", "-n", world.names["b"], "mptcp", "endpoint", "add",
                world.address(k, "b"), "dev", f"path{k}", "signal",
                *(["backup"] if k in backup else []))
    what = "MPTCP, backup" if backup else "MPTCP"
    words = f"{len(paths)} subflows" + \
        (", the later ones backup" if backup else ", all live")
    return opened(Peer(world, what, "mptcp", paths,
                       settings=f"{words}; stale_loss_cnt 1, {TCP_WORDS}",
                       durable=SYNCED))


def mosquitto(world, paths):
    peer = Peer(world, "Mosquitto QoS 2", "mqtt", paths,
                settings="persistence, autosave_interval 1 s, no limit in "
                "flight or queued, set_tcp_nodelay, clean session off" +
                failover(paths),
                durable="no: saves its whole state once a second, without "
                "fsync before it acknowledges")
    tuned(world)

    def broker():
        conf = peer.file + ".conf"
        lines = [f"listener 1883 {a}" for a in peer.addresses]
        lines += ["allow_anonymous true", "persistence true",
                  f"persistence_location {peer.file}-store/",
                  "autosave_interval 1", "max_inflight_messages 0",
                  "max_queued_messages 0", "set_tcp_nodelay true", "user root",
                  "log_type error"]
        os.makedirs(peer.file + "-store")
        with open(conf, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        peer.launch("b", program("mosquitto"), "-c", conf, talks=False)
        await_port(peer, 1883)
    return opened(peer, broker)


def nats(world, paths):
    peer = Peer(world, "NATS JetStream", "nats", paths,
                settings="file storage, one replica, message ids, push "
                "consumer without acknowledgements" + failover(paths),
                durable="no: syncs every 2 min; this version lets none set "
                "it; the client keeps nothing")
    tuned(world)

    def server():
        conf = peer.file + ".conf"
        with open(conf, "w", encoding="utf-8") as f:
            f.write(f"listen: {peer.ear()}:4222\nwrite_deadline: \"10s\"\n"
                    f"jetstream {{ store_dir: \"{peer.file}-store\" }}\n")
        peer.launch("b", program("nats-server"), "-c", conf, talks=False)
        await_port(peer, 4222)
    return opened(peer, server)


def await_port(peer, port):
    """Until something listens there; it is looked at from its own side."""
    def listens():
        probe = peer.world.socket("b", net.socket.SOCK_STREAM)
        try:
            probe.connect((peer.addresses[0], port))
            return True
        finally:
            probe.close()
    net.wait_for(f"{peer.what} to listen", 10, listens)


def program(name):
    found = shutil.which(name, path=os.environ.get("PATH", "") +
                         ":/usr/sbin:/usr/local/sbin")
    if not found:
        raise net.Skip(f"{name} is not installed")
    return found


NEEDS = {"mosquitto": "mosquitto", "nats": "nats-server", "nncp": "nncp-call"}
missing = set()


def available(name):
    """Is it here? Says so once if not."""
    try:
        program(NEEDS.get(name, "ip"))
    except net.Skip as e:
        if name not in missing:
            missing.add(name)
            print(f"  {name} not measured: {e}")
        return False
    if name == "mptcp" and not os.path.exists("/proc/sys/net/mptcp/enabled"):
        if name not in missing:
            missing.add(name)
            print("  MPTCP not measured: this kernel has none")
        return False
    return True
