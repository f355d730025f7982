"""One run, in a process of its own: isolation, observation, the program, and the report that ends it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any

from .frames import sealer

ABOUT_GRADIENTS = re.compile(r"tf\.gradients is not supported|No gradients provided for any variable")
LONGEST_TEXT = 4000


def keep_private(descriptor: int) -> int:
    """Moves the reporting channel where no program's printing or closing of low descriptors reaches it."""
    high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 600)
    os.close(descriptor)
    return high


def attach_output(output: int) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for opened in (nothing, output):
        if opened > 2:
            os.close(opened)
    sys.stdin = open(0, errors="replace", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", buffering=1, errors="replace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="replace", closefd=False)  # noqa: SIM115
    vars(sys).update(__stdin__=sys.stdin, __stdout__=sys.stdout, __stderr__=sys.stderr)


def main(job: dict[str, Any], result: int, output: int, secret: bytes) -> None:
    os.setsid()
    channel = keep_private(result)
    attach_output(output)
    run = Run(job, channel, sealer(secret))
    del secret
    try:
        run.carry_out()
    except BaseException as error:
        run.send(
            {
                "outcome": "unavailable",
                "failed": True,
                "reason": f"regrad's own worker failed: {type(error).__name__}: {error}",
                "trace": traceback.format_exc()[-LONGEST_TEXT:],
            }
        )
    os._exit(0)


