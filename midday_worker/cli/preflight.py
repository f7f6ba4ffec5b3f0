"""``midday-worker contract preflight``: what it shows."""

from __future__ import annotations

from dataclasses import asdict

from rich.text import Text

from midday_worker.contract.preflight import Report
from midday_worker.settings.printable import one_line


def render_report(report: Report) -> list[Text]:
    """Return a report as lines, what would fail first."""
    lines: list[Text] = []
    for each in report.failing:
        name = f"{each.job} of queue {each.queue}" if each.job else f"queue {each.queue}"
        lines.append(Text(f"{one_line(name)}: {each.count:,} would fail: {one_line(each.reason)}", style="red"))
        lines.append(Text(f"     such as {', '.join(map(one_line, each.ids))}", style="dim"))
    lines += [
        Text(f"{one_line(job)}: {count:,} are of a newer version, and would be parked", style="yellow")
        for job, count in sorted(report.newer.items())
    ]
    lines += [
        Text(f"{one_line(job)} of queue {one_line(queue)}: {count:,} have no handler here", style="yellow")
        for (queue, job), count in sorted(report.unknown.items())
    ]
    wrong = sum(each.count for each in report.failing)
    lines.append(Text(f"{wrong or 'Nothing'} of {report.checked:,} stored jobs and schedules would fail."))
    if report.resume is not None:
        lines.append(Text(f"Not all was read in time. Go on with --resume '{report.resume}'", style="yellow"))
    return lines


def as_record(report: Report) -> dict[str, object]:
    """Return a report for --json."""
    return {
        "checked": report.checked,
        "failing": [asdict(each) for each in report.failing],
        "versions": [
            {"job": job, "version": version, "count": count}
            for (job, version), count in sorted(report.versions.items())
        ],
        "newer": dict(report.newer),
        "unknown": [
            {"queue": queue, "job": job, "count": count} for (queue, job), count in sorted(report.unknown.items())
        ],
        "resume": report.resume,
    }
