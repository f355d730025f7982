"""Whatever stands around a tape: mending keeps the order of what a program does, and comes to an end."""

from __future__ import annotations

import ast
import contextlib
import io
import re
from collections import Counter
from collections.abc import Iterator

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from regrad.analysis.program import Program
from regrad.analysis.reader import Reader
from regrad.analysis.source import SourceFile, decode
from regrad.codemods import forward_outside_tape, loss_outside_tape
from regrad.codemods.engine import edits, guard
from regrad.codemods.engine.rule import Rule, Withheld

_HEAD = "import tensorflow as tf\n\nw = tf.Variable(2.0)\nx = tf.constant(3.0)\na, b, c = 1.0, 2.0, 3.0\nkept = []\n\n"
_NAMES = st.sampled_from(["a", "b", "c", "p", "q"])
_STATEMENTS = st.one_of(
    st.builds("{} = {} + 1".format, _NAMES, _NAMES),
    st.builds("{} = {} * {}".format, _NAMES, _NAMES, _NAMES),
    st.builds("print('{}', {})".format, _NAMES, _NAMES),
    st.builds("{} = tf.random.normal(())".format, _NAMES),
    st.builds("{} += tf.random.uniform(())".format, _NAMES),
    st.builds("kept.append({})".format, _NAMES),
    st.builds("{} = len(kept)".format, _NAMES),
    st.builds("if {} > 2:\n    {} = {} - 1".format, _NAMES, _NAMES, _NAMES),
    st.builds("for i in range(2):\n    {} = {} + i".format, _NAMES, _NAMES),
    st.builds("# a remark about {}\n{} = {}  # and why".format, _NAMES, _NAMES, _NAMES),
    st.just("x = x + 1"),
    st.just("w.assign_add(0.5)"),
)
_BLOCKS = st.lists(_STATEMENTS, max_size=6)


class _Library:
    """As much of TensorFlow as the generated programs use; every draw is written down."""

    def __init__(self) -> None:
        self.drawn: list[str] = []
        self.random = self

    def normal(self, shape: tuple[int, ...]) -> float:
        self.drawn.append("normal")
        return 0.25 * len(self.drawn)

    def uniform(self, shape: tuple[int, ...]) -> float:
        self.drawn.append("uniform")
        return 0.5 * len(self.drawn)

    def constant(self, value: float) -> float:
        return value

    def reduce_sum(self, value: float) -> float:
        return value

    class Variable(float):
        """A number that can be added to, as a list of one."""

        now: list[float]

        def __new__(cls, value: float) -> _Library.Variable:
            made = super().__new__(cls, value)
            made.now = [value]
            return made

        def assign_add(self, value: float) -> None:
            self.now[0] += value

        def __mul__(self, other: float) -> float:
            return float(self.now[0] * other)

    @contextlib.contextmanager
    def GradientTape(self) -> Iterator[_Library]:
        yield self

    def gradient(self, target: float, source: float) -> float:
        print("gradient of", target)
        return 0.0


def _run(text: str) -> tuple[str, list[str]]:
    """What the program prints, and what it draws, in order, with a stand-in for TensorFlow; or how it ended."""
    printed = io.StringIO()
    library = _Library()
    code = compile(text.replace("import tensorflow as tf\n", "\n"), "program.py", "exec")
    with contextlib.redirect_stdout(printed):
        try:
            exec(code, {"tf": library, "p": 0.0, "q": 0.0})
        except Exception as problem:
            print(type(problem).__name__)
    return printed.getvalue(), library.drawn


def _read(text: str) -> Program:
    source = decode("program.py", text.encode())

    def files(path: str) -> SourceFile | None:
        return source if path == "program.py" else None

    return Reader(files).read("program.py")


def _mend(rule: Rule, text: str) -> str:
    """The text after the rule's mendings, until it has nothing more to do."""
    for _ in range(6):
        program = _read(text)
        for finding in rule.detect(program):
            offered = guard.settle(program.files, rule.mend(program, finding), with_libcst=False)
            if not isinstance(offered, Withheld):
                text = edits.apply_all(program.files, offered[0].edits)["program.py"]
                break
        else:
            return text
    raise AssertionError("the mending does not come to an end")


