#!/usr/bin/env python3
"""Makes doc/performance.md and its plots of what the benchmarks told.

    bench/page.py [FILE]        takes the lines of JSON of FILE (measure.py)
    bench/page.py --try FILE    has the page a place for them? changes nothing
    bench/page.py --check       0 if the page is what its figures make
    bench/page.py --self-test

doc/performance/figures.jsonl keeps the figures of each load's last run; those
of a load in FILE take the place of its former ones. In doc/performance.md what
stands between `<!-- bench:LOAD -->` and `<!-- /bench:LOAD -->` is written
anew, and only that: tables, with who was compared and how it was set, and
pictures, which bench/draw.py makes. Without FILE it is made again of what is
kept.
"""

import json
import os
import re
import sys
import tempfile

import draw
import measure

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = os.path.join("doc", "performance.md")
FOLDER = os.path.join("doc", "performance")
MARK = re.compile(r"(<!-- bench:(\w+) -->\n).*?(<!-- /bench:\2 -->)", re.S)


def read(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        return [json.loads(text) for text in f if text.strip()]


def runs(entries):
    """{load: its run and what was told of it}; a later run counts."""
    found = {}
    for e in entries:
        if e["kind"] == "run":
            run = e
            for load in e["loads"]:
                found[load] = [dict(run, loads=[load])]
        else:
            found[e["load"]].append(e)
    return found


def merged(old, new):
    """The figures with those of the new runs in the place of their loads'."""
    return [e for some in {**runs(old), **runs(new)}.values() for e in some]


def cell(text):
    return str(text).replace("|", "\\|")


def markdown(rows):
    head, *body = rows
    lines = ["| " + " | ".join(map(cell, head)) + " |",
             "|" + "|".join("---" for _ in head) + "|"]
    lines += ["| " + " | ".join(map(cell, row)) + " |" for row in body]
    return "\n".join(lines) + "\n"


def slug(words):
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def provenance(run):
    m, disk = run["machine"], run["disk"]
    text = (f"Measured {run['date']} at commit {run['commit']} on "
            f"{m['cores']} cores of {m['cpu']}, {m['memory_gib']} GiB, "
            f"{m['kernel']}")
    if disk:
        text += (f"; {disk['kind']} on {disk['source']}, fdatasync "
                 f"{measure.word(disk['fdatasync_ms'], 'ms')} in the middle "
                 "in the same run")
    return text + ".\n"


def peers(entries):
    rows = [["peer", "durable before it acknowledges", "encrypted",
             "settings"]]
    rows += [[e["what"], e["durable"], e["encrypted"], e["settings"]]
             for e in entries if e["kind"] == "peer"]
    return markdown(rows) if len(rows) > 1 else ""


def load_text(load, entries, pictures):
    """What stands between the marks of a load; adds {file: svg}."""
    mine = [e for e in entries if e.get("load") == load]
    run = next((e for e in entries if e["kind"] == "run" and
                load in e["loads"]), None)
    if not run:
        return "Not measured yet.\n"
    blocks = [provenance(run)]
    for _, part, some in measure.parts(mine):
        name = slug(f"{load}-{part}") + ".svg"
        if part:
            blocks.append(f"**{part}**\n")
        blocks.append(markdown(measure.rows(some)))
        if len(some) > 1 and len({e["unit"] for e in some}) == 1:
            pictures[name] = draw.bars(f"{load}: {part}" if part else load,
                                       some)
            blocks.append(f"![{part or load}](performance/{name})\n")
    for e in mine:
        if e["kind"] == "plot":
            name = slug(f"{load}-{e['name']}") + ".svg"
            pictures[name] = draw.lines(e)
            blocks.append(f"![{e['name']}](performance/{name})\n")
    blocks.append(peers(mine))
    return "\n".join(b for b in blocks if b)


def best_peer(entry, some, peers_of):
    """"MPTCP 316 ms", the best of those that ours is compared with."""
    far = float("inf")
    least = entry["goal"].startswith("<=")
    others = [e for e in some if e["what"] in peers_of]
    if not others:
        return ""
    best = min(others, key=lambda e: far if e["value"] is None else
               e["value"] if least else -e["value"])
    return f"{best['what']} {measure.word(best['value'], best['unit'])}"


def summary(entries, places):
    rows = [["load", "", "", "seen", "goal", "", "best of the others"]]
    for load, part, some in sorted(measure.parts(entries),
                                   key=lambda p: places.index(p[0])):
        peers_of = {e["what"] for e in entries
                    if e["kind"] == "peer" and e["load"] == load}
        rows += [[f"[{load}](#{load})", part,
                  re.sub("^openline ?", "", e["what"]),
                  measure.word(e["value"], e["unit"]), measure.goal_word(e),
                  measure.verdict(e), best_peer(e, some, peers_of)]
                 for e in some if e["goal"]]
    return markdown(rows) if len(rows) > 1 else "Nothing measured yet.\n"


def made(page, entries):
    """(the page's text, {file: svg}) of its former text and the figures."""
    pictures = {}
    places = [match[2] for match in MARK.finditer(page)]
    lost = {load for load, _, _ in measure.parts(entries)} - set(places)
    if lost:
        raise SystemExit(f"openline: {PAGE} has no place for "
                         f"{', '.join(sorted(lost))}: write a heading there, "
                         "and below <!-- bench:NAME --> and its end")

    def block(match):
        if match[2] == "summary":
            text = summary(entries, places)
        else:
            text = load_text(match[2], entries, pictures)
        return match[1] + text + match[3]
    return MARK.sub(block, page), pictures


def put(root, text, pictures, entries):
    folder = os.path.join(root, FOLDER)
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(folder):
        if name.endswith(".svg") and name not in pictures:
            os.unlink(os.path.join(folder, name))
    files = {os.path.join(FOLDER, name): svg for name, svg in pictures.items()}
    files[PAGE] = text
    files[os.path.join(FOLDER, "figures.jsonl")] = \
        "".join(json.dumps(e) + "\n" for e in entries)
    for name, content in files.items():
        with open(os.path.join(root, name), "w", encoding="utf-8") as f:
            f.write(content)


def make(root, file=None, keep=True):
    entries = read(os.path.join(root, FOLDER, "figures.jsonl"))
    if file:
        entries = merged(entries, read(file))
    with open(os.path.join(root, PAGE), encoding="utf-8") as f:
        text, pictures = made(f.read(), entries)
    if keep:
        put(root, text, pictures, entries)


def check(root):
    """Is the page what its figures make?"""
    entries = read(os.path.join(root, FOLDER, "figures.jsonl"))
    with open(os.path.join(root, PAGE), encoding="utf-8") as f:
        page = f.read()
    text, pictures = made(page, entries)
    stale = [] if text == page else [PAGE]
    for name, svg in pictures.items():
        path = os.path.join(root, FOLDER, name)
        if not os.path.exists(path):
            stale.append(name)
            continue
        with open(path, encoding="utf-8") as f:
            if f.read() != svg:
                stale.append(name)
    for name in stale:
        print(f"{name}: not what the figures make: run bench/page.py")
    return not stale


def self_test():
    """A small record through all of it, in a directory of its own."""
    run = {"kind": "run", "loads": ["death"], "date": "d", "commit": "c",
           "machine": {"cpu": "x", "cores": 2, "memory_gib": 4,
                       "kernel": "Linux"}, "disk": {}}

    def fig(what, value, **more):
        return {"kind": "figure", "load": "death", "part": "worst",
                "what": what, "value": value, "unit": "ms", "goal": None,
                "of": None, "note": "", "spread": None, **more}
    record = [run, fig("openline", 40, goal="<= 36", of="MPTCP"),
              fig("MPTCP", 320, spread=(300, 400)), fig("NNCP", None),
              {"kind": "peer", "load": "death", "what": "MPTCP", "settings":
               "s", "durable": "yes", "encrypted": "no"},
              {"kind": "plot", "load": "death", "name": "growth", "x": "n",
               "y": "ms", "series": {"a": [[1, 2], [10, 3]]}, "log": "x"}]
    page = ("<!-- bench:summary -->\n<!-- /bench:summary -->\n"
            "## death\n<!-- bench:death -->\nold\n<!-- /bench:death -->\nend\n")
    wrong = []
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(os.path.join(root, "doc"))
        with open(os.path.join(root, PAGE), "w", encoding="utf-8") as f:
            f.write(page)
        file = os.path.join(root, "new")
        with open(file, "w", encoding="utf-8") as f:
            f.write("".join(json.dumps(e) + "\n" for e in record))
        make(root, file)
        with open(os.path.join(root, PAGE), encoding="utf-8") as f:
            text = f.read()
        for words in ("missed by 11 %", "| MPTCP 320 ms |", "0.12 x MPTCP", "300 to 400", "never",
                      "death-worst.svg", "death-growth.svg", "end\n"):
            if words not in text:
                wrong.append(f"the page lacks {words}")
        if "old" in text:
            wrong.append("the former table stayed")
        if not check(root):
            wrong.append("a fresh page is not what its figures make")
        with open(file, "w", encoding="utf-8") as f:
            f.write("".join(json.dumps(e) + "\n" for e in
                            [run, fig("openline", 30, goal="<= 36")]))
        make(root, file)
        with open(os.path.join(root, PAGE), encoding="utf-8") as f:
            text = f.read()
        if "MPTCP" in text or "| met |" not in text:
            wrong.append("new figures did not take the old ones' place")
        left = os.listdir(os.path.join(root, FOLDER))
        if "death-growth.svg" in left:
            wrong.append("a picture of no figure stayed")
    for what in wrong:
        print(f"bench/page.py --self-test: {what}")
    return not wrong


def main(words):
    if words == ["--self-test"]:
        return self_test() and draw.self_test()
    if words == ["--check"]:
        return check(ROOT)
    if len(words) == 2 and words[0] == "--try":
        make(ROOT, words[1], keep=False)
        return True
    if len(words) > 1 or words and words[0].startswith("-"):
        print(__doc__.strip(), file=sys.stderr)
        return False
    make(ROOT, *words)
    return True


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1:]) else 1)
