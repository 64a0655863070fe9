"""The peers under the load of a benchmark, in the same run and table.

    beside.death(runs, parts)   each adds figures to the load of its name; the
    beside.loss(...)            parts are those of ours, so that they stand
    beside.durable(...)         together

A peer is opened anew for each run. Who is not installed is said and skipped.
"""

import random
import time

import measure
import peers
from measure import net

SIZE = 200


def those(world, paths, names):
    """(name, what opens it) of those that are here."""
    ways = {"tcp": lambda: peers.tcp(world, paths),
            "mptcp": lambda: peers.mptcp(world, paths),
            "backup": lambda: peers.mptcp(world, paths, backup=paths[1:]),
            "mosquitto": lambda: peers.mosquitto(world, paths),
            "nats": lambda: peers.nats(world, paths)}
    return [ways[name] for name in names
            if peers.available("mptcp" if name == "backup" else name)]


def took_ms(seen):
    return [None if m.committed is None else 1000 * (m.committed - m.at)
            for m in seen]


def death(runs, parts):
    """The better of two paths is cut at a random moment; the worst message."""
    worst = {}
    for _ in range(runs):
        with net.Lab(paths=2) as world:
            world.wire.tell("path 1 delay 10", "path 2 delay 30")
            for make in those(world, [1, 2], ("mptcp", "backup", "tcp",
                                              "mosquitto", "nats")):
                world.wire.tell("path 1 up")
                with make() as peer:
                    peer.settle("death")
                    time.sleep(0.5) # the other subflow joins
                    run = peer.paced(60, 0.1, SIZE)
                    time.sleep(2 + random.uniform(0, 0.1))
                    world.wire.tell("path 1 cut")
                    worst.setdefault(peer.what, []).append(
                        measure.quantile(took_ms(run.wait(30)), 1))
    for part in parts:
        for what, values in worst.items():
            known = [v for v in values if v is not None]
            measure.figure("death", what, max(known) if known == values
                           else None, "ms", part=part,
                           spread=(min(known), max(known)) if known else None)


def loss(runs, count, percents, part):
    """Each on one path of 100 ms; TCP is measured with ours, so it is not
    among them. `part` makes the name of one from the percentage."""
    for percent in percents:
        seen = {}
        for _ in range(runs):
            with net.Lab(paths=1) as world:
                world.wire.tell("path 1 delay 50")
                for make in those(world, [1], ("mosquitto", "nats")):
                    with make() as peer:
                        peer.settle("loss")
                        world.wire.tell(f"path 1 loss {percent}")
                        run = peer.paced(count, 0.2, SIZE)
                        seen.setdefault(peer.what, []).extend(
                            took_ms(run.wait(count * 0.2 + 60)))
                        world.wire.tell("path 1 loss 0")
        for what, times in seen.items():
            never = times.count(None)
            measure.figure("loss", what, measure.quantile(times, .99), "ms",
                           part=part(percent), note=f"{never} not within a "
                           "minute of the last" if never else "")


def durable(rounds, windows, part, seconds=2):
    """Acknowledged messages a second over a wire without delay; the wire and
    the peers share this machine's cores."""
    seen = {}
    with net.Lab(paths=1) as world:
        for _ in range(rounds):
            for make in those(world, [1], ("tcp", "mosquitto", "nats")):
                with make() as peer:
                    peer.settle("durable")
                    for window in windows:
                        rate = peer.flood(20 * min(window, 256),
                                          window, SIZE) or 1
                        seen.setdefault((window, peer.what), []).append(
                            peer.flood(max(50, int(rate * seconds)), window,
                                       SIZE))
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


def blackout(runs, seconds, part):
    """One message said one second into the dark; when it is committed after
    the return."""
    seen = {}
    for _ in range(runs):
        with net.Lab(paths=2) as world:
            world.wire.tell("path all delay 10")
            for make in those(world, [1, 2], ("mptcp", "tcp", "mosquitto",
                                              "nats")):
                world.wire.tell("path all up")
                with make() as peer:
                    peer.settle("blackout")
                    peer.paced(5, 0.1, SIZE).wait(20)
                    world.wire.tell("path all cut")
                    time.sleep(1)
                    run = peer.paced(1, 0.1, SIZE)
                    time.sleep(seconds - 1)
                    world.wire.tell("path all up")
                    back = time.monotonic()
                    message, = run.wait(60)
                    seen.setdefault(peer.what, []).append(
                        message.committed and message.committed - back)
    for what, values in seen.items():
        measure.medians("blackout", what, values, "s", part=part)
