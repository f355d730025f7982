"""RG109 partial-loss: a part of the model never reaches the loss.

What it does
------------
Reports a head whose output the training never uses, a loss term that is computed and left out of the sum, a sum that
each pass of a loop replaces, an output with targets that `loss={...}` does not name, and a weight that a layer makes
and never uses, where the other weights of the same model are trained. Of a part inside a
model, such as the pooler of an encoder, only where the model can be made without it.

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
A term that was computed and left out is added, with the coefficient that was made for it and is used nowhere else.
`total = term` becomes `total += term`. An output gets the loss that fits its activation and its targets. A weight that
is not used takes the place of the one that stands there for it, where the names say so. Unsafe: another
loss or function is computed. Of a head that nobody uses, it is the author's choice whether to use it or to leave it
out.

When it stays silent
--------------------
When the part is trained by another loss of the program; outputs whose loss is stated as None, or that have no
targets; when anything on the way is not known; layers that are never
called, which have no weights; terms that are only logged and depend on nothing that is missing.

References
----------
- https://github.com/tensorflow/tensorflow/issues/48547
- https://github.com/tensorflow/probability/issues/927
- https://github.com/huggingface/transformers/issues/2256
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from regrad.analysis import unreached
from regrad.analysis.cut import CutKind
from regrad.analysis.events import GradientTaken, Trained
from regrad.analysis.events import Head as EndOfModel
from regrad.analysis.flow import Flow
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Constant, Instance, Mapping, Tensor, Value, Variable, WeightList
from regrad.analysis.weights import describe
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Related, Rule, Safety, Withheld


@dataclass(frozen=True)
class Term:
    """A term of the loss that was left out: its name, and the expression to which it should be added."""

    name: str
    total: ast.expr
    coefficient: str
    path: str


@dataclass(frozen=True)
class Weight:
    """A weight that a layer makes and does not use, with the one that stands where its name says it belongs."""

    misplaced: ast.Attribute | None
    name: str
    path: str


@dataclass(frozen=True)
class Switch:
    """An output that nobody uses, and the argument of its maker that leaves it out."""

    call: ast.Call
    path: str
    argument: str


@dataclass(frozen=True)
class Replaced:
    """A sum that each pass of a loop replaces in place of adding to it."""

    statement: ast.Assign
    path: str


@dataclass(frozen=True)
class Unnamed:
    """An output that the dictionary of losses leaves out, and its targets."""

    head: EndOfModel
    targets: Value
    losses: ast.Dict
    path: str


@dataclass(frozen=True)
class Head:
    """An output that nobody uses."""

    names: tuple[str, ...]


def detect(program: Program) -> Iterable[Finding]:
    seen: set[object] = set()
    for case in unreached.partly(program):
        for finding in _case(program, case):
            if finding.location not in seen:
                seen.add(finding.location)
                yield finding


def _case(program: Program, case: unreached.Unreached) -> Iterable[Finding]:
    from regrad.codemods.engine.overwritten import overwriting, unread

    event = case.sink.event
    related = (Related(program.location(event.node, event.frame), "the training that misses it"),)
    heads: list[Value] = []
    for part in case.parts:
        if isinstance(part, Variable):
            if part.node is not None and part.frame is not None and not _read(program, part):
                yield Finding(
                    RULE.code,
                    RULE.name,
                    f"`{describe(part)}` is made and never used, so it gets no gradient",
                    program.location(part.node, part.frame),
                    CutKind.NEVER_USED,
                    (describe(part),),
                    related,
                    _weight(program, part),
                )
            continue
        place = unreached.written(part)
        if place is not None and (overwriting(program, place) is not None or unread(program, place) is not None):
            continue  # RG407
        heads.append(part)
    if not heads or unreached.chosen_elsewhere(program, case.sink, heads):
        return
    names = tuple(dict.fromkeys(describe(part) for part in heads))
    for found in (_replaced(program, case.sink), _unnamed(case.sink, heads)):
        if isinstance(found, Replaced):
            name = program.source(found.statement.targets[0], found.path)
            message = f"`{name}` is replaced in every pass of the loop, so only the last one counts:"
            message += f" {_listed(names)} {'get' if len(names) > 1 else 'gets'} no gradient"
            place_of: ast.AST = found.statement
        elif isinstance(found, Unnamed):
            message = f"the output `{found.head.name}` has targets and no loss, so its layer is not trained"
            place_of = found.losses
        else:
            continue
        yield Finding(
            RULE.code,
            RULE.name,
            message,
            program.location(place_of, found.path),
            CutKind.NEVER_USED,
            names,
            related,
            found,
        )
        return
    term = _term(program, case.sink, heads)
    if term is not None:
        yield Finding(
            RULE.code,
            RULE.name,
            f"`{term.name}` is left out of the loss,"
            f" so {_listed(names)} {'get' if len(names) > 1 else 'gets'} no gradient",
            program.location(term.total, term.path),
            CutKind.NEVER_USED,
            names,
            related,
            term,
        )
        return
    switch = _switch(program, heads)
    if switch is None and not _named_output(program, case.sink, heads):
        # A part of an encoder that this task does not need costs a warning, and nothing else.
        return
    place = unreached.written(heads[-1])
    node, path = (place.call, place.frame.path) if place is not None else (event.node, event.frame.path)
    if switch is not None:
        node, path = switch.call, switch.path
    several = len(names) > 1
    yield Finding(
        RULE.code,
        RULE.name,
        f"what {_listed(names)} {'give' if several else 'gives'} never reaches the loss,"
        f" so {'they are' if several else 'it is'} not trained",
        program.location(node, path),
        CutKind.NEVER_USED,
        names,
        related,
        switch or Head(names),
    )


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


def _replaced(program: Program, sink: Sink) -> Replaced | None:
    """`total = term` in a loop over the heads, where `total = 0` stands before it; the term may be made by a call."""
    target = sink.target
    if not isinstance(target, Tensor):
        return None
    node, frame = target.operation.node, target.operation.frame
    while node is not None and frame is not None:
        found = _replaced_at(program, node, frame)
        if found is not None:
            return found
        node, frame = frame.call, frame.caller
    return None


def _replaced_at(program: Program, node: ast.AST, frame: Frame) -> Replaced | None:
    statement = program.statement(node, frame.path)
    if (
        not isinstance(statement, ast.Assign)
        or len(statement.targets) != 1
        or not isinstance(statement.targets[0], ast.Name)
    ):
        return None
    name = statement.targets[0].id
    loop = program.parents(frame.path).get(statement)
    if not isinstance(loop, ast.For) or statement not in loop.body or loop.orelse:
        return None
    turned = {node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)}
    read = {node.id for part in loop.body for node in ast.walk(part) if isinstance(node, ast.Name)}
    if not turned & read:
        return None
    uses = [node for node in ast.walk(loop) if isinstance(node, ast.Name) and node.id == name]
    stores = [
        node
        for node in ast.walk(unreached.scope_of(program, frame))
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
    ]
    first = program.statement(stores[0], frame.path) if len(stores) == 2 else None
    if (
        len(uses) != 1
        or not isinstance(first, ast.Assign)
        or first.targets != [stores[0]]
        or first.lineno > loop.lineno
        or not _is_zero(first.value)
    ):
        return None
    return Replaced(statement, frame.path)


def _is_zero(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return not isinstance(node.value, bool) and node.value in (0, 0.0)
    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        name = getattr(node.func, "attr", "")
        if name == "zeros":
            return isinstance(node.args[0], (ast.Tuple, ast.List)) and not node.args[0].elts
        return name in ("constant", "convert_to_tensor") and _is_zero(node.args[0])
    return False


def _unnamed(sink: Sink, heads: list[Value]) -> Unnamed | None:
    """An output that has targets and weights of its own, and that `compile(loss={...})` does not name."""
    event = sink.event
    if not isinstance(event, Trained) or event.compilation is None:
        return None
    losses, node = event.compilation.loss, event.compilation.loss_node
    if not isinstance(losses, Mapping) or not losses.complete or not isinstance(node, ast.Dict):
        return None
    given = event.y
    if not isinstance(given, Mapping):
        return None
    for head in event.heads:
        layer = head.dense or head.layer
        if (
            head.name is not None
            and head.name in given.entries
            and head.name not in losses.entries
            and any(layer is part for part in heads)
        ):
            return Unnamed(head, given.entries[head.name], node, event.compilation.frame.path)
    return None


# -- a term that was left out ------------------------------------------------------------------------------------------


def _term(program: Program, sink: Sink, heads: list[Value]) -> Term | None:
    """The one local value that depends on the missing part and could be a loss, and the place where the loss is
    put together.
    """
    target = sink.target
    if not isinstance(target, Tensor) or target.operation.frame is None:
        return None
    frame = target.operation.frame
    path = frame.path
    scope = unreached.scope_of(program, frame)
    wanted = {id(part) for part in heads}
    flow = Flow(sink.tape, marks=heads)
    candidates = [
        name
        for name, value in frame.scope.names.items()
        if isinstance(value, Tensor)
        and _scalar(value)
        and value is not target
        and wanted <= set(flow.reach(value).sources)
    ]
    total = _bound(scope, sink, frame) or _total(program, scope, target, path)
    if len(candidates) != 1 or total is None:
        return None
    name = candidates[0]
    bound = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
    ]
    if len(bound) != 1 or bound[0].lineno >= total.lineno:
        return None
    return Term(name, total, _coefficient(program, frame, name), path)


_REDUCTIONS = frozenset({"reduce_mean", "reduce_sum", "mean", "sum"})


def _scalar(value: Tensor) -> bool:
    """Whether a value certainly has no axes, as a loss has none."""
    if value.shape == ():
        return True
    operation = value.operation
    if operation.kind in ("loss", "op") and operation.name in _REDUCTIONS and isinstance(operation.node, ast.Call):
        return len(operation.node.args) == 1 and not operation.node.keywords
    if operation.kind == "operator":
        parts = [part for part in operation.inputs if isinstance(part, Tensor)]
        return bool(parts) and all(_scalar(part) for part in parts)
    return operation.kind == "loss"


def _bound(scope: ast.AST, sink: Sink, frame: Frame) -> ast.expr | None:
    """What the target's name is bound to, where that happens once, in the function that asks for the gradient."""
    event = sink.event
    if not isinstance(event, GradientTaken) or event.frame is not frame or not isinstance(event.target_node, ast.Name):
        return None
    name = event.target_node.id
    bound = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
    ]
    statements = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign) and any(part is each for each in node.targets for part in bound)
    ]
    return statements[0].value if len(bound) == 1 and len(statements) == 1 else None


