"""Messages between processes: a length, then JSON, on a file descriptor; what a run reports carries a seal."""

from __future__ import annotations

import hmac
import json
import os
import struct
from collections.abc import Callable
from typing import Any

LENGTH = struct.Struct(">I")
SEAL = 32
"""Bytes of an HMAC-SHA-256."""


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


def sealer(secret: bytes) -> Callable[[int, dict[str, Any]], None]:
    """What writes sealed messages: the program that is run has the channel too, and can write to it as it likes."""
    keyed = hmac.new(secret, digestmod="sha256")
    # The program may put other functions in the place of these before the report is written.
    encode, write = json.JSONEncoder().encode, os.write

    def send(descriptor: int, message: dict[str, Any]) -> None:
        body = encode(message).encode("utf-8", "backslashreplace")
        seal = keyed.copy()
        seal.update(body)
        data = LENGTH.pack(len(body) + SEAL) + seal.digest() + body
        while data:
            data = data[write(descriptor, data) :]

    return send


def sealed_frames(data: bytes, secret: bytes) -> list[dict[str, Any]]:
    """Every whole message in `data` with the right seal; a torn last one, noise and forgeries are left out."""
    messages = []
    while len(data) >= LENGTH.size:
        size = LENGTH.unpack(data[: LENGTH.size])[0]
        frame = data[LENGTH.size : LENGTH.size + size]
        if len(frame) < size:
            break
        seal, body = frame[:SEAL], frame[SEAL:]
        if hmac.compare_digest(seal, hmac.new(secret, body, "sha256").digest()):
            messages.append(json.loads(body.decode("utf-8")))
        data = data[LENGTH.size + size :]
    return messages
