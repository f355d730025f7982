"""The rules of NeuraLint, re-run from their publication on a list of layers read from the source.

Nikanjam, Braiek, Morovati, Khomh: "Automatic Fault Detection for Deep Learning Programs Using Graph Transformations",
ACM TOSEM 31(1), 2021, doi:10.1145/3470006. The tool turns a model into a graph and has Groove (Java) check it; its
reader of models uses what Keras 3 no longer has (`batch_input_shape`, `output_shape`), so the tool itself is not run.
Written anew from what the paper and the messages of its rules say. Left out: the rules that need the sizes of all
tensors (reshape, window against feature map, shapes that do not fit) and those that give no number to decide by (lack
of pooling, pooling after every convolution, blocks of alike convolutions).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from . import Reader
from .keras_source import ACTIVATIONS, CONVOLUTIONS, POOLING, WEIGHTED, Layer, Seen, name_of, see

_CATEGORICAL = ("categoricalcrossentropy", "sparsecategoricalcrossentropy")
BINARY = ("binarycrossentropy",)
_CONSTANT = frozenset("zeros ones constant Zeros Ones Constant".split())


def _last_activation_missing(seen: Seen) -> bool:
    return (
        seen.head is not None
        and seen.last_activation is None
        and any(name in _CATEGORICAL + BINARY and not logits for name, logits in seen.losses)
    )


def _wrong_binary_activation(seen: Seen) -> bool:
    return seen.last_activation not in (None, "sigmoid") and any(name in BINARY for name, _ in seen.losses)


def _loss_gets_the_wrong_input(seen: Seen) -> bool:
    """Before or after the activation, as the loss is told; one unit where it wants a unit for each class."""
    one_unit = seen.head is not None and seen.layers[seen.head].number("units", 0) == 1
    return any(
        ("crossentropy" in name and logits and seen.last_activation in ("softmax", "sigmoid"))
        or (name in _CATEGORICAL and (one_unit or seen.last_activation == "sigmoid"))
        for name, logits in seen.losses
    )


def _constant_weights(seen: Seen) -> bool:
    return any(name_of(layer.arguments.get("kernel_initializer")) in _CONSTANT for layer in _weighted(seen))


def _biases_not_zero(seen: Seen) -> bool:
    given = [name_of(layer.arguments.get("bias_initializer")) for layer in _weighted(seen)]
    return any(name is not None and name.lower() != "zeros" for name in given)


def _repeated_activation(seen: Seen) -> bool:
    return any(
        after.kind in ACTIVATIONS and before.activation is not None
        for before, after in _pairs(seen)
        if before.kind in WEIGHTED | ACTIVATIONS
    )


def _linear_inside(seen: Seen) -> bool:
    head = seen.head
    for number, layer in enumerate(seen.layers):
        if layer.kind not in WEIGHTED or number == head or layer.activation is not None:
            continue
        following = [each.kind for each in seen.layers[number + 1 : number + 3]]
        if not ACTIVATIONS & set(following):
            return True
    return False


def _useless_bias(seen: Seen) -> bool:
    return any(
        before.kind in WEIGHTED
        and after.kind == "BatchNormalization"
        and not _is(before.arguments.get("use_bias"), False)
        for before, after in _pairs(seen)
    )


def _dropout_before(*kinds: str) -> Callable[[Seen], bool]:
    return lambda seen: any(before.kind == "Dropout" and after.kind in kinds for before, after in _pairs(seen))


def _missing_flatten(seen: Seen) -> bool:
    local = CONVOLUTIONS | {kind for kind in POOLING if not kind.startswith("Global")}
    return any(before.kind in local and after.kind == "Dense" for before, after in _pairs(seen))


def _falling_filters(seen: Seen) -> bool:
    return _falls([layer.number("filters", 0) for layer in seen.layers if layer.kind in CONVOLUTIONS])


def _falling_windows(seen: Seen) -> bool:
    return _falls([layer.number("kernel_size", 1) for layer in seen.layers if layer.kind in CONVOLUTIONS])


def _rising_widths(seen: Seen) -> bool:
    widths = [layer.number("units", 0) for layer in seen.layers if layer.kind == "Dense"]
    return _falls([None if width is None else -width for width in widths])


def _no_training(seen: Seen) -> bool:
    """A model is compiled, and nothing minimises its loss step by step."""
    trains = {"fit", "fit_generator", "train_on_batch", "minimize", "apply_gradients", "apply"}
    return "compile" in seen.called and not trains & seen.called


_RULES: Mapping[str, tuple[Callable[[Seen], bool], str]] = {
    "last layer activation missing": (_last_activation_missing, "loss-head-mismatch"),
    "binary classification without sigmoid": (_wrong_binary_activation, "loss-head-mismatch singleton-softmax"),
    "loss connected before or after the activation": (
        _loss_gets_the_wrong_input,
        "loss-head-mismatch singleton-softmax",
    ),
    "constant weights": (_constant_weights, "zero-init"),
    "biases not zero": (_biases_not_zero, ""),
    "repeated activation": (_repeated_activation, ""),
    "no non-linear activation": (_linear_inside, ""),
    "bias before batch normalisation": (_useless_bias, ""),
    "dropout before batch normalisation": (_dropout_before("BatchNormalization"), ""),
    "dropout before pooling": (_dropout_before(*POOLING), ""),
    "missing flatten": (_missing_flatten, ""),
    "fewer filters": (_falling_filters, ""),
    "smaller windows": (_falling_windows, ""),
    "wider dense layers": (_rising_widths, ""),
    "not minimised step by step": (_no_training, "gradients-not-applied apply-gradients-misused"),
}


class NeuraLint(Reader):
    """What NeuraLint's rules say of a file."""

    name = "NeuraLint's rules"
    causes: Mapping[str, frozenset[str]] = {rule: frozenset(kinds.split()) for rule, (_, kinds) in _RULES.items()}

    def rules(self, path: Path) -> frozenset[str]:
        seen = see(path)
        if seen is None or not seen.layers:
            return frozenset()
        return frozenset(rule for rule, (applies, _) in _RULES.items() if applies(seen))


def _weighted(seen: Seen) -> list[Layer]:
    return [layer for layer in seen.layers if layer.kind in WEIGHTED]


def _pairs(seen: Seen) -> Iterator[tuple[Layer, Layer]]:
    return pairwise(seen.layers)


def _falls(numbers: list[int | None]) -> bool:
    known = [number for number in numbers if number is not None]
    return any(after < before for before, after in pairwise(known))


def _is(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value
