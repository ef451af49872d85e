"""The twelve kinds of leukocytes that the second demo draws: what each looks like on average, and what it is taken for.

The numbers are chosen by eye after textbook descriptions, to look plausible on a smear; they are measured on nobody.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """How the cells of a class look on average. Lengths are in half picture widths, or shares of the cell's radius where said."""

    radius: float  # of the cell
    nucleus: float  # half the thickness of the nucleus, share of the radius
    span: float  # radians of arc along which the nucleus is bent: 0 is round, 4 a horseshoe
    lobes: float  # number of lobes, where the nucleus is pinched
    pinch: float  # how far it is pinched between lobes, 0 to 1
    offset: float  # of the nucleus from the middle, share of the radius
    stain: float  # amount of dye in the nucleus
    clumping: float  # share of coarse, clumped chromatin; the rest is fine
    nucleoli: float  # expected number of pale nucleoli
    cytoplasm: tuple[float, float, float]  # optical density in red, green, blue
    granules: float  # expected number
    granule: float  # radius of one
    granule_dye: tuple[float, float, float]  # optical density
    over: float  # share of granules that show above the nucleus
    hair: float  # length of the hairs of the outline, share of the radius
    pale: float  # clearing beside the nucleus, and vacuoles: 0 to 1


_NONE = (0.0, 0.0, 0.0)
_AZURE, _LILAC = (0.20, 0.55, 0.18), (0.10, 0.24, 0.10)
_ORANGE, _DARK = (0.03, 0.42, 0.62), (1.00, 1.05, 0.42)
_PINK, _ROSE = (0.07, 0.15, 0.08), (0.14, 0.20, 0.09)

KINDS = {
    "BAS": Kind(0.47, 0.38, 2.2, 2.2, 0.40, 0.08, 0.85, 0.60, 0.0, _ROSE, 46.0, 0.046, _DARK, 0.85, 0.00, 0.0),
    "BLA": Kind(0.52, 0.85, 0.1, 1.0, 0.00, 0.06, 0.78, 0.12, 2.2, (0.36, 0.26, 0.09), 0.0, 0.020, _NONE, 0.0, 0.00, 0.0),
    "EOS": Kind(0.53, 0.32, 2.5, 2.2, 0.65, 0.12, 1.05, 0.70, 0.0, (0.05, 0.18, 0.16), 150.0, 0.034, _ORANGE, 0.1, 0.00, 0.0),
    "HAC": Kind(0.45, 0.66, 0.3, 1.0, 0.00, 0.12, 0.95, 0.45, 0.3, (0.20, 0.17, 0.08), 0.0, 0.020, _NONE, 0.0, 0.16, 0.1),
    "LYT": Kind(0.39, 0.83, 0.1, 1.0, 0.00, 0.08, 1.15, 0.75, 0.1, (0.27, 0.18, 0.06), 2.0, 0.020, _AZURE, 0.1, 0.00, 0.0),
    "MMZ": Kind(0.54, 0.43, 1.8, 1.0, 0.00, 0.22, 1.00, 0.65, 0.0, _PINK, 45.0, 0.018, _LILAC, 0.1, 0.00, 0.0),
    "MON": Kind(0.64, 0.44, 2.1, 1.6, 0.15, 0.12, 0.78, 0.35, 0.2, (0.27, 0.23, 0.12), 25.0, 0.014, _LILAC, 0.1, 0.02, 0.6),
    "MYB": Kind(0.57, 0.64, 0.4, 1.0, 0.00, 0.22, 0.95, 0.50, 0.1, _ROSE, 60.0, 0.020, _LILAC, 0.2, 0.00, 0.2),
    "NGB": Kind(0.52, 0.23, 3.6, 1.0, 0.10, 0.05, 1.10, 0.75, 0.0, _PINK, 45.0, 0.017, _LILAC, 0.1, 0.00, 0.0),
    "NGS": Kind(0.52, 0.25, 4.4, 3.2, 0.92, 0.05, 1.20, 0.85, 0.0, _PINK, 45.0, 0.017, _LILAC, 0.1, 0.00, 0.0),
    "PLM": Kind(0.51, 0.51, 0.1, 1.0, 0.00, 0.36, 1.10, 0.95, 0.1, (0.58, 0.42, 0.14), 0.0, 0.020, _NONE, 0.0, 0.00, 0.9),
    "PMO": Kind(0.63, 0.70, 0.2, 1.0, 0.00, 0.18, 0.85, 0.28, 1.4, (0.33, 0.27, 0.10), 75.0, 0.021, _AZURE, 0.4, 0.00, 0.2),
}
"""By the names of the public set: basophil, blast, eosinophil, hairy cell, lymphocyte, metamyelocyte, monocyte, myelocyte, band
neutrophil, segmented neutrophil, plasma cell, promyelocyte."""

NEIGHBOURS = {
    "BAS": ("NGS", "LYT", "EOS"),
    "BLA": ("PMO", "LYT", "MON"),
    "EOS": ("NGS", "NGB", "MYB"),
    "HAC": ("LYT", "MON"),
    "LYT": ("HAC", "BLA", "PLM"),
    "MMZ": ("MYB", "NGB", "MON"),
    "MON": ("MMZ", "BLA"),
    "MYB": ("PMO", "MMZ"),
    "NGB": ("MMZ", "NGS"),
    "NGS": ("NGB",),
    "PLM": ("LYT", "PMO"),
    "PMO": ("BLA", "MYB"),
}
"""What a cell of a class may be on its way to, or be taken for."""
