"""What TensorFlow's NumPy interface has under NumPy's names: each gives the same numbers, and has a slope."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from regrad.codemods.engine.numpy_table import ALIKE
from regrad.verify import Verifier

PROGRAM = """
import inspect
import numpy as np
import tensorflow as tf

flat = np.array([1.0, 2.0, 4.0], "float32")
square = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0], [2.0, 8.0, 1.0]], "float32")
AND = {"outer": [flat], "kron": [flat], "cross": [flat[::-1]], "hypot": [flat], "logaddexp": [flat],
       "logaddexp2": [flat], "vdot": [flat], "mod": [2 * flat], "remainder": [2 * flat], "broadcast_to": [(2, 3)],
       "moveaxis": [0, 1], "swapaxes": [0, 1], "take": [[0, 2]]}
FLAT = {"outer", "kron", "cross", "vdot", "vander", "diag", "broadcast_to", "atleast_2d"}
SEVERAL = {"vstack", "hstack", "dstack"}
for name, keywords in KEYWORDS.items():
    ours, theirs = getattr(tf.experimental.numpy, name), getattr(np, name)
    assert keywords <= set(inspect.signature(ours).parameters), name
    value = flat if name in FLAT else square
    weight = tf.Variable(value)
    with tf.GradientTape() as tape:
        result = ours([weight, weight]) if name in SEVERAL else ours(weight, *AND.get(name, []))
        error = tf.reduce_sum(tf.square(result))
    slope = tape.gradient(error, weight)
    assert slope is not None and np.abs(tf.convert_to_tensor(slope)).sum() > 0, name
    expected = theirs([value, value]) if name in SEVERAL else theirs(value, *AND.get(name, []))
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6, err_msg=name)
print("compared", len(KEYWORDS))
"""


@pytest.mark.tensorflow
def test_each_is_what_numpy_computes_and_has_a_slope(verifier: Verifier, tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM.replace("KEYWORDS", repr({name: set(words) for name, words in ALIKE.items()})))
    run = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=False)
    assert f"compared {len(ALIKE)}" in run.stdout, run.stderr
