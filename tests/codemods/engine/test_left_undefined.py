"""A rewrite must not take a name out of the function that gave it a meaning."""

import pytest
from regrad.analysis.source import decode
from regrad.codemods.engine.left_undefined import left_undefined

INSIDE = "def build(beta):\n    def loss(y, p):\n        return p * beta\n    return loss\n"
MOVED = "def loss(y, p):\n    return p * beta\n\ndef build(beta):\n    return loss\n"


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        (INSIDE, MOVED, ("beta",)),
        (INSIDE, "beta = 1\n" + MOVED, ()),
        ("from settings import *\n" + INSIDE, "from settings import *\n" + MOVED, ()),
        ("print(X_train)\n" + INSIDE, "print(X_train)\n" + MOVED, ("beta",)),
        ("old(X_train)\n", "new(X_train)\n", ()),
        (
            "def f():\n    import numpy as np\n    return np.ones(1)\n",
            "x = np.ones(1)\n\ndef f():\n    return x\n",
            ("np",),
        ),
        (
            "def f():\n    k = 1\n    return [k for _ in range(2)]\n",
            "def f():\n    return [k for _ in range(2)]\n",
            ("k",),
        ),
        ("metric = metrics.Mean()\n", "metric = losses.Huber()\n", ("losses",)),
        ("import losses\nm = metrics.Mean()\n", "import losses\nm = losses.Huber()\n", ()),
        ("x.metrics.Mean()\n", "x.losses.Huber()\n", ()),
        ("class A:\n    rate = 1\n", "class A:\n    def f(self):\n        return rate\n", ("rate",)),
        ("def f(:\n", MOVED, ()),
    ],
)
def test_what_has_no_meaning_any_more(before: str, after: str, lost: tuple[str, ...]) -> None:
    old, new = decode("a.py", before.encode()), decode("a.py", after.encode())
    assert left_undefined(old, new) == lost
