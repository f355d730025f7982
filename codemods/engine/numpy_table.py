"""NumPy and SciPy to TensorFlow: the functions that mean the same, with the arguments whose names differ.

To add one, add a line. `positional` says how many positional arguments come in the same order on both sides;
`renamed` gives TensorFlow's name of a keyword; a keyword that is in neither place means that the call is not
converted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


class NotConverted(Exception):
    """Something has no counterpart; `instead` is what the author could write."""

    def __init__(self, reason: str, instead: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.instead = instead


FLOATS = ("float32", "np.float32", "tf.float32", "float", "numpy.float32")
"""The spellings of the dtype that TensorFlow has anyway."""


@dataclass(frozen=True)
class Counterpart:
    """The TensorFlow function (after `tensorflow.`) for a NumPy function."""

    name: str
    positional: int = 1
    renamed: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    """Keywords that TensorFlow requires and NumPy has a default for."""
    implied: Mapping[str, str] = field(default_factory=dict)
    """Keywords that TensorFlow does not have, with the one value that it works with anyway."""


_AXIS = {"axis": "axis", "keepdims": "keepdims"}


def _elementwise(pairs: str) -> dict[str, Counterpart]:
    return {one: Counterpart(other) for one, other in (pair.split("=") for pair in pairs.split())}


def _reductions(pairs: str) -> dict[str, Counterpart]:
    return {one: Counterpart(other, 2, _AXIS) for one, other in (pair.split("=") for pair in pairs.split())}


def _of_two(pairs: str) -> dict[str, Counterpart]:
    return {one: Counterpart(other, 2) for one, other in (pair.split("=") for pair in pairs.split())}


TABLE: dict[str, Counterpart] = {
    **_elementwise(
        "abs=abs absolute=abs fabs=abs square=square sqrt=sqrt exp=exp expm1=math.expm1 log=math.log log1p=math.log1p"
        " sin=sin cos=cos tan=tan"
        " sinh=sinh cosh=cosh tanh=tanh arcsin=asin arccos=acos arctan=atan arcsinh=asinh arccosh=acosh arctanh=atanh"
        " negative=negative reciprocal=math.reciprocal isnan=math.is_nan isinf=math.is_inf isfinite=math.is_finite"
        " logical_not=logical_not ones_like=ones_like zeros_like=zeros_like linalg.det=linalg.det linalg.inv=linalg.inv"
        " trace=linalg.trace conj=math.conj real=math.real imag=math.imag"
    ),
    **_reductions(
        "mean=reduce_mean sum=reduce_sum max=reduce_max amax=reduce_max min=reduce_min amin=reduce_min prod=reduce_prod"
        " std=math.reduce_std var=math.reduce_variance any=reduce_any all=reduce_all"
    ),
    **_of_two(
        "add=add subtract=subtract multiply=multiply divide=divide true_divide=divide"
        " power=pow float_power=pow maximum=maximum"
        " minimum=minimum arctan2=atan2 matmul=matmul greater=greater less=less"
        " greater_equal=greater_equal less_equal=less_equal"
        " equal=equal not_equal=not_equal"
        " logical_and=logical_and logical_or=logical_or tile=tile"
    ),
    "where": Counterpart("where", 3),
    "clip": Counterpart(
        "clip_by_value",
        3,
        {"a_min": "clip_value_min", "a_max": "clip_value_max", "min": "clip_value_min", "max": "clip_value_max"},
    ),
    "reshape": Counterpart("reshape", 2, {"newshape": "shape", "shape": "shape"}),
    "transpose": Counterpart("transpose", 2, {"axes": "perm"}),
    "expand_dims": Counterpart("expand_dims", 2, {"axis": "axis"}),
    "squeeze": Counterpart("squeeze", 2, {"axis": "axis"}),
    "concatenate": Counterpart("concat", 2, {"axis": "axis"}, {"axis": "0"}),
    "stack": Counterpart("stack", 2, {"axis": "axis"}),
    "linalg.norm": Counterpart("norm", 3, {"ord": "ord", **_AXIS}),
    "linalg.solve": Counterpart("linalg.solve", 2),
    "tensordot": Counterpart("tensordot", 3, {"axes": "axes"}, {"axes": "2"}),
    "einsum": Counterpart("einsum", 9),
    "repeat": Counterpart("repeat", 3, {"axis": "axis", "repeats": "repeats"}),
    "roll": Counterpart("roll", 3, {"shift": "shift", "axis": "axis"}),
    "sort": Counterpart("sort", 2, {"axis": "axis"}),
    "fft.rfft": Counterpart("signal.rfft", implied={"axis": "-1"}),
    "special.expit": Counterpart("sigmoid"),
    "special.softmax": Counterpart("nn.softmax", 2, {"axis": "axis"}),
    "special.log_softmax": Counterpart("nn.log_softmax", 2, {"axis": "axis"}),
    "special.logsumexp": Counterpart("reduce_logsumexp", 2, _AXIS),
    "special.erf": Counterpart("math.erf"),
    "special.gammaln": Counterpart("math.lgamma"),
    "special.digamma": Counterpart("math.digamma"),
    "special.xlogy": Counterpart("math.xlogy", 2),
}

ALIKE: dict[str, frozenset[str]] = {
    **dict.fromkeys(
        "log2 log10 exp2 cbrt deg2rad rad2deg sinc flipud fliplr atleast_2d outer kron hypot logaddexp logaddexp2 vdot"
        " mod remainder vstack hstack dstack".split(),
        frozenset(),
    ),
    **dict.fromkeys("cumsum cumprod flip".split(), frozenset({"axis"})),
    **dict.fromkeys("nansum nanmean nanprod".split(), frozenset({"axis", "keepdims"})),
    **dict.fromkeys("diag triu tril".split(), frozenset({"k"})),
    "average": frozenset({"axis", "weights"}),
    "broadcast_to": frozenset({"shape"}),
    "cross": frozenset({"axis", "axisa", "axisb", "axisc"}),
    "diagonal": frozenset({"offset", "axis1", "axis2"}),
    "diff": frozenset({"n", "axis"}),
    "moveaxis": frozenset({"source", "destination"}),
    "rot90": frozenset({"k", "axes"}),
    "swapaxes": frozenset({"axis1", "axis2"}),
    "take": frozenset({"indices", "axis"}),
    "vander": frozenset({"N", "increasing"}),
}
"""What TensorFlow's own NumPy interface (`tf.experimental.numpy`) has under the same name, with a slope, and the
keywords that mean the same on both sides: `test_numpy_alike.py` differentiates each and compares it with NumPy."""

ARRAY_METHODS = {
    "mean": "reduce_mean", "sum": "reduce_sum", "max": "reduce_max", "min": "reduce_min", "prod": "reduce_prod",
    "std": "math.reduce_std", "var": "math.reduce_variance",
}  # fmt: skip
"""The methods of arrays that give one number for many, with their counterparts."""

_ROUNDING = "rounding has no slope; round outside of the loss, or send the gradient past it"
WITHOUT: dict[str, tuple[str, str]] = {
    "median": ("TensorFlow has no median; it has a mean", "tf.reduce_mean(x)"),
    "percentile": ("TensorFlow has no percentile", "tf.sort(x)[position]"),
    "quantile": ("TensorFlow has no quantile", "tf.sort(x)[position]"),
    "argsort": ("an order has no slope; a soft rank has", "tf.reduce_sum(tf.sigmoid(x[:, None] - x[None, :]), axis=1)"),
    "argmax": ("an index has no slope; probabilities have", "tf.nn.softmax(x)"),
    "argmin": ("an index has no slope; probabilities have", "tf.nn.softmax(-x)"),
    "unique": ("which values are equal has no slope", ""),
    "bincount": ("counting has no slope; count softly", "tf.reduce_sum(tf.sigmoid(x[:, None] - borders), axis=0)"),
    "histogram": ("counting has no slope; count softly", "tf.reduce_sum(tf.sigmoid(x[:, None] - borders), axis=0)"),
    "searchsorted": ("a position has no slope", ""),
    "digitize": ("a position has no slope", ""),
    "count_nonzero": ("counting has no slope; count softly", "tf.reduce_sum(tf.sigmoid(x))"),
    "corrcoef": ("TensorFlow has no such function; write it out", "tf.reduce_sum(a * b) / (tf.norm(a) * tf.norm(b))"),
    "round": (_ROUNDING, "x + tf.stop_gradient(tf.round(x) - x)"),
    "rint": (_ROUNDING, "x + tf.stop_gradient(tf.round(x) - x)"),
    "floor": (_ROUNDING, "x + tf.stop_gradient(tf.floor(x) - x)"),
    "ceil": (_ROUNDING, "x + tf.stop_gradient(tf.math.ceil(x) - x)"),
    "sign": ("a sign has no slope", "tf.tanh(x)"),
    "to_categorical": ("rows of one 1 have no slope; probabilities have", "tf.nn.softmax(logits)"),
}
"""Why a function is not converted, and what can be written instead."""
