"""The peers under the load of a benchmark, in the same run and table.

    beside.death(runs, parts)   each adds figures to the load of its name; the
    beside.durable(...)         parts are those of ours, so that they stand
    beside.bulk(...)            together
    beside.loss(...)            what was seen, which loss.py tells with ours

A peer is opened anew for each run. Who is not installed is said and skipped.
Where most of the time is waiting, each has paths of its own and all wait at
once.
"""

import contextlib
import random
import time

import measure
import peer_nncp
import peers
from measure import net

SIZE = 200
LOSSY = ("tcp", "mosquitto", "nats", "nncp")
DARK = ("mptcp", "tcp", "mosquitto", "nats", "nncp")
DARK_PATHS = 2 # each
DEATH_WAIT_S, LOSS_WAIT_S, DARK_WAIT_S = 15, 60, 60


class Loopback:
    """Both sides in one namespace of a lab, as durable.py has ours."""

    def __init__(self, world):
        self.dir, self.names = world.dir, {"b": world.names["b"]}
        self.inside = lambda _, *command: world.inside("b", *command)
        self.socket = lambda _, kind: world.socket("b", kind)

    @staticmethod
    def address(_path, _side):
        return "127.0.0.1"


def those(world, paths, names):
    """(name, what opens it) of those that are here."""
    ways = {"tcp": lambda: peers.tcp(world, paths),
            "mptcp": lambda: peers.mptcp(world, paths),
            "backup": lambda: peers.mptcp(world, paths, backup=paths[1:]),
            "mosquitto": lambda: peers.mosquitto(world, paths),
            "nats": lambda: peers.nats(world, paths),
            "nncp": lambda: peer_nncp.nncp(world, paths)}
    return [ways[name] for name in names
            if peers.available("mptcp" if name == "backup" else name)]


def took_ms(seen):
    return [None if m.committed is None else 1000 * (m.committed - m.at)
            for m in seen]


def each_its_own(world, stack, load, names, paths=1, first=1):
    """[(paths, peer)], each on as many paths of its own from `first` on."""
    opened = []
    for name in names:
        for make in those(world, list(range(first, first + paths)), (name,)):
            peer = stack.enter_context(make())
            peer.settle(load)
            opened.append((list(range(first, first + paths)), peer))
            first += paths
    return opened


def death(runs, parts):
    """The better of two paths of each is cut at a random moment; the worst
    message. MPTCP is known to a namespace once, so its other way has a turn
    of its own."""
    worst = {}
    for _ in range(runs):
        for names in (("mptcp", "tcp", "mosquitto", "nats"),
                      ("backup", "nncp")):
            for what, took in one_death(names).items():
                worst.setdefault(what, []).append(took)
    for part in parts:
        for what, values in worst.items():
            known = [v for v in values if v is not None]
            measure.figure("death", what, max(known) if known == values
                           else None, "ms", part=part,
                           note="" if known == values else
                           f"not within {DEATH_WAIT_S} s of the last",
                           spread=(min(known), max(known)) if known else None)


def one_death(names):
    """{what: milliseconds of its worst message}"""
    with net.Lab(paths=2 * len(names)) as world, \
            contextlib.ExitStack() as stack:
        ready = each_its_own(world, stack, "death", names, 2)
        for (near, far), _ in ready:
            world.wire.tell(f"path {near} delay 10", f"path {far} delay 30")
        time.sleep(0.5) # the other subflow joins
        running = [(peer.what, peer.paced(60, 0.1, SIZE)) for _, peer in ready]
        time.sleep(2 + random.uniform(0, 0.1))
        world.wire.tell(*(f"path {near} cut" for (near, _), _ in ready))
        end = time.monotonic() + 4 + DEATH_WAIT_S
        return {what: measure.quantile(took_ms(run.wait(
            max(0.1, end - time.monotonic()))), 1) for what, run in running}


