"""Supplies what the program lacks: names that it never defines, as data that its author might have had."""

# Python 3.9 has no `zip(strict=...)`.
# ruff: noqa: B905
from __future__ import annotations

import ast
import importlib
from typing import Any

from .recorder import Recorder
from .undefined import Hints, called_names, is_target, number_for, undefined_names

SAMPLES = 64
MODULES = {
    "np": "numpy", "numpy": "numpy", "tf": "tensorflow", "tensorflow": "tensorflow", "os": "os", "sys": "sys",
    "math": "math",
    "random": "random", "time": "time", "json": "json", "re": "re", "pd": "pandas",
    "plt": "matplotlib.pyplot",
    "datetime": "datetime", "glob": "glob", "itertools": "itertools", "functools": "functools",
}  # fmt: skip
KERAS_PARTS = (
    "layers",
    "models",
    "optimizers",
    "losses",
    "metrics",
    "callbacks",
    "utils",
    "regularizers",
    "initializers",
    "applications",
    "datasets",
    "activations",
)
Spec = dict[str, Any]


def supply(recorder: Recorder, families: list[Any], job: dict[str, Any]) -> dict[str, Any]:
    """Values for the undefined names. How they were made goes into the report, so that both sides get the same."""
    names = undefined_names(recorder.program.text)
    if not names:
        return {}
    tree = ast.parse(recorder.program.text)
    names -= star_imported(tree) | set(job.get("data") or {})
    hints = Hints(tree)
    called = called_names(tree)
    given: dict[str, Any] = job.get("hypothesis") or {}
    found: dict[str, Any] = {}
    for name in sorted(names):
        library = library_name(name, recorder, families)
        if library is not None:
            found[name] = library
            recorder.supplied.append(f"{name}: the import that the snippet leaves out")
            continue
        if name in called:
            continue
        number = number_for(name) if name not in given and not is_target(name) else None
        if number is not None:
            found[name] = number
            recorder.supplied.append(f"{name}: {number}")
            continue
        spec = given.get(name) or guess(name, hints, given)
        recorder.hypothesis[name] = spec
        found[name] = Made.render(name, spec)
        recorder.supplied.append(f"{name}: {described(spec)}")
    recorder.prepare_fit = lambda model, arguments: check_fit(recorder, model, arguments)  # type: ignore[method-assign]
    return found


