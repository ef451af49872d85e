"""The tables of a search's page, as Markdown, and the words beside them: what was searched, how, the winner, the trials."""

from __future__ import annotations

from typing import Any

from keras_leuk.reporting.searched import Searched
from keras_leuk.reporting.style import with_interval
from keras_leuk.reporting.tables import NAMES, escape, markdown, size_of

SHOWN = 10
"""Trials in the page's table; all are in tune.csv."""

_MEASURES = {"loss": "log loss (lower is better)"} | {
    name: NAMES[name] for name in ("accuracy", "balanced_accuracy", "macro_f1", "roc_auc")
}
_SAMPLERS = {
    "tpe": "ten trials at random, then by a tree-structured Parzen estimator (Bergstra et al. 2011)",
    "random": "at random",
}
_PRUNERS = {
    "median": "once five trials have finished, a trial that has seen a tenth of the epochs and is worse than the median of the "
    "finished trials at the same epoch is pruned",
    "hyperband": "Hyperband (Li et al. 2018)",
    "none": "none: every trial is trained to its end",
}


def best_of(searched: Searched) -> str:
    """What a reader must know of the winner's figures."""
    return (
        f"The winner's validation figures are the best of {searched.compared} trials and therefore too good. Its test figures "
        "had no part in the choice, and stay honest only while nobody chooses by them. The folders in trials/ hold the test "
        "figures of all trials: to compare those would be choosing on test."
    )


def space_table(searched: Searched) -> str:
    """One row a searched key."""
    importance = searched.summary["importance"] or {}
    rows = []
    for part in searched.space:
        share = f"{importance[part['key']]:.2f}" if part["key"] in importance else "–"
        rows.append([part["key"], part["space"], shown(searched.winner["values"][part["key"]]), share])
    return markdown(["key", "searched", "the winner's", "importance"], rows)


def importance_words(searched: Searched) -> str:
    """How the importances were computed, or why there are none."""
    why_not = searched.summary["importance_reason"]
    if why_not is not None:
        return f"No importance: {escape(why_not)}."
    return (
        "Importance: share of a key in the variance of the objective over the searched space, by functional ANOVA of a random "
        f"forest (Hutter et al. 2014) fitted to the {searched.summary['trials']['complete']} finished trials. Few trials give a "
        "hint, no more."
    )


def how_table(searched: Searched) -> str:
    """Data, split, objective, proposals, pruning."""
    summary = searched.summary
    objective = f"validation {searched.measure}, the {'smallest' if searched.smaller_is_better else 'largest'} wins"
    if summary["objective"]["name"] == "loss":
        objective += "; mean of -ln(probability of the true class), whatever loss was trained with"
    split = summary["split"]["description"] or summary["split"]["strategy"]
    rows = [
        ["data", summary["data"]],
        ["split, the same for all trials", split],
        ["objective", objective],
        ["proposals", f"{_SAMPLERS[summary['sampler']]}; each from seed {summary['seed']} and the trial's number"],
        ["pruning", _PRUNERS[summary["pruner"]]],
        [
            "told to the pruner",
            f"{summary['objective']['after_epoch']} of the best epoch so far, or of the last where that is kept",
        ],
        ["trials", searched.counts],
    ]
    return markdown(["", "how"], rows).replace("| :-- | --: |", "| :-- | :-- |", 1)


def winner_table(searched: Searched) -> str:
    """The winner's measures on validation, where it was chosen, and on test."""
    sides = [side for side in ("validation", "test") if side in searched.winner]
    heads = []
    for side in sides:
        facts = searched.winner[side]
        chosen = f", best of {searched.compared}" if side == "validation" else ""
        heads.append(size_of(side, {"images": facts["n"], **facts}) + chosen)
    rows = [[words, *(with_interval(searched.winner[side][name]) for side in sides)] for name, words in _MEASURES.items()]
    return markdown(["measure", *heads], rows)


def winner_words(searched: Searched) -> str:
    """Which trial it is, and what its intervals are."""
    winner, interval = searched.winner, searched.summary["interval"]
    test = "" if "test" in winner else ", and there is no test side beside it"
    return (
        f"Trial {winner['number']}: {escape(winner['model'])}; best epoch {winner['best_epoch']} of {winner['epochs']}; its run "
        f"is [{escape(winner['run'])}]({winner['run']}/report.md), its recipe [best.yaml](best.yaml). In brackets: "
        f"{100 * interval['confidence']:g} % interval, bootstrap percentiles of {interval['resamples']:,} resamples of "
        f"{interval['units']}. An interval knows nothing of the choice among trials, so the validation column is too good{test}."
    )


def trials_table(searched: Searched) -> str:
    """The best trials, a row each."""
    rows = []
    for row in searched.ranked.head(SHOWN).to_dict("records"):
        values = [shown(row[part["key"]]) for part in searched.space]
        rows.append([row["number"], *values, f"{row['objective']:.4f}", f"{row['best_epoch']:.0f} of {row['epochs']:.0f}"])
    heads = ["trial", *(part["short"] for part in searched.space), f"validation {searched.measure}", "best epoch"]
    return markdown(heads, rows)


def tied(searched: Searched) -> str:
    """How many trials the validation side can hardly tell from the winner."""
    number = searched.winner["validation"][searched.summary["objective"]["name"]]
    rest = "All trials are in [tune.csv](tune.csv)."
    if number["low"] is None:
        return rest
    values = searched.ranked["objective"]
    inside = int(((values >= number["low"]) & (values <= number["high"])).sum())
    return (
        f"{inside} of {len(values)} finished trials lie inside the interval of the winner's validation {searched.measure}. {rest}"
    )


def failed(searched: Searched) -> str:
    """The first trials that failed, with their errors; nothing where none did."""
    rows = searched.trials[searched.trials["state"] == "failed"].head(SHOWN).to_dict("records")
    return "Failed:\n\n" + "\n".join(f"- trial {row['number']}: {escape(row['error'])}" for row in rows) if rows else ""


def shown(value: Any) -> str:
    """A searched value as a table has room for it."""
    return f"{value:.3g}" if isinstance(value, float) and not value.is_integer() else str(value)
