"""Lists, progressions and alternatives as users write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_leuk.errors import UsageError
from keras_leuk.grid.notation import alternatives, names, real_numbers, whole_numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10", (10,)),
        ("10,20,50", (10, 20, 50)),
        ("10,20,...,100", tuple(range(10, 101, 10))),
        ("10, 20, …, 40", (10, 20, 30, 40)),
        ("10,20,30,...,50", (10, 20, 30, 40, 50)),
        ("9,6,...,0", (9, 6, 3, 0)),
        ("10,20,...,20", (10, 20)),
    ],
)
def test_whole_numbers(text: str, expected: tuple[int, ...]) -> None:
    assert whole_numbers("--epochs", text) == expected


@given(st.integers(-50, 50), st.integers(1, 20), st.integers(1, 30), st.sampled_from([1, -1]))
def test_a_progression_is_pythons_range(first: int, step: int, steps: int, sign: int) -> None:
    step *= sign
    last = first + steps * step
    assert whole_numbers("--epochs", f"{first},{first + step},...,{last}") == tuple(range(first, last + sign, step))


def test_real_numbers_step_exactly() -> None:
    assert real_numbers("--learning-rates", "0.1,0.2,...,0.5") == (0.1, 0.2, 0.3, 0.4, 0.5)
    assert real_numbers("--learning-rates", "1e-4,1e-3") == (1e-4, 1e-3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("10,...,100", "write 10,20,...,100"),
        ("7,...,100", "write 10,20,...,100"),
        ("10,20,...", "before the last member"),
        ("...,20,30", "before the last member"),
        ("10,20,...,30,40", "before the last member"),
        ("10,20,...,95", "end at 90 or 100"),
        ("10,20,40,...,80", "no arithmetic progression"),
        ("10,10,...,50", "no arithmetic progression"),
        ("10,20,...,5", "do not meet 5"),
        ("10,x", "'x' is not a number"),
        ("10,,20", "'' is not a number"),
        ("10,nan", "'nan' is not a number"),
        ("1.5,2", "1.5 is not a whole number"),
        ("10,20,10", "10 is named twice"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_hint(text: str, words: str) -> None:
    with pytest.raises(UsageError, match="--epochs") as caught:
        whole_numbers("--epochs", text)
    assert words in str(caught.value)


def test_names_and_alternatives() -> None:
    assert names("--backbones", "vgg16, mobilenet") == ("vgg16", "mobilenet")
    assert alternatives("training.label_smoothing=0|0.1") == ("training.label_smoothing", (0, 0.1))
    assert alternatives("images.crop=cell") == ("images.crop", ("cell",))
    assert alternatives("split.file=null") == ("split.file", (None,))
    for call, words in (
        (lambda: names("--backbones", "a,,b"), "a member is empty"),
        (lambda: names("--backbones", "a,a"), "a is named twice"),
        (lambda: alternatives("=1|2"), "dotted.key"),
        (lambda: alternatives("a|b"), "dotted.key"),
        (lambda: alternatives("a=1||2"), "a value is empty"),
        (lambda: alternatives("a=1|{"), "not YAML"),
        (lambda: alternatives("a=1|1"), "named twice"),
    ):
        with pytest.raises(UsageError, match=words):
            call()
