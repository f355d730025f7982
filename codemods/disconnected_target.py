"""RG407 disconnected-target: a gradient is asked for what the target does not depend on.

What it does
------------
Reports a layer's output that is overwritten before anything reads it, or bound to a name that nothing reads, so that
the layer and those before it are cut off; a training step that asks for the weights of another model than the one it
called; and the output of one model as the source of a target that another call computed (Grad-CAM with two calls).

Why gradients stop
------------------
A gradient exists along the operations that lead from the source to the target. What is not on that way gets None:
Keras warns "Gradients do not exist for variables", or, where it is all of them, raises "No gradients provided for any
variable".

Example
-------
Broken::

    def call(self, x):
        h = self.first(x)
        h = self.second(x)
        return h

Mended::

    def call(self, x):
        h = self.first(x)
        h = self.second(h)
        return h

The fix and its safety
----------------------
Each layer gets the output of the one before it; what follows reads the value that nobody read, where it reads what
that was made of once; the weights of the model that was called are asked for; one model
gives both outputs. Unsafe: another function is computed, or other weights move.

When it stays silent
--------------------
When anything on the way is not known; when the weights are reached by any other training of the program; when the
output is read before it is overwritten; when a gradient that is None is expected (`unconnected_gradients`, `is None`,
tests).

References
----------
- https://github.com/tensorflow/tensorflow/issues/36880
- https://github.com/tensorflow/tensorflow/issues/62797
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from regrad.analysis import applications, unreached
from regrad.analysis.cut import CutKind
from regrad.analysis.events import Assigned, GradientTaken, Minimized, ModelCalled
from regrad.analysis.flow import Flow
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.trainings import inside
from regrad.analysis.values import Collection, Instance, Layer, Network, Tensor, Value, Variable, WeightList
from regrad.analysis.weights import describe
from regrad.codemods.engine import counted, own_losses
from regrad.codemods.engine.forgotten_prediction import Forgotten, forgotten
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Related, Rule, Safety, Withheld


@dataclass(frozen=True)
class Overwritten:
    """Statements in a row that bind one name, each from the same input instead of from the one before."""

    chain: tuple[ast.Assign, ...]
    path: str


@dataclass(frozen=True)
class Unread:
    """A name is bound to what a layer gives, and nothing reads it."""

    statement: ast.Assign
    name: str
    frame: Frame


@dataclass(frozen=True)
class OtherModel:
    """The weights of a model that was not called; `called` is how the place spells the one that was."""

    event: GradientTaken
    asked: WeightList
    called: str


@dataclass(frozen=True)
class TwoCalls:
    """The source comes from one model, the target from another call."""

    event: GradientTaken
    source: Tensor


def detect(program: Program) -> Iterable[Finding]:
    seen: set[object] = set()
    for finding in (*_overwritten(program), *_other_model(program), *_two_calls(program), *_independent(program)):
        if finding.location not in seen:
            seen.add(finding.location)
            yield finding


# -- an output that is overwritten -------------------------------------------------------------------------------------


def _overwritten(program: Program) -> Iterator[Finding]:
    for case in unreached.partly(program):
        chains: dict[ast.stmt, tuple[tuple[ast.Assign, ...], Frame, list[Value]]] = {}
        for part in case.parts:
            place = unreached.written(part)
            if place is None:
                continue
            chain = overwriting(program, place)
            if chain is not None:
                chains.setdefault(chain[0], (chain, place.frame, []))[2].append(part)
                continue
            dead = unread(program, place)
            if dead is not None:
                yield Finding(
                    RULE.code,
                    RULE.name,
                    f"`{dead.name}` is computed and never read, so `{describe(part)}` gets no gradient",
                    program.location(dead.statement, dead.frame),
                    CutKind.NEVER_USED,
                    (describe(part),),
                    (
                        Related(
                            program.location(case.sink.event.node, case.sink.event.frame), "the training that misses it"
                        ),
                    ),
                    dead,
                )
        for chain, frame, parts in chains.values():
            names = tuple(dict.fromkeys(describe(part) for part in parts))
            yield Finding(
                RULE.code,
                RULE.name,
                f"the output of {_listed(names)} is overwritten before anything reads it",
                program.location(chain[0], frame),
                CutKind.NEVER_USED,
                names,
                (
                    Related(
                        program.location(case.sink.event.node, case.sink.event.frame), "the training that misses it"
                    ),
                ),
                Overwritten(chain, frame.path),
            )


def overwriting(program: Program, place: unreached.Written) -> tuple[ast.Assign, ...] | None:
    """The statements in a row, this call's among them, that bind the same name without reading it."""
    path = place.frame.path
    statement = program.statement(place.call, path)
    if not _binds_call(statement, place.call):
        return None
    assert isinstance(statement, ast.Assign)
    block = _block(program, path, statement)
    index = block.index(statement)
    first = last = index
    while first > 0 and _pair(block[first - 1], block[first]):
        first -= 1
    while last + 1 < len(block) and _pair(block[last], block[last + 1]):
        last += 1
    if last == index:
        # This one is read; only those before it are lost.
        return None
    return tuple(each for each in block[first : last + 1] if isinstance(each, ast.Assign))


