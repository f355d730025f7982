"""Ways to break a sound program as people break theirs, each with one small change of its text.

Every way is a function of a file and its tree that yields the broken texts, one per place where it applies. Nothing of
regrad's own rewriting is used, so that a mistake there cannot hide behind its own inverse.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from regrad.analysis.source import SourceFile

Breaks = Iterator[tuple[int, str]]
"""The line of the change, and the whole text with it."""


@dataclass(frozen=True)
class Breakage:
    """One way to break a program, and the rules that may see it."""

    name: str
    codes: frozenset[str]
    apply: Callable[[SourceFile, ast.Module], Breaks]


def dotted(node: ast.expr) -> str:
    """The last name of what is called: `fit` of `self.model.fit`."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def calls(tree: ast.AST, *names: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and dotted(node.func) in names:
            yield node


def tapes(tree: ast.AST) -> Iterator[ast.With]:
    """Every `with` that opens a tape and stands on lines of its own."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.With)
            and any(
                isinstance(item.context_expr, ast.Call) and dotted(item.context_expr.func) == "GradientTape"
                for item in node.items
            )
            and node.body[0].lineno > node.lineno
        ):
            yield node


def put(source: SourceFile, *changes: tuple[ast.expr, str]) -> str:
    """The text with other text in the place of expressions."""
    text = source.text
    for node, new in sorted(changes, key=lambda change: (change[0].lineno, change[0].col_offset), reverse=True):
        span = source.span(node)
        text = text[: source.offset(span.start)] + new + text[source.offset(span.end) :]
    return text


def segment(source: SourceFile, node: ast.AST) -> str:
    return source.segment(source.span(node))


def taped_targets(tree: ast.AST) -> Iterator[tuple[ast.With, ast.expr]]:
    """Every tape, and in its body what is later asked for its gradient, as the value of a plain assignment."""
    asked = {
        argument.id
        for call in calls(tree, "gradient")
        if isinstance(call.func, ast.Attribute)
        for argument in call.args[:1]
        if isinstance(argument, ast.Name)
    }
    for tape in tapes(tree):
        for statement in tape.body:
            target = statement.targets[0] if isinstance(statement, ast.Assign) else None
            if isinstance(statement, ast.Assign) and isinstance(target, ast.Name) and target.id in asked:
                yield tape, statement.value


def names(node: ast.AST, context: type[ast.expr_context]) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, context)}


def _lines(source: SourceFile) -> list[str]:
    return source.text.splitlines(keepends=True) if "\x0c" not in source.text and "\r" not in source.text else []


def _outdented(lines: list[str], inner: int, outer: int) -> list[str]:
    return [line[inner - outer :] if line[: inner - outer].isspace() else line for line in lines]


def _plain(statement: ast.stmt, tape: ast.With, lines: list[str]) -> bool:
    """Whether the statement has its lines for itself and no string over several of them."""
    rows = lines[statement.lineno - 1 : statement.end_lineno]
    alone = lines[statement.lineno - 1][: statement.col_offset].isspace()
    return alone and not any(mark in "".join(rows) for mark in ("'''", '"""', ";")) and statement.lineno > tape.lineno


def forward_above(source: SourceFile, tree: ast.Module) -> Breaks:
    """The first statement of a tape stands above it."""
    lines = _lines(source)
    for tape in tapes(tree):
        first = tape.body[0]
        if not lines or len(tape.body) < 2 or not isinstance(first, ast.Assign) or not _plain(first, tape, lines):
            continue
        if not any(names(first, ast.Store) & names(each, ast.Load) for each in tape.body[1:]):
            continue
        if not any(isinstance(node, ast.Call) for node in ast.walk(first)):
            continue
        last = first.end_lineno or first.lineno
        header, rest = lines[tape.lineno - 1 : first.lineno - 1], lines[last:]
        if any(line.strip().startswith("#") or not line.strip() for line in header):
            continue
        moved = _outdented(lines[first.lineno - 1 : last], first.col_offset, tape.col_offset)
        yield tape.lineno, "".join([*lines[: tape.lineno - 1], *moved, *header, *rest])


