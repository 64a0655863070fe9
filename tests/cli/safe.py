"""Keeping a station safe: passphrase, identity, backup, restore.

Tests for tests/cli/run. What is hostile here: whoever has the disk, or the
file, or guesses; what is clumsy: a crash at any moment, a wrong passphrase, a
file that was cut or altered.
"""

import hashlib
import os
import pty
import random
import select
import signal
import subprocess
import time

from bed import ENVIRONMENT, OPENLINE, Bed, Station, expect, judge, openline, \
    wait_for
from lab import PATIENCE_S, Skip

WORD = "correct horse"
FAULT = os.path.join(os.path.dirname(OPENLINE), "tests/net/libfault.so")


def secret(station, *args, word=WORD, status=0, words=(), **more):
    """A verb that is given the passphrase by descriptor 0."""
    return station.no(status, *args, "--passphrase-fd", "0", words=words,
                      text=(word + "\n").encode(), **more)


def sealed(bed, name, word=WORD):
    """A station that was made with a passphrase."""
    station = Station(bed, name, options=("--passphrase-fd", "0"),
                      text=(word + "\n").encode())
    station.secret = word
    return station


def everything(folder):
    """All bytes of all files below a folder, by path."""
    out = {}
    for at, _, files in os.walk(folder):
        for file in files:
            path = os.path.join(at, file)
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    out[os.path.relpath(path, folder)] = f.read()
    return out


def on_terminal(args, typed, env=None):
    """Runs the command with a terminal of its own; what it said, its exit
    status, and what the terminal showed."""
    pid, fd = pty.fork()
    if pid == 0:
        # Whoever runs the tests in the background may ignore it, and a child
        # would too.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.execve(OPENLINE, [OPENLINE, *args], {**ENVIRONMENT, **(env or {})})
    shown = b""
    asked = 0
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        ready, _, _ = select.select([fd], [], [], 0.1)
        if ready:
            try:
                more = os.read(fd, 4096)
            except OSError:
                break
            if not more:
                break
            shown += more
        # Typed only once it is asked for, and the terminal is quiet.
        if asked < len(typed) and shown.count(b": ") > asked and \
                shown.endswith(b": "):
            os.write(fd, typed[asked].encode())
            asked += 1
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    return shown.decode(errors="replace"), status


