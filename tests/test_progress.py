"""Listeners that stand between work and whoever listens."""

from __future__ import annotations

import pytest

from keras_leuk.progress import Quiet, Recorder


def test_a_quiet_one_passes_bars_interrupts_and_each_warning_once() -> None:
    class Stopping(Recorder):
        def check(self) -> None:
            raise KeyboardInterrupt

    heard = Stopping()
    quiet = Quiet(heard, {"known before"})
    for line in ("known before", "new", "new", "newer"):
        quiet.warn(line)
        quiet.say(line)
    assert heard.warnings == ["new", "newer"]
    assert heard.lines == []
    assert quiet.warned == {"known before", "new", "newer"}
    with pytest.raises(KeyboardInterrupt):
        quiet.check()
    with quiet.stage("training", 3, "epochs") as advance:
        advance(1, loss=0.5)