def loss_below(source: SourceFile, tree: ast.Module) -> Breaks:
    """The last statement of a tape stands below it."""
    lines = _lines(source)
    for tape in tapes(tree):
        last = tape.body[-1]
        if not lines or len(tape.body) < 2 or not _plain(last, tape, lines) or hasattr(last, "body"):
            continue
        if not any(names(last, ast.Store) & {name} for call in calls(tree, "gradient") for name in _first(call)):
            continue
        first, end = last.lineno - 1, last.end_lineno or last.lineno
        yield (
            last.lineno,
            "".join([*lines[:first], *_outdented(lines[first:end], last.col_offset, tape.col_offset), *lines[end:]]),
        )


def _first(call: ast.Call) -> set[str]:
    return {argument.id for argument in call.args[:1] if isinstance(argument, ast.Name)}


def called_numpy(source: SourceFile, tree: ast.Module) -> Breaks:
    """The loss leaves TensorFlow as soon as it is there."""
    for _, value in taped_targets(tree):
        if isinstance(value, ast.Call):
            yield value.lineno, put(source, (value, segment(source, value) + ".numpy()"))


def mean_by_numpy(source: SourceFile, tree: ast.Module) -> Breaks:
    """A reduction of the loss by NumPy."""
    if "import numpy as np" not in source.text:
        return
    for tape in tapes(tree):
        for call in calls(tape, "reduce_mean", "reduce_sum"):
            if segment(source, call.func).startswith("tf.") and not call.keywords and len(call.args) == 1:
                new = "np.mean" if dotted(call.func) == "reduce_mean" else "np.sum"
                yield call.lineno, put(source, (call.func, new))


def stopped(source: SourceFile, tree: ast.Module) -> Breaks:
    """The loss is taken for a constant."""
    for _, value in taped_targets(tree):
        if isinstance(value, ast.Call) and "import tensorflow as tf" in source.text:
            yield value.lineno, put(source, (value, f"tf.stop_gradient({segment(source, value)})"))


def predicted(source: SourceFile, tree: ast.Module) -> Breaks:
    """A model predicts inside the tape instead of being called."""
    for tape in tapes(tree):
        for call in calls(tape, "model"):
            keywords = {keyword.arg for keyword in call.keywords}
            if len(call.args) == 1 and keywords <= {"training"}:
                text = f"{segment(source, call.func)}.predict({segment(source, call.args[0])})"
                yield call.lineno, put(source, (call, text))


def decided(source: SourceFile, tree: ast.Module) -> Breaks:
    """The loss compares decisions where it compared probabilities."""
    for tape in tapes(tree):
        predictions = {
            target.id
            for statement in tape.body
            if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call)
            if dotted(statement.value.func) == "model"
            for target in statement.targets
            if isinstance(target, ast.Name)
        }
        for call in calls(tape, "loss_fn", "loss_object", "criterion", "loss_func"):
            for argument in call.args[1:2]:
                if isinstance(argument, ast.Name) and argument.id in predictions:
                    yield call.lineno, put(source, (argument, f"tf.argmax({argument.id}, axis=-1)"))


def unwatched(source: SourceFile, tree: ast.Module) -> Breaks:
    """A plain tensor is not watched any more."""
    lines = _lines(source)
    for tape in tapes(tree):
        for statement in tape.body:
            if isinstance(statement, ast.Expr) and list(calls(statement, "watch")) and len(tape.body) > 1 and lines:
                first, last = statement.lineno - 1, statement.end_lineno or statement.lineno
                yield statement.lineno, "".join([*lines[:first], *lines[last:]])


def used_once(source: SourceFile, tree: ast.Module) -> Breaks:
    """A tape that is asked several times is good for one answer."""
    for call in calls(tree, "GradientTape"):
        if len(call.keywords) == 1 and not call.args and call.keywords[0].arg == "persistent":
            yield call.lineno, put(source, (call, f"{segment(source, call.func)}()"))


def not_zipped(source: SourceFile, tree: ast.Module) -> Breaks:
    """Gradients and variables as two arguments."""
    for call in calls(tree, "apply_gradients"):
        if len(call.args) == 1 and isinstance(call.args[0], ast.Call) and dotted(call.args[0].func) == "zip":
            pair = call.args[0]
            if len(pair.args) == 2:
                yield call.lineno, put(source, (pair, ", ".join(segment(source, each) for each in pair.args)))