def passphrase():
    """What is asked, what is said, and what lies on the disk."""
    with Bed() as bed:
        north = sealed(bed, "north")
        expect(os.stat(os.path.join(north.dir, "passphrase.key")).st_mode &
               0o777 == 0o600, "the mode of passphrase.key")
        card = secret(north, "card", "south").out
        expect("BEGIN OPENLINE CARD" in card, card)
        lies = everything(north.dir)
        expect(not any(card.splitlines()[1].encode() in raw
                       for raw in lies.values()), "a card lies in the clear")
        for file in ("identity.key", "storage.key", "cards/south.card"):
            expect(lies[file].startswith(b"OLSEALED"), f"{file} is not sealed")
        for verb in (("card", "south"), ("safety", "south"), ("run",),
                     ("run", "--check-config"), ("passphrase",),
                     ("pair", os.path.join(north.dir, "station.conf"))):
            secret(north, *verb, word="wrong", status=1,
                   words=("passphrase", "wrong"))
        secret(north, "doctor", word="wrong", status=1, words=("wrong",))
        for word, words in (("", ("empty",)), ("x" * 1025, ("longer",)),
                            ("a\0b", ("NUL",))):
            secret(north, "card", "south", word=word, status=1, words=words)
        north.no(1, "card", "south", "--passphrase-fd", "77",
                 words=("descriptor 77", "Bad file descriptor"))
        north.no(2, "card", "south", "--passphrase-fd", "x",
                 words=("--passphrase-fd",))
        north.no(1, "card", "south", words=("no terminal", "--passphrase-fd"),
                 start_new_session=True)
        secret(north, "passphrase", status=1, start_new_session=True,
               words=("no terminal", "--new-passphrase-fd"))
        expect(secret(north, "card", "south").out == card, "another card")
        # CR LF, and what stands behind the line.
        north.ok("card", "south", "--passphrase-fd", "0",
                 text=WORD.encode() + b"\r\nand more")
        # Changed, with both on one descriptor; the keys stay.
        north.ok("passphrase", "--passphrase-fd", "0", "--new-passphrase-fd",
                 "0", text=f"{WORD}\nanother one\n".encode())
        secret(north, "card", "south", status=1, words=("wrong",))
        expect(secret(north, "card", "south", word="another one").out == card,
               "the change changed the card")
        for text, words in ((f"{WORD}\nx\n", ("wrong",)),
                            ("another one\n\n", ("empty",)),
                            ("another one\n1234567\n", ("7", "8")),
                            ("another one\n\u00e4\u00e4\u00e4\u00e4\n",
                             ("4 characters", "guessed", "six words"))):
            north.no(1, "passphrase", "--passphrase-fd", "0",
                     "--new-passphrase-fd", "0", text=text.encode(),
                     words=words)
        secret(north, "passphrase", "--remove", word="another one")
        expect("passphrase.key" not in everything(north.dir), "it is there")
        expect(north.ok("card", "south").out == card, "removing lost it")
        north.no(1, "passphrase", "--remove", words=("no passphrase",))
        north.no(2, "passphrase", "--remove", "--new-passphrase-fd", "0",
                 words=("--remove",))
        plain = everything(north.dir)
        secret(north, "passphrase")
        lies = everything(north.dir)
        key = plain["storage.key"][8:]
        expect(not any(key in raw for raw in lies.values()),
               "the storage key lies in the clear")
        expect(secret(north, "card", "south").out == card, "setting lost it")
        os.chmod(os.path.join(north.dir, "passphrase.key"), 0o644)
        secret(north, "card", "south", status=1, words=("others", "chmod"))
        judge(openline("init", bed.path("e"), "--name", "e",
                       "--passphrase-fd", "0", text=b"\n"), 1, "empty")
        judge(openline("init", bed.path("e"), "--name", "e",
                       "--passphrase-fd", "0", text=b"x\n"), 1, "guessed",
              "8 at least")
        expect(not os.path.exists(bed.path("e")), "a station without a word")


def passphrase_terminal():
    """Typed twice, and not shown."""
    with Bed() as bed:
        def init(*typed):
            return on_terminal(("init", bed.path("n"), "--name", "n",
                                "--passphrase"), typed)
        shown, status = init("one word\n", "other word\n")
        expect(status != 0 and "differ" in shown, shown)
        expect(not os.path.exists(bed.path("n")), "made all the same")
        shown, status = init("\n", "\n")
        expect(status != 0 and "empty" in shown, shown)
        shown, status = init("one word\n", "\x03")
        expect(os.WIFSIGNALED(status) and os.WTERMSIG(status) ==
               signal.SIGINT, f"Ctrl-C: {status}: {shown}")
        shown, status = init("one word\n", "one word\n")
        expect(status == 0 and "is made" in shown and
               "cannot be started" in shown, shown)
        expect("one word" not in shown, "the terminal showed it")
        shown, status = on_terminal(("card", "s", "-d", bed.path("n")),
                                    ("one word\n",))
        expect(status == 0 and "BEGIN OPENLINE CARD" in shown and
               "one word" not in shown, shown)
        shown, status = on_terminal(("card", "s", "-d", bed.path("n")),
                                    ("two words\n",))
        expect(status != 0 and "wrong" in shown, shown)


