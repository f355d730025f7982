"""Pasted tracebacks: the user's own frames are told from the libraries', and known messages are explained."""

from __future__ import annotations

import pytest
from regrad.repair.symptom import Frame, meaning, read_pasted

PYTHON = """\
Epoch 1/5
Traceback (most recent call last):
  File "/home/me/project/train.py", line 31, in <module>
    main()
  File "/home/me/project/loop.py", line 12, in main
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
  File "/home/me/venv/lib/python3.11/site-packages/keras/src/optimizers/base_optimizer.py", line 463, in apply_gradients
    self.apply(grads, trainable_variables)
ValueError: No gradients provided for any variable.
"""
IPYTHON = """\
---------------------------------------------------------------------------
ValueError                                Traceback (most recent call last)
Cell In[7], line 9
      7     loss = loss_fn(y, prediction)
----> 9 optimizer.apply_gradients(zip(gradients, model.trainable_variables))

File ~/venv/lib/python3.11/site-packages/keras/src/optimizers/base_optimizer.py:463, in apply(self)
    461 grads, trainable_variables = zip(*grads_and_vars)

ValueError: No gradients provided for any variable.
"""


def test_a_traceback_of_python() -> None:
    pasted = read_pasted(PYTHON)
    assert pasted.own_frames == (Frame("/home/me/project/train.py", 31), Frame("/home/me/project/loop.py", 12))
    assert len(pasted.frames) == 3
    assert pasted.error == "ValueError: No gradients provided for any variable."


def test_a_traceback_of_ipython() -> None:
    pasted = read_pasted("\x1b[31m" + IPYTHON)
    assert pasted.own_frames == (Frame("", 9, cell=7),)
    assert pasted.error == "ValueError: No gradients provided for any variable."


def test_a_bare_message() -> None:
    pasted = read_pasted("  No gradients provided for any variable: ['dense/kernel:0']\n")
    assert pasted.frames == ()
    assert pasted.error == "No gradients provided for any variable: ['dense/kernel:0']"
    assert read_pasted(" \n").error is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (PYTHON, "RG401"),
        ("UserWarning: Gradients do not exist for variables ['dense/kernel'] when minimizing the loss.", "RG109"),
        ("ValueError: not enough values to unpack (expected 2, got 0)", "RG201"),
        ("ValueError: No loss to compute. Provide a `loss` argument in `compile()`.", "RG101"),
        ("LookupError: gradient registry has no entry for: Lu", "RG504"),
        ("AttributeError: 'Adam' object has no attribute 'minimize'", "RG408"),
    ],
)
def test_a_known_message_is_explained(text: str, code: str) -> None:
    found = meaning(text)
    assert found is not None
    assert code in found.codes


@pytest.mark.parametrize("text", ["KeyError: 'x'", "ValueError: not enough values to unpack (expected 3, got 2)", ""])
def test_another_message_is_not(text: str) -> None:
    assert meaning(text) is None
