"""Follows every eager operation: what went in, what came out, where in the program, and which tapes were recording."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from .recorder import Recorder

MOST_OPERATIONS = 40_000
MOST_BYTES = 1 << 30


class Operation:
    __slots__ = ("inputs", "kind", "outputs", "place")

    def __init__(self, kind: str, inputs: Any, outputs: Any, place: Any) -> None:
        self.kind = kind
        self.inputs = inputs
        self.outputs = outputs
        self.place = place


class Trail:
    """The operations so far, when each tape recorded, and the places where tensors left TensorFlow."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.operations: list[Operation] = []
        self.intervals: dict[int, list[list[int]]] = {}
        self.entered_at: dict[int, Any] = {}
        self.watched: dict[int, set[int]] = {}
        self.exits: list[tuple[int, Any, Any, str]] = []
        self.other_ends: list[Any] = []
        """Where a path ends beside the cut that is named for it."""
        self.kept: list[Any] = []
        self.bytes = 0
        self.lost = False
        self.callback: Any = None

    def start(self) -> None:
        from tensorflow.python.framework import op_callbacks

        self.callback = self.note
        op_callbacks.add_op_callback(self.callback)

    def stop(self) -> None:
        if self.callback is not None:
            from tensorflow.python.framework import op_callbacks

            with contextlib.suppress(KeyError, ValueError):
                op_callbacks.remove_op_callback(self.callback)
            self.callback = None

    def forget(self) -> None:
        """Too much has happened to keep: no cause will be named."""
        self.stop()
        self.lost = True
        self.operations = []
        self.exits = []

    def note(
        self, kind: Any, inputs: Any, attributes: Any, outputs: Any, op_name: Any = None, graph: Any = None
    ) -> None:
        if graph is not None or self.recorder.paused:
            return
        if len(self.operations) >= MOST_OPERATIONS or self.bytes > MOST_BYTES:
            self.forget()
            return
        for output in outputs:
            size = getattr(output, "_num_elements", None)
            if size is not None:
                # Resource handles have no size.
                with contextlib.suppress(Exception):
                    self.bytes += 4 * int(size())
        name = kind.decode() if isinstance(kind, bytes) else str(kind)
        self.operations.append(Operation(name, tuple(inputs), tuple(outputs), self.place()))
        return

    def place(self) -> Any:
        """The frames of the user's own, outermost first, each as (code, instruction, line)."""
        frame = sys._getframe(2)
        owns = self.recorder.program.owns
        frames = []
        while frame is not None:
            code = frame.f_code
            if owns(code.co_filename):
                frames.append((code, frame.f_lasti, frame.f_lineno))
            frame = frame.f_back  # type: ignore[assignment]
        return tuple(reversed(frames))

    def push(self, tape: Any) -> None:
        self.kept.append(tape)
        self.intervals.setdefault(id(tape), []).append([len(self.operations), -1])
        self.entered_at.setdefault(id(tape), self.place())
        self.recorder.sites.tapes.append(self.recorder.site())

    def pop(self, tape: Any) -> None:
        intervals = self.intervals.get(id(tape))
        if intervals and intervals[-1][1] < 0:
            intervals[-1][1] = len(self.operations)

    def left(self, tensor: Any, how: str) -> None:
        if self.callback is not None and not self.recorder.paused:
            place = self.place()
            if place:
                self.exits.append((len(self.operations), tensor, place, how))


def span_of(frame: tuple[Any, ...]) -> tuple[str, int, int, int, int]:
    """(file, line, column, end line, end column); -1 for a column that this Python does not know."""
    if len(frame) == 2:
        return frame[0], frame[1], -1, frame[1], -1
    code, instruction, line = frame
    if hasattr(code, "co_positions"):
        for index, (start, end, column, end_column) in enumerate(code.co_positions()):
            if index == instruction // 2 and start is not None and column is not None:
                return code.co_filename, start, column, end or start, end_column or column
    return code.co_filename, line, -1, line, -1


def watch_trail(recorder: Recorder) -> Trail | None:
    """Private interfaces throughout: where one is missing there is no trail, and no cause is named."""
    trail = Trail(recorder)
    try:
        trail.start()
        watch_tape_state(recorder, trail)
        watch_exits(recorder, trail)
    except Exception:
        trail.forget()
        return None
    return trail


def watch_tape_state(recorder: Recorder, trail: Trail) -> None:
    kind = recorder.tf.GradientTape
    plain_push, plain_pop, plain_watch = kind._push_tape, kind._pop_tape, kind.watch

    def _push_tape(self: Any) -> None:
        # The C++ tape is kept for a second, diagnostic backward pass; the flag that the user set decides all else.
        persistent = self._persistent
        self._persistent = True
        try:
            plain_push(self)
        finally:
            self._persistent = persistent
        trail.push(self)

    def _pop_tape(self: Any) -> None:
        plain_pop(self)
        trail.pop(self)

    def watch(self: Any, tensor: Any) -> None:
        plain_watch(self, tensor)
        for leaf in recorder.tf.nest.flatten(tensor):
            trail.watched.setdefault(id(self), set()).add(id(leaf))
            trail.kept.append(leaf)

    kind._push_tape, kind._pop_tape, kind.watch = _push_tape, _pop_tape, watch


def watch_exits(recorder: Recorder, trail: Trail) -> None:
    from tensorflow.python.framework import ops

    eager = getattr(ops, "_EagerTensorBase", None)
    if eager is None:
        return
    for name in ("numpy", "__array__", "__float__", "__int__", "__index__", "__bool__"):
        plain = vars(eager).get(name)
        if plain is None:
            continue

        def leaving(self: Any, *args: Any, _plain: Any = plain, _name: str = name, **options: Any) -> Any:
            if not recorder.paused:
                trail.left(self, _name)
                if recorder.inside and recorder.program.owns(sys._getframe(1).f_code.co_filename):
                    recorder.notes.add("numpy")
            return _plain(self, *args, **options)

        leaving.autograph_info__ = {}  # type: ignore[attr-defined]
        setattr(eager, name, leaving)
