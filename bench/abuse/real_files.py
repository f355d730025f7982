"""Abuse by numbers: `check` and `fix --diff` over thousands of real files, with a time limit.

    python bench/abuse/real_files.py ~/collections --most 10000 --json real-files.json

Nothing is written and no program is run (`--no-verify`). Told are the files on which a command dies, hangs, ends with
an internal error (exit status 2), changes the file, or takes long; each then has a process of its own. The exit status
is 1 where any but slowness was seen.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import io
import json
import os
import platform
import random
import resource
import select
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SLOW = 10.0
"""Seconds of processor time for one command on one file that are worth telling."""
TOGETHER = 40
"""Files given to one process; if it complains or is slow, each of them gets a process of its own."""
COMMANDS = {
    "check": ["check", "--isolated", "--output-format", "json"],
    "fix": ["fix", "--isolated", "--diff", "--no-verify", "--unsafe-fixes"],
}


def batches_of(folders: list[str], most: int) -> list[list[str]]:
    """Python files and notebooks, neighbours together as they import each other, in the same order every time."""
    found = sorted(
        str(path)
        for folder in folders
        for end in ("*.py", "*.ipynb")
        for path in Path(folder).rglob(end)
        if path.is_file() and not path.is_symlink()
    )
    batches = [found[start : start + TOGETHER] for start in range(0, len(found), TOGETHER)]
    random.Random(0).shuffle(batches)
    return batches[: -(-most // TOGETHER)]


def run_inside(arguments: list[str]) -> dict[str, Any]:
    """The console script in this process, as the shell would see it."""
    from regrad.cli.main import run

    out, errors = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    sys.argv = ["regrad", *arguments]
    started = time.process_time()
    status: Any = 0
    trouble = ""
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            run()
        except SystemExit as leaving:
            status = leaving.code
        except BaseException as error:
            import traceback

            status, trouble = 2, f"{type(error).__name__}: {error}\n{traceback.format_exc()[-1500:]}"
    out.flush()
    errors.flush()
    size = out.buffer.tell()
    said = errors.buffer.getvalue().decode("utf-8", "replace")
    return {
        "status": int(status or 0),
        "seconds": time.process_time() - started,
        "bytes": size,
        "trouble": trouble or (said[-1500:] if status == 2 else ""),
    }


def in_child(paths: list[str], limit: float) -> dict[str, Any]:
    """Both commands on some files in a fork of this process, which has imported everything already."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.close(reading)
            os.setsid()
            answer: dict[str, Any] = {}
            before = [Path(path).read_bytes() for path in paths]
            for name, arguments in COMMANDS.items():
                answer[name] = run_inside([*arguments, *paths])
            answer["touched"] = [Path(path).read_bytes() for path in paths] != before
            answer["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            with open(writing, "w") as stream:
                json.dump(answer, stream)
        finally:
            os._exit(0)
    os.close(writing)
    content = b""
    deadline = time.monotonic() + limit
    ended = "hang"
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([reading], [], [], left)
        if ready:
            piece = os.read(reading, 1 << 16)
            if not piece:
                ended = "ended"
                break
            content += piece
    os.close(reading)
    if ended == "hang":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    if ended == "hang":
        return {"ended": "hang"}
    if not content:
        return {"ended": f"died: {status}"}
    return {"ended": "answered", **json.loads(content)}


def judged(answer: dict[str, Any], limit: float) -> Iterator[tuple[str, str]]:
    """What is to be told of a file, with its kind."""
    if answer["ended"] == "hang":
        yield "hang", f"no end within {limit:g} s"
        return
    if answer["ended"] != "answered":
        yield "death", answer["ended"]
        return
    if answer["touched"]:
        yield "touched", "the file changed"
    for name in COMMANDS:
        if answer[name]["status"] == 2:
            yield "internal error", f"{name}: {answer[name]['trouble']}"
        if answer[name]["seconds"] > SLOW:
            yield "slow", f"{name}: {answer[name]['seconds']:.1f} s of processor time"
    if answer["memory"] > 1024:
        yield "large", f"{answer['memory']} MiB"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    parser.add_argument("--most", type=int, default=10_000, metavar="FILES")
    parser.add_argument("--limit", type=float, default=90.0, metavar="SECONDS", help="for both commands on one file")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    os.environ.update(REGRAD_CACHE_DIR="", REGRAD_TRACEBACK="1")
    run_inside(["check", "--isolated", __file__])
    run_inside(["fix", "--isolated", "--diff", "--no-verify", __file__])
    batches = batches_of(options.folders, options.most)
    kinds: collections.Counter[str] = collections.Counter()
    told: list[dict[str, str]] = []
    seconds = dict.fromkeys(COMMANDS, 0.0)
    slowest = dict.fromkeys(COMMANDS, 0.0)
    started = time.monotonic()
    files = 0
    for number, batch in enumerate(batches):
        answer = in_child(batch, options.limit)
        files += len(batch)
        for name in COMMANDS:
            seconds[name] += answer[name]["seconds"] if name in answer else 0.0
        for path in batch if any(True for _ in judged(answer, options.limit)) else ():
            alone = in_child([path], options.limit)
            for name in COMMANDS:
                slowest[name] = max(slowest[name], alone[name]["seconds"] if name in alone else options.limit)
            for kind, words in judged(alone, options.limit):
                kinds[kind] += 1
                told.append({"path": shortened(path, options.folders), "kind": kind, "what": words})
                print(f"{kind}: {path}: {words}", flush=True)
        if number % 25 == 24:
            print(f"{files} files in {time.monotonic() - started:.0f} s", flush=True)
    figures = {
        "files": files,
        "limit": options.limit,
        "python": platform.python_version(),
        "kinds": dict(kinds),
        "CPU seconds": {name: round(spent, 1) for name, spent in seconds.items()},
        "slowest of those tried alone": {name: round(spent, 1) for name, spent in slowest.items()},
        "told": told,
    }
    print(json.dumps({key: value for key, value in figures.items() if key != "told"}, indent=2))
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=2) + "\n")
    return 1 if set(kinds) - {"slow", "large"} else 0


def shortened(path: str, folders: list[str]) -> str:
    """Without the folders of this machine."""
    return next(
        (os.path.relpath(path, folder) for folder in folders if path.startswith(folder)), os.path.basename(path)
    )


if __name__ == "__main__":
    sys.exit(main())
