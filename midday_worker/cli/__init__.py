"""The command line: ``midday-worker``."""

from __future__ import annotations

from midday_worker.cli.app import app


def main() -> None:
    """Run the command line."""
    app(prog_name="midday-worker")
