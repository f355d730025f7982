"""What waits for a count is read: a pass through a loop stands for many, and so does a method that nothing calls."""

from __future__ import annotations

import pytest

from .programs import gradients, read

STEP = """
w = tf.Variable(2.0)

def learn():
    with tf.GradientTape() as tape:
        loss = w * w
    tape.gradient(loss, [w])
"""


def learns(text: str) -> bool:
    return read(STEP + text).trains


@pytest.mark.parametrize(
    "text",
    [
        "n = 0\nfor x in range(100):\n    n += 1\n    if n > 20:\n        learn()",
        "n = 0\nfor x in range(100):\n    n = n + 1\n    if n % 8 == 0:\n        learn()",
        "n = 0\nwhile n < 100:\n    n = min(n + 1, 100)\n    if n < 20:\n        continue\n    learn()",
        "n = {'steps': 0}\nfor x in data:\n    n['steps'] += 1\n    learn() if n['steps'] > 20 else None",
        "n = 0\nfor x in range(100):\n    n += 1\n    n > 20 and learn()",
        "n = 0\nfor x in range(100):\n    n += 1\nif n == 100:\n    learn()",
        "rows = []\nfor x in data:\n    rows = rows + [x]\n    if len(rows) == 20:\n        learn()",
        "rows = []\ndef add(x):\n    rows.append(x)\n"
        "for x in range(100):\n    add(x)\n    if len(rows) > 20:\n        learn()",
        "rows = []\ndef add(x):\n    global rows\n    rows += [x]\n"
        "for x in range(100):\n    add(x)\n    if len(rows) > 20:\n        learn()",
        "n, full = 0, False\n"
        "for x in data:\n    if full:\n        learn()\n    n += 1\n    if n > 20:\n        full = True",
    ],
)
def test_a_pass_stands_for_many(text: str) -> None:
    assert learns(text)


@pytest.mark.parametrize(
    "text",
    [
        "n = 0\nfor x in range(3):\n    n += 1\n    if n > 20:\n        learn()",
        "n = 30\nfor x in range(100):\n    n = 1\n    if n > 20:\n        learn()",
        "n = 0\nfor x in range(100):\n    m = n + 1\n    if m > 20:\n        learn()",
        "for x in range(100):\n    rows = []\n    def add(x):\n        rows.append(x)\n    add(x)\n"
        "    if len(rows) > 20:\n        learn()",
    ],
)
def test_what_is_the_same_in_each_pass_is_known(text: str) -> None:
    assert not learns(text)


AGENT = """
w = tf.Variable(2.0)
count = 0

class Agent:
    total = 0

    def __init__(self):
        self.steps, self.ready, self.rows, self.kept = 0, False, [], {"rows": []}
        self.wanted = 5

    def add(self, row):
        %s

    def learn(self):
        if %s:
            return
        with tf.GradientTape() as tape:
            loss = w * w
        tape.gradient(loss, [w])
"""


@pytest.mark.parametrize("made", ["", "agent = Agent()"])
@pytest.mark.parametrize(
    ("adding", "waiting"),
    [
        ("self.steps += 1", "self.steps < 20"),
        ("self.steps = self.steps + 1", "self.steps % 20"),
        ("self.steps = min(self.steps + 1, 50)", "self.steps < 20"),
        ("self.ready = True", "not self.ready"),
        ("self.rows.append(row)", "len(self.rows) < 20"),
        ("self.rows = self.rows + [row]", "not self.rows"),
        ("self.kept['rows'].append(row)", "len(self.kept['rows']) < 20"),
        ("Agent.total += 1", "Agent.total < 20"),
        ("global count; count += 1", "count < 20"),
    ],
)
def test_a_method_that_nothing_calls_comes_at_any_time(made: str, adding: str, waiting: str) -> None:
    assert gradients(read(AGENT % (adding, waiting) + made))


def test_what_no_method_changes_is_known() -> None:
    assert not gradients(read(AGENT % ("self.steps += 1", "self.wanted < 20")))
