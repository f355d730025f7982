"""Any text gets an answer, the same one every time, in bounded time; nothing but what says so is ever raised."""

from __future__ import annotations

import ast
import re
import sys
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from regrad.analysis.program import Program
from regrad.analysis.reader import Reader
from regrad.analysis.source import Unreadable, decode

from .programs import HEAD, sink


def read(text: str) -> Program:
    return Reader(lambda path: None).read_source(decode("train.py", text.encode("utf-8", "surrogatepass")))


def seen(program: Program) -> list[tuple[object, ...]]:
    """What a program was seen to do, without the identities that differ from run to run."""
    found: list[tuple[object, ...]] = [
        (type(event).__name__, getattr(event.node, "lineno", None), event.serial) for event in program.events
    ]
    for each in program.sinks:
        path = each.path
        found.append((each.kind, len(path.connected), len(path.lost), path.complete, path.anything))
        found.extend((cut.kind, cut.name, getattr(cut.node, "lineno", None)) for cut in each.cuts)
    return found


# -- generated programs ------------------------------------------------------------------------------------------------

NAMES = ("a", "b", "c", "model", "tape", "w", "x", "self")
CALLS = (
    "tf.square", "tf.Variable", "tf.stop_gradient", "tf.GradientTape", "tf.argmax", "tf.reduce_mean", "tf.constant",
    "tf.function", "keras.Sequential", "keras.Input", "keras.Model", "layers.Dense", "layers.Lambda", "np.array",
    "layers.Bidirectional", "keras.optimizers.Adam", "tf.data.Dataset.from_tensor_slices", "len", "zip", "list", "dict",
    "range", "sum", "isinstance", "super", "getattr", "setattr", "map", "sorted", "next", "iter", "type", "open",
    "f", "g",
    "K", "C", "a.append", "a.extend", "a.pop", "a.items", "model.add", "model.compile", "model.fit", "model.get_layer",
    "model.predict", "tape.gradient", "tape.watch", "tape.jacobian", "w.assign", "w.assign_sub", "model", "x.numpy",
    "tf.map_fn", "tf.cond", "tf.while_loop", "functools.partial", "a.apply_gradients", "a.minimize",
)  # fmt: skip
ATTRIBUTES = (
    "trainable",
    "layers",
    "trainable_variables",
    "shape",
    "T",
    "dtype",
    "output",
    "input",
    "a",
    "loss",
    "fit",
)
WORDS = ("None", "True", "False", "0", "1", "-1", "2.5", "'adam'", "'mse'", "'softmax'", "...", "[]", "{}", "()", "b''")


_KEYWORD = re.compile(r"([a-z]+)=(?!=)")


def in_order(parts: list[str]) -> str:
    """Arguments as Python takes them: those with a name last, and each name once."""
    named = {found[1]: part for part in parts if (found := _KEYWORD.match(part))}
    unpacked = [part for part in parts if part.startswith("**")]
    return ", ".join(
        [*(part for part in parts if part not in {*named.values(), *unpacked}), *named.values(), *unpacked]
    )


def expressions() -> st.SearchStrategy[str]:
    leaf = st.sampled_from((*NAMES, *WORDS))

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        arguments = st.lists(
            st.one_of(
                inner,
                inner.map("*{}".format),
                inner.map("**{}".format),
                st.tuples(st.sampled_from(("loss", "units", "activation", "persistent", "a", "sources")), inner).map(
                    "=".join
                ),
            ),
            max_size=3,
        ).map(in_order)
        return st.one_of(
            st.tuples(st.sampled_from(CALLS), arguments).map(lambda p: f"{p[0]}({p[1]})"),
            st.tuples(inner, st.sampled_from(ATTRIBUTES)).map(lambda p: f"({p[0]}).{p[1]}"),
            st.tuples(inner, inner).map(lambda p: f"({p[0]})[{p[1]}]"),
            st.tuples(inner, inner, inner).map(lambda p: f"({p[0]})[{p[1]}:{p[2]}]"),
            st.tuples(inner, st.sampled_from("+ - * / // % ** @ & | << < == is in and or".split()), inner).map(
                lambda p: f"({p[0]} {p[1]} {p[2]})"
            ),
            st.tuples(st.sampled_from(("-", "not ", "~", "await ", "yield ")), inner).map(lambda p: f"({p[0]}{p[1]})"),
            st.lists(inner, max_size=3).map(lambda p: f"[{', '.join(p)}]"),
            st.lists(inner, max_size=3).map(lambda p: f"({', '.join(p)},)" if p else "()"),
            st.lists(st.tuples(inner, inner), max_size=2).map(
                lambda p: "{" + ", ".join(f"{k}: {v}" for k, v in p) + "}"
            ),
            st.tuples(inner, inner).map(lambda p: f"[{p[0]} for a in {p[1]}]"),
            st.tuples(inner, inner, inner).map(lambda p: f"{{{p[0]}: {p[1]} for a, b in {p[2]} if a}}"),
            st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} if {p[1]} else {p[2]})"),
            inner.map("(lambda x, *a, **b: {})".format),
            inner.map("(a := {})".format),
            st.sampled_from(('f"{a}"', 'f"{x.shape[0]} {w!r:>{a}}"', 'f"{f(a)}" "b"')),
        )

    return st.recursive(leaf, larger, max_leaves=6)


