"""Rules as one writes them with grep in five minutes: a word that is often to blame, reported wherever it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ..cases import program_text
from . import Reader

_RULES: tuple[tuple[str, str, str], ...] = (
    ("numpy()", r"\.numpy\(\)", "left-tensorflow predict-in-tape variable-replaced"),
    ("np.", r"\bnp\.(mean|sum|sqrt|square|log|abs|exp|array)\(", "left-tensorflow"),
    ("predict(", r"\.predict\(", "predict-in-tape"),
    ("argmax", r"\bargmax\(", "nondiff-in-loss nondiff-in-model"),
    ("round, sign, floor", r"\b(round|sign|floor|ceil)\(", "nondiff-in-loss nondiff-in-model"),
    ("cast to integer", r"cast\([^\n]*int(8|16|32|64)", "nondiff-in-loss nondiff-in-model integer-path"),
    ("integer constant", r"(Variable|constant)\(\s*-?\d+\s*[,)]", "integer-path non-trainable-sources wrong-watch"),
    ("stop_gradient", r"stop_gradient\(", "gradient-stopped"),
    ("trainable = False", r"trainable\s*=\s*False", "all-frozen stale-trainable non-trainable-sources"),
    (".assign(", r"\.assign(_add|_sub)?\(", "variable-assign variable-replaced"),
    ("compile without loss", r"\.compile\((?![^)]*loss)[^)]*\)", "loss-missing"),
    ("one unit and softmax", r"Dense\(\s*1\s*,[^)]*softmax", "singleton-softmax loss-head-mismatch"),
    ("loss='accuracy'", r"loss\s*=\s*\[?['\"](accuracy|acc|mae_metric)['\"]", "metric-as-loss"),
    ("minimize(", r"\.minimize\(", "minimize-precomputed tf1-in-eager"),
    ("tf.Variable in a layer", r"self\.\w+\s*=\s*tf\.Variable\(", "untracked-variables"),
    ("apply_gradients without zip", r"apply_gradients\((?!\s*zip)", "apply-gradients-misused"),
    ("tf.log, tf.sqrt", r"\b(tf(\.math)?|K|ops)\.(log|sqrt)\(", "nan-log nan-sqrt nan-where"),
    ("fit with one argument", r"\.fit\(\s*\w+\s*(,\s*epochs[^)]*)?\)", "targets-missing"),
    ("fit of a list", r"\.fit\(\s*\[", "targets-as-list"),
    ("zeros initializer", r"kernel_initializer\s*=\s*['\"](zeros|ones)['\"]", "zero-init"),
    ("persistent missing", r"GradientTape\(\)", "tape-exhausted"),
    ("watch(", r"\.watch\(", "wrong-watch"),
)


class Naive(Reader):
    """One regular expression a rule."""

    name = "words (grep)"
    causes: Mapping[str, frozenset[str]] = {rule: frozenset(kinds.split()) for rule, _, kinds in _RULES}

    def __init__(self) -> None:
        self._rules = [(rule, re.compile(pattern)) for rule, pattern, _ in _RULES]

    def rules(self, path: Path) -> frozenset[str]:
        try:
            text = program_text(path) if path.suffix == ".ipynb" else path.read_text(encoding="utf-8")
        except (OSError, ValueError, KeyError):
            return frozenset()
        return frozenset(rule for rule, pattern in self._rules if pattern.search(text))
