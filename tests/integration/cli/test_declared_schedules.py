"""`schedules diff` and `schedules sync`."""

from __future__ import annotations

import pytest

from midday_worker import JobClient, JobRegistry, every, job
from midday_worker.workers.schedule_sync import ScheduleSync
from tests.integration.cli.terminal import Terminal

IMPORT = ("--import", "tests.integration.cli.scheduled_jobs")


def ids(terminal: Terminal) -> set[str]:
    async def act(client: JobClient) -> set[str]:
        return {schedule.id for schedule in await client.schedules("syncs")}

    return terminal.with_client(act)


def test_what_is_different_is_shown_and_then_brought_there(terminal: Terminal) -> None:
    shown = terminal.run("schedules", "diff", *IMPORT)
    assert (shown.code, shown.err) == (0, "Nothing was changed.\n")
    assert shown.out.splitlines()[-1].split()[:3] == ["add", "sync", "syncs"]
    assert terminal.run("schedules", "sync", *IMPORT, "--dry-run").out == shown.out
    assert ids(terminal) == set()

    assert terminal.run("schedules", "sync", *IMPORT, "--json").json == [
        {"act": "add", "queue": "syncs", "id": "sync", "why": "job sync declares it", "gone_ms": None, "done": True}
    ]
    assert ids(terminal) == {"sync"}
    assert terminal.run("schedules", "diff", *IMPORT).out == "The schedules are as the jobs declare them.\n"


def test_a_removal_is_asked_for_and_what_is_somebody_elses_is_refused(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_NAME", "billing")
    monkeypatch.setenv("SCHEDULES_GRACE", "0")
    before = JobRegistry()
    job("older", None, queue="syncs", schedule=every("1h"), registry=before)

    async def of_before(client: JobClient) -> None:
        settings = terminal.settings.model_copy(update={"service_name": "billing"})
        await ScheduleSync(before, settings, client).reconcile()

    terminal.with_client(of_before)
    refused = terminal.run("schedules", "sync", *IMPORT).refused
    assert "This would remove 1 schedule. Add --yes to do it" in refused
    assert ids(terminal) == {"older"}
    assert terminal.run("schedules", "sync", *IMPORT, "--yes").code == 0
    assert ids(terminal) == {"sync"}

    monkeypatch.setenv("SERVICE_NAME", "mailing")
    shown = terminal.run("schedules", "diff", *IMPORT)
    assert shown.code == 1
    assert "is of service billing" in " ".join(shown.out.split())


def test_without_jobs_nothing_is_compared(terminal: Terminal) -> None:
    assert "name the package that defines them with --import" in terminal.run("schedules", "sync").refused
