"""Messages between processes: a length, then JSON, on a file descriptor."""

from __future__ import annotations

import json
import os
import struct
from typing import Any

LENGTH = struct.Struct(">I")


def write_frame(descriptor: int, message: dict[str, Any]) -> None:
    body = json.dumps(message).encode("utf-8", "backslashreplace")
    data = LENGTH.pack(len(body)) + body
    while data:
        data = data[os.write(descriptor, data) :]


def read_exactly(descriptor: int, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = os.read(descriptor, min(count - len(data), 1 << 20))
        if not piece:
            return b""
        data += piece
    return data


def read_frame(descriptor: int) -> dict[str, Any] | None:
    """The next message, or None when the other side has gone."""
    head = read_exactly(descriptor, LENGTH.size)
    if not head:
        return None
    body = read_exactly(descriptor, LENGTH.unpack(head)[0])
    return json.loads(body.decode("utf-8")) if body else None


def split_frames(data: bytes) -> list[dict[str, Any]]:
    """Every whole message in `data`; a torn last one, or noise, is left out."""
    messages = []
    while len(data) >= LENGTH.size:
        size = LENGTH.unpack(data[: LENGTH.size])[0]
        body = data[LENGTH.size : LENGTH.size + size]
        if len(body) < size:
            break
        try:
            message = json.loads(body.decode("utf-8"))
        except ValueError:
            break
        if isinstance(message, dict):
            messages.append(message)
        data = data[LENGTH.size + size :]
    return messages
