"""The tables of the page, as Markdown: metrics, classes, confusion matrix, folds, and what was run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras_leuk.evaluation.measures import CLASS_MEASURES, MEASURES
from keras_leuk.reporting.contents import Contents
from keras_leuk.reporting.figures import split_words
from keras_leuk.reporting.history import epochs_line
from keras_leuk.reporting.style import with_interval

NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "precision": "precision",
    "recall": "recall (sensitivity)",
    "f1": "F1",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "mcc": "Matthews correlation (MCC)",
    "brier": "Brier score (lower is better)",
    "ece": "calibration error, ECE (lower is better)",
    "false_detection_rate": "false detection rate",
    "false_negative_rate": "false negative rate",
}


def markdown(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; the first column to the left, all others to the right."""
    lines = [[escape(str(cell)) for cell in row] for row in (header, *rows)]
    rule = [":--", *["--:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in (lines[0], rule, *lines[1:]))


def escape(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    for character in "\\`*_|<>[]":
        text = text.replace(character, "\\" + character)
    return " ".join(text.split())


def size_of(side: str, facts: dict[str, Any]) -> str:
    """'test (n = 2,000, 20 subjects)'; rows and images are told apart where a cross-validation has several rows an image."""
    if not facts["n"]:
        return f"{side} (no images)"
    n = f"n = {facts['n']:,}" if facts["n"] == facts["images"] else f"n = {facts['n']:,} rows of {facts['images']:,} images"
    whom = (
        "subjects unknown"
        if facts["subjects"] is None
        else f"{facts['subjects']:,} subject{'s' if facts['subjects'] != 1 else ''}"
    )
    return f"{side} ({n}, {whom})"


def metrics_table(metrics: dict[str, Any]) -> str:
    """Every measure on the validation and the test side, with its interval; reasons of what is undefined below."""
    sides = [side for side in ("validation", "test", "train") if metrics[side]["n"]][:2]
    positive = metrics["positive"]
    rows = []
    reasons = []
    for measure in MEASURES:
        if measure == "f1" and positive is None:
            continue  # With more than two classes it is the macro F1 of the next lines.
        label = NAMES[measure]
        if measure in ("precision", "recall", "f1"):
            label += f" of {positive}" if positive is not None else ", macro"
        elif measure in ("roc_auc", "average_precision") and positive is None:
            label += ", macro one-vs-rest"
        rows.append([label, *(with_interval(metrics[side][measure]) for side in sides)])
        reasons += [
            f"{NAMES[measure]} ({side}): {metrics[side][measure]['reason']}"
            for side in sides
            if "reason" in metrics[side][measure]
        ]
    for side in sides:
        if metrics[side]["per_subject"]["subjects"]:
            label = "mean of the subjects' accuracies"
            rows.append([label, *(with_interval(metrics[s]["per_subject"]["mean"]) for s in sides)])
            break
    table = markdown(["measure", *(size_of(side, metrics[side]) for side in sides)], rows)
    if reasons:
        table += "\n\nNo value or no interval: " + "; ".join(escape(reason) for reason in reasons) + "."
    return table


def class_table(facts: dict[str, Any]) -> str:
    """One row a class of one side."""
    rows = [
        [label, f"{n['support']:,}", *(with_interval(n[m]) for m in CLASS_MEASURES)] for label, n in facts["per_class"].items()
    ]
    return markdown(["class", "images", *(NAMES[m].replace(" (sensitivity)", "") for m in CLASS_MEASURES)], rows)


def matrix_table(facts: dict[str, Any], positive: str | None) -> str:
    """The confusion matrix of one side."""
    classes, counts = facts["confusion_matrix"]["classes"], facts["confusion_matrix"]["counts"]
    marked = [f"{name} (positive)" if name == positive else name for name in classes]
    rows = [[f"true {name}", *(f"{n:,}" for n in row), f"{sum(row):,}"] for name, row in zip(marked, counts, strict=True)]
    return markdown(["", *(f"predicted {name}" for name in marked), "all"], rows)


def folds_table(metrics: dict[str, Any]) -> str:
    """Test values of each fold's model, with mean and standard deviation."""
    shown = ("accuracy", "balanced_accuracy", "f1", "macro_f1", "roc_auc", "mcc")
    rows: list[list[str]] = []
    for fold, facts in metrics["folds"].items():
        rows.append([fold, f"{facts['n']:,}", *(with_interval(facts.get(m)) if facts["n"] else "–" for m in shown)])
    across = metrics["across_folds"]["test"]
    for key, label in (("mean", "mean"), ("sd", "standard deviation")):
        rows.append([label, "", *("–" if across[m][key] is None else f"{across[m][key]:.3f}" for m in shown)])
    return markdown(["fold", "images", *(NAMES[m] for m in shown)], rows)


def run_table(contents: Contents) -> str:
    """What was run: data, split, model, epochs, seed, versions; lines whose facts are absent are left out."""
    meaning, recipe, environment = contents.predictions.meaning, contents.recipe, contents.environment
    model = recipe.get("model") or {}
    training = recipe.get("training") or {}
    hand = model.get("features") == "hand"
    sizes = "; ".join(
        size_of(side, contents.metrics[side]) for side in ("train", "validation", "test") if contents.metrics[side]["n"]
    )
    lines: list[tuple[str, object]] = [
        ("data", meaning.data),
        ("data fingerprint", (environment.get("data") or {}).get("fingerprint")),
        ("images", sizes),
        ("classes", ", ".join(f"{name} (positive)" if name == meaning.positive else name for name in meaning.classes)),
        ("split", split_words(contents) + (f": {meaning.description}" if meaning.description else "")),
        ("model", meaning.model),
        ("features", _FEATURES.get(str(model.get("features")))),
        ("backbone", None if hand else model.get("backbone")),
        ("weights", None if hand else model.get("weights")),
        ("head", _head(model.get("head"))),
        ("trained layers of the backbone", None if hand else model.get("fine_tune")),
        ("image preparation", _preparation(recipe.get("images") or {}, hand)),
        ("augmentation (training side)", _augmentation(training.get("augment") or {})),
        ("balance (training side)", _balance(training)),
        ("test-time augmentation", _test_time((recipe.get("evaluation") or {}).get("test_time_augmentation"))),
        ("optimizer", None if contents.at_once else _optimizer(training)),
        ("epochs", _epochs(contents)),
        ("watched for early stopping", meaning.selection),
        ("seed", recipe.get("seed")),
        ("device", environment.get("device")),
        ("versions", ", ".join(f"{name} {version}" for name, version in (environment.get("versions") or {}).items()) or None),
    ]
    return markdown(["", "what was run"], [line for line in lines if line[1] not in (None, "")]).replace(
        "| :-- | --: |", "| :-- | :-- |", 1
    )


_FEATURES = {"hand": "hand-made: size, shape, colour and texture of the cell", "both": "the backbone's, and hand-made ones"}


def _epochs(contents: Contents) -> str | None:
    if contents.at_once:
        return "none: fitted at once"
    if contents.history is None:
        return None
    return epochs_line(contents.history, contents.predictions.meaning.selection, contents.recipe)


def _head(head: Any) -> str | None:
    if not isinstance(head, dict):
        return None if head is None else str(head)
    layers = [str(head.get("pooling", "avg")) + " pooling" if head.get("pooling") != "flatten" else "flatten"]
    for layer in head.get("layers") or []:
        detail = [str(layer[key]) for key in ("units", "activation", "rate") if key in layer]
        layers.append(" ".join([str(layer.get("type", "layer")).replace("_", " "), *detail]))
    output = head.get("output") or {}
    layers.append(f"{output.get('activation', 'softmax')} ({'one unit' if output.get('units') == 'one' else 'a unit per class'})")
    return " → ".join(layers)


def _preparation(images: dict[str, Any], hand: bool) -> str | None:
    """Steps before the network (hand-made features have none) that are not its own; None where there are none."""
    steps = []
    if images.get("crop") not in (None, "none"):
        more = [
            f"{key.removeprefix('crop_')} {images[key]}" for key in ("crop_size", "crop_margin") if images.get(key) is not None
        ]
        steps.append(f"crop {images['crop']}" + (f" ({', '.join(more)})" if more else ""))
    if images.get("contrast") not in (None, "none"):
        steps.append(f"contrast {images['contrast']}")
    rescale = images.get("rescale")
    if rescale == "1/255+backbone" and not hand:
        steps.append("rescale 1/255 and then the backbone's own preprocessing, which expects 0..255")
    elif rescale not in (None, "backbone") and not hand:
        steps.append(f"rescale {rescale} in place of the backbone's own preprocessing")
    return ", ".join(steps) or None


_IDLE = (None, False, 0, 0.0, [0], [1.0, 1.0])
_MODIFIERS = ("fill_mode", "cval", "keep_background", "views")


def _augmentation(augment: dict[str, Any]) -> str | None:
    """The operations in the recipe's own words; None where there are none."""
    operations = [f"{key} {_setting(value)}" for key, value in augment.items() if key not in _MODIFIERS and value not in _IDLE]
    if not operations:
        return None
    fill = augment.get("fill_mode", "nearest")
    operations.append(f"fill_mode {fill}" + (f" (cval {augment.get('cval', 0):g})" if fill == "constant" else ""))
    if augment.get("keep_background"):
        operations.append("background kept")
    views = augment.get("views")
    fixed = f"{views} FIXED augmented views of each image, one after another by epoch (frozen backbone): " if views else ""
    return fixed + ", ".join(operations)


def _setting(value: Any) -> str:
    if isinstance(value, bool):
        return "on"
    return " to ".join(f"{end:g}" for end in value) if isinstance(value, list) else f"{value:g}"


def _balance(training: dict[str, Any]) -> str | None:
    balance = training.get("balance")
    if balance == "class_weight" and training.get("class_weight"):
        return "class_weight " + ", ".join(f"{name} {weight:g}" for name, weight in training["class_weight"].items())
    words = {
        "oversample": "oversample: every epoch draws each smaller class, with replacement, up to the largest",
        "class_weight": "class_weight: images of a class that is smaller than an even share weigh more",
    }
    return words.get(str(balance))


def _test_time(views: Any) -> str | None:
    if views in (None, "none"):
        return None
    return "mean over the 8 turned and mirrored views" if views == "dihedral" else f"mean over {views} views drawn as in training"


def _optimizer(training: dict[str, Any]) -> str | None:
    optimizer, rate = training.get("optimizer"), training.get("learning_rate")
    if optimizer is None:
        return None
    name = optimizer.get("name", "adam") if isinstance(optimizer, dict) else optimizer
    initial = rate.get("initial") if isinstance(rate, dict) else rate
    schedule = f", {rate.get('schedule')} learning rate" if isinstance(rate, dict) and rate.get("schedule") else ""
    batch = f", batches of {training['batch_size']}" if "batch_size" in training else ""
    return f"{name}{schedule}{f' {initial:g}' if isinstance(initial, int | float) else ''}{batch}"
