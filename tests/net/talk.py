"""What one station says to another, and the proof that it arrived.

    talk = Talk(north, south, lab.seed)
    talk.say(connection, "flash", 200)      # any number of times
    talk.observe()                          # now and then, meanwhile
    talk.settle(60)                         # all arrived and known to be
    talk.check()                            # once, in order, both sides alike
    talk.check_texts()                      # reads every one: rung read

A message is known by the tag in its subject, which a log shows also before
the message is read. What was submitted while the station died may have been
taken or not: it must arrive at most once, everything else exactly once. Half
of the messages bring an id of their own, so they can be submitted again after
such a death, and then they too must arrive exactly once (doc/control.md).
"""

import json
import os
import random

from lab import Failed, expect, wait_for
from station import Refused

PRECEDENCES = ("routine", "priority", "immediate", "flash")
ARRIVED = ("delivered", "read", "understood", "answered")


class Said:
    def __init__(self, tag, precedence, text, own_id):
        self.tag = tag
        self.precedence = precedence
        self.text = text
        self.id = own_id
        self.again = own_id is not None # may be submitted more than once
        self.sure = False # its station confirmed that it was taken


class Talk:
    def __init__(self, source, sink, seed):
        self.source = source
        self.sink = sink
        # Its own, so that threads do not shuffle each other's numbers.
        self.random = random.Random(f"{seed} {source.name}")
        self.prefix = f"{source.name}-"
        self.said = []
        self.observed = [] # what the sink showed at some time

    def say(self, connection, precedence=None, size=None):
        """Makes one message and submits it."""
        tag = f"{self.prefix}{len(self.said) + 1:05d}"
        if precedence is None:
            precedence = self.random.choices(PRECEDENCES, (60, 25, 10, 5))[0]
        if size is None:
            size = self.random.choices((40, 200, 1000, 4096),
                                       (30, 55, 13, 2))[0]
        text = (tag + " Привет 안녕 " + "x" * size).encode()[:size]
        own_id = self.random.choice((None, self.random.randbytes(16).hex()))
        self.said.append(Said(tag, precedence, text.decode(errors="ignore"),
                              own_id))
        self.submit(connection, self.said[-1])

    def submit(self, connection, message):
        """Registers what becomes of it. Lets an OSError pass: the station is
        gone; connect again, and submit it again if it is one of those."""
        own_id = {"id": message.id} if message.again else {}
        taken = connection.call("send", peer=self.sink.name,
                                subject=message.tag, text=message.text,
                                precedence=message.precedence, **own_id)
        expect(message.id in (None, taken["id"]),
               f"{message.tag} was given another id than its own")
        message.sure = True
        message.id = taken["id"]

    def burst(self, count, **more):
        """Submits messages on a connection of its own."""
        connection = self.source.connect()
        for _ in range(count):
            self.say(connection, **more)
        connection.close()

    def entries(self, station):
        """What a station's log shows of this talk."""
        peer = self.sink if station is self.source else self.source
        return [e for e in station.call("log", peer=peer.name)
                if e["author"] == self.source.name and
                (e["subject"] or "").startswith(self.prefix)]

    def shown(self):
        """{precedence: [tag]} as the sink shows it."""
        entries = self.entries(self.sink)
        return {p: [e["subject"] for e in entries if e["precedence"] == p]
                for p in PRECEDENCES}

    def observe(self):
        """Notes what the sink shows now; check() holds it to that later."""
        try:
            self.observed.append(self.shown())
        except OSError:
            pass # it is dead just now

    def missing(self):
        there = {e["subject"] for e in self.entries(self.sink)}
        return [m.tag for m in self.said if m.sure and m.tag not in there]

    def unconfirmed(self):
        return [e["subject"] for e in self.entries(self.source)
                if e["rung"] not in ARRIVED]

    def settle(self, seconds, every=0.25, promised=False):
        """Waits until everything arrived and its author knows it. `seconds`
        as for wait_for."""
        left = {}

        def done():
            left["did not arrive"] = self.missing()
            left["arrived but their author does not know"] = \
                self.unconfirmed()
            return not any(left.values())
        try:
            wait_for("", seconds, done, every, promised, None if promised else
                     lambda: [len(tags) for tags in left.values()])
        except Failed as e:
            worst = [f"{len(tags)} {what} ({', '.join(tags[:5])} ...)"
                     for what, tags in left.items() if tags]
            raise Failed(f"{self.source.name} to {self.sink.name}: of "
                         f"{len(self.said)} messages:{e}: "
                         f"{'; '.join(worst)}") from None

    def check(self):
        """Exactly once, in order, and the same on both sides."""
        for station in (self.source, self.sink):
            entries = self.entries(station)
            who = f"the log of {station.name}"
            seen = {}
            for e in entries:
                expect(e["subject"] not in seen,
                       f"{who} shows {e['subject']} twice")
                seen[e["subject"]] = e
            for m in self.said:
                e = seen.pop(m.tag, None)
                expect(e or not m.sure, f"{who} lacks {m.tag}")
                if e:
                    self.check_entry(who, m, e)
            expect(not seen, f"{who} shows what nobody said: {list(seen)[:3]}")
            self.check_order(who, entries)
        ours, theirs = ({e["subject"]: (e["id"], e["name"], e["index"])
                         for e in self.entries(s)}
                        for s in (self.source, self.sink))
        expect(ours == theirs, "the two logs differ in ids, names or indices")
        self.check_observed()

    def check_observed(self):
        """Nothing was ever shown before what precedes it, nor taken back."""
        final = self.shown()
        for seen in self.observed:
            for precedence, tags in seen.items():
                late = set(final[precedence][:len(tags)]) - set(tags)
                expect(final[precedence][:len(tags)] == tags,
                       f"{self.sink.name} showed {precedence} {tags[-1:]} "
                       f"without {sorted(late)[:3]}, which precede it")

    @staticmethod
    def check_entry(who, m, e):
        expect(m.id in (None, e["id"]),
               f"{who}: {m.tag} has the id {e['id']}, not {m.id}")
        expect(e["precedence"] == m.precedence,
               f"{who}: {m.tag} is {e['precedence']}, not {m.precedence}")

    @staticmethod
    def check_order(who, entries):
        """By index as listed, and as submitted, within each precedence."""
        for precedence in PRECEDENCES:
            listed = [(e["index"], e["subject"]) for e in entries
                      if e["precedence"] == precedence]
            for before, after in zip(listed, listed[1:]):
                expect(before[0] < after[0] and before[1] < after[1],
                       f"{who}: {precedence} out of order: {before}, {after}")

    def check_texts(self):
        """Reads every message at the far end."""
        texts = {m.tag: m.text for m in self.said}
        for e in self.entries(self.sink):
            got = self.sink.call("read", name=e["name"])
            expect(got["text"] == texts[e["subject"]],
                   f"{e['subject']} arrived with another text")

    def await_read(self, seconds):
        """The receipts of check_texts have come home."""
        def unread():
            return sum(e["rung"] != "read" for e in self.entries(self.source))
        wait_for(f"the receipts of {self.sink.name}", seconds,
                 lambda: unread() == 0, 0.5, moves=unread)


