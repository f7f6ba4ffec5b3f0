"""``midday-worker demo``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from midday_worker.cli.console import OutputConsole
from midday_worker.cli.failure import one_line_errors
from midday_worker.errors import ConfigurationError, MiddayWorkerError
from midday_worker.settings.platform import refuse_windows

app: Final = typer.Typer(add_completion=False)


@app.command()
@one_line_errors
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running at the end, until Ctrl-C.")] = False,
) -> None:
    """Show it all at work: real input, Node and Python on the same queues, thirty days in seconds."""
    run_demo(keep=keep)


def run_demo(*, keep: bool) -> None:
    """Run the demo. Exits with 1 unless everything ended as it should."""
    refuse_windows("A worker")
    try:
        from midday_worker.demo.show import show
    except ImportError as error:
        raise ConfigurationError(
            f"The demo needs {error.name}. Install it with: pip install 'midday-worker[demo]'"
        ) from error
    try:
        well = asyncio.run(show(OutputConsole(highlight=True), keep=keep, here=Path.cwd()))
    except* MiddayWorkerError as errors:
        raise errors.exceptions[0] from None
    if not well:
        raise typer.Exit(1)