class Run:
    def __init__(self, job: dict[str, Any], channel: int, write: Callable[[int, dict[str, Any]], None]) -> None:
        self.job = job
        self.channel = channel
        self.write = write
        self.process = os.getpid()
        self.depth = sys.getrecursionlimit()
        self.recorder: Any = None
        self.finished = False
        self.caught: list[str] = []
        self.isolation: dict[str, bool] = {}

    def send(self, message: dict[str, Any]) -> None:
        if os.getpid() != self.process:
            # What a fork of the program does is not what the program does.
            os._exit(0)
        self.write(self.channel, message)

    def carry_out(self) -> None:
        from .isolation import die_with_parent, isolate
        from .program import NoFunction, Program
        from .recorder import Recorder
        from .sites import Sites

        job = self.job
        die_with_parent()
        try:
            program = Program(job["path"], job["overrides"], job["arguments"], job["module"], job.get("function"))
        except (OSError, SyntaxError, UnicodeDecodeError) as error:
            self.send({"outcome": "unavailable", "reason": f"The program cannot be read: {error}"})
            return
        from .scratch import settle

        work = settle(job["scratch"], program.root)
        self.catch_warnings()
        import tensorflow

        notes: set[str] = set()
        if job["sandbox"] != "off":
            self.isolation = isolate(job["scratch"], job["timeout"], notes.add)
            lacking = [name for name, there in self.isolation.items() if not there]
            if job["sandbox"] == "require" and lacking:
                reason = (
                    f"This system cannot isolate the run ({', '.join(lacking)}), and --sandbox require was asked for."
                )
                self.send({"outcome": "unavailable", "reason": reason})
                return
        from .kerases import families as kerases

        families = kerases(tensorflow, "\n".join([program.text, *program.overrides.values()]))
        recorder = self.recorder = Recorder(tensorflow, program, job["mode"])
        recorder.notes = notes
        recorder.sites = Sites()
        recorder.finish = self.finish
        recorder.retry = self.retry
        recorder.given = job.get("hypothesis") or {}
        recorder.fixed_hypothesis = bool(job.get("fixed_hypothesis"))
        self.observe(recorder, families)
        from .hooks import HookFailed, bound_names, put_files, replace_functions
        from .supply import supply

        try:
            put_files(job.get("data") or {}, work, recorder.own_data.append)
            replace_functions(job.get("data") or {}, recorder.own_data.append)
            program.rebound = bound_names(job.get("data") or {}, recorder.own_data.append)
        except HookFailed as error:
            self.send({"outcome": "unavailable", "reason": f"{error} ([tool.regrad.verify.data])."})
            return
        except Exception as error:
            reason = f"A data hook ([tool.regrad.verify.data]) raised {type(error).__name__}: {error}"
            self.send({"outcome": "unavailable", "reason": reason})
            return
        names = supply(recorder, families, job)
        self.seed(tensorflow, families)
        try:
            program.run(names)
        except SystemExit as error:
            self.end_of_program(error)
        except NoFunction as error:
            self.send({"outcome": "unavailable", "reason": str(error)})
        except BaseException as error:
            self.raised(error)
        else:
            self.end_of_program(None)

    def observe(self, recorder: Any, families: list[Any]) -> None:
        from .arguments import replace_arguments
        from .catalogue import stand_in_for_catalogue
        from .datasets import replace_datasets
        from .files import replace_files
        from .frozen import watch_assignments, watch_layers
        from .functions import watch_functions
        from .logits_as_labels import watch_cross_entropies
        from .loss_oracles import watch_losses
        from .models import watch_models
        from .optimizers import watch_optimizers
        from .output_oracles import watch_calls
        from .plain_calls import call_plainly
        from .pretrained import make_weights_fresh
        from .quiet import make_harmless
        from .sessions import watch_sessions
        from .sites import watch_births, watch_datasets
        from .surplus import watch_outputs
        from .tapes import watch_tapes
        from .wiring import watch_loss_functions

        tensorflow = recorder.tf
        if recorder.mode == "eager":
            from .trail import watch_trail

            tensorflow.config.run_functions_eagerly(True)
            call_plainly(recorder)
            recorder.trail = watch_trail(recorder)
        else:
            watch_functions(recorder)
        watch_births(recorder)
        watch_datasets(recorder)
        watch_tapes(recorder)
        watch_sessions(recorder)
        watch_optimizers(recorder, families)
        watch_models(recorder, families)
        watch_assignments(recorder)
        watch_losses(recorder, families)
        watch_layers(recorder, families)
        if recorder.mode == "eager":
            watch_calls(recorder, families)
            watch_outputs(recorder, families)
            watch_loss_functions(recorder, families)
            watch_cross_entropies(recorder)
        make_harmless(recorder, families)
        replace_datasets(recorder, families)
        stand_in_for_catalogue(recorder)
        replace_files(recorder, families)
        replace_arguments(recorder)
        make_weights_fresh(recorder)

    def seed(self, tensorflow: Any, families: list[Any]) -> None:
        import random

        import numpy

        seed = int(self.job.get("seed", 0))
        random.seed(seed)
        numpy.random.seed(seed)
        set_seed = getattr(families[0].utils, "set_random_seed", None) if families else None
        if set_seed is not None:
            set_seed(seed)
        else:
            tensorflow.random.set_seed(seed)

    def catch_warnings(self) -> None:
        warnings.simplefilter("default")

        def show(message: Any, category: Any, *_: Any, **__: Any) -> None:
            text = f"{category.__name__}: {message}"
            if "run_functions_eagerly" in text:
                return
            if text not in self.caught and not issubclass(category, (DeprecationWarning, PendingDeprecationWarning)):
                self.caught.append(text[:LONGEST_TEXT])

        warnings.showwarning = show

    # -- endings --------------------------------------------------------------------------------------------------

    def end_of_program(self, leaving: SystemExit | None) -> None:
        recorder = self.recorder
        if recorder.stepped or recorder.gradient_calls:
            self.finish("stepped")
        elif leaving is not None and leaving.code not in (None, 0):
            self.finish("no-step", reason=f"The program left with sys.exit({leaving.code!r}) before a training step.")
        else:
            self.finish("no-step", reason="The program ended without a training step.")

    def raised(self, error: BaseException) -> None:
        recorder = self.recorder
        if recorder.exploring_until is not None and not recorder.inside and not ABOUT_GRADIENTS.search(str(error)):
            # What follows a finished training (a plot, a missing history key) is none of our business.
            self.finish("stepped")
        with contextlib.suppress(ValueError, OSError, AttributeError):
            # The program may have closed its streams.
            traceback.print_exception(type(error), error, error.__traceback__)
        line = None
        for frame, number in traceback.walk_tb(error.__traceback__):
            if recorder.program.owns(frame.f_code.co_filename):
                line = number
        text = f"{type(error).__name__}: {error}"[:LONGEST_TEXT]
        recorder.raised = error
        reason = self.lacking(error)
        if reason is not None:
            self.finish("unavailable", exception=text, exception_line=line, reason=reason)
        self.finish(
            "raised", exception=text, exception_line=line, reason=f"The program raised {text.splitlines()[0][:300]}"
        )

    def lacking(self, error: BaseException) -> str | None:
        """A reason if the program failed for want of something that is not its own fault."""
        recorder = self.recorder
        if isinstance(error, RecursionError) or (isinstance(error, ImportError) and "eras" in str(error)):
            from .kerases import MISSING, legacy_is_missing

            if legacy_is_missing():
                return MISSING
        if type(error).__name__ == "UnknownSet":
            return f"{error}."
        if isinstance(error, ModuleNotFoundError):
            from .missing_modules import reason

            return reason(error.name or "")
        if "network" in recorder.notes and not recorder.gradient_calls and not recorder.stepped:
            return "The program downloads something, and the network is blocked; put the file in its place first."
        if isinstance(error, NameError) and not recorder.stepped:
            from .undefined import undefined_names

            name = getattr(error, "name", None) or str(error).split("'")[1]
            if name in undefined_names(recorder.program.text):
                return f"The name {name!r} is never defined, and nothing can be supplied in its place; define it."
        if isinstance(error, FileNotFoundError) and not recorder.stepped:
            from .missing_files import reason as reason_for_file

            return reason_for_file(error)
        return None

    def retry(self, hypothesis: dict[str, Any]) -> None:
        """Made-up data was of the wrong form: the run is to start again with this."""
        self.send({"outcome": "no-step", "reason": "data", "retry": hypothesis})
        os._exit(0)

    def finish(self, outcome: str, **more: Any) -> None:
        """Reports and leaves at once: no `finally` of the program, no interpreter shutdown."""
        if self.finished:
            return
        self.finished = True
        # What the program set for itself is not to befall the report.
        sys.settrace(None)
        sys.setprofile(None)
        sys.setrecursionlimit(max(self.depth, sys.getrecursionlimit()))
        from .summary import summarise

        try:
            message = summarise(self.recorder, outcome)
        except Exception as error:
            message = {
                "outcome": "unavailable",
                "failed": True,
                "reason": f"regrad's own worker failed: {type(error).__name__}: {error}",
                "trace": traceback.format_exc()[-LONGEST_TEXT:],
            }
        if not message.get("failed"):
            message.update({key: value for key, value in more.items() if value is not None})
            message["warnings"] = self.caught[:50]
            message["isolation"] = self.isolation
            message["hypothesis"] = self.recorder.hypothesis
        self.send(message)
        os._exit(0)
