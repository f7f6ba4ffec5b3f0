"""`job ...`, `schedules ...`, `workers` and `doctor`."""

from __future__ import annotations

from typing import cast

import pytest

from midday_worker import JobClient
from tests.integration.cli.terminal import Terminal

Row = dict[str, object]


def test_a_job_is_shown_wherever_it_is(terminal: Terminal) -> None:
    (job_id,) = terminal.add(terminal.mail, "nobody")
    terminal.add(terminal.invoice, "ada")
    terminal.work()
    shown = terminal.run("job", "show", job_id).out
    assert shown.startswith(f"send-mail  {job_id}\n")
    for line in ("queue       emails", "state       failed", "attempts    1 of 1", "failed      no such user"):
        assert line in shown
    assert 'payload\n"nobody"' in shown
    assert "LookupError: no such user" in shown
    record = cast("Row", terminal.run("job", "show", job_id, "-q", "emails", "--json").json)
    assert (record["data"], record["state"], record["log_lines"]) == ("nobody", "failed", 1)
    assert terminal.run("job", "logs", job_id).out == "sending to nobody\n"


def test_what_a_job_holds_gives_the_terminal_no_orders(terminal: Terminal) -> None:
    (job_id,) = terminal.add(terminal.mail, "no\x1b[31m\u202e[bold]x")
    terminal.work()
    for arguments in (("job", "show", job_id), ("job", "logs", job_id), ("failed",)):
        shown = terminal.run(*arguments).out
        assert "\x1b" not in shown
        assert "\u202e" not in shown
    assert "\\x1b[31m\\u202e[bold]x" in terminal.run("job", "logs", job_id).out


def test_what_a_job_is_called_gives_the_terminal_no_orders(terminal: Terminal) -> None:
    job_id, name = "mine\x1b[2J", "send\x1b]0;x\x07\u202e"  # as a program in another language may write them

    async def write(client: JobClient) -> None:
        queue = client.queue("emails")
        await queue.ask("HSET", queue.keys["meta"], "opts.maxLenEvents", "1")
        await queue.ask("HSET", queue.toKey(job_id), "name", name, "data", "1", "opts", "{}", "timestamp", "1")
        await queue.ask("LPUSH", queue.keys["wait"], job_id)

    terminal.with_client(write)
    said = [
        terminal.run("job", "show", "mine").err,
        terminal.run("job", "promote", job_id).err,
        terminal.run("job", "remove", job_id).err,
        terminal.run("job", "remove", job_id, "--dry-run").out,
        terminal.run("job", "remove", job_id, "--yes").out,
    ]
    for text in said:
        assert "mine\\x1b[2J" in text
        assert set(text) & {"\x1b", "\x07", "\u202e"} == set()


def test_a_job_is_retried_promoted_and_removed(terminal: Terminal) -> None:
    (failed,) = terminal.add(terminal.mail, "nobody")
    terminal.work()
    (later,) = terminal.add(terminal.mail, "ada", delay="1h")
    assert terminal.run("job", "retry", failed).out == f"Job {failed} of queue emails waits to run once more.\n"
    assert terminal.run("job", "promote", later, "--json").json == {
        **{"id": later, "queue": "emails", "act": "promote", "done": 1}
    }
    assert terminal.counts() == {"waiting": 2}
    assert "can't be promoted: it is waiting" in terminal.run("job", "promote", later).refused
    dry = terminal.run("job", "remove", later, "--dry-run").out
    assert dry == f"Would remove waiting job {later} (send-mail) of queue emails. Nothing was changed.\n"
    assert "Add --yes" in terminal.run("job", "remove", later).refused
    assert terminal.counts() == {"waiting": 2}
    terminal.run("job", "remove", later, "--yes")
    assert terminal.counts() == {"waiting": 1}


def test_a_job_is_removed_with_the_children_that_were_counted(terminal: Terminal) -> None:
    async def flow(client: JobClient) -> str:
        children = [terminal.mail.node("a"), terminal.invoice.node("b")]
        return (await terminal.mail.trigger_flow("root", children, client=client)).id

    root = terminal.with_client(flow)
    assert "and 2 children of queue emails" in terminal.run("job", "remove", root, "--dry-run").out
    terminal.run("job", "remove", root, "--yes")
    assert (terminal.counts("emails"), terminal.counts("invoices")) == ({}, {})


def test_of_a_parent_it_is_said_what_it_waits_for(terminal: Terminal) -> None:
    """However many children have ended, which are more than are looked at, those that haven't are told first."""

    async def flow(client: JobClient) -> tuple[str, str]:
        nodes = [terminal.mail.node(f"child {number}") for number in range(25)]
        late = terminal.mail.node("late", delay="1h")
        parent = await terminal.invoice.trigger_flow("root", [*nodes, late], client=client)
        return parent.id, parent.children[-1].id

    parent, late = terminal.with_client(flow)
    terminal.work()
    shown = terminal.run("job", "show", parent).out
    assert "children    1 not ended, 25 completed\n" in shown
    assert f"waits for   {late} of emails: delayed\n" in shown
    assert shown.count("waits for") == 1
    children = cast("Row", cast("Row", terminal.run("job", "show", parent, "--json").json)["children"])
    assert children["counts"] == {"unprocessed": 1, "processed": 25, "failed": 0, "ignored": 0}
    assert cast("list[Row]", children["first"])[0] == {
        "queue": "emails",
        "id": late,
        "name": "send-mail",
        "state": "delayed",
    }
    assert "children" not in terminal.run("job", "show", late).out


