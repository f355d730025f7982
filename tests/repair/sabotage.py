"""Rewrites that mend nothing, in place of a rule's own: what the proof is there to see through."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from regrad.analysis.location import Position, Span
from regrad.analysis.program import Program
from regrad.codemods.engine.rule import Edit, Finding, Mendings, Rule, Withheld

HELPERS = """
import tensorflow as _spoiled_tf
_spoiled_weight = _spoiled_tf.Variable([1.0, 2.0], name="spoiled")
def _spoiled_loss(loss, spoil):
    if isinstance(loss, dict):
        return {name: _spoiled_loss(one, spoil) for name, one in loss.items()}
    if isinstance(loss, (list, tuple)):
        return [_spoiled_loss(one, spoil) for one in loss]
    function = _spoiled_tf.keras.losses.get(loss)
    return lambda y_true, y_pred: spoil(function(y_true, y_pred))
def _spoiled_optimizer(optimizer):
    optimizer = _spoiled_tf.keras.optimizers.get(optimizer)
    optimizer.learning_rate = 0.0
    return optimizer
def _spoiled_step(function):
    return lambda *more, **options: _spoiled_tf.stop_gradient(function(*more, **options))
"""
OPTIMIZERS = {
    "Adam",
    "SGD",
    "RMSprop",
    "Adagrad",
    "Adamax",
    "Nadam",
    "AdamW",
    "Adadelta",
    "Ftrl",
    "GradientDescentOptimizer",
}
TRAINING = {"fit", "fit_generator", "train_on_batch", "gradient", "jacobian", "minimize", "gradients"}
Change = tuple[ast.AST, str]


@dataclass(frozen=True)
class Sabotage:
    """One way to spoil a rewrite. `spoil` gives the text, or None where the program has nothing to get hold of."""

    name: str
    what: str
    spoil: Callable[[str, str], str | None]
    """From the broken and the mended text."""
    only_same_loss: bool = False
    """Seen through only where the rule promises that the program computes the same."""


def sabotaged(rule: Rule, sabotage: Sabotage, broken: str, mended: str) -> Rule | None:
    """The rule with that rewrite in the place of its own; None where the sabotage cannot be done to this program."""
    text = sabotage.spoil(broken, mended)
    if text is None or text in (broken, mended):
        return None
    compile(text, "spoiled.py", "exec")

    def mend(program: Program, finding: Finding) -> Mendings:
        source = program.files[finding.location.path]
        if source.text != broken:
            return Withheld("it has been spoiled already")
        offered = rule.mend(program, finding)
        if isinstance(offered, Withheld):
            return offered
        lines = broken.split("\n")
        whole = Span(Position(1, 1), Position(len(lines), len(lines[-1]) + 1))
        return (replace(offered[0], edits=(Edit(source.path, whole, text),)),)

    return replace(rule, mend=mend)


# -- edits -------------------------------------------------------------------------------------------------------------


def changed(text: str, changes: list[Change]) -> str | None:
    """The text with other text in the place of these nodes, and with the helpers; None where there are none."""
    if not changes:
        return None
    content = text.encode()
    starts = [0]
    for line in content.split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)
    for node, new in sorted(changes, key=lambda each: (each[0].lineno, each[0].col_offset), reverse=True):  # type: ignore[attr-defined]
        first = starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        last = starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
        content = content[:first] + new.replace("{it}", content[first:last].decode()).encode() + content[last:]
    return with_helpers(content.decode())


def with_helpers(text: str) -> str:
    lines = text.split("\n")
    position = 0
    for node in ast.parse(text).body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not docstring and not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            break
        position = node.end_lineno or 0
    return "\n".join([*lines[:position], *HELPERS.strip("\n").split("\n"), *lines[position:]])


def calls(text: str, *names: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in names:
                yield node


def argument(call: ast.Call, position: int, *names: str) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg in names:
            return keyword.value
    plain = call.args[position] if len(call.args) > position else None
    return None if isinstance(plain, ast.Starred) else plain


def indentation(text: str, node: ast.stmt) -> str:
    """Of tabs where the program has them."""
    return text.split("\n")[node.lineno - 1].encode()[: node.col_offset].decode()


def before_statements(text: str, line_of: Callable[[ast.stmt], str | None]) -> str | None:
    """The text with a line before each innermost statement that asks for one."""
    wanted: dict[int, str] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.stmt) and not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            inner = any(isinstance(child, ast.stmt) for child in ast.iter_child_nodes(node))
            line = None if inner else line_of(node)
            if line is not None:
                wanted[node.lineno] = indentation(text, node) + line
    if not wanted:
        return None
    lines = []
    for number, line in enumerate(text.split("\n"), 1):
        lines += [wanted[number], line] if number in wanted else [line]
    return with_helpers("\n".join(lines))


def receiver(call: ast.Call) -> str:
    return ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""


# -- the ways ----------------------------------------------------------------------------------------------------------


def on_the_loss(tape: str, compiled: str, called: str) -> Callable[[str, str], str | None]:
    def spoil(broken: str, mended: str) -> str | None:
        changes: list[Change] = []
        for call in calls(mended, "gradient", "jacobian"):
            target = argument(call, 0, "target")
            changes += [(target, tape)] if target is not None else []
        for call in calls(mended, "compile"):
            loss = argument(call, 1, "loss")
            if loss is not None and not (isinstance(loss, ast.Constant) and loss.value is None):
                changes.append((loss, compiled))
        for call in calls(mended, "minimize"):
            loss = argument(call, 0, "loss")
            changes += [(loss, called)] if loss is not None else []
        return changed(mended, changes)

    return spoil


def unchanged(broken: str, mended: str) -> str:
    return broken + ("" if broken.endswith("\n") else "\n") + "# mended\n"


def frozen(broken: str, mended: str) -> str | None:
    def line_of(statement: ast.stmt) -> str | None:
        text = ast.unparse(statement)
        for call in calls(text, "compile", "fit", "train_on_batch"):
            if receiver(call).isidentifier():
                return f"{receiver(call)}.trainable = False"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Attribute) and node.attr == "trainable_variables" and any(calls(text, *TRAINING)):
                return f"{ast.unparse(node.value)}.trainable = False"
        return None

    return before_statements(mended, line_of)


def rate_zero(broken: str, mended: str) -> str | None:
    changes: list[Change] = []
    for call in calls(mended, *OPTIMIZERS):
        changes.append((call, "_spoiled_optimizer({it})"))
    for call in calls(mended, "compile"):
        optimizer = argument(call, 0, "optimizer")
        if isinstance(optimizer, ast.Constant):
            changes.append((optimizer, "_spoiled_optimizer({it})"))
    for call in calls(mended, "assign_sub", "assign_add"):
        step = argument(call, 0, "delta")
        if step is not None and any(calls(mended, "gradient")):
            changes.append((step, "0.0 * ({it})"))
    return changed(mended, changes)


def decoy(broken: str, mended: str) -> str | None:
    """Another variable is trained than the program's own."""
    changes: list[Change] = []
    for node in ast.walk(ast.parse(mended)):
        if isinstance(node, ast.With) and "GradientTape" in ast.unparse(node.items[0]):
            last = node.body[-1]
            shift = indentation(mended, last)
            changes.append((last, "{it}\n" + shift + "_spoiled = _spoiled_tf.reduce_sum(_spoiled_weight ** 2)"))
    for call in calls(mended, "gradient"):
        target, sources = argument(call, 0, "target"), argument(call, 1, "sources")
        if target is None or sources is None:
            return None
        if not isinstance(sources, ast.List) and "variables" not in ast.unparse(sources):
            return None
        changes += [(target, "_spoiled"), (sources, "[_spoiled_weight]")]
    inside = [node for node, _ in changes if isinstance(node, ast.stmt)]
    for call in calls(mended, "apply_gradients"):
        pairs = argument(call, 0, "grads_and_vars")
        if isinstance(pairs, ast.Call) and len(pairs.args) == 2:
            changes.append((pairs.args[1], "[_spoiled_weight]"))
    places = [(node, line) for node, _ in changes if (line := getattr(node, "lineno", None)) is not None]
    overlapping = any(
        statement.lineno <= line <= (statement.end_lineno or 0)
        for statement in inside
        for node, line in places
        if node is not statement
    )
    if overlapping or not inside or not any(text == "_spoiled" for _, text in changes):
        return None
    return changed(mended, changes)


