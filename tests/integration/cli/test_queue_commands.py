"""`queues` and `queue ...`."""

from __future__ import annotations

from threading import Timer
from typing import cast

import pytest

from midday_worker import JobClient, JobRegistry, job
from midday_worker.admin import read_overview
from midday_worker.admin.overview import QueueOverview
from midday_worker.cli.reach import complete_queue
from midday_worker.testing import RedisServer
from tests.integration.cli.terminal import Terminal


def overview(terminal: Terminal) -> QueueOverview:
    async def act(client: JobClient) -> QueueOverview:
        return await read_overview(client.queue("emails"))

    return terminal.with_client(act)


def test_queues_are_a_table_or_json(terminal: Terminal) -> None:
    terminal.add(terminal.mail, "ada", "eve")
    terminal.add(terminal.invoice, "ada", delay="1h")
    lines = terminal.run("queues").out.splitlines()
    assert lines[0].split() == [
        *("queue", "waiting", "running", "delayed", "parents", "completed", "failed", "workers", "state")
    ]
    assert [line.split()[:4] for line in lines[2:]] == [["emails", "2", "0", "0"], ["invoices", "0", "0", "1"]]
    assert "no workers" in lines[2]
    rows = cast("list[dict[str, object]]", terminal.run("queues", "--json").json)
    assert [(row["name"], row["workers"]) for row in rows] == [("emails", 0), ("invoices", 0)]


def test_without_queues_it_says_where_it_looked(terminal: Terminal) -> None:
    assert f"No queues under prefix '{terminal.settings.redis_prefix}'" in " ".join(terminal.run("queues").out.split())


def test_a_queue_is_paused_and_resumed(terminal: Terminal) -> None:
    terminal.add(terminal.mail, "ada")
    assert "Queue emails is paused; 0 jobs still running" in terminal.run("queue", "pause", "emails").out
    assert overview(terminal).paused
    assert "paused" in terminal.run("queues").out
    assert terminal.run("queue", "resume", "emails", "--json").json == {
        **{"queue": "emails", "act": "resume", "waiting": 1}
    }
    assert not overview(terminal).paused


def test_limits_are_set_and_taken_away(terminal: Terminal) -> None:
    terminal.add(terminal.mail, "ada")
    terminal.run("queue", "concurrency", "emails", "7")
    terminal.run("queue", "rate-limit", "emails", "100", "1m")
    set_ = overview(terminal)
    assert (set_.concurrency, set_.rate and (set_.rate.max, set_.rate.duration_ms)) == (7, (100, 60_000))
    shown = terminal.run("queue", "show", "emails").out
    assert "concurrency  7" in shown
    assert "rate limit   100 in 1m" in shown
    terminal.run("queue", "concurrency", "emails", "none")
    terminal.run("queue", "rate-limit", "emails", "none")
    assert (overview(terminal).concurrency, overview(terminal).rate) == (None, None)


def test_a_drain_counts_first_and_leaves_delayed_jobs_unless_told(terminal: Terminal) -> None:
    terminal.add(terminal.mail, "ada", "eve")
    terminal.add(terminal.mail, "bob", delay="1h")
    dry = terminal.run("queue", "drain", "emails", "--dry-run")
    assert dry.out == "Would remove 2 waiting jobs of queue emails. Nothing was changed.\n"
    assert terminal.counts() == {"waiting": 2, "delayed": 1}
    assert "Add --yes to do it, or --dry-run" in terminal.run("queue", "drain", "emails").refused
    assert terminal.counts() == {"waiting": 2, "delayed": 1}
    assert terminal.run("queue", "drain", "emails", "-y").out == "Removed 2 jobs of queue emails.\n"
    assert terminal.counts() == {"delayed": 1}
    terminal.run("queue", "drain", "emails", "--delayed", "--yes")
    assert terminal.counts() == {}


