from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from keras_leuk.recipe.randomness import generator, key, small_seed


@given(st.integers(0, 10**6), st.text(max_size=20), st.integers(0, 10**6))
def test_the_same_words_give_the_same_draws(seed: int, what: str, index: int) -> None:
    assert (generator(seed, what, index).random(4) == generator(seed, what, index).random(4)).all()
    assert 0 <= small_seed(seed, what, index) < 2**31


def test_any_other_word_gives_other_draws() -> None:
    keys = {key(s, w, *i) for s in range(20) for w in ("order", "flip") for i in ((), (0,), (1,), (0, 1))}
    assert len(keys) == 20 * 2 * 4


def test_draws_are_these_on_every_machine() -> None:
    assert generator(0, "order", 1).permutation(6).tolist() == generator(0, "order", 1).permutation(6).tolist()
    expected = np.random.Generator(np.random.Philox(key=key(7, "x"))).random()
    assert generator(7, "x").random() == expected
    assert key(0, "order", 1) == 0x0 + int.from_bytes(__import__("hashlib").sha256(b"0/order/1").digest()[:16], "little")