TARGETS = (
    "a",
    "b",
    "x",
    "model",
    "w",
    "tape",
    "a, b",
    "a, *b",
    "[a, (b, x)]",
    "model.trainable",
    "self.a",
    "a[0]",
    "a[b]",
    "a.b.c",
)


def blocks() -> st.SearchStrategy[str]:
    e = expressions()
    target = st.sampled_from(TARGETS)
    simple = st.one_of(
        e,
        st.tuples(target, e).map(" = ".join),
        st.tuples(st.sampled_from(("a", "w", "x", "a.b", "a[0]")), st.sampled_from("+ - * @".split()), e).map(
            lambda p: f"{p[0]} {p[1]}= {p[2]}"
        ),
        st.sampled_from(
            (
                "pass", "return", "break", "continue", "raise", "del a", "global a", "nonlocal a", "import a.b",
                "from . import a", "from x import *", "from tensorflow.keras.layers import *", "import train",
            )
        ),
        e.map("return {}".format),
        e.map("raise {}".format),
        e.map("assert {}".format),
    )  # fmt: skip

    def indented(text: str) -> str:
        return "\n".join("    " + line for line in text.split("\n"))

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        body = st.lists(inner, min_size=1, max_size=3).map("\n".join).map(indented)
        return st.one_of(
            st.tuples(e, body, body).map(lambda p: f"if {p[0]}:\n{p[1]}\nelif a:\n{p[2]}\nelse:\n{p[1]}"),
            st.tuples(target, e, body, body).map(lambda p: f"for {p[0]} in {p[1]}:\n{p[2]}\nelse:\n{p[3]}"),
            st.tuples(e, body).map(lambda p: f"while {p[0]}:\n{p[1]}"),
            st.tuples(e, target, body).map(
                lambda p: f"with {p[0]} as {p[1]}:\n{p[2]}" if "," not in p[1] else f"with {p[0]}:\n{p[2]}"
            ),
            body.map("with tf.GradientTape() as tape:\n{}".format),
            st.tuples(body, body, body).map(lambda p: f"try:\n{p[0]}\nexcept E as a:\n{p[1]}\nfinally:\n{p[2]}"),
            st.tuples(st.sampled_from("fgK"), body).map(
                lambda p: f"@tf.function\ndef {p[0]}(a, b=w, *x, c=1, **k):\n{p[1]}"
            ),
            st.tuples(st.sampled_from(("keras.Model", "layers.Layer", "C", "object")), body).map(
                lambda p: f"class C({p[0]}):\n    def __init__(self, a=None):\n"
                f"    {p[1].replace(chr(10), chr(10) + '    ')}\n"
                f"    def call(self, x):\n    {p[1].replace(chr(10), chr(10) + '    ')}\n    x = w"
            ),
            st.tuples(e, body, body).map(
                lambda p: f"match {p[0]}:\n    case [a, *b]:\n    {p[1].replace(chr(10), chr(10) + '    ')}\n"
                f"    case C(x=a) | {{'k': a}}:\n    {p[2].replace(chr(10), chr(10) + '    ')}"
            ),
        )  # fmt: skip

    return st.lists(st.recursive(simple, larger, max_leaves=8), max_size=6).map("\n".join)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(blocks())
def test_generated_programs(body: str) -> None:
    text = HEAD + body + "\n"
    limit = sys.getrecursionlimit()
    try:
        first = read(text)
    except Unreadable:
        with pytest.raises(SyntaxError):
            ast.parse(text)
        return
    finally:
        assert sys.getrecursionlimit() == limit
    assert seen(first) == seen(read(text))


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_any_text(text: str) -> None:
    try:
        read(text)
    except Unreadable as problem:
        assert problem.message