def test_a_removal_says_first_which_parent_would_run_without_the_job(terminal: Terminal) -> None:
    async def flow(client: JobClient) -> tuple[str, str]:
        parent = await terminal.invoice.trigger_flow("root", [terminal.mail.node("a")], client=client)
        return parent.id, parent.children[0].id

    parent, child = terminal.with_client(flow)
    dry = terminal.run("job", "remove", child, "--dry-run").out
    assert f"; its parent {parent} of queue invoices would run without it. Nothing was changed." in dry
    record = cast("Row", terminal.run("job", "remove", child, "--yes", "--json").json)
    assert record["parent"] == {"queue": "invoices", "id": parent}
    assert terminal.counts("invoices") == {"waiting": 1}
    assert "its parent" not in terminal.run("job", "remove", parent, "--dry-run").out


def test_a_dry_run_of_a_removal_refuses_what_the_removal_refuses(terminal: Terminal) -> None:
    async def make(client: JobClient) -> tuple[str, str]:
        schedule = await terminal.mail.trigger_recurring("ada", "0 9 * * *", schedule_id="daily", client=client)
        fires = await schedule.next_run()
        assert fires is not None
        flow = await terminal.mail.trigger_flow("root", [terminal.invoice.node("a")], client=client)
        (child,) = flow.children
        queue = client.queue("invoices")
        await queue.ask("SET", f"{queue.toKey(child.id)}:lock", "a worker's token")
        await flow.cancel()
        return f"repeat:daily:{round(fires.timestamp() * 1000)}", flow.id

    run, parent = terminal.with_client(make)
    for how in ("--dry-run", "--yes"):
        assert "next run of schedule 'daily': remove" in terminal.run("job", "remove", run, how).refused
        assert "it is failed. A child of it is running." in terminal.run("job", "remove", parent, how).refused
    assert terminal.counts() == {"delayed": 1, "failed": 1}


def test_an_unknown_job_is_one_line_with_those_that_are_near(terminal: Terminal) -> None:
    (job_id,) = terminal.add(terminal.mail, "ada")
    assert (
        f"No job {job_id[:9]} in any queue: did you mean {job_id}?" in terminal.run("job", "show", job_id[:9]).refused
    )
    assert "or ended and was trimmed" in terminal.run("job", "retry", "zzz").refused
    assert "No job meta in any queue" in terminal.run("job", "remove", "meta", "--yes").refused


def test_schedules_are_listed_run_and_removed(terminal: Terminal) -> None:
    async def schedule(client: JobClient) -> None:
        await terminal.mail.trigger_recurring(
            "ada", "0 9 * * *", tz="Europe/Stockholm", schedule_id="daily", client=client
        )
        await terminal.invoice.trigger_recurring("eve", every="15m", schedule_id="sync", client=client)

    assert "No schedules" in terminal.run("schedules", "list").out
    terminal.with_client(schedule)
    listed = terminal.run("schedules", "list").out
    assert "0 9 * * * Europe/Stockholm" in listed
    assert "every 15m" in listed
    assert [line.split()[-1] for line in listed.splitlines()[2:]] == ["0", "0"], "none has run yet"
    ran = cast("Row", terminal.run("schedules", "run", "daily", "--json").json)
    assert (ran["queue"], terminal.counts()) == ("emails", {"waiting": 1, "delayed": 1})
    assert "Did you mean daily?" in terminal.run("schedules", "run", "dialy").refused
    assert "Add --yes" in terminal.run("schedules", "remove", "daily").refused
    assert "Nothing was changed" in terminal.run("schedules", "remove", "daily", "--dry-run").out
    assert terminal.run("schedules", "remove", "daily", "-y").out == "Removed schedule daily of queue emails.\n"
    assert terminal.counts() == {"waiting": 1}


def test_without_workers_it_says_how_to_start_one(terminal: Terminal) -> None:
    terminal.add(terminal.mail, "ada")
    assert "midday-worker run" in terminal.run("workers").out
    assert terminal.run("workers", "--json").json == {"processes": [], "connections": {"emails": []}}


def test_the_doctor_needs_no_jobs_but_looks_for_handlers_with_them(terminal: Terminal) -> None:
    terminal.add(terminal.mail, "ada", delay="1h")
    seen = terminal.run("doctor")
    assert seen.code == 0
    assert "ok   eviction policy: noeviction" in seen.out
    assert "note handlers: not looked for" in seen.out
    with_jobs = terminal.run("doctor", "--import", "tests.integration.cli.other_jobs", "--json")
    assert with_jobs.code == 1
    assert "'send-mail', which is not defined here ('send-mails' is)" in with_jobs.out


def test_the_doctor_misses_no_handler_of_a_job_that_is_run_elsewhere(terminal: Terminal) -> None:
    terminal.add(terminal.mail, "ada", delay="1h")
    seen = terminal.run("doctor", "--import", "tests.integration.cli.declared_jobs")
    assert seen.code == 0
    assert "handlers" not in seen.out


def test_redis_that_is_away_is_one_line(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    for arguments in (("queues", "--once"), ("failed",), ("doctor",), ("job", "show", "a"), ("workers",)):
        assert "Redis is not reachable" in terminal.run(*arguments).refused


@pytest.mark.parametrize("group", ["queue", "job", "schedules"])
def test_a_group_without_a_command_shows_its_help(terminal: Terminal, group: str) -> None:
    written = terminal.run(group)
    assert f"Usage: midday-worker {group}" in written.out + written.err
