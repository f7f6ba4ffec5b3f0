"""``midday-worker demo``."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer

from midday_worker.cli.console import OutputConsole
from midday_worker.errors import ConfigurationError, MiddayWorkerError


def run_demo(*, keep: bool) -> None:
    """Run the demo. Exits with 1 unless everything ended as it should."""
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
