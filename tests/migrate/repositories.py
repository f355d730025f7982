"""Git repositories for the tests, and a run over them in this process."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from regrad.migrate.engine import Engine
from regrad.migrate.events import Event
from regrad.migrate.request import Request, Settings
from regrad.migrate.results import RepositoryResult
from regrad.migrate.run import carried_out, migrate
from regrad.migrate.targets import sources
from regrad.repair.options import Options

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
BROKEN = (FIXTURES / "quickstart" / "linear_regression_forward_outside.py").read_text(encoding="utf-8")
"""RG401, safe."""
LATE = (FIXTURES / "quickstart" / "linear_regression_loss_outside.py").read_text(encoding="utf-8")
"""RG402, safe."""
FROZEN = (FIXTURES / "quickstart" / "frozen_classifier.py").read_text(encoding="utf-8")
"""RG202, unsafe."""
SOUND = (FIXTURES / "quickstart" / "linear_regression.py").read_text(encoding="utf-8")


def git(folder: Path, *arguments: str, given: bytes | None = None) -> str:
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in _PERSON.items()},
    }
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], input=given or b"", capture_output=True, env=environment
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("utf-8", "surrogateescape").strip()


_PERSON = {"NAME": "Somebody", "EMAIL": "somebody@example.org"}


def repository(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """A repository with these files in one commit."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    return commit(folder, files)


def commit(folder: Path, files: Mapping[str, str | bytes], message: str = "a state") -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    return folder


def settings(top: str, start: str) -> Settings:
    return Settings(Options(root=top, jobs=1))


def unsafe_settings(top: str, start: str) -> Settings:
    return Settings(Options(root=top, jobs=1, unsafe_fixes=True))


def request(output: Path, *targets: Path | str, **changes: object) -> Request:
    plain = Request(sources([str(target) for target in targets]), output, settings)
    return replace(plain, **changes)  # type: ignore[arg-type]


def run(wanted: Request, engine: Engine | None = None) -> list[RepositoryResult]:
    """The results in the order of the sources. In this process, so that starting others takes no time."""
    return told(wanted, engine)[0]


def told(wanted: Request, engine: Engine | None = None) -> tuple[list[RepositoryResult], list[Event]]:
    events: list[Event] = []
    order = [source.name for source in wanted.sources]
    with ThreadPoolExecutor(1) as executor:
        found = list(migrate(wanted, executor=engine or executor, listen=events.append))
    return sorted(found, key=lambda each: order.index(each.name)), events


def planned(wanted: Request) -> list[object]:
    with ThreadPoolExecutor(1) as executor:
        return [would for _, would in carried_out(wanted, executor=executor) if would is not None]


def state(folder: Path) -> dict[str, bytes | str]:
    """Everything in a checkout but the history: names, contents, links."""
    found: dict[str, bytes | str] = {}
    for current, folders, names in os.walk(folder):
        if ".git" in folders:
            folders.remove(".git")
        for name in names:
            path = Path(current) / name
            found[str(path.relative_to(folder))] = os.readlink(path) if path.is_symlink() else path.read_bytes()
    return found
