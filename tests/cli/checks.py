"""Line checks: by hand and by schedule, the station's and the officer's word,
and what happens when nobody answers.

Part of tests/cli/run.
"""

import time

from attention import alarm
from bed import Bed, expect, wait_for


def last(station, *peer):
    """The newest check; None: there is none."""
    found = station.json("checks", *peer)
    return found[0] if found else None


def words_on(station, name):
    """The receipts that the station itself gave for one message."""
    return [m for m in station.json("log") if m["kind"] == "receipt" and
            m["originator"] is None and
            any(r["name"] == name for r in m["refs"])]


def check_by_hand():
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        expect(north.json("checks") == [], "checks of nothing")
        expect("No line check" in north.ok("checks").out, "no word on none")
        north.no(3, "check", "west", words=("no line with west",))
        north.no(2, "check", words=("usage: openline check",))
        told = north.ok("check", "south", "--wait").out
        expect("answered after" in told and "cable" in told and
               "radio" in told, f"who answered, and by what: {told}")
        c = last(north)
        expect(c["state"] == "answered" and c["check"] == 1 and
               c["after_ms"] < 5000 and c["name"] == "north:south/1" and
               c["read"] is None and c["understood"] is None, f"{c}")
        expect({x["name"] for x in c["channels"]} == {"cable", "radio"} and
               all(x["sent"] >= 1 for x in c["channels"]), f"{c}")
        north.no(1, "check", "south", words=("5 s ago",))

        # It is marked, numbered, and waits for their officer.
        found = south.json("inbox")
        expect([m["name"] for m in found] == ["north:south/1"], f"{found}")
        expect(found[0]["marking"] == "test" and found[0]["check"] == 1 and
               found[0]["lang"] == "en", f"{found}")
        shown = south.ok("read", "north/1").out
        expect(shown.count("TEST TEST TEST") >= 1, shown)
        wait_for("the officer's reading to come back", 10,
                 lambda: last(north)["read"])
        south.ok("understood", "north/1")
        wait_for("the officer's word to come back", 10,
                 lambda: last(north)["understood"])
        word = last(north)["understood"]
        expect(word["by"] and word["at"] and word["after_ms"] >= 0, f"{word}")
        expect(south.json("inbox") == [], "it still waits")

        # It is no ask, and says nothing of communication.
        e = north.line("south")["effective"]
        expect(e["state"] == "unknown" and e["asked"] == 0, f"{e}")

        # A TEST that is no check is not answered; nor is a drill.
        north.delivers(south, "just a test")
        name = north.ok("send", "south", "hm", "--marking", "test",
                        "--precedence", "flash", "--wait", "delivered").out
        time.sleep(1)
        expect(words_on(south, name.strip()) == [], "a TEST was answered")


def check_unanswered():
    """Missed, alarmed, answered late; and one answer, whatever restarts."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        south.kill()
        north.ok("check", "south")
        north.no(1, "check", "south", words=("under way",))
        expect(last(north)["state"] == "waiting", f"{last(north)}")
        # It stands after a restart too, and is missed in time.
        north.kill()
        north.start()
        wait_for("the check to be missed", 30,
                 lambda: last(north)["state"] == "missed")
        a = alarm(north, "check")
        expect(a and a["active"] and a["priority"] == "medium" and
               "line check 1 was not answered by south" in a["what"] and
               a["do"], f"{a}")
        north.no(1, "check", "south", words=("has not arrived yet",))
        north.kill()
        north.start()
        expect(last(north)["state"] == "missed" and
               alarm(north, "check")["active"], "a restart forgot it")
        south.start()
        wait_for("the late answer", 30,
                 lambda: last(north)["state"] == "late")
        wait_for("the alarm to pass", 10,
                 lambda: not alarm(north, "check")["active"])
        expect(len(words_on(south, "north:south/1")) == 1, "not one answer")
        for _ in range(2):
            south.kill()
            south.start()
            bed.open(north, south)
        north.ok("check", "south", "--wait")
        expect(last(north)["check"] == 2, f"{last(north)}")
        for name in ("north:south/1", "north:south/2"):
            expect(len(words_on(south, name)) == 1,
                   f"{name} has {len(words_on(south, name))} answers")

        # Who waits for it hears that nobody answered.
        south.kill()
        time.sleep(5)
        north.no(4, "check", "south", "--wait",
                 words=("was not answered within 12s",))


def check_by_schedule():
    """Every ten seconds, from a file of texts; left out where it cannot go."""
    with Bed() as bed:
        north, south = bed.pair("north", "south", start=False)
        texts = bed.path("texts")
        with open(texts, "w", encoding="utf-8") as f:
            f.write("The quick brown fox.\n\n점검 문장입니다.\n")
        path = "lines.d/south.conf"
        good = north.read(path)
        for bad, word in (("check = often", "1h"), ("check = 3s", "10s"),
                          ("check = 9:00Z", "09:00Z"),
                          ("check-texts = here", "whole path"),
                          ("check-texts = /x ko kr", "whole path")):
            north.write(path, good + bad + "\n")
            north.no(1, "run", "--check-config", words=(bad[:5], word))
        north.write(path, good +
                    f"check = 10s\ncheck-texts = {texts} ko\n")
        north.start()
        south.start()
        wait_for("two checks by schedule", 60, lambda: len(
            [c for c in north.json("checks", "south")
             if c["state"] == "answered" and c["by"] == "schedule"]) >= 2)
        said = [m for m in north.json("log") if m["check"]]
        expect([m["check"] for m in said[:2]] == [1, 2] and
               [m["text"] for m in said[:2]] ==
               ["The quick brown fox.", "점검 문장입니다."] and
               said[0]["lang"] == "ko", f"{said}")
        # Only the newest waits for an officer.
        wait_for("the newest to stand alone", 20,
                 lambda: len(south.json("inbox")) == 1, every=1)
        expect(len([m for m in south.json("inbox", "--all") if m["check"]]) >=
               2, "the others are gone")
        south.stop()
        wait_for("one that cannot go", 60, lambda: any(
            c["state"] == "unsent" and c["check"] is None and
            c["why"] == "no channel was up" for c in north.json("checks")))
        n = max(c["check"] or 0 for c in north.json("checks"))
        south.start()
        wait_for("the schedule to go on", 60, lambda: any(
            c["state"] == "answered" and (c["check"] or 0) > n
            for c in north.json("checks")))


TESTS = (check_by_hand, check_unanswered, check_by_schedule)
