"""From the symptom: a pasted traceback or warning, read for its places, and what its message means about gradients."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """A line of the traceback: in a file, or in a notebook cell where `path` is empty."""

    path: str
    line: int
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Pasted:
    """What a traceback says. `error` is its last line, `Type: message`."""

    frames: tuple[Frame, ...]
    error: str | None

    @property
    def own_frames(self) -> tuple[Frame, ...]:
        """The frames of the user's program, the innermost last."""
        return tuple(frame for frame in self.frames if not _LIBRARY.search(frame.path))


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a message means, in plain words, and the rules whose pages say more."""

    words: str
    codes: tuple[str, ...]


_FRAME = re.compile(
    r'^\s*File "(?P<path>[^"\n]+)", line (?P<line>\d+)'
    r"|^(?:Cell In|Input In) ?\[(?P<cell>\d+)\],? (?:in [^\n]*?)?line:? ?(?P<cell_line>\d+)"
    r"|^File (?P<ipython>[^\n:]+):(?P<ipython_line>\d+)(?:, in|$)",
    re.MULTILINE,
)
_ERROR = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception|Warning|Interrupt)\b(?::.*)?$", re.MULTILINE)
_LIBRARY = re.compile(r"site-packages|dist-packages|[/\\]lib[/\\]python\d|^<|/tmp/__autograph_generated_file")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def read_pasted(text: str) -> Pasted:
    """The places and the error in a traceback of Python or IPython, or in a bare message."""
    text = _COLOUR.sub("", text)
    frames = []
    for found in _FRAME.finditer(text):
        if found["cell"]:
            frames.append(Frame("", int(found["cell_line"]), int(found["cell"])))
        else:
            path, line = found["path"] or found["ipython"], found["line"] or found["ipython_line"]
            frames.append(Frame(path.strip(), int(line)))
    errors = _ERROR.findall(text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return Pasted(tuple(frames), errors[-1].strip() if errors else (lines[-1] if lines else None))


def meaning(text: str) -> Meaning | None:
    """What the message in the text means; None for one that lost gradients do not cause."""
    for pattern, found in _MEANINGS:
        if pattern.search(text):
            return found
    return None


def _entry(pattern: str, words: str, *codes: str) -> tuple[re.Pattern[str], Meaning]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL), Meaning(words, codes)


_MEANINGS = (
    _entry(
        r"No gradients provided for any variable",
        "Not one variable received a gradient: between the loss and every variable the path ends somewhere.",
        "RG401",
        "RG402",
        "RG501",
        "RG502",
        "RG407",
    ),
    _entry(
        r"Gradients do not exist for variables",
        "The listed variables received no gradient and stay as they are; the others train.",
        "RG109",
        "RG205",
        "RG402",
    ),
    _entry(
        r"not enough values to unpack \(expected 2, got 0\)",
        "The optimizer was given no variable: all are frozen, or the list was read before the model was built.",
        "RG201",
        "RG206",
    ),
    _entry(r"does not have any trainable weights", "Everything is frozen: the step trains nothing.", "RG201", "RG203"),
    _entry(r"No loss to compute", "The model was compiled without a loss.", "RG101"),
    _entry(r"Could not interpret loss identifier", "What was given as loss is no loss, often a metric.", "RG106"),
    _entry(
        r"None values not supported|Attempt to convert a value \(None\)",
        "A value is None: often targets that were never given to `fit`, or a gradient that does not exist.",
        "RG601",
        "RG410",
    ),
    _entry(r"A non-persistent GradientTape can only be used", "A tape answers once.", "RG404"),
    _entry(r"gradient registry has no entry", "An operation on the path has no registered gradient.", "RG504"),
    _entry(r"has no attribute 'minimize'", "Optimizers of Keras 3 have no `minimize`.", "RG408"),
    _entry(r"Unknown variable", "The optimizer meets variables that it was not built with.", "RG203", "RG410"),
    _entry(
        r"KerasTensor cannot be used",
        "A symbolic tensor of the functional model reached a computation that wants values.",
        "RG110",
    ),
    _entry(
        r"This axis has size 1|num_classes > 1",
        "One unit under a softmax or a categorical loss: it always answers the same.",
        "RG105",
        "RG102",
    ),
    _entry(
        r"dtype of the (?:watched|source|target) tensor must be floating",
        "Integers carry no gradient.",
        "RG505",
        "RG204",
    ),
    _entry(
        r"object has no attribute 'numpy'|NotImplementedError: Cannot convert a symbolic",
        "The path leaves TensorFlow for NumPy.",
        "RG502",
    ),
)
