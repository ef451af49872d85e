"""Sections of a recipe: which images, on which side each stands, and what is done to them before the network."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from keras_leuk.recipe.section import Section, Share

Strategy = Literal["auto", "subject", "random", "official", "folds", "table"]
Part = Literal["training", "preliminary", "validation", "test"]


class Data(Section):
    """Which images, and what their labels mean."""

    path: str = Field("demo", description="folder, CSV/TSV table, or generated cells: 'demo', 'demo:leukocytes'", min_length=1)
    reader: str = Field("auto", description="auto recognises by looking; cnmc, folders, table, demo")
    parts: tuple[Part, ...] | None = Field(None, description="use only these parts of the data (null: all labelled images)")
    sample: int | None = Field(
        None,
        ge=2,
        description="use only so many of the labelled images, in the shares of the data; a larger sample holds a smaller one "
        "(null: all)",
    )
    classes: tuple[str, ...] | None = Field(None, description="label order (null: the reader's own, which is printed)")
    positive: str | None = Field(
        None, description="positive class of a two-class problem (null: the one named like a disease, such as ALL, else the last)"
    )
    unreadable: Literal["error", "skip"] = Field(
        "error", description="an image that cannot be decoded stops the run, or is left out and listed"
    )


class Split(Section):
    """Which image stands on which side."""

    strategy: Strategy = Field("auto", description="auto: subject where subjects are known, else the data's own, else random")
    test: Share = Field(0.2, description="share of the images used for testing (subject, random)")
    validation: Share = Field(
        0.2,
        description="share used for validation: of all images (subject, random) or of the training side (official, folds, table)",
    )
    folds: int | None = Field(None, ge=2, le=100, description="number of folds (null: the data's own folds)")
    fold: str | None = Field(None, description="train this fold only (null: all of them)")
    file: str | None = Field(None, description="reuse this split.csv of another run")
    balanced: bool = Field(
        False, description="random: as many images of each class for test, and for validation; the rest is trained on"
    )
    drop_linked: bool = Field(
        False,
        description="official, table, folds: leave out what would be trained or validated on and is linked to the test side: "
        "subjects that count as one with a tested subject, and equal images",
    )
    seed: int | None = Field(None, ge=0, lt=2**31, description="seed of the split (null: the run's seed)")
    link_subjects: Literal["auto", "none", "equal", "known", "audited"] = Field(
        "auto",
        description="subjects that count as one: none; equal (hold equal images); known (those, and C-NMC's known groups); "
        "audited (those, and whoever holds the same cell, by a search); auto: audited where the cache has a search of these "
        "images, else known",
    )

    @field_validator("fold", mode="before")
    @classmethod
    def _fold_is_a_name(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _leaves_training(self) -> Split:
        if self.strategy in ("auto", "subject", "random") and self.test + self.validation >= 1.0:
            raise ValueError(f"test {self.test} + validation {self.validation} leave nothing to train on")
        if (self.folds is not None or self.fold is not None) and self.strategy != "folds":
            raise ValueError(f"folds and fold need strategy 'folds', not {self.strategy!r}")
        if self.file is not None and self.strategy == "folds":
            raise ValueError("file cannot be combined with strategy 'folds'")
        return self

    @model_validator(mode="after")
    def _goes_with_the_strategy(self) -> Split:
        if self.balanced and self.strategy != "random":
            raise ValueError(f"balanced needs strategy 'random', not {self.strategy!r}")
        if self.drop_linked and self.strategy not in ("official", "table", "folds"):
            raise ValueError(f"drop_linked needs strategy 'official', 'table' or 'folds', not {self.strategy!r}")
        return self


class Images(Section):
    """Deterministic steps between a file and the network's input, in this order; all but the last once, into the image cache."""

    crop: Literal["none", "center", "cell"] = Field(
        "none", description="center: a square around the middle; cell: a square around the largest thing that is not background"
    )
    crop_size: Annotated[int, Field(ge=1, le=65536)] | Annotated[float, Field(gt=0.0, le=1.0)] | None = Field(
        None, description="side of the centre crop: pixels, or a share of the shorter side (null: the shorter side)"
    )
    crop_margin: float | None = Field(
        None, ge=0.0, le=2.0, description="rim left around the cell, as a share of its longer side (null: 0.1)"
    )
    contrast: Literal["none", "stretch", "equalize", "adaptive"] = Field(
        "none",
        description="on the lightness: stretch its 2nd to 98th percentile, equalise its histogram, or that by tiles (CLAHE)",
    )
    size: int | None = Field(None, ge=1, le=4096, description="side of the square input in pixels (null: the backbone's own)")
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos", "area"] = Field(
        "bilinear", description="resampling; but for nearest, a picture of twice the size or more is first averaged by blocks"
    )
    rescale: Literal["backbone", "1/255", "none", "1/255+backbone"] = Field(
        "backbone",
        description="what the network is fed: its own preprocessing; 0..1 or 0..255 in its place; or its own applied to 0..1",
    )

    @model_validator(mode="after")
    def _crop_settings_belong_together(self) -> Images:
        if self.crop_size is not None and self.crop != "center":
            raise ValueError(f"crop_size needs crop 'center', not {self.crop!r}")
        if self.crop_margin is not None and self.crop != "cell":
            raise ValueError(f"crop_margin needs crop 'cell', not {self.crop!r}")
        return self
