"""How weights were found, as sentences of a methods section, from a resolved recipe and what its runs took in its place."""

from __future__ import annotations

from typing import Any

from keras_leuk.reporting.replication_recipe import Told, Tree, listed


def training(told: Told) -> str:
    """Loss, optimizer, rate, batches, epochs; balance, augmentation and stopping where there is something to say."""
    if str(told.get("model.head", "")).startswith("sklearn:"):
        return "The head was fitted at once on the training side."
    names = listed([_OPTIMIZERS.get(str(name), str(name)) for name in told.values("training.optimizer.name")])
    loss = str(told.get("training.loss", "categorical_crossentropy")).replace("_", " ").replace("crossentropy", "cross-entropy")
    epochs = [f"{epochs:,}" for epochs in told.values("training.epochs")]
    several = len(epochs) > 1
    sentences = [
        f"Training minimised {loss} with {names} ({_rate(told)}), in batches of {told.get('training.batch_size', 32)}, for "
        f"{'' if several else 'at most ' if _stops(told) else ''}{listed(epochs)} epochs.",
        _balance(told),
        _augmentation(told.get("training.augment", {})),
        _stopping(told),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


_OPTIMIZERS = {"adam": "Adam", "rmsprop": "RMSprop", "adamax": "Adamax", "sgd": "SGD", "adamw": "AdamW"}


def _rate(told: Told) -> str:
    rates = listed([f"{rate:g}" for rate in told.values("training.learning_rate.initial")])
    schedule = told.get("training.learning_rate.schedule", "constant")
    if schedule == "exponential":
        factor, steps = told.get("training.learning_rate.decay_rate", 0.95), told.get("training.learning_rate.decay_steps", 900)
        jumps = ", in steps" if told.get("training.learning_rate.staircase") else ""
        return f"learning rate {rates}, multiplied by {factor:g} every {steps:,} updates{jumps}"
    return f"learning rate {rates}" + (", falling along a half cosine" if schedule == "cosine" else "")


def _balance(told: Told) -> str:
    words = {
        "oversample": "In every epoch smaller classes of the training side were drawn with replacement up to the largest.",
        "class_weight": "Images of smaller classes weighed more in the loss.",
    }
    return words.get(str(told.get("training.balance")), "")


_IDLE = (None, False, 0, [0], [1.0, 1.0])
_MODIFIERS = ("fill_mode", "cval", "keep_background", "views")


def _augmentation(augment: Tree) -> str:
    operations = {name: value for name, value in augment.items() if name not in _MODIFIERS and value not in _IDLE}
    if not operations:
        return "Images were not augmented."
    drawn = ", ".join(f"{name.replace('_', ' ')}{_amount(value)}" for name, value in operations.items())
    views = f", as {augment['views']} fixed views of each image taken in turn" if augment.get("views") else ""
    return f"Training images were augmented at random{views} ({drawn}; keras-leuk's words)."


def _amount(value: Any) -> str:
    if value is True:
        return ""
    return f" {' to '.join(f'{end:g}' for end in value)}" if isinstance(value, list | tuple) else f" {value:g}"


def _stops(told: Told) -> bool:
    """Whether there is early stopping: not switched off, and with images to watch."""
    return told.watched and told.get("training.early_stopping.enabled") is not False


def _stopping(told: Told) -> str:
    if not _stops(told):
        return "There was no early stopping."
    side, metric = told.get("training.monitor", "validation"), told.get("training.early_stopping.metric", "loss")
    patience = told.get("training.early_stopping.patience", 10)
    kept = "best" if told.get("training.early_stopping.restore_best", True) else "last"
    return f"Training stopped when {side} {metric} had not improved for {patience} epochs; the {kept} epoch's weights were kept."