def _total(program: Program, scope: ast.AST, target: Tensor, path: str) -> ast.expr | None:
    """The expression that makes the target: what is bound to its name, or returned."""
    node = target.operation.node
    statement = program.statement(node, path) if node is not None else None
    if not isinstance(statement, (ast.Assign, ast.Return)) or statement.value is None:
        return None
    whole = statement.value is node or (isinstance(statement.value, ast.BinOp) and isinstance(node, ast.BinOp))
    return statement.value if whole and any(each is statement for each in ast.walk(scope)) else None


def _coefficient(program: Program, frame: Frame, name: str) -> str:
    """The weight that was made for the term and is used nowhere: `self.value_coef` or `VALUE` for `value_loss`."""
    stem = name.removesuffix("_loss").removeprefix("loss_")
    if stem == name:
        return ""
    endings = ("coef", "coeff", "coefficient", "weight", "scale", "loss_weight", "loss_coef", "lambda")
    fitting = {f"{stem}_{ending}" for ending in endings} | {f"{ending}_{stem}" for ending in endings}
    for other, value in frame.scope.outermost().names.items():
        number = isinstance(value, Constant) and isinstance(value.value, float)
        if number and other.lower() in fitting | {stem} and not _loaded(program, frame.path, other):
            return other
    holder = frame.scope.find("self")
    this = holder.names["self"] if holder is not None else None
    if not isinstance(this, Instance):
        return ""
    for attribute in this.fields:
        if attribute not in fitting:
            continue
        read = [
            node
            for node in ast.walk(program.trees[frame.path])
            if isinstance(node, ast.Attribute) and node.attr == attribute and isinstance(node.ctx, ast.Load)
        ]
        if not read:
            return f"self.{attribute}"
    return ""


