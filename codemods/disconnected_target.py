"""RG407 disconnected-target: a gradient is asked for what the target does not depend on.

What it does
------------
Reports a layer's output that is overwritten before anything reads it (in the next statement, or in the next turn of a
loop that gives each layer the same input), bound to a name that nothing reads, directly, as the result of a function
around it or by way of other names of which nothing reads the last, or given no name at all (the call is a statement of
its own), so that the layer and those before it are cut off; a training step that asks for the weights of another model
than the one it called (also a `tf.Module`, or a class that holds variables), or asks the loss of another step while
nothing asks its own; and the output of one model as the source of a target that another call computed (Grad-CAM with
two calls).

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
Each layer gets the output of the one before it; what follows reads the value that nobody read, where it reads what that
was made of once, or has a value that is made just like it on both sides of an operation (`matmul(query, query)`); a
result without a name takes the place of what the layer was given; an object that makes a network of its own is given
the one that is asked for, where that has a name there; else the weights of the model that was called are asked for, or,
where both models are trained in the step, the loss is computed from what the asked one has a part in; a step asks the
loss that is computed from its weights and that nothing asks; one model gives both outputs, and where it stands inside
another one, the layers behind it are called on what it answers. Where a layer of a sequential model was called for
itself, those that follow it are called on what it gave: the same values, and safe. Columns that were cut out of an
array and watched, where the model is given the array, are joined for it: these are the same values, and safe. Where the
model that was called is trained elsewhere, or came trained (a teacher), the call may be the mistake as well as the
list, and nothing is rewritten. Unsafe: another function is computed, or other weights move. Where a function adds
values to what was made of them (a residual block), a value that nobody read may have been meant beside another and not
in its place: that is said, and left to the author.

When it stays silent
--------------------
When anything on the way is not known; when a layer that is called for itself does more than to give its result (it
adds a loss, or keeps something), or is only built that way; when the weights are reached by any other training of the
program; when the output is read before it is overwritten, or in the loop; when a gradient that is None is expected
(`unconnected_gradients`, `is None`, tests).

References
----------
- https://github.com/tensorflow/tensorflow/issues/36880
- https://github.com/tensorflow/tensorflow/issues/62797
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from regrad.analysis import applications
from regrad.analysis.cut import CutKind
from regrad.analysis.events import GradientTaken, Minimized
from regrad.analysis.flow import Flow
from regrad.analysis.program import Program
from regrad.analysis.unreached import told_by_a_call
from regrad.analysis.values import Collection, Tensor, Value, Variable
from regrad.analysis.weights import describe
from regrad.codemods.engine import counted, own_losses
from regrad.codemods.engine.forgotten_prediction import Forgotten, forgotten
from regrad.codemods.engine.joined_columns import joined_columns
from regrad.codemods.engine.lost_output import LostOutput, lost_outputs, used
from regrad.codemods.engine.other_model import OtherModel, asked_of_the_called, other_model, weights_replaced
from regrad.codemods.engine.part_of_source import part_asked
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Related, Rule, Safety, Withheld
from regrad.codemods.engine.two_calls import TwoCalls, argument_of, none_expected, two_calls
from regrad.codemods.engine.unread_loss import UnreadLoss, misdirected, own_loss_asked


def detect(program: Program) -> Iterable[Finding]:
    seen: set[object] = set()
    identity = RULE.code, RULE.name
    for finding in (
        *misdirected(program, *identity),
        *lost_outputs(program, RULE),
        *other_model(program, *identity),
        *two_calls(program, *identity),
        *_told_once(_independent(program)),
    ):
        if finding.location not in seen:
            seen.add(finding.location)
            yield finding


class Independent(NamedTuple):
    """The target is computed without the sources."""

    event: GradientTaken | Minimized
    meant: Forgotten | None


def _told_once(findings: Iterable[Finding]) -> Iterator[Finding]:
    """A request that a loop makes twice is told by what explains it, if one of its passes does."""
    found = list(findings)
    explained = {id(each.evidence.event.node) for each in found if each.evidence.meant is not None}
    for each in found:
        if each.evidence.meant is not None or id(each.evidence.event.node) not in explained:
            yield each


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
        if part_asked(program, sink) is not None:
            continue  # RG403
        if isinstance(event, GradientTaken) and applications.only_shown(program, event):
            continue
        if none_expected(program, event) or weights_replaced(program) or told_by_a_call(program, sink):
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
            read = program.source(meant.use, meant.path)
            message = f"the loss is computed from `{read}`, not from `{meant.prediction}`: there is no gradient"
        lost = tuple(dict.fromkeys(describe(value) for value in sink.path.lost))
        yield Finding(
            RULE.code, RULE.name, message, place, CutKind.NEVER_USED, lost, related, Independent(event, meant)
        )


def _asked_for(event: GradientTaken | Minimized) -> tuple[ast.AST | None, ast.AST | None]:
    """The expressions of the target and of the sources."""
    if isinstance(event, GradientTaken):
        return event.target_node, event.sources_node
    call = event.node
    sources = argument_of(call, "var_list", 1)
    return argument_of(call, "loss", 0), sources if sources is not None else call


def _symbolic(lost: Iterable[Value]) -> bool:
    """The symbolic inputs of a model are RG403's."""
    return any(isinstance(value, Tensor) and value.symbolic for value in lost)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 40 else text[:37] + "..."


def mend(program: Program, finding: Finding) -> Mendings:
    from regrad.codemods.engine.layers_that_follow import from_the_source
    from regrad.codemods.engine.moving import CannotMove
    from regrad.codemods.engine.one_model import one_model

    evidence = finding.evidence
    try:
        if isinstance(evidence, LostOutput):
            return used(program, evidence)
        if isinstance(evidence, UnreadLoss):
            return [own_loss_asked(program, evidence)]
        if isinstance(evidence, OtherModel):
            return [asked_of_the_called(program, evidence)]
        if isinstance(evidence, Independent):
            return _computed_from(program, evidence)
        if isinstance(evidence, TwoCalls) and evidence.source.operation.kind == "layer":
            return [from_the_source(program, evidence)]
        return [one_model(program, evidence)]
    except CannotMove as problem:
        if isinstance(evidence, OtherModel):
            return Withheld(str(problem), "# hand one and the same model to what computes the loss and to what trains")
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
    columns = joined_columns(program, event)
    if columns is not None:
        title = "give the model the columns that the gradient is asked of"
        return [Mending(title, Safety.SAFE, columns, "joined again they are the same values")]
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


RULE = Rule(
    "RG407", "disconnected-target", "unsafe", "Another function is computed, or other weights move.", detect, mend
)
