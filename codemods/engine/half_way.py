"""What would still leave TensorFlow after a rewrite: a loss converted by half has gradients, and the wrong ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from regrad.analysis import flow
from regrad.analysis.operations import Transfer
from regrad.analysis.program import Program
from regrad.analysis.reader import Reader
from regrad.analysis.sinks import Sink
from regrad.analysis.source import SourceFile, Unreadable, decode
from regrad.codemods.engine.broken_paths import excerpt
from regrad.codemods.engine.edits import apply_all
from regrad.codemods.engine.operations_of import reached
from regrad.codemods.engine.rule import Edit


def still_leaving(program: Program, edits: Sequence[Edit]) -> str | None:
    """The text of an operation that takes a share of the gradients away, where no variable would lack one any more.

    Where some still do, the next round converts what is left.
    """
    texts = apply_all(program.files, edits)
    try:
        changed = {path: decode(path, program.files[path].with_text(text)) for path, text in texts.items()}
        later = Reader(lambda path: changed.get(path) or _known(program, path)).read(program.entry)
    except Unreadable:
        return None
    before = {text for sink in program.sinks for text in _leaving(program, sink)}
    whole = (sink for sink in later.sinks if not sink.path.lost)
    return next((text for sink in whole for text in _leaving(later, sink) if text not in before), None)


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
