"""What a reader sees who goes through a file from top to bottom and knows the names of Keras: layers, losses, loops.

The published heuristics are stated over such a list of layers. No name is resolved and no call is followed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..cases import program_text

WEIGHTED = frozenset("Dense Conv1D Conv2D Conv3D SeparableConv2D DepthwiseConv2D Conv2DTranspose".split())
CONVOLUTIONS = WEIGHTED - {"Dense"}
POOLING = frozenset(
    f"{kind}Pooling{size}D" for kind in ("Max", "Average", "GlobalMax", "GlobalAverage") for size in (1, 2, 3)
)
ACTIVATIONS = frozenset("Activation ReLU LeakyReLU PReLU ELU Softmax ThresholdedReLU".split())
OTHERS = frozenset(
    "Flatten Reshape Dropout SpatialDropout2D BatchNormalization LayerNormalization Embedding LSTM GRU SimpleRNN"
    " Bidirectional TimeDistributed Lambda Rescaling Input InputLayer Concatenate Add".split()
)
LAYERS = WEIGHTED | POOLING | ACTIVATIONS | OTHERS


@dataclass(frozen=True)
class Layer:
    """A call that makes a layer, with the arguments that are written there."""

    kind: str
    call: ast.Call
    arguments: dict[str, ast.expr]

    @property
    def activation(self) -> str | None:
        """`relu`, wherever it is written; None where there is none."""
        if self.kind in ACTIVATIONS:
            given = self.arguments.get("activation", self.call.args[0] if self.call.args else None)
            return name_of(given) if self.kind == "Activation" else self.kind.lower()
        found = name_of(self.arguments.get("activation"))
        return None if found in (None, "linear") else found

    def number(self, keyword: str, position: int) -> int | None:
        """A number that is written out; of a tuple, its first."""
        given = self.arguments.get(keyword)
        if given is None and len(self.call.args) > position:
            given = self.call.args[position]
        if isinstance(given, (ast.Tuple, ast.List)) and given.elts:
            given = given.elts[0]
        return given.value if isinstance(given, ast.Constant) and isinstance(given.value, int) else None


@dataclass
class Seen:
    """One file: its layers in the order of their calls, its losses, and whether anything trains."""

    text: str
    tree: ast.Module
    layers: list[Layer] = field(default_factory=list)
    losses: list[tuple[str, bool]] = field(default_factory=list)
    """Names of losses, and whether they are told that they get logits."""
    called: set[str] = field(default_factory=set)

    @property
    def head(self) -> int | None:
        """Where the last layer with weights stands."""
        places = [number for number, layer in enumerate(self.layers) if layer.kind in WEIGHTED]
        return places[-1] if places else None

    @property
    def last_activation(self) -> str | None:
        head = self.head
        if head is None:
            return None
        found = self.layers[head].activation
        for layer in self.layers[head + 1 :]:
            found = layer.activation if layer.kind in ACTIVATIONS else found
        return found


def see(path: Path) -> Seen | None:
    """None where the file does not parse."""
    try:
        text = program_text(path) if path.suffix == ".ipynb" else path.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except (OSError, ValueError, SyntaxError, KeyError, RecursionError):
        return None
    seen = Seen(text, tree)
    for call in _calls(tree):
        name = _last(call.func)
        seen.called.add(name)
        arguments = {each.arg: each.value for each in call.keywords if each.arg}
        if name in LAYERS:
            seen.layers.append(Layer(name, call, arguments))
        if name == "compile" and "loss" in arguments:
            loss = name_of(arguments["loss"])
            if loss is not None:
                seen.losses.append((_plain(loss), _from_logits(arguments["loss"])))
        elif "crossentropy" in _plain(name) and not isinstance(call.func, ast.Name):
            seen.losses.append((_plain(name), _from_logits(call)))
    return seen


def name_of(node: ast.expr | None) -> str | None:
    """`relu` of `"relu"`, `tf.nn.relu` and `keras.layers.ReLU()`."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.Call):
        return name_of(node.func)
    if isinstance(node, (ast.Attribute, ast.Name)):
        return _last(node)
    return None


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    """In the order of the text; the inner one first, as it is carried out."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return iter(sorted(calls, key=lambda call: (call.end_lineno or 0, call.end_col_offset or 0)))


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _plain(loss: str) -> str:
    return loss.lower().replace("_", "")


def _from_logits(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and any(
        each.arg == "from_logits" and isinstance(each.value, ast.Constant) and bool(each.value.value)
        for each in node.keywords
    )
