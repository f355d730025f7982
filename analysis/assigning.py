"""The names of the methods that change what a variable holds: none of them lets a gradient through."""

from __future__ import annotations

import ast

WHOLE = frozenset({"assign", "assign_add", "assign_sub"})
"""Those that change all of it, or the part that `variable[index]` names."""
SCATTERING = frozenset(
    "scatter_add scatter_div scatter_max scatter_min scatter_mul scatter_sub scatter_update batch_scatter_update"
    " scatter_nd_add scatter_nd_max scatter_nd_min scatter_nd_sub scatter_nd_update".split()
)
"""Those that change the elements at given places."""
ASSIGNING = WHOLE | SCATTERING
FILLING = ASSIGNING | {"set_weights"}
"""Those that do so in whatever has them."""


def is_function(call: ast.Call) -> bool:
    """Whether it is `tf.assign(variable, …)` rather than `variable.assign(…)`: the variable is one argument more."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in ASSIGNING:
        return False
    name = call.func.attr
    own = 2 if name.startswith("scatter_nd_") else 1
    given = [each.arg for each in call.keywords if each.arg not in ("use_locking", "name", "read_value")]
    return len(call.args) + len(given) > own


def variable_of(call: ast.Call) -> ast.expr | None:
    """Where the variable stands that a call assigns to."""
    if not is_function(call):
        return call.func.value if isinstance(call.func, ast.Attribute) else None
    return call.args[0] if call.args else next((each.value for each in call.keywords if each.arg == "ref"), None)
