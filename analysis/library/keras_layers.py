"""The layers of the Keras library: their constructor's arguments, whether they have weights, and the shape of what they
return.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regrad.analysis.values import UNKNOWN, Collection, Constant, External, Layer, Mapping, Shape, Value

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler

_CONVOLUTION = "filters kernel_size strides padding data_format dilation_rate groups activation use_bias"
LAYERS: dict[str, str] = {
    "Dense": "units activation use_bias kernel_initializer bias_initializer",
    "EinsumDense": "equation output_shape activation bias_axes",
    "Embedding": "input_dim output_dim embeddings_initializer",
    "Conv1D": _CONVOLUTION,
    "Conv2D": _CONVOLUTION,
    "Conv3D": _CONVOLUTION,
    "Convolution1D": _CONVOLUTION,
    "Convolution2D": _CONVOLUTION,
    "Convolution3D": _CONVOLUTION,
    "Conv1DTranspose": _CONVOLUTION,
    "Conv2DTranspose": "filters kernel_size strides padding output_padding data_format dilation_rate activation",
    "Conv3DTranspose": _CONVOLUTION,
    "Deconvolution2D": _CONVOLUTION,
    **{f"Convolution{axes}DTranspose": _CONVOLUTION for axes in (1, 2, 3)},
    "SeparableConvolution1D": "filters kernel_size strides padding",
    "SeparableConvolution2D": "filters kernel_size strides padding",
    "SeparableConv1D": "filters kernel_size strides padding",
    "SeparableConv2D": "filters kernel_size strides padding",
    "DepthwiseConv1D": "kernel_size strides padding",
    "DepthwiseConv2D": "kernel_size strides padding",
    "LocallyConnected1D": "filters kernel_size strides padding",
    "LSTM": "units activation",
    "GRU": "units activation",
    "SimpleRNN": "units activation",
    "CuDNNLSTM": "units",
    "CuDNNGRU": "units",
    **{f"ConvLSTM{axes}D": "filters kernel_size" for axes in (1, 2, 3)},
    "LSTMCell": "units activation",
    "GRUCell": "units activation",
    "SimpleRNNCell": "units activation",
    "RNN": "cell return_sequences return_state",
    "StackedRNNCells": "cells",
    "Bidirectional": "layer merge_mode",
    "TimeDistributed": "layer",
    "SpectralNormalization": "layer",
    "BatchNormalization": "axis momentum epsilon",
    "LayerNormalization": "axis epsilon",
    "GroupNormalization": "groups axis",
    "RMSNormalization": "axis epsilon",
    "UnitNormalization": "axis",
    "Normalization": "axis mean variance",
    "MultiHeadAttention": "num_heads key_dim value_dim dropout",
    "GroupQueryAttention": "head_dim num_query_heads num_key_value_heads",
    "Attention": "use_scale score_mode",
    "AdditiveAttention": "use_scale",
    "PReLU": "alpha_initializer",
    "Activation": "activation",
    "Softmax": "axis",
    "ReLU": "max_value negative_slope threshold",
    "LeakyReLU": "negative_slope",
    "ELU": "alpha",
    "ThresholdedReLU": "theta",
    "Dropout": "rate noise_shape seed",
    "AlphaDropout": "rate",
    "SpatialDropout1D": "rate",
    "SpatialDropout2D": "rate",
    "SpatialDropout3D": "rate",
    "GaussianNoise": "stddev",
    "GaussianDropout": "rate",
    "ActivityRegularization": "l1 l2",
    "Flatten": "data_format",
    "Reshape": "target_shape",
    "Permute": "dims",
    "RepeatVector": "n",
    "Masking": "mask_value",
    "Identity": "",
    "Lambda": "function output_shape mask arguments",
    "Add": "",
    "Subtract": "",
    "Multiply": "",
    "Average": "",
    "Maximum": "",
    "Minimum": "",
    "Concatenate": "axis",
    "Dot": "axes normalize",
    "MaxPooling1D": "pool_size strides padding",
    "MaxPooling2D": "pool_size strides padding",
    "MaxPooling3D": "pool_size strides padding",
    "MaxPool1D": "pool_size strides padding",
    "MaxPool2D": "pool_size strides padding",
    "MaxPool3D": "pool_size strides padding",
    "AveragePooling1D": "pool_size strides padding",
    "AveragePooling2D": "pool_size strides padding",
    "AveragePooling3D": "pool_size strides padding",
    "AvgPool1D": "pool_size strides padding",
    "AvgPool2D": "pool_size strides padding",
    "AvgPool3D": "pool_size strides padding",
    **{f"Adaptive{kind}Pooling{axes}D": "output_size" for kind in ("Average", "Max") for axes in (1, 2, 3)},
    "GlobalMaxPooling1D": "data_format keepdims",
    "GlobalMaxPooling2D": "data_format keepdims",
    "GlobalMaxPooling3D": "data_format keepdims",
    **{f"Global{kind}Pool{axes}D": "data_format keepdims" for kind in ("Avg", "Max") for axes in (1, 2, 3)},
    "GlobalAveragePooling1D": "data_format keepdims",
    "GlobalAveragePooling2D": "data_format keepdims",
    "GlobalAveragePooling3D": "data_format keepdims",
    "UpSampling1D": "size",
    "UpSampling2D": "size",
    "UpSampling3D": "size",
    "ZeroPadding1D": "padding",
    "ZeroPadding2D": "padding",
    "ZeroPadding3D": "padding",
    "Cropping1D": "cropping",
    "Cropping2D": "cropping",
    "Cropping3D": "cropping",
    "Resizing": "height width interpolation",
    "Rescaling": "scale offset",
    "CenterCrop": "height width",
    "RandomCrop": "height width",
    "RandomFlip": "mode",
    "RandomRotation": "factor",
    "RandomZoom": "height_factor",
    "RandomContrast": "factor",
    "RandomBrightness": "factor",
    "RandomTranslation": "height_factor width_factor",
    **dict.fromkeys(
        "AugMix AutoContrast CutMix Equalization MixUp RandAugment RandomColorDegeneration RandomColorJitter "
        "RandomElasticTransform RandomErasing RandomGaussianBlur RandomGrayscale RandomHue RandomInvert "
        "RandomPerspective RandomPosterization RandomSaturation RandomSharpness RandomShear Solarization".split(),
        "",
    ),
    "HashedCrossing": "num_bins",
    "Discretization": "bin_boundaries",
    "CategoryEncoding": "num_tokens output_mode",
    "Hashing": "num_bins",
    "StringLookup": "max_tokens",
    "IntegerLookup": "max_tokens",
    "TextVectorization": "max_tokens",
    "InputLayer": "input_shape",
}

WRAPPERS: dict[str, tuple[str, ...]] = {
    "Bidirectional": ("layer", "backward_layer"),
    "TimeDistributed": ("layer",),
    "SpectralNormalization": ("layer",),
    "RNN": ("cell",),
    "StackedRNNCells": ("cells",),
    "Wrapper": ("layer",),
}
WEIGHTED = frozenset(
    "Dense EinsumDense Embedding Conv1D Conv2D Conv3D Convolution1D Convolution2D Convolution3D Conv1DTranspose "
    "Conv2DTranspose Conv3DTranspose Convolution1DTranspose Convolution2DTranspose Convolution3DTranspose "
    "Deconvolution2D SeparableConv1D SeparableConv2D SeparableConvolution1D SeparableConvolution2D DepthwiseConv1D "
    "DepthwiseConv2D LocallyConnected1D LSTM GRU SimpleRNN CuDNNLSTM CuDNNGRU ConvLSTM1D ConvLSTM2D ConvLSTM3D "
    "LSTMCell GRUCell SimpleRNNCell BatchNormalization LayerNormalization GroupNormalization RMSNormalization "
    "MultiHeadAttention GroupQueryAttention PReLU".split()
)
NORMALISATION = frozenset(
    "BatchNormalization LayerNormalization GroupNormalization RMSNormalization SyncBatchNormalization".split()
)
WEIGHTLESS = frozenset(LAYERS) - WEIGHTED - frozenset(WRAPPERS) | {"?some"}
NOT_DIFFERENTIABLE = frozenset(
    "Discretization CategoryEncoding Hashing StringLookup IntegerLookup TextVectorization".split()
)


def raises(layer: Layer, keras: int) -> bool:
    """Whether the layer is computed by an operation that has no gradient registered (measured in TensorFlow 2.21)."""
    if layer.kind == "Resizing":
        stated = layer.arguments.get("interpolation")
        return isinstance(stated, Constant) and stated.value == "area"
    # Keras 3 writes the contrast out, and its other layers for images either have a gradient or give None.
    return layer.kind == "RandomContrast" and keras == 2


INTEGER_INPUT = frozenset({"Embedding"})
"""Layers whose input is an index: their weights train, what made the index does not."""

ADVANCED_ACTIVATIONS = {
    "Softmax": "softmax",
    "ReLU": "relu",
    "LeakyReLU": "leaky_relu",
    "ELU": "elu",
    "PReLU": "prelu",
    "ThresholdedReLU": "relu",
}
PASS_SHAPE = frozenset(
    "Activation Softmax ReLU LeakyReLU ELU PReLU ThresholdedReLU Dropout AlphaDropout SpatialDropout1D "
    "SpatialDropout2D SpatialDropout3D GaussianNoise GaussianDropout "
    "ActivityRegularization Masking Identity BatchNormalization LayerNormalization GroupNormalization "
    "RMSNormalization UnitNormalization Normalization Rescaling "
    "RandomFlip RandomRotation RandomZoom RandomContrast RandomBrightness RandomTranslation Add Subtract Multiply "
    "Average Maximum Minimum".split()
)
_RECURRENT = frozenset("LSTM GRU SimpleRNN CuDNNLSTM CuDNNGRU RNN".split())
_CONVOLUTIONS = frozenset(kind for kind in LAYERS if "Conv" in kind and "Depthwise" not in kind and "LSTM" not in kind)


_ALIASES = {
    **{f"{short}{axes}D": f"{long}{axes}D" for axes in (1, 2, 3) for short, long in (
        ("MaxPool", "MaxPooling"), ("AvgPool", "AveragePooling"), ("GlobalMaxPool", "GlobalMaxPooling"),
        ("GlobalAvgPool", "GlobalAveragePooling"), ("Convolution", "Conv"), ("SeparableConvolution", "SeparableConv"),
    )},
    "Convolution2DTranspose": "Conv2DTranspose",
    "Convolution3DTranspose": "Conv3DTranspose",
    "Deconvolution2D": "Conv2DTranspose",
}  # fmt: skip
"""Second names under which Keras exports a layer."""


def make(interpreter: Interpreter, name: str, arguments: Call) -> Value:
    """A layer, its positional arguments named."""
    kind = name.rpartition(".")[2]
    kind = _ALIASES.get(kind, kind)
    if kind[:1].islower():
        return _merged(interpreter, kind, arguments)
    named: dict[str, Value] = dict(zip(LAYERS.get(kind, "").split(), arguments.positional, strict=False))
    named.update(arguments.keywords)
    layer = Layer(kind, named, arguments.node, interpreter.frame, interpreter.tick())
    if "trainable" in named:
        layer.fields["trainable"] = named["trainable"]
    if "weights" in named or not arguments.complete:
        layer.fields["#loaded"] = True
    return layer


def _merged(interpreter: Interpreter, kind: str, arguments: Call) -> Value:
    """`layers.concatenate([a, b])` and its like: the layer is made and called at once."""
    from regrad.analysis.interpreter import Call as Arguments

    layer = Layer(kind.capitalize(), dict(arguments.keywords), arguments.node, interpreter.frame, interpreter.tick())
    return interpreter.call(layer, Arguments(arguments.node, arguments.positional[:1]))


def number(value: Value | None) -> int | None:
    """A known whole number."""
    if isinstance(value, Constant) and isinstance(value.value, int) and not isinstance(value.value, bool):
        return value.value
    return None


def text(value: Value | None) -> str | None:
    """A known text."""
    return value.value if isinstance(value, Constant) and isinstance(value.value, str) else None


def units(layer: Layer) -> int | None:
    """How many features a layer returns, where it says so."""
    return number(layer.arguments.get("units", layer.arguments.get("filters", layer.arguments.get("output_dim"))))


def output_shape(layer: Layer, shape: Shape | None) -> Shape | None:
    """The shape of what the layer returns for an input of this shape (batch first); None where it is not known."""
    kind = layer.kind
    if kind in PASS_SHAPE:
        return shape
    if kind == "Dense":
        return (*shape[:-1], units(layer)) if shape else None
    if kind == "Flatten":
        size: int | None = 1
        for part in shape[1:] if shape else (None,):
            size = None if size is None or part is None else size * part
        return (shape[0] if shape else None, size)
    if kind.startswith("Global"):
        keep = layer.arguments.get("keepdims")
        if keep is not None:
            return None
        return (shape[0], shape[-1]) if shape else None
    if kind == "Embedding":
        return (*shape, units(layer)) if shape is not None else None
    if kind in _RECURRENT:
        whole = layer.arguments.get("return_sequences")
        state = layer.arguments.get("return_state")
        if state is not None and not (isinstance(state, Constant) and not state.value):
            return None
        if whole is None or (isinstance(whole, Constant) and not whole.value):
            return (shape[0] if shape else None, units(layer))
        if isinstance(whole, Constant) and whole.value and shape and len(shape) == 3:
            return (shape[0], shape[1], units(layer))
        return None
    if kind in _CONVOLUTIONS:
        return (shape[0], *(None for _ in shape[1:-1]), units(layer)) if shape else None
    if (
        "Pool" in kind
        or kind.startswith(("UpSampling", "ZeroPadding", "Cropping"))
        or kind in ("Resizing", "DepthwiseConv2D")
    ):
        return (
            (shape[0], *(None for _ in shape[1:-1]), shape[-1] if kind != "DepthwiseConv2D" else None)
            if shape
            else None
        )
    if kind == "Reshape":
        target = layer.arguments.get("target_shape")
        if isinstance(target, Collection) and target.complete:
            sizes = tuple(number(item) for item in target.items)
            return (shape[0] if shape else None, *(None if size == -1 else size for size in sizes))
        return None
    if kind == "RepeatVector":
        return (shape[0], number(layer.arguments.get("n")), shape[-1]) if shape and len(shape) == 2 else None
    if kind == "TimeDistributed":
        inner = layer.arguments.get("layer")
        if isinstance(inner, Layer) and shape is not None and len(shape) > 2:
            inside = output_shape(inner, (shape[0], *shape[2:]))
            return (shape[0], shape[1], *inside[1:]) if inside is not None else None
        return None
    if kind == "Bidirectional":
        inner = layer.arguments.get("layer")
        if isinstance(inner, Layer):
            inside = output_shape(inner, shape)
            if inside is None:
                return None
            last = inside[-1]
            mode = layer.arguments.get("merge_mode")
            doubled = last * 2 if last is not None and mode is None else None
            return (*inside[:-1], doubled)
        return None
    if kind == "Concatenate":
        return (*shape[:-1], None) if shape else None
    return None


def _activation(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`keras.activations.get("relu")`: the function of that name; of None, the linear one; anything else is itself."""
    given = call.get("identifier", 0)
    if given is None or (isinstance(given, Constant) and given.value is None):
        return External("keras.activations.linear")
    if isinstance(given, Constant) and isinstance(given.value, str) and given.value.isidentifier():
        return External(f"keras.activations.{given.value}")
    return given


def _initializer(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`keras.initializers.get("zeros")`: an object of that class; what is one already is itself."""
    from regrad.analysis import calls
    from regrad.analysis.interpreter import Call as Arguments

    given = call.get("identifier", 0) or call.get("config", 0) or UNKNOWN
    stated = given.entries.get("class_name") if isinstance(given, Mapping) else given
    named = text(stated)
    if named is not None and named.isidentifier():
        settings = given.entries.get("config") if isinstance(given, Mapping) else None
        keywords = {str(key): value for key, value in settings.entries.items()} if isinstance(settings, Mapping) else {}
        node = stated.node if isinstance(stated, Constant) and stated.node is not None else call.node
        return calls.unknown_call(interpreter, External(f"keras.initializers.{named}"), Arguments(node, (), keywords))
    return UNKNOWN if isinstance(given, Mapping) else given


FUNCTIONS: dict[str, Handler] = {
    "keras.activations.get": _activation,
    "keras.initializers.get": _initializer,
    "keras.initializers.deserialize": _initializer,
}
PREFIXES: dict[str, Handler] = {"keras.layers.": make}
