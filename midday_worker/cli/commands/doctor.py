"""``midday-worker doctor``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Final

import typer
from rich.text import Text

from midday_worker.admin import Expected, Finding, Grade, examine
from midday_worker.cli.failure import one_line_errors
from midday_worker.cli.loading import load_jobs
from midday_worker.cli.output import AsJson, say_json
from midday_worker.cli.reach import KeyPrefix, OnlyQueue, Reach, reach
from midday_worker.cli.table import write
from midday_worker.cli.values import separated
from midday_worker.definition.definition import JobDefinition
from midday_worker.settings.printable import one_line

app: Final = typer.Typer(add_completion=False)

_STYLES: Final[Mapping[Grade, str]] = {"ok": "green", "note": "cyan", "warn": "yellow", "fail": "bold red"}


@app.command()
@one_line_errors
def doctor(
    imports: Annotated[
        list[str] | None,
        typer.Option(
            "--import",
            "-i",
            metavar="PKG",
            callback=separated,
            help="Look for jobs that nothing in it handles. Repeatable, or with commas between.",
        ),
    ] = None,
    queue: OnlyQueue = None,
    prefix: KeyPrefix = None,
    as_json: AsJson = False,
) -> None:
    """Look for what keeps jobs from running: Redis, clocks, names, prefixes, stuck jobs."""
    found: list[Finding] = []

    async def act(at: Reach) -> None:
        if queue is not None:
            await at.queue(queue)
        findings = await examine(at.client.connection, _expected(imports or [], at), at.client.queue)
        found.extend(finding for finding in findings if queue is None or finding.queue in (None, queue))

    reach(act, prefix)
    wrong = any(finding.grade == "fail" for finding in found)
    if as_json:
        say_json({"ok": not wrong, "findings": [asdict(finding) for finding in found]}, indent=2)
    else:
        write(*map(render, found))
        write("", summary(found))
    if wrong:
        raise typer.Exit(1)


def render(finding: Finding) -> Text:
    """Return a finding as a line, and what to do about it as another."""
    mark = finding.grade if finding.grade in ("ok", "note") else finding.grade.upper()
    text = Text(f"{mark:<5}", style=_STYLES[finding.grade])
    place = f"{finding.check} of queue {finding.queue}" if finding.queue else finding.check
    text.append(f"{one_line(place)}: ", "bold" if finding.grade in ("warn", "fail") else "default")
    text.append(one_line(finding.text), "default")
    if finding.fix and finding.grade != "ok":
        text.append(f"\n     {one_line(finding.fix)}", "dim")
    return text


def summary(found: Sequence[Finding]) -> Text:
    """Return in one line how it stands."""
    wrong = sum(finding.grade == "fail" for finding in found)
    doubtful = sum(finding.grade == "warn" for finding in found)
    if not wrong and not doubtful:
        return Text("All is well.", style="green")
    return Text(f"{wrong} wrong, {doubtful} doubtful", style="red" if wrong else "yellow")


def _expected(imports: Sequence[str], at: Reach) -> Expected:
    settings = at.settings
    registry = load_jobs(imports, settings) if imports or settings.worker_imports else None
    return Expected(
        prefix=at.prefix,
        own=at.own,
        largest=settings.max_payload_bytes,
        handled=_by_queue(registry.handled() if registry else ()),
        declared=_by_queue(registry.declared() if registry else ()),
    )


def _by_queue(definitions: Iterable[JobDefinition[object, object]]) -> Mapping[str, Collection[str]]:
    names: dict[str, set[str]] = {}
    for definition in definitions:
        names.setdefault(definition.queue, set()).add(definition.id)
    return names