def pairs_swapped(source: SourceFile, tree: ast.Module) -> Breaks:
    """The variables in the place of the gradients."""
    for call in calls(tree, "apply_gradients"):
        for pair in call.args[:1]:
            if isinstance(pair, ast.Call) and dotted(pair.func) == "zip" and len(pair.args) == 2:
                first, second = pair.args
                yield call.lineno, put(source, (first, segment(source, second)), (second, segment(source, first)))


def arguments_swapped(source: SourceFile, tree: ast.Module) -> Breaks:
    """The prediction in the place of the target."""
    for tape in tapes(tree):
        for call in calls(tape, "loss_fn", "loss_object", "criterion", "loss_func", "compute_loss"):
            if len(call.args) == 2 and not call.keywords:
                first, second = call.args
                yield call.lineno, put(source, (first, segment(source, second)), (second, segment(source, first)))


def loss_forgotten(source: SourceFile, tree: ast.Module) -> Breaks:
    """Compiled without a loss."""
    for call in calls(tree, "compile"):
        for index, keyword in enumerate(call.keywords[:-1]):
            if keyword.arg == "loss":
                start, end = (source.offset(source.span(each).start) for each in (keyword, call.keywords[index + 1]))
                between = source.text[source.offset(source.span(keyword).end) : end]
                if between.strip() == ",":
                    yield keyword.lineno, source.text[:start] + source.text[end:]


def accuracy_as_loss(source: SourceFile, tree: ast.Module) -> Breaks:
    """The metric as the loss."""
    for call in calls(tree, "compile"):
        for keyword in call.keywords:
            if keyword.arg == "loss" and isinstance(keyword.value, ast.Constant | ast.Attribute | ast.Call):
                yield call.lineno, put(source, (keyword.value, '"accuracy"'))


_ENCODINGS = {
    "categorical_crossentropy": "sparse_categorical_crossentropy",
    "sparse_categorical_crossentropy": "categorical_crossentropy",
}


def other_encoding(source: SourceFile, tree: ast.Module) -> Breaks:
    """Integer labels for one-hot ones, and the other way round."""
    for call in calls(tree, "compile"):
        for keyword in call.keywords:
            if keyword.arg == "loss" and isinstance(keyword.value, ast.Constant) and keyword.value.value in _ENCODINGS:
                quote = segment(source, keyword.value)[0]
                new = f"{quote}{_ENCODINGS[keyword.value.value]}{quote}"
                yield call.lineno, put(source, (keyword.value, new))


def singleton_softmax(source: SourceFile, tree: ast.Module) -> Breaks:
    """Softmax on a single unit."""
    for call in calls(tree, "Dense"):
        if call.args and isinstance(call.args[0], ast.Constant) and call.args[0].value == 1:
            for keyword in call.keywords:
                value = keyword.value
                if keyword.arg == "activation" and isinstance(value, ast.Constant) and value.value == "sigmoid":
                    quote = segment(source, value)[0]
                    yield call.lineno, put(source, (value, f"{quote}softmax{quote}"))


def logits_forgotten(source: SourceFile, tree: ast.Module) -> Breaks:
    """`from_logits=True` gone, or on probabilities."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg == "from_logits" and isinstance(keyword.value, ast.Constant):
                    yield node.lineno, put(source, (keyword.value, str(not keyword.value.value)))


def frozen(source: SourceFile, tree: ast.Module) -> Breaks:
    """Everything frozen just before `compile`."""
    lines = _lines(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and dotted(node.value.func) == "compile":
            owner = node.value.func
            if isinstance(owner, ast.Attribute) and isinstance(owner.value, ast.Name) and lines:
                line = node.lineno - 1
                if lines[line][: node.col_offset].strip() or owner.value.id in ("re", "self", "super"):
                    continue
                new = f"{' ' * node.col_offset}{owner.value.id}.trainable = False\n"
                yield node.lineno, "".join([*lines[:line], new, *lines[line:]])


def targets_in_list(source: SourceFile, tree: ast.Module) -> Breaks:
    """`fit([x, y])` for `fit(x, y)`."""
    for call in calls(tree, "fit"):
        if len(call.args) >= 2 and all(isinstance(each, ast.Name) for each in call.args[:2]):
            first, second = call.args[:2]
            text = segment(source, call)
            start = source.offset(source.span(call).start)
            one, two = source.offset(source.span(first).start) - start, source.offset(source.span(second).end) - start
            yield (
                call.lineno,
                put(source, (call, text[:one] + f"[{segment(source, first)}, {segment(source, second)}]" + text[two:])),
            )


def targets_forgotten(source: SourceFile, tree: ast.Module) -> Breaks:
    """`fit(x)` for `fit(x, y)`."""
    for call in calls(tree, "fit"):
        if len(call.args) >= 2 and all(isinstance(each, ast.Name) for each in call.args[:2]):
            first, second = call.args[:2]
            start = source.offset(source.span(call).start)
            text = segment(source, call)
            one, two = source.offset(source.span(first).end) - start, source.offset(source.span(second).end) - start
            if len(call.args) == 2:
                yield call.lineno, put(source, (call, text[:one] + text[two:]))


def return_forgotten(source: SourceFile, tree: ast.Module) -> Breaks:
    """A loss of one's own that returns nothing."""
    lines = _lines(source)
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and "loss" in function.name and lines:
            last = function.body[-1]
            parameters = {each.arg for each in function.args.args}
            value = last.value if isinstance(last, ast.Return) else None
            if not isinstance(value, ast.Name) or not parameters & {"y_pred", "y_true"}:
                continue
            if len(function.body) > 1 and last.end_lineno == last.lineno:
                yield last.lineno, "".join([*lines[: last.lineno - 1], *lines[last.lineno :]])


