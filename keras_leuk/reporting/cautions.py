"""What a reader must not miss: the run's own warnings, and those that its tables give away.

Training says what it knows; what can be checked from the run folder is checked here again, so that a number that is too good
never stands without its reason.
"""

from __future__ import annotations

import re

from keras_leuk.reporting.contents import Contents

FEW_SUBJECTS = 10


def cautions(contents: Contents) -> list[str]:
    """One sentence each, the run's own first; none is said twice."""
    meaning = contents.predictions.meaning
    said = list(dict.fromkeys(meaning.warnings))

    def add(known_by: str, sentence: str) -> None:
        if not any(re.search(known_by, line, re.IGNORECASE) for line in said):
            said.append(sentence)

    model = contents.recipe.get("model") or {}
    if model.get("weights") == "random" and model.get("features") != "hand":
        add(
            r"random(ly)?\W+(\w+\W+)?weights|weights\W+\w*\W*random",
            "The backbone has random weights: these numbers say nothing about transfer learning.",
        )
    if meaning.selection == "test":
        add(r"test (set|side|images).*(watch|monitor|select|stop)|(watch|monitor)\w* .*test", _WATCHED)
    shared = shared_subjects(contents)
    if shared:
        noun = "subject is" if shared == 1 else "subjects are"
        add(
            r"subjects? .*(both|share|overlap|more than one side)|(share|overlap).* subject",
            f"{shared} {noun} on both the train and the test side: the model was tested on people it was trained on, "
            "and the numbers are too good.",
        )
    facts = contents.metrics[contents.judged]
    if facts["subjects"] is not None and 1 < facts["subjects"] < FEW_SUBJECTS:
        add(
            r"only \d+ subjects",
            f"The {contents.judged} side has only {facts['subjects']} subjects: the intervals are rough and probably too narrow.",
        )
    if facts["subjects"] is None:
        add(
            r"subjects? .*(unknown|not known)|no subjects?|without subjects?",
            "Subjects are unknown: cells of one person may be on several sides, and intervals over images are too narrow.",
        )
    if contents.judged != "test":
        add(r"no test", f"The run has no test images; figures show the {contents.judged} side, which training has seen.")
    return said


_WATCHED = "The test set was watched during training (early stopping): test numbers are too good and validate nothing."


def shared_subjects(contents: Contents) -> int:
    """How many subjects stand on the train and the test side of one model (one fold of a cross-validation)."""
    table = contents.predictions.table
    known = table[table["subject"] != ""]
    train = known.loc[known["split"] == "train", ["fold", "subject"]].drop_duplicates()
    test = known.loc[known["split"] == "test", ["fold", "subject"]].drop_duplicates()
    return int(train.merge(test, on=["fold", "subject"])["subject"].nunique())
