"""Tests side by side: each in a process and a network of its own.

    side.many(names, jobs, one)      one(name) runs a test and returns a status

What a test printed is shown whole as it ends, so the output reads as if they
had run in a row. Each has a loopback of its own where this machine allows
that, so no two can want one port; where it does not, they go one by one.
A test that dies without a verdict is a failure. If we are told to end, the
tests are told first, and have the time to clean up after themselves.
"""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile

CLONE_NEWNET = 0x40000000


def own_network():
    """Moves this process into a new network with a loopback; false if not."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        return False
    return subprocess.run(["ip", "link", "set", "lo", "up"],
                          capture_output=True, check=False).returncode == 0


def allowed():
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if own_network() else 1)
        except OSError:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def start(name, one):
    """A child that runs the test; (its pid, what it prints)."""
    out = tempfile.TemporaryFile()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid, out
    status = 1
    try:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
        own_network()
        status = one(name)
    except SystemExit as e:
        status = e.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status if isinstance(status, int) else 1)


def show(name, out, status):
    """What the test said, and its verdict if it gave none."""
    out.seek(0)
    text = out.read().decode(errors="replace")
    out.close()
    print(text, end="" if text.endswith("\n") or not text else "\n")
    verdicts = [line.split(" ", 1)[0] for line in text.splitlines()]
    if not {"PASS", "FAIL", "SKIP"} & set(verdicts):
        print(f"FAIL {name}: it ended without a word, status {status}")
        status = status or 1
    sys.stdout.flush()
    return status


def many(names, jobs, one):
    """Runs all; 1 if one failed."""
    if not allowed():
        jobs = 1
    waiting, running, failed = list(names), {}, False
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                name = waiting.pop(0)
                pid, out = start(name, one)
                running[pid] = name, out
            pid, ended = os.wait()
            if pid in running:
                status = os.waitstatus_to_exitcode(ended)
                failed |= show(*running.pop(pid), status) != 0
    finally:
        for pid in running:
            os.kill(pid, signal.SIGTERM)
        for pid in running:
            os.waitpid(pid, 0)
    return 1 if failed else 0
