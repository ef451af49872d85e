"""Cutting a replication down to a budget, in a stated order, until what is left is estimated to fit.

Seeds go first, because tables need one; then views, images and pixels of frozen backbones; epochs, images and pixels of trained
ones; at last training of the backbone itself. Every cut stands in the recipe of the runs, which stay functions of it, and in
every title. What a published row names is not cut: its seeds stay, and a training that ends earlier stands for the longer one.
Start at `fit`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, prod
from typing import Any

from keras_leuk.grid.plan import EPOCHS
from keras_leuk.models.backbones import BACKBONES
from keras_leuk.papers.library import Paper
from keras_leuk.papers.replicate_costs import Work, seconds
from keras_leuk.papers.replicate_data import DataFacts
from keras_leuk.papers.replicate_request import BACKBONE, SEED, Study
from keras_leuk.recipe import Recipe

SIZES = (160, 128, 96, 80)
FEWEST = 200
"""Images that are left at least."""

FEWEST_OF_A_CLASS = 5
"""Images of every class that are left at least: one for each side, and two to spare."""

DATA_FOLDS = 3
"""Folds that data are taken to bring along, where a recipe leaves their number to them: C-NMC's."""


@dataclass(frozen=True)
class Cut:
    """What is left of a replication.

    Attributes:
        one_seed: only seeds that published rows name, or the first.
        views: augmented views of a frozen backbone, None for the recipe's; 0 leaves augmentation out.
        epochs: most epochs of a trained backbone, None for the recipe's.
        images: of the data, None for all.
        size: largest input side in pixels, None for the recipe's.
        frozen: backbones that the recipe trains are left as they are.
    """

    one_seed: bool = False
    views: int | None = None
    epochs: int | None = None
    images: int | None = None
    size: int | None = None
    frozen: bool = False


def cuts(images: int, trained: bool) -> Iterator[Cut]:
    """Ever smaller cuts, from none at all."""
    cut = Cut()
    yield cut
    for change in _ladder_of_training(images) if trained else _ladder(images):
        cut = replace(cut, **change)
        yield cut


