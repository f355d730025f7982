"""Bowler queries in memory: exact edits, one finding for each match, and an honest end where Bowler's grammar ends."""

from __future__ import annotations

import builtins
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from regrad.analysis.program import Program
from regrad.analysis.reader import Reader
from regrad.analysis.source import SourceFile, decode
from regrad.codemods.engine import bowler_query, edits, guard
from regrad.codemods.engine.rule import NotAnalysable, Rule, Safety, Withheld
from regrad.repair.detection import Detector
from regrad.repair.options import Options

_PROGRAM = """\
import tensorflow as tf
# the first
loss = old_loss(  y, model(x) )  # kept


def step(a):
    return [old_loss(a, a), other(a)]
"""


def renamed(query: Any) -> Any:
    return query.select("power< name='old_loss' trailer< '(' any* ')' > >").modify(_rename)


def _rename(node: Any, capture: Any, filename: str) -> None:
    capture["name"].value = "new_loss"


def doubled_line(query: Any) -> Any:
    return query.select("simple_stmt< any* >").filter(_is_marked).modify(_double)


def _is_marked(node: Any, capture: Any, filename: str) -> bool:
    return str(node).strip() == "mark"


def _double(node: Any, capture: Any, filename: str) -> Any:
    from fissix.fixer_util import Leaf

    return [node.insert_child(0, Leaf(1, "mark; ", prefix=node.prefix)), node.changed()][1]


def broken(query: Any) -> Any:
    def spoil(node: Any, capture: Any, filename: str) -> None:
        capture["name"].value = "new loss"

    return query.select("power< name='old_loss' trailer< '(' any* ')' > >").modify(spoil)


def source(text: str | bytes) -> SourceFile:
    return decode("program.py", text if isinstance(text, bytes) else text.encode())


def program(text: str) -> Program:
    file = source(text)
    return Reader(lambda path: file if path == "program.py" else None).read("program.py")


def rule(query: Any = renamed) -> Rule:
    return bowler_query.rule(
        code="XX001",
        name="old-loss",
        safety=Safety.SAFE,
        why="it is the same function",
        message="the old loss",
        title="rename",
        query=query,
    )


def applied(text: str | bytes, query: Any = renamed) -> bytes:
    file = source(text)
    found = bowler_query.matches(file, query)
    return file.with_text(edits.apply(file, [edit for match in found for edit in match.edits]))


def test_each_match_is_a_finding_with_its_own_edit() -> None:
    seen = program(_PROGRAM)
    found = list(rule().detect(seen))
    assert [(each.location.span.start.line, each.location.span.start.column) for each in found] == [(3, 8), (7, 13)]
    assert [seen.files["program.py"].segment(each.location.span) for each in found] == [
        "old_loss(  y, model(x) )",
        "old_loss(a, a)",
    ]
    offered = guard.settle(seen.files, rule().mend(seen, found[1]))
    assert not isinstance(offered, Withheld)
    assert edits.apply_all(seen.files, offered[0].edits) == {"program.py": _PROGRAM.replace("old_loss(a", "new_loss(a")}


@pytest.mark.parametrize(
    "text",
    [
        _PROGRAM,
        _PROGRAM.rstrip("\n"),
        _PROGRAM.replace("\n", "\r\n"),
        _PROGRAM.replace("\n", "\r\n").rstrip("\r\n"),
        _PROGRAM.replace("    return", "\treturn"),
        _PROGRAM.replace("# the first", "\x0c\n# the first"),
        "\ufeff" + _PROGRAM,
        _PROGRAM.replace("# kept", "# größer"),
        _PROGRAM.replace("# kept", "\\\n  # kept"[4:]),
        _PROGRAM + "\n\n\n    # the end, indented",
        "x = old_loss(1)\\\n  + 2\nprint(exec)\n",
    ],
)
def test_all_other_bytes_are_kept(text: str) -> None:
    assert applied(text) == text.replace("old_loss", "new_loss").encode()


def test_other_encodings_are_kept() -> None:
    text = "# -*- coding: latin-1 -*-\nx = old_loss('größer')\n".encode("latin-1")
    assert applied(text) == text.replace(b"old_loss", b"new_loss")


def test_a_node_that_grows() -> None:
    assert applied("if x:\n    mark\n    other\n", doubled_line) == b"if x:\n    mark; mark\n    other\n"


@given(st.lists(st.sampled_from(["old_loss(1)", "x = old_loss(a) + 1", "# old_loss(1)", "", "if x: old_loss(2)"])))
@example(["old_loss(1)", "old_loss(1)"])
@settings(max_examples=60, deadline=None)
def test_only_what_matches_changes(lines: list[str]) -> None:
    text = "\n".join(lines)
    expected = "\n".join(line if line.startswith("#") else line.replace("old_loss", "new_loss") for line in lines)
    assert applied(text).decode() == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("match x:\n    case 1:\n        old_loss(1)\n", "grammar ends at line 1"),
        ("def f(a, /):\n    old_loss(a)\n", "grammar ends at line 1"),
        ("x = 1\ndef f(\n", "not valid Python"),
        ("old_loss(" + "1 + " * 400 + "1)\n", "nested"),
    ],
)
def test_not_analysable(text: str, reason: str) -> None:
    with pytest.raises(NotAnalysable, match=reason) as told:
        bowler_query.matches(source(text), renamed)
    assert told.value.path == "program.py"


def test_without_bowler_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.split(".")[0] in ("bowler", "fissix"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(NotAnalysable, match=r"pip install \"regrad\[bowler\]\""):
        bowler_query.matches(source("old_loss(1)\n"), renamed)


def test_the_engine_is_imported_without_bowler() -> None:
    code = "import sys, regrad.codemods.engine.bowler_query; print({'bowler', 'fissix', 'libcst'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_what_does_not_parse_afterwards_is_withheld() -> None:
    seen = program(_PROGRAM)
    finding = next(iter(rule(broken).detect(seen)))
    offered = guard.settle(seen.files, rule(broken).mend(seen, finding))
    assert isinstance(offered, Withheld) and "not valid Python" in offered.reason


def test_files_that_bowler_can_read_are_reported_although_others_are_not(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import tensorflow as tf\nimport newer\ntf.GradientTape()\nnewer.x\nold_loss(1)\n"
    )
    (tmp_path / "newer.py").write_text("import tensorflow as tf\nmatch tf:\n    case 1:\n        old_loss(2)\n")
    seen = Reader().read(str(tmp_path / "train.py"))
    detected = Detector([rule()], Options()).detect(seen)
    assert [Path(each.location.path).name for each in detected.findings] == ["train.py"]
    (problem,) = detected.problems
    assert problem.startswith("not analysable by XX001: ") and "newer.py: Bowler's grammar ends at line 2" in problem


def test_words_that_a_file_must_hold() -> None:
    """The file is not given to Bowler at all, which would refuse it."""
    seen = program("match x:\n    case 1: pass\n")
    needing = bowler_query.rule(
        code="XX001",
        name="n",
        safety=Safety.SAFE,
        why="w",
        message="m",
        title="t",
        query=renamed,
        mentions=["old_loss"],
    )
    assert list(needing.detect(seen)) == []