def unread(program: Program, place: unreached.Written) -> Unread | None:
    """The statement that binds what was computed with this call to a name which its function never reads."""
    function = place.frame.function
    if function is None:
        return None
    path = place.frame.path
    statement = program.statement(place.call, path)
    if (
        not isinstance(statement, ast.Assign)
        or len(statement.targets) != 1
        or not isinstance(statement.targets[0], ast.Name)
    ):
        return None
    name = statement.targets[0].id
    if name.startswith("_") or name == "unused":
        return None
    for node in ast.walk(function.node):
        if isinstance(node, (ast.Global, ast.Nonlocal)) and name in node.names:
            return None
        if isinstance(node, ast.Name):
            if node.id == name and not isinstance(node.ctx, ast.Store):
                return None
            if node.id in ("locals", "vars", "eval", "exec"):
                return None
    return Unread(statement, name, place.frame)


def _block(program: Program, path: str, statement: ast.stmt) -> list[ast.stmt]:
    parent = program.parents(path).get(statement)
    for name in ("body", "orelse", "finalbody"):
        block = getattr(parent, name, None)
        if isinstance(block, list) and statement in block:
            return block
    return [statement]


def _binds_call(statement: ast.stmt | None, call: ast.AST | None = None) -> bool:
    return (
        isinstance(statement, ast.Assign)
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], ast.Name)
        and isinstance(statement.value, ast.Call)
        and (call is None or statement.value is call)
        and bool(statement.value.args)
    )


def _pair(one: ast.stmt, other: ast.stmt) -> bool:
    """Whether both bind the same name to a call on the same input, the second without reading what the first bound."""
    if not _binds_call(one) or not _binds_call(other):
        return False
    assert isinstance(one, ast.Assign) and isinstance(other, ast.Assign)
    assert isinstance(one.value, ast.Call) and isinstance(other.value, ast.Call)
    name = one.targets[0].id  # type: ignore[attr-defined]
    if name != other.targets[0].id:  # type: ignore[attr-defined]
        return False
    if any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(other.value)):
        return False
    return ast.dump(one.value.args[0]) == ast.dump(other.value.args[0])


# -- the weights of another model --------------------------------------------------------------------------------------


def _other_model(program: Program) -> Iterator[Finding]:
    for sink in unreached.trained(program):
        event = sink.event
        if (
            not isinstance(event, GradientTaken)
            or not sink.dead
            or sink.cuts
            or not isinstance(event.sources, WeightList)
        ):
            continue
        full = Flow(sink.tape, full=True, marks=sink.path.lost).reach(sink.target)
        if full.anything or len(event.sources.owners) != 1:
            continue
        if _weights_replaced(program):
            continue
        asked = event.sources.owners[0]
        models = _called(program, sink)
        if not models or any(value is asked for model in models for value in inside(model)):
            continue
        spelled = spelled_at(program, event.frame, models[0]) if len(models) == 1 else None
        names = tuple(dict.fromkeys(describe(value) for value in sink.path.lost))
        yield Finding(
            RULE.code,
            RULE.name,
            f"the weights of `{describe(asked)}` are asked for,"
            f" but the loss was computed by `{spelled or describe(models[0])}`",
            program.location(event.node, event.frame),
            CutKind.NEVER_USED,
            names,
            (),
            OtherModel(event, event.sources, spelled or ""),
        )


