"""Parses files and does nothing else, to be measured: `python parse_only.py ast|libcst FOLDER`.

Prints the processor time of the parsing alone, the number of files, their characters, and what could not be parsed. It
needs nothing of ours, so that it runs in any environment.
"""

from __future__ import annotations

import ast
import json
import pathlib
import sys
import time
import warnings


def with_ast(text: str) -> None:
    ast.parse(text)


def with_libcst(text: str) -> None:
    """The tree with the qualified name of every name, which is what a codemod on libcst asks for."""
    from libcst import parse_module
    from libcst.metadata import MetadataWrapper, QualifiedNameProvider

    MetadataWrapper(parse_module(text), unsafe_skip_copy=True).resolve(QualifiedNameProvider)


if __name__ == "__main__":
    parse = {"ast": with_ast, "libcst": with_libcst}[sys.argv[1]]
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(10_000)
    seconds, count, characters, failed = 0.0, 0, 0, 0
    for path in sorted(pathlib.Path(sys.argv[2]).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        started = time.process_time()
        try:
            parse(text)
        except Exception:
            failed += 1
        seconds += time.process_time() - started
        count += 1
        characters += len(text)
    print(json.dumps({"seconds": seconds, "files": count, "characters": characters, "failed": failed}))
