"""Two network namespaces, a wire between them, and a bounded life.

    with Lab(paths=3) as lab:
        lab.wire.tell("path 1 delay 10")
        s = lab.socket("a", socket.SOCK_DGRAM)
        ...

         namespace ol<pid>a      wire       namespace ol<pid>b
    path1   10.1.0.1 fd01::1  <=======>  10.1.0.2 fd01::2   path1
    path2   10.2.0.1 fd02::1  <=======>  10.2.0.2 fd02::2   path2  ...

Each path is a device of its own at either end, so paths share nothing. The
sides are called "a" and "b", as in the wire's directions ab and ba.

A scenario is a function of no arguments that makes a Lab and raises Failed or
Skip; `main` runs it and prints one line: PASS, FAIL or SKIP. Whatever happens,
also a signal, the processes and namespaces go; what a killed lab left behind
is swept away by the next one. The files are kept if the scenario failed, or
if OPENLINE_KEEP is set.

Randomness comes from OPENLINE_SEED (printed; made up if it is not set).
"""

import atexit
import ctypes
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

import side

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OPENLINE = os.path.abspath(os.environ.get(
    "OPENLINE_BIN", os.path.join(ROOT, "build", "openline")))
SIDES = ("a", "b")
CLONE_NEWNET = 0x40000000
NAMESPACE = re.compile(r"^ol([0-9]+)[ab]$")


class Failed(Exception):
    """What was tested does not hold; the text says what was seen."""


class Skip(Exception):
    """This machine cannot run the test; the text says why."""


def expect(condition, why):
    if not condition:
        raise Failed(why)


# What a busy machine may take for anything that is no promise of ours. It
# costs nothing when the test passes.
PATIENCE_S = 120


def wait_for(what, seconds, probe, every=0.05, promised=False, moves=None):
    """Polls until probe() is true and returns its value.

    `seconds` is what it takes at most on an idle machine. It is the bound of
    the wait only if it is `promised`, by the protocol or to a user; else the
    wait lasts PATIENCE_S at least. Fails then, naming what was waited for. Of
    much work, which a busy disk may make long, `moves` tells how far it is: the
    time counts from when that last changed. An OSError counts as not yet: a
    daemon that is being restarted refuses connections.
    """
    if not promised:
        seconds = max(seconds, PATIENCE_S)
    end = time.monotonic() + seconds
    why, seen = "", None
    while True:
        try:
            value = probe()
            why = ""
            if value:
                return value
            if moves and (far := moves()) != seen:
                seen, end = far, time.monotonic() + seconds
        except OSError as e:
            why = f" ({e})"
        if time.monotonic() > end:
            raise Failed(f"waited {seconds:g} s in vain for {what}{why}")
        time.sleep(every)


def say(text):
    print(f"  {text}", flush=True)


def run(*args, **more):
    """Runs a program that must succeed; Failed shows its complaint."""
    done = subprocess.run(args, capture_output=True, text=True,
                          timeout=PATIENCE_S, check=False, **more)
    if done.returncode != 0:
        raise Failed(f"{' '.join(args)}: {done.stderr.strip()}")
    return done.stdout


