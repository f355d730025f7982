"""Git as a tool that reads histories and writes commits without a checkout, and runs nothing that they name."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

# Hooks, filters, signing programs and prompts belong to a person at a terminal. The contents are taken and given as
# they are in the repository, so no filter has a part in it.
_SETTINGS = (
    ("core.hooksPath", os.devnull),
    ("core.fsmonitor", "false"),
    ("core.quotePath", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("commit.gpgSign", "false"),
    ("log.showSignature", "false"),
    ("protocol.ext.allow", "never"),
    ("diff.external", ""),
)
_OF_A_CALLER = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_PREFIX")
"""Set while a hook runs; they would turn every repository into the hook's own."""
_ASKED_AT_ONCE = 64
"""Files asked of git before the first answer is read. So many names fit into any pipe: neither side waits for ever."""
NOBODY = {"name": "regrad", "email": "regrad@localhost"}
"""Who commits where git knows nobody."""


class GitProblem(Exception):
    """Git could not do it; the message is its own last sentence."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a commit, as its tree names it."""

    path: str
    mode: str
    blob: str
    size: int


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository by the folder of its history (`.git`, or a bare repository)."""

    folder: str

    def run(self, *arguments: str, given: bytes | None = None, environment: Mapping[str, str] | None = None) -> bytes:
        return run("--git-dir", self.folder, *arguments, given=given, environment=environment)

    def text(self, *arguments: str) -> str:
        return self.run(*arguments).decode("utf-8", "surrogateescape").strip()

    def commit(self, name: str) -> str | None:
        """The full hash of the commit of that name; None where there is none."""
        try:
            return self.text("rev-parse", "--verify", "--quiet", "--end-of-options", name + "^{commit}") or None
        except GitProblem:
            return None

    def entries(self, revision: str) -> Iterator[Entry]:
        """What the commit holds, submodules included (mode 160000)."""
        listing = self.run("ls-tree", "-r", "-z", "-l", "--full-tree", revision)
        for line in listing.split(b"\0"):
            if line:
                head, _, path = line.partition(b"\t")
                mode, _, blob, size = head.decode("ascii").split()
                yield Entry(os.fsdecode(path), mode, blob, int(size) if size.isdigit() else 0)

    def changed(self, since: str, revision: str) -> frozenset[str]:
        """The paths that differ from where the two revisions parted; raises `GitProblem` for an unknown one."""
        try:
            base = self.text("merge-base", "--end-of-options", since, revision)
        except GitProblem:
            if self.commit(since) is None:
                raise GitProblem(f"there is no commit {since}") from None
            base = since
        listing = self.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", base, revision)
        return frozenset(os.fsdecode(path) for path in listing.split(b"\0") if path)

    def contents(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, bytes | None]]:
        """The exact bytes of files, one after the other; None for what a partial clone does not have."""
        command = ["git", *_options(), "--git-dir", self.folder, "cat-file", "--batch"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment()
        ) as process:
            assert process.stdin is not None and process.stdout is not None
            waiting = iter(entries)
            while asked := list(islice(waiting, _ASKED_AT_ONCE)):
                process.stdin.write(b"".join(entry.blob.encode("ascii") + b"\n" for entry in asked))
                process.stdin.flush()
                for entry in asked:
                    head = process.stdout.readline().split()
                    if head[1:] == [b"missing"]:
                        yield entry, None
                        continue
                    if len(head) != 3:
                        raise GitProblem(f"the contents of {entry.path!r} cannot be read from the repository")
                    content = process.stdout.read(int(head[2]))
                    process.stdout.read(1)
                    yield entry, content
            process.stdin.close()

    def identity(self) -> dict[str, str]:
        """The environment that says who commits: whom git is configured for, or ourselves."""
        found = {}
        for key, default in NOBODY.items():
            try:
                value = self.text("config", "--get", f"user.{key}") or default
            except GitProblem:
                value = default
            for role in ("AUTHOR", "COMMITTER"):
                name = f"GIT_{role}_{key.upper()}"
                found[name] = os.environ.get(name) or value
        return found


def run(*arguments: str, given: bytes | None = None, environment: Mapping[str, str] | None = None) -> bytes:
    """Git's output; raises `GitProblem`."""
    try:
        done = subprocess.run(
            ["git", *_options(), *arguments],
            input=b"" if given is None else given,
            capture_output=True,
            env={**_environment(), **(environment or {})},
        )
    except FileNotFoundError:
        raise GitProblem("git is not installed") from None
    except ValueError as problem:
        raise GitProblem(str(problem)) from None
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        last = lines[-1] if lines else f"git ended with status {done.returncode}"
        said = next((line for line in lines if line.startswith(("fatal:", "error:"))), last)
        raise GitProblem(said.removeprefix("fatal: "))
    return done.stdout


def clone(url: str, folder: str, *, whole: bool) -> Repository:
    """A bare copy of a repository in a new folder; only its newest commit unless `whole`."""
    depth = () if whole else ("--depth", "1")
    run("clone", "--quiet", "--bare", "--no-tags", *depth, "--", url, folder)
    return Repository(folder)


def _options() -> list[str]:
    return [part for key, value in _SETTINGS for part in ("-c", f"{key}={value}")]


def _environment() -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in _OF_A_CALLER}
    # A question for a password would wait for ever.
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    inherited.setdefault("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")
    return {**inherited, **quiet}