_POURING = frozenset({"assign", "assign_add", "assign_sub", "set_weights"})
_WEIGHTS = frozenset({"kernel", "bias", "gamma", "beta", "embeddings", "recurrent_kernel", "_kernel"})


def _weights_replaced(program: Program) -> bool:
    """Whether the program puts tensors in the place of a layer's weights, or into them (a hypernetwork; RG406)."""
    resolved = {id(event.node) for event in program.of(Assigned)}
    for tree in program.trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in _WEIGHTS and isinstance(node.ctx, (ast.Store, ast.Del)):
                own = isinstance(node.value, ast.Name) and node.value.id == "self"
                if not own:
                    return True
            elif isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in ("setattr", "delattr") or (name in _POURING and id(node) not in resolved):
                    return True
    return False


def _called(program: Program, sink: Sink) -> list[Value]:
    """The models that were called under the tape and whose weights the target depends on."""
    reached = sink.reached
    found: list[Value] = []
    for call in program.of(ModelCalled):
        if (
            sink.tape not in call.tapes
            or not isinstance(call.model, (Network, Instance))
            or any(call.model is each for each in found)
        ):
            continue
        if isinstance(call.model, Instance) and call.model.role != "model":
            continue
        if any(id(value) in reached for value in inside(call.model) if isinstance(value, Layer)):
            found.append(call.model)
    # A model inside another one is not what the author calls the model.
    return [
        model
        for model in found
        if not any(other is not model and any(value is model for value in inside(other)) for other in found)
    ]


def spelled_at(program: Program, frame: Frame, model: Value) -> str | None:
    """How the function can say that model."""
    scope = frame.scope
    current = scope
    while current is not None:
        for name, value in current.names.items():
            if value is model and name.isidentifier():
                return name
        current = current.parent  # type: ignore[assignment]
    holder = scope.find("self")
    this = holder.names["self"] if holder is not None else None
    if isinstance(this, Instance):
        for name, value in this.fields.items():
            if value is model and name.isidentifier():
                return f"self.{name}"
    return None


# -- two calls ---------------------------------------------------------------------------------------------------------


def _two_calls(program: Program) -> Iterator[Finding]:
    for sink in program.sinks:
        event = sink.event
        if not isinstance(event, GradientTaken) or sink.kind != "tape" or not sink.dead or sink.cuts:
            continue
        source = event.sources
        if (
            not isinstance(source, Tensor)
            or source.operation.kind not in ("model", "layer")
            or event.tape not in source.operation.tapes
        ):
            continue
        if (
            Flow(sink.tape, full=True, marks=(source,)).reach(sink.target).anything
            or sink.depends_on(source)
            or applications.only_shown(program, event)
        ):
            continue
        if _none_expected(program, event):
            continue
        yield Finding(
            RULE.code,
            RULE.name,
            "the target was computed by another call, which this source is no part of",
            program.location(event.node, event.frame),
            CutKind.NEVER_USED,
            (),
            (
                Related(
                    program.location(source.operation.node or event.node, source.operation.frame or event.frame),
                    "the source is computed here",
                ),
            ),
            TwoCalls(event, source),
        )


# -- no way at all -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Independent:
    """The target is computed without the sources."""

    event: GradientTaken | Minimized
    meant: Forgotten | None


