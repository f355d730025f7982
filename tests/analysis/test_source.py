"""Source files: exact text, places, and the way back to the same bytes."""

from __future__ import annotations

import ast
import json
import os
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regrad.analysis.location import Position, Span
from regrad.analysis.source import SyntaxProblem, Unreadable, decode, load, parse, relevant


def notebook(*sources: object, **more: object) -> dict[str, object]:
    cells = []
    for number, source in enumerate(sources):
        if isinstance(source, tuple):
            cells.append({"cell_type": "markdown", "metadata": {}, "source": source[0]})
        else:
            cells.append(
                {
                    "cell_type": "code",
                    "execution_count": number,
                    "id": f"id-{number}",
                    "metadata": {"source": ["not this\n"]},
                    "outputs": [{"text": "é\u2028", "source": "nor this"}],
                    "source": source,
                }
            )
    return {"cells": cells, "metadata": {"kernelspec": {"language": "python"}}, "nbformat": 4, **more}


def bytes_of(document: object, **style: object) -> bytes:
    return json.dumps(document, **{"ensure_ascii": False, "indent": 1, **style}).encode() + b"\n"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x = 1",
        b"x = 1\n",
        b"x = 1\r\ny = 2\r\n",
        b"x = 1\ry = 2\r",
        b"\xef\xbb\xbfx = '\xc3\xa9'\n",
        b"# -*- coding: latin-1 -*-\nx = '\xe9'\n",
        b"#!/usr/bin/python\r# coding: cp1252\rx = '\x80'\r",
        b"x = 1\n\x0c\ny = 2\n",
        b"# vim: set fileencoding=shift_jis :\nx = '\x83A'\n",
    ],
)
def test_bytes_survive(content: bytes) -> None:
    source = decode("a.py", content)
    assert source.with_text(source.text) == content
    changed = source.with_text(source.text + "z = 3")
    assert changed == content + b"z = 3"
    assert parse(source)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"x = '\xe9'\n", "utf-8 at line 1"),
        (b"# coding: klingon\n", "unknown encoding"),
        (b"\xef\xbb\xbf# coding: latin-1\n", "coding"),
        ("x = 1\n".encode("utf-16"), "UTF-16"),
        (b"# coding: rot13\nk = 1\n", "coding"),
    ],
)
def test_what_cannot_be_decoded_is_named(content: bytes, word: str) -> None:
    with pytest.raises(Unreadable) as caught:
        decode("train.py", content)
    assert "train.py" in str(caught.value)
    assert word in str(caught.value)


def test_new_text_that_the_encoding_cannot_say() -> None:
    source = decode("a.py", b"# coding: latin-1\nx = 1\n")
    with pytest.raises(Unreadable, match="iso-8859-1"):
        source.with_text("# coding: latin-1\nx = '☃'\n")


def test_an_unusual_form_of_an_encoding_is_not_rewritten() -> None:
    content = b"# coding: utf-7\nx = 1 +AD0- 1\n"
    source = decode("a.py", content)
    assert source.with_text(source.text) == content
    with pytest.raises(Unreadable):
        source.with_text(source.text + "y = 2\n")


def test_lines_are_those_of_ast() -> None:
    text = "a = 1\r\nb = 2\rc = 3\n\x0cd = '\x0b\x1c\u2028\x85'\ne = 5"
    source = decode("a.py", text.encode())
    tree = parse(source)
    assert [source.segment(source.span(node)) for node in tree.body] == [
        "a = 1",
        "b = 2",
        "c = 3",
        "d = '\x0b\x1c\u2028\x85'",
        "e = 5",
    ]
    assert source.line(2) == "b = 2"
    assert source.line(99) == ""


def test_columns_are_characters() -> None:
    source = decode("a.py", "é = 'ß☃'; naïve = é + 𐐀\nplain = 1\n".encode())
    tree = parse(source)
    second = tree.body[1]
    assert isinstance(second, ast.Assign)
    assert source.span(second) == Span(Position(1, 11), Position(1, 24))
    assert source.segment(source.span(second.value)) == "é + 𐐀"


@given(st.text(alphabet="ab\r\n\x0cé☃ =", max_size=60))
def test_positions_and_offsets_are_inverse(text: str) -> None:
    source = decode("a.py", text.encode())
    for offset in range(len(text) + 1):
        position = source.position(offset)
        assert source.offset(position) == offset
    assert "".join(text[a:b] for a, b in zip(source.starts, [*source.starts[1:], len(text)], strict=True)) == text


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        source = decode("a.py", text.encode("utf-8", "surrogatepass"))
        tree = parse(source)
    except Unreadable:
        return
    for node in ast.walk(tree):
        source.segment(source.span(node))
    assert source.with_text(source.text) == source.content


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for path in ("a.py", "a.ipynb"):
        try:
            source = decode(path, content)
            parse(source)
        except Unreadable:
            continue
        assert source.with_text(source.text) == content


