"""Sessions that run the gradients of a graph, where the step that applies them was meant."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from regrad.analysis.program import Program
from regrad.codemods.engine.binding import Binding, binding
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.moving import Rewrite, after
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import loaded


def stepped(program: Program, path: str, computed: ast.Call) -> tuple[Edit, ...]:
    """What a session runs of the pairs of `compute_gradients` becomes the step that applies them.

    Raises `CannotMove` where no session runs them, several do, or their values are read.
    """
    tree = program.trees[path]
    bindings = [each for each in map(binding, ast.walk(tree)) if each is not None]
    names = [each for each in ast.walk(tree) if isinstance(each, ast.Name)]
    times = Counter(each.id for each in names if isinstance(each.ctx, ast.Store))
    # A name that is bound twice may stand for something else where it is read.
    bound = {each.target.id: each for each in bindings if times[each.target.id] == 1}
    if not isinstance(computed.func, ast.Attribute):
        raise CannotMove("the optimizer has no name")
    pairs = {name for name, each in bound.items() if each.value is computed}
    while True:
        more = {name for name, each in bound.items() if name not in pairs and _pairs_of(each.value, pairs)}
        if not more:
            break
        pairs |= more
    optimizer = program.source(computed.func.value, path)
    found = [(name, use) for use, name in _run(program, path) if name in pairs or _gradients_of(bound.get(name), pairs)]
    if len({name for name, _ in found}) != 1 or any(not _dropped(program, path, use) for _, use in found):
        raise CannotMove("which step of the session should apply them is the author's to say")
    name, _ = found[0]
    once = sum(each.id == name for each in names)
    rewrite = Rewrite(program.files[path], tree)
    if name not in pairs:
        listed = _gradients_of(bound[name], pairs)
        if once != 1 + len(found) or listed is None:
            raise CannotMove(f"`{name}` is used in several places")
        rewrite.replace(bound[name].value, f"{optimizer}.apply_gradients({listed})")
        return rewrite.edits()
    taken = {each.id for each in names}
    step = next(word for word in ("train_op", "train_step", "apply_op", "apply_the_gradients") if word not in taken)
    rewrite.insert(f"{step} = {optimizer}.apply_gradients({name})", after(bound[name].statement))
    for _, use in found:
        rewrite.replace(use, step)
    return rewrite.edits()


def _pairs_of(value: ast.expr, pairs: set[str]) -> bool:
    """Whether a list of pairs is made of another, one by one."""
    if not isinstance(value, ast.ListComp) or not isinstance(value.elt, ast.Tuple) or len(value.elt.elts) != 2:
        return False
    return isinstance(value.generators[0].iter, ast.Name) and value.generators[0].iter.id in pairs


def _gradients_of(made: Binding | None, pairs: set[str]) -> str | None:
    """The pairs of which a list holds the gradients: `[g for g, _ in pairs]`."""
    value = made.value if made is not None else None
    if not isinstance(value, ast.ListComp) or len(value.generators) != 1:
        return None
    generator = value.generators[0]
    if not isinstance(generator.iter, ast.Name) or generator.iter.id not in pairs:
        return None
    target = generator.target
    if isinstance(target, ast.Tuple) and isinstance(target.elts[0], ast.Name):
        return generator.iter.id if loaded(value.elt) == {target.elts[0].id} else None
    first = isinstance(value.elt, ast.Subscript) and ast.unparse(value.elt.slice) == "0"
    return generator.iter.id if first and isinstance(target, ast.Name) and loaded(value.elt) == {target.id} else None


def _run(program: Program, path: str) -> Iterator[tuple[ast.Name, str]]:
    """What sessions are asked to run by name."""
    for call in program.nodes_of(path, ast.Call):
        if not isinstance(call.func, ast.Attribute) or call.func.attr != "run" or not call.args:
            continue
        first = call.args[0]
        for each in first.elts if isinstance(first, (ast.List, ast.Tuple)) else [first]:
            if isinstance(each, ast.Name):
                yield each, each.id


def _dropped(program: Program, path: str, use: ast.Name) -> bool:
    """Whether what the session gives back for it is not looked at."""
    parents = program.parents(path)
    listed = parents[use] if isinstance(parents[use], (ast.List, ast.Tuple)) else None
    statement = program.statement(use, path)
    if isinstance(statement, ast.Expr):
        return True
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    if isinstance(listed, (ast.List, ast.Tuple)) and isinstance(target, (ast.Tuple, ast.List)):
        at = next(place for place, each in enumerate(listed.elts) if each is use)
        target = target.elts[at] if at < len(target.elts) else None
    return isinstance(target, ast.Name) and target.id.startswith("_")
