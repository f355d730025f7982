"""How gradients pass each operation: the declared table of transfer functions.

Taken from `facts/measured-behaviour.md` (TF 2.21, Keras 3.15) as far as it says. What is not in the table lets
gradients flow.
To teach the analysis an operation, add its last name here; a full canonical name takes precedence over the last name
alone.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Transfer(str, Enum):
    """What an operation does to the gradient path of its inputs."""

    FLOWS = "flows"
    NONE = "none"
    """No gradient is defined: the tape answers None."""
    ZERO = "zero"
    """Connected, with a slope that is zero everywhere."""
    STOP = "stop"
    """`stop_gradient`, on purpose."""
    LEAVES = "leaves"
    """The value leaves TensorFlow (NumPy, Python numbers)."""
    MISSING = "missing"
    """The operation exists without a registered gradient: a LookupError or None."""
    INTEGER = "integer"
    """The result is an integer or boolean: no gradient passes."""
    JOIN = "join"
    """Branches meet: any of the inputs."""
    UNKNOWN = "unknown"


class Operator(NamedTuple):
    """`dtype`: `same` as the first input, or the dtype of the result. `shape`: same, broadcast, reduce, scalar,
    unknown.

    `positions` are the arguments that the gradient passes to (None: all of them); `surrogate` says what people use
    instead.
    """

    transfer: Transfer
    dtype: str = "same"
    shape: str = "unknown"
    positions: tuple[int, ...] | None = None


_FLOWS_SAME = Operator(Transfer.FLOWS, "same", "same")
_FLOWS_BROADCAST = Operator(Transfer.FLOWS, "same", "broadcast")
_FLOWS_REDUCE = Operator(Transfer.FLOWS, "same", "reduce")
_FLOWS = Operator(Transfer.FLOWS)
_BOOL = Operator(Transfer.INTEGER, "bool", "broadcast")
_INTEGER = Operator(Transfer.INTEGER, "int64", "reduce")
_STEP = Operator(Transfer.NONE, "same", "same")
_CONSTANT_LIKE = Operator(Transfer.NONE, "same", "same")


def _all(names: str, operator: Operator) -> dict[str, Operator]:
    return dict.fromkeys(names.split(), operator)


TABLE: dict[str, Operator] = {
    **_all(
        "abs negative square sqrt rsqrt exp expm1 log log1p log_sigmoid sigmoid tanh sin cos tan asin acos atan "
        "sinh cosh asinh acosh atanh "
        "arcsin arccos arctan erf relu relu6 elu selu gelu silu swish leaky_relu softplus softsign softmax "
        "log_softmax hard_sigmoid hard_tanh mish "
        "reciprocal identity clip_by_value clip clip_by_norm l2_normalize l2_norm normalize reverse flip roll sort "
        "cumsum cumprod cumulative_logsumexp "
        "ensure_shape dropout real imag conj conjugate lgamma digamma nan_to_num standardize grad_pass_through "
        "check_numerics matrix_inverse inv cholesky "
        "bias_add fake_quant_with_min_max_args fake_quant_with_min_max_vars band_part",
        _FLOWS_SAME,
    ),
    **_all(
        "add subtract multiply divide truediv divide_no_nan multiply_no_nan pow power maximum minimum "
        "squared_difference floormod mod "
        "atan2 arctan2 xlogy xdivy xlog1py sigmoid_cross_entropy_with_logits logaddexp hypot",
        _FLOWS_BROADCAST,
    ),
    **_all(
        "reduce_sum reduce_mean reduce_max reduce_min reduce_prod reduce_logsumexp reduce_std reduce_variance "
        "reduce_euclidean_norm sum mean max min "
        "prod std var amax amin logsumexp norm median average",
        _FLOWS_REDUCE,
    ),
    **_all(
        "matmul matvec tensordot einsum dot batch_dot concat concatenate stack vstack hstack add_n reshape squeeze "
        "expand_dims transpose tile repeat "
        "broadcast_to gather gather_nd batch_gather take take_along_axis slice strided_slice split unstack pad "
        "space_to_batch depth_to_space space_to_depth conv1d "
        "conv2d conv3d conv2d_transpose depthwise_conv2d separable_conv2d convolution conv max_pool max_pool1d "
        "max_pool2d avg_pool avg_pool1d avg_pool2d pool batch_normalization "
        "layer_normalization moments embedding_lookup embedding_lookup_sparse scatter_nd tensor_scatter_nd_update "
        "tensor_scatter_nd_add tensor_scatter_nd_sub tensor_scatter_nd_max tensor_scatter_nd_min scatter_update "
        "boolean_mask dynamic_partition dynamic_stitch top_k where select resize resize_bilinear map_fn scan "
        "vectorized_map while_loop cond "
        "recompute_grad convert_to_tensor as_tensor cast_float fft ifft rfft irfft stft svd qr eigh "
        "self_adjoint_eig solve triangular_solve det slogdet logdet trace "
        "diag diag_part set_diag meshgrid flatten permute_dimensions segment_sum segment_mean unsorted_segment_sum "
        "unsorted_segment_mean ctc_loss "
        "sparse_tensor_dense_matmul sparse_softmax_cross_entropy_with_logits softmax_cross_entropy_with_logits "
        "py_function print Print outer cross moveaxis swapaxes ravel diff",
        _FLOWS,
    ),
    **_all("round rint ceil floor trunc floordiv floor_divide floor_div truncatediv fix", _STEP),
    **_all("hsv_to_rgb random_shuffle adjust_jpeg_quality random_jpeg_quality stateless_random_jpeg_quality", _STEP),
    **_all(
        "as_string fingerprint multi_hot timestamp string_to_number encode_wav encode_jpeg encode_png "
        "decode_jpeg decode_png decode_image",
        Operator(Transfer.NONE),
    ),
    "tf.random.shuffle": _STEP,
    "zero_fraction": Operator(Transfer.NONE, "float32", "scalar"),
    **_all("ctc_greedy_decoder ctc_beam_search_decoder", Operator(Transfer.NONE, "unknown")),
    "edit_distance": Operator(Transfer.NONE, "float32"),
    "sign": Operator(Transfer.ZERO, "same", "same"),
    "heaviside": Operator(Transfer.NONE, "same", "same"),
    **_all(
        "argmax argmin argsort argpartition argwhere count_nonzero bincount histogram_fixed_width "
        "histogram_fixed_width_bins searchsorted bucketize digitize arg_max arg_min matrix_rank "
        "nanargmax nanargmin "
        "size rank nonzero unravel_index",
        _INTEGER,
    ),
    **_all("shape size_of", Operator(Transfer.INTEGER, "int32", "unknown")),
    **_all(
        "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_not logical_xor "
        "is_nan isnan is_inf isinf is_finite isfinite "
        "in_top_k reduce_any reduce_all any all isclose allclose array_equal approximate_equal sequence_mask "
        "is_non_decreasing is_strictly_increasing "
        "isin isneginf isposinf iscomplex isreal signbit",
        _BOOL,
    ),
    **_all(
        "unique unique_with_counts guarantee_const lu lu_factor logm rfft3d irfft3d",
        Operator(Transfer.MISSING, "same", "unknown"),
    ),
    **_all(
        "adjust_contrast adjust_hue adjust_saturation random_contrast random_hue random_saturation",
        Operator(Transfer.MISSING, "same", "same"),
    ),
    **_all(
        "bitcast extract_glimpse draw_bounding_boxes combined_non_max_suppression truncatemod setdiff1d",
        Operator(Transfer.MISSING, "same"),
    ),
    "tf.sparse.reduce_max": Operator(Transfer.MISSING, "same"),
    "tf.quantization.quantize": Operator(Transfer.MISSING, "same"),
    "tf.quantization.dequantize": Operator(Transfer.MISSING, "same"),
    "ops.view": Operator(Transfer.MISSING),
    "ops.histogram": Operator(Transfer.INTEGER, "int64"),
    "bincount_weighted": Operator(Transfer.MISSING, "float32", "unknown"),
    "non_max_suppression": Operator(Transfer.INTEGER, "int32"),
    "confusion_matrix": Operator(Transfer.INTEGER, "int32"),
    "one_hot": Operator(Transfer.NONE, "float32", "unknown"),
    "to_categorical": Operator(Transfer.LEAVES, "float32", "unknown"),
    **_all("stop_gradient", Operator(Transfer.STOP, "same", "same")),
    **_all("numpy_function py_func", Operator(Transfer.LEAVES, "unknown", "unknown")),
    **_all("ones_like zeros_like full_like empty_like tri", _CONSTANT_LIKE),
    **_all(
        "constant zeros ones fill full eye range linspace arange random_normal random_uniform truncated_normal "
        "stateless_uniform stateless_normal "
        "identity_matrix empty bartlett blackman hamming hanning kaiser hamming_window hann_window kaiser_window "
        "vorbis_window diag_indices ops.identity tnp.identity",
        Operator(Transfer.NONE, "float32", "unknown"),
    ),
    **_all("K.eval K.get_value", Operator(Transfer.LEAVES, "same", "same")),
    "tf.constant": Operator(Transfer.FLOWS, "same", "same"),
    "where": Operator(Transfer.FLOWS, "same", "broadcast", positions=(1, 2)),
    "select": Operator(Transfer.FLOWS, "same", "broadcast", positions=(1, 2)),
    "gather": Operator(Transfer.FLOWS, "same", "unknown", positions=(0,)),
    "gather_nd": Operator(Transfer.FLOWS, "same", "unknown", positions=(0,)),
    "take": Operator(Transfer.FLOWS, "same", "unknown", positions=(0,)),
    "take_along_axis": Operator(Transfer.FLOWS, "same", "unknown", positions=(0,)),
    "embedding_lookup": Operator(Transfer.FLOWS, "same", "unknown", positions=(0,)),
    "boolean_mask": Operator(Transfer.FLOWS, "same", "unknown", positions=(0,)),
    "reshape": Operator(Transfer.FLOWS, "same", "unknown", positions=(0,)),
    "tile": Operator(Transfer.FLOWS, "same", "unknown", positions=(0,)),
    "segment_sum": Operator(Transfer.FLOWS, "same", "unknown", positions=(0,)),
    "segment_mean": Operator(Transfer.FLOWS, "same", "unknown", positions=(0,)),
    "scatter_nd": Operator(Transfer.FLOWS, "same", "unknown", positions=(1,)),
    "IndexedSlices": Operator(Transfer.FLOWS, "same", "unknown", positions=(0,)),
    "sparse_softmax_cross_entropy_with_logits": Operator(Transfer.FLOWS, "float32", "reduce"),
}


def lookup(name: str) -> Operator | None:
    """The table's entry for a canonical name."""
    found = TABLE.get(name)
    if found is not None:
        return found
    return TABLE.get(name.rpartition(".")[2])


FLOAT_DTYPES = frozenset(
    {"float16", "float32", "float64", "bfloat16", "half", "float", "double", "complex64", "complex128"}
)
INTEGER_DTYPES = frozenset(
    {
        "int",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "bool",
        "string",
        "long",
        "str",
        "object",
    }
)


def is_integer(dtype: str | None) -> bool:
    """Whether values of that dtype carry no gradient; False when it is not known."""
    return dtype in INTEGER_DTYPES
