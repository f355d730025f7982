"""The arguments and options that several commands share, declared once."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from regrad.report.formats import OutputFormat

Paths = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH",
        help="Files or folders; `-` reads standard input. Default: this folder.",
        show_default=False,
    ),
]
Program = Annotated[str, typer.Argument(metavar="FILE", help="A Python program or a notebook.", show_default=False)]

RequireVerified = Annotated[
    bool, typer.Option("--require-verified", help="Keep only what a training step has proved; exit 4 otherwise.")
]
NoRequireVerified = Annotated[
    bool, typer.Option("--no-require-verified", help="Keep what is not proved, whatever the settings say.", hidden=True)
]

_CHOICE = "Which findings"
Select = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        metavar="CODES",
        help="Only these rules (codes or prefixes, comma-separated).",
        rich_help_panel=_CHOICE,
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option("--ignore", metavar="CODES", help="Leave these rules out.", rich_help_panel=_CHOICE),
]
PerFileIgnores = Annotated[
    list[str] | None,
    typer.Option(
        "--per-file-ignores", metavar="PATTERN:CODE", help="Leave a rule out in some files.", rich_help_panel=_CHOICE
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="PATTERN", help="Leave these files and folders out.", rich_help_panel=_CHOICE),
]
ForceExclude = Annotated[
    bool | None,
    typer.Option(
        "--force-exclude/--no-force-exclude",
        help="Leave out what `exclude` says also where it is named.",
        show_default=False,
        rich_help_panel=_CHOICE,
    ),
]

Jobs = Annotated[
    int | None,
    typer.Option("--jobs", "-j", metavar="N", min=1, help="Processes that read. Default: as many as cores."),
]

_OUTPUT = "Output"
Format = Annotated[
    OutputFormat | None,
    typer.Option("--output-format", help="How the report is written.", show_default="text", rich_help_panel=_OUTPUT),
]
OutputFile = Annotated[
    Path | None,
    typer.Option("--output-file", "-o", help="Write the report to this file.", rich_help_panel=_OUTPUT),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", help="Findings alone, two lines each; with --diff the change too.", rich_help_panel=_OUTPUT
    ),
]
Verbose = Annotated[
    bool,
    typer.Option("--verbose", "-v", help="Also files without findings, and every variable.", rich_help_panel=_OUTPUT),
]
ExitZero = Annotated[
    bool, typer.Option("--exit-zero", help="Exit 0 although findings remain (for editors).", rich_help_panel=_OUTPUT)
]


class Commits(str, Enum):
    """How mendings are put into commits."""

    RULE = "rule"
    ONE = "one"


class ReportFormat(str, Enum):
    """How the report of a migration can be written."""

    HTML = "html"
    JSONL = "jsonl"
    CSV = "csv"
    SARIF = "sarif"


class StepFormat(str, Enum):
    """How one training step can be written."""

    TEXT = "text"
    JSON = "json"


StepOutput = Annotated[
    StepFormat, typer.Option("--output-format", help="How the report is written.", rich_help_panel=_OUTPUT)
]

_CONFIGURATION = "Configuration"
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Take the settings from this file.", rich_help_panel=_CONFIGURATION),
]
Isolated = Annotated[
    bool, typer.Option("--isolated", help="Read no configuration file.", rich_help_panel=_CONFIGURATION)
]
StdinFilename = Annotated[
    str | None,
    typer.Option(
        "--stdin-filename", metavar="NAME", help="The name of what `-` reads.", rich_help_panel=_CONFIGURATION
    ),
]

_RUN = "The training step"
Python = Annotated[
    str | None,
    typer.Option(
        "--python", metavar="PATH", help="The interpreter that has the program's TensorFlow.", rich_help_panel=_RUN
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout", metavar="SECONDS", min=0.1, help="The longest that one run may take.", rich_help_panel=_RUN
    ),
]


class Sandbox(str, Enum):
    """How much is kept away from the program that is run."""

    REQUIRE = "require"
    AUTO = "auto"
    OFF = "off"


Isolation = Annotated[
    Sandbox | None,
    typer.Option(
        "--sandbox",
        help="What keeps the program from your files and the network: all of it or no run, what there is, or nothing.",
        show_default="auto",
        rich_help_panel=_RUN,
    ),
]
Arguments = Annotated[
    list[str] | None,
    typer.Argument(metavar="-- ARGUMENT", help="What the program is started with, after `--`.", show_default=False),
]
Keras = Annotated[
    str | None,
    typer.Option(
        "--keras",
        metavar="2|3",
        help="The Keras that the program was written for; also spelled tf-keras and keras3.",
        rich_help_panel=_RUN,
    ),
]
Entry = Annotated[
    str | None,
    typer.Option(
        "--entry",
        metavar="'FILE ARGS'",
        help="The program that trains what FILE only defines, with its arguments; also '-m pkg.train' and 'pkg:main'.",
        rich_help_panel=_RUN,
    ),
]