def test_the_generated_programs_are_not_all_refused() -> None:
    """A generator whose programs do not parse would test nothing."""
    good: list[bool] = []

    @settings(max_examples=100, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(blocks())
    def run(body: str) -> None:
        try:
            ast.parse(HEAD + body)
        except SyntaxError:
            good.append(False)
        else:
            good.append(True)

    run()
    assert sum(good) > 0.9 * len(good)


# -- large and deep ones -----------------------------------------------------------------------------------------------

GRADIENT = "w = tf.Variable(1.0)\nwith tf.GradientTape() as tape:\n    loss = {}\ntape.gradient(loss, [w])\n"


def chain(count: int) -> str:
    return "\n".join(f"def f{n}(x):\n    return f{n + 1}(x) + f{n + 1}(x)" for n in range(count))


def nested(head: str, depth: int, last: str) -> str:
    return "".join("    " * n + head.format(n) + "\n" for n in range(depth)) + "    " * depth + last + "\n"


SIZES = {
    "a call tree that doubles at each level": (chain(40) + "\ndef f40(x):\n    return tf.square(x)\n", "f0(w)"),
    "functions that call each other in circles": (
        "\n".join(f"def f{n}(x):\n    return f{(n + 1) % 50}(x) + f{(n + 7) % 50}(x)" for n in range(50)) + "\n",
        "f0(w) + w",
    ),
    "a function that calls itself": ("def f(x):\n    return f(f(f(x)))\n", "f(w) + w"),
    "nested loops": (nested("for i{} in r:", 10, "x = [x]"), "w * 2"),
    "nested loops over lists": (nested("for i{} in [a, b, c, d]:", 10, "x = [x]"), None),
    "nested loops with a condition": (nested("while c{}:", 18, "x = x + tf.ones(3)"), "w * 2"),
    "nested functions": (nested("def f{}():", 18, "return 1"), "w * 2"),
    "comprehension of comprehensions": (
        "names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']\n"
        "x = [[[[[[a + b for a in names] for b in names] for c in names] for d in names] for e in names]"
        " for f in names]\n",
        None,
    ),
    "a list that doubles": ("x = [1]\n" + "x = x + x\n" * 60, "w * 2"),
    "a tuple that doubles": ("x = (1,)\n" + "x = (x, x)\n" * 60, "w * 2"),
    "a text that doubles": ("x = 'ab'\n" + "x = f'{x}{x}'\n" * 60, "w * 2"),
    "a number that grows": ("x = 9\n" + "x = x * x\n" * 60 + "y = 10 ** 10 ** 10\nz = 'a' * 10 ** 12\n", "w * 2"),
    "branches that join lists of lists": (
        "a, b = [x], [y]\n" + "a, b = [a, a], [b, b]\n" * 40 + "if c: a = b\n",
        "w * 2",
    ),
    "lists that hold themselves": ("a, b = [], []\na.append(a)\nb.append(b)\nif c: a = b\n", "w * 2"),
    "a class that inherits from itself": ("class A(A): pass\nclass B(A): pass\nclass A(B): pass\nA().f()\n", "w * 2"),
    "ten thousand branches": ("".join(f"if c{n}:\n    x{n} = {n}\n" for n in range(10_000)), "w * 2"),
    "an elif for everything": ("if c: x = 0\n" + "".join(f"elif c{n}: x = {n}\n" for n in range(3000)), "w * 2"),
}


@pytest.mark.parametrize(("text", "loss"), SIZES.values(), ids=SIZES.keys())
def test_bounded(text: str, loss: str | None) -> None:
    start = time.process_time()
    program = read(HEAD + text + GRADIENT.format(loss or "w * 2"))
    assert time.process_time() - start < 10
    if loss is None:
        # Nothing is said of a program that was given up.
        assert program.truncated and not program.events
    else:
        assert not sink(program).path.lost


@pytest.mark.parametrize("link", [" + w", " + w * 2", ".b(1)", "(1)"])
def test_chains_of_ten_thousand(link: str) -> None:
    if sys.version_info >= (3, 12) and " " not in link:
        pytest.skip("Python itself does not parse it")
    limit = sys.getrecursionlimit()
    count = 10_000 if " " in link else 3000
    try:
        program = read(HEAD + GRADIENT.format("w" + link * count))
    except Unreadable as problem:
        assert sys.version_info >= (3, 12), "there is room for it"
        assert "too deeply nested" in problem.message
    else:
        assert not program.truncated
        assert not sink(program).path.lost
    assert sys.getrecursionlimit() == limit


def test_five_megabytes() -> None:
    text = HEAD + "numbers = [\n" + "    1, 2, 3, 4, 5, 6, 7, 8, 9, 10,\n" * 145_000 + "]\n" + GRADIENT.format("w * 2")
    assert len(text) > 5_000_000
    start = time.process_time()
    program = read(text)
    assert time.process_time() - start < 60
    assert not sink(program).path.lost


def test_lists_and_dictionaries_grow_without_being_copied() -> None:
    def seconds(count: int) -> float:
        text = HEAD + "x, y = {}, []\n" + "".join(f"x['k{n}'] = {n}\ny.append({n})\n" for n in range(count))
        start = time.process_time()
        read(text)
        return time.process_time() - start

    seconds(100)
    assert seconds(16_000) < 40 * seconds(2000)


def test_what_is_too_long_to_be_told_apart_lets_gradients_flow() -> None:
    program = read(
        HEAD + "w = tf.Variable(1.0)\nwith tf.GradientTape() as tape:\n    terms = []\n"
        + "    terms.append(tf.constant(1.0))\n" * 3000
        + "    terms.append(w * 2)\n    loss = tf.add_n(terms)\ntape.gradient(loss, [w])\n"
    )  # fmt: skip
    assert not sink(program).path.lost
