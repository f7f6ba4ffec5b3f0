"""The page of contracts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from typing import Final

from starlette.responses import Response

from midday_worker.contract.preflight import Failing, Preflight, Report
from midday_worker.dashboard.call import Call
from midday_worker.dashboard.runs.page import render_own
from midday_worker.definition.definition import JobDefinition

SAMPLE: Final = 1_000
WITHIN_S: Final = 5.0
"""The page reads so many jobs of each state of each queue, and so long: `contract preflight` reads all."""


async def show(call: Call) -> Response:
    """GET /contracts: each job with the versions that are stored, and what would fail."""
    board = call.board
    shown = [definition for name in board.names for definition in board.definitions(name)]
    queues = sorted({each.queue for each in shown if each.has_handler})
    report = Report()
    if queues:
        report = await Preflight(board.client, board.registry, queues, SAMPLE).run(within_s=WITHIN_S)
    rows = "".join(_row(each, report) for each in sorted(shown, key=lambda each: (each.queue, each.id)))
    return render_own(call, "contracts.html", {"status": _status(report)}, {"rows": rows, "unknown": _unknown(report)})


def _status(report: Report) -> str:
    failing = sum(each.count for each in report.failing)
    read = f"{report.checked:,} jobs and schedules read, at most {SAMPLE:,} of each state of each queue"
    late = "" if report.resume is None else f", as far as {WITHIN_S:g} s allowed"
    return f"{failing or 'None'} would fail. {read}{late}."


def _row(job: JobDefinition[object, object], report: Report) -> str:
    mine = [each for each in report.failing if (each.queue, each.job) == (job.queue, job.id)]
    stored = sorted((version, count) for (name, version), count in report.versions.items() if name == job.id)
    versions = ", ".join(f"{count:,} of version {version}" for version, count in stored) or "none"
    schemas = [("Payload", job.schema), *([("Result", job.result_schema)] if job.result_schema else [])]
    known = "".join(_details(title, schema.json_schema()) for title, schema in schemas)
    return (
        f"<tr><td>{escape(job.id)}<br><small>{escape(job.queue)}</small></td>"
        f'<td class="number">{job.version}</td><td>{versions}{_newer(job, report)}</td>'
        f"<td>{_failing(mine) if job.has_handler else 'run elsewhere'}</td><td>{known}</td></tr>"
    )


def _newer(job: JobDefinition[object, object], report: Report) -> str:
    count = report.newer[job.id]
    return f"<br>{count:,} are newer than this program, and would be parked" if count else ""


def _failing(found: Iterable[Failing]) -> str:
    kinds = "".join(f"<li>{_kind(each)}</li>" for each in found)
    return f"<ul>{kinds}</ul>" if kinds else "none"


def _kind(each: Failing) -> str:
    ids = escape(", ".join(each.ids))
    return f"<strong>{each.count:,}</strong> {escape(each.reason)}<br><small>{ids}</small>"


def _unknown(report: Report) -> str:
    lines = [
        f"{escape(job)} of queue {escape(queue)}: {count:,} have no handler in this program"
        for (queue, job), count in sorted(report.unknown.items())
    ]
    lines += [f"Queue {escape(each.queue)}: {_kind(each)}" for each in report.failing if not each.job]
    return "".join(f"<li>{line}</li>" for line in lines)


def _details(title: str, schema: dict[str, object]) -> str:
    return f"<details><summary>{title}</summary><pre>{escape(json.dumps(schema, indent=2))}</pre></details>"
