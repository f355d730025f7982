"""The mendings as commits on a branch, made in the history itself: no checkout, no hook, and the branch comes last."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import regrad
from regrad.migrate.commits import Done, Step
from regrad.migrate.git import GitProblem, Repository
from regrad.migrate.printable import printable

NAME = "regrad/mend"
_NOTHING = "0" * 40


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit to be made."""

    subject: str
    body: str
    files: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """What was made."""

    name: str
    tip: str
    subjects: tuple[str, ...]


def commits(steps: Sequence[Step], *, one: bool) -> list[Commit]:
    """The commits of a repository, one for each rule, or one in all.

    Each step holds whole files as they are after all earlier rules, so rules that one program cannot tell apart go
    together everywhere, with the rules between them.
    """
    codes = sorted({code for step in steps for code in step.codes})
    ranges = [tuple(codes)] if one and codes else _ranges(codes, steps)
    made = []
    for group in ranges:
        own = [step for step in steps if step.codes and step.codes[0] in group]
        files: dict[str, bytes] = {}
        for step in own:
            files.update(step.files)
        done = sorted((each for step in own for each in step.done), key=lambda each: (each.code, each.path, each.line))
        if files:
            made.append(Commit(_subject(done), _body(done), tuple(sorted(files.items()))))
    return made


def _ranges(codes: Sequence[str], steps: Sequence[Step]) -> list[tuple[str, ...]]:
    found: list[list[str]] = [[code] for code in codes]
    for step in steps:
        touched = [index for index, group in enumerate(found) if set(group) & set(step.codes)]
        if len(touched) > 1:
            first, last = touched[0], touched[-1]
            found[first : last + 1] = [[code for group in found[first : last + 1] for code in group]]
    return [tuple(group) for group in found]


def _subject(done: Sequence[Done]) -> str:
    names = sorted({(each.code, each.name) for each in done})
    places = f" ({len(done)} places)" if len(done) > 1 else ""
    if len(names) == 1:
        code, name = names[0]
        return f"Mend {code} {name}{places}"
    shown = ", ".join(code for code, _ in names[:6]) + (", …" if len(names) > 6 else "")
    return f"Mend {shown}{places}"


def _body(done: Sequence[Done]) -> str:
    # A name may hold a line break, and a line that begins with `From ` ends a mail.
    lines = [
        f"{printable(each.path)}:{each.line} {each.code} {each.title}\n    {printable(each.proof)}" for each in done
    ]
    return "\n".join(lines) + f"\n\nMade by regrad {regrad.__version__}\n"


def write(
    repository: Repository,
    base: str,
    made: Iterable[Commit],
    *,
    name: str,
    index: str,
    moment: int,
    own_tip: str | None,
    checked_out: str | None,
) -> Branch:
    """Makes the commits on `base` and then the branch, in one step. The same commits get the same hashes every time.

    A branch of that name that is not ours (`own_tip`, or these very commits) is left alone: a number is added.
    """
    environment = {
        **repository.identity(),
        "GIT_INDEX_FILE": index,
        "GIT_AUTHOR_DATE": f"{moment} +0000",
        "GIT_COMMITTER_DATE": f"{moment} +0000",
    }
    modes = {entry.path: entry.mode for entry in repository.entries(base)}
    repository.run("read-tree", base, environment=environment)
    tip, subjects = base, []
    for commit in made:
        lines = []
        for path, content in commit.files:
            blob = repository.run("hash-object", "-w", "--no-filters", "--stdin", given=content).strip()
            lines.append(modes[path].encode() + b" " + blob + b"\t" + os.fsencode(path) + b"\0")
        repository.run("update-index", "-z", "--index-info", given=b"".join(lines), environment=environment)
        # What a partial clone lacks is in the tree by its name all the same.
        tree = repository.run("write-tree", "--missing-ok", environment=environment).decode().strip()
        message = f"{commit.subject}\n\n{commit.body}".encode("utf-8", "surrogateescape")
        answer = repository.run("commit-tree", tree, "-p", tip, given=message, environment=environment)
        tip = answer.decode().strip()
        subjects.append(commit.subject)
    os.unlink(index)
    return Branch(_show(repository, name, tip, {own_tip, tip}, checked_out), tip, tuple(subjects))


def _show(repository: Repository, name: str, tip: str, ours: set[str | None], checked_out: str | None) -> str:
    """Makes or moves the branch; gives the name that it got."""
    for number in range(1, 1000):
        candidate = name if number == 1 else f"{name}-{number}"
        reference = f"refs/heads/{candidate}"
        present = repository.commit(reference)
        if present is not None and (present not in ours or reference == checked_out):
            continue
        if present != tip:
            repository.run("update-ref", reference, tip, present or _NOTHING)
        return candidate
    raise GitProblem(f"there are too many branches {name}-…")


def checked_out(repository: Repository) -> str | None:
    """The branch that the user's checkout stands on; moving it would leave the checkout behind."""
    try:
        return repository.text("symbolic-ref", "--quiet", "HEAD") or None
    except GitProblem:
        return None


def remove(repository: Repository, name: str, tip: str) -> None:
    """Deletes a branch of ours, if it still is where we left it."""
    reference = f"refs/heads/{name}"
    if repository.commit(reference) == tip and checked_out(repository) != reference:
        repository.run("update-ref", "-d", reference, tip)


def patch(repository: Repository, base: str, tip: str) -> bytes:
    """The commits as mails that `git am` takes, and `git apply` too."""
    return repository.run(
        *("-c", "format.signOff=false", "-c", "format.useAutoBase=false", "-c", "format.notes=false"),
        *("format-patch", "--stdout", "--no-attach", "--no-signature", "--no-thread", "--no-cover-letter"),
        *("--no-add-header", "--no-to", "--no-cc", "--no-from", "--subject-prefix=PATCH", "--full-index", "--text"),
        *("--no-ext-diff", "--no-textconv", "--no-renames", "--src-prefix=a/", "--dst-prefix=b/"),
        *("--diff-algorithm=myers", f"{base}..{tip}"),
    )