def test_syntax_problems_have_a_line_and_leak_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parse(decode("a.py", b"x = '\\d'\nif x is 1: pass\n"))
    with pytest.raises(SyntaxProblem, match="line 2") as caught:
        parse(decode("a.py", b"x = 1\ny = = 2\n"))
    assert caught.value.position is not None
    assert caught.value.position.line == 2
    with pytest.raises(SyntaxProblem):
        parse(decode("a.py", b"x = 1\0\n"))


@pytest.mark.parametrize(
    "text", ["x = " + "(" * 5000 + ")" * 5000, "x = " + "+ ".join(["a "] * 20_000), "x" + "()" * 20_000]
)
def test_depth_is_an_answer(text: str) -> None:
    try:
        parse(decode("a.py", text.encode()))
    except Unreadable as problem:
        assert "a.py" in str(problem)


def test_load(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"x = 1\r\n")
    assert load(str(tmp_path / "a.py")).newline == "\r\n"
    with pytest.raises(Unreadable, match="cannot be read"):
        load(str(tmp_path / "none.py"))
    with pytest.raises(Unreadable, match="regular"):
        load(str(tmp_path))
    os.mkfifo(tmp_path / "pipe.py")
    with pytest.raises(Unreadable, match="regular"):
        load(str(tmp_path / "pipe.py"))


def test_relevant() -> None:
    assert relevant(b"import tensorflow as tf")
    assert relevant(b"from tf_keras import layers")
    assert not relevant(b"import torch")


def test_a_notebook_is_one_program() -> None:
    source = decode(
        "a.ipynb",
        bytes_of(
            notebook(
                ["import tensorflow as tf\n", "!pip install keras"],
                ("# text",),
                "%%bash\nls | grep x\n",
                [
                    "%%time\n",
                    "if True:\n",
                    "    !ls\n",
                    "files = !ls\n",
                    "%time model.fit(x, y)\n",
                    "model?\n",
                    "s = '''\n",
                    "%no magic\n",
                    "'''\n",
                ],
                [],
                "x = (10\n% 3)\n!cat \\\n  file\ny = 1",
            )
        ),
    )
    lines = source.text.split("\n")
    tree = parse(source)
    assert [type(node).__name__ for node in tree.body] == [
        "Import",
        "If",
        "Assign",
        "Expr",
        "Assign",
        "Assign",
        "Assign",
    ]
    assert "pip" in lines[2] and lines[2].startswith("#")
    assert source.cell_at(tree.body[0].lineno) == (0, 1)
    assert source.cell_at(tree.body[1].lineno) == (3, 2)
    assert source.cell_at(tree.body[-1].lineno) == (5, 5)
    assert ast.unparse(tree.body[3]) == "model.fit(x, y)"


STYLES = [{}, {"indent": None}, {"indent": 4}, {"ensure_ascii": True}, {"indent": "\t"}, {"separators": (",", ":")}]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("as_list", [True, False])
def test_only_the_changed_cell_is_rewritten(style: dict[str, object], as_list: bool) -> None:
    def cell(text: str) -> object:
        return text.splitlines(keepends=True) if as_list else text

    before = "%matplotlib inline\nx = 'é'\n!ls \"$HOME\"\ny = 1"
    after = "%matplotlib inline\nx = 'é'\n!ls \"$HOME\"\nz = 'ß'\ny = 2"
    content = bytes_of(notebook(cell("a = 1\n"), ("é",), cell(before), cell("%%html\n<b>\n")), **style)
    expected = bytes_of(notebook(cell("a = 1\n"), ("é",), cell(after), cell("%%html\n<b>\n")), **style)
    source = decode("a.ipynb", content)
    assert source.with_text(source.text) == content
    assert source.with_text(source.text.replace("y = 1", "z = 'ß'\ny = 2")) == expected
    assert source.edited(source.text.replace("y = 1", "z = 'ß'\ny = 2")).text.count("z = ") == 1


def test_the_writing_of_untouched_lines_is_kept() -> None:
    document = (
        '{"cells": [{"cell_type":"code","source":["a = \'\\u00e9\'\\n",   "b = \\"\\/\\"\\n",   "c = 1"]}], "x": 1.0e3}'
    )
    source = decode("a.ipynb", document.encode())
    assert source.with_text(source.text.replace("c = 1", "c = 2")) == document.replace("c = 1", "c = 2").encode()
    document = '{"cells": [{"source":"a = \'\\u00e9\'\\r\\nb = \\"\\/\\"\\nc = 1","cell_type":"code"}]}'
    source = decode("a.ipynb", document.encode())
    assert source.with_text(source.text.replace("c = 1", "c = 2")) == document.replace("c = 1", "c = 2").encode()


