"""What each paper's full replication would take: on the reference machine, and on a GPU whose speed is published.

    python benchmarks/projected_costs.py > reports/costs.md

Nothing is trained. Images times epochs come from the recipes and grids of `experiments/` under both protocols, on the full data
of the papers; costs of an image in each network from keras_leuk/papers/unit_costs.csv (benchmarks/unit_costs.py measures them).
"""

from __future__ import annotations

from keras_leuk.papers.library import Paper, papers
from keras_leuk.papers.replicate_budget import work
from keras_leuk.papers.replicate_costs import costs_of, seconds, unit_costs
from keras_leuk.papers.replicate_data import DataFacts
from keras_leuk.papers.replicate_request import Wanted, studies

TRAINING = {"HEM": 3389, "ALL": 7272}
PRELIMINARY = {"HEM": 648, "ALL": 1219}
JOBS = 2

GPU_IMAGES_PER_SECOND = 412.0
"""ResNet-50, training, float32, one NVIDIA V100 16 GB, batches of 128, as NVIDIA publishes it."""
GPU_SOURCE = "https://github.com/NVIDIA/DeepLearningExamples/tree/master/TensorFlow/Classification/ConvNets/resnet50v1.5"


def main() -> None:
    speedup = GPU_IMAGES_PER_SECOND * costs_of("resnet50").step_ms / 1000
    lines = [
        "# What the full replications would take",
        "",
        "Projected, not run: `python benchmarks/projected_costs.py`.",
        "",
        f"- **CPU**: 2 cores with AVX2, {JOBS} processes at a time for heads. Measured there: an image in each network",
        "  (`keras_leuk/papers/unit_costs.csv`; random weights, float32, 224 px, batches of 32), as processor time over cores,",
        f"  which is the least that a pass can take. Not measured, taken to cost like the dearest that was: {_unmeasured()}.",
        f"- **GPU**: one NVIDIA V100 16 GB, float32. Published: {GPU_IMAGES_PER_SECOND:g} images/s in training a ResNet-50",
        f"  ([NVIDIA]({GPU_SOURCE})). Not measured.",
        f"- **Assumed**: every network gains by the same factor, {speedup:.0f}; heads, evaluation and starting processes take as",
        "  long as on the CPU; images of another size cost by their number of pixels; early stopping never comes.",
        "",
        "| paper | reading | protocol | trainings | cells | CPU | GPU |",
        "| --- | --- | --- | --: | --: | --: | --: |",
    ]
    for paper in papers():
        for arm in _arms(paper):
            for protocol in ("paper", "honest"):
                lines.append(_row(paper, arm, protocol, speedup))
    print("\n".join(lines))


def _unmeasured() -> str:
    names = {
        path.backbone
        for paper in papers()
        for protocol in ("paper", "honest")
        for study in studies(paper, Wanted("demo", (protocol,)))[0]
        for path in work(study, _data(paper))
    }
    return ", ".join(sorted(names - unit_costs().keys())) or "none"


def _arms(paper: Paper) -> list[str]:
    """The default reading, and a frozen one where the paper has such an arm."""
    default = next(arm.name for arm in paper.arms if arm.default)
    return [default, *(name for name in ("frozen",) if name != default and any(arm.name == name for arm in paper.arms))]


def _row(paper: Paper, arm: str, protocol: str, speedup: float) -> str:
    found, _ = studies(paper, Wanted("demo", (protocol,), arm))
    data = _data(paper)
    paths = [path for study in found for path in work(study, data)]
    cpu, gpu = seconds(paths, 1.0, JOBS), seconds(paths, 1.0, JOBS, speedup)
    cells = sum(path.cells for path in paths)
    return f"| {paper.key} | {arm} | {protocol} | {len(paths)} | {cells} | {_words(cpu)} | {_words(gpu)} |"


def _data(paper: Paper) -> DataFacts:
    """The full data of a paper, as its readers would see them."""
    if set(paper.facts.data.images) == set(TRAINING):
        classes = {name: TRAINING[name] + PRELIMINARY[name] for name in TRAINING}
        return DataFacts("C-NMC 2019", False, classes, "ALL", 101, (), {}, {"training": TRAINING, "preliminary": PRELIMINARY})
    classes = dict(paper.facts.data.images)
    return DataFacts(paper.facts.data.name, False, classes, None, None, (), {}, {"": classes})


def _words(value: float) -> str:
    if value < 5400:
        return f"{value / 60:.0f} min"
    return f"{value / 3600:.1f} h" if value < 172_800 else f"{value / 86_400:.1f} days"


if __name__ == "__main__":
    main()
