"""report: a period's numbers held against what the test did, and the page.

Tests for tests/cli/run. What is hostile here: a peer's words, which want to be
markup, and a file that is there already.
"""

import datetime
import html.parser
import os
import xml.etree.ElementTree

from bed import Bed, expect, wait_for

PRECEDENCES = ("flash", "immediate", "priority", "routine")
EVIL = ("</text></svg><script>alert(1)</script>&amp;<img src=x onerror=a()>"
        "\"'\u202e]]><!--")


def numbers(report):
    """The counts of a report by side, precedence and rung."""
    return {side: {p: {k: v for k, v in c.items() if isinstance(v, int)}
                   for p, c in report["messages"][side].items()
                   if isinstance(c, dict)} for side in ("ours", "theirs")}


def stamp(seconds=0):
    """A time to the millisecond."""
    now = datetime.datetime.now(datetime.timezone.utc)
    now += datetime.timedelta(seconds=seconds)
    return now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03}Z"


def one(station, *args):
    reports = station.json("report", "south" if station.name == "north"
                           else "north", *args)
    expect(len(reports) == 1, f"not one report: {reports}")
    return reports[0]


def nobody_spoke(report):
    """A day without data says so."""
    expect(all(c["messages"] == 0 and c["times"]["read"] ==
               {"n": 0, "median_ms": None, "worst_ms": None}
               for side in report["messages"].values()
               for c in side.values() if isinstance(c, dict)),
           f"said of nobody: {report['messages']}")
    expect(report["darkness"]["count"] is None and
           report["channels"]["availability"] is None and
           report["effective"]["state"] == "unknown",
           f"known of nothing: {report}")


def conversation(north, south):
    """What is said, and how often it came how far."""
    for p in PRECEDENCES:
        for k in range(3):
            north.ok("send", "south", f"{p} {k}", "--precedence", p, "--wait",
                     "delivered")
    north.ok("attend", "--answer", north.json("attend")["answer"])
    for number in (1, 2, 3, 4):  # flash, and one immediate
        south.ok("read", f"north/{number}")
    south.ok("understood", "north/1")
    south.ok("understood", "north/2")
    north.ok("send", "south", "a drill", "--marking", "exercise", "--wait",
             "delivered")
    names = [north.json("ask", "south", text, "--by", "1h", "--precedence",
                        "priority", "--wait", "delivered")["name"]
             for text in ("who?", "where?", "how?")]
    south.ok("read", names[0])
    south.ok("read", names[1])
    south.ok("answer", names[0], "the harbour master")
    south.ok("decline", names[1], "we do not say")
    north.ok("cancel", names[2], "not needed any more")
    for subject in ("the bridge", "the harbour"):
        north.ok("ask", "south", "how long?", "--by", "1h", "--subject",
                 subject, "--precedence", "immediate", "--wait", "delivered")
    south.ok("ask", "north", "why?", "--by", "1h", "--subject", EVIL,
             "--wait", "delivered")
    north.ok("ask", "south", "when?", "--by", "1s", "--subject", EVIL,
             "--wait", "delivered")


class Page(html.parser.HTMLParser):
    """Collects elements and attributes, and what should not be there."""

    def __init__(self):
        super().__init__()
        self.tags = {}
        self.bad = []

    def handle_starttag(self, tag, attrs):
        self.tags[tag] = self.tags.get(tag, 0) + 1
        for name, value in attrs:
            if name.startswith("on") or name in ("href", "src", "action"):
                self.bad.append((tag, name, value))
            elif "http" in (value or "") and name != "xmlns":
                self.bad.append((tag, name, value))


