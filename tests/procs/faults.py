"""A life with a disk that refuses, and one whose power is cut.

A fault is one call of SQLite that fails, once or from then on (disk.h). What a
station may do then: refuse in words and go on when the disk is well; or, after
a sync that failed, end with words and status 1. Never may it lie: truth.py
holds it to all that it said.
"""

import time

from frail import Frail
from life import Life
from mortal import WAIT_S, Gone, ask, expect, wait_for

FAULTS = (("write", "io"), ("write", "full"), ("write", "torn"),
          ("sync", "io"), ("sync", "full"), ("cut", "io"), ("open", "full"),
          ("delete", "io"), ("map", "full"), ("read", "io"))
# How far ahead: what a scene does of each.
AHEAD = {"write": 120, "sync": 30, "cut": 2, "open": 4, "delete": 2, "map": 3,
         "read": 80}
SCENES = ("talk", "checkpoint", "start", "stop", "backup", "export", "import")


class PowerLife(Life):
    """Whoever is killed loses what was never synced, half of the time."""
    kind = Frail
    again_with = "kills --power"

    def buried(self, victim):
        if self.random.random() < 0.5:
            victim.cut_power(self.random)
            self.tell(f"and {victim.name}'s power was cut")
        else:
            victim.catch_up()


class FaultLife(Life):
    kind = Frail
    again_with = "kills --faults"

    def counted(self):
        return (f"{self.kills} faults, {self.aimed} hit a call; "
                f"{self.refusals} refusals; {self.ends} ends by itself")

    ends = 0 # with status 1

    def round(self):
        self.scene = self.random.choice(SCENES)
        victim = self.random.choice(self.truth.stations)
        op, how = self.random.choice(FAULTS)
        fault = (op, how, self.random.randint(1, AHEAD[op]),
                 self.random.choice((False, True)))
        self.await_line()
        self.tell(f"scene {self.scene}: {victim.name}: {op} {fault[2]} fails "
                  f"({how}){' and all that follow' if fault[3] else ''}")
        self.hurt = victim
        if self.scene == "start":
            self.stop(victim)
            self.part(victim)
            victim.order(*fault)
            victim.start(ready=False)
            self.watch_start(victim)
        else:
            victim.order(*fault)
            self.refusing = victim
            self.talk([victim], 0.3 if self.scene == "stop" else 1.5)
            if self.scene == "stop" and not victim.dead():
                self.stop(victim)
        self.told(victim, fault)
        fired = victim.fired()
        victim.well()
        self.kills += 1
        self.aimed += fired > 0
        if victim.dead():
            self.came_to_an_end(victim, op, fired)
        self.meet()
        for station in self.truth.stations:
            self.quiesce(station)
        self.refusing = None
        wait_for(f"{victim.name}'s disk to be well", WAIT_S,
                 lambda: ask(victim, "status")["disk"]["state"] == "ok")
        self.judge()

    def stop(self, victim):
        """SIGTERM; it may find that its disk refuses."""
        victim.process.terminate()
        victim.process.wait(WAIT_S)

    def watch_start(self, victim):
        end = time.monotonic() + WAIT_S
        while not victim.dead():
            expect(time.monotonic() < end, f"{victim.name} neither starts "
                   "nor ends")
            try:
                ask(victim, "status")
                break
            except OSError:
                time.sleep(0.05)

    def told(self, victim, fault):
        """A disk that refuses every write is told of, while it does."""
        if fault[0] != "write" or not fault[3] or not victim.fired() or \
                victim.dead() or self.scene in ("start", "stop"):
            return

        def says():
            if victim.dead():
                return True
            try:
                self.act(victim)
                self.pump(victim, 0.05)
                return ask(victim, "status")["disk"]["state"] != "ok"
            except Gone:
                return False
        wait_for(f"{victim.name} to say that its disk refuses", WAIT_S, says)
        self.tell(f"{victim.name} says so")

    def came_to_an_end(self, victim, op, fired):
        status = victim.process.wait()
        self.ends += status == 1
        said = victim.said()
        self.tell(f"{victim.name} has ended with status {status}: "
                  f"{said.splitlines()[-1]:.160}")
        expect(status == 0 and self.scene in ("start", "stop") or
               status == 1 and fired, f"{victim.name} ended with status "
               f"{status}: {said[-600:]}")
        expect(status == 0 or op == "sync" or self.scene in ("start", "stop"),
               f"{victim.name} ended for a {op} that failed: {said[-600:]}")
        if status == 1:
            expect("openline: " in said.splitlines()[-1] and
                   any(w in said.splitlines()[-1] for w in
                       ("disk", "room", "durable")),
                   f"{victim.name} ended without words: {said[-600:]}")
        victim.process = None
        self.part(victim)
        if op == "sync" and fired:
            victim.cut_power(self.random)
            self.tell(f"and {victim.name}'s power was cut")
        else:
            victim.catch_up()
        victim.start(ready=False)
        expect(victim.came_up(), "killed by somebody")
