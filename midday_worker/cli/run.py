"""``midday-worker run``: one worker, or several as one service.

Each is imported when it is the one: a supervisor needs no jobs, no engine and no database.
"""

from __future__ import annotations

from collections.abc import Sequence

import typer

from midday_worker.logs import configure_logging
from midday_worker.settings import ENV_FILE, load_settings


def run_worker(imports: Sequence[str], place: tuple[int, int] | None, **options: object) -> None:
    """Run until a signal. Exits with 0 after a clean drain, with 1 otherwise.

    Args:
        imports: packages that define jobs.
        place: for one that a supervisor has started: its index, and the descriptor where it says that it is ready.
        options: by the names of settings.
    """
    settings = load_settings(env_file=ENV_FILE, **options)
    configure_logging(settings, process=place and place[0])
    if place is None and settings.processes > 1:
        from midday_worker.cli.processes import run_processes

        clean = run_processes(imports, options, settings)
    else:
        from midday_worker.cli.worker import run_one

        clean = run_one(imports, place, settings)
    if not clean:
        raise typer.Exit(1)
