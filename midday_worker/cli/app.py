"""The commands. What they need is imported when they run, so that --help answers at once."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from midday_worker import __version__
from midday_worker.cli.failure import one_line_errors
from midday_worker.cli.groups import fleet
from midday_worker.cli.groups.option import AsJson, OnlyQueue
from midday_worker.cli.output import say
from midday_worker.cli.values import duration, job_id, path_prefix, separated, whole_number
from midday_worker.options import MAX_PRIORITY

app: Final = typer.Typer(
    name="midday-worker",
    help="Typed background jobs on BullMQ queues, shared with Node.",
    pretty_exceptions_enable=False,
    add_completion=True,
)

Imports = Annotated[
    list[str] | None,
    typer.Option(
        "--import",
        "-i",
        metavar="PKG",
        callback=separated,
        help="A module or package that defines jobs. Repeatable, or with commas between.",
    ),
]
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
NoLogin = Annotated[
    bool, typer.Option("--no-login", help="Let the dashboard ask for nothing; it answers to this machine alone.")
]
Hidden = Annotated[int | None, typer.Option(hidden=True)]


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"midday-worker {__version__}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Typed background jobs on BullMQ queues, shared with Node."""


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
    process_index: Hidden = None,
    ready_fd: Hidden = None,
    status_fd: Hidden = None,
) -> None:
    """Run jobs until a signal; then let running ones finish."""
    from midday_worker.cli.run import MemberOptions, run_worker

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
    )


@app.command()
@one_line_errors
def dev(
    imports: Imports = None,
    reload: Annotated[bool, typer.Option(help="Start again when a source file changes.")] = True,
) -> None:
    """Run jobs on an embedded Redis and SQLite, and start again when a source file changes."""
    from midday_worker.cli.dev import run_dev

    run_dev(imports or [], reload=reload)


@app.command()
@one_line_errors
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running at the end, until Ctrl-C.")] = False,
) -> None:
    """Show it all at work: real input, Node and Python on the same queues, thirty days in seconds."""
    from midday_worker.cli.demo import run_demo

    run_demo(keep=keep)


@app.command()
@one_line_errors
def jobs(imports: Imports = None, queue: OnlyQueue = None, as_json: AsJson = False) -> None:
    """List the jobs that are registered."""
    from midday_worker.cli.jobs import list_jobs

    list_jobs(imports or [], queue, as_json=as_json)


@app.command()
@one_line_errors
def trigger(
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")],
    data: Annotated[
        str | None,
        typer.Option("--data", "-d", help="The payload, if it has one: JSON, @file, or @- for standard input."),
    ] = None,
    imports: Imports = None,
    delay: Annotated[
        int | None,
        typer.Option(parser=duration("--delay"), metavar="TIME", help='Not before this has passed: "30s", "3d".'),
    ] = None,
    priority: Annotated[
        int | None,
        typer.Option(parser=whole_number("--priority", 0, MAX_PRIORITY), metavar="N", help="1 is the first."),
    ] = None,
    attempts: Annotated[
        int | None, typer.Option(parser=whole_number("--attempts", 1), metavar="N", help="How often to try.")
    ] = None,
    id_: Annotated[
        str | None, typer.Option("--job-id", parser=job_id, metavar="ID", help="The id that the job shall have.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add one job."""
    from midday_worker.cli.trigger import trigger_job

    given = {"delay": delay, "priority": priority, "attempts": attempts, "job_id": id_}
    options = {name: value for name, value in given.items() if value is not None}
    trigger_job(job, data, imports or [], options, as_json=as_json)


@app.command()
def watch(
    id_: Annotated[str, typer.Argument(metavar="JOB_ID", help="The id that the job got when it was added.")],
    queue: OnlyQueue = None,
    name: Annotated[str | None, typer.Option("--job", metavar="JOB", help="What job it is, to find its queue.")] = None,
    imports: Imports = None,
) -> None:
    """Show a job's progress and log until it ends.

    Exits with 0 if it completed, 1 if it failed, 2 if it isn't there, 3 if it can't be followed.
    """
    from midday_worker.cli.watch import watch_job

    watch_job(id_, imports or [], queue=queue, name=name)


@app.command()
@one_line_errors
def cancel(
    job: Annotated[str, typer.Argument(metavar="JOB_ID", help="The id of one job, as trigger wrote it.")],
    queue: OnlyQueue = None,
    reason: Annotated[str, typer.Option(help="Why, for whoever reads the failure.")] = "",
    children: Annotated[bool, typer.Option("--children", help="Its children that haven't started, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Cancel one job, whether it runs or not."""
    from midday_worker.cli.cancel import cancel_job

    cancel_job(job, queue, reason, children=children, as_json=as_json)


@app.command()
@one_line_errors
def health(as_json: AsJson = False) -> None:
    """Check Redis, the database, and the worker on this host; the exit code says it."""
    from midday_worker.cli.health import check_health

    check_health(as_json=as_json)


@app.command()
@one_line_errors
def dashboard(
    imports: Imports = None,
    host: Annotated[str, typer.Option(help="Where it listens. Beyond this machine it needs a login.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(parser=whole_number("--port", 0, 65_535), metavar="N", help="0 is any free one.")
    ] = 3000,
    prefix: Annotated[str, typer.Option(parser=path_prefix, metavar="PATH", help="The path that it is below.")] = "",
    queues: Annotated[
        str | None, typer.Option("--queues", "-q", help="Show only these queues, separated by commas.")
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Let nobody change anything.")] = False,
    no_login: NoLogin = False,
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    allowed_hosts: Annotated[
        list[str] | None,
        typer.Option(
            "--allowed-host", metavar="NAME", help="A name it is asked for by, such as a proxy's. Repeatable."
        ),
    ] = None,
) -> None:
    """Serve the web dashboard."""
    from midday_worker.cli.dashboard import DashboardOptions, serve_dashboard

    options = DashboardOptions(
        host=host,
        port=port,
        prefix=prefix,
        queues=queues,
        read_only=read_only,
        no_login=no_login,
        open_browser=open_,
        allowed_hosts=allowed_hosts or [],
    )
    serve_dashboard(imports or [], options)


fleet.add_to(app)
