"""Every flag that overrides a key of the recipe arrives there."""

from __future__ import annotations

import pytest

from keras_leuk.cli.options import _recipe_options
from keras_leuk.cli.train import recipe_keys
from keras_leuk.recipe import load


@pytest.mark.parametrize("flag", [name for name, _ in _recipe_options()])
def test_every_flag_has_a_key(flag: str) -> None:
    (key,) = recipe_keys({flag.removeprefix("--").replace("-", "_"): "4"}).keys() - {"split.strategy"} or {"split.strategy"}
    value: object = load()
    for part in key.split("."):
        value = getattr(value, part)


def test_engine_and_type_of_features_are_set_by_their_flags() -> None:
    recipe = load(flags=recipe_keys({"engine": "xla", "features_dtype": "float16", "epochs": None}))
    assert (recipe.model.engine, recipe.model.features_dtype) == ("xla", "float16")
    assert load().model.engine == "auto"
