"""Whether a layer starts from random numbers, or brings weights that somebody trained or chose."""

from __future__ import annotations

import ast
import re

from regrad.analysis.callee import called
from regrad.analysis.events import Assigned, ModelCalled
from regrad.analysis.library.keras_layers import NORMALISATION, WEIGHTED
from regrad.analysis.program import Program
from regrad.analysis.values import Constant, External, Layer, Tensor, Unknown, Value

_LOADING = re.compile(
    r"(load|restore|pretrain|transfer|copy|sync|import|read|init|initiali[sz]e|set|update|soft_update|hard_update)_?\w*(weights?|checkpoint|ckpt|parameters?|params|networks?|models?)$",
    re.I,
)
_LOADS = frozenset(
    {
        "load_weights",
        "set_weights",
        "restore",
        "load_own_variables",
        "from_pretrained",
        "load_pretrained",
        "pretrain",
        "load_state_dict",
        "load_weights_from_checkpoint",
    }
)
_RANDOM = re.compile(r"normal|uniform|glorot|xavier|lecun|^he_?|variance_?scaling|orthogonal", re.I)


def fresh(layer: Value) -> bool:
    """Whether it is a layer of the library whose weights matter and certainly start from random numbers."""
    if (
        not isinstance(layer, Layer)
        or layer.kind not in WEIGHTED
        or layer.kind in NORMALISATION
        or layer.fields.get("#loaded")
    ):
        return False
    return all(
        is_random(value)
        for name, value in layer.arguments.items()
        if name.endswith("initializer") and not name.startswith("bias")
    )


def has_weights(layer: Layer) -> bool:
    """Whether it is a layer that keeps weights."""
    return layer.kind in WEIGHTED


def states_initializer(layer: Layer) -> bool:
    """Whether its maker chose how its weights start."""
    return any(name.endswith("initializer") for name in layer.arguments)


def is_random(value: Value) -> bool:
    """Whether an initialiser, or a first value, is random numbers."""
    if isinstance(value, Constant):
        return value.value is None or (isinstance(value.value, str) and bool(_RANDOM.search(value.value)))
    label = value.name if isinstance(value, External) else ""
    if isinstance(value, Unknown) and value.operation is not None and isinstance(value.operation.callee, External):
        label = value.operation.callee.name
    if isinstance(value, Tensor):
        if value.operation.kind == "random":
            return True
        label = value.operation.name
    return bool(_RANDOM.search(label.rpartition(".")[2]))


def weights_may_come(program: Program) -> bool:
    """Whether some weights of the program are loaded, copied or set by a way that is not followed exactly."""
    return program.once(_weights_may_come)


def _weights_may_come(program: Program) -> bool:
    assigned = {id(event.node) for event in program.of(Assigned)}
    for path in program.trees:
        defined = {node.name for node in program.nodes_of(path, ast.FunctionDef)}
        defined.update(node.name for node in program.nodes_of(path, ast.AsyncFunctionDef))
        for node in program.nodes_of(path, ast.Call):
            name = called(node)
            if name in defined:
                continue
            if name in _LOADS or (_LOADING.match(name) and name not in ("load_model", "clone_model")):
                return True
            if name in ("assign", "assign_sub", "assign_add") and id(node) not in assigned:
                return True
    return False


def given_away(program: Program, values: list[Value]) -> bool:
    """Whether any of them was handed to a function that is not known, which may train it or load its weights."""
    ids = {id(value) for value in values}
    for event in program.of(ModelCalled):
        given = (
            event.result.parents[1:] if isinstance(event.model, Unknown) and isinstance(event.result, Unknown) else ()
        )
        if any(id(part) in ids for part in given):
            return True
    return False