def passphrase_damage():
    """Whatever befalls a file with a secret, it is told, and it is never
    taken for a wrong passphrase, nor the other way round."""
    with Bed() as bed:
        north = sealed(bed, "north")
        secret(north, "card", "south")
        whole = everything(north.dir)

        def spoil(file, raw, words):
            with open(os.path.join(north.dir, file), "wb") as f:
                f.write(raw)
            secret(north, "card", "south", status=1, words=words)
            with open(os.path.join(north.dir, file), "wb") as f:
                f.write(whole[file])
        raw = whole["passphrase.key"]
        for at in (0, 8, 12, 16, 31, 32, 60, 103, 104, len(raw) - 1):
            spoil("passphrase.key", raw[:at] + bytes([raw[at] ^ 1]) +
                  raw[at + 1:], ("passphrase.key", "damaged"))
        for n in (0, 7, 40, len(raw) - 1):
            spoil("passphrase.key", raw[:n], ("damaged",))
        spoil("passphrase.key", raw + b"x", ("damaged",))
        # One that asks for all memory, or for hours, and is else in order.
        for ops, kib in ((1, 0xffffffff), (0xffffffff, 64), (9, 64), (0, 64),
                         (3, 2 << 20), (3, 0)):
            evil = raw[:8] + ops.to_bytes(4) + kib.to_bytes(4) + raw[16:104]
            evil += hashlib.blake2b(b"openline passphrase 1" + evil,
                                    digest_size=32).digest()[:8]
            spoil("passphrase.key", evil, ("damaged",))
        for file in ("identity.key", "storage.key", "cards/south.card"):
            raw = whole[file]
            for at in (8, len(raw) - 1):
                spoil(file, raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1:],
                      (file,))
            for n in (9, len(raw) - 1):
                spoil(file, raw[:n], (file,))
        # One sealed file in the place of another.
        spoil("identity.key", whole["storage.key"], ("identity.key",))
        secret(north, "card", "west")
        whole = everything(north.dir)
        spoil("cards/south.card", whole["cards/west.card"], ("does not open",))
        os.rename(os.path.join(north.dir, "passphrase.key"), bed.path("away"))
        north.no(1, "card", "south", words=("passphrase.key is missing",))
        os.rename(bed.path("away"), os.path.join(north.dir, "passphrase.key"))
        secret(north, "card", "south")


def passphrase_run():
    """By descriptor and by credential; the line works with sealed cards, and
    nothing shows the passphrase."""
    with Bed() as bed:
        north, south = sealed(bed, "north"), Station(bed, "south")
        cards = bed.path("n.card"), bed.path("s.card")
        with open(cards[0], "w", encoding="utf-8") as f:
            f.write(secret(north, "card", "south").out)
        with open(cards[1], "w", encoding="utf-8") as f:
            # As long as a card's file may be: sealed it is longer.
            text = south.ok("card", "north").out
            f.write("-" * (65534 - len(text)) + "\n" + text)
        secret(north, "pair", cards[1])
        south.ok("pair", cards[0])
        for me, peer in ((north, south), (south, north)):
            me.channels(peer.name, f"cable tcp://127.0.0.1:{peer.port}",
                        f"radio udp://127.0.0.1:{peer.port}")
        south.start()
        expect(south.json("status")["at_rest"] == "file-mode", "at rest")
        expect("stolen disk" in south.ok("status").out, "not said")
        north.start(secret=WORD)
        status = north.json("status")
        expect((status["at_rest"], status["unlocked_by"]) ==
               ("passphrase", "descriptor"), f"status: {status}")
        bed.open(north, south)
        north.delivers(south, "sealed at rest")
        for file in ("cmdline", "environ"):
            with open(f"/proc/{north.process.pid}/{file}", "rb") as f:
                expect(WORD.encode() not in f.read(), f"{file} shows it")
        judge(north.run("doctor"), 0, "a passphrase protects")
        # Changed while it runs; set and removed only when it does not.
        north.ok("passphrase", "--passphrase-fd", "0", "--new-passphrase-fd",
                 "0", text=f"{WORD}\nanother one\n".encode())
        secret(north, "passphrase", "--remove", word="another one", status=1,
               words=("running already",))
        secret(south, "passphrase", status=1, words=("running already",))
        # A new card, taken by the station that runs.
        south.ok("card", "north", "--renew")
        with open(cards[1], "w", encoding="utf-8") as f:
            f.write(south.ok("card", "north").out)
        secret(north, "pair", cards[1], word="another one")
        bed.open(north, south)
        north.delivers(south, "with another card")
        north.stop()
        folder = bed.path("credentials")
        os.mkdir(folder)
        for name in ("passphrase", "openline.passphrase"):
            with open(os.path.join(folder, name), "w",
                      encoding="utf-8") as f:
                f.write("another one\n")
            north.env = {"CREDENTIALS_DIRECTORY": folder}
            north.start()
            expect(north.json("status")["unlocked_by"] == "credential", "by")
            expect("credential" in north.ok("status").out, "not said")
            bed.open(north, south)
            north.ok("audit")
            north.stop()
            os.unlink(os.path.join(folder, name))
        with open(os.path.join(folder, "passphrase"), "w",
                  encoding="utf-8") as f:
            f.write("wrong\n")
        north.start(ready=False)
        expect(north.process.wait(PATIENCE_S) == 1, "started with a wrong one")
        expect("wrong" in north.said(), "the log is silent")
        north.process = None
        north.env = {}


