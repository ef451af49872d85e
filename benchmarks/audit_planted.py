"""Whether a search for duplicates finds copies that were planted, and nothing else: recall and precision by kind of copy.

    python benchmarks/audit_planted.py [--cells 2000] [--size 300] [--copies 200] [--real FOLDER ...] [--seed 0]
        [--scratch FOLDER] [--sheets FOLDER] [--report FILE]

Sets are generated cells, all different, and the folders given as real ones. In each, images that are already in a group of
duplicates are never copied, and what holds between two images of a set before planting counts neither for the search nor
against it. Of the rest, so many are drawn for each kind of copy (`KINDS`), each kind by itself, and copied.

All but the JPEG are saved without loss. All copies are searched for together: what a search finds of two pictures does not
depend on the others. The row of a kind counts what it finds among the set and the copies of that kind, which is what a search of
those alone finds; the last row counts everything, copies of one image under two kinds included. A pair of images of different
origin is a further pair; `--sheets` draws them, because one may be a true duplicate that nobody knew. Equal pixels are found by
hash, others by `images.duplicates`. Missed copies are traced to the step that loses them.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from scipy.stats import binomtest

from keras_leuk.audit.pictures import write_groups
from keras_leuk.data.demo import make_demo
from keras_leuk.data.groups import connected
from keras_leuk.data.read import read
from keras_leuk.images import likeness
from keras_leuk.images.decode import decode
from keras_leuk.images.duplicates import find
from keras_leuk.images.survey import survey
from keras_leuk.recipe.randomness import generator

WANTED = 0.99
"""Least recall and precision."""
SHOWN = 40
"""Further or missed pairs that are named and drawn at most, those that agree best first."""
COLUMNS = 4

Pixels = np.ndarray
Files = tuple[Path, Path]
Agreements = Mapping[Files, float]
"""Pair of files, in alphabetical order → how well they agree, 1 where their pixels are equal."""


def brightened(pixels: Pixels, lot: int) -> Pixels:
    """5 % more or less."""
    return np.clip(np.rint(pixels * (1.05, 0.95)[lot % 2]), 0, 255).astype(np.uint8)


def resized(pixels: Pixels, lot: int) -> Pixels:
    """A little smaller and back."""
    height, width = pixels.shape[:2]
    small = cv2.resize(pixels, (round(width * 448 / 450), round(height * 448 / 450)), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


KINDS: dict[str, tuple[str, Callable[[Pixels, int], Pixels] | None]] = {
    "exact": ("the same file under another name", None),
    "JPEG": ("saved by Pillow as JPEG of quality 90", lambda pixels, lot: pixels),
    "turned": ("by 90, 180 or 270 degrees, drawn by lot", lambda pixels, lot: np.rot90(pixels, 1 + lot % 3)),
    "mirrored": (
        "left to right or top to bottom, drawn by lot",
        lambda pixels, lot: pixels[:, ::-1] if lot % 2 else pixels[::-1],
    ),
    "brightness": ("all levels times 1.05 or 0.95, drawn by lot, rounded, cut off at 255", brightened),
    "resized": ("n to n · 448 / 450 pixels and back to n, bilinear both times", resized),
}
"""Kind of copy → what it is, and what it does to the pixels, by a lot of 0 to 5 (None: the file is copied)."""


@dataclass(frozen=True)
class Count:
    """One row of the table: a kind of copy in a set.

    Attributes:
        missed: (copy, original) that were not found.
        further: pairs of different origin, those that agree best first.
    """

    kind: str
    planted: int
    found: int
    missed: tuple[Files, ...]
    further: tuple[Files, ...]


def main() -> None:
    """Plants, searches, counts and prints."""
    options = arguments()
    with scratch(options.scratch) as folder:
        sets = {f"generated, {options.size} px": generated(folder, options.cells, options.size)}
        sets |= {path.name: path for path in options.real}
        tables, remarks = [], []
        for name, root in sets.items():
            rows, lines = judge(name, root, folder, options)
            tables += rows
            remarks += lines
    text = report(tables, remarks)
    print(text)
    if options.report:
        options.report.write_text(text, encoding="utf-8")


def arguments() -> argparse.Namespace:
    """What the user typed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=2000, help="generated cells")
    parser.add_argument("--size", type=int, default=300, help="their width in pixels")
    parser.add_argument("--copies", type=int, default=200, help="copies of each kind")
    parser.add_argument("--real", type=Path, nargs="*", default=[], help="folders of real images, each a set of its own")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scratch", type=Path, help="folder for drawn cells, copies and the cache; kept")
    parser.add_argument("--sheets", type=Path, help="draw further and missed pairs here")
    parser.add_argument("--report", type=Path, help="write the report here")
    return parser.parse_args()


