"""The code cells in the JSON text of a notebook, and a changed cell put back with every other byte as it was."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from json.decoder import scanstring  # type: ignore[attr-defined]

from regrad.analysis.magics import lines_of

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


class NotANotebook(ValueError):
    """The JSON is not a notebook that can be read as a Python program; the message says why and what to do."""


def sources(document: str) -> tuple[str | None, list[tuple[int, str]]]:
    """The kernel's language, and of each code cell its index and its source. Whether all is as it should be is looked
    at closely only where it is not: places in the text are needed for a change alone, and cost several times more.
    """
    try:
        whole = json.loads(document)
        cells = whole["cells"]
        code = [(index, cell["source"]) for index, cell in enumerate(cells) if cell.get("cell_type") == "code"]
        if isinstance(cells, list) and all(isinstance(source, (str, list)) for _, source in code):
            return _language(whole.get("metadata")), [(index, "".join(source)) for index, source in code]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    language, found = code_cells(document)
    return language, [(index, source) for index, source, _, _ in found]


def ends_too_early(document: str) -> bool:
    """Whether the JSON text is cut off: all of it is good as far as it goes."""
    try:
        json.loads(document)
    except json.JSONDecodeError as problem:
        return problem.pos >= len(document.rstrip()) or problem.msg.startswith("Unterminated string")
    except RecursionError:
        return False
    return False


def _language(metadata: object) -> str | None:
    if isinstance(metadata, dict):
        for name, entry in (("language_info", "name"), ("kernelspec", "language")):
            described = metadata.get(name)
            if isinstance(described, dict) and isinstance(described.get(entry), str):
                return str(described[entry])
    return None


def code_cells(document: str) -> tuple[str | None, list[tuple[int, str, int, int]]]:
    """The kernel's language, and of each code cell its index, its source and the span of its JSON value."""
    language: str | None = None
    code: list[tuple[int, str, int, int]] | None = None
    start = _skip(document, 0)
    if document[start : start + 1] != "{":
        raise NotANotebook("not a notebook: the JSON is no object")
    for key, value in _members(document, start):
        if key == "cells":
            code = _cells(document, value)
        elif key == "metadata":
            language = language or _language(_DECODER.raw_decode(document, value)[0])
    if code is None:
        raise NotANotebook(
            "no `cells`: an old notebook format, or no notebook; `jupyter nbconvert --to notebook` renews it"
        )
    return language, code


def _cells(document: str, start: int) -> list[tuple[int, str, int, int]]:
    code = []
    if document[start : start + 1] != "[":
        raise NotANotebook("not a notebook: `cells` is no list")
    for index, place in enumerate(_elements(document, start)):
        if document[place : place + 1] != "{":
            raise NotANotebook(f"cell {index + 1} is no JSON object")
        kind: object = None
        source: tuple[str, int, int] | None = None
        for key, value in _members(document, place):
            if key == "cell_type":
                kind = _DECODER.raw_decode(document, value)[0]
            elif key == "source":
                content, end = _DECODER.raw_decode(document, value)
                if isinstance(content, list) and all(isinstance(line, str) for line in content):
                    content = "".join(content)
                if isinstance(content, str):
                    source = (content, value, end)
        if kind == "code" and source is not None:
            code.append((index, *source))
    return code


def _members(document: str, start: int) -> Iterator[tuple[str, int]]:
    """Each key of the object at `start` with the place of its value."""
    place = _skip(document, start + 1)
    if document[place : place + 1] == "}":
        return
    while True:
        if document[place : place + 1] != '"':
            raise NotANotebook(f"not valid JSON at character {place + 1}: a key is missing")
        key, place = scanstring(document, place + 1, True)
        place = _skip(document, place)
        if document[place : place + 1] != ":":
            raise NotANotebook(f"not valid JSON at character {place + 1}: a colon is missing")
        value = _skip(document, place + 1)
        yield key, value
        place = _skip(document, _DECODER.raw_decode(document, value)[1])
        if document[place : place + 1] == "}":
            return
        if document[place : place + 1] != ",":
            raise NotANotebook(f"not valid JSON at character {place + 1}: a comma is missing")
        place = _skip(document, place + 1)


def _elements(document: str, start: int) -> Iterator[int]:
    """The place of each element of the list at `start`."""
    place = _skip(document, start + 1)
    if document[place : place + 1] == "]":
        return
    while True:
        yield place
        place = _skip(document, _DECODER.raw_decode(document, place)[1])
        if document[place : place + 1] == "]":
            return
        if document[place : place + 1] != ",":
            raise NotANotebook(f"not valid JSON at character {place + 1}: a comma is missing")
        place = _skip(document, place + 1)


def _skip(document: str, place: int) -> int:
    found = _SPACE.match(document, place)
    return place if found is None else found.end()


def encoded(written: str, old: str, new: str) -> str:
    """The JSON value `written` of the source `old` for the source `new`, in the same manner."""
    if written.startswith('"'):
        known = dict(zip(_parts(old), _raw_parts(written), strict=False))
        return '"' + "".join(known.get(part) or _dumped(part, written)[1:-1] for part in _parts(new)) + '"'
    places = list(_elements(written, 0))
    ends = [_DECODER.raw_decode(written, place)[1] for place in places]
    elements = [written[place:end] for place, end in zip(places, ends, strict=True)]
    texts = [json.loads(element) for element in elements]
    known = dict(zip(texts, elements, strict=True))
    parts = new.splitlines(keepends=True) if texts == old.splitlines(keepends=True) else _parts(new)
    if len(texts) > 1 and not texts[-1] and parts and parts[-1].endswith(("\n", "\r")):
        # Some writers end with an empty text behind the last line break.
        parts = [*parts, ""]
    if not parts:
        return "[]"
    if not places:
        return "[" + ", ".join(_dumped(part, written) for part in parts) + "]"
    opening = written[: places[0]]
    separator = written[ends[0] : places[1]] if len(places) > 1 else "," + (opening[1:] or " ")
    return opening + separator.join(known.get(part) or _dumped(part, written) for part in parts) + written[ends[-1] :]


def _parts(text: str) -> list[str]:
    return [line + line_break for line, line_break in lines_of(text)]


def _raw_parts(written: str) -> Sequence[str]:
    """The JSON string `written`, still escaped, cut after each line break of what it says."""
    parts: list[str] = []
    start = place = 1
    for character in re.finditer(r"\\u[0-9a-fA-F]{4}|\\.|[^\\]", written[1:-1], re.DOTALL):
        place = character.end() + 1
        following = written[place : place + 6].lower()
        said = character[0].lower()
        if said in ("\\n", "\\u000a") or (
            said in ("\\r", "\\u000d") and not following.startswith("\\n") and following != "\\u000a"
        ):
            parts.append(written[start:place])
            start = place
    if start < len(written) - 1:
        parts.append(written[start:-1])
    return parts


def _dumped(text: str, manner: str) -> str:
    # Jupyter leaves characters as they are, other writers escape them; a lone surrogate can only be escaped.
    escape = "\\u" in manner and manner.isascii()
    return json.dumps(text, ensure_ascii=escape or any("\ud800" <= character <= "\udfff" for character in text))
