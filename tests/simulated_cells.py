"""Made-up cells of made-up subjects, with the truth known: features are normal around their class and their subject."""

from __future__ import annotations

import numpy as np
import pandas as pd


def simulated(subjects=40, per=15, classes=("HEM", "ALL"), apart=3.0, subject_sd=0.3, flips=0.0, width=12, seed=0):
    """Table of images, features, and which labels were flipped.

    Args:
        apart: distance of two classes in standard deviations of a cell; subject_sd: of the subjects' own shift, in each feature.
        flips: share of the labels that are wrong.
    """
    draw = np.random.default_rng(seed)
    count = draw.integers(max(2, per // 2), per * 3 // 2 + 1, size=subjects)
    whose = np.repeat(np.arange(subjects), count)
    true = whose % len(classes)
    centre = np.linalg.qr(draw.normal(size=(width, width)))[0][: len(classes)] * apart / np.sqrt(2)
    shift = draw.normal(size=(subjects, width)) * subject_sd
    features = (centre[true] + shift[whose] + draw.normal(size=(len(whose), width))).astype(np.float32)
    wrong = draw.random(len(whose)) < flips
    label = np.where(wrong, (true + 1) % len(classes), true)
    names = [f"s{who}/{i:05}.png" for i, who in enumerate(whose)]
    images = pd.DataFrame({"image": names, "label": [classes[k] for k in label]})
    for column in ("subject", "group"):
        images[column] = pd.Series([f"s{who}" for who in whose], dtype=object)
    return images, features, wrong
