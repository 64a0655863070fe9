"""One life: two real stations that talk, are killed, and must keep their word.

    Life(seed, kills).live()

Everything is drawn from the seed: what is said, who dies, at which call of
which kind, or after how long. The moments themselves are those of a real
machine, so a seed leads to the same places and not to the same trace; a
failure tells its story. Each round talks until the one that is aimed at dies,
or is killed at a moment of no meaning; then it comes up again, possibly killed
on the way, and truth.py holds both sides to all that they ever said.
"""

import os
import random
import signal
import time

from mortal import (WAIT_S, Bed, Face, Failed, Gone, Mortal, ask, expect,
                    wait_for)
from truth import Said, Truth, nothing_twice

PRECEDENCES = ("routine", "priority", "immediate", "flash")
FLOOD = 24 # answers that are waited for at once
TOLD = 40 # lines of a story

# What is going on when it dies: the kinds of calls that are aimed at, and how
# far ahead.
SCENES = {
    "talk": {"log write": 60, "log sync": 20, "datagram": 40, "stream": 40,
             "answer": 40, "seal": 80},
    "quiet": {},
    "checkpoint": {"ledger write": 60, "ledger sync": 1, "log write": 300},
    "start": {"log write": 3, "log sync": 2, "ledger write": 9,
              "ledger sync": 1, "make": 4, "file write": 2, "file sync": 3,
              "name": 3, "cut": 1, "datagram": 3, "stream": 3, "seal": 20},
    "stop": {"ledger write": 30, "ledger sync": 1, "cut": 1, "name": 3,
             "log sync": 1, "answer": 2},
    "backup": {"file write": 30, "file sync": 1, "make": 1, "name": 2},
    "export": {"file write": 2, "file sync": 2, "make": 1, "name": 1,
               "log sync": 3, "seal": 9},
    "import": {"log write": 12, "log sync": 4, "answer": 6, "seal": 20},
}


