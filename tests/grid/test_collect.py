import json
from pathlib import Path

from keras_leuk.grid import collect
from keras_leuk.runs.folder import RunFolder


def test_a_run_without_a_validation_side_has_no_figures_of_it(tmp_path: Path, monkeypatch) -> None:
    """As of papers that keep nothing back to choose on."""
    run = RunFolder(tmp_path)
    test = {"n": 20, "subjects": None, "accuracy": {"value": 0.75, "low": 0.5, "high": 1.0}}
    run.metrics.write_text(json.dumps({"train": test, "validation": {"n": 0, "reason": "none"}, "test": test}))
    monkeypatch.setattr(collect, "_log_losses", lambda run: {"train": 0.5, "test": 0.6})
    found = collect._measured(run)
    assert found["test_n"] == 20
    assert found["test_accuracy_low"] == 0.5
    assert not any(name.startswith("validation") for name in found)
