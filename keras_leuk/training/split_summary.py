"""A split, or the folds of a cross-validation, in words: for the terminal, and for everything the run writes."""

from __future__ import annotations

from collections.abc import Sequence

from keras_leuk.data.groups import EQUAL, KNOWN, SAME_CELL
from keras_leuk.data.splits import SplitResult
from keras_leuk.progress import Progress


def tell_split(splits: Sequence[SplitResult], progress: Progress) -> None:
    """Says how the images were divided, and what is shared between subjects."""
    first = splits[0]
    progress.say(f"split: {describe_split(splits)}")
    for note in first.notes:
        progress.say(f"  {note}")
    for line in linked_lines(first):
        progress.say(f"  {line}")
    for line in checked_lines(splits):
        progress.say(f"  {line}")
    for result in splits if len(splits) > 1 else ():
        sides = []
        for side in ("train", "validation", "test"):
            part = result.rows[result.rows["split"] == side]
            if len(part):
                known = part["subject"].notna().all()
                sides.append(f"{side} {len(part)}" + (f" ({part['subject'].nunique()} subjects)" if known else ""))
        progress.say(f"  fold {result.fold}: {', '.join(sides)}")
    for warning in split_warnings(splits):
        progress.warn(warning)


def describe_split(splits: Sequence[SplitResult]) -> str:
    """One sentence for all folds, or the only split's own."""
    if len(splits) == 1:
        return splits[0].description
    names = ", ".join(str(result.fold) for result in splits)
    return f"Cross-validation over {len(splits)} folds ({names}): each image is tested once, by a model not trained on its fold."


def split_warnings(splits: Sequence[SplitResult]) -> list[str]:
    """The split's warnings; of several folds that warn, the first speaks for all."""
    if len(splits) == 1:
        return list(splits[0].warnings)
    concerned = [result for result in splits if result.warnings]
    if not concerned:
        return []
    others = f", and {len(concerned) - 1} other fold{'s' * (len(concerned) > 2)} likewise" if len(concerned) > 1 else ""
    return [f"fold {concerned[0].fold}{others}: {warning}" for warning in concerned[0].warnings]


def checked_lines(splits: Sequence[SplitResult]) -> list[str]:
    """What was looked for on two sides and what was found; of several folds that agree, one line for all."""
    if len(splits) == 1:
        return list(splits[0].checked)
    lines = []
    for found in zip(*(result.checked for result in splits), strict=True):
        lines += [found[0]] if len(set(found)) == 1 else [f"fold {r.fold}: {line}" for r, line in zip(splits, found, strict=True)]
    return lines


def linked_lines(split: SplitResult) -> list[str]:
    """One line for each pair of subjects that hold the same cells."""
    lines = []
    for link in split.linked:
        name, twin = (image.rsplit("/", 1)[-1] for image in (link.first_image, link.second_image))
        more = f" and {len(link.images) - 1} more" if len(link.images) > 1 else ""
        lines.append(f"subjects {link.first} and {link.second} {_WHY[link.why].format(name=name, twin=twin, more=more)}")
    return lines


_WHY = {
    EQUAL: "hold equal images: {name} = {twin}{more}",
    SAME_CELL: "hold images of the same cell: {name} ~ {twin}{more}",
    KNOWN: "are known to hold the same cells, such as {name} ~ {twin}",
}
