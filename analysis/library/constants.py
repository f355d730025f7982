"""Library names that stand for a plain value: dtypes and numbers."""

from __future__ import annotations

from typing import Any

_DTYPES = (
    "float16 float32 float64 bfloat16 half double int8 int16 int32 int64 uint8 uint16 uint32 uint64 "
    "bool string complex64 complex128"
).split()

CONSTANTS: dict[str, Any] = {
    **{f"{module}.{dtype}": dtype for module in ("tf", "tf1", "np", "tnp") for dtype in _DTYPES},
    "np.float_": "float64",
    "np.int_": "int64",
    "np.pi": 3.141592653589793,
    "math.pi": 3.141592653589793,
    "np.e": 2.718281828459045,
    "math.e": 2.718281828459045,
    "math.tau": 6.283185307179586,
    "np.newaxis": None,
    "tf.newaxis": None,
    "tf.data.AUTOTUNE": -1,
    "tf.data.experimental.AUTOTUNE": -1,
}
