"""RG501 non-differentiable-operation: every way from the loss to weights leads through a decision, rounding or count.

What it does
------------
Reports the operation that takes the gradient away: `argmax`, `round`, `floor`, `sign`, a comparison, a cast to
integers that select or count, `one_hot` of a prediction, `bincount`, a share of zeros, an order, what a decoder spells
(`ctc_greedy_decoder`), an edit distance, a metric used inside a loss, in a loss, a layer, a `Lambda` or a graph.
Integers that are computed with are RG505's.

Why gradients stop
------------------
A step is flat between its edges. TensorFlow defines no gradient for these operations (`None`), or one that is zero
everywhere (`sign`). If no other way leads around it, the weights before it are never trained: `No gradients provided
for any variable`, a warning about some layers, or silence.

Example
-------
Broken::

    def error_rate(y_true, y_pred):
        decision = tf.cast(y_pred > 0.5, tf.float32)
        return tf.reduce_mean(tf.square(y_true - decision))

Mended::

    def error_rate(y_true, y_pred):
        decision = y_pred
        return tf.reduce_mean(tf.square(y_true - decision))

The fix and its safety
----------------------
Unsafe: what is computed changes, and there is more than one way. Offered are, in a loss: the probability for the
decision made of it (rounding goes); a sigmoid for a comparison, products for `and`, `a + b - 2ab` for `xor`, `tanh` for
`sign`, the expected index for `argmax`; and a straight-through estimator, which keeps the decision forwards and takes
the slope of the soft form backwards. In a layer the straight-through estimator comes first, since the layers behind
rely on decided values. A loss over classes that is given the class decided for gets the scores instead, and a choice
between values that have a slope stays a choice. `argsort(argsort(x))` gives way to soft ranks: how many of the others
lie below, each counted by a sigmoid. An entry of a table, or one of each example's own rows, that an argmax picks
(`gather_nd`, `take_along_axis`, `gather` with `batch_dims=1`) gives way to the expectation over all of them. Rows of
one 1 that `tf.random.categorical` draws stay drawn, with the slope of the probabilities. The nearest row of a table
that a term of the loss draws to a stopped `z` is given on as `z + tf.stop_gradient(row - z)`. An `Embedding` that looks
up the class decided for, and nothing else, becomes a `Dense` without bias that mixes its rows by the probabilities.
Counts, an order alone, other rows of an embedding, a number that meets itself rounded, and a whole part beside the rest
have no stand-in of one line; for these the page says what to write.

When it stays silent
--------------------
When the operation works on labels, masks or indices only; when the weights get a gradient around it (gather by
argmax, a straight-through estimator, policy gradients, NMS beside a loss); in metrics and log lines; when another
training of the program trains the weights; and for what merely looks at shapes.

References
----------
Y. Bengio, N. Leonard, A. Courville, "Estimating or Propagating Gradients Through Stochastic Neurons for Conditional
Computation", 2013: https://arxiv.org/abs/1308.3432
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from regrad.analysis.cut import CutKind
from regrad.analysis.endings import Ending, endings
from regrad.analysis.events import Compiled, Trained
from regrad.analysis.library.keras_models import caller
from regrad.analysis.program import Program
from regrad.analysis.values import Tensor
from regrad.codemods import integer_path, loss_arguments_swapped
from regrad.codemods.engine import own_metrics
from regrad.codemods.engine.broken_paths import finding, operand, says_nothing
from regrad.codemods.engine.counted import counted_losses
from regrad.codemods.engine.drawn_rows import drawn_rows
from regrad.codemods.engine.expected_choice import expected_choice
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.mixed_rows import mixed_rows
from regrad.codemods.engine.nearest_rows import nearest_rows
from regrad.codemods.engine.own_losses import within
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Rule, Safety, Withheld
from regrad.codemods.engine.surrogates import Softener, consumers_of
from regrad.codemods.engine.surroundings import free_name
from regrad.codemods.engine.undecided import undecided
from regrad.codemods.engine.without_slope import ROUNDING, NoSurrogate

CODE, NAME = "RG501", "non-differentiable-operation"
_KINDS = (CutKind.NON_DIFFERENTIABLE, CutKind.INTEGER, CutKind.ZERO_SLOPE)
_ABOUT_SHAPES = frozenset(
    "shape size rank ones_like zeros_like full_like size_of constant zeros ones fill range eye".split()
)
_WHY = "the meaning of what is computed changes"


def detect(program: Program) -> Iterator[Finding]:
    """Endings at a step."""
    stated = _as_loss(program)
    for ending in endings(program):
        operation = ending.operation
        if ending.kind not in _KINDS or operation is None or not isinstance(ending.value, Tensor):
            continue
        if operation.name in _ABOUT_SHAPES or operation.kind in ("predict", "data", "input"):
            continue
        if ending.kind is CutKind.INTEGER and integer_path.concerns(program, ending):
            continue
        if operation.kind == "metric" and id(ending.node) in stated:
            continue
        if own_metrics.concerns(program, ending):
            continue
        if any(within(ending.frame, function) for function in loss_arguments_swapped.misnamed(program)):
            continue
        slope = "has a slope of zero everywhere" if ending.kind is CutKind.ZERO_SLOPE else "has no gradient"
        only = "every way from the loss to {lost} leads through it"
        yield finding(program, CODE, NAME, ending, f"{slope}, and {only}")


def _as_loss(program: Program) -> set[int]:
    """The nodes of `loss=` arguments, trainings and metrics in the place of a loss: RG106 reports a metric there."""
    found: set[int] = set()
    for event in program.events:
        if isinstance(event, Compiled):
            found.update((id(event.compilation.loss_node), id(event.node)))
        elif isinstance(event, Trained):
            found.add(id(event.node))
    found.update(id(each.operation.node) for each in counted_losses(program))
    return found


def mend(program: Program, found: Finding) -> Mendings:
    """The stand-ins, best first."""
    ending: Ending = found.evidence
    paths = sorted({value.operation.frame.path for value in ending.chain if value.operation.frame is not None})
    paths = [path for path in paths if path in program.files]
    offered: list[Mending] = []
    refusal: NoSurrogate | CannotMove | None = None
    clearer: NoSurrogate | None = None
    for way in (undecided, mixed_rows, expected_choice, drawn_rows, nearest_rows):
        try:
            return (way(program, ending),)
        except CannotMove:
            continue
        except NoSurrogate as problem:
            clearer = problem
    for direct in (True, False):
        try:
            made = _soft(program, ending, paths, direct)
        except (NoSurrogate, CannotMove) as problem:
            refusal = problem
            continue
        if made is not None and not any(made.edits == other.edits for other in offered):
            offered.append(made)
    try:
        through = _straight_through(program, ending)
        if _in_model(ending):
            offered.insert(0, through)
        else:
            offered.append(through)
    except (NoSurrogate, CannotMove) as problem:
        refusal = refusal or problem
    if offered:
        return tuple(offered)
    refusal = clearer or refusal
    assert refusal is not None
    return Withheld(refusal.reason, getattr(refusal, "instead", ""))


def _in_model(ending: Ending) -> bool:
    """Whether the step is part of a model, so that what comes behind it relies on decided values."""
    assert ending.operation is not None
    return (isinstance(ending.value, Tensor) and ending.value.symbolic) or caller(ending.operation) is not None


def _soft(program: Program, ending: Ending, paths: list[str], direct: bool) -> Mending | None:
    from regrad.codemods.engine.moving import Rewrite

    edits: list[Edit] = []
    used_direct = used_sigmoid = False
    for path in paths:
        softener = Softener(program, ending, path, direct)
        if not softener.nodes:
            continue
        rewrite = Rewrite(program.files[path], program.trees[path])
        texts = softener.replacements()
        leaving = (program.statement(node, path) for node in softener.left_over)
        rewrite.remove([statement for statement in leaving if statement is not None], keep_comments=True)
        for node, text in texts.items():
            statement = program.statement(node, path)
            # `x = round(x)` without the rounding says nothing, and an index that nobody asks for does nothing.
            if statement is not None and (
                says_nothing(statement, node, text) or _left_over(program, statement, node, texts, path)
            ):
                rewrite.remove([statement], keep_comments=True)
                continue
            for place, new in _where_used(program, ending, node, text, path):
                rewrite.replace(place, new)
        edits.extend(rewrite.edits())
        edits.extend(softener.imported)
        used_direct = used_direct or softener.used_direct
        used_sigmoid = used_sigmoid or softener.used_sigmoid
    if not edits:
        raise NoSurrogate("the step is not written out in the program")
    name = ending.operation.name if ending.operation is not None else ""
    if used_direct:
        return Mending(
            "use the probability instead of the decision",
            Safety.UNSAFE,
            tuple(edits),
            "a probability says how sure the decision is",
        )
    if used_sigmoid:
        return Mending(
            "use sigmoids instead of comparisons", Safety.UNSAFE, tuple(edits), "a sigmoid is a comparison with a slope"
        )
    if name in ROUNDING or name in ("cast", "floordiv"):
        return Mending(
            "leave the numbers as they are, without rounding", Safety.UNSAFE, tuple(edits), "rounding is for reports"
        )
    return Mending("use a soft form", Safety.UNSAFE, tuple(edits), _WHY)


def _left_over(
    program: Program, statement: ast.stmt | None, node: ast.expr, texts: dict[ast.expr, str], path: str
) -> bool:
    """Whether a decision that has a name of its own is used by nothing but what is replaced as well."""
    if not isinstance(statement, ast.Assign) or statement.value is not node or len(statement.targets) != 1:
        return False
    target = statement.targets[0]
    if not isinstance(target, ast.Name):
        return False
    tree = program.trees[path]
    named = [each for each in ast.walk(tree) if isinstance(each, ast.Name) and each.id == target.id]
    uses = [each for each in named if isinstance(each.ctx, ast.Load)]
    others = [other for other in texts if other is not node]
    return (
        len(named) == len(uses) + 1
        and bool(uses)
        and all(any(_contains(other, use) for other in others) for use in uses)
        and not any(re.search(rf"\b{target.id}\b", texts[other]) for other in others)
    )


def _where_used(program: Program, ending: Ending, node: ast.expr, text: str, path: str) -> list[tuple[ast.expr, str]]:
    """Where the new text goes: to the old one's place, or, where others use its name too, to where the loss uses it."""
    statement = program.statement(node, path)
    if not isinstance(statement, ast.Assign) or statement.value is not node or len(statement.targets) != 1:
        return [(node, text)]
    target = statement.targets[0]
    if not isinstance(target, ast.Name) or not text.isidentifier():
        return [(node, text)]
    uses = [
        each for each in program.nodes_of(path, ast.Name) if each.id == target.id and isinstance(each.ctx, ast.Load)
    ]
    bound = [
        each for each in program.nodes_of(path, ast.Name) if each.id == target.id and isinstance(each.ctx, ast.Store)
    ]
    on_path: list[ast.expr] = []
    for value in consumers_of(ending):
        place = value.operation.node
        if place is not None and value.operation.frame is not None and value.operation.frame.path == path:
            on_path.extend(each for each in ast.walk(place) if each in uses and each not in on_path)
    if len(bound) == 1 and on_path and len(on_path) < len(uses):
        return [(each, text) for each in on_path]
    return [(node, text)]


