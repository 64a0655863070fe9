"""What is said of messages: the ladder and its ends, as two officers live it.

Read but not understood, declined with a reason, superseded, taken back, handed
on, announced and done; and what makes no sense is refused in words, with
nothing said to the other side.
"""

import json
import re
import subprocess
import time

from bed import ENVIRONMENT, OPENLINE, Bed, expect, wait_for
from lab import PATIENCE_S


def of(station, name):
    """The message as the station's log has it now."""
    found = [m for m in station.json("log") if m["name"] == name]
    expect(len(found) == 1, f"{station.name}: {len(found)} of {name}")
    return found[0]


def comes(what, station, name, good, seconds=10):
    wait_for(f"{what} at {station.name}", seconds,
             lambda: any(m["name"] == name and good(m)
                         for m in station.json("log")))
    return of(station, name)


def arrives(station, name):
    comes(name, station, name, lambda m: True)


def asks(one, other, text="how many are there?", *more):
    """An ask that the other side has read; its name."""
    name = one.json("ask", other.name, text, "--by", "1h", *more)["name"]
    arrives(other, name)
    other.ok("read", name)
    return name


def events(station):
    """All that watch has ever told."""
    seen = subprocess.run(
        ["timeout", "2", OPENLINE, "watch", "-d", station.dir, "--json",
         "--after", "0"], capture_output=True, check=False, env=ENVIRONMENT)
    return [json.loads(line) for line in seen.stdout.splitlines()]


def told(station, event, name):
    """The event with that message's name; it was told once."""
    found = [e for e in events(station)
             if e["event"] == event and e.get("name") == name]
    expect(len(found) == 1, f"{station.name} told {event} of {name} "
           f"{len(found)} times")
    return found[0]


def ids_begin_with_time(station):
    """So that the ledger's index of ids grows at its end: no id that a
    program gave is among them."""
    for m in station.json("log"):
        age_s = time.time() - int(m["id"][:12], 16) / 1000
        expect(-5 < age_s < 600, f"{station.name}: the id {m['id']}")


def answered():
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        name = north.ok("ask", "south", "how many?", "--by", "1h",
                        "--precedence", "immediate", "--marking",
                        "exercise").out.strip()
        arrives(south, name)
        said = len(south.json("log"))
        south.no(1, "answer", name, "two", words=("read it first",))
        south.no(1, "decline", name, "no", words=("read it first",))
        expect(len(south.json("log")) == said, "a refusal said something")
        expect("answer" in south.ok("read", name).out, "no word of answering")
        south.no(2, "answer", name, "two", "--marking", "actual",
                 words=("exercise",))
        answer = south.json("answer", name, "two")
        expect(answer["kind"] == "answer" and answer["text"] == "two" and
               answer["precedence"] == "immediate" and
               answer["marking"] == "exercise" and
               answer["refs"] == [{"rel": "answers", "name": name}],
               f"answer: {answer}")
        ask = comes("answered", north, name,
                    lambda m: m["rung"] == "answered")
        expect(ask["outcome"] is None and
               [r["rung"] for r in ask["receipts"]] == ["answered", "read"],
               f"ask: {ask}")
        expect(of(south, name)["rung"] == "answered", "south has not answered")
        waited = north.json("ask", "south", "and now?", "--by", "1h")["name"]
        arrives(south, waited)
        south.ok("read", waited)
        south.ok("answer", waited, "three")
        comes("answered", north, waited, lambda m: m["rung"] == "answered")
        event = told(north, "answered", name)
        expect(event["record"] == answer["name"], f"event: {event}")
        north.ok("read", answer["name"])
        comes("read", south, answer["name"], lambda m: m["rung"] == "read")
        # Twice is no fault, and to decline it now would be.
        south.ok("answer", name, "three")
        south.no(1, "decline", name, "never", words=("answered already",))
        south.ok("decline", south_said(north, south), "not for us")
        # The same id is the same answer, also after the rules would refuse.
        again = south.json("answer", name, "four", "--precedence", "flash")
        expect(again["precedence"] == "flash", f"answer: {again}")
        for station in (north, south):
            station.ok("audit")
            ids_begin_with_time(station)


