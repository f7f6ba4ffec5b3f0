"""`failed` and `retry`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from midday_worker.cli.commands import retry
from midday_worker.engine.producer.queue import Queue
from tests.integration.cli.terminal import Terminal

Row = dict[str, object]


def test_failed_jobs_are_shown_by_reason_and_the_chosen_ones_retried(terminal: Terminal) -> None:
    terminal.add(terminal.mail, "slow", "slower", "nobody")
    terminal.add(terminal.invoice, "slow")
    terminal.work()
    groups = cast("dict[str, list[Row]]", terminal.run("failed", "--json").json)["groups"]
    assert [(group["queue"], group["reason"], group["count"]) for group in groups] == [
        ("emails", "timed out after <n> s", 2),
        ("invoices", "timed out after <n> s", 1),
        ("emails", "no such user", 1),
    ]
    assert all(cast("int", group["oldest_ms"]) <= cast("int", group["newest_ms"]) for group in groups)
    heads, _, *lines = terminal.run("failed").out.splitlines()
    assert heads.split() == ["failed", "first", "last", "reason", "queue", "job"]
    assert [line.split()[-1] for line in lines[:3]] == ["send-mail", "send-invoice", "send-mail"]
    assert "timed out after <n> s" in terminal.run("failed", "--queue", "emails", "--since", "1h").out
    assert terminal.run("failed", "--reason", "other").out == "No failed jobs match.\n"
    chosen = ("retry", "--reason", "timed out after <n> s", "--job", "send-mail")
    assert terminal.run(*chosen, "--dry-run").out == (
        "Would retry 2 failed jobs of queue emails. Nothing was changed.\n"
    )
    assert "Add --yes" in terminal.run(*chosen).refused
    assert terminal.counts() == {"failed": 3}
    assert terminal.run(*chosen, "--yes").out == "Retried 2 of 2 failed jobs.\n"
    assert (terminal.counts(), terminal.counts("invoices")) == ({"failed": 1, "waiting": 2}, {"failed": 1})
    rest = terminal.run("retry", "--yes", "--json").json
    assert rest == {
        **{"act": "retry", "matching": 2, "done": 2, "skipped": 0, "cancelled_left_out": 0, "dry_run": False}
    }


def test_a_cancelled_job_is_marked_and_left_out_of_a_retry_unless_asked_for(terminal: Terminal) -> None:
    (gone,) = terminal.add(terminal.mail, "ada")
    terminal.run("cancel", gone)
    only = terminal.run("retry", "--job", "send-mail", "--yes").out
    assert only == (
        "Nothing to do: would retry 0 failed jobs; 1 cancelled one is left out, --cancelled takes it too.\n"
    )
    terminal.add(terminal.mail, "nobody")
    terminal.work()
    groups = cast("dict[str, list[Row]]", terminal.run("failed", "--json").json)["groups"]
    assert [(group["reason"], group["cancelled"]) for group in groups] == [
        *[("no such user", False), ("cancelled: no reason was given", True)]
    ]
    assert "Among them" not in terminal.run("failed", "--reason", "no such user").out
    assert "Among them 1 cancelled: retry takes those" in terminal.run("failed").out
    left_out = "; 1 cancelled one is left out, --cancelled takes it too."
    assert terminal.run("retry", "--dry-run").out == (
        f"Would retry 1 failed job of queue emails{left_out} Nothing was changed.\n"
    )
    assert terminal.run("retry", "--yes").out == f"Retried 1 of 1 failed job{left_out}\n"
    assert terminal.counts() == {"failed": 1, "waiting": 1}
    assert terminal.run("retry", "--cancelled", "--yes").out == "Retried 1 of 1 failed job.\n"
    assert terminal.counts() == {"waiting": 2}


def test_a_name_that_has_not_failed_is_one_line_with_those_that_have(terminal: Terminal) -> None:
    terminal.add(terminal.mail, "nobody")
    terminal.work()
    assert "Did you mean send-mail?" in terminal.run("retry", "--job", "send-mial", "--yes").refused
    assert "Nothing to do" in terminal.run("retry", "--reason", "other", "--yes").out


def test_an_interrupted_retry_says_how_far_it_came(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.add(terminal.mail, "nobody", "nobody", "nobody")
    terminal.work()
    monkeypatch.setattr("midday_worker.admin.failure_retry.BATCH", 1)

    class Interrupting(retry.Tally):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if name == "skipped" and self.moved == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr(retry, "Tally", Interrupting)
    stopped = terminal.run("retry", "--yes")
    assert stopped.code == 130
    assert "Interrupted. Retried 2 of 3 failed jobs. Run the same command again" in stopped.err
    assert terminal.counts() == {"failed": 1, "waiting": 2}


@pytest.mark.parametrize(
    ("command", "method", "word", "said"),
    [
        (("retry", "-y"), "ask", "HGET", "Retried at least 1 of 3 failed jobs."),
        (("queue", "clean", "emails", "--state", "failed", "-y"), "clean", 0, "Removed at least 1 of 3 failed jobs"),
    ],
)
def test_what_redis_breaks_off_says_how_far_it_came_and_not_that_nothing_was_written(
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    method: str,
    word: str | int,
    said: str,
) -> None:
    """Redis goes away at the second batch, with an error that has no text."""
    terminal.add(terminal.mail, "nobody", "nobody", "nobody")
    terminal.work()
    real = cast("Callable[..., Awaitable[object]]", getattr(Queue, method))
    words: list[object] = []

    async def ask(queue: Queue, *arguments: object) -> object:
        words.append(arguments[0])
        if words.count(word) == 2:
            raise ConnectionResetError
        return await real(queue, *arguments)

    monkeypatch.setattr(Queue, method, ask)
    for module in ("failure_retry", "queue_acts"):
        monkeypatch.setattr(f"midday_worker.admin.{module}.BATCH", 1)
    line = terminal.run(*command).refused
    assert said in line
    assert "Redis is not reachable (ConnectionResetError). Run the same command again to go on." in line