def test_a_drain_leaves_the_next_run_of_a_schedule(terminal: Terminal) -> None:
    async def schedule(client: JobClient) -> None:
        await terminal.mail.trigger_recurring("ada", "0 9 * * *", schedule_id="daily", client=client)

    terminal.with_client(schedule)
    terminal.run("queue", "drain", "emails", "--delayed", "--yes")
    assert terminal.counts() == {"delayed": 1}


def test_a_drain_says_first_which_parents_would_run_without_their_children(terminal: Terminal) -> None:
    async def flows(client: JobClient) -> None:
        for parent in ("may", "june"):
            children = [terminal.mail.node("ada"), terminal.mail.node("eve", delay="1h")]
            await terminal.invoice.trigger_flow(parent, children, client=client)
        await terminal.mail.trigger_flow("root", [terminal.mail.node("ada")], client=client)

    terminal.with_client(flows)
    loss = "; 2 parents of queue invoices would run without them and 1 parent of this queue would be removed with them"
    dry = terminal.run("queue", "drain", "emails", "--dry-run")
    assert dry.out == f"Would remove 3 waiting jobs of queue emails{loss}. Nothing was changed.\n"
    assert loss in terminal.run("queue", "drain", "emails", "--delayed").refused
    record = cast("dict[str, object]", terminal.run("queue", "drain", "emails", "--dry-run", "--json").json)
    assert record["parents"] == {"released": {"invoices": 2}, "removed": 1, "looked_at": 3}
    assert (
        "2 parents of queue invoices" in terminal.run("queue", "clean", "emails", "--state", "delayed", "--dry-run").out
    )
    done = terminal.run("queue", "drain", "emails", "--delayed", "--yes").out
    assert done == (
        "Removed 5 jobs of queue emails; "
        "2 parents of queue invoices run without them and 1 parent of this queue was removed with them.\n"
    )
    assert (terminal.counts("invoices"), terminal.counts()) == ({"waiting": 2}, {})


def test_only_so_many_jobs_are_looked_at_for_their_parents(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    async def flow(client: JobClient) -> None:
        await terminal.invoice.trigger_flow("may", [terminal.mail.node("ada")], client=client)

    monkeypatch.setattr("midday_worker.admin.waiting_parents.MOST", 2)
    monkeypatch.setattr("midday_worker.admin.waiting_parents.BATCH", 1)
    terminal.add(terminal.mail, "eve", "bob")
    dry = ("queue", "drain", "emails", "--dry-run")
    assert "parent" not in terminal.run(*dry).out
    terminal.add(terminal.mail, "eve")
    assert "; no parent waits for the 2 of them that were looked at." in terminal.run(*dry).out
    terminal.with_client(flow)
    said = "; at least 1 parent of queue invoices would run without them (of the jobs 2 were looked at)."
    assert said in terminal.run(*dry).out


def test_clean_removes_jobs_of_one_state_that_are_old_enough(terminal: Terminal) -> None:
    terminal.add(terminal.mail, "ada", "eve", "nobody")
    terminal.work()
    assert terminal.run("queue", "clean", "emails", "--older-than", "1h", "--yes", "--json").json == {
        **{"queue": "emails", "act": "clean", "matching": 0, "done": 0, "dry_run": False},
        "parents": {"released": {}, "removed": 0, "looked_at": 0},
    }
    assert terminal.run("queue", "clean", "emails", "--yes").out == "Removed 2 jobs of queue emails.\n"
    assert terminal.counts() == {"failed": 1}
    terminal.run("queue", "clean", "emails", "--state", "failed", "--yes")
    assert terminal.counts() == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("queue", "pause", "emial"), "No queue 'emial' under prefix"),
        (("queue", "pause", "emial"), "Did you mean emails?"),
        (("queue", "clean", "emails", "--state", "done"), "--state is 'done'; accepted: completed, failed"),
        (("queue", "concurrency", "emails", "0"), "The concurrency is '0'; accepted: a whole number from 1"),
        (("queue", "concurrency", "emails", "9" * 5_000), "accepted: a whole number from 1 to 2147483647, or none"),
        (("queue", "rate-limit", "emails", "5", "soon"), "TIME is 'soon'; accepted: milliseconds"),
        (("queue", "rate-limit", "emails", "5", "9" * 5_000), "accepted: milliseconds"),
        (("queue", "rate-limit", "emails", "5", "0"), "A rate limit's time in milliseconds is 0; accepted: a whole"),
        (("queue", "clean", "emails", "--older-than", "soon"), "--older-than is 'soon'; accepted"),
        (("failed", "--limit", "0"), "--limit is '0'; accepted: a whole number from 1"),
        (("failed", "--queue", "zzz"), "There are: emails."),
        (("retry", "--since", "then"), "--since is 'then'; accepted"),
    ],
)
def test_a_mistake_is_one_line_with_the_fix(terminal: Terminal, arguments: tuple[str, ...], words: str) -> None:
    terminal.add(terminal.mail, "ada")
    assert words in terminal.run(*arguments).refused


