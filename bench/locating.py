"""Whether a report names a line that the true fix of a broken program changes, or one that leads to it.

A line leads to a changed one where one step connects them: it uses a name that the changed lines (or the function or
class around them) bind, it binds a name that they use, or both stand in one statement of several lines.
"""

from __future__ import annotations

import ast
import difflib

from regrad.verify import StepReport

from .cases import Program, program_text

Line = tuple[str, int]
FOUND = ("the first line that is named", "another line that is named", "a line that leads to it")
MISSED = ("only lines elsewhere", "no line")


def located(report: StepReport, broken: Program, mended: Program) -> str:
    """How near the lines of the report are to what the fix changes: one of FOUND or of MISSED."""
    lines = named_lines(report, str(broken.entry.resolve()))
    touched = touched_lines(broken, mended)
    if lines and lines[0] in touched:
        return FOUND[0]
    if touched & set(lines):
        return FOUND[1]
    texts = {str(file.resolve()): program_text(file) for file in broken.files}
    if any(leads(line, touched, texts) for line in lines):
        return FOUND[2]
    return MISSED[0] if lines else MISSED[1]


def touched_lines(broken: Program, mended: Program) -> set[Line]:
    """The lines of the broken program that the true fix changes, or that stand beside what it inserts."""
    lines: set[Line] = set()
    for file in broken.files:
        other = mended.place / file.relative_to(broken.place) if broken.place.is_dir() else mended.place
        if not other.exists():
            continue
        own, fixed = (program_text(each).splitlines() for each in (file, other))
        for tag, start, end, _, _ in difflib.SequenceMatcher(None, own, fixed, autojunk=False).get_opcodes():
            if tag != "equal":
                lines |= {(str(file.resolve()), line) for line in range(start, max(end, start + 1) + 2)}
    return lines


def named_lines(report: StepReport, entry: str) -> list[Line]:
    """The lines that the report names, in the order in which they are shown."""
    lines = [(cut.location.path, cut.location.span.start.line) for cut in report.cuts]
    if report.exception_line:
        lines.append((entry, report.exception_line))
    lines += [(place.path, place.line) for place in report.places]
    return list(dict.fromkeys(lines))


def statements(tree: ast.AST, lines: set[int]) -> list[ast.AST]:
    """The smallest statements that these lines belong to, by their own lines without their bodies."""
    found: dict[int, tuple[int, ast.AST]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            end = (body[0].lineno - 1) if body else (node.end_lineno or node.lineno)
            start = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
            for line in lines & set(range(start, max(end, node.lineno) + 1)):
                if line not in found or end - start < found[line][0]:
                    found[line] = (end - start, node)
    return [node for _, node in found.values()]


def names(nodes: list[ast.AST], tree: ast.AST) -> tuple[set[str], set[str]]:
    """The names that these statements bind (with the functions and classes around them), and those that they use."""
    bound: set[str] = set()
    used: set[str] = set()
    wanted = {id(node) for node in nodes}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and any(id(inner) in wanted for inner in ast.walk(node)):
            bound.add(node.name)
    for statement in nodes:
        for part in own_parts(statement):
            if isinstance(part, ast.Name):
                (used if isinstance(part.ctx, ast.Load) else bound).add(part.id)
            elif isinstance(part, ast.Attribute):
                (used if isinstance(part.ctx, ast.Load) else bound).add(part.attr)
            elif isinstance(part, ast.arg):
                bound.add(part.arg)
    return bound, used


def own_parts(statement: ast.AST) -> list[ast.AST]:
    inner = {
        id(part)
        for child in getattr(statement, "body", []) + getattr(statement, "orelse", [])
        if isinstance(child, ast.AST)
        for part in ast.walk(child)
    }
    return [part for part in ast.walk(statement) if id(part) not in inner]


LIBRARY = {"tf", "np", "keras", "tensorflow", "numpy", "self", "layers", "range", "len", "print", "zip"}


def in_one_statement(named: Line, touched: set[Line], texts: dict[str, str]) -> bool:
    path, line = named
    if path not in texts:
        return False
    return any(
        node.lineno <= line <= (node.end_lineno or line) and (path, other) in touched
        for node in ast.walk(ast.parse(texts[path]))
        if isinstance(node, ast.stmt) and not hasattr(node, "body")
        for other in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    )


def leads(named: Line, touched: set[Line], texts: dict[str, str]) -> bool:
    def of(lines: set[Line]) -> tuple[set[str], set[str]]:
        bound: set[str] = set()
        used: set[str] = set()
        for path in {path for path, _ in lines}:
            if path in texts:
                tree = ast.parse(texts[path])
                here = names(statements(tree, {line for place, line in lines if place == path}), tree)
                bound |= here[0]
                used |= here[1]
        return bound - LIBRARY, used - LIBRARY

    if in_one_statement(named, touched, texts):
        return True
    bound, used = of(touched)
    its_bound, its_used = of({named})
    return bool(bound & its_used or its_bound & used)
