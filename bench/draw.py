"""Plots as SVG, by hand: bars of one part, lines over an axis.

They must be readable in print without colours: what is ours is dark, the
others are light with an edge, lines differ in dash and mark, a goal is a
dashed line with its word. Bars that differ by more than a factor of forty
stand on a logarithmic axis, which says so.
"""

import math
import xml.dom.minidom
from xml.sax.saxutils import escape

import measure

WIDE, LEFT, RIGHT, ROW = 720, 190, 110, 26
TALL, TOP, BOTTOM = 360, 44, 56
FONT = 'font-family="Helvetica, Arial, sans-serif" font-size="13"'
DASHES = ("", "7 4", "2 3", "9 3 2 3", "1 4", "12 5")
MARKS = "osdtxp"


def svg(height, parts):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDE}" '
            f'height="{height}" viewBox="0 0 {WIDE} {height}" {FONT}>\n'
            f'<rect width="{WIDE}" height="{height}" fill="#fff"/>\n'
            + "\n".join(parts) + "\n</svg>\n")


def text(x, y, words, anchor="start", more=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>'
            f"{escape(str(words))}</text>")


def stroke(x1, y1, x2, y2, dash="", wide=1, colour="#000"):
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{colour}" stroke-width="{wide}"{dashed}/>')


class Axis:
    """From values to a place between two ends."""

    def __init__(self, values, begin, end, log, zero=True):
        self.begin, self.end, self.log = begin, end, log
        values = [v for v in values if v is not None and (v > 0 or not log)]
        low, high = (min(values), max(values)) if values else (0, 1)
        if log:
            self.low = 10 ** math.floor(math.log10(low) + 1e-9)
            self.high = 10 ** math.ceil(math.log10(high) - 1e-9)
            if self.low == self.high:
                self.high *= 10
        else:
            self.low = 0 if zero else low
            self.step = step(max(high - self.low, 1e-12))
            self.high = math.ceil(high / self.step - 1e-9) * self.step or 1

    def at(self, value):
        if self.log:
            value = max(value, self.low)
            share = (math.log10(value) - math.log10(self.low)) / \
                (math.log10(self.high) - math.log10(self.low))
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)

    def ticks(self):
        if self.log:
            first = round(math.log10(self.low))
            last = round(math.log10(self.high))
            return [10.0 ** k for k in range(first, last + 1)]
        count = round((self.high - self.low) / self.step)
        return [self.low + k * self.step for k in range(count + 1)]


def step(span):
    """A round step that makes four to eight ticks of a span."""
    ten = 10 ** math.floor(math.log10(span / 4))
    return next(ten * k for k in (1, 2, 2.5, 5, 10) if span / (ten * k) <= 8)


def tick_word(value):
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def bars(title, entries):
    """The figures of one part, one bar each."""
    values = [e["value"] for e in entries]
    goals = [(e, float(e["goal"].split()[1])) for e in entries if e["goal"]]
    known = [v for v in values + [g for _, g in goals] if v]
    log = bool(known) and max(known) > 40 * min(known)
    axis = Axis(known, LEFT, WIDE - RIGHT, log)
    bottom = TOP + ROW * len(entries)
    parts = [text(10, 22, title, more=' font-weight="bold"')]
    for tick in axis.ticks():
        x = axis.at(tick)
        parts.append(stroke(x, TOP, x, bottom, colour="#ccc"))
        parts.append(text(x, bottom + 18, tick_word(tick), "middle"))
    for k, e in enumerate(entries):
        parts += one_bar(e, axis, TOP + ROW * k)
    for e, goal in goals:
        y = TOP + ROW * entries.index(e)
        x = axis.at(goal)
        parts.append(stroke(x, y - 1, x, y + ROW + 1, "5 3", 2))
        parts.append(text(x, TOP - 6, "goal", "middle"))
    unit = entries[0]["unit"] or "share"
    parts.append(text(LEFT, bottom + 38, unit + (", logarithmic" if log
                                                 else "")))
    parts.append(stroke(LEFT, TOP, LEFT, bottom))
    return svg(bottom + 48, parts)


def one_bar(e, axis, y):
    ours = e["what"].lower().startswith("openline")
    parts = [text(LEFT - 8, y + 18, e["what"], "end",
                  ' font-weight="bold"' if ours else "")]
    if e["value"] is None:
        return parts + [text(LEFT + 8, y + 18, "never",
                             more=' font-style="italic"')]
    x = max(axis.at(e["value"]), LEFT + 1)
    look = 'fill="#222"' if ours else 'fill="#c8c8c8" stroke="#444"'
    parts.append(f'<rect x="{LEFT}" y="{y + 5}" width="{x - LEFT:.1f}" '
                 f'height="{ROW - 10}" {look}/>')
    end = x
    if e["spread"]:
        low, high = (axis.at(min(max(v, axis.low), axis.high))
                     for v in e["spread"])
        middle = y + ROW / 2
        parts.append(stroke(low, middle, high, middle, wide=3, colour="#fff"))
        parts.append(stroke(low, middle, high, middle))
        for at in (low, high):
            parts.append(stroke(at, middle - 4, at, middle + 4))
        end = max(x, high)
    parts.append(text(end + 6, y + 18, measure.word(e["value"], e["unit"])))
    return parts


