"""Writes the Tennessee Eastman process (a chemical plant that was simulated to compare fault detection) as
tables for `steamward replay`, and two folders of settings whose limits come from its normal operation.

The data are those of the PyPI package `bibmon`, which carries the files of the benchmark: 52 signals every three
minutes; in each test set a fault begins after eight hours. Usage: tennessee_eastman.py FOLDER, which then holds
`limits/` (each signal has L and H), `spans/` (and how far it moved within an hour) and `fault_00.csv` to
`fault_21.csv`; the first has no fault.
"""

import importlib.util
import math
import pathlib
import sys

BEGIN = 1_767_225_600  # 2026-01-01T00:00:00Z
PERIOD_S = 180
ON_DELAY = "6m"
# Standard deviations from the mean. Three would be crossed by chance a hundred times in two days of 52 signals.
WIDE = 4.5
# The samples of an hour, and how many times the widest span of normal operation is too much.
SPAN_SAMPLES, SPAN_FACTOR = 20, 1.7

NAMES = (
    ["A feed", "D feed", "E feed", "A and C feed", "recycle flow", "reactor feed", "reactor pressure",
     "reactor level", "reactor temperature", "purge rate", "separator temperature", "separator level",
     "separator pressure", "separator underflow", "stripper level", "stripper pressure", "stripper underflow",
     "stripper temperature", "stripper steam flow", "compressor work", "reactor cooling water outlet",
     "separator cooling water outlet"]
    + [f"reactor feed, component {c}" for c in "ABCDEF"]
    + [f"purge gas, component {c}" for c in "ABCDEFGH"]
    + [f"product, component {c}" for c in "DEFGH"]
    + ["D feed valve", "E feed valve", "A feed valve", "A and C feed valve", "compressor recycle valve",
       "purge valve", "separator liquid valve", "stripper liquid valve", "stripper steam valve",
       "reactor cooling water valve", "condenser cooling water valve"]
)
IDS = [f"xmeas_{n}" for n in range(1, 42)] + [f"xmv_{n}" for n in range(1, 12)]


def rows(folder, name):
    table = [[float(cell) for cell in line.split()] for line in (folder / name).read_text().splitlines() if line.strip()]
    # One of the files lies on its side.
    return table if len(table[0]) == 52 else [list(row) for row in zip(*table)]


def spread(values):
    mean = sum(values) / len(values)
    return mean, math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))


def profile():
    lines = ['kind = "reactor"']
    for point, name in zip(IDS, NAMES):
        lines += ["[[point]]", f'id = "{point}"', f'name_en = "{name}"', "decimals = 3"]
    return lines


def limits(normal):
    lines = [
        "[site]", 'id = "te"', 'name = "Tennessee Eastman"', "[[source.push]]", 'id = "history"',
        'expect_every = "3m"', "[[equipment]]", 'id = "plant"', 'profile = "reactor"', 'source = "history"',
    ]
    for point, values in zip(IDS, normal):
        mean, deviation = spread(values)
        lines.append(f"[equipment.limits.{point}]")
        for level, at in (("l", mean - WIDE * deviation), ("h", mean + WIDE * deviation)):
            lines.append(f'{level} = {{ at = {at:.6f}, deadband = {deviation:.6f}, on_delay = "{ON_DELAY}" }}')
    return lines


def spans(normal):
    lines = []
    minutes = SPAN_SAMPLES * PERIOD_S // 60
    for point, values in zip(IDS, normal):
        windows = [values[n : n + SPAN_SAMPLES + 1] for n in range(len(values) - SPAN_SAMPLES)]
        widest = max(max(w) - min(w) for w in windows)
        lines += [
            "[[equipment.derived]]", f'id = "span_{point}"',
            f'formula = "highest({point}, {minutes} min) - lowest({point}, {minutes} min)"',
            f"limits.h = {{ at = {SPAN_FACTOR * widest:.6f}, deadband = {widest / 10:.6f} }}",
        ]
    return lines


def main():
    package = importlib.util.find_spec("bibmon")
    data = pathlib.Path(package.submodule_search_locations[0]) / "tennessee_eastman"
    out = pathlib.Path(sys.argv[1])
    normal = list(zip(*rows(data, "d00.dat")))

    for folder, settings in (("limits", limits(normal)), ("spans", limits(normal) + spans(normal))):
        (out / folder / "profiles").mkdir(parents=True, exist_ok=True)
        (out / folder / "profiles" / "reactor.toml").write_text("\n".join(profile()) + "\n")
        (out / folder / "steamward.toml").write_text("\n".join(settings) + "\n")

    for fault in range(22):
        lines = ["time,equipment,point,value"]
        for n, row in enumerate(rows(data, f"d{fault:02}_te.dat")):
            at = BEGIN + n * PERIOD_S
            lines += [f"{at},plant,{point},{value!r}" for point, value in zip(IDS, row)]
        (out / f"fault_{fault:02}.csv").write_text("\n".join(lines) + "\n")


main()
