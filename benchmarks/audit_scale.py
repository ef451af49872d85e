"""Time and peak memory of an audit of many images against a fifth of them, each in a process of its own.

    python benchmarks/audit_scale.py [--images 15000] [--size 224] [--scratch FOLDER] [--report FILE]

Generated 24-bit BMP files, all different, 100 a subject; the smaller set is the first fifth of the larger one. Drawing them, in
two processes, does not count; with `--scratch` they are kept and drawn once. Measured are

1. search: `images.survey` and `images.duplicates`, what an audit does before its statistics;
2. audit: the command `keras-leuk audit --features none`, from start to page.

Every measurement has an empty cache folder of its own; the image files, just written or read, lie mostly in the page cache of the
operating system. Peak memory is the highest resident set (ru_maxrss) of the measured process. Beside each time stand the CPU time
of all threads, which depends less on who else works on the machine, and the load before and after. Wanted: at most 6 times the
time for 5 times the images, at most 200 MB more memory, and 15,000 images within 10 minutes.

Needs about 3 GB of disk for 15,000 images; at least 1,500 must be asked for, so that both sets hold both classes.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

Row = dict[str, Any]

FIFTH = 5
OF_A_SUBJECT = 100
TIMES, MEGABYTES, MINUTES = 6.0, 200.0, 10.0
"""What is wanted."""


def main() -> None:
    """Draws, measures both sizes and prints them with their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=15_000)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--scratch", type=Path, help="folder for the images; kept")
    parser.add_argument("--report", type=Path, help="write the report here")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--cache", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(search(options.measure, options.cache)))
        return
    with scratch(options.scratch) as folder:
        images = folder / f"cells-{options.images}-{options.size}"
        draw(images, options.images, options.size)
        rows = []
        for count in (options.images // FIFTH, options.images):
            table = listed(images, count)
            for what, measure in (("search", measured_search), ("audit", measured_audit)):
                rows.append({"measured": what, "images": count, **measured(measure, table, folder)})
                print(f"{what}, {count} images: {rows[-1]['seconds']:.0f} s, {rows[-1]['peak']:.0f} MB", flush=True)
    text = report(rows, options.size)
    print(text)
    if options.report:
        options.report.write_text(text, encoding="utf-8")


@contextmanager
def scratch(given: Path | None) -> Iterator[Path]:
    """The folder given, or a temporary one."""
    if given:
        given.mkdir(parents=True, exist_ok=True)
        yield given.resolve()
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)


