#!/usr/bin/python3
"""A chart of what run.sh --json wrote.

usage: chart.py RESULTS.json CHART.svg

Needs matplotlib (Debian: python3-matplotlib). The background is transparent and
the colours stand out from a light and from a dark page.
"""
import io
import json
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({
    "svg.fonttype": "none", "svg.hashsalt": "walfetch", "font.size": 11,
    "text.color": "#787878", "axes.labelcolor": "#787878",
    "axes.edgecolor": "#787878", "xtick.color": "#787878",
    "ytick.color": "#787878", "axes.spines.top": False,
    "axes.spines.right": False})

from matplotlib import pyplot  # noqa: E402 (the settings go first)

COLOURS = {"walfetch": "#2f81c8", "pg_receivewal": "#9a9a9a",
           "hot standby": "#c88a2f"}
NAMES = {"zstd": "zstd, beside lz4", "no-verify": None, "floor": None}


def label(entry):
    """What a group of bars is called, None if it is not drawn."""
    if entry["mode"].endswith("+sync"):
        return None
    return NAMES.get(entry["mode"], entry["mode"])


def panels_of(summary):
    """Title, unit, figure and entries of each panel there are figures for."""
    wanted = [("catch-up", wal, "Catching up: %s" % wal, "MB/s", "mb_per_s")
              for wal in ("initialisation", "transactions")]
    wanted.append(("synchronous", "", "As synchronous standby",
                   "transactions per second", "tps"))
    for part, wal, title, unit, figure in wanted:
        entries = [entry for entry in summary if entry["part"] == part and
                   entry["wal"] == wal]
        if entries:
            yield title, unit, figure, entries


def draw_bars(axes, figure, entries):
    """A group of bars for each mode, a bar for each subject."""
    groups = list(dict.fromkeys(filter(None, map(label, entries))))
    subjects = [subject for subject in COLOURS
                if any(entry["subject"] == subject for entry in entries)]
    height = 0.8 / len(subjects)
    for entry in entries:
        if label(entry) is None:
            continue
        bar = groups.index(label(entry)) + height * (
            subjects.index(entry["subject"]) - (len(subjects) - 1) / 2)
        axes.barh(bar, entry[figure], height,
                  color=COLOURS[entry["subject"]])
        ratio = entry.get("walfetch_times_as_fast")
        text = "" if ratio is None else (
            "   walfetch: %.2f×" % ratio["median"])
        axes.text(entry[figure], bar, " %.0f%s" % (entry[figure], text),
                  va="center", fontsize=9)
    axes.set_yticks(range(len(groups)), groups)
    axes.invert_yaxis()


def draw_floor(axes, entries):
    """What the server sends to one who throws it away."""
    for entry in entries:
        if entry["subject"] == "discard":
            axes.axvline(entry["mb_per_s"], color="#787878", linestyle=":")
            axes.text(entry["mb_per_s"], 1.0, "received and thrown away ",
                      fontsize=9, ha="right", va="top",
                      transform=axes.get_xaxis_transform())


def draw(results, path):
    panels = list(panels_of(results["summary"]))
    if not panels:
        sys.exit("chart.py: error: neither catch-up nor synchronous in there")
    picture, all_axes = pyplot.subplots(
        len(panels), figsize=(8, 3.4 * len(panels)), squeeze=False)
    for axes, (title, unit, figure, entries) in zip(all_axes[:, 0], panels):
        draw_bars(axes, figure, entries)
        draw_floor(axes, entries)
        axes.set_title(title, loc="left")
        axes.set_xlabel(unit)
        axes.margins(x=0.22)
        axes.set_xlim(left=0)
    picture.legend(
        handles=[pyplot.Rectangle((0, 0), 1, 1, color=colour)
                 for colour in COLOURS.values()],
        labels=list(COLOURS), loc="upper right", ncol=len(COLOURS),
        frameon=False)
    picture.tight_layout(rect=(0, 0, 1, 0.97))
    drawing = io.StringIO()
    picture.savefig(drawing, transparent=True, metadata={"Date": None})
    with open(path, "w", encoding="utf-8") as copy:
        for line in drawing.getvalue().splitlines():
            copy.write(line.rstrip() + "\n")


def main():
    with open(sys.argv[1], encoding="utf-8") as results:
        draw(json.load(results), sys.argv[2])


main()
