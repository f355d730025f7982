"""RG406 variable-replaced: a variable is replaced by a tensor, or a tensor is poured into a variable, where gradients
should pass.

What it does
------------
Reports `w = w - rate * gradient` and `w = tf.nn.relu(w)` of a variable that is trained (from the second step on, `w`
is a tensor that no tape watches), also where a list or a dictionary holds it (`p[name] = p[name] - …`), and of `self.w
= tf.exp(self.w)` where a layer is made; between the weights and the loss, `tf.Variable(expression)`,
`variable.assign(expression)`, `variable.scatter_nd_add(…)` and whatever else changes some elements of a variable.

Why gradients stop
------------------
A variable is where a gradient path starts. `w - rate * gradient` is a new tensor, and what was computed into a
variable by its constructor or by `assign` is only its content: TensorFlow does not record where it came from, so the
weights behind the expression get None.

Example
-------
Broken::

    for step in range(100):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((w * x - y) ** 2)
        w = w - 0.1 * tape.gradient(loss, w)

Mended::

    for step in range(100):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((w * x - y) ** 2)
        w.assign_sub(0.1 * tape.gradient(loss, w))

The fix and its safety
----------------------
The update becomes `assign_sub` (`assign_add`, `assign`). Where another name or a list holds the old value and is read
afterwards, it gets a copy, `tf.identity(w)`; where the variable came from another holder (the argument of a caller)
that is read afterwards, nothing is offered. A variable made of an expression becomes the expression, and one made anew
of itself is updated in place. A weight that is only filled, and that nothing reads after the mending, goes (unsafe).
What is assigned on the path gets a name, the variable keeps a copy, and what follows reads the name; what is scattered
is scattered into a tensor (`tf.scatter_nd`, `tf.tensor_scatter_nd_update`). Rows that a loop assigns one by one are
collected in a list and stacked, in a graph as well, where nothing else reads the variable (unsafe: it goes). State that
a loop carries goes on in a tensor. What an ordinary object keeps in a variable of its own becomes a tensor (unsafe
where the object hands the variable itself out). Copies of weights that inner steps move (meta-learning) become tensors,
which the inner tape watches. Safe: the numbers are the same. What a layer put in the place of its weight is computed in
`call`. A model that is given computed weights is called with them by `stateless_call`; unsafe where Keras 3 is assumed.
Where the variable is read in other functions, and where a graph assigns in other ways, nothing is offered.

When it stays silent
--------------------
When the weights have another way to the loss; when the tensor is watched; updates of things that are no variable;
gradients that are only printed, as a lesson does.

References
----------
- https://github.com/tensorflow/tensorflow/issues/30234
- https://github.com/keras-team/keras/issues/16128
- regrad, facts: measured behaviour, 2.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from regrad.analysis import applications, flow
from regrad.analysis.assigning import is_function
from regrad.analysis.cut import CutKind
from regrad.analysis.events import Filled, GradientTaken, TapeOpened
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.unreached import scope_of
from regrad.analysis.values import Tensor, Variable
from regrad.analysis.weights import describe
from regrad.codemods.engine import detached_targets
from regrad.codemods.engine.broken_paths import listed
from regrad.codemods.engine.collected import SUGGESTION, assigns_a_part, collected
from regrad.codemods.engine.collected_in_graph import stacked
from regrad.codemods.engine.part_of_source import part_asked
from regrad.codemods.engine.poured import Poured, loop_around, threaded, unwrapped, uses_of
from regrad.codemods.engine.recording import source_names
from regrad.codemods.engine.replaced_entries import replaced_entries
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Related, Rule, Safety, Withheld
from regrad.codemods.engine.stateless_copy import Elsewhere
from regrad.codemods.engine.surroundings import function_around
from regrad.codemods.engine.weight_overwritten import Overwritten, all_overwritten


class Rebound(NamedTuple):
    """`w = w - …`, or another statement that puts what was made of a variable in its place."""

    statement: ast.stmt
    path: str
    handed: bool = False
    """Whether the optimizer is handed the tensor, so that its first step fails."""


def detect(program: Program) -> Iterable[Finding]:
    seen: set[object] = set()
    for sink in program.sinks:
        found = (*_rebound(program, sink), *_poured(program, sink), *_elsewhere(program, sink))
        if not found or (isinstance(sink.event, GradientTaken) and applications.only_shown(program, sink.event)):
            continue
        if part_asked(program, sink) is not None:
            continue  # RG403
        for finding in found:
            if finding.location not in seen:
                seen.add(finding.location)
                yield finding
    for each in all_overwritten(program):
        finding = _once(program, each)
        if finding.location not in seen:
            seen.add(finding.location)
            yield finding


def _once(program: Program, found: Overwritten) -> Finding:
    """The weight of a layer whose attribute gets a tensor while the layer is made."""
    event, names = found.report.sink.event, source_names(program, found.report)
    return Finding(
        RULE.code,
        RULE.name,
        f"`{found.name}` becomes a plain tensor, computed once in `{found.method}`: no gradient comes back through it"
        f" to {listed(names)}",
        program.location(found.statement, found.path),
        CutKind.VARIABLE_REPLACED,
        names,
        (Related(program.location(event.node, event.frame), "gradients are asked for here"),),
        found,
    )


def _rebound(program: Program, sink: Sink) -> Iterator[Finding]:
    event = sink.event
    if sink.kind != "tape" or not isinstance(event, GradientTaken):
        return
    entries = tuple(replaced_entries(program, sink))
    for value in (*sink.path.lost, *applications.projected_for_optimizer(program, event), *entries):
        if (
            not isinstance(value, Tensor)
            or not (
                any(value is each for each in entries)
                or applications.replaces_variable(value)
                or _projected(program, event, value)
            )
            or value.operation.node is None
            or value.operation.frame is None
        ):
            continue
        path = value.operation.frame.path
        statement = program.statement(value.operation.node, path)
        name = _target(program, statement, path)
        asked = program.source(event.sources_node, event.frame.path) if event.sources_node is not None else ""
        if name is None and asked and statement is not None and _was_asked_for(program, event, value):
            name, becomes = asked, "is given a plain tensor for a variable"
        else:
            becomes = "becomes a plain tensor"
        if name is None or statement is None:
            continue
        handed = all(value is not each for each in sink.path.lost)
        then = "which the optimizer cannot update" if handed else "so its gradient is None from the next step on"
        yield Finding(
            RULE.code,
            RULE.name,
            f"`{name}` {becomes} here, {then}",
            program.location(statement, path),
            CutKind.VARIABLE_REPLACED,
            (name,),
            (Related(program.location(event.node, event.frame), "its gradient is asked for here"),),
            Rebound(statement, path, handed),
        )


def _was_asked_for(program: Program, event: GradientTaken, value: Tensor) -> bool:
    """Whether the same request asked for the variable that the tensor was made of, in an earlier step."""
    variable = applications.replaced_variable(value)
    return variable is not None and any(
        isinstance(other.event, GradientTaken)
        and other.event.node is event.node
        and any(source is variable for source in flow.sources_of(other.sources)[0])
        for other in program.sinks
    )


def _projected(program: Program, event: GradientTaken, value: Tensor) -> bool:
    """Whether a variable that an optimizer moves is bound to what was made of it between the steps."""
    return applications.projects_variable(program, value) and applications.of(program, event) is not None


def _target(program: Program, statement: ast.stmt | None, path: str) -> str | None:
    """The name that is bound to what was computed from it."""
    if isinstance(statement, ast.AugAssign):
        return program.source(statement.target, path)
    if (
        isinstance(statement, ast.Assign)
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], (ast.Name, ast.Attribute, ast.Subscript))
    ):
        name = program.source(statement.targets[0], path)
        if any(
            isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) and program.source(node, path) == name
            for node in ast.walk(statement.value)
        ):
            return name
    return None


def _poured(program: Program, sink: Sink) -> Iterator[Finding]:
    if sink.path.anything:
        return
    for cut in sink.cuts:
        if (
            cut.kind is not CutKind.ASSIGNED
            or not isinstance(cut.value, Variable)
            or cut.node is None
            or cut.frame is None
        ):
            continue
        if detached_targets.read_by_targets(program, sink, cut.value):
            continue  # what a target is made of is meant to be a constant
        node, frame = _place(program, sink, cut)
        made = node is cut.value.node
        names = tuple(dict.fromkeys(describe(value) for value in cut.sources))
        how = "made a variable of" if made else "assigned to a variable"
        yield Finding(
            RULE.code,
            RULE.name,
            f"what was computed is {how} here, and no gradient comes through it to {listed(names)}",
            program.location(node, frame),
            CutKind.ASSIGNED,
            names,
            (Related(program.location(sink.event.node, sink.event.frame), "gradients are asked for here"),),
            Poured(node, frame, cut.value, made, sink.kind == "tape", _recorded(program, sink)),
        )


def _recorded(program: Program, sink: Sink) -> ast.AST:
    opened = [each.statement for each in program.of(TapeOpened) if each.tape is sink.tape and each.statement]
    return opened[-1] if opened else sink.event.node


def _place(program: Program, sink: Sink, cut: flow.FoundCut) -> tuple[ast.AST, Frame]:
    """The last assignment that brings the lost sources in and is read afterwards; one that was mended before
    only keeps a copy.
    """
    assert cut.node is not None and cut.frame is not None and isinstance(cut.value, Variable)
    wanted = {id(value) for value in cut.sources}
    full = flow.Flow(sink.tape, full=True, marks=cut.sources)
    for value, node, frame in reversed(list(flow.assigned_values(cut.value))):
        if node is None or frame is None or node is cut.value.node or not wanted & set(full.reach(value).sources):
            continue
        if isinstance(node, ast.Call) and uses_of(program, node, frame):
            return node, frame
    return cut.node, cut.frame


def _elsewhere(program: Program, sink: Sink) -> Iterator[Finding]:
    """The loss of a copy whose weights were assigned, not computed with."""
    event = sink.event
    if not isinstance(event, GradientTaken) or sink.kind != "tape" or not sink.dead or sink.cuts:
        return
    if flow.Flow(sink.tape, full=True, marks=sink.path.lost).reach(sink.target).anything:
        return
    lost = {id(value) for value in sink.path.lost}
    everything = flow.Flow(sink.tape, full=True, marks=sink.path.lost)
    for filled in program.of(Filled):
        if not any(tape is sink.tape for tape in filled.tapes):
            continue
        reach = everything.reach(filled.value)
        if not reach.anything and not lost & set(reach.sources):
            continue
        names = tuple(dict.fromkeys(describe(value) for value in sink.path.lost))
        yield Finding(
            RULE.code,
            RULE.name,
            "the new weights are assigned to a copy, which forgets that they came from"
            f" {', '.join(f'`{name}`' for name in names[:4])}",
            program.location(filled.node, filled.frame),
            CutKind.ASSIGNED,
            names,
            (Related(program.location(event.node, event.frame), "gradients are asked for here"),),
            Elsewhere(filled.node, filled.frame, _around(program, sink, filled)),
        )
        return


def _around(program: Program, sink: Sink, filled: Filled) -> ast.AST:
    """Where the copy is used under the tape: in its `with`, or in the function that is called there."""
    opened = [each.statement for each in program.of(TapeOpened) if each.tape is sink.tape and each.statement]
    for statement in opened:
        if any(node is filled.node for node in ast.walk(statement)):
            return statement
    return function_around(program, filled.node, filled.frame.path) or program.trees[filled.frame.path]


def mend(program: Program, finding: Finding) -> Mendings:
    from regrad.codemods.engine.adapted_copies import is_adapted
    from regrad.codemods.engine.made_once import into_user
    from regrad.codemods.engine.moving import CannotMove
    from regrad.codemods.engine.stateless_copy import called_with_weights

    evidence = finding.evidence
    node = evidence.node if isinstance(evidence, Poured) and not evidence.made and not evidence.eager else None
    if isinstance(node, ast.Call) and is_function(node):
        if node.args and isinstance(node.args[0], ast.Subscript):
            try:
                return [stacked(program, evidence)]
            except CannotMove as problem:
                return Withheld(str(problem), SUGGESTION)
        return Withheld(
            "the assignment runs where the session is asked for it, which is the author's to say",
            "new = expression  # to compute with\nkeep = tf.assign(variable, new)  # to run beside the training step",
        )
    try:
        if isinstance(evidence, Rebound):
            return _together(program, finding)
        if isinstance(evidence, Overwritten):
            method, edits = into_user(program, evidence.statement.value, evidence.path)
            return [Mending(f"compute it in `{method}` instead of `{evidence.method}`", Safety.SAFE, edits)]
        if isinstance(evidence, Poured) and assigns_a_part(evidence) and not is_adapted(program, evidence):
            return [collected(program, evidence)]
        if isinstance(evidence, Poured):
            return [_kept(program, evidence)]
        return [called_with_weights(program, evidence)]
    except CannotMove as problem:
        if isinstance(evidence, Poured) and is_adapted(program, evidence):
            return Withheld(str(problem), ADAPTING)
        if isinstance(evidence, Poured) and assigns_a_part(evidence):
            return Withheld(str(problem), SUGGESTION)
        if isinstance(evidence, Elsewhere):
            return Withheld(str(problem), FUNCTIONAL)
        if isinstance(evidence, Overwritten):
            kept = evidence.name.rpartition(".")[2]
            return Withheld(str(problem), f"{kept} = ...  # computed of `{evidence.name}` in `call`, each time anew")
        return Withheld(
            str(problem),
            "new = expression\nloss = ...  # computed with `new`\nvariable.assign(new)  # afterwards, to keep it",
        )


def _together(program: Program, finding: Finding) -> Mendings:
    """The update in place, where all variables that the same gradients move are updated so: a training of which one
    half moves variables and the other makes tensors is as broken as before.
    """
    from regrad.codemods.engine.updated_in_place import updated, updated_item

    own: Rebound = finding.evidence
    mine = updated(program, own.statement, own.path)
    if isinstance(mine, Withheld):
        item = updated_item(program, own.statement, own.path) if own.handed else None
        return mine if item is None else [item]
    for other in detect(program):
        if isinstance(other.evidence, Rebound) and other.related == finding.related and other != finding:
            its = updated(program, other.evidence.statement, other.evidence.path)
            if isinstance(its, Withheld):
                return Withheld(f"`{other.variables[0]}` is updated beside it, and {its.reason}", its.suggestion)
    return [mine]


def _kept(program: Program, evidence: Poured) -> Mending:
    from regrad.codemods.engine.held_as_tensor import held_as_tensor
    from regrad.codemods.engine.moving import CannotMove

    try:
        return _computed_with(program, evidence)
    except CannotMove as problem:
        try:
            return held_as_tensor(program, evidence)
        except CannotMove:
            raise problem from None


def _computed_with(program: Program, evidence: Poured) -> Mending:
    from regrad.codemods.engine.adapted_copies import adapted, is_adapted
    from regrad.codemods.engine.carried_state import carried
    from regrad.codemods.engine.moving import CannotMove
    from regrad.codemods.engine.weight_for_call import called_with_weight

    if is_adapted(program, evidence):
        return adapted(program, evidence)
    if evidence.made:
        return unwrapped(program, evidence)
    try:
        return threaded(program, evidence)
    except CannotMove as problem:
        statement = program.statement(evidence.node, evidence.frame.path)
        scope = scope_of(program, evidence.frame)
        if statement is not None and loop_around(program, statement, evidence, scope) is not None:
            return carried(program, evidence)
        try:
            return called_with_weight(program, evidence)
        except CannotMove:
            raise problem from None


ADAPTING = (
    "fast = [tf.convert_to_tensor(w) for w in weights]\ninner_tape.watch(fast)\n"
    "fast = [w - rate * g for w, g in zip(fast, gradients)]"
)
FUNCTIONAL = (
    "fast = [w - rate * g for w, g in zip(weights, gradients)]\n"
    "logits, _ = model.stateless_call(fast, model.non_trainable_variables, x)"
)


RULE = Rule(
    "RG406", "variable-replaced", "safe", "The same numbers are computed; only their origin is kept.", detect, mend
)
