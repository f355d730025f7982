"""Calling things: functions and classes of the program are interpreted, library names are looked up, the rest is
unknown.
"""

from __future__ import annotations

import ast
from collections.abc import Hashable
from typing import TYPE_CHECKING

from regrad.analysis import joining, layer_names
from regrad.analysis.assigning import FILLING
from regrad.analysis.frames import Scope
from regrad.analysis.interpreter import SYMBOLIC, Call
from regrad.analysis.parameters import positional, positional_names
from regrad.analysis.values import (
    UNKNOWN,
    BoundExternal,
    BoundMethod,
    Class,
    Collection,
    Constant,
    External,
    Function,
    Instance,
    Layer,
    Loss,
    Mapping,
    Metric,
    Network,
    Partial,
    Union_,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Interpreter

_ROLES = (
    ("keras.Model", "model"),
    ("keras.Sequential", "model"),
    ("keras.models.", "model"),
    ("keras.layers.", "layer"),
    ("keras.losses.", "loss"),
    ("keras.metrics.", "metric"),
    ("keras.utils.Sequence", "data"),
    ("keras.utils.PyDataset", "data"),
    ("keras.utils.data_utils.Sequence", "data"),
    ("keras.callbacks.", "callback"),
    ("keras.optimizers.", "optimizer"),
    ("keras.initializers.", "initializer"),
    ("keras.regularizers.", "regularizer"),
    ("keras.constraints.", "constraint"),
    ("tf.Module", "module"),
)


_ADDING = ("append", "appendleft", "add", "extend", "insert")
"""Methods by which a part of a list of lists grows, also where it is not known which part."""


_INITIAL = {
    "zeros": "tf.zeros",
    "ones": "tf.ones",
    **dict.fromkeys(("randomuniform", "glorotuniform", "heuniform", "lecununiform"), "tf.random.uniform"),
    **dict.fromkeys(("randomnormal", "glorotnormal", "henormal", "lecunnormal", "orthogonal"), "tf.random.normal"),
    **dict.fromkeys(("truncatednormal", "variancescaling"), "tf.random.normal"),
}
"""What the initializers of Keras give when they are called with a shape, by their names in small letters."""


def role_of(cls: Class) -> str | None:
    """What Keras takes objects of the class for; `library` for a class of another library that may be a model."""
    role = None
    for name in cls.external_bases():
        for prefix, found in _ROLES:
            if name == prefix or (prefix.endswith(".") and name.startswith(prefix)):
                return found
        if not name.startswith(("builtins.", "abc.", "typing.", "enum.", "dataclasses.", "collections.")):
            role = "library"
    return role


def call(interpreter: Interpreter, callee: Value, arguments: Call) -> Value:
    """The value of `callee(arguments)`."""
    if interpreter.steps > interpreter.budget:
        return interpreter.unknown("call", "", (callee, *arguments.all()))
    if isinstance(callee, External):
        return interpreter.library_call(interpreter, callee.name, arguments)
    if isinstance(callee, Function):
        return call_function(interpreter, callee, arguments, None)
    if isinstance(callee, BoundMethod):
        return call_function(interpreter, callee.function, arguments.shifted(callee.owner), callee.owner)
    if isinstance(callee, BoundExternal):
        return interpreter.library_method(interpreter, callee.owner, callee.name, arguments)
    if isinstance(callee, Class):
        return instantiate(interpreter, callee, arguments)
    if isinstance(callee, (Layer, Network)):
        from regrad.analysis.library import layer_calls

        return layer_calls.call_layer(interpreter, callee, arguments)
    if isinstance(callee, Instance):
        return call_instance(interpreter, callee, arguments)
    if isinstance(callee, Loss):
        from regrad.analysis.library import losses

        return losses.call_loss(interpreter, callee.name, callee, arguments)
    if isinstance(callee, Partial):
        combined = Call(
            arguments.node,
            (*callee.arguments, *arguments.positional),
            {**callee.keywords, **arguments.keywords},
            arguments.complete,
            (*(None for _ in callee.arguments), *arguments.nodes),
            arguments.keyword_nodes,
        )
        return call(interpreter, callee.callee, combined)
    if isinstance(callee, Union_):
        return joining.join_all(
            interpreter, [call(interpreter, alternative, arguments) for alternative in callee.alternatives]
        )
    if isinstance(callee, Metric):
        from regrad.analysis.operations import Transfer

        return interpreter.operation(
            "metric", callee.name, arguments.node, arguments.all(), Transfer.NONE, dtype="float32", callee=callee
        )
    if isinstance(callee, Constant) and isinstance(callee.value, str):
        from regrad.analysis.library import arrays

        return arrays.scalar(interpreter, callee.value, arguments)
    return unknown_call(interpreter, callee, arguments)


def unknown_call(interpreter: Interpreter, callee: Value, arguments: Call) -> Value:
    """A call of something that is not known: it may use whatever it was given, and call the functions among that."""
    from regrad.analysis.events import ModelCalled

    drawn = _drawn(callee)
    shape = arguments.get("shape", 0)
    if drawn is not None and shape is not None:
        return interpreter.library_call(interpreter, drawn, Call(arguments.node, (shape,)))
    if isinstance(callee, Unknown) and callee.origin == "attribute":
        _method_of_unknown(interpreter, callee, arguments)
    call_through(interpreter, arguments)
    made = interpreter.operation(
        "unknown", getattr(callee, "label", "") or "call", arguments.node, (callee, *arguments.all()), callee=callee
    )
    if isinstance(callee, Unknown):
        interpreter.emit(
            ModelCalled(arguments.node, interpreter.frame, interpreter.tick(), callee, interpreter.tapes, made)
        )
    facts = SYMBOLIC if made.symbolic else frozenset()
    return Unknown(
        "call", made.operation.name, (callee, *arguments.all()), made.operation.serial, facts, made.operation
    )


def _drawn(callee: Value) -> str | None:
    """The operation that gives what an initializer of the library gives: random numbers, zeros or ones of a shape."""
    maker = callee.parents[0] if isinstance(callee, Unknown) and callee.origin == "call" and callee.parents else None
    if not isinstance(maker, External) or not maker.name.startswith("keras.initializers."):
        return None
    return _INITIAL.get(maker.name.rpartition(".")[2].replace("_", "").lower())


def _method_of_unknown(interpreter: Interpreter, callee: Unknown, arguments: Call) -> None:
    """What a method does by its name alone, be its object what it may."""
    from regrad.analysis.events import Fetched

    last = callee.label.rpartition(".")[2]
    fetches = arguments.get("fetches", 0)
    if callee.label.endswith(_ADDING):
        from regrad.analysis import subscripts

        for value in arguments.positional:
            subscripts.put_into(interpreter, callee.parents[0], value)
    elif last == "run" and fetches is not None:
        feed = arguments.get("feed_dict", 1)
        interpreter.emit(Fetched(arguments.node, interpreter.frame, interpreter.tick(), fetches, feed))
    elif last in FILLING:
        from regrad.analysis.library import variables

        variables.note_filled(interpreter, last, arguments)


def call_through(interpreter: Interpreter, arguments: Call) -> None:
    """Interpret functions of the program that are handed to something unknown, since it will probably call them."""
    for value in arguments.all():
        function = value.function if isinstance(value, BoundMethod) else value
        if isinstance(function, Function) and id(function.node) not in interpreter.called:
            call_unknown(interpreter, value, arguments.node)


def call_unknown(interpreter: Interpreter, callee: Value, node: ast.AST) -> Value:
    """Call a function of the program with arguments of which nothing is known."""
    function = callee.function if isinstance(callee, BoundMethod) else callee
    if not isinstance(function, Function):
        return UNKNOWN
    parameters = function.node.args
    names = positional(parameters)
    if isinstance(callee, BoundMethod) and names:
        names = names[1:]
    given = tuple(interpreter.unknown("parameter", name.arg) for name in names)
    keywords: dict[str, Value] = {
        name.arg: interpreter.unknown("parameter", name.arg) for name in parameters.kwonlyargs
    }
    return call(interpreter, callee, Call(node, given, keywords, False))


def decorate(interpreter: Interpreter, function: Function) -> Value:
    """What a decorated `def` binds. Decorators of the program are called; those of libraries are taken to keep the
    function.
    """
    value: Value = function
    for decorator in reversed(function.decorators):
        if isinstance(decorator, External) and decorator.name.endswith("custom_gradient"):
            return External(decorator.name + ".decorated")
        if isinstance(decorator, (Function, BoundMethod)):
            result = call(interpreter, decorator, Call(function.node, (value,)))
            if isinstance(result, (Function, BoundMethod, Class, Instance, Partial)):
                value = result
    return value


def call_function(interpreter: Interpreter, function: Function, arguments: Call, this: Value | None) -> Value:
    """Interpret a function of the program with these arguments."""
    if function.decorated("custom_gradient"):
        return interpreter.operation("unknown", function.name, arguments.node, arguments.all(), callee=function)
    scope = Scope(function.scope)
    names = scope.names
    parameters = function.node.args
    in_order = positional_names(parameters)
    given = list(arguments.positional)
    keywords = dict(arguments.keywords)
    for name, value in zip(in_order, given, strict=False):
        names[name] = value
    extra = given[len(in_order) :]
    if parameters.vararg is not None:
        names[parameters.vararg.arg] = Collection("tuple", tuple(extra), arguments.complete)
    missing = in_order[len(given) :]
    defaults = dict(zip(in_order[len(in_order) - len(function.defaults) :], function.defaults, strict=False))
    for name in missing:
        if name in keywords:
            names[name] = keywords.pop(name)
        elif name in defaults and arguments.complete:
            names[name] = defaults[name]
        elif name in defaults:
            names[name] = joining.join(interpreter, defaults[name], interpreter.unknown("parameter", name))
        else:
            names[name] = interpreter.unknown("parameter", name)
    for parameter, default in zip(parameters.kwonlyargs, function.keyword_defaults, strict=False):
        if parameter.arg in keywords:
            names[parameter.arg] = keywords.pop(parameter.arg)
        else:
            names[parameter.arg] = default if default is not None else interpreter.unknown("parameter", parameter.arg)
    for name in list(keywords):
        if name in in_order:
            names[name] = keywords.pop(name)
    if parameters.kwarg is not None:
        names[parameters.kwarg.arg] = Mapping(dict(keywords), arguments.complete)
    owner = this if this is not None else (given[0] if function.owner is not None and given else None)
    if not function.decorated("cache", "lru_cache"):
        return interpreter.run_function(function, scope, arguments.node, owner)
    bound = tuple(names.values())
    key = (function.node, tuple(_same_as(value) for value in bound))
    if key not in interpreter.results:
        result = interpreter.run_function(function, scope, arguments.node, owner)
        interpreter.store.put(interpreter.results, key, (result, bound))
    kept: Value = interpreter.results[key][0]
    return kept


def _same_as(value: Value) -> Hashable:
    """What tells an argument from others, as `functools.cache` compares them."""
    plain = isinstance(value, Constant) and isinstance(value.value, Hashable)
    return value.value if isinstance(value, Constant) and plain else id(value)


def instantiate(interpreter: Interpreter, cls: Class, arguments: Call) -> Value:
    """An object of a class of the program; its `__init__` is interpreted."""
    role = role_of(cls)
    instance = Instance(cls, role, arguments.node, interpreter.frame, interpreter.tick())
    interpreter.instances.setdefault(id(cls), []).append(instance)
    found = cls.find("__init__")
    if role in ("model", "layer"):
        stated = arguments.get("trainable")
        if stated is not None and found is None:
            instance.fields["trainable"] = stated
        if found is None:
            instance.fields["#name"] = layer_names.stated_or_automatic(arguments, cls.name)
    if found is not None and isinstance(found[0], Function):
        call_function(interpreter, found[0], arguments.shifted(instance), instance)
    else:
        for index, name in enumerate(_annotated(cls)):
            # A dataclass, or a plain record: the annotated names are its parameters.
            value = arguments.get(name, index if role in (None, "library") else None)
            if value is not None:
                instance.fields[name] = value
            elif not arguments.complete:
                instance.fields[name] = interpreter.unknown("parameter", name)
        if role == "layer":
            from regrad.analysis.library import model_methods

            model_methods.keep_wrapped(interpreter, instance, arguments)
        if role == "model" and (
            arguments.positional or "inputs" in arguments.keywords or "outputs" in arguments.keywords
        ):
            instance.fields["#functional"] = True
            from regrad.analysis.library import model_methods

            # `class Custom(keras.Model)` that only overrides `train_step` inherits `Model(inputs, outputs)`.
            model_methods.inherited_init(interpreter, instance, arguments)
    return instance


def _annotated(cls: Class) -> list[str]:
    """The annotated names of a class and its bases, in the order in which a dataclass takes them."""
    found: dict[str, None] = {}
    for each in reversed(list(cls.ancestry())):
        for statement in each.node.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                found[statement.target.id] = None
    return list(found)


def call_instance(interpreter: Interpreter, instance: Instance, arguments: Call) -> Value:
    """`instance(...)`: Keras layers, models and losses are called through `call`, others through `__call__`."""
    from regrad.analysis.events import ModelCalled

    own = instance.cls.find("__call__")
    keras = instance.role in ("layer", "model", "loss", "library")
    method = own if own is not None else instance.cls.find("call") if keras else None
    if instance.role in ("layer", "model") and not instance.fields.get("#built"):
        interpreter.store.put(instance.fields, "#built", True)
        build = instance.cls.find("build")
        if build is not None and isinstance(build[0], Function):
            shape = input_shape(interpreter, arguments)
            # `build` runs once, also when the call around it only describes the model.
            describing, interpreter.describing = interpreter.describing, False
            call_function(interpreter, build[0], Call(arguments.node, (instance, shape)), instance)
            interpreter.describing = describing
    cell = instance.fields.get("cell")
    if method is None and isinstance(cell, Instance):
        from regrad.analysis.library import layer_calls

        with interpreter.describing_with(_flat(arguments)):
            return layer_calls.run_cell(interpreter, cell, arguments, _flat(arguments))
    if method is None or not isinstance(method[0], Function):
        from regrad.analysis.library import inherited_calls

        return inherited_calls.call_inherited(interpreter, instance, arguments)
    if instance.role == "loss":
        arguments = Call(
            arguments.node,
            arguments.positional[:2],
            {k: v for k, v in arguments.keywords.items() if k in ("y_true", "y_pred")},
            True,
            arguments.nodes,
        )
    since = interpreter.serial
    with interpreter.describing_with(_flat(arguments)):
        result = call_function(interpreter, method[0], arguments.shifted(instance), instance)
    if instance.role in ("layer", "model"):
        from regrad.analysis.library import added_losses, layer_calls

        result = added_losses.handed_on(interpreter, instance, since, arguments.node, result)
        layer_calls.note_taken(interpreter, since, _flat(arguments), result)
        first = arguments.positional[0] if arguments.positional else arguments.get("inputs") or UNKNOWN
        calls = (*(instance.fields.get("#calls") or ()), (first, result))
        interpreter.store.put(instance.fields, "#calls", calls[-4:])
        interpreter.emit(
            ModelCalled(arguments.node, interpreter.frame, interpreter.tick(), instance, interpreter.tapes, result)
        )
    return result


def _flat(arguments: Call) -> tuple[Value, ...]:
    from regrad.analysis.library.operation_calls import flatten

    return flatten(arguments.all())


def input_shape(interpreter: Interpreter, arguments: Call) -> Value:
    """What Keras hands to `build` for these inputs."""
    from regrad.analysis.values import Tensor

    first = arguments.positional[0] if arguments.positional else None
    if isinstance(first, Tensor) and first.shape is not None:
        return Collection("tuple", tuple(Constant(size) if size is not None else UNKNOWN for size in first.shape))
    return interpreter.unknown("parameter", "input_shape")
