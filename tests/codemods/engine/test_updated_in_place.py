"""Updates of a variable in place, and those who hold its old value."""

from __future__ import annotations

import ast

import pytest
from regrad.codemods.engine.holding import Conflict
from regrad.codemods.engine.second_holders import conflicts, target_of
from regrad.codemods.engine.updated_in_place import updated
from regrad.codemods.variable_replaced import RULE

from .programs import PATH, mended, read

_LOOP = """import tensorflow as tf

x, y = tf.ones((4, 3)), tf.ones((4, 1))
{before}
w = tf.Variable(tf.zeros((3, 1)))
{made}
for step in range(3):
{start}
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((x @ w - y) ** 2)
    w = w - 0.1 * tape.gradient(loss, w)
{end}
{after}
"""


def _loop(before: str = "", made: str = "", start: str = "", end: str = "", after: str = "") -> str:
    inner = {"start": start, "end": end}
    inner = {name: "\n".join(f"    {line}" for line in text.split("\n")) for name, text in inner.items()}
    return _LOOP.format(before=before, made=made, after=after, **inner)


@pytest.mark.parametrize(
    "program",
    [
        _loop(),
        _loop(after="print(w)"),
        _loop(made="first = w", after="print(w)"),
        _loop(start="log(step, w)", before="def log(step, w): print(step, float(tf.norm(w)))"),
        _loop(made="sizes = []", end="sizes.append(w.numpy())", after="print(sizes)"),
        _loop(made="sizes = []", end="sizes.append(float(tf.norm(w)))", after="print(sizes)"),
        _loop(start="old = w\nprint(tf.norm(old))"),
        _loop(made="sources = [w]", start="print(len(sources))"),
        _loop(before="import copy", start="old = copy.deepcopy(w)", after="print(old)"),
        _loop(end="last = (loss, w)", after="print(last)"),
    ],
)
def test_who_holds_nothing_old_is_no_hindrance(program: str) -> None:
    text = mended(RULE, program)
    assert "    w.assign_sub(0.1 * tape.gradient(loss, w))" in text
    assert "identity" not in text


@pytest.mark.parametrize(
    ("program", "line"),
    [
        (_loop(start="old = w", after="print(old)"), "old = tf.identity(w)"),
        (_loop(made="first = w", after="print(w - first)"), "first = tf.identity(w)"),
        (_loop(made="trace = []", start="trace.append(w)", after="print(trace)"), "trace.append(tf.identity(w))"),
        (_loop(made="trace = {}", start="trace[step] = w", after="print(trace)"), "trace[step] = tf.identity(w)"),
        (_loop(made="best = None", start="best = (loss, w) if step else best", after="print(best)"), "tf.identity(w)"),
        (_loop(start="best = dict(w=w, step=step)", after="print(best)"), "dict(w=tf.identity(w), step=step)"),
        (_loop(start="a, b = step, w", after="print(b)"), "a, b = step, tf.identity(w)"),
        (
            _loop(before="seen = []\ndef keep(it): seen.append(it)", start="keep(w)", after="print(seen)"),
            "keep(tf.identity(w))",
        ),
        (
            _loop(before="def same(it): return it", start="old = same(w)", after="print(old)"),
            "old = same(tf.identity(w))",
        ),
    ],
)
def test_who_reads_the_old_value_gets_a_copy(program: str, line: str) -> None:
    text = mended(RULE, program)
    assert line in text
    assert "    w.assign_sub(0.1 * tape.gradient(loss, w))" in text


@pytest.mark.parametrize(
    "program",
    [
        _loop(made="params = [w]", start="print(tf.add_n([tf.nn.l2_loss(each) for each in params]))"),
        _loop(before="def current(): return w", made="first = current()", after="print(w - first)"),
        _loop(start="if step == 2:\n    w = old\n    continue\nold = w"),
        _loop(made="first = w", after="tape.watch(first)\nprint(first)"),
    ],
)
def test_what_is_not_certain_is_left_to_the_author(program: str) -> None:
    assert mended(RULE, program).startswith("withheld: ")


_CALLED = """import tensorflow as tf

x, y = tf.ones((4, 3)), tf.ones((4, 1))

def descend(w):
    for step in range(3):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w - y) ** 2)
        w = w - 0.1 * tape.gradient(loss, w)
    return w

start = tf.Variable(tf.zeros((3, 1)))
"""


