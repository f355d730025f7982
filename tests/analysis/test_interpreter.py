"""Python as the reader runs it: each program asks for the gradient of a loss, and the way to `w` is there or not."""

from __future__ import annotations

import pytest

from .programs import connected, lost, read, sink

ARRIVES = {
    "closure": """
        def make():
            factor = w * 2
            def inner(x):
                return factor * x
            return inner
        loss = make()(1.0)
    """,
    "nonlocal": """
        def outer():
            total = tf.constant(0.0)
            def add():
                nonlocal total
                total = total + w
            add()
            return total
        loss = outer()
    """,
    "global": """
        total = 0.0
        def add():
            global total
            total = total + w
        add()
        loss = total
    """,
    "default argument": """
        def f(x, scale=w):
            return x * scale
        loss = f(2.0)
    """,
    "keyword only and unpacked": """
        def f(*values, scale, **others):
            return values[1] * scale + others["offset"]
        loss = f(*[1.0, 2.0], scale=w, **{"offset": 1.0})
    """,
    "list comprehension": """
        loss = sum([w * i for i in range(3)])
    """,
    "dictionary comprehension": """
        terms = {name: w * i for i, name in enumerate(["a", "b"])}
        loss = terms["a"] + terms["b"]
    """,
    "generator": """
        def terms():
            for i in range(3):
                yield w * i
        loss = 0.0
        for term in terms():
            loss += term
    """,
    "generator expression": """
        loss = sum(w * i for i in values)
    """,
    "loop over unknown": """
        loss = 0.0
        for batch in dataset:
            loss = loss + w * batch
    """,
    "while with break": """
        loss = tf.constant(0.0)
        while True:
            loss = loss + w
            if done():
                break
    """,
    "for with else": """
        loss = tf.constant(0.0)
        for i in range(3):
            pass
        else:
            loss = w * 1.0
    """,
    "one of two branches": """
        if unknown:
            loss = w * 2
        else:
            loss = tf.constant(1.0)
    """,
    "the branch that is taken": """
        if True:
            loss = w * 2
        else:
            loss = tf.constant(1.0)
    """,
    "third branch of many": """
        if a:
            loss = tf.constant(1.0)
        elif b:
            loss = tf.constant(2.0)
        elif c:
            loss = w * 2
        else:
            loss = tf.constant(3.0)
    """,
    "early return": """
        def f(x):
            if x is None:
                return tf.constant(0.0)
            return w * x
        loss = f(unknown)
    """,
    "try": """
        try:
            loss = w * 2
        except ValueError as problem:
            print(problem)
        finally:
            print("done")
    """,
    "handler": """
        try:
            loss = function()
            raise ValueError
        except ValueError:
            loss = w * 2
    """,
    "own context manager": """
        class Context:
            def __enter__(self):
                return w * 2
            def __exit__(self, *others):
                pass
        with Context() as value:
            loss = value
    """,
    "match": """
        match command:
            case "a":
                loss = w * 2
            case _:
                loss = w * 3
    """,
    "walrus": """
        if (loss := w * 2) is not None:
            pass
    """,
    "conditional expression": """
        loss = w * 2 if unknown else tf.constant(0.0)
    """,
    "or": """
        loss = None or w * 2
    """,
    "tuple assignment": """
        loss, *others = w * 2, 1, 2
    """,
    "nested targets": """
        (a, [b, loss]) = 1, [2, w * 3]
    """,
    "attribute of an instance": """
        class Holder:
            def __init__(self, value):
                self.value = value
            @property
            def doubled(self):
                return self.value * 2
        loss = Holder(w).doubled
    """,
    "inherited method": """
        class Base:
            def loss(self):
                return self.term() * 2
        class Derived(Base):
            def term(self):
                return w * 1
        loss = Derived().loss()
    """,
    "super": """
        class Base:
            def loss(self, x):
                return w * x
        class Derived(Base):
            def loss(self, x):
                return super().loss(x) + 1
        loss = Derived().loss(2.0)
    """,
    "static and class methods": """
        class Losses:
            @staticmethod
            def one(x):
                return x * 2
            @classmethod
            def two(cls, x):
                return cls.one(x)
        loss = Losses.two(w)
    """,
    "callable instance": """
        class Loss:
            def __call__(self, x):
                return x * 2
        loss = Loss()(w)
    """,
    "class attribute": """
        class Settings:
            value = w * 2
        loss = Settings.value
    """,
    "dataclass": """
        from dataclasses import dataclass
        @dataclass
        class Pair:
            first: object
            second: object
        loss = Pair(1.0, w * 2).second
    """,
    "partial": """
        from functools import partial
        loss = partial(lambda a, b: a * b, w)(2.0)
    """,
    "own decorator": """
        def twice(function):
            def wrapped(*values):
                return function(*values) * 2
            return wrapped
        @twice
        def f(x):
            return w * x
        loss = f(1.0)
    """,
    "tf.function": """
        @tf.function
        def f(x):
            return w * x
        loss = f(1.0)
    """,
    "list that grows": """
        terms = []
        for i in range(3):
            terms.append(w * i)
        loss = tf.add_n(terms)
    """,
    "dictionary that grows": """
        terms = {}
        terms["a"] = w * 2
        terms.update(b=w * 3)
        loss = terms["a"] + terms.pop("b")
    """,
    "item assignment": """
        terms = [0.0, 0.0]
        terms[1] = w * 2
        loss = terms[1]
    """,
    "zip and enumerate": """
        loss = 0.0
        for i, (a, b) in enumerate(zip([w, w], [1.0, 2.0])):
            loss += a * b
    """,
    "map and sorted": """
        loss = sum(map(lambda v: v * 2, reversed([w * 1, w * 2])))
    """,
    "getattr and setattr": """
        class Holder:
            pass
        holder = Holder()
        setattr(holder, "value", w * 2)
        loss = getattr(holder, "value")
    """,
    "recursion": """
        def power(x, n):
            return x if n == 0 else power(x * w, n - 1)
        loss = power(1.0, 3)
    """,
    "delete and bind anew": """
        loss = 1.0
        del loss
        loss = w * 2
    """,
    "star of a dictionary": """
        arguments = dict(x=w)
        loss = (lambda x, y=1.0: x * y)(**arguments)
    """,
    "unknown keywords": """
        def f(x=1.0):
            return x * 2
        loss = f(**options) + w
    """,
}
CUT = {
    "the branch that is not taken": """
        if False:
            loss = w * 2
        else:
            loss = tf.constant(1.0)
    """,
    "both branches": """
        if unknown:
            loss = tf.stop_gradient(w)
        else:
            loss = tf.constant(1.0)
    """,
    "the last of the assignments": """
        loss = w * 2
        loss = tf.stop_gradient(w)
    """,
    "a name of the function, not of the module": """
        loss = tf.stop_gradient(w)
        def f():
            loss = w * 2
        f()
    """,
    "comprehensions keep their names": """
        loss = tf.stop_gradient(w)
        [loss for loss in [w * 1, w * 2]]
    """,
    "a loop that is left at once": """
        loss = tf.stop_gradient(w)
        for i in range(3):
            break
            loss = w * 2
    """,
    "a loop over nothing": """
        loss = tf.stop_gradient(w)
        for i in []:
            loss = w * 2
    """,
    "a method that the class overrides": """
        class Base:
            def loss(self):
                return w * 2
        class Derived(Base):
            def loss(self):
                return tf.stop_gradient(w)
        loss = Derived().loss()
    """,
    "deep inside calls": """
        def inner(x):
            return tf.stop_gradient(x)
        def middle(x):
            return inner(x) * 2
        def outer(x):
            return middle(x) + 1
        loss = outer(w)
    """,
    "elif chain without w": """
        if a:
            loss = tf.constant(1.0)
        elif b:
            loss = tf.stop_gradient(w)
        else:
            loss = tf.constant(3.0)
    """,
    "after a function that always returns": """
        def f():
            if unknown:
                return tf.stop_gradient(w)
            else:
                return tf.stop_gradient(w * 2)
            return w
        loss = f()
    """,
}