def _loaded(program: Program, path: str, name: str) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
        for node in program.nodes(path)
    )


# -- a weight that is not used -----------------------------------------------------------------------------------------


def _weight(program: Program, part: Variable) -> Weight:
    """`w_i` is not used, but `w_z` is used twice, once of them next to `b_i`: there `w_i` belongs."""
    frame = part.frame
    assert frame is not None
    path = frame.path
    attribute = _attribute(program, part, path)
    owner = frame.this
    if attribute is None or not isinstance(owner, Instance) or "_" not in attribute:
        return Weight(None, attribute or "", path)
    stem, _, suffix = attribute.rpartition("_")
    reads: list[ast.Attribute] = []
    for node in ast.walk(owner.cls.node):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Load)
            and isinstance(node.value, ast.Name)
            and node.value.id == "self"
        ):
            reads.append(node)
    found: list[ast.Attribute] = []
    for node in reads:
        other_stem, _, other_suffix = node.attr.rpartition("_")
        if other_stem != stem or other_suffix == suffix or sum(each.attr == node.attr for each in reads) < 2:
            continue
        statement = program.statement(node, path)
        inside = {each.attr for each in reads if statement is not None and program.statement(each, path) is statement}
        partners = {each.rpartition("_")[2] for each in inside if each != node.attr and "_" in each}
        if partners == {suffix}:
            found.append(node)
    return Weight(found[0] if len(found) == 1 else None, attribute, path)