def passphrase_crash():
    """Killed at any moment of a change, everything still opens, and what is
    left is sealed by the next start."""
    with Bed() as bed:
        north = Station(bed, "north")
        card = north.ok("card", "south").out
        for peer in "abcdefgh":
            north.ok("card", peer)
        rng = random.Random(7)
        has = None

        def killed(args, text):
            with subprocess.Popen(
                    [OPENLINE, "passphrase", "-d", north.dir, *args],
                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL, env=ENVIRONMENT) as process:
                process.stdin.write(text)
                process.stdin.close()
                time.sleep(rng.uniform(0.2, 0.9))
                process.kill()
                process.wait()

        def opens(word):
            if word is None:
                return north.run("card", "south",
                                 start_new_session=True).out == card
            return north.run("card", "south", "--passphrase-fd", "0",
                             text=word.encode()).out == card
        for k in range(16):
            words = ("one of two", "two of two") if k % 2 else \
                ("two of two", "one of two")
            if has is None:
                killed(("--passphrase-fd", "0"), words[0].encode())
                may = (None, words[0])
            elif k % 3 == 0:
                killed(("--passphrase-fd", "0", "--remove"), has.encode())
                may = (has, None)
            else:
                killed(("--passphrase-fd", "0", "--new-passphrase-fd", "0"),
                       f"{has}\n{words[0]}".encode())
                may = (has, words[0])
            there = os.path.exists(os.path.join(north.dir, "passphrase.key"))
            fits = [w for w in may if (w is not None) == there and opens(w)]
            expect(fits, f"round {k}: nothing of {may} opens it")
            has = fits[0]
            if has is not None:
                north.start(secret=has)
                north.stop()
                lies = everything(north.dir)
                expect(all(raw.startswith(b"OLSEALED") for file, raw in
                           lies.items() if file.startswith("cards/") or file
                           in ("identity.key", "storage.key")),
                       f"round {k}: not all is sealed: {list(lies)}")
                expect(not [f for f in lies if f.count(".") > 1 and
                            f != "ledger.db.lock"],
                       f"round {k}: left over: {list(lies)}")


def passphrase_disk():
    """On a disk that takes nothing, a change says so and changes nothing."""
    if os.geteuid() != 0:
        raise Skip("mounting a small tmpfs needs root")
    with Bed() as bed:
        small = bed.path("small")
        os.mkdir(small)
        if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", small],
                          capture_output=True, check=False).returncode != 0:
            raise Skip("this machine does not let us mount a tmpfs")
        try:
            north = Station(bed, "north", small)
            card = north.ok("card", "south").out
            remount = ["mount", "-o", "remount,ro", small]
            subprocess.run(remount, check=True)
            secret(north, "passphrase", status=1, words=("Read-only",))
            expect(north.ok("card", "south").out == card, "it changed")
            remount[2] = "remount,rw"
            subprocess.run(remount, check=True)
            secret(north, "passphrase")
            remount[2] = "remount,ro"
            subprocess.run(remount, check=True)
            north.no(1, "passphrase", "--passphrase-fd", "0",
                     "--new-passphrase-fd", "0", words=("Read-only",),
                     text=f"{WORD}\nanother one\n".encode())
            secret(north, "passphrase", "--remove", status=1,
                   words=("Read-only",))
            expect(secret(north, "card", "south").out == card, "it changed")
        finally:
            subprocess.run(["umount", small], check=False)


# Identity, backup, restore


def take(*args, word=WORD, status=0, words=(), **more):
    """restore, init --identity: the file's passphrase by descriptor 0."""
    return judge(openline(*args, "--passphrase-fd", "0",
                          text=(word + "\n").encode(), **more), status, *words)