def test_an_empty_text_behind_the_last_line_break_is_kept() -> None:
    content = bytes_of(notebook(["a = 1\n", "b = 2\n", ""]), indent=1)
    source = decode("a.ipynb", content)
    assert source.with_text(source.text.replace("a = 1", "a = 3")) == content.replace(b"a = 1", b"a = 3")


def test_a_change_across_cells_is_refused() -> None:
    source = decode("a.ipynb", bytes_of(notebook("a = 1", "b = 2")))
    with pytest.raises(Unreadable, match="cells"):
        source.with_text("a = 1\nb = 2\n")
    border = source.line(3)
    with pytest.raises(Unreadable, match="cells"):
        source.with_text(source.text.replace(border, "    " + border))


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "JSON"),
        (b"[]", "notebook"),
        (b"{}", "cells"),
        (b'{"cells": 3}', "cells"),
        (b'{"cells": [3]}', "cell 1"),
        (b'{"cells": [{"cell_type": "code" "source": ""}]}', "JSON"),
        (b"[" * 100_000, "notebook"),
        (b'{"cells": ' + b"[" * 100_000, "JSON"),
        (b'{"metadata": {"language_info": {"name": "R"}}, "cells": []}', "in R"),
    ],
)
def test_what_is_no_notebook_is_named(content: bytes, word: str) -> None:
    with pytest.raises(Unreadable, match=word):
        decode("a.ipynb", content)


def test_a_syntax_error_names_the_cell() -> None:
    with pytest.raises(SyntaxProblem, match="cell 3, line 2"):
        parse(decode("a.ipynb", bytes_of(notebook("# nothing", ("text",), "b = 1\nb = = 2\n"))))


def test_a_cell_that_is_no_python_is_passed_over_and_kept() -> None:
    source = decode("a.ipynb", bytes_of(notebook("a = 1", ("text",), "b = 1\nb = = 2\n")))
    first, second = source.cells
    assert first.fault is None
    assert second.fault is not None
    assert (second.fault.line, second.fault.column) == (2, 5)
    assert [type(each).__name__ for each in parse(source).body] == ["Assign"]
    after = source.edited(source.text.replace("a = 1", "a = 2"))
    assert [cell.source for cell in after.cells] == ["a = 2", second.source]


LINES = st.lists(
    st.sampled_from(
        [
            "x = 1",
            "",
            "!ls",
            "%time f()",
            "  !ls",
            "a = !ls",
            "'''",
            "é = (",
            ")",
            "%%bash",
            "f?",
            "%time",
            "\\",
            "\u2028",
            "\r",
        ]
    ),
    max_size=6,
)


@given(st.lists(LINES, max_size=4), st.booleans(), st.data())
def test_cells_come_back_as_they_were(cells: list[list[str]], as_list: bool, data: st.DataObject) -> None:
    texts = ["\n".join(lines) for lines in cells]
    content = bytes_of(notebook(*((text.splitlines(keepends=True) if as_list else text) for text in texts)))
    source = decode("a.ipynb", content)
    assert source.with_text(source.text) == content
    if not texts:
        return
    # A line added at the start of one cell arrives there, every magic of that cell survives, and no other byte changes.
    number = data.draw(st.integers(0, len(texts) - 1))
    line = source.cells[number].first_line
    offset = source.starts[line - 1]
    changed = json.loads(source.with_text(source.text[:offset] + "new = 0\n" + source.text[offset:]))
    original = json.loads(content)
    got = "".join(changed["cells"][number].pop("source"))
    old = "".join(original["cells"][number].pop("source"))
    assert got.rstrip("\r\n") == ("new = 0\n" + old).rstrip("\r\n")
    assert changed == original


@pytest.mark.parametrize("content", [b"", b" \n"])
def test_an_empty_notebook_is_told(content: bytes) -> None:
    with pytest.raises(Unreadable, match="the file is empty"):
        decode("a.ipynb", content)


@pytest.mark.parametrize("end", [20, 40, 60, -3])
def test_a_notebook_that_is_cut_off_is_told(end: int) -> None:
    with pytest.raises(Unreadable, match="the file ends in the middle of it"):
        decode("a.ipynb", bytes_of(notebook("a = 1", "b = 2"))[:end])
