"""What the words of a program say about its weights."""

from __future__ import annotations

import pytest
from regrad.analysis import intentions

from .programs import read


@pytest.mark.parametrize(
    "comment",
    ["an extreme learning machine", "the reservoir", "Random features of a kernel", "the encoder stays untrained"],
)
def test_weights_that_are_meant_to_be_random(comment: str) -> None:
    assert intentions.random_meant(read(f"# {comment}\nimport tensorflow as tf\n"))


@pytest.mark.parametrize("comment", ["a helmet", "random seed", "trained for an hour"])
def test_words_that_only_look_like_it(comment: str) -> None:
    assert not intentions.random_meant(read(f"# {comment}\nimport tensorflow as tf\n"))


def test_what_stands_in_for_something_trained_elsewhere() -> None:
    assert intentions.stands_in(read("# a stand-in for the downloaded backbone\nimport tensorflow as tf\n"))
    assert not intentions.stands_in(read("# stand back\nimport tensorflow as tf\n"))


@pytest.mark.parametrize("comment", ["the critic stays fixed", "weights are kept untouched", "frozen for now"])
def test_weights_that_keep_their_values(comment: str) -> None:
    assert intentions.held_fixed(read(f"# {comment}\nimport tensorflow as tf\n"))


@pytest.mark.parametrize("comment", ["a fixed seed", "fixed a bug", "of fixed length"])
def test_other_things_that_are_fixed(comment: str) -> None:
    assert not intentions.held_fixed(read(f"# {comment}\nimport tensorflow as tf\n"))


@pytest.mark.parametrize(
    "check", ["assert not layer.trainable", "self.assertEqual(len(model.trainable_weights), 2)", "assert model.weights"]
)
def test_a_program_that_checks_what_is_frozen(check: str) -> None:
    assert intentions.asserted(read(f"import tensorflow as tf\n{check}\n"))


@pytest.mark.parametrize("check", ["assert x.shape == (2, 3)", "model.trainable = False", "insert(weights)"])
def test_other_checks(check: str) -> None:
    assert not intentions.asserted(read(f"import tensorflow as tf\n{check}\n"))


@pytest.mark.parametrize("name", ["def pretrained_encoder(): pass", "class PreTrainedBase: pass", "pre_trained = 1"])
def test_a_name_that_says_so(name: str) -> None:
    assert intentions.stands_in(read(name + "\n"))
    assert not intentions.stands_in(read("def trained_encoder(): pass\nprint(pretrained)\n"))
