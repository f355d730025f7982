"""A convolution in NumPy with a fixed kernel, of one signal or of each row of a batch, as TensorFlow's `conv1d`."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import NamedTuple

from regrad.codemods.engine.broken_paths import argument, operand
from regrad.codemods.engine.independent import Independent, numpy_name
from regrad.codemods.engine.numpy_table import NotConverted

_STACKS = frozenset({"stack", "array", "asarray", "vstack"})


class Convolution(NamedTuple):
    """The whole expression, and the parts of it that `conv1d` is given."""

    whole: ast.Call
    signal: ast.expr
    kernel: ast.expr
    padding: str
    rows: bool


def convolutions(function: ast.AST, independent: Independent) -> dict[ast.Call, Convolution]:
    """Each convolution, by its whole expression; raises `NotConverted` for one that cannot be said in TensorFlow."""
    found: dict[ast.Call, Convolution] = {}
    for call in ast.walk(function):
        if isinstance(call, ast.Call) and numpy_name(call) == "convolve" and call not in independent.nodes:
            made = _convolution(call, independent)
            found[made.whole] = made
    return found


def _convolution(call: ast.Call, independent: Independent) -> Convolution:
    signal, kernel, mode = argument(call, 0, "a"), argument(call, 1, "v"), argument(call, 2, "mode")
    if signal is None or kernel is None or independent.depends(kernel):
        raise NotConverted("only a convolution with a kernel of constants is written in TensorFlow here")
    size = independent.size(kernel)
    if size is None:
        raise NotConverted("how long the kernel of the convolution is, the file does not show")
    stated = mode.value if isinstance(mode, ast.Constant) else "full"
    if stated == "same":
        if size % 2 == 0:
            # It has no middle, and NumPy and TensorFlow take another side of it.
            raise NotConverted('`mode="same"` is the same in TensorFlow for kernels of an odd length only')
    elif stated != "valid":
        raise NotConverted("a convolution at full length reaches beyond the signal", "tf.pad(signal, paddings)")
    padding = str(stated).upper()
    parents = independent.parents
    listed = parents.get(call)
    if not isinstance(listed, ast.ListComp):
        return Convolution(call, signal, kernel, padding, False)
    loop, stack = listed.generators[0], parents.get(listed)
    plain = len(listed.generators) == 1 and not loop.ifs and not loop.is_async and isinstance(loop.iter, ast.Name)
    row = isinstance(signal, ast.Name) and isinstance(loop.target, ast.Name) and signal.id == loop.target.id
    stacked = isinstance(stack, ast.Call) and numpy_name(stack) in _STACKS
    if not plain or not row or not stacked or not isinstance(stack, ast.Call):
        raise NotConverted("a tensor in a graph cannot be gone through row by row")
    if [ast.unparse(each) for each in (*stack.args[1:], *stack.keywords)] not in ([], ["axis=0"]):
        raise NotConverted("the rows are put together along another axis")
    return Convolution(stack, loop.iter, kernel, padding, True)


def written(made: Convolution, texts: Callable[[ast.AST], str], say: Callable[[str], str]) -> str:
    """The text in TensorFlow. NumPy turns the kernel round, TensorFlow does not."""
    axis = say("newaxis")
    before, behind = (f"[:, :, {axis}]", "[:, :, 0]") if made.rows else (f"[{axis}, :, {axis}]", "[0, :, 0]")
    kernel = f"{say('constant')}({operand(texts(made.kernel))}[::-1, None, None], {say('float32')})"
    signal = operand(texts(made.signal))
    return f'{say("nn.conv1d")}({signal}{before}, {kernel}, 1, "{made.padding}"){behind}'
