"""The lines that lead to what was seen: for every symptom, cut and exception, where the program can be changed."""

from __future__ import annotations

import ast
import os
import re
import traceback
from typing import Any

from .oracles import stuck_at_zero
from .recorder import Recorder
from .sites import last_line
from .trail import span_of

MOST = 6
HEAD_AND_LOSS = {
    "loss-is-zero",
    "targets-out-of-range",
    "predictions-out-of-range",
    "probabilities-as-logits",
    "constant-output",
    "output-fixed",
    "output-ignores-input",
    "loss-arguments-swapped",
    "loss-ignores-targets",
    "loss-does-not-fall",
}
ABOUT_THE_LOSS = re.compile(r"loss|None|target|label|logits|tuple|shape|dimension|KerasTensor|gradient", re.IGNORECASE)
IN_USER_CODE = re.compile(r'^\s*File "(?P<path>[^"]+)", line (?P<line>\d+)', re.MULTILINE)


class Places:
    """Lines of the program with what happens there, the most telling first, none twice."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.found: dict[tuple[str, int], str] = {}

    def add(self, what: str, site: Any) -> None:
        if site and site[1] and self.recorder.program.owns(site[0]):
            self.found.setdefault((os.path.abspath(site[0]), int(site[1])), what)

    def records(self) -> list[dict[str, Any]]:
        return [{"what": what, "path": path, "line": line} for (path, line), what in list(self.found.items())[:MOST]]


def places_of(
    recorder: Recorder, variables: list[dict[str, Any]], symptoms: list[str], error: BaseException | None
) -> list[dict[str, Any]]:
    places = Places(recorder)
    if error is not None:
        of_exception(places, error)
    of_cuts(places)
    for symptom in symptoms:
        of_symptom(places, symptom, variables)
    if not recorder.cuts and any(item["gradient"] in ("non-finite", "none") for item in variables):
        places.add("the loss is computed here", recorder.sites.loss_made)
    if error is not None and ABOUT_THE_LOSS.search(str(error)):
        for site in recorder.sites.compiled.values():
            places.add("the model is compiled here", site)
        for *_, x, _, _ in recorder.batches[-1:]:
            places.add("the data is made here", made_by(x))
            if isinstance(x, recorder.tf.data.Dataset):
                for site in [*reversed(recorder.sites.mapped[-2:]), *recorder.sites.datasets[-2:]]:
                    places.add("the data is made here", site)
    places.add("the slope is exactly zero here: nothing passes back", recorder.sites.flat)
    of_switches(places)
    if recorder.cuts:
        for line in recorder.request_lines.items():
            places.add("the gradients are asked for here", (line[0][0].co_filename if line[0][0] else "", line[1]))
    if error is not None and ABOUT_THE_LOSS.search(str(error)):
        of_computations(places, error)
    return places.records()


def made_by(x: Any) -> Any:
    """Where a generator gives its next batch, or where a sequence of the program's own makes one."""
    frame, code = getattr(x, "gi_frame", None), getattr(x, "gi_code", None)
    if code is not None:
        return code.co_filename, frame.f_lineno if frame is not None else code.co_firstlineno
    method = getattr(getattr(type(x), "__getitem__", None), "__code__", None)
    return (method.co_filename, last_line(method)) if method is not None else None


def of_exception(places: Places, error: BaseException) -> None:
    """AutoGraph reports the lines of a traced function in its text, and lines of its own making in the traceback."""
    program = places.recorder.program
    told = [(found["path"], int(found["line"])) for found in IN_USER_CODE.finditer(str(error))]
    frames = [(frame.f_code.co_filename, number) for frame, number in traceback.walk_tb(error.__traceback__)]
    for path, line in [*reversed(told), *reversed(frames)]:
        if program.owns(path):
            places.add("the exception comes from here", (path, line))


def of_computations(places: Places, error: BaseException) -> None:
    """Where what was differentiated comes from, and where the models that were trained compute what they return."""
    program = places.recorder.program
    for frame, number in traceback.walk_tb(error.__traceback__):
        if program.owns(frame.f_code.co_filename):
            tree = ast.parse("".join(program.lines(frame.f_code.co_filename)))
            for line in made_nothing(tree, frame, number):
                places.add("this gives None", (frame.f_code.co_filename, line))
    for model, *_ in places.recorder.batches[-1:]:
        code = getattr(getattr(type(model), "call", None), "__code__", None)
        if code is not None and program.owns(code.co_filename):
            places.add("the model computes its output here", (code.co_filename, last_line(code)))


def made_nothing(tree: ast.AST, frame: Any, number: int) -> list[int]:
    """The lines of a frame that gave None to a name which the failing statement uses."""
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and not hasattr(node, "body")]
    failing = [node for node in statements if node.lineno <= number <= (node.end_lineno or node.lineno)]
    used = {
        part.id
        for statement in failing
        for part in ast.walk(statement)
        if isinstance(part, ast.Name) and frame.f_locals.get(part.id, part) is None
    }
    return [
        node.lineno
        for node in statements
        if isinstance(node, ast.Assign)
        and frame.f_code.co_firstlineno <= node.lineno < number
        and isinstance(node.value, ast.Call)
        and any(isinstance(target, ast.Name) and target.id in used for target in node.targets)
    ]