def star_imported(tree: ast.AST) -> set[str]:
    """Names that a `from module import *` brings, where the module can be imported already."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and any(alias.name == "*" for alias in node.names):
            try:
                module = importlib.import_module(node.module)
            except ImportError:
                continue
            found |= set(getattr(module, "__all__", dir(module)))
    return found


def described(spec: Spec) -> str:
    kinds = {
        "int": "int64",
        "float": "float32",
        "binary": "float32, 0 or 1",
        "one-hot": "float32, one-hot",
        "image": "uint8",
        "token": "int64",
    }
    return f"{' × '.join(str(side) for side in spec['shape'])} {kinds[spec['kind']]}"


def library_name(name: str, recorder: Recorder, families: list[Any]) -> Any:
    keras = families[0] if families else None
    if name in MODULES:
        try:
            return importlib.import_module(MODULES[name])
        except ImportError:
            return None
    if name == "keras":
        return keras
    if name == "K":
        return getattr(keras, "backend", None)
    if name in KERAS_PARTS:
        return getattr(keras, name, None)
    if name[:1].isupper() or name in ("to_categorical",):
        for part in ("layers", "models", "optimizers", "losses", "metrics", "callbacks", "utils"):
            value = getattr(getattr(keras, part, None), name, None)
            if callable(value):
                return value
    return None


def guess(name: str, hints: Hints, given: dict[str, Any]) -> Spec:
    if is_target(name):
        if name in hints.categorical:
            return {"role": "y", "shape": [SAMPLES], "kind": "int", "classes": hints.classes or hints.units or 10}
        shape = [None, hints.units] if hints.units is not None else None
        return target_spec(shape, hints.loss, hints.activation, hints.classes)
    shape = list(hints.input_shape or (10,))
    if hints.vocabulary:
        return {"role": "x", "shape": [SAMPLES, *shape], "kind": "token", "classes": hints.vocabulary}
    kind = "image" if hints.scaled and (len(shape) >= 2 or shape == [784]) else "float"
    return {"role": "x", "shape": [SAMPLES, *shape], "kind": kind, "classes": 10}


def target_spec(shape: Any, loss: str, activation: Any, classes: int | None = None) -> Spec:
    """The labels that the author of this head and this loss must have had in mind, right or wrong."""
    units = int(shape[-1]) if shape and shape[-1] else 1
    middle = [int(side) if side else 16 for side in (shape or [None])[1:-1]]
    if "sparse" in loss:
        return {"role": "y", "shape": [SAMPLES, *middle], "kind": "int", "classes": max(units, 2)}
    if "crossentropy" in loss or "hinge" in loss:
        if units == 1:
            return {"role": "y", "shape": [SAMPLES, *middle, 1], "kind": "binary", "classes": 2}
        kind = "one-hot" if "categorical" in loss or activation == "softmax" or "binary" not in loss else "binary"
        return {"role": "y", "shape": [SAMPLES, *middle, units], "kind": kind, "classes": units}
    if activation == "softmax" and units > 1:
        return {"role": "y", "shape": [SAMPLES, *middle, units], "kind": "one-hot", "classes": units}
    if activation in ("sigmoid", "softmax"):
        return {"role": "y", "shape": [SAMPLES, *middle, units], "kind": "binary", "classes": 2}
    return {"role": "y", "shape": [SAMPLES, *middle, units], "kind": "float", "classes": classes or 4}


class Made:
    """Made-up arrays: an ndarray that remembers its name, so that `fit` can tell when the guess was wrong."""

    kind: Any = None

    @staticmethod
    def array_type() -> Any:
        if Made.kind is None:
            import numpy

            class MadeArray(numpy.ndarray):
                regrad_name: str | None = None

                def __array_finalize__(self, other: Any) -> None:
                    self.regrad_name = getattr(other, "regrad_name", None)

            Made.kind = MadeArray
        return Made.kind

    @staticmethod
    def render(name: str, spec: Spec) -> Any:
        """Deterministic: inputs lie around a centre of their class, so that there is something to learn."""
        import numpy

        source = numpy.random.RandomState(7)
        shape = [int(side) for side in spec["shape"]]
        classes = int(spec["classes"])
        latent: Any = numpy.arange(shape[0])
        rest = shape[1:]
        array: Any = None
        if spec["kind"] == "int":
            pick = latent.reshape([-1] + [1] * len(rest)) + numpy.arange(int(numpy.prod(rest)) if rest else 1).reshape(
                rest or [1]
            )
            array = (pick % classes).reshape(shape).astype("int64")
        elif spec["kind"] == "token":
            array = source.randint(0, classes, shape).astype("int64")
        elif spec["kind"] == "image":
            centres = source.randint(0, 128, [10, *rest])
            array = (centres[latent % 10] + source.randint(0, 128, shape)).astype("uint8")
        elif spec["kind"] == "one-hot":
            array = numpy.eye(rest[-1], dtype="float32")[(latent % rest[-1])]
            array = numpy.broadcast_to(array.reshape([shape[0]] + [1] * (len(rest) - 1) + [rest[-1]]), shape).copy()
        elif spec["kind"] == "binary":
            width = int(numpy.prod(rest)) if rest else 1
            array = ((latent[:, None] + numpy.arange(width)[None, :]) % 2).reshape(shape).astype("float32")
        elif spec["role"] == "y":
            steps: Any = (latent % classes).astype("float32") / classes
            array = steps.reshape([-1] + [1] * len(rest)) * numpy.ones(shape, "float32") + 0.1 * source.randn(*shape)
            array = array.astype("float32")
        else:
            around = source.randn(8, *rest)
            array = (around[latent % 8] + 0.5 * source.randn(*shape)).astype("float32")
        made = array.view(Made.array_type())
        made.regrad_name = name
        return made


def made_name(thing: Any) -> str | None:
    return getattr(thing, "regrad_name", None)


def loss_of(model: Any) -> str:
    loss = getattr(model, "loss", None)
    if isinstance(loss, (list, tuple)) and loss:
        loss = loss[0]
    if isinstance(loss, dict) and loss:
        loss = next(iter(loss.values()))
    if isinstance(loss, str):
        word = loss
    else:
        word = (
            getattr(getattr(loss, "fn", None), "__name__", None)
            or getattr(loss, "__name__", None)
            or type(loss).__name__
        )
    return word.lower().replace("_", "")


def last_layer(model: Any) -> Any:
    layers = getattr(model, "layers", None) or []
    return layers[-1] if layers else None


def shapes_of(thing: Any) -> list[Any]:
    if thing is None:
        return []
    if isinstance(thing, dict):
        return [shape for value in thing.values() for shape in shapes_of(value)]
    if isinstance(thing, list) or (isinstance(thing, tuple) and thing and isinstance(thing[0], (tuple, list))):
        return [shape for value in thing for shape in shapes_of(value)]
    return [tuple(thing)]


def check_fit(recorder: Recorder, model: Any, arguments: dict[str, Any]) -> None:
    """The model knows what it wants: where a made-up array has another form, the run starts again."""
    wrong: dict[str, Spec] = {}
    x, y = arguments.get("x"), arguments.get("y")
    try:
        inputs = shapes_of(model.input_shape)
    except (AttributeError, ValueError, RuntimeError, TypeError):
        inputs = []
    for array, shape in zip(x if isinstance(x, (list, tuple)) else [x], inputs):
        name = made_name(array)
        if name is None or name not in recorder.hypothesis:
            continue
        wanted = [SAMPLES, *[int(side) if side else 16 for side in shape[1:]]]
        if len(wanted) != len(array.shape) or any(
            fixed and fixed != have for fixed, have in zip(shape[1:], array.shape[1:])
        ):
            wrong[name] = {**recorder.hypothesis[name], "role": "x", "shape": wanted}
    name = made_name(y)
    if name is not None and recorder.hypothesis.get(name) is not None:
        spec = wanted_target(model) if made_name(x) != name else None
        if spec is not None and (
            spec["shape"][1:] != list(getattr(y, "shape", ()))[1:] or spec["kind"] != recorder.hypothesis[name]["kind"]
        ):
            wrong[name] = spec
    if wrong and not recorder.fixed_hypothesis:
        recorder.retry({**recorder.hypothesis, **wrong})


def wanted_target(model: Any) -> Spec | None:
    try:
        outputs = shapes_of(model.output_shape)
    except (AttributeError, ValueError, RuntimeError, TypeError):
        outputs = []
    last = last_layer(model)
    if len(outputs) != 1:
        units = getattr(last, "units", None)
        if units is None:
            return None
        outputs = [(None, units)]
    activation = getattr(getattr(last, "activation", None), "__name__", None)
    return target_spec(list(outputs[0]), loss_of(model), activation)
