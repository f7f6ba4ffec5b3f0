"""The end of the demo: tables of what was done, and of what was wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from midday_worker.definition.registry import default_registry
from midday_worker.demo.expectation import Expectation
from midday_worker.demo.feed import Fed
from midday_worker.demo.outcome import Outcome

_REASON_LENGTH: Final = 160


def print_report(console: Console, expected: Expectation, outcome: Outcome, fed: Fed, took_s: float) -> None:
    """Print what was done, as tables and in a sentence."""
    for table in (
        _jobs(expected, outcome),
        _emails(expected, outcome),
        _invalid(expected, outcome, fed),
        _failed(expected, outcome),
    ):
        console.print()
        console.print(table)
    console.print(f"\n{_summary(expected, outcome, fed, took_s)}")


def _summary(expected: Expectation, outcome: Outcome, fed: Fed, took_s: float) -> str:
    return (
        f"{outcome.jobs.total()} jobs in {took_s:.1f} s. Python added {fed.by_python} of them and Node {fed.by_node}; "
        f"the others came from jobs. {expected.repeated} lines were there twice and did nothing twice. "
        f"{outcome.retried} jobs completed at a later attempt. {outcome.teams} teams are in the database. "
        f"Orders brought in {outcome.paid}."
    )


def _jobs(expected: Expectation, outcome: Outcome) -> Table:
    states = ["completed", "failed", *sorted({state for _, state in outcome.jobs} - {"completed", "failed"})]
    table = Table("job", "queue", title="Jobs by name and state, as Redis holds them", title_justify="left")
    for state in states:
        table.add_column(state, justify="right")
    table.add_column("as expected")
    for name in sorted({name for name, _ in outcome.jobs.keys() | expected.jobs.keys()}):
        definition = default_registry.find(name)
        counts = [outcome.jobs[name, state] for state in states]
        well = all(outcome.jobs[name, state] == expected.jobs[name, state] for state in states)
        table.add_row(name, definition.queue if definition else "?", *map(str, counts), _mark(well))
    totals = Counter[str]()
    for (_, state), count in outcome.jobs.items():
        totals[state] += count
    table.add_section()
    table.add_row("all", "", *(str(totals[state]) for state in states), _mark(outcome.jobs == expected.jobs))
    return table


def _emails(expected: Expectation, outcome: Outcome) -> Table:
    table = Table("e-mail", title="E-mails, as .eml files on disk", title_justify="left")
    table.add_column("written", justify="right")
    table.add_column("as expected")
    for kind in sorted(expected.emails.keys() | outcome.emails.keys()):
        table.add_row(kind, str(outcome.emails[kind]), _mark(outcome.emails[kind] == expected.emails[kind]))
    table.add_section()
    table.add_row("all", str(outcome.emails.total()), _mark(outcome.emails == expected.emails))
    return table


def _invalid(expected: Expectation, outcome: Outcome, fed: Fed) -> Table:
    table = Table("line", "from", "stopped", "why", title="Invalid input", title_justify="left")
    rows = [(number, "never added", why) for number, why in fed.refused.items()]
    rows += [
        (line.number, "in the worker", outcome.failures.get((line.job, job_id), "not stopped"))
        for job_id, line in expected.failing.items()
    ]
    node = {line.number for line in (*expected.refused.values(), *expected.failing.values()) if line.by_node}
    for number, where, why in sorted(rows):
        table.add_row(str(number), "Node" if number in node else "Python", where, _short(why))
    return table


def _failed(expected: Expectation, outcome: Outcome) -> Table:
    table = Table("job", "failed", "one of the reasons", title="Valid, but failed", title_justify="left")
    reasons: dict[str, list[str]] = defaultdict(list)
    for (name, job_id), reason in outcome.failures.items():
        if job_id not in expected.failing:
            reasons[name].append(reason)
    for name, given in sorted(reasons.items()):
        table.add_row(name, str(len(given)), _short(given[0]))
    return table


def _short(text: str) -> str:
    line = " ".join(text.split())
    line = line.partition("': ")[2] if line.startswith("Invalid stored payload") else line
    return line if len(line) <= _REASON_LENGTH else f"{line[: _REASON_LENGTH - 1]}…"


def _mark(well: bool) -> Text:
    return Text("yes", "green") if well else Text("NO", "bold red")
