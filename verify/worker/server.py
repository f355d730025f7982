"""The warm server: imports TensorFlow once, then forks one child per run and reports how that child ended."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import platform
import select
import shutil
import signal
import sys
import time
from typing import Any

from .frames import read_frame, sealed_frames, write_frame

OUTPUT_CAP = 64 * 1024
RESULT_CAP = 64 * 1024 * 1024
MEMORY_INTERVAL = 0.1


def threads() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 1


def context_initialised() -> bool:
    """Whether TensorFlow's eager context lives: a fork would then hang in its first operation."""
    try:
        from tensorflow.python.eager import context

        safe = context.context_safe()
        return safe is not None and bool(getattr(safe, "_initialized", False))
    except (ImportError, AttributeError):
        return True


def import_tensorflow() -> dict[str, Any]:
    import tensorflow as tf

    from .kerases import version_of

    return {"tensorflow": tf.__version__, "keras": version_of(tf)}


def become_subreaper() -> None:
    """Grandchildren that leave their session still come back to us, so that none survives its run."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0)


def descendants() -> list[int]:
    """Everything that runs beneath us: the run, what it has started, and what was orphaned to us, parents first."""
    parents: dict[int, list[int]] = {}
    try:
        names = os.listdir("/proc")
    except OSError:
        return []
    for name in names:
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as stat:
                    fields = stat.read().rpartition(b")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(name))
    found = [os.getpid()]
    for process in found:
        found += parents.get(process, ())
    return found[1:]


def reap_everything(group: int) -> None:
    """Kills the run's process group, then whatever was orphaned to us, until nothing is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    for _ in range(50):
        remaining = descendants()
        if not remaining:
            break
        for process in remaining:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        for process in remaining:
            # Those that are no children of ours yet come to us when their parents are gone, for the next round.
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process, 0)


def private_memory(process: int) -> int:
    """Bytes that the process holds for itself: what it shares with the server by the fork is not its use."""
    try:
        with open(f"/proc/{process}/smaps_rollup", "rb") as rollup:
            return sum(int(line.split()[1]) * 1024 for line in rollup if line.startswith(b"Private_"))
    except (OSError, ValueError, IndexError):
        return 0


class Drain:
    """Reads a pipe without ever blocking, keeping at most `cap` bytes (the last ones if `tail`)."""

    def __init__(self, descriptor: int, cap: int, tail: bool) -> None:
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self.cap = cap
        self.tail = tail
        self.data = bytearray()
        self.open = True

    def read(self) -> None:
        for _ in range(64):
            try:
                piece = os.read(self.descriptor, 1 << 16)
            except BlockingIOError:
                return
            except OSError:
                piece = b""
            if not piece:
                self.open = False
                return
            if self.tail or len(self.data) < self.cap:
                self.data += piece
            if self.tail and len(self.data) > self.cap:
                del self.data[: len(self.data) - self.cap]


def wait_for(
    process: int, drains: list[Drain], deadline: float, memory: int | None, control: int
) -> tuple[int | None, str | None]:
    """Waits on the process, never on the end of its pipes (a grandchild may hold them): (status, why killed)."""
    pidfd = -1
    if hasattr(os, "pidfd_open"):
        try:
            pidfd = os.pidfd_open(process)
        except OSError:
            pidfd = -1
    next_look = time.monotonic() + MEMORY_INTERVAL
    try:
        while True:
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                return status, None
            now = time.monotonic()
            if now >= deadline:
                return None, "timeout"
            if memory is not None and now >= next_look:
                if sum(map(private_memory, descendants())) > memory:
                    return None, "memory"
                # Looking takes longer the more processes there are.
                next_look = time.monotonic() + max(MEMORY_INTERVAL, 10 * (time.monotonic() - now))
            watched = [drain.descriptor for drain in drains if drain.open] + ([pidfd] if pidfd >= 0 else []) + [control]
            patience = min(deadline - now, MEMORY_INTERVAL if (memory is not None or pidfd < 0) else 1.0)
            if pidfd < 0:
                patience = min(patience, 0.01)
            ready, _, _ = select.select(watched, [], [], max(patience, 0.0))
            for drain in drains:
                if drain.descriptor in ready:
                    drain.read()
            if control in ready:
                return None, "abandoned"
    finally:
        if pidfd >= 0:
            os.close(pidfd)


def run_job(job: dict[str, Any], control: int, reply: int) -> dict[str, Any]:
    folder = job["scratch"]
    os.makedirs(folder, exist_ok=True)
    started = time.monotonic()
    secret = os.urandom(32)
    result_read, result_write = os.pipe()
    output_read, output_write = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.close(result_read)
            os.close(output_read)
            os.close(control)
            os.close(reply)
            from .child import main

            main(job, result_write, output_write, secret)
        finally:
            os._exit(70)
    os.close(result_write)
    os.close(output_write)
    result = Drain(result_read, RESULT_CAP, tail=False)
    output = Drain(output_read, OUTPUT_CAP, tail=True)
    killed: str | None = None
    status: int | None = None
    try:
        status, killed = wait_for(process, [result, output], started + job["timeout"], job.get("memory"), control)
    finally:
        if status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process, 0)
        reap_everything(process)
        result.read()
        output.read()
        os.close(result_read)
        os.close(output_read)
        shutil.rmtree(folder, ignore_errors=True)
    signalled = os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else None
    code = os.WEXITSTATUS(status) if status is not None and os.WIFEXITED(status) else None
    return {
        "messages": sealed_frames(bytes(result.data), secret),
        "output": bytes(output.data).decode("utf-8", "replace"),
        "killed": killed,
        "signal": signalled,
        "code": code,
        "seconds": time.monotonic() - started,
    }


def serve(control: int, reply: int, warm: bool, scratch: str) -> None:
    """Answers jobs until the other side closes. `warm` is False where a fork after the import is not safe."""
    os.set_inheritable(control, False)
    os.set_inheritable(reply, False)
    become_subreaper()
    hello: dict[str, Any] = {"python": platform.python_version(), "warm": warm}
    if warm:
        try:
            hello.update(import_tensorflow())
        except BaseException as error:
            write_frame(reply, {"error": f"{type(error).__name__}: {error}", **hello})
            return
        for name in ("frames", "child"):
            __import__(__package__ + "." + name)
        # Freezing keeps the pages shared, and leaves gc.get_objects() in a child with the child's own objects.
        gc.collect()
        gc.freeze()
        hello["forkable"] = threads() == 1 and not context_initialised()
    try:
        write_frame(reply, hello)
        while (job := read_frame(control)) is not None:
            write_frame(reply, run_job(job, control, reply))
    except BrokenPipeError:
        return
    finally:
        # Whoever started us may have been killed and cannot clear up.
        shutil.rmtree(scratch, ignore_errors=True)
