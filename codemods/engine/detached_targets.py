"""Which of the values that a loss compares plays the target: its author cut it off on purpose, and it stays cut off.

A network's own later value, another view of its input or a teacher's answer is what a prediction is measured against.
Where both were cut off, the prediction alone is mended: a target that gets a gradient as well is another loss.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from functools import cached_property
from typing import NamedTuple

from regrad.analysis import flow
from regrad.analysis.operations import Transfer, is_integer
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Layer, Tensor, Unknown, Value, Variable
from regrad.codemods.engine.operations_of import reached
from regrad.codemods.engine.target_words import Words

_DIFFERENCE = frozenset({"subtract", "squared_difference"})
_PRODUCT = frozenset({"multiply", "dot", "inner", "tensordot", "einsum", "batch_dot", "vdot", "matvec"})
_MAXIMA = frozenset({"reduce_max", "max", "amax"})
_LOGS = frozenset({"log", "log_softmax", "log_prob", "log_sigmoid", "log1p"})
_EVEN = frozenset(
    "square abs pow power norm l2_norm reduce_euclidean_norm l2_loss log_cosh logcosh cosh huber smooth_l1 "
    "squared_difference".split()
)
_JOINT = frozenset(
    "maximum relu softplus sigmoid exp reduce_logsumexp logsumexp softmax log_softmax log_sigmoid logaddexp sign "
    "greater less where hinge expm1 tanh log log1p".split()
)
"""What makes two values move against each other: a margin, a rank, a share of all. Both are then predictions."""


class Roles(NamedTuple):
    """What the ways from a loss to the weights that get no gradient are made of."""

    trained: frozenset[int]
    """The identities of the values that gradients are to come through."""
    detached: frozenset[int]
    """Those of the values that targets alone are made of."""
    values: tuple[Tensor, ...] = ()
    """The values of `detached`."""
    doubt: str = ""
    """Why it is not certain which is which."""

    def keeps(self, value: Value) -> bool:
        """Whether it belongs to a target alone."""
        return id(value) in self.detached


NONE = Roles(frozenset(), frozenset())


def _doubtful(why: str) -> Roles:
    return Roles(frozenset(), frozenset(), (), why)


ADVICE = "tf.stop_gradient(target)  # and the prediction written in TensorFlow, inside the tape"
"""What an author should write where there is a doubt."""


def roles(program: Program, sink: Sink) -> Roles:
    """The roles of the values that a loss is made of."""
    known = program.once(_known)
    if id(sink) not in known:
        known[id(sink)] = (sink, _Reading(program, sink).roles())
    return known[id(sink)][1]


def read_by_targets(program: Program, sink: Sink, value: Value) -> bool:
    """Whether a loss reads a value for its target alone."""
    apart = roles(program, sink).detached
    readers = [
        each
        for each in reached(iter((sink.target,)) if apart else iter(()))
        if any(part is value for part in each.operation.inputs)
    ]
    return bool(readers) and all(id(each) in apart for each in readers)


def _known(program: Program) -> dict[int, tuple[Sink, Roles]]:
    return {}


class _Walk(NamedTuple):
    """The values on ways that are to train, those on the ways of targets alone, the weights that the former reach, and
    the targets.
    """

    trained: set[int]
    apart: set[int]
    reached: frozenset[int]
    targets: tuple[Tensor, ...]


class _Reading:
    """One loss."""

    def __init__(self, program: Program, sink: Sink) -> None:
        self.program = program
        self.sink = sink
        self.lost = {id(value): value for value in sink.path.lost}
        for value in sink.path.lost:
            if isinstance(value, Unknown):
                self.lost[id(value.root())] = value.root()
        self.full = flow.Flow(sink.tape, full=True, marks=self.lost.values())
        self._calls: dict[int, frozenset[int]] = {}
        self._parents: dict[int, list[Tensor]] = {}
        self._nameless: set[int] = set()

    def roles(self) -> Roles:
        several = len(self.calls(self.sink.target)) > 1
        commented = [value for value in self._every() if self._words.says_cut_off(value)] if several else []
        attempts: list[frozenset[str]] = [
            frozenset({"said", "named", "told", "weighed"}),
            frozenset({"said", "named", "told"}),
            frozenset({"said", "told"}),
            frozenset({"said"}),
            frozenset(),
        ]
        whole = self.lost_below(self.sink.target)
        walk = _Walk(set(), set(), frozenset(), ())
        evidence: frozenset[str] = frozenset()
        for evidence in attempts:
            walk = self._walk(evidence)
            if walk.reached >= whole:
                break
            if commented and evidence == attempts[-2]:
                where = self._place(commented[0])
                return _doubtful(f"a comment says that {where} is no prediction, and nothing else leads to all weights")
        compared = self._compared(walk.trained)
        if compared is not None:
            one, other = compared
            lesser = self._lesser(one, other)
            if lesser is not None:
                walk = self._walk(evidence, lesser)
            if lesser is None or not walk.reached >= whole or self._compared(walk.trained) is not None:
                return _doubtful(
                    f"{self._place(one)} and {self._place(other)} come from the same weights and are compared with each"
                    " other: which of them is the target is not certain"
                )
        both = self._through(walk)
        if both is not None and "weighed" in evidence and not self._leaves():
            evidence = evidence - {"weighed"}
            walk = self._walk(evidence)
            both = self._through(walk)
        while both is not None and self._named(both):
            # A name alone says too little where the same cut parts the prediction from the weights.
            self._nameless.add(id(both))
            walk = self._walk(evidence)
            both = self._through(walk)
        if both is not None:
            return _doubtful(f"{self._place(both)} is a target in one part of the loss and trained in another")
        values = tuple(value for value in self._every() if id(value) in walk.apart)
        return Roles(frozenset(walk.trained), frozenset(walk.apart), values)

    # -- the values --

    def dependent(self, value: Value) -> bool:
        return bool(self.full.among(value, self.lost))

    def lost_below(self, value: Value) -> frozenset[int]:
        return frozenset(key for key in self.full.among(value, self.lost) if not isinstance(self.lost[key], Unknown))

    def parts(self, value: Value) -> list[Value]:
        """What a value is made of, where that comes from the weights; a model's own description does not count."""
        if isinstance(value, (Variable, Layer)):
            return []
        inner = value.operation.inputs if isinstance(value, Tensor) else self.full._parts(value)
        return [
            part
            for part in inner
            if self.dependent(part)
            if not isinstance(part, Variable) and not (isinstance(part, Tensor) and part.symbolic)
        ]

    def is_call(self, value: Value) -> bool:
        """Whether weights come in here."""
        if not isinstance(value, Tensor):
            return False
        return bool(self._brought(value))

    def _brought(self, value: Tensor) -> set[int]:
        """The lost weights that come in with an operation: its own, a variable's, those of the model that is called."""
        covered = flow.Reach()
        for source in value.operation.sources:
            flow.cover(source, covered)
        found = set(covered.sources) & set(self.lost)
        for part in value.operation.inputs:
            if isinstance(part, Variable):
                found |= {id(part)} & set(self.lost)
            elif isinstance(part, Tensor) and part.symbolic:
                found |= set(self.full.among(part, self.lost))
        return found

    def calls(self, value: Value) -> frozenset[int]:
        """The identities of the operations below a value that bring in weights."""
        order: list[Value] = []
        stack = [value]
        seen: set[int] = set()
        while stack:
            current = stack.pop()
            if id(current) in seen or id(current) in self._calls:
                continue
            seen.add(id(current))
            order.append(current)
            stack.extend(self.parts(current))
        for _ in range(2):  # twice: a loop's value is made of itself
            for current in reversed(order):
                own = {id(current)} if self.is_call(current) else set()
                found = frozenset(own.union(*(self._calls.get(id(part), frozenset()) for part in self.parts(current))))
                self._calls[id(current)] = found
        return self._calls[id(value)]

    def _every(self) -> list[Tensor]:
        found: dict[int, Tensor] = {}
        seen: set[int] = set()
        stack: list[Value] = [self.sink.target]
        while stack:
            value = stack.pop()
            if id(value) in seen:
                continue
            seen.add(id(value))
            if isinstance(value, Tensor):
                found[id(value)] = value
            for part in self.parts(value):
                if isinstance(value, Tensor):
                    self._parents.setdefault(id(part), []).append(value)
                stack.append(part)
        return sorted(found.values(), key=lambda each: each.operation.serial)

    # -- the walk --

    def _walk(self, evidence: Collection[str], *more: Value) -> _Walk:
        visited: tuple[set[int], set[int]] = (set(), set())
        reached: set[int] = set()
        entries: dict[int, Tensor] = {}
        apart = {id(value) for value in more}
        stack: list[tuple[Value, bool]] = [(self.sink.target, False)]
        while stack:
            value, detached = stack.pop()
            if isinstance(value, Tensor):
                if value.operation.transfer == Transfer.STOP or (
                    is_integer(value.dtype) and value.operation.kind not in ("join", "index_join")
                ):
                    continue
                if not detached and (
                    id(value) in apart
                    or ("said" in evidence and self._words.says_cut_off(value))
                    or ("named" in evidence and self._named(value))
                ):
                    detached = True
                    entries[id(value)] = value
            if id(value) in visited[detached]:
                continue
            visited[detached].add(id(value))
            parts = self.parts(value)
            if not detached and isinstance(value, Tensor):
                reached |= self._brought(value)
            elif not detached and id(value) in self.lost:
                reached.add(id(value))
            aside = self._aside(value, parts, evidence) if isinstance(value, Tensor) and not detached else set()
            entries.update((id(part), part) for part in parts if id(part) in aside and isinstance(part, Tensor))
            stack.extend((part, detached or id(part) in aside) for part in parts)
        # What leads to targets alone is theirs too.
        alone = visited[True] - visited[False]
        trained = {key for key in visited[False] if not self._calls.get(key) or not self._calls[key] <= alone}
        alone |= visited[False] - trained
        return _Walk(trained, alone, frozenset(reached), tuple(entries.values()))

    def _aside(self, value: Tensor, parts: list[Value], evidence: Collection[str]) -> set[int]:
        """Those of the parts that the operation compares the others with."""
        operation = value.operation
        if len({id(part) for part in parts}) != 2:
            return set()
        one, other = parts[0], parts[-1]
        apart = operation.name in _DIFFERENCE or operation.name == "add" or operation.kind == "loss"
        if "told" in evidence and apart:
            first, second = self._bootstrapped(one, other, value), self._bootstrapped(other, one, value)
            if first != second:
                return {id(one if first else other)}
        if "told" in evidence and self._independent(one, other):
            if operation.kind == "loss":
                return {id(one)}
            labels = (operation.arguments or {}).get("labels")
            if labels is not None and any(labels is part for part in parts):
                return {id(labels)}
        if "weighed" in evidence and operation.name in _PRODUCT:
            first, second = self._under_log(one), self._under_log(other)
            logarithm, weight = (one, other) if first else (other, one)
            if first != second and self.calls(weight) - self.calls(logarithm):
                return {id(weight)}
        return set()

    def _independent(self, one: Value, other: Value) -> bool:
        """Whether two values come from the same weights, each by a call of its own."""
        first, second = self.calls(one), self.calls(other)
        return bool(first and second) and not first & second and bool(self.lost_below(one) & self.lost_below(other))

    def _bootstrapped(self, side: Value, against: Value, join: Tensor) -> bool:
        """Whether a side is a reward with what the network itself promises beyond it, discounted or maximised."""
        promised = discounted = rewarded = False
        for value in self._down(side, short_of=_EVEN):
            if not isinstance(value, Tensor):
                continue
            operation = value.operation
            discounted = discounted or (operation.name == "multiply" and self._words.discounts(value))
            promised = promised or operation.name in _MAXIMA or self._words.says_later(value)
            if operation.name in ("add", "subtract"):
                rewarded = rewarded or self._datum(value)
        if join.operation.name == "add":
            # `reward - value + gamma * next_value`
            return discounted and any(
                isinstance(value, Tensor) and value.operation.name == "subtract" and self._datum(value)
                for value in self._down(against, short_of=_EVEN)
            )
        if not rewarded and discounted:
            rewarded = any(
                parent.operation.name in ("add", "subtract") and self._datum(parent)
                for parent in self._parents.get(id(join), ())
            )
        return rewarded and (discounted or promised)

    def _down(self, side: Value, short_of: Collection[str] = ()) -> Iterator[Value]:
        """What is computed of what the network gave, down to that.

        A value is promised or rewarded as it is: what lies under a square or an absolute value is a term of the loss,
        whatever it is multiplied by.
        """
        seen: set[int] = set()
        stack = [side]
        while stack:
            value = stack.pop()
            if id(value) in seen:
                continue
            seen.add(id(value))
            yield value
            if not self.is_call(value) and not (isinstance(value, Tensor) and value.operation.name in short_of):
                stack.extend(self.parts(value))

    def _datum(self, value: Tensor) -> bool:
        """Whether something is added that comes from no weights and is no number written there."""
        node = value.operation.node
        written = (
            {id(each) for each in (node.left, node.right) if isinstance(each, ast.Constant)}
            if isinstance(node, ast.BinOp)
            else set()
        )
        others = [part for part in value.operation.inputs if not self.dependent(part)]
        return bool(others) and not written

    def _under_log(self, side: Value) -> bool:
        return any(
            isinstance(value, Tensor)
            and (value.operation.name in _LOGS or "cross" in value.operation.name or value.operation.name == "log_prob")
            for value in self._down(side)
        )

    # -- what the program says of a value --

    @cached_property
    def _words(self) -> Words:
        return Words(self.program, self._every())

    def _leaves(self) -> bool:
        """Whether it was the author who made numbers of tensors; what ran too early may have been meant to count."""
        return any(value.operation.transfer == Transfer.LEAVES for value in self._every())

    def _named(self, value: Tensor) -> bool:
        if id(value) in self._nameless:
            return False
        return self._words.says_target(value)

    def _place(self, value: Value) -> str:
        operation = value.operation if isinstance(value, Tensor) else None
        if operation is None or operation.node is None or operation.frame is None:
            return "one value"
        text = " ".join(self.program.source(operation.node, operation.frame.path).split())
        return f"`{text if len(text) <= 60 else text[:57] + '...'}`"

    # -- doubts --

    def _compared(self, trained: set[int]) -> tuple[Tensor, Tensor] | None:
        """Two values of the same weights that are compared with each other while both are to be trained."""
        for value in self._every():
            if id(value) not in trained or not self._above(value):
                continue
            operation = value.operation
            parts = [part for part in self.parts(value) if id(part) in trained and isinstance(part, Tensor)]
            if len({id(part) for part in parts}) != 2:
                continue
            one, other = parts[0], parts[-1]
            if not self._independent(one, other):
                continue
            assert isinstance(one, Tensor) and isinstance(other, Tensor)
            if operation.kind == "loss" or operation.name == "squared_difference" or "similarity" in operation.name:
                return one, other
            if operation.name == "subtract" and self._ends_even(value):
                return one, other
            weighted = self._under_log(one) != self._under_log(other)
            if operation.name in _PRODUCT and not weighted and not self._ends_jointly(value):
                return one, other
        return None

    def _above(self, value: Tensor) -> bool:
        """Whether nothing was cut off yet where the two meet: each was cut off by itself."""
        recorded = flow.Flow(self.sink.tape)
        return all(self._cut_off(part, recorded) for part in self.parts(value)) and not self._cut_at(value, recorded)

    def _cut_at(self, value: Tensor, recorded: flow.Flow) -> bool:
        return flow.blocked(value, recorded) is not None

    def _cut_off(self, value: Value, recorded: flow.Flow) -> bool:
        return not recorded.among(value, self.lost)

    def _up(self, value: Tensor) -> Iterator[Tensor]:
        seen: set[int] = set()
        stack = list(self._parents.get(id(value), ()))
        while stack:
            current = stack.pop()
            if id(current) in seen:
                continue
            seen.add(id(current))
            yield current
            stack.extend(self._parents.get(id(current), ()))

    def _ends_even(self, value: Tensor) -> bool:
        """Whether a difference counts for its size alone: nothing is added to it first; it is no rank, no margin."""
        even = False
        for above in self._up(value):
            name = above.operation.name
            if name in _JOINT or "cross" in name or self._measured(above):
                return False
            even = even or name in _EVEN
        near = self._parents.get(id(value), [])
        added = any(each.operation.name == "add" and self._datum(each) for each in near)
        return even and not added

    def _measured(self, value: Tensor) -> bool:
        """Whether what two values have between them is measured against data in its turn: a distance that is given."""
        differs = value.operation.name in _DIFFERENCE or value.operation.kind == "loss"
        return differs and self._datum(value)

    def _ends_jointly(self, value: Tensor) -> bool:
        return any(
            above.operation.name in _JOINT or "cross" in above.operation.name or self._measured(above)
            for above in self._up(value)
        )

    def _lesser(self, one: Tensor, other: Tensor) -> Tensor | None:
        """Of two compared values the one that fewer weights make, as in SimSiam: the other was led through a predictor,
        which shows which is to follow which.
        """
        first, second = self.lost_below(one), self.lost_below(other)
        if first < second:
            return one
        return other if second < first else None

    def _through(self, walk: _Walk) -> Tensor | None:
        """A target into which a gradient would come after all, by values that predictions are made of as well."""
        recorded = flow.Flow(self.sink.tape)
        mended = {id(value.operation.node) for value in self._every() if id(value) in walk.trained}
        for entry in walk.targets:
            seen: set[int] = set()
            stack: list[Value] = [entry]
            while stack:
                value = stack.pop()
                if id(value) in seen:
                    continue
                seen.add(id(value))
                if isinstance(value, Tensor):
                    if value.operation.transfer == Transfer.STOP:
                        continue
                    if id(value) in walk.apart and self._stays(value, recorded, mended):
                        continue
                    if self.is_call(value):
                        return entry
                stack.extend(self.parts(value))
        return None

    def _stays(self, value: Tensor, recorded: flow.Flow, mended: set[int]) -> bool:
        """Whether the tape sees nothing of it, whatever becomes of the code that makes it."""
        if not recorded.recorded(value):
            return True
        # An operation on arrays is one on tensors once it is given some.
        return flow.blocked(value, recorded) is not None and id(value.operation.node) not in mended