def south_said(north, south):
    """A plain message of north's that south has read; its name."""
    name = north.json("send", south.name, "come here")["name"]
    arrives(south, name)
    south.ok("read", name)
    return name


def declined():
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        name = asks(north, south)
        south.no(2, "decline", name)
        no = south.json("decline", name, "not by this line")
        expect(no["kind"] == "decline" and no["text"] == "not by this line",
               f"decline: {no}")
        ask = comes("declined", north, name,
                    lambda m: m["outcome"] == "declined")
        expect(ask["rung"] == "read" and ask["reason"] == "not by this line"
               and ask["outcome_by"] == no["name"], f"ask: {ask}")
        mine = of(south, name)
        expect(mine["outcome"] == "declined" and
               mine["reason"] == ask["reason"], f"south: {mine}")
        expect("not by this line" in north.ok("log").out, "no reason in log")
        event = told(north, "declined", name)
        expect(event["reason"] == "not by this line" and
               event["record"] == no["name"] and event["by"],
               f"event: {event}")
        south.no(1, "decline", name, "once more", words=(
            "declined already", "not by this line"))
        done = north.run("send", "south", "x", "--wait", "answered",
                         "--timeout", "200ms")
        expect(done.returncode == 4, f"waited: {done.err}")
        # They think again.
        south.ok("answer", name, "two, then")
        ask = comes("answered", north, name,
                    lambda m: m["rung"] == "answered")
        expect(ask["outcome"] is None, f"answered, and {ask['outcome']}")
        # Whoever waits for an answer learns that none comes.
        waiting = subprocess.Popen(
            [OPENLINE, "ask", "-d", north.dir, "south", "and you?", "--by",
             "1h", "--wait", "answered"], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=ENVIRONMENT)
        name = waiting.stdout.readline().decode().strip()
        arrives(south, name)
        south.ok("read", name)
        south.ok("decline", name, "ask the embassy")
        _, words = waiting.communicate(timeout=PATIENCE_S)
        expect(waiting.returncode == 1 and b"ask the embassy" in words,
               f"{waiting.returncode}: {words}")


