"""Programs that do harm to whoever verifies them: each trains on nothing, and attacks the run or its report.

Each must be harmless where it is not held back, as these are run by root too: what it starts ends by itself, what it
deletes it was given, and other processes get no signal but 0, which only asks whether one might be sent.
"""

# The programs under test stand on long lines.
# ruff: noqa: E501
from __future__ import annotations

from dataclasses import dataclass

BROKEN = """
import tensorflow as tf
model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(4, activation="tanh"), tf.keras.layers.Dense(1)])
optimizer = tf.keras.optimizers.Adam(0.01)
x = tf.random.normal((8, 3), seed=1)
y = tf.reduce_sum(x, axis=1, keepdims=True)
prediction = model(x)
for step in range(3):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((prediction - y) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
"""

FORGED = """
VARIABLES = [{"name": name, "shape": [1], "gradient": "flows", "norm": 1.0, "changed": True, "moved": True, "trainable": True, "model": "sequential", "optimizer": "Adam"}
             for name in ("sequential/dense/kernel", "sequential/dense/bias", "sequential/dense_1/kernel", "sequential/dense_1/bias")]
REPORT = {"outcome": "stepped", "loss": 0.5, "variables": VARIABLES, "cuts": [], "symptoms": [], "warnings": []}
"""

DESCRIPTORS = """
import os
def pipes():
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.readlink("/proc/self/fd/" + name).startswith("pipe:") and int(name) > 2:
                found.append(int(name))
        except OSError:
            continue
    return found
"""


@dataclass(frozen=True)
class Attack:
    """One hostile program. `{victim}` in its text is a folder outside of the scratch folder, with a file in it."""

    name: str
    what: str
    """A phrase for the table."""
    text: str
    aim: str
    """`verdict`: to be called mended; `run`: to end, stop or outlive the run; `machine`: to reach what is not its own."""
    survived: bool = True
    """Whether no harm is done with the isolation that `--sandbox require` asks for."""
    survived_off: bool = True
    """The same with `--sandbox off`."""
    why: str = ""
    """For what is not survived: the reason."""


