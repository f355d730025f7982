"""The survey of many files: what it leaves behind in memory."""

from __future__ import annotations

import gc
from pathlib import Path

from regrad.analysis.values import Class
from regrad.repair import session
from regrad.repair.options import Options

PROGRAM = """import keras

class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.head = keras.layers.Dense(1)

    def call(self, x):
        return self.head(x)

model = Net()
model.compile("sgd", "mse")
model.fit(x, y)
"""


def test_no_program_outlives_the_next(tmp_path: Path) -> None:
    for number in range(6):
        (tmp_path / f"train_{number}.py").write_text(PROGRAM)
    gc.collect()
    usual, before = (gc.get_threshold(), gc.get_freeze_count()), _classes_alive()
    assert len(list(session.check([str(tmp_path)], Options(jobs=1)))) == 6
    assert _classes_alive() <= before + 1
    assert (gc.get_threshold(), gc.get_freeze_count()) == usual


def _classes_alive() -> int:
    """The classes of programs that memory holds, those among them that nothing needs any more."""
    return sum(type(each) is Class for each in gc.get_objects())
