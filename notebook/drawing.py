"""An answer as text for every front end, and as Markdown for those that can show it."""

from __future__ import annotations

import re

from regrad.notebook.answer import Answer, Cause, MendedCell


def plain(answer: Answer) -> str:
    lines: list[str] = []
    if answer.meaning is not None:
        lines.append(f"regrad: {answer.meaning.words}")
    for cause in answer.causes:
        lines += [f"{cause.code} {cause.name}, {cause.place.where}: {cause.message}", *_shown(cause, "    ", "")]
    if answer.mended:
        lines.append(_lead(answer))
    for cell in answer.mended:
        lines += [f"# {cell.label}, mended", cell.source.rstrip("\n")]
    return "\n".join([*lines, *_rest(answer)])


def markdown(answer: Answer) -> str:
    blocks: list[str] = []
    if answer.meaning is not None:
        blocks.append(f"**regrad:** {escaped(answer.meaning.words)}")
    for cause in answer.causes:
        heading = f"**{cause.code} {cause.name}**, {escaped(cause.place.where)}: {escaped(cause.message)}"
        blocks.append("  \n".join([heading, *_shown(cause, "&nbsp;&nbsp;", "`")]))
    if answer.mended:
        blocks.append(_lead(answer))
    blocks += [f"{cell.label}, mended:\n\n{fenced(cell)}" for cell in answer.mended]
    return "\n\n".join([*blocks, *map(escaped, _rest(answer))])


def _shown(cause: Cause, indentation: str, tick: str) -> list[str]:
    def text(words: str) -> str:
        return escaped(words) if tick else words

    def code(words: str) -> str:
        return _code(words) if tick else words

    lines = [f"{indentation}{code(cause.place.text)}"] if cause.place.text else []
    for place, message in cause.related:
        lines.append(f"{indentation}{text(place.where)}: {code(place.text)}  {text(message)}".rstrip())
    lines += [f"{indentation}{text(line)}" for line in cause.advice.splitlines()]
    return lines


def _lead(answer: Answer) -> str:
    if answer.unsafe:
        return "This changes what the program means; look at it before you take it:"
    return "To copy:"


def _rest(answer: Answer) -> list[str]:
    if answer.files:
        return [f"The mending also changes {', '.join(answer.files)}: regrad fix --diff {' '.join(answer.files)}"]
    if answer.causes or answer.meaning is None:
        return []
    pages = ", ".join(answer.meaning.codes)
    return [f"Reading the cells finds no cause. Causes to look for (!regrad explain CODE): {pages}"]


def escaped(text: str) -> str:
    """Words of a program or an exception, without the characters that Markdown and HTML would act on.

    What a message has in back quotes is code already, and stays.
    """
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return _harmless(text)
    return "".join(_harmless(part) if number % 2 == 0 else _code(part) for number, part in enumerate(parts))


def _harmless(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>#|$~&])", r"\\\1", text)


def _code(text: str) -> str:
    if not text:
        return ""
    ticks = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"{ticks} {text} {ticks}" if len(ticks) > 1 else f"`{text}`"


def fenced(cell: MendedCell) -> str:
    ticks = "`" * max(3, max((len(run) for run in re.findall("`+", cell.source)), default=0) + 1)
    return f"{ticks}python\n{cell.source.rstrip()}\n{ticks}"