def program_with(body: str) -> str:
    import textwrap

    inner = textwrap.indent(textwrap.dedent(body).strip("\n"), "    ")
    return f'w = tf.Variable(2.0, name="w")\nwith tf.GradientTape() as tape:\n{inner}\ntape.gradient(loss, [w])\n'


@pytest.mark.parametrize("body", ARRIVES.values(), ids=ARRIVES.keys())
def test_arrives(body: str) -> None:
    found = sink(read(program_with(body)))
    assert connected(found) == ["w"]
    assert not found.path.lost


@pytest.mark.parametrize("body", CUT.values(), ids=CUT.keys())
def test_cut(body: str) -> None:
    found = sink(read(program_with(body)))
    assert lost(found) == ["w"]
    assert found.dead
    assert bool(found.cuts) is ("stop_gradient" in body)


def test_functions_that_nobody_calls_are_read_with_unknown_arguments() -> None:
    found = sink(
        read("""
        def train(x):
            w = tf.Variable(1.0, name="w")
            with tf.GradientTape() as tape:
                loss = tf.stop_gradient(w * x)
            return tape.gradient(loss, [w])
    """)
    )
    assert found.dead


def test_what_such_a_function_made_stays_as_it_left_it() -> None:
    found = sink(
        read("""
        def saliency():
            x = tf.constant([1.0, 2.0])
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = tf.square(x)
            return tape.gradient(y, x)
    """)
    )
    assert not found.path.lost


def test_such_a_function_changes_nothing_for_the_next() -> None:
    first, second = read("""
        layer = layers.Dense(3, name="first")

        def freezes(x):
            layer.trainable = False
            model = keras.Sequential([layer])
            model.compile("adam", "mse")
            model.fit(x, x)

        def trains(x):
            model = keras.Sequential([layer])
            model.compile("adam", "mse")
            model.fit(x, x)
    """).sinks
    assert connected(first) == []
    assert connected(second) == ["first"]


def test_methods_that_nobody_calls_know_their_object() -> None:
    found = sink(
        read("""
        class Trainer:
            def __init__(self):
                self.w = tf.Variable(1.0, name="w")
            def step(self, x):
                with tf.GradientTape() as tape:
                    loss = tf.stop_gradient(self.w * x)
                return tape.gradient(loss, [self.w])
    """)
    )
    assert lost(found) == ["variable"] or lost(found) == ["w"]


def test_a_loop_sees_what_it_changed_itself() -> None:
    first, *_, last = read("""
        w = tf.Variable(1.0)
        for step in range(100):
            with tf.GradientTape() as tape:
                loss = w * w
            gradient = tape.gradient(loss, [w])
            w = w - 0.1 * gradient[0]
    """).sinks
    assert not first.path.lost
    assert last.dead
