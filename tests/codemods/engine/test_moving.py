"""Moving code between blocks: what arrives, what stays, and what is refused."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from regrad.analysis.source import SourceFile, decode, parse
from regrad.codemods.engine import edits, guard
from regrad.codemods.engine.left_undefined import left_undefined
from regrad.codemods.engine.moving import CannotMove, Rewrite, after, at_end, at_start, before, move_into


def find(source: SourceFile, tree: ast.AST, prefix: str) -> ast.stmt:
    """The first statement whose text starts with `prefix`."""
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and source.segment(source.span(node)).startswith(prefix)
    ]
    assert found, prefix
    return min(found, key=lambda node: (node.lineno, node.col_offset))


Change = Callable[[Rewrite, Callable[[str], ast.stmt]], None]


def changed(text: str, change: Change) -> str:
    source = decode("a.py", text.encode())
    tree = parse(source)
    rewrite = Rewrite(source, tree)
    change(rewrite, lambda prefix: find(source, tree, prefix))
    found = rewrite.edits()
    verdict = guard.examine({"a.py": source}, found)
    assert isinstance(verdict, guard.Passed), verdict
    return edits.apply(source, found)


def check(before_text: str, after_text: str, change: Change) -> None:
    before_text, after_text = textwrap.dedent(before_text).lstrip("\n"), textwrap.dedent(after_text).lstrip("\n")
    assert changed(before_text, change) == after_text
    crlf = changed(before_text.replace("\n", "\r\n"), change)
    assert crlf == after_text.replace("\n", "\r\n")
    # Without a line break at its end, a file is changed in the same way and gets none.
    assert changed(before_text.rstrip("\n"), change) == after_text.rstrip("\n")


def test_the_forward_pass_moves_in() -> None:
    check(
        """
        for x, y in data:
            # the prediction
            logits = model(x)  # forward

            with tf.GradientTape() as tape:
                loss = loss_fn(y, logits)
            grads = tape.gradient(loss, w)
        """,
        """
        for x, y in data:
            with tf.GradientTape() as tape:
                # the prediction
                logits = model(x)  # forward
                loss = loss_fn(y, logits)
            grads = tape.gradient(loss, w)
        """,
        lambda rewrite, get: rewrite.move([get("logits")], at_start(get("with"))),
    )


def test_the_loss_moves_in_at_the_end() -> None:
    check(
        """
        with tf.GradientTape() as tape:
            logits = model(x)
            # nothing more

        loss = tf.reduce_mean(
            tf.square(y
        - logits),  # squares
        )

        grads = 1
        """,
        """
        with tf.GradientTape() as tape:
            logits = model(x)
            # nothing more
            loss = tf.reduce_mean(
                tf.square(y
            - logits),  # squares
            )

        grads = 1
        """,
        lambda rewrite, get: rewrite.move([get("loss")], at_end(get("with"))),
    )


def test_several_statements_keep_their_blank_lines_and_comments() -> None:
    check(
        """
        def step():
            a = f(x)

            # detached

            # attached
            b = g(a)
            unrelated()
            with tape:
                loss = h(b)
        """,
        """
        def step():
            unrelated()
            with tape:
                a = f(x)

                # detached

                # attached
                b = g(a)
                loss = h(b)
        """,
        lambda rewrite, get: rewrite.move([get("a"), get("b")], at_start(get("with"))),
    )


def test_the_insides_of_strings_stay() -> None:
    check(
        '''
        name = f"""
        {x}
          deep
        """ + "a\\
        b"
        with tape:
            pass
        ''',
        '''
        with tape:
            name = f"""
        {x}
          deep
        """ + "a\\
        b"
        ''',
        lambda rewrite, get: rewrite.move([get("name")], at_start(get("with"))),
    )


def test_out_of_a_block_and_the_empty_block() -> None:
    text = """
        def f():
            with tape:
                # why
                loss = f(
                    x)
            return loss
        """
    check(
        text,
        """
        def f():
            with tape:
                pass
            # why
            loss = f(
                x)
            return loss
        """,
        lambda rewrite, get: rewrite.move([get("loss")], after(get("with"))),
    )
    check(
        text,
        """
        def f():
            # why
            loss = f(
                x)
            return loss
        """,
        lambda rewrite, get: rewrite.move([get("loss")], after(get("with")), drop_empty=True),
    )
    check(
        text,
        """
        def f():
            with tape:
                pass
            return loss
            # why
            loss = f(
                x)
        """,
        lambda rewrite, get: rewrite.move([get("loss")], at_end(get("def"))),
    )


def test_a_with_that_holds_comments_is_not_dropped() -> None:
    check(
        """
        with tape:  # record
            loss = f(x)
        use(loss)
        """,
        """
        loss = f(x)
        with tape:  # record
            pass
        use(loss)
        """,
        lambda rewrite, get: rewrite.move([get("loss")], before(get("with")), drop_empty=True),
    )


@pytest.mark.parametrize("end", ["", "  # why"])
def test_one_line_blocks(end: str) -> None:
    check(
        f"""
        logits = model(x)
        with tape: loss = f(logits){end}
        g()
        """,
        f"""
        with tape:
            logits = model(x)
            loss = f(logits){end}
        g()
        """,
        lambda rewrite, get: rewrite.move([get("logits")], at_start(get("with"))),
    )
    check(
        f"""
        if a:
          with tape: logits = f(x); more(){end}
          loss = g(logits)
        """,
        f"""
        if a:
          with tape:
            logits = f(x); more(){end}
            loss = g(logits)
        """,
        lambda rewrite, get: rewrite.move([get("loss")], at_end(get("with"))),
    )
    check(
        f"""
        with tape: loss = f(logits){end}
        g()
        """,
        f"""
        with tape: pass
        loss = f(logits){end}
        g()
        """,
        lambda rewrite, get: rewrite.move([get("loss")], after(get("with"))),
    )
    check(
        f"""
        with tape: loss = f(logits){end}
        g()
        """,
        f"""
        loss = f(logits){end}
        g()
        """,
        lambda rewrite, get: rewrite.move([get("loss")], after(get("with")), drop_empty=True),
    )
    check(
        f"""
        with tape: a = 1; loss = f(logits); b = 2{end}
        """,
        f"""
        with tape: a = 1; b = 2{end}
        loss = f(logits)
        """,
        lambda rewrite, get: rewrite.move([get("loss")], after(get("with"))),
    )
    check(
        f"""
        with tape: pass{end}
        loss = f(logits)
        """,
        f"""
        with tape:{end}
            loss = f(logits)
        """,
        lambda rewrite, get: rewrite.move([get("loss")], at_end(get("with"))),
    )


def test_semicolons() -> None:
    check(
        """
        # three
        a = 1; b = 2; c = 3  # all
        with tape:
            d()
        """,
        """
        # three
        a = 1; c = 3  # all
        with tape:
            b = 2
            d()
        """,
        lambda rewrite, get: rewrite.move([get("b")], at_start(get("with"))),
    )
    check(
        """
        # three
        a = 1; b = 2; c = 3;  # all
        with tape:
            d(); e()
        """,
        """
        with tape:
            # three
            a = 1
            b = 2
            c = 3  # all
            d(); e()
        """,
        lambda rewrite, get: rewrite.move([get("a"), get("b"), get("c")], at_start(get("with"))),
    )
    check(
        """
        a = 1
        with tape:
            d(); e(); \\
              f()
        """,
        """
        with tape:
            d()
            a = 1
            e(); f()
        """,
        lambda rewrite, get: rewrite.move([get("a")], after(get("d()"))),
    )


def test_tabs_meet_spaces() -> None:
    check(
        """
        if a:
            x = f(
                1)
            if b:
                c()
        \twith_tabs = 1
        """.replace("\twith_tabs = 1", "with tape:\n        \tloss = 1"),
        """
        if a:
            x = f(
                1)
        with tape:
        \tloss = 1
        \tif b:
        \t    c()
        """,
        lambda rewrite, get: rewrite.move([get("if b")], at_end(get("with"))),
    )


def test_pass_goes_and_its_comment_stays() -> None:
    check(
        """
        x = 1
        with tape:
            pass  # later
        """,
        """
        with tape:
            # later
            x = 1
        """,
        lambda rewrite, get: rewrite.move([get("x")], at_start(get("with"))),
    )


def test_docstrings_and_future_imports_come_first() -> None:
    def both(rewrite: Rewrite, get: Callable[[str], ast.stmt]) -> None:
        rewrite.insert("import os", at_start(rewrite.tree))
        rewrite.insert("x = 0", at_start(get("def")))

    check(
        '''
        """Doc."""
        from __future__ import annotations
        def f():
            """Doc."""
            return 1
        ''',
        '''
        """Doc."""
        from __future__ import annotations
        import os
        def f():
            """Doc."""
            x = 0
            return 1
        ''',
        both,
    )


def test_compound_statements_move_with_what_is_in_them() -> None:
    check(
        """
        # training
        for x in data:
            step(x)

            # the end
        done()
        with tape:
            begin()
        """,
        """
        done()
        with tape:
            begin()
            # training
            for x in data:
                step(x)

                # the end
        """,
        lambda rewrite, get: rewrite.move([get("for")], at_end(get("with"))),
    )


def test_wrap_and_unwrap() -> None:
    flat = """
        import tensorflow as tf
        x = 1

        # forward
        logits = model(x)

        loss = f(logits)  # the loss
        grads = g()
        """
    nested = """
        import tensorflow as tf
        x = 1

        with tf.GradientTape() as tape:
            # forward
            logits = model(x)

            loss = f(logits)  # the loss
        grads = g()
        """
    check(
        flat, nested, lambda rewrite, get: rewrite.wrap([get("logits"), get("loss")], "with tf.GradientTape() as tape:")
    )
    check(nested, flat, lambda rewrite, get: rewrite.unwrap(get("with")))  # type: ignore[arg-type]
    check(
        """
        with tape.stop_recording(): a = 1; b = (
          2)  # c
        """,
        """
        a = 1
        b = (
          2)  # c
        """,
        lambda rewrite, get: rewrite.unwrap(get("with")),  # type: ignore[arg-type]
    )
    check(
        """
        from recording import tape
        a()
        between()

        b()

        c()
        """,
        """
        from recording import tape
        with tape:
            tape.watch(x)
            a()
            b()
        between()

        c()
        """,
        lambda rewrite, get: rewrite.wrap([get("a"), get("b()")], "with tape:", lead="tape.watch(x)"),
    )


def test_a_moved_statement_can_be_changed() -> None:
    def change(rewrite: Rewrite, get: Callable[[str], ast.stmt]) -> None:
        prediction, loss = get("p"), get("loss")
        assert isinstance(prediction, ast.Assign)
        assert isinstance(loss, ast.Assign)
        rewrite.move([prediction], at_start(get("with")))
        rewrite.replace(prediction.value, "model(x, training=True)")
        rewrite.replace(loss.value, "f(p, y)")

    check(
        """
        p = model.predict(x)
        with tape:
            loss = f(y, p)
        """,
        """
        with tape:
            p = model(x, training=True)
            loss = f(p, y)
        """,
        change,
    )


def test_copies_leave_comments_behind() -> None:
    check(
        """
        # why
        p = model(x)  # c
        with tape:
            loss = f(y, p)
        """,
        """
        # why
        p = model(x)  # c
        with tape:
            p = model(x)
            loss = f(y, p)
        """,
        lambda rewrite, get: rewrite.copy([get("p")], at_start(get("with"))),
    )


def test_removal() -> None:
    text = """
        a()

        # why
        b()  # c

        d()
        """
    check(text, "a()\n\nd()\n", lambda rewrite, get: rewrite.remove([get("b")]))
    check(
        text,
        """
        a()

        # why
        # c

        d()
        """,
        lambda rewrite, get: rewrite.remove([get("b")], keep_comments=True),
    )
    check("if a:\n    b()\nc()\n", "if a:\n    pass\nc()\n", lambda rewrite, get: rewrite.remove([get("b")]))


@pytest.mark.parametrize(
    ("statement", "target", "text", "expected"),
    [
        ("z = x ** 2", "x", "a + b", "z = (a + b) ** 2"),
        ("z = f(x)", "x", "a + b", "z = f(a + b)"),
        ("z = f(x)", "x", "a, b", "z = f((a, b))"),
        ("z = f(x)", "x", "(a, b)", "z = f((a, b))"),
        ("z = x.shape", "x", "a + b", "z = (a + b).shape"),
        ("z = x.shape", "x", "1", "z = (1).shape"),
        ("z = -x", "x", "g(a)[0].b", "z = -g(a)[0].b"),
        ("z = x", "x", "a if b else c", "z = a if b else c"),
        ("z = x + y", "x", "lambda: 1", "z = (lambda: 1) + y"),
        ("z = x * y", "x", "(a + b)", "z = (a + b) * y"),
    ],
)
def test_parentheses_where_needed(statement: str, target: str, text: str, expected: str) -> None:
    source = decode("a.py", statement.encode())
    tree = parse(source)
    node = next(each for each in ast.walk(tree) if isinstance(each, ast.Name) and each.id == target)
    rewrite = Rewrite(source, tree)
    rewrite.replace(node, text)
    assert edits.apply(source, rewrite.edits()) == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda rewrite, get: rewrite.move([get("elif")], at_start(get("with"))),
        lambda rewrite, get: rewrite.insert("x", before(get("elif"))),
        lambda rewrite, get: rewrite.move([get("with")], at_start(get("with"))),
        lambda rewrite, get: [
            rewrite.move([get("with")], after(get("last"))),
            rewrite.move([get("inner")], after(get("last"))),
        ],
        lambda rewrite, get: (
            [rewrite.move([get("last")], at_start(get("with")))] * 2
            + [rewrite.move([get("last")], at_end(get("with")))]
        ),
        lambda rewrite, get: rewrite.replace(get("last").value, "a b"),
        lambda rewrite, get: rewrite.insert("x", at_end(get("last"))),
    ],
)
def test_refusals(change: Change) -> None:
    text = "if a:\n    b()\nelif c:\n    d()\nwith tape:\n    inner()\nlast = 1\n"
    with pytest.raises(CannotMove):
        changed(text, change)


def test_notebook_magics_and_borders_stay_where_they_are() -> None:
    import json

    cells = ["!pip install x\n# forward\np = model(x)\nq = 1", "%time\nr = 2\nwith tape:\n    loss = f(p, r)"]
    document = {"cells": [{"cell_type": "code", "source": cell} for cell in cells]}
    source = decode("a.ipynb", json.dumps(document).encode())
    tree = parse(source)
    found = move_into(
        source,
        tree,
        [find(source, tree, "p"), find(source, tree, "q"), find(source, tree, "r")],
        at_start(find(source, tree, "with")),
    )
    written = json.loads(source.with_text(edits.apply(source, found)))
    assert [cell["source"] for cell in written["cells"]] == [
        "!pip install x",
        "%time\nwith tape:\n    # forward\n    p = model(x)\n    q = 1\n    r = 2\n    loss = f(p, r)",
    ]


# Properties

SIMPLE = st.sampled_from(
    [
        "a = 1",
        "b = f(\n  a,  # inside\n)",
        "c = '''one\n  two\n'''",
        "d = 1; e = 2",
        "g = a + \\\n  b",
        "h()  # trailing",
        "# above\ni = 3",
        "j = f'''{a\n}\n'''",
        "k()\n",
        "\nl()",
        "# alone\n",
        "\tm = [\n\n1]".lstrip(),
    ]
)
HEADERS = st.sampled_from(
    ["with tape:", "if a:", "for x in y:", "def f():", "with a, \\\n  b:  # head", "while (a\n and b):"]
)


@st.composite
def programs(draw: st.DrawFn, depth: int = 0, indent: str = "") -> str:
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.integers(0, 5))
        if kind == 0 and depth < 2:
            unit = draw(st.sampled_from(["    ", "  ", "\t"]))
            body = draw(programs(depth=depth + 1, indent=indent + unit))
            lines.append(indented(draw(HEADERS), indent) + "\n" + body)
        elif kind == 1:
            lines.append(
                indent
                + draw(st.sampled_from(["with tape: ", "if a: "]))
                + draw(st.sampled_from(["pass", "x = 1", "u(); v()  # w", "z = (1,\n2)"]))
            )
        else:
            lines.append(indented(draw(SIMPLE), indent))
    if all(not line.strip() or (line.strip().startswith("#") and "\n" not in line.strip()) for line in lines):
        lines.append(indent + "pass")
    return "\n".join(lines)


def indented(text: str, indent: str) -> str:
    """As an author would have indented it, the insides of strings apart."""
    inside = text.count("'''") == 2
    first, *rest = text.split("\n")
    if first.startswith("#") and rest and rest[0]:
        return indent + first + "\n" + indented("\n".join(rest), indent)
    if not first and rest:
        return "\n" + indented("\n".join(rest), indent)
    return "\n".join([indent + first, *(line if inside or not line else indent + line for line in rest)])


def pieces(tree: ast.AST) -> list[str]:
    return sorted(
        ast.dump(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and not hasattr(node, "body") and not isinstance(node, ast.Pass)
    )


@settings(max_examples=150, deadline=None)
@given(programs(), st.data(), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_whatever_moves_nothing_is_lost(text: str, data: st.DataObject, newline: str, final: bool) -> None:
    text = (text + "\n" if final else text.rstrip("\n")).replace("\n", newline)
    source = decode("a.py", text.encode())
    tree = parse(source)
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    simple = [node for node in statements if not hasattr(node, "body") and not isinstance(node, ast.Pass)]
    if not simple:
        return
    moving = data.draw(st.lists(st.sampled_from(simple), min_size=1, max_size=3, unique_by=id))
    owner = data.draw(st.sampled_from([*(node for node in statements if hasattr(node, "body")), tree]))
    kind = data.draw(st.sampled_from([at_start, at_end]))
    place = kind(owner)
    if data.draw(st.booleans()):
        place = data.draw(st.sampled_from([before, after]))(data.draw(st.sampled_from(statements)))
    drop = data.draw(st.booleans())
    rewrite = Rewrite(source, tree)
    rewrite.move(moving, place, drop_empty=drop)
    found = rewrite.edits()
    verdict = guard.examine({"a.py": source}, found)
    new = edits.apply(source, found)
    lost = left_undefined(source, decode("a.py", new.encode()))
    if lost:
        # A move may take a name from those who read it; then it is refused, and for no other reason.
        assert isinstance(verdict, guard.Refused) and f"`{lost[0]}`" in verdict.reason
        return
    assert isinstance(verdict, guard.Passed), (verdict, new)
    assert not verdict.lost_comments
    new_tree = ast.parse(new)
    assert pieces(new_tree) == pieces(tree)
    # Outside of the edits every character is as it was, and a missing line break at the end stays missing.
    assert new.endswith(newline) == text.endswith(newline)
    if newline == "\r\n" and "\r\n" in text:
        assert new.count("\n") == new.count("\r\n")
    moved = [ast.dump(node) for node in moving]
    blocks = [
        getattr(node, field)
        for node in ast.walk(new_tree)
        for field in ("body", "orelse", "finalbody")
        if isinstance(getattr(node, field, None), list)
    ]
    dumps = [[ast.dump(each) for each in block] for block in blocks]
    assert any(dump[index : index + len(moved)] == moved for dump in dumps for index in range(len(dump)))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # The last line moves to the end of the block that it leaves empty.
        ("if a:\n    h()", "if a:\n    pass\nh()"),
        # What stood above it comes to stand last.
        ("if a:\n    x = 1\n\n    h()", "h()\nif a:\n    x = 1"),
        # A string's last line has no indentation of its own.
        ("if a:\n    x = '''1\n'''\n\n    h()", "h()\nif a:\n    x = '''1\n'''"),
        # It is all that there is.
        ("h()", "h()"),
    ],
)
def test_a_last_line_without_a_break_is_a_line_like_others(text: str, expected: str, newline: str) -> None:
    source = decode("a.py", text.replace("\n", newline).encode())
    tree = parse(source)
    rewrite = Rewrite(source, tree)
    last = find(source, tree, "h()")
    rewrite.move([last], at_end(tree) if expected.endswith("h()") else at_start(tree))
    found = rewrite.edits()
    assert edits.apply(source, found) == expected.replace("\n", newline)
