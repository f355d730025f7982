"""Freshly initialised layers that are switched off before anything trained them; in doubt, nothing is said.

Whether a frozen layer is borrowed (a backbone, a teacher) cannot be seen in its weights. What can be seen is who made
it and who switched it off: only where one and the same piece of code makes a layer, makes the layers that it trains
beside it, and freezes the one but not the others, is the freeze a slip; and where one loop says of each of them whether
it moves, the freeze is meant.
"""

from __future__ import annotations

import ast
import sys
from typing import Any

from .holders import weights_of
from .recorder import Recorder

TRAINED_LAYERS = {
    "Dense", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "SeparableConv1D",
    "SeparableConv2D", "DepthwiseConv1D", "DepthwiseConv2D", "EinsumDense", "LSTM", "GRU", "SimpleRNN",
}  # fmt: skip
"""Without Embedding: a frozen one stands for word vectors in most programs, also where those are left out."""


def watch_assignments(recorder: Recorder) -> None:
    """A variable that was ever written to is not fresh: trained, loaded, or set by hand."""
    from tensorflow.python.ops import resource_variable_ops

    def wrap(kind: type, name: str) -> None:
        plain = vars(kind)[name]

        def assigned(self: Any, *args: Any, **options: Any) -> Any:
            if not recorder.paused:
                recorder.touched.add(id(self))
                track = recorder.tracks.get(id(self))
                if name != "assign" and track is not None and track.asked:
                    delta = args[0] if args else options.get("delta")
                    (recorder.idle if is_zero(delta) else recorder.stirred).add(id(self))
            return plain(self, *args, **options)

        assigned.autograph_info__ = {}  # type: ignore[attr-defined]
        setattr(kind, name, assigned)

    kinds = [resource_variable_ops.BaseResourceVariable]
    for kind in kinds:
        kinds += [heir for heir in kind.__subclasses__() if heir not in kinds]
        for name in ("assign", "assign_add", "assign_sub"):
            # TensorFlow copies some methods down into its subclasses, so each class is asked for its own.
            if name in vars(kind):
                wrap(kind, name)


def is_zero(delta: Any) -> bool:
    """Whether what is added to a variable is known, and nothing."""
    import numpy

    try:
        return not numpy.any(numpy.asarray(delta))
    except Exception:
        # Symbolic: its value comes later.
        return False


def watch_layers(recorder: Recorder, families: list[Any]) -> None:
    """Notes which code of the program's own makes each layer, and which switches it off."""
    for family in families:
        layer_type = family.layers.Layer
        watch_making(recorder, layer_type)
        for kind in layer_type.__mro__:
            switch = vars(kind).get("trainable")
            if isinstance(switch, property) and switch.fset is not None and not hasattr(switch.fset, "regrad_plain"):
                kind.trainable = property(switch.fget, noting(recorder, switch.fset))


def watch_making(recorder: Recorder, layer_type: type) -> None:
    """At `__new__`: Keras reads the signature of `__init__`, which is therefore to be left alone."""
    kind = next((one for one in layer_type.__mro__[:-1] if "__new__" in vars(one)), None)
    if kind is None or hasattr(vars(kind)["__new__"], "regrad_plain"):
        return
    plain = vars(kind)["__new__"]

    def made(cls: Any, *args: Any, **options: Any) -> Any:
        layer = plain.__func__(cls, *args, **options)
        recorder.made_in[id(layer)] = recorder.frozen_in[id(layer)] = owner_of_call(recorder)
        recorder.sites.made(layer, recorder.site())
        return layer

    made.regrad_plain = plain  # type: ignore[attr-defined]
    kind.__new__ = staticmethod(made)  # type: ignore[assignment]


def noting(recorder: Recorder, plain: Any) -> Any:
    def switched(self: Any, value: Any) -> None:
        recorder.frozen_in[id(self)] = owner_of_call(recorder)
        recorder.sites.switched(self, value, recorder.site())
        plain(self, value)

    switched.regrad_plain = plain  # type: ignore[attr-defined]
    return switched


