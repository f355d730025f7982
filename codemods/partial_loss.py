"""RG109 partial-loss: a part of the model never reaches the loss.

What it does
------------
Reports a head whose output the training never uses, a loss term (also one in a dictionary, list or record of terms)
that is computed and left out of the sum or of what a layer gives to `add_loss`, a sum that each pass of a loop
replaces, a loop over fewer outputs than there are, terms that are gathered and of which only one is differentiated
(`losses[-1]`), an output with targets that `loss={...}` or the dictionary in which the losses are looked up does not
name, or whose loss is None although a metric watches it, its loss has a weight or its prediction is used later, or that
a comprehension over the tasks does not pick (`if task.kind in KINDS`) although its prediction is used, a weight that a
layer makes and never uses, or of which it only computes something that nobody reads (also through a part that has the
weight, as a gate that lets nothing through), a layer that is never called where one like it is called twice on the same
value, and the outputs of a whole model that the model around it throws away (`depth, _ = geometry(image)`); always
where the other weights of the same model are trained. Of a part inside a model, such as the pooler of an encoder, only
where the model can be made without it.

Why gradients stop
------------------
The loss does not depend on those weights, so their gradient is None. Keras and the optimizer warn "Gradients do not
exist for variables", train the rest and go on; the part stays as it was initialised.

Example
-------
Broken::

    logits, values = model(states)
    policy_loss = -tf.reduce_mean(advantages * log_probability(logits))
    value_loss = tf.reduce_mean(tf.square(returns - values))
    loss = policy_loss

Mended::

    logits, values = model(states)
    policy_loss = -tf.reduce_mean(advantages * log_probability(logits))
    value_loss = tf.reduce_mean(tf.square(returns - values))
    loss = policy_loss + value_loss

The fix and its safety
----------------------
A term that was computed and left out is added, with the coefficient that was made for it and is used nowhere else;
one with a value for each example is averaged with the others;
where the terms are taken by their names (`[parts[k] for k in ("first",)]`), its name joins the list. `total = term`
becomes `total += term`, `losses[-1]` becomes `sum(losses)`, and a loop goes through as many outputs as there are. An
output gets the loss of one that is made like it and has its targets, or one that fits its activation and its targets,
or joins those that a comprehension picks. The second of two calls of one layer is made with the layer that nobody
calls. A weight that is not used takes the place of the one that stands there for it, where the names say so or where
that one is used twice on the same value; a weight of zeros is added to the only product that it fits. Where a function
goes on once with what an unread value was made of, it goes on with the value; what a gate was to be multiplied with is
not guessed. A model around another begins at the inputs of that one and takes one output of its graph, where the inputs
of both are alike. Unsafe: another loss or function is computed. Of a head that nobody uses, it is the author's choice
whether to use it or to leave it out.

When it stays silent
--------------------
When `stop_gradient` on the part's own output, or on the term that would train it, is to blame (RG503); when the part is
trained by another loss of the program (for an output thrown away: one that was not over before); outputs whose loss is
stated as None and that nothing measures or reads, or that have no targets; when anything on the way is not known;
layers that are never called, which have no weights; terms that are only logged and depend on nothing that is missing.

References
----------
- https://github.com/tensorflow/tensorflow/issues/48547
- https://github.com/tensorflow/probability/issues/927
- https://github.com/huggingface/transformers/issues/2256
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import NamedTuple

from regrad.analysis import unreached
from regrad.analysis.events import Event, GradientTaken
from regrad.analysis.flow import Flow
from regrad.analysis.frames import Frame
from regrad.analysis.location import Location
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Instance, Layer, Tensor, Value, Variable, WeightList
from regrad.analysis.weights import describe
from regrad.codemods.engine import stopped_branch
from regrad.codemods.engine.built_in_vain import built_in_vain
from regrad.codemods.engine.called_twice import CalledTwice, called_instead, called_twice
from regrad.codemods.engine.filtered_losses import Filtered, filtered, listed_too
from regrad.codemods.engine.forgotten_term import Term, added, forgotten_term
from regrad.codemods.engine.last_of_terms import Last, last_of_terms, with_all
from regrad.codemods.engine.loop_over_fewer import Fewer, loop_over_fewer, over_all
from regrad.codemods.engine.missing_from_training import missing_from_training
from regrad.codemods.engine.output_losses import Nothing, Unnamed, nothing, unnamed, with_loss
from regrad.codemods.engine.output_thrown_away import ThrownAway, taken_from_the_graph, thrown_away
from regrad.codemods.engine.replaced_sum import Replaced, added_up, replaced_sum
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Rule, Safety, Withheld
from regrad.codemods.engine.unread_term import UnreadTerm, joined, unread_term
from regrad.codemods.engine.unused_weight import Weight, is_computed_in_vain, is_read, unused_weight, used
from regrad.codemods.engine.weights_in_vain import InVain, in_vain, read_after_all


class Switch(NamedTuple):
    """An output that nobody uses, and the argument of its maker that leaves it out."""

    call: ast.Call
    path: str
    argument: str


class Head(NamedTuple):
    """An output that nobody uses."""

    names: tuple[str, ...]


def detect(program: Program) -> Iterable[Finding]:
    seen: set[object] = set()
    told: set[str] = set()
    for case in unreached.partly(program):
        for finding in _case(program, case):
            told.update(finding.variables)
            if finding.location not in seen:
                seen.add(finding.location)
                yield finding
    for away in thrown_away(program):
        message = f"the model around uses only a part of what this gives, so {_listed(away.names)}"
        message += f" {'get' if len(away.names) > 1 else 'gets'} no gradient from it"
        place = program.location(away.called.node, away.called.frame)
        if place not in seen and not told.intersection(away.names):
            seen.add(place)
            told.update(away.names)
            yield missing_from_training(program, RULE, away.sink, message, place, away.names, away)
    for found in in_vain(program):
        name, statement = found.unread.name, found.unread.statement
        several = len(found.names) > 1
        message = f"`{name}` is computed and never read, so {_listed(found.names)} {'get' if several else 'gets'}"
        place = program.location(statement, found.unread.frame)
        if place not in seen and not told.intersection(found.names):
            seen.add(place)
            yield missing_from_training(program, RULE, found.sink, f"{message} no gradient", place, found.names, found)


def _case(program: Program, case: unreached.Unreached) -> Iterable[Finding]:
    from regrad.codemods.engine.lost_output import lost_output

    def report(message: str, place: Location, names: tuple[str, ...], evidence: object) -> Finding:
        return missing_from_training(program, RULE, case.sink, message, place, names, evidence)

    heads: list[Value] = []
    for part in case.parts:
        if isinstance(part, Variable):
            if part.node is None or part.frame is None:
                continue
            vain = is_computed_in_vain(program, part)
            if vain or not is_read(program, part):
                lot = "is made, but what is computed of it is never used" if vain else "is made and never used"
                yield report(
                    f"`{describe(part)}` {lot}, so it gets no gradient",
                    program.location(part.node, part.frame),
                    (describe(part),),
                    unused_weight(program, part),
                )
            continue
        if lost_output(program, case.sink, part) is not None:
            continue  # RG407
        kept = built_in_vain(program, part)
        if kept is not None and isinstance(part, Layer) and part.node is not None and part.frame is not None:
            yield report(
                f"`{kept}` is built and never called, so it gets no gradient",
                program.location(part.node, part.frame),
                (describe(part),),
                Weight(None, kept, part.frame.path),
            )
            continue
        twice = called_twice(program, part)
        if twice is not None:
            yield report(
                f"this calls the same layer on the same value again, and `{twice.name}` is never called",
                program.location(twice.use, twice.path),
                (describe(part),),
                twice,
            )
            continue
        heads.append(part)
    if heads and not unreached.chosen_elsewhere(program, case.sink, heads):
        missed = _missed(program, case.sink, heads)
        if missed is not None:
            yield report(missed.message, missed.place, _names(heads), missed.evidence)


class _Missed(NamedTuple):
    """What a finding says of heads that the loss misses, where, and what mends it."""

    message: str
    place: Location
    evidence: Replaced | Last | Fewer | Unnamed | Nothing | Filtered | Term | UnreadTerm | Switch | Head


def _missed(program: Program, sink: Sink, heads: list[Value]) -> _Missed | None:
    """Why the heads are missed; the first of the reasons that holds."""
    event, names = sink.event, _names(heads)
    several = len(names) > 1
    untrained = f"{_listed(names)} {'get' if several else 'gets'} no gradient"
    replaced = replaced_sum(program, sink)
    if replaced is not None:
        name = program.source(replaced.statement.targets[0], replaced.path)
        message = f"`{name}` is replaced in every pass of the loop, so only the last one counts: {untrained}"
        return _Missed(message, program.location(replaced.statement, replaced.path), replaced)
    last = last_of_terms(program, sink)
    if last is not None:
        counts = "the last one" if last.taken is None else f"`{program.source(last.taken, last.path)}`"
        message = f"of the terms in `{last.holder}` only {counts} counts: {untrained}"
        return _Missed(message, program.location(last.place, last.path), last)
    fewer = loop_over_fewer(program, sink, heads)
    if fewer is not None:
        times = "once" if fewer.passes == 1 else f"{fewer.passes} times"
        message = f"this loop runs {times} and `{fewer.holder}` has {fewer.size} parts, so {untrained}"
        return _Missed(message, program.location(fewer.bound, fewer.path), fewer)
    output = unnamed(program, sink, heads)
    if output is not None:
        message = f"the output `{output.head.name}` has targets and no loss, so its layer is not trained"
        if output.others:
            listed = _listed((str(output.head.name), *output.others))
            message = f"the outputs {listed} have targets and no loss, so their layers are not trained"
        return _Missed(message, program.location(output.losses, output.path), output)
    picked = filtered(program, sink, heads)
    if picked is not None:
        message = f"this leaves `{picked.head.name}` without a loss, though it has targets and {picked.watched}"
        return _Missed(message, program.location(picked.condition, picked.path), picked)
    none = nothing(program, sink, heads)
    if none is not None:
        message = f"{_listed(names)} has targets and {none.watched}, but its loss is None, so it is not trained"
        return _Missed(message, program.location(none.place, none.path), none)
    if stopped_branch.explained(sink, heads):
        return None  # RG503
    term = forgotten_term(program, sink, heads)
    if term is not None:
        node, path = (_target(event), event.frame.path) if term.place is None else (term.place, term.path)
        message = f"`{term.name}` is left out of the loss, so {untrained}"
        return _Missed(message, program.location(node, path), term)
    unread = unread_term(program, sink, heads)
    if unread is not None:
        message = f"`{unread.name}` is computed and left out of the loss, so {untrained}"
        return _Missed(message, program.location(unread.total, unread.path), unread)
    switch = _switch(program, heads)
    if switch is not None:
        place = program.location(switch.call, switch.path)
    elif _named_output(program, sink, heads):
        written = unreached.written(heads[-1])
        place = program.location(written.call, written.frame) if written else program.location(event.node, event.frame)
    else:
        # A part of an encoder that this task does not need costs a warning, and nothing else.
        return None
    message = f"what {_listed(names)} {'give' if several else 'gives'} never reaches the loss,"
    message += f" so {'they are' if several else 'it is'} not trained"
    return _Missed(message, place, switch or Head(names))


def _names(heads: list[Value]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(describe(head) for head in heads))


def _target(event: Event) -> ast.AST:
    """What the gradient is asked of."""
    return event.target_node or event.node if isinstance(event, GradientTaken) else event.node


def _switch(program: Program, heads: list[Value]) -> Switch | None:
    """The flag of `__init__` by which the part can be left out, where it governs nothing else."""
    found: list[Switch] = []
    for part in heads:
        frame, node = getattr(part, "frame", None), getattr(part, "node", None)
        if not isinstance(frame, Frame) or frame.function is None or frame.function.name != "__init__" or node is None:
            return None
        owner = frame.this
        if not isinstance(owner, Instance) or not isinstance(owner.node, ast.Call) or owner.frame is None:
            return None
        parents = program.parents(frame.path)
        current, test = parents.get(node), None
        while current is not None and current is not frame.function.node:
            if isinstance(current, (ast.IfExp, ast.If)) and isinstance(current.test, ast.Name):
                test = current.test
                break
            current = parents.get(current)
        parameters = frame.function.node.args
        if test is None or test.id not in {each.arg for each in (*parameters.args, *parameters.kwonlyargs)}:
            return None
        reads = [
            each
            for each in ast.walk(owner.cls.node)
            if isinstance(each, ast.Name) and each.id == test.id and isinstance(each.ctx, ast.Load)
        ]
        if len(reads) != 1:
            return None
        found.append(Switch(owner.node, owner.frame.path, test.id))
    return found[0] if found and all(each == found[0] for each in found) else None


def _named_output(program: Program, sink: Sink, heads: list[Value]) -> bool:
    """Whether the model that is trained gives the part's output as one of its own, under a name that is read."""
    event = sink.event
    if not isinstance(event, GradientTaken) or not isinstance(event.sources, WeightList):
        return False
    scope = unreached.scope_of(program, event.frame)
    flow = Flow(sink.tape, marks=heads)
    wanted = {id(part) for part in heads}
    for name, value in event.frame.scope.names.items():
        if not isinstance(value, Tensor) or not wanted & set(flow.reach(value).sources) or name.startswith("_"):
            continue
        bound = [
            each
            for each in ast.walk(scope)
            if isinstance(each, ast.Name) and each.id == name and isinstance(each.ctx, ast.Store)
        ]
        if len(bound) == 1 and isinstance(program.parents(event.frame.path).get(bound[0]), ast.Tuple):
            return True
    return False