def _ladder(images: int) -> list[dict[str, Any]]:
    halves = [images // 2**power for power in range(1, 12)]
    many, few = [n for n in halves if n >= 1000], [n for n in halves if FEWEST < n < 1000]
    steps: list[dict[str, Any]] = [{"one_seed": True}, {"views": 1}]
    steps += [{"images": n} for n in many]
    steps += [{"views": 0}, {"size": SIZES[0]}, {"size": SIZES[1]}]
    steps += [{"images": n} for n in few] + [{"size": SIZES[2]}, {"images": FEWEST}, {"size": SIZES[3]}]
    return steps


def _ladder_of_training(images: int) -> list[dict[str, Any]]:
    plain = [step for step in _ladder(images) if not {"one_seed", "views"} & step.keys()]
    epochs = [{"epochs": number} for number in (30, 20, 10, 5, 3, 2, 1)]
    mixed: list[dict[str, Any]] = [{"one_seed": True}]
    for place in range(max(len(plain), len(epochs))):
        mixed += epochs[place : place + 1] + plain[place : place + 1]
    return [*mixed, {"frozen": True, "views": 0}]


def fit(
    paper: Paper, studies: Sequence[Study], data: DataFacts, budget: float, factor: float, jobs: int
) -> tuple[list[Study], list[list[str]], float]:
    """Studies that are estimated to take no longer than a budget: those with the fewest cuts, or the quickest where none do.

    Args:
        budget: seconds.
        factor: of this machine, see `replicate_costs.machine_factor`.
        jobs: processes at a time where backbones are frozen.

    Returns:
        the studies, what was cut from each in words, and the estimate in seconds. A smaller budget never has a larger estimate.
    """
    trained = any(study.recipe.model.fine_tune != "none" for study in studies)
    most = max(_images(study.recipe, data) for study in studies)
    found: tuple[list[Study], list[list[str]], float] | None = None
    for cut in cuts(most, trained):
        pairs = [apply(paper, study, cut, data) for study in studies]
        left = [study for study, _ in pairs]
        estimate = seconds((path for study in left for path in work(study, data)), factor, jobs)
        if found is None or estimate < found[2]:
            found = left, [lines for _, lines in pairs], estimate
        if estimate <= budget:
            break
    assert found is not None  # the first cut is none at all
    return found


def apply(paper: Paper, study: Study, cut: Cut, data: DataFacts) -> tuple[Study, list[str]]:
    """A study after a cut, and what was cut from it."""
    recipe = study.recipe
    frozen = cut.frozen or recipe.model.fine_tune == "none"
    lines: list[str] = []
    study = _fewer_seeds(study, paper, lines) if cut.one_seed else study
    study = _fewer_epochs(study, recipe, cut.epochs, lines) if cut.epochs is not None and not frozen else study
    sets = list(study.sets)
    if cut.frozen and recipe.model.fine_tune != "none":
        sets += _frozen(recipe)
        lines.append("only the heads are trained: the backbones are left as they are")
    if recipe.training.augment.operations and frozen:
        lines += _fewer_views(recipe, cut, sets)
    if cut.images is not None:
        lines += _fewer_images(recipe, cut.images, data, sets)
    if cut.size is not None:
        lines += _fewer_pixels(study, recipe, cut.size, sets)
    return replace(study, sets=tuple(sets)), lines


def _fewer_seeds(study: Study, paper: Paper, lines: list[str]) -> Study:
    seeds = study.lists.get(SEED, ())
    kept = tuple(seed for seed in seeds if seed in _named(paper, SEED)) or seeds[:1]
    if len(kept) == len(seeds):
        return study
    lines.append(f"{len(kept)} of {len(seeds)} seeds")
    return replace(study, lists={**study.lists, SEED: kept})


def _fewer_epochs(study: Study, recipe: Recipe, most: int, lines: list[str]) -> Study:
    budgets = study.lists.get(EPOCHS, (recipe.training.epochs,))
    if most >= max(budgets):
        return study
    lines.append(f"at most {most} of {max(budgets)} epochs")
    kept = tuple(dict.fromkeys(min(most, number) for number in budgets))
    return replace(study, lists={**study.lists, EPOCHS: kept}, most_epochs=most)


def _frozen(recipe: Recipe) -> list[str]:
    """Settings of a backbone that is left as it is: nothing may be said of how it would be trained."""
    rate = recipe.training.learning_rate
    sets = ["model.fine_tune=none", "model.batch_norm=auto", "training.head_first=null"]
    sets += ["training.learning_rate.backbone_factor=1"] if rate.backbone_factor != 1 else []
    return sets + (["training.learning_rate.block_decay=1"] if rate.block_decay != 1 else [])


def _fewer_views(recipe: Recipe, cut: Cut, sets: list[str]) -> list[str]:
    had = recipe.training.augment.views
    if cut.views == 0 or (cut.views is not None and had is None):
        sets.append("training.augment={}")
        return ["no augmentation"]
    if cut.views is not None and had is not None and cut.views < had:
        sets.append(f"training.augment.views={cut.views}")
        return [f"{cut.views} of {had} augmented views of each training image"]
    return []


def _fewer_images(recipe: Recipe, wanted: int, data: DataFacts, sets: list[str]) -> list[str]:
    before = _images(recipe, data)
    number = max(wanted, fewest(recipe, data))
    if number >= before:
        return []
    sets.append(f"data.sample={number}")
    return [f"{number:,} of {before:,} images"]


def fewest(recipe: Recipe, data: DataFacts) -> int:
    """So many images that every class is on every side of the split.

    A sample has at least h m / n - 1 of the m images that n have of a class in one part (`data.sample`). A side that is drawn at
    random needs an image of each class.
    """
    counts = data.classes_in(recipe.data.parts)
    of_a_class = (FEWEST_OF_A_CLASS + max(len(data.in_parts), 1)) * sum(counts.values()) / min(counts.values())
    shares = [share for share in (recipe.split.test, recipe.split.validation) if share > 0]
    of_a_side = max((len(counts) / share for share in shares), default=0.0)
    return max(FEWEST, ceil(of_a_class), ceil(of_a_side))


def _fewer_pixels(study: Study, recipe: Recipe, wanted: int, sets: list[str]) -> list[str]:
    networks = [BACKBONES[name] for name in study.backbones]
    size = max(wanted, *(network.minimum_size for network in networks))
    before = recipe.images.size or max(network.default_size for network in networks)
    if size >= before:
        return []
    sets.append(f"images.size={size}")
    return [f"{size} of {before} pixels"]


def work(study: Study, data: DataFacts) -> Iterator[Work]:
    """The paths of a study."""
    recipe = study.recipe
    images, epochs = _images(recipe, data), study.lists.get(EPOCHS, (recipe.training.epochs,))
    frozen, views = recipe.model.fine_tune == "none", recipe.training.augment.views or 0
    others = prod(len(values) for key, values in study.lists.items() if key not in (EPOCHS, BACKBONE, SEED))
    folds = (recipe.split.folds or DATA_FOLDS) if recipe.split.strategy == "folds" and recipe.split.fold is None else 1
    for name in study.backbones:
        size = recipe.images.size or BACKBONES[name].default_size
        features = f"{name}/{study.weights}/{size}" if frozen else None
        for seed in study.lists.get(SEED, (recipe.seed,)):
            drawn = f"{features}/{seed}" if views else None
            one = Work(name, frozen, features, drawn, size, images, _training(recipe, images), views, max(epochs), len(epochs))
            yield from [one] * (others * folds)


def _images(recipe: Recipe, data: DataFacts) -> int:
    """Labelled images that a recipe takes of the data."""
    there = sum(data.classes_in(recipe.data.parts).values())
    return min(recipe.data.sample or there, there)


def _training(recipe: Recipe, images: int) -> int:
    """Images of the training side, roughly: parts of the data's own may have other shares."""
    return round(images * (1 - recipe.split.test - recipe.split.validation))


def _named(paper: Paper, key: str) -> set[Any]:
    """Values of a key that rows of published tables name."""
    cells: list[Mapping[str, Any] | None] = [cell.ours for table in paper.tables for cell in table.cells]
    return {ours[key] for ours in cells if ours is not None and key in ours}
