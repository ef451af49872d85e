"""What printed numbers say of each other: accuracies as k / n, harmonic means, classes, means of rows, the share of positives."""

from __future__ import annotations

from typing import Any

from keras_leuk.reporting.claims_phrases import LISTED, MEASURES, listed, matrix, name, number, span

Json = dict[str, Any]


def accuracies(table: Json) -> list[str]:
    """For which n all accuracies are k / n."""
    told = table["accuracy"]
    if told is None:
        return []
    lines = []
    for mode in ("rounded", "truncated"):
        found = told[mode]["sizes"]
        share = sum(last - first + 1 for first, last in found) / (told["searched"][1] - told["searched"][0] + 1)
        what = f"accuracy of {number(told['rows'])} as k/n ({mode})"
        if share > 0.5:
            lines.append(f"The {what}: {share:.0%} of all n from {span(table)} allow it, which says little.")
        elif found:
            lines.append(f"The {what}: n = {listed(found)}.")
        else:
            lines.append(f"The {what}: no n from {span(table)}.")
    for i, chance in enumerate(told["chance"]):
        rounded, truncated = told["rounded"]["named"][i], told["truncated"]["named"][i]
        lines.append(
            f"n = {chance['n']:,}: the accuracies of {rounded['rows']} of {number(told['rows'])} are k/n rounded, of "
            f"{truncated['rows']} truncated. Arbitrary numbers with these decimals would all be with chance {chance['all']:.2g}."
        )
        if told["rows"] <= LISTED:
            lines[-1] += f" k of {'; of '.join(_k(row, rounded, truncated) for row in (*rounded['correct'], *rounded['not']))}."
    return lines


def _k(row: str, rounded: Json, truncated: Json) -> str:
    """'ResNet50: 1,440', 'VGG-16: none'."""
    cuts = {"rounded": rounded["correct"].get(row), "truncated": truncated["correct"].get(row)}
    found = {mode: listed([ends]) for mode, ends in cuts.items() if ends is not None}
    if len(found) == 2 and len(set(found.values())) == 1:
        return f"{row}: {found['rounded']}"
    return f"{row}: {', '.join(f'{k} {mode}' for mode, k in found.items()) or 'none'}"


def harmonics(table: Json) -> list[str]:
    """Rows whose F1 is not the harmonic mean, and how many have one."""
    rows = [row for row in table["rows"] if row["harmonic"]]
    wrong = [row for row in rows if not row["harmonic"]["allows"]]
    if not rows:
        return []
    told = f"F1 is the harmonic mean of precision and recall, within rounding, in {len(rows) - len(wrong)} of {number(len(rows))}"
    if not wrong:
        return [f"{told}."]
    names = ", ".join(f"{name(row)} ({row['harmonic']['low']:.4f}–{row['harmonic']['high']:.4f})" for row in wrong)
    return [f"{told}; not in {names}. F1 as a mean of classes need not be."]


def classes(table: Json) -> list[str]:
    """Numbers of images of each class that all rows allow."""
    lines = []
    for entry in table["classes"]:
        for mode in ("rounded", "truncated"):
            found, span = entry[mode], f"{entry['searched'][0]:,} to {entry['searched'][1]:,}"
            rows = f"{number(len(entry['rows']))} of class {entry['class']} ({mode}, images of the class from {span})"
            if not found["all"]:
                each = ", ".join(f"{row} {count:,}" for row, count in found["each"].items())
                lines.append(f"Arithmetic allows no common number for {rows}. How many each row allows: {each}.")
                continue
            counts = found["counts"][0]
            each = ", ".join(f"{row} {matrix(values)}" for row, values in counts["rows"].items())
            lines.append(
                f"Arithmetic allows, for {rows}: {listed([[n, n] for n in found['all']])}. "
                f"With {counts['support']:,} (TP, FP, FN): {each}."
            )
    return lines


def means(table: Json) -> list[str]:
    """Printed means against the rows they are means of."""
    lines = []
    for entry in table["means"]:
        what = (
            f"{entry['row']}, {MEASURES[entry['measure']]} {entry['printed']}, against the mean of {entry['rows']} printed values"
        )
        if entry["of_printed"]:
            lines.append(f"{what}, {entry['mean_of_printed']:.6g}: equal ({' or '.join(entry['of_printed'])}).")
            continue
        unrounded = f"means of unrounded values lie in {entry['low']:.6g}–{entry['high']:.6g}"
        verdict = "arithmetic allows it of unrounded values only" if entry["allows"] else "arithmetic does not allow it"
        lines.append(f"{what}, {entry['mean_of_printed']:.6g}: differs; {unrounded}, so {verdict}.")
    return lines


def shares(table: Json) -> list[str]:
    """Whether all rows, read as one class's values, could have the same share of positives."""
    known = [row for row in table["rows"] if row["share"]]
    if not known:
        return []
    low, high = max(row["share"]["low"] for row in known), min(row["share"]["high"] for row in known)
    each = ", ".join(f"{row['row']} {row['share']['value']:.4f}{_known_share(row)}" for row in known)
    what = f"Share of positive images, if the values are those of one class: {each}"
    if len(known) > 1 and low > high:
        return [f"{what}. One test set has one share, so arithmetic does not allow that reading for the table."]
    return [f"{what}."]


def _known_share(row: Json) -> str:
    if row["support"] is None or len(row["n"]) != 1 or row["support"][0] != row["support"][1]:
        return ""
    return f" (known: {row['support'][0] / row['n'][0]:.4f})"