def draw(folder: Path, count: int, size: int) -> None:
    """All images, once: a folder that is there is whole."""
    if folder.is_dir():
        return
    part = folder.with_name(f".part-{folder.name}")
    part.mkdir(exist_ok=True)
    if shutil.disk_usage(part).free < 1.5 * count * size * size * 3:
        raise SystemExit(f"too little disk space in {folder.parent} for {count} images and a cache; set --scratch or TMPDIR")
    subjects = range(-(-count // OF_A_SUBJECT))
    with ProcessPoolExecutor(2) as pool:
        # list: what a process raises is raised here.
        list(pool.map(draw_subject_cells, [(part, number, count, size) for number in subjects]))
    part.rename(folder)


def draw_subject_cells(task: tuple[Path, int, int, int]) -> None:
    """The cells of one subject; two subjects of three have ALL."""
    from PIL import Image

    from keras_leuk.data.cells import ALL, HEM, draw_cell, draw_subject

    folder, number, count, size = task
    subject = draw_subject(0, str(number), ALL if number % 3 else HEM)
    for cell in range(number * OF_A_SUBJECT, min(count, (number + 1) * OF_A_SUBJECT)):
        Image.fromarray(draw_cell(0, subject, cell, size)).save(folder / f"{cell:06}.bmp")


def listed(folder: Path, count: int) -> Path:
    """A table of the first images with their labels and subjects."""
    table = folder.with_name(f"first-{count}.csv")
    with open(table, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "subject"])
        for cell in range(count):
            subject = cell // OF_A_SUBJECT
            writer.writerow([f"{folder.name}/{cell:06}.bmp", "all" if subject % 3 else "hem", f"s{subject}"])
    return table


def measured(measure: Any, table: Path, folder: Path) -> Row:
    """One measurement with an empty cache folder, and the load of the machine just before and after."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        before = os.getloadavg()[0]
        row = measure(table, Path(place))
        return {**row, "load before": round(before, 1), "load after": round(os.getloadavg()[0], 1)}


def measured_search(table: Path, place: Path) -> Row:
    """Survey and search in a process of their own."""
    answer, spent = run([sys.executable, __file__, "--measure", str(table), "--cache", str(place / "cache")])
    return {**spent, **json.loads(answer.splitlines()[-1])}


def measured_audit(table: Path, place: Path) -> Row:
    """The whole command."""
    command = [sys.executable, "-m", "keras_leuk", "audit", "--data", str(table), "--features", "none"]
    _, spent = run([*command, "--out", str(place / "audit"), "--cache-dir", str(place / "cache")])
    content = json.loads((place / "audit" / "timing.json").read_text(encoding="utf-8"))
    return {**spent, "stages": content["seconds"]}


def run(command: Sequence[str]) -> tuple[str, Row]:
    """Runs a command to its end: what it printed, its seconds, its CPU seconds (of all threads) and its peak memory in MB.

    A process begins with the peak of the one that started it, so this one must stay small: it imports nothing of ours.
    """
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=None, text=True)
    assert process.stdout
    answer = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{shlex.join(command)} ended with {process.returncode}")
    cpu = usage.ru_utime + usage.ru_stime
    return answer, {"seconds": time.perf_counter() - began, "cpu": cpu, "peak": megabytes(usage)}


def megabytes(usage: resource.struct_rusage) -> float:
    """Highest resident set, MB."""
    return usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def search(table: Path, cache: Path) -> Row:
    """Survey and search here, with the peak after each."""
    from keras_leuk.data.read import read
    from keras_leuk.images.duplicates import find
    from keras_leuk.images.survey import survey

    def peak() -> float:
        return megabytes(resource.getrusage(resource.RUSAGE_SELF))

    images = read(str(table))
    peaks, times = [peak()], [time.perf_counter()]
    seen = survey([images.root / image for image in images.rows["image"]], cache=cache)
    peaks.append(peak())
    times.append(time.perf_counter())
    found = find(seen, cache=cache)
    peaks.append(peak())
    times.append(time.perf_counter())
    return {
        "peak": peaks[2],
        "stages": {"survey": times[1] - times[0], "find": times[2] - times[1]},
        "peaks": dict(zip(("start", "surveyed", "found"), peaks, strict=True)),
        "candidates": sum(found.candidates),
        "pairs": len(found.pairs),
    }


def report(rows: Sequence[Row], size: int) -> str:
    """The Markdown text."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("opencv-python-headless", "scikit-learn", "numpy", "pandas"))
    head = ["measured", "images", "seconds", "CPU seconds", "peak MB", "stages, s", "load before, after"]
    return "\n".join(
        [
            "# An audit of many images",
            "",
            f"Generated cells, {size} px BMP, {OF_A_SUBJECT} a subject; one measurement each, with an empty cache folder, in a",
            "process of its own. Search: survey and search for duplicates. Audit: `keras-leuk audit --features none`, from start",
            "to page. Peak: highest resident set.",
            "",
            f"`{shlex.join(['python', 'benchmarks/audit_scale.py', *shown(sys.argv[1:])])}`: {os.cpu_count()} CPU cores "
            f"({platform.machine()}), Python {platform.python_version()}, {libraries}.",
            "",
            f"| {' | '.join(head)} |",
            f"|{' --- |' * len(head)}",
            *(line(row) for row in rows),
            "",
            *(f"- {words}" for words in [*verdicts(rows), *candidates(rows)]),
            "",
        ]
    )


def line(row: Row) -> str:
    """A row of the Markdown table."""
    stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in row["stages"].items())
    load = f"{row['load before']}, {row['load after']}"
    spent = " | ".join(f"{row[name]:.0f}" for name in ("seconds", "cpu", "peak"))
    return f"| {row['measured']} | {row['images']:,} | {spent} | {stages} | {load} |"


def verdicts(rows: Sequence[Row]) -> Iterator[str]:
    """Ratios and what was wanted of them."""
    for what in ("search", "audit"):
        small, large = (row for row in rows if row["measured"] == what)
        ratio, growth = large["seconds"] / small["seconds"], large["peak"] - small["peak"]
        work = large["cpu"] / small["cpu"]
        minutes = large["seconds"] / 60
        yield (
            f"{what}: {ratio:.1f} times the time for {large['images'] / small['images']:.0f} times the images (wanted: at most "
            f"{TIMES:g}{failed(ratio > TIMES)}), {work:.1f} times the CPU time, {growth:.0f} MB more memory (at most "
            f"{MEGABYTES:g}{failed(growth > MEGABYTES)}), {large['images']:,} images in {minutes:.1f} minutes (at most "
            f"{MINUTES:g}{failed(minutes > MINUTES)})."
        )


def failed(too_much: bool) -> str:
    """A word where it is more than wanted."""
    return ", **not met**" if too_much else ""


def candidates(rows: Sequence[Row]) -> Iterator[str]:
    """How much there was to compare, and where the memory went."""
    for row in rows:
        if row["measured"] == "search":
            peaks = ", ".join(f"{name} {peak:.0f}" for name, peak in row["peaks"].items())
            yield (
                f"search, {row['images']:,} images: {row['candidates']:,} candidates compared, {row['pairs']} pairs found; "
                f"peak MB after each stage: {peaks}."
            )


def shown(typed: Sequence[str]) -> Iterator[str]:
    """The command's words without the places of this machine."""
    words = iter(typed)
    for word in words:
        if word in ("--scratch", "--report"):
            next(words, None)
        else:
            yield word


if __name__ == "__main__":
    main()
