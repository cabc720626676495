#!/usr/bin/env python3
"""What the tests run, per folder, held against the bounds.

usage: report.py JSON LIST

JSON is gcovr's; LIST is written: the lines and branches that nothing runs.
The status is 1 if a folder is below its bounds.
"""
import json
import sys

# Lines and branches, in per cent; what is not named here is REST.
LOWER_FLOORS = ("src/base", "src/wal", "src/archive", "src/server")
LOWER = (95, 90)
REST = (85, 0)


def folder_of(name):
    return name.rsplit("/", 1)[0]


def counted(lines):
    """The number of lines, of those that ran, of branches, of those taken."""
    branches = [branch for line in lines for branch in line["branches"]]
    return [len(lines), sum(line["count"] > 0 for line in lines),
            len(branches), sum(branch["count"] > 0 for branch in branches)]


def per_cent(part, whole):
    return 100 * part / whole if whole else 100.0


def ranges(numbers):
    """[3, 4, 5, 9] as "3-5, 9"."""
    spans = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}"
                     for first, last in spans)


def not_covered(lines):
    """A line of text each for lines that did not run and branches not taken."""
    missed = ranges([line["line_number"] for line in lines
                     if line["count"] == 0])
    partial = ranges([line["line_number"] for line in lines
                      if line["count"] > 0 and
                      any(branch["count"] == 0
                          for branch in line["branches"])])
    return ([f"\tlines not run: {missed}"] if missed else []) + \
        ([f"\tbranches not all taken: {partial}"] if partial else [])


def print_row(folder, figures, bounds):
    """True if the folder is good enough."""
    lines = per_cent(figures[1], figures[0])
    branches = per_cent(figures[3], figures[2])
    good = lines >= bounds[0] and branches >= bounds[1]
    print(f"{folder:14} {figures[0]:6} {lines:7.1f} {figures[2]:9} "
          f"{branches:7.1f}{'' if good else '   below'}")
    return good


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        files = json.load(file)["files"]
    folders = {}
    with open(sys.argv[2], "w", encoding="utf-8") as listing:
        for entry in sorted(files, key=lambda entry: entry["file"]):
            lines = [line for line in entry["lines"]
                     if not line["gcovr/noncode"]]
            figures = folders.setdefault(folder_of(entry["file"]), [0] * 4)
            for i, figure in enumerate(counted(lines)):
                figures[i] += figure
            missing = not_covered(lines)
            if missing:
                print(entry["file"], *missing, sep="\n", file=listing)

    print(f"{'folder':14} {'lines':>6} {'run %':>7} {'branches':>9} "
          f"{'taken %':>7}")
    good = True
    for folder, figures in sorted(folders.items()):
        bounds = LOWER if folder in LOWER_FLOORS else REST
        good = print_row(folder, figures, bounds) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
