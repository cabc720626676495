#!/usr/bin/env python3
"""Tables of the measured runs, and a JSON copy of it all.

usage: report.py ROUNDS MACHINE JSON

ROUNDS has a run a line, MACHINE a fact a line, as KEY=VALUE; in ROUNDS they are
separated by tabs. MB is 2^20 bytes.
"""
import json
import statistics
import sys

MB = 1 << 20
OURS = "walfetch"
TEXTS = ("part", "wal", "mode", "subject")
FIGURES = ("wall_s", "mb_per_s", "cpu_s", "peak_mb", "stored_mb", "tps",
           "latency_ms")
HEADS = {"wall_s": "wall s", "mb_per_s": "MB/s", "cpu_s": "CPU s",
         "peak_mb": "peak MB", "stored_mb": "stored MB", "tps": "tps",
         "latency_ms": "latency ms"}
DIGITS = {"wall_s": 3, "mb_per_s": 0, "cpu_s": 2, "peak_mb": 0, "stored_mb": 0,
          "tps": 0, "latency_ms": 3}


def read_run(line):
    """A line of ROUNDS as a dict, with what follows from its figures."""
    run = dict(field.split("=", 1) for field in line.rstrip("\n").split("\t"))
    for key in run.keys() - set(TEXTS):
        run[key] = float(run[key]) if "." in run[key] else int(run[key])
    if "wall_us" in run:
        run["wall_s"] = run.pop("wall_us") / 1e6
        run["cpu_s"] = round(run.pop("user_s") + run.pop("system_s"), 2)
        run["peak_mb"] = round(run.pop("peak_kb") / 1024, 1)
    if "bytes" in run:
        run["mb_per_s"] = round(run["bytes"] / MB / run["wall_s"], 1)
    if "stored_kb" in run:
        run["stored_mb"] = round(run.pop("stored_kb") / 1024, 1)
    return run


def speed(run):
    """What is compared: the larger, the faster."""
    if "tps" in run:
        return run["tps"]
    return run.get("bytes", 1) / run["wall_s"]


def middle(figure, runs):
    """The median of a figure; of memory, the peak."""
    values = [run[figure] for run in runs]
    return max(values) if figure == "peak_mb" else statistics.median(values)


def times_as_fast(ours, theirs):
    """Our speed over theirs, round by round."""
    peers = {run["round"]: run for run in theirs}
    ratios = [speed(run) / speed(peers[run["round"]]) for run in ours]
    return {"median": round(statistics.median(ratios), 3),
            "lowest": round(min(ratios), 3),
            "highest": round(max(ratios), 3)}


def summarise(runs):
    """An entry for each thing measured and each subject, in order."""
    groups = {}
    for run in runs:
        key = tuple(run.get(text, "") for text in TEXTS)
        groups.setdefault(key, []).append(run)
    summary = []
    for key, group in groups.items():
        entry = dict(zip(TEXTS, key))
        entry["rounds"] = len(group)
        for figure in FIGURES:
            if figure in group[0]:
                entry[figure] = middle(figure, group)
        ours = groups.get(key[:3] + (OURS,))
        if ours and key[3] != OURS:
            entry["walfetch_times_as_fast"] = times_as_fast(ours, group)
        summary.append(entry)
    # Rounds alternate, so that the peer may have come first.
    places = [(entry["part"], entry["wal"], entry["mode"]) for entry in summary]
    summary.sort(key=lambda entry: (
        places.index((entry["part"], entry["wal"], entry["mode"])),
        entry["subject"] != OURS))
    return summary


def print_row(cells):
    """A row of text: names to the left, figures to the right."""
    row = "%-14s %-14s" % tuple(cells[:2])
    row += "".join("%11s" % cell for cell in cells[2:-1]) + "  " + cells[-1]
    print(row.rstrip())


def ratio_text(entry):
    """The ratio as it stands in a table, or nothing."""
    ratio = entry.get("walfetch_times_as_fast")
    if ratio is None:
        return ""
    return "%.2f (%.2f-%.2f)" % (ratio["median"], ratio["lowest"],
                                 ratio["highest"])


def print_table(title, entries):
    """A table of entries that have the same figures."""
    figures = [figure for figure in FIGURES if figure in entries[0]]
    rounds = entries[0]["rounds"]
    print("\n%s, %d round%s" % (title, rounds, "" if rounds == 1 else "s"))
    print_row(["", ""] + [HEADS[figure] for figure in figures] +
              ["walfetch, times as fast"])
    mode = None
    for entry in entries:
        print_row(["" if entry["mode"] == mode else entry["mode"],
                   entry["subject"]] +
                  ["%.*f" % (DIGITS[figure], entry[figure])
                   for figure in figures] + [ratio_text(entry)])
        mode = entry["mode"]


def print_tables(summary, runs):
    """A table for each part and kind of WAL."""
    tables = {}
    for entry in summary:
        tables.setdefault((entry["part"], entry["wal"]), []).append(entry)
    for (part, wal), entries in tables.items():
        size = max((run.get("bytes", 0) for run in runs
                    if run["part"] == part and run.get("wal", "") == wal))
        title = ", ".join(filter(None, (
            part, wal, size and "%.0f MB%s" % (
                size / MB, "" if part == "backup" else " of WAL"))))
        print_table(title, entries)
    if any(entry["mode"].startswith("zstd") and
           entry["part"] == "catch-up" for entry in summary):
        print("\nzstd is set against pg_receivewal's lz4; gzip is each one's "
              "default level.")


def main():
    with open(sys.argv[1], encoding="utf-8") as lines:
        runs = [read_run(line) for line in lines]
    with open(sys.argv[2], encoding="utf-8") as lines:
        machine = dict(line.rstrip("\n").split("=", 1) for line in lines)
    summary = summarise(runs)
    for fact, value in machine.items():
        print("%-14s %s" % (fact, value))
    print_tables(summary, runs)
    with open(sys.argv[3], "w", encoding="utf-8") as copy:
        json.dump({"machine": machine, "summary": summary, "runs": runs}, copy,
                  indent="\t")
        copy.write("\n")


main()