def _straight_through(program: Program, ending: Ending) -> Mending:
    """`soft + stop_gradient(hard - soft)` in the place of the step; what is longer than a name is given one first."""
    from regrad.codemods.engine.moving import Rewrite, before

    path = ending.frame.path
    softener = Softener(program, ending, path, True)
    replaced = softener.replacements()
    node = next((each for each in replaced if _contains(each, ending.node)), None)
    if node is None or len(replaced) != 1:
        raise NoSurrogate("several steps belong together here")
    hard, soft = program.source(node, path), replaced[node]
    pattern = f"soft + tf.stop_gradient({hard} - soft)"
    if "\n" in hard or hard == soft:
        raise NoSurrogate("give the soft value a name first", pattern)
    if not _decides_floats(program, ending, node, softener):
        raise NoSurrogate("the hard value is no floating point number")
    stop = softener.say("stop_gradient")
    rewrite = Rewrite(program.files[path], program.trees[path])
    statement = program.statement(node, path)
    if _calls(soft) and isinstance(statement, (ast.Assign, ast.Return)) and statement.value is node:
        name = free_name(program, path, program.trees[path], ("soft", "soft_value"))
        rewrite.insert(f"{name} = {soft}", before(statement))
        parts = (program.source(each, path) for each in ast.walk(node) if isinstance(each, ast.expr))
        if soft in parts and hard.count(soft) == 1:
            # What is decided on is computed once.
            hard = hard.replace(soft, name)
        soft = name
    if len(soft) > 40 or _calls(soft) > 1 or (_calls(soft) == 1 and not _is_slope(soft)):
        raise NoSurrogate("give the soft value a name first", pattern)
    rewrite.replace(node, f"{_term(soft)} + {stop}({_term(hard)} - {operand(soft) if _adds(soft) else _term(soft)})")
    edits = (*rewrite.edits(), *softener.imported)
    return Mending(
        "straight through: decide forwards, take the soft slope backwards",
        Safety.UNSAFE,
        edits,
        "the values stay; the slope is an estimate",
    )


