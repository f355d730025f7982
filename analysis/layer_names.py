"""The names of layers and models: stated, or given by Keras, whose beginning is known and whose number is not."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from regrad.analysis.library.keras_layers import LAYERS
from regrad.analysis.values import UNKNOWN, Collection, Constant, Instance, Layer, Mapping, Network, Tensor, Value

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call


class AutomaticName(Value):
    """A name that Keras makes from the kind of the layer: one of the `stems`, alone or with `_` and a number behind it.

    There are several stems where the generations of Keras differ.
    """

    __slots__ = ("stems",)

    def __init__(self, stems: tuple[str, ...]) -> None:
        self.stems = stems


_UNCHANGED = frozenset({"lower", "casefold", "strip", "lstrip", "rstrip"})
_INPUT = AutomaticName(("input_layer", "input"))
_OF_FORM = {"sequential": AutomaticName(("sequential",)), "functional": AutomaticName(("functional", "model"))}


def automatic(kind: str) -> Value:
    """The name that Keras gives to an object of the class `kind`."""
    if kind == "InputLayer":
        return _INPUT
    if not kind[:1].isupper():
        # What Keras makes of a leading underscore is another matter.
        return UNKNOWN
    stems: dict[str, None] = {}
    for capital in ("(.)([A-Z][a-z]+)", "(.)([A-Z][a-z0-9]+)"):
        parted = re.sub(capital, r"\1_\2", kind)
        stems[re.sub("([a-z])([A-Z])", r"\1_\2", parted).lower()] = None
    return AutomaticName(tuple(stems))


def stated_or_automatic(call: Call, kind: str, index: int | None = None) -> Value:
    """The name of what a constructor call makes: as its argument says, otherwise as Keras gives it."""
    stated = call.get("name", index)
    if stated is None and call.complete:
        return _OF_FORM.get(kind) or automatic(kind)
    return _given(stated, kind)


def _given(stated: Value | None, kind: str) -> Value:
    if isinstance(stated, Constant) and stated.value is None:
        return _OF_FORM.get(kind) or automatic(kind)
    return stated if stated is not None else UNKNOWN


def name_of(owner: Instance | Layer | Network | Tensor) -> Value:
    """What `owner.name` gives; of the tensor that an `Input` made, since models list it among their layers."""
    if isinstance(owner, Tensor):
        operation = owner.operation
        if operation.kind != "input" or operation.name != "Input" or operation.arguments is None:
            return UNKNOWN
        stated = operation.arguments.get("name")
        return _INPUT if stated is None else _given(stated, "InputLayer")
    renamed = owner.fields.get("_name", owner.fields.get("#name"))
    if isinstance(renamed, Value):
        return renamed
    if not isinstance(owner, Layer):
        return UNKNOWN
    stated = owner.arguments.get("name")
    known = owner.kind in LAYERS and not owner.fields.get("#loaded")
    return automatic(owner.kind) if stated is None and known else _given(stated, owner.kind)


def method(owner: AutomaticName, name: str, call: Call) -> Value:
    """What a method of such a text gives, where all texts that it may be agree."""
    first = call.get(None, 0)
    if name in _UNCHANGED and not call.all():
        return owner
    if name == "startswith" and len(call.all()) == 1:
        return _whether(owner, first, _begins, call.node)
    if name == "endswith" and len(call.all()) == 1:
        return _whether(owner, first, _ends, call.node)
    return UNKNOWN


def equals(name: AutomaticName, other: Value, node: ast.AST) -> Value:
    """`layer.name == other`."""
    return _whether(name, other, _is, node) if isinstance(other, Constant) else UNKNOWN


def contains(name: AutomaticName, part: Value, node: ast.AST) -> Value:
    """`part in layer.name`."""
    return _whether(name, part, _holds, node) if isinstance(part, Constant) else UNKNOWN


def among(name: AutomaticName, several: Value, node: ast.AST) -> Value:
    """`layer.name in several`."""
    if isinstance(several, Mapping) and several.complete:
        return _whether(name, Collection("tuple", tuple(Constant(key) for key in several.entries)), _is, node)
    return _whether(name, several, _is, node) if isinstance(several, Collection) else UNKNOWN


def _whether(
    name: AutomaticName, asked: Value | None, answer: Callable[[str, str], bool | None], node: ast.AST
) -> Value:
    """Whether the answer is yes for any of the texts that are asked for."""
    several: Iterable[Value | None] = (asked,)
    if isinstance(asked, Collection):
        if not asked.complete:
            return UNKNOWN
        several = asked.items
    answers = set()
    for each in several:
        if not isinstance(each, Constant):
            return UNKNOWN
        of_each = {answer(stem, each.value) for stem in name.stems} if isinstance(each.value, str) else {False}
        answers.add(of_each.pop() if len(of_each) == 1 else None)
    if True in answers:
        return Constant(True, node)
    return UNKNOWN if None in answers else Constant(False, node)


def _begins(stem: str, text: str) -> bool | None:
    if stem.startswith(text):
        return True
    return None if re.fullmatch(r"_\d*", text.removeprefix(stem)) and text.startswith(stem) else False


def _ends(stem: str, text: str) -> bool | None:
    if not text:
        return True
    return None if stem.endswith(text) or _reaches_number(stem, text) else False


def _holds(stem: str, text: str) -> bool | None:
    if text in stem:
        return True
    return None if text == "_" or _reaches_number(stem, text) or _reaches_number(stem, f"{text}0") else False


def _is(stem: str, text: str) -> bool | None:
    return None if re.fullmatch(rf"{re.escape(stem)}(_\d+)?", text) else False


def _reaches_number(stem: str, text: str) -> bool:
    """Whether a text can be the end of the stem with a number behind it."""
    before = text.rstrip("0123456789")
    if before == text:
        return False
    return not before or (before.endswith("_") and stem.endswith(before[:-1]))
