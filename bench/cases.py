"""Folders of cases, read: broken programs with their mended twins, and correct programs that look broken."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regrad.verify.job import Job

CAUSES: Mapping[str, frozenset[str]] = {
    kind: frozenset(codes)
    for kind, codes in json.loads(Path(__file__).with_name("causes.json").read_text(encoding="utf-8")).items()
}
"""The rules that name the cause, by the kind of the case."""
SIDES = ("buggy", "fixed", "ok")
ENTRIES = ("train.py", "main.py", "run.py", "__main__.py")


@dataclass(frozen=True)
class Program:
    """One side of a case. `place` is a script, a notebook or a folder."""

    case: str
    kind: str
    side: str
    place: Path
    description: Mapping[str, Any]

    @property
    def broken(self) -> bool:
        return self.side == "buggy"

    @property
    def entry(self) -> Path:
        if not self.place.is_dir():
            return self.place
        named = self.place / Path(self.description.get("entry") or self.place.name).name
        return named if named.exists() else next((self.place / e for e in ENTRIES if (self.place / e).exists()), named)

    @property
    def job(self) -> Job:
        """The program as the verifier runs it."""
        entry = self.entry.resolve()
        return Job(str(entry), {str(entry): program_text(entry)} if entry.suffix == ".ipynb" else {})

    @property
    def files(self) -> list[Path]:
        if self.place.is_file():
            return [self.place]
        return sorted(path for path in self.place.rglob("*") if path.suffix in (".py", ".ipynb"))


def side(case: Path, name: str) -> Path | None:
    """`buggy`, `fixed` or `ok` of a case: a folder, a script or a notebook."""
    return next((case / (name + end) for end in ("", ".py", ".ipynb") if (case / (name + end)).exists()), None)


def program_text(file: Path) -> str:
    """What is run of a file: of a notebook its cells of code, with what is not Python passed over."""
    if file.suffix != ".ipynb":
        return file.read_text(encoding="utf-8")
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return "\n".join("#" + line if line.lstrip().startswith(("%", "!")) else line for line in code.splitlines())


def programs(folder: Path, kind: str | None = None) -> Iterator[Program]:
    for description in sorted(folder.glob("*/case.json")):
        told = json.loads(description.read_text(encoding="utf-8"))
        if kind is not None and told["kind"] != kind:
            continue
        for name in SIDES:
            place = side(description.parent, name)
            if place is not None:
                yield Program(description.parent.name, told["kind"], name, place, told)


def copied(program: Program, folder: Path) -> Program:
    """The program in a folder of its own, as a user has it: nothing of the case lies beside it."""
    folder.mkdir(parents=True)
    place = folder / program.place.name
    if program.place.is_dir():
        shutil.copytree(program.place, place)
    else:
        shutil.copy(program.place, place)
    return Program(program.case, program.kind, program.side, place, program.description)


def laid_out(found: Iterable[Program], folder: Path) -> list[Program]:
    """All programs below one folder, each in a folder of its own."""
    return [copied(program, folder / program.side / program.case) for program in found]