class Life:
    kind = Mortal
    again_with = "kills"

    def __init__(self, seed, kills):
        self.seed, self.wanted = seed, kills
        self.random = random.Random(seed)
        self.kills = self.aimed = self.n = 0
        self.story = []
        self.begun = time.monotonic()
        self.faces, self.truth, self.scene = {}, None, None
        self.bundles = []
        self.sent_files = {}
        self.unread = {}
        self.refusals = 0
        self.refusing = None # a station whose disk may refuse just now
        self.hurt = None # the last one

    def tell(self, what):
        self.story.append(f"{time.monotonic() - self.begun:7.2f} s  {what}")

    def live(self):
        with Bed() as bed:
            try:
                self.set_out(bed)
                while self.kills < self.wanted:
                    self.round()
                self.heal()
            except Failed as e:
                story = "\n    ".join(self.story[-TOLD:])
                raise Failed(f"{e}\n  the story of seed {self.seed}:\n    "
                             f"{story}\n  again: tests/procs/{self.again_with} --seed "
                             f"{self.seed} --kills {self.wanted}") from None
            rows = [nothing_twice(s) for s in self.truth.stations]
        slowest = max(s.slowest_start_s for s in self.truth.stations)
        return (f"{self.counted()}; {sum(map(len, self.truth.said.values()))} messages; "
                f"{sum(r[0] for r in rows)} seals, {sum(r[1] for r in rows)} "
                f"openings and {sum(r[2] for r in rows)} bundles, none twice; "
                f"slowest start {slowest:.2f} s")

    def counted(self):
        return f"{self.kills} kills, {self.aimed} where it was aimed at"

    def set_out(self, bed):
        self.bed = bed
        north, south = self.kind(bed, "north"), self.kind(bed, "south")
        bed.join(north, south)
        for me, peer in ((north, "south"), (south, "north")):
            me.write(f"lines.d/{peer}.conf",
                     me.read(f"lines.d/{peer}.conf") +
                     "attachments = auto:100MiB\n")
            self.unread[me.name] = []
        self.truth = Truth(north, south)
        for station in (north, south):
            station.start(ready=False)
        for station in (north, south):
            expect(station.came_up(), "killed before its time")
        self.meet()

    # Faces

    def meet(self):
        for station in self.truth.stations:
            if station.name not in self.faces:
                self.faces[station.name] = Face(
                    station, self.truth.seq[station.name],
                    lambda event, s=station: self.hear(s, event))

    def hear(self, station, event):
        if event["event"] in ("arrived", "delivered", "read", "attachment") \
                and "name" not in event and station is self.hurt:
            return # its record could not be read just then
        self.truth.hear(station, event)
        if event["event"] == "arrived" and event["kind"] == "message":
            self.unread[station.name].append(event["name"])

    def part(self, station):
        """Takes what it has still said, and hangs up."""
        face = self.faces.pop(station.name, None)
        if face is None:
            return
        try:
            face.pump(WAIT_S)
            raise Failed(f"{station.name} is dead and its socket is open")
        except Gone:
            face.close()

    def pump(self, station, seconds):
        """Takes what comes."""
        try:
            self.faces[station.name].pump(seconds)
        except Gone:
            self.hung_up(station)

    def hung_up(self, station):
        """A station whose disk refuses may close the connection half-way
        through a long answer, and live on. Gone if it is dead."""
        end = time.monotonic() + 5
        while time.monotonic() < end and not station.dead():
            time.sleep(0.02)
        if station.dead() or station is not self.hurt:
            raise Gone("it is dead")
        self.tell(f"{station.name} hung up, and lives on")
        self.faces.pop(station.name).close()
        self.meet()

    # What is done

    def act(self, station):
        face = self.faces[station.name]
        if len(face.open) > FLOOD:
            self.pump(station, 0.02)
            return
        weights = {"say": 60, "say_file": 6, "read": 20, "look": 5,
                   "export": 2, "take": 2, "backup": 2}
        more = {"checkpoint": {"say_file": 90}, "backup": {"backup": 20},
                "export": {"export": 40},
                "import": {"export": 20, "take": 30}}
        weights.update(more.get(self.scene, {}))
        what = self.random.choices(list(weights), list(weights.values()))[0]
        getattr(self, what)(station, face)

    def said(self, station, files=()):
        self.n += 1
        tag = f"{station.name}-{self.n}"
        size = self.random.choices((0, 200, 1000, 4000), (40, 30, 15, 15))[0]
        prec = self.random.choices(PRECEDENCES, (50, 25, 15, 10))[0]
        own_id = self.random.choice((None, self.random.randbytes(16).hex()))
        said = Said(tag, tag + " " + "говори " * (size // 13), prec, own_id,
                    files)
        self.truth.said[station.name].append(said)
        return said

    def submit(self, station, face, said, fds=()):
        more = {"id": said.id} if said.id else {}
        if said.files:
            more["files"] = [f"{of}.bin" for of in said.files]

        def answered(result, error):
            if error:
                # "being taken" and the like: it may have been.
                said.refused = "nothing was" in error["message"]
                self.refusals += 1
                return
            said.sure, said.name = True, result["name"]
            self.truth.shown(station, result)
        peer = self.truth.peer[station.name].name
        face.ask("send", answered, fds, peer=peer, subject=said.tag,
                 text=said.text, precedence=said.prec, **more)

    def say(self, station, face):
        self.submit(station, face, self.said(station))

    def say_file(self, station, face):
        of = f"{station.name}-{self.n + 1}"
        path = self.bed.path(of + ".bin")
        with open(path, "wb") as f:
            f.write(contents(of))
        fd = os.open(path, os.O_RDONLY)
        try:
            self.submit(station, face, self.said(station, (of,)), (fd,))
        finally:
            os.close(fd)

    def read(self, station, face):
        there = self.unread[station.name]
        if not there:
            return
        name = there.pop(self.random.randrange(len(there)))

        def shown(result, error):
            if not error:
                self.truth.shown(station, result)
        face.ask("read", shown, name=name)
        if self.random.random() < 0.4:
            face.ask("understood", shown, name=name)

    def look(self, station, face):
        def seen(result, error):
            if error:
                self.excuse(station, error)
            if isinstance(result, list):
                for message in result:
                    self.truth.shown(station, message)
        face.ask(self.random.choice(("log", "inbox", "status", "audit")),
                 seen)

    def export(self, station, face):
        self.n += 1
        path = self.bed.path(f"{self.n}.bundle")
        # What was taken when it was asked for is in it.
        taken = [s for s in self.truth.said[station.name] if s.sure]

        def written(result, error):
            if error:
                self.excuse(station, error)
                return
            self.tell(f"{station.name} has written {path}")
            self.bundles.append((station.name, path, taken))
        face.ask("courier", written, action="export", file=path,
                 peer=self.truth.peer[station.name].name)

    def take(self, station, face):
        mine = [b for b in self.bundles if b[0] != station.name]
        if not mine:
            return
        author, path, taken = self.random.choice(mine)

        def opened(result, error):
            if error:
                self.excuse(station, error)
                return
            expect(result["unopened"] == 0,
                   f"{station.name}: import of {path}: {result}")
            self.tell(f"{station.name} has taken {path} in")
            self.truth.arrived[station.name] |= {
                said.name for said in taken if said.name}
        face.ask("courier", opened, action="import", file=path)

    def excuse(self, station, error):
        """One at a time; and what its disk refuses a station may refuse."""
        expect(station is self.refusing or "under way" in error["message"] or
               "the station stops" in error["message"],
               f"{station.name}: {error}")

    def backup(self, station, face):
        def begun(result, error):
            if not error:
                self.tell(f"{station.name}: backup: {result['state']}")
        face.ask("backup", begun,
                 action=self.random.choice(("begin", "begin", "state")))

    # A round

    def round(self):
        self.scene = self.random.choice(list(SCENES))
        victims = self.random.choice(([0], [1], [0], [1], [0, 1]))
        victims = [self.truth.stations[v] for v in victims]
        self.tell(f"scene {self.scene}: "
                  f"{' and '.join(v.name for v in victims)}")
        if self.random.random() < 0.7:
            self.await_line()
        seconds = 2.5
        if self.scene in ("quiet", "start", "stop"):
            seconds = self.random.uniform(0.05, 1.0)
        else:
            for victim in victims:
                self.take_aim(victim)
        self.talk(victims, seconds)
        if self.scene == "stop":
            for victim in victims:
                if not victim.dead():
                    self.take_aim(victim)
                    victim.process.send_signal(signal.SIGTERM)
            time.sleep(self.random.uniform(0, 0.2))
        self.end(victims)
        self.rise(victims)
        self.meet()
        self.again(victims)
        self.judge()

    def judge(self):
        self.truth.hold()
        for station in self.truth.stations:
            found = ask(station, "audit")
            expect(found["ok"], f"{station.name}: audit: {found}")

    def buried(self, victim):
        """It is dead, and was not started again."""

    def take_aim(self, victim):
        kind = self.random.choice(list(SCENES[self.scene]))
        n = self.random.randint(1, SCENES[self.scene][kind])
        moment = self.random.choice(("before", "half", "after"))
        self.tell(f"{victim.name} is to die {moment} of {kind} {n}")
        victim.aim(kind, n, moment)

    def talk(self, victims, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not any(v.dead() for v in victims):
            for station in self.truth.stations:
                face = self.faces.get(station.name)
                if face is None:
                    continue
                try:
                    try:
                        for _ in range(self.random.randint(0, 4)):
                            self.act(station)
                    except Gone:
                        self.hung_up(station)
                    self.pump(station, 0.01)
                except Gone:
                    expect(station in victims, f"{station.name} hung up, and "
                           f"was not aimed at: {station.said()[-600:]}")
                    station.process.wait(WAIT_S)

    def end(self, victims):
        if len(victims) > 1 and self.random.random() < 0.5:
            victims = victims[::-1]
        for victim in victims:
            by_aim = victim.dead()
            victim.bury()
            victim.spare()
            self.kills += 1
            self.aimed += by_aim
            self.tell(f"{victim.name} is dead" +
                      (", where it was aimed at" if by_aim else ""))
            self.part(victim)
            self.buried(victim)

    def rise(self, victims):
        for victim in victims:
            for _ in range(self.random.randint(1, 2) if self.scene == "start"
                           else 0):
                self.take_aim(victim)
                victim.start(ready=False)
                # Some it passes without a call: then at any moment.
                end = time.monotonic() + self.random.choice((0.1, 0.4, 1.5))
                while time.monotonic() < end and not victim.dead():
                    time.sleep(0.01)
                self.aimed += victim.dead()
                self.tell(f"{victim.name} dies in its start" +
                          (", where it was aimed at" if victim.dead() else ""))
                victim.bury()
                self.buried(victim)
                self.kills += 1
            victim.spare()
            victim.start(ready=False)
        for victim in victims:
            expect(victim.came_up(), f"{victim.name} was killed by somebody")
            self.tell(f"{victim.name} is up again")

    def again(self, victims):
        """What may have been taken is said again, under the same id."""
        for victim in victims:
            for said in self.truth.said[victim.name]:
                if not said.sure and said.id and not said.files and \
                        not said.refused and self.random.random() < 0.5:
                    said.again = True
                    self.submit(victim, self.faces[victim.name], said)
            self.quiesce(victim)

    def quiesce(self, station):
        end = time.monotonic() + WAIT_S
        while self.faces[station.name].open:
            expect(time.monotonic() < end, f"{station.name} owes "
                   f"{len(self.faces[station.name].open)} answers after "
                   f"{WAIT_S} s")
            self.pump(station, 0.02)

    def await_line(self):
        def there():
            for station in self.truth.stations:
                self.pump(station, 0)
            return all(ask(s, "status")["lines"][0]["state"] in
                       ("open", "last-channel")
                       for s in self.truth.stations)
        wait_for("the line to come up again", WAIT_S, there)

    # The end

    def heal(self):
        """Everything arrives, is read, and is what was said."""
        self.tell("no more kills")
        left = ""
        end = time.monotonic() + WAIT_S
        for station in self.truth.stations:
            self.quiesce(station)
        while True:
            left = self.truth.settled()
            if not left:
                break
            expect(time.monotonic() < end, f"{WAIT_S} s after the last kill "
                   f"{left}")
            for station in self.truth.stations:
                self.pump(station, 0.1)
        self.truth.hold()
        for station in self.truth.stations:
            self.read_all(station)

    def read_all(self, station):
        peer = self.truth.peer[station.name]
        said = {s.tag: s for s in self.truth.said[peer.name]}
        for e in ask(station, "log"):
            if e["author"] != peer.name or e["kind"] != "message":
                continue
            s = said.pop(e["subject"])
            text = ask(station, "read", name=e["name"])["text"]
            expect(text == s.text, f"{e['name']} arrived as {text!r:.80}")
            for of in s.files:
                self.compare(station, e["name"], of)
        lost = [s.tag for s in said.values() if s.sure]
        expect(not lost, f"{station.name} never got {lost}")

    def compare(self, station, name, of):
        out = self.bed.path("saved-" + of)
        os.mkdir(out)
        station.ok("save", name, "--out", out, timeout=WAIT_S)
        with open(os.path.join(out, of + ".bin"), "rb") as f:
            expect(f.read() == contents(of), f"{name}: the file is another")


def contents(of):
    """What is in the file of that name: random bytes, the same each time."""
    chance = random.Random(of)
    return chance.randbytes(chance.choice((1, 3000, 65536, 300000, 1500000)))
