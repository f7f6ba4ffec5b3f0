"""What a command writes: the one way to standard output and standard error, whoever wrote the texts.

Nothing here is obeyed by a terminal but the colours that are asked for. Tables take the same way, by `console`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Annotated

import typer

from midday_worker.errors import MiddayWorkerError
from midday_worker.settings.printable import hanging, printable

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]


class OutputError(MiddayWorkerError):
    """Standard output can't be written. `closed`: whoever read it has seen enough, as `head` does."""

    def __init__(self, error: OSError) -> None:
        self.closed = isinstance(error, BrokenPipeError)
        super().__init__(f"Can't write to standard output: {error.strerror}.")


@contextmanager
def writing() -> Generator[None]:
    """Raise OutputError for standard output that can't be written within the block."""
    try:
        yield
    except OSError as error:
        # What is still buffered would fail once more, at the interpreter's end.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OutputError(error) from None


def say(text: str, colour: str | None = None) -> None:
    """Write a command's answer, of which only the first line begins at the margin. Raises OutputError."""
    with writing():
        typer.echo(_coloured(text, colour))


def say_json(value: object, indent: int | None = None) -> None:
    """Write a command's answer as JSON; what JSON has no form for, as its text. Raises OutputError."""
    with writing():
        typer.echo(json.dumps(value, indent=indent, default=str))


def remark(text: str, colour: str | None = None) -> None:
    """Write something beside the answer, on standard error; lost where that can't be written."""
    with suppress(OSError):
        typer.echo(_coloured(text, colour), err=True)


def ask(question: str) -> bool:
    """Ask somebody on the terminal; nobody agrees to what can't be shown. Raises typer.Abort at Ctrl-C."""
    try:
        return typer.confirm(printable(question), err=True)
    except OSError:
        return False


def _coloured(text: str, colour: str | None) -> str:
    safe = hanging(text)
    return typer.style(safe, fg=colour) if colour else safe