def _listed(names: tuple[str, ...]) -> str:
    quoted = [f"`{name}`" for name in names]
    return ", ".join(quoted[:3]) + (f" and {len(quoted) - 3} more" if len(quoted) > 3 else "")


def mend(program: Program, finding: Finding) -> Mendings:
    from regrad.codemods.engine.layout import CannotMove

    evidence = finding.evidence
    try:
        if isinstance(evidence, Term):
            return added(program, evidence)
        if isinstance(evidence, UnreadTerm):
            return joined(program, evidence)
        if isinstance(evidence, Replaced):
            return added_up(program, evidence)
        if isinstance(evidence, Last):
            return with_all(program, evidence)
        if isinstance(evidence, Fewer):
            return [over_all(program, evidence)]
        if isinstance(evidence, (Unnamed, Nothing)):
            return with_loss(program, evidence)
        if isinstance(evidence, Filtered):
            return listed_too(program, evidence)
        if isinstance(evidence, Switch):
            from regrad.codemods.engine.arguments import set_keyword

            edit = set_keyword(program.files[evidence.path], evidence.call, evidence.argument, "False")
            return [
                Mending(
                    f"make it with `{evidence.argument}=False`", Safety.UNSAFE, (edit,), "the model has fewer weights"
                )
            ]
        if isinstance(evidence, CalledTwice):
            return [called_instead(program, evidence)]
        if isinstance(evidence, InVain):
            return read_after_all(program, evidence)
        if isinstance(evidence, Weight):
            return used(program, evidence)
        if isinstance(evidence, ThrownAway):
            return [taken_from_the_graph(program, evidence)]
    except CannotMove as problem:
        if isinstance(evidence, ThrownAway):
            advice = "keras.Model(inner.inputs, inner.outputs[0])  # or freeze what the model around does not need"
            return Withheld(str(problem), advice)
        if isinstance(evidence, Fewer):
            return Withheld(str(problem), f"range(len({evidence.holder}))")
        return Withheld(str(problem))
    names = " and ".join(evidence.names)
    return Withheld(
        "whether the head should be trained or left out is the author's choice",
        f"loss = loss + weight * loss_of({names})  # or do not build {names}",
    )


RULE = Rule("RG109", "partial-loss", "unsafe", "Another loss, or another function, is computed.", detect, mend)
