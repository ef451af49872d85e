"""The performance page of the project, from what was measured: speeds of the stages, and the ratios of the other benchmarks.

    keras-leuk bench --out reports/performance
    python benchmarks/engines.py > reports/performance/engines.md      # and so on, see RATIOS
    python benchmarks/engines.py --isa avx2 > reports/performance/engines_avx2.md
    python benchmarks/performance.py > reports/performance.md

Measures nothing. A benchmark whose output is not there is named with the command that makes it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from keras_leuk.reporting.bench import read_bench
from keras_leuk.reporting.bench_page import machine_table, not_measured, plain_table, projection_table, stages_table
from keras_leuk.reporting.bench_words import sentences, warnings
from keras_leuk.reporting.page import markdown_table

RATIOS = {
    "engines": (
        "Engines of the forward pass",
        "extraction by `auto` against `Model.predict` as installed, up to its last batch and (whole) up to its return, for which "
        "it waits up to as long again, at most a minute; against each engine alone; and, in GFLOP/s, a product of matrices",
    ),
    "engines --isa avx2": ("Engines without AVX-512", "the same with AVX2 at most; 'oneDNN off' is what is installed there"),
    "head_epochs": ("Epochs of a head", "our epochs on stored features against `Model.fit` on the same array in memory"),
    "training": ("Fine-tuning", "our feed and steps against bare `Model.fit` on tensors; a frozen epoch against the notebook's"),
    "cold_start": ("Cold start", "from typing `keras-leuk train` to the first step, by what takes it"),
    "memory": ("Memory", "peak memory with 40,000 images against 4,000"),
    "decoding": ("Decoding", "files to cached squares against loops with Pillow, OpenCV and tf.io"),
    "augmentation": ("Augmentation", "our batches against ImageDataGenerator, Keras' layers and bare `warpAffine`"),
    "grid": ("A grid", "a small grid, ours against one `Model.fit` a cell; fata2023's projected"),
}
"""Script of benchmarks/, with its options → heading, and what is compared."""


def main() -> None:
    """Prints the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("reports/performance"), help="bench.json and outputs of the others")
    folder = parser.parse_args().folder
    facts = read_bench(folder)
    command = " ".join(facts["command"])
    lines = [
        "# Performance",
        "",
        "Every stage of training beside its own ceiling, and ratios against the plain way, each pair measured in one",
    ]
    lines += ["run, turn by turn. Speeds hold for the machine below; `keras-leuk bench` measures yours in two minutes.", ""]
    lines += [f"> - **Warning:** {line}" for line in warnings(facts)] + [""]
    lines += ["## The stages", "", f"`{command}`; the page, with figure and every turn: [bench.md]({folder.name}/bench.md).", ""]
    lines += [
        markdown_table(stages_table(facts)),
        "",
        f"![Speed of each stage beside its ceiling]({folder.name}/figures/bench.png)",
        "",
    ]
    lines += ["What limits them:", "", *(f"- {line}" for line in sentences(facts)), ""]
    plain = plain_table(facts)
    lines += [markdown_table(plain), ""] if plain is not None else []
    lines += ["Not measured:", "", *(f"- {line}" for line in not_measured(facts)), ""]
    if facts["projection"] is not None:
        lines += ["## What it means for a grid", "", markdown_table(projection_table(facts)), ""]
    lines += ["## Ratios", ""]
    for run, (title, compared) in RATIOS.items():
        script, *given = run.split()
        command = " ".join([f"python benchmarks/{script}.py", *given])
        file = folder / f"{'_'.join([script, *given[1::2]])}.md"
        lines += [f"### {title}", "", f"`{command}`: {compared}.", "", *_output(file, command), ""]
    lines += ["## The machine", "", markdown_table(machine_table(facts))]
    print("\n".join(lines))


def _output(file: Path, command: str) -> list[str]:
    """What a benchmark printed: Markdown as it is, everything else set apart."""
    if not file.is_file():
        return [f"Not measured yet: `{command} > {file}`."]
    text = file.read_text(encoding="utf-8").strip()
    return [text] if any(line.startswith("| ") for line in text.splitlines()) else ["```", text, "```"]


if __name__ == "__main__":
    main()
