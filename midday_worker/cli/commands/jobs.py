"""``midday-worker jobs``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import typer

from midday_worker.cli.failure import one_line_errors
from midday_worker.cli.loading import Imports, load_jobs, settings_with
from midday_worker.cli.output import AsJson, say, say_json
from midday_worker.cli.reach import OnlyQueue
from midday_worker.cli.table import add_row, table, write
from midday_worker.settings.durations import from_milliseconds

app: Final = typer.Typer(add_completion=False)


@app.command()
@one_line_errors
def jobs(imports: Imports = None, queue: OnlyQueue = None, as_json: AsJson = False) -> None:
    """List the jobs that are registered."""
    list_jobs(imports or [], queue, as_json=as_json)


def list_jobs(imports: Sequence[str], queue: str | None = None, *, as_json: bool) -> None:
    """Write the registered jobs, of all queues or of one, as a table or as JSON."""
    loaded = load_jobs(imports, settings_with())
    rows = [
        {
            "job": definition.id,
            "queue": definition.queue,
            "attempts": definition.options.attempts,
            "timeout_ms": definition.options.timeout,
            "run_elsewhere": not definition.has_handler,
            "defined_at": definition.defined_at,
        }
        for definition in loaded
        if queue in (None, definition.queue)
    ]
    if as_json:
        say_json(rows, indent=2)
        return
    if not rows and len(loaded):
        say(f"No jobs of queue {queue}. Their queues: {', '.join(sorted({one.queue for one in loaded}))}.")
        return
    if not rows:
        say("No jobs. Name the package that defines them: --import my_service.jobs, or WORKER_IMPORTS.")
        return
    shown = table("job", "queue", "attempts", "timeout", "defined at", right=("attempts",))
    for row in rows:
        timeout = from_milliseconds(row["timeout_ms"]) if isinstance(row["timeout_ms"], int) else "none"
        place = f"{row['queue']} (run elsewhere)" if row["run_elsewhere"] else row["queue"]
        cells = (row["job"], place, row["attempts"], timeout, _from_here(str(row["defined_at"])))
        add_row(shown, *map(str, cells))
    write(shown)


def _from_here(place: str) -> str:
    # A whole path would be cut on a narrow terminal, at the end that matters.
    path = Path(place)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else place
