"""What a measurement of a machine says in words: names, speeds, durations, and what limits each stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

OURS = "ours"

_BARE = {
    "decode": "decoding and resizing themselves take",
    "augment": "resampling pixels itself takes",
    "extract": "the network's pass itself takes",
    "head": "the head's training steps themselves take",
    "fine-tune": "the network's training steps themselves take",
}
"""What the ceiling does."""

_BESIDE = {
    "decode": "hashing and writing the cache",
    "augment": "reading, drawing the parameters, all but affine changes, and handing batches over",
    "extract": "reading pictures and writing features",
    "head": "reading rows in a new order and keeping the history",
    "fine-tune": "reading, augmenting and keeping the history",
}
"""What ours does beside."""

NEAR = 0.9
"""From this share on a stage is taken to run at its ceiling."""

ALL_AT_WORK = 0.85
"""From this share of the threads on, all of them are taken to be at work."""

ON_A_GPU = ("extract", "head", "fine-tune")


def name(stage: Mapping[str, Any]) -> str:
    """'decode', or 'extract, vgg16'."""
    return f"{stage['stage']}, {stage['backbone']}" if stage["backbone"] else str(stage["stage"])


def speed(value: float) -> str:
    """'12,345', '12.3', '1.23': three digits at least, no more than needed."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def speeds(number: Mapping[str, float]) -> str:
    """'107 (95.2–113)': median and range."""
    return f"{speed(number['value'])} ({speed(number['low'])}–{speed(number['high'])})"


def percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def percents(number: Mapping[str, float]) -> str:
    """'93 % (88–97)': median and range."""
    return f"{percent(number['value'])} ({100 * number['low']:.0f}–{100 * number['high']:.0f})"


def times(ratio: float) -> str:
    """'147 times', '2.5 times'."""
    return f"{ratio:,.0f} times" if ratio >= 10 else f"{ratio:.1f} times"


def duration(seconds: float) -> str:
    """'45 s', '12 min', '3.1 h', '19.4 days'."""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:,.1f} days"


def hardware(facts: Json) -> str:
    """Processor, cores, threads, and the GPUs that were used."""
    machine, threads = facts["machine"], facts["settings"]["threads"]
    gpu = f", {machine['uses']}" if machine["gpus"] else ""
    return f"{machine['processor']}, {machine['cpu']['cores']} cores, {threads} thread{'s' * (threads != 1)}{gpu}"


def engines(facts: Json) -> str:
    """'openvino 2026.4', or each network's where they differ; what was asked for where none was measured."""
    found = facts["settings"]["engines"]
    if len(set(found.values())) <= 1:
        return str(next(iter(found.values()), facts["settings"]["engine"]))
    return ", ".join(f"{engine} ({network})" for network, engine in found.items())


def busy(facts: Json) -> bool:
    """Whether others were at work before the measurement began."""
    load = facts["machine"]["load"]
    return load is not None and load > 0.5 * facts["settings"]["threads"]


def limit(stage: Mapping[str, Any], facts: Json) -> str:
    """One sentence: how near to its ceiling a stage is, and what keeps it from being quicker, as far as was measured."""
    share, threads = round(stage["share"]["value"], 2), facts["settings"]["threads"]
    own = stage["ways"][OURS]["cores_busy"]
    begin = f"{name(stage)}: {speed(stage['ways'][OURS]['value'])} images/s, {percent(share)} of its ceiling"
    if facts["machine"]["gpus"] and stage["stage"] in ON_A_GPU:
        what = _BARE[stage["stage"]] if share >= NEAR else f"{_BESIDE[stage['stage']]} and starting work on the GPU take"
        return f"{begin}; {what} the {'time' if share >= NEAR else 'rest of the time'}."
    if share >= NEAR:
        bare = stage["ways"][stage["ceiling"]]["cores_busy"]
        with_threads = "" if busy(facts) else f", with {_threads(bare, threads)}"
        return f"{begin}; {_BARE[stage['stage']]} the time{with_threads}."
    rest = percent(1 - share)
    if own >= ALL_AT_WORK * threads:
        return f"{begin}; with {_threads(own, threads)}, the other {rest} of the time goes into {_BESIDE[stage['stage']]}."
    if busy(facts):
        return (
            f"{begin}; {_threads(own, threads)}, but other programs had a part of the machine, so that the limit cannot be told."
        )
    return f"{begin}; with {_threads(own, threads)}, the other {rest} of the time is waiting in {_BESIDE[stage['stage']]}."


def _threads(cores: float, threads: int) -> str:
    """'all 2 threads at work', '1.2 of 2 threads at work'."""
    if cores >= ALL_AT_WORK * threads:
        return f"all {threads} threads at work" if threads > 1 else "the one thread at work"
    return f"{cores:.1f} of {threads} threads at work"


def feeding(facts: Json) -> list[str]:
    """For each fine-tuned network: whether augmentation can keep up with its steps."""
    stages = facts["stages"]
    augment = next((stage for stage in stages if stage["stage"] == "augment"), None)
    lines = []
    for stage in stages:
        if stage["stage"] == "fine-tune" and augment is not None:
            ratio = augment["ways"][OURS]["value"] / stage["ways"][stage["ceiling"]]["value"]
            verdict = "so pictures wait for the network" if ratio > 1 else "so the network waits for pictures"
            lines.append(
                f"Augmentation alone makes {times(ratio)} as many images/s as the steps of {stage['backbone']} take, {verdict}."
            )
    return lines


def projected(facts: Json) -> str:
    """The grid of a paper in one sentence; '' where nothing was projected."""
    found = facts["projection"]
    if found is None:
        return ""
    grid = found["grid"]
    return (
        f"The whole grid of {grid['paper']} ({grid['cells']} cells, {grid['images']:,} images) would take "
        f"{duration(found['ours_seconds'])} on this machine, and {duration(found['notebook_seconds'])} the notebook way: "
        f"{times(found['ratio'])} as long. Projected: {_known(found['networks'])}."
    )


def _known(networks: Mapping[str, str]) -> str:
    """'vgg16 was measured here, resnet50 was not'."""
    measured = [network for network, basis in networks.items() if basis == "measured here"]
    others = [network for network in networks if network not in measured]
    if not measured:
        return f"neither {' nor '.join(others)} was measured here at the paper's size"
    here = f"{' and '.join(measured)} {'was' if len(measured) == 1 else 'were'} measured here"
    return f"{here}, {' and '.join(others)} {'was' if len(others) == 1 else 'were'} not" if others else here


def sentences(facts: Json) -> list[str]:
    """What the page and the terminal say first."""
    found = [limit(stage, facts) for stage in facts["stages"]] + feeding(facts)
    return found + ([projected(facts)] if facts["projection"] else [])


def warnings(facts: Json) -> list[str]:
    """What nobody must miss."""
    found = []
    if busy(facts):
        found.append(
            f"Other programs were at work (load {facts['machine']['load']:.1f} on {facts['machine']['cpu']['cores']} cores): "
            "speeds are too low. Shares of a ceiling suffer less, because both sides took turns."
        )
    once = [name(stage) for stage in facts["stages"] if stage["repeats"] == 1]
    if once:
        found.append(f"Measured only once, so that the range says nothing: {'; '.join(once)}. Give more --seconds.")
    return found
