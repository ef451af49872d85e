"""What a measurement is asked for, checked before TensorFlow is imported."""

from __future__ import annotations

from dataclasses import dataclass

from keras_leuk.errors import UsageError
from keras_leuk.models.backbones import Backbone, find
from keras_leuk.recipe import load
from keras_leuk.training.preflight import check

BACKBONES = ("mobilenet", "vgg16")
"""Measured where none are named: a network that is bound by memory and one that is bound by arithmetic."""

SECONDS = 100.0
"""Of measuring, where nothing is said: with starting TensorFlow and drawing the page, two minutes on 2 cores."""

FEWEST_SECONDS = 2.0

AUTO = "auto"


@dataclass(frozen=True)
class Request:
    """What is measured.

    Attributes:
        backbones: names of networks, each once.
        image_size: side of the input in pixels, None for each network's own.
        engine: of the forward pass; `auto` takes what training would take.
        seconds: that measuring may take; starting TensorFlow and drawing the page come on top.
        data: folder or table of images, None for generated bitmaps.
    """

    backbones: tuple[str, ...] = BACKBONES
    image_size: int | None = None
    engine: str = AUTO
    seconds: float = SECONDS
    data: str | None = None

    def __post_init__(self) -> None:
        if self.seconds < FEWEST_SECONDS:
            raise UsageError(f"--seconds {self.seconds:g} is too short to measure anything; give {FEWEST_SECONDS:g} or more")
        twice = [name for place, name in enumerate(self.backbones) if name in self.backbones[:place]]
        if twice:
            raise UsageError(f"--backbones names {twice[0]!r} twice")
        for name in self.backbones:
            check(load(None, flags={"model.backbone": name, "images.size": self.image_size, "model.engine": self.engine}))

    @property
    def networks(self) -> tuple[Backbone, ...]:
        """Their records.

        Raises:
            RecipeError: there is no backbone of that name.
        """
        return tuple(find(name) for name in self.backbones)

    def size_of(self, network: Backbone) -> int:
        """Side of a network's input in pixels."""
        return self.image_size or network.default_size
