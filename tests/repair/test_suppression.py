"""Comments that silence findings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from regrad.analysis.location import Position, Span
from regrad.analysis.source import decode
from regrad.repair.options import Options
from regrad.repair.session import check
from regrad.repair.suppression import Suppressions


def span(first: int, last: int | None = None) -> Span:
    return Span(Position(first, 1), Position(last or first, 9))


@pytest.mark.parametrize(
    ("text", "code", "place", "expected"),
    [
        ("x = 1  # regrad: ignore[RG401]\n", "RG401", span(1), True),
        ("x = 1  # regrad: ignore[RG402, RG401] because\n", "RG401", span(1), True),
        ("x = 1  # regrad: ignore[RG4]\n", "RG401", span(1), True),
        ("x = 1  # regrad: ignore[RG402]\n", "RG401", span(1), False),
        ("x = 1  # regrad: ignore\n", "RG401", span(1), True),
        ("x = 1  # REGRAD:ignore\n", "RG401", span(1), True),
        ("x = 1  # regrad: ignored\n", "RG401", span(1), False),
        ("x = 1  # regrad: ignore[forward-outside-tape]\n", "RG401", span(1), True),
        ("x = 1  # regrad: ignore[RG402, Forward-Outside-Tape]\n", "RG401", span(1), True),
        ("x = 1  # regrad: ignore[loss-outside-tape]\n", "RG401", span(1), False),
        ("x = 1  # noqa: RG401\n", "RG401", span(1), True),
        ("x = 1  # noqa: E501,RG401 why\n", "RG401", span(1), True),
        ("x = 1  # noqa: E501\n", "RG401", span(1), False),
        ("x = 1  # noqa\n", "RG401", span(1), False),
        ("x = 1\ny = 2  # regrad: ignore\n", "RG401", span(1), False),
        ("x = f(\n  1,\n)  # regrad: ignore\n", "RG401", span(1, 3), True),
        ("# regrad: ignore[RG401]\nx = f(\n  1)\n", "RG401", span(3), True),
        ("# regrad: ignore[RG401]\nx = 1\ny = 2\n", "RG401", span(3), False),
        ("x = '# regrad: ignore'\n", "RG401", span(1), False),
        ("x = 1\n# regrad: ignore-file\n", "RG401", span(1), True),
        ("x = 1\n# regrad: ignore-file[RG402]\n", "RG401", span(1), False),
        ("x = 1  # regrad: ignore\r\n", "RG401", span(1), True),
        ("x = 1  # type: ignore  # regrad: ignore[RG401]\n", "RG401", span(1), True),
        ("", "RG401", span(1), False),
        ("x = (  # regrad: ignore\n", "RG401", span(1), False),
    ],
)
def test_what_is_silenced(text: str, code: str, place: Span, expected: bool) -> None:
    assert Suppressions(decode("a.py", text.encode())).covers(code, place) is expected


def test_unused_ones_are_found() -> None:
    text = "x = 1  # regrad: ignore[RG401]\ny = 1  # regrad: ignore[RG402]\nz = 1  # noqa: RG999\n"
    found = Suppressions(decode("a.py", text.encode()))
    assert [each.line for each in found.unused([("RG401", span(1)), ("RG401", span(2))])] == [2]


BROKEN = """\
import tensorflow as tf
model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
optimizer = tf.keras.optimizers.SGD()
x = tf.ones((8, 3)); y = tf.ones((8, 1))
prediction = model(x)  # regrad: ignore[RG401]
with tf.GradientTape() as tape:
    loss = tf.reduce_mean((y - prediction) ** 2)
gradients = tape.gradient(loss, model.trainable_variables)
optimizer.apply_gradients(zip(gradients, model.trainable_variables))
"""


def said(tmp_path: Path, text: str, **options: Any) -> tuple[str | None, list[str]]:
    (tmp_path / "train.py").write_text(text)
    (outcome,) = check([str(tmp_path / "train.py")], Options(**options))
    return outcome.message, [each.finding.code for each in outcome.findings]


def test_what_silences_a_finding_is_of_use(tmp_path: Path) -> None:
    assert said(tmp_path, BROKEN) == (None, [])


def test_what_silences_nothing_is_told(tmp_path: Path) -> None:
    text = BROKEN.replace("SGD()", "SGD()  # regrad: ignore[RG402]")
    assert said(tmp_path, text) == ("line 3: the comment `regrad: ignore[RG402]` silences nothing", [])
    assert said(tmp_path, text, select=("RG401",)) == (None, [])


def test_an_unknown_rule_in_a_comment_suggests_the_near_one(tmp_path: Path) -> None:
    message, codes = said(tmp_path, BROKEN.replace("RG401]", "RG4O1]"))
    assert message is not None
    assert message.startswith("line 5: there is no rule RG4O1 to ignore; did you mean ")
    assert "RG401" in message
    assert codes == ["RG401"]


def test_an_unknown_name_in_a_comment_is_told_as_it_is_written(tmp_path: Path) -> None:
    message, codes = said(tmp_path, BROKEN.replace("RG401]", "forward-outside-tapes]"))
    assert message is not None
    assert "there is no rule forward-outside-tapes to ignore; did you mean RG401" in message
    assert codes == ["RG401"]


def test_a_comment_in_a_module_may_be_of_use_to_a_program_that_is_not_read(tmp_path: Path) -> None:
    lines = BROKEN.splitlines(keepends=True)
    (tmp_path / "part.py").write_text(
        "import tensorflow as tf\n\n\ndef forward(model, x):\n    return tf.round(model(x))  # regrad: ignore[RG501]\n"
    )
    (tmp_path / "train.py").write_text(
        "from part import forward\n"
        + "".join(lines[:4])
        + "with tf.GradientTape() as tape:\n    loss = tf.reduce_mean((y - forward(model, x)) ** 2)\n"
        + "".join(lines[7:])
    )
    outcomes = list(check([str(tmp_path)], Options(root=str(tmp_path))))
    assert [(outcome.message, outcome.findings) for outcome in outcomes] == [(None, ())] * 2
    (alone,) = check([str(tmp_path / "part.py")], Options(root=str(tmp_path)))
    assert alone.message is None
