"""One audit, from data to the folder that holds what was found. `audit` is the table of contents.

report.html         the page to read first, whole in one file; report.md the same as text
audit.json          everything, section by section; written last
images.csv          one row an image: what is known and measured of it
duplicates.csv      one row a pair of images of one cell
linked_subjects.csv one row a pair of subjects that hold the same cells
figures/, pictures/ what the page shows; further tables are named in audit.json
timing.json         seconds of each stage
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from keras_leuk.audit.descriptors import DESCRIPTORS
from keras_leuk.audit.duplicates import Duplicates, duplicates
from keras_leuk.audit.folder import filling
from keras_leuk.audit.frozen import Vectors, vectors
from keras_leuk.audit.inventory import inventory
from keras_leuk.audit.leaks import leaks
from keras_leuk.audit.pictures import write_groups, write_singles
from keras_leuk.audit.request import Request, check, divisions, model_of, source
from keras_leuk.audit.shift import shift
from keras_leuk.audit.shortcuts import shortcuts
from keras_leuk.audit.subjects import subjects
from keras_leuk.audit.suspicious import suspicious
from keras_leuk.data.groups import Knowledge, connected, link_subjects
from keras_leuk.data.linked import known_links
from keras_leuk.data.read import read
from keras_leuk.data.table import ImageTable
from keras_leuk.errors import DataError
from keras_leuk.images import duplicates as search
from keras_leuk.images.file_facts import file_table
from keras_leuk.images.survey import COLUMNS, Survey, survey
from keras_leuk.progress import Progress
from keras_leuk.reporting.audit import write_page
from keras_leuk.runs.atomic import write_json, write_text

Json = dict[str, Any]


@dataclass(frozen=True)
class _Looked:
    """A data set with everything that was seen in one pass over its files.

    Attributes:
        table: as it was read.
        seen: what the pass left in the cache.
        images: one row a readable image: the data table's columns, pixels, group, and every column of `DESCRIPTORS`.
    """

    table: ImageTable
    seen: Survey
    images: pd.DataFrame

    @property
    def labelled(self) -> pd.DataFrame:
        return self.images[self.images["label"].notna()].reset_index(drop=True)


def audit(request: Request, out: Path, *, cache: Path, overwrite: bool = False, progress: Progress | None = None) -> Json:
    """Looks for everything that makes a figure on these data too good, and writes the folder of what it found.

    Args:
        out: the audit folder; made whole beside its place, then put there.
        cache: folder of shared work; later trainings on these images know the duplicates that were found.

    Returns:
        the content of audit.json.

    Raises:
        LeukError: wrong names, data, run or split; nothing is left half-written.
    """
    progress = progress or Progress()
    check(request)
    with filling(out, overwrite) as folder:
        timed = _Clock(progress)
        path, reader = source(request)
        looked = timed("looking at images", lambda: _look(path, reader, cache, progress))
        other = None
        if request.against is not None:
            other = timed("looking at the other data", lambda: _look(str(request.against), "auto", cache, progress))
        found = timed("duplicates", lambda: _search(looked, other, cache, progress))
        knowledge = Knowledge(known_links(looked.table), tuple((pair.one, pair.other) for pair in found.pairs))
        looked = _grouped(looked, knowledge)
        same = duplicates(looked.images, found, knowledge)
        sections = _sections(request, looked, other, same, knowledge, cache, folder, timed, progress)
        content = {"schema": 1, "data": _facts(looked, request), **sections}
        write_groups(same.groups, looked.table.root, folder)
        _write_images(looked, folder)
        same.write_tables(folder)
        write_json(folder / "timing.json", {"seconds": timed.seconds})
        write_page(content, folder)
        write_json(folder / "audit.json", content)
    return content


def _look(path: str, reader: str, cache: Path, progress: Progress) -> _Looked:
    table = read(path, reader, cache, progress=progress)
    files = [table.root / image for image in table.rows["image"]]
    seen = survey(files, cache=cache, progress=progress)
    readable = {str(file) for file in seen.paths}
    rows = table.rows[[str(file) in readable for file in files]].reset_index(drop=True)
    measured = pd.DataFrame(seen.table().astype("float64"), columns=list(COLUMNS))
    facts = file_table(table.root, list(rows["image"])).drop(columns="image")
    images = pd.concat([rows.assign(pixels=seen.pixels), facts, measured.drop(columns="size")], axis=1)
    if images["label"].nunique() < 2:
        raise DataError(f"fewer than two classes are left in {table.root} when the unreadable images are left out")
    return _Looked(table, seen, images)


def _search(looked: _Looked, other: _Looked | None, cache: Path, progress: Progress) -> search.Found:
    """Duplicates among the images, and between them and another data set."""
    if other is None:
        return search.find(looked.seen, cache=cache, progress=progress)
    both = survey([*looked.seen.paths, *other.seen.paths], cache=cache, progress=progress)
    return search.find(both, cache=cache, progress=progress)


def _grouped(looked: _Looked, knowledge: Knowledge) -> _Looked:
    images = looked.images
    groups = link_subjects(list(images["image"]), list(images["subject"]), list(images["pixels"]), knowledge)
    return _Looked(looked.table, looked.seen, images.assign(group=list(groups.names)))


def _sections(
    request: Request,
    looked: _Looked,
    other: _Looked | None,
    same: Duplicates,
    knowledge: Knowledge,
    cache: Path,
    folder: Path,
    timed: _Clock,
    progress: Progress,
) -> Json:
    table, images, labelled = looked.table, looked.images, looked.labelled
    classes, positive = table.classes, table.positive
    given = divisions(request, labelled, classes, knowledge)
    counted = inventory(table, labelled, looked.seen.unreadable)
    counted.write_tables(folder)
    spread = {name: _spread(images, labelled, side) for name, side in given.items()}
    against = (table.name, other.table.name, other.images) if other else None
    leaking = leaks(images, knowledge, same.conflicts, spread, against)
    told = timed("shortcuts", lambda: shortcuts(labelled, classes, positive, model_of(request)))
    sided = labelled.assign(split=next(iter(given.values())).to_numpy()) if given else labelled
    others = {other.table.name: _grouped(other, knowledge).labelled} if other else None
    moved = timed("shift", lambda: shift(sided, classes, positive, others, table.name))
    sections = {
        "inventory": counted.as_json(),
        "duplicates": same.as_json(),
        "leaks": leaking.as_json(),
        "shortcuts": told.as_json(),
        "shift": moved.as_json(),
    }
    found = timed("features", lambda: _features(request, looked, labelled, cache, progress))
    if found is not None:
        cells = [str(name) for name in connected(list(labelled["pixels"]), knowledge.cells or ())]
        sections |= _from_features(found, labelled, cells, looked, request.seed, folder, timed, progress)
    return sections


def _from_features(
    found: Vectors,
    labelled: pd.DataFrame,
    cells: list[str],
    looked: _Looked,
    seed: int,
    folder: Path,
    timed: _Clock,
    progress: Progress,
) -> Json:
    classes, positive = looked.table.classes, looked.table.positive
    whose = timed(
        "subjects",
        lambda: subjects(labelled, found.rows, found.named, cells, classes, positive, seed=seed, progress=progress),
    )
    doubted = timed("labels", lambda: suspicious(labelled, found.rows, found.named, cells, classes, positive, seed=seed))
    whose.write_tables(folder)
    doubted.write_tables(folder)
    write_singles(doubted.pictures(), looked.table.root, folder)
    return {"subjects": whose.as_json(), "suspicious": doubted.as_json()}


def _features(request: Request, looked: _Looked, labelled: pd.DataFrame, cache: Path, progress: Progress) -> Vectors | None:
    files = [looked.table.root / image for image in labelled["image"]]
    return vectors(
        files,
        request.features,
        weights_dir=request.weights_dir,
        classes=len(looked.table.classes),
        cache=cache,
        progress=progress,
    )


def _spread(images: pd.DataFrame, labelled: pd.DataFrame, side: pd.Series) -> pd.Series:
    """Sides of labelled images as a column of all images."""
    of = dict(zip(labelled["image"], side, strict=True))
    return pd.Series([of.get(image) for image in images["image"]], index=images.index, dtype=object)


def _facts(looked: _Looked, request: Request) -> Json:
    labelled = looked.labelled
    return {
        "name": looked.table.name,
        "reader": looked.table.reader,
        "images": len(looked.images),
        "labelled": len(labelled),
        "subjects": int(labelled["subject"].nunique()) if labelled["subject"].notna().all() else None,
        "classes": list(looked.table.classes),
        "positive": looked.table.positive,
        "notes": list(looked.table.notes),
        "warnings": list(looked.table.warnings),
        "against": request.against,
        "seed": request.seed,
    }


def _write_images(looked: _Looked, folder: Path) -> None:
    known = ["image", "label", "subject", "group", "fold", "part", "format", "mode"]
    table = looked.images[[*known, *DESCRIPTORS, "pixels"]]
    write_text(folder / "images.csv", table.to_csv(index=False, lineterminator="\n", float_format="%.6g"))


class _Clock:
    """Runs the stages of an audit and remembers how long each took."""

    def __init__(self, progress: Progress):
        self._progress = progress
        self.seconds: dict[str, float] = {}

    def __call__(self, name: str, work: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        done = work()
        self.seconds[name] = round(time.perf_counter() - started, 1)
        self._progress.say(f"{name}: {self.seconds[name]:.1f} s")
        return done