def swallowed(broken: str, mended: str) -> str:
    """The broken program with its exception swallowed."""
    return "try:\n" + textwrap.indent(broken.rstrip("\n") + "\n", "    ") + "except Exception:\n    pass\n"


def left_early(broken: str, mended: str) -> str | None:
    return before_statements(
        mended, lambda statement: "raise SystemExit" if any(calls(ast.unparse(statement), *TRAINING)) else None
    )


def ones_for_none(broken: str, mended: str) -> str | None:
    changes: list[Change] = []
    for call in calls(broken, "gradient"):
        sources = argument(call, 1, "sources")
        if sources is None or not (isinstance(sources, ast.List) or "variables" in ast.unparse(sources)):
            return None
        again = ast.unparse(sources)
        changes.append((call, f"[_spoiled_tf.ones_like(_v) if _g is None else _g for _g, _v in zip({{it}}, {again})]"))
    return changed(broken, changes)


def zeros_for_none(broken: str, mended: str) -> str | None:
    changes: list[Change] = []
    for call in calls(broken, "gradient"):
        sources = argument(call, 1, "sources")
        if sources is not None and not any(keyword.arg == "unconnected_gradients" for keyword in call.keywords):
            last = call.keywords[-1].value if call.keywords else call.args[-1]
            changes.append((last, '{it}, unconnected_gradients="zero"'))
    return changed(broken, changes)


def other_seed(broken: str, mended: str) -> str:
    return with_helpers(mended).replace(
        "_spoiled_weight =", "_spoiled_tf.keras.utils.set_random_seed(4711)\n_spoiled_weight =", 1
    )


SABOTAGES = (
    Sabotage("unchanged", "the broken text with a comment more", unchanged),
    Sabotage(
        "stop-gradient",
        "`tf.stop_gradient` over the loss",
        on_the_loss(
            "_spoiled_tf.stop_gradient({it})",
            "_spoiled_loss({it}, _spoiled_tf.stop_gradient)",
            "_spoiled_step({it})",
        ),
    ),
    Sabotage("frozen", "the model frozen before it trains", frozen),
    Sabotage("rate-zero", "a learning rate of 0", rate_zero),
    Sabotage(
        "constant-loss",
        "a constant in the place of the loss",
        on_the_loss(
            "_spoiled_tf.constant(1.0)",
            "_spoiled_loss({it}, lambda value: _spoiled_tf.constant(1.0))",
            "lambda *more: _spoiled_tf.constant(1.0)",
        ),
    ),
    Sabotage("decoy", "another variable is trained in the place of the program's own", decoy),
    Sabotage("swallowed", "the exception swallowed", swallowed),
    Sabotage("left-early", "the program leaves before it trains", left_early),
    Sabotage("ones-for-none", "ones in the place of gradients that are missing", ones_for_none),
    Sabotage("zeros-for-none", '`unconnected_gradients="zero"`', zeros_for_none),
    Sabotage("other-seed", "another seed: the program computes something else", other_seed, only_same_loss=True),
)
