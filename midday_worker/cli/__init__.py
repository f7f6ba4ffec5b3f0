"""The command line: ``midday-worker``."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import cast

from midday_worker.cli.app import app
from midday_worker.cli.failure import one_line_usage

PROGRAM = "midday-worker"


def main() -> None:
    """Run the command line; without arguments it shows its help."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # of a locale that lacks the characters
    with one_line_usage(PROGRAM):
        # Not standalone: typer would draw a box around a mistake, several lines high.
        code = cast("object", app(sys.argv[1:] or ["--help"], prog_name=PROGRAM, standalone_mode=False))
    sys.exit(code if isinstance(code, int) else 0)
