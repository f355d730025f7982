"""On what a benchmark ran: the machine and the versions."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path

from .result import Value

ROOT = Path(__file__).resolve().parents[1]


def machine() -> dict[str, Value]:
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": _processor(),
        "memory in GiB": round(_memory() / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "load at the start": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Of Python, regrad with its commit, and these packages as far as this interpreter has them."""
    found = {"Python": platform.python_version(), "regrad": f"{_version('regrad') or 'not installed'}{_commit()}"}
    for package in packages:
        version = _version(package)
        if version:
            found[package] = version
    return found


def regrad_version() -> str:
    return versions(())["regrad"]


def measured_with(parts: Iterable[str]) -> dict[str, str]:
    """Where a benchmark went on from an earlier run: the versions that measured its parts, if not this one."""
    found = sorted(set(parts))
    return {} if found in ([], [regrad_version()]) else {"regrad that measured the parts": "; ".join(found)}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit() -> str:
    commit = _git("rev-parse", "--short=9", "HEAD")
    if not commit:
        return ""
    # Tests, documents and the benchmarks themselves do not change what is measured.
    measured = ["analysis", "codemods", "verify", "repair", "report", "migrate", "cli"]
    return f" ({commit}{' with changes' if _git('status', '--porcelain', '--', *measured) else ''})"


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