class Wire:
    """The process that joins the two namespaces; see wire.c for commands."""

    def __init__(self, program, names, paths, seed, log, mtu=1500):
        self.log = log
        with open(log, "w", encoding="utf-8") as err:
            self.process = subprocess.Popen(
                [program, "-s", str(seed), "-m", str(mtu), *names, str(paths)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err,
                text=True, bufsize=1)
        if self.process.stdout.readline() != "ready\n":
            raise Failed("the wire did not start: " + self.complaint())

    def complaint(self):
        with open(self.log, encoding="utf-8") as f:
            return f.read().strip()

    def ask(self, line):
        """One command, its one line of answer."""
        try:
            self.process.stdin.write(line + "\n")
        except BrokenPipeError:
            pass
        answer = self.process.stdout.readline()
        if not answer:
            raise Failed("the wire died: " + self.complaint())
        return answer.strip()

    def tell(self, *lines):
        """Commands that must be obeyed."""
        for line in lines:
            answer = self.ask(line)
            if answer != "ok":
                raise Failed(f"wire: {line}: {answer}")

    def stats(self):
        """{(path, "ab"|"ba"): {"packets": ..., ...}}; see wire.h."""
        paths = json.loads(self.ask("stats"))["paths"]
        return {(p["path"], d): p[d] for p in paths for d in ("ab", "ba")}

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Namespace:
    """Sockets made inside `with Namespace(name):` belong to it for good.

    Only the calling thread moves, and only for the length of the block.
    """

    libc = ctypes.CDLL(None, use_errno=True)

    def __init__(self, name):
        self.file = f"/run/netns/{name}"

    def enter(self, fd):
        if self.libc.setns(fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def __enter__(self):
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        fd = os.open(self.file, os.O_RDONLY)
        try:
            self.enter(fd)
        finally:
            os.close(fd)

    def __exit__(self, *_):
        self.enter(self.home)
        os.close(self.home)


def live_labs():
    """The labs of this process that are to be closed at its end."""
    return list(Lab.open_labs)


class Lab:
    open_labs = []

    def __init__(self, paths=3, seed=None, mtu=1500):
        self.seed = int(os.environ.get("OPENLINE_SEED") or
                        random.SystemRandom().randrange(1 << 31)) \
            if seed is None else seed
        self.random = random.Random(self.seed)
        self.paths = paths
        self.mtu = mtu
        self.wire = None
        self.stations = []
        self.failed = False
        self.names = {s: f"ol{os.getpid()}{s}" for s in SIDES}
        self.dir = None

    def __enter__(self):
        require_namespaces()
        sweep()
        Lab.open_labs.append(self)
        try:
            self.open()
        except BaseException:
            self.failed = True
            self.close()
            raise
        return self

    def __exit__(self, kind, *_):
        self.failed = kind is not None and kind is not Skip
        self.close()

    def open(self):
        self.dir = tempfile.mkdtemp(prefix=f"ol{os.getpid()}-")
        say(f"seed {self.seed} (OPENLINE_SEED={self.seed} repeats it)")
        for side, name in self.names.items():
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
            self.hosts(side, {})
        self.wire = Wire(wire_program(self.dir), self.names.values(),
                         self.paths, self.seed,
                         os.path.join(self.dir, "wire.log"), self.mtu)
        for side in SIDES:
            for k in range(1, self.paths + 1):
                self.configure(side, k)

    def configure(self, side, k):
        ip = ("ip", "-n", self.names[side])
        dev = ("dev", f"path{k}")
        # No link-local address: its chatter would use up random numbers of
        # the wire and make two runs unlike.
        run(*ip, "link", "set", *dev, "addrgenmode", "none")
        run(*ip, "link", "set", *dev, "multicast", "off")
        run(*ip, "link", "set", *dev, "up")
        run(*ip, "addr", "add", self.address(k, side) + "/24", *dev)
        if self.has_ipv6():
            run(*ip, "-6", "addr", "add", self.address(k, side, 6) + "/64",
                *dev, "nodad")

    @staticmethod
    def has_ipv6():
        return os.path.exists("/proc/net/if_inet6")

    def address(self, k, side, version=4):
        host = SIDES.index(side) + 1
        return f"10.{k}.0.{host}" if version == 4 else f"fd{k:02x}::{host}"

    def hosts(self, side, names, ipv4=True):
        """What the names mean to programs in that namespace; no other name
        resolves, and the attempt fails at once. Addresses of one name are
        separated by blanks."""
        folder = f"/etc/netns/{self.names[side]}"
        os.makedirs(folder, exist_ok=True)
        lines = ["127.0.0.1 localhost"] if ipv4 else []
        lines += ["::1 localhost"]
        lines += [f"{address} {name}" for name, addresses in names.items()
                  for address in addresses.split()]
        with open(f"{folder}/hosts", "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        with open(f"{folder}/resolv.conf", "w", encoding="utf-8") as f:
            f.write(f"nameserver {'127.0.0.1' if ipv4 else '::1'}\n"
                    "options timeout:1 attempts:1\n")

    def socket(self, side, kind, version=4):
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        with Namespace(self.names[side]):
            return socket.socket(family, kind)

    def inside(self, side, *command):
        """A command line that runs in a namespace (as the same process)."""
        return ["ip", "netns", "exec", self.names[side], *command]

    def close(self):
        if self not in Lab.open_labs:
            return
        Lab.open_labs.remove(self)
        for station in self.stations:
            station.close()
        if self.wire:
            self.wire.close()
        for name in self.names.values():
            remove_namespace(name)
        if self.failed or os.environ.get("OPENLINE_KEEP"):
            say(f"kept: {self.dir}")
            for station in self.stations:
                station.show_log()
        elif self.dir:
            shutil.rmtree(self.dir, ignore_errors=True)


def remove_namespace(name):
    """Ends what still runs in it; best effort, for it runs at the end."""
    pids = subprocess.run(["ip", "netns", "pids", name], text=True,
                          capture_output=True, check=False).stdout.split()
    for pid in pids:
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass
    subprocess.run(["ip", "netns", "del", name], capture_output=True,
                   check=False)
    shutil.rmtree(f"/etc/netns/{name}", ignore_errors=True)


def sweep():
    """Removes the namespaces of labs whose process was killed."""
    for name in os.listdir("/run/netns"):
        owner = NAMESPACE.match(name)
        if owner and not os.path.exists(f"/proc/{owner[1]}"):
            remove_namespace(name)


def require_namespaces():
    if not shutil.which("ip"):
        raise Skip("the command ip (Debian: iproute2) is missing")
    if os.geteuid() != 0:
        raise Skip("making network namespaces needs root")
    if not os.path.exists("/dev/net/tun"):
        raise Skip("/dev/net/tun is missing (modprobe tun)")
    probe = f"ol{os.getpid()}a"
    made = subprocess.run(["ip", "netns", "add", probe], text=True,
                          capture_output=True, check=False)
    if made.returncode != 0:
        raise Skip("network namespaces: " + made.stderr.strip())
    subprocess.run(["ip", "netns", "del", probe], check=False)


def wire_program(folder):
    """The built wire; without a build it is compiled on the spot."""
    built = os.path.join(os.path.dirname(OPENLINE), "tests", "net", "wire")
    built = os.environ.get("OPENLINE_WIRE", built)
    if os.path.exists(built):
        return built
    made = os.path.join(folder, "wire")
    sources = [os.path.join(HERE, f) for f in
               ("wire.c", "wire_ctl.c", "wire_path.c")]
    run("cc", "-D_GNU_SOURCE", "-std=gnu11", "-O2", "-o", made, *sources)
    return made


def main(scenarios):
    """Runs {name: function}; one line each; returns the exit status.

    Arguments choose scenarios by name. OPENLINE_JOBS=N in the environment
    runs up to N of them side by side (side.py).
    """
    for s in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, lambda number, _: sys.exit(128 + number))
    atexit.register(lambda: [lab.close() for lab in live_labs()])
    chosen = sys.argv[1:] or list(scenarios)
    unknown = [name for name in chosen if name not in scenarios]
    if unknown:
        sys.exit(f"no scenario {unknown[0]}; there are {', '.join(scenarios)}")
    jobs = int(os.environ.pop("OPENLINE_JOBS", None) or 1)
    if jobs > 1 and len(chosen) > 1:
        return side.many(chosen, jobs, lambda name: judge(name, scenarios))
    return max([judge(name, scenarios) for name in chosen])


def judge(name, scenarios):
    """Runs one scenario and prints its line; 1 if it failed."""
    status = 0
    started = time.monotonic()
    try:
        scenarios[name]()
        print(f"PASS {name}", flush=True)
    except Skip as e:
        print(f"SKIP {name}: {e}", flush=True)
    except Failed as e:
        status = 1
        print(f"FAIL {name}: {e}", flush=True)
    except Exception as e:  # a defect of the test must not hide the rest
        traceback.print_exc()
        status = 1
        print(f"FAIL {name}: {type(e).__name__}: {e}", flush=True)
    finally:
        for lab in live_labs():
            lab.close()
    say(f"{name} took {time.monotonic() - started:.1f} s")
    return status