def not_understood():
    """A wrong coordinate is read back: both sides are told, nobody is shown
    `understood`, and the right one mends it."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        for words, phrases in ((("does not stand",), ("40 N 127 E",)),
                               (("semicolon",), ("38 N; 127 E",)),
                               (("empty",), ("  ",)),
                               (("at most 8",), ("38",) * 9)):
            more = [x for p in phrases for x in ("--critical", p)]
            north.no(2, "send", "south", "at 38 N; 127 E", *more, words=words)
        name = north.json("send", "south", "meet at 38 N 127 E, 18:00Z",
                          "--critical", "38 N 127 E", "--critical",
                          "18:00Z")["name"]
        other = north.json("send", "south", "no hurry")["name"]
        arrives(south, other)
        expect(of(south, name)["critical"] is None, "shown before it is read")
        shown = south.ok("read", name).out
        expect("38 N 127 E" in shown and "--readback" in shown, shown)
        south.no(1, "understood", name, words=("2 critical phrases",
                                               "--readback"))
        south.no(1, "understood", name, "--readback", "39 n 127 e; 18:00z",
                 words=("differs", "\"38 N 127 E\" was said",
                        "\"39 n 127 e\" was read back"))
        message = comes("misread", north, name, lambda m: m["misread"])
        for m in (message, of(south, name)):
            expect(m["rung"] == "read" and m["misread"], f"misread: {m}")
            bad = [r for r in m["receipts"] if r["holds"] is False]
            expect(len(bad) == 1 and bad[0]["rung"] is None and
                   bad[0]["readback"] == "39 n 127 e; 18:00z", f"{bad}")
        event = told(north, "misread", name)
        expect(event["said"] == "38 N 127 E" and
               event["readback"] == "39 n 127 e", f"event: {event}")
        expect(not [e for e in events(north) if e["event"] == "understood"],
               "north was told that it is understood")
        for station in (north, south):
            expect([e for e in events(station) if e["event"] == "alarm" and
                    name in e["detail"]], f"no alarm at {station.name}")
            expect("MISREAD" in station.ok("log").out, "log is silent")
        expect(name in [m["name"] for m in south.json("inbox")], "inbox")
        # A readback of something else, too much, too little, nothing.
        for back in ("18:00Z; 38 N 127 E", "38 N 127 E", "no hurry",
                     "38 N 127 E; 18:00Z; and all", ";"):
            south.no(1, "understood", name, "--readback", back,
                     words=("differs",))
        south.no(1, "understood", other, words=("read it first",))
        south.ok("understood", name, "--readback", " 38 n  127 E ;18:00Z")
        message = comes("understood", north, name,
                        lambda m: m["rung"] == "understood")
        expect(not message["misread"], "understood and misread")
        expect(len([r for r in message["receipts"] if r["holds"]]) == 1,
               f"receipts: {message['receipts']}")
        # It is for ever: later words change nothing.
        south.ok("understood", name, "--readback", "39 N 127 E; 18:00Z")
        expect(of(south, name)["rung"] == "understood", "a rung fell")
        # An ask with critical phrases is read back before it is answered.
        ask = asks(north, south, "at 7?", "--critical", "7")
        south.no(1, "answer", ask, "yes", words=("read back",))
        south.no(1, "understood", ask, "--readback", "8", words=("differs",))
        south.no(1, "answer", ask, "yes", words=("read back",))
        south.ok("understood", ask, "--readback", "7")
        south.ok("answer", ask, "yes")
        for n in range(20):
            again = asks(north, south, "at 7?", "--critical", "7")
            break
        for n in range(16):
            south.no(1, "understood", again, "--readback", str(n + 10))
        south.no(1, "understood", again, "--readback", "7",
                 words=("16 times", "speak with north"))


def superseded():
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        first = north.json("send", "south", "at 7", "--subject", "meeting",
                           "--precedence", "priority", "--lang", "en",
                           "--to", "harbour")["name"]
        arrives(south, first)
        south.ok("read", first)
        south.no(1, "supersede", first, "at 9", words=("only north",))
        comes("read", north, first, lambda m: m["rung"] == "read")
        second = north.json("supersede", first, "at 8")
        expect(second["kind"] == "message" and second["text"] == "at 8" and
               second["subject"] == "meeting" and second["to"] == "harbour"
               and second["precedence"] == "priority" and
               second["lang"] == "en" and
               second["supersedes"]["name"] == first and
               second["supersedes"]["text"] == "at 7", f"new: {second}")
        name = second["name"]
        arrives(south, name)
        old = comes("superseded", south, first,
                    lambda m: m["outcome"] == "superseded")
        expect(old["rung"] == "read" and old["outcome_by"] == name and
               old["superseded_by"] == {"name": name, "rung": "delivered",
                                        "text": None}, f"old: {old}")
        expect(of(north, first)["outcome"] == "superseded", "north")
        # Offered to whoever has read the first, without its text.
        inbox = south.ok("inbox").out
        expect(f"replaces {first}, which was read" in inbox and
               "at 8" not in inbox, inbox)
        event = told(south, "superseded", first)
        expect(event["record"] == name and event["read"] and
               event["read_by"], f"event: {event}")
        shown = south.ok("read", first).out
        expect("SUPERSEDED" in shown and name in shown and "at 7" in shown
               and "at 8" not in shown, shown)
        shown = south.ok("read", name).out
        expect("at 8" in shown and "at 7" in shown and first in shown, shown)
        shown = south.ok("read", first).out
        expect("at 8" in shown, f"both are read, one is shown: {shown}")
        north.no(1, "supersede", first, "at 9",
                 words=(f"superseded by {name}", "supersede that one"))
        north.no(1, "cancel", first, words=(f"superseded by {name}",))
        third = north.json("supersede", name, "at 9", "--precedence",
                           "flash")["name"]
        arrives(south, third)
        expect(of(south, name)["superseded_by"]["name"] == third, "the chain")
        # What nobody has read shows no text beside the new one.
        one = north.json("send", "south", "secret")["name"]
        two = north.json("supersede", one, "open")["name"]
        arrives(south, two)
        shown = south.ok("read", two).out
        expect("secret" not in shown and "not read" in shown, shown)
        expect(of(south, one)["rung"] == "delivered", "read by the way")
        # A question keeps its kind and its time; the old one has no answer.
        ask = asks(north, south)
        new = north.json("supersede", ask, "how few?")
        expect(new["kind"] == "ask" and
               new["deadline"] == of(north, ask)["deadline"], f"{new}")
        arrives(south, new["name"])
        south.no(1, "answer", ask, "two", words=(
            f"superseded by {new['name']}", "answer that one"))
        south.ok("read", new["name"])
        south.ok("answer", new["name"], "none")
        comes("answered", north, new["name"],
              lambda m: m["rung"] == "answered")
        north.no(1, "supersede", new["name"], "how?", words=("answered",))
        north.no(2, "supersede", third, "x", "--by", "1h", words=("expires",))
        for station in (north, south):
            station.ok("audit")


def taken_back():
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        plain = south_said(north, south)
        south.no(1, "cancel", plain, words=("only north", "decline"))
        cancel = north.json("cancel", plain, "a mistake")
        expect(cancel["kind"] == "cancel" and cancel["text"] == "a mistake",
               f"cancel: {cancel}")
        mine = of(north, plain)
        gone = comes("cancelled", south, plain,
                     lambda m: m["outcome"] == "cancelled")
        for m in (mine, gone):
            expect(m["outcome"] == "cancelled" and
                   m["reason"] == "a mistake" and m["rung"] == "read",
                   f"cancelled: {m}")
        expect(told(south, "cancelled", plain)["reason"] == "a mistake",
               "event")
        north.no(1, "cancel", plain, words=(f"cancelled by "
                                            f"{cancel['name']}",))
        south.no(1, "decline", plain, "no", words=("cancelled by",))
        ask = asks(north, south)
        north.ok("cancel", ask)
        gone = comes("withdrawn", south, ask,
                     lambda m: m["outcome"] == "withdrawn")
        expect(gone["reason"] is None, f"withdrawn: {gone}")
        south.no(1, "answer", ask, "two", words=("withdrawn by",))
        # The record of a word is no message to take back.
        north.no(1, "cancel", cancel["name"], words=("stays said",))
        receipt = [m["name"] for m in north.json("log")
                   if m["kind"] == "receipt"][0]
        for verb in ("answer", "decline"):
            north.no(1, verb, receipt, "x")


def handed_on():
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        name = north.json("send", "south", "come")["name"]
        arrives(south, name)
        south.no(1, "distributed", name, "--to", "harbour",
                 words=("read it first",))
        south.ok("read", name)
        south.no(2, "distributed", name)
        south.ok("distributed", name, "--to", "harbour")
        south.ok("distributed", name, "--to", "coast guard")
        south.ok("distributed", name, "--to", "harbour")
        sent = comes("both", north, name,
                     lambda m: len(m["distributed"]) == 2)
        expect([d["to"] for d in sent["distributed"]] ==
               ["harbour", "coast guard"] and
               all(d["at"] and d["by"] for d in sent["distributed"]),
               f"distributed: {sent['distributed']}")
        expect(sent["rung"] == "read", "handed on is no rung")
        seen = [e["to"] for e in events(north) if e["event"] == "distributed"]
        expect(seen == ["harbour", "coast guard"], f"events: {seen}")
        north.no(1, "distributed", name, "--to", "x", words=("our own",))


def expired():
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        name = north.json("send", "south", "now or never", "--expires",
                          "1500ms")["name"]
        expect(of(north, name)["outcome"] is None, "expired at once")
        kept = north.json("send", "south", "in time", "--expires",
                          "1h")["name"]
        arrives(south, kept)
        south.ok("read", kept)
        late = comes("expired", north, name,
                     lambda m: m["outcome"] == "expired")
        expect(late["rung"] == "delivered" and late["reason"] is None,
               f"expired: {late}")
        expect("expired" in south.ok("inbox").out, "south's inbox is silent")
        expect("expired" in south.ok("read", name).out, "read is silent")
        late = comes("read", north, name, lambda m: m["rung"] == "read")
        expect(late["outcome"] == "expired", "read late, and not expired")
        expect(of(north, kept)["outcome"] is None, "read in time, expired")


def announced():
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        name = north.json("announce", "south", "a list of names", "--by",
                          "1h")
        expect(name["kind"] == "notification" and name["deadline"] and
               name["fulfilled_by"] is None, f"announced: {name}")
        name = name["name"]
        arrives(south, name)
        plain = south_said(north, south)
        for wrong in (plain, "north/99"):
            north.no(1 if wrong == plain else 3, "send", "south", "x",
                     "--fulfils", wrong, words=("fulfils",))
        done = north.json("send", "south", "the list", "--fulfils", name)
        expect(done["refs"] == [{"rel": "fulfils", "name": name}], f"{done}")
        arrives(south, done["name"])
        for station in (north, south):
            comes("done", station, name,
                  lambda m: m["fulfilled_by"] == done["name"])
        expect(told(south, "fulfilled", name)["record"] == done["name"],
               "event")
        other = north.json("announce", "south", "a ship", "--by", "2h")
        north.ok("cancel", other["name"], "no wind")
        comes("withdrawn", south, other["name"],
              lambda m: m["outcome"] == "withdrawn")


def nonsense():
    """Bad input: words, and nothing said."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        plain = south_said(north, south)
        mine = south.json("send", "north", "here")["name"]
        arrives(north, mine)
        wait_for("all at north", 10, lambda: len(north.json("log")) ==
                 len(south.json("log")))
        before = [len(s.json("log")) for s in (north, south)]
        for words in (("answer", "north:south/99", "x"),
                      ("decline", "north:south/99", "x"),
                      ("supersede", "south:north/99", "x"),
                      ("cancel", "99"), ("distributed", "99", "--to", "x"),
                      ("understood", "0" * 32)):
            south.no(3, *words, words=("no message",))
        south.no(1, "answer", plain, "x", words=("asks nothing", "send"))
        for verb in ("answer", "decline", "distributed", "understood"):
            more = {"distributed": ("--to", "x"), "understood": ()}
            south.no(1, verb, mine, *more.get(verb, ("x",)),
                     words=("our own message", "only north"))
        for option in ("--by", "--expires"):
            verb = "ask" if option == "--by" else "send"
            south.no(2, verb, "north", "x", option, "2020-01-01T00:00:00Z",
                     words=("past",))
            south.no(2, verb, "north", "x", option, "soon", words=(option,))
        south.no(2, "announce", "north", "x", words=("by when",))
        south.no(2, "announce", "north", "x", "--by", "0s", words=("past",))
        for verb in ("answer", "supersede"):
            south.no(2, verb, mine, words=("no text",))
            south.no(2, verb, mine, "", words=("empty",))
            south.no(2, verb, mine, b"\xff", words=("UTF-8",))
        south.no(2, "distributed", plain, "--to", "r" * 65, words=("64",))
        south.no(2, "send", "north", "x", "--critical", "y" * 129,
                 words=("128",))
        after = [len(s.json("log")) for s in (north, south)]
        expect(after == before, f"nonsense was said: {before} {after}")
        hostile = "\x1b[2J\u202e; \x07"
        ask = asks(north, south)
        south.ok("decline", ask, hostile)
        comes("declined", north, ask, lambda m: m["outcome"] == "declined")
        for verb in (("log",), ("inbox",)):
            out = north.ok(*verb).out
            expect(re.search(r"[\x00-\x09\x0b-\x1f\u202e]", out) is None,
                   f"{verb}: {out!r}")


TESTS = (answered, declined, not_understood, superseded, taken_back,
         handed_on, expired, announced, nonsense)