def variable_replaced(source: SourceFile, tree: ast.Module) -> Breaks:
    """`w = w - step` for `w.assign_sub(step)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and dotted(node.value.func) == "assign_sub":
            call = node.value
            if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) and len(call.args) == 1:
                name = call.func.value.id
                yield call.lineno, put(source, (call, f"{name} = {name} - {segment(source, call.args[0])}"))


def flatten_forgotten(source: SourceFile, tree: ast.Module) -> Breaks:
    """No layer between the pictures and the head."""
    for call in calls(tree, "Flatten", "GlobalAveragePooling2D"):
        parent = next((each for each in ast.walk(tree) if isinstance(each, ast.List) and call in each.elts), None)
        lines = _lines(source)
        if parent is not None and lines and call.end_lineno == call.lineno:
            row = lines[call.lineno - 1]
            if row.strip().rstrip(",") == segment(source, call) and parent.elts[-1] is not call:
                yield call.lineno, "".join([*lines[: call.lineno - 1], *lines[call.lineno :]])


BREAKAGES = (
    Breakage("forward above the tape", frozenset({"RG401"}), forward_above),
    Breakage("loss below the tape", frozenset({"RG402"}), loss_below),
    Breakage("loss.numpy()", frozenset({"RG502"}), called_numpy),
    Breakage("np.mean of the loss", frozenset({"RG502"}), mean_by_numpy),
    Breakage("stop_gradient", frozenset({"RG503"}), stopped),
    Breakage("model.predict in the tape", frozenset({"RG405"}), predicted),
    Breakage("argmax before the loss", frozenset({"RG501"}), decided),
    Breakage("not watched", frozenset({"RG403"}), unwatched),
    Breakage("persistent=True gone", frozenset({"RG404"}), used_once),
    Breakage("zip gone", frozenset({"RG410"}), not_zipped),
    Breakage("pairs swapped", frozenset({"RG410"}), pairs_swapped),
    Breakage("loss arguments swapped", frozenset({"RG108"}), arguments_swapped),
    Breakage("loss forgotten", frozenset({"RG101"}), loss_forgotten),
    Breakage("accuracy as loss", frozenset({"RG106"}), accuracy_as_loss),
    Breakage("other label encoding", frozenset({"RG103"}), other_encoding),
    Breakage("softmax on one unit", frozenset({"RG105"}), singleton_softmax),
    Breakage("from_logits inverted", frozenset({"RG104", "RG102"}), logits_forgotten),
    Breakage("all frozen", frozenset({"RG201"}), frozen),
    Breakage("targets in a list", frozenset({"RG602"}), targets_in_list),
    Breakage("targets forgotten", frozenset({"RG601"}), targets_forgotten),
    Breakage("return forgotten", frozenset({"RG107"}), return_forgotten),
    Breakage("variable replaced", frozenset({"RG406"}), variable_replaced),
    Breakage("Flatten forgotten", frozenset({"RG302"}), flatten_forgotten),
)
