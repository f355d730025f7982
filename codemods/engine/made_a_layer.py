"""An ordinary class becomes a Keras layer."""

from __future__ import annotations

import ast
import re

from regrad.analysis.location import Span
from regrad.analysis.program import Program
from regrad.analysis.values import Instance
from regrad.codemods.engine import imports
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.moving import Rewrite, at_start
from regrad.codemods.engine.rule import Edit

OF_A_LAYER = frozenset(
    "activity_regularizer add_loss add_metric add_weight autocast build built call compute_dtype dtype dtype_policy "
    "get_config get_weights input input_spec losses metrics name non_trainable_variables output path set_weights "
    "supports_masking trainable trainable_variables trainable_weights updates variable_dtype variables weights".split()
)
"""Attributes that mean something to Keras: an object that sets one cannot be made a layer without a look at it."""


def made_a_layer(program: Program, holder: Instance) -> tuple[Edit, ...]:
    """The class of `holder` becomes a Keras layer: its base, the call of the base's constructor, and `call`.

    Raises `CannotMove` where more than these would have to change.
    """
    cls = holder.cls
    path, node = cls.module, cls.node
    if path not in program.files:
        raise CannotMove("the class stands outside the program")
    source, tree = program.files[path], program.trees[path]
    if node.decorator_list or node.keywords or len(node.bases) > 1:
        raise CannotMove(f"`{cls.name}` is not a plain class")
    stored = {
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store) and isinstance(each.value, ast.Name)
    }
    methods = {each.name: each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
    clash = sorted((stored | set(methods)) & OF_A_LAYER)
    if clash:
        raise CannotMove(f"`{clash[0]}` of `{cls.name}` means something else in a layer")
    start = methods.get("__init__")
    if start is None:
        raise CannotMove(f"`{cls.name}` has no `__init__`")
    layer = imports.spelling(source, tree, ["tensorflow.keras.layers.Layer", "keras.layers.Layer"], node)
    rewrite = Rewrite(source, tree)
    renamed: list[Edit] = []
    base = node.bases[0] if node.bases else None
    header = source.segment(source.span(node))
    if base is not None and program.source(base, path) != "object":
        rewrite.replace(base, layer.text)
    else:
        match = re.match(rf"class\s+{re.escape(cls.name)}\s*(\([^)]*\))?", header)
        if match is None:
            raise CannotMove(f"`{cls.name}` is not a plain class")
        offset = source.offset(source.span(node).start)
        old = match.group(1) or ""
        begin = source.position(offset + match.end() - len(old))
        renamed.append(Edit(path, Span(begin, source.position(offset + match.end())), f"({layer.text})"))
    calls = {program.source(each.func, path) for each in ast.walk(start) if isinstance(each, ast.Call)}
    if not any(each.startswith("super(") and each.endswith(".__init__") for each in calls):
        rewrite.insert("super().__init__()", at_start(start))
    called = methods.get("__call__")
    if called is not None:
        if called.decorator_list:
            raise CannotMove("its `__call__` is decorated")
        offset = source.offset(source.span(called).start)
        at = source.segment(source.span(called)).index("__call__")
        begin = source.position(offset + at)
        renamed.append(Edit(path, Span(begin, source.position(offset + at + len("__call__"))), "call"))
    return (*layer.edits, *rewrite.edits(), *renamed)