def check_page(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    tree = xml.etree.ElementTree.fromstring(text.split("\n", 1)[1])
    names = {e.tag.split("}")[1] for e in tree.iter()}
    page = Page()
    page.feed(text)
    page.close()
    foreign = names & {"script", "img", "link", "iframe", "object", "a",
                       "foreignObject", "use", "image", "embed", "form"}
    expect(not foreign and not page.bad and set(page.tags) == {
        n for n in names}, f"in the page: {foreign} {page.bad}")
    expect("svg" in names and text.isprintable() is False and
           "\u202e" not in text, "no plot, or a letter that turns the order")
    expect("alert(1)" in "".join(tree.itertext()) and
           "<script>alert(1)</script>" in "".join(tree.itertext()),
           "the subject is not shown as it stands")
    expect("@media print" in text and "size:A4" in text and
           "url(http" not in text and "@import" not in text, "its style")


def report():
    """Two stations, a conversation, and both their reports of it."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        before = stamp()
        conversation(north, south)
        wait_for("all to be there, and the ask of 1 s overdue", 10, lambda: (
            lambda r: r["asks"]["ours"]["overdue"] == 1 and
            r["messages"]["ours"]["all"]["delivered"] == 19 and
            r["messages"]["theirs"]["all"]["delivered"] == 3)(one(north)))
        mine = one(north)
        n = numbers(mine)["ours"]
        for p, read, understood, answered, more in (
                ("flash", 3, 2, 0, 0), ("immediate", 1, 0, 0, 2),
                # three asks and what cancels one
                ("priority", 2, 0, 1, 4), ("routine", 0, 0, 0, 1)):
            c = n[p]
            expect(c["messages"] == 3 + more and c["delivered"] == 3 + more and
                   c["sent"] == 3 + more and c["attempts"] >= c["sent"] and
                   c["read"] == read and c["understood"] == understood and
                   c["answered"] == answered and
                   c["declined"] == (p == "priority"), f"{p}: {c}")
            t = mine["messages"]["ours"][p]["times"]
            expect(t["answered"]["n"] == answered and
                   t["delivered"]["n"] == 3 + more and t["read"]["n"] == read
                   and 0 <= t["delivered"]["median_ms"] <=
                   t["delivered"]["worst_ms"] < 60000, f"{p}: {t}")
        expect(n["all"]["messages"] == 19 and n["all"]["read"] == 6 and
               mine["messages"]["ours"]["not_actual"] == 1,
               f"all: {mine['messages']['ours']}")
        expect(mine["asks"] == {
            "ours": {"asked": 6, "answered": 1, "withdrawn": 1, "declined": 1,
                     "understood": 0, "open": 3, "overdue": 1},
            "theirs": {"asked": 1, "answered": 0, "withdrawn": 0,
                       "declined": 0, "understood": 0, "open": 1,
                       "overdue": 0}}, f"asks: {mine['asks']}")
        expect(mine["effective"]["state"] == "no" and
               mine["effective"]["overdue"] == 1 and
               "effective communication is not occurring" in mine["sentence"],
               f"{mine['effective']} {mine['sentence']}")
        status = north.line("south")
        expect(mine["effective"] == status["effective"] and
               mine["sentence"] == status["sentence"],
               f"status says otherwise: {status['effective']} "
               f"{mine['effective']}")
        there = mine["attended"]
        expect(abs(there["attended_ms"] + there["unattended_ms"] +
                   there["unknown_ms"] - 86400000) < 5 and
               there["share"] == 1 and there["unattended_ms"] == 0 and
               0 < there["attended_ms"] < 60000,
               f"attended: {there}")
        theirs = numbers(one(south))["theirs"]
        for p in PRECEDENCES:
            expect(theirs[p]["messages"] == n[p]["messages"] and
                   theirs[p]["delivered"] == n[p]["delivered"] and
                   theirs[p]["read"] == n[p]["read"] and
                   theirs[p]["understood"] == n[p]["understood"],
                   f"the two differ: {p}: {theirs[p]} {n[p]}")
        # The period's ends: before all, and after all.
        nobody_spoke(one(north, "--to", before))
        expect(numbers(one(north, "--from", stamp()))["ours"]["all"]
               ["messages"] == 0, "said after all was said")
        north.no(2, "report", "--from", stamp(), "--to", before,
                 words=("ends before it begins",))
        north.no(2, "report", "--from", stamp(3600), words=("lies ahead",))
        north.no(3, "report", "nobody", words=("no line with nobody",))
        text = north.ok("report").out
        expect(all(w in text for w in ("Report of north", "MESSAGES", "flash",
                                       "OVERDUE", "not known")), text)
        path = bed.path("page.html")
        north.ok("report", "--html", path)
        expect(os.stat(path).st_mode & 0o777 == 0o600, "the page's mode")
        check_page(path)
        with open(path, "rb") as f:
            was = f.read()
        north.no(1, "report", "--html", path, words=("nothing is overwritten",
                                                     "another file"))
        os.symlink(bed.path("elsewhere"), bed.path("link.html"))
        north.no(1, "report", "--html", bed.path("link.html"))
        north.no(1, "report", "--html", bed.path("none/page.html"),
                 words=("cannot make",))
        with open(path, "rb") as f:
            expect(f.read() == was and
                   not os.path.exists(bed.path("elsewhere")), "overwritten")


def ms(text):
    when = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round(when.timestamp() * 1000)


def report_darkness():
    """A blackout: told once, with the length that blackouts tells, cut at the
    period's ends; and what was available."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        north.delivers(south, "before")
        south.stop()
        wait_for("north to be dark", 15,
                 lambda: north.state("south") == "dark")
        mine = wait_for("the blackout to be in the report", 5, lambda: (
            lambda r: r["darkness"]["count"] == 1 and r)(one(north)))
        expect(mine["effective"]["state"] == "no" and
               "dark" in mine["effective"]["why"] and
               mine["blackouts"][0]["over"] is False and
               mine["sentence"].startswith("No channel open since"),
               f"dark, and says {mine['effective']} {mine['sentence']}")
        south.start()
        bed.open(north, south)
        entry = wait_for("the blackout to be over", 10, lambda: (
            lambda e: e["over"] and e)(north.json("blackouts", "south")[0]))
        long_ms = ms(entry["end"]) - ms(entry["since"])
        # What was measured is written at the latest when it stops.
        north.stop()
        north.start()
        bed.open(north, south)
        mine = one(north)
        dark = mine["darkness"]
        expect(dark["count"] == 1 and dark["total_ms"] == long_ms and
               dark["longest_ms"] == long_ms and
               0 <= dark["not_running_ms"] < 60000,
               f"darkness: {dark}, and blackouts says {entry}")
        expect(len([b for b in mine["blackouts"] if b["kind"] == "dark"]) == 1
               and mine["blackouts_left_out"] == 0, f"{mine['blackouts']}")
        c = mine["channels"]
        expect(c["measured_ms"] > 0 and 0 < c["availability"] < 1 and
               {"cable", "radio"} <= {x["name"] for x in c["channels"]} and
               all(0 < x["availability"] < 1 for x in c["channels"]
                   if x["name"] in ("cable", "radio")), f"channels: {c}")
        rows = mine["timeline"]["rows"]
        expect(sum(r["measured_ms"] for r in rows) == c["measured_ms"] and
               all("cable" in r["channels"] for r in rows), f"rows: {rows}")
        # From the middle of it, and to the middle of it.
        middle = (ms(entry["since"]) + ms(entry["end"])) // 2
        text = datetime.datetime.fromtimestamp(
            middle / 1000, datetime.timezone.utc).strftime(
                "%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        late = one(north, "--from", text)["darkness"]
        early = one(north, "--to", text)
        expect(late["count"] == 1 and
               late["total_ms"] == ms(entry["end"]) - middle, f"late: {late}")
        expect(early["darkness"]["total_ms"] == middle - ms(entry["since"]) and
               early["effective"]["state"] == "no" and
               early["sentence"].startswith("As of ") and
               "the line dark" in early["sentence"],
               f"early: {early['darkness']} {early['sentence']}")
        after = one(north, "--from", entry["end"])["darkness"]
        expect(after["count"] != 1, f"dark after it: {after}")
        path = bed.path("page.html")
        north.ok("report", "--html", path)
        with open(path, encoding="utf-8") as f:
            page = f.read()
        expect('fill="#000"' in page and
               ">cable</text>" in page and "dark 1 time" in page,
               "not in the plot")
        xml.etree.ElementTree.fromstring(page.split("\n", 1)[1])
        expect("dark 1 time" in north.ok("report").out, "not for people")


def report_by_courier():
    """A line that only a courier serves is dark, and asks can be answered on
    it: state and sentence say the same, now and as of then."""
    with Bed() as bed:
        os.mkdir(bed.path("bag"))
        north, south = bed.pair("north", "south",
                                more=(f"pouch courier://{bed.path('bag')}",))
        south.stop()
        wait_for("only the pouch to be left", 15,
                 lambda: north.state("south") == "pouch-only")
        words = "whether effective communication is occurring is not known"
        status = north.line("south")
        expect(status["effective"]["state"] == "unknown" and
               words in status["sentence"], f"{status['effective']['state']}, "
               f"and {status['sentence']}")
        mine = wait_for("the blackout to be in the report", 5, lambda: (
            lambda r: r["darkness"]["count"] == 1 and r)(one(north)))
        expect(mine["effective"]["state"] == "unknown" and
               words in mine["sentence"], mine["sentence"])


TESTS = (report, report_darkness, report_by_courier)
