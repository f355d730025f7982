"""What is known of the order in which frames run: calls that nobody makes are made up."""

from __future__ import annotations

from regrad.analysis.events import TrainableSet, Trained
from regrad.analysis.frames import in_order, made_up
from regrad.analysis.program import Program

from .programs import read

CLASS = """
class Model:
    def __init__(self):
        self.net = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
        {in_init}

    def train(self):
        {in_train}
        self.net.compile("sgd", "mse")
        self.net.fit(x, y)

    def score(self):
        {in_score}
        return self.net.predict(x)


model = Model()
{calls}
"""
FREEZE = "self.net.trainable = False"


def certain(program: Program) -> bool:
    (training,) = program.of(Trained)
    (freeze,) = program.of(TrainableSet)
    return in_order(freeze.frame, training.frame)


def text(in_init: str = "pass", in_train: str = "pass", in_score: str = "pass", calls: str = "") -> str:
    return CLASS.format(in_init=in_init, in_train=in_train, in_score=in_score, calls=calls)


def test_a_method_that_nobody_calls_may_come_first() -> None:
    program = read(text(in_score=FREEZE, calls="model.score()"))
    (training,) = program.of(Trained)
    assert made_up(training.frame) is not None
    assert not certain(program)


def test_what_made_the_object_comes_before() -> None:
    assert certain(read(text(in_init=FREEZE)))


def test_one_call_is_in_order() -> None:
    assert certain(read(text(in_train=FREEZE)))
    assert certain(read(text(in_score=FREEZE, calls="model.score()\nmodel.train()")))


def test_the_top_level_comes_before() -> None:
    assert certain(read(text(calls="model.net.trainable = False")))