ATTACKS = (
    # -- ends and outlives -----------------------------------------------------------------------------------------
    Attack("exit", "`os._exit(0)` before the step", "import os\nos._exit(0)", "run"),
    Attack(
        "segfault",
        "a segmentation fault",
        "import ctypes, faulthandler\nfaulthandler.disable()\nctypes.string_at(0)",
        "run",
    ),
    Attack(
        "forks",
        "300 forks that sleep, a third of them in sessions of their own",
        "import os, time\nfor number in range(300):\n    if os.fork() == 0:\n        if number % 3 == 0:\n            os.setsid()\n        time.sleep(40)\n        os._exit(0)\n",
        "run",
    ),
    Attack(
        "orphans",
        "a child that forks and leaves, twice, with all signals ignored",
        "import os, signal, time\nfor name in ('SIGTERM', 'SIGHUP', 'SIGINT'):\n    signal.signal(getattr(signal, name), signal.SIG_IGN)\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(40)\n    os._exit(0)\nos.wait()\n",
        "run",
    ),
    Attack(
        "memory",
        "an allocation of 20 GB that is written to",
        "blocks = []\nfor _ in range(20 * 64):\n    blocks.append(bytearray(b'x' * (16 << 20)))\n",
        "run",
    ),
    Attack(
        "memory-in-children",
        "4 GB in 20 children",
        "import os, time\nfor _ in range(20):\n    if os.fork() == 0:\n        blocks = []\n        for _ in range(200):\n            blocks.append(bytearray(b'x' * (1 << 20)))\n            time.sleep(0.01)\n        time.sleep(20)\n        os._exit(0)\nwhile True:\n    os.wait()\n",
        "run",
    ),
    Attack(
        "descriptors",
        "every descriptor closed, the reporting channel too",
        "import os\nos.closerange(0, 4096)\n{broken}",
        "run",
    ),
    Attack(
        "output",
        "1 GB printed",
        "import os\nblock = b'x' * (1 << 20)\nfor _ in range(1024):\n    os.write(1, block)\n{broken}",
        "run",
    ),
    Attack("spin", "a loop that never comes to a step", "while True:\n    pass\n", "run"),
    Attack("stop", "`SIGSTOP` of itself", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n", "run"),
    Attack(
        "catch-all",
        "`except BaseException` around every attempt, again and again",
        "for attempt in range(10**9):\n    try:\n        exec(compile(BROKEN, __file__, 'exec'))\n    except BaseException:\n        pass\n".replace(
            "BROKEN", repr(BROKEN)
        ),
        "run",
    ),
    Attack(
        "threads",
        "threads that never end",
        "import threading, time\nfor _ in range(20):\n    threading.Thread(target=lambda: time.sleep(600)).start()\n{broken}",
        "run",
    ),
    Attack(
        "atexit",
        "an exit hook that waits for ever",
        "import atexit, time\natexit.register(time.sleep, 600)\n{broken}",
        "run",
    ),
    Attack("recursion", "a recursion limit of 60", "import sys\n{broken_quietly}\nsys.setrecursionlimit(60)\n", "run"),
    Attack(
        "streams",
        "`sys.stdout` and `sys.stderr` closed, then an exception",
        "import sys\nsys.stdout.close()\nsys.stderr.close()\n{broken}",
        "run",
    ),
    Attack(
        "trace",
        "`sys.settrace` with a function that raises in every frame",
        "import sys\ndef trace(frame, event, argument):\n    raise RuntimeError('traced')\n{broken_quietly}\nsys.settrace(trace)\n",
        "run",
    ),
    # -- the machine -----------------------------------------------------------------------------------------------
    Attack(
        "delete",
        "deleting a folder outside the scratch folder, by Python, with a descriptor of the folder, and by `rm`",
        "import os, shutil, subprocess\ntry:\n    os.remove({victim!r} + '/kept.txt')\nexcept OSError:\n    pass\nshutil.rmtree({victim!r}, ignore_errors=True)\nsubprocess.run(['rm', '-rf', {victim!r}], stderr=subprocess.DEVNULL)\n",
        "machine",
        survived_off=False,
        why="without Landlock only Python's own functions that take a path are held back",
    ),
    Attack(
        "overwrite",
        "writing to a file outside, by Python and through `dd`",
        "import os, subprocess\ntry:\n    os.write(os.open({victim!r} + '/kept.txt', os.O_WRONLY | os.O_TRUNC), b'gone')\nexcept OSError:\n    pass\nsubprocess.run(['dd', 'if=/dev/null', 'of=' + {victim!r} + '/kept.txt'], stderr=subprocess.DEVNULL)\n",
        "machine",
        survived_off=False,
        why="without Landlock only Python's `open` is held back",
    ),
    Attack(
        "signals",
        "a signal to the process that runs it, and to every process of the user",
        "import os\nreached = []\nfor target in (os.getppid(), -1):\n    try:\n        os.kill(target, 0)\n        reached.append(str(target))\n    except OSError:\n        pass\nif reached:\n    print('REACHED ' + ' '.join(reached))\n",
        "machine",
        survived_off=False,
        why="nothing is between processes of one user; regrad's server is started anew, other processes would be lost",
    ),
    Attack(
        "server-channel",
        "writing to the channels of the process that runs it, through `/proc`",
        "import os\nfor name in range(3, 40):\n    try:\n        os.open(f'/proc/{os.getppid()}/fd/{name}', os.O_WRONLY | os.O_NONBLOCK)\n        print('REACHED', name)\n    except OSError:\n        pass\n",
        "machine",
        survived_off=False,
        why="nothing is between processes of one user; this is how a verdict can be forged from outside, too",
    ),
    # -- the verdict -----------------------------------------------------------------------------------------------
    Attack(
        "report-printed",
        "a report printed to standard output and error",
        FORGED
        + "import json, os, struct\nbody = json.dumps(REPORT).encode()\nfor descriptor in (1, 2):\n    os.write(descriptor, struct.pack('>I', len(body)) + body)\n{broken}",
        "verdict",
    ),
    Attack(
        "report-on-channel",
        "a report written to every pipe that is open, then `os._exit`",
        FORGED
        + DESCRIPTORS
        + "import json, struct\nbody = json.dumps(REPORT).encode()\nfor descriptor in pipes():\n    os.write(descriptor, struct.pack('>I', len(body)) + body)\nos._exit(0)\n",
        "verdict",
    ),
    Attack(
        "report-sealed-at-random",
        "the same, in the form that regrad uses, with a made-up seal",
        FORGED
        + DESCRIPTORS
        + "import json, struct\nbody = bytes(32) + json.dumps(REPORT).encode()\nfor descriptor in pipes():\n    os.write(descriptor, struct.pack('>I', len(body)) + body)\nos._exit(0)\n",
        "verdict",
    ),
    Attack(
        "fork-that-trains",
        "a fork in which another, sound program trains while the broken one waits and leaves with `os._exit`",
        "import os\nif os.fork() == 0:\n    "
        + BROKEN.replace("prediction = model(x)\n", "")
        .replace("(prediction - y)", "(model(x) - y)")
        .strip()
        .replace("\n", "\n    ")
        + "\n    os._exit(0)\nos.wait()\nos._exit(0)\n",
        "verdict",
    ),
    Attack(
        "ones-for-none",
        "`GradientTape.gradient` patched to give ones where there is no gradient",
        "import tensorflow as tf\nplain = tf.GradientTape.gradient\ndef gradient(self, target, sources, *more, **options):\n    found = plain(self, target, sources, *more, **options)\n    return [tf.ones_like(v) if g is None else g for g, v in zip(found, sources)]\ntf.GradientTape.gradient = gradient\n{broken}",
        "verdict",
    ),
    Attack(
        "ones-by-hand",
        "no call of the tape's, ones handed to the optimizer as gradients by a patched `apply_gradients`",
        "import tensorflow as tf\nplain = tf.keras.optimizers.Optimizer.apply_gradients\ndef apply_gradients(self, pairs, *more, **options):\n    return plain(self, [(tf.ones_like(v) if g is None else g, v) for g, v in pairs], *more, **options)\nfor kind in (tf.keras.optimizers.Optimizer, *tf.keras.optimizers.Adam.__mro__):\n    if 'apply_gradients' in vars(kind):\n        plain = kind.apply_gradients\n        kind.apply_gradients = apply_gradients\n        break\n{broken}",
        "verdict",
    ),
    Attack(
        "weights-moved",
        "the exception swallowed and the weights moved by hand",
        "{broken_quietly}\nfor variable in model.trainable_variables:\n    variable.assign_add(tf.ones_like(variable))\n",
        "verdict",
    ),
    Attack(
        "json-patched",
        "`json.dumps`, `os.write` and `struct.pack` patched to replace what is reported",
        FORGED
        + "import json, os, struct\nplain = json.dumps\njson.dumps = lambda message, **options: plain(REPORT)\nos.write = lambda descriptor, data: len(data)\n{broken}",
        "verdict",
    ),
    Attack(
        "stack-walk",
        "walking up the stack to the recorder, and reporting in its name",
        FORGED
        + "import sys\nframe = sys._getframe()\nwhile frame is not None:\n    for value in list(frame.f_locals.values()):\n        if hasattr(value, 'send') and hasattr(value, 'recorder'):\n            value.send(REPORT)\n            import os\n            os._exit(0)\n    frame = frame.f_back\n{broken}",
        "verdict",
        survived=False,
        survived_off=False,
        why="the program and what observes it share one interpreter",
    ),
    Attack(
        "gc-walk",
        "finding the recorder through `gc`, and writing gradients into it",
        "import gc\n{broken_quietly}\nfor thing in gc.get_objects():\n    if type(thing).__name__ == 'Recorder':\n        thing.stepped = 1\n        thing.cuts = []\n        for track in thing.tracks.values():\n            track.asked = [('flows', 1.0)]\n            track.requests = {}\n            track.applied = [('flows', 1.0)]\n            track.raw.assign_add(tf.ones_like(track.raw))\n        thing.request_lines = {}\n",
        "verdict",
        survived=False,
        survived_off=False,
        why="the program and what observes it share one interpreter",
    ),
)


def text_of(attack: Attack, victim: str) -> str:
    """The program; `broken_quietly` is the broken training with its exception swallowed."""
    quietly = "try:\n    " + BROKEN.strip().replace("\n", "\n    ") + "\nexcept ValueError:\n    pass\n"
    return (
        attack.text.replace("{broken_quietly}", quietly).replace("{broken}", BROKEN).replace("{victim!r}", repr(victim))
    )
