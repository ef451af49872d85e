"""What cells stand on: data, cached pictures, first weights and splits; each looked up once for all cells that share it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from keras_leuk.data.splits import SplitResult
from keras_leuk.models import heads
from keras_leuk.progress import Progress, Quiet, Recorder
from keras_leuk.recipe import Recipe
from keras_leuk.store.address import address
from keras_leuk.training.engines import engine_facts
from keras_leuk.training.materials import Materials, gather
from keras_leuk.training.preflight import check, split_seed, weights_seed
from keras_leuk.training.run import complete, make_splits


class Ground:
    """Looks up, and remembers, what recipes stand on.

    Args:
        cache: folder of shared work, filled with decoded pictures on the way.
    """

    def __init__(self, cache: Path, progress: Progress):
        self.cache = cache
        # The first look at anything is told in full.
        self._first, self._later = Recorder(progress), Quiet(progress)
        self._materials: dict[str, Materials] = {}
        self._splits: dict[str, list[SplitResult]] = {}
        self._hashes: dict[str, str] = {}
        self._fingerprints: dict[int, str] = {}

    def resolve(self, recipe: Recipe) -> Recipe:
        """The recipe with everything filled in that was left to be decided.

        Raises:
            LeukError: names, data, weights, images or split are wrong.
        """
        check(recipe)
        materials = self.materials(recipe)
        splits = self._split(materials)
        resolved = complete(materials, splits)
        # The resolved recipe stands on the very same.
        self._materials.setdefault(_key(resolved), materials)
        self._splits.setdefault(self._split_key(self.materials(resolved)), splits)
        return resolved

    def materials(self, recipe: Recipe) -> Materials:
        """Data, pictures and first weights of a recipe."""
        key = _key(recipe)
        if key not in self._materials:
            self._materials[key] = gather(recipe, cache=self.cache, progress=self._listener(first=not self._materials))
        found = self._materials[key]
        # The demo may have been given random weights and another head; the rest is the cell's own.
        own = recipe.model_copy(update={"model": found.recipe.model})
        return replace(found, recipe=own, parts=check(own))

    def splits(self, recipe: Recipe) -> list[SplitResult]:
        """The split of a recipe; one a fold in a cross-validation."""
        return self._split(self.materials(recipe))

    def facts(self, recipe: Recipe) -> dict[str, Any]:
        """Data, split and weights by their content, for addresses."""
        materials = self.materials(recipe)
        return {
            "data": self._fingerprint(materials),
            "split": self._split_hash(materials),
            "weights": materials.weights.facts(),
            **engine_facts(materials.recipe.model.engine),
        }

    def features(self, recipe: Recipe) -> str | None:
        """Stands for what a frozen backbone makes of the pictures; None if nothing is stored of it."""
        if recipe.model.fine_tune != "none" or recipe.model.features == "hand":
            return None
        materials = self.materials(recipe)
        augment, classical = recipe.training.augment, heads.classical(recipe.model.head)
        return address(
            {
                "pictures": materials.pictures.store.address,
                "data": self._fingerprint(materials),
                "backbone": materials.parts.backbone.name,
                "weights": materials.weights.facts(),
                "pooling": materials.parts.head.pooling if classical is None else "avg",
                "rescale": recipe.images.rescale,
                "mixed_precision": recipe.training.mixed_precision,
                "views": augment.model_dump(mode="json") | {"seed": recipe.seed} if augment.views is not None else None,
                **engine_facts(materials.recipe.model.engine),
                **({"dtype": recipe.model.features_dtype} if recipe.model.features_dtype != "float32" else {}),
            }
        )

    def _listener(self, first: bool) -> Progress:
        self._later.warned |= set(self._first.warnings)
        return self._first if first else self._later

    def _split(self, materials: Materials) -> list[SplitResult]:
        key = self._split_key(materials)
        if key not in self._splits:
            self._splits[key] = make_splits(materials, self._listener(first=not self._splits))
        return self._splits[key]

    def _split_hash(self, materials: Materials) -> str:
        key = self._split_key(materials)
        if key not in self._hashes:
            text = "\n".join(
                "\t".join(row) for result in self._split(materials) for row in result.rows[["image", "split"]].to_numpy(dtype=str)
            )
            self._hashes[key] = hashlib.sha256(text.encode()).hexdigest()
        return self._hashes[key]

    def _split_key(self, materials: Materials) -> str:
        recipe = materials.recipe
        asked = recipe.split.model_dump(mode="json", exclude={"seed"})
        return address({"data": self._fingerprint(materials), "split": asked, "seed": split_seed(recipe)})

    def _fingerprint(self, materials: Materials) -> str:
        # The rows of remembered materials stay where they are, so their identity stands for them.
        rows = id(materials.rows)
        if rows not in self._fingerprints:
            self._fingerprints[rows] = materials.fingerprint
        return self._fingerprints[rows]


def _key(recipe: Recipe) -> str:
    """Stands for everything of a recipe that materials depend on."""
    return address(
        {
            "data": recipe.data.model_dump(mode="json"),
            "images": recipe.images.model_dump(mode="json"),
            "model": recipe.model.model_dump(mode="json"),
            "seed": weights_seed(recipe),
            # The engine depends on it.
            "precision": recipe.training.mixed_precision,
        }
    )