@pytest.mark.parametrize("call", ["start = descend(start)", "descend(start)", "print(descend(tf.Variable(x[:3, :1])))"])
def test_a_caller_that_does_not_read_it_again(call: str) -> None:
    assert "w.assign_sub(0.1 * tape.gradient(loss, w))" in mended(RULE, f"{_CALLED}{call}\n")


@pytest.mark.parametrize(
    "call", ["end = descend(start)\nprint(end - start)", "for _ in range(2):\n    print(descend(start))"]
)
def test_a_caller_that_reads_it_again(call: str) -> None:
    assert mended(RULE, f"{_CALLED}{call}\n").startswith("withheld: `start` holds the same variable")


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("w %= 2 * turn", "w.assign(w % (2 * turn))"),
        ("w **= 2", "w.assign(w ** 2)"),
        ("w //= turn", "w.assign(w // turn)"),
        ("w /= turn + 1", "w.assign(w / (turn + 1))"),
        ("w += turn", "w.assign_add(turn)"),
        ("w = w - turn - 1", "w.assign(w - turn - 1)"),
        ("w = turn - w", "w.assign(turn - w)"),
    ],
)
def test_every_operator_is_written_as_itself(statement: str, text: str) -> None:
    program = read(f"import tensorflow as tf\nw = tf.Variable(1.0)\nturn = 3.0\n{statement}\n")
    offered = updated(program, program.trees[PATH].body[-1], PATH)
    assert [edit.text for edit in getattr(offered, "edits", ())] == [text]


def test_a_new_value_that_is_not_made_of_the_old_one_is_no_update() -> None:
    program = read("import tensorflow as tf\nw = tf.Variable(1.0)\nw = tf.ones(3)\n")
    assert not hasattr(updated(program, program.trees[PATH].body[-1], PATH), "edits")


def _held(text: str) -> list[Conflict]:
    program = read(text)
    update = next(
        each
        for each in ast.walk(program.trees[PATH])
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.BinOp) and "rate" in ast.unparse(each.value)
    )
    target = target_of(program, update.targets[0], PATH)
    assert target is not None
    return conflicts(program, target, [update])


_OBJECT = """import tensorflow as tf

class Line:
    def __init__(self, w):
        self.w = w
    def step(self, rate):
        self.w = self.w - rate
    def given(self):
        return self.w

"""


def test_attributes_are_seen_in_all_scopes() -> None:
    made = "line = Line(tf.Variable(1.0))\n"
    assert _held(f"{_OBJECT}{made}line.step(0.1)\nprint(line.w)\n") == []
    assert _held(f"{_OBJECT}{made}old = line.w\nline.step(0.1)\nprint(old)\n") != []
    assert _held(f"{_OBJECT}{made}old = line.given()\nline.step(0.1)\nprint(old)\n") != []
    assert _held(f"{_OBJECT}{made}old = float(line.given())\nline.step(0.1)\nprint(old)\n") == []
    assert _held(f"{_OBJECT}w = tf.Variable(1.0)\nline = Line(w)\nline.step(0.1)\nprint(w)\n") != []


def test_what_a_function_was_given() -> None:
    start = "import tensorflow as tf\ndef go(given, kept):\n    w = given\n    for rate in range(3):\n"
    taken = start + "{}        w = w - rate\n"
    plain, keeping = taken.format(""), taken.format("        kept.append(w)\n")
    assert _held(f"{plain}go(tf.Variable(1.0), [])\n") == []
    assert _held(f"{plain}v = tf.Variable(1.0)\ngo(v, [])\nprint(v)\n") != []
    assert _held(f"{plain}v = tf.Variable(1.0)\nfor _ in range(2):\n    go(v, [])\n") != []
    assert _held(f"{keeping}go(tf.Variable(1.0), [])\n") != []


def test_elements_of_a_dictionary() -> None:
    made = 'import tensorflow as tf\nw = tf.Variable(1.0)\nall = {"w": tf.Variable(1.0)}\n'
    update = 'for rate in (1.0, 2.0):\n    all["w"] = all["w"] - rate\n'
    assert _held(f"{made}{update}print(all)\n") == []
    assert _held(f"{made}old = dict(all)\n{update}print(old)\n") != []
    assert _held(f'{made}all = {{"w": w}}\n{update}print(w)\n') != []
