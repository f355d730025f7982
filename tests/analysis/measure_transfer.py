"""Measures which public functions of TensorFlow and Keras let a gradient through: each is called on a small variable.

`python -m regrad.tests.analysis.measure_transfer > tests/analysis/measured_transfer.tsv` takes some minutes. Every
function has a process of its own, as some end it.
"""

from __future__ import annotations

import inspect
import os
import signal
from collections.abc import Iterator
from typing import Any

VARIABLES = {
    "matrix": "tf.Variable([[0.3, 0.6], [0.7, 0.2]])",
    "vector": "tf.Variable([0.3, 0.6])",
    "number": "tf.Variable(0.5)",
    "picture": "tf.Variable(tf.random.uniform([1, 8, 8, 3]))",
    "sequence": "tf.Variable(tf.random.uniform([2, 8, 3]))",
}
ARGUMENTS = (
    "x|x, x|x, 1|x, 2|[x, x]|x, [1]|x, [4, 4]|x, 0.5|x, x, x|x, 0.1, 0.9|x, 1, 1|x, [0, 1]|x, tf.constant([0, 1])"
    '|x, tf.constant([0, 1]), 2|x, 4, 4, 3|x, 4, 2, "VALID"|x, 2, 2, "VALID"|x, x, [1]'
).split("|")
MODULES = (
    "tf tf.math tf.linalg tf.nn tf.image tf.signal tf.sparse tf.quantization tf.bitwise"
    " tf.experimental.numpy keras.ops keras.ops.image keras.ops.nn keras.losses keras.metrics"
    " keras.activations K"
).split()
LEFT_OUT = frozenset("print load_library load_op_library while_loop init_scope vectorized_map map_fn".split())


def outcomes(function: str, names: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Of each call that gives one tensor: the arguments, the variable, and what comes of its gradient."""
    tf = names["tf"]
    for variable, made in VARIABLES.items():
        x = eval(made, names)
        for arguments in ARGUMENTS:
            try:
                with tf.GradientTape() as tape:
                    result = eval(f"{function}({arguments})", {**names, "x": x})
                if not isinstance(result, tf.Tensor):
                    continue
                if not (result.dtype.is_floating or result.dtype.is_complex):
                    yield arguments, variable, "integer"
                    continue
                gradient = tape.gradient(result, x)
            except Exception as problem:
                if "gradient registry" in str(problem):
                    yield arguments, variable, "missing"
                continue
            if gradient is None:
                yield arguments, variable, "none"
                continue
            zero = not (tf.convert_to_tensor(gradient).numpy() != 0).any()
            yield arguments, variable, "zero" if zero else "flows"
            if not zero:
                return


def main() -> None:
    import keras
    import tensorflow as tf

    names = {"tf": tf, "keras": keras, "K": tf.keras.backend}
    for module in MODULES:
        for name, function in sorted(vars(eval(module, names)).items()):
            if (
                name.startswith("_")
                or name.endswith("_gradient")
                or name in LEFT_OUT
                or inspect.isclass(function)
                or not callable(function)
            ):
                continue
            child = os.fork()
            if not child:
                signal.alarm(20)
                found = list(outcomes(f"{module}.{name}", names))
                # One call that lets it through tells more than many that do not: those may be called wrongly.
                for arguments, variable, outcome in found[-1:] if found and found[-1][2] == "flows" else found[:1]:
                    print(f"{module}.{name}({arguments})", variable, outcome, sep="\t", flush=True)
                os._exit(0)
            os.waitpid(child, 0)


if __name__ == "__main__":
    main()