def _independent(program: Program) -> Iterator[Finding]:
    """Gradient calls whose target is certainly computed without any of the sources, on the record or off it."""
    for sink in program.sinks:
        event = sink.event
        if not isinstance(event, (GradientTaken, Minimized)) or not sink.dead or sink.cuts:
            continue
        if isinstance(event, GradientTaken) and sink.kind != "tape":
            continue
        if not isinstance(sink.target, Tensor):
            continue  # no loss at all is RG101's
        full = Flow(sink.tape, full=True, marks=sink.path.lost).reach(sink.target)
        if full.anything or any(id(source) in full.sources for source in sink.path.lost):
            continue
        if counted.concerns(program, sink) or own_losses.ignores(program, sink):
            continue  # RG106 and RG107 name the cause
        if isinstance(event, GradientTaken) and applications.only_shown(program, event):
            continue
        if _none_expected(program, event) or _weights_replaced(program):
            continue
        target_node, sources_node = _asked_for(event)
        if sources_node is None or target_node is None or _symbolic(sink.path.lost):
            continue
        target = program.source(target_node, event.frame.path)
        asked = program.source(sources_node, event.frame.path)
        meant = forgotten(program, sink, list(sink.path.lost))
        place = program.location(event.node, event.frame)
        message = f"`{_short(target)}` is computed without `{_short(asked)}`, so there is no gradient between them"
        related: tuple[Related, ...] = ()
        if meant is not None:
            related = (Related(place, "the gradient is asked for here"),)
            place = program.location(meant.use, meant.path)
            message = f"the loss is computed from `{meant.use.id}`, not from `{meant.prediction}`: there is no gradient"
        lost = tuple(dict.fromkeys(describe(value) for value in sink.path.lost))
        yield Finding(
            RULE.code, RULE.name, message, place, CutKind.NEVER_USED, lost, related, Independent(event, meant)
        )


def _asked_for(event: GradientTaken | Minimized) -> tuple[ast.AST | None, ast.AST | None]:
    """The expressions of the target and of the sources."""
    if isinstance(event, GradientTaken):
        return event.target_node, event.sources_node
    call = event.node
    sources = _argument(call, "var_list", 1)
    return _argument(call, "loss", 0), sources if sources is not None else call


def _symbolic(lost: Iterable[Value]) -> bool:
    """The symbolic inputs of a model are RG403's."""
    return any(isinstance(value, Tensor) and value.symbolic for value in lost)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 40 else text[:37] + "..."


def _none_expected(program: Program, event: GradientTaken | Minimized) -> bool:
    if isinstance(event.node, ast.Call) and any(
        keyword.arg == "unconnected_gradients" for keyword in event.node.keywords
    ):
        return True
    for node in ast.walk(program.trees[event.frame.path]):
        if isinstance(node, ast.Attribute) and node.attr in ("assertIsNone", "assertAllNone"):
            return True
        compared = isinstance(node, ast.Compare) and any(isinstance(part, (ast.Is, ast.IsNot)) for part in node.ops)
        if compared and "grad" in program.source(node, event.frame.path):
            return True
    return False


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


# -- mending -----------------------------------------------------------------------------------------------------------


def mend(program: Program, finding: Finding) -> Mendings:
    from regrad.codemods.engine.moving import CannotMove

    evidence = finding.evidence
    try:
        if isinstance(evidence, Overwritten):
            return [_chained(program, evidence)]
        if isinstance(evidence, Unread):
            return _read_instead(program, evidence)
        if isinstance(evidence, OtherModel):
            return [_asked(program, evidence)]
        if isinstance(evidence, Independent):
            return _computed_from(program, evidence)
        return [_one_model(program, evidence)]
    except CannotMove as problem:
        return Withheld(
            str(problem), "both = Model(model.inputs, [layer.output, model.output])\nfeatures, prediction = both(x)"
        )


