"""A copy of the program's folder made of links: reading works as before, writing lands in the scratch folder."""

from __future__ import annotations

import builtins
import io
import os
import tempfile
from typing import Any

plain_unlink = os.unlink
MOST_ENTRIES = 3000
DEEPEST = 4


def mirror(source: str, target: str) -> None:
    """Real folders, linked files. What is too big or too deep is linked as a whole (and then cannot be written)."""
    budget = [MOST_ENTRIES]

    def copy(folder: str, into: str, depth: int) -> None:
        os.makedirs(into, exist_ok=True)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            return
        for entry in entries:
            budget[0] -= 1
            there = os.path.join(into, entry.name)
            try:
                whole = depth >= DEEPEST or budget[0] <= 0 or entry.name.startswith(".") or entry.name == "node_modules"
                if entry.is_dir(follow_symlinks=False) and not whole:
                    copy(entry.path, there, depth + 1)
                else:
                    os.symlink(entry.path, there)
            except OSError:
                continue

    copy(source, target, 0)


class Redirect:
    """Turns a path that is about to be written into one below the scratch folder."""

    def __init__(self, scratch: str) -> None:
        self.scratch = os.path.realpath(scratch)

    def path(self, path: Any) -> Any:
        if isinstance(path, int):
            return path
        try:
            text = os.fsdecode(path)
        except TypeError:
            return path
        absolute = os.path.abspath(text)
        if os.path.islink(absolute) and self.inside(
            os.path.dirname(os.path.realpath(os.path.dirname(absolute)) + "/x")
        ):
            # A linked file of the mirror: the link is replaced, its target is the user's.
            if not self.inside(os.path.realpath(absolute)):
                plain_unlink(absolute)
            return path
        real = os.path.realpath(absolute)
        if self.inside(real) or real.startswith("/dev/"):
            return path
        moved = os.path.join(self.scratch, "elsewhere", real.lstrip("/"))
        os.makedirs(os.path.dirname(moved), exist_ok=True)
        return moved

    def inside(self, real: str) -> bool:
        return real == self.scratch or real.startswith(self.scratch + os.sep)


def redirect_writes(scratch: str) -> None:
    redirect = Redirect(scratch)
    plain_open = builtins.open

    def opened(file: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
        if isinstance(mode, str) and any(letter in mode for letter in "wax+"):
            keep = "a" in mode or "r" in mode
            old = file
            content = b""
            if keep and not isinstance(file, int):
                try:
                    with plain_open(file, "rb") as reader:
                        content = reader.read(1 << 24)
                except (OSError, TypeError):
                    content = b""
            file = redirect.path(file)
            if content and file is not None and not isinstance(old, int) and not os.path.exists(file):
                with plain_open(file, "wb") as writer:
                    writer.write(content)
        elif not isinstance(file, int):
            moved = elsewhere(file)
            file = moved if moved is not None else file
        return plain_open(file, mode, *args, **options)

    def elsewhere(file: Any) -> str | None:
        """What the program wrote a moment ago must be readable under the name it used."""
        try:
            moved = os.path.join(redirect.scratch, "elsewhere", os.path.realpath(os.fsdecode(file)).lstrip("/"))
        except (TypeError, ValueError):
            return None
        return moved if os.path.isfile(moved) else None

    builtins.open = opened
    io.open = opened

    def redirected(call: Any, positions: tuple[int, ...]) -> Any:
        def wrapper(*args: Any, **options: Any) -> Any:
            changed = list(args)
            for position in positions:
                if position < len(changed) and "dir_fd" not in options:
                    changed[position] = redirect.path(changed[position])
            return call(*changed, **options)

        return wrapper

    plain_mkdir = os.mkdir

    def mkdir(path: Any, *args: Any, **options: Any) -> Any:
        # `mkdir` of a folder that exists must fail as it always does.
        target = path if options.get("dir_fd") is not None or os.path.isdir(path) else redirect.path(path)
        return plain_mkdir(target, *args, **options)

    os.mkdir = mkdir

    def unlink(path: Any, *args: Any, **options: Any) -> None:
        absolute = os.path.abspath(os.fsdecode(path))
        if options.get("dir_fd") is None and not redirect.inside(os.path.realpath(os.path.dirname(absolute))):
            # Outside the scratch folder only what the run itself has put "elsewhere" can go.
            moved = os.path.join(redirect.scratch, "elsewhere", os.path.realpath(absolute).lstrip("/"))
            if os.path.exists(moved) or not os.path.exists(absolute):
                plain_unlink(moved)
            return
        plain_unlink(path, *args, **options)

    os.remove = unlink
    os.unlink = unlink
    os.rmdir = redirected(os.rmdir, (0,))
    os.rename = redirected(os.rename, (0, 1))
    os.replace = redirected(os.replace, (0, 1))


def settle(scratch: str, folder: str) -> str:
    """Home, temporary files and the working folder of the run; gives the working folder."""
    work, home, temporary = (os.path.join(scratch, name) for name in ("work", "home", "tmp"))
    for made in (home, temporary):
        os.makedirs(made, exist_ok=True)
    mirror(folder, work)
    os.environ.update(
        HOME=home, TMPDIR=temporary, TEMP=temporary, TMP=temporary, XDG_CACHE_HOME=home, MPLCONFIGDIR=home
    )
    tempfile.tempdir = temporary
    os.chdir(work)
    redirect_writes(scratch)
    return work