@contextmanager
def scratch(given: Path | None) -> Iterator[Path]:
    """The folder given, or a temporary one."""
    if given:
        given.mkdir(parents=True, exist_ok=True)
        yield given
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)


def generated(folder: Path, cells: int, size: int) -> Path:
    """So many cells in all; four fifths of the demo are training cells, here about 25 a subject."""
    training = round(cells * 0.8)
    return make_demo(folder, cells=training, subjects=max(6, training // 25), size=size)


def judge(name: str, root: Path, folder: Path, options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Rows and remarks of one set."""
    table = read(str(root))
    base = [table.root / image for image in table.rows["image"]]
    before = search(base, folder / "cache")
    origin = dict(zip(base, connected(base, before), strict=True))
    grouped = {path for pair in before for path in pair}
    copies_folder = folder / f"copies-{root.name}-{options.copies}-{options.seed}"
    copies = plant([path for path in base if path not in grouped], copies_folder, options.copies, options.seed)
    everything = {copy: original for made in copies.values() for copy, original in made.items()}
    after = search([*base, *everything], folder / "cache")
    origin |= {copy: origin[original] for copy, original in everything.items()}
    counts = [count(kind, made, base, after, origin) for kind, made in [*copies.items(), ("all together", everything)]]
    if options.sheets:
        draw(counts[-1].further, options.sheets / f"{root.name}-further.png")
        draw(counts[-1].missed, options.sheets / f"{root.name}-missed.png")
    remarks = [
        f"{name}: {len(base):,} images; before planting, {len(before):,} pairs were found among {len(grouped):,} of them; "
        f"{len(everything):,} copies.",
        *(f"{name}, missed: {trace(copy, original)}." for copy, original in counts[-1].missed),
        *(f"{name}, further: {described(pair, after)}." for pair in counts[-1].further[:SHOWN]),
    ]
    if not options.scratch:
        shutil.rmtree(copies_folder)
    return [line(name, row) for row in counts], remarks


def search(files: Sequence[Path], cache: Path) -> Agreements:
    """Survey and search, as `keras-leuk audit` does them."""
    seen = survey(files, cache=cache)
    if seen.unreadable:
        raise SystemExit(seen.unreadable[0][1])
    held: dict[str, list[Path]] = {}
    for path, hashed in zip(seen.paths, seen.pixels, strict=True):
        held.setdefault(hashed, []).append(path)
    agreement = {pair_of(*pair): 1.0 for same in held.values() for pair in combinations(same, 2)}
    for pair in find(seen, cache=cache).pairs:
        agreement |= {pair_of(one, other): pair.agreement for one in held[pair.one] for other in held[pair.other]}
    return agreement


def pair_of(one: Path, other: Path) -> Files:
    """The same in either order."""
    return (one, other) if one < other else (other, one)


def plant(free: Sequence[Path], folder: Path, copies: int, seed: int) -> dict[str, dict[Path, Path]]:
    """Writes the copies: kind → copy → original."""
    if len(free) < copies:
        raise SystemExit(f"--copies {copies}: only {len(free)} images of the set have no duplicate")
    planted: dict[str, dict[Path, Path]] = {}
    for kind, (_, change) in KINDS.items():
        drawn = generator(seed, f"planted copies, {kind}")
        chosen = drawn.choice(len(free), copies, replace=False)
        lots = drawn.integers(6, size=copies)
        target = folder / kind
        target.mkdir(parents=True, exist_ok=True)
        planted[kind] = {
            write(free[place], target / f"{number:04}", kind, change, int(lot)): free[place]
            for number, (place, lot) in enumerate(zip(chosen, lots, strict=True))
        }
    return planted


def write(original: Path, target: Path, kind: str, change: Callable[[Pixels, int], Pixels] | None, lot: int) -> Path:
    """One copy; returns its file."""
    if change is None:
        return Path(shutil.copyfile(original, target.with_suffix(original.suffix)))
    file = target.with_suffix(".jpg" if kind == "JPEG" else ".bmp")
    picture = Image.fromarray(np.ascontiguousarray(change(decode(original.read_bytes(), original), lot)))
    picture.save(file, quality=90)  # which a bitmap leaves aside
    return file


def count(kind: str, made: Mapping[Path, Path], base: Sequence[Path], after: Agreements, origin: Mapping[Path, object]) -> Count:
    """What the search makes of the set and these copies."""
    files = {*base, *made}
    further = [(one, other) for one, other in after if {one, other} <= files and origin[one] != origin[other]]
    further.sort(key=lambda pair: (-after[pair], pair))
    missed = [pair for pair in made.items() if pair_of(*pair) not in after]
    return Count(kind, len(made), len(made) - len(missed), tuple(missed), tuple(further))


def line(name: str, row: Count) -> str:
    """A row of the Markdown table."""
    told = row.found + len(row.further)
    recall, precision = share(row.found, row.planted), share(row.found, told)
    return f"| {name} | {row.kind} | {row.planted:,} | {row.found:,} | {recall} | {len(row.further)} | {precision} |"


def share(some: int, whole: int) -> str:
    """A share with Wilson's interval; a word where it is below what is wanted."""
    if not whole:
        return "undefined"
    low, high = binomtest(some, whole).proportion_ci(method="wilson")
    return f"{some / whole:.4f} ({low:.4f}–{high:.4f}){'' if some >= WANTED * whole else ', **too low**'}"


def trace(copy: Path, original: Path) -> str:
    """Which step loses a copy: its descriptor lies too far away, or the pictures do not agree."""
    one, other = (likeness.cut(decode(path.read_bytes(), path)).square for path in (original, copy))
    aim = likeness.describe(other)
    laid = [likeness.orient(one, orientation) for orientation in range(len(likeness.ORIENTATIONS))]
    far = [float(np.linalg.norm(likeness.describe(square) - aim)) for square in laid]
    nearest = int(np.argmin(far))
    step = "no candidate" if far[nearest] > likeness.RADIUS else "candidate, not confirmed"
    return (
        f"{copy.parent.name} of {original.name}, {step}: laid {likeness.ORIENTATIONS[nearest]}, distance {far[nearest]:.3f} "
        f"(candidate up to {likeness.RADIUS}), agreement {likeness.agreement(laid[nearest], other):.3f} (confirmed from "
        f"{likeness.THRESHOLD})"
    )


def described(pair: Files, after: Agreements) -> str:
    """The two files and how well they agree."""
    names = " and ".join(f"{path.parent.name}/{path.name}" for path in pair)
    return f"{names}, agreement {after[pair]:.3f}"


def draw(pairs: Sequence[Files], file: Path) -> None:
    """A sheet of pairs, cut out and raised in contrast, in columns."""
    if not pairs:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    groups = [{"name": f"{n:03}", "images": [{"image": str(p)} for p in pair]} for n, pair in enumerate(pairs[:SHOWN])]
    with tempfile.TemporaryDirectory() as folder:
        write_groups(groups, Path("/"), Path(folder))
        strips = [np.asarray(Image.open(path)) for path in sorted((Path(folder) / "pictures").iterdir())]
    strips = [np.pad(strip, ((0, 8), (0, 16), (0, 0)), constant_values=255) for strip in strips]
    strips += [np.full_like(strips[0], 255)] * (-len(strips) % COLUMNS)
    rows = [np.hstack(strips[place : place + COLUMNS]) for place in range(0, len(strips), COLUMNS)]
    Image.fromarray(np.vstack(rows)).save(file)


def report(rows: Sequence[str], remarks: Sequence[str]) -> str:
    """The Markdown text."""
    typed = shlex.join(["python", "benchmarks/audit_planted.py", *shown(sys.argv[1:])])
    libraries = ", ".join(f"{name} {version(name)}" for name in ("opencv-python-headless", "scikit-learn", "numpy", "pillow"))
    head = ["set", "kind", "planted", "found", "recall", "further pairs", "precision"]
    return "\n".join(
        [
            "# Planted copies",
            "",
            "What the search for duplicates makes of copies that were planted. All are searched for at once; the row",
            "of a kind counts what is found among the set and the copies of that kind. Images that had a duplicate before are",
            "never copied. Recall: found of the planted. Further pairs: found, neither planted nor found before planting.",
            "Precision: planted pairs among the planted and further pairs that were found. Intervals: Wilson, 95 %, one unit a",
            "copy or a pair.",
            f"Wanted: {WANTED} or more each.",
            "",
            *(f"- {kind}: {words}" for kind, (words, _) in KINDS.items()),
            "",
            f"`{typed}`: {os.cpu_count()} CPU cores ({platform.machine()}), {libraries}.",
            "",
            f"| {' | '.join(head)} |",
            f"|{' --- |' * len(head)}",
            *rows,
            "",
            *(f"- {remark}" for remark in remarks),
            "",
        ]
    )


def shown(typed: Sequence[str]) -> Iterator[str]:
    """The command's words, folders by their names alone and places of this machine left out."""
    words = iter(typed)
    for word in words:
        if word in ("--scratch", "--sheets", "--report"):
            next(words, None)
        else:
            yield Path(word).name if "/" in word else word


if __name__ == "__main__":
    main()
