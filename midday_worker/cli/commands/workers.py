"""``midday-worker workers``: who works the queues, in either language."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Final

import typer
from rich.table import Table
from rich.text import Text

from midday_worker.admin import WorkerClient, list_all_workers
from midday_worker.cli.failure import one_line_errors
from midday_worker.cli.moment import span
from midday_worker.cli.output import AsJson, say_json
from midday_worker.cli.reach import KeyPrefix, OnlyQueue, Reach, reach
from midday_worker.cli.table import add_row, table, write
from midday_worker.engine.inspection.health import Heartbeat, heartbeats

app: Final = typer.Typer(add_completion=False)

_EVERY_HOST = "*"


@app.command()
@one_line_errors
def workers(queue: OnlyQueue = None, prefix: KeyPrefix = None, as_json: AsJson = False) -> None:
    """Show who works the queues, Node's workers among them."""

    async def act(at: Reach) -> None:
        queues = await at.queues(queue)
        workers, beats = await asyncio.gather(
            list_all_workers(queues), heartbeats(at.client.connection, at.settings.redis_prefix, _EVERY_HOST)
        )
        beats = [beat for beat in beats if queue is None or queue in beat.queues]
        if as_json:
            record = {
                "processes": [asdict(beat) | {"age_s": beat.age_s, "trouble": beat.trouble} for beat in beats],
                "connections": None
                if workers is None
                else {name: [asdict(one) for one in found] for name, found in workers.items()},
            }
            say_json(record, indent=2)
            return
        _write(workers, beats)

    reach(act, prefix)


def _write(workers: Mapping[str, Sequence[WorkerClient]] | None, beats: Sequence[Heartbeat]) -> None:
    if beats:
        write(render_processes(beats), "")
    if workers is None:
        write("Redis refuses CLIENT LIST (+client|list), so connections are not known.")
    elif any(workers.values()):
        write(render_workers(workers))
    else:
        write("No worker is connected. Start one with: midday-worker run")


def render_processes(beats: Sequence[Heartbeat]) -> Table:
    """Return the table of the processes of this library."""
    shown = table("host", "pid", "queues", "up", "last beat", "state", right=("pid",))
    for beat in sorted(beats, key=lambda beat: (beat.host, beat.supervisor or 0, beat.process, beat.pid)):
        trouble = beat.trouble
        state = Text("ready", "green") if trouble is None else Text(trouble, "red")
        up = span(round((beat.beat_at - beat.started_at) * 1000))
        cells = (beat.host, str(beat.pid), ", ".join(beat.queues), up, f"{span(round(beat.age_s * 1000))} ago")
        add_row(shown, *cells, state)
    return shown


def render_workers(workers: Mapping[str, Sequence[WorkerClient]]) -> Table:
    """Return the table of the workers' connections."""
    shown = table("queue", "worker", "address", "connected", "last command")
    for queue, found in workers.items():
        for worker in found:
            times = (f"{span(worker.age_s * 1000)} ago", f"{span(worker.idle_s * 1000)} ago")
            add_row(shown, queue, worker.name or "(unnamed)", worker.address, *times)
    return shown
