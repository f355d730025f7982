"""What a rewrite makes of a loss: one that is converted by half, or whose target is converted with it, has gradients,
and the wrong ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from regrad.analysis import flow
from regrad.analysis.operations import Transfer
from regrad.analysis.program import Program
from regrad.analysis.reader import Reader
from regrad.analysis.sinks import Sink
from regrad.analysis.source import SourceFile, Unreadable, decode
from regrad.analysis.values import Tensor
from regrad.codemods.engine import detached_targets
from regrad.codemods.engine.broken_paths import excerpt
from regrad.codemods.engine.edits import apply_all
from regrad.codemods.engine.operations_of import reached
from regrad.codemods.engine.rule import Edit


def still_leaving(program: Program, edits: Sequence[Edit]) -> str | None:
    """The text of an operation that takes a share of the gradients away, where no variable would lack one any more.

    Where some still do, the next round converts what is left.
    """
    later = _read_again(program, edits)
    if later is None:
        return None
    before = {text for sink in program.sinks for text in _leaving(program, sink)}
    whole = (sink for sink in later.sinks if not sink.path.lost)
    return next((text for sink in whole for text in _leaving(later, sink) if text not in before), None)


def attached(program: Program, edits: Sequence[Edit], sink: Sink) -> str | None:
    """The text of what gives a target its value, where a gradient would come to it after the rewrite."""
    found = detached_targets.roles(program, sink)
    if not found.values:
        return None
    apart = {_text(program, value) for value in found.values if value.operation.kind in _CALLS}
    others = {
        _text(program, value)
        for value in reached(iter((sink.target,)))
        if value.operation.kind in _CALLS and id(value) not in found.detached
    }
    later = _read_again(program, edits)
    if later is None:
        return None
    wanted = {_model(text): text for text in apart - others}
    for each in later.sinks:
        for value in each.alive:
            if value.operation.kind in _CALLS and (text := _model(_text(later, value))) in wanted:
                return wanted[text]
    return None


_CALLS = ("model", "layer", "predict")


def _text(program: Program, value: Tensor) -> str:
    node, frame = value.operation.node, value.operation.frame
    return "" if node is None or frame is None or value.symbolic else excerpt(program, node, frame)


def _model(text: str) -> str:
    """The call of a model with what it is called with, however it is called."""
    return re.sub(r"\.predict(_on_batch)?\(|\.call\(", "(", text).partition(",")[0].rstrip(")")


def _read_again(program: Program, edits: Sequence[Edit]) -> Program | None:
    texts = apply_all(program.files, edits)
    try:
        changed = {path: decode(path, program.files[path].with_text(text)) for path, text in texts.items()}
        return Reader(lambda path: changed.get(path) or _known(program, path)).read(program.entry)
    except Unreadable:
        return None


def _known(program: Program, path: str) -> SourceFile | None:
    return program.files.get(path)


def _leaving(program: Program, sink: Sink) -> Iterator[str]:
    """The operations on the way to a target that take the gradients of trained weights out of TensorFlow."""
    recorded = flow.Flow(sink.tape)
    for tensor in reached(iter((sink.target,))):
        operation = tensor.operation
        if operation.transfer is not Transfer.LEAVES or operation.node is None or operation.frame is None:
            continue
        if any(recorded.reach(part).sources for part in operation.inputs):
            yield excerpt(program, operation.node, operation.frame)
