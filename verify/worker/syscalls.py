"""A seccomp filter for the run: system calls that no training needs are refused, for it and for what it starts."""

from __future__ import annotations

import ctypes
import platform
import struct
import sys

REFUSE = 0x00050000 | 1
"""SECCOMP_RET_ERRNO with EPERM: the call fails as it does for a user without the right."""
ALLOW = 0x7FFF0000
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
X32 = 0x40000000
EVERYBODY = 0xFFFFFFFF

NAMES = (
    "ptrace", "process_vm_readv", "process_vm_writev", "mount", "umount2", "pivot_root", "setns", "unshare",
    "open_by_handle_at", "bpf", "perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key", "init_module",
    "finit_module", "delete_module", "kexec_load", "kexec_file_load", "swapon", "reboot", "kill", "socket",
)  # fmt: skip
MACHINES = {
    "x86_64": (0xC000003E, (101, 310, 311, 165, 166, 155, 308, 272, 304, 321, 298, 323, 250, 248, 249, 175, 313, 176,
                            246, 320, 167, 169, 62, 41)),
    "aarch64": (0xC00000B7, (117, 270, 271, 40, 39, 41, 268, 97, 265, 280, 241, 282, 219, 217, 218, 105, 273, 106,
                             104, 294, 224, 142, 129, 198)),
}  # fmt: skip


def instruction(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)


def program(machine: str, internet: bool) -> bytes:
    architecture, numbers = MACHINES[machine]
    known = dict(zip(NAMES, numbers))  # noqa: B905 - Python 3.9 has no `strict`
    families = [AF_UNIX, AF_NETLINK, *((AF_INET, AF_INET6) if internet else ())]
    code = [
        instruction(LOAD, 4),
        instruction(EQUAL, architecture, 1, 0),
        instruction(RETURN, REFUSE),
        instruction(LOAD, 0),
        instruction(AT_LEAST, X32, 0, 1),
        instruction(RETURN, REFUSE),
    ]
    for name, number in known.items():
        if name == "kill":
            # -1 stands for every process that the user may send a signal to.
            code += [
                instruction(EQUAL, number, 0, 4),
                instruction(LOAD, 16),
                instruction(EQUAL, EVERYBODY, 0, 1),
                instruction(RETURN, REFUSE),
                instruction(LOAD, 0),
            ]
        elif name != "socket":
            code += [instruction(EQUAL, number, 0, 1), instruction(RETURN, REFUSE)]
    code.append(instruction(EQUAL, known["socket"], 0, 1 + 2 * len(families) + 1))
    code.append(instruction(LOAD, 16))
    for family in families:
        code += [instruction(EQUAL, family, 0, 1), instruction(RETURN, ALLOW)]
    code += [instruction(RETURN, REFUSE), instruction(RETURN, ALLOW)]
    return b"".join(code)


def filter_calls(*, internet: bool) -> bool:
    """Installs the filter. `internet` says that sockets may be made, as they lead nowhere (an empty network)."""
    machine = platform.machine()
    if not sys.platform.startswith("linux") or machine not in MACHINES or struct.calcsize("P") != 8:
        return False
    code = program(machine, internet)
    text = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("=HxxxxxxQ", len(code) // 8, ctypes.addressof(text))
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(38, 1, 0, 0, 0) != 0:
        return False
    return bool(library.prctl(22, 2, ctypes.create_string_buffer(head, len(head)), 0, 0) == 0)