def test_a_queue_on_an_empty_redis_points_at_the_settings(terminal: Terminal) -> None:
    assert "are REDIS_URL and REDIS_PREFIX right?" in terminal.run("queue", "show", "emails").refused


def test_of_many_failed_jobs_it_says_how_many_it_looked_at(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.add(terminal.mail, "nobody", "nobody", "nobody")
    terminal.work()
    assert "looked at" not in terminal.run("queue", "show", "emails").out
    monkeypatch.setattr("midday_worker.cli.commands.queue._FAILURES", 2)
    assert "Of 3 failed jobs the newest 2 were looked at." in terminal.run("queue", "show", "emails").out


def test_as_json_it_says_why_jobs_fail(terminal: Terminal) -> None:
    terminal.add(terminal.mail, "nobody", "nobody", "ada")
    terminal.work()
    shown = cast("dict[str, dict[str, object]]", terminal.run("queue", "show", "emails", "--json").json)
    (group,) = cast("list[dict[str, object]]", shown["failures"]["groups"])
    assert (group["job"], group["count"], shown["failures"]["total"]) == ("send-mail", 2, 2)
    assert "no such user" in str(group["reason"])


def test_where_there_is_no_terminal_each_row_is_one_line(terminal: Terminal) -> None:
    name = "a-queue-of-a-name-that-is-longer-than-any-terminal-" + "x" * 90
    terminal.add(job("sweep", str, result=str, queue=name, registry=JobRegistry()), "ada")
    (line,) = [line for line in terminal.run("queues", "--once").out.splitlines() if name in line]
    assert line.split()[:2] == [name, "1"]


def test_a_shell_completes_names_of_queues(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.add(terminal.mail, "ada")
    terminal.add(terminal.invoice, "ada")
    assert complete_queue("em") == ["emails"]
    assert complete_queue("") == ["emails", "invoices"]
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    assert complete_queue("") == []


def test_a_look_can_be_limited_to_one_queue(terminal: Terminal) -> None:
    terminal.add(terminal.mail, "ada")
    terminal.add(terminal.invoice, "ada")
    names = [
        row["name"] for row in cast("list[dict[str, object]]", terminal.run("queues", "-q", "emails", "--json").json)
    ]
    assert names == ["emails"]
    found = terminal.run("doctor", "-q", "emails")
    assert "emails" in found.out
    assert "invoices" not in found.out
    for command in ("queues", "doctor", "failed", "workers"):
        assert "Did you mean emails?" in terminal.run(command, "-q", "emial").refused
    assert "send-mails" in terminal.run("jobs", "-i", "tests.integration.cli.other_jobs", "-q", "emails").out
    assert terminal.run("jobs", "-i", "tests.integration.cli.other_jobs", "-q", "emial").out == (
        "No jobs of queue emial. Their queues: emails.\n"
    )


def test_a_shell_completes_them_when_redis_is_slow_too(terminal: Terminal, redis_server: RedisServer) -> None:
    terminal.add(terminal.mail, "ada")
    redis_server.pause()
    resuming = Timer(1.2, redis_server.resume)
    resuming.start()
    assert complete_queue("em") == ["emails"]
    resuming.join()
