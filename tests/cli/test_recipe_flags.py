"""Every flag that overrides a key of the recipe arrives there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from keras_leuk.cli.options import _recipe_options
from keras_leuk.cli.train import recipe_keys
from keras_leuk.recipe import load


def every_key(section: BaseModel, above: str = "") -> Iterator[str]:
    """Dotted keys of the recipe, those of sections included."""
    for name in type(section).model_fields:
        yield above + name
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from every_key(value, f"{above}{name}.")


@pytest.mark.parametrize("flag", [name for name, _ in _recipe_options()])
def test_every_flag_has_a_key(flag: str) -> None:
    keys = set(recipe_keys({flag.removeprefix("--").replace("-", "_"): "4"}))
    assert keys
    assert keys <= set(every_key(load()))


def test_engine_and_type_of_features_are_set_by_their_flags() -> None:
    recipe = load(flags=recipe_keys({"engine": "xla", "features_dtype": "float16", "epochs": None}))
    assert (recipe.model.engine, recipe.model.features_dtype) == ("xla", "float16")
    assert load().model.engine == "auto"
