"""Keeps a run from reaching anything but its scratch folder: limits, Landlock, no network, few system calls."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import socket
import struct
import sys
from typing import Any

from .syscalls import filter_calls

REFUSED = "regrad: the network is blocked while a training step is verified"

# Landlock's write rights, by the version of the interface that brought them.
WRITE_RIGHTS = {
    1: (1 << 1) | sum(1 << bit for bit in range(4, 13)),
    2: 1 << 13,
    3: 1 << 14,
}
TCP_RIGHTS = 0b11
SCOPES = 0b11
"""From version 6: abstract sockets and signals reach no process outside."""
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000


class NetworkBlocked(OSError):
    """The program asked for the network."""


def limit_resources(seconds: float) -> None:
    def lower(what: int, value: int) -> None:
        _, hard = resource.getrlimit(what)
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (value, value))

    lower(resource.RLIMIT_CORE, 0)
    lower(resource.RLIMIT_FSIZE, 1 << 31)
    lower(resource.RLIMIT_CPU, int(seconds * (os.cpu_count() or 1)) + 30)


def die_with_parent() -> None:
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)


def block_network_in_python(note: Any) -> None:
    """Refuses at once, and says so: a program that hangs on a download says nothing."""

    def refuse(*_: Any, **__: Any) -> Any:
        note("network")
        raise NetworkBlocked(REFUSED)

    def connect(self: socket.socket, address: Any, *rest: Any) -> Any:
        if self.family == getattr(socket, "AF_UNIX", None):
            return unix_connect(self, address, *rest)
        return refuse()

    unix_connect = socket.socket.connect
    socket.socket.connect = connect  # type: ignore[method-assign, assignment]
    socket.socket.connect_ex = refuse  # type: ignore[method-assign]
    socket.create_connection = refuse
    socket.getaddrinfo = refuse
    socket.gethostbyname = refuse


def leave_network_namespace() -> bool:
    user, group = os.getuid(), os.getgid()
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if library.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
            return False
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    except (OSError, AttributeError):
        return False
    return True


def restrict_writes(folders: list[str]) -> bool:
    """Landlock: writing, making and removing files only beneath `folders`; no TCP and no signals to other processes
    where the kernel can refuse them.
    """
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None, use_errno=True)
    version = library.syscall(444, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    rights = 0
    for since, bits in WRITE_RIGHTS.items():
        if version >= since:
            rights |= bits
    attributes = struct.pack("Q", rights)
    if version >= 4:
        attributes += struct.pack("Q", TCP_RIGHTS)
    if version >= 6:
        attributes += struct.pack("Q", SCOPES)
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    ruleset = library.syscall(444, buffer, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        return False
    try:
        for folder in folders:
            try:
                parent = os.open(folder, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                continue
            allowed = rights if os.path.isdir(folder) else rights & ((1 << 1) | (1 << 14))
            rule = ctypes.create_string_buffer(struct.pack("=Qi", allowed, parent), 12)
            library.syscall(445, ruleset, 1, rule, 0)
            os.close(parent)
        if library.prctl(38, 1, 0, 0, 0) != 0:
            return False
        return bool(library.syscall(446, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def isolate(scratch: str, seconds: float, note: Any) -> dict[str, bool]:
    """Everything that is available here; the answer says what that was."""
    limit_resources(seconds)
    block_network_in_python(note)
    empty_network = leave_network_namespace()
    written = restrict_writes([scratch, "/dev"])
    filtered = filter_calls(internet=empty_network)
    return {"landlock": written, "network": empty_network or filtered, "seccomp": filtered}