def _lines(text: str) -> Counter[str]:
    return Counter(line.strip() for line in text.split("\n") if line.strip())


def _check(rule: Rule, text: str) -> None:
    assert list(rule.detect(_read(text))), "the program is broken"
    mended = _mend(rule, text)
    ast.parse(mended)
    assert _lines(mended) == _lines(text), "moving adds and drops nothing"
    assert _run(mended) == _run(text), "the order of prints and draws, and all values, are as before"
    program = _read(mended)
    assert all(isinstance(rule.mend(program, finding), Withheld) for finding in rule.detect(program))
    moved = mended.count("\n    ") - text.count("\n    ")
    unmoved = [line for line in text.split("\n") if line and not line.startswith((" ", "#"))]
    assert moved >= 0 and sum(line in mended.split("\n") for line in unmoved) >= len(unmoved) - max(moved, 0)


def _indented(statements: list[str]) -> str:
    return "".join("    " + line + "\n" for statement in statements for line in statement.split("\n"))


def _plain(statements: list[str]) -> str:
    return "".join(statement + "\n" for statement in statements)


@given(_BLOCKS, _BLOCKS, _BLOCKS, _BLOCKS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_statements_before_the_tape(first: list[str], second: list[str], inside: list[str], after: list[str]) -> None:
    text = (
        _HEAD
        + _plain(first)
        + "h = w * x\n"
        + _plain(second)
        + "with tf.GradientTape() as tape:\n    loss = tf.reduce_sum(h)\n"
        + _indented(inside)
        + "g = tape.gradient(loss, w)\nprint(g)\n"
        + _plain(after)
    )
    _check(forward_outside_tape.RULE, text)


@given(_BLOCKS, _BLOCKS, _BLOCKS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_statements_behind_the_tape(first: list[str], second: list[str], third: list[str]) -> None:
    text = (
        _HEAD
        + "with tf.GradientTape() as tape:\n    h = w * x\n"
        + _plain(first)
        + "d = h - 1\n"
        + _plain(second)
        + "loss = tf.reduce_sum(d)\n"
        + _plain(third)
        + "g = tape.gradient(loss, w)\nprint(g, h, d)\n"
    )
    _check(loss_outside_tape.RULE, text)


@given(_BLOCKS, _BLOCKS, st.sampled_from(["if a < 9:", "for k in range(1):", "while kept == []:"]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_block_around_the_tape(first: list[str], second: list[str], header: str) -> None:
    """Into a block that runs once, moving changes nothing either; or it is withheld, or computed in both places."""
    text = (
        _HEAD
        + "h = w * x\n"
        + _plain(first)
        + header
        + "\n"
        + _indented(second)
        + "    with tf.GradientTape() as tape:\n        loss = tf.reduce_sum(h)\n"
        + "    g = tape.gradient(loss, w)\n    print(g)\n    kept.append(1)\n"
    )
    mended = _mend(forward_outside_tape.RULE, text)
    ast.parse(mended)
    assert _run(mended) == _run(text)
    program = _read(mended)
    assert not [
        finding
        for finding in forward_outside_tape.RULE.detect(program)
        if not isinstance(forward_outside_tape.RULE.mend(program, finding), Withheld)
    ]


def test_broken_programs_without_obstacles_are_mended() -> None:
    """A control: the properties above do not hold because nothing is ever done."""
    before = (
        _HEAD
        + "h = w * x\nprint(h)\n"
        + "with tf.GradientTape() as tape:\n    loss = tf.reduce_sum(h)\ng = tape.gradient(loss, w)\n"
    )
    behind = (
        _HEAD
        + "with tf.GradientTape() as tape:\n    h = w * x\nprint(h)\n"
        + "loss = tf.reduce_sum(h)\ng = tape.gradient(loss, w)\n"
    )
    assert _mend(forward_outside_tape.RULE, before) != before
    assert _mend(loss_outside_tape.RULE, behind) != behind


def test_the_stand_in_sees_differences() -> None:
    """A control: the run that is compared notices an order that changed."""
    text = _HEAD + "p = tf.random.normal(())\nq = tf.random.uniform(())\nprint(p)\n"
    other = re.sub(r"(p = .*\n)(q = .*\n)", r"\2\1", text)
    assert _run(text) != _run(other)
