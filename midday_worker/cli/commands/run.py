"""``midday-worker run``: one worker, or several as one service.

Each is imported when it is the one: a supervisor needs no jobs, no engine and no database.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, NamedTuple

import typer

from midday_worker.cli.failure import one_line_errors
from midday_worker.cli.loading import Imports, NoLogin
from midday_worker.cli.values import duration, whole_number
from midday_worker.settings.logs import configure_logging
from midday_worker.settings.platform import refuse_windows
from midday_worker.settings.settings import ENV_FILE, load_settings

app: Final = typer.Typer(add_completion=False)

Queues = Annotated[str | None, typer.Option("--queues", "-q", help="Work only these queues, separated by commas.")]
Concurrency = Annotated[
    int | None,
    typer.Option(
        parser=whole_number("--concurrency", 1),
        metavar="N",
        help="Jobs at once, for queues that don't set their own. [default: 5]",
    ),
]
Processes = Annotated[
    int | None,
    typer.Option(
        parser=whole_number("--processes", 1),
        metavar="N",
        help="Worker processes, each with that concurrency. [default: 1]",
    ),
]
DrainTimeout = Annotated[
    int | None,
    typer.Option(
        parser=duration("--drain-timeout"),
        metavar="TIME",
        help='How long running jobs may take after a signal. [default: "30s"]',
    ),
]
StartupTimeout = Annotated[
    int | None,
    typer.Option(
        parser=duration("--startup-timeout"),
        metavar="TIME",
        help='How long to wait for Redis at start-up, 0 for ever. [default: "60s"]',
    ),
]
Http = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="Answer health checks and metrics over HTTP there. [default: nowhere]"),
]
Admin = Annotated[
    bool | None,
    typer.Option("--admin", help="Serve the dashboard there too, at /admin. Beyond this machine it needs a login."),
]
NoSchedules = Annotated[bool, typer.Option("--no-schedules", help="Leave the schedules in Redis as they are.")]
Hidden = Annotated[int | None, typer.Option(hidden=True)]


class MemberOptions(NamedTuple):
    """Where a process that a supervisor has started stands: its number, and the descriptors it was given."""

    number: int
    ready_fd: int
    status_fd: int | None


@app.command()
@one_line_errors
def run(
    imports: Imports = None,
    queues: Queues = None,
    concurrency: Concurrency = None,
    processes: Processes = None,
    drain_timeout: DrainTimeout = None,
    startup_timeout: StartupTimeout = None,
    http: Http = None,
    admin: Admin = None,
    no_login: NoLogin = False,
    no_schedules: NoSchedules = False,
    process_index: Hidden = None,
    ready_fd: Hidden = None,
    status_fd: Hidden = None,
) -> None:
    """Run jobs until a signal; then let running ones finish."""
    run_worker(
        imports or [],
        # Set by a supervisor, for its processes.
        None if process_index is None or ready_fd is None else MemberOptions(process_index, ready_fd, status_fd),
        processes=processes,
        concurrency=concurrency,
        drain_timeout=drain_timeout,
        startup_timeout=startup_timeout,
        worker_queues=queues,
        http=http,
        admin=admin,
        board_login="none" if no_login else None,
        schedules=False if no_schedules else None,
    )


def run_worker(imports: Sequence[str], place: MemberOptions | None, **options: object) -> None:
    """Run until a signal. Exits with 0 after a clean drain, with 1 otherwise.

    Args:
        imports: packages that define jobs.
        place: for one that a supervisor has started.
        options: by the names of settings.
    """
    refuse_windows("A worker")
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
