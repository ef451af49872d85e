"""Floor 1: the validated, immutable configuration of a run. Start at `load`."""

from keras_leuk.recipe.loading import load, resolved_yaml, shipped, shipped_text
from keras_leuk.recipe.schema import Recipe

__all__ = ["Recipe", "load", "resolved_yaml", "shipped", "shipped_text"]