def _parsed(text: str) -> ast.expr:
    return ast.parse(f"({text})", mode="eval").body


def _calls(text: str) -> int:
    return sum(isinstance(each, ast.Call) for each in ast.walk(_parsed(text)))


def _is_slope(text: str) -> bool:
    """Whether the one call in a text is the stand-in itself, which may be computed twice."""
    node = _parsed(text)
    function = node.func if isinstance(node, ast.Call) else None
    return isinstance(function, ast.Attribute) and function.attr in ("tanh", "sigmoid", "softmax")


def _adds(text: str) -> bool:
    node = _parsed(text)
    return isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub))


def _term(text: str) -> str:
    """A text as the first term of a sum."""
    return text if isinstance(_parsed(text), (ast.BinOp, ast.UnaryOp)) and not _binds_less(text) else operand(text)


def _binds_less(text: str) -> bool:
    node = _parsed(text)
    return isinstance(node, ast.BinOp) and isinstance(
        node.op, (ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift)
    )


def _contains(outer: ast.AST, inner: ast.AST) -> bool:
    return any(each is inner for each in ast.walk(outer))


def _decides_floats(program: Program, ending: Ending, node: ast.expr, softener: Softener) -> bool:
    value = softener.nodes.get(node)
    if value is None:
        return True  # a cast to floating point around the step
    return value.operation.name in ROUNDING or value.operation.name in ("sign", "one_hot", "where", "floordiv")


RULE = Rule(
    CODE,
    NAME,
    "unsafe",
    "what is computed changes; which stand-in is meant, only a run and the author can tell",
    detect,
    mend,
)
