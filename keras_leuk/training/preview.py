"""What the network sees: pictures beside what augmentation makes of them, by the very draws that training takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_leuk.errors import RecipeError
from keras_leuk.images.augmentation import Augmentation, Picture, draw
from keras_leuk.images.cache import ingest
from keras_leuk.images.decode import decode
from keras_leuk.images.pipeline import mixed
from keras_leuk.images.preprocessing import Preparation
from keras_leuk.models import backbones
from keras_leuk.progress import Progress
from keras_leuk.recipe import Recipe
from keras_leuk.recipe.augment import Augment
from keras_leuk.recipe.randomness import generator
from keras_leuk.reporting.preview import Row, Shown, write_preview
from keras_leuk.training.materials import read_table, tell_data

_KEPT = ("fill_mode", "cval", "keep_background")
"""Settings that no operation stands for: they go with each operation that is shown alone."""


@dataclass(frozen=True)
class Previewed:
    """What a preview shows.

    Attributes:
        out: the picture file.
        images: names of the images.
        operations: the operations of the recipe.
        draws: one dictionary a draw: image, epoch, operation (if alone), and the drawn parameters.
    """

    out: Path
    images: tuple[str, ...]
    operations: tuple[str, ...]
    draws: list[dict[str, Any]]


def preview(
    recipe: Recipe,
    out: Path,
    *,
    cache: Path,
    images: int = 4,
    draws: int = 6,
    each: bool = False,
    progress: Progress | None = None,
) -> Previewed:
    """Draws a contact sheet: a row an image, or a row an operation; first the picture, then what epochs 1, 2, … make of it.

    Args:
        images: how many images, the classes in turn, chosen by the recipe's seed.
        draws: epochs shown.
        each: one row for each operation alone.

    Raises:
        RecipeError: the recipe has no augmentation.
        LeukError: what is wrong with data or images.
    """
    progress = progress or Progress()
    augment = recipe.training.augment
    if not augment.operations:
        raise RecipeError(
            "training.augment",
            "nothing",
            "has no operation to show; set one, such as training.augment.rotation_range=30, or take --recipe every-augmentation",
        )
    size = recipe.images.size or backbones.find(recipe.model.backbone).default_size
    table = read_table(recipe, cache, progress)
    tell_data(table, progress)
    names = _choose(table.labelled, images, recipe.seed)
    preparation = Preparation.of(recipe.images, size)
    cached = ingest([table.root / name for name in names], preparation=preparation, cache=cache, progress=progress)
    pictures = cached.store.rows()[cached.row_numbers()]
    labels = dict(zip(table.labelled["image"], table.labelled["label"], strict=True))
    beyond_resizing = recipe.images.crop != "none" or recipe.images.contrast != "none"
    files = [decode(path.read_bytes(), path) for path in cached.paths] if beyond_resizing else None
    if each:
        shown = [(name, _alone(augment, name)) for name in augment.operations]
        which = [number % len(names) for number in range(len(shown))]
    else:
        shown, which = [("", augment)] * len(names), list(range(len(names)))
    drawn: list[dict[str, Any]] = []
    rows = []
    for (operation, settings), number in zip(shown, which, strict=True):
        seen = _epochs(settings, recipe.seed, pictures, cached.pixels, number, draws)
        name = names[number]
        drawn += [{"image": name, "operation": operation, "epoch": epoch + 1, **facts} for epoch, (_, facts) in enumerate(seen)]
        words = [_words(facts, settings.operations) for _, facts in seen]
        rows.append(
            Row(
                label=_setting(settings, operation) if operation else f"{labels[name]}\n{Path(name).name}",
                file=files[number] if files else None,
                original=pictures[number],
                draws=tuple(Shown(picture, text) for (picture, _), text in zip(seen, words, strict=True)),
            )
        )
    title = (
        f"Augmentation of {'the demo (generated cells)' if table.name == 'demo' else table.name}, {size} px, seed {recipe.seed}"
    )
    write_preview(out, rows, title)
    return Previewed(out, tuple(names), augment.operations, drawn)


def _choose(labelled: Any, count: int, seed: int) -> list[str]:
    """Images of all classes in turn, in an order that the seed draws."""
    order = generator(seed, "preview").permutation(len(labelled))
    shuffled = labelled.iloc[order]
    turn = shuffled.groupby("label", sort=True).cumcount()
    return list(shuffled.assign(turn=turn).sort_values(["turn", "label"], kind="stable")["image"].iloc[:count])


def _alone(augment: Augment, operation: str) -> Augment:
    return Augment.model_validate({name: getattr(augment, name) for name in (operation, *_KEPT)})


def _epochs(
    augment: Augment, seed: int, pictures: np.ndarray, keys: list[str], number: int, epochs: int
) -> list[tuple[np.ndarray, dict[str, Any]]]:
    """One picture in each epoch, and what was drawn for it. Mixup mixes it with the next one of the sheet."""
    height, width = pictures.shape[1:3]
    augmentation = Augmentation(augment, height, width)
    pair = [number, (number + 1) % len(pictures)]
    seen = []
    for epoch in range(1, epochs + 1):
        drawn = draw(augment, seed, epoch, [Picture(keys[i]) for i in pair], height, width)
        made = augmentation.all(pictures[pair], drawn)
        if augment.mixup:
            made = mixed(made, np.zeros((2, 1), np.float32), None, drawn.mix)[0]
        seen.append((made[0], drawn.of(0)))
    return seen


def _setting(augment: Augment, operation: str) -> str:
    value = getattr(augment, operation)
    text = f"[{', '.join(f'{end:g}' for end in value)}]" if isinstance(value, tuple) else str(value).lower()
    return f"{operation}\n{text}"


def _words(drawn: dict[str, Any], operations: tuple[str, ...]) -> str:
    """Drawn parameters in short, a line each."""
    wanted = set(operations)
    mirrors = [word for word, name in (("\u2194", "flip_horizontal"), ("\u2195", "flip_vertical")) if drawn[name]]
    lines = [
        ("rotation_range", f"turned {drawn['theta']:+.0f}\u00b0"),
        ("height_shift_range", f"tx {drawn['tx']:+.1f} px"),
        ("width_shift_range", f"ty {drawn['ty']:+.1f} px"),
        ("shear_range", f"shear {drawn['shear']:+.1f}\u00b0"),
        ("zoom_range", f"zoom {drawn['zx']:.2f}, {drawn['zy']:.2f}"),
        ("channel_shift_range", f"levels {drawn['channel_shift']:+.1f}"),
        ("brightness_range", f"brightness {drawn['brightness']:.2f}"),
        ("contrast_range", f"contrast {drawn['contrast']:.2f}"),
        ("gamma_range", f"gamma {drawn['gamma']:.2f}"),
        ("saturation_range", f"saturation {drawn['saturation']:.2f}"),
        ("hue_range", f"hue {drawn['hue']:+.2f}"),
        ("gaussian_blur", f"blur {drawn['blur']} x {drawn['blur']}" if drawn["blur"] > 1 else "no blur"),
        ("mixup", f"own share {drawn['mix']:.2f}"),
    ]
    said = [text for name, text in lines if name in wanted]
    if wanted & {"horizontal_flip", "vertical_flip"}:
        said.append(" ".join(["mirrored", *mirrors]) if mirrors else "not mirrored")
    return "\n".join(said)
