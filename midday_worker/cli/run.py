"""``midday-worker run``: one worker, or several as one service.

Each is imported when it is the one: a supervisor needs no jobs, no engine and no database.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import typer

from midday_worker.settings.logs import configure_logging
from midday_worker.settings.settings import ENV_FILE, load_settings


class MemberOptions(NamedTuple):
    """Where a process that a supervisor has started stands: its number, and the descriptors it was given."""

    number: int
    ready_fd: int
    status_fd: int | None


def run_worker(imports: Sequence[str], place: MemberOptions | None, **options: object) -> None:
    """Run until a signal. Exits with 0 after a clean drain, with 1 otherwise.

    Args:
        imports: packages that define jobs.
        place: for one that a supervisor has started.
        options: by the names of settings.
    """
    settings = load_settings(env_file=ENV_FILE, **options)
    configure_logging(settings, process=place and place.number)
    if place is None and settings.processes > 1:
        from midday_worker.cli.processes import run_processes

        clean = run_processes(imports, options, settings)
    else:
        from midday_worker.cli.worker import run_one
        from midday_worker.workers.member import Member

        member = None
        if place is not None:
            member = Member(place.number, settings.processes, place.ready_fd, place.status_fd)
        clean = run_one(imports, member, settings)
    if not clean:
        raise typer.Exit(1)
