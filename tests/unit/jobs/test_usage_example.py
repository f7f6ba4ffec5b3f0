"""The usage example and the README's code: what they show works."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
import types
from collections.abc import AsyncIterator, Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

import midday_worker.jobs.onboarding
from midday_worker import QueueRegistry, default_registry
from midday_worker.jobs import (
    OnboardingEmail,
    OnboardTeam,
    Timing,
    onboard_team_job,
    trial_expiring_email_job,
)
from midday_worker.jobs.mail import MailSettings
from midday_worker.jobs.onboarding import usage_example
from midday_worker.jobs.onboarding.sequence import STANDARD, VIP
from midday_worker.testing import RecordingClient, recording_client
from tests.unit.jobs.people import a_team, a_user

README = Path(inspect.getfile(midday_worker.jobs.onboarding)).with_name("README.md")
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


@pytest.fixture
async def client() -> AsyncIterator[RecordingClient]:
    async with recording_client() as recording:
        yield recording


async def test_starting_a_sequence(client: RecordingClient) -> None:
    """For one user, and for many at once."""
    await usage_example.onboard("user_123")
    await usage_example.onboard_many(["user_1", "user_2"])
    users = [record.payload for record in client.triggered(onboard_team_job)]
    assert users == [OnboardTeam(user_id=name) for name in ("user_123", "user_1", "user_2")]


async def test_starting_a_sequence_with_another_timing(client: RecordingClient) -> None:
    """Chosen, or scaled."""
    await usage_example.onboard_with_own_timing("user_123")
    await usage_example.onboard_in_seconds("user_123")
    own, scaled = [record.payload.timing for record in client.triggered(onboard_team_job)]
    assert own == Timing(get_started="12h", trial_expiring="25d", trial_ended="30d")
    assert scaled == Timing(get_started="3s", trial_expiring="14s", trial_ended="30s")


async def test_choosing_a_variant_and_a_single_step(client: RecordingClient) -> None:
    """Past the A/B test, and past the orchestrator."""
    await usage_example.onboard_in_variant("user_123", "b")
    await usage_example.remind_now("user_123")
    client.assert_triggered(onboard_team_job, OnboardTeam(user_id="user_123", variant="b"), times=1)
    client.assert_triggered(trial_expiring_email_job, OnboardingEmail(user_id="user_123"), times=1, delay=0)


async def test_executing_a_step_with_a_plain_fake(db: AsyncSession, written: Callable[[], list[EmailMessage]]) -> None:
    """Without Redis, against any session."""
    db.add(a_user(a_team()))
    await db.flush()
    result = await usage_example.execute_step(trial_expiring_email_job, "user_123", db)
    assert result.status == "sent"
    assert len(written()) == 1


async def test_the_preview_writes_all_four_emails_and_names_them(
    written: Callable[[], list[EmailMessage]], capsys: pytest.CaptureFixture[str]
) -> None:
    """`python -m midday_worker.jobs.onboarding.usage_example`."""
    await usage_example.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": sent ")[0] for line in lines] == [email_job.id for email_job in usage_example.EMAIL_JOBS]
    assert {message["Message-ID"] for message in written()} == {line.split()[-1] for line in lines}


@pytest.mark.process
def test_the_preview_is_a_command(mail_directory: Path) -> None:
    """As the README types it."""
    command = [sys.executable, "-m", "midday_worker.jobs.onboarding.usage_example"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert shown.stdout.count(": sent <") == 4
    assert len(list(mail_directory.glob("*.eml"))) == 4


async def test_the_plain_fake_is_all_that_a_job_needs(client: RecordingClient, db: AsyncSession) -> None:
    """The orchestrator stores its progress on it."""
    db.add(a_user())
    await db.flush()
    job = usage_example.PreviewJob("preview", {"userId": "user_123"})
    await onboard_team_job.execute(job, db)
    assert job.progress == 100
    assert len(client.recorded) == 4


@pytest.mark.parametrize("code", BLOCKS, ids=lambda code: str(code).strip().splitlines()[-1][:50])
async def test_the_readmes_python_runs(
    client: RecordingClient, db: AsyncSession, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """Each block by itself; a test that it defines is run too."""
    monkeypatch.setattr("midday_worker.queues.default_queues", QueueRegistry())
    names: dict[str, object] = {}
    compiled = compile(code, str(README), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    outcome = types.FunctionType(compiled, names)()
    if inspect.isawaitable(outcome):
        await outcome
    for name, value in names.items():
        if name.startswith("test_") and inspect.iscoroutinefunction(value):
            await value(db)


def test_the_readme_lists_every_mail_setting_with_its_default() -> None:
    """The table is held to the settings."""
    table = dict(re.findall(r"^\| (`[A-Z].*?`) \| (.*?) \|", README.read_text(), re.MULTILINE))
    rows = {name: default for names, default in table.items() for name in re.findall(r"`(\w+)`", names)}
    fields = MailSettings.model_fields
    assert set(rows) == {str(field.validation_alias or f"MAIL_{name.upper()}") for name, field in fields.items()}
    for name, field in fields.items():
        shown = rows[str(field.validation_alias or f"MAIL_{name.upper()}")].strip("` ")
        if isinstance(field.default, str | Path):
            assert shown == str(field.default)


def test_the_readme_lists_every_email_with_its_delays_and_tries() -> None:
    """The table is held to the jobs."""
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*?) \| (.*?) \| .*? \| (\d+),", README.read_text(), re.MULTILINE)
    jobs = [email_job.id for email_job in usage_example.EMAIL_JOBS]
    assert [row[0] for row in rows] == jobs
    assert [int(row[3]) for row in rows] == [email_job.options.attempts for email_job in usage_example.EMAIL_JOBS]
    for column, timing in ((1, STANDARD), (2, VIP)):
        days = [0 if row[column] == "at once" else int(row[column].split()[0]) for row in rows]
        assert [delay for _, delay in timing] == [day * 86_400_000 for day in days]


def test_loading_the_package_registers_the_six_jobs_and_starts_nothing() -> None:
    """What `midday-worker run --import midday_worker.jobs` does."""
    default_registry.load("midday_worker.jobs")
    ours = {definition.id for definition in default_registry if "/midday_worker/jobs/" in definition.defined_at}
    assert ours == {"team-invite", "onboard-team", *(email_job.id for email_job in usage_example.EMAIL_JOBS)}