def of_cuts(places: Places) -> None:
    recorder = places.recorder
    sites = recorder.sites
    for cut in recorder.cuts:
        kind = cut["kind"]
        if kind in ("before-tape", "after-tape", "tape-paused", "not-watched"):
            for site in sites.tapes[-1:]:
                places.add("the tape is opened here", site)
        if kind in ("integer", "not-trainable", "not-watched", "variable-replaced", "never-used", "assigned"):
            for track in cut["tracks"][:2]:
                born(places, id(track.raw))
        for place in (getattr(recorder.trail, "other_ends", None) or ())[:3]:
            places.add("another path ends here", span_of(place[-1])[:2] if place else None)
        if cut.get("aside"):
            places.add("what is computed here is used nowhere", cut["aside"][:2])
        if kind == "never-used":
            for line in next_uses(recorder, *cut["place"][:2]):
                places.add("its value is used here, and does not come back as a tensor", (cut["place"][0], line))
            for model, *_ in recorder.batches[-1:]:
                places.add("the model is compiled here", sites.compiled.get(id(model)))
        if kind in ("never-used", "assigned", "zero-slope", "non-finite", "left-tensorflow", "non-differentiable"):
            places.add("the loss is computed here", sites.loss_made)


def next_uses(recorder: Recorder, path: str, line: int) -> list[int]:
    """The next statement that uses the name which this line gives its value to."""
    tree = ast.parse("".join(recorder.program.lines(path)))
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and not hasattr(node, "body")]
    given = {
        part.id
        for node in statements
        if isinstance(node, ast.Assign) and node.lineno <= line <= (node.end_lineno or node.lineno)
        for target in node.targets
        for part in ast.walk(target)
        if isinstance(part, ast.Name)
    }
    later = [
        node.lineno
        for node in statements
        if node.lineno > line
        and any(
            isinstance(part, ast.Name) and part.id in given and isinstance(part.ctx, ast.Load)
            for part in ast.walk(node)
        )
    ]
    return sorted(later)[:1]


def born(places: Places, identity: int) -> None:
    """A weight of a library's layer is made wherever the layer is first called: the layer's line says more."""
    recorder = places.recorder
    birth = recorder.sites.births.get(identity) or made_in_graph(recorder, identity)
    holder = recorder.sites.layer_of(recorder, identity)
    if holder is not None and (birth is None or not made_by_hand(recorder, birth)):
        places.add("the layer is made here", holder)
    else:
        places.add("the variable is made here", birth)


def made_in_graph(recorder: Recorder, identity: int) -> tuple[str, int] | None:
    track = recorder.tracks.get(identity)
    for frame in reversed(getattr(getattr(getattr(track, "raw", None), "op", None), "traceback", None) or ()):
        if recorder.program.owns(frame.filename):
            return frame.filename, frame.lineno
    return None


def made_by_hand(recorder: Recorder, site: tuple[str, int]) -> bool:
    lines = recorder.program.lines(site[0])
    text = "".join(lines[max(0, site[1] - 1) : site[1] + 3])
    return "add_weight" in text or "Variable(" in text


def of_symptom(places: Places, symptom: str, variables: list[dict[str, Any]]) -> None:
    recorder = places.recorder
    sites = recorder.sites
    for site in sites.wiring.get(symptom, ()):
        places.add("this operation shows it", site)
    if symptom == "untrained-layer-frozen" or symptom == "nothing-changed":
        of_switches(places)
    if symptom == "loss-does-not-fall":
        for call, line in recorder.request_lines.items():
            places.add("the gradients are taken here", (call[0].co_filename if call[0] else "", line))
        for key in recorder.visits:
            if key[0] == "apply":
                places.add("the step is made here", key[1])
    if symptom in ("nothing-changed", "update-missing"):
        wanted = {item["name"] for item in variables if item["gradient"] in ("flows", "zero") and not item["changed"]}
        for identity, item in zip(recorder.reported, variables):  # noqa: B905 - Python 3.9 has no `strict`
            if item["name"] in wanted and identity in recorder.tracks:
                for call in recorder.tracks[identity].requests:
                    places.add("the gradients are taken here", (call[0].co_filename, recorder.request_lines[call]))
        for model in recorder.trained:
            places.add("the model is compiled here", sites.compiled.get(id(model)))
        for key in recorder.visits:
            if key[0] in ("apply", "train_on_batch", "fit"):
                places.add("the step is made here", key[1])
        for slope in recorder.slopes.values():
            places.add("the gradients are used last here", slope.last_use)
        for site in sorted(recorder.lines) if not recorder.tf.executing_eagerly() else ():
            places.add("the step is made here", site)
    if symptom == "stuck-at-zero":
        for identity, item in zip(recorder.reported, variables):  # noqa: B905
            if stuck_at_zero(recorder, identity, item):
                born(places, identity)
    if symptom == "left-out":
        step, switches = sites.too_late or (None, ())
        for site in switches:
            places.add("layers are switched on here, after the step was compiled", site)
        places.add("the step is made here as it was compiled", step)
        for identity, item in zip(recorder.reported, variables):  # noqa: B905
            if identity in recorder.reached and item["gradient"] == "not-asked":
                places.add("the list of variables is used here", recorder.reached[identity])
                born(places, identity)
    if symptom in HEAD_AND_LOSS:
        for site in list(sites.losses.values())[-2:]:
            places.add("the loss is called here", site)
        for model in [model for model, *_ in recorder.batches] or [pair[0] for pair in recorder.model_calls.values()]:
            places.add("the model is compiled here", sites.compiled.get(id(model)))
            head(places, model)
        places.add("the loss is computed here", sites.loss_made)


def head(places: Places, model: Any) -> None:
    last = next(
        (layer for layer in reversed(getattr(model, "layers", None) or []) if hasattr(layer, "activation")), None
    )
    for reference, site in places.recorder.sites.layers:
        if last is not None and reference() is last:
            places.add("the last layer is made here", site)


def of_switches(places: Places) -> None:
    sites = places.recorder.sites
    for reference, site in sites.switches.values() or sites.layers:
        # Without a switch it was the constructor that was told.
        layer = reference()
        if layer is not None and getattr(layer, "trainable", True) is False:
            places.add("layers are switched off here", site)
