"""Mistakes of the user: one line on standard error, no traceback."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec

import typer

from midday_worker.errors import MiddayWorkerError, PayloadError

P = ParamSpec("P")


def one_line_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Show this library's errors as one line, and exit with 1."""

    @functools.wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except MiddayWorkerError as error:
            # A person who typed the payload may see it.
            text = error.with_values() if isinstance(error, PayloadError) else str(error)
            typer.secho(f"Error: {' '.join(text.split())}", fg=typer.colors.RED, err=True)
            raise typer.Exit(1) from None

    return guarded