def _read(program: Program, part: Variable) -> bool:
    """Whether the program reads the attribute that holds the weight anywhere, or keeps it in a way that is not
    followed.
    """
    assert part.frame is not None
    name = _attribute(program, part, part.frame.path)
    return name is None or any(
        isinstance(node, ast.Attribute) and node.attr == name and isinstance(node.ctx, ast.Load)
        for tree in program.trees.values()
        for node in ast.walk(tree)
    )


def _attribute(program: Program, part: Variable, path: str) -> str | None:
    statement = program.statement(part.node, path) if part.node is not None else None
    if (
        isinstance(statement, ast.Assign)
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], ast.Attribute)
    ):
        return statement.targets[0].attr
    return None


# -- mending -----------------------------------------------------------------------------------------------------------


def mend(program: Program, finding: Finding) -> Mendings:
    from regrad.codemods.engine.moving import CannotMove, Rewrite

    evidence = finding.evidence
    try:
        if isinstance(evidence, Term):
            addition = f"{evidence.coefficient} * {evidence.name}" if evidence.coefficient else evidence.name
            rewrite = Rewrite(program.files[evidence.path], program.trees[evidence.path])
            rewrite.replace(evidence.total, f"{program.source(evidence.total, evidence.path)} + {addition}")
            return [
                Mending(
                    f"add `{evidence.name}` to the loss", Safety.UNSAFE, rewrite.edits(), "another loss is computed"
                )
            ]
        if isinstance(evidence, Replaced):
            rewrite = Rewrite(program.files[evidence.path], program.trees[evidence.path])
            name, term = (
                program.source(each, evidence.path)
                for each in (evidence.statement.targets[0], evidence.statement.value)
            )
            rewrite.replace(evidence.statement, f"{name} += {term}")
            return [Mending("add the terms up", Safety.UNSAFE, rewrite.edits(), "another loss is computed")]
        if isinstance(evidence, Unnamed):
            return _with_loss(program, evidence)
        if isinstance(evidence, Switch):
            from regrad.codemods.engine.arguments import set_keyword

            edit = set_keyword(program.files[evidence.path], evidence.call, evidence.argument, "False")
            return [
                Mending(
                    f"make it with `{evidence.argument}=False`", Safety.UNSAFE, (edit,), "the model has fewer weights"
                )
            ]
        if isinstance(evidence, Weight):
            if evidence.misplaced is None:
                return Withheld(
                    "where the weight belongs is not certain; use it in `call`, or do not make it",
                    f"self.{evidence.name}",
                )
            rewrite = Rewrite(program.files[evidence.path], program.trees[evidence.path])
            rewrite.replace(evidence.misplaced, f"self.{evidence.name}")
            return [
                Mending(
                    f"use `{evidence.name}` where its name belongs",
                    Safety.UNSAFE,
                    rewrite.edits(),
                    "the layer computes another function",
                )
            ]
    except CannotMove as problem:
        return Withheld(str(problem))
    names = " and ".join(evidence.names)
    return Withheld(
        "whether the head should be trained or left out is the author's choice",
        f"loss = loss + weight * loss_of({names})  # or do not build {names}",
    )


def _with_loss(program: Program, evidence: Unnamed) -> Mendings:
    """The dictionary gets a loss for the output, one that fits its activation and its targets."""
    from regrad.codemods.engine import fitting, respelling
    from regrad.codemods.engine.judged import targets_of

    path, losses = evidence.path, evidence.losses
    output = evidence.head.name or ""
    key, last = losses.keys[-1] if losses.keys else None, losses.values[-1] if losses.values else None
    offered: list[Mending] = []
    for fit in fitting.fitting(evidence.head, targets_of(evidence.targets)):
        if key is None or last is None:
            break
        text, imported = fitting.loss_text(program, path, fit, losses, last)
        start = f"\n{' ' * key.col_offset}" if key.lineno != losses.lineno else " "
        entry = f"{program.source(last, path)},{start}{respelling.quoted(program, path, output, key)}: {text}"
        edits = (*imported, Edit(path, program.files[path].span(last), entry))
        offered.append(
            Mending(f"give `{output}` the loss `{fit[0]}`", Safety.UNSAFE, edits, "another loss is computed")
        )
    return offered or Withheld(
        "which loss the output needs is not certain", f'loss={{..., "{output}": ...}}  # or None, where none is meant'
    )


RULE = Rule("RG109", "partial-loss", "unsafe", "Another loss, or another function, is computed.", detect, mend)
