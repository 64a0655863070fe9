#!/usr/bin/env python3
"""What the engine costs beside its cipher: frames of 1,200 bytes, both sides.

    bench/engine.py [MIB]       64

Runs build/bench/engine (engine.c): an attachment goes from one line to another
in one process; libsodium alone seals and opens the same packets in turn with
it. `data alone` counts the cipher for frames with data only, as if nothing had
to be acknowledged.
"""

import json
import os
import subprocess
import sys

import measure

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOAD = "engine"
GOAL = "<= 1.45"


def engine():
    program = os.path.join(ROOT, "build", "bench", "engine")
    if not os.access(program, os.X_OK):
        raise measure.net.Skip(f"{program} is not built: bench/run engine")
    done = subprocess.run([program] + sys.argv[1:2], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        raise measure.net.Failed(done.stderr.strip())
    turns = [json.loads(line) for line in done.stdout.splitlines()]
    part = "processor time of a frame with data, sent and taken"
    for what, key in (("libsodium, all packets", "cipher_ns"),
                      ("libsodium, data alone", "cipher_data_ns"),
                      ("openline", "engine_ns")):
        measure.medians(LOAD, what, [t[key] for t in turns], "ns", part=part)
    part = "openline, as a multiple of libsodium"
    for what, key in (("for the same packets", "cipher_ns"),
                      ("data alone", "cipher_data_ns")):
        # The goal is of the same packets on both sides.
        goal = GOAL if key == "cipher_ns" else None
        measure.medians(LOAD, what, [t["engine_ns"] / t[key] for t in turns],
                        "x", goal=goal, part=part,
                        note=f"{turns[0]['data_bytes']:.0f} bytes a frame "
                             f"with data, {turns[0]['small_bytes']:.0f} one "
                             "without")


if __name__ == "__main__":
    sys.exit(measure.main(engine))
