"""The logarithm of a symmetric matrix, through its eigenvalues: these have a gradient, `tf.linalg.logm` has none."""

from __future__ import annotations

import ast

from regrad.analysis.callee import called
from regrad.analysis.endings import Ending
from regrad.analysis.program import Program
from regrad.analysis.values import Tensor, Value
from regrad.codemods.engine import imports
from regrad.codemods.engine.broken_paths import argument
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.operations_of import reached
from regrad.codemods.engine.rule import Mending, Safety
from regrad.codemods.engine.surroundings import free_name, function_around, owners
from regrad.codemods.engine.symmetric import nonnegative, symmetric

_REAL = frozenset({"real"})


def through_eigenvalues(program: Program, ending: Ending) -> Mending:
    """The logarithm written out; raises `CannotMove` where the matrix may be another than a symmetric one."""
    from regrad.codemods.engine.moving import Rewrite, before

    call, path = ending.node, ending.frame.path
    source, tree = program.files[path], program.trees[path]
    matrices = [each.operation.inputs[0] for each in _made_at(program, call) if each.operation.inputs]
    reals = [each.operation.inputs[0] if _is_cast(each) else each for each in matrices if isinstance(each, Tensor)]
    if not reals or len(reals) != len(matrices) or not all(map(symmetric, reals)):
        raise CannotMove("whether the matrix is symmetric, which the eigenvalues ask for, is not certain here")
    statement = program.statement(call, path)
    given = argument(call, 0, "input") if isinstance(call, ast.Call) else None
    if (
        given is None
        or not isinstance(call, ast.Call)
        or statement is None
        or not _is_simple(program, statement, call, path)
    ):
        raise CannotMove("give the logarithm a name first")
    real, dtype, leaving = _before_the_cast(program, given, matrices, statement, path)
    values = free_name(program, path, tree, ("values", "eigenvalues"))
    vectors = free_name(program, path, tree, ("vectors", "eigenvectors"))

    def say(name: str) -> str:
        spelled = imports.spelled(tree, f"tensorflow.{name}", call)
        if spelled is None:
            raise CannotMove("the file does not say `tensorflow`")
        return spelled

    outer = _real_part(program, call, path)
    size = values
    if not all(map(nonnegative, reals)):
        if outer is None:
            raise CannotMove("the eigenvalues may be negative, and what the imaginary part is used for is not known")
        # The real part of the logarithm of a negative number.
        size = f"{say('abs')}({values})"
    logarithm = f"{vectors} @ {say('linalg.diag')}({say('math.log')}({size})) @ {say('linalg.adjoint')}({vectors})"
    rewrite = Rewrite(source, tree)
    if leaving is None:
        rewrite.insert(f"{values}, {vectors} = {say('linalg.eigh')}({real})", before(statement))
    else:
        # What was cast for the logarithm alone makes room.
        rewrite.replace(leaving, f"{values}, {vectors} = {say('linalg.eigh')}({real})")
    if outer is not None:
        rewrite.replace(outer, logarithm)
    else:
        rewrite.replace(call, f"{say('cast')}({logarithm}, {dtype})" if dtype else logarithm)
    why = "the same for a symmetric matrix; where eigenvalues are equal, the slope of their vectors counts as zero"
    return Mending("take the logarithm through the eigenvalues", Safety.UNSAFE, rewrite.edits(), why)


def _made_at(program: Program, call: ast.AST) -> list[Tensor]:
    """All logarithms that the call makes, whoever asks for them."""
    found: dict[int, Tensor] = {}
    for sink in program.sinks:
        for each in reached(iter((sink.target,))):
            if each.operation.node is call and each.operation.name == "logm":
                found[id(each)] = each
    return list(found.values())


def _is_cast(value: Value) -> bool:
    return isinstance(value, Tensor) and value.operation.name == "cast" and bool(value.operation.inputs)


def _is_simple(program: Program, statement: ast.stmt, call: ast.AST, path: str) -> bool:
    """Whether what stands before the statement is computed when, and as often as, the call is."""
    kinds = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Expr)
    inside = (
        ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.IfExp, ast.BoolOp, ast.NamedExpr,
    )  # fmt: skip
    around = owners(program, call, path)
    between = around[: around.index(statement)] if statement in around else around
    return isinstance(statement, kinds) and not any(isinstance(each, inside) for each in between)


def _before_the_cast(
    program: Program, given: ast.expr, matrices: list[Value], statement: ast.stmt, path: str
) -> tuple[str, str, ast.stmt | None]:
    """The real matrix that is cast to complex numbers, the dtype of these, and the cast's statement where it can go."""
    casts = {id(each.operation.node): each.operation.node for each in matrices if isinstance(each, Tensor)}
    cast = next(iter(casts.values()))
    if len(casts) != 1 or not all(map(_is_cast, matrices)) or not isinstance(cast, ast.Call):
        raise CannotMove("where the matrix becomes a complex one is not certain here")
    inner, dtype = argument(cast, 0, "x"), argument(cast, 1, "dtype")
    if inner is None or dtype is None:
        raise CannotMove("the cast to complex numbers does not spell its arguments out")
    texts = program.source(inner, path), program.source(dtype, path)
    if given is cast:
        return *texts, None
    made = program.statement(cast, path)
    target = made.targets[0] if isinstance(made, ast.Assign) and made.value is cast else None
    scope = function_around(program, statement, path)
    if not isinstance(given, ast.Name) or not isinstance(target, ast.Name) or target.id != given.id or made is None:
        raise CannotMove("where the matrix becomes a complex one is not certain here")
    if function_around(program, made, path) is not scope or len(getattr(made, "targets", ())) != 1:
        raise CannotMove("where the matrix becomes a complex one is not certain here")
    names = [each for each in ast.walk(scope or program.trees[path]) if isinstance(each, ast.Name)]
    alone = sum(each.id == target.id for each in names) == 2
    if alone:
        return *texts, made
    stores = [each for each in names if not isinstance(each.ctx, ast.Load) and each.lineno >= made.lineno]
    if not isinstance(inner, ast.Name) or any(each.id == inner.id for each in stores):
        raise CannotMove("give the real matrix a name first")
    return *texts, None


def _real_part(program: Program, call: ast.AST, path: str) -> ast.expr | None:
    """The call around the logarithm that takes its real part."""
    parent = program.parents(path).get(call)
    if not isinstance(parent, ast.Call) or len(parent.args) != 1 or parent.keywords or parent.args[0] is not call:
        return None
    name = called(parent)
    return parent if name in _REAL else None
