"""The methods section of a replication, ready to paste: one paragraph a protocol, true to what was run.

Citations are spelt as Pandoc has them, ``[@fata2023]``; the LaTeX page turns them into ``\\cite``. Start at `paragraphs`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_leuk.errors import RunError
from keras_leuk.reporting.replication_numbers import short
from keras_leuk.reporting.replication_recipe import Told, listed, nested, network, preparation
from keras_leuk.reporting.replication_references import cited, data_key, paper_key
from keras_leuk.reporting.replication_run import class_words
from keras_leuk.reporting.replication_training import training
from keras_leuk.runs.folder import RunFolder

Json = Mapping[str, Any]

_TOOLS = ("tensorflow", "keras", "numpy", "pandas", "scikit-learn")


def paragraphs(facts: Json, out: Path) -> list[tuple[str, str]]:
    """Name of each protocol and its paragraph.

    Args:
        facts: of replication.json; out: the folder that its run folders lie in.

    Raises:
        RunError: a finished run's model.json, predictions.json or environment.json is there and cannot be read.
    """
    return [(protocol["name"], _paragraph(facts, protocol, out)) for protocol in facts["protocols"]]


def _paragraph(facts: Json, protocol: Json, out: Path) -> str:
    folder = _first_run(protocol, out)
    told = _told(protocol, folder)
    sentences = [
        _opening(facts, protocol),
        _data(facts),
        _split(protocol, facts["data"]["positive"]),
        preparation(told),
        network(told, _weights(protocol, told)),
        training(told),
        _seeds(told),
        _selection(protocol),
        _evaluation(folder),
        _software(folder),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _first_run(protocol: Json, out: Path) -> RunFolder | None:
    """The first finished run, whose files speak for all; None where none has finished."""
    names = [run["folder"] for run in protocol["runs"] if run["state"] == "finished" and run["folder"] is not None]
    return RunFolder(out / names[0]) if names else None


def _told(protocol: Json, folder: RunFolder | None) -> Told:
    finished = [run for run in protocol["runs"] if run["state"] == "finished"] or protocol["runs"]
    varied: dict[str, list[Any]] = {}
    for run in finished:
        for key, value in run["values"].items():
            taken = varied.setdefault(key, [])
            taken += [value] if value not in taken else []
    model = _json(folder.model) if folder is not None else {}
    tree = nested(protocol["recipe"])
    head = tree.get("model", {}).get("head")
    watched = (tree.get("training") or {}).get("monitor", "validation")
    return Told(
        tree=tree,
        varied=varied,
        head=model.get("head") or (head if isinstance(head, dict) else None),
        watched=bool((protocol["sides"].get(watched) or {}).get("n")),
    )


def _weights(protocol: Json, told: Told) -> dict[str, list[str]]:
    """Backbone → kinds of first weights of its finished runs."""
    kinds: dict[str, list[str]] = {}
    for run in protocol["runs"]:
        if run["state"] == "finished":
            taken = kinds.setdefault(str(run["values"].get("model.backbone", told.get("model.backbone"))), [])
            taken += [run["weights"]] if run["weights"] not in taken else []
    return kinds


def _opening(facts: Json, protocol: Json) -> str:
    meaning = protocol["meaning"].rstrip(".")
    source = cited([paper_key(facts)])
    words = f"We replayed the experiment of {_authors(facts['paper'])}{source} under the {protocol['name']} protocol ({meaning})."
    if not any(run["state"] == "finished" for run in protocol["runs"]):
        words += " No run of it has finished: what follows is what the recipe asks for."
    if protocol.get("adapted"):
        words += f" Adapted to the data: {'; '.join(protocol['adapted'])}."
    if protocol["trimmed"]:
        words += f" The replay was trimmed to a budget: {'; '.join(protocol['trimmed'])}."
    return words


def _authors(paper: Json) -> str:
    names = [name.split()[-1] for name in paper["authors"]]
    return f"{names[0]} et al." if len(names) > 2 else listed(names)


def _data(facts: Json) -> str:
    data = facts["data"]
    subjects = f" of {data['subjects']:,} subjects" if data["subjects"] is not None else "; subjects are unknown"
    classes = class_words(data["classes"], data["positive"])
    source = cited([data_key(data["name"])])
    words = f"The data were {data['name']}{source}, {classes}{subjects}."
    if data["the_papers"]:
        return words
    theirs = facts["paper"]["data"]
    what = "only a part of" if "only a part" in data["words"] else "not"
    return f"{words} They are {what} the paper's data, which were {theirs}{cited([data_key(theirs)])}."


def _split(protocol: Json, positive: str | None) -> str:
    """The split in its own words, each side by class, with sizes that those words leave out, and what was looked for."""
    split = protocol["split"].rstrip(".")
    sides = []
    for name, side in protocol["sides"].items():
        if side["n"]:
            subjects = "" if side["subjects"] is None else f" of {side['subjects']:,} subjects"
            size = "" if f"{side['n']:,} images" in split else f" {side['n']:,} images{subjects}:"
            sides.append(f"{name}{size} {class_words(side.get('classes') or {}, positive)}")
    told = [f"{split}."] if split else []
    told += [f"By class, {'; '.join(sides)}."] if sides else []
    told += [f"Looked for on two sides: {'; '.join(protocol['checked'])}."] if protocol["checked"] else []
    return " ".join(told)


def _seeds(told: Told) -> str:
    seeds = told.values("seed")
    return f"Each setting was trained with the seeds {listed(seeds)}." if len(seeds) > 1 else ""


def _selection(protocol: Json) -> str:
    choice = protocol["choice"]
    if choice is not None:
        setting = ", ".join(f"{short(key)} {value}" for key, value in choice["setting"].items())
        watched = " The test side was watched in training." if protocol["selection"] == "test" else ""
        return f"The setting, {setting}, was {choice['words'].rstrip('.')}.{watched}"
    if protocol["selection"] == "test":
        return "The test side was watched in training, as the paper did or may have done, so its values are too good."
    return "No setting was chosen; every setting is reported."


def _evaluation(folder: RunFolder | None) -> str:
    interval = (_json(folder.meaning) if folder is not None else {}).get("interval") or {}
    how = f" with {interval['resamples']:,} resamples" if "resamples" in interval else ""
    level = f"{100 * interval.get('confidence', 0.95):g} %"
    return (
        f"Intervals are {level} percentile bootstrap intervals{cited(['efron1993'])}{how}, over subjects where they are known "
        "and over images elsewhere; published numbers were compared as printed, widened by half of their last digit."
    )


def _software(folder: RunFolder | None) -> str:
    environment = _json(folder.environment) if folder is not None else {}
    versions = {name.replace("_", "-"): version for name, version in (environment.get("versions") or {}).items()}
    own = versions.get("keras-leuk", "")
    named = f"keras-leuk {own}" if own[:1].isdigit() else "keras-leuk"
    names = {"tensorflow": f"TensorFlow{cited(['tensorflow'])}", "keras": f"Keras{cited(['keras'])}"}
    tools = [f"{names.get(name, name)} {versions[name]}" for name in _TOOLS if name in versions]
    if not tools:
        return f"All was run with {named} on {listed(list(names.values()))}; versions were not recorded."
    device = f" on {environment['device']}" if environment.get("device") else ""
    python = f"Python {versions['python']}, " if "python" in versions else ""
    return f"All was run with {named} ({python}{', '.join(tools)}){device}."


def _json(path: Path) -> dict[str, Any]:
    """A file of a run folder; empty where it is not there."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read: {error}") from None
    return found if isinstance(found, dict) else {}