def _computed_from(program: Program, evidence: Independent) -> Mendings:
    """Where the target is computed from what the source was made of, compute it from the source instead."""
    from regrad.codemods.engine import recording
    from regrad.codemods.engine.moving import CannotMove, Rewrite
    from regrad.codemods.engine.surroundings import stored

    event = evidence.event
    advice = "compute the target from the sources, inside the tape"
    if evidence.meant is not None:
        rewrite = Rewrite(program.files[evidence.meant.path], program.trees[evidence.meant.path])
        rewrite.replace(evidence.meant.use, evidence.meant.prediction)
        what = f"compute the loss from `{evidence.meant.prediction}`"
        return [Mending(what, Safety.UNSAFE, rewrite.edits(), "another loss is computed")]
    if isinstance(event, Minimized):
        return Withheld("which value the target should be computed from is not certain", advice)
    recorder = recording.recorder_of(program, event.tape)
    node = event.sources_node
    names = node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]
    values = event.sources.items if isinstance(event.sources, Collection) else (event.sources,)
    if recorder is None or recorder.frame is not event.frame or len(names) != len(values):
        return Withheld("which value the target should be computed from is not certain", advice)
    rewrite = Rewrite(program.files[event.frame.path], program.trees[event.frame.path])
    replaced = 0
    same = True
    for name, value in zip(names, values, strict=True):
        origin = _made_of(value)
        if origin is None or not isinstance(name, ast.Name):
            raise CannotMove("which value the target should be computed from is not certain")
        same = same and isinstance(value, Tensor)
        for statement in recorder.owner.body:
            if name.id in stored(statement):
                raise CannotMove(f"`{name.id}` is bound anew inside the tape")
            for use in ast.walk(statement):
                if isinstance(use, ast.Name) and isinstance(use.ctx, ast.Load) and use.id != name.id:
                    holder = event.frame.scope.find(use.id)
                    if holder is not None and holder.names[use.id] is origin:
                        rewrite.replace(use, name.id)
                        replaced += 1
    if not replaced:
        return Withheld("which value the target should be computed from is not certain", advice)
    safety = Safety.SAFE if same else Safety.UNSAFE
    reason = "it is the same value" if same else "the variable moves from step to step, what it was made of does not"
    text = ", ".join(program.source(name, event.frame.path) for name in names if name is not None)
    return [Mending(f"compute the target from `{text}`", safety, rewrite.edits(), reason)]


_COPYING = frozenset({"convert_to_tensor", "constant", "identity", "cast"})


def _made_of(value: Value) -> Value | None:
    """What a source is a copy of."""
    if isinstance(value, Variable):
        return value.initial
    if isinstance(value, Tensor) and value.operation.name in _COPYING and value.operation.inputs:
        return value.operation.inputs[0]
    return None


def _chained(program: Program, evidence: Overwritten) -> Mending:
    from regrad.codemods.engine.moving import CannotMove, Rewrite

    rewrite = Rewrite(program.files[evidence.path], program.trees[evidence.path])
    for statement in evidence.chain[1:]:
        target = statement.targets[0]
        if not isinstance(statement.value, ast.Call) or not isinstance(target, ast.Name):
            raise CannotMove("the layers are not called one after the other")
        rewrite.replace(statement.value.args[0], target.id)
    return Mending(
        "give each layer the output of the one before",
        Safety.UNSAFE,
        rewrite.edits(),
        "the model computes another function",
    )


def _read_instead(program: Program, evidence: Unread) -> Mendings:
    """What follows reads the new value in the place of the one that it was made of, where it reads that once."""
    from regrad.codemods.engine.moving import Rewrite

    statement, name, path = evidence.statement, evidence.name, evidence.frame.path
    advice = f"use `{name}` on the way to the output, or take it out with its layer"
    assert evidence.frame.function is not None
    function = evidence.frame.function.node
    parents = program.parents(path)
    block = _block(program, path, statement)
    made_of = {
        node.id
        for node in ast.walk(statement.value)
        if isinstance(node, ast.Name) and evidence.frame.scope.names.get(node.id) is not None
    } - {"self"}
    later = [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and node.id in made_of and node.lineno > (statement.end_lineno or 0)
    ]
    if len(later) != 1 or not isinstance(later[0].ctx, ast.Load):
        return Withheld("where it was to be used is not certain", advice)
    current: ast.AST | None = later[0]
    while current is not None and current not in block:
        if isinstance(current, (ast.stmt, ast.Lambda, ast.ListComp, ast.GeneratorExp)):
            return Withheld("where it was to be used is not certain", advice)
        current = parents.get(current)
    if current is None:
        return Withheld("where it was to be used is not certain", advice)
    rewrite = Rewrite(program.files[path], program.trees[path])
    rewrite.replace(later[0], name)
    return [
        Mending(f"go on with `{name}`", Safety.UNSAFE, rewrite.edits(), "the model computes another function"),
    ]