def mark(kind, x, y):
    """A point of a line, by the shape of its series."""
    r = 4
    shapes = {"s": f"M{x - r:.1f} {y - r:.1f}h{2 * r}v{2 * r}h{-2 * r}z",
              "d": f"M{x:.1f} {y - r - 1:.1f}l{r + 1} {r + 1}l{-r - 1} "
                   f"{r + 1}l{-r - 1} {-r - 1}z",
              "t": f"M{x:.1f} {y - r:.1f}l{r} {2 * r}h{-2 * r}z",
              "x": f"M{x - r:.1f} {y - r:.1f}l{2 * r} {2 * r}m0 {-2 * r}"
                   f"l{-2 * r} {2 * r}",
              "p": f"M{x - r:.1f} {y:.1f}h{2 * r}m{-r} {-r}v{2 * r}"}
    if kind == "o":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}" fill="#000"/>'
    fill = "none" if kind in "xp" else "#fff"
    return f'<path d="{shapes[kind]}" fill="{fill}" stroke="#000"/>'


def lines(entry):
    """Series over an axis, each named beside its last point."""
    points = [p for s in entry["series"].values() for p in s]
    x_axis = Axis([p[0] for p in points], 70, WIDE - 190, "x" in entry["log"],
                  False)
    y_axis = Axis([p[1] for p in points], TALL - BOTTOM, TOP,
                  "y" in entry["log"])
    parts = [text(10, 22, entry["name"], more=' font-weight="bold"')]
    for tick in x_axis.ticks():
        x = x_axis.at(tick)
        parts.append(stroke(x, TOP, x, TALL - BOTTOM, colour="#ddd"))
        parts.append(text(x, TALL - BOTTOM + 18, tick_word(tick), "middle"))
    for tick in y_axis.ticks():
        y = y_axis.at(tick)
        parts.append(stroke(70, y, WIDE - 190, y, colour="#ddd"))
        parts.append(text(64, y + 4, tick_word(tick), "end"))
    parts.append(stroke(70, TOP, 70, TALL - BOTTOM))
    parts.append(stroke(70, TALL - BOTTOM, WIDE - 190, TALL - BOTTOM))
    parts.append(text(WIDE - 190, TALL - 14, entry["x"], "end"))
    parts.append(text(70, TOP - 8, entry["y"]))
    parts += series(entry["series"], x_axis, y_axis)
    return svg(TALL, parts)


def series(given, x_axis, y_axis):
    parts, names = [], []
    for k, (label, points) in enumerate(given.items()):
        if not points:
            continue
        at = [(x_axis.at(x), y_axis.at(y)) for x, y in points]
        way = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        dash = DASHES[k % len(DASHES)]
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        parts.append(f'<polyline points="{way}" fill="none" stroke="#000" '
                     f'stroke-width="1.5"{dashed}/>')
        parts += [mark(MARKS[k % len(MARKS)], x, y) for x, y in at]
        names.append([at[-1][1], label, MARKS[k % len(MARKS)]])
    below = TOP - 16
    for name in sorted(names): # names must not cover each other
        below = max(name[0], below + 16)
        parts.append(mark(name[2], WIDE - 178, below))
        parts.append(text(WIDE - 168, below + 4, name[1]))
    return parts


def self_test():
    """What is drawn is XML, and within its frame."""
    one = {"what": "openline & co", "value": 0.001, "unit": "ms", "goal":
           "<= 5", "spread": (0.001, 9), "load": "x", "part": ""}
    other = dict(one, what="<peer>", value=None, spread=None, goal=None)
    drawn = [bars("t", [one, other, dict(one, value=0)]),
             bars("t", [other]),
             lines({"name": "n", "x": "x", "y": "y", "log": "xy",
                    "series": {"a": [(1, 5)], "b": [(1000, 3), (2000, 9)]}}),
             lines({"name": "n", "x": "x", "y": "y", "log": "",
                    "series": {"a": [(1, 5), (2, 5)], "none": []}})]
    for picture in drawn:
        xml.dom.minidom.parseString(picture)
        if "nan" in picture or "inf" in picture:
            print("bench/draw.py: a place that is no number")
            return False
    return True