def loss(runs, count, percents):
    """{percentage: {what: [(milliseconds, bytes a message, seconds of the
    last)]}}, each on a path of 100 ms of its own, all at once."""
    seen = {percent: {} for percent in percents}
    for _ in range(runs):
        with net.Lab(paths=len(LOSSY) * len(percents)) as world, \
                contextlib.ExitStack() as stack:
            world.wire.tell("path all delay 50")
            ready = []
            for k, percent in enumerate(percents):
                ready += [(percent, path, peer) for (path,), peer in
                          each_its_own(world, stack, "loss", LOSSY,
                                       first=1 + k * len(LOSSY))]
            for percent, path, _ in ready:
                world.wire.tell(f"path {path} loss {percent}")
            before = path_bytes(world)
            running = [peer.paced(count, 0.2, SIZE) for _, _, peer in ready]
            end = time.monotonic() + count * 0.2 + LOSS_WAIT_S
            for (percent, path, peer), run in zip(ready, running):
                sent = run.wait(max(0.1, end - time.monotonic()))
                used = path_bytes(world)[path] - before[path]
                last = sent[-1].committed
                seen[percent].setdefault(peer.what, []).append(
                    (took_ms(sent), used / count,
                     last - sent[-1].at if last else float("inf")))
    return seen


def path_bytes(world):
    """{path: what entered the wire there, both ways}"""
    used = {}
    for (path, _), flow in world.wire.stats().items():
        used[path] = used.get(path, 0) + flow["bytes"]
    return used


def durable(rounds, windows, part, seconds=2):
    """Acknowledged messages a second on the loopback, as ours."""
    seen = {}
    with net.Lab(paths=1) as world:
        for _ in range(rounds):
            for make in those(Loopback(world), [1], ("tcp", "mosquitto",
                                                     "nats", "nncp")):
                with make() as peer:
                    peer.settle("durable")
                    for window in windows:
                        if window > peer.outstanding_most:
                            continue
                        seen.setdefault((window, peer.what), []).append(
                            peer.pace(window, SIZE, seconds))
    for (window, what), rates in seen.items():
        measure.medians("durable", what, rates, "/s",
                        part=part(window))


def bulk(rounds, paths, size, part):
    """`paths` are (Mbit/s, ms there and back); the share of their sum."""
    most = sum(rate for rate, _ in paths) * 1e6
    seen = {}
    for _ in range(rounds):
        with net.Lab(paths=len(paths)) as world:
            for k, (rate, rtt) in enumerate(paths, 1):
                world.wire.tell(f"path {k} rate {rate * 1000000}",
                                f"path {k} delay {rtt / 2}",
                                f"path {k} queue {rate * rtt * 1000 // 8}")
            for make in those(world, list(range(1, len(paths) + 1)),
                              ("mptcp",)):
                with make() as peer:
                    peer.settle("bulk")
                    time.sleep(0.5)
                    took = peer.bulk(size)
                    seen.setdefault(peer.what, []).append(
                        took and size * 8 / took / most)
    for what, shares in seen.items():
        measure.medians("bulk", what, shares, "", part=part)


class Blackout:
    """The peers of a blackout, on paths behind those of ours, which are cut
    and given back with them.

        with beside.Blackout(world, 4, 500) as others:
            ... cut ... others.say() ... give back ... others.delivered()
    """

    def __init__(self, world, first, count):
        self.world, self.first, self.count = world, first, count
        self.stack, self.running = contextlib.ExitStack(), []

    def __enter__(self):
        # A file a message is no way to say 500.
        names = DARK if self.count == 1 else DARK[:-1]
        self.peers = [peer for _, peer in each_its_own(
            self.world, self.stack, "blackout", names, DARK_PATHS,
            self.first)]
        for peer in self.peers:
            peer.paced(5, 0.1, SIZE).wait(20)
        return self

    def __exit__(self, *_):
        self.stack.close()

    def say(self):
        self.running = [(peer.what, peer.paced(self.count, 0, SIZE))
                        for peer in self.peers]

    def delivered(self, back):
        """{what: seconds from then until the last is acknowledged}"""
        end, seen = back + DARK_WAIT_S, {}
        for what, run in self.running:
            acked = [m.acked for m in
                     run.wait(max(0.1, end - time.monotonic()))]
            seen[what] = None if None in acked else max(acked) - back
        return seen
