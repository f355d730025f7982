"""Fuzzing of the reader, the rewriter and the notebooks with programs that Python takes and nobody would write.

    python bench/abuse/fuzz.py --minutes 20 --keep failures
    python bench/abuse/fuzz.py --engine atheris --minutes 20      (pip install atheris)

The programs are those of tests/abuse/grammar.py. What must hold is in bench/promises.py: no crash, no hang, what is
rewritten parses, nothing else is touched, a second run has nothing to do. Each failure is kept as a file; the exit
status is 1 if there is one.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import importlib
import importlib.util
import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 30.0
"""Seconds of processor time for one program."""


class Hang(Exception):
    """One program took too long."""


class Broken(Exception):
    """A promise was not kept."""


def load(name: str, path: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


class Harness:
    """What is fuzzed, with what came of it."""

    def __init__(self, keep: Path | None) -> None:
        self.promises = load("promises", ROOT / "bench" / "promises.py")
        self.grammar = load("grammar", ROOT / "tests" / "abuse" / "grammar.py")
        self.unreadable = importlib.import_module("regrad.analysis.source").Unreadable
        self.keep = keep
        self.counted: collections.Counter[str] = collections.Counter()
        self.failures: dict[str, str] = {}
        self.slowest = 0.0

    def entry(self) -> Callable[[bytes], Any]:
        """A function of bytes, of which hypothesis makes programs."""
        from hypothesis import HealthCheck, given, settings
        from hypothesis import strategies as st

        programs = st.one_of(
            self.grammar.scripts().map(lambda content: ("train.py", content)),
            self.grammar.notebooks().map(lambda content: ("train.ipynb", content)),
        )

        @settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(programs)
        def one(program: tuple[str, bytes]) -> None:
            self.tried(*program)

        found: Callable[[bytes], Any] = one.hypothesis.fuzz_one_input  # type: ignore[attr-defined]
        return found

    def tried(self, name: str, content: bytes) -> None:
        self.counted["programs"] += 1
        started = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, LONGEST)
        try:
            self.require(name, content)
        except Exception as problem:
            place = traceback.extract_tb(problem.__traceback__)[-1]
            words = str(problem).splitlines()[0] if str(problem) else ""
            kind = f"{type(problem).__name__} {Path(place.filename).name}:{place.lineno} {words[:160]}"
            self.counted["failures"] += 1
            if kind not in self.failures:
                self.failures[kind] = self.kept(name, content)
                print(f"FAILED {kind} {self.failures[kind]}", flush=True)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            self.slowest = max(self.slowest, time.process_time() - started)

    def require(self, name: str, content: bytes) -> None:
        place = f"/nowhere/{name}"
        try:
            made = self.promises.rewrite(place, {place: content})
        except self.unreadable:
            self.counted["not readable"] += 1
            return
        if made is None:
            return
        self.counted["mended"] += 1
        self.counted.update(f"mended {code}" for code in made.codes)
        broken = list(self.promises.complaints(made))
        if broken:
            raise Broken(f"{', '.join(made.codes)}: {broken[0]}")

    def kept(self, name: str, content: bytes) -> str:
        if self.keep is None:
            return ""
        self.keep.mkdir(parents=True, exist_ok=True)
        path = self.keep / f"{hashlib.sha1(content).hexdigest()[:10]}{Path(name).suffix}"
        path.write_bytes(content)
        return str(path)

    def figures(self) -> dict[str, Any]:
        codes = {name[7:]: count for name, count in sorted(self.counted.items()) if name.startswith("mended ")}
        plain = {name: count for name, count in self.counted.items() if not name.startswith("mended ")}
        return {**plain, "slowest": round(self.slowest, 2), "by rule": codes, "failures by kind": list(self.failures)}


def stop(_: int, __: FrameType | None) -> None:
    raise Hang(f"no end within {LONGEST:g} s of processor time")


def with_random(harness: Harness, seconds: float, seed: int) -> None:
    entry, generator = harness.entry(), random.Random(seed)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        entry(generator.randbytes(generator.choice((200, 600, 2000))))


def with_atheris(harness: Harness, seconds: float, seed: int) -> None:
    """Guided by the branches of regrad that a program comes to."""
    import atheris

    deadline = time.monotonic() + seconds
    entry = harness.entry()

    def one(data: bytes) -> None:
        if time.monotonic() > deadline:
            finish(harness)
        entry(data)

    atheris.Setup([sys.argv[0], "-max_len=2000", "-len_control=0", f"-seed={seed}", "-verbosity=0"], one)
    atheris.Fuzz()


def instrumented(keep: Path | None) -> Harness:
    """The harness with every module of regrad made to tell atheris which branches are taken."""
    import atheris

    with atheris.instrument_imports(include=["regrad"]):
        harness = Harness(keep)
        importlib.import_module("regrad.codemods.engine.registry").rules()
    return harness


def finish(harness: Harness) -> None:
    print(json.dumps(harness.figures(), indent=2), flush=True)
    os._exit(1 if harness.failures else 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=("random", "atheris"), default="random")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder for the programs that fail")
    options = parser.parse_args()
    signal.signal(signal.SIGPROF, stop)
    guided = options.engine == "atheris"
    harness = instrumented(options.keep) if guided else Harness(options.keep)
    (with_atheris if guided else with_random)(harness, 60.0 * options.minutes, options.seed)
    finish(harness)


if __name__ == "__main__":
    main()
