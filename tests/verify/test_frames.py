"""What a run reports is taken only with the seal of that run, whatever else stands on its channel."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from regrad.verify.worker import frames

SECRET = bytes(range(32))
REPORT = {"outcome": "stepped", "loss": 0.5, "name": "gr\u00fc\ud800n"}


def written(send: Callable[[int, dict[str, Any]], None], *messages: dict[str, Any]) -> bytes:
    reading, writing = os.pipe()
    for message in messages:
        send(writing, message)
    os.close(writing)
    with open(reading, "rb") as file:
        return file.read()


def test_sealed_messages_come_through_in_order() -> None:
    data = written(frames.sealer(SECRET), {"number": 1}, REPORT)
    assert frames.sealed_frames(data, SECRET) == [{"number": 1}, REPORT]


def test_a_torn_message_is_left_out() -> None:
    whole, torn = written(frames.sealer(SECRET), {"number": 1}), written(frames.sealer(SECRET), REPORT)[:-1]
    assert frames.sealed_frames(whole + torn, SECRET) == [{"number": 1}]


@pytest.mark.parametrize("seal", [b"", bytes(32), b"x" * 32], ids=["none", "zeros", "noise"])
def test_what_the_program_writes_itself_is_left_out(seal: bytes) -> None:
    body = seal + json.dumps(REPORT).encode()
    forged = frames.LENGTH.pack(len(body)) + body
    own = written(frames.sealer(SECRET), {"number": 1})
    assert frames.sealed_frames(forged + own + forged, SECRET) == [{"number": 1}]


def test_a_message_of_another_run_is_left_out() -> None:
    assert frames.sealed_frames(written(frames.sealer(bytes(32)), REPORT), SECRET) == []


def test_a_changed_message_is_left_out() -> None:
    data = written(frames.sealer(SECRET), {"outcome": "no-step!"}).replace(b"no-step!", b"stepped!")
    assert frames.sealed_frames(data, SECRET) == []


def test_functions_put_in_their_place_later_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    send = frames.sealer(SECRET)
    reading, writing = os.pipe()
    monkeypatch.setattr(json, "dumps", lambda message, **_: '{"outcome": "stepped"}')
    monkeypatch.setattr(os, "write", lambda descriptor, data: len(data))
    send(writing, {"outcome": "no-step"})
    monkeypatch.undo()
    os.close(writing)
    with open(reading, "rb") as file:
        assert frames.sealed_frames(file.read(), SECRET) == [{"outcome": "no-step"}]