def sender(talk, count, gap_s, stop):
    """Says `count` messages from a thread of its own, one every gap_s; comes
    back after each death of the station. `stop` (an Event) ends it early."""
    connection = None
    again = False
    while (again or len(talk.said) < count) and not stop.is_set():
        try:
            connection = connection or talk.source.connect()
        except OSError:
            stop.wait(0.05)
            continue
        try:
            if again:
                talk.submit(connection, talk.said[-1])
            else:
                talk.say(connection)
            again = False
        except OSError:
            connection.close()
            connection = None
            again = talk.said[-1].again
        except Refused as e:
            raise Failed(f"{talk.source.name} refused "
                         f"{talk.said[-1].tag}: {e} ({e.code})") from None
        stop.wait(gap_s)
    if connection:
        connection.close()


def audit(*stations):
    for station in stations:
        station.cli("audit", timeout=300)


def keep_evidence(lab, *stations):
    """What the stations show, beside their logs, for whoever looks why."""
    for station in stations:
        for verb in ("status", "log"):
            try:
                shown = station.call(verb)
            except (OSError, Refused, Failed) as e:
                shown = str(e)
            file = os.path.join(lab.dir, f"{station.name}-{verb}.json")
            with open(file, "w", encoding="utf-8") as f:
                json.dump(shown, f, indent=1)
