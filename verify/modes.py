"""Eager or as written: when a program must also be run in its own mode, and how the two passes become one report."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import replace

from regrad.verify.evidence import Gradient, Outcome, Symptom, VariableReport
from regrad.verify.records import Pass

# What can behave differently when functions run eagerly; measured, see the documentation of the verifier.
GRAPH_SENSITIVE = re.compile(
    r"tf\.function|@function|jit_compile|numpy_function|py_function|py_func\b|\.gradients\(|run_eagerly|\.numpy\(\)"
    r"|K\.eval|get_value|make_train_function|tf\.Variable\(|\.item\(\)|tf\.init_scope|executing_eagerly"
)
GRAPH_ONLY = re.compile(
    r"disable_v2_behavior|disable_eager_execution|tf\.Session|v1\.Session|import tensorflow\.compat\.v1 as tf"
)
COMPILED = re.compile(r"\.fit\(|train_on_batch|fit_generator|tf\.function|@function")
IN_GRAPHS = {"call", "__call__", "train_step", "compute_loss"}
BOOKKEEPING = {
    "shape",
    "ndim",
    "size",
    "pi",
    "newaxis",
    "inf",
    "float32",
    "float64",
    "int32",
    "int64",
    "prod",
    "sqrt",
    "log",
}


def needs_own_mode(texts: tuple[str, ...], seen: Pass) -> bool:
    """Whether the eager pass alone could lie about this program."""
    outcome = seen.report.outcome
    if outcome in (Outcome.UNAVAILABLE, Outcome.TIMEOUT) or (outcome is Outcome.CRASHED and not seen.report.variables):
        return False
    whole = "\n".join(texts)
    if GRAPH_ONLY.search(whole) or not COMPILED.search(whole):
        # Graphs stay graphs when functions run eagerly, and a program that compiles nothing is eager already.
        return False
    if outcome is Outcome.RAISED or "numpy" in seen.sensitive:
        return True
    if any(toggled_late(text) for text in texts):
        return True
    return bool(GRAPH_SENSITIVE.search(whole)) or any(numpy_in_graph_code(text) for text in texts)


def toggled_late(text: str) -> bool:
    """A flag that is set after `compile`, or somewhere in a function, may differ from the one that was traced."""
    compiled = re.search(r"\.compile\(|\.fit\(", text)
    toggles = list(re.finditer(r"^([ \t]*).*\.trainable\s*=[^=]", text, re.MULTILINE))
    return compiled is not None and any(
        toggle.start() > compiled.start() or (toggle.group(1) and "def " in text[: toggle.start()])
        for toggle in toggles
    )


def numpy_in_graph_code(text: str) -> bool:
    """NumPy called in a function that also handles tensors: eager tensors pass through it, symbolic ones do not."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return False
    for function in ast.walk(tree):
        if not isinstance(function, (ast.FunctionDef, ast.Lambda)):
            continue
        parameters = {argument.arg for argument in function.args.args}
        named = getattr(function, "name", "") in IN_GRAPHS
        if not named and not parameters & {
            "y_true",
            "y_pred",
            "true",
            "pred",
            "prediction",
            "predictions",
            "labels",
            "logits",
        }:
            continue
        for node in ast.walk(function):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in ("np", "numpy")
                and node.func.attr not in BOOKKEEPING
            ):
                return True
    return False


def merge(eager: Pass, native: Pass) -> Pass:
    """The program's own mode decides how it ends and what is connected; the eager pass adds values and causes."""
    own, probe = native.report, eager.report
    if own.outcome in (Outcome.TIMEOUT, Outcome.CRASHED, Outcome.UNAVAILABLE) and probe.outcome is Outcome.STEPPED:
        return eager
    values = {variable.name: variable for variable in probe.variables}
    variables = tuple(
        merge_variable(variable, values.get(variable.name), variable.name in native.unseen)
        for variable in own.variables
    )
    if not variables and own.outcome is Outcome.RAISED:
        variables = probe.variables
    both_stepped = own.outcome is probe.outcome is Outcome.STEPPED
    symptoms = tuple(dict.fromkeys([*own.symptoms, *(probe.symptoms if both_stepped else ())]))
    if both_stepped and Symptom.LEFT_OUT not in symptoms and any(traced_without(one, values) for one in variables):
        symptoms = (*symptoms, Symptom.LEFT_OUT)
    warnings = tuple(dict.fromkeys([*own.warnings, *probe.warnings]))
    return replace(
        native,
        report=replace(
            own,
            variables=variables,
            symptoms=symptoms,
            warnings=warnings,
            # Compiled, a training draws its batches in another order: losses of programs are compared, so they are all
            # of the eager pass where both ended alike.
            loss=probe.loss
            if probe.loss is not None and own.outcome is probe.outcome
            else own.loss
            if own.loss is not None
            else probe.loss,
            cuts=probe.cuts or own.cuts,
            places=tuple(dict.fromkeys([*own.places, *probe.places])),
            random=own.random or probe.random,
            terms=probe.terms or own.terms,
            seconds=own.seconds + probe.seconds,
        ),
        hypothesis=eager.hypothesis,
    )


def traced_without(own: VariableReport, values: Mapping[str, VariableReport]) -> bool:
    """Trainable by its flag, and no part of the step that was traced before the flag was set."""
    probe = values.get(own.name)
    still = own.gradient is Gradient.NOT_ASKED and own.trainable and not own.changed
    return still and probe is not None and probe.gradient is Gradient.FLOWS and probe.changed


def merge_variable(own: VariableReport, probe: VariableReport | None, unseen: bool) -> VariableReport:
    """A traced gradient is known to be connected or not; how large it is, the eager pass says."""
    if probe is None:
        return own
    merged = replace(own, changed=probe.changed) if unseen else own
    merged = replace(merged, surplus=probe.surplus and own.gradient is Gradient.NONE)
    if own.norm is not None or own.gradient is not Gradient.FLOWS:
        return merged
    if probe.gradient is Gradient.NON_FINITE or (unseen and probe.gradient is Gradient.ZERO):
        return replace(merged, gradient=probe.gradient)
    return replace(merged, norm=probe.norm)
