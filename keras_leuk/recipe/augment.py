"""Section of a recipe: random changes of training images."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from keras_leuk.recipe.section import Penalty, Positive, Range, Section, Share

Shift = Annotated[int, Field(ge=0)] | Penalty | tuple[float, ...]


class Augment(Section):
    """Random changes of training images, in the words of Keras' retired ImageDataGenerator and with their meaning there.

    Each draw is a function of (seed, epoch, image) alone. What the words mean, and where they deviate: `images.augmentation`.
    """

    rotation_range: float = Field(0.0, ge=0.0, le=360.0, description="degrees, to either side")
    width_shift_range: Shift = Field(
        0, description="below 1: share of the width; else pixels; an integer n: whole pixels below n; a list: one of its members"
    )
    height_shift_range: Shift = Field(0, description="as width_shift_range, of the height")
    shear_range: float = Field(0.0, ge=0.0, lt=90.0, description="degrees, to either side")
    zoom_range: Annotated[float, Field(ge=0.0, lt=1.0)] | tuple[Positive, Positive] = Field(
        0.0, description="z means [1-z, 1+z], or that pair; drawn for each axis on its own; below 1 enlarges"
    )
    horizontal_flip: bool = False
    vertical_flip: bool = False
    fill_mode: Literal["nearest", "constant", "reflect", "wrap"] = Field("nearest", description="what lies beyond the border")
    cval: float = Field(0.0, ge=0.0, le=255.0, description="grey level beyond the border with fill_mode 'constant'")
    channel_shift_range: float = Field(0.0, ge=0.0, le=255.0, description="grey levels added to all channels, to either side")
    brightness_range: Range | None = Field(None, description="factor; 1 changes nothing")
    contrast_range: Range | None = Field(None, description="factor of each channel's distance from its mean")
    gamma_range: tuple[Positive, Positive] | None = Field(None, description="exponent of the level as a share of 255")
    saturation_range: Range | None = Field(None, description="factor of the saturation (HSV)")
    hue_range: float = Field(0.0, ge=0.0, le=0.5, description="turns of the colour wheel, to either side")
    gaussian_blur: int = Field(
        0, ge=0, le=17, description="largest kernel (odd, at most 17): drawn from 1 (none), 3, 5 and so on"
    )
    salt_and_pepper: Share = Field(0.0, description="share of pixels turned white or black")
    mixup: Penalty = Field(0.0, description="alpha of mixup's Beta(alpha, alpha); 0: none (Zhang et al. 2018)")
    keep_background: bool = Field(
        False, description="colour and noise leave black background (at most 10 in every channel) as it is"
    )
    views: int | None = Field(
        None, ge=1, le=1000, description="frozen backbone: this many fixed augmented views an image, one after another by epoch"
    )

    @field_validator("gaussian_blur")
    @classmethod
    def _kernel_is_odd(cls, value: int) -> int:
        if value and (value < 3 or value % 2 == 0):
            raise ValueError(f"a kernel has an odd side from 3 to 17, not {value}")
        return value

    @field_validator("zoom_range", "brightness_range", "contrast_range", "gamma_range", "saturation_range")
    @classmethod
    def _low_before_high(cls, value: Any) -> Any:
        if isinstance(value, tuple) and value[0] > value[1]:
            raise ValueError(f"the lower end comes first: [{value[1]}, {value[0]}]")
        return value

    @field_validator("width_shift_range", "height_shift_range")
    @classmethod
    def _some_shift(cls, value: Any) -> Any:
        if value == ():
            raise ValueError("an empty list holds no shift to draw; give 0")
        return value

    @property
    def operations(self) -> tuple[str, ...]:
        """Names of the operations that change pictures, in the order in which they are applied."""
        drawn = (
            ("rotation_range", self.rotation_range > 0),
            ("width_shift_range", _shifts(self.width_shift_range)),
            ("height_shift_range", _shifts(self.height_shift_range)),
            ("shear_range", self.shear_range > 0),
            ("zoom_range", self.zoom_range not in (0.0, (1.0, 1.0))),
            ("horizontal_flip", self.horizontal_flip),
            ("vertical_flip", self.vertical_flip),
            ("channel_shift_range", self.channel_shift_range > 0),
            ("brightness_range", self.brightness_range is not None),
            ("contrast_range", self.contrast_range is not None),
            ("gamma_range", self.gamma_range is not None),
            ("saturation_range", self.saturation_range is not None),
            ("hue_range", self.hue_range > 0),
            ("gaussian_blur", self.gaussian_blur > 0),
            ("salt_and_pepper", self.salt_and_pepper > 0),
            ("mixup", self.mixup > 0),
        )
        return tuple(name for name, wanted in drawn if wanted)


def _shifts(value: Any) -> bool:
    return any(value) if isinstance(value, tuple) else value > 0