def owner_of_call(recorder: Recorder) -> Any:
    """The program's own code that made the call itself; None where a library did it on the program's behalf."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_name in ("__new__", "__setattr__"):
        frame = frame.f_back  # type: ignore[assignment]
    return frame.f_code if frame is not None and recorder.program.owns(frame.f_code.co_filename) else None


def frozen_and_fresh(recorder: Recorder) -> bool:
    """A layer of a model in training that nobody has trained, loaded or set, and that is switched off."""
    if "restored" in recorder.notes:
        return False
    models = [model for model in recorder.models() if isinstance(model, recorder.model_types)]
    sizes = sorted(models, key=lambda model: len(weights_of(model)))
    for position, model in enumerate(sizes):
        layers = [layer for layer in getattr(model, "layers", ()) if getattr(layer, "weights", None)]
        trained_by = {recorder.made_in.get(id(layer)) for layer in layers if asked(recorder, layer)}
        if not trained_by:
            continue
        inner = inside_smaller_models(recorder, model, sizes[:position])
        for layer in layers:
            origin = recorder.made_in.get(id(layer))
            if origin is None or origin not in trained_by or recorder.frozen_in.get(id(layer)) is not origin:
                continue
            if slipped(recorder, layer) and not keys_of(recorder, layer) & inner and not divided(recorder, layer):
                return True
    return False


def divided(recorder: Recorder, layer: Any) -> bool:
    """Whether one loop, or two that share a list, say of each layer whether it moves, and of this one that it does
    not: no slip.

    Read from the text, as Keras does not hear of a layer that is switched on when it is on already.
    """
    switch = recorder.sites.switches.get(id(layer))
    if switch is None:
        return False
    path, line = switch[1]
    tree = ast.parse("".join(recorder.program.lines(path)))
    loops = [loop for loop in ast.walk(tree) if isinstance(loop, (ast.For, ast.While))]
    around = [loop for loop in loops if loop.lineno <= line <= (loop.end_lineno or loop.lineno)]
    return any(
        decides_of_each(loop) or any(is_other_side(loop, other) and decides_of_each(other) for other in loops)
        for loop in around
    )


def is_other_side(loop: ast.AST, other: ast.AST) -> bool:
    """Whether one loop goes over `layers[:7]` and the other over `layers[7:]`."""
    one, two = getattr(loop, "iter", None), getattr(other, "iter", None)
    if not isinstance(one, ast.Subscript) or not isinstance(two, ast.Subscript):
        return False
    first, second = one.slice, two.slice
    if not isinstance(first, ast.Slice) or not isinstance(second, ast.Slice):
        return False
    if ast.dump(one.value) != ast.dump(two.value):
        return False
    return begins_where_ends(first, second) or begins_where_ends(second, first)


def begins_where_ends(one: ast.Slice, other: ast.Slice) -> bool:
    if one.lower is not None or other.upper is not None or one.upper is None or other.lower is None:
        return False
    return ast.dump(one.upper) == ast.dump(other.lower)


def decides_of_each(loop: ast.AST) -> bool:
    """Whether `trainable` is set to True in the loop too, or to what the loop itself finds out."""
    bound = {part.id for part in ast.walk(loop) if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load)}
    for statement in ast.walk(loop):
        if isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Attribute) and target.attr == "trainable" for target in statement.targets
        ):
            value = statement.value
            if isinstance(value, ast.Constant) and value.value is True:
                return True
            if any(isinstance(part, ast.Name) and part.id in bound for part in ast.walk(value)):
                return True
    return False


def keys_of(recorder: Recorder, holder: Any) -> set[int]:
    return {id(recorder.raw(variable)) for variable in weights_of(holder)}


def asked(recorder: Recorder, layer: Any) -> bool:
    return any(key in recorder.tracks and recorder.tracks[key].asked for key in keys_of(recorder, layer))


def inside_smaller_models(recorder: Recorder, model: Any, smaller: list[Any]) -> set[int]:
    """What another model within this one holds was frozen with it, as a whole."""
    own = keys_of(recorder, model)
    inner: set[int] = set()
    for other in smaller:
        held = keys_of(recorder, other)
        if held < own:
            inner |= held
    return inner


def slipped(recorder: Recorder, layer: Any) -> bool:
    if getattr(layer, "trainable", True) or type(layer).__name__ not in TRAINED_LAYERS:
        return False
    if asked(recorder, layer) or keys_of(recorder, layer) & recorder.touched or getattr(layer, "lora_enabled", False):
        return False
    return not chosen_by_hand(layer)


def chosen_by_hand(layer: Any) -> bool:
    """Whether the author named the initial weights: random features and fixed filters are wanted as they are."""
    import inspect

    for name in ("kernel_initializer", "recurrent_initializer", "depthwise_initializer", "pointwise_initializer"):
        given = getattr(layer, name, None)
        parameter = inspect.signature(type(layer).__init__).parameters.get(name)
        if given is None or parameter is None or not isinstance(parameter.default, str):
            continue
        if type(given).__name__.lower().replace("initializer", "") != parameter.default.lower().replace("_", ""):
            return True
        if settings_of(given) != settings_of(type(given)()):
            return True
    return False


def settings_of(initializer: Any) -> dict[str, Any]:
    """How it draws; with which seed is no matter."""
    try:
        return {name: value for name, value in initializer.get_config().items() if name != "seed"}
    except Exception:
        return {}
