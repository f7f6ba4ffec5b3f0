"""Mistakes of the user: one line on standard error, no traceback."""

from __future__ import annotations

import errno
import functools
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final, ParamSpec, Protocol, runtime_checkable

import typer

from midday_worker.cli.output import OutputError, remark
from midday_worker.errors import MiddayWorkerError, PayloadError
from midday_worker.settings.printable import one_line

P = ParamSpec("P")

MISUSED: Final = 2
"""The exit code for a command line that can't be read."""


@runtime_checkable
class UsageMistake(Protocol):
    """What typer raises for a command line that it can't read; its class has moved between typer's versions."""

    ctx: object
    exit_code: int

    def format_message(self) -> str:
        """Return what is wrong."""
        ...


def one_line_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Show this library's errors as one line, and exit with 1."""

    @functools.wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except OutputError as error:
            raise typer.Exit(show_unwritten(error)) from None
        except MiddayWorkerError as error:
            # A person who typed the payload may see it.
            show_error(error.with_values() if isinstance(error, PayloadError) else str(error))
            raise typer.Exit(1) from None

    return guarded


@contextmanager
def one_line_usage(program: str) -> Generator[None]:
    """Show in one line what is wrong with the command line: exit with 1 for a value, with 2 if it can't be read."""
    try:
        yield
    except SystemExit as stop:
        # Typer and rich, which write the help, exit with 1 when its reader has seen enough.
        raise SystemExit(0 if isinstance(stop.__context__, BrokenPipeError) else stop.code) from None
    except OutputError as error:
        raise SystemExit(show_unwritten(error)) from None
    except MiddayWorkerError as error:
        show_error(str(error))
        raise SystemExit(1) from None
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:  # of the help
            raise SystemExit(show_unwritten(OutputError(error))) from None
        if not isinstance(error, UsageMistake):
            raise
        message = error.format_message()
        if not message:  # a group without a command, which has shown its help
            raise SystemExit(MISUSED) from None
        command = getattr(error.ctx, "command_path", program)
        show_error(f"{message}{'' if message.endswith(('.', '?')) else '.'} See {command} --help.")
        raise SystemExit(MISUSED) from None


def show_unwritten(error: OutputError) -> int:
    """Say that the output can't be written, and return the exit code: 0 if only its reader has seen enough."""
    if error.closed:
        return 0
    show_error(str(error))
    return 1


def show_error(text: str) -> None:
    """Write an error as one line on standard error."""
    remark(f"Error: {one_line(text)}", typer.colors.RED)
