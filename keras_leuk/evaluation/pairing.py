"""Which runs may be compared: those that judge the same images, by name and by content, with the same labels and subjects.

Start from `entrants`. It is strict: a difference between two runs must be one of the models, never one of the images.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from keras_leuk.errors import RunError, UsageError
from keras_leuk.evaluation.predictions import Predictions
from keras_leuk.evaluation.reading import read_predictions
from keras_leuk.runs.folder import RunFolder, open_for_reading

JUDGES = {"test": "tests", "validation": "validates on"}
"""What a run does with the images of a side, for sentences."""


@dataclass(frozen=True)
class Entrant:
    """A run in a comparison.

    Attributes:
        name: no other entrant has it.
        folder: the run.
        predictions: all its predictions.
        rows: its rows of the compared side, sorted by image and fold: row i of every entrant is of the same image.
    """

    name: str
    folder: RunFolder
    predictions: Predictions
    rows: pd.DataFrame


def entrants(runs: Sequence[Path], side: str = "test", names: Sequence[str] | None = None) -> list[Entrant]:
    """The runs with their rows side by side.

    Args:
        runs: two or more folders of finished runs, cross-validations or ensembles.
        side: 'test' or 'validation'.
        names: one a run; the shortest ends of the paths that differ where not given.

    Raises:
        UsageError: fewer than two runs, a run twice, a folder that is not there, or names that do not fit.
        RunError: an unfinished or damaged run, or runs of other images, contents, labels, subjects or classes.
    """
    if len(runs) < 2:
        raise UsageError(f"a comparison needs two or more runs; {len(runs)} given")
    folders = [open_for_reading(Path(run)) for run in runs]
    places = [folder.path.resolve() for folder in folders]
    for run, place in zip(runs, places, strict=True):
        if places.count(place) > 1:
            raise UsageError(f"{run} is named twice, and a run differs from itself in nothing; name different runs")
    named = short_names(places) if names is None else _given(names, len(runs))
    found: list[Entrant] = []
    contents: dict[str, str] = {}
    for name, folder in zip(named, folders, strict=True):
        predictions = read_predictions(folder)
        rows = predictions.side(side).sort_values(["image", "fold"], kind="stable", ignore_index=True)
        if rows.empty:
            raise RunError(f"{name} has no {side} images")
        entrant, hashes = Entrant(name, folder, predictions, rows), _contents(folder, rows)
        if found:
            _check_alike(found[0], entrant, side)
            _check_contents(found[0], entrant, contents, hashes)
        contents = contents or hashes
        found.append(entrant)
    return found


def short_names(places: Sequence[Path]) -> list[str]:
    """The ends of different absolute paths that are just long enough to differ: 'a', or 'x/run' and 'y/run'."""
    longest = max(len(place.parts) for place in places)
    for length in range(1, longest + 1):
        ends = ["/".join(place.parts[-length:]) for place in places]
        if len(set(ends)) == len(ends):
            return ends
    return [str(place) for place in places]


def _given(names: Sequence[str], count: int) -> list[str]:
    cleaned = [name.strip() for name in names]
    if len(cleaned) != count:
        raise UsageError(f"--names needs {count} names, one for each run. Received {len(cleaned)}: {', '.join(cleaned)}")
    twice = next((name for name in cleaned if not name or cleaned.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"--names needs a name of its own for each run. Received twice, or empty: {twice!r}")
    return cleaned


def _check_alike(first: Entrant, other: Entrant, side: str) -> None:
    a, b = first.predictions, other.predictions
    if (a.classes, a.positive) != (b.classes, b.positive):
        raise RunError(f"{other.name} has {_classes(b)}; {first.name} has {_classes(a)}")
    _check_images(first, other, side)
    if first.rows["image"].tolist() != other.rows["image"].tolist():
        # Only a cross-validation judges an image several times, and only on another side than test.
        raise RunError(f"{other.name} and {first.name} pool different folds on their {side} sides; compare their test sides")
    for column, words in (("true", "is labelled"), ("subject", "is of subject")):
        differs = (first.rows[column] != other.rows[column]).to_numpy()
        if differs.any():
            at = int(differs.argmax())
            raise RunError(
                f"{other.name} and {first.name} disagree about {int(differs.sum())} of {len(differs)} {side} rows: "
                f"{first.rows['image'][at]} {words} {other.rows[column][at] or 'nobody'} in {other.name} and "
                f"{first.rows[column][at] or 'nobody'} in {first.name}"
            )


def _check_images(first: Entrant, other: Entrant, side: str) -> None:
    a, b = set(first.rows["image"]), set(other.rows["image"])
    if a == b:
        return
    parts = []
    for one, two, mine, theirs in ((other, first, b, a), (first, other, a, b)):
        only = sorted(mine - theirs)
        if only:
            images = "image" if len(only) == 1 else "images"
            parts.append(f"{one.name} {JUDGES[side]} {len(only)} {images} that {two.name} does not, such as {only[0]}")
    pooled = first.predictions.cross_validated, other.predictions.cross_validated
    if all(pooled):
        hint = "cross-validate both on the same images"
    elif any(pooled):
        whole = first if pooled[0] else other
        hint = f"{whole.name} is a cross-validation; compare one of its folds ({whole.folder.folds}/...), or another one with it"
    else:
        hint = f"make {other.name} with --split {shlex.quote(str(first.folder.split))}"
    raise RunError(f"{'; '.join(parts)}; {hint}")


def _contents(folder: RunFolder, rows: pd.DataFrame) -> dict[str, str]:
    """Image → hash of its pixels, for the images of some rows, from split.csv."""
    try:
        listed = pd.read_csv(folder.split, dtype=str, keep_default_na=False, usecols=["image", "pixels"], encoding="utf-8")
    except FileNotFoundError:
        raise RunError(f"{folder.path} has no {folder.split.name}, so that the content of its images is not known") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{folder.split} cannot be read: {(str(error).strip().splitlines() or [''])[0]}") from None
    pixels = {str(image): str(pixel) for image, pixel in zip(listed["image"], listed["pixels"], strict=True)}
    unknown = [image for image in rows["image"] if not pixels.get(image)]
    if unknown:
        raise RunError(f"{folder.split} names no content (pixels) of {unknown[0]}")
    return {image: pixels[image] for image in rows["image"]}


def _check_contents(first: Entrant, other: Entrant, a: dict[str, str], b: dict[str, str]) -> None:
    changed = [image for image in a if a[image] != b[image]]
    if changed:
        raise RunError(
            f"{len(changed)} of {len(a)} images have another content in {other.name} than in {first.name} under the same name, "
            f"such as {changed[0]}: the runs are of different data"
        )


def _classes(predictions: Predictions) -> str:
    positive = f" (positive: {predictions.positive})" if predictions.positive is not None else ""
    return f"the classes {', '.join(predictions.classes)}{positive}"
