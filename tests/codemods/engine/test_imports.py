"""Names as a file can say them, and imports that come and go."""

from __future__ import annotations

import ast

import pytest
from regrad.analysis.source import decode, parse
from regrad.codemods.engine import edits
from regrad.codemods.engine.imports import remove_import, spelled, spelling
from regrad.codemods.engine.layout import CannotMove

HUBER = ["tensorflow.keras.losses.Huber", "keras.losses.Huber"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import tensorflow as tf", "tf.keras.losses.Huber"),
        ("import tensorflow", "tensorflow.keras.losses.Huber"),
        ("import tensorflow.keras.losses", "tensorflow.keras.losses.Huber"),
        ("from tensorflow import keras", "keras.losses.Huber"),
        ("from tensorflow import keras as k\nimport tensorflow as tf", "k.losses.Huber"),
        ("from tensorflow.keras.losses import Huber as H", "H"),
        ("import keras", "keras.losses.Huber"),
        ("try:\n    import tensorflow as tf\nexcept ImportError:\n    pass", "tf.keras.losses.Huber"),
        ("import torch", None),
        ("def f():\n    import tensorflow as tf", None),
        ("import tensorflow as tf\ndef f(tf): pass", None),
        ("from .tensorflow import keras", None),
    ],
)
def test_spelling(text: str, expected: str | None) -> None:
    assert spelled(ast.parse(text), HUBER) == expected


def test_an_import_further_down_counts_only_in_functions() -> None:
    tree = ast.parse("def f():\n    here\nthere\nimport tensorflow as tf\n")
    function, there = tree.body[0], tree.body[1]
    assert isinstance(function, ast.FunctionDef)
    assert spelled(tree, "tensorflow.add", function.body[0]) == "tf.add"
    assert spelled(tree, "tensorflow.add", there) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import os\n\nx = 1\n", "import os\nimport tensorflow as tf\n\nx = 1\n"),
        ("x = 1\n", "import tensorflow as tf\n\nx = 1\n"),
        ("", "import tensorflow as tf\n"),
        ("# licence\n\n# what\nx = 1\n", "# licence\n\nimport tensorflow as tf\n\n# what\nx = 1\n"),
        ("#!/usr/bin/python\nx = 1\n", "#!/usr/bin/python\nimport tensorflow as tf\n\nx = 1\n"),
        ('"""Doc."""\n\nx = 1\n', '"""Doc."""\n\nimport tensorflow as tf\n\nx = 1\n'),
        ('"""Doc."""', '"""Doc."""\n\nimport tensorflow as tf'),
        (
            '"""Doc."""\nfrom __future__ import annotations\nx = 1\n',
            '"""Doc."""\nfrom __future__ import annotations\nimport tensorflow as tf\nx = 1\n',
        ),
        ("import os  # os\r\nx = 1\r\n", "import os  # os\r\nimport tensorflow as tf\r\nx = 1\r\n"),
    ],
)
def test_an_import_is_added(text: str, expected: str) -> None:
    source = decode("a.py", text.encode())
    found = spelling(source, parse(source), "tensorflow.add")
    assert found.text == "tf.add"
    assert edits.apply(source, found.edits) == expected


def test_a_name_that_means_something_else_is_not_taken() -> None:
    source = decode("a.py", b"tf = 1\n")
    with pytest.raises(CannotMove, match="tf"):
        spelling(source, parse(source), "tensorflow.add")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import numpy as np\nimport os\nnp.mean(x)\n", "import os\nnp.mean(x)\n"),
        ("import os, numpy as np\nnp.mean(x)\n", "import os\nnp.mean(x)\n"),
        ("import numpy as np, os\nnp.mean(x)\n", "import os\nnp.mean(x)\n"),
        ("import numpy as np\nnp.mean(x)\nnp.sum(x)\n", None),
        ("import numpy as np\nnp.mean(x)\n__all__ = ['np']\n", None),
    ],
)
def test_an_import_is_removed_when_nothing_uses_it(text: str, expected: str | None) -> None:
    source = decode("a.py", text.encode())
    tree = parse(source)
    use = next(node for node in ast.walk(tree) if isinstance(node, ast.Call))
    assert edits.apply(source, remove_import(source, tree, "np", [use])) == (expected or text)


def test_an_import_that_was_unused_before_stays() -> None:
    source = decode("a.py", b"import numpy as np\nloss = mean(x).numpy()\n")
    tree = parse(source)
    use = next(node for node in ast.walk(tree) if isinstance(node, ast.Call))
    assert remove_import(source, tree, "np", [use]) == ()
