"""What two stations were heard to say, held against what they have.

Whatever a station printed to a person is noted here as it came: that a
message was taken, that one is delivered or read, that one arrived, that a
bundle was taken in. After a kill all of it must be on disk, on the side that
it speaks of.
"""

from mortal import ask, expect

RUNGS = ("draft", "queued", "sent", "delivered", "read", "understood",
         "answered")


class Said:
    """A message that was submitted: `sure` once its station said so."""

    def __init__(self, tag, text, prec, own_id, files):
        self.tag, self.text, self.prec = tag, text, prec
        self.id, self.files = own_id, files
        self.sure = False
        self.name = None
        self.again = False # submitted twice: it stands where it stands
        self.refused = False # and then it was not taken


class Truth:
    def __init__(self, north, south):
        self.stations = (north, south)
        self.peer = {north.name: south, south.name: north}
        self.said = {s.name: [] for s in self.stations}
        self.rung = {s.name: {} for s in self.stations} # name: the highest
        self.arrived = {s.name: set() for s in self.stations}
        self.whole = {s.name: set() for s in self.stations} # (name, hash)
        self.seq = {s.name: 0 for s in self.stations}
        self.events = {s.name: {} for s in self.stations}
        self.checked = 0

    # What is heard

    def hear(self, station, event):
        me, seq = station.name, event["seq"]
        key = (event["event"], event.get("name"), event["at"])
        expect(self.events[me].setdefault(seq, key) == key,
               f"{me}: event {seq} was {self.events[me][seq]} and is {key}")
        self.seq[me] = max(self.seq[me], seq)
        if event["event"] in RUNGS:
            self.came(me, event["name"], event["event"])
        elif event["event"] == "arrived":
            self.arrived[me].add(event["name"])
        elif event["event"] == "attachment" and event["state"] == "whole":
            self.whole[me].add((event["name"], event["hash"]))

    def came(self, me, name, rung):
        if RUNGS.index(rung) > RUNGS.index(self.rung[me].get(name, "draft")):
            self.rung[me][name] = rung

    def shown(self, station, message):
        """A message as a station printed it."""
        if message["name"] is None:
            return
        self.came(station.name, message["name"], message["rung"])
        if message["author"] != station.name:
            self.arrived[station.name].add(message["name"])

    # What is there

    def hold(self):
        """All of it is there, once, in order, on both sides."""
        north, south = self.stations
        # What one has of the other's, the other has had before.
        first, theirs, again = map(self.log_of, (north, south, north))
        for station, mine, other in ((north, first, theirs),
                                     (south, theirs, again)):
            self.own(station.name, mine)
            self.told(station.name, mine, other)
            self.nothing_forged(station.name, mine, other)
        self.checked += 1

    def log_of(self, station):
        entries = ask(station, "log")
        names = [e["name"] for e in entries if e["name"] is not None]
        expect(len(set(names)) == len(names), f"{station.name}: doubled: "
               f"{sorted(n for n in names if names.count(n) > 1)[:4]}")
        last = {}
        for e in entries:
            if e["index"] is None:
                continue
            log = (e["author"], e["precedence"])
            expect(e["index"] == last.get(log, 0) + 1, f"{station.name}: "
                   f"{e['name']} stands at {e['index']} of {log}, after "
                   f"{last.get(log, 0)}")
            last[log] = e["index"]
        return {e["name"] or e["id"]: e for e in entries}

    def own(self, me, log):
        """Every message that was taken, none that was not, in order."""
        mine = {}
        for e in log.values():
            if e["author"] == me and e["kind"] == "message":
                expect(e["subject"] not in mine, f"{me} took {e['subject']} "
                       f"twice: {mine.get(e['subject'], e)['name']} and "
                       f"{e['name']}")
                mine[e["subject"]] = e
        last = {}
        for said in self.said[me]:
            e = mine.pop(said.tag, None)
            expect(e or not said.sure, f"{me} took {said.tag} ({said.name}) "
                   "and lost it")
            expect(not e or not said.refused, f"{me} refused {said.tag}, and "
                   "took it")
            if not e:
                continue
            expect(e["text"] == said.text and e["precedence"] == said.prec and
                   said.id in (None, e["id"]), f"{me}: {said.tag} is not what "
                   "was said")
            if said.files or said.again: # made later than it was said
                continue
            expect(e["index"] is None or e["index"] >
                   last.get(said.prec, (0,))[0], f"{me}: {said.tag} stands "
                   f"before {last.get(said.prec)}, which was said earlier")
            if e["index"] is not None:
                last[said.prec] = (e["index"], said.tag)
        expect(not mine, f"{me} never said {list(mine)}")

    def told(self, me, log, other):
        for name, rung in self.rung[me].items():
            e = log.get(name)
            expect(e, f"{me} showed {name} as {rung} and lost it")
            expect(RUNGS.index(e["rung"]) >= RUNGS.index(rung),
                   f"{me} showed {name} as {rung} and shows it as "
                   f"{e['rung']}")
            if e["author"] == me and RUNGS.index(rung) >= 3:
                expect(name in other, f"{me} was told that {name} is {rung}, "
                       "and the other side has lost it")
                if rung != "delivered" and e["kind"] == "message":
                    expect(RUNGS.index(other[name]["rung"]) >=
                           RUNGS.index(rung), f"{me} was told that {name} is "
                           f"{rung}; there it is {other[name]['rung']}")
        for name in self.arrived[me]:
            expect(name in log, f"{me} showed {name} as arrived and lost it")
        for name, of in self.whole[me]:
            states = [a["state"] for a in log[name]["attachments"]
                      if a["hash"] == of]
            expect(states and set(states) == {"whole"},
                   f"{me}: the file of {name} was whole and is {states}")

    def nothing_forged(self, me, log, other):
        """What I have of the other's is what the other has on disk."""
        peer = self.peer[me].name
        for name, e in log.items():
            if e["author"] != me:
                theirs = other.get(name)
                expect(theirs and theirs["leaf"] == e["leaf"], f"{me} has "
                       f"{name} of {peer}'s, and {peer} "
                       f"{'says another' if theirs else 'has it not'}")

    # In the end

    def settled(self):
        """What is not at its end yet, in words; "" when all is."""
        for station in self.stations:
            me, peer = station.name, self.peer[station.name]
            there = {e["name"] for e in ask(peer, "log")}
            for e in ask(station, "log"):
                if e["author"] != me:
                    continue
                if e["name"] not in there:
                    return f"{e['name'] or e['id']} is not at {peer.name}"
                if RUNGS.index(e["rung"]) < 3:
                    return f"{me} does not know that {e['name']} is there"
                if any(a["state"] not in ("held", "whole")
                       for a in e["attachments"]):
                    return f"a file of {e['name']} is {e['attachments']}"
        return ""


def nothing_twice(station):
    """No nonce, opening number or bundle's number, over all its lives."""
    texts, openings, bundles, rows = {}, {}, set(), 0
    for under, text, noise, number, packet in station.rows():
        rows += 1
        expect(texts.setdefault(under, text) == text,
               f"{station.name} sealed two texts under one key and nonce "
               f"(row {rows})")
        if packet in (1, 2):
            expect(openings.setdefault((packet, number), noise) == noise,
                   f"{station.name} used opening number {number} twice "
                   f"(packet type {packet}, row {rows})")
        elif packet == 5:
            expect(number not in bundles, f"{station.name} numbered two "
                   f"bundles {number} (row {rows})")
            bundles.add(number)
    return rows, len(openings), len(bundles)