def _asked(program: Program, evidence: OtherModel) -> Mending:
    from regrad.codemods.engine.moving import CannotMove, Rewrite

    node, path = evidence.asked.node, evidence.event.frame.path
    if not evidence.called or not isinstance(node, ast.Attribute):
        raise CannotMove("which model's weights are meant is not certain")
    scope = unreached.scope_of(program, evidence.event.frame)
    if all(each is not node for each in ast.walk(scope)):
        raise CannotMove("the list of weights comes from another function")
    places = [node]
    applied = applications.of(program, evidence.event)
    if applied is not None and applied.frame.path == path:
        text = program.source(node, path)
        places += [
            each
            for each in ast.walk(applied.node)
            if isinstance(each, ast.Attribute) and each is not node and program.source(each, path) == text
        ]
    rewrite = Rewrite(program.files[path], program.trees[path])
    for place in places:
        rewrite.replace(place.value, evidence.called)
    return Mending(f"ask for the weights of `{evidence.called}`", Safety.UNSAFE, rewrite.edits(), "other weights move")


def _one_model(program: Program, evidence: TwoCalls) -> Mending:
    """One model gives the features and the prediction, so that the second is computed from the first."""
    from regrad.codemods.engine.moving import CannotMove, Rewrite

    operation, path = evidence.source.operation, evidence.event.frame.path
    call, maker = operation.node, operation.callee
    first = program.statement(call, path) if call is not None else None
    if (
        not isinstance(maker, Network)
        or maker.form != "functional"
        or not isinstance(call, ast.Call)
        or operation.frame is not evidence.event.frame
    ):
        raise CannotMove("the two calls do not stand side by side")
    build = maker.node
    outputs = _argument(build, "outputs", 1)
    if outputs is None or maker.frame is not operation.frame or isinstance(outputs, (ast.List, ast.Tuple)):
        raise CannotMove("the model of the source is made elsewhere")
    if (
        not isinstance(first, ast.Assign)
        or first.value is not call
        or len(first.targets) != 1
        or not isinstance(first.targets[0], ast.Name)
    ):
        raise CannotMove("the source has no name of its own")
    arguments = [ast.dump(argument) for argument in call.args]
    scope = unreached.scope_of(program, evidence.event.frame)
    others = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and node is not first
        and isinstance(node.value.func, ast.Name)
        and len(node.targets) == 1
        and isinstance(node.targets[0], ast.Name)
        and [ast.dump(argument) for argument in node.value.args] == arguments
        and not node.value.keywords
        and node.lineno > first.lineno
    ]
    if len(others) != 1:
        raise CannotMove("which call computes the target is not certain")
    other = others[0]
    assert isinstance(other.value, ast.Call)
    whole = program.source(other.value.func, path)
    if f"{whole}.input" not in program.source(build, path):  # type: ignore[arg-type]
        raise CannotMove("the two models do not share their input")
    rewrite = Rewrite(program.files[path], program.trees[path])
    rewrite.replace(outputs, f"[{program.source(outputs, path)}, {whole}.output]")
    names = f"{program.source(first.targets[0], path)}, {program.source(other.targets[0], path)}"
    rewrite.replace(first, f"{names} = {program.source(call, path)}")
    rewrite.remove([other])
    return Mending(
        "let one model give both",
        Safety.UNSAFE,
        rewrite.edits(),
        "the target is computed from the source, as a gradient needs it",
    )


def _argument(call: ast.AST | None, name: str, position: int) -> ast.expr | None:
    if not isinstance(call, ast.Call):
        return None
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    return call.args[position] if len(call.args) > position else None


RULE = Rule(
    "RG407", "disconnected-target", "unsafe", "Another function is computed, or other weights move.", detect, mend
)