def refused_whole(bed, path, *command):
    """Whatever is changed in the file, nothing of it is put in place."""
    with open(path, "rb") as f:
        raw = f.read()
    bad = bed.path("bad.safe")

    def judged(data, words):
        with open(bad, "wb") as f:
            f.write(data)
        take(*(bad if c is None else c for c in command), status=1,
             words=words)
        expect(not [f for f in os.listdir(bed.dir) if f.startswith("back")],
               f"something was put in place: {os.listdir(bed.dir)}")
    for at in (0, 8, 9, 12, 16, 20, 40, 49, 60, 73, len(raw) // 2,
               len(raw) - 1):
        judged(raw[:at] + bytes([raw[at] ^ 0x40]) + raw[at + 1:],
               ("bad.safe",))
    for n in (0, 7, 72, 73, 90, len(raw) // 2, len(raw) - 1):
        judged(raw[:n], ("bad.safe",))
    judged(raw + b"x", ("bad.safe", "damaged"))
    judged(raw + raw, ("bad.safe", "damaged"))
    # It asks for all memory, or for hours.
    for ops, kib in ((0xffffffff, 64), (3, 0xffffffff), (3, 0)):
        judged(raw[:9] + ops.to_bytes(4) + kib.to_bytes(4) + raw[17:],
               ("damaged",))


def identity():
    """From nothing but its identity: the same cards, the same number."""
    with Bed() as bed:
        north, south = bed.pair("north", "south", start=False)
        safe = bed.path("north.safe")
        secret(north, "identity", safe)
        secret(north, "identity", safe, status=1, words=("already",))
        expect(os.stat(safe).st_mode & 0o777 == 0o600, "its mode")
        with open(safe, "rb") as f:
            raw = f.read()
        expect(everything(north.dir)["storage.key"][8:] not in raw and
               b"north" not in raw, "it is not sealed")
        for command, words in (
                (("restore", safe, bed.path("back")), ("init DIR",)),
                (("init", bed.path("back"), "--identity", safe, "--name",
                  "east"), ("north", "east")),
                (("init", north.dir, "--identity", safe), ("not an empty",)),
                (("init", bed.path("back"), "--identity", bed.path("none")),
                 ("No such file",)),
                (("init", bed.path("back"), "--identity", south.log[:-3] +
                  "toml"), ("No such file",))):
            take(*command, status=1, words=words)
        judge(openline("init", bed.path("back"), "--identity", safe,
                       "--passphrase"), 2, "--identity")
        take("init", bed.path("back"), "--identity", safe, word="wrong",
             status=1, words=("wrong",))
        refused_whole(bed, safe, "init", bed.path("back"), "--identity", None)
        before = (north.ok("card", "south").out,
                  north.json("safety", "south")["safety_number"],
                  north.read("lines.d/south.conf"), north.read("station.conf"))
        os.rename(north.dir, bed.path("lost"))
        take("init", north.dir, "--identity", safe, words=("restored copy",))
        after = (north.ok("card", "south").out,
                 north.json("safety", "south")["safety_number"],
                 north.read("lines.d/south.conf"), north.read("station.conf"))
        expect(before == after, "what came back differs")
        north.start()
        expect(north.json("status")["marker"] == "restored", "not restored")
        south.start()
        bed.open(north, south)
        # With a passphrase: the file's is the station's, and stays so.
        east = sealed(bed, "east")
        secret(east, "card", "south")
        secret(east, "identity", bed.path("east.safe"))
        east.ok("identity", bed.path("east2.safe"), "--passphrase-fd", "0",
                "--new-passphrase-fd", "0",
                text=f"{WORD}\nother word\n".encode())
        secret(east, "identity", bed.path("east3.safe"), word="wrong",
               status=1, words=("wrong",))
        expect(not os.path.exists(bed.path("east3.safe")), "written")
        card = secret(east, "card", "south").out
        os.rename(east.dir, bed.path("lost2"))
        take("init", east.dir, "--identity", bed.path("east2.safe"),
             word="other word")
        lies = everything(east.dir)
        expect(lies["identity.key"].startswith(b"OLSEALED") and
               lies["cards/south.card"].startswith(b"OLSEALED"),
               "it came back in the clear")
        expect(secret(east, "card", "south", word="other word").out == card,
               "another card")


def backup():
    """Made while messages flow both ways; what comes back holds, and nothing
    of it is in place unless all of it is."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        flow = [subprocess.Popen(
            ["sh", "-c", 'while "$0" send -d "$1" "$2" "on and on" '
             '>/dev/null; do :; done', OPENLINE, me.dir, peer.name],
            env=ENVIRONMENT, start_new_session=True, stderr=subprocess.DEVNULL)
            for me, peer in ((north, south), (south, north))]
        try:
            wait_for("some talk", 20, lambda:
                     len(north.json("log", "south")) > 200)
            for k in range(4):
                secret(north, "backup", bed.path(f"{k}.safe"))
        finally:
            for process in flow:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        secret(north, "backup", bed.path("3.safe"), status=1,
               words=("already",))
        expect(not [f for f in os.listdir(north.dir) if "copy" in f],
               "the copy is left")
        # Two at once: each is whole, or says that it is none.
        both = [subprocess.Popen(
            [OPENLINE, "backup", "-d", north.dir, bed.path(f"b{k}.safe"),
             "--passphrase-fd", "0"], stdin=subprocess.PIPE,
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
            env=ENVIRONMENT) for k in range(4)]
        done = [(p.communicate(WORD.encode())[1], p.returncode)
                for p in both]
        expect(any(status == 0 for _, status in done), f"none: {done}")
        for k, (said, status) in enumerate(done):
            if status == 0:
                take("restore", bed.path(f"b{k}.safe"), bed.path(f"r{k}"))
            else:
                expect(b"backup" in said or b"cannot read" in said, said)
        sizes = [os.path.getsize(bed.path(f"{k}.safe")) for k in range(4)]
        expect(sizes == sorted(sizes) and sizes[0] > 1 << 17,
               f"sizes: {sizes}")
        north.delivers(south, "and once more")
        refused_whole(bed, bed.path("0.safe"), "restore", None,
                      bed.path("back"))
        take("init", bed.path("back"), "--identity", bed.path("0.safe"),
             status=1, words=("openline restore",))
        north.stop()
        os.rename(north.dir, bed.path("original"))
        os.mkdir(north.dir)
        with open(os.path.join(north.dir, "note"), "w",
                  encoding="utf-8") as f:
            f.write("mine\n")
        take("restore", bed.path("0.safe"), north.dir, status=1,
             words=("not an empty directory",))
        expect(os.listdir(north.dir) == ["note"], "over something")
        os.unlink(os.path.join(north.dir, "note"))
        for k in range(4):
            take("restore", bed.path(f"{k}.safe"), north.dir + "/",
                 words=("restored copy", "never"))
            north.start()
            wait_for("the record", 10, lambda: len(north.json("log")) > 200)
            expect(north.json("audit")["ok"], f"{k}: audit")
            expect(north.json("status")["marker"] == "restored", "marker")
            bed.open(north, south)
            north.stop()
            os.rename(north.dir, bed.path(f"was{k}"))
        # Stopped, and one that has never run.
        os.rename(bed.path("was3"), north.dir)
        secret(north, "backup", bed.path("stopped.safe"))
        west = Station(bed, "west")
        secret(west, "backup", bed.path("west.safe"))
        take("restore", bed.path("west.safe"), bed.path("west2"))


def restore_given_up():
    """Ctrl-C where the passphrase is asked for: nothing was made."""
    with Bed() as bed:
        north = Station(bed, "north")
        secret(north, "identity", bed.path("north.safe"))
        before = sorted(os.listdir(bed.dir))
        _, status = on_terminal(["init", bed.path("back"), "--identity",
                                 bed.path("north.safe")], ["\x03"])
        expect(status == signal.SIGINT, f"status {status}")
        expect(sorted(os.listdir(bed.dir)) == before,
               f"left: {os.listdir(bed.dir)}")


def backup_to_a_stick():
    """File systems that cannot link, or not rename without replacing; and
    folders of the station that cannot be read: no file that lacks them."""
    with Bed() as bed:
        north = Station(bed, "north")
        order = bed.path("order")
        env = {"LD_PRELOAD": FAULT, "OPENLINE_FAULT": order}
        for k, op in enumerate(("link any EPERM 1", "rename any EINVAL 1")):
            with open(order, "w", encoding="ascii") as f:
                f.write(op + "\n")
            path = bed.path(f"{k}.safe")
            secret(north, "backup", path, env=env)
            secret(north, "backup", path, env=env, status=1,
                   words=("already",))
            take("restore", path, bed.path(f"back{k}"))
            expect(sorted(f for f in os.listdir(bed.dir) if ".safe" in f) ==
                   [f"{n}.safe" for n in range(k + 1)], "what is left over")
        for folder in ("cards", "lines.d"):
            at = os.path.join(north.dir, folder)
            os.rename(at, at + ".kept")
            os.symlink(folder, at)
            secret(north, "backup", bed.path("none.safe"), status=1,
                   words=(folder,))
            os.unlink(at)
            os.rename(at + ".kept", at)
        expect(not os.path.exists(bed.path("none.safe")), "half a backup")


def asking(station, *args):
    """A command that waits for its passphrase."""
    process = subprocess.Popen(
        [OPENLINE, *args, "-d", station.dir, "--passphrase-fd", "0"],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    fds = f"/proc/{process.pid}/fd"
    wait_for("it to have the directory", 10, lambda: station.dir in (
        os.readlink(os.path.join(fds, fd)) for fd in os.listdir(fds)))
    return process


def passphrase_order():
    """What cannot be opened keeps its key; two changes at once are refused."""
    with Bed() as bed:
        north = sealed(bed, "north")
        south = Station(bed, "south")
        north.ok("card", "south", "--passphrase-fd", "0",
                 text=(WORD + "\n").encode())
        at = os.path.join(north.dir, "cards")
        os.rename(at, at + ".kept")
        os.symlink("cards", at)
        secret(north, "passphrase", "--remove", status=1, words=("cards",))
        os.unlink(at)
        os.rename(at + ".kept", at)
        expect(os.path.exists(os.path.join(north.dir, "passphrase.key")),
               "the key of sealed cards is gone")
        secret(north, "passphrase", "--remove")
        for file, raw in everything(at).items():
            expect(not raw.startswith(b"OLSEALED"), f"{file} is sealed")
        # Two that set one; then a card in the making while it is removed.
        with asking(south, "passphrase") as first:
            secret(south, "passphrase", status=1, words=("another command",))
            expect(first.communicate(b"its own word\n") and
                   first.returncode == 0, "the first fails")
        with asking(south, "card", "north") as first:
            secret(south, "passphrase", "--remove", word="its own word",
                   status=1, words=("another command",))
            expect(first.communicate(b"its own word\n") and
                   first.returncode == 0, "the card fails")
        secret(south, "passphrase", "--remove", word="its own word")
        south.ok("card", "north")
        south.start()


def backup_cut():
    """Killed at any moment: no file, or a whole one; the station goes on."""
    with Bed() as bed:
        north, south = bed.pair("north", "south")
        for k in range(60):
            north.ok("send", "south", f"{k} " + "x" * 4000)
        rng = random.Random(3)
        for k in range(8):
            path = bed.path(f"{k}.safe")
            with subprocess.Popen(
                    [OPENLINE, "backup", "-d", north.dir, path,
                     "--passphrase-fd", "0"], stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL, env=ENVIRONMENT) as process:
                process.stdin.write(WORD.encode())
                process.stdin.close()
                time.sleep(rng.uniform(0, 1.5))
                process.kill()
                process.wait()
            if os.path.exists(path):
                take("restore", path, bed.path(f"back{k}"))
        secret(north, "backup", bed.path("last.safe"))
        take("restore", bed.path("last.safe"), bed.path("last"))
        north.delivers(south)
        if os.geteuid() != 0:
            return
        small = bed.path("small")
        os.mkdir(small)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs",
                           small], capture_output=True,
                          check=False).returncode != 0:
            return
        try:
            secret(north, "backup", os.path.join(small, "x.safe"), status=1,
                   words=("No space",))
            expect(os.listdir(small) == [], "half a file is left")
            take("restore", bed.path("last.safe"),
                 os.path.join(small, "station"), status=1,
                 words=("No space",))
            expect(os.listdir(small) == [], "half a station is left")
        finally:
            subprocess.run(["umount", small], check=False)


SAFE = (passphrase, passphrase_terminal, passphrase_damage, passphrase_run,
        passphrase_crash, passphrase_disk, identity, backup,
        restore_given_up, backup_to_a_stick, passphrase_order, backup_cut)
