"""Made-up numbers of a machine, as `keras_leuk.bench.run.bench` gives them."""

from __future__ import annotations

from typing import Any

from keras_leuk.bench.projection import Grid, project
from keras_leuk.bench.turns import OURS, Span, Turns, summary

GRID = Grid("fata2023", 10661, 8528, 2133, ("vgg16", "resnet50"), 2, (10, 20, 30, 40, 50, 60, 80, 100), 224)


def stage(
    name: str, backbone: str | None, images: int, beside: tuple[str, ...] = (), repeats: int = 3, **ways: tuple[float, float]
) -> dict[str, Any]:
    """A stage whose ways have so many images/s and cores at work; the speed wavers by 10 % from turn to turn."""

    def span(rate: float, cores: float, turn: int) -> Span:
        seconds = images / (rate * (1 + 0.1 * ((turn + 1) % 3 - 1)))
        return Span(images, seconds, cores * seconds)

    spans = {way: tuple(span(rate, cores, turn) for turn in range(repeats)) for way, (rate, cores) in ways.items()}
    return {"stage": name, "backbone": backbone, "size": 224, **summary(Turns(images, spans, 1.5), beside=beside)}


def facts(**machine: Any) -> dict[str, Any]:
    """A whole measurement of two networks, one without fine-tuning."""
    stages = [
        stage("decode", None, 224, **{OURS: (900.0, 1.2), "OpenCV, bilinear": (1500.0, 1.9)}),
        stage("augment", None, 4096, **{OURS: (2400.0, 1.9), "OpenCV's warpAffine": (3900.0, 2.0)}),
        stage(
            "extract",
            "mobilenet",
            224,
            ("notebook",),
            **{OURS: (104.0, 2.0), "the pass alone (tensorflow)": (107.0, 2.0), "notebook": (49.0, 1.8)},
        ),
        stage(
            "head",
            "mobilenet",
            85120,
            ("Model.fit",),
            **{OURS: (15000.0, 1.1), "a compiled loop": (17000.0, 1.5), "Model.fit": (5200.0, 1.2)},
        ),
        stage("fine-tune", "mobilenet", 64, **{OURS: (18.1, 1.9), "Model.fit on tensors": (18.3, 1.9)}),
        stage(
            "extract",
            "vgg16",
            32,
            ("notebook",),
            1,
            **{OURS: (5.5, 2.0), "the pass alone (tensorflow)": (5.6, 2.0), "notebook": (5.2, 1.9)},
        ),
        stage(
            "head",
            "vgg16",
            85120,
            ("Model.fit",),
            **{OURS: (21000.0, 1.1), "a compiled loop": (20000.0, 1.5), "Model.fit": (6100.0, 1.2)},
        ),
    ]
    return {
        "command": ["keras-leuk", "bench", "--out", "here"],
        "machine": {
            "uses": "CPU, 2 cores",
            "gpus": [],
            "hardware": [],
            "advice": None,
            "cpu": {"cores": 2, "machine": "x86_64", "avx512": False},
            "onednn": {"TF_ENABLE_ONEDNN_OPTS": "1", "set_by": "keras-leuk"},
            "versions": {"python": "3.11.7", "keras-leuk": "0.1.0", "tensorflow": "2.21.0", "keras": "3.15.1"},
            "processor": "A Processor @ 2.00GHz",
            "system": "Linux x86_64",
            "threads": 2,
            "free_memory_bytes": 8.0e9,
            "load": 0.2,
            **machine,
        },
        "settings": {
            "backbones": ["mobilenet", "vgg16"],
            "image_size": None,
            "engine": "auto",
            "engines": {"mobilenet": "tensorflow", "vgg16": "tensorflow"},
            "threads": 2,
            "seconds": 90.0,
            "images": "224 generated 24-bit bitmaps, 450×450 pixels",
            "batch": 32,
            "head": "fata2023",
            "augmentation": "mantri2024-augmentation",
        },
        "stages": stages,
        "not_measured": [{"stage": "fine-tune", "backbone": "vgg16", "why": "it needs about 54 s; 21 of 90 s were left"}],
        "projection": project(GRID, stages),
    }
