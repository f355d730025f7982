"""RG101 missing-loss: a model is trained, and nothing says what its error is.

What it does
------------
Reports a model that is compiled without a loss (or with `loss=None`) and trained, where nothing else supplies one;
a training step of one's own that asks for the gradient of a loss which is `None`, because the model only computes it
when a flag is passed; and a function that computes the loss and does not return it.

Why gradients stop
------------------
Without a loss there is nothing to take the gradient of. Keras 3 raises `No loss to compute`, older versions
`No gradients provided for any variable`; a tape that is asked about `None` raises a `TypeError`.

Example
-------
Broken::

    model.add(Dense(10, activation="softmax"))
    model.compile(optimizer="adam", metrics=["accuracy"])
    model.fit(x_train, y_train)

Mended::

    model.add(Dense(10, activation="softmax"))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train)

The fix and its safety
----------------------
The loss for the last activation, the labels and the metrics that are watched. Where settings are asked for a key that
they do not have (`settings.get("loss")`) and hold one loss under another, that key is asked for. Unsafe, since the
author named none; where these do not decide, candidates are offered and the verifier chooses. A model of several
outputs is left to the author. The flag that makes a model compute its loss is passed, and a missing `return` is added,
which is safe: the step could not be made without it. What is returned is the name that says it is the loss, or the one
value that all the others lead to; of several that are equally good, none.

When it stays silent
--------------------
When the model may bring its own loss: `add_loss` in it or in one of its layers, an activity regularizer, its own
`train_step`, `compute_loss` or `compile`, a model or layer of another library, a loaded model; when `compile` gets
arguments that are not known; when the model is compiled to be evaluated or exported only.

References
----------
- Keras, "Training & evaluation with the built-in methods".
- https://github.com/huggingface/transformers/issues/18670
- regrad, facts: measured behaviour, 3; traps 15 to 17, 21.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from regrad.analysis.events import GradientTaken, ModelCalled, Trained
from regrad.analysis.library.keras_layers import LAYERS
from regrad.analysis.parameters import defaults
from regrad.analysis.program import Program
from regrad.analysis.values import Absent, Constant, Function, Instance, Layer, Network, Tensor, Value, is_none
from regrad.analysis.weights import foreign_base, sublayers
from regrad.codemods.engine.fitting import fitting, stated, under_another_key
from regrad.codemods.engine.judged import targets_of
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.respelling import file_of
from regrad.codemods.engine.returns import Unreturned, unreturned, with_return
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Related, Rule, Safety, Withheld

CODE, NAME = "RG101", "missing-loss"
_OWN = (
    "train_step",
    "compute_loss",
    "compile",
    "compiled_loss",
    "train_function",
    "make_train_function",
    "fit",
    "losses",
)


class _Flag(NamedTuple):
    """A call of the model that lacks the flag which makes it compute its loss."""

    call: ast.Call
    path: str
    flag: str


def detect(program: Program) -> Iterable[Finding]:
    yield from _uncompiled(program)
    yield from _unasked(program)
    for found in unreturned(program):
        function = found.function
        node = function.node.body[-1] if isinstance(function.node, ast.FunctionDef) else function.node
        message = f"`{function.name}` ends here without returning the loss: the training gets None"
        related = (Related(program.location(found.asked, found.frame), "the loss is asked for here"),)
        yield Finding(CODE, NAME, message, program.location(node, function.module), None, (), related, found)


def _uncompiled(program: Program) -> Iterator[Finding]:
    seen: set[int] = set()
    for event in program.of(Trained):
        compilation = event.compilation
        if compilation is None or not compilation.complete or compilation.node is None or event.own_step:
            continue
        loss = compilation.loss
        if loss is not None and not is_none(loss):
            continue
        if event.added_losses or id(compilation.node) in seen or not _brings_none(event.model, set()):
            continue
        if _adds_a_loss(program):
            return
        seen.add(id(compilation.node))
        location = program.location(compilation.node, compilation.frame)
        related: tuple[Related, ...] = (Related(program.location(event.node, event.frame), "it is trained here"),)
        path = file_of(program, loss.node) if isinstance(loss, Absent) and loss.node is not None else None
        if isinstance(loss, Absent) and loss.node is not None and path is not None:
            place = program.location(loss.node, path)
            related = (*related, Related(place, f"what is asked for {loss.key!r} here does not have it"))
        message = "the model is compiled without a loss, and nothing in it supplies one"
        yield Finding(CODE, NAME, message, location, None, (), related, event)


def _brings_none(value: Value, seen: set[int]) -> bool:
    """Whether a model or layer, and everything in it, certainly adds no loss of its own."""
    if id(value) in seen or isinstance(value, Tensor):
        return True
    seen.add(id(value))
    if isinstance(value, Layer):
        if value.kind not in LAYERS:
            return False
    elif isinstance(value, Network):
        if value.form == "opaque":
            # The architectures of Keras bring weights and no loss; what was loaded may bring both.
            return value.name[:1].isupper() and value.name not in ("KerasLayer", "TFSMLayer")
        if value.fields.get("layers") is None or not value.fields.get("layers_complete", True):
            return False
    elif isinstance(value, Instance):
        if value.role not in ("model", "layer") or not value.cls.bases_known() or foreign_base(value):
            return False
        if any(value.cls.find(name) is not None for name in _OWN):
            return False
    elif not isinstance(value, Value) or type(value).__name__ in ("Unknown", "Union_"):
        return False
    return all(_brings_none(part, seen) for part in sublayers(value))


def _adds_a_loss(program: Program) -> bool:
    """Whether anything in the program adds a loss: a layer that hands its input on leaves no trace in the model."""
    return any(node.attr == "add_loss" for path in program.trees for node in program.nodes_of(path, ast.Attribute))


def _unasked(program: Program) -> Iterator[Finding]:
    seen: set[int] = set()
    for event in program.of(GradientTaken):
        target = event.target
        if not isinstance(target, Constant) or target.value is not None or target.node is None or event.conditional:
            continue
        for called in program.of(ModelCalled):
            if (
                called.frame is not event.frame
                or called.serial > event.serial
                or not isinstance(called.model, Instance)
            ):
                continue
            flag = _flag_behind(called.model, target.node)
            if flag is None or not isinstance(called.node, ast.Call) or id(called.node) in seen:
                continue
            if any(word.arg in (flag, None) for word in called.node.keywords):
                continue
            seen.add(id(called.node))
            message = f"the loss is None: the model computes it only when it is called with `{flag}=True`"
            related = (Related(program.location(event.node, event.frame), "its gradient is asked for here"),)
            evidence = _Flag(called.node, called.frame.path, flag)
            yield Finding(CODE, NAME, message, program.location(called.node, called.frame), None, (), related, evidence)


def _flag_behind(model: Instance, none: ast.AST) -> str | None:
    """The flag of `call` under which the name that holds this `None` gets another value."""
    found = model.cls.find("call")
    if found is None or not isinstance(found[0], Function) or isinstance(found[0].node, ast.Lambda):
        return None
    function = found[0].node
    names = {
        target.id
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and node.value is none
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    flags = [
        name
        for name, value in defaults(function.args).items()
        if isinstance(value, ast.Constant) and value.value in (False, None)
    ]
    found_flags = [
        node.test.id
        for node in ast.walk(function)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id in flags
        if any(
            isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store) and inner.id in names
            for statement in node.body
            for inner in ast.walk(statement)
        )
    ]
    return found_flags[0] if len(set(found_flags)) == 1 else None


def mend(program: Program, finding: Finding) -> Mendings:
    evidence = finding.evidence
    if isinstance(evidence, _Flag):
        return _passed(program, evidence)
    if isinstance(evidence, Unreturned):
        try:
            edits = with_return(program, evidence.function, evidence.wish)
        except CannotMove as problem:
            return Withheld(problem.reason, "return loss")
        return [Mending("return the loss", Safety.SAFE, edits)]
    event: Trained = evidence
    suggestion = "model.compile(optimizer=..., loss=...)"
    loss = event.compilation.loss if event.compilation is not None else None
    elsewhere = under_another_key(program, loss)
    if elsewhere is not None:
        key, edits = elsewhere
        why = "no other entry there is a loss, and the one that is asked for does not exist"
        return [Mending(f"take the loss from `{key}`", Safety.UNSAFE, edits, why)]
    if event.compilation is None or len(event.heads) != 1:
        return Withheld("the model has several outputs, and which loss each of them needs is not certain", suggestion)
    offered: list[Mending] = []
    reason = "the last layer is not known, so neither is the loss for it"
    for fit in fitting(event.heads[0], targets_of(event.y), event.compilation.metrics):
        try:
            edits = stated(program, event.compilation, fit)
        except CannotMove as problem:
            reason = problem.reason
            continue
        offered.append(Mending(f"compile with `{fit[0]}`", Safety.UNSAFE, edits))
    return offered or Withheld(reason, suggestion)


def _passed(program: Program, found: _Flag) -> Mendings:
    from regrad.codemods.engine.arguments import Set, change_call

    first = 0 if found.call.args else None
    try:
        edit = change_call(program.files[found.path], found.call, Set(found.flag, "True", first))
    except CannotMove as problem:
        return Withheld(problem.reason, f"model(..., {found.flag}=True)")
    return [Mending(f"call the model with `{found.flag}=True`", Safety.SAFE, (edit,))]


RULE = Rule(
    CODE,
    NAME,
    "mixed",
    "The author named no loss; another than the usual one for this head may be meant.",
    detect,
    mend,
)
